//! What the sandbox was asked, and what it is told to spoil: its call log and its fault rules, typed for tests.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::sandbox::Sandbox;
use crate::{AcceptanceError, wait_until};

/// Verbs and actions that change something.
const WRITES: [&str; 7] =
    ["create", "update", "patch", "delete", "deletecollection", "AttachClusterToHub", "DetachClusterFromHub"];

/// One remote call, by names only.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Call {
    /// Cloud product, or `kubernetes`.
    pub api: String,
    /// Cloud action, or Kubernetes verb.
    pub action: String,
    /// Kind of object; empty for cloud calls.
    pub resource: String,
    /// Name or ID of the object.
    pub name: String,
    /// HTTP status; 0 if the connection was dropped instead.
    pub status: u16,
    /// Who called.
    pub caller: String,
    /// The fault that spoiled it, or nothing.
    pub fault: String,
}

impl Call {
    /// Whether it may have changed something. Dry runs count: the log does not tell them apart.
    #[must_use]
    pub fn is_write(&self) -> bool {
        WRITES.contains(&self.action.as_str())
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}/{} {}", self.api, self.action, self.resource, self.name, self.status)?;
        if self.fault.is_empty() { Ok(()) } else { write!(f, " ({})", self.fault) }
    }
}

/// A fault rule that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(u64);

impl Sandbox {
    /// Every call since the log was last forgotten, but for the simulated controller's own.
    ///
    /// # Errors
    /// If the control endpoint does not answer.
    pub fn calls(&self) -> Result<Vec<Call>, AcceptanceError> {
        let log = self.control.get("/v1/calls")?;
        let entries = log.get("entries").cloned().unwrap_or_default();
        serde_json::from_value(entries)
            .map_err(|error| AcceptanceError::Control { call: "call log".to_owned(), reason: error.to_string() })
    }

    /// Forgets the call log, and counts calls from one again.
    ///
    /// # Errors
    /// If the control endpoint does not answer.
    pub fn forget_calls(&self) -> Result<(), AcceptanceError> {
        self.control.delete("/v1/calls").map(drop)
    }

    /// Adds a rule such as `kubernetes/patch/albconfigs=drop_after,count=1`.
    ///
    /// # Errors
    /// If it is not a rule.
    pub fn fault(&self, spec: &str) -> Result<FaultId, AcceptanceError> {
        let answer = self.control.post("/v1/faults", &json!({ "spec": spec }))?;
        answer
            .get("id")
            .and_then(serde_json::Value::as_u64)
            .map(FaultId)
            .ok_or_else(|| AcceptanceError::Control { call: spec.to_owned(), reason: format!("no id in {answer}") })
    }

    /// Removes all rules.
    ///
    /// # Errors
    /// If the control endpoint does not answer.
    pub fn no_faults(&self) -> Result<(), AcceptanceError> {
        self.control.delete("/v1/faults").map(drop)
    }

    /// How many calls a rule has spoiled.
    ///
    /// # Errors
    /// If the control endpoint does not answer or the rule is gone.
    pub fn fired(&self, fault: FaultId) -> Result<u64, AcceptanceError> {
        let answer = self.control.get("/v1/faults")?;
        let rules = answer.get("faults").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
        let number = |rule: &serde_json::Value, field: &str| rule.get(field).and_then(serde_json::Value::as_u64);
        rules
            .iter()
            .find(|rule| number(rule, "id") == Some(fault.0))
            .and_then(|rule| number(rule, "fired"))
            .ok_or_else(|| AcceptanceError::Control { call: "faults".to_owned(), reason: format!("no rule {fault:?}") })
    }

    /// Waits until a rule has spoiled a call.
    ///
    /// # Errors
    /// If it does not happen in time.
    pub fn wait_fired(&self, fault: FaultId, limit: Duration) -> Result<(), AcceptanceError> {
        wait_until(&format!("a call that meets {fault:?}"), limit, || match self.fired(fault) {
            Ok(0) => {
                let calls = self.calls().map_err(|error| error.to_string())?;
                Err(calls.last().map_or_else(|| "no call yet".to_owned(), ToString::to_string))
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        })
    }

    /// Waits until a call of this kind has been answered with success.
    ///
    /// # Errors
    /// If it does not happen in time.
    pub fn wait_called(&self, action: &str, resource: &str, limit: Duration) -> Result<(), AcceptanceError> {
        wait_until(&format!("{action} {resource}"), limit, || {
            let calls = self.calls().map_err(|error| error.to_string())?;
            let fits = |call: &Call| call.action == action && call.resource == resource && call.status / 100 == 2;
            if calls.iter().any(fits) { Ok(()) } else { Err(format!("{} calls", calls.len())) }
        })
    }

    /// Stops the simulated controller from reconciling.
    ///
    /// # Errors
    /// If the control endpoint does not answer.
    pub fn pause_controller(&self) -> Result<(), AcceptanceError> {
        self.control.post("/v1/controller/pause", &json!({})).map(drop)
    }

    /// Lets the simulated controller go on.
    ///
    /// # Errors
    /// If the control endpoint does not answer.
    pub fn resume_controller(&self) -> Result<(), AcceptanceError> {
        self.control.post("/v1/controller/resume", &json!({})).map(drop)
    }
}

/// How often each kind of call occurs, for people to read.
#[must_use]
pub fn tally(calls: &[Call]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for call in calls {
        let kind = match call.resource.as_str() {
            "" => format!("{}/{}", call.api, call.action),
            resource => format!("{}/{}/{resource}", call.api, call.action),
        };
        *counts.entry(kind).or_insert(0) += 1;
    }
    counts
}
