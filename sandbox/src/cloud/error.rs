//! Errors as the gateway of the cloud reports them.
//!
//! Codes, statuses and the shape of the body are from the public documentation and SDK sources; messages are our own
//! wording unless the documentation quotes one.

use serde_json::{Value, json};

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// The code.
    pub code: String,
    /// The message.
    pub message: String,
    /// The principal and action of a denial.
    pub access_denied: Option<Box<AccessDenied>>,
    /// `x-acs-retry-after`, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

/// What a denial says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessDenied {
    /// `product:Action`.
    pub action: String,
    /// `SubUser` or `AssumedRoleUser`.
    pub principal_type: String,
    /// The principal's name or id.
    pub principal: String,
    /// The account.
    pub owner: String,
}

impl ApiError {
    /// An error without extras.
    pub fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), access_denied: None, retry_after_ms: None }
    }

    /// A required parameter is absent.
    pub fn missing(name: &str) -> Self {
        Self::new(400, format!("Missing{name}"), format!("{name} is mandatory for this action."))
    }

    /// A parameter has a value the action does not take.
    pub fn invalid(name: &str, why: &str) -> Self {
        Self::new(400, "InvalidParameter", format!("The specified parameter {name} is not valid: {why}"))
    }

    /// The body of the answer. ROA products use lower camel case.
    pub fn body(&self, request_id: &str, host: &str, product: &str, roa: bool) -> Value {
        let detail = self.access_denied.as_ref().map(|denied| {
            json!({
                "AuthAction": denied.action,
                "AuthPrincipalType": denied.principal_type,
                "AuthPrincipalDisplayName": denied.principal,
                "AuthPrincipalOwnerId": denied.owner,
                "NoPermissionType": "ImplicitDeny",
                "PolicyType": "AccountLevelIdentityBasedPolicy",
                "EncodedDiagnosticMessage": "",
            })
        });
        let mut body = if roa {
            json!({"code": self.code, "message": self.message, "requestId": request_id, "status": self.status})
        } else {
            json!({
                "RequestId": request_id,
                "HostId": host,
                "Code": self.code,
                "Message": self.message,
                "Recommend": format!(
                    "https://api.aliyun.com/troubleshoot?q={}&product={product}&requestId={request_id}", self.code
                ),
            })
        };
        if let (Some(detail), Some(object)) = (detail, body.as_object_mut()) {
            let key = if roa { "accessDeniedDetail" } else { "AccessDeniedDetail" };
            object.insert(key.to_owned(), detail);
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rpc_bodies_are_pascal_case_and_roa_bodies_lower_camel() {
        let mut error = ApiError::missing("ClusterId");
        let rpc = error.body("R-1", "127.0.0.1:1", "adcp", false);
        assert_eq!(rpc["Code"], "MissingClusterId");
        assert_eq!((rpc["RequestId"].as_str(), rpc["HostId"].as_str()), (Some("R-1"), Some("127.0.0.1:1")));
        assert!(rpc.get("AccessDeniedDetail").is_none());
        error.access_denied = Some(Box::new(AccessDenied {
            action: "cs:DescribeClusterDetail".to_owned(),
            principal_type: "SubUser".to_owned(),
            principal: "terraform".to_owned(),
            owner: "1".to_owned(),
        }));
        let roa = error.body("R-1", "h", "cs", true);
        assert_eq!(roa["code"], "MissingClusterId");
        assert_eq!(roa["accessDeniedDetail"]["AuthAction"], "cs:DescribeClusterDetail");
    }
}
