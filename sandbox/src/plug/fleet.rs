//! Small bridges between the cloud's world and the Fleet's side: membership, security groups, vSwitches, the
//! controller's switches.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::argocd::{ArgoCdSwitches, Registered, Registry};
use crate::controller::{ControllerFaults, VSwitches};
use crate::members::{Backend, FleetMembers, Members, SecurityGroups};
use crate::parts::{ControllerControl, ControllerFailure, GitOpsControl, GitOpsFailure, MemberServices};
use crate::world::{Membership, World};

/// The text of a failure nobody gave a text.
const FAILURE: &str = "The request processing has failed due to some unknown error.";

/// What a Deployment says whose image cannot be pulled.
const PULL_FAILURE: &str = "Deployment \"grpc-server\" exceeded its progress deadline";

/// The Fleet whose controller runs here, as its controller and its gateways see it.
#[derive(Debug)]
pub(super) struct FleetView {
    world: Arc<World>,
    members: Arc<Members>,
    fleet_id: String,
}

impl FleetView {
    pub(super) fn new(world: Arc<World>, members: Arc<Members>, fleet_id: String) -> Self {
        Self { world, members, fleet_id }
    }
}

impl FleetMembers for FleetView {
    fn is_attached(&self, cluster_id: &str) -> bool {
        self.world.is_attached(&self.fleet_id, cluster_id)
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.world.subscribe()
    }
}

impl Registry for FleetView {
    fn registered(&self) -> Vec<Registered> {
        self.world.read(|state, _| {
            let memberships = state.fleets.get(&self.fleet_id).map(|fleet| &fleet.memberships);
            let complete =
                memberships.into_iter().flatten().filter(|(_, membership)| Membership::is_complete(membership));
            let named = complete.filter_map(|(id, _)| Some((id.clone(), state.clusters.get(id)?.name.clone())));
            named.map(|(cluster_id, name)| Registered { cluster_id, name }).collect()
        })
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.world.subscribe()
    }
}

impl SecurityGroups for FleetView {
    fn reachable(&self, cluster_id: &str, source_vswitch: &str) -> bool {
        self.members.reachable(cluster_id, source_vswitch) && self.world.admits(cluster_id, source_vswitch)
    }
}

impl VSwitches for FleetView {
    fn zone(&self, vswitch_id: &str) -> Option<String> {
        self.world.read(|state, _| {
            let vpc = state.fleets.get(&self.fleet_id).map(|fleet| fleet.vpc_id.as_str());
            let vswitch = state.vswitches.get(vswitch_id).filter(|vswitch| Some(vswitch.vpc_id.as_str()) == vpc);
            vswitch.map(|vswitch| vswitch.zone_id.clone())
        })
    }
}

impl MemberServices for Members {
    fn set_service(&self, cluster_id: &str, namespace: &str, name: &str, ports: &[u16]) -> bool {
        if ports.is_empty() {
            self.remove_service(cluster_id, namespace, name);
            return self.clusters().iter().any(|known| known == cluster_id);
        }
        let ports = ports.iter().map(|port| (*port, vec![Backend::Greeter]));
        self.add_service(cluster_id, namespace, name, ports)
    }
}

impl GitOpsControl for ArgoCdSwitches {
    fn pause(&self) {
        Self::pause(self);
    }

    fn resume(&self) {
        Self::resume(self);
    }

    fn fail(&self, failure: GitOpsFailure) {
        let GitOpsFailure { cluster_id, message } = failure;
        self.degrade(cluster_id.as_deref(), message.as_deref().unwrap_or(PULL_FAILURE));
    }
}

/// The controller's switches, and what was asked of them.
#[derive(Debug)]
pub(super) struct Switches {
    faults: Arc<ControllerFaults>,
    refused: Mutex<BTreeSet<String>>,
}

impl Switches {
    pub(super) fn new(faults: Arc<ControllerFaults>) -> Self {
        Self { faults, refused: Mutex::default() }
    }
}

impl ControllerControl for Switches {
    fn pause(&self) {
        self.faults.pause();
    }

    fn resume(&self) {
        self.faults.fail_passes("", 0);
        self.faults.delay_passes(Duration::ZERO);
        for action in std::mem::take(&mut *self.refused.lock().unwrap_or_else(PoisonError::into_inner)) {
            self.faults.refuse(&action, "", 0);
        }
        self.faults.resume();
    }

    fn fail(&self, failure: ControllerFailure) -> Result<(), String> {
        let ControllerFailure { object, action, message, times, delay_ms } = failure;
        if object.is_some() {
            return Err("this controller fails for all objects or for none: leave out \"object\"".to_owned());
        }
        if let Some(delay) = delay_ms {
            if action.is_some() || message.is_some() || times.is_some() {
                return Err("\"delay_ms\" stands alone: it holds until \"resume\"".to_owned());
            }
            self.faults.delay_passes(Duration::from_millis(delay));
            return Ok(());
        }
        let message = message.unwrap_or_else(|| FAILURE.to_owned());
        let times = times.unwrap_or(u32::MAX);
        match action {
            Some(action) => {
                self.faults.refuse(&action, &message, times);
                self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(action);
            }
            None => self.faults.fail_passes(&message, times),
        }
        Ok(())
    }
}
