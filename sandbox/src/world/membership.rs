//! The association of a member cluster with a Fleet, and the machine its states run through.
//!
//! `AttachClusterToHub` and `DetachClusterFromHub` answer at once; the entry then moves by itself: not listed,
//! `Installing`, `Successed` or `Failed`; `Deleting`, then absent or `Deleted`. Facts: states of
//! `DescribeManagedClusters` in the public metadata. The error codes of refused calls are not public; the ones here are
//! placeholders of the right class, and a client must not branch on them.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::state::{Behaviour, DetachLeaves, Fleet, FleetState};
use super::{Moment, State};

/// States of an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub enum MembershipState {
    /// Accepted, not yet in the list.
    Unlisted,
    /// The agents are being installed.
    Installing,
    /// Complete; the spelling is the API's.
    Successed,
    /// Not completed; the message says why.
    Failed,
    /// Being removed.
    Deleting,
    /// Removed, and still listed.
    Deleted,
}

impl MembershipState {
    /// The name shown by the control endpoint, which also knows the unlisted state.
    pub fn inventory_name(self) -> &'static str {
        match self {
            Self::Unlisted => "Unlisted",
            Self::Installing => "Installing",
            Self::Successed => "Successed",
            Self::Failed => "Failed",
            Self::Deleting => "Deleting",
            Self::Deleted => "Deleted",
        }
    }
}

/// One association.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// The member cluster.
    pub cluster_id: String,
    /// Where it stands.
    pub state: MembershipState,
    /// `SUCCESS`, or why it failed.
    pub message: String,
    /// Whether the member is also in the service mesh.
    pub in_mesh: bool,
    /// When the next step falls due; none in a state of rest.
    pub due: Option<Moment>,
    /// The message with which installing shall end, if it shall fail.
    pub fail_with: Option<String>,
}

impl Membership {
    /// Whether the API's list shows it.
    pub fn is_listed(&self) -> bool {
        self.state != MembershipState::Unlisted
    }

    /// Whether it stands for an association at all, complete or not.
    pub fn exists(&self) -> bool {
        self.state != MembershipState::Deleted
    }

    /// Whether it is complete.
    pub fn is_complete(&self) -> bool {
        self.state == MembershipState::Successed
    }

    /// Takes one due step; `None` means the entry is gone.
    fn step(mut self, due: Moment, behaviour: &Behaviour) -> Option<Self> {
        match self.state {
            MembershipState::Unlisted => {
                self.state = MembershipState::Installing;
                self.due = Some(due.plus(behaviour.scaled(behaviour.timings.attach_installed_ms)));
            }
            MembershipState::Installing => {
                self.due = None;
                match self.fail_with.take() {
                    Some(message) => {
                        self.state = MembershipState::Failed;
                        self.message = message;
                    }
                    None => {
                        self.state = MembershipState::Successed;
                        self.message = "SUCCESS".to_owned();
                    }
                }
            }
            MembershipState::Deleting => {
                self.due = None;
                match behaviour.detach_leaves {
                    DetachLeaves::Absent => return None,
                    DetachLeaves::Deleted => self.state = MembershipState::Deleted,
                }
            }
            MembershipState::Successed | MembershipState::Failed | MembershipState::Deleted => self.due = None,
        }
        Some(self)
    }
}

/// Why an attach call was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AttachError {
    /// The Fleet is unknown.
    #[error("The hub cluster {0} does not exist.")]
    FleetNotFound(String),
    /// The Fleet is not running.
    #[error("The hub cluster {0} is not running.")]
    FleetNotRunning(String),
    /// The member is unknown.
    #[error("The cluster {0} does not exist.")]
    ClusterNotFound(String),
    /// The member itself is not running.
    #[error("The cluster {cluster} is in state {state}; only a running cluster can be associated.")]
    ClusterNotRunning {
        /// The member.
        cluster: String,
        /// Its state.
        state: String,
    },
    /// The member is in a Fleet already.
    #[error("The cluster {cluster} is already associated with the hub cluster {fleet}.")]
    AlreadyAssociated {
        /// The member.
        cluster: String,
        /// The Fleet it is in.
        fleet: String,
    },
    /// The member's network is not the Fleet's.
    #[error("The cluster {cluster} is in VPC {cluster_vpc}, the hub cluster is in VPC {fleet_vpc}.")]
    OtherVpc {
        /// The member.
        cluster: String,
        /// Its network.
        cluster_vpc: String,
        /// The Fleet's network.
        fleet_vpc: String,
    },
}

/// Why a detach call was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum DetachError {
    /// The Fleet is unknown.
    #[error("The hub cluster {0} does not exist.")]
    FleetNotFound(String),
    /// The member is not in this Fleet.
    #[error("The cluster {cluster} is not associated with the hub cluster {fleet}.")]
    NotAssociated {
        /// The member.
        cluster: String,
        /// The Fleet.
        fleet: String,
    },
}

impl Fleet {
    /// Moves associations on; part of [`State::advance`].
    pub(crate) fn advance_memberships(&mut self, now: Moment, behaviour: &Behaviour) -> bool {
        let mut moved = false;
        let old = std::mem::take(&mut self.memberships);
        for (id, membership) in old {
            let mut current = Some(membership);
            while let Some(due) = current.as_ref().and_then(|m| m.due).filter(|due| *due <= now) {
                moved = true;
                current = current.and_then(|m| m.step(due, behaviour));
            }
            if let Some(kept) = current {
                self.memberships.insert(id, kept);
            }
        }
        moved
    }
}

impl State {
    /// Accepts an attach of several members, all or none.
    ///
    /// # Errors
    /// The first reason to refuse; nothing has changed then.
    pub fn attach(&mut self, fleet_id: &str, clusters: &[String], mesh: bool, now: Moment) -> Result<(), AttachError> {
        let fleet = self.fleets.get(fleet_id).ok_or_else(|| AttachError::FleetNotFound(fleet_id.to_owned()))?;
        if fleet.state != FleetState::Running {
            return Err(AttachError::FleetNotRunning(fleet_id.to_owned()));
        }
        for id in clusters {
            let cluster = self.clusters.get(id).ok_or_else(|| AttachError::ClusterNotFound(id.clone()))?;
            if cluster.state != "running" {
                return Err(AttachError::ClusterNotRunning { cluster: id.clone(), state: cluster.state.clone() });
            }
            let holder = self.fleets.values().find(|f| f.memberships.get(id).is_some_and(Membership::exists));
            if let Some(holder) = holder {
                return Err(AttachError::AlreadyAssociated { cluster: id.clone(), fleet: holder.cluster_id.clone() });
            }
            if self.behaviour.refuse_other_vpc && cluster.vpc_id != fleet.vpc_id {
                return Err(AttachError::OtherVpc {
                    cluster: id.clone(),
                    cluster_vpc: cluster.vpc_id.clone(),
                    fleet_vpc: fleet.vpc_id.clone(),
                });
            }
        }
        let due = now.plus(self.behaviour.scaled(self.behaviour.timings.attach_listed_ms));
        for id in clusters {
            let fail_with = self.clusters.get_mut(id).and_then(|cluster| cluster.fail_next_attach.take());
            if let Some(fleet) = self.fleets.get_mut(fleet_id) {
                let membership = Membership {
                    cluster_id: id.clone(),
                    state: MembershipState::Unlisted,
                    message: String::new(),
                    in_mesh: mesh,
                    due: Some(due),
                    fail_with,
                };
                fleet.memberships.insert(id.clone(), membership);
            }
        }
        self.advance(now);
        Ok(())
    }

    /// Accepts a detach of several members, all or none. With `mesh_only` they only leave the service mesh.
    ///
    /// # Errors
    /// The first reason to refuse; nothing has changed then.
    pub fn detach(
        &mut self,
        fleet_id: &str,
        clusters: &[String],
        mesh_only: bool,
        now: Moment,
    ) -> Result<(), DetachError> {
        let due = now.plus(self.behaviour.scaled(self.behaviour.timings.detach_ms));
        let fleet = self.fleets.get_mut(fleet_id).ok_or_else(|| DetachError::FleetNotFound(fleet_id.to_owned()))?;
        for id in clusters {
            if !fleet.memberships.get(id).is_some_and(Membership::exists) {
                return Err(DetachError::NotAssociated { cluster: id.clone(), fleet: fleet_id.to_owned() });
            }
        }
        for id in clusters {
            let Some(membership) = fleet.memberships.get_mut(id) else { continue };
            membership.in_mesh = false;
            if !mesh_only && membership.state != MembershipState::Deleting {
                membership.state = MembershipState::Deleting;
                membership.due = Some(due);
                membership.message = String::new();
            }
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

    fn world() -> (std::sync::Arc<World>, Clock, String, Vec<String>) {
        let clock = Clock::manual(Moment::from_millis(1_700_000_000_000));
        let state = WorldSettings { time_scale: 1.0, ..WorldSettings::default() }.build(clock.now());
        let fleet = state.primary_fleet.clone();
        let members =
            state.clusters.values().filter(|c| c.name.starts_with("member-")).map(|c| c.cluster_id.clone()).collect();
        (World::new(state, clock.clone()), clock, fleet, members)
    }

    fn state_of(world: &World, fleet: &str, member: &str) -> Option<MembershipState> {
        world.read(|state, _| state.fleets[fleet].memberships.get(member).map(|m| m.state))
    }

    #[test]
    fn an_attached_member_is_unlisted_then_installing_then_successed() {
        let (world, clock, fleet, members) = world();
        world.write(|state, now| state.attach(&fleet, &members, false, now)).unwrap();
        let member = &members[0];
        assert_eq!(state_of(&world, &fleet, member), Some(MembershipState::Unlisted));
        clock.advance(Duration::from_millis(1_999));
        assert_eq!(state_of(&world, &fleet, member), Some(MembershipState::Unlisted));
        clock.advance(Duration::from_millis(1));
        assert_eq!(state_of(&world, &fleet, member), Some(MembershipState::Installing));
        assert!(!world.is_attached(&fleet, member));
        clock.advance(Duration::from_secs(40));
        assert_eq!(state_of(&world, &fleet, member), Some(MembershipState::Successed));
        assert!(world.is_attached(&fleet, member));
    }

    #[test]
    fn a_detached_member_is_deleting_then_absent_or_deleted() {
        for leaves in [DetachLeaves::Absent, DetachLeaves::Deleted] {
            let (world, clock, fleet, members) = world();
            world.update(|state, _| state.behaviour.detach_leaves = leaves);
            world.write(|state, now| state.attach(&fleet, &members, false, now)).unwrap();
            clock.advance(Duration::from_secs(60));
            let one = std::slice::from_ref(&members[0]);
            world.write(|state, now| state.detach(&fleet, one, false, now)).unwrap();
            assert_eq!(state_of(&world, &fleet, &members[0]), Some(MembershipState::Deleting));
            clock.advance(Duration::from_secs(20));
            let want = (leaves == DetachLeaves::Deleted).then_some(MembershipState::Deleted);
            assert_eq!(state_of(&world, &fleet, &members[0]), want);
            assert!(world.is_attached(&fleet, &members[1]), "the other member stays");
            let again = world.write(|state, now| state.detach(&fleet, one, false, now));
            assert!(matches!(again, Err(DetachError::NotAssociated { .. })), "{again:?}");
            world.write(|state, now| state.attach(&fleet, one, false, now)).unwrap();
        }
    }

    #[test]
    fn an_attach_told_to_fail_ends_in_failed_with_its_message() {
        let (world, clock, fleet, members) = world();
        world.update(|state, _| {
            state.clusters.get_mut(&members[0]).unwrap().fail_next_attach =
                Some("agent image cannot be pulled".to_owned());
        });
        world.write(|state, now| state.attach(&fleet, &members, false, now)).unwrap();
        clock.advance(Duration::from_secs(60));
        world.read(|state, _| {
            let failed = &state.fleets[&fleet].memberships[&members[0]];
            assert_eq!(
                (failed.state, failed.message.as_str()),
                (MembershipState::Failed, "agent image cannot be pulled")
            );
        });
        assert!(world.is_attached(&fleet, &members[1]));
    }

    #[test]
    fn one_bad_member_refuses_the_whole_batch() {
        let (world, _, fleet, members) = world();
        let foreign = world.read(|state, _| {
            state.clusters.values().find(|c| c.name == "other-vpc").map(|c| c.cluster_id.clone()).unwrap()
        });
        let batch = vec![members[0].clone(), foreign];
        let refused = world.write(|state, now| state.attach(&fleet, &batch, false, now));
        assert!(matches!(refused, Err(AttachError::OtherVpc { .. })), "{refused:?}");
        assert_eq!(state_of(&world, &fleet, &members[0]), None);
        let unknown = world.write(|state, now| state.attach(&fleet, &["c0".to_owned()], false, now));
        assert_eq!(unknown, Err(AttachError::ClusterNotFound("c0".to_owned())));
        world.write(|state, now| state.attach(&fleet, &members, false, now)).unwrap();
        let twice = world.write(|state, now| state.attach(&fleet, &members, false, now));
        assert!(matches!(twice, Err(AttachError::AlreadyAssociated { .. })), "{twice:?}");
    }

    #[test]
    fn leaving_the_mesh_only_keeps_the_association() {
        let (world, clock, fleet, members) = world();
        world.write(|state, now| state.attach(&fleet, &members, true, now)).unwrap();
        clock.advance(Duration::from_secs(60));
        world.write(|state, now| state.detach(&fleet, &members, true, now)).unwrap();
        assert!(world.is_attached(&fleet, &members[0]));
        assert!(!world.read(|state, _| state.fleets[&fleet].memberships[&members[0]].in_mesh));
    }
}
