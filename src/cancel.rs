//! The one signal that ends waits: the host's `StopProvider`, or a shutdown.
//!
//! Every wait and every retry pause takes a [`Cancel`] and returns promptly, with what it knows, when it fires. A write
//! that is already on the wire is allowed to be answered, because its answer says what exists.

use std::sync::Arc;

use tokio::sync::watch;

/// A wait ends when this fires. Clones share one signal; it never un-fires.
#[derive(Clone, Debug)]
pub struct Cancel(Arc<watch::Sender<bool>>);

/// The operation was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled;

impl Default for Cancel {
    fn default() -> Self {
        Self::new()
    }
}

impl Cancel {
    /// A signal that has not fired.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// One that nobody fires.
    #[must_use]
    pub fn never() -> Self {
        Self::new()
    }

    /// Fires. Returns at once; firing twice is the same as firing once.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }

    /// Whether it has fired.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Completes when it fires, at once if it has.
    ///
    /// # Cancellation
    /// Safe to drop at any point.
    pub async fn cancelled(&self) {
        let mut receiver = self.0.subscribe();
        // An error would mean that the sender is gone; we hold it.
        if receiver.wait_for(|fired| *fired).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Runs `work` unless the signal has fired or fires.
    ///
    /// # Errors
    /// [`Cancelled`] as soon as the signal fires; `work` is dropped then.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> Result<T, Cancelled> {
        tokio::select! {
            biased;
            () = self.cancelled() => Err(Cancelled),
            done = work => Ok(done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fired_signal_ends_every_wait_and_stays_fired() {
        let cancel = Cancel::new();
        let waiter = tokio::spawn({
            let cancel = cancel.clone();
            async move { cancel.run(std::future::pending::<()>()).await }
        });
        cancel.cancel();
        assert_eq!(waiter.await.unwrap(), Err(Cancelled));
        assert!(cancel.is_cancelled());
        assert_eq!(cancel.run(async { 1 }).await, Err(Cancelled));
        assert_eq!(Cancel::never().run(async { 1 }).await, Ok(1));
    }
}
