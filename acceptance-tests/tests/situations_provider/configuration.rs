//! The walkthrough's objects as configuration, and small edits of it.

use serde_json::{Value, json};

/// Addresses.
pub(crate) const GATEWAY: &str = "ackone_alb_gateway.demo";
pub(crate) const INGRESS: &str = "ackone_grpc_ingress.demo";
pub(crate) const TWIN: &str = "ackone_grpc_ingress.twin";
pub(crate) const SECRET: &str = "ackone_tls_secret.grpc";

/// The route's hosts: the first is served, the second is in the certificate.
pub(crate) const HOST: &str = "grpc.example.com";
pub(crate) const OTHER: &str = "new.example.com";

pub(crate) const NAMESPACE: &str = r#"
resource "ackone_namespace" "demo" {
  name = "gateway-demo"
}
"#;

pub(crate) const CERTIFICATE: &str = r#"
resource "ackone_tls_secret" "grpc" {
  namespace = ackone_namespace.demo.name
  name      = "grpc-secret"

  self_signed = {
    common_name   = "grpc.example.com"
    dns_names     = ["grpc.example.com", "new.example.com"]
    key_algorithm = "ECDSA_P256"
  }
}
"#;

pub(crate) const BARE_GATEWAY: &str = r#"
resource "ackone_alb_gateway" "demo" {
  name                   = "ackone-gateway-demo"
  ingress_class_name     = "alb"
  remote_clusters        = var.member_cluster_ids
  load_balancer_name     = "one-alb-demo"
  address_type           = "Internet"
  address_allocated_mode = "Fixed"
  zone_mappings          = [for id in var.vswitch_ids : { vswitch_id = id }]
  listeners              = { "8001/HTTP" = {}, "443/HTTPS" = { security_policy_id = "tls_cipher_policy_1_2" } }
  timeouts               = { create = "150s", update = "150s" }
}
"#;

pub(crate) const ROUTE: &str = r#"
resource "ackone_grpc_ingress" "demo" {
  namespace          = ackone_namespace.demo.name
  name               = "grpc-ingress"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  timeouts           = { create = "150s", update = "150s" }

  rules = [{
    host  = "grpc.example.com"
    paths = [{ service_name = "grpc-service", service_port = 50051 }]
  }]

  tls = [{
    hosts       = ["grpc.example.com", "new.example.com"]
    secret_name = ackone_tls_secret.grpc.name
  }]
}
"#;

/// All of it.
pub(crate) fn demo() -> String {
    [NAMESPACE, CERTIFICATE, BARE_GATEWAY, ROUTE].concat()
}

/// A gateway that becomes ready without an Ingress.
pub(crate) fn http_gateway() -> String {
    without_https(BARE_GATEWAY)
}

/// The text with one part replaced, which must be there.
#[track_caller]
pub(crate) fn edited(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in {text}");
    text.replacen(from, to, 1)
}

/// The HTTPS listener taken out.
pub(crate) fn without_https(text: &str) -> String {
    edited(text, ", \"443/HTTPS\" = { security_policy_id = \"tls_cipher_policy_1_2\" }", "")
}

/// The rule's host changed.
pub(crate) fn other_host(text: &str) -> String {
    edited(text, "host  = \"grpc.example.com\"", "host  = \"new.example.com\"")
}

/// Other time-outs for every resource that has any.
pub(crate) fn with_timeouts(text: &str, create: &str, update: &str) -> String {
    let usual = "{ create = \"150s\", update = \"150s\" }";
    assert!(text.contains(usual), "no time-outs in {text}");
    text.replace(usual, &format!("{{ create = \"{create}\", update = \"{update}\" }}"))
}

/// A second Ingress that somebody else keeps, on the same gateway.
pub(crate) fn neighbour(listen_ports: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "second", "namespace": "gateway-demo", "annotations": {
            "alb.ingress.kubernetes.io/listen-ports": listen_ports,
            "alb.ingress.kubernetes.io/backend-protocol": "grpc",
        }},
        "spec": {
            "ingressClassName": "alb",
            "rules": [{"host": "second.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix",
                "backend": {"service": {"name": "grpc-service", "port": {"number": 50051}}}}]}}],
            "tls": [{"hosts": ["second.example.com"], "secretName": "grpc-secret"}],
        },
    })
}
