//! Watching a set and its Applications from before a write until all is deployed.
//!
//! `apply.rs` calls it around its writes. Three watches (the set, the Applications of its namespace, and, where members are
//! expected, the cluster Secrets) feed `judge.rs`. It never writes. Interrupts and deadlines end a wait with what is known.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::time::Instant;

use super::judge::{Cluster, Obstacle, Obstacles, Patience, View, is_owned};
use super::object::CLUSTER_LABEL;
use crate::kubernetes::object::encode;
use crate::kubernetes::watch::WatchEvent;
use crate::kubernetes::{Error, FleetApi, Kind, Object, ObjectRef, ObjectWatch};

/// A wait says where it stands at least this often.
const PROGRESS: Duration = Duration::from_secs(10);

/// What a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// The set is new.
    Created,
    /// The write that was just answered is worked on.
    OurWrite,
    /// Nothing was written now.
    Settled,
}

/// How a wait ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// All is deployed.
    Ready,
    /// The set generates nothing, and nothing in particular was expected.
    Empty,
    /// The deadline passed.
    TimedOut,
    /// The run was interrupted.
    Interrupted,
    /// A cause that does not heal by itself held on.
    Stuck,
    /// The set vanished or is being deleted.
    Vanished,
    /// The API server refuses to let us look, or has not answered for long.
    Blind(String),
}

/// The outcome of a wait.
#[derive(Clone, Debug)]
pub(super) struct Waited {
    pub(super) ending: Ending,
    /// Applications of the set as seen last.
    pub(super) applications: Vec<Object>,
    /// What was in the way at the end.
    pub(super) obstacles: Vec<Obstacle>,
}

/// Who told something.
enum Whose {
    Set,
    Applications,
    Secrets,
}

/// Looks on from before a write: what changes while the write is under way counts as change.
pub(super) struct Watcher {
    api: FleetApi,
    object: ObjectRef,
    set: ObjectWatch,
    applications: ObjectWatch,
    secrets: Option<ObjectWatch>,
    live: Option<Object>,
    vanished: bool,
    /// Applications of sets of this name, by their own name.
    seen: BTreeMap<String, Object>,
    clusters: Option<BTreeMap<String, Cluster>>,
    expected: Vec<String>,
    /// The set as the server answered our write, when, and what was there then. A watch may lag behind it.
    answer: Option<(Object, Instant)>,
    before: Option<(Json, BTreeMap<String, Json>)>,
    /// Whether Applications were listed after all that is known of the set: the watches are told apart from each other.
    listed: bool,
    began: Instant,
    said: Option<Instant>,
}

impl Watcher {
    /// Begins to look on.
    ///
    /// # Errors
    /// If the API server refuses to show sets or Applications, or the run was interrupted. Cluster Secrets are done without
    /// if need be.
    pub(super) async fn begin(api: &FleetApi, object: &ObjectRef, expected: Vec<String>) -> Result<Self, Error> {
        let namespace = object.namespace.as_deref();
        let label = format!("labelSelector={}", encode(&format!("{}={}", CLUSTER_LABEL.0, CLUSTER_LABEL.1)));
        let secrets =
            (!expected.is_empty()).then(|| ObjectWatch::of_selection(api, Kind::SECRET, namespace, Some(label)));
        let mut watcher = Self {
            api: api.clone(),
            object: object.clone(),
            set: ObjectWatch::of_object(api, object),
            applications: ObjectWatch::of_selection(api, Kind::APPLICATION, namespace, None),
            secrets,
            live: None,
            vanished: false,
            seen: BTreeMap::new(),
            clusters: None,
            expected,
            answer: None,
            before: None,
            listed: false,
            began: Instant::now(),
            said: None,
        };
        let told = watcher.set.next().await?;
        watcher.take(Whose::Set, told);
        watcher.vanished = false;
        let told = watcher.applications.next().await?;
        watcher.take(Whose::Applications, told);
        if let Some(secrets) = &mut watcher.secrets {
            match secrets.next().await {
                Ok(told) => watcher.take(Whose::Secrets, told),
                Err(error) if error.is_cancelled() => return Err(error),
                Err(error) => {
                    tracing::info!(%error, "cluster Secrets cannot be read");
                    watcher.secrets = None;
                }
            }
        }
        Ok(watcher)
    }

    /// The server took our write; `live` is the object it answered.
    pub(super) fn answered(&mut self, live: &Object) {
        let specs = self.owned(live.uid()).iter().map(|one| (one.uid().to_owned(), spec(one))).collect();
        self.before = Some((status(live), specs));
        self.answer = Some((live.clone(), Instant::now()));
        self.vanished = false;
    }

    fn owned(&self, uid: &str) -> Vec<Object> {
        self.seen.values().filter(|one| is_owned(one, uid)).cloned().collect()
    }

    /// The set as far as it is known: our own write may be newer than what the watch has told.
    fn newest(&self) -> Option<&Object> {
        match (&self.live, &self.answer) {
            (Some(live), Some((answer, _))) if is_older(live, answer) => Some(answer),
            (Some(live), _) => Some(live),
            (None, answer) => answer.as_ref().map(|(answer, _)| answer),
        }
    }

    /// Whether something happened after the write that only the controller does: another status of the set, another set of
    /// Applications, another spec of one.
    fn has_evidence(&self, set: &Object, owned: &[Object]) -> bool {
        let Some((before, specs)) = &self.before else { return false };
        let changed = |one: &Object| specs.get(one.uid()).is_none_or(|before| *before != spec(one));
        status(set) != *before || owned.len() != specs.len() || owned.iter().any(changed)
    }

    /// Waits until what the set generates is deployed.
    ///
    /// # Cancellation
    /// The operation's interrupt ends it within one poll; nothing is lost.
    pub(super) async fn wait(mut self, goal: Goal, deadline: Instant, patience: Patience) -> Waited {
        let mut obstacles = Obstacles::default();
        loop {
            let now = Instant::now();
            if self.vanished {
                return self.end(Ending::Vanished, Vec::new());
            }
            let mut alarm = deadline;
            let mut now_in_the_way = Vec::new();
            if let Some(set) = self.newest() {
                let owned = self.owned(set.uid());
                let clusters: Option<Vec<Cluster>> = self
                    .clusters
                    .as_ref()
                    .filter(|_| self.secrets.is_some())
                    .map(|all| all.values().cloned().collect());
                let view = View { set, applications: &owned, clusters: clusters.as_deref(), expected: &self.expected };
                let quiet = self.answer.as_ref().map_or(now, |(_, at)| *at + patience.quiet);
                let taken_up = view.is_known()
                    && view.is_carried()
                    && (goal != Goal::OurWrite || self.has_evidence(set, &owned) || quiet <= now);
                now_in_the_way = view.obstacles();
                if taken_up && now_in_the_way.is_empty() {
                    let ending = if view.is_empty() { Ending::Empty } else { Ending::Ready };
                    if self.listed {
                        return self.end(ending, Vec::new());
                    }
                    // The controller says that it is done after it has made its Applications, but the watch that tells of them
                    // may lag behind the one that tells of the set.
                    match self.api.list(Kind::APPLICATION, self.object.namespace.as_deref(), None).await {
                        Ok(listing) => self.take(Whose::Applications, WatchEvent::Listed(listing.items)),
                        Err(error) if error.is_cancelled() => return self.end(Ending::Interrupted, Vec::new()),
                        Err(error) => return self.end(Ending::Blind(error.to_string()), Vec::new()),
                    }
                    self.listed = true;
                    continue;
                }
                obstacles.see(now, &now_in_the_way);
                if quiet > now {
                    alarm = alarm.min(quiet);
                }
            }
            let gives_up = obstacles.gives_up(patience);
            if gives_up.is_some_and(|at| at <= now) {
                return self.end(Ending::Stuck, now_in_the_way);
            }
            if deadline <= now {
                return self.end(Ending::TimedOut, now_in_the_way);
            }
            if self.said.is_none_or(|said| said + PROGRESS <= now) {
                self.say(&now_in_the_way);
            }
            let again = self.said.map(|said| said + PROGRESS);
            alarm = gives_up.into_iter().chain(again).fold(alarm, Instant::min);
            match tokio::time::timeout_at(alarm, self.next()).await {
                Err(_) => {}
                Ok(Ok((whose, told))) => self.take(whose, told),
                Ok(Err(error)) if error.is_cancelled() => return self.end(Ending::Interrupted, now_in_the_way),
                Ok(Err(error)) => return self.end(Ending::Blind(error.to_string()), now_in_the_way),
            }
        }
    }

    fn end(self, ending: Ending, obstacles: Vec<Obstacle>) -> Waited {
        let applications = self.newest().map(|set| self.owned(set.uid())).unwrap_or_default();
        tracing::info!(k8s_kind = self.object.kind.kind, k8s_name = %self.object.name, "the wait for {} is over", self.object);
        Waited { ending, applications, obstacles }
    }

    /// A line of progress, for people who read TF_LOG.
    fn say(&mut self, obstacles: &[Obstacle]) {
        self.said = Some(Instant::now());
        let lines: Vec<String> = obstacles.iter().map(Obstacle::line).collect();
        let lines = if lines.is_empty() { "Argo CD has not worked on it yet".to_owned() } else { lines.join("; ") };
        tracing::info!(
            k8s_kind = self.object.kind.kind,
            k8s_name = %self.object.name,
            "waits for {}, {} s so far: {lines}",
            self.object,
            self.began.elapsed().as_secs()
        );
    }

    /// The next thing told by anybody. May be dropped at any time.
    async fn next(&mut self) -> Result<(Whose, WatchEvent), Error> {
        loop {
            let told = tokio::select! {
                told = self.set.next() => return Ok((Whose::Set, told?)),
                told = self.applications.next() => return Ok((Whose::Applications, told?)),
                told = next_of(self.secrets.as_mut()) => told,
            };
            match told {
                Ok(told) => return Ok((Whose::Secrets, told)),
                Err(error) if error.is_cancelled() => return Err(error),
                Err(error) => {
                    tracing::info!(%error, "cluster Secrets cannot be read any more");
                    self.secrets = None;
                }
            }
        }
    }

    fn take(&mut self, whose: Whose, told: WatchEvent) {
        self.listed = false;
        match whose {
            Whose::Set => {
                let seen = match told {
                    WatchEvent::Listed(items) => items.into_iter().find(|item| item.name() == self.object.name),
                    WatchEvent::Changed(live) => Some(live),
                    WatchEvent::Deleted(_) => None,
                };
                // Before a create there is nothing to vanish.
                let was_there = self.live.is_some() || self.answer.is_some();
                self.vanished = seen.as_ref().map_or(was_there, Object::is_terminating);
                self.live = seen;
            }
            Whose::Applications => {
                let name = self.object.name.clone();
                keep(&mut self.seen, told, |one| is_of(&one, &name).then_some(one));
            }
            Whose::Secrets => keep(self.clusters.get_or_insert_default(), told, |one| Cluster::of(&one)),
        }
    }
}

/// Brings a map of objects by name up to what a watch tells.
fn keep<T>(known: &mut BTreeMap<String, T>, told: WatchEvent, of: impl Fn(Object) -> Option<T>) {
    match told {
        WatchEvent::Listed(items) => {
            *known = items.into_iter().filter_map(|one| Some((one.name().to_owned(), of(one)?))).collect();
        }
        WatchEvent::Changed(one) => {
            let name = one.name().to_owned();
            match of(one) {
                Some(value) => known.insert(name, value),
                None => known.remove(&name),
            };
        }
        WatchEvent::Deleted(one) => {
            known.remove(one.name());
        }
    }
}

async fn next_of(watch: Option<&mut ObjectWatch>) -> Result<WatchEvent, Error> {
    match watch {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    }
}

/// Whether a set of this name owns an Application.
fn is_of(application: &Object, set_name: &str) -> bool {
    let owners = application.value().pointer("/metadata/ownerReferences").and_then(Json::as_array);
    let is = |owner: &Json, field: &str, text: &str| owner.get(field).and_then(Json::as_str) == Some(text);
    owners.into_iter().flatten().any(|owner| is(owner, "kind", "ApplicationSet") && is(owner, "name", set_name))
}

fn spec(object: &Object) -> Json {
    object.value().get("spec").cloned().unwrap_or_default()
}

fn status(object: &Object) -> Json {
    object.value().get("status").cloned().unwrap_or_default()
}

/// Whether the server stored `seen` before `answer`. Versions of one kind are numbers that grow.
fn is_older(seen: &Object, answer: &Object) -> bool {
    let version = |object: &Object| object.resource_version().parse::<u64>().ok();
    matches!((version(seen), version(answer)), (Some(seen), Some(answer)) if seen < answer)
}
