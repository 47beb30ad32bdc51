//! Forwards one request: picks the server, adds and removes headers, streams both ways, turns failures into statuses.
//!
//! Called by `listener` for each request. A gRPC group is spoken to in clear text HTTP/2, trailers included; others in
//! HTTP/1. 503: no rule or no server. 502: the server refuses or does not speak the protocol. 504: no answer in time,
//! or the member's security group drops the packets. Facts: sections 7.2 and 7.3 of the ALB Ingress gRPC documentation.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Request, Response, StatusCode, Uri, Version};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::route::{self, Decision, Turns};
use crate::alb::{Action, AlbState, Listener, LoadBalancer, Server, ServerGroup, ServerGroupProtocol};
use crate::members::SecurityGroups;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// The body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, BoxError>;

/// Headers that end at each hop (RFC 9110, 7.6.1). `te: trailers` is put back for gRPC.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHORIZATION,
];

pub(super) struct Proxy {
    network: Arc<dyn SecurityGroups>,
    connect_timeout: Duration,
    http1: Client<HttpConnector, Incoming>,
    http2: Client<HttpConnector, Incoming>,
    turns: Mutex<Turns>,
}

impl Proxy {
    pub(super) fn new(network: Arc<dyn SecurityGroups>, connect_timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(connect_timeout));
        Self {
            network,
            connect_timeout,
            http1: Client::builder(TokioExecutor::new()).build(connector.clone()),
            http2: Client::builder(TokioExecutor::new()).http2_only(true).build(connector),
            turns: Mutex::default(),
        }
    }

    /// Answers one request of a client.
    pub(super) async fn answer(
        &self,
        state: &AlbState,
        balancer: &LoadBalancer,
        listener: &Listener,
        client: SocketAddr,
        request: Request<Incoming>,
    ) -> Response<Body> {
        let (parts, body) = request.into_parts();
        match route::decide(listener, &parts, client.ip()) {
            Decision::Default => plain(StatusCode::SERVICE_UNAVAILABLE),
            Decision::Fixed(status, content_type, content) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
                text(status, content_type, content.to_owned())
            }
            Decision::Redirect(redirect) => {
                let status = StatusCode::from_u16(redirect.http_code).unwrap_or(StatusCode::MOVED_PERMANENTLY);
                let mut answer = plain(status);
                if let Ok(target) = HeaderValue::from_str(&route::location(redirect, &parts, listener)) {
                    answer.headers_mut().insert(header::LOCATION, target);
                }
                answer
            }
            Decision::Forward(targets, edits) => {
                let scope = format!("{}{:?}", listener.listener_id, targets);
                let Some((group, server)) = self.pick(state, &scope, targets) else {
                    return plain(StatusCode::SERVICE_UNAVAILABLE);
                };
                let source = self.source(balancer, server);
                if !self.network.reachable(&server.cluster_id, source) {
                    // Dropped packets: nothing comes back until the connect timer ends it.
                    tokio::time::sleep(self.connect_timeout).await;
                    return plain(StatusCode::GATEWAY_TIMEOUT);
                }
                self.forward(group, server, balancer, listener, client, &edits, parts, body).await
            }
        }
    }

    fn pick<'s>(
        &self,
        state: &'s AlbState,
        scope: &str,
        targets: &[crate::alb::ForwardTarget],
    ) -> Option<(&'s ServerGroup, &'s Server)> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let groups: Vec<_> = targets.iter().map(|target| (target.server_group_id.as_str(), target.weight)).collect();
        let group = state.server_groups.get(turns.next(scope, &groups)?)?;
        let names: Vec<String> = group.servers.iter().map(|server| server.address.to_string()).collect();
        let servers: Vec<_> =
            names.iter().map(String::as_str).zip(group.servers.iter().map(|server| server.weight)).collect();
        let chosen = turns.next(&group.server_group_id, &servers)?;
        group.servers.iter().find(|server| server.address.to_string() == chosen).map(|server| (group, server))
    }

    /// The vSwitch that connects to a server: the zones take turns.
    fn source<'b>(&self, balancer: &'b LoadBalancer, server: &Server) -> &'b str {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let zones: Vec<_> = balancer.zone_mappings.iter().map(|zone| (zone.vswitch_id.as_str(), 1)).collect();
        turns.next(&format!("{}\n{}", balancer.load_balancer_id, server.address), &zones).unwrap_or_default()
    }

    #[expect(clippy::too_many_arguments, reason = "all of it describes the one request that is forwarded")]
    async fn forward(
        &self,
        group: &ServerGroup,
        server: &Server,
        balancer: &LoadBalancer,
        listener: &Listener,
        client: SocketAddr,
        edits: &[&Action],
        mut parts: Parts,
        body: Incoming,
    ) -> Response<Body> {
        let grpc = group.protocol == ServerGroupProtocol::Grpc;
        let authority = route::authority(&parts);
        let asked = parts.uri.authority().map(ToString::to_string);
        let host = asked.or_else(|| parts.headers.get(header::HOST)?.to_str().ok().map(str::to_owned));
        let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let Ok(uri) = format!("http://{}{path}", server.address).parse::<Uri>() else {
            return plain(StatusCode::BAD_REQUEST);
        };
        let trailers = parts.headers.get(header::TE).is_some_and(|te| te.as_bytes().eq_ignore_ascii_case(b"trailers"));
        strip_hop_by_hop(&mut parts.headers);
        if grpc && trailers {
            parts.headers.insert(header::TE, HeaderValue::from_static("trailers"));
        }
        if !grpc && let Some(host) = host.and_then(|host| HeaderValue::from_str(&host).ok()) {
            parts.headers.insert(header::HOST, host);
        }
        forwarded_headers(&mut parts.headers, balancer, listener, client, &authority);
        edit_headers(&mut parts.headers, edits);
        let mut request = Request::new(body);
        *request.method_mut() = parts.method;
        *request.uri_mut() = uri;
        *request.version_mut() = if grpc { Version::HTTP_2 } else { Version::HTTP_11 };
        *request.headers_mut() = parts.headers;
        let upstream = if grpc { &self.http2 } else { &self.http1 };
        let limit = Duration::from_secs(u64::from(listener.request_timeout));
        match tokio::time::timeout(limit, upstream.request(request)).await {
            Err(_) => plain(StatusCode::GATEWAY_TIMEOUT),
            Ok(Err(error)) => {
                tracing::debug!(error = %chain(&error), server = %server.address, "server failed");
                plain(StatusCode::BAD_GATEWAY)
            }
            Ok(Ok(mut answer)) => {
                strip_hop_by_hop(answer.headers_mut());
                answer.map(|body| UnsyncBoxBody::new(body.map_err(Into::into)))
            }
        }
    }
}

/// A future over the parts of a state is easier to hold with the state in it.
pub(super) type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// A plain answer as the load balancer itself gives it.
pub(super) fn plain(status: StatusCode) -> Response<Body> {
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    text(status, "text/html", page)
}

fn text(status: StatusCode, content_type: &str, body: String) -> Response<Body> {
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {});
    let mut answer = Response::new(UnsyncBoxBody::new(body));
    *answer.status_mut() = status;
    let content_type = HeaderValue::from_str(content_type).unwrap_or(HeaderValue::from_static("text/plain"));
    answer.headers_mut().insert(header::CONTENT_TYPE, content_type);
    answer
}

fn chain(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(Some(error), |error| error.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

fn forwarded_headers(
    headers: &mut HeaderMap,
    balancer: &LoadBalancer,
    listener: &Listener,
    client: SocketAddr,
    authority: &str,
) {
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    let on = |field: &str| listener.x_forwarded_for_config.get(field).copied().unwrap_or(false);
    if on("XForwardedForProtoEnabled") {
        set("x-forwarded-proto", listener.listener_protocol.to_string().to_ascii_lowercase());
    }
    if on("XForwardedForSLBIdEnabled") {
        set("slb-id", balancer.load_balancer_id.clone());
    }
    if on("XForwardedForSLBPortEnabled") {
        set("x-forwarded-port", listener.listener_port.to_string());
    }
    if on("XForwardedForClientSrcPortEnabled") {
        set("x-forwarded-client-srcport", client.port().to_string());
    }
    if on("XForwardedForHostEnabled") {
        set("x-forwarded-host", authority.to_owned());
    }
    // Always on in the load balancers of today: appended to what is there.
    let name = HeaderName::from_static("x-forwarded-for");
    let earlier = headers.get(&name).and_then(|value| value.to_str().ok());
    let value = earlier.map_or_else(|| client.ip().to_string(), |earlier| format!("{earlier}, {}", client.ip()));
    if let Ok(value) = HeaderValue::from_str(&value) {
        headers.insert(name, value);
    }
}

fn edit_headers(headers: &mut HeaderMap, edits: &[&Action]) {
    for edit in edits {
        match edit {
            Action::InsertHeader { key, value, cover_enabled } => {
                if let (Ok(name), Ok(value)) = (key.parse::<HeaderName>(), HeaderValue::from_str(value))
                    && (*cover_enabled || !headers.contains_key(&name))
                {
                    headers.insert(name, value);
                }
            }
            Action::RemoveHeader { key } => {
                headers.remove(key.as_str());
            }
            Action::ForwardGroup { .. }
            | Action::Redirect { .. }
            | Action::FixedResponse { .. }
            | Action::TrafficLimit { .. }
            | Action::Cors { .. } => {}
        }
    }
}
