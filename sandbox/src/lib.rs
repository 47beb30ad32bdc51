//! The world of the ACK One gRPC gateway walkthrough, simulated on loopback.
//!
//! ```text
//!             signed HTTP             kubeconfig            JSON
//!  provider ─────────────▶ cloud ──issues──▶ apiserver    control ◀── tests, people
//!                            │                  ▲   ▲         │
//!                            ▼                  │   │         ▼
//!                          world ◀── members ───┘ controller, Argo CD,        faults, call_log: asked and told
//!                                                 data plane                  by every API for every call
//! ```
//!
//! The crate shares no code with the provider: each side was written from the public facts, so that a mistake of one
//! shows at the other. Traffic stays on loopback.

pub mod alb;
pub mod apiserver;
pub mod argocd;
pub mod ask;
pub mod call_log;
pub mod cloud;
pub mod control;
pub mod controller;
pub mod dataplane;
pub mod faults;
pub mod members;
pub mod parts;
pub mod plug;
pub mod ready;
pub mod running;
pub mod settings;
pub mod state_file;
pub mod world;
