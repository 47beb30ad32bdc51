//! Rules about custom conditions and actions.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::paths::service_port_of;
use super::{Bounds, Config, Place, or_default, places, places_are_known, texts, within};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Attr, Field, Planned};
use crate::framework::path::Path;
use crate::framework::value::Value;
use crate::resources::grpc_ingress::model::routing::{Action, Condition, CustomRouting, ForwardGroup, Redirect};

/// Actions that answer a request.
const FINAL: [&str; 3] = ["forward_group", "redirect", "fixed_response"];
/// Longest name of an annotation after its prefix (Kubernetes), and the longest that stands before a Service here.
const MAX_KEY: usize = 63;

fn at_service(service: &str) -> Path {
    Path::attribute("custom_routing").key(service)
}

/// The actions that answer, with their paths; `None` while an action is unknown.
fn finals(routing: Option<&CustomRouting<Planned>>, service: &str) -> Option<Vec<Path>> {
    let actions = match routing.map(|routing| &routing.actions) {
        None | Some(Attr::Null) => return Some(Vec::new()),
        Some(Attr::Unknown) => return None,
        Some(Attr::Known(actions)) => actions,
    };
    let mut found = Vec::new();
    for (index, action) in actions.iter().enumerate() {
        let Attr::Known(action) = action else { return None };
        let value = action.to_value();
        for name in FINAL {
            match value.attr(name) {
                Value::Unknown(_) => return None,
                Value::Null => {}
                _ => found.push(at_service(service).attr("actions").index(index).attr(name)),
            }
        }
    }
    Some(found)
}

/// Whether the gateway itself answers a path, or may do so: by a redirect or a fixed response.
pub(super) fn is_answered_here(config: &Config, place: &Place<'_>) -> bool {
    if place.path.service_port.known().is_some() {
        return false;
    }
    let routing = match (&config.custom_routing, &place.path.service_name) {
        (Attr::Null, _) => return false,
        (Attr::Known(routing), Attr::Known(service)) => routing.get(service),
        _ => return true,
    };
    let actions = match routing {
        None | Some(Attr::Null) => return false,
        Some(Attr::Unknown) => return true,
        Some(Attr::Known(routing)) => &routing.actions,
    };
    let answers = |action: &Attr<Action<Planned>>| match action {
        Attr::Known(action) => !action.redirect.is_null() || !action.fixed_response.is_null(),
        Attr::Null => false,
        Attr::Unknown => true,
    };
    actions.is_unknown() || actions.known().into_iter().flatten().any(answers)
}

/// V64: a path without port is answered by exactly one final action of its Service, and one with a port by none.
pub(super) fn v64_final_actions(config: &Config, diagnostics: &mut Diagnostics) {
    let routing = match &config.custom_routing {
        Attr::Known(routing) => Some(routing),
        Attr::Null => None,
        Attr::Unknown => return,
    };
    for place in places(config) {
        let Attr::Known(service) = &place.path.service_name else { continue };
        let of_service = match routing.and_then(|routing| routing.get(service)) {
            Some(Attr::Unknown) => continue,
            Some(Attr::Known(routing)) => Some(routing),
            Some(Attr::Null) | None => None,
        };
        let Some(found) = finals(of_service, service) else { continue };
        match (&place.path.service_port, found.first()) {
            (Attr::Null, None) => diagnostics.error(
                service_port_of(&place),
                "Backend Without Port or Action",
                format!(
                    "The path has no service_port, so a custom action must answer it, and custom_routing[{service:?}] has none of \
                     forward_group, redirect and fixed_response. Set the port, or add such an action."
                ),
            ),
            (Attr::Known(port), Some(action)) => diagnostics.error(
                service_port_of(&place),
                "Port Beside a Final Action",
                format!(
                    "The path forwards to port {port} of {service:?}, and {action} answers it too; the controller refuses two, which \
                     stops changes of every Ingress of the gateway. Leave service_port out, or remove the action."
                ),
            ),
            _ => {}
        }
    }
    for (service, of_service) in routing.into_iter().flatten() {
        for second in finals(of_service.known(), service).unwrap_or_default().into_iter().skip(1) {
            diagnostics.error(
                second,
                "Several Final Actions",
                "Only one of the actions of a Service may be forward_group, redirect or fixed_response; the controller refuses more, \
                 which stops changes of every Ingress of the gateway. Keep one.",
            );
        }
        if "rule-direction.".len() + service.len() > MAX_KEY {
            diagnostics.error(
                at_service(service),
                "Service Name Too Long for Routing",
                format!(
                    "The routing of {service:?} is kept in annotations named after it, and Kubernetes takes {MAX_KEY} characters for \
                     such a name. Use a Service with a name of at most {} characters.",
                    MAX_KEY - "rule-direction.".len()
                ),
            );
        }
    }
    routing_has_a_path(config, diagnostics);
}

/// The other half of V64: routing of a Service that no path leads to is ignored without a word.
fn routing_has_a_path(config: &Config, diagnostics: &mut Diagnostics) {
    let places = places(config);
    if !places_are_known(config) || places.iter().any(|place| place.path.service_name.is_unknown()) {
        return;
    }
    let services: BTreeSet<&str> =
        places.iter().filter_map(|place| place.path.service_name.known()).map(String::as_str).collect();
    for service in config.custom_routing.known().into_iter().flatten().map(|(service, _)| service) {
        if !services.contains(service.as_str()) {
            diagnostics.error(
                at_service(service),
                "Routing Without Path",
                format!(
                    "No path leads to Service {service:?}, so the controller ignores its routing without a word. The paths lead to \
                     {}. Use the service_name of a path as the key.",
                    services.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
                ),
            );
        }
    }
}

/// V65: what conditions and actions may hold.
pub(super) fn v65_custom_routing(config: &Config, diagnostics: &mut Diagnostics) {
    for (service, routing) in config.custom_routing.known().into_iter().flatten() {
        let Attr::Known(routing) = routing else { continue };
        conditions(routing, &at_service(service), diagnostics);
        actions(routing, &at_service(service).attr("actions"), diagnostics);
    }
}

/// The attributes that an object sets; `None` if that is open.
fn set_attributes(value: &Value) -> Option<Vec<&str>> {
    let fields = value.as_map()?;
    let set: Vec<&str> = fields.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name.as_str()).collect();
    let open = fields.values().any(Value::is_unknown);
    let known = fields.values().filter(|value| !value.is_null() && !value.is_unknown()).count();
    (!open || known > 1).then_some(set)
}

/// Each element of `conditions` and `actions` is of exactly one type; the titles are for one of none and for one of several.
fn exactly_one(value: &Value, at: &Path, [empty, ambiguous]: [&str; 2], diagnostics: &mut Diagnostics) {
    let (summary, detail) = match set_attributes(value).as_deref() {
        None | Some([_]) => return,
        Some([]) => (empty, format!("{at} sets nothing. Set one of its attributes, or remove it.")),
        Some(several) => {
            (ambiguous, format!("{at} sets {}. Make an element of the list for each.", several.join(" and ")))
        }
    };
    diagnostics.error(at.clone(), summary, detail);
}

fn conditions(routing: &CustomRouting<Planned>, at: &Path, diagnostics: &mut Diagnostics) {
    let response = or_default(&routing.direction, "Request").map(|direction| direction == "Response");
    let at = at.attr("conditions");
    let mut values = 0;
    for (index, condition) in routing.conditions.known().into_iter().flatten().enumerate() {
        let (at, Attr::Known(condition)) = (at.index(index), condition) else { continue };
        let value = condition.to_value();
        exactly_one(&value, &at, ["Empty Condition", "Ambiguous Condition"], diagnostics);
        for (name, value) in value.as_map().into_iter().flatten() {
            let at = at.attr(name.as_str());
            let (at_list, list) = match value.as_map() {
                Some(_) => (at.attr("values"), value.attr("values")),
                None => (at.clone(), value.clone()),
            };
            // Unknown elements of a set may turn out to be equal to others.
            values += list.as_list().into_iter().flatten().filter(|value| !value.is_unknown()).count();
            if list.as_list().is_some_and(<[Value]>::is_empty) {
                diagnostics.error(
                    at_list,
                    "Empty Condition",
                    format!("{at} has no value, so nothing can match it. Write values, or remove it."),
                );
            }
            if name.starts_with("response_") && !value.is_null() && response == Some(false) {
                diagnostics.error(
                    at,
                    "Condition on the Response",
                    format!(
                        "{name} is known only when the answer is there. Set direction to \"Response\", or remove it."
                    ),
                );
            }
        }
        source_ips(condition, &at.attr("source_ips"), diagnostics);
    }
    if values > 10 {
        diagnostics.error(
            at.clone(),
            "Too Many Condition Values",
            format!("The conditions have {values} values together; the cloud takes 10 for a rule. Spread them over several Services."),
        );
    }
}

fn source_ips(condition: &Condition<Planned>, at: &Path, diagnostics: &mut Diagnostics) {
    let ips = texts(&condition.source_ips);
    if ips.len() > 5 {
        diagnostics.error(
            at.clone(),
            "Too Many Source Networks",
            format!(
                "{at} has {} networks; the cloud takes 5 for a rule. Join some, or make a second Ingress.",
                ips.len()
            ),
        );
    }
    for ip in ips {
        let (address, bits) = ip.split_once('/').map_or((ip, None), |(address, bits)| (address, Some(bits)));
        let address: Option<IpAddr> = address.parse().ok();
        let most = if matches!(address, Some(IpAddr::V6(_))) { 128 } else { 32 };
        let bits_fit = bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= most));
        if address.is_none() || !bits_fit {
            diagnostics.error(
                at.clone(),
                "Invalid Source Network",
                format!("{ip:?} is no address and no network. Write it as \"10.0.0.0/8\"."),
            );
        }
    }
}

fn actions(routing: &CustomRouting<Planned>, at: &Path, diagnostics: &mut Diagnostics) {
    let count = routing.actions.known().map_or(0, Vec::len);
    if count > 5 {
        diagnostics.error(
            at.clone(),
            "Too Many Actions",
            format!("There are {count} actions; the cloud takes 5 for a rule. Remove some."),
        );
    }
    for (index, action) in routing.actions.known().into_iter().flatten().enumerate() {
        let (at, Attr::Known(action)) = (at.index(index), action) else { continue };
        exactly_one(&action.to_value(), &at, ["Empty Action", "Ambiguous Action"], diagnostics);
        one_action(action, &at, diagnostics);
    }
}

fn one_action(action: &Action<Planned>, at: &Path, diagnostics: &mut Diagnostics) {
    if let Attr::Known(forward) = &action.forward_group {
        forward_group(forward, &at.attr("forward_group"), diagnostics);
    }
    if let Attr::Known(to) = &action.redirect {
        redirect(to, &at.attr("redirect"), diagnostics);
    }
    if let Attr::Known(rewrite) = &action.rewrite
        && let Attr::Known(query) = &rewrite.query
        && query.chars().any(char::is_uppercase)
    {
        diagnostics.error(
            at.attr("rewrite").attr("query"),
            "Upper Case in Rewritten Query",
            format!(
                "{query:?} has capital letters, which the cloud refuses in a rewritten query. Write it in lower case."
            ),
        );
    }
    if let Attr::Known(mirror) = &action.traffic_mirror
        && mirror.server_group_ids.known().is_some_and(Vec::is_empty)
    {
        diagnostics.error(
            at.attr("traffic_mirror").attr("server_group_ids"),
            "Empty Action",
            "The mirror names no server group. Name one, or remove the action.",
        );
    }
}

fn forward_group(forward: &ForwardGroup<Planned>, at: &Path, diagnostics: &mut Diagnostics) {
    let at = at.attr("server_groups");
    let Attr::Known(groups) = &forward.server_groups else { return };
    if groups.is_empty() || groups.len() > 5 {
        diagnostics.error(
            at.clone(),
            "Invalid Number of Server Groups",
            format!("There are {} server groups; an action forwards to 1 to 5. Change their number.", groups.len()),
        );
    }
    for (index, group) in groups.iter().enumerate() {
        let (at, Attr::Known(group)) = (at.index(index), group) else { continue };
        let weight = Bounds { summary: "Invalid Group Weight", low: 0, high: 100, what: "the share of requests" };
        within(&group.weight, &at.attr("weight"), &weight, diagnostics);
        let port = Bounds { summary: "Invalid Service Port", low: 1, high: 65535, what: "the port of a Service" };
        within(&group.service_port, &at.attr("service_port"), &port, diagnostics);
        let unknown =
            group.service_name.is_unknown() || group.service_port.is_unknown() || group.server_group_id.is_unknown();
        let service = (group.service_name.known().is_some(), group.service_port.known().is_some());
        let by_id = group.server_group_id.known().is_some();
        if !unknown && !matches!((service, by_id), ((true, true), false) | ((false, false), true)) {
            diagnostics.error(
                at,
                "Unclear Server Group",
                "A server group is either a Service, with service_name and service_port, or one made elsewhere, with server_group_id. \
                 Set the one or the other.",
            );
        }
    }
}

fn redirect(to: &Redirect<Planned>, at: &Path, diagnostics: &mut Diagnostics) {
    let parts =
        [("host", &to.host), ("path", &to.path), ("port", &to.port), ("protocol", &to.protocol), ("query", &to.query)];
    let same = |(name, attr): &(&str, &Attr<String>)| match attr {
        Attr::Null => true,
        Attr::Known(text) => text.is_empty() || *text == format!("${{{name}}}"),
        Attr::Unknown => false,
    };
    if parts.iter().all(same) {
        diagnostics.error(
            at.clone(),
            "Redirect to Itself",
            "Every part of the redirect is the one that was asked for, which the cloud refuses. Change host, path, port, protocol or \
             query.",
        );
    }
    let bounds = ["301", "302", "303", "307", "308"];
    super::among(&to.http_code, &at.attr("http_code"), "Invalid Redirect Code", &bounds, diagnostics);
}
