//! A client of the Alibaba Cloud OpenAPI, useful without Terraform.
//!
//! Entry: [`CloudClient::new`], which does no I/O. Typed methods, one per API action, are in [`fleet`], [`cs`], [`vpc`],
//! [`ecs`], [`alb`] and [`sts`]; [`membership`] joins concurrent attaches, detaches and reads of one Fleet. Below them, [`client`] runs
//! a call; [`request`], [`sign`], [`retry`] and [`endpoint`] are pure; [`transport`] moves bytes; [`credential`] finds
//! keys.
//!
//! Called by the provider and its resources. Knows nothing of plugins, gRPC or Kubernetes: errors are
//! [`CloudError`], and turning them into diagnostics is somebody else's work. Never reads the process environment and
//! never prints a secret. Facts come from Alibaba Cloud's public documentation, its OpenAPI metadata and the official
//! SDKs; where they are silent, code says "not documented" and does not depend on it.

pub mod alb;
mod answer;
pub mod cancel;
pub mod client;
pub mod credential;
pub mod cs;
pub mod ecs;
pub mod endpoint;
pub mod error;
pub mod fleet;
pub mod id;
mod lenient;
mod lookups;
pub mod membership;
pub mod request;
pub mod retry;
pub mod secret;
mod shared_read;
pub mod sign;
pub mod sts;
pub mod transport;
pub mod vpc;

#[cfg(test)]
mod tests;

pub use cancel::CallContext;
pub use client::{Answer, CloudClient, CloudConfig, Randomness, SystemRandomness};
pub use credential::{
    CredentialChain, CredentialError, CredentialNetwork, CredentialSettings, Environment, OidcSettings, OidcToken,
    RoleSettings,
};
pub use endpoint::{Endpoint, EndpointResolver, Network};
pub use error::{ApiFailure, CloudError};
pub use fleet::FleetFilter;
pub use id::{
    AccessKeyId, ClusterId, FleetId, RegionId, RequestId, SecurityGroupId, SecurityGroupRuleId, TaskId, VSwitchId,
    VpcId, ZoneId,
};
pub use membership::{MemberChange, MembershipPolicy, WaitError, WaitProgress, Wanted};
pub use request::{Action, Product};
pub use retry::{FailureClass, RateLimit, RetryPolicy};
pub use secret::{AccessKeySecret, SecretString, SecurityToken};
pub use transport::{Proxies, TransportConfig};
