//! Rules about paths and their backends.

use super::routing::is_answered_here;
use super::{Config, Place, or_default, places, places_are_known, refuse, regex_mode};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::Attr;
use crate::framework::path::Path;
use crate::framework::schema::Problem;
use crate::framework::value::Value;

/// Longest name of a server group.
const MAX_SERVER_GROUP_NAME: usize = 128;

/// Path and type, with their defaults; `None` while one is unknown.
fn path_and_type<'a>(place: &Place<'a>) -> Option<(&'a str, &'a str)> {
    Some((or_default(&place.path.path, "/")?, or_default(&place.path.path_type, "Prefix")?))
}

/// Whether a path is that of one gRPC call, `/package.Service/Method`.
fn is_method(path: &str) -> bool {
    let mut parts = path.trim_start_matches('/').split('/');
    path.starts_with('/')
        && parts.next().is_some_and(|service| !service.is_empty())
        && parts.next().is_some_and(|method| !method.is_empty())
        && parts.next().is_none()
}

/// The paths whose requests go to a gRPC server. Not those that the gateway answers itself, such as a browser's `/`.
fn grpc_places(config: &Config) -> impl Iterator<Item = Place<'_>> {
    places(config).into_iter().filter(|place| !is_answered_here(config, place))
}

/// V50: a path must be able to match a gRPC call.
pub(super) fn v50_grpc_paths(config: &Config, diagnostics: &mut Diagnostics) {
    for place in grpc_places(config) {
        let Some((path, kind)) = path_and_type(&place) else { continue };
        match kind {
            "Exact" if !is_method(path) && !path.contains(['*', '?']) => diagnostics.error(
                place.at.attr("path"),
                "Path Matches No gRPC Method",
                format!(
                    "An Exact path matches one call, and {path:?} is none: gRPC calls have the path /package.Service/Method. Write \
                     the full method, or use path_type \"Prefix\"."
                ),
            ),
            "ImplementationSpecific" if path == "/" => diagnostics.error(
                place.at.attr("path_type"),
                "Path Matches No gRPC Method",
                "An ImplementationSpecific path \"/\" matches the path \"/\" alone, which no gRPC call has. Use path_type \
                 \"Prefix\", or path \"/*\".",
            ),
            _ => {}
        }
    }
}

/// V50, the part that is advice: a literal path that is no whole method.
pub(super) fn v50_grpc_paths_advice(config: &Config, diagnostics: &mut Diagnostics) {
    for place in grpc_places(config) {
        let Some((path, "ImplementationSpecific")) = path_and_type(&place) else { continue };
        if path != "/" && !path.contains(['*', '?']) && !is_method(path) {
            diagnostics.warn(
                place.at.attr("path"),
                "Path May Match No gRPC Method",
                format!(
                    "The ImplementationSpecific path {path:?} has no wildcard, so it matches itself alone; gRPC calls have the path \
                     /package.Service/Method. Add \"/*\", or use path_type \"Prefix\"."
                ),
            );
        }
    }
}

/// V60: no wildcards in `Exact` paths, nor in `Prefix` ones that are no regular expressions.
pub(super) fn v60_wildcards(config: &Config, diagnostics: &mut Diagnostics) {
    let regex = regex_mode(config);
    for place in places(config) {
        let Some((path, kind @ ("Prefix" | "Exact"))) = path_and_type(&place) else { continue };
        if path.contains(['*', '?']) && (kind == "Exact" || regex == Some(false)) {
            diagnostics.error(
                place.at.attr("path"),
                "Wildcard in Path",
                format!(
                    "Path {path:?} has a wildcard, which the controller refuses in {kind} paths; that stops changes of every \
                     Ingress of the gateway. Use path_type \"ImplementationSpecific\", or a prefix."
                ),
            );
        }
    }
}

/// V61: regular expressions and rewriting need paths of type `Prefix`.
pub(super) fn v61_regex_paths(config: &Config, diagnostics: &mut Diagnostics) {
    if regex_mode(config) != Some(true) {
        return;
    }
    let setting = if config.use_regex == Attr::Known(true) { "use_regex" } else { "rewrite_target" };
    for place in places(config) {
        let Some(kind @ ("Exact" | "ImplementationSpecific")) = or_default(&place.path.path_type, "Prefix") else {
            continue;
        };
        diagnostics.error(
            place.at.attr("path_type"),
            "Regular Expression Needs Prefix",
            format!(
                "With {setting} every path of the Ingress must have path_type \"Prefix\"; this one is {kind:?}, and the cloud would \
                 refuse its characters. Move it to an Ingress of its own, or leave {setting} out."
            ),
        );
    }
}

/// V62: what the Kubernetes API takes as a path. What it refuses inside of one it refuses in `Prefix` and `Exact` paths only
/// (Kubernetes `validateHTTPIngressPath`).
pub(super) fn v62_paths(config: &Config, diagnostics: &mut Diagnostics) {
    for place in places(config) {
        let Some(path) = or_default(&place.path.path, "/") else { continue };
        let at = place.at.attr("path");
        if !path.starts_with('/') {
            let detail = format!("{path:?} does not start with '/'. Write an absolute path.");
            diagnostics.error(at.clone(), "Invalid Path", detail);
        }
        let Some("Prefix" | "Exact") = or_default(&place.path.path_type, "Prefix") else { continue };
        let inside = ["//", "/./", "/../", "%2f", "%2F"].into_iter().filter(|part| path.contains(part));
        let ending = ["/..", "/."].into_iter().filter(|part| path.ends_with(part));
        let parts: Vec<String> = inside.chain(ending).map(|part| format!("{part:?}")).collect();
        if !parts.is_empty() {
            let parts = parts.join(" and ");
            diagnostics.error(
                at,
                "Invalid Path",
                format!("{path:?} holds {parts}, which the Kubernetes API refuses. Write the path without."),
            );
        }
    }
}

/// V63: the port of a Service is a number; the only name that controllers take is written where the port is left out.
pub(crate) fn v63_service_port(value: &Value) -> Result<(), Problem> {
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

/// V75: the name that the controller gives to a server group.
pub(super) fn v75_server_group_name(config: &Config, diagnostics: &mut Diagnostics) {
    let Attr::Known(namespace) = &config.namespace else { return };
    for place in places(config) {
        let (Attr::Known(service), Attr::Known(port)) = (&place.path.service_name, &place.path.service_port) else {
            continue;
        };
        let group = format!("{namespace}-{service}-{port}");
        if group.len() > MAX_SERVER_GROUP_NAME {
            diagnostics.warn(
                place.at.attr("service_name"),
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

/// V79, within one Ingress: a path that an earlier one catches, since the first match wins.
pub(super) fn v79_catch_all_first(config: &Config, diagnostics: &mut Diagnostics) {
    let (Some(regex), true) = (regex_mode(config), places_are_known(config)) else { return };
    let places = places(config);
    for (index, later) in places.iter().enumerate() {
        let catching = places.iter().take(index).find(|earlier| {
            covers_host(&earlier.rule.host, &later.rule.host)
                && covers_path(earlier, later, regex)
                && !has_conditions(config, earlier)
        });
        let Some(earlier) = catching else { continue };
        diagnostics.warn(
            later.at.clone(),
            "Path Behind a Catch-All",
            format!(
                "No call comes to {}: {} stands before it and matches everything that it would, and the first match wins. Put the \
                 more special one first.",
                later.at, earlier.at
            ),
        );
    }
}

fn covers_host(earlier: &Attr<String>, later: &Attr<String>) -> bool {
    match (earlier, later) {
        (Attr::Null, Attr::Null | Attr::Known(_)) => true,
        (Attr::Known(earlier), Attr::Known(later)) => {
            let (earlier, later) = (earlier.to_ascii_lowercase(), later.to_ascii_lowercase());
            let one_label = |suffix: &str| later.split_once('.').is_some_and(|(_, rest)| rest == suffix);
            earlier == later || earlier.strip_prefix("*.").is_some_and(one_label)
        }
        _ => false,
    }
}

fn covers_path(earlier: &Place<'_>, later: &Place<'_>, regex: bool) -> bool {
    let (Some((path, kind)), Some((other, other_kind))) = (path_and_type(earlier), path_and_type(later)) else {
        return false;
    };
    match kind {
        "Prefix" if path == "/" => true,
        "ImplementationSpecific" if path == "/*" => true,
        "Prefix" if !regex => {
            let prefix = path.trim_end_matches('/');
            other == prefix || other.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
        }
        _ => path == other && kind == other_kind,
    }
}

/// Whether custom conditions may keep requests from an earlier path.
fn has_conditions(config: &Config, place: &Place<'_>) -> bool {
    let routing = match (&config.custom_routing, &place.path.service_name) {
        (Attr::Known(routing), Attr::Known(service)) => routing.get(service),
        (Attr::Null, _) => None,
        _ => return true,
    };
    match routing {
        None | Some(Attr::Null) => false,
        Some(Attr::Unknown) => true,
        Some(Attr::Known(routing)) => !routing.conditions.is_null(),
    }
}

/// The attribute of a path's backend, for messages of other rules.
pub(super) fn service_port_of(place: &Place<'_>) -> Path {
    place.at.attr("service_port")
}
