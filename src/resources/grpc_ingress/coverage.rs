//! Which field and annotation of an Ingress has which attribute.
//!
//! The table of all fields that the controller's documentation has is `testdata/fields.tsv`; a test holds this list against
//! it. Nothing here runs in a plan.

use crate::resources::coverage::{Coverage, Field, Handled};

const BEFORE_ALB_CONFIG: &str =
    "A setting of the load balancer from before there were AlbConfigs; it has no effect now. The gateway has it.";

const fn typed(name: &'static str, attribute: &'static str) -> Field {
    Field { name, handled: Handled::Typed(attribute) }
}

const fn passed(name: &'static str) -> Field {
    Field { name, handled: Handled::PassedThrough("extra_annotations") }
}

const fn left_out(name: &'static str, why: &'static str) -> Field {
    Field { name, handled: Handled::LeftOut(why) }
}

/// Fields of an Ingress.
pub(crate) const COVERAGE: Coverage = Coverage { object: "Ingress", resource: "ackone_grpc_ingress", fields: FIELDS };

const FIELDS: &[Field] = &[
    typed("metadata.name", "name"),
    typed("metadata.namespace", "namespace"),
    typed("metadata.labels", "labels"),
    typed("metadata.annotations", "annotations"),
    typed("spec.ingressClassName", "ingress_class_name"),
    typed("spec.rules[].host", "rules.host"),
    typed("spec.rules[].http.paths[].path", "rules.paths.path"),
    typed("spec.rules[].http.paths[].pathType", "rules.paths.path_type"),
    typed("spec.rules[].http.paths[].backend.service.name", "rules.paths.service_name"),
    typed("spec.rules[].http.paths[].backend.service.port.number", "rules.paths.service_port"),
    typed("spec.rules[].http.paths[].backend.service.port.name", "rules.paths.service_port"),
    typed("spec.tls[].hosts", "tls.hosts"),
    typed("spec.tls[].secretName", "tls.secret_name"),
    left_out("spec.defaultBackend", "Controllers accept it and route nothing to it; a live one is a warning."),
    left_out("spec.rules[].http.paths[].backend.resource", "Controllers route to Services only."),
    typed("status.loadBalancer.ingress[].hostname", "address"),
    left_out("metadata.finalizers", "Written by old controllers only, and theirs to remove."),
    left_out("metadata.labels[alb.ingress.kubernetes.io/hash]", "The controller writes it; it is never drift."),
    left_out("kubernetes.io/ingress.class", "The API refuses it beside `ingress_class_name`."),
    typed("alb.ingress.kubernetes.io/backend-protocol", "backend_protocol"),
    typed("alb.ingress.kubernetes.io/listen-ports", "listen_ports"),
    typed("alb.ingress.kubernetes.io/ssl-redirect", "ssl_redirect"),
    typed("alb.ingress.kubernetes.io/use-regex", "use_regex"),
    typed("alb.ingress.kubernetes.io/rewrite-target", "rewrite_target"),
    typed("alb.ingress.kubernetes.io/order", "order"),
    typed("alb.ingress.kubernetes.io/backend-scheduler", "load_balancing.scheduler"),
    typed("alb.ingress.kubernetes.io/backend-scheduler-uch-value", "load_balancing.uch_value"),
    typed("alb.ingress.kubernetes.io/sticky-session", "load_balancing.sticky_session.enabled"),
    typed("alb.ingress.kubernetes.io/sticky-session-type", "load_balancing.sticky_session.type"),
    typed("alb.ingress.kubernetes.io/cookie-timeout", "load_balancing.sticky_session.cookie_timeout"),
    typed("alb.ingress.kubernetes.io/cookie", "load_balancing.sticky_session.cookie"),
    typed("alb.ingress.kubernetes.io/backend-keepalive", "load_balancing.backend_keepalive"),
    typed("alb.ingress.kubernetes.io/slow-start-enabled", "load_balancing.slow_start.enabled"),
    typed("alb.ingress.kubernetes.io/slow-start-duration", "load_balancing.slow_start.duration"),
    typed("alb.ingress.kubernetes.io/connection-drain-enabled", "load_balancing.connection_drain.enabled"),
    typed("alb.ingress.kubernetes.io/connection-drain-timeout", "load_balancing.connection_drain.timeout"),
    typed("alb.ingress.kubernetes.io/healthcheck-enabled", "health_check.enabled"),
    typed("alb.ingress.kubernetes.io/healthcheck-protocol", "health_check.protocol"),
    typed("alb.ingress.kubernetes.io/healthcheck-path", "health_check.path"),
    typed("alb.ingress.kubernetes.io/healthcheck-method", "health_check.method"),
    typed("alb.ingress.kubernetes.io/healthcheck-httpversion", "health_check.http_version"),
    typed("alb.ingress.kubernetes.io/healthcheck-httpcode", "health_check.http_codes"),
    typed("alb.ingress.kubernetes.io/healthcheck-code", "health_check.codes"),
    typed("alb.ingress.kubernetes.io/healthcheck-timeout-seconds", "health_check.timeout"),
    typed("alb.ingress.kubernetes.io/healthcheck-interval-seconds", "health_check.interval"),
    typed("alb.ingress.kubernetes.io/healthy-threshold-count", "health_check.healthy_threshold"),
    typed("alb.ingress.kubernetes.io/unhealthy-threshold-count", "health_check.unhealthy_threshold"),
    typed("alb.ingress.kubernetes.io/healthcheck-connect-port", "health_check.connect_port"),
    typed("alb.ingress.kubernetes.io/canary", "canary"),
    typed("alb.ingress.kubernetes.io/canary-by-header", "canary.header.name"),
    typed("alb.ingress.kubernetes.io/canary-by-header-value", "canary.header.value"),
    typed("alb.ingress.kubernetes.io/canary-by-cookie", "canary.cookie"),
    typed("alb.ingress.kubernetes.io/canary-weight", "canary.weight"),
    typed("alb.ingress.kubernetes.io/enable-cors", "cors.enabled"),
    typed("alb.ingress.kubernetes.io/cors-allow-origin", "cors.allow_origins"),
    typed("alb.ingress.kubernetes.io/cors-allow-methods", "cors.allow_methods"),
    typed("alb.ingress.kubernetes.io/cors-allow-headers", "cors.allow_headers"),
    typed("alb.ingress.kubernetes.io/cors-expose-headers", "cors.expose_headers"),
    typed("alb.ingress.kubernetes.io/cors-allow-credentials", "cors.allow_credentials"),
    typed("alb.ingress.kubernetes.io/cors-max-age", "cors.max_age"),
    typed("alb.ingress.kubernetes.io/traffic-limit-qps", "rate_limit.qps"),
    typed("alb.ingress.kubernetes.io/traffic-limit-ip-qps", "rate_limit.qps_per_ip"),
    passed("alb.ingress.kubernetes.io/cross-zone switch (name unconfirmed)"),
    passed("alb.ingress.kubernetes.io/cluster-weight.<member>"),
    passed("alb.ingress.kubernetes.io/header to cluster routing (name unconfirmed)"),
    typed("alb.ingress.kubernetes.io/rule-direction.<service>", "custom_routing.direction"),
    typed("alb.ingress.kubernetes.io/conditions.<service>: Host.hostConfig.values", "custom_routing.conditions.hosts"),
    typed("alb.ingress.kubernetes.io/conditions.<service>: Path.pathConfig.values", "custom_routing.conditions.paths"),
    typed(
        "alb.ingress.kubernetes.io/conditions.<service>: Header.headerConfig.key",
        "custom_routing.conditions.header.key",
    ),
    typed(
        "alb.ingress.kubernetes.io/conditions.<service>: Header.headerConfig.values",
        "custom_routing.conditions.header.values",
    ),
    typed(
        "alb.ingress.kubernetes.io/conditions.<service>: QueryString.queryStringConfig.values[].key",
        "custom_routing.conditions.query_strings.key",
    ),
    typed(
        "alb.ingress.kubernetes.io/conditions.<service>: QueryString.queryStringConfig.values[].value",
        "custom_routing.conditions.query_strings.value",
    ),
    typed(
        "alb.ingress.kubernetes.io/conditions.<service>: Method.methodConfig.values",
        "custom_routing.conditions.methods",
    ),
    typed(
        "alb.ingress.kubernetes.io/conditions.<service>: Cookie.cookieConfig.values[].key",
        "custom_routing.conditions.cookies.key",
    ),
    typed(
        "alb.ingress.kubernetes.io/conditions.<service>: Cookie.cookieConfig.values[].value",
        "custom_routing.conditions.cookies.value",
    ),
    typed(
        "alb.ingress.kubernetes.io/conditions.<service>: SourceIp.sourceIpConfig.values",
        "custom_routing.conditions.source_ips",
    ),
    typed(
        "alb.ingress.kubernetes.io/conditions.<service>: ResponseStatusCode.responseStatusCodeConfig.values",
        "custom_routing.conditions.response_status_codes",
    ),
    typed(
        "alb.ingress.kubernetes.io/conditions.<service>: ResponseHeader.responseHeaderConfig.key",
        "custom_routing.conditions.response_header.key",
    ),
    typed(
        "alb.ingress.kubernetes.io/conditions.<service>: ResponseHeader.responseHeaderConfig.values",
        "custom_routing.conditions.response_header.values",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: ForwardGroup.forwardConfig.serverGroups[].serviceName",
        "custom_routing.actions.forward_group.server_groups.service_name",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: ForwardGroup.forwardConfig.serverGroups[].servicePort",
        "custom_routing.actions.forward_group.server_groups.service_port",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: ForwardGroup.forwardConfig.serverGroups[].serverGroupID",
        "custom_routing.actions.forward_group.server_groups.server_group_id",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: ForwardGroup.forwardConfig.serverGroups[].weight",
        "custom_routing.actions.forward_group.server_groups.weight",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: ForwardGroup.forwardConfig.ServerGroupStickySession.Enabled",
        "custom_routing.actions.forward_group.sticky_session.enabled",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: ForwardGroup.forwardConfig.ServerGroupStickySession.Timeout",
        "custom_routing.actions.forward_group.sticky_session.timeout",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: Redirect.redirectConfig.host",
        "custom_routing.actions.redirect.host",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: Redirect.redirectConfig.path",
        "custom_routing.actions.redirect.path",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: Redirect.redirectConfig.port",
        "custom_routing.actions.redirect.port",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: Redirect.redirectConfig.protocol",
        "custom_routing.actions.redirect.protocol",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: Redirect.redirectConfig.query",
        "custom_routing.actions.redirect.query",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: Redirect.redirectConfig.httpCode",
        "custom_routing.actions.redirect.http_code",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: FixedResponse.fixedResponseConfig.contentType",
        "custom_routing.actions.fixed_response.content_type",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: FixedResponse.fixedResponseConfig.content",
        "custom_routing.actions.fixed_response.content",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: FixedResponse.fixedResponseConfig.httpCode",
        "custom_routing.actions.fixed_response.http_code",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: Rewrite.rewriteConfig.host",
        "custom_routing.actions.rewrite.host",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: Rewrite.rewriteConfig.path",
        "custom_routing.actions.rewrite.path",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: Rewrite.rewriteConfig.query",
        "custom_routing.actions.rewrite.query",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: InsertHeader.insertHeaderConfig.key",
        "custom_routing.actions.insert_header.key",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: InsertHeader.insertHeaderConfig.value",
        "custom_routing.actions.insert_header.value",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: InsertHeader.insertHeaderConfig.valueType",
        "custom_routing.actions.insert_header.value_type",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: InsertHeader.insertHeaderConfig.coverEnabled",
        "custom_routing.actions.insert_header.cover_enabled",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: RemoveHeader.removeHeaderConfig.key",
        "custom_routing.actions.remove_header.key",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: TrafficMirror.trafficMirrorConfig.targetType",
        "custom_routing.actions.traffic_mirror",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: TrafficMirror.trafficMirrorConfig.mirrorGroupConfig.serverGroupTuples[].serverGroupID",
        "custom_routing.actions.traffic_mirror.server_group_ids",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: TrafficLimit.trafficLimitConfig.QPS",
        "custom_routing.actions.traffic_limit.qps",
    ),
    typed(
        "alb.ingress.kubernetes.io/actions.<service>: TrafficLimit.trafficLimitConfig.QPSPerIp",
        "custom_routing.actions.traffic_limit.qps_per_ip",
    ),
    left_out(
        "service.beta.kubernetes.io/backend-type (of the Service)",
        "An annotation of the members' Services, which this resource does not write.",
    ),
    left_out(
        "alb.ingress.kubernetes.io/server-group-id (of the Service)",
        "An annotation of the members' Services, which this resource does not write; on an Ingress it has no effect.",
    ),
    left_out(
        "alpha.service-controller.kubernetes.io/exclude-alb (of the Node)",
        "A label of the members' Nodes, which this resource does not write.",
    ),
    left_out("alb.ingress.kubernetes.io/albconfig.order", "Another name of `order`."),
    left_out(
        "nginx.ingress.kubernetes.io/canary",
        "Another name of the annotation of ALB; the attribute writes that one.",
    ),
    left_out(
        "nginx.ingress.kubernetes.io/canary-by-header",
        "Another name of the annotation of ALB; the attribute writes that one.",
    ),
    left_out(
        "nginx.ingress.kubernetes.io/canary-by-header-value",
        "Another name of the annotation of ALB; the attribute writes that one.",
    ),
    left_out(
        "nginx.ingress.kubernetes.io/canary-by-cookie",
        "Another name of the annotation of ALB; the attribute writes that one.",
    ),
    left_out(
        "nginx.ingress.kubernetes.io/canary-weight",
        "Another name of the annotation of ALB; the attribute writes that one.",
    ),
    left_out(
        "nginx.ingress.kubernetes.io/ssl-redirect",
        "Another name of the annotation of ALB; the attribute writes that one.",
    ),
    left_out("alb.ingress.kubernetes.io/address-type", BEFORE_ALB_CONFIG),
    left_out("alb.ingress.kubernetes.io/address-allocated-mode", BEFORE_ALB_CONFIG),
    left_out("alb.ingress.kubernetes.io/vswitch-ids", BEFORE_ALB_CONFIG),
    left_out("alb.ingress.kubernetes.io/charge-type", BEFORE_ALB_CONFIG),
    left_out("alb.ingress.kubernetes.io/id", BEFORE_ALB_CONFIG),
    left_out("alb.ingress.kubernetes.io/name", BEFORE_ALB_CONFIG),
    left_out("alb.ingress.kubernetes.io/edition", BEFORE_ALB_CONFIG),
    left_out("alb.ingress.kubernetes.io/access-log", BEFORE_ALB_CONFIG),
    left_out("alb.ingress.kubernetes.io/force-override-listeners", BEFORE_ALB_CONFIG),
    left_out("alb.ingress.kubernetes.io/backend-label", BEFORE_ALB_CONFIG),
    left_out("alb.ingress.kubernetes.io/remove-unscheduled-backend", BEFORE_ALB_CONFIG),
    left_out(
        "alb.ingress.kubernetes.io/albconfig.name",
        "Controllers do not follow it reliably; `ingress_class_name` chooses the gateway.",
    ),
    left_out(
        "alb.ingress.kubernetes.io/remote-clusters",
        "It works on an AlbConfig only: `remote_clusters` of the gateway.",
    ),
];
