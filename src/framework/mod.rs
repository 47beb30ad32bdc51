//! What a resource is, independent of the wire and of any cloud.
//!
//! The protocol layer decodes requests into [`value::Value`]s and calls the object-safe traits of [`erased`]; resources
//! implement the typed traits of [`resource`], [`data_source`] and [`function`]. Plan rules live in [`plan`], what happens around an
//! apply in [`apply`]. Nothing here names gRPC, HTTP or Kubernetes.

pub mod apply;
#[cfg(test)]
pub(crate) mod conformance;
pub mod data_source;
pub mod declared;
pub mod diagnostic;
pub mod duration;
pub mod erased;
pub mod function;
pub mod model;
pub mod number;
pub mod path;
pub mod plan;
pub mod private;
pub mod provider;
pub mod resource;
pub mod schema;
#[cfg(test)]
pub(crate) mod tests;
pub mod types;
pub mod value;
