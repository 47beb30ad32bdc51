//! The only reader of time: everything else takes a [`Clock`], so that plans and tests do not depend on the hour.

/// Gives the current time.
pub trait Clock: Send + Sync {
    /// The current instant.
    fn now(&self) -> jiff::Timestamp;
}
