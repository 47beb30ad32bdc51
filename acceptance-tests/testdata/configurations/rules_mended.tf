# `rules_broken_alone.tf`, mended block by block, with what it needs around it. Nothing is waited for: some of the gateways
# name load balancers and certificates that are nowhere.

locals {
  members  = var.member_cluster_ids
  zones    = [for id in var.vswitch_ids : { vswitch_id = id }]
  https    = { "443/HTTPS" = { security_policy_id = "tls_cipher_policy_1_2" } }
  services = [{ service_name = "grpc-service", service_port = 50051 }]
  names    = ["v41", "v42", "v45", "v47", "v48", "v49", "v50", "v55", "v58", "v60", "v61", "v62", "v63", "v64", "v65", "v66", "v67", "v68", "v69", "v71", "v72"]
  hosts    = [for name in local.names : "${name}.example.com"]
  rules    = { for name in local.names : name => [{ host = "${name}.example.com", paths = local.services }] }
  tls      = { for name in local.names : name => [{ hosts = ["${name}.example.com"], secret_name = ackone_tls_secret.grpc.name }] }
}

resource "ackone_namespace" "demo" {
  name = "gateway-demo"
}

resource "ackone_tls_secret" "grpc" {
  namespace = ackone_namespace.demo.name
  name      = "grpc-secret"

  self_signed = {
    common_name   = "example.com"
    dns_names     = local.hosts
    key_algorithm = "ECDSA_P256"
  }
}

resource "ackone_alb_gateway" "demo" {
  name                   = "demo"
  ingress_class_name     = "alb"
  remote_clusters        = local.members
  address_allocated_mode = "Fixed"
  zone_mappings          = local.zones
  listeners              = local.https
  wait                   = false
}

resource "ackone_alb_gateway" "v01" {
  name                   = "v01"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners              = local.https
  extra_spec             = jsonencode({ config = { crossZoneEnabled = true } })
  wait                   = false
}

resource "ackone_alb_gateway" "v02" {
  name                   = "v02"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners              = local.https
  wait                   = false
}

resource "ackone_alb_gateway" "v03" {
  name                   = "v03"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners              = local.https
  wait                   = false
}

resource "ackone_alb_gateway" "v04" {
  name                   = "v04"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners              = local.https
  wait                   = false
}

resource "ackone_alb_gateway" "v05" {
  name                   = "v05"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners              = local.https
  wait                   = false
}

resource "ackone_alb_gateway" "v06" {
  name                   = "v06"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  address_type           = "Internet"
  zone_mappings          = local.zones
  listeners              = local.https
  wait                   = false
}

resource "ackone_alb_gateway" "v07" {
  name                   = "v07"
  remote_clusters        = local.members
  address_allocated_mode = "Fixed"
  zone_mappings          = local.zones
  listeners              = local.https
  wait                   = false
}

resource "ackone_alb_gateway" "v08" {
  name                   = "v08"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  address_ip_version     = "IPv4"
  zone_mappings          = local.zones
  listeners              = local.https
  wait                   = false
}

resource "ackone_alb_gateway" "v09" {
  name                   = "v09"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  edition                = "StandardWithWaf"
  zone_mappings          = local.zones
  listeners              = local.https
  wait                   = false
}

resource "ackone_alb_gateway" "v11" {
  name                   = "v11"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  pay_type               = "PostPay"
  zone_mappings          = local.zones
  listeners              = local.https
  wait                   = false
}

resource "ackone_alb_gateway" "v12" {
  name                   = "v12"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  address_type           = "Internet"
  bandwidth_package_id   = "cbwp-a"
  zone_mappings          = local.zones
  listeners              = local.https
  wait                   = false
}

resource "ackone_alb_gateway" "v13" {
  name                   = "v13"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners              = local.https
  access_log             = { project = "gateway-logs", store = "alb_requests" }
  wait                   = false
}

resource "ackone_alb_gateway" "v14" {
  name                   = "v14"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners              = local.https
  access_log             = { project = "gateway-logs", store = "alb_requests" }
  wait                   = false
}

resource "ackone_alb_gateway" "v15" {
  name                   = "v15"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners              = local.https
  tags                   = { team = "edge", x = "y" }
  wait                   = false
}

resource "ackone_alb_gateway" "v17" {
  name                   = "v17"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners              = local.https
  reuse                  = { load_balancer_id = "alb-a", force_override = false }
  wait                   = false
}

resource "ackone_alb_gateway" "v18" {
  name                   = "v18"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  listeners              = local.https
  reuse                  = { load_balancer_id = "alb-b" }
  wait                   = false
}

resource "ackone_alb_gateway" "v19" {
  name                   = "v19"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners = {
    "443/HTTPS" = merge(local.https["443/HTTPS"], { acl = { type = "White", entries = ["10.0.0.0/8"] } })
  }
  wait = false
}

resource "ackone_alb_gateway" "v21" {
  name                   = "v21"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners              = local.https
  wait                   = false
}

resource "ackone_alb_gateway" "v22" {
  name                   = "v22"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners              = local.https
  wait                   = false
}

resource "ackone_alb_gateway" "v23" {
  name                   = "v23"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners              = merge(local.https, { "80/HTTP" = {} })
  wait                   = false
}

resource "ackone_alb_gateway" "v24" {
  name                   = "v24"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners              = { "443/HTTPS" = merge(local.https["443/HTTPS"], { idle_timeout = 60, request_timeout = 600 }) }
  wait                   = false
}

resource "ackone_alb_gateway" "v25" {
  name                   = "v25"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners              = { "8001/HTTP" = { description = "plain" } }
  wait                   = false
}

resource "ackone_alb_gateway" "v27" {
  name                   = "v27"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners              = { "443/HTTPS" = merge(local.https["443/HTTPS"], { certificates = [{ certificate_id = "1234567-cn-hangzhou" }] }) }
  wait                   = false
}

resource "ackone_alb_gateway" "v28" {
  name                   = "v28"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners = {
    "443/HTTPS" = merge(local.https["443/HTTPS"], {
      certificates = [
        { certificate_id = "1-cn-hangzhou", default = true },
        { certificate_id = "2-cn-hangzhou" },
      ]
    })
  }
  wait = false
}

resource "ackone_alb_gateway" "v29" {
  name                   = "v29"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners              = { "443/HTTPS" = merge(local.https["443/HTTPS"], { ca_enabled = true, ca_certificates = ["3-cn-hangzhou"] }) }
  wait                   = false
}

resource "ackone_alb_gateway" "v32" {
  name                   = "v32"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners              = { "443/HTTPS" = { security_policy_id = "tls_cipher_policy_1_2_strict" } }
  wait                   = false
}

resource "ackone_alb_gateway" "v33" {
  name                   = "v33"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners = {
    "443/HTTPS" = merge(local.https["443/HTTPS"], { acl = { type = "White", entries = ["10.0.0.0/8"] } })
  }
  wait = false
}

resource "ackone_alb_gateway" "v34" {
  name                   = "v34"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners              = { "443/HTTPS" = merge(local.https["443/HTTPS"], { x_forwarded_for = { client_source_ips_enabled = true, client_source_ips_trusted = ["192.168.0.0/16"] } }) }
  wait                   = false
}

resource "ackone_alb_gateway" "v35" {
  name                   = "v35"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  access_log             = { project = "gateway-logs", store = "alb_requests" }
  listeners              = { "443/HTTPS" = merge(local.https["443/HTTPS"], { log = { tracing = { enabled = true, type = "Zipkin", sample = 2000 } } }) }
  wait                   = false
}

resource "ackone_alb_gateway" "v36" {
  name                   = "v36"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  access_log             = { project = "gateway-logs", store = "alb_requests" }
  listeners              = { "443/HTTPS" = merge(local.https["443/HTTPS"], { log = { custom_headers_enabled = true } }) }
  wait                   = false
}

resource "ackone_alb_gateway" "v37" {
  name                   = "v37"
  address_allocated_mode = "Fixed"
  remote_clusters        = local.members
  zone_mappings          = local.zones
  listeners              = local.https
  wait                   = false
}

resource "ackone_grpc_ingress" "v41" {
  namespace          = ackone_namespace.demo.name
  name               = "v41"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules["v41"]
  tls                = local.tls["v41"]
  annotations        = { "example.com/owner" = "edge" }
  wait               = false
}

resource "ackone_grpc_ingress" "v42" {
  namespace          = ackone_namespace.demo.name
  name               = "v42"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules["v42"]
  tls                = local.tls["v42"]
  wait               = false
}

resource "ackone_grpc_ingress" "v45" {
  namespace          = ackone_namespace.demo.name
  name               = "v45"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules["v45"]
  tls                = local.tls["v45"]
  wait               = false
}

resource "ackone_grpc_ingress" "v47" {
  namespace          = ackone_namespace.demo.name
  name               = "v47"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules["v47"]
  tls                = local.tls["v47"]
  wait               = false
}

resource "ackone_grpc_ingress" "v48" {
  namespace          = ackone_namespace.demo.name
  name               = "v48"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules["v48"]
  tls                = local.tls["v48"]
  wait               = false
}

resource "ackone_grpc_ingress" "v49" {
  namespace          = ackone_namespace.demo.name
  name               = "v49"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules["v49"]
  tls                = local.tls["v49"]
  wait               = false
}

resource "ackone_grpc_ingress" "v50" {
  namespace          = ackone_namespace.demo.name
  name               = "v50"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "v50.example.com", paths = [{ path = "/a.B/C", path_type = "Exact", service_name = "a", service_port = 1 }] }]
  tls                = local.tls["v50"]
  wait               = false
}

resource "ackone_grpc_ingress" "v55" {
  namespace          = ackone_namespace.demo.name
  name               = "v55"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "v55.example.com", paths = local.services }]
  tls                = local.tls["v55"]
  wait               = false
}

resource "ackone_grpc_ingress" "v58" {
  namespace          = ackone_namespace.demo.name
  name               = "v58"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules["v58"]
  tls                = local.tls["v58"]
  order              = 1000
  wait               = false
}

resource "ackone_grpc_ingress" "v60" {
  namespace          = ackone_namespace.demo.name
  name               = "v60"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "v60.example.com", paths = [{ path = "/a.B/", service_name = "a", service_port = 1 }] }]
  tls                = local.tls["v60"]
  wait               = false
}

resource "ackone_grpc_ingress" "v61" {
  namespace          = ackone_namespace.demo.name
  name               = "v61"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  use_regex          = true
  rules              = [{ host = "v61.example.com", paths = [{ path = "/a.B/C", service_name = "a", service_port = 1 }] }]
  tls                = local.tls["v61"]
  wait               = false
}

resource "ackone_grpc_ingress" "v62" {
  namespace          = ackone_namespace.demo.name
  name               = "v62"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "v62.example.com", paths = [{ path = "/a.b/", service_name = "a", service_port = 1 }] }]
  tls                = local.tls["v62"]
  wait               = false
}

resource "ackone_grpc_ingress" "v63" {
  namespace          = ackone_namespace.demo.name
  name               = "v63"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "v63.example.com", paths = [{ service_name = "a", service_port = 1 }] }]
  tls                = local.tls["v63"]
  wait               = false
}

resource "ackone_grpc_ingress" "v64" {
  namespace          = ackone_namespace.demo.name
  name               = "v64"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "v64.example.com", paths = [{ service_name = "a" }] }]
  tls                = local.tls["v64"]
  custom_routing     = { a = { actions = [{ fixed_response = { content_type = "text/plain" } }] } }
  wait               = false
}

resource "ackone_grpc_ingress" "v65" {
  namespace          = ackone_namespace.demo.name
  name               = "v65"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules["v65"]
  tls                = local.tls["v65"]
  custom_routing = {
    grpc-service = { conditions = [{ source_ips = [for i in range(5) : "10.${i}.0.0/16"] }] }
  }
  wait = false
}

resource "ackone_grpc_ingress" "v66" {
  namespace          = ackone_namespace.demo.name
  name               = "v66"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules["v66"]
  tls                = local.tls["v66"]
  custom_routing     = { grpc-service = { conditions = [{ header = { key = "stage", values = ["gray"] } }] } }
  wait               = false
}

resource "ackone_grpc_ingress" "v67" {
  namespace          = ackone_namespace.demo.name
  name               = "v67"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules["v67"]
  tls                = local.tls["v67"]
  load_balancing     = { scheduler = "wrr" }
  wait               = false
}

resource "ackone_grpc_ingress" "v68" {
  namespace          = ackone_namespace.demo.name
  name               = "v68"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules["v68"]
  tls                = local.tls["v68"]
  load_balancing     = { sticky_session = { type = "Server", cookie = "session" } }
  wait               = false
}

resource "ackone_grpc_ingress" "v69" {
  namespace          = ackone_namespace.demo.name
  name               = "v69"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules["v69"]
  tls                = local.tls["v69"]
  health_check       = { protocol = "GRPC", path = "/grpc.health.v1.Health/Check", method = "POST", codes = ["0", "12"], timeout = 5, interval = 2 }
  wait               = false
}

resource "ackone_grpc_ingress" "v71" {
  namespace          = ackone_namespace.demo.name
  name               = "v71"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules["v71"]
  tls                = local.tls["v71"]
  rate_limit         = { qps = 10, qps_per_ip = 5 }
  wait               = false
}

resource "ackone_grpc_ingress" "v72" {
  namespace          = ackone_namespace.demo.name
  name               = "v72"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules["v72"]
  tls                = local.tls["v72"]
  cors               = { max_age = 172800 }
  wait               = false
}
