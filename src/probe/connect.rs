//! Connecting, and trying again until a deadline.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tonic::body::Body;
use tonic::transport::{Channel, Uri};
use tonic::{Code, Status};
use tower::util::BoxCloneSyncService;
use tower::{ServiceExt, service_fn};

use super::error::{Failure, ProbeError};
use super::tls::{self, TlsFacts, Verification};
use super::{Report, reflection};
use crate::cancel::Cancel;

/// First pause between attempts; each one doubles it up to [`LAST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Longest pause between attempts. A route is published within seconds; a longer pause would only delay the answer.
const LAST_PAUSE: Duration = Duration::from_secs(2);

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// How the bytes travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Clear text (HTTP/2 with prior knowledge).
    Plaintext,
    /// TLS.
    Tls {
        /// Name for SNI, and for verification.
        server_name: String,
        /// What is verified.
        verification: Verification,
    },
}

/// What to probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where to connect.
    pub endpoint: Endpoint,
    /// The `:authority` of each request.
    pub authority: String,
    /// How the bytes travel.
    pub transport: Transport,
    /// Name given to the health service; empty for the whole server.
    pub health_service: String,
    /// Limit of one attempt.
    pub attempt_timeout: Duration,
    /// Limit of all attempts and pauses.
    pub deadline: Duration,
}

/// Probes until an attempt succeeds.
///
/// # Errors
/// When the deadline passes or the signal fires, with the last failure.
///
/// # Cancellation
/// Returns at once when `cancel` fires; safe to drop.
pub async fn probe(target: &Target, cancel: &Cancel) -> Result<Report, ProbeError> {
    let tls = match &target.transport {
        Transport::Plaintext => None,
        Transport::Tls { verification, .. } => Some(TlsConnector::from(Arc::new(tls::client_config(verification)?))),
    };
    let end = Instant::now() + target.deadline;
    let mut pause = FIRST_PAUSE;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let limit = target.attempt_timeout.min(end.saturating_duration_since(Instant::now())).max(FIRST_PAUSE);
        let attempt = tokio::time::timeout(limit, attempt(target, tls.as_ref(), attempts));
        let last = match cancel.run(attempt).await.map_err(|_| ProbeError::Interrupted)? {
            Ok(Ok(report)) => return Ok(report),
            Ok(Err(failure)) => failure,
            Err(_) => Failure::Timeout(limit),
        };
        tracing::debug!(attempt = attempts, reason = %last, "probe attempt failed");
        if Instant::now() + pause >= end {
            return Err(ProbeError::Deadline { deadline: target.deadline, attempts, last });
        }
        cancel.run(tokio::time::sleep(pause)).await.map_err(|_| ProbeError::Interrupted)?;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

async fn attempt(target: &Target, tls: Option<&TlsConnector>, attempts: u64) -> Result<Report, Failure> {
    let started = Instant::now();
    let connection = Connection::open(target, tls).await?;
    let (services, reflection_version) = reflection::services(&connection).await?;
    let latency_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let health_status = reflection::health(&connection, &target.health_service).await?;
    Ok(Report { services, reflection_version, health_status, tls: connection.tls, latency_ms, attempts })
}

type Calls = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, tonic::transport::Error>;

/// One HTTP/2 connection that remembers the last HTTP status, which a gRPC status hides.
pub(super) struct Connection {
    channel: Calls,
    http_status: Arc<AtomicU16>,
    tls: Option<TlsFacts>,
}

impl Connection {
    async fn open(target: &Target, tls: Option<&TlsConnector>) -> Result<Self, Failure> {
        let tcp = connect(&target.endpoint).await?;
        let (channel, tls) = match (tls, &target.transport) {
            (Some(connector), Transport::Tls { server_name, .. }) => {
                let name = ServerName::try_from(server_name.clone())
                    .map_err(|_| Failure::Tls(format!("{server_name:?} is not a server name")))?;
                let stream = connector.connect(name, tcp).await.map_err(|error| tls_failure(&error))?;
                let facts = tls::facts(stream.get_ref().1);
                if facts.alpn.as_deref() != Some("h2") {
                    return Err(Failure::NoHttp2);
                }
                (http2(target, "https", TokioIo::new(stream)).await?, Some(facts))
            }
            _ => (http2(target, "http", TokioIo::new(tcp)).await?, None),
        };
        let http_status = Arc::new(AtomicU16::new(0));
        let seen = http_status.clone();
        let channel = channel.map_response(move |response: http::Response<Body>| {
            seen.store(response.status().as_u16(), Ordering::Relaxed);
            response
        });
        Ok(Self { channel: BoxCloneSyncService::new(channel), http_status, tls })
    }

    /// A handle for one client.
    pub(super) fn channel(&self) -> Calls {
        self.channel.clone()
    }

    fn foreign_status(&self) -> Option<u16> {
        Some(self.http_status.load(Ordering::Relaxed)).filter(|status| !matches!(status, 0 | 200))
    }

    /// Whether the service itself says that it has no such method. Clients also derive that code from HTTP status 404.
    pub(super) fn is_unimplemented(&self, status: &Status) -> bool {
        status.code() == Code::Unimplemented && self.foreign_status().is_none()
    }

    /// What a status means: an HTTP status in its place, a broken connection, or what it says.
    pub(super) fn failure(&self, status: &Status) -> Failure {
        if let Some(http_status) = self.foreign_status() {
            return Failure::HttpStatus(http_status);
        }
        if let Some(source) = std::error::Error::source(status) {
            return Failure::Http2(innermost(source));
        }
        Failure::Status { code: format!("{:?}", status.code()), message: status.message().to_owned() }
    }
}

async fn connect(endpoint: &Endpoint) -> Result<TcpStream, Failure> {
    let resolved = tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port)).await;
    let addresses: Vec<SocketAddr> = resolved.map_err(|_| Failure::Resolve(endpoint.host.clone()))?.collect();
    let mut last = Failure::Resolve(endpoint.host.clone());
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY was not set");
                }
                return Ok(stream);
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => last = Failure::Refused(address),
            Err(error) => last = Failure::Connect { address, reason: error.to_string() },
        }
    }
    Err(last)
}

fn tls_failure(error: &std::io::Error) -> Failure {
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(reason)) => Failure::Certificate(reason.to_string()),
        Some(rustls::Error::NoApplicationProtocol) => Failure::NoHttp2,
        Some(rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol)) => Failure::NoHttp2,
        Some(other) => Failure::Tls(other.to_string()),
        None => Failure::Tls(error.to_string()),
    }
}

async fn http2<S>(target: &Target, scheme: &str, stream: TokioIo<S>) -> Result<Channel, Failure>
where
    TokioIo<S>: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    S: 'static,
{
    let origin: Uri = format!("{scheme}://{}", target.authority)
        .parse()
        .map_err(|_| Failure::Http2(format!("{:?} is not an authority", target.authority)))?;
    // The connector below is called once, with a stream that is there already; its URI must only not say https, which
    // tonic reserves for TLS of its own.
    let slot = Arc::new(std::sync::Mutex::new(Some(stream)));
    let connector = service_fn(move |_: Uri| {
        let stream = slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        async move { stream.ok_or_else(|| std::io::Error::other("the connection was closed")) }
    });
    Channel::from_static("http://localhost")
        .origin(origin)
        .connect_with_connector(connector)
        .await
        .map_err(|error| Failure::Http2(innermost(&error)))
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
