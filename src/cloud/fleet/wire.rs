//! Answers of adcp as they are on the wire, and how they become our types.
//!
//! Every member may be absent or null. Casing is irregular and taken from the SDK's models one by one.

use serde::Deserialize;

use super::{Fleet, FleetState, ManagedCluster, MemberState};
use crate::cloud::{
    id::{ClusterId, FleetId, SecurityGroupId, VSwitchId, VpcId},
    lenient::{non_empty, or_default},
};

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct WireFleet {
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
    #[serde(rename = "ResourceGroupID", deserialize_with = "non_empty")]
    resource_group_id: Option<String>,
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
            resource_group_id: info.resource_group_id,
            tags: info.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct WireManaged {
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
pub(in crate::cloud) fn managed_from_json(text: &str) -> ManagedCluster {
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
            "Version":"1.22.3-aliyun.1","Tags":[{"Key":"k","Value":"v"}],"ErrorMessage":"","ResourceGroupID":"rg-1",
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
        assert_eq!(fleet.resource_group_id.as_deref(), Some("rg-1"));
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
}
