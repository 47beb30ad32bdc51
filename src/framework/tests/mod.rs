//! Proofs of the framework on a resource type that uses all of it.

pub(crate) mod everything;
pub(crate) mod functions;
mod lifecycle;
mod properties;
