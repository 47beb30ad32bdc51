//! One call to the API server: sent, limited, logged, sent again where that is safe.
//!
//! Below it is `kube::Client`; above it everything speaks in calls and answers. Bodies of Secrets are never logged.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt;
use jiff::Timestamp;
use kube::client::Body;
use tokio::time::{Duration, Instant};

use super::{
    Cancel,
    access::{FleetAccess, Live, describe},
    error::{Error, Problem, Status, Target, Verb},
    retry::{Jitter, RateGate, RetryPolicy},
};

/// Larger answers are refused; a page of the largest objects stays far below.
const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;

/// Limit of building the client: a kubeconfig from the cloud with its retries, or an exec plugin.
const BUILD_LIMIT: Duration = Duration::from_mins(5);

/// A request in our words.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) verb: Verb,
    pub(crate) target: Target,
    pub(crate) method: Method,
    pub(crate) uri: String,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn read(verb: Verb, target: Target, uri: String) -> Self {
        Self { verb, target, method: Method::GET, uri, content_type: None, body: Vec::new() }
    }

    fn kind(&self) -> &'static str {
        self.target.kind.map_or("", |kind| kind.kind)
    }

    fn is_secret(&self) -> bool {
        self.target.kind.is_some_and(|kind| kind.is_secret())
    }
}

/// A successful answer.
pub(crate) struct Answer {
    pub(crate) body: Vec<u8>,
    pub(crate) code: u16,
    /// The server's clock, from the `Date` header.
    pub(crate) server_time: Option<Timestamp>,
}

/// Sends calls.
pub(crate) struct Transport {
    pub(crate) access: Arc<FleetAccess>,
    pub(crate) policy: RetryPolicy,
    pub(crate) gate: Arc<RateGate>,
    pub(crate) jitter: Arc<dyn Jitter>,
    /// Counts beginnings and ends of writes: what was read before the latest one may be old.
    pub(crate) writes: AtomicU64,
}

impl Transport {
    /// Sends a call, again after pauses where the policy allows. A write that is on the wire is not interrupted.
    pub(crate) async fn send(&self, call: &Call, cancel: &Cancel) -> Result<Answer, Error> {
        let mut attempt = 0;
        loop {
            let error = match self.attempt(call, cancel).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(pause) = self.policy.pause(&error, attempt, &*self.jitter) else { return Err(error) };
            tracing::debug!(k8s_verb = call.verb.as_str(), %error, attempt, pause_ms = millis(pause), "will try again");
            if error.is_throttled() {
                self.gate.hold(pause);
            }
            attempt += 1;
            cancel.run(tokio::time::sleep(pause)).await.map_err(|_| interrupted(call))?;
        }
    }

    async fn attempt(&self, call: &Call, cancel: &Cancel) -> Result<Answer, Error> {
        let permit = self.gate.enter(cancel).await.map_err(|_| interrupted(call))?;
        if cancel.is_cancelled() {
            return Err(interrupted(call));
        }
        // Building the client sends nothing of the call: an interrupt ends it for a write too, and its own failure, which
        // may come after retries of its own, is told rather than a lack of time.
        let built = tokio::time::timeout(BUILD_LIMIT, self.live(call, None));
        match cancel.run(built).await.map_err(|_| interrupted(call))? {
            Ok(built) => drop(built?),
            Err(_) => return Err(too_late(call, BUILD_LIMIT).unsent()),
        }
        let work = async {
            let response = self.authorized(call).await?;
            collect(call, response).await
        };
        let limited = tokio::time::timeout(self.access.request_timeout(), work);
        let done = if call.verb.is_write() {
            self.writes.fetch_add(1, Ordering::SeqCst);
            let done = limited.await;
            self.writes.fetch_add(1, Ordering::SeqCst);
            done
        } else {
            cancel.run(limited).await.map_err(|_| interrupted(call))?
        };
        drop(permit);
        done.unwrap_or_else(|_| Err(too_late(call, self.access.request_timeout())))
    }

    /// Opens a stream; its frames come without a limit of time.
    pub(crate) async fn open(&self, call: &Call, cancel: &Cancel) -> Result<Body, Error> {
        let limited = tokio::time::timeout(self.access.request_timeout(), self.authorized(call));
        let response = cancel
            .run(limited)
            .await
            .map_err(|_| interrupted(call))?
            .map_err(|_| Error::new(call.verb, &call.target, Problem::Timeout, "the watch was not answered"))??;
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        match collect(call, response).await {
            Ok(_) => Err(Error::new(call.verb, &call.target, Problem::Malformed, "not a watch stream")),
            Err(error) => Err(error),
        }
    }

    /// One exchange, and a second one with a new client after a 401.
    async fn authorized(&self, call: &Call) -> Result<Response<Body>, Error> {
        let live = self.live(call, None).await?;
        let Some(live) = live else { return Err(interrupted(call)) };
        let response = exchange(call, &live).await?;
        if response.status() != http::StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        match self.live(call, Some(live.number)).await? {
            Some(renewed) => exchange(call, &renewed).await,
            None => Ok(response),
        }
    }

    async fn live(&self, call: &Call, refused: Option<u64>) -> Result<Option<Live>, Error> {
        self.access.client(refused).await.map_err(|error| error.on_behalf_of(&call.target))
    }
}

fn too_late(call: &Call, limit: Duration) -> Error {
    Error::new(call.verb, &call.target, Problem::Timeout, format!("no answer within {} s", limit.as_secs_f64()))
}

fn interrupted(call: &Call) -> Error {
    Error::new(call.verb, &call.target, Problem::Cancelled, "interrupted").unsent()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

async fn exchange(call: &Call, live: &Live) -> Result<Response<Body>, Error> {
    let mut request =
        Request::builder().method(call.method.clone()).uri(&call.uri).header(http::header::ACCEPT, "application/json");
    if let Some(content_type) = call.content_type {
        request = request.header(http::header::CONTENT_TYPE, content_type);
    }
    let request = request.body(Body::from(call.body.clone())).map_err(|error| {
        Error::new(call.verb, &call.target, Problem::BadRequest, format!("not a request: {error}")).unsent()
    })?;
    if !call.body.is_empty() && !call.is_secret() {
        tracing::trace!(k8s_kind = call.kind(), body = %String::from_utf8_lossy(&call.body), "request body");
    }
    let started = Instant::now();
    let outcome = live.client.send(request).await;
    let outcome = outcome.map_err(|error| unanswered(call, &live.server, &error));
    match &outcome {
        Ok(response) => tracing::debug!(
            k8s_kind = call.kind(),
            k8s_name = call.target.name.as_deref().unwrap_or(""),
            k8s_namespace = call.target.namespace.as_deref().unwrap_or(""),
            k8s_verb = call.verb.as_str(),
            status = response.status().as_u16(),
            duration_ms = millis(started.elapsed()),
            "called the Fleet's API"
        ),
        Err(error) => tracing::debug!(
            k8s_kind = call.kind(),
            k8s_name = call.target.name.as_deref().unwrap_or(""),
            k8s_verb = call.verb.as_str(),
            duration_ms = millis(started.elapsed()),
            %error,
            "no answer from the Fleet's API"
        ),
    }
    outcome
}

async fn collect(call: &Call, response: Response<Body>) -> Result<Answer, Error> {
    let code = response.status().as_u16();
    let success = response.status().is_success();
    let server_time = date(response.headers());
    let retry_after = retry_after(response.headers());
    let body = http_body_util::Limited::new(response.into_body(), MAX_BODY_BYTES)
        .collect()
        .await
        .map_err(|error| {
            let innermost = causes(&*error).last().map(ToString::to_string).unwrap_or_default();
            let note = format!("the answer broke off: {innermost}");
            Error::new(call.verb, &call.target, Problem::Unreachable, note)
        })?
        .to_bytes();
    if !call.is_secret() {
        tracing::trace!(k8s_kind = call.kind(), body = %String::from_utf8_lossy(&body), "answer body");
    }
    if success {
        return Ok(Answer { body: body.into(), code, server_time });
    }
    Err(Error::answered(call.verb, &call.target, Status::parse(code, &body, retry_after)))
}

/// `Date`, in the form of RFC 9110.
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(http::header::DATE)?.to_str().ok()?;
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// `Retry-After` in seconds; the API server never sends the date form.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// An error and its causes, also those that an I/O error wraps without calling them its source.
fn causes<'a>(error: &'a (dyn std::error::Error + 'static)) -> Vec<&'a (dyn std::error::Error + 'static)> {
    let mut found = vec![error];
    let mut current = error;
    loop {
        let wrapped = current.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let wrapped = wrapped.map(|inner| -> &'a (dyn std::error::Error + 'static) { inner });
        let Some(next) = wrapped.or_else(|| current.source()) else { return found };
        found.push(next);
        current = next;
    }
}

/// What an exchange without answer was: TLS, no connection, or a connection that broke.
fn unanswered(call: &Call, server: &str, error: &kube::Error) -> Error {
    let causes = causes(error);
    if causes.iter().any(|cause| cause.is::<kube::client::AuthError>()) {
        return Error::new(call.verb, &call.target, Problem::Access, describe(error)).unsent();
    }
    // The innermost text says it best; the layers above repeat it.
    let mut note = causes.last().map(ToString::to_string).unwrap_or_default();
    if !server.is_empty() {
        note = format!("{note} ({server})");
    }
    if causes.iter().any(|cause| cause.is::<rustls::Error>()) {
        return Error::new(call.verb, &call.target, Problem::Tls, note);
    }
    let kind = causes.iter().find_map(|cause| cause.downcast_ref().map(std::io::Error::kind));
    match kind {
        Some(
            std::io::ErrorKind::ConnectionRefused
            | std::io::ErrorKind::HostUnreachable
            | std::io::ErrorKind::NetworkUnreachable,
        ) => Error::new(call.verb, &call.target, Problem::Unreachable, note).unsent(),
        Some(std::io::ErrorKind::TimedOut) => Error::new(call.verb, &call.target, Problem::Timeout, note),
        _ => Error::new(call.verb, &call.target, Problem::Unreachable, note),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Mutex, PoisonError},
    };

    use serde_json::json;

    use super::*;
    use crate::kubernetes::{
        api::ApplyOptions,
        object::{Kind, ObjectRef},
        testing::{Reply, Script},
    };

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn at_trace_every_call_is_logged_and_no_secret_is() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        // With a single dispatcher tracing asks only the thread that reaches a log line first, and other tests' threads
        // have none; a second dispatcher makes it ask all.
        let second = tracing::Dispatch::new(tracing_subscriber::registry());
        let guard = tracing::subscriber::set_default(subscriber);
        let data = json!({"metadata": {"name": "tls", "namespace": "n"}, "data": {"tls.key": "Q0FOQVJZ"}});
        let refused = json!({"kind": "Status", "reason": "Invalid", "code": 422,
            "message": "data[tls.key]: Invalid value: \"Q0FOQVJZ\": no"});
        let plain = json!({"metadata": {"name": "gate"}, "spec": {"seen": "PLAIN"}});
        let script = Script::new([
            Reply::Json(200, data.clone()),
            Reply::Json(200, data.clone()),
            Reply::Json(422, refused),
            Reply::Json(200, plain),
        ]);
        let api = script.api();
        let secret = ObjectRef::namespaced(Kind::SECRET, "n", "tls");
        api.get(&secret).await.unwrap();
        let intent = json!({"data": {"tls.key": "Q0FOQVJZ"}});
        api.apply(&secret, &intent, ApplyOptions::default()).await.unwrap();
        let error = api.apply(&secret, &intent, ApplyOptions::default()).await.unwrap_err();
        tracing::error!(%error, ?error, "refused");
        api.get(&ObjectRef::cluster(Kind::ALB_CONFIG, "gate")).await.unwrap();
        drop((guard, second));
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("Q0FOQVJZ"), "{text}");
        assert!(text.contains("PLAIN"), "bodies of other kinds are shown at TRACE: {text}");
        for fact in ["k8s_kind=\"Secret\"", "k8s_name=\"tls\"", "k8s_verb=\"apply\"", "status=200", "duration_ms="] {
            assert!(text.contains(fact), "{fact} in {text}");
        }
    }
}
