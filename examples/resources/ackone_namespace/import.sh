# The ID is the name of the Namespace.
terraform import ackone_namespace.demo gateway-demo
