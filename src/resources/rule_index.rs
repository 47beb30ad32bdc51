//! The list of rules V01 to V80: what each checks, when, how hard, and what would happen otherwise.
//!
//! The data behind the guide "Plan-time checks"; nothing here runs in a plan. Each rule is a function whose name begins
//! with its number, and a test of the same kind; `tests/rule_index.rs` walks the sources and misses neither. Facts: ALB
//! Ingress configuration dictionary, the controller's source, and messages of the hosted controller.

use std::fmt;

/// How hard a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// It is told, and nothing is refused.
    Warning,
    /// The first part of it is refused, the second told.
    Both,
}

/// The earliest moment at which a rule can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// With the configuration alone: `terraform validate`.
    Validate,
    /// When the plan knows the values, or what was applied last.
    Plan,
    /// When the plan looks at other objects: a warning there, since the same run may mend it. What is an error is refused
    /// by the apply before its first write.
    Fleet,
    /// Never broken: what is written cannot break it.
    Always,
}

/// One rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// `V01` to `V80`.
    pub id: &'static str,
    /// How hard.
    pub severity: Severity,
    /// What it is about.
    pub subject: &'static str,
    /// When.
    pub moment: Moment,
    /// What is checked.
    pub checked: &'static str,
    /// What would happen without it.
    pub otherwise: &'static str,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Both => "error, in part warning",
        })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Validate => "validate",
            Self::Plan => "plan",
            Self::Fleet => "plan, against the Fleet",
            Self::Always => "always true",
        })
    }
}

const fn rule(
    id: &'static str,
    severity: Severity,
    subject: &'static str,
    moment: Moment,
    checked: &'static str,
    otherwise: &'static str,
) -> Rule {
    Rule { id, severity, subject, moment, checked, otherwise }
}

use Moment::{Always, Fleet, Plan, Validate};
use Severity::{Both, Error, Warning};

const GATEWAY: &str = "gateway";
const LISTENER: &str = "listener";
const CLASS: &str = "IngressClass";
const INGRESS: &str = "Ingress";
const SECRET: &str = "TLS Secret";

/// Every rule, in order.
pub const RULES: [Rule; 80] = [
    rule(
        "V01",
        Error,
        GATEWAY,
        Always,
        "An AlbConfig is written with `spec.config`.",
        "The controller logs a failure and does nothing, without an Event.",
    ),
    rule(
        "V02",
        Error,
        "every object",
        Validate,
        "Names are DNS names that Kubernetes takes, and do not begin with `aliyun`.",
        "The API or the tagging in the cloud refuses them.",
    ),
    rule(
        "V03",
        Both,
        GATEWAY,
        Validate,
        "At least one zone mapping, each vSwitch once; a single zone is a warning.",
        "The cloud refuses the zone mappings, or one failed zone takes the gateway down.",
    ),
    rule(
        "V04",
        Error,
        GATEWAY,
        Validate,
        "vSwitch IDs have the form `vsw-…`.",
        "An unknown vSwitch is dropped in silence, or the cloud refuses it.",
    ),
    rule(
        "V05",
        Error,
        GATEWAY,
        Validate,
        "Zones of the zone mappings differ, where they are given.",
        "The cloud refuses a zone that is named twice.",
    ),
    rule(
        "V06",
        Error,
        GATEWAY,
        Validate,
        "`address_type` is `Internet` or `Intranet`.",
        "The controller refuses the AlbConfig.",
    ),
    rule(
        "V07",
        Both,
        GATEWAY,
        Validate,
        "`address_allocated_mode` is `Fixed` or `Dynamic`; `Dynamic` on a new gateway is a warning.",
        "The controller refuses it; newer regions do not sell `Dynamic`.",
    ),
    rule(
        "V08",
        Error,
        GATEWAY,
        Validate,
        "`address_ip_version` is `IPv4` or `DualStack`; `ipv6_address_type` needs `DualStack`.",
        "The controller refuses it, or the setting has no effect.",
    ),
    rule(
        "V09",
        Error,
        GATEWAY,
        Validate,
        "`edition` is `Standard` or `StandardWithWaf`.",
        "The controller refuses other editions.",
    ),
    rule(
        "V10",
        Warning,
        GATEWAY,
        Plan,
        "A reused load balancer that is overridden names its edition.",
        "A WAF edition falls back to Standard in silence.",
    ),
    rule("V11", Error, GATEWAY, Validate, "The pay type is `PostPay`.", "The controller refuses others."),
    rule(
        "V12",
        Error,
        GATEWAY,
        Plan,
        "A bandwidth package only on public gateways; one that was applied is not removed.",
        "The controller refuses it, and cannot unbind a package.",
    ),
    rule(
        "V13",
        Error,
        GATEWAY,
        Validate,
        "Access logs name project and store, both with names of allowed length.",
        "The controller refuses the AlbConfig.",
    ),
    rule(
        "V14",
        Error,
        GATEWAY,
        Validate,
        "The log store's name begins with `alb_`.",
        "The log service answers that the account is not authorized.",
    ),
    rule(
        "V15",
        Error,
        GATEWAY,
        Validate,
        "Tag keys are not empty and do not begin with `aliyun` or `acs:`.",
        "The cloud refuses the tags.",
    ),
    rule(
        "V16",
        Warning,
        GATEWAY,
        Plan,
        "Overriding a reused load balancer is told.",
        "All its listeners that are not declared are deleted.",
    ),
    rule(
        "V17",
        Error,
        GATEWAY,
        Validate,
        "Override settings only together with a reused load balancer.",
        "They have no effect.",
    ),
    rule(
        "V18",
        Error,
        GATEWAY,
        Validate,
        "A reused load balancer has an ID of the form `alb-…`; zone mappings may be left out then.",
        "The cloud does not find it.",
    ),
    rule(
        "V19",
        Error,
        GATEWAY,
        Validate,
        "Security groups and access control lists exclude each other.",
        "The controller refuses the combination.",
    ),
    rule(
        "V20",
        Error,
        GATEWAY,
        Plan,
        "A changed creation-only setting replaces the gateway; an edit of the live object is written back in place.",
        "The controller ignores the change in silence.",
    ),
    rule(
        "V21",
        Error,
        LISTENER,
        Validate,
        "Ports are whole numbers from 1 to 65535.",
        "The controller refuses the listener.",
    ),
    rule(
        "V22",
        Error,
        LISTENER,
        Validate,
        "Protocols are `HTTP`, `HTTPS` or `QUIC`, in capitals.",
        "The listener is refused or loses its TLS settings.",
    ),
    rule(
        "V23",
        Error,
        LISTENER,
        Validate,
        "One listener for each port, except HTTPS with QUIC.",
        "The controller refuses both, or the one of the Ingress.",
    ),
    rule(
        "V24",
        Both,
        LISTENER,
        Validate,
        "Timeouts are 1 to 3600 seconds; above 600 is a warning.",
        "The controller or a quota refuses them.",
    ),
    rule(
        "V25",
        Error,
        LISTENER,
        Validate,
        "TLS and HTTP/2 settings only on HTTPS, certificates also on QUIC.",
        "They are ignored or refused.",
    ),
    rule(
        "V26",
        Error,
        LISTENER,
        Always,
        "An empty list of certificates is not written.",
        "The hosted controller fails with a missing listener ID.",
    ),
    rule(
        "V27",
        Error,
        LISTENER,
        Validate,
        "Certificate IDs have the form `<digits>-<region>`.",
        "The cloud calls the parameter invalid.",
    ),
    rule(
        "V28",
        Error,
        LISTENER,
        Validate,
        "At most one certificate is the default, and it is written first.",
        "The first one becomes the default.",
    ),
    rule(
        "V29",
        Error,
        LISTENER,
        Validate,
        "Mutual TLS names at least one CA certificate.",
        "The cloud refuses the listener.",
    ),
    rule(
        "V30",
        Warning,
        LISTENER,
        Plan,
        "`http2_enabled` is left unset.",
        "The open-source controller sends any explicit value as off, which breaks gRPC.",
    ),
    rule(
        "V31",
        Error,
        LISTENER,
        Fleet,
        "HTTP/2 is on where a gRPC Ingress is served, seen from the gateway and from the Ingress.",
        "Clients cannot connect.",
    ),
    rule(
        "V32",
        Error,
        LISTENER,
        Validate,
        "The TLS policy is one of the system's or has the form of a custom one.",
        "The controller or the cloud refuses the listener.",
    ),
    rule(
        "V33",
        Error,
        LISTENER,
        Validate,
        "Access control: a known type, entries or IDs, few enough, aligned CIDRs.",
        "An unknown type switches the list off in silence; the rest is refused.",
    ),
    rule(
        "V34",
        Error,
        LISTENER,
        Validate,
        "Looking up client addresses needs a list of trusted, aligned networks.",
        "The cloud refuses the listener.",
    ),
    rule("V35", Error, LISTENER, Validate, "Tracing samples 0 to 10000.", "The cloud refuses the listener."),
    rule(
        "V36",
        Error,
        LISTENER,
        Validate,
        "Logging of custom headers and tracing need access logs.",
        "The cloud refuses the listener.",
    ),
    rule(
        "V37",
        Both,
        GATEWAY,
        Validate,
        "Members are named, each once, without commas or spaces; an unusual form is a warning.",
        "The gateway has no backends.",
    ),
    rule(
        "V38",
        Warning,
        GATEWAY,
        Plan,
        "There are at least two members.",
        "It is no multi-cluster gateway in practice.",
    ),
    rule(
        "V39",
        Error,
        CLASS,
        Always,
        "The class names the ALB controller exactly.",
        "Its Ingresses are ignored, without an Event.",
    ),
    rule("V40", Error, CLASS, Always, "The class leads to an AlbConfig.", "The controller refuses the whole load."),
    rule(
        "V41",
        Error,
        INGRESS,
        Validate,
        "The class is given by its field; the old annotation is refused.",
        "The Ingress is ignored, or the API refuses it.",
    ),
    rule(
        "V42",
        Error,
        INGRESS,
        Validate,
        "Listen ports are given, and the annotation is written from typed values.",
        "A text that cannot be parsed stops changes of every Ingress of the gateway.",
    ),
    rule(
        "V43",
        Error,
        INGRESS,
        Fleet,
        "Each listen port is a listener of the gateway. Switched off with `cross_checks = false`.",
        "The hosted controller refuses the Ingress, which stops changes of every Ingress of the gateway; the open-source one adds the listener.",
    ),
    rule(
        "V44",
        Error,
        GATEWAY,
        Fleet,
        "A listener that goes is used by no Ingress. It takes two applies, since Terraform changes the gateway before the Ingresses.",
        "The hosted controller stops all changes; the open-source one drops the traffic in silence.",
    ),
    rule("V45", Error, INGRESS, Always, "The backend protocol is written exactly.", "Another spelling means HTTP."),
    rule(
        "V46",
        Error,
        INGRESS,
        Plan,
        "A changed backend protocol replaces the Ingress.",
        "The controller ignores the change.",
    ),
    rule("V47", Error, INGRESS, Validate, "gRPC has at least one TLS entry.", "The controller refuses the Ingress."),
    rule(
        "V48",
        Error,
        INGRESS,
        Validate,
        "gRPC listens on HTTPS only; HTTP only on port 80 with a redirect to TLS.",
        "The controller refuses the Ingress.",
    ),
    rule("V49", Error, INGRESS, Validate, "gRPC does not listen on QUIC.", "The controller refuses the Ingress."),
    rule(
        "V50",
        Both,
        INGRESS,
        Validate,
        "Paths can match gRPC calls; one that probably cannot is a warning.",
        "Every call ends at the default action, with status 503.",
    ),
    rule(
        "V51",
        Error,
        INGRESS,
        Fleet,
        "A redirect to TLS finds 80/HTTP and 443/HTTPS at the gateway.",
        "The controller refuses the Ingress, which stops changes of every Ingress of the gateway.",
    ),
    rule(
        "V52",
        Both,
        SECRET,
        Fleet,
        "The Secret that an Ingress names is there, holds certificate and key, both can be read, and they fit. A missing Secret and an unusual type are warnings: the controller waits for it.",
        "The controller refuses the Ingress or fails to upload the certificate.",
    ),
    rule(
        "V53",
        Both,
        SECRET,
        Fleet,
        "The certificate has not ended, has a common name, and covers each host. Warnings: an end within 30 days, and of a certificate given to `ackone_tls_secret` also no alternative names, weak or unusual algorithms, and a chain that does not connect.",
        "The certificate service refuses it, or clients do.",
    ),
    rule(
        "V54",
        Warning,
        LISTENER,
        Fleet,
        "Certificates by ID that the controller's Events call expired are told. Their dates are not looked up: that takes rights in the certificate service.",
        "The controller refuses the listener.",
    ),
    rule(
        "V55",
        Both,
        INGRESS,
        Validate,
        "Each host of the rules is literally in a TLS entry; HTTPS without any entry is a warning.",
        "Clients are served a certificate of another host.",
    ),
    rule(
        "V56",
        Warning,
        LISTENER,
        Fleet,
        "An HTTPS listener that an earlier run left without certificate gets one from the gateway or an Ingress. A new listener is not judged: the Ingress that brings its certificate is planned after the gateway.",
        "The listener cannot be built, and the gateway's status stays empty.",
    ),
    rule(
        "V57",
        Warning,
        LISTENER,
        Fleet,
        "A listener with certificates by ID carries no hosts that rely on certificate discovery.",
        "Discovery is off for the whole listener.",
    ),
    rule(
        "V58",
        Error,
        INGRESS,
        Validate,
        "`order` is 1 to 1000.",
        "The controller refuses it, which stops changes of every Ingress of the gateway.",
    ),
    rule(
        "V59",
        Warning,
        INGRESS,
        Fleet,
        "An explicit `order` is taken by one Ingress of the gateway.",
        "Older controllers refuse a second one.",
    ),
    rule(
        "V60",
        Error,
        INGRESS,
        Validate,
        "Prefix and Exact paths have no wildcards, unless they are regular expressions.",
        "The controller refuses the Ingress.",
    ),
    rule(
        "V61",
        Error,
        INGRESS,
        Validate,
        "Regular expressions and rewrites only with Prefix paths.",
        "The cloud refuses the path.",
    ),
    rule(
        "V62",
        Error,
        INGRESS,
        Validate,
        "Paths are absolute and in the form that Kubernetes takes.",
        "The API refuses the Ingress.",
    ),
    rule(
        "V63",
        Error,
        INGRESS,
        Validate,
        "Service ports are numbers from 1 to 65535; the only name is `use-annotation`.",
        "The controller finds no port.",
    ),
    rule(
        "V64",
        Error,
        INGRESS,
        Validate,
        "`use-annotation` and a final custom action belong together, for the same Service.",
        "The action is ignored, or the rule has none.",
    ),
    rule(
        "V65",
        Error,
        INGRESS,
        Validate,
        "Custom conditions and actions have known types and stay within the limits.",
        "The controller or the cloud refuses the Ingress.",
    ),
    rule(
        "V66",
        Both,
        INGRESS,
        Fleet,
        "A canary has no custom conditions, goes by weight or by header or cookie, and its twin exists, speaks the same protocol on the same listeners, and does not come first. The parts about itself are checked by validate; a missing twin is a warning.",
        "The canary produces nothing, in silence.",
    ),
    rule(
        "V67",
        Error,
        INGRESS,
        Validate,
        "The scheduler is a known one; hashing by URL parameter names it; slow start only with `wrr`.",
        "The controller or the cloud refuses the server group.",
    ),
    rule(
        "V68",
        Error,
        INGRESS,
        Validate,
        "Sticky sessions of type `Server` name the cookie; its lifetime is 1 to 86400 seconds.",
        "The cloud refuses the server group.",
    ),
    rule(
        "V69",
        Error,
        INGRESS,
        Validate,
        "Health checks stay within their ranges; those of type GRPC use GET or POST and numeric codes.",
        "The controller refuses the server group.",
    ),
    rule(
        "V70",
        Warning,
        INGRESS,
        Plan,
        "Health checks of a gRPC backend do not speak HTTP.",
        "All members turn unhealthy, and calls end with 503.",
    ),
    rule(
        "V71",
        Error,
        INGRESS,
        Validate,
        "The limit for one address is below the total; not together with a custom limit, not on QUIC.",
        "The controller or the cloud refuses the rule.",
    ),
    rule(
        "V72",
        Error,
        INGRESS,
        Validate,
        "The CORS lifetime is -1 to 172800 seconds.",
        "The cloud refuses it, which stops changes of every Ingress of the gateway.",
    ),
    rule("V73", Warning, INGRESS, Plan, "No default backend.", "The controller accepts it and routes nothing to it."),
    rule(
        "V74",
        Warning,
        INGRESS,
        Plan,
        "Annotations of the controller are ones that somebody is known to read.",
        "An unknown one is ignored in silence.",
    ),
    rule(
        "V75",
        Warning,
        INGRESS,
        Plan,
        "The name of the server group, made of namespace, Service and port, has at most 128 characters.",
        "The cloud refuses the server group.",
    ),
    rule(
        "V76",
        Warning,
        INGRESS,
        Fleet,
        "All Ingresses of a gateway make at most 100 forwarding rules (paths times listeners).",
        "The quota stops changes of every Ingress of the gateway.",
    ),
    rule(
        "V77",
        Error,
        SECRET,
        Plan,
        "A Secret of another type is replaced; an immutable one is not updated.",
        "The API refuses the update.",
    ),
    rule(
        "V78",
        Warning,
        INGRESS,
        Fleet,
        "No two Ingresses of a gateway have the same host and path.",
        "The second is never reached, in silence.",
    ),
    rule(
        "V79",
        Warning,
        INGRESS,
        Fleet,
        "What catches all requests does not come before something more specific, within an Ingress and across those of a gateway.",
        "The more specific route is never reached: the first match wins.",
    ),
    rule(
        "V80",
        Warning,
        LISTENER,
        Plan,
        "A listener for gRPC takes TLS 1.2 or later.",
        "Old TLS versions weaken the endpoint and help no gRPC client.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_every_number_once_and_in_order() {
        for (index, rule) in RULES.iter().enumerate() {
            assert_eq!(rule.id, format!("V{:02}", index + 1));
            for text in [rule.checked, rule.otherwise] {
                assert!(text.ends_with('.') && !text.contains('|'), "{}: {text}", rule.id);
            }
        }
    }
}
