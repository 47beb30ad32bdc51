//! Quiet refresh: many reads of one kind become a few paged lists.
//!
//! Reads that arrive together form a batch. A small batch is answered by GETs; a larger one by a list that starts when
//! the batch is closed, so it sees everything that was written before any of its reads began. The list is then followed
//! by a watch and serves later reads, until this provider writes anything (every write, begun or ended, makes it old),
//! the watch ends, or ten seconds have passed. Where watching is forbidden each list serves its own batch only.
//!
//! What *others* write between a list and a later read is seen as soon as the watch has told it, some milliseconds
//! after the server stored it; who must not miss even that reads with [`FleetApi::get`]. Writes never rely on it: they
//! compare with an object they GET themselves.
//!
//! Lists are of the whole cluster where allowed (Secrets: of their namespace only, so that no other Secret is fetched),
//! else of a namespace, else there are only GETs. Objects are kept as compact text, not as trees.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{sync::watch, time::Instant};

use super::{
    api::{FleetApi, Page},
    error::{Error, Problem, Target, Verb},
    object::{Kind, Object, ObjectRef},
    watch::{ObjectWatch, WatchEvent},
};

/// Reads that begin within this time of each other share one answer.
const GATHER: Duration = Duration::from_millis(5);
/// From this many reads, in a batch or shortly one after the other, a list is cheaper.
const LIST_FROM: u32 = 4;
/// GETs older than this do not count towards [`LIST_FROM`].
const RECENT: Duration = Duration::from_secs(5);
/// A list serves no longer than this, so that even a watch which died in silence cannot make it old.
const MAX_AGE: Duration = Duration::from_secs(10);
/// How long a read waits for the watch of a list to open before it makes its own batch.
const OPENING: Duration = Duration::from_secs(1);

/// What a list covers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Scope {
    kind: Kind,
    namespace: Option<String>,
}

/// How far lists of a kind may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Cluster,
    Namespace,
    Single,
}

type Key = (String, String);
type Texts = BTreeMap<Key, Box<[u8]>>;

/// A list and the watch that keeps it current.
struct Snapshot {
    texts: Mutex<Texts>,
    /// [`FleetApi::writes`] when the list began.
    writes: u64,
    followed: watch::Sender<Followed>,
    over_at: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Followed {
    Opening,
    Live,
    Over,
}

/// How a batch is answered.
#[derive(Clone)]
enum Answer {
    Get,
    Texts(Arc<Snapshot>),
    Refused,
    Failed(Error),
}

#[derive(Default)]
struct Shelf {
    /// The batch that still takes reads, with their number.
    open: Option<(watch::Receiver<Option<Answer>>, u32)>,
    snapshot: Option<Arc<Snapshot>>,
    gets: u32,
    gets_since: Option<Instant>,
}

struct Shared {
    api: FleetApi,
    shelves: Mutex<BTreeMap<Scope, Shelf>>,
    reach: Mutex<BTreeMap<Scope, Reach>>,
}

/// The shared reads of one Fleet. Cheap to clone.
#[derive(Clone)]
pub struct SharedLists(Arc<Shared>);

impl std::fmt::Debug for SharedLists {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedLists").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(object: &Object) -> Key {
    (object.namespace().unwrap_or_default().to_owned(), object.name().to_owned())
}

fn text(object: &Object) -> Box<[u8]> {
    object.value().to_string().into_bytes().into_boxed_slice()
}

impl SharedLists {
    /// Shares the reads of `api`; its own cancellation is that of the whole provider.
    pub fn new(api: FleetApi) -> Self {
        Self(Arc::new(Shared { api, shelves: Mutex::default(), reach: Mutex::default() }))
    }

    /// Reads one object, for the operation that `on_behalf` belongs to.
    ///
    /// # Errors
    /// [`Error::is_not_found`] when it does not exist; else what the server answered.
    pub async fn read(&self, on_behalf: &FleetApi, object: &ObjectRef) -> Result<Object, Error> {
        let target = Target::from(object);
        let cancel = on_behalf.cancel().clone();
        let work = async {
            loop {
                let Some(scope) = self.scope(object) else { return on_behalf.get(object).await };
                match self.answer(&scope).await {
                    Answer::Get => return on_behalf.get(object).await,
                    Answer::Texts(snapshot) => return snapshot.find(object),
                    Answer::Refused => self.narrow(object, &scope),
                    Answer::Failed(error) => return Err(error.on_behalf_of(&target)),
                }
            }
        };
        cancel.run(work).await.unwrap_or_else(|_| Err(FleetApi::interrupted(Verb::Get, &target)))
    }

    /// Every object of a kind, of all namespaces, from the list that reads share; for the operation that `on_behalf`
    /// belongs to. Objects are made one after the other.
    ///
    /// # Errors
    /// [`Error::is_forbidden`] where the whole cluster may not be listed; else what the server answered.
    pub async fn visit(
        &self,
        on_behalf: &FleetApi,
        kind: Kind,
        sink: &mut (dyn FnMut(Object) + Send),
    ) -> Result<(), Error> {
        let target = Target::collection(kind, None);
        let scope = Scope { kind, namespace: None };
        let answer = async {
            match self.current(&scope).await {
                Some(snapshot) => Answer::Texts(snapshot),
                None => self.list(&scope).await,
            }
        };
        match on_behalf.cancel().clone().run(answer).await {
            Ok(Answer::Texts(snapshot)) => snapshot.each(kind, &target, sink),
            Ok(Answer::Failed(error)) => Err(error.on_behalf_of(&target)),
            Ok(Answer::Refused | Answer::Get) => {
                let problem = Problem::Forbidden { user: None };
                Err(Error::new(Verb::List, &target, problem, "the collection may not be listed"))
            }
            Err(_) => Err(FleetApi::interrupted(Verb::List, &target)),
        }
    }

    /// The collection to list for an object, as far as is known to be allowed.
    fn scope(&self, object: &ObjectRef) -> Option<Scope> {
        let whole = Scope { kind: object.kind, namespace: None };
        let own = Scope { kind: object.kind, namespace: object.namespace.clone() };
        let reach = lock(&self.0.reach);
        let of = |scope: &Scope| reach.get(scope).copied().unwrap_or(Reach::Cluster);
        let cluster = !(object.kind.is_secret() && object.namespace.is_some());
        match of(&whole) {
            Reach::Cluster if cluster => Some(whole),
            Reach::Single => None,
            Reach::Cluster | Reach::Namespace => (of(&own) != Reach::Single).then_some(own),
        }
    }

    /// The list of a scope was refused.
    fn narrow(&self, object: &ObjectRef, scope: &Scope) {
        let next = match (&scope.namespace, &object.namespace) {
            (None, Some(_)) => Reach::Namespace,
            _ => Reach::Single,
        };
        lock(&self.0.reach).insert(scope.clone(), next);
    }

    async fn answer(&self, scope: &Scope) -> Answer {
        if let Some(snapshot) = self.current(scope).await {
            return Answer::Texts(snapshot);
        }
        loop {
            let (mut receiver, lead) = self.join(scope);
            if let Some(sender) = lead {
                // A task of its own: the leader's interruption must not take the answer from the others.
                let (shared, scope) = (self.clone(), scope.clone());
                tokio::spawn(async move {
                    let answer = shared.serve(&scope).await;
                    sender.send_replace(Some(answer));
                });
            }
            if let Ok(answer) = receiver.wait_for(Option::is_some).await
                && let Some(answer) = answer.clone()
            {
                return answer;
            }
        }
    }

    /// The list at hand, if it is as good as a new one.
    async fn current(&self, scope: &Scope) -> Option<Arc<Snapshot>> {
        let snapshot = lock(&self.0.shelves).get(scope)?.snapshot.clone()?;
        let mut followed = snapshot.followed.subscribe();
        let opened = tokio::time::timeout(OPENING, followed.wait_for(|state| *state != Followed::Opening)).await;
        let live = matches!(opened, Ok(Ok(state)) if *state == Followed::Live);
        let current = live && snapshot.writes == self.0.api.writes() && Instant::now() < snapshot.over_at;
        current.then_some(snapshot)
    }

    fn join(&self, scope: &Scope) -> (watch::Receiver<Option<Answer>>, Option<watch::Sender<Option<Answer>>>) {
        let mut shelves = lock(&self.0.shelves);
        let shelf = shelves.entry(scope.clone()).or_default();
        if let Some((receiver, count)) = &mut shelf.open {
            *count += 1;
            return (receiver.clone(), None);
        }
        let (sender, receiver) = watch::channel(None);
        shelf.open = Some((receiver.clone(), 1));
        (receiver, Some(sender))
    }

    /// Closes the batch after a moment and answers it.
    async fn serve(&self, scope: &Scope) -> Answer {
        tokio::time::sleep(GATHER).await;
        {
            let mut shelves = lock(&self.0.shelves);
            let shelf = shelves.entry(scope.clone()).or_default();
            let count = shelf.open.take().map_or(1, |(_, count)| count);
            let now = Instant::now();
            if shelf.gets_since.is_none_or(|since| now.duration_since(since) > RECENT) {
                shelf.gets_since = Some(now);
                shelf.gets = 0;
            }
            shelf.gets += count;
            if shelf.gets < LIST_FROM {
                return Answer::Get;
            }
        }
        self.list(scope).await
    }

    async fn list(&self, scope: &Scope) -> Answer {
        // Before the list: a write that begins after this line makes the result old for later reads.
        let writes = self.0.api.writes();
        let over_at = Instant::now() + MAX_AGE;
        let mut texts = Texts::new();
        let listed = self
            .0
            .api
            .list_pages(scope.kind, scope.namespace.as_deref(), None, &mut |page| match page {
                Page::Next(objects) => texts.extend(objects.iter().map(|object| (key(object), text(object)))),
                Page::StartAgain => texts.clear(),
            })
            .await;
        let version = match listed {
            Ok(version) => version,
            Err(error) if error.is_forbidden() => return Answer::Refused,
            Err(error) => return Answer::Failed(error),
        };
        tracing::debug!(k8s_kind = scope.kind.kind, objects = texts.len(), "one list serves many reads");
        let snapshot = Arc::new(Snapshot {
            texts: Mutex::new(texts),
            writes,
            followed: watch::Sender::new(Followed::Opening),
            over_at,
        });
        let old = lock(&self.0.shelves).entry(scope.clone()).or_default().snapshot.replace(Arc::clone(&snapshot));
        if let Some(old) = old {
            old.followed.send_replace(Followed::Over);
        }
        let (shared, scope) = (self.clone(), scope.clone());
        let followed = Arc::clone(&snapshot);
        tokio::spawn(async move { shared.follow(&scope, &followed, version).await });
        Answer::Texts(snapshot)
    }

    /// Keeps a list current until it is too old, replaced, or its watch ends; then forgets it.
    async fn follow(&self, scope: &Scope, snapshot: &Arc<Snapshot>, version: String) {
        let mut watch =
            ObjectWatch::of_selection(&self.0.api, scope.kind, scope.namespace.as_deref(), None).resume_from(version);
        let opened = watch.open_now().await;
        let mut state = snapshot.followed.subscribe();
        let still_wanted = snapshot.followed.send_if_modified(|state| {
            let opened = opened.is_ok() && *state == Followed::Opening;
            if opened {
                *state = Followed::Live;
            }
            opened
        });
        if still_wanted {
            loop {
                let next = tokio::select! {
                    biased;
                    _ = state.wait_for(|state| *state == Followed::Over) => break,
                    next = tokio::time::timeout_at(snapshot.over_at, watch.next_of_stream()) => next,
                };
                match next {
                    Ok(Some(WatchEvent::Changed(object))) => {
                        lock(&snapshot.texts).insert(key(&object), text(&object));
                    }
                    Ok(Some(WatchEvent::Deleted(object))) => {
                        lock(&snapshot.texts).remove(&key(&object));
                    }
                    // Too old, or the stream ended: until a new one is open the list would be blind.
                    Ok(None | Some(WatchEvent::Listed(_))) | Err(_) => break,
                }
            }
        }
        snapshot.followed.send_replace(Followed::Over);
        if let Some(shelf) = lock(&self.0.shelves).get_mut(scope)
            && shelf.snapshot.as_ref().is_some_and(|current| Arc::ptr_eq(current, snapshot))
        {
            shelf.snapshot = None;
        }
    }
}

impl Snapshot {
    fn find(&self, object: &ObjectRef) -> Result<Object, Error> {
        let key = (object.namespace.clone().unwrap_or_default(), object.name.clone());
        let target = Target::from(object);
        let texts = lock(&self.texts);
        let Some(text) = texts.get(&key) else {
            return Err(Error::new(Verb::Get, &target, Problem::NotFound, "the object is not in the list of its kind"));
        };
        read(text, object.kind, &target)
    }

    /// The texts are copied, so that the watch is not held up by the reader.
    fn each(&self, kind: Kind, target: &Target, sink: &mut (dyn FnMut(Object) + Send)) -> Result<(), Error> {
        let texts: Vec<Box<[u8]>> = lock(&self.texts).values().cloned().collect();
        for text in texts {
            sink(read(&text, kind, target)?);
        }
        Ok(())
    }
}

fn read(text: &[u8], kind: Kind, target: &Target) -> Result<Object, Error> {
    let mut value: Value = serde_json::from_slice(text)
        .map_err(|_| Error::new(Verb::Get, target, Problem::Malformed, "the listed object cannot be read"))?;
    // Items of a list come without these.
    if let Some(fields) = value.as_object_mut() {
        fields.entry("apiVersion").or_insert_with(|| kind.api_version().into());
        fields.entry("kind").or_insert_with(|| kind.kind.into());
    }
    Ok(value.into())
}

#[cfg(test)]
#[path = "shared_list_tests.rs"]
mod tests;
