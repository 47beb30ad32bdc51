//! `sts` 2015-04-01: who am I, and temporary keys of a role.
//!
//! Facts: the public SDK and documentation. The real service asks for HTTPS; on loopback the sandbox speaks HTTP too. The
//! codes of refused tokens are those the official SDKs know; that of an unknown identity provider is not public.

use std::time::Duration;

use serde_json::{Value, json};

use super::error::ApiError;
use super::parameters::Parameters;
use super::products::{Context, Operation};
use crate::world::{NewSession, RoleConditions, SessionPolicy, TemporaryKey};

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation { needs_permission: false, ..Operation::rpc("GetCallerIdentity", "", &[], get_caller_identity) },
    Operation::rpc(
        "AssumeRole",
        "RoleArn",
        &["RoleArn", "RoleSessionName", "DurationSeconds", "Policy", "ExternalId", "SourceIdentity"],
        assume_role,
    ),
    Operation {
        anonymous: true,
        needs_permission: false,
        ..Operation::rpc(
            "AssumeRoleWithOIDC",
            "RoleArn",
            &["RoleArn", "OIDCProviderArn", "OIDCToken", "RoleSessionName", "DurationSeconds", "Policy"],
            assume_role_with_oidc,
        )
    },
];

/// Lengths of an identity provider's token.
const TOKEN_LENGTH: std::ops::RangeInclusive<usize> = 4..=20_000;
/// The longest policy of a session, in characters.
const POLICY_LENGTH: usize = 2048;

fn get_caller_identity(cx: &Context<'_>, _: &Parameters) -> Result<Value, ApiError> {
    let account = cx.world.read(|state, _| state.account_id.clone());
    let caller = cx.caller;
    let own_id = caller.principal_id.split(':').next().unwrap_or_default();
    let (kind, id_key) = if caller.assumed_role { ("AssumedRoleUser", "RoleId") } else { ("RAMUser", "UserId") };
    let mut answer = json!({
        "AccountId": account, "Arn": caller.arn(&account), "IdentityType": kind, "PrincipalId": caller.principal_id,
    });
    if let Some(object) = answer.as_object_mut() {
        object.insert(id_key.to_owned(), Value::from(own_id));
    }
    Ok(answer)
}

fn assume_role(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let wanted = Wanted::read(cx, parameters)?;
    let external_id = parameters.optional("ExternalId");
    if external_id.is_some_and(|id| !(2..=1224).contains(&id.chars().count())) {
        return Err(refused("ExternalId", "The parameter ExternalId is wrongly formed."));
    }
    let asked = wanted.conditions.external_id.as_deref();
    if wanted.conditions.closed || asked.is_some_and(|asked| external_id != Some(asked)) {
        return Err(not_trusted());
    }
    let key = wanted.assume(cx, Some(&cx.caller.id))?;
    let mut answer = wanted.answer(&key);
    insert(&mut answer, "SourceIdentity", Value::from(parameters.optional("SourceIdentity").unwrap_or_default()));
    Ok(answer)
}

fn assume_role_with_oidc(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let wanted = Wanted::read(cx, parameters)?;
    let (provider, token) = (parameters.required("OIDCProviderArn")?, parameters.required("OIDCToken")?);
    if !TOKEN_LENGTH.contains(&token.len()) {
        return Err(refused("OIDCToken", "The parameter OIDCToken is wrongly formed."));
    }
    let (known, end) = cx.world.read(|state, _| (state.oidc_provider_arn(), state.oidc_token_end(token)));
    if provider != known {
        let message = "The specified OIDC provider does not exist.";
        return Err(ApiError::new(404, "EntityNotExist.OIDCProvider", message));
    }
    match end {
        None => {
            let message = "The OIDC token is not valid.";
            return Err(ApiError::new(400, "AuthenticationFail.OIDCToken.Invalid", message));
        }
        Some(end) if end <= cx.now => {
            let message = "The OIDC token has expired.";
            return Err(ApiError::new(400, "AuthenticationFail.OIDCToken.Expired", message));
        }
        Some(_) => {}
    }
    if wanted.conditions.closed {
        return Err(not_trusted());
    }
    let key = wanted.assume(cx, None)?;
    let mut answer = wanted.answer(&key);
    let info = json!({
        "Subject": "system:serviceaccount:default:terraform", "Issuer": "https://oidc.example.com",
        "ClientIds": "sts.aliyuncs.com", "ExpirationTime": end.map(|end| end.to_string()), "VerificationInfo": "Success",
    });
    insert(&mut answer, "OIDCTokenInfo", info);
    Ok(answer)
}

/// What both ways of assuming a role ask for.
struct Wanted<'a> {
    account: String,
    role: &'a str,
    session: &'a str,
    duration: Duration,
    policy: Option<SessionPolicy>,
    conditions: RoleConditions,
}

impl<'a> Wanted<'a> {
    fn read(cx: &Context<'_>, parameters: &'a Parameters) -> Result<Self, ApiError> {
        let arn = parameters.required("RoleArn")?;
        let session = parameters.required("RoleSessionName")?;
        let valid = |c: char| c.is_ascii_alphanumeric() || ".@_-".contains(c);
        if !(2..=64).contains(&session.len()) || !session.chars().all(valid) {
            return Err(refused("RoleSessionName", "The parameter RoleSessionName is wrongly formed."));
        }
        let seconds = parameters
            .number("DurationSeconds", 900, 43_200)
            .map_err(|error| refused("DurationSeconds", &error.message))?
            .unwrap_or(3600);
        let seconds = u64::try_from(seconds).unwrap_or(3600);
        let policy = match parameters.optional("Policy") {
            Some(text) if text.chars().count() > POLICY_LENGTH => {
                return Err(refused("PolicySize", "The size of the policy is over the limit."));
            }
            Some(text) => Some(
                SessionPolicy::parse(text)
                    .ok_or_else(|| refused("PolicyGrammar", "The parameter Policy does not pass the grammar check."))?,
            ),
            None => None,
        };
        let account = cx.world.read(|state, _| state.account_id.clone());
        let role = arn
            .strip_prefix(&format!("acs:ram::{account}:role/"))
            .ok_or_else(|| refused("RoleArn", "The parameter RoleArn is wrongly formed or of another account."))?;
        let conditions = cx.world.read(|state, _| state.role_conditions.get(role).cloned().unwrap_or_default());
        if conditions.max_session_seconds.is_some_and(|most| seconds > most) {
            return Err(refused("DurationSeconds", "DurationSeconds is longer than the role's longest session."));
        }
        Ok(Self { account, role, session, duration: Duration::from_secs(seconds), policy, conditions })
    }

    fn assume(&self, cx: &Context<'_>, caller: Option<&str>) -> Result<TemporaryKey, ApiError> {
        let Self { role, session, duration, .. } = *self;
        let wanted = NewSession { role, session, caller, duration, policy: self.policy.clone() };
        cx.world
            .write(|state, now| state.assume_role(&wanted, now))
            .map_err(|error| ApiError::new(404, "EntityNotExist.Role", error.to_string()))
    }

    fn answer(&self, key: &TemporaryKey) -> Value {
        let Self { account, role, session, .. } = self;
        json!({
            "Credentials": {
                "AccessKeyId": key.id, "AccessKeySecret": key.secret.expose(), "SecurityToken": key.token.expose(),
                "Expiration": key.expires.to_string(),
            },
            "AssumedRoleUser": {
                "Arn": format!("acs:ram::{account}:assumed-role/{role}/{session}"), "AssumedRoleId": key.principal_id,
            },
        })
    }
}

fn insert(answer: &mut Value, name: &str, value: Value) {
    if let Some(object) = answer.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

/// The role's trust policy does not name who asks.
fn not_trusted() -> ApiError {
    let message = "You are not authorized to do this action. You should be authorized by RAM.";
    ApiError::new(403, "NoPermission", message)
}

fn refused(name: &str, message: &str) -> ApiError {
    ApiError::new(400, format!("InvalidParameter.{name}"), message)
}
