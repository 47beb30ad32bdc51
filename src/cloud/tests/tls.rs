//! TLS: the CA bundle is trusted, strangers are not, and no time is lost on them.

use std::sync::Arc;

use super::server::{Reply, Server, config_for, keys};
use crate::cloud::{error::NoAnswer, *};

const IDENTITY: &str = r#"{"AccountId":"123","Arn":"acs:ram::123:root","RequestId":"R"}"#;

async fn https_server() -> (Server, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let server = Server::start(|_| Reply::ok(IDENTITY), Some(Arc::new(tls).into())).await;
    (server, made.cert.pem())
}

#[tokio::test]
async fn a_certificate_of_the_ca_bundle_is_trusted() {
    let (server, pem) = https_server().await;
    let mut config = config_for(&format!("https://localhost:{}", server.address.port()), vec![keys("id", None)]);
    config.transport.ca_bundle = Some(pem.into_bytes());
    let identity = CloudClient::new(config).caller_identity(&CallContext::default()).await.unwrap();
    assert_eq!(identity.account_id, "123");
    assert_eq!(server.received()[0].headers["host"], format!("localhost:{}", server.address.port()));
}

#[tokio::test]
async fn an_untrusted_certificate_is_not_tried_again() {
    let (server, _) = https_server().await;
    let config = config_for(&format!("https://localhost:{}", server.address.port()), vec![keys("id", None)]);
    let error = CloudClient::new(config).caller_identity(&CallContext::default()).await.unwrap_err();
    assert!(matches!(error, CloudError::Unanswered { reason: NoAnswer::UntrustedCertificate, .. }), "{error:?}");
    assert!(!error.is_retryable());
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_bundle_without_certificates_is_a_configuration_error() {
    let mut config = config_for("https://localhost:1", vec![keys("id", None)]);
    config.transport.ca_bundle = Some(b"not a certificate".to_vec());
    let error = CloudClient::new(config).caller_identity(&CallContext::default()).await.unwrap_err();
    assert!(matches!(error, CloudError::Configuration { .. }), "{error:?}");
    assert!(error.chain().contains("CA bundle"), "{}", error.chain());
}
