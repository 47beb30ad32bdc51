//! Reads that share a call and are never stale.
//!
//! A reader joins the round that has not begun yet, never one under way: whatever was written before the reader came is
//! in the answer. The readers of a round queue at a gate; the first one through closes the round and makes the call,
//! the others find its result. A reader that is dropped or interrupted in mid-call leaves the round to the next one.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use tokio::sync::Mutex as AsyncMutex;

use super::{cancel::CallContext, error::CloudError, request::Action};

/// What the readers of a round are answered.
type Answer<T> = Result<Arc<T>, CloudError>;

/// Result of the call of a round, once it has been made.
type Round<T> = OnceLock<Answer<T>>;

/// Where the readers of one thing meet.
#[derive(Debug)]
pub(super) struct SharedRead<T> {
    gate: AsyncMutex<()>,
    open: Mutex<Option<Arc<Round<T>>>>,
}

impl<T> Default for SharedRead<T> {
    fn default() -> Self {
        Self { gate: AsyncMutex::new(()), open: Mutex::new(None) }
    }
}

/// The same for things with a name each.
#[derive(Debug)]
pub(super) struct SharedReads<K, T>(Mutex<BTreeMap<K, Arc<SharedRead<T>>>>);

impl<K, T> Default for SharedReads<K, T> {
    fn default() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }
}

impl<K: Ord + Clone, T: Send + Sync> SharedReads<K, T> {
    /// See [`SharedRead::read`].
    pub(super) async fn read<F>(
        &self,
        key: &K,
        action: Action,
        context: &CallContext,
        call: impl FnOnce() -> F + Send,
    ) -> Answer<T>
    where
        F: Future<Output = Result<T, CloudError>> + Send,
    {
        let shared = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(key.clone()).or_default())
        };
        shared.read(action, context, call).await
    }
}

impl<T: Send + Sync> SharedRead<T> {
    /// What `call` answers, which is called for one of the readers that come together; `action` names it.
    pub(super) async fn read<F>(
        &self,
        action: Action,
        context: &CallContext,
        call: impl FnOnce() -> F + Send,
    ) -> Answer<T>
    where
        F: Future<Output = Result<T, CloudError>> + Send,
    {
        let round = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(open.get_or_insert_with(Arc::default))
        };
        let gate = tokio::select! {
            biased;
            () = context.cancel.cancelled() => return Err(CloudError::Cancelled { action, maybe_sent: false }),
            gate = self.gate.lock() => gate,
            () = context.overdue() => {
                return Err(CloudError::DeadlineExceeded { action, maybe_sent: false, last: None });
            }
        };
        if let Some(result) = round.get() {
            return result.clone();
        }
        // Readers that are ready to run at this moment join before the call begins.
        tokio::task::yield_now().await;
        {
            // From here on newcomers belong to the next round.
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if open.as_ref().is_some_and(|open| Arc::ptr_eq(open, &round)) {
                *open = None;
            }
        }
        let result: Answer<T> = call().await.map(Arc::new);
        let personal = matches!(result, Err(CloudError::Cancelled { .. } | CloudError::DeadlineExceeded { .. }));
        let result = if personal { result } else { round.get_or_init(|| result).clone() };
        drop(gate);
        result
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use futures_util::future::join_all;
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::cloud::{fleet::ManagedCluster, request::Product};

    const ACTION: Action = Action { product: Product::Adcp, name: "DescribeManagedClusters" };

    /// Counts calls; each takes a second and answers with as many members as had been written when it began.
    #[derive(Default)]
    struct World {
        calls: AtomicUsize,
        written: AtomicUsize,
    }

    impl World {
        async fn list(&self) -> Result<Vec<ManagedCluster>, CloudError> {
            self.calls.fetch_add(1, Ordering::SeqCst);
            let written = self.written.load(Ordering::SeqCst);
            sleep(Duration::from_secs(1)).await;
            let text = r#"{"Cluster":{},"Status":{},"MeshStatus":{}}"#;
            Ok((0..written).map(|_| crate::cloud::fleet::managed_from_json(text)).collect())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_readers_share_a_call() {
        let (world, shared, context) = (World::default(), SharedRead::default(), CallContext::default());
        let start = Instant::now();
        let all = join_all((0..50).map(|_| shared.read(ACTION, &context, || world.list()))).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(world.calls.load(Ordering::SeqCst), 1);
        assert_eq!(start.elapsed(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_never_gets_a_call_that_began_before_it() {
        let (world, shared, context) = (World::default(), SharedRead::default(), CallContext::default());
        let late = async |after: u64| {
            sleep(Duration::from_millis(after)).await;
            world.written.fetch_add(1, Ordering::SeqCst);
            let expected = world.written.load(Ordering::SeqCst);
            let seen = shared.read(ACTION, &context, || world.list()).await.unwrap().len();
            assert!(seen >= expected, "wrote {expected}, saw {seen}");
        };
        let (first, ..) =
            tokio::join!(shared.read(ACTION, &context, || world.list()), late(100), late(200), late(900), late(1500));
        assert_eq!(first.unwrap().len(), 0);
        assert_eq!(world.calls.load(Ordering::SeqCst), 3, "three readers of the first second share the second call");
    }

    #[tokio::test(start_paused = true)]
    async fn an_interrupted_reader_leaves_the_round_to_the_next() {
        let (world, shared) = (World::default(), SharedRead::default());
        let patient = CallContext::default();
        let leader = async {
            let gone =
                tokio::time::timeout(Duration::from_millis(300), shared.read(ACTION, &patient, || world.list())).await;
            assert!(gone.is_err(), "dropped in mid-call");
        };
        let ((), follower) = tokio::join!(leader, shared.read(ACTION, &patient, || world.list()));
        assert!(follower.is_ok());
        assert_eq!(world.calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_leader_does_not_cancel_its_followers() {
        let shared = SharedRead::default();
        let context = CallContext::default();
        let cancelled = || async { Err(CloudError::Cancelled { action: ACTION, maybe_sent: true }) };
        let world = World::default();
        let (leader, follower) =
            tokio::join!(shared.read(ACTION, &context, cancelled), shared.read(ACTION, &context, || world.list()));
        assert!(leader.unwrap_err().is_cancelled());
        assert!(follower.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_interrupt_ends_a_reader_that_waits_for_its_turn() {
        let (world, shared, patient) = (World::default(), SharedRead::default(), CallContext::default());
        let hurried = CallContext::default();
        let start = Instant::now();
        let ((), _, stopped) = tokio::join!(
            async {
                sleep(Duration::from_millis(100)).await;
                hurried.cancel.cancel();
            },
            shared.read(ACTION, &patient, || world.list()),
            async {
                let stopped = shared.read(ACTION, &hurried, || world.list()).await;
                (stopped, start.elapsed())
            },
        );
        assert!(stopped.0.unwrap_err().is_cancelled());
        assert_eq!(stopped.1, Duration::from_millis(100));
    }
}
