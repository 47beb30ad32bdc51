//! `ackone_backend_access` with real Terraform, against members whose security groups are shut. Protects: traffic flows once
//! the groups are open, rules of other people are never touched, what is ours is never lost, and a plan warns of what is shut.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests are tests too; clippy knows only the functions marked so"
)]

use std::time::Duration;

use acceptance_tests::calls::Call;
use acceptance_tests::configuration::{GRPC_GATEWAY as GATEWAY, HTTP_GATEWAY};
use acceptance_tests::processes::{children, end, kill};
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::{Finished, Workspace};
use acceptance_tests::{caller, golden, wait_until};
use serde_json::{Value, json};

/// For what takes a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(90);
const HOST: &str = "grpc.example.com";

/// Opens both members to both vSwitches.
const ACCESS: &str = r#"
resource "ackone_backend_access" "demo" {
  name        = "ackone-gateway-demo"
  cluster_ids = var.member_cluster_ids
  vswitch_ids = var.vswitch_ids
}
"#;

fn start() -> Sandbox {
    Sandbox::start_with(&["--attached", "--closed-security-groups"]).unwrap()
}

/// Every group with its rules, by id.
fn groups(sandbox: &Sandbox) -> Vec<(String, Vec<Value>)> {
    let all = sandbox.control.get("/v1/world/security-groups").unwrap();
    let groups = all["security_groups"].as_array().unwrap().iter();
    groups
        .map(|group| {
            let id = group["security_group_id"].as_str().unwrap().to_owned();
            (id, group["rules"].as_array().unwrap().clone())
        })
        .collect()
}

/// Rules that were not there from the start.
fn added(sandbox: &Sandbox) -> Vec<(String, Value)> {
    let groups = groups(sandbox).into_iter();
    let mut all: Vec<(String, Value)> = groups
        .flat_map(|(group, rules)| rules.into_iter().map(move |rule| (group.clone(), rule)))
        .filter(|(_, rule)| rule["initial"] == false)
        .collect();
    let key = |(group, rule): &(String, Value)| (group.clone(), rule["source_cidr_ip"].to_string());
    all.sort_by_key(key);
    all
}

/// The same as `group source`, with names for the groups.
fn sources(sandbox: &Sandbox) -> Vec<String> {
    let names = [group_of(sandbox, 0), group_of(sandbox, 1)];
    let name = |group: &str| names.iter().position(|one| one == group).map_or("other".to_owned(), |at| at.to_string());
    let mut all: Vec<String> = added(sandbox)
        .iter()
        .map(|(group, rule)| format!("{} {}", name(group), rule["source_cidr_ip"].as_str().unwrap()))
        .collect();
    all.sort();
    all
}

/// The group of a member.
fn group_of(sandbox: &Sandbox, member: usize) -> String {
    let inventory = sandbox.inventory().unwrap();
    let members = inventory["cloud"]["members"].as_array().unwrap();
    let id = &sandbox.ready.member_ids[member];
    let member = members.iter().find(|one| one["cluster_id"] == id.as_str()).unwrap();
    member["security_group_id"].as_str().unwrap().to_owned()
}

/// Changes a group as somebody does by hand.
fn by_hand(sandbox: &Sandbox, group: &str, change: &Value) -> Value {
    sandbox.control.post(&format!("/v1/world/security-groups/{group}"), change).unwrap()
}

fn rules(workspace: &Workspace) -> Vec<Value> {
    workspace.attributes("ackone_backend_access.demo").unwrap()["rules"].as_array().unwrap().clone()
}

/// Calls of ecs that write, in order.
fn ecs_writes(sandbox: &Sandbox) -> Vec<String> {
    let writes = |call: &Call| call.action == "AuthorizeSecurityGroup" || call.action == "RevokeSecurityGroup";
    sandbox.calls().unwrap().iter().filter(|call| writes(call)).map(|call| call.action.clone()).collect()
}

#[track_caller]
fn nothing_to_do(workspace: &Workspace) {
    let plan = workspace.plan().unwrap();
    assert_eq!(plan.code, 0, "{}\n{}", plan.stdout, plan.stderr);
    assert!(!plan.prose().contains("Warning:"), "{}", plan.stdout);
}

/// What a few calls through the gateway come to.
fn calls_through(sandbox: &Sandbox) -> Vec<String> {
    let port = sandbox.ready.gateway_ports["443"];
    let mut seen: Vec<String> = (0..4)
        .map(|_| {
            let called = caller::call(port, HOST).unwrap();
            match sandbox.ready.member_ids.iter().position(|id| *id == called.member) {
                Some(member) => format!("member {member}"),
                None => called.outcome,
            }
        })
        .collect();
    seen.sort();
    seen.dedup();
    seen
}

/// What a command tells, with names for groups and rules.
fn told(sandbox: &Sandbox, workspace: &Workspace, finished: &Finished) -> String {
    let mut text = golden::told(sandbox, workspace, finished);
    for (index, name) in ["GROUP-1", "GROUP-2"].iter().enumerate() {
        let group = group_of(sandbox, index);
        if !group.is_empty() {
            text = text.replace(&group, name);
        }
    }
    let first = group_of(sandbox, 0);
    let mut rules: Vec<(String, Value)> = added(sandbox);
    rules.sort_by_key(|(group, rule)| (*group != first, rule["source_cidr_ip"].to_string()));
    for (index, (_, rule)) in rules.iter().enumerate() {
        text = text.replace(rule["rule_id"].as_str().unwrap(), &format!("RULE-{}", index + 1));
    }
    text
}

/// Runs a command with JSON output, and compares what it tells with a golden.
#[track_caller]
fn tells(name: &str, sandbox: &Sandbox, workspace: &Workspace, arguments: &[&str], code: i32) {
    let finished = workspace.run(arguments).unwrap();
    let told = told(sandbox, workspace, &finished);
    assert_eq!(finished.code, code, "{name}\n{told}\n{}\n{}", finished.stdout, finished.stderr);
    golden::check(name, &told).unwrap();
}

const PLAN: &[&str] = &["plan", "-json", "-lock=false"];
const APPLY: &[&str] = &["apply", "-json", "-auto-approve"];
const DESTROY: &[&str] = &["destroy", "-json", "-auto-approve"];

#[test]
fn a_shut_member_times_out_until_its_group_is_opened() {
    let sandbox = start();
    let before = sandbox.inventory().unwrap();
    // One member is open already, by a rule of somebody else.
    let first = group_of(&sandbox, 0);
    let opened = json!({"authorize": [{"source_cidr_ip": "10.0.0.0/16", "description": "platform team"}]});
    by_hand(&sandbox, &first, &opened);
    let workspace = Workspace::with(&sandbox, GATEWAY).unwrap();
    tells("messages_access_closed", &sandbox, &workspace, PLAN, 0);
    workspace.apply().unwrap().expect_ok();
    assert_eq!(calls_through(&sandbox), ["HTTP 504", "member 0"], "packets to the other one are dropped");

    // Opened beside a gateway that changes: its plan is silent, whichever of the two is planned first.
    let named = GATEWAY.replace("\"443/HTTPS\" = {", "\"443/HTTPS\" = { idle_timeout = 45,");
    workspace.write("main.tf", &format!("{named}{ACCESS}")).unwrap();
    let applied = workspace.apply().unwrap().expect_ok();
    assert!(!applied.prose().contains("Warning:"), "{}", applied.stdout);
    assert_eq!(calls_through(&sandbox), ["member 0", "member 1"], "both answer, without a restart of anything");
    nothing_to_do(&workspace);

    let owned: Vec<bool> = rules(&workspace).iter().map(|rule| rule["owned"].as_bool().unwrap()).collect();
    assert_eq!(owned.iter().filter(|owned| **owned).count(), 2, "{owned:?}: two ranges of the shut member");
    assert_eq!(sources(&sandbox), ["0 10.0.0.0/16", "1 10.0.1.0/24", "1 10.0.2.0/24"]);
    let ours = added(&sandbox).into_iter().find(|(group, _)| *group == group_of(&sandbox, 1)).unwrap().1;
    assert_eq!(ours["description"], "Traffic of an ACK One gateway [ackone_backend_access:ackone-gateway-demo]");
    assert_eq!(
        (&ours["ip_protocol"], &ours["port_range"], &ours["priority"]),
        (&json!("ALL"), &json!("-1/-1"), &json!("1"))
    );

    workspace.destroy().unwrap().expect_ok();
    assert_eq!(sources(&sandbox), ["0 10.0.0.0/16"], "somebody else's rule stays");
    let rule = added(&sandbox)[0].1["rule_id"].clone();
    by_hand(&sandbox, &first, &json!({"revoke": [rule]}));
    assert_eq!(sandbox.inventory().unwrap(), before);
}

#[test]
fn one_zone_that_is_shut_out_loses_every_other_call() {
    let sandbox = start();
    let one_zone = ACCESS.replace("var.vswitch_ids", "[var.vswitch_ids[0]]");
    let drop = json!({"source_cidr_ip": "10.0.1.0/24", "policy": "Drop", "priority": 1});
    let dropped = by_hand(&sandbox, &group_of(&sandbox, 0), &json!({"authorize": [drop]}));
    let workspace = Workspace::with(&sandbox, &format!("{GATEWAY}{one_zone}")).unwrap();
    tells("messages_access_one_zone", &sandbox, &workspace, PLAN, 0);
    let rules = dropped["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["policy"] == "Drop").unwrap()["rule_id"].clone();
    by_hand(&sandbox, &group_of(&sandbox, 0), &json!({"revoke": [rule]}));
    workspace.apply().unwrap().expect_ok();
    let seen = calls_through(&sandbox);
    assert!(seen.contains(&"HTTP 504".to_owned()) && seen.len() > 1, "{seen:?}");
    workspace.destroy().unwrap().expect_ok();
}

#[test]
fn what_admits_the_range_already_is_shared_and_never_removed() {
    let sandbox = start();
    let (first, second) = (group_of(&sandbox, 0), group_of(&sandbox, 1));
    // The very rule that would be made, and a wider one for all of TCP.
    by_hand(&sandbox, &first, &json!({"authorize": [{"source_cidr_ip": "10.0.1.0/24", "description": "mine"}]}));
    let wider = json!({"source_cidr_ip": "10.0.0.0/16", "ip_protocol": "TCP", "port_range": "1/65535", "priority": 50});
    by_hand(&sandbox, &second, &json!({"authorize": [wider]}));
    let workspace = Workspace::with(&sandbox, ACCESS).unwrap();
    sandbox.forget_calls().unwrap();
    workspace.apply().unwrap().expect_ok();
    assert_eq!(ecs_writes(&sandbox), ["AuthorizeSecurityGroup"], "one call for the one missing rule");
    nothing_to_do(&workspace);
    assert_eq!(sources(&sandbox), ["0 10.0.1.0/24", "0 10.0.2.0/24", "1 10.0.0.0/16"]);
    let owned = |rule: &&Value| rule["owned"] == true;
    assert_eq!(rules(&workspace).iter().filter(owned).count(), 1);
    assert!(rules(&workspace).iter().all(|rule| rule["rule_id"].is_string()));

    // What was shared disappears: the resource makes a rule of its own.
    let wide = added(&sandbox).into_iter().find(|(group, _)| *group == second).unwrap().1["rule_id"].clone();
    by_hand(&sandbox, &second, &json!({"revoke": [wide]}));
    tells("messages_access_missing", &sandbox, &workspace, PLAN, 0);
    workspace.apply().unwrap().expect_ok();
    assert_eq!(rules(&workspace).iter().filter(owned).count(), 3);
    workspace.destroy().unwrap().expect_ok();
    assert_eq!(sources(&sandbox), ["0 10.0.1.0/24"]);
    assert_eq!(added(&sandbox)[0].1["description"], "mine");
}

#[test]
fn two_members_behind_one_group_get_one_rule() {
    let sandbox = start();
    let first = group_of(&sandbox, 0);
    let shared = json!({"security_group_id": first});
    sandbox.control.post(&format!("/v1/world/clusters/{}", sandbox.ready.member_ids[1]), &shared).unwrap();
    let workspace = Workspace::with(&sandbox, ACCESS).unwrap();
    workspace.apply().unwrap().expect_ok();
    assert_eq!(sources(&sandbox).len(), 2, "{:?}", sources(&sandbox));
    let mut members = sandbox.ready.member_ids.clone();
    members.sort();
    assert!(rules(&workspace).iter().all(|rule| rule["cluster_ids"] == json!(members)), "{:?}", rules(&workspace));
    // One of them leaves: the other still needs the rules.
    let one = ACCESS.replace("var.member_cluster_ids", "[sort(var.member_cluster_ids)[0]]");
    workspace.write("main.tf", &one).unwrap();
    workspace.apply().unwrap().expect_ok();
    assert_eq!(sources(&sandbox).len(), 2);
    nothing_to_do(&workspace);
    workspace.destroy().unwrap().expect_ok();
    assert!(sources(&sandbox).is_empty());
}

#[test]
fn drift_is_set_right() {
    let sandbox = start();
    let workspace = Workspace::with(&sandbox, ACCESS).unwrap();
    workspace.apply().unwrap().expect_ok();
    let all = sources(&sandbox);
    assert_eq!(all.len(), 4);
    let of = |index: usize| {
        let (group, rule) = added(&sandbox)[index].clone();
        (group, rule["rule_id"].as_str().unwrap().to_owned())
    };
    // Removed, given another priority, turned into one that drops.
    let ((g0, r0), (g1, r1), (g2, r2)) = (of(0), of(1), of(2));
    by_hand(&sandbox, &g0, &json!({"revoke": [r0]}));
    by_hand(&sandbox, &g1, &json!({"modify": [{"rule_id": r1, "priority": 7}]}));
    by_hand(&sandbox, &g2, &json!({"modify": [{"rule_id": r2, "policy": "Drop"}]}));
    let plan = workspace.plan_saved().unwrap();
    assert_eq!(plan.summary(), ["ackone_backend_access.demo: update"], "{}", plan.finished.stdout);
    assert_eq!(plan.change("ackone_backend_access.demo").unwrap().attributes(), ["rules"]);
    workspace.apply_saved(false).unwrap().expect_ok();
    assert_eq!(sources(&sandbox), all);
    for (_, rule) in added(&sandbox) {
        assert_eq!((&rule["priority"], &rule["policy"]), (&json!("1"), &json!("Accept")), "{rule}");
        assert!(rule["rule_id"] != r1.as_str() && rule["rule_id"] != r2.as_str());
    }
    nothing_to_do(&workspace);

    // A vSwitch gets other addresses.
    let vswitch = &sandbox.ready.vswitch_ids[0];
    let block = sandbox.control.post(&format!("/v1/world/vswitches/{vswitch}"), &json!({"cidr_block": "10.0.9.0/24"}));
    block.unwrap();
    workspace.apply().unwrap().expect_ok();
    assert_eq!(sources(&sandbox).iter().filter(|one| one.ends_with("10.0.9.0/24")).count(), 2);
    assert_eq!(sources(&sandbox).len(), 4, "{:?}", sources(&sandbox));
    nothing_to_do(&workspace);
    workspace.destroy().unwrap().expect_ok();
    assert!(sources(&sandbox).is_empty());
}

#[test]
fn an_update_adds_before_it_removes() {
    let sandbox = start();
    let workspace = Workspace::with(&sandbox, ACCESS).unwrap();
    workspace.apply().unwrap().expect_ok();
    // The first vSwitch leaves, another range and another priority come.
    let changed = ACCESS
        .replace("= var.vswitch_ids", "= [var.vswitch_ids[1]]\n  source_cidrs = [\"10.0.8.0/24\"]\n  priority = 5");
    workspace.write("main.tf", &changed).unwrap();
    sandbox.forget_calls().unwrap();
    workspace.apply().unwrap().expect_ok();
    let writes = ecs_writes(&sandbox);
    let adds = writes.iter().rposition(|one| one == "AuthorizeSecurityGroup").unwrap();
    let removes = writes.iter().position(|one| one == "RevokeSecurityGroup").unwrap();
    assert!(adds < removes, "{writes:?}");
    assert_eq!(sources(&sandbox), ["0 10.0.2.0/24", "0 10.0.8.0/24", "1 10.0.2.0/24", "1 10.0.8.0/24"]);
    assert!(added(&sandbox).iter().all(|(_, rule)| rule["priority"] == "5"));
    nothing_to_do(&workspace);

    // A member leaves: only its rules go. A description is for rules to come.
    let fewer = changed.replace("var.member_cluster_ids", &format!("[{:?}]", sandbox.ready.member_ids[0]));
    workspace.write("main.tf", &fewer.replace("priority = 5", "priority = 5\n  description = \"edge\"")).unwrap();
    workspace.apply().unwrap().expect_ok();
    assert_eq!(sources(&sandbox), ["0 10.0.2.0/24", "0 10.0.8.0/24"]);
    nothing_to_do(&workspace);
    workspace.destroy().unwrap().expect_ok();
    assert!(sources(&sandbox).is_empty());
}

#[test]
fn an_import_takes_what_carries_the_mark() {
    let sandbox = start();
    let second = group_of(&sandbox, 1);
    by_hand(&sandbox, &second, &json!({"authorize": [{"source_cidr_ip": "10.0.1.0/24", "description": "theirs"}]}));
    let owner =
        Workspace::with(&sandbox, &ACCESS.replace("= var.vswitch_ids", "= var.vswitch_ids\n  priority = 3")).unwrap();
    owner.apply().unwrap().expect_ok();
    // Old rules too: the import says that they are ours.
    for (group, rule) in added(&sandbox) {
        by_hand(&sandbox, &group, &json!({"modify": [{"rule_id": rule["rule_id"], "age_seconds": 864_000}]}));
    }
    let (clusters, vswitches) = (sandbox.ready.member_ids.join(","), sandbox.ready.vswitch_ids.join(","));
    for id in ["ackone-gateway-demo".to_owned(), format!("ackone-gateway-demo:{clusters}:{vswitches}")] {
        let body = ACCESS.replace("= var.vswitch_ids", "= var.vswitch_ids\n  priority = 3");
        let other = Workspace::with(&sandbox, &body).unwrap();
        other
            .write("imports.tf", &format!("import {{\n  to = ackone_backend_access.demo\n  id = {id:?}\n}}\n"))
            .unwrap();
        let plan = other.plan_saved().unwrap();
        assert_eq!(plan.summary(), [""; 0], "{id}: {}", plan.finished.stdout);
        assert!(!plan.finished.prose().contains("Warning:"), "{id}: {}", plan.finished.stdout);
        sandbox.forget_calls().unwrap();
        other.apply_saved(false).unwrap().expect_ok();
        assert!(ecs_writes(&sandbox).is_empty(), "an import writes nothing");
        let owned = rules(&other).iter().filter(|rule| rule["owned"] == true).count();
        assert_eq!(owned, 3, "{id}: {:?}", rules(&other));
        nothing_to_do(&other);
    }
    owner.destroy().unwrap().expect_ok();
    assert_eq!(sources(&sandbox), ["1 10.0.1.0/24"]);

    let workspace = Workspace::with(&sandbox, ACCESS).unwrap();
    let import = |id: &str| ["import", "-no-color", "ackone_backend_access.demo", id].map(str::to_owned);
    for (id, text) in [
        ("a:c1:vsw-1", "Cannot import non-existent"),
        ("nobody", "Access Rules Not Found"),
        ("a:b", "Invalid Import ID"),
        ("a:c1:10.0.1.7/24", "Invalid Import ID"),
    ] {
        let arguments = import(id);
        let finished = workspace.run(&arguments.each_ref().map(String::as_str)).unwrap();
        assert!(!finished.ok() && finished.prose().contains(text), "{id}: {}", finished.prose());
    }
}

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
        assert!(told.contains(&format!("may not call {action},")), "{told}");
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
fn an_interrupted_create_converges() {
    let sandbox = start();
    let workspace = Workspace::with(&sandbox, ACCESS).unwrap();
    // Accepted, and then the provider hears nothing any more.
    sandbox.fault("ecs/AuthorizeSecurityGroup=latency,ms=600000,nth=2").unwrap();
    let apply = workspace.start_apply().unwrap();
    wait_until("the first group to be open", PATIENCE, || match sources(&sandbox).len() {
        2 => Ok(()),
        other => Err(format!("{other} rules")),
    })
    .unwrap();
    let provider = children(apply.id(), "terraform-provider-ackone");
    provider.into_iter().for_each(|process| kill(process).unwrap());
    assert!(!end(apply, PATIENCE).unwrap().ok());
    sandbox.no_faults().unwrap();
    let applied = workspace.run(&["apply", "-no-color", "-auto-approve", "-lock=false"]).unwrap().expect_ok();
    assert!(applied.prose().contains("Access Rules Recorded"), "{}", applied.stdout);
    assert_eq!(sources(&sandbox).len(), 4, "none is doubled");
    nothing_to_do(&workspace);
    workspace.destroy().unwrap().expect_ok();
    assert!(sources(&sandbox).is_empty(), "none is orphaned");
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

#[test]
fn a_gateway_that_is_cut_off_is_told() {
    let sandbox = start();
    let gateway = HTTP_GATEWAY.replace("  name  ", "  depends_on = [DEPENDS]\n  name  ");
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
fn two_blocks_for_the_same_pairs_share_the_rules() {
    let sandbox = start();
    let twin = ACCESS.replace("\"demo\"", "\"twin\"").replace("ackone-gateway-demo", "another-gateway");
    let workspace = Workspace::with(&sandbox, &format!("{ACCESS}{twin}")).unwrap();
    workspace.apply().unwrap().expect_ok();
    assert_eq!(sources(&sandbox).len(), 4, "{:?}", sources(&sandbox));
    nothing_to_do(&workspace);
    let owned = |address: &str| {
        let rules = workspace.attributes(address).unwrap()["rules"].clone();
        rules.as_array().unwrap().iter().filter(|rule| rule["owned"] == true).count()
    };
    assert_eq!(owned("ackone_backend_access.demo") + owned("ackone_backend_access.twin"), 4, "each rule has one owner");
    // One goes: what it owned is made anew for the other, and nothing is lost at the end.
    workspace.write("main.tf", ACCESS).unwrap();
    workspace.apply().unwrap().expect_ok();
    workspace.apply().unwrap().expect_ok();
    assert_eq!((sources(&sandbox).len(), owned("ackone_backend_access.demo")), (4, 4));
    nothing_to_do(&workspace);
    workspace.destroy().unwrap().expect_ok();
    assert!(sources(&sandbox).is_empty());
}

#[test]
fn many_rules_are_made_and_removed_in_few_calls() {
    let sandbox = start();
    let many = ACCESS
        .replace("var.member_cluster_ids", "[sort(var.member_cluster_ids)[0]]")
        .replace("= var.vswitch_ids", "= []\n  source_cidrs = [for n in range(150) : \"10.20.${n}.0/24\"]");
    let workspace = Workspace::with(&sandbox, &many).unwrap();
    sandbox.forget_calls().unwrap();
    workspace.apply().unwrap().expect_ok();
    assert_eq!((ecs_writes(&sandbox).len(), sources(&sandbox).len()), (2, 150), "a call takes 100 rules");
    nothing_to_do(&workspace);
    sandbox.forget_calls().unwrap();
    workspace.destroy().unwrap().expect_ok();
    assert_eq!(ecs_writes(&sandbox).len(), 2);
    assert!(sources(&sandbox).is_empty());
}

#[test]
fn what_is_unknown_is_planned_truly_and_never_warned_of() {
    let sandbox = start();
    let made = "resource \"terraform_data\" \"ids\" {\n  input = { clusters = var.member_cluster_ids, vswitches = var.vswitch_ids }\n}\n";
    let access = ACCESS
        .replace("var.member_cluster_ids", "terraform_data.ids.output.clusters")
        .replace("var.vswitch_ids", "terraform_data.ids.output.vswitches");
    let workspace = Workspace::with(&sandbox, &format!("{made}{GATEWAY}{access}")).unwrap();
    let plan = workspace.plan_saved().unwrap();
    assert!(!plan.finished.prose().contains("Warning:"), "{}", plan.finished.stdout);
    let unknown = plan.change("ackone_backend_access.demo").unwrap().after_unknown;
    assert_eq!(
        (&unknown["cluster_ids"], &unknown["vswitch_ids"], &unknown["rules"]),
        (&json!(true), &json!(true), &json!(true))
    );
    let applied = workspace.apply_saved(false).unwrap().expect_ok();
    assert!(!applied.prose().contains("Warning:"), "{}", applied.stdout);
    assert_eq!(calls_through(&sandbox), ["member 0", "member 1"]);
    nothing_to_do(&workspace);
    workspace.destroy().unwrap();
}
