//! Log lines on stderr: short ones for people, JSON objects for programs.

use std::fmt::{self, Debug};

use ackone_sandbox::world::Clock;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// One short line for each event; empty fields are left out.
pub(crate) struct Text;

/// One JSON object for each event.
pub(crate) struct Json;

/// The fields of an event, in the order given, all as JSON.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), Value::from(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }
}

fn fields(event: &Event<'_>) -> Map<String, Value> {
    let mut fields = Fields::default();
    event.record(&mut fields);
    fields.0
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl<S: Subscriber + for<'a> LookupSpan<'a>, N: for<'a> FormatFields<'a> + 'static> FormatEvent<S, N> for Text {
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut line: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = fields(event);
        let message = fields.remove("message").map(|message| plain(&message)).unwrap_or_default();
        write!(line, "{} {:5} {message}", Clock::system().now(), event.metadata().level())?;
        for (name, value) in &fields {
            let value = plain(value);
            if !value.is_empty() {
                write!(line, " {name}={value}")?;
            }
        }
        line.write_char('\n')
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>, N: for<'a> FormatFields<'a> + 'static> FormatEvent<S, N> for Json {
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut line: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = fields(event);
        fields.insert("time".to_owned(), Value::from(Clock::system().now().to_string()));
        fields.insert("level".to_owned(), Value::from(event.metadata().level().to_string()));
        writeln!(line, "{}", Value::Object(fields))
    }
}
