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
        .check(shared::subdomain_name("Ingress Class")),
        Attribute::value(
            "listen_ports",
            Type::set(Type::String),
            "Listeners of the gateway that carry this Ingress, such as `[\"443/HTTPS\"]`. gRPC needs HTTPS.",
        )
        .required()
        .check(rules::listen_ports),
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
                .check(shared::subdomain_name("Secret")),
            ],
            "Certificates for the hosts. At least one: gRPC is served over TLS only.",
        )
        .required()
        .check(rules::some_tls),
        Attribute::nested(
            "canary",
            Nesting::Single,
            vec![
                Attribute::number(
                    "weight",
                    "Percentage of requests that go to this Ingress's backend, 0 to 100. The rest goes to the Ingress with \
                     the same host and path that is no canary.",
                )
                .required()
                .check(rules::weight),
            ],
            "Makes this Ingress the canary of another one with the same hosts and paths.",
        ),
        shared::labels("Ingress"),
        shared::annotations("Ingress").check(rules::annotations),
        shared::wait("the controller has reconciled the Ingress after our write"),
        shared::on_wait_timeout(),
        shared::cross_checks("the Ingress is compared with its gateway, other Ingresses and Secrets"),
        shared::adopt("an Ingress"),
        timeouts_attribute(WRITE_TIMEOUT, WRITE_TIMEOUT, DELETE_TIMEOUT),
        Attribute::string(
            "backend_protocol",
            "Protocol towards the Pods: `grpc`, that is clear-text HTTP/2. Anything else is drift.",
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
                    .default_value(Value::string("/"))
                    .check(rules::path),
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
                    Attribute::number("service_port", "Port of the Service, 1 to 65535.").required().check(rules::port),
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
