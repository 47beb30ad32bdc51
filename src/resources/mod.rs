//! The resource types: each is a folder of its own, and this is the one list of them.
//!
//! Beside them lives what several share: the life of a Kubernetes object, waiting for the controller, its messages, and
//! the way from client errors to diagnostics. A resource never names a sibling resource.

pub mod alb_gateway;
mod diagnose;
mod fleet_cluster_association;
mod gateway_users;
pub mod grpc_ingress;
mod kubernetes_attributes;
mod kubernetes_object;
mod refresh;

use std::sync::Arc;

use crate::framework::erased::{AnyResource, ResourceType};

/// Every managed resource type, in name order.
#[must_use]
pub fn all() -> Vec<Arc<dyn AnyResource>> {
    vec![ResourceType::<fleet_cluster_association::FleetClusterAssociation>::erased()]
}
