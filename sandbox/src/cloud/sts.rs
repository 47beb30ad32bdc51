//! `sts` 2015-04-01: who am I, and temporary keys of a role.
//!
//! Facts: the public SDK and documentation. The real service asks for HTTPS; on loopback the sandbox speaks HTTP too.

use std::time::Duration;

use serde_json::{Value, json};

use super::error::ApiError;
use super::parameters::Parameters;
use super::products::{Context, Operation};

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation { needs_permission: false, ..Operation::rpc("GetCallerIdentity", "", &[], get_caller_identity) },
    Operation::rpc(
        "AssumeRole",
        "RoleArn",
        &["RoleArn", "RoleSessionName", "DurationSeconds", "Policy", "ExternalId", "SourceIdentity"],
        assume_role,
    ),
];

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
    let account = cx.world.read(|state, _| state.account_id.clone());
    let role = arn
        .strip_prefix(&format!("acs:ram::{account}:role/"))
        .ok_or_else(|| refused("RoleArn", "The parameter RoleArn is wrongly formed or of another account."))?;
    let duration = Duration::from_secs(u64::try_from(seconds).unwrap_or(3600));
    let key = cx
        .world
        .write(|state, now| state.assume_role(role, session, &cx.caller.id, duration, now))
        .map_err(|error| ApiError::new(404, "EntityNotExist.Role", error.to_string()))?;
    Ok(json!({
        "Credentials": {
            "AccessKeyId": key.id, "AccessKeySecret": key.secret.expose(), "SecurityToken": key.token.expose(),
            "Expiration": key.expires.to_string(),
        },
        "AssumedRoleUser": {
            "Arn": format!("acs:ram::{account}:assumed-role/{role}/{session}"), "AssumedRoleId": key.principal_id,
        },
        "SourceIdentity": parameters.optional("SourceIdentity").unwrap_or_default(),
    }))
}

fn refused(name: &str, message: &str) -> ApiError {
    ApiError::new(400, format!("InvalidParameter.{name}"), message)
}
