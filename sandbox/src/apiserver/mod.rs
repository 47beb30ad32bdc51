//! The embedded Fleet Kubernetes API server: a small kube-apiserver in memory, for kube clients and stock `kubectl`.
//!
//! Started by the sandbox's world and by tests. Clients see HTTPS on loopback and nothing else; the simulated controllers
//! are clients too. It shares no code with the provider, so that a mistake in one cannot hide in the other. Facts: the
//! public Kubernetes API conventions, the server-side apply documentation, and recorded answers of a real server.
//!
//! `entrance` is the door, `http` takes connections, `handler` requests; `relay` stands in the handler's place where a
//! real server answers. `engine` holds the state that `list`, `watch`, `write` and `delete` work on; `apply` owns field
//! ownership, `validation` the rules, `schema`, `resource`, `kinds`, `crd` say what exists.

mod apply;
mod auth;
pub mod clock;
mod crd;
mod delete;
mod discovery;
mod engine;
mod entrance;
pub mod gate;
mod handler;
mod http;
mod intake;
mod kinds;
mod list;
mod meta;
mod options;
mod patch;
mod present;
mod protobuf;
mod relay;
mod resource;
mod route;
mod schema;
mod selector;
mod status;
mod storage;
mod table;
mod tls;
mod validation;
mod watch;
mod write;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinHandle;

pub use self::auth::Denial;
use self::clock::Clock;
pub(crate) use self::crd::alb_config_definition;
use self::engine::Engine;
pub(crate) use self::entrance::{Entrance, Opening};
use self::gate::{OpenGate, RequestGate, Watched};
use self::handler::Handler;
use self::http::Back;
pub(crate) use self::relay::Relay;

/// A certificate authority to go on with, as PEM.
#[derive(Clone)]
pub struct AuthorityPem {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl std::fmt::Debug for AuthorityPem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthorityPem").finish_non_exhaustive()
    }
}

/// How to start the server.
#[derive(Clone)]
pub struct ApiServerConfig {
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Where time comes from.
    pub clock: Clock,
    /// Sees and disturbs calls.
    pub gate: Arc<dyn RequestGate>,
    /// How many changes are kept for watches and paging.
    pub history_limit: usize,
    /// Whether the AlbConfig definition is there from the start.
    pub alb_config_definition: bool,
    /// How long a deleted namespace stays `Terminating` at least.
    pub namespace_delay: Duration,
    /// An earlier server's authority, so that its kubeconfigs stay good.
    pub authority: Option<AuthorityPem>,
}

impl Default for ApiServerConfig {
    fn default() -> ApiServerConfig {
        ApiServerConfig {
            port: 0,
            clock: clock::system(),
            gate: Arc::new(OpenGate),
            history_limit: 20_000,
            alb_config_definition: true,
            namespace_delay: Duration::from_millis(100),
            authority: None,
        }
    }
}

impl std::fmt::Debug for ApiServerConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiServerConfig").field("port", &self.port).finish_non_exhaustive()
    }
}

/// A running server. Dropping it stops it.
pub struct ApiServer {
    engine: Arc<Engine>,
    entrance: Entrance,
    tasks: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiServer").field("address", &self.entrance.address()).finish_non_exhaustive()
    }
}

impl ApiServer {
    /// Starts a server on loopback.
    ///
    /// # Errors
    /// If the port cannot be bound or a certificate cannot be made.
    pub async fn start(config: ApiServerConfig) -> io::Result<ApiServer> {
        let engine =
            Arc::new(Engine::new(Arc::clone(&config.clock), config.history_limit, config.alb_config_definition));
        let opening =
            Opening { port: config.port, clock: config.clock, gate: config.gate, authority: config.authority };
        let entrance = Entrance::open(opening, |address, access| {
            Back::Embedded(Handler {
                engine: Arc::clone(&engine),
                access: Arc::clone(access),
                address: address.to_string(),
            })
        })
        .await?;
        let controller = run_namespace_controller(Arc::clone(&engine), config.namespace_delay, entrance.stopped());
        let tasks = vec![tokio::spawn(controller)];
        Ok(ApiServer { engine, entrance, tasks })
    }

    pub(crate) fn entrance(&self) -> &Entrance {
        &self.entrance
    }

    /// The server's address as a URL.
    pub fn url(&self) -> String {
        self.entrance.url()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.entrance.address().port()
    }

    /// The certificate of the authority that signed the server's.
    pub fn ca_pem(&self) -> &str {
        self.entrance.ca_pem()
    }

    /// The authority with its key, for a state file.
    pub fn authority(&self) -> AuthorityPem {
        self.entrance.authority()
    }

    /// Issues a client certificate of one year and returns a kubeconfig with it.
    ///
    /// # Errors
    /// If the certificate cannot be made.
    pub fn kubeconfig(&self, user: &str, groups: &[&str]) -> io::Result<String> {
        self.entrance.kubeconfig(user, groups)
    }

    /// Like [`ApiServer::kubeconfig`], with the instant the certificate expires, which may lie in the past.
    ///
    /// # Errors
    /// If the certificate cannot be made.
    pub fn kubeconfig_until(&self, user: &str, groups: &[&str], until: Timestamp) -> io::Result<String> {
        self.entrance.kubeconfig_until(user, groups, until)
    }

    /// Makes a bearer token known.
    pub fn add_token(&self, token: &str, user: &str, groups: &[&str], expires: Option<Timestamp>) {
        self.entrance.add_token(token, user, groups, expires);
    }

    /// Refuses all client certificates issued before `instant` with 401.
    pub fn revoke_issued_before(&self, instant: Timestamp) {
        self.entrance.revoke_issued_before(instant);
    }

    /// Replaces the list of what is refused with 403.
    pub fn set_denials(&self, denials: Vec<Denial>) {
        self.entrance.set_denials(denials);
    }

    /// Forgets the history now: older watches and pages expire with 410.
    pub fn compact_history(&self) {
        self.engine.lock().store.compact();
    }

    /// Changes how many changes are kept.
    pub fn set_history_limit(&self, limit: usize) {
        self.engine.lock().store.set_history_limit(limit);
    }

    /// Ends every open watch and answers how many there were.
    pub fn drop_watches(&self) -> usize {
        self.engine.drop_watches()
    }

    /// A receiver that is woken after each change of the store, with its version. Needs a running runtime.
    pub fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        let mut ticks = self.engine.ticks();
        let (sender, receiver) = tokio::sync::watch::channel(ticks.borrow_and_update().version);
        tokio::spawn(async move {
            while ticks.changed().await.is_ok() {
                let version = ticks.borrow_and_update().version;
                if sender.send(version).is_err() {
                    return;
                }
            }
        });
        receiver
    }

    /// The newest resource version.
    pub fn resource_version(&self) -> u64 {
        self.engine.lock().store.version()
    }

    /// The whole store, for a state file.
    pub fn snapshot(&self) -> Value {
        self.engine.lock().store.snapshot()
    }

    /// Replaces the store by a snapshot's content and ends all watches.
    ///
    /// # Errors
    /// If the value is not a snapshot; the store is then unchanged.
    pub fn restore(&self, snapshot: &Value) -> io::Result<()> {
        self.engine.restore(snapshot).ok_or_else(|| io::Error::other("not a snapshot of the API server"))
    }

    /// Stops the server and drops all connections.
    pub async fn shutdown(mut self) {
        self.entrance.close().await;
        for task in std::mem::take(&mut self.tasks) {
            if let Err(error) = task.await {
                tracing::warn!(%error, "a server task failed");
            }
        }
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.engine.drop_watches();
    }
}

impl Watched for ApiServer {
    fn drop_watches(&self) -> usize {
        self.engine.drop_watches()
    }
}

/// Empties deleted namespaces some time after they were deleted, as the controller of a real cluster does.
async fn run_namespace_controller(
    engine: Arc<Engine>,
    delay: Duration,
    mut stopped: tokio::sync::watch::Receiver<bool>,
) {
    let mut ticks = engine.ticks();
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            changed = ticks.changed() => if changed.is_err() { return },
        }
        if !engine.has_dying_namespace() {
            continue;
        }
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(delay) => {}
        }
        engine.sweep_namespaces();
    }
}
