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
use serde_json::json;

use super::{
    cancel::CallContext,
    client::{Answer, CloudClient},
    error::CloudError,
    id::{ClusterId, FleetId, SecurityGroupId, TaskId, VSwitchId, VpcId},
    lenient::{non_empty, or_default, states},
    request::{ApiRequest, Effect, Product},
    secret::SecretString,
};

mod wire;

#[cfg(test)]
pub(super) use wire::managed_from_json;
use wire::{WireFleet, WireManaged};

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

/// Which Fleets to list. The service filters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FleetFilter {
    /// Of this profile; without it the service lists `Default` only.
    pub profile: Option<String>,
    /// In this resource group.
    pub resource_group_id: Option<String>,
    /// With all of these tags.
    pub tags: BTreeMap<String, String>,
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
    /// Its resource group.
    pub resource_group_id: Option<String>,
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
    /// `DescribeHubClusters`: the Fleets of the endpoint's region. Not paged.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::call`].
    pub async fn describe_fleets(&self, filter: &FleetFilter, context: &CallContext) -> Result<Vec<Fleet>, CloudError> {
        #[derive(Deserialize)]
        struct Body {
            #[serde(default, rename = "Clusters", deserialize_with = "or_default")]
            clusters: Vec<WireFleet>,
        }
        let mut request = ApiRequest::rpc(Product::Adcp, "DescribeHubClusters")
            .query("Profile", filter.profile.as_deref())
            .query("ResourceGroupId", filter.resource_group_id.as_deref());
        if !filter.tags.is_empty() {
            let tags = filter.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
            request = request.query_json("Tag", tags.collect::<Vec<_>>());
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detach_never_says_anything_about_the_mesh() {
        let request = membership_write("DetachClusterFromHub", &"f".into(), &["c1".into()]);
        assert!(request.query_parameters().keys().eq(["ClusterId"]));
        assert_eq!(request.effect_of_resend(), Effect::Writes);
    }
}
