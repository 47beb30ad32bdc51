//! Whether the clusters that a gateway shall route to are members of its Fleet.
//!
//! Asked by apply before the first write, and only about clusters that the write adds: what the controller makes of an ID
//! that is no member is not documented, and the gateway would have no backends there. It must never stop somebody who
//! cannot ask: whoever reaches the Fleet without cloud credentials is not checked.

use std::time::Duration;

use tokio::time::Instant;

use super::model::Gateway;
use crate::clients::Clients;
use crate::cloud::fleet::{ManagedCluster, MemberState};
use crate::cloud::{CallContext, FleetId};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::Stored;
use crate::framework::path::Path;
use crate::framework::resource::Context;

/// The check is a courtesy: it does not hold up an apply whose cloud API is out of reach.
const LIMIT: Duration = Duration::from_secs(15);

/// Refuses clusters that `state` adds to those of `prior` and that are no members of the Fleet.
pub(super) async fn are_associated(
    clients: &Clients,
    cx: &Context,
    state: &Gateway<Stored>,
    prior: Option<&Gateway<Stored>>,
) -> Result<(), Diagnostics> {
    let Some(fleet) = &clients.settings.fleet_id else { return Ok(()) };
    let known = prior.and_then(|prior| prior.remote_clusters.as_deref()).unwrap_or_default();
    let wanted = state.remote_clusters.as_deref().unwrap_or_default();
    let added: Vec<&String> = wanted.iter().filter(|cluster| !known.contains(cluster)).flatten().collect();
    if added.is_empty() {
        return Ok(());
    }
    let context = CallContext::new(cx.cancel.clone()).with_deadline(Instant::now() + LIMIT);
    let members = match clients.cloud.members(&FleetId::new(fleet.clone()), &context).await {
        Ok(members) => members,
        Err(error) => {
            tracing::warn!(%error, "members of the Fleet cannot be listed; the check of remote_clusters is left out");
            return Ok(());
        }
    };
    let mut diagnostics = Diagnostics::new();
    for cluster in added {
        if members.iter().any(|member| member.id.as_str() == cluster && !is_leaving(member)) {
            continue;
        }
        diagnostics.push(
            Diagnostic::error(
                "Member Cluster Not Associated",
                format!(
                    "remote_clusters names cluster {cluster:?}, which is not associated with Fleet {fleet:?}: the gateway would \
                     have no backends there. Associate it first, best with ackone_fleet_cluster_association and its cluster_id \
                     here, so that the order is right, or remove it from the set. Nothing was written."
                ),
            )
            .at(Path::attribute("remote_clusters")),
        );
    }
    if diagnostics.is_empty() { Ok(()) } else { Err(diagnostics) }
}

/// Detached members may stay in the list.
fn is_leaving(member: &ManagedCluster) -> bool {
    matches!(member.membership, MemberState::Deleting | MemberState::Deleted)
}
