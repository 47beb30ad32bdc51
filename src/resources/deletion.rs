//! The wait until a deleted object is gone: progress that a person can read, and what the controller says of a deletion that it
//! cannot finish.
//!
//! `kubernetes_object.rs` calls it after the server took a deletion. Only an AlbConfig has somebody who works on its end and
//! says how that goes; for all other objects it only waits. Ending a wait takes nothing back: the deletion goes on.

use std::time::Duration;

use tokio::time::Instant;

use super::ear::Ear;
use super::patience::Patience;
use super::wait_report;
use crate::kubernetes::watch::WatchEvent;
use crate::kubernetes::{DeleteOutcome, Deletion, Error, Event, FleetApi, Kind, ObjectRef};

/// A wait says where it stands at least this often.
const PROGRESS: Duration = Duration::from_secs(10);

/// Events that tell how a deletion goes.
pub(crate) struct DeletionEar(Option<Ear>);

/// How the wait ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It is gone.
    Gone,
    /// It is still there: these finalizers hold it, and this is what the controller said, newest first.
    Held {
        /// What holds it.
        finalizers: Vec<String>,
        /// Failures that no success followed.
        failures: Vec<Event>,
        /// Whether the controller failed again and again, so that waiting on was given up.
        given_up: bool,
    },
}

impl DeletionEar {
    /// Listens from before the deletion, where there is somebody to listen to.
    pub(crate) async fn open(api: &FleetApi, object: &ObjectRef) -> Self {
        if object.kind == Kind::ALB_CONFIG { Self(Some(Ear::open(api, object).await)) } else { Self(None) }
    }

    async fn next(&mut self) -> Result<WatchEvent, Error> {
        match &mut self.0 {
            Some(ear) => ear.next().await,
            None => std::future::pending().await,
        }
    }

    fn failures(&self) -> Vec<Event> {
        self.0.as_ref().map(Ear::standing_failures).unwrap_or_default()
    }

    /// Waits until the object is gone, its time is over, or the controller failed at it again and again.
    ///
    /// # Errors
    /// What the server refused; an interrupt.
    pub(crate) async fn until_gone(
        mut self,
        api: &FleetApi,
        deletion: &Deletion<'_>,
        patience: Patience,
    ) -> Result<Ended, Error> {
        let began = Instant::now();
        if let Some(ear) = &mut self.0 {
            ear.forgive();
        }
        let mut gone = std::pin::pin!(api.wait_until_gone(deletion));
        let mut say_at = began + PROGRESS;
        loop {
            let gives_up = self.0.as_ref().and_then(|ear| ear.ends_deletion(patience));
            if gives_up.is_some_and(|at| at <= Instant::now()) {
                let finalizers = match api.get(deletion.object).await {
                    Ok(live) if live.uid() == deletion.uid => live.finalizers(),
                    Ok(_) => return Ok(Ended::Gone),
                    Err(error) if error.is_not_found() => return Ok(Ended::Gone),
                    Err(error) => return Err(error),
                };
                return Ok(Ended::Held { finalizers, failures: self.failures(), given_up: true });
            }
            let alarm = gives_up.map_or(say_at, |at| at.min(say_at));
            tokio::select! {
                biased;
                ended = &mut gone => return Ok(match ended? {
                    DeleteOutcome::Gone | DeleteOutcome::WasGone => Ended::Gone,
                    DeleteOutcome::Held { finalizers, .. } => {
                        Ended::Held { finalizers, failures: self.failures(), given_up: false }
                    }
                }),
                told = self.next() => {
                    let told = told?;
                    if let Some(ear) = &mut self.0 {
                        ear.take(&told);
                    }
                }
                () = tokio::time::sleep_until(alarm) => {
                    if say_at <= Instant::now() {
                        self.say(deletion.object, began);
                        say_at = Instant::now() + PROGRESS;
                    }
                }
            }
        }
    }

    /// A line of progress, for people who read TF_LOG.
    fn say(&self, object: &ObjectRef, began: Instant) {
        let latest = self.0.as_ref().and_then(Ear::latest);
        let latest = latest.map(|event| format!("; latest Event: {}: {}", event.reason, event.message));
        tracing::info!(
            k8s_kind = object.kind.kind,
            k8s_name = %object.name,
            "still waits until {object} is gone: {} s so far{}",
            began.elapsed().as_secs(),
            latest.unwrap_or_default()
        );
    }
}

/// What to say of a deletion that has not finished, beyond who holds it.
pub(crate) fn explanation(given: &str, failures: &[Event], given_up: bool) -> String {
    let mut text = given.to_owned();
    if !failures.is_empty() {
        let separate = if text.is_empty() { "" } else { " " };
        text.push_str(separate);
        text.push_str(if given_up { "It fails at that again and again:" } else { "It failed at that:" });
        text.push_str(&wait_report::listed(failures));
        text.push_str("\nRemove the cause; the controller goes on by itself.");
    }
    text
}
