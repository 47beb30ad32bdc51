//! What a person reads when something is not as planned, and what is left then.

use acceptance_tests::golden;
use acceptance_tests::terraform::Workspace;
use serde_json::{Value, json};

use super::{
    ACCESS, APPLY, DESTROY, GATEWAY, PLAN, added, by_hand, group_of, groups, nothing_to_do, rules, sources, start,
    tells, told,
};

#[test]
fn who_may_not_look_is_told_the_right_and_plans_all_the_same() {
    let sandbox = start();
    for (number, action) in
        ["cs:DescribeClusterDetail", "ecs:DescribeSecurityGroupAttribute", "vpc:DescribeVSwitches"].iter().enumerate()
    {
        sandbox.control.post("/v1/world/permissions", &json!({"deny": [action], "allow": ["*"]})).unwrap();
        let workspace = Workspace::with(&sandbox, GATEWAY).unwrap();
        let finished = workspace.run(PLAN).unwrap();
        let told = told(&sandbox, &workspace, &finished);
        assert_eq!(finished.code, 0, "{told}");
        assert!(told.contains(&format!("may not {action},")), "{told}");
        if number == 0 {
            golden::check("messages_access_not_checked", &told).unwrap();
        }
        // Whoever switched it off is told nothing.
        let off = GATEWAY.replace("  address_type ", "  cross_checks = false\n  address_type ");
        workspace.write("main.tf", &off).unwrap();
        let silent = workspace.plan().unwrap();
        assert!(!silent.prose().contains("Security Group"), "{}", silent.stdout);
    }
    sandbox
        .control
        .post("/v1/world/permissions", &json!({"deny": ["ecs:AuthorizeSecurityGroup"], "allow": ["*"]}))
        .unwrap();
    let workspace = Workspace::with(&sandbox, ACCESS).unwrap();
    tells("messages_access_forbidden", &sandbox, &workspace, APPLY, 1);
    assert!(workspace.instances().unwrap().is_empty(), "nothing was made, so nothing is tainted");
    sandbox.control.post("/v1/world/permissions", &json!({"allow": ["*"]})).unwrap();
    workspace.apply().unwrap().expect_ok();
    sandbox.control.post("/v1/world/permissions", &json!({"deny": ["ecs:RevokeSecurityGroup"]})).unwrap();
    let refused = workspace.destroy().unwrap();
    assert!(refused.prose().contains("RAM refused the action ecs:RevokeSecurityGroup"), "{}", refused.prose());
    sandbox.control.post("/v1/world/permissions", &json!({"allow": ["*"]})).unwrap();
    workspace.destroy().unwrap().expect_ok();
    assert!(sources(&sandbox).is_empty());
}

#[test]
fn a_group_that_refuses_stops_no_other() {
    let sandbox = start();
    let (first, second) = (group_of(&sandbox, 0), group_of(&sandbox, 1));
    by_hand(&sandbox, &first, &json!({"service_managed": true}));
    let many: Vec<Value> =
        (0..199).map(|n| json!({"source_cidr_ip": format!("10.9.{n}.0/24"), "priority": 9})).collect();
    by_hand(&sandbox, &second, &json!({"authorize": many}));
    let workspace = Workspace::with(&sandbox, ACCESS).unwrap();
    tells("messages_access_refused", &sandbox, &workspace, APPLY, 1);
    assert!(workspace.instances().unwrap().is_empty());
    let full: Vec<String> =
        added(&sandbox).iter().take(199).map(|(_, rule)| rule["rule_id"].as_str().unwrap().to_owned()).collect();
    by_hand(&sandbox, &second, &json!({"revoke": full}));

    // One group opens, the other does not: what was made is kept, and the next apply goes on from there.
    let applied = workspace.apply().unwrap().expect_ok();
    assert!(applied.prose().contains("Security Group Managed By Service"), "{}", applied.stdout);
    assert_eq!(sources(&sandbox), ["1 10.0.1.0/24", "1 10.0.2.0/24"]);
    assert_eq!(workspace.instances().unwrap(), [("ackone_backend_access.demo".to_owned(), false)]);
    by_hand(&sandbox, &first, &json!({"service_managed": false}));
    workspace.apply().unwrap().expect_ok();
    assert_eq!(sources(&sandbox).len(), 4);
    nothing_to_do(&workspace);
    workspace.destroy().unwrap().expect_ok();
}

#[test]
fn what_is_not_there_is_told() {
    let sandbox = start();
    let body = r#"
resource "ackone_backend_access" "demo" {
  name        = "demo"
  cluster_ids = [sort(var.member_cluster_ids)[0], "c00000000000000000000000000000000"]
  vswitch_ids = ["vsw-nowhere"]
}
"#;
    let workspace = Workspace::with(&sandbox, body).unwrap();
    tells("messages_access_absent", &sandbox, &workspace, APPLY, 1);

    // No group is known of one, and the group of another does not exist.
    let member = |index: usize| sandbox.ready.member_ids[index].clone();
    sandbox.control.post(&format!("/v1/world/clusters/{}", member(0)), &json!({"security_group_id": ""})).unwrap();
    let second = group_of(&sandbox, 1);
    let workspace = Workspace::with(
        &sandbox,
        &ACCESS.replace("cluster_ids = var", "security_group_ids = GROUPS\n  cluster_ids = var"),
    )
    .unwrap();
    let main = std::fs::read_to_string(workspace.path().join("main.tf")).unwrap();
    workspace.write("main.tf", &main.replace("GROUPS", &format!("{{ {:?} = \"sg-nowhere\" }}", member(1)))).unwrap();
    tells("messages_access_no_group", &sandbox, &workspace, APPLY, 1);

    // Named by hand, it is opened.
    let groups = format!("{{ {:?} = {second:?} }}", member(0));
    workspace.write("main.tf", &main.replace("GROUPS", &groups)).unwrap();
    workspace.apply().unwrap().expect_ok();
    assert_eq!(sources(&sandbox), ["1 10.0.1.0/24", "1 10.0.2.0/24"]);
    nothing_to_do(&workspace);

    // Both clusters and their group go: told in every plan, and in nobody's way.
    sandbox.control.post(&format!("/v1/world/clusters/{}", member(1)), &json!({"gone": true})).unwrap();
    by_hand(&sandbox, &second, &json!({"gone": true}));
    let told = golden::told(&sandbox, &workspace, &workspace.run(PLAN).unwrap()).replace(&second, "GROUP-2");
    golden::check("messages_access_gone", &told).unwrap();
    workspace.apply().unwrap().expect_ok();
    workspace.destroy().unwrap().expect_ok();
}

#[test]
fn a_rule_that_drops_is_told_and_left_alone() {
    let sandbox = start();
    let first = group_of(&sandbox, 0);
    by_hand(
        &sandbox,
        &first,
        &json!({"authorize": [{"source_cidr_ip": "10.0.1.0/25", "policy": "Drop", "description": "no"}]}),
    );
    let workspace = Workspace::with(&sandbox, ACCESS).unwrap();
    tells("messages_access_overruled", &sandbox, &workspace, APPLY, 0);
    let blocked = rules(&workspace).iter().filter(|rule| rule["blocked_by"].is_string()).count();
    assert_eq!(blocked, 1, "{:?}", rules(&workspace));
    nothing_to_do(&workspace);
    workspace.destroy().unwrap().expect_ok();
    assert_eq!(sources(&sandbox), ["0 10.0.1.0/25"]);
}

#[test]
fn two_states_of_one_name_do_not_take_each_others_rules_without_a_word() {
    let sandbox = start();
    let one = Workspace::with(
        &sandbox,
        &ACCESS.replace("var.member_cluster_ids", &format!("[{:?}]", sandbox.ready.member_ids[0])),
    )
    .unwrap();
    one.apply().unwrap().expect_ok();
    // Young rules of pairs that are wanted look like those of an interrupted apply.
    let two = Workspace::with(&sandbox, ACCESS).unwrap();
    tells("messages_access_recorded", &sandbox, &two, APPLY, 0);
    two.destroy().unwrap().expect_ok();
    one.apply().unwrap().expect_ok();
    // Old ones do not.
    for (group, rule) in added(&sandbox) {
        by_hand(&sandbox, &group, &json!({"modify": [{"rule_id": rule["rule_id"], "age_seconds": 90_000}]}));
    }
    tells("messages_access_same_name", &sandbox, &two, APPLY, 0);
    two.destroy().unwrap().expect_ok();
    assert_eq!(sources(&sandbox), ["0 10.0.1.0/24", "0 10.0.2.0/24"], "still those of the first");
    nothing_to_do(&one);
    one.destroy().unwrap().expect_ok();
}

#[test]
fn mistakes_are_told_before_anything_is_asked() {
    let sandbox = start();
    let body = r#"
resource "ackone_backend_access" "names" {
  name               = "a name"
  cluster_ids        = []
  priority           = 0
  description        = " "
  vswitch_ids        = ["vsw 1"]
  security_group_ids = { c0 = "sg 1" }
}

resource "ackone_backend_access" "sources" {
  name        = "sources"
  cluster_ids = ["c0a"]
}

resource "ackone_backend_access" "ranges" {
  name               = "ranges"
  cluster_ids        = ["c0a"]
  source_cidrs       = ["10.0.0.0", "10.0.1.7/24"]
  security_group_ids = { c0b = "sg-1" }
}
"#;
    let workspace = Workspace::with(&sandbox, body).unwrap();
    tells("messages_access_configuration", &sandbox, &workspace, &["plan", "-json", "-lock=false"], 1);
    let twice = format!("{ACCESS}{}", ACCESS.replace("\"demo\"", "\"twin\""));
    workspace.write("main.tf", &twice).unwrap();
    let plan = workspace.plan().unwrap();
    assert!(plan.code == 1 && plan.prose().contains("Object Declared Twice"), "{}", plan.prose());

    let workspace = Workspace::with_provider(&sandbox, "provider \"ackone\" {}\n", ACCESS).unwrap();
    workspace.write("imports.tf", "import {\n  to = ackone_backend_access.demo\n  id = \"nobody\"\n}\n").unwrap();
    tells("messages_access_import_alone", &sandbox, &workspace, PLAN, 1);
    let workspace = Workspace::with(&sandbox, ACCESS).unwrap();
    workspace.write("imports.tf", "import {\n  to = ackone_backend_access.demo\n  id = \"nobody\"\n}\n").unwrap();
    tells("messages_access_import_absent", &sandbox, &workspace, PLAN, 1);
}

#[test]
fn a_gateway_that_is_cut_off_is_told() {
    let sandbox = start();
    let gateway = "resource \"ackone_alb_gateway\" \"demo\" {\n  name = \"ackone-gateway-demo\"\n  remote_clusters = \
                   var.member_cluster_ids\n  address_type = \"Internet\"\n  address_allocated_mode = \"Fixed\"\n  zone_mappings = \
                   [for id in var.vswitch_ids : { vswitch_id = id }]\n  listeners = { \"8001/HTTP\" = {} }\n  depends_on = [DEPENDS]\n}\n";
    let workspace = Workspace::with(&sandbox, "").unwrap();
    let ordered = gateway.replace("DEPENDS", "ackone_backend_access.demo");
    workspace.write("main.tf", &format!("{ordered}{ACCESS}")).unwrap();
    workspace.apply().unwrap().expect_ok();
    // Somebody else admits it too: nothing is cut off, and nobody waits.
    for member in 0..2 {
        by_hand(&sandbox, &group_of(&sandbox, member), &json!({"authorize": [{"source_cidr_ip": "10.0.0.0/8"}]}));
    }
    workspace.write("main.tf", &gateway.replace("DEPENDS", "")).unwrap();
    let applied = workspace.apply().unwrap().expect_ok();
    assert!(!applied.prose().contains("Warning:"), "{}", applied.stdout);
    for (group, rule) in added(&sandbox) {
        by_hand(&sandbox, &group, &json!({"revoke": [rule["rule_id"]]}));
    }

    workspace.write("main.tf", &format!("{ordered}{ACCESS}")).unwrap();
    workspace.apply().unwrap().expect_ok();
    workspace.write("main.tf", &gateway.replace("DEPENDS", "")).unwrap();
    tells("messages_access_cut_off", &sandbox, &workspace, APPLY, 0);
    assert!(sources(&sandbox).is_empty());

    // Both go, the gateway first: nothing to tell.
    workspace.write("main.tf", &format!("{ordered}{ACCESS}")).unwrap();
    workspace.apply().unwrap().expect_ok();
    let destroyed = workspace.destroy().unwrap().expect_ok();
    assert!(!destroyed.prose().contains("Warning:"), "{}", destroyed.stdout);
}

#[test]
fn a_destroy_says_what_stays_when_it_fails() {
    let sandbox = start();
    let workspace = Workspace::with(&sandbox, ACCESS).unwrap();
    workspace.apply().unwrap().expect_ok();
    // Somebody removes one of them by hand, and the group of the other member goes.
    let (group, rule) = added(&sandbox)[0].clone();
    by_hand(&sandbox, &group, &json!({"revoke": [rule["rule_id"]]}));
    let other = groups(&sandbox)
        .into_iter()
        .map(|(id, _)| id)
        .find(|id| *id != group && (*id == group_of(&sandbox, 0) || *id == group_of(&sandbox, 1)));
    by_hand(&sandbox, &other.unwrap(), &json!({"service_managed": true}));
    tells("messages_access_destroy", &sandbox, &workspace, DESTROY, 1);
    by_hand(&sandbox, &group_of(&sandbox, 0), &json!({"service_managed": false}));
    by_hand(&sandbox, &group_of(&sandbox, 1), &json!({"service_managed": false}));
    workspace.destroy().unwrap().expect_ok();
    assert!(sources(&sandbox).is_empty());
}
