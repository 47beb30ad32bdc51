//! The `provider "ackone"` block: its attributes, and the model they are read into.

use std::collections::BTreeMap;

use crate::framework::model::Secret;
use crate::framework::schema::{Attribute, Nesting, Problem, Schema};
use crate::framework::types::Type;
use crate::framework::value::Value;
use crate::resources::{CrossCheck, kubernetes_attributes};

crate::model! {
    /// The provider block.
    pub(super) struct ProviderModel {
        /// Alibaba Cloud region.
        pub(super) region: String,
        /// The Fleet.
        pub(super) fleet_id: String,
        /// Access key ID.
        pub(super) access_key: String,
        /// Access key secret.
        pub(super) secret_key: Secret,
        /// STS token of a temporary access key.
        pub(super) security_token: Secret,
        /// Profile in the credentials file.
        pub(super) profile: String,
        /// Credentials file, INI or JSON.
        pub(super) shared_credentials_file: String,
        /// RAM role of the ECS instance.
        pub(super) ecs_role_name: String,
        /// Whether version 1 of the instance metadata service is never asked.
        pub(super) disable_imds_v1: bool,
        /// Server that hands out temporary keys.
        pub(super) credentials_uri: Secret,
        /// Role to assume with the keys.
        pub(super) assume_role: AssumeRoleModel<P>,
        /// Role to assume with an identity provider's token.
        pub(super) assume_role_with_oidc: OidcModel<P>,
        /// Reach the Fleet's API at its private address.
        pub(super) private_endpoint: bool,
        /// Endpoint by product.
        pub(super) endpoints: BTreeMap<String, P::Of<String>>,
        /// Another way to the Fleet's API.
        pub(super) kubernetes: KubernetesModel<P>,
        /// PEM certificates to trust besides the system's.
        pub(super) ca_bundle: String,
        /// Limit of connecting.
        pub(super) connect_timeout: String,
        /// Limit of one call.
        pub(super) request_timeout: String,
        /// Attempts after the first.
        pub(super) max_retries: i64,
        /// Labels for every Kubernetes object.
        pub(super) default_labels: BTreeMap<String, P::Of<String>>,
        /// Annotations for every Kubernetes object.
        pub(super) default_annotations: BTreeMap<String, P::Of<String>>,
        /// Kinds of cross-checks that are left out.
        pub(super) skip_cross_checks: Vec<P::Of<String>>,
    }
}

crate::model! {
    /// The `assume_role` attribute.
    pub(super) struct AssumeRoleModel {
        /// The role.
        pub(super) role_arn: String,
        /// Name of the session.
        pub(super) session_name: String,
        /// Policy that narrows the role's rights.
        pub(super) policy: String,
        /// Seconds that the keys work.
        pub(super) session_expiration: i64,
        /// What the role's owner asks third parties for.
        pub(super) external_id: String,
    }
}

crate::model! {
    /// The `assume_role_with_oidc` attribute.
    pub(super) struct OidcModel {
        /// The identity provider.
        pub(super) oidc_provider_arn: String,
        /// File with its token.
        pub(super) oidc_token_file: String,
        /// Its token.
        pub(super) oidc_token: Secret,
        /// The role.
        pub(super) role_arn: String,
        /// Name of the session.
        pub(super) role_session_name: String,
        /// Policy that narrows the role's rights.
        pub(super) policy: String,
        /// Seconds that the keys work.
        pub(super) session_expiration: i64,
    }
}

crate::model! {
    /// The `kubernetes` attribute.
    pub(super) struct KubernetesModel {
        /// Kubeconfig file.
        pub(super) config_path: String,
        /// Kubeconfig files, merged.
        pub(super) config_paths: Vec<P::Of<String>>,
        /// Kubeconfig text.
        pub(super) config_content: Secret,
        /// Context to use.
        pub(super) config_context: String,
        /// API server URL.
        pub(super) host: String,
        /// PEM certificates of the API server's CA.
        pub(super) cluster_ca_certificate: String,
        /// Bearer token.
        pub(super) token: Secret,
        /// PEM client certificate.
        pub(super) client_certificate: String,
        /// PEM key of the client certificate.
        pub(super) client_key: Secret,
        /// Skip verification of the server's certificate.
        pub(super) insecure: bool,
        /// Name to verify the server's certificate against.
        pub(super) tls_server_name: String,
        /// Proxy for the API server.
        pub(super) proxy_url: String,
        /// Credential program.
        pub(super) exec: ExecModel<P>,
    }
}

crate::model! {
    /// The `kubernetes.exec` attribute.
    pub(super) struct ExecModel {
        /// Version of the plugin protocol.
        pub(super) api_version: String,
        /// Program.
        pub(super) command: String,
        /// Arguments.
        pub(super) args: Vec<P::Of<String>>,
        /// Environment.
        pub(super) env: BTreeMap<String, P::Of<String>>,
    }
}

/// Products whose endpoint can be set, as Alibaba Cloud spells their codes.
const PRODUCTS: [&str; 7] = ["adcp", "alb", "cas", "cs", "ecs", "sts", "vpc"];

/// The provider's schema.
#[must_use]
pub fn schema() -> Schema {
    Schema::new(
        "Manages multi-cluster gRPC gateways on an Alibaba Cloud ACK One Fleet: member clusters, certificates, ALB gateways and \
         their routes, in one plan and one apply.",
        vec![
            Attribute::string(
                "region",
                "Alibaba Cloud region of the Fleet, such as `cn-hangzhou`. Also read from the environment variables that the \
                 credentials guide lists. There is no default.",
            ),
            Attribute::string(
                "fleet_id",
                "ID of the Fleet instance. Alone, it gives access to the Fleet's Kubernetes API: a short-lived kubeconfig is fetched \
                 with the cloud credentials and kept in memory only. Beside `kubernetes` it names the Fleet, and `kubernetes` says how \
                 its API is reached.",
            ),
            Attribute::string("access_key", "Access key ID. See the credentials guide for every other source and their order."),
            Attribute::string("secret_key", "Access key secret.").sensitive(),
            Attribute::string("security_token", "STS token, with a temporary access key.").sensitive(),
            Attribute::string(
                "profile",
                "Profile of the credentials file. Also read from `ALICLOUD_PROFILE` and `ALIBABA_CLOUD_PROFILE`; else the file's \
                 current profile, or `default`.",
            ),
            Attribute::string(
                "shared_credentials_file",
                "Credentials file, JSON as the `aliyun` command line writes it or INI; its content decides. Default \
                 `~/.aliyun/config.json`, then `~/.alibabacloud/credentials`.",
            ),
            Attribute::string(
                "ecs_role_name",
                "RAM role of the ECS instance this runs on, whose keys its metadata service gives. Also read from \
                 `ALIBABA_CLOUD_ECS_METADATA` and `ALICLOUD_ECS_ROLE_NAME`, at that source's place in the order.",
            ),
            Attribute::bool(
                "disable_imds_v1",
                "Never ask version 1 of the instance metadata service, which needs no token. Default `false`: it is asked where \
                 version 2 gives nothing. Also `ALIBABA_CLOUD_IMDSV1_DISABLED`.",
            ),
            Attribute::string(
                "credentials_uri",
                "URL of a server that hands out temporary keys. Also read from `ALIBABA_CLOUD_CREDENTIALS_URI` and \
                 `ALICLOUD_CREDENTIALS_URI`, at that source's place in the order.",
            )
            .sensitive(),
            Attribute::nested(
                "assume_role",
                Nesting::Single,
                assume_role_attributes(),
                "RAM role to assume with the keys that the other settings or the environment give.",
            ),
            Attribute::nested(
                "assume_role_with_oidc",
                Nesting::Single,
                oidc_attributes(),
                "RAM role to assume with a token of an identity provider, as Pods do (RRSA).",
            ),
            Attribute::bool(
                "private_endpoint",
                "Reach the Fleet's Kubernetes API at its private address, from within its VPC. Default `false`.",
            ),
            Attribute::value(
                "endpoints",
                Type::map(Type::String),
                "Endpoints by product code (`adcp`, `alb`, `cas`, `cs`, `ecs`, `sts`, `vpc`), each a host, `host:port` or URL. For \
                 private networks, and for the sandbox.",
            )
            .check(known_products),
            Attribute::nested(
                "kubernetes",
                Nesting::Single,
                access_attributes(),
                "How to reach the Fleet's Kubernetes API instead of through the cloud API. The environment's `KUBECONFIG` is never \
                 used by itself.",
            ),
            Attribute::string("ca_bundle", "PEM certificates to trust besides the system's, for the cloud API."),
            Attribute::string("connect_timeout", "Limit of connecting, as a duration. Default `10s`.").check(duration),
            Attribute::string("request_timeout", "Limit of one call, as a duration. Default `30s`.").check(duration),
            Attribute::number("max_retries", "How often a failed call that may be repeated is repeated, 0 to 20. Default 8.")
                .check(retries),
            Attribute::value(
                "default_labels",
                Type::map(Type::String),
                "Labels for every Kubernetes object, shown in `effective_labels`. A resource's own win.",
            )
            .check_entries(kubernetes_attributes::label),
            Attribute::value(
                "default_annotations",
                Type::map(Type::String),
                "Annotations for every Kubernetes object, shown in `effective_annotations`. A resource's own win. Settings of the \
                 ALB controller are refused.",
            )
            .check_entries(kubernetes_attributes::default_annotation),
            skip_cross_checks(),
        ],
    )
}

fn assume_role_attributes() -> Vec<Attribute> {
    vec![
        Attribute::string(
            "role_arn",
            "The role, `acs:ram::<account>:role/<name>`. Default: `ALICLOUD_ASSUME_ROLE_ARN`, then `ALIBABA_CLOUD_ROLE_ARN`.",
        )
        .check(role_arn),
        Attribute::string(
            "session_name",
            "Name of the session, 2 to 64 letters, digits and `.@_-`. Default: `ALICLOUD_ASSUME_ROLE_SESSION_NAME`, then \
             `ALIBABA_CLOUD_ROLE_SESSION_NAME`, then `terraform`.",
        )
        .check(session_name),
        Attribute::string("policy", "Policy as JSON that narrows the role's rights.").check(session_policy),
        Attribute::number(
            "session_expiration",
            "Seconds that the keys work, 900 to 43200 and at most what the role allows; they are renewed before. Default: \
             `ALICLOUD_ASSUME_ROLE_SESSION_EXPIRATION`, then 3600.",
        )
        .check(session_seconds),
        Attribute::string("external_id", "What the role's owner asks third parties for, 2 to 1224 characters.")
            .check(external_id),
    ]
}

fn oidc_attributes() -> Vec<Attribute> {
    vec![
        Attribute::string(
            "oidc_provider_arn",
            "The identity provider, `acs:ram::<account>:oidc-provider/<name>`. Default: `ALIBABA_CLOUD_OIDC_PROVIDER_ARN`.",
        ),
        Attribute::string(
            "oidc_token_file",
            "File with the token, read again at each renewal. Default: `ALIBABA_CLOUD_OIDC_TOKEN_FILE`.",
        ),
        Attribute::string(
            "oidc_token",
            "The token itself, which cannot be renewed. Default: `ALIBABA_CLOUD_OIDC_TOKEN`, where there is no file.",
        )
        .sensitive(),
        Attribute::string(
            "role_arn",
            "The role, `acs:ram::<account>:role/<name>`. Default: `ALIBABA_CLOUD_ROLE_ARN`.",
        )
        .check(role_arn),
        Attribute::string(
            "role_session_name",
            "Name of the session, 2 to 64 letters, digits and `.@_-`. Default: `ALIBABA_CLOUD_ROLE_SESSION_NAME`, then \
             `terraform`.",
        )
        .check(session_name),
        Attribute::string("policy", "Policy as JSON that narrows the role's rights.").check(session_policy),
        Attribute::number(
            "session_expiration",
            "Seconds that the keys work, 900 to 43200 and at most what the role allows; they are renewed before. Default \
             3600.",
        )
        .check(session_seconds),
    ]
}

fn access_attributes() -> Vec<Attribute> {
    vec![
        Attribute::string("config_path", "Path of a kubeconfig file."),
        Attribute::value("config_paths", Type::list(Type::String), "Paths of kubeconfig files, merged in this order."),
        Attribute::string("config_content", "Text of a kubeconfig.").sensitive(),
        Attribute::string("config_context", "Context to use instead of the kubeconfig's current one."),
        Attribute::string("host", "URL of the API server."),
        Attribute::string(
            "cluster_ca_certificate",
            "PEM certificates that the server's certificate is checked against.",
        ),
        Attribute::string("token", "Bearer token.").sensitive(),
        Attribute::string("client_certificate", "PEM client certificate."),
        Attribute::string("client_key", "PEM key of the client certificate.").sensitive(),
        Attribute::bool("insecure", "Do not verify the server's certificate. Default `false`."),
        Attribute::string("tls_server_name", "Name to verify the server's certificate against."),
        Attribute::string("proxy_url", "Proxy for the API server."),
        Attribute::nested(
            "exec",
            Nesting::Single,
            vec![
                Attribute::string("api_version", "Version of the protocol, such as `client.authentication.k8s.io/v1`.")
                    .required(),
                Attribute::string("command", "Program to run.").required(),
                Attribute::value("args", Type::list(Type::String), "Its arguments."),
                Attribute::value("env", Type::map(Type::String), "Environment variables to add."),
            ],
            "A program that prints credentials, as kubeconfig's `exec` does.",
        ),
    ]
}

fn known_products(value: &Value) -> Result<(), Problem> {
    let unknown: Vec<&str> = value
        .as_map()
        .into_iter()
        .flatten()
        .map(|(product, _)| product.as_str())
        .filter(|product| !PRODUCTS.contains(product))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Problem::new(
        "Unknown Product",
        format!(
            "endpoints has {}, which this provider does not call. Use the product codes {}.",
            unknown.join(", "),
            PRODUCTS.join(", ")
        ),
    ))
}

fn duration(value: &Value) -> Result<(), Problem> {
    let text = value.as_str().unwrap_or_default();
    match crate::framework::duration::parse(text) {
        Some(duration) if !duration.is_zero() => Ok(()),
        _ => Err(Problem::new(
            "Invalid Duration",
            format!(
                "{text:?} is not a positive duration. Write a number with a unit, such as \"500ms\", \"10s\" or \"1m30s\"."
            ),
        )),
    }
}

fn skip_cross_checks() -> Attribute {
    let kinds: Vec<String> =
        CrossCheck::ALL.into_iter().map(|check| format!("`{}` ({})", check.name(), check.looks_at())).collect();
    Attribute::value(
        "skip_cross_checks",
        Type::set(Type::String),
        format!(
            "Kinds of checks against what stands around a resource that are left out everywhere: {}. A resource's own \
             `cross_checks = false` leaves out all of them there.",
            kinds.join("; ")
        ),
    )
    .check_each(cross_check)
}

fn cross_check(value: &Value) -> Result<(), Problem> {
    let names = CrossCheck::ALL.map(CrossCheck::name);
    match value.as_str() {
        Some(name) if !names.contains(&name) => Err(Problem::new(
            "Unknown Cross-Check",
            format!("{name:?} is no kind of check. There are {}.", names.join(", ")),
        )),
        _ => Ok(()),
    }
}

fn retries(value: &Value) -> Result<(), Problem> {
    match value.as_i64() {
        Some(0..=20) => Ok(()),
        _ => Err(Problem::new("Invalid Number of Retries", "max_retries must be a whole number from 0 to 20.")),
    }
}

/// Whether a text names a RAM role: `acs:ram::<account>:role/<name>`.
pub(super) fn is_role_arn(text: &str) -> bool {
    let rest = text.strip_prefix("acs:ram::").and_then(|rest| rest.split_once(":role/"));
    rest.is_some_and(|(account, name)| {
        !account.is_empty() && account.chars().all(|c| c.is_ascii_digit()) && !name.is_empty()
    })
}

/// Seconds that a session may last, by the service's documentation.
pub(super) const SESSION_SECONDS: std::ops::RangeInclusive<i64> = 900..=43_200;

// An empty text counts as not set, here as wherever these arguments are read: modules pass "" for "none".

fn role_arn(value: &Value) -> Result<(), Problem> {
    let text = value.as_str().unwrap_or_default();
    if text.is_empty() || is_role_arn(text) {
        return Ok(());
    }
    Err(Problem::new(
        "Invalid Role",
        format!("{text:?} is no RAM role. Write its ARN, such as \"acs:ram::1234567890123456:role/terraform\"."),
    ))
}

fn session_name(value: &Value) -> Result<(), Problem> {
    let text = value.as_str().unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".@_-".contains(c);
    if text.is_empty() || ((2..=64).contains(&text.len()) && text.chars().all(allowed)) {
        return Ok(());
    }
    Err(Problem::new(
        "Invalid Session Name",
        format!("{text:?} cannot name a session. Use 2 to 64 letters, digits and the characters . @ _ -."),
    ))
}

fn session_policy(value: &Value) -> Result<(), Problem> {
    let text = value.as_str().unwrap_or_default();
    if text.is_empty() {
        return Ok(());
    }
    let problem = |detail: &str| Err(Problem::new("Invalid Session Policy", detail));
    if text.chars().count() > 2048 {
        return problem("A policy of a session has at most 2048 characters. Shorten it, or attach it to the role.");
    }
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(_)) => Ok(()),
        Ok(_) | Err(_) => problem("A policy of a session is a JSON object. Write it with jsonencode()."),
    }
}

fn session_seconds(value: &Value) -> Result<(), Problem> {
    match value.as_i64() {
        Some(seconds) if SESSION_SECONDS.contains(&seconds) => Ok(()),
        _ => Err(Problem::new(
            "Invalid Session Length",
            "session_expiration must be a whole number of seconds from 900 to 43200.",
        )),
    }
}

fn external_id(value: &Value) -> Result<(), Problem> {
    let length = value.as_str().unwrap_or_default().chars().count();
    if length == 0 || (2..=1224).contains(&length) {
        return Ok(());
    }
    Err(Problem::new("Invalid External ID", format!("external_id has 2 to 1224 characters; this one has {length}.")))
}
