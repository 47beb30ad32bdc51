//! What a failed probe means for the person who configured the route, and what to do about it.
//!
//! Causes by symptom: what an ALB answers where a route, a certificate or a backend is missing.

use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::path::Path;
use crate::probe::{Failure, ProbeError, Target, Transport};

pub(super) fn diagnose(target: &Target, error: &ProbeError) -> Diagnostics {
    let place = format!("{}:{}", target.endpoint.host, target.endpoint.port);
    let diagnostic = match error {
        ProbeError::BadCertificates(reason) => Diagnostic::error(
            "Unusable CA Certificates",
            format!("The certificates to verify against cannot be used: {reason}. Give one or more PEM blocks of type CERTIFICATE."),
        )
        .at(Path::attribute("ca_certificate_pem")),
        ProbeError::Interrupted => Diagnostic::error(
            "Probe Interrupted",
            format!("The run was interrupted before {place} answered. Nothing was changed; run it again."),
        ),
        ProbeError::Deadline { deadline, attempts, last } => {
            let (summary, remedy, path) = remedy(target, last);
            let plural = if *attempts == 1 { "attempt" } else { "attempts" };
            Diagnostic::error(
                summary,
                format!(
                    "{attempts} {plural} within {} s to list the services of {place} (authority {:?}) failed. The last one: \
                     {last}.\n{remedy}",
                    deadline.as_secs_f64(),
                    target.authority
                ),
            )
            .at(Path::attribute(path))
        }
    };
    diagnostic.into()
}

fn remedy(target: &Target, failure: &Failure) -> (&'static str, String, &'static str) {
    let tls = matches!(target.transport, Transport::Tls { .. });
    match failure {
        Failure::Resolve(_) => (
            "Gateway Name Not Resolved",
            "A new load balancer's name takes a minute to spread. An intranet gateway resolves and answers inside its VPC only.".to_owned(),
            "host",
        ),
        Failure::Refused(_) => (
            "Gateway Refuses Connections",
            "The gateway has no listener on that port: it is not declared in the gateway's `listeners`, or it is an HTTPS listener that \
             has no certificate yet. Check the port, and that an ingress with a TLS Secret uses the listener."
                .to_owned(),
            "port",
        ),
        Failure::Connect { .. } | Failure::Timeout(_) => (
            "Gateway Does Not Answer",
            "Check that this machine may reach the gateway (an intranet gateway answers inside its VPC only), and that the members' \
             security groups admit the gateway's vSwitches: a backend that cannot be reached looks the same."
                .to_owned(),
            "host",
        ),
        Failure::Certificate(_) => (
            "Gateway Certificate Not Accepted",
            "The certificate that the gateway shows for this server name is not trusted or is for another name. For a self-signed one \
             set pinned_sha256 to its fingerprint, or ca_certificate_pem, or insecure_skip_verify. If it is the wrong one, check that the \
             ingress lists the host under `tls`."
                .to_owned(),
            "host",
        ),
        Failure::Tls(_) => (
            "TLS Handshake Failed",
            "Check that the port is that of an HTTPS listener, and that the listener's TLS policy allows TLS 1.2 or later.".to_owned(),
            "port",
        ),
        Failure::NoHttp2 => (
            "Listener Does Not Speak HTTP/2",
            "gRPC needs HTTP/2. Remove `http2_enabled` from the listener (it is on when unset), and use an HTTPS listener.".to_owned(),
            "port",
        ),
        Failure::Http2(_) if !tls => (
            "Connection Broke",
            "The listener may expect TLS: remove `plaintext`. ALB routes gRPC on HTTPS listeners only.".to_owned(),
            "plaintext",
        ),
        Failure::Http2(_) => ("Connection Broke", "Try again; if it stays, look at the gateway's events.".to_owned(), "host"),
        Failure::HttpStatus(503) => (
            "No Route Or No Backend",
            format!(
                "The gateway runs, but no rule matches authority {:?}, or the rule's Service has no endpoint in any member. Check that the \
                 authority is a host of the ingress, and that the Service and its port exist in the ingress's namespace of at least one \
                 member.",
                target.authority
            ),
            "authority",
        ),
        Failure::HttpStatus(502 | 504) => (
            "Backend Not Reached",
            "The rule matches, but the backend does not answer as a gRPC server in clear text (h2c). Check the Service's port, that the \
             server inside does not expect TLS, and that the members' security groups admit the gateway's vSwitches."
                .to_owned(),
            "host",
        ),
        Failure::HttpStatus(301 | 302 | 307 | 308) => (
            "Listener Redirects",
            "The listener redirects to HTTPS. Probe the HTTPS listener's port.".to_owned(),
            "port",
        ),
        Failure::HttpStatus(_) => (
            "Gateway Answered HTTP",
            "The gateway or something before it answered for itself. Check host, port and authority.".to_owned(),
            "host",
        ),
        Failure::NoReflection => (
            "Service Has No Reflection",
            "The route works: the service answered. Register server reflection in the service to have its services listed, or look at \
             `health_status` instead."
                .to_owned(),
            "host",
        ),
        Failure::Status { .. } | Failure::Answer => (
            "Service Answered With An Error",
            "The route works: the service answered. The message is the service's own.".to_owned(),
            "host",
        ),
    }
}
