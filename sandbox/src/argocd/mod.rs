//! The simulated Argo CD of a Fleet: its definitions, its record of the members, and its two controllers.
//!
//! The sandbox starts one beside any Fleet API server, its own or a real one, and it behaves as a client of it. A pass
//! looks at everything that Argo CD looks at (cluster Secrets, AppProjects, ApplicationSets, Applications) and writes what
//! differs from what should be; watches and the members only say when the next pass is due. Decisions are pure: `generate`
//! makes Applications of a set, with `template` as a small part of Go's template language; `compare` judges an Application
//! against `git`, the one git host there is, and against what its member runs. `kube_io` is the only part that knows a
//! socket. It must never share code with the provider under test.
//!
//! Facts: Argo CD's public documentation (cluster generator, Go templates, sync options) and its public source for texts
//! of conditions. A real cluster's garbage collector removes Applications whose set is gone; here this part does, since a
//! bare API server has none.

mod compare;
mod definitions;
mod generate;
mod git;
mod kube_io;
mod pass;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use self::definitions::definitions;
use self::kube_io::Kube;
use self::pass::Runner;
use crate::members::Members;

/// The namespace of Argo CD, and of all its objects.
pub const NAMESPACE: &str = "argocd";

/// A member cluster as the Fleet knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Registered {
    /// Its id.
    pub cluster_id: String,
    /// Its name.
    pub name: String,
}

/// Which members are registered with Argo CD: those that are attached to the Fleet.
pub trait Registry: Send + Sync + 'static {
    /// All of them.
    fn registered(&self) -> Vec<Registered>;

    /// Changes whenever the answer may have.
    fn changed(&self) -> watch::Receiver<u64>;
}

/// How an Argo CD runs.
pub struct ArgoCdConfig {
    /// A client of the Fleet's API server.
    pub client: kube::Client,
    /// Multiplies every pause; 1 is near life.
    pub scale: f64,
    /// The members of the Fleet.
    pub registry: Arc<dyn Registry>,
    /// What the members run.
    pub members: Arc<Members>,
}

impl std::fmt::Debug for ArgoCdConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ArgoCdConfig").field("scale", &self.scale).finish_non_exhaustive()
    }
}

/// What is asked of it instead of its work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Troubles {
    paused: bool,
    /// Members whose workloads do not become healthy, with what their Pods say; the empty id stands for all.
    degraded: BTreeMap<String, String>,
}

/// The switches of a running Argo CD.
#[derive(Clone, Debug)]
pub struct ArgoCdSwitches {
    troubles: Arc<Mutex<Troubles>>,
    changed: watch::Sender<u64>,
}

impl ArgoCdSwitches {
    fn new() -> Self {
        Self { troubles: Arc::default(), changed: watch::Sender::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, Troubles> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, change: impl FnOnce(&mut Troubles)) {
        change(&mut self.lock());
        self.changed.send_modify(|revision| *revision += 1);
    }

    /// Stops both controllers.
    pub fn pause(&self) {
        self.set(|troubles| troubles.paused = true);
    }

    /// Lets them go on, and every workload become healthy.
    pub fn resume(&self) {
        self.set(|troubles| *troubles = Troubles::default());
    }

    /// Keeps the workloads of a member, or of all without one, from becoming healthy.
    pub fn degrade(&self, cluster_id: Option<&str>, message: &str) {
        let id = cluster_id.unwrap_or_default().to_owned();
        self.set(|troubles| {
            troubles.degraded.insert(id, message.to_owned());
        });
    }

    fn troubles(&self) -> Troubles {
        self.lock().clone()
    }
}

/// A running Argo CD. Dropping it stops it.
#[derive(Debug)]
pub struct ArgoCd {
    switches: ArgoCdSwitches,
    worker: JoinHandle<()>,
}

/// What a Fleet's API server holds before any member is associated: the definitions, the namespace, the AppProject
/// `default`. What is there already stays.
///
/// # Errors
/// What the API server says when one of them cannot be made.
pub async fn prepare(client: &kube::Client) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    Kube::new(client.clone()).prepare().await.map_err(|refusal| refusal.message.into())
}

impl ArgoCd {
    /// Starts one on the current runtime, on an API server that was prepared.
    pub fn spawn(config: ArgoCdConfig) -> Self {
        let switches = ArgoCdSwitches::new();
        let runner = Runner::new(config, switches.clone());
        Self { worker: tokio::spawn(runner.run()), switches }
    }

    /// What can be made to go wrong.
    #[must_use]
    pub fn switches(&self) -> ArgoCdSwitches {
        self.switches.clone()
    }

    /// Stops it, so that it writes nothing any more.
    pub async fn shutdown(mut self) {
        self.worker.abort();
        if let Err(error) = (&mut self.worker).await
            && !error.is_cancelled()
        {
            tracing::warn!(%error, "Argo CD ended badly");
        }
    }
}

impl Drop for ArgoCd {
    fn drop(&mut self) {
        self.worker.abort();
    }
}

/// A time of life, scaled.
fn scaled(seconds: f64, scale: f64) -> Duration {
    Duration::try_from_secs_f64(seconds * scale).unwrap_or(Duration::ZERO)
}
