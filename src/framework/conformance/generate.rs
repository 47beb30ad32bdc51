//! Types, values and configurations, generated.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use unicode_normalization::UnicodeNormalization;

use super::Samples;
use crate::framework::number::Number;
use crate::framework::schema::{Attribute, EntryCheck, Kind, Nesting, Schema};
use crate::framework::types::Type;
use crate::framework::value::{Dynamic, Refinements, Value};

/// Texts of the kinds that attributes of this provider hold, for attributes that accept only some.
const TEXTS: &[&str] = &[
    "a",
    "demo",
    "Demo",
    "default",
    "c1",
    "cn-hangzhou",
    "cn-hangzhou-h",
    "vsw-a1",
    "vpc-a",
    "c0123456789abcdef0123456789abcdef0",
    "grpc.example.com",
    "*.example.com",
    "/",
    "/helloworld.Greeter",
    "10.0.0.0/8",
    "192.168.1.1",
    "90s",
    "10m",
    "443/HTTPS",
    "8001/HTTP",
    "HTTP",
    "HTTPS",
    "warn",
    "error",
    "warning",
    "{}",
    "[]",
    "https://example.com",
    "1",
    "",
];
const NUMBERS: &[i64] = &[1, 0, 2, 3, 5, 10, 15, 30, 60, 80, 100, 443, 600, 8001, 3600, 65535, -1];

fn text() -> BoxedStrategy<String> {
    prop_oneof![
        3 => proptest::sample::select(TEXTS).prop_map(str::to_owned),
        1 => "\\PC{0,8}".prop_map(|text| text.nfc().collect()),
        1 => Just("e\u{301}\u{212b}".nfc().collect::<String>()),
    ]
    .boxed()
}

pub(crate) fn number() -> BoxedStrategy<Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        (-200_i64..200).prop_map(Number::from),
        "-?[0-9]{1,60}".prop_map(|text| text.parse().unwrap()),
        "-?[0-9]{1,12}\\.[0-9]{1,40}".prop_map(|text| text.parse().unwrap()),
        "-?[1-9]e-?[0-9]{1,4}".prop_map(|text| text.parse().unwrap()),
        proptest::num::f64::NORMAL.prop_map(|value| Number::from_f64(value).unwrap()),
        (-1000_i32..1000).prop_map(|value| Number::from_f64(f64::from(value) / 8.0).unwrap()),
    ]
    .boxed()
}

/// Any type, `dynamic` included.
pub(crate) fn any_type() -> BoxedStrategy<Type> {
    let leaf = prop_oneof![Just(Type::Dynamic), Just(Type::String), Just(Type::Number), Just(Type::Bool)];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(Type::list),
            inner.clone().prop_map(Type::set),
            inner.clone().prop_map(Type::map),
            vec(inner.clone(), 0..4).prop_map(Type::Tuple),
            btree_map("[a-z][a-z0-9_]{0,5}", inner, 0..4).prop_map(Type::Object),
        ]
    })
    .boxed()
}

/// Any value of a type; null, unknown and refined at every depth.
pub(crate) fn any_value(ty: &Type) -> BoxedStrategy<Value> {
    any_value_at(ty, 0)
}

/// A type and a value of it.
pub(crate) fn any_typed_value() -> BoxedStrategy<(Type, Value)> {
    any_type().prop_flat_map(|ty| any_value(&ty).prop_map(move |value| (ty.clone(), value))).boxed()
}

fn any_value_at(ty: &Type, depth: usize) -> BoxedStrategy<Value> {
    let known = match ty {
        Type::Dynamic if depth > 2 => Just(Value::Null).boxed(),
        Type::Dynamic => any_type()
            .prop_flat_map(move |ty| {
                any_value_at(&ty, depth + 2)
                    .prop_map(move |value| Value::Dynamic(Box::new(Dynamic { ty: ty.clone(), value })))
            })
            .boxed(),
        Type::String => text().prop_map(Value::String).boxed(),
        Type::Number => number().prop_map(Value::Number).boxed(),
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::List(element) | Type::Set(element) => {
            vec(any_value_at(element, depth + 1), 0..4).prop_map(Value::List).boxed()
        }
        Type::Map(element) => btree_map(text(), any_value_at(element, depth + 1), 0..4).prop_map(Value::Map).boxed(),
        Type::Tuple(types) => {
            let elements: Vec<_> = types.iter().map(|ty| any_value_at(ty, depth + 1)).collect();
            elements.prop_map(Value::List).boxed()
        }
        Type::Object(attributes) => {
            object(attributes.iter().map(|(name, ty)| (name.clone(), any_value_at(ty, depth + 1))).collect::<Vec<_>>())
        }
    };
    prop_oneof![6 => known, 1 => Just(Value::Null), 1 => unknown(ty)].boxed()
}

fn object(attributes: Vec<(String, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let (names, values): (Vec<_>, Vec<_>) = attributes.into_iter().unzip();
    values.prop_map(move |values| Value::Map(names.iter().cloned().zip(values).collect::<BTreeMap<_, _>>())).boxed()
}

/// An unknown value, with promises that a host could make about the type.
fn unknown(ty: &Type) -> BoxedStrategy<Value> {
    let not_null = || proptest::sample::select(vec![None, Some(false)]);
    let refinements = match ty {
        Type::Dynamic => return Just(Value::unknown()).boxed(),
        Type::String => (not_null(), option::of("[a-z\u{e9}]{1,12}"))
            .prop_map(|(null, prefix)| Refinements { null, prefix, ..Refinements::default() })
            .boxed(),
        Type::Number => (not_null(), option::of((number(), any::<bool>())), option::of((number(), any::<bool>())))
            .prop_map(|(null, lower, upper)| Refinements { null, lower, upper, ..Refinements::default() })
            .boxed(),
        Type::List(_) | Type::Set(_) | Type::Map(_) => (not_null(), option::of(0_u64..9), option::of(9_u64..99))
            .prop_map(|(null, min_len, max_len)| Refinements { null, min_len, max_len, ..Refinements::default() })
            .boxed(),
        Type::Bool | Type::Tuple(_) | Type::Object(_) => {
            not_null().prop_map(|null| Refinements { null, ..Refinements::default() }).boxed()
        }
    };
    refinements.prop_map(Value::refined).boxed()
}

/// Unknown in a configuration: what a template string or another resource's attribute gives. Lengths and bounds are left
/// out, since the values learned later would have to keep them.
fn unknown_config(ty: &Type) -> BoxedStrategy<Value> {
    let null = if matches!(ty, Type::Dynamic) { None } else { Some(false) };
    prop_oneof![Just(Value::unknown()), Just(Value::refined(Refinements { null, ..Refinements::default() })),].boxed()
}

/// Generates configurations of a schema and the values learned about them.
pub(crate) struct Generator<'a> {
    schema: &'a Schema,
    samples: &'a Samples,
    /// Optional attributes that are never left out, by their paths.
    given: &'a [&'a str],
}

impl<'a> Generator<'a> {
    pub(crate) fn new(schema: &'a Schema, samples: &'a Samples, given: &'a [&'a str]) -> Self {
        Self { schema, samples, given }
    }

    /// Configurations with required arguments, whatever optional ones, and unknowns at every depth.
    pub(crate) fn config(&self) -> BoxedStrategy<Value> {
        self.object(&self.schema.attributes, "", true)
    }

    fn object(&self, attributes: &[Attribute], prefix: &str, unknowns: bool) -> BoxedStrategy<Value> {
        object(
            attributes
                .iter()
                .map(|attribute| {
                    let path = format!("{prefix}{}", attribute.name);
                    let strategy = if attribute.is_configurable() {
                        self.configured(attribute, &path, unknowns)
                    } else {
                        Just(Value::Null).boxed()
                    };
                    (attribute.name.to_owned(), strategy)
                })
                .collect(),
        )
    }

    fn configured(&self, attribute: &Attribute, path: &str, unknowns: bool) -> BoxedStrategy<Value> {
        // A sample that is null leaves the attribute out: one of several that exclude each other.
        if (self.samples)(path).is_some_and(|sampled| current(&sampled, &mut seeded(0)).is_null()) {
            return Just(Value::Null).boxed();
        }
        let known = self.known(attribute, path, unknowns);
        let required = attribute.mode == crate::framework::schema::Mode::Required || self.given.contains(&path);
        match (required, unknowns) {
            (true, false) => known,
            (true, true) => prop_oneof![6 => known, 1 => unknown_config(&attribute.ty())].boxed(),
            (false, false) => prop_oneof![1 => Just(Value::Null), 1 => known].boxed(),
            (false, true) => {
                prop_oneof![4 => Just(Value::Null), 4 => known, 1 => unknown_config(&attribute.ty())].boxed()
            }
        }
    }

    /// Values of an attribute that pass its checks.
    fn known(&self, attribute: &Attribute, path: &str, unknowns: bool) -> BoxedStrategy<Value> {
        if let Some(sampled) = (self.samples)(path) {
            return sampled;
        }
        let strategy = match &attribute.kind {
            Kind::Nested(nesting, nested) => {
                let object = self.object(nested, &format!("{path}."), unknowns);
                let ty = object_type(nested);
                let element = || match unknowns {
                    true => prop_oneof![9 => object.clone(), 1 => unknown_config(&ty)].boxed(),
                    false => object.clone(),
                };
                match nesting {
                    Nesting::Single => object,
                    Nesting::List => vec(element(), 0..3).prop_map(Value::List).boxed(),
                    Nesting::Map => {
                        let keys = self.keys(attribute, path);
                        btree_map(keys, element(), 0..3).prop_map(Value::Map).boxed()
                    }
                }
            }
            Kind::Value(ty) => self.plain(attribute, path, ty, unknowns),
        };
        let attribute = attribute.clone();
        strategy
            .prop_filter("the attribute's checks refuse the value", move |value| {
                value.is_null() || value.is_unknown() || accepts(&attribute, value)
            })
            .boxed()
    }

    fn keys(&self, attribute: &Attribute, path: &str) -> BoxedStrategy<String> {
        if let Some(keys) = (self.samples)(&format!("{path}[]")) {
            return keys.prop_map(|key| key.as_str().unwrap_or_default().to_owned()).boxed();
        }
        // Which keys a map takes only its whole value shows.
        let passes = |key: &&str| accepts(attribute, &Value::map([(*key, Value::unknown())]));
        let keys: Vec<&str> = TEXTS.iter().copied().filter(passes).collect();
        assert!(!keys.is_empty(), "{path} takes none of the keys known here: give samples for \"{path}[]\"");
        proptest::sample::select(keys).prop_map(str::to_owned).boxed()
    }

    fn plain(&self, attribute: &Attribute, path: &str, ty: &Type, unknowns: bool) -> BoxedStrategy<Value> {
        let elements = |ty: &Type| {
            let known = leaf(ty, path, |value| fits_element(attribute, value));
            if unknowns { prop_oneof![9 => known, 1 => unknown_config(ty)].boxed() } else { known }
        };
        match ty {
            Type::List(element) => vec(elements(element), 0..4).prop_map(Value::List).boxed(),
            Type::Set(element) => {
                let element_ty = Type::clone(element);
                // A set has no element twice; the host sees to that.
                vec(elements(element), 0..4)
                    .prop_map(move |elements| {
                        let mut distinct: Vec<Value> = Vec::new();
                        for value in elements {
                            if !distinct.iter().any(|other| element_ty.equal(other, &value)) {
                                distinct.push(value);
                            }
                        }
                        Value::List(distinct)
                    })
                    .boxed()
            }
            Type::Map(element) => {
                btree_map(self.keys(attribute, path), elements(element), 0..4).prop_map(Value::Map).boxed()
            }
            _ => leaf(ty, path, |value| accepts(attribute, value)),
        }
    }

    /// The configuration once everything in it is known.
    pub(crate) fn resolve(&self, config: &Value, seed: u64) -> Value {
        self.learn(&self.schema.attributes, config, "", &mut seeded(seed))
    }

    fn learn(&self, attributes: &[Attribute], config: &Value, prefix: &str, runner: &mut TestRunner) -> Value {
        let entry = |attribute: &Attribute| {
            let path = format!("{prefix}{}", attribute.name);
            (attribute.name, self.learn_attribute(attribute, &config.attr(attribute.name), &path, runner))
        };
        Value::map(attributes.iter().map(entry))
    }

    fn learn_attribute(&self, attribute: &Attribute, config: &Value, path: &str, runner: &mut TestRunner) -> Value {
        if config.is_unknown() {
            return current(&self.known(attribute, path, false), runner);
        }
        match &attribute.kind {
            Kind::Nested(nesting, nested) => {
                let prefix = format!("{path}.");
                let mut element = |value: &Value| match value {
                    Value::Null => Value::Null,
                    Value::Unknown(_) => current(&self.object(nested, &prefix, false), runner),
                    known => self.learn(nested, known, &prefix, runner),
                };
                match (nesting, config) {
                    (Nesting::List, Value::List(elements)) => Value::List(elements.iter().map(element).collect()),
                    (Nesting::Map, Value::Map(entries)) => {
                        Value::map(entries.iter().map(|(key, value)| (key.clone(), element(value))))
                    }
                    _ => element(config),
                }
            }
            Kind::Value(ty) => self.learn_value(attribute, ty, config, path, runner),
        }
    }

    fn learn_value(
        &self,
        attribute: &Attribute,
        ty: &Type,
        config: &Value,
        path: &str,
        runner: &mut TestRunner,
    ) -> Value {
        let mut element = |ty: &Type, value: &Value| match value {
            Value::Unknown(_) => current(&leaf(ty, path, |value| fits_element(attribute, value)), runner),
            known => known.clone(),
        };
        match (ty, config) {
            (Type::List(ty) | Type::Set(ty), Value::List(elements)) => {
                Value::List(elements.iter().map(|value| element(ty, value)).collect())
            }
            (Type::Map(ty), Value::Map(entries)) => {
                Value::map(entries.iter().map(|(key, value)| (key.clone(), element(ty, value))))
            }
            _ => config.clone(),
        }
    }

    /// The planned state once everything in it is known, as an apply could answer it.
    pub(crate) fn apply(&self, planned: &Value, seed: u64) -> Value {
        let mut runner = seeded(seed ^ 1);
        fill(&self.schema.attributes, planned, "", self.samples, &mut runner)
    }
}

fn fill(attributes: &[Attribute], planned: &Value, prefix: &str, samples: &Samples, runner: &mut TestRunner) -> Value {
    let entry = |attribute: &Attribute| {
        let path = format!("{prefix}{}", attribute.name);
        let planned = planned.attr(attribute.name);
        let value = match (&attribute.kind, &planned) {
            _ if attribute.write_only => Value::Null,
            (_, Value::Unknown(refinements)) => match samples(&path) {
                Some(sampled) => current(&sampled, runner),
                None => answered(attribute, &path, refinements.as_deref(), samples, runner),
            },
            (Kind::Nested(nesting, nested), _) => {
                let prefix = format!("{path}.");
                let mut element = |value: &Value| match value {
                    Value::Null => Value::Null,
                    known => fill(nested, known, &prefix, samples, runner),
                };
                match (nesting, &planned) {
                    (Nesting::List, Value::List(elements)) => Value::List(elements.iter().map(element).collect()),
                    (Nesting::Map, Value::Map(entries)) => {
                        Value::map(entries.iter().map(|(key, value)| (key.clone(), element(value))))
                    }
                    _ => element(&planned),
                }
            }
            (Kind::Value(_), _) => learned_elements(&attribute.ty(), &planned),
        };
        (attribute.name, value)
    };
    Value::map(attributes.iter().map(entry))
}

/// What an apply answers for a value that the plan did not know: a bool is true (ready), the rest is plausible.
fn answered(
    attribute: &Attribute,
    path: &str,
    refinements: Option<&Refinements>,
    samples: &Samples,
    runner: &mut TestRunner,
) -> Value {
    let prefix = refinements.and_then(|refinements| refinements.prefix.clone());
    match &attribute.kind {
        Kind::Value(Type::Bool) => Value::Bool(true),
        Kind::Value(Type::String) if prefix.is_some() => Value::String(prefix.unwrap_or_default()),
        Kind::Value(Type::List(_) | Type::Set(_)) => Value::List(Vec::new()),
        Kind::Value(Type::Map(_)) => Value::Map(BTreeMap::new()),
        Kind::Value(ty) => current(&leaf(ty, path, |_| true), runner),
        Kind::Nested(Nesting::Single, nested) => {
            let unknown = Value::map(nested.iter().map(|attribute| (attribute.name, Value::unknown())));
            fill(nested, &unknown, &format!("{path}."), samples, runner)
        }
        Kind::Nested(Nesting::List, _) => Value::List(Vec::new()),
        Kind::Nested(Nesting::Map, _) => Value::Map(BTreeMap::new()),
    }
}

/// Unknown elements of a collection become some value of the type.
fn learned_elements(ty: &Type, planned: &Value) -> Value {
    match (ty, planned) {
        (_, Value::Unknown(_)) => match ty {
            Type::Bool => Value::Bool(true),
            Type::Number => Value::int(1),
            Type::String => Value::string("learned"),
            _ => Value::Null,
        },
        (Type::List(ty) | Type::Set(ty), Value::List(elements)) => {
            Value::List(elements.iter().map(|value| learned_elements(ty, value)).collect())
        }
        (Type::Map(ty), Value::Map(entries)) => {
            Value::map(entries.iter().map(|(key, value)| (key.clone(), learned_elements(ty, value))))
        }
        _ => planned.clone(),
    }
}

fn object_type(attributes: &[Attribute]) -> Type {
    Type::Object(attributes.iter().map(|attribute| (attribute.name.to_owned(), attribute.ty())).collect())
}

/// Whether the checks of an attribute's whole value and of its entries let a value pass.
fn accepts(attribute: &Attribute, value: &Value) -> bool {
    let entries =
        |check: &EntryCheck| value.as_map().into_iter().flatten().all(|(key, element)| check(key, element).is_ok());
    attribute.checks.iter().all(|check| check(value).is_ok()) && attribute.entry_checks.iter().all(entries)
}

/// Whether a map's attribute takes an entry.
fn fits_entry(attribute: &Attribute, key: &str, value: &Value) -> bool {
    attribute.entry_checks.iter().all(|check| check(key, value).is_ok())
}

/// Whether an attribute takes an element. Of a map: under a key that it takes.
fn fits_element(attribute: &Attribute, value: &Value) -> bool {
    let key = TEXTS.iter().find(|key| fits_entry(attribute, key, &Value::unknown()));
    attribute.element_checks.iter().all(|check| check(value).is_ok())
        && key.is_none_or(|key| fits_entry(attribute, key, value))
}

/// Values of a type without attributes of its own that pass.
fn leaf(ty: &Type, path: &str, passes: impl Fn(&Value) -> bool) -> BoxedStrategy<Value> {
    let candidates: Vec<Value> = match ty {
        Type::String => TEXTS.iter().map(|text| Value::string(*text)).collect(),
        Type::Number => NUMBERS.iter().map(|number| Value::int(*number)).collect(),
        Type::Bool => vec![Value::Bool(true), Value::Bool(false)],
        other => return wholly_known(other),
    };
    let passing: Vec<Value> = candidates.into_iter().filter(passes).collect();
    assert!(!passing.is_empty(), "{path} takes none of the values known here: give samples for it");
    proptest::sample::select(passing).boxed()
}

fn wholly_known(ty: &Type) -> BoxedStrategy<Value> {
    any_value(ty).prop_map(|value| crate::framework::plan::resolve(&value)).boxed()
}

fn seeded(seed: u64) -> TestRunner {
    let mut bytes = [0_u8; 32];
    for (byte, seed) in bytes.iter_mut().zip(seed.to_le_bytes()) {
        *byte = seed;
    }
    TestRunner::new_with_rng(proptest::test_runner::Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

fn current(strategy: &BoxedStrategy<Value>, runner: &mut TestRunner) -> Value {
    use proptest::strategy::ValueTree;
    strategy.new_tree(runner).map(|tree| tree.current()).unwrap_or_else(|reason| panic!("no value: {reason}"))
}
