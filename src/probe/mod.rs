//! A gRPC client that finds out what a gateway serves: TLS facts, services by reflection, health.
//!
//! Used by the data source `ackone_grpc_services`. It knows nothing of Terraform, of the cloud or of Kubernetes, and keeps
//! no connection: each attempt is one connection, made as any client would make it. Reflection is asked in version 1 and
//! then, where that is not served, in v1alpha.

mod connect;
mod error;
mod reflection;
mod tls;

pub use connect::{Endpoint, Target, Transport, probe};
pub use error::{Failure, ProbeError};
pub use tls::{TlsFacts, Verification};

/// What one successful attempt saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Full names of the services, sorted.
    pub services: Vec<String>,
    /// `v1` or `v1alpha`.
    pub reflection_version: &'static str,
    /// Status that the health service gives, or `None` if there is no such service.
    pub health_status: Option<String>,
    /// Facts of the TLS connection; `None` in clear text.
    pub tls: Option<TlsFacts>,
    /// Milliseconds from the first packet to the list of services.
    pub latency_ms: u64,
    /// Attempts made, this one included.
    pub attempts: u64,
}
