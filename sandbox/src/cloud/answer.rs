//! One call from request to answer: recognise, spoil, verify, authorise, carry out, log.
//!
//! The order is chosen so that a client's mistake shows even while a fault is set: a call is verified before a fault
//! answers it, except where the fault is that nothing reaches the service at all.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use serde_json::{Value, json};

use super::error::{AccessDenied, ApiError};
use super::metadata::{self, Question};
use super::parameters::Parameters;
use super::products::{Context, Target, recognise};
use super::server::Cloud;
use super::verify;
use super::wire::WireRequest;
use crate::call_log::Outcome;
use crate::faults::{Decision, Fault};
use crate::world::{AccessKey, Moment, Secret};

/// How an answer goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As it is.
    Whole,
    /// Half of the body, then the connection ends.
    Truncated,
    /// Nothing; the connection is closed.
    Dropped,
    /// Nothing; the connection is reset.
    Reset,
}

/// An answer, ready for the wire.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) ending: Ending,
}

/// A result with what the log wants to know beside it.
struct Done {
    result: Result<Value, ApiError>,
    unknown_parameters: Vec<String>,
}

impl Cloud {
    /// Answers one call.
    pub(crate) async fn answer(&self, request: WireRequest) -> Answer {
        let request_id = uuid::Uuid::new_v4().to_string().to_uppercase();
        let target = recognise(&request);
        let question = metadata::question(&request);
        let call = question.as_ref().map_or_else(|| target.call.clone(), Question::call);
        let decision = self.faults.decide(&call);
        if !decision.delay.is_zero() {
            tokio::time::sleep(decision.delay).await;
        }
        let skew = if let Some(Fault::Skew { seconds }) = decision.fault { seconds } else { 0 };
        let now = self.world.cloud_time().plus_seconds(skew);
        let mut outcome =
            Outcome { caller: verify::claimed_key(&request), request_id: request_id.clone(), ..Outcome::default() };
        let mut answer = if decision.fault == Some(Fault::Reset {}) {
            Answer { status: 0, headers: Vec::new(), body: Vec::new(), ending: Ending::Reset }
        } else if let Some(question) = &question {
            let done = match decision.fault.as_ref().and_then(refusal) {
                Some(error) => Err(error),
                None => self.answer_locally(&request, question, now),
            };
            if let Err(error) = &done {
                outcome.code.clone_from(&error.code);
            }
            match done {
                Ok(answer) => answer,
                Err(error) => page(&decision, &error).unwrap_or_else(|| metadata::refused(&error)),
            }
        } else {
            let done = self.perform(&request, &target, &decision, now);
            outcome.unknown_parameters = done.unknown_parameters;
            if let Err(error) = &done.result {
                outcome.code.clone_from(&error.code);
            }
            render(&request, &target, &decision, done.result, &request_id)
        };
        answer.ending = match decision.fault {
            Some(Fault::Reset {}) => Ending::Reset,
            Some(Fault::DropAfter {}) => Ending::Dropped,
            Some(Fault::Truncate {}) => Ending::Truncated,
            _ => Ending::Whole,
        };
        answer.headers.push(("date", now.http_date()));
        answer.headers.push(("x-acs-request-id", request_id));
        outcome.status = if matches!(answer.ending, Ending::Dropped | Ending::Reset) { 0 } else { answer.status };
        self.log.record(self.world.clock().now(), &call, &decision, outcome);
        answer
    }

    fn perform(&self, request: &WireRequest, target: &Target, decision: &Decision, now: Moment) -> Done {
        let mut unknown_parameters = Vec::new();
        let anonymous = target.operation.as_ref().is_ok_and(|operation| operation.anonymous);
        let caller = if anonymous { Ok(nobody()) } else { self.authenticate(request, now) };
        let result = caller.and_then(|caller| {
            let operation = target.operation.as_ref().map_err(Clone::clone)?;
            if let Some(error) = decision.fault.as_ref().and_then(refusal) {
                if decision.fault == Some(Fault::ExpireCredentials {}) {
                    self.end_key(&caller.id);
                }
                return Err(error);
            }
            let mut parameters = Parameters::read(request)?;
            for (name, value) in &target.path_parameters {
                parameters.insert(name, value.clone());
            }
            unknown_parameters = parameters.unknown(operation.parameters);
            if operation.needs_permission {
                self.authorise(&caller, target)?;
            }
            let context = Context {
                world: &self.world,
                caller: &caller,
                now,
                issuer: self.issuer.as_deref(),
                balancers: self.balancers.as_deref(),
            };
            let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(first) = tokens.first_answer(operation.action, &parameters)? {
                return Ok(first);
            }
            let answer = (operation.run)(&context, &parameters)?;
            tokens.remember(operation.action, &parameters, &answer);
            Ok(answer)
        });
        Done { result, unknown_parameters }
    }

    fn authenticate(&self, request: &WireRequest, now: Moment) -> Result<AccessKey, ApiError> {
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        let key_of = |id: &str| self.world.read(|state, _| state.keys.get(id).cloned());
        verify::verify(request, &key_of, &mut nonces, now)
    }

    /// Ends a temporary key for good; other keys have no end.
    fn end_key(&self, id: &str) {
        self.world.update(|state, now| {
            if let Some(key) = state.keys.get_mut(id).filter(|key| key.token.is_some()) {
                key.expires = Some(now);
            }
        });
    }

    fn authorise(&self, caller: &AccessKey, target: &Target) -> Result<(), ApiError> {
        let Some(product) = target.product else { return Ok(()) };
        let action = format!("{}:{}", product.code, target.call.action);
        if !caller.is_denied(&action) {
            return Ok(());
        }
        let message = format!("You are not authorized to do this action. You should be authorized by RAM: {action}.");
        let mut error = ApiError::new(403, product.denied_code, message);
        error.access_denied = Some(Box::new(AccessDenied {
            action,
            principal_type: if caller.assumed_role { "AssumedRoleUser" } else { "SubUser" }.to_owned(),
            principal: caller.principal.clone(),
            owner: self.world.read(|state, _| state.account_id.clone()),
        }));
        Err(error)
    }
}

/// Who calls without a signature.
fn nobody() -> AccessKey {
    AccessKey {
        id: String::new(),
        secret: Secret::new(""),
        token: None,
        expires: None,
        active: true,
        principal: "anonymous".to_owned(),
        principal_id: String::new(),
        assumed_role: false,
        denied: BTreeSet::new(),
        allowed: None,
        kubernetes_groups: Vec::new(),
    }
}

/// A proxy's page, if a fault puts one in the answer's place.
fn page(decision: &Decision, error: &ApiError) -> Option<Answer> {
    // Only a verified call reaches the page: its error has no code of its own.
    let wanted = error.code.is_empty() && matches!(decision.fault, Some(Fault::Html { .. }));
    wanted.then(|| Answer {
        status: error.status,
        headers: vec![("content-type", "text/html; charset=utf-8".to_owned())],
        body: format!(
            "<html><head><title>{0} Bad Gateway</title></head><body><h1>{0} Bad Gateway</h1><hr>proxy</body></html>\n",
            error.status
        )
        .into_bytes(),
        ending: Ending::Whole,
    })
}

/// The error with which a fault refuses a call; faults that do not refuse answer none.
fn refusal(fault: &Fault) -> Option<ApiError> {
    match fault {
        Fault::Throttle { retry_after_ms, code, status } => {
            let code = code.clone().unwrap_or_else(|| "Throttling.User".to_owned());
            let mut error = ApiError::new(status.unwrap_or(400), code, "Request was denied due to user flow control.");
            error.retry_after_ms = *retry_after_ms;
            Some(error)
        }
        Fault::Error { status, code, message } => {
            let message = message.clone().unwrap_or_else(|| "The request was refused by a fault rule.".to_owned());
            Some(ApiError::new(*status, code.clone(), message))
        }
        Fault::Unavailable {} => Some(ApiError::new(
            503,
            "ServiceUnavailable",
            "The request has failed due to a temporary failure of the server.",
        )),
        Fault::Html { status } => Some(ApiError::new(status.unwrap_or(502), "", "")),
        Fault::ExpireCredentials {} => Some(verify::expired_token()),
        Fault::Conflict {} => {
            Some(ApiError::new(409, "OperationConflict", "The operation conflicts with another one."))
        }
        Fault::Latency { .. }
        | Fault::Reset {}
        | Fault::DropAfter {}
        | Fault::Truncate {}
        | Fault::DropWatches {}
        | Fault::Skew { .. } => None,
    }
}

fn render(
    request: &WireRequest,
    target: &Target,
    decision: &Decision,
    result: Result<Value, ApiError>,
    request_id: &str,
) -> Answer {
    let (product, roa) = target.product.map_or(("", false), |product| (product.code, product.roa));
    let json_type = ("content-type", "application/json;charset=utf-8".to_owned());
    match result {
        Ok(mut value) => {
            if let (false, Some(object)) = (roa, value.as_object_mut()) {
                object.insert("RequestId".to_owned(), json!(request_id));
            }
            let body = value.to_string().into_bytes();
            Answer { status: 200, headers: vec![json_type], body, ending: Ending::Whole }
        }
        Err(error) => {
            if let Some(page) = page(decision, &error) {
                return page;
            }
            let host = request.header("host").unwrap_or_default();
            let mut headers = vec![json_type];
            if let Some(ms) = error.retry_after_ms {
                headers.push(("x-acs-retry-after", ms.to_string()));
            }
            let body = error.body(request_id, host, product, roa).to_string().into_bytes();
            Answer { status: error.status, headers, body, ending: Ending::Whole }
        }
    }
}
