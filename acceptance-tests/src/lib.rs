//! Drives the provider from outside, as a host does.

pub mod host;
