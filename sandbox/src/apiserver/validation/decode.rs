//! Bodies: JSON or YAML to a value, with the findings of strict decoding (unknown and duplicate fields).

use std::collections::BTreeSet;

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine as _};
use serde_json::{Map, Value};

use crate::apiserver::schema::{Scalar, Ty};
use crate::apiserver::status::ApiError;

/// A parsed body and the duplicate keys found in it.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) value: Value,
    pub(crate) duplicates: Vec<Duplicate>,
}

/// A key that stands twice in one map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Duplicate {
    pub(crate) path: String,
    /// Of the later one, from 1.
    pub(crate) line: usize,
}

/// What a body is read as, which decides how its faults are worded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading<'a> {
    /// An object of this kind; YAML is taken too where `yaml`.
    Object { kind: &'a str, yaml: bool },
    /// A JSON patch or a merge patch.
    Patch { list: bool },
    /// A strategic merge patch.
    Strategic,
    /// An apply configuration: YAML.
    Apply,
    /// Options of a delete.
    Options,
}

/// Parses a body.
///
/// # Errors
/// 400 for a syntax error or a body that is no map (no list, for a JSON patch).
pub(crate) fn parse(bytes: &[u8], reading: Reading<'_>) -> Result<Body, ApiError> {
    let text = std::str::from_utf8(bytes).map_err(|error| ApiError::bad_request(error.to_string()))?;
    let is_json = text.trim_start().starts_with('{');
    let yaml = matches!(reading, Reading::Object { yaml: true, .. } | Reading::Apply | Reading::Options);
    let parsed = if yaml && !is_json {
        serde_norway::from_str::<Value>(text).map_err(|error| Fault::Yaml(error.to_string()))
    } else {
        serde_json::from_str::<Value>(text).map_err(|error| Fault::Json(go_syntax(text, &error)))
    };
    let mut value = match parsed {
        Ok(value) => value,
        Err(fault) => return Err(ApiError::bad_request(fault.worded(reading, text))),
    };
    let found = match &value {
        // An empty apply configuration is refused for what it lacks.
        Value::Null if reading == Reading::Apply => {
            value = Value::Object(Map::new());
            None
        }
        // Nothing is a patch that changes nothing, except as a merge patch; an object of nothing lacks everything.
        Value::Null if reading == (Reading::Patch { list: true }) => {
            value = Value::Array(Vec::new());
            None
        }
        Value::Null if reading == Reading::Strategic => {
            value = Value::Object(Map::new());
            None
        }
        Value::Null if reading == (Reading::Patch { list: false }) => {
            return Err(ApiError::bad_request("Invalid JSON Patch"));
        }
        Value::Null if matches!(reading, Reading::Object { .. }) => None,
        Value::Null => Some("null"),
        Value::Bool(_) => Some("bool"),
        Value::Number(_) => Some("number"),
        Value::String(_) => Some("string"),
        Value::Array(_) => Some("array"),
        Value::Object(_) => Some("object"),
    };
    let fits = if reading == (Reading::Patch { list: true }) { "array" } else { "object" };
    if let Some(found) = found.filter(|found| *found != fits) {
        return Err(ApiError::bad_request(Fault::Shape(found).worded(reading, text)));
    }
    canonical_numbers(&mut value);
    let duplicates = if is_json { duplicates(text) } else { Vec::new() };
    Ok(Body { value, duplicates })
}

enum Fault {
    Json(String),
    Yaml(String),
    Shape(&'static str),
}

impl Fault {
    /// The fault as the server words it for this reading.
    fn worded(&self, reading: Reading<'_>, text: &str) -> String {
        const MAP: &str = "map[string]interface {}";
        const TYPE: &str =
            r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;
        let into = |wanted: &str| match self {
            Fault::Json(detail) | Fault::Yaml(detail) => detail.clone(),
            Fault::Shape(found) => format!("json: cannot unmarshal {found} into Go value of type {wanted}"),
        };
        match reading {
            Reading::Object { kind, .. } => format!(
                "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse \
                 error: {} ({})",
                into(TYPE),
                shown(text)
            ),
            Reading::Options => format!("couldn't get version/kind; json parse error: {}", into(TYPE)),
            Reading::Patch { list: true } => {
                format!("error decoding patch: {}", into("[]handlers.jsonPatchOp"))
            }
            Reading::Patch { list: false } => format!("error decoding patch: {}", into(MAP)),
            Reading::Strategic => into(MAP),
            Reading::Apply => match self {
                Fault::Json(detail) | Fault::Yaml(detail) => {
                    format!("error decoding YAML: error converting YAML to JSON: yaml: {detail}")
                }
                Fault::Shape(_) => {
                    format!("error decoding YAML: error unmarshaling JSON: while decoding JSON: {}", into(MAP))
                }
            },
        }
    }
}

/// A body as the server quotes it: text where it looks like a JSON map, else hexadecimal.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 30;
    if text.is_empty() {
        return "<empty>".to_owned();
    }
    let (whole, most) = if text.trim_start().starts_with('{') {
        (text.to_owned(), MOST)
    } else {
        (text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>(), 2 * MOST)
    };
    if whole.len() <= most {
        return whole;
    }
    format!("{} ...", whole.chars().take(most).collect::<String>())
}

/// A syntax error in the words of Go's decoder.
fn go_syntax(text: &str, error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "unexpected end of JSON input".to_owned();
    }
    let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
    match line.chars().nth(error.column().saturating_sub(1)) {
        Some(letter) => format!("invalid character '{letter}' looking for beginning of value"),
        None => error.to_string(),
    }
}

/// Numbers are 64-bit integers where they can be, doubles otherwise: `1.0` and `1e3` are stored as the server prints them.
fn canonical_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if number.as_i64().is_none()
                && let Some(float) = number.as_f64()
            {
                let whole = float.fract() == 0.0 && float.abs() < 1e15;
                let tiny = float != 0.0 && float.abs() < 1e-6;
                let printed = match whole {
                    true => format!("{float:.0}"),
                    false if tiny || float.abs() >= 1e21 => {
                        format!("{float:e}").replace('e', "e+").replace("e+-", "e-")
                    }
                    false => format!("{float}"),
                };
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
fn duplicates(text: &str) -> Vec<Duplicate> {
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
                        let line = 1 + text.get(..start).unwrap_or_default().matches('\n').count();
                        found
                            .push(Duplicate { path: format!("{path}.{key}").trim_start_matches('.').to_owned(), line });
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
    mismatch(ty, value, &mut Vec::new()).map(|fault| {
        let path: Vec<&str> = fault.path.iter().map(String::as_str).collect();
        let holder = match path.as_slice() {
            [] => kind,
            [above @ .., _] => go_struct(kind, above),
        };
        let (found, wanted) = (fault.found, fault.wanted);
        format!("json: cannot unmarshal {found} into Go struct field {holder}.{} of type {wanted}", path.join("."))
    })
}

/// The Go type of the struct at a path of a kind; the kind itself where the path is not known.
fn go_struct<'a>(kind: &'a str, path: &[&str]) -> &'a str {
    match (kind, path) {
        (_, ["metadata"]) => "ObjectMeta",
        ("Ingress", ["spec"]) => "IngressSpec",
        ("Ingress", ["spec", "rules"]) => "IngressRule",
        ("Ingress", ["spec", "rules", "http"]) => "HTTPIngressRuleValue",
        ("Ingress", ["spec", "rules", "http", "paths"]) => "HTTPIngressPath",
        ("Ingress", ["spec", "tls"]) => "IngressTLS",
        ("Ingress", ["spec", .., "backend" | "defaultBackend"]) => "IngressBackend",
        ("Ingress", ["spec", .., "service"]) => "IngressServiceBackend",
        ("Ingress", ["spec", .., "port"]) => "ServiceBackendPort",
        ("IngressClass", ["spec"]) => "IngressClassSpec",
        ("IngressClass", ["spec", "parameters"]) => "IngressClassParametersReference",
        ("Service", ["spec"]) => "ServiceSpec",
        ("Service", ["spec", "ports"]) => "ServicePort",
        _ => kind,
    }
}

/// A value of the wrong type; list positions and map keys are no part of the path.
struct Mismatch {
    path: Vec<String>,
    found: String,
    wanted: &'static str,
}

fn mismatch(ty: &Ty, value: &Value, path: &mut Vec<String>) -> Option<Mismatch> {
    let mut found = match value {
        Value::Null => return None,
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(_) => "string".to_owned(),
        Value::Array(_) => "array".to_owned(),
        Value::Object(_) => "object".to_owned(),
    };
    let wanted = match ty {
        Ty::Any => return None,
        Ty::Scalar { kind, .. } => {
            let (fits, name) = match kind {
                Scalar::Text => (value.is_string(), "string"),
                Scalar::Bytes => (value.is_string(), "[]uint8"),
                Scalar::Time => (value.is_string(), "v1.Time"),
                Scalar::Integer => (value.as_i64().is_some_and(fits_int32), "int32"),
                Scalar::Boolean => (value.is_boolean(), "bool"),
                Scalar::IntOrText => (value.is_string() || value.is_number(), "intstr.IntOrString"),
            };
            if fits {
                return None;
            }
            // A number of the right kind but without a place in the type is shown.
            if *kind == Scalar::Integer && value.is_number() {
                found = format!("number {value}");
            }
            name
        }
        Ty::Struct { .. } | Ty::Map { .. } => {
            if let Some(map) = value.as_object() {
                let is_struct = matches!(ty, Ty::Struct { .. });
                return map.iter().find_map(|(name, child)| {
                    if is_struct {
                        path.push(name.clone());
                    }
                    let fault = mismatch(ty.field(name), child, path);
                    if is_struct {
                        path.pop();
                    }
                    fault
                });
            }
            match (ty, path.as_slice()) {
                (Ty::Map { .. }, _) => "map[string]string",
                (_, [only]) if only == "metadata" => "v1.ObjectMeta",
                _ => "struct",
            }
        }
        Ty::List { item, .. } => {
            if let Some(items) = value.as_array() {
                return items.iter().find_map(|one| mismatch(item, one, path));
            }
            match path.as_slice() {
                [.., last] if last == "rules" => "[]v1.IngressRule",
                [.., last] if last == "paths" => "[]v1.HTTPIngressPath",
                [.., last] if last == "tls" => "[]v1.IngressTLS",
                [.., last] if last == "ports" => "[]v1.ServicePort",
                _ => "[]string",
            }
        }
    };
    Some(Mismatch { path: path.clone(), found, wanted })
}

fn fits_int32(number: i64) -> bool {
    i32::try_from(number).is_ok()
}

/// The first value a typed apply configuration cannot hold, in the words of the ownership library.
pub(crate) fn typed_error(ty: &Ty, value: &Value) -> Option<String> {
    typed_fault(ty, value, "")
}

fn typed_fault(ty: &Ty, value: &Value, path: &str) -> Option<String> {
    let wanted = match (ty, value) {
        (Ty::Any, _) | (_, Value::Null) => return None,
        (Ty::Struct { .. } | Ty::Map { .. }, Value::Object(map)) => {
            return map.iter().find_map(|(name, child)| typed_fault(ty.field(name), child, &format!("{path}.{name}")));
        }
        (Ty::List { item, .. }, Value::Array(items)) => {
            let mut all = items.iter().enumerate();
            return all.find_map(|(at, one)| typed_fault(item, one, &format!("{path}[{at}]")));
        }
        (Ty::Struct { .. } | Ty::Map { .. }, _) => "map",
        (Ty::List { .. }, _) => "list",
        (Ty::Scalar { kind, .. }, _) => {
            let (fits, wanted) = match kind {
                Scalar::Text | Scalar::Bytes | Scalar::Time => (value.is_string(), "string"),
                Scalar::Integer => (value.is_i64(), "numeric"),
                Scalar::Boolean => (value.is_boolean(), "boolean"),
                Scalar::IntOrText => (value.is_string() || value.is_number(), "scalar"),
            };
            if fits {
                return None;
            }
            return Some(format!(
                "{path}: expected {wanted}, got &value.valueUnstructured{{Value:{}}}",
                go_value(value)
            ));
        }
    };
    Some(format!("{path}: expected {wanted}, got &{{{}}}", go_value(value)))
}

/// A value as Go prints it.
fn go_value(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(go_value).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let entries = map.iter().map(|(name, child)| format!("{name}:{}", go_value(child)));
            format!("map[{}]", entries.collect::<Vec<_>>().join(" "))
        }
    }
}

/// The first base64 text that is none, as Go's decoder words it.
pub(crate) fn encoding_error(ty: &Ty, value: &Value) -> Option<String> {
    match (ty, value) {
        (Ty::Scalar { kind: Scalar::Bytes, .. }, Value::String(text)) => {
            // Go's decoder skips line breaks.
            let text: String = text.chars().filter(|letter| !matches!(letter, '\r' | '\n')).collect();
            let at = match STANDARD.decode(&text) {
                Ok(_) => return None,
                Err(DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _)) => at,
                Err(DecodeError::InvalidLength(_) | DecodeError::InvalidPadding) => text.len() / 4 * 4,
            };
            Some(format!("illegal base64 data at input byte {at}"))
        }
        (_, Value::Object(map)) => map.iter().find_map(|(name, child)| encoding_error(ty.field(name), child)),
        (_, Value::Array(items)) => items.iter().find_map(|one| encoding_error(ty.item(), one)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::kinds;

    #[test]
    fn unknown_and_duplicate_fields_are_found_with_their_paths() {
        let text = r#"{"spec": {"rules": [{"host": "a", "host": "b"}], "ruls": []}, "spec": {"x\"y": {}}}"#;
        let body = parse(text.as_bytes(), Reading::Patch { list: false }).expect("JSON");
        let found: Vec<(&str, usize)> = body.duplicates.iter().map(|one| (one.path.as_str(), one.line)).collect();
        assert_eq!(found, [("spec.rules[0].host", 1), ("spec", 1)]);
        let all = kinds::all();
        let ingress = &all.get("networking.k8s.io/ingresses").expect("ingresses").ty;
        assert_eq!(unknown_fields(ingress, &body.value), ["spec.x\"y"]);
    }

    #[test]
    fn numbers_are_kept_as_the_server_prints_them() {
        let body = parse(br#"{"a": 1.0, "b": 1e3, "c": 1.5, "d": 9007199254740993}"#, Reading::Patch { list: false })
            .expect("JSON");
        assert_eq!(body.value.to_string(), r#"{"a":1,"b":1000,"c":1.5,"d":9007199254740993}"#);
    }

    #[test]
    fn a_wrong_type_is_worded_as_by_the_go_decoder() {
        let all = kinds::all();
        let ingress = &all.get("networking.k8s.io/ingresses").expect("ingresses").ty;
        let object = serde_json::json!({"spec": {"rules": [{"host": 1}]}});
        let error = type_error(ingress, &object, "Ingress").expect("an error");
        assert_eq!(
            error,
            "json: cannot unmarshal number into Go struct field IngressRule.spec.rules.host of type string"
        );
    }
}
