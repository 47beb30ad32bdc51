//! JSON, as Terraform stores state and as a host may send a value.
//!
//! As lenient as core's own decoder: numbers and bools may be given as strings, and the reverse. Numbers keep every digit.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::dynamic_value::{CodecError, Keys, MAX_DEPTH, normal_form};
use crate::framework::path::Step;
use crate::framework::types::Type;
use crate::framework::value::{Dynamic, Value};

pub(super) fn decode(bytes: &[u8], ty: &Type, keys: Keys) -> Result<Value, CodecError> {
    // The parser's message could quote the text; where it stopped is enough.
    let json: Json = serde_json::from_slice(bytes)
        .map_err(|error| CodecError::new(format!("not JSON: line {} column {}", error.line(), error.column())))?;
    convert(&json, ty, keys)
}

pub(super) fn convert(json: &Json, ty: &Type, keys: Keys) -> Result<Value, CodecError> {
    read(json, ty, keys, 0)
}

fn read(json: &Json, ty: &Type, keys: Keys, depth: usize) -> Result<Value, CodecError> {
    if depth > MAX_DEPTH {
        return Err(CodecError::new("nested too deeply"));
    }
    if json.is_null() {
        return Ok(Value::Null);
    }
    let inner = |json: &Json, ty: &Type| read(json, ty, keys, depth + 1);
    match (ty, json) {
        (Type::String, Json::String(text)) => Ok(Value::String(normal_form(text).into_owned())),
        (Type::String, Json::Number(number)) => Ok(Value::String(number.to_string())),
        (Type::String, Json::Bool(value)) => Ok(Value::String(value.to_string())),
        (Type::Number, Json::Number(number)) => number_of(&number.to_string()),
        (Type::Number, Json::String(text)) => number_of(text),
        (Type::Bool, Json::Bool(value)) => Ok(Value::Bool(*value)),
        (Type::Bool, Json::String(text)) => match text.as_str() {
            "true" | "1" => Ok(Value::Bool(true)),
            "false" | "0" => Ok(Value::Bool(false)),
            _ => Err(CodecError::new("a bool is required")),
        },
        (Type::List(element) | Type::Set(element), Json::Array(elements)) => {
            let element = |(index, json)| inner(json, element).map_err(|error| error.within(|| Step::Index(index)));
            elements.iter().enumerate().map(element).collect::<Result<_, _>>().map(Value::List)
        }
        (Type::Tuple(types), Json::Array(elements)) if types.len() == elements.len() => {
            let element = |(index, (ty, json))| inner(json, ty).map_err(|error| error.within(|| Step::Index(index)));
            types.iter().zip(elements).enumerate().map(element).collect::<Result<_, _>>().map(Value::List)
        }
        (Type::Map(element), Json::Object(entries)) => {
            let mut read = BTreeMap::new();
            for (key, json) in entries {
                let value = inner(json, element).map_err(|error| error.within(|| Step::Key(key.clone())))?;
                if read.insert(normal_form(key).into_owned(), value).is_some() {
                    return Err(CodecError::new("a map key occurs twice"));
                }
            }
            Ok(Value::Map(read))
        }
        (Type::Object(attributes), Json::Object(entries)) => {
            if keys == Keys::Exact
                && let Some(extra) = entries.keys().find(|key| !attributes.contains_key(*key))
            {
                return Err(CodecError::new("unsupported attribute").within(|| Step::Attribute(extra.clone())));
            }
            let attribute = |(name, ty): (&String, &Type)| {
                let value = match (entries.get(name), keys) {
                    (Some(json), _) => inner(json, ty),
                    (None, Keys::Lenient) => Ok(Value::Null),
                    (None, Keys::Exact) => Err(CodecError::new("a value is required")),
                };
                Ok((name.clone(), value.map_err(|error| error.within(|| Step::Attribute(name.clone())))?))
            };
            attributes.iter().map(attribute).collect::<Result<_, _>>().map(Value::Map)
        }
        (Type::Dynamic, Json::Object(pair)) => {
            let (Some(ty), Some(value), 2) = (pair.get("type"), pair.get("value"), pair.len()) else {
                return Err(CodecError::new("an object of type and value is required"));
            };
            let not_a_type = |_| CodecError::new("the type of a dynamic value is not a type constraint");
            let ty = Type::from_json(ty).map_err(not_a_type)?;
            let value = inner(value, &ty)?;
            Ok(Value::Dynamic(Box::new(Dynamic { ty, value })))
        }
        (ty, _) => Err(CodecError::new(format!("{ty} is required"))),
    }
}

fn number_of(text: &str) -> Result<Value, CodecError> {
    text.parse().map(Value::Number).map_err(|_| CodecError::new("a decimal number is required"))
}
