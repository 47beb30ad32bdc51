//! `ackone_fleet_clusters`: the members of a Fleet that pass some filters. The service lists them in one answer, which
//! concurrent reads share.

use std::sync::Arc;

use super::cloud_reads::{call_context, fleet_id, fleet_id_attribute, not_empty, passes};
use crate::clients::Clients;
use crate::cloud::FleetId;
use crate::cloud::fleet::ManagedCluster;
use crate::framework::data_source::DataSource;
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Planned, Stored};
use crate::framework::resource::Context;
use crate::framework::schema::{Attribute, Nesting, Schema};
use crate::framework::types::Type;
use crate::resources::diagnose_cloud::cloud_error;
use crate::resources::one_of;

/// States of a membership, in the service's spelling.
const STATES: [&str; 5] = ["Installing", "Successed", "Failed", "Deleting", "Deleted"];

crate::model! {
    /// The data source.
    pub(crate) struct FleetClustersModel {
        pub(crate) fleet_id: String,
        pub(crate) state: String,
        pub(crate) cluster_state: String,
        pub(crate) name: String,
        pub(crate) vpc_id: String,
        pub(crate) region: String,
        pub(crate) cluster_ids: Vec<String>,
        pub(crate) clusters: Vec<MemberModel<P>>,
    }
}

crate::model! {
    /// One member.
    pub(crate) struct MemberModel {
        pub(crate) cluster_id: String,
        pub(crate) name: String,
        pub(crate) region: String,
        pub(crate) vpc_id: String,
        pub(crate) vswitch_id: String,
        pub(crate) cluster_type: String,
        pub(crate) spec: String,
        pub(crate) version: String,
        pub(crate) cluster_state: String,
        pub(crate) state: String,
        pub(crate) message: String,
        pub(crate) in_mesh: bool,
    }
}

/// The data source.
#[derive(Debug)]
pub(super) struct FleetClusters(Arc<Clients>);

impl DataSource for FleetClusters {
    const TYPE: &'static str = "ackone_fleet_clusters";
    type Config = FleetClustersModel<Planned>;
    type State = FleetClustersModel<Stored>;
    type Clients = Clients;

    fn schema() -> Schema {
        Schema::new(
            "Member clusters of an ACK One Fleet, filtered. A member must pass every filter that is set. Needs \
             `adcp:DescribeManagedClusters`.",
            vec![
                fleet_id_attribute(),
                Attribute::string(
                    "state",
                    "Only members whose association is in this state, in the service's words: `Successed` (associated), \
                     `Installing`, `Failed`, `Deleting` or `Deleted`.",
                )
                .check(one_of("Invalid Membership State", &STATES)),
                Attribute::string("cluster_state", "Only members whose cluster itself is in this state, such as `running`.")
                    .check(not_empty),
                Attribute::string("name", "Only members of exactly this name.").check(not_empty),
                Attribute::string("vpc_id", "Only members in this VPC.").check(not_empty),
                Attribute::string("region", "Only members in this region.").check(not_empty),
                Attribute::value(
                    "cluster_ids",
                    Type::list(Type::String),
                    "IDs of the members found, sorted: for `remote_clusters` of a gateway.",
                )
                .computed(),
                Attribute::nested("clusters", Nesting::List, member(), "The members found, sorted by ID.").computed(),
            ],
        )
    }

    fn new(clients: Option<Arc<Clients>>) -> Option<Self> {
        clients.map(Self)
    }

    async fn read(&self, cx: &Context, config: Self::Config, _: &mut Diagnostics) -> Result<Self::State, Diagnostics> {
        let fleet = fleet_id(&config.fleet_id, &self.0)?;
        let found = self.0.cloud.members(&fleet, &call_context(cx)).await;
        let doing = format!("listing the members of Fleet {}", fleet.as_str());
        let found = found.map_err(|error| cloud_error(&doing, &error, ""))?;
        Ok(answer(config, &fleet, found.iter()))
    }
}

fn member() -> Vec<Attribute> {
    let text = |name, description: &'static str| Attribute::string(name, description).computed();
    vec![
        text("cluster_id", "ID of the ACK cluster."),
        text("name", "Its name."),
        text("region", "Its region."),
        text("vpc_id", "Its VPC."),
        text("vswitch_id", "Its vSwitch."),
        text("cluster_type", "`ManagedKubernetes`, `ExternalKubernetes` and so on."),
        text("spec", "Size of its control plane."),
        text("version", "Its Kubernetes version."),
        text("cluster_state", "State of the cluster itself: `running` when it is usable."),
        text("state", "State of the association: `Successed` when it is a member."),
        text("message", "What the service says of the association, such as why it failed."),
        Attribute::bool("in_mesh", "Whether it is in the Fleet's service mesh.").computed(),
    ]
}

/// The members that pass the filters.
fn answer<'a>(
    config: FleetClustersModel<Planned>,
    fleet: &FleetId,
    found: impl Iterator<Item = &'a ManagedCluster>,
) -> FleetClustersModel<Stored> {
    let mut found: Vec<&ManagedCluster> = found
        .filter(|member| {
            passes(&config.state, Some(member.membership.as_str()))
                && passes(&config.cluster_state, Some(member.cluster_state.as_str()))
                && passes(&config.name, Some(&member.name))
                && passes(&config.vpc_id, member.vpc_id.as_ref().map(|id| id.as_str()))
                && passes(&config.region, Some(&member.region))
        })
        .collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    FleetClustersModel {
        fleet_id: Some(fleet.as_str().to_owned()),
        state: config.state.into_known(),
        cluster_state: config.cluster_state.into_known(),
        name: config.name.into_known(),
        vpc_id: config.vpc_id.into_known(),
        region: config.region.into_known(),
        cluster_ids: Some(found.iter().map(|member| member.id.as_str().to_owned()).collect()),
        clusters: Some(found.into_iter().map(member_model).collect()),
    }
}

fn member_model(member: &ManagedCluster) -> MemberModel<Stored> {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    MemberModel {
        cluster_id: Some(member.id.as_str().to_owned()),
        name: given(&member.name),
        region: given(&member.region),
        vpc_id: member.vpc_id.as_ref().map(|id| id.as_str().to_owned()),
        vswitch_id: member.vswitch_id.as_ref().map(|id| id.as_str().to_owned()),
        cluster_type: member.cluster_type.clone(),
        spec: member.spec.clone(),
        version: member.version.clone(),
        cluster_state: given(member.cluster_state.as_str()),
        state: given(member.membership.as_str()),
        message: member.message.clone(),
        in_mesh: Some(member.in_mesh),
    }
}
