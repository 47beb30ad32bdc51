//! Where the server gets its time from.

use std::sync::Arc;

use jiff::Timestamp;

/// A source of the present time; tests pass one that they move.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The machine's clock.
pub fn system() -> Clock {
    Arc::new(Timestamp::now)
}

/// A time as object metadata spells it: RFC 3339, whole seconds, UTC.
pub(crate) fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}
