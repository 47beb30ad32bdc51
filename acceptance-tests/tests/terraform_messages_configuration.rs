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
