//! The gateway against recorded objects and against a Fleet in memory.

use serde_json::{Value as Json, json};

use super::*;
use crate::clients::Settings;
use crate::framework::erased::ResourceType;
use crate::framework::private::Private;
use crate::framework::value::Value;
use crate::resources::testing::{FakeFleet, Fault, Instance, errors, event, recorded, warnings};

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
        "zone_mappings": [{"vswitch_id": "vsw-oracle-h"}, {"vswitch_id": "vsw-oracle-i"}],
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

#[tokio::test(start_paused = true)]
async fn drift_shows_by_attribute_and_foreign_things_do_not() {
    let fleet = FakeFleet::default();
    let mut config = walkthrough();
    config["listeners"]["443/HTTPS"]["idle_timeout"] = json!(60);
    config["labels"] = json!({"team": "edge"});
    let mut gateway = create(&fleet, &config).await;
    fleet.edit(ALB_CONFIG, |object| {
        object["spec"]["listeners"][0]["idleTimeout"] = json!(30);
        object["spec"]["listeners"]
            .as_array_mut()
            .unwrap()
            .push(json!({"port": 9443, "protocol": "HTTPS", "description": null}));
        object["metadata"]["labels"]["other"] = json!("x");
        object["spec"]["config"]["resourceGroupId"] = json!("rg-1");
    });
    gateway.read().await;
    let listeners = gateway.state.attr("listeners");
    assert_eq!(listeners.attr("443/HTTPS").attr("idle_timeout"), Value::int(30));
    assert_eq!(gateway.state.attr("foreign_listeners"), Value::List(vec![Value::string("9443/HTTPS")]));
    assert_eq!(gateway.changes(&config), ["listeners", "listener_status", "ready", "reason"]);

    fleet.forget_writes();
    gateway.apply(&config).await;
    assert_eq!(fleet.writes(), [format!("PATCH {ALB_CONFIG}")]);
    let live = fleet.get(ALB_CONFIG).unwrap();
    let ports: Vec<&Json> =
        live["spec"]["listeners"].as_array().unwrap().iter().map(|listener| &listener["port"]).collect();
    assert!(ports.contains(&&json!(9443)), "foreign listeners survive: {ports:?}");
    assert_eq!(live["spec"]["listeners"][0]["idleTimeout"], 60);
    assert_eq!(live["metadata"]["labels"]["other"], "x");
}

#[tokio::test(start_paused = true)]
async fn a_change_between_plan_and_apply_is_a_conflict_at_its_attribute() {
    let fleet = FakeFleet::default();
    let mut config = walkthrough();
    config["listeners"]["443/HTTPS"]["idle_timeout"] = json!(60);
    let mut gateway = create(&fleet, &config).await;
    fleet.edit(ALB_CONFIG, |object| object["spec"]["listeners"][0]["idleTimeout"] = json!(30));
    config["listeners"]["443/HTTPS"]["idle_timeout"] = json!(90);
    fleet.forget_writes();
    let answer = gateway.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), ["listeners[\"443/HTTPS\"].idle_timeout: Field Changed Since the Plan"]);
    let detail = &answer.diagnostics.iter().last().unwrap().detail;
    for part in ["it was 60", "makes it 90", "now it is 30", "Plan again"] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    assert_eq!(fleet.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_update_is_ready_only_after_a_pass_that_began_after_it() {
    let fleet = FakeFleet::default();
    let mut config = waitable();
    let mut gateway = create(&fleet, &config).await;
    assert_eq!(gateway.state.attr("ready"), Value::Bool(true));
    let about = fleet.get(ALB_CONFIG).unwrap();
    let success = |count| event(&about, "Normal", "SuccessfullyReconciled", "Successfully reconciled", count);

    config["load_balancer_name"] = json!("one-pass");
    fleet.script_after_write("events", [success(1)]);
    let began = tokio::time::Instant::now();
    let answer = gateway.apply(&config).await;
    assert_eq!(gateway.state.attr("ready"), Value::Bool(true), "{:#?}", answer.diagnostics);
    assert!(began.elapsed() >= Duration::from_secs(15), "one pass may have missed the write: {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());

    // What ends while the write is under way proves nothing.
    config["load_balancer_name"] = json!("during");
    fleet.script("events", [success(2)]);
    let answer = gateway.apply(&config).await;
    assert_eq!(gateway.state.attr("ready"), Value::Bool(false));
    assert!(warnings(&answer.diagnostics).contains(&"Not Reconciled in Time".to_owned()));
    assert_eq!(fleet.get(ALB_CONFIG).unwrap()["spec"]["config"]["name"], "during");

    // The next apply writes nothing and waits for that write.
    fleet.forget_writes();
    fleet.script("events", [success(4)]);
    gateway.apply(&config).await;
    assert_eq!(fleet.writes(), Vec::<String>::new());
    assert_eq!(gateway.state.attr("ready"), Value::Bool(true));
}

#[tokio::test(start_paused = true)]
async fn without_events_the_label_proves_a_write_and_that_is_said_once() {
    let fleet = FakeFleet::default();
    let mut gateway = create(&fleet, &waitable()).await;
    gateway.next_command(fleet.clients(settings()));
    let mut told = Vec::new();
    for (hash, name) in [("1", "renamed"), ("2", "renamed-again")] {
        let mut config = waitable();
        config["load_balancer_name"] = json!(name);
        let mut stamped = published(&fleet);
        stamped["metadata"]["labels"]["alb.ingress.kubernetes.io/hash"] = json!(hash);
        fleet.script_after_write("albconfigs", [stamped]);
        fleet.fault("GET", "/events", Fault::Refused(403, "Forbidden", json!({"name": "x", "kind": "events"})));
        let answer = gateway.apply(&config).await;
        assert_eq!(gateway.state.attr("ready"), Value::Bool(true), "{:?}", answer.diagnostics);
        told.extend(warnings(&answer.diagnostics));
    }
    assert_eq!(told, ["Events Not Readable"]);
}

#[tokio::test(start_paused = true)]
async fn only_what_the_configuration_changes_replaces_the_load_balancer() {
    let fleet = FakeFleet::default();
    let mut gateway = create(&fleet, &walkthrough()).await;
    let mut config = walkthrough();
    config["address_type"] = json!("Intranet");
    let plan = gateway.plan(&config);
    assert_eq!(plan.requires_replace, [Path::attribute("address_type")]);
    let warning = plan.diagnostics.iter().find(|told| told.summary == "Load Balancer Replaced").unwrap();
    assert!(warning.detail.contains("alb-1.example.aliyuncs.com"), "{}", warning.detail);

    // Dropping a value that is the default is no change.
    let mut config = walkthrough();
    config["address_type"] = Json::Null;
    config["zone_mappings"] =
        json!([{"vswitch_id": "vsw-oracle-i"}, {"vswitch_id": "vsw-oracle-h", "zone_id": "cn-hangzhou-h"}]);
    assert_eq!(gateway.plan(&config).requires_replace, Vec::new());

    // A live edit that the controller ignored is written back in place ...
    fleet.edit(ALB_CONFIG, |object| object["spec"]["config"]["addressType"] = json!("Intranet"));
    gateway.read().await;
    assert_eq!(gateway.plan(&walkthrough()).requires_replace, Vec::new());
    assert!(gateway.changes(&walkthrough()).contains(&"address_type"));
    // ... and does not hide a change of the configuration.
    let mut config = walkthrough();
    config["address_type"] = json!("Intranet");
    let plan = gateway.plan(&config);
    assert!(plan.requires_replace.contains(&Path::attribute("load_balancer_id")), "{:?}", plan.requires_replace);
    assert!(plan.planned.unwrap().attr("load_balancer_id").is_unknown());

    let mut config = walkthrough();
    config["address_allocated_mode"] = json!("(unknown)");
    assert_eq!(gateway.plan(&config).requires_replace, [Path::attribute("address_allocated_mode")]);
}

#[tokio::test(start_paused = true)]
async fn local_settings_change_without_a_call() {
    let fleet = FakeFleet::default();
    let mut gateway = create(&fleet, &walkthrough()).await;
    let mut config = walkthrough();
    config["on_wait_timeout"] = json!("error");
    config["timeouts"] = json!({"create": "1h"});
    assert_eq!(gateway.changes(&config), ["on_wait_timeout", "timeouts"]);
    fleet.forget_writes();
    gateway.apply(&config).await;
    assert_eq!(fleet.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn another_fleet_is_an_error_and_a_recreated_object_is_gone() {
    let fleet = FakeFleet::default();
    let mut gateway = create(&fleet, &walkthrough()).await;
    let other = Settings { fleet_id: Some("c0other".to_owned()), ..Settings::default() };
    gateway.next_command(fleet.clients(other));
    let before = gateway.state.clone();
    let answer = gateway.read().await;
    assert_eq!(errors(&answer.diagnostics), ["Another Fleet"]);
    assert_eq!(gateway.state, before);

    gateway.next_command(fleet.clients(settings()));
    fleet.edit(ALB_CONFIG, |object| object["metadata"]["uid"] = json!("somebody-elses"));
    let answer = gateway.read().await;
    assert_eq!(gateway.state, Value::Null);
    assert_eq!(warnings(&answer.diagnostics), ["Object Recreated"]);
}

#[tokio::test(start_paused = true)]
async fn a_vanished_ingress_class_is_made_again() {
    let fleet = FakeFleet::default();
    let mut gateway = create(&fleet, &walkthrough()).await;
    fleet.remove(CLASS);
    gateway.read().await;
    assert!(gateway.changes(&walkthrough()).contains(&"ingress_class_name"));
    gateway.apply(&walkthrough()).await;
    assert!(fleet.get(CLASS).is_some());
    assert_eq!(gateway.changes(&walkthrough()), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn an_ingress_class_that_was_led_elsewhere_is_led_back() {
    let fleet = FakeFleet::default();
    let mut gateway = create(&fleet, &walkthrough()).await;
    fleet.edit(CLASS, |object| object["spec"]["parameters"]["name"] = json!("other"));
    let answer = gateway.read().await;
    assert_eq!(warnings(&answer.diagnostics), ["ingress_class_name: IngressClass Leads Elsewhere"]);
    let answer = gateway.apply(&walkthrough()).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!(fleet.get(CLASS).unwrap()["spec"]["parameters"]["name"], "ackone-gateway-demo");
    assert_eq!(gateway.changes(&walkthrough()), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn a_renamed_ingress_class_goes_only_after_its_users() {
    let fleet = FakeFleet::default();
    let mut gateway = create(&fleet, &walkthrough()).await;
    fleet.put(INGRESS, user());
    let mut config = walkthrough();
    config["ingress_class_name"] = json!("alb-2");
    let answer = gateway.apply(&config).await;
    // An error would stop core before it changes the Ingress, which depends on the gateway.
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert!(warnings(&answer.diagnostics).contains(&"ingress_class_name: Old Ingress Class Kept".to_owned()));
    assert!(fleet.get(CLASS).is_some());
    assert!(fleet.get(&CLASS.replace("/alb", "/alb-2")).is_some());

    fleet.edit(INGRESS, |object| object["spec"]["ingressClassName"] = json!("alb-2"));
    gateway.next_command(fleet.clients(settings()));
    gateway.read().await;
    assert_eq!(gateway.changes(&config), ["listener_status", "ready", "reason"]);
    let answer = gateway.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!(fleet.get(CLASS), None);
    assert_eq!(gateway.changes(&config), Vec::<&str>::new());
}

fn user() -> Json {
    json!({"kind": "Ingress", "metadata": {"name": "grpc-ingress", "namespace": "gateway-demo", "uid": "i"},
        "spec": {"ingressClassName": "alb"}})
}

#[tokio::test(start_paused = true)]
async fn a_gateway_in_use_is_not_deleted_unless_its_users_go_in_time() {
    let fleet = FakeFleet::default();
    let mut gateway = create(&fleet, &walkthrough()).await;
    fleet.put(INGRESS, user());
    fleet.forget_writes();
    let began = tokio::time::Instant::now();
    let answer = gateway.destroy().await;
    assert_eq!(errors(&answer.diagnostics), ["Gateway in Use"]);
    assert!(answer.diagnostics.iter().any(|told| told.detail.contains("gateway-demo/grpc-ingress")));
    assert!(began.elapsed() >= Duration::from_secs(30));
    assert_eq!(fleet.writes(), Vec::<String>::new());

    let mut going = user();
    going["gone"] = json!(true);
    fleet.script("ingresses", [going]);
    let answer = gateway.destroy().await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!(fleet.writes(), [format!("DELETE {CLASS}"), format!("DELETE {ALB_CONFIG}")], "class first");
    assert_eq!(gateway.state, Value::Null);
}

#[tokio::test(start_paused = true)]
async fn users_that_cannot_be_listed_for_a_while_are_not_taken_for_none() {
    let fleet = FakeFleet::default();
    let mut gateway = create(&fleet, &walkthrough()).await;
    fleet.put(INGRESS, user());
    fleet.forget_writes();
    for _ in 0..28 {
        fleet.fault("GET", "/ingresses", Fault::Refused(503, "ServiceUnavailable", json!({})));
    }
    let began = tokio::time::Instant::now();
    let answer = gateway.destroy().await;
    assert_eq!(errors(&answer.diagnostics), ["Gateway in Use"]);
    assert!(began.elapsed() > Duration::from_secs(30), "the first list came after the grace period");
    assert_eq!(fleet.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_old_half_of_a_create_before_destroy_spares_what_the_new_half_recorded() {
    let fleet = FakeFleet::default();
    let mut old = create(&fleet, &walkthrough()).await;
    // A young gateway, equal to what is planned, is taken for one that an interrupted create left. The new half is handed
    // the private data of the old one.
    let clients = fleet.clients(settings());
    let mut new = Instance::new(ResourceType::<AlbGateway>::erased(), clients.clone());
    new.private.clone_from(&old.private);
    let recorded = new.apply(&walkthrough()).await;
    assert_eq!(errors(&recorded.diagnostics), Vec::<String>::new());
    fleet.forget_writes();
    old.next_command(clients);
    let answer = old.destroy().await;
    assert_eq!((errors(&answer.diagnostics), &old.state), (Vec::new(), &Value::Null));
    assert_eq!(fleet.writes(), Vec::<String>::new(), "both objects are the new half's now");
}

#[tokio::test(start_paused = true)]
async fn ignored_users_and_a_replacement_only_warn() {
    let fleet = FakeFleet::default();
    let mut config = walkthrough();
    config["ignore_users"] = json!(true);
    let mut gateway = create(&fleet, &config).await;
    fleet.put(INGRESS, user());
    let answer = gateway.destroy().await;
    assert_eq!(warnings(&answer.diagnostics), ["Gateway in Use Is Deleted"]);

    let mut gateway = create(&fleet, &walkthrough()).await;
    let mut private = Private::decode(&gateway.private);
    private.set_successor(Identity::from([("name".to_owned(), "ackone-gateway-demo".to_owned())]));
    gateway.private = private.encode();
    let answer = gateway.destroy().await;
    assert_eq!(warnings(&answer.diagnostics), ["Gateway in Use Is Replaced"]);
    assert_eq!(gateway.state, Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_held_deletion_names_its_finalizers_and_keeps_the_state() {
    let fleet = FakeFleet::default();
    let mut gateway = create(&fleet, &walkthrough()).await;
    fleet.hold("albconfigs", "ingress.k8s.alibaba/resources");
    let answer = gateway.destroy().await;
    assert_eq!(errors(&answer.diagnostics), ["Deletion Not Finished"]);
    assert!(answer.diagnostics.iter().any(|told| told.detail.contains("ingress.k8s.alibaba/resources")));
    assert!(!gateway.state.is_null());
    fleet.remove(ALB_CONFIG);
    let answer = gateway.destroy().await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new(), "already gone is success");
}

#[tokio::test]
async fn mistakes_are_told_together_at_their_attributes() {
    let gateway = instance(&FakeFleet::default());
    let config = json!({
        "name": "aliyun-gateway",
        "remote_clusters": ["c1,c2"],
        "load_balancer_name": "1x",
        "address_type": "internet",
        "address_allocated_mode": "fixed",
        "address_ip_version": "IPv6",
        "edition": "Basic",
        "zone_mappings": [{"vswitch_id": "vsw-a", "zone_id": "z"}, {"vswitch_id": "sw-b", "zone_id": "z", "allocation_id": "x"}],
        "listeners": {
            "443/HTTPS": {"idle_timeout": 0, "request_timeout": 3601, "security_policy_id": "tls_cipher_policy_1_3",
                "certificates": [{"certificate_id": "1-a", "default": true}, {"certificate_id": "x", "default": true}]},
            "80/HTTP": {"security_policy_id": "tls_cipher_policy_1_2", "http2_enabled": true,
                "certificates": [{"certificate_id": "1-a"}]},
        },
        "tags": {"acs:x": "1"},
        "labels": {"a b": "1"},
        "annotations": {"alb.ingress.kubernetes.io/remote-clusters": "c1"},
        "on_wait_timeout": "fail",
    });
    let found = errors(&gateway.plan(&config).diagnostics);
    for expected in [
        "name: Reserved Gateway Name",
        "remote_clusters: Invalid Cluster ID",
        "load_balancer_name: Invalid Load Balancer Name",
        "address_type: Invalid Address Type",
        "address_allocated_mode: Invalid Address Mode",
        "address_ip_version: Invalid Address Version",
        "edition: Invalid Edition",
        "zone_mappings: Duplicate Zone Mapping",
        "zone_mappings[1].vswitch_id: Invalid vSwitch ID",
        "zone_mappings[1].allocation_id: Invalid Elastic IP ID",
        "listeners[\"443/HTTPS\"].idle_timeout: Invalid Listener Timer",
        "listeners[\"443/HTTPS\"].request_timeout: Invalid Listener Timer",
        "listeners[\"443/HTTPS\"].security_policy_id: Unknown TLS Policy",
        "listeners[\"443/HTTPS\"].certificates: Several Default Certificates",
        "listeners[\"443/HTTPS\"].certificates[1].certificate_id: Invalid Certificate ID",
        "listeners[\"80/HTTP\"].security_policy_id: Setting Needs a TLS Listener",
        "listeners[\"80/HTTP\"].http2_enabled: Setting Needs a TLS Listener",
        "listeners[\"80/HTTP\"].certificates: Setting Needs a TLS Listener",
        "tags: Invalid Tag Key",
        "labels: Invalid Metadata Key",
        "annotations[\"alb.ingress.kubernetes.io/remote-clusters\"]: Annotation Has an Attribute",
        "on_wait_timeout: Invalid Wait Setting",
    ] {
        assert!(found.contains(&expected.to_owned()), "missing {expected} in {found:#?}");
    }
    assert_eq!(found.len(), 22, "{found:#?}");

    for listeners in [json!({"0/HTTP": {}}), json!({"443/https": {}}), json!({"0443/HTTPS": {}}), json!({"HTTPS": {}})]
    {
        let mut config = walkthrough();
        config["listeners"] = listeners;
        assert_eq!(errors(&gateway.plan(&config).diagnostics), ["listeners: Invalid Listener"]);
    }
    let mut config = walkthrough();
    config["listeners"] = json!({"443/HTTP": {}, "443/HTTPS": {}});
    assert_eq!(errors(&gateway.plan(&config).diagnostics), ["listeners: Listeners on One Port"]);
    config["listeners"] = json!({"443/QUIC": {}, "443/HTTPS": {}});
    assert_eq!(errors(&gateway.plan(&config).diagnostics), Vec::<String>::new());
    config["zone_mappings"] = json!([]);
    config["remote_clusters"] = json!([]);
    config["listeners"] = json!({"443/HTTPS": null});
    assert_eq!(
        errors(&gateway.plan(&config).diagnostics),
        [
            "remote_clusters: No Member Clusters",
            "zone_mappings: No Zone Mappings",
            "listeners[\"443/HTTPS\"]: Null Element"
        ]
    );
}

#[tokio::test]
async fn unknown_values_are_no_mistakes() {
    let gateway = instance(&FakeFleet::default());
    let config = json!({
        "name": "(unknown)",
        "remote_clusters": ["(unknown)"],
        "address_type": "(unknown)",
        "zone_mappings": ["(unknown)", {"vswitch_id": "(unknown)"}],
        "listeners": {"443/HTTPS": {"certificates": "(unknown)", "security_policy_id": "(unknown)"}, "80/HTTP": "(unknown)"},
        "labels": {"a": "(unknown)"},
        "tags": "(unknown)",
    });
    let plan = gateway.plan(&config);
    assert_eq!(errors(&plan.diagnostics), Vec::<String>::new());
    let planned = plan.planned.unwrap();
    assert!(planned.attr("effective_labels").is_unknown());
    assert!(planned.attr("ingress_class_name").is_unknown());
    assert_eq!(planned.attr("fleet_id"), Value::string("c0fleet"));
}

#[tokio::test]
async fn advice_is_given_when_something_changes() {
    let gateway = instance(&FakeFleet::default());
    let mut config = walkthrough();
    config["remote_clusters"] = json!(["c1member"]);
    config["zone_mappings"] = json!([{"vswitch_id": "vsw-a"}]);
    config["address_allocated_mode"] = Json::Null;
    config["listeners"] = json!({"443/HTTPS": {"http2_enabled": true, "idle_timeout": 700}});
    let found = warnings(&gateway.plan(&config).diagnostics);
    for expected in [
        "remote_clusters: Single Member Cluster",
        "remote_clusters: Unusual Cluster ID",
        "zone_mappings: Single Zone",
        "address_allocated_mode: Dynamic Addresses",
        "listeners[\"443/HTTPS\"].idle_timeout: Timer Needs a Raised Quota",
        "listeners[\"443/HTTPS\"].http2_enabled: HTTP/2 Set Explicitly",
        "listeners[\"443/HTTPS\"].security_policy_id: Old TLS Versions Accepted",
    ] {
        assert!(found.contains(&expected.to_owned()), "missing {expected} in {found:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn provider_defaults_reach_the_object_and_a_change_of_them_is_an_update() {
    let fleet = FakeFleet::default();
    let defaults =
        |team: &str| Settings { default_labels: [("team".to_owned(), team.to_owned())].into(), ..settings() };
    let mut gateway = Instance::new(ResourceType::<AlbGateway>::erased(), fleet.clients(defaults("edge")));
    let planned = gateway.plan(&walkthrough()).planned.unwrap();
    assert_eq!(planned.attr("effective_labels").attr("team"), Value::string("edge"));
    gateway.apply(&walkthrough()).await;
    assert_eq!(fleet.get(ALB_CONFIG).unwrap()["metadata"]["labels"]["team"], "edge");
    assert_eq!(gateway.changes(&walkthrough()), Vec::<&str>::new());
    gateway.next_command(fleet.clients(defaults("core")));
    assert!(gateway.changes(&walkthrough()).contains(&"effective_labels"));
    gateway.apply(&walkthrough()).await;
    assert_eq!(fleet.get(ALB_CONFIG).unwrap()["metadata"]["labels"]["team"], "core");
}

#[test]
fn the_default_certificate_is_written_first() {
    let config = json!({"443/HTTPS": {"certificates": [{"certificate_id": "1-a"}, {"certificate_id": "2-b", "default": true}]},
        "8443/HTTPS": {"certificates": []}});
    let mut state = object::nothing();
    state.listeners = Field::from_value(&crate::resources::testing::value(&config)).ok();
    assert_eq!(
        object::alb_config(&state)["spec"]["listeners"],
        json!([{"port": 443, "protocol": "HTTPS",
                "certificates": [{"CertificateId": "2-b", "IsDefault": true}, {"CertificateId": "1-a"}]},
               {"port": 8443, "protocol": "HTTPS"}])
    );
}
