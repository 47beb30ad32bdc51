//! The gRPC Ingress against recorded objects and against a Fleet in memory.

mod every_attribute;
mod meaning;
mod rules;
mod setting_rules;

use std::time::Duration;

use proptest::strategy::{BoxedStrategy, Strategy as _};
use serde_json::{Value as Json, json};

use super::*;
use crate::clients::Settings;
use crate::framework::erased::ResourceType;
use crate::framework::plan::shape;
use crate::framework::value::Value;
use crate::resources::testing::{FakeFleet, Fault, Instance, errors, event, recorded, value, warnings};

const INGRESS: &str = "/apis/networking.k8s.io/v1/namespaces/gateway-demo/ingresses/grpc-ingress";
const CLASS: &str = "/apis/networking.k8s.io/v1/ingressclasses/alb";
const ALB_CONFIG: &str = "/apis/alibabacloud.com/v1/albconfigs/ackone-gateway-demo";

/// Whole values of the attributes whose parts depend on one another, for generated configurations.
pub(crate) fn sample(path: &str) -> Option<BoxedStrategy<Value>> {
    let values = match path {
        "load_balancing" => vec![
            json!({"scheduler": "wrr", "slow_start": {"enabled": true, "duration": 60}, "backend_keepalive": true}),
            json!({"scheduler": "sch", "sticky_session": {"type": "Server", "cookie": "sid"}}),
            json!({"connection_drain": {"timeout": 30}}),
        ],
        "health_check" => vec![
            json!({"protocol": "GRPC", "method": "POST", "codes": ["0", "12"]}),
            json!({"enabled": false, "protocol": "TCP", "timeout": 7}),
        ],
        "canary" => {
            vec![json!({"weight": 20}), json!({"header": {"name": "stage", "value": "gray"}}), json!({"cookie": "c"})]
        }
        "cors" => vec![json!({"allow_origins": ["*"], "max_age": 60}), json!({"enabled": false})],
        "rate_limit" => vec![json!({"qps": 100, "qps_per_ip": 10}), json!({"qps": 5})],
        "listen_ports" => vec![json!(["443/HTTPS"]), json!(["443/HTTPS", "8443/HTTPS"])],
        "rules.paths" => vec![
            json!([{"path": null, "path_type": null, "service_name": "demo", "service_port": 1}]),
            json!([{"path": "/a.B", "path_type": "Prefix", "service_name": "demo", "service_port": 1},
                {"path": "/", "path_type": null, "service_name": "other", "service_port": 2}]),
        ],
        "custom_routing" => {
            vec![json!({"demo": {"direction": "Response", "actions": [{"remove_header": {"key": "x"}}],
            "conditions": [{"response_status_codes": ["200"]}]}})]
        }
        "extra_annotations" => vec![json!({"alb.ingress.kubernetes.io/cluster-weight.c1": "20"})],
        "rewrite_target" => vec![json!("/x")],
        _ => return None,
    };
    let resource = ResourceType::<GrpcIngressResource>::erased();
    let nested = resource.schema().attribute(path).cloned();
    let shaped = move |json: &Json| match &nested {
        Some(attribute) => {
            let object = Value::map([(attribute.name, value(json))]);
            shape(std::slice::from_ref(attribute), object).attr(attribute.name)
        }
        None => value(json),
    };
    Some(proptest::sample::select(values.iter().map(shaped).collect::<Vec<_>>()).boxed())
}

/// The walkthrough's Ingress.
fn walkthrough() -> Json {
    json!({
        "namespace": "gateway-demo",
        "name": "grpc-ingress",
        "ingress_class_name": "alb",
        "listen_ports": ["443/HTTPS"],
        "rules": [{"host": "grpc.example.com", "paths": [{"service_name": "grpc-service", "service_port": 50051}]}],
        "tls": [{"hosts": ["grpc.example.com"], "secret_name": "grpc-secret"}],
    })
}

fn settings() -> Settings {
    Settings { fleet_id: Some("c0fleet".to_owned()), ..Settings::default() }
}

fn instance(fleet: &FakeFleet) -> Instance {
    Instance::new(ResourceType::<GrpcIngressResource>::erased(), fleet.clients(settings()))
}

/// A Fleet with the walkthrough's gateway.
fn fleet_with_gateway() -> FakeFleet {
    let fleet = FakeFleet::default();
    fleet.put(ALB_CONFIG, recorded("AlbConfig"));
    fleet.put(CLASS, recorded("IngressClass"));
    fleet
}

/// What the controller makes of our Ingress.
fn published() -> Json {
    let mut object = recorded("Ingress");
    object["metadata"]["uid"] = json!("made-by-us");
    object
}

/// Creates the Ingress and lets the controller publish it.
async fn create(fleet: &FakeFleet, config: &Json) -> Instance {
    let mut ingress = instance(fleet);
    let answer = ingress.apply(config).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    let status = recorded("Ingress")["status"].clone();
    fleet.edit(INGRESS, |object| object["status"] = status);
    ingress.next_command(fleet.clients(settings()));
    ingress.read().await;
    assert_eq!(ingress.state.attr("ready"), Value::Bool(true));
    ingress
}

#[tokio::test(start_paused = true)]
async fn the_walkthroughs_ingress_imports_without_a_change() {
    let fleet = fleet_with_gateway();
    let mut object = recorded("Ingress");
    object["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = json!("{}");
    fleet.put(INGRESS, object);
    let mut ingress = instance(&fleet);
    let answer = ingress.import("gateway-demo/grpc-ingress").await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!(ingress.changes(&walkthrough()), Vec::<&str>::new());
    assert_eq!(ingress.state.attr("address"), Value::string("alb-000015.cn-hangzhou.alb.aliyuncs.com"));
    assert_eq!(ingress.state.attr("ready"), Value::Bool(true));
    assert_eq!(ingress.state.attr("id"), Value::string("gateway-demo/grpc-ingress"));
    let mut spelled = walkthrough();
    spelled["rules"][0]["host"] = json!("GRPC.example.com");
    assert_eq!(ingress.changes(&spelled), Vec::<&str>::new(), "host names do not depend on case");
}

#[tokio::test]
async fn an_import_id_names_namespace_and_name() {
    let fleet = fleet_with_gateway();
    for id in ["grpc-ingress", "/grpc-ingress", "a/b/c", ""] {
        assert_eq!(errors(&instance(&fleet).import(id).await.diagnostics), ["Invalid Import ID"], "{id}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_is_ready_once_the_host_name_is_published() {
    let fleet = fleet_with_gateway();
    let mut ingress = instance(&fleet);
    fleet.script("ingresses", [published()]);
    let answer = ingress.apply(&walkthrough()).await;
    assert!(answer.diagnostics.is_empty(), "{:#?}", answer.diagnostics);
    assert_eq!(ingress.state.attr("ready"), Value::Bool(true));
    assert_eq!(ingress.state.attr("address"), Value::string("alb-000015.cn-hangzhou.alb.aliyuncs.com"));
    let written = fleet.get(INGRESS).unwrap();
    assert_eq!(
        written["metadata"]["annotations"],
        json!({"alb.ingress.kubernetes.io/backend-protocol": "grpc",
            "alb.ingress.kubernetes.io/listen-ports": "[{\"HTTPS\":443}]"})
    );
    assert_eq!(written["spec"], recorded("Ingress")["spec"]);
    assert_eq!(ingress.changes(&walkthrough()), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn a_stale_host_name_does_not_make_an_update_ready() {
    let fleet = fleet_with_gateway();
    let mut ingress = create(&fleet, &walkthrough()).await;
    let mut config = walkthrough();
    config["rules"][0]["paths"][0]["service_port"] = json!(50052);
    let planned = ingress.plan(&config).planned.unwrap();
    assert!(planned.attr("ready").is_unknown());
    assert_eq!(planned.attr("address"), ingress.state.attr("address"), "a known address stays");
    let answer = ingress.apply(&config).await;
    assert_eq!(ingress.state.attr("ready"), Value::Bool(false));
    assert_eq!(warnings(&answer.diagnostics), ["Not Reconciled in Time"]);

    // A later refresh finds the evidence: a pass that ended after the write, and quiet since.
    let about = fleet.get(INGRESS).unwrap();
    let mut success = event(&about, "Normal", "SuccessfullyReconciled", "Successfully reconciled", 1);
    success["lastTimestamp"] = json!("2026-11-23T18:30:02Z");
    fleet.put("/api/v1/namespaces/gateway-demo/events/e1", success);
    ingress.next_command(fleet.clients(settings()));
    ingress.read().await;
    assert_eq!(ingress.state.attr("ready"), Value::Bool(false), "not quiet for long enough by the clock");
    ingress.context.clock = Arc::new(crate::kubernetes::testing::ManualClock::at("2026-11-23T18:30:20Z"));
    ingress.read().await;
    assert_eq!(ingress.state.attr("ready"), Value::Bool(true));
    assert_eq!(ingress.changes(&config), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn a_lasting_failure_fails_an_update_and_names_the_guilty_sibling() {
    let fleet = fleet_with_gateway();
    let mut ingress = create(&fleet, &walkthrough()).await;
    let mut config = walkthrough();
    config["rules"][0]["paths"][0]["service_port"] = json!(50052);
    let message = "failed to parse listen-ports configuration: `[{\"HTTPS\": \"443\"}]`: json: cannot unmarshal string";
    let sibling = json!({"kind": "Ingress", "metadata": {"name": "guilty", "namespace": "other"}});
    let on_sibling = event(&sibling, "Warning", "FailedBuildModel", message, 3);
    fleet.put("/api/v1/namespaces/other/events/e1", on_sibling);
    // The frozen neighbour itself gets nothing but `Sync`; the failure shows on the AlbConfig.
    fleet.script("events", [event(&recorded("AlbConfig"), "Warning", "FailedBuildModel", message, 1)]);
    let began = Instant::now();
    let answer = ingress.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), ["Controller Reports a Failure"]);
    let detail = &answer.diagnostics.iter().last().unwrap().detail;
    for part in ["listen-ports", "on Ingress other/guilty.", "no Ingress of the gateway is updated"] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    assert!(began.elapsed() < Duration::from_secs(90), "{:?}", began.elapsed());
    assert_eq!(ingress.state.attr("ready"), Value::Bool(false));
    let port = Path::attribute("rules").index(0).attr("paths").index(0).attr("service_port");
    assert_eq!(ingress.state.at(&port), Some(Value::int(50052)), "what was written is in state");
}

#[tokio::test(start_paused = true)]
async fn without_wait_nothing_is_waited_for() {
    let fleet = fleet_with_gateway();
    let mut ingress = instance(&fleet);
    let mut config = walkthrough();
    config["wait"] = json!(false);
    let began = Instant::now();
    let answer = ingress.apply(&config).await;
    assert!(answer.diagnostics.is_empty(), "{:#?}", answer.diagnostics);
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(ingress.state.attr("ready"), Value::Null);
}

#[tokio::test(start_paused = true)]
async fn drift_of_the_ingress_shows_by_attribute_and_is_written_back() {
    let fleet = fleet_with_gateway();
    let mut config = walkthrough();
    config["canary"] = json!({"weight": 20});
    config["annotations"] = json!({"example.com/owner": "edge"});
    let mut ingress = create(&fleet, &config).await;
    fleet.edit(INGRESS, |object| {
        let annotations = &mut object["metadata"]["annotations"];
        annotations["alb.ingress.kubernetes.io/canary-weight"] = json!("50");
        annotations["alb.ingress.kubernetes.io/listen-ports"] = json!("[{\"HTTPS\": 443}]\n");
        annotations["alb.ingress.kubernetes.io/backend-protocol"] = json!("http");
        annotations["example.com/owner"] = json!("core");
        annotations["example.com/foreign"] = json!("x");
        object["metadata"]["labels"]["alb.ingress.kubernetes.io/hash"] = json!("abc");
    });
    ingress.read().await;
    let drifted = ["canary", "annotations", "backend_protocol", "ready", "reason", "effective_annotations"];
    assert_eq!(ingress.changes(&config), drifted);
    assert_eq!(ingress.state.attr("canary").attr("weight"), Value::int(50));
    ingress.apply(&config).await;
    let annotations = fleet.get(INGRESS).unwrap()["metadata"]["annotations"].clone();
    assert_eq!(annotations["alb.ingress.kubernetes.io/canary-weight"], "20");
    assert_eq!(annotations["alb.ingress.kubernetes.io/backend-protocol"], "grpc");
    assert_eq!(annotations["example.com/owner"], "edge");
    assert_eq!(annotations["example.com/foreign"], "x", "another tool's annotation survives every update");
}

#[tokio::test(start_paused = true)]
async fn a_text_that_the_controller_cannot_read_is_drift() {
    let fleet = fleet_with_gateway();
    let mut ingress = create(&fleet, &walkthrough()).await;
    fleet.edit(INGRESS, |object| {
        object["metadata"]["annotations"]["alb.ingress.kubernetes.io/listen-ports"] = json!("[{\"HTTPS\": \"443\"}]");
    });
    ingress.read().await;
    assert_eq!(ingress.state.attr("listen_ports"), Value::List(vec![Value::string("[{\"HTTPS\": \"443\"}]")]));
    assert!(ingress.changes(&walkthrough()).contains(&"listen_ports"));
}

#[tokio::test(start_paused = true)]
async fn a_vanished_host_name_is_noticed_and_a_warning_event_is_not() {
    let fleet = fleet_with_gateway();
    let mut ingress = create(&fleet, &walkthrough()).await;
    let about = fleet.get(INGRESS).unwrap();
    fleet.put("/api/v1/namespaces/gateway-demo/events/e1", event(&about, "Warning", "FailedBuildModel", "boom", 1));
    ingress.read().await;
    assert_eq!(ingress.changes(&walkthrough()), Vec::<&str>::new());
    fleet.edit(INGRESS, |object| object["status"] = json!({}));
    ingress.read().await;
    assert_eq!(ingress.state.attr("ready"), Value::Bool(false));
    assert!(ingress.changes(&walkthrough()).contains(&"ready"));
}

#[tokio::test(start_paused = true)]
async fn a_missing_namespace_is_told_at_the_namespace() {
    let fleet = fleet_with_gateway();
    let mut ingress = instance(&fleet);
    let details = json!({"name": "gateway-demo", "kind": "namespaces"});
    fleet.fault("PATCH", "ingresses", Fault::Refused(404, "NotFound", details));
    let answer = ingress.apply(&walkthrough()).await;
    assert_eq!(errors(&answer.diagnostics), ["namespace: Namespace Missing"]);
    assert_eq!(ingress.state, Value::Null);

    let causes = json!({"name": "grpc-ingress", "causes": [
        {"reason": "FieldValueInvalid", "field": "spec.rules[0].http.paths[0].path", "message": "must be an absolute path"},
        {"reason": "FieldValueInvalid", "field": "spec.tls[0].hosts[0]", "message": "bad"}]});
    fleet.fault("PATCH", "ingresses", Fault::Refused(422, "Invalid", causes));
    let answer = ingress.apply(&walkthrough()).await;
    assert_eq!(
        errors(&answer.diagnostics),
        ["rules[0].paths[0].path: Value Refused by Kubernetes", "tls[0].hosts: Value Refused by Kubernetes"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_delete_takes_only_the_object_in_state() {
    let fleet = fleet_with_gateway();
    let mut ingress = create(&fleet, &walkthrough()).await;
    fleet.edit(INGRESS, |object| object["metadata"]["uid"] = json!("somebody-elses"));
    fleet.forget_writes();
    let answer = ingress.destroy().await;
    assert!(answer.diagnostics.is_empty(), "{:#?}", answer.diagnostics);
    assert_eq!(fleet.writes(), Vec::<String>::new());
    assert!(fleet.get(INGRESS).is_some());

    fleet.remove(INGRESS);
    let mut ingress = create(&fleet, &walkthrough()).await;
    let answer = ingress.destroy().await;
    assert!(answer.diagnostics.is_empty(), "{:#?}", answer.diagnostics);
    assert_eq!(fleet.get(INGRESS), None);
}

#[tokio::test]
async fn mistakes_are_told_together_at_their_attributes() {
    let ingress = instance(&FakeFleet::default());
    let path = |path: &str, kind: &str| json!({"path": path, "path_type": kind, "service_name": "grpc-service", "service_port": 50051});
    let config = json!({
        "namespace": "Gateway",
        "name": "aliyun-x",
        "ingress_class_name": "alb",
        "listen_ports": ["80/HTTP"],
        "rules": [
            {"host": "grpc.example.com", "paths": [path("/", "Exact"), path("/a*", "Prefix"), path("/", "ImplementationSpecific"),
                path("x", "Prefix"), path("/a//b", "Prefix")]},
            {"host": "10.0.0.1", "paths": [{"service_name": "grpc-service", "service_port": 0}]},
            {"host": "other.example.com", "paths": []},
        ],
        "tls": [{"hosts": ["grpc.example.com", "*.example.com", "10.0.0.1"], "secret_name": "grpc-secret"}],
        "canary": {"weight": 101},
        "annotations": {"alb.ingress.kubernetes.io/listen-ports": "[]"},
    });
    let found = errors(&ingress.plan(&config).diagnostics);
    for expected in [
        "namespace: Invalid Namespace Name",
        "name: Reserved Ingress Name",
        "listen_ports: Listener Cannot Carry gRPC",
        "rules[0].paths[0].path: Path Matches No gRPC Method",
        "rules[0].paths[1].path: Wildcard in Path",
        "rules[0].paths[2].path_type: Path Matches No gRPC Method",
        "rules[0].paths[3].path: Invalid Path",
        "rules[0].paths[4].path: Invalid Path",
        "rules[1].host: Invalid Host",
        "rules[1].paths[0].service_port: Invalid Service Port",
        "rules[2].paths: No Paths",
        "rules[2].host: Host Without TLS Entry",
        "tls[0].hosts: Invalid Host",
        "canary.weight: Invalid Canary Weight",
        "annotations[\"alb.ingress.kubernetes.io/listen-ports\"]: Annotation Has an Attribute",
    ] {
        assert!(found.contains(&expected.to_owned()), "missing {expected} in {found:#?}");
    }
    assert_eq!(found.len(), 15, "{found:#?}");

    let one = |field: &str, value: Json| {
        let mut config = walkthrough();
        config[field] = value;
        errors(&ingress.plan(&config).diagnostics)
    };
    assert_eq!(one("rules", json!([])), ["rules: No Rules"]);
    assert_eq!(one("listen_ports", json!([null])), ["listen_ports: Null Element"]);
}

#[tokio::test]
async fn a_number_that_does_not_suit_hides_no_other_mistake() {
    let mut config = walkthrough();
    config["order"] = json!(1.5);
    config["cors"] = json!({"max_age": 1e30});
    config["rules"][0]["paths"][0]["service_port"] = json!(0.5);
    config["canary"] = json!({"weight": 101});
    assert_eq!(
        errors(&instance(&FakeFleet::default()).plan(&config).diagnostics),
        [
            "rules[0].paths[0].service_port: Invalid Service Port",
            "order: Unsuitable Value",
            "cors.max_age: Unsuitable Value",
            "canary.weight: Invalid Canary Weight"
        ]
    );
}

#[tokio::test]
async fn unknown_values_are_no_mistakes() {
    let ingress = instance(&FakeFleet::default());
    let config = json!({
        "namespace": "(unknown)",
        "name": "grpc-ingress",
        "ingress_class_name": "(unknown)",
        "listen_ports": "(unknown)",
        "rules": [{"host": "(unknown)", "paths": "(unknown)"}, {"host": "a.example.com", "paths": ["(unknown)"]}, "(unknown)"],
        "tls": [{"hosts": ["(unknown)"], "secret_name": "(unknown)"}],
        "canary": "(unknown)",
    });
    let plan = ingress.plan(&config);
    assert!(plan.diagnostics.is_empty(), "{:#?}", plan.diagnostics);
    assert!(plan.planned.unwrap().attr("id").is_unknown());
}

#[tokio::test(start_paused = true)]
async fn an_object_that_another_instance_took_in_this_run_is_spared() {
    let fleet = fleet_with_gateway();
    let mut config = walkthrough();
    config["wait"] = json!(false);
    let mut old = instance(&fleet);
    old.apply(&config).await;

    // Create before destroy: the new instance comes upon the unchanged object and records it.
    let clients = fleet.clients(settings());
    let mut new = Instance::new(ResourceType::<GrpcIngressResource>::erased(), clients.clone());
    let answer = new.apply(&config).await;
    assert_eq!(warnings(&answer.diagnostics), ["Interrupted Create Recorded"]);
    old.next_command(clients);
    let answer = old.destroy().await;
    assert_eq!(warnings(&answer.diagnostics), ["Object Kept"]);
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert!(fleet.get(INGRESS).is_some());

    // Its own instance deletes it, in the same run too.
    let answer = new.destroy().await;
    assert!(answer.diagnostics.is_empty(), "{:#?}", answer.diagnostics);
    assert_eq!(fleet.get(INGRESS), None);
}
