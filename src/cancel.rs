//! The one signal that ends waits: the host's `StopProvider`, or a shutdown.
//!
//! Every wait and every retry pause takes a [`Cancel`] and returns promptly, with what it knows, when it fires.

use tokio::sync::watch;

/// Fires [`Cancel`]s.
#[derive(Debug)]
pub struct Canceller(watch::Sender<bool>);

/// A wait ends when this fires. Clones share one signal; it never un-fires.
#[derive(Clone, Debug)]
pub struct Cancel(watch::Receiver<bool>);

/// A fresh pair.
#[must_use]
pub fn pair() -> (Canceller, Cancel) {
    let (sender, receiver) = watch::channel(false);
    (Canceller(sender), Cancel(receiver))
}

impl Canceller {
    /// Fires. Returns at once.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }

    /// Another receiver.
    #[must_use]
    pub fn receiver(&self) -> Cancel {
        Cancel(self.0.subscribe())
    }
}

impl Cancel {
    /// One that never fires.
    #[must_use]
    pub fn never() -> Self {
        pair().1
    }

    /// The bare flag, for clients that know nothing of this type: true once it has fired.
    #[must_use]
    pub fn flag(&self) -> watch::Receiver<bool> {
        self.0.clone()
    }

    /// Whether it has fired.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Completes when it fires; never, if its [`Canceller`] is gone without firing.
    ///
    /// # Cancellation
    /// Safe to drop at any point.
    pub async fn cancelled(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|fired| *fired).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Runs `future`, or answers `None` as soon as the signal fires.
    pub async fn run<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.cancelled() => None,
            value = future => Some(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fired_signal_ends_every_wait_and_stays_fired() {
        let (canceller, cancel) = pair();
        let waiter = tokio::spawn({
            let cancel = cancel.clone();
            async move { cancel.run(std::future::pending::<()>()).await }
        });
        canceller.cancel();
        assert_eq!(waiter.await.unwrap(), None);
        assert!(cancel.is_cancelled());
        assert_eq!(canceller.receiver().run(async { 1 }).await, None);
        assert_eq!(Cancel::never().run(async { 1 }).await, Some(1));
    }
}
