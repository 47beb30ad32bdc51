//! Members of a Fleet under concurrency: joined writes, shared reads, and waiting.
//!
//! Terraform works on many associations of one Fleet at once, and the API has one list per Fleet and no client token.
//! So, per Fleet:
//!
//! - attaches (or detaches) that arrive within a short window become one API call; a refused batch is sent again member
//!   by member, so that each caller gets its own answer;
//! - one write at a time; whoever comes meanwhile joins the next;
//! - after a lost answer, or a refusal, the list decides: codes for "already attached" and the like are not documented;
//! - concurrent reads share a call, yet a read never uses a call that began before it.
//!
//! Guarantee: a member whose attach may have been carried out is never reported as "not sent".

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Mutex as AsyncMutex;

use super::{
    cancel::CallContext,
    client::CloudClient,
    error::CloudError,
    fleet::ManagedCluster,
    id::{ClusterId, FleetId, RequestId, TaskId},
    request::{Action, Product},
    shared_read::SharedRead,
};

mod joined;
mod wait;

use joined::{Change, Waiting};
pub use wait::{WaitError, WaitProgress, Wanted};

/// The call that lists the members of a Fleet.
const LIST: Action = Action { product: Product::Adcp, name: "DescribeManagedClusters" };

/// Times of joining and watching.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MembershipPolicy {
    /// How long the first writer waits for others to join.
    pub join_window: Duration,
    /// Between the first two looks at the list; it doubles from look to look.
    pub first_poll: Duration,
    /// Longest time between two looks.
    pub poll_interval: Duration,
    /// Looks at the list after a lost answer, before the call is sent once more.
    pub read_backs: u32,
}

impl Default for MembershipPolicy {
    fn default() -> Self {
        Self {
            // Terraform starts the resources of a `for_each` within a few milliseconds of each other.
            join_window: Duration::from_millis(100),
            // No limits are published for adcp. A few quick looks catch a member that is attached already; a long wait settles
            // at the recommended pace.
            first_poll: Duration::from_millis(500),
            poll_interval: Duration::from_secs(5),
            read_backs: 3,
        }
    }
}

/// How the service took an attach or detach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberChange {
    /// It accepted the call; the effect comes later.
    Accepted {
        /// Of the call, which may have carried other members too.
        request_id: Option<RequestId>,
        /// The task, for support.
        task_id: Option<TaskId>,
    },
    /// There is no accepting answer, but the list shows the change done or under way: the answer was lost, or somebody
    /// else did it.
    Observed,
}

/// The Fleets of one client.
#[derive(Debug)]
pub(super) struct Fleets {
    policy: MembershipPolicy,
    desks: Mutex<BTreeMap<FleetId, Arc<Desk>>>,
}

/// Where the callers of one Fleet meet.
#[derive(Debug, Default)]
struct Desk {
    waiting: Mutex<Waiting>,
    /// Held during a write: one at a time.
    writing: AsyncMutex<()>,
    list: SharedRead<Vec<ManagedCluster>>,
}

impl Fleets {
    pub(super) fn new(policy: MembershipPolicy) -> Self {
        Self { policy, desks: Mutex::new(BTreeMap::new()) }
    }

    fn desk(&self, fleet: &FleetId) -> Arc<Desk> {
        let mut desks = self.desks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(desks.entry(fleet.clone()).or_default())
    }
}

impl CloudClient {
    /// Asks for `member` to be attached to `fleet`, together with whoever else asks now. Returns when the service has
    /// taken it, before it is attached: see [`CloudClient::wait_member`].
    ///
    /// # Errors
    ///
    /// See [`CloudClient::call`]. With `is_ambiguous()` the member may be attached all the same.
    ///
    /// # Cancellation
    ///
    /// Cancelling `context` before the call is sent withdraws the member. After that the answer is awaited for a moment.
    /// Dropping the future withdraws nothing that has been sent.
    pub async fn attach_member(
        &self,
        fleet: &FleetId,
        member: &ClusterId,
        context: &CallContext,
    ) -> Result<MemberChange, CloudError> {
        joined::change(self, fleet, member, Change::Attach, context).await
    }

    /// Asks for `member` to be detached from `fleet`; the same in every other way.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::attach_member`].
    ///
    /// # Cancellation
    ///
    /// See [`CloudClient::attach_member`].
    pub async fn detach_member(
        &self,
        fleet: &FleetId,
        member: &ClusterId,
        context: &CallContext,
    ) -> Result<MemberChange, CloudError> {
        joined::change(self, fleet, member, Change::Detach, context).await
    }

    /// Every member of `fleet`, by a call that began after this one did, shared with concurrent readers.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::describe_managed_clusters`].
    pub async fn members(
        &self,
        fleet: &FleetId,
        context: &CallContext,
    ) -> Result<Arc<Vec<ManagedCluster>>, CloudError> {
        let desk = self.fleets().desk(fleet);
        desk.list.read(LIST, context, || self.describe_managed_clusters(fleet, context)).await
    }

    /// One member of `fleet` as the list shows it, in any state; `None` if it is not listed.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::members`]. A Fleet that does not exist is an error, not an absent member.
    pub async fn member(
        &self,
        fleet: &FleetId,
        member: &ClusterId,
        context: &CallContext,
    ) -> Result<Option<ManagedCluster>, CloudError> {
        let members = self.members(fleet, context).await?;
        Ok(members.iter().find(|candidate| candidate.id == *member).cloned())
    }

    /// Watches the list until `member` is as `wanted`, and returns its last sight.
    ///
    /// `progress` is told each sight. Absence while an attach is wanted means "not yet listed". Failures that may pass
    /// do not end the wait.
    ///
    /// # Errors
    ///
    /// [`WaitError`]; the deadline is that of `context`.
    ///
    /// # Cancellation
    ///
    /// Ends at once with [`WaitError::Cancelled`]. Dropping the future is safe.
    pub async fn wait_member(
        &self,
        fleet: &FleetId,
        member: &ClusterId,
        wanted: Wanted,
        context: &CallContext,
        progress: &mut (dyn FnMut(&WaitProgress) + Send),
    ) -> Result<Option<ManagedCluster>, WaitError> {
        wait::wait(self, fleet, member, wanted, context, progress).await
    }

    fn membership_policy(&self) -> MembershipPolicy {
        self.fleets().policy
    }
}
