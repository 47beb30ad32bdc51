//! X.509 certificates and their keys: what a PEM text holds, what a certificate says, and making a self-signed one.
//!
//! No I/O, no diagnostics; the only effect is the randomness of a new key. Used by the TLS Secret resource, by the
//! function that parses certificates, and by the gRPC probe. It must never print a private key: [`PrivateKey`] has no readable `Debug`, and errors carry positions and kinds,
//! no content. Facts: RFC 5280 (certificates), RFC 7468 (PEM), RFC 5958, 8017 and 5915 (PKCS#8, PKCS#1 and SEC 1 keys),
//! RFC 6125 section 6.4.3 (one-label wildcards, which is also what ALB matches).

mod algorithms;
mod chain;
mod facts;
mod key;
mod self_signed;

pub use algorithms::{PublicKeyFacts, SignatureName};
pub use chain::{ChainProblem, chain_problems};
pub use facts::{CertificateError, Facts, covers, parse_chain, same_chain, to_pem};
pub use key::{KeyAlgorithm, KeyError, PrivateKey};
pub(crate) use self_signed::is_dns_name;
pub use self_signed::{GenerateError, Material, Profile};
