//! When the controller has surely worked on *our* write.
//!
//! A pass of the controller ends with a new `SuccessfullyReconciled` on the object and a new hash label, but the pass
//! that was under way while we wrote may have missed the write and stamps it all the same. So the second end after the
//! server's answer counts, or one end followed by 15 s of quiet. A state machine without clock: the caller feeds what
//! it sees and the time since it began to look.
//!
//! One end and quiet need a sign that the controller took the write up: `Sync`, or a label that changed. It skips an object
//! whose hash is the one it stamped last, so a write that takes an edit back while a pass over that edit runs is followed by
//! one end, the edit's, and then by nothing: the edit stays in the cloud.
//!
//! How many passes ended is the larger of two numbers, never their sum: how often the success was recorded anew, and
//! how often the label changed. Each pass adds at most one to each of them, however far apart its label and its Event
//! are told, so no pass counts twice; and two passes that follow each other quickly are still two.

use std::time::Duration;

/// No further pass after this: the controller re-queues its own writes within 6 s.
pub const QUIET: Duration = Duration::from_secs(15);
/// No pass lasts longer. A first publish takes the cloud about 55 s, other passes some 10 s (ALB Ingress controller).
pub const LONGEST_PASS: Duration = Duration::from_secs(90);

/// What the proof rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Two passes ended after the write was answered.
    SecondPass,
    /// One pass ended after it, and nothing came for 15 s.
    QuietAfterPass,
}

/// Where the proof stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Not proved; look again at this time even if nothing happens (`None`: only a signal can help).
    Pending {
        /// Time since the beginning.
        look_again_at: Option<Duration>,
    },
    /// The write was worked on.
    Done(Evidence),
}

/// The state machine for one object and one write.
#[derive(Clone, Debug)]
pub struct ReconcileProof {
    successes: u64,
    label: Option<String>,
    answered: Option<Duration>,
    /// Successes told after the answer. A count that grows by more than one is one: what client-go dropped of it may be
    /// of passes before the answer.
    told: u32,
    /// Changes of the label after the answer.
    stamped: u32,
    last_signal: Option<Duration>,
    failed_since: bool,
    /// Whether a pass was begun after the answer, as far as that can be told.
    taken_up: bool,
    /// How many ends of passes are due, two at most: one taken up while a pass ran leads to another pass.
    ends_due: u8,
    /// Successes and changes of the label since the beginning: the larger number is that of the passes that ended.
    ever: (u32, u32),
}

impl ReconcileProof {
    /// Begins before the write, with the success count and the hash label as they are then.
    pub fn new(successes: u64, label: Option<&str>) -> Self {
        Self {
            successes,
            label: label.map(str::to_owned),
            answered: None,
            told: 0,
            stamped: 0,
            last_signal: None,
            failed_since: false,
            taken_up: false,
            ends_due: 0,
            ever: (0, 0),
        }
    }

    /// The server accepted the write. Everything before proves nothing.
    pub fn answered(&mut self, at: Duration) {
        self.answered = Some(at);
        self.told = 0;
        self.stamped = 0;
        self.last_signal = None;
        self.failed_since = false;
        self.taken_up = false;
    }

    /// A pass stamped the object after the server took the write, though it was seen before the answer: answers may be
    /// slow or lost.
    pub fn ended_meanwhile(&mut self, at: Duration) {
        if self.ends(at, (0, 0)) {
            self.stamped += 1;
            self.taken_up = true;
        }
    }

    /// The count of `SuccessfullyReconciled` on the object.
    pub fn saw_successes(&mut self, count: u64, at: Duration) -> Proof {
        // A count that shrinks is a new Event object after the old one expired.
        let grown = count > self.successes;
        self.successes = count;
        if grown && self.ends(at, (1, 0)) {
            self.told += 1;
        }
        self.at(at)
    }

    /// The hash label of the object.
    pub fn saw_label(&mut self, label: Option<&str>, at: Duration) -> Proof {
        let changed = label.is_some() && label != self.label.as_deref();
        self.label = label.map(str::to_owned);
        if changed && self.ends(at, (0, 1)) {
            self.stamped += 1;
            self.taken_up = true;
        }
        self.at(at)
    }

    /// The controller took the object up (`Sync`): a pass begins, and the quiet begins anew.
    pub fn saw_sync(&mut self, at: Duration) -> Proof {
        self.taken_up |= self.is_after_answer(at);
        self.ends_due = self.ends_due.saturating_add(1).min(2);
        self.saw_activity(at)
    }

    /// Some other sign of life: the quiet begins anew.
    pub fn saw_activity(&mut self, at: Duration) -> Proof {
        self.last_signal = Some(at);
        self.at(at)
    }

    /// A Warning that is not known to heal by itself: quiet proves nothing until a further pass ends well.
    pub fn saw_failure(&mut self, at: Duration) -> Proof {
        self.last_signal = Some(at);
        self.failed_since = true;
        self.at(at)
    }

    /// How many passes ended after the answer.
    pub const fn ends_seen(&self) -> u32 {
        if self.told > self.stamped { self.told } else { self.stamped }
    }

    /// The proof at a time when nothing else happened.
    pub fn at(&self, now: Duration) -> Proof {
        let ends = self.ends_seen();
        if ends >= 2 {
            return Proof::Done(Evidence::SecondPass);
        }
        if ends == 0 || self.failed_since || !self.is_taken_up() {
            return Proof::Pending { look_again_at: None };
        }
        let until = self.quiet_at(now);
        if now >= until { Proof::Done(Evidence::QuietAfterPass) } else { Proof::Pending { look_again_at: Some(until) } }
    }

    /// When it is clear that the controller passed the write over: a pass ended, nothing tells that it was taken up, and
    /// then it is quiet. `None` while that is not so.
    pub fn passed_over_at(&self, now: Duration) -> Option<Duration> {
        (self.ends_seen() == 1 && !self.failed_since && !self.is_taken_up()).then(|| self.quiet_at(now))
    }

    /// A controller that stamps no label gives no sign of what it takes up.
    const fn is_taken_up(&self) -> bool {
        self.taken_up || self.label.is_none()
    }

    fn quiet_at(&self, now: Duration) -> Duration {
        self.last_signal.unwrap_or(now) + if self.ends_due > 0 { LONGEST_PASS } else { QUIET }
    }

    fn is_after_answer(&self, at: Duration) -> bool {
        self.answered.is_some_and(|answered| at >= answered)
    }

    /// Notes that a pass ended, by a success and a label more; answers whether that was after the answer.
    fn ends(&mut self, at: Duration, (told, stamped): (u32, u32)) -> bool {
        self.last_signal = Some(at);
        let before = self.ever.0.max(self.ever.1);
        self.ever = (self.ever.0 + told, self.ever.1 + stamped);
        if self.ever.0.max(self.ever.1) > before {
            self.ends_due = self.ends_due.saturating_sub(1);
        }
        if !self.is_after_answer(at) {
            return false;
        }
        // What ends so late has begun after the answer.
        self.taken_up |= self.answered.is_some_and(|answered| at >= answered + LONGEST_PASS);
        self.failed_since = false;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    fn pending(proof: Proof) -> bool {
        matches!(proof, Proof::Pending { .. })
    }

    #[test]
    fn situation_i_label_and_success_a_tenth_of_a_second_after_the_edit_prove_nothing() {
        let mut proof = ReconcileProof::new(3, Some("h1"));
        proof.answered(ms(0));
        assert!(pending(proof.saw_label(Some("h2"), ms(100))));
        assert!(pending(proof.saw_successes(4, ms(110))), "label and event of one pass are one end");
        assert_eq!(proof.saw_successes(5, ms(2_800)), Proof::Done(Evidence::SecondPass));
    }

    #[test]
    fn label_and_event_of_one_pass_are_one_end_however_late_the_event_is() {
        let mut proof = ReconcileProof::new(3, Some("h1"));
        proof.answered(ms(0));
        assert!(pending(proof.saw_label(Some("h2"), ms(100))));
        assert!(pending(proof.saw_successes(4, ms(5_000))));
        // The other order, as a watch that lags may tell it.
        let mut proof = ReconcileProof::new(3, Some("h1"));
        proof.answered(ms(0));
        assert!(pending(proof.saw_successes(4, ms(100))));
        assert!(pending(proof.saw_label(Some("h2"), ms(5_000))));
    }

    #[test]
    fn two_quick_passes_are_two_ends() {
        let mut proof = ReconcileProof::new(3, Some("h1"));
        proof.answered(ms(0));
        assert!(pending(proof.saw_label(Some("h2"), ms(100))));
        assert!(pending(proof.saw_successes(4, ms(101))));
        assert_eq!(proof.saw_successes(5, ms(300)), Proof::Done(Evidence::SecondPass));
    }

    #[test]
    fn a_count_that_jumps_is_one_end_because_what_was_dropped_may_be_older() {
        let mut proof = ReconcileProof::new(3, Some("h1"));
        proof.answered(ms(0));
        assert!(pending(proof.saw_successes(9, ms(1_000))));
        assert_eq!(proof.saw_successes(10, ms(2_000)), Proof::Done(Evidence::SecondPass));
    }

    #[test]
    fn situation_q_the_pass_that_missed_the_edit_stamps_it_and_only_the_next_counts() {
        let mut proof = ReconcileProof::new(1, Some("h1"));
        // A first edit at 0 started a pass; ours is answered at 1.2 s; that pass ends at 2.6 s, the cloud has our rule
        // at 5.1 s.
        assert!(pending(proof.saw_sync(ms(0))));
        proof.answered(ms(1_200));
        assert!(pending(proof.saw_sync(ms(1_250))));
        assert!(pending(proof.saw_label(Some("h-of-ours"), ms(2_600))));
        assert!(pending(proof.saw_successes(2, ms(2_650))));
        assert!(pending(proof.at(ms(5_000))));
        assert!(pending(proof.at(ms(60_000))), "the pass over ours may take long, and is known to be due");
        assert_eq!(proof.saw_successes(3, ms(5_150)), Proof::Done(Evidence::SecondPass));
    }

    #[test]
    fn one_pass_counts_after_quiet_and_activity_starts_the_quiet_anew() {
        let mut proof = ReconcileProof::new(0, None);
        proof.answered(ms(0));
        assert_eq!(proof.saw_successes(1, ms(3_000)), Proof::Pending { look_again_at: Some(ms(18_000)) });
        assert_eq!(proof.saw_activity(ms(10_000)), Proof::Pending { look_again_at: Some(ms(25_000)) });
        assert!(pending(proof.at(ms(24_999))));
        assert_eq!(proof.at(ms(25_000)), Proof::Done(Evidence::QuietAfterPass));
    }

    #[test]
    fn what_came_before_the_answer_and_silence_prove_nothing() {
        let mut proof = ReconcileProof::new(0, None);
        assert!(pending(proof.saw_successes(1, ms(10))));
        assert!(pending(proof.saw_label(Some("h"), ms(20))));
        proof.answered(ms(30));
        proof.saw_label(Some("late news of an earlier pass"), ms(25));
        assert_eq!(proof.at(ms(3_600_000)), Proof::Pending { look_again_at: None });
        assert!(pending(proof.saw_successes(1, ms(40))), "the same count is no end");
        assert!(pending(proof.saw_label(None, ms(50))), "a vanished label is no end");
    }

    #[test]
    fn an_end_between_write_and_answer_counts_as_the_first() {
        let mut proof = ReconcileProof::new(0, Some("h1"));
        proof.saw_label(Some("h2"), ms(3_000));
        proof.answered(ms(4_000));
        proof.ended_meanwhile(ms(4_000));
        assert_eq!(proof.at(ms(4_000)), Proof::Pending { look_again_at: Some(ms(19_000)) });
        assert_eq!(proof.at(ms(19_000)), Proof::Done(Evidence::QuietAfterPass));
    }

    #[test]
    fn the_end_of_a_pass_over_an_edit_that_the_write_took_back_proves_nothing_however_quiet_it_is() {
        // The label is still that of before the edit, so the controller skips the write.
        let mut proof = ReconcileProof::new(1, Some("h1"));
        proof.saw_sync(ms(0));
        proof.answered(ms(2_000));
        assert_eq!(proof.passed_over_at(ms(5_000)), None);
        assert_eq!(proof.saw_successes(2, ms(6_000)), Proof::Pending { look_again_at: None });
        assert_eq!(proof.passed_over_at(ms(6_000)), Some(ms(21_000)));
        assert!(pending(proof.saw_activity(ms(7_000))), "some other sign of life is none of a pass");
        assert!(pending(proof.at(ms(600_000))));
        let mut taken_up = proof.clone();
        assert!(pending(taken_up.saw_sync(ms(700_000))), "its pass must end");
        assert!(pending(taken_up.at(ms(789_000))), "it may take long");
        assert_eq!(taken_up.at(ms(790_000)), Proof::Done(Evidence::QuietAfterPass));
        assert_eq!(taken_up.passed_over_at(ms(790_000)), None);
        assert_eq!(proof.saw_successes(3, ms(700_000)), Proof::Done(Evidence::SecondPass));
    }

    #[test]
    fn one_end_so_late_that_its_pass_began_after_the_write_counts_with_quiet() {
        let mut proof = ReconcileProof::new(1, Some("h1"));
        proof.answered(ms(0));
        assert_eq!(proof.saw_successes(2, ms(90_000)), Proof::Pending { look_again_at: Some(ms(105_000)) });
        assert_eq!(proof.at(ms(105_000)), Proof::Done(Evidence::QuietAfterPass));
    }

    #[test]
    fn a_failure_after_the_first_end_needs_a_further_end() {
        let mut proof = ReconcileProof::new(0, Some("h"));
        proof.answered(ms(0));
        proof.saw_successes(1, ms(1_000));
        assert_eq!(proof.saw_failure(ms(4_000)), Proof::Pending { look_again_at: None });
        assert!(pending(proof.at(ms(60_000))));
        assert_eq!(proof.saw_successes(2, ms(61_000)), Proof::Done(Evidence::SecondPass));
    }

    #[test]
    fn without_events_the_label_alone_leads_to_quiet() {
        let mut proof = ReconcileProof::new(0, Some("h1"));
        proof.answered(ms(0));
        assert!(pending(proof.saw_label(Some("h2"), ms(2_600))));
        assert_eq!(proof.at(ms(17_600)), Proof::Done(Evidence::QuietAfterPass));
    }
}
