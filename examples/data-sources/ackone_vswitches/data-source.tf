data "ackone_fleet" "current" {}

data "ackone_vswitches" "of_the_fleet" {
  vpc_id = data.ackone_fleet.current.vpc_id
}

locals {
  # In each zone the one with the most free addresses.
  by_zone = {
    for zone in data.ackone_vswitches.of_the_fleet.zones : zone => [
      for vswitch in data.ackone_vswitches.of_the_fleet.vswitches : vswitch if vswitch.zone_id == zone
    ]
  }
  roomiest = {
    for zone, vswitches in local.by_zone : zone => [
      for vswitch in vswitches : vswitch.vswitch_id
      if vswitch.available_addresses == max(vswitches[*].available_addresses...)
    ][0]
  }
}

output "zone_mappings" {
  value = [for id in values(local.roomiest) : { vswitch_id = id }]
}
