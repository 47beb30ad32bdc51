//! The gateway against recorded objects and against a Fleet in memory.

use serde_json::{Value as Json, json};

use super::*;
use crate::clients::Settings;
use crate::framework::erased::ResourceType;
use crate::framework::private::Private;
use crate::framework::value::Value;
use crate::resources::testing::{FakeFleet, Fault, Instance, errors, event, recorded, warnings};

mod every_attribute;
mod fields;
mod listeners;
mod remove;
mod rules;
mod samples;
mod together;
mod update;
mod written_rules;

pub(crate) use samples::sample;

const ALB_CONFIG: &str = "/apis/alibabacloud.com/v1/albconfigs/ackone-gateway-demo";
const CLASS: &str = "/apis/networking.k8s.io/v1/ingressclasses/alb";
const INGRESS: &str = "/apis/networking.k8s.io/v1/namespaces/gateway-demo/ingresses/grpc-ingress";

/// The walkthrough's gateway, with the names of the recorded run.
fn walkthrough() -> Json {
    json!({
        "name": "ackone-gateway-demo",
        "remote_clusters": ["c2member", "c1member"],
        "load_balancer_name": "one-alb-demo",
        "address_type": "Internet",
        "address_allocated_mode": "Fixed",
        "zone_mappings": [{"vswitch_id": "vsw-oracleh"}, {"vswitch_id": "vsw-oraclei"}],
        "listeners": {"8001/HTTP": {}, "443/HTTPS": {}},
        "ingress_class_name": "alb",
    })
}

/// A gateway whose listeners need no Ingress.
fn waitable() -> Json {
    let mut config = walkthrough();
    config["listeners"] = json!({"8001/HTTP": {}});
    config
}

fn settings() -> Settings {
    Settings { fleet_id: Some("c0fleet".to_owned()), ..Settings::default() }
}

fn instance(fleet: &FakeFleet) -> Instance {
    Instance::new(ResourceType::<AlbGateway>::erased(), fleet.clients(settings()))
}

/// The live object with the status that the controller publishes.
fn published(fleet: &FakeFleet) -> Json {
    let mut object = fleet.get(ALB_CONFIG).unwrap();
    object["status"] = json!({"loadBalancer": {"id": "alb-1", "dnsname": "alb-1.example.aliyuncs.com"}});
    object
}

/// Creates the gateway and lets the controller publish it.
async fn create(fleet: &FakeFleet, config: &Json) -> Instance {
    let mut gateway = instance(fleet);
    let answer = gateway.apply(config).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    let object = published(fleet);
    fleet.put(ALB_CONFIG, object);
    gateway.next_command(fleet.clients(settings()));
    gateway.read().await;
    gateway
}

#[tokio::test(start_paused = true)]
async fn the_walkthroughs_objects_import_without_a_change() {
    let fleet = FakeFleet::default();
    fleet.put(ALB_CONFIG, recorded("AlbConfig"));
    fleet.put(CLASS, recorded("IngressClass"));
    let mut gateway = instance(&fleet);
    let answer = gateway.import("ackone-gateway-demo").await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!(gateway.changes(&walkthrough()), Vec::<&str>::new());
    let attr = |name: &str| gateway.state.attr(name);
    assert_eq!(attr("dns_name"), Value::string("alb-000015.cn-hangzhou.alb.aliyuncs.com"));
    assert_eq!(attr("ready"), Value::Null, "the HTTPS listener's certificate comes with an Ingress");
    assert_eq!(attr("manage_ingress_class"), Value::Bool(true));
    assert_eq!(attr("foreign_listeners"), Value::List(Vec::new()));
    assert_eq!(answer.identity.unwrap()["fleet_id"], "c0fleet");
    assert_eq!(fleet.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_controllers_rewrite_of_the_whole_spec_is_no_drift() {
    let fleet = FakeFleet::default();
    let mut gateway = create(&fleet, &walkthrough()).await;
    let uid = fleet.get(ALB_CONFIG).unwrap()["metadata"]["uid"].clone();
    let mut rewritten = recorded("AlbConfig");
    rewritten["metadata"]["uid"] = uid;
    fleet.put(ALB_CONFIG, rewritten);
    let answer = gateway.read().await;
    assert!(answer.diagnostics.is_empty(), "{:?}", answer.diagnostics);
    assert_eq!(gateway.changes(&walkthrough()), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn create_asks_for_both_objects_first_and_does_not_wait_for_a_bare_https_listener() {
    let fleet = FakeFleet::default();
    let mut gateway = instance(&fleet);
    let answer = gateway.apply(&walkthrough()).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!(
        fleet.writes(),
        [
            format!("PATCH {ALB_CONFIG} (dry run)"),
            format!("PATCH {CLASS} (dry run)"),
            format!("PATCH {CLASS}"),
            format!("PATCH {ALB_CONFIG}"),
        ]
    );
    assert_eq!(gateway.state.attr("ready"), Value::Null);
    assert!(gateway.state.attr("reason").as_str().unwrap().contains("443/HTTPS"));
    assert_eq!(gateway.state.attr("fleet_id"), Value::string("c0fleet"));
    assert_eq!(gateway.changes(&walkthrough()), Vec::<&str>::new(), "null is no reason for an update");
    let written = fleet.get(ALB_CONFIG).unwrap();
    assert_eq!(written["metadata"]["annotations"][object::REMOTE_CLUSTERS], "c1member,c2member");
    assert_eq!(written["spec"]["listeners"][0], json!({"port": 443, "protocol": "HTTPS"}));
}

#[tokio::test(start_paused = true)]
async fn create_waits_until_the_controller_has_published_it() {
    let fleet = FakeFleet::default();
    let mut gateway = instance(&fleet);
    let object = json!({"kind": "AlbConfig", "metadata": {"name": "ackone-gateway-demo", "uid": "u", "resourceVersion": "9"},
        "status": {"loadBalancer": {"id": "alb-1", "dnsname": "alb-1.example.aliyuncs.com"}}});
    fleet.script("albconfigs", [object]);
    let answer = gateway.apply(&waitable()).await;
    assert!(!answer.diagnostics.iter().any(|told| told.summary.contains("Reconciled")), "{:?}", answer.diagnostics);
    assert_eq!(gateway.state.attr("ready"), Value::Bool(true));
    assert_eq!(gateway.state.attr("dns_name"), Value::string("alb-1.example.aliyuncs.com"));
}

#[tokio::test(start_paused = true)]
async fn a_create_that_times_out_keeps_the_gateway_and_the_next_apply_waits_again() {
    let fleet = FakeFleet::default();
    let mut gateway = instance(&fleet);
    let answer = gateway.apply(&waitable()).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new(), "an error would taint");
    assert!(warnings(&answer.diagnostics).contains(&"Not Reconciled in Time".to_owned()));
    assert_eq!(gateway.state.attr("ready"), Value::Bool(false));
    gateway.next_command(fleet.clients(settings()));
    gateway.read().await;
    assert_eq!(gateway.changes(&waitable()), ["load_balancer_id", "dns_name", "listener_status", "ready", "reason"]);
    fleet.forget_writes();
    let object = published(&fleet);
    fleet.script("albconfigs", [object]);
    let answer = gateway.apply(&waitable()).await;
    assert_eq!(fleet.writes(), Vec::<String>::new(), "nothing differs, so nothing is written");
    assert!(!warnings(&answer.diagnostics).contains(&"Not Reconciled in Time".to_owned()));
    assert_eq!(gateway.state.attr("ready"), Value::Bool(true));
}

#[tokio::test(start_paused = true)]
async fn a_strict_create_that_times_out_is_an_error_that_names_untaint() {
    let fleet = FakeFleet::default();
    let mut gateway = instance(&fleet);
    let mut config = waitable();
    config["on_wait_timeout"] = json!("error");
    let answer = gateway.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), ["Not Reconciled in Time"]);
    let error = answer.diagnostics.iter().find(|told| told.summary == "Not Reconciled in Time").unwrap();
    assert!(error.detail.contains("terraform untaint"), "{}", error.detail);
    assert_eq!(gateway.state.attr("name"), Value::string("ackone-gateway-demo"), "it exists and is in state");
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_the_wait_and_keeps_the_gateway() {
    let fleet = FakeFleet::default();
    let mut gateway = instance(&fleet);
    let canceller = crate::cancel::Cancel::new();
    gateway.context.cancel = canceller.clone();
    let began = tokio::time::Instant::now();
    let stop = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        canceller.cancel();
    };
    let config = waitable();
    let (answer, ()) = tokio::join!(gateway.apply(&config), stop);
    assert!(began.elapsed() < Duration::from_secs(6));
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert!(warnings(&answer.diagnostics).contains(&"Wait Interrupted".to_owned()));
    assert_eq!(gateway.state.attr("ready"), Value::Bool(false));
}

#[tokio::test(start_paused = true)]
async fn a_lasting_failure_ends_the_wait_after_the_grace_period_with_what_to_do() {
    let fleet = FakeFleet::default();
    let mut gateway = instance(&fleet);
    let about = json!({"kind": "AlbConfig", "metadata": {"name": "ackone-gateway-demo"}});
    let message = "empty load balancer zone mapping";
    fleet.script("events", [event(&about, "Warning", "FailedApplyModel", message, 1)]);
    let began = tokio::time::Instant::now();
    let answer = gateway.apply(&waitable()).await;
    let waited = began.elapsed();
    assert!(waited >= Duration::from_secs(60) && waited < Duration::from_secs(70), "{waited:?}");
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new(), "a create never errs once the object exists");
    let told = answer.diagnostics.iter().find(|told| told.summary == "Controller Reports a Failure").unwrap();
    assert!(told.detail.contains(message) && told.detail.contains("zone_mappings"), "{}", told.detail);
    assert!(gateway.state.attr("reason").as_str().unwrap().contains(message));
}

#[tokio::test(start_paused = true)]
async fn a_healing_failure_is_waited_out() {
    let fleet = FakeFleet::default();
    let mut gateway = instance(&fleet);
    let about = json!({"kind": "AlbConfig", "metadata": {"name": "ackone-gateway-demo"}});
    fleet.script(
        "events",
        [event(&about, "Warning", "FailedApplyModel", "Request was denied due to user flow control.", 1)],
    );
    let began = tokio::time::Instant::now();
    let answer = gateway.apply(&waitable()).await;
    assert!(began.elapsed() >= Duration::from_mins(10));
    assert!(warnings(&answer.diagnostics).contains(&"Not Reconciled in Time".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn an_existing_gateway_is_not_overwritten_and_the_error_holds_an_import_block() {
    let fleet = FakeFleet::default();
    fleet.put(ALB_CONFIG, recorded("AlbConfig"));
    let mut gateway = instance(&fleet);
    let answer = gateway.apply(&walkthrough()).await;
    assert_eq!(errors(&answer.diagnostics), ["Object Exists"]);
    let detail = &answer.diagnostics.iter().last().unwrap().detail;
    assert!(
        detail.contains("to = ackone_alb_gateway.<name>") && detail.contains("id = \"ackone-gateway-demo\""),
        "{detail}"
    );
    assert_eq!(gateway.state, Value::Null);
    assert_eq!(fleet.writes(), [format!("PATCH {ALB_CONFIG} (dry run)")], "not even the IngressClass was made");
}

#[tokio::test(start_paused = true)]
async fn adopt_takes_over_what_no_state_manages_and_nothing_of_ours() {
    let fleet = FakeFleet::default();
    fleet.put(ALB_CONFIG, recorded("AlbConfig"));
    let mut config = walkthrough();
    config["adopt"] = json!(true);
    config["load_balancer_name"] = json!("adopted");
    let mut gateway = instance(&fleet);
    let answer = gateway.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    let live = fleet.get(ALB_CONFIG).unwrap();
    assert_eq!(live["spec"]["config"]["name"], "adopted");
    assert_eq!(
        live["metadata"]["labels"]["alb.ingress.kubernetes.io/hash"],
        recorded("AlbConfig")["metadata"]["labels"]["alb.ingress.kubernetes.io/hash"]
    );

    let mut second = instance(&fleet);
    let answer = second.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), ["adopt: Object Managed by Another State"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_gateway_leaves_no_ingress_class_behind() {
    let fleet = FakeFleet::default();
    let mut gateway = instance(&fleet);
    fleet.fault("PATCH", "albconfigs", Fault::Refused(403, "Forbidden", json!({"name": "x", "kind": "albconfigs"})));
    let answer = gateway.apply(&walkthrough()).await;
    assert_eq!(errors(&answer.diagnostics), ["Action Forbidden"]);
    assert_eq!(gateway.state, Value::Null);
    assert_eq!(fleet.get(CLASS), None);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_and_a_lost_state_both_converge_without_a_second_object() {
    let fleet = FakeFleet::default();
    let mut gateway = instance(&fleet);
    fleet.fault("PATCH", "albconfigs", Fault::LostAnswer);
    let answer = gateway.apply(&walkthrough()).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!(gateway.state.attr("name"), Value::string("ackone-gateway-demo"));

    // The process was killed after the writes: state knows nothing.
    let mut again = instance(&fleet);
    fleet.forget_writes();
    let answer = again.apply(&walkthrough()).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert!(warnings(&answer.diagnostics).contains(&"Interrupted Create Recorded".to_owned()));
    assert_eq!(again.state.attr("id"), Value::string("ackone-gateway-demo"));
}
