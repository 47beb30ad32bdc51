//! The gate of the Fleet's API server: asks the fault rules about each call and writes the call log.
//!
//! The simulated controller's own calls pass unseen: rules and counters are about what the sandbox's users do, and "the
//! seventh call" must not depend on how busy the controller is.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use crate::apiserver::gate::{ApiCall, GateDecision, RequestGate, Watched};
use crate::call_log::{CallLog, Outcome};
use crate::faults::{Call, Decision, Fault, FaultInjector, kubernetes_refusal};
use crate::world::Clock;

/// The user the simulated controller calls as.
pub(super) const CONTROLLER_USER: &str = "system:serviceaccount:kube-system:load-balancer-controller";
/// The call log's and the rules' name of the Kubernetes API.
const API: &str = "kubernetes";
/// Calls whose end was never told, because their connection went away meanwhile, are forgotten beyond this number.
const MOST_OPEN: usize = 4096;

/// Fault rules and call log at the API server's door.
pub(super) struct FaultGate {
    faults: Arc<FaultInjector>,
    log: Arc<CallLog>,
    clock: Clock,
    server: OnceLock<Weak<dyn Watched>>,
    open: Mutex<BTreeMap<u64, (Call, Decision)>>,
}

impl std::fmt::Debug for FaultGate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultGate").field("faults", &self.faults).finish_non_exhaustive()
    }
}

impl FaultGate {
    pub(super) fn new(faults: Arc<FaultInjector>, log: Arc<CallLog>, clock: Clock) -> Self {
        Self { faults, log, clock, server: OnceLock::new(), open: Mutex::default() }
    }

    /// Names the server whose watches a rule may end; it exists only after its gate.
    pub(super) fn guard(&self, server: Weak<dyn Watched>) {
        if self.server.set(server).is_err() {
            tracing::warn!("the gate has a server already");
        }
    }

    fn record(&self, call: &Call, decision: &Decision, user: &str, status: u16) {
        let code = match &decision.fault {
            Some(fault) => kubernetes_refusal(fault, call).map(|refusal| refusal.reason),
            None => None,
        };
        let outcome = Outcome {
            status,
            code: code.unwrap_or_else(|| reason(status, &call.action).to_owned()),
            caller: user.to_owned(),
            ..Outcome::default()
        };
        self.log.record(self.clock.now(), call, decision, outcome);
    }
}

/// The reason a `Status` of this code carries, as far as code and verb tell it.
fn reason(status: u16, verb: &str) -> &'static str {
    match status {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        409 if verb == "create" => "AlreadyExists",
        409 => "Conflict",
        410 => "Expired",
        413 => "RequestEntityTooLarge",
        415 => "UnsupportedMediaType",
        422 => "Invalid",
        _ => "",
    }
}

/// The call as rules and log name it.
fn named(call: &ApiCall) -> Call {
    let resource = match call.subresource.as_str() {
        "" => call.resource.clone(),
        subresource => format!("{}/{subresource}", call.resource),
    };
    let name = match (call.resource.as_str(), call.namespace.as_str()) {
        ("", _) => call.path.clone(),
        (_, "") => call.name.clone(),
        (_, namespace) if call.name.is_empty() => namespace.to_owned(),
        (_, namespace) => format!("{namespace}/{}", call.name),
    };
    Call { api: API.to_owned(), action: call.verb.clone(), resource, name }
}

/// Logs a call whose caller went away while it was held back.
struct Held<'a> {
    gate: &'a FaultGate,
    user: &'a str,
    call: Option<(Call, Decision)>,
}

impl Held<'_> {
    fn release(mut self) -> Option<(Call, Decision)> {
        self.call.take()
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some((call, decision)) = &self.call {
            self.gate.record(call, decision, self.user, 0);
        }
    }
}

impl RequestGate for FaultGate {
    fn before<'a>(&'a self, call: &'a ApiCall) -> Pin<Box<dyn Future<Output = GateDecision> + Send + 'a>> {
        Box::pin(async move {
            if call.user == CONTROLLER_USER {
                return GateDecision::Pass;
            }
            let known = named(call);
            let decision = self.faults.decide(&known);
            let answer = match &decision.fault {
                Some(Fault::Reset {}) => GateDecision::Reset,
                Some(Fault::DropAfter {}) => GateDecision::DropResponse,
                Some(Fault::Truncate {}) => GateDecision::Truncate,
                Some(fault) => match kubernetes_refusal(fault, &known) {
                    Some(refusal) => {
                        GateDecision::Respond { status: refusal.status, headers: refusal.headers, body: refusal.body }
                    }
                    None => GateDecision::Pass,
                },
                None => GateDecision::Pass,
            };
            let delay = decision.delay;
            let held = Held { gate: self, user: &call.user, call: Some((known, decision)) };
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            if let Some(entry) = held.release() {
                let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
                if open.len() >= MOST_OPEN {
                    open.pop_first();
                }
                open.insert(call.number, entry);
            }
            answer
        })
    }

    fn after(&self, call: &ApiCall, status: u16) {
        let entry = self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&call.number);
        let Some((known, decision)) = entry else { return };
        let lost = matches!(decision.fault, Some(Fault::DropAfter {} | Fault::Reset {}));
        self.record(&known, &decision, &call.user, if lost { 0 } else { status });
        if matches!(decision.fault, Some(Fault::DropWatches {}))
            && let Some(server) = self.server.get().and_then(Weak::upgrade)
        {
            server.drop_watches();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::faults::parse_spec;
    use crate::world::Moment;

    fn gate(specs: &[&str]) -> FaultGate {
        let faults = FaultInjector::new();
        for spec in specs {
            faults.add(parse_spec(spec).unwrap());
        }
        FaultGate::new(Arc::new(faults), Arc::new(CallLog::new()), Clock::manual(Moment::from_millis(0)))
    }

    fn call(number: u64, user: &str) -> ApiCall {
        ApiCall {
            number,
            verb: "patch".to_owned(),
            resource: "ingresses".to_owned(),
            namespace: "gateway-demo".to_owned(),
            name: "grpc-ingress".to_owned(),
            user: user.to_owned(),
            ..ApiCall::default()
        }
    }

    #[tokio::test]
    async fn a_fault_travels_from_the_question_to_the_log() {
        let gate = gate(&["kubernetes/patch/ingresses/gateway-demo/grpc-ingress=conflict,nth=2"]);
        for number in 1..=2 {
            let call = call(number, "somebody");
            let decision = gate.before(&call).await;
            let status = match decision {
                GateDecision::Respond { status, .. } => status,
                _ => 200,
            };
            gate.after(&call, status);
        }
        let entries = gate.log.entries();
        let seen: Vec<_> = entries.iter().map(|e| (e.call, e.status, e.code.as_str(), e.fault.as_str())).collect();
        assert_eq!(seen, [(1, 200, "", ""), (2, 409, "Conflict", "conflict")]);
        assert_eq!((entries[0].name.as_str(), entries[0].caller.as_str()), ("gateway-demo/grpc-ingress", "somebody"));
    }

    #[tokio::test]
    async fn the_controllers_calls_are_neither_counted_nor_spoiled() {
        let gate = gate(&["*=reset"]);
        let call = call(1, CONTROLLER_USER);
        assert_eq!(gate.before(&call).await, GateDecision::Pass);
        gate.after(&call, 200);
        assert!(gate.log.entries().is_empty() && gate.faults.calls() == 0);
    }

    #[tokio::test]
    async fn a_caller_that_gives_up_during_a_delay_is_logged() {
        let gate = gate(&["*=latency,ms=600000"]);
        let call = call(1, "somebody");
        let asked = tokio::time::timeout(Duration::from_millis(1), gate.before(&call)).await;
        assert!(asked.is_err(), "it must still be held back");
        assert_eq!(gate.log.entries().iter().map(|entry| entry.status).collect::<Vec<_>>(), [0]);
    }
}
