//! What a refresh says of `ready` and `reason`.
//!
//! Gateway and Ingress call it. `false` becomes `true` on evidence; `true` becomes `false` only if what was published
//! vanished, never for a Warning: every hiccup would be a difference.

use super::pending::{PENDING_FACT, Pending, is_settled};
use crate::framework::resource::Reading;
use crate::kubernetes::{FleetApi, Object, ObjectRef};

/// What is known before the refresh, and what it saw.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    /// `ready` in state.
    pub(crate) ready: Option<bool>,
    /// `reason` in state.
    pub(crate) reason: Option<String>,
    /// Whether the controller has published the object.
    pub(crate) published: bool,
    /// Whether this is the refresh of an import.
    pub(crate) imported: bool,
    /// Why an imported object is not waited for; `None` if it is.
    pub(crate) not_waited_for: Option<String>,
    /// `reason` if what was published vanished.
    pub(crate) vanished: &'static str,
}

/// `ready` and `reason` after the refresh.
pub(crate) async fn judge(
    api: &FleetApi,
    object: &ObjectRef,
    live: &Object,
    sight: Sight,
    cx: &mut Reading,
) -> (Option<bool>, Option<String>) {
    let Sight { ready, reason, published, imported, not_waited_for, vanished } = sight;
    match ready {
        None if imported => match not_waited_for {
            Some(reason) => (None, Some(reason)),
            None if published => (Some(true), None),
            None => (None, Some("the controller has not published it yet".to_owned())),
        },
        None => (None, reason),
        Some(true) if !published => (Some(false), Some(vanished.to_owned())),
        Some(true) => (Some(true), None),
        Some(false) if !published => (Some(false), reason),
        Some(false) => {
            let settled = match cx.private.fact(PENDING_FACT).and_then(Pending::from_fact) {
                Some(pending) => is_settled(api, object, live, &pending, cx.context.clock.now()).await,
                None => true,
            };
            if !settled {
                return (Some(false), reason);
            }
            cx.private.remove_fact(PENDING_FACT);
            (Some(true), None)
        }
    }
}
