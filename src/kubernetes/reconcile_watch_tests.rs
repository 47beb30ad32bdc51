//! The situations of the observed controller, played over watch streams in paused time.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::kubernetes::{
    object::Kind,
    testing::{Reply, serve, status},
};

fn ingress(label: &str) -> Value {
    json!({"metadata": {"name": "i", "namespace": "n", "uid": "u", "resourceVersion": "3",
        "labels": {HASH_LABEL: label}}})
}

fn event(kind: &str, reason: &str, count: u64) -> Value {
    json!({"metadata": {"uid": reason, "resourceVersion": "4"}, "type": kind, "reason": reason, "count": count,
        "message": "m", "involvedObject": {"kind": "Ingress", "name": "i"}})
}

fn changed(object: &Value) -> Value {
    json!({"type": "MODIFIED", "object": object})
}

/// A server whose object and Event watches play these lines; `None` forbids Events.
fn api(object: Vec<(u64, Value)>, events: Option<Vec<(u64, Value)>>) -> FleetApi {
    serve(move |seen| {
        let is_event = seen.uri.contains("/events?");
        if is_event && events.is_none() {
            return status(403, "Forbidden", json!({}));
        }
        let (items, lines) = if is_event {
            (vec![event("Normal", SUCCESS, 1)], events.clone().unwrap())
        } else {
            (vec![ingress("h1")], object.clone())
        };
        if seen.uri.contains("watch=true") {
            return Reply::Paced(lines);
        }
        Reply::Json(200, json!({"metadata": {"resourceVersion": "2"}, "items": items}))
    })
}

/// Writes for 1.2 s and waits; answers the outcome and the time it took since the beginning.
async fn play(api: &FleetApi) -> (Reconciled, Duration, ReconcileWatch) {
    let start = Instant::now();
    let object = ObjectRef::namespaced(Kind::INGRESS, "n", "i");
    let mut watch =
        ReconcileWatch::begin(api, &object, "u", &[], |event| event.reason == "FailedApplyModel").await.unwrap();
    let ((), watched) = watch.during(tokio::time::sleep(Duration::from_millis(1_200))).await;
    watched.unwrap();
    let deadline = start + Duration::from_secs(120);
    let done = watch.proved(deadline, |_| ControlFlow::Continue(())).await.unwrap();
    (done, start.elapsed(), watch)
}

fn near(took: Duration, expected_ms: u64) {
    let expected = Duration::from_millis(expected_ms);
    assert!(took >= expected && took < expected + Duration::from_millis(50), "{took:?}, not {expected:?}");
}

#[tokio::test(start_paused = true)]
async fn situation_q_the_stamp_of_a_pass_that_missed_the_edit_is_not_enough() {
    let events = vec![(2_650, changed(&event("Normal", SUCCESS, 2))), (2_500, changed(&event("Normal", SUCCESS, 3)))];
    let (done, took, _) = play(&api(vec![(2_600, changed(&ingress("h2")))], Some(events))).await;
    assert_eq!(done, Reconciled::Proved(Evidence::SecondPass));
    near(took, 5_150);
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_ended_during_the_write_counts_for_nothing() {
    let events = vec![(500, changed(&event("Normal", SUCCESS, 2))), (2_500, changed(&event("Normal", SUCCESS, 3)))];
    let (done, took, _) = play(&api(vec![(500, changed(&ingress("h2")))], Some(events))).await;
    assert_eq!(done, Reconciled::Proved(Evidence::QuietAfterPass));
    near(took, 18_000);
}

#[tokio::test(start_paused = true)]
async fn without_events_the_label_alone_is_watched() {
    let (done, took, watch) = play(&api(vec![(2_600, changed(&ingress("h2")))], None)).await;
    assert_eq!(done, Reconciled::Proved(Evidence::QuietAfterPass));
    assert!(!watch.may_read_events());
    near(took, 17_600);
}

#[tokio::test(start_paused = true)]
async fn a_lasting_failure_after_the_first_end_is_no_quiet() {
    let events = vec![
        (2_600, changed(&event("Normal", SUCCESS, 2))),
        (1_000, changed(&event("Warning", "FailedApplyModel", 1))),
    ];
    let (done, took, watch) = play(&api(vec![], Some(events))).await;
    assert_eq!(done, Reconciled::DeadlinePassed);
    assert_eq!(watch.events().warnings().len(), 1);
    near(took, 120_000);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_object_and_a_caller_that_saw_enough_end_the_wait() {
    let deleted = json!({"type": "DELETED", "object": ingress("h1")});
    let (done, _, _) = play(&api(vec![(3_000, deleted)], Some(vec![]))).await;
    assert_eq!(done, Reconciled::Gone);

    let api = api(vec![], Some(vec![(100, changed(&event("Warning", "FailedBuildModel", 1)))]));
    let object = ObjectRef::namespaced(Kind::INGRESS, "n", "i");
    let mut watch = ReconcileWatch::begin(&api, &object, "u", &[], |_| false).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let enough = |progress: Progress<'_>| {
        if progress.events.warnings().is_empty() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    assert_eq!(watch.proved(deadline, enough).await.unwrap(), Reconciled::Stopped);
}
