//! The control endpoint: JSON over HTTP on a loopback port of its own.
//!
//! Tests and people look at the sandbox and disturb it here; nothing that stands for the real world listens. What it can
//! do is listed in `--help`. A request with unknown fields is refused, with the name of the field; a browser's request
//! (one with an `Origin`) is refused as well, so that no web page can reach the sandbox.

mod network;
mod requests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::call_log::CallLog;
use crate::faults::FaultInjector;
use crate::parts::{
    ControllerControl, ControllerFailure, Gateways, GitOpsControl, GitOpsFailure, KubernetesControl, KubernetesDenial,
    MemberServices, Part,
};
use crate::world::World;

/// The paths it answers, as `--help` shows them.
pub const PATHS: [&str; 26] = [
    "/v1/health",
    "/v1/inventory",
    "/v1/gateways",
    "/v1/calls",
    "/v1/faults",
    "/v1/faults/{id}",
    "/v1/members/{id}/state",
    "/v1/members/{id}/services",
    "/v1/world/permissions",
    "/v1/world/keys",
    "/v1/world/temporary-keys",
    "/v1/world/roles",
    "/v1/world/oidc-tokens",
    "/v1/world/instance",
    "/v1/world/clock",
    "/v1/world/behaviour",
    "/v1/world/fleets",
    "/v1/world/fleets/{id}",
    "/v1/world/vswitches",
    "/v1/world/vswitches/{id}",
    "/v1/world/clusters/{id}",
    "/v1/world/security-groups",
    "/v1/world/security-groups/{id}",
    "/v1/kubernetes/",
    "/v1/argocd/",
    "/v1/shutdown",
];

/// The inventory's key of what stays for good.
pub const LEFTOVERS: &str = "leftovers_by_design";

/// What the control endpoint controls.
#[derive(Debug)]
pub struct Control {
    /// The cloud.
    pub world: Arc<World>,
    /// The fault rules.
    pub faults: Arc<FaultInjector>,
    /// The call log.
    pub log: Arc<CallLog>,
    /// Everything else that exists.
    pub parts: Vec<Arc<dyn Part>>,
    /// The Fleet's API server.
    pub kubernetes: Option<Arc<dyn KubernetesControl>>,
    /// The gateways that can be reached.
    pub gateways: Option<Arc<dyn Gateways>>,
    /// The simulated controller.
    pub controller: Option<Arc<dyn ControllerControl>>,
    /// The simulated Argo CD.
    pub gitops: Option<Arc<dyn GitOpsControl>>,
    /// What the members run.
    pub members: Option<Arc<dyn MemberServices>>,
    /// Set to true to end the sandbox.
    pub shutdown: watch::Sender<bool>,
}

/// A running control endpoint; it stops when dropped.
#[derive(Debug)]
pub struct ControlServer {
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl ControlServer {
    /// Serves the endpoint on a bound listener.
    ///
    /// # Errors
    /// When the listener has no local address.
    pub fn start(listener: TcpListener, control: Arc<Control>) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let router = router(control);
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "control endpoint ended");
            }
        });
        Ok(Self { address, task })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A refused request.
#[derive(Debug)]
struct Refusal(StatusCode, String);

impl Refusal {
    fn bad(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, message.into())
    }

    fn not_found(message: impl Into<String>) -> Self {
        Self(StatusCode::NOT_FOUND, message.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        answer(self.0, &json!({"error": self.1}))
    }
}

type Answer = Result<Response, Refusal>;
type Shared = State<Arc<Control>>;

fn answer(status: StatusCode, value: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], format!("{value:#}\n")).into_response()
}

#[expect(clippy::unnecessary_wraps, reason = "every handler answers with a Result")]
fn ok(value: &Value) -> Answer {
    Ok(answer(StatusCode::OK, value))
}

/// Reads a request body; an empty one counts as `{}`.
fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    let text: &[u8] = if body.iter().all(u8::is_ascii_whitespace) { b"{}" } else { body };
    serde_json::from_slice(text).map_err(|error| Refusal::bad(format!("the request is not valid: {error}")))
}

fn router(control: Arc<Control>) -> Router {
    Router::new()
        .route("/v1/health", get(health))
        .route("/v1/inventory", get(inventory))
        .route("/v1/gateways", get(gateways))
        .route("/v1/calls", get(calls).delete(forget_calls))
        .route("/v1/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/v1/faults/{id}", delete(remove_fault))
        .route("/v1/members/{id}/state", post(requests::member_state))
        .route("/v1/members/{id}/services", post(member_services))
        .route("/v1/world/permissions", post(requests::permissions))
        .route("/v1/world/keys", post(requests::keys))
        .route("/v1/world/temporary-keys", post(requests::temporary_keys))
        .route("/v1/world/roles", post(requests::roles))
        .route("/v1/world/oidc-tokens", post(requests::oidc_tokens))
        .route("/v1/world/instance", post(requests::instance))
        .route("/v1/world/clock", post(requests::clock))
        .route("/v1/world/behaviour", post(requests::behaviour))
        .route("/v1/world/fleets", post(requests::new_fleet))
        .route("/v1/world/fleets/{id}", post(requests::fleet))
        .route("/v1/world/vswitches", post(requests::new_vswitches))
        .route("/v1/world/vswitches/{id}", post(network::vswitch))
        .route("/v1/world/clusters/{id}", post(network::cluster))
        .route("/v1/world/security-groups", get(network::security_groups))
        .route("/v1/world/security-groups/{id}", post(network::security_group))
        .route("/v1/kubernetes/{action}", post(kubernetes))
        .route("/v1/controller/{action}", post(controller))
        .route("/v1/argocd/{action}", post(gitops))
        .route("/v1/shutdown", post(shutdown))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(refuse_browsers))
        .with_state(control)
}

async fn refuse_browsers(request: Request, next: Next) -> Response {
    if request.headers().contains_key(header::ORIGIN) {
        return Refusal(StatusCode::FORBIDDEN, "web pages may not control the sandbox".to_owned()).into_response();
    }
    // A page whose name was made to point at loopback sends no Origin with a GET, but its own name as Host.
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if !matches!(name, "127.0.0.1" | "localhost") {
        let message = format!("the Host {host:?} is not this machine's loopback address");
        return Refusal(StatusCode::FORBIDDEN, message).into_response();
    }
    next.run(request).await
}

async fn unknown(request: Request) -> Refusal {
    Refusal::not_found(format!("there is no {}; see ackone-sandbox --help", request.uri().path()))
}

async fn wrong_method(method: Method, request: Request) -> Refusal {
    let message = format!("{} does not take {method}; see ackone-sandbox --help", request.uri().path());
    Refusal(StatusCode::METHOD_NOT_ALLOWED, message)
}

async fn health(State(control): Shared) -> Answer {
    ok(&json!({"status": "ok", "pid": std::process::id(), "calls": control.faults.calls()}))
}

async fn inventory(State(control): Shared) -> Answer {
    let mut all = Map::from_iter([("cloud".to_owned(), control.world.inventory())]);
    for part in &control.parts {
        all.insert(part.name().to_owned(), part.inventory().await);
    }
    let leftovers: Map<String, Value> =
        control.parts.iter().filter_map(|part| Some((part.name().to_owned(), part.leftovers()?))).collect();
    all.insert(LEFTOVERS.to_owned(), leftovers.into());
    ok(&Value::Object(all))
}

async fn gateways(State(control): Shared) -> Answer {
    ok(&control.gateways.as_ref().map_or_else(|| json!({"gateways": []}), |gateways| gateways.list()))
}

async fn calls(State(control): Shared) -> Answer {
    ok(&json!({
        "calls": control.faults.calls(), "counters": control.log.counters(), "entries": control.log.entries(),
    }))
}

async fn forget_calls(State(control): Shared) -> Answer {
    control.log.reset();
    control.faults.reset_calls();
    ok(&json!({"calls": 0}))
}

async fn faults(State(control): Shared) -> Answer {
    ok(&json!({"faults": control.faults.rules()}))
}

async fn add_fault(State(control): Shared, body: Bytes) -> Answer {
    let spec = requests::fault(&body)?;
    Ok(answer(StatusCode::CREATED, &json!({"id": control.faults.add(spec)})))
}

async fn clear_faults(State(control): Shared) -> Answer {
    control.faults.clear();
    ok(&json!({"faults": []}))
}

async fn remove_fault(State(control): Shared, Path(id): Path<String>) -> Answer {
    match id.parse().map(|id| control.faults.remove(id)) {
        Ok(true) => ok(&json!({"removed": id})),
        Ok(false) | Err(_) => Err(Refusal::not_found(format!("there is no fault {id}"))),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Validity {
    seconds: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Denials {
    #[serde(default)]
    deny: Vec<KubernetesDenial>,
}

async fn kubernetes(State(control): Shared, Path(action): Path<String>, body: Bytes) -> Answer {
    let absent = || Refusal(StatusCode::CONFLICT, "no API server runs here".to_owned());
    let kubernetes = control.kubernetes.as_ref().ok_or_else(absent);
    match action.as_str() {
        "drop-watches" => ok(&json!({"dropped": kubernetes?.drop_watches()})),
        "compact" => {
            if !kubernetes?.compact() {
                let message = "the API server is a real one, which forgets in its own time";
                return Err(Refusal(StatusCode::CONFLICT, message.to_owned()));
            }
            ok(&json!({"compacted": true}))
        }
        "revoke-credentials" => {
            kubernetes?.revoke_credentials();
            ok(&json!({"revoked": true}))
        }
        "validity" => {
            let Validity { seconds } = read(&body)?;
            kubernetes?.set_validity(Duration::from_secs(seconds));
            ok(&json!({"seconds": seconds}))
        }
        "permissions" => {
            let Denials { deny } = read(&body)?;
            let denied = deny.len();
            kubernetes?.set_denials(deny);
            ok(&json!({"denied": denied}))
        }
        other => Err(Refusal::not_found(format!("there is no action {other:?} on kubernetes"))),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    namespace: String,
    name: String,
    /// None takes the Service away.
    #[serde(default)]
    ports: Vec<u16>,
}

async fn member_services(State(control): Shared, Path(id): Path<String>, body: Bytes) -> Answer {
    let Service { namespace, name, ports } = read(&body)?;
    let members = control.members.as_ref();
    let members = members.ok_or_else(|| Refusal(StatusCode::CONFLICT, "no members run here".to_owned()))?;
    if !members.set_service(&id, &namespace, &name, &ports) {
        return Err(Refusal::not_found(format!("there is no cluster {id}")));
    }
    ok(&json!({"cluster_id": id, "service": format!("{namespace}/{name}"), "ports": ports}))
}

async fn controller(State(control): Shared, Path(action): Path<String>, body: Bytes) -> Answer {
    let absent = || Refusal(StatusCode::CONFLICT, "no controller runs here".to_owned());
    let controller = control.controller.as_ref().ok_or_else(absent);
    match action.as_str() {
        "pause" => {
            controller?.pause();
            ok(&json!({"state": "paused"}))
        }
        "resume" => {
            controller?.resume();
            ok(&json!({"state": "running"}))
        }
        "fail" => {
            let failure: ControllerFailure = read(&body)?;
            controller?.fail(failure).map_err(Refusal::bad)?;
            ok(&json!({"state": "failing"}))
        }
        other => Err(Refusal::not_found(format!("there is no action {other:?} on controller"))),
    }
}

async fn gitops(State(control): Shared, Path(action): Path<String>, body: Bytes) -> Answer {
    let absent = || Refusal(StatusCode::CONFLICT, "no Argo CD runs here".to_owned());
    let gitops = control.gitops.as_ref().ok_or_else(absent);
    match action.as_str() {
        "pause" => {
            gitops?.pause();
            ok(&json!({"state": "paused"}))
        }
        "resume" => {
            gitops?.resume();
            ok(&json!({"state": "running"}))
        }
        "fail" => {
            let failure: GitOpsFailure = read(&body)?;
            gitops?.fail(failure);
            ok(&json!({"state": "failing"}))
        }
        other => Err(Refusal::not_found(format!("there is no action {other:?} on argocd"))),
    }
}

async fn shutdown(State(control): Shared) -> Answer {
    control.shutdown.send_replace(true);
    ok(&json!({"status": "stopping"}))
}
