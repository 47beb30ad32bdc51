//! Model of `ackone_grpc_services`, and its translation to and from the probe's words.

use std::time::Duration;

use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::duration;
use crate::framework::model::{Attr, Planned, Stored};
use crate::framework::path::Path;
use crate::probe::{Endpoint, Report, Target, TlsFacts, Transport, Verification};

crate::model! {
    /// The data source.
    pub(crate) struct GrpcServicesModel {
        pub(crate) host: String,
        pub(crate) port: i64,
        pub(crate) connect_to: String,
        pub(crate) authority: String,
        pub(crate) server_name: String,
        pub(crate) plaintext: bool,
        pub(crate) insecure_skip_verify: bool,
        pub(crate) pinned_sha256: String,
        pub(crate) ca_certificate_pem: String,
        pub(crate) health_service: String,
        pub(crate) deadline: String,
        pub(crate) attempt_timeout: String,
        pub(crate) on_failure: String,
        pub(crate) services: Vec<String>,
        pub(crate) reflection_version: String,
        pub(crate) health_status: String,
        pub(crate) tls: TlsModel<P>,
        pub(crate) latency_ms: i64,
        pub(crate) attempts: i64,
        pub(crate) failure: String,
    }
}

crate::model! {
    /// The `tls` attribute.
    pub(crate) struct TlsModel {
        pub(crate) version: String,
        pub(crate) alpn: String,
        pub(crate) cipher_suite: String,
        pub(crate) subject: String,
        pub(crate) issuer: String,
        pub(crate) dns_names: Vec<String>,
        pub(crate) not_after: String,
        pub(crate) fingerprint_sha256: String,
    }
}

/// At most one way to verify, and none in clear text.
pub(super) fn validate(config: &GrpcServicesModel<Planned>, diagnostics: &mut Diagnostics) {
    let set = |name: &'static str, present: bool| present.then_some(name);
    let ways: Vec<&str> = [
        set("insecure_skip_verify", config.insecure_skip_verify == Attr::Known(true)),
        set("pinned_sha256", config.pinned_sha256.known().is_some()),
        set("ca_certificate_pem", config.ca_certificate_pem.known().is_some()),
    ]
    .into_iter()
    .flatten()
    .collect();
    if let [_, second, ..] = ways.as_slice() {
        diagnostics.error(
            Path::attribute(*second),
            "Conflicting Verification",
            format!("{} are set, but a certificate is verified in one way only. Keep one of them.", ways.join(" and ")),
        );
    }
    if config.plaintext != Attr::Known(true) {
        return;
    }
    if let Some(first) = ways.first().copied().or_else(|| set("server_name", config.server_name.known().is_some())) {
        diagnostics.error(
            Path::attribute(first),
            "Verification Without TLS",
            format!(
                "plaintext is true, so there is no certificate that {first} could apply to. Remove one of the two."
            ),
        );
    }
}

/// What the probe is asked.
///
/// # Errors
/// If the host is null: an address that does not exist yet.
pub(super) fn target(config: &GrpcServicesModel<Planned>) -> Result<Target, Diagnostics> {
    let Some(host) = config.host.known() else {
        let detail = "host is null. Where it comes from a gateway or route, that one has no address yet: its own messages say why.";
        return Err(Diagnostic::error("No Host To Probe", detail).at(Path::attribute("host")).into());
    };
    let port = config.port.known().and_then(|port| u16::try_from(*port).ok()).unwrap_or(443);
    let authority = config.authority.known().cloned().unwrap_or_else(|| match port {
        443 => host.clone(),
        other => format!("{host}:{other}"),
    });
    let endpoint = match config.connect_to.known().and_then(|address| split_address(address)) {
        Some((host, port)) => Endpoint { host, port },
        None => Endpoint { host: host.clone(), port },
    };
    let transport = if config.plaintext == Attr::Known(true) {
        Transport::Plaintext
    } else {
        let server_name = config.server_name.known().cloned().unwrap_or_else(|| without_port(&authority).to_owned());
        Transport::Tls { server_name, verification: verification(config) }
    };
    let limit = |text: &Attr<String>, default: u64| {
        text.known().and_then(|text| duration::parse(text)).unwrap_or(Duration::from_secs(default))
    };
    Ok(Target {
        endpoint,
        authority,
        transport,
        health_service: config.health_service.known().cloned().unwrap_or_default(),
        attempt_timeout: limit(&config.attempt_timeout, 5),
        deadline: limit(&config.deadline, 60),
    })
}

fn verification(config: &GrpcServicesModel<Planned>) -> Verification {
    if config.insecure_skip_verify == Attr::Known(true) {
        return Verification::Skipped;
    }
    if let Some(fingerprint) = config.pinned_sha256.known().and_then(|text| parse_fingerprint(text)) {
        return Verification::Pinned(fingerprint);
    }
    config.ca_certificate_pem.known().map_or(Verification::System, |pem| Verification::Roots(pem.clone()))
}

/// `host:port`, with an IPv6 address in brackets.
pub(super) fn split_address(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().ok().map(|_| (address.to_owned(), port)),
        None => (!host.is_empty() && !host.contains(':')).then(|| (host.to_owned(), port)),
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

pub(super) fn parse_fingerprint(text: &str) -> Option<[u8; 32]> {
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    hex::decode(digits).ok()?.try_into().ok()
}

/// The configuration as written. Not configured stays null: what was used follows from the other arguments.
fn echo(config: GrpcServicesModel<Planned>) -> GrpcServicesModel<Stored> {
    GrpcServicesModel {
        host: config.host.into_known(),
        port: config.port.into_known(),
        connect_to: config.connect_to.into_known(),
        authority: config.authority.into_known(),
        server_name: config.server_name.into_known(),
        plaintext: config.plaintext.into_known(),
        insecure_skip_verify: config.insecure_skip_verify.into_known(),
        pinned_sha256: config.pinned_sha256.into_known(),
        ca_certificate_pem: config.ca_certificate_pem.into_known(),
        health_service: config.health_service.into_known(),
        deadline: config.deadline.into_known(),
        attempt_timeout: config.attempt_timeout.into_known(),
        on_failure: config.on_failure.into_known(),
        ..GrpcServicesModel::default()
    }
}

/// Whether a failure is part of the answer.
pub(super) fn reports(config: &GrpcServicesModel<Planned>) -> bool {
    config.on_failure.known().is_some_and(|choice| choice == "report")
}

/// The answer: what was seen.
pub(super) fn state(config: GrpcServicesModel<Planned>, report: Report) -> GrpcServicesModel<Stored> {
    GrpcServicesModel {
        services: Some(report.services),
        reflection_version: Some(report.reflection_version.to_owned()),
        health_status: report.health_status,
        tls: report.tls.map(tls_model),
        latency_ms: i64::try_from(report.latency_ms).ok(),
        attempts: i64::try_from(report.attempts).ok(),
        ..echo(config)
    }
}

/// The answer: why nothing was seen.
pub(super) fn failure(config: GrpcServicesModel<Planned>, diagnostics: &Diagnostics) -> GrpcServicesModel<Stored> {
    let texts: Vec<String> =
        diagnostics.iter().map(|diagnostic| format!("{}: {}", diagnostic.summary, diagnostic.detail)).collect();
    GrpcServicesModel { services: Some(Vec::new()), failure: Some(texts.join("\n")), ..echo(config) }
}

fn tls_model(facts: TlsFacts) -> TlsModel<Stored> {
    let certificate = facts.certificate;
    TlsModel {
        version: Some(facts.version),
        alpn: facts.alpn,
        cipher_suite: Some(facts.cipher_suite),
        subject: certificate.as_ref().map(|facts| facts.subject.clone()),
        issuer: certificate.as_ref().map(|facts| facts.issuer.clone()),
        dns_names: certificate.as_ref().map(|facts| facts.dns_names.clone()),
        not_after: certificate.as_ref().map(|facts| facts.not_after.to_string()),
        fingerprint_sha256: certificate.map(|facts| facts.fingerprint_sha256),
    }
}
