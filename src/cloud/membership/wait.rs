//! Waiting for a member. The verdict over one sight is pure; the loop around it only reads and pauses.

use std::{fmt, time::Duration};

use tokio::time::Instant;

use crate::cloud::{
    cancel::{CallContext, Pause},
    client::CloudClient,
    error::CloudError,
    fleet::{ManagedCluster, MemberState},
    id::{ClusterId, FleetId},
};

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The member is attached.
    Attached,
    /// The member is not listed, or listed as `Deleted`.
    Absent,
}

/// One sight of the member while waiting.
#[derive(Clone, Debug)]
pub struct WaitProgress {
    /// Since the wait began.
    pub elapsed: Duration,
    /// State of the membership; `None` if it is not listed.
    pub state: Option<MemberState>,
    /// What the service says about it.
    pub message: Option<String>,
    /// The list could not be read this time; the wait goes on.
    pub error: Option<CloudError>,
}

impl fmt::Display for WaitProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.error, &self.state) {
            (Some(error), _) => write!(f, "the list could not be read: {error}"),
            (None, Some(state)) => write!(f, "{state}"),
            (None, None) => f.write_str("not listed"),
        }
    }
}

/// Why a wait ended without what was wanted. Each carries the last sight, for the message to the user.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WaitError {
    /// Attaching failed for good.
    #[error("the membership failed: {}", .message.as_deref().unwrap_or("the service gives no reason"))]
    Failed {
        /// What the service says.
        message: Option<String>,
    },
    /// It was there and is gone: somebody detached it.
    #[error("the member was detached while it was being attached")]
    Vanished,
    /// The deadline passed.
    #[error("time ran out; the last state seen was: {last}")]
    TimedOut {
        /// The last sight.
        last: Box<WaitProgress>,
    },
    /// Somebody asked to stop.
    #[error("the wait was interrupted; the last state seen was: {last}")]
    Cancelled {
        /// The last sight.
        last: Box<WaitProgress>,
    },
    /// The list cannot be read, now or later.
    #[error("the members cannot be listed")]
    Cloud(#[source] Box<CloudError>),
}

/// What one sight means.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Done,
    Wait,
    Failed,
    Vanished,
}

/// `seen_alive`: an earlier sight of this wait showed the member being attached or attached.
fn judge(wanted: Wanted, state: Option<&MemberState>, seen_alive: bool) -> Verdict {
    match (wanted, state) {
        (Wanted::Attached, Some(MemberState::Successed)) => Verdict::Done,
        (Wanted::Attached, Some(MemberState::Failed)) => Verdict::Failed,
        // Before the first sight: not yet listed, or the entry of an earlier membership still is.
        (Wanted::Attached, None | Some(MemberState::Deleted)) => {
            if seen_alive {
                Verdict::Vanished
            } else {
                Verdict::Wait
            }
        }
        (Wanted::Attached, Some(MemberState::Installing | MemberState::Deleting | MemberState::Unrecognized(_))) => {
            Verdict::Wait
        }
        (Wanted::Absent, None | Some(MemberState::Deleted)) => Verdict::Done,
        (
            Wanted::Absent,
            Some(
                MemberState::Installing
                | MemberState::Successed
                | MemberState::Failed
                | MemberState::Deleting
                | MemberState::Unrecognized(_),
            ),
        ) => Verdict::Wait,
    }
}

pub(super) async fn wait(
    client: &CloudClient,
    fleet: &FleetId,
    member: &ClusterId,
    wanted: Wanted,
    context: &CallContext,
    progress: &mut (dyn FnMut(&WaitProgress) + Send),
) -> Result<Option<ManagedCluster>, WaitError> {
    let started = Instant::now();
    let policy = client.membership_policy();
    let mut pause = policy.first_poll.min(policy.poll_interval);
    let mut seen_alive = false;
    let mut last = WaitProgress { elapsed: Duration::ZERO, state: None, message: None, error: None };
    loop {
        let looked = Instant::now();
        match client.member(fleet, member, context).await {
            Ok(found) => {
                let state = found.as_ref().map(|found| found.membership.clone());
                let message = found.as_ref().and_then(|found| found.message.clone());
                last = WaitProgress { elapsed: started.elapsed(), state, message, error: None };
                progress(&last);
                match judge(wanted, last.state.as_ref(), seen_alive) {
                    Verdict::Done => return Ok(found),
                    Verdict::Failed => return Err(WaitError::Failed { message: last.message }),
                    Verdict::Vanished => return Err(WaitError::Vanished),
                    Verdict::Wait => {}
                }
                seen_alive |= matches!(last.state, Some(MemberState::Installing));
            }
            Err(CloudError::Cancelled { .. }) => return Err(WaitError::Cancelled { last: Box::new(last) }),
            Err(CloudError::DeadlineExceeded { .. }) => return Err(WaitError::TimedOut { last: Box::new(last) }),
            // No Fleet, no member.
            Err(error) if error.is_not_found() && wanted == Wanted::Absent => return Ok(None),
            Err(error) if error.is_retryable() => {
                last.elapsed = started.elapsed();
                last.error = Some(error);
                progress(&last);
            }
            Err(error) => return Err(WaitError::Cloud(Box::new(error))),
        }
        match context.pause_until(looked + pause).await {
            Pause::Over => {}
            Pause::Cancelled => return Err(WaitError::Cancelled { last: Box::new(last) }),
            Pause::PastDeadline => return Err(WaitError::TimedOut { last: Box::new(last) }),
        }
        pause = (pause * 2).min(policy.poll_interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sight_is_judged_by_the_table() {
        use MemberState::{Deleted, Deleting, Failed, Installing, Successed, Unrecognized};
        use Wanted::{Absent, Attached};
        let odd = Unrecognized("Odd".to_owned());
        let cases = [
            ("just after an attach absence means not yet listed", Attached, None, false, Verdict::Wait),
            ("it was being attached and is gone", Attached, None, true, Verdict::Vanished),
            ("the entry of an earlier membership", Attached, Some(&Deleted), false, Verdict::Wait),
            ("it was being attached and is deleted", Attached, Some(&Deleted), true, Verdict::Vanished),
            ("being attached", Attached, Some(&Installing), false, Verdict::Wait),
            ("attached", Attached, Some(&Successed), false, Verdict::Done),
            ("failed is final", Attached, Some(&Failed), false, Verdict::Failed),
            ("an earlier detach is not over", Attached, Some(&Deleting), false, Verdict::Wait),
            ("an unknown state may pass", Attached, Some(&odd), true, Verdict::Wait),
            ("gone", Absent, None, false, Verdict::Done),
            ("deleted counts as gone", Absent, Some(&Deleted), false, Verdict::Done),
            ("being detached", Absent, Some(&Deleting), false, Verdict::Wait),
            ("the detach does not show yet", Absent, Some(&Successed), false, Verdict::Wait),
            ("a failed member can be detached", Absent, Some(&Failed), false, Verdict::Wait),
        ];
        for (case, wanted, state, seen_alive, expected) in cases {
            assert_eq!(judge(wanted, state, seen_alive), expected, "{case}");
        }
    }
}
