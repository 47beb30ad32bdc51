//! `ackone_backend_access` replaced under `create_before_destroy`, and a member that leaves the walkthrough. Protects: traffic
//! goes on, the plan after the apply is empty, and a member's group is shut only after the gateway has let go of it.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use acceptance_tests::golden;
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use serde_json::{Value, json};

const BARE: [&str; 2] = ["--bare-members", "--closed-security-groups"];

fn access(name: &str) -> String {
    format!(
        r#"
resource "ackone_backend_access" "demo" {{
  name        = "{name}"
  cluster_ids = var.member_cluster_ids
  vswitch_ids = var.vswitch_ids

  lifecycle {{
    create_before_destroy = true
  }}
}}
"#
    )
}

/// How many rules were added to the groups.
fn added(sandbox: &Sandbox) -> usize {
    let inventory = sandbox.inventory().unwrap();
    inventory.pointer("/cloud/security_group_rules_added").and_then(Value::as_array).unwrap().len()
}

#[test]
fn a_replacement_goes_on_with_the_rules_of_the_one_before() {
    let sandbox = Sandbox::start_with(&["--closed-security-groups"]).unwrap();
    let workspace = Workspace::with(&sandbox, &access("one")).unwrap();
    workspace.apply().unwrap().expect_ok();
    assert_eq!(added(&sandbox), 4);

    workspace.run(&["apply", "-auto-approve", "-no-color", "-replace=ackone_backend_access.demo"]).unwrap().expect_ok();
    assert_eq!(added(&sandbox), 4);
    assert_eq!(workspace.plan().unwrap().code, 0);

    // Under another name it shares what the old one leaves.
    workspace.write("main.tf", &access("two")).unwrap();
    let finished = workspace.run(&["apply", "-json", "-auto-approve"]).unwrap().expect_ok();
    let mut told = golden::told(&sandbox, &workspace, &finished);
    for group in sandbox.groups_of_clusters().unwrap().values() {
        told = told.replace(group, "GROUP");
    }
    golden::check("messages_access_rules_stay", &without_rules(&told)).unwrap();
    assert_eq!(added(&sandbox), 4);
    assert_eq!(workspace.plan().unwrap().code, 0);
}

/// Without the IDs of rules, which differ from run to run.
fn without_rules(told: &str) -> String {
    let line = |line: &str| match line.split_once("rule sgr-") {
        Some((before, after)) => format!("{before}rule RULE {}", after.split_once(' ').map_or("", |(_, rest)| rest)),
        None => line.to_owned(),
    };
    told.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_member_that_leaves_is_shut_out_after_the_gateway_has_let_go_of_it() {
    let sandbox = Sandbox::start_with(&BARE).unwrap();
    let mut workspace = Workspace::walkthrough(&sandbox).unwrap();
    workspace.apply().unwrap().expect_ok();
    sandbox.forget_calls().unwrap();
    let stays = sandbox.ready.member_ids.first().unwrap();
    workspace.set_env("TF_VAR_member_cluster_ids", &json!([stays]).to_string());
    workspace.apply().unwrap().expect_ok();
    let calls = sandbox.calls().unwrap();
    let first = |action: &str, of: &str| {
        let found = calls.iter().position(|call| call.action == action && call.to_string().contains(of));
        found.unwrap_or_else(|| panic!("no {action} {of}"))
    };
    let order = [first("patch", "albconfigs"), first("RevokeSecurityGroup", ""), first("DetachClusterFromHub", "")];
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!(workspace.plan().unwrap().code, 0);
}
