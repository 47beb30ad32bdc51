//! The value codec: bytes of a `DynamicValue` or `RawState` on one side, [`Value`] on the other, driven by [`Type`].
//!
//! Called by `from_proto` and `to_proto`. Nothing here panics or allocates more than the bytes it is given justify,
//! whatever they are; an error says where and what, never a value. The encoding is never self-describing: the schema's
//! type decides. Facts: Terraform's `docs/plugin-protocol/object-wire-format.md` and `zclconf/go-cty` (`cty/msgpack`,
//! `cty/json`).

use std::borrow::Cow;
use std::fmt;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::{json, msgpack};
use crate::framework::path::{Path, Step};
use crate::framework::types::Type;
use crate::framework::value::Value;

/// Deepest nesting of a value. A schema is far shallower; only values of type `dynamic` choose their own depth.
pub(super) const MAX_DEPTH: usize = 96;

/// Bytes that are not a value of the type, or a value that is not of the type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodecError {
    /// Innermost first, as the error travels outwards.
    steps: Vec<Step>,
    problem: Cow<'static, str>,
}

impl CodecError {
    pub(super) fn new(problem: impl Into<Cow<'static, str>>) -> Self {
        Self { steps: Vec::new(), problem: problem.into() }
    }

    pub(super) fn within(mut self, step: impl FnOnce() -> Step) -> Self {
        self.steps.push(step());
        self
    }

    /// Where the value is wrong.
    #[must_use]
    pub fn path(&self) -> Path {
        self.steps.iter().rev().cloned().collect::<Vec<_>>().into()
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() { f.write_str(&self.problem) } else { write!(f, "{}: {}", self.path(), self.problem) }
    }
}

impl std::error::Error for CodecError {}

/// Whether the keys of objects must be exactly those of the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// No more, no fewer: what a host sends.
    Exact,
    /// Others are ignored, missing ones are null: state that an older release wrote.
    Lenient,
}

/// Decodes what a host sends: msgpack if there is any, else JSON, else null.
///
/// # Errors
/// If the bytes are not a value of the type.
pub fn decode(msgpack: &[u8], json: &[u8], ty: &Type) -> Result<Value, CodecError> {
    if !msgpack.is_empty() {
        return msgpack::decode(msgpack, ty);
    }
    if json.is_empty() { Ok(Value::Null) } else { json::decode(json, ty, Keys::Exact) }
}

/// Decodes stored JSON.
///
/// # Errors
/// If the bytes are not a value of the type.
pub fn decode_stored(json: &[u8], ty: &Type) -> Result<Value, CodecError> {
    json::decode(json, ty, Keys::Lenient)
}

/// Decodes stored JSON that is parsed already.
///
/// # Errors
/// If it is not a value of the type.
pub fn convert_stored(json: &serde_json::Value, ty: &Type) -> Result<Value, CodecError> {
    json::convert(json, ty, Keys::Lenient)
}

/// Encodes as msgpack. A key that an object lacks is sent as null.
///
/// # Errors
/// If the value is not of the type.
pub fn encode(ty: &Type, value: &Value) -> Result<Vec<u8>, CodecError> {
    msgpack::encode(ty, value)
}

/// Encodes an object without its unencodable attributes, which are sent as null, with the errors of those.
///
/// An answer to a create that cannot be encoded would lose the object: the host would store nothing.
#[must_use]
pub fn encode_salvaging(ty: &Type, value: &Value) -> (Vec<u8>, Vec<CodecError>) {
    let first = match msgpack::encode(ty, value) {
        Ok(bytes) => return (bytes, Vec::new()),
        Err(error) => error,
    };
    let (Type::Object(attributes), Value::Map(entries)) = (ty, value) else {
        return (Vec::new(), vec![first]);
    };
    let mut errors = Vec::new();
    let kept = attributes.iter().map(|(name, ty)| {
        let value = entries.get(name).cloned().unwrap_or(Value::Null);
        match msgpack::encode(ty, &value) {
            Ok(_) => (name.clone(), value),
            Err(error) => {
                errors.push(error.within(|| Step::Attribute(name.clone())));
                (name.clone(), Value::Null)
            }
        }
    });
    let kept = Value::Map(kept.collect());
    if errors.is_empty() {
        errors.push(first);
    }
    (msgpack::encode(ty, &kept).unwrap_or_default(), errors)
}

/// The text in normal form C, which hosts use on both sides of the wire.
pub(super) fn normal_form(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}
