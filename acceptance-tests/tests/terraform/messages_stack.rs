//! Messages about gateway, Ingresses and certificates together. Protects: what the same run may still mend is a warning at
//! plan, with the place in the file; an apply then refuses what is still so, all of it, before it writes anything.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use acceptance_tests::golden;
use acceptance_tests::material::{LONG, self_signed};
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use serde_json::{Value, json};

const APPLY: &[&str] = &["apply", "-json", "-auto-approve"];
const PLAN: &[&str] = &["plan", "-json"];

/// What stands before each case: a gateway that is not waited for, and a certificate.
const BEFORE: &str = r#"
resource "ackone_namespace" "demo" {
  name = "gateway-demo"
}

resource "ackone_tls_secret" "grpc" {
  namespace   = ackone_namespace.demo.name
  name        = "grpc-secret"
  self_signed = { common_name = "grpc.example.com", dns_names = ["grpc.example.com"], key_algorithm = "ECDSA_P256" }
}

resource "ackone_alb_gateway" "demo" {
  name                   = "demo"
  ingress_class_name     = "alb"
  remote_clusters        = var.member_cluster_ids
  address_allocated_mode = "Fixed"
  zone_mappings          = [for id in var.vswitch_ids : { vswitch_id = id }]
  wait                   = false

  listeners = {
    "443/HTTPS"  = { security_policy_id = "tls_cipher_policy_1_2" }
    "8443/HTTPS" = { security_policy_id = "tls_cipher_policy_1_2" }
    "9443/HTTPS" = { security_policy_id = "tls_cipher_policy_1_2", http2_enabled = false }
  }
}
"#;

/// Lines of an Ingress that each case may write itself.
const USUAL: [(&str, &str); 3] = [
    ("listen_ports", r#"["443/HTTPS"]"#),
    ("rules", r#"[{ host = "grpc.example.com", paths = [{ service_name = "grpc-service", service_port = 50051 }] }]"#),
    ("tls", r#"[{ hosts = ["grpc.example.com"], secret_name = ackone_tls_secret.grpc.name }]"#),
];

fn ingress(name: &str, lines: &str) -> String {
    let mut block =
        format!("resource \"ackone_grpc_ingress\" \"{name}\" {{\n  namespace = ackone_namespace.demo.name\n");
    block.push_str(&format!("  name = \"{name}\"\n  wait = false\n"));
    block.push_str("  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name\n");
    for (attribute, value) in USUAL {
        if !lines.lines().any(|line| line.trim_start().starts_with(attribute)) {
            block.push_str(&format!("  {attribute} = {value}\n"));
        }
    }
    format!("{block}{lines}\n}}\n\n")
}

/// A rule for a path of its own.
fn rules(path: &str) -> String {
    format!(
        "  rules = [{{ host = \"grpc.example.com\", paths = [{{ path = \"{path}\", service_name = \"grpc-service\", service_port = 50051 }}] }}]"
    )
}

#[track_caller]
fn tells(name: &str, sandbox: &Sandbox, workspace: &Workspace, arguments: &[&str], code: i32) {
    golden::tells(name, sandbox, workspace, arguments, code).unwrap();
}

/// Somebody's Ingress on the gateway.
fn foreign(name: &str, path: &str, port: u16, protocol: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "namespace": "gateway-demo", "annotations": {
            "alb.ingress.kubernetes.io/listen-ports": format!("[{{\"HTTPS\": {port}}}]"),
            "alb.ingress.kubernetes.io/backend-protocol": protocol,
        }},
        "spec": {
            "ingressClassName": "alb",
            "rules": [{"host": "grpc.example.com", "http": {"paths": [{"path": path, "pathType": "Prefix",
                "backend": {"service": {"name": "grpc-service", "port": {"number": 50051}}}}]}}],
            "tls": [{"hosts": ["grpc.example.com"], "secretName": "grpc-secret"}],
        },
    })
}

fn start() -> (Sandbox, Workspace) {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, BEFORE).unwrap();
    workspace.apply().unwrap().expect_ok();
    (sandbox, workspace)
}

fn create(sandbox: &Sandbox, workspace: &Workspace, object: &Value) {
    workspace.write("object.json", &object.to_string()).unwrap();
    sandbox.kubectl(&workspace.path(), &["create", "-f", "object.json"]).unwrap();
}

/// A Secret by hand, of a type and with a pair.
fn secret(name: &str, kind: &str, certificate: &str, key: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "gateway-demo"}, "type": kind,
        "stringData": {"tls.crt": certificate, "tls.key": key},
    })
}

#[test]
fn an_ingress_and_what_it_refers_to() {
    let (sandbox, workspace) = start();
    let host = "grpc.example.com";
    let pair = self_signed(Some(host), &[host], LONG).unwrap();
    let other = self_signed(Some(host), &[host], LONG).unwrap();
    let expired = self_signed(Some(host), &[host], [(2020, 1, 1), (2021, 1, 1)]).unwrap();
    let nameless = self_signed(None, &[host], LONG).unwrap();
    for object in [
        secret("opaque", "Opaque", &pair.certificate, &pair.key),
        secret("mixed-up", "kubernetes.io/tls", &pair.certificate, &other.key),
        secret("expired", "kubernetes.io/tls", &expired.certificate, &expired.key),
        secret("nameless", "kubernetes.io/tls", &nameless.certificate, &nameless.key),
    ] {
        create(&sandbox, &workspace, &object);
    }
    let named = |secret: &str| format!("  tls = [{{ hosts = [\"grpc.example.com\"], secret_name = \"{secret}\" }}]");
    let body: String = [
        ("undeclared", format!("  listen_ports = [\"7443/HTTPS\"]\n{}", rules("/a.A/"))),
        ("without-http2", format!("  listen_ports = [\"9443/HTTPS\"]\n{}", rules("/b.B/"))),
        ("redirected", format!("  ssl_redirect = true\n{}", rules("/c.C/"))),
        ("opaque", format!("{}\n{}", named("opaque"), rules("/d.D/"))),
        ("mixed-up", format!("{}\n{}", named("mixed-up"), rules("/e.E/"))),
        ("expired", format!("{}\n{}", named("expired"), rules("/f.F/"))),
        ("nameless", format!("{}\n{}", named("nameless"), rules("/g.G/"))),
        (
            "uncovered",
            "  rules = [{ host = \"other.example.com\", paths = [{ service_name = \"grpc-service\", service_port = 50051 }] }]\n  \
             tls = [{ hosts = [\"other.example.com\"], secret_name = ackone_tls_secret.grpc.name }]"
                .to_owned(),
        ),
    ]
    .iter()
    .map(|(name, lines)| ingress(name, lines))
    .collect();
    workspace.write("ingresses.tf", &body).unwrap();
    tells("messages_stack_ingress_planned", &sandbox, &workspace, PLAN, 0);
    tells("messages_stack_ingress_applied", &sandbox, &workspace, APPLY, 1);
}

#[test]
fn a_canary_and_its_twin() {
    let (sandbox, workspace) = start();
    for object in [
        foreign("first", "/first.A/", 443, "grpc"),
        foreign("plain", "/plain.A/", 443, "http"),
        foreign("elsewhere", "/elsewhere.A/", 8443, "grpc"),
    ] {
        create(&sandbox, &workspace, &object);
    }
    let body: String = [
        ("alone", format!("  canary = {{ weight = 10 }}\n{}", rules("/alone.A/"))),
        ("late", format!("  canary = {{ cookie = \"always\" }}\n  order = 20\n{}", rules("/first.A/"))),
        ("of-plain", format!("  canary = {{ weight = 10 }}\n{}", rules("/plain.A/"))),
        ("of-elsewhere", format!("  canary = {{ weight = 10 }}\n{}", rules("/elsewhere.A/"))),
    ]
    .iter()
    .map(|(name, lines)| ingress(name, lines))
    .collect();
    workspace.write("ingresses.tf", &body).unwrap();
    tells("messages_stack_canary_planned", &sandbox, &workspace, PLAN, 0);
    tells("messages_stack_canary_applied", &sandbox, &workspace, APPLY, 1);
}

#[test]
fn a_gateway_and_who_uses_it() {
    let (sandbox, workspace) = start();
    create(&sandbox, &workspace, &foreign("user", "/", 443, "grpc"));
    create(&sandbox, &workspace, &foreign("second", "/", 8443, "grpc"));
    let kept = BEFORE
        .replace("    \"8443/HTTPS\" = { security_policy_id = \"tls_cipher_policy_1_2\" }\n", "")
        .replace("\"443/HTTPS\"  = {", "\"443/HTTPS\"  = { http2_enabled = false,");
    assert!(kept.len() < BEFORE.len() && kept.contains("\"443/HTTPS\"  = { http2"), "{kept}");
    workspace.write("main.tf", &kept).unwrap();
    tells("messages_stack_gateway_planned", &sandbox, &workspace, PLAN, 0);
    tells("messages_stack_gateway_applied", &sandbox, &workspace, APPLY, 1);

    let groups = json!({"kubernetes_groups": ["platform-team"]});
    sandbox.control.post("/v1/world/keys", &groups).unwrap();
    let deny = json!({"deny": [{"verb": "list", "resource": "ingresses"}]});
    sandbox.control.post("/v1/kubernetes/permissions", &deny).unwrap();
    tells("messages_stack_not_checked", &sandbox, &workspace, PLAN, 0);
}

#[test]
fn one_object_in_two_blocks() {
    let (sandbox, workspace) = start();
    // Whichever is planned last is told.
    let second = r#"
resource "ackone_namespace" "second" {
  name       = "gateway-demo"
  depends_on = [ackone_namespace.demo]
}
"#;
    workspace.write("second.tf", second).unwrap();
    tells("messages_stack_declared_twice", &sandbox, &workspace, PLAN, 1);
    let renamed = BEFORE
        .replace("\"ackone_namespace\" \"demo\"", "\"ackone_namespace\" \"renamed\"")
        .replace("ackone_namespace.demo", "ackone_namespace.renamed");
    workspace.write("second.tf", "").unwrap();
    workspace.write("main.tf", &renamed).unwrap();
    let finished = workspace.run(PLAN).unwrap();
    assert_eq!(finished.code, 0, "{}\n{}", finished.stdout, finished.stderr);
    // Nothing says which of the two is planned last, and told.
    let told = golden::told(&sandbox, &workspace, &finished);
    let told: String = told
        .lines()
        .filter(|line| !line.starts_with("    ") && !line.starts_with("  on ") && !line.starts_with("  with "))
        .map(|line| format!("{line}\n"))
        .collect();
    golden::check("messages_stack_deleted_and_created", &told).unwrap();
}
