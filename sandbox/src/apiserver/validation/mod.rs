//! What the server refuses, and what it fills in before it looks.
//!
//! `decode.rs` checks bodies against a kind's fields, `names.rs` holds the syntax of names and labels, `kinds.rs` the rules
//! and defaults of single kinds, `warnings.rs` what is accepted with a warning. Pure: an object in, errors out.

pub(crate) mod decode;
pub(crate) mod kinds;
pub(crate) mod names;
pub(crate) mod warnings;
