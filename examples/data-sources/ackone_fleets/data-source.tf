data "ackone_fleets" "running" {
  profile = "Default"
  state   = "running"
}

output "fleets" {
  value = { for fleet in data.ackone_fleets.running.fleets : fleet.name => fleet.vpc_id }
}
