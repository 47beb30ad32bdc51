//! Creation that never overwrites, and what a lost answer left behind.
//!
//! The create is a server-side apply with a resource version that no object has: the server makes the object if it is
//! absent and answers 409 if it is there, in one step, in a dry run too.

use std::time::Duration;

use serde_json::Value;

use super::{
    api::{ApplyOptions, FleetApi},
    error::{Error, Problem, Verb},
    meaning::Meaning,
    merge::without_nulls,
    object::{Object, ObjectRef},
    ownership::{NotOurs, RecordedUids, left_by_us},
};

/// A resource version that no object has: versions are etcd revisions, the first of which is never an object's.
const NO_VERSION: &str = "1";
/// Vanished or lost objects are taken up this often.
const MAX_ROUNDS: u32 = 5;

/// What shall exist.
#[derive(Clone, Copy)]
pub struct CreateRequest<'a> {
    /// Which object.
    pub object: &'a ObjectRef,
    /// All we set; the identity is added.
    pub intent: &'a Value,
    /// When values are the same.
    pub meaning: &'a dyn Meaning,
    /// A label that stands for our manager on objects that show none.
    pub marker: Option<&'a str>,
    /// What this process recorded already.
    pub recorded: &'a RecordedUids,
    /// Ask the server, change nothing.
    pub dry_run: bool,
}

impl std::fmt::Debug for CreateRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateRequest")
            .field("object", self.object)
            .field("dry_run", &self.dry_run)
            .finish_non_exhaustive()
    }
}

/// What came of a create. A created or recorded object's UID is in the record afterwards.
#[derive(Clone, Debug, PartialEq)]
pub enum CreateOutcome {
    /// The object is new.
    Created(Object),
    /// The object was left, unchanged, by an interrupted create of ours: record it, with a warning.
    LeftByUs(Object),
    /// The object is somebody's; nothing was changed.
    Exists(Object, NotOurs),
    /// The object there is being deleted: wait until it is gone, then create.
    Terminating(Object),
}

impl FleetApi {
    /// Creates an object that must not exist.
    ///
    /// # Errors
    /// What the server refused, such as a missing namespace or kind.
    pub async fn create(&self, request: &CreateRequest<'_>) -> Result<CreateOutcome, Error> {
        let mut round = 0;
        loop {
            let error = match self.create_once(request).await {
                Ok(created) => return Ok(created),
                Err(error) => error,
            };
            // Fields are compared before versions: where the values differ the server names conflicts instead.
            let exists = matches!(error.problem(), Problem::AlreadyExists | Problem::FieldConflicts(_));
            if !exists && !error.is_ambiguous() {
                return Err(error);
            }
            match self.see(request.object).await {
                Ok(seen) if seen.object.is_terminating() => return Ok(CreateOutcome::Terminating(seen.object)),
                Ok(seen) => {
                    let ours = left_by_us(
                        &seen.object,
                        request.intent,
                        request.meaning,
                        seen.server_time,
                        request.marker,
                        request.recorded,
                    );
                    return Ok(match ours {
                        Ok(()) => {
                            if !request.dry_run {
                                request.recorded.record(seen.object.uid());
                            }
                            // An answer lost a moment ago is our create; a 409 speaks of an earlier one.
                            if exists && round == 0 {
                                CreateOutcome::LeftByUs(seen.object)
                            } else {
                                CreateOutcome::Created(seen.object)
                            }
                        }
                        Err(reason) => CreateOutcome::Exists(seen.object, reason),
                    });
                }
                // Gone since, or never made: create (again).
                Err(missing) if missing.is_not_found() && round + 1 < MAX_ROUNDS => round += 1,
                Err(missing) if missing.is_not_found() => return Err(error),
                Err(unreadable) => return Err(unreadable),
            }
            self.pause(Verb::Create, request.object, Duration::from_millis(50), Duration::from_secs(2)).await?;
        }
    }

    async fn create_once(&self, request: &CreateRequest<'_>) -> Result<CreateOutcome, Error> {
        let options =
            ApplyOptions { uid: None, resource_version: Some(NO_VERSION), force: false, dry_run: request.dry_run };
        let intent = without_nulls(request.intent);
        let (seen, _) = self.send_apply(Verb::Create, request.object, &intent, options).await?;
        if !request.dry_run {
            request.recorded.record(seen.object.uid());
        }
        Ok(CreateOutcome::Created(seen.object))
    }
}

#[cfg(test)]
#[path = "create_tests.rs"]
mod tests;
