# The import ID is namespace and name of the ApplicationSet.
terraform import ackone_application_set.grpc argocd/appset-grpc-demo
