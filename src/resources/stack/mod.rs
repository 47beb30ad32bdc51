//! The joined stack of one gateway: its AlbConfig, the Ingresses of all namespaces that resolve to it, their Secrets. And
//! the rules that look at more than one of these objects.
//!
//! The rules (`listeners.rs`, `certificates.rs`, `routing.rs`) are pure functions over a [`Stack`] and one object of our
//! own, which may be planned only; `view.rs` says what they see of an object. `load.rs` fills a stack: for a plan from lists
//! that the whole process shares, for an apply from the API as it is now. Gateway and Ingress call [`Checks`], nothing
//! else here. A rule must never take what cannot be read, or is not there, for a violation: at plan the same run may mend
//! it, so everything is a warning there; an apply refuses before its first write what the rule list calls an error.
//! Facts: ALB Ingress configuration dictionary, the controller's source and messages, and what it was seen to do.

mod certificates;
mod listeners;
mod load;
mod removal;
mod routing;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

pub(crate) use certificates::SecretSight;
pub(crate) use load::{Checks, PlanMemo, not_checked};
pub(crate) use view::{Gateway, Ingress};

use crate::framework::diagnostic::Diagnostics;
use crate::resources::cross_check::{CrossCheck, Skipped};

/// Objects named in one message.
const MAX_NAMED: usize = 10;

/// What is known of one gateway's objects, without the one that the rules judge.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    /// As it will be after this run, as far as known; for rules about the gateway itself: as it is now.
    pub(crate) gateway: Option<Arc<Gateway>>,
    /// The Ingresses; `None` if they cannot be listed.
    pub(crate) ingresses: Option<Vec<Arc<Ingress>>>,
    /// Secrets by namespace and name, as far as they were looked for.
    pub(crate) secrets: BTreeMap<(String, String), Arc<SecretSight>>,
    /// Texts of the gateway's Warning Events.
    pub(crate) told: Vec<String>,
    /// The time of the check.
    pub(crate) now: Timestamp,
}

impl Stack {
    fn others(&self) -> impl Iterator<Item = &Ingress> {
        self.ingresses.iter().flatten().map(|ingress| &**ingress)
    }
}

/// A rule about one object of ours and the stack around it.
type Rule<T> = fn(&Stack, &T, &mut Diagnostics);

/// Runs the rules whose kind of check is not switched off.
fn run<T>(rules: &[(CrossCheck, Rule<T>)], skipped: &Skipped, stack: &Stack, own: &T, found: &mut Diagnostics) {
    for (_, rule) in rules.iter().filter(|(check, _)| skipped.wants(*check)) {
        rule(stack, own, found);
    }
}

/// Every rule about an Ingress of ours, for a plan: all are warnings.
pub(crate) fn advise_ingress(stack: &Stack, own: &Ingress, skipped: &Skipped) -> Diagnostics {
    let mut found = enforced_for_ingress(stack, own, skipped);
    let rules: [(CrossCheck, Rule<Ingress>); 6] = [
        (CrossCheck::Certificates, certificates::v52_secret_is_there),
        (CrossCheck::Certificates, listeners::v57_ingress_relies_on_discovery),
        (CrossCheck::Routes, routing::v59_order_is_unique),
        (CrossCheck::Routes, routing::v66_twin_is_there),
        (CrossCheck::Routes, routing::v78_routes_are_unique),
        (CrossCheck::Routes, routing::v79_nothing_is_shadowed),
    ];
    run(&rules, skipped, stack, own, &mut found);
    found.into_warnings()
}

/// The rules about an Ingress of ours that an apply enforces before it writes.
pub(crate) fn enforced_for_ingress(stack: &Stack, own: &Ingress, skipped: &Skipped) -> Diagnostics {
    let mut found = Diagnostics::new();
    let rules: [(CrossCheck, Rule<Ingress>); 6] = [
        (CrossCheck::Listeners, listeners::v31_listeners_speak_http2),
        (CrossCheck::Listeners, listeners::v43_listeners_are_declared),
        (CrossCheck::Listeners, listeners::v51_redirect_has_its_listeners),
        (CrossCheck::Certificates, certificates::v52_secret_is_usable),
        (CrossCheck::Certificates, certificates::v53_certificate_is_valid),
        (CrossCheck::Routes, routing::v66_twin_is_like_it),
    ];
    run(&rules, skipped, stack, own, &mut found);
    found
}

/// Every rule about a gateway of ours, for a plan: all are warnings.
pub(crate) fn advise_gateway(stack: &Stack, own: &Gateway, skipped: &Skipped) -> Diagnostics {
    let mut found = Diagnostics::new();
    let rules: [(CrossCheck, Rule<Gateway>); 5] = [
        (CrossCheck::Listeners, listeners::v31_gateway_keeps_http2),
        (CrossCheck::Listeners, listeners::v44_removed_listeners_are_unused),
        (CrossCheck::Certificates, certificates::v54_certificate_ids_are_valid),
        (CrossCheck::Certificates, listeners::v56_https_listeners_get_a_certificate),
        (CrossCheck::Certificates, listeners::v57_gateway_leaves_discovery_on),
    ];
    run(&rules, skipped, stack, own, &mut found);
    found.into_warnings()
}

/// The first few of some names, for a message.
fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<&str> = names.into_iter().collect();
    let shown = all.iter().take(MAX_NAMED).copied().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(MAX_NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
