//! Fleets and their members: the adcp API, version 2022-01-01.
//!
//! Users and this crate say *Fleet*; the API says *Hub* in the names of its actions and plain *Cluster* in those of its
//! members (`ClusterId` of a Fleet). No action of adcp takes a client token: attach and detach are [`Effect::Writes`]
//! and go through [`super::membership`], which reads the list back when an answer is lost.
//!
//! Facts: the official SDK's models and OpenAPI metadata of adcp. Members' casing is irregular (`SecurityGroupIDs`,
//! `ClusterID`, but `ClusterId`) and the success state is really spelled `Successed`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    cancel::CallContext,
    client::{Answer, CloudClient},
    error::CloudError,
    id::{ClusterId, FleetId, SecurityGroupId, TaskId, VSwitchId, VpcId},
    lenient::{non_empty, or_default, states},
    request::{ApiRequest, Effect, Product},
    secret::SecretString,
};

states! {
    /// State of a Fleet, and of a member cluster as the Fleet API reports it.
    FleetState {
        /// Being created.
        Initial = "initial",
        /// Creation failed.
        Failed = "failed",
        /// Usable.
        Running = "running",
        /// Stopped.
        Inactive = "inactive",
        /// Being deleted.
        Deleting = "deleting",
        /// Deletion failed.
        DeleteFailed = "delete_failed",
        /// Gone, but still listed.
        Deleted = "deleted",
    }
}

states! {
    /// State of one membership. The member cluster's own health is another matter.
    MemberState {
        /// Being attached.
        Installing = "Installing",
        /// Attached. The API's spelling.
        Successed = "Successed",
        /// Attaching failed; the message says why.
        Failed = "Failed",
        /// Being detached.
        Deleting = "Deleting",
        /// Detached, but still listed.
        Deleted = "Deleted",
    }
}

/// Which of a Fleet's API server addresses a kubeconfig should name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FleetEndpoint {
    /// The address inside the VPC.
    Private,
    /// The address on the internet, if the Fleet has one.
    #[default]
    Public,
}

/// One Fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fleet {
    /// Its id.
    pub id: FleetId,
    /// Its name.
    pub name: String,
    /// `Default`, or `XFlow` for workflow fleets.
    pub profile: String,
    /// Its region, in the service's spelling.
    pub region: String,
    /// Its state.
    pub state: FleetState,
    /// Why creation failed, if it did.
    pub error_message: Option<String>,
    /// Kubernetes version of its API server.
    pub version: Option<String>,
    /// Size of its control plane.
    pub spec: Option<String>,
    /// When it was created, in the service's spelling.
    pub created: Option<String>,
    /// Its VPC.
    pub vpc_id: Option<VpcId>,
    /// Its vSwitches.
    pub vswitch_ids: Vec<VSwitchId>,
    /// Its security groups.
    pub security_group_ids: Vec<SecurityGroupId>,
    /// Whether its API server is on the internet.
    pub public_api_server: bool,
    /// URL of its API server inside the VPC.
    pub private_endpoint: Option<String>,
    /// URL of its API server on the internet.
    pub public_endpoint: Option<String>,
    /// Whether Argo CD is on; `None` until the service says so, a while after `running`.
    pub gitops_enabled: Option<bool>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// One member of a Fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedCluster {
    /// The member cluster.
    pub id: ClusterId,
    /// Its name.
    pub name: String,
    /// Its region, in the service's spelling.
    pub region: String,
    /// Its VPC.
    pub vpc_id: Option<VpcId>,
    /// Its vSwitch.
    pub vswitch_id: Option<VSwitchId>,
    /// `ManagedKubernetes`, `ExternalKubernetes` and so on.
    pub cluster_type: Option<String>,
    /// Size of its control plane.
    pub spec: Option<String>,
    /// Its Kubernetes version.
    pub version: Option<String>,
    /// The member cluster's own state.
    pub cluster_state: FleetState,
    /// State of the membership: what attach and detach change.
    pub membership: MemberState,
    /// What the service says about the membership.
    pub message: Option<String>,
    /// Whether it is in the Fleet's service mesh.
    pub in_mesh: bool,
}

/// The service took an attach or detach; its effect comes later.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AcceptedTask {
    /// The task. adcp has no call to ask about it.
    #[serde(default, rename = "TaskId", deserialize_with = "non_empty")]
    pub task_id: Option<TaskId>,
}

impl CloudClient {
    /// `DescribeHubClusters`: the Fleets of the endpoint's region with profile `Default`. Not paged.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::call`].
    pub async fn describe_fleets(&self, context: &CallContext) -> Result<Vec<Fleet>, CloudError> {
        #[derive(Deserialize)]
        struct Body {
            #[serde(default, rename = "Clusters", deserialize_with = "or_default")]
            clusters: Vec<WireFleet>,
        }
        let request = ApiRequest::rpc(Product::Adcp, "DescribeHubClusters");
        let answer: Answer<Body> = self.call(&request, context).await?;
        Ok(answer.body.clusters.into_iter().map(Fleet::from).collect())
    }

    /// `DescribeHubClusterDetails`.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::call`]; `is_not_found()` if there is no such Fleet.
    pub async fn describe_fleet(&self, fleet: &FleetId, context: &CallContext) -> Result<Fleet, CloudError> {
        #[derive(Deserialize)]
        struct Body {
            #[serde(rename = "Cluster")]
            cluster: WireFleet,
        }
        let request = ApiRequest::rpc(Product::Adcp, "DescribeHubClusterDetails").query("ClusterId", fleet.as_str());
        let answer: Answer<Body> = self.call(&request, context).await?;
        Ok(answer.body.cluster.into())
    }

    /// `DescribeHubClusterKubeconfig`: short-lived access to the Fleet's API server. Keep it in memory only.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::call`]; [`CloudError::Unreadable`] if the service sends none, which is how a missing public
    /// address may show (not documented).
    pub async fn fleet_kubeconfig(
        &self,
        fleet: &FleetId,
        endpoint: FleetEndpoint,
        context: &CallContext,
    ) -> Result<SecretString, CloudError> {
        #[derive(Deserialize)]
        struct Body {
            #[serde(default, rename = "Kubeconfig", deserialize_with = "or_default")]
            kubeconfig: SecretString,
        }
        let request = ApiRequest::rpc(Product::Adcp, "DescribeHubClusterKubeconfig")
            .query("ClusterId", fleet.as_str())
            .query("PrivateIpAddress", endpoint == FleetEndpoint::Private)
            .secret_answer();
        let answer: Answer<Body> = self.call(&request, context).await?;
        if answer.body.kubeconfig.is_empty() {
            return Err(CloudError::Unreadable {
                action: request.action(),
                reason: "it holds no kubeconfig".to_owned(),
                request_id: answer.request_id,
            });
        }
        Ok(answer.body.kubeconfig)
    }

    /// `DescribeManagedClusters`: every member of the Fleet, in any state. Not paged. Reads of members usually go
    /// through [`CloudClient::members`], which shares calls.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::call`]; `is_not_found()` if there is no such Fleet.
    pub async fn describe_managed_clusters(
        &self,
        fleet: &FleetId,
        context: &CallContext,
    ) -> Result<Vec<ManagedCluster>, CloudError> {
        #[derive(Deserialize)]
        struct Body {
            #[serde(default, rename = "Clusters", deserialize_with = "or_default")]
            clusters: Vec<WireManaged>,
        }
        let request = ApiRequest::rpc(Product::Adcp, "DescribeManagedClusters").query("ClusterId", fleet.as_str());
        let answer: Answer<Body> = self.call(&request, context).await?;
        Ok(answer.body.clusters.into_iter().map(ManagedCluster::from).collect())
    }

    /// `AttachClusterToHub`: asks for members to be attached; returns before they are.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::call`]. After an ambiguous error read the list before sending again.
    pub async fn attach_cluster_to_hub(
        &self,
        fleet: &FleetId,
        members: &[ClusterId],
        context: &CallContext,
    ) -> Result<Answer<AcceptedTask>, CloudError> {
        let request = membership_write("AttachClusterToHub", fleet, members).query("AttachToMesh", false);
        self.call(&request, context).await
    }

    /// `DetachClusterFromHub`: asks for members to be detached; returns before they are.
    ///
    /// `DetachFromMesh` is never sent: `true` would take members out of the mesh only and leave them in the Fleet.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::call`]. After an ambiguous error read the list before sending again.
    pub async fn detach_cluster_from_hub(
        &self,
        fleet: &FleetId,
        members: &[ClusterId],
        context: &CallContext,
    ) -> Result<Answer<AcceptedTask>, CloudError> {
        self.call(&membership_write("DetachClusterFromHub", fleet, members), context).await
    }
}

fn membership_write(name: &'static str, fleet: &FleetId, members: &[ClusterId]) -> ApiRequest {
    let ids: Vec<&str> = members.iter().map(ClusterId::as_str).collect();
    ApiRequest::rpc(Product::Adcp, name)
        .query("ClusterId", fleet.as_str())
        .form_json("ClusterIds", ids)
        .effect(Effect::Writes)
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct WireFleet {
    #[serde(deserialize_with = "or_default")]
    cluster_info: WireClusterInfo,
    #[serde(deserialize_with = "or_default")]
    network: WireNetwork,
    #[serde(deserialize_with = "or_default")]
    api_server: WireApiServer,
    #[serde(deserialize_with = "or_default")]
    endpoints: WireEndpoints,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct WireClusterInfo {
    #[serde(deserialize_with = "or_default")]
    cluster_id: FleetId,
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    profile: String,
    #[serde(deserialize_with = "or_default")]
    region_id: String,
    #[serde(deserialize_with = "or_default")]
    state: FleetState,
    #[serde(deserialize_with = "non_empty")]
    cluster_spec: Option<String>,
    #[serde(deserialize_with = "non_empty")]
    version: Option<String>,
    #[serde(deserialize_with = "non_empty")]
    creation_time: Option<String>,
    #[serde(deserialize_with = "non_empty")]
    error_message: Option<String>,
    #[serde(deserialize_with = "or_default")]
    tags: Vec<WireTag>,
    #[serde(deserialize_with = "or_default")]
    meta_data: WireMetaData,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct WireTag {
    #[serde(deserialize_with = "or_default")]
    key: String,
    #[serde(deserialize_with = "or_default")]
    value: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireMetaData {
    #[serde(rename = "ACKOne", deserialize_with = "or_default")]
    ack_one: WireAckOne,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireAckOne {
    #[serde(rename = "GitOps", deserialize_with = "or_default")]
    gitops: WireGitOps,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct WireGitOps {
    enabled: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct WireNetwork {
    #[serde(deserialize_with = "non_empty")]
    vpc_id: Option<VpcId>,
    #[serde(deserialize_with = "or_default")]
    v_switches: Vec<VSwitchId>,
    #[serde(rename = "SecurityGroupIDs", deserialize_with = "or_default")]
    security_group_ids: Vec<SecurityGroupId>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct WireApiServer {
    #[serde(deserialize_with = "or_default")]
    enabled_public: bool,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct WireEndpoints {
    #[serde(deserialize_with = "non_empty")]
    intranet_api_server_endpoint: Option<String>,
    #[serde(deserialize_with = "non_empty")]
    public_api_server_endpoint: Option<String>,
}

impl From<WireFleet> for Fleet {
    fn from(wire: WireFleet) -> Self {
        let info = wire.cluster_info;
        Self {
            id: info.cluster_id,
            name: info.name,
            profile: info.profile,
            region: info.region_id,
            state: info.state,
            error_message: info.error_message,
            version: info.version,
            spec: info.cluster_spec,
            created: info.creation_time,
            vpc_id: wire.network.vpc_id,
            vswitch_ids: wire.network.v_switches,
            security_group_ids: wire.network.security_group_ids,
            public_api_server: wire.api_server.enabled_public,
            private_endpoint: wire.endpoints.intranet_api_server_endpoint,
            public_endpoint: wire.endpoints.public_api_server_endpoint,
            gitops_enabled: info.meta_data.ack_one.gitops.enabled,
            tags: info.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct WireManaged {
    #[serde(deserialize_with = "or_default")]
    cluster: WireMember,
    #[serde(deserialize_with = "or_default")]
    status: WireStatus,
    #[serde(deserialize_with = "or_default")]
    mesh_status: WireMesh,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct WireMember {
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(rename = "ClusterID", deserialize_with = "or_default")]
    cluster_id: ClusterId,
    #[serde(deserialize_with = "or_default")]
    region: String,
    #[serde(deserialize_with = "or_default")]
    state: FleetState,
    #[serde(deserialize_with = "non_empty")]
    cluster_type: Option<String>,
    #[serde(deserialize_with = "non_empty")]
    current_version: Option<String>,
    #[serde(rename = "VpcID", deserialize_with = "non_empty")]
    vpc_id: Option<VpcId>,
    #[serde(rename = "VSwitchID", deserialize_with = "non_empty")]
    vswitch_id: Option<VSwitchId>,
    #[serde(deserialize_with = "non_empty")]
    cluster_spec: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct WireStatus {
    #[serde(deserialize_with = "or_default")]
    state: MemberState,
    #[serde(deserialize_with = "non_empty")]
    message: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct WireMesh {
    #[serde(deserialize_with = "or_default")]
    in_mesh: bool,
}

impl From<WireManaged> for ManagedCluster {
    fn from(wire: WireManaged) -> Self {
        let cluster = wire.cluster;
        Self {
            id: cluster.cluster_id,
            name: cluster.name,
            region: cluster.region,
            vpc_id: cluster.vpc_id,
            vswitch_id: cluster.vswitch_id,
            cluster_type: cluster.cluster_type,
            spec: cluster.cluster_spec,
            version: cluster.current_version,
            cluster_state: cluster.state,
            membership: wire.status.state,
            message: wire.status.message,
            in_mesh: wire.mesh_status.in_mesh,
        }
    }
}

/// A member as the API sends it, for the tests of modules that only pass members on.
#[cfg(test)]
pub(super) fn managed_from_json(text: &str) -> ManagedCluster {
    serde_json::from_str::<WireManaged>(text).unwrap().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_documented_member_is_read() {
        let text = r#"{"Cluster":{"Name":"m","ClusterID":"c1","Region":"cn-hangzhou","State":"running",
            "ClusterType":"ManagedKubernetes","CurrentVersion":"1.22.3-aliyun.1","VpcID":"vpc-1","VSwitchID":"vsw-1",
            "ClusterSpec":"ack.pro.small"},"Status":{"State":"Successed","Message":"SUCCESS"},"MeshStatus":{"InMesh":false}}"#;
        let member = ManagedCluster::from(serde_json::from_str::<WireManaged>(text).unwrap());
        assert_eq!(member.id.as_str(), "c1");
        assert_eq!(member.vpc_id, Some("vpc-1".into()));
        assert_eq!(member.vswitch_id, Some("vsw-1".into()));
        assert_eq!(member.membership, MemberState::Successed);
        assert_eq!(member.cluster_state, FleetState::Running);
    }

    #[test]
    fn a_documented_fleet_is_read() {
        let text = r#"{"ClusterInfo":{"ClusterId":"c9","Name":"f","Profile":"Default","RegionId":"cn-hangzhou","State":"running",
            "Version":"1.22.3-aliyun.1","Tags":[{"Key":"k","Value":"v"}],"ErrorMessage":"",
            "MetaData":{"ACKOne":{"GitOps":{"Enabled":true,"HAEnabled":false},"WorkFlow":{}}}},
            "Network":{"VpcId":"vpc-1","VSwitches":["vsw-1","vsw-2"],"SecurityGroupIDs":["sg-1"]},
            "ApiServer":{"EnabledPublic":true},
            "Endpoints":{"IntranetApiServerEndpoint":"https://172.16.6.10:6443","PublicApiServerEndpoint":""}}"#;
        let fleet = Fleet::from(serde_json::from_str::<WireFleet>(text).unwrap());
        assert_eq!(fleet.id.as_str(), "c9");
        assert_eq!(fleet.vswitch_ids, [VSwitchId::new("vsw-1"), VSwitchId::new("vsw-2")]);
        assert_eq!(fleet.security_group_ids, [SecurityGroupId::new("sg-1")]);
        assert_eq!(fleet.gitops_enabled, Some(true));
        assert_eq!(fleet.public_endpoint, None);
        assert_eq!(fleet.error_message, None);
        assert_eq!(fleet.tags["k"], "v");
    }

    #[test]
    fn nulls_and_gaps_are_read_as_absent_and_unknown_states_kept() {
        let text =
            r#"{"Cluster":{"ClusterID":"c1","VpcID":null,"Name":null},"Status":{"State":"Pausing","Message":null}}"#;
        let member = ManagedCluster::from(serde_json::from_str::<WireManaged>(text).unwrap());
        assert_eq!(member.vpc_id, None);
        assert_eq!(member.membership, MemberState::Unrecognized("Pausing".to_owned()));
        assert_eq!(member.membership.to_string(), "Pausing");
        let fleet: WireFleet = serde_json::from_str(r#"{"Network":null}"#).unwrap();
        assert_eq!(Fleet::from(fleet).gitops_enabled, None);
    }

    #[test]
    fn detach_never_says_anything_about_the_mesh() {
        let request = membership_write("DetachClusterFromHub", &"f".into(), &["c1".into()]);
        assert!(request.query_parameters().keys().eq(["ClusterId"]));
        assert_eq!(request.effect_of_resend(), Effect::Writes);
    }
}
