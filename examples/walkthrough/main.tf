provider "ackone" {
  fleet_id = var.fleet_id
}

# Prerequisite: the Fleet has associated the member clusters.
resource "ackone_fleet_cluster_association" "member" {
  for_each = var.member_cluster_ids

  cluster_id = each.value

  # A member leaves the gateway before it leaves the Fleet.
  lifecycle {
    create_before_destroy = true
  }
}

# Prerequisite: the members' security groups admit the gateway's vSwitches on all ports.
resource "ackone_backend_access" "member" {
  for_each = ackone_fleet_cluster_association.member

  name        = "ackone-gateway-demo-${each.key}"
  cluster_ids = [each.value.cluster_id]
  vswitch_ids = var.vswitch_ids

  # A member's group is shut only after the gateway has let go of the member.
  lifecycle {
    create_before_destroy = true
  }
}

resource "ackone_namespace" "demo" {
  name = "gateway-demo"
}

# Step 1: a self-signed certificate, and the Secret that holds it. The key exists only in the Fleet.
resource "ackone_tls_secret" "grpc" {
  namespace = ackone_namespace.demo.name
  name      = "grpc-secret"

  self_signed = {
    common_name = var.host
    dns_names   = [var.host]
  }
}

# Step 2: Argo CD of the Fleet deploys the gRPC service to every member.
resource "ackone_application_set" "grpc" {
  name             = "appset-grpc-demo"
  application_name = "{{.metadata.annotations.cluster_name}}-grpc"

  source = {
    repo_url        = "https://github.com/ivan-cai/gitops-demo.git"
    path            = "manifests/directory/grpc"
    target_revision = "main"
  }

  destination = {
    namespace = "gateway-demo"
  }

  sync_policy = {
    automated    = {}
    sync_options = ["CreateNamespace=true"]
  }

  expected_cluster_ids = [for member in ackone_fleet_cluster_association.member : member.cluster_id]
}

# Step 3: the ALB multi-cluster gateway, and its IngressClass.
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
    "443/HTTPS" = { security_policy_id = "tls_cipher_policy_1_2" }
  }

  depends_on = [ackone_backend_access.member]
}

# Step 3: route gRPC for the host to the same Service in every member.
resource "ackone_grpc_ingress" "demo" {
  namespace          = ackone_namespace.demo.name
  name               = "grpc-ingress"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]

  rules = [{
    host  = var.host
    paths = [{ service_name = "grpc-service", service_port = 50051 }]
  }]

  tls = [{
    hosts       = [var.host]
    secret_name = ackone_tls_secret.grpc.name
  }]

  depends_on = [ackone_application_set.grpc]
}

# Step 4: prove that the service answers through the gateway.
data "ackone_grpc_services" "demo" {
  host                 = ackone_grpc_ingress.demo.address
  port                 = var.gateway_port
  authority            = var.host
  insecure_skip_verify = true # the certificate is self-signed
  on_failure           = "report"
}

check "grpc_answers" {
  assert {
    condition     = contains(data.ackone_grpc_services.demo.services, "helloworld.Greeter")
    error_message = coalesce(data.ackone_grpc_services.demo.failure, "The gateway answers, but does not show helloworld.Greeter.")
  }
}
