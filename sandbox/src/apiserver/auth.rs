//! Who calls, and what they may do: client certificates, bearer tokens, denials.
//!
//! Every authenticated user may do everything but what a denial names. That is enough to meet real 403 answers without
//! a copy of RBAC.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use serde_json::{Value, json};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::meta;

/// The group whose members only a denial by their own name can stop.
pub(crate) const MASTERS: &str = "system:masters";
/// Who calls without any credentials.
pub(crate) const ANONYMOUS: &str = "system:anonymous";

/// An authenticated caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) groups: Vec<String>,
}

/// A refusal: `*` stands for any user outside `system:masters`, any verb, any resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// User name or `*`.
    pub user: String,
    /// API verb or `*`.
    pub verb: String,
    /// Plural resource name (`ingresses`, `albconfigs/status`) or `*`.
    pub resource: String,
}

struct Token {
    user: User,
    expires: Option<Timestamp>,
}

#[derive(Default)]
struct Book {
    tokens: BTreeMap<String, Token>,
    issued: BTreeMap<Vec<u8>, (Timestamp, User)>,
    revoked_before: Option<Timestamp>,
    denials: Vec<Denial>,
}

/// The credentials the server knows.
pub(crate) struct Access {
    verifier: Arc<dyn ClientCertVerifier>,
    book: Mutex<Book>,
}

/// What a call wants to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish<'a> {
    pub(crate) verb: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) subresource: &'a str,
}

impl User {
    fn anonymous() -> User {
        User { name: ANONYMOUS.to_owned(), groups: vec!["system:unauthenticated".to_owned()] }
    }

    pub(crate) fn is_anonymous(&self) -> bool {
        self.name == ANONYMOUS
    }
}

impl Access {
    pub(crate) fn new(verifier: Arc<dyn ClientCertVerifier>) -> Access {
        Access { verifier, book: Mutex::default() }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn record_issue(&self, serial: Vec<u8>, at: Timestamp, user: &str, groups: &[&str]) {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        self.book().issued.insert(serial, (at, User { name: user.to_owned(), groups }));
    }

    pub(crate) fn add_token(&self, token: &str, user: &str, groups: &[&str], expires: Option<Timestamp>) {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        let user = User { name: user.to_owned(), groups };
        self.book().tokens.insert(token.to_owned(), Token { user, expires });
    }

    pub(crate) fn revoke_before(&self, instant: Timestamp) {
        self.book().revoked_before = Some(instant);
    }

    pub(crate) fn set_denials(&self, denials: Vec<Denial>) {
        self.book().denials = denials;
    }

    /// The caller behind a certificate or an `Authorization` header, which need not be there; bad ones are `None` and
    /// answered 401.
    pub(crate) fn authenticate(
        &self,
        certificate: Option<&CertificateDer<'_>>,
        authorization: Option<&str>,
        now: Timestamp,
    ) -> Option<User> {
        if let Some(token) = authorization.and_then(|header| header.strip_prefix("Bearer ")) {
            let book = self.book();
            let token = book.tokens.get(token.trim())?;
            return token.expires.is_none_or(|expires| now < expires).then(|| token.user.clone());
        }
        let Some(certificate) = certificate else { return Some(User::anonymous()) };
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        self.verifier.verify_client_cert(certificate, &[], time).ok()?;
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let book = self.book();
        let known = book.issued.get(parsed.raw_serial());
        let issued = match known {
            Some((at, _)) => *at,
            None => Timestamp::from_second(parsed.validity().not_before.timestamp()).ok()?,
        };
        if book.revoked_before.is_some_and(|instant| issued < instant) {
            return None;
        }
        if let Some((_, user)) = known {
            return Some(user.clone());
        }
        let subject = parsed.subject();
        let name = subject.iter_common_name().next()?.as_str().ok()?.to_owned();
        let groups = subject.iter_organization().filter_map(|group| group.as_str().ok()).map(str::to_owned).collect();
        Some(User { name, groups })
    }

    /// Whether the user may do it.
    pub(crate) fn allows(&self, user: &User, wish: Wish<'_>) -> bool {
        if user.is_anonymous() {
            return false;
        }
        let full = if wish.subresource.is_empty() {
            wish.resource.to_owned()
        } else {
            format!("{}/{}", wish.resource, wish.subresource)
        };
        let is_master = user.groups.iter().any(|group| group == MASTERS);
        !self.book().denials.iter().any(|denial| {
            let who = denial.user == user.name || (denial.user == "*" && !is_master);
            who && (denial.verb == "*" || denial.verb == wish.verb)
                && (denial.resource == "*" || denial.resource == full)
        })
    }

    /// Answers the review kinds a client asks about itself with.
    pub(crate) fn review(&self, resource: &str, user: &User, body: &Value) -> Value {
        let mut answer = body.clone();
        meta::set(&mut answer, &["metadata"], json!({}));
        let status = match resource {
            "selfsubjectaccessreviews" => {
                let text = |field: &str| meta::text(body, &["spec", "resourceAttributes", field]).to_owned();
                let (verb, resource, subresource) = (text("verb"), text("resource"), text("subresource"));
                let wish = Wish { verb: &verb, resource: &resource, subresource: &subresource };
                json!({"allowed": self.allows(user, wish)})
            }
            "selfsubjectrulesreviews" => json!({
                "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
                "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
                "incomplete": !self.book().denials.is_empty(),
            }),
            _ => {
                let mut groups = user.groups.clone();
                groups.push("system:authenticated".to_owned());
                json!({"userInfo": {"username": user.name, "groups": groups}})
            }
        };
        meta::set(&mut answer, &["status"], status);
        answer
    }
}
