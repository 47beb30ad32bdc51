//! What the surroundings of a gateway must be: pure functions over what the cloud said.
//!
//! The Fleet and its members may be made, and rights given, in the same run or by somebody else meanwhile, so all but one are
//! warnings. The zone of a vSwitch never changes, and the service refuses a load balancer with two vSwitches in one zone:
//! that is an error. Facts: the guide of ACK One's ALB multi-cluster gateways (prerequisites), the ALB quota list.

use std::collections::BTreeMap;

use super::{Gateway, Vswitch};
use crate::cloud::alb::{AlbListener, AlbServerGroup};
use crate::cloud::cs::{ClusterDetail, ClusterState};
use crate::cloud::fleet::{Fleet, FleetState, ManagedCluster, MemberState};
use crate::cloud::vpc::VSwitch;
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::path::Path;

/// Servers that one load balancer takes unless the quota was raised.
const SERVERS_QUOTA: u64 = 1_000;

/// From how many servers on their quota is told: nine tenths of it.
const MANY_SERVERS: u64 = SERVERS_QUOTA * 9 / 10;

fn at_clusters() -> Path {
    Path::attribute("remote_clusters")
}

/// The Fleet runs.
pub(super) fn fleet_runs(fleet: &Fleet, found: &mut Diagnostics) {
    if fleet.state == FleetState::Running {
        return;
    }
    let why = fleet.error_message.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
    found.warn(
        Path::root(),
        "Fleet Not Running",
        format!(
            "Fleet {:?} is {:?}{why}, so nothing in it acts on the gateway. Look at it in the ACK One console; apply once it is \
             running.",
            fleet.id.as_str(),
            fleet.state.as_str(),
        ),
    );
}

/// Clusters are members of the Fleet, or become so in this run: `coming` says of which that is known.
pub(super) fn clusters_are_members(
    gateway: &Gateway<'_>,
    fleet: &str,
    members: &[ManagedCluster],
    coming: impl Fn(&str) -> bool,
    found: &mut Diagnostics,
) {
    for cluster in &gateway.clusters {
        let member = members.iter().find(|member| member.id.as_str() == *cluster);
        let stays =
            member.is_some_and(|member| !matches!(member.membership, MemberState::Deleting | MemberState::Deleted));
        if stays || coming(cluster) {
            continue;
        }
        found.warn(
            at_clusters(),
            "Member Cluster Not Associated",
            format!(
                "Cluster {cluster:?} is not associated with Fleet {fleet:?}, and nothing that was planned before this gateway \
                 associates it. The apply stops before it writes the gateway if that is still so then. Associate it with \
                 ackone_fleet_cluster_association, and take the ID from the cluster_id of that resource, so that the order is \
                 right."
            ),
        );
    }
}

/// Members are healthy: the membership has not failed and the cluster runs.
pub(super) fn members_run(gateway: &Gateway<'_>, members: &[ManagedCluster], found: &mut Diagnostics) {
    for member in listed(gateway, members) {
        let name = describe(member);
        let said = member.message.as_ref().map_or_else(String::new, |said| format!(" ({said})"));
        let (what, remedy) = match (&member.membership, &member.cluster_state) {
            (MemberState::Failed, _) => {
                (format!("could not be associated{said}"), "Detach it and associate it again once the cause is mended.")
            }
            (_, FleetState::Running) => continue,
            (_, FleetState::Unrecognized(state)) if state.is_empty() => continue,
            (_, state) => (
                format!("is {:?}", state.as_str()),
                "Bring it back to running, or take it out of remote_clusters until then.",
            ),
        };
        found.warn(
            at_clusters(),
            "Member Cluster Not Running",
            format!("{name} {what}, so the gateway has no backends there. {remedy}"),
        );
    }
}

/// A cluster that is to be associated exists, runs, and stands in the Fleet's VPC. `None`: it does not exist.
pub(super) fn cluster_can_join(cluster: Option<&ClusterDetail>, fleet: Option<&Fleet>, found: &mut Diagnostics) {
    let at = || Path::attribute("cluster_id");
    let Some(cluster) = cluster else {
        found.warn(
            at(),
            "Cluster Not Found",
            "There is no ACK cluster of this ID in the region that these credentials may see. Check the ID against the ACK \
             console, and the region.",
        );
        return;
    };
    if !matches!(&cluster.state, ClusterState::Running) && !cluster.state.as_str().is_empty() {
        found.warn(
            at(),
            "Cluster Not Running",
            format!(
                "The cluster {:?} is {:?}; a Fleet associates running clusters only. Apply once it is running.",
                cluster.name,
                cluster.state.as_str()
            ),
        );
    }
    let home = fleet.and_then(|fleet| fleet.vpc_id.as_ref());
    if let (Some(vpc), Some(home)) = (&cluster.vpc_id, home)
        && vpc != home
    {
        found.warn(
            at(),
            "Cluster in Another VPC",
            format!(
                "The cluster {:?} stands in VPC {:?}, the Fleet in {:?}. The service may refuse it, and a gateway of the Fleet \
                 reaches it only if the two VPCs are joined by Cloud Enterprise Network. Use a cluster in the Fleet's VPC, or leave \
                 this check out with skip_cross_checks = [\"members\"] in the provider block.",
                cluster.name,
                vpc.as_str(),
                home.as_str(),
            ),
        );
    }
}

/// Members stand in the Fleet's VPC.
pub(super) fn members_share_the_vpc(
    gateway: &Gateway<'_>,
    fleet: &Fleet,
    members: &[ManagedCluster],
    found: &mut Diagnostics,
) {
    let Some(vpc) = &fleet.vpc_id else { return };
    for member in listed(gateway, members) {
        let Some(other) = member.vpc_id.as_ref().filter(|other| *other != vpc) else { continue };
        found.warn(
            at_clusters(),
            "Member Cluster in Another VPC",
            format!(
                "{} stands in VPC {:?}, the Fleet in {:?}: the load balancer reaches its backends only if the two VPCs are joined \
                 by Cloud Enterprise Network and their node and Pod ranges do not overlap. Use a cluster in the Fleet's VPC, or \
                 make sure of that and leave this check out with skip_cross_checks = [\"members\"] in the provider block.",
                describe(member),
                other.as_str(),
                vpc.as_str(),
            ),
        );
    }
}

/// vSwitches exist, and stand in the Fleet's VPC.
pub(super) fn vswitches_serve(
    gateway: &Gateway<'_>,
    fleet: Option<&Fleet>,
    seen: &BTreeMap<String, Option<VSwitch>>,
    found: &mut Diagnostics,
) {
    let home = fleet.and_then(|fleet| fleet.vpc_id.as_ref());
    for Vswitch { id, at } in &gateway.vswitches {
        match (seen.get(*id), home) {
            (Some(None), _) => found.warn(
                at.clone(),
                "VSwitch Not Found",
                format!(
                    "There is no vSwitch {id:?} in the region that these credentials may see; the controller would refuse the \
                     gateway. Name one of the Fleet's VPC: data \"ackone_vswitches\" lists them."
                ),
            ),
            (Some(Some(vswitch)), Some(vpc)) if vswitch.vpc_id != *vpc => found.warn(
                at.clone(),
                "VSwitch in Another VPC",
                format!(
                    "vSwitch {id:?} belongs to VPC {:?}, the Fleet to {:?}: a load balancer there does not reach the members. Name a \
                     vSwitch of the Fleet's VPC: data \"ackone_vswitches\" lists them.",
                    vswitch.vpc_id.as_str(),
                    vpc.as_str(),
                ),
            ),
            _ => {}
        }
    }
}

/// Each vSwitch stands in a zone of its own.
pub(super) fn zones_differ(gateway: &Gateway<'_>, seen: &BTreeMap<String, Option<VSwitch>>, found: &mut Diagnostics) {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for Vswitch { id, at } in &gateway.vswitches {
        let Some(Some(vswitch)) = seen.get(*id) else { continue };
        if vswitch.zone_id.as_str().is_empty() {
            continue;
        }
        match first.insert(vswitch.zone_id.as_str(), id) {
            Some(other) if other != *id => found.error(
                at.clone(),
                "VSwitches in One Zone",
                format!(
                    "vSwitches {other:?} and {id:?} are both in zone {:?}; a load balancer takes one vSwitch of each zone, and the \
                     service refuses it otherwise. Name a vSwitch of another zone.",
                    vswitch.zone_id.as_str()
                ),
            ),
            _ => {}
        }
    }
}

/// The ALB API refused a call that every account with the service may make.
pub(super) fn service_answers(refusal: &str) -> Diagnostic {
    Diagnostic::warning(
        "ALB Service Not Usable",
        format!(
            "The ALB API refused to list load balancers: {refusal} If the ALB service has never been used in this account, \
             activate it in the ALB console first: no API does that, and the controller cannot create the load balancer before."
        ),
    )
}

/// What an override of a reused load balancer deletes.
pub(super) fn override_deletes(gateway: &Gateway<'_>, listeners: &[AlbListener]) -> Option<Diagnostic> {
    let reuse = gateway.reuse.as_ref().filter(|reuse| reuse.overrides)?;
    let declared = gateway.listeners.as_ref()?;
    let names = listeners.iter().map(|listener| format!("{}/{}", listener.port, listener.protocol));
    let lost: Vec<String> = names.filter(|name| !declared.contains(&name.as_str())).collect();
    let text = format!(
        "Load balancer {:?} has listeners that this gateway does not declare: {}. With {} the controller deletes them, with all \
         their rules, and whoever uses them loses traffic. Declare them here, or leave the override out.",
        reuse.load_balancer_id,
        lost.join(", "),
        reuse.attribute,
    );
    let at = Path::attribute("reuse").attr(reuse.attribute);
    (!lost.is_empty()).then(|| Diagnostic::warning("Foreign Listeners Lost", text).at(at))
}

/// The servers of a load balancer fit their quota.
pub(super) fn servers_fit_the_quota(load_balancer: &str, groups: &[AlbServerGroup]) -> Option<Diagnostic> {
    let ours = groups.iter().filter(|group| group.related_load_balancer_ids.iter().any(|id| id == load_balancer));
    let servers: u64 = ours.map(|group| group.server_count).sum();
    (servers >= MANY_SERVERS).then(|| {
        Diagnostic::warning(
            "Many Servers",
            format!(
                "Load balancer {load_balancer:?} has {servers} servers in its server groups and takes {SERVERS_QUOTA} unless the \
                 quota was raised; each ready Pod or node of every member counts once in each group. Beyond it the controller \
                 adds none. Use fewer replicas, another gateway, or have the quota raised."
            ),
        )
    })
}

fn listed<'a>(gateway: &'a Gateway<'_>, members: &'a [ManagedCluster]) -> impl Iterator<Item = &'a ManagedCluster> {
    members.iter().filter(|member| gateway.clusters.contains(&member.id.as_str()))
}

fn describe(member: &ManagedCluster) -> String {
    if member.name.is_empty() {
        format!("The cluster {:?}", member.id.as_str())
    } else {
        format!("The cluster {:?} ({})", member.id.as_str(), member.name)
    }
}
