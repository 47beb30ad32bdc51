//! Moments and the clock that yields them.
//!
//! The only place of the cloud simulation that reads the time of day; tests hand in a manual clock. Moments are whole
//! milliseconds since the Unix epoch, which is all the simulated APIs ever show.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A point in time, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(i64);

impl Moment {
    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Reads an RFC 3339 UTC text such as `2024-05-06T07:08:09Z`; nothing else is a moment.
    pub fn parse(text: &str) -> Option<Self> {
        // The APIs document exactly this shape, so an offset or a missing `Z` is refused as they refuse it.
        let shape = text.len() == 20 && text.ends_with('Z') && text.as_bytes().get(10) == Some(&b'T');
        if !shape {
            return None;
        }
        text.parse::<Timestamp>().ok().map(|at| Self(at.as_millisecond()))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This moment moved forward.
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This moment moved by seconds, backwards when negative.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// How long ago `earlier` was; zero when it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The `Date` header's form (RFC 9110).
    pub fn http_date(self) -> String {
        Timestamp::from_millisecond(self.0)
            .and_then(|at| jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at))
            .unwrap_or_default()
    }
}

impl fmt::Display for Moment {
    /// `2024-05-06T07:08:09Z`, the form of the APIs' times.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_second(self.0.div_euclid(1000)) {
            Ok(at) => write!(f, "{at}"),
            Err(_) => f.write_str("1970-01-01T00:00:00Z"),
        }
    }
}

/// Where moments come from.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's time of day.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until [`Clock::advance`] is called.
    pub fn manual(start: Moment) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(start.0))))
    }

    /// The current moment.
    pub fn now(&self) -> Moment {
        match &self.0 {
            Source::System => Moment(Timestamp::now().as_millisecond()),
            Source::Manual(at) => Moment(at.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock forward; the system's clock moves by itself and ignores this.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(at) = &self.0 {
            at.store(self.now().plus(by).0, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_and_print_the_documented_form_only() {
        let text = "2024-05-06T07:08:09Z";
        let at = Moment::parse(text).unwrap();
        assert_eq!(at.to_string(), text);
        assert_eq!(at.http_date(), "Mon, 06 May 2024 07:08:09 GMT");
        for wrong in
            ["", "2024-05-06 07:08:09Z", "2024-05-06T07:08:09+00", "2024-05-06T07:08:09.1Z", "2024-13-06T07:08:09Z"]
        {
            assert_eq!(Moment::parse(wrong), None, "{wrong}");
        }
    }
}
