//! Sandbox.

pub mod alb;
pub mod controller;
pub mod dataplane;
pub mod members;
