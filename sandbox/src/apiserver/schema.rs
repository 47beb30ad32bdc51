//! The shape of an object: one description that field ownership, strict decoding, defaults of empty values, strategic
//! merge and the published OpenAPI all read.
//!
//! Built-in kinds are described in `kinds.rs`, custom ones come from their definition (`crd.rs`). Never holds an object.
//! List and map kinds follow the `x-kubernetes-list-type` / `-map-type` markers of the public Kubernetes API types.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

/// A scalar as the wire spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Text,
    Integer,
    Boolean,
    Bytes,
    Time,
    IntOrText,
}

/// How the elements of a list are owned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ListKind {
    Atomic,
    Set,
    /// Elements are identified by these fields; a missing one has the given default.
    Keyed(Vec<(String, Option<Value>)>),
}

/// The type of a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ty {
    /// `keep`: an explicit zero value is kept (a pointer in the Go type), otherwise it is dropped.
    Scalar {
        kind: Scalar,
        keep: bool,
    },
    /// `open`: undeclared fields are allowed and have deduced types.
    Struct {
        fields: Arc<BTreeMap<String, Ty>>,
        atomic: bool,
        open: bool,
    },
    Map {
        value: Arc<Ty>,
        atomic: bool,
    },
    List {
        item: Arc<Ty>,
        kind: ListKind,
    },
    /// Deduced from the value: maps granular, lists atomic.
    Any,
}

impl Ty {
    /// The declared type of a field, if this is a struct that declares it.
    pub(crate) fn declared(&self, name: &str) -> Option<&Ty> {
        match self {
            Ty::Struct { fields, .. } => fields.get(name),
            Ty::Scalar { .. } | Ty::Map { .. } | Ty::List { .. } | Ty::Any => None,
        }
    }

    /// The type of the value under `name`, deduced where nothing is declared.
    pub(crate) fn field(&self, name: &str) -> &Ty {
        match self {
            Ty::Struct { fields, .. } => fields.get(name).unwrap_or(&Ty::Any),
            Ty::Map { value, .. } => value,
            Ty::Scalar { .. } | Ty::List { .. } | Ty::Any => &Ty::Any,
        }
    }

    /// The type of a list's elements.
    pub(crate) fn item(&self) -> &Ty {
        match self {
            Ty::List { item, .. } => item,
            Ty::Scalar { .. } | Ty::Map { .. } | Ty::Struct { .. } | Ty::Any => &Ty::Any,
        }
    }

    /// What `value` is treated as when ownership is worked out.
    pub(crate) fn shape(&self, value: Option<&Value>) -> Shape<'_> {
        match self {
            Ty::Scalar { .. } => Shape::Leaf,
            Ty::Struct { atomic, .. } | Ty::Map { atomic, .. } => {
                if *atomic {
                    Shape::Leaf
                } else {
                    Shape::Map
                }
            }
            Ty::List { kind, .. } => match kind {
                ListKind::Atomic => Shape::Leaf,
                ListKind::Set | ListKind::Keyed(_) => Shape::List(kind),
            },
            // A null has no kind of its own and is handled as a map, as the reference implementation does.
            Ty::Any => match value {
                None | Some(Value::Object(_) | Value::Null) => Shape::Map,
                Some(Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::String(_)) => Shape::Leaf,
            },
        }
    }
}

/// How a value takes part in ownership.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape<'a> {
    Leaf,
    Map,
    List(&'a ListKind),
}

fn scalar(kind: Scalar, keep: bool) -> Ty {
    Ty::Scalar { kind, keep }
}

/// A string whose empty value is dropped.
pub(crate) fn text() -> Ty {
    scalar(Scalar::Text, false)
}
/// A string whose empty value is kept.
pub(crate) fn opt_text() -> Ty {
    scalar(Scalar::Text, true)
}
/// An integer whose zero is dropped.
pub(crate) fn int() -> Ty {
    scalar(Scalar::Integer, false)
}
/// An integer whose zero is kept.
pub(crate) fn opt_int() -> Ty {
    scalar(Scalar::Integer, true)
}
/// A boolean whose `false` is dropped.
pub(crate) fn flag() -> Ty {
    scalar(Scalar::Boolean, false)
}
/// A boolean whose `false` is kept.
pub(crate) fn opt_flag() -> Ty {
    scalar(Scalar::Boolean, true)
}
/// A point in time.
pub(crate) fn time() -> Ty {
    scalar(Scalar::Time, true)
}
/// Base64 text.
pub(crate) fn bytes() -> Ty {
    scalar(Scalar::Bytes, true)
}
/// An integer or a string.
pub(crate) fn int_or_text() -> Ty {
    scalar(Scalar::IntOrText, true)
}
/// A granular struct.
pub(crate) fn object<const N: usize>(fields: [(&str, Ty); N]) -> Ty {
    structure(fields, false)
}
/// A struct owned as a whole.
pub(crate) fn atomic_object<const N: usize>(fields: [(&str, Ty); N]) -> Ty {
    structure(fields, true)
}
fn structure<const N: usize>(fields: [(&str, Ty); N], atomic: bool) -> Ty {
    let fields = fields.into_iter().map(|(name, ty)| (name.to_owned(), ty)).collect();
    Ty::Struct { fields: Arc::new(fields), atomic, open: false }
}
/// A map owned key by key.
pub(crate) fn map(value: Ty) -> Ty {
    Ty::Map { value: Arc::new(value), atomic: false }
}
/// A map owned as a whole.
pub(crate) fn atomic_map(value: Ty) -> Ty {
    Ty::Map { value: Arc::new(value), atomic: true }
}
/// A list owned as a whole.
pub(crate) fn list(item: Ty) -> Ty {
    Ty::List { item: Arc::new(item), kind: ListKind::Atomic }
}
/// A list owned value by value.
pub(crate) fn set(item: Ty) -> Ty {
    Ty::List { item: Arc::new(item), kind: ListKind::Set }
}
/// A list whose elements are identified by keys.
pub(crate) fn keyed<const N: usize>(keys: [(&str, Option<Value>); N], item: Ty) -> Ty {
    let keys = keys.into_iter().map(|(name, default)| (name.to_owned(), default)).collect();
    Ty::List { item: Arc::new(item), kind: ListKind::Keyed(keys) }
}

/// `metadata` of every object.
pub(crate) fn object_meta() -> Ty {
    object([
        ("name", text()),
        ("generateName", text()),
        ("namespace", text()),
        ("selfLink", text()),
        ("uid", text()),
        ("resourceVersion", text()),
        ("generation", int()),
        ("creationTimestamp", time()),
        ("deletionTimestamp", time()),
        ("deletionGracePeriodSeconds", opt_int()),
        ("labels", map(opt_text())),
        ("annotations", map(opt_text())),
        (
            "ownerReferences",
            keyed(
                [("uid", None)],
                atomic_object([
                    ("apiVersion", opt_text()),
                    ("kind", opt_text()),
                    ("name", opt_text()),
                    ("uid", opt_text()),
                    ("controller", opt_flag()),
                    ("blockOwnerDeletion", opt_flag()),
                ]),
            ),
        ),
        ("finalizers", set(text())),
        ("managedFields", list(Ty::Any)),
    ])
}

/// A whole object: type, metadata and the given fields.
pub(crate) fn root<const N: usize>(fields: [(&str, Ty); N]) -> Ty {
    let mut all: BTreeMap<String, Ty> = fields.into_iter().map(|(name, ty)| (name.to_owned(), ty)).collect();
    all.insert("apiVersion".to_owned(), text());
    all.insert("kind".to_owned(), text());
    all.insert("metadata".to_owned(), object_meta());
    Ty::Struct { fields: Arc::new(all), atomic: false, open: false }
}

/// Brings a decoded built-in object into the form the server would print: nulls and dropped zero values gone.
pub(crate) fn normalize(ty: &Ty, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                normalize(ty.field(name), field);
                // A Go map keeps the key of a null and gives it the zero value.
                if field.is_null()
                    && let Ty::Map { value, .. } = ty
                    && matches!(**value, Ty::Scalar { kind: Scalar::Text | Scalar::Bytes, .. })
                {
                    *field = Value::String(String::new());
                }
            }
            let typed = !matches!(ty, Ty::Any);
            fields.retain(|name, field| !typed || !is_dropped(ty.field(name), field));
        }
        Value::Array(items) => {
            for item in items {
                normalize(ty.item(), item);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_dropped(ty: &Ty, value: &Value) -> bool {
    if value.is_null() {
        return true;
    }
    match ty {
        Ty::Scalar { keep: true, .. } | Ty::Any | Ty::Struct { .. } => false,
        Ty::Scalar { keep: false, kind } => match kind {
            Scalar::Text | Scalar::Bytes => value.as_str() == Some(""),
            Scalar::Integer => value.as_i64() == Some(0),
            Scalar::Boolean => value.as_bool() == Some(false),
            Scalar::Time | Scalar::IntOrText => false,
        },
        Ty::Map { .. } => value.as_object().is_some_and(serde_json::Map::is_empty),
        Ty::List { .. } => value.as_array().is_some_and(Vec::is_empty),
    }
}

/// The OpenAPI v3 schema of a type.
pub(crate) fn openapi(ty: &Ty) -> Value {
    match ty {
        Ty::Scalar { kind, .. } => match kind {
            Scalar::Text => json!({"type": "string"}),
            Scalar::Integer => json!({"type": "integer", "format": "int64"}),
            Scalar::Boolean => json!({"type": "boolean"}),
            Scalar::Bytes => json!({"type": "string", "format": "byte"}),
            Scalar::Time => json!({"type": "string", "format": "date-time"}),
            Scalar::IntOrText => json!({"oneOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"}),
        },
        Ty::Struct { fields, atomic, open } => {
            let properties: serde_json::Map<String, Value> =
                fields.iter().map(|(name, ty)| (name.clone(), openapi(ty))).collect();
            let mut schema = json!({"type": "object", "properties": properties});
            mark(&mut schema, *atomic, "x-kubernetes-map-type", "atomic");
            if *open && let Some(map) = schema.as_object_mut() {
                map.insert("x-kubernetes-preserve-unknown-fields".to_owned(), Value::Bool(true));
            }
            schema
        }
        Ty::Map { value, atomic } => {
            let mut schema = json!({"type": "object", "additionalProperties": openapi(value)});
            mark(&mut schema, *atomic, "x-kubernetes-map-type", "atomic");
            schema
        }
        Ty::List { item, kind } => {
            let mut schema = json!({"type": "array", "items": openapi(item)});
            let (name, keys) = match kind {
                ListKind::Atomic => ("atomic", Vec::new()),
                ListKind::Set => ("set", Vec::new()),
                ListKind::Keyed(keys) => ("map", keys.iter().map(|(key, _)| key.clone()).collect()),
            };
            mark(&mut schema, true, "x-kubernetes-list-type", name);
            if !keys.is_empty()
                && let Some(map) = schema.as_object_mut()
            {
                map.insert("x-kubernetes-list-map-keys".to_owned(), json!(keys));
            }
            schema
        }
        Ty::Any => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
    }
}

fn mark(schema: &mut Value, set: bool, name: &str, value: &str) {
    if set && let Some(map) = schema.as_object_mut() {
        map.insert(name.to_owned(), Value::String(value.to_owned()));
    }
}
