//! The security token service, version 2015-04-01: who the keys belong to.

use serde::Deserialize;

use super::{
    cancel::CallContext,
    client::{Answer, CloudClient},
    error::CloudError,
    id::RequestId,
    lenient::{non_empty, or_default},
    request::{ApiRequest, Product},
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
}
