# The provider's own Fleet. Give fleet_id or name for another one.
data "ackone_fleet" "current" {}

output "fleet_vpc" {
  value = data.ackone_fleet.current.vpc_id
}

check "the_fleet_is_usable" {
  assert {
    condition     = data.ackone_fleet.current.state == "running"
    error_message = "The Fleet is ${data.ackone_fleet.current.state}."
  }
}
