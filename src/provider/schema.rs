//! The `provider "ackone"` block: its attributes, and the model they are read into.

use std::collections::BTreeMap;

use crate::framework::model::Secret;
use crate::framework::schema::{Attribute, Nesting, Problem, Schema};
use crate::framework::types::Type;
use crate::framework::value::Value;
use crate::resources::kubernetes_attributes;

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
        ],
    )
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

fn retries(value: &Value) -> Result<(), Problem> {
    match value.as_i64() {
        Some(0..=20) => Ok(()),
        _ => Err(Problem::new("Invalid Number of Retries", "max_retries must be a whole number from 0 to 20.")),
    }
}
