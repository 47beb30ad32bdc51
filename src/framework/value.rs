//! Values of the Terraform language: known, null or unknown, at any depth.
//!
//! A [`Value`] does not carry its type: the schema does. Lists, sets and tuples are [`Value::List`], maps and objects
//! [`Value::Map`]; compare with [`super::types::Type::equal`], which knows that sets have no order.

use std::collections::BTreeMap;
use std::fmt;

use super::number::Number;
use super::path::{Path, Step};
use super::types::Type;

/// A value of some type.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// Not set. Not the same as an empty string or list.
    Null,
    /// Known only after apply, perhaps with promises about it. Boxed: most values are known, and small.
    Unknown(Option<Box<Refinements>>),
    /// True or false.
    Bool(bool),
    /// Exact decimal.
    Number(Number),
    /// Text, NFC.
    String(String),
    /// Elements of a list, set or tuple.
    List(Vec<Value>),
    /// Elements of a map, attributes of an object.
    Map(BTreeMap<String, Value>),
    /// A value with its own type, where the schema says `dynamic`.
    Dynamic(Box<Dynamic>),
}

/// A value of type `dynamic`, whose type travels with it.
#[derive(Clone, PartialEq, Eq)]
pub struct Dynamic {
    /// The actual type.
    pub ty: Type,
    /// The value.
    pub value: Value,
}

/// What is promised about an unknown value. Hosts send these; a provider that plans an unknown with refinements is held to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refinements {
    /// `Some(false)`: will not be null.
    pub null: Option<bool>,
    /// Known start of a string.
    pub prefix: Option<String>,
    /// Lower bound of a number, and whether it is included.
    pub lower: Option<(Number, bool)>,
    /// Upper bound of a number, and whether it is included.
    pub upper: Option<(Number, bool)>,
    /// Fewest elements of a collection.
    pub min_len: Option<u64>,
    /// Most elements of a collection.
    pub max_len: Option<u64>,
}

impl Refinements {
    /// Whether nothing is promised.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Value {
    /// Unknown without promises.
    #[must_use]
    pub const fn unknown() -> Self {
        Self::Unknown(None)
    }

    /// Unknown with promises.
    #[must_use]
    pub fn refined(refinements: Refinements) -> Self {
        Self::Unknown((!refinements.is_empty()).then(|| Box::new(refinements)))
    }

    /// Text.
    pub fn string(text: impl Into<String>) -> Self {
        Self::String(text.into())
    }

    /// Integer.
    #[must_use]
    pub fn int(value: i64) -> Self {
        Self::Number(value.into())
    }

    /// Object or map from pairs.
    pub fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// Whether this value itself is null.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether this value itself is unknown.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// Whether nothing in it is unknown.
    #[must_use]
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Self::Unknown(_) => false,
            Self::List(elements) => elements.iter().all(Self::is_wholly_known),
            Self::Map(entries) => entries.values().all(Self::is_wholly_known),
            Self::Dynamic(dynamic) => dynamic.value.is_wholly_known(),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => true,
        }
    }

    /// The text, if it is known text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The truth value, if known.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// The integer, if it is a known one of 64 bits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Number(number) = self { number.to_i64() } else { None }
    }

    /// The elements of a known list, set or tuple.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(elements) = self { Some(elements) } else { None }
    }

    /// The entries of a known map or object.
    #[must_use]
    pub const fn as_map(&self) -> Option<&BTreeMap<String, Self>> {
        if let Self::Map(entries) = self { Some(entries) } else { None }
    }

    /// An attribute of an object; null where the object is null or lacks it, unknown where the object is.
    #[must_use]
    pub fn attr(&self, name: &str) -> Self {
        match self {
            Self::Map(entries) => entries.get(name).cloned().unwrap_or(Self::Null),
            Self::Unknown(_) => Self::unknown(),
            _ => Self::Null,
        }
    }

    /// Sets an attribute of an object; a null object becomes one.
    pub fn set(&mut self, name: &str, value: Self) {
        if !matches!(self, Self::Map(_)) {
            *self = Self::Map(BTreeMap::new());
        }
        if let Self::Map(entries) = self {
            entries.insert(name.to_owned(), value);
        }
    }

    /// Makes the value at a path unknown; `false` if the path does not exist or leads to nothing known.
    pub fn forget(&mut self, path: &Path) -> bool {
        let mut value = self;
        for step in path.steps() {
            let next = match (step, value) {
                (Step::Attribute(name) | Step::Key(name), Self::Map(entries)) => entries.get_mut(name),
                (Step::Index(index), Self::List(elements)) => elements.get_mut(*index),
                _ => None,
            };
            let Some(next) = next else { return false };
            value = next;
        }
        let known = !value.is_unknown();
        *value = Self::unknown();
        known
    }

    /// The value at a path, if the path exists. An unknown on the way answers unknown.
    #[must_use]
    pub fn at(&self, path: &Path) -> Option<Self> {
        let mut value = self;
        for step in path.steps() {
            value = match (step, value) {
                (_, Self::Unknown(_)) => return Some(Self::unknown()),
                (Step::Attribute(name) | Step::Key(name), Self::Map(entries)) => entries.get(name)?,
                (Step::Index(index), Self::List(elements)) => elements.get(*index)?,
                _ => return None,
            };
        }
        Some(value.clone())
    }
}

impl fmt::Debug for Value {
    /// Shows structure only. Any string may be a secret, so none is printed outside of unit tests.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Unknown(_) => f.write_str("(unknown)"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::String(text) if cfg!(test) => write!(f, "{text:?}"),
            Self::String(_) => f.write_str("(string)"),
            Self::List(elements) => f.debug_list().entries(elements).finish(),
            Self::Map(entries) => f.debug_map().entries(entries).finish(),
            Self::Dynamic(dynamic) => write!(f, "{:?}", dynamic.value),
        }
    }
}

impl fmt::Debug for Dynamic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.value)
    }
}
