//! The sandbox put together: everything started in order, stopped in order, saved in between.
//!
//! `main` and in-process tests start it; the parts know each other only through what is handed to them here.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};

use crate::call_log::CallLog;
use crate::cloud::{Cloud, CloudServer, KubeconfigIssuer, LoadBalancers};
use crate::control::{Control, ControlServer};
use crate::faults::FaultInjector;
use crate::parts::{ControllerControl, Gateways, GitOpsControl, KubernetesControl, MemberServices, Part};
use crate::ready::Ready;
use crate::settings::RunArgs;
use crate::state_file::{self, FileError, Saved};
use crate::world::{Clock, State, World};

/// How long changes are gathered before the state file is written.
const SAVE_DELAY: Duration = Duration::from_millis(200);
/// How often a parent process is looked for.
const PARENT_INTERVAL: Duration = Duration::from_millis(250);

/// Why the sandbox could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A port could not be had.
    #[error("{what}: cannot listen on {address}: {source}{hint}")]
    Bind {
        /// For what.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
        /// What to do.
        hint: &'static str,
    },
    /// A server could not be started.
    #[error("{what} could not be started: {source}")]
    Start {
        /// Which.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The state file does not fit.
    #[error("the state file does not fit this sandbox: {0}")]
    State(serde_json::Error),
}

/// What the Fleet's side of the sandbox hands to the shell.
#[derive(Clone, Debug, Default)]
pub struct FleetSide {
    /// Who writes kubeconfigs.
    pub issuer: Option<Arc<dyn KubeconfigIssuer>>,
    /// The load balancers the controller has made.
    pub balancers: Option<Arc<dyn LoadBalancers>>,
    /// Parts with an inventory and a state.
    pub parts: Vec<Arc<dyn Part>>,
    /// The embedded API server's switches.
    pub kubernetes: Option<Arc<dyn KubernetesControl>>,
    /// The controller's switches.
    pub controller: Option<Arc<dyn ControllerControl>>,
    /// Argo CD's switches.
    pub gitops: Option<Arc<dyn GitOpsControl>>,
    /// What the members run.
    pub members: Option<Arc<dyn MemberServices>>,
    /// The gateways that can be reached.
    pub gateways: Option<Arc<dyn Gateways>>,
    /// A kubeconfig for people, if one was written.
    pub kubeconfig: Option<PathBuf>,
    /// Where listener ports of the first gateway are reached.
    pub gateway_ports: BTreeMap<String, u16>,
}

/// What all parts share, before any of them runs.
#[derive(Debug)]
pub struct Foundation {
    /// The cloud.
    pub world: Arc<World>,
    /// The fault rules.
    pub faults: Arc<FaultInjector>,
    /// The call log.
    pub log: Arc<CallLog>,
    /// The other parts' saved states by name.
    pub saved: BTreeMap<String, serde_json::Value>,
}

impl Foundation {
    /// Reads the state file, if there is one, and builds the world.
    ///
    /// # Errors
    /// When the state file cannot be used.
    pub fn lay(settings: &RunArgs, clock: Clock) -> Result<Self, StartError> {
        let saved = settings.state_file.as_deref().map(state_file::load).transpose()?.flatten();
        let (state, saved) = match saved {
            Some(saved) => {
                let mut state: State = serde_json::from_value(saved.world).map_err(StartError::State)?;
                // Objects come from the file; how the cloud behaves is each run's own choice.
                state.behaviour.time_scale = settings.time_scale;
                state.behaviour.detach_leaves = settings.detach_leaves;
                state.behaviour.empty_lists = settings.empty_lists;
                (state, saved.parts)
            }
            None => (settings.world().build(clock.now()), BTreeMap::new()),
        };
        let faults = FaultInjector::new();
        for rule in &settings.faults {
            faults.add(rule.clone());
        }
        Ok(Self { world: World::new(state, clock), faults: Arc::new(faults), log: Arc::new(CallLog::new()), saved })
    }
}

/// A running sandbox.
#[derive(Debug)]
pub struct Sandbox {
    world: Arc<World>,
    faults: Arc<FaultInjector>,
    log: Arc<CallLog>,
    ready: Ready,
    cloud: CloudServer,
    control: ControlServer,
    shutdown: watch::Receiver<bool>,
    tasks: Vec<JoinHandle<()>>,
    saver: Saver,
    ready_file: Option<PathBuf>,
}

impl Sandbox {
    /// Starts the cloud side on a foundation, with whatever of the Fleet's side runs.
    ///
    /// # Errors
    /// When a port or a file cannot be had.
    pub async fn start(settings: &RunArgs, foundation: Foundation, fleet: FleetSide) -> Result<Self, StartError> {
        let Foundation { world, faults, log, saved: _ } = foundation;
        let cloud_listener = bind("cloud APIs", settings.cloud_port).await?;
        let control_listener = bind("control endpoint", settings.control_port).await?;
        let cloud =
            Cloud::new(Arc::clone(&world), Arc::clone(&faults), Arc::clone(&log), fleet.issuer, fleet.balancers);
        let cloud = CloudServer::start(cloud_listener, Arc::new(cloud))
            .map_err(|source| StartError::Start { what: "cloud APIs", source })?;
        let (stop, shutdown) = watch::channel(false);
        let control = Control {
            world: Arc::clone(&world),
            faults: Arc::clone(&faults),
            log: Arc::clone(&log),
            parts: fleet.parts.clone(),
            kubernetes: fleet.kubernetes,
            gateways: fleet.gateways,
            controller: fleet.controller,
            gitops: fleet.gitops,
            members: fleet.members,
            shutdown: stop,
        };
        let control = ControlServer::start(control_listener, Arc::new(control))
            .map_err(|source| StartError::Start { what: "control endpoint", source })?;
        let mut ready = world.read(|state, _| {
            Ready::new(state, &format!("http://{}", cloud.address()), &format!("http://{}", control.address()))
        });
        ready.kubeconfig = fleet.kubeconfig.as_ref().map(|path| path.display().to_string());
        ready.gateway_ports = fleet.gateway_ports;
        let saver = Saver {
            path: settings.state_file.clone(),
            world: Arc::clone(&world),
            parts: fleet.parts,
            turn: Arc::new(Mutex::new(())),
        };
        saver.save()?;
        let tasks = vec![tokio::spawn(Arc::clone(&world).run()), tokio::spawn(saver.clone().run())];
        if let Some(path) = &settings.ready_file {
            let text = serde_json::to_vec_pretty(&ready).map_err(StartError::State)?;
            state_file::write_private(path, &text)?;
        }
        let ready_file = settings.ready_file.clone();
        Ok(Self { world, faults, log, ready, cloud, control, shutdown, tasks, saver, ready_file })
    }

    /// Addresses, ids and the access key.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// The cloud's state.
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// The fault rules.
    pub fn faults(&self) -> &Arc<FaultInjector> {
        &self.faults
    }

    /// The call log.
    pub fn log(&self) -> &Arc<CallLog> {
        &self.log
    }

    /// Returns when somebody asked the control endpoint to end the sandbox.
    pub async fn shutdown_requested(&self) {
        let mut shutdown = self.shutdown.clone();
        if shutdown.wait_for(|stop| *stop).await.is_err() {
            tracing::debug!("control endpoint is gone");
        }
    }

    /// Stops serving, saves the state a last time and removes the ready file, which promises a running sandbox.
    ///
    /// # Errors
    /// When the state file cannot be written.
    pub async fn stop(self) -> Result<(), StartError> {
        self.cloud.stop().await;
        drop(self.control);
        for task in &self.tasks {
            task.abort();
        }
        if let Some(path) = &self.ready_file
            && let Err(error) = std::fs::remove_file(path)
        {
            tracing::debug!(%error, "ready file not removed");
        }
        Ok(self.saver.save()?)
    }
}

/// Binds a loopback port.
///
/// # Errors
/// When it is taken or not allowed; the error says which flag to change.
pub async fn bind(what: &'static str, port: u16) -> Result<TcpListener, StartError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(address).await.map_err(|source| {
        let hint = match source.kind() {
            io::ErrorKind::AddrInUse => {
                "\nAnother process, perhaps another sandbox, listens there. Choose another port, or 0 for any free one."
            }
            io::ErrorKind::PermissionDenied => {
                "\nPorts below 1024 need a privilege. Choose a higher port, or 0 for any free one."
            }
            _ => "",
        };
        StartError::Bind { what, address, source, hint }
    })
}

/// Returns when the process of that id has ended.
pub async fn parent_ended(pid: Option<i32>) {
    let Some(parent) = pid.and_then(rustix::process::Pid::from_raw) else {
        return std::future::pending().await;
    };
    let mut ticks = tokio::time::interval(PARENT_INTERVAL);
    loop {
        ticks.tick().await;
        if let Err(error) = rustix::process::test_kill_process(parent)
            && error == rustix::io::Errno::SRCH
        {
            return;
        }
    }
}

/// Writes the state file when something has changed.
#[derive(Clone, Debug)]
struct Saver {
    path: Option<PathBuf>,
    world: Arc<World>,
    parts: Vec<Arc<dyn Part>>,
    /// One writer at a time.
    turn: Arc<Mutex<()>>,
}

impl Saver {
    fn save(&self) -> Result<(), FileError> {
        let Some(path) = &self.path else { return Ok(()) };
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let content = |error: serde_json::Error| FileError::Content { path: path.clone(), reason: error.to_string() };
        let parts = self.parts.iter().filter_map(|part| Some((part.name().to_owned(), part.snapshot()?))).collect();
        let saved = Saved::new(self.world.snapshot().map_err(content)?, parts);
        let text = serde_json::to_vec_pretty(&saved).map_err(content)?;
        state_file::write_private(path, &text)
    }

    async fn run(self) {
        if self.path.is_none() {
            return;
        }
        let changed = Arc::new(Notify::new());
        let mut watchers = JoinSet::new();
        let sources = self.parts.iter().filter_map(|part| part.changes()).chain([self.world.subscribe()]);
        for mut source in sources {
            let changed = Arc::clone(&changed);
            watchers.spawn(async move {
                while source.changed().await.is_ok() {
                    changed.notify_one();
                }
            });
        }
        loop {
            changed.notified().await;
            tokio::time::sleep(SAVE_DELAY).await;
            let saver = self.clone();
            match spawn_blocking(move || saver.save()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "state file not written"),
                Err(error) => tracing::error!(%error, "state file not written"),
            }
        }
    }
}
