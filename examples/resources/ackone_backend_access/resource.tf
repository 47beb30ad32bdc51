variable "vswitch_ids" {
  type = list(string)
}

# The members' security groups admit the gateway's vSwitches on all ports. Let the gateway depend on it:
# depends_on = [ackone_backend_access.demo]
resource "ackone_backend_access" "demo" {
  name        = "ackone-gateway-demo"
  cluster_ids = [for member in ackone_fleet_cluster_association.member : member.cluster_id]
  vswitch_ids = var.vswitch_ids
}
