//! Typed models of objects, declared once and used in two phases.
//!
//! A model is generic over its [`Phase`]: in [`Planned`] every field may be unknown ([`Attr`]), in [`Stored`] none can
//! ([`Option`]), so that a new state cannot hold an unknown. The [`model!`](crate::model) macro declares a struct with its
//! conversions from and to [`Value`]; a test proves that its fields and the schema's attributes agree.

use std::collections::BTreeMap;
use std::fmt::Debug;

use super::number::Number;
use super::path::{Path, Step};
use super::value::Value;

/// A value that a plan may not know yet.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Attr<T> {
    /// Known.
    Known(T),
    /// Not set.
    #[default]
    Null,
    /// Known only after apply.
    Unknown,
}

impl<T> Attr<T> {
    /// The value, if known and set.
    pub const fn known(&self) -> Option<&T> {
        if let Self::Known(value) = self { Some(value) } else { None }
    }

    /// The value, if known and set.
    pub fn into_known(self) -> Option<T> {
        if let Self::Known(value) = self { Some(value) } else { None }
    }

    /// Whether it is unknown.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// Whether it is null.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl<T> From<Option<T>> for Attr<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::Known)
    }
}

/// A Rust type with a place in a model.
pub trait Field: Clone + Debug + PartialEq + Send + Sync + Sized + 'static {
    /// Reads a known value.
    ///
    /// # Errors
    /// If the value has another shape. The schema's type makes that impossible for values from the wire.
    fn from_value(value: &Value) -> Result<Self, ShapeError>;
    /// The value.
    fn to_value(&self) -> Value;
}

/// A value did not have the shape that its schema promises.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: expected {expected}")]
pub struct ShapeError {
    /// Where.
    pub path: Path,
    /// What was expected.
    pub expected: &'static str,
}

impl ShapeError {
    /// For a value that is not `expected`.
    #[must_use]
    pub const fn new(expected: &'static str) -> Self {
        Self { path: Path::root(), expected }
    }

    /// Puts the path below a step.
    #[must_use]
    pub fn within(self, step: Step) -> Self {
        let steps = std::iter::once(step).chain(self.path.steps().iter().cloned()).collect::<Vec<_>>();
        Self { path: steps.into(), expected: self.expected }
    }
}

/// Whether unknown values can occur.
pub trait Phase: Clone + Debug + PartialEq + Send + Sync + 'static {
    /// A field in this phase.
    type Of<T: Field>: Field + Default;
    /// Reads a field.
    ///
    /// # Errors
    /// If the value has another shape, or is unknown where none can be.
    fn get<T: Field>(value: &Value) -> Result<Self::Of<T>, ShapeError>;
    /// The field's value.
    fn put<T: Field>(field: &Self::Of<T>) -> Value;
}

/// Configuration and plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned;
/// State.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored;

impl Phase for Planned {
    type Of<T: Field> = Attr<T>;

    fn get<T: Field>(value: &Value) -> Result<Attr<T>, ShapeError> {
        Ok(match value {
            Value::Null => Attr::Null,
            Value::Unknown(_) => Attr::Unknown,
            known => Attr::Known(T::from_value(known)?),
        })
    }

    fn put<T: Field>(field: &Attr<T>) -> Value {
        match field {
            Attr::Known(value) => value.to_value(),
            Attr::Null => Value::Null,
            Attr::Unknown => Value::unknown(),
        }
    }
}

impl Phase for Stored {
    type Of<T: Field> = Option<T>;

    fn get<T: Field>(value: &Value) -> Result<Option<T>, ShapeError> {
        match value {
            Value::Null => Ok(None),
            Value::Unknown(_) => Err(ShapeError::new("a known value")),
            known => T::from_value(known).map(Some),
        }
    }

    fn put<T: Field>(field: &Option<T>) -> Value {
        field.as_ref().map_or(Value::Null, T::to_value)
    }
}

/// A value that an object may hold without knowing it: an element of a collection in a plan.
impl<T: Field> Field for Attr<T> {
    fn from_value(value: &Value) -> Result<Self, ShapeError> {
        Planned::get(value)
    }

    fn to_value(&self) -> Value {
        Planned::put(self)
    }
}

/// An element of a collection in state, which may be null.
impl<T: Field> Field for Option<T> {
    fn from_value(value: &Value) -> Result<Self, ShapeError> {
        Stored::get(value)
    }

    fn to_value(&self) -> Value {
        Stored::put(self)
    }
}

impl Field for String {
    fn from_value(value: &Value) -> Result<Self, ShapeError> {
        value.as_str().map(str::to_owned).ok_or(ShapeError::new("text"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.clone())
    }
}

impl Field for bool {
    fn from_value(value: &Value) -> Result<Self, ShapeError> {
        value.as_bool().ok_or(ShapeError::new("true or false"))
    }

    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }
}

impl Field for i64 {
    fn from_value(value: &Value) -> Result<Self, ShapeError> {
        value.as_i64().ok_or(ShapeError::new("a whole number of 64 bits"))
    }

    fn to_value(&self) -> Value {
        Value::int(*self)
    }
}

impl Field for Number {
    fn from_value(value: &Value) -> Result<Self, ShapeError> {
        if let Value::Number(number) = value { Ok(number.clone()) } else { Err(ShapeError::new("a number")) }
    }

    fn to_value(&self) -> Value {
        Value::Number(self.clone())
    }
}

impl<T: Field> Field for Vec<T> {
    fn from_value(value: &Value) -> Result<Self, ShapeError> {
        let elements = value.as_list().ok_or(ShapeError::new("a list"))?;
        elements
            .iter()
            .enumerate()
            .map(|(index, element)| T::from_value(element).map_err(|error| error.within(Step::Index(index))))
            .collect()
    }

    fn to_value(&self) -> Value {
        Value::List(self.iter().map(T::to_value).collect())
    }
}

impl<T: Field> Field for BTreeMap<String, T> {
    fn from_value(value: &Value) -> Result<Self, ShapeError> {
        let entries = value.as_map().ok_or(ShapeError::new("a map"))?;
        entries
            .iter()
            .map(|(key, element)| {
                Ok((key.clone(), T::from_value(element).map_err(|error| error.within(Step::Key(key.clone())))?))
            })
            .collect()
    }

    fn to_value(&self) -> Value {
        Value::Map(self.iter().map(|(key, element)| (key.clone(), element.to_value())).collect())
    }
}

pub use crate::secret::SecretString as Secret;

impl Field for Secret {
    fn from_value(value: &Value) -> Result<Self, ShapeError> {
        String::from_value(value).map(Self::new)
    }

    fn to_value(&self) -> Value {
        Value::String(self.expose().to_owned())
    }
}

/// An object model: knows its field names, for the test that compares them with the schema.
pub trait Model: Field {
    /// Field names in declaration order.
    const FIELDS: &'static [&'static str];
}

/// The name of a field as users see it: a raw identifier (`r#type`) without its mark.
#[must_use]
pub const fn bare(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', rest @ ..] => match std::str::from_utf8(rest) {
            Ok(bare) => bare,
            Err(_) => name,
        },
        _ => name,
    }
}

/// Declares an object model generic over its [`Phase`](crate::framework::model::Phase).
///
/// ```
/// use std::collections::BTreeMap;
/// use ackone::framework::model::{Attr, Field, Phase, Planned, Stored};
/// ackone::model! {
///     /// A listener.
///     pub struct Listener {
///         /// Seconds.
///         pub idle_timeout: i64,
///         /// Labels; values may be unknown in a plan.
///         pub labels: BTreeMap<String, P::Of<String>>,
///     }
/// }
/// let listener = Listener::<Planned> { idle_timeout: Attr::Known(60), labels: Attr::Unknown };
/// let value = listener.to_value();
/// assert_eq!(Listener::<Planned>::from_value(&value).unwrap(), listener);
/// assert!(Listener::<Stored>::from_value(&value).is_err());
/// ```
#[macro_export]
macro_rules! model {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $ty:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Default)]
        $vis struct $name<P: $crate::framework::model::Phase> {
            $($(#[$field_meta])* $field_vis $field: <P as $crate::framework::model::Phase>::Of<$ty>,)*
        }

        impl<P: $crate::framework::model::Phase> $crate::framework::model::Field for $name<P> {
            fn from_value(
                value: &$crate::framework::value::Value,
            ) -> Result<Self, $crate::framework::model::ShapeError> {
                if value.as_map().is_none() {
                    return Err($crate::framework::model::ShapeError::new("an object"));
                }
                Ok(Self {
                    $($field: <P as $crate::framework::model::Phase>::get::<$ty>(&value.attr($crate::framework::model::bare(stringify!($field))))
                        .map_err(|error| error.within($crate::framework::path::Step::Attribute($crate::framework::model::bare(stringify!($field)).to_owned())))?,)*
                })
            }

            fn to_value(&self) -> $crate::framework::value::Value {
                $crate::framework::value::Value::map([
                    $(($crate::framework::model::bare(stringify!($field)), <P as $crate::framework::model::Phase>::put::<$ty>(&self.$field)),)*
                ])
            }
        }

        impl<P: $crate::framework::model::Phase> $crate::framework::model::Model for $name<P> {
            const FIELDS: &'static [&'static str] = &[$($crate::framework::model::bare(stringify!($field))),*];
        }
    };
}
