//! Messages of ackone_alb_gateway that only a live Fleet provokes: its IngressClass, its users, its listeners. Protects: what
//! a person reads who renames, replaces or deletes what others rely on.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use acceptance_tests::configuration::HTTP_GATEWAY;
use acceptance_tests::golden;
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use serde_json::{Value, json};

const APPLY: &[&str] = &["apply", "-json", "-auto-approve"];
const DESTROY: &[&str] = &["destroy", "-json", "-auto-approve"];
const PLAN: &[&str] = &["plan", "-json"];

#[track_caller]
fn tells(name: &str, sandbox: &Sandbox, workspace: &Workspace, arguments: &[&str], code: i32) {
    golden::tells(name, sandbox, workspace, arguments, code).unwrap();
}

/// The gateway with further attributes.
fn gateway(more: &str) -> String {
    let open = HTTP_GATEWAY.trim_end().strip_suffix('}').unwrap();
    format!("{open}{more}}}\n")
}

fn put(sandbox: &Sandbox, workspace: &Workspace, object: &Value) {
    workspace.write("object.json", &object.to_string()).unwrap();
    sandbox.kubectl(&workspace.path(), &["apply", "-f", "object.json"]).unwrap();
}

/// Somebody's Ingress on the gateway's only listener.
fn user(class: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "user", "namespace": "default",
            "annotations": {"alb.ingress.kubernetes.io/listen-ports": "[{\"HTTP\": 8001}]"}},
        "spec": {"ingressClassName": class, "rules": [{"host": "user.example.com", "http": {"paths": [{
            "path": "/", "pathType": "Prefix",
            "backend": {"service": {"name": "grpc-service", "port": {"number": 50051}}}}]}}]},
    })
}

fn class(name: &str, gateway: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": name},
        "spec": {"controller": "ingress.k8s.alibabacloud/alb",
            "parameters": {"apiGroup": "alibabacloud.com", "kind": "AlbConfig", "name": gateway}},
    })
}

#[test]
fn its_ingress_class() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, &gateway("  ingress_class_name = \"alb\"\n")).unwrap();
    workspace.apply().unwrap().expect_ok();
    put(&sandbox, &workspace, &user("alb"));
    workspace.write("main.tf", &gateway("  ingress_class_name = \"renamed\"\n")).unwrap();
    tells("messages_gateway_class_renamed", &sandbox, &workspace, APPLY, 0);

    put(&sandbox, &workspace, &class("renamed", "another"));
    tells("messages_gateway_class_led_away", &sandbox, &workspace, PLAN, 0);
    workspace.apply().unwrap().expect_ok();

    workspace.write("main.tf", &gateway("  manage_ingress_class = false\n")).unwrap();
    tells("messages_gateway_class_let_go", &sandbox, &workspace, APPLY, 0);

    // Both classes still lead to it.
    workspace.run(&["state", "rm", "ackone_alb_gateway.demo"]).unwrap().expect_ok();
    let import = "import {\n  to = ackone_alb_gateway.demo\n  id = \"ackone-gateway-demo\"\n}\n";
    workspace.write("main.tf", &format!("{}{import}", gateway("  ingress_class_name = \"alb\"\n"))).unwrap();
    tells("messages_gateway_class_chosen", &sandbox, &workspace, PLAN, 0);
}

#[test]
fn its_users() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, &gateway("  ingress_class_name = \"alb\"\n")).unwrap();
    workspace.apply().unwrap().expect_ok();
    put(&sandbox, &workspace, &user("alb"));
    tells("messages_gateway_in_use", &sandbox, &workspace, DESTROY, 1);
    let replace = [APPLY, &["-replace=ackone_alb_gateway.demo"]].concat();
    tells("messages_gateway_in_use_replaced", &sandbox, &workspace, &replace, 0);
    workspace.write("main.tf", &gateway("  ingress_class_name = \"alb\"\n  ignore_users = true\n")).unwrap();
    workspace.apply().unwrap().expect_ok();
    tells("messages_gateway_in_use_deleted", &sandbox, &workspace, DESTROY, 0);
}

#[test]
fn its_listeners() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, HTTP_GATEWAY).unwrap();
    workspace.apply().unwrap().expect_ok();
    let listeners = |text: &str| HTTP_GATEWAY.replace("{ \"8001/HTTP\" = {} }", text);
    let other_protocol = r#"{
    "8001/HTTPS" = {
      security_policy_id = "tls_cipher_policy_1_2"
      certificates       = [{ certificate_id = "1234567-cn-hangzhou", default = true }]
    }
  }"#;
    workspace.write("main.tf", &listeners(other_protocol)).unwrap();
    tells("messages_gateway_listener_replaced", &sandbox, &workspace, PLAN, 0);

    sandbox.pause_controller().unwrap();
    let moved = listeners("{ \"8002/HTTP\" = {} }\n  timeouts = { update = \"2s\" }");
    workspace.write("main.tf", &moved).unwrap();
    tells("messages_gateway_listener_kept", &sandbox, &workspace, APPLY, 0);
}

/// The open-source controller writes whole AlbConfigs back, without what its types do not know.
#[test]
fn fields_that_its_controller_does_not_know() {
    let sandbox = Sandbox::start_with(&["--attached", "--generation", "open-source"]).unwrap();
    let workspace = Workspace::with(&sandbox, "").unwrap();
    let body = r#"
resource "ackone_namespace" "demo" {
  name = "gateway-demo"
}

resource "ackone_tls_secret" "grpc" {
  namespace   = ackone_namespace.demo.name
  name        = "grpc-secret"
  self_signed = { common_name = "grpc.example.com", dns_names = ["grpc.example.com"], key_algorithm = "ECDSA_P256" }
}

resource "ackone_alb_gateway" "demo" {
  name                   = "ackone-gateway-demo"
  ingress_class_name     = "alb"
  remote_clusters        = var.member_cluster_ids
  address_allocated_mode = "Fixed"
  zone_mappings          = [for id in var.vswitch_ids : { vswitch_id = id }]

  listeners = {
    "443/HTTPS" = { security_policy_id = "tls_cipher_policy_1_2", tags = { team = "edge" } }
  }
}

resource "ackone_grpc_ingress" "demo" {
  namespace          = ackone_namespace.demo.name
  name               = "grpc-ingress"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "grpc.example.com", paths = [{ service_name = "grpc-service", service_port = 50051 }] }]
  tls                = [{ hosts = ["grpc.example.com"], secret_name = ackone_tls_secret.grpc.name }]
}
"#;
    workspace.write("main.tf", body).unwrap();
    workspace.apply().unwrap().expect_ok();
    tells("messages_gateway_fields_dropped", &sandbox, &workspace, PLAN, 0);
}
