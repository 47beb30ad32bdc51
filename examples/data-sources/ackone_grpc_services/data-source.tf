# In a check block a failed proof is a warning, and it is made again in every plan.
check "grpc_answers" {
  data "ackone_grpc_services" "demo" {
    host          = ackone_grpc_ingress.demo.address
    authority     = "grpc.example.com"
    pinned_sha256 = ackone_tls_secret.grpc.fingerprint_sha256
  }

  assert {
    condition     = contains(data.ackone_grpc_services.demo.services, "helloworld.Greeter")
    error_message = "helloworld.Greeter is not among the services."
  }
}
