//! Messages of the provider block.

use super::{Message, either, error};

pub(super) const MESSAGES: &[Message] = &[
    error(
        "Incomplete Access Key",
        "access_key, secret_key",
        "Only one half of an access key is configured.",
        "Set both access_key and secret_key, or neither, so that the keys come from the environment or a profile.",
    ),
    error(
        "Token Without Access Key",
        "security_token",
        "A security token belongs to a temporary access key, which is not configured.",
        "Set access_key and secret_key beside it.",
    ),
    error(
        "Invalid Role",
        "assume_role.role_arn, assume_role_with_oidc.role_arn",
        "The text is no ARN of a RAM role. It may also come from ALIBABA_CLOUD_ROLE_ARN or ALICLOUD_ASSUME_ROLE_ARN.",
        "Write acs:ram::<account>:role/<name>, as RAM shows it.",
    ),
    error(
        "Role Missing",
        "assume_role, assume_role_with_oidc",
        "A role is to be assumed, and neither the argument nor the environment names one.",
        "Set role_arn, or the variable that the message names.",
    ),
    error(
        "Incomplete OIDC Role",
        "assume_role_with_oidc",
        "The identity provider or its token is neither in the argument nor in the environment.",
        "Set oidc_provider_arn and oidc_token_file; in a Pod with RRSA the environment has both.",
    ),
    error(
        "Conflicting OIDC Tokens",
        "assume_role_with_oidc.oidc_token",
        "The token is given both as text and as a file.",
        "Keep oidc_token_file, which is read again when keys are renewed.",
    ),
    error(
        "Invalid Session Name",
        "assume_role.session_name, assume_role_with_oidc.role_session_name",
        "The name has characters or a length that the security token service does not take.",
        "Use 2 to 64 letters, digits and the characters . @ _ -.",
    ),
    error(
        "Invalid Session Length",
        "assume_role.session_expiration, assume_role_with_oidc.session_expiration",
        "The number of seconds is outside of its range. It may also come from ALICLOUD_ASSUME_ROLE_SESSION_EXPIRATION.",
        "Write a whole number from 900 to 43200.",
    ),
    error(
        "Invalid Session Policy",
        "assume_role.policy, assume_role_with_oidc.policy",
        "The policy is no JSON object, or is longer than 2048 characters.",
        "Write it with jsonencode(), and shorten it or attach it to the role if it is too long.",
    ),
    error(
        "Invalid External ID",
        "assume_role.external_id",
        "The external ID is shorter or longer than the security token service takes.",
        "Write the one that the role's owner gave you, of 2 to 1224 characters.",
    ),
    error(
        "Invalid Credentials URI",
        "credentials_uri",
        "The text is no http or https URL, or has a user name in it.",
        "Write the whole URL, such as http://127.0.0.1:8080/credentials.",
    ),
    error(
        "Invalid Region",
        "region",
        "The region is not of the form of a region ID.",
        "Write the ID as in the console, such as cn-hangzhou.",
    ),
    error(
        "Invalid Endpoint",
        "endpoints[\"<product>\"]",
        "An endpoint is no host or URL. It may also come from an ALIBABA_CLOUD_ENDPOINT_ variable, or from \
         ALIBABA_CLOUD_ECS_METADATA_ENDPOINT.",
        "Write a host name, or a URL without a path.",
    ),
    error(
        "Unknown Product",
        "endpoints",
        "A key of endpoints is no product that the provider calls.",
        "Use the product codes that the message lists.",
    ),
    error(
        "Unknown Cross-Check",
        "skip_cross_checks",
        "A name in the set is no kind of check.",
        "Write one of the names that the attribute's description lists.",
    ),
    error(
        "Invalid Number of Retries",
        "max_retries",
        "The number of retries is outside of its range.",
        "Write a whole number from 0 to 20.",
    ),
    error(
        "No Kubernetes API",
        "kubernetes",
        "The kubernetes object does not say how the API server is reached. KUBECONFIG of the environment is never used by itself.",
        "Set config_path, config_paths, config_content or host; or remove the object and set fleet_id.",
    ),
    error(
        "Conflicting Kubeconfigs",
        "kubernetes.config_path, config_paths, config_content",
        "The kubeconfig is given in more than one way.",
        "Keep one of the ways.",
    ),
    error(
        "Incomplete Client Certificate",
        "kubernetes.client_certificate, client_key",
        "Only one half of the client certificate is configured.",
        "Set certificate and key together.",
    ),
    either(
        "Provider Configuration Unknown",
        "the resource or data source",
        "An argument of the provider block is known only after apply, so nothing can be asked of the Fleet yet.",
        "Apply first what the argument depends on, for example with -target. A refresh keeps the stored state meanwhile.",
    ),
    error(
        "Provider Not Configured",
        "the resource or data source",
        "The host used the provider before it had configured it, or after that had failed.",
        "Run the command again. If it stays, report it.",
    )
    .not_rendered("Terraform configures a provider before it uses it, and stops when that fails"),
];
