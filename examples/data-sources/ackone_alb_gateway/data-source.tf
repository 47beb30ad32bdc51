# A gateway that another team runs.
data "ackone_alb_gateway" "shared" {
  name = "ackone-gateway-demo"
}

output "address" {
  value = data.ackone_alb_gateway.shared.dns_name
}

output "ingress_class" {
  value = one(data.ackone_alb_gateway.shared.ingress_class_names)
}

output "ports" {
  value = keys(data.ackone_alb_gateway.shared.listeners)
}
