//! Rules between the routes of Ingresses that share a gateway: who comes first, who is never reached, how many there are.
//!
//! The controller numbers rules in the order of `order`, then `namespace/name`; the first match wins, and there is no
//! longest-prefix logic.

use super::view::{Canary, Ingress, Route};
use super::{Stack, named};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::path::Path;

/// Forwarding rules of one load balancer of the standard edition, unless raised.
const RULES_QUOTA: usize = 100;

fn at(route: &Route) -> Path {
    Path::attribute("rules").index(route.at.0).attr("paths").index(route.at.1)
}

fn shown(route: &Route) -> String {
    format!("{} {}", route.host.as_deref().unwrap_or("(any host)"), route.path)
}

/// V59: explicit places are unique.
pub(super) fn v59_order_is_unique(stack: &Stack, own: &Ingress, found: &mut Diagnostics) {
    let Some(order) = own.order.filter(|order| order.explicit) else { return };
    let same: Vec<String> = stack.others().filter(|other| other.order == Some(order)).map(Ingress::key).collect();
    if !same.is_empty() {
        found.warn(
            Path::attribute("order"),
            "Order Taken",
            format!(
                "Other Ingresses of the gateway have order {} too: {}. Hosted controllers before 2.18 and the open-source one \
                 refuse that; later ones sort such Ingresses by namespace and name. Give each its own number.",
                order.number,
                named(same.iter().map(String::as_str))
            ),
        );
    }
}

/// Whether two routes are for the same requests.
fn same(a: &Route, b: &Route) -> bool {
    a.host == b.host && a.path.trim_end_matches('/') == b.path.trim_end_matches('/') && a.path_type == b.path_type
}

/// The Ingresses that have a route of a canary and are none themselves.
fn twins<'a>(stack: &'a Stack, route: &'a Route) -> impl Iterator<Item = &'a Ingress> {
    stack.others().filter(|other| {
        other.canary.is_none()
            && other.routes.iter().flatten().any(|theirs| theirs.host == route.host && theirs.path == route.path)
    })
}

/// V66, for a plan: a canary has a twin. It may come with the same run; an absent object stops no apply.
pub(super) fn v66_twin_is_there(stack: &Stack, own: &Ingress, found: &mut Diagnostics) {
    let (Some(kind), Some(_), Some(routes)) = (own.canary, &stack.ingresses, &own.routes) else { return };
    for route in routes {
        let twins: Vec<&Ingress> = twins(stack, route).collect();
        if twins.is_empty() {
            found.warn(
                at(route),
                "Canary Without Twin",
                format!(
                    "No Ingress of the gateway that is no canary has host and path {} now, so the canary would have no rule. \
                     It needs a twin with the very same host and path.",
                    shown(route)
                ),
            );
        } else if kind == Canary::Match && twins.iter().any(|twin| twin.sorts_before(own) == Some(true)) {
            found.warn(
                Path::attribute("order"),
                "Canary After Its Twin",
                format!(
                    "The first match wins, and Ingress {} comes before this canary, so no request reaches it. Give the canary a \
                     smaller order.",
                    named(twins.iter().map(|twin| twin.key()).collect::<Vec<_>>().iter().map(String::as_str))
                ),
            );
        }
    }
}

/// V66: the twin of a gRPC canary speaks gRPC on the same listeners.
pub(super) fn v66_twin_is_like_it(stack: &Stack, own: &Ingress, found: &mut Diagnostics) {
    let (Some(_), Some(routes), true) = (own.canary, &own.routes, own.grpc) else { return };
    for twin in routes.iter().flat_map(|route| twins(stack, route)) {
        if !twin.grpc {
            found.error(
                Path::attribute("canary"),
                "Canary of Another Protocol",
                format!(
                    "This canary serves gRPC, and Ingress {:?} with the same host and path does not: both would share one rule. \
                     Make the canary of a gRPC Ingress.",
                    twin.key()
                ),
            );
        }
        if let (Some(ports), Some(theirs)) = (&own.ports, &twin.ports)
            && !ports.is_subset(theirs)
        {
            let extra: Vec<&str> = ports.difference(theirs).map(String::as_str).collect();
            found.error(
                Path::attribute("listen_ports"),
                "Canary on Another Listener",
                format!(
                    "Ingress {:?} has the same host and path but not on {}: the canary has no twin there. Give both the same \
                     listeners.",
                    twin.key(),
                    extra.join(", ")
                ),
            );
        }
    }
}

/// V76: the rules of one load balancer fit its quota.
pub(super) fn v76_rules_fit_the_quota(stack: &Stack, own: &Ingress) -> Option<Diagnostic> {
    stack.ingresses.as_ref()?;
    let count = |ingress: &Ingress| -> usize {
        let weighs = ingress.canary == Some(Canary::Weight);
        let routes = if weighs { 0 } else { ingress.routes.as_ref().map_or(0, Vec::len) };
        routes * ingress.ports.as_ref().map_or(0, std::collections::BTreeSet::len)
    };
    own.routes.as_ref().and(own.ports.as_ref())?;
    let mine = count(own);
    let all = mine + stack.others().map(count).sum::<usize>();
    (all > RULES_QUOTA && mine > 0).then(|| {
        Diagnostic::warning(
            "Too Many Forwarding Rules",
            format!(
                "The Ingresses of this gateway make {all} forwarding rules (paths times listeners), {mine} of them of this one. A \
                 load balancer takes {RULES_QUOTA} unless the quota was raised; beyond it the controller stops changes of \
                 every Ingress of the gateway (alb_quota_loadbalancer_rules_num). Use fewer paths, another gateway, or have \
                 the quota raised."
            ),
        )
        .at(Path::attribute("rules"))
    })
}

/// V78: no other Ingress has the same host and path.
pub(super) fn v78_routes_are_unique(stack: &Stack, own: &Ingress, found: &mut Diagnostics) {
    for Rivals { other, own_first, pairs } in rivals(stack, own, |route, theirs, _| same(route, theirs)) {
        let Some((first, _)) = pairs.first() else { continue };
        let loser = if own_first { format!("{:?}", other.key()) } else { "this one".to_owned() };
        found.warn(
            at(first),
            "Route Declared Twice",
            format!(
                "Ingress {:?} of the same gateway has {} too. The first match wins, so {loser} is never reached there; \
                 the controller says nothing. Remove one, or make one a canary.",
                other.key(),
                listed(pairs.iter().map(|(route, _)| *route)),
            ),
        );
    }
}

/// V79, across Ingresses: what catches more does not come before what catches less.
pub(super) fn v79_nothing_is_shadowed(stack: &Stack, own: &Ingress, found: &mut Diagnostics) {
    let shadows = |route: &Route, theirs: &Route, own_first: bool| {
        let (first, second) = if own_first { (route, theirs) } else { (theirs, route) };
        !same(route, theirs) && catches(first, second)
    };
    for Rivals { other, own_first, pairs } in rivals(stack, own, shadows) {
        let Some((first, _)) = pairs.first() else { continue };
        let (mine, theirs) =
            (listed(pairs.iter().map(|(route, _)| *route)), listed(pairs.iter().map(|(_, theirs)| *theirs)));
        let detail = if own_first {
            format!("{mine} comes before {theirs} of Ingress {:?} and catches all its requests", other.key())
        } else {
            format!(
                "{theirs} of Ingress {:?} comes before {mine} of this one and catches all its requests",
                other.key()
            )
        };
        found.warn(
            at(first),
            "Route Shadowed",
            format!(
                "{detail}; the first match wins. Ingresses are sorted by order, then by namespace and name: give the more \
                 specific one a smaller order."
            ),
        );
    }
}

/// Routes of ours and of one other Ingress that compete for the same requests: one message, however many there are.
struct Rivals<'a> {
    other: &'a Ingress,
    own_first: bool,
    pairs: Vec<(&'a Route, &'a Route)>,
}

/// Whether some request could be for both.
fn may_meet(a: &Route, b: &Route) -> bool {
    match (&a.host, &b.host) {
        (Some(a), Some(b)) => crate::certificate::covers(a, b) || crate::certificate::covers(b, a),
        _ => true,
    }
}

/// Other Ingresses with the routes that `compete` (ours, theirs, whether ours come first).
fn rivals<'a>(stack: &'a Stack, own: &'a Ingress, compete: impl Fn(&Route, &Route, bool) -> bool) -> Vec<Rivals<'a>> {
    let Some(routes) = &own.routes else { return Vec::new() };
    if own.canary.is_some() || own.conditional {
        return Vec::new();
    }
    let others = stack.others().filter(|other| other.canary.is_none() && !other.conditional);
    others
        .filter_map(|other| {
            let theirs = || other.routes.iter().flatten();
            // Thousands of Ingresses of one gateway have hosts of their own: most pairs end here.
            routes.iter().find(|route| theirs().any(|theirs| may_meet(route, theirs)))?;
            let own_first = own.sorts_before(other).filter(|_| own.shares_port_with(other))?;
            let pairs: Vec<_> = routes
                .iter()
                .flat_map(|route| theirs().map(move |theirs| (route, theirs)))
                .filter(|(route, theirs)| compete(route, theirs, own_first))
                .collect();
            (!pairs.is_empty()).then_some(Rivals { other, own_first, pairs })
        })
        .collect()
}

/// Hosts and paths for a message, each once, the first few of them.
fn listed<'a>(routes: impl Iterator<Item = &'a Route>) -> String {
    let mut all: Vec<String> = Vec::new();
    for route in routes.map(shown) {
        if !all.contains(&route) {
            all.push(route);
        }
    }
    named(all.iter().map(String::as_str))
}

/// Whether `first` takes every request that `second` is for.
fn catches(first: &Route, second: &Route) -> bool {
    let host = match (&first.host, &second.host) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(first), Some(second)) => crate::certificate::covers(first, second),
    };
    let path = match first.path_type.as_str() {
        "Prefix" => {
            let prefix = first.path.trim_end_matches('/');
            let rest = second.path.strip_prefix(prefix);
            second.path_type != "ImplementationSpecific"
                && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                || prefix.is_empty()
        }
        "ImplementationSpecific" => first.path == "/*" || first.path == "*",
        _ => first.path == second.path && second.path_type == "Exact",
    };
    host && path
}
