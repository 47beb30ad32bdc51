//! Listeners that are added and removed in one update.

use super::*;
use crate::resources::testing::event;

const OWN: &str = r#"[{"certificate_id": "1234567-cn-hangzhou"}]"#;

fn with(keys: &[&str]) -> Json {
    let mut config = waitable();
    let certificates: Json = serde_json::from_str(OWN).unwrap();
    let one = |key: &&str| {
        let settings = if key.ends_with("HTTP") { json!({}) } else { json!({"certificates": certificates}) };
        ((*key).to_owned(), settings)
    };
    config["listeners"] = Json::Object(keys.iter().map(one).collect());
    config
}

fn live_keys(fleet: &FakeFleet) -> Vec<String> {
    let live = fleet.get(ALB_CONFIG).unwrap();
    live["spec"]["listeners"].as_array().unwrap().iter().map(object::listener_key).collect()
}

fn success(fleet: &FakeFleet, count: u64) -> Json {
    event(&fleet.get(ALB_CONFIG).unwrap(), "Normal", "SuccessfullyReconciled", "Successfully reconciled", count)
}

#[tokio::test(start_paused = true)]
async fn the_old_listener_goes_only_when_the_new_one_serves() {
    let fleet = FakeFleet::default();
    let mut gateway = create(&fleet, &with(&["443/HTTPS"])).await;
    fleet.forget_writes();
    fleet.script_after_write("events", [success(&fleet, 2)]);
    let answer = gateway.apply(&with(&["8443/HTTPS"])).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!(fleet.writes().len(), 2, "one write adds, one removes: {:?}", fleet.writes());
    assert_eq!(live_keys(&fleet), ["8443/HTTPS"]);
}

#[tokio::test(start_paused = true)]
async fn an_old_listener_is_kept_while_the_new_one_does_not_come_to_life_and_goes_with_the_next_apply() {
    let fleet = FakeFleet::default();
    let mut gateway = create(&fleet, &with(&["443/HTTPS"])).await;
    fleet.forget_writes();
    let config = with(&["8443/HTTPS"]);
    let answer = gateway.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert!(
        warnings(&answer.diagnostics).contains(&"listeners: Old Listeners Kept".to_owned()),
        "{:?}",
        answer.diagnostics
    );
    assert_eq!(live_keys(&fleet), ["443/HTTPS", "8443/HTTPS"]);
    assert_eq!(gateway.state.attr("ready"), Value::Bool(false));

    gateway.next_command(fleet.clients(settings()));
    gateway.read().await;
    assert!(!gateway.changes(&config).is_empty(), "the removal is still due");
    let answer = gateway.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!(live_keys(&fleet), ["8443/HTTPS"]);
    assert_eq!(gateway.state.attr("foreign_listeners"), Value::List(Vec::new()));
    assert_eq!(Private::decode(&gateway.private).fact(LEFT_LISTENERS_FACT), None);
}

#[tokio::test(start_paused = true)]
async fn the_class_follows_although_an_old_listener_is_kept() {
    let fleet = FakeFleet::default();
    let mut gateway = create(&fleet, &with(&["443/HTTPS"])).await;
    let mut config = with(&["8443/HTTPS"]);
    config["ingress_class_name"] = json!("alb-2");
    config["default_ingress_class"] = json!(true);
    let answer = gateway.apply(&config).await;
    assert!(warnings(&answer.diagnostics).contains(&"listeners: Old Listeners Kept".to_owned()));
    let made = fleet.get(&CLASS.replace("/alb", "/alb-2")).unwrap();
    assert_eq!(made["metadata"]["annotations"]["ingressclass.kubernetes.io/is-default-class"], "true");
    assert_eq!(fleet.get(CLASS), None, "nobody uses the old one");
    gateway.next_command(fleet.clients(settings()));
    gateway.read().await;
    gateway.apply(&config).await;
    assert_eq!(live_keys(&fleet), ["8443/HTTPS"]);
    assert_eq!(gateway.state.attr("ingress_class_name"), Value::string("alb-2"));
}

#[tokio::test(start_paused = true)]
async fn what_a_pass_between_the_two_writes_drops_is_no_conflict() {
    let fleet = FakeFleet::default();
    let mut from = with(&["443/HTTPS"]);
    from["listeners"]["80/HTTP"] = json!({});
    let mut gateway = create(&fleet, &from).await;
    let mut to = with(&["8443/HTTPS"]);
    to["listeners"]["80/HTTP"] = json!({"tags": {"team": "edge"}});
    // The open-source controller writes the object back as its types encode it.
    let mut rewritten = published(&fleet);
    let one = |port: u16, protocol: &str| json!({"port": port, "protocol": protocol, "defaultActions": null, "loadBalancerId": ""});
    let mut listeners = [one(80, "HTTP"), one(443, "HTTPS"), one(8443, "HTTPS")];
    for listener in listeners.iter_mut().skip(1) {
        listener["certificates"] = json!([{"CertificateId": "1234567-cn-hangzhou", "IsDefault": false}]);
    }
    rewritten["spec"]["listeners"] = json!(listeners);
    fleet.script_after_write("events", [success(&fleet, 2)]);
    let pass = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(live_keys(&fleet).len(), 3, "between the two writes");
        rewritten["metadata"] = fleet.get(ALB_CONFIG).unwrap()["metadata"].clone();
        fleet.put(ALB_CONFIG, rewritten);
    };
    let (answer, ()) = tokio::join!(gateway.apply(&to), pass);
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!(live_keys(&fleet), ["80/HTTP", "8443/HTTPS"]);
}

#[tokio::test(start_paused = true)]
async fn v44_a_listener_that_an_earlier_apply_left_is_not_taken_from_an_ingress_either() {
    let fleet = FakeFleet::default();
    let mut gateway = create(&fleet, &with(&["443/HTTPS"])).await;
    let config = with(&["8443/HTTPS"]);
    assert_eq!(errors(&gateway.apply(&config).await.diagnostics), Vec::<String>::new());
    assert_eq!(live_keys(&fleet), ["443/HTTPS", "8443/HTTPS"]);
    // Somebody takes the old listener for one that stays.
    let class = gateway.state.attr("ingress_class_name");
    fleet.put(
        "/apis/networking.k8s.io/v1/namespaces/n/ingresses/late",
        json!({"kind": "Ingress", "metadata": {"name": "late", "namespace": "n", "uid": "u1",
                "annotations": {"alb.ingress.kubernetes.io/listen-ports": "[{\"HTTPS\":443}]"}},
            "spec": {"ingressClassName": class.as_str().unwrap()}}),
    );
    gateway.next_command(fleet.clients(settings()));
    gateway.read().await;
    fleet.forget_writes();
    assert_eq!(errors(&gateway.apply(&config).await.diagnostics), ["listeners: Listener Still Used"]);
    assert_eq!(fleet.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_waited_for_changes_in_one_write() {
    let mut bare = waitable();
    bare["listeners"] = json!({"8443/HTTPS": {}});
    for (mut to, wait) in [(with(&["8443/HTTPS"]), false), (bare, true)] {
        let fleet = FakeFleet::default();
        let mut from = with(&["443/HTTPS", "9000/HTTP"]);
        from["wait"] = json!(wait);
        to["wait"] = json!(wait);
        let mut gateway = create(&fleet, &from).await;
        fleet.forget_writes();
        gateway.apply(&to).await;
        assert_eq!(fleet.writes().len(), 1, "{:?}", fleet.writes());
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_that_changes_its_protocol_is_told_and_changes_in_one_write() {
    let fleet = FakeFleet::default();
    let mut gateway = create(&fleet, &with(&["443/HTTP"])).await;
    let config = with(&["443/HTTPS"]);
    let told = warnings(&gateway.plan(&config).diagnostics);
    assert!(told.contains(&"listeners[\"443/HTTPS\"]: Listener Replaced".to_owned()), "{told:?}");
    fleet.forget_writes();
    gateway.apply(&config).await;
    assert_eq!(fleet.writes().len(), 1);
    assert_eq!(live_keys(&fleet), ["443/HTTPS"]);
}
