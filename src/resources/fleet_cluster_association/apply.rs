//! Remote operations of the association.

use std::time::Duration;

use tokio::time::Instant;

use super::FleetClusterAssociation;
use super::model::{AssociationModel, MemberId, observe, recorded};
use super::schema::{CREATE_TIMEOUT, DELETE_TIMEOUT};
use crate::clients::Clients;
use crate::cloud::fleet::{ManagedCluster, MemberState};
use crate::cloud::{CallContext, ClusterId, FleetId, WaitError, WaitProgress, Wanted};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::{Planned, Stored};
use crate::framework::path::Path;
use crate::framework::resource::{Applying, Context, Deleting, READ_TIMEOUT, Reading, TimeoutOf, TimeoutSource};
use crate::resources::diagnose::kubernetes_error;
use crate::resources::diagnose_cloud::cloud_error;
use crate::resources::gateway_users;

/// How long the members of a gateway are watched for before a detach is refused: the gateway may be going too.
const USERS_GRACE: Duration = Duration::from_secs(30);

type State = AssociationModel<Stored>;
type Plan = AssociationModel<Planned>;

fn call_context(cx: &Context, timeout: Duration) -> CallContext {
    CallContext::new(cx.cancel.clone()).with_deadline(Instant::now() + timeout)
}

fn member_of(fleet: Option<&String>, cluster: Option<&String>) -> Result<MemberId, Diagnostics> {
    match (fleet, cluster) {
        (Some(fleet), Some(cluster)) => {
            Ok(MemberId { fleet: FleetId::new(fleet.clone()), cluster: ClusterId::new(cluster.clone()) })
        }
        _ => Err(Diagnostic::error(
            "Fleet Not Named",
            "Neither this resource nor the provider block has a fleet_id. Set one of them.",
        )
        .at(Path::attribute("fleet_id"))
        .into()),
    }
}

/// Progress of a wait, for people who follow the log.
fn progress(member: &MemberId) -> impl FnMut(&WaitProgress) + Send {
    let member = member.to_string();
    move |seen| tracing::info!(%member, elapsed_s = seen.elapsed.as_secs(), state = %seen, "waiting for the membership")
}

pub(super) async fn create(
    clients: &Clients,
    cx: &mut Applying<FleetClusterAssociation>,
    planned: Plan,
) -> Result<State, Diagnostics> {
    let fleet = planned.fleet_id.known().or(clients.settings.fleet_id.as_ref());
    let member = member_of(fleet, planned.cluster_id.known())?;
    let context = call_context(&cx.context, planned.timeouts.timeout(TimeoutOf::Create, CREATE_TIMEOUT));
    let doing = format!("associating cluster {} with Fleet {}", member.cluster.as_str(), member.fleet.as_str());
    let found = clients
        .cloud
        .member(&member.fleet, &member.cluster, &context)
        .await
        .map_err(|error| cloud_error(&doing, &error, "Nothing was changed."))?;
    let mut state = recorded(&member, &planned);
    match found {
        Some(found) if is_member(&found) => {
            observe(&mut state, &found);
            cx.checkpoint(&state);
            cx.warnings.warn(
                Path::attribute("cluster_id"),
                "Cluster Already Associated",
                format!(
                    "Cluster {} is already a member of Fleet {}, so nothing was attached: the association was recorded as it is. An \
                     interrupted apply leaves it so. If another configuration manages it, remove it from one of the two.",
                    member.cluster.as_str(),
                    member.fleet.as_str()
                ),
            );
        }
        _ => {
            clients
                .cloud
                .attach_member(&member.fleet, &member.cluster, &context)
                .await
                .map_err(|error| cloud_error(&doing, &error, not_attached(error.is_ambiguous())))?;
            cx.checkpoint(&state);
        }
    }
    let strict = planned.on_wait_timeout.known().is_some_and(|choice| choice == "error");
    match wait(clients, &member, &context).await {
        Ok(found) => observe(&mut state, &found),
        Err(error) => {
            let problem = not_ready(&member, &error);
            explain(&mut state, &error);
            if strict && matches!(error, WaitError::TimedOut { .. }) {
                cx.allow_taint();
                cx.checkpoint(&state);
                return Err(untaint(problem).into());
            }
            cx.warnings.push(problem.into_warning());
        }
    }
    Ok(state)
}

/// Being detached is no membership; a failed one is attached anew.
fn is_member(found: &ManagedCluster) -> bool {
    matches!(found.membership, MemberState::Installing | MemberState::Successed)
}

const fn not_attached(ambiguous: bool) -> &'static str {
    if ambiguous {
        "Whether the cluster was attached is not known; the next apply finds out and continues from there."
    } else {
        "Nothing was attached."
    }
}

async fn wait(clients: &Clients, member: &MemberId, context: &CallContext) -> Result<ManagedCluster, WaitError> {
    let mut progress = progress(member);
    let found =
        clients.cloud.wait_member(&member.fleet, &member.cluster, Wanted::Attached, context, &mut progress).await?;
    found.ok_or(WaitError::Vanished)
}

pub(super) async fn update(
    clients: &Clients,
    cx: &mut Applying<FleetClusterAssociation>,
    prior: State,
    planned: Plan,
) -> Result<State, Diagnostics> {
    let member = member_of(prior.fleet_id.as_ref(), prior.cluster_id.as_ref())?;
    let context = call_context(&cx.context, planned.timeouts.timeout(TimeoutOf::Update, CREATE_TIMEOUT));
    let doing = format!("associating cluster {} with Fleet {}", member.cluster.as_str(), member.fleet.as_str());
    let mut state =
        State { name: prior.name, region: prior.region, vpc_id: prior.vpc_id, ..recorded(&member, &planned) };
    let found = clients.cloud.member(&member.fleet, &member.cluster, &context).await;
    let found = found.map_err(|error| cloud_error(&doing, &error, "Nothing was changed."))?;
    if !found.as_ref().is_some_and(is_member) {
        clients
            .cloud
            .attach_member(&member.fleet, &member.cluster, &context)
            .await
            .map_err(|error| cloud_error(&doing, &error, not_attached(error.is_ambiguous())))?;
    }
    match wait(clients, &member, &context).await {
        Ok(found) => observe(&mut state, &found),
        Err(error) => {
            let problem = not_ready(&member, &error);
            explain(&mut state, &error);
            let strict = planned.on_wait_timeout.known().is_some_and(|choice| choice == "error");
            let passing = match error {
                WaitError::Cancelled { .. } => true,
                WaitError::TimedOut { .. } => !strict,
                WaitError::Failed { .. } | WaitError::Vanished | WaitError::Cloud(_) => false,
            };
            if !passing {
                cx.checkpoint(&state);
                return Err(problem.into());
            }
            cx.warnings.push(problem.into_warning());
        }
    }
    Ok(state)
}

/// The last sight of a wait that ended early.
fn explain(state: &mut State, error: &WaitError) {
    state.ready = Some(false);
    let reason = match error {
        WaitError::TimedOut { last } | WaitError::Cancelled { last } => {
            state.state = last.state.as_ref().map(ToString::to_string);
            match &last.message {
                Some(message) => format!("{error} ({message})"),
                None => error.to_string(),
            }
        }
        WaitError::Failed { .. } => {
            state.state = Some(MemberState::Failed.to_string());
            error.to_string()
        }
        WaitError::Vanished | WaitError::Cloud(_) => error.to_string(),
    };
    state.reason = Some(reason);
}

fn not_ready(member: &MemberId, error: &WaitError) -> Diagnostic {
    let (cluster, fleet) = (member.cluster.as_str(), member.fleet.as_str());
    let kept = "The association stays in state with ready = false, and the next apply waits again.";
    match error {
        WaitError::Failed { message } => Diagnostic::error(
            "Association Failed",
            format!(
                "Fleet {fleet} reports that cluster {cluster} could not be associated: {}\nUsual causes: the cluster is not running, it is \
                 in a VPC that the Fleet does not reach, or it belongs to another Fleet. Remove the cause, then apply again: the cluster \
                 is attached anew.",
                message.as_deref().unwrap_or("the service gives no reason.")
            ),
        ),
        WaitError::Vanished => Diagnostic::error(
            "Member Detached Meanwhile",
            format!("Cluster {cluster} was detached from Fleet {fleet} by somebody else while it was being attached. Apply again."),
        ),
        WaitError::TimedOut { last } => Diagnostic::error(
            "Association Takes Long",
            format!(
                "Cluster {cluster} was attached to Fleet {fleet}, but its membership did not become ready in time; last seen: {last}. \
                 {kept} Raise `timeouts` if that is normal for it."
            ),
        ),
        WaitError::Cancelled { last } => Diagnostic::error(
            "Wait Interrupted",
            format!(
                "Cluster {cluster} was attached to Fleet {fleet}; the wait for its membership was interrupted, last seen: {last}. {kept}"
            ),
        ),
        WaitError::Cloud(error) => Diagnostic::error(
            "Members Not Listed",
            format!(
                "Cluster {cluster} was attached to Fleet {fleet}, but the Fleet's members cannot be listed, so nobody knows whether it is \
                 ready. {kept}\n{}",
                error.chain()
            ),
        ),
    }
    .at(Path::attribute("cluster_id"))
}

fn untaint(mut problem: Diagnostic) -> Diagnostic {
    problem.detail.push_str(
        "\nBecause on_wait_timeout is \"error\", Terraform marks the association as tainted and would replace it. `terraform untaint` \
         with its address keeps it.",
    );
    problem
}

pub(super) async fn read(clients: &Clients, cx: &mut Reading, prior: State) -> Result<Option<State>, Diagnostics> {
    let member = member_of(prior.fleet_id.as_ref(), prior.cluster_id.as_ref())?;
    let context = call_context(&cx.context, prior.timeouts.timeout(TimeoutOf::Read, READ_TIMEOUT));
    let doing =
        format!("reading the membership of cluster {} in Fleet {}", member.cluster.as_str(), member.fleet.as_str());
    let found = clients.cloud.member(&member.fleet, &member.cluster, &context).await;
    match found.map_err(|error| cloud_error(&doing, &error, "State was left as it is."))? {
        // `Deleting` is still there, but going: a create waits for it.
        None => Ok(None),
        Some(found) if found.membership == MemberState::Deleted => Ok(None),
        Some(found) => {
            let mut state = State { id: Some(member.to_string()), ..prior };
            observe(&mut state, &found);
            Ok(Some(state))
        }
    }
}

pub(super) async fn delete(clients: &Clients, cx: &mut Deleting, prior: State) -> Result<(), Diagnostics> {
    let member = member_of(prior.fleet_id.as_ref(), prior.cluster_id.as_ref())?;
    let (cluster, fleet) = (member.cluster.as_str(), member.fleet.as_str());
    let context = call_context(&cx.context, prior.timeouts.timeout(TimeoutOf::Delete, DELETE_TIMEOUT));
    let doing = format!("detaching cluster {cluster} from Fleet {fleet}");
    let found = match clients.cloud.member(&member.fleet, &member.cluster, &context).await {
        Ok(found) => found,
        // No Fleet, no membership.
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(cloud_error(&doing, &error, "Nothing was detached.")),
    };
    match found {
        None => return Ok(()),
        Some(found) if found.membership == MemberState::Deleted => return Ok(()),
        Some(_) => {}
    }
    if prior.ignore_gateways != Some(true) {
        refuse_while_used(clients, cx, &member).await?;
    }
    clients.cloud.detach_member(&member.fleet, &member.cluster, &context).await.map_err(|error| {
        let outcome = if error.is_ambiguous() {
            "Whether the cluster was detached is not known; the next run finds out."
        } else {
            "Nothing was detached."
        };
        cloud_error(&doing, &error, outcome)
    })?;
    let mut progress = progress(&member);
    let gone = clients.cloud.wait_member(&member.fleet, &member.cluster, Wanted::Absent, &context, &mut progress).await;
    match gone {
        Ok(_) => Ok(()),
        Err(error) => Err(Diagnostic::error(
            "Member Still Listed",
            format!(
                "The detach of cluster {cluster} from Fleet {fleet} was accepted, but the member is still listed: {error}. It stays in \
                 state; run the destroy again, which continues from there."
            ),
        )
        .into()),
    }
}

/// A gateway of this Fleet that routes to the member would lose its endpoints.
async fn refuse_while_used(clients: &Clients, cx: &Deleting, member: &MemberId) -> Result<(), Diagnostics> {
    // Another Fleet's gateways cannot be seen from here.
    if clients.settings.fleet_id.as_deref() != Some(member.fleet.as_str()) {
        return Ok(());
    }
    let users = gateway_users::routing_to(clients, &cx.context, member.cluster.as_str(), USERS_GRACE).await;
    let users = users.map_err(|error| {
        let doing = format!("looking for gateways that route to cluster {}", member.cluster.as_str());
        let mut errors = Diagnostics::new();
        for mut diagnostic in kubernetes_error(&doing, &error, &|_| Path::root()) {
            diagnostic.detail.push_str(
                "\nNothing was detached. To detach without this look, set ignore_gateways = true and apply that before the destroy.",
            );
            errors.push(diagnostic);
        }
        errors
    })?;
    if users.is_empty() {
        return Ok(());
    }
    Err(Diagnostic::error(
        "Member Still In Use",
        format!(
            "Cluster {} was not detached from Fleet {}: {} still routes to it, and its endpoints there would be lost at once.\nIf the gateway is in \
             this configuration, give this resource `lifecycle {{ create_before_destroy = true }}` and take cluster_id from it in the \
             gateway's remote_clusters: Terraform then updates the gateway first. Else remove the cluster from the gateway first, or set \
             ignore_gateways = true and apply that before.",
            member.cluster.as_str(),
            member.fleet.as_str(),
            users.join(" and ")
        ),
    )
    .at(Path::attribute("ignore_gateways"))
    .into())
}
