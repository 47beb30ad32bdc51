//! What can go wrong with a call, as facts: action, HTTP status, API code, message, request id.
//!
//! Callers ask `is_not_found()`, `is_forbidden()` and so on; the answers come from tables of codes. `Display` of an
//! error never prints its source and never a secret: messages of the service are scrubbed of the keys of the call,
//! since a signature error may quote the server's string to sign.

use std::{collections::BTreeMap, fmt, sync::Arc};

use super::{
    credential::CredentialError,
    endpoint::NoRegion,
    id::RequestId,
    request::{Action, InvalidPathSegment, Product},
    retry::FailureClass,
};

/// Longest excerpt of an answer that is not what it should be, in characters.
pub const MAX_EXCERPT: usize = 300;

/// Why a call has no result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CloudError {
    /// The service answered with an error.
    #[error("{action} was refused: {failure}")]
    Refused {
        /// The call.
        action: Action,
        /// What the service said.
        failure: Box<ApiFailure>,
    },
    /// There is no answer.
    #[error("{action} got no answer from {endpoint}: {reason}")]
    Unanswered {
        /// The call.
        action: Action,
        /// Where it was sent.
        endpoint: String,
        /// What happened on the way.
        reason: NoAnswer,
        /// The transport's own account of it.
        #[source]
        source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    },
    /// The service said success in a form that cannot be understood.
    #[error("{action} succeeded with an answer that cannot be read: {reason}")]
    Unreadable {
        /// The call.
        action: Action,
        /// What is wrong with the answer, without quoting it.
        reason: String,
        /// The request id, from the header.
        request_id: Option<RequestId>,
    },
    /// There are no keys to sign with.
    #[error("{action} could not be signed")]
    Credentials {
        /// The call.
        action: Action,
        /// Which sources were asked, and why none answered.
        #[source]
        source: CredentialError,
    },
    /// The call cannot be made with this configuration.
    #[error("{action} could not be sent")]
    Configuration {
        /// The call.
        action: Action,
        /// What is wrong.
        #[source]
        source: ConfigurationError,
    },
    /// Somebody asked to stop.
    #[error("{action} was interrupted")]
    Cancelled {
        /// The call.
        action: Action,
        /// Whether the service may have received it.
        maybe_sent: bool,
    },
    /// The deadline passed.
    #[error("{action} did not finish in time")]
    DeadlineExceeded {
        /// The call.
        action: Action,
        /// Whether the service may have received it.
        maybe_sent: bool,
        /// What the last attempt ended in.
        #[source]
        last: Option<Box<CloudError>>,
    },
}

/// What is wrong with the configuration.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// Neither region nor endpoint.
    #[error(transparent)]
    NoRegion(#[from] NoRegion),
    /// A path that would name another resource.
    #[error(transparent)]
    Path(#[from] InvalidPathSegment),
    /// The CA bundle cannot be used.
    #[error("the CA bundle holds no certificate that can be read")]
    CaBundle,
    /// A proxy that cannot be used. The text leaves out the URL: it may hold a password.
    #[error("the {0} proxy is not a URL that can be used")]
    Proxy(&'static str),
    /// The HTTP client could not be built.
    #[error("the HTTP client could not be set up: {0}")]
    Client(String),
    /// The request would not be sent as it was signed.
    #[error("the request cannot be sent unchanged to {0}")]
    NotSendable(String),
}

/// What happened on the way to the service or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// The host name has no address, or the connection was refused: nothing was sent.
    NotConnected,
    /// The server's certificate is not trusted: nothing was sent.
    UntrustedCertificate,
    /// The request may have been received; the answer did not come in time.
    TimedOut,
    /// The request may have been received; the connection broke before the whole answer had come.
    Broken,
    /// The answer is larger than any answer of this API.
    TooLarge,
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConnected => "no connection could be made; nothing was sent",
            Self::UntrustedCertificate => "the server's certificate is not trusted; nothing was sent",
            Self::TimedOut => "it timed out; the service may have received it",
            Self::Broken => "the connection broke before the whole answer had come",
            Self::TooLarge => "the answer is too large",
        })
    }
}

impl NoAnswer {
    /// What this means for the same call.
    #[must_use]
    pub fn class(self) -> FailureClass {
        match self {
            Self::NotConnected => FailureClass::Transient,
            Self::TimedOut | Self::Broken => FailureClass::Ambiguous,
            Self::UntrustedCertificate | Self::TooLarge => FailureClass::Fatal,
        }
    }
}

/// An error answer of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiFailure {
    /// HTTP status. Codes count for more: the same code comes with different statuses.
    pub status: u16,
    /// The API's code; empty if the answer was not the API's (a proxy's page).
    pub code: String,
    /// The API's message, or an excerpt of the answer. Scrubbed of the call's keys.
    pub message: String,
    /// The request id, from body or header.
    pub request_id: Option<RequestId>,
    /// Why RAM refused, member by member, as the service says it.
    pub access_denied: BTreeMap<String, String>,
    /// What it means for the same call.
    pub class: FailureClass,
}

impl fmt::Display for ApiFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.code.is_empty() {
            write!(f, "HTTP {}", self.status)?;
        } else {
            write!(f, "{} (HTTP {})", self.code, self.status)?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        if let Some(request_id) = &self.request_id {
            write!(f, " [request ID {request_id}]")?;
        }
        Ok(())
    }
}

/// Codes that say the object the call named does not exist, by product. `*NotFound` alone is no proof:
/// `InvalidApi.NotFound` only says that the endpoint is wrong.
const NOT_FOUND: [(Product, &str); 8] = [
    (Product::Adcp, "Cluster.NotFound"),
    (Product::Cs, "ErrorClusterNotFound"),
    (Product::Cs, "Cluster.NotFound"),
    (Product::Cs, "InvalidResource.NotFound"),
    (Product::Vpc, "InvalidVSwitchId.NotFound"),
    (Product::Vpc, "InvalidVswitchID.NotFound"),
    (Product::Vpc, "InvalidVpcID.NotFound"),
    (Product::Ecs, "InvalidSecurityGroupId.NotFound"),
];

/// Codes that say a security group has no such rule. By rule id it was the first until July 2024 and is the second since;
/// the third answers a description of the rule.
const RULE_GONE: [&str; 3] = [
    "InvalidSecurityGroupRuleId.NotFound",
    "InvalidParam.SecurityGroupRuleId",
    "InvalidSecurityGroupRule.RuleNotExist",
];

/// A security group has as many rules as it may have.
const RULE_QUOTA: &str = "AuthorizationLimitExceed";

/// A security group whose rules only a cloud service may change.
const MANAGED_BY_SERVICE: &str = "InvalidOperation.ResourceManagedByCloudProduct";

/// RAM or RBAC says no.
const FORBIDDEN: [&str; 7] = [
    "Forbidden",
    "Forbidden.RAM",
    "NoPermission",
    "Forbidden.Unauthorized",
    "Forbidden.SubUser",
    "Forbidden.NotSupportRAM",
    "ErrorCheckAcl",
];

/// The keys are unknown, disabled, or signed wrongly.
const BAD_KEYS: [&str; 7] = [
    "InvalidAccessKeyId",
    "InvalidAccessKeyId.NotFound",
    "InvalidAccessKeyId.Inactive",
    "Forbidden.AccessKeyDisabled",
    "IncompleteSignature",
    "SignatureDoesNotMatch",
    "MissingSecurityToken",
];

impl CloudError {
    /// The call that failed.
    #[must_use]
    pub fn action(&self) -> Action {
        match self {
            Self::Refused { action, .. }
            | Self::Unanswered { action, .. }
            | Self::Unreadable { action, .. }
            | Self::Credentials { action, .. }
            | Self::Configuration { action, .. }
            | Self::Cancelled { action, .. }
            | Self::DeadlineExceeded { action, .. } => *action,
        }
    }

    /// What the service said, if it said anything.
    #[must_use]
    pub fn failure(&self) -> Option<&ApiFailure> {
        match self {
            Self::Refused { failure, .. } => Some(failure),
            Self::DeadlineExceeded { last: Some(last), .. } => last.failure(),
            Self::Unanswered { .. }
            | Self::Unreadable { .. }
            | Self::Credentials { .. }
            | Self::Configuration { .. }
            | Self::Cancelled { .. }
            | Self::DeadlineExceeded { .. } => None,
        }
    }

    /// The API's code, empty if there is none.
    #[must_use]
    pub fn code(&self) -> &str {
        self.failure().map_or("", |failure| &failure.code)
    }

    /// The request id, for support.
    #[must_use]
    pub fn request_id(&self) -> Option<&RequestId> {
        match self {
            Self::Unreadable { request_id, .. } => request_id.as_ref(),
            _ => self.failure().and_then(|failure| failure.request_id.as_ref()),
        }
    }

    /// What the failure means for the same call.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Refused { failure, .. } => failure.class,
            Self::Unanswered { reason, .. } => reason.class(),
            // The call was carried out; asking again is harmless for reads and unsafe for writes.
            Self::Unreadable { .. } => FailureClass::Ambiguous,
            Self::Cancelled { maybe_sent, .. } | Self::DeadlineExceeded { maybe_sent, .. } => {
                if *maybe_sent {
                    FailureClass::Ambiguous
                } else {
                    FailureClass::Transient
                }
            }
            Self::Credentials { .. } | Self::Configuration { .. } => FailureClass::Fatal,
        }
    }

    /// The object the call named does not exist. For calls about members of a Fleet that object is the Fleet.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        NOT_FOUND.contains(&(self.action().product, self.code()))
    }

    /// The security group has no such rule (any more).
    #[must_use]
    pub fn is_rule_gone(&self) -> bool {
        self.action().product == Product::Ecs && RULE_GONE.contains(&self.code())
    }

    /// The security group has as many rules as it may have.
    #[must_use]
    pub fn is_rule_quota(&self) -> bool {
        self.action().product == Product::Ecs && self.code() == RULE_QUOTA
    }

    /// The security group belongs to a cloud service, which alone may change its rules.
    #[must_use]
    pub fn is_managed_by_service(&self) -> bool {
        self.action().product == Product::Ecs && self.code() == MANAGED_BY_SERVICE
    }

    /// The service has had too many calls.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        self.class() == FailureClass::Throttled
    }

    /// The same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.class() {
            FailureClass::Throttled | FailureClass::Transient | FailureClass::Ambiguous | FailureClass::Busy => true,
            FailureClass::SkewedClock | FailureClass::StaleToken | FailureClass::Fatal => false,
        }
    }

    /// The service may have carried the call out although there is no answer that says so.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        self.class() == FailureClass::Ambiguous
    }

    /// The keys work, but may not do this.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        FORBIDDEN.contains(&self.code())
    }

    /// The keys are missing, unknown, disabled or ended.
    #[must_use]
    pub fn is_credentials(&self) -> bool {
        matches!(self, Self::Credentials { .. })
            || BAD_KEYS.contains(&self.code())
            || self.class() == FailureClass::StaleToken
    }

    /// Somebody asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled { .. })
    }

    /// The error and its sources, outermost first, joined by `: `. For the edge, where one text is wanted.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }
}

/// The start of a text fit for one line: control characters become spaces, runs of spaces one.
#[must_use]
pub fn excerpt(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= MAX_EXCERPT {
        return line;
    }
    let mut short: String = line.chars().take(MAX_EXCERPT).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(product: Product, status: u16, code: &str) -> CloudError {
        CloudError::Refused {
            action: Action { product, name: "Call" },
            failure: Box::new(ApiFailure {
                status,
                code: code.to_owned(),
                message: String::new(),
                request_id: None,
                access_denied: BTreeMap::new(),
                class: super::super::retry::classify(product, status, code, "", false),
            }),
        }
    }

    #[test]
    fn a_wrong_endpoint_is_not_taken_for_a_missing_object() {
        assert!(refused(Product::Adcp, 404, "Cluster.NotFound").is_not_found());
        assert!(refused(Product::Adcp, 400, "Cluster.NotFound").is_not_found(), "the code counts, not the status");
        assert!(refused(Product::Cs, 404, "ErrorClusterNotFound").is_not_found());
        for code in ["InvalidApi.NotFound", "InvalidAction.NotFound", "NotFound", "", "cluster.notfound"] {
            assert!(!refused(Product::Adcp, 404, code).is_not_found(), "{code}");
        }
        assert!(!refused(Product::Adcp, 404, "ErrorClusterNotFound").is_not_found(), "codes are per product");
    }

    #[test]
    fn a_disabled_key_is_a_matter_of_keys_not_of_permissions() {
        let disabled = refused(Product::Adcp, 403, "Forbidden.AccessKeyDisabled");
        assert!(disabled.is_credentials() && !disabled.is_forbidden());
        let denied = refused(Product::Adcp, 403, "Forbidden.RAM");
        assert!(denied.is_forbidden() && !denied.is_credentials());
        assert!(refused(Product::Adcp, 400, "InvalidSecurityToken.Malformed").is_credentials());
        let risk = refused(Product::Adcp, 403, "Forbidden.RiskControl");
        assert!(!risk.is_forbidden() && !risk.is_credentials(), "an account problem is neither");
    }

    #[test]
    fn display_does_not_print_the_source_and_the_chain_does() {
        let error = CloudError::Credentials {
            action: Action { product: Product::Sts, name: "GetCallerIdentity" },
            source: CredentialError::NotConfigured { reason: "nothing is set".to_owned() },
        };
        assert_eq!(error.to_string(), "sts/GetCallerIdentity could not be signed");
        assert_eq!(error.chain(), "sts/GetCallerIdentity could not be signed: nothing is set");
    }

    #[test]
    fn an_excerpt_is_one_bounded_line() {
        assert_eq!(excerpt("<html>\r\n\t<b>x</b>\u{7}"), "<html> <b>x</b>");
        let long = excerpt(&"é".repeat(5000));
        assert_eq!(long.chars().count(), MAX_EXCERPT + 1);
        assert!(long.ends_with('…'));
    }
}
