//! Configurations that several tests start from.

use crate::AcceptanceError;
use crate::sandbox::Sandbox;
use crate::terraform::Workspace;

/// Required provider and the variables that [`Sandbox::environment`] sets.
pub const PREAMBLE: &str = r#"terraform {
  required_providers {
    ackone = { source = "ackone/ackone" }
  }
}

variable "fleet_id" { type = string }
variable "member_cluster_ids" { type = set(string) }
variable "vswitch_ids" { type = list(string) }
variable "gateway_port" { type = number }
"#;

/// The provider as the walkthrough configures it.
pub const PROVIDER: &str = "provider \"ackone\" {\n  fleet_id = var.fleet_id\n}\n";

/// A gateway with a certificate, and an Ingress that routes gRPC to the walkthrough's Service in every member.
pub const GRPC_GATEWAY: &str = r#"
resource "ackone_namespace" "demo" {
  name = "gateway-demo"
}

resource "ackone_tls_secret" "grpc" {
  namespace   = ackone_namespace.demo.name
  name        = "grpc-secret"
  self_signed = { common_name = "grpc.example.com", dns_names = ["grpc.example.com"] }
}

resource "ackone_alb_gateway" "demo" {
  name                   = "ackone-gateway-demo"
  ingress_class_name     = "alb"
  remote_clusters        = var.member_cluster_ids
  address_type           = "Internet"
  address_allocated_mode = "Fixed"
  zone_mappings          = [for id in var.vswitch_ids : { vswitch_id = id }]
  listeners              = { "443/HTTPS" = { security_policy_id = "tls_cipher_policy_1_2" } }
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

/// A gateway with an HTTP listener only: it becomes ready by itself, without an Ingress.
pub const HTTP_GATEWAY: &str = r#"
resource "ackone_alb_gateway" "demo" {
  name                   = "ackone-gateway-demo"
  remote_clusters        = var.member_cluster_ids
  address_type           = "Internet"
  address_allocated_mode = "Fixed"
  zone_mappings          = [for id in var.vswitch_ids : { vswitch_id = id }]
  listeners              = { "8001/HTTP" = {} }
}
"#;
/// A file of a configuration, of which a test takes blocks and lines away.
#[derive(Clone, Debug)]
pub struct Blocks(String);

impl Blocks {
    /// As it stands in a working directory.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of(workspace: &Workspace, name: &str) -> Result<Self, AcceptanceError> {
        let text = std::fs::read_to_string(workspace.path().join(name));
        text.map(Self).map_err(AcceptanceError::io("read a configuration"))
    }

    /// Its text now.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Takes a block away: from the line that begins with `head` to the next brace at the beginning of a line.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    #[expect(clippy::panic, reason = "an assertion for tests")]
    pub fn without(&mut self, head: &str) {
        let begin = self.0.find(head);
        let end = begin.and_then(|begin| Some(begin + self.0.get(begin..)?.find("\n}\n")? + "\n}\n".len()));
        let (Some(begin), Some(end)) = (begin, end) else { panic!("no block {head:?} in\n{}", self.0) };
        self.0.replace_range(begin..end, "");
    }

    /// Replaces every occurrence of a text.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn replace(&mut self, from: &str, to: &str) {
        assert!(self.0.contains(from), "no {from:?} in\n{}", self.0);
        self.0 = self.0.replace(from, to);
    }
}

impl Workspace {
    /// One with a configuration of its own behind [`PREAMBLE`] and [`PROVIDER`], initialised. Lines of `body` are those
    /// of `main.tf`.
    ///
    /// # Errors
    /// If files cannot be written or `init` fails.
    pub fn with(sandbox: &Sandbox, body: &str) -> Result<Self, AcceptanceError> {
        Self::with_provider(sandbox, PROVIDER, body)
    }

    /// The same with another provider block.
    ///
    /// # Errors
    /// If files cannot be written or `init` fails.
    pub fn with_provider(sandbox: &Sandbox, provider: &str, body: &str) -> Result<Self, AcceptanceError> {
        let workspace = Self::new(sandbox)?;
        workspace.write("preamble.tf", PREAMBLE)?;
        workspace.write("provider.tf", provider)?;
        workspace.write("main.tf", body)?;
        workspace.initialised()
    }

    fn initialised(self) -> Result<Self, AcceptanceError> {
        let init = self.init()?;
        if init.ok() {
            return Ok(self);
        }
        Err(AcceptanceError::Control { call: "terraform init".to_owned(), reason: init.prose() })
    }
}
