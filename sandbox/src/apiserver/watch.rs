//! WATCH: a stream of changes read from the store's history.
//!
//! Each watch keeps its own position and catches up whenever the server announces a newer version, so a slow reader
//! costs nothing and learns by an `Expired` event that the history has passed it by.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::engine::{Engine, Tick};
use super::present::Presentation;
use super::resource::Resource;
use super::selector::Selector;
use super::status::ApiError;
use super::storage::{Change, ChangeKind};

/// How often an idle watch with bookmarks tells its position.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);

/// The parameters of a WATCH.
#[derive(Clone, Debug)]
pub(crate) struct WatchQuery {
    pub(crate) resource: Arc<Resource>,
    pub(crate) namespace: String,
    pub(crate) selector: Selector,
    /// 0 starts with the present objects.
    pub(crate) from: u64,
    pub(crate) bookmarks: bool,
    pub(crate) initial_events: bool,
    pub(crate) timeout: Duration,
    pub(crate) presentation: Presentation,
}

/// An open watch.
pub(crate) struct Watch {
    engine: Arc<Engine>,
    query: WatchQuery,
    ticks: watch::Receiver<Tick>,
    epoch: u64,
    position: u64,
    pending: VecDeque<Bytes>,
    deadline: Instant,
    next_bookmark: Instant,
    done: bool,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.engine.count_watch(false);
    }
}

impl Watch {
    /// Opens a watch; the initial objects are taken at once.
    pub(crate) fn open(engine: Arc<Engine>, query: WatchQuery) -> Watch {
        engine.count_watch(true);
        let mut ticks = engine.ticks();
        let epoch = ticks.borrow_and_update().epoch;
        let now = Instant::now();
        let mut watch = Watch {
            ticks,
            epoch,
            position: query.from,
            pending: VecDeque::new(),
            deadline: now + query.timeout,
            next_bookmark: now + BOOKMARK_EVERY,
            done: false,
            engine,
            query,
        };
        if watch.query.from == 0 || watch.query.initial_events {
            watch.start_from_present();
        }
        watch
    }

    fn start_from_present(&mut self) {
        let engine = self.engine.clone();
        let state = engine.lock();
        self.position = state.store.version();
        let bucket = self.query.resource.bucket();
        let objects: Vec<Arc<Value>> = state
            .store
            .objects(&bucket)
            .filter(|((place, _), object)| self.selects(place, object))
            .map(|(_, object)| object.clone())
            .collect();
        drop(state);
        for object in objects {
            self.emit("ADDED", &object);
        }
        if self.query.initial_events && self.query.bookmarks {
            self.bookmark(true);
        }
    }

    fn selects(&self, namespace: &str, object: &Value) -> bool {
        (self.query.namespace.is_empty() || self.query.namespace == namespace) && self.query.selector.matches(object)
    }

    fn emit(&mut self, kind: &str, object: &Value) {
        let object = self.query.presentation.object(&self.engine, &self.query.resource, object);
        self.push(&json!({"type": kind, "object": object}));
    }

    fn push(&mut self, event: &Value) {
        self.pending.push_back(Bytes::from(format!("{event}\n")));
    }

    fn bookmark(&mut self, ends_initial_events: bool) {
        let resource = self.query.resource.clone();
        let mut metadata = json!({"resourceVersion": self.position.to_string()});
        if ends_initial_events {
            super::meta::set(&mut metadata, &["annotations"], json!({"k8s.io/initial-events-end": "true"}));
        }
        // A bookmark is the kind's empty object, as the server's typed form prints it.
        let mut object = resource.empty.clone();
        for (field, value) in
            [("kind", json!(resource.kind)), ("apiVersion", json!(resource.api_version())), ("metadata", metadata)]
        {
            super::meta::set(&mut object, &[field], value);
        }
        let object = self.query.presentation.bookmark(object);
        self.push(&json!({"type": "BOOKMARK", "object": object}));
    }

    /// Reads the history from the watch's position on.
    fn catch_up(&mut self) {
        let engine = self.engine.clone();
        let state = engine.lock();
        let bucket = self.query.resource.bucket();
        let Some(changes) = state.store.changes_since(self.position) else {
            let message = format!("too old resource version: {} ({})", self.position, state.store.compacted());
            self.push(&json!({"type": "ERROR", "object": ApiError::expired(message).status()}));
            self.done = true;
            return;
        };
        let relevant: Vec<Change> = changes.filter(|change| change.bucket == bucket).cloned().collect();
        self.position = self.position.max(state.store.version());
        drop(state);
        for change in relevant {
            let before = change.previous.as_ref().is_some_and(|object| self.selects(&change.key.0, object));
            let after = change.kind != ChangeKind::Deleted && self.selects(&change.key.0, &change.object);
            match (before, after) {
                (false, true) => self.emit("ADDED", &change.object),
                (true, true) => self.emit("MODIFIED", &change.object),
                (true, false) => self.emit("DELETED", &leaving(&change)),
                (false, false) => {}
            }
        }
    }

    /// The next chunk of the stream; `None` at its end.
    ///
    /// # Cancellation
    /// Safe: nothing is lost if the future is dropped.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(chunk) = self.pending.pop_front() {
                return Some(chunk);
            }
            if self.done {
                return None;
            }
            let tick = *self.ticks.borrow_and_update();
            if tick.epoch != self.epoch {
                return None;
            }
            self.catch_up();
            if !self.pending.is_empty() || self.done {
                continue;
            }
            tokio::select! {
                changed = self.ticks.changed() => {
                    if changed.is_err() {
                        return None;
                    }
                }
                () = tokio::time::sleep_until(self.deadline) => {
                    self.done = true;
                }
                () = tokio::time::sleep_until(self.next_bookmark), if self.query.bookmarks => {
                    self.next_bookmark += BOOKMARK_EVERY;
                    self.bookmark(false);
                }
            }
        }
    }
}

/// What a watcher sees of an object that left its selection: the last selected form, with the version of the change.
fn leaving(change: &Change) -> Value {
    let mut last =
        change.previous.as_ref().map_or_else(|| change.object.as_ref().clone(), |last| last.as_ref().clone());
    super::meta::set(&mut last, &["metadata", "resourceVersion"], json!(change.version.to_string()));
    last
}
