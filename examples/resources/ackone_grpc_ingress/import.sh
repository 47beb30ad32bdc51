# The import ID is namespace and name of the Ingress.
terraform import ackone_grpc_ingress.demo gateway-demo/grpc-ingress
