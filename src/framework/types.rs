//! Type constraints of the Terraform language, as the protocol writes them (JSON), and comparison by type.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::json;

use super::value::Value;

/// A type constraint.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Type {
    /// Any type, decided by the value; travels as a pair of type and value.
    Dynamic,
    /// Unicode text in NFC.
    String,
    /// Exact decimal.
    Number,
    /// True or false.
    Bool,
    /// Ordered elements of one type.
    List(Box<Type>),
    /// Unordered distinct elements of one type.
    Set(Box<Type>),
    /// String keys, values of one type.
    Map(Box<Type>),
    /// Exactly these attributes.
    Object(BTreeMap<String, Type>),
    /// Exactly these elements.
    Tuple(Vec<Type>),
}

/// Deepest nesting of a type constraint accepted from the wire.
const MAX_DEPTH: usize = 64;

/// Bytes that are not a type constraint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a type constraint")]
pub struct TypeError;

impl Type {
    /// List of `element`.
    #[must_use]
    pub fn list(element: Self) -> Self {
        Self::List(Box::new(element))
    }

    /// Set of `element`.
    #[must_use]
    pub fn set(element: Self) -> Self {
        Self::Set(Box::new(element))
    }

    /// Map of `element`.
    #[must_use]
    pub fn map(element: Self) -> Self {
        Self::Map(Box::new(element))
    }

    /// The JSON form used on the wire and in state.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Dynamic => json!("dynamic"),
            Self::String => json!("string"),
            Self::Number => json!("number"),
            Self::Bool => json!("bool"),
            Self::List(element) => json!(["list", element.to_json()]),
            Self::Set(element) => json!(["set", element.to_json()]),
            Self::Map(element) => json!(["map", element.to_json()]),
            Self::Object(attributes) => {
                let attributes: serde_json::Map<_, _> =
                    attributes.iter().map(|(name, ty)| (name.clone(), ty.to_json())).collect();
                json!(["object", attributes])
            }
            Self::Tuple(elements) => json!(["tuple", elements.iter().map(Self::to_json).collect::<Vec<_>>()]),
        }
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// If it is no type constraint, or nested deeper than any schema.
    pub fn from_json(json: &serde_json::Value) -> Result<Self, TypeError> {
        Self::parse(json, 0)
    }

    fn parse(json: &serde_json::Value, depth: usize) -> Result<Self, TypeError> {
        if depth > MAX_DEPTH {
            return Err(TypeError);
        }
        if let Some(name) = json.as_str() {
            return match name {
                "dynamic" => Ok(Self::Dynamic),
                "string" => Ok(Self::String),
                "number" => Ok(Self::Number),
                "bool" => Ok(Self::Bool),
                _ => Err(TypeError),
            };
        }
        // An object type may carry a third element, its optional attributes, which says nothing about values.
        let (kind, argument) = match json.as_array().map(Vec::as_slice) {
            Some([kind, argument] | [kind, argument, _]) => (kind.as_str().ok_or(TypeError)?, argument),
            _ => return Err(TypeError),
        };
        let inner = |json| Self::parse(json, depth + 1);
        match kind {
            "list" => Ok(Self::list(inner(argument)?)),
            "set" => Ok(Self::set(inner(argument)?)),
            "map" => Ok(Self::map(inner(argument)?)),
            "object" => {
                let attributes = argument.as_object().ok_or(TypeError)?;
                attributes
                    .iter()
                    .map(|(name, ty)| Ok((name.clone(), inner(ty)?)))
                    .collect::<Result<_, _>>()
                    .map(Self::Object)
            }
            "tuple" => {
                let elements = argument.as_array().ok_or(TypeError)?;
                elements.iter().map(inner).collect::<Result<_, _>>().map(Self::Tuple)
            }
            _ => Err(TypeError),
        }
    }

    /// Whether two values of this type are equal; sets compare without order. Refinements of unknowns are ignored.
    #[must_use]
    pub fn equal(&self, a: &Value, b: &Value) -> bool {
        match (self, a, b) {
            (_, Value::Unknown(_), Value::Unknown(_)) => true,
            (Self::List(element), Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| element.equal(a, b))
            }
            (Self::Tuple(types), Value::List(a), Value::List(b)) => {
                a.len() == b.len() && types.iter().zip(a.iter().zip(b)).all(|(ty, (a, b))| ty.equal(a, b))
            }
            (Self::Set(element), Value::List(a), Value::List(b)) => same_elements(element, a, b),
            (Self::Map(element), Value::Map(a), Value::Map(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|((ka, a), (kb, b))| ka == kb && element.equal(a, b))
            }
            (Self::Object(types), Value::Map(a), Value::Map(b)) => types
                .iter()
                .all(|(name, ty)| ty.equal(a.get(name).unwrap_or(&Value::Null), b.get(name).unwrap_or(&Value::Null))),
            (Self::Dynamic, Value::Dynamic(a), Value::Dynamic(b)) => a.ty == b.ty && a.ty.equal(&a.value, &b.value),
            _ => a == b,
        }
    }
}

fn same_elements(element: &Type, a: &[Value], b: &[Value]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut left: Vec<&Value> = b.iter().collect();
    a.iter().all(|a| match left.iter().position(|b| element.equal(a, b)) {
        Some(index) => {
            left.swap_remove(index);
            true
        }
        None => false,
    })
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dynamic => f.write_str("any"),
            Self::String => f.write_str("string"),
            Self::Number => f.write_str("number"),
            Self::Bool => f.write_str("bool"),
            Self::List(element) => write!(f, "list of {element}"),
            Self::Set(element) => write!(f, "set of {element}"),
            Self::Map(element) => write!(f, "map of {element}"),
            Self::Object(_) => f.write_str("object"),
            Self::Tuple(_) => f.write_str("tuple"),
        }
    }
}
