# Every member that is associated and running, whoever associated it.
data "ackone_fleet_clusters" "usable" {
  state         = "Successed"
  cluster_state = "running"
}

output "remote_clusters" {
  value = data.ackone_fleet_clusters.usable.cluster_ids
}
