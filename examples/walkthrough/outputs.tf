output "address" {
  description = "Domain name of the gateway. Point the host's CNAME record at it."
  value       = ackone_grpc_ingress.demo.address
}
