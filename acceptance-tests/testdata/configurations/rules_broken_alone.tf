# Every rule that a configuration alone can break, one block each. The comment above a block names the rule and what
# `terraform validate` must say there.

locals {
  members  = ["c11111111111111111111111111111111", "c22222222222222222222222222222222"]
  zones    = [{ vswitch_id = "vsw-a" }, { vswitch_id = "vsw-b" }]
  https    = { "443/HTTPS" = { security_policy_id = "tls_cipher_policy_1_2" } }
  services = [{ service_name = "grpc-service", service_port = 50051 }]
  rules    = [{ host = "grpc.example.com", paths = local.services }]
  tls      = [{ hosts = ["grpc.example.com"], secret_name = "grpc-secret" }]
}

# V01: Invalid Extra Field
resource "ackone_alb_gateway" "v01" {
  name            = "v01"
  remote_clusters = local.members
  zone_mappings   = local.zones
  listeners       = local.https
  extra_spec      = jsonencode({ config = null })
}

# V02: Reserved Gateway Name
resource "ackone_alb_gateway" "v02" {
  name            = "aliyun-v02"
  remote_clusters = local.members
  zone_mappings   = local.zones
  listeners       = local.https
}

# V03: Duplicate Zone Mapping
resource "ackone_alb_gateway" "v03" {
  name            = "v03"
  remote_clusters = local.members
  zone_mappings   = [{ vswitch_id = "vsw-a" }, { vswitch_id = "vsw-a" }]
  listeners       = local.https
}

# V04: Invalid vSwitch ID
resource "ackone_alb_gateway" "v04" {
  name            = "v04"
  remote_clusters = local.members
  zone_mappings   = [{ vswitch_id = "vpc-a" }, { vswitch_id = "vsw-b" }]
  listeners       = local.https
}

# V05: Duplicate Zone Mapping
resource "ackone_alb_gateway" "v05" {
  name            = "v05"
  remote_clusters = local.members
  zone_mappings = [
    { vswitch_id = "vsw-a", zone_id = "cn-hangzhou-h" },
    { vswitch_id = "vsw-b", zone_id = "cn-hangzhou-h" },
  ]
  listeners = local.https
}

# V06: Invalid Address Type
resource "ackone_alb_gateway" "v06" {
  name            = "v06"
  remote_clusters = local.members
  address_type    = "internet"
  zone_mappings   = local.zones
  listeners       = local.https
}

# V07: Invalid Address Mode
resource "ackone_alb_gateway" "v07" {
  name                   = "v07"
  remote_clusters        = local.members
  address_allocated_mode = "Static"
  zone_mappings          = local.zones
  listeners              = local.https
}

# V08: Invalid Address Version
resource "ackone_alb_gateway" "v08" {
  name               = "v08"
  remote_clusters    = local.members
  address_ip_version = "IPv6"
  zone_mappings      = local.zones
  listeners          = local.https
}

# V09: Invalid Edition
resource "ackone_alb_gateway" "v09" {
  name            = "v09"
  remote_clusters = local.members
  edition         = "Basic"
  zone_mappings   = local.zones
  listeners       = local.https
}

# V11: Invalid Pay Type
resource "ackone_alb_gateway" "v11" {
  name            = "v11"
  remote_clusters = local.members
  pay_type        = "PrePay"
  zone_mappings   = local.zones
  listeners       = local.https
}

# V12: Bandwidth Package Needs Public Addresses
resource "ackone_alb_gateway" "v12" {
  name                 = "v12"
  remote_clusters      = local.members
  address_type         = "Intranet"
  bandwidth_package_id = "cbwp-a"
  zone_mappings        = local.zones
  listeners            = local.https
}

# V13: Invalid Access Log
resource "ackone_alb_gateway" "v13" {
  name            = "v13"
  remote_clusters = local.members
  zone_mappings   = local.zones
  listeners       = local.https
  access_log      = { project = "abc", store = "alb_requests" }
}

# V14: Invalid Logstore Name
resource "ackone_alb_gateway" "v14" {
  name            = "v14"
  remote_clusters = local.members
  zone_mappings   = local.zones
  listeners       = local.https
  access_log      = { project = "gateway-logs", store = "requests" }
}

# V15: Invalid Tag Key
resource "ackone_alb_gateway" "v15" {
  name            = "v15"
  remote_clusters = local.members
  zone_mappings   = local.zones
  listeners       = local.https
  tags            = { "acs:team" = "edge", "aliyun.x" = "y" }
}

# V17: Nothing to Override
resource "ackone_alb_gateway" "v17" {
  name            = "v17"
  remote_clusters = local.members
  zone_mappings   = local.zones
  listeners       = local.https
  reuse           = { force_override = true }
}

# V18: Invalid Load Balancer ID
resource "ackone_alb_gateway" "v18" {
  name            = "v18"
  remote_clusters = local.members
  listeners       = local.https
  reuse           = { load_balancer_id = "lb-a" }
}

# V19: Access Control List and Security Groups
resource "ackone_alb_gateway" "v19" {
  name            = "v19"
  remote_clusters = local.members
  zone_mappings   = local.zones
  listeners = {
    "443/HTTPS" = { acl = { type = "White", entries = ["10.0.0.0/8"] } }
  }
  extra_spec = jsonencode({ config = { securityGroupIds = ["sg-a"] } })
}

# V21: Invalid Listener Port
resource "ackone_alb_gateway" "v21" {
  name            = "v21"
  remote_clusters = local.members
  zone_mappings   = local.zones
  listeners       = { "70000/HTTPS" = {}, "0/HTTPS" = {} }
}

# V22: Invalid Listener
resource "ackone_alb_gateway" "v22" {
  name            = "v22"
  remote_clusters = local.members
  zone_mappings   = local.zones
  listeners       = { "443/https" = {} }
}

# V23: Listeners on One Port
resource "ackone_alb_gateway" "v23" {
  name            = "v23"
  remote_clusters = local.members
  zone_mappings   = local.zones
  listeners       = { "443/HTTPS" = {}, "443/HTTP" = {} }
}

# V24: Invalid Listener Timer
resource "ackone_alb_gateway" "v24" {
  name            = "v24"
  remote_clusters = local.members
  zone_mappings   = local.zones
  listeners       = { "443/HTTPS" = { idle_timeout = 0, request_timeout = 3601 } }
}

# V25: Setting Needs a TLS Listener
resource "ackone_alb_gateway" "v25" {
  name            = "v25"
  remote_clusters = local.members
  zone_mappings   = local.zones
  listeners       = { "8001/HTTP" = { security_policy_id = "tls_cipher_policy_1_2", http2_enabled = true } }
}

# V27: Invalid Certificate ID
resource "ackone_alb_gateway" "v27" {
  name            = "v27"
  remote_clusters = local.members
  zone_mappings   = local.zones
  listeners       = { "443/HTTPS" = { certificates = [{ certificate_id = "1234567" }] } }
}

# V28: Several Default Certificates
resource "ackone_alb_gateway" "v28" {
  name            = "v28"
  remote_clusters = local.members
  zone_mappings   = local.zones
  listeners = {
    "443/HTTPS" = {
      certificates = [
        { certificate_id = "1-cn-hangzhou", default = true },
        { certificate_id = "2-cn-hangzhou", default = true },
      ]
    }
  }
}

# V29: Mutual TLS Without Authorities
resource "ackone_alb_gateway" "v29" {
  name            = "v29"
  remote_clusters = local.members
  zone_mappings   = local.zones
  listeners       = { "443/HTTPS" = { ca_enabled = true } }
}

# V32: Unknown TLS Policy
resource "ackone_alb_gateway" "v32" {
  name            = "v32"
  remote_clusters = local.members
  zone_mappings   = local.zones
  listeners       = { "443/HTTPS" = { security_policy_id = "tls_cipher_policy_1_4" } }
}

# V33: Invalid ACL Type
resource "ackone_alb_gateway" "v33" {
  name            = "v33"
  remote_clusters = local.members
  zone_mappings   = local.zones
  listeners = {
    "443/HTTPS" = { acl = { type = "Allow", entries = ["10.0.0.1/8"], ids = ["acl-a"] } }
  }
}

# V34: No Trusted Proxies
resource "ackone_alb_gateway" "v34" {
  name            = "v34"
  remote_clusters = local.members
  zone_mappings   = local.zones
  listeners       = { "443/HTTPS" = { x_forwarded_for = { client_source_ips_enabled = true } } }
}

# V35: Invalid Tracing Sample
resource "ackone_alb_gateway" "v35" {
  name            = "v35"
  remote_clusters = local.members
  zone_mappings   = local.zones
  access_log      = { project = "gateway-logs", store = "alb_requests" }
  listeners       = { "443/HTTPS" = { log = { tracing = { enabled = true, sample = 20000 } } } }
}

# V36: Logging Without a Log
resource "ackone_alb_gateway" "v36" {
  name            = "v36"
  remote_clusters = local.members
  zone_mappings   = local.zones
  listeners       = { "443/HTTPS" = { log = { custom_headers_enabled = true } } }
}

# V37: Invalid Cluster ID
resource "ackone_alb_gateway" "v37" {
  name            = "v37"
  remote_clusters = ["c11111111111111111111111111111111,c22222222222222222222222222222222"]
  zone_mappings   = local.zones
  listeners       = local.https
}

# V41: Obsolete Class Annotation
resource "ackone_grpc_ingress" "v41" {
  namespace          = "gateway-demo"
  name               = "v41"
  ingress_class_name = "alb"
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules
  tls                = local.tls
  annotations        = { "kubernetes.io/ingress.class" = "alb" }
}

# V42: No Listen Ports
resource "ackone_grpc_ingress" "v42" {
  namespace          = "gateway-demo"
  name               = "v42"
  ingress_class_name = "alb"
  listen_ports       = []
  rules              = local.rules
  tls                = local.tls
}

# V45: Annotation Has an Attribute
resource "ackone_grpc_ingress" "v45" {
  namespace          = "gateway-demo"
  name               = "v45"
  ingress_class_name = "alb"
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules
  tls                = local.tls
  extra_annotations  = { "alb.ingress.kubernetes.io/backend-protocol" = "GRPC" }
}

# V47: No TLS Entry
# V55: Hosts Rely on Certificate Discovery
resource "ackone_grpc_ingress" "v47" {
  namespace          = "gateway-demo"
  name               = "v47"
  ingress_class_name = "alb"
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules
  tls                = []
}

# V48: Listener Cannot Carry gRPC
resource "ackone_grpc_ingress" "v48" {
  namespace          = "gateway-demo"
  name               = "v48"
  ingress_class_name = "alb"
  listen_ports       = ["8001/HTTP"]
  rules              = local.rules
  tls                = local.tls
}

# V49: Listener Cannot Carry gRPC
resource "ackone_grpc_ingress" "v49" {
  namespace          = "gateway-demo"
  name               = "v49"
  ingress_class_name = "alb"
  listen_ports       = ["443/QUIC"]
  rules              = local.rules
  tls                = local.tls
}

# V50: Path Matches No gRPC Method
resource "ackone_grpc_ingress" "v50" {
  namespace          = "gateway-demo"
  name               = "v50"
  ingress_class_name = "alb"
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "grpc.example.com", paths = [{ path = "/", path_type = "Exact", service_name = "a", service_port = 1 }] }]
  tls                = local.tls
}

# V55: Host Without TLS Entry
resource "ackone_grpc_ingress" "v55" {
  namespace          = "gateway-demo"
  name               = "v55"
  ingress_class_name = "alb"
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "other.example.com", paths = local.services }]
  tls                = local.tls
}

# V58: Invalid Order
resource "ackone_grpc_ingress" "v58" {
  namespace          = "gateway-demo"
  name               = "v58"
  ingress_class_name = "alb"
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules
  tls                = local.tls
  order              = 1001
}

# V60: Wildcard in Path
resource "ackone_grpc_ingress" "v60" {
  namespace          = "gateway-demo"
  name               = "v60"
  ingress_class_name = "alb"
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "grpc.example.com", paths = [{ path = "/a*", service_name = "a", service_port = 1 }] }]
  tls                = local.tls
}

# V61: Regular Expression Needs Prefix
resource "ackone_grpc_ingress" "v61" {
  namespace          = "gateway-demo"
  name               = "v61"
  ingress_class_name = "alb"
  listen_ports       = ["443/HTTPS"]
  use_regex          = true
  rules              = [{ host = "grpc.example.com", paths = [{ path = "/a.B/C", path_type = "Exact", service_name = "a", service_port = 1 }] }]
  tls                = local.tls
}

# V62: Invalid Path
resource "ackone_grpc_ingress" "v62" {
  namespace          = "gateway-demo"
  name               = "v62"
  ingress_class_name = "alb"
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "grpc.example.com", paths = [{ path = "a//b", service_name = "a", service_port = 1 }] }]
  tls                = local.tls
}

# V63: Invalid Service Port
resource "ackone_grpc_ingress" "v63" {
  namespace          = "gateway-demo"
  name               = "v63"
  ingress_class_name = "alb"
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "grpc.example.com", paths = [{ service_name = "a", service_port = 0 }] }]
  tls                = local.tls
}

# V64: Routing Without Path
resource "ackone_grpc_ingress" "v64" {
  namespace          = "gateway-demo"
  name               = "v64"
  ingress_class_name = "alb"
  listen_ports       = ["443/HTTPS"]
  rules              = [{ host = "grpc.example.com", paths = [{ service_name = "a" }] }]
  tls                = local.tls
  custom_routing     = { b = { actions = [{ fixed_response = { content_type = "text/plain" } }] } }
}

# V65: Too Many Source Networks
resource "ackone_grpc_ingress" "v65" {
  namespace          = "gateway-demo"
  name               = "v65"
  ingress_class_name = "alb"
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules
  tls                = local.tls
  custom_routing = {
    grpc-service = { conditions = [{ source_ips = [for i in range(6) : "10.${i}.0.0/16"] }] }
  }
}

# V66: Canary With Conditions
resource "ackone_grpc_ingress" "v66" {
  namespace          = "gateway-demo"
  name               = "v66"
  ingress_class_name = "alb"
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules
  tls                = local.tls
  canary             = { weight = 101 }
  custom_routing     = { grpc-service = { conditions = [{ header = { key = "stage", values = ["gray"] } }] } }
}

# V67: Invalid Scheduler
resource "ackone_grpc_ingress" "v67" {
  namespace          = "gateway-demo"
  name               = "v67"
  ingress_class_name = "alb"
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules
  tls                = local.tls
  load_balancing     = { scheduler = "WRR" }
}

# V68: Sticky Session Without Cookie
resource "ackone_grpc_ingress" "v68" {
  namespace          = "gateway-demo"
  name               = "v68"
  ingress_class_name = "alb"
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules
  tls                = local.tls
  load_balancing     = { sticky_session = { type = "Server" } }
}

# V69: Invalid Health Check
resource "ackone_grpc_ingress" "v69" {
  namespace          = "gateway-demo"
  name               = "v69"
  ingress_class_name = "alb"
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules
  tls                = local.tls
  health_check       = { protocol = "GRPC", method = "HEAD", codes = ["100"], timeout = 0, interval = 51 }
}

# V71: Invalid Rate Limit
resource "ackone_grpc_ingress" "v71" {
  namespace          = "gateway-demo"
  name               = "v71"
  ingress_class_name = "alb"
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules
  tls                = local.tls
  rate_limit         = { qps = 10, qps_per_ip = 10 }
}

# V72: Invalid CORS Setting
resource "ackone_grpc_ingress" "v72" {
  namespace          = "gateway-demo"
  name               = "v72"
  ingress_class_name = "alb"
  listen_ports       = ["443/HTTPS"]
  rules              = local.rules
  tls                = local.tls
  cors               = { max_age = 1728000 }
}
