# The ID is the name: rules with its mark are looked for behind the Fleet's members.
terraform import ackone_backend_access.demo ackone-gateway-demo
# Where the provider names no Fleet, it is <name>:<cluster IDs>:<vSwitch IDs and ranges>.
terraform import ackone_backend_access.demo \
  ackone-gateway-demo:c0123456789abcdef0123456789abcdef,c4567890abcdef4567890abcdef456789:vsw-1,vsw-2
