//! The hosted generation where it differs, several members, and failures on demand.

use serde_json::{Value, json};

use super::super::Generation::Hosted;
use super::super::cache::Kind;
use super::world::{World, albconfig, class, ingress, secret};
use crate::alb::{Protocol, ServerGroupProtocol};

const GW: &str = "AlbConfig gw";
const INGRESS: &str = "Ingress grpc-ingress";

fn clusters(world: &World) -> Vec<String> {
    let state = world.state();
    let group = state.server_groups.values().find(|group| group.protocol == ServerGroupProtocol::Grpc);
    group.map(|group| group.servers.iter().map(|server| server.cluster_id.clone()).collect()).unwrap_or_default()
}

#[tokio::test]
async fn the_walkthrough_publishes_without_touching_the_spec() {
    let world = World::published(Hosted).await;
    assert_eq!(world.the_albconfig()["spec"], albconfig()["spec"]);
    assert!(!world.log().iter().any(|line| line.starts_with("put ")), "{:?}", world.log());
    assert_eq!(world.events(INGRESS, "FailedBuildModel", ""), 0);
    assert_eq!(clusters(&world), ["c1", "c2"]);
}

#[tokio::test]
async fn an_undeclared_listener_is_an_error_until_it_is_declared() {
    let world = World::start(Hosted);
    world.apply(&class());
    world.apply(&secret("grpc-secret", "grpc.example.com"));
    world.edit_albconfig(|object| object["spec"]["listeners"] = json!([{"port": 8001, "protocol": "HTTP"}]));
    world.apply(&ingress());
    let text = "listener is not exist in alb|gw, port: 443, protocol: HTTPS";
    world.until("Warning", || world.events(INGRESS, "FailedBuildModel", text) > 0).await;
    assert!(world.events(GW, "FailedBuildModel", "listener not found for (443/HTTPS), with ingresses 1") > 0);
    assert_eq!(world.the_albconfig()["spec"]["listeners"].as_array().map(Vec::len), Some(1));
    world.apply(&albconfig());
    world.until("an address", || world.hostname("grpc-ingress").is_some()).await;
}

#[tokio::test]
async fn removing_a_used_listener_is_refused_and_it_keeps_serving() {
    let world = World::published(Hosted).await;
    world.edit_albconfig(|object| object["spec"]["listeners"] = json!([{"port": 8001, "protocol": "HTTP"}]));
    world.until("Warning", || world.events(GW, "FailedBuildModel", "listener not found for (443/HTTPS)") > 0).await;
    assert_eq!(world.listener(443, Protocol::Https).expect("listener").rules.len(), 1);
}

#[tokio::test]
async fn a_wrong_type_is_an_event_and_blinds_nobody() {
    let world = World::published(Hosted).await;
    let mut bad = albconfig();
    bad["metadata"]["name"] = json!("bad");
    bad["spec"]["listeners"][0]["caEnabled"] = json!("true");
    world.apply(&bad);
    let text = "unmarshalling albconfig error: json: cannot unmarshal string into Go struct field \
                ListenerSpec.listeners.caEnabled of type bool";
    world.until("Warning", || world.events("AlbConfig bad", "FailedBuildModel", text) > 0).await;
    world.edit_albconfig(|object| object["spec"]["config"]["name"] = json!("renamed"));
    world.until("the name", || world.state().load_balancers.values().any(|b| b.load_balancer_name == "renamed")).await;
}

#[tokio::test]
async fn members_are_the_union_of_the_attached_clusters_that_have_the_service() {
    let world = World::published(Hosted).await;
    world.registry.remove("c2", "grpc-service");
    world.until("one member", || clusters(&world) == ["c1"]).await;
    world.registry.add("c2", "grpc-service", 50051);
    world.until("both members", || clusters(&world) == ["c1", "c2"]).await;
    world.registry.detach("c1");
    world.until("the attached one", || clusters(&world) == ["c2"]).await;
    world.edit_albconfig(|object| {
        object["metadata"]["annotations"]["alb.ingress.kubernetes.io/remote-clusters"] = json!("c1");
    });
    world.until("none", || clusters(&world).is_empty()).await;
}

#[tokio::test]
async fn a_service_that_no_member_has_is_a_warning_and_an_empty_group() {
    let world = World::start(Hosted);
    world.apply(&class());
    world.apply(&secret("grpc-secret", "grpc.example.com"));
    world.apply(&albconfig());
    world.edit_ingress(|object| {
        object["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] = json!("nobody");
    });
    world.until("Warning", || world.events(INGRESS, "FailedUpdateEndpoints", "gateway-demo/nobody") > 0).await;
    assert!(world.hostname("grpc-ingress").is_some());
    assert!(clusters(&world).is_empty());
}

#[tokio::test]
async fn an_ingress_host_missing_from_tls_is_reported() {
    let world = World::published(Hosted).await;
    world.edit_ingress(|object| object["spec"]["tls"][0]["hosts"] = json!(["other.example.com"]));
    world
        .until("MismatchHost", || {
            world.events(INGRESS, "MismatchHost", "mismatchTlsHostsIngress: [grpc.example.com]") > 0
        })
        .await;
}

#[tokio::test]
async fn deleting_everything_leaves_only_certificates() {
    let world = World::published(Hosted).await;
    world.delete(Kind::Ingress, "gateway-demo", "grpc-ingress");
    world.delete(Kind::AlbConfig, "", "gw");
    world.until("deletion", || world.get(Kind::AlbConfig, "", "gw").is_none()).await;
    let left = world.cloud.inventory();
    assert!(left.load_balancers.is_empty() && left.listeners.is_empty() && left.server_groups.is_empty(), "{left:?}");
    assert_eq!(left.certificates.len(), 1);
}

#[tokio::test]
async fn a_paused_controller_does_nothing_until_it_is_resumed() {
    let world = World::start(Hosted);
    world.handle.faults().pause();
    world.apply(&class());
    world.apply(&secret("grpc-secret", "grpc.example.com"));
    world.apply(&albconfig());
    world.apply(&ingress());
    tokio::task::yield_now().await;
    assert!(world.log().is_empty(), "{:?}", world.log());
    world.handle.faults().resume();
    world.until("an address", || world.hostname("grpc-ingress").is_some()).await;
}

#[tokio::test]
async fn a_failed_pass_tells_everybody_and_is_repeated() {
    let world = World::published(Hosted).await;
    world.handle.faults().fail_passes("Request was denied due to user flow control.", 1);
    world.edit_ingress(|object| object["metadata"]["annotations"]["touched"] = json!("1"));
    let text = "Message: Request was denied due to user flow control.";
    world.until("Warning", || world.events(INGRESS, "FailedApplyModel", text) == 1).await;
    let successes = world.events(INGRESS, "SuccessfullyReconciled", "");
    world.until("the retry", || world.events(INGRESS, "SuccessfullyReconciled", "") > successes).await;
}

#[tokio::test]
async fn a_weight_canary_shares_its_twins_rule() {
    let world = World::published(Hosted).await;
    world.registry.add("c2", "canary-service", 50051);
    let mut canary = ingress();
    canary["metadata"]["name"] = json!("canary");
    canary["metadata"]["annotations"]["alb.ingress.kubernetes.io/canary"] = json!("true");
    canary["metadata"]["annotations"]["alb.ingress.kubernetes.io/canary-weight"] = json!("20");
    canary["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] = json!("canary-service");
    world.apply(&canary);
    let weights = || -> Vec<u64> {
        let rules = world.listener(443, Protocol::Https).map(|listener| listener.rules).unwrap_or_default();
        let rules = serde_json::to_value(rules).expect("JSON");
        let tuples = rules[0]["RuleActions"][0]["ServerGroupTuples"].as_array().cloned().unwrap_or_default();
        tuples.iter().filter_map(|tuple| tuple["Weight"].as_u64()).collect()
    };
    world.until("two shares", || weights() == [80, 20]).await;
    assert_eq!(world.listener(443, Protocol::Https).expect("listener").rules.len(), 1);
}

#[tokio::test]
async fn the_state_survives_a_state_file() {
    let world = World::published(Hosted).await;
    let text = serde_json::to_string(&*world.state()).expect("JSON");
    let restored: crate::alb::AlbState = serde_json::from_str(&text).expect("state");
    assert_eq!(restored, *world.state());
    let shown: Value = serde_json::from_str(&text).expect("JSON");
    let balancer = shown["LoadBalancers"].as_object().and_then(|all| all.values().next()).cloned().expect("instance");
    assert_eq!(balancer["Tags"][0], json!({"Key": "ack.aliyun.com", "Value": "c0fleet"}));
    assert!(!format!("{:?}", world.state()).contains("PRIVATE KEY"));
}
