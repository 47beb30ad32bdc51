//! Turns `tracing` events into the lines a host reads from stderr, and into nothing when the user asked for no log.
//!
//! Installed by `plugin::serve`. One line is one JSON object in hclog's form (go-plugin `log_entry.go`). The keys with an
//! `@` must be strings: a number there makes Terraform itself crash. A timestamp without exactly six fractional digits
//! demotes the line to raw text. A line of 64 KiB or more is cut by the host's reader, so no line gets that long.
//!
//! Only events of this project's own crates are written. Libraries below us trace headers and bodies, and what they
//! print cannot be promised to be free of secrets.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Registry};

use crate::clock::Clock;

/// Longest line with its line break, in bytes. The host's buffer holds 64 KiB (go-plugin `client.go`).
const MAX_LINE_BYTES: usize = 60 * 1024;

/// Longest strings in a line, tried one after the other until the line fits.
const MAX_STRING_BYTES: [usize; 3] = [16 * 1024, 1024, 128];

/// What stands at the end of a string that was cut.
const CUT: &str = "… (cut)";

/// First parts of the module paths whose events are written: the library and its binary.
const OWN_CRATES: [&str; 2] = ["ackone", "terraform_provider_ackone"];

/// The variables that choose the log level, as they stand in the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogVariables {
    /// `TF_LOG_PROVIDER_ACKONE`: this provider alone (a convention of the Go SDK).
    pub provider_ackone: Option<String>,
    /// `TF_LOG_PROVIDER`: all providers.
    pub provider: Option<String>,
    /// `TF_LOG`: everything Terraform starts.
    pub core: Option<String>,
}

impl LogVariables {
    /// The level of the most specific variable that is set. None set: nothing is written.
    pub(crate) fn level(&self) -> LevelFilter {
        let variables = [&self.provider_ackone, &self.provider, &self.core];
        variables.into_iter().flatten().find(|name| !name.is_empty()).map_or(LevelFilter::OFF, |name| level(name))
    }
}

/// Reads a level's name. Terraform takes a name it does not know for the most talkative level (`internal/logging`).
fn level(name: &str) -> LevelFilter {
    match name.to_ascii_uppercase().as_str() {
        "OFF" => LevelFilter::OFF,
        "ERROR" => LevelFilter::ERROR,
        "WARN" => LevelFilter::WARN,
        "INFO" => LevelFilter::INFO,
        "DEBUG" => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE, // TRACE, JSON
    }
}

/// Sends every event of this process to stderr, from the level the variables name. Does nothing when they name none,
/// or when the process has a subscriber already.
pub(crate) fn install(variables: &LogVariables, clock: Arc<dyn Clock>) {
    let level = variables.level();
    if level == LevelFilter::OFF {
        return;
    }
    let layer = HostLayer::new(level, clock, io::stderr());
    if tracing::subscriber::set_global_default(Registry::default().with(layer)).is_err() {
        tracing::debug!("events already have a subscriber");
    }
}

/// One error line on stderr, whatever the level: the process ends, and this is all that is left of it.
pub(crate) fn report_failure(clock: &dyn Clock, error: &dyn std::error::Error) {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    let line = line(clock.now(), Level::ERROR, "ackone.plugin", &message, &Fields::default());
    write_whole(&mut io::stderr(), &line);
}

/// A writer that fails has no reader: there is nobody left to tell.
fn write_whole(writer: &mut impl Write, line: &str) {
    if writer.write_all(line.as_bytes()).is_ok() {
        drop(writer.flush());
    }
}

/// The layer that writes lines.
pub(crate) struct HostLayer<W> {
    level: LevelFilter,
    clock: Arc<dyn Clock>,
    writer: Mutex<W>,
}

impl<W> fmt::Debug for HostLayer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostLayer").field("level", &self.level).finish_non_exhaustive()
    }
}

impl<W> HostLayer<W> {
    pub(crate) fn new(level: LevelFilter, clock: Arc<dyn Clock>, writer: W) -> Self {
        Self { level, clock, writer: Mutex::new(writer) }
    }

    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let crate_name = metadata.target().split("::").next().unwrap_or_default();
        *metadata.level() <= self.level && OWN_CRATES.contains(&crate_name)
    }
}

impl<S, W> Layer<S> for HostLayer<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: Write + 'static,
    Self: Send + Sync,
{
    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        // Spans of any level give their fields to the events inside them.
        if metadata.is_span() { self.wants_span(metadata) } else { self.wants(metadata) }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        None // spans count at every level
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.0.extend(outer.0.iter().map(|(key, value)| (*key, value.clone())));
            }
        }
        event.record(&mut fields);
        let message = fields.0.remove("message").map(text).unwrap_or_default();
        let module = event.metadata().target().replace("::", ".");
        let line = line(self.clock.now(), *event.metadata().level(), &module, &message, &fields);
        // A writer that panicked half-way leaves at worst one damaged line.
        write_whole(&mut *self.writer.lock().unwrap_or_else(PoisonError::into_inner), &line);
    }
}

impl<W> HostLayer<W> {
    fn wants_span(&self, metadata: &Metadata<'_>) -> bool {
        let crate_name = metadata.target().split("::").next().unwrap_or_default();
        OWN_CRATES.contains(&crate_name)
    }
}

/// The fields of a span or an event.
#[derive(Debug, Default)]
struct Fields(BTreeMap<&'static str, Value>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), Value::String(value.to_owned()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name(), Value::Bool(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no infinity.
        let number =
            serde_json::Number::from_f64(value).map_or_else(|| Value::String(value.to_string()), Value::Number);
        self.0.insert(field.name(), number);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.0.insert(field.name(), Value::String(value.to_string()));
    }
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// One line with its line break, shorter than the host's buffer.
fn line(time: Timestamp, level: Level, module: &str, message: &str, fields: &Fields) -> String {
    MAX_STRING_BYTES
        .iter()
        .map(|limit| whole_line(time, level, module, message, fields, *limit))
        .find(|line| line.len() <= MAX_LINE_BYTES)
        .unwrap_or_else(|| whole_line(time, level, module, message, &Fields::default(), 128))
}

fn whole_line(time: Timestamp, level: Level, module: &str, message: &str, fields: &Fields, limit: usize) -> String {
    let mut object: BTreeMap<String, Value> = BTreeMap::new();
    for (key, value) in &fields.0 {
        // The host's own keys are its own, and it crashes on a number there.
        let key = key.trim_start_matches('@');
        let value = match value {
            Value::String(text) => Value::String(cut(text, limit)),
            other => other.clone(),
        };
        object.insert(key.to_owned(), value);
    }
    object.insert("@level".to_owned(), level_name(level).into());
    object.insert("@message".to_owned(), cut(message, limit).into());
    object.insert("@module".to_owned(), cut(module, limit).into());
    object.insert("@timestamp".to_owned(), format!("{time:.6}").into());
    // Strings, numbers and booleans under string keys always have a JSON form.
    let mut line = serde_json::to_string(&object).unwrap_or_default();
    line.push('\n');
    line
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limit);
    format!("{}{CUT}", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use tracing::{debug, error, info, info_span, trace, warn};

    use super::*;
    use crate::log::{Redacted, keys};

    /// Half a second past the hour, so that the six digits show.
    #[derive(Debug)]
    struct FixedClock;

    impl Clock for FixedClock {
        fn now(&self) -> Timestamp {
            "2026-03-01T10:00:00.5Z".parse().unwrap()
        }
    }

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: LevelFilter, events: impl FnOnce()) -> String {
        let sink = Sink::default();
        let layer = HostLayer::new(level, Arc::new(FixedClock), sink.clone());
        tracing::subscriber::with_default(Registry::default().with(layer), events);
        String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn an_event_is_one_hclog_line_with_the_fields_of_its_spans() {
        let text = logged(LevelFilter::TRACE, || {
            let rpc = info_span!("rpc", { keys::RPC } = "ReadResource", { keys::REQUEST_ID } = "r-1", attempt = 0_u64);
            rpc.in_scope(|| debug!(attempt = 2_u64, ok = true, delta = -1_i64, share = 0.5, "load balancer active"));
        });
        assert_eq!(
            text,
            concat!(
                r#"{"@level":"debug","@message":"load balancer active","@module":"ackone.plugin.logging.tests","#,
                r#""@timestamp":"2026-03-01T10:00:00.500000Z","attempt":2,"delta":-1,"ok":true,"share":0.5,"#,
                r#""tf_req_id":"r-1","tf_rpc":"ReadResource"}"#,
                "\n"
            )
        );
    }

    #[test]
    fn fields_recorded_later_show_in_later_events() {
        let text = logged(LevelFilter::INFO, || {
            let span = info_span!("rpc", tf_req_duration_ms = tracing::field::Empty);
            span.record(keys::REQUEST_DURATION_MS, 12_u64);
            span.in_scope(|| info!("done"));
        });
        assert!(text.contains(r#""tf_req_duration_ms":12"#), "{text}");
    }

    #[test]
    fn the_hosts_own_keys_stay_strings() {
        let text = logged(LevelFilter::TRACE, || {
            info!(message = 7_u64);
            info!({ "@level" } = 1_u64, { "@timestamp" } = 2_u64, "text");
        });
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        for line in lines {
            for key in ["@level", "@message", "@module", "@timestamp"] {
                assert!(line[key].is_string(), "{key} in {line}");
            }
        }
    }

    #[test]
    fn each_level_writes_itself_and_what_is_worse() {
        let all = || {
            error!("e");
            warn!("w");
            info!("i");
            debug!("d");
            trace!("t");
        };
        for (level, lines) in [
            (LevelFilter::OFF, 0),
            (LevelFilter::ERROR, 1),
            (LevelFilter::WARN, 2),
            (LevelFilter::INFO, 3),
            (LevelFilter::DEBUG, 4),
            (LevelFilter::TRACE, 5),
        ] {
            assert_eq!(logged(level, all).lines().count(), lines, "{level}");
        }
    }

    #[test]
    fn a_span_gives_its_fields_even_below_the_level_of_the_log() {
        let text = logged(LevelFilter::ERROR, || {
            tracing::debug_span!("rpc", { keys::RPC } = "ReadResource").in_scope(|| error!("refused"));
        });
        assert!(text.contains(r#""tf_rpc":"ReadResource""#), "{text}");
    }

    #[test]
    fn what_libraries_trace_is_not_written() {
        let text = logged(LevelFilter::TRACE, || {
            info!(target: "h2::codec", "header frame");
            info!(target: "ackone_other", "a crate with a similar name");
        });
        assert_eq!(text, "");
    }

    #[test]
    fn a_redacted_value_does_not_show() {
        let text = logged(LevelFilter::TRACE, || {
            let secret = Redacted::new("hunter2");
            info!(%secret, debug = ?secret, "signing with {secret}");
        });
        assert!(text.contains("(redacted)") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn no_line_reaches_64_kib_and_every_line_is_whole_json() {
        // A control character takes six bytes in JSON; the cut must not split a character of three.
        for text in ["\u{1}".repeat(100_000), "€".repeat(100_000), "x".repeat(100_000)] {
            let line = logged(LevelFilter::TRACE, || {
                let outer = info_span!("outer", a = %text, b = %text, c = %text);
                outer.in_scope(|| info!(d = %text, e = %text, "{text}"));
            });
            assert!(line.len() < 64 * 1024, "{}", line.len());
            let object: Value = serde_json::from_str(&line).unwrap();
            assert!(object["@message"].as_str().unwrap().ends_with(CUT));
            assert!(object["e"].as_str().unwrap().ends_with(CUT));
        }
    }

    #[test]
    fn the_most_specific_variable_chooses_the_level() {
        let variables = |ackone: &str, provider: &str, core: &str| {
            let set = |value: &str| (!value.is_empty()).then(|| value.to_owned());
            LogVariables { provider_ackone: set(ackone), provider: set(provider), core: set(core) }
        };
        for (case, variables, expected) in [
            ("nothing set", variables("", "", ""), LevelFilter::OFF),
            ("TF_LOG alone", variables("", "", "WARN"), LevelFilter::WARN),
            ("TF_LOG_PROVIDER wins", variables("", "ERROR", "TRACE"), LevelFilter::ERROR),
            ("TF_LOG_PROVIDER_ACKONE wins", variables("info", "OFF", "TRACE"), LevelFilter::INFO),
            ("OFF is a level", variables("", "OFF", "TRACE"), LevelFilter::OFF),
            ("JSON is trace", variables("", "", "JSON"), LevelFilter::TRACE),
            ("an unknown name is trace", variables("", "", "1"), LevelFilter::TRACE),
        ] {
            assert_eq!(variables.level(), expected, "{case}");
        }
    }
}
