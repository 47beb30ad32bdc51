# Says who signs the calls, and needs no permission: look here first when a call is refused.
data "ackone_caller_identity" "current" {}

output "signed_by" {
  value = "${data.ackone_caller_identity.current.arn} of account ${data.ackone_caller_identity.current.account_id}"
}
