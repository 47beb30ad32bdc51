//! Plan rules as properties.

use proptest::prelude::*;

use super::everything::{ThingResource, samples};
use crate::framework::conformance::generate::{any_typed_value, any_value};
use crate::framework::conformance::{assert_resource_plans_are_true, host_rules, no_samples};
use crate::framework::erased::ResourceType;
use crate::framework::plan;
use crate::framework::value::{Dynamic, Value};

#[test]
fn a_resource_with_every_feature_plans_what_hosts_accept() {
    assert_resource_plans_are_true(&*ResourceType::<ThingResource>::erased(), &samples);
}

#[test]
fn samples_are_needed_only_where_checks_refuse_the_usual_values() {
    assert_resource_plans_are_true(&*ResourceType::<ThingResource>::erased(), &no_samples);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever an apply answers, the state agrees with what was planned and known.
    #[test]
    fn an_answer_made_to_conform_is_compatible_with_its_plan(
        (ty, planned, answered) in any_typed_value().prop_flat_map(|(ty, planned)| {
            let answered = any_value(&ty);
            (Just(ty), Just(planned), answered)
        })
    ) {
        let planned = without_refinements(&planned);
        let state = plan::conform(&planned, &plan::resolve(&answered));
        prop_assert!(state.is_wholly_known(), "{state:?}");
        prop_assert_eq!(host_rules::compatible(&ty, &planned, &state), Ok(()));
    }

    #[test]
    fn equality_by_type_is_reflexive_and_ignores_the_order_of_sets((ty, value) in any_typed_value()) {
        prop_assert!(ty.equal(&value, &value));
        if let Value::List(elements) = &value {
            let set = crate::framework::types::Type::set(crate::framework::types::Type::Dynamic);
            let mut reversed = elements.clone();
            reversed.reverse();
            prop_assert!(set.equal(&value, &Value::List(reversed)));
        }
    }
}

fn without_refinements(value: &Value) -> Value {
    match value {
        Value::Unknown(_) => Value::unknown(),
        Value::List(elements) => Value::List(elements.iter().map(without_refinements).collect()),
        Value::Map(entries) => Value::map(entries.iter().map(|(key, value)| (key.clone(), without_refinements(value)))),
        Value::Dynamic(dynamic) => {
            let value = without_refinements(&dynamic.value);
            Value::Dynamic(Box::new(Dynamic { ty: dynamic.ty.clone(), value }))
        }
        other => other.clone(),
    }
}
