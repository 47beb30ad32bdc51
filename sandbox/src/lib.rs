//! Sandbox.

pub mod alb;
pub mod controller;
pub mod members;
