//! TLS of an HTTPS listener: certificate by server name, protocols and versions by the listener's settings.
//!
//! Built anew for each connection from the state of that moment, so a rotated certificate needs no restart. Facts: the
//! ALB documentation of certificates (extension before default, wildcard for one label) and of TLS policies.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::alb::{AlbState, Certificate, CertificateFacts, Listener, server_certificate};

#[derive(Debug)]
struct Certificates {
    /// Default first.
    bound: Vec<(CertificateFacts, Arc<CertifiedKey>)>,
}

impl Certificates {
    fn choose(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let extension = name.and_then(|name| self.bound.iter().skip(1).find(|(facts, _)| facts.covers(name)));
        extension.or_else(|| self.bound.first()).map(|(_, key)| Arc::clone(key))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name())
    }
}

/// What a client connecting now is offered; `None` when no certificate of the listener can be served.
pub(super) fn server_config(state: &AlbState, listener: &Listener) -> Option<Arc<ServerConfig>> {
    let bound: Vec<_> = listener
        .certificates
        .iter()
        .filter_map(|certificate| state.certificate_by_id(&certificate.certificate_id))
        .filter_map(|certificate| Some((facts(certificate), load(certificate)?)))
        .collect();
    if bound.is_empty() {
        return None;
    }
    // The policies without 1.3 end at 1.2. Versions before 1.2 are refused here whatever the policy says: HTTP/2 needs
    // 1.2, and the TLS stack knows none older.
    let versions: &[&rustls::SupportedProtocolVersion] = if listener.security_policy_id.ends_with("1_3") {
        &[&rustls::version::TLS13, &rustls::version::TLS12]
    } else {
        &[&rustls::version::TLS12]
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .inspect_err(|error| tracing::error!(%error, "TLS not configured"))
        .ok()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Certificates { bound }));
    // Without HTTP/2 nothing is negotiated, so a gRPC client sees "missing selected ALPN property".
    if listener.http2_enabled {
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    }
    Some(Arc::new(config))
}

fn facts(certificate: &Certificate) -> CertificateFacts {
    CertificateFacts { common_name: certificate.common_name.clone(), sans: certificate.sans.clone() }
}

fn load(certificate: &Certificate) -> Option<Arc<CertifiedKey>> {
    server_certificate(&certificate.pem, certificate.key.expose())
        .inspect_err(|error| tracing::error!(%error, name = certificate.cert_name, "certificate not served"))
        .ok()
}
