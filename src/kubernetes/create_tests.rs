//! Creation and deletion against a scripted server.

use serde_json::json;

use super::*;
use crate::kubernetes::{
    FIELD_MANAGER,
    api::FleetApi,
    delete::{DeleteOutcome, Deletion},
    meaning::Plain,
    object::Kind,
    testing::{Reply, Script, not_found, stale, status},
};

fn object() -> ObjectRef {
    ObjectRef::namespaced(Kind::SECRET, "n", "s")
}

fn live(uid: &str, manager: &str) -> Value {
    json!({"metadata": {"name": "s", "namespace": "n", "uid": uid, "resourceVersion": "3",
        "creationTimestamp": "2026-11-23T18:29:00Z",
        "managedFields": [{"manager": manager, "operation": "Apply", "fieldsV1": {"f:type": {}}}]},
        "type": "kubernetes.io/tls"})
}

fn intent() -> Value {
    json!({"type": "kubernetes.io/tls", "immutable": null})
}

async fn create(script: &Script, recorded: &RecordedUids) -> Result<CreateOutcome, Error> {
    let (object, intent) = (object(), intent());
    let request =
        CreateRequest { object: &object, intent: &intent, meaning: &Plain, marker: None, recorded, dry_run: false };
    script.api().create(&request).await
}

#[tokio::test(start_paused = true)]
async fn a_create_can_only_create() {
    let script = Script::new([Reply::Json(201, live("u1", FIELD_MANAGER))]);
    let recorded = RecordedUids::default();
    let outcome = create(&script, &recorded).await.unwrap();
    assert!(matches!(outcome, CreateOutcome::Created(object) if object.uid() == "u1"));
    assert!(recorded.contains("u1"));
    let sent = &script.received()[0];
    assert!(sent.uri.ends_with(
        "/namespaces/n/secrets/s?fieldManager=terraform-provider-ackone&fieldValidation=Strict&force=false"
    ));
    assert_eq!(
        sent.body,
        json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"name": "s", "namespace": "n", "resourceVersion": "1"}})
    );
}

#[tokio::test(start_paused = true)]
async fn what_exists_is_somebodys_or_left_by_us_or_going() {
    let recorded = RecordedUids::default();
    let script = Script::new([stale(), Reply::Json(200, live("u1", "kubectl"))]);
    let outcome = create(&script, &recorded).await.unwrap();
    assert!(
        matches!(outcome, CreateOutcome::Exists(_, NotOurs::AnotherManager(Some(writer))) if writer.manager == "kubectl")
    );

    let script = Script::new([stale(), Reply::Json(200, live("u1", FIELD_MANAGER))]);
    assert!(matches!(create(&script, &recorded).await.unwrap(), CreateOutcome::LeftByUs(_)));
    let script = Script::new([stale(), Reply::Json(200, live("u1", FIELD_MANAGER))]);
    let outcome = create(&script, &recorded).await.unwrap();
    assert!(matches!(outcome, CreateOutcome::Exists(_, NotOurs::Recorded)), "one object, one resource");

    let mut ending = live("u2", FIELD_MANAGER);
    ending["metadata"]["deletionTimestamp"] = json!("2026-11-23T18:29:30Z");
    let script = Script::new([stale(), Reply::Json(200, ending)]);
    assert!(matches!(create(&script, &recorded).await.unwrap(), CreateOutcome::Terminating(_)));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_decided_by_looking() {
    // The create arrived.
    let script = Script::new([Reply::Broken, Reply::Json(200, live("u1", FIELD_MANAGER))]);
    let outcome = create(&script, &RecordedUids::default()).await.unwrap();
    assert!(matches!(outcome, CreateOutcome::Created(object) if object.uid() == "u1"));
    // It did not.
    let script = Script::new([Reply::Broken, not_found(), Reply::Json(201, live("u2", FIELD_MANAGER))]);
    let outcome = create(&script, &RecordedUids::default()).await.unwrap();
    assert!(matches!(outcome, CreateOutcome::Created(object) if object.uid() == "u2"));
    assert_eq!(script.calls(), ["PATCH", "GET", "PATCH"].map(|verb| format!("{verb} /api/v1/namespaces/n/secrets/s")));
}

#[tokio::test(start_paused = true)]
async fn a_missing_namespace_is_told_at_once() {
    let script = Script::new([status(404, "NotFound", json!({"name": "n", "kind": "namespaces"}))]);
    let error = create(&script, &RecordedUids::default()).await.unwrap_err();
    assert_eq!(*error.problem(), Problem::NamespaceMissing);
    assert_eq!(script.received().len(), 1);
}

async fn delete(api: &FleetApi) -> Result<DeleteOutcome, Error> {
    let object = object();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    api.delete(&Deletion { object: &object, uid: "u1", deadline }).await
}

fn list_of(items: &[Value]) -> Reply {
    Reply::Json(200, json!({"metadata": {"resourceVersion": "9"}, "items": items}))
}

#[tokio::test(start_paused = true)]
async fn a_delete_names_its_uid_and_waits_until_the_object_is_gone() {
    let gone = json!({"type": "DELETED", "object": live("u1", "x")});
    let script = Script::new([
        Reply::Json(200, json!({"kind": "Status"})),
        list_of(&[live("u1", "x")]),
        Reply::Stream(vec![gone], true),
    ]);
    assert_eq!(delete(&script.api()).await.unwrap(), DeleteOutcome::Gone);
    assert_eq!(script.received()[0].body["preconditions"], json!({"uid": "u1"}));
}

#[tokio::test(start_paused = true)]
async fn an_absent_object_or_a_namesake_is_success() {
    let script = Script::new([not_found()]);
    assert_eq!(delete(&script.api()).await.unwrap(), DeleteOutcome::WasGone);
    let script = Script::new([stale(), Reply::Json(200, live("u2", "x"))]);
    assert_eq!(delete(&script.api()).await.unwrap(), DeleteOutcome::WasGone);
    let script = Script::new([Reply::Json(200, json!({})), list_of(&[live("u2", "x")])]);
    assert_eq!(delete(&script.api()).await.unwrap(), DeleteOutcome::Gone);
    // The answer is lost, the deletion happened.
    let script = Script::new([Reply::Broken, not_found()]);
    assert_eq!(delete(&script.api()).await.unwrap(), DeleteOutcome::Gone);
}

#[tokio::test(start_paused = true)]
async fn a_held_object_is_reported_with_its_finalizers() {
    let mut held = live("u1", "x");
    held["metadata"]["finalizers"] = json!(["ingress.k8s.alibaba/resources"]);
    held["metadata"]["deletionTimestamp"] = json!("2026-11-23T18:29:30Z");
    let script = Script::new([Reply::Json(200, held.clone()), list_of(&[held]), Reply::Stream(vec![], true)]);
    let outcome = delete(&script.api()).await.unwrap();
    assert!(
        matches!(&outcome, DeleteOutcome::Held { finalizers, .. } if finalizers == &["ingress.k8s.alibaba/resources"]),
        "{outcome:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_cluster_is_known_by_its_system_namespace() {
    let script = Script::new([Reply::Json(200, json!({"metadata": {"name": "kube-system", "uid": "c1"}}))]);
    assert_eq!(script.api().cluster_uid().await.unwrap().as_str(), "c1");
    assert_eq!(script.calls(), ["GET /api/v1/namespaces/kube-system"]);
}
