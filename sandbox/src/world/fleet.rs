//! The Fleet instance: created, switched and deleted.
//!
//! Facts: states of the public metadata; `initial` becomes `running` or `failed`, the GitOps feature of profile
//! `Default` shows some time later; deletion is refused while the protection is on, while Argo CD is on and, without
//! `Force`, while members are associated (the last is an assumption).

use std::collections::BTreeMap;

use thiserror::Error;

use super::names::fresh_id;
use super::state::{Behaviour, Features, Fleet, FleetState, FleetStep};
use super::{Membership, Moment, State};

/// What `CreateHubCluster` needs.
#[derive(Clone, Debug)]
pub struct NewFleet {
    /// The name, or empty for the service's own choice.
    pub name: String,
    /// `Default` or `XFlow`.
    pub profile: String,
    /// The network.
    pub vpc_id: String,
    /// The vSwitches.
    pub vswitches: Vec<String>,
    /// The resource group, or empty.
    pub resource_group_id: String,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// Whether the Kubernetes API gets a public address.
    pub public_api_server: bool,
    /// Whether the audit log is on.
    pub audit_log: bool,
}

/// Why a Fleet could not be created or deleted.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FleetError {
    /// No such Fleet.
    #[error("The hub cluster {0} does not exist.")]
    NotFound(String),
    /// No such network.
    #[error("The specified VPC {0} does not exist.")]
    VpcNotFound(String),
    /// No such vSwitch in that network.
    #[error("The specified vSwitch {0} does not exist in the VPC.")]
    VSwitchNotFound(String),
    /// The protection is on.
    #[error("Deletion protection of the hub cluster {0} is enabled.")]
    Protected(String),
    /// Argo CD is on.
    #[error("Argo CD of the hub cluster {0} must be disabled first.")]
    ArgoCdEnabled(String),
    /// Members are associated.
    #[error("The hub cluster {0} still has associated clusters.")]
    HasMembers(String),
}

impl Fleet {
    /// Takes every due step of the Fleet and of its associations.
    pub(crate) fn advance(&mut self, now: Moment, behaviour: &Behaviour) -> bool {
        let mut moved = false;
        while let Some(step) = self.pending.take_if(|step| step.due <= now) {
            moved = true;
            self.updated = step.due;
            match step.to {
                Some(state) => {
                    self.state = state;
                    if state == FleetState::Running && self.profile == "Default" {
                        let due = step.due.plus(behaviour.scaled(behaviour.timings.fleet_gitops_ms));
                        self.pending = Some(FleetStep { due, to: None });
                    }
                }
                None => self.features.argocd = Some(self.features.argocd.unwrap_or(true)),
            }
        }
        self.advance_memberships(now, behaviour) || moved
    }

    /// When the next step of the Fleet or of an association falls due.
    pub(crate) fn next_due(&self) -> Option<Moment> {
        let own = self.pending.as_ref().map(|step| step.due);
        self.memberships.values().filter_map(|m| m.due).chain(own).min()
    }
}

impl State {
    /// Accepts a new Fleet and answers its id. Nothing makes this idempotent: asked twice, two Fleets exist.
    ///
    /// # Errors
    /// When the network or a vSwitch is unknown.
    pub fn create_fleet(&mut self, new: NewFleet, now: Moment) -> Result<String, FleetError> {
        if !self.vpcs.contains_key(&new.vpc_id) {
            return Err(FleetError::VpcNotFound(new.vpc_id));
        }
        let stray =
            new.vswitches.iter().find(|id| self.vswitches.get(*id).is_none_or(|vswitch| vswitch.vpc_id != new.vpc_id));
        if let Some(stray) = stray {
            return Err(FleetError::VSwitchNotFound(stray.clone()));
        }
        let id = fresh_id("c", 32);
        let due = now.plus(self.behaviour.scaled(self.behaviour.timings.fleet_create_ms));
        let fleet = Fleet {
            cluster_id: id.clone(),
            name: if new.name.is_empty() { fresh_id("fleet-", 8) } else { new.name },
            profile: new.profile,
            state: FleetState::Initial,
            error_message: String::new(),
            vpc_id: new.vpc_id,
            vswitches: new.vswitches,
            security_group_ids: vec![fresh_id("sg-", 20)],
            resource_group_id: new.resource_group_id,
            created: now,
            updated: now,
            tags: new.tags,
            features: Features {
                public_api_server: new.public_api_server,
                audit_log: new.audit_log,
                ..Features::default()
            },
            memberships: BTreeMap::new(),
            pending: Some(FleetStep { due, to: Some(FleetState::Running) }),
            initial: false,
        };
        self.fleets.insert(id.clone(), fleet);
        self.advance(now);
        Ok(id)
    }

    /// Accepts the deletion of a Fleet.
    ///
    /// # Errors
    /// When it does not exist or something forbids it.
    pub fn delete_fleet(&mut self, id: &str, force: bool, now: Moment) -> Result<(), FleetError> {
        let due = now.plus(self.behaviour.scaled(self.behaviour.timings.fleet_delete_ms));
        let fleet = self.fleets.get_mut(id).ok_or_else(|| FleetError::NotFound(id.to_owned()))?;
        if fleet.features.deletion_protection {
            return Err(FleetError::Protected(id.to_owned()));
        }
        if fleet.features.argocd == Some(true) {
            return Err(FleetError::ArgoCdEnabled(id.to_owned()));
        }
        if !force && fleet.memberships.values().any(Membership::exists) {
            return Err(FleetError::HasMembers(id.to_owned()));
        }
        if fleet.state != FleetState::Deleting {
            fleet.state = FleetState::Deleting;
            fleet.updated = now;
            fleet.pending = Some(FleetStep { due, to: Some(FleetState::Deleted) });
        }
        self.advance(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Clock, World, WorldSettings};
    use super::*;

    fn request(world: &World) -> NewFleet {
        world.read(|state, _| {
            let fleet = &state.fleets[&state.primary_fleet];
            NewFleet {
                name: "second".to_owned(),
                profile: "Default".to_owned(),
                vpc_id: fleet.vpc_id.clone(),
                vswitches: fleet.vswitches.clone(),
                resource_group_id: String::new(),
                tags: BTreeMap::new(),
                public_api_server: false,
                audit_log: false,
            }
        })
    }

    #[test]
    fn a_fleet_runs_then_shows_gitops_and_is_deleted_only_when_nothing_forbids_it() {
        let clock = Clock::manual(Moment::from_millis(1_700_000_000_000));
        let state = WorldSettings { time_scale: 1.0, ..WorldSettings::default() }.build(clock.now());
        let world = World::new(state, clock.clone());
        let new = request(&world);
        let id = world.write(|state, now| state.create_fleet(new, now)).unwrap();
        let look = |world: &World| world.read(|state, _| state.fleets.get(&id).map(|f| (f.state, f.features.argocd)));
        assert_eq!(look(&world), Some((FleetState::Initial, None)));
        clock.advance(Duration::from_secs(180));
        assert_eq!(look(&world), Some((FleetState::Running, None)));
        clock.advance(Duration::from_secs(60));
        assert_eq!(look(&world), Some((FleetState::Running, Some(true))));
        let refused = world.write(|state, now| state.delete_fleet(&id, false, now));
        assert_eq!(refused, Err(FleetError::ArgoCdEnabled(id.clone())));
        world.update(|state, _| {
            let features = &mut state.fleets.get_mut(&id).unwrap().features;
            features.argocd = Some(false);
            features.deletion_protection = true;
        });
        let refused = world.write(|state, now| state.delete_fleet(&id, true, now));
        assert_eq!(refused, Err(FleetError::Protected(id.clone())));
        world.update(|state, _| state.fleets.get_mut(&id).unwrap().features.deletion_protection = false);
        world.write(|state, now| state.delete_fleet(&id, false, now)).unwrap();
        assert_eq!(look(&world), Some((FleetState::Deleting, Some(false))));
        clock.advance(Duration::from_secs(90));
        assert_eq!(look(&world), None);
    }

    #[test]
    fn a_vswitch_of_another_vpc_is_refused() {
        let clock = Clock::manual(Moment::from_millis(0));
        let world = World::new(WorldSettings::default().build(clock.now()), clock);
        let mut new = request(&world);
        new.vswitches = world.read(|state, _| {
            state.vswitches.values().filter(|v| v.vpc_id != new.vpc_id).map(|v| v.vswitch_id.clone()).collect()
        });
        let refused = world.write(|state, now| state.create_fleet(new, now));
        assert!(matches!(refused, Err(FleetError::VSwitchNotFound(_))), "{refused:?}");
    }
}
