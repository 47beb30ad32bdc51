//! MessagePack, as Terraform's hosts write and read it.
//!
//! Null is nil, an extension of any type is an unknown value, objects are maps with exactly their attributes, `dynamic` is
//! a pair of type and value. Lengths are checked against the bytes that are left before anything is reserved.

use std::collections::BTreeMap;

use rmp::Marker;
use rmp::decode::{self, RmpRead};
use rmp::encode;

use super::dynamic_value::{CodecError, MAX_DEPTH, normal_form};
use crate::framework::number::Number;
use crate::framework::path::Step;
use crate::framework::types::Type;
use crate::framework::value::{Dynamic, Refinements, Value};

/// Extension type of an unknown value with refinements.
const REFINED: i8 = 12;
/// Hosts refuse longer bodies of refinements.
const MAX_REFINEMENTS_LEN: usize = 1024;
/// Hosts cut prefixes here.
const MAX_PREFIX_LEN: usize = 256;
/// Elements reserved ahead of reading them.
const RESERVED: usize = 1024;

type Bytes<'a> = &'a [u8];

pub(super) fn decode(mut bytes: &[u8], ty: &Type) -> Result<Value, CodecError> {
    let value = read(&mut bytes, ty, 0)?;
    if bytes.is_empty() { Ok(value) } else { Err(CodecError::new("more bytes follow the value")) }
}

fn cut_short() -> CodecError {
    CodecError::new("the bytes end within the value")
}

fn peek(bytes: Bytes<'_>) -> Result<Marker, CodecError> {
    bytes.first().map(|byte| Marker::from_u8(*byte)).ok_or_else(cut_short)
}

fn take<'a>(bytes: &mut Bytes<'a>, len: u32) -> Result<&'a [u8], CodecError> {
    let len = usize::try_from(len).map_err(|_| cut_short())?;
    let (taken, rest) = bytes.split_at_checked(len).ok_or_else(cut_short)?;
    *bytes = rest;
    Ok(taken)
}

const fn is_extension(marker: Marker) -> bool {
    matches!(
        marker,
        Marker::FixExt1
            | Marker::FixExt2
            | Marker::FixExt4
            | Marker::FixExt8
            | Marker::FixExt16
            | Marker::Ext8
            | Marker::Ext16
            | Marker::Ext32
    )
}

fn read(bytes: &mut Bytes<'_>, ty: &Type, depth: usize) -> Result<Value, CodecError> {
    if depth > MAX_DEPTH {
        return Err(CodecError::new("nested too deeply"));
    }
    let marker = peek(bytes)?;
    if marker == Marker::Null {
        take(bytes, 1)?;
        return Ok(Value::Null);
    }
    if is_extension(marker) {
        return read_unknown(bytes, ty);
    }
    match ty {
        Type::Dynamic => read_dynamic(bytes, depth),
        Type::String => {
            read_text(bytes, "a string is required").map(|text| Value::String(normal_form(text).into_owned()))
        }
        Type::Number => read_number(bytes).map(Value::Number),
        Type::Bool => decode::read_bool(bytes).map(Value::Bool).map_err(|_| CodecError::new("a bool is required")),
        Type::List(element) | Type::Set(element) => {
            let len = read_array_len(bytes, "a list is required")?;
            let mut elements = Vec::with_capacity(len.min(RESERVED));
            for index in 0..len {
                elements.push(read(bytes, element, depth + 1).map_err(|error| error.within(|| Step::Index(index)))?);
            }
            Ok(Value::List(elements))
        }
        Type::Tuple(types) => {
            let len = read_array_len(bytes, "a tuple is required")?;
            if len != types.len() {
                return Err(CodecError::new(format!("a tuple of {} elements is required ({len} given)", types.len())));
            }
            let element = |(index, ty)| read(bytes, ty, depth + 1).map_err(|error| error.within(|| Step::Index(index)));
            types.iter().enumerate().map(element).collect::<Result<_, _>>().map(Value::List)
        }
        Type::Map(element) => {
            let len = read_map_len(bytes, "a map is required")?;
            let mut entries = BTreeMap::new();
            for _ in 0..len {
                let key = normal_form(read_text(bytes, "map keys must be strings")?).into_owned();
                let value = read(bytes, element, depth + 1).map_err(|error| error.within(|| Step::Key(key.clone())))?;
                if entries.insert(key, value).is_some() {
                    return Err(CodecError::new("a map key occurs twice"));
                }
            }
            Ok(Value::Map(entries))
        }
        Type::Object(attributes) => read_object(bytes, attributes, depth),
    }
}

fn read_object(bytes: &mut Bytes<'_>, attributes: &BTreeMap<String, Type>, depth: usize) -> Result<Value, CodecError> {
    let len = read_map_len(bytes, "an object is required")?;
    if len != attributes.len() {
        let count = attributes.len();
        return Err(CodecError::new(format!("an object with {count} attributes is required ({len} given)")));
    }
    let mut entries = BTreeMap::new();
    for _ in 0..len {
        let key = read_text(bytes, "attribute names must be strings")?;
        let Some((name, ty)) = attributes.get_key_value(key) else {
            return Err(CodecError::new("unsupported attribute"));
        };
        let value = read(bytes, ty, depth + 1).map_err(|error| error.within(|| Step::Attribute(name.clone())))?;
        if entries.insert(name.clone(), value).is_some() {
            return Err(CodecError::new("an attribute occurs twice").within(|| Step::Attribute(name.clone())));
        }
    }
    Ok(Value::Map(entries))
}

/// A length that the remaining bytes can hold: each element takes a byte or more.
fn read_array_len(bytes: &mut Bytes<'_>, required: &'static str) -> Result<usize, CodecError> {
    let len = decode::read_array_len(bytes).map_err(|_| CodecError::new(required))?;
    usize::try_from(len).ok().filter(|len| *len <= bytes.len()).ok_or_else(cut_short)
}

/// A length that the remaining bytes can hold: each entry takes two bytes or more.
fn read_map_len(bytes: &mut Bytes<'_>, required: &'static str) -> Result<usize, CodecError> {
    let len = decode::read_map_len(bytes).map_err(|_| CodecError::new(required))?;
    usize::try_from(len).ok().filter(|len| *len <= bytes.len() / 2).ok_or_else(cut_short)
}

/// The bytes of a str or bin: hosts read both as either.
fn read_bytes<'a>(bytes: &mut Bytes<'a>, required: &'static str) -> Result<&'a [u8], CodecError> {
    let len = match peek(bytes)? {
        Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => decode::read_bin_len(bytes),
        _ => decode::read_str_len(bytes),
    };
    take(bytes, len.map_err(|_| CodecError::new(required))?)
}

fn read_text<'a>(bytes: &mut Bytes<'a>, required: &'static str) -> Result<&'a str, CodecError> {
    std::str::from_utf8(read_bytes(bytes, required)?).map_err(|_| CodecError::new("text must be valid UTF-8"))
}

/// Integer, float of either size, or decimal text: most fractions come as text.
fn read_number(bytes: &mut Bytes<'_>) -> Result<Number, CodecError> {
    let marker = peek(bytes)?;
    let float = |value: f64| Number::from_f64(value).map_err(|_| CodecError::new("a finite number is required"));
    if matches!(
        marker,
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 | Marker::Bin8 | Marker::Bin16 | Marker::Bin32
    ) {
        let text = read_text(bytes, "a number is required")?;
        return text.parse().map_err(|_| CodecError::new("a decimal number is required"));
    }
    take(bytes, 1)?;
    match marker {
        Marker::FixPos(value) => Ok(Number::from(i64::from(value))),
        Marker::FixNeg(value) => Ok(Number::from(i64::from(value))),
        Marker::U8 => bytes.read_data_u8().map(|value| Number::from(i64::from(value))).map_err(|_| cut_short()),
        Marker::U16 => bytes.read_data_u16().map(|value| Number::from(i64::from(value))).map_err(|_| cut_short()),
        Marker::U32 => bytes.read_data_u32().map(|value| Number::from(i64::from(value))).map_err(|_| cut_short()),
        Marker::U64 => bytes.read_data_u64().map(Number::from).map_err(|_| cut_short()),
        Marker::I8 => bytes.read_data_i8().map(|value| Number::from(i64::from(value))).map_err(|_| cut_short()),
        Marker::I16 => bytes.read_data_i16().map(|value| Number::from(i64::from(value))).map_err(|_| cut_short()),
        Marker::I32 => bytes.read_data_i32().map(|value| Number::from(i64::from(value))).map_err(|_| cut_short()),
        Marker::I64 => bytes.read_data_i64().map(Number::from).map_err(|_| cut_short()),
        Marker::F32 => bytes.read_data_f32().map_err(|_| cut_short()).and_then(|value| float(f64::from(value))),
        Marker::F64 => bytes.read_data_f64().map_err(|_| cut_short()).and_then(float),
        _ => Err(CodecError::new("a number is required")),
    }
}

fn read_dynamic(bytes: &mut Bytes<'_>, depth: usize) -> Result<Value, CodecError> {
    const PAIR: &str = "a pair of type and value is required";
    if read_array_len(bytes, PAIR)? != 2 {
        return Err(CodecError::new(PAIR));
    }
    let not_a_type = || CodecError::new("the type of a dynamic value is not a type constraint");
    let json = serde_json::from_slice(read_bytes(bytes, PAIR)?).map_err(|_| not_a_type())?;
    let ty = Type::from_json(&json).map_err(|_| not_a_type())?;
    let value = read(bytes, &ty, depth + 1)?;
    Ok(Value::Dynamic(Box::new(Dynamic { ty, value })))
}

fn read_unknown(bytes: &mut Bytes<'_>, ty: &Type) -> Result<Value, CodecError> {
    let extension = decode::read_ext_meta(bytes).map_err(|_| cut_short())?;
    let mut body = take(bytes, extension.size)?;
    if extension.typeid != REFINED || body.len() < 2 {
        return Ok(Value::unknown());
    }
    let refinements =
        read_refinements(&mut body, ty).map_err(|_| CodecError::new("malformed refinements of an unknown value"))?;
    Ok(Value::refined(refinements))
}

/// Keys we do not know are skipped with their values, as are those that say nothing about the type.
fn read_refinements(body: &mut Bytes<'_>, ty: &Type) -> Result<Refinements, CodecError> {
    let mut refinements = Refinements::default();
    let text = matches!(ty, Type::String);
    let number = matches!(ty, Type::Number);
    let collection = matches!(ty, Type::List(_) | Type::Set(_) | Type::Map(_));
    for _ in 0..read_map_len(body, "refinements are a map")? {
        let key: i64 = decode::read_int(body).map_err(|_| CodecError::new("refinements have integer keys"))?;
        match key {
            1 if !matches!(ty, Type::Dynamic) => {
                refinements.null = Some(decode::read_bool(body).map_err(|_| cut_short())?)
            }
            2 if text => refinements.prefix = Some(normal_form(read_text(body, "a prefix is text")?).into_owned()),
            3 if number => refinements.lower = Some(read_bound(body)?),
            4 if number => refinements.upper = Some(read_bound(body)?),
            5 if collection => refinements.min_len = Some(decode::read_int(body).map_err(|_| cut_short())?),
            6 if collection => refinements.max_len = Some(decode::read_int(body).map_err(|_| cut_short())?),
            _ => skip(body)?,
        }
    }
    Ok(refinements)
}

fn read_bound(body: &mut Bytes<'_>) -> Result<(Number, bool), CodecError> {
    if read_array_len(body, "a bound is a pair")? != 2 {
        return Err(CodecError::new("a bound is a pair"));
    }
    let number = read_number(body)?;
    Ok((number, decode::read_bool(body).map_err(|_| cut_short())?))
}

/// Passes over one value of any shape, counting what is still to come instead of recursing.
fn skip(bytes: &mut Bytes<'_>) -> Result<(), CodecError> {
    let mut values: usize = 1;
    while values > 0 {
        values -= 1;
        let marker = peek(bytes)?;
        match marker {
            Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => {
                values += read_array_len(bytes, "an array")?;
            }
            Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => values += 2 * read_map_len(bytes, "a map")?,
            Marker::FixStr(_)
            | Marker::Str8
            | Marker::Str16
            | Marker::Str32
            | Marker::Bin8
            | Marker::Bin16
            | Marker::Bin32 => {
                read_bytes(bytes, "text")?;
            }
            _ if is_extension(marker) => {
                let extension = decode::read_ext_meta(bytes).map_err(|_| cut_short())?;
                take(bytes, extension.size)?;
            }
            Marker::U8 | Marker::I8 => drop(take(bytes, 2)?),
            Marker::U16 | Marker::I16 => drop(take(bytes, 3)?),
            Marker::U32 | Marker::I32 | Marker::F32 => drop(take(bytes, 5)?),
            Marker::U64 | Marker::I64 | Marker::F64 => drop(take(bytes, 9)?),
            _ => drop(take(bytes, 1)?),
        }
    }
    Ok(())
}

pub(super) fn encode(ty: &Type, value: &Value) -> Result<Vec<u8>, CodecError> {
    let mut out = Vec::new();
    write(&mut out, ty, value)?;
    Ok(out)
}

fn too_long<E>(_: E) -> CodecError {
    CodecError::new("too long to encode")
}

fn length(len: usize) -> Result<u32, CodecError> {
    u32::try_from(len).map_err(too_long)
}

fn write(out: &mut Vec<u8>, ty: &Type, value: &Value) -> Result<(), CodecError> {
    match (ty, value) {
        (_, Value::Null) => encode::write_nil(out).map_err(too_long),
        (_, Value::Unknown(refinements)) => write_unknown(out, ty, refinements.as_deref()),
        (Type::Dynamic, Value::Dynamic(dynamic)) => {
            encode::write_array_len(out, 2).map_err(too_long)?;
            encode::write_bin(out, dynamic.ty.to_json().to_string().as_bytes()).map_err(too_long)?;
            write(out, &dynamic.ty, &dynamic.value)
        }
        (Type::String, Value::String(text)) => write_text(out, text),
        (Type::Bool, Value::Bool(value)) => encode::write_bool(out, *value).map_err(too_long),
        (Type::Number, Value::Number(number)) => write_number(out, number),
        (Type::List(element) | Type::Set(element), Value::List(elements)) => {
            encode::write_array_len(out, length(elements.len())?).map_err(too_long)?;
            let mut elements = elements.iter().enumerate();
            elements.try_for_each(|(index, value)| {
                write(out, element, value).map_err(|error| error.within(|| Step::Index(index)))
            })
        }
        (Type::Tuple(types), Value::List(elements)) if types.len() == elements.len() => {
            encode::write_array_len(out, length(elements.len())?).map_err(too_long)?;
            let mut elements = types.iter().zip(elements).enumerate();
            elements.try_for_each(|(index, (ty, value))| {
                write(out, ty, value).map_err(|error| error.within(|| Step::Index(index)))
            })
        }
        (Type::Map(element), Value::Map(entries)) => {
            encode::write_map_len(out, length(entries.len())?).map_err(too_long)?;
            entries.iter().try_for_each(|(key, value)| {
                write_text(out, key)?;
                write(out, element, value).map_err(|error| error.within(|| Step::Key(key.clone())))
            })
        }
        (Type::Object(attributes), Value::Map(entries)) => {
            if let Some(extra) = entries.keys().find(|key| !attributes.contains_key(*key)) {
                return Err(CodecError::new("unsupported attribute").within(|| Step::Attribute(extra.clone())));
            }
            encode::write_map_len(out, length(attributes.len())?).map_err(too_long)?;
            attributes.iter().try_for_each(|(name, ty)| {
                encode::write_str(out, name).map_err(too_long)?;
                let value = entries.get(name).unwrap_or(&Value::Null);
                write(out, ty, value).map_err(|error| error.within(|| Step::Attribute(name.clone())))
            })
        }
        (ty, _) => Err(CodecError::new(format!("the value is not of type {ty}"))),
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) -> Result<(), CodecError> {
    encode::write_str(out, &normal_form(text)).map_err(too_long)
}

/// The shortest integer, else a float if that is exact, else decimal text.
fn write_number(out: &mut Vec<u8>, number: &Number) -> Result<(), CodecError> {
    if let Some(integer) = number.to_i64() {
        return encode::write_sint(out, integer).map(drop).map_err(too_long);
    }
    match number.to_f64_exact() {
        Some(float) if !number.is_integer() => encode::write_f64(out, float).map_err(too_long),
        _ => encode::write_str(out, &number.to_string()).map_err(too_long),
    }
}

fn write_unknown(out: &mut Vec<u8>, ty: &Type, refinements: Option<&Refinements>) -> Result<(), CodecError> {
    let mut body = Vec::new();
    if let Some(refinements) = refinements {
        write_refinements(&mut body, ty, refinements)?;
        if body.len() > MAX_REFINEMENTS_LEN {
            body.clear();
            let only_null = Refinements { null: refinements.null, ..Refinements::default() };
            write_refinements(&mut body, ty, &only_null)?;
        }
    }
    if body.is_empty() {
        out.extend_from_slice(&[0xd4, 0, 0]);
        return Ok(());
    }
    encode::write_ext_meta(out, length(body.len())?, REFINED).map_err(too_long)?;
    out.extend_from_slice(&body);
    Ok(())
}

/// Only what hosts accept for the type. Nothing is written if that is nothing.
fn write_refinements(body: &mut Vec<u8>, ty: &Type, refinements: &Refinements) -> Result<(), CodecError> {
    let text = matches!(ty, Type::String);
    let number = matches!(ty, Type::Number);
    let collection = matches!(ty, Type::List(_) | Type::Set(_) | Type::Map(_));
    // "Known to be null" would be a known value: it is never sent.
    let not_null = refinements.null == Some(false) && !matches!(ty, Type::Dynamic);
    let prefix = refinements.prefix.as_deref().filter(|prefix| text && !prefix.is_empty());
    let bounds = [(3, &refinements.lower), (4, &refinements.upper)];
    let lengths = [(5, refinements.min_len), (6, refinements.max_len)];
    let bounds = || bounds.iter().filter_map(|(key, bound)| Some((*key, bound.as_ref()?))).filter(|_| number);
    // Hosts read lengths as signed.
    let sendable = |len: &u64| collection && i64::try_from(*len).is_ok();
    let lengths = || lengths.iter().filter_map(|(key, len)| Some((*key, len.filter(sendable)?)));
    let count = usize::from(not_null) + usize::from(prefix.is_some()) + bounds().count() + lengths().count();
    if count == 0 {
        return Ok(());
    }
    encode::write_map_len(body, length(count)?).map_err(too_long)?;
    if not_null {
        encode::write_pfix(body, 1).map_err(too_long)?;
        encode::write_bool(body, false).map_err(too_long)?;
    }
    if let Some(prefix) = prefix {
        encode::write_pfix(body, 2).map_err(too_long)?;
        encode::write_str(body, cut(&normal_form(prefix))).map_err(too_long)?;
    }
    for (key, (number, inclusive)) in bounds() {
        encode::write_pfix(body, key).map_err(too_long)?;
        encode::write_array_len(body, 2).map_err(too_long)?;
        write_number(body, number)?;
        encode::write_bool(body, *inclusive).map_err(too_long)?;
    }
    for (key, len) in lengths() {
        encode::write_pfix(body, key).map_err(too_long)?;
        encode::write_uint(body, len).map_err(too_long)?;
    }
    Ok(())
}

/// A shorter prefix promises less, which is always true.
fn cut(prefix: &str) -> &str {
    let end = (0..=MAX_PREFIX_LEN.min(prefix.len())).rev().find(|end| prefix.is_char_boundary(*end)).unwrap_or(0);
    prefix.get(..end).unwrap_or_default()
}
