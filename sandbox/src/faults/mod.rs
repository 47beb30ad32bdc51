//! Faults on demand: rules that spoil chosen calls of any simulated API.
//!
//! Every API asks [`FaultInjector::decide`] once for each call and carries out the answer in its own way; the rules come
//! from the command line and the control endpoint. The injector counts all calls over all APIs, so that "fail the k-th
//! remote call" is a rule like any other. There is no chance in it: the same calls meet the same faults.

mod kubernetes;
mod spec;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use kubernetes::{KubernetesRefusal, kubernetes_refusal};
pub use spec::{SpecError, parse_spec};

/// One call, as seen by the rules and by the call log. Names only: nothing of a body, header or signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// `adcp`, `sts`, `vpc`, `cs`, `ecs`, `alb`, `metadata`, `credentials-uri` or `kubernetes`.
    pub api: String,
    /// The cloud action, or the Kubernetes verb (`get`, `list`, `watch`, `create`, `update`, `patch`, `delete`; an apply is
    /// a `patch`).
    pub action: String,
    /// The kind of object, such as `ingresses`; empty for cloud calls.
    pub resource: String,
    /// The object's `namespace/name` or id, as far as the call names one.
    pub name: String,
}

/// Which calls a rule is about; what is left out, or `*`, matches everything, and a `*` at the end matches the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// The API.
    pub api: Option<String>,
    /// The action or verb.
    pub action: Option<String>,
    /// The kind of object.
    pub resource: Option<String>,
    /// The object's name.
    pub name: Option<String>,
}

impl Match {
    fn fits(&self, call: &Call) -> bool {
        fits(self.api.as_deref(), &call.api)
            && fits(self.action.as_deref(), &call.action)
            && fits(self.resource.as_deref(), &call.resource)
            && fits(self.name.as_deref(), &call.name)
    }
}

fn fits(pattern: Option<&str>, text: &str) -> bool {
    match pattern {
        None => true,
        Some(pattern) => match pattern.strip_suffix('*') {
            Some(prefix) => text.starts_with(prefix),
            None => pattern == text,
        },
    }
}

/// Which of the matching calls a rule spoils; what is left out does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// Only the n-th matching call, and with `count` the following ones; the first is 1.
    pub nth: Option<u64>,
    /// Only each n-th matching call.
    pub every: Option<u64>,
    /// Only the k-th call of all, over all APIs, since the counter was reset.
    pub call: Option<u64>,
    /// At most this often; 1 when `nth` or `call` is given and this is not.
    pub count: Option<u64>,
}

impl When {
    fn limit(&self) -> Option<u64> {
        self.count.or((self.nth.is_some() || self.call.is_some()).then_some(1))
    }

    fn fires(&self, seen: u64, fired: u64, call: u64) -> bool {
        self.limit().is_none_or(|limit| fired < limit)
            && self.nth.is_none_or(|nth| seen >= nth)
            && self.every.is_none_or(|every| every > 0 && seen.is_multiple_of(every))
            && self.call.is_none_or(|k| call == k)
    }
}

/// What happens to a spoiled call. Kinds without settings have braces too: only so are unknown settings refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The answer comes late; other rules still apply.
    Latency {
        /// How late.
        ms: u64,
    },
    /// Refused as too many calls: a `Throttling` code, or 429 from Kubernetes.
    Throttle {
        /// Sent in `x-acs-retry-after` (milliseconds) or `Retry-After`; left out when absent.
        #[serde(default)]
        retry_after_ms: Option<u64>,
        /// The code instead of `Throttling.User`.
        #[serde(default)]
        code: Option<String>,
        /// The status instead of 400.
        #[serde(default)]
        status: Option<u16>,
    },
    /// Refused with this status and code.
    Error {
        /// The HTTP status.
        status: u16,
        /// The API code, or the Kubernetes reason.
        code: String,
        /// The message.
        #[serde(default)]
        message: Option<String>,
    },
    /// 503 `ServiceUnavailable`.
    Unavailable {},
    /// An HTML page, as proxies and gateways send it.
    Html {
        /// Its status; 502 when left out.
        #[serde(default)]
        status: Option<u16>,
    },
    /// The connection is reset before anything is done.
    Reset {},
    /// Everything is done, then the connection is dropped without an answer.
    DropAfter {},
    /// Everything is done; the answer breaks off in the middle.
    Truncate {},
    /// The temporary keys of this call end for good, so it and all later ones with them are refused. With keys that have no
    /// end, and in Kubernetes, this call alone is refused so.
    ExpireCredentials {},
    /// Refused as a conflict: 409 from Kubernetes, `OperationConflict` from the cloud.
    Conflict {},
    /// Kubernetes ends all watches; other calls are not touched.
    DropWatches {},
    /// The cloud's clock is off for this call; only far skews are refused.
    Skew {
        /// By how many seconds, backwards when negative.
        seconds: i64,
    },
}

/// A rule as it is written by a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// Which calls.
    #[serde(rename = "match", default)]
    pub matching: Match,
    /// Which of them.
    #[serde(default)]
    pub when: When,
    /// What happens.
    #[serde(rename = "fault")]
    pub fault: Fault,
}

/// A rule at work.
#[derive(Clone, Debug, Serialize)]
pub struct Rule {
    /// Its number.
    pub id: u64,
    /// What was asked for.
    #[serde(flatten)]
    pub spec: RuleSpec,
    /// How many calls matched.
    pub seen: u64,
    /// How many calls it spoiled.
    pub fired: u64,
}

/// What shall happen to a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// The call's number over all APIs since the last reset.
    pub call: u64,
    /// How long to wait before answering.
    pub delay: Duration,
    /// What to do instead of, or after, the work.
    pub fault: Option<Fault>,
}

#[derive(Debug, Default)]
struct Inner {
    rules: Vec<Rule>,
    next_id: u64,
    calls: u64,
}

/// The rules and their counters, shared by all simulated APIs.
#[derive(Debug, Default)]
pub struct FaultInjector {
    inner: Mutex<Inner>,
}

impl FaultInjector {
    /// An injector without rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a call and says what shall happen to it. To be asked exactly once for each call.
    pub fn decide(&self, call: &Call) -> Decision {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.calls += 1;
        let mut decision = Decision { call: inner.calls, ..Decision::default() };
        for rule in &mut inner.rules {
            if !rule.spec.matching.fits(call) {
                continue;
            }
            rule.seen += 1;
            if !rule.spec.when.fires(rule.seen, rule.fired, decision.call) {
                continue;
            }
            match &rule.spec.fault {
                Fault::Latency { ms } => {
                    rule.fired += 1;
                    decision.delay += Duration::from_millis(*ms);
                }
                // A second fault for the same call waits for its next chance.
                fault if decision.fault.is_none() => {
                    rule.fired += 1;
                    decision.fault = Some(fault.clone());
                }
                _ => {}
            }
        }
        decision
    }

    /// Adds a rule and answers its number.
    pub fn add(&self, spec: RuleSpec) -> u64 {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.next_id += 1;
        let id = inner.next_id;
        inner.rules.push(Rule { id, spec, seen: 0, fired: 0 });
        id
    }

    /// Removes a rule; answers whether it was there.
    pub fn remove(&self, id: u64) -> bool {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let before = inner.rules.len();
        inner.rules.retain(|rule| rule.id != id);
        inner.rules.len() != before
    }

    /// Removes all rules.
    pub fn clear(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).rules.clear();
    }

    /// The rules with their counters.
    pub fn rules(&self) -> Vec<Rule> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).rules.clone()
    }

    /// How many calls there were, over all APIs, since the last reset.
    pub fn calls(&self) -> u64 {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).calls
    }

    /// Starts counting calls anew; the rules stay.
    pub fn reset_calls(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).calls = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(api: &str, action: &str) -> Call {
        Call { api: api.to_owned(), action: action.to_owned(), ..Call::default() }
    }

    fn injector(specs: &[&str]) -> FaultInjector {
        let injector = FaultInjector::new();
        for spec in specs {
            injector.add(parse_spec(spec).unwrap());
        }
        injector
    }

    #[test]
    fn the_kth_call_over_all_apis_fails_and_no_other() {
        let injector = injector(&["*=reset,call=3"]);
        let calls = [call("adcp", "A"), call("kubernetes", "get"), call("vpc", "B"), call("adcp", "A")];
        let hits: Vec<bool> = calls.iter().map(|c| injector.decide(c).fault.is_some()).collect();
        assert_eq!(hits, [false, false, true, false]);
        injector.reset_calls();
        let again: Vec<bool> = calls.iter().map(|c| injector.decide(c).fault.is_some()).collect();
        assert_eq!(again, [false; 4], "a rule for one call is spent");
    }

    #[test]
    fn nth_every_and_count_choose_among_the_matching_calls() {
        for (spec, want) in [
            ("adcp/Attach*=unavailable,nth=2", "-x----"),
            ("adcp/Attach*=unavailable,nth=2,count=3", "-xxx--"),
            ("adcp/Attach*=unavailable,every=2", "-x-x-x"),
            ("adcp/Attach*=unavailable,count=2", "xx----"),
            ("adcp/Attach*=unavailable", "xxxxxx"),
        ] {
            let injector = injector(&[spec]);
            let mut got = String::new();
            for _ in 0..6 {
                assert_eq!(injector.decide(&call("adcp", "DetachClusterFromHub")).fault, None);
                let hit = injector.decide(&call("adcp", "AttachClusterToHub")).fault.is_some();
                got.push(if hit { 'x' } else { '-' });
            }
            assert_eq!(got, want, "{spec}");
        }
    }

    #[test]
    fn latencies_add_up_and_the_first_other_fault_wins() {
        let injector =
            injector(&["*=latency,ms=20", "adcp=throttle,count=1", "adcp=unavailable,count=1", "adcp=latency,ms=5"]);
        let first = injector.decide(&call("adcp", "A"));
        assert_eq!(first.delay, Duration::from_millis(25));
        assert!(matches!(first.fault, Some(Fault::Throttle { .. })));
        assert_eq!(injector.decide(&call("adcp", "A")).fault, Some(Fault::Unavailable {}));
        assert_eq!(injector.decide(&call("adcp", "A")).fault, None);
        let fired: Vec<u64> = injector.rules().iter().map(|rule| rule.fired).collect();
        assert_eq!(fired, [3, 1, 1, 3]);
    }

    #[test]
    fn names_and_kinds_narrow_a_rule() {
        let injector = injector(&["kubernetes/patch/ingresses/gateway-demo/grpc-ingress=conflict"]);
        let mut apply = Call {
            resource: "ingresses".to_owned(),
            name: "gateway-demo/other".to_owned(),
            ..call("kubernetes", "patch")
        };
        assert_eq!(injector.decide(&apply).fault, None);
        apply.name = "gateway-demo/grpc-ingress".to_owned();
        assert_eq!(injector.decide(&apply).fault, Some(Fault::Conflict {}));
    }

    #[test]
    fn removing_a_rule_ends_it() {
        let injector = injector(&["*=reset"]);
        let id = injector.rules()[0].id;
        assert!(injector.remove(id) && !injector.remove(id));
        assert_eq!(injector.decide(&call("adcp", "A")).fault, None);
        assert_eq!(injector.calls(), 1);
    }
}
