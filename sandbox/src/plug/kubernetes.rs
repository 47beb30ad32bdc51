//! The Fleet's API server as the shell sees it: who gets a kubeconfig, what exists, what is kept, what can be disturbed.
//!
//! It is the embedded one, or a real one behind the sandbox's door; only what exists in it is found out in two ways.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::apiserver::clock::Clock;
use crate::apiserver::gate::Watched as _;
use crate::apiserver::{ApiServer, AuthorityPem, Denial, Entrance, Relay};
use crate::cloud::{IssueError, KubeconfigIssuer, KubeconfigRequest};
use crate::parts::{Inventory, KubernetesControl, KubernetesDenial, Part};
use crate::running::StartError;
use crate::state_file;

/// Its key in the inventory and in the state file.
pub(super) const NAME: &str = "kubernetes";
/// How long an issued kubeconfig is valid; the real time is not public.
pub(super) const VALIDITY: Duration = Duration::from_secs(3 * 24 * 3600);
/// The user of the kubeconfig for people.
const ADMIN: &str = "sandbox-admin";
const ADMIN_GROUPS: [&str; 1] = ["system:masters"];

/// The names that exist by resource, such as `networking.k8s.io/ingresses`.
type Names = BTreeMap<String, BTreeSet<String>>;

/// Which server it is.
#[derive(Debug)]
pub(super) enum Server {
    /// The embedded one.
    Embedded(Arc<ApiServer>),
    /// A real one.
    Real(Arc<Relay>),
}

impl Server {
    fn entrance(&self) -> &Entrance {
        match self {
            Self::Embedded(server) => server.entrance(),
            Self::Real(relay) => relay.entrance(),
        }
    }

    async fn names(&self) -> Names {
        match self {
            Self::Embedded(server) => names(&server.snapshot()),
            Self::Real(relay) => real_names(relay.client()).await,
        }
    }
}

/// The API server and what the sandbox keeps about it.
pub(super) struct Kubernetes {
    server: Server,
    clock: Clock,
    fleet_id: String,
    initial: Names,
    validity: Mutex<Duration>,
    /// Where the kubeconfig for people lies; it is written anew when credentials are revoked.
    file: Option<PathBuf>,
    changes: Option<watch::Receiver<u64>>,
}

impl std::fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kubernetes").field("server", &self.server).finish_non_exhaustive()
    }
}

/// The parts of a saved state; the authority's key is as secret as the file it lies in.
pub(super) fn saved_authority(saved: &Value) -> Option<AuthorityPem> {
    let text = |field: &str| saved.pointer(&format!("/authority/{field}")).and_then(Value::as_str).map(str::to_owned);
    Some(AuthorityPem { certificate: text("certificate")?, key: text("key")? })
}

impl Kubernetes {
    /// Takes up a server that has just started; what it holds now is what it begins with.
    pub(super) async fn new(server: Server, clock: Clock, fleet_id: String, file: Option<PathBuf>) -> Self {
        let initial = server.names().await;
        let changes = match &server {
            Server::Embedded(server) => Some(server.changes()),
            Server::Real(_) => None,
        };
        Self { server, clock, fleet_id, initial, validity: Mutex::new(VALIDITY), file, changes }
    }

    /// Puts back what a state file kept.
    pub(super) fn restore(&self, saved: &Value) -> std::io::Result<()> {
        match (&self.server, saved.get("store")) {
            (Server::Embedded(server), Some(store)) => server.restore(store),
            _ => Ok(()),
        }
    }

    /// Writes the kubeconfig for people, if there is a place for it.
    pub(super) fn write_file(&self) -> Result<(), StartError> {
        let Some(path) = &self.file else { return Ok(()) };
        let unmade = |source| StartError::Start { what: "the kubeconfig for kubectl", source };
        let text = self.server.entrance().kubeconfig(ADMIN, &ADMIN_GROUPS).map_err(unmade)?;
        Ok(state_file::write_private(path, text.as_bytes())?)
    }
}

/// All names but those of Events, which come and go by themselves.
fn names(snapshot: &Value) -> Names {
    let mut all = Names::new();
    for (resource, objects) in snapshot.get("objects").and_then(Value::as_object).into_iter().flatten() {
        let resource = resource.trim_start_matches('/');
        if resource == "events" || resource == "events.k8s.io/events" {
            continue;
        }
        let meta = |object: &Value, field: &str| {
            object.pointer(&format!("/metadata/{field}")).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let names: BTreeSet<String> = objects
            .as_array()
            .into_iter()
            .flatten()
            .map(|object| match meta(object, "namespace") {
                namespace if namespace.is_empty() => meta(object, "name"),
                namespace => format!("{namespace}/{}", meta(object, "name")),
            })
            .collect();
        all.insert(resource.to_owned(), names);
    }
    all
}

/// The kinds that tests and people make on a real server, where a list of everything would be mostly its own.
const REAL_KINDS: [(&str, &str, &str, &str); 10] = [
    ("", "v1", "Namespace", "namespaces"),
    ("", "v1", "ConfigMap", "configmaps"),
    ("", "v1", "Secret", "secrets"),
    ("", "v1", "Service", "services"),
    ("", "v1", "ServiceAccount", "serviceaccounts"),
    ("networking.k8s.io", "v1", "Ingress", "ingresses"),
    ("networking.k8s.io", "v1", "IngressClass", "ingressclasses"),
    ("alibabacloud.com", "v1", "AlbConfig", "albconfigs"),
    ("argoproj.io", "v1alpha1", "ApplicationSet", "applicationsets"),
    ("argoproj.io", "v1alpha1", "Application", "applications"),
];

/// Whether an object is how the Fleet tells its Argo CD of a member: it comes and goes with the association.
fn is_members_record(resource: &str, name: &str) -> bool {
    resource == "secrets" && name.starts_with(&format!("{}/cluster-", crate::argocd::NAMESPACE))
}

async fn real_names(client: &Client) -> Names {
    let mut all = Names::new();
    for (group, version, kind, plural) in REAL_KINDS {
        let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        let objects = match api.list_metadata(&ListParams::default()).await {
            Ok(list) => list.items,
            Err(error) => {
                tracing::warn!(%error, plural, "not listed");
                continue;
            }
        };
        let names = objects.into_iter().map(|object| {
            let name = object.metadata.name.unwrap_or_default();
            object.metadata.namespace.map_or_else(|| name.clone(), |namespace| format!("{namespace}/{name}"))
        });
        let key = if group.is_empty() { plural.to_owned() } else { format!("{group}/{plural}") };
        all.insert(key, names.collect());
    }
    all
}

impl Part for Kubernetes {
    fn name(&self) -> &'static str {
        NAME
    }

    fn inventory(&self) -> Inventory<'_> {
        Box::pin(async {
            let nothing = BTreeSet::new();
            let added: BTreeMap<String, Vec<String>> = self
                .server
                .names()
                .await
                .into_iter()
                .map(|(resource, names)| {
                    let known = self.initial.get(&resource).unwrap_or(&nothing);
                    let added = names.difference(known).filter(|name| !is_members_record(&resource, name));
                    let added: Vec<String> = added.cloned().collect();
                    (resource, added)
                })
                .filter(|(_, names)| !names.is_empty())
                .collect();
            json!(added)
        })
    }

    fn snapshot(&self) -> Option<Value> {
        let authority = self.server.entrance().authority();
        let mut kept = json!({"authority": {"certificate": authority.certificate, "key": authority.key}});
        if let (Server::Embedded(server), Some(kept)) = (&self.server, kept.as_object_mut()) {
            kept.insert("store".to_owned(), server.snapshot());
        }
        Some(kept)
    }

    fn changes(&self) -> Option<watch::Receiver<u64>> {
        self.changes.clone()
    }
}

impl KubernetesControl for Kubernetes {
    fn drop_watches(&self) -> usize {
        match &self.server {
            Server::Embedded(server) => server.drop_watches(),
            Server::Real(relay) => relay.drop_watches(),
        }
    }

    fn compact(&self) -> bool {
        match &self.server {
            Server::Embedded(server) => server.compact_history(),
            Server::Real(_) => return false,
        }
        true
    }

    fn revoke_credentials(&self) {
        self.server.entrance().revoke_issued_before((self.clock)());
        // People at the sandbox are no part of the experiment.
        if let Err(error) = self.write_file() {
            tracing::error!(%error, "kubeconfig not written anew");
        }
    }

    fn set_validity(&self, validity: Duration) {
        *self.validity.lock().unwrap_or_else(PoisonError::into_inner) = validity;
    }

    fn set_denials(&self, denials: Vec<KubernetesDenial>) {
        let any = || "*".to_owned();
        let denial = |wish: KubernetesDenial| Denial {
            user: wish.user.unwrap_or_else(any),
            verb: wish.verb.unwrap_or_else(any),
            resource: wish.resource.unwrap_or_else(any),
        };
        self.server.entrance().set_denials(denials.into_iter().map(denial).collect());
    }
}

impl KubeconfigIssuer for Kubernetes {
    fn issue(&self, request: &KubeconfigRequest) -> Result<String, IssueError> {
        if request.fleet_id != self.fleet_id {
            return Err(IssueError::NotServed(request.fleet_id.clone()));
        }
        let failed = |error: &dyn std::fmt::Display| IssueError::Failed(error.to_string());
        let validity = *self.validity.lock().unwrap_or_else(PoisonError::into_inner);
        let validity = SignedDuration::try_from(validity).map_err(|error| failed(&error))?;
        let until: Timestamp = (self.clock)().checked_add(validity).map_err(|error| failed(&error))?;
        let groups: Vec<&str> = request.groups.iter().map(String::as_str).collect();
        // Private and public address are the same loopback here.
        self.server.entrance().kubeconfig_until(&request.user, &groups, until).map_err(|error| failed(&error))
    }
}
