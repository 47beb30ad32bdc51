//! Finds out what stands between a gateway and its members: the security group of each cluster, the addresses of each
//! vSwitch, the rules of each group. Nothing that is missing is an error here: whoever asks knows what it means.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;

use super::cidr::Cidr;
use crate::cloud::ecs::SecurityGroupRule;
use crate::cloud::{CallContext, CloudClient, CloudError, ClusterId, SecurityGroupId, VSwitchId, VpcId};

/// Where a cluster stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Behind this group.
    Behind(SecurityGroupId),
    /// The service names no group for it.
    NoGroup,
    /// There is no such cluster.
    Gone,
}

/// The service's word on some clusters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clusters {
    /// Each cluster that was asked for.
    pub(crate) standing: BTreeMap<String, Standing>,
    /// VPCs of those that exist, as far as the service was asked.
    pub(crate) vpcs: BTreeSet<VpcId>,
}

/// The security group of each cluster. `given` says it for some: the service is not asked for those.
///
/// # Errors
/// Of the first call that failed for another reason than that the cluster does not exist.
pub(crate) async fn clusters(
    cloud: &CloudClient,
    ids: &BTreeSet<String>,
    given: &BTreeMap<String, String>,
    context: &CallContext,
) -> Result<Clusters, CloudError> {
    let mut found = Clusters::default();
    let looks = ids.iter().map(async |id| {
        if let Some(group) = given.get(id) {
            return Ok((id, Standing::Behind(group.as_str().into()), None));
        }
        match cloud.cluster(&ClusterId::new(id.clone()), context).await {
            Ok(detail) => {
                let standing = detail.security_group_id.clone().map_or(Standing::NoGroup, Standing::Behind);
                Ok((id, standing, detail.vpc_id.clone()))
            }
            Err(error) if error.is_not_found() => Ok((id, Standing::Gone, None)),
            Err(error) => Err(error),
        }
    });
    for look in join_all(looks).await {
        let (id, standing, vpc) = look?;
        found.standing.insert(id.clone(), standing);
        found.vpcs.extend(vpc);
    }
    Ok(found)
}

/// The IPv4 addresses of each vSwitch; `None` if there is none of this ID, or none that has any.
///
/// # Errors
/// Of the first call that failed.
pub(crate) async fn vswitches(
    cloud: &CloudClient,
    ids: &BTreeSet<String>,
    context: &CallContext,
) -> Result<BTreeMap<String, Option<Cidr>>, CloudError> {
    let looks = ids.iter().map(async |id| {
        let found = cloud.vswitch(&VSwitchId::new(id.clone()), context).await?;
        Ok((id.clone(), found.as_ref().as_ref().and_then(|vswitch| Cidr::of_rule(&vswitch.cidr_block))))
    });
    join_all(looks).await.into_iter().collect()
}

/// The inbound rules of each group; `None` if there is no such group.
///
/// # Errors
/// Of the first call that failed for another reason.
pub(crate) async fn rules(
    cloud: &CloudClient,
    groups: &BTreeSet<SecurityGroupId>,
    context: &CallContext,
) -> Result<BTreeMap<SecurityGroupId, Option<Vec<SecurityGroupRule>>>, CloudError> {
    let looks = groups.iter().map(async |group| match cloud.inbound_rules(group, context).await {
        Ok(rules) => Ok((group.clone(), Some(Arc::unwrap_or_clone(rules)))),
        Err(error) if error.is_not_found() => Ok((group.clone(), None)),
        Err(error) => Err(error),
    });
    join_all(looks).await.into_iter().collect()
}
