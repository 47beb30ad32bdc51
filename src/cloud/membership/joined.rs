//! Attaches and detaches, joined into few calls.
//!
//! The first caller of a kind starts a leader task; it waits for the join window and for the write before it, then
//! takes everybody who has come by then. The task outlives its callers: a call that is on its way is never abandoned
//! because one of them was dropped.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{sync::oneshot, time::Instant};

use super::{Desk, MemberChange};
use crate::cloud::{
    cancel::{CallContext, Pause},
    client::CloudClient,
    error::CloudError,
    fleet::MemberState,
    id::{ClusterId, FleetId},
    request::{Action, Product},
    retry::FailureClass,
};

/// How long an interrupted caller awaits the answer of a call that is on its way: a little longer than the call itself
/// does, and under the second an interrupt may take.
const GRACE: Duration = Duration::from_millis(850);

type Answered = Result<MemberChange, CloudError>;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Attach,
    Detach,
}

impl Change {
    const fn action(self) -> Action {
        let name = match self {
            Self::Attach => "AttachClusterToHub",
            Self::Detach => "DetachClusterFromHub",
        };
        Action { product: Product::Adcp, name }
    }

    /// Whether the list shows the change done or under way.
    fn shows(self, state: Option<&MemberState>, failed_counts: bool) -> bool {
        match (self, state) {
            (Self::Attach, Some(MemberState::Installing | MemberState::Successed)) => true,
            (Self::Attach, Some(MemberState::Failed)) => failed_counts,
            (
                Self::Attach,
                Some(MemberState::Deleting | MemberState::Deleted | MemberState::Unrecognized(_)) | None,
            ) => false,
            (Self::Detach, None | Some(MemberState::Deleting | MemberState::Deleted)) => true,
            (
                Self::Detach,
                Some(
                    MemberState::Installing
                    | MemberState::Successed
                    | MemberState::Failed
                    | MemberState::Unrecognized(_),
                ),
            ) => false,
        }
    }
}

/// Callers that no leader has taken yet.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    attach: Vec<Caller>,
    detach: Vec<Caller>,
    next_number: u64,
}

impl Waiting {
    fn of(&mut self, change: Change) -> &mut Vec<Caller> {
        match change {
            Change::Attach => &mut self.attach,
            Change::Detach => &mut self.detach,
        }
    }
}

#[derive(Debug)]
struct Caller {
    number: u64,
    member: ClusterId,
    context: CallContext,
    answer: oneshot::Sender<Answered>,
}

pub(super) async fn change(
    client: &CloudClient,
    fleet: &FleetId,
    member: &ClusterId,
    change: Change,
    context: &CallContext,
) -> Answered {
    let action = change.action();
    if context.cancel.is_cancelled() {
        return Err(CloudError::Cancelled { action, maybe_sent: false });
    }
    let desk = client.fleets().desk(fleet);
    let (sender, mut receiver) = oneshot::channel();
    let number = {
        let mut waiting = desk.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let number = waiting.next_number;
        waiting.next_number += 1;
        let callers = waiting.of(change);
        let first = callers.is_empty();
        callers.push(Caller { number, member: member.clone(), context: context.clone(), answer: sender });
        if first {
            tokio::spawn(lead(client.clone(), fleet.clone(), Arc::clone(&desk), change));
        }
        number
    };
    let late = tokio::select! {
        biased;
        answer = &mut receiver => return answer.unwrap_or_else(|_| Err(lost(action))),
        () = context.cancel.cancelled() => false,
        () = context.overdue() => true,
    };
    let ended = |maybe_sent| {
        if late {
            CloudError::DeadlineExceeded { action, maybe_sent, last: None }
        } else {
            CloudError::Cancelled { action, maybe_sent }
        }
    };
    if withdraw(&desk, change, number) {
        return Err(ended(false));
    }
    match tokio::time::timeout(GRACE, receiver).await {
        Ok(answer) => answer.unwrap_or_else(|_| Err(lost(action))),
        Err(_) => Err(ended(true)),
    }
}

/// The leader ended without an answer, which only a shutdown of the runtime or a bug can cause: nobody knows.
fn lost(action: Action) -> CloudError {
    CloudError::Cancelled { action, maybe_sent: true }
}

fn withdraw(desk: &Desk, change: Change, number: u64) -> bool {
    let mut waiting = desk.waiting.lock().unwrap_or_else(PoisonError::into_inner);
    let callers = waiting.of(change);
    let before = callers.len();
    callers.retain(|caller| caller.number != number);
    callers.len() < before
}

async fn lead(client: CloudClient, fleet: FleetId, desk: Arc<Desk>, change: Change) {
    tokio::time::sleep(client.membership_policy().join_window).await;
    let writing = desk.writing.lock().await;
    let callers = {
        let mut waiting = desk.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(waiting.of(change))
    };
    // Whoever was dropped before the call is sent does not take part.
    let callers: Vec<Caller> = callers.into_iter().filter(|caller| !caller.answer.is_closed()).collect();
    if callers.is_empty() {
        return;
    }
    let members: BTreeSet<ClusterId> = callers.iter().map(|caller| caller.member.clone()).collect();
    let context = common_context(&callers);
    let batch = Batch { client: &client, fleet: &fleet, change, context: &context };
    let everybody_stopped = async {
        join_all(callers.iter().map(|caller| caller.context.cancel.cancelled())).await;
        context.cancel.cancel();
        std::future::pending::<()>().await;
    };
    let mut answers = tokio::select! {
        answers = batch.run(members) => answers,
        () = everybody_stopped => BTreeMap::new(),
    };
    drop(writing);
    let mut callers = callers;
    while let Some(caller) = callers.pop() {
        let shared = callers.iter().any(|other| other.member == caller.member);
        let answer = if shared { answers.get(&caller.member).cloned() } else { answers.remove(&caller.member) };
        // An error only says that the caller has gone.
        drop(caller.answer.send(answer.unwrap_or_else(|| Err(lost(change.action())))));
    }
}

/// Lasts as long as the most patient caller; stops when all have stopped.
fn common_context(callers: &[Caller]) -> CallContext {
    let deadlines: Option<Vec<Instant>> = callers.iter().map(|caller| caller.context.deadline).collect();
    CallContext { deadline: deadlines.and_then(|all| all.into_iter().max()), ..CallContext::default() }
}

struct Batch<'a> {
    client: &'a CloudClient,
    fleet: &'a FleetId,
    change: Change,
    context: &'a CallContext,
}

type Answers = BTreeMap<ClusterId, Answered>;

impl Batch<'_> {
    async fn run(&self, members: BTreeSet<ClusterId>) -> Answers {
        let error = match self.send(&members).await {
            Ok(accepted) => return members.into_iter().map(|member| (member, Ok(accepted.clone()))).collect(),
            Err(error) => error,
        };
        if is_final(&error) {
            return all(members, &error);
        }
        if error.is_ambiguous() {
            return self.after_lost_answer(members, error).await;
        }
        // Refused. One member may be to blame, and each caller wants to know about its own.
        if members.len() == 1 { self.after_refusal(members, &error).await } else { self.one_by_one(members).await }
    }

    async fn send(&self, members: &BTreeSet<ClusterId>) -> Answered {
        let members: Vec<ClusterId> = members.iter().cloned().collect();
        let answer = match self.change {
            Change::Attach => self.client.attach_cluster_to_hub(self.fleet, &members, self.context).await,
            Change::Detach => self.client.detach_cluster_from_hub(self.fleet, &members, self.context).await,
        }?;
        Ok(MemberChange::Accepted { request_id: answer.request_id, task_id: answer.body.task_id })
    }

    /// Each member in a call of its own, in order.
    async fn one_by_one(&self, members: BTreeSet<ClusterId>) -> Answers {
        let mut answers = Answers::new();
        for member in members {
            let alone = BTreeSet::from([member.clone()]);
            match self.send(&alone).await {
                Ok(accepted) => {
                    answers.insert(member, Ok(accepted));
                }
                Err(error) if is_final(&error) || error.is_ambiguous() => {
                    // Looked at once more at the end, if the answer was lost.
                    answers.insert(member, Err(error));
                }
                Err(error) => answers.extend(self.after_refusal(alone, &error).await),
            }
        }
        let unsure: BTreeSet<ClusterId> = answers
            .iter()
            .filter(|(_, answer)| matches!(answer, Err(error) if error.is_ambiguous() && !is_final(error)))
            .map(|(member, _)| member.clone())
            .collect();
        if !unsure.is_empty() {
            self.settle(unsure, &mut answers).await;
        }
        answers
    }

    /// Refused for no reason this client knows: perhaps it is already so.
    async fn after_refusal(&self, members: BTreeSet<ClusterId>, error: &CloudError) -> Answers {
        let mut answers = all(members.clone(), error);
        if let Ok(listed) = self.client.members(self.fleet, self.context).await {
            for member in members {
                let state = listed.iter().find(|found| found.id == member).map(|found| &found.membership);
                if self.change.shows(state, false) {
                    tracing::debug!(%member, %error, "refused, but the list shows it done");
                    answers.insert(member, Ok(MemberChange::Observed));
                }
            }
        }
        answers
    }

    /// Nobody knows whether the call was carried out: the list decides, and only what it does not show is sent again,
    /// once.
    async fn after_lost_answer(&self, members: BTreeSet<ClusterId>, error: CloudError) -> Answers {
        tracing::debug!(cloud_action = %self.change.action(), %error, "answer lost; reading the members back");
        let mut answers = all(members.clone(), &error);
        let missing = self.settle(members, &mut answers).await;
        if !missing.is_empty() && !self.context.cancel.is_cancelled() {
            answers.extend(Box::pin(self.one_by_one(missing)).await);
        }
        answers
    }

    /// Looks at the list a few times, marks what it shows, and returns the rest. Empty if the list cannot be read.
    async fn settle(&self, mut members: BTreeSet<ClusterId>, answers: &mut Answers) -> BTreeSet<ClusterId> {
        let policy = self.client.membership_policy();
        for look in 1..=policy.read_backs {
            let looked = Instant::now();
            let Ok(listed) = self.client.members(self.fleet, self.context).await else { return BTreeSet::new() };
            members.retain(|member| {
                let state = listed.iter().find(|found| found.id == *member).map(|found| &found.membership);
                let shown = self.change.shows(state, true);
                if shown {
                    answers.insert(member.clone(), Ok(MemberChange::Observed));
                }
                !shown
            });
            if members.is_empty() || look == policy.read_backs {
                break;
            }
            match self.context.pause_until(looked + policy.poll_interval).await {
                Pause::Over => {}
                Pause::Cancelled | Pause::PastDeadline => return BTreeSet::new(),
            }
        }
        members
    }
}

/// Errors that are the same for every member, or that looking at the list cannot mend.
fn is_final(error: &CloudError) -> bool {
    let stopped = matches!(error, CloudError::Cancelled { .. } | CloudError::DeadlineExceeded { .. });
    let about_all = error.is_forbidden() || error.is_credentials() || error.is_not_found();
    let not_reached = matches!(error, CloudError::Configuration { .. } | CloudError::Unanswered { .. });
    let tried_enough =
        matches!(error.class(), FailureClass::Throttled | FailureClass::Transient | FailureClass::SkewedClock);
    stopped || about_all || tried_enough || (not_reached && !error.is_ambiguous())
}

fn all(members: BTreeSet<ClusterId>, error: &CloudError) -> Answers {
    members.into_iter().map(|member| (member, Err(error.clone()))).collect()
}
