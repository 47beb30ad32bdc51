//! Values on the wire, to and from JSON, written from the protocol's facts alone: MessagePack with attribute maps,
//! unknown as an extension value, every attribute present.
//!
//! An unknown value is read as the text [`UNKNOWN`], which no test configures.

use rmp::Marker;
use rmp::decode;
use serde_json::{Map, Number, Value};
use tfplugin_proto::tfplugin6::schema::{Attribute, Block};

/// How an unknown value shows.
pub const UNKNOWN: &str = "(unknown)";

/// Gives every attribute of a block a value: the configured one or null, at every depth, as core does.
#[must_use]
pub fn complete(block: &Block, value: &Value) -> Value {
    complete_object(&block.attributes, value)
}

fn complete_object(attributes: &[Attribute], value: &Value) -> Value {
    if value.is_null() {
        return Value::Null;
    }
    let fields = attributes.iter().map(|attribute| {
        let given = value.get(&attribute.name).cloned().unwrap_or_default();
        let full = match &attribute.nested_type {
            // Nesting modes of the protocol: 1 single, 2 list, 3 set, 4 map.
            Some(nested) if nested.nesting == 1 => complete_object(&nested.attributes, &given),
            Some(nested) => match given {
                Value::Array(items) => {
                    Value::Array(items.iter().map(|item| complete_object(&nested.attributes, item)).collect())
                }
                Value::Object(items) => Value::Object(
                    items.iter().map(|(key, item)| (key.clone(), complete_object(&nested.attributes, item))).collect(),
                ),
                other => other,
            },
            None => given,
        };
        (attribute.name.clone(), full)
    });
    Value::Object(fields.collect())
}

/// Writes a value as MessagePack.
#[must_use]
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, value);
    out
}

#[expect(clippy::expect_used, reason = "writing to memory cannot fail")]
fn write(out: &mut Vec<u8>, value: &Value) {
    const MEMORY: &str = "memory takes every byte";
    let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    match value {
        Value::Null => rmp::encode::write_nil(out).expect(MEMORY),
        Value::Bool(value) => rmp::encode::write_bool(out, *value).expect(MEMORY),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => rmp::encode::write_sint(out, integer).map(|_| ()).expect(MEMORY),
            None => rmp::encode::write_f64(out, number.as_f64().unwrap_or_default()).expect(MEMORY),
        },
        // Unknown: extension type 0 with one zero byte, as go-cty writes it.
        Value::String(text) if text == UNKNOWN => out.extend([0xd4, 0, 0]),
        Value::String(text) => rmp::encode::write_str(out, text).expect(MEMORY),
        Value::Array(items) => {
            rmp::encode::write_array_len(out, length(items.len())).map(|_| ()).expect(MEMORY);
            for item in items {
                write(out, item);
            }
        }
        Value::Object(fields) => {
            rmp::encode::write_map_len(out, length(fields.len())).map(|_| ()).expect(MEMORY);
            for (name, field) in fields {
                rmp::encode::write_str(out, name).expect(MEMORY);
                write(out, field);
            }
        }
    }
}

/// Reads a value from MessagePack; nothing at all is null.
///
/// # Errors
/// If it is not what the protocol allows.
pub fn decode_bytes(bytes: &[u8]) -> Result<Value, String> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let mut rest = bytes;
    let value = read(&mut rest)?;
    if rest.is_empty() { Ok(value) } else { Err(format!("{} bytes behind the value", rest.len())) }
}

fn read(bytes: &mut &[u8]) -> Result<Value, String> {
    let text = |error: &dyn std::fmt::Debug| format!("{error:?}");
    let first = *bytes.first().ok_or("the value ends early")?;
    let value = match Marker::from_u8(first) {
        Marker::Null => decode::read_nil(bytes).map(|()| Value::Null).map_err(|e| text(&e))?,
        Marker::True | Marker::False => Value::Bool(decode::read_bool(bytes).map_err(|e| text(&e))?),
        Marker::F32 | Marker::F64 => {
            let number = if first == 0xca {
                f64::from(decode::read_f32(bytes).map_err(|e| text(&e))?)
            } else {
                decode::read_f64(bytes).map_err(|e| text(&e))?
            };
            Number::from_f64(number).map(Value::Number).ok_or("not a number")?
        }
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
            let length = decode::read_str_len(bytes).map_err(|e| text(&e))? as usize;
            Value::String(String::from_utf8(take(bytes, length)?.to_vec()).map_err(|e| e.to_string())?)
        }
        Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => {
            let length = decode::read_array_len(bytes).map_err(|e| text(&e))?;
            Value::Array((0..length).map(|_| read(bytes)).collect::<Result<_, _>>()?)
        }
        Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => {
            let length = decode::read_map_len(bytes).map_err(|e| text(&e))?;
            let mut fields = Map::new();
            for _ in 0..length {
                let Value::String(name) = read(bytes)? else { return Err("a key is no text".to_owned()) };
                fields.insert(name, read(bytes)?);
            }
            Value::Object(fields)
        }
        Marker::FixExt1
        | Marker::FixExt2
        | Marker::FixExt4
        | Marker::FixExt8
        | Marker::FixExt16
        | Marker::Ext8
        | Marker::Ext16
        | Marker::Ext32 => {
            let meta = decode::read_ext_meta(bytes).map_err(|e| text(&e))?;
            take(bytes, meta.size as usize)?;
            Value::String(UNKNOWN.to_owned())
        }
        Marker::FixPos(_)
        | Marker::FixNeg(_)
        | Marker::U8
        | Marker::U16
        | Marker::U32
        | Marker::U64
        | Marker::I8
        | Marker::I16
        | Marker::I32
        | Marker::I64 => Value::from(decode::read_int::<i64, _>(bytes).map_err(|e| text(&e))?),
        Marker::Bin8 | Marker::Bin16 | Marker::Bin32 | Marker::Reserved => return Err(format!("byte {first:#x}")),
    };
    Ok(value)
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], String> {
    let (head, rest) = bytes.split_at_checked(length).ok_or("the value ends early")?;
    *bytes = rest;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_come_back_as_they_were_written() {
        let value =
            json!({"a": null, "b": [1, -7, 2.5, "x", true], "c": {"d": UNKNOWN, "e": 70000}, "f": "x".repeat(300)});
        assert_eq!(decode_bytes(&encode(&value)).unwrap(), value);
        assert!(decode_bytes(&[0x92, 0xc0]).is_err(), "a list that ends early");
    }
}
