//! Failures of the controller on demand.
//!
//! Driven by the sandbox's control endpoint and by tests, asked by the runtime and by passes. Each fault says for how
//! often or how long it holds; nothing else in the controller knows that it is being tested.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::alb::AlbCloud;

#[derive(Debug, Default)]
struct Plan {
    paused: bool,
    delay: Duration,
    failures: Option<(String, u32)>,
}

/// What is made to go wrong.
#[derive(Debug)]
pub struct ControllerFaults {
    plan: Mutex<Plan>,
    changed: watch::Sender<u64>,
    cloud: Arc<AlbCloud>,
}

impl ControllerFaults {
    pub(super) fn new(cloud: Arc<AlbCloud>) -> Self {
        Self { plan: Mutex::default(), changed: watch::Sender::new(0), cloud }
    }

    /// Refuses the next `times` load balancers with this text, such as `The quota is exceeded.`
    pub fn refuse_create_load_balancer(&self, message: &str, times: u32) {
        self.cloud.refuse("CreateLoadBalancer", message, times);
    }

    /// Refuses the next `times` calls of any action of the load balancer service.
    pub fn refuse(&self, action: &str, message: &str, times: u32) {
        self.cloud.refuse(action, message, times);
    }

    /// Starts no sync and no pass until resumed; a pass under way ends.
    pub fn pause(&self) {
        self.lock().paused = true;
        self.note_change();
    }

    /// Goes on with all that waits.
    pub fn resume(&self) {
        self.lock().paused = false;
        self.note_change();
    }

    /// Whether it is paused.
    #[must_use]
    pub fn paused(&self) -> bool {
        self.lock().paused
    }

    /// Makes every pass last this much longer, unscaled. Zero takes it back.
    pub fn delay_passes(&self, delay: Duration) {
        self.lock().delay = delay;
    }

    /// Fails the next `times` passes with this cloud text before they change anything. Zero takes it back.
    pub fn fail_passes(&self, message: &str, times: u32) {
        self.lock().failures = (times > 0).then(|| (message.to_owned(), times));
    }

    pub(super) fn delay(&self) -> Duration {
        self.lock().delay
    }

    /// The text this pass fails with.
    pub(super) fn take_failure(&self) -> Option<String> {
        let mut plan = self.lock();
        let (message, times) = plan.failures.as_mut()?;
        let text = message.clone();
        *times -= 1;
        if *times == 0 {
            plan.failures = None;
        }
        Some(text)
    }

    pub(super) fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_change(&self) {
        self.changed.send_modify(|revision| *revision += 1);
    }
}
