variable "certificate_file" {
  description = "A bought certificate with its issuers, as PEM."
  type        = string
}

locals {
  certificate = provider::ackone::parse_certificate(file(var.certificate_file))
}

# The names that an Ingress may list under tls, and the day to be reminded of.
output "hosts" {
  value = local.certificate.dns_names
}

output "ends" {
  value = local.certificate.not_after
}

check "the_certificate_is_fit_for_a_gateway" {
  assert {
    condition     = timecmp(local.certificate.not_after, timeadd(plantimestamp(), "720h")) > 0
    error_message = "The certificate ends at ${local.certificate.not_after}, in less than 30 days."
  }

  assert {
    condition     = local.certificate.common_name != null
    error_message = "Without a common name the ALB certificate service refuses the certificate."
  }

  assert {
    condition     = local.certificate.key_algorithm != "RSA" || local.certificate.key_size >= 2048
    error_message = "The key has ${local.certificate.key_size} bits."
  }

  assert {
    condition     = alltrue([for issuer in local.certificate.chain : issuer.is_ca])
    error_message = "What follows the certificate are not its issuers."
  }
}
