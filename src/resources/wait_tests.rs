//! Waits for the controller, driven through the gRPC Ingress against a Fleet in memory: how long which cause is waited
//! out, what proves an update, and what people read in the log meanwhile.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::grpc_ingress::GrpcIngressResource;
use super::kubernetes_attributes::{HASH_LABEL, LOOK_AGAIN};
use super::pending::Pending;
use super::testing::{FakeFleet, Instance, errors, event, recorded, warnings};
use crate::clients::Settings;
use crate::framework::erased::{ResourceType, StateAnswer};
use crate::framework::value::Value;
use crate::kubernetes::watch::WatchEvent;
use crate::kubernetes::{EventLog, Kind, ObjectRef};

const INGRESS: &str = "/apis/networking.k8s.io/v1/namespaces/gateway-demo/ingresses/grpc-ingress";
const CLASS: &str = "/apis/networking.k8s.io/v1/ingressclasses/alb";
const ALB_CONFIG: &str = "/apis/alibabacloud.com/v1/albconfigs/ackone-gateway-demo";

fn config(port: u16) -> Json {
    json!({
        "namespace": "gateway-demo",
        "name": "grpc-ingress",
        "ingress_class_name": "alb",
        "listen_ports": ["443/HTTPS"],
        "rules": [{"host": "grpc.example.com", "paths": [{"service_name": "grpc-service", "service_port": port}]}],
        "tls": [{"hosts": ["grpc.example.com"], "secret_name": "grpc-secret"}],
    })
}

fn settings() -> Settings {
    Settings { fleet_id: Some("c0fleet".to_owned()), ..Settings::default() }
}

/// A published Ingress.
async fn published(fleet: &FakeFleet) -> Instance {
    fleet.put(ALB_CONFIG, recorded("AlbConfig"));
    fleet.put(CLASS, recorded("IngressClass"));
    let mut ingress = Instance::new(ResourceType::<GrpcIngressResource>::erased(), fleet.clients(settings()));
    let mut seen = recorded("Ingress");
    seen["metadata"]["uid"] = json!("made-by-us");
    fleet.script("ingresses", [seen]);
    let answer = ingress.apply(&config(50051)).await;
    assert!(answer.diagnostics.is_empty(), "{:#?}", answer.diagnostics);
    let status = recorded("Ingress")["status"].clone();
    fleet.edit(INGRESS, |object| object["status"] = status);
    ingress.next_command(fleet.clients(settings()));
    ingress
}

/// Updates the Ingress while the controller tells these Events after the write; answers how long that took.
async fn update(fleet: &FakeFleet, ingress: &mut Instance, events: Vec<Json>) -> (StateAnswer, Duration) {
    fleet.script_after_write("events", events);
    let began = Instant::now();
    let answer = ingress.apply(&config(50052)).await;
    (answer, began.elapsed())
}

fn told(kind: &str, reason: &str, message: &str, count: u64) -> Json {
    event(&recorded("Ingress"), kind, reason, message, count)
}

fn success(count: u64) -> Json {
    told("Normal", "SuccessfullyReconciled", "Successfully reconciled", count)
}

#[tokio::test(start_paused = true)]
async fn two_passes_prove_an_update_without_any_quiet() {
    let fleet = FakeFleet::default();
    let mut ingress = published(&fleet).await;
    let (answer, took) = update(&fleet, &mut ingress, vec![success(1), success(2)]).await;
    assert!(answer.diagnostics.is_empty(), "{:#?}", answer.diagnostics);
    assert_eq!(ingress.state.attr("ready"), Value::Bool(true));
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn one_pass_proves_an_update_after_fifteen_seconds_of_quiet_only() {
    let fleet = FakeFleet::default();
    let mut ingress = published(&fleet).await;
    let mut stamped = fleet.get(INGRESS).unwrap();
    stamped["metadata"]["labels"][HASH_LABEL] = json!("another");
    stamped["metadata"]["resourceVersion"] = json!("900");
    fleet.script_after_write("ingresses", [stamped]);
    let (answer, took) = update(&fleet, &mut ingress, vec![success(1)]).await;
    assert!(answer.diagnostics.is_empty(), "{:#?}", answer.diagnostics);
    assert_eq!(ingress.state.attr("ready"), Value::Bool(true));
    assert!(took >= Duration::from_secs(15) && took < Duration::from_secs(20), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cause_that_lasts_fails_an_update_within_seconds_once_it_is_reported_again() {
    let fleet = FakeFleet::default();
    let mut ingress = published(&fleet).await;
    let text = "backend not found: unable to find port 50052 on service gateway-demo/grpc-service";
    let events = (1..=2).map(|count| told("Warning", "FailedApplyModel", text, count)).collect();
    let (answer, took) = update(&fleet, &mut ingress, events).await;
    assert_eq!(errors(&answer.diagnostics), ["Controller Reports a Failure"]);
    assert!(took >= Duration::from_secs(20) && took < Duration::from_secs(25), "{took:?}");
    assert_eq!(ingress.state.attr("ready"), Value::Bool(false));
}

#[tokio::test(start_paused = true)]
async fn what_another_object_would_heal_is_waited_for_but_not_for_ever() {
    for text in ["Secret \"grpc-secret\" not found", "listener not found for (443/HTTPS), with ingresses 1"] {
        let fleet = FakeFleet::default();
        let mut ingress = published(&fleet).await;
        let (answer, took) = update(&fleet, &mut ingress, vec![told("Warning", "FailedBuildModel", text, 1)]).await;
        assert_eq!(errors(&answer.diagnostics), ["Controller Reports a Failure"], "{text}");
        assert!(took >= Duration::from_secs(45) && took < Duration::from_secs(50), "{text}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_failed_after_the_first_success_is_no_quiet() {
    let fleet = FakeFleet::default();
    let mut ingress = published(&fleet).await;
    // The first end is of the pass that missed the write; the one that saw it finds no Secret.
    let missing = told("Warning", "FailedBuildModel", "Secret \"grpc-secret\" not found", 1);
    let (answer, _) = update(&fleet, &mut ingress, vec![success(1), missing]).await;
    assert_eq!(errors(&answer.diagnostics), ["Controller Reports a Failure"]);
    assert_eq!(ingress.state.attr("ready"), Value::Bool(false));
}

#[tokio::test(start_paused = true)]
async fn what_passes_by_itself_is_waited_for_until_the_timeout_and_is_no_error() {
    let fleet = FakeFleet::default();
    let mut ingress = published(&fleet).await;
    let throttled = told("Warning", "FailedApplyModel", "Message: Request was denied due to user flow control.", 1);
    let (answer, took) = update(&fleet, &mut ingress, vec![throttled]).await;
    assert_eq!(warnings(&answer.diagnostics), ["Not Reconciled in Time"]);
    assert!(took >= Duration::from_secs(600), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_a_success_follows_is_forgotten() {
    let fleet = FakeFleet::default();
    let mut ingress = published(&fleet).await;
    let text = "conflict listener in albconfig, please remove it manual";
    let fails = |count| told("Warning", "FailedBuildModel", text, count);
    let (answer, took) = update(&fleet, &mut ingress, vec![fails(1), fails(2), success(1), success(2)]).await;
    assert!(answer.diagnostics.is_empty(), "{:#?}", answer.diagnostics);
    assert!(took < Duration::from_secs(2), "{took:?}");
}

/// An update that fails and is taken back, in a Fleet whose gateway has these Events; answers how the second went.
async fn taken_back(fleet: &FakeFleet, gateway: Vec<Json>) -> (Instance, StateAnswer, Duration) {
    let mut ingress = published(fleet).await;
    fleet.edit(INGRESS, |object| object["metadata"]["labels"][HASH_LABEL] = json!("stamped"));
    for (index, event) in gateway.into_iter().enumerate() {
        fleet.put(&format!("/api/v1/namespaces/default/events/g{index}"), event);
    }
    ingress.read().await;
    let text = "conflict listener in albconfig, please remove it manual";
    let fails = |count| told("Warning", "FailedBuildModel", text, count);
    let (answer, _) = update(fleet, &mut ingress, vec![fails(1), fails(2)]).await;
    assert_eq!(errors(&answer.diagnostics), ["Controller Reports a Failure"]);
    ingress.next_command(fleet.clients(settings()));
    // An old retry goes on, with the object as it was.
    fleet.script_after_write("events", [fails(3), fails(4)]);
    let began = Instant::now();
    let answer = ingress.apply(&config(50051)).await;
    (ingress, answer, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_failed_update_that_is_taken_back_needs_no_pass_because_the_controller_makes_none() {
    let fleet = FakeFleet::default();
    let (ingress, answer, took) = taken_back(&fleet, Vec::new()).await;
    assert!(answer.diagnostics.is_empty(), "{:#?}", answer.diagnostics);
    assert_eq!(ingress.state.attr("ready"), Value::Bool(true));
    assert!(took >= Duration::from_secs(15) && took < Duration::from_secs(20), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_fails_tries_again_and_is_waited_for() {
    let fleet = FakeFleet::default();
    let failed = event(&recorded("AlbConfig"), "Warning", "FailedApplyModel", "something odd", 3);
    let (ingress, _, took) = taken_back(&fleet, vec![failed]).await;
    assert_eq!(ingress.state.attr("ready"), Value::Bool(false));
    assert!(took >= Duration::from_secs(20), "{took:?}");
}

/// An update that the controller never hears of and its taking back, with this limit of time for the second; answers how
/// the second went.
async fn unheard_and_taken_back(
    fleet: &FakeFleet,
    limit: &str,
    events: Vec<Json>,
) -> (Instance, StateAnswer, Duration) {
    let mut ingress = published(fleet).await;
    fleet.edit(INGRESS, |object| object["metadata"]["labels"][HASH_LABEL] = json!("stamped"));
    ingress.read().await;
    let (answer, took) = update(fleet, &mut ingress, Vec::new()).await;
    assert_eq!(warnings(&answer.diagnostics), ["Not Reconciled in Time"]);
    assert!(took >= Duration::from_secs(600), "{took:?}");
    ingress.next_command(fleet.clients(settings()));
    fleet.script_after_write("events", events);
    let began = Instant::now();
    let mut config = config(50051);
    config["timeouts"] = json!({"update": limit});
    let answer = ingress.apply(&config).await;
    (ingress, answer, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn an_update_that_nobody_heard_of_and_that_is_taken_back_is_no_wait_for_ever() {
    let fleet = FakeFleet::default();
    let (ingress, answer, took) = unheard_and_taken_back(&fleet, "10m", Vec::new()).await;
    assert!(answer.diagnostics.is_empty(), "{:#?}", answer.diagnostics);
    assert_eq!(ingress.state.attr("ready"), Value::Bool(true));
    // A pass over what was taken back would have ended by then.
    assert!(took >= Duration::from_secs(90) && took < Duration::from_secs(95), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_back_is_waited_for_by_the_next_apply_if_time_was_short() {
    let fleet = FakeFleet::default();
    let (mut ingress, answer, took) = unheard_and_taken_back(&fleet, "20s", Vec::new()).await;
    assert_eq!(warnings(&answer.diagnostics), ["Not Reconciled in Time"]);
    assert!(took < Duration::from_secs(25), "{took:?}");
    ingress.next_command(fleet.clients(settings()));
    fleet.forget_writes();
    let answer = ingress.apply(&config(50051)).await;
    assert!(answer.diagnostics.is_empty(), "{:#?}", answer.diagnostics);
    assert_eq!((ingress.state.attr("ready"), fleet.writes()), (Value::Bool(true), Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_the_controller_passed_over_gets_a_mark_that_makes_it_look_again() {
    let fleet = FakeFleet::default();
    // The one end is that of the pass over what was taken back: the label is still that of before both writes.
    let (mut ingress, answer, _) = unheard_and_taken_back(&fleet, "150s", vec![success(1)]).await;
    assert_eq!(warnings(&answer.diagnostics), ["Not Reconciled in Time"], "nobody looked again");
    assert_eq!(ingress.state.attr("ready"), Value::Bool(false));
    let marked = fleet.get(INGRESS).unwrap()["metadata"]["annotations"][LOOK_AGAIN].clone();
    assert!(marked.is_string(), "{marked}");
    ingress.read().await;
    assert_eq!(ingress.state.attr("ready"), Value::Bool(false), "nor has anybody since");
    assert_eq!(ingress.state.attr("effective_annotations"), Value::map::<&str>([]));

    // The next apply goes on, and the controller has looked.
    ingress.next_command(fleet.clients(settings()));
    fleet.edit(INGRESS, |object| object["metadata"]["labels"][HASH_LABEL] = json!("stamped anew"));
    fleet.put("/api/v1/namespaces/gateway-demo/events/s", success(3));
    let answer = ingress.apply(&config(50051)).await;
    assert!(answer.diagnostics.is_empty(), "{:#?}", answer.diagnostics);
    assert_eq!(ingress.state.attr("ready"), Value::Bool(true));
}

#[tokio::test(start_paused = true)]
async fn silence_after_a_failure_shows_the_failure() {
    let fleet = FakeFleet::default();
    let mut ingress = published(&fleet).await;
    let text = "Message: The quota of alb_quota_listeners_num is exceeded.";
    let mut failed = event(&recorded("AlbConfig"), "Warning", "FailedApplyModel", text, 30);
    failed["lastTimestamp"] = json!("2026-11-23T18:20:00Z");
    fleet.put("/api/v1/namespaces/default/events/g", failed);
    let (answer, _) = update(&fleet, &mut ingress, Vec::new()).await;
    assert_eq!(warnings(&answer.diagnostics), ["Not Reconciled in Time"]);
    let detail: String = answer.diagnostics.iter().map(|told| told.detail.clone()).collect();
    assert!(detail.contains("was failing before") && detail.contains(text), "{detail}");
    assert!(!detail.contains("reported no failure"), "{detail}");
}

#[tokio::test(start_paused = true)]
async fn a_service_without_endpoints_fails_no_wait() {
    let fleet = FakeFleet::default();
    let mut ingress = published(&fleet).await;
    let text = "backend not found: no remote cluster has service gateway-demo/grpc-service with port 50052";
    let backend = |count| told("Warning", "FailedUpdateEndpoints", text, count);
    let (answer, _) = update(&fleet, &mut ingress, vec![success(1), backend(1), success(2), backend(2)]).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!(warnings(&answer.diagnostics), ["No Backend Behind the Route"]);
    assert_eq!(ingress.state.attr("ready"), Value::Bool(true));
}

#[test]
fn a_refresh_takes_a_write_for_reconciled_only_if_a_pass_began_after_it() {
    // As written by version 0.1.0, without what was added since.
    let fact = r#"{"successes": 3, "label": "h1", "written": "2026-11-23T18:00:00Z"}"#;
    let pending = Pending::from_fact(fact).unwrap();
    assert_eq!(Pending::from_fact(&pending.to_fact()), Some(pending.clone()));
    let object = ObjectRef::namespaced(Kind::INGRESS, "gateway-demo", "grpc-ingress");
    let settled = |label: &str, events: &[(&str, u64, &str)], now: &str| {
        let mut live = recorded("Ingress");
        live["metadata"]["labels"][HASH_LABEL] = json!(label);
        let mut log = EventLog::default();
        for (reason, count, at) in events {
            let mut event = told(if reason.starts_with("Failed") { "Warning" } else { "Normal" }, reason, "x", *count);
            event["lastTimestamp"] = json!(format!("2026-11-23T18:{at}Z"));
            log.observe(&WatchEvent::Changed(event.into()));
        }
        pending.is_settled(&object, &log, &live.into(), format!("2026-11-23T18:{now}Z").parse().unwrap())
    };
    let ended = |count, at| ("SuccessfullyReconciled", count, at);
    assert!(!settled("h1", &[ended(4, "00:05")], "30:00"), "it may be the end of a pass over what was before");
    assert!(settled("h1", &[ended(5, "00:05")], "00:06"), "the second is not");
    assert!(settled("h2", &[ended(4, "00:05")], "30:00"), "the label is another one");
    assert!(!settled("h2", &[ended(4, "00:05")], "00:10"), "another pass may follow");
    assert!(settled("h1", &[("Sync", 9, "00:01"), ended(4, "00:05")], "30:00"), "it was taken up");
    assert!(settled("h1", &[ended(4, "02:00")], "30:00"), "no pass lasts so long");
    assert!(!settled("h2", &[ended(4, "00:05"), ("FailedBuildModel", 1, "00:07")], "30:00"), "it fails");
    assert!(!settled("h2", &[], "00:30"), "without Events the label may be of the pass that missed it");
    assert!(settled("h2", &[], "02:00"), "that has ended by then, and the next one too");
    assert!(!settled("h1", &[], "59:00"), "silence proves nothing");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_says_at_info_what_it_waits_for_since_when_and_what_the_controller_said_last() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // With a single dispatcher tracing asks only the thread that reaches a log line first; see the transport's tests.
    let second = tracing::Dispatch::new(tracing_subscriber::registry());
    let guard = tracing::subscriber::set_default(subscriber);
    let fleet = FakeFleet::default();
    let mut ingress = published(&fleet).await;
    let text = "Secret \"grpc-secret\" not found";
    update(&fleet, &mut ingress, vec![told("Warning", "FailedBuildModel", text, 1)]).await;
    drop((guard, second));
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("grpc-ingress")).collect();
    let has = |parts: &[&str]| lines.iter().any(|line| parts.iter().all(|part| line.contains(part)));
    for seconds in ["10 s so far", "20 s so far", "30 s so far", "40 s so far"] {
        let parts = [
            "INFO",
            "still waits for the controller",
            seconds,
            "FailedBuildModel",
            "Secret \"grpc-secret\" not found",
            "k8s_kind=\"Ingress\"",
            "gateway-demo",
        ];
        assert!(has(&parts), "{seconds} in {lines:#?}");
    }
    assert!(has(&["begins to wait for the controller"]), "{lines:#?}");
    assert!(has(&["no longer waits for the controller"]), "{lines:#?}");
}
