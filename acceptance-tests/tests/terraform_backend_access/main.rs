//! `ackone_backend_access` with real Terraform, against members whose security groups are shut. Protects: traffic flows once
//! the groups are open, rules of other people are never touched, what is ours is never lost, and a plan warns of what is shut.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests are tests too; clippy knows only the functions marked so"
)]

use acceptance_tests::calls::Call;
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::{Finished, Workspace};
use acceptance_tests::{caller, golden};
use serde_json::Value;

mod messages;
mod rules;

const HOST: &str = "grpc.example.com";

/// Opens both members to both vSwitches.
const ACCESS: &str = r#"
resource "ackone_backend_access" "demo" {
  name        = "ackone-gateway-demo"
  cluster_ids = var.member_cluster_ids
  vswitch_ids = var.vswitch_ids
}
"#;

/// A gateway that routes gRPC to both members.
const GATEWAY: &str = r#"
resource "ackone_namespace" "demo" {
  name = "gateway-demo"
}

resource "ackone_tls_secret" "grpc" {
  namespace   = ackone_namespace.demo.name
  name        = "grpc-secret"
  self_signed = { common_name = "grpc.example.com", dns_names = ["grpc.example.com"] }
}

resource "ackone_alb_gateway" "demo" {
  name                   = "ackone-gateway-demo"
  ingress_class_name     = "alb"
  remote_clusters        = var.member_cluster_ids
  address_type           = "Internet"
  address_allocated_mode = "Fixed"
  zone_mappings          = [for id in var.vswitch_ids : { vswitch_id = id }]
  listeners              = { "443/HTTPS" = { security_policy_id = "tls_cipher_policy_1_2" } }
}

resource "ackone_grpc_ingress" "demo" {
  namespace          = ackone_namespace.demo.name
  name               = "grpc-ingress"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]

  rules = [{
    host  = "grpc.example.com"
    paths = [{ service_name = "grpc-service", service_port = 50051 }]
  }]

  tls = [{
    hosts       = ["grpc.example.com"]
    secret_name = ackone_tls_secret.grpc.name
  }]
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

const SUBSTITUTES: [&str; 2] = ["GROUP-1", "GROUP-2"];

/// What a command tells, with names for groups and rules.
fn told(sandbox: &Sandbox, workspace: &Workspace, finished: &Finished) -> String {
    let mut text = golden::told(sandbox, workspace, finished);
    for (index, name) in SUBSTITUTES.iter().enumerate() {
        let group = group_of(sandbox, index);
        if !group.is_empty() {
            text = text.replace(&group, name);
        }
    }
    let mut rules: Vec<(String, Value)> = added(sandbox);
    rules.sort_by_key(|(group, rule)| (group_name(sandbox, group), rule["source_cidr_ip"].to_string()));
    for (index, (_, rule)) in rules.iter().enumerate() {
        text = text.replace(rule["rule_id"].as_str().unwrap(), &format!("RULE-{}", index + 1));
    }
    text
}

fn group_name(sandbox: &Sandbox, group: &str) -> usize {
    (0..2).find(|index| group_of(sandbox, *index) == group).unwrap_or(9)
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
