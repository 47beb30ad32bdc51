//! From the provider block and the environment to what the credential chain is made of.
//!
//! The environment fills in what an argument leaves out only where that argument is written: a variable alone never makes
//! the provider assume a role on top of keys. What the chain finds by itself in the environment is the chain's business.

use super::configure::{capitalised, filled};
use super::schema::{AssumeRoleModel, OidcModel, ProviderModel, SESSION_SECONDS, is_role_arn};
use crate::cloud::{
    AccessKeyId, AccessKeySecret, CredentialNetwork, CredentialSettings, Endpoint, Environment, OidcSettings,
    OidcToken, RoleSettings, SecretString, SecurityToken,
};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Attr, Planned};
use crate::framework::path::Path;

/// What involves more than one argument, or more than its text.
pub(super) fn validate(model: &ProviderModel<Planned>, diagnostics: &mut Diagnostics) {
    let no_access_key = is_unset(&model.access_key, String::is_empty);
    let pair = [("access_key", no_access_key), ("secret_key", is_unset(&model.secret_key, SecretString::is_empty))];
    if let [(_, true), (given, false)] | [(given, false), (_, true)] = pair {
        let missing = if given == "access_key" { "secret_key" } else { "access_key" };
        diagnostics.error(
            Path::attribute(given),
            "Incomplete Access Key",
            format!("{given} is set without {missing}. Set both, or neither to take the keys from the environment or a profile."),
        );
    }
    if !is_unset(&model.security_token, SecretString::is_empty) && no_access_key {
        diagnostics.error(
            Path::attribute("security_token"),
            "Token Without Access Key",
            "security_token belongs to a temporary access key. Set access_key and secret_key as well.",
        );
    }
    if let Some(uri) = model.credentials_uri.known().filter(|uri| !uri.is_empty())
        && !crate::cloud::credential::UriSource::accepts(uri.expose())
    {
        // The text is not repeated: it may hold a password.
        diagnostics.error(
            Path::attribute("credentials_uri"),
            "Invalid Credentials URI",
            "credentials_uri is not an http or https URL without a user name. Write it whole, such as \
             \"http://127.0.0.1:8080/credentials\".",
        );
    }
    if let Some(oidc) = model.assume_role_with_oidc.known()
        && !is_unset(&oidc.oidc_token, SecretString::is_empty)
        && !is_unset(&oidc.oidc_token_file, String::is_empty)
    {
        diagnostics.error(
            Path::attribute("assume_role_with_oidc").attr("oidc_token"),
            "Conflicting OIDC Tokens",
            "oidc_token and oidc_token_file are both set, but there can be one token. Keep oidc_token_file: it is read again when \
             the keys are renewed.",
        );
    }
}

/// Whether an argument is null or empty, which means the same to [`settings`].
fn is_unset<T>(value: &Attr<T>, is_empty: fn(&T) -> bool) -> bool {
    value.is_null() || value.known().is_some_and(is_empty)
}

/// What the block says, with what the environment adds to it.
pub(super) fn settings(
    model: &ProviderModel<Planned>,
    environment: &Environment,
    diagnostics: &mut Diagnostics,
) -> CredentialSettings {
    CredentialSettings {
        access_key_id: model.access_key.known().map(|id| AccessKeyId::new(id.clone())),
        access_key_secret: model.secret_key.known().map(|secret| AccessKeySecret::new(secret.expose())),
        security_token: model.security_token.known().map(|token| SecurityToken::new(token.expose())),
        oidc: model.assume_role_with_oidc.known().and_then(|oidc| oidc_settings(oidc, environment, diagnostics)),
        profile: filled(&model.profile),
        credentials_file: filled(&model.shared_credentials_file),
        ecs_role_name: filled(&model.ecs_role_name),
        no_metadata_version_1: model.disable_imds_v1 == Attr::Known(true),
        credentials_uri: model.credentials_uri.known().filter(|uri| !uri.is_empty()).cloned(),
        assume_role: model.assume_role.known().and_then(|role| role_settings(role, environment, diagnostics)),
    }
}

/// The address of the instance metadata service: for the sandbox, the environment may name one on this machine.
pub(super) fn metadata_endpoint(environment: &Environment, diagnostics: &mut Diagnostics) -> Option<Endpoint> {
    let text = environment.metadata_endpoint()?;
    match text.parse() {
        Ok(endpoint) => Some(endpoint),
        Err(error) => {
            let error: crate::cloud::endpoint::InvalidEndpoint = error;
            let from = "It comes from the environment variable ALIBABA_CLOUD_ECS_METADATA_ENDPOINT.";
            let detail = format!("{} {from}", capitalised(&error.to_string()));
            diagnostics.error(Path::root(), "Invalid Endpoint", detail);
            None
        }
    }
}

/// How links reach what they ask, with the same settings as every other call.
pub(super) fn network(config: &crate::cloud::CloudConfig, metadata: Option<Endpoint>) -> CredentialNetwork {
    let sts = config.endpoints.explicit.get(&crate::cloud::Product::Sts).cloned();
    CredentialNetwork {
        sts,
        metadata: metadata.unwrap_or_else(Endpoint::instance_metadata),
        transport: config.transport.clone(),
        retry: config.retry,
        clock: config.clock.clone(),
        randomness: config.randomness.clone(),
    }
}

fn role_settings(
    model: &AssumeRoleModel<Planned>,
    environment: &Environment,
    diagnostics: &mut Diagnostics,
) -> Option<RoleSettings> {
    let at = Path::attribute("assume_role");
    let variables = "ALICLOUD_ASSUME_ROLE_ARN or ALIBABA_CLOUD_ROLE_ARN";
    let role_arn = filled(&model.role_arn).or_else(|| environment.assume_role_arn());
    let role_arn = role(role_arn, variables, &at, diagnostics)?;
    let from_environment = || environment.assume_role_session_seconds();
    let session_seconds = match (seconds(&model.session_expiration), from_environment()) {
        (Some(seconds), _) => Some(seconds),
        (None, None) => None,
        (None, Some(text)) => {
            let read = text.parse::<i64>().ok().filter(|seconds| SESSION_SECONDS.contains(seconds));
            if read.is_none() {
                diagnostics.error(
                    at,
                    "Invalid Session Length",
                    "ALICLOUD_ASSUME_ROLE_SESSION_EXPIRATION of the environment must be a whole number of seconds from 900 to \
                     43200.",
                );
            }
            read.and_then(|seconds| u32::try_from(seconds).ok())
        }
    };
    Some(RoleSettings {
        role_arn,
        session_name: filled(&model.session_name).or_else(|| environment.assume_role_session_name()),
        session_seconds,
        policy: filled(&model.policy),
        external_id: filled(&model.external_id),
    })
}

fn oidc_settings(
    model: &OidcModel<Planned>,
    environment: &Environment,
    diagnostics: &mut Diagnostics,
) -> Option<OidcSettings> {
    let at = Path::attribute("assume_role_with_oidc");
    let role_arn = filled(&model.role_arn).or_else(|| environment.role_arn());
    let role_arn = role(role_arn, "ALIBABA_CLOUD_ROLE_ARN", &at, diagnostics);
    let provider_arn = filled(&model.oidc_provider_arn).or_else(|| environment.oidc_provider_arn());
    let file = filled(&model.oidc_token_file).map(|path| OidcToken::File(environment.expand(&path)));
    let text = || model.oidc_token.known().filter(|token| !token.expose().is_empty());
    let token = file
        .or_else(|| text().map(|token| OidcToken::Text(SecurityToken::new(token.expose()))))
        .or_else(|| environment.oidc_token());
    let mut incomplete = |missing: &str, variables: &str| {
        diagnostics.error(
            at.clone(),
            "Incomplete OIDC Role",
            format!("assume_role_with_oidc has no {missing}, and the environment has no {variables}. Set one of them."),
        );
    };
    if provider_arn.is_none() {
        incomplete("oidc_provider_arn", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN");
    }
    if token.is_none() {
        incomplete("oidc_token_file or oidc_token", "ALIBABA_CLOUD_OIDC_TOKEN_FILE or ALIBABA_CLOUD_OIDC_TOKEN");
    }
    let role = RoleSettings {
        role_arn: role_arn?,
        session_name: filled(&model.role_session_name).or_else(|| environment.role_session_name()),
        session_seconds: seconds(&model.session_expiration),
        policy: filled(&model.policy),
        external_id: None,
    };
    Some(OidcSettings { role, provider_arn: provider_arn?, token: token? })
}

/// The role, which argument or environment must name.
fn role(role_arn: Option<String>, variables: &str, at: &Path, diagnostics: &mut Diagnostics) -> Option<String> {
    match role_arn {
        Some(role_arn) if is_role_arn(&role_arn) => Some(role_arn),
        Some(other) => {
            diagnostics.error(
                at.clone(),
                "Invalid Role",
                format!(
                    "{other:?} is no RAM role. It comes from {variables} of the environment. Write an ARN, such as \
                     \"acs:ram::1234567890123456:role/terraform\"."
                ),
            );
            None
        }
        None => {
            diagnostics.error(
                at.clone(),
                "Role Missing",
                format!("{at} names no role, and the environment has no {variables}. Set role_arn."),
            );
            None
        }
    }
}

fn seconds(value: &Attr<i64>) -> Option<u32> {
    value.known().and_then(|seconds| u32::try_from(*seconds).ok())
}
