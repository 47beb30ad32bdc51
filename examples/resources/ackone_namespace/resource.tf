resource "ackone_namespace" "demo" {
  name = "gateway-demo"

  labels = {
    team = "edge"
  }
}
