//! Schema and model agree, and configuration means what the docs say. Real connections are the acceptance tests' part.

use std::time::Duration;

use super::model::{GrpcServicesModel, parse_fingerprint, split_address, target, validate};
use super::*;
use crate::framework::model::{Attr, Model};
use crate::framework::path::Path;
use crate::probe::{Failure, ProbeError, Transport, Verification};

fn config() -> GrpcServicesModel<Planned> {
    GrpcServicesModel { host: Attr::Known("localhost".to_owned()), ..GrpcServicesModel::default() }
}

#[test]
fn model_and_schema_have_the_same_attributes() {
    let schema = schema::schema();
    let names: Vec<&str> = schema.attributes.iter().map(|attribute| attribute.name).collect();
    assert_eq!(names, GrpcServicesModel::<Planned>::FIELDS);
}

#[test]
fn authority_and_server_name_follow_the_host() {
    let found = target(&config()).unwrap();
    assert_eq!(found.authority, "localhost");
    assert_eq!(
        found.transport,
        Transport::Tls { server_name: "localhost".to_owned(), verification: Verification::System }
    );
    let found = target(&GrpcServicesModel { port: Attr::Known(8443), ..config() }).unwrap();
    assert_eq!(found.authority, "localhost:8443");
    let found = target(&GrpcServicesModel {
        authority: Attr::Known("grpc.example.com:444".to_owned()),
        connect_to: Attr::Known("[::1]:9443".to_owned()),
        insecure_skip_verify: Attr::Known(true),
        deadline: Attr::Known("90s".to_owned()),
        ..config()
    })
    .unwrap();
    assert_eq!((found.endpoint.host.as_str(), found.endpoint.port), ("::1", 9443));
    assert_eq!(found.deadline, Duration::from_secs(90));
    assert_eq!(
        found.transport,
        Transport::Tls { server_name: "grpc.example.com".to_owned(), verification: Verification::Skipped }
    );
}

#[test]
fn a_host_that_does_not_exist_yet_is_named() {
    let errors = target(&GrpcServicesModel::default()).unwrap_err();
    assert_eq!(errors.iter().next().unwrap().path, Some(Path::attribute("host")));
}

#[test]
fn two_ways_to_verify_and_verification_without_tls_are_refused() {
    let mut diagnostics = Diagnostics::new();
    let both = GrpcServicesModel {
        insecure_skip_verify: Attr::Known(true),
        pinned_sha256: Attr::Known("00".repeat(32)),
        plaintext: Attr::Known(true),
        ..config()
    };
    validate(&both, &mut diagnostics);
    let summaries: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.summary.as_str()).collect();
    assert_eq!(summaries, ["Conflicting Verification", "Verification Without TLS"]);
    let mut diagnostics = Diagnostics::new();
    validate(
        &GrpcServicesModel { pinned_sha256: Attr::Unknown, plaintext: Attr::Known(true), ..config() },
        &mut diagnostics,
    );
    assert!(diagnostics.is_empty());
}

#[test]
fn addresses_and_fingerprints_are_read_strictly() {
    assert_eq!(split_address("127.0.0.1:8443"), Some(("127.0.0.1".to_owned(), 8443)));
    for text in ["localhost", ":443", "localhost:0", "localhost:70000", "::1:443", "localhost:"] {
        assert_eq!(split_address(text), None, "{text}");
    }
    let pair = "ab";
    assert_eq!(parse_fingerprint(&vec![pair; 32].join(":")), Some([0xab; 32]));
    assert_eq!(parse_fingerprint("abcd"), None);
}

#[test]
fn every_failure_says_what_to_do() {
    let target = target(&config()).unwrap();
    let failures = [
        Failure::Resolve("x".to_owned()),
        Failure::Refused("127.0.0.1:443".parse().unwrap()),
        Failure::Timeout(Duration::from_secs(5)),
        Failure::Certificate("UnknownIssuer".to_owned()),
        Failure::Tls("x".to_owned()),
        Failure::NoHttp2,
        Failure::Http2("x".to_owned()),
        Failure::HttpStatus(503),
        Failure::HttpStatus(502),
        Failure::HttpStatus(308),
        Failure::HttpStatus(404),
        Failure::NoReflection,
        Failure::Answer,
    ];
    for last in failures {
        let error = ProbeError::Deadline { deadline: Duration::from_secs(60), attempts: 3, last: last.clone() };
        let diagnostics = diagnose::diagnose(&target, &error);
        let diagnostic = diagnostics.iter().next().unwrap();
        assert!(diagnostic.detail.contains(&last.to_string()), "{last:?}");
        assert!(diagnostic.detail.lines().count() == 2 && diagnostic.path.is_some(), "{last:?}");
    }
}

#[tokio::test]
async fn a_failed_probe_is_an_error_or_part_of_the_answer_as_asked() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = i64::from(listener.local_addr().unwrap().port());
    drop(listener);
    let refused = GrpcServicesModel {
        host: Attr::Known("127.0.0.1".to_owned()),
        port: Attr::Known(port),
        plaintext: Attr::Known(true),
        deadline: Attr::Known("1ms".to_owned()),
        ..GrpcServicesModel::default()
    };
    let cx = Context { cancel: crate::cancel::Cancel::never(), clock: Arc::new(crate::clock::SystemClock) };
    let mut warnings = Diagnostics::new();
    let errors = GrpcServices.read(&cx, refused.clone(), &mut warnings).await.unwrap_err();
    assert_eq!(errors.iter().next().unwrap().summary, "Gateway Refuses Connections");
    let reported = GrpcServicesModel { on_failure: Attr::Known("report".to_owned()), ..refused };
    let state = GrpcServices.read(&cx, reported, &mut warnings).await.unwrap();
    assert_eq!(state.services, Some(Vec::new()));
    assert!(state.failure.unwrap().starts_with("Gateway Refuses Connections: "));
}
