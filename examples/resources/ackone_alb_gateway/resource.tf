# Members are detached only after the gateway let go of them: the gateway takes their IDs from the associations, and
# create_before_destroy turns the order of a removal around.
resource "ackone_fleet_cluster_association" "member" {
  for_each = toset(var.member_cluster_ids)

  cluster_id = each.value

  lifecycle {
    create_before_destroy = true
  }
}

resource "ackone_alb_gateway" "demo" {
  name            = "ackone-gateway-demo"
  remote_clusters = [for member in ackone_fleet_cluster_association.member : member.cluster_id]

  load_balancer_name     = "one-alb-demo"
  address_type           = "Internet"
  address_allocated_mode = "Fixed"
  zone_mappings = [
    { vswitch_id = var.vswitch_ids[0] },
    { vswitch_id = var.vswitch_ids[1] },
  ]

  listeners = {
    "8001/HTTP" = {}
    # No certificate here: it comes with the Ingress, so this gateway is not waited for (ready is null).
    "443/HTTPS" = {
      security_policy_id = "tls_cipher_policy_1_2"
    }
  }

  ingress_class_name = "alb"
}

variable "member_cluster_ids" {
  description = "IDs of the member clusters."
  type        = list(string)
}

variable "vswitch_ids" {
  description = "Two vSwitches of the Fleet's VPC, in different zones."
  type        = list(string)
}
