//! What a gateway configuration may say: checks of single values, and rules over several. Silent about unknowns.
//!
//! The rule numbers are those of the provider's rule table (V02 to V80). Facts: ALB product limits and the controller's
//! own refusals, which users would otherwise meet minutes later as an Event.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Certificate, Gateway, Listener, ZoneMapping};
use super::object::{certificates as written_certificates, split_key};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Attr, Field, Planned, Stored};
use crate::framework::path::Path;
use crate::framework::schema::Problem;
use crate::framework::value::Value;
use crate::resources::kubernetes_attributes::ALB_PREFIX;

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

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn refuse(summary: &str, detail: String) -> Result<(), Problem> {
    Err(Problem::new(summary, detail))
}

/// V37: at least one member.
pub(crate) fn some_clusters(value: &Value) -> Result<(), Problem> {
    if value.as_list().is_some_and(<[Value]>::is_empty) {
        return refuse(
            "No Member Clusters",
            "remote_clusters is empty: the gateway would have no backends. Name the member clusters, two or more."
                .to_owned(),
        );
    }
    Ok(())
}

/// V37: no characters that would break the list in the annotation.
pub(crate) fn cluster_id(value: &Value) -> Result<(), Problem> {
    let id = text(value);
    if id.is_empty() || id.contains(|c: char| c == ',' || c.is_whitespace()) {
        return refuse(
            "Invalid Cluster ID",
            format!(
                "{id:?} in remote_clusters is no cluster ID. Write each ID as an element of its own, without spaces or commas."
            ),
        );
    }
    Ok(())
}

/// Name of the load balancer as the cloud takes it.
pub(crate) fn load_balancer_name(value: &Value) -> Result<(), Problem> {
    let name = text(value);
    let count = name.chars().count();
    let starts = name.starts_with(|c: char| c.is_alphabetic());
    let rest = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if (2..=128).contains(&count) && starts && rest {
        return Ok(());
    }
    refuse(
        "Invalid Load Balancer Name",
        format!(
            "{name:?} is refused by the cloud. Use 2 to 128 letters, digits, '.', '_' and '-', starting with a letter."
        ),
    )
}

/// V04.
pub(crate) fn vswitch_id(value: &Value) -> Result<(), Problem> {
    prefixed(text(value), "vsw-", "Invalid vSwitch ID", "a vSwitch of the Fleet's VPC, such as \"vsw-bp1abc\"")
}

/// An elastic IP address.
pub(crate) fn allocation_id(value: &Value) -> Result<(), Problem> {
    prefixed(text(value), "eip-", "Invalid Elastic IP ID", "an elastic IP address, such as \"eip-bp1abc\"")
}

fn prefixed(id: &str, prefix: &str, summary: &str, what: &str) -> Result<(), Problem> {
    let tail = id.strip_prefix(prefix).unwrap_or_default();
    if !tail.is_empty() && tail.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        return Ok(());
    }
    refuse(summary, format!("{id:?} is no ID of {what}."))
}

/// V03 (the hard part), V05.
pub(crate) fn zone_mappings(value: &Value) -> Result<(), Problem> {
    let Some(mappings) = value.as_list() else { return Ok(()) };
    if mappings.is_empty() {
        return refuse(
            "No Zone Mappings",
            "zone_mappings is empty: a load balancer needs at least one vSwitch, in most regions two in different zones."
                .to_owned(),
        );
    }
    for (name, what) in [("vswitch_id", "vSwitch"), ("zone_id", "zone")] {
        let mut seen = BTreeSet::new();
        for mapping in mappings {
            let id = mapping.attr(name);
            if let Some(id) = id.as_str()
                && !seen.insert(id.to_owned())
            {
                return refuse(
                    "Duplicate Zone Mapping",
                    format!(
                        "Two zone_mappings name {what} {id:?}. Each zone mapping needs a zone and vSwitch of its own."
                    ),
                );
            }
        }
    }
    Ok(())
}

/// V15.
pub(crate) fn tags(value: &Value) -> Result<(), Problem> {
    for key in value.as_map().into_iter().flat_map(BTreeMap::keys) {
        if key.is_empty() || key.starts_with("aliyun") || key.starts_with("acs:") {
            return refuse(
                "Invalid Tag Key",
                format!(
                    "{key:?} is no tag key that the cloud accepts: keys are not empty and do not start with \"aliyun\" or \
                     \"acs:\"."
                ),
            );
        }
    }
    Ok(())
}

/// Description of a listener as the cloud takes it.
pub(crate) fn listener_description(value: &Value) -> Result<(), Problem> {
    let count = text(value).chars().count();
    if (2..=256).contains(&count) {
        return Ok(());
    }
    refuse("Invalid Listener Description", format!("The description has {count} characters. Use 2 to 256."))
}

/// V24 (the hard part).
pub(crate) fn timer(name: &'static str) -> impl Fn(&Value) -> Result<(), Problem> + Send + Sync + 'static {
    move |value| match value.as_i64() {
        Some(1..=MAX_TIMER_SECONDS) => Ok(()),
        _ => {
            let shown = if let Value::Number(number) = value { number.to_string() } else { String::new() };
            refuse(
                "Invalid Listener Timer",
                format!(
                    "{name} is {shown}. Use whole seconds from 1 to {USUAL_TIMER_SECONDS}, or up to {MAX_TIMER_SECONDS} with a \
                     raised quota."
                ),
            )
        }
    }
}

/// V32.
pub(crate) fn security_policy(value: &Value) -> Result<(), Problem> {
    let id = text(value);
    let known = SYSTEM_POLICIES.contains(&id);
    let custom = !id.starts_with("tls_cipher_policy") && !id.is_empty() && !id.contains(char::is_whitespace);
    if known || custom {
        return Ok(());
    }
    refuse(
        "Unknown TLS Policy",
        format!("{id:?} is no TLS policy. Use one of {}, or the ID of a custom policy.", SYSTEM_POLICIES.join(", ")),
    )
}

/// V27.
pub(crate) fn certificate_id(value: &Value) -> Result<(), Problem> {
    let id = text(value);
    let valid = id.split_once('-').is_some_and(|(number, region)| {
        !number.is_empty()
            && number.chars().all(|c| c.is_ascii_digit())
            && !region.is_empty()
            && region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    });
    if valid {
        return Ok(());
    }
    refuse(
        "Invalid Certificate ID",
        format!(
            "{id:?} is no certificate identifier. The certificate service shows it as CertIdentifier: digits, '-' and the \
             region, such as \"1234567-cn-hangzhou\"."
        ),
    )
}

/// V28 (at most one default), and no certificate twice.
pub(crate) fn certificates(value: &Value) -> Result<(), Problem> {
    let Some(list) = value.as_list() else { return Ok(()) };
    if list.iter().filter(|certificate| certificate.attr("default").as_bool() == Some(true)).count() > 1 {
        return refuse(
            "Several Default Certificates",
            "More than one certificate has default = true. A listener has one default certificate.".to_owned(),
        );
    }
    let mut seen = BTreeSet::new();
    for certificate in list {
        if let Some(id) = certificate.attr("certificate_id").as_str()
            && !seen.insert(id.to_owned())
        {
            return refuse("Duplicate Certificate", format!("Certificate {id:?} is listed twice. List it once."));
        }
    }
    Ok(())
}

/// V21, V22, V23.
pub(crate) fn listener_keys(value: &Value) -> Result<(), Problem> {
    let mut protocols: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for key in value.as_map().into_iter().flat_map(BTreeMap::keys) {
        let Some((port, protocol)) =
            split_key(key).filter(|(_, protocol)| ["HTTP", "HTTPS", "QUIC"].contains(protocol))
        else {
            return refuse(
                "Invalid Listener",
                format!(
                    "{key:?} is no listener. Write the port (1 to 65535), a slash and the protocol in capitals (HTTP, HTTPS or \
                     QUIC), such as \"443/HTTPS\"."
                ),
            );
        };
        protocols.entry(port).or_default().push(protocol);
    }
    for (port, protocols) in protocols {
        if protocols.len() > 1 && protocols != ["HTTPS", "QUIC"] {
            return refuse(
                "Listeners on One Port",
                format!(
                    "Port {port} has listeners for {}. A port carries one protocol, except HTTPS together with QUIC. Remove \
                     all but one.",
                    protocols.join(" and ")
                ),
            );
        }
    }
    Ok(())
}

/// The same vSwitches with the same settings, in any order.
pub(crate) fn same_zone_mappings(a: &Value, b: &Value) -> bool {
    let read = |value: &Value| {
        let mut mappings = Vec::<ZoneMapping<Stored>>::from_value(value).ok()?;
        mappings.sort_by(|a, b| a.vswitch_id.cmp(&b.vswitch_id));
        Some(mappings)
    };
    read(a).is_some_and(|a| read(b).is_some_and(|b| a == b))
}

/// The same certificates, the same one first.
pub(crate) fn same_certificates(a: &Value, b: &Value) -> bool {
    let read = |value: &Value| {
        let list = Vec::<Certificate<Stored>>::from_value(value).ok()?;
        Some(written_certificates(list.iter()))
    };
    read(a).is_some_and(|a| read(b).is_some_and(|b| a == b))
}

/// Rules over several attributes that make a configuration wrong.
pub(crate) fn validate(config: &Gateway<Planned>, diagnostics: &mut Diagnostics) {
    for (key, listener) in config.listeners.known().into_iter().flatten() {
        if let (Some((_, protocol)), Attr::Known(listener)) = (split_key(key), listener) {
            tls_settings_need_https(key, protocol, listener, diagnostics);
        }
    }
    for key in config.annotations.known().into_iter().flat_map(BTreeMap::keys) {
        let at = Path::attribute("annotations").key(key.as_str());
        if key == super::object::REMOTE_CLUSTERS {
            diagnostics.error(
                at,
                "Annotation Has an Attribute",
                format!("{key:?} is written by this resource. Use the attribute remote_clusters instead."),
            );
        }
    }
    if config.manage_ingress_class == Attr::Known(true)
        && let (Attr::Known(name), Attr::Null) = (&config.name, &config.ingress_class_name)
        && name.is_empty()
    {
        diagnostics.error(Path::attribute("name"), "Invalid Gateway Name", "The name is empty.".to_owned());
    }
}

/// V25.
fn tls_settings_need_https(key: &str, protocol: &str, listener: &Listener<Planned>, diagnostics: &mut Diagnostics) {
    let at = Path::attribute("listeners").key(key);
    let mut refuse = |name: &str, where_to: &str| {
        diagnostics.error(
            at.attr(name),
            "Setting Needs a TLS Listener",
            format!("{name} has no effect on listener {key:?}: only {where_to} listeners have it. Remove it."),
        );
    };
    if protocol != "HTTPS" && !listener.security_policy_id.is_null() {
        refuse("security_policy_id", "HTTPS");
    }
    if protocol != "HTTPS" && !listener.http2_enabled.is_null() {
        refuse("http2_enabled", "HTTPS");
    }
    let some_certificates = listener.certificates.known().is_some_and(|list| !list.is_empty());
    if protocol == "HTTP" && some_certificates {
        refuse("certificates", "HTTPS and QUIC");
    }
}

/// What is allowed but probably not meant; told when the plan changes something.
pub(crate) fn advise(planned: &Gateway<Planned>, creating: bool, diagnostics: &mut Diagnostics) {
    advise_clusters(planned, diagnostics);
    if let Attr::Known(mappings) = &planned.zone_mappings
        && mappings.len() == 1
    {
        diagnostics.warn(
            Path::attribute("zone_mappings"),
            "Single Zone",
            "The gateway has one zone mapping. Most regions refuse that, and the gateway fails with its zone. Add a vSwitch in \
             another zone.",
        );
    }
    if creating
        && !planned.address_allocated_mode.is_unknown()
        && planned.address_allocated_mode.known().is_none_or(|mode| mode == "Dynamic")
    {
        diagnostics.warn(
            Path::attribute("address_allocated_mode"),
            "Dynamic Addresses",
            "A new load balancer with address_allocated_mode \"Dynamic\" (also the default) cannot be bought in newer regions. \
             Use \"Fixed\" unless you know that yours sells it.",
        );
    }
    for (key, listener) in planned.listeners.known().into_iter().flatten() {
        if let (Some((_, protocol)), Attr::Known(listener)) = (split_key(key), listener) {
            advise_listener(key, protocol, listener, diagnostics);
        }
    }
    for key in planned.annotations.known().into_iter().flat_map(BTreeMap::keys) {
        // V74.
        if key.starts_with(ALB_PREFIX) && key != super::object::REMOTE_CLUSTERS {
            diagnostics.warn(
                Path::attribute("annotations").key(key.as_str()),
                "Annotation Not Known",
                format!("The controller is not known to read {key:?} on an AlbConfig; it ignores keys that it does not know."),
            );
        }
    }
}

/// V37 (the soft part), V38.
fn advise_clusters(planned: &Gateway<Planned>, diagnostics: &mut Diagnostics) {
    let Attr::Known(clusters) = &planned.remote_clusters else { return };
    let at = Path::attribute("remote_clusters");
    if clusters.len() == 1 {
        diagnostics.warn(
            at.clone(),
            "Single Member Cluster",
            "The gateway routes to one member cluster, so it is no multi-cluster gateway yet. Add a second one.",
        );
    }
    let odd: Vec<&str> = clusters
        .iter()
        .filter_map(Attr::known)
        .filter(|id| {
            let hex = id.strip_prefix('c').unwrap_or_default();
            hex.len() != 32 || !hex.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
        })
        .map(String::as_str)
        .collect();
    if !odd.is_empty() {
        diagnostics.warn(
            at,
            "Unusual Cluster ID",
            format!(
                "IDs of ACK clusters are a \"c\" and 32 hexadecimal digits, unlike {}. A wrong ID gives the gateway no backends \
                 there.",
                odd.join(", ")
            ),
        );
    }
}

/// V24 (the soft part), V30, V80.
fn advise_listener(key: &str, protocol: &str, listener: &Listener<Planned>, diagnostics: &mut Diagnostics) {
    let at = Path::attribute("listeners").key(key);
    for (name, timer) in [("idle_timeout", &listener.idle_timeout), ("request_timeout", &listener.request_timeout)] {
        if let Some(seconds) = timer.known().filter(|seconds| **seconds > USUAL_TIMER_SECONDS) {
            diagnostics.warn(
                at.attr(name),
                "Timer Needs a Raised Quota",
                format!(
                    "{name} is {seconds} seconds; without a raised quota the cloud accepts up to {USUAL_TIMER_SECONDS}."
                ),
            );
        }
    }
    if !listener.http2_enabled.is_null() && protocol == "HTTPS" {
        diagnostics.warn(
            at.attr("http2_enabled"),
            "HTTP/2 Set Explicitly",
            "The open-source controller takes any written value of http2_enabled for false, and gRPC needs HTTP/2. Leave it \
             out unless you want to switch HTTP/2 off.",
        );
    }
    let weak = match &listener.security_policy_id {
        Attr::Known(policy) => policy == "tls_cipher_policy_1_0" || policy == "tls_cipher_policy_1_1",
        Attr::Null => true,
        Attr::Unknown => false,
    };
    if weak && protocol == "HTTPS" {
        diagnostics.warn(
            at.attr("security_policy_id"),
            "Old TLS Versions Accepted",
            format!(
                "Listener {key:?} accepts TLS 1.0 or 1.1{}. gRPC clients speak TLS 1.2 or later, so that only weakens it. Set \
                 security_policy_id to \"tls_cipher_policy_1_2\" or stricter.",
                if listener.security_policy_id.is_null() { " by default" } else { "" }
            ),
        );
    }
}
