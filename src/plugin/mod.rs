//! How a host finds, trusts and stops this process: the go-plugin side of a Terraform provider.
//!
//! `main` calls [`serve()`] with the provider's gRPC service; nothing else calls in here. This module knows sockets,
//! certificates, signals and log lines. It knows no schema, no value and no cloud: what the provider answers is the
//! business of `protocol`. It writes one line to stdout and log lines to stderr, and reads stdin never.
//!
//! Facts are those of go-plugin 1.6 and 1.7 and of Terraform 1.11 and 1.15, named in each file.

mod arguments;
mod handshake;
mod listener;
mod logging;
mod process;
mod reattach;
mod serve;
mod services;
mod tls;

pub use arguments::{Mode, UnknownArgument};
pub use handshake::Environment;
pub use logging::LogVariables;
pub use process::install_panic_hook;
pub use serve::{Options, serve};
