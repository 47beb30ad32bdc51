//! The rules of Terraform core, written down again from its behaviour: proposed state, valid plans, compatible results.

use crate::framework::erased::{AnyResource, StateAnswer};
use crate::framework::path::{Path, Step};
use crate::framework::plan;
use crate::framework::schema::{Attribute, Kind, Nesting, Schema};
use crate::framework::types::Type;
use crate::framework::value::{Refinements, Value};

type Checked = Result<(), String>;

/// Core's merge of configuration and prior state (`ProposedNew`).
pub(crate) fn propose(schema: &Schema, prior: &Value, config: &Value) -> Value {
    if config.as_map().is_none() {
        return prior.clone();
    }
    propose_object(&schema.attributes, prior, config)
}

fn propose_object(attributes: &[Attribute], prior: &Value, config: &Value) -> Value {
    let entry = |attribute: &Attribute| {
        let name = attribute.name;
        (name, propose_attribute(attribute, &prior.attr(name), &config.attr(name)))
    };
    Value::map(attributes.iter().map(entry))
}

fn propose_attribute(attribute: &Attribute, prior: &Value, config: &Value) -> Value {
    if attribute.is_computed() && config.is_null() {
        let was_configured = match &attribute.kind {
            Kind::Nested(..) if attribute.is_configurable() => holds_configured(attribute, prior),
            Kind::Nested(..) | Kind::Value(_) => false,
        };
        return if was_configured { Value::Null } else { prior.clone() };
    }
    let Kind::Nested(nesting, nested) = &attribute.kind else { return config.clone() };
    let element = |prior: &Value, config: &Value| match config {
        Value::Map(_) => propose_object(nested, prior, config),
        other => other.clone(),
    };
    match (nesting, config) {
        (Nesting::Single, _) => element(prior, config),
        (Nesting::List, Value::List(elements)) => {
            let at = |index| prior.as_list().and_then(|list: &[Value]| list.get(index)).unwrap_or(&Value::Null);
            Value::List(elements.iter().enumerate().map(|(index, config)| element(at(index), config)).collect())
        }
        (Nesting::Map, Value::Map(entries)) => {
            Value::map(entries.iter().map(|(key, config)| (key, element(&prior.attr(key), config))))
        }
        (Nesting::List | Nesting::Map, other) => other.clone(),
    }
}

/// Whether a value can only have come from configuration: some leaf that no provider may set is there.
fn holds_configured(attribute: &Attribute, value: &Value) -> bool {
    let Kind::Nested(_, nested) = &attribute.kind else { return !attribute.is_computed() && !value.is_null() };
    let objects = crate::framework::schema::nested_objects(attribute, value, &Path::root());
    objects.iter().any(|(_, object)| nested.iter().any(|inner| holds_configured(inner, &object.attr(inner.name))))
}

/// Core's check of a planned state (`AssertPlanValid`), and that exactly the schema's attributes are there.
pub(crate) fn plan_valid(schema: &Schema, config: &Value, prior: &Value, planned: &Value) -> Checked {
    if config.is_null() != planned.is_null() {
        return Err("planned for absence but config wants existence, or the reverse".to_owned());
    }
    objects_valid(&schema.attributes, config, prior, planned, &Path::root())
}

fn objects_valid(attributes: &[Attribute], config: &Value, prior: &Value, planned: &Value, path: &Path) -> Checked {
    let entries = planned.as_map().ok_or_else(|| format!("{path}: not an object: {planned:?}"))?;
    if entries.len() != attributes.len() {
        return Err(format!("{path}: {} attributes are required, {} are planned", attributes.len(), entries.len()));
    }
    attributes.iter().try_for_each(|attribute| {
        let name = attribute.name;
        let path = path.attr(name);
        let planned = entries.get(name).ok_or_else(|| format!("{path}: missing"))?;
        attribute_valid(attribute, &config.attr(name), &prior.attr(name), planned, &path)
    })
}

fn attribute_valid(attribute: &Attribute, config: &Value, prior: &Value, planned: &Value, path: &Path) -> Checked {
    let ty = attribute.ty();
    if attribute.write_only {
        return if planned.is_null() { Ok(()) } else { Err(format!("{path}: a write-only value is planned")) };
    }
    if let (Kind::Nested(nesting, nested), false) = (&attribute.kind, attribute.is_computed() && config.is_null()) {
        // Core accepts equal values without looking inside; a write-only attribute inside must be null all the same.
        return nested_valid(*nesting, nested, config, prior, planned, path);
    }
    if ty.equal(planned, config) {
        return Ok(());
    }
    if ty.equal(planned, prior) && !prior.is_null() && !config.is_null() {
        return Ok(());
    }
    if attribute.is_computed() && (!attribute.is_configurable() || config.is_null()) {
        return Ok(());
    }
    if config.is_null() {
        return Err(format!("{path}: planned value {planned:?} for a non-computed attribute"));
    }
    Err(format!("{path}: planned value {planned:?} does not match config value {config:?} nor prior value {prior:?}"))
}

fn nested_valid(
    nesting: Nesting,
    nested: &[Attribute],
    config: &Value,
    prior: &Value,
    planned: &Value,
    path: &Path,
) -> Checked {
    match (config, planned) {
        (Value::Null, Value::Null) | (Value::Unknown(_), Value::Unknown(_)) => return Ok(()),
        (_, Value::Null) => return Err(format!("{path}: planned for absence but config wants existence")),
        (Value::Null, _) => return Err(format!("{path}: planned for existence but config wants absence")),
        (_, Value::Unknown(_)) => return Err(format!("{path}: planned unknown for configured value")),
        (Value::Unknown(_), _) => return Err(format!("{path}: planned {planned:?} for unknown value")),
        _ => {}
    }
    match (nesting, config, planned) {
        (Nesting::Single, _, _) => objects_valid(nested, config, prior, planned, path),
        (Nesting::List, Value::List(configured), Value::List(elements)) => {
            if configured.len() != elements.len() {
                let counts = (elements.len(), configured.len());
                return Err(format!(
                    "{path}: count in plan ({}) disagrees with count in config ({})",
                    counts.0, counts.1
                ));
            }
            let at = |index| prior.as_list().and_then(|list: &[Value]| list.get(index)).unwrap_or(&Value::Null);
            configured.iter().zip(elements).enumerate().try_for_each(|(index, (config, planned))| {
                nested_valid(Nesting::Single, nested, config, at(index), planned, &path.index(index))
            })
        }
        (Nesting::Map, Value::Map(configured), Value::Map(elements)) => {
            if !configured.keys().eq(elements.keys()) {
                return Err(format!("{path}: the map's keys in plan are not those in config"));
            }
            configured.iter().try_for_each(|(key, config)| {
                nested_valid(Nesting::Single, nested, config, &prior.attr(key), &elements[key], &path.key(key))
            })
        }
        _ => Err(format!("{path}: planned {planned:?} for configured {config:?}")),
    }
}

/// What core checks of every state that a provider answers, whatever the call: it is known, of the schema's shape, and
/// holds no write-only value; its identity has no attribute that the identity's schema lacks.
pub(crate) fn state_valid(resource: &dyn AnyResource, answer: &StateAnswer) -> Checked {
    let state = answer.state.as_ref().ok_or("no state is answered")?;
    if state.is_null() {
        return if answer.identity.is_none() { Ok(()) } else { Err("an absent object has an identity".to_owned()) };
    }
    if !state.is_wholly_known() {
        return Err(format!("the state holds unknown values: {state:?}"));
    }
    let mut wrong = None;
    resource.schema().visit(state, &mut |path, attribute, value| {
        if attribute.write_only && !value.is_null() {
            wrong = Some(format!("{path}: a write-only value is stored"));
        }
    });
    wrong.map_or(Ok(()), Err)?;
    if plan::shape(&resource.schema().attributes, state.clone()) != *state {
        return Err(format!("the state has not the schema's shape: {state:?}"));
    }
    let known = |name: &String| resource.identity_schema().attributes.iter().any(|attribute| attribute.name == name);
    match answer.identity.iter().flat_map(|identity| identity.keys()).find(|name| !known(name)) {
        Some(name) => Err(format!("the identity has no attribute {name}")),
        None => Ok(()),
    }
}

/// Each path must lead somewhere in the prior or the planned state.
pub(crate) fn replace_paths_exist(schema: &Schema, paths: &[Path], prior: &Value, planned: &Value) -> Checked {
    paths.iter().try_for_each(|path| {
        let Some(Step::Attribute(name)) = path.steps().first() else {
            return Err(format!("{path}: replacement is not decided by an attribute"));
        };
        if schema.attribute(name).is_none() {
            return Err(format!("{path}: replacement is decided by an attribute that does not exist"));
        }
        if prior.at(path).is_none() && planned.at(path).is_none() {
            return Err(format!("{path}: indicated \"requires replacement\" for a non-existent attribute path"));
        }
        Ok(())
    })
}

/// Core counts a path only where prior and planned differ, or the planned value is unknown.
pub(crate) fn replaces(paths: &[Path], prior: &Value, planned: &Value) -> bool {
    !prior.is_null()
        && paths.iter().any(|path| {
            let planned = planned.at(path).unwrap_or(Value::Null);
            !planned.is_wholly_known() || planned != prior.at(path).unwrap_or(Value::Null)
        })
}

/// Top-level attributes that differ.
pub(crate) fn changed_attributes(schema: &Schema, a: &Value, b: &Value) -> Vec<&'static str> {
    let differs = |attribute: &&Attribute| !attribute.ty().equal(&a.attr(attribute.name), &b.attr(attribute.name));
    schema.attributes.iter().filter(differs).map(|attribute| attribute.name).collect()
}

/// Core's comparison of a planned value with what came of it (`AssertObjectCompatible`).
pub(crate) fn compatible(ty: &Type, planned: &Value, actual: &Value) -> Checked {
    compatible_at(ty, planned, actual, &Path::root())
}

fn compatible_at(ty: &Type, planned: &Value, actual: &Value, path: &Path) -> Checked {
    let was = || Err(format!("{path}: was {planned:?}, but now {actual:?}"));
    match (ty, planned, actual) {
        (_, Value::Unknown(refinements), _) => refinements.as_deref().map_or(Ok(()), |r| refined(r, actual, path)),
        (_, Value::Null, Value::Null) => Ok(()),
        (Type::List(element), Value::List(a), Value::List(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.try_for_each(|(index, (a, b))| compatible_at(element, a, b, &path.index(index)))
        }
        (Type::Set(element), Value::List(a), Value::List(b)) => {
            let partner =
                |a: &Value, others: &[Value]| others.iter().any(|b| compatible_at(element, a, b, path).is_ok());
            let reverse = |b: &Value| a.iter().any(|a| compatible_at(element, a, b, path).is_ok());
            if b.len() <= a.len() && a.iter().all(|a| partner(a, b)) && b.iter().all(reverse) { Ok(()) } else { was() }
        }
        (Type::Map(element), Value::Map(a), Value::Map(b)) if a.keys().eq(b.keys()) => {
            a.iter().try_for_each(|(key, a)| compatible_at(element, a, &b[key], &path.key(key)))
        }
        (Type::Object(attributes), Value::Map(a), Value::Map(b)) if a.keys().eq(b.keys()) => {
            let mut attributes = attributes.iter();
            attributes.try_for_each(|(name, ty)| compatible_at(ty, &a[name], &b[name], &path.attr(name)))
        }
        (Type::Tuple(types), Value::List(a), Value::List(b)) if a.len() == b.len() => {
            let mut pairs = types.iter().zip(a.iter().zip(b)).enumerate();
            pairs.try_for_each(|(index, (ty, (a, b)))| compatible_at(ty, a, b, &path.index(index)))
        }
        (Type::Dynamic, Value::Dynamic(a), Value::Dynamic(b)) if a.ty == b.ty => {
            compatible_at(&a.ty, &a.value, &b.value, path)
        }
        (Type::String | Type::Number | Type::Bool, a, b) if a == b => Ok(()),
        _ => was(),
    }
}

fn refined(refinements: &Refinements, actual: &Value, path: &Path) -> Checked {
    let kept = match actual {
        Value::Unknown(_) => true,
        Value::Null => refinements.null != Some(false),
        Value::String(text) => refinements.prefix.as_deref().is_none_or(|prefix| text.starts_with(prefix)),
        Value::List(elements) => length_kept(refinements, elements.len()),
        Value::Map(entries) => length_kept(refinements, entries.len()),
        Value::Bool(_) | Value::Number(_) | Value::Dynamic(_) => true,
    };
    if kept { Ok(()) } else { Err(format!("{path}: does not conform to planning placeholder {refinements:?}")) }
}

fn length_kept(refinements: &Refinements, len: usize) -> bool {
    let len = u64::try_from(len).unwrap_or(u64::MAX);
    refinements.min_len.is_none_or(|least| len >= least) && refinements.max_len.is_none_or(|most| len <= most)
}
