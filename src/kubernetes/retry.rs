//! When to send again, how long to wait before, and how many calls run at once.
//!
//! One policy for every call to the API server. Reads are sent again after throttling, server failures and broken
//! connections; writes only when the server surely did not act on them (throttled, or never sent). All randomness
//! comes from a [`Jitter`], all waiting from tokio's clock, so tests decide both.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

use super::{Cancel, Cancelled, error::Error};

/// Source of fractions in `0.0..1.0`.
pub trait Jitter: Send + Sync {
    /// The next fraction.
    fn fraction(&self) -> f64;
}

/// Jitter from the thread's random generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomJitter;

impl Jitter for RandomJitter {
    fn fraction(&self) -> f64 {
        rand::random::<f64>()
    }
}

/// A random length between two bounds.
pub(crate) fn between(jitter: &dyn Jitter, low: Duration, high: Duration) -> Duration {
    low + high.saturating_sub(low).mul_f64(jitter.fraction().clamp(0.0, 1.0))
}

/// How often and how slowly to try again.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Further attempts after the first.
    pub max_retries: u32,
    /// Upper bound of the first pause; it doubles with each attempt.
    pub first_pause: Duration,
    /// Upper bound of every pause, also of what `Retry-After` may ask for.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_retries: 6, first_pause: Duration::from_millis(250), longest_pause: Duration::from_secs(20) }
    }
}

impl RetryPolicy {
    /// The pause before attempt `attempt + 1`, or `None` when the error is final.
    pub fn pause(&self, error: &Error, attempt: u32, jitter: &dyn Jitter) -> Option<Duration> {
        let safe = error.is_retryable() && !error.is_ambiguous();
        if !safe || attempt >= self.max_retries {
            return None;
        }
        let doubled = self.first_pause.saturating_mul(2_u32.saturating_pow(attempt)).min(self.longest_pause);
        let asked = error.status().retry_after.unwrap_or_default().min(self.longest_pause);
        // Full jitter above half keeps a herd apart; `Retry-After` is a floor.
        Some(asked.max(between(jitter, doubled / 2, doubled)))
    }
}

/// How many calls run at once, and until when a throttled server is left alone.
#[derive(Debug)]
pub(crate) struct RateGate {
    running: Semaphore,
    quiet_until: Mutex<Option<Instant>>,
    spacing: Option<Duration>,
    next_slot: Mutex<Option<Instant>>,
}

impl RateGate {
    pub(crate) fn new(max_concurrent: usize, max_per_second: Option<f64>) -> Arc<Self> {
        let spacing = max_per_second
            .filter(|rate| rate.is_finite() && *rate > 0.0)
            .map(|rate| Duration::from_secs_f64((1.0 / rate).min(60.0)));
        Arc::new(Self {
            running: Semaphore::new(max_concurrent.max(1)),
            quiet_until: Mutex::new(None),
            spacing,
            next_slot: Mutex::new(None),
        })
    }

    /// Waits for a turn.
    pub(crate) async fn enter(&self, cancel: &Cancel) -> Result<Option<SemaphorePermit<'_>>, Cancelled> {
        if let Some(until) = self.turn() {
            cancel.run(tokio::time::sleep_until(until)).await?;
        }
        // The semaphore is never closed, so an error cannot happen; without permit the call would just run.
        cancel.run(self.running.acquire()).await.map(Result::ok)
    }

    fn turn(&self) -> Option<Instant> {
        let now = Instant::now();
        let quiet = *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        let mut start = quiet.filter(|until| *until > now).unwrap_or(now);
        if let Some(spacing) = self.spacing {
            let mut next = self.next_slot.lock().unwrap_or_else(PoisonError::into_inner);
            start = next.map_or(start, |slot| slot.max(start));
            *next = Some(start + spacing);
        }
        (start > now).then_some(start)
    }

    /// Nobody calls for this long: one throttled call speaks for all.
    pub(crate) fn hold(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut quiet = self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        if quiet.is_none_or(|known| known < until) {
            *quiet = Some(until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::{
        error::{Problem, Status, Target, Verb},
        object::{Kind, ObjectRef},
    };

    struct Fixed(f64);

    impl Jitter for Fixed {
        fn fraction(&self) -> f64 {
            self.0
        }
    }

    fn answered(verb: Verb, code: u16, retry_after: Option<u64>) -> Error {
        let target = Target::from(&ObjectRef::cluster(Kind::ALB_CONFIG, "x"));
        let retry_after = retry_after.map(Duration::from_secs);
        Error::answered(verb, &target, Status { code, retry_after, ..Status::default() })
    }

    #[test]
    fn pauses_double_are_bounded_and_honour_retry_after() {
        let policy = RetryPolicy::default();
        let pause = |attempt, after| policy.pause(&answered(Verb::Get, 429, after), attempt, &Fixed(1.0));
        assert_eq!(pause(0, None), Some(Duration::from_millis(250)));
        assert_eq!(pause(2, None), Some(Duration::from_secs(1)));
        assert_eq!(pause(0, Some(3)), Some(Duration::from_secs(3)));
        assert_eq!(pause(0, Some(3600)), Some(policy.longest_pause));
        assert_eq!(pause(policy.max_retries, None), None, "bounded");
    }

    #[test]
    fn writes_are_sent_again_only_when_the_server_did_not_act() {
        let policy = RetryPolicy::default();
        let target = Target::from(&ObjectRef::cluster(Kind::ALB_CONFIG, "x"));
        let again = |error: &Error| policy.pause(error, 0, &Fixed(0.0)).is_some();
        assert!(again(&answered(Verb::Apply, 429, None)));
        assert!(!again(&answered(Verb::Apply, 503, None)), "may have been done: look first");
        assert!(again(&answered(Verb::Get, 503, None)));
        assert!(again(&Error::new(Verb::Apply, &target, Problem::Unreachable, "refused").unsent()));
        assert!(!again(&Error::new(Verb::Apply, &target, Problem::Unreachable, "reset")));
        assert!(!again(&answered(Verb::Get, 403, None)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_call_holds_back_every_other_and_a_stop_ends_the_wait() {
        let gate = RateGate::new(4, None);
        let source = Cancel::new();
        let start = Instant::now();
        gate.hold(Duration::from_secs(5));
        drop(gate.enter(&source.clone()).await.unwrap());
        assert_eq!(start.elapsed(), Duration::from_secs(5));
        gate.hold(Duration::from_secs(50));
        source.cancel();
        assert!(gate.enter(&source.clone()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_limit_spaces_calls() {
        let gate = RateGate::new(4, Some(10.0));
        let start = Instant::now();
        for _ in 0..3 {
            drop(gate.enter(&Cancel::never()).await.unwrap());
        }
        assert_eq!(start.elapsed(), Duration::from_millis(200));
    }
}
