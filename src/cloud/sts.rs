//! The security token service, version 2015-04-01: who the keys belong to, and temporary keys of roles.

use serde::Deserialize;
use serde_json::Value;

use super::{
    cancel::CallContext,
    client::{Answer, CloudClient},
    credential::{Credentials, RoleSettings},
    error::CloudError,
    id::{AccessKeyId, RequestId},
    lenient::{non_empty, or_default},
    request::{Action, ApiRequest, Product},
    secret::{AccessKeySecret, SecretString, SecurityToken},
};

/// Who signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The account.
    pub account_id: String,
    /// The identity as a resource name.
    pub arn: String,
    /// `Account`, `RAMUser` or `AssumedRoleUser`, in the service's spelling.
    pub identity_type: String,
    /// Stable id of the identity.
    pub principal_id: String,
    /// Id of a RAM user.
    pub user_id: Option<String>,
    /// Id of an assumed role.
    pub role_id: Option<String>,
    /// Of this call.
    pub request_id: Option<RequestId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    account_id: String,
    arn: String,
    #[serde(default, deserialize_with = "or_default")]
    identity_type: String,
    #[serde(default, deserialize_with = "or_default")]
    principal_id: String,
    #[serde(default, deserialize_with = "non_empty")]
    user_id: Option<String>,
    #[serde(default, deserialize_with = "non_empty")]
    role_id: Option<String>,
}

impl CloudClient {
    /// `GetCallerIdentity`.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::call`].
    pub async fn caller_identity(&self, context: &CallContext) -> Result<CallerIdentity, CloudError> {
        let request = ApiRequest::rpc(Product::Sts, "GetCallerIdentity");
        let Answer { body, request_id }: Answer<Body> = self.call(&request, context).await?;
        Ok(CallerIdentity {
            account_id: body.account_id,
            arn: body.arn,
            identity_type: body.identity_type,
            principal_id: body.principal_id,
            user_id: body.user_id,
            role_id: body.role_id,
            request_id,
        })
    }
    /// `AssumeRole`: temporary keys of a role, asked for with the client's own.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::call`].
    pub async fn assume_role(&self, role: &RoleSettings, context: &CallContext) -> Result<Credentials, CloudError> {
        let external_id = role.external_id.clone().map_or(Value::Null, Value::from);
        let request = role_request("AssumeRole", role).form("ExternalId", external_id);
        self.temporary_keys(&request, context).await
    }

    /// `AssumeRoleWithOIDC`: temporary keys of a role, asked for with an identity provider's token instead of a signature.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::call`].
    pub async fn assume_role_with_oidc(
        &self,
        role: &RoleSettings,
        provider_arn: &str,
        token: &SecurityToken,
        context: &CallContext,
    ) -> Result<Credentials, CloudError> {
        // In the body: a token may be longer than a query.
        let request = role_request("AssumeRoleWithOIDC", role)
            .form("OIDCProviderArn", provider_arn)
            .form("OIDCToken", token.expose())
            .anonymous(token.clone());
        self.temporary_keys(&request, context).await
    }

    async fn temporary_keys(&self, request: &ApiRequest, context: &CallContext) -> Result<Credentials, CloudError> {
        let Answer { body, request_id }: Answer<Assumed> = self.call(request, context).await?;
        let Assumed { credentials: keys } = body;
        let unreadable = |reason: &str| unreadable(request.action(), reason, request_id.clone());
        if keys.access_key_id.is_empty() || keys.access_key_secret.is_empty() || keys.security_token.is_empty() {
            return Err(unreadable("the keys are not complete"));
        }
        Ok(Credentials {
            access_key_id: AccessKeyId::new(keys.access_key_id),
            access_key_secret: AccessKeySecret::from(keys.access_key_secret),
            security_token: Some(SecurityToken::from(keys.security_token)),
            expires_at: Some(keys.expiration.parse().map_err(|_| unreadable("the keys' end is not a date"))?),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Assumed {
    credentials: TemporaryKeys,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TemporaryKeys {
    access_key_id: String,
    access_key_secret: SecretString,
    security_token: SecretString,
    expiration: String,
}

fn unreadable(action: Action, reason: &str, request_id: Option<RequestId>) -> CloudError {
    CloudError::Unreadable { action, reason: reason.to_owned(), request_id }
}

/// What both ways of assuming a role have in common. Asking twice gives two sets of keys and changes nothing.
fn role_request(name: &'static str, role: &RoleSettings) -> ApiRequest {
    ApiRequest::rpc(Product::Sts, name)
        .form("RoleArn", role.role_arn.as_str())
        .form("RoleSessionName", role.session())
        .form("DurationSeconds", role.session_seconds.map_or(Value::Null, Value::from))
        .form("Policy", role.policy.clone().map_or(Value::Null, Value::from))
        .secret_answer()
}
