//! A sandbox in front of another API server: what its users do arrives there, and faults, the call log, revoked
//! credentials and the inventory are as with the embedded one. The other server is an embedded one too, so this needs
//! nothing; `scripts/kube-apiserver` runs the acceptance suite with a real one there.

#![expect(clippy::expect_used, reason = "a helper of a test may fail the test")]

use std::sync::Arc;
use std::time::Duration;

use ackone_sandbox::apiserver::{ApiServer, ApiServerConfig};
use ackone_sandbox::faults::parse_spec;
use ackone_sandbox::parts::{KubernetesControl, Part};
use ackone_sandbox::plug::Plugged;
use ackone_sandbox::running::{Foundation, Sandbox};
use ackone_sandbox::settings::RunArgs;
use ackone_sandbox::world::Clock;
use futures_util::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, PostParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, Error};
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(20);

struct World {
    other: ApiServer,
    plugged: Plugged,
    sandbox: Sandbox,
    _folder: tempfile::TempDir,
}

async fn connect(kubeconfig: &str) -> Client {
    let config = Kubeconfig::from_yaml(kubeconfig).expect("a kubeconfig");
    let mut config =
        Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.expect("a configuration");
    config.default_retry = false;
    Client::try_from(config).expect("a client")
}

impl World {
    async fn start() -> Self {
        // Only the first test of the process installs it; the others find it there.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let other = ApiServer::start(ApiServerConfig::default()).await.expect("another server");
        let folder = tempfile::tempdir().expect("a folder");
        let kubeconfig = folder.path().join("other.kubeconfig");
        std::fs::write(&kubeconfig, other.kubeconfig("root", &["system:masters"]).expect("issued")).expect("written");
        let args = RunArgs {
            kubeconfig: Some(kubeconfig),
            ready_file: Some(folder.path().join("ready.json")),
            ephemeral_gateway_ports: true,
            ..RunArgs::default()
        };
        let foundation = Foundation::lay(&args, Clock::system()).expect("a foundation");
        let plugged = Plugged::start(&args, &foundation).await.expect("the Fleet's side");
        let sandbox = Sandbox::start(&args, foundation, plugged.side()).await.expect("a sandbox");
        Self { other, plugged, sandbox, _folder: folder }
    }

    /// The maps as the sandbox's users reach them, and as they are.
    async fn maps(&self) -> (Api<ConfigMap>, Api<ConfigMap>) {
        let path = self.sandbox.ready().kubeconfig.clone().expect("a kubeconfig for people");
        let text = std::fs::read_to_string(path).expect("readable");
        let root = self.other.kubeconfig("root", &["system:masters"]).expect("issued");
        (Api::namespaced(connect(&text).await, "default"), Api::namespaced(connect(&root).await, "default"))
    }

    fn fault(&self, spec: &str) {
        self.sandbox.faults().add(parse_spec(spec).expect("a rule"));
    }

    fn control(&self) -> Arc<dyn KubernetesControl> {
        self.plugged.side().kubernetes.expect("switches of the API server")
    }
}

fn map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name}, "data": {"k": "1"}})).expect("a ConfigMap")
}

async fn names(api: &Api<ConfigMap>) -> Vec<String> {
    let all = api.list(&ListParams::default()).await.expect("listed");
    all.items.into_iter().filter_map(|map| map.metadata.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_arrive_and_faults_and_the_log_are_those_of_the_door() {
    let world = World::start().await;
    let (door, behind) = world.maps().await;
    door.create(&PostParams::default(), &map("plain")).await.expect("created");
    world.fault("kubernetes/create/configmaps=reset,count=1");
    assert!(door.create(&PostParams::default(), &map("never")).await.is_err());
    world.fault("kubernetes/create/configmaps=drop_after,count=1");
    assert!(door.create(&PostParams::default(), &map("unheard")).await.is_err());
    world.fault("kubernetes/create/configmaps=unavailable,count=1");
    match door.create(&PostParams::default(), &map("refused")).await {
        Err(Error::Api(status)) => assert_eq!(status.code, 503),
        other => panic!("{other:?}"),
    }
    match door.create(&PostParams::default(), &map("plain")).await {
        Err(Error::Api(status)) => assert_eq!((status.code, status.reason.as_str()), (409, "AlreadyExists")),
        other => panic!("{other:?}"),
    }
    assert_eq!(names(&behind).await, ["plain", "unheard"]);
    let log: Vec<(u16, String, String)> = world
        .sandbox
        .log()
        .entries()
        .into_iter()
        .filter(|entry| entry.action == "create" && entry.resource == "configmaps")
        .map(|entry| (entry.status, entry.fault, entry.caller))
        .collect();
    let wanted = [(201, ""), (0, "reset"), (0, "drop_after"), (503, "unavailable"), (409, "")]
        .map(|(status, fault)| (status, fault.to_owned(), "sandbox-admin".to_owned()));
    assert_eq!(log, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_credentials_and_the_inventory_are_as_with_the_embedded_server() {
    let world = World::start().await;
    let (door, behind) = world.maps().await;
    let list = door.list(&ListParams::default()).await.expect("listed");
    let version = list.metadata.resource_version.expect("a version");
    let stream = door.watch(&WatchParams::default().timeout(60), &version).await.expect("a watch");
    let mut stream = stream.boxed();
    behind.create(&PostParams::default(), &map("seen")).await.expect("created");
    let event = tokio::time::timeout(LIMIT, stream.try_next()).await.expect("in time").expect("an event");
    match event.expect("no end") {
        WatchEvent::Added(object) => assert_eq!(object.metadata.name.as_deref(), Some("seen")),
        other => panic!("{other:?}"),
    }
    assert_eq!(world.control().drop_watches(), 1);
    let ended = tokio::time::timeout(LIMIT, stream.try_next()).await.expect("in time");
    assert!(matches!(ended, Ok(None)), "{ended:?}");

    let parts = world.plugged.side().parts;
    let kubernetes: &Arc<dyn Part> = parts.iter().find(|part| part.name() == "kubernetes").expect("a part");
    assert_eq!(kubernetes.inventory().await, json!({"configmaps": ["default/seen"]}));
    assert!(!world.control().compact(), "another server's history is its own");

    world.control().revoke_credentials();
    match door.get("seen").await {
        Err(Error::Api(status)) => assert_eq!(status.code, 401),
        other => panic!("{other:?}"),
    }
    let (anew, _) = world.maps().await;
    assert_eq!(names(&anew).await, ["seen"]);
}
