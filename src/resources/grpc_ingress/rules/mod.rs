//! What a gRPC Ingress configuration may say: checks of single values, and rules over several. Silent about unknowns.
//!
//! The rule numbers are those of the provider's rule table (V02 to V80); each rule is one function that carries its number.
//! Facts: Ingress validation of the Kubernetes API and the controller's own checks, whose refusals would freeze every
//! Ingress of the gateway.

mod listening;
mod paths;
mod routing;
mod settings;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::model::{GrpcIngress, IngressPath, Rule};
use super::object::BACKEND_PROTOCOL;
use super::object::annotations::standing;
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::{Attr, Planned};
use crate::framework::path::Path;
use crate::framework::schema::Problem;
use crate::framework::value::Value;
use crate::kubernetes::{Object, ObjectRef};
use crate::resources::kubernetes_attributes::{ALB_PREFIX, check_annotation_keys, v74_unknown_annotation_key};

pub(crate) use listening::v47_tls;
pub(crate) use paths::v63_service_port;

/// A configuration or plan.
type Config = GrpcIngress<Planned>;

/// What makes a configuration wrong. If something does, advice is given too: no plan will come to do it.
pub(crate) fn validate(config: &Config, diagnostics: &mut Diagnostics) {
    check_annotation_keys(&config.annotations, &config.extra_annotations, &standing, diagnostics);
    let rules: &[fn(&Config, &mut Diagnostics)] = &[
        listening::v41_class,
        listening::v42_listen_ports,
        v45_protocol,
        listening::v48_https_only,
        listening::v49_no_quic,
        listening::v51_redirect_listeners,
        listening::v55_hosts_in_tls,
        listening::v55_https_without_tls,
        listening::v58_order,
        paths::v50_grpc_paths,
        paths::v60_wildcards,
        paths::v61_regex_paths,
        paths::v62_paths,
        routing::v64_final_actions,
        routing::v65_custom_routing,
        settings::v66_canary,
        settings::v67_scheduler,
        settings::v68_sticky_session,
        settings::v69_health_check,
        settings::v71_rate_limit,
        settings::v72_cors,
    ];
    rules.iter().for_each(|rule| rule(config, diagnostics));
    if diagnostics.has_errors() {
        advise(config, diagnostics);
    }
}

/// What is allowed but probably not meant; told when the plan changes something.
pub(crate) fn advise(planned: &Config, diagnostics: &mut Diagnostics) {
    v74_unknown_annotation_key(&planned.extra_annotations, &standing, diagnostics);
    let rules: &[fn(&Config, &mut Diagnostics)] = &[
        paths::v50_grpc_paths_advice,
        settings::v70_http_health_check,
        settings::connection_drain_advice,
        paths::v75_server_group_name,
        paths::v79_catch_all_first,
    ];
    rules.iter().for_each(|rule| rule(planned, diagnostics));
}

/// V45: the protocol is written by this resource alone, in the one spelling that controllers take for gRPC. Its own key is
/// refused wherever users can write keys, like that of every attribute; a key that differs from it in case only would be
/// ignored, and its author would take Pods for spoken to in another protocol.
fn v45_protocol(config: &Config, diagnostics: &mut Diagnostics) {
    let own = BACKEND_PROTOCOL.strip_prefix(ALB_PREFIX).unwrap_or_default();
    for (name, map) in [("annotations", &config.annotations), ("extra_annotations", &config.extra_annotations)] {
        for key in map.known().into_iter().flat_map(BTreeMap::keys) {
            let meant = key.strip_prefix(ALB_PREFIX).is_some_and(|spelled| spelled.eq_ignore_ascii_case(own));
            if meant && key != BACKEND_PROTOCOL {
                diagnostics.error(
                    Path::attribute(name).key(key.as_str()),
                    "Backend Protocol Is Fixed",
                    format!(
                        "{key:?} does not set the protocol towards the Pods: controllers read {BACKEND_PROTOCOL:?} alone, in this \
                         very spelling, which this resource writes as \"grpc\". Remove it."
                    ),
                );
            }
        }
    }
}

/// V73: a default backend, which controllers accept and never route to. This resource writes none; a live one may have it.
pub(crate) fn v73_default_backend(object: &ObjectRef, live: &Object, warnings: &mut Diagnostics) {
    if live.value().pointer("/spec/defaultBackend").is_some_and(|backend| !matches!(backend, Json::Null)) {
        warnings.push(Diagnostic::warning(
            "Default Backend Routes Nothing",
            format!(
                "{object} has spec.defaultBackend, which no controller routes to: calls that no rule matches get 503. Somebody \
                 else set it. Remove it there, and add a rule without host and with path \"/\" here if it was meant."
            ),
        ));
    }
}

/// At least one rule.
pub(crate) fn some_rules(value: &Value) -> Result<(), Problem> {
    not_empty(value, "No Rules", "rules is empty: nothing would be published. Write a rule for each host.")
}

/// At least one path.
pub(crate) fn some_paths(value: &Value) -> Result<(), Problem> {
    not_empty(value, "No Paths", "paths is empty: the host would publish nothing. For all methods use one path \"/\".")
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

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn refuse(summary: &str, detail: String) -> Result<(), Problem> {
    Err(Problem::new(summary, detail))
}

/// A path that is known, with its rule.
struct Place<'a> {
    rule: &'a Rule<Planned>,
    path: &'a IngressPath<Planned>,
    at: Path,
}

/// Every path of every rule, as far as they are known.
fn places(config: &Config) -> Vec<Place<'_>> {
    let at = Path::attribute("rules");
    let rules = config.rules.known().into_iter().flatten().enumerate();
    rules
        .filter_map(|(index, rule)| Some((at.index(index).attr("paths"), rule.known()?)))
        .flat_map(|(at, rule)| {
            let paths = rule.paths.known().into_iter().flatten().enumerate();
            paths.filter_map(move |(index, path)| Some(Place { rule, path: path.known()?, at: at.index(index) }))
        })
        .collect()
}

/// Whether no rule, list of paths or path is unknown.
fn places_are_known(config: &Config) -> bool {
    let known = |paths: &Attr<Vec<Attr<IngressPath<Planned>>>>| {
        !paths.is_unknown() && !paths.known().into_iter().flatten().any(Attr::is_unknown)
    };
    !config.rules.is_unknown()
        && config
            .rules
            .known()
            .into_iter()
            .flatten()
            .all(|rule| !rule.is_unknown() && rule.known().is_none_or(|rule| known(&rule.paths)))
}

/// The text, or the default where it is null; `None` while it is unknown.
fn or_default<'a>(attr: &'a Attr<String>, default: &'a str) -> Option<&'a str> {
    match attr {
        Attr::Known(text) => Some(text),
        Attr::Null => Some(default),
        Attr::Unknown => None,
    }
}

/// Whether paths of type `Prefix` are regular expressions; `None` while that is unknown.
fn regex_mode(config: &Config) -> Option<bool> {
    match (&config.use_regex, &config.rewrite_target) {
        (Attr::Known(true), _) | (_, Attr::Known(_)) => Some(true),
        (Attr::Unknown, _) | (_, Attr::Unknown) => None,
        (Attr::Known(false) | Attr::Null, Attr::Null) => Some(false),
    }
}

/// A number with its bounds.
struct Bounds {
    summary: &'static str,
    low: i64,
    high: i64,
    /// What the number is, to go on in a sentence.
    what: &'static str,
}

fn within(attr: &Attr<i64>, at: &Path, bounds: &Bounds, diagnostics: &mut Diagnostics) {
    let Bounds { summary, low, high, what } = bounds;
    if let Attr::Known(number) = attr
        && !(*low..=*high).contains(number)
    {
        diagnostics.error(
            at.clone(),
            *summary,
            format!(
                "{at} is {number}; {what} must be a whole number from {low} to {high}. The controller would refuse or ignore it."
            ),
        );
    }
}

fn among(attr: &Attr<String>, at: &Path, summary: &str, allowed: &[&str], diagnostics: &mut Diagnostics) {
    if let Attr::Known(word) = attr
        && !allowed.contains(&word.as_str())
    {
        let choices = allowed.iter().map(|choice| format!("\"{choice}\"")).collect::<Vec<_>>().join(", ");
        diagnostics.error(at.clone(), summary, format!("{word:?} is none of {choices}. Case matters."));
    }
}

/// The known texts of a list or set.
fn texts(attr: &Attr<Vec<Attr<String>>>) -> Vec<&str> {
    attr.known().into_iter().flatten().filter_map(Attr::known).map(String::as_str).collect()
}

/// Whether a list or set and all of its elements are known, or it is null.
fn is_whole<T>(attr: &Attr<Vec<Attr<T>>>) -> bool {
    !attr.is_unknown() && !attr.known().into_iter().flatten().any(Attr::is_unknown)
}
