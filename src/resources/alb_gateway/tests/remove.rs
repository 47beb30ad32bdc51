//! Deletion, with users and without.

use super::*;

pub(super) fn user() -> Json {
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
    assert_eq!(errors(&answer.diagnostics), ["ignore_users: Gateway in Use"]);
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
    assert_eq!(errors(&answer.diagnostics), ["ignore_users: Gateway in Use"]);
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

/// A gateway whose deletion the controller cannot finish, while it tells these Events; answers what is told, and how long
/// that took.
async fn deletion_that_fails(counts: std::ops::RangeInclusive<u64>) -> (String, Duration) {
    let fleet = FakeFleet::default();
    let mut gateway = create(&fleet, &walkthrough()).await;
    fleet.hold("albconfigs", "ingress.k8s.alibaba/resources");
    let text = "Message: The specified resource sgp-1 is in use. RequestId: 0F8FAD5B-D9CB-469F-A165-70867728950E";
    let failed = |count| event(&recorded("AlbConfig"), "Warning", "FailedApplyModel", text, count);
    fleet.script("events", counts.map(failed));
    let began = tokio::time::Instant::now();
    let answer = gateway.destroy().await;
    assert_eq!(errors(&answer.diagnostics), ["Deletion Not Finished"]);
    assert!(!gateway.state.is_null(), "what is not gone stays in state");
    (answer.diagnostics.iter().map(|told| told.detail.clone()).collect(), began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_fails_again_and_again_ends_within_seconds_with_the_controllers_words() {
    let (told, took) = deletion_that_fails(1..=3).await;
    for part in ["sgp-1 is in use", "Detach it there.", "Request ID: 0F8FAD5B", "again and again", "Remove the cause"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(took >= Duration::from_secs(20) && took < Duration::from_secs(25), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_failed_once_is_waited_for_until_its_time_is_over() {
    let (told, took) = deletion_that_fails(1..=1).await;
    assert!(told.contains("It failed at that:") && told.contains("sgp-1 is in use"), "{told}");
    assert!(took >= Duration::from_secs(900), "{took:?}");
}
