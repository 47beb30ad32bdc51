//! The resource types: each is a folder of its own, and this is the one list of them.
//!
//! Beside them lives what several share: the life of a Kubernetes object, waiting for the controller, its messages, and
//! the way from client errors to diagnostics. A resource never names a sibling resource.

mod access;
pub mod alb_gateway;
mod application_set;
mod argo_cd;
mod backend_access;
pub mod coverage;
pub mod cross_check;
mod deletion;
pub(crate) mod diagnose;
pub(crate) mod diagnose_cloud;
mod ear;
pub mod event_messages;
mod fleet_cluster_association;
mod gateway_users;
pub mod grpc_ingress;
pub(crate) mod kubernetes_attributes;
mod kubernetes_object;
mod look_again;
mod namespace;
mod object_metadata;
mod object_names;
mod patience;
mod pending;
mod proved;
mod readiness;
mod reconcile;
mod refresh;
pub mod rule_index;
mod stack;
mod surroundings;
#[cfg(test)]
mod testing;
mod tls_secret;
mod users;
mod wait_report;
#[cfg(test)]
mod wait_tests;

use std::sync::Arc;

pub(crate) use access::AccessMemo;
pub(crate) use cross_check::{CrossCheck, Skipped};
pub(crate) use kubernetes_attributes::one_of;
pub(crate) use stack::PlanMemo;
pub(crate) use surroundings::Sights;

use crate::framework::erased::{AnyResource, ResourceType};

/// Every managed resource type, in name order.
#[must_use]
pub fn all() -> Vec<Arc<dyn AnyResource>> {
    vec![
        ResourceType::<alb_gateway::AlbGateway>::erased(),
        ResourceType::<application_set::ApplicationSet>::erased(),
        ResourceType::<backend_access::BackendAccess>::erased(),
        ResourceType::<fleet_cluster_association::FleetClusterAssociation>::erased(),
        ResourceType::<grpc_ingress::GrpcIngressResource>::erased(),
        ResourceType::<namespace::Namespace>::erased(),
        ResourceType::<tls_secret::TlsSecret>::erased(),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::sample::{select, subsequence};
    use proptest::strategy::{BoxedStrategy, Strategy as _};

    use crate::framework::conformance::assert_resource_plans_are_true;
    use crate::framework::value::Value;

    /// Values that the attributes' own checks accept, where random ones would not be. The generator adds null and unknown.
    fn samples(path: &str) -> Option<BoxedStrategy<Value>> {
        let texts: &[&'static str] = match path {
            _ if super::backend_access::tests::sample(path).is_some() => {
                return super::backend_access::tests::sample(path);
            }
            "on_wait_timeout" => &["warn", "error"],
            _ if super::alb_gateway::tests::sample(path).is_some() => return super::alb_gateway::tests::sample(path),
            "rules.host" => &["grpc.example.com", "*.example.com"],
            "self_signed.key_algorithm" => &["RSA_2048", "ECDSA_P256"],
            name if name.starts_with("timeouts.") => &["90s", "10m", "1h30m"],
            _ if super::grpc_ingress::tests::sample(path).is_some() => return super::grpc_ingress::tests::sample(path),
            _ if super::application_set::tests::sample(path).is_some() => {
                return super::application_set::tests::sample(path);
            }
            _ if super::tls_secret::tests::sample(path).is_some() => return super::tls_secret::tests::sample(path),
            _ => return collections(path),
        };
        Some(select(texts).prop_map(Value::string).boxed())
    }

    fn collections(path: &str) -> Option<BoxedStrategy<Value>> {
        let elements: Vec<&'static str> = match path {
            "tls.hosts" | "self_signed.dns_names" => vec!["grpc.example.com", "*.example.com"],
            _ => return numbers(path),
        };
        let most = elements.len();
        let some = subsequence(elements, 1..=most);
        Some(some.prop_map(|texts| Value::List(texts.into_iter().map(Value::string).collect())).boxed())
    }

    fn numbers(path: &str) -> Option<BoxedStrategy<Value>> {
        let range: std::ops::Range<i64> = match path {
            "order" => 1..1001,
            "self_signed.validity_days" => 60..3650,
            "self_signed.renew_before_days" => 1..59,
            _ => return None,
        };
        Some(range.prop_map(Value::int).boxed())
    }

    #[test]
    fn every_type_keeps_the_hosts_plan_rules_over_generated_configurations() {
        for resource in super::all() {
            assert_resource_plans_are_true(&*resource, &samples);
        }
    }

    #[test]
    fn models_and_schemas_have_the_same_attributes() {
        for resource in super::all() {
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
