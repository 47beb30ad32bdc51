//! Waiting until the controller has worked on an object, and saying why it has not.
//!
//! Gateway and Ingress call it around their writes. It looks on from before the write ([`Onlooker`]), waits by watches
//! until the object is published or our write is proved reconciled. What is told of a wait is `wait_report.rs`. It never
//! writes. Interrupts and deadlines end a wait with what is known, never with an error of their own.
//!
//! Why it is done so: after an update neither a newer success nor a new hash label proves anything by itself, since the
//! pass that was under way may stamp an edit that it did not see (see `kubernetes::ReconcileProof`).

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::kubernetes_attributes::HASH_LABEL;
pub(crate) use super::patience::Patience;
use super::patience::{self, Trouble};
use super::proved::{Proved, same_to_controller};
use crate::kubernetes::watch::WatchEvent;
use crate::kubernetes::{
    Error, Event, EventLog, EventTarget, FIELD_MANAGER, FleetApi, Object, ObjectRef, ObjectWatch, Proof,
    ReconcileProof, ownership,
};

/// Reason of the Event that ends a pass well.
const SUCCESS: &str = "SuccessfullyReconciled";
/// No further pass after this much quiet (the controller re-queues its own writes within 6 s).
const QUIET: SignedDuration = SignedDuration::from_secs(15);
/// A wait says where it stands at least this often.
const PROGRESS: Duration = Duration::from_secs(10);
/// How `reason` begins when a wait ended for a lasting failure.
const STUCK: &str = "the controller reports a lasting failure";
/// Private fact of a write whose reconciliation is not proved yet.
pub(crate) const PENDING_FACT: &str = "pending_write";

/// A write that a later read or wait may find reconciled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// Successes recorded before it.
    successes: u64,
    /// The controller's hash label before it.
    label: Option<String>,
    /// When the server took it, by its own clock.
    written: Option<Timestamp>,
    /// What was proved before it, and before those that failed.
    #[serde(default)]
    proved: Option<Proved>,
}

impl Pending {
    /// As kept in private data.
    pub(crate) fn to_fact(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// As kept in private data.
    pub(crate) fn from_fact(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Whether what is seen now, without having looked on, proves that the write was worked on: two passes ended after
    /// it, or one and a long quiet. Once the Events have expired the label must do.
    pub(crate) fn is_settled(&self, object: &ObjectRef, log: &EventLog, live: &Object, now: Timestamp) -> bool {
        let events = log.newest_first();
        let success = events.iter().find(|event| event.reason == SUCCESS).and_then(|event| event.last);
        let failure = events.iter().find(|event| patience::failure(event).is_some()).and_then(|event| event.last);
        let new_label = live.label(HASH_LABEL).is_some() && live.label(HASH_LABEL) != self.label.as_deref();
        let Some(success) = success else { return new_label && events.is_empty() };
        let count = log.count(object, SUCCESS);
        let after = self.written.is_none_or(|written| success > written);
        // Times are whole seconds: within one, the count tells that a pass ended, though not whether it saw the write.
        let in_the_same_second = self.written == Some(success) && count > self.successes;
        let failed_since = failure.is_some_and(|failure| failure > success);
        let twice = after && count >= self.successes.saturating_add(2);
        (after || in_the_same_second) && !failed_since && (twice || now.duration_since(success) >= QUIET)
    }
}

/// What a wait is for.
#[derive(Clone, Debug)]
pub(crate) enum Goal {
    /// The controller published the object.
    Published,
    /// The write that was just answered is reconciled, and the object published.
    OurWrite,
    /// An earlier write is reconciled, and the object published.
    EarlierWrite(Pending),
}

/// How a wait ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It is what was waited for.
    Ready,
    /// The deadline passed.
    TimedOut,
    /// The run was interrupted.
    Interrupted,
    /// A cause that does not heal by itself held on.
    Stuck,
    /// The object vanished or is being deleted.
    Vanished,
    /// The API server refuses to let us look.
    Blind(String),
}

/// The outcome of a wait.
#[derive(Clone, Debug)]
pub(crate) struct Waited {
    /// How it ended.
    pub(crate) ending: Ending,
    /// The object as seen last.
    pub(crate) live: Option<Object>,
    /// Warnings since we look on, newest first, those of the gateway included.
    pub(crate) warnings: Vec<Event>,
    /// Whether Events could not be read.
    pub(crate) without_events: bool,
}

impl Waited {
    /// One line for the attribute `reason`.
    pub(crate) fn reason(&self) -> Option<String> {
        let newest = self.warnings.first().map(|event| event.message.trim().to_owned());
        let how = match &self.ending {
            Ending::Ready => return None,
            Ending::TimedOut => "the wait ran out",
            Ending::Interrupted => "the wait was interrupted",
            Ending::Stuck => STUCK,
            Ending::Vanished => "the object is gone or being deleted",
            Ending::Blind(_) => "the API server refused the watch",
        };
        Some(newest.map_or_else(|| how.to_owned(), |message| format!("{how}: {message}")))
    }
}

/// Events of one object.
struct Ear {
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
struct Heard {
    activity: bool,
    failure: bool,
    success: bool,
}

impl Ear {
    /// Listens; what is there already is no news.
    async fn open(api: &FleetApi, object: &ObjectRef) -> Self {
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

    /// Whether the last pass that is known failed: the controller will try again.
    fn fails(&self) -> bool {
        let events = self.log.newest_first();
        let last = |fits: &dyn Fn(&Event) -> bool| {
            events.iter().find(|event| event.is_about(&self.about) && fits(event)).and_then(|event| event.last)
        };
        let failed = last(&|event| patience::failure(event).is_some());
        failed.is_some_and(|failed| last(&|event| event.reason == SUCCESS).is_none_or(|success| failed > success))
    }

    const fn is_deaf(&self) -> bool {
        self.watch.is_none()
    }

    /// The next thing told; pending forever once Events cannot be read. An interrupt is the only error.
    async fn next(&mut self) -> Result<WatchEvent, Error> {
        while let Some(watch) = &mut self.watch {
            match watch.next().await {
                Ok(told) => return Ok(told),
                Err(error) if error.is_cancelled() => return Err(error),
                Err(error) => self.go_deaf(&error),
            }
        }
        std::future::pending().await
    }

    fn take(&mut self, told: &WatchEvent) -> Heard {
        self.log.observe(told);
        let objects = match told {
            WatchEvent::Listed(items) => items.as_slice(),
            WatchEvent::Changed(item) => std::slice::from_ref(item),
            WatchEvent::Deleted(_) => &[],
        };
        let mut heard = Heard::default();
        for object in objects {
            let event = Event::parse(object);
            let known = self.counts.insert(object.name().to_owned(), event.count);
            if known.is_some_and(|known| event.count <= known) {
                continue;
            }
            match patience::failure(&event) {
                Some(weight) => {
                    heard.failure = true;
                    self.trouble.failed(weight, Instant::now());
                }
                None => heard.activity |= event.reason != SUCCESS,
            }
            self.latest = Some(event.clone());
            self.fresh.insert(object.name().to_owned(), event);
        }
        let successes = self.log.count(&self.about, SUCCESS);
        heard.success = successes > self.successes;
        self.successes = successes;
        if heard.success {
            self.trouble = Trouble::default();
        }
        heard
    }
}

/// Who told something.
enum Whose {
    Own,
    Gateway,
    Object,
}

/// Looks on from before a write: what ends while the write is under way must be seen then, or it would count as an end
/// after it.
pub(crate) struct Onlooker {
    object: ObjectRef,
    watch: ObjectWatch,
    own: Ear,
    gateway: Option<Ear>,
    live: Option<Object>,
    /// What was live before the write.
    before: Option<Object>,
    vanished: bool,
    began: Instant,
    began_at: Timestamp,
    proof: ReconcileProof,
    pending: Pending,
    wrote: bool,
    /// When the write was answered, if it led back to what was proved.
    restored: Option<Instant>,
    /// When the wait last said where it stands.
    said: Option<Instant>,
}

impl Onlooker {
    /// Begins to look on. `gateway`: the AlbConfig behind the object, if that is another one; `now`: the time of day.
    ///
    /// # Errors
    /// If the API server refuses to show the object, or the run was interrupted. Events are done without if need be.
    pub(crate) async fn begin(
        api: &FleetApi,
        object: &ObjectRef,
        gateway: Option<&ObjectRef>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let mut watch = ObjectWatch::of_object(api, object);
        let live = present(&watch.next().await?, &object.name);
        let own = Ear::open(api, object).await;
        let gateway = match gateway {
            Some(gateway) => Some(Ear::open(api, gateway).await),
            None => None,
        };
        let label = live.as_ref().and_then(|live| live.label(HASH_LABEL)).map(str::to_owned);
        let successes = own.successes;
        Ok(Self {
            object: object.clone(),
            watch,
            own,
            gateway,
            before: live.clone(),
            live,
            vanished: false,
            began: Instant::now(),
            began_at: now,
            proof: ReconcileProof::new(successes, label.as_deref()),
            pending: Pending { successes, label, written: None, proved: None },
            wrote: false,
            restored: None,
            said: None,
        })
    }

    /// Runs a write and goes on looking.
    async fn during<T>(&mut self, write: impl Future<Output = T>) -> T {
        let mut write = std::pin::pin!(write);
        let mut looking = true;
        loop {
            tokio::select! {
                biased;
                told = self.next(), if looking => match told {
                    Ok((whose, told)) => {
                        self.take(whose, &told);
                    }
                    // Shows again in the wait.
                    Err(_) => looking = false,
                },
                done = &mut write => return done,
            }
        }
    }

    /// Whether the object as it was before the write is so.
    pub(crate) fn sees(&self, test: &(dyn Fn(&Object) -> bool + Sync)) -> bool {
        self.before.as_ref().is_some_and(test)
    }

    /// What is known of the object from before the write: whether state called it ready, why not, and which write that was.
    pub(crate) fn follows(&mut self, ready: Option<bool>, reason: Option<&str>, earlier: Option<&Pending>) {
        self.pending.proved = match ready {
            Some(true) => self.before.as_ref().and_then(Proved::of),
            // Only after a failure that was seen is it certain that nothing of that write can still come.
            Some(false) if reason.is_some_and(|reason| reason.starts_with(STUCK)) => {
                earlier.and_then(|earlier| earlier.proved.clone())
            }
            Some(false) | None => None,
        };
    }

    /// The server took our write; `live` is the object it answered. What happens from now on counts.
    pub(crate) fn answered(&mut self, live: &Object) {
        self.wrote = true;
        self.vanished = false;
        // What failed until now may have failed for want of what was just written.
        self.ears().for_each(|ear| ear.trouble = Trouble::default());
        let restored = self.pending.proved.as_ref().is_some_and(|proved| proved.is_restored_by(live));
        self.restored = restored.then(Instant::now);
        let at = self.began.elapsed();
        self.proof.answered(at);
        if self.live.as_ref().is_some_and(|seen| is_newer(seen, live) && has_new_label(seen, live)) {
            self.proof.ended_meanwhile(at);
        }
        self.pending.written = ownership::writers(live)
            .into_iter()
            .filter(|writer| writer.manager == FIELD_MANAGER)
            .filter_map(|writer| writer.time)
            .max();
    }

    /// Whether a write is one that the controller works on. Its hash covers `spec` and annotations only (ALB Ingress
    /// controller, object hash): an object that differs in nothing else is skipped, and waiting for a pass would never end.
    pub(crate) fn concerns_controller(&self, after: &Object) -> bool {
        self.before.as_ref().is_none_or(|before| !same_to_controller(before, after))
    }

    /// What to remember of the write while it is not proved reconciled.
    pub(crate) const fn pending(&self) -> &Pending {
        &self.pending
    }

    /// Waits until `published` holds and the goal is reached.
    ///
    /// # Cancellation
    /// The operation's interrupt ends it within one poll; nothing is lost.
    pub(crate) async fn wait(
        mut self,
        goal: &Goal,
        published: &(dyn Fn(&Object) -> bool + Sync),
        deadline: Instant,
        patience: Patience,
    ) -> Waited {
        self.say("begins to wait for the controller");
        let ending = loop {
            if self.vanished {
                break Ending::Vanished;
            }
            if self.live.as_ref().is_some_and(|seen| published(seen) && self.is_reached(goal, seen)) {
                break Ending::Ready;
            }
            let now = Instant::now();
            let gives_up = self.ears().filter_map(|ear| ear.trouble.gives_up(patience)).min();
            if gives_up.is_some_and(|at| at <= now) {
                break Ending::Stuck;
            }
            if deadline <= now {
                break Ending::TimedOut;
            }
            if self.said.is_none_or(|said| said + PROGRESS <= now) {
                self.say("still waits for the controller");
            }
            let say_again = self.said.map(|said| said + PROGRESS);
            let next = [gives_up, say_again, self.look_again(goal)];
            let look_again = next.into_iter().flatten().fold(deadline, Instant::min);
            let Ok(told) = tokio::time::timeout_at(look_again, self.next()).await else { continue };
            let (whose, told) = match told {
                Ok(told) => told,
                Err(error) if error.is_cancelled() => break Ending::Interrupted,
                Err(error) => break Ending::Blind(error.to_string()),
            };
            let heard = self.take(whose, &told);
            if heard != Heard::default() {
                self.say("heard of the controller");
            }
        };
        self.say(match ending {
            Ending::Ready => "the controller is done",
            _ => "no longer waits for the controller",
        });
        let warnings = self.warnings();
        Waited { ending, live: self.live, warnings, without_events: self.own.is_deaf() }
    }

    fn ears(&mut self) -> impl Iterator<Item = &mut Ear> {
        std::iter::once(&mut self.own).chain(&mut self.gateway)
    }

    /// A line of progress, for people who read TF_LOG.
    fn say(&mut self, what: &str) {
        self.said = Some(Instant::now());
        let latest = self.ears().filter_map(|ear| ear.latest.as_ref()).max_by_key(|event| event.last);
        let latest = latest.map_or_else(
            || "no Event yet".to_owned(),
            |event| {
                format!(
                    "latest Event: {} on {} {:?} ({}): {}",
                    event.reason, event.about_kind, event.about_name, event.count, event.message
                )
            },
        );
        tracing::info!(
            k8s_kind = self.object.kind.kind,
            k8s_name = %self.object.name,
            "{what}: {}, {} s so far; {latest}",
            self.object,
            self.began.elapsed().as_secs()
        );
    }

    /// The next thing told by anybody. May be dropped at any time.
    async fn next(&mut self) -> Result<(Whose, WatchEvent), Error> {
        tokio::select! {
            told = self.watch.next() => Ok((Whose::Object, told?)),
            told = self.own.next() => Ok((Whose::Own, told?)),
            told = next_of(self.gateway.as_mut()) => Ok((Whose::Gateway, told?)),
        }
    }

    fn take(&mut self, whose: Whose, told: &WatchEvent) -> Heard {
        match (whose, &mut self.gateway) {
            (Whose::Object, _) => {
                let seen = present(told, &self.object.name);
                // Before a create there is nothing to vanish.
                let was_there = self.live.is_some();
                self.vanished = seen.as_ref().map_or(was_there, Object::is_terminating);
                if let Some(seen) = seen {
                    self.proof.saw_label(seen.label(HASH_LABEL), self.began.elapsed());
                    self.live = Some(seen);
                }
                Heard::default()
            }
            (Whose::Own, _) => {
                let heard = self.own.take(told);
                self.hear(heard);
                // A pass that succeeded for the object has succeeded for its gateway.
                if heard.success
                    && let Some(gateway) = &mut self.gateway
                {
                    gateway.trouble = Trouble::default();
                }
                heard
            }
            (Whose::Gateway, Some(gateway)) => gateway.take(told),
            (Whose::Gateway, None) => Heard::default(),
        }
    }

    fn hear(&mut self, heard: Heard) {
        let at = self.began.elapsed();
        if heard.activity {
            self.proof.saw_activity(at);
        }
        if heard.failure {
            self.proof.saw_failure(at);
        }
        if heard.success {
            self.proof.saw_successes(self.own.successes, at);
        }
    }

    /// Whether the write led back to what was proved, nothing came of it for a while, and the gateway is not about to try
    /// again: the controller sees nothing to do.
    fn is_restored(&self) -> bool {
        let quiet = self.restored.is_some_and(|since| since + QUIET.unsigned_abs() <= Instant::now());
        quiet && self.gateway.as_ref().is_some_and(|gateway| !gateway.is_deaf() && !gateway.fails())
    }

    fn is_reached(&self, goal: &Goal, live: &Object) -> bool {
        let proved = || matches!(self.proof.at(self.began.elapsed()), Proof::Done(_)) || self.is_restored();
        match goal {
            Goal::Published => true,
            Goal::OurWrite => proved(),
            Goal::EarlierWrite(pending) => {
                proved() || pending.is_settled(&self.object, &self.own.log, live, self.now())
            }
        }
    }

    /// When quiet alone may have become a proof.
    fn look_again(&self, goal: &Goal) -> Option<Instant> {
        let proof = || match self.proof.at(self.began.elapsed()) {
            Proof::Pending { look_again_at } => look_again_at.map(|at| self.began + at),
            Proof::Done(_) => None,
        };
        match goal {
            Goal::Published => None,
            Goal::OurWrite => {
                let restored = self.restored.map(|since| since + QUIET.unsigned_abs());
                proof().into_iter().chain(restored.filter(|at| *at > Instant::now())).min()
            }
            Goal::EarlierWrite(_) => Some(Instant::now() + QUIET.unsigned_abs() / 3),
        }
    }

    /// The time of day, from the clock's value when we began.
    fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.began.elapsed()).unwrap_or(SignedDuration::ZERO);
        self.began_at.saturating_add(elapsed).unwrap_or(self.began_at)
    }

    /// The Warnings to tell of: those of this wait; where it continues an earlier one, else all there are.
    fn warnings(&self) -> Vec<Event> {
        let ears = || std::iter::once(&self.own).chain(&self.gateway);
        let mut warnings: Vec<Event> = ears().flat_map(|ear| ear.fresh.values()).cloned().collect();
        warnings.retain(Event::is_warning);
        if warnings.is_empty() && !self.wrote {
            warnings = ears().flat_map(|ear| ear.log.warnings()).collect();
        }
        warnings.sort_by_key(|event| std::cmp::Reverse(event.last));
        warnings
    }
}

/// Runs a write, looked on if anybody does.
pub(crate) async fn watched<T>(onlooker: Option<&mut Onlooker>, write: impl Future<Output = T>) -> T {
    match onlooker {
        Some(onlooker) => onlooker.during(write).await,
        None => write.await,
    }
}

async fn next_of(ear: Option<&mut Ear>) -> Result<WatchEvent, Error> {
    match ear {
        Some(ear) => ear.next().await,
        None => std::future::pending().await,
    }
}

/// Whether the server stored `seen` after `answer`. Versions of one kind are numbers that grow.
fn is_newer(seen: &Object, answer: &Object) -> bool {
    let version = |object: &Object| object.resource_version().parse::<u64>().ok();
    matches!((version(seen), version(answer)), (Some(seen), Some(answer)) if seen > answer)
}

fn has_new_label(seen: &Object, answer: &Object) -> bool {
    seen.label(HASH_LABEL).is_some() && seen.label(HASH_LABEL) != answer.label(HASH_LABEL)
}

/// The object as a watch of it alone tells; `None` if it is gone.
fn present(told: &WatchEvent, name: &str) -> Option<Object> {
    match told {
        WatchEvent::Listed(items) => items.iter().find(|item| item.name() == name).cloned(),
        WatchEvent::Changed(live) => Some(live.clone()),
        WatchEvent::Deleted(_) => None,
    }
}

/// Whether an earlier write is reconciled by now, for a refresh. Not certain counts as no.
pub(crate) async fn is_settled(
    api: &FleetApi,
    object: &ObjectRef,
    live: &Object,
    pending: &Pending,
    now: Timestamp,
) -> bool {
    let target = EventTarget { object: object.clone(), uid: Some(live.uid().to_owned()) };
    match api.events(&target).await {
        Ok(log) => pending.is_settled(object, &log, live, now),
        Err(error) => {
            tracing::debug!(%error, "cannot read Events; the object stays not ready");
            pending.is_settled(object, &EventLog::default(), live, now)
        }
    }
}
