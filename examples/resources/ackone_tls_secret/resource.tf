# A self-signed certificate, made in apply and renewed in place. Its key is only in the Secret.
resource "ackone_tls_secret" "demo" {
  namespace = "gateway-demo"
  name      = "grpc-secret"

  self_signed = {
    common_name = "grpc.example.com"
  }
}

variable "certificate_pem" {
  type = string
}

variable "private_key_pem" {
  type      = string
  ephemeral = true
}

# A certificate of your own. The key is write-only: it is in neither plan nor state.
resource "ackone_tls_secret" "own" {
  namespace = "gateway-demo"
  name      = "grpc-secret-own"

  certificate_pem    = var.certificate_pem
  private_key_pem_wo = var.private_key_pem

  # An Ingress moves to a renamed Secret before the old one goes.
  lifecycle {
    create_before_destroy = true
  }
}
