//! One bound listener: accepts, negotiates, and hands each request to the proxy.
//!
//! Started and closed by `mod.rs`. Reads the cloud's state at each handshake and each request. Closing it cuts its
//! connections, as deleting the real listener does.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::ListenerId;
use super::idle::Idle;
use super::proxy::{Answering, Proxy, plain};
use super::tls;
use crate::alb::{AlbCloud, Protocol};

/// A bound listener.
#[derive(Debug)]
pub(super) struct Running {
    /// The listener's id in the cloud: a new one on the same port is another listener.
    pub(super) number: String,
    pub(super) addresses: Vec<SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
}

struct Served {
    id: ListenerId,
    cloud: Arc<AlbCloud>,
    proxy: Arc<Proxy>,
}

impl Running {
    pub(super) fn start(
        id: ListenerId,
        number: String,
        sockets: Vec<TcpListener>,
        cloud: Arc<AlbCloud>,
        proxy: Arc<Proxy>,
    ) -> Self {
        let served = Arc::new(Served { id, cloud, proxy });
        let addresses = sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect();
        let tasks = sockets.into_iter().map(|socket| tokio::spawn(accept(socket, Arc::clone(&served)))).collect();
        Self { number, addresses, tasks }
    }

    pub(super) async fn close(self) {
        for task in self.tasks {
            task.abort();
            // "Cancelled" is what was asked for.
            drop(task.await);
        }
    }
}

async fn accept(socket: TcpListener, served: Arc<Served>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = socket.accept() => match accepted {
                Ok((stream, client)) => {
                    connections.spawn(connection(stream, client, Arc::clone(&served)));
                }
                Err(error) => {
                    // Out of descriptors, most likely: let some go first.
                    tracing::warn!(%error, "connection not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, client: SocketAddr, served: Arc<Served>) {
    let state = served.cloud.snapshot();
    let Some(listener) =
        state.load_balancers.get(&served.id.0).and_then(|balancer| balancer.listeners.get(&served.id.1))
    else {
        return;
    };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no-delay not set");
    }
    let stream = Idle::new(stream, Duration::from_secs(u64::from(listener.idle_timeout.max(1))));
    match served.id.1.protocol {
        Protocol::Http => serve_http1(stream, client, served).await,
        Protocol::Https => {
            let Some(config) = tls::server_config(&state, listener) else { return };
            match TlsAcceptor::from(config).accept(stream).await {
                Ok(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                    serve_http2(stream, client, served).await;
                }
                Ok(stream) => serve_http1(stream, client, served).await,
                Err(error) => tracing::debug!(%error, "handshake failed"),
            }
        }
        Protocol::Quic => {}
    }
}

async fn serve_http1<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    client: SocketAddr,
    served: Arc<Served>,
) {
    let service = service_fn(move |request| respond(Arc::clone(&served), client, request));
    let outcome = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = outcome {
        tracing::debug!(%error, "HTTP/1 connection ended");
    }
}

async fn serve_http2<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    client: SocketAddr,
    served: Arc<Served>,
) {
    let service = service_fn(move |request| respond(Arc::clone(&served), client, request));
    let outcome = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = outcome {
        tracing::debug!(%error, "HTTP/2 connection ended");
    }
}

async fn respond(
    served: Arc<Served>,
    client: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<super::proxy::Body>, Infallible> {
    let answering: Answering = Box::pin(async move {
        let state = served.cloud.snapshot();
        let balancer = state.load_balancers.get(&served.id.0);
        let Some((balancer, listener)) =
            balancer.and_then(|balancer| Some((balancer, balancer.listeners.get(&served.id.1)?)))
        else {
            return plain(StatusCode::SERVICE_UNAVAILABLE);
        };
        served.proxy.answer(&state, balancer, listener, client, request).await
    });
    Ok(answering.await)
}
