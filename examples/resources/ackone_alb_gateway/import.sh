# The import ID is the name of the AlbConfig.
terraform import ackone_alb_gateway.demo ackone-gateway-demo
