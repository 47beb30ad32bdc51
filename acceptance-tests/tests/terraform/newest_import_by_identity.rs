//! Import by identity, which Terraform has since 1.12. Run with the newest version only.

use acceptance_tests::configuration::HTTP_GATEWAY;
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use acceptance_tests::tools;

const BODY: &str = r#"
resource "ackone_fleet_cluster_association" "member" {
  for_each   = var.member_cluster_ids
  cluster_id = each.value

  lifecycle {
    create_before_destroy = true
  }
}

resource "ackone_namespace" "demo" {
  name = "gateway-demo"
}

resource "ackone_tls_secret" "grpc" {
  namespace          = ackone_namespace.demo.name
  name               = "grpc-secret"
  certificate_pem    = file("grpc.crt")
  private_key_pem_wo = file("grpc.key")
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

/// `fleet_id` may be left out where the provider's is meant.
const IMPORTS: &str = r#"
import {
  for_each = var.member_cluster_ids
  to       = ackone_fleet_cluster_association.member[each.value]
  identity = { fleet_id = var.fleet_id, cluster_id = each.value }
}

import {
  to       = ackone_namespace.demo
  identity = { name = "gateway-demo" }
}

import {
  to       = ackone_tls_secret.grpc
  identity = { fleet_id = var.fleet_id, namespace = "gateway-demo", name = "grpc-secret" }
}

import {
  to       = ackone_alb_gateway.demo
  identity = { name = "ackone-gateway-demo" }
}

import {
  to       = ackone_grpc_ingress.demo
  identity = { namespace = "gateway-demo", name = "grpc-ingress" }
}
"#;

#[test]
fn what_one_state_made_another_imports_by_identity_without_a_change() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let gateway = HTTP_GATEWAY.replace("{ \"8001/HTTP\" = {} }", "{ \"8001/HTTP\" = {}, \"443/HTTPS\" = {} }").replace(
        "  remote_clusters        = var.member_cluster_ids",
        "  ingress_class_name     = \"alb\"\n  remote_clusters        = [for member in \
         ackone_fleet_cluster_association.member : member.cluster_id]",
    );
    let first = Workspace::with(&sandbox, &format!("{BODY}{gateway}")).unwrap();
    tools::walkthrough_certificate(&first.path()).unwrap();
    first.apply().unwrap().expect_ok();

    let second = Workspace::with(&sandbox, &format!("{BODY}{gateway}")).unwrap();
    for name in ["grpc.crt", "grpc.key"] {
        std::fs::copy(first.path().join(name), second.path().join(name)).unwrap();
    }
    second.write("imports.tf", IMPORTS).unwrap();
    let plan = second.plan_saved().unwrap();
    assert_eq!(plan.summary(), [""; 0], "{}", plan.finished.stdout);
    assert_eq!(plan.changes().iter().filter(|change| change.importing.is_some()).count(), 6);
    second.apply_saved(false).unwrap().expect_ok();
    assert_eq!(second.plan().unwrap().code, 0);

    // The identity that state keeps is the one that an import takes.
    let state = second.show().unwrap();
    let resources = state.pointer("/values/root_module/resources").unwrap().as_array().unwrap().clone();
    let namespace = resources.iter().find(|one| one["address"] == "ackone_namespace.demo").unwrap();
    let fleet_id = sandbox.ready.fleet_id.as_str();
    assert_eq!(namespace["identity"], serde_json::json!({"fleet_id": fleet_id, "name": "gateway-demo"}));
    second.destroy().unwrap().expect_ok();
}

#[test]
fn access_rules_are_found_by_their_name_alone() {
    let sandbox = Sandbox::start_with(&["--attached", "--closed-security-groups"]).unwrap();
    let body = "resource \"ackone_backend_access\" \"demo\" {\n  name = \"demo\"\n  cluster_ids = var.member_cluster_ids\n  \
                vswitch_ids = var.vswitch_ids\n  source_cidrs = [\"10.0.8.0/24\"]\n}\n";
    let first = Workspace::with(&sandbox, body).unwrap();
    first.apply().unwrap().expect_ok();
    let second = Workspace::with(&sandbox, body).unwrap();
    let import = "import {\n  to       = ackone_backend_access.demo\n  identity = { name = \"demo\" }\n}\n";
    second.write("imports.tf", import).unwrap();
    let plan = second.plan_saved().unwrap();
    assert_eq!(plan.summary(), [""; 0], "{}", plan.finished.stdout);
    second.apply_saved(false).unwrap().expect_ok();
    assert_eq!(second.plan().unwrap().code, 0);
    let state = second.show().unwrap();
    assert_eq!(state.pointer("/values/root_module/resources/0/identity"), Some(&serde_json::json!({"name": "demo"})));
    second.destroy().unwrap().expect_ok();
    assert_eq!(sandbox.inventory().unwrap()["cloud"]["security_group_rules_added"], serde_json::json!([]));
}
