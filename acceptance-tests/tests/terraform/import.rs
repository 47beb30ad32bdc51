//! The walkthrough's own YAML, put into the Fleet with stock kubectl, then taken over by `import` blocks. Protects: who
//! moves from kubectl gets a plan without a change.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests are tests too; clippy knows only the functions marked so"
)]

use std::time::Duration;

use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use acceptance_tests::{tools, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);

/// What the YAML says, as configuration.
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
  namespace       = ackone_namespace.demo.name
  name            = "grpc-secret"
  certificate_pem = file("grpc.crt")
  KEY = file("grpc.key")
}

resource "ackone_alb_gateway" "demo" {
  name                   = "ackone-gateway-demo"
  ingress_class_name     = "alb"
  remote_clusters        = [for member in ackone_fleet_cluster_association.member : member.cluster_id]
  load_balancer_name     = "one-alb-demo"
  address_type           = "Internet"
  address_allocated_mode = "Fixed"
  zone_mappings          = [for id in var.vswitch_ids : { vswitch_id = id }]

  listeners = {
    "8001/HTTP" = {}
    "443/HTTPS" = {}
  }
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

const IMPORTS: &str = r#"
import {
  for_each = var.member_cluster_ids
  to       = ackone_fleet_cluster_association.member[each.value]
  id       = "${var.fleet_id}:${each.value}"
}

import {
  to = ackone_namespace.demo
  id = "gateway-demo"
}

import {
  to = ackone_tls_secret.grpc
  id = "gateway-demo/grpc-secret"
}

import {
  to = ackone_alb_gateway.demo
  id = "ackone-gateway-demo"
}

import {
  to = ackone_grpc_ingress.demo
  id = "gateway-demo/grpc-ingress"
}
"#;

fn imports_without_a_change(apply: &[&str]) {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, "").unwrap();
    // Write-only arguments came with Terraform 1.11.
    let write_only = workspace.minor_version().unwrap() >= 11;
    let key = if write_only { "private_key_pem_wo" } else { "private_key_pem" };
    workspace.write("main.tf", &BODY.replace("KEY =", &format!("{key} ="))).unwrap();
    workspace.write("imports.tf", IMPORTS).unwrap();

    let folder = workspace.path();
    tools::walkthrough_certificate(&folder).unwrap();
    let kubectl = |arguments: &[&str]| sandbox.kubectl(&folder, arguments).unwrap();
    kubectl(&["create", "namespace", "gateway-demo"]);
    #[rustfmt::skip]
    kubectl(&["create", "secret", "tls", "grpc-secret", "--key", "grpc.key", "--cert", "grpc.crt", "-ngateway-demo"]);
    for file in ["gateway.yaml", "ingress.yaml"] {
        sandbox.walkthrough_yaml(file, &folder).unwrap();
        kubectl(&[apply, &["--filename", file]].concat());
    }
    wait_until("the Ingress's address", PATIENCE, || {
        let ingress = sandbox.object(&folder, &["ingress/grpc-ingress", "-ngateway-demo"]).unwrap();
        let address = ingress.pointer("/status/loadBalancer/ingress/0/hostname").cloned();
        address.ok_or_else(|| format!("{}\n{}", ingress["status"], sandbox.log()))
    })
    .unwrap();

    let plan = workspace.plan_saved().unwrap();
    let imported = plan.changes().iter().filter(|change| change.importing.is_some()).count();
    assert_eq!(imported, 6, "{}", plan.finished.stdout);
    if write_only {
        assert_eq!(plan.summary(), [""; 0], "{}", plan.finished.stdout);
        assert!(
            plan.finished.stdout.contains("6 to import, 0 to add, 0 to change, 0 to destroy"),
            "{}",
            plan.finished.stdout
        );
    } else {
        // An import puts no key into state, so a key that is to be kept there is one update, of state only.
        assert_eq!(plan.summary(), ["ackone_tls_secret.grpc: update"], "{}", plan.finished.stdout);
        let mut changed = plan.change("ackone_tls_secret.grpc").unwrap().attributes();
        // Any update judges that anew.
        changed.retain(|name| name != "renewal_due");
        assert_eq!(changed, ["private_key_pem"], "{}", plan.finished.stdout);
    }
    assert!(!plan.finished.prose().contains("Warning:"), "{}", plan.finished.stdout);

    sandbox.forget_calls().unwrap();
    workspace.apply_saved(false).unwrap().expect_ok();
    let writes: Vec<String> =
        sandbox.calls().unwrap().iter().filter(|call| call.is_write()).map(ToString::to_string).collect();
    assert!(writes.is_empty(), "an import writes nothing: {writes:?}");
    let second = workspace.plan().unwrap();
    assert_eq!(second.code, 0, "{}", second.stdout);
    // What was imported is managed: it can be destroyed, field managers of kubectl or not.
    workspace.destroy().unwrap().expect_ok();
}

#[test]
fn what_kubectl_applied_is_imported_without_a_change() {
    imports_without_a_change(&["apply"]);
}

#[test]
fn what_kubectl_applied_server_side_is_imported_without_a_change() {
    imports_without_a_change(&["apply", "--server-side"]);
}
