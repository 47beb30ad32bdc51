import {
  to = ackone_tls_secret.demo
  id = "gateway-demo/grpc-secret"
}
