//! Where the access keys come from.
//!
//! A [`CredentialSource`] is one way to get keys; a [`CredentialChain`] tries several in a fixed order and remembers
//! which one answered and why the others did not; a [`CredentialStore`] holds the keys in use and renews them. Which
//! variables, files and profile fields count follows the official SDKs' default chain, with the `alicloud` Terraform
//! provider's names as aliases. Nothing here reads the process environment: the caller passes an [`Environment`].
//!
//! Links that need the network go through [`CredentialNetwork`], which knows the addresses and the one HTTP stack. A
//! source that was asked and refused ends the chain: the next one would be another identity.

use std::{fmt, path::PathBuf};

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::{
    id::AccessKeyId,
    secret::{AccessKeySecret, SecurityToken},
};

mod chain;
mod environment;
mod explicit;
mod file;
mod instance;
mod keys_document;
mod network;
mod oidc;
mod process;
mod profile;
mod profile_file;
mod role;
mod store;
mod uri;

pub use chain::{CredentialChain, CredentialSettings, LinkFailure};
pub use environment::{Environment, EnvironmentSource};
pub use explicit::ExplicitSource;
pub use instance::InstanceSource;
pub use network::{CredentialNetwork, StsPlace};
pub use oidc::{OidcSettings, OidcSource, OidcToken};
pub use process::ProcessSource;
pub use profile::ProfileSource;
pub use profile_file::{ProfileFile, Wanted};
pub use role::{RoleSettings, RoleSource};
pub use store::{CredentialStore, Renewed};
pub use uri::UriSource;

/// Keys to sign with. Cannot be printed: `Debug` shows neither secret nor token.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The public half of the pair.
    pub access_key_id: AccessKeyId,
    /// The secret half.
    pub access_key_secret: AccessKeySecret,
    /// Present with temporary keys.
    pub security_token: Option<SecurityToken>,
    /// When temporary keys end, if the source says so.
    pub expires_at: Option<Timestamp>,
}

impl Credentials {
    /// No keys: for a call without a signature. `proof` is kept out of logs and messages.
    pub(super) fn anonymous(proof: SecurityToken) -> Self {
        Self {
            access_key_id: AccessKeyId::new(""),
            access_key_secret: AccessKeySecret::new(""),
            security_token: Some(proof),
            expires_at: None,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("temporary", &self.security_token.is_some())
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// One way to get keys.
pub trait CredentialSource: fmt::Debug + Send + Sync {
    /// What a user would call this source, such as `environment variables`. Never holds a secret.
    fn name(&self) -> String;

    /// Gets keys, afresh each time: files are read again, tokens are asked for again.
    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>>;

    /// Whether a failure of this source ends the chain, because the user asked for this source by name.
    fn is_explicit(&self) -> bool {
        false
    }

    /// Whether the chain ends with this failure of this source.
    fn ends_the_chain(&self, error: &CredentialError) -> bool {
        self.is_explicit() || error.ends_the_chain()
    }
}

/// Why a source gave no keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// The source is not in use here; the next one may be.
    #[error("{reason}")]
    NotConfigured {
        /// What is not set or not there.
        reason: String,
    },
    /// The source is in use, but something is missing or wrong.
    #[error("{reason}")]
    Incomplete {
        /// What is missing, and where it should be.
        reason: String,
    },
    /// The profile is of a kind this version cannot use.
    #[error("profile {profile:?} in {path} has mode {mode:?}, which this version does not support", path = path.display())]
    ModeNotSupported {
        /// The profile file.
        path: PathBuf,
        /// The profile's name.
        profile: String,
        /// Its mode, in the file's spelling.
        mode: String,
    },
    /// The file is there and cannot be read.
    #[error("{path} cannot be read: {kind}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        kind: std::io::ErrorKind,
    },
    /// The file can be read and makes no sense. The text never quotes the file.
    #[error("{path} is not a credentials file: {reason}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and what, without the content.
        reason: String,
    },
    /// A role could not be assumed.
    #[error("it could not be assumed: {reason}")]
    RoleNotAssumed {
        /// What the service said, or why it said nothing.
        reason: String,
    },
    /// The instance metadata service gave no keys.
    #[error("{reason}")]
    NoInstanceRole {
        /// What was asked, and what came back.
        reason: String,
    },
    /// The credentials URI gave no keys. The text never quotes the answer.
    #[error("{reason}")]
    UriFailed {
        /// What came back instead.
        reason: String,
    },
    /// The external program gave no keys. The text quotes neither its output nor its arguments.
    #[error("{reason}")]
    ProcessFailed {
        /// How it ended.
        reason: String,
    },
    /// The service refused the keys, and they have ended by our clock too.
    #[error(
        "the keys it gave ended at {expired_at}, and here it is {now}; if that is wrong, set the clock of this machine"
    )]
    Expired {
        /// When they ended.
        expired_at: Timestamp,
        /// The time here, corrected as far as the service said anything about it.
        now: Timestamp,
    },
    /// No source gave keys.
    #[error("no credentials found: {}", list(failures))]
    Exhausted {
        /// Every link tried, in order, and why it failed.
        failures: Vec<LinkFailure>,
    },
}

impl CredentialError {
    /// Whether the source was in use and refused, so that the next one would be another identity than the one meant.
    #[must_use]
    pub fn ends_the_chain(&self) -> bool {
        match self {
            Self::ModeNotSupported { .. }
            | Self::Unreadable { .. }
            | Self::Malformed { .. }
            | Self::RoleNotAssumed { .. }
            | Self::UriFailed { .. }
            | Self::ProcessFailed { .. }
            | Self::Expired { .. } => true,
            Self::NotConfigured { .. } | Self::Incomplete { .. } | Self::NoInstanceRole { .. } => false,
            Self::Exhausted { failures } => failures.iter().any(|failure| failure.error.ends_the_chain()),
        }
    }

    /// The failures of single links behind this one, in order.
    #[must_use]
    pub fn failures(self, link: String) -> Vec<LinkFailure> {
        match self {
            Self::Exhausted { failures } => failures,
            error => vec![LinkFailure { link, error }],
        }
    }
}

fn list(failures: &[LinkFailure]) -> String {
    let texts: Vec<String> = failures.iter().map(ToString::to_string).collect();
    texts.join("; ")
}
