//! The cloud APIs on loopback: `adcp`, `sts`, `vpc`, `cs`, `ecs` and the read side of `alb`; and what hands out temporary
//! keys without a signature: the instance metadata service and a credentials URI.
//!
//! One HTTP server answers for all products, whatever the `Host` header says, so that one address serves as every
//! endpoint. A call is read from the wire ([`wire`]), recognised ([`products`]), authenticated ([`verify`]), spoiled if a
//! rule says so, authorised, carried out on the [`World`](crate::world::World) and logged. Signatures are verified by code
//! of this crate alone; the provider signs with its own. Nothing here may answer what the real service would refuse.
//!
//! Facts: the public documentation of the request styles and signature versions, the official SDKs' behaviour, and the
//! public API metadata. Order of the checks and a few codes are not public; those places say so.

mod adcp;
mod alb;
mod answer;
mod client_token;
mod cs;
mod ecs;
mod error;
mod kubeconfig;
mod metadata;
mod parameters;
pub mod products;
mod server;
mod sts;
pub mod verify;
mod vpc;
pub mod wire;

pub use alb::{AlbKind, LoadBalancers};
pub use error::ApiError;
pub use kubeconfig::{EndpointKind, IssueError, KubeconfigIssuer, KubeconfigRequest};
pub use metadata::CREDENTIALS_PATH;
pub use server::{Cloud, CloudServer};
