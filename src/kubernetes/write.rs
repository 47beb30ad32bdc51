//! An update: what conflicts, what is written, what must vanish.
//!
//! [`judge`] is the rule, pure: prior state and plan are agreed between the user and us, only what changed in meaning
//! after the refresh conflicts. [`FleetApi::write`] is the shell around it: read, judge, apply with the judged UID and
//! resource version, start over when the version went stale or the answer was lost, and remove by merge patch what
//! another owner kept alive. Force is safe there because it takes exactly the version that was judged.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    api::{ApplyOptions, FleetApi},
    drift::KnownDrift,
    error::{Error, Problem, Target, Verb},
    meaning::{Meaning, present},
    merge::{dropped, intent, leaves, put},
    object::{Object, ObjectRef},
    ownership::{Writer, last_writer},
    path::FieldPath,
};

/// A field that somebody changed after the plan was made. Its values may be a Secret's: `Debug` leaves them out.
#[derive(Clone, PartialEq)]
pub struct FieldConflict {
    /// Where.
    pub path: FieldPath,
    /// Who last wrote the live value, if `managedFields` tells.
    pub owner: Option<Writer>,
    /// The live value.
    pub live: Option<Value>,
    /// What state saw.
    pub prior: Option<Value>,
    /// What is planned.
    pub planned: Option<Value>,
}

impl std::fmt::Debug for FieldConflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FieldConflict {{ path: {}, owner: {:?}, .. }}", self.path, self.owner)
    }
}

/// What to do with a live object. `Debug` leaves values out.
#[derive(Clone, PartialEq)]
pub enum Judgement {
    /// Nothing: each conflict is to be told.
    Conflicts(Vec<FieldConflict>),
    /// Nothing: all is as planned in meaning.
    NothingToWrite,
    /// Apply the intent; the dropped paths must be absent afterwards.
    Write {
        /// All that our manager shall own, without the object's identity.
        intent: Value,
        /// Paths to remove if they outlive the apply.
        dropped: Vec<FieldPath>,
    },
}

impl std::fmt::Debug for Judgement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Conflicts(conflicts) => f.debug_tuple("Conflicts").field(conflicts).finish(),
            Self::NothingToWrite => f.write_str("NothingToWrite"),
            Self::Write { dropped, .. } => f.debug_struct("Write").field("dropped", dropped).finish_non_exhaustive(),
        }
    }
}

/// What [`judge`] looks at. Prior and plan hold what we set, in the Kubernetes shape.
#[derive(Clone, Copy)]
pub struct ToJudge<'a> {
    /// Refreshed prior state.
    pub prior: &'a Value,
    /// The plan.
    pub planned: &'a Value,
    /// Paths taken over from the live object where the plan does not set them (a generated key).
    pub keep: &'a [FieldPath],
    /// Whether our fields are taken whatever they are (`adopt`).
    pub force: bool,
    /// Live values that the refresh before the plan showed, whether state could hold them or not.
    pub known: &'a KnownDrift,
    /// When values are the same.
    pub meaning: &'a dyn Meaning,
}

impl std::fmt::Debug for ToJudge<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The values may be a Secret's.
        f.debug_struct("ToJudge").field("keep", &self.keep).field("force", &self.force).finish_non_exhaustive()
    }
}

/// Compares live, prior and planned field by field.
pub fn judge(live: &Object, update: &ToJudge<'_>) -> Judgement {
    let ToJudge { prior, planned, keep, force, known, meaning } = *update;
    let found = leaves(live.value(), prior, planned, meaning);
    if !force {
        let conflicts: Vec<FieldConflict> = found
            .iter()
            .filter(|leaf| leaf.is_conflict(meaning))
            .filter(|leaf| leaf.live.is_none_or(|live| !known.holds(&leaf.path, live)))
            .map(|leaf| FieldConflict {
                path: leaf.path.clone(),
                owner: last_writer(live, &leaf.path),
                live: leaf.live.cloned(),
                prior: leaf.prior.cloned(),
                planned: leaf.planned.cloned(),
            })
            .collect();
        if !conflicts.is_empty() {
            return Judgement::Conflicts(conflicts);
        }
    }
    if !found.iter().any(|leaf| leaf.needs_write(meaning)) {
        return Judgement::NothingToWrite;
    }
    let intent = intent(live.value(), prior, planned, keep, meaning);
    let dropped = dropped(&intent, prior, meaning);
    Judgement::Write { intent, dropped }
}

/// An update of one object.
#[derive(Clone, Copy, Debug)]
pub struct WriteRequest<'a> {
    /// Which object.
    pub object: &'a ObjectRef,
    /// The UID that state knows.
    pub uid: &'a str,
    /// What to judge.
    pub update: ToJudge<'a>,
    /// Ask the server, change nothing.
    pub dry_run: bool,
}

/// What came of an update.
#[derive(Clone, Debug, PartialEq)]
pub enum Written {
    /// All was as planned; nothing was sent.
    Unchanged(Object),
    /// The object after the write.
    Applied(Object),
    /// Nothing was sent: the object and what conflicts.
    Conflicts(Object, Vec<FieldConflict>),
    /// The object is gone.
    Missing,
    /// Another object has the name now.
    Replaced(Object),
    /// The object is being deleted; a write would be accepted and lost.
    Terminating(Object),
}

/// Stale versions and lost answers are taken up this often.
const MAX_ROUNDS: u32 = 10;
/// Pause before a new round, jittered.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

impl FleetApi {
    /// Brings an object to what is planned.
    ///
    /// # Errors
    /// What the server refused; [`Problem::StaleVersion`] when ten rounds met a newer version each time.
    pub async fn write(&self, request: &WriteRequest<'_>) -> Result<Written, Error> {
        let mut last = None;
        for round in 0..MAX_ROUNDS {
            if round > 0 {
                self.pause(Verb::Apply, request.object, PAUSE.0, PAUSE.1).await?;
            }
            match self.write_once(request).await {
                Ok(written) => return Ok(written),
                Err(error) if *error.problem() == Problem::StaleVersion || error.is_ambiguous() => {
                    tracing::debug!(round, %error, "reads the object again before writing");
                    last = Some(error);
                }
                // Deleted between the read and the write.
                Err(error) if error.is_not_found() && error.verb().is_write() => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| {
            Error::new(Verb::Apply, &Target::from(request.object), Problem::StaleVersion, "the object never held still")
        }))
    }

    async fn write_once(&self, request: &WriteRequest<'_>) -> Result<Written, Error> {
        let live = match self.get(request.object).await {
            Ok(live) => live,
            Err(error) if error.is_not_found() => return Ok(Written::Missing),
            Err(error) => return Err(error),
        };
        if live.uid() != request.uid {
            return Ok(Written::Replaced(live));
        }
        if live.is_terminating() {
            return Ok(Written::Terminating(live));
        }
        let (intent, dropped) = match judge(&live, &request.update) {
            Judgement::Conflicts(conflicts) => return Ok(Written::Conflicts(live, conflicts)),
            Judgement::NothingToWrite => return Ok(Written::Unchanged(live)),
            Judgement::Write { intent, dropped } => (intent, dropped),
        };
        let options = ApplyOptions {
            uid: Some(live.uid()),
            resource_version: Some(live.resource_version()),
            force: true,
            dry_run: request.dry_run,
        };
        let applied = self.apply(request.object, &intent, options).await?;
        let meaning = request.update.meaning;
        let survivors: Vec<&FieldPath> =
            dropped.iter().filter(|path| present(path.get(applied.value()), path, meaning).is_some()).collect();
        if survivors.is_empty() || request.dry_run {
            return Ok(Written::Applied(applied));
        }
        let paths: Vec<String> = survivors.iter().map(ToString::to_string).collect();
        tracing::debug!(paths = paths.join(", "), "removes fields that another owner keeps");
        let patch = removal(&applied, &survivors);
        self.merge_patch(request.object, &patch).await.map(Written::Applied)
    }
}

/// A merge patch that removes paths from exactly this version of the object.
fn removal(object: &Object, paths: &[&FieldPath]) -> Value {
    let mut patch = json!({"metadata": {"uid": object.uid(), "resourceVersion": object.resource_version()}});
    for path in paths {
        put(&mut patch, path.segments(), Value::Null);
    }
    patch
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
