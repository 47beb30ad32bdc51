//! Messages of ackone_grpc_ingress that only a live Fleet provokes. Protects: what a person reads who takes over an Ingress
//! that somebody else made, or whose route leads to nobody.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use acceptance_tests::golden;
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use serde_json::{Value, json};

const APPLY: &[&str] = &["apply", "-json", "-auto-approve"];
const PLAN: &[&str] = &["plan", "-json"];

const BODY: &str = r#"
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
  listeners              = { "443/HTTPS" = { security_policy_id = "tls_cipher_policy_1_2" } }
}
"#;

/// The Ingress with a port of the Service, and further attributes.
fn ingress(port: u16, more: &str) -> String {
    format!(
        r#"
resource "ackone_grpc_ingress" "demo" {{
  namespace          = ackone_namespace.demo.name
  name               = "grpc-ingress"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [{{ host = "grpc.example.com", paths = [{{ service_name = "grpc-service", service_port = {port} }}] }}]
  tls                = [{{ hosts = ["grpc.example.com"], secret_name = ackone_tls_secret.grpc.name }}]
{more}}}
"#
    )
}

#[track_caller]
fn tells(name: &str, sandbox: &Sandbox, workspace: &Workspace, arguments: &[&str], code: i32) {
    golden::tells(name, sandbox, workspace, arguments, code).unwrap();
}

/// A line without how often an event came.
fn without_count(line: &str) -> String {
    match (line.find(" ("), line.find(" times):")) {
        (Some(open), Some(close)) if open < close => {
            format!("{}:{}\n", line.get(..open).unwrap(), line.get(close + " times):".len()..).unwrap())
        }
        _ => format!("{line}\n"),
    }
}

/// Somebody's Ingress of the same name and route, made for HTTP.
fn theirs() -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "grpc-ingress", "namespace": "gateway-demo", "annotations": {
            "alb.ingress.kubernetes.io/listen-ports": "[{\"HTTPS\": 443}]",
            "alb.ingress.kubernetes.io/canary-weight": "a tenth",
        }},
        "spec": {
            "ingressClassName": "alb",
            "rules": [{"host": "grpc.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix",
                "backend": {"service": {"name": "grpc-service", "port": {"number": 50051}}}}]}}],
            "tls": [{"hosts": ["grpc.example.com"], "secretName": "grpc-secret"}],
        },
    })
}

#[test]
fn an_ingress_that_somebody_else_made() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, BODY).unwrap();
    workspace.apply().unwrap().expect_ok();
    workspace.write("theirs.json", &theirs().to_string()).unwrap();
    sandbox.kubectl(&workspace.path(), &["create", "-f", "theirs.json"]).unwrap();

    let import = "import {\n  to = ackone_grpc_ingress.demo\n  id = \"gateway-demo/grpc-ingress\"\n}\n";
    workspace.write("main.tf", &format!("{BODY}{}{import}", ingress(50051, "  wait = false\n"))).unwrap();
    tells("messages_ingress_imported", &sandbox, &workspace, PLAN, 0);

    workspace.write("main.tf", &format!("{BODY}{}", ingress(50051, "  wait = false\n  adopt = true\n"))).unwrap();
    tells("messages_ingress_adopted", &sandbox, &workspace, APPLY, 0);
}

#[test]
fn a_route_with_nobody_behind_it() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, &format!("{BODY}{}", ingress(50051, ""))).unwrap();
    workspace.apply().unwrap().expect_ok();
    workspace.write("main.tf", &format!("{BODY}{}", ingress(50052, ""))).unwrap();
    let finished = workspace.run(APPLY).unwrap();
    assert_eq!(finished.code, 0, "{}\n{}", finished.stdout, finished.stderr);
    // How often the event came depends on the machine.
    let told: String = golden::told(&sandbox, &workspace, &finished).lines().map(without_count).collect();
    golden::check("messages_ingress_without_backend", &told).unwrap();
}
