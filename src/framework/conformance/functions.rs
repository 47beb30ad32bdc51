//! What a host holds a function to, as properties over any function and generated arguments.

use proptest::strategy::{BoxedStrategy, Just, Strategy};
use proptest::test_runner::TestCaseError;

use super::generate::any_value;
use super::runner;
use crate::framework::erased::AnyFunction;
use crate::framework::types::Type;
use crate::framework::value::Value;

/// Calls a function with generated arguments of its types, and with `samples` that it accepts; panics at the first broken
/// rule.
pub(crate) fn assert_function_is_true(function: &dyn AnyFunction, samples: &[Vec<Value>]) {
    let signature = function.signature();
    assert_eq!(
        (signature.parameters.len(), signature.variadic.is_some()),
        function.arguments(),
        "{}: parameters of the signature and of the Rust type",
        function.name()
    );
    for sample in samples {
        let result = checked(function, sample).unwrap_or_else(|problem| panic!("{}: {problem}", function.name()));
        assert!(result.is_some(), "{}: a sample has no result", function.name());
    }
    let mut arguments: Vec<BoxedStrategy<Value>> = Vec::new();
    arguments.extend(signature.parameters.iter().map(|parameter| any_value(&parameter.ty)));
    let further = match &signature.variadic {
        Some(parameter) => proptest::collection::vec(any_value(&parameter.ty), 0..4).boxed(),
        None => Just(Vec::new()).boxed(),
    };
    let strategy = (arguments, further).prop_map(|(arguments, further)| [arguments, further].concat());
    let outcome =
        runner().run(&strategy, |arguments| checked(function, &arguments).map(|_| ()).map_err(TestCaseError::fail));
    if let Err(error) = outcome {
        panic!("{}: {error}", function.name());
    }
}

/// The result, if there is one.
fn checked(function: &dyn AnyFunction, arguments: &[Value]) -> Result<Option<Value>, String> {
    let signature = function.signature();
    let outcome = function.call(arguments);
    if outcome != function.call(arguments) {
        return Err("two calls with the same arguments differ".to_owned());
    }
    let refused = arguments.iter().enumerate().find(|(index, argument)| {
        argument.is_null() && signature.parameter(*index).is_some_and(|parameter| !parameter.allow_null)
    });
    let unknown = arguments.iter().enumerate().any(|(index, argument)| {
        !argument.is_wholly_known() && signature.parameter(index).is_some_and(|parameter| !parameter.allow_unknown)
    });
    match outcome {
        Ok(_) if refused.is_some() => Err("null is taken where it must not be".to_owned()),
        Ok(result) if unknown && !result.is_unknown() => Err("an unknown argument has a known result".to_owned()),
        Ok(result) if !unknown && !is_of(&signature.returns.ty(), &result) => {
            Err(format!("{result:?} is not of the type that the signature promises"))
        }
        Ok(result) => Ok(Some(result)),
        Err(error) if error.text.is_empty() || error.text.ends_with('.') => {
            Err(format!("hosts cannot put {:?} into a sentence", error.text))
        }
        Err(error) if error.argument.is_some_and(|index| index >= arguments.len()) => {
            Err(format!("argument {:?} is blamed, which was not given", error.argument))
        }
        Err(error) => match refused {
            Some((index, _)) if error.argument != Some(index) => {
                Err(format!("null is argument {index}, and {:?} is blamed", error.argument))
            }
            Some(_) | None => Ok(None),
        },
    }
}

/// Whether a value is one of a type.
fn is_of(ty: &Type, value: &Value) -> bool {
    match (ty, value) {
        (_, Value::Null | Value::Unknown(_))
        | (Type::String, Value::String(_))
        | (Type::Number, Value::Number(_))
        | (Type::Bool, Value::Bool(_)) => true,
        (Type::List(element) | Type::Set(element), Value::List(values)) => {
            values.iter().all(|value| is_of(element, value))
        }
        (Type::Map(element), Value::Map(values)) => values.values().all(|value| is_of(element, value)),
        (Type::Tuple(types), Value::List(values)) => {
            types.len() == values.len() && types.iter().zip(values).all(|(ty, value)| is_of(ty, value))
        }
        (Type::Object(types), Value::Map(values)) => {
            types.keys().eq(values.keys()) && types.iter().all(|(name, ty)| is_of(ty, &value.attr(name)))
        }
        (Type::Dynamic, Value::Dynamic(dynamic)) => is_of(&dynamic.ty, &dynamic.value),
        _ => false,
    }
}
