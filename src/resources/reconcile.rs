//! Waiting until the controller has worked on an object, and saying why it has not.
//!
//! Gateway and Ingress call it around their writes. It looks on from before the write ([`Onlooker`]), waits by watches
//! until the object is published or our write is proved reconciled, and turns the controller's Events into text. It never
//! writes. Interrupts and deadlines end a wait with what is known, never with an error of their own.
//!
//! Why it is done so: after an update neither a newer success nor a new hash label proves anything by itself, since the
//! pass that was under way may stamp an edit that it did not see (see `kubernetes::ReconcileProof`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::event_messages;
use super::kubernetes_attributes::HASH_LABEL;
use crate::framework::diagnostic::Diagnostic;
use crate::kubernetes::watch::WatchEvent;
use crate::kubernetes::{
    Error, Event, EventLog, EventTarget, FIELD_MANAGER, FleetApi, Kind, Object, ObjectRef, ObjectWatch, Proof,
    ReconcileProof, ownership,
};

/// Reason of the Event that ends a pass well.
const SUCCESS: &str = "SuccessfullyReconciled";
/// No further pass after this much quiet (the controller re-queues its own writes within 6 s).
const QUIET: SignedDuration = SignedDuration::from_secs(15);
/// Events shown in one diagnostic.
const MAX_SHOWN_EVENTS: usize = 6;
/// Private fact of a write whose reconciliation is not proved yet.
pub(crate) const PENDING_FACT: &str = "pending_write";

/// How patient waits are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// A cause that does not heal by itself ends the wait after this time.
    pub(crate) grace: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { grace: Duration::from_secs(60) }
    }
}

/// A write that a later read or wait may find reconciled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// Successes recorded before it.
    successes: u64,
    /// The controller's hash label before it.
    label: Option<String>,
    /// When the server took it, by its own clock.
    written: Option<Timestamp>,
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
    pub(crate) fn is_settled(&self, log: &EventLog, live: &Object, now: Timestamp) -> bool {
        let events = log.newest_first();
        let success = events.iter().find(|event| event.reason == SUCCESS).and_then(|event| event.last);
        let failure = events
            .iter()
            .find(|event| event.is_warning() && !event_messages::heals(&event.message))
            .and_then(|event| event.last);
        let new_label = live.label(HASH_LABEL).is_some() && live.label(HASH_LABEL) != self.label.as_deref();
        let Some(success) = success else { return new_label && events.is_empty() };
        let after = self.written.is_none_or(|written| success > written);
        let failed_since = failure.is_some_and(|failure| failure > success);
        let twice = log.total(SUCCESS) >= self.successes.saturating_add(2);
        after && !failed_since && (twice || now.duration_since(success) >= QUIET)
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
            Ending::Stuck => "the controller reports a lasting failure",
            Ending::Vanished => "the object is gone or being deleted",
            Ending::Blind(_) => "the API server refused the watch",
        };
        Some(newest.map_or_else(|| how.to_owned(), |message| format!("{how}: {message}")))
    }

    /// The Events with what they mean, for a diagnostic; guilty siblings by name.
    pub(crate) fn explanation(&self, siblings: &[Event]) -> String {
        let mut text = String::new();
        let mut shown: Vec<&str> = Vec::new();
        for event in self.warnings.iter().take(MAX_SHOWN_EVENTS) {
            describe(&mut text, event, shown.contains(&event.message.as_str()));
            shown.push(&event.message);
            for sibling in siblings.iter().filter(|sibling| sibling.message == event.message) {
                let _ = write!(text, "\n    The same is reported on {} {:?}.", sibling.about_kind, sibling.about_name);
            }
        }
        if self.warnings.is_empty() {
            text.push_str(if self.without_events {
                "\nEvents could not be read (the user lacks list and watch on events), so why is not known."
            } else {
                "\nThe controller reported no failure meanwhile. If nothing happens at all, check that the IngressClass exists \
                 and that no AlbConfig holds a value of a wrong type, which makes the controller deaf to all of them."
            });
        }
        text
    }
}

fn describe(text: &mut String, event: &Event, explained: bool) {
    let when = event.last.map(|at| format!(" {at}")).unwrap_or_default();
    let times = if event.count > 1 { format!(" ({} times)", event.count) } else { String::new() };
    let _ = write!(
        text,
        "\n  {}{when} on {} {:?}{times}: {}",
        event.reason,
        event.about_kind,
        event.about_name,
        event.message.trim()
    );
    if let (Some(known), false) = (event_messages::explain(&event.message), explained) {
        let _ = write!(text, "\n    {} {}", known.cause, known.remedy);
    }
    if let Some(request_id) = &event.request_id {
        let _ = write!(text, "\n    Request ID: {request_id}");
    }
}

/// Events of one object.
struct Ear {
    watch: Option<ObjectWatch>,
    log: EventLog,
    /// Count of each Event by its name: what does not exceed it is old news.
    counts: BTreeMap<String, u64>,
    /// What was recorded since we listen.
    fresh: BTreeMap<String, Event>,
    successes: u64,
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
            watch: Some(api.watch_events(&target)),
            log: EventLog::default(),
            counts: BTreeMap::new(),
            fresh: BTreeMap::new(),
            successes: 0,
        };
        let first = match &mut ear.watch {
            Some(watch) => watch.next().await,
            None => return ear,
        };
        match first {
            Ok(told) => {
                ear.take(&told);
                ear.fresh.clear();
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
            let lasting = event.is_warning() && !event_messages::heals(&event.message);
            heard.failure |= lasting;
            heard.activity |= !lasting && event.reason != SUCCESS;
            self.fresh.insert(object.name().to_owned(), event);
        }
        let successes = self.log.total(SUCCESS);
        heard.success = successes > self.successes;
        self.successes = successes;
        heard
    }
}

/// Who told something.
enum Whose {
    Own,
    Gateway,
    Object,
}

/// Looks on from before a write.
pub(crate) struct Onlooker {
    api: FleetApi,
    object: ObjectRef,
    own: Ear,
    gateway: Option<Ear>,
    began: Instant,
    began_at: Timestamp,
    proof: ReconcileProof,
    pending: Pending,
    wrote: bool,
}

impl Onlooker {
    /// Begins to look on. `before`: the object as it is, if it exists; `gateway`: the AlbConfig behind it, if that is
    /// another object; `now`: the time of day.
    pub(crate) async fn begin(
        api: &FleetApi,
        object: &ObjectRef,
        before: Option<&Object>,
        gateway: Option<&ObjectRef>,
        now: Timestamp,
    ) -> Self {
        let own = Ear::open(api, object).await;
        let gateway = match gateway {
            Some(gateway) => Some(Ear::open(api, gateway).await),
            None => None,
        };
        let label = before.and_then(|before| before.label(HASH_LABEL)).map(str::to_owned);
        let successes = own.successes;
        Self {
            api: api.clone(),
            object: object.clone(),
            own,
            gateway,
            began: Instant::now(),
            began_at: now,
            proof: ReconcileProof::new(successes, label.as_deref()),
            pending: Pending { successes, label, written: None },
            wrote: false,
        }
    }

    /// The server took our write; `live` is the object it answered.
    pub(crate) fn answered(&mut self, live: &Object) {
        self.wrote = true;
        self.proof.answered(self.began.elapsed());
        self.pending.written = ownership::writers(live)
            .into_iter()
            .filter(|writer| writer.manager == FIELD_MANAGER)
            .filter_map(|writer| writer.time)
            .max();
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
        let mut watch = ObjectWatch::of_object(&self.api, &self.object);
        let mut live: Option<Object> = None;
        let mut stuck_since: Option<Instant> = None;
        let ending = loop {
            if live.as_ref().is_some_and(|seen| published(seen) && self.is_reached(goal, seen)) {
                break Ending::Ready;
            }
            let now = Instant::now();
            let gives_up = stuck_since.map(|since| since + patience.grace);
            if gives_up.is_some_and(|at| at <= now) {
                break Ending::Stuck;
            }
            if deadline <= now {
                break Ending::TimedOut;
            }
            let look_again = [gives_up, self.look_again(goal)].into_iter().flatten().fold(deadline, Instant::min);
            let (told, whose) = tokio::select! {
                told = watch.next() => (told, Whose::Object),
                told = self.own.next() => (told, Whose::Own),
                told = next_of(self.gateway.as_mut()) => (told, Whose::Gateway),
                () = tokio::time::sleep_until(look_again) => continue,
            };
            let told = match told {
                Ok(told) => told,
                Err(error) if error.is_cancelled() => break Ending::Interrupted,
                Err(error) => break Ending::Blind(error.to_string()),
            };
            let heard = match (whose, &mut self.gateway) {
                (Whose::Object, _) => match present(&told, &self.object.name) {
                    Some(seen) if !seen.is_terminating() => {
                        self.proof.saw_label(seen.label(HASH_LABEL), self.began.elapsed());
                        live = Some(seen);
                        continue;
                    }
                    _ => break Ending::Vanished,
                },
                (Whose::Own, _) => {
                    let heard = self.own.take(&told);
                    self.hear(heard);
                    heard
                }
                (Whose::Gateway, Some(gateway)) => gateway.take(&told),
                (Whose::Gateway, None) => Heard::default(),
            };
            if heard.success {
                stuck_since = None;
            } else if heard.failure {
                stuck_since.get_or_insert(Instant::now());
            }
        };
        let warnings = self.warnings();
        Waited { ending, live, warnings, without_events: self.own.is_deaf() }
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

    fn is_reached(&self, goal: &Goal, live: &Object) -> bool {
        let proved = || matches!(self.proof.at(self.began.elapsed()), Proof::Done(_));
        match goal {
            Goal::Published => true,
            Goal::OurWrite => proved(),
            Goal::EarlierWrite(pending) => proved() || pending.is_settled(&self.own.log, live, self.now()),
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
            Goal::OurWrite => proof(),
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
        warnings.sort_by(|a, b| b.last.cmp(&a.last));
        warnings
    }
}

async fn next_of(ear: Option<&mut Ear>) -> Result<WatchEvent, Error> {
    match ear {
        Some(ear) => ear.next().await,
        None => std::future::pending().await,
    }
}

/// The object as a watch of it alone tells; `None` if it is gone.
fn present(told: &WatchEvent, name: &str) -> Option<Object> {
    match told {
        WatchEvent::Listed(items) => items.iter().find(|item| item.name() == name).cloned(),
        WatchEvent::Changed(live) => Some(live.clone()),
        WatchEvent::Deleted(_) => None,
    }
}

/// Ingresses on which the same Warnings are reported: one of them is why its neighbours are frozen without a Warning of
/// their own. Empty if that cannot be found out.
pub(crate) async fn guilty_siblings(api: &FleetApi, object: &ObjectRef, waited: &Waited) -> Vec<Event> {
    if waited.warnings.is_empty() {
        return Vec::new();
    }
    let selector = "fieldSelector=involvedObject.kind%3DIngress%2Ctype%3DWarning";
    let Ok(listing) = api.list(Kind::EVENT, None, Some(selector)).await else { return Vec::new() };
    let own = |event: &Event| event.about_kind == object.kind.kind && event.about_name == object.name;
    let mut siblings: Vec<Event> = Vec::new();
    for event in listing.items.iter().map(Event::parse) {
        let shared = waited.warnings.iter().any(|warning| warning.message == event.message);
        let known = siblings
            .iter()
            .any(|sibling| (&sibling.about_name, &sibling.message) == (&event.about_name, &event.message));
        if shared && !known && !own(&event) {
            siblings.push(event);
        }
    }
    siblings
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
        Ok(log) => pending.is_settled(&log, live, now),
        Err(error) => {
            tracing::debug!(%error, "cannot read Events; the object stays not ready");
            pending.is_settled(&EventLog::default(), live, now)
        }
    }
}

/// What a wait leaves in state and tells the user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Telling<'a> {
    /// The object.
    pub(crate) object: &'a ObjectRef,
    /// Whether the object was made just now: then nothing may be an error, as it would taint.
    pub(crate) created: bool,
    /// `on_wait_timeout = "error"`.
    pub(crate) strict: bool,
    /// How long the wait was to last.
    pub(crate) timeout: Duration,
    /// `timeouts.create` or `timeouts.update`.
    pub(crate) setting: &'static str,
}

/// The diagnostic of a wait that did not end well.
pub(crate) fn not_ready(waited: &Waited, siblings: &[Event], telling: &Telling<'_>) -> Diagnostic {
    let Telling { object, created, strict, timeout, setting } = *telling;
    let explanation = waited.explanation(siblings);
    let (summary, what) = match &waited.ending {
        Ending::Ready | Ending::TimedOut => (
            "Not Reconciled in Time",
            format!("The controller has not finished {object} within {} ({setting}).", shown(timeout)),
        ),
        Ending::Interrupted => ("Wait Interrupted", format!("The run was interrupted while waiting for {object}.")),
        Ending::Stuck => (
            "Controller Reports a Failure",
            format!("The controller cannot finish {object}, for a reason that does not pass by itself."),
        ),
        Ending::Vanished => {
            ("Object Gone While Waiting", format!("{object} was deleted by somebody else while the run waited for it."))
        }
        Ending::Blind(error) => (
            "Wait Not Possible",
            format!("Waiting for {object} ended early: the API server refused the watch.\nKubernetes: {error}"),
        ),
    };
    let fails = match waited.ending {
        Ending::Ready | Ending::TimedOut => strict,
        Ending::Stuck => !created,
        Ending::Interrupted | Ending::Vanished | Ending::Blind(_) => false,
    };
    let next = match (fails, created) {
        (true, true) => {
            "\nThe object exists and is in state, but Terraform now marks it as tainted because on_wait_timeout is \"error\", \
             and would replace it. Run `terraform untaint` with its address to keep it."
        }
        (true, false) => "\nWhat was written stays. The next apply waits again.",
        (false, _) => "\nThe object is kept, with ready = false. The next apply waits again, in place.",
    };
    let detail = format!("{what}{explanation}{next}");
    if fails { Diagnostic::error(summary, detail) } else { Diagnostic::warning(summary, detail) }
}

fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds >= 60 && seconds.is_multiple_of(60) {
        format!("{} minutes", seconds / 60)
    } else {
        format!("{} seconds", duration.as_secs_f64())
    }
}
