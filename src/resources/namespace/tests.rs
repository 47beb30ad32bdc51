//! The life of a Namespace before a Fleet in memory. Its plans are held to the host's rules with those of all types.

use serde_json::{Value as Json, json};

use super::*;
use crate::clients::Settings;
use crate::framework::erased::ResourceType;
use crate::kubernetes::Object;
use crate::resources::testing::{FakeFleet, Fault, Instance, errors, warnings};

const NAMESPACE: &str = "/api/v1/namespaces/gateway-demo";

fn settings() -> Settings {
    Settings {
        fleet_id: Some("c0fleet".to_owned()),
        default_labels: [("team".to_owned(), "edge".to_owned())].into(),
        ..Settings::default()
    }
}

fn instance(fleet: &FakeFleet) -> Instance {
    Instance::new(ResourceType::<Namespace>::erased(), fleet.clients(settings()))
}

fn config() -> Json {
    json!({"name": "gateway-demo", "labels": {"env": "demo"}})
}

fn labels(fleet: &FakeFleet) -> Json {
    fleet.get(NAMESPACE).unwrap()["metadata"]["labels"].clone()
}

#[tokio::test(start_paused = true)]
async fn labels_of_others_and_the_marker_survive_and_are_no_drift() {
    let fleet = FakeFleet::default();
    let mut namespace = instance(&fleet);
    let answer = namespace.apply(&config()).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!(labels(&fleet), json!({"env": "demo", "team": "edge", MARKER: "terraform-provider-ackone"}));
    fleet.edit(NAMESPACE, |namespace| {
        namespace["metadata"]["labels"]["kubernetes.io/metadata.name"] = json!("gateway-demo");
        namespace["metadata"]["labels"]["other.example/x"] = json!("1");
    });
    namespace.read().await;
    assert_eq!(namespace.changes(&config()), Vec::<&str>::new());
    fleet.edit(NAMESPACE, |namespace| namespace["metadata"]["labels"]["env"] = json!("edited"));
    namespace.read().await;
    assert_eq!(namespace.changes(&config()), ["labels", "effective_labels"]);
    let answer = namespace.apply(&config()).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    let now = labels(&fleet);
    assert_eq!((&now["env"], &now["other.example/x"]), (&json!("demo"), &json!("1")));
    assert_eq!(now[MARKER], "terraform-provider-ackone");
}

#[tokio::test(start_paused = true)]
async fn an_existing_namespace_is_imported_or_adopted_but_never_overwritten() {
    let fleet = FakeFleet::default();
    let theirs = json!({"kind": "Namespace", "metadata": {"name": "gateway-demo", "uid": "u1",
        "creationTimestamp": "2025-01-01T00:00:00Z",
        "labels": {"env": "theirs", "kubernetes.io/metadata.name": "gateway-demo", MARKER: "Helm"}}});
    fleet.put(NAMESPACE, theirs);
    let answer = instance(&fleet).apply(&config()).await;
    assert_eq!(errors(&answer.diagnostics), ["Object Exists"]);
    assert_eq!(labels(&fleet)["env"], "theirs");
    let mut imported = instance(&fleet);
    let answer = imported.import("gateway-demo").await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!(imported.state.attr("labels").attr("env").as_str(), Some("theirs"));
    assert_eq!(answer.identity.unwrap()["name"], "gateway-demo");
    let mut adopting = config();
    adopting["adopt"] = json!(true);
    let answer = instance(&fleet).apply(&adopting).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!((&labels(&fleet)["env"], &labels(&fleet)[MARKER]), (&json!("demo"), &json!("Helm")));
}

#[tokio::test(start_paused = true)]
async fn what_remains_in_a_namespace_stops_its_deletion_unless_forced() {
    let fleet = FakeFleet::default();
    let mut namespace = instance(&fleet);
    namespace.apply(&config()).await;
    namespace.next_command(fleet.clients(settings()));
    let service = "/api/v1/namespaces/gateway-demo/services/grpc-service";
    fleet.put(
        service,
        json!({"kind": "Service", "metadata": {"name": "grpc-service", "namespace": "gateway-demo", "uid": "u2"}}),
    );
    let answer = namespace.destroy().await;
    assert_eq!(errors(&answer.diagnostics), ["force_delete: Namespace in Use"]);
    let told = answer.diagnostics.iter().next().unwrap().detail.clone();
    assert!(told.contains("Service \"grpc-service\""), "{told}");
    let mut forced = config();
    forced["force_delete"] = json!(true);
    namespace.apply(&forced).await;
    let answer = namespace.destroy().await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert!(fleet.get(NAMESPACE).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_does_not_go_says_what_its_controller_says() {
    let fleet = FakeFleet::default();
    let mut namespace = instance(&fleet);
    namespace.apply(&config()).await;
    namespace.next_command(fleet.clients(settings()));
    fleet.edit(NAMESPACE, |namespace| {
        namespace["status"]["conditions"] = json!([
            {"type": "NamespaceContentRemaining", "status": "True", "message": "Some resources are remaining: ingresses has 1"},
            {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "All resources discovered"}]);
    });
    fleet.hold("gateway-demo", "kubernetes");
    let answer = namespace.destroy().await;
    assert_eq!(errors(&answer.diagnostics), ["Deletion Not Finished"]);
    let told = answer.diagnostics.iter().next().unwrap().detail.clone();
    assert!(told.contains("ingresses has 1") && !told.contains("All resources discovered"), "{told}");
    assert!(remove::conditions(&Object::from(json!({}))).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_recorded_by_the_next_create() {
    let fleet = FakeFleet::default();
    fleet.fault("PATCH", "gateway-demo", Fault::LostAnswer);
    let mut namespace = instance(&fleet);
    let answer = namespace.apply(&config()).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    let mut again = instance(&fleet);
    let answer = again.apply(&config()).await;
    assert_eq!(warnings(&answer.diagnostics), ["Interrupted Create Recorded"]);
    for id in ["", "a/b", "a b"] {
        assert!(model::import(ImportTarget::Id(id.to_owned())).is_err(), "{id}");
    }
}
