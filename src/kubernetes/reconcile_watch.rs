//! The shell around [`ReconcileProof`]: watches an object and its Events from before a write until the controller has
//! surely worked on it.
//!
//! Begin, write inside [`during`](ReconcileWatch::during), then wait with [`proved`](ReconcileWatch::proved). What
//! happens while the write is under way is seen at that time and so proves nothing. Without the right to read Events the
//! hash label alone is watched.

use std::ops::ControlFlow;

use tokio::time::Instant;

use super::{
    api::FleetApi,
    error::Error,
    events::{Event, EventLog, EventTarget},
    object::{Object, ObjectRef},
    reconcile::{Evidence, Proof, ReconcileProof},
    watch::{ObjectWatch, WatchEvent},
};

/// The controller's label on objects it worked on.
const HASH_LABEL: &str = "alb.ingress.kubernetes.io/hash";
/// The controller's reason at the end of a good pass.
const SUCCESS: &str = "SuccessfullyReconciled";

/// What a wait shows to its caller after each change.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The object as last seen.
    pub object: Option<&'a Object>,
    /// All Events so far, of the object and of those watched with it.
    pub events: &'a EventLog,
}

/// How the wait for a reconciliation ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Reconciled {
    /// The controller worked on the write.
    Proved(Evidence),
    /// The deadline came first.
    DeadlinePassed,
    /// The caller saw enough.
    Stopped,
    /// The object was deleted meanwhile.
    Gone,
}

/// The watches of one object around one write.
#[derive(Debug)]
pub struct ReconcileWatch {
    object: ObjectRef,
    uid: String,
    watch: ObjectWatch,
    /// Of the object first, then of the others; a watch that ended in a refusal is dropped.
    events: Vec<ObjectWatch>,
    may_read_events: bool,
    log: EventLog,
    live: Option<Object>,
    gone: bool,
    proof: ReconcileProof,
    last: Proof,
    began: Instant,
    lasting: fn(&Event) -> bool,
}

impl ReconcileWatch {
    /// Lists the object and its Events, and those of `others` (the AlbConfig of an Ingress). `lasting` says which
    /// Warnings do not heal by themselves.
    ///
    /// # Errors
    /// What the server answered about the object; Events that may not be read are done without.
    pub async fn begin(
        api: &FleetApi,
        object: &ObjectRef,
        uid: &str,
        others: &[EventTarget],
        lasting: fn(&Event) -> bool,
    ) -> Result<Self, Error> {
        let own = EventTarget { object: object.clone(), uid: Some(uid.to_owned()) };
        let mut begun = Self {
            object: object.clone(),
            uid: uid.to_owned(),
            watch: ObjectWatch::of_object(api, object),
            events: Vec::new(),
            may_read_events: true,
            log: EventLog::default(),
            live: None,
            gone: false,
            proof: ReconcileProof::new(0, None),
            last: Proof::Pending { look_again_at: None },
            began: Instant::now(),
            lasting,
        };
        for target in std::iter::once(&own).chain(others) {
            let mut watch = api.watch_events(target);
            match watch.next().await {
                Ok(told) => {
                    begun.log.observe(&told);
                    begun.events.push(watch);
                }
                Err(error) if error.is_forbidden() => begun.may_read_events = false,
                Err(error) => return Err(error),
            }
        }
        let told = begun.watch.next().await?;
        begun.take_object(&told);
        let label = begun.live.as_ref().and_then(|live| live.label(HASH_LABEL));
        begun.proof = ReconcileProof::new(begun.log.count(object, SUCCESS), label);
        Ok(begun)
    }

    /// Whether Events could be read; to be said once if not.
    pub fn may_read_events(&self) -> bool {
        self.may_read_events
    }

    /// The Events so far.
    pub fn events(&self) -> &EventLog {
        &self.log
    }

    /// The object as last seen.
    pub fn object(&self) -> Option<&Object> {
        self.live.as_ref()
    }

    /// Runs the write and goes on watching; its end is the moment from which passes count.
    ///
    /// # Errors
    /// A refusal or lasting failure of a watch, after the write has ended.
    pub async fn during<T>(&mut self, write: impl Future<Output = T>) -> (T, Result<(), Error>) {
        let mut write = std::pin::pin!(write);
        let mut watched = Ok(());
        let done = loop {
            tokio::select! {
                biased;
                done = &mut write => break done,
                step = self.step(), if watched.is_ok() => watched = step,
            }
        };
        self.proof.answered(self.began.elapsed());
        self.last = self.proof.at(self.began.elapsed());
        (done, watched)
    }

    /// Waits until the write is proved to be worked on. `on_change` sees every change and may end the wait.
    ///
    /// # Errors
    /// A refusal or lasting failure of a watch; [`Error::is_cancelled`] after an interruption.
    pub async fn proved(
        &mut self,
        deadline: Instant,
        mut on_change: impl FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Reconciled, Error> {
        loop {
            if self.gone {
                return Ok(Reconciled::Gone);
            }
            let look_again = match self.last {
                Proof::Done(evidence) => return Ok(Reconciled::Proved(evidence)),
                Proof::Pending { look_again_at } => look_again_at.map(|at| self.began + at),
            };
            if on_change(Progress { object: self.live.as_ref(), events: &self.log }).is_break() {
                return Ok(Reconciled::Stopped);
            }
            let until = look_again.map_or(deadline, |at| at.min(deadline));
            match tokio::time::timeout_at(until, self.step()).await {
                Ok(step) => step?,
                Err(_) if Instant::now() >= deadline => return Ok(Reconciled::DeadlinePassed),
                Err(_) => self.last = self.proof.at(self.began.elapsed()),
            }
        }
    }

    /// The next change of any watch. May be dropped at any time.
    async fn step(&mut self) -> Result<(), Error> {
        let events = futures_util::future::select_all(
            self.events
                .iter_mut()
                .map(|watch| Box::pin(watch.next()) as futures_util::future::BoxFuture<'_, _>)
                .chain([Box::pin(std::future::pending()) as futures_util::future::BoxFuture<'_, _>]),
        );
        let told = tokio::select! {
            biased;
            told = self.watch.next() => Ok(told?),
            (told, _, _) = events => Err(told?),
        };
        match told {
            Ok(told) => self.take_object(&told),
            Err(told) => self.take_events(&told),
        }
        Ok(())
    }

    fn take_object(&mut self, told: &WatchEvent) {
        let live = match told {
            WatchEvent::Listed(items) => items.iter().find(|item| item.name() == self.object.name),
            WatchEvent::Changed(live) => Some(live),
            WatchEvent::Deleted(_) => None,
        };
        self.gone = live.is_none_or(|live| live.uid() != self.uid);
        self.live = live.cloned();
        let label = live.and_then(|live| live.label(HASH_LABEL));
        self.last = self.proof.saw_label(label, self.began.elapsed());
    }

    fn take_events(&mut self, told: &WatchEvent) {
        if !self.log.observe(told) {
            return;
        }
        let now = self.began.elapsed();
        if let WatchEvent::Changed(item) = told {
            let event = Event::parse(item);
            if event.is_about(&self.object) && event.reason != SUCCESS {
                let lasting = event.is_warning() && (self.lasting)(&event);
                self.last = if lasting { self.proof.saw_failure(now) } else { self.proof.saw_activity(now) };
            }
        }
        self.last = self.proof.saw_successes(self.log.count(&self.object, SUCCESS), now);
    }
}

#[cfg(test)]
#[path = "reconcile_watch_tests.rs"]
mod tests;
