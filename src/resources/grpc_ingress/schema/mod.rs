//! Attributes of `ackone_grpc_ingress`, with the text that users read. Defaults named there are the controller's.
//!
//! Facts: ALB Ingress configuration dictionary (annotations, listen ports, canary) and the Kubernetes Ingress API (rules,
//! path types, tls).

use std::time::Duration;

use super::rules;
use crate::framework::resource::timeouts_attribute;
use crate::framework::schema::{Attribute, IdentityAttribute, IdentitySchema, Nesting, OnUpdate, Schema};
use crate::framework::types::Type;
use crate::framework::value::Value;
use crate::resources::kubernetes_attributes as shared;

mod routing;
mod settings;

/// Default of `timeouts.create` and `timeouts.update`.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_mins(10);
/// Default of `timeouts.delete`.
pub(crate) const DELETE_TIMEOUT: Duration = Duration::from_mins(5);

pub(crate) fn schema() -> Schema {
    Schema::new(
        "An Ingress that publishes a gRPC service of the member clusters through an ALB multi-cluster gateway. It lives in a \
         namespace of the Fleet; its backends are Services of the same namespace and name in every member cluster. The \
         gateway ends TLS and speaks clear-text HTTP/2 to the Pods.",
        attributes(),
    )
}

pub(crate) fn identity_schema() -> IdentitySchema {
    IdentitySchema {
        version: 0,
        attributes: vec![
            IdentityAttribute {
                name: "fleet_id",
                required_for_import: false,
                description: "The Fleet that holds the Ingress.",
            },
            IdentityAttribute { name: "namespace", required_for_import: true, description: "Namespace in the Fleet." },
            IdentityAttribute { name: "name", required_for_import: true, description: "Name of the Ingress." },
        ],
    }
}

fn attributes() -> Vec<Attribute> {
    vec![
        shared::id("`namespace/name`."),
        shared::fleet_id(),
        Attribute::string("namespace", "Namespace of the Fleet. Members need one of the same name.")
            .required()
            .replaces()
            .check(shared::label_name("Namespace")),
        Attribute::string("name", "Name of the Ingress, a DNS name that does not start with `aliyun`.")
            .required()
            .replaces()
            .check(shared::subdomain_name("Ingress")),
        Attribute::string(
            "ingress_class_name",
            "IngressClass of the gateway: `ackone_alb_gateway.*.ingress_class_name`.",
        )
        .required()
        .check(shared::untagged_name("Ingress Class")),
        Attribute::value(
            "listen_ports",
            Type::set(Type::String),
            "Listeners of the gateway that carry this Ingress, such as `[\"443/HTTPS\"]`. gRPC needs HTTPS; `80/HTTP` is taken \
             beside it with `ssl_redirect`.",
        )
        .required(),
        rules_attribute(),
        Attribute::nested(
            "tls",
            Nesting::List,
            vec![
                Attribute::value(
                    "hosts",
                    Type::set(Type::String),
                    "Hosts served with the certificate. Every host of `rules` must be listed literally; a wildcard does \
                     not cover it here.",
                )
                .check_each(rules::host),
                Attribute::string(
                    "secret_name",
                    "Secret with the certificate, in the same namespace of the Fleet. Without it the controller looks for a \
                     certificate of the account that covers the hosts.",
                )
                .check(shared::untagged_name("Secret")),
            ],
            "Certificates for the hosts. At least one: gRPC is served over TLS only.",
        )
        .required()
        .check(rules::v47_tls),
        Attribute::bool(
            "ssl_redirect",
            "Whether requests on the gateway's listener 80/HTTP are answered with a redirect (308) to port 443. The gateway needs \
             both listeners. gRPC clients do not follow redirects: this is for people and browsers that come to the host. Default \
             `false`.",
        ),
        Attribute::bool(
            "use_regex",
            "Whether paths of type `Prefix` are regular expressions (ALB's, case-sensitive). Then every path must be `Prefix`. \
             Default `false`.",
        ),
        Attribute::string(
            "rewrite_target",
            "Path that replaces the matched one, with groups such as `${1}` of the path's regular expression. Rarely useful here: \
             the path of a gRPC call is its method, and servers do not know another one. Every path must be `Prefix`, and is a \
             regular expression then.",
        ),
        Attribute::number(
            "order",
            "Place among the Ingresses of the gateway, 1 to 1000: rules of smaller ones are tried first. Default 10; equal ones go \
             by namespace and name.",
        ),
        settings::load_balancing(),
        settings::health_check(),
        settings::canary(),
        settings::cors(),
        settings::rate_limit(),
        routing::custom_routing(),
        shared::labels("Ingress"),
        shared::plain_annotations("Ingress"),
        shared::extra_annotations("Ingress"),
        shared::wait("the controller has reconciled the Ingress after our write"),
        shared::on_wait_timeout(),
        shared::cross_checks("the Ingress is compared with its gateway, other Ingresses and Secrets"),
        shared::adopt("an Ingress"),
        timeouts_attribute(WRITE_TIMEOUT, WRITE_TIMEOUT, DELETE_TIMEOUT),
        Attribute::string(
            "backend_protocol",
            "Protocol towards the Pods: `grpc`, that is clear-text HTTP/2. An Ingress that was made with another one, and imported \
             or adopted, is replaced: the controller ignores a changed protocol of a live Ingress.",
        )
        .computed()
        .on_update(OnUpdate::Hold),
        Attribute::string(
            "address",
            "DNS name under which the Ingress is published: the target of a CNAME record for the hosts.",
        )
        .computed(),
        shared::ready("the controller has reconciled the Ingress after our last write"),
        shared::reason(),
        shared::effective_labels().on_update(OnUpdate::Hold),
        shared::effective_annotations().on_update(OnUpdate::Hold),
    ]
}

fn rules_attribute() -> Attribute {
    Attribute::nested(
        "rules",
        Nesting::List,
        vec![
            Attribute::string(
                "host",
                "Host, which clients send as `:authority`; `*.example.com` covers one more label. Left out it is any host.",
            )
            .same_if(rules::same_host)
            .check(rules::host),
            Attribute::nested(
                "paths",
                Nesting::List,
                vec![
                    Attribute::string(
                        "path",
                        "Path. A gRPC call has the path `/package.Service/Method`. Default `/`.",
                    )
                    .default_value(Value::string("/")),
                    Attribute::string(
                        "path_type",
                        "`Prefix`, `Exact` (then a full method path) or `ImplementationSpecific` (ALB wildcards `*` and \
                         `?`). Default `Prefix`.",
                    )
                    .default_value(Value::string("Prefix"))
                    .check(shared::one_of("Invalid Path Type", &["Prefix", "Exact", "ImplementationSpecific"])),
                    Attribute::string("service_name", "Service in the namespace of the same name of every member.")
                        .required()
                        .check(shared::label_name("Service")),
                    Attribute::number(
                        "service_port",
                        "Port of the Service, 1 to 65535. Left out only where `custom_routing` of the Service has an action that \
                         answers (`forward_group`, `redirect` or `fixed_response`); the backend is `use-annotation` then.",
                    )
                    .check(rules::v63_service_port),
                ],
                "Paths in the order in which they are tried: the first match wins, so put `/` last.",
            )
            .required()
            .check(rules::some_paths),
        ],
        "Hosts with their paths. Order matters: the first match wins.",
    )
    .required()
    .check(rules::some_rules)
}
