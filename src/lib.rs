//! Terraform provider for multi-cluster gRPC gateways on Alibaba Cloud ACK One.
//!
//! ```text
//! host ──mTLS gRPC──▶ plugin ──▶ protocol ──▶ framework ──▶ resources ─┬▶ cloud ──────▶ signed HTTPS
//! (Terraform)         transport  tfplugin6    lifecycle     one each   └▶ kubernetes ─▶ Fleet API server
//! ```
//!
//! Each layer speaks one language and never the next one's; a test of the sources keeps the import walls.

pub mod cancel;
pub mod certificate;
pub mod clients;
pub mod clock;
pub mod cloud;
pub mod data_sources;
pub mod framework;
pub mod functions;
pub mod kubernetes;
pub mod log;
pub mod messages;
pub mod plugin;
pub mod probe;
pub mod protocol;
pub mod provider;
pub mod resources;
pub mod secret;
