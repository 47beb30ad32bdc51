//! The server's certificate authority: its own certificate, server certificates, client certificates, kubeconfigs.
//!
//! The handshake takes any client certificate whose key the client holds; whether it is ours and still valid is judged
//! per request (`auth.rs`), so an expired one is answered 401 as by the real server instead of failing the handshake.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rand::Rng as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, SerialNumber,
};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme};

const AUTHORITY_NAME: &str = "ackone-sandbox-fleet-ca";
const YEAR_SECONDS: i64 = 365 * 24 * 3600;

/// The authority that signs for server and clients.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
    key_pem: String,
}

/// A client certificate with its key, as PEM.
pub(crate) struct ClientCertificate {
    pub(crate) certificate_pem: String,
    pub(crate) key_pem: String,
    pub(crate) serial: Vec<u8>,
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::other(error)
}

fn authority_params(now: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, AUTHORITY_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::CrlSign];
    set_validity(&mut params, now.as_second() - YEAR_SECONDS, now.as_second() + 10 * YEAR_SECONDS);
    params
}

fn set_validity(params: &mut CertificateParams, from: i64, until: i64) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let at = |seconds: i64| epoch + std::time::Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    params.not_before = at(from);
    params.not_after = at(until);
}

fn random_serial() -> Vec<u8> {
    let mut serial: [u8; 16] = rand::rng().random();
    // Positive and without leading zeros, so that it reads back as written.
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    serial.to_vec()
}

impl Authority {
    /// Makes a new authority.
    pub(crate) fn generate(now: Timestamp) -> io::Result<Authority> {
        let key = KeyPair::generate().map_err(failed)?;
        let params = authority_params(now);
        let certificate_pem = params.self_signed(&key).map_err(failed)?.pem();
        let key_pem = key.serialize_pem();
        Ok(Authority { issuer: Issuer::new(params, key), certificate_pem, key_pem })
    }

    /// Takes up an authority made earlier.
    pub(crate) fn load(certificate_pem: &str, key_pem: &str, now: Timestamp) -> io::Result<Authority> {
        let key = KeyPair::from_pem(key_pem).map_err(failed)?;
        Ok(Authority {
            issuer: Issuer::new(authority_params(now), key),
            certificate_pem: certificate_pem.to_owned(),
            key_pem: key_pem.to_owned(),
        })
    }

    pub(crate) fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    pub(crate) fn key_pem(&self) -> &str {
        &self.key_pem
    }

    fn roots(&self) -> io::Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_slice(self.certificate_pem.as_bytes()).map_err(failed)?;
        roots.add(certificate).map_err(failed)?;
        Ok(roots)
    }

    /// The verifier that judges client certificates per request.
    pub(crate) fn client_verifier(&self) -> io::Result<Arc<dyn ClientCertVerifier>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        WebPkiClientVerifier::builder_with_provider(Arc::new(self.roots()?), provider).build().map_err(failed)
    }

    /// The TLS configuration of the server.
    pub(crate) fn server_config(&self, address: IpAddr, now: Timestamp) -> io::Result<ServerConfig> {
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::new(vec![
            "localhost".to_owned(),
            "kubernetes".to_owned(),
            "kubernetes.default.svc".to_owned(),
        ])
        .map_err(failed)?;
        params.subject_alt_names.push(SanType::IpAddress(address));
        params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.serial_number = Some(SerialNumber::from_slice(&random_serial()));
        set_validity(&mut params, now.as_second() - YEAR_SECONDS, now.as_second() + 5 * YEAR_SECONDS);
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = Arc::new(AnyHolder(self.client_verifier()?));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate.der().clone()], key)
            .map_err(failed)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Issues a client certificate: the user is its common name, the groups its organizations.
    pub(crate) fn issue_client(
        &self,
        user: &str,
        groups: &[&str],
        from: Timestamp,
        until: Timestamp,
    ) -> io::Result<ClientCertificate> {
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, user);
        // The library keeps one value for each attribute type; a second organization goes by its number (2.5.4.10). Any
        // further group is known to the server by the certificate's serial number.
        for (group, ty) in groups.iter().zip([DnType::OrganizationName, DnType::CustomDnType(vec![2, 5, 4, 10])]) {
            params.distinguished_name.push(ty, *group);
        }
        let serial = random_serial();
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        set_validity(&mut params, from.as_second(), until.as_second());
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(ClientCertificate { certificate_pem: certificate.pem(), key_pem: key.serialize_pem(), serial })
    }

    /// A kubeconfig for a client certificate.
    pub(crate) fn kubeconfig(&self, server: &str, user: &str, client: &ClientCertificate) -> String {
        let encode = |text: &str| STANDARD.encode(text);
        let user = serde_json::Value::String(user.to_owned());
        format!(
            "apiVersion: v1\nkind: Config\nclusters:\n- name: fleet\n  cluster:\n    server: {server}\n    \
             certificate-authority-data: {}\nusers:\n- name: {user}\n  user:\n    client-certificate-data: {}\n    \
             client-key-data: {}\ncontexts:\n- name: fleet\n  context:\n    cluster: fleet\n    user: {user}\n\
             current-context: fleet\n",
            encode(&self.certificate_pem),
            encode(&client.certificate_pem),
            encode(&client.key_pem),
        )
    }
}

/// Asks for a client certificate, and takes any whose key the client proves to hold.
#[derive(Debug)]
struct AnyHolder(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for AnyHolder {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
