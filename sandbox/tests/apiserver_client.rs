//! kube-rs against the embedded Fleet API server: what a typed client relies on.

#![expect(clippy::expect_used, clippy::panic, reason = "a helper of a test may fail the test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ackone_sandbox::apiserver::gate::{ApiCall, GateDecision, RequestGate};
use ackone_sandbox::apiserver::{ApiServer, ApiServerConfig};
use futures_util::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
    Preconditions, WatchEvent, WatchParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, Error};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(20);

async fn client_of(server: &ApiServer) -> Client {
    let text = server.kubeconfig("admin", &["system:masters"]).expect("kubeconfig");
    connect(&text).await
}

async fn connect(kubeconfig: &str) -> Client {
    // Only the first test of the process installs it; the others find it there.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let config = Kubeconfig::from_yaml(kubeconfig).expect("a kubeconfig");
    let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.expect("a configuration");
    Client::try_from(config).expect("a client")
}

async fn start() -> (ApiServer, Client) {
    let server = ApiServer::start(ApiServerConfig::default()).await.expect("server");
    let client = client_of(&server).await;
    (server, client)
}

fn config_map(name: &str, value: &str) -> ConfigMap {
    let text = json!({"metadata": {"name": name, "labels": {"v": value}}, "data": {"k": value}});
    serde_json::from_value(text).expect("a ConfigMap")
}

fn code(error: &Error) -> u16 {
    match error {
        Error::Api(status) => status.code,
        other => panic!("not an answer of the API: {other}"),
    }
}

fn alb_configs(client: &Client) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("alibabacloud.com", "v1", "AlbConfig");
    Api::all_with(client.clone(), &ApiResource::from_gvk_with_plural(&kind, "albconfigs"))
}

#[tokio::test]
async fn a_watch_tells_what_happened_since_a_version() {
    let (server, client) = start().await;
    let api: Api<ConfigMap> = Api::namespaced(client, "default");
    let start = api.list(&ListParams::default()).await.expect("list").metadata.resource_version.expect("version");
    api.create(&PostParams::default(), &config_map("a", "1")).await.expect("create");
    api.create(&PostParams::default(), &config_map("b", "1")).await.expect("create");
    let patch = Patch::Merge(json!({"metadata": {"labels": {"v": "2"}}, "data": {"k": "2"}}));
    api.patch("a", &PatchParams::default(), &patch).await.expect("patch");
    api.delete("a", &DeleteParams::default()).await.expect("delete");

    let mut seen = Vec::new();
    let stream = api.watch(&WatchParams::default().timeout(5), &start).await.expect("watch");
    let mut stream = stream.boxed();
    while seen.len() < 4 {
        let event = tokio::time::timeout(LIMIT, stream.try_next()).await.expect("in time").expect("event");
        match event.expect("four events") {
            WatchEvent::Added(object) => seen.push(format!("added {}", object.metadata.name.expect("name"))),
            WatchEvent::Modified(object) => seen.push(format!("modified {}", object.metadata.name.expect("name"))),
            WatchEvent::Deleted(object) => seen.push(format!("deleted {}", object.metadata.name.expect("name"))),
            WatchEvent::Bookmark(_) => {}
            WatchEvent::Error(status) => panic!("{status:?}"),
        }
    }
    assert_eq!(seen, ["added a", "added b", "modified a", "deleted a"]);

    // Through a selector a change of labels is an arrival or a departure.
    let params = WatchParams::default().labels("v=2").timeout(5);
    let mut stream = api.watch(&params, &start).await.expect("watch").boxed();
    let first = tokio::time::timeout(LIMIT, stream.try_next()).await.expect("in time").expect("event");
    assert!(matches!(first, Some(WatchEvent::Added(object)) if object.metadata.name.as_deref() == Some("a")));

    server.compact_history();
    let mut stream = api.watch(&WatchParams::default().timeout(5), &start).await.expect("watch").boxed();
    let event = tokio::time::timeout(LIMIT, stream.try_next()).await.expect("in time").expect("event");
    match event {
        Some(WatchEvent::Error(status)) => assert_eq!((status.code, status.reason.as_str()), (410, "Expired")),
        other => panic!("not an expiry: {other:?}"),
    }
}

/// The next event that is no bookmark.
async fn change<S>(stream: &mut S) -> WatchEvent<ConfigMap>
where
    S: futures_util::Stream<Item = kube::Result<WatchEvent<ConfigMap>>> + Unpin,
{
    loop {
        let event = tokio::time::timeout(LIMIT, stream.try_next()).await.expect("in time").expect("event");
        match event.expect("the stream goes on") {
            WatchEvent::Bookmark(_) => {}
            event => return event,
        }
    }
}

/// As kube-apiserver 1.36.3 answers, who asks for bookmarks and starts at the beginning is told where the present objects
/// end, by a bookmark that is the kind's empty object.
#[tokio::test]
async fn a_watch_from_the_beginning_marks_the_end_of_the_present() {
    let (_server, client) = start().await;
    let api: Api<ConfigMap> = Api::namespaced(client, "default");
    api.create(&PostParams::default(), &config_map("a", "1")).await.expect("create");
    let mut stream = api.watch(&WatchParams::default(), "0").await.expect("watch").boxed();
    let first = tokio::time::timeout(LIMIT, stream.try_next()).await.expect("in time").expect("event");
    assert!(matches!(first, Some(WatchEvent::Added(_))), "{first:?}");
    let second = tokio::time::timeout(LIMIT, stream.try_next()).await.expect("in time").expect("event");
    let Some(WatchEvent::Bookmark(mark)) = second else { panic!("no bookmark: {second:?}") };
    assert_eq!(mark.metadata.annotations.get("k8s.io/initial-events-end").map(String::as_str), Some("true"));
}

#[tokio::test]
async fn dropped_watches_end_and_can_be_opened_again() {
    let (server, client) = start().await;
    let api: Api<ConfigMap> = Api::namespaced(client, "default");
    let mut stream = api.watch(&WatchParams::default(), "0").await.expect("watch").boxed();
    api.create(&PostParams::default(), &config_map("a", "1")).await.expect("create");
    assert!(matches!(change(&mut stream).await, WatchEvent::Added(_)));
    server.drop_watches();
    let end = tokio::time::timeout(LIMIT, stream.next()).await.expect("in time");
    assert!(end.is_none(), "{end:?}");
    let mut stream = api.watch(&WatchParams::default(), "0").await.expect("watch").boxed();
    assert!(matches!(change(&mut stream).await, WatchEvent::Added(_)));
}

#[tokio::test]
async fn pages_are_one_consistent_list_until_history_is_compacted() {
    let (server, client) = start().await;
    let api: Api<ConfigMap> = Api::namespaced(client, "default");
    for name in ["a", "b", "c", "d", "e"] {
        api.create(&PostParams::default(), &config_map(name, "1")).await.expect("create");
    }
    let page = api.list(&ListParams::default().limit(2)).await.expect("page");
    assert_eq!((page.items.len(), page.metadata.remaining_item_count), (2, Some(3)));
    let token = page.metadata.continue_.expect("token");
    api.delete("c", &DeleteParams::default()).await.expect("delete");
    api.create(&PostParams::default(), &config_map("cc", "1")).await.expect("create");
    let page = api.list(&ListParams::default().limit(5).continue_token(&token)).await.expect("page");
    let names: Vec<String> = page.items.into_iter().filter_map(|one| one.metadata.name).collect();
    assert_eq!(names, ["c", "d", "e"], "as it was when the first page was taken");
    server.compact_history();
    let error = api.list(&ListParams::default().continue_token(&token)).await.expect_err("expired");
    assert_eq!(code(&error), 410);
}

#[tokio::test]
async fn versions_uids_and_finalizers_guard_objects() {
    let (_server, client) = start().await;
    let api: Api<ConfigMap> = Api::namespaced(client, "default");
    let first = api.create(&PostParams::default(), &config_map("a", "1")).await.expect("create");
    let error = api.create(&PostParams::default(), &config_map("a", "1")).await.expect_err("exists");
    assert!(matches!(&error, Error::Api(status) if status.code == 409 && status.reason == "AlreadyExists"));

    let mut newer = first.clone();
    newer.data.get_or_insert_default().insert("k".to_owned(), "2".to_owned());
    newer.metadata.finalizers = Some(vec!["example.com/hold".to_owned()]);
    let newer = api.replace("a", &PostParams::default(), &newer).await.expect("replace");
    let error = api.replace("a", &PostParams::default(), &first).await.expect_err("stale");
    assert!(matches!(&error, Error::Api(status) if status.code == 409 && status.reason == "Conflict"));
    let same = api.replace("a", &PostParams::default(), &newer).await.expect("replace");
    assert_eq!(same.metadata.resource_version, newer.metadata.resource_version, "nothing changed, nothing written");

    let wrong = DeleteParams {
        preconditions: Some(Preconditions { uid: Some("other".to_owned()), resource_version: None }),
        ..DeleteParams::default()
    };
    assert_eq!(code(&api.delete("a", &wrong).await.expect_err("another object")), 409);
    let held = api.delete("a", &DeleteParams::default()).await.expect("delete");
    assert!(held.left().is_some_and(|object| object.metadata.deletion_timestamp.is_some()), "it waits");
    let patch = Patch::Merge(json!({"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}}));
    assert_eq!(code(&api.patch("a", &PatchParams::default(), &patch).await.expect_err("no new ones")), 422);
    let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    api.patch("a", &PatchParams::default(), &patch).await.expect("released");
    assert_eq!(code(&api.get("a").await.expect_err("gone")), 404);
}

#[tokio::test]
async fn a_namespace_stays_until_its_content_is_gone() {
    let (_server, client) = start().await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": "n"}})).expect("namespace");
    namespaces.create(&PostParams::default(), &namespace).await.expect("create");
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), "n");
    let mut held = config_map("held", "1");
    held.metadata.finalizers = Some(vec!["example.com/hold".to_owned()]);
    api.create(&PostParams::default(), &held).await.expect("create");
    let dying = namespaces.delete("n", &DeleteParams::default()).await.expect("delete").left().expect("the namespace");
    assert_eq!(dying.status.and_then(|status| status.phase).as_deref(), Some("Terminating"));
    let error = api.create(&PostParams::default(), &config_map("late", "1")).await.expect_err("refused");
    assert_eq!(code(&error), 403);
    let missing: Api<ConfigMap> = Api::namespaced(client, "none");
    let error = missing.create(&PostParams::default(), &config_map("x", "1")).await.expect_err("refused");
    assert_eq!(code(&error), 404);

    let version = dying.metadata.resource_version.expect("version");
    let params = WatchParams::default().fields("metadata.name=n");
    let mut stream = namespaces.watch(&params, &version).await.expect("watch").boxed();
    let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    api.patch("held", &PatchParams::default(), &patch).await.expect("released");
    loop {
        let event = tokio::time::timeout(LIMIT, stream.try_next()).await.expect("in time").expect("event");
        if matches!(event.expect("an event"), WatchEvent::Deleted(_)) {
            break;
        }
    }
}

#[tokio::test]
async fn status_and_spec_have_an_endpoint_each() {
    let (_server, client) = start().await;
    let api = alb_configs(&client);
    let manifest = json!({
        "apiVersion": "alibabacloud.com/v1", "kind": "AlbConfig", "metadata": {"name": "a"},
        "spec": {"config": {"name": "n"}}, "status": {"loadBalancer": {"id": "sneaked in"}},
    });
    let params = PatchParams::apply("me");
    let live = api.patch("a", &params, &Patch::Apply(&manifest)).await.expect("apply");
    assert_eq!(live.data.get("status"), None);
    let status = Patch::Merge(json!({"spec": {"config": {"name": "x"}}, "status": {"loadBalancer": {"id": "alb-1"}}}));
    let live = api.patch_status("a", &PatchParams::default(), &status).await.expect("status");
    assert_eq!(live.data.pointer("/status/loadBalancer/id"), Some(&json!("alb-1")));
    assert_eq!(live.data.pointer("/spec/config/name"), Some(&json!("n")));
    assert_eq!(live.metadata.generation, Some(1));
    let dry = PatchParams { dry_run: true, force: true, ..PatchParams::apply("me") };
    let changed: Value = json!({
        "apiVersion": "alibabacloud.com/v1", "kind": "AlbConfig", "metadata": {"name": "a"},
        "spec": {"config": {"name": "m"}},
    });
    let tried = api.patch("a", &dry, &Patch::Apply(&changed)).await.expect("dry run");
    assert_eq!((tried.metadata.generation, tried.data.pointer("/spec/config/name")), (Some(2), Some(&json!("m"))));
    let live = api.get("a").await.expect("get");
    assert_eq!((live.metadata.generation, live.data.pointer("/spec/config/name")), (Some(1), Some(&json!("n"))));
}

#[tokio::test]
async fn a_new_definition_is_served_at_once_and_checks_its_objects() {
    let (_server, client) = start().await;
    let definitions: Api<DynamicObject> = Api::all_with(
        client.clone(),
        &ApiResource::from_gvk(&GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition")),
    );
    let definition = serde_json::from_value(json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": {
                    "type": "object", "required": ["size"],
                    "properties": {"size": {"type": "integer"}, "color": {"type": "string", "default": "red"}},
                }},
            }}}],
        },
    }));
    definitions.create(&PostParams::default(), &definition.expect("definition")).await.expect("create");
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("example.com", "v1", "Thing"));
    let api: Api<DynamicObject> = Api::namespaced_with(client, "default", &kind);
    let thing = |spec: Value| {
        let object = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": spec});
        serde_json::from_value::<DynamicObject>(object).expect("thing")
    };
    let error = api.create(&PostParams::default(), &thing(json!({}))).await.expect_err("size is required");
    assert!(
        matches!(&error, Error::Api(status) if status.code == 422 && status.message.contains("spec.size: Required"))
    );
    let made = api.create(&PostParams::default(), &thing(json!({"size": 3, "shape": "round"}))).await.expect("create");
    assert_eq!(made.data.get("spec"), Some(&json!({"size": 3, "color": "red"})), "pruned and defaulted");
}

#[tokio::test]
async fn built_in_kinds_are_validated_and_defaulted() {
    let (_server, client) = start().await;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), "default");
    let secret = |value: Value| serde_json::from_value::<Secret>(value).expect("secret");
    let tls = secret(json!({"metadata": {"name": "t"}, "type": "kubernetes.io/tls", "data": {"tls.crt": "eA=="}}));
    let error = secrets.create(&PostParams::default(), &tls).await.expect_err("a key is missing");
    assert!(matches!(&error, Error::Api(status)
        if status.code == 422 && status.message == "Secret \"t\" is invalid: data[tls.key]: Required value"));
    let opaque = secret(json!({"metadata": {"name": "o"}, "stringData": {"k": "v"}}));
    let made = secrets.create(&PostParams::default(), &opaque).await.expect("create");
    assert_eq!(made.type_.as_deref(), Some("Opaque"));
    assert_eq!(made.data.expect("data")["k"].0, b"v");

    let ingresses: Api<Ingress> = Api::namespaced(client, "default");
    let ingress = json!({
        "metadata": {"name": "i", "annotations": {"kubernetes.io/ingress.class": "x"}},
        "spec": {"ingressClassName": "alb", "rules": [{"http": {"paths": [
            {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "s", "port": {"number": 1}}}},
        ]}}]},
    });
    let ingress: Ingress = serde_json::from_value(ingress).expect("ingress");
    let error = ingresses.create(&PostParams::default(), &ingress).await.expect_err("two classes");
    assert!(matches!(&error, Error::Api(status) if status.code == 422 && status.message
        == "Ingress.networking.k8s.io \"i\" is invalid: annotations.kubernetes.io/ingress.class: Invalid value: \"x\": \
            must match `ingressClassName` when both are specified"));
}

#[tokio::test]
async fn credentials_expire_and_are_revoked() {
    let (server, client) = start().await;
    let namespaces: Api<Namespace> = Api::all(client);
    namespaces.get("kube-system").await.expect("a good certificate");
    let now = jiff::Timestamp::now();
    let hour = jiff::SignedDuration::from_hours(1);
    let expired = server.kubeconfig_until("admin", &["system:masters"], now - hour).expect("kubeconfig");
    let expired: Api<Namespace> = Api::all(connect(&expired).await);
    assert_eq!(code(&expired.get("default").await.expect_err("expired")), 401);
    server.revoke_issued_before(now + hour);
    assert_eq!(code(&namespaces.get("default").await.expect_err("revoked")), 401);
}

#[tokio::test]
async fn bearer_tokens_are_taken_until_they_expire() {
    let (server, _) = start().await;
    let now = jiff::Timestamp::now();
    let hour = jiff::SignedDuration::from_hours(1);
    server.add_token("good", "robot", &["robots"], Some(now + hour));
    server.add_token("old", "robot", &["robots"], Some(now - hour));
    let with = |user: Value| {
        use base64::Engine as _;
        let authority = base64::engine::general_purpose::STANDARD.encode(server.ca_pem());
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": server.url(), "certificate-authority-data": authority}}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        })
        .to_string()
    };
    // Who shows nothing is known as system:anonymous, and may nothing: 403, as the real server answers.
    for (user, refused) in [
        (json!({"token": "good"}), None),
        (json!({"token": "old"}), Some(401)),
        (json!({"token": "unknown"}), Some(401)),
        (json!({}), Some(403)),
    ] {
        let api: Api<Namespace> = Api::all(connect(&with(user.clone())).await);
        assert_eq!(api.get("default").await.err().map(|error| code(&error)), refused, "{user}");
    }
    let client = connect(&with(json!({}))).await;
    let request = http::Request::get("/readyz").body(Vec::new()).expect("request");
    assert_eq!(client.request_text(request).await.expect("health needs no credentials"), "ok");
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let (server, client) = start().await;
    let api: Api<ConfigMap> = Api::namespaced(client, "default");
    api.create(&PostParams::default(), &config_map("a", "1")).await.expect("create");
    let before = server.snapshot();
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let mut generated = config_map("x", "1");
    generated.metadata.name = None;
    generated.metadata.generate_name = Some("x-".to_owned());
    let made = api.create(&dry, &generated).await.expect("create");
    assert!(made.metadata.name.is_some_and(|name| name.len() == 7 && name.starts_with("x-")));
    let patch = Patch::Merge(json!({"data": {"k": "2"}}));
    api.patch("a", &PatchParams { dry_run: true, ..PatchParams::default() }, &patch).await.expect("patch");
    api.delete("a", &DeleteParams { dry_run: true, ..DeleteParams::default() }).await.expect("delete");
    assert_eq!(server.snapshot(), before);
}

#[tokio::test]
async fn a_snapshot_brings_back_every_object() {
    let (server, client) = start().await;
    let api: Api<ConfigMap> = Api::namespaced(client, "default");
    api.create(&PostParams::default(), &config_map("a", "1")).await.expect("create");
    let snapshot = server.snapshot();
    api.delete("a", &DeleteParams::default()).await.expect("delete");

    let config = ApiServerConfig { authority: Some(server.authority()), ..ApiServerConfig::default() };
    let other = ApiServer::start(config).await.expect("server");
    other.restore(&snapshot).expect("restore");
    let api: Api<ConfigMap> = Api::namespaced(client_of(&other).await, "default");
    assert_eq!(api.get("a").await.expect("restored").data.expect("data")["k"], "1");
    assert!(other.restore(&json!({})).is_err());
}

/// Does one thing to the next call that creates something, and notes all outcomes.
#[derive(Default)]
struct OneFault {
    next: Mutex<Option<GateDecision>>,
    log: Mutex<Vec<(String, String, u16)>>,
}

impl RequestGate for OneFault {
    fn before<'a>(&'a self, call: &'a ApiCall) -> std::pin::Pin<Box<dyn Future<Output = GateDecision> + Send + 'a>> {
        let decision = if call.verb == "create" { self.next.lock().expect("lock").take() } else { None };
        Box::pin(async move { decision.unwrap_or(GateDecision::Pass) })
    }

    fn after(&self, call: &ApiCall, status: u16) {
        self.log.lock().expect("lock").push((call.verb.clone(), call.resource.clone(), status));
    }
}

#[tokio::test]
async fn the_gate_can_refuse_break_and_lose_answers() {
    let gate = Arc::new(OneFault::default());
    let config = ApiServerConfig { gate: gate.clone(), ..ApiServerConfig::default() };
    let server = ApiServer::start(config).await.expect("server");
    let api: Api<ConfigMap> = Api::namespaced(client_of(&server).await, "default");
    let faults = [
        ("reset", GateDecision::Reset, false),
        ("lost", GateDecision::DropResponse, true),
        ("cut", GateDecision::Truncate, true),
    ];
    for (name, fault, stored) in faults {
        *gate.next.lock().expect("lock") = Some(fault);
        let error = api.create(&PostParams::default(), &config_map(name, "1")).await.expect_err(name);
        assert!(!matches!(error, Error::Api(_)), "{name}: {error}");
        assert_eq!(api.get_opt(name).await.expect("get").is_some(), stored, "{name}");
    }
    // Not 503: the client would try again by itself.
    let body = br#"{"kind":"Status","status":"Failure","code":500,"reason":"InternalError","message":"busy"}"#;
    *gate.next.lock().expect("lock") =
        Some(GateDecision::Respond { status: 500, headers: Vec::new(), body: body.to_vec() });
    let error = api.create(&PostParams::default(), &config_map("busy", "1")).await.expect_err("busy");
    assert_eq!(code(&error), 500);
    let log = gate.log.lock().expect("lock").clone();
    let statuses: Vec<u16> = log.iter().filter(|(verb, _, _)| verb == "create").map(|(_, _, status)| *status).collect();
    assert_eq!(statuses, [0, 201, 201, 500]);
}
