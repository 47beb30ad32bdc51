//! The client against a small HTTP server of this process: retries, lost answers, renewed keys, interrupts, joined
//! writes, links of the credential chain, and that no secret is ever logged.

mod calls;
mod ecs;
mod joining;
mod links;
mod secrecy;
mod server;
mod tls;
