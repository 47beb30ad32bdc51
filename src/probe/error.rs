//! Why a probe failed.

use std::net::SocketAddr;
use std::time::Duration;

/// Why one attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The name has no address.
    #[error("the name {0:?} could not be resolved")]
    Resolve(String),
    /// Nothing listens there.
    #[error("{0} refused the connection")]
    Refused(SocketAddr),
    /// The connection could not be made for another reason.
    #[error("connecting to {address} failed: {reason}")]
    Connect {
        /// Where to.
        address: SocketAddr,
        /// What the operating system says.
        reason: String,
    },
    /// The attempt took too long.
    #[error("no answer within {}", seconds(*.0))]
    Timeout(Duration),
    /// The server's certificate is not accepted.
    #[error("the server's certificate was not accepted: {0}")]
    Certificate(String),
    /// The TLS handshake failed for another reason.
    #[error("the TLS handshake failed: {0}")]
    Tls(String),
    /// The listener does not speak HTTP/2.
    #[error("the listener did not agree to HTTP/2 (ALPN h2)")]
    NoHttp2,
    /// The connection broke in HTTP/2.
    #[error("the HTTP/2 connection broke: {0}")]
    Http2(String),
    /// An HTTP status in place of a gRPC answer.
    #[error("the gateway answered HTTP status {0} instead of gRPC")]
    HttpStatus(u16),
    /// The service has no reflection.
    #[error("the service does not support server reflection")]
    NoReflection,
    /// A gRPC status.
    #[error("the service answered gRPC status {code}: {message}")]
    Status {
        /// Its code, such as `Unavailable`.
        code: String,
        /// Its message.
        message: String,
    },
    /// An answer that is no reflection answer.
    #[error("the reflection answer could not be understood")]
    Answer,
}

/// Why the probe gave up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The given certificates cannot be used.
    #[error("the CA certificates cannot be used: {0}")]
    BadCertificates(String),
    /// The deadline passed.
    #[error("no attempt of {attempts} within {} succeeded; the last one: {last}", seconds(*deadline))]
    Deadline {
        /// How long was tried.
        deadline: Duration,
        /// How often.
        attempts: u64,
        /// The last failure.
        last: Failure,
    },
    /// The host asked to stop.
    #[error("the probe was interrupted")]
    Interrupted,
}

fn seconds(duration: Duration) -> String {
    // What is left of a deadline is no round number; tenths are enough for people.
    format!("{} s", (duration.as_secs_f64() * 10.0).round() / 10.0)
}
