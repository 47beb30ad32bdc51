//! Plan rules, on values and schemas alone: defaults, kept spellings, unknown marking, replacement.
//!
//! The order of the steps follows what core checks afterwards (Terraform `internal/plans/objchange/plan_valid.go`): a
//! configured value is planned as configured, or as it was if it means the same; only computed attributes may get a value
//! that the configuration does not give.

use std::collections::BTreeMap;

use super::path::Path;
use super::schema::{Attribute, Kind, Nesting, OnUpdate, Replace, Schema};
use super::value::{Dynamic, Value};

/// The planned object before unknowns are marked.
///
/// `proposed` is core's merge of configuration and prior state; `prior` is null for a create.
#[must_use]
pub fn settle(schema: &Schema, config: &Value, prior: &Value, proposed: &Value) -> Value {
    settle_object(&schema.attributes, config, prior, proposed)
}

fn settle_object(attributes: &[Attribute], config: &Value, prior: &Value, proposed: &Value) -> Value {
    let entry = |attribute: &Attribute| {
        let name = attribute.name;
        (name, settle_attribute(attribute, &config.attr(name), &prior.attr(name), proposed.attr(name)))
    };
    Value::map(attributes.iter().map(entry))
}

fn settle_attribute(attribute: &Attribute, config: &Value, prior: &Value, proposed: Value) -> Value {
    if attribute.write_only {
        return Value::Null;
    }
    if !attribute.is_configurable() {
        return prior.clone();
    }
    if config.is_null() {
        return match &attribute.default {
            Some(default) => default.clone(),
            // The plan hook says what an unset one is. Core proposes the prior value too, but null for an object with parts
            // that are not computed, as it takes them for configured before (`objchange.go`, optionalValueNotComputable).
            None if attribute.is_computed() && attribute.on_update == OnUpdate::Hold => prior.clone(),
            None if attribute.is_computed() => proposed,
            None => Value::Null,
        };
    }
    let Kind::Nested(nesting, nested) = &attribute.kind else {
        return if same_meaning(attribute, config, prior) { prior.clone() } else { config.clone() };
    };
    let planned = settle_nested(*nesting, nested, config, prior, &proposed);
    // Equality of a nested attribute is judged as a whole, and only when nothing in it is unknown.
    if same_meaning(attribute, &planned, prior) { prior.clone() } else { planned }
}

fn settle_nested(nesting: Nesting, nested: &[Attribute], config: &Value, prior: &Value, proposed: &Value) -> Value {
    match (nesting, config) {
        (Nesting::Single, Value::Map(_)) => settle_object(nested, config, prior, proposed),
        (Nesting::List, Value::List(elements)) => {
            let at = |value: &Value, index: usize| {
                value.as_list().and_then(|list| list.get(index)).cloned().unwrap_or(Value::Null)
            };
            Value::List(
                elements
                    .iter()
                    .enumerate()
                    .map(|(index, element)| settle_element(nested, element, &at(prior, index), &at(proposed, index)))
                    .collect(),
            )
        }
        (Nesting::Map, Value::Map(entries)) => Value::Map(
            entries
                .iter()
                .map(|(key, element)| {
                    (key.clone(), settle_element(nested, element, &prior.attr(key), &proposed.attr(key)))
                })
                .collect::<BTreeMap<_, _>>(),
        ),
        _ => config.clone(),
    }
}

/// A null or unknown element stays what it is.
fn settle_element(nested: &[Attribute], config: &Value, prior: &Value, proposed: &Value) -> Value {
    if config.as_map().is_some() { settle_object(nested, config, prior, proposed) } else { config.clone() }
}

/// Whether a configured value and the prior one are the same, or two spellings of the same.
fn same_meaning(attribute: &Attribute, config: &Value, prior: &Value) -> bool {
    if prior.is_null() || !config.is_wholly_known() {
        return false;
    }
    attribute.ty().equal(config, prior) || attribute.equality.is_some_and(|equality| equality(config, prior))
}

/// Whether two objects differ in anything that is not a local setting. Unknown counts as different.
#[must_use]
pub fn differs(schema: &Schema, planned: &Value, prior: &Value) -> bool {
    schema.attributes.iter().filter(|attribute| !attribute.local).any(|attribute| changed(attribute, planned, prior))
}

fn changed(attribute: &Attribute, planned: &Value, prior: &Value) -> bool {
    let planned = planned.attr(attribute.name);
    !planned.is_wholly_known() || !attribute.ty().equal(&planned, &prior.attr(attribute.name))
}

/// Marks what a create cannot know: every computed value that neither configuration nor a default gives.
#[must_use]
pub fn mark_create(schema: &Schema, config: &Value, planned: &Value) -> Value {
    mark(&schema.attributes, config, &Value::Null, planned)
}

/// Marks what an update that writes or waits cannot know, as each attribute's [`OnUpdate`] says.
#[must_use]
pub fn mark_update(schema: &Schema, config: &Value, prior: &Value, planned: &Value) -> Value {
    mark(&schema.attributes, config, prior, planned)
}

fn mark(attributes: &[Attribute], config: &Value, prior: &Value, planned: &Value) -> Value {
    let entry = |attribute: &Attribute| {
        let name = attribute.name;
        (name, mark_attribute(attribute, &config.attr(name), prior, planned.attr(name)))
    };
    Value::map(attributes.iter().map(entry))
}

fn mark_attribute(attribute: &Attribute, config: &Value, prior_object: &Value, planned: Value) -> Value {
    let prior = prior_object.attr(attribute.name);
    if attribute.is_computed() && config.is_null() && attribute.default.is_none() {
        let create = prior_object.is_null();
        return match attribute.on_update {
            _ if create => Value::unknown(),
            OnUpdate::Recompute => Value::unknown(),
            OnUpdate::Keep if planned.is_null() => Value::unknown(),
            OnUpdate::Keep | OnUpdate::Hold => planned,
        };
    }
    let Kind::Nested(nesting, nested) = &attribute.kind else { return planned };
    match (nesting, &planned) {
        (Nesting::Single, Value::Map(_)) => mark(nested, config, &prior, &planned),
        (Nesting::List, Value::List(elements)) => {
            let at = |value: &Value, index: usize| {
                value.as_list().and_then(|list| list.get(index)).cloned().unwrap_or(Value::Null)
            };
            let marked = |(index, element): (usize, &Value)| {
                mark_element(nested, &at(config, index), &at(&prior, index), element)
            };
            Value::List(elements.iter().enumerate().map(marked).collect())
        }
        (Nesting::Map, Value::Map(entries)) => {
            let marked = |(key, element): (&String, &Value)| {
                (key.clone(), mark_element(nested, &config.attr(key), &prior.attr(key), element))
            };
            Value::Map(entries.iter().map(marked).collect())
        }
        _ => planned,
    }
}

fn mark_element(nested: &[Attribute], config: &Value, prior: &Value, planned: &Value) -> Value {
    if planned.as_map().is_some() { mark(nested, config, prior, planned) } else { planned.clone() }
}

/// Top-level attributes whose changed value replaces the object.
#[must_use]
pub fn replacements(schema: &Schema, planned: &Value, prior: &Value) -> Vec<Path> {
    schema
        .attributes
        .iter()
        .filter(|attribute| attribute.replace == Replace::OnChange && changed(attribute, planned, prior))
        .map(|attribute| Path::attribute(attribute.name))
        .collect()
}

/// Gives unknowns back the promises that the configuration made about them, which typed models do not carry.
#[must_use]
pub fn restore_refinements(from: &Value, value: Value) -> Value {
    match (from, value) {
        (Value::Unknown(_), Value::Unknown(_)) => from.clone(),
        (Value::List(from), Value::List(elements)) if from.len() == elements.len() => {
            Value::List(from.iter().zip(elements).map(|(from, element)| restore_refinements(from, element)).collect())
        }
        (Value::Map(from), Value::Map(entries)) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let value = match from.get(&key) {
                        Some(from) => restore_refinements(from, value),
                        None => value,
                    };
                    (key, value)
                })
                .collect(),
        ),
        (_, value) => value,
    }
}

/// Overlays what was planned on what an apply answered: a value known in the plan is answered as planned, to the letter,
/// nulls and unordered spellings included; the answer fills in what was unknown.
#[must_use]
pub fn conform(planned: &Value, answered: &Value) -> Value {
    match (planned, answered) {
        (Value::Unknown(_), answered) => answered.clone(),
        (Value::Map(planned), Value::Map(entries)) => Value::Map(
            planned
                .iter()
                .map(|(key, planned)| (key.clone(), conform(planned, entries.get(key).unwrap_or(&Value::Null))))
                .collect(),
        ),
        (Value::List(planned), Value::List(elements)) if planned.len() == elements.len() => {
            Value::List(planned.iter().zip(elements).map(|(planned, answered)| conform(planned, answered)).collect())
        }
        (Value::Dynamic(planned), Value::Dynamic(answered)) if planned.ty == answered.ty => {
            let value = conform(&planned.value, &answered.value);
            Value::Dynamic(Box::new(Dynamic { ty: planned.ty.clone(), value }))
        }
        (planned, _) => resolve(planned),
    }
}

/// The value with null in place of each unknown.
#[must_use]
pub fn resolve(value: &Value) -> Value {
    match value {
        Value::Unknown(_) => Value::Null,
        Value::List(elements) => Value::List(elements.iter().map(resolve).collect()),
        Value::Map(entries) => Value::Map(entries.iter().map(|(key, value)| (key.clone(), resolve(value))).collect()),
        Value::Dynamic(dynamic) => {
            Value::Dynamic(Box::new(Dynamic { ty: dynamic.ty.clone(), value: resolve(&dynamic.value) }))
        }
        known => known.clone(),
    }
}

/// Exactly the schema's attributes, at every depth; write-only ones null. A value that is no object stays what it is.
#[must_use]
pub fn shape(attributes: &[Attribute], value: Value) -> Value {
    let Value::Map(mut entries) = value else { return value };
    let entry = |attribute: &Attribute| {
        let value = entries.remove(attribute.name).filter(|_| !attribute.write_only).unwrap_or(Value::Null);
        (attribute.name, shape_nested(attribute, value))
    };
    Value::map(attributes.iter().map(entry))
}

fn shape_nested(attribute: &Attribute, value: Value) -> Value {
    let Kind::Nested(nesting, nested) = &attribute.kind else { return value };
    match (nesting, value) {
        (Nesting::List, Value::List(elements)) => {
            Value::List(elements.into_iter().map(|element| shape(nested, element)).collect())
        }
        (Nesting::Map, Value::Map(entries)) => {
            Value::Map(entries.into_iter().map(|(key, element)| (key, shape(nested, element))).collect())
        }
        (Nesting::Single, value) => shape(nested, value),
        (Nesting::List | Nesting::Map, value) => value,
    }
}

/// Fills local settings that are null with their defaults: after an import, or in a state written before the setting was.
#[must_use]
pub fn fill_local_defaults(schema: &Schema, state: Value) -> Value {
    let Value::Map(mut entries) = state else { return state };
    for attribute in schema.attributes.iter().filter(|attribute| attribute.local) {
        if let (Some(default), Some(value)) = (&attribute.default, entries.get_mut(attribute.name))
            && value.is_null()
        {
            *value = default.clone();
        }
    }
    Value::Map(entries)
}
