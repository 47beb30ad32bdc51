//! Asking calls and waits to stop.
//!
//! A [`CallContext`] is what every call takes: when to stop, and when to give up.

use tokio::time::Instant;

use crate::cancel::Cancel;

/// What limits one call: an interrupt, and a deadline after which no further attempt is made.
#[derive(Clone, Debug)]
pub struct CallContext {
    /// Ends sleeps at once and calls shortly after.
    pub cancel: Cancel,
    /// No attempt starts, and no answer is awaited, past this instant.
    pub deadline: Option<Instant>,
}

impl Default for CallContext {
    /// Nothing limits it.
    fn default() -> Self {
        Self::new(Cancel::never())
    }
}

impl CallContext {
    /// Stops on `cancel` only.
    #[must_use]
    pub fn new(cancel: Cancel) -> Self {
        Self { cancel, deadline: None }
    }

    /// The same with a deadline, or the earlier one if there already is one.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(self.deadline.map_or(deadline, |earlier| earlier.min(deadline)));
        self
    }
}

/// Why a pause ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// It lasted as long as asked.
    Over,
    /// Somebody asked to stop.
    Cancelled,
    /// It would last past the deadline; it was not begun.
    PastDeadline,
}

impl CallContext {
    /// Returns at the deadline; never if there is none.
    pub(super) async fn overdue(&self) {
        match self.deadline {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    }

    /// Sleeps until `until`, unless that is past the deadline or somebody asks to stop.
    pub(super) async fn pause_until(&self, until: Instant) -> Pause {
        if self.cancel.is_cancelled() {
            return Pause::Cancelled;
        }
        if self.deadline.is_some_and(|deadline| until > deadline) {
            return Pause::PastDeadline;
        }
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Pause::Cancelled,
            () = tokio::time::sleep_until(until) => Pause::Over,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_the_moment_somebody_cancels() {
        let context = CallContext::default();
        let start = Instant::now();
        let other = context.cancel.clone();
        let (ended, ()) = tokio::join!(context.pause_until(start + Duration::from_secs(60)), async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            other.cancel();
        });
        assert_eq!(ended, Pause::Cancelled);
        assert_eq!(start.elapsed(), Duration::from_secs(2));
        assert_eq!(context.pause_until(start).await, Pause::Cancelled, "a cancelled context stays so");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_past_the_deadline_is_not_begun() {
        let start = Instant::now();
        let context = CallContext::default()
            .with_deadline(start + Duration::from_secs(9))
            .with_deadline(start + Duration::from_secs(10));
        assert_eq!(context.pause_until(start + Duration::from_millis(9_001)).await, Pause::PastDeadline);
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(context.pause_until(start + Duration::from_secs(9)).await, Pause::Over);
    }
}
