//! The keys in use: fetched on first need, renewed ahead of their end, one renewal at a time.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::{CredentialChain, CredentialError, Credentials, LinkFailure};
use crate::{clock::Clock, cloud::client::Randomness};

/// Temporary keys are renewed when less than this is left: longer than any single call with its retries. Keys that live
/// shorter are renewed in the last quarter of their life.
const RENEW_AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// Up to this share of the time ahead is added to it: many processes that got their keys together must not come back
/// together.
const JITTER: f64 = 0.2;

/// After a failed renewal, keys that still work are used this long before the source is asked again.
const RENEW_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// A failure stands this long for everybody: of many callers that wait for keys, one finds out that there are none.
const FAILURE_STANDS: SignedDuration = SignedDuration::from_secs(5);

/// Answer to "the service refused these keys".
#[derive(Clone, Debug)]
pub enum Renewed {
    /// The source has other keys now: try once with these.
    Changed(Arc<Credentials>),
    /// The source still gives the refused keys: another try cannot help.
    Same,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    failed: Option<Failed>,
}

#[derive(Debug)]
struct Held {
    credentials: Arc<Credentials>,
    /// When the source is asked again; never for keys without an end.
    renew_at: Option<Timestamp>,
    /// Whether they had ended when they came. Either the source is wrong or our clock; the service knows.
    doubted: bool,
}

#[derive(Debug)]
struct Failed {
    at: Timestamp,
    error: CredentialError,
}

/// Holds the keys of one provider configuration.
#[derive(Debug)]
pub struct CredentialStore {
    chain: CredentialChain,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    state: Mutex<State>,
}

impl CredentialStore {
    /// A store that asks `chain`. Does nothing until keys are needed.
    #[must_use]
    pub fn new(chain: CredentialChain, clock: Arc<dyn Clock>, randomness: Arc<dyn Randomness>) -> Self {
        Self { chain, clock, randomness, state: Mutex::new(State::default()) }
    }

    /// Keys to sign with now. Callers during a renewal wait for it.
    ///
    /// # Errors
    ///
    /// If no source yields keys and the ones held have ended.
    pub async fn current(&self) -> Result<Arc<Credentials>, CredentialError> {
        let mut state = self.state.lock().await;
        if let Some(held) = state.held.as_mut() {
            let now = self.clock.now();
            let ended = has_ended(&held.credentials, now);
            if held.doubted && !ended {
                // Our clock was wrong and has been corrected.
                *held = self.hold(&held.credentials);
            }
            if held.doubted || (!ended && held.renew_at.is_none_or(|time| now < time)) {
                return Ok(Arc::clone(&held.credentials));
            }
        }
        match self.fetch(&mut state).await {
            Ok(credentials) => {
                state.held = Some(self.hold(&credentials));
                Ok(credentials)
            }
            Err(error) => {
                // Asking may have taken long.
                let now = self.clock.now();
                match state.held.as_mut() {
                    Some(held) if !has_ended(&held.credentials, now) => {
                        tracing::warn!(%error, "credentials could not be renewed; the old ones still work");
                        held.renew_at = now.checked_add(RENEW_AGAIN_AFTER).ok();
                        Ok(Arc::clone(&held.credentials))
                    }
                    Some(_) | None => Err(error),
                }
            }
        }
    }

    /// The service refused `refused`: asks the source again, unless somebody already has.
    ///
    /// # Errors
    ///
    /// If the source yields nothing, or the refused keys once more and they have ended.
    pub async fn renew(&self, refused: &Arc<Credentials>) -> Result<Renewed, CredentialError> {
        let mut state = self.state.lock().await;
        if let Some(held) = state.held.as_ref()
            && held.credentials != *refused
        {
            return Ok(Renewed::Changed(Arc::clone(&held.credentials)));
        }
        let credentials = self.fetch(&mut state).await?;
        if credentials != *refused {
            state.held = Some(self.hold(&credentials));
            return Ok(Renewed::Changed(credentials));
        }
        let now = self.clock.now();
        match credentials.expires_at {
            Some(expired_at) if expired_at <= now => {
                let error = CredentialError::Expired { expired_at, now };
                let link = self.chain.source_in_use().unwrap_or_else(|| "credentials".to_owned());
                Err(CredentialError::Exhausted { failures: vec![LinkFailure { link, error }] })
            }
            Some(_) | None => Ok(Renewed::Same),
        }
    }

    /// The link in use, once one has yielded keys.
    #[must_use]
    pub fn source_in_use(&self) -> Option<String> {
        self.chain.source_in_use()
    }

    fn hold(&self, credentials: &Arc<Credentials>) -> Held {
        let now = self.clock.now();
        let doubted = has_ended(credentials, now);
        if doubted {
            let source = self.chain.source_in_use();
            tracing::warn!(
                cloud_credential_source = source,
                "keys had ended when they came; is this machine's clock right?"
            );
        }
        let renew_at = credentials.expires_at.map(|end| renew_at(end, now, self.randomness.fraction()));
        Held { credentials: Arc::clone(credentials), renew_at, doubted }
    }

    /// Asks the chain, unless it has just failed.
    async fn fetch(&self, state: &mut State) -> Result<Arc<Credentials>, CredentialError> {
        if let Some(failed) = &state.failed {
            let since = self.clock.now().duration_since(failed.at);
            if !since.is_negative() && since < FAILURE_STANDS {
                return Err(failed.error.clone());
            }
        }
        match self.chain.fetch().await {
            Ok(credentials) => {
                state.failed = None;
                Ok(Arc::new(credentials))
            }
            Err(error) => {
                state.failed = Some(Failed { at: self.clock.now(), error: error.clone() });
                Err(error)
            }
        }
    }
}

fn has_ended(credentials: &Credentials, now: Timestamp) -> bool {
    credentials.expires_at.is_some_and(|end| end <= now)
}

/// When keys that end at `end` and are held from `now` on are renewed. `random` is in `0.0..1.0`.
fn renew_at(end: Timestamp, now: Timestamp, random: f64) -> Timestamp {
    let quarter = end.duration_since(now).checked_div(4).unwrap_or(RENEW_AHEAD);
    let ahead = RENEW_AHEAD.min(quarter).as_secs_f64() * (1.0 + JITTER * random.clamp(0.0, 1.0));
    let ahead = SignedDuration::try_from_secs_f64(ahead).unwrap_or(RENEW_AHEAD);
    end.checked_sub(ahead).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        sync::{Mutex as StdMutex, atomic::AtomicUsize, atomic::Ordering},
    };

    use futures_util::future::{BoxFuture, FutureExt};

    use super::*;
    use crate::{
        clock::ManualClock,
        cloud::{
            client::SystemRandomness,
            credential::CredentialSource,
            id::AccessKeyId,
            secret::{AccessKeySecret, SecurityToken},
        },
    };

    /// Answers from a script; counts how often it was asked.
    #[derive(Debug, Default)]
    struct Scripted {
        answers: StdMutex<VecDeque<Result<Credentials, CredentialError>>>,
        asked: AtomicUsize,
        /// How long an answer takes, on which clock.
        slow: StdMutex<Option<(Arc<ManualClock>, Duration)>>,
    }

    impl CredentialSource for Arc<Scripted> {
        fn name(&self) -> String {
            "script".to_owned()
        }

        fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let answer = self.answers.lock().unwrap().pop_front().expect("asked more often than scripted");
            async move {
                tokio::task::yield_now().await;
                if let Some((clock, time)) = self.slow.lock().unwrap().as_ref() {
                    clock.advance(*time);
                }
                answer
            }
            .boxed()
        }
    }

    /// No jitter.
    #[derive(Debug)]
    struct Zero;

    impl Randomness for Zero {
        fn fraction(&self) -> f64 {
            0.0
        }

        fn nonce(&self) -> [u8; 16] {
            SystemRandomness.nonce()
        }
    }

    fn keys(id: &str, expires_at: Option<&str>) -> Credentials {
        Credentials {
            access_key_id: AccessKeyId::new(id),
            access_key_secret: AccessKeySecret::new("s"),
            security_token: Some(SecurityToken::new("t")),
            expires_at: expires_at.map(|time| time.parse().unwrap()),
        }
    }

    fn failure() -> CredentialError {
        CredentialError::Incomplete { reason: "the token server is away".to_owned() }
    }

    fn store(answers: Vec<Result<Credentials, CredentialError>>) -> (CredentialStore, Arc<Scripted>, Arc<ManualClock>) {
        let source = Arc::new(Scripted { answers: StdMutex::new(answers.into()), ..Scripted::default() });
        let clock = Arc::new(ManualClock::new("2024-05-06T07:00:00Z".parse().unwrap()));
        let chain = CredentialChain::new(vec![Arc::new(Arc::clone(&source))]);
        (CredentialStore::new(chain, Arc::clone(&clock) as Arc<dyn Clock>, Arc::new(Zero)), source, clock)
    }

    #[tokio::test]
    async fn keys_are_renewed_five_minutes_ahead_and_not_before() {
        let (store, source, clock) =
            store(vec![Ok(keys("a", Some("2024-05-06T08:00:00Z"))), Ok(keys("b", Some("2024-05-06T09:00:00Z")))]);
        assert_eq!(store.current().await.unwrap().access_key_id.as_str(), "a");
        clock.set("2024-05-06T07:54:59Z".parse().unwrap());
        assert_eq!(store.current().await.unwrap().access_key_id.as_str(), "a");
        assert_eq!(source.asked.load(Ordering::SeqCst), 1);
        clock.advance(Duration::from_secs(1));
        assert_eq!(store.current().await.unwrap().access_key_id.as_str(), "b");
    }

    #[tokio::test]
    async fn keys_of_a_short_life_are_used_for_three_quarters_of_it() {
        let (store, source, clock) =
            store(vec![Ok(keys("a", Some("2024-05-06T07:00:04Z"))), Ok(keys("b", Some("2024-05-06T07:00:08Z")))]);
        store.current().await.unwrap();
        clock.advance(Duration::from_millis(2_999));
        assert_eq!(store.current().await.unwrap().access_key_id.as_str(), "a");
        assert_eq!(source.asked.load(Ordering::SeqCst), 1, "not at each call");
        clock.advance(Duration::from_millis(1));
        assert_eq!(store.current().await.unwrap().access_key_id.as_str(), "b");
    }

    proptest::proptest! {
        #[test]
        fn renewal_is_ahead_of_the_end_and_spread(seconds in 1i64..100_000, random in 0.0..1.0f64) {
            let now: Timestamp = "2024-05-06T07:00:00Z".parse().unwrap();
            let end = now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
            let at = renew_at(end, now, random);
            proptest::prop_assert!(now < at && at < end, "{at}");
            proptest::prop_assert!(at <= renew_at(end, now, 0.0), "jitter only brings it forward");
            let ahead = end.duration_since(at);
            proptest::prop_assert!(ahead <= SignedDuration::from_secs(360), "{ahead:?}");
        }
    }

    #[tokio::test]
    async fn a_failed_renewal_keeps_the_old_keys_while_they_work() {
        let (store, source, clock) =
            store(vec![Ok(keys("a", Some("2024-05-06T08:00:00Z"))), Err(failure()), Err(failure()), Err(failure())]);
        store.current().await.unwrap();
        clock.set("2024-05-06T07:58:00Z".parse().unwrap());
        assert_eq!(store.current().await.unwrap().access_key_id.as_str(), "a");
        assert_eq!(store.current().await.unwrap().access_key_id.as_str(), "a");
        assert_eq!(source.asked.load(Ordering::SeqCst), 2, "a failing source is not hammered");
        clock.advance(Duration::from_secs(30));
        assert_eq!(store.current().await.unwrap().access_key_id.as_str(), "a");
        assert_eq!(source.asked.load(Ordering::SeqCst), 3);
        clock.set("2024-05-06T08:00:00Z".parse().unwrap());
        assert!(store.current().await.is_err(), "ended keys are never used");
    }

    #[tokio::test]
    async fn a_slow_failing_renewal_is_judged_by_the_time_at_its_end() {
        let (store, source, clock) =
            store(vec![Ok(keys("a", Some("2024-05-06T08:00:00Z"))), Err(failure()), Err(failure())]);
        store.current().await.unwrap();
        clock.set("2024-05-06T07:58:00Z".parse().unwrap());
        *source.slow.lock().unwrap() = Some((Arc::clone(&clock), Duration::from_secs(60)));
        assert_eq!(store.current().await.unwrap().access_key_id.as_str(), "a");
        clock.advance(Duration::from_secs(29));
        assert_eq!(store.current().await.unwrap().access_key_id.as_str(), "a");
        assert_eq!(source.asked.load(Ordering::SeqCst), 2, "callers do not wait for one failure after the other");
        clock.advance(Duration::from_secs(1));
        assert!(store.current().await.is_err(), "the keys ended while the source was asked");
        assert_eq!(source.asked.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn one_caller_finds_out_for_all_that_there_are_no_keys() {
        let (store, source, clock) = store(vec![Err(failure()), Ok(keys("a", None)), Err(failure())]);
        *source.slow.lock().unwrap() = Some((Arc::clone(&clock), Duration::from_secs(60)));
        let all = futures_util::future::join_all((0..20).map(|_| store.current())).await;
        assert!(all.iter().all(Result::is_err));
        clock.advance(Duration::from_millis(4_999));
        assert!(store.current().await.is_err());
        assert_eq!(source.asked.load(Ordering::SeqCst), 1);
        clock.advance(Duration::from_millis(1));
        let refused = store.current().await.unwrap();
        let all = futures_util::future::join_all((0..20).map(|_| store.renew(&refused))).await;
        assert!(all.iter().all(Result::is_err));
        assert_eq!(source.asked.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn keys_that_have_ended_on_arrival_are_for_the_service_to_judge() {
        let ended = || Ok(keys("a", Some("2024-05-06T06:59:59Z")));
        let (store, source, _) = store(vec![ended(), ended()]);
        let given = store.current().await.unwrap();
        store.current().await.unwrap();
        assert_eq!(source.asked.load(Ordering::SeqCst), 1, "our clock says nothing about them");
        assert_eq!(
            store.renew(&given).await.unwrap_err().to_string(),
            "no credentials found: script: the keys it gave ended at 2024-05-06T06:59:59Z, and here it is \
             2024-05-06T07:00:00Z; if that is wrong, set the clock of this machine"
        );
    }

    #[tokio::test]
    async fn keys_are_renewed_in_time_once_a_clock_that_was_ahead_is_corrected() {
        let (store, source, clock) =
            store(vec![Ok(keys("a", Some("2024-05-06T06:30:00Z"))), Ok(keys("b", Some("2024-05-06T07:30:00Z")))]);
        assert_eq!(store.current().await.unwrap().access_key_id.as_str(), "a");
        clock.set("2024-05-06T06:00:00Z".parse().unwrap());
        assert_eq!(store.current().await.unwrap().access_key_id.as_str(), "a");
        assert_eq!(source.asked.load(Ordering::SeqCst), 1);
        clock.set("2024-05-06T06:25:00Z".parse().unwrap());
        assert_eq!(store.current().await.unwrap().access_key_id.as_str(), "b");
    }

    #[tokio::test]
    async fn many_first_callers_cause_one_fetch() {
        let (store, source, _) = store(vec![Ok(keys("a", None))]);
        let all = futures_util::future::join_all((0..20).map(|_| store.current())).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(source.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn refused_keys_are_renewed_once_for_all_who_saw_the_refusal() {
        let (store, source, _) = store(vec![Ok(keys("a", None)), Ok(keys("b", None))]);
        let refused = store.current().await.unwrap();
        let all = futures_util::future::join_all((0..5).map(|_| store.renew(&refused))).await;
        for renewed in all {
            let Renewed::Changed(credentials) = renewed.unwrap() else { panic!("keys changed") };
            assert_eq!(credentials.access_key_id.as_str(), "b");
        }
        assert_eq!(source.asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_source_that_repeats_refused_keys_is_not_worth_a_replay() {
        let (store, ..) = store(vec![Ok(keys("a", None)), Ok(keys("a", None))]);
        let refused = store.current().await.unwrap();
        assert!(matches!(store.renew(&refused).await.unwrap(), Renewed::Same));
    }
}
