variable "member_cluster_ids" {
  type = set(string)
}

resource "ackone_fleet_cluster_association" "member" {
  for_each = var.member_cluster_ids

  cluster_id = each.value

  # A member leaves the gateway before it leaves the Fleet.
  lifecycle {
    create_before_destroy = true
  }
}
