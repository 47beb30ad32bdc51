//! One pass over everything: looks, decides, writes what differs.
//!
//! Level-triggered like the real controllers: a pass that is cut off or refused is made again, and a pass that finds all as
//! it should be writes nothing. What happened when is remembered in memory only; after a restart everything is deployed
//! again, as members do not outlive the sandbox either.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::compare::{Around, Deed, Deployed, Judged, Memory, Pace, judge};
use super::generate::{Cluster, Outcome, RESOURCES_FINALIZER, conditions, generate, target};
use super::kube_io::{KINDS, Kind, Kube, Refusal};
use super::{ArgoCdConfig, ArgoCdSwitches, NAMESPACE, Registered, Troubles};
use crate::members::Backend;

/// Pause before a pass that was refused is made again.
const RETRY: Duration = Duration::from_millis(200);
/// How long changes are gathered before a pass, so that a burst of them is one.
const GATHER: Duration = Duration::from_millis(5);
/// A pass is made at least this often.
const IDLE: Duration = Duration::from_secs(3600);

pub(super) struct Runner {
    config: ArgoCdConfig,
    kube: Kube,
    switches: ArgoCdSwitches,
    pace: Pace,
    memories: BTreeMap<String, Memory>,
}

/// What one pass sees.
struct Seen {
    secrets: Vec<Value>,
    projects: Vec<Value>,
    sets: Vec<Value>,
    applications: Vec<Value>,
    clusters: Vec<Cluster>,
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn uid(value: &Value) -> &str {
    text(value, "/metadata/uid")
}

fn is_ending(value: &Value) -> bool {
    value.pointer("/metadata/deletionTimestamp").is_some()
}

fn finalizers(value: &Value) -> Vec<String> {
    let all = value.pointer("/metadata/finalizers").and_then(Value::as_array).into_iter().flatten();
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The UID of the set that made an Application.
fn owner(application: &Value) -> Option<&str> {
    let owners = application.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten();
    owners
        .into_iter()
        .find(|owner| owner.get("kind").and_then(Value::as_str) == Some("ApplicationSet"))
        .map(|owner| text(owner, "/uid"))
}

fn now_text() -> String {
    crate::apiserver::clock::system()().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Runner {
    pub(super) fn new(config: ArgoCdConfig, switches: ArgoCdSwitches) -> Self {
        let kube = Kube::new(config.client.clone());
        let pace = Pace::of(config.scale);
        Self { config, kube, switches, pace, memories: BTreeMap::new() }
    }

    /// Makes passes until it is dropped.
    pub(super) async fn run(mut self) {
        let changed = watch::Sender::new(0_u64);
        let mut wake = changed.subscribe();
        let mut followers = JoinSet::new();
        for kind in KINDS {
            let (kube, changed) = (self.kube.clone(), changed.clone());
            followers.spawn(async move { kube.follow(kind, changed).await });
        }
        let mut registry = self.config.registry.changed();
        let mut members = self.config.members.changes();
        let mut switched = self.switches.changed.subscribe();
        loop {
            wake.mark_unchanged();
            registry.mark_unchanged();
            members.mark_unchanged();
            switched.mark_unchanged();
            let troubles = self.switches.troubles();
            let again = if troubles.paused {
                IDLE
            } else {
                match self.pass(&troubles).await {
                    Ok(again) => again,
                    Err(refusal) => {
                        tracing::debug!(code = refusal.code, message = refusal.message, "pass of Argo CD refused");
                        RETRY
                    }
                }
            };
            tokio::select! {
                Ok(()) = wake.changed() => {}
                Ok(()) = registry.changed() => {}
                Ok(()) = members.changed() => {}
                Ok(()) = switched.changed() => {}
                () = tokio::time::sleep(again) => {}
            }
            tokio::time::sleep(GATHER).await;
        }
    }

    async fn look(&self) -> Result<Seen, Refusal> {
        let secrets = self.kube.list(Kind::ClusterSecret).await?;
        let projects = self.kube.list(Kind::Project).await?;
        let sets = self.kube.list(Kind::Set).await?;
        let applications = self.kube.list(Kind::Application).await?;
        let clusters = secrets.iter().map(cluster).collect();
        Ok(Seen { secrets, projects, sets, applications, clusters })
    }

    /// Answers when to make the next one, if nothing happens.
    async fn pass(&mut self, troubles: &Troubles) -> Result<Duration, Refusal> {
        let seen = self.look().await?;
        if self.register(&seen.secrets).await? {
            return Ok(Duration::ZERO);
        }
        let mut again = IDLE;
        for set in seen.sets.iter().filter(|set| !is_ending(set)) {
            self.reconcile_set(set, &seen).await?;
        }
        for application in &seen.applications {
            if let Some(due) = self.reconcile_application(application, &seen, troubles).await? {
                again = again.min(due);
            }
        }
        let live: BTreeSet<&str> = seen.applications.iter().map(uid).collect();
        self.memories.retain(|uid, _| live.contains(uid.as_str()));
        Ok(again)
    }

    /// Brings the cluster Secrets in line with the associations. Answers whether anything was written.
    async fn register(&self, secrets: &[Value]) -> Result<bool, Refusal> {
        let wanted = self.config.registry.registered();
        let mut wrote = false;
        for one in &wanted {
            if !secrets.iter().any(|secret| text(secret, "/metadata/name") == secret_name(&one.cluster_id)) {
                self.kube.create(Kind::ClusterSecret, &secret(one)).await?;
                wrote = true;
            }
        }
        for secret in secrets {
            let name = text(secret, "/metadata/name");
            let is_ours = text(secret, "/metadata/annotations/managed-by") == "ackone-fleet";
            if is_ours && !is_ending(secret) && !wanted.iter().any(|one| secret_name(&one.cluster_id) == name) {
                self.kube.delete(Kind::ClusterSecret, secret).await?;
                wrote = true;
            }
        }
        Ok(wrote)
    }

    async fn reconcile_set(&self, set: &Value, seen: &Seen) -> Result<(), Refusal> {
        let projects: BTreeSet<String> =
            seen.projects.iter().map(|project| text(project, "/metadata/name").to_owned()).collect();
        let current: Vec<&Value> = seen.applications.iter().filter(|one| owner(one) == Some(uid(set))).collect();
        let (error, generated) = match generate(set, &seen.clusters, &projects) {
            Outcome::Failed(reason, message) => (Some((reason, message)), false),
            Outcome::Generated { valid, names, invalid } => {
                let mut error = invalid.map(|message| ("ApplicationValidationError", message));
                for wanted in &valid {
                    if let Err(refusal) = self.create_or_update(wanted, &seen.applications).await {
                        if refusal.code == 409 {
                            return Err(refusal);
                        }
                        error.get_or_insert(("UpdateApplicationError", refusal.message));
                    }
                }
                for extra in current.iter().filter(|one| !names.contains(text(one, "/metadata/name"))) {
                    self.remove(extra, seen).await?;
                }
                (error, true)
            }
        };
        let error = error.as_ref().map(|(reason, message)| (*reason, message.as_str()));
        self.tell(set, error, generated, &current).await
    }

    async fn create_or_update(&self, wanted: &Value, applications: &[Value]) -> Result<(), Refusal> {
        let name = text(wanted, "/metadata/name");
        let Some(live) = applications.iter().find(|one| text(one, "/metadata/name") == name) else {
            return self.kube.create(Kind::Application, wanted).await.map(drop);
        };
        if is_ending(live) {
            return Ok(());
        }
        if owner(live) != owner(wanted) {
            let message = format!("Object {NAMESPACE}/{name} is already owned by another ApplicationSet controller");
            return Err(Refusal { code: 0, message });
        }
        let mut next = live.clone();
        for pointer in ["/spec", "/metadata/labels", "/metadata/annotations", "/metadata/finalizers"] {
            put(&mut next, pointer, wanted.pointer(pointer).cloned());
        }
        if next == *live { Ok(()) } else { self.kube.replace(Kind::Application, &next).await.map(drop) }
    }

    /// Deletes an Application that its set asks for no more. One whose cluster is gone can clean up nothing there.
    async fn remove(&self, application: &Value, seen: &Seen) -> Result<(), Refusal> {
        if is_ending(application) {
            return Ok(());
        }
        let destination = application.pointer("/spec/destination").cloned().unwrap_or_default();
        let mut application = application.clone();
        if target(&destination, &seen.clusters).is_err()
            && finalizers(&application).iter().any(|one| one == RESOURCES_FINALIZER)
        {
            application = self.without_finalizer(&application).await?;
        }
        self.kube.delete(Kind::Application, &application).await
    }

    async fn without_finalizer(&self, application: &Value) -> Result<Value, Refusal> {
        let mut rest = finalizers(application);
        rest.retain(|one| one != RESOURCES_FINALIZER);
        let mut next = application.clone();
        put(&mut next, "/metadata/finalizers", (!rest.is_empty()).then(|| json!(rest)));
        self.kube.replace(Kind::Application, &next).await
    }

    /// Writes the status of a set, if it is another one.
    async fn tell(
        &self,
        set: &Value,
        error: Option<(&str, &str)>,
        generated: bool,
        current: &[&Value],
    ) -> Result<(), Refusal> {
        let before = set.pointer("/status/conditions").cloned().unwrap_or_default();
        let resources: Vec<Value> = current
            .iter()
            .map(|one| {
                json!({"group": "argoproj.io", "version": "v1alpha1", "kind": "Application", "namespace": NAMESPACE,
                    "name": text(one, "/metadata/name"),
                    "status": one.pointer("/status/sync/status").cloned().unwrap_or_else(|| json!("Unknown")),
                    "health": {"status": one.pointer("/status/health/status").cloned().unwrap_or_else(|| json!("Unknown"))}})
            })
            .collect();
        let status = json!({
            "conditions": conditions(&before, error, generated, &now_text()),
            "resources": resources, "resourcesCount": resources.len(),
        });
        if set.get("status") == Some(&status) {
            return Ok(());
        }
        let mut next = set.clone();
        put(&mut next, "/status", Some(status));
        self.kube.replace_status(&next).await.map(drop)
    }

    async fn reconcile_application(
        &mut self,
        application: &Value,
        seen: &Seen,
        troubles: &Troubles,
    ) -> Result<Option<Duration>, Refusal> {
        let now = Instant::now();
        let is_orphan = owner(application).is_some_and(|owner| !seen.sets.iter().any(|set| uid(set) == owner));
        if is_orphan && !is_ending(application) {
            self.kube.delete(Kind::Application, application).await?;
            return Ok(None);
        }
        let memory = self
            .memories
            .entry(uid(application).to_owned())
            .or_insert_with(|| Memory::new(application, now, &now_text()));
        memory.see(application, now, &now_text());
        if is_ending(application) {
            return self.end(application).await;
        }
        let destination = application.pointer("/spec/destination").cloned().unwrap_or_default();
        let cluster = target(&destination, &seen.clusters);
        let member = cluster.as_ref().ok().and_then(Cluster::member).unwrap_or_default().to_owned();
        let namespace = text(application, "/spec/destination/namespace");
        let members = &self.config.members;
        let around = Around {
            project: seen.projects.iter().find(|one| text(one, "/metadata/name") == text(application, "/spec/project")),
            has_namespace: members.has_namespace(&member, namespace),
            runs: memory.deployed.as_ref().is_some_and(|deployed| {
                let services = members.services(&deployed.cluster_id);
                let mut wanted = deployed.manifests.workloads.iter().filter(|one| one.kind == "Service");
                wanted.all(|one| services.contains_key(&(deployed.namespace.clone(), one.name.to_owned())))
            }),
            degraded: troubles.degraded.get(&member).or_else(|| troubles.degraded.get("")).map(String::as_str),
            cluster,
        };
        let Judged { status, deed, again } = judge(application, memory, &around, self.pace, now);
        if let Deed::Deploy { cluster_id, namespace, manifests } = deed {
            members.add_namespace(&cluster_id, &namespace);
            for one in manifests.workloads.iter().filter(|one| one.kind == "Service") {
                let ports = one.ports.iter().map(|port| (*port, vec![Backend::Greeter]));
                members.add_service(&cluster_id, &namespace, one.name, ports);
            }
            memory.deployed = Some(Deployed { cluster_id, namespace, manifests, at: now });
        }
        if let Some(status) = status
            && application.get("status") != Some(&status)
        {
            let mut next = application.clone();
            put(&mut next, "/status", Some(status));
            self.kube.replace(Kind::Application, &next).await?;
        }
        Ok(again)
    }

    /// Goes on with the end of an Application: first what it deployed, then itself.
    async fn end(&mut self, application: &Value) -> Result<Option<Duration>, Refusal> {
        if !finalizers(application).iter().any(|one| one == RESOURCES_FINALIZER) {
            return Ok(None);
        }
        let now = Instant::now();
        let Some(memory) = self.memories.get_mut(uid(application)) else { return Ok(None) };
        let due = *memory.ending.get_or_insert(now) + self.pace.removal;
        if now < due {
            return Ok(Some(due.saturating_duration_since(now)));
        }
        if let Some(deployed) = memory.deployed.take() {
            for one in deployed.manifests.workloads.iter().filter(|one| one.kind == "Service") {
                self.config.members.remove_service(&deployed.cluster_id, &deployed.namespace, one.name);
            }
        }
        self.without_finalizer(application).await?;
        Ok(None)
    }
}

fn secret_name(cluster_id: &str) -> String {
    format!("cluster-{cluster_id}")
}

/// The Secret by which Argo CD knows a member. It holds no credentials: nobody here uses any.
fn secret(member: &Registered) -> Value {
    let Registered { cluster_id, name } = member;
    let encode = |text: &str| STANDARD.encode(text);
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {
            "name": secret_name(cluster_id), "namespace": NAMESPACE,
            "labels": {"argocd.argoproj.io/secret-type": "cluster"},
            "annotations": {"cluster_id": cluster_id, "cluster_name": name, "managed-by": "ackone-fleet"},
        },
        "data": {
            "name": encode(&format!("{cluster_id}-{name}")),
            "server": encode(&format!("https://{cluster_id}.members.invalid:6443")),
            "config": encode("{}"),
        },
    })
}

fn cluster(secret: &Value) -> Cluster {
    let decoded = |field: &str| {
        let bytes = STANDARD.decode(text(secret, &format!("/data/{field}"))).unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    };
    let words = |field: &str| {
        let entries = secret.pointer(&format!("/metadata/{field}")).and_then(Value::as_object).into_iter().flatten();
        entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
    };
    Cluster {
        name: decoded("name"),
        server: decoded("server"),
        labels: words("labels"),
        annotations: words("annotations"),
    }
}

/// Sets or removes a field.
fn put(object: &mut Value, pointer: &str, value: Option<Value>) {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return };
    let Some(fields) = object.pointer_mut(parent).and_then(Value::as_object_mut) else { return };
    match value {
        Some(value) => {
            fields.insert(name.to_owned(), value);
        }
        None => {
            fields.remove(name);
        }
    }
}
