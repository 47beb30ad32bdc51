//! Values that the gateway's rules accept, where random ones would not be.

use proptest::sample::{select, subsequence};
use proptest::strategy::{BoxedStrategy, Strategy as _};

use crate::framework::value::Value;

/// Values of an attribute by its path.
pub(crate) fn sample(path: &str) -> Option<BoxedStrategy<Value>> {
    let texts: &[&'static str] = match path {
        "address_type" => &["Internet"],
        "address_allocated_mode" => &["Fixed", "Dynamic"],
        "address_ip_version" => &["IPv4", "DualStack"],
        "edition" => &["Standard", "StandardWithWaf"],
        "pay_type" => &["PostPay"],
        "bandwidth_package_id" => &["cbwp-a", "cbwp-b"],
        "access_log.project" => &["gateway-logs", "other-logs"],
        "access_log.store" => &["alb_access", "alb_other"],
        "reuse.load_balancer_id" => &["alb-a", "alb-b"],
        "tags[]" | "listeners.tags[]" => &["team", "stage"],
        "annotations[]" => &["example.com/team", "example.com/stage"],
        "extra_annotations[]" => &["alb.ingress.kubernetes.io/cluster-weight.c1", "alb.ingress.kubernetes.io/new"],
        "extra_spec" => &[r#"{"config":{"newField":1}}"#, r#"{"more":{"a":[1]}}"#],
        "listeners.extra_spec" => &[r#"{"newField":1}"#, r#"{"logConfig":{"new":true}}"#],
        "listeners[]" => &["443/HTTPS", "8443/HTTPS"],
        "listeners.security_policy_id" => &["tls_cipher_policy_1_2", "tls_cipher_policy_1_2_strict"],
        "listeners.certificates.certificate_id" | "listeners.default_certificate.certificate_id" => {
            &["1234567-cn-hangzhou", "7654321-cn-hangzhou"]
        }
        "listeners.x_forwarded_for.processing_mode" => &["append", "remove"],
        "listeners.acl.type" => &["White", "Black"],
        "zone_mappings.vswitch_id" => &["vsw-a1", "vsw-b2", "vsw-c3", "vsw-d4", "vsw-e5", "vsw-f6"],
        "zone_mappings.zone_id" => &["cn-hangzhou-h", "cn-hangzhou-i", "cn-hangzhou-j", "cn-hangzhou-k"],
        "zone_mappings.allocation_id" => &["eip-a1", "eip-b2"],
        // Each needs another attribute, or excludes one.
        "ipv6_address_type" | "listeners.acl.ids" => return Some(proptest::strategy::Just(Value::Null).boxed()),
        "listeners.log.custom_headers_enabled"
        | "listeners.log.tracing.enabled"
        | "listeners.ca_enabled"
        | "listeners.x_forwarded_for.client_source_ips_enabled" => {
            return Some(proptest::strategy::Just(Value::Bool(false)).boxed());
        }
        "reuse.force_override" | "reuse.listener_force_override" => {
            return Some(proptest::strategy::Just(Value::Bool(false)).boxed());
        }
        _ => return collections(path),
    };
    Some(select(texts).prop_map(Value::string).boxed())
}

fn collections(path: &str) -> Option<BoxedStrategy<Value>> {
    let elements: Vec<&'static str> = match path {
        "remote_clusters" => vec![
            "c11111111111111111111111111111111",
            "c22222222222222222222222222222222",
            "c33333333333333333333333333333333",
        ],
        "listeners.acl.entries" | "listeners.x_forwarded_for.client_source_ips_trusted" => {
            vec!["10.0.0.0/8", "192.168.0.0/16", "2001:db8::/32"]
        }
        "listeners.ca_certificates" => vec!["1234567-cn-hangzhou", "7654321-cn-hangzhou"],
        _ => return numbers(path),
    };
    let most = elements.len();
    let some = subsequence(elements, 1..=most);
    Some(some.prop_map(|texts| Value::List(texts.into_iter().map(Value::string).collect())).boxed())
}

fn numbers(path: &str) -> Option<BoxedStrategy<Value>> {
    let range: std::ops::Range<i64> = match path {
        "listeners.idle_timeout" | "listeners.request_timeout" => 1..601,
        "listeners.log.tracing.sample" => 0..10_001,
        _ => return None,
    };
    Some(range.prop_map(Value::int).boxed())
}
