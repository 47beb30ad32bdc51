//! What the tests of this folder share: a scripted server, a clock, recorded objects.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http::{Request, Response};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use kube::client::Body;
use serde_json::{Value, json};

use super::{
    access::{FleetAccess, Network},
    api::FleetApi,
    meaning::{Compare, Meaning},
    object::Object,
    path::FieldPath,
    retry::{Jitter, RetryPolicy},
};
use crate::clock::Clock;

/// A clock that tests move.
#[derive(Debug)]
pub(crate) struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    pub(crate) fn at(time: &str) -> Self {
        Self(Mutex::new(time.parse().unwrap()))
    }

    pub(crate) fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(by).unwrap();
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

struct Middle;

impl Jitter for Middle {
    fn fraction(&self) -> f64 {
        0.5
    }
}

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) body: Value,
}

/// What the server does with one request.
pub(crate) enum Reply {
    Json(u16, Value),
    /// With a header.
    With(u16, &'static str, &'static str, Value),
    /// Lines of a watch stream; `true` keeps it open afterwards.
    Stream(Vec<Value>, bool),
    /// Lines of a watch stream, each after a pause in milliseconds; it stays open afterwards.
    Paced(Vec<(u64, Value)>),
    /// The connection breaks.
    Broken,
    /// No answer, ever.
    Silence,
}

/// A server that answers each request with the next of its replies, and remembers the requests.
#[derive(Clone)]
pub(crate) struct Script {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Script {
    pub(crate) fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self { replies: Arc::new(Mutex::new(replies.into_iter().collect())), received: Arc::default() }
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Methods and paths, without queries.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.received()
            .into_iter()
            .map(|seen| format!("{} {}", seen.method, seen.uri.split('?').next().unwrap()))
            .collect()
    }

    pub(crate) fn api(&self) -> FleetApi {
        let script = self.clone();
        serve(move |received| {
            script.received.lock().unwrap().push(received.clone());
            script.replies.lock().unwrap().pop_front().unwrap_or_else(|| panic!("unexpected {received:?}"))
        })
    }
}

/// An API whose server is a function.
pub(crate) fn serve(answer: impl Fn(Received) -> Reply + Send + Sync + 'static) -> FleetApi {
    let answer = Arc::new(answer);
    let service = tower::service_fn(move |request: Request<Body>| {
        let answer = Arc::clone(&answer);
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let received = Received {
                method: parts.method.to_string(),
                uri: parts.uri.to_string(),
                body: serde_json::from_slice(&body).unwrap_or_default(),
            };
            let reply = |code: u16, body: Vec<u8>| {
                Response::builder().status(code).header("date", "Mon, 23 Nov 2026 18:30:00 GMT").body(Body::from(body))
            };
            match answer(received) {
                Reply::Json(code, value) => Ok(reply(code, value.to_string().into_bytes()).unwrap()),
                Reply::With(code, name, text, value) => {
                    let mut response = reply(code, value.to_string().into_bytes()).unwrap();
                    response.headers_mut().insert(name, text.parse().unwrap());
                    Ok(response)
                }
                Reply::Stream(lines, open) => {
                    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
                    if open { Ok(open_stream(text).await) } else { Ok(reply(200, text.into_bytes()).unwrap()) }
                }
                Reply::Paced(lines) => Ok(paced_stream(lines).await),
                Reply::Broken => Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
                Reply::Silence => std::future::pending().await,
            }
        }
    });
    let client = kube::Client::new(service, "default");
    let clock = Arc::new(ManualClock::at("2026-11-23T18:30:00Z"));
    let access = FleetAccess::with_client(client, Network::default(), clock);
    FleetApi::with_jitter(access, RetryPolicy::default(), None, Arc::new(Middle))
}

/// A response whose body never ends after its text: kube's body type can only be made whole, so the open end comes from
/// a client around another service.
async fn open_stream(text: String) -> Response<Body> {
    let service = tower::service_fn(move |_: Request<Body>| {
        let body = Body::from(text.clone().into_bytes()).with_trailers(std::future::pending());
        async move { Ok::<_, Infallible>(Response::new(body)) }
    });
    let client = kube::Client::new(service, "default");
    client.send(Request::new(Body::empty())).await.unwrap()
}

/// The same with a pause before each line.
async fn paced_stream(lines: Vec<(u64, Value)>) -> Response<Body> {
    let service = tower::service_fn(move |_: Request<Body>| {
        let frames = futures_util::stream::unfold(VecDeque::from(lines.clone()), |mut rest| async move {
            let Some((pause, line)) = rest.pop_front() else { return std::future::pending().await };
            tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
            let frame = Body::from(format!("{line}\n").into_bytes()).frame().await?;
            Some((frame, rest))
        });
        let body = http_body_util::StreamBody::new(frames);
        async move { Ok::<_, Infallible>(Response::new(body)) }
    });
    let client = kube::Client::new(service, "default");
    client.send(Request::new(Body::empty())).await.unwrap()
}

/// A `Status` as the API server writes it.
pub(crate) fn status(code: u16, reason: &str, details: Value) -> Reply {
    Reply::Json(
        code,
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code,
            "message": reason, "details": details}),
    )
}

pub(crate) fn not_found() -> Reply {
    status(404, "NotFound", json!({"name": "x", "kind": "things"}))
}

pub(crate) fn stale() -> Reply {
    status(409, "Conflict", json!({"name": "x", "kind": "things"}))
}

/// An object of the recorded golden path (field manager `walkthrough`, reconciled by the real controller).
pub(crate) fn observed(kind: &str) -> Object {
    let list: Value = serde_json::from_str(include_str!("testdata/objects-after-first-publish.json")).unwrap();
    let items = list["items"].as_array().unwrap();
    items.iter().find(|item| item["kind"] == kind).unwrap().clone().into()
}

/// The recorded Events of the same run.
pub(crate) fn observed_events() -> Vec<Object> {
    let list: Value = serde_json::from_str(include_str!("testdata/events-after-first-publish.json")).unwrap();
    list["items"].as_array().unwrap().iter().cloned().map(Object::from).collect()
}

/// What the walkthrough's user set.
pub(crate) fn walkthrough(kind: &str) -> Value {
    match kind {
        "AlbConfig" => json!({
            "metadata": {"annotations": {"alb.ingress.kubernetes.io/remote-clusters": "c1member,c2member"}},
            "spec": {
                "config": {"name": "one-alb-demo", "addressType": "Internet", "addressAllocatedMode": "Fixed",
                    "zoneMappings": [{"vSwitchId": "vsw-oracle-i"}, {"vSwitchId": "vsw-oracle-h"}]},
                "listeners": [{"port": 8001, "protocol": "HTTP"}, {"port": 443, "protocol": "HTTPS"}],
            },
        }),
        _ => json!({
            "metadata": {"annotations": {"alb.ingress.kubernetes.io/backend-protocol": "grpc",
                "alb.ingress.kubernetes.io/listen-ports": "[{\"HTTPS\":443}]"}},
            "spec": {"ingressClassName": "alb",
                "rules": [{"host": "GRPC.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix",
                    "backend": {"service": {"name": "grpc-service", "port": {"number": 50051}}}}]}}],
                "tls": [{"hosts": ["grpc.example.com"], "secretName": "grpc-secret"}]},
        }),
    }
}

/// A meaning like the one the gateway and ingress resources give.
pub(crate) struct AlbMeaning;

impl Meaning for AlbMeaning {
    fn default_of(&self, path: &FieldPath) -> Option<Value> {
        match path.fields().as_slice() {
            ["spec", "listeners", "idleTimeout"] => Some(json!(15)),
            ["spec", "listeners", "requestTimeout"] => Some(json!(60)),
            ["spec", "listeners", "gzipEnabled"] => Some(json!(true)),
            _ => None,
        }
    }

    fn zero_is_legal(&self, path: &FieldPath) -> bool {
        path.is(&["spec", "listeners", "gzipEnabled"])
    }

    fn compare(&self, path: &FieldPath) -> Compare {
        match path.fields().as_slice() {
            ["metadata", "annotations", "alb.ingress.kubernetes.io/listen-ports"] => Compare::JsonText,
            ["metadata", "annotations", "alb.ingress.kubernetes.io/remote-clusters"] => Compare::CommaSet,
            ["spec", "rules", "host"] => Compare::IgnoreCase,
            _ => Compare::Exact,
        }
    }

    fn list_key(&self, path: &FieldPath) -> Option<&[&str]> {
        match path.fields().as_slice() {
            ["spec", "listeners"] => Some(&["port", "protocol"]),
            ["spec", "config", "zoneMappings"] => Some(&["vSwitchId"]),
            _ => None,
        }
    }
}

/// A kubeconfig with a client certificate that ends at `not_after`.
pub(crate) fn kubeconfig_with_certificate(not_after: Timestamp) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["client".to_owned()]).unwrap();
    let date = not_after.to_zoned(jiff::tz::TimeZone::UTC);
    let day = |value: i8| u8::try_from(value).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    let midnight = rcgen::date_time_ymd(i32::from(date.year()), day(date.month()), day(date.day()));
    let seconds = i64::from(date.hour()) * 3600 + i64::from(date.minute()) * 60 + i64::from(date.second());
    params.not_after = midnight + std::time::Duration::from_secs(u64::try_from(seconds).unwrap());
    let certificate = params.self_signed(&key).unwrap();
    format!(
        "{{apiVersion: v1, kind: Config, current-context: fleet, \
         clusters: [{{name: fleet, cluster: {{server: 'https://127.0.0.1:1', insecure-skip-tls-verify: true}}}}], \
         contexts: [{{name: fleet, context: {{cluster: fleet, user: u}}}}], \
         users: [{{name: u, user: {{client-certificate-data: {}, client-key-data: {}}}}}]}}",
        STANDARD.encode(certificate.pem()),
        STANDARD.encode(key.serialize_pem()),
    )
}
