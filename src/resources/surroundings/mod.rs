//! What stands around a gateway in the cloud: the Fleet, its members, the vSwitches, the load balancers of the account.
//!
//! A plan looks at them once in a process and warns of what would fail silently or late. `rules.rs` are pure functions over
//! what was seen; this file sees. It must never stop somebody who may not look: a refused read costs one line that names the
//! right, and what cannot be reached costs a line in the log. Whoever reaches the Fleet without naming it in the provider
//! block needs no cloud credentials, so nothing is looked at there.

mod rules;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::cross_check::CrossCheck;
use crate::clients::Clients;
use crate::cloud::alb::{AlbListener, AlbServerGroup};
use crate::cloud::cs::ClusterDetail;
use crate::cloud::fleet::{Fleet, ManagedCluster};
use crate::cloud::vpc::{VSwitch, VSwitchFilter};
use crate::cloud::{CallContext, CloudError, ClusterId, FleetId, VSwitchId, VpcId};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::path::Path;
use crate::framework::resource::Context;

/// A plan's checks end after ten seconds; what was not seen until then is not checked.
const LIMIT: Duration = Duration::from_secs(8);

/// A planned gateway, as far as it is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gateway<'a> {
    /// The members it routes to.
    pub(crate) clusters: Vec<&'a str>,
    /// Where the load balancer stands.
    pub(crate) vswitches: Vec<Vswitch<'a>>,
    /// Its listeners, as `<port>/<PROTOCOL>`; `None` while some may be unknown.
    pub(crate) listeners: Option<Vec<&'a str>>,
    /// The load balancer that it takes over.
    pub(crate) reuse: Option<Reuse<'a>>,
    /// Whether the plan creates the load balancer.
    pub(crate) creates: bool,
}

/// A vSwitch, and the attribute that names it.
#[derive(Clone, Debug)]
pub(crate) struct Vswitch<'a> {
    pub(crate) id: &'a str,
    pub(crate) at: Path,
}

/// A load balancer that is taken over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reuse<'a> {
    pub(crate) load_balancer_id: &'a str,
    /// Whether listeners that the gateway does not declare are deleted.
    pub(crate) overrides: bool,
    /// The attribute of `reuse` that says so.
    pub(crate) attribute: &'static str,
}

/// Why something was not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Blind {
    /// RAM refused this action.
    Forbidden(String),
    /// The service refused the call, with this answer.
    Refused(String),
    /// It was not reached, not in time, or not with these credentials.
    Unreached,
}

type Seen<T> = Arc<OnceCell<Result<T, Blind>>>;

/// What the plans of one process have seen of the cloud.
#[derive(Default)]
pub(crate) struct Sights {
    fleet: Seen<Fleet>,
    members: Seen<Arc<Vec<ManagedCluster>>>,
    alb: Seen<()>,
    server_groups: Seen<Vec<AlbServerGroup>>,
    vswitches: Mutex<BTreeMap<String, Seen<Option<VSwitch>>>>,
    clusters: Mutex<BTreeMap<String, Seen<Option<ClusterDetail>>>>,
    listeners: Mutex<BTreeMap<String, Seen<Vec<AlbListener>>>>,
    told: Mutex<BTreeSet<String>>,
}

impl fmt::Debug for Sights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sights").finish_non_exhaustive()
    }
}

/// The checks of one plan.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings<'a> {
    clients: &'a Clients,
    fleet: FleetId,
    context: CallContext,
}

impl<'a> Surroundings<'a> {
    /// The surroundings of the provider's Fleet; `None` if it is not named, or if the process has begun to write: an apply
    /// looks for itself, and what was seen before is old.
    pub(crate) fn of(clients: &'a Clients, cx: &Context) -> Option<Self> {
        let fleet = FleetId::new(clients.settings.fleet_id.clone()?);
        if clients.kubernetes.as_ref().is_some_and(|kubernetes| kubernetes.api.writes() > 0) {
            return None;
        }
        let context = CallContext::new(cx.cancel.clone()).with_deadline(Instant::now() + LIMIT);
        Some(Self { clients, fleet, context })
    }

    fn sights(&self) -> &'a Sights {
        &self.clients.sights
    }

    fn wants(&self, check: CrossCheck) -> bool {
        self.clients.settings.skipped.wants(check)
    }

    /// What a plan of a gateway has to say about the cloud around it.
    pub(crate) async fn advise_gateway(&self, gateway: &Gateway<'_>) -> Diagnostics {
        let (members, vswitches) = (self.wants(CrossCheck::Members), self.wants(CrossCheck::Vswitches));
        let activation = gateway.creates && gateway.reuse.is_none() && self.wants(CrossCheck::Activation);
        let loss = self.wants(CrossCheck::Loss);
        let (fleet, listed, seen, alb, listeners) = tokio::join!(
            when(members || vswitches, self.fleet()),
            when(members && !gateway.clusters.is_empty(), self.members()),
            when(vswitches, self.vswitches(gateway)),
            when(activation, self.alb()),
            when(loss, self.listeners(gateway)),
        );
        let mut found = Diagnostics::new();
        let fleet = self.seen(fleet, CrossCheck::Members, &mut found);
        let listed = self.seen(listed, CrossCheck::Members, &mut found);
        if let Some(fleet) = fleet.as_ref().filter(|_| members) {
            found.extend(self.once("fleet", |found| rules::fleet_runs(fleet, found)));
        }
        if let Some(listed) = &listed {
            let book = self.clients.kubernetes.as_ref().map(|kubernetes| &kubernetes.declared);
            let coming = |cluster: &str| {
                book.is_some_and(|book| book.is_changing(&super::object_names::member(self.fleet.as_str(), cluster)))
            };
            rules::clusters_are_members(gateway, self.fleet.as_str(), listed, coming, &mut found);
            rules::members_run(gateway, listed, &mut found);
            if let Some(fleet) = &fleet {
                rules::members_share_the_vpc(gateway, fleet, listed, &mut found);
            }
        }
        if let Some(seen) = self.seen(seen, CrossCheck::Vswitches, &mut found) {
            rules::vswitches_serve(gateway, fleet.as_ref(), &seen, &mut found);
            rules::zones_differ(gateway, &seen, &mut found);
        }
        if let Some(Err(Blind::Refused(refusal))) = &alb {
            found.extend(self.once("alb", |found| found.push(rules::service_answers(refusal))));
        } else {
            let _answers = self.seen(alb, CrossCheck::Activation, &mut found);
        }
        if let Some(listeners) = self.seen(listeners, CrossCheck::Loss, &mut found)
            && let Some(lost) = rules::override_deletes(gateway, &listeners)
        {
            found.push(lost);
        }
        found
    }

    /// What a plan of an association has to say about the cluster, before it is a member.
    pub(crate) async fn advise_association(&self, fleet: &str, cluster: &str) -> Diagnostics {
        let mut found = Diagnostics::new();
        if !self.wants(CrossCheck::Members) || fleet != self.fleet.as_str() {
            return found;
        }
        let (fleet, cluster) = tokio::join!(Box::pin(self.fleet()), Box::pin(self.cluster(cluster)));
        let fleet = self.seen(Some(fleet), CrossCheck::Members, &mut found);
        if let Some(cluster) = self.seen(Some(cluster), CrossCheck::Members, &mut found) {
            rules::cluster_can_join(cluster.as_ref(), fleet.as_ref(), &mut found);
        }
        found
    }

    /// What a plan of an Ingress has to say about the load balancer behind it.
    pub(crate) async fn advise_load_balancer(&self, load_balancer: &str) -> Diagnostics {
        let mut found = Diagnostics::new();
        if !self.wants(CrossCheck::Quotas) {
            return found;
        }
        let Ok(Fleet { vpc_id: Some(vpc), .. }) = self.fleet().await else { return found };
        let groups = Some(self.server_groups(&vpc).await);
        if let Some(groups) = self.seen(groups, CrossCheck::Quotas, &mut found)
            && let Some(full) = rules::servers_fit_the_quota(load_balancer, &groups)
        {
            found.extend(self.once(&format!("servers of {load_balancer}"), |found| found.push(full)));
        }
        found
    }

    async fn fleet(&self) -> Result<Fleet, Blind> {
        self.look(&self.sights().fleet, self.clients.cloud.describe_fleet(&self.fleet, &self.context)).await
    }

    async fn members(&self) -> Result<Arc<Vec<ManagedCluster>>, Blind> {
        self.look(&self.sights().members, self.clients.cloud.members(&self.fleet, &self.context)).await
    }

    /// `None`: there is no such cluster.
    async fn cluster(&self, id: &str) -> Result<Option<ClusterDetail>, Blind> {
        let cell = cell(&self.sights().clusters, id);
        let id = ClusterId::new(id);
        let read = async {
            match self.clients.cloud.describe_cluster_detail(&id, &self.context).await {
                Ok(cluster) => Ok(Some(cluster)),
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(error),
            }
        };
        self.look(&cell, read).await
    }

    async fn alb(&self) -> Result<(), Blind> {
        self.look(&self.sights().alb, self.clients.cloud.probe_alb(&self.context)).await
    }

    async fn server_groups(&self, vpc: &VpcId) -> Result<Vec<AlbServerGroup>, Blind> {
        self.look(&self.sights().server_groups, self.clients.cloud.alb_server_groups(vpc, &self.context)).await
    }

    async fn vswitches(&self, gateway: &Gateway<'_>) -> Result<BTreeMap<String, Option<VSwitch>>, Blind> {
        let mut seen = BTreeMap::new();
        for Vswitch { id, .. } in &gateway.vswitches {
            let cell = cell(&self.sights().vswitches, id);
            let filter = VSwitchFilter { vswitch_id: Some(VSwitchId::new(*id)), ..VSwitchFilter::default() };
            let read = async {
                let found = self.clients.cloud.describe_vswitches(&filter, &self.context).await?;
                Ok(found.into_iter().find(|vswitch| vswitch.id.as_str() == *id))
            };
            seen.insert((*id).to_owned(), self.look(&cell, read).await?);
        }
        Ok(seen)
    }

    async fn listeners(&self, gateway: &Gateway<'_>) -> Result<Vec<AlbListener>, Blind> {
        let Some(reuse) = gateway.reuse.as_ref().filter(|reuse| reuse.overrides) else { return Ok(Vec::new()) };
        let cell = cell(&self.sights().listeners, reuse.load_balancer_id);
        self.look(&cell, self.clients.cloud.alb_listeners(reuse.load_balancer_id, &self.context)).await
    }

    async fn look<T: Clone>(
        &self,
        cell: &OnceCell<Result<T, Blind>>,
        read: impl Future<Output = Result<T, CloudError>>,
    ) -> Result<T, Blind> {
        let see = async {
            match tokio::time::timeout(LIMIT, read).await {
                Ok(Ok(seen)) => Ok(seen),
                Ok(Err(error)) => Err(blind(&error)),
                Err(_) => Err(Blind::Unreached),
            }
        };
        cell.get_or_init(|| see).await.clone()
    }

    /// What was seen, or a line about the right that is missing.
    fn seen<T>(&self, outcome: Option<Result<T, Blind>>, check: CrossCheck, found: &mut Diagnostics) -> Option<T> {
        match outcome? {
            Ok(seen) => Some(seen),
            Err(Blind::Forbidden(right)) => {
                found.extend(self.once(&right, |found| {
                    found.push(super::stack::not_checked(
                        &format!("call {right}"),
                        &format!("what surrounds the gateway ({})", check.looks_at()),
                    ));
                }));
                None
            }
            Err(Blind::Refused(_) | Blind::Unreached) => None,
        }
    }

    /// What is told once in a process.
    fn once(&self, what: &str, tell: impl FnOnce(&mut Diagnostics)) -> Diagnostics {
        let mut said = Diagnostics::new();
        tell(&mut said);
        let mut told = self.sights().told.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_empty() || told.insert(what.to_owned()) { said } else { Diagnostics::new() }
    }
}

async fn when<T>(wanted: bool, read: impl Future<Output = T>) -> Option<T> {
    if wanted { Some(Box::pin(read).await) } else { None }
}

fn cell<T>(cells: &Mutex<BTreeMap<String, Seen<T>>>, key: &str) -> Seen<T> {
    let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(cells.entry(key.to_owned()).or_insert_with(|| Arc::new(OnceCell::new())))
}

fn blind(error: &CloudError) -> Blind {
    tracing::debug!(%error, "a part of the cloud cannot be compared with the plan");
    match error {
        error if error.is_forbidden() => Blind::Forbidden(error.action().permission()),
        error if error.is_credentials() || error.is_retryable() => Blind::Unreached,
        CloudError::Refused { failure, .. } => Blind::Refused(format!("{failure}.")),
        _ => Blind::Unreached,
    }
}
