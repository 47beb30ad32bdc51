//! Watches against a scripted server: resume, bookmarks, 410, polling, deadlines, interruption.

use serde_json::json;

use super::*;
use crate::kubernetes::{
    Cancel,
    testing::{Reply, Script, status},
};

fn ingress(version: &str, address: Option<&str>) -> Value {
    let mut object = json!({"metadata": {"name": "i", "namespace": "n", "uid": "u", "resourceVersion": version}});
    if let Some(address) = address {
        object["status"] = json!({"loadBalancer": {"ingress": [{"hostname": address}]}});
    }
    object
}

fn listed(version: &str, items: &[Value]) -> Reply {
    Reply::Json(200, json!({"metadata": {"resourceVersion": version}, "items": items}))
}

fn told(kind: &str, object: &Value) -> Value {
    json!({"type": kind, "object": object})
}

fn object() -> ObjectRef {
    ObjectRef::namespaced(Kind::INGRESS, "n", "i")
}

fn has_address(change: &Change) -> bool {
    matches!(change, Change::Present(live) if live.value().pointer("/status/loadBalancer/ingress/0/hostname").is_some())
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(600)
}

#[tokio::test(start_paused = true)]
async fn a_closed_watch_resumes_from_the_last_version_seen() {
    let bookmark = json!({"metadata": {"resourceVersion": "9"}});
    let script = Script::new([
        listed("5", &[ingress("4", None)]),
        Reply::Stream(vec![told("MODIFIED", &ingress("6", None)), told("BOOKMARK", &bookmark)], false),
        Reply::Stream(vec![told("MODIFIED", &ingress("10", Some("alb.example")))], true),
    ]);
    let mut progress = Vec::new();
    let done = script
        .api()
        .wait_for(&object(), soon(), has_address, |change| {
            if let Change::Present(live) = change {
                progress.push(live.resource_version().to_owned());
            }
        })
        .await
        .unwrap();
    assert!(matches!(done, Awaited::Met(Change::Present(live)) if live.resource_version() == "10"));
    assert_eq!(progress, ["4", "6"]);
    let uris: Vec<String> = script.received().into_iter().map(|seen| seen.uri).collect();
    assert!(uris[0].contains("fieldSelector=metadata.name%3Di"), "{}", uris[0]);
    assert!(uris[1].contains("resourceVersion=5") && uris[1].contains("allowWatchBookmarks=true"), "{}", uris[1]);
    assert!(uris[2].contains("resourceVersion=9"), "{}", uris[2]);
}

#[tokio::test(start_paused = true)]
async fn an_expired_version_lists_again() {
    let gone = json!({"kind": "Status", "code": 410, "reason": "Expired"});
    let script = Script::new([
        listed("5", &[]),
        Reply::Stream(vec![told("ERROR", &gone)], true),
        listed("50", &[]),
        status(410, "Expired", json!({})),
        listed("60", &[ingress("55", Some("alb.example"))]),
    ]);
    let done = script.api().wait_for(&object(), soon(), has_address, |_| {}).await.unwrap();
    assert!(matches!(done, Awaited::Met(_)));
    assert_eq!(script.received().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn where_watching_is_forbidden_it_polls() {
    let script = Script::new([
        listed("5", &[ingress("4", None)]),
        status(403, "Forbidden", json!({})),
        listed("6", &[ingress("4", None)]),
        listed("7", &[ingress("6", Some("alb.example"))]),
    ]);
    let start = Instant::now();
    let done = script.api().wait_for(&object(), soon(), has_address, |_| {}).await.unwrap();
    assert!(matches!(done, Awaited::Met(_)));
    assert_eq!(start.elapsed(), POLL_INTERVAL);
}

#[tokio::test(start_paused = true)]
async fn where_only_get_is_allowed_it_polls_the_object() {
    let script = Script::new([
        status(403, "Forbidden", json!({})),
        Reply::Json(200, ingress("4", None)),
        status(404, "NotFound", json!({"name": "i", "kind": "ingresses"})),
    ]);
    let gone = |change: &Change| *change == Change::Gone;
    let done = script.api().wait_for(&object(), soon(), gone, |_| {}).await.unwrap();
    assert_eq!(done, Awaited::Met(Change::Gone));
    assert_eq!(script.calls()[2], "GET /apis/networking.k8s.io/v1/namespaces/n/ingresses/i");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_answers_the_last_state_and_a_stop_ends_the_wait_at_once() {
    let replies = || [listed("5", &[ingress("4", None)]), Reply::Stream(vec![], true)];
    let script = Script::new(replies());
    let deadline = Instant::now() + Duration::from_secs(30);
    let done = script.api().wait_for(&object(), deadline, has_address, |_| {}).await.unwrap();
    assert!(matches!(done, Awaited::DeadlinePassed(Some(Change::Present(_)))), "{done:?}");
    assert_eq!(Instant::now(), deadline);

    let source = Cancel::new();
    let api = Script::new(replies()).api().with_cancel(source.clone());
    let start = Instant::now();
    let object = object();
    let wait = api.wait_for(&object, soon(), has_address, |_| source.cancel());
    assert!(wait.await.unwrap_err().is_cancelled());
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_keeps_failing_ends_the_watch_with_its_error() {
    let script = Script::new((0..200).map(|_| status(403, "Forbidden", json!({}))));
    let error = ObjectWatch::of_selection(&script.api(), Kind::EVENT, Some("n"), None).next().await.unwrap_err();
    assert!(error.is_forbidden());
    assert_eq!(script.received().len(), 1, "a refused list has no fallback");
}
