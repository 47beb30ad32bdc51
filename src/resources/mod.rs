//! The resource types: each is a folder of its own, and this is the one list of them.
//!
//! Beside them lives what several share: the life of a Kubernetes object, waiting for the controller, its messages, and
//! the way from client errors to diagnostics. A resource never names a sibling resource.

use std::sync::Arc;

use crate::framework::erased::{AnyResource, ResourceType};

pub mod alb_gateway;
mod diagnose;
mod event_messages;
pub mod grpc_ingress;
mod kubernetes_attributes;
mod kubernetes_object;
mod reconcile;
mod refresh;
#[cfg(test)]
mod testing;
mod wait_report;

/// Every managed resource type, in name order.
#[must_use]
pub fn all() -> Vec<Arc<dyn AnyResource>> {
    vec![ResourceType::<alb_gateway::AlbGateway>::erased(), ResourceType::<grpc_ingress::GrpcIngressResource>::erased()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_and_schemas_have_the_same_attributes() {
        for resource in all() {
            let mut declared: Vec<&str> = resource.schema().attributes.iter().map(|attribute| attribute.name).collect();
            declared.sort_unstable();
            for fields in resource.model_fields() {
                let mut fields = fields.to_vec();
                fields.sort_unstable();
                assert_eq!(fields, declared, "{}", resource.type_name());
            }
        }
    }
}
