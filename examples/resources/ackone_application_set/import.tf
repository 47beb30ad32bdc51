import {
  to = ackone_application_set.grpc
  id = "argocd/appset-grpc-demo"
}
