//! The certificate and key a host makes for one plugin process, in go-plugin's form, and the TLS client it leads to.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P521_SHA512,
};
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::time_provider::{DefaultTimeProvider, TimeProvider};
use rustls::{ClientConfig, RootCertStore, SignatureScheme};

use super::HostError;

/// How far the host's clock is behind: a certificate must have been valid for half a minute, as go-plugin's is.
const CLOCK_SKEW: Duration = Duration::from_secs(30);

/// A host's certificate and the key it signs with.
#[derive(Debug)]
pub struct HostIdentity {
    certificate: CertificateDer<'static>,
    pem: String,
    key: KeyPair,
}

impl HostIdentity {
    /// Makes what go-plugin makes: P-521, self-signed with SHA-512, CN=localhost, O=HashiCorp, CA:TRUE.
    ///
    /// # Errors
    ///
    /// The key or the certificate could not be made.
    pub fn generate() -> Result<Self, HostError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512)?;
        let mut params = CertificateParams::new(["localhost".to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.distinguished_name.push(DnType::OrganizationName, "HashiCorp");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
            KeyUsagePurpose::KeyAgreement,
            KeyUsagePurpose::KeyCertSign,
        ];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.self_signed(&key)?;
        Ok(Self { certificate: certificate.der().clone(), pem: certificate.pem(), key })
    }

    /// The certificate of this host with the key of nobody who owns it: what a thief could present.
    ///
    /// # Errors
    ///
    /// The other key could not be made.
    pub fn stolen(&self) -> Result<Self, HostError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512)?;
        Ok(Self { certificate: self.certificate.clone(), pem: self.pem.clone(), key })
    }

    /// The value of `PLUGIN_CLIENT_CERT`.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A TLS client that trusts one server certificate, and presents this identity.
    pub(crate) fn client(&self, server: &CertificateDer<'static>) -> Result<ClientConfig, HostError> {
        let key = PrivatePkcs8KeyDer::from(self.key.serialize_der()).into();
        let signer = aws_lc_rs::sign::any_supported_type(&key)?;
        let certified = CertifiedKey::new(vec![self.certificate.clone()], signer);
        client(server, Some(Arc::new(Presents(Arc::new(certified)))))
    }
}

/// A TLS client that trusts one server certificate, and presents none.
pub(crate) fn anonymous_client(server: &CertificateDer<'static>) -> Result<ClientConfig, HostError> {
    client(server, None)
}

fn client(
    server: &CertificateDer<'static>,
    identity: Option<Arc<dyn ResolvesClientCert>>,
) -> Result<ClientConfig, HostError> {
    let mut roots = RootCertStore::empty();
    roots.add(server.clone())?;
    let builder = ClientConfig::builder_with_details(Arc::new(aws_lc_rs::default_provider()), Arc::new(LateClock))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let mut config = match identity {
        Some(identity) => builder.with_client_cert_resolver(identity),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// Presents its certificate whatever the server asks for; rustls would refuse a stolen one before the server could.
#[derive(Debug)]
struct Presents(Arc<CertifiedKey>);

impl ResolvesClientCert for Presents {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct LateClock;

impl TimeProvider for LateClock {
    fn current_time(&self) -> Option<UnixTime> {
        let now = DefaultTimeProvider.current_time()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs()).saturating_sub(CLOCK_SKEW)))
    }
}
