//! The application load balancers of the sandbox's account, and the certificates uploaded for them, in memory.
//!
//! The simulated ingress controller writes here, the data plane serves what stands here, and the simulated cloud APIs
//! and the state file read it. Nothing in here knows Kubernetes, opens a socket or looks at a clock. Field names
//! follow the public ALB API (`CreateLoadBalancer`, `CreateListener`, `CreateRules`, `CreateServerGroup`), so a
//! serialised state reads like the answers of its `List` actions.

mod certificate;
mod cloud;
mod model;

pub use certificate::{CertificateFacts, server_certificate};
pub use cloud::{AlbCloud, CloudError, LoadBalancerSpec, ServerGroupSpec};
pub use model::{
    Action, AlbState, Certificate, Condition, ForwardTarget, Inventory, KeyValue, Listener, ListenerCertificate,
    ListenerKey, LoadBalancer, PrivateKeyPem, Protocol, RedirectConfig, Rule, Server, ServerGroup, ServerGroupProtocol,
    ZoneMapping,
};
