//! Waiting until the controller has worked on an object, and saying why it has not.
//!
//! Gateway and Ingress call it around their writes. It looks on from before the write ([`Onlooker`]), waits by watches
//! until the object is published or our write is proved reconciled. What is told of a wait is `wait_report.rs`. It never
//! writes. Interrupts and deadlines end a wait with what is known, never with an error of their own.
//!
//! Why it is done so: after an update neither a newer success nor a new hash label proves anything by itself, since the
//! pass that was under way may stamp an edit that it did not see (see `kubernetes::ReconcileProof`). And a write that leads
//! back to what the controller stamped last is followed by no pass at all (see `proved.rs`).

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::ear::{Ear, Heard};
use super::kubernetes_attributes::HASH_LABEL;
pub(crate) use super::patience::Patience;
use super::pending::{Pending, Standing, signed};
use super::proved::{Proved, same_to_controller};
use crate::kubernetes::reconcile::QUIET;
use crate::kubernetes::watch::WatchEvent;
use crate::kubernetes::{
    Error, Event, FIELD_MANAGER, FleetApi, Kind, Object, ObjectRef, ObjectWatch, Proof, ReconcileProof, ownership,
};

/// A wait says where it stands at least this often.
const PROGRESS: Duration = Duration::from_secs(10);
/// The controller tells of a pass right after it has published what came of it. Longer than it takes.
const REST_OF_PASS: Duration = Duration::from_millis(500);
/// How `reason` begins when a wait ended for a lasting failure.
const STUCK: &str = "the controller reports a lasting failure";
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
    /// The API server refuses to let us look, or has not answered for long.
    Blind(String),
    /// The controller passed the write over. Only [`Onlooker::is_passed_over`] asks for that.
    PassedOver,
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
    /// Whether there were none, and these are failures from before that no success has followed.
    pub(crate) from_before: bool,
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
            Ending::Blind(_) => "the object cannot be looked at any more",
            Ending::PassedOver => "the controller passed the change over",
        };
        Some(newest.map_or_else(|| how.to_owned(), |message| format!("{how}: {message}")))
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
    /// The object as the server answered our write. A watch may lag behind it.
    answer: Option<Object>,
    /// When a write that led back to what was proved counts, if nothing happens until then.
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
        let successes = own.successes();
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
            pending: Pending { successes, label, written: None, proved: None, given_up: false },
            wrote: false,
            answer: None,
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

    /// What is known of the object from before the write: whether state called it ready, why not, which write that was, and
    /// what was last proved.
    pub(crate) fn follows(
        &mut self,
        ready: Option<bool>,
        reason: Option<&str>,
        earlier: Option<&Pending>,
        proved: Option<Proved>,
    ) {
        self.pending.proved = match ready {
            Some(true) => proved.or_else(|| self.before.as_ref().and_then(Proved::of)),
            Some(false) => earlier.and_then(|earlier| earlier.proved.clone()),
            None => None,
        };
        // A failure that was seen ended the pass over what was written before.
        self.pending.given_up = ready == Some(false) && reason.is_some_and(|reason| reason.starts_with(STUCK));
    }

    /// The server took our write; `live` is the object it answered. What happens from now on counts.
    pub(crate) fn answered(&mut self, live: &Object) {
        if self.wrote {
            // A second write: what ended until now was before it.
            self.pending.successes = self.own.successes();
        }
        self.wrote = true;
        self.answer = Some(live.clone());
        self.restored = None;
        self.vanished = false;
        // What failed until now may have failed for want of what was just written.
        self.ears().for_each(Ear::forgive);
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
        let ending = self.until(goal, published, deadline, patience, false).await;
        if ending == Ending::Ready && matches!(goal, Goal::Published) && self.wrote {
            self.hear_out().await;
        }
        self.say(match ending {
            Ending::Ready => "the controller is done",
            _ => "no longer waits for the controller",
        });
        let (warnings, from_before) = self.warnings();
        Waited { ending, live: self.live, warnings, from_before, without_events: self.own.is_deaf() }
    }

    /// Waits as [`Self::wait`] does, and answers whether the controller was seen to pass the write over: it skips one that
    /// leads back to what it stamped last, also while a pass over the edit in between runs, and that edit stays in the cloud.
    /// Else the wait after this ends at once as this one did.
    pub(crate) async fn is_passed_over(
        &mut self,
        goal: &Goal,
        published: &(dyn Fn(&Object) -> bool + Sync),
        deadline: Instant,
        patience: Patience,
    ) -> bool {
        self.until(goal, published, deadline, patience, true).await == Ending::PassedOver
    }

    async fn until(
        &mut self,
        goal: &Goal,
        published: &(dyn Fn(&Object) -> bool + Sync),
        deadline: Instant,
        patience: Patience,
        tells_passed_over: bool,
    ) -> Ending {
        if self.said.is_none() {
            self.say("begins to wait for the controller");
        }
        self.restored = self.restored.or_else(|| self.restored_at(goal));
        loop {
            if self.vanished {
                return Ending::Vanished;
            }
            if self.live.as_ref().is_some_and(|seen| published(seen) && self.is_reached(goal, seen)) {
                return Ending::Ready;
            }
            let now = Instant::now();
            let gives_up = self.ears().filter_map(|ear| ear.gives_up(patience)).min();
            if gives_up.is_some_and(|at| at <= now) {
                return Ending::Stuck;
            }
            if deadline <= now {
                return Ending::TimedOut;
            }
            let passed_over = self.passed_over_at(goal).filter(|_| tells_passed_over);
            if passed_over.is_some_and(|at| at <= now) {
                return Ending::PassedOver;
            }
            if self.said.is_none_or(|said| said + PROGRESS <= now) {
                self.say("still waits for the controller");
            }
            let say_again = self.said.map(|said| said + PROGRESS);
            let next = [gives_up, say_again, passed_over, self.look_again(goal)];
            let look_again = next.into_iter().flatten().fold(deadline, Instant::min);
            let Ok(told) = tokio::time::timeout_at(look_again, self.next()).await else { continue };
            let (whose, told) = match told {
                Ok(told) => told,
                Err(error) if error.is_cancelled() => return Ending::Interrupted,
                Err(error) => return Ending::Blind(error.to_string()),
            };
            let heard = self.take(whose, &told);
            if heard != Heard::default() {
                self.say("heard of the controller");
            }
        }
    }

    /// When it is clear that the controller passed the write over.
    fn passed_over_at(&self, goal: &Goal) -> Option<Instant> {
        match goal {
            Goal::Published => None,
            Goal::OurWrite => self.proof.passed_over_at(self.began.elapsed()).map(|at| self.began + at),
            Goal::EarlierWrite(pending) => {
                let live = self.live.as_ref()?;
                let standing = pending.judged(&self.object, self.own.log(), live, self.now());
                (standing == Standing::PassedOver).then(Instant::now)
            }
        }
    }

    /// What is published is seen before the Events that tell of its pass, such as that nobody is behind a route.
    async fn hear_out(&mut self) {
        let until = Instant::now() + REST_OF_PASS;
        while let Ok(Ok((whose, told))) = tokio::time::timeout_at(until, self.next()).await {
            self.take(whose, &told);
        }
    }

    fn ears(&mut self) -> impl Iterator<Item = &mut Ear> {
        std::iter::once(&mut self.own).chain(&mut self.gateway)
    }

    /// A line of progress, for people who read TF_LOG.
    fn say(&mut self, what: &str) {
        self.said = Some(Instant::now());
        let latest = self.ears().filter_map(|ear| ear.latest()).max_by_key(|event| event.last);
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
                    gateway.forgive();
                }
                heard
            }
            (Whose::Gateway, Some(gateway)) => gateway.take(told),
            (Whose::Gateway, None) => Heard::default(),
        }
    }

    fn hear(&mut self, heard: Heard) {
        let at = self.began.elapsed();
        if heard.sync {
            self.proof.saw_sync(at);
        }
        if heard.activity {
            self.proof.saw_activity(at);
        }
        if heard.failure && !heard.failure_last {
            self.proof.saw_failure(at);
        }
        if heard.success {
            self.proof.saw_successes(self.own.successes(), at);
        }
        if heard.failure_last {
            self.proof.saw_failure(at);
        }
    }

    /// The write that a wait is for.
    const fn write_of<'a>(&'a self, goal: &'a Goal) -> Option<&'a Pending> {
        match goal {
            Goal::Published => None,
            Goal::OurWrite => Some(&self.pending),
            Goal::EarlierWrite(pending) => Some(pending),
        }
    }

    /// When a write counts that led back to what was proved, if nothing happens until then; `None` for any other write.
    fn restored_at(&self, goal: &Goal) -> Option<Instant> {
        let write = self.write_of(goal)?;
        let written = self.answer.as_ref().or(self.live.as_ref())?;
        write.proved.as_ref().filter(|proved| proved.is_restored_by(written))?;
        let since = match (goal, write.written) {
            (Goal::EarlierWrite(_), Some(written)) => {
                Duration::try_from(self.now().duration_since(written)).unwrap_or_default()
            }
            _ => Duration::ZERO,
        };
        Some(Instant::now() + write.quiet_if_restored().saturating_sub(since))
    }

    /// Whether the write led back to what was proved and nothing came of it for a while: the controller sees nothing to do.
    fn is_restored(&self, goal: &Goal) -> bool {
        let Some(write) = self.write_of(goal) else { return false };
        let ended = self.proof.ends_seen() > 0 || self.own.successes() > write.successes;
        // What ended may have been a pass over an edit in between.
        self.restored.is_some_and(|at| at <= Instant::now())
            && (write.given_up || !ended)
            && !self.tries_again(write.given_up)
    }

    /// Whether the gateway is about to be worked on again because it fails, as far as can be told.
    fn tries_again(&self, given_up: bool) -> bool {
        match &self.gateway {
            Some(gateway) => gateway.fails() || (given_up && gateway.is_deaf()),
            None => self.object.kind != Kind::ALB_CONFIG || self.own.fails(),
        }
    }

    fn is_reached(&self, goal: &Goal, live: &Object) -> bool {
        let proved = || matches!(self.proof.at(self.began.elapsed()), Proof::Done(_)) || self.is_restored(goal);
        match goal {
            Goal::Published => true,
            Goal::OurWrite => proved(),
            Goal::EarlierWrite(pending) => {
                proved() || pending.is_settled(&self.object, self.own.log(), live, self.now())
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
                let restored = self.restored.filter(|at| *at > Instant::now());
                proof().into_iter().chain(restored).min()
            }
            Goal::EarlierWrite(_) => Some(Instant::now() + QUIET / 3),
        }
    }

    /// The time of day, from the clock's value when we began.
    fn now(&self) -> Timestamp {
        self.began_at.saturating_add(signed(self.began.elapsed())).unwrap_or(self.began_at)
    }

    /// The Warnings to tell of: those of this wait; else, and then with true, failures from before that no success has
    /// followed, because the recorder drops an object's Events after 25. A wait that continues an earlier one tells of all.
    fn warnings(&self) -> (Vec<Event>, bool) {
        let ears = || std::iter::once(&self.own).chain(&self.gateway);
        let mut warnings: Vec<Event> = ears().flat_map(Ear::fresh_warnings).cloned().collect();
        let from_before = warnings.is_empty();
        if from_before && self.wrote {
            warnings = ears().flat_map(Ear::standing_failures).collect();
        } else if from_before {
            warnings = ears().flat_map(|ear| ear.log().warnings()).collect();
        }
        warnings.sort_by_key(|event| std::cmp::Reverse(event.last));
        let from_before = from_before && self.wrote && !warnings.is_empty();
        (warnings, from_before)
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
