//! The member clusters of the sandbox's Fleet: what each of them runs, and the servers that really answer for it.
//!
//! The controller asks which endpoints stand behind a Service, the data plane asks whether a member's security group
//! lets the gateway in, the sandbox's control endpoint and its GitOps part add and remove Services. A member is a
//! registry of Services plus one real greeter on loopback; nothing in here knows the Fleet API or load balancers.

mod greeter;

#[expect(
    missing_docs,
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::missing_errors_doc,
    reason = "generated from proto/helloworld.proto"
)]
pub mod helloworld {
    include!("../../proto/helloworld.rs");
}

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use self::greeter::Greeter;

/// The encoded file descriptor set of `proto/helloworld.proto`, which reflection serves.
pub const HELLOWORLD_DESCRIPTORS: &[u8] = include_bytes!("../../proto/helloworld.bin");

/// Namespace of the walkthrough's Service.
pub const WALKTHROUGH_NAMESPACE: &str = "gateway-demo";
/// Name of the walkthrough's Service.
pub const WALKTHROUGH_SERVICE: &str = "grpc-service";
/// Port of the walkthrough's Service.
pub const WALKTHROUGH_PORT: u16 = 50051;

/// What a member answers when asked for the endpoints of a Service's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceLookup {
    /// No such Service, or no such member.
    NoService,
    /// The Service has no such port.
    NoPort,
    /// The endpoints; empty while no Pod is ready.
    Endpoints(Vec<SocketAddr>),
}

/// Which Services the member clusters run.
pub trait ServiceRegistry: Send + Sync + 'static {
    /// The endpoints of a Service's port in one member.
    fn lookup(&self, cluster_id: &str, namespace: &str, service: &str, port: u16) -> ServiceLookup;

    /// Changes whenever an answer of [`ServiceRegistry::lookup`] may have.
    fn changed(&self) -> watch::Receiver<u64>;
}

/// Which member clusters are attached to the Fleet.
pub trait FleetMembers: Send + Sync + 'static {
    /// Whether this cluster is attached now.
    fn is_attached(&self, cluster_id: &str) -> bool;

    /// Changes whenever an answer of [`FleetMembers::is_attached`] may have.
    fn changed(&self) -> watch::Receiver<u64>;
}

/// The security groups of the member clusters.
pub trait SecurityGroups: Send + Sync + 'static {
    /// Whether a member accepts connections from this vSwitch. If not, they time out, as packets are dropped.
    fn reachable(&self, cluster_id: &str, source_vswitch: &str) -> bool;
}

/// Security groups that let everything in.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenSecurityGroups;

impl SecurityGroups for OpenSecurityGroups {
    fn reachable(&self, _cluster_id: &str, _source_vswitch: &str) -> bool {
        true
    }
}

/// What answers behind a Service's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// The member's own greeter, for as long as it runs.
    Greeter,
    /// Any other server on loopback.
    Address(SocketAddr),
}

#[derive(Debug, Default)]
struct Member {
    namespaces: BTreeSet<String>,
    services: BTreeMap<(String, String), BTreeMap<u16, Vec<Backend>>>,
    greeter: Option<Greeter>,
    closed: bool,
}

/// The simulated member clusters.
#[derive(Debug)]
pub struct Members {
    clusters: Mutex<BTreeMap<String, Member>>,
    changed: watch::Sender<u64>,
}

impl Members {
    /// Starts these members, each with a greeter and the walkthrough's Service in front of it.
    ///
    /// # Errors
    ///
    /// No loopback port could be had.
    pub async fn start<I: IntoIterator<Item = S>, S: Into<String>>(ids: I) -> io::Result<Arc<Self>> {
        let members = Self::start_bare(ids).await?;
        for id in members.clusters() {
            members.add_service(
                &id,
                WALKTHROUGH_NAMESPACE,
                WALKTHROUGH_SERVICE,
                [(WALKTHROUGH_PORT, vec![Backend::Greeter])],
            );
        }
        Ok(members)
    }

    /// Starts these members, each with a greeter that no Service leads to: what a member is before anybody has deployed to it.
    ///
    /// # Errors
    ///
    /// No loopback port could be had.
    pub async fn start_bare<I: IntoIterator<Item = S>, S: Into<String>>(ids: I) -> io::Result<Arc<Self>> {
        let members = Arc::new(Self { clusters: Mutex::default(), changed: watch::Sender::new(0) });
        for id in ids {
            members.add_cluster(&id.into()).await?;
        }
        Ok(members)
    }

    /// Adds a member that runs a greeter and no Service. Does nothing if it is there.
    ///
    /// # Errors
    ///
    /// No loopback port could be had.
    pub async fn add_cluster(&self, cluster_id: &str) -> io::Result<()> {
        if self.lock().contains_key(cluster_id) {
            return Ok(());
        }
        let greeter = Greeter::start(cluster_id).await?;
        self.lock().entry(cluster_id.to_owned()).or_default().greeter.get_or_insert(greeter);
        self.note_change();
        Ok(())
    }

    /// Ids of the members.
    #[must_use]
    pub fn clusters(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// Adds or replaces a Service. Answers whether the member exists.
    pub fn add_service(
        &self,
        cluster_id: &str,
        namespace: &str,
        service: &str,
        ports: impl IntoIterator<Item = (u16, Vec<Backend>)>,
    ) -> bool {
        let known = match self.lock().get_mut(cluster_id) {
            Some(member) => {
                let key = (namespace.to_owned(), service.to_owned());
                member.namespaces.insert(namespace.to_owned());
                member.services.insert(key, ports.into_iter().collect());
                true
            }
            None => false,
        };
        self.note_change();
        known
    }

    /// Adds a namespace, if it is not there. Answers whether the member exists.
    pub fn add_namespace(&self, cluster_id: &str, namespace: &str) -> bool {
        let mut clusters = self.lock();
        let member = clusters.get_mut(cluster_id);
        member.is_some_and(|member| {
            member.namespaces.insert(namespace.to_owned());
            true
        })
    }

    /// Whether a member has a namespace.
    #[must_use]
    pub fn has_namespace(&self, cluster_id: &str, namespace: &str) -> bool {
        self.lock().get(cluster_id).is_some_and(|member| member.namespaces.contains(namespace))
    }

    /// Removes a Service. Answers whether it was there.
    pub fn remove_service(&self, cluster_id: &str, namespace: &str, service: &str) -> bool {
        let key = (namespace.to_owned(), service.to_owned());
        let removed = self.lock().get_mut(cluster_id).is_some_and(|member| member.services.remove(&key).is_some());
        self.note_change();
        removed
    }

    /// The Services of a member, by namespace and name, with their ports.
    #[must_use]
    pub fn services(&self, cluster_id: &str) -> BTreeMap<(String, String), Vec<u16>> {
        self.lock().get(cluster_id).map_or_else(BTreeMap::new, |member| {
            member.services.iter().map(|(key, ports)| (key.clone(), ports.keys().copied().collect())).collect()
        })
    }

    /// Stops a member's greeter: its Pods are gone, the Service has no endpoints left.
    pub async fn stop_server(&self, cluster_id: &str) {
        let greeter = self.lock().get_mut(cluster_id).and_then(|member| member.greeter.take());
        self.note_change();
        if let Some(greeter) = greeter {
            greeter.stop().await;
        }
    }

    /// Starts a member's greeter again, on another port.
    ///
    /// # Errors
    ///
    /// No loopback port could be had.
    pub async fn start_server(&self, cluster_id: &str) -> io::Result<()> {
        let greeter = Greeter::start(cluster_id).await?;
        if let Some(member) = self.lock().get_mut(cluster_id) {
            member.greeter.get_or_insert(greeter);
        }
        self.note_change();
        Ok(())
    }

    /// Where a member's greeter listens, while it runs.
    #[must_use]
    pub fn server_address(&self, cluster_id: &str) -> Option<SocketAddr> {
        self.lock().get(cluster_id)?.greeter.as_ref().map(Greeter::address)
    }

    /// Closes or opens a member's security group for everyone.
    pub fn close_security_group(&self, cluster_id: &str, closed: bool) {
        if let Some(member) = self.lock().get_mut(cluster_id) {
            member.closed = closed;
        }
    }

    /// Changes whenever a member or a Service of one does.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Member>> {
        self.clusters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_change(&self) {
        self.changed.send_modify(|revision| *revision += 1);
    }
}

impl ServiceRegistry for Members {
    fn lookup(&self, cluster_id: &str, namespace: &str, service: &str, port: u16) -> ServiceLookup {
        let clusters = self.lock();
        let Some(member) = clusters.get(cluster_id) else { return ServiceLookup::NoService };
        let Some(ports) = member.services.get(&(namespace.to_owned(), service.to_owned())) else {
            return ServiceLookup::NoService;
        };
        let Some(backends) = ports.get(&port) else { return ServiceLookup::NoPort };
        let greeter = member.greeter.as_ref().map(Greeter::address);
        ServiceLookup::Endpoints(
            backends
                .iter()
                .filter_map(|backend| match backend {
                    Backend::Greeter => greeter,
                    Backend::Address(address) => Some(*address),
                })
                .collect(),
        )
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

impl SecurityGroups for Members {
    fn reachable(&self, cluster_id: &str, _source_vswitch: &str) -> bool {
        self.lock().get(cluster_id).is_none_or(|member| !member.closed)
    }
}

#[cfg(test)]
mod tests;
