# Every rule that only a plan can see broken: what is allowed but probably not meant, what state knows, what other objects
# say. The comment above a block names the rule and what `terraform plan` must say there.

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

# V03: Single Zone
resource "ackone_alb_gateway" "v03" {
  name                   = "v03"
  remote_clusters        = var.member_cluster_ids
  address_allocated_mode = "Fixed"
  zone_mappings          = [local.zones[0]]
  listeners              = { "443/HTTPS" = local.https }
  wait                   = false
}

# V07: Dynamic Addresses
resource "ackone_alb_gateway" "v07" {
  name                   = "v07"
  remote_clusters        = var.member_cluster_ids
  address_allocated_mode = "Dynamic"
  zone_mappings          = local.zones
  listeners              = { "443/HTTPS" = local.https }
  wait                   = false
}

# V10: Edition Not Named
resource "ackone_alb_gateway" "v10" {
  name                   = "v10"
  remote_clusters        = var.member_cluster_ids
  address_allocated_mode = "Fixed"
  zone_mappings          = local.zones
  listeners              = { "443/HTTPS" = local.https }
  wait                   = false
  reuse                  = { load_balancer_id = "alb-a", force_override = true }
}

# V12: Bandwidth Package Cannot Be Unbound
resource "ackone_alb_gateway" "bound" {
  name                   = "bound"
  remote_clusters        = var.member_cluster_ids
  address_allocated_mode = "Fixed"
  zone_mappings          = local.zones
  listeners              = { "8001/HTTP" = {} }
  wait                   = false
}

# V16: Undeclared Listeners Are Deleted
resource "ackone_alb_gateway" "v16" {
  name                   = "v16"
  remote_clusters        = var.member_cluster_ids
  address_allocated_mode = "Fixed"
  zone_mappings          = local.zones
  listeners              = { "443/HTTPS" = local.https }
  wait                   = false
  reuse                  = { load_balancer_id = "alb-b", listener_force_override = true }
}

# V20: Load Balancer Replaced
resource "ackone_alb_gateway" "public" {
  name                   = "public"
  remote_clusters        = var.member_cluster_ids
  address_allocated_mode = "Fixed"
  zone_mappings          = local.zones
  listeners              = { "8001/HTTP" = {} }
  wait                   = false
  address_type           = "Intranet"
}

# V24: Timer Needs a Raised Quota
resource "ackone_alb_gateway" "v24" {
  name                   = "v24"
  remote_clusters        = var.member_cluster_ids
  address_allocated_mode = "Fixed"
  zone_mappings          = local.zones
  listeners              = { "443/HTTPS" = merge(local.https, { idle_timeout = 700 }) }
  wait                   = false
}

# V30: HTTP/2 Set Explicitly
resource "ackone_alb_gateway" "v30" {
  name                   = "v30"
  remote_clusters        = var.member_cluster_ids
  address_allocated_mode = "Fixed"
  zone_mappings          = local.zones
  listeners              = { "443/HTTPS" = merge(local.https, { http2_enabled = true }) }
  wait                   = false
}

# V44: Listener Still Used
# V31: HTTP/2 Needed by gRPC
resource "ackone_alb_gateway" "demo" {
  name                   = "demo"
  remote_clusters        = var.member_cluster_ids
  address_allocated_mode = "Fixed"
  zone_mappings          = local.zones
  listeners              = { "443/HTTPS" = local.https, "9443/HTTPS" = merge(local.https, { http2_enabled = false, certificates = [{ certificate_id = "1234567-cn-hangzhou" }] }) }
  wait                   = false
  ingress_class_name     = "alb"
}

# V37: Unusual Cluster ID
resource "ackone_alb_gateway" "v37" {
  name                   = "v37"
  remote_clusters        = concat(tolist(var.member_cluster_ids), ["cluster-3"])
  address_allocated_mode = "Fixed"
  zone_mappings          = local.zones
  listeners              = { "443/HTTPS" = local.https }
  wait                   = false
}

# V38: Single Member Cluster
resource "ackone_alb_gateway" "v38" {
  name                   = "v38"
  remote_clusters        = [tolist(var.member_cluster_ids)[0]]
  address_allocated_mode = "Fixed"
  zone_mappings          = local.zones
  listeners              = { "443/HTTPS" = local.https }
  wait                   = false
}

# V43: Listener Not Declared
resource "ackone_grpc_ingress" "v43" {
  namespace          = ackone_namespace.demo.name
  name               = "v43"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["7443/HTTPS"]
  rules              = [{ host = "grpc.example.com", paths = [{ path = "/v43/", service_name = "grpc-service", service_port = 50051 }] }]
  tls                = local.tls
  wait               = false
}

# V50: Path May Match No gRPC Method
resource "ackone_grpc_ingress" "v50" {
  namespace          = ackone_namespace.demo.name
  name               = "v50"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "grpc.example.com", paths = [{ path = "/v50", path_type = "ImplementationSpecific", service_name = "grpc-service", service_port = 50051 }] }]
  tls                = local.tls
  wait               = false
}

# V51: Redirect Without Listener
resource "ackone_grpc_ingress" "v51" {
  namespace          = ackone_namespace.demo.name
  name               = "v51"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "grpc.example.com", paths = [{ path = "/v51/", service_name = "grpc-service", service_port = 50051 }] }]
  tls                = local.tls
  wait               = false
  ssl_redirect       = true
}

# V52: TLS Secret Missing
resource "ackone_grpc_ingress" "v52" {
  namespace          = ackone_namespace.demo.name
  name               = "v52"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "grpc.example.com", paths = [{ path = "/v52/", service_name = "grpc-service", service_port = 50051 }] }]
  tls                = [{ hosts = ["grpc.example.com"], secret_name = "nowhere" }]
  wait               = false
}

# V53: Host Not in Certificate
resource "ackone_grpc_ingress" "v53" {
  namespace          = ackone_namespace.demo.name
  name               = "v53"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "v53.example.com", paths = local.services }]
  tls                = [{ hosts = ["v53.example.com"], secret_name = ackone_tls_secret.grpc.name }]
  wait               = false
}

# V56: Listener Without Certificate
resource "ackone_alb_gateway" "bare" {
  name                   = "bare"
  remote_clusters        = var.member_cluster_ids
  address_allocated_mode = "Fixed"
  zone_mappings          = local.zones
  listeners              = { "443/HTTPS" = merge(local.https, { description = "still without" }) }
  wait                   = false
}

# V57: Certificate Discovery Switched Off
resource "ackone_grpc_ingress" "v57" {
  namespace          = ackone_namespace.demo.name
  name               = "v57"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["9443/HTTPS"]
  rules              = [{ host = "grpc.example.com", paths = [{ path = "/v57/", service_name = "grpc-service", service_port = 50051 }] }]
  tls                = [{ hosts = ["grpc.example.com"] }]
  wait               = false
}

# V59: Order Taken
resource "ackone_grpc_ingress" "v59" {
  namespace          = ackone_namespace.demo.name
  name               = "v59"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "grpc.example.com", paths = [{ path = "/v59/", service_name = "grpc-service", service_port = 50051 }] }]
  tls                = local.tls
  wait               = false
  order              = 5
}

# V66: Canary Without Twin
resource "ackone_grpc_ingress" "v66" {
  namespace          = ackone_namespace.demo.name
  name               = "v66"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "grpc.example.com", paths = [{ path = "/v66/", service_name = "grpc-service", service_port = 50051 }] }]
  tls                = local.tls
  wait               = false
  canary             = { weight = 10 }
}

# V70: Health Check gRPC Servers Fail
resource "ackone_grpc_ingress" "v70" {
  namespace          = ackone_namespace.demo.name
  name               = "v70"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "grpc.example.com", paths = [{ path = "/v70/", service_name = "grpc-service", service_port = 50051 }] }]
  tls                = local.tls
  wait               = false
  health_check       = { protocol = "HTTP" }
}

# V74: Annotation Nobody Reads
resource "ackone_grpc_ingress" "v74" {
  namespace          = ackone_namespace.demo.name
  name               = "v74"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "grpc.example.com", paths = [{ path = "/v74/", service_name = "grpc-service", service_port = 50051 }] }]
  tls                = local.tls
  wait               = false
  extra_annotations  = { "alb.ingress.kubernetes.io/no-such-setting" = "x" }
}

# V75: Server Group Name Too Long
resource "ackone_grpc_ingress" "v75" {
  namespace          = "a${join("", [for i in range(60) : "b"])}"
  name               = "v75"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "v75.example.com", paths = [{ service_name = "c${join("", [for i in range(61) : "d"])}", service_port = 50051 }] }]
  tls                = [{ hosts = ["v75.example.com"], secret_name = "grpc-secret" }]
  wait               = false
}

# V76: Too Many Forwarding Rules
resource "ackone_grpc_ingress" "v76" {
  namespace          = ackone_namespace.demo.name
  name               = "v76"
  ingress_class_name = ackone_alb_gateway.full.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "grpc.example.com", paths = [for i in range(101) : { path = "/v76.S${i}/", service_name = "grpc-service", service_port = 50051 }] }]
  tls                = local.tls
  wait               = false
}

# V78: Route Declared Twice
resource "ackone_grpc_ingress" "v78" {
  namespace          = ackone_namespace.demo.name
  name               = "v78"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "first.example.com", paths = local.services }]
  tls                = [{ hosts = ["first.example.com"], secret_name = ackone_tls_secret.grpc.name }]
  wait               = false
}

# V79: Route Shadowed
resource "ackone_grpc_ingress" "v79" {
  namespace          = ackone_namespace.demo.name
  name               = "v79"
  ingress_class_name = ackone_alb_gateway.quiet.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [{ paths = local.services }]
  tls                = local.tls
  wait               = false
  order              = 1
}

# V80: Old TLS Versions Accepted
resource "ackone_alb_gateway" "v80" {
  name                   = "v80"
  remote_clusters        = var.member_cluster_ids
  address_allocated_mode = "Fixed"
  zone_mappings          = local.zones
  listeners              = { "443/HTTPS" = {} }
  wait                   = false
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

# V46: Protocol of a Live Ingress Cannot Change
# V73: Default Backend Routes Nothing
import {
  to = ackone_grpc_ingress.imported
  id = "gateway-demo/imported"
}

resource "ackone_grpc_ingress" "imported" {
  namespace          = "gateway-demo"
  name               = "imported"
  ingress_class_name = "alb"
  listen_ports       = ["443/HTTPS"]
  wait               = false
  rules              = [{ host = "grpc.example.com", paths = [{ path = "/imported/", service_name = "grpc-service", service_port = 50051 }] }]
  tls                = local.tls
}
