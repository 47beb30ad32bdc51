//! Proofs of the framework on a resource type that uses all of it.

pub(crate) mod everything;
mod lifecycle;
mod properties;
