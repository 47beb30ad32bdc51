//! The one-line form of a fault rule, for `--fault` and for the control endpoint.
//!
//! `API[/ACTION[/RESOURCE[/NAME]]]=KIND[,KEY=VALUE]…`, for example
//! `adcp/AttachClusterToHub=throttle,retry_after_ms=500,count=2` or `*=reset,call=7`. The keys are those of the JSON
//! form, so the line is turned into JSON and read by the same types.

use serde_json::{Map, Value, json};
use thiserror::Error;

use super::RuleSpec;

/// Keys that say which of the matching calls are meant; all others belong to the fault.
const WHEN_KEYS: [&str; 4] = ["nth", "every", "call", "count"];
/// Keys whose values stay text even if they look like numbers.
const TEXT_KEYS: [&str; 2] = ["code", "message"];

/// Why a line is not a rule.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SpecError {
    /// There is no `=` between the calls and the fault.
    #[error("fault {0:?} has no '=': write CALLS=KIND, for example adcp/AttachClusterToHub=throttle,count=2")]
    NoFault(String),
    /// A part after the kind is not `key=value`.
    #[error("fault {spec:?}: {part:?} is not key=value")]
    NotAPair {
        /// The whole line.
        spec: String,
        /// The part.
        part: String,
    },
    /// The parts do not make a rule.
    #[error("fault {spec:?}: {reason}")]
    Invalid {
        /// The whole line.
        spec: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads the one-line form.
///
/// # Errors
/// When it is not of that form, names an unknown kind or key, or lacks one the kind needs.
pub fn parse_spec(spec: &str) -> Result<RuleSpec, SpecError> {
    let (calls, rest) = spec.split_once('=').ok_or_else(|| SpecError::NoFault(spec.to_owned()))?;
    let mut matching = Map::new();
    for (key, part) in ["api", "action", "resource", "name"].into_iter().zip(calls.splitn(4, '/')) {
        if !part.is_empty() && part != "*" {
            matching.insert(key.to_owned(), Value::from(part.trim()));
        }
    }
    let mut parts = rest.split(',');
    let mut fault = Map::from_iter([("kind".to_owned(), Value::from(parts.next().unwrap_or_default().trim()))]);
    let mut when = Map::new();
    for part in parts {
        let (key, text) =
            part.split_once('=').ok_or_else(|| SpecError::NotAPair { spec: spec.to_owned(), part: part.to_owned() })?;
        let (key, text) = (key.trim().replace('-', "_"), text.trim());
        let value = match text.parse::<i64>() {
            Ok(number) if !TEXT_KEYS.contains(&key.as_str()) => Value::from(number),
            _ => Value::from(text),
        };
        let target = if WHEN_KEYS.contains(&key.as_str()) { &mut when } else { &mut fault };
        target.insert(key, value);
    }
    serde_json::from_value(json!({"match": matching, "when": when, "fault": fault}))
        .map_err(|error| SpecError::Invalid { spec: spec.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::super::{Fault, Match, When};
    use super::*;

    #[test]
    fn a_line_and_its_json_are_the_same_rule() {
        let line = parse_spec("adcp/AttachClusterToHub=throttle,retry-after-ms=500,nth=2,count=3").unwrap();
        let json = json!({"match": {"api": "adcp", "action": "AttachClusterToHub"}, "when": {"nth": 2, "count": 3},
                          "fault": {"kind": "throttle", "retry_after_ms": 500}});
        assert_eq!(line, serde_json::from_value::<RuleSpec>(json).unwrap());
        assert_eq!(
            parse_spec("*=error,status=500,code=InternalError").unwrap(),
            RuleSpec {
                matching: Match::default(),
                when: When::default(),
                fault: Fault::Error { status: 500, code: "InternalError".to_owned(), message: None },
            }
        );
    }

    #[test]
    fn a_wrong_line_says_what_is_wrong() {
        for (spec, expected) in [
            ("adcp", "has no '='"),
            ("adcp=explode", "unknown variant `explode`"),
            ("adcp=latency", "missing field `ms`"),
            ("adcp=latency,ms", "is not key=value"),
            ("adcp=latency,ms=soon", "invalid type: string \"soon\""),
            ("adcp=reset,when=now", "unknown field `when`"),
        ] {
            let message = parse_spec(spec).unwrap_err().to_string();
            assert!(message.contains(expected), "{spec}: {message}");
        }
    }
}
