//! The gRPC Ingress as Terraform sees it, before and after it is known.

use std::collections::BTreeMap;

use crate::framework::resource::Timeouts;

pub(crate) mod routing;
pub(crate) mod settings;

use routing::CustomRouting;
use settings::{Canary, Cors, HealthCheck, LoadBalancing, RateLimit};

crate::model! {
    /// `ackone_grpc_ingress`.
    pub struct GrpcIngress {
        /// `namespace/name`.
        pub id: String,
        /// The Fleet that holds it.
        pub fleet_id: String,
        /// Namespace of the Fleet.
        pub namespace: String,
        /// Name.
        pub name: String,
        /// Class of the gateway.
        pub ingress_class_name: String,
        /// Listeners that carry it, `<port>/HTTPS`.
        pub listen_ports: Vec<P::Of<String>>,
        /// Hosts and paths, in order.
        pub rules: Vec<P::Of<Rule<P>>>,
        /// Certificates.
        pub tls: Vec<P::Of<Tls<P>>>,
        /// Whether plain HTTP is redirected to HTTPS.
        pub ssl_redirect: bool,
        /// Whether prefixes are regular expressions.
        pub use_regex: bool,
        /// Path that replaces the matched one.
        pub rewrite_target: String,
        /// Place among the Ingresses of the gateway.
        pub order: i64,
        /// How members are chosen.
        pub load_balancing: LoadBalancing<P>,
        /// How members are checked.
        pub health_check: HealthCheck<P>,
        /// Canary settings.
        pub canary: Canary<P>,
        /// Cross-origin requests.
        pub cors: Cors<P>,
        /// Requests per second.
        pub rate_limit: RateLimit<P>,
        /// Conditions and actions by Service.
        pub custom_routing: BTreeMap<String, P::Of<CustomRouting<P>>>,
        /// Labels.
        pub labels: BTreeMap<String, P::Of<String>>,
        /// Further annotations.
        pub annotations: BTreeMap<String, P::Of<String>>,
        /// Settings without an attribute.
        pub extra_annotations: BTreeMap<String, P::Of<String>>,
        /// Whether to wait.
        pub wait: bool,
        /// `warn` or `error`.
        pub on_wait_timeout: String,
        /// Whether rules about other objects are checked.
        pub cross_checks: bool,
        /// Whether a create takes over what exists.
        pub adopt: bool,
        /// Time limits.
        pub timeouts: Timeouts<P>,
        /// Protocol towards the Pods.
        pub backend_protocol: String,
        /// DNS name of the gateway.
        pub address: String,
        /// Whether it is reconciled.
        pub ready: bool,
        /// Why not.
        pub reason: String,
        /// With the provider's defaults.
        pub effective_labels: BTreeMap<String, P::Of<String>>,
        /// With the provider's defaults.
        pub effective_annotations: BTreeMap<String, P::Of<String>>,
    }
}

crate::model! {
    /// A host with its paths.
    pub struct Rule {
        /// Host; null is any.
        pub host: String,
        /// Paths, first match wins.
        pub paths: Vec<P::Of<IngressPath<P>>>,
    }
}

crate::model! {
    /// A path with its backend.
    pub struct IngressPath {
        /// Path.
        pub path: String,
        /// `Prefix`, `Exact` or `ImplementationSpecific`.
        pub path_type: String,
        /// Service in the members.
        pub service_name: String,
        /// Port of that Service; null leaves the answer to a custom action.
        pub service_port: i64,
    }
}

crate::model! {
    /// Hosts with the Secret of their certificate.
    pub struct Tls {
        /// Hosts.
        pub hosts: Vec<P::Of<String>>,
        /// Secret.
        pub secret_name: String,
    }
}
