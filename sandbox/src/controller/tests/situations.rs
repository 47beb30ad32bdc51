//! The open-source generation, by the letters of the observed situations.

use serde_json::{Value, json};

use super::super::Generation::OpenSource;
use super::super::VSwitches;
use super::super::cache::Kind;
use super::world::{World, albconfig, class, ingress, secret};
use crate::alb::{Condition, Protocol, ServerGroupProtocol};

const EMPTY_CERTS: &str = "apply  failed listenerPort 443 errMsgs empty https listener default certs ";
const GW: &str = "AlbConfig gw";
const INGRESS: &str = "Ingress grpc-ingress";
const SERVICE: &str = "Service grpc-service";

fn second_ingress(change: impl FnOnce(&mut Value)) -> Value {
    let mut object = ingress();
    object["metadata"]["name"] = json!("second");
    object["spec"]["rules"][0]["host"] = json!("second.example.com");
    change(&mut object);
    object
}

fn hosts(world: &World) -> Vec<String> {
    let listener = world.listener(443, Protocol::Https).expect("listener");
    let conditions = listener.rules.iter().flat_map(|rule| &rule.rule_conditions);
    conditions
        .filter_map(|condition| match condition {
            Condition::Host { values } => Some(values.clone()),
            _ => None,
        })
        .flatten()
        .collect()
}

#[tokio::test]
async fn golden_path_fails_first_and_then_publishes_in_the_observed_order() {
    let world = World::start(OpenSource);
    world.apply(&class());
    world.apply(&secret("grpc-secret", "grpc.example.com"));
    world.apply(&albconfig());
    world.until("the first Warning", || world.events(GW, "FailedApplyModel", EMPTY_CERTS) > 0).await;
    assert_eq!(world.the_albconfig()["metadata"]["finalizers"], json!(["ingress.k8s.alibaba/resources"]));
    assert!(world.the_albconfig()["status"].is_null(), "no status before full success");
    assert!(world.listener(8001, Protocol::Http).is_some() && world.listener(443, Protocol::Https).is_none());
    world.apply(&ingress());
    world.until("three successes", || world.events(INGRESS, "SuccessfullyReconciled", "") == 3).await;
    let log = world.log();
    let start = log.iter().position(|line| line == "status Ingress grpc-ingress").expect("address");
    assert_eq!(
        log[start..start + 8],
        [
            "status Ingress grpc-ingress",
            "status AlbConfig gw",
            "label Ingress grpc-ingress",
            "label AlbConfig gw",
            "SuccessfullyReconciled AlbConfig gw",
            "SuccessfullyReconciled Ingress grpc-ingress",
            "Sync Ingress grpc-ingress",
            "FailedBuildModel Ingress grpc-ingress",
        ]
    );
    assert_eq!(world.events(INGRESS, "Sync", "Scheduled for sync"), 2);
    assert_eq!(
        world.events(
            INGRESS,
            "FailedBuildModel",
            "Operation cannot be fulfilled on albconfigs.alibabacloud.com \"gw\""
        ),
        1
    );
    assert_eq!(world.events(GW, "FailedBuildModel", ""), 0);
    let status = world.the_albconfig()["status"]["loadBalancer"].clone();
    let certificate = world.state().certificates.values().next().expect("certificate").clone();
    assert!(certificate.cert_name.starts_with("gateway-demo-grpc-secret-"), "{}", certificate.cert_name);
    assert_eq!(
        status["listeners"],
        json!([{"portAndProtocol": "443/HTTPS",
            "certificates": [{"certificateId": certificate.cert_identifier, "isDefault": true}]}])
    );
    assert_eq!(
        (status["dnsname"].as_str(), world.hostname("grpc-ingress").as_deref()),
        (Some("localhost"), Some("localhost"))
    );
    let listener = world.listener(443, Protocol::Https).expect("listener");
    assert_eq!((listener.idle_timeout, listener.request_timeout, listener.http2_enabled), (15, 60, true));
    assert_eq!(listener.security_policy_id, "tls_cipher_policy_1_0");
    assert_eq!(listener.rules[0].rule_name, "rule-443-1");
    let group = world.state().server_groups.values().find(|group| group.protocol == ServerGroupProtocol::Grpc).cloned();
    let group = group.expect("GRPC group");
    assert_eq!(group.server_group_name, "gateway-demo-grpc-service-50051");
    assert_eq!(group.servers.iter().map(|server| server.cluster_id.as_str()).collect::<Vec<_>>(), ["c1", "c2"]);
}

#[tokio::test]
async fn a_a_bare_https_listener_fails_again_and_again_and_can_be_deleted() {
    let world = World::start(OpenSource);
    world.apply(&albconfig());
    world.until("three Warnings", || world.events(GW, "FailedApplyModel", EMPTY_CERTS) >= 3).await;
    assert_eq!(world.log().iter().filter(|line| *line == "label AlbConfig gw").count(), 0);
    world.delete(Kind::AlbConfig, "", "gw");
    world.until("deletion", || world.get(Kind::AlbConfig, "", "gw").is_none()).await;
    let left = world.cloud.inventory();
    assert!(left.load_balancers.is_empty() && left.server_groups.is_empty(), "{left:?}");
}

#[tokio::test]
async fn b_a_missing_secret_freezes_until_it_is_created() {
    let world = World::start(OpenSource);
    world.apply(&class());
    world.apply(&albconfig());
    world.apply(&ingress());
    let text = "Secret \"grpc-secret\" not found";
    world.until("Warnings", || world.events(INGRESS, "FailedBuildModel", text) >= 2).await;
    assert!(world.events(GW, "FailedBuildModel", text) >= 2);
    world.apply(&secret("grpc-secret", "grpc.example.com"));
    world.until("an address", || world.hostname("grpc-ingress").is_some()).await;
}

#[tokio::test]
async fn c_a_missing_service_is_full_success_with_an_empty_group() {
    let world = World::start(OpenSource);
    world.registry.remove("c1", "grpc-service");
    world.registry.remove("c2", "grpc-service");
    world.apply(&class());
    world.apply(&secret("grpc-secret", "grpc.example.com"));
    world.apply(&albconfig());
    world.apply(&ingress());
    world.until("an address", || world.hostname("grpc-ingress").is_some()).await;
    let servers = || {
        let state = world.state();
        state.server_groups.values().map(|group| group.servers.len()).sum::<usize>()
    };
    assert_eq!(servers(), 0);
    assert_eq!(world.events(INGRESS, "FailedApplyModel", "backend"), 0);
    world.until("all passes", || world.events(INGRESS, "SuccessfullyReconciled", "") == 3).await;
    let quiet = (world.events(INGRESS, "", ""), world.events(GW, "", ""));
    // The Service is there before its Endpoints are.
    world.registry.add_without_endpoints("c1", "grpc-service", 50051);
    let text = "build service stack model error: build servicePortToServerGroup error: backend not found: Endpoints \
                \"grpc-service\" not found";
    world.until("a Warning on the Service", || world.events(SERVICE, "FailedUpdateEndpoints", text) > 0).await;
    assert_eq!(world.events(SERVICE, "SuccessfullyReconciled", ""), 0);
    world.registry.add("c1", "grpc-service", 50051);
    world.until("members", || servers() == 1).await;
    world.until("success on the Service", || world.events(SERVICE, "SuccessfullyReconciled", "") == 1).await;
    world.registry.remove("c1", "grpc-service");
    world.until("no members", || servers() == 0).await;
    world.until("success on the deleted Service", || world.events(SERVICE, "SuccessfullyReconciled", "") == 2).await;
    assert_eq!((world.events(INGRESS, "", ""), world.events(GW, "", "")), quiet, "nobody else hears of it");
}

#[tokio::test]
async fn c2_a_wrong_port_fails_everybody_and_keeps_what_serves() {
    let world = World::published(OpenSource).await;
    let before = world.listener(443, Protocol::Https).expect("listener").rules;
    world.edit_ingress(|object| {
        object["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"]["number"] = json!(50052);
    });
    let text = "backend not found: unable to find port 50052 on service gateway-demo/grpc-service";
    world
        .until("Warnings", || {
            world.events(INGRESS, "FailedApplyModel", text) > 0 && world.events(GW, "FailedApplyModel", text) > 0
        })
        .await;
    assert_eq!(world.listener(443, Protocol::Https).expect("listener").rules, before);
    assert!(world.hostname("grpc-ingress").is_some());
}

#[tokio::test]
async fn d_one_bad_ingress_freezes_its_neighbour_silently() {
    let world = World::published(OpenSource).await;
    world.apply(&second_ingress(|object| {
        object["metadata"]["annotations"]["alb.ingress.kubernetes.io/listen-ports"] = json!("[{\"HTTPS\": \"443\"}]");
    }));
    let text = "failed to parse listen-ports configuration: `[{\"HTTPS\": \"443\"}]`: json: cannot unmarshal string into \
                Go value of type int32";
    world.until("Warnings", || world.events("Ingress second", "FailedBuildModel", text) > 0).await;
    let (syncs, warnings) = (world.events(INGRESS, "Sync", ""), world.events(INGRESS, "FailedBuildModel", ""));
    let seen = world.events(GW, "FailedBuildModel", text);
    world.edit_ingress(|object| object["spec"]["rules"][0]["host"] = json!("new.example.com"));
    world.until("a sync", || world.events(INGRESS, "Sync", "") > syncs).await;
    world.until("another failed pass", || world.events(GW, "FailedBuildModel", text) > seen).await;
    assert_eq!(world.events(INGRESS, "FailedBuildModel", ""), warnings, "the neighbour hears nothing");
    assert_eq!(hosts(&world), ["grpc.example.com"]);
    world.apply(&second_ingress(|_| {}));
    world.until("both", || hosts(&world) == ["new.example.com", "second.example.com"]).await;
}

#[tokio::test]
async fn e_a_used_listener_removed_is_gone_until_an_ingress_syncs() {
    let world = World::published(OpenSource).await;
    let successes = world.events(INGRESS, "SuccessfullyReconciled", "");
    world.edit_albconfig(|object| object["spec"]["listeners"] = json!([{"port": 8001, "protocol": "HTTP"}]));
    world.until("success", || world.events(INGRESS, "SuccessfullyReconciled", "") > successes).await;
    assert!(world.listener(443, Protocol::Https).is_none());
    assert!(!world.state().server_groups.values().any(|group| group.protocol == ServerGroupProtocol::Grpc));
    assert!(world.the_albconfig()["status"]["loadBalancer"].get("listeners").is_none());
    assert!(world.hostname("grpc-ingress").is_some(), "the stale address stays");
    world.edit_ingress(|object| object["metadata"]["annotations"]["touched"] = json!("1"));
    world.until("the listener", || world.listener(443, Protocol::Https).is_some_and(|l| !l.rules.is_empty())).await;
    assert_eq!(world.the_albconfig()["spec"]["listeners"][1]["port"], json!(443));
}

#[tokio::test]
async fn f_a_deleted_ingress_leaves_listener_and_certificate() {
    let world = World::published(OpenSource).await;
    let syncs = world.events(INGRESS, "Sync", "");
    world.delete(Kind::Ingress, "gateway-demo", "grpc-ingress");
    world.until("no rules", || world.listener(443, Protocol::Https).is_some_and(|l| l.rules.is_empty())).await;
    world
        .until("status", || {
            world.the_albconfig()["status"]["loadBalancer"]["listeners"] == json!([{"portAndProtocol": "443/HTTPS"}])
        })
        .await;
    assert_eq!(world.listener(443, Protocol::Https).expect("listener").certificates.len(), 1);
    assert_eq!(world.events(INGRESS, "Sync", ""), syncs + 1);
    assert!(!world.state().server_groups.values().any(|group| group.protocol == ServerGroupProtocol::Grpc));
    assert_eq!(world.cloud.inventory().certificates.len(), 1);
}

#[tokio::test]
async fn g_an_albconfig_in_use_is_deleted_and_adopted_again() {
    let world = World::published(OpenSource).await;
    let successes = world.events(INGRESS, "SuccessfullyReconciled", "");
    world.delete(Kind::AlbConfig, "", "gw");
    world.until("success on the Ingress", || world.events(INGRESS, "SuccessfullyReconciled", "") > successes).await;
    assert!(world.get(Kind::AlbConfig, "", "gw").is_none());
    let left = world.cloud.inventory();
    assert!(left.load_balancers.is_empty() && left.server_groups.is_empty(), "{left:?}");
    assert!(world.hostname("grpc-ingress").is_some());
    world.edit_ingress(|object| object["metadata"]["annotations"]["touched"] = json!("1"));
    world
        .until("one Warning", || {
            world.events(INGRESS, "FailedBuildModel", "AlbConfig.alibabacloud.com \"gw\" not found") == 1
        })
        .await;
    world.apply(&albconfig());
    world.until("a new instance", || world.listener(443, Protocol::Https).is_some_and(|l| !l.rules.is_empty())).await;
    assert_eq!(world.events(INGRESS, "FailedBuildModel", "\"gw\" not found"), 1, "no retry");
}

#[tokio::test]
async fn h_identical_rules_stand_one_after_the_other_without_a_word() {
    let world = World::published(OpenSource).await;
    world.apply(&second_ingress(|object| object["spec"]["rules"][0]["host"] = json!("grpc.example.com")));
    world.until("two rules", || world.listener(443, Protocol::Https).is_some_and(|l| l.rules.len() == 2)).await;
    world.until("success", || world.events("Ingress second", "SuccessfullyReconciled", "") > 0).await;
    assert_eq!(hosts(&world), ["grpc.example.com", "grpc.example.com"]);
    assert_eq!(world.events("Ingress second", "FailedApplyModel", ""), 0);
}

#[tokio::test]
async fn i_a_changed_protocol_is_reported_as_success_and_not_done() {
    let world = World::published(OpenSource).await;
    let successes = world.events(INGRESS, "SuccessfullyReconciled", "");
    let calls = world.cloud.calls();
    world.edit_ingress(|object| {
        object["metadata"]["annotations"]["alb.ingress.kubernetes.io/backend-protocol"] = json!("http");
    });
    world.until("success", || world.events(INGRESS, "SuccessfullyReconciled", "") > successes).await;
    assert_eq!(world.cloud.calls(), calls, "no cloud call");
    assert!(world.state().server_groups.values().any(|group| group.protocol == ServerGroupProtocol::Grpc));
    world.edit_ingress(|object| {
        object["metadata"]["annotations"]["alb.ingress.kubernetes.io/listen-ports"] = json!("[{\"HTTP\": 8001}]");
    });
    let text = "'grpc' backend protocol must be use TLS listener only or redirect to";
    world.until("refusal", || world.events(INGRESS, "FailedBuildModel", text) > 0).await;
}

#[tokio::test]
async fn j_creation_only_fields_are_silently_ignored_and_the_name_is_not() {
    let world = World::published(OpenSource).await;
    let before = world.balancer();
    let successes = world.events(GW, "SuccessfullyReconciled", "");
    let calls = world.cloud.calls();
    world.edit_albconfig(|object| {
        object["spec"]["config"]["addressType"] = json!("Intranet");
        object["spec"]["config"]["zoneMappings"][0]["vSwitchId"] = json!("vsw-other");
    });
    world.until("success", || world.events(GW, "SuccessfullyReconciled", "") > successes).await;
    assert_eq!((world.cloud.calls(), world.balancer()), (calls, before));
    world.edit_albconfig(|object| object["spec"]["config"]["name"] = json!("renamed"));
    world.until("the name", || world.balancer().load_balancer_name == "renamed").await;
}

#[tokio::test]
async fn k_an_ingress_sync_rewrites_the_whole_spec_with_nulls_and_zero_values() {
    let world = World::published(OpenSource).await;
    let observed: Value =
        serde_json::from_str(include_str!("testdata/albconfig-spec-after-first-publish.json")).expect("JSON");
    let mut spec = world.the_albconfig()["spec"].clone();
    for (place, id) in ["vsw-oracle-h", "vsw-oracle-i"].into_iter().enumerate() {
        spec["config"]["zoneMappings"][place]["vSwitchId"] = json!(id);
    }
    assert_eq!(spec, observed);
    assert_eq!(world.the_albconfig()["metadata"]["generation"], json!(2));
    world.apply(&albconfig());
    world.edit_ingress(|object| object["metadata"]["annotations"]["touched"] = json!("1"));
    world
        .until("the zero values again", || world.the_albconfig()["spec"]["listeners"][0].get("aclConfig").is_some())
        .await;
}

#[tokio::test]
async fn l_an_explicit_http2_is_sent_as_false() {
    let world = World::published(OpenSource).await;
    world.edit_albconfig(|object| object["spec"]["listeners"][1]["http2Enabled"] = json!(true));
    world.until("HTTP/2 off", || world.listener(443, Protocol::Https).is_some_and(|l| !l.http2_enabled)).await;
}

#[tokio::test]
async fn l2_a_wrong_type_blinds_the_controller_for_all_albconfigs() {
    let world = World::published(OpenSource).await;
    let events = world.event_objects().len();
    let mut bad = albconfig();
    bad["metadata"]["name"] = json!("bad");
    bad["spec"]["listeners"][0]["gzipEnabled"] = json!("on");
    world.apply(&bad);
    world.edit_albconfig(|object| object["spec"]["config"]["name"] = json!("unseen"));
    // A second Ingress is still served: only AlbConfigs are unseen.
    world.apply(&second_ingress(|_| {}));
    world.until("the second rule", || hosts(&world).len() == 2).await;
    assert_eq!(world.balancer().load_balancer_name, "one-alb-demo");
    assert!(world.get(Kind::AlbConfig, "", "bad").expect("bad")["metadata"].get("finalizers").is_none());
    assert!(!world.event_objects().iter().any(|event| event["involvedObject"]["name"] == "bad"), "{events}");
    bad["spec"]["listeners"][0]["gzipEnabled"] = json!(true);
    world.apply(&bad);
    world.until("sight", || world.state().load_balancers.values().any(|b| b.load_balancer_name == "unseen")).await;
}

#[tokio::test]
async fn m_a_rotated_secret_switches_the_listener_and_a_deleted_one_does_nothing() {
    let world = World::published(OpenSource).await;
    let before = world.listener(443, Protocol::Https).expect("listener").certificates;
    world.apply(&secret("grpc-secret", "grpc.example.com"));
    world
        .until("the new certificate", || {
            world.listener(443, Protocol::Https).is_some_and(|listener| listener.certificates != before)
        })
        .await;
    assert_eq!(world.cloud.inventory().certificates.len(), 2, "the old one stays");
    world.delete(Kind::Secret, "gateway-demo", "grpc-secret");
    world.settled("marker").await;
    assert_eq!(world.events(INGRESS, "FailedBuildModel", "Secret"), 0);
    world.edit_ingress(|object| object["metadata"]["annotations"]["touched"] = json!("1"));
    world.until("Warning", || world.events(INGRESS, "FailedBuildModel", "Secret \"grpc-secret\" not found") > 0).await;
    assert_eq!(world.listener(443, Protocol::Https).expect("listener").certificates.len(), 1, "still served");
}

#[tokio::test]
async fn n_a_refused_load_balancer_heals_on_a_retry() {
    let world = World::start(OpenSource);
    world.handle.faults().refuse_create_load_balancer("The quota is exceeded.", 2);
    world.edit_albconfig(|object| object["spec"]["listeners"] = json!([{"port": 80, "protocol": "HTTP"}]));
    world.until("success", || world.events(GW, "SuccessfullyReconciled", "") > 0).await;
    assert_eq!(world.events(GW, "FailedApplyModel", "Message: The quota is exceeded."), 2);
    let events = world.event_objects();
    let warning = events.iter().find(|event| event["type"] == "Warning").expect("Warning");
    assert_eq!(warning["message"], json!("Message: The quota is exceeded."));
    assert_eq!(warning["metadata"]["namespace"], json!("default"));
}

#[tokio::test]
async fn o_an_ingress_before_its_class_falls_back_once_and_is_adopted_later() {
    let world = World::start(OpenSource);
    world.apply(&secret("grpc-secret", "grpc.example.com"));
    world.apply(&ingress());
    world.settled("marker").await;
    assert_eq!(world.events(INGRESS, "Sync", ""), 0);
    world.apply(&class());
    let text = "AlbConfig.alibabacloud.com \"default\" not found";
    world.until("the fallback", || world.events(INGRESS, "FailedBuildModel", text) == 1).await;
    world.apply(&albconfig());
    world.until("an address", || world.hostname("grpc-ingress").is_some()).await;
    assert_eq!(world.events(INGRESS, "FailedBuildModel", text), 1, "no retry");
    assert_eq!(world.events(GW, "FailedApplyModel", ""), 0, "the Ingress was there first");
}

#[tokio::test]
async fn o2_without_its_class_an_ingress_is_ignored_even_when_deleted() {
    let world = World::published(OpenSource).await;
    world.delete(Kind::IngressClass, "", "alb");
    let syncs = world.events(INGRESS, "Sync", "");
    world.edit_ingress(|object| object["spec"]["rules"][0]["host"] = json!("new.example.com"));
    world.delete(Kind::Ingress, "gateway-demo", "grpc-ingress");
    world.settled("marker").await;
    assert_eq!(world.events(INGRESS, "Sync", ""), syncs);
    assert_eq!(
        world.state().load_balancers.values().flat_map(|b| b.listeners.values()).map(|l| l.rules.len()).sum::<usize>(),
        1,
        "rule and group keep serving"
    );
}

#[tokio::test]
async fn p_a_missing_listener_is_appended() {
    let world = World::start(OpenSource);
    world.apply(&class());
    world.apply(&secret("grpc-secret", "grpc.example.com"));
    world.edit_albconfig(|object| object["spec"]["listeners"] = json!([{"port": 8001, "protocol": "HTTP"}]));
    world.until("success without an Ingress", || world.events(GW, "SuccessfullyReconciled", "") > 0).await;
    assert!(world.the_albconfig()["status"]["loadBalancer"].get("listeners").is_none());
    world.apply(&ingress());
    world.until("an address", || world.hostname("grpc-ingress").is_some()).await;
    let spec = world.the_albconfig()["spec"].clone();
    assert_eq!((&spec["listeners"][1]["port"], &spec["listeners"][1]["protocol"]), (&json!(443), &json!("HTTPS")));
    assert_eq!(world.the_albconfig()["metadata"]["generation"], json!(2));
}

#[tokio::test]
async fn p2_https_on_an_http_port_is_refused_on_the_ingress_only() {
    let world = World::published(OpenSource).await;
    world.apply(&second_ingress(|object| {
        object["metadata"]["annotations"]["alb.ingress.kubernetes.io/listen-ports"] = json!("[{\"HTTPS\": 8001}]");
    }));
    let text = "conflict listener in albconfig, please remove it manual";
    world.until("three refusals", || world.events("Ingress second", "FailedBuildModel", text) >= 3).await;
    assert!(world.events("Ingress second", "Sync", "") >= 3);
    assert_eq!(world.events(GW, "FailedBuildModel", text), 0);
    world.delete(Kind::Ingress, "gateway-demo", "second");
    let vanished = "AlbConfig.alibabacloud.com \"default\" not found";
    world
        .until("the retry for a vanished Ingress", || world.events("Ingress second", "FailedBuildModel", vanished) > 0)
        .await;
}

#[tokio::test]
async fn p3_bad_zones_fail_and_no_config_is_silent() {
    struct Nothing;
    impl VSwitches for Nothing {
        fn zone(&self, vswitch_id: &str) -> Option<String> {
            (vswitch_id == "vsw-h").then(|| "cn-hangzhou-h".to_owned())
        }
    }
    let world = World::with_network(OpenSource, std::sync::Arc::new(Nothing));
    let with = |name: &str, config: Value| {
        let mut object = albconfig();
        object["metadata"]["name"] = json!(name);
        object["spec"]["config"] = config;
        object
    };
    world.apply(&with("unknown", json!({"zoneMappings": [{"vSwitchId": "vsw-x"}]})));
    world.apply(&with("one", json!({"zoneMappings": [{"vSwitchId": "vsw-h"}]})));
    world.apply(&with("none", Value::Null));
    world
        .until("Warning", || {
            world.events("AlbConfig unknown", "FailedApplyModel", "empty load balancer zone mapping") > 0
        })
        .await;
    world.until("Warning", || world.events("AlbConfig one", "FailedApplyModel", "ZoneMappings is illegal") > 0).await;
    let none = world.get(Kind::AlbConfig, "", "none").expect("object");
    assert!(none["metadata"].get("finalizers").is_none());
    assert!(!world.event_objects().iter().any(|event| event["involvedObject"]["name"] == "none"));
    for name in ["unknown", "one", "none"] {
        world.delete(Kind::AlbConfig, "", name);
        world.until("deletion", || world.get(Kind::AlbConfig, "", name).is_none()).await;
    }
}

#[tokio::test]
async fn q_a_pass_stamps_an_edit_it_did_not_see() {
    let world = World::published(OpenSource).await;
    let label =
        || world.get(Kind::Ingress, "gateway-demo", "grpc-ingress").expect("Ingress")["metadata"]["labels"].clone();
    let published = label();
    let syncs = world.events(INGRESS, "Sync", "");
    // Held open, so that the second edit falls into the pass that saw the first.
    world.handle.faults().delay_passes(std::time::Duration::from_millis(150));
    world.edit_ingress(|object| object["spec"]["rules"][0]["host"] = json!("first.example.com"));
    world.until("the first sync", || world.events(INGRESS, "Sync", "") == syncs + 1).await;
    world.edit_ingress(|object| object["spec"]["rules"][0]["host"] = json!("second.example.com"));
    world.until("the second sync", || world.events(INGRESS, "Sync", "") == syncs + 2).await;
    world.until("a stamp", || label() != published).await;
    let stamped = label();
    assert_eq!(hosts(&world), ["first.example.com"], "the label is ahead of the cloud");
    world.until("the second edit", || hosts(&world) == ["second.example.com"]).await;
    assert_eq!(label(), stamped, "the label did not change when the cloud did");
}
