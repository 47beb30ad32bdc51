//! Small reads and writes on objects held as JSON. Never decides anything.

use serde_json::{Map, Value};

/// The string at `path`, or the empty string.
pub(crate) fn text<'a>(object: &'a Value, path: &[&str]) -> &'a str {
    get(object, path).and_then(Value::as_str).unwrap_or_default()
}

/// The value at `path`.
pub(crate) fn get<'a>(object: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, name| value.get(name))
}

/// Sets the value at `path`, making maps on the way.
pub(crate) fn set(object: &mut Value, path: &[&str], value: Value) {
    match path {
        [] => *object = value,
        [first, rest @ ..] => {
            if !object.is_object() {
                *object = Value::Object(Map::new());
            }
            if let Some(map) = object.as_object_mut() {
                set(map.entry((*first).to_owned()).or_insert(Value::Null), rest, value);
            }
        }
    }
}

/// Removes the value at `path`.
pub(crate) fn remove(object: &mut Value, path: &[&str]) -> Option<Value> {
    match path {
        [] => None,
        [last] => object.as_object_mut().and_then(|map| map.remove(*last)),
        [first, rest @ ..] => object.get_mut(first).and_then(|inner| remove(inner, rest)),
    }
}

/// Makes `path` of `object` equal to `path` of `from`, absence included.
pub(crate) fn copy(object: &mut Value, from: &Value, path: &[&str]) {
    match get(from, path) {
        Some(value) => set(object, path, value.clone()),
        None => {
            remove(object, path);
        }
    }
}

pub(crate) fn name(object: &Value) -> &str {
    text(object, &["metadata", "name"])
}
pub(crate) fn namespace(object: &Value) -> &str {
    text(object, &["metadata", "namespace"])
}
pub(crate) fn uid(object: &Value) -> &str {
    text(object, &["metadata", "uid"])
}
pub(crate) fn resource_version(object: &Value) -> &str {
    text(object, &["metadata", "resourceVersion"])
}
pub(crate) fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    get(object, &["metadata", "annotations", key]).and_then(Value::as_str)
}
pub(crate) fn is_terminating(object: &Value) -> bool {
    get(object, &["metadata", "deletionTimestamp"]).is_some_and(|value| !value.is_null())
}
pub(crate) fn finalizers(object: &Value) -> Vec<&str> {
    list(object, &["metadata", "finalizers"]).iter().filter_map(Value::as_str).collect()
}
/// The list at `path`, or none.
pub(crate) fn list<'a>(object: &'a Value, path: &[&str]) -> &'a [Value] {
    get(object, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
/// The number at `path`, or 0.
pub(crate) fn integer(object: &Value, path: &[&str]) -> i64 {
    get(object, path).and_then(Value::as_i64).unwrap_or(0)
}
