//! Remote operations: look, add what is missing, read the ids back, remove what is too many. In that order, so that traffic
//! never stops.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::BackendAccess;
use super::diagnose;
use super::import;
use super::ledger::{Known, Ledger, Marked, Pair, Question, Wanted};
use super::look::{Look, look};
use super::model::{AccessModel, AccessRule, StoredRule, description, resolved, texts};
use super::schema::{CREATE_TIMEOUT, DELETE_TIMEOUT};
use super::users;
use crate::clients::Clients;
use crate::cloud::ecs::{InboundAccess, MOST_RULES_PER_CALL};
use crate::cloud::{CallContext, CloudError, SecurityGroupId, SecurityGroupRuleId};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Planned, Stored};
use crate::framework::private::CLAIM_FACT;
use crate::framework::resource::{Applying, Context, Deleting, READ_TIMEOUT, Reading, TimeoutOf, TimeoutSource};
use crate::resources::access::cidr::Cidr;
use crate::resources::access::survey;

type State = AccessModel<Stored>;
type Plan = AccessModel<Planned>;

/// How often the ids of new rules are looked for. The service lists a rule as soon as it has accepted it, as far as known.
const LOOKS: u32 = 5;
/// The pause between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// How often a revocation is tried anew because somebody else removed one of its rules.
const REVOCATIONS: u32 = 3;

pub(super) fn call_context(cx: &Context, timeout: Duration) -> CallContext {
    CallContext::new(cx.cancel.clone()).with_deadline(Instant::now() + timeout)
}

/// A call that was not accepted, or whose answer was lost.
struct Refusal {
    /// What it asked for.
    pairs: Vec<Pair>,
    /// What to tell of it.
    told: Diagnostics,
    /// Whether no other call will do better.
    last: bool,
}

/// One create or update under way.
struct Work<'a> {
    clients: &'a Clients,
    cx: &'a mut Applying<BackendAccess>,
    context: CallContext,
    /// As planned; its rules follow what happens.
    state: State,
    known: Known,
    look: Look,
    /// Whether the service accepted a write, or may have.
    wrote: bool,
}

pub(super) async fn create(
    clients: &Clients,
    cx: &mut Applying<BackendAccess>,
    planned: Plan,
) -> Result<State, Diagnostics> {
    let context = call_context(&cx.context, planned.timeouts.timeout(TimeoutOf::Create, CREATE_TIMEOUT));
    let state = resolved(&planned);
    let known = Known::default();
    let look = look(clients, &state, &known, &context, "looking at the members' security groups").await?;
    let absences = look.absences(&state, None);
    if absences.has_errors() {
        return Err(absences);
    }
    cx.private.set_fact(CLAIM_FACT, format!("{:016x}", rand::random::<u64>()));
    Work { clients, cx, context, state, known, look, wrote: false }.run().await
}

pub(super) async fn update(
    clients: &Clients,
    cx: &mut Applying<BackendAccess>,
    prior: State,
    planned: Plan,
) -> Result<State, Diagnostics> {
    let context = call_context(&cx.context, planned.timeouts.timeout(TimeoutOf::Update, CREATE_TIMEOUT));
    let state = resolved(&planned);
    let known = Known::of(prior.rules.as_deref().unwrap_or_default());
    let look = look(clients, &state, &known, &context, "looking at the members' security groups").await?;
    let absences = look.absences(&state, Some(&prior));
    if absences.has_errors() {
        return Err(absences);
    }
    cx.warnings.extend(absences);
    // Until something else is recorded, state keeps what it knew.
    let work = Work { clients, cx, context, state, known, look, wrote: true };
    work.run().await
}

impl Work<'_> {
    fn ledger(&self) -> Ledger {
        question(&self.state, &self.look.wanted, &self.known, &self.look, &self.cx.context, false).answer()
    }

    async fn run(mut self) -> Result<State, Diagnostics> {
        let name = self.state.name.clone().unwrap_or_default();
        let first = self.ledger();
        // What was asked for before is no surprise; what only the mark tells is.
        let surprising = |pair: &Pair| !self.known.asked.contains(pair);
        let claimed = first.claimed.iter().filter(|one| match Cidr::of_rule(&one.source) {
            Some(range) => surprising(&(one.group.clone(), range)),
            None => true,
        });
        let claimed: Vec<Marked> = claimed.cloned().collect();
        if !claimed.is_empty() {
            self.cx.warnings.push(diagnose::taken_over(&name, &claimed));
        }
        if !first.foreign.is_empty() {
            self.cx.warnings.push(diagnose::not_taken_over(&name, &first.foreign));
        }
        self.know(&first);
        self.wrote |= !first.claimed.is_empty();
        self.record(&first);
        let refusals = self.add(&first).await;
        let mut problems = Diagnostics::new();
        let ledger = if first.missing.is_empty() { first } else { self.read_back(&refusals, &mut problems).await };
        self.record(&ledger);
        // A lost answer is no problem once its rules are seen.
        let stands = |pair: &Pair| !ledger.missing.contains(pair);
        let open = refusals.into_iter().filter(|refusal| !refusal.pairs.iter().all(stands));
        open.for_each(|refusal| problems.extend(refusal.told));
        if !problems.has_errors() {
            let left = self.remove(&ledger, &mut problems).await;
            self.record(&left);
            if let Some(overruled) = diagnose::overruled(&left.entries) {
                self.cx.warnings.push(overruled);
            }
        }
        if problems.has_errors() { Err(problems) } else { Ok(self.state) }
    }

    /// Puts a ledger into the state, and records it unless nothing of ours can exist.
    fn record(&mut self, ledger: &Ledger) {
        self.state.rules = stored(ledger);
        let claim = self.cx.private.fact(CLAIM_FACT).unwrap_or_default();
        let wanted = ledger.entries.iter().filter(|entry| !entry.clusters.is_empty());
        self.clients.access.rely(claim, wanted.filter_map(|entry| Some((entry.rule.clone()?, entry.owned))));
        if self.wrote {
            let state = self.state.clone();
            self.cx.checkpoint(&state);
        }
    }

    /// Takes what a ledger says is ours into what is known.
    fn know(&mut self, ledger: &Ledger) {
        for entry in ledger.entries.iter().filter(|entry| entry.owned) {
            if let Some(rule) = &entry.rule {
                self.known.ids.insert((entry.pair.0.clone(), rule.clone()));
                self.known.asked.remove(&entry.pair);
            }
        }
    }

    /// Asks for the missing rules, group by group: one group that refuses stops no other.
    async fn add(&mut self, ledger: &Ledger) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        let name = self.state.name.clone().unwrap_or_default();
        let text = description(self.state.description.as_deref(), &name);
        let priority = priority(&self.state);
        for (group, pairs) in by_group(ledger.missing.iter().map(|pair| (pair.0.clone(), pair.clone()))) {
            for chunk in pairs.chunks(MOST_RULES_PER_CALL) {
                let rules: Vec<InboundAccess> = chunk
                    .iter()
                    .map(|(_, range)| InboundAccess {
                        source_cidr: range.to_string(),
                        priority,
                        description: text.clone(),
                    })
                    .collect();
                // Asked for from now on: if the answer is lost, the mark tells that the rule is ours.
                let before = self.known.asked.clone();
                self.known.asked.extend(chunk.iter().cloned());
                self.clients.access.wrote();
                let answer = self.clients.cloud.authorize_security_group(&group, &rules, &self.context).await;
                let sent = answer.as_ref().err().is_none_or(CloudError::is_ambiguous);
                if sent {
                    self.wrote = true;
                } else {
                    self.known.asked = before;
                }
                let now = self.ledger();
                self.record(&now);
                let Err(error) = answer else { continue };
                let doing = format!("opening security group {group}");
                let last = ends_everything(&error);
                let told = diagnose::failed(&doing, &error, outcome(sent));
                refusals.push(Refusal { pairs: chunk.to_vec(), told, last });
                if last {
                    return refusals;
                }
                break;
            }
        }
        refusals
    }

    /// Looks until every rule that was accepted is listed, a few times.
    async fn read_back(&mut self, refusals: &[Refusal], problems: &mut Diagnostics) -> Ledger {
        if refusals.iter().any(|refusal| refusal.last) {
            return self.ledger();
        }
        for round in 1..=LOOKS {
            let groups: BTreeSet<SecurityGroupId> = self.known.asked.iter().map(|(group, _)| group.clone()).collect();
            match survey::rules(&self.clients.cloud, &groups, &self.context).await {
                Ok(rules) => {
                    let there = rules.into_iter().filter_map(|(group, rules)| Some((group, rules?)));
                    self.look.seen.extend(there);
                }
                Err(error) => {
                    let outcome = "The rules were accepted; the next apply finds them by their mark.";
                    problems.extend(diagnose::failed("reading the new rules back", &error, outcome));
                    return self.ledger();
                }
            }
            let ledger = self.ledger();
            self.know(&ledger);
            // Somebody else's rule of the same kind came first: ours added nothing.
            self.known.asked.retain(|pair| ledger.missing.contains(pair) || !self.look.wanted.contains_key(pair));
            let open: Vec<&Pair> =
                self.known.asked.iter().filter(|pair| self.look.wanted.contains_key(*pair)).collect();
            if open.is_empty() || !refusals.is_empty() {
                break;
            }
            if round == LOOKS || pause(&self.cx.context, &self.context).await.is_err() {
                let pairs: Vec<String> = open.iter().map(|pair| shown(pair)).collect();
                self.cx.warnings.push(diagnose::not_listed(&pairs));
                break;
            }
        }
        self.ledger()
    }

    /// Removes rules of ours that are wanted no more. Answers what there is afterwards.
    async fn remove(&mut self, ledger: &Ledger, problems: &mut Diagnostics) -> Ledger {
        let surplus = ledger.surplus.clone();
        let (gone, told) = revoke(self.clients, surplus, &self.context).await;
        problems.extend(told);
        for (group, rule) in gone {
            if let Some(rules) = self.look.seen.get_mut(&group) {
                rules.retain(|one| one.id != rule);
            }
            self.known.ids.remove(&(group, rule));
        }
        self.ledger()
    }
}

fn priority(state: &State) -> u8 {
    state.priority.and_then(|priority| u8::try_from(priority).ok()).unwrap_or(1)
}

fn question<'a>(
    state: &'a State,
    wanted: &'a Wanted,
    known: &'a Known,
    look: &'a Look,
    cx: &Context,
    imported: bool,
) -> Question<'a> {
    Question {
        name: state.name.as_deref().unwrap_or_default(),
        priority: priority(state),
        wanted,
        known,
        seen: &look.seen,
        now: cx.clock.now(),
        imported,
    }
}

/// A ledger as state holds it.
fn stored(ledger: &Ledger) -> Option<Vec<Option<StoredRule>>> {
    let rules = ledger.entries.iter().map(|entry| {
        Some(AccessRule {
            security_group_id: Some(entry.pair.0.as_str().to_owned()),
            source_cidr: Some(entry.pair.1.to_string()),
            cluster_ids: texts(&entry.clusters),
            rule_id: entry.rule.as_ref().map(ToString::to_string),
            owned: Some(entry.owned),
            blocked_by: entry.blocked_by.as_ref().map(ToString::to_string),
        })
    });
    Some(rules.collect())
}

fn shown(pair: &Pair) -> String {
    format!("{} to group {}", pair.1, pair.0)
}

fn by_group<T>(all: impl IntoIterator<Item = (SecurityGroupId, T)>) -> BTreeMap<SecurityGroupId, Vec<T>> {
    let mut groups: BTreeMap<SecurityGroupId, Vec<T>> = BTreeMap::new();
    for (group, one) in all {
        groups.entry(group).or_default().push(one);
    }
    groups
}

/// After these no other call will do better.
fn ends_everything(error: &CloudError) -> bool {
    matches!(error, CloudError::Cancelled { .. } | CloudError::DeadlineExceeded { .. } | CloudError::Credentials { .. })
}

const fn outcome(sent: bool) -> &'static str {
    if sent {
        "Whether the rules were added is not known; the next apply finds out by their mark, and continues from there."
    } else {
        "The call added nothing."
    }
}

/// A pause between two looks; an error if there is no time for it.
async fn pause(cx: &Context, context: &CallContext) -> Result<(), ()> {
    let until = Instant::now() + BETWEEN_LOOKS;
    if context.deadline.is_some_and(|deadline| deadline <= until) {
        return Err(());
    }
    tokio::select! {
        () = cx.cancel.cancelled() => Err(()),
        () = tokio::time::sleep_until(until) => Ok(()),
    }
}

type RuleIn = (SecurityGroupId, SecurityGroupRuleId);

/// Removes rules by their ids. Answers those that are gone, and what to tell of the others.
async fn revoke(clients: &Clients, rules: Vec<RuleIn>, context: &CallContext) -> (Vec<RuleIn>, Diagnostics) {
    let (mut gone, mut problems) = (Vec::new(), Diagnostics::new());
    for (group, ids) in by_group(rules) {
        let mut left = ids;
        for round in 1..=REVOCATIONS {
            let answer = revoke_all(clients, &group, &left, context).await;
            let Err(error) = answer else {
                gone.extend(left.drain(..).map(|id| (group.clone(), id)));
                break;
            };
            let doing = format!("removing rules of security group {group}");
            if error.is_not_found() {
                gone.extend(left.drain(..).map(|id| (group.clone(), id)));
                break;
            }
            if !error.is_rule_gone() || round == REVOCATIONS {
                let outcome = if error.is_ambiguous() {
                    "Whether they were removed is not known; the next run finds out."
                } else {
                    "They stay in state; run the same again."
                };
                problems.extend(diagnose::failed(&doing, &error, outcome));
                break;
            }
            // Somebody else removed one of them, and the call removed none.
            match survey::rules(&clients.cloud, &BTreeSet::from([group.clone()]), context).await {
                Ok(listed) => {
                    let there: BTreeSet<SecurityGroupRuleId> =
                        listed.into_values().flatten().flatten().map(|rule| rule.id).collect();
                    let (stays, went): (Vec<_>, Vec<_>) = left.into_iter().partition(|id| there.contains(id));
                    gone.extend(went.into_iter().map(|id| (group.clone(), id)));
                    left = stays;
                    if left.is_empty() {
                        break;
                    }
                }
                Err(error) => {
                    problems.extend(diagnose::failed(&doing, &error, "They stay in state; run the same again."));
                    break;
                }
            }
        }
    }
    (gone, problems)
}

async fn revoke_all(
    clients: &Clients,
    group: &SecurityGroupId,
    rules: &[SecurityGroupRuleId],
    context: &CallContext,
) -> Result<(), CloudError> {
    for chunk in rules.chunks(MOST_RULES_PER_CALL) {
        clients.access.wrote();
        clients.cloud.revoke_security_group(group, chunk, context).await?;
    }
    Ok(())
}

pub(super) async fn read(clients: &Clients, cx: &mut Reading, prior: State) -> Result<Option<State>, Diagnostics> {
    let context = call_context(&cx.context, prior.timeouts.timeout(TimeoutOf::Read, READ_TIMEOUT));
    let known = Known::of(prior.rules.as_deref().unwrap_or_default());
    let look = look(clients, &prior, &known, &context, "reading the rules of the members' security groups").await?;
    let imported = cx.private.is_imported();
    let mut prior = prior;
    if imported {
        import::fill_in(&mut prior, &look.wanted, &look.seen);
    }
    // An import of nothing that exists is no object.
    if imported && look.wanted.is_empty() {
        return Ok(None);
    }
    cx.warnings.extend(look.absences(&prior, Some(&prior)));
    let mut ledger = question(&prior, &look.wanted, &known, &look, &cx.context, imported).answer();
    // A list tells it all: what it does not show was not added.
    ledger.entries.iter_mut().filter(|entry| entry.rule.is_none()).for_each(|entry| entry.owned = false);
    Ok(Some(State { id: prior.name.clone(), rules: stored(&ledger), ..prior }))
}

pub(super) async fn delete(clients: &Arc<Clients>, cx: &mut Deleting, prior: State) -> Result<(), Diagnostics> {
    let context = call_context(&cx.context, prior.timeouts.timeout(TimeoutOf::Delete, DELETE_TIMEOUT));
    let known = Known::of(prior.rules.as_deref().unwrap_or_default());
    let doing = "looking for the rules to remove";
    let failed = |error| diagnose::failed(doing, &error, "Nothing was removed.");
    let rules = survey::rules(&clients.cloud, &known.groups(), &context).await.map_err(failed)?;
    let seen = rules.into_iter().filter_map(|(group, rules)| Some((group, rules?))).collect();
    let look = Look { seen, ..Look::default() };
    let ledger = question(&prior, &look.wanted, &known, &look, &cx.context, false).answer();
    // The second half of a replacement opens the groups again.
    if cx.private.successor().is_none() {
        let deadline = context.deadline.unwrap_or_else(Instant::now);
        let users = users::cut_off(clients, &cx.context, &prior, &ledger, &look, deadline).await;
        if !users.is_empty() {
            cx.warnings.push(diagnose::cut_off(&users));
        }
    }
    // Created before this one is destroyed, a replacement found these rules and goes on with them.
    let claim = cx.private.fact(CLAIM_FACT).unwrap_or_default();
    let (kept, surplus): (Vec<RuleIn>, Vec<RuleIn>) =
        ledger.surplus.into_iter().partition(|(_, rule)| clients.access.relied_on(claim, rule).is_some());
    let left: Vec<RuleIn> =
        kept.into_iter().filter(|(_, rule)| clients.access.relied_on(claim, rule) == Some(false)).collect();
    if !left.is_empty() {
        cx.warnings.push(diagnose::left_open(prior.name.as_deref().unwrap_or_default(), &left));
    }
    let (_, problems) = revoke(clients, surplus, &context).await;
    if problems.has_errors() { Err(problems) } else { Ok(()) }
}
