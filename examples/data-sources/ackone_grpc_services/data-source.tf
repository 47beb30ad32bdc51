data "ackone_grpc_services" "demo" {
  host          = ackone_grpc_ingress.demo.address
  authority     = "grpc.example.com"
  pinned_sha256 = ackone_tls_secret.grpc.fingerprint_sha256
  on_failure    = "report"
}

# A failed proof is a warning. It is made again in every plan.
check "grpc_answers" {
  assert {
    condition     = contains(data.ackone_grpc_services.demo.services, "helloworld.Greeter")
    error_message = coalesce(data.ackone_grpc_services.demo.failure, "The gateway answers, but does not show helloworld.Greeter.")
  }
}
