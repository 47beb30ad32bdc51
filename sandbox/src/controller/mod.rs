//! The simulated ALB Ingress controller of a Fleet.
//!
//! The sandbox starts one beside any Fleet API server, its own or a real one, and it behaves as a client of it: lists,
//! watches and writes as field manager `load-balancer-controller`. What it builds goes to [`AlbCloud`], which the data
//! plane serves. Two generations: the hosted one a Fleet runs, and the open-source one as it was seen to behave,
//! including its silence and its misleading successes. Decisions (`cache`, `build`, `annotations`, `albconfig`,
//! `events`) are pure; `pass` and `runtime` order them in time; `kube_io` is the only part that knows a socket. It
//! must never share code with the provider under test.

mod albconfig;
mod annotations;
mod apply;
mod build;
mod cache;
mod custom;
mod events;
mod faults;
mod kube_io;
mod objects;
mod pass;
mod rules;
mod runtime;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use self::apply::Pace;
use self::cache::Cache;
pub use self::faults::ControllerFaults;
use self::kube_io::KubeFleet;
use self::pass::{FleetApi, Shared};
use self::runtime::{Observed, Runtime};
use crate::alb::AlbCloud;
use crate::members::{FleetMembers, ServiceRegistry};

/// Which controller is simulated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Generation {
    /// What a Fleet runs: listeners must be declared, types are judged with an Event.
    #[default]
    Hosted,
    /// `alibaba-load-balancer-controller`: adds listeners, rewrites whole specs, goes blind on wrong types.
    OpenSource,
}

/// The vSwitches of the Fleet's network.
pub trait VSwitches: Send + Sync + 'static {
    /// The zone of a vSwitch; `None` for one that is not in the network.
    fn zone(&self, vswitch_id: &str) -> Option<String>;
}

/// A network that has every vSwitch one could name, each in a zone of its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnyVSwitch;

impl VSwitches for AnyVSwitch {
    fn zone(&self, vswitch_id: &str) -> Option<String> {
        (!vswitch_id.is_empty()).then(|| format!("zone-of-{vswitch_id}"))
    }
}

/// How a controller runs.
pub struct ControllerConfig {
    /// A client of the Fleet's API server.
    pub client: kube::Client,
    /// Which controller it is.
    pub generation: Generation,
    /// Multiplies every pause and back-off; 1 is what was observed.
    pub scale: f64,
    /// The Fleet's id, part of tags and certificate names.
    pub cluster_id: String,
    /// The host name of every gateway. An Ingress status takes no IP address here.
    pub hostname: String,
    /// The network gateways are made in.
    pub vswitches: Arc<dyn VSwitches>,
}

impl ControllerConfig {
    /// The hosted generation at full length, with gateways on `localhost` and any vSwitch.
    pub fn new(client: kube::Client, cluster_id: impl Into<String>) -> Self {
        Self {
            client,
            generation: Generation::default(),
            scale: 1.0,
            cluster_id: cluster_id.into(),
            hostname: "localhost".to_owned(),
            vswitches: Arc::new(AnyVSwitch),
        }
    }
}

impl std::fmt::Debug for ControllerConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ControllerConfig")
            .field("generation", &self.generation)
            .field("scale", &self.scale)
            .field("cluster_id", &self.cluster_id)
            .field("hostname", &self.hostname)
            .finish_non_exhaustive()
    }
}

/// The controller. Start it with [`Controller::spawn`].
#[derive(Debug, Clone, Copy)]
pub struct Controller;

impl Controller {
    /// Starts a controller on the current runtime. It registers the AlbConfig definition if the API server has none.
    pub fn spawn(
        config: ControllerConfig,
        cloud: Arc<AlbCloud>,
        fleet: Arc<dyn FleetMembers>,
        services: Arc<dyn ServiceRegistry>,
    ) -> ControllerHandle {
        let ControllerConfig { client, generation, scale, cluster_id, hostname, vswitches } = config;
        let api = Arc::new(KubeFleet::new(client));
        let shared = shared(SharedParts {
            generation,
            scale,
            cluster_id,
            hostname,
            cloud,
            fleet,
            services,
            vswitches,
            api: Arc::clone(&api) as Arc<dyn FleetApi>,
        });
        let (sender, observed) = mpsc::unbounded_channel();
        let handle = start(shared, observed);
        let mut stopped = handle.stop.subscribe();
        let reader = tokio::spawn(async move {
            tokio::select! {
                () = api.observe(sender) => {}
                // An error means the handle is gone, which stops the controller as well.
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        });
        ControllerHandle { reader: Some(reader), ..handle }
    }
}

struct SharedParts {
    generation: Generation,
    scale: f64,
    cluster_id: String,
    hostname: String,
    cloud: Arc<AlbCloud>,
    fleet: Arc<dyn FleetMembers>,
    services: Arc<dyn ServiceRegistry>,
    vswitches: Arc<dyn VSwitches>,
    api: Arc<dyn FleetApi>,
}

fn shared(parts: SharedParts) -> Arc<Shared> {
    Arc::new(Shared {
        generation: parts.generation,
        cluster_id: parts.cluster_id,
        hostname: parts.hostname,
        pace: Pace(parts.scale),
        cache: Mutex::new(Cache::new(parts.generation)),
        faults: Arc::new(ControllerFaults::new(Arc::clone(&parts.cloud))),
        cloud: parts.cloud,
        fleet: parts.fleet,
        services: parts.services,
        vswitches: parts.vswitches,
        api: parts.api,
        recorder: Mutex::default(),
    })
}

fn start(shared: Arc<Shared>, observed: mpsc::UnboundedReceiver<Observed>) -> ControllerHandle {
    let stop = watch::Sender::new(false);
    let faults = Arc::clone(&shared.faults);
    let worker = tokio::spawn(Runtime::new(shared).run(observed, stop.subscribe()));
    ControllerHandle { faults, stop, worker, reader: None }
}

/// A running controller. Dropping it stops the controller.
#[derive(Debug)]
pub struct ControllerHandle {
    faults: Arc<ControllerFaults>,
    stop: watch::Sender<bool>,
    worker: JoinHandle<()>,
    reader: Option<JoinHandle<()>>,
}

impl ControllerHandle {
    /// What can be made to go wrong.
    #[must_use]
    pub fn faults(&self) -> Arc<ControllerFaults> {
        Arc::clone(&self.faults)
    }

    /// Stops it and waits until nothing of it runs any more. A pass under way is cut off, as by a crash.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        for task in [Some(self.worker), self.reader].into_iter().flatten() {
            if let Err(error) = task.await {
                tracing::warn!(%error, "controller task ended badly");
            }
        }
    }
}
