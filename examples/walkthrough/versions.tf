terraform {
  required_version = ">= 1.8"

  required_providers {
    ackone = {
      source = "ackone/ackone"
    }
  }
}
