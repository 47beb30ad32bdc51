import {
  to = ackone_fleet_cluster_association.member["c4567890abcdef4567890abcdef456789"]
  id = "c0123456789abcdef0123456789abcdef:c4567890abcdef4567890abcdef456789"
}
