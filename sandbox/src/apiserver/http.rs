//! Connections: TLS, HTTP/1.1 and HTTP/2, the request gate, and breaking connections on demand.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream;
use http::{HeaderName, HeaderValue, Request as HttpRequest, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::auth::Access;
use super::clock::Clock;
use super::gate::{ApiCall, GateDecision, RequestGate};
use super::handler::{Answer, AnswerBody, Handler, Request};
use super::relay::Upstream;
use super::route::{self, Query};
use super::status::ApiError;

/// The largest body the server reads, as the real one.
const MOST_BODY_BYTES: usize = 3 * 1024 * 1024;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// What answers behind the door.
pub(crate) enum Back {
    /// The embedded server.
    Embedded(Handler),
    /// A real one.
    Real(Upstream),
}

/// What every connection needs.
pub(crate) struct Front {
    pub(crate) back: Back,
    pub(crate) access: Arc<Access>,
    pub(crate) clock: Clock,
    pub(crate) gate: Arc<dyn RequestGate>,
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) calls: AtomicU64,
}

/// Accepts connections until `stop` changes, then drops them all.
pub(crate) async fn serve(front: Arc<Front>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stop.changed() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(front.clone(), stream));
                }
                Err(error) => tracing::debug!(%error, "accept failed"),
            },
        }
    }
    connections.shutdown().await;
}

async fn connection(front: Arc<Front>, stream: TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch off Nagle's algorithm");
    }
    let stream = match front.acceptor.accept(stream).await {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, "TLS handshake failed");
            return;
        }
    };
    let certificate: Option<CertificateDer<'static>> =
        stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).map(|one| one.clone().into_owned());
    let broken = Arc::new(Notify::new());
    let service = {
        let broken = broken.clone();
        service_fn(move |request| {
            let (front, certificate, broken) = (front.clone(), certificate.clone(), broken.clone());
            async move { Ok::<_, Infallible>(respond(&front, certificate, &broken, request).await) }
        })
    };
    let builder = auto::Builder::new(TokioExecutor::new());
    let served = builder.serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        outcome = served => {
            if let Err(error) = outcome {
                tracing::trace!(%error, "connection ended");
            }
        }
        () = broken.notified() => {}
    }
}

/// Drops the connection this future belongs to.
async fn break_off(broken: &Notify) -> Response<Body> {
    broken.notify_one();
    std::future::pending().await
}

async fn respond(
    front: &Front,
    certificate: Option<CertificateDer<'static>>,
    broken: &Notify,
    request: HttpRequest<Incoming>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let text = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let path = parts.uri.path().to_owned();
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let place = route::place(&path);
    let verb = match &place {
        Some(place) => route::verb(&parts.method, place, &query).to_owned(),
        None => parts.method.as_str().to_ascii_lowercase(),
    };
    let user = front.access.authenticate(certificate.as_ref(), text(header::AUTHORIZATION), (front.clock)());
    let known = place.clone().unwrap_or_default();
    let call = ApiCall {
        number: front.calls.fetch_add(1, Ordering::Relaxed),
        verb: verb.clone(),
        group: known.group,
        version: known.version,
        resource: known.resource,
        subresource: known.subresource,
        namespace: known.namespace,
        name: known.name,
        path: path.clone(),
        query: query.0.clone(),
        user: user.as_ref().map(|user| user.name.clone()).unwrap_or_default(),
        user_agent: text(header::USER_AGENT).unwrap_or_default().to_owned(),
    };
    let decision = front.gate.before(&call).await;
    match &decision {
        GateDecision::Reset => {
            front.gate.after(&call, 0);
            return break_off(broken).await;
        }
        GateDecision::Respond { status, headers, body } => {
            front.gate.after(&call, *status);
            return forced(*status, headers, body.clone());
        }
        GateDecision::Delay(time) => tokio::time::sleep(*time).await,
        GateDecision::Pass | GateDecision::Truncate | GateDecision::DropResponse => {}
    }
    let answer = match Limited::new(body, MOST_BODY_BYTES).collect().await {
        Ok(body) => {
            let request = Request {
                method: parts.method.clone(),
                target: parts.uri.path_and_query().map_or_else(|| path.clone(), ToString::to_string),
                path,
                query,
                headers: parts.headers.clone(),
                body: body.to_bytes(),
                place,
                verb,
                user,
            };
            match &front.back {
                Back::Embedded(handler) => handler.handle(&request),
                Back::Real(upstream) => upstream.handle(&request).await,
            }
        }
        Err(_) => Answer::failure(&ApiError::too_large()),
    };
    front.gate.after(&call, answer.status.as_u16());
    if decision == GateDecision::DropResponse {
        return break_off(broken).await;
    }
    send(answer, decision == GateDecision::Truncate)
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

fn forced(status: u16, headers: &[(String, String)], body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(whole(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    set_headers(&mut response, headers);
    response
}

fn set_headers(response: &mut Response<Body>, headers: &[(String, String)]) {
    for (name, value) in headers {
        let parsed = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()));
        if let (Ok(name), Ok(value)) = parsed {
            // Several warnings are several headers; anything else is set once.
            if name == header::WARNING {
                response.headers_mut().append(name, value);
            } else {
                response.headers_mut().insert(name, value);
            }
        }
    }
}

fn send(answer: Answer, truncated: bool) -> Response<Body> {
    let broken = || io::Error::new(io::ErrorKind::ConnectionAborted, "the answer is cut short");
    let mut length = None;
    let body = match answer.body {
        AnswerBody::Whole(bytes) if truncated => {
            length = Some(bytes.len());
            let half = bytes.slice(..bytes.len() / 2);
            StreamBody::new(stream::iter([Ok(Frame::data(half)), Err(broken())])).boxed_unsync()
        }
        AnswerBody::Whole(bytes) => whole(bytes),
        AnswerBody::Relayed(watch) => {
            let chunks = stream::unfold((watch, false), move |(mut watch, cut)| async move {
                if cut {
                    return Some((Err(broken()), (watch, true)));
                }
                match watch.next().await? {
                    Ok(chunk) if truncated => Some((Ok(Frame::data(chunk.slice(..chunk.len() / 2))), (watch, true))),
                    Ok(chunk) => Some((Ok(Frame::data(chunk)), (watch, false))),
                    Err(error) => Some((Err(error), (watch, true))),
                }
            });
            StreamBody::new(chunks).boxed_unsync()
        }
        AnswerBody::Stream(watch) => {
            let chunks = stream::unfold((watch, false), move |(mut watch, cut)| async move {
                if cut {
                    return Some((Err(broken()), (watch, true)));
                }
                let chunk = watch.next().await?;
                let chunk = if truncated { chunk.slice(..chunk.len() / 2) } else { chunk };
                Some((Ok(Frame::data(chunk)), (watch, truncated)))
            });
            StreamBody::new(chunks).boxed_unsync()
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    if let Some(length) = length {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    set_headers(&mut response, &answer.headers);
    response
}
