# The ID is <namespace>/<name>.
terraform import ackone_tls_secret.demo gateway-demo/grpc-secret
