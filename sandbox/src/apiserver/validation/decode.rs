//! Bodies: JSON or YAML to a value, with the findings of strict decoding (unknown and duplicate fields).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::apiserver::schema::{Scalar, Ty};
use crate::apiserver::status::ApiError;

/// A parsed body and the duplicate keys found in it.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) value: Value,
    pub(crate) duplicates: Vec<String>,
}

/// Parses a body; YAML where `yaml`, which also takes JSON.
///
/// # Errors
/// 400 for a syntax error.
pub(crate) fn parse(bytes: &[u8], yaml: bool) -> Result<Body, ApiError> {
    let text = std::str::from_utf8(bytes).map_err(|error| ApiError::bad_request(error.to_string()))?;
    let parsed = if yaml && !text.trim_start().starts_with('{') {
        serde_norway::from_str::<Value>(text).map_err(|error| format!("error decoding YAML: {error}"))
    } else {
        serde_json::from_str::<Value>(text)
            .map_err(|error| format!("couldn't get version/kind; json parse error: {error}"))
    };
    let mut value = parsed.map_err(ApiError::bad_request)?;
    canonical_numbers(&mut value);
    let duplicates = if text.trim_start().starts_with('{') { duplicates(text) } else { Vec::new() };
    Ok(Body { value, duplicates })
}

/// Numbers are 64-bit integers where they can be, doubles otherwise: `1.0` and `1e3` are stored as the server prints them.
fn canonical_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if number.as_i64().is_none()
                && let Some(float) = number.as_f64()
            {
                let whole = float.fract() == 0.0 && float.abs() < 1e15;
                let printed = if whole { format!("{float:.0}") } else { format!("{float}") };
                if let Ok(parsed) = serde_json::from_str(&printed) {
                    *value = parsed;
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(canonical_numbers),
        Value::Object(map) => map.values_mut().for_each(canonical_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// The paths of keys that occur twice in one map of valid JSON text.
fn duplicates(text: &str) -> Vec<String> {
    enum Level {
        Map { seen: BTreeSet<String>, key: Option<String> },
        List { at: usize },
    }
    let mut found = Vec::new();
    let mut levels: Vec<Level> = Vec::new();
    let mut letters = text.char_indices();
    while let Some((start, letter)) = letters.next() {
        match letter {
            '{' => levels.push(Level::Map { seen: BTreeSet::new(), key: None }),
            '[' => levels.push(Level::List { at: 0 }),
            '}' | ']' => {
                levels.pop();
            }
            ',' => match levels.last_mut() {
                Some(Level::Map { key, .. }) => *key = None,
                Some(Level::List { at }) => *at += 1,
                None => {}
            },
            '"' => {
                let mut escaped = false;
                let mut end = start;
                for (at, inner) in letters.by_ref() {
                    if escaped {
                        escaped = false;
                    } else if inner == '\\' {
                        escaped = true;
                    } else if inner == '"' {
                        end = at;
                        break;
                    }
                }
                let literal = text.get(start..=end).unwrap_or_default();
                let path = levels
                    .iter()
                    .map(|level| match level {
                        Level::Map { key, .. } => key.as_ref().map(|key| format!(".{key}")).unwrap_or_default(),
                        Level::List { at } => format!("[{at}]"),
                    })
                    .collect::<String>();
                if let Some(Level::Map { seen, key: slot @ None }) = levels.last_mut()
                    && let Ok(key) = serde_json::from_str::<String>(literal)
                {
                    if !seen.insert(key.clone()) {
                        found.push(format!("{path}.{key}").trim_start_matches('.').to_owned());
                    }
                    *slot = Some(key);
                }
            }
            _ => {}
        }
    }
    found
}

/// The paths of fields the type does not declare.
pub(crate) fn unknown_fields(ty: &Ty, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    unknown(ty, value, "", &mut found);
    found
}

fn unknown(ty: &Ty, value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, child) in map {
                let here = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                if let Ty::Struct { open: false, fields, .. } = ty
                    && !fields.contains_key(name)
                {
                    found.push(here);
                    continue;
                }
                unknown(ty.field(name), child, &here, found);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                unknown(ty.item(), item, &format!("{path}[{at}]"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Drops fields the type does not declare, as a typed decoder does.
pub(crate) fn drop_unknown(ty: &Ty, value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Ty::Struct { open: false, fields, .. } = ty {
                map.retain(|name, _| fields.contains_key(name));
            }
            drop_unknown_below(ty, map);
        }
        Value::Array(items) => items.iter_mut().for_each(|item| drop_unknown(ty.item(), item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn drop_unknown_below(ty: &Ty, map: &mut Map<String, Value>) {
    for (name, child) in map.iter_mut() {
        drop_unknown(ty.field(name), child);
    }
}

/// The first value a typed decoder could not take, as Go's decoder words it.
pub(crate) fn type_error(ty: &Ty, value: &Value, kind: &str) -> Option<String> {
    mismatch(ty, value, "").map(|(path, found, wanted)| {
        format!("json: cannot unmarshal {found} into Go struct field {kind}.{path} of type {wanted}")
    })
}

fn mismatch(ty: &Ty, value: &Value, path: &str) -> Option<(String, &'static str, &'static str)> {
    let found = match value {
        Value::Null => return None,
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let wanted = match ty {
        Ty::Any => return None,
        Ty::Scalar { kind, .. } => {
            let (fits, name) = match kind {
                Scalar::Text => (value.is_string(), "string"),
                Scalar::Bytes => (value.is_string(), "[]uint8"),
                Scalar::Time => (value.is_string(), "v1.Time"),
                Scalar::Integer => (value.is_i64(), "int32"),
                Scalar::Boolean => (value.is_boolean(), "bool"),
                Scalar::IntOrText => (value.is_string() || value.is_number(), "intstr.IntOrString"),
            };
            if fits {
                return None;
            }
            name
        }
        Ty::Struct { .. } | Ty::Map { .. } => {
            if let Some(map) = value.as_object() {
                let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                return map.iter().find_map(|(name, child)| mismatch(ty.field(name), child, &join(name)));
            }
            if matches!(ty, Ty::Map { .. }) { "map[string]string" } else { "struct" }
        }
        Ty::List { item, .. } => {
            if let Some(items) = value.as_array() {
                return items.iter().find_map(|one| mismatch(item, one, path));
            }
            "slice"
        }
    };
    Some((path.to_owned(), found, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::kinds;

    #[test]
    fn unknown_and_duplicate_fields_are_found_with_their_paths() {
        let text = r#"{"spec": {"rules": [{"host": "a", "host": "b"}], "ruls": []}, "spec": {"x\"y": {}}}"#;
        let body = parse(text.as_bytes(), false).expect("JSON");
        assert_eq!(body.duplicates, ["spec.rules[0].host", "spec"]);
        let all = kinds::all();
        let ingress = &all.get("networking.k8s.io/ingresses").expect("ingresses").ty;
        assert_eq!(unknown_fields(ingress, &body.value), ["spec.x\"y"]);
    }

    #[test]
    fn numbers_are_kept_as_the_server_prints_them() {
        let body = parse(br#"{"a": 1.0, "b": 1e3, "c": 1.5, "d": 9007199254740993}"#, false).expect("JSON");
        assert_eq!(body.value.to_string(), r#"{"a":1,"b":1000,"c":1.5,"d":9007199254740993}"#);
    }

    #[test]
    fn a_wrong_type_is_worded_as_by_the_go_decoder() {
        let all = kinds::all();
        let ingress = &all.get("networking.k8s.io/ingresses").expect("ingresses").ty;
        let object = serde_json::json!({"spec": {"rules": [{"host": 1}]}});
        let error = type_error(ingress, &object, "Ingress").expect("an error");
        assert_eq!(error, "json: cannot unmarshal number into Go struct field Ingress.spec.rules.host of type string");
    }
}
