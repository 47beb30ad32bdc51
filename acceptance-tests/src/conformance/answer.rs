//! An answer as it is compared: what differs from run to run is replaced by its name.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Made;

/// Headers that mean something to a client.
const HEADERS: [&str; 5] = ["cache-control", "content-type", "retry-after", "warning", "www-authenticate"];

/// An answer in the form in which it is compared and recorded.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The headers that mean something, in order of their names.
    pub headers: Vec<(String, String)>,
    /// The body: JSON, a list of JSON for a watch, else text.
    pub body: Value,
}

impl Answer {
    /// Both sides of a difference, for people.
    #[must_use]
    pub fn difference(&self, other: &Self) -> String {
        let text = |one: &Self| {
            let mut all = format!("status {}\n", one.status);
            for (name, value) in &one.headers {
                all.push_str(name);
                all.push_str(": ");
                all.push_str(value);
                all.push('\n');
            }
            all.push_str(&format!("{:#}", one.body));
            all
        };
        let (wanted, got) = (text(self), text(other));
        let (wanted, got): (Vec<&str>, Vec<&str>) = (wanted.lines().collect(), got.lines().collect());
        let mut told = String::new();
        for (sign, lines, others) in [('-', &wanted, &got), ('+', &got, &wanted)] {
            for line in lines.iter().filter(|line| !others.contains(line)) {
                if writeln!(told, "  {sign} {line}").is_err() {
                    return told;
                }
            }
        }
        if told.is_empty() { "  the same lines in another order".to_owned() } else { told }
    }
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn normal(&self, made: &Made) -> Answer {
        let mut headers: Vec<(String, String)> = self
            .headers
            .iter()
            .filter(|(name, _)| HEADERS.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), text(&made.hide(value))))
            .collect();
        headers.sort();
        let hidden = made.hide(&self.body);
        let body = match serde_json::from_str::<Value>(&hidden) {
            Ok(value) => normal(value, ""),
            // A watch is one object a line.
            Err(_) => match hidden.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>() {
                Ok(events) => Value::Array(events.into_iter().map(|event| normal(event, "")).collect()),
                Err(_) => Value::String(text(&hidden)),
            },
        };
        Answer { status: self.status, headers, body }
    }
}

fn normal(value: Value, field: &str) -> Value {
    match value {
        Value::Object(map) => {
            let fields = map.into_iter().map(|(name, value)| {
                let value = normal(value, &name);
                (name, value)
            });
            Value::Object(fields.collect::<Map<String, Value>>())
        }
        Value::Array(items) if field == "clusterIPs" => Value::Array(items.iter().map(|_| "IP".into()).collect()),
        // Entries of the same second stand in the order of their managers.
        Value::Array(mut items) if field == "managedFields" => {
            items.sort_by_key(|entry| {
                ["manager", "operation", "subresource", "apiVersion"].map(|part| entry.get(part).map(Value::to_string))
            });
            Value::Array(items.into_iter().map(|item| normal(item, field)).collect())
        }
        // The server names conflicting fields in no order.
        Value::Array(mut items) if field == "causes" => {
            items.sort_by_key(|cause| ["field", "message"].map(|part| cause.get(part).map(Value::to_string)));
            Value::Array(items.into_iter().map(|item| normal(item, field)).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| normal(item, field)).collect()),
        Value::Number(_) if field == "nodePort" => "PORT".into(),
        Value::String(string) => match field {
            "resourceVersion" if !matches!(string.as_str(), "" | "0" | "1") => "VERSION".into(),
            "continue" if !string.is_empty() => "TOKEN".into(),
            // How a server was built.
            "gitCommit" | "gitTreeState" | "goVersion" | "buildDate" | "platform" => "BUILD".into(),
            "message" if string.starts_with("Apply failed with ") => {
                let mut lines: Vec<&str> = string.lines().collect();
                lines.sort_unstable();
                lines.join("\n").into()
            }
            "cells" if age(&string) => "AGE".into(),
            "clusterIP" if !matches!(string.as_str(), "" | "None") => "IP".into(),
            _ => text(&string).into(),
        },
        other => other,
    }
}

/// Whether a table's cell is an age, such as `12s` or `2m3s`.
fn age(cell: &str) -> bool {
    cell.ends_with('s')
        && cell.starts_with(|first: char| first.is_ascii_digit())
        && cell.chars().all(|letter| matches!(letter, '0'..='9' | 'm' | 's'))
}

/// Replaces what differs from run to run in a text.
fn text(given: &str) -> String {
    let mut rest = given;
    let mut normal = String::with_capacity(given.len());
    while let Some(first) = rest.chars().next() {
        match found(rest, normal.chars().next_back()) {
            Some((length, name)) => {
                normal.push_str(name);
                rest = rest.get(length..).unwrap_or_default();
            }
            None => {
                normal.push(first);
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
            }
        }
    }
    normal
}

/// What stands at the beginning of a text: its length and the name that takes its place.
fn found(rest: &str, before: Option<char>) -> Option<(usize, &'static str)> {
    if before.is_some_and(|letter| letter.is_ascii_alphanumeric()) {
        return None;
    }
    shape(rest, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
        .map(|length| (length, "UID"))
        .or_else(|| instant(rest).map(|length| (length, "TIME")))
        .or_else(|| after(rest, "127.0.0.1:").map(|length| (length, "ADDRESS")))
        .or_else(|| address(rest).map(|length| (length, "IP")))
        .or_else(|| generated(rest).map(|length| (length, "GENERATED")))
        .or_else(|| version(rest))
}

/// The length of a shape in which `x` is a hexadecimal digit, `d` a decimal one.
fn shape(rest: &str, shape: &str) -> Option<usize> {
    let start = rest.as_bytes().get(..shape.len())?;
    let fits = start.iter().zip(shape.bytes()).all(|(letter, wanted)| match wanted {
        b'x' => letter.is_ascii_hexdigit(),
        b'd' => letter.is_ascii_digit(),
        other => *letter == other,
    });
    fits.then_some(shape.len())
}

fn digits(rest: &str) -> usize {
    rest.bytes().take_while(u8::is_ascii_digit).count()
}

fn instant(rest: &str) -> Option<usize> {
    const SECONDS: &str = "dddd-dd-ddTdd:dd:dd";
    let length = shape(rest, SECONDS)?;
    let behind = rest.get(length..)?;
    let fraction = match behind.strip_prefix('.') {
        Some(fraction) => 1 + digits(fraction),
        None => 0,
    };
    behind.get(fraction..)?.starts_with('Z').then_some(length + fraction + 1)
}

/// The length of a text and the number behind it.
fn after(rest: &str, text: &str) -> Option<usize> {
    let number = digits(rest.strip_prefix(text)?);
    (number > 0).then_some(text.len() + number)
}

/// An address of a Service.
fn address(rest: &str) -> Option<usize> {
    let mut length = "10.0.".len();
    let third = digits(rest.strip_prefix("10.0.")?);
    length += third;
    let fourth = digits(rest.get(length..)?.strip_prefix('.')?);
    (third > 0 && fourth > 0).then_some(length + 1 + fourth)
}

/// A name that the server has made from `generateName: g-`.
fn generated(rest: &str) -> Option<usize> {
    let name = rest.strip_prefix("g-")?;
    let letters = name.bytes().take_while(|letter| letter.is_ascii_alphanumeric()).count();
    (letters == 5).then_some("g-".len() + letters)
}

/// A version in one of the sentences that name one.
fn version(rest: &str) -> Option<(usize, &'static str)> {
    if let Some(length) = after(rest, "too old resource version: ") {
        let behind = rest.get(length..)?.strip_prefix(" (")?;
        return Some((length + 2 + digits(behind) + 1, "too old resource version: VERSION (VERSION)"));
    }
    if let Some(length) = after(rest, "current: ") {
        return Some((length, "current: VERSION"));
    }
    for (start, name) in [
        (r#"resourceVersion\":\""#, r#"resourceVersion\":\"VERSION"#),
        (r#"resourceVersion":""#, r#"resourceVersion":"VERSION"#),
        (r#"resourceVersion: ""#, r#"resourceVersion: "VERSION"#),
        ("resourceVersion: '", "resourceVersion: 'VERSION"),
    ] {
        if let Some(length) = after(rest, start) {
            return Some((length, name));
        }
    }
    let parts = [
        ("in record (", "in record (VERSION"),
        ("ResourceVersion in the precondition (", "ResourceVersion in the precondition (VERSION"),
    ];
    let (length, name) = parts.into_iter().find_map(|(start, name)| Some((after(rest, start)?, name)))?;
    // Version 1 is what a case says itself.
    let own = rest.get(..length)?.ends_with("(1");
    (rest.get(length..)?.starts_with(')') && !own).then_some((length, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_gets_its_name_and_nothing_else_does() {
        for (given, wanted) in [
            ("uid 0f8fad5b-d9cb-469f-a165-70867728950e.", "uid UID."),
            ("at 2026-01-02T03:04:05Z and 2026-01-02T03:04:05.123456Z", "at TIME and TIME"),
            ("https://127.0.0.1:4321/x, 10.0.0.1 and 10.0.12.200", "https://ADDRESS/x, IP and IP"),
            ("too old resource version: 5 (17)", "too old resource version: VERSION (VERSION)"),
            (
                "Too large resource version: 99999999, current: 12",
                "Too large resource version: 99999999, current: VERSION",
            ),
            (r#"{"resourceVersion":"12"}"#, r#"{"resourceVersion":"VERSION"}"#),
            (
                "the ResourceVersion in the precondition (7) does not match the ResourceVersion in record (12).",
                "the ResourceVersion in the precondition (VERSION) does not match the ResourceVersion in record (VERSION).",
            ),
            ("the ResourceVersion in the precondition (1) does", "the ResourceVersion in the precondition (1) does"),
            ("g-x7k2p", "GENERATED"),
            ("a-b-c 10.0 2026 g-ab", "a-b-c 10.0 2026 g-ab"),
        ] {
            assert_eq!(text(given), wanted);
        }
    }
}
