//! JSON patch, JSON merge patch and strategic merge patch on plain values.

use serde_json::{Map, Value};

use super::schema::{ListKind, Ty};
use super::status::ApiError;

/// JSON merge patch (RFC 7386).
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(target) = target.as_object_mut() else { return };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// JSON patch (RFC 6902), all operations or none.
///
/// # Errors
/// 400 for a malformed patch, 422 when an operation does not fit the object.
pub(crate) fn json(target: &mut Value, patch: &Value) -> Result<(), JsonPatchError> {
    let malformed = || JsonPatchError::Malformed;
    let mut work = target.clone();
    for operation in patch.as_array().ok_or_else(malformed)? {
        let text = |name: &str| operation.get(name).and_then(Value::as_str);
        let kind = text("op").ok_or_else(malformed)?;
        let path = text("path").ok_or_else(malformed)?;
        let value = || operation.get("value").cloned().unwrap_or(Value::Null);
        let failed = |detail: String| JsonPatchError::Refused(detail);
        let missing = |path: &str| {
            failed(format!("{kind} operation does not apply: doc is missing path: {path:?}: missing value"))
        };
        match kind {
            "add" => add(&mut work, path, value()).ok_or_else(|| missing(path))?,
            "remove" => drop(take(&mut work, path).ok_or_else(|| {
                failed(format!("remove operation does not apply: doc is missing path: {path:?}: missing value"))
            })?),
            "replace" => {
                *work.pointer_mut(path).ok_or_else(|| missing(path))? = value();
            }
            "test" => {
                let found = work.pointer(path).cloned().unwrap_or(Value::Null);
                if found != value() {
                    return Err(failed(format!("testing value {path} failed: test failed")));
                }
            }
            "move" | "copy" => {
                let from = text("from").ok_or_else(malformed)?;
                let moved = if kind == "move" { take(&mut work, from) } else { work.pointer(from).cloned() };
                add(&mut work, path, moved.ok_or_else(|| missing(from))?).ok_or_else(|| missing(path))?;
            }
            other => return Err(failed(format!("Unexpected kind: {other}"))),
        }
    }
    *target = work;
    Ok(())
}

/// Why a JSON patch was not applied.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum JsonPatchError {
    Malformed,
    Refused(String),
}

fn split(path: &str) -> Option<(&str, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn add(target: &mut Value, path: &str, value: Value) -> Option<()> {
    if path.is_empty() {
        *target = value;
        return Some(());
    }
    let (parent, last) = split(path)?;
    match target.pointer_mut(parent)? {
        Value::Object(map) => {
            map.insert(last, value);
        }
        Value::Array(items) => {
            let at = if last == "-" { items.len() } else { last.parse().ok()? };
            if at > items.len() {
                return None;
            }
            items.insert(at, value);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
    }
    Some(())
}

fn take(target: &mut Value, path: &str) -> Option<Value> {
    let (parent, last) = split(path)?;
    match target.pointer_mut(parent)? {
        Value::Object(map) => map.remove(&last),
        Value::Array(items) => {
            let at: usize = last.parse().ok()?;
            (at < items.len()).then(|| items.remove(at))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Strategic merge patch of a built-in kind.
///
/// # Errors
/// 400 for an unknown directive or a list element without its merge key.
pub(crate) fn strategic(ty: &Ty, target: &mut Value, patch: &Value) -> Result<(), ApiError> {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return Ok(());
    };
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            let rest = patch.iter().filter(|(name, _)| *name != "$patch");
            *target = Value::Object(rest.map(|(name, value)| (name.clone(), value.clone())).collect());
            return Ok(());
        }
        Some("delete") => {
            *target = Value::Object(Map::new());
            return Ok(());
        }
        Some("merge") | None => {}
        Some(other) => return Err(ApiError::bad_request(format!("unknown patch type found: {other}"))),
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else { return Ok(()) };
    let retained: Option<Vec<&str>> =
        patch.get("$retainKeys").and_then(Value::as_array).map(|keys| keys.iter().filter_map(Value::as_str).collect());
    if let Some(retained) = retained {
        map.retain(|name, _| retained.contains(&name.as_str()));
    }
    for (name, value) in patch {
        if let Some(list) = name.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = value.as_array().cloned().unwrap_or_default();
            if let Some(items) = map.get_mut(list).and_then(Value::as_array_mut) {
                items.retain(|item| !gone.contains(item));
            }
            continue;
        }
        if name.starts_with("$setElementOrder/") || matches!(name.as_str(), "$patch" | "$retainKeys") {
            continue;
        }
        if value.is_null() {
            map.remove(name);
            continue;
        }
        let field = ty.field(name);
        match (value, field) {
            (Value::Object(_), _) => strategic(field, map.entry(name.clone()).or_insert(Value::Null), value)?,
            (Value::Array(items), Ty::List { item, kind }) => {
                let slot = map.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new()));
                merge_list(item, kind, slot, items)?;
            }
            _ => {
                map.insert(name.clone(), value.clone());
            }
        }
    }
    for (name, order) in patch {
        if let Some(list) = name.strip_prefix("$setElementOrder/") {
            reorder(ty.field(list), map.get_mut(list), order);
        }
    }
    Ok(())
}

fn merge_list(item_type: &Ty, kind: &ListKind, slot: &mut Value, patch: &[Value]) -> Result<(), ApiError> {
    let replaces = patch.iter().any(|item| item.get("$patch").and_then(Value::as_str) == Some("replace"));
    let Some(items) = slot.as_array_mut() else {
        *slot = Value::Array(patch.to_vec());
        return Ok(());
    };
    match kind {
        ListKind::Atomic => *items = patch.to_vec(),
        _ if replaces => {
            *items = patch.iter().filter(|item| item.get("$patch").is_none()).cloned().collect();
        }
        ListKind::Set => {
            for value in patch {
                if !items.contains(value) {
                    items.push(value.clone());
                }
            }
        }
        // Strategic merge knows one merge key: the first.
        ListKind::Keyed(keys) => {
            let key = keys.first().map(|(name, _)| name.as_str()).unwrap_or_default();
            for element in patch {
                let Some(id) = element.get(key) else {
                    let message = format!("map: {element} does not contain declared merge key: {key}");
                    return Err(ApiError::bad_request(message));
                };
                let at = items.iter().position(|item| item.get(key) == Some(id));
                if element.get("$patch").and_then(Value::as_str) == Some("delete") {
                    if let Some(at) = at {
                        items.remove(at);
                    }
                    continue;
                }
                match at.and_then(|at| items.get_mut(at)) {
                    Some(item) => strategic(item_type, item, element)?,
                    None => items.push(element.clone()),
                }
            }
        }
    }
    Ok(())
}

fn reorder(ty: &Ty, list: Option<&mut Value>, order: &Value) {
    let (Some(items), Some(order)) = (list.and_then(Value::as_array_mut), order.as_array()) else { return };
    let key = match ty {
        Ty::List { kind: ListKind::Keyed(keys), .. } => keys.first().map(|(name, _)| name.as_str()),
        _ => None,
    };
    let id = |item: &Value| key.map_or_else(|| item.clone(), |key| item.get(key).cloned().unwrap_or(Value::Null));
    let wanted: Vec<Value> = order.iter().map(id).collect();
    items.sort_by_key(|item| {
        let own = id(item);
        wanted.iter().position(|one| *one == own).unwrap_or(usize::MAX)
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apiserver::kinds;

    #[test]
    fn a_strategic_patch_merges_lists_by_key_and_replaces_atomic_ones() {
        let all = kinds::all();
        let service = &all.get("/services").expect("services").ty;
        let mut object = json!({"spec": {"ports": [{"port": 80, "name": "a"}, {"port": 81}], "selector": {"x": "1"}}});
        let patch = json!({"spec": {
            "$setElementOrder/ports": [{"port": 82}, {"port": 80}],
            "ports": [{"port": 80, "name": "b"}, {"port": 81, "$patch": "delete"}, {"port": 82}],
            "selector": {"y": "2", "x": null},
        }});
        strategic(service, &mut object, &patch).expect("patched");
        let wanted = json!({"spec": {"ports": [{"port": 82}, {"port": 80, "name": "b"}], "selector": {"y": "2"}}});
        assert_eq!(object, wanted);

        let ingress = &all.get("networking.k8s.io/ingresses").expect("ingresses").ty;
        let mut object = json!({"spec": {"rules": [{"host": "a"}, {"host": "b"}]}, "metadata": {"finalizers": ["f"]}});
        let patch = json!({
            "spec": {"rules": [{"host": "c"}]},
            "metadata": {"finalizers": ["g"], "$deleteFromPrimitiveList/finalizers": ["f"]},
        });
        strategic(ingress, &mut object, &patch).expect("patched");
        assert_eq!(object.pointer("/spec/rules"), Some(&json!([{"host": "c"}])));
        assert_eq!(object.pointer("/metadata/finalizers"), Some(&json!(["g"])));
    }

    #[test]
    fn a_json_patch_is_applied_whole_or_not_at_all() {
        let mut object = json!({"a": [1, 2], "b/c": 1});
        let patch = json!([
            {"op": "test", "path": "/a/0", "value": 1},
            {"op": "add", "path": "/a/-", "value": 3},
            {"op": "remove", "path": "/b~1c"},
        ]);
        json(&mut object, &patch).expect("patched");
        assert_eq!(object, json!({"a": [1, 2, 3]}));
        let before = object.clone();
        let patch = json!([{"op": "add", "path": "/x", "value": 1}, {"op": "replace", "path": "/none", "value": 1}]);
        assert!(matches!(json(&mut object, &patch), Err(JsonPatchError::Refused(_))));
        assert_eq!(object, before);
        assert_eq!(json(&mut object, &json!({})), Err(JsonPatchError::Malformed));
    }
}
