//! What is told of a wait that did not end well: the controller's Events, what they mean, what happens next.
//!
//! Gateway and Ingress call it after a wait of `reconcile.rs`. It decides what is an error and what a warning: a create
//! whose object exists never errs unless the user asked for it, because that would taint the object.

use std::collections::BTreeMap;
use std::time::Duration;

use super::event_messages;
use super::kubernetes_object::Fleet;
use super::patience;
use super::reconcile::{Ending, Goal, Waited};
use super::users::named;
use crate::framework::diagnostic::Diagnostic;
use crate::kubernetes::{Event, FleetApi, Kind, ObjectRef};

/// Events shown in one diagnostic.
const MAX_SHOWN_EVENTS: usize = 6;

/// The Events with what they mean; guilty siblings by name.
fn explanation(waited: &Waited, siblings: &[Event]) -> String {
    let mut text = String::new();
    if waited.from_before {
        text.push_str(
            "\nThe controller reported nothing meanwhile. It was failing before, and has not succeeded since:",
        );
    }
    let mut shown: Vec<&str> = Vec::new();
    for event in waited.warnings.iter().take(MAX_SHOWN_EVENTS) {
        describe(&mut text, event, shown.contains(&event.message.as_str()));
        shown.push(&event.message);
        let same = siblings.iter().filter(|sibling| sibling.message == event.message);
        let same: Vec<String> =
            same.map(|sibling| format!("{}/{}", sibling.about_namespace, sibling.about_name)).collect();
        if !same.is_empty() {
            text.push_str(&format!("\n    The same is reported on Ingress {}.", named(&same)));
        }
    }
    if waited.warnings.is_empty() && waited.without_events {
        text.push_str("\nEvents could not be read (the user lacks list and watch on events), so why is not known.");
    } else if waited.warnings.is_empty() && matches!(waited.ending, Ending::Ready | Ending::TimedOut) {
        text.push_str(
            "\nThe controller reported no failure meanwhile. If nothing happens at all, check that the IngressClass exists \
             and that no AlbConfig holds a value of a wrong type, which makes the controller deaf to all of them.",
        );
    }
    text
}

/// Events as lines, each with what it means.
pub(crate) fn listed(events: &[Event]) -> String {
    let mut text = String::new();
    for event in events.iter().take(MAX_SHOWN_EVENTS) {
        describe(&mut text, event, false);
    }
    text
}

fn describe(text: &mut String, event: &Event, explained: bool) {
    let when = event.last.map(|at| format!(" {at}")).unwrap_or_default();
    let times = if event.count > 1 { format!(" ({} times)", event.count) } else { String::new() };
    text.push_str(&format!(
        "\n  {}{when} on {} {:?}{times}: {}",
        event.reason,
        event.about_kind,
        event.about_name,
        event.message.trim()
    ));
    if let (Some(known), false) = (event_messages::explain(&event.message), explained) {
        text.push_str(&format!("\n    {} {}", known.cause, known.remedy));
    }
    if let Some(request_id) = &event.request_id {
        text.push_str(&format!("\n    Request ID: {request_id}"));
    }
}

/// Ingresses on which the same Warnings are reported: one of them is why its neighbours are frozen without a Warning of
/// their own. What an Ingress is told itself is told to all or is its own fault. Empty if that cannot be found out.
pub(crate) async fn guilty_siblings(api: &FleetApi, object: &ObjectRef, waited: &Waited) -> Vec<Event> {
    let is_ingress = object.kind == Kind::INGRESS;
    let own: Vec<&str> = waited
        .warnings
        .iter()
        .filter(|warning| is_ingress && warning.is_about(object))
        .map(|warning| warning.message.as_str())
        .collect();
    let unexplained =
        |message: &str| !own.contains(&message) && waited.warnings.iter().any(|warning| warning.message == message);
    if !waited.warnings.iter().any(|warning| unexplained(&warning.message)) {
        return Vec::new();
    }
    let selector = "fieldSelector=involvedObject.kind%3DIngress%2Ctype%3DWarning";
    let Ok(listing) = api.list(Kind::EVENT, None, Some(selector)).await else { return Vec::new() };
    let place = |event: &Event| (event.about_namespace.clone(), event.about_name.clone(), event.message.clone());
    let mut siblings: BTreeMap<(String, String, String), Event> = BTreeMap::new();
    for event in listing.items.iter().map(Event::parse).filter(|event| unexplained(&event.message)) {
        siblings.entry(place(&event)).or_insert(event);
    }
    siblings.into_values().collect()
}

/// What to tell of a write that was proved without Events; once in a run.
pub(crate) fn label_alone(fleet: &Fleet, goal: &Goal, waited: &Waited) -> Option<Diagnostic> {
    let by_events = matches!(goal, Goal::OurWrite | Goal::EarlierWrite(_));
    (waited.without_events && by_events && fleet.tells_of_missing_events()).then(|| {
        Diagnostic::warning(
            "Events Not Readable",
            "Events of the Fleet could not be read, so only the label that the controller stamps after a pass says when a write \
             was worked on. That takes longer, and a failure cannot be explained. Grant get, list and watch on events.",
        )
    })
}

/// What to tell of a write that is done, and behind which the controller found nobody.
pub(crate) fn without_backend(object: &ObjectRef, waited: &Waited) -> Option<Diagnostic> {
    let event = waited.warnings.iter().find(|event| patience::lacks_backend(event))?;
    let mut detail = format!("{object} is published, but clients are answered 503.");
    describe(&mut detail, event, false);
    Some(Diagnostic::warning("No Backend Behind the Route", detail))
}

/// What a wait leaves in state and tells the user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Telling<'a> {
    /// The object.
    pub(crate) object: &'a ObjectRef,
    /// Whether the object was made just now: then nothing may be an error, as it would taint.
    pub(crate) created: bool,
    /// `on_wait_timeout = "error"`.
    pub(crate) strict: bool,
    /// How long the wait was to last.
    pub(crate) timeout: Duration,
    /// `timeouts.create` or `timeouts.update`.
    pub(crate) setting: &'static str,
}

/// The diagnostic of a wait that did not end well.
pub(crate) fn not_ready(waited: &Waited, siblings: &[Event], telling: &Telling<'_>) -> Diagnostic {
    let Telling { object, created, strict, timeout, setting } = *telling;
    let explanation = explanation(waited, siblings);
    let (summary, what) = match &waited.ending {
        Ending::Ready | Ending::TimedOut | Ending::PassedOver => (
            "Not Reconciled in Time",
            format!("The controller has not finished {object} within {} ({setting}).", shown(timeout)),
        ),
        Ending::Interrupted => ("Wait Interrupted", format!("The run was interrupted while waiting for {object}.")),
        Ending::Stuck => (
            "Controller Reports a Failure",
            format!("The controller cannot finish {object}, for a reason that does not pass by itself."),
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
        Ending::Ready | Ending::TimedOut | Ending::PassedOver => strict,
        Ending::Stuck => !created,
        Ending::Interrupted | Ending::Vanished | Ending::Blind(_) => false,
    };
    let next = what_next(fails, created, waited.ending == Ending::Vanished);
    let detail = format!("{what}{explanation}{next}");
    if fails { Diagnostic::error(summary, detail) } else { Diagnostic::warning(summary, detail) }
}

/// What happens after a wait that did not end well. `fails`: it is told as an error.
pub(crate) const fn what_next(fails: bool, created: bool, vanished: bool) -> &'static str {
    match (fails, created) {
        _ if vanished => {
            "\nState keeps it, with ready = false, until a refresh finds it gone; the plan after that creates it anew."
        }
        (true, true) => {
            "\nThe object exists and is in state, but Terraform now marks it as tainted because on_wait_timeout is \"error\", \
             and would replace it. Run `terraform untaint` with its address to keep it."
        }
        (true, false) => "\nWhat was written stays. The next apply waits again.",
        (false, _) => "\nThe object is kept, with ready = false. The next apply waits again, in place.",
    }
}

/// A limit as people say it.
pub(crate) fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds >= 60 && seconds.is_multiple_of(60) {
        format!("{} minutes", seconds / 60)
    } else {
        format!("{} seconds", duration.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::Object;

    fn event(message: &str) -> Event {
        Event::parse(&Object::from(serde_json::json!({
            "type": "Warning", "reason": "FailedApplyModel", "message": message, "count": 3,
            "involvedObject": {"kind": "AlbConfig", "name": "gateway"},
        })))
    }

    fn told(message: &str) -> String {
        let waited = Waited {
            ending: Ending::Stuck,
            live: None,
            warnings: vec![event(message)],
            from_before: false,
            without_events: false,
        };
        explanation(&waited, &[])
    }

    #[test]
    fn an_unknown_event_is_shown_as_it_is_with_its_request_id() {
        let told = told("Message: Gizmo is odd. RequestId: 0F8FAD5B-D9CB-469F-A165-70867728950E");
        assert_eq!(
            told,
            "\n  FailedApplyModel on AlbConfig \"gateway\" (3 times): Message: Gizmo is odd. RequestId: \
             0F8FAD5B-D9CB-469F-A165-70867728950E\n    Request ID: 0F8FAD5B-D9CB-469F-A165-70867728950E"
        );
    }

    #[test]
    fn a_known_event_is_shown_with_cause_and_remedy() {
        let told = told("AlbConfig.alibabacloud.com \"sg\" not found");
        assert!(
            told.contains("(3 times): AlbConfig.alibabacloud.com \"sg\" not found\n    The IngressClass leads"),
            "{told}"
        );
        assert!(told.ends_with("use the class of another one."), "{told}");
    }
}
