//! Drift, updates, replacement.

use super::remove::user;
use super::*;

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
async fn what_others_set_before_the_plan_is_told_and_overwritten_and_what_they_set_after_it_is_a_conflict() {
    let fleet = FakeFleet::default();
    let mut config = walkthrough();
    let mut gateway = create(&fleet, &config).await;
    let by_hand = |group: &'static str| {
        fleet.edit(ALB_CONFIG, |object| {
            object["spec"]["config"]["resourceGroupId"] = json!(group);
            object["spec"]["listeners"][0]["requestTimeout"] = json!(90);
            object["spec"]["listeners"][0]["gzipEnabled"] = Json::Null;
            object["spec"]["listeners"].as_array_mut().unwrap().push(json!({"port": 9443, "protocol": "HTTPS", "idleTimeout": 7}));
            object["metadata"]["labels"]["team"] = json!("theirs");
            object["metadata"]["managedFields"] = json!([{"manager": "kubectl-edit", "operation": "Update",
                "time": "2026-11-23T18:29:50Z", "fieldsV1": {"f:spec": {"f:config": {"f:resourceGroupId": {}}, "f:listeners": {}}}}]);
        });
    };
    by_hand("rg-theirs");
    gateway.read().await;
    assert_eq!(gateway.changes(&config), Vec::<&str>::new(), "none of it is ours");

    config["resource_group_id"] = json!("rg-ours");
    config["labels"] = json!({"team": "ours"});
    config["listeners"]["443/HTTPS"] = json!({"request_timeout": 91, "gzip_enabled": false});
    config["listeners"]["9443/HTTPS"] = json!({"idle_timeout": 8});
    let plan = gateway.plan(&config);
    let summary = "AlbConfig \"ackone-gateway-demo\": Values of Others Overwritten";
    let told = plan.diagnostics.iter().find(|told| told.summary == summary).unwrap();
    for line in [
        "\n  - resource_group_id: last written by \"kubectl-edit\" at 2026-11-23T18:29:50Z; it is \"rg-theirs\"",
        "\n  - labels[\"team\"]: nothing tells by whom; it is \"theirs\"",
        "\n  - listeners[\"443/HTTPS\"].request_timeout: last written by \"kubectl-edit\" at 2026-11-23T18:29:50Z; it is 90",
        "\n  - listeners[\"9443/HTTPS\"].idle_timeout: last written by \"kubectl-edit\" at 2026-11-23T18:29:50Z; it is 7",
    ] {
        assert!(told.detail.contains(line), "{line}{}", told.detail);
    }
    assert_eq!(told.detail.matches("\n  - ").count(), 4, "{}", told.detail);
    let answer = gateway.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    let live = fleet.get(ALB_CONFIG).unwrap();
    assert_eq!(live["spec"]["config"]["resourceGroupId"], "rg-ours");
    assert_eq!(live["metadata"]["labels"]["team"], "ours");
    gateway.read().await;
    assert!(!warnings(&gateway.plan(&config).diagnostics).contains(&summary.to_owned()), "it is ours now");

    // After the plan.
    let fleet = FakeFleet::default();
    let mut gateway = create(&fleet, &walkthrough()).await;
    fleet.edit(ALB_CONFIG, |object| object["spec"]["config"]["resourceGroupId"] = json!("rg-theirs"));
    let mut config = walkthrough();
    config["resource_group_id"] = json!("rg-ours");
    let answer = gateway.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), ["resource_group_id: Field Changed Since the Plan"]);
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
async fn v20_only_what_the_configuration_changes_replaces_the_load_balancer() {
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
        json!([{"vswitch_id": "vsw-oraclei"}, {"vswitch_id": "vsw-oracleh", "zone_id": "cn-hangzhou-h"}]);
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
    config["name"] = json!("another");
    let plan = gateway.plan(&config);
    assert_eq!(plan.requires_replace, [Path::attribute("name")]);
    let warning = plan.diagnostics.iter().find(|told| told.summary == "Load Balancer Replaced").unwrap();
    assert_eq!(warning.path, Some(Path::attribute("name")));
    assert!(warning.detail.contains("alb-1.example.aliyuncs.com"), "{}", warning.detail);

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
async fn other_edits_of_the_ingress_class_are_told_with_their_writer_and_set_back() {
    let fleet = FakeFleet::default();
    let mut config = walkthrough();
    config["default_ingress_class"] = json!(true);
    let mut gateway = create(&fleet, &config).await;
    let annotation = "ingressclass.kubernetes.io/is-default-class";
    let owned = json!({"f:spec": {"f:parameters": {"f:apiGroup": {}}}, "f:metadata": {"f:annotations": {format!("f:{annotation}"): {}}}});
    fleet.edit(CLASS, |object| {
        object["spec"]["parameters"]["apiGroup"] = json!("example.com");
        object["metadata"]["annotations"][annotation] = json!("perhaps");
        object["metadata"]["managedFields"] =
            json!([{"manager": "kubectl-edit", "operation": "Update", "time": "2026-11-23T18:29:50Z", "fieldsV1": owned}]);
    });
    let answer = gateway.read().await;
    assert_eq!(warnings(&answer.diagnostics), ["IngressClass \"alb\" Changed Outside of Terraform"]);
    let detail = &answer.diagnostics.iter().next().unwrap().detail;
    for line in [
        "ingress_class_name: last written by \"kubectl-edit\" at 2026-11-23T18:29:50Z; it was \"alibabacloud.com\" and is",
        "default_ingress_class: last written by \"kubectl-edit\" at 2026-11-23T18:29:50Z; it was \"true\" and is \"perhaps\"",
    ] {
        assert!(detail.contains(line), "{detail}");
    }
    let changed = gateway.changes(&config);
    assert!(changed.contains(&"ingress_class_name") && changed.contains(&"default_ingress_class"), "{changed:?}");
    // The plan shows it, so it is no conflict, whatever else changes.
    config["load_balancer_name"] = json!("renamed");
    let answer = gateway.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    let class = fleet.get(CLASS).unwrap();
    assert_eq!(class["spec"]["parameters"]["apiGroup"], "alibabacloud.com");
    assert_eq!(class["metadata"]["annotations"][annotation], "true");
    gateway.read().await;
    assert_eq!(gateway.changes(&config), Vec::<&str>::new());
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

    gateway.next_command(fleet.clients(settings()));
    gateway.read().await;
    assert_eq!(gateway.changes(&config), Vec::<&str>::new(), "a class that others use is no endless difference");

    fleet.edit(INGRESS, |object| object["spec"]["ingressClassName"] = json!("alb-2"));
    gateway.next_command(fleet.clients(settings()));
    gateway.read().await;
    assert_eq!(gateway.changes(&config), ["listener_status", "ready", "reason"]);
    let answer = gateway.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!(fleet.get(CLASS), None);
    assert_eq!(gateway.changes(&config), Vec::<&str>::new());
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
