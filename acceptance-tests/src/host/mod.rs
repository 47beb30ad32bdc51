//! A plugin host of our own: it starts the provider's executable, speaks go-plugin's handshake and mutual TLS with it,
//! and calls its services, without any of Terraform's own rules in between.
//!
//! Used by the tests of this crate. It shares no code with the provider but the generated messages, and it is strict
//! where Terraform is: a handshake line or a log line that Terraform would refuse is an error here. Facts: go-plugin
//! (`client.go`, `mtls.go`, `log_entry.go`).
//!
//! ```no_run
//! # async fn example() -> Result<(), acceptance_tests::host::HostError> {
//! use acceptance_tests::host::Launch;
//!
//! let plugin = Launch::provider()?.start().await?;
//! let mut provider = plugin.connect().await?.provider();
//! provider.get_provider_schema(tfplugin_proto::tfplugin6::get_provider_schema::Request {}).await?;
//! assert!(plugin.shut_down().await?.success());
//! # Ok(())
//! # }
//! ```

mod binary;
mod connection;
mod handshake;
mod identity;
mod launch;
mod log_line;
mod process;
mod session;
pub mod wire_value;

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

pub use binary::provider_binary;
pub use connection::Connection;
pub use handshake::Handshake;
pub use identity::HostIdentity;
pub use launch::{Finished, Launch};
pub use log_line::LogLine;
pub use process::{Plugin, Signal};
pub use session::{Answer, Instance, Session};

/// Why the host could not do what a test asked.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// There is no executable to start.
    #[error("there is no provider executable at {0}; run `cargo build` first, or set ACKONE_PROVIDER_BINARY")]
    NoBinary(PathBuf),
    /// The operating system refused.
    #[error("could not {action}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The process ended before it printed a line.
    #[error("the provider ended without a handshake ({status}); stderr:\n{stderr}")]
    NoHandshake {
        /// How it ended.
        status: ExitStatus,
        /// What it wrote instead.
        stderr: String,
    },
    /// The first line is not one that Terraform would take.
    #[error("bad handshake line {line:?}: {reason}")]
    BadHandshake {
        /// The line as it came.
        line: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something did not happen in time.
    #[error("waited {limit:?} for {awaited}; last seen: {last}")]
    Timeout {
        /// What should have happened.
        awaited: &'static str,
        /// How long the wait was.
        limit: Duration,
        /// The last state seen.
        last: String,
    },
    /// A certificate could not be made.
    #[error("could not make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// TLS could not be set up.
    #[error("could not set up TLS")]
    Tls(#[from] rustls::Error),
    /// The connection failed.
    #[error("could not connect to the provider")]
    Connect(#[from] tonic::transport::Error),
    /// A call was answered with a gRPC status, which a provider should never do.
    #[error("the provider answered with a gRPC status")]
    Status(#[from] tonic::Status),
}

impl HostError {
    pub(crate) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, source }
    }
}
