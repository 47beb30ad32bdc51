//! TLS of a probe: what is verified, and what was seen.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use sha2::{Digest, Sha256};

use super::error::ProbeError;
use crate::certificate::{Facts, parse_chain};

/// How the server's certificate is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Against the system's roots.
    System,
    /// Against these PEM certificates only.
    Roots(String),
    /// By the SHA-256 of the leaf's DER alone.
    Pinned([u8; 32]),
    /// Not at all.
    Skipped,
}

/// What a TLS connection showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: String,
    /// Protocol agreed by ALPN.
    pub alpn: Option<String>,
    /// Cipher suite, IANA name.
    pub cipher_suite: String,
    /// The server's certificate.
    pub certificate: Option<Facts>,
}

/// A client configuration that offers HTTP/2.
///
/// # Errors
/// If the given certificates cannot be used.
pub(super) fn client_config(verification: &Verification) -> Result<ClientConfig, ProbeError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = verifier(verification, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| ProbeError::BadCertificates(error.to_string()))?;
    let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn verifier(
    verification: &Verification,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, ProbeError> {
    let bad = |error: &dyn std::fmt::Display| ProbeError::BadCertificates(error.to_string());
    match verification {
        Verification::System => {
            let verifier = rustls_platform_verifier::Verifier::new(provider.clone()).map_err(|error| bad(&error))?;
            Ok(Arc::new(verifier))
        }
        Verification::Roots(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in parse_chain(pem).map_err(|error| bad(&error))? {
                roots.add(certificate).map_err(|error| bad(&error))?;
            }
            let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .map_err(|error| bad(&error))?;
            Ok(verifier)
        }
        Verification::Pinned(fingerprint) => Ok(Arc::new(Leaf {
            fingerprint: Some(*fingerprint),
            algorithms: provider.signature_verification_algorithms,
        })),
        Verification::Skipped => {
            Ok(Arc::new(Leaf { fingerprint: None, algorithms: provider.signature_verification_algorithms }))
        }
    }
}

/// Accepts a leaf by fingerprint, or any; the handshake signature, which proves that the server has the key, is checked
/// either way.
#[derive(Debug)]
struct Leaf {
    fingerprint: Option<[u8; 32]>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Leaf {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.fingerprint {
            Some(expected) if Sha256::digest(end_entity).as_slice() != expected => {
                Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// What an established connection shows.
pub(super) fn facts(connection: &ClientConnection) -> TlsFacts {
    let leaf = connection.peer_certificates().and_then(<[_]>::first);
    TlsFacts {
        version: connection.protocol_version().map_or_else(String::new, |version| match version {
            rustls::ProtocolVersion::TLSv1_3 => "TLSv1.3".to_owned(),
            rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2".to_owned(),
            other => format!("{other:?}"),
        }),
        alpn: connection.alpn_protocol().map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
        cipher_suite: connection
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str().map(str::to_owned))
            .unwrap_or_default(),
        certificate: leaf.and_then(|certificate| Facts::from_der(certificate).ok()),
    }
}
