import {
  to = ackone_namespace.demo
  id = "gateway-demo"
}
