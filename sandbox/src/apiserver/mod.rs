//! The embedded Fleet Kubernetes API server: a small kube-apiserver in memory, for kube clients and stock `kubectl`.
//!
//! Started by the sandbox's world and by tests. Clients see HTTPS on loopback and nothing else; the simulated controllers
//! are clients too. It shares no code with the provider, so that a mistake in one cannot hide in the other. Facts: the
//! public Kubernetes API conventions, the server-side apply documentation, and recorded answers of a real server.
//!
//! `http` takes connections, `handler` requests; `engine` holds the state that `list`, `watch`, `write` and `delete`
//! work on; `apply` owns field ownership, `validation` the rules, `schema`, `resource`, `kinds`, `crd` say what exists.

mod apply;
mod auth;
pub mod clock;
mod crd;
mod delete;
mod discovery;
mod engine;
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
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::auth::Access;
pub use self::auth::Denial;
use self::clock::Clock;
use self::engine::Engine;
use self::gate::{OpenGate, RequestGate};
use self::tls::Authority;

/// How long an issued client certificate is valid.
const CLIENT_VALIDITY: SignedDuration = SignedDuration::from_hours(24 * 365);
/// A client certificate is valid from a little before it is issued, for clocks that differ.
const CLIENT_BACKDATE: SignedDuration = SignedDuration::from_mins(5);

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
    address: SocketAddr,
    engine: Arc<Engine>,
    access: Arc<Access>,
    authority: Authority,
    stop: tokio::sync::watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiServer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl ApiServer {
    /// Starts a server on loopback.
    ///
    /// # Errors
    /// If the port cannot be bound or a certificate cannot be made.
    pub async fn start(config: ApiServerConfig) -> io::Result<ApiServer> {
        let now = (config.clock)();
        let authority = match &config.authority {
            Some(pem) => Authority::load(&pem.certificate, &pem.key, now)?,
            None => Authority::generate(now)?,
        };
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let listener = TcpListener::bind((loopback, config.port)).await?;
        let address = listener.local_addr()?;
        let tls = authority.server_config(loopback, now)?;
        let access = Arc::new(Access::new(authority.client_verifier()?));
        let engine = Arc::new(Engine::new(config.clock, config.history_limit, config.alb_config_definition));
        let front = Arc::new(http::Front {
            handler: handler::Handler { engine: engine.clone(), access: access.clone(), address: address.to_string() },
            gate: config.gate,
            acceptor: tokio_rustls::TlsAcceptor::from(Arc::new(tls)),
            calls: AtomicU64::new(1),
        });
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let tasks = vec![
            tokio::spawn(http::serve(front, listener, stopped.clone())),
            tokio::spawn(run_namespace_controller(engine.clone(), config.namespace_delay, stopped)),
        ];
        Ok(ApiServer { address, engine, access, authority, stop, tasks })
    }

    /// The server's address as a URL.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The certificate of the authority that signed the server's.
    pub fn ca_pem(&self) -> &str {
        self.authority.certificate_pem()
    }

    /// The authority with its key, for a state file.
    pub fn authority(&self) -> AuthorityPem {
        AuthorityPem {
            certificate: self.authority.certificate_pem().to_owned(),
            key: self.authority.key_pem().to_owned(),
        }
    }

    /// Issues a client certificate of one year and returns a kubeconfig with it.
    ///
    /// # Errors
    /// If the certificate cannot be made.
    pub fn kubeconfig(&self, user: &str, groups: &[&str]) -> io::Result<String> {
        let until = self.engine.now().checked_add(CLIENT_VALIDITY).map_err(io::Error::other)?;
        self.kubeconfig_until(user, groups, until)
    }

    /// Like [`ApiServer::kubeconfig`], with the instant the certificate expires, which may lie in the past.
    ///
    /// # Errors
    /// If the certificate cannot be made.
    pub fn kubeconfig_until(&self, user: &str, groups: &[&str], until: Timestamp) -> io::Result<String> {
        let now = self.engine.now();
        let from = now.min(until).checked_sub(CLIENT_BACKDATE).map_err(io::Error::other)?;
        let client = self.authority.issue_client(user, groups, from, until)?;
        self.access.record_issue(client.serial.clone(), now, user, groups);
        Ok(self.authority.kubeconfig(&self.url(), user, &client))
    }

    /// Makes a bearer token known.
    pub fn add_token(&self, token: &str, user: &str, groups: &[&str], expires: Option<Timestamp>) {
        self.access.add_token(token, user, groups, expires);
    }

    /// Refuses all client certificates issued before `instant` with 401.
    pub fn revoke_issued_before(&self, instant: Timestamp) {
        self.access.revoke_before(instant);
    }

    /// Replaces the list of what is refused with 403.
    pub fn set_denials(&self, denials: Vec<Denial>) {
        self.access.set_denials(denials);
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
        self.stop.send_replace(true);
        for task in std::mem::take(&mut self.tasks) {
            if let Err(error) = task.await {
                tracing::warn!(%error, "a server task failed");
            }
        }
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.engine.drop_watches();
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
