//! The server's `Status` answers, and the tables that say which problem one is.
//!
//! A problem follows from the HTTP status, `reason`, `details` and `causes` (Kubernetes API conventions, "Response status
//! kind"). Message text is read only for facts that exist nowhere else: the manager in a field conflict, the user in a
//! refusal, the fields of a strict decoding error. Called by [`error`](super::error) and [`watch`](super::watch).

use std::time::Duration;

use serde_json::Value;

use super::{
    error::{ManagerConflict, Problem, Verb},
    object::Kind,
};

/// One entry of `Status.details.causes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Machine-readable reason, such as `FieldValueInvalid`.
    pub reason: String,
    /// Field path as the server writes it, such as `spec.rules[0].host`.
    pub field: String,
    /// Text for people.
    pub message: String,
}

/// The server's `Status` object, or what could be made of another body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// HTTP status.
    pub code: u16,
    /// `reason`, empty if the server gave none.
    pub reason: String,
    /// `message`.
    pub message: String,
    /// `details.kind`: a plural, despite its name.
    pub details_kind: String,
    /// `details.name`.
    pub details_name: String,
    /// `details.causes`.
    pub causes: Vec<Cause>,
    /// `details.retryAfterSeconds` or the `Retry-After` header.
    pub retry_after: Option<Duration>,
}

impl Status {
    /// Reads an error answer; a body that is no `Status` leaves all but the code empty.
    pub fn parse(code: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let parsed: Option<Value> = serde_json::from_slice(body).ok();
        let Some(value) = parsed.filter(|value| value.get("kind").and_then(Value::as_str) == Some("Status")) else {
            let message: String = String::from_utf8_lossy(body).trim().chars().take(200).collect();
            return Self { code, message, retry_after, ..Self::default() };
        };
        Self { retry_after: retry_after.or(Self::from_value(&value).retry_after), code, ..Self::from_value(&value) }
    }

    /// Cuts the values that validation quotes: they may be secret.
    pub(super) fn hide_values(&mut self) {
        for text in self.causes.iter_mut().map(|cause| &mut cause.message).chain([&mut self.message]) {
            if let Some((before, _)) = text.split_once("value: ") {
                *text = format!("{before}value: (not shown)");
            }
        }
    }

    /// Reads a `Status` object, such as the one in an ERROR event of a watch.
    pub fn from_value(value: &Value) -> Self {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let details = value.get("details");
        let listed = details.and_then(|details| details.get("causes")).and_then(Value::as_array);
        // kube-apiserver 1.36.3 lists one bad label of an update four times.
        let mut causes: Vec<Cause> = Vec::new();
        for cause in listed.into_iter().flatten() {
            let cause = Cause {
                reason: text(cause.get("reason")),
                field: text(cause.get("field")),
                message: text(cause.get("message")),
            };
            if !causes.contains(&cause) {
                causes.push(cause);
            }
        }
        Self {
            code: value.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok()).unwrap_or(0),
            reason: text(value.get("reason")),
            message: text(value.get("message")),
            details_kind: text(details.and_then(|details| details.get("kind"))),
            details_name: text(details.and_then(|details| details.get("name"))),
            causes,
            retry_after: details
                .and_then(|details| details.get("retryAfterSeconds"))
                .and_then(Value::as_u64)
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
        }
    }
}

/// Reasons the server writes (apimachinery `StatusReason*`), with what they mean here.
fn by_reason(reason: &str) -> Option<Problem> {
    Some(match reason {
        "Unauthorized" => Problem::Unauthorized,
        "Forbidden" => Problem::Forbidden { user: None },
        "NotFound" => Problem::NotFound,
        "AlreadyExists" => Problem::AlreadyExists,
        "Conflict" => Problem::StaleVersion,
        "Gone" | "Expired" => Problem::Expired,
        "Invalid" => Problem::Invalid,
        "ServerTimeout" | "ServiceUnavailable" | "InternalError" | "StoreReadError" => Problem::ServerFailure,
        "Timeout" => Problem::Timeout,
        "TooManyRequests" => Problem::Throttled,
        "BadRequest" | "MethodNotAllowed" | "NotAcceptable" | "RequestEntityTooLarge" | "UnsupportedMediaType" => {
            Problem::BadRequest
        }
        _ => return None,
    })
}

/// Codes, for answers without a known reason (a proxy's, or server-side apply's own refusals).
fn by_code(code: u16) -> Problem {
    match code {
        400 | 405 | 406 | 413 | 415 => Problem::BadRequest,
        401 => Problem::Unauthorized,
        403 => Problem::Forbidden { user: None },
        404 => Problem::NotFound,
        408 => Problem::Timeout,
        409 => Problem::StaleVersion,
        410 => Problem::Expired,
        422 => Problem::Invalid,
        429 => Problem::Throttled,
        500..=599 => Problem::ServerFailure,
        _ => Problem::Other,
    }
}

pub(super) fn classify(verb: Verb, kind: Option<&Kind>, status: &Status) -> Problem {
    let has_cause = |reason: &str| status.causes.iter().any(|cause| cause.reason == reason);
    match by_reason(&status.reason).unwrap_or_else(|| by_code(status.code)) {
        // Without a name in `details` it is the path, not the object, that the server does not know.
        Problem::NotFound if status.details_name.is_empty() => Problem::KindMissing,
        Problem::NotFound
            if status.details_kind == "namespaces" && kind.is_none_or(|kind| *kind != Kind::NAMESPACE) =>
        {
            Problem::NamespaceMissing
        }
        Problem::Forbidden { .. } if has_cause("NamespaceTerminating") => Problem::NamespaceTerminating,
        Problem::Forbidden { .. } => Problem::Forbidden { user: quoted_after(&status.message, "User ") },
        Problem::StaleVersion if has_cause("FieldManagerConflict") => {
            let causes = status.causes.iter().filter(|cause| cause.reason == "FieldManagerConflict");
            let mut conflicts: Vec<ManagerConflict> = causes
                .map(|cause| ManagerConflict {
                    field: cause.field.clone(),
                    manager: quoted_after(&cause.message, "conflict with "),
                })
                .collect();
            // The server lists managers in no fixed order.
            conflicts.sort();
            Problem::FieldConflicts(conflicts)
        }
        // A create carries a version that no object has, so a conflict says the object exists.
        Problem::StaleVersion if verb == Verb::Create => Problem::AlreadyExists,
        Problem::BadRequest => match unknown_fields(&status.message) {
            fields if fields.is_empty() => Problem::BadRequest,
            fields => Problem::UnknownFields(fields),
        },
        // Server-side apply answers fields outside the schema with 500 and no reason.
        Problem::ServerFailure if status.reason.is_empty() => match undeclared_fields(&status.message) {
            fields if fields.is_empty() => Problem::ServerFailure,
            fields => Problem::UnknownFields(fields),
        },
        other => other,
    }
}

/// The text between the first pair of double quotes after `lead`.
fn quoted_after(message: &str, lead: &str) -> Option<String> {
    let (_, rest) = message.split_once(lead)?;
    let (_, rest) = rest.split_once('"')?;
    let (quoted, _) = rest.split_once('"')?;
    (!quoted.is_empty()).then(|| quoted.to_owned())
}

/// Fields of `strict decoding error: unknown field "spec.x", duplicate field "spec.y"`.
fn unknown_fields(message: &str) -> Vec<String> {
    let Some((_, list)) = message.split_once("strict decoding error: ") else { return Vec::new() };
    list.split("field \"").skip(1).filter_map(|part| part.split('"').next()).map(str::to_owned).collect()
}

/// Fields of `… .spec.x: field not declared in schema`.
fn undeclared_fields(message: &str) -> Vec<String> {
    message
        .split(": field not declared in schema")
        .filter_map(|part| part.rsplit([' ', '\n']).next())
        .filter(|field| field.starts_with('.'))
        .map(|field| field.trim_start_matches('.').to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kubernetes::{
        error::{Error, Target},
        object::ObjectRef,
    };

    fn problem(verb: Verb, kind: Kind, code: u16, body: &Value) -> Problem {
        let target = Target::from(&ObjectRef { kind, namespace: Some("ns".into()), name: "x".into() });
        let body = serde_json::to_vec(body).unwrap();
        Error::answered(verb, &target, Status::parse(code, &body, None)).problem().clone()
    }

    fn status(reason: &str, message: &str, details: Value) -> Value {
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message,
               "details": details})
    }

    #[test]
    fn missing_object_namespace_and_kind_are_three_answers() {
        let missing = status("NotFound", "", json!({"name": "x", "group": "networking.k8s.io", "kind": "ingresses"}));
        assert_eq!(problem(Verb::Get, Kind::INGRESS, 404, &missing), Problem::NotFound);
        let namespace = status("NotFound", "", json!({"name": "ns", "kind": "namespaces"}));
        assert_eq!(problem(Verb::Create, Kind::INGRESS, 404, &namespace), Problem::NamespaceMissing);
        assert_eq!(problem(Verb::Get, Kind::NAMESPACE, 404, &namespace), Problem::NotFound);
        let kind = status("NotFound", "the server could not find the requested resource", json!({}));
        assert_eq!(problem(Verb::Get, Kind::ALB_CONFIG, 404, &kind), Problem::KindMissing);
        let target = Target::from(&ObjectRef::cluster(Kind::ALB_CONFIG, "x"));
        let plain = Error::answered(Verb::Get, &target, Status::parse(404, b"404 page not found\n", None));
        assert_eq!(*plain.problem(), Problem::KindMissing);
        assert!(!plain.is_not_found(), "a missing CRD must never read as: the object is gone");
    }

    #[test]
    fn the_three_conflicts_are_told_apart_by_verb_and_causes() {
        let stale = status("Conflict", "the object has been modified", json!({"name": "x", "kind": "ingresses"}));
        assert_eq!(problem(Verb::Apply, Kind::INGRESS, 409, &stale), Problem::StaleVersion);
        assert_eq!(problem(Verb::Create, Kind::INGRESS, 409, &stale), Problem::AlreadyExists);
        let managers = status(
            "Conflict",
            "Apply failed with 1 conflict",
            json!({"causes": [{"reason": "FieldManagerConflict", "field": ".spec.listeners",
                   "message": "conflict with \"load-balancer-controller\" using alibabacloud.com/v1"}]}),
        );
        let expected =
            ManagerConflict { field: ".spec.listeners".into(), manager: Some("load-balancer-controller".into()) };
        assert_eq!(problem(Verb::Apply, Kind::ALB_CONFIG, 409, &managers), Problem::FieldConflicts(vec![expected]));
    }

    #[test]
    fn refusals_carry_their_facts() {
        let forbidden = status(
            "Forbidden",
            "ingresses.networking.k8s.io \"x\" is forbidden: User \"bob\" cannot get resource \"ingresses\"",
            json!({"name": "x", "kind": "ingresses"}),
        );
        assert_eq!(problem(Verb::Get, Kind::INGRESS, 403, &forbidden), Problem::Forbidden { user: Some("bob".into()) });
        let ending = status("Forbidden", "", json!({"causes": [{"reason": "NamespaceTerminating"}]}));
        assert_eq!(problem(Verb::Create, Kind::SECRET, 403, &ending), Problem::NamespaceTerminating);
        let strict = status(
            "BadRequest",
            "strict decoding error: unknown field \"spec.foo\", duplicate field \"spec.bar\"",
            json!({}),
        );
        let fields = vec!["spec.foo".to_owned(), "spec.bar".to_owned()];
        assert_eq!(problem(Verb::Apply, Kind::INGRESS, 400, &strict), Problem::UnknownFields(fields));
        let undeclared = status(
            "",
            "failed to create typed patch object (ns/x; networking.k8s.io/v1, Kind=Ingress): .spec.foo: field not \
             declared in schema",
            json!({}),
        );
        assert_eq!(
            problem(Verb::Apply, Kind::INGRESS, 500, &undeclared),
            Problem::UnknownFields(vec!["spec.foo".into()])
        );
        let invalid = status(
            "Invalid",
            "bad",
            json!({"causes": [{"reason": "FieldValueInvalid", "field": "spec.rules[0].host", "message": "no"}]}),
        );
        assert_eq!(problem(Verb::Apply, Kind::INGRESS, 422, &invalid), Problem::Invalid);
    }

    #[test]
    fn repeated_causes_count_once_and_managers_have_an_order() {
        let label = json!({"reason": "FieldValueInvalid", "field": "metadata.labels", "message": "no"});
        let other = json!({"reason": "FieldValueInvalid", "field": "metadata.uid", "message": "no"});
        let refused = status("Invalid", "bad", json!({"causes": [label, label, other, label, label, other]}));
        let fields: Vec<String> = Status::from_value(&refused).causes.into_iter().map(|cause| cause.field).collect();
        assert_eq!(fields, ["metadata.labels", "metadata.uid"]);

        let owned = |field: &str, manager: &str| json!({"reason": "FieldManagerConflict", "field": field, "message": format!("conflict with {manager:?}")});
        let conflicts =
            status("Conflict", "", json!({"causes": [owned(".a", "m2"), owned(".b", "m1"), owned(".a", "m1")]}));
        let Problem::FieldConflicts(found) = problem(Verb::Apply, Kind::INGRESS, 409, &conflicts) else {
            panic!("no conflicts")
        };
        let found: Vec<(&str, Option<&str>)> =
            found.iter().map(|one| (one.field.as_str(), one.manager.as_deref())).collect();
        assert_eq!(found, [(".a", Some("m1")), (".a", Some("m2")), (".b", Some("m1"))]);
    }

    #[test]
    fn a_refused_secret_shows_no_value() {
        let refused = status(
            "Invalid",
            "Secret \"x\" is invalid: data[tls.key]: Invalid value: \"s3cret\": must be a key",
            json!({"causes": [{"reason": "FieldValueInvalid", "field": "data[tls.key]",
                   "message": "Invalid value: \"s3cret\": must be a key"}]}),
        );
        let body = serde_json::to_vec(&refused).unwrap();
        let target = Target::from(&ObjectRef::namespaced(Kind::SECRET, "ns", "x"));
        let error = Error::answered(Verb::Apply, &target, Status::parse(422, &body, None));
        assert_eq!(error.status().causes[0].field, "data[tls.key]");
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }

    #[test]
    fn codes_without_reason_follow_the_table() {
        for (code, expected) in [
            (401, Problem::Unauthorized),
            (410, Problem::Expired),
            (429, Problem::Throttled),
            (502, Problem::ServerFailure),
            (504, Problem::ServerFailure),
            (302, Problem::Other),
        ] {
            assert_eq!(problem(Verb::Get, Kind::INGRESS, code, &json!("<html>")), expected, "HTTP {code}");
        }
    }
}
