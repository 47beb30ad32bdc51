//! Watches of one object or of a selection, and the wait built on them.
//!
//! A watch begins with a list, goes on from its version, keeps up with bookmarks, resumes when the server closes it,
//! and lists again when its version is too old (410). Where watching is forbidden it polls. Each watch lasts a minute
//! at most and is then resumed, so a connection that died in silence is noticed. [`ObjectWatch::next`] may be dropped at
//! any await without losing an event.

use std::time::Duration;

use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    api::FleetApi,
    error::{Error, Problem, Status, Target, Verb},
    object::{Kind, Object, ObjectRef, encode},
    retry::between,
    transport::Call,
};

/// The server ends a watch after this time; it is resumed at once.
const WATCH_SECONDS: u64 = 60;
/// A watch without any frame for this long is dead.
const IDLE_LIMIT: Duration = Duration::from_secs(WATCH_SECONDS + 15);
/// Where watching is forbidden.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Failed or empty connections in a row are answered with longer pauses, and at last with the error.
const MAX_FAILURES: u32 = 8;
/// Longest line of a watch stream: the largest object etcd takes is 1.5 MiB.
const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// What a watch tells.
#[derive(Clone, Debug, PartialEq)]
pub enum WatchEvent {
    /// All that exists now; whatever is not in it is gone.
    Listed(Vec<Object>),
    /// An object was added or changed.
    Changed(Object),
    /// An object was deleted: its last state.
    Deleted(Object),
}

/// What [`FleetApi::wait_for`] sees of its object.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The object as it is now.
    Present(Object),
    /// It does not exist.
    Gone,
}

/// How a wait ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Awaited {
    /// The condition holds.
    Met(Change),
    /// The deadline came first; what was seen last.
    DeadlinePassed(Option<Change>),
}

enum State {
    List,
    Open { version: String },
    Streaming { version: String, lines: Lines },
    Poll { at: Instant },
}

struct Lines {
    body: Body,
    buffer: Vec<u8>,
}

/// A watch that survives everything but a refusal.
pub struct ObjectWatch {
    api: FleetApi,
    kind: Kind,
    namespace: Option<String>,
    /// The one object, if it is one: then polling may use GET.
    object: Option<ObjectRef>,
    selector: Option<String>,
    state: State,
    failures: u32,
    pause_until: Option<Instant>,
    may_watch: bool,
    may_list: bool,
}

impl std::fmt::Debug for ObjectWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectWatch")
            .field("kind", &self.kind.kind)
            .field("namespace", &self.namespace)
            .field("selector", &self.selector)
            .finish_non_exhaustive()
    }
}

impl ObjectWatch {
    /// Watches one object.
    pub fn of_object(api: &FleetApi, object: &ObjectRef) -> Self {
        let selector = format!("fieldSelector={}", encode(&format!("metadata.name={}", object.name)));
        let mut watch = Self::of_selection(api, object.kind, object.namespace.as_deref(), Some(selector));
        watch.object = Some(object.clone());
        watch
    }

    /// Watches what a selector (a ready query part) selects.
    pub(crate) fn of_selection(api: &FleetApi, kind: Kind, namespace: Option<&str>, selector: Option<String>) -> Self {
        Self {
            api: api.clone(),
            kind,
            namespace: namespace.map(str::to_owned),
            object: None,
            selector,
            state: State::List,
            failures: 0,
            pause_until: None,
            may_watch: true,
            may_list: true,
        }
    }

    /// Goes on from a list that the caller made.
    pub(crate) fn resume_from(mut self, version: String) -> Self {
        self.state = State::Open { version };
        self
    }

    /// Opens the stream at the version it was resumed from.
    ///
    /// # Errors
    /// The server's refusal; the watch is of no use then.
    pub(crate) async fn open_now(&mut self) -> Result<(), Error> {
        if let State::Open { version } = &self.state {
            let version = version.clone();
            let call = self.opening(&version);
            let body = open(self.api.clone(), call).await?;
            self.state = State::Streaming { version, lines: Lines { body, buffer: Vec::new() } };
        }
        Ok(())
    }

    /// The next change of the open stream; `None` when it ends, whatever the reason.
    pub(crate) async fn next_of_stream(&mut self) -> Option<WatchEvent> {
        let State::Streaming { lines, .. } = &mut self.state else { return None };
        loop {
            match parse(&tokio::time::timeout(IDLE_LIMIT, lines.next()).await.ok()??) {
                Parsed::Event(event) => return Some(event),
                Parsed::Bookmark(_) => {}
                Parsed::Failed(_) => return None,
            }
        }
    }

    /// The next event.
    ///
    /// # Errors
    /// A refusal, persistent failure, or [`Error::is_cancelled`].
    ///
    /// # Cancellation
    /// May be dropped at any time and called again.
    pub async fn next(&mut self) -> Result<WatchEvent, Error> {
        loop {
            if let Some(until) = self.pause_until {
                let cancel = self.api.cancel().clone();
                cancel.run(tokio::time::sleep_until(until)).await.map_err(|_| self.interrupted())?;
                self.pause_until = None;
            }
            match &mut self.state {
                State::List => match self.list().await {
                    Ok(event) => return Ok(event),
                    Err(error) => self.after(error)?,
                },
                State::Poll { at } => {
                    let at = *at;
                    let cancel = self.api.cancel().clone();
                    cancel.run(tokio::time::sleep_until(at)).await.map_err(|_| self.interrupted())?;
                    self.state = State::List;
                }
                State::Open { version } => {
                    let version = version.clone();
                    let call = self.opening(&version);
                    match open(self.api.clone(), call).await {
                        Ok(body) => {
                            self.state = State::Streaming { version, lines: Lines { body, buffer: Vec::new() } };
                        }
                        Err(error) => self.after(error)?,
                    }
                }
                State::Streaming { version, lines } => {
                    let cancel = self.api.cancel().clone();
                    let line = cancel.run(tokio::time::timeout(IDLE_LIMIT, lines.next())).await;
                    let Ok(line) = line else { return Err(self.interrupted()) };
                    let Ok(Some(line)) = line else {
                        // Closed, broken or silent: resume. An empty stream counts as a failure, so that a server
                        // which closes at once is not hammered.
                        let version = std::mem::take(version);
                        self.state = State::Open { version };
                        self.failures += 1;
                        if self.failures > 1 {
                            self.pause();
                        }
                        continue;
                    };
                    match parse(&line) {
                        Parsed::Event(event) => {
                            self.failures = 0;
                            let (WatchEvent::Changed(object) | WatchEvent::Deleted(object)) = &event else { continue };
                            *version = object.resource_version().to_owned();
                            return Ok(event);
                        }
                        Parsed::Bookmark(newer) => {
                            self.failures = 0;
                            *version = newer;
                        }
                        // Too old a version, or something the watch cannot go on from.
                        Parsed::Failed(status) => {
                            tracing::debug!(code = status.code, reason = %status.reason, "the watch must list again");
                            self.state = State::List;
                            if status.code != 410 {
                                self.failures += 1;
                                self.pause();
                            }
                        }
                    }
                }
            }
        }
    }

    fn target(&self, verb: Verb) -> (Verb, Target) {
        let target = match &self.object {
            Some(object) => Target::from(object),
            None => Target::collection(self.kind, self.namespace.as_deref()),
        };
        (verb, target)
    }

    fn interrupted(&self) -> Error {
        let (verb, target) = self.target(Verb::Watch);
        FleetApi::interrupted(verb, &target)
    }

    fn pause(&mut self) {
        let high = Duration::from_millis(200).saturating_mul(2_u32.saturating_pow(self.failures.min(6)));
        let jitter = &*self.api.transport().jitter;
        self.pause_until = Some(Instant::now() + between(jitter, high / 2, high));
    }

    /// Decides what an error means for the watch; an error that ends it comes back.
    fn after(&mut self, error: Error) -> Result<(), Error> {
        match error.problem() {
            Problem::Expired => {
                self.state = State::List;
                Ok(())
            }
            Problem::Forbidden { .. } | Problem::BadRequest if error.verb() == Verb::Watch => {
                tracing::info!(%error, "may not watch, polls instead");
                self.may_watch = false;
                self.state = State::List;
                Ok(())
            }
            Problem::Forbidden { .. } if error.verb() == Verb::List && self.object.is_some() && self.may_list => {
                self.may_list = false;
                self.may_watch = false;
                Ok(())
            }
            _ if error.is_retryable() && self.failures < MAX_FAILURES => {
                self.failures += 1;
                self.pause();
                let longest = self.api.transport().policy.longest_pause;
                let asked = error.status().retry_after.map(|asked| Instant::now() + asked.min(longest));
                self.pause_until = self.pause_until.max(asked);
                Ok(())
            }
            _ => Err(error),
        }
    }

    async fn list(&mut self) -> Result<WatchEvent, Error> {
        let (items, version) = match (&self.object, self.may_list) {
            (Some(object), false) => match self.api.get(object).await {
                Ok(object) => (vec![object], String::new()),
                Err(error) if error.is_not_found() => (Vec::new(), String::new()),
                Err(error) => return Err(error),
            },
            _ => {
                let listing = self.api.list(self.kind, self.namespace.as_deref(), self.selector.as_deref()).await?;
                (listing.items, listing.resource_version)
            }
        };
        self.failures = 0;
        self.state =
            if self.may_watch { State::Open { version } } else { State::Poll { at: Instant::now() + POLL_INTERVAL } };
        Ok(WatchEvent::Listed(items))
    }

    /// The call that opens the stream. (Not the exchange itself: a watch that holds a stream is not `Sync`, so no
    /// future may borrow it shared.)
    fn opening(&self, version: &str) -> Call {
        let selector = self.selector.as_deref().map(|selector| format!("&{selector}")).unwrap_or_default();
        let uri = format!(
            "{}?watch=true&allowWatchBookmarks=true&resourceVersion={}&timeoutSeconds={WATCH_SECONDS}{selector}",
            self.kind.collection_path(self.namespace.as_deref()),
            encode(version),
        );
        let (verb, target) = self.target(Verb::Watch);
        Call::read(verb, target, uri)
    }
}

async fn open(api: FleetApi, call: Call) -> Result<Body, Error> {
    api.transport().open(&call, api.cancel()).await
}

impl Lines {
    /// The next whole line; `None` at the end of the stream, however it ended.
    async fn next(&mut self) -> Option<Vec<u8>> {
        let mut searched = 0;
        loop {
            let newline = self.buffer.iter().skip(searched).position(|byte| *byte == b'\n');
            if let Some(offset) = newline {
                let rest = self.buffer.split_off(searched + offset + 1);
                return Some(std::mem::replace(&mut self.buffer, rest));
            }
            searched = self.buffer.len();
            if searched > MAX_LINE_BYTES {
                return None;
            }
            let frame = self.body.frame().await?.ok()?;
            if let Ok(data) = frame.into_data() {
                self.buffer.extend_from_slice(&data);
            }
        }
    }
}

enum Parsed {
    Event(WatchEvent),
    Bookmark(String),
    Failed(Status),
}

fn parse(line: &[u8]) -> Parsed {
    let value: Value = serde_json::from_slice(line).unwrap_or_default();
    let object = value.get("object").cloned().unwrap_or_default();
    match value.get("type").and_then(Value::as_str) {
        Some("ADDED" | "MODIFIED") => Parsed::Event(WatchEvent::Changed(object.into())),
        Some("DELETED") => Parsed::Event(WatchEvent::Deleted(object.into())),
        Some("BOOKMARK") => Parsed::Bookmark(Object::from(object).resource_version().to_owned()),
        _ => Parsed::Failed(Status::from_value(&object)),
    }
}

impl FleetApi {
    /// Watches an object until `met` holds, the deadline comes, or the operation is cancelled. `on_progress` sees each
    /// state that is not yet enough.
    ///
    /// # Errors
    /// A refusal or persistent failure of the server; [`Error::is_cancelled`] after an interruption.
    pub async fn wait_for(
        &self,
        object: &ObjectRef,
        deadline: Instant,
        met: impl Fn(&Change) -> bool + Send,
        mut on_progress: impl FnMut(&Change) + Send,
    ) -> Result<Awaited, Error> {
        let mut watch = ObjectWatch::of_object(self, object);
        let mut last = None;
        loop {
            let Ok(event) = tokio::time::timeout_at(deadline, watch.next()).await else {
                return Ok(Awaited::DeadlinePassed(last));
            };
            let change = match event? {
                WatchEvent::Listed(items) => {
                    items.into_iter().find(|item| item.name() == object.name).map_or(Change::Gone, Change::Present)
                }
                WatchEvent::Changed(live) => Change::Present(live),
                WatchEvent::Deleted(_) => Change::Gone,
            };
            if met(&change) {
                return Ok(Awaited::Met(change));
            }
            on_progress(&change);
            last = Some(change);
        }
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
