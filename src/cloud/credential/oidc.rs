//! Keys of a role, assumed with a token of an identity provider: `AssumeRoleWithOIDC`. In a Pod this is RRSA.
//!
//! The token's file is read again at each renewal: whoever writes it replaces the token long before it ends.

use std::{io, path::PathBuf};

use futures_util::future::{BoxFuture, FutureExt};

use super::{
    CredentialChain, CredentialError, CredentialNetwork, CredentialSource, Credentials, RoleSettings, StsPlace,
    file::read_small, role::not_assumed,
};
use crate::cloud::{cancel::CallContext, client::CloudClient, error::CloudError, secret::SecurityToken};

/// Lengths the service takes, in bytes (documentation of `AssumeRoleWithOIDC`).
const TOKEN_LENGTH: std::ops::RangeInclusive<usize> = 4..=20_000;
/// Longest token file that is read, in bytes: the longest token, and white space around it.
const MAX_BYTES: usize = 64 * 1024;
/// The code with which a newer token is worth a second call.
const TOKEN_EXPIRED: &str = "AuthenticationFail.OIDCToken.Expired";

/// Where the token comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OidcToken {
    /// A file that somebody keeps current.
    File(PathBuf),
    /// The token itself.
    Text(SecurityToken),
}

/// Which role, and who vouches for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcSettings {
    /// The role. An external id has no place in this call.
    pub role: RoleSettings,
    /// `acs:ram::<account>:oidc-provider/<name>`.
    pub provider_arn: String,
    /// The token.
    pub token: OidcToken,
}

/// Assumes a role with an identity provider's token.
#[derive(Debug)]
pub struct OidcSource {
    settings: OidcSettings,
    client: CloudClient,
    explicit: bool,
}

impl OidcSource {
    /// Assumes the role of `settings`. No I/O.
    #[must_use]
    pub fn new(settings: OidcSettings, place: &StsPlace, network: &CredentialNetwork) -> Self {
        // The call is anonymous: there is nothing to sign with, and nothing is asked for keys.
        let client = network.sts_client(place, CredentialChain::new(Vec::new()));
        Self { settings, client, explicit: false }
    }

    /// The same, asked for in the configuration.
    #[must_use]
    pub fn explicit(self) -> Self {
        Self { explicit: true, ..self }
    }

    async fn credentials(&self) -> Result<Credentials, CredentialError> {
        let token = self.token().await?;
        let error = match self.assume(&token).await {
            Ok(credentials) => return Ok(credentials),
            Err(error) => error,
        };
        // Read just before it was replaced: the file holds its successor by now.
        if error.code() == TOKEN_EXPIRED {
            let newer = self.token().await?;
            if newer != token {
                return self.assume(&newer).await.map_err(|error| not_assumed(&error));
            }
        }
        Err(not_assumed(&error))
    }

    async fn assume(&self, token: &SecurityToken) -> Result<Credentials, CloudError> {
        let OidcSettings { role, provider_arn, .. } = &self.settings;
        self.client.assume_role_with_oidc(role, provider_arn, token, &CallContext::default()).await
    }

    /// The token. A file that is named and holds none is a refusal, not a source that is not there: the next link of the
    /// chain would be another identity.
    async fn token(&self) -> Result<SecurityToken, CredentialError> {
        let path = match &self.settings.token {
            OidcToken::Text(token) => return Ok(token.clone()),
            OidcToken::File(path) => path,
        };
        let wrong = |what: &str| CredentialError::RoleNotAssumed { reason: format!("{} {what}", path.display()) };
        let content = read_small(path, MAX_BYTES).await.map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => wrong(&format!("is longer than {MAX_BYTES} bytes; it holds no token")),
            kind => CredentialError::Unreadable { path: path.clone(), kind },
        })?;
        let text = std::str::from_utf8(&content).map_err(|_| wrong("is not UTF-8 text"))?.trim();
        if !TOKEN_LENGTH.contains(&text.len()) {
            let (least, most) = (TOKEN_LENGTH.start(), TOKEN_LENGTH.end());
            return Err(wrong(&format!("holds {} bytes; a token has {least} to {most}", text.len())));
        }
        Ok(SecurityToken::new(text))
    }
}

impl CredentialSource for OidcSource {
    fn name(&self) -> String {
        format!("OIDC role {}", self.settings.role.role_arn)
    }

    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        self.credentials().boxed()
    }

    fn is_explicit(&self) -> bool {
        self.explicit
    }
}
