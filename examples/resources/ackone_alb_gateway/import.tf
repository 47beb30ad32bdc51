import {
  to = ackone_alb_gateway.demo
  id = "ackone-gateway-demo"
}
