//! ACK clusters, version 2015-12-15: what a member is before it is attached.

use serde::Deserialize;

use super::{
    cancel::CallContext,
    client::{Answer, CloudClient},
    error::CloudError,
    id::{ClusterId, SecurityGroupId, VSwitchId, VpcId},
    lenient::{non_empty, or_default, states},
    request::{Action, ApiRequest, Method, Product},
};

states! {
    /// State of an ACK cluster.
    ClusterState {
        /// Being created.
        Initial = "initial",
        /// Creation failed.
        Failed = "failed",
        /// Usable.
        Running = "running",
        /// Being changed.
        Updating = "updating",
        /// Being upgraded.
        Upgrading = "upgrading",
        /// Nodes are being removed.
        Removing = "removing",
        /// Nodes are being drained.
        Draining = "draining",
        /// Being resized.
        Scaling = "scaling",
        /// Stopped.
        Inactive = "inactive",
        /// Not reachable.
        Unavailable = "unavailable",
        /// Being deleted.
        Deleting = "deleting",
        /// Gone, but still listed.
        Deleted = "deleted",
        /// Deletion failed.
        DeleteFailed = "delete_failed",
        /// Registered, not connected yet.
        Waiting = "waiting",
        /// Registered, connection lost.
        Disconnected = "disconnected",
    }
}

/// One ACK cluster, as far as an association needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterDetail {
    /// Its id.
    pub id: ClusterId,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: ClusterState,
    /// Its region, in the service's spelling.
    pub region: String,
    /// `Kubernetes`, `ManagedKubernetes`, `ExternalKubernetes`.
    pub cluster_type: Option<String>,
    /// `Default`, `Edge`, `Serverless`, `Lingjun`.
    pub profile: Option<String>,
    /// Size of its control plane.
    pub spec: Option<String>,
    /// Its Kubernetes version.
    pub version: Option<String>,
    /// Its VPC.
    pub vpc_id: Option<VpcId>,
    /// Its vSwitches.
    pub vswitch_ids: Vec<VSwitchId>,
    /// The security group that must admit the gateway.
    pub security_group_id: Option<SecurityGroupId>,
}

#[derive(Deserialize)]
struct Body {
    cluster_id: ClusterId,
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    state: ClusterState,
    #[serde(default, deserialize_with = "or_default")]
    region_id: String,
    #[serde(default, deserialize_with = "non_empty")]
    cluster_type: Option<String>,
    #[serde(default, deserialize_with = "non_empty")]
    profile: Option<String>,
    #[serde(default, deserialize_with = "non_empty")]
    cluster_spec: Option<String>,
    #[serde(default, deserialize_with = "non_empty")]
    current_version: Option<String>,
    #[serde(default, deserialize_with = "non_empty")]
    vpc_id: Option<VpcId>,
    #[serde(default, deserialize_with = "or_default")]
    vswitch_ids: Vec<VSwitchId>,
    #[serde(default, deserialize_with = "non_empty")]
    security_group_id: Option<SecurityGroupId>,
}

impl CloudClient {
    /// `DescribeClusterDetail`.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::call`]; `is_not_found()` if there is no such cluster. An empty id is an error of its own: its
    /// path would list all clusters.
    pub async fn describe_cluster_detail(
        &self,
        cluster: &ClusterId,
        context: &CallContext,
    ) -> Result<ClusterDetail, CloudError> {
        let action = Action { product: Product::Cs, name: "DescribeClusterDetail" };
        let request = ApiRequest::roa(action.product, action.name, Method::Get, &["clusters", cluster.as_str()])
            .map_err(|source| CloudError::Configuration { action, source: source.into() })?;
        let Answer { body, .. }: Answer<Body> = self.call(&request, context).await?;
        Ok(ClusterDetail {
            id: body.cluster_id,
            name: body.name,
            state: body.state,
            region: body.region_id,
            cluster_type: body.cluster_type,
            profile: body.profile,
            spec: body.cluster_spec,
            version: body.current_version,
            vpc_id: body.vpc_id,
            vswitch_ids: body.vswitch_ids,
            security_group_id: body.security_group_id,
        })
    }
}
