import {
  to = ackone_backend_access.demo
  id = "ackone-gateway-demo"
}
