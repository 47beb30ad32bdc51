//! Placeholder replaced below.
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Just, Strategy as _};

use crate::framework::value::Value;

/// Values that the attributes' own checks accept.
pub(in crate::resources) fn sample(path: &str) -> Option<BoxedStrategy<Value>> {
    let texts: &[&'static str] = match path {
        "source.repo_url" => &["https://github.com/ivan-cai/gitops-demo.git", "https://example.com/charts"],
        "source.path" => &["manifests/directory/grpc", "."],
        "destination.namespace" => &["gateway-demo", "default"],
        "cluster_selector.match_expressions.key" => &["name", "argocd.argoproj.io/secret-type"],
        "cluster_selector.match_expressions.operator" => &["In", "Exists"],
        "sync_policy.retry.duration" | "sync_policy.retry.max_duration" => &["5s", "3m"],
        "spec_json" => &[
            r#"{"generators":[{"list":{}}],"template":{"metadata":{},"spec":{}}}"#,
            r#"{"generators": [{"clusters": {}}], "template": {"metadata": {}, "spec": {"project": "default"}}}"#,
        ],
        "sync_policy.retry.limit" | "sync_policy.retry.factor" => return Some((0_i64..9).prop_map(Value::int).boxed()),
        "cluster_selector.match_expressions.values" => return Some(lists(&["cluster", "in-cluster"])),
        "sync_policy.sync_options" => return Some(lists(&["CreateNamespace=true", "ServerSideApply=true"])),
        "go_template_options" => return Some(lists(&["missingkey=error", "missingkey=zero"])),
        "expected_cluster_ids" => return Some(lists(&["c1", "c2"])),
        _ => return None,
    };
    Some(select(texts).prop_map(Value::string).boxed())
}

fn lists(texts: &[&'static str]) -> BoxedStrategy<Value> {
    Just(Value::List(texts.iter().map(|text| Value::string(*text)).collect())).boxed()
}
