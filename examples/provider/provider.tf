terraform {
  required_providers {
    ackone = {
      source = "ackone/ackone"
    }
  }
}

# Credentials come from the environment or the profile file. The Fleet's API is reached with a short-lived kubeconfig that
# is fetched when needed and kept in memory only.
provider "ackone" {
  region   = "cn-hangzhou"
  fleet_id = "c0123456789abcdef0123456789abcdef"

  default_labels = {
    "app.kubernetes.io/part-of" = "grpc-gateway"
  }
}
