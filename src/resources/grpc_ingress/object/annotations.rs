//! The table of annotations: each is declared once, with its attribute, spelling and default.
//!
//! What is written, what a refresh reads, which attribute drifted, when two texts mean the same and which keys users must
//! not write themselves follow from it. Facts: ALB Ingress configuration dictionary, the open-source controller.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::codec::{Codec, Reading};
use crate::framework::path::Path;
use crate::framework::value::Value;
use crate::resources::kubernetes_attributes::{ALB_PREFIX, Standing};

/// Stands for the name of a Service in a path.
const SERVICE: &str = "*";

/// An annotation that attributes write.
#[derive(Debug)]
pub(crate) struct Annotation {
    /// Its attribute, from the top; [`SERVICE`] for the key of a map.
    pub(crate) at: &'static [&'static str],
    /// The attribute as users write it.
    pub(crate) attribute: &'static str,
    /// Key below the prefix; one that ends in a dot is followed by the name of a Service.
    pub(crate) key: &'static str,
    codec: Codec,
    /// What the controller takes for an absent one.
    default: Option<&'static str>,
}

macro_rules! table {
    ($($attribute:literal, [$($at:expr),+], $key:literal, $codec:ident, $default:expr;)*) => {
        &[$(Annotation { at: &[$($at),+], attribute: $attribute, key: $key, codec: Codec::$codec, default: $default }),*]
    };
}

/// Every annotation that attributes write. A presence stands before what it decides on.
pub(crate) const TABLE: &[Annotation] = table! {
    "listen_ports", ["listen_ports"], "listen-ports", Ports, None;
    "backend_protocol", ["backend_protocol"], "backend-protocol", Raw, Some("http");
    "ssl_redirect", ["ssl_redirect"], "ssl-redirect", Flag, Some("false");
    "use_regex", ["use_regex"], "use-regex", FlagIfOn, Some("false");
    "rewrite_target", ["rewrite_target"], "rewrite-target", Trimmed, None;
    "order", ["order"], "order", Whole, Some("10");
    "load_balancing.scheduler", ["load_balancing", "scheduler"], "backend-scheduler", Raw, Some("wrr");
    "load_balancing.uch_value", ["load_balancing", "uch_value"], "backend-scheduler-uch-value", Trimmed, None;
    "load_balancing.sticky_session.enabled", ["load_balancing", "sticky_session", "enabled"], "sticky-session", Flag, Some("false");
    "load_balancing.sticky_session.type", ["load_balancing", "sticky_session", "type"], "sticky-session-type", Raw, Some("Insert");
    "load_balancing.sticky_session.cookie_timeout", ["load_balancing", "sticky_session", "cookie_timeout"], "cookie-timeout",
        LenientWhole, Some("1000");
    "load_balancing.sticky_session.cookie", ["load_balancing", "sticky_session", "cookie"], "cookie", Trimmed, None;
    "load_balancing.backend_keepalive", ["load_balancing", "backend_keepalive"], "backend-keepalive", Flag, None;
    "load_balancing.slow_start.enabled", ["load_balancing", "slow_start", "enabled"], "slow-start-enabled", Flag, Some("false");
    "load_balancing.slow_start.duration", ["load_balancing", "slow_start", "duration"], "slow-start-duration", LenientWhole, None;
    "load_balancing.connection_drain.enabled", ["load_balancing", "connection_drain", "enabled"], "connection-drain-enabled", Flag,
        Some("false");
    "load_balancing.connection_drain.timeout", ["load_balancing", "connection_drain", "timeout"], "connection-drain-timeout",
        LenientWhole, None;
    "health_check.enabled", ["health_check", "enabled"], "healthcheck-enabled", Flag, Some("false");
    "health_check.protocol", ["health_check", "protocol"], "healthcheck-protocol", Raw, Some("HTTP");
    "health_check.path", ["health_check", "path"], "healthcheck-path", Raw, Some("/");
    "health_check.method", ["health_check", "method"], "healthcheck-method", Raw, Some("HEAD");
    "health_check.http_version", ["health_check", "http_version"], "healthcheck-httpversion", Raw, Some("HTTP1.1");
    "health_check.codes", ["health_check", "codes"], "healthcheck-code", RawList, None;
    "health_check.http_codes", ["health_check", "http_codes"], "healthcheck-httpcode", RawList, Some("http_2xx");
    "health_check.timeout", ["health_check", "timeout"], "healthcheck-timeout-seconds", RawWhole, Some("5");
    "health_check.interval", ["health_check", "interval"], "healthcheck-interval-seconds", RawWhole, Some("2");
    "health_check.healthy_threshold", ["health_check", "healthy_threshold"], "healthy-threshold-count", RawWhole, Some("3");
    "health_check.unhealthy_threshold", ["health_check", "unhealthy_threshold"], "unhealthy-threshold-count", RawWhole, Some("3");
    "health_check.connect_port", ["health_check", "connect_port"], "healthcheck-connect-port", RawWhole, Some("0");
    "canary", ["canary"], "canary", Presence, Some("false");
    "canary.weight", ["canary", "weight"], "canary-weight", LenientWhole, Some("0");
    "canary.header.name", ["canary", "header", "name"], "canary-by-header", Trimmed, None;
    "canary.header.value", ["canary", "header", "value"], "canary-by-header-value", Trimmed, None;
    "canary.cookie", ["canary", "cookie"], "canary-by-cookie", Trimmed, None;
    "cors.enabled", ["cors", "enabled"], "enable-cors", Flag, Some("false");
    "cors.allow_origins", ["cors", "allow_origins"], "cors-allow-origin", TrimmedList, Some("*");
    "cors.allow_methods", ["cors", "allow_methods"], "cors-allow-methods", TrimmedList,
        Some("GET, PUT, POST, DELETE, PATCH, OPTIONS");
    "cors.allow_headers", ["cors", "allow_headers"], "cors-allow-headers", Headers,
        Some("DNT,X-CustomHeader,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Authorization");
    "cors.expose_headers", ["cors", "expose_headers"], "cors-expose-headers", Headers, None;
    "cors.allow_credentials", ["cors", "allow_credentials"], "cors-allow-credentials", Switch, Some("true");
    "cors.max_age", ["cors", "max_age"], "cors-max-age", Whole, Some("172800");
    "rate_limit.qps", ["rate_limit", "qps"], "traffic-limit-qps", Whole, None;
    "rate_limit.qps_per_ip", ["rate_limit", "qps_per_ip"], "traffic-limit-ip-qps", Whole, None;
    "custom_routing[…].direction", ["custom_routing", SERVICE, "direction"], "rule-direction.", Trimmed, Some("Request");
    "custom_routing[…].conditions", ["custom_routing", SERVICE, "conditions"], "conditions.", Conditions, None;
    "custom_routing[…].actions", ["custom_routing", SERVICE, "actions"], "actions.", Actions, None;
};

/// An annotation of one Ingress: for those of a Service, that of one Service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    annotation: &'static Annotation,
    service: Option<&'a str>,
}

impl<'a> Entry<'a> {
    /// The entry that a whole key belongs to.
    pub(super) fn of_key(key: &'a str) -> Option<Self> {
        let name = key.strip_prefix(ALB_PREFIX)?;
        TABLE.iter().find_map(|annotation| {
            let rest = name.strip_prefix(annotation.key)?;
            match (annotation.key.ends_with('.'), rest) {
                (true, "") => None,
                (true, service) => Some(Self { annotation, service: Some(service) }),
                (false, "") => Some(Self { annotation, service: None }),
                (false, _) => None,
            }
        })
    }

    /// Every entry, those of Services for each of `services`.
    pub(super) fn all(services: &'a [String]) -> impl Iterator<Item = Self> {
        TABLE.iter().flat_map(move |annotation| {
            let of_services = annotation.key.ends_with('.');
            let named = services.iter().filter(move |_| of_services).map(|service| Some(service.as_str()));
            let plain = std::iter::once(None).filter(move |_: &Option<&str>| !of_services);
            plain.chain(named).map(move |service| Self { annotation, service })
        })
    }

    /// The whole key.
    pub(super) fn key(&self) -> String {
        format!("{ALB_PREFIX}{}{}", self.annotation.key, self.service.unwrap_or_default())
    }

    /// Its attribute.
    pub(super) fn path(&self) -> Path {
        let step = |path: Path, name: &&str| match (*name, self.service) {
            (SERVICE, Some(service)) => path.key(service),
            (name, _) => path.attr(name),
        };
        self.annotation.at.iter().fold(Path::root(), step)
    }

    /// Steps of the path.
    pub(super) fn steps(&self) -> impl Iterator<Item = &'a str> {
        let service = self.service;
        self.annotation.at.iter().map(move |name| if *name == SERVICE { service.unwrap_or_default() } else { name })
    }

    /// Whether its attribute is an object that is there or not.
    pub(super) fn is_presence(&self) -> bool {
        self.annotation.codec == Codec::Presence
    }

    /// Whether it switches the object around it on.
    pub(super) fn is_switch(&self) -> bool {
        self.annotation.at.len() > 1 && self.annotation.at.last() == Some(&"enabled")
    }

    /// The text for its attribute's value.
    pub(super) fn write(&self, value: &Value) -> Option<String> {
        self.annotation.codec.write(value)
    }

    /// The attribute's value for a live text; null if it cannot be read. An absent text has the default's value.
    pub(super) fn read(&self, text: Option<&str>) -> Value {
        match text.map_or(Reading::Missing, |text| self.annotation.codec.read(text)) {
            Reading::Value(value) => value,
            Reading::Missing => self.default(),
            Reading::Unreadable => match (self.annotation.codec, text) {
                // Shown as it is, which no configuration equals.
                (Codec::Ports, Some(text)) => Value::List(vec![Value::string(text.trim())]),
                _ => Value::Null,
            },
        }
    }

    /// What a text means to the controller.
    pub(super) fn meaning(&self, text: &str) -> Json {
        match self.annotation.codec.read(text) {
            Reading::Value(value) => self.annotation.codec.meaning(&value),
            Reading::Missing => match self.default() {
                Value::Null => Json::Null,
                default => self.annotation.codec.meaning(&default),
            },
            Reading::Unreadable => json!({"unreadable": text}),
        }
    }

    /// Whether a live text means what a value says.
    pub(super) fn says(&self, text: &str, value: &Value) -> bool {
        self.meaning(text) == self.annotation.codec.meaning(value)
    }

    /// The text that an absent annotation stands for.
    pub(super) const fn default_text(&self) -> Option<&'static str> {
        self.annotation.default
    }

    fn default(&self) -> Value {
        match self.annotation.default.map(|text| self.annotation.codec.read(text)) {
            Some(Reading::Value(value)) => value,
            _ => Value::Null,
        }
    }
}

/// The names of the Services that annotations speak of.
pub(super) fn services<'a>(keys: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut names: Vec<String> = keys.filter_map(|key| Entry::of_key(key)?.service.map(str::to_owned)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The annotations that a state's attributes write.
pub(super) fn write(state: &Value) -> BTreeMap<String, String> {
    let services: Vec<String> =
        state.attr("custom_routing").as_map().into_iter().flat_map(BTreeMap::keys).cloned().collect();
    Entry::all(&services)
        .filter_map(|entry| {
            let value = state.at(&entry.path()).filter(|value| !value.is_null())?;
            Some((entry.key(), entry.write(&value)?))
        })
        .collect()
}

/// Keys of ours that a controller reads under another name, with what to use instead.
const ALIASES: [(&str, &str); 7] = [
    ("alb.ingress.kubernetes.io/albconfig.order", "order"),
    ("nginx.ingress.kubernetes.io/canary", "canary"),
    ("nginx.ingress.kubernetes.io/canary-by-header", "canary.header.name"),
    ("nginx.ingress.kubernetes.io/canary-by-header-value", "canary.header.value"),
    ("nginx.ingress.kubernetes.io/canary-by-cookie", "canary.cookie"),
    ("nginx.ingress.kubernetes.io/canary-weight", "canary.weight"),
    ("nginx.ingress.kubernetes.io/ssl-redirect", "ssl_redirect"),
];

const BEFORE_ALB_CONFIG: &str = "It is a setting of the load balancer from before there were AlbConfigs and has no effect now. Set it on the gateway.";

/// Keys that must not be set, with the reason.
pub(crate) const REFUSED: [(&str, &str); 15] = [
    ("address-type", BEFORE_ALB_CONFIG),
    ("address-allocated-mode", BEFORE_ALB_CONFIG),
    ("vswitch-ids", BEFORE_ALB_CONFIG),
    ("charge-type", BEFORE_ALB_CONFIG),
    ("id", BEFORE_ALB_CONFIG),
    ("name", BEFORE_ALB_CONFIG),
    ("edition", BEFORE_ALB_CONFIG),
    ("access-log", BEFORE_ALB_CONFIG),
    ("force-override-listeners", BEFORE_ALB_CONFIG),
    ("backend-label", BEFORE_ALB_CONFIG),
    ("remove-unscheduled-backend", BEFORE_ALB_CONFIG),
    ("albconfig.name", "Controllers do not follow it reliably. The gateway is chosen by ingress_class_name."),
    ("remote-clusters", "It works on an AlbConfig only. Set remote_clusters of the gateway."),
    ("hash", "The controller writes it."),
    (
        "server-group-id",
        "It is an annotation of a Service, which this resource does not write; on an Ingress it has no effect.",
    ),
];

/// What an annotation key of an Ingress is to the controller.
pub(crate) fn standing(key: &str) -> Standing {
    if let Some((_, attribute)) = ALIASES.iter().find(|(alias, _)| *alias == key) {
        return Standing::Typed(attribute);
    }
    if let Some(entry) = Entry::of_key(key) {
        return Standing::Typed(entry.annotation.attribute);
    }
    let Some(name) = key.strip_prefix(ALB_PREFIX) else { return Standing::Unknown };
    if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        return Standing::Refused(why);
    }
    // Weights by member and the switch for forwarding across zones exist under names that are not confirmed.
    if name.starts_with("cluster-weight.") || name.contains("cross-zone") {
        return Standing::Unconfirmed;
    }
    Standing::Unknown
}
