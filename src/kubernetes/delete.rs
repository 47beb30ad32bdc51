//! Deletion of exactly one object, and the wait until it is gone.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    api::FleetApi,
    error::{Error, Problem, Verb},
    object::{Object, ObjectRef},
    watch::{Awaited, Change},
};

/// A deletion.
#[derive(Clone, Copy, Debug)]
pub struct Deletion<'a> {
    /// Which object.
    pub object: &'a ObjectRef,
    /// Its UID: an object of the same name with another one is left alone.
    pub uid: &'a str,
    /// When to stop waiting.
    pub deadline: Instant,
}

/// What came of a deletion.
#[derive(Clone, Debug, PartialEq)]
pub enum DeleteOutcome {
    /// It is gone now.
    Gone,
    /// It was gone before, or another object has its name.
    WasGone,
    /// It is still there at the deadline: its finalizers hold it.
    Held {
        /// What holds it.
        finalizers: Vec<String>,
        /// The object as last seen.
        last_seen: Object,
    },
}

/// Lost answers are taken up this often.
const MAX_ROUNDS: u32 = 10;

impl FleetApi {
    /// Deletes the object and waits until it is gone.
    ///
    /// # Errors
    /// What the server refused; [`Error::is_cancelled`] when the wait was interrupted (the deletion goes on).
    pub async fn delete(&self, deletion: &Deletion<'_>) -> Result<DeleteOutcome, Error> {
        match self.request_deletion(deletion).await? {
            Some(outcome) => Ok(outcome),
            None => self.wait_until_gone(deletion).await,
        }
    }

    /// Asks the server to delete the object; `None` when it is on its way.
    ///
    /// # Errors
    /// What the server refused.
    pub async fn request_deletion(&self, deletion: &Deletion<'_>) -> Result<Option<DeleteOutcome>, Error> {
        let mut round = 0;
        loop {
            match self.send_delete(deletion.object, deletion.uid).await {
                Ok(()) => return Ok(None),
                Err(error) if error.is_not_found() => {
                    return Ok(Some(if round == 0 { DeleteOutcome::WasGone } else { DeleteOutcome::Gone }));
                }
                // The UID is another's, or the object changed while it was deleted: look.
                Err(error) if *error.problem() == Problem::StaleVersion || error.is_ambiguous() => {
                    match self.get(deletion.object).await {
                        Err(missing) if missing.is_not_found() => return Ok(Some(DeleteOutcome::Gone)),
                        Ok(live) if live.uid() != deletion.uid => return Ok(Some(DeleteOutcome::WasGone)),
                        Ok(live) if live.is_terminating() => return Ok(None),
                        Ok(_) if round + 1 < MAX_ROUNDS => round += 1,
                        Ok(_) => return Err(error),
                        Err(unreadable) => return Err(unreadable),
                    }
                    let (low, high) = (Duration::from_millis(50), Duration::from_secs(2));
                    self.pause(Verb::Delete, deletion.object, low, high).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until the object of this UID is gone, whoever deletes it.
    ///
    /// # Errors
    /// What the server refused; [`Error::is_cancelled`] when the wait was interrupted.
    pub async fn wait_until_gone(&self, deletion: &Deletion<'_>) -> Result<DeleteOutcome, Error> {
        let gone = |change: &Change| match change {
            Change::Gone => true,
            Change::Present(live) => live.uid() != deletion.uid,
        };
        match self.wait_for(deletion.object, deletion.deadline, gone, |_| {}).await? {
            Awaited::Met(_) => Ok(DeleteOutcome::Gone),
            Awaited::DeadlinePassed(Some(Change::Present(last_seen))) => {
                Ok(DeleteOutcome::Held { finalizers: last_seen.finalizers(), last_seen })
            }
            Awaited::DeadlinePassed(_) => match self.get(deletion.object).await {
                Err(error) if error.is_not_found() => Ok(DeleteOutcome::Gone),
                Ok(live) if live.uid() != deletion.uid => Ok(DeleteOutcome::Gone),
                Ok(last_seen) => Ok(DeleteOutcome::Held { finalizers: last_seen.finalizers(), last_seen }),
                Err(error) => Err(error),
            },
        }
    }
}
