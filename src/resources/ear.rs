//! The controller's Events about one object, heard as they come.
//!
//! Waits after writes (`reconcile.rs`) and after deletions (`deletion.rs`) listen so. What was recorded before is known and is
//! no news. It goes on without Events where they may not be read; only an interrupt is an error.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio::time::Instant;

use super::patience::{self, Patience, Trouble};
use crate::kubernetes::watch::WatchEvent;
use crate::kubernetes::{Error, Event, EventLog, EventTarget, FleetApi, ObjectRef, ObjectWatch};

/// Reason of the Event that ends a pass well.
pub(super) const SUCCESS: &str = "SuccessfullyReconciled";
/// Reason of the Event that tells that the controller took an Ingress up.
pub(super) const SYNC: &str = "Sync";

/// Events of one object.
pub(super) struct Ear {
    about: ObjectRef,
    watch: Option<ObjectWatch>,
    log: EventLog,
    /// Count of each Event by its name: what does not exceed it is old news.
    counts: BTreeMap<String, u64>,
    /// What was recorded since we listen.
    fresh: BTreeMap<String, Event>,
    successes: u64,
    /// Failures since the last success, for as long as anybody waits.
    trouble: Trouble,
    /// The latest thing heard.
    latest: Option<Event>,
}

/// What an [`Ear`] heard anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// The controller took the object up.
    pub(super) sync: bool,
    /// Some other sign of life.
    pub(super) activity: bool,
    /// A pass ended well.
    pub(super) success: bool,
    /// A pass failed.
    pub(super) failure: bool,
    /// Both ended, and the failure came last, as far as can be told.
    pub(super) failure_last: bool,
}

impl Ear {
    /// Listens; what is there already is no news.
    pub(super) async fn open(api: &FleetApi, object: &ObjectRef) -> Self {
        let target = EventTarget { object: object.clone(), uid: None };
        let mut ear = Self {
            about: object.clone(),
            watch: Some(api.watch_events(&target)),
            log: EventLog::default(),
            counts: BTreeMap::new(),
            fresh: BTreeMap::new(),
            successes: 0,
            trouble: Trouble::default(),
            latest: None,
        };
        let first = match &mut ear.watch {
            Some(watch) => watch.next().await,
            None => return ear,
        };
        match first {
            Ok(told) => {
                ear.take(&told);
                ear.fresh.clear();
                ear.trouble = Trouble::default();
                ear.latest = None;
            }
            // Shows again at the next call.
            Err(error) if error.is_cancelled() => {}
            Err(error) => ear.go_deaf(&error),
        }
        ear
    }

    fn go_deaf(&mut self, error: &Error) {
        tracing::info!(%error, "goes on without Events");
        self.watch = None;
    }

    /// Whether Events cannot be read.
    pub(super) const fn is_deaf(&self) -> bool {
        self.watch.is_none()
    }

    /// All that is known.
    pub(super) const fn log(&self) -> &EventLog {
        &self.log
    }

    /// How often a pass ended well for the object.
    pub(super) const fn successes(&self) -> u64 {
        self.successes
    }

    /// The latest thing heard.
    pub(super) const fn latest(&self) -> Option<&Event> {
        self.latest.as_ref()
    }

    /// Forgets failures: what failed until now may have failed for want of what was just written.
    pub(super) fn forgive(&mut self) {
        self.trouble = Trouble::default();
    }

    /// When to give up for what failed, if nothing else happens.
    pub(super) fn gives_up(&self, patience: Patience) -> Option<Instant> {
        self.trouble.gives_up(patience)
    }

    /// The same for a deletion.
    pub(super) fn ends_deletion(&self, patience: Patience) -> Option<Instant> {
        self.trouble.ends_deletion(patience)
    }

    /// Warnings recorded since we listen.
    pub(super) fn fresh_warnings(&self) -> impl Iterator<Item = &Event> {
        self.fresh.values().filter(|event| event.is_warning())
    }

    /// Failures that no success has followed, newest first.
    pub(super) fn standing_failures(&self) -> Vec<Event> {
        let success = self.newest(&|event| event.reason == SUCCESS);
        let mut failures = self.log.warnings();
        failures
            .retain(|event| event.is_about(&self.about) && patience::failure(event).is_some() && event.last > success);
        failures
    }

    /// Whether the last pass that is known failed: the controller will try again.
    pub(super) fn fails(&self) -> bool {
        !self.standing_failures().is_empty()
    }

    fn newest(&self, fits: &dyn Fn(&Event) -> bool) -> Option<Timestamp> {
        let events = self.log.newest_first();
        events.iter().find(|event| event.is_about(&self.about) && fits(event)).and_then(|event| event.last)
    }

    /// The next thing told; pending forever once Events cannot be read. An interrupt is the only error.
    pub(super) async fn next(&mut self) -> Result<WatchEvent, Error> {
        while let Some(watch) = &mut self.watch {
            match watch.next().await {
                Ok(told) => return Ok(told),
                Err(error) if error.is_cancelled() => return Err(error),
                Err(error) => self.go_deaf(&error),
            }
        }
        std::future::pending().await
    }

    /// Takes in what was told.
    pub(super) fn take(&mut self, told: &WatchEvent) -> Heard {
        self.log.observe(told);
        let objects = match told {
            WatchEvent::Listed(items) => items.as_slice(),
            WatchEvent::Changed(item) => std::slice::from_ref(item),
            WatchEvent::Deleted(_) => &[],
        };
        let mut heard = Heard::default();
        let (mut failed, mut succeeded) = (Vec::new(), None);
        for object in objects {
            let event = Event::parse(object);
            let known = self.counts.insert(object.name().to_owned(), event.count);
            if known.is_some_and(|known| event.count <= known) {
                continue;
            }
            match patience::failure(&event) {
                Some(weight) => failed.push((event.last, weight)),
                None if event.reason == SUCCESS => succeeded = succeeded.max(event.last),
                None if event.reason == SYNC => heard.sync = true,
                None => heard.activity = true,
            }
            self.latest = Some(event.clone());
            self.fresh.insert(object.name().to_owned(), event);
        }
        let successes = self.log.count(&self.about, SUCCESS);
        heard.success = successes > self.successes;
        self.successes = successes;
        heard.failure = !failed.is_empty();
        if heard.success {
            self.forgive();
            // A list tells of both at once. Within one second nobody can tell which came last.
            failed.retain(|(at, _)| *at >= succeeded);
            heard.failure_last = !failed.is_empty();
        }
        for (_, weight) in failed {
            self.trouble.failed(weight, Instant::now());
        }
        heard
    }
}
