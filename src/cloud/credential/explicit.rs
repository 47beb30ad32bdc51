//! Keys written into the configuration: a static pair, or a temporary pair with its token.

use futures_util::future::{BoxFuture, FutureExt, ready};

use super::{CredentialError, CredentialSource, Credentials};
use crate::cloud::{
    id::AccessKeyId,
    secret::{AccessKeySecret, SecurityToken},
};

/// Keys given by the caller. Being asked for by name, it ends the chain if it is incomplete.
#[derive(Clone, Debug)]
pub struct ExplicitSource {
    access_key_id: Option<AccessKeyId>,
    access_key_secret: Option<AccessKeySecret>,
    security_token: Option<SecurityToken>,
}

impl ExplicitSource {
    /// Takes what the configuration says; empty texts count as not set.
    #[must_use]
    pub fn new(
        access_key_id: Option<AccessKeyId>,
        access_key_secret: Option<AccessKeySecret>,
        security_token: Option<SecurityToken>,
    ) -> Self {
        Self {
            access_key_id: access_key_id.filter(|id| !id.is_empty()),
            access_key_secret: access_key_secret.filter(|secret| !secret.is_empty()),
            security_token: security_token.filter(|token| !token.is_empty()),
        }
    }

    /// Whether the configuration says nothing about keys at all.
    #[must_use]
    pub fn is_unset(&self) -> bool {
        self.access_key_id.is_none() && self.access_key_secret.is_none() && self.security_token.is_none()
    }

    fn credentials(&self) -> Result<Credentials, CredentialError> {
        let incomplete = |reason: &str| CredentialError::Incomplete { reason: reason.to_owned() };
        match (&self.access_key_id, &self.access_key_secret) {
            (Some(id), Some(secret)) => Ok(Credentials {
                access_key_id: id.clone(),
                access_key_secret: secret.clone(),
                security_token: self.security_token.clone(),
                expires_at: None,
            }),
            (Some(_), None) => Err(incomplete("access_key is set, secret_key is not")),
            (None, Some(_)) => Err(incomplete("secret_key is set, access_key is not")),
            (None, None) => Err(incomplete("security_token is set, access_key and secret_key are not")),
        }
    }
}

impl CredentialSource for ExplicitSource {
    fn name(&self) -> String {
        if self.security_token.is_some() { "security token in the configuration" } else { "keys in the configuration" }
            .to_owned()
    }

    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        ready(self.credentials()).boxed()
    }

    fn is_explicit(&self) -> bool {
        true
    }
}
