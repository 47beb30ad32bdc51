//! Keys of a role, assumed with other keys: `AssumeRole`. Roles chain: the other keys may be those of a role again.

use futures_util::future::{BoxFuture, FutureExt};

use super::{
    CredentialChain, CredentialError, CredentialNetwork, CredentialSource, Credentials, LinkFailure, StsPlace,
};
use crate::cloud::{cancel::CallContext, client::CloudClient, error::CloudError};

/// Name of the session when nothing names one, as in the `alicloud` provider.
const SESSION_NAME: &str = "terraform";

/// Which role, and as what kind of session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleSettings {
    /// `acs:ram::<account>:role/<name>`.
    pub role_arn: String,
    /// Name of the session, which shows in the audit log.
    pub session_name: Option<String>,
    /// How long the keys work, in seconds; none leaves it to the service (one hour).
    pub session_seconds: Option<u32>,
    /// A policy that narrows the role's rights.
    pub policy: Option<String>,
    /// What the role's owner asks third parties for.
    pub external_id: Option<String>,
}

impl RoleSettings {
    /// The session's name.
    #[must_use]
    pub fn session(&self) -> &str {
        self.session_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(SESSION_NAME)
    }
}

/// Assumes a role with the keys of another source.
#[derive(Debug)]
pub struct RoleSource {
    role: RoleSettings,
    client: CloudClient,
    explicit: bool,
}

impl RoleSource {
    /// Assumes `role` with what `keys` gives. No I/O.
    #[must_use]
    pub fn new(role: RoleSettings, place: &StsPlace, keys: CredentialChain, network: &CredentialNetwork) -> Self {
        Self { client: network.sts_client(place, keys), role, explicit: false }
    }

    /// The same, asked for in the configuration.
    #[must_use]
    pub fn explicit(self) -> Self {
        Self { explicit: true, ..self }
    }

    async fn credentials(&self) -> Result<Credentials, CredentialError> {
        let assumed = self.client.assume_role(&self.role, &CallContext::default()).await;
        assumed.map_err(|error| match error {
            // The links behind are what the user can change: they are told one by one, and this one last.
            CloudError::Credentials { source, .. } => {
                let mut failures = source.failures(self.name());
                let error = CredentialError::NotConfigured { reason: "there are no keys to assume it with".to_owned() };
                failures.push(LinkFailure { link: self.name(), error });
                CredentialError::Exhausted { failures }
            }
            error => not_assumed(&error),
        })
    }
}

/// Why a role was not assumed, with all the service says. The link names the role.
pub(super) fn not_assumed(error: &CloudError) -> CredentialError {
    CredentialError::RoleNotAssumed { reason: error.chain() }
}

impl CredentialSource for RoleSource {
    fn name(&self) -> String {
        format!("role {}", self.role.role_arn)
    }

    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        self.credentials().boxed()
    }

    fn is_explicit(&self) -> bool {
        self.explicit
    }
}
