# What stands before `rules_broken_together.tf` is planned. The gateways are not waited for: nothing here depends on them.

locals {
  zones    = [for id in var.vswitch_ids : { vswitch_id = id }]
  https    = { security_policy_id = "tls_cipher_policy_1_2" }
  services = [{ service_name = "grpc-service", service_port = 50051 }]
  tls      = [{ hosts = ["grpc.example.com"], secret_name = ackone_tls_secret.grpc.name }]
}

resource "ackone_namespace" "demo" {
  name = "gateway-demo"
}

resource "ackone_tls_secret" "grpc" {
  namespace = ackone_namespace.demo.name
  name      = "grpc-secret"

  self_signed = {
    common_name   = "grpc.example.com"
    dns_names     = ["grpc.example.com", "first.example.com", "user.example.com"]
    key_algorithm = "ECDSA_P256"
  }
}

resource "ackone_alb_gateway" "demo" {
  name                   = "demo"
  ingress_class_name     = "alb"
  remote_clusters        = var.member_cluster_ids
  address_allocated_mode = "Fixed"
  zone_mappings          = local.zones
  wait                   = false

  listeners = {
    "443/HTTPS"  = local.https
    "8443/HTTPS" = local.https
    "9443/HTTPS" = merge(local.https, { certificates = [{ certificate_id = "1234567-cn-hangzhou" }] })
  }
}

resource "ackone_alb_gateway" "bound" {
  name                   = "bound"
  remote_clusters        = var.member_cluster_ids
  address_allocated_mode = "Fixed"
  zone_mappings          = local.zones
  bandwidth_package_id   = "cbwp-a"
  wait                   = false
  listeners              = { "8001/HTTP" = {} }
}

resource "ackone_alb_gateway" "public" {
  name                   = "public"
  remote_clusters        = var.member_cluster_ids
  address_type           = "Internet"
  address_allocated_mode = "Fixed"
  zone_mappings          = local.zones
  wait                   = false
  listeners              = { "8001/HTTP" = {} }
}

resource "ackone_alb_gateway" "bare" {
  name                   = "bare"
  remote_clusters        = var.member_cluster_ids
  address_allocated_mode = "Fixed"
  zone_mappings          = local.zones
  wait                   = false
  listeners              = { "443/HTTPS" = local.https }
}

resource "ackone_grpc_ingress" "first" {
  namespace          = ackone_namespace.demo.name
  name               = "first"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS", "9443/HTTPS"]
  order              = 5
  wait               = false
  rules              = [{ host = "first.example.com", paths = local.services }]
  tls                = [{ hosts = ["first.example.com"], secret_name = ackone_tls_secret.grpc.name }]
}

resource "ackone_grpc_ingress" "user" {
  namespace          = ackone_namespace.demo.name
  name               = "user"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["8443/HTTPS"]
  wait               = false
  rules              = [{ host = "user.example.com", paths = local.services }]
  tls                = [{ hosts = ["user.example.com"], secret_name = ackone_tls_secret.grpc.name }]
}

# Gateways of their own for what is counted or sorted: plans run side by side, and what others have planned is seen too.
resource "ackone_alb_gateway" "quiet" {
  name                   = "quiet"
  remote_clusters        = var.member_cluster_ids
  address_allocated_mode = "Fixed"
  zone_mappings          = local.zones
  listeners              = { "443/HTTPS" = local.https }
  wait                   = false
}

resource "ackone_alb_gateway" "full" {
  name                   = "full"
  remote_clusters        = var.member_cluster_ids
  address_allocated_mode = "Fixed"
  zone_mappings          = local.zones
  listeners              = { "443/HTTPS" = local.https }
  wait                   = false
}

resource "ackone_grpc_ingress" "special" {
  namespace          = ackone_namespace.demo.name
  name               = "special"
  ingress_class_name = ackone_alb_gateway.quiet.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  wait               = false
  rules              = [{ host = "grpc.example.com", paths = local.services }]
  tls                = local.tls
}
