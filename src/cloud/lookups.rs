//! Single things that many ask for at once: a refresh of many resources looks up the same clusters, vSwitches and groups.
//!
//! Readers that come together share a call, and none uses a call that began before it ([`super::shared_read`]).

use std::sync::Arc;

use super::{
    cancel::CallContext,
    client::CloudClient,
    cs::ClusterDetail,
    ecs::SecurityGroupRule,
    error::CloudError,
    id::{ClusterId, SecurityGroupId, VSwitchId},
    request::{Action, Product},
    shared_read::SharedReads,
    vpc::{VSwitch, VSwitchFilter},
};

/// Where the readers of one client meet.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    clusters: SharedReads<ClusterId, ClusterDetail>,
    vswitches: SharedReads<VSwitchId, Option<VSwitch>>,
    rules: SharedReads<SecurityGroupId, Vec<SecurityGroupRule>>,
}

impl CloudClient {
    /// One ACK cluster, by a call that began after this one did.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::describe_cluster_detail`].
    pub async fn cluster(&self, id: &ClusterId, context: &CallContext) -> Result<Arc<ClusterDetail>, CloudError> {
        let action = Action { product: Product::Cs, name: "DescribeClusterDetail" };
        let call = || self.describe_cluster_detail(id, context);
        self.lookups().clusters.read(id, action, context, call).await
    }

    /// One vSwitch, by a call that began after this one did; `None` if there is none of this id.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::describe_vswitches`].
    pub async fn vswitch(&self, id: &VSwitchId, context: &CallContext) -> Result<Arc<Option<VSwitch>>, CloudError> {
        let action = Action { product: Product::Vpc, name: "DescribeVSwitches" };
        let call = || async {
            let filter = VSwitchFilter { vswitch_id: Some(id.clone()), ..VSwitchFilter::default() };
            let listed = self.describe_vswitches(&filter, context).await?;
            Ok(listed.into_iter().find(|vswitch| vswitch.id == *id))
        };
        self.lookups().vswitches.read(id, action, context, call).await
    }

    /// The inbound rules of a group, by a call that began after this one did.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::describe_inbound_rules`].
    pub async fn inbound_rules(
        &self,
        group: &SecurityGroupId,
        context: &CallContext,
    ) -> Result<Arc<Vec<SecurityGroupRule>>, CloudError> {
        let action = Action { product: Product::Ecs, name: "DescribeSecurityGroupAttribute" };
        let call = || self.describe_inbound_rules(group, context);
        self.lookups().rules.read(group, action, context, call).await
    }
}
