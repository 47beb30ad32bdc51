//! Mutual TLS between the host and this process (go-plugin's "AutoMTLS"): both sides make a certificate for this one
//! process, exchange it during start-up, and accept exactly that one.
//!
//! Called by `plugin::serve`. Trust is a comparison of bytes, never a chain: go-plugin's certificate is a CA certificate
//! used as an end entity, which a chain verifier must refuse, and nobody but the host can hold the key of the certificate
//! it handed over. Facts: go-plugin `mtls.go` and `server.go`; grpc-go insists on ALPN `h2` since 1.67; Go requires the
//! server certificate to name `localhost` in a SAN and to allow `serverAuth`.

use std::sync::Arc;

use jiff::{Span, Timestamp, tz::TimeZone};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, PeerIncompatible, ServerConfig, SignatureScheme,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};

/// The name the host expects in the certificate (go-plugin sets it as the TLS server name).
const SERVER_NAME: &str = "localhost";

/// Validity of a certificate that lives as long as the process: what go-plugin's own certificates have.
const VALIDITY_YEARS: i16 = 30;

/// Why mutual TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// The host handed over something that is not a PEM certificate.
    #[error("PLUGIN_CLIENT_CERT holds no PEM certificate")]
    ClientCertificatePem(#[source] rustls_pki_types::pem::Error),
    /// The PEM block holds something else than a certificate.
    #[error("PLUGIN_CLIENT_CERT holds a PEM block that is no X.509 certificate")]
    ClientCertificateDer,
    /// The server certificate could not be made.
    #[error("could not make a server certificate")]
    ServerCertificate(#[from] rcgen::Error),
    /// rustls refused the configuration.
    #[error("could not set up TLS")]
    Configuration(#[from] rustls::Error),
}

/// Our side of the connection: the certificate to print in the handshake line, and the server's configuration.
#[derive(Debug)]
pub(crate) struct MutualTls {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) config: Arc<ServerConfig>,
}

/// Makes a certificate for this process and a server configuration that accepts the given host certificate only.
pub(crate) fn mutual_tls(client_certificate_pem: &str, now: Timestamp) -> Result<MutualTls, TlsError> {
    let client = CertificateDer::from_pem_slice(client_certificate_pem.as_bytes())
        .map_err(TlsError::ClientCertificatePem)?
        .into_owned();
    x509_parser::parse_x509_certificate(&client).map_err(|_| TlsError::ClientCertificateDer)?;
    let (certificate, key) = server_certificate(now)?;

    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = PinnedClient::new(client, &provider);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(vec![certificate.clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.send_tls13_tickets = 0; // one connection per process: nothing to resume
    Ok(MutualTls { certificate, config: Arc::new(config) })
}

fn server_certificate(now: Timestamp) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new([SERVER_NAME.to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, SERVER_NAME);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Whole days: a day back covers any clock the host may compare with.
    let today = TimeZone::UTC.to_datetime(now).date();
    let first = today.saturating_sub(Span::new().days(1));
    let last = today.saturating_add(Span::new().years(VALIDITY_YEARS));
    params.not_before =
        rcgen::date_time_ymd(first.year().into(), first.month().unsigned_abs(), first.day().unsigned_abs());
    params.not_after = rcgen::date_time_ymd(last.year().into(), last.month().unsigned_abs(), last.day().unsigned_abs());
    let certificate = params.self_signed(&key)?;
    Ok((certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into()))
}

/// Accepts one certificate, the one the host handed over, from a peer that proves to hold its key.
#[derive(Debug)]
struct PinnedClient {
    certificate: CertificateDer<'static>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl PinnedClient {
    fn new(certificate: CertificateDer<'static>, provider: &CryptoProvider) -> Self {
        Self { certificate, algorithms: provider.signature_verification_algorithms }
    }
}

impl ClientCertVerifier for PinnedClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[] // the host has one certificate and offers it without a hint
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        if end_entity.as_ref() == self.certificate.as_ref() {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(PeerIncompatible::Tls12NotOfferedOrEnabled.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    /// Must hold P-521 with SHA-512, the only scheme go-plugin's certificates can sign with.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{BasicConstraints, IsCa, PKCS_ECDSA_P521_SHA512};
    use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
    use rustls::time_provider::TimeProvider;
    use rustls::{ClientConfig, ProtocolVersion, RootCertStore};
    use rustls_pki_types::ServerName;
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::*;

    /// Ten seconds into a day: half a minute earlier is another day, month and validity.
    const NOW: &str = "2031-03-01T00:00:10Z";

    /// A host as go-plugin makes it: P-521, self-signed, CA:TRUE.
    struct Host {
        certificate: CertificateDer<'static>,
        pem: String,
        key: KeyPair,
    }

    fn host() -> Host {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap();
        let mut params = CertificateParams::new([SERVER_NAME.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, SERVER_NAME);
        params.distinguished_name.push(DnType::OrganizationName, "HashiCorp");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.self_signed(&key).unwrap();
        Host { certificate: certificate.der().clone(), pem: certificate.pem(), key }
    }

    /// A host whose clock is half a minute behind ours.
    #[derive(Debug)]
    struct HostClock;

    impl TimeProvider for HostClock {
        fn current_time(&self) -> Option<UnixTime> {
            Some(UnixTime::since_unix_epoch(Duration::from_secs(now().as_second().unsigned_abs() - 30)))
        }
    }

    fn client_config(
        server: &CertificateDer<'static>,
    ) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
        let mut roots = RootCertStore::empty();
        roots.add(server.clone()).unwrap();
        ClientConfig::builder_with_details(Arc::new(aws_lc_rs::default_provider()), Arc::new(HostClock))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
    }

    fn with_identity(
        server: &CertificateDer<'static>,
        certificate: &CertificateDer<'static>,
        key: &KeyPair,
    ) -> ClientConfig {
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let mut config = client_config(server).with_client_auth_cert(vec![certificate.clone()], key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }

    /// The server's verdict on a connection, which is the one that counts: a TLS 1.3 client finishes first.
    async fn connect(server: &MutualTls, client: ClientConfig) -> Result<(Option<Vec<u8>>, ProtocolVersion), String> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let connector = TlsConnector::from(Arc::new(client));
        let name = ServerName::try_from(SERVER_NAME).unwrap();
        let (accepted, connected) =
            tokio::join!(TlsAcceptor::from(server.config.clone()).accept(near), connector.connect(name, far));
        let accepted = accepted.map_err(|error| error.to_string())?;
        connected.map_err(|error| error.to_string())?;
        let session = accepted.get_ref().1;
        Ok((session.alpn_protocol().map(<[u8]>::to_vec), session.protocol_version().unwrap()))
    }

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    #[tokio::test]
    async fn the_host_that_started_us_connects_with_http2_over_tls13() {
        let host = host();
        let server = mutual_tls(&host.pem, now()).unwrap();
        let session = connect(&server, with_identity(&server.certificate, &host.certificate, &host.key)).await;
        assert_eq!(session, Ok((Some(b"h2".to_vec()), ProtocolVersion::TLSv1_3)));
    }

    #[tokio::test]
    async fn a_client_without_a_certificate_is_refused() {
        let server = mutual_tls(&host().pem, now()).unwrap();
        let error = connect(&server, client_config(&server.certificate).with_no_client_auth()).await.unwrap_err();
        assert!(error.contains("sent no certificates"), "{error}");
    }

    #[tokio::test]
    async fn another_certificate_with_the_same_subject_is_refused() {
        let server = mutual_tls(&host().pem, now()).unwrap();
        let stranger = host();
        let client = with_identity(&server.certificate, &stranger.certificate, &stranger.key);
        let error = connect(&server, client).await.unwrap_err();
        assert!(error.contains("ApplicationVerificationFailure"), "{error}");
    }

    /// Presents a certificate and signs with another key, which `with_client_auth_cert` would notice.
    #[derive(Debug)]
    struct Thief(Arc<rustls::sign::CertifiedKey>);

    impl rustls::client::ResolvesClientCert for Thief {
        fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<rustls::sign::CertifiedKey>> {
            Some(self.0.clone())
        }

        fn has_certs(&self) -> bool {
            true
        }
    }

    #[tokio::test]
    async fn the_right_certificate_without_its_key_is_refused() {
        let owner = host();
        let server = mutual_tls(&owner.pem, now()).unwrap();
        let key = PrivatePkcs8KeyDer::from(host().key.serialize_der()).into();
        let signer = aws_lc_rs::sign::any_supported_type(&key).unwrap();
        let certified = rustls::sign::CertifiedKey::new(vec![owner.certificate.clone()], signer);
        let client = client_config(&server.certificate).with_client_cert_resolver(Arc::new(Thief(Arc::new(certified))));
        let error = connect(&server, client).await.unwrap_err();
        assert!(error.contains("BadSignature"), "{error}");
    }

    #[tokio::test]
    async fn a_client_stuck_at_tls12_is_refused() {
        /// Looks at nothing: the server must be the one to refuse.
        #[derive(Debug)]
        struct AnyServer;

        impl ServerCertVerifier for AnyServer {
            fn verify_server_cert(
                &self,
                _: &CertificateDer<'_>,
                _: &[CertificateDer<'_>],
                _: &ServerName<'_>,
                _: &[u8],
                _: UnixTime,
            ) -> Result<ServerCertVerified, rustls::Error> {
                Ok(ServerCertVerified::assertion())
            }

            fn verify_tls12_signature(
                &self,
                _: &[u8],
                _: &CertificateDer<'_>,
                _: &DigitallySignedStruct,
            ) -> Result<HandshakeSignatureValid, rustls::Error> {
                Ok(HandshakeSignatureValid::assertion())
            }

            fn verify_tls13_signature(
                &self,
                _: &[u8],
                _: &CertificateDer<'_>,
                _: &DigitallySignedStruct,
            ) -> Result<HandshakeSignatureValid, rustls::Error> {
                Ok(HandshakeSignatureValid::assertion())
            }

            fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
                aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
            }
        }

        let server = mutual_tls(&host().pem, now()).unwrap();
        let client = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyServer))
            .with_no_client_auth();
        assert!(connect(&server, client).await.is_err());
    }

    #[test]
    fn go_hosts_can_sign_only_with_p521() {
        let provider = aws_lc_rs::default_provider();
        let verifier = PinnedClient::new(host().certificate, &provider);
        assert!(verifier.supported_verify_schemes().contains(&SignatureScheme::ECDSA_NISTP521_SHA512));
        assert!(verifier.client_auth_mandatory());
    }

    #[test]
    fn the_server_certificate_names_localhost_and_covers_the_past_half_minute() {
        let server = mutual_tls(&host().pem, now()).unwrap();
        let (_, certificate) = x509_parser::parse_x509_certificate(&server.certificate).unwrap();
        let names = &certificate.subject_alternative_name().unwrap().unwrap().value.general_names;
        assert_eq!(format!("{names:?}"), r#"[DNSName("localhost")]"#);
        let usage = certificate.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.server_auth && !usage.client_auth && !usage.any);
        let validity = certificate.validity();
        assert!(validity.not_before.timestamp() <= now().as_second() - 30);
        assert!(validity.not_after.timestamp() > now().as_second() + 29 * 365 * 24 * 3600);
    }

    #[test]
    fn what_is_no_certificate_is_refused_with_its_reason() {
        let garbage_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (case, pem, reason) in [
            ("text", "hello", "PLUGIN_CLIENT_CERT holds no PEM certificate"),
            ("empty block", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "no X.509 certificate"),
            ("garbage", garbage_der, "PLUGIN_CLIENT_CERT holds a PEM block that is no X.509 certificate"),
        ] {
            let error = mutual_tls(pem, now()).unwrap_err().to_string();
            assert!(error.contains(reason), "{case}: {error}");
        }
    }
}
