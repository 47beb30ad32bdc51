//! Attributes of `ackone_alb_gateway`, with the text that users read. Defaults named there are the controller's.
//!
//! Facts: ALB Ingress configuration dictionary (AlbConfig fields, values, which are creation-only) and the ALB product
//! documentation (TLS policies, timers).

use std::time::Duration;

use super::rules::{checks, v02_names};
use super::{extra, meaning};
use crate::framework::resource::timeouts_attribute;
use crate::framework::schema::{Attribute, IdentityAttribute, IdentitySchema, Nesting, OnUpdate, Schema};
use crate::framework::types::Type;
use crate::framework::value::Value;
use crate::resources::kubernetes_attributes as shared;

mod listener;

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
            .check(v02_names("Gateway")),
        Attribute::value(
            "remote_clusters",
            Type::set(Type::String),
            "IDs of the member clusters that receive traffic. They must be associated with the Fleet; take them from \
             `ackone_fleet_cluster_association.*.cluster_id` so that members are detached only after the gateway let go of \
             them. A multi-cluster gateway has at least two.",
        )
        .required(),
    ];
    attributes.extend(load_balancer());
    attributes.push(listener::listeners());
    attributes.push(tags("the load balancer", "They replace all tags that the AlbConfig lists."));
    attributes.extend([
        shared::labels("AlbConfig"),
        shared::annotations("AlbConfig"),
        Attribute::value(
            "extra_annotations",
            Type::map(Type::String),
            "Annotations under `alb.ingress.kubernetes.io/` that have no attribute here, for a controller that knows more than \
             this provider. They are handed on unread. Keys that have an attribute, are obsolete, or are written by the \
             controller are refused; for keys that no controller is known to read there is a warning.",
        ),
        extra_spec(
            "Fields of the AlbConfig's `spec` that have no attribute, as a JSON object, best made with `jsonencode`: \
             `jsonencode({ config = { securityGroupIds = [\"sg-a\"] } })`. They are merged into `spec` and handed on unread. \
             Fields that have an attribute or are reserved, and lists that this resource writes, are refused.",
        ),
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
        .check(shared::untagged_name("Ingress Class")),
        Attribute::bool(
            "default_ingress_class",
            "Whether the Fleet gives this IngressClass to new Ingresses that name none (annotation \
             `ingressclass.kubernetes.io/is-default-class`). Counts only with `manage_ingress_class`. Default: not said.",
        ),
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

/// `extra_spec` of the gateway or of a listener.
fn extra_spec(text: &'static str) -> Attribute {
    Attribute::string("extra_spec", text).same_if(extra::same)
}

/// `tags` of the load balancer or of a listener.
fn tags(what: &str, how: &str) -> Attribute {
    Attribute::value(
        "tags",
        Type::map(Type::String),
        format!("Tags of {what}. {how} Keys must not start with `aliyun` or `acs:`."),
    )
}

fn load_balancer() -> Vec<Attribute> {
    let mut attributes = address();
    attributes.extend([
        Attribute::string(
            "edition",
            "`Standard` or `StandardWithWaf` (with the web application firewall). Default `Standard`.",
        ),
        Attribute::string(
            "resource_group_id",
            "Resource group of the load balancer (`rg-…`). Default: the account's default group; without a value the load \
             balancer is left where it is.",
        ),
        Attribute::string(
            "pay_type",
            "How the load balancer is paid for: `PostPay`, which is also the default and the only choice. Creation-only.",
        )
        .may_replace(),
        Attribute::string(
            "bandwidth_package_id",
            "Common bandwidth package (`cbwp-…`) for the addresses of an `Internet` gateway. It can be bound and not unbound: \
             a plan that removes it is refused.",
        ),
        Attribute::nested(
            "access_log",
            Nesting::Single,
            vec![
                Attribute::string("project", "Project of the Simple Log Service, 4 to 63 characters. It must exist.")
                    .required(),
                Attribute::string(
                    "store",
                    "Logstore, 2 to 64 characters, starting with `alb_`. The controller creates it.",
                )
                .required(),
            ],
            "Where requests are logged. Default: nowhere.",
        ),
        reuse(),
        zone_mappings(),
    ]);
    attributes
}

fn address() -> Vec<Attribute> {
    vec![
        Attribute::string(
            "load_balancer_name",
            "Display name of the load balancer: 2 to 128 characters, starting with a letter; letters, digits, `.`, `_`, `-`. \
             Default: made by the controller from the names of cluster and AlbConfig.",
        )
        .check(checks::load_balancer_name),
        Attribute::string(
            "address_type",
            "`Internet` or `Intranet`: whether the gateway has public addresses. Default `Internet`. Creation-only: a \
             changed value replaces the load balancer, and its DNS name changes.",
        )
        .may_replace(),
        Attribute::string(
            "address_allocated_mode",
            "`Fixed` (a fixed address for each zone) or `Dynamic`. Default `Dynamic`; newer regions sell only `Fixed`. \
             Creation-only: a changed value replaces the load balancer.",
        )
        .may_replace(),
        Attribute::string(
            "address_ip_version",
            "`IPv4` or `DualStack`, which needs IPv6 on every vSwitch. Default `IPv4`. Creation-only: a changed value \
             replaces the load balancer.",
        )
        .may_replace(),
        Attribute::string(
            "ipv6_address_type",
            "`Intranet` or `Internet`: whether the IPv6 addresses of a `DualStack` gateway are public. Default `Intranet`.",
        ),
    ]
}

fn reuse() -> Attribute {
    Attribute::nested(
        "reuse",
        Nesting::Single,
        vec![
            Attribute::string(
                "load_balancer_id",
                "Load balancer (`alb-…`) in the Fleet's VPC, not of edition `Basic`, not used by another AlbConfig. \
                 Creation-only: a changed value replaces the gateway.",
            ),
            Attribute::bool(
                "force_override",
                "Whether the controller overwrites name, tags, edition and logging of the load balancer with those written \
                 here, and takes over all its listeners. Listeners that are not declared here are then deleted. Default \
                 `false`: only listeners whose description starts with `ingress-auto-listener` are managed.",
            ),
            Attribute::bool(
                "listener_force_override",
                "Whether the controller takes over all listeners of the load balancer and leaves its other settings alone. \
                 Listeners that are not declared here are then deleted. Default `false`.",
            ),
        ],
        "A load balancer that exists already, instead of a new one. It survives the destruction of the gateway. \
         `zone_mappings` are then not needed and not read.",
    )
    .may_replace()
}

fn zone_mappings() -> Attribute {
    Attribute::nested(
        "zone_mappings",
        Nesting::List,
        vec![
            Attribute::string("vswitch_id", "vSwitch of the Fleet's VPC.").required(),
            Attribute::string(
                "zone_id",
                "Zone of the vSwitch, such as `cn-hangzhou-h`. The controller finds it out by itself; when given it must be \
                 right.",
            ),
            Attribute::string("allocation_id", "Elastic IP address (`eip-…`) for the gateway's address in this zone.")
                .check(checks::allocation_id),
        ],
        "vSwitches of the gateway, each in a zone of its own; two or more in most regions. Required unless a load balancer is \
         reused. Their order does not matter. Creation-only: a changed set replaces the load balancer.",
    )
    .may_replace()
    .same_if(meaning::same_zone_mappings)
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
