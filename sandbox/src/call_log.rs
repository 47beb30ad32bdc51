//! The call log: which remote calls were made, by whom, and how they ended.
//!
//! All simulated APIs write to it; tests and the control endpoint read it. It holds names and codes only. Bodies,
//! headers, signatures, tokens and object data have no field here, so they cannot be logged.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::faults::{Call, Decision};
use crate::world::Moment;

/// Entries kept; older ones are dropped, the counters stay exact.
const CAPACITY: usize = 20_000;
/// Characters kept of a name a caller chose.
const NAME_LENGTH: usize = 160;

/// One call.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Its number over all APIs since the last reset.
    pub call: u64,
    /// When it was answered.
    pub at: String,
    /// The API.
    pub api: String,
    /// The action or verb.
    pub action: String,
    /// The kind of object; empty for cloud calls.
    pub resource: String,
    /// The object's name or id.
    pub name: String,
    /// The answer's status; 0 when the connection was dropped instead.
    pub status: u16,
    /// The error code; empty on success.
    pub code: String,
    /// The access key id, or the Kubernetes user.
    pub caller: String,
    /// The answer's request id.
    pub request_id: String,
    /// The fault that spoiled it; empty if none did.
    pub fault: String,
    /// Names of parameters that the action does not know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown_parameters: Vec<String>,
}

/// How a call ended.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The answer's status; 0 when the connection was dropped instead.
    pub status: u16,
    /// The error code; empty on success.
    pub code: String,
    /// The access key id, or the Kubernetes user.
    pub caller: String,
    /// The answer's request id.
    pub request_id: String,
    /// Names of parameters that the action does not know.
    pub unknown_parameters: Vec<String>,
}

/// Counters of one API and action.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counter {
    /// All calls.
    pub calls: u64,
    /// Those that did not end in a success.
    pub failed: u64,
}

#[derive(Debug, Default)]
struct Inner {
    entries: VecDeque<Entry>,
    counters: BTreeMap<String, Counter>,
}

/// The log.
#[derive(Debug, Default)]
pub struct CallLog {
    inner: Mutex<Inner>,
}

impl CallLog {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finished call.
    pub fn record(&self, at: Moment, call: &Call, decision: &Decision, outcome: Outcome) {
        let entry = Entry {
            call: decision.call,
            at: at.to_string(),
            api: printable(&call.api),
            action: printable(&call.action),
            resource: printable(&call.resource),
            name: printable(&call.name),
            status: outcome.status,
            code: printable(&outcome.code),
            caller: printable(&outcome.caller),
            request_id: outcome.request_id,
            fault: decision.fault.as_ref().map(fault_name).unwrap_or_default(),
            unknown_parameters: outcome.unknown_parameters.iter().map(|name| printable(name)).collect(),
        };
        tracing::info!(
            api = %entry.api, action = %entry.action, resource = %entry.resource, name = %entry.name,
            status = entry.status, code = %entry.code, fault = %entry.fault, request_id = %entry.request_id, "call"
        );
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let key = match entry.resource.as_str() {
            "" => format!("{}/{}", entry.api, entry.action),
            resource => format!("{}/{}/{resource}", entry.api, entry.action),
        };
        let counter = inner.counters.entry(key).or_default();
        counter.calls += 1;
        counter.failed += u64::from(!(100..400).contains(&entry.status));
        if inner.entries.len() == CAPACITY {
            inner.entries.pop_front();
        }
        inner.entries.push_back(entry);
    }

    /// The entries, oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).entries.iter().cloned().collect()
    }

    /// The counters by `api/action` or `api/verb/resource`.
    pub fn counters(&self) -> BTreeMap<String, Counter> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).counters.clone()
    }

    /// Forgets everything.
    pub fn reset(&self) {
        *self.inner.lock().unwrap_or_else(PoisonError::into_inner) = Inner::default();
    }
}

/// The serialized tag of a fault, so that log and rules use one word.
fn fault_name(fault: &crate::faults::Fault) -> String {
    serde_json::to_value(fault)
        .ok()
        .and_then(|value| value.get("kind").and_then(|kind| kind.as_str().map(str::to_owned)))
        .unwrap_or_default()
}

/// A caller may put anything where a name belongs; keep what names are made of, and not much of it.
fn printable(text: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || "._:/-@,*+ ".contains(c) { c } else { '?' };
    text.chars().take(NAME_LENGTH).map(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_stay_exact_when_old_entries_are_dropped() {
        let log = CallLog::new();
        let call = Call { api: "adcp".to_owned(), action: "DescribeRegions".to_owned(), ..Call::default() };
        for number in 1..=CAPACITY as u64 + 5 {
            let status = if number % 2 == 0 { 200 } else { 400 };
            let decision = Decision { call: number, ..Decision::default() };
            log.record(Moment::from_millis(0), &call, &decision, Outcome { status, ..Outcome::default() });
        }
        assert_eq!(log.entries().len(), CAPACITY);
        assert_eq!(log.entries()[0].call, 6);
        let counter = &log.counters()["adcp/DescribeRegions"];
        assert_eq!((counter.calls, counter.failed), (CAPACITY as u64 + 5, CAPACITY as u64 / 2 + 3));
        log.reset();
        assert!(log.entries().is_empty() && log.counters().is_empty());
    }

    #[test]
    fn names_chosen_by_callers_are_bounded_and_printable() {
        assert_eq!(printable("a\nb\u{7}\"c"), "a?b??c");
        assert_eq!(printable(&"x".repeat(1000)).len(), NAME_LENGTH);
    }
}
