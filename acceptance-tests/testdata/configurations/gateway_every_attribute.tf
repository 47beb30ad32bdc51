# A gateway with every attribute but `reuse`, which takes a load balancer that exists already. Entries and IDs of an access
# control list exclude each other, so there are two listeners.
resource "ackone_alb_gateway" "every" {
  name            = "every-attribute"
  remote_clusters = var.member_cluster_ids

  load_balancer_name     = "every-attribute"
  address_allocated_mode = "Fixed"
  address_ip_version     = "DualStack"
  ipv6_address_type      = "Internet"
  edition                = "StandardWithWaf"
  resource_group_id      = "rg-a"
  pay_type               = "PostPay"
  address_type           = "Internet"
  bandwidth_package_id   = "cbwp-a"

  access_log = {
    project = "gateway-logs"
    store   = "alb_access"
  }

  zone_mappings = [
    { vswitch_id = var.vswitch_ids[0], zone_id = "cn-hangzhou-h", allocation_id = "eip-a" },
    { vswitch_id = var.vswitch_ids[1], zone_id = "cn-hangzhou-i", allocation_id = "eip-b" },
  ]

  tags              = { team = "edge" }
  labels            = { team = "edge" }
  annotations       = { "example.com/team" = "edge" }
  extra_annotations = { "alb.ingress.kubernetes.io/cluster-weight.c1" = "80" }
  extra_spec        = jsonencode({ config = { newField = "a" } })

  manage_ingress_class  = true
  ingress_class_name    = "every"
  default_ingress_class = true

  adopt           = false
  ignore_users    = true
  on_wait_timeout = "error"
  wait            = true
  timeouts        = { create = "2m", read = "2m", update = "2m", delete = "2m" }

  listeners = {
    "443/HTTPS" = {
      description        = "grpc"
      idle_timeout       = 60
      request_timeout    = 120
      gzip_enabled       = true
      http2_enabled      = true
      security_policy_id = "tls_cipher_policy_1_2"

      certificates = [
        { certificate_id = "1000001-cn-hangzhou", default = true },
        { certificate_id = "1000002-cn-hangzhou", default = false },
      ]
      default_certificate = { certificate_id = "1000003-cn-hangzhou" }
      ca_enabled          = true
      ca_certificates     = ["1000004-cn-hangzhou"]

      quic = { upgrade_enabled = true, listener_id = "lsn-a" }

      x_forwarded_for = {
        enabled                           = true
        proto_enabled                     = true
        slb_id_enabled                    = true
        slb_port_enabled                  = true
        client_src_port_enabled           = true
        client_cert_subject_dn_enabled    = true
        client_cert_subject_dn_alias      = "subject"
        client_cert_issuer_dn_enabled     = true
        client_cert_issuer_dn_alias       = "issuer"
        client_cert_fingerprint_enabled   = true
        client_cert_fingerprint_alias     = "fingerprint"
        client_cert_client_verify_enabled = true
        client_cert_client_verify_alias   = "verify"
        host_enabled                      = true
        processing_mode                   = "remove"
        client_source_ips_enabled         = true
        client_source_ips_trusted         = ["10.0.0.0/8"]
      }

      log = {
        custom_headers_enabled       = true
        custom_headers_allow_disable = true
        tracing                      = { enabled = true, type = "Zipkin", sample = 100 }
      }

      acl        = { type = "White", entries = ["10.0.0.0/8"], name = "offices" }
      tags       = { purpose = "grpc" }
      extra_spec = jsonencode({ newField = "a" })
    }

    "80/HTTP" = {
      acl = { type = "White", ids = ["acl-a"] }
    }
  }
}
