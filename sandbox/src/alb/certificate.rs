//! Reads an uploaded certificate and its key the way the certificate service does before it accepts them.
//!
//! Called by `cloud.rs` at upload and by the data plane when it serves the certificate. Must not print key material.
//! Refusal texts are those of Alibaba Cloud's public troubleshooting pages for ALB Ingress.

use std::sync::Arc;

use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::cloud::CloudError;

/// What the certificate service reads off a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The subject's common name.
    pub common_name: String,
    /// The DNS names of the subject alternative name extension.
    pub sans: Vec<String>,
}

impl CertificateFacts {
    /// Reads the first certificate of a chain.
    ///
    /// # Errors
    ///
    /// The certificate service's refusal when there is none, or it has no common name.
    pub fn read(pem: &str) -> Result<Self, CloudError> {
        let der = CertificateDer::pem_slice_iter(pem.as_bytes()).next().and_then(Result::ok).ok_or_else(|| {
            CloudError::new("InvalidCertificate", "Failed to create SSL Certificate: not a PEM certificate.")
        })?;
        let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| {
            CloudError::new("InvalidCertificate", "Failed to create SSL Certificate: not an X.509 certificate.")
        })?;
        let common_name = certificate
            .subject()
            .iter_common_name()
            .next()
            .and_then(|name| name.as_str().ok())
            .filter(|name| !name.is_empty())
            .ok_or_else(|| CloudError::new("HttpsCertCommonNameEmpty", "HttpsCertCommonNameEmpty"))?
            .to_owned();
        let sans = certificate
            .subject_alternative_name()
            .ok()
            .flatten()
            .map(|extension| {
                extension
                    .value
                    .general_names
                    .iter()
                    .filter_map(|name| match name {
                        GeneralName::DNSName(dns) => Some((*dns).to_owned()),
                        _ => None,
                    })
                    .collect()
            })
            .unwrap_or_default();
        Ok(Self { common_name, sans })
    }

    /// Whether the certificate is for this host: a literal name, or a wildcard that stands for exactly one label.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        std::iter::once(&self.common_name).chain(&self.sans).any(|name| name_covers(name, host))
    }
}

fn name_covers(name: &str, host: &str) -> bool {
    if name.eq_ignore_ascii_case(host) {
        return true;
    }
    match (name.strip_prefix("*."), host.split_once('.')) {
        (Some(parent), Some((label, rest))) => !label.is_empty() && parent.eq_ignore_ascii_case(rest),
        _ => false,
    }
}

/// Chain and key as the TLS server needs them.
///
/// # Errors
///
/// A refusal when either cannot be read or they do not belong together.
pub fn server_certificate(chain: &str, key: &str) -> Result<Arc<CertifiedKey>, CloudError> {
    let refused =
        |why: &str| CloudError::new("InvalidCertificate", format!("Failed to create SSL Certificate: {why}."));
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| refused("the certificate is not PEM"))?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| refused("the private key is not PEM"))?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let key = provider.key_provider.load_private_key(key).map_err(|_| refused("the private key cannot be used"))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(Arc::new(certified)),
        Err(_) => Err(refused("the private key does not match the certificate")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn self_signed(names: &[&str]) -> (String, String) {
        let mut params =
            rcgen::CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).expect("params");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, names[0]);
        let key = rcgen::KeyPair::generate().expect("key");
        (params.self_signed(&key).expect("certificate").pem(), key.serialize_pem())
    }

    #[test]
    fn a_wildcard_covers_exactly_one_label() {
        let (pem, _) = self_signed(&["*.example.com"]);
        let facts = CertificateFacts::read(&pem).expect("facts");
        assert!(facts.covers("grpc.example.com") && facts.covers("GRPC.example.COM"));
        assert!(!facts.covers("example.com") && !facts.covers("a.grpc.example.com"));
    }

    #[test]
    fn a_certificate_without_a_common_name_is_refused() {
        let mut params = rcgen::CertificateParams::new(vec!["grpc.example.com".to_owned()]).expect("params");
        params.distinguished_name = rcgen::DistinguishedName::new();
        let pem = params.self_signed(&rcgen::KeyPair::generate().expect("key")).expect("certificate").pem();
        assert!(CertificateFacts::read(&pem).expect_err("refused").to_string().contains("HttpsCertCommonNameEmpty"));
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let (pem, key) = self_signed(&["a.example.com"]);
        let (_, other) = self_signed(&["b.example.com"]);
        assert!(server_certificate(&pem, &key).is_ok());
        let refusal = server_certificate(&pem, &other).expect_err("refused").to_string();
        assert!(refusal.contains("does not match"), "{refusal}");
    }
}
