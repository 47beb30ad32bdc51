//! Attributes of `ackone_alb_gateway`, with the text that users read. Defaults named there are the controller's.
//!
//! Facts: ALB Ingress configuration dictionary (AlbConfig fields, values, which are creation-only) and the ALB product
//! documentation (TLS policies, timers).

use std::time::Duration;

use super::rules;
use crate::framework::resource::timeouts_attribute;
use crate::framework::schema::{Attribute, IdentityAttribute, IdentitySchema, Nesting, OnUpdate, Schema};
use crate::framework::types::Type;
use crate::framework::value::Value;
use crate::resources::kubernetes_attributes as shared;

/// Default of `timeouts.create` and `timeouts.update`.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_mins(10);
/// Default of `timeouts.delete`: the load balancer is dismantled first.
pub(crate) const DELETE_TIMEOUT: Duration = Duration::from_mins(15);

pub(crate) fn schema() -> Schema {
    Schema::new(
        "An ALB multi-cluster gateway of an ACK One Fleet: one load balancer, described by an AlbConfig in the Fleet, and by \
         default the IngressClass through which Ingresses use it. Traffic goes to Pods in all member clusters named in \
         `remote_clusters`.",
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
                description: "The Fleet that holds the gateway.",
            },
            IdentityAttribute { name: "name", required_for_import: true, description: "Name of the AlbConfig." },
        ],
    }
}

fn attributes() -> Vec<Attribute> {
    let mut attributes = vec![
        shared::id("The name of the AlbConfig."),
        shared::fleet_id(),
        Attribute::string("name", "Name of the AlbConfig, a DNS name that does not start with `aliyun`.")
            .required()
            .replaces()
            .check(shared::subdomain_name("Gateway")),
        Attribute::value(
            "remote_clusters",
            Type::set(Type::String),
            "IDs of the member clusters that receive traffic. They must be associated with the Fleet; take them from \
             `ackone_fleet_cluster_association.*.cluster_id` so that members are detached only after the gateway let go of \
             them. A multi-cluster gateway has at least two.",
        )
        .required()
        .check(rules::some_clusters)
        .check_each(rules::cluster_id),
    ];
    attributes.extend(load_balancer());
    attributes.push(listeners());
    attributes.push(
        Attribute::value(
            "tags",
            Type::map(Type::String),
            "Tags of the load balancer. They replace all tags that the AlbConfig lists. Keys must not start with `aliyun` \
             or `acs:`.",
        )
        .check(rules::tags),
    );
    attributes.extend([
        shared::labels("AlbConfig"),
        shared::annotations("AlbConfig"),
        Attribute::bool(
            "manage_ingress_class",
            "Whether the IngressClass that leads to this gateway belongs to this resource. Default `true`.",
        )
        .default_value(Value::Bool(true)),
        Attribute::string(
            "ingress_class_name",
            "Name of the IngressClass, for `ingress_class_name` of Ingresses. Default: `name`. A changed name creates the \
             new class; the old one is deleted by this apply or a later one, once no Ingress uses it.",
        )
        .optional_computed()
        .on_update(OnUpdate::Hold)
        .check(shared::subdomain_name("Ingress Class")),
        shared::wait("the controller has reconciled the load balancer"),
        shared::on_wait_timeout(),
        Attribute::bool(
            "ignore_users",
            "Whether a delete goes on although Ingresses still use the gateway; they then keep a dead address. Without it \
             the delete waits 30 seconds for them to go and then names them in an error. Default `false`.",
        )
        .default_value(Value::Bool(false))
        .local(),
        shared::cross_checks("the gateway is compared with the Ingresses that use it"),
        shared::adopt("an AlbConfig or IngressClass"),
        timeouts_attribute(WRITE_TIMEOUT, WRITE_TIMEOUT, DELETE_TIMEOUT),
    ]);
    attributes.extend(computed());
    attributes
}

fn load_balancer() -> Vec<Attribute> {
    vec![
        Attribute::string(
            "load_balancer_name",
            "Display name of the load balancer: 2 to 128 characters, starting with a letter; letters, digits, `.`, `_`, `-`. \
             Default: made by the controller from the names of cluster and AlbConfig.",
        )
        .check(rules::load_balancer_name),
        Attribute::string(
            "address_type",
            "`Internet` or `Intranet`: whether the gateway has public addresses. Default `Internet`. Creation-only: a \
             changed value replaces the load balancer, and its DNS name changes.",
        )
        .may_replace()
        .check(shared::one_of("Invalid Address Type", &["Internet", "Intranet"])),
        Attribute::string(
            "address_allocated_mode",
            "`Fixed` (a fixed address for each zone) or `Dynamic`. Default `Dynamic`; newer regions sell only `Fixed`. \
             Creation-only: a changed value replaces the load balancer.",
        )
        .may_replace()
        .check(shared::one_of("Invalid Address Mode", &["Fixed", "Dynamic"])),
        Attribute::string(
            "address_ip_version",
            "`IPv4` or `DualStack`, which needs IPv6 on every vSwitch. Default `IPv4`. Creation-only: a changed value \
             replaces the load balancer.",
        )
        .may_replace()
        .check(shared::one_of("Invalid Address Version", &["IPv4", "DualStack"])),
        Attribute::string(
            "edition",
            "`Standard` or `StandardWithWaf` (with the web application firewall). Default `Standard`.",
        )
        .check(shared::one_of("Invalid Edition", &["Standard", "StandardWithWaf"])),
        Attribute::nested(
            "zone_mappings",
            Nesting::List,
            vec![
                Attribute::string("vswitch_id", "vSwitch of the Fleet's VPC.").required().check(rules::vswitch_id),
                Attribute::string(
                    "zone_id",
                    "Zone of the vSwitch, such as `cn-hangzhou-h`. The controller finds it out by itself; when given it \
                     must be right.",
                ),
                Attribute::string("allocation_id", "Elastic IP address (`eip-…`) for the gateway's address in this zone.")
                    .check(rules::allocation_id),
            ],
            "vSwitches of the gateway, each in a zone of its own; two or more in most regions. Their order does not matter. \
             Creation-only: a changed set replaces the load balancer.",
        )
        .required()
        .may_replace()
        .same_if(rules::same_zone_mappings)
        .check(rules::zone_mappings),
    ]
}

fn listeners() -> Attribute {
    let timer = |name: &'static str, text: &'static str| Attribute::number(name, text).check(rules::timer(name));
    Attribute::nested(
        "listeners",
        Nesting::Map,
        vec![
            Attribute::string("description", "Description. Default `ingress-auto-listener-<port>`.")
                .check(rules::listener_description),
            timer(
                "idle_timeout",
                "Seconds without traffic after which a client connection is closed, 1 to 600, more with a raised quota. Long \
                 idle gRPC streams need keep-alive pings or a larger value. Default: the cloud's, 15 or 60 by product \
                 generation.",
            ),
            timer(
                "request_timeout",
                "Seconds to the first byte of an answer, 1 to 600, more with a raised quota; then clients see 504. Default \
                 60.",
            ),
            Attribute::bool("gzip_enabled", "Whether answers are compressed. Default `true`."),
            Attribute::bool(
                "http2_enabled",
                "Whether clients may speak HTTP/2, which gRPC needs. HTTPS only. Default `true`; leave it out, because the \
                 open-source controller takes any written value for `false`.",
            ),
            Attribute::string(
                "security_policy_id",
                "TLS versions and ciphers: `tls_cipher_policy_1_0`, `tls_cipher_policy_1_1`, `tls_cipher_policy_1_2`, \
                 `tls_cipher_policy_1_2_strict`, `tls_cipher_policy_1_2_strict_with_1_3`, or the ID of a custom policy. \
                 HTTPS only. Default `tls_cipher_policy_1_0`.",
            )
            .check(rules::security_policy),
            Attribute::nested(
                "certificates",
                Nesting::List,
                vec![
                    Attribute::string(
                        "certificate_id",
                        "Identifier in the certificate service, such as `1234567-cn-hangzhou`.",
                    )
                    .required()
                    .check(rules::certificate_id),
                    Attribute::bool(
                        "default",
                        "Whether it is served to clients whose server name fits no other. At most one; default: the first.",
                    ),
                ],
                "Server certificates of an HTTPS or QUIC listener, from the certificate service. Leave them out when \
                 Ingresses bring the certificate in a Secret: then `ready` is null, since the listener comes to life only \
                 with the first such Ingress.",
            )
            .same_if(rules::same_certificates)
            .check(rules::certificates),
        ],
        "Listeners by port and protocol: `\"443/HTTPS\" = {}`. Protocols: `HTTP`, `HTTPS`, `QUIC`. gRPC needs HTTPS. A port \
         carries one protocol, except that HTTPS and QUIC may share it. Listeners added by others stay and show in \
         `foreign_listeners`.",
    )
    .required()
    .check(rules::listener_keys)
}

fn computed() -> Vec<Attribute> {
    vec![
        Attribute::string("load_balancer_id", "ID of the load balancer, `alb-…`. Null until the controller publishes it.")
            .computed(),
        Attribute::string(
            "dns_name",
            "DNS name of the load balancer. Null until the controller publishes it: with an HTTPS listener without \
             certificates of its own that is after the first Ingress. Use the Ingress's `address` for outputs and DNS \
             records.",
        )
        .computed(),
        Attribute::nested(
            "listener_status",
            Nesting::List,
            vec![
                Attribute::string("listener", "`<port>/<PROTOCOL>`.").computed(),
                Attribute::value(
                    "certificate_ids",
                    Type::list(Type::String),
                    "Certificates in use, the default one first.",
                )
                .computed(),
            ],
            "Listeners with certificates as the controller published them last.",
        )
        .computed()
        .on_update(OnUpdate::Recompute),
        Attribute::value(
            "foreign_listeners",
            Type::list(Type::String),
            "Listeners in the AlbConfig that this configuration does not declare, as `<port>/<PROTOCOL>`. The open-source \
             controller adds such for Ingresses. They are left alone.",
        )
        .computed()
        .on_update(OnUpdate::Hold),
        Attribute::value(
            "foreign_zone_mappings",
            Type::list(Type::String),
            "vSwitches in the AlbConfig that this configuration does not declare. They are left alone.",
        )
        .computed()
        .on_update(OnUpdate::Hold),
        shared::ready("the controller has reconciled the gateway after our last write"),
        shared::reason(),
        shared::effective_labels().on_update(OnUpdate::Hold),
        shared::effective_annotations().on_update(OnUpdate::Hold),
    ]
}
