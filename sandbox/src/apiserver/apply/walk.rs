//! Walks values along a schema: which fields a value sets, how two values differ, merging one into another, removing
//! fields. Each function mirrors one walk of the structured-merge-diff library, its treatment of nulls and empty maps
//! included, because that treatment is visible in `managedFields`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::set::{FieldSet, Step};
use crate::apiserver::schema::{ListKind, Shape, Ty};

/// How two versions of an object differ.
#[derive(Clone, Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) added: FieldSet,
    pub(crate) modified: FieldSet,
    pub(crate) removed: FieldSet,
}

impl Comparison {
    /// Leaves out the fields a request cannot change.
    pub(crate) fn excluding(&self, ignored: &FieldSet) -> Comparison {
        Comparison {
            added: self.added.recursive_difference(ignored),
            modified: self.modified.recursive_difference(ignored),
            removed: self.removed.recursive_difference(ignored),
        }
    }
}

/// The path step that identifies an element of an associative list.
fn element_step(kind: &ListKind, item: &Value) -> Step {
    match kind {
        ListKind::Keyed(keys) => {
            let mut key = Map::new();
            for (name, default) in keys {
                if let Some(value) = item.get(name).or(default.as_ref()) {
                    key.insert(name.clone(), value.clone());
                }
            }
            Step::Key(Value::Object(key).to_string())
        }
        ListKind::Atomic | ListKind::Set => Step::Value(item.to_string()),
    }
}

fn as_map(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object)
}

fn as_list(value: Option<&Value>) -> Option<&Vec<Value>> {
    value.and_then(Value::as_array)
}

/// The fields a value sets.
pub(crate) fn field_set(ty: &Ty, value: &Value) -> FieldSet {
    let mut out = FieldSet::default();
    set_walk(ty, value, &mut Vec::new(), &mut out);
    out
}

fn set_walk(ty: &Ty, value: &Value, path: &mut Vec<Step>, out: &mut FieldSet) {
    match ty.shape(Some(value)) {
        Shape::Leaf => out.insert(path),
        Shape::List(kind) => {
            for item in as_list(Some(value)).into_iter().flatten() {
                path.push(element_step(kind, item));
                set_walk(ty.item(), item, path, out);
                out.insert(path);
                path.pop();
            }
        }
        Shape::Map => {
            for (name, child) in as_map(Some(value)).into_iter().flatten() {
                path.push(Step::Field(name.clone()));
                set_walk(ty.field(name), child, path, out);
                let bare = child.is_null() || child.as_object().is_some_and(Map::is_empty);
                if bare || ty.declared(name).is_none() {
                    out.insert(path);
                }
                path.pop();
            }
        }
    }
}

/// How `new` differs from `old`.
pub(crate) fn compare(ty: &Ty, old: &Value, new: &Value) -> Comparison {
    let mut out = Comparison::default();
    compare_walk(ty, Some(old), Some(new), &mut Vec::new(), &mut out);
    out
}

fn compare_walk(ty: &Ty, old: Option<&Value>, new: Option<&Value>, path: &mut Vec<Step>, out: &mut Comparison) {
    let left = ty.shape(old);
    let right = ty.shape(new);
    let leaf = match (old, new) {
        (Some(_), None) => compare_as(ty, left, old, new, path, out),
        (None, _) => compare_as(ty, right, old, new, path, out),
        (Some(_), Some(_)) => {
            if left != right {
                compare_as(ty, left, old, new, path, out);
            }
            compare_as(ty, right, old, new, path, out)
        }
    };
    if !leaf {
        match (old, new) {
            (None, Some(_)) => out.added.insert(path),
            (Some(_), None) => out.removed.insert(path),
            (None, None) | (Some(_), Some(_)) => {}
        }
    }
}

/// Returns whether the value was handled as one leaf.
fn compare_as(
    ty: &Ty,
    shape: Shape<'_>,
    old: Option<&Value>,
    new: Option<&Value>,
    path: &mut Vec<Step>,
    out: &mut Comparison,
) -> bool {
    let empty = match shape {
        Shape::Leaf => true,
        Shape::Map => as_map(old).is_none_or(Map::is_empty) && as_map(new).is_none_or(Map::is_empty),
        Shape::List(_) => as_list(old).is_none_or(Vec::is_empty) && as_list(new).is_none_or(Vec::is_empty),
    };
    if empty {
        match (old, new) {
            (None, Some(_)) => out.added.insert(path),
            (Some(_), None) => out.removed.insert(path),
            (Some(old), Some(new)) if old != new => out.modified.insert(path),
            (Some(_), Some(_)) | (None, None) => {}
        }
        return true;
    }
    match shape {
        Shape::Leaf => {}
        Shape::Map => {
            let (old, new) = (as_map(old), as_map(new));
            let mut names: Vec<&String> = old.into_iter().flat_map(Map::keys).collect();
            names.extend(
                new.into_iter().flat_map(Map::keys).filter(|name| old.is_none_or(|old| !old.contains_key(*name))),
            );
            for name in names {
                path.push(Step::Field(name.clone()));
                let (old, new) = (old.and_then(|map| map.get(name)), new.and_then(|map| map.get(name)));
                compare_walk(ty.field(name), old, new, path, out);
                path.pop();
            }
        }
        Shape::List(kind) => {
            let mut pairs: BTreeMap<Step, (Option<&Value>, Option<&Value>)> = BTreeMap::new();
            for item in as_list(old).into_iter().flatten() {
                pairs.entry(element_step(kind, item)).or_default().0 = Some(item);
            }
            for item in as_list(new).into_iter().flatten() {
                pairs.entry(element_step(kind, item)).or_default().1 = Some(item);
            }
            for (step, (old, new)) in pairs {
                path.push(step);
                compare_walk(ty.item(), old, new, path, out);
                path.pop();
            }
        }
    }
    false
}

/// Merges `config` over `live`.
pub(crate) fn merge(ty: &Ty, live: &Value, config: &Value) -> Value {
    merge_walk(ty, Some(live), Some(config)).unwrap_or(Value::Null)
}

fn merge_walk(ty: &Ty, live: Option<&Value>, config: Option<&Value>) -> Option<Value> {
    let shape = if config.is_some() { ty.shape(config) } else { ty.shape(live) };
    let take_one = || config.or(live).cloned();
    match shape {
        Shape::Leaf => take_one(),
        Shape::Map => {
            let (live_map, config_map) = (as_map(live), as_map(config));
            if live_map.is_none_or(Map::is_empty) && config_map.is_none_or(Map::is_empty) {
                return take_one();
            }
            let mut out = Map::new();
            let names = live_map.into_iter().chain(config_map).flat_map(Map::keys);
            for name in names {
                if out.contains_key(name) {
                    continue;
                }
                let (live, config) = (live_map.and_then(|map| map.get(name)), config_map.and_then(|map| map.get(name)));
                if let Some(value) = merge_walk(ty.field(name), live, config) {
                    out.insert(name.clone(), value);
                }
            }
            Some(Value::Object(out))
        }
        Shape::List(kind) => {
            let (live_list, config_list) = (as_list(live), as_list(config));
            if live_list.is_none_or(Vec::is_empty) && config_list.is_none_or(Vec::is_empty) {
                return take_one();
            }
            let live_list: &[Value] = live_list.map_or(&[], Vec::as_slice);
            let config_list: &[Value] = config_list.map_or(&[], Vec::as_slice);
            Some(Value::Array(merge_list(ty, kind, live_list, config_list)))
        }
    }
}

/// Shared elements take the order of `config`; those only in `live` come before the shared element they preceded, and
/// before elements only in `config`.
fn merge_list(ty: &Ty, kind: &ListKind, live: &[Value], config: &[Value]) -> Vec<Value> {
    let config_steps: Vec<Step> = config.iter().map(|item| element_step(kind, item)).collect();
    let live_steps: Vec<Step> = live.iter().map(|item| element_step(kind, item)).collect();
    let mut shared = config_steps.iter().filter(|step| live_steps.contains(step));
    let mut next_shared = shared.next();
    let mut own = live_steps.iter().zip(live).peekable();
    let mut new = config_steps.iter().zip(config).peekable();
    let mut merged: Vec<&Step> = Vec::new();
    let mut out = Vec::new();
    loop {
        let (left, right) = (own.peek().copied(), new.peek().copied());
        match (left, right) {
            (Some((step, item)), Some((other, given))) if step == other => {
                out.extend(merge_walk(ty.item(), Some(item), Some(given)));
                merged.push(step);
                if next_shared == Some(step) {
                    next_shared = shared.next();
                }
                own.next();
                new.next();
            }
            (Some((step, item)), _) if !config_steps.contains(step) => {
                out.push(item.clone());
                own.next();
            }
            // Shared, but it has its place later or had it already.
            (Some((step, _)), right) if right.is_none() || merged.contains(&step) || next_shared != Some(step) => {
                own.next();
            }
            (_, Some((step, given))) => {
                let item = live_steps.iter().position(|one| one == step).and_then(|at| live.get(at));
                out.extend(merge_walk(ty.item(), item, Some(given)));
                merged.push(step);
                if next_shared == Some(step) {
                    next_shared = shared.next();
                }
                new.next();
            }
            (Some(_), None) => {
                own.next();
            }
            (None, None) => return out,
        }
    }
}

/// Removes the paths of `gone` from a value. A map or list that becomes empty turns into null, as in the reference.
pub(crate) fn remove(ty: &Ty, value: &Value, gone: &FieldSet) -> Value {
    match ty.shape(Some(value)) {
        Shape::Leaf => match value {
            // Atomic maps and lists cannot lose parts; the reference answers null for them.
            Value::Array(_) | Value::Object(_) => Value::Null,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
        },
        Shape::Map => {
            let mut out = Map::new();
            for (name, child) in as_map(Some(value)).into_iter().flatten() {
                let step = Step::Field(name.clone());
                if gone.members.contains(&step) {
                    continue;
                }
                let kept = match gone.below(&step) {
                    Some(below) if !below.is_empty() => remove(ty.field(name), child, below),
                    Some(_) | None => child.clone(),
                };
                out.insert(name.clone(), kept);
            }
            if out.is_empty() { Value::Null } else { Value::Object(out) }
        }
        Shape::List(kind) => {
            let mut out = Vec::new();
            for item in as_list(Some(value)).into_iter().flatten() {
                let step = element_step(kind, item);
                if gone.members.contains(&step) {
                    continue;
                }
                out.push(match gone.below(&step) {
                    Some(below) if !below.is_empty() => remove(ty.item(), item, below),
                    Some(_) | None => item.clone(),
                });
            }
            if out.is_empty() { Value::Null } else { Value::Array(out) }
        }
    }
}

/// Adds the declared struct fields that have members below them: owning a part of a struct is owning the struct's field.
pub(crate) fn with_named_fields(ty: &Ty, set: &FieldSet) -> FieldSet {
    let mut out = FieldSet { members: set.members.clone(), ..FieldSet::default() };
    for (step, child) in &set.children {
        let below = match step {
            Step::Field(name) => {
                if ty.declared(name).is_some() {
                    out.members.insert(step.clone());
                }
                ty.field(name)
            }
            Step::Key(_) | Step::Value(_) | Step::Index(_) => ty.item(),
        };
        out.children.insert(step.clone(), with_named_fields(below, child));
    }
    out
}
