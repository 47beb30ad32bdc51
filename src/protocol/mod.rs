//! The tfplugin6 server: decode, dispatch, encode. No decisions are made here.
//!
//! `plugin` serves [`server::Server`]; every call ends in the traits of [`crate::framework::erased`] and
//! [`crate::framework::provider`]. Only `from_proto` and `to_proto` look inside generated messages. Nothing here knows
//! a resource type or a client. Facts: Terraform's `docs/plugin-protocol/tfplugin6.proto` and what its hosts check.

mod data_source_calls;
pub mod dynamic_value;
mod from_proto;
mod function_calls;
mod json;
mod msgpack;
mod provider_calls;
mod resource_calls;
mod rpc;
pub mod server;
#[cfg(test)]
pub(crate) mod tests;
mod to_proto;
