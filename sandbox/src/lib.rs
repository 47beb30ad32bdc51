//! Sandbox.

pub mod apiserver;
