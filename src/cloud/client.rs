//! One call, from typed request to typed answer: sign, send, judge, and send again where that is safe.
//!
//! This is the only place with a retry loop. Every attempt has its own date, nonce and signature; refused temporary
//! keys are renewed and a wrong clock is corrected, each once per call.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rand::Rng;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::{
    answer,
    cancel::{CallContext, Pause},
    credential::{CredentialChain, CredentialStore, Credentials, Renewed},
    endpoint::{Endpoint, EndpointResolver},
    error::CloudError,
    id::RequestId,
    lookups::Lookups,
    membership::{Fleets, MembershipPolicy},
    request::{Action, ApiRequest, Effect},
    retry::{FailureClass, RateLimit, RetryPolicy, TokenBucket},
    sign::{Attempt, sign, unsigned},
    transport::{RawAnswer, SendFailure, Transport, TransportConfig},
};
use crate::clock::{Clock, CorrectedClock, SystemClock};

/// How long the answer to a write already sent is awaited after an interrupt. An interrupt must end within a second.
const GRACE_FOR_WRITES: Duration = Duration::from_millis(700);

/// Source of nonces and jitter. Both must be unpredictable in use and fixed in tests.
pub trait Randomness: fmt::Debug + Send + Sync {
    /// A number in `0.0..1.0`.
    fn fraction(&self) -> f64;
    /// 16 bytes that never come again.
    fn nonce(&self) -> [u8; 16];
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn fraction(&self) -> f64 {
        rand::rng().random()
    }

    fn nonce(&self) -> [u8; 16] {
        rand::rng().random()
    }
}

/// Everything a client is made of. `new` fills in the recommended values; change what differs.
#[derive(Debug)]
pub struct CloudConfig {
    /// Where the keys come from.
    pub credentials: CredentialChain,
    /// Region, network and explicit endpoints.
    pub endpoints: EndpointResolver,
    /// Timeouts, proxies, certificates, user agent.
    pub transport: TransportConfig,
    /// When to send again.
    pub retry: RetryPolicy,
    /// How fast each operation is called.
    pub rate: RateLimit,
    /// How members are attached and watched.
    pub membership: MembershipPolicy,
    /// The date.
    pub clock: Arc<dyn Clock>,
    /// Nonces and jitter.
    pub randomness: Arc<dyn Randomness>,
}

impl CloudConfig {
    /// The recommended configuration with these credentials and endpoints.
    #[must_use]
    pub fn new(credentials: CredentialChain, endpoints: EndpointResolver) -> Self {
        Self {
            credentials,
            endpoints,
            transport: TransportConfig::default(),
            retry: RetryPolicy::default(),
            rate: RateLimit::default(),
            membership: MembershipPolicy::default(),
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness),
        }
    }
}

/// The Alibaba Cloud OpenAPI. Clones share connections, keys, rate limits and joined calls.
#[derive(Clone, Debug)]
pub struct CloudClient(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    credentials: CredentialStore,
    endpoints: EndpointResolver,
    transport: Transport,
    retry: RetryPolicy,
    rate: RateLimit,
    /// For signatures and for the end of keys: one of them wrong would be enough.
    clock: Arc<CorrectedClock>,
    randomness: Arc<dyn Randomness>,
    buckets: Mutex<BTreeMap<Action, TokenBucket>>,
    fleets: Fleets,
    lookups: Lookups,
}

/// A success, with the request id wherever the product put it.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    /// The body.
    pub body: T,
    /// For logs and support.
    pub request_id: Option<RequestId>,
}

/// One attempt's failure, and how long the service asked to wait.
struct Failed {
    error: CloudError,
    retry_after: Option<Duration>,
    server_date: Option<jiff::Timestamp>,
}

impl CloudClient {
    /// A client. No I/O: keys, roots and connections are fetched by the first call that needs them.
    #[must_use]
    pub fn new(config: CloudConfig) -> Self {
        let clock = Arc::new(CorrectedClock::new(config.clock));
        Self(Arc::new(Inner {
            credentials: CredentialStore::new(
                config.credentials,
                Arc::clone(&clock) as Arc<dyn Clock>,
                Arc::clone(&config.randomness),
            ),
            endpoints: config.endpoints,
            transport: Transport::new(config.transport),
            retry: config.retry,
            rate: config.rate,
            clock,
            randomness: config.randomness,
            buckets: Mutex::new(BTreeMap::new()),
            fleets: Fleets::new(config.membership),
            lookups: Lookups::default(),
        }))
    }

    /// The region, network and explicit endpoints in use.
    #[must_use]
    pub fn endpoints(&self) -> &EndpointResolver {
        &self.0.endpoints
    }

    /// The credential source in use, once a call has needed one.
    #[must_use]
    pub fn credential_source(&self) -> Option<String> {
        self.0.credentials.source_in_use()
    }

    /// A client token that no other logical operation has: 32 ASCII characters, where 64 are allowed.
    pub(super) fn client_token(&self) -> String {
        hex::encode(self.0.randomness.nonce())
    }

    pub(super) fn lookups(&self) -> &Lookups {
        &self.0.lookups
    }

    pub(super) fn fleets(&self) -> &Fleets {
        &self.0.fleets
    }

    /// Makes a call and reads its answer as `T`.
    ///
    /// # Errors
    ///
    /// [`CloudError`]; `is_ambiguous()` tells whether a write may have been carried out all the same.
    ///
    /// # Cancellation
    ///
    /// Dropping the future is like losing the answer. Cancelling `context` ends pauses at once; the answer to a write
    /// that is already on its way is awaited for a moment.
    pub async fn call<T: DeserializeOwned>(
        &self,
        request: &ApiRequest,
        context: &CallContext,
    ) -> Result<Answer<T>, CloudError> {
        let action = request.action();
        let endpoint = self
            .0
            .endpoints
            .resolve(action.product)
            .map_err(|source| CloudError::Configuration { action, source: source.into() })?;
        let mut attempts = 0;
        let mut renewed = false;
        let mut clock_corrected = false;
        loop {
            attempts += 1;
            self.take_turn(action, context).await?;
            let credentials = match request.proof() {
                Some(proof) => Arc::new(Credentials::anonymous(proof.clone())),
                None => self.keys(action, context).await?,
            };
            let failed = match self.attempt(request, &endpoint, &credentials, context, attempts).await {
                Ok(answer) => return read(action, &answer),
                Err(failed) => failed,
            };
            match failed.error.class() {
                FailureClass::StaleToken if !renewed && request.proof().is_none() => {
                    renewed = true;
                    match self.renewed(&credentials, action, context).await? {
                        Renewed::Changed(_) => continue,
                        Renewed::Same => return Err(failed.error),
                    }
                }
                FailureClass::SkewedClock if !clock_corrected => {
                    clock_corrected = true;
                    if self.correct_clock(action, failed.server_date) {
                        continue;
                    }
                    return Err(failed.error);
                }
                FailureClass::Throttled
                | FailureClass::Transient
                | FailureClass::Ambiguous
                | FailureClass::Busy
                | FailureClass::SkewedClock
                | FailureClass::StaleToken
                | FailureClass::Fatal => {}
            }
            self.pause_before_retry(request, context, attempts, failed).await?;
        }
    }

    /// Keys to sign with. Fetching them may take a while; an interrupt or the deadline ends that too.
    async fn keys(&self, action: Action, context: &CallContext) -> Result<Arc<Credentials>, CloudError> {
        tokio::select! {
            biased;
            found = self.0.credentials.current() => {
                found.map_err(|source| CloudError::Credentials { action, source })
            }
            () = context.cancel.cancelled() => Err(CloudError::Cancelled { action, maybe_sent: false }),
            () = context.overdue() => Err(CloudError::DeadlineExceeded { action, maybe_sent: false, last: None }),
        }
    }

    /// Other keys than the refused ones. An interrupt or the deadline ends this too. If the source fails, that is the
    /// error: it says more than the refusal does.
    async fn renewed(
        &self,
        refused: &Arc<Credentials>,
        action: Action,
        context: &CallContext,
    ) -> Result<Renewed, CloudError> {
        tokio::select! {
            biased;
            renewed = self.0.credentials.renew(refused) => {
                renewed.map_err(|source| CloudError::Credentials { action, source })
            }
            () = context.cancel.cancelled() => Err(CloudError::Cancelled { action, maybe_sent: false }),
            () = context.overdue() => Err(CloudError::DeadlineExceeded { action, maybe_sent: false, last: None }),
        }
    }

    /// Waits for the turn of this operation, as its rate limit gives it.
    async fn take_turn(&self, action: Action, context: &CallContext) -> Result<(), CloudError> {
        let turn = {
            let mut buckets = self.0.buckets.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            buckets.entry(action).or_insert_with(|| TokenBucket::new(self.0.rate, now)).reserve(now)
        };
        match context.pause_until(turn).await {
            Pause::Over => Ok(()),
            Pause::Cancelled => Err(CloudError::Cancelled { action, maybe_sent: false }),
            Pause::PastDeadline => Err(CloudError::DeadlineExceeded { action, maybe_sent: false, last: None }),
        }
    }

    /// Pauses as the policy says, or gives up with the failure.
    async fn pause_before_retry(
        &self,
        request: &ApiRequest,
        context: &CallContext,
        attempts: u32,
        failed: Failed,
    ) -> Result<(), CloudError> {
        let Failed { error, retry_after, .. } = failed;
        let action = request.action();
        let random = self.0.randomness.fraction();
        let class = error.class();
        // An interrupt or a deadline is not a failure of the service: it ends the call.
        if matches!(error, CloudError::Cancelled { .. } | CloudError::DeadlineExceeded { .. }) {
            return Err(error);
        }
        let Some(pause) = self.0.retry.next(class, request.effect_of_resend(), attempts, retry_after, random) else {
            return Err(error);
        };
        let now = Instant::now();
        let until = now + pause;
        if class == FailureClass::Throttled {
            let mut buckets = self.0.buckets.lock().unwrap_or_else(PoisonError::into_inner);
            buckets.entry(action).or_insert_with(|| TokenBucket::new(self.0.rate, now)).hold_until(until, now);
        }
        tracing::debug!(
            cloud_action = %action,
            cloud_code = error.code(),
            cloud_attempt = attempts,
            pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
            "cloud call will be sent again"
        );
        match context.pause_until(until).await {
            Pause::Over => Ok(()),
            Pause::Cancelled => Err(CloudError::Cancelled { action, maybe_sent: error.is_ambiguous() }),
            Pause::PastDeadline => {
                let maybe_sent = error.is_ambiguous();
                Err(CloudError::DeadlineExceeded { action, maybe_sent, last: Some(Box::new(error)) })
            }
        }
    }

    async fn attempt(
        &self,
        request: &ApiRequest,
        endpoint: &Endpoint,
        credentials: &Arc<Credentials>,
        context: &CallContext,
        attempts: u32,
    ) -> Result<RawAnswer, Failed> {
        let action = request.action();
        let nonce = hex::encode(self.0.randomness.nonce());
        let attempt = Attempt { host: endpoint.authority(), credentials, date: self.0.clock.now(), nonce: &nonce };
        let signed = if request.proof().is_some() { unsigned(request, &attempt) } else { sign(request, &attempt) };
        if tracing::enabled!(tracing::Level::TRACE) {
            let parameters = answer::redacted_parameters(request, credentials);
            tracing::trace!(cloud_action = %action, %endpoint, cloud_parameters = parameters, "cloud request");
        }
        let started = Instant::now();
        let sent = self.send(endpoint, signed, request.effect_of_resend(), context).await;
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let error = match sent {
            Ok(Ok(answer)) if (200..300).contains(&answer.status) => {
                let request_id = answer::request_id(&answer);
                let request_id = request_id.as_ref().map(RequestId::as_str);
                tracing::debug!(
                    cloud_action = %action, cloud_status = answer.status, cloud_request_id = request_id,
                    cloud_attempt = attempts, duration_ms, "cloud call succeeded"
                );
                trace_body(request, &answer, credentials);
                return Ok(answer);
            }
            Ok(Ok(answer)) => {
                let failure = answer::failure(action.product, &answer, credentials);
                let request_id = failure.request_id.as_ref().map(RequestId::as_str);
                tracing::debug!(
                    cloud_action = %action, cloud_status = failure.status, cloud_code = failure.code,
                    cloud_request_id = request_id, cloud_attempt = attempts, duration_ms, "cloud call refused"
                );
                trace_body(request, &answer, credentials);
                let error = CloudError::Refused { action, failure: Box::new(failure) };
                let retry_after = answer::retry_after(&answer);
                return Err(Failed { error, retry_after, server_date: answer::date(&answer) });
            }
            Ok(Err(SendFailure::Configuration(source))) => CloudError::Configuration { action, source },
            Ok(Err(SendFailure::NoAnswer { reason, source })) => {
                CloudError::Unanswered { action, endpoint: endpoint.to_string(), reason, source }
            }
            Err(Pause::PastDeadline) => CloudError::DeadlineExceeded { action, maybe_sent: true, last: None },
            Err(Pause::Cancelled | Pause::Over) => CloudError::Cancelled { action, maybe_sent: true },
        };
        tracing::debug!(cloud_action = %action, %error, cloud_attempt = attempts, duration_ms, "cloud call unanswered");
        Err(Failed { error, retry_after: None, server_date: None })
    }

    /// Sends, unless an interrupt or the deadline comes first.
    async fn send(
        &self,
        endpoint: &Endpoint,
        signed: super::sign::SignedRequest,
        effect: Effect,
        context: &CallContext,
    ) -> Result<Result<RawAnswer, SendFailure>, Pause> {
        let grace = match effect {
            Effect::Reads => Duration::ZERO,
            Effect::Writes | Effect::WritesOnce => GRACE_FOR_WRITES,
        };
        let interrupted = async {
            context.cancel.cancelled().await;
            tokio::time::sleep(grace).await;
        };
        tokio::select! {
            biased;
            answer = self.0.transport.send(endpoint, signed) => Ok(answer),
            () = interrupted => Err(Pause::Cancelled),
            () = context.overdue() => Err(Pause::PastDeadline),
        }
    }

    /// Takes over the service's date. False if it is not known or agrees with ours: then the date is not the trouble.
    fn correct_clock(&self, action: Action, server_date: Option<jiff::Timestamp>) -> bool {
        let Some(server_date) = server_date else { return false };
        let (skew, before) = self.0.clock.correct(server_date);
        tracing::warn!(cloud_action = %action, skew_seconds = skew, "the clock of this machine is wrong; corrected");
        skew != before
    }
}

fn trace_body(request: &ApiRequest, answer: &RawAnswer, credentials: &Credentials) {
    if !tracing::enabled!(tracing::Level::TRACE) {
        return;
    }
    let body = if request.has_secret_answer() {
        format!("[{} bytes, secret]", answer.body.len())
    } else {
        answer::redacted_body(&answer.body, credentials)
    };
    tracing::trace!(cloud_action = %request.action(), cloud_status = answer.status, cloud_body = body, "cloud answer");
}

/// Reads a success. The parser's message may quote the answer, so only its position is told.
fn read<T: DeserializeOwned>(action: Action, raw: &RawAnswer) -> Result<Answer<T>, CloudError> {
    let request_id = answer::request_id(raw);
    match serde_json::from_slice(&raw.body) {
        Ok(body) => Ok(Answer { body, request_id }),
        Err(error) => {
            let what = match error.classify() {
                serde_json::error::Category::Eof => "the JSON ends too early",
                serde_json::error::Category::Data => "the JSON has another shape than documented",
                serde_json::error::Category::Syntax | serde_json::error::Category::Io => "it is not JSON",
            };
            let reason = format!("{what} (line {}, column {})", error.line(), error.column());
            Err(CloudError::Unreadable { action, reason, request_id })
        }
    }
}
