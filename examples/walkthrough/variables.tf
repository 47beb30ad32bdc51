variable "fleet_id" {
  description = "ID of the ACK One Fleet instance."
  type        = string
}

variable "member_cluster_ids" {
  description = "IDs of the ACK clusters, in the Fleet's VPC, that run the gRPC service."
  type        = set(string)
}

variable "vswitch_ids" {
  description = "Two vSwitches of the Fleet's VPC, in different zones."
  type        = list(string)

  validation {
    condition     = length(var.vswitch_ids) == 2
    error_message = "An ALB instance needs two vSwitches in different zones."
  }
}

variable "host" {
  description = "Domain name of the certificate, and the authority that gRPC clients use."
  type        = string
  default     = "grpc.example.com"
}

variable "gateway_port" {
  description = "Port at which clients reach the HTTPS listener. Only the sandbox, where 443 may be taken, needs another one."
  type        = number
  default     = 443
}
