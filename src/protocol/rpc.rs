//! What every call has in common: a span, one finished line, and no way out but an answer.
//!
//! A panic becomes a diagnostic, so that a host never sees a broken stream: after a create that would lose the object.
//! Nothing here logs a value.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tfplugin_proto::tfplugin6::{Diagnostic as ProtoDiagnostic, diagnostic::Severity};
use tracing::{Instrument, Span, error, info, info_span};

use super::to_proto::{self, Report};
use crate::clock::Clock;
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::log::keys;

/// What a call is about.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// The provider as a whole.
    Provider,
    /// A managed resource type.
    Resource(String),
    /// A data source type.
    DataSource(String),
    /// An ephemeral resource type.
    Ephemeral(String),
    /// A function.
    Function(String),
}

impl Subject {
    fn record(&self, span: &Span) {
        match self {
            Self::Provider => {}
            Self::Resource(name) => drop(span.record(keys::RESOURCE_TYPE, name)),
            Self::DataSource(name) => drop(span.record(keys::DATA_SOURCE_TYPE, name)),
            Self::Ephemeral(name) => drop(span.record(keys::EPHEMERAL_RESOURCE_TYPE, name)),
            Self::Function(name) => drop(span.record(keys::FUNCTION_NAME, name)),
        }
    }
}

/// Runs one call to its answer.
pub(super) async fn answer<T: Report>(
    rpc: &'static str,
    subject: Subject,
    clock: &dyn Clock,
    work: impl Future<Output = Result<T, Diagnostics>>,
) -> T {
    let span = info_span!(
        "rpc",
        { keys::RPC } = rpc,
        { keys::REQUEST_ID } = tracing::field::Empty,
        { keys::RESOURCE_TYPE } = tracing::field::Empty,
        { keys::DATA_SOURCE_TYPE } = tracing::field::Empty,
        { keys::EPHEMERAL_RESOURCE_TYPE } = tracing::field::Empty,
        { keys::FUNCTION_NAME } = tracing::field::Empty,
    );
    if !span.is_disabled() {
        span.record(keys::REQUEST_ID, format!("{:032x}", rand::random::<u128>()));
        subject.record(&span);
    }
    let run = async {
        let started = clock.now();
        let outcome = AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| Err(panicked(rpc)));
        let answer = outcome.unwrap_or_else(|diagnostics| T::report(to_proto::diagnostics(&diagnostics)));
        let count =
            |severity: Severity| answer.reported().iter().filter(|message| message.severity == severity as i32).count();
        answer.reported().iter().for_each(log_error);
        info!(
            { keys::REQUEST_DURATION_MS } = u64::try_from(started.duration_until(clock.now()).as_millis()).unwrap_or(0),
            { keys::DIAGNOSTIC_ERROR_COUNT } = count(Severity::Error),
            { keys::DIAGNOSTIC_WARNING_COUNT } = count(Severity::Warning),
            "call finished"
        );
        answer
    };
    run.instrument(span).await
}

/// The summary only: a detail may quote values.
fn log_error(message: &ProtoDiagnostic) {
    if message.severity == Severity::Error as i32 {
        error!({ keys::DIAGNOSTIC_SUMMARY } = message.summary.as_str(), "the call answers an error");
    }
}

/// The panic's own text has gone to the log by the process's panic hook.
fn panicked(rpc: &str) -> Diagnostics {
    error!("panic: {rpc} stopped at a programming error");
    Diagnostic::error(
        "Provider Panic",
        format!(
            "{rpc} stopped at a programming error; the provider's log holds the details.\nThis is a bug in the provider; \
             please report it."
        ),
    )
    .into()
}
