//! What is told of a wait: who is not deployed, what Argo CD says of it, what that means, what happens next.
//!
//! It decides what is an error and what a warning: a create whose object exists never errs unless the user asked for it,
//! because that would taint the object.

use std::time::Duration;

use super::judge::Obstacle;
use super::wait::{Ending, Waited};
use crate::framework::diagnostic::Diagnostic;
use crate::kubernetes::ObjectRef;
use crate::resources::event_messages;
use crate::resources::wait_report::{shown, what_next};

/// Obstacles shown in one diagnostic.
const MAX_SHOWN: usize = 10;
/// Why nothing is waited for.
pub(super) const NOT_WAITED: &str = "not waited for: wait is false";
/// Why a set that generates nothing is not called ready.
pub(super) const GENERATES_NOTHING: &str = "the set generates no Application";

/// What a report is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telling<'a> {
    /// The set.
    pub(super) object: &'a ObjectRef,
    /// Whether it was made just now: then nothing may be an error, as it would taint.
    pub(super) created: bool,
    /// `on_wait_timeout = "error"`.
    pub(super) strict: bool,
    /// How long the wait was to last.
    pub(super) timeout: Duration,
    /// `timeouts.create` or `timeouts.update`.
    pub(super) setting: &'static str,
}

/// One line for the attribute `reason`.
pub(super) fn reason(waited: &Waited) -> Option<String> {
    let how = match &waited.ending {
        Ending::Ready => return None,
        Ending::Empty => return Some(GENERATES_NOTHING.to_owned()),
        Ending::TimedOut => "the wait ran out",
        Ending::Interrupted => "the wait was interrupted",
        Ending::Stuck => "Argo CD reports a lasting failure",
        Ending::Vanished => "the object is gone or being deleted",
        Ending::Blind(_) => "the object cannot be looked at any more",
    };
    Some(waited.obstacles.first().map_or_else(|| how.to_owned(), |first| format!("{how}: {}", first.line())))
}

fn explanation(obstacles: &[Obstacle]) -> String {
    let (mut text, mut explained) = (String::new(), Vec::new());
    for one in obstacles.iter().take(MAX_SHOWN) {
        text.push_str(&format!("\n  {}", one.line()));
        let known = one.message.as_deref().and_then(event_messages::explain_argo_cd);
        if let Some(known) = known.filter(|known| !explained.contains(known)) {
            text.push_str(&format!("\n    {} {}", known.cause, known.remedy));
            explained.push(known);
        }
    }
    if obstacles.len() > MAX_SHOWN {
        text.push_str(&format!("\n  and {} more", obstacles.len() - MAX_SHOWN));
    }
    if obstacles.is_empty() {
        text.push_str(
            "\nArgo CD has not worked on it. Check that GitOps is enabled for the Fleet and that its ApplicationSet controller runs.",
        );
    }
    text
}

/// What to tell of a set that generates nothing.
pub(super) fn nothing(object: &ObjectRef) -> Diagnostic {
    Diagnostic::warning(
        "No Application Generated",
        format!(
            "Argo CD took {object} and generated no Application from it: its generators pick no cluster now. Applications come by \
             themselves as soon as they do. If members are associated in the same run, set expected_cluster_ids to their cluster_id: \
             Terraform then associates them first, and the apply waits for their Applications. ready is null until there is one."
        ),
    )
}

/// The diagnostic of a wait that did not end well.
pub(super) fn not_ready(waited: &Waited, telling: &Telling<'_>) -> Diagnostic {
    let Telling { object, created, strict, timeout, setting } = *telling;
    let told = explanation(&waited.obstacles);
    let (summary, what) = match &waited.ending {
        Ending::Ready | Ending::Empty | Ending::TimedOut => (
            "Applications Not Ready in Time",
            format!("What {object} generates is not synced and healthy within {} ({setting}).{told}", shown(timeout)),
        ),
        Ending::Interrupted => {
            ("Wait Interrupted", format!("The run was interrupted while waiting for what {object} generates."))
        }
        Ending::Stuck => (
            "Argo CD Reports a Failure",
            format!("Argo CD cannot deploy what {object} generates, for a reason that does not pass by itself.{told}"),
        ),
        Ending::Vanished => {
            ("Object Gone While Waiting", format!("Somebody else deleted {object} while the run waited for it."))
        }
        Ending::Blind(error) => (
            "Wait Not Possible",
            format!("Waiting for {object} ended early: it cannot be looked at any more.\nKubernetes: {error}"),
        ),
    };
    let fails = match waited.ending {
        Ending::Ready | Ending::Empty | Ending::TimedOut => strict,
        Ending::Stuck => !created,
        Ending::Interrupted | Ending::Vanished | Ending::Blind(_) => false,
    };
    let next = what_next(fails, created, waited.ending == Ending::Vanished);
    let detail = format!("{what}{next}");
    if fails { Diagnostic::error(summary, detail) } else { Diagnostic::warning(summary, detail) }
}
