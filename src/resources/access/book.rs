//! What the plans of this run are going to open, for checks of gateways that are planned beside them; and which instances
//! stand for which name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::cidr::Cidr;
use crate::cloud::SecurityGroupRuleId;
use crate::framework::declared::Declared;

/// What one planned resource opens. `None`: not known yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Opening {
    /// To which clusters.
    pub(crate) clusters: Option<BTreeSet<String>>,
    /// From which vSwitches.
    pub(crate) vswitches: Option<BTreeSet<String>>,
    /// From which other ranges.
    pub(crate) ranges: Option<Vec<Cidr>>,
}

impl Opening {
    /// Whether it opens, or may open, a cluster to a vSwitch.
    fn covers(&self, cluster: &str, vswitch: &str, range: Cidr) -> bool {
        let has = |set: &Option<BTreeSet<String>>, id: &str| set.as_ref().is_none_or(|set| set.contains(id));
        let by_range = || self.ranges.as_ref().is_none_or(|ranges| ranges.iter().any(|own| own.covers(range)));
        has(&self.clusters, cluster) && (has(&self.vswitches, vswitch) || by_range())
    }
}

/// What one configured provider knows of access to members.
#[derive(Debug)]
pub(crate) struct AccessMemo {
    /// Which instances stand for which name.
    pub(crate) declared: Declared,
    planned: Mutex<BTreeMap<String, Opening>>,
    /// Counts what was entered, so that a check can wait for more.
    entered: watch::Sender<u64>,
    writes: AtomicU64,
    told: Mutex<BTreeSet<String>>,
    /// Rules that instances applied in this process rely on, by the instance's claim, and whether they are its own.
    relied: Mutex<BTreeMap<(String, SecurityGroupRuleId), bool>>,
}

impl Default for AccessMemo {
    fn default() -> Self {
        Self {
            declared: Declared::default(),
            planned: Mutex::default(),
            entered: watch::Sender::new(0),
            writes: AtomicU64::new(0),
            told: Mutex::default(),
            relied: Mutex::default(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AccessMemo {
    /// Enters what a plan opens, by the name of its resource.
    pub(crate) fn enter(&self, name: &str, opening: Opening) {
        lock(&self.planned).insert(name.to_owned(), opening);
        self.entered.send_modify(|count| *count += 1);
    }

    /// Whether a plan of this run opens, or may open, a cluster to a vSwitch.
    pub(crate) fn covers(&self, cluster: &str, vswitch: &str, range: Cidr) -> bool {
        lock(&self.planned).values().any(|opening| opening.covers(cluster, vswitch, range))
    }

    /// Waits until `done` says so of what was entered, `grace` at most. Plans that do not refer to each other are made in no
    /// certain order.
    pub(crate) async fn settle(&self, grace: Duration, mut done: impl FnMut() -> bool) {
        let mut entered = self.entered.subscribe();
        let settled = async {
            while !done() {
                if entered.changed().await.is_err() {
                    return;
                }
            }
        };
        if tokio::time::timeout(grace, settled).await.is_err() {
            tracing::debug!("no plan of this run opens the security groups");
        }
    }

    /// Notes a write: from now on plans of this process do not look at groups.
    pub(crate) fn wrote(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether this process has written to a security group.
    pub(crate) fn has_written(&self) -> bool {
        self.writes.load(Ordering::Relaxed) > 0
    }

    /// Notes the rules that an instance relies on, and whether each is its own.
    pub(crate) fn rely(&self, claim: &str, rules: impl IntoIterator<Item = (SecurityGroupRuleId, bool)>) {
        lock(&self.relied).extend(rules.into_iter().map(|(rule, owned)| ((claim.to_owned(), rule), owned)));
    }

    /// Whether an instance other than this one relies on a rule since this process applied it: `Some(true)` if it is that
    /// one's own.
    pub(crate) fn relied_on(&self, claim: &str, rule: &SecurityGroupRuleId) -> Option<bool> {
        let relied = lock(&self.relied);
        let others = relied.iter().filter(|((other, relied), _)| relied == rule && other != claim);
        others.map(|(_, owned)| *owned).reduce(|one, other| one || other)
    }

    /// Whether this is told for the first time in this process.
    pub(crate) fn tells(&self, what: &str) -> bool {
        lock(&self.told).insert(what.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ids: &[&str]) -> Option<BTreeSet<String>> {
        Some(ids.iter().map(|id| (*id).to_owned()).collect())
    }

    #[test]
    fn what_is_not_known_may_cover_everything() {
        let range: Cidr = "10.0.1.0/24".parse().unwrap();
        let opening = Opening { clusters: set(&["c1"]), vswitches: set(&["v1"]), ranges: Some(Vec::new()) };
        assert!(opening.covers("c1", "v1", range));
        assert!(!opening.covers("c2", "v1", range) && !opening.covers("c1", "v2", range));
        let by_range = Opening { ranges: Some(vec!["10.0.0.0/16".parse().unwrap()]), ..opening.clone() };
        assert!(by_range.covers("c1", "v2", range) && !by_range.covers("c1", "v2", "10.1.0.0/24".parse().unwrap()));
        assert!(Opening { clusters: None, ..opening.clone() }.covers("c2", "v1", range));
        assert!(Opening { vswitches: None, ..opening.clone() }.covers("c1", "v2", range));
        assert!(Opening { ranges: None, ..opening }.covers("c1", "v2", range));
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_waits_for_a_plan_that_comes_later_and_no_longer_than_its_grace() {
        let memo = AccessMemo::default();
        let range: Cidr = "10.0.1.0/24".parse().unwrap();
        let start = tokio::time::Instant::now();
        let later = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            memo.enter("other", Opening { clusters: set(&["c9"]), ..Opening::default() });
            tokio::time::sleep(Duration::from_millis(300)).await;
            memo.enter("demo", Opening { clusters: set(&["c1"]), ..Opening::default() });
        };
        let grace = Duration::from_secs(2);
        tokio::join!(memo.settle(grace, || memo.covers("c1", "v1", range)), later);
        assert_eq!(start.elapsed(), Duration::from_millis(600));
        memo.settle(grace, || memo.covers("c2", "v1", range)).await;
        assert_eq!(start.elapsed(), Duration::from_millis(2600));
    }
}
