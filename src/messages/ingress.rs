//! Messages of `ackone_grpc_ingress`.

use super::{Message, error, warning};

pub(super) const MESSAGES: &[Message] = &[
    error(
        "No Listen Ports",
        "listen_ports",
        "The set is empty.",
        "Name the gateway's HTTPS listener, such as 443/HTTPS.",
    ),
    error(
        "Invalid Listen Port",
        "listen_ports",
        "An element is no port and protocol.",
        "Write elements such as 443/HTTPS.",
    ),
    error(
        "Listener Cannot Carry gRPC",
        "listen_ports",
        "gRPC is routed on HTTPS listeners only.",
        "Name an HTTPS listener.",
    ),
    error("No Rules", "rules", "The list is empty, so nothing is routed.", "Write a rule for each host."),
    error(
        "No Paths",
        "rules[*].paths",
        "A rule has no paths, so nothing is routed to it.",
        "Write a path with its Service.",
    ),
    error(
        "No TLS Entry",
        "tls",
        "The list is empty, and gRPC needs TLS.",
        "Name the hosts and the Secret that holds their certificate.",
    ),
    error(
        "Host Without TLS Entry",
        "rules[*].host",
        "The host stands in no tls entry, so clients are served the certificate of another host.",
        "Add it literally to hosts of a tls entry; a wildcard there does not count.",
    ),
    warning(
        "Hosts Rely on Certificate Discovery",
        "tls",
        "There is no tls entry, so the controller would look for certificates of the account that cover the hosts.",
        "List the hosts in tls with the Secret of their certificate.",
    ),
    error(
        "Invalid Path",
        "rules[*].paths[*].path",
        "The API server does not take the path.",
        "Write an absolute path without empty parts, dots or an escaped slash.",
    ),
    error(
        "Invalid Path Type",
        "rules[*].paths[*].path_type",
        "Kubernetes knows no such path type.",
        "Write Prefix, Exact or ImplementationSpecific.",
    ),
    error(
        "Wildcard in Path",
        "rules[*].paths[*].path",
        "The controller refuses wildcards in Prefix and Exact paths and then freezes the whole gateway.",
        "Remove the wildcard, or use ImplementationSpecific.",
    ),
    error(
        "Path Matches No gRPC Method",
        "rules[*].paths[*]",
        "No gRPC call has this path, so every call would be answered with 503.",
        "Use Prefix, or the full /package.Service/Method.",
    ),
    warning(
        "Path May Match No gRPC Method",
        "rules[*].paths[*].path",
        "The path matches itself alone, and is no full method.",
        "Add /*, or use Prefix.",
    ),
    error(
        "Invalid Service Port",
        "rules[*].paths[*].service_port",
        "The number is no port.",
        "Write a port of the Service, from 1 to 65535.",
    ),
    warning(
        "Server Group Name Too Long",
        "rules[*].paths[*].service_name",
        "The controller makes the server group's name of namespace, Service and port, and the cloud takes 128 characters.",
        "Shorten the names.",
    ),
    error(
        "Invalid Canary Weight",
        "canary.weight",
        "The weight is no percentage.",
        "Write a whole number from 0 to 100.",
    ),
    error(
        "Obsolete Class Annotation",
        "annotations[\"kubernetes.io/ingress.class\"]",
        "The annotation is the old way to name the class and conflicts with the field.",
        "Remove it; ingress_class_name names the class.",
    ),
    warning(
        "Annotation Not Checked",
        "annotations[\"<key>\"]",
        "The annotation goes to the controller unchecked; a wrong value can freeze the whole gateway.",
        "Use an attribute where there is one, and check the value by hand.",
    ),
    error(
        "Not a gRPC Ingress",
        "the import block",
        "The Ingress has another backend protocol, which cannot be changed on a live one.",
        "Import gRPC Ingresses only.",
    ),
];
