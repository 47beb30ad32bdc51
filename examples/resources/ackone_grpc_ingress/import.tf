import {
  to = ackone_grpc_ingress.demo
  id = "gateway-demo/grpc-ingress"
}
