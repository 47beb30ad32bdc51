//! What users read when something is wrong: each mistake of the product page has a golden that says what happened, why,
//! and what to do. Protects the texts as Terraform shows them, with the place in the configuration.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use acceptance_tests::configuration::{HTTP_GATEWAY, PREAMBLE, PROVIDER};
use acceptance_tests::golden;
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use acceptance_tests::tools;
use serde_json::json;

const ASSOCIATION: &str = r#"
resource "ackone_fleet_cluster_association" "member" {
  cluster_id = tolist(var.member_cluster_ids)[0]
}
"#;

const NAMESPACE: &str = r#"
resource "ackone_namespace" "demo" {
  name = "gateway-demo"
}
"#;

const SECRET: &str = r#"
resource "ackone_tls_secret" "grpc" {
  namespace = "gateway-demo"
  name      = "grpc-secret"

  self_signed = {
    common_name = "grpc.example.com"
    dns_names   = ["grpc.example.com"]
  }
}
"#;

const INGRESS: &str = r#"
resource "ackone_grpc_ingress" "demo" {
  namespace          = "gateway-demo"
  name               = "grpc-ingress"
  ingress_class_name = "alb"
  listen_ports       = ["443/HTTPS"]
  wait               = false

  rules = [{
    host  = "grpc.example.com"
    paths = [{ service_name = "grpc-service", service_port = 50051 }]
  }]

  tls = [{
    hosts       = ["grpc.example.com"]
    secret_name = "grpc-secret"
  }]
}
"#;

/// The golden of messages about something within an attribute. Terraform 1.11 and older place them at the resource, 1.15 at
/// the line within; so each rendering has a golden of its own.
fn placed(name: &str, workspace: &Workspace) -> String {
    const LAST_AT_THE_RESOURCE: u32 = 11;
    let within = workspace.minor_version().unwrap() > LAST_AT_THE_RESOURCE;
    if within { format!("{name}_pointed_at") } else { name.to_owned() }
}

/// Applies, which must fail, and compares what it tells with a golden.
fn fails_as(name: &str, sandbox: &Sandbox, workspace: &Workspace) {
    let finished = workspace.run(&["apply", "-json", "-auto-approve"]).unwrap();
    let text = golden::told(sandbox, workspace, &finished);
    assert_eq!(finished.code, 1, "{name} must fail\n{text}\n{}", finished.stderr);
    golden::check(name, &text).unwrap();
}

#[test]
fn credentials_that_are_not_accepted_are_explained() {
    let sandbox = Sandbox::start().unwrap();
    let workspace = || Workspace::with(&sandbox, ASSOCIATION).unwrap();

    let mut wrong = workspace();
    wrong.set_env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-the-secret-of-this-key");
    fails_as("wrong_key_secret", &sandbox, &wrong);
    wrong.set_env("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAInobodyHasThisKey");
    fails_as("wrong_key_id", &sandbox, &wrong);

    let mut none = workspace();
    for name in ["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"] {
        none.set_env(name, "");
    }
    fails_as("no_credentials", &sandbox, &none);

    let mut expired = workspace();
    let key = sandbox.control.post("/v1/world/temporary-keys", &json!({"duration_seconds": 900})).unwrap();
    let text = |field: &str| key[field].as_str().unwrap().to_owned();
    expired.set_env("ALIBABA_CLOUD_ACCESS_KEY_ID", &text("access_key_id"));
    expired.set_env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", &text("access_key_secret"));
    expired.set_env("ALIBABA_CLOUD_SECURITY_TOKEN", &text("security_token"));
    let expire = json!({"access_key_id": text("access_key_id"), "expire": true});
    sandbox.control.post("/v1/world/keys", &expire).unwrap();
    let finished = expired.run(&["apply", "-json", "-auto-approve"]).unwrap();
    let shown = golden::told(&sandbox, &expired, &finished).replace(&text("access_key_id"), "TEMPORARY-KEY");
    assert_eq!(finished.code, 1, "{shown}");
    assert!(!shown.contains(&text("security_token")));
    golden::check("expired_credentials", &shown).unwrap();
}

#[test]
fn a_fleet_or_action_that_the_cloud_refuses_is_explained() {
    let sandbox = Sandbox::start().unwrap();
    let mut wrong_fleet = Workspace::with(&sandbox, ASSOCIATION).unwrap();
    wrong_fleet.set_env("TF_VAR_fleet_id", "c00000000000000000000000000000000");
    fails_as("wrong_fleet_association", &sandbox, &wrong_fleet);
    wrong_fleet.write("main.tf", NAMESPACE).unwrap();
    fails_as("wrong_fleet_namespace", &sandbox, &wrong_fleet);

    let workspace = Workspace::with(&sandbox, ASSOCIATION).unwrap();
    sandbox.control.post("/v1/world/permissions", &json!({"deny": ["adcp:AttachClusterToHub"]})).unwrap();
    fails_as("forbidden_attach", &sandbox, &workspace);
    let deny = json!({"allow": ["*"], "deny": ["adcp:DescribeHubClusterKubeconfig"]});
    sandbox.control.post("/v1/world/permissions", &deny).unwrap();
    workspace.write("main.tf", NAMESPACE).unwrap();
    fails_as("forbidden_kubeconfig", &sandbox, &workspace);
    sandbox.control.post("/v1/world/permissions", &json!({"allow": ["*"]})).unwrap();

    workspace.write("main.tf", HTTP_GATEWAY).unwrap();
    fails_as("member_not_in_fleet", &sandbox, &workspace);
}

#[test]
fn an_api_that_does_not_answer_is_explained() {
    let sandbox = Sandbox::start().unwrap();
    // Port 9 (discard) of loopback: nothing listens there.
    let nowhere = "provider \"ackone\" {\n  fleet_id    = var.fleet_id\n  max_retries = 0\n  endpoints   = { adcp = \"http://127.0.0.1:9\" }\n}\n";
    let workspace = Workspace::with_provider(&sandbox, nowhere, ASSOCIATION).unwrap();
    fails_as("unreachable_cloud", &sandbox, &workspace);

    let nowhere = "provider \"ackone\" {\n  max_retries = 0\n  kubernetes = {\n    host  = \"https://127.0.0.1:9\"\n    token = \"not-a-secret\"\n  }\n}\n";
    let workspace = Workspace::with_provider(&sandbox, nowhere, NAMESPACE).unwrap();
    fails_as("unreachable_kubernetes", &sandbox, &workspace);
}

#[test]
fn what_the_fleet_refuses_is_explained() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, INGRESS).unwrap();
    let folder = workspace.path();
    fails_as(&placed("missing_namespace_ingress", &workspace), &sandbox, &workspace);
    workspace.write("main.tf", SECRET).unwrap();
    fails_as("missing_namespace_secret", &sandbox, &workspace);

    sandbox.kubectl(&folder, &["create", "namespace", "gateway-demo"]).unwrap();
    workspace.write("main.tf", NAMESPACE).unwrap();
    fails_as("existing_namespace", &sandbox, &workspace);

    sandbox.walkthrough_yaml("gateway.yaml", &folder).unwrap();
    sandbox.walkthrough_yaml("ingress.yaml", &folder).unwrap();
    sandbox.kubectl(&folder, &["apply", "--filename", "gateway.yaml", "--filename", "ingress.yaml"]).unwrap();
    workspace.write("main.tf", &format!("{HTTP_GATEWAY}{INGRESS}")).unwrap();
    fails_as(&placed("existing_gateway_and_ingress", &workspace), &sandbox, &workspace);
    sandbox.kubectl(&folder, &["delete", "--filename", "ingress.yaml", "--filename", "gateway.yaml"]).unwrap();

    // As an ordinary user, whom rights can be denied.
    let groups = |all: &[&str]| sandbox.control.post("/v1/world/keys", &json!({"kubernetes_groups": all})).unwrap();
    let deny =
        |all: serde_json::Value| sandbox.control.post("/v1/kubernetes/permissions", &json!({"deny": all})).unwrap();
    groups(&["platform-team"]);
    deny(json!([{"verb": "patch", "resource": "ingresses"}]));
    workspace.write("main.tf", INGRESS).unwrap();
    fails_as(&placed("forbidden_ingress", &workspace), &sandbox, &workspace);
    deny(json!([]));
    groups(&["system:masters"]);

    sandbox.kubectl(&folder, &["delete", "crd", "albconfigs.alibabacloud.com"]).unwrap();
    workspace.write("main.tf", HTTP_GATEWAY).unwrap();
    fails_as("missing_crd", &sandbox, &workspace);
}

#[test]
fn a_key_of_another_certificate_is_found_at_plan() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let body = r#"
resource "ackone_tls_secret" "grpc" {
  namespace       = "gateway-demo"
  name            = "grpc-secret"
  certificate_pem = file("grpc.crt")
  private_key_pem = file("other.key")
}
"#;
    let workspace = Workspace::with(&sandbox, body).unwrap();
    tools::walkthrough_certificate(&workspace.path()).unwrap();
    tools::certificate(&workspace.path(), "other", "other.example.com", 30).unwrap();
    let finished = workspace.run(&["plan", "-json"]).unwrap();
    assert_eq!(finished.code, 1, "{}", finished.stdout);
    golden::check("key_of_another_certificate", &golden::told(&sandbox, &workspace, &finished)).unwrap();
}

#[test]
fn several_mistakes_are_told_at_once_each_at_its_line() {
    let workspace = Workspace::detached().unwrap();
    workspace.write("preamble.tf", PREAMBLE).unwrap();
    workspace.write("provider.tf", PROVIDER).unwrap();
    let body = r#"
resource "ackone_fleet_cluster_association" "member" {
  cluster_id      = "c1:c2"
  on_wait_timeout = "perhaps"
}

resource "ackone_namespace" "demo" {
  name   = "Gateway_Demo"
  labels = { "not a key" = "x" }
}

resource "ackone_alb_gateway" "demo" {
  name            = "ackone-gateway-demo"
  remote_clusters = ["c1", "c2"]
  address_type    = "Public"
  zone_mappings   = [{ vswitch_id = "vsw-1" }, { vswitch_id = "vsw-1" }]

  listeners = {
    "8001/HTTP" = { security_policy_id = "tls_cipher_policy_1_2" }
    "443/TLS"   = {}
  }
}

resource "ackone_grpc_ingress" "demo" {
  namespace          = "gateway-demo"
  name               = "grpc-ingress"
  ingress_class_name = "alb"
  listen_ports       = ["80/HTTP"]

  rules = [{
    host  = "grpc.example.com:443"
    paths = [{ service_name = "grpc-service", service_port = 700000 }]
  }]

  tls = [{
    hosts       = ["other.example.com"]
    secret_name = "grpc-secret"
  }]
}
"#;
    workspace.write("main.tf", body).unwrap();
    workspace.init().unwrap().expect_ok();
    let finished = workspace.run(&["validate", "-json"]).unwrap();
    let told = golden::validation(&finished.stdout);
    assert!(told.len() >= 8, "{}", told.join("\n"));
    golden::check(&placed("several_mistakes", &workspace), &told.join("\n")).unwrap();
}
