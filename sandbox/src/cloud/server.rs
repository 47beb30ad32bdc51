//! The HTTP/1.1 server of the cloud APIs.
//!
//! A thin shell: it reads requests, hands them to the `answer` module and writes what comes back, including the endings
//! that no well-behaved server has (reset, silence, half a body). It binds loopback only.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::stream;
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::LoadBalancers;
use super::answer::{Answer, Ending};
use super::client_token::ClientTokens;
use super::kubeconfig::KubeconfigIssuer;
use super::metadata::MetadataService;
use super::verify::NonceStore;
use super::wire::WireRequest;
use crate::call_log::CallLog;
use crate::faults::FaultInjector;
use crate::world::World;

/// The largest request body taken, in bytes; the real limit is not public and larger than any call needs.
const BODY_MAX: usize = 4 << 20;

/// What the cloud APIs are made of.
#[derive(Debug)]
pub struct Cloud {
    pub(crate) world: Arc<World>,
    pub(crate) faults: Arc<FaultInjector>,
    pub(crate) log: Arc<CallLog>,
    pub(crate) issuer: Option<Arc<dyn KubeconfigIssuer>>,
    pub(crate) balancers: Option<Arc<dyn LoadBalancers>>,
    pub(crate) nonces: Mutex<NonceStore>,
    pub(crate) tokens: Mutex<ClientTokens>,
    pub(crate) metadata: Mutex<MetadataService>,
}

impl Cloud {
    /// The APIs over a world. Without an issuer no kubeconfig can be had, without balancers `alb` lists nothing.
    pub fn new(
        world: Arc<World>,
        faults: Arc<FaultInjector>,
        log: Arc<CallLog>,
        issuer: Option<Arc<dyn KubeconfigIssuer>>,
        balancers: Option<Arc<dyn LoadBalancers>>,
    ) -> Self {
        let (nonces, tokens, metadata) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { world, faults, log, issuer, balancers, nonces, tokens, metadata }
    }
}

/// A running server; it stops when dropped.
#[derive(Debug)]
pub struct CloudServer {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl CloudServer {
    /// Serves the APIs on a bound listener.
    ///
    /// # Errors
    /// When the listener has no local address.
    pub fn start(listener: TcpListener, cloud: Arc<Cloud>) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(accept(listener, cloud, stopped));
        Ok(Self { address, stop, task })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, ends all connections, and returns when that is done.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Err(error) = (&mut self.task).await {
            tracing::debug!(%error, "cloud server ended");
        }
    }
}

impl Drop for CloudServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, cloud: Arc<Cloud>, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&cloud)));
                }
                Err(error) => tracing::warn!(%error, "cloud connection not accepted"),
            },
            Some(_) = connections.join_next() => {}
            _ = stopped.changed() => return,
        }
    }
}

/// Why a connection ends without an answer.
#[derive(Debug)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was broken on purpose")
    }
}

impl std::error::Error for Broken {}

type Body = UnsyncBoxBody<Bytes, Broken>;

async fn connection(stream: TcpStream, cloud: Arc<Cloud>) {
    let reset = Arc::new(AtomicBool::new(false));
    let wanted = Arc::clone(&reset);
    let service = service_fn(move |request: http::Request<Incoming>| {
        let (cloud, reset) = (Arc::clone(&cloud), Arc::clone(&wanted));
        Box::pin(async move {
            let answer = match read(request).await {
                Ok(request) => cloud.answer(request).await,
                Err(Broken) => return Err(Broken),
            };
            match answer.ending {
                Ending::Reset => {
                    reset.store(true, Ordering::SeqCst);
                    Err(Broken)
                }
                Ending::Dropped => Err(Broken),
                Ending::Whole | Ending::Truncated => Ok(response(answer)),
            }
        })
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new());
    let mut serving = builder.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = std::future::poll_fn(|cx| serving.poll_without_shutdown(cx)).await {
        tracing::debug!(%error, "cloud connection ended");
    }
    let stream = serving.into_parts().io.into_inner();
    if reset.load(Ordering::SeqCst) {
        // A zero linger time makes the kernel answer with RST instead of FIN when the socket is closed.
        if let Err(error) = stream.set_zero_linger() {
            tracing::debug!(%error, "connection could not be reset");
        }
    }
    drop(stream);
}

async fn read(request: http::Request<Incoming>) -> Result<WireRequest, Broken> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, BODY_MAX).collect().await.map_err(|_| Broken)?.to_bytes();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    Ok(WireRequest {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: body.to_vec(),
    })
}

fn response(answer: Answer) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &answer.headers {
        if let Ok(value) = http::HeaderValue::from_str(value) {
            response.headers_mut().insert(*name, value);
        }
    }
    let length = answer.body.len();
    if answer.ending == Ending::Truncated {
        // The announced length stays; the body breaks off half way.
        response.headers_mut().insert(http::header::CONTENT_LENGTH, length.into());
        let half = Bytes::from(answer.body).slice(..length / 2);
        let frames = stream::iter([Ok(Frame::data(half)), Err(Broken)]);
        *response.body_mut() = StreamBody::new(frames).boxed_unsync();
    } else {
        let never = |never: Infallible| match never {};
        *response.body_mut() = Full::new(Bytes::from(answer.body)).map_err(never).boxed_unsync();
    }
    response
}
