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
mod routing;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

pub(crate) use certificates::SecretSight;
pub(crate) use load::{Checks, PlanMemo};
pub(crate) use view::{Gateway, Ingress};

use crate::framework::diagnostic::Diagnostics;

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

/// Every rule about an Ingress of ours, for a plan: all are warnings.
pub(crate) fn advise_ingress(stack: &Stack, own: &Ingress) -> Diagnostics {
    let mut found = enforced_for_ingress(stack, own);
    for rule in [
        certificates::v52_secret_is_there,
        listeners::v57_ingress_relies_on_discovery,
        routing::v59_order_is_unique,
        routing::v66_twin_is_there,
        routing::v78_routes_are_unique,
        routing::v79_nothing_is_shadowed,
    ] {
        rule(stack, own, &mut found);
    }
    found.into_warnings()
}

/// The rules about an Ingress of ours that an apply enforces before it writes.
pub(crate) fn enforced_for_ingress(stack: &Stack, own: &Ingress) -> Diagnostics {
    let mut found = Diagnostics::new();
    for rule in [
        listeners::v31_listeners_speak_http2,
        listeners::v43_listeners_are_declared,
        listeners::v51_redirect_has_its_listeners,
        certificates::v52_secret_is_usable,
        certificates::v53_certificate_is_valid,
        routing::v66_twin_is_like_it,
    ] {
        rule(stack, own, &mut found);
    }
    found
}

/// Every rule about a gateway of ours, for a plan: all are warnings.
pub(crate) fn advise_gateway(stack: &Stack, own: &Gateway) -> Diagnostics {
    let mut found = Diagnostics::new();
    for rule in [
        listeners::v31_gateway_keeps_http2,
        listeners::v44_removed_listeners_are_unused,
        certificates::v54_certificate_ids_are_valid,
        listeners::v56_https_listeners_get_a_certificate,
        listeners::v57_gateway_leaves_discovery_on,
    ] {
        rule(stack, own, &mut found);
    }
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
