//! What differs between state's view of an object and the live one: for Read, attribute by attribute.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    meaning::Meaning,
    merge::{Leaf, foreign, leaves},
    object::Object,
    ownership::Writer,
    path::FieldPath,
};

pub use super::ownership::last_writer;

/// A field that we set and that now means something else. Its values may be a Secret's: `Debug` leaves them out.
#[derive(Clone, PartialEq)]
pub struct Difference {
    /// Where.
    pub path: FieldPath,
    /// What we set.
    pub ours: Option<Value>,
    /// What is live; `None` if absent.
    pub live: Option<Value>,
    /// Who last wrote it, if `managedFields` tells.
    pub writer: Option<Writer>,
}

impl std::fmt::Debug for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Difference {{ path: {}, writer: {:?}, .. }}", self.path, self.writer)
    }
}

/// Live values that a refresh showed as drift: digests by path.
///
/// State cannot hold every value: a text where a number belongs reads as absent. Without this an update would take such a
/// value for one that was changed after the plan, in every plan anew. Secrets have none: a digest would tell of a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownDrift(BTreeMap<String, String>);

impl KnownDrift {
    /// From its text; anything else reads as none.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_default())
    }

    /// The text to keep; `None` if there is nothing to keep.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        if self.0.is_empty() { None } else { serde_json::to_string(&self.0).ok() }
    }

    /// Adds what a refresh found.
    pub fn add(&mut self, found: &[Difference]) {
        let seen = found.iter().filter_map(|one| Some((one.path.to_string(), digest(one.live.as_ref()?))));
        self.0.extend(seen);
    }

    /// Adds what it found in fields that we did not set.
    pub fn add_foreign(&mut self, foreign: &Foreign) {
        self.0.extend(foreign.0.iter().map(|(path, value)| (path.clone(), value.digest.clone())));
    }

    /// Whether a refresh showed this value there.
    #[must_use]
    pub fn holds(&self, path: &FieldPath, live: &Value) -> bool {
        !self.0.is_empty() && self.0.get(&path.to_string()) == Some(&digest(live))
    }
}

/// A value that somebody else set in a field that we do not set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignValue {
    digest: String,
    /// The value, unless it is not to be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
    /// Who last wrote it, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<String>,
}

/// What a refresh found in fields that we do not set, by path.
///
/// It is no drift and in no state. But a plan that sets such a field for the first time must say what it overwrites, and its
/// write must not take for a change after the plan what was there all along.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foreign(BTreeMap<String, ForeignValue>);

impl Foreign {
    /// Of a live object. `worth` leaves out paths that no attribute can come to set.
    pub fn of(live: &Object, ours: &Value, meaning: &dyn Meaning, worth: impl Fn(&FieldPath) -> bool) -> Self {
        let found = foreign(live.value(), ours, meaning).into_iter().filter(|(path, _)| worth(path));
        let entry = |(path, value): (FieldPath, &Value)| {
            let writer = last_writer(live, &path).map(|writer| writer.to_string());
            (path.to_string(), ForeignValue { digest: digest(value), shown: Some(short(value)), writer })
        };
        Self(found.map(entry).collect())
    }

    /// Without the values.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.0.values_mut().for_each(|value| value.shown = None);
        self
    }

    /// From its text; anything else reads as none.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_default())
    }

    /// The text to keep; `None` if there is nothing to keep.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        if self.0.is_empty() { None } else { serde_json::to_string(&self.0).ok() }
    }

    /// The values that a plan sets anew, where the state before it sets nothing.
    pub fn overwritten(
        &self,
        prior: &Value,
        planned: &Value,
        meaning: &dyn Meaning,
    ) -> Vec<(FieldPath, &ForeignValue)> {
        // As if it were live already, so that elements of lists are looked into.
        let anew = leaves(planned, prior, planned, meaning).into_iter().filter(|leaf| leaf.prior.is_none());
        anew.filter_map(|leaf| {
            let value = self.0.get(&leaf.path.to_string())?;
            (value.digest != digest(leaf.planned?)).then_some((leaf.path, value))
        })
        .collect()
    }
}

/// A value on one line, for people.
fn short(value: &Value) -> String {
    const MAX_CHARS: usize = 120;
    let text = value.to_string();
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn digest(value: &Value) -> String {
    hex::encode(Sha256::digest(value.to_string()))
}

/// The fields set in `ours` that differ in meaning from the live object.
pub fn differences(live: &Object, ours: &Value, meaning: &dyn Meaning) -> Vec<Difference> {
    leaves(live.value(), &Value::Null, ours, meaning)
        .into_iter()
        .filter(|leaf| !leaf.live_means(leaf.planned, meaning))
        .map(|Leaf { path, live: value, planned, .. }| Difference {
            writer: last_writer(live, &path),
            ours: planned.cloned(),
            live: value.cloned(),
            path,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kubernetes::testing::{AlbMeaning, observed, walkthrough};

    #[test]
    fn the_controllers_rewrite_is_no_drift() {
        assert_eq!(differences(&observed("AlbConfig"), &walkthrough("AlbConfig"), &AlbMeaning), Vec::new());
        assert_eq!(differences(&observed("Ingress"), &walkthrough("Ingress"), &AlbMeaning), Vec::new());
    }

    #[test]
    fn drift_names_the_attribute_and_its_last_writer() {
        let mut live = observed("AlbConfig").into_value();
        live["spec"]["listeners"][1]["idleTimeout"] = json!(30);
        let mut ours = walkthrough("AlbConfig");
        ours["spec"]["listeners"][1]["idleTimeout"] = json!(60);
        let found = differences(&live.into(), &ours, &AlbMeaning);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path.to_string(), "spec.listeners[port=443,protocol=HTTPS].idleTimeout");
        assert_eq!((found[0].live.clone(), found[0].ours.clone()), (Some(json!(30)), Some(json!(60))));
        assert_eq!(found[0].writer.as_ref().unwrap().manager, "load-balancer-controller");
    }
}
