resource "ackone_grpc_ingress" "demo" {
  namespace          = "gateway-demo"
  name               = "grpc-ingress"
  ingress_class_name = "alb" # better: ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]

  rules = [{
    host = "grpc.example.com"
    paths = [{
      path         = "/"
      path_type    = "Prefix"
      service_name = "grpc-service"
      service_port = 50051
    }]
  }]

  tls = [{
    hosts       = ["grpc.example.com"]
    secret_name = "grpc-secret" # better: ackone_tls_secret.demo.name
  }]

  # Only Pods whose gRPC health service says SERVING get calls.
  health_check = {
    protocol = "GRPC"
    path     = "/grpc.health.v1.Health/Check"
    method   = "POST"
    codes    = ["0"]
  }

  lifecycle {
    # Fails the run, and taints nothing, if the controller did not publish it in time.
    postcondition {
      condition     = self.ready != false
      error_message = "The Ingress is not published: ${coalesce(self.reason, "no reason given")}"
    }
  }
}

output "address" {
  description = "Target of a CNAME record for grpc.example.com."
  value       = ackone_grpc_ingress.demo.address
}
