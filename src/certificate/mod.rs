//! X.509 certificates: what a PEM text holds, and what a certificate says.
//!
//! Pure: no I/O, no clock, no diagnostics. Used by the TLS Secret resource and by the gRPC probe. Facts: RFC 5280
//! (certificates), RFC 7468 (PEM), RFC 6125 section 6.4.3 (one-label wildcards, which is also what ALB matches).

mod facts;

pub use facts::{CertificateError, Facts, covers, parse_chain};
