//! What a plan tells of the cloud around a gateway. Protects: each missing prerequisite is named before anything is made,
//! nothing is said of what this run makes itself, and whoever may not look is told which right is missing and goes on.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use std::time::Duration;

use acceptance_tests::configuration::GRPC_GATEWAY;
use acceptance_tests::golden;
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use acceptance_tests::wait_until;
use serde_json::{Value, json};

/// For what takes a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(90);
const APPLY: &[&str] = &["apply", "-json", "-auto-approve"];
const PLAN: &[&str] = &["plan", "-json"];

/// A gateway with these members and vSwitches, as HCL lists.
fn gateway(clusters: &str, vswitches: &str, more: &str) -> String {
    format!(
        r#"
resource "ackone_alb_gateway" "demo" {{
  name                   = "demo"
  ingress_class_name     = "alb"
  remote_clusters        = {clusters}
  address_allocated_mode = "Fixed"
  zone_mappings          = [for id in {vswitches} : {{ vswitch_id = id }}]
  listeners              = {{ "443/HTTPS" = {{ security_policy_id = "tls_cipher_policy_1_2" }} }}
  wait                   = false
{more}
}}
"#
    )
}

#[track_caller]
fn tells(name: &str, sandbox: &Sandbox, workspace: &Workspace, arguments: &[&str], code: i32) {
    golden::tells(name, sandbox, workspace, arguments, code).unwrap();
}

/// What a plan tells, as titles.
fn titles(workspace: &Workspace) -> Vec<String> {
    let plan = workspace.run(PLAN).unwrap();
    let summary = |line: &str| {
        let event: Value = serde_json::from_str(line).ok()?;
        Some(event.pointer("/diagnostic/summary")?.as_str()?.to_owned())
    };
    plan.stdout.lines().filter_map(summary).collect()
}

#[test]
fn members_that_do_not_serve() {
    let sandbox = Sandbox::start().unwrap();
    let members = gateway("var.member_cluster_ids", "var.vswitch_ids", "");
    let workspace = Workspace::with(&sandbox, &members).unwrap();
    tells("messages_members_not_associated", &sandbox, &workspace, PLAN, 0);

    // What this run associates is no mistake.
    let associated = r#"
resource "ackone_fleet_cluster_association" "member" {
  for_each   = var.member_cluster_ids
  cluster_id = each.value
}
"#;
    let ids = "[for one in ackone_fleet_cluster_association.member : one.cluster_id]";
    workspace.write("main.tf", &format!("{associated}{}", gateway(ids, "var.vswitch_ids", ""))).unwrap();
    assert_eq!(titles(&workspace), Vec::<String>::new());
    workspace.write("main.tf", associated).unwrap();
    workspace.apply().unwrap().expect_ok();

    let first = sandbox.ready.member_ids.first().unwrap();
    let state = |state: Value| sandbox.control.post(&format!("/v1/members/{first}/state"), &state).unwrap();
    state(json!({"cluster_state": "inactive"}));
    workspace.write("main.tf", &format!("{associated}{}", gateway(ids, "var.vswitch_ids", ""))).unwrap();
    tells("messages_member_inactive", &sandbox, &workspace, PLAN, 0);
    state(json!({"cluster_state": "running", "association": "Failed", "message": "the agent could not be installed"}));
    tells("messages_member_failed", &sandbox, &workspace, PLAN, 0);
}

#[test]
fn a_member_elsewhere_and_a_fleet_that_does_not_run() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    sandbox.control.post("/v1/world/behaviour", &json!({"refuse_other_vpc": false})).unwrap();
    let other = sandbox.id_of("other-vpc");
    let associated =
        format!("resource \"ackone_fleet_cluster_association\" \"other\" {{ cluster_id = \"{other}\" }}\n");
    let workspace = Workspace::with(&sandbox, &associated).unwrap();
    workspace.apply().unwrap().expect_ok();
    let ids = "concat(tolist(var.member_cluster_ids), [ackone_fleet_cluster_association.other.cluster_id])";
    workspace.write("main.tf", &format!("{associated}{}", gateway(ids, "var.vswitch_ids", ""))).unwrap();
    tells("messages_member_elsewhere", &sandbox, &workspace, PLAN, 0);

    let skipping =
        "provider \"ackone\" {\n  fleet_id          = var.fleet_id\n  skip_cross_checks = [\"members\"]\n}\n";
    let quiet = Workspace::with_provider(&sandbox, skipping, &gateway("var.member_cluster_ids", "var.vswitch_ids", ""));
    assert_eq!(titles(&quiet.unwrap()), Vec::<String>::new());

    let fleet = &sandbox.ready.fleet_id;
    let deleting = json!({"state": "inactive", "error_message": "the account is in arrears"});
    sandbox.control.post(&format!("/v1/world/fleets/{fleet}"), &deleting).unwrap();
    workspace.write("main.tf", &gateway("var.member_cluster_ids", "var.vswitch_ids", "")).unwrap();
    tells("messages_fleet_not_running", &sandbox, &workspace, PLAN, 0);
}

#[test]
fn vswitches_that_do_not_serve() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let list = |ids: [&str; 2]| json!(ids.map(|name| sandbox.id_of(name))).to_string();
    let body = |ids: [&str; 2]| gateway("var.member_cluster_ids", &list(ids), "");
    let workspace = Workspace::with(&sandbox, &body(["gateway-h", "vsw-nowhere"])).unwrap();
    tells("messages_vswitch_absent", &sandbox, &workspace, PLAN, 0);
    workspace.write("main.tf", &body(["gateway-i", "other-vpc-h"])).unwrap();
    tells("messages_vswitch_elsewhere", &sandbox, &workspace, PLAN, 0);
    workspace.write("main.tf", &body(["gateway-h", "same-zone-h"])).unwrap();
    tells("messages_vswitch_zone", &sandbox, &workspace, PLAN, 1);

    let off = gateway("var.member_cluster_ids", &list(["gateway-h", "same-zone-h"]), "  cross_checks = false");
    workspace.write("main.tf", &off).unwrap();
    assert_eq!(titles(&workspace), Vec::<String>::new());
}

#[test]
fn an_account_without_the_service_and_a_user_who_may_not_look() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, &gateway("var.member_cluster_ids", "var.vswitch_ids", "")).unwrap();
    let refusal = "alb/ListLoadBalancers=error,status=400,code=OperationDenied.ServiceNotOpen,message=Open ALB first.";
    sandbox.fault(refusal).unwrap();
    tells("messages_alb_not_usable", &sandbox, &workspace, PLAN, 0);
    sandbox.no_faults().unwrap();

    let denied = ["adcp:DescribeManagedClusters", "vpc:DescribeVSwitches", "alb:ListLoadBalancers"];
    sandbox.control.post("/v1/world/permissions", &json!({"deny": denied})).unwrap();
    tells("messages_surroundings_not_checked", &sandbox, &workspace, PLAN, 0);
}

#[test]
fn listeners_that_an_override_deletes() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, &gateway("var.member_cluster_ids", "var.vswitch_ids", "")).unwrap();
    let there = r#"
resource "ackone_alb_gateway" "there" {
  name                   = "there"
  ingress_class_name     = "there"
  remote_clusters        = var.member_cluster_ids
  address_allocated_mode = "Fixed"
  zone_mappings          = [for id in var.vswitch_ids : { vswitch_id = id }]
  listeners              = { "80/HTTP" = {}, "8080/HTTP" = {} }
}
"#;
    workspace.write("main.tf", there).unwrap();
    workspace.apply().unwrap().expect_ok();
    let over = r#"
resource "ackone_alb_gateway" "over" {
  name               = "over"
  ingress_class_name = "over"
  remote_clusters    = var.member_cluster_ids
  edition            = "Standard"
  listeners          = { "8080/HTTP" = {} }
  wait               = false

  reuse = {
    load_balancer_id = ackone_alb_gateway.there.load_balancer_id
    force_override   = true
  }
}
"#;
    workspace.write("main.tf", &format!("{there}{over}")).unwrap();
    tells("messages_listeners_lost", &sandbox, &workspace, PLAN, 0);
}

#[test]
fn more_certificates_than_a_load_balancer_takes() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let many = r#"
resource "ackone_namespace" "demo" {
  name = "gateway-demo"
}

resource "ackone_grpc_ingress" "demo" {
  namespace          = ackone_namespace.demo.name
  name               = "grpc"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [for n in range(27) : { host = "h${n}.example.com", paths = [{ service_name = "s", service_port = 50051 }] }]
  tls                = [for n in range(27) : { hosts = ["h${n}.example.com"], secret_name = "secret-${n}" }]
}
"#;
    let skipping =
        "provider \"ackone\" {\n  fleet_id          = var.fleet_id\n  skip_cross_checks = [\"certificates\"]\n}\n";
    let body = format!("{}{many}", gateway("var.member_cluster_ids", "var.vswitch_ids", ""));
    let workspace = Workspace::with_provider(&sandbox, skipping, &body).unwrap();
    tells("messages_too_many_certificates", &sandbox, &workspace, PLAN, 0);

    let unknown = "provider \"ackone\" {\n  fleet_id          = var.fleet_id\n  skip_cross_checks = [\"certs\"]\n}\n";
    let workspace =
        Workspace::with_provider(&sandbox, unknown, "resource \"ackone_namespace\" \"demo\" { name = \"d\" }\n");
    tells("messages_unknown_cross_check", &sandbox, &workspace.unwrap(), APPLY, 1);
}

/// A gateway with these members, and a route on it.
fn routed(clusters: &str) -> String {
    GRPC_GATEWAY.replace("var.member_cluster_ids", clusters)
}

#[test]
fn a_member_that_leaves_while_nobody_knows_who_else_serves() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, &routed("var.member_cluster_ids")).unwrap();
    workspace.apply().unwrap().expect_ok();
    workspace.write("main.tf", &routed("[tolist(var.member_cluster_ids)[0]]")).unwrap();
    tells("messages_member_leaves", &sandbox, &workspace, PLAN, 0);
}

#[test]
fn a_member_that_leaves_and_serves_alone() {
    let sandbox = Sandbox::start_with(&["--attached", "--bare-members"]).unwrap();
    let set = r#"
resource "ackone_application_set" "grpc" {
  name             = "appset-grpc-demo"
  application_name = "{{.metadata.annotations.cluster_name}}-grpc"
  destination      = { namespace = "gateway-demo" }
  sync_policy      = { automated = {}, sync_options = ["CreateNamespace=true"] }
  timeouts         = { create = "5s" }

  source = {
    repo_url        = "https://github.com/ivan-cai/gitops-demo.git"
    path            = "manifests/directory/grpc"
    target_revision = "main"
  }
}
"#;
    let with = |clusters: &str| format!("{set}{}", routed(clusters));
    let (first, second) = (&sandbox.ready.member_ids[0], &sandbox.ready.member_ids[1]);
    let workspace = Workspace::with(&sandbox, &with("var.member_cluster_ids")).unwrap();
    workspace.apply().unwrap().expect_ok();
    // Both serve: either may leave.
    workspace.write("main.tf", &with(&format!("[\"{second}\"]"))).unwrap();
    assert_eq!(titles(&workspace), ["Single Member Cluster"]);
    // What the second runs is not healthy any more.
    let failing = json!({"cluster_id": second, "message": "back-off restarting failed container"});
    sandbox.control.post("/v1/argocd/fail", &failing).unwrap();
    let folder = workspace.path();
    wait_until("an Application that is not healthy", PATIENCE, || {
        let application = sandbox.object(&folder, &["--namespace=argocd", "application/member-2-grpc"]);
        let health = application.map_err(|error| error.to_string())?["status"]["health"]["status"].clone();
        if health == json!("Healthy") { Err(health.to_string()) } else { Ok(()) }
    })
    .unwrap();
    tells("messages_member_alone", &sandbox, &workspace, &["plan", "-json", "-target=ackone_alb_gateway.demo"], 0);
    // The other one may leave.
    workspace.write("main.tf", &with(&format!("[\"{first}\"]"))).unwrap();
    assert!(!titles(&workspace).contains(&"Member Alone Serves Hosts".to_owned()));
}

#[test]
fn clusters_that_cannot_join() {
    let sandbox = Sandbox::start().unwrap();
    let first = sandbox.ready.member_ids.first().unwrap();
    sandbox.control.post(&format!("/v1/members/{first}/state"), &json!({"cluster_state": "inactive"})).unwrap();
    let associated = |name: &str, id: &str| {
        format!("resource \"ackone_fleet_cluster_association\" \"{name}\" {{\n  cluster_id = \"{id}\"\n}}\n\n")
    };
    let unknown = "c00000000000000000000000000000000";
    let body = [
        associated("absent", unknown),
        associated("inactive", first),
        associated("elsewhere", &sandbox.id_of("other-vpc")),
        associated("fine", &sandbox.id_of("spare")),
    ];
    let workspace = Workspace::with(&sandbox, &body.concat()).unwrap();
    tells("messages_clusters_cannot_join", &sandbox, &workspace, PLAN, 0);
}
