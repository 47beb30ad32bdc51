//! A line of a plugin's stderr, read by the rules of hclog's reader in go-plugin.

use std::collections::BTreeMap;

use serde_json::Value;

/// The host's buffer: a longer line is cut.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// One event that a host can show with its level and its fields.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// `@level`.
    pub level: String,
    /// `@message`.
    pub message: String,
    /// `@module`.
    pub module: String,
    /// `@timestamp`.
    pub timestamp: String,
    /// Everything else.
    pub fields: BTreeMap<String, Value>,
}

impl LogLine {
    /// Reads a line without its line break.
    ///
    /// # Errors
    ///
    /// A host would not take the line for an event; the text says why.
    pub fn parse(line: &str) -> Result<Self, String> {
        if line.len() >= MAX_LINE_BYTES {
            return Err(format!("it has {} bytes", line.len()));
        }
        let mut fields: BTreeMap<String, Value> = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let mut text = |key: &str| match fields.remove(key) {
            Some(Value::String(text)) => Ok(text),
            other => Err(format!("{key} is {other:?}, not a string")),
        };
        let parsed = (text("@level")?, text("@message")?, text("@module")?, text("@timestamp")?);
        let (level, message, module, timestamp) = parsed;
        if !["trace", "debug", "info", "warn", "error"].contains(&level.as_str()) {
            return Err(format!("@level {level:?} is unknown"));
        }
        if !is_go_timestamp(&timestamp) {
            return Err(format!("@timestamp {timestamp:?} is not 2006-01-02T15:04:05.000000Z07:00"));
        }
        Ok(Self { level, message, module, timestamp, fields })
    }
}

/// Whether a text has Go's layout `2006-01-02T15:04:05.000000Z07:00`: exactly six fractional digits, then `Z` or an
/// offset.
fn is_go_timestamp(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let Some(zone) = shape.strip_prefix("0000-00-00T00:00:00.000000") else { return false };
    matches!(zone, "Z" | "+00:00" | "-00:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(timestamp: &str, message: &str) -> String {
        format!(r#"{{"@level":"info","@message":{message},"@module":"m","@timestamp":"{timestamp}","n":1}}"#)
    }

    #[test]
    fn an_event_keeps_its_fields() {
        let event = LogLine::parse(&line("2026-03-01T10:00:00.500000Z", "\"text\"")).unwrap();
        assert_eq!((event.message.as_str(), &event.fields["n"]), ("text", &Value::from(1)));
    }

    #[test]
    fn what_a_host_would_demote_or_crash_on_is_refused() {
        for (case, line) in [
            ("three digits", line("2026-03-01T10:00:00.500Z", "\"text\"")),
            ("nine digits", line("2026-03-01T10:00:00.500000000Z", "\"text\"")),
            ("no zone", line("2026-03-01T10:00:00.500000", "\"text\"")),
            ("a number as message", line("2026-03-01T10:00:00.500000Z", "7")),
            ("no JSON", "panic: lost".to_owned()),
            ("too long", line("2026-03-01T10:00:00.500000Z", &format!("\"{}\"", "x".repeat(65_536)))),
        ] {
            assert!(LogLine::parse(&line).is_err(), "{case}");
        }
    }
}
