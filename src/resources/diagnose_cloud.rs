//! Errors of the cloud API as diagnostics. Decided by typed questions and explicit codes, never by message text.

use crate::cloud::{CloudError, CredentialError};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::path::Path;

/// What to tell of a failed call. `doing` completes "While …"; `outcome` says what exists now.
pub(crate) fn cloud_error(doing: &str, error: &CloudError, outcome: &str) -> Diagnostics {
    let (summary, text, path) = explain(error);
    let mut detail = format!("While {doing}: {text}");
    if !outcome.is_empty() {
        detail.push_str(&format!(" {outcome}"));
    }
    detail.push_str(&facts(error));
    Diagnostic::error(summary, detail).at(path).into()
}

/// The cloud's part of an error that shows elsewhere: getting the Fleet's kubeconfig.
pub(crate) fn cloud_cause(error: &(dyn std::error::Error + 'static)) -> Option<(&'static str, String)> {
    let mut source = Some(error);
    while let Some(error) = source {
        if let Some(cloud) = error.downcast_ref::<CloudError>() {
            let (summary, text, _) = explain(cloud);
            return Some((summary, format!("{text}{}", facts(cloud))));
        }
        source = error.source();
    }
    None
}

fn explain(error: &CloudError) -> (&'static str, String, Path) {
    let none = Path::root();
    match error {
        CloudError::Credentials { source, .. } => no_credentials(source),
        CloudError::Configuration { .. } => (
            "Region Or Endpoint Missing",
            format!(
                "the call cannot be sent: {}. Set region in the provider block or ALIBABA_CLOUD_REGION in the environment.",
                error.chain()
            ),
            none,
        ),
        CloudError::Unanswered { endpoint, reason, .. } => (
            "Cloud API Unreachable",
            format!(
                "{endpoint} gave no answer ({reason}), also when asked again. Check that this machine reaches it, directly or through \
                 the proxy in HTTPS_PROXY, and that the region or the endpoint is right."
            ),
            none,
        ),
        CloudError::Unreadable { .. } => (
            "Unexpected Cloud Answer",
            "the cloud API answered in a form that cannot be understood. If the endpoint is right, this is a bug in the provider; please \
             report it."
                .to_owned(),
            none,
        ),
        CloudError::Cancelled { maybe_sent, .. } => (
            "Interrupted",
            if *maybe_sent {
                "the run was interrupted while the call was under way; it may have been carried out.".to_owned()
            } else {
                "the run was interrupted before the call was made.".to_owned()
            },
            none,
        ),
        CloudError::DeadlineExceeded { .. } => (
            "Cloud Call Took Too Long",
            "the call did not succeed in the time that `timeouts` allows. Raise it, or apply again later.".to_owned(),
            none,
        ),
        CloudError::Refused { failure, .. } => refused(error, &failure.code),
    }
}

fn no_credentials(source: &CredentialError) -> (&'static str, String, Path) {
    let failures = match source {
        CredentialError::Exhausted { failures } => failures.as_slice(),
        _ => &[],
    };
    let links = match source {
        CredentialError::Exhausted { .. } => {
            failures.iter().map(|failure| format!("\n  - {failure}")).collect::<String>()
        }
        other => format!("\n  - {other}"),
    };
    // What ended the search says most; behind a role stands what should have given the keys for it.
    let decisive = failures.iter().rev().find(|failure| failure.error.ends_the_chain()).or(failures.last());
    let last = decisive.map_or(source, |failure| &failure.error);
    let (summary, remedy) = match last {
        CredentialError::RoleNotAssumed { .. } => (
            "Role Not Assumed",
            "The source after it would be another identity, so the search ends here. Check that the role exists, that its trust \
             policy names whoever assumes it, and that session name, external ID, policy and length are those it asks for.",
        ),
        CredentialError::UriFailed { .. } => (
            "Credentials URI Failed",
            "Check that the server behind the credentials URI runs and answers with HTTP 200 and the JSON members Code, AccessKeyId, \
             AccessKeySecret, SecurityToken and Expiration.",
        ),
        CredentialError::ProcessFailed { .. } => (
            "Credential Process Failed",
            "Run the profile's process_command by hand: it must end with success within 60 seconds and print nothing but JSON with \
             mode, access_key_id, access_key_secret and, for StsToken, sts_token. Its output is not shown here, since it may hold keys.",
        ),
        CredentialError::NoInstanceRole { .. } if failures.len() == 1 => (
            "Instance Role Unavailable",
            "Check that this is an ECS instance with a RAM role, and that this process may reach its metadata service.",
        ),
        _ => (
            "No Cloud Credentials",
            "Set access_key and secret_key, or ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET in the environment, or a \
             profile of the aliyun command line; the credentials guide lists every other way.",
        ),
    };
    let text = format!(
        "there are no credentials to sign the call with. These sources were tried, in this order:{links}\n{remedy}"
    );
    (summary, text, Path::root())
}

fn refused(error: &CloudError, code: &str) -> (&'static str, String, Path) {
    let none = Path::root();
    if error.is_not_found() {
        return (
            "Fleet Not Found",
            "the cloud knows no Fleet of this ID in the region. Check fleet_id, the region, and that the credentials belong to the \
             Fleet's account."
                .to_owned(),
            Path::attribute("fleet_id"),
        );
    }
    if error.is_forbidden() {
        return (
            "Cloud Action Forbidden",
            format!(
                "RAM refused the action {}. Grant it to the user or role that signs the calls, or use other credentials.",
                error.action().permission()
            ),
            none,
        );
    }
    let text = match code {
        "SignatureDoesNotMatch" => {
            "the signature does not fit: the access key secret is not the one of this access key ID. Check the pair, and that neither has \
             a space or line break at its end."
        }
        "InvalidAccessKeyId.NotFound" => {
            "the access key ID does not exist. Check it, and that it belongs to this site (China or international)."
        }
        "InvalidAccessKeyId.Inactive" | "Forbidden.AccessKeyDisabled" => {
            "the access key is disabled. Enable it in RAM, or use another."
        }
        code if code.starts_with("InvalidSecurityToken") => {
            "the temporary credentials have expired or their token does not fit, and there are no newer ones. Get new ones, and \
             set access key ID, secret and security token together."
        }
        code if code.starts_with("InvalidTimeStamp") => {
            "the clock of this machine differs from the cloud's by more than 15 minutes. Set it right."
        }
        _ => {
            let (summary, text) = if error.is_throttled() {
                (
                    "Too Many Cloud Calls",
                    "the cloud kept asking to slow down, longer than the retries last. Apply again later, or lower -parallelism.",
                )
            } else {
                ("Cloud Call Refused", "the cloud refused the call; its message below says why.")
            };
            return (summary, text.to_owned(), none);
        }
    };
    ("Cloud Credentials Not Accepted", text.to_owned(), none)
}

/// The line for support.
pub(crate) fn facts(error: &CloudError) -> String {
    let CloudError::Refused { action, failure } = error else {
        return format!("\nAPI: {}", error.action());
    };
    let mut line = format!("\nAPI: {action}, code {} (HTTP {})", failure.code, failure.status);
    if let Some(request_id) = &failure.request_id {
        line.push_str(&format!(", request ID {request_id}"));
    }
    if !failure.message.is_empty() {
        line.push_str(&format!("\nMessage: {}", failure.message));
    }
    for (name, value) in failure.access_denied.iter().filter(|(_, value)| !value.is_empty()) {
        line.push_str(&format!("\n{name}: {value}"));
    }
    line
}
