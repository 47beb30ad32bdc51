//! How long a Warning of the controller is waited out.
//!
//! `reconcile.rs` asks it while it waits. A wait must neither fail for what passes by itself, nor last its whole timeout
//! for what never does. So Warnings are weighed by their text (`event_messages.rs` knows the texts), and given up on
//! after a time that follows from the weight. Pure; the caller has the clock.
//!
//! Why not at the first Warning: the pass that reports it may have begun before our write, and a retry of an Ingress
//! that the controller could not take carries the object as it was. The pass that a write starts ends well within the
//! shortest of these times, and its success takes everything back.

use std::time::Duration;

use tokio::time::Instant;

use super::event_messages;
use crate::kubernetes::Event;

/// Reason of the Warning that a Service has no endpoints: the pass it belongs to has succeeded.
const ENDPOINTS: &str = "FailedUpdateEndpoints";
/// How the reasons of all failures begin (`FailedBuildModel`, `FailedApplyModel` and others). Newer controllers warn of other
/// things too, such as an AlbConfig without Ingresses: that fails nothing.
const FAILURES: &str = "Failed";

/// Parts of texts that heal when *another* object changes: in the same run, or never. All parts must be there.
const NEEDS_ANOTHER: &[&[&str]] = &[
    &["empty https listener default certs"],
    &["Secret \"", "not found"],
    &["secrets \"", "not found"],
    &[".alibabacloud.com \"default\" not found"],
    &["listener is not exist in"],
    &["listener not found for"],
    &["backend not found"],
];

/// What a Warning means for a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// The controller or the cloud gets over it alone: it is waited out.
    Passes,
    /// It heals once another object changes.
    NeedsAnother,
    /// Nobody knows the text: it may be a hiccup of the cloud.
    Unknown,
    /// It stays until this object, or one beside it, is mended.
    Lasting,
}

/// Weighs a Warning's text.
pub(crate) fn weigh(message: &str) -> Weight {
    match event_messages::explain(message) {
        None => Weight::Unknown,
        Some(_) if !event_messages::heals(message) => Weight::Lasting,
        Some(_) if NEEDS_ANOTHER.iter().any(|parts| parts.iter().all(|part| message.contains(part))) => {
            Weight::NeedsAnother
        }
        Some(_) => Weight::Passes,
    }
}

/// What an Event says of the pass it comes from, if that failed for more than a moment.
pub(crate) fn failure(event: &Event) -> Option<Weight> {
    let weight = weigh(&event.message);
    let fails = event.reason.starts_with(FAILURES) || weight != Weight::Unknown;
    (event.is_warning() && event.reason != ENDPOINTS && fails && weight != Weight::Passes).then_some(weight)
}

/// Whether an Event says that a route has nobody behind it.
pub(crate) fn lacks_backend(event: &Event) -> bool {
    event.is_warning() && event.reason == ENDPOINTS
}

/// How patient waits are, by weight. Times count from the first Warning that no success followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For a lasting cause that was reported twice: once by a pass that began after our write.
    pub(crate) lasting: Duration,
    /// For a cause that another object of the same run may remove.
    pub(crate) needs_another: Duration,
    /// For an unknown cause, and for a lasting one that was reported once.
    pub(crate) unknown: Duration,
}

impl Default for Patience {
    /// The controller tries again after 5, 15 and 35 s: two, three and four tries.
    fn default() -> Self {
        Self {
            lasting: Duration::from_secs(20),
            needs_another: Duration::from_secs(45),
            unknown: Duration::from_secs(60),
        }
    }
}

/// Failures of one object since its last success.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trouble {
    since: Option<Instant>,
    last: Option<Weight>,
    reports: u32,
}

impl Trouble {
    /// A pass failed.
    pub(crate) fn failed(&mut self, weight: Weight, now: Instant) {
        self.since.get_or_insert(now);
        self.last = Some(weight);
        self.reports += 1;
    }

    /// When to give up a deletion, if nothing else happens. Only what failed three times is surely no echo of a pass from
    /// before it; then the weight tells nothing, since nobody else will mend what is being deleted.
    pub(crate) fn ends_deletion(&self, patience: Patience) -> Option<Instant> {
        (self.reports >= 3).then_some(())?;
        self.since.map(|since| since + patience.lasting)
    }

    /// When to give up, if nothing else happens.
    pub(crate) fn gives_up(&self, patience: Patience) -> Option<Instant> {
        let grace = match (self.last?, self.reports) {
            (Weight::Passes, _) => return None,
            (Weight::NeedsAnother, _) => patience.needs_another,
            (Weight::Lasting, 2..) => patience.lasting,
            (Weight::Lasting | Weight::Unknown, _) => patience.unknown,
        };
        self.since.map(|since| since + grace)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kubernetes::Object;

    fn event(kind: &str, reason: &str, message: &str) -> Event {
        let value = json!({"metadata": {"name": "e"}, "type": kind, "reason": reason, "message": message});
        Event::parse(&Object::from(value))
    }

    #[test]
    fn texts_are_weighed_by_who_can_mend_them() {
        for (message, weight) in [
            (
                "Operation cannot be fulfilled on albconfigs.alibabacloud.com \"x\": the object has been modified",
                Weight::Passes,
            ),
            ("Message: Request was denied due to user flow control.", Weight::Passes),
            ("Secret \"sb-tls\" not found", Weight::NeedsAnother),
            ("secrets \"sb-tls\" not found", Weight::NeedsAnother),
            ("AlbConfig.alibabacloud.com \"default\" not found", Weight::NeedsAnother),
            ("apply  failed listenerPort 443 errMsgs empty https listener default certs", Weight::NeedsAnother),
            ("listener is not exist in albconfig", Weight::NeedsAnother),
            ("listener not found for (443/HTTPS), with ingresses 1", Weight::NeedsAnother),
            ("backend not found: unable to find port 50052 on service gateway-demo/sc-svc", Weight::Lasting),
            ("AlbConfig.alibabacloud.com \"sg\" not found", Weight::Lasting),
            ("Message: The quota is exceeded.", Weight::Lasting),
            ("something nobody has seen before", Weight::Unknown),
        ] {
            assert_eq!(weigh(message), weight, "{message}");
        }
    }

    #[test]
    fn every_text_that_needs_another_object_has_an_explanation_that_says_it_heals() {
        for parts in NEEDS_ANOTHER {
            assert!(event_messages::heals(&parts.join(" ")), "{parts:?}");
        }
    }

    #[test]
    fn a_missing_backend_fails_no_pass_and_a_normal_event_fails_nothing() {
        assert_eq!(failure(&event("Warning", ENDPOINTS, "backend not found: no remote cluster has service a/b")), None);
        assert_eq!(failure(&event("Normal", "SuccessfullyReconciled", "Successfully reconciled")), None);
        assert_eq!(failure(&event("Warning", "FailedBuildModel", "boom")), Some(Weight::Unknown));
        assert_eq!(failure(&event("Warning", "FailedApplyModel", "Message: user flow control")), None);
    }

    #[test]
    fn a_warning_of_an_unknown_reason_fails_a_wait_only_if_its_text_is_known_to() {
        assert_eq!(failure(&event("Warning", "NoIngress", "AlbConfig gateway has no Ingress")), None);
        let known = event("Warning", "Refused", "Message: The quota is exceeded.");
        assert_eq!(failure(&known), Some(Weight::Lasting));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lasting_cause_ends_a_wait_soon_but_not_at_its_first_report() {
        let (patience, now) = (Patience::default(), Instant::now());
        let mut trouble = Trouble::default();
        assert_eq!(trouble.gives_up(patience), None);
        trouble.failed(Weight::Lasting, now);
        assert_eq!(trouble.gives_up(patience), Some(now + patience.unknown));
        trouble.failed(Weight::Lasting, now + Duration::from_secs(5));
        assert_eq!(trouble.gives_up(patience), Some(now + patience.lasting));
        // The Secret of the same run has come; now the port is wrong.
        let mut trouble = Trouble::default();
        trouble.failed(Weight::NeedsAnother, now);
        assert_eq!(trouble.gives_up(patience), Some(now + patience.needs_another));
        trouble.failed(Weight::Unknown, now);
        assert_eq!(trouble.gives_up(patience), Some(now + patience.unknown));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deletion_is_given_up_after_three_failures_whatever_their_weight() {
        let (patience, now) = (Patience::default(), Instant::now());
        let mut trouble = Trouble::default();
        for weight in [Weight::NeedsAnother, Weight::Unknown] {
            trouble.failed(weight, now);
            assert_eq!(trouble.ends_deletion(patience), None);
        }
        trouble.failed(Weight::Lasting, now + Duration::from_secs(15));
        assert_eq!(trouble.ends_deletion(patience), Some(now + patience.lasting));
    }
}
