//! One pass over an AlbConfig and its stack, and what is written to the Fleet after it.
//!
//! A pass reads the caches once, at its start; the hashes it stamps at its end are of the objects then in the caches,
//! so it can stamp an edit it did not see, as the real one does (situation q). Called by the runtime, one at a time for
//! each AlbConfig. The order of the writes is the observed one.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::apply::{self, Applied, Endpoints, Pace, Refreshed, Site};
use super::build::{self, BuildError, GroupKey, Inputs};
use super::cache::Cache;
use super::events::{EventWrite, Note, Recorder};
use super::faults::ControllerFaults;
use super::objects::{AlbConfig, FINALIZER, HASH_LABEL, Ingress, Reference};
use super::{Generation, VSwitches};
use crate::alb::{AlbCloud, Server};
use crate::members::{FleetMembers, ServiceLookup, ServiceRegistry};

/// A write to the Fleet's API, always as field manager `load-balancer-controller`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Write {
    /// PUT of a whole AlbConfig.
    PutAlbConfig { name: String, body: Value },
    /// Merge patch of an AlbConfig.
    PatchAlbConfig { name: String, patch: Value },
    /// Merge patch of its status subresource.
    PatchAlbConfigStatus { name: String, patch: Value },
    /// Merge patch of an Ingress's status subresource.
    PatchIngressStatus { namespace: String, name: String, patch: Value },
    /// A new Event.
    CreateEvent { namespace: String, body: Value },
    /// Merge patch of an Event.
    PatchEvent { namespace: String, name: String, patch: Value },
}

/// Why the API server did not take a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// HTTP status; zero if there was no answer.
    pub(super) code: u16,
    pub(super) message: String,
}

/// The Fleet's API, for writing.
pub(super) trait FleetApi: Send + Sync + 'static {
    fn write(&self, write: Write) -> Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + '_>>;
}

/// What syncs and passes share.
pub(super) struct Shared {
    pub(super) generation: Generation,
    pub(super) cluster_id: String,
    pub(super) hostname: String,
    pub(super) pace: Pace,
    pub(super) cache: Mutex<Cache>,
    pub(super) cloud: Arc<AlbCloud>,
    pub(super) fleet: Arc<dyn FleetMembers>,
    pub(super) services: Arc<dyn ServiceRegistry>,
    pub(super) vswitches: Arc<dyn VSwitches>,
    pub(super) api: Arc<dyn FleetApi>,
    pub(super) recorder: Mutex<Recorder>,
    pub(super) faults: Arc<ControllerFaults>,
}

/// How a pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Everything is as it should be.
    Success {
        /// An Ingress got its address in this pass.
        published: bool,
        /// A hash label was stamped.
        stamped: bool,
    },
    /// Try again after the back-off.
    Failed,
    /// Nothing left to do.
    Gone,
}

impl Shared {
    pub(super) fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records an Event. Failing to is logged, as client-go does.
    pub(super) async fn record(&self, about: &Reference, note: Note) {
        let now = jiff::Timestamp::now();
        let stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let nanos = u128::try_from(now.as_nanosecond()).unwrap_or_default();
        let write = {
            let mut recorder = self.recorder.lock().unwrap_or_else(PoisonError::into_inner);
            recorder.record(about, &note, Instant::now(), &stamp, nanos)
        };
        let outcome = match write {
            None => return,
            Some(EventWrite::Create { namespace, body }) => {
                self.api.write(Write::CreateEvent { namespace, body }).await
            }
            Some(EventWrite::Patch { namespace, name, patch, body }) => {
                let patched = self.api.write(Write::PatchEvent { namespace: namespace.clone(), name, patch }).await;
                match patched {
                    // Expired in the meantime.
                    Err(refusal) if refusal.code == 404 => self.api.write(Write::CreateEvent { namespace, body }).await,
                    outcome => outcome,
                }
            }
        };
        if let Err(refusal) = outcome {
            tracing::warn!(code = refusal.code, message = refusal.message, "event not recorded");
        }
    }

    /// The endpoints of a group: the union over the attached members its AlbConfig names.
    fn endpoints(&self, clusters: &[String], key: &GroupKey) -> Endpoints {
        let mut servers = Vec::new();
        let (mut found, mut without_port) = (false, false);
        for cluster_id in clusters.iter().filter(|id| self.fleet.is_attached(id)) {
            match self.services.lookup(cluster_id, &key.namespace, &key.service, key.port) {
                ServiceLookup::NoService => {}
                ServiceLookup::NoPort => without_port = true,
                ServiceLookup::Endpoints(addresses) => {
                    found = true;
                    servers.extend(addresses.into_iter().map(|address| Server {
                        cluster_id: cluster_id.clone(),
                        address,
                        weight: 100,
                    }));
                }
            }
        }
        servers.sort();
        servers.dedup();
        match (found, without_port) {
            (true, _) => Endpoints::Servers(servers),
            (false, true) => Endpoints::NoPort,
            (false, false) => Endpoints::NoService,
        }
    }

    fn with_site<T>(&self, albconfig: &AlbConfig, run: impl FnOnce(&Site<'_>) -> T) -> T {
        let clusters = albconfig.remote_clusters();
        run(&self.site(albconfig, &|id| self.vswitches.zone(id), &|key| self.endpoints(&clusters, key)))
    }

    fn site<'s>(
        &'s self,
        albconfig: &'s AlbConfig,
        zone: &'s (dyn Fn(&str) -> Option<String> + Send + Sync),
        endpoints: &'s (dyn Fn(&GroupKey) -> Endpoints + Send + Sync),
    ) -> Site<'s> {
        Site {
            cloud: &self.cloud,
            pace: self.pace,
            cluster_id: &self.cluster_id,
            albconfig: &albconfig.meta.name,
            hostname: &self.hostname,
            port_required: self.generation == Generation::OpenSource,
            zone,
            endpoints,
        }
    }

    /// Gives the groups of all AlbConfigs the servers their Services have now. The open-source generation says so on
    /// the Service, there or gone, and nowhere else (situation c).
    pub(super) async fn refresh_endpoints(&self) {
        let albconfigs: Vec<_> = self.cache().albconfigs().cloned().collect();
        for albconfig in &albconfigs {
            for refreshed in self.with_site(albconfig, apply::refresh_endpoints) {
                if self.generation == Generation::OpenSource {
                    self.tell_of_service(refreshed).await;
                }
            }
        }
    }

    async fn tell_of_service(&self, refreshed: Refreshed) {
        let (key, note) = match refreshed {
            Refreshed::Followed(key) => (key, Note::normal("SuccessfullyReconciled", "Successfully reconciled")),
            Refreshed::WithoutEndpoints(key) => {
                let text = format!(
                    "build service stack model error: build servicePortToServerGroup error: backend not found: Endpoints \
                     \"{}\" not found",
                    key.service
                );
                (key, Note::warning("FailedUpdateEndpoints", text))
            }
        };
        let about = Reference {
            api_version: "v1",
            kind: "Service",
            namespace: key.namespace,
            name: key.service,
            uid: String::new(),
            resource_version: String::new(),
        };
        self.record(&about, note).await;
    }
}

/// Runs one pass.
pub(super) async fn run(shared: &Shared, name: &str) -> Ended {
    let (albconfig, members, stack) = {
        let cache = shared.cache();
        let Some(albconfig) = cache.albconfig(name).cloned() else { return Ended::Gone };
        (albconfig, cache.members(name), cache.stack(name))
    };
    let delay = shared.faults.delay();
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if let Some(text) = shared.faults.take_failure() {
        let note = Note::warning("FailedApplyModel", format!("Message: {text}"));
        return fail_all(shared, &albconfig, &members, note).await;
    }
    if albconfig.meta.deletion_timestamp.is_some() {
        return delete(shared, &albconfig, &members).await;
    }
    if albconfig.spec.get("config").is_none_or(Value::is_null) {
        tracing::error!(albconfig = name, "does not exist albconfig.spec.config");
        return Ended::Failed;
    }
    if !albconfig.meta.finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
        let finalizers: Vec<_> = albconfig.meta.finalizers.iter().map(String::as_str).chain([FINALIZER]).collect();
        let patch = json!({"metadata": {"finalizers": finalizers}});
        let write = Write::PatchAlbConfig { name: name.to_owned(), patch };
        match shared.api.write(write).await {
            Ok(()) => {}
            Err(refusal) if refusal.code == 404 => return Ended::Gone,
            Err(refusal) => {
                let note = Note::warning("FailedAddFinalizer", refusal.message);
                shared.record(&albconfig.reference(), note).await;
                return Ended::Failed;
            }
        }
    }
    let model = match model(shared, &albconfig, stack) {
        Ok(model) => model,
        Err((error, members_of_stack)) => return fail_build(shared, &albconfig, &members_of_stack, &error).await,
    };
    let (stack, model) = model;
    let clusters = albconfig.remote_clusters();
    let zone = |id: &str| shared.vswitches.zone(id);
    let endpoints = |key: &GroupKey| shared.endpoints(&clusters, key);
    let applied = apply::apply(&shared.site(&albconfig, &zone, &endpoints), &model).await;
    match applied {
        Ok(applied) => {
            if shared.generation == Generation::Hosted {
                for (key, hosts) in &model.mismatches {
                    if let Some(ingress) = stack.iter().find(|ingress| ingress.key() == *key) {
                        let text = format!("mismatchTlsHostsIngress: [{}]", hosts.join(" "));
                        shared.record(&ingress.reference(), Note::normal("MismatchHost", text)).await;
                    }
                }
            }
            publish(shared, &albconfig, &stack, &applied).await
        }
        Err(text) => fail_all(shared, &albconfig, &members, Note::warning("FailedApplyModel", text)).await,
    }
}

type Built = (Vec<Ingress>, build::Model);

fn model(
    shared: &Shared,
    albconfig: &AlbConfig,
    stack: Result<Vec<Ingress>, (Option<String>, String)>,
) -> Result<Built, (BuildError, Vec<Ingress>)> {
    let members = || shared.cache().members(&albconfig.meta.name);
    if shared.generation == Generation::Hosted {
        build::decode(albconfig).map_err(|error| (error, members()))?;
    }
    let stack = stack
        .map_err(|(ingress, message)| (BuildError { ingress, on_albconfig: message.clone(), message }, members()))?;
    let state = shared.cloud.snapshot();
    let inputs = Inputs {
        generation: shared.generation,
        cluster_id: &shared.cluster_id,
        albconfig,
        stack: &stack,
        secret: &|id| shared.cache().secret(id).cloned(),
        discover: &|host| {
            let covering = state.certificates.values().filter(|certificate| {
                let facts = crate::alb::CertificateFacts {
                    common_name: certificate.common_name.clone(),
                    sans: certificate.sans.clone(),
                };
                facts.covers(host)
            });
            covering.map(|certificate| certificate.cert_identifier.clone()).collect()
        },
    };
    match build::build(&inputs) {
        Ok(model) => Ok((stack, model)),
        Err(error) => Err((error, members())),
    }
}

async fn fail_build(shared: &Shared, albconfig: &AlbConfig, members: &[Ingress], error: &BuildError) -> Ended {
    let note = |text: &str| Note::warning("FailedBuildModel", text);
    shared.record(&albconfig.reference(), note(&error.on_albconfig)).await;
    for ingress in members {
        // Its neighbours are frozen too and hear nothing (situation d).
        if error.ingress.as_ref().is_none_or(|guilty| *guilty == ingress.key()) {
            shared.record(&ingress.reference(), note(&error.message)).await;
        }
    }
    Ended::Failed
}

async fn fail_all(shared: &Shared, albconfig: &AlbConfig, members: &[Ingress], note: Note) -> Ended {
    shared.record(&albconfig.reference(), note.clone()).await;
    for ingress in members {
        shared.record(&ingress.reference(), note.clone()).await;
    }
    Ended::Failed
}

/// Deletes what the AlbConfig has in the cloud and lets it go, whoever still uses it (situation g).
async fn delete(shared: &Shared, albconfig: &AlbConfig, members: &[Ingress]) -> Ended {
    if !albconfig.meta.finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
        return Ended::Gone;
    }
    let reused = albconfig.spec.pointer("/config/id").and_then(Value::as_str).is_some_and(|id| !id.is_empty());
    if let Err(text) = shared.with_site(albconfig, |site| apply::delete(site, reused)) {
        return fail_all(shared, albconfig, members, Note::warning("FailedApplyModel", text)).await;
    }
    let left: Vec<_> = albconfig.meta.finalizers.iter().filter(|finalizer| *finalizer != FINALIZER).collect();
    let patch = json!({"metadata": {"finalizers": left}});
    match shared.api.write(Write::PatchAlbConfig { name: albconfig.meta.name.clone(), patch }).await {
        Ok(()) => {}
        Err(refusal) if refusal.code == 404 => {}
        Err(refusal) => {
            let text = format!("Failed remove finalizer due to {}", refusal.message);
            shared.record(&albconfig.reference(), Note::warning("FailedRemoveFinalizer", text)).await;
            return Ended::Failed;
        }
    }
    succeed(shared, albconfig, members).await;
    Ended::Gone
}

async fn succeed(shared: &Shared, albconfig: &AlbConfig, members: &[Ingress]) {
    let note = || Note::normal("SuccessfullyReconciled", "Successfully reconciled");
    shared.record(&albconfig.reference(), note()).await;
    for ingress in members {
        shared.record(&ingress.reference(), note()).await;
    }
}

/// Addresses, status, labels, Events: in this order, and only after everything succeeded.
async fn publish(shared: &Shared, albconfig: &AlbConfig, stack: &[Ingress], applied: &Applied) -> Ended {
    let name = &albconfig.meta.name;
    let mut published = Vec::new();
    let mut stamped = false;
    for ingress in stack {
        let Some(current) = shared.cache().ingress(&ingress.key()).cloned() else { continue };
        if current.hostname.as_deref() != Some(applied.dns_name.as_str()) {
            let status = json!({"loadBalancer": {"ingress": [{"hostname": applied.dns_name}]}});
            write(shared, ingress_status(&current, json!({"status": status}))).await;
            published.push(current);
        }
    }
    let status = status(applied);
    let current = shared.cache().albconfig(name).cloned();
    let shown = current.as_ref().and_then(|albconfig| albconfig.raw.pointer("/status/loadBalancer"));
    if shown.is_none_or(|shown| !same_status(shown, &status)) {
        let patch = json!({"status": {"loadBalancer": status}});
        write(shared, Write::PatchAlbConfigStatus { name: name.clone(), patch }).await;
    }
    for ingress in stack {
        let Some(current) = shared.cache().ingress(&ingress.key()).cloned() else { continue };
        if current.meta.labels.get(HASH_LABEL) != Some(&current.hash) {
            stamped = true;
            let patch = json!({"metadata": {"labels": {HASH_LABEL: current.hash}}});
            write(shared, ingress_status(&current, patch)).await;
        }
    }
    let current = shared.cache().albconfig(name).cloned();
    if let Some(current) = current.filter(|current| current.meta.labels.get(HASH_LABEL) != Some(&current.hash())) {
        stamped = true;
        let patch = json!({"metadata": {"labels": {HASH_LABEL: current.hash()}}});
        write(shared, Write::PatchAlbConfig { name: name.clone(), patch }).await;
    }
    let newest: Vec<_> = {
        let cache = shared.cache();
        stack.iter().map(|ingress| cache.ingress(&ingress.key()).unwrap_or(ingress).clone()).collect()
    };
    succeed(shared, albconfig, &newest).await;
    if shared.generation == Generation::Hosted {
        for key in &applied.backendless {
            let Some(ingress) = newest
                .iter()
                .find(|ingress| ingress.meta.name == key.ingress && ingress.meta.namespace == key.namespace)
            else {
                continue;
            };
            let text = format!(
                "backend not found: no remote cluster has service {}/{} with port {}",
                key.namespace, key.service, key.port
            );
            shared.record(&ingress.reference(), Note::warning("FailedUpdateEndpoints", text)).await;
        }
    }
    // Its own status write comes back as a change: one more sync of each, which in the open-source generation puts a
    // stale AlbConfig and says so (golden path).
    for ingress in &published {
        shared.record(&ingress.reference(), Note::normal("Sync", "Scheduled for sync")).await;
        if shared.generation == Generation::OpenSource {
            let text = format!(
                "Operation cannot be fulfilled on albconfigs.alibabacloud.com \"{name}\": the object has been modified; \
                 please apply your changes to the latest version and try again"
            );
            shared.record(&ingress.reference(), Note::warning("FailedBuildModel", text)).await;
        }
    }
    Ended::Success { published: !published.is_empty(), stamped }
}

fn ingress_status(ingress: &Ingress, patch: Value) -> Write {
    Write::PatchIngressStatus { namespace: ingress.meta.namespace.clone(), name: ingress.meta.name.clone(), patch }
}

async fn write(shared: &Shared, write: Write) {
    if let Err(refusal) = shared.api.write(write).await
        && refusal.code != 404
    {
        tracing::warn!(code = refusal.code, message = refusal.message, "object not updated");
    }
}

/// HTTPS listeners only; a listener whose certificates come from nobody any more shows none.
fn status(applied: &Applied) -> Value {
    let listeners: Vec<Value> = applied
        .https
        .iter()
        .map(|(key, certificates)| {
            let mut listener = json!({"portAndProtocol": key.to_string()});
            if let Some(object) = listener.as_object_mut().filter(|_| !certificates.is_empty()) {
                let shown = certificates.iter().map(|certificate| {
                    json!({"certificateId": certificate.certificate_id, "isDefault": certificate.is_default})
                });
                object.insert("certificates".to_owned(), shown.collect());
            }
            listener
        })
        .collect();
    json!({
        "id": applied.load_balancer_id, "dnsname": applied.dns_name,
        // Null takes the list out of the stored status.
        "listeners": if listeners.is_empty() { Value::Null } else { Value::Array(listeners) },
    })
}

fn same_status(shown: &Value, wanted: &Value) -> bool {
    ["id", "dnsname", "listeners"]
        .iter()
        .all(|field| shown.get(*field).unwrap_or(&Value::Null) == wanted.get(*field).unwrap_or(&Value::Null))
}
