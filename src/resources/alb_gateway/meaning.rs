//! What the fields of an AlbConfig mean, and which attribute each comes from; both by the rows of `table.rs`.
//!
//! Asked by writes, drift and creation. Pure.

use serde_json::{Value as Json, json};

use super::extra::{RESERVED_CONFIG, RESERVED_LISTENER};
use super::model::Gateway;
use super::object::{DEFAULT_PORT, DEFAULT_PROTOCOL, REMOTE_CLUSTERS, listener_key};
use super::table::{CONFIG, Codec, DefaultOf, LISTENER, Row, ZONE};
use crate::framework::model::{Field, Stored};
use crate::framework::path::Path;
use crate::framework::value::Value;
use crate::kubernetes::path::Segment;
use crate::kubernetes::{Compare, FieldPath, Meaning};

/// The meaning of an IngressClass's fields: nothing peculiar.
pub(crate) use crate::kubernetes::meaning::Plain as IngressClassMeaning;

/// Where in an AlbConfig a path leads.
enum Place<'a> {
    Config(Vec<&'a str>),
    Zone(&'a [(String, Json)], Vec<&'a str>),
    Listener(&'a [(String, Json)], Vec<&'a str>),
    Elsewhere,
}

fn place(path: &FieldPath) -> Place<'_> {
    let names = path.fields();
    let key = path.segments().iter().find_map(|segment| match segment {
        Segment::Element(key) => Some(key.as_slice()),
        Segment::Field(_) => None,
    });
    let key = key.unwrap_or_default();
    match names.as_slice() {
        ["spec", "config", "zoneMappings", rest @ ..] if !rest.is_empty() || !key.is_empty() => {
            Place::Zone(key, rest.to_vec())
        }
        ["spec", "config", rest @ ..] => Place::Config(rest.to_vec()),
        ["spec", "listeners", rest @ ..] => Place::Listener(key, rest.to_vec()),
        _ => Place::Elsewhere,
    }
}

fn row(path: &FieldPath) -> Option<&'static Row> {
    let (rows, rest) = match place(path) {
        Place::Config(rest) => (CONFIG, rest),
        Place::Zone(_, rest) => (ZONE, rest),
        Place::Listener(_, rest) => (LISTENER, rest),
        Place::Elsewhere => return None,
    };
    rows.iter().find(|row| row.json == rest)
}

/// Whether a field is one that `extra_spec` hands on: neither one that is known, nor around one, nor within one.
fn is_handed_on(path: &FieldPath) -> bool {
    let (rows, reserved, rest) = match place(path) {
        Place::Config(rest) => (CONFIG, RESERVED_CONFIG, rest),
        Place::Listener(_, rest) => (LISTENER, RESERVED_LISTENER, rest),
        Place::Zone(..) => return false,
        Place::Elsewhere => return matches!(path.fields().as_slice(), ["spec", _, ..]),
    };
    let mut known = rows.iter().map(|row| row.json).chain(reserved.iter().copied());
    !rest.is_empty() && !known.any(|json| json.starts_with(&rest) || rest.starts_with(json))
}

/// What the controller makes of an AlbConfig's fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AlbConfigMeaning;

impl Meaning for AlbConfigMeaning {
    fn default_of(&self, path: &FieldPath) -> Option<Json> {
        match path.fields().as_slice() {
            ["spec", "listeners", "port"] => return Some(json!(DEFAULT_PORT)),
            ["spec", "listeners", "protocol"] => return Some(json!(DEFAULT_PROTOCOL)),
            _ => {}
        }
        match row(path)?.default {
            DefaultOf::Nothing => None,
            DefaultOf::Text(text) => Some(json!(text)),
            DefaultOf::Number(number) => Some(json!(number)),
            DefaultOf::Switch(truth) => Some(json!(truth)),
            DefaultOf::ListenerDescription => {
                let Place::Listener(key, _) = place(path) else { return None };
                Some(json!(format!("ingress-auto-listener-{}", of_key(key, "port")?)))
            }
        }
    }

    fn zero_is_legal(&self, path: &FieldPath) -> bool {
        // What false, 0 or nothing means in a field that is handed on unread is not known: it may not be the default.
        row(path).map_or_else(|| is_handed_on(path), |row| row.explicit_zero)
    }

    fn compare(&self, path: &FieldPath) -> Compare {
        match path.fields().as_slice() {
            ["metadata", "annotations", REMOTE_CLUSTERS] => Compare::CommaSet,
            ["spec", "listeners", "port"] => Compare::Number,
            // Without an attribute: which groups there are is not certain, but they have no order.
            ["spec", "config", "securityGroupIds"] => Compare::UnorderedSet,
            _ => row(path).map_or(Compare::Exact, Row::compare),
        }
    }

    fn list_key(&self, path: &FieldPath) -> Option<&[&str]> {
        match path.fields().as_slice() {
            ["spec", "listeners"] => Some(&["port", "protocol"]),
            ["spec", "config", "zoneMappings"] => Some(&["vSwitchId"]),
            _ => None,
        }
    }
}

fn of_key(key: &[(String, Json)], name: &str) -> Option<String> {
    key.iter().find(|(field, _)| field == name).map(|(_, value)| match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    })
}

/// The attribute that a field comes from.
pub(crate) fn attribute(gateway: &Gateway<Stored>, path: &FieldPath) -> Path {
    match path.fields().as_slice() {
        ["metadata", "annotations", REMOTE_CLUSTERS] => return Path::attribute("remote_clusters"),
        ["metadata", map @ ("annotations" | "labels"), key] => return entry(gateway, map, key),
        ["spec", rest @ ..] if !rest.is_empty() && !matches!(rest, ["config" | "listeners", ..]) => {
            return Path::attribute("extra_spec");
        }
        _ => {}
    }
    match place(path) {
        Place::Config(rest) => named(CONFIG, &rest, &Path::root(), gateway.extra_spec.is_some()),
        Place::Zone(key, rest) => {
            let at = Path::attribute("zone_mappings");
            let wanted = of_key(key, "vSwitchId");
            let mappings = gateway.zone_mappings.as_deref().unwrap_or_default();
            let index = mappings.iter().position(|mapping| {
                wanted.is_some() && mapping.as_ref().and_then(|mapping| mapping.vswitch_id.as_ref()) == wanted.as_ref()
            });
            index.map_or_else(|| at.clone(), |index| named(ZONE, &rest, &at.index(index), false))
        }
        Place::Listener(key, rest) => {
            let at = Path::attribute("listeners");
            if key.is_empty() {
                return at;
            }
            let element: serde_json::Map<String, Json> = key.iter().cloned().collect();
            let key = listener_key(&Json::Object(element));
            let listener = gateway.listeners.as_ref().and_then(|listeners| listeners.get(&key)?.as_ref());
            let extra = listener.is_some_and(|listener| listener.extra_spec.is_some());
            // A default certificate of another kind than the attribute's.
            let handed_on = rest.first() == Some(&"defaultCertificate")
                && listener.is_some_and(|listener| listener.default_certificate.is_none());
            if extra && handed_on {
                return at.key(key).attr("extra_spec");
            }
            named(LISTENER, &rest, &at.key(key), extra)
        }
        Place::Elsewhere => Path::root(),
    }
}

fn entry(gateway: &Gateway<Stored>, map: &str, key: &str) -> Path {
    let has = |own: &Option<_>| {
        own.as_ref().is_some_and(|own: &std::collections::BTreeMap<String, Option<String>>| own.contains_key(key))
    };
    let (own, extra) = match map {
        "labels" => (has(&gateway.labels), false),
        _ => (has(&gateway.annotations), has(&gateway.extra_annotations)),
    };
    let name = match (own, extra) {
        (true, _) => map.to_owned(),
        (false, true) => "extra_annotations".to_owned(),
        (false, false) => format!("effective_{map}"),
    };
    Path::attribute(name).key(key)
}

/// The attribute of a section for a field below it.
fn named(rows: &[Row], rest: &[&str], section: &Path, has_extra: bool) -> Path {
    if rest.is_empty() {
        return section.clone();
    }
    // A field, or something within it.
    if let Some(row) = rows.iter().find(|row| rest.starts_with(row.json) && !matches!(row.codec, Codec::Beside(_))) {
        return row.path(section);
    }
    // An object that holds several.
    let mut within = rows.iter().filter(|row| row.json.starts_with(rest));
    if let Some(first) = within.next() {
        let shared = within.fold(first.attribute, |shared, row| {
            let same = shared.iter().zip(row.attribute).take_while(|(a, b)| a == b).count();
            shared.get(..same).unwrap_or_default()
        });
        return shared.iter().fold(section.clone(), |path, name| path.attr(*name));
    }
    if has_extra { section.attr("extra_spec") } else { section.clone() }
}

/// The same certificates, the same one first and the others in any order.
pub(super) fn same_certificates(a: &Value, b: &Value) -> bool {
    let written = |value: &Value| value.as_list().map(super::table::certificates);
    let path = FieldPath::of(["spec", "listeners", "certificates"]);
    let equal = |a: &Json, b: &Json| crate::kubernetes::meaning::equal(Some(a), Some(b), &path, &AlbConfigMeaning);
    written(a).is_some_and(|a| written(b).is_some_and(|b| equal(&a, &b)))
}

/// The same networks, in any spelling and order.
pub(super) fn same_networks(a: &Value, b: &Value) -> bool {
    let texts = |value: &Value| value.as_list().map(|list| list.iter().filter_map(Value::as_str).collect::<Json>());
    let path = FieldPath::of(["spec", "listeners", "aclConfig", "aclEntries"]);
    let equal = |a: &Json, b: &Json| crate::kubernetes::meaning::equal(Some(a), Some(b), &path, &AlbConfigMeaning);
    texts(a).is_some_and(|a| texts(b).is_some_and(|b| equal(&a, &b)))
}

/// The same vSwitches with the same settings, in any order.
pub(super) fn same_zone_mappings(a: &Value, b: &Value) -> bool {
    let read = |value: &Value| {
        let mut mappings = Vec::<super::model::ZoneMapping<Stored>>::from_value(value).ok()?;
        mappings.sort_by(|a, b| a.vswitch_id.cmp(&b.vswitch_id));
        Some(mappings)
    };
    read(a).is_some_and(|a| read(b).is_some_and(|b| a == b))
}
