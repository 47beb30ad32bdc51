//! Sandbox.

pub mod alb;
pub mod members;
