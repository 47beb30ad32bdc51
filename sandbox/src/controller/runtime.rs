//! The controller in time: what was seen goes in, syncs and passes are started, delayed and repeated.
//!
//! One task owns the queues. Ingress syncs run in it one after another, at once; passes run beside it, one at a time
//! for each AlbConfig. A pass that fails is repeated after 5 s, doubling to 300 s, whatever is triggered in between
//! starts at once; an Ingress sync that fails by itself is repeated after 0.5 s, doubling. After a success the
//! controller's own writes cause one or two more passes. All times are scaled.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Generation;
use super::albconfig::{self, ListenerSpec, bare_listener};
use super::annotations;
use super::cache::{Kind, Trigger};
use super::events::Note;
use super::objects::{AlbConfig, Ingress};
use super::pass::{self, Ended, Shared, Write};
use crate::alb::ListenerKey;

/// Seconds before a failed pass is repeated for the first time, and at most.
const PASS_BACKOFF: (f64, f64) = (5.0, 300.0);
/// The same for an Ingress sync that failed by itself (client-go's item back-off).
const SYNC_BACKOFF: (f64, f64) = (0.5, 1000.0);
/// Seconds until AlbConfigs are listed again after one could not be decoded.
const RELIST_BACKOFF: f64 = 10.0;
/// Seconds until changed endpoints are in the server groups.
const ENDPOINT_DELAY: f64 = 1.0;

/// What the watches deliver.
#[derive(Debug, Clone)]
pub(super) enum Observed {
    /// A whole list.
    Listed(Kind, Vec<Value>),
    /// A new or changed object.
    Upserted(Kind, Value),
    /// A deleted object, as it last was.
    Deleted(Kind, Value),
}

#[derive(Debug, Default)]
struct Stack {
    running: bool,
    dirty: bool,
    due: Option<Instant>,
    failures: u32,
    extra: u32,
}

#[derive(Debug, Clone)]
struct Sync {
    ingress: Ingress,
    albconfig: Result<String, String>,
    attempt: u32,
    due: Instant,
}

pub(super) struct Runtime {
    shared: Arc<Shared>,
    unlisted: Vec<Kind>,
    stacks: BTreeMap<String, Stack>,
    syncs: Vec<Sync>,
    relist: Option<Instant>,
    endpoints: Option<Instant>,
    passes: JoinSet<(String, Ended)>,
}

impl Runtime {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            unlisted: vec![Kind::IngressClass, Kind::Secret, Kind::AlbConfig, Kind::Ingress],
            stacks: BTreeMap::new(),
            syncs: Vec::new(),
            relist: None,
            endpoints: None,
            passes: JoinSet::new(),
        }
    }

    /// Runs until it is told to stop or nobody observes any more.
    pub(super) async fn run(
        mut self,
        mut observed: mpsc::UnboundedReceiver<Observed>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut services = self.shared.services.changed();
        let mut fleet = self.shared.fleet.changed();
        let mut faults = self.shared.faults.changed();
        loop {
            self.dispatch().await;
            let due = self.next_due();
            let alarm = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                Some(joined) = self.passes.join_next() => match joined {
                    Ok((name, ended)) => self.ended(&name, ended),
                    Err(error) => tracing::error!(%error, "a pass was lost"),
                },
                message = observed.recv() => match message {
                    Some(message) => self.observe(message),
                    None => break,
                },
                Ok(()) = services.changed() => self.note_endpoints(),
                Ok(()) = fleet.changed() => self.note_endpoints(),
                Ok(()) = faults.changed() => {}
                () = alarm => {}
            }
        }
        self.passes.shutdown().await;
    }

    fn now() -> Instant {
        Instant::now()
    }

    fn note_endpoints(&mut self) {
        let due = Self::now() + self.shared.pace.scaled(ENDPOINT_DELAY);
        self.endpoints.get_or_insert(due);
    }

    fn observe(&mut self, observed: Observed) {
        let triggers = {
            let mut cache = self.shared.cache();
            match &observed {
                Observed::Listed(kind, list) => cache.replace(*kind, list),
                Observed::Upserted(kind, raw) => cache.upsert(*kind, raw),
                Observed::Deleted(kind, raw) => cache.remove(*kind, raw),
            }
        };
        for trigger in triggers {
            match trigger {
                Trigger::Pass(name) => self.stacks.entry(name).or_default().dirty = true,
                Trigger::Sync { ingress, albconfig } => {
                    self.syncs.push(Sync { ingress: *ingress, albconfig, attempt: 0, due: Self::now() });
                }
                Trigger::Relist => {
                    let due = Self::now() + self.shared.pace.scaled(RELIST_BACKOFF);
                    self.relist.get_or_insert(due);
                }
            }
        }
        if let Observed::Listed(kind, _) = observed
            && !self.unlisted.is_empty()
        {
            self.unlisted.retain(|unlisted| *unlisted != kind);
            if self.unlisted.is_empty() {
                self.adopt();
                // What stands behind the Services of a restored cloud may have moved while no controller ran.
                self.note_endpoints();
            }
        }
    }

    /// After a restart with an empty cloud, reconciled AlbConfigs are reconciled again: their instances are gone, and
    /// unlike the real cloud the sandbox may have been started afresh beside an old API server.
    fn adopt(&mut self) {
        let names: Vec<_> = self.shared.cache().albconfigs().map(|albconfig| albconfig.meta.name.clone()).collect();
        let state = self.shared.cloud.snapshot();
        for name in names {
            if super::apply::owned_balancer(&state, &self.shared.cluster_id, &name).is_none() {
                self.stacks.entry(name).or_default().dirty = true;
            }
        }
    }

    fn next_due(&self) -> Option<Instant> {
        if self.shared.faults.paused() || !self.unlisted.is_empty() {
            return None;
        }
        let stacks = self.stacks.values().filter(|stack| !stack.running).filter_map(|stack| stack.due);
        let syncs = self.syncs.iter().map(|sync| sync.due);
        stacks.chain(syncs).chain(self.relist).chain(self.endpoints).min()
    }

    async fn dispatch(&mut self) {
        if self.shared.faults.paused() || !self.unlisted.is_empty() {
            return;
        }
        let now = Self::now();
        if self.relist.is_some_and(|due| due <= now) {
            self.relist = None;
            let triggers = self.shared.cache().relist();
            for trigger in triggers {
                if let Trigger::Pass(name) = trigger {
                    self.stacks.entry(name).or_default().dirty = true;
                }
            }
        }
        if self.endpoints.is_some_and(|due| due <= now) {
            self.endpoints = None;
            self.shared.refresh_endpoints().await;
        }
        let (ready, waiting) = std::mem::take(&mut self.syncs).into_iter().partition(|sync| sync.due <= now);
        self.syncs = waiting;
        let ready: Vec<Sync> = ready;
        for sync in ready {
            if let Some(again) = self.sync(sync).await {
                self.syncs.push(again);
            }
        }
        for (name, stack) in &mut self.stacks {
            if stack.running || !(stack.dirty || stack.due.is_some_and(|due| due <= now)) {
                continue;
            }
            *stack = Stack { running: true, dirty: false, due: None, ..std::mem::take(stack) };
            let (shared, name) = (Arc::clone(&self.shared), name.clone());
            self.passes.spawn(async move {
                // A lost pass must not keep its AlbConfig from ever being reconciled again.
                let ended = AssertUnwindSafe(pass::run(&shared, &name)).catch_unwind().await;
                let ended = ended.unwrap_or_else(|_| {
                    tracing::error!(albconfig = name, "a pass panicked");
                    Ended::Failed
                });
                (name, ended)
            });
        }
    }

    fn ended(&mut self, name: &str, ended: Ended) {
        let stack = self.stacks.entry(name.to_owned()).or_default();
        stack.running = false;
        match ended {
            Ended::Gone => {
                if !stack.dirty {
                    self.stacks.remove(name);
                }
            }
            Ended::Failed => {
                let pause = backoff(PASS_BACKOFF, stack.failures);
                stack.failures += 1;
                stack.extra = 0;
                stack.due = Some(Self::now() + self.shared.pace.scaled(pause));
            }
            Ended::Success { published, stamped } => {
                stack.failures = 0;
                let own_writes = match (published, stamped, self.shared.generation) {
                    (true, _, Generation::OpenSource) => 2,
                    (true, _, Generation::Hosted) | (false, true, _) => 1,
                    (false, false, _) => 0,
                };
                // A pass that is due anyway is one of them.
                stack.extra = stack.extra.max(own_writes);
                if stack.extra > 0 {
                    stack.extra -= 1;
                    stack.dirty = true;
                }
            }
        }
    }

    /// Syncs one Ingress: tells it so, makes sure its AlbConfig has its listeners, starts a pass. Answers the retry, if
    /// one is due.
    async fn sync(&mut self, sync: Sync) -> Option<Sync> {
        let shared = Arc::clone(&self.shared);
        let about = sync.ingress.reference();
        let warn = |text: String| shared.record(&about, Note::warning("FailedBuildModel", text));
        shared.record(&about, Note::normal("Sync", "Scheduled for sync")).await;
        let name = match &sync.albconfig {
            Ok(name) => name.clone(),
            Err(text) => {
                warn(text.clone()).await;
                return None;
            }
        };
        let missing = |name: &str| format!("AlbConfig.alibabacloud.com \"{name}\" not found");
        // A retry carries its old copy; once the object is gone, nobody knows its class any more (situation p2).
        if sync.attempt > 0 && shared.cache().ingress(&sync.ingress.key()).is_none() {
            warn(missing("default")).await;
            return None;
        }
        let Some(albconfig) = shared.cache().albconfig(&name).cloned() else {
            warn(missing(&name)).await;
            return None;
        };
        if shared.generation == Generation::OpenSource
            && albconfig.meta.deletion_timestamp.is_none()
            && let Err(text) = self.declare_listeners(&albconfig, &sync.ingress).await
        {
            warn(text).await;
            let pause = shared.pace.scaled(backoff(SYNC_BACKOFF, sync.attempt));
            return Some(Sync { attempt: sync.attempt + 1, due: Self::now() + pause, ..sync });
        }
        self.stacks.entry(name).or_default().dirty = true;
        None
    }

    /// The open-source generation's PUT of the whole spec, with the listeners that Ingresses of the stack want.
    async fn declare_listeners(&self, albconfig: &AlbConfig, ingress: &Ingress) -> Result<(), String> {
        let present: Vec<ListenerKey> =
            ListenerSpec::all(&albconfig.spec).filter_map(|listener| listener.key().ok()).collect();
        let gone = self.shared.cache().ingress(&ingress.key()).is_none();
        // What cannot be read is reported by the pass.
        let own = if gone {
            Vec::new()
        } else {
            annotations::listen_ports(ingress).map(|(ports, _)| ports).unwrap_or_default()
        };
        for port in &own {
            if present.iter().any(|key| key.port == port.port && key.protocol != port.protocol) {
                return Err("conflict listener in albconfig, please remove it manual".to_owned());
            }
        }
        let members = self.shared.cache().members(&albconfig.meta.name);
        let mut wanted: Vec<ListenerKey> = members
            .iter()
            .filter_map(|member| annotations::listen_ports(member).ok())
            .flat_map(|(ports, _)| ports)
            .chain(own)
            .filter(|port| present.iter().all(|key| key.port != port.port))
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut spec = albconfig.spec.clone();
        if let Some(spec) = spec.as_object_mut()
            && !wanted.is_empty()
        {
            let listeners = spec.entry("listeners").or_insert_with(|| json!([]));
            if !listeners.is_array() {
                *listeners = json!([]);
            }
            if let Some(list) = listeners.as_array_mut() {
                list.extend(wanted.into_iter().map(bare_listener));
            }
        }
        let spec = albconfig::complete(&spec);
        if spec == albconfig.spec {
            return Ok(());
        }
        let mut body = albconfig.raw.clone();
        if let Some(object) = body.as_object_mut() {
            object.insert("spec".to_owned(), spec);
            object.entry("apiVersion").or_insert_with(|| json!("alibabacloud.com/v1"));
            object.entry("kind").or_insert_with(|| json!("AlbConfig"));
        }
        let write = Write::PutAlbConfig { name: albconfig.meta.name.clone(), body };
        self.shared.api.write(write).await.map_err(|refusal| refusal.message)
    }
}

fn backoff((first, most): (f64, f64), failures: u32) -> f64 {
    (first * f64::from(1_u32.checked_shl(failures.min(20)).unwrap_or(u32::MAX))).min(most)
}
