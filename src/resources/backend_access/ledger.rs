//! Which rules there are, which are ours, which are missing and which are too many. Pure.
//!
//! A rule is ours if state knows its id. State does not know it when an answer was lost or the provider was killed; then the
//! mark in its description tells, under conditions: the pair of group and range is one that we asked for (state says so, or a
//! lost create or import does), and where state says nothing of it, the rule is not older than a day. A rule with our mark that is not wanted and
//! not known is left alone: another configuration may use the same name, and taking its rule away would cut its traffic.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::model::{StoredRule, marked};
use crate::cloud::ecs::SecurityGroupRule;
use crate::cloud::{SecurityGroupId, SecurityGroupRuleId};
use crate::resources::access::admission::{Verdict, is_access, priority, verdict};
use crate::resources::access::cidr::Cidr;

/// A marked rule that state does not know is taken for one of ours up to this age, as every object here is that an
/// interrupted create left.
const LEFT_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// A group that shall admit a range.
pub(super) type Pair = (SecurityGroupId, Cidr);

/// What shall be open: each pair with the clusters behind the group.
pub(super) type Wanted = BTreeMap<Pair, BTreeSet<String>>;

/// The rules of each group that exists.
pub(super) type Seen = BTreeMap<SecurityGroupId, Vec<SecurityGroupRule>>;

/// What state knows to be ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Rules.
    pub(super) ids: BTreeSet<(SecurityGroupId, SecurityGroupRuleId)>,
    /// Pairs whose rule was asked for, and whose id was never seen.
    pub(super) asked: BTreeSet<Pair>,
}

impl Known {
    /// What a stored state knows.
    pub(super) fn of(rules: &[Option<StoredRule>]) -> Self {
        let mut known = Self::default();
        for rule in rules.iter().flatten().filter(|rule| rule.owned == Some(true)) {
            let Some(group) = rule.security_group_id.as_deref().map(SecurityGroupId::from) else { continue };
            match &rule.rule_id {
                Some(id) => known.ids.extend([(group, id.as_str().into())]),
                None => {
                    let range = rule.source_cidr.as_deref().and_then(Cidr::of_rule);
                    known.asked.extend(range.map(|range| (group, range)));
                }
            }
        }
        known
    }

    /// Every group it speaks of.
    pub(super) fn groups(&self) -> BTreeSet<SecurityGroupId> {
        let ids = self.ids.iter().map(|(group, _)| group);
        ids.chain(self.asked.iter().map(|(group, _)| group)).cloned().collect()
    }
}

/// What is asked of the ledger.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    /// The resource's name.
    pub(super) name: &'a str,
    /// Priority of its rules.
    pub(super) priority: u8,
    /// What shall be open.
    pub(super) wanted: &'a Wanted,
    /// What state knows.
    pub(super) known: &'a Known,
    /// What there is.
    pub(super) seen: &'a Seen,
    /// The time.
    pub(super) now: Timestamp,
    /// Whether marked rules are taken over whatever their age: an import says that they are ours.
    pub(super) imported: bool,
}

/// What stands for one pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The pair.
    pub(super) pair: Pair,
    /// Clusters behind the group; none if the rule is wanted no more.
    pub(super) clusters: BTreeSet<String>,
    /// The rule that admits the range; `None` if there is none.
    pub(super) rule: Option<SecurityGroupRuleId>,
    /// Whether that rule is ours, or one of ours was asked for.
    pub(super) owned: bool,
    /// A rule that drops packets all the same.
    pub(super) blocked_by: Option<SecurityGroupRuleId>,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    /// All pairs, and rules of ours that are wanted no more, sorted.
    pub(super) entries: Vec<Entry>,
    /// Pairs for which nothing speaks yet.
    pub(super) missing: Vec<Pair>,
    /// Rules of ours that are wanted no more.
    pub(super) surplus: Vec<(SecurityGroupId, SecurityGroupRuleId)>,
    /// Rules that are ours by their mark alone.
    pub(super) claimed: Vec<Marked>,
    /// Rules with our mark that are not taken for ours.
    pub(super) foreign: Vec<Marked>,
}

/// A rule with our mark. In order of what is admitted where, as IDs have none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Marked {
    /// Its group.
    pub(super) group: SecurityGroupId,
    /// What it admits.
    pub(super) source: String,
    /// It.
    pub(super) rule: SecurityGroupRuleId,
}

/// Whose a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// State knows it.
    Known,
    /// The mark says it is ours.
    Claimed,
    /// Its mark is ours, but not enough else speaks for it.
    Doubtful,
    /// Somebody else's.
    Foreign,
}

impl Question<'_> {
    fn whose(&self, group: &SecurityGroupId, rule: &SecurityGroupRule) -> Whose {
        if self.known.ids.contains(&(group.clone(), rule.id.clone())) {
            return Whose::Known;
        }
        if marked(&rule.description, self.name).is_none() {
            return Whose::Foreign;
        }
        let Some(range) = Cidr::of_rule(&rule.source_cidr_ip) else { return Whose::Doubtful };
        let pair = (group.clone(), range);
        // Asked for: whoever made it, it is what we wanted to make, under our name.
        if self.known.asked.contains(&pair) {
            return Whose::Claimed;
        }
        let wanted = self.wanted.contains_key(&pair) && is_access(rule, range, self.priority);
        if wanted && (self.imported || self.is_recent(rule)) { Whose::Claimed } else { Whose::Doubtful }
    }

    fn is_recent(&self, rule: &SecurityGroupRule) -> bool {
        let made: Option<Timestamp> = rule.create_time.parse().ok();
        made.is_some_and(|made| self.now.duration_since(made) <= LEFT_WITHIN)
    }

    /// Compares what is wanted with what there is.
    pub(super) fn answer(&self) -> Ledger {
        let mut ledger = Ledger::default();
        let mut used = BTreeSet::new();
        for (group, rules) in self.seen {
            for rule in rules {
                let marked =
                    || Marked { group: group.clone(), rule: rule.id.clone(), source: rule.source_cidr_ip.clone() };
                match self.whose(group, rule) {
                    Whose::Claimed => ledger.claimed.push(marked()),
                    Whose::Doubtful => ledger.foreign.push(marked()),
                    Whose::Known | Whose::Foreign => {}
                }
            }
        }
        ledger.claimed.sort();
        ledger.foreign.sort();
        for (pair, clusters) in self.wanted {
            let Some(rules) = self.seen.get(&pair.0) else { continue };
            ledger.entries.push(self.entry(pair, clusters, rules, &mut used));
        }
        ledger.missing =
            ledger.entries.iter().filter(|entry| entry.rule.is_none()).map(|entry| entry.pair.clone()).collect();
        for (group, rules) in self.seen {
            for rule in rules {
                let ours = matches!(self.whose(group, rule), Whose::Known | Whose::Claimed);
                if !ours || used.contains(&(group.clone(), rule.id.clone())) {
                    continue;
                }
                ledger.surplus.push((group.clone(), rule.id.clone()));
                ledger.entries.push(Entry {
                    // A rule that somebody gave another kind of source has no range; it is shown with none.
                    pair: (group.clone(), Cidr::of_rule(&rule.source_cidr_ip).unwrap_or_else(Cidr::nothing)),
                    clusters: BTreeSet::new(),
                    rule: Some(rule.id.clone()),
                    owned: true,
                    blocked_by: None,
                });
            }
        }
        ledger.entries.sort_by(|a, b| (&a.pair, &a.rule).cmp(&(&b.pair, &b.rule)));
        ledger
    }

    fn entry(
        &self,
        pair: &Pair,
        clusters: &BTreeSet<String>,
        rules: &[SecurityGroupRule],
        used: &mut BTreeSet<(SecurityGroupId, SecurityGroupRuleId)>,
    ) -> Entry {
        let (group, range) = pair;
        let ours = |rule: &&SecurityGroupRule| matches!(self.whose(group, rule), Whose::Known | Whose::Claimed);
        let exact = |rule: &&SecurityGroupRule| is_access(rule, *range, self.priority);
        // What stays when our surplus is gone: other people's rules, and for each range one of ours.
        let mine = rules.iter().filter(ours).find(exact);
        let others: Vec<&SecurityGroupRule> = rules.iter().filter(|rule| !ours(rule)).collect();
        let stands = others.iter().copied().chain(mine);
        let rule = match (mine, verdict(others.iter().copied(), *range)) {
            (Some(mine), _) => {
                used.insert((group.clone(), mine.id.clone()));
                Some(mine)
            }
            (None, Verdict::Open(other)) => Some(other),
            // A second rule of the same kind cannot be made beside it.
            (None, _) => others.iter().copied().find(|rule| is_access(rule, *range, self.priority)),
        };
        let blocked = match verdict(stands, *range) {
            Verdict::Dropped(drop) if rule.is_some() || self.would_lose(drop) => Some(drop.id.clone()),
            _ => None,
        };
        let asked = self.known.asked.contains(pair);
        Entry {
            pair: pair.clone(),
            clusters: clusters.clone(),
            rule: rule.map(|rule| rule.id.clone()),
            owned: mine.is_some() || (rule.is_none() && asked),
            blocked_by: blocked,
        }
    }

    /// Whether a rule that drops goes before one that we would make.
    fn would_lose(&self, drop: &SecurityGroupRule) -> bool {
        priority(drop) <= self.priority
    }
}
