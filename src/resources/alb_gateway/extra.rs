//! `extra_spec`: fields that the controller may read and that have no attribute, as JSON text that is merged in.
//!
//! Rules, object and refresh call it. It must never reach a field that an attribute writes, one that is reserved, or a list
//! that the resource owns: what it says of those is refused before anything is written.

use serde_json::{Map, Value as Json};

use super::table::{CONFIG, Codec, LISTENER, Row};
use crate::framework::value::Value;

/// Fields of `spec.config` that the controller reserves or forces.
pub(super) const RESERVED_CONFIG: &[&[&str]] = &[
    &["deletionProtectionEnabled"],
    &["modificationProtectionConfig"],
    &["billingConfig", "internetBandwidth"],
    &["billingConfig", "internetChargeType"],
];
/// Fields of a listener that the controller reserves, and those that the key of the map says.
pub(super) const RESERVED_LISTENER: &[&[&str]] = &[&["loadBalancerId"], &["defaultActions"], &["port"], &["protocol"]];

/// What a field must not be: its path, and why.
pub(super) type Refusal = (String, String);

/// The object that a text holds.
pub(super) fn parsed(text: &str) -> Option<Json> {
    serde_json::from_str(text).ok().filter(Json::is_object)
}

/// Adds the fields of `more` to an object; what is there stays.
pub(super) fn merge(whole: &mut Json, more: &Json) {
    let (Some(fields), Some(more)) = (whole.as_object_mut(), more.as_object()) else { return };
    for (name, value) in more {
        match fields.get_mut(name) {
            Some(inner) => merge(inner, value),
            None => {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Whether two texts hold the same JSON.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    let read = |value: &Value| value.as_str().and_then(parsed);
    read(a).is_some_and(|a| read(b) == Some(a))
}

/// The text with the live values of its own fields: what drifted.
pub(super) fn live_text(text: &str, live: &Json) -> Option<String> {
    fn pick(ours: &Json, live: &Json) -> Option<Json> {
        match ours {
            Json::Object(fields) => {
                let kept = fields.iter().filter_map(|(name, ours)| Some((name.clone(), pick(ours, live.get(name)?)?)));
                let kept: Map<String, Json> = kept.collect();
                (!kept.is_empty() || fields.is_empty()).then_some(Json::Object(kept))
            }
            _ => Some(live.clone()).filter(|live| !live.is_null()),
        }
    }
    let kept = pick(&parsed(text)?, live).unwrap_or_else(|| Json::Object(Map::new()));
    Some(kept.to_string())
}

/// What a gateway's `extra_spec` must not say.
pub(super) fn refusals_of_gateway(text: &str) -> Vec<Refusal> {
    let mut found = Vec::new();
    let Some(spec) = object(text, &mut found) else { return found };
    for (name, value) in &spec {
        match name.as_str() {
            other if is(other, "listeners") => found.push((
                other.to_owned(),
                "is a list that the attribute listeners writes; each listener has an extra_spec of its own".to_owned(),
            )),
            other if other != "config" && is(other, "config") => {
                found.push((other.to_owned(), "is read as config whatever its case; write it so".to_owned()));
            }
            "config" => match value.as_object() {
                Some(config) => walk(config, &mut Vec::new(), CONFIG, RESERVED_CONFIG, "config.", &mut found),
                None => found
                    .push(("config".to_owned(), "must be an object, whose usual fields have attributes".to_owned())),
            },
            other => refuse_nulls(value, other, &mut found),
        }
    }
    found
}

/// What a listener's `extra_spec` must not say. `has_default_certificate`: whether the attribute is set.
pub(super) fn refusals_of_listener(text: &str, has_default_certificate: bool) -> Vec<Refusal> {
    let mut found = Vec::new();
    let Some(mut fields) = object(text, &mut found) else { return found };
    // A default certificate of another kind has no attribute.
    let kind = fields.get("defaultCertificate").and_then(|certificate| certificate.get("kind")).and_then(Json::as_str);
    if !has_default_certificate && kind.is_some_and(|kind| kind != "CertIdentifier") {
        fields.remove("defaultCertificate");
    }
    walk(&fields, &mut Vec::new(), LISTENER, RESERVED_LISTENER, "", &mut found);
    found
}

fn object(text: &str, found: &mut Vec<Refusal>) -> Option<Map<String, Json>> {
    match serde_json::from_str(text) {
        Ok(Json::Object(fields)) => Some(fields),
        Ok(_) => {
            found.push((String::new(), "is JSON, but no object".to_owned()));
            None
        }
        Err(error) => {
            found.push((String::new(), format!("is no JSON: {error}")));
            None
        }
    }
}

fn walk<'v>(
    fields: &'v Map<String, Json>,
    path: &mut Vec<&'v str>,
    rows: &[Row],
    reserved: &[&[&str]],
    prefix: &str,
    found: &mut Vec<Refusal>,
) {
    for (name, value) in fields {
        path.push(name);
        let shown = format!("{prefix}{}", path.join("."));
        let own = rows.iter().find(|row| row.json.len() == path.len() && begins(row.json, path));
        let holds_some = rows
            .iter()
            .map(|row| row.json)
            .chain(reserved.iter().copied())
            .any(|json| json.len() > path.len() && begins(json, path));
        if reserved.iter().any(|json| json.len() == path.len() && begins(json, path)) {
            found.push((shown, "is reserved: the controller ignores it, or it follows from something else".to_owned()));
        } else if let Some(row) = own {
            let of = match row.codec {
                Codec::ZoneMappings | Codec::Certificates | Codec::CertificateIds | Codec::Tags => "is a list that",
                _ => "is what",
            };
            found.push((shown, format!("{of} the attribute {} writes", row.attribute.join("."))));
        } else if holds_some && !is_spelled(path, rows, reserved) {
            found.push((
                shown,
                "is read as a field that has attributes, whatever its case; write it in that case".to_owned(),
            ));
        } else if let (true, Some(inner)) = (holds_some, value.as_object()) {
            walk(inner, path, rows, reserved, prefix, found);
        } else if holds_some {
            found.push((shown, "must be an object, whose usual fields have attributes".to_owned()));
        } else {
            refuse_nulls(value, &shown, found);
        }
        path.pop();
    }
}

/// Whether an object around fields that are known is written in their case.
fn is_spelled(path: &[&str], rows: &[Row], reserved: &[&[&str]]) -> bool {
    rows.iter().map(|row| row.json).chain(reserved.iter().copied()).any(|json| json.starts_with(path))
}

/// A key of JSON is read as a field of the controller's types whatever its case.
fn is(key: &str, name: &str) -> bool {
    key.eq_ignore_ascii_case(name)
}

fn begins(json: &[&str], path: &[&str]) -> bool {
    json.len() >= path.len() && json.iter().zip(path).all(|(name, key)| is(key, name))
}

fn refuse_nulls(value: &Json, path: &str, found: &mut Vec<Refusal>) {
    match value {
        Json::Null => {
            found.push((path.to_owned(), "is null, which is stored and read as a value; leave it out".to_owned()))
        }
        Json::Object(fields) => {
            fields.iter().for_each(|(name, value)| refuse_nulls(value, &format!("{path}.{name}"), found));
        }
        Json::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| refuse_nulls(value, &format!("{path}[{index}]"), found));
        }
        Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}
