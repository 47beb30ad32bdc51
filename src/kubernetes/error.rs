//! What a call to the API server can come to, as types.
//!
//! An error says what was being done (verb, kind, name) and what the server answered; [`status`](super::status) tells
//! which problem it is. Whether a call may be sent again, and whether a write may have happened, is decided here by
//! explicit tables.

use std::sync::Arc;

use super::{
    object::{Kind, ObjectRef},
    status::classify,
};

pub use super::status::{Cause, Status};

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

/// A field that another manager owns with another value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

    pub(crate) fn answered(verb: Verb, target: &Target, mut status: Status) -> Self {
        if target.kind.is_some_and(|kind| kind.is_secret()) {
            status.hide_values();
        }
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

#[cfg(test)]
mod tests {
    use super::*;

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
