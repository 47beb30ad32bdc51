//! Rules V21 to V32 and V80, about listeners, their certificates and timers.

use std::collections::{BTreeMap, BTreeSet};

use super::{Scene, elements, texts};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::path::Path;
use crate::framework::value::Value;
use crate::resources::alb_gateway::object::split_key;

/// TLS policies that every account has.
const SYSTEM_POLICIES: [&str; 5] = [
    "tls_cipher_policy_1_0",
    "tls_cipher_policy_1_1",
    "tls_cipher_policy_1_2",
    "tls_cipher_policy_1_2_strict",
    "tls_cipher_policy_1_2_strict_with_1_3",
];
/// Timers: seconds with the largest quota.
const MAX_TIMER_SECONDS: i64 = 3600;
/// Timers: seconds without a raised quota.
const USUAL_TIMER_SECONDS: i64 = 600;

const PROTOCOLS: [&str; 3] = ["HTTP", "HTTPS", "QUIC"];

fn keys(scene: &Scene<'_>) -> Vec<(String, Path)> {
    let listeners = scene.attr("listeners");
    let keys = listeners.as_map().into_iter().flat_map(|listeners| listeners.keys().cloned());
    keys.map(|key| (key.clone(), Path::attribute("listeners").key(key))).collect()
}

/// V21: the key of a listener begins with a port.
pub(crate) fn v21_listener_port(scene: &Scene<'_>, told: &mut Diagnostics) {
    for (key, at) in keys(scene) {
        let port = key.split('/').next().unwrap_or_default();
        if port.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == port) {
            continue;
        }
        told.error(
            at,
            "Invalid Listener Port",
            format!(
                "{port:?} in listener {key:?} is no port. Write a number from 1 to 65535, a slash and the protocol, such as \
                 \"443/HTTPS\"."
            ),
        );
    }
}

/// V22: the key of a listener ends with a protocol, in capitals.
pub(crate) fn v22_listener_protocol(scene: &Scene<'_>, told: &mut Diagnostics) {
    for (key, at) in keys(scene) {
        if key.split_once('/').is_some_and(|(_, protocol)| PROTOCOLS.contains(&protocol)) {
            continue;
        }
        told.error(
            at,
            "Invalid Listener",
            format!(
                "{key:?} is no listener. Write the port (1 to 65535), a slash and the protocol in capitals (HTTP, HTTPS or \
                 QUIC), such as \"443/HTTPS\"."
            ),
        );
    }
}

/// V23: a port carries one protocol, except HTTPS with QUIC.
pub(crate) fn v23_one_protocol_each_port(scene: &Scene<'_>, told: &mut Diagnostics) {
    let mut by_port: BTreeMap<u16, Vec<(String, Path, String)>> = BTreeMap::new();
    for (key, at) in keys(scene) {
        if let Some((port, protocol)) = split_key(&key).filter(|(_, protocol)| PROTOCOLS.contains(protocol)) {
            by_port.entry(port).or_default().push((key.clone(), at, protocol.to_owned()));
        }
    }
    for (port, listeners) in by_port {
        let protocols: Vec<&str> = listeners.iter().map(|(.., protocol)| protocol.as_str()).collect();
        if protocols.len() < 2 || protocols == ["HTTPS", "QUIC"] {
            continue;
        }
        for (_, at, _) in listeners.iter().skip(1) {
            told.error(
                at.clone(),
                "Listeners on One Port",
                format!(
                    "Port {port} has listeners for {}. A port carries one protocol, except HTTPS together with QUIC. Remove \
                     all but one.",
                    protocols.join(" and ")
                ),
            );
        }
    }
}

/// V24: timers have values that the cloud takes, usual ones if the quota was not raised.
pub(crate) fn v24_timers(scene: &Scene<'_>, told: &mut Diagnostics) {
    for (_, at, listener) in scene.listeners() {
        for name in ["idle_timeout", "request_timeout"] {
            let Value::Number(number) = listener.attr(name) else { continue };
            match number.to_i64() {
                Some(1..=USUAL_TIMER_SECONDS) => {}
                Some(seconds @ 1..=MAX_TIMER_SECONDS) => told.warn(
                    at.attr(name),
                    "Timer Needs a Raised Quota",
                    format!(
                        "{name} is {seconds} seconds; without a raised quota the cloud accepts up to {USUAL_TIMER_SECONDS}. Have the \
                         quota raised first, or shorten it."
                    ),
                ),
                _ => told.error(
                    at.attr(name),
                    "Invalid Listener Timer",
                    format!(
                        "{name} is {number}. Use whole seconds from 1 to {USUAL_TIMER_SECONDS}, or up to {MAX_TIMER_SECONDS} \
                         with a raised quota."
                    ),
                ),
            }
        }
    }
}

/// V25: settings of TLS are for listeners that have it.
pub(crate) fn v25_tls_settings(scene: &Scene<'_>, told: &mut Diagnostics) {
    let set = |value: &Value| match value {
        Value::Null | Value::Unknown(_) => false,
        Value::List(list) => !list.is_empty(),
        _ => true,
    };
    let mut refuse = |key: &str, at: &Path, listener: &Value, names: &[&str], where_to: &str| {
        for name in names.iter().filter(|name| set(&listener.attr(name))) {
            told.error(
                at.attr(*name),
                "Setting Needs a TLS Listener",
                format!("{name} has no effect on listener {key:?}: only {where_to} listeners have it. Remove it."),
            );
        }
    };
    // A listener of no known protocol may be meant as one of HTTPS: the rule about protocols tells it, this one is silent.
    for (key, at, listener) in ["HTTP", "QUIC"].into_iter().flat_map(|protocol| scene.listeners_of(protocol)) {
        let names = ["security_policy_id", "http2_enabled", "ca_enabled", "ca_certificates"];
        refuse(&key, &at, &listener, &names, "HTTPS");
    }
    for (key, at, listener) in scene.listeners_of("HTTP") {
        refuse(&key, &at, &listener, &["certificates", "default_certificate"], "HTTPS and QUIC");
    }
}

/// V27: certificates are named by their identifiers.
pub(crate) fn v27_certificate_id(scene: &Scene<'_>, told: &mut Diagnostics) {
    for (_, at, listener) in scene.listeners() {
        let mut named: Vec<(Path, Value)> = elements(&listener.attr("certificates"), &at.attr("certificates"))
            .into_iter()
            .map(|(at, certificate)| (at.attr("certificate_id"), certificate.attr("certificate_id")))
            .collect();
        let default = at.attr("default_certificate").attr("certificate_id");
        named.push((default, listener.attr("default_certificate").attr("certificate_id")));
        let authorities = texts(&listener.attr("ca_certificates")).into_iter();
        named.extend(authorities.map(|id| (at.attr("ca_certificates"), Value::String(id))));
        for (at, id) in named {
            if let Some(id) = id.as_str().filter(|id| !is_identifier(id)) {
                told.error(
                    at,
                    "Invalid Certificate ID",
                    format!(
                        "{id:?} is no certificate identifier. The certificate service shows it as CertIdentifier: digits, '-' \
                         and the region, such as \"1234567-cn-hangzhou\"."
                    ),
                );
            }
        }
    }
}

fn is_identifier(id: &str) -> bool {
    id.split_once('-').is_some_and(|(number, region)| {
        !number.is_empty()
            && number.chars().all(|c| c.is_ascii_digit())
            && !region.is_empty()
            && region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    })
}

/// V28: at most one certificate is the default. It is written first (see [`super::written::v28_default_first`]).
pub(crate) fn v28_one_default_certificate(scene: &Scene<'_>, told: &mut Diagnostics) {
    for (_, at, listener) in scene.listeners() {
        let certificates = elements(&listener.attr("certificates"), &at.attr("certificates"));
        let defaults = certificates.iter().filter(|(_, one)| one.attr("default").as_bool() == Some(true));
        for (at, _) in defaults.skip(1) {
            told.error(
                at.attr("default"),
                "Several Default Certificates",
                "More than one certificate has default = true. A listener has one default certificate: mark one.",
            );
        }
    }
}

/// A certificate is listed once.
pub(crate) fn no_certificate_twice(scene: &Scene<'_>, told: &mut Diagnostics) {
    for (_, at, listener) in scene.listeners() {
        let mut seen = BTreeSet::new();
        for (at, certificate) in elements(&listener.attr("certificates"), &at.attr("certificates")) {
            if let Some(id) = certificate.attr("certificate_id").as_str()
                && !seen.insert(id.to_owned())
            {
                let text = format!("Certificate {id:?} is listed twice. List it once.");
                told.error(at.attr("certificate_id"), "Duplicate Certificate", text);
            }
        }
    }
}

/// V29: mutual TLS has authorities to check clients against.
pub(crate) fn v29_ca_certificates(scene: &Scene<'_>, told: &mut Diagnostics) {
    for (key, at, listener) in scene.listeners() {
        let authorities = listener.attr("ca_certificates");
        let none = authorities.is_null() || authorities.as_list().is_some_and(<[Value]>::is_empty);
        if listener.attr("ca_enabled").as_bool() == Some(true) && none {
            told.error(
                at.attr("ca_enabled"),
                "Mutual TLS Without Authorities",
                format!(
                    "Listener {key:?} shall check client certificates, but ca_certificates names no authority to check them \
                     against. Name at least one."
                ),
            );
        }
    }
}

/// V30: HTTP/2 is left to its default.
pub(crate) fn v30_explicit_http2(scene: &Scene<'_>, told: &mut Diagnostics) {
    for (_, at, listener) in scene.listeners_of("HTTPS") {
        if listener.attr("http2_enabled").as_bool().is_some() {
            told.warn(
                at.attr("http2_enabled"),
                "HTTP/2 Set Explicitly",
                "The open-source controller takes any written value of http2_enabled for false, and gRPC needs HTTP/2. Leave \
                 it out unless you want to switch HTTP/2 off.",
            );
        }
    }
}

/// V32: the TLS policy is a system one or a custom one.
pub(crate) fn v32_security_policy(scene: &Scene<'_>, told: &mut Diagnostics) {
    for (_, at, listener) in scene.listeners() {
        let policy = listener.attr("security_policy_id");
        let Some(id) = policy.as_str() else { continue };
        let custom = !id.starts_with("tls_cipher_policy") && !id.is_empty() && !id.contains(char::is_whitespace);
        if !SYSTEM_POLICIES.contains(&id) && !custom {
            told.error(
                at.attr("security_policy_id"),
                "Unknown TLS Policy",
                format!(
                    "{id:?} is no TLS policy. Use one of {}, or the ID of a custom policy.",
                    SYSTEM_POLICIES.join(", ")
                ),
            );
        }
    }
}

/// V80: old versions of TLS only weaken a listener that serves gRPC.
pub(crate) fn v80_old_tls(scene: &Scene<'_>, told: &mut Diagnostics) {
    for (key, at, listener) in scene.listeners_of("HTTPS") {
        let policy = listener.attr("security_policy_id");
        let weak = policy.is_null() || SYSTEM_POLICIES.iter().take(2).any(|old| policy.as_str() == Some(old));
        if weak {
            told.warn(
                at.attr("security_policy_id"),
                "Old TLS Versions Accepted",
                format!(
                    "Listener {key:?} accepts TLS 1.0 or 1.1{}. gRPC clients speak TLS 1.2 or later, so that only weakens it. \
                     Set security_policy_id to \"tls_cipher_policy_1_2\" or stricter.",
                    if policy.is_null() { " by default" } else { "" }
                ),
            );
        }
    }
}
