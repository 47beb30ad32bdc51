//! What a call to the API server can come to, as types.
//!
//! An error says what was being done (verb, kind, name) and what the server answered. Which problem it is follows from
//! the HTTP status, `Status.reason`, `details` and `causes` (Kubernetes API conventions, "Response status kind"). Message
//! text is read only for facts that exist nowhere else: the manager in a field conflict, the user in a refusal, the
//! fields of a strict decoding error.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::object::{Kind, ObjectRef};

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reading one object.
    Get,
    /// Reading a collection.
    List,
    /// Watching.
    Watch,
    /// Creating by server-side apply of an object that must not exist.
    Create,
    /// Updating by server-side apply.
    Apply,
    /// Removing fields by merge patch.
    Patch,
    /// Deleting.
    Delete,
    /// Building the client: kubeconfig, exec plugin, TLS.
    Connect,
}

impl Verb {
    /// The word for logs and texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Apply => "apply",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::Connect => "connect",
        }
    }

    /// Whether an unanswered call of this verb may have changed something.
    pub fn is_write(self) -> bool {
        match self {
            Self::Create | Self::Apply | Self::Patch | Self::Delete => true,
            Self::Get | Self::List | Self::Watch | Self::Connect => false,
        }
    }
}

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

    /// Reads a `Status` object, such as the one in an ERROR event of a watch.
    pub fn from_value(value: &Value) -> Self {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let details = value.get("details");
        let causes = details.and_then(|details| details.get("causes")).and_then(Value::as_array);
        Self {
            code: value.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok()).unwrap_or(0),
            reason: text(value.get("reason")),
            message: text(value.get("message")),
            details_kind: text(details.and_then(|details| details.get("kind"))),
            details_name: text(details.and_then(|details| details.get("name"))),
            causes: causes
                .into_iter()
                .flatten()
                .map(|cause| Cause {
                    reason: text(cause.get("reason")),
                    field: text(cause.get("field")),
                    message: text(cause.get("message")),
                })
                .collect(),
            retry_after: details
                .and_then(|details| details.get("retryAfterSeconds"))
                .and_then(Value::as_u64)
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
        }
    }
}

/// A field that another manager owns with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagerConflict {
    /// The field, such as `.spec.listeners`.
    pub field: String,
    /// The other field manager, if the server's text names it.
    pub manager: Option<String>,
}

/// Which problem it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The object does not exist (its collection does).
    NotFound,
    /// The namespace to create in does not exist.
    NamespaceMissing,
    /// The namespace to create in is being deleted.
    NamespaceTerminating,
    /// The server does not serve this kind: the CRD is not installed.
    KindMissing,
    /// The object exists already.
    AlreadyExists,
    /// Resource version or UID is not the live one (any more).
    StaleVersion,
    /// Server-side apply without force met fields of other managers.
    FieldConflicts(Vec<ManagerConflict>),
    /// The credentials are not accepted.
    Unauthorized,
    /// The credentials may not do this; the user as the server names it, if it does.
    Forbidden {
        /// User name from the server's text.
        user: Option<String>,
    },
    /// Validation refused the object; the causes carry field paths.
    Invalid,
    /// Strict field validation refused unknown or duplicate fields.
    UnknownFields(Vec<String>),
    /// The request is wrong in another way.
    BadRequest,
    /// The server asks to slow down.
    Throttled,
    /// The resource version to continue or watch from is too old (410).
    Expired,
    /// The server failed or is unavailable.
    ServerFailure,
    /// No answer in time.
    Timeout,
    /// No connection, or the connection broke.
    Unreachable,
    /// TLS failed: certificate not trusted, wrong name, client certificate refused.
    Tls,
    /// The access configuration does not work: kubeconfig, context, exec plugin, key material.
    Access,
    /// The server answered something that is not the API.
    Malformed,
    /// The operation was interrupted.
    Cancelled,
    /// Another answer of the server.
    Other,
}

/// A failed call.
#[derive(Clone, Debug)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    verb: Verb,
    kind: Option<Kind>,
    namespace: Option<String>,
    name: Option<String>,
    problem: Problem,
    status: Status,
    note: String,
    unsent: bool,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// What a call is about, for errors and logs.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) kind: Option<Kind>,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
}

impl From<&ObjectRef> for Target {
    fn from(object: &ObjectRef) -> Self {
        Self { kind: Some(object.kind), namespace: object.namespace.clone(), name: Some(object.name.clone()) }
    }
}

impl Target {
    pub(crate) fn collection(kind: Kind, namespace: Option<&str>) -> Self {
        Self { kind: Some(kind), namespace: namespace.map(str::to_owned), name: None }
    }

    pub(crate) fn none() -> Self {
        Self { kind: None, namespace: None, name: None }
    }
}

impl Error {
    pub(crate) fn new(verb: Verb, target: &Target, problem: Problem, note: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            verb,
            kind: target.kind,
            namespace: target.namespace.clone(),
            name: target.name.clone(),
            problem,
            status: Status::default(),
            note: note.into(),
            unsent: false,
            source: None,
        }))
    }

    /// The request surely never left, so even a write may be sent again.
    pub(crate) fn unsent(mut self) -> Self {
        self.0.unsent = true;
        self
    }

    /// Keeps the error of the kubeconfig's source, for who can name its type.
    pub(crate) fn caused_by(mut self, source: Arc<dyn std::error::Error + Send + Sync>) -> Self {
        self.0.source = Some(source);
        self
    }

    /// The error of the connect phase, told about the call it served.
    pub(crate) fn on_behalf_of(mut self, target: &Target) -> Self {
        self.0.kind = target.kind;
        self.0.namespace.clone_from(&target.namespace);
        self.0.name.clone_from(&target.name);
        self
    }

    pub(crate) fn answered(verb: Verb, target: &Target, status: Status) -> Self {
        let problem = classify(verb, target.kind.as_ref(), &status);
        let mut error = Self::new(verb, target, problem, String::new());
        error.0.status = status;
        error
    }

    /// What was being done.
    pub fn verb(&self) -> Verb {
        self.0.verb
    }

    /// The kind it was about.
    pub fn kind(&self) -> Option<Kind> {
        self.0.kind
    }

    /// The namespace it was about.
    pub fn namespace(&self) -> Option<&str> {
        self.0.namespace.as_deref()
    }

    /// The object's name, if one object was meant.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Which problem it is.
    pub fn problem(&self) -> &Problem {
        &self.0.problem
    }

    /// What the server said; empty if it said nothing.
    pub fn status(&self) -> &Status {
        &self.0.status
    }

    /// The client's own words about a call without answer.
    pub fn note(&self) -> &str {
        &self.0.note
    }

    /// The object is not there; its kind and namespace are another matter.
    pub fn is_not_found(&self) -> bool {
        self.0.problem == Problem::NotFound
    }

    /// The server asked to slow down.
    pub fn is_throttled(&self) -> bool {
        self.0.problem == Problem::Throttled
    }

    /// The credentials may not do this.
    pub fn is_forbidden(&self) -> bool {
        matches!(self.0.problem, Problem::Forbidden { .. })
    }

    /// The operation was interrupted.
    pub fn is_cancelled(&self) -> bool {
        self.0.problem == Problem::Cancelled
    }

    /// The same call may work a little later.
    pub fn is_retryable(&self) -> bool {
        match self.0.problem {
            Problem::Throttled | Problem::ServerFailure | Problem::Timeout | Problem::Unreachable => true,
            Problem::Malformed => !self.0.verb.is_write(),
            Problem::NotFound
            | Problem::NamespaceMissing
            | Problem::NamespaceTerminating
            | Problem::KindMissing
            | Problem::AlreadyExists
            | Problem::StaleVersion
            | Problem::FieldConflicts(_)
            | Problem::Unauthorized
            | Problem::Forbidden { .. }
            | Problem::Invalid
            | Problem::UnknownFields(_)
            | Problem::BadRequest
            | Problem::Expired
            | Problem::Tls
            | Problem::Access
            | Problem::Cancelled
            | Problem::Other => false,
        }
    }

    /// A write whose effect is unknown: look at the object before doing anything else.
    pub fn is_ambiguous(&self) -> bool {
        self.0.verb.is_write()
            && !self.0.unsent
            && match self.0.problem {
                Problem::Timeout | Problem::Unreachable | Problem::ServerFailure | Problem::Malformed => true,
                Problem::NotFound
                | Problem::NamespaceMissing
                | Problem::NamespaceTerminating
                | Problem::KindMissing
                | Problem::AlreadyExists
                | Problem::StaleVersion
                | Problem::FieldConflicts(_)
                | Problem::Unauthorized
                | Problem::Forbidden { .. }
                | Problem::Invalid
                | Problem::UnknownFields(_)
                | Problem::BadRequest
                | Problem::Throttled
                | Problem::Expired
                | Problem::Tls
                | Problem::Access
                | Problem::Cancelled
                | Problem::Other => false,
            }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inner = &*self.0;
        write!(f, "{}", inner.verb.as_str())?;
        if let Some(kind) = inner.kind {
            write!(f, " {}", kind.kind)?;
        }
        match (&inner.namespace, &inner.name) {
            (Some(namespace), Some(name)) => write!(f, " \"{namespace}/{name}\"")?,
            (None, Some(name)) => write!(f, " \"{name}\"")?,
            (Some(namespace), None) => write!(f, " in namespace \"{namespace}\"")?,
            (None, None) => {}
        }
        if inner.status.code != 0 {
            write!(f, ": HTTP {}", inner.status.code)?;
            if !inner.status.reason.is_empty() {
                write!(f, " {}", inner.status.reason)?;
            }
        }
        let text = if inner.note.is_empty() { &inner.status.message } else { &inner.note };
        if text.is_empty() { write!(f, ": no answer") } else { write!(f, ": {text}") }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
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

fn classify(verb: Verb, kind: Option<&Kind>, status: &Status) -> Problem {
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
        Problem::StaleVersion if has_cause("FieldManagerConflict") => Problem::FieldConflicts(
            status
                .causes
                .iter()
                .filter(|cause| cause.reason == "FieldManagerConflict")
                .map(|cause| ManagerConflict {
                    field: cause.field.clone(),
                    manager: quoted_after(&cause.message, "conflict with "),
                })
                .collect(),
        ),
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

    #[test]
    fn only_unanswered_or_failed_writes_are_ambiguous() {
        let target = Target::from(&ObjectRef::cluster(Kind::ALB_CONFIG, "x"));
        let error = |verb, problem| Error::new(verb, &target, problem, "broken pipe");
        assert!(error(Verb::Apply, Problem::Unreachable).is_ambiguous());
        assert!(error(Verb::Create, Problem::ServerFailure).is_ambiguous());
        assert!(!error(Verb::Apply, Problem::Unreachable).unsent().is_ambiguous());
        assert!(!error(Verb::Get, Problem::Unreachable).is_ambiguous());
        assert!(!error(Verb::Apply, Problem::Invalid).is_ambiguous());
        assert_eq!(error(Verb::Apply, Problem::Unreachable).to_string(), "apply AlbConfig \"x\": broken pipe");
    }
}
