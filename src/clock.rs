//! The wall clock, as a parameter.
//!
//! Whoever needs the date (signatures, credential expiry) takes a [`Clock`]; [`SystemClock`] is the only code that
//! asks the operating system. Plans must not depend on time, so nothing called from a plan takes a clock. Waits and
//! timeouts are another matter: they use `tokio::time`, which tests can pause.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime},
};

use jiff::{SignedDuration, Timestamp};

/// Tells the current date.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The current instant, as this clock sees it.
    fn now(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of the machine's clock")]
    fn now(&self) -> Timestamp {
        // A machine clock outside jiff's years -9999 to 9999 is clamped: signatures will be refused with a date error,
        // which names the cause.
        Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::MAX)
    }
}

/// Another clock, put right by the dates that a server tells.
#[derive(Debug)]
pub struct CorrectedClock {
    clock: Arc<dyn Clock>,
    /// How far the server is ahead.
    skew_seconds: AtomicI64,
}

impl CorrectedClock {
    /// `clock`, believed until told otherwise.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, skew_seconds: AtomicI64::new(0) }
    }

    /// Takes over the server's date. Gives how many seconds it is ahead now, and was before.
    pub fn correct(&self, server_date: Timestamp) -> (i64, i64) {
        let skew = server_date.duration_since(self.clock.now()).as_secs();
        (skew, self.skew_seconds.swap(skew, Ordering::Relaxed))
    }
}

impl Clock for CorrectedClock {
    fn now(&self) -> Timestamp {
        let now = self.clock.now();
        now.checked_add(SignedDuration::from_secs(self.skew_seconds.load(Ordering::Relaxed))).unwrap_or(now)
    }
}

/// A clock that moves only when told to.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Timestamp>,
}

impl ManualClock {
    /// A clock standing at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { now: Mutex::new(now) }
    }

    /// Moves the clock to `now`, forwards or backwards.
    pub fn set(&self, now: Timestamp) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.checked_add(by).unwrap_or(Timestamp::MAX);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_stands_still_until_told() {
        let start: Timestamp = "2024-05-06T07:08:09Z".parse().unwrap();
        let clock = ManualClock::new(start);
        assert_eq!(clock.now(), start);
        clock.advance(Duration::from_secs(51));
        assert_eq!(clock.now().to_string(), "2024-05-06T07:09:00Z");
        clock.set(start);
        assert_eq!(clock.now(), start);
    }

    #[test]
    fn a_corrected_clock_goes_on_from_the_date_it_was_told() {
        let own = Arc::new(ManualClock::new("2024-05-06T09:00:00Z".parse().unwrap()));
        let clock = CorrectedClock::new(Arc::clone(&own) as Arc<dyn Clock>);
        assert_eq!(clock.now(), own.now());
        let server: Timestamp = "2024-05-06T07:00:00Z".parse().unwrap();
        assert_eq!(clock.correct(server), (-7200, 0));
        assert_eq!(clock.correct(server), (-7200, -7200));
        own.advance(Duration::from_secs(1));
        assert_eq!(clock.now().to_string(), "2024-05-06T07:00:01Z");
    }

    #[test]
    fn the_system_clock_is_of_this_century() {
        let now = SystemClock.now();
        assert!(now > "2025-01-01T00:00:00Z".parse().unwrap(), "{now}");
        assert!(now < "2100-01-01T00:00:00Z".parse().unwrap(), "{now}");
    }
}
