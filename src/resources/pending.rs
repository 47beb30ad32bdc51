//! A write whose reconciliation is not proved yet, as private data keep it from one run to the next.
//!
//! `reconcile.rs` makes it and waits for it again; a refresh asks whether it is reconciled by now. Only what the server tells
//! counts: Events with their counts and times, the label, and the time at which it took the write.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::ear::{SUCCESS, SYNC};
use super::kubernetes_attributes::HASH_LABEL;
use super::patience;
use super::proved::Proved;
use crate::kubernetes::reconcile::{LONGEST_PASS, QUIET};
use crate::kubernetes::{Event, EventLog, EventTarget, FleetApi, Object, ObjectRef};

/// Private fact of a write whose reconciliation is not proved yet.
pub(crate) const PENDING_FACT: &str = "pending_write";

/// A write that a later read or wait may find reconciled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// Successes recorded before it.
    pub(super) successes: u64,
    /// The controller's hash label before it.
    pub(super) label: Option<String>,
    /// When the server took it, by its own clock.
    pub(super) written: Option<Timestamp>,
    /// What was proved before it, and before those that were not.
    #[serde(default)]
    pub(super) proved: Option<Proved>,
    /// Whether nothing of what was written since then can still come: the controller was seen to fail at it.
    #[serde(default)]
    pub(super) given_up: bool,
}

impl Pending {
    /// As kept in private data.
    pub(crate) fn to_fact(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// As kept in private data.
    pub(crate) fn from_fact(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Whether what is seen now, without having looked on, proves that the write was worked on: two passes ended after
    /// it, or one that began after it, and a long quiet. Once the Events have expired the label must do.
    pub(crate) fn is_settled(&self, object: &ObjectRef, log: &EventLog, live: &Object, now: Timestamp) -> bool {
        self.judged(object, log, live, now) == Standing::Settled
    }

    /// What is known of it.
    pub(super) fn judged(&self, object: &ObjectRef, log: &EventLog, live: &Object, now: Timestamp) -> Standing {
        let events = log.newest_first();
        let last = |fits: &dyn Fn(&Event) -> bool| events.iter().find(|event| fits(event)).and_then(|event| event.last);
        let success = last(&|event| event.reason == SUCCESS);
        let label = live.label(HASH_LABEL);
        let new_label = label.is_some() && label != self.label.as_deref();
        let since_written = |at: Timestamp| self.written.map(|written| at.duration_since(written));
        let is_late = |at: Timestamp| since_written(at).is_none_or(|since| since >= signed(LONGEST_PASS));
        let Some(success) = success else {
            // The pass that missed the write may have stamped it; the one that saw it has ended by then.
            let settled = new_label && events.is_empty() && is_late(now);
            return if settled { Standing::Settled } else { Standing::Open };
        };
        let count = log.count(object, SUCCESS);
        let after = self.written.is_none_or(|written| success > written);
        // Times are whole seconds: within one, the count tells that a pass ended, though not whether it saw the write.
        let in_the_same_second = self.written == Some(success) && count > self.successes;
        let failed_since = last(&|event| patience::failure(event).is_some()).is_some_and(|failure| failure > success);
        if failed_since || !(after || in_the_same_second) {
            return Standing::Open;
        }
        let twice = after && count >= self.successes.saturating_add(2);
        let taken_up = last(&|event| event.reason == SYNC)
            .is_some_and(|sync| since_written(sync).is_none_or(|since| since > SignedDuration::ZERO));
        let begun_after = new_label || label.is_none() || taken_up || is_late(success);
        match now.duration_since(success) >= signed(QUIET) {
            _ if twice => Standing::Settled,
            true if begun_after => Standing::Settled,
            true => Standing::PassedOver,
            false => Standing::Open,
        }
    }

    /// How long nothing may have happened after it, if it led back to what was proved.
    pub(super) const fn quiet_if_restored(&self) -> Duration {
        if self.given_up { QUIET } else { LONGEST_PASS }
    }
}

/// What is known of an earlier write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It was worked on.
    Settled,
    /// A pass ended, and nothing tells that it saw the write.
    PassedOver,
    /// Nothing is clear yet.
    Open,
}

/// For arithmetic with times of day.
pub(super) fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

/// Whether an earlier write is reconciled by now, for a refresh. Not certain counts as no.
pub(crate) async fn is_settled(
    api: &FleetApi,
    object: &ObjectRef,
    live: &Object,
    pending: &Pending,
    now: Timestamp,
) -> bool {
    let target = EventTarget { object: object.clone(), uid: Some(live.uid().to_owned()) };
    match api.events(&target).await {
        Ok(log) => pending.is_settled(object, &log, live, now),
        Err(error) if error.is_forbidden() => pending.is_settled(object, &EventLog::default(), live, now),
        Err(error) => {
            tracing::debug!(%error, "cannot read Events; the object stays not ready");
            false
        }
    }
}
