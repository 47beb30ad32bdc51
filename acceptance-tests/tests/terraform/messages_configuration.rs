//! Messages about what is written in a configuration: many mistakes at once, one golden for each area, without any cloud.
//! Protects: the texts as Terraform renders them, and that nothing is hidden behind another mistake.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use std::path::Path;
use std::process::Command;

use acceptance_tests::configuration::PREAMBLE;
use acceptance_tests::golden;
use acceptance_tests::material::{LONG, chain, self_signed};
use acceptance_tests::terraform::Workspace;

/// Validates a configuration, which must be refused, and compares what is told with a golden.
fn refused_as(name: &str, body: &str, prepare: impl Fn(&Path)) {
    let workspace = Workspace::detached().unwrap();
    prepare(&workspace.path());
    workspace.write("preamble.tf", PREAMBLE).unwrap();
    workspace.write("main.tf", body).unwrap();
    workspace.init().unwrap().expect_ok();
    let finished = workspace.run(&["validate", "-json"]).unwrap();
    let told = golden::normalised(&golden::validation(&finished.stdout).join("\n"), &[], &workspace.path());
    assert!(!finished.ok(), "{name} must be refused\n{told}");
    golden::check(name, &told).unwrap();
}

#[test]
fn provider_block() {
    let body = r#"
provider "ackone" {
  alias      = "half_key"
  access_key = "LTAIsomebody"
  region     = "Cn Hangzhou"

  max_retries     = 21
  connect_timeout = "soon"
  endpoints       = { adcp = "http://", oss = "oss.example.com" }
}

provider "ackone" {
  alias          = "token"
  security_token = "not-a-token"

  kubernetes = {
    config_path    = "a"
    config_content = "b"
    client_key     = "c"
  }
}

provider "ackone" {
  alias      = "endpoint"
  endpoints  = { adcp = "not a host" }
  kubernetes = {}
}

provider "ackone" {
  alias           = "credentials"
  credentials_uri = "http://somebody:not-a-password@127.0.0.1/"

  assume_role = {
    role_arn           = "terraform"
    session_name       = "not a name"
    policy             = "allow all"
    session_expiration = 60
    external_id        = "x"
  }

  assume_role_with_oidc = {
    role_arn           = "acs:ram::1234567890123456:user/terraform"
    role_session_name  = "x"
    oidc_token         = "not-a-token"
    oidc_token_file    = "token"
    session_expiration = 50000
  }
}

resource "ackone_namespace" "credentials" {
  provider = ackone.credentials
  name     = "a"
}

resource "ackone_namespace" "half_key" {
  provider = ackone.half_key
  name     = "a"
}

resource "ackone_namespace" "token" {
  provider = ackone.token
  name     = "a"
}

resource "ackone_namespace" "endpoint" {
  provider = ackone.endpoint
  name     = "a"
}
"#;
    refused_as("messages_provider", body, |_| {});
}

#[test]
fn names_and_metadata() {
    let body = r#"
variable "nothing" {
  type    = string
  default = null
}

resource "ackone_namespace" "name" {
  name   = "Gateway_Demo"
  labels = { "not a key" = "x" }
}

resource "ackone_namespace" "reserved" {
  name        = "aliyun-demo"
  labels      = { team = "not a value!" }
  annotations = { "kubectl.kubernetes.io/last-applied-configuration" = "x" }
  timeouts    = { create = "soon" }
}

resource "ackone_namespace" "null" {
  name   = var.nothing
  labels = { team = null }
}

resource "ackone_fleet_cluster_association" "ids" {
  fleet_id        = "c1 c2"
  cluster_id      = "c1:c2"
  on_wait_timeout = "perhaps"
}

resource "ackone_alb_gateway" "wait" {
  name            = "demo"
  remote_clusters = ["c11111111111111111111111111111111", "c22222222222222222222222222222222"]
  listeners       = { "8001/HTTP" = {} }
  zone_mappings   = [{ vswitch_id = "vsw-a1" }, { vswitch_id = "vsw-b2" }]
  on_wait_timeout = "perhaps"
}
"#;
    refused_as("messages_names", body, |_| {});
}

/// Files for the certificates' mistakes.
fn certificates(folder: &Path) {
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    let host = "grpc.example.com";
    let good = self_signed(Some(host), &[host], LONG).unwrap();
    write("grpc.crt", &good.certificate);
    write("grpc.key", &good.key);
    write("both.pem", &format!("{}{}", good.certificate, good.key));
    let nameless = self_signed(None, &[host], LONG).unwrap();
    write("nameless.crt", &nameless.certificate);
    write("nameless.key", &nameless.key);
    let (material, [leaf, middle, root]) = chain(host).unwrap();
    write("chain.key", &material.key);
    write("turned.crt", &[root.as_str(), &middle, &leaf].concat());
    write("gap.crt", &[leaf.as_str(), &root].concat());
    // The issuer of another chain has the right name and the wrong key.
    let (_, [_, stranger, _]) = chain(host).unwrap();
    write("stranger.crt", &[leaf, stranger].concat());
    let common_name_only = self_signed(Some(host), &[], LONG).unwrap();
    write("common_name_only.crt", &common_name_only.certificate);
    write("common_name_only.key", &common_name_only.key);
    // What no careful library makes.
    let secp256k1: &[&str] = &["ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"];
    let made = [("sha1", "-sha1", &["rsa:2048"]), ("short", "-sha256", &["rsa:1024"])];
    let made = made.map(|(name, digest, kind)| (name, digest, kind.as_slice()));
    for (name, digest, kind) in made.into_iter().chain([("curve", "-sha256", secp256k1)]) {
        let (key, crt) = (format!("{name}.key"), format!("{name}.crt"));
        let arguments = [
            "req",
            "-x509",
            "-nodes",
            digest,
            "-keyout",
            &key,
            "-out",
            &crt,
            "-days",
            "3650",
            "-subj",
            "/CN=grpc.example.com",
            "-addext",
            "subjectAltName=DNS:grpc.example.com",
        ];
        let output =
            Command::new("openssl").args(arguments).arg("-newkey").args(kind).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn certificates_and_keys() {
    let cases = [
        ("nothing", ""),
        ("two_sources", "certificate_pem = file(\"grpc.crt\")\n  self_signed     = { common_name = \"a\" }"),
        ("no_key", "certificate_pem = file(\"grpc.crt\")"),
        ("no_certificate", "private_key_pem = file(\"grpc.key\")"),
        ("no_wo_key", "self_signed                = { common_name = \"a\" }\n  private_key_pem_wo_version = \"1\""),
        ("damaged", "certificate_pem = \"hello\"\n  private_key_pem = \"hello\""),
        ("both", "certificate_pem = file(\"both.pem\")\n  private_key_pem = file(\"grpc.key\")"),
        ("turned", "certificate_pem = file(\"turned.crt\")\n  private_key_pem = file(\"chain.key\")"),
        ("gap", "certificate_pem = file(\"gap.crt\")\n  private_key_pem = file(\"chain.key\")"),
        ("nameless", "certificate_pem = file(\"nameless.crt\")\n  private_key_pem = file(\"nameless.key\")"),
        ("sha1", "certificate_pem = file(\"sha1.crt\")\n  private_key_pem = file(\"sha1.key\")"),
        ("short", "certificate_pem = file(\"short.crt\")\n  private_key_pem = file(\"short.key\")"),
        ("curve", "certificate_pem = file(\"curve.crt\")\n  private_key_pem = file(\"curve.key\")"),
        ("stranger", "certificate_pem = file(\"stranger.crt\")\n  private_key_pem = file(\"chain.key\")"),
        (
            "common_name_only",
            "certificate_pem = file(\"common_name_only.crt\")\n  private_key_pem = file(\"common_name_only.key\")",
        ),
        ("other", "certificate_pem = file(\"grpc.crt\")\n  private_key_pem = file(\"chain.key\")"),
    ];
    let mut body: String = cases
        .iter()
        .map(|(name, lines)| {
            format!("resource \"ackone_tls_secret\" \"{name}\" {{\n  namespace = \"demo\"\n  name      = \"{}\"\n  {lines}\n}}\n\n", name.replace('_', "-"))
        })
        .collect();
    body.push_str(
        r#"
resource "ackone_tls_secret" "profile" {
  namespace = "demo"
  name      = "profile"

  self_signed = {
    common_name       = ""
    organization      = "An organization with a name of more than sixty-four characters, which is too long"
    dns_names         = ["not a name"]
    validity_days     = 10
    renew_before_days = 30
    key_algorithm     = "DSA"
  }
}

resource "ackone_tls_secret" "days" {
  namespace   = "demo"
  name        = "days"
  self_signed = { common_name = "a", validity_days = 0 }
}
"#,
    );
    refused_as("messages_secret", &body, certificates);
}

#[test]
fn a_write_only_key() {
    let workspace = Workspace::detached().unwrap();
    let minor = workspace.minor_version().unwrap();
    // Before 1.11 there are no write-only attributes, and the provider says so.
    let name = if minor < 11 { "messages_write_only_before_1_11" } else { "messages_write_only" };
    let body = r#"
resource "ackone_tls_secret" "two_keys" {
  namespace          = "demo"
  name               = "grpc"
  certificate_pem    = file("grpc.crt")
  private_key_pem    = file("grpc.key")
  private_key_pem_wo = file("grpc.key")
}
"#;
    refused_as(name, body, |folder| {
        let good = self_signed(Some("a.example.com"), &["a.example.com"], LONG).unwrap();
        std::fs::write(folder.join("grpc.crt"), good.certificate).unwrap();
        std::fs::write(folder.join("grpc.key"), good.key).unwrap();
    });
}

#[test]
fn data_source() {
    let body = r#"
data "ackone_grpc_services" "spelling" {
  host          = "https://grpc.example.com"
  port          = 70000
  connect_to    = "nowhere"
  pinned_sha256 = "abc"
  on_failure    = "perhaps"
  deadline      = "soon"
}

data "ackone_grpc_services" "two_ways" {
  host                 = "grpc.example.com"
  insecure_skip_verify = true
  pinned_sha256        = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
}

data "ackone_grpc_services" "plaintext" {
  host        = "grpc.example.com"
  plaintext   = true
  server_name = "grpc.example.com"
}
"#;
    refused_as("messages_data_source", body, |_| {});
}

#[test]
fn gateways() {
    let body = r#"
locals {
  members = ["c11111111111111111111111111111111", "c22222222222222222222222222222222"]
  zones   = [{ vswitch_id = "vsw-a" }, { vswitch_id = "vsw-b" }]
  https   = { security_policy_id = "tls_cipher_policy_1_2" }
}

resource "ackone_alb_gateway" "nothing" {
  name            = "nothing"
  remote_clusters = []
  zone_mappings   = []
  listeners       = { "443/HTTPS" = local.https }
}

resource "ackone_alb_gateway" "spelling" {
  name               = "spelling"
  remote_clusters    = local.members
  load_balancer_name = "1"
  ipv6_address_type  = "internet"
  zone_mappings      = [{ vswitch_id = "vsw-a", allocation_id = "192.0.2.1" }, { vswitch_id = "vsw-b" }]
  listeners          = { "443/HTTPS" = merge(local.https, { description = "x" }) }
}

resource "ackone_alb_gateway" "lists" {
  name            = "lists"
  remote_clusters = local.members
  zone_mappings   = local.zones

  listeners = {
    "443/HTTPS" = {
      security_policy_id = "tls_cipher_policy_1_2"
      acl                = { type = "White" }
      certificates       = [{ certificate_id = "1-cn-hangzhou" }, { certificate_id = "1-cn-hangzhou" }]
    }
    "8443/HTTPS" = {
      security_policy_id = "tls_cipher_policy_1_2"
      acl                = { type = "Black", ids = ["acl-a", "acl-b", "acl-c", "acl-d"] }
      x_forwarded_for    = { processing_mode = "keep" }
    }
  }
}

resource "ackone_alb_gateway" "annotations" {
  name            = "annotations"
  remote_clusters = local.members
  zone_mappings   = local.zones
  listeners       = { "443/HTTPS" = local.https }

  annotations = {
    "alb.ingress.kubernetes.io/remote-clusters" = "c11111111111111111111111111111111"
    "alb.ingress.kubernetes.io/newer-setting"   = "on"
  }

  extra_annotations = {
    "alb.ingress.kubernetes.io/edition"        = "Standard"
    "alb.ingress.kubernetes.io/albconfig.name" = "other"
    "alb.ingress.kubernetes.io/no-such-thing"  = "on"
    "example.com/owner"                        = "edge"
  }
}
"#;
    refused_as("messages_gateway", body, |_| {});
}

/// An Ingress with lines of its own; what they do not say is as it should be.
fn ingress(name: &str, lines: &str) -> String {
    let usual = [
        ("listen_ports", r#"["443/HTTPS"]"#),
        (
            "rules",
            r#"[{ host = "grpc.example.com", paths = [{ service_name = "grpc-service", service_port = 50051 }] }]"#,
        ),
        ("tls", r#"[{ hosts = ["grpc.example.com"], secret_name = "grpc-secret" }]"#),
    ];
    let mut block = format!(
        "resource \"ackone_grpc_ingress\" \"{name}\" {{\n  namespace = \"demo\"\n  name = \"{name}\"\n  ingress_class_name = \"alb\"\n"
    );
    for (attribute, value) in usual {
        if !lines.lines().any(|line| line.trim_start().starts_with(attribute)) {
            block.push_str(&format!("  {attribute} = {value}\n"));
        }
    }
    format!("{block}{}\n}}\n\n", lines.trim_end())
}

#[test]
fn ingresses() {
    let body: String = [
        ("nothing", "  listen_ports = [\"https\"]\n  rules = []"),
        ("no-paths", "  rules = [{ host = \"grpc.example.com\", paths = [] }]"),
        ("redirect", "  listen_ports = [\"8443/HTTPS\"]\n  ssl_redirect = true"),
        (
            "paths",
            r#"
  rules = [{
    host = "grpc.example.com"
    paths = [
      { service_name = "grpc-service", service_port = 50051 },
      { path = "/helloworld.Greeter", path_type = "prefix", service_name = "grpc-service", service_port = 50051 },
      { path = "/helloworld.Greeter", service_name = "grpc-service", service_port = 50051 },
      { path = "/tools", path_type = "ImplementationSpecific", service_name = "grpc-service", service_port = 50051 },
    ]
  }]"#,
        ),
        (
            "balancing",
            r#"
  load_balancing = {
    scheduler        = "uch"
    slow_start       = { duration = 10 }
    connection_drain = { timeout = 901 }
    sticky_session   = { type = "insert", cookie_timeout = 0 }
  }"#,
        ),
        ("canary-of-nobody", "  canary = {}"),
        (
            "canary-of-all",
            r#"
  canary = {
    weight = 10
    header = { name = "stage", value = "" }
  }
  custom_routing = {
    grpc-service = { actions = [{ forward_group = { server_groups = [{ server_group_id = "sgp-a" }] } }] }
  }
  rules = [{ host = "grpc.example.com", paths = [{ service_name = "grpc-service" }] }]"#,
        ),
        (
            "limits",
            r#"
  rate_limit     = { qps = 0 }
  custom_routing = { grpc-service = { actions = [{ traffic_limit = { qps = 100 } }] } }"#,
        ),
        (
            "annotations",
            r#"
  annotations = {
    "alb.ingress.kubernetes.io/Backend-Protocol"   = "GRPC"
    "alb.ingress.kubernetes.io/newer-setting"      = "on"
  }
  extra_annotations = {
    "alb.ingress.kubernetes.io/backend-protocol"   = "grpc"
    "alb.ingress.kubernetes.io/albconfig.name"     = "demo"
    "alb.ingress.kubernetes.io/backend-schedular"  = "wrr"
    "example.com/owner"                            = "edge"
  }"#,
        ),
    ]
    .iter()
    .map(|(name, lines)| ingress(name, lines))
    .collect();
    refused_as("messages_ingress", &body, |_| {});
}

#[test]
fn custom_routing() {
    let body: String = [
        (
            "final-actions",
            r#"
  rules = [{
    host = "grpc.example.com"
    paths = [
      { path = "/a.A/", service_name = "unanswered" },
      { path = "/b.B/", service_name = "answered-twice", service_port = 50051 },
    ]
  }]
  custom_routing = {
    answered-twice = { actions = [
      { fixed_response = { content_type = "text/plain" } },
      { redirect = { port = "8443" } },
    ] }
    "a-service-whose-name-is-longer-than-an-annotation-can-hold" = { direction = "Both" }
  }"#,
        ),
        (
            "conditions",
            r#"
  custom_routing = {
    grpc-service = { conditions = [
      {},
      { hosts = ["a.example.com"], methods = ["POST"] },
      { paths = [] },
      { header = { key = "stage", values = [] } },
      { response_status_codes = ["503"] },
      { source_ips = ["10.0.0.0/33"] },
      { source_ips = [for i in range(6) : "10.${i}.0.0/16"] },
      { hosts = ["b.example.com", "c.example.com"] },
    ] }
  }"#,
        ),
        (
            "actions",
            r#"
  custom_routing = {
    grpc-service = { actions = [
      {},
      { remove_header = { key = "a" }, insert_header = { key = "b", value = "c" } },
      { rewrite = { query = "Stage=Gray" } },
      { traffic_mirror = { server_group_ids = [] } },
      { remove_header = { key = "d" } },
      { remove_header = { key = "e" } },
    ] }
  }"#,
        ),
        (
            "answers",
            r#"
  rules = [{
    host = "grpc.example.com"
    paths = [
      { path = "/a.A/", service_name = "groups" },
      { path = "/b.B/", service_name = "no-groups" },
      { path = "/c.C/", service_name = "elsewhere" },
    ]
  }]
  custom_routing = {
    groups = { actions = [{ forward_group = { server_groups = [
      { service_name = "a", server_group_id = "sgp-a" },
      { service_name = "b", service_port = 70000, weight = 101 },
    ] } }] }
    no-groups = { actions = [{ forward_group = { server_groups = [] } }] }
    elsewhere = { actions = [{ redirect = { host = "$${host}", http_code = "304" } }] }
  }"#,
        ),
    ]
    .iter()
    .map(|(name, lines)| ingress(name, lines))
    .collect();
    refused_as("messages_ingress_routing", &body, |_| {});
}

#[test]
fn filters_of_data_sources() {
    let body = r#"
data "ackone_fleet" "blank" {
  name = " "
}

data "ackone_fleets" "profile" {
  profile = "default"
  vpc_id  = ""
}

data "ackone_fleet_clusters" "state" {
  state = "Succeeded"
}

data "ackone_vswitches" "element" {
  zone_ids = ["cn-hangzhou-h", ""]
}

data "ackone_alb_gateway" "name" {
  name = "a b"
}
"#;
    refused_as("messages_data_sources", body, |_| {});
}

#[test]
fn application_set() {
    let body = r#"
resource "ackone_application_set" "nothing" {
  name = "Not_A_Name"
}

resource "ackone_application_set" "both" {
  name             = "both"
  application_name = "{{.name}}"
  project          = "default"

  spec_json = jsonencode({
    generators = [{ clusters = {} }]
    template   = { metadata = {}, spec = {} }
  })
}

resource "ackone_application_set" "no_json" {
  name      = "json"
  spec_json = "generators: []"
}

resource "ackone_application_set" "whole_json" {
  name      = "json"
  spec_json = jsonencode({ apiVersion = "argoproj.io/v1alpha1", kind = "ApplicationSet", spec = {} })
}

resource "ackone_application_set" "empty_json" {
  name      = "json"
  spec_json = jsonencode({ generators = [], template = {} })
}

resource "ackone_application_set" "texts" {
  name                 = "texts"
  application_name     = "{{.name}}_Grpc"
  project              = "{{.project"
  go_template_options  = ["missingkey=error", "strict"]
  expected_cluster_ids = ["member one"]

  source = {
    repo_url = "https://example.com/a repository"
    path     = "/manifests"
    chart    = "greeter"
  }

  destination = {
    name      = "{{.name}}"
    server    = "{{.server}}"
    namespace = "Gateway_Demo"
  }

  cluster_selector = {
    match_labels = { "not a key" = "x" }

    match_expressions = [
      { key = "name", operator = "In" },
      { key = "name", operator = "Exists", values = ["x"] },
      { key = "name", operator = "Like", values = ["x"] },
    ]
  }

  sync_policy = {
    sync_options = ["CreateNamespace", "Prune=true", "Prune=false"]
    retry        = { limit = -1, duration = "soon" }
  }
}

resource "ackone_application_set" "names" {
  name             = "names"
  application_name = "}}grpc"
  source           = { repo_url = "https://example.com/a.git", path = "a/../../b" }
  destination      = { namespace = "a" }
}

resource "ackone_application_set" "no_path" {
  name             = "no-path"
  application_name = "{{.name}}"
  source           = { repo_url = "https://example.com/a.git" }
  destination      = { namespace = "a" }
}
"#;
    refused_as("messages_application_set", body, |_| {});
}
