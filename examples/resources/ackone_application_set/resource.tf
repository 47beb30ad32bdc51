# Step 2 of the walkthrough: deploy the gRPC service to every member.
resource "ackone_application_set" "grpc" {
  name             = "appset-grpc-demo"
  application_name = "{{.metadata.annotations.cluster_name}}-grpc"

  source = {
    repo_url        = "https://github.com/ivan-cai/gitops-demo.git"
    path            = "manifests/directory/grpc"
    target_revision = "main"
  }

  destination = {
    namespace = "gateway-demo"
  }

  sync_policy = {
    automated    = {}
    sync_options = ["CreateNamespace=true"]
  }

  # Members are associated before, and are no longer expected before they leave the Fleet.
  expected_cluster_ids = [for member in ackone_fleet_cluster_association.member : member.cluster_id]
}
