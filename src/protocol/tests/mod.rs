//! Proofs of the codec, of the schema answer and of every RPC.

mod codec;
mod functions;
mod host;
mod hostile_bytes;
pub(crate) mod schema_rules;
mod server;
mod upgrade;
