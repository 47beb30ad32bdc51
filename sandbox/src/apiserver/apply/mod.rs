//! Field ownership: which manager set which field, what an apply may change, what it removes.
//!
//! `set.rs` holds sets of field paths and their `FieldsV1` form, `walk.rs` walks values along a schema, `managers.rs`
//! keeps `metadata.managedFields`. Called by `write.rs` only. Never reads the store or the clock. The rules are those of
//! the public Kubernetes documentation on server-side apply and of the structured-merge-diff library.

pub(crate) mod managers;
pub(crate) mod set;
#[cfg(test)]
mod tests;
pub(crate) mod walk;
