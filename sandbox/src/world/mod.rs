//! The cloud's own state: accounts, keys, networks, member clusters, Fleets and who is attached to which.
//!
//! The cloud APIs and the control endpoint change it; the simulated controller asks it which members are attached. It is
//! plain data behind one lock, advanced by a clock: every pending step carries the moment it falls due, so a test moves a
//! manual clock instead of waiting. It never speaks HTTP and never knows who asked.
//!
//! Facts: the public API reference of `adcp` 2022-01-01 and `cs` 2015-12-15 (states and their order), and the public
//! guides of ACK One. What those leave open is a switch of [`Behaviour`], so that both answers can be tried.

mod access;
mod clock;
mod fleet;
mod initial;
mod membership;
mod names;
mod network;
mod state;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

pub use access::{AccessError, NewSession, SessionPolicy, TemporaryKey};
pub use clock::{Clock, Moment};
pub use fleet::{FleetError, NewFleet};
pub use initial::WorldSettings;
pub use membership::{AttachError, DetachError, Membership, MembershipState};
pub use names::{Secret, fresh_id, random_text};
pub use state::{
    AccessKey, Behaviour, DetachLeaves, EmptyLists, Features, Fleet, FleetState, Instance, MemberCluster,
    RoleConditions, Rule, SecurityGroup, State, Timings, VSwitch, Vpc,
};

/// How often the driver looks at the clock when nothing is due; a bound, not a polling interval anybody waits for.
const IDLE: Duration = Duration::from_secs(3600);

/// The shared, thread-safe handle of the simulated cloud.
#[derive(Debug)]
pub struct World {
    state: Mutex<State>,
    clock: Clock,
    changes: watch::Sender<u64>,
}

impl World {
    /// Wraps a state, usually the result of [`WorldSettings::build`] or of a state file.
    pub fn new(state: State, clock: Clock) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(state), clock, changes: watch::Sender::new(0) })
    }

    /// The clock that all waiting steps follow.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The time the cloud believes it is: the clock plus the skew somebody asked for.
    pub fn cloud_time(&self) -> Moment {
        let skew = self.read(|state, _| state.behaviour.clock_skew_seconds);
        self.clock.now().plus_seconds(skew)
    }

    /// Looks at the state as of now.
    pub fn read<T>(&self, look: impl FnOnce(&State, Moment) -> T) -> T {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let moved = state.advance(now);
        let answer = look(&state, now);
        drop(state);
        if moved {
            self.announce();
        }
        answer
    }

    /// Changes the state as of now, and tells everybody who watches, unless the change was refused.
    ///
    /// # Errors
    /// Whatever the closure answers; a refused change must leave the state as it was.
    pub fn write<T, E>(&self, change: impl FnOnce(&mut State, Moment) -> Result<T, E>) -> Result<T, E> {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let moved = state.advance(now);
        let answer = change(&mut state, now);
        drop(state);
        if moved || answer.is_ok() {
            self.announce();
        }
        answer
    }

    /// Changes the state with a closure that cannot refuse.
    pub fn update<T>(&self, change: impl FnOnce(&mut State, Moment) -> T) -> T {
        match self.write(|state, now| Ok::<T, std::convert::Infallible>(change(state, now))) {
            Ok(answer) => answer,
            Err(never) => match never {},
        }
    }

    /// A receiver that is woken after each change of the world, including those that time brings.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Whether a member's association with a Fleet is complete (`Successed`).
    pub fn is_attached(&self, fleet: &str, cluster: &str) -> bool {
        self.read(|state, _| {
            state
                .fleets
                .get(fleet)
                .and_then(|fleet| fleet.memberships.get(cluster))
                .is_some_and(Membership::is_complete)
        })
    }

    /// Whether a member's security group admits connections from a vSwitch.
    pub fn admits(&self, cluster: &str, vswitch: &str) -> bool {
        self.read(|state, _| state.admits(cluster, vswitch))
    }

    /// Moves pending steps on when they fall due. Runs until dropped.
    ///
    /// # Cancellation
    /// Safe at any point: due steps are also taken by the next read or write.
    pub async fn run(self: Arc<Self>) {
        let mut changes = self.subscribe();
        loop {
            // Marked before looking: a change that comes in between must wake the wait below.
            changes.mark_unchanged();
            let (now, due) = self.read(|state, now| (now, state.next_due()));
            let wait = due.map_or(IDLE, |due| due.since(now));
            tokio::select! {
                () = tokio::time::sleep(wait.min(IDLE)) => {}
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Everything that is known, for the state file.
    ///
    /// # Errors
    /// When the state cannot be written as JSON, which would be a bug of its types.
    pub fn snapshot(&self) -> serde_json::Result<Value> {
        self.read(|state, _| serde_json::to_value(state))
    }

    /// What exists in the cloud, without a secret, for the control endpoint.
    pub fn inventory(&self) -> Value {
        self.read(|state, _| {
            let fleets: Vec<Value> = state
                .fleets
                .values()
                .map(|fleet| {
                    let associations: Vec<Value> = fleet
                        .memberships
                        .values()
                        .map(|m| json!({"cluster_id": m.cluster_id, "state": m.state.inventory_name(), "message": m.message}))
                        .collect();
                    json!({"fleet_id": fleet.cluster_id, "name": fleet.name, "state": fleet.state,
                           "initial": fleet.initial, "associations": associations})
                })
                .collect();
            let members: Vec<Value> = state
                .clusters
                .values()
                .map(|c| {
                    json!({"cluster_id": c.cluster_id, "name": c.name, "state": c.state, "vpc_id": c.vpc_id,
                           "security_group_id": c.security_group_id})
                })
                .collect();
            let added_rules: Vec<Value> = state
                .security_groups
                .values()
                .flat_map(|group| {
                    group.rules.iter().filter(|rule| !rule.initial).map(|rule| {
                        json!({"security_group_id": group.security_group_id, "rule_id": rule.rule_id,
                               "source": rule.source_cidr_ip, "port_range": rule.port_range})
                    })
                })
                .collect();
            json!({
                "region": state.region,
                "fleets": fleets,
                "members": members,
                "vpcs": state.vpcs.keys().collect::<Vec<_>>(),
                "vswitches": state.vswitches.keys().collect::<Vec<_>>(),
                "security_group_rules_added": added_rules,
                "associations": state.fleets.values().map(|f| f.memberships.values().filter(|m| m.exists()).count()).sum::<usize>(),
            })
        })
    }

    fn announce(&self) {
        self.changes.send_modify(|serial| *serial = serial.wrapping_add(1));
    }
}
