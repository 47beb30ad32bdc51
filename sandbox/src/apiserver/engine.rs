//! The server's state behind one lock, and what all requests share: resource lookup, time, wake-ups of watches.
//!
//! Reads are in `list.rs` and `watch.rs`, writes in `write.rs` and `delete.rs`. Every call is atomic: it holds the lock
//! from its first read to its last write and never awaits in between.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::clock::{self, Clock};
use super::resource::{Builtin, Resource};
use super::status::ApiError;
use super::storage::{Key, Store};
use super::{crd, kinds, meta};

/// Events older than this are gone, as with the real server's default.
const EVENT_LIFETIME: Duration = Duration::from_secs(3600);

/// The bucket of definitions.
pub(crate) const DEFINITIONS: &str = "apiextensions.k8s.io/customresourcedefinitions";
/// The bucket of namespaces.
pub(crate) const NAMESPACES: &str = "/namespaces";

/// What watches wait on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tick {
    /// The newest version.
    pub(crate) version: u64,
    /// Watches opened in an earlier epoch end.
    pub(crate) epoch: u64,
}

/// All that a call reads and changes.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) store: Store,
    custom: Vec<Arc<Resource>>,
}

/// The server without its network side.
pub(crate) struct Engine {
    state: Mutex<State>,
    ticks: watch::Sender<Tick>,
    watches: AtomicUsize,
    clock: Clock,
    builtins: BTreeMap<String, Arc<Resource>>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("ticks", &*self.ticks.borrow()).finish_non_exhaustive()
    }
}

impl Engine {
    pub(crate) fn new(clock: Clock, history_limit: usize, with_alb_config: bool) -> Engine {
        let store = Store::new(history_limit);
        let engine = Engine {
            ticks: watch::Sender::new(Tick { version: store.version(), epoch: 0 }),
            watches: AtomicUsize::new(0),
            state: Mutex::new(State { store, custom: Vec::new() }),
            clock,
            builtins: kinds::all(),
        };
        engine.populate(with_alb_config);
        engine
    }

    /// Makes the objects a new cluster has.
    fn populate(&self, with_alb_config: bool) {
        let now = self.now_text();
        let mut state = self.lock();
        for name in ["default", "kube-system", "kube-public", "kube-node-lease", "argocd"] {
            let object = json!({
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {
                    "name": name,
                    "uid": new_uid(),
                    "creationTimestamp": now,
                    "labels": {"kubernetes.io/metadata.name": name},
                },
                "spec": {"finalizers": ["kubernetes"]},
                "status": {"phase": "Active"},
            });
            state.store.put(NAMESPACES, (String::new(), name.to_owned()), object);
        }
        if with_alb_config {
            let mut object = crd::alb_config_definition();
            meta::set(&mut object, &["metadata", "uid"], json!(new_uid()));
            meta::set(&mut object, &["metadata", "creationTimestamp"], json!(now));
            meta::set(&mut object, &["metadata", "generation"], json!(1));
            crd::default_definition(&mut object);
            let status = crd::accepted_status(&object, &now);
            meta::set(&mut object, &["status"], status);
            let name = meta::name(&object).to_owned();
            state.store.put(DEFINITIONS, (String::new(), name), object);
        }
        state.refresh_definitions();
        self.announce(&state);
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in another call cannot leave a half-written object: writes replace whole objects.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub(crate) fn now_text(&self) -> String {
        clock::seconds(self.now())
    }

    /// Wakes watches after a write.
    pub(crate) fn announce(&self, state: &State) {
        let version = state.store.version();
        self.ticks.send_if_modified(|tick| {
            let changed = tick.version != version;
            tick.version = version;
            changed
        });
    }

    pub(crate) fn ticks(&self) -> watch::Receiver<Tick> {
        self.ticks.subscribe()
    }

    /// Counts a watch that opens, or one that ends.
    pub(crate) fn count_watch(&self, opens: bool) {
        if opens {
            self.watches.fetch_add(1, Ordering::Relaxed);
        } else {
            self.watches.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Ends every open watch and answers how many there were.
    pub(crate) fn drop_watches(&self) -> usize {
        let open = self.watches.load(Ordering::Relaxed);
        self.ticks.send_modify(|tick| tick.epoch += 1);
        open
    }

    /// Finds a served resource.
    pub(crate) fn resource(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        let builtin = self.builtins.get(&super::resource::bucket(group, plural));
        if let Some(resource) = builtin {
            return (resource.version == version).then(|| resource.clone());
        }
        let state = self.lock();
        let mut custom = state.custom.iter();
        custom.find(|one| one.group == group && one.version == version && one.plural == plural).cloned()
    }

    /// The built-in resources.
    pub(crate) fn builtins(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.builtins.values()
    }

    /// All served resources.
    pub(crate) fn resources(&self) -> Vec<Arc<Resource>> {
        let state = self.lock();
        self.builtins.values().chain(&state.custom).cloned().collect()
    }

    /// Removes expired Events. Cheap: called before Events are read.
    pub(crate) fn expire_events(&self, state: &mut State) {
        let Ok(oldest) = self.now().checked_sub(jiff::SignedDuration::try_from(EVENT_LIFETIME).unwrap_or_default())
        else {
            return;
        };
        let is_old = |object: &Value| {
            let written = ["lastTimestamp", "firstTimestamp"]
                .iter()
                .map(|field| meta::text(object, &[field]))
                .chain([meta::text(object, &["metadata", "creationTimestamp"])])
                .filter_map(|text| text.parse::<Timestamp>().ok())
                .max();
            written.is_some_and(|time| time < oldest)
        };
        let old: Vec<Key> =
            state.store.objects("/events").filter(|(_, object)| is_old(object)).map(|(key, _)| key.clone()).collect();
        for key in old {
            state.store.delete("/events", &key);
        }
        self.announce(state);
    }

    /// Whether a namespace waits to be emptied.
    pub(crate) fn has_dying_namespace(&self) -> bool {
        self.lock().store.objects(NAMESPACES).any(|(_, object)| meta::is_terminating(object))
    }

    /// Replaces the content of the store.
    pub(crate) fn restore(&self, snapshot: &Value) -> Option<()> {
        let mut state = self.lock();
        state.store.restore(snapshot)?;
        state.refresh_definitions();
        self.announce(&state);
        drop(state);
        self.drop_watches();
        Some(())
    }
}

impl State {
    /// Makes the set of custom resources match the stored definitions.
    pub(crate) fn refresh_definitions(&mut self) {
        self.custom = self
            .store
            .objects(DEFINITIONS)
            .filter(|(_, object)| !meta::is_terminating(object))
            .flat_map(|(_, object)| crd::resources(object))
            .collect();
    }

    /// The resources that definitions serve.
    pub(crate) fn custom(&self) -> &[Arc<Resource>] {
        &self.custom
    }

    /// Refuses what cannot be created in `namespace` now.
    pub(crate) fn check_namespace(&self, resource: &Resource, namespace: &str, name: &str) -> Result<(), ApiError> {
        let key = (String::new(), namespace.to_owned());
        let named = super::status::Named { group: "", resource: "namespaces", kind: "Namespace" };
        let Some(object) = self.store.get(NAMESPACES, &key) else {
            return Err(ApiError::not_found(named, namespace));
        };
        if meta::is_terminating(&object) {
            let detail =
                format!("unable to create new content in namespace {namespace} because it is being terminated");
            let message = format!("namespace {namespace} is being terminated");
            return Err(ApiError::forbidden(resource.named(), name, &detail).cause(
                "NamespaceTerminating",
                &message,
                "metadata.namespace",
            ));
        }
        Ok(())
    }
}

/// A new object identifier.
pub(crate) fn new_uid() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Whether deleting an object of this kind goes through the namespace's own finalizers.
pub(crate) fn is_namespace(resource: &Resource) -> bool {
    resource.builtin == Some(Builtin::Namespace)
}
