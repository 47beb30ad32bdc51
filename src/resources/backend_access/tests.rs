//! Judging rules, names and ids; and values that the attributes' checks accept.

use proptest::sample::{select, subsequence};
use proptest::strategy::{BoxedStrategy, Strategy as _};

use crate::framework::value::Value;

/// Values of an attribute by its path.
pub(in crate::resources) fn sample(path: &str) -> Option<BoxedStrategy<Value>> {
    let set = |all: &'static [&'static str]| {
        let some = subsequence(all.to_vec(), 1..=all.len());
        some.prop_map(|texts| Value::List(texts.into_iter().map(Value::string).collect())).boxed()
    };
    Some(match path {
        "cluster_ids" => set(&["c0a", "c0b", "c0c"]),
        "vswitch_ids" => set(&["vsw-a1", "vsw-b2"]),
        "source_cidrs" => set(&["10.0.8.0/24", "10.9.0.0/16"]),
        "security_group_ids[]" => select(vec!["c0a", "c0b"]).prop_map(Value::string).boxed(),
        "security_group_ids" => {
            select(vec!["sg-1", "sg-2"]).prop_map(|group| Value::map([("c0a", Value::string(group))])).boxed()
        }
        "priority" => (1i64..=100).prop_map(Value::int).boxed(),
        "description" => select(vec!["edge", "edge gateways"]).prop_map(Value::string).boxed(),
        _ => return None,
    })
}
