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
        "Invalid Region",
        "region",
        "The region is not of the form of a region ID.",
        "Write the ID as in the console, such as cn-hangzhou.",
    ),
    error(
        "Invalid Endpoint",
        "endpoints[\"<product>\"]",
        "An endpoint is no host or URL. It may also come from an ALIBABA_CLOUD_ENDPOINT_ variable.",
        "Write a host name, or a URL without a path.",
    ),
    error(
        "Unknown Product",
        "endpoints",
        "A key of endpoints is no product that the provider calls.",
        "Use the product codes that the message lists.",
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
