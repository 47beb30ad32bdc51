//! When to send a call again, and when to wait first. Pure: classes, schedule and token bucket; no clock, no sleep.
//!
//! Codes are compared as a whole against an explicit table (prefixes only where a family is documented as one), never
//! by searching message text; the one exception is cs, which is known to say "QPS Limit Exceeded" in the message only.
//! Facts: Alibaba Cloud public error codes, ECS throttling documentation, official SDK cores.

use std::time::Duration;

use tokio::time::Instant;

use super::request::{Effect, Product};

/// What a failure means for the same call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureClass {
    /// Too many calls; nothing was done. Wait and send again.
    Throttled,
    /// The service, or the way to it, is away; nothing was done. Send again.
    Transient,
    /// Nobody knows whether the call was carried out. Only safe calls are sent again.
    Ambiguous,
    /// The object is busy with something else. The caller polls, this layer does not.
    Busy,
    /// Our date is off by more than the service allows.
    SkewedClock,
    /// The temporary keys are not accepted (any more).
    StaleToken,
    /// Sending the same again gives the same again.
    Fatal,
}

/// Classifies an answer that is not a success. `retry_after` says whether the answer carried `x-acs-retry-after`.
#[must_use]
pub fn classify(product: Product, status: u16, code: &str, message: &str, retry_after: bool) -> FailureClass {
    let starts = |prefix: &str| code.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    if retry_after || starts("Throttling") || code == "Rejected.Throttling" {
        return FailureClass::Throttled;
    }
    if product == Product::Cs && message.starts_with("QPS Limit Exceeded") {
        return FailureClass::Throttled;
    }
    if code == "InvalidSecurityToken" || starts("InvalidSecurityToken.") {
        return FailureClass::StaleToken;
    }
    match code {
        "InvalidTimeStamp.Expired" => FailureClass::SkewedClock,
        "ServiceUnavailable" => FailureClass::Transient,
        // The same nonce arrived before: an earlier delivery of this attempt may have been carried out.
        "SignatureNonceUsed" | "InternalError" | "UnknownError" | "InvalidGressFlow.Malformed" => {
            FailureClass::Ambiguous
        }
        "ErrorClusterState" if product == Product::Cs => FailureClass::Busy,
        "OperationConflict"
        | "SystemBusy"
        | "TaskConflict"
        | "LastTokenProcessing"
        | "OperationFailed.LastTokenProcessing"
        | "OperationFailed.IdempotentTokenProcessing"
            if matches!(product, Product::Vpc | Product::Alb) =>
        {
            FailureClass::Busy
        }
        // A code the table does not know, or none (a proxy's page): the status is all there is.
        _ => match status {
            429 => FailureClass::Throttled,
            503 => FailureClass::Transient,
            500 | 502 | 504 => FailureClass::Ambiguous,
            _ => FailureClass::Fatal,
        },
    }
}

/// How often and how long. The default is the recommended one; tests and the provider's `max_retries` change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts after the first one.
    pub max_retries: u32,
    /// Longest first pause; doubles with each attempt.
    pub base: Duration,
    /// Longest pause of our own.
    pub cap: Duration,
    /// Longest pause the service can ask for.
    pub server_cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 6,
            base: Duration::from_secs(1),
            cap: Duration::from_secs(30),
            server_cap: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// How long to pause before the next attempt, or `None` to give up.
    ///
    /// `attempts` counts those made; `random` is in `0.0..1.0` (full jitter: many clients throttled together must not
    /// come back together).
    #[must_use]
    pub fn next(
        &self,
        class: FailureClass,
        effect: Effect,
        attempts: u32,
        retry_after: Option<Duration>,
        random: f64,
    ) -> Option<Duration> {
        let worth_it = match class {
            FailureClass::Throttled | FailureClass::Transient => true,
            FailureClass::Ambiguous => match effect {
                Effect::Reads | Effect::WritesOnce => true,
                Effect::Writes => false,
            },
            FailureClass::Busy | FailureClass::SkewedClock | FailureClass::StaleToken | FailureClass::Fatal => false,
        };
        if !worth_it || attempts > self.max_retries {
            return None;
        }
        Some(match retry_after {
            Some(asked) => asked.min(self.server_cap),
            None => self.backoff(attempts, random),
        })
    }

    fn backoff(&self, attempts: u32, random: f64) -> Duration {
        let doublings = attempts.saturating_sub(1).min(16);
        let longest = self.base.saturating_mul(1 << doublings).min(self.cap);
        longest.mul_f64(random.clamp(0.0, 1.0))
    }
}

/// How fast one operation may be called. No operation's own limit is published; between 1 and 10 per second is usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// Calls per second, in the long run.
    pub per_second: f64,
    /// Calls at once after a quiet time.
    pub burst: u32,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { per_second: 5.0, burst: 10 }
    }
}

/// Token bucket of one operation. Reserving always succeeds and says when to send.
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    limit: RateLimit,
    tokens: f64,
    updated: Instant,
}

impl TokenBucket {
    /// A full bucket.
    #[must_use]
    pub fn new(limit: RateLimit, now: Instant) -> Self {
        Self { limit, tokens: f64::from(limit.burst), updated: now }
    }

    /// Takes one token and returns when the call may be sent.
    pub fn reserve(&mut self, now: Instant) -> Instant {
        self.refill(now);
        self.tokens -= 1.0;
        if self.tokens >= 0.0 { now } else { self.updated.max(now) + self.time_for(-self.tokens) }
    }

    /// The service said "too many": nothing is sent before `until`, by nobody.
    pub fn hold_until(&mut self, until: Instant, now: Instant) {
        self.refill(now);
        if until > self.updated {
            self.tokens = self.tokens.min(0.0);
            self.updated = until;
        }
    }

    fn refill(&mut self, now: Instant) {
        if let Some(passed) = now.checked_duration_since(self.updated) {
            let full = f64::from(self.limit.burst);
            self.tokens = (self.tokens + passed.as_secs_f64() * self.limit.per_second).min(full);
            self.updated = now;
        }
    }

    fn time_for(&self, tokens: f64) -> Duration {
        if self.limit.per_second > 0.0 {
            Duration::try_from_secs_f64(tokens / self.limit.per_second).unwrap_or(Duration::MAX / 4)
        } else {
            Duration::ZERO
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_are_classified_by_the_table() {
        use FailureClass::{Ambiguous, Busy, Fatal, SkewedClock, StaleToken, Throttled, Transient};
        let cases = [
            (Product::Adcp, 400, "Throttling", Throttled),
            (Product::Adcp, 400, "Throttling.User", Throttled),
            (Product::Adcp, 503, "throttling.api", Throttled),
            (Product::Adcp, 400, "Rejected.Throttling", Throttled),
            (Product::Adcp, 429, "", Throttled),
            (Product::Adcp, 400, "NotThrottling", Fatal),
            (Product::Adcp, 503, "ServiceUnavailable", Transient),
            (Product::Adcp, 400, "ServiceUnavailable", Transient),
            (Product::Adcp, 503, "", Transient),
            (Product::Adcp, 500, "InternalError", Ambiguous),
            (Product::Adcp, 400, "UnknownError", Ambiguous),
            (Product::Adcp, 502, "", Ambiguous),
            (Product::Adcp, 504, "Whatever", Ambiguous),
            (Product::Adcp, 400, "SignatureNonceUsed", Ambiguous),
            (Product::Adcp, 400, "InvalidTimeStamp.Expired", SkewedClock),
            (Product::Adcp, 403, "InvalidSecurityToken.Expired", StaleToken),
            (Product::Adcp, 400, "InvalidSecurityToken.MismatchWithAccessKey", StaleToken),
            (Product::Adcp, 404, "Cluster.NotFound", Fatal),
            (Product::Adcp, 403, "Forbidden.RAM", Fatal),
            (Product::Adcp, 400, "ErrorClusterState", Fatal),
            (Product::Cs, 400, "ErrorClusterState", Busy),
            (Product::Vpc, 400, "TaskConflict", Busy),
            (Product::Adcp, 200, "", Fatal),
        ];
        for (product, status, code, expected) in cases {
            assert_eq!(classify(product, status, code, "", false), expected, "{product} {status} {code:?}");
        }
    }

    #[test]
    fn cs_throttling_is_known_by_its_message_and_only_for_cs() {
        let message = "QPS Limit Exceeded: 10";
        assert_eq!(classify(Product::Cs, 400, "Other", message, false), FailureClass::Throttled);
        assert_eq!(classify(Product::Adcp, 400, "Other", message, false), FailureClass::Fatal);
    }

    #[test]
    fn an_answer_that_says_when_to_come_back_is_throttling_whatever_its_code() {
        assert_eq!(classify(Product::Adcp, 400, "Strange", "", true), FailureClass::Throttled);
    }

    #[test]
    fn a_write_without_token_is_not_sent_again_after_a_lost_answer() {
        let policy = RetryPolicy::default();
        let next = |effect, class| policy.next(class, effect, 1, None, 0.5).is_some();
        assert!(!next(Effect::Writes, FailureClass::Ambiguous));
        assert!(next(Effect::WritesOnce, FailureClass::Ambiguous));
        assert!(next(Effect::Reads, FailureClass::Ambiguous));
        assert!(next(Effect::Writes, FailureClass::Throttled), "nothing was done: safe");
        assert!(next(Effect::Writes, FailureClass::Transient), "nothing was done: safe");
        for class in [FailureClass::Busy, FailureClass::Fatal, FailureClass::StaleToken, FailureClass::SkewedClock] {
            assert!(!next(Effect::Reads, class), "{class:?}");
        }
    }

    #[test]
    fn the_service_may_ask_for_a_minute_at_most() {
        let policy = RetryPolicy::default();
        let asked =
            |seconds| policy.next(FailureClass::Throttled, Effect::Reads, 1, Some(Duration::from_secs(seconds)), 0.0);
        assert_eq!(asked(7), Some(Duration::from_secs(7)));
        assert_eq!(asked(600), Some(Duration::from_secs(60)));
    }

    #[test]
    fn the_longest_pause_doubles_up_to_the_cap() {
        let policy = RetryPolicy { max_retries: 100, ..RetryPolicy::default() };
        let longest: Vec<u64> = (1..=8)
            .map(|attempts| policy.next(FailureClass::Transient, Effect::Reads, attempts, None, 1.0).unwrap().as_secs())
            .collect();
        assert_eq!(longest, [1, 2, 4, 8, 16, 30, 30, 30]);
    }

    #[test]
    fn attempts_are_bounded() {
        let policy = RetryPolicy { max_retries: 2, ..RetryPolicy::default() };
        let next = |attempts| policy.next(FailureClass::Throttled, Effect::Reads, attempts, None, 0.0);
        assert!(next(1).is_some());
        assert!(next(2).is_some());
        assert!(next(3).is_none());
    }

    proptest! {
        #[test]
        fn every_pause_is_within_the_jitter_window(attempts in 1u32..200, random in 0.0..1.0f64) {
            let policy = RetryPolicy { max_retries: u32::MAX, ..RetryPolicy::default() };
            let pause = policy.next(FailureClass::Transient, Effect::Reads, attempts, None, random).unwrap();
            prop_assert!(pause <= policy.cap);
        }

        #[test]
        fn no_second_has_more_than_burst_and_rate_allow(gaps in proptest::collection::vec(0u64..400, 1..200)) {
            let limit = RateLimit { per_second: 5.0, burst: 3 };
            let start = Instant::now();
            let mut bucket = TokenBucket::new(limit, start);
            let mut now = start;
            let mut sent = Vec::new();
            for gap in gaps {
                now += Duration::from_millis(gap);
                sent.push(bucket.reserve(now));
            }
            for (index, first) in sent.iter().enumerate() {
                let within = sent[index..].iter().filter(|at| **at < *first + Duration::from_secs(1)).count();
                prop_assert!(within <= 3 + 5 + 1, "{within} in one second");
            }
        }
    }

    #[test]
    fn after_throttling_nobody_sends_before_the_time_given() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(RateLimit { per_second: 1.0, burst: 5 }, start);
        assert_eq!(bucket.reserve(start), start);
        let until = start + Duration::from_secs(10);
        bucket.hold_until(until, start);
        assert!(bucket.reserve(start) >= until);
        assert!(bucket.reserve(start) > until);
    }
}
