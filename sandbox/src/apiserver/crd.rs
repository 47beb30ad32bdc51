//! Custom resources: from a definition to a served resource, and what a definition's schema does to objects.
//!
//! Only what a structural schema says is applied: pruning, defaults, types, required fields, enumerations, bounds.
//! Facts: the public documentation of CustomResourceDefinitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::meta;
use super::resource::{Column, Resource};
use super::schema::{ListKind, Scalar, Ty, object_meta, text};
use super::status::FieldError;

/// The definition of AlbConfig as the ALB Ingress controller registers it: untyped, so the server accepts any shape.
pub(crate) fn alb_config_definition() -> Value {
    let column = |name: &str, ty: &str, path: &str| json!({"name": name, "type": ty, "jsonPath": path});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "albconfigs.alibabacloud.com"},
        "spec": {
            "group": "alibabacloud.com",
            "names": {
                "kind": "AlbConfig", "listKind": "AlbConfigList", "plural": "albconfigs", "singular": "albconfig",
                "categories": ["all", "kooper"],
            },
            "scope": "Cluster",
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
                "subresources": {"status": {}},
                "additionalPrinterColumns": [
                    column("ALBID", "string", ".status.loadBalancer.id"),
                    column("DNSNAME", "string", ".status.loadBalancer.dnsname"),
                    column("PORT&PROTOCOL", "string", ".status.loadBalancer.listeners[*].portAndProtocol"),
                    column("CERTID", "string", ".status.loadBalancer.listeners[*].certificates[*].certificateId"),
                    column("AGE", "date", ".metadata.creationTimestamp"),
                ],
            }],
        },
    })
}

/// Fills in what the server defaults in a definition.
pub(crate) fn default_definition(definition: &mut Value) {
    let kind = meta::text(definition, &["spec", "names", "kind"]).to_owned();
    if meta::text(definition, &["spec", "names", "singular"]).is_empty() {
        meta::set(definition, &["spec", "names", "singular"], json!(kind.to_lowercase()));
    }
    if meta::text(definition, &["spec", "names", "listKind"]).is_empty() {
        meta::set(definition, &["spec", "names", "listKind"], json!(format!("{kind}List")));
    }
    if meta::get(definition, &["spec", "conversion"]).is_none() {
        meta::set(definition, &["spec", "conversion"], json!({"strategy": "None"}));
    }
}

/// The status of a definition whose names are accepted.
pub(crate) fn accepted_status(definition: &Value, now: &str) -> Value {
    let condition = |kind: &str, reason: &str, message: &str| json!({"type": kind, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message});
    let stored: Vec<&Value> = meta::list(definition, &["spec", "versions"])
        .iter()
        .filter(|version| version.get("storage") == Some(&Value::Bool(true)))
        .filter_map(|version| version.get("name"))
        .collect();
    json!({
        "acceptedNames": meta::get(definition, &["spec", "names"]),
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "storedVersions": stored,
    })
}

/// The resources a definition serves, one for each served version.
pub(crate) fn resources(definition: &Value) -> Vec<Arc<Resource>> {
    let spec = |path: &[&str]| {
        let mut full = vec!["spec"];
        full.extend(path);
        meta::text(definition, &full).to_owned()
    };
    let words = |path: &[&str]| {
        meta::list(definition, path).iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let served = meta::list(definition, &["spec", "versions"])
        .iter()
        .filter(|version| version.get("served").and_then(Value::as_bool).unwrap_or(false));
    served
        .map(|version| {
            let schema = meta::get(version, &["schema", "openAPIV3Schema"]);
            let api_version = format!("{}/{}", spec(&["group"]), meta::text(version, &["name"]));
            Arc::new(Resource {
                group: spec(&["group"]),
                version: meta::text(version, &["name"]).to_owned(),
                plural: spec(&["names", "plural"]),
                singular: spec(&["names", "singular"]),
                kind: spec(&["names", "kind"]),
                list_kind: spec(&["names", "listKind"]),
                short_names: words(&["spec", "names", "shortNames"]),
                categories: words(&["spec", "names", "categories"]),
                namespaced: spec(&["scope"]) == "Namespaced",
                has_status: meta::get(version, &["subresources", "status"]).is_some(),
                has_generation: true,
                builtin: None,
                ty: root_type(schema.unwrap_or(&Value::Null)),
                empty: json!({"apiVersion": api_version, "kind": spec(&["names", "kind"]), "metadata": {}}),
                columns: columns(version),
                validation: schema.cloned(),
            })
        })
        .collect()
}

fn columns(version: &Value) -> Vec<Column> {
    let declared = meta::list(version, &["additionalPrinterColumns"]);
    if declared.is_empty() {
        return vec![Column {
            name: "Age".to_owned(),
            ty: "date".to_owned(),
            format: String::new(),
            description: "CreationTimestamp is a timestamp representing the server time when this object was created."
                .to_owned(),
            priority: 0,
            json_path: ".metadata.creationTimestamp".to_owned(),
        }];
    }
    declared
        .iter()
        .map(|column| Column {
            name: meta::text(column, &["name"]).to_owned(),
            ty: meta::text(column, &["type"]).to_owned(),
            format: meta::text(column, &["format"]).to_owned(),
            description: match meta::text(column, &["description"]) {
                "" => {
                    let path = meta::text(column, &["jsonPath"]);
                    format!("Custom resource definition column (in JSONPath format): {path}")
                }
                given => given.to_owned(),
            },
            priority: meta::integer(column, &["priority"]),
            json_path: meta::text(column, &["jsonPath"]).to_owned(),
        })
        .collect()
}

fn preserves(schema: &Value) -> bool {
    schema.get("x-kubernetes-preserve-unknown-fields").and_then(Value::as_bool).unwrap_or(false)
}

fn root_type(schema: &Value) -> Ty {
    let mut fields = BTreeMap::new();
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        fields.insert(name.clone(), type_of(property));
    }
    fields.insert("apiVersion".to_owned(), text());
    fields.insert("kind".to_owned(), text());
    fields.insert("metadata".to_owned(), object_meta());
    Ty::Struct { fields: Arc::new(fields), atomic: false, open: preserves(schema) }
}

fn type_of(schema: &Value) -> Ty {
    let scalar = |kind| Ty::Scalar { kind, keep: true };
    if schema.get("x-kubernetes-int-or-string").and_then(Value::as_bool).unwrap_or(false) {
        return scalar(Scalar::IntOrText);
    }
    let atomic = meta::text(schema, &["x-kubernetes-map-type"]) == "atomic";
    match meta::text(schema, &["type"]) {
        "string" => scalar(Scalar::Text),
        "integer" | "number" => scalar(Scalar::Integer),
        "boolean" => scalar(Scalar::Boolean),
        "array" => {
            let item = Arc::new(schema.get("items").map_or(Ty::Any, type_of));
            let kind = match meta::text(schema, &["x-kubernetes-list-type"]) {
                "set" => ListKind::Set,
                "map" => ListKind::Keyed(
                    meta::list(schema, &["x-kubernetes-list-map-keys"])
                        .iter()
                        .filter_map(Value::as_str)
                        .map(|key| {
                            (key.to_owned(), meta::get(schema, &["items", "properties", key, "default"]).cloned())
                        })
                        .collect(),
                ),
                _ => ListKind::Atomic,
            };
            Ty::List { item, kind }
        }
        "object" => match (schema.get("properties").and_then(Value::as_object), schema.get("additionalProperties")) {
            (Some(properties), _) => {
                let fields = properties.iter().map(|(name, property)| (name.clone(), type_of(property))).collect();
                Ty::Struct { fields: Arc::new(fields), atomic, open: preserves(schema) }
            }
            (None, Some(additional)) if additional.is_object() => {
                Ty::Map { value: Arc::new(type_of(additional)), atomic }
            }
            (None, _) => Ty::Any,
        },
        _ => Ty::Any,
    }
}

/// Drops what the schema does not know, and fills its defaults in. Returns the dropped paths.
pub(crate) fn prune_and_default(schema: &Value, object: &mut Value) -> Vec<String> {
    let mut dropped = Vec::new();
    prune(schema, object, "", true, &mut dropped);
    default(schema, object);
    dropped
}

fn prune(schema: &Value, value: &mut Value, path: &str, is_root: bool, dropped: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let additional = schema.get("additionalProperties");
            let keep_all = preserves(schema);
            let names: Vec<String> = map.keys().cloned().collect();
            for name in names {
                if is_root && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
                    continue;
                }
                let here = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let below = properties.and_then(|all| all.get(&name)).or(additional.filter(|one| one.is_object()));
                match (below, map.get_mut(&name)) {
                    (Some(below), Some(child)) => prune(below, child, &here, false, dropped),
                    (None, _) if keep_all || additional == Some(&Value::Bool(true)) => {}
                    (None, _) => {
                        map.remove(&name);
                        dropped.push(here);
                    }
                    (Some(_), None) => {}
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for (at, item) in items.iter_mut().enumerate() {
                    prune(schema, item, &format!("{path}[{at}]"), false, dropped);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn default(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
                if let Some(given) = property.get("default")
                    && (!map.contains_key(name)
                        || (map.get(name) == Some(&Value::Null)
                            && property.get("nullable") != Some(&Value::Bool(true))))
                {
                    map.insert(name.clone(), given.clone());
                }
                if let Some(child) = map.get_mut(name) {
                    default(property, child);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for item in items {
                    default(schema, item);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What the schema refuses.
pub(crate) fn validate(schema: &Value, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if value.is_null() && schema.get("nullable").and_then(Value::as_bool).unwrap_or(false) {
        return;
    }
    let wanted = meta::text(schema, &["type"]);
    let fits = match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => true,
    };
    if !fits {
        let (shown, found) = match value {
            Value::Null => ("null".to_owned(), "null"),
            Value::Bool(_) => (value.to_string(), "boolean"),
            Value::Number(_) => (value.to_string(), if value.is_i64() { "integer" } else { "number" }),
            Value::String(_) => (value.to_string(), "string"),
            Value::Array(_) => ("\"array\"".to_owned(), "array"),
            Value::Object(_) => ("\"object\"".to_owned(), "object"),
        };
        errors.push(FieldError {
            reason: "FieldValueTypeInvalid",
            field: if path.is_empty() { "<nil>".to_owned() } else { path.to_owned() },
            text: format!(
                "Invalid value: {shown}: {} in body must be of type {wanted}: \"{found}\"",
                if path.is_empty() { "" } else { path }
            ),
        });
        return;
    }
    if let Some(options) = schema.get("enum").and_then(Value::as_array)
        && !options.contains(value)
    {
        let texts: Vec<&str> = options.iter().filter_map(Value::as_str).collect();
        errors.push(FieldError::not_supported(path, value, &texts));
    }
    bounds(schema, value, path, errors);
    match value {
        Value::Object(map) => validate_map(schema, map, path, errors),
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for (at, item) in items.iter().enumerate() {
                    validate(schema, item, &format!("{path}[{at}]"), errors);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn validate_map(schema: &Value, map: &Map<String, Value>, path: &str, errors: &mut Vec<FieldError>) {
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for name in meta::list(schema, &["required"]).iter().filter_map(Value::as_str) {
        if !map.contains_key(name) {
            errors.push(FieldError::required(join(name), ""));
        }
    }
    for (name, child) in map {
        if path.is_empty() && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
            continue;
        }
        let below = meta::get(schema, &["properties", name])
            .or(schema.get("additionalProperties").filter(|additional| additional.is_object()));
        if let Some(below) = below {
            validate(below, child, &join(name), errors);
        }
    }
}

fn bounds(schema: &Value, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
    let sizes = [
        ("minimum", value.as_f64(), true, "be greater than or equal to"),
        ("maximum", value.as_f64(), false, "be less than or equal to"),
        ("minLength", value.as_str().map(size_of_text), true, "be at least"),
        ("maxLength", value.as_str().map(size_of_text), false, "be at most"),
        ("minItems", value.as_array().map(|items| count(items.len())), true, "have at least"),
        ("maxItems", value.as_array().map(|items| count(items.len())), false, "have at most"),
    ];
    for (name, size, at_least, words) in sizes {
        let (Some(limit), Some(size)) = (limit(name), size) else { continue };
        if (at_least && size < limit) || (!at_least && size > limit) {
            let unit = match name {
                "minLength" | "maxLength" => " chars long",
                "minItems" | "maxItems" => " items",
                _ => "",
            };
            let detail = format!("{path} in body should {words} {limit}{unit}");
            errors.push(FieldError::invalid(path, value, &detail));
        }
    }
}

fn size_of_text(text: &str) -> f64 {
    count(text.chars().count())
}

fn count(size: usize) -> f64 {
    u32::try_from(size).map_or(f64::MAX, f64::from)
}
