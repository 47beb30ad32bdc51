//! Real API servers for the tests to use instead of the sandbox's embedded one.
//!
//! `scripts/kube-apiserver run N cargo test …` starts them and names their kubeconfigs in `ACKONE_API_SERVERS`. A test has
//! one for itself for as long as its sandbox runs; what the test before has left there is cleared first, as a sandbox
//! begins with an empty Fleet. Only servers made for tests may be named there.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use serde_json::Value;

use crate::tools::run;
use crate::{AcceptanceError, wait_until};

/// The kubeconfigs of the servers, separated by colons.
pub const SERVERS: &str = "ACKONE_API_SERVERS";
/// How long a test waits for a server that others use.
const LEASE_LIMIT: Duration = Duration::from_secs(900);
/// How long it may take until everything of the test before is gone.
const CLEAR_LIMIT: Duration = Duration::from_secs(60);
/// What a new cluster has.
const OWN_NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];
/// The kinds that sandboxes define.
const DEFINED: [&str; 4] = [
    "albconfigs.alibabacloud.com",
    "applicationsets.argoproj.io",
    "applications.argoproj.io",
    "appprojects.argoproj.io",
];

/// A real server that nobody else uses as long as this value lives.
#[derive(Debug)]
pub struct Lease {
    kubeconfig: PathBuf,
    /// Holds the lock.
    _lock: File,
}

impl Lease {
    /// The server's kubeconfig, of a user who may do everything.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Where its store answers.
    ///
    /// # Errors
    /// If whoever started it has not written that down.
    pub fn store_url(&self) -> Result<String, AcceptanceError> {
        let text = std::fs::read_to_string(self.kubeconfig.with_file_name("etcd-url"))
            .map_err(AcceptanceError::io("read where the store is"))?;
        Ok(text.trim().to_owned())
    }

    fn kubectl(&self, arguments: &[&str]) -> Result<String, AcceptanceError> {
        let kubeconfig = self.kubeconfig.display().to_string();
        let folder = self.kubeconfig.parent().unwrap_or(Path::new("."));
        let cache = folder.join("kube-cache").display().to_string();
        let mut all = vec!["--kubeconfig", &kubeconfig, "--cache-dir", &cache];
        all.extend(arguments);
        let finished = run(Path::new("kubectl"), folder, &all)?;
        if finished.ok() {
            return Ok(finished.stdout);
        }
        Err(AcceptanceError::Control { call: format!("kubectl {}", arguments.join(" ")), reason: finished.stderr })
    }

    /// What stands there and is not the cluster's own: resource, namespace, name, and whether finalizers hold it.
    fn foreign(&self) -> Result<Vec<Foreign>, AcceptanceError> {
        let listed = |kinds: &str| -> Result<Vec<Value>, AcceptanceError> {
            let text = self.kubectl(&["get", kinds, "--all-namespaces", "--output", "json"])?;
            let list: Value = serde_json::from_str(&text)
                .map_err(|error| AcceptanceError::Control { call: kinds.to_owned(), reason: error.to_string() })?;
            Ok(list.get("items").and_then(Value::as_array).cloned().unwrap_or_default())
        };
        let mut objects = listed("ingresses,ingressclasses,secrets,configmaps,services,events,namespaces")?;
        let defined = self.defined()?;
        if !defined.is_empty() {
            objects.extend(listed(&defined.join(","))?);
        }
        Ok(objects.iter().filter_map(Foreign::of).collect())
    }

    /// The kinds that sandboxes define, as far as they are: before the first sandbox there are none.
    fn defined(&self) -> Result<Vec<&'static str>, AcceptanceError> {
        let definitions = self.kubectl(&["get", "customresourcedefinitions", "--output", "name"])?;
        Ok(DEFINED.into_iter().filter(|kind| definitions.contains(kind)).collect())
    }

    fn clear(&self) -> Result<(), AcceptanceError> {
        wait_until("a real API server without another test's objects", CLEAR_LIMIT, || {
            let left = self.foreign().map_err(|error| error.to_string())?;
            for object in &left {
                object.remove(self).map_err(|error| error.to_string())?;
                // What outlives its namespace cannot be written any more, and stays for good.
                let holds_something = left.iter().any(|other| other.namespace == object.name);
                if object.kind == "Namespace" && !holds_something {
                    object.finalize(self).map_err(|error| error.to_string())?;
                }
            }
            if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
        })
    }
}

/// An object that a test has left behind.
#[derive(Debug)]
struct Foreign {
    kind: String,
    namespace: String,
    name: String,
    held: bool,
    ending: bool,
}

impl Foreign {
    fn of(object: &Value) -> Option<Self> {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (kind, namespace, name) = (text("/kind"), text("/metadata/namespace"), text("/metadata/name"));
        let is_own = match kind.as_str() {
            "Namespace" => OWN_NAMESPACES.contains(&name.as_str()),
            "Service" => namespace == "default" && name == "kubernetes",
            _ => OWN_NAMESPACES.get(1..).is_some_and(|own| own.contains(&namespace.as_str())),
        };
        let held = object.pointer("/metadata/finalizers").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
        let ending = object.pointer("/metadata/deletionTimestamp").is_some();
        (!is_own).then_some(Self { kind, namespace, name, held, ending })
    }

    fn remove(&self, server: &Lease) -> Result<(), AcceptanceError> {
        let scope: &[&str] = if self.namespace.is_empty() { &[] } else { &["--namespace", &self.namespace] };
        if self.held {
            let mut arguments = vec!["patch", &self.kind, &self.name, "--type=merge"];
            arguments.extend(["--patch", r#"{"metadata":{"finalizers":null}}"#]);
            arguments.extend(scope);
            gone_is_fine(server.kubectl(&arguments))?;
        }
        if !self.ending {
            let mut arguments = vec!["delete", &self.kind, &self.name, "--ignore-not-found", "--wait=false"];
            arguments.extend(scope);
            server.kubectl(&arguments)?;
        }
        Ok(())
    }

    /// Its objects are being removed one by one, so there is no need to wait for the controller's turn.
    fn finalize(&self, server: &Lease) -> Result<(), AcceptanceError> {
        let folder = tempfile::tempdir().map_err(AcceptanceError::io("make a folder"))?;
        let file = folder.path().join("namespace.json");
        let body = serde_json::json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name}, "spec": {"finalizers": []},
        });
        std::fs::write(&file, body.to_string()).map_err(AcceptanceError::io("write a namespace"))?;
        let path = format!("/api/v1/namespaces/{}/finalize", self.name);
        gone_is_fine(server.kubectl(&["replace", "--raw", &path, "--filename", &file.display().to_string()]))
    }
}

fn gone_is_fine(outcome: Result<String, AcceptanceError>) -> Result<(), AcceptanceError> {
    match outcome {
        Err(AcceptanceError::Control { reason, .. }) if reason.contains("NotFound") || reason.contains("not found") => {
            Ok(())
        }
        other => other.map(drop),
    }
}

/// Takes a real server that is free, waiting for one if need be; nothing where the embedded one is to be used.
///
/// # Errors
/// If none gets free or another test's objects do not go away.
pub fn lease() -> Result<Option<Lease>, AcceptanceError> {
    let Some(named) = std::env::var_os(SERVERS) else { return Ok(None) };
    let servers: Vec<PathBuf> = std::env::split_paths(&named).filter(|path| !path.as_os_str().is_empty()).collect();
    if servers.is_empty() {
        return Ok(None);
    }
    let lease = wait_until("a real API server that is free", LEASE_LIMIT, || {
        for kubeconfig in &servers {
            let lock = File::options()
                .create(true)
                .append(true)
                .open(kubeconfig.with_extension("lock"))
                .map_err(|error| format!("{}: {error}", kubeconfig.display()))?;
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
                return Ok(Lease { kubeconfig: kubeconfig.clone(), _lock: lock });
            }
        }
        Err(format!("all {} are in use", servers.len()))
    })?;
    lease.clear()?;
    Ok(Some(lease))
}

/// The version a real server names, such as `v1.36.3`.
///
/// # Errors
/// If kubectl cannot ask it.
pub fn version(kubeconfig: &Path) -> Result<String, AcceptanceError> {
    let output = Command::new("kubectl")
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(["get", "--raw", "/version"])
        .stdin(Stdio::null())
        .output()
        .map_err(AcceptanceError::io("run kubectl"))?;
    let answer: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| AcceptanceError::Control { call: "/version".to_owned(), reason: error.to_string() })?;
    Ok(answer.get("gitVersion").and_then(Value::as_str).unwrap_or_default().to_owned())
}
