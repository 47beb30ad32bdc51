//! The embedded API server as the shell sees it: who gets a kubeconfig, what exists, what is kept, what can be disturbed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::apiserver::clock::Clock;
use crate::apiserver::{ApiServer, AuthorityPem, Denial};
use crate::cloud::{IssueError, KubeconfigIssuer, KubeconfigRequest};
use crate::parts::{KubernetesControl, KubernetesDenial, Part};
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

/// The embedded API server and what the sandbox keeps about it.
pub(super) struct Kubernetes {
    server: Arc<ApiServer>,
    clock: Clock,
    fleet_id: String,
    initial: Names,
    validity: Mutex<Duration>,
    /// Where the kubeconfig for people lies; it is written anew when credentials are revoked.
    file: Option<PathBuf>,
    changes: watch::Receiver<u64>,
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
    pub(super) fn new(server: Arc<ApiServer>, clock: Clock, fleet_id: String, file: Option<PathBuf>) -> Self {
        let initial = names(&server.snapshot());
        let changes = server.changes();
        Self { server, clock, fleet_id, initial, validity: Mutex::new(VALIDITY), file, changes }
    }

    /// Puts back what a state file kept.
    pub(super) fn restore(&self, saved: &Value) -> std::io::Result<()> {
        match saved.get("store") {
            Some(store) => self.server.restore(store),
            None => Ok(()),
        }
    }

    /// Writes the kubeconfig for people, if there is a place for it.
    pub(super) fn write_file(&self) -> Result<(), StartError> {
        let Some(path) = &self.file else { return Ok(()) };
        let unmade = |source| StartError::Start { what: "the kubeconfig for kubectl", source };
        let text = self.server.kubeconfig(ADMIN, &ADMIN_GROUPS).map_err(unmade)?;
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

impl Part for Kubernetes {
    fn name(&self) -> &'static str {
        NAME
    }

    fn inventory(&self) -> Value {
        let nothing = BTreeSet::new();
        let added: BTreeMap<String, Vec<String>> = names(&self.server.snapshot())
            .into_iter()
            .map(|(resource, names)| {
                let known = self.initial.get(&resource).unwrap_or(&nothing);
                let added = names.difference(known).cloned().collect();
                (resource, added)
            })
            .filter(|(_, names): &(String, Vec<String>)| !names.is_empty())
            .collect();
        json!(added)
    }

    fn snapshot(&self) -> Option<Value> {
        let authority = self.server.authority();
        Some(json!({
            "store": self.server.snapshot(),
            "authority": {"certificate": authority.certificate, "key": authority.key},
        }))
    }

    fn changes(&self) -> Option<watch::Receiver<u64>> {
        Some(self.changes.clone())
    }
}

impl KubernetesControl for Kubernetes {
    fn drop_watches(&self) -> usize {
        self.server.drop_watches()
    }

    fn compact(&self) {
        self.server.compact_history();
    }

    fn revoke_credentials(&self) {
        self.server.revoke_issued_before((self.clock)());
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
        self.server.set_denials(denials.into_iter().map(denial).collect());
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
        self.server.kubeconfig_until(&request.user, &groups, until).map_err(|error| failed(&error))
    }
}
