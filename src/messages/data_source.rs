//! Messages of data sources. First those of `ackone_grpc_services`: with `on_failure = "report"` those of the probe stand in `error` instead.

use super::{Message, either, error};

pub(super) const MESSAGES: &[Message] = &[
    either(
        "Invalid Host",
        "host; rules[*].host and tls[*].hosts of ackone_grpc_ingress",
        "The text is no host name: it has a scheme, a port, a path, or letters that names do not have.",
        "Write the bare host; a port has an attribute of its own.",
    ),
    error("Invalid Port", "port", "The number is no port.", "Write a whole number from 1 to 65535."),
    error("Invalid Address", "connect_to", "The text is no host and port.", "Write host:port, such as 127.0.0.1:8443."),
    error(
        "Invalid Fingerprint",
        "pinned_sha256",
        "The text is no SHA-256 fingerprint.",
        "Write 64 hexadecimal digits, with or without colons.",
    ),
    error(
        "Conflicting Verification",
        "insecure_skip_verify, pinned_sha256, ca_certificate_pem",
        "The certificate is to be verified in more than one way.",
        "Keep one of the attributes.",
    ),
    error(
        "Verification Without TLS",
        "server_name, insecure_skip_verify, pinned_sha256, ca_certificate_pem",
        "plaintext is true, so there is no certificate to verify.",
        "Remove plaintext or the other attribute.",
    ),
    error(
        "Unusable CA Certificates",
        "ca_certificate_pem",
        "The text holds no certificates to verify against.",
        "Give one or more PEM blocks of type CERTIFICATE.",
    ),
    error(
        "No Host To Probe",
        "host",
        "The host is null: the gateway or Ingress it comes from has no address yet.",
        "See why that one is not ready; its own messages say so.",
    )
    .not_rendered("Terraform validates a data source once more before it reads it, which says that host is null"),
    error(
        "Probe Interrupted",
        "the data source",
        "The run was interrupted before the gateway answered.",
        "Run it again; nothing was changed.",
    ),
    error(
        "Gateway Name Not Resolved",
        "host",
        "The name has no address here: it is new, or the gateway is an intranet one.",
        "Wait a minute, or probe from within the VPC.",
    ),
    error(
        "Gateway Refuses Connections",
        "port",
        "No listener stands behind the port: it is not declared, or is an HTTPS listener without a certificate yet.",
        "Check the port and that an Ingress with a TLS Secret uses the listener.",
    ),
    error(
        "Gateway Does Not Answer",
        "host",
        "Nothing answered in time: the gateway is not reached from here, or its backends are not reached by it.",
        "Check routes and the security groups of the members.",
    ),
    error(
        "Gateway Certificate Not Accepted",
        "host",
        "The certificate is not trusted or is for another name.",
        "Set pinned_sha256, ca_certificate_pem or insecure_skip_verify, or mend the tls entry of the Ingress.",
    ),
    error(
        "TLS Handshake Failed",
        "port",
        "The peer does not speak TLS as expected.",
        "Check that the port is an HTTPS listener's and that its policy allows TLS 1.2.",
    ),
    error(
        "Listener Does Not Speak HTTP/2",
        "port",
        "The listener did not agree to HTTP/2, which gRPC needs.",
        "Remove http2_enabled from the listener.",
    ),
    error(
        "Connection Broke",
        "host, plaintext",
        "The connection ended in the middle of an HTTP/2 exchange.",
        "Remove plaintext if the listener expects TLS; else look at the gateway's events.",
    ),
    error(
        "No Route Or No Backend",
        "authority",
        "The gateway answered 503: no rule matches the authority, or the rule's Service has no endpoints.",
        "Check the hosts of the Ingress, and Service and port in the members.",
    ),
    error(
        "Backend Not Reached",
        "host",
        "The rule matches, but the backend does not answer as a clear-text gRPC server.",
        "Check port, TLS inside the Pod, and security groups.",
    ),
    error(
        "Listener Redirects",
        "port",
        "The listener answers with a redirect to HTTPS.",
        "Probe the HTTPS listener's port.",
    ),
    error(
        "Gateway Answered HTTP",
        "host",
        "The gateway, or something before it, answered for itself.",
        "Check host, port and authority.",
    ),
    error(
        "Service Has No Reflection",
        "host",
        "The route works, but the service does not offer server reflection.",
        "Register reflection in the service, or look at health_status.",
    ),
    error(
        "Service Answered With An Error",
        "host",
        "The route works, and the service itself answered with an error.",
        "Read its message.",
    ),
];

/// Messages of the data sources that read the cloud and the Fleet. Refused calls are those of the cloud and the Fleet.
pub(super) const READS: &[Message] = &[
    error(
        "Invalid Filter",
        "fleet_id, name and the filters of a data source",
        "The text is empty or has spaces, so nothing can match it.",
        "Write the value to look for, or leave the filter out.",
    ),
    error("Invalid Profile", "profile", "There is no such profile of Fleets.", "Write Default or XFlow."),
    error(
        "Invalid Membership State",
        "state of ackone_fleet_clusters",
        "There is no such state of an association.",
        "Write one of those that the message lists; Successed is the service's spelling.",
    ),
    error(
        "No Such Fleet",
        "name of ackone_fleet",
        "No Fleet of the region has this name, or the one of this fleet_id has another name.",
        "Check name, region and account; the message lists the names that there are.",
    ),
    error(
        "Several Fleets",
        "name of ackone_fleet",
        "More than one Fleet of the region has this name.",
        "Set fleet_id instead.",
    ),
    error(
        "Gateway Not Found",
        "name of the data source ackone_alb_gateway",
        "The Fleet has no AlbConfig of this name.",
        "Check the name and which Fleet the provider points to; take the name from the resource if the same run makes it.",
    ),
];
