//! What the annotations of one Ingress say, with the controller's own checks and texts.
//!
//! Called while a model is built. Pure. Grammar, defaults and texts follow Alibaba Cloud's public ALB Ingress
//! configuration dictionary and the open-source controller.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Generation;
use super::albconfig::protocol;
use super::objects::{Ingress, Meta};
use crate::alb::{ListenerKey, Protocol, ServerGroupProtocol};

/// How the servers of an Ingress are spoken to and chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GroupSettings {
    pub(super) protocol: ServerGroupProtocol,
    pub(super) scheduler: &'static str,
}

/// The canary role of an Ingress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Canary {
    /// Not a canary.
    None,
    /// Its own rule with a header condition.
    Header { key: String, value: String },
    /// Its own rule with a cookie condition.
    Cookie(String),
    /// A share of its twin's rule, in percent.
    Weight(u32),
    /// Contradictory or empty: no rule, silently.
    Inert,
}

/// The listeners an Ingress wants its rules on, and whether `listen-ports` or `ssl-redirect` said so.
///
/// # Errors
///
/// The controller's text for a `listen-ports` it cannot read.
pub(super) fn listen_ports(ingress: &Ingress) -> Result<(Vec<ListenerKey>, bool), String> {
    let mut ports = Vec::new();
    let explicit = ingress.meta.trimmed("listen-ports");
    if let Some(raw) = &explicit {
        ports = parse_listen_ports(raw)?;
    } else {
        let hosts: Vec<&str> = ingress.spec.tls.iter().flat_map(|tls| &tls.hosts).map(String::as_str).collect();
        let uncovered = ingress.spec.rules.iter().any(|rule| !hosts.contains(&rule.host.as_str()));
        if hosts.is_empty() || uncovered {
            ports.push(ListenerKey { port: 80, protocol: Protocol::Http });
        }
        if !hosts.is_empty() {
            ports.push(ListenerKey { port: 443, protocol: Protocol::Https });
        }
    }
    let redirect = ingress.meta.flag("ssl-redirect");
    if redirect {
        ports.push(ListenerKey { port: 80, protocol: Protocol::Http });
    }
    ports.sort_unstable();
    ports.dedup();
    Ok((ports, explicit.is_some() || redirect))
}

fn parse_listen_ports(raw: &str) -> Result<Vec<ListenerKey>, String> {
    let failed = |why: String| format!("failed to parse listen-ports configuration: `{raw}`: {why}");
    let value: Value = serde_json::from_str(raw).map_err(|error| failed(go_syntax_error(raw, &error)))?;
    let Value::Array(entries) = value else {
        return Err(failed(format!(
            "json: cannot unmarshal {} into Go value of type []map[string]int32",
            kind(&value)
        )));
    };
    let mut ports = Vec::new();
    for entry in &entries {
        let Value::Object(pairs) = entry else {
            return Err(failed(format!(
                "json: cannot unmarshal {} into Go value of type map[string]int32",
                kind(entry)
            )));
        };
        for (name, port) in pairs {
            let Some(port) = port.as_i64() else {
                return Err(failed(format!("json: cannot unmarshal {} into Go value of type int32", kind(port))));
            };
            let Some(port) = u16::try_from(port).ok().filter(|port| *port > 0) else {
                return Err(format!("listen port must be within [1, 65535]: {port}"));
            };
            let Some(protocol) = protocol(name).filter(|protocol| protocol.to_string() == *name) else {
                return Err(format!("listen protocol must be within [HTTP, HTTPS]: {name}"));
            };
            ports.push(ListenerKey { port, protocol });
        }
    }
    if ports.is_empty() {
        return Err(format!("empty listen-ports configuration: `{raw}`"));
    }
    Ok(ports)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Go words the two syntax errors people make; anything else keeps the position our parser found.
fn go_syntax_error(raw: &str, error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "unexpected end of JSON input".to_owned();
    }
    let line = raw.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
    match line.chars().nth(error.column().saturating_sub(1)) {
        Some(found) => format!("invalid character '{found}' looking for beginning of value"),
        None => "invalid JSON".to_owned(),
    }
}

/// Protocol and scheduler of the Ingress's server groups, after all checks that belong to a group.
///
/// # Errors
///
/// The controller's text for the first setting it refuses.
pub(super) fn group_settings(meta: &Meta, generation: Generation) -> Result<GroupSettings, String> {
    // Read raw: a trailing newline or another case does not match and means HTTP.
    let protocol = match meta.annotation("backend-protocol") {
        Some("grpc") => ServerGroupProtocol::Grpc,
        Some("https") => ServerGroupProtocol::Https,
        _ => ServerGroupProtocol::Http,
    };
    let scheduler = match meta.annotation("backend-scheduler") {
        None | Some("wrr") => "Wrr",
        Some("wlc") => "Wlc",
        Some("sch") => "Sch",
        Some("uch") => {
            if meta.trimmed("backend-scheduler-uch-value").is_none() {
                return Err("invalid server group UchConfigValue: ".to_owned());
            }
            "Uch"
        }
        Some(other) => return Err(format!("unkown backend scheduler [{other}]")),
    };
    if meta.flag("slow-start-enabled") && scheduler != "Wrr" && generation == Generation::Hosted {
        return Err(format!("The {scheduler} and true are mismatched"));
    }
    sticky_session(meta)?;
    health_check(meta, generation)?;
    limits(meta)?;
    Ok(GroupSettings { protocol, scheduler })
}

fn sticky_session(meta: &Meta) -> Result<(), String> {
    if !meta.flag("sticky-session") {
        return Ok(());
    }
    match meta.annotation("sticky-session-type") {
        None | Some("Insert") => in_range(meta, "cookie-timeout", "CookieTimeout", 1..=86_400),
        Some("Server") if meta.trimmed("cookie").is_none() => Err("invalid server group Cookie: ".to_owned()),
        Some("Server") => Ok(()),
        Some(other) => Err(format!("invalid server group StickySessionType: {other}")),
    }
}

fn health_check(meta: &Meta, generation: Generation) -> Result<(), String> {
    if !meta.flag("healthcheck-enabled") {
        return Ok(());
    }
    let hosted = generation == Generation::Hosted;
    match meta.annotation("healthcheck-protocol") {
        None | Some("HTTP" | "HTTPS" | "TCP") => {}
        Some("GRPC") if hosted => {}
        Some(other) => return Err(format!("invalid server group HealthCheckProtocol: {other}")),
    }
    match meta.annotation("healthcheck-method") {
        None | Some("HEAD" | "GET") => {}
        Some("POST") if hosted => {}
        Some(other) => return Err(format!("invalid server group HealthCheckMethod: {other}")),
    }
    in_range(meta, "healthcheck-timeout-seconds", "HealthCheckTimeout", 1..=300)?;
    in_range(meta, "healthcheck-interval-seconds", "HealthCheckInterval", 1..=50)?;
    in_range(meta, "healthy-threshold-count", "HealthyThreshold", 2..=10)?;
    in_range(meta, "unhealthy-threshold-count", "UnhealthyThreshold", 2..=10)?;
    in_range(meta, "healthcheck-connect-port", "HealthCheckConnectPort", 0..=65_535)
}

/// A value that is no number is ignored, as the controller logs it and keeps its default.
fn in_range(meta: &Meta, key: &str, name: &str, range: std::ops::RangeInclusive<i64>) -> Result<(), String> {
    match meta.annotation(key).and_then(|text| text.parse::<i64>().ok()) {
        Some(number) if !range.contains(&number) => Err(format!("invalid server group {name}: {number}")),
        _ => Ok(()),
    }
}

fn limits(meta: &Meta) -> Result<(), String> {
    let number = |key: &str| meta.trimmed(key).and_then(|text| text.parse::<i64>().ok());
    let qps = number("traffic-limit-qps");
    if let Some(qps) = qps.filter(|qps| !(1..=1_000_000).contains(qps)) {
        return Err(format!("traffic limit action qps out of range: {qps}"));
    }
    if let (Some(per_ip), Some(qps)) = (number("traffic-limit-ip-qps"), qps)
        && per_ip >= qps
    {
        return Err(format!("traffic limit action qps per ip({per_ip})must less than qps({qps})"));
    }
    if let Some(age) = number("cors-max-age").filter(|age| meta.flag("enable-cors") && !(-1..=172_800).contains(age)) {
        return Err(format!("The param of {age} is illegal"));
    }
    Ok(())
}

/// Requests per second the Ingress allows, if it limits them.
pub(super) fn traffic_limit(meta: &Meta) -> Option<u32> {
    meta.trimmed("traffic-limit-qps")?.parse().ok()
}

/// The cross-origin settings, when switched on.
pub(super) fn cors(meta: &Meta) -> Option<BTreeMap<String, String>> {
    let keys = ["allow-origin", "allow-methods", "allow-headers", "expose-headers", "allow-credentials", "max-age"];
    meta.flag("enable-cors").then(|| {
        keys.into_iter().filter_map(|key| Some((key.to_owned(), meta.trimmed(&format!("cors-{key}"))?))).collect()
    })
}

/// The canary role. The nginx spelling wins where both are set.
pub(super) fn canary(meta: &Meta) -> Canary {
    let value = |key: &str| {
        meta.annotations.get(&format!("nginx.ingress.kubernetes.io/{key}")).cloned().or_else(|| meta.trimmed(key))
    };
    if value("canary").as_deref() != Some("true") {
        return Canary::None;
    }
    let weight = value("canary-weight").and_then(|text| text.trim().parse::<u32>().ok()).filter(|weight| *weight > 0);
    let header = value("canary-by-header");
    let cookie = value("canary-by-cookie");
    match (weight, header, cookie) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (None, None, None) => Canary::Inert,
        (Some(weight), None, None) => Canary::Weight(weight.min(100)),
        (None, Some(key), _) => Canary::Header { key, value: value("canary-by-header-value").unwrap_or_default() },
        (None, None, Some(cookie)) => Canary::Cookie(cookie),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ingress(annotations: Value, spec: Value) -> Ingress {
        Ingress::parse(&json!({
            "metadata": {"name": "i", "namespace": "demo", "annotations": annotations}, "spec": spec,
        }))
        .expect("ingress")
    }

    fn ports(annotations: Value, spec: Value) -> Result<Vec<String>, String> {
        let (ports, _) = listen_ports(&ingress(annotations, spec))?;
        Ok(ports.iter().map(ToString::to_string).collect())
    }

    const PORTS: &str = "alb.ingress.kubernetes.io/listen-ports";

    #[test]
    fn listen_ports_are_derived_as_the_dictionary_says() {
        let tls = json!({"rules": [{"host": "a"}], "tls": [{"hosts": ["a"]}]});
        let partly = json!({"rules": [{"host": "a"}, {"host": "b"}], "tls": [{"hosts": ["a"]}]});
        let secret_only = json!({"rules": [{"host": "a"}], "tls": [{"secretName": "s"}]});
        assert_eq!(ports(json!({}), tls.clone()), Ok(vec!["443/HTTPS".to_owned()]));
        assert_eq!(ports(json!({}), partly), Ok(vec!["80/HTTP".to_owned(), "443/HTTPS".to_owned()]));
        assert_eq!(ports(json!({}), secret_only), Ok(vec!["80/HTTP".to_owned()]));
        let both = json!({PORTS: " [{\"HTTPS\": 8443}]\n", "alb.ingress.kubernetes.io/ssl-redirect": "true"});
        assert_eq!(ports(both, tls), Ok(vec!["80/HTTP".to_owned(), "8443/HTTPS".to_owned()]));
    }

    #[test]
    fn d_unreadable_listen_ports_have_the_text_of_the_go_decoder() {
        for (raw, text) in [
            (
                r#"[{"HTTPS": "443"}]"#,
                "failed to parse listen-ports configuration: `[{\"HTTPS\": \"443\"}]`: json: cannot unmarshal string into Go \
                 value of type int32",
            ),
            ("[]", "empty listen-ports configuration: `[]`"),
            (r#"[{"HTTP": 70000}]"#, "listen port must be within [1, 65535]: 70000"),
            (r#"[{"https": 443}]"#, "listen protocol must be within [HTTP, HTTPS]: https"),
        ] {
            assert_eq!(ports(json!({PORTS: raw}), json!({})), Err(text.to_owned()));
        }
    }

    #[test]
    fn group_settings_are_refused_with_the_controllers_texts() {
        for (key, value, text) in [
            ("backend-scheduler", "rr", "unkown backend scheduler [rr]"),
            ("backend-scheduler", "uch", "invalid server group UchConfigValue: "),
            ("traffic-limit-qps", "0", "traffic limit action qps out of range: 0"),
        ] {
            let meta = ingress(json!({format!("alb.ingress.kubernetes.io/{key}"): value}), json!({})).meta;
            assert_eq!(group_settings(&meta, Generation::Hosted), Err(text.to_owned()));
        }
    }

    #[test]
    fn a_grpc_health_check_is_refused_by_the_open_source_generation_only() {
        let meta = ingress(
            json!({"alb.ingress.kubernetes.io/healthcheck-enabled": "true", "alb.ingress.kubernetes.io/healthcheck-protocol": "GRPC"}),
            json!({}),
        )
        .meta;
        assert!(group_settings(&meta, Generation::Hosted).is_ok());
        assert_eq!(
            group_settings(&meta, Generation::OpenSource),
            Err("invalid server group HealthCheckProtocol: GRPC".to_owned())
        );
    }

    #[test]
    fn a_canary_with_weight_and_header_is_inert() {
        let role = |pairs: &[(&str, &str)]| {
            let annotations: BTreeMap<_, _> =
                pairs.iter().map(|(key, value)| (format!("alb.ingress.kubernetes.io/{key}"), *value)).collect();
            canary(&ingress(json!(annotations), json!({})).meta)
        };
        assert_eq!(role(&[("canary", "true"), ("canary-weight", "20")]), Canary::Weight(20));
        assert_eq!(role(&[("canary", "true"), ("canary-weight", "20"), ("canary-by-header", "h")]), Canary::Inert);
        assert_eq!(role(&[("canary-weight", "20")]), Canary::None);
    }
}
