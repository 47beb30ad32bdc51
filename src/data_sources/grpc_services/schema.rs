//! Attributes of `ackone_grpc_services`.

use crate::framework::duration;
use crate::framework::schema::{Attribute, Nesting, Problem, Schema};
use crate::framework::types::Type;
use crate::framework::value::Value;

/// Default of `port`.
pub(super) const DEFAULT_PORT: i64 = 443;
/// Default of `deadline`.
pub(super) const DEFAULT_DEADLINE: &str = "60s";
/// Default of `attempt_timeout`.
pub(super) const DEFAULT_ATTEMPT_TIMEOUT: &str = "5s";

pub(super) fn schema() -> Schema {
    let mut attributes = configured();
    attributes.extend(observed());
    Schema::new(
        "Connects to a gateway as a gRPC client does and reports which services it shows, by server reflection. Use it in a `check` \
         block as the proof that a route works. Needs no credentials.",
        attributes,
    )
}

fn configured() -> Vec<Attribute> {
    vec![
        Attribute::string("host", "Name or address to connect to, such as `ackone_grpc_ingress.demo.address`.").required().check(host),
        Attribute::number("port", "Port to connect to.").default_value(Value::int(DEFAULT_PORT)).check(port),
        Attribute::string(
            "connect_to",
            "Connect to this `host:port` instead, and leave authority and server name as they are: for a gateway behind a tunnel, and \
             for the sandbox.",
        )
        .check(host_and_port),
        Attribute::string("authority", "The `:authority` of each request, which routes match. Default: `host`."),
        Attribute::string("server_name", "Name for SNI and for verification. Default: `authority` without its port."),
        Attribute::bool("plaintext", "Speak HTTP/2 in clear text instead of TLS.").default_value(Value::Bool(false)),
        Attribute::bool("insecure_skip_verify", "Accept any certificate, such as a self-signed one.")
            .default_value(Value::Bool(false)),
        Attribute::string(
            "pinned_sha256",
            "Accept only the certificate with this SHA-256 fingerprint (hex, colons allowed), whoever issued it. \
             `ackone_tls_secret` has it as `fingerprint_sha256`.",
        )
        .check(fingerprint),
        Attribute::string("ca_certificate_pem", "Verify against these PEM certificates instead of the system's roots."),
        Attribute::string("health_service", "Name that the health service is asked for. Default: the whole server."),
        Attribute::string("deadline", "Limit of all attempts together, as a duration.")
            .default_value(Value::string(DEFAULT_DEADLINE))
            .check(positive_duration),
        Attribute::string("attempt_timeout", "Limit of one attempt, as a duration.")
            .default_value(Value::string(DEFAULT_ATTEMPT_TIMEOUT))
            .check(positive_duration),
        Attribute::string(
            "on_failure",
            "What a failed probe means: `error` fails the run, or warns inside a `check` block; `report` puts the reason into `failure`, \
             with an empty list of services, and the run goes on. A data source *inside* a `check` block is read again in every apply, so \
             that Terraform never calls such a plan empty: use `report` outside of the block, and assert inside.",
        )
        .default_value(Value::string("error"))
        .check(on_failure),
    ]
}

fn observed() -> Vec<Attribute> {
    vec![
        Attribute::value("services", Type::list(Type::String), "Full names of the services, sorted.").computed(),
        Attribute::string("reflection_version", "Version of server reflection that listed them: `v1` or `v1alpha`.").computed(),
        Attribute::string(
            "health_status",
            "What the health service answers: `SERVING`, `NOT_SERVING`, `SERVICE_UNKNOWN` or `UNKNOWN`. Null where there is none.",
        )
        .computed(),
        Attribute::nested(
            "tls",
            Nesting::Single,
            vec![
                Attribute::string("version", "`TLSv1.3` or `TLSv1.2`.").computed(),
                Attribute::string("alpn", "Protocol agreed by ALPN.").computed(),
                Attribute::string("cipher_suite", "Cipher suite.").computed(),
                Attribute::string("subject", "Subject of the server's certificate.").computed(),
                Attribute::string("issuer", "Its issuer.").computed(),
                Attribute::value("dns_names", Type::list(Type::String), "Its DNS names.").computed(),
                Attribute::string("not_after", "End of its validity, RFC 3339.").computed(),
                Attribute::string("fingerprint_sha256", "Its SHA-256 fingerprint, lower-case hex.").computed(),
            ],
            "Facts of the TLS connection. Null in clear text.",
        )
        .computed(),
        Attribute::number("latency_ms", "Milliseconds from connecting to the list of services, in the attempt that succeeded.")
            .computed(),
        Attribute::number("attempts", "Attempts made.").computed(),
        Attribute::string("failure", "Why the probe failed, and what to do, with `on_failure = \"report\"`. Null when it succeeded.")
            .computed(),
    ]
}

fn host(value: &Value) -> Result<(), Problem> {
    let text = value.as_str().unwrap_or_default();
    let usable = !text.is_empty() && !text.contains("://") && !text.contains(['/', ' ', '@']);
    if usable && (!text.contains(':') || text.parse::<std::net::IpAddr>().is_ok()) {
        return Ok(());
    }
    Err(Problem::new(
        "Invalid Host",
        format!(
            "{text:?} is not a host name or address. Write it without scheme, port or path, and the port as `port`."
        ),
    ))
}

fn port(value: &Value) -> Result<(), Problem> {
    match value.as_i64() {
        Some(1..=65535) => Ok(()),
        _ => Err(Problem::new("Invalid Port", "A port is a whole number from 1 to 65535.")),
    }
}

fn host_and_port(value: &Value) -> Result<(), Problem> {
    let text = value.as_str().unwrap_or_default();
    if super::model::split_address(text).is_some() {
        return Ok(());
    }
    Err(Problem::new("Invalid Address", format!("{text:?} is not of the form host:port, such as \"127.0.0.1:8443\".")))
}

fn fingerprint(value: &Value) -> Result<(), Problem> {
    if super::model::parse_fingerprint(value.as_str().unwrap_or_default()).is_some() {
        return Ok(());
    }
    Err(Problem::new(
        "Invalid Fingerprint",
        "A SHA-256 fingerprint has 64 hex digits, with or without colons between the bytes. `openssl x509 -noout -fingerprint \
         -sha256` prints one.",
    ))
}

fn on_failure(value: &Value) -> Result<(), Problem> {
    match value.as_str() {
        Some("error" | "report") => Ok(()),
        other => Err(Problem::new(
            "Invalid Choice",
            format!("{:?} is not a choice of on_failure. Write \"error\" or \"report\".", other.unwrap_or_default()),
        )),
    }
}

fn positive_duration(value: &Value) -> Result<(), Problem> {
    let text = value.as_str().unwrap_or_default();
    match duration::parse(text) {
        Some(duration) if !duration.is_zero() => Ok(()),
        _ => Err(Problem::new(
            "Invalid Duration",
            format!("{text:?} is not a positive duration. Write a number with a unit, such as \"5s\" or \"2m\"."),
        )),
    }
}
