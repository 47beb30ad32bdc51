//! How an annotation's text is written, read, and what it means to the controller.
//!
//! The table of annotations names a codec for each. Some texts are trimmed by the controller and some are read raw, so that
//! a trailing newline makes another value of them; which is which is said in the table. Pure. Facts: the open-source
//! controller's annotation parser and the ALB Ingress configuration dictionary.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::routing::{self, ACTIONS, CONDITIONS};
use super::split_port;
use crate::framework::value::Value;

/// How one annotation is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// `true`; anything else is false.
    Flag,
    /// The same, but only written when true: some controllers react to the key alone.
    FlagIfOn,
    /// `true` or `false`; anything else is as if absent.
    Switch,
    /// `true` if the attribute, an object, is there.
    Presence,
    /// A whole number, read raw; anything else is as if absent.
    RawWhole,
    /// A whole number, trimmed; anything else is as if absent.
    LenientWhole,
    /// A whole number, trimmed; the controller refuses anything else.
    Whole,
    /// Text, read raw.
    Raw,
    /// Text, trimmed line by line.
    Trimmed,
    /// Texts with commas between, read raw.
    RawList,
    /// Texts with commas between, each trimmed.
    TrimmedList,
    /// The same, names of headers: case does not matter.
    Headers,
    /// Port and protocol pairs in JSON.
    Ports,
    /// Custom conditions in JSON.
    Conditions,
    /// Custom actions in JSON.
    Actions,
}

/// What the controller reads.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reading {
    /// As if the annotation were absent.
    Missing,
    /// It cannot be read, or holds more than attributes can say.
    Unreadable,
    /// A value of the attribute.
    Value(Value),
}

impl From<Option<Value>> for Reading {
    fn from(value: Option<Value>) -> Self {
        value.map_or(Self::Unreadable, Self::Value)
    }
}

impl Codec {
    /// The text for an attribute's value; `None` if the annotation is left out.
    pub(super) fn write(self, value: &Value) -> Option<String> {
        match self {
            Self::Flag | Self::Switch => value.as_bool().map(|truth| truth.to_string()),
            Self::FlagIfOn => (value.as_bool() == Some(true)).then(|| "true".to_owned()),
            Self::Presence => value.as_map().map(|_| "true".to_owned()),
            Self::RawWhole | Self::LenientWhole | Self::Whole => value.as_i64().map(|number| number.to_string()),
            Self::Raw | Self::Trimmed => value.as_str().map(str::to_owned),
            Self::RawList | Self::TrimmedList | Self::Headers => {
                let texts: BTreeSet<&str> = value.as_list()?.iter().filter_map(Value::as_str).collect();
                (!texts.is_empty()).then(|| texts.into_iter().collect::<Vec<_>>().join(","))
            }
            Self::Ports => value.as_list().map(write_ports),
            Self::Conditions => routing::write(CONDITIONS, value),
            Self::Actions => routing::write(ACTIONS, value),
        }
    }

    /// What the controller reads in a text.
    pub(super) fn read(self, text: &str) -> Reading {
        match self {
            Self::Flag | Self::FlagIfOn | Self::Presence => Reading::Value(Value::Bool(text == "true")),
            Self::Switch => match text {
                "true" => Reading::Value(Value::Bool(true)),
                "false" => Reading::Value(Value::Bool(false)),
                _ => Reading::Missing,
            },
            Self::RawWhole => whole(text).map_or(Reading::Missing, Reading::Value),
            Self::LenientWhole => whole(&trimmed(text)).map_or(Reading::Missing, Reading::Value),
            Self::Raw => Reading::Value(Value::string(text)),
            Self::RawList => Reading::Value(list(text.split(','))),
            _ => {
                let text = trimmed(text);
                match self {
                    _ if text.is_empty() => Reading::Missing,
                    Self::Whole => whole(&text).into(),
                    Self::TrimmedList | Self::Headers => {
                        Reading::Value(list(text.split(',').map(str::trim).filter(|part| !part.is_empty())))
                    }
                    Self::Ports => read_ports(&text).into(),
                    Self::Conditions => routing::read(CONDITIONS, &text).into(),
                    Self::Actions => routing::read(ACTIONS, &text).into(),
                    _ => Reading::Value(Value::String(text)),
                }
            }
        }
    }

    /// What a value means: equal for every spelling of the same.
    pub(super) fn meaning(self, value: &Value) -> Json {
        match self {
            Self::RawList | Self::TrimmedList | Self::Ports => set_of(value, str::to_owned),
            Self::Headers => set_of(value, str::to_ascii_lowercase),
            Self::Conditions => routing::meaning_of_conditions(value),
            Self::Actions => routing::meaning_of_actions(value),
            _ => match value {
                Value::Bool(truth) => json!(truth),
                Value::String(text) => json!(text),
                Value::Map(_) => json!(true),
                other => json!(other.as_i64()),
            },
        }
    }
}

fn set_of(value: &Value, spelled: impl Fn(&str) -> String) -> Json {
    let texts: BTreeSet<String> =
        value.as_list().unwrap_or_default().iter().filter_map(Value::as_str).map(spelled).collect();
    json!(texts)
}

fn list<'a>(texts: impl Iterator<Item = &'a str>) -> Value {
    let distinct: BTreeSet<&str> = texts.collect();
    Value::List(distinct.into_iter().map(Value::string).collect())
}

/// A number as Go's parser takes it: an optional sign and digits, no space.
fn whole(text: &str) -> Option<Value> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let number = (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)?;
    number.parse::<i64>().ok().map(Value::int)
}

fn trimmed(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// One object for each pair, by port.
fn write_ports(ports: &[Value]) -> String {
    let pairs: BTreeSet<(u16, &str)> = ports.iter().filter_map(Value::as_str).filter_map(split_port).collect();
    Json::Array(pairs.into_iter().map(|(port, protocol)| json!({protocol: port})).collect()).to_string()
}

fn read_ports(text: &str) -> Option<Value> {
    let objects: Vec<BTreeMap<String, u16>> = serde_json::from_str(text).ok()?;
    let pairs: BTreeSet<(u16, String)> =
        objects.into_iter().flatten().map(|(protocol, port)| (port, protocol)).collect();
    let spelled = pairs.into_iter().map(|(port, protocol)| Value::String(format!("{port}/{protocol}")));
    let spelled: Vec<Value> = spelled.collect();
    (!spelled.is_empty()).then_some(Value::List(spelled))
}
