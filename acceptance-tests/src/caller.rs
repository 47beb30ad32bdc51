//! A gRPC client of our own: what a gateway's users see, told by nobody else.
//!
//! Tests ask it for the truth about a route. It shares no code with the provider's probe, accepts any certificate, and
//! turns every outcome into a short text that a golden can hold.

use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::Endpoint;
use tonic_prost::ProstCodec;

use crate::AcceptanceError;

/// Limit of one call; loopback answers at once or never.
const LIMIT: Duration = Duration::from_secs(8);

#[derive(Clone, PartialEq, prost::Message)]
struct HelloRequest {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HelloReply {
    #[prost(string, tag = "1")]
    message: String,
}

/// What came of a call of the walkthrough's greeter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// `answers`, or how the call failed.
    pub outcome: String,
    /// The server's certificate, DER; empty if there was none.
    pub certificate: Vec<u8>,
    /// The member whose greeter answered; empty if none did.
    pub member: String,
}

impl Called {
    fn failed(outcome: impl Into<String>) -> Self {
        Self { outcome: outcome.into(), certificate: Vec::new(), member: String::new() }
    }

    /// Whether the greeter answered.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.outcome == "answers"
    }
}

/// Calls `helloworld.Greeter/SayHello` for a host through a port of this machine.
///
/// # Errors
/// If there is no runtime to call from.
pub fn call(port: u16, host: &str) -> Result<Called, AcceptanceError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(AcceptanceError::io("start a runtime"))?;
    let called = async {
        tokio::time::timeout(LIMIT, attempt(port, host)).await.unwrap_or_else(|_| Called::failed("no answer in time"))
    };
    Ok(runtime.block_on(called))
}

async fn attempt(port: u16, host: &str) -> Called {
    let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await else {
        return Called::failed("connection refused");
    };
    let (Ok(config), Ok(name)) = (config(), ServerName::try_from(host.to_owned())) else {
        return Called::failed("no TLS client for this host");
    };
    let Ok(stream) = TlsConnector::from(Arc::new(config)).connect(name, stream).await else {
        return Called::failed("no TLS handshake");
    };
    let session = stream.get_ref().1;
    let certificate = session.peer_certificates().and_then(<[_]>::first).map(|first| first.to_vec());
    let certificate = certificate.unwrap_or_default();
    if session.alpn_protocol() != Some(b"h2") {
        return Called { certificate, ..Called::failed("no HTTP/2") };
    }
    match greet(stream, host).await {
        Ok(member) => Called { outcome: "answers".to_owned(), certificate, member },
        Err(outcome) => Called { certificate, ..Called::failed(outcome) },
    }
}

/// The member that answered, or how the call failed.
async fn greet(stream: tokio_rustls::client::TlsStream<TcpStream>, host: &str) -> Result<String, String> {
    let mut stream = Some(TokioIo::new(stream));
    let connector = tower::service_fn(move |_| {
        let stream = stream.take();
        async move { stream.ok_or_else(|| std::io::Error::other("connected once already")) }
    });
    let Ok(endpoint) = Endpoint::from_shared(format!("http://{host}")) else {
        return Err("no URL".to_owned());
    };
    let channel = endpoint.connect_with_connector(connector).await.map_err(|error| error.to_string())?;
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.map_err(|error| error.to_string())?;
    let path = tonic::codegen::http::uri::PathAndQuery::from_static("/helloworld.Greeter/SayHello");
    let request = tonic::Request::new(HelloRequest { name: "gateway".to_owned() });
    let answer = client.unary(request, path, ProstCodec::<HelloRequest, HelloReply>::default()).await;
    match answer {
        Ok(reply) => match reply.get_ref().message.strip_prefix("Hello gateway from ") {
            Some(member) => Ok(member.to_owned()),
            None => Err("an odd answer".to_owned()),
        },
        Err(status) if status.message().contains("503") => Err("HTTP 503".to_owned()),
        Err(status) if status.message().contains("504") => Err("HTTP 504".to_owned()),
        Err(status) => Err(format!("{:?}", status.code())),
    }
}

fn config() -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(Anybody(provider.signature_verification_algorithms));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// Takes every certificate whose key the server has.
#[derive(Debug)]
struct Anybody(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
