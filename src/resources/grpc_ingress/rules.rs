//! What a gRPC Ingress configuration may say: checks of single values, and rules over several. Silent about unknowns.
//!
//! The rule numbers are those of the provider's rule table (V02 to V80). Facts: Ingress validation of the Kubernetes API
//! and the controller's rules for gRPC backends, whose refusals would freeze every Ingress of the gateway.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{GrpcIngress, IngressPath, Rule};
use super::object::{TYPED_ANNOTATIONS, split_port};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Attr, Planned};
use crate::framework::path::Path;
use crate::framework::schema::Problem;
use crate::framework::value::Value;
use crate::resources::kubernetes_attributes::ALB_PREFIX;

/// Longest name of a server group.
const MAX_SERVER_GROUP_NAME: usize = 128;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn refuse(summary: &str, detail: String) -> Result<(), Problem> {
    Err(Problem::new(summary, detail))
}

/// V42, V48, V49.
pub(crate) fn listen_ports(value: &Value) -> Result<(), Problem> {
    let Some(ports) = value.as_list() else { return Ok(()) };
    if ports.is_empty() {
        return refuse(
            "No Listen Ports",
            "listen_ports is empty. Name a listener of the gateway, such as \"443/HTTPS\".".to_owned(),
        );
    }
    for port in ports.iter().filter_map(Value::as_str) {
        match split_port(port) {
            Some((_, "HTTPS")) => {}
            Some((_, protocol @ ("HTTP" | "QUIC"))) => {
                return refuse(
                    "Listener Cannot Carry gRPC",
                    format!(
                        "{port:?} is a listener for {protocol}; ALB serves gRPC on HTTPS listeners only. Name an HTTPS listener \
                         of the gateway, such as \"443/HTTPS\"."
                    ),
                );
            }
            _ => {
                return refuse(
                    "Invalid Listen Port",
                    format!(
                        "{port:?} is no listener. Write the port (1 to 65535), a slash and the protocol in capitals, such as \
                         \"443/HTTPS\"."
                    ),
                );
            }
        }
    }
    Ok(())
}

/// At least one rule.
pub(crate) fn some_rules(value: &Value) -> Result<(), Problem> {
    not_empty(value, "No Rules", "rules is empty: nothing would be published.")
}

/// At least one path.
pub(crate) fn some_paths(value: &Value) -> Result<(), Problem> {
    not_empty(value, "No Paths", "paths is empty: the host would publish nothing. For all methods use one path \"/\".")
}

/// V47.
pub(crate) fn some_tls(value: &Value) -> Result<(), Problem> {
    not_empty(
        value,
        "No TLS Entry",
        "tls is empty; the controller refuses gRPC without it, and that stops changes of every Ingress of the gateway. Add an \
         entry with the hosts and the Secret of their certificate.",
    )
}

fn not_empty(value: &Value, summary: &str, detail: &str) -> Result<(), Problem> {
    if value.as_list().is_some_and(<[Value]>::is_empty) { refuse(summary, detail.to_owned()) } else { Ok(()) }
}

/// A host name, perhaps with a wildcard for its first label. The API takes lower case; we write it so.
pub(crate) fn host(value: &Value) -> Result<(), Problem> {
    let host = text(value).to_ascii_lowercase();
    let labels = host.strip_prefix("*.").unwrap_or(&host);
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        !label.is_empty()
            && label.len() <= 63
            && label.starts_with(inner)
            && label.ends_with(inner)
            && label.chars().all(|c| inner(c) || c == '-')
    };
    if host.len() <= 253 && labels.split('.').all(label) && labels.parse::<std::net::IpAddr>().is_err() {
        return Ok(());
    }
    refuse(
        "Invalid Host",
        format!(
            "{:?} is no host name that an Ingress takes: a DNS name such as \"grpc.example.com\" or \"*.example.com\", without \
             port, and no IP address.",
            text(value)
        ),
    )
}

/// Host names do not depend on case.
pub(crate) fn same_host(a: &Value, b: &Value) -> bool {
    text(a).eq_ignore_ascii_case(text(b))
}

/// V62.
pub(crate) fn path(value: &Value) -> Result<(), Problem> {
    let path = text(value);
    let lower = path.to_ascii_lowercase();
    let bad = ["//", "/./", "/../", "%2f"].iter().find(|part| lower.contains(**part));
    let ending = ["/..", "/."].iter().find(|part| path.ends_with(**part));
    match (path.starts_with('/'), bad.or(ending)) {
        (true, None) => Ok(()),
        (false, _) => refuse("Invalid Path", format!("{path:?} does not start with '/'. Write an absolute path.")),
        (true, Some(part)) => refuse(
            "Invalid Path",
            format!("{path:?} holds {part:?}, which the Kubernetes API refuses. Write the path without it."),
        ),
    }
}

/// V63.
pub(crate) fn port(value: &Value) -> Result<(), Problem> {
    match value.as_i64() {
        Some(1..=65535) => Ok(()),
        found => {
            let found = found.map_or_else(|| "This".to_owned(), |number| number.to_string());
            refuse(
                "Invalid Service Port",
                format!("{found} is no port of a Service. Write a whole number from 1 to 65535."),
            )
        }
    }
}

/// V66 (weight).
pub(crate) fn weight(value: &Value) -> Result<(), Problem> {
    match value.as_i64() {
        Some(0..=100) => Ok(()),
        _ => refuse(
            "Invalid Canary Weight",
            "weight must be a whole number from 0 to 100: the percentage of requests.".to_owned(),
        ),
    }
}

/// V41, and keys that have an attribute.
pub(crate) fn annotations(value: &Value) -> Result<(), Problem> {
    for key in value.as_map().into_iter().flat_map(BTreeMap::keys) {
        if key == "kubernetes.io/ingress.class" {
            return refuse(
                "Obsolete Class Annotation",
                format!("The API refuses {key:?} beside a class name. Remove it; ingress_class_name says it already."),
            );
        }
        if let Some((_, attribute)) = TYPED_ANNOTATIONS.iter().find(|(name, _)| name == key) {
            return refuse(
                "Annotation Has an Attribute",
                format!("{key:?} is written by this resource. Use {attribute} instead."),
            );
        }
    }
    Ok(())
}

/// Rules over several attributes that make a configuration wrong.
pub(crate) fn validate(config: &GrpcIngress<Planned>, diagnostics: &mut Diagnostics) {
    let at = Path::attribute("rules");
    for (index, rule) in config.rules.known().into_iter().flatten().enumerate() {
        let Attr::Known(rule) = rule else { continue };
        host_is_in_tls(config, rule, &at.index(index), diagnostics);
        for (number, path) in rule.paths.known().into_iter().flatten().enumerate() {
            let Attr::Known(path) = path else { continue };
            path_matches_its_type(path, &at.index(index).attr("paths").index(number), diagnostics);
        }
    }
}

/// V55.
fn host_is_in_tls(config: &GrpcIngress<Planned>, rule: &Rule<Planned>, at: &Path, diagnostics: &mut Diagnostics) {
    let (Attr::Known(host), Attr::Known(tls)) = (&rule.host, &config.tls) else { return };
    let mut listed = BTreeSet::new();
    for entry in tls {
        let Attr::Known(entry) = entry else { return };
        match &entry.hosts {
            Attr::Unknown => return,
            Attr::Null => {}
            Attr::Known(hosts) => {
                for host in hosts {
                    let Attr::Known(host) = host else { return };
                    listed.insert(host.to_ascii_lowercase());
                }
            }
        }
    }
    if !listed.contains(&host.to_ascii_lowercase()) {
        let listed =
            if listed.is_empty() { "no host".to_owned() } else { listed.into_iter().collect::<Vec<_>>().join(", ") };
        diagnostics.error(
            at.attr("host"),
            "Host Without TLS Entry",
            format!(
                "Host {host:?} is in no tls entry (they list {listed}), so clients would be served a certificate of another \
                 host. Add it literally to tls[*].hosts; a wildcard there does not count."
            ),
        );
    }
}

/// V50, V60.
fn path_matches_its_type(path: &IngressPath<Planned>, at: &Path, diagnostics: &mut Diagnostics) {
    let default = |attr: &Attr<String>, default: &str| match attr {
        Attr::Known(text) => Some(text.clone()),
        Attr::Null => Some(default.to_owned()),
        Attr::Unknown => None,
    };
    let (Some(text), Some(kind)) = (default(&path.path, "/"), default(&path.path_type, "Prefix")) else { return };
    let wildcard = text.contains(['*', '?']);
    let method = {
        let mut parts = text.trim_start_matches('/').split('/');
        text.starts_with('/')
            && parts.next().is_some_and(|service| !service.is_empty())
            && parts.next().is_some_and(|method| !method.is_empty())
            && parts.next().is_none()
    };
    match kind.as_str() {
        "Prefix" | "Exact" if wildcard => diagnostics.error(
            at.attr("path"),
            "Wildcard in Path",
            format!(
                "Path {text:?} has a wildcard, which the controller refuses in {kind} paths; that stops changes of every \
                 Ingress of the gateway. Use path_type \"ImplementationSpecific\", or a prefix."
            ),
        ),
        "Exact" if !method => diagnostics.error(
            at.attr("path"),
            "Path Matches No gRPC Method",
            format!(
                "An Exact path matches one call, and {text:?} is none: gRPC calls have the path /package.Service/Method. Write \
                 the full method, or use path_type \"Prefix\"."
            ),
        ),
        "ImplementationSpecific" if text == "/" => diagnostics.error(
            at.attr("path_type"),
            "Path Matches No gRPC Method",
            "An ImplementationSpecific path \"/\" matches the path \"/\" alone, which no gRPC call has. Use path_type \
             \"Prefix\", or path \"/*\"."
                .to_owned(),
        ),
        _ => {}
    }
}

/// What is allowed but probably not meant; told when the plan changes something.
pub(crate) fn advise(planned: &GrpcIngress<Planned>, diagnostics: &mut Diagnostics) {
    for key in planned.annotations.known().into_iter().flat_map(BTreeMap::keys) {
        if key.starts_with(ALB_PREFIX) {
            diagnostics.warn(
                Path::attribute("annotations").key(key.as_str()),
                "Annotation Not Checked",
                format!(
                    "{key:?} goes to the controller unchecked: it ignores keys that it does not know, and a wrong value of a key \
                     it knows stops changes of every Ingress of the gateway."
                ),
            );
        }
    }
    let namespace = planned.namespace.known();
    let at = Path::attribute("rules");
    for (index, rule) in planned.rules.known().into_iter().flatten().enumerate() {
        let Attr::Known(rule) = rule else { continue };
        for (number, path) in rule.paths.known().into_iter().flatten().enumerate() {
            let Attr::Known(path) = path else { continue };
            let at = at.index(index).attr("paths").index(number);
            advise_path(path, &at, diagnostics);
            if let (Some(namespace), Attr::Known(service), Attr::Known(port)) =
                (namespace, &path.service_name, &path.service_port)
            {
                let group = format!("{namespace}-{service}-{port}");
                if group.len() > MAX_SERVER_GROUP_NAME {
                    // V75.
                    diagnostics.warn(
                        at.attr("service_name"),
                        "Server Group Name Too Long",
                        format!(
                            "The controller names the server group {group:?}, {} characters long; the cloud takes \
                             {MAX_SERVER_GROUP_NAME}. Use shorter names for namespace or Service.",
                            group.len()
                        ),
                    );
                }
            }
        }
    }
}

/// V50 (the soft part).
fn advise_path(path: &IngressPath<Planned>, at: &Path, diagnostics: &mut Diagnostics) {
    let (Attr::Known(text), Attr::Known(kind)) = (&path.path, &path.path_type) else { return };
    let full_method = text.split('/').filter(|part| !part.is_empty()).count() == 2;
    if kind == "ImplementationSpecific" && text != "/" && !text.contains(['*', '?']) && !full_method {
        diagnostics.warn(
            at.attr("path"),
            "Path May Match No gRPC Method",
            format!(
                "The ImplementationSpecific path {text:?} has no wildcard, so it matches itself alone; gRPC calls have the path \
                 /package.Service/Method. Add \"/*\", or use path_type \"Prefix\"."
            ),
        );
    }
}
