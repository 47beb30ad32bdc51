//! The data plane: real listeners on loopback that serve what stands in the simulated load balancer service.
//!
//! The sandbox starts one over its [`AlbCloud`]. It follows the cloud's state: a listener that appears is bound, one
//! that disappears is closed with its connections, certificates and rules are read anew for each handshake and request.
//! It never changes the cloud and never talks to Kubernetes. Routing (`route`) is pure; `listener` owns sockets;
//! `proxy` forwards.

mod idle;
mod listener;
mod pattern;
mod ports;
mod proxy;
mod route;
mod tls;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::listener::Running;
pub use self::ports::{PortPolicy, Ports};
use self::proxy::Proxy;
use crate::alb::{AlbCloud, ListenerKey, Protocol};
use crate::members::SecurityGroups;

/// How the data plane binds and waits.
#[derive(Debug, Clone)]
pub struct DataPlaneConfig {
    /// On which ports listeners are bound.
    pub ports: Arc<Ports>,
    /// How long a connection to a server may take before it counts as a time-out.
    pub connect_timeout: Duration,
}

impl Default for DataPlaneConfig {
    /// Wanted ports where they can be had; five seconds to connect, as the real one allows.
    fn default() -> Self {
        Self { ports: Arc::default(), connect_timeout: Duration::from_secs(5) }
    }
}

/// Which listener of which load balancer.
pub type ListenerId = (String, ListenerKey);

type Table = BTreeMap<ListenerId, Vec<SocketAddr>>;

/// The running data plane. Dropping it closes all listeners.
#[derive(Debug)]
pub struct DataPlane {
    table: Arc<Mutex<Table>>,
    revision: watch::Receiver<u64>,
    stop: watch::Sender<bool>,
    worker: JoinHandle<()>,
}

impl DataPlane {
    /// Starts serving what stands in the cloud, now and from now on.
    pub fn spawn(cloud: &Arc<AlbCloud>, network: Arc<dyn SecurityGroups>, config: DataPlaneConfig) -> Self {
        let table = Arc::new(Mutex::new(Table::new()));
        let stop = watch::Sender::new(false);
        let (noticed, revision) = watch::channel(0);
        let proxy = Arc::new(Proxy::new(network, config.connect_timeout));
        let worker =
            tokio::spawn(serve(Arc::clone(cloud), proxy, config.ports, Arc::clone(&table), noticed, stop.subscribe()));
        Self { table, revision, stop, worker }
    }

    /// Where a load balancer's port is bound. With two protocols on one port, the one over TCP.
    #[must_use]
    pub fn address(&self, load_balancer_id: &str, port: u16) -> Option<SocketAddr> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = table.iter().filter(|((id, key), _)| id == load_balancer_id && key.port == port);
        found.find_map(|(_, addresses)| addresses.first().copied())
    }

    /// All listeners and the addresses they are bound to, ready to print.
    #[must_use]
    pub fn addresses(&self) -> BTreeMap<ListenerId, Vec<SocketAddr>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes whenever [`DataPlane::addresses`] does.
    #[must_use]
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.revision.clone()
    }

    /// Closes everything and waits until it is closed.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.worker.await {
            tracing::warn!(%error, "data plane ended badly");
        }
    }
}

async fn serve(
    cloud: Arc<AlbCloud>,
    proxy: Arc<Proxy>,
    ports: Arc<Ports>,
    table: Arc<Mutex<Table>>,
    noticed: watch::Sender<u64>,
    mut stop: watch::Receiver<bool>,
) {
    let mut state = cloud.watch();
    let mut running: BTreeMap<ListenerId, Running> = BTreeMap::new();
    loop {
        let wanted: Vec<(ListenerId, String)> = {
            let state = state.borrow_and_update();
            let listeners = state.load_balancers.values().flat_map(|balancer| {
                let id = &balancer.load_balancer_id;
                balancer.listeners.values().map(|listener| ((id.clone(), listener.key()), listener.listener_id.clone()))
            });
            listeners.filter(|((_, key), _)| key.protocol != Protocol::Quic).collect()
        };
        let mut changed = false;
        let gone: Vec<ListenerId> = running
            .iter()
            .filter(|(id, listener)| !wanted.iter().any(|(want, number)| want == *id && *number == listener.number))
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            if let Some(listener) = running.remove(&id) {
                let bound = listener.addresses.first().map(SocketAddr::port);
                listener.close().await;
                if let Some(bound) = bound {
                    ports.give_back(id.1.port, bound);
                }
                changed = true;
            }
        }
        for (id, number) in wanted {
            if running.contains_key(&id) {
                continue;
            }
            match ports.listen(id.1.port) {
                Ok(sockets) => {
                    running.insert(
                        id.clone(),
                        Running::start(id, number, sockets, Arc::clone(&cloud), Arc::clone(&proxy)),
                    );
                    changed = true;
                }
                Err(error) => tracing::error!(%error, load_balancer = id.0, port = id.1.port, "listener not bound"),
            }
        }
        if changed {
            let bound = running.iter().map(|(id, listener)| (id.clone(), listener.addresses.clone())).collect();
            *table.lock().unwrap_or_else(PoisonError::into_inner) = bound;
            noticed.send_modify(|revision| *revision += 1);
        }
        tokio::select! {
            // An error means nobody holds the data plane any more.
            _ = stop.wait_for(|stop| *stop) => break,
            changed = state.changed() => if changed.is_err() { break },
        }
    }
    for (_, listener) in running {
        listener.close().await;
    }
}
