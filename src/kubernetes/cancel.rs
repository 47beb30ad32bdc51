//! A flag that ends waits: the host's stop request, seen by every call made on behalf of one operation.
//!
//! Reads and waits stop at once; a write that is already on the wire is allowed to be answered, because its answer says
//! what exists.

use tokio::sync::watch;

/// The side that raises the flag.
#[derive(Debug)]
pub struct CancelSource(watch::Sender<bool>);

/// The side that looks at the flag; cheap to clone.
#[derive(Clone, Debug)]
pub struct Cancel(watch::Receiver<bool>);

/// The operation was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled;

impl Default for CancelSource {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl CancelSource {
    /// A flag that is down.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises the flag, for good.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }

    /// A receiver of this flag.
    pub fn token(&self) -> Cancel {
        Cancel(self.0.subscribe())
    }
}

impl Cancel {
    /// Wraps a flag that somebody else raises.
    pub fn new(flag: watch::Receiver<bool>) -> Self {
        Self(flag)
    }

    /// A flag that nobody can raise.
    pub fn never() -> Self {
        CancelSource::new().token()
    }

    /// Whether the flag is up.
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves when the flag goes up; never, if its source is gone while it is down.
    pub async fn cancelled(&self) {
        let mut flag = self.0.clone();
        if flag.wait_for(|up| *up).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Runs `work` unless the flag is or goes up.
    ///
    /// # Errors
    /// [`Cancelled`] when the flag is up; `work` is dropped then.
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

    #[tokio::test(start_paused = true)]
    async fn a_raised_flag_ends_a_wait_and_a_lost_source_does_not() {
        let source = CancelSource::new();
        let cancel = source.token();
        assert_eq!(cancel.run(async { 7 }).await, Ok(7));
        source.cancel();
        assert_eq!(cancel.run(std::future::pending::<()>()).await, Err(Cancelled));

        let orphan = Cancel::never();
        let wait = tokio::time::timeout(std::time::Duration::from_secs(60), orphan.cancelled());
        assert!(wait.await.is_err(), "a flag without source must stay down");
    }
}
