//! The canary: at TRACE, over every kind of call and failure, no secret reaches a log, an error or a `Debug`.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing_subscriber::fmt::MakeWriter;

use super::server::{Reply, Server, keys};
use crate::cloud::{fleet::FleetEndpoint, *};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_secret_is_printed_anywhere() {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(captured.clone())
        .with_ansi(false)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let quoting = r#"{"Code":"SignatureDoesNotMatch","RequestId":"REQ-9","Message":"server string to sign is: x-acs-security-token:canary-token canary-secret"}"#;
    let server = Server::answering(move |received| match received.action() {
        "DescribeHubClusterKubeconfig" => {
            Reply::ok(r#"{"Kubeconfig":"token: canary-kubeconfig","Extra":"canary-extra","RequestId":"R"}"#)
        }
        "DescribeManagedClusters" => {
            Reply::ok(r#"{"Clusters":[],"Cert":"canary-cert","Shown":"visible-body","RequestId":"REQ-7"}"#)
        }
        "DescribeHubClusters" => Reply::ok(r#"{"Clusters":"misplaced-value"}"#),
        _ => Reply::Answer { status: 400, headers: vec![], body: quoting.to_owned() },
    })
    .await;
    let mut config = server.config(vec![keys("id-1", Some("canary-token"))]);
    config.transport.proxies.http = Some("http://user:canary-password@127.0.0.1:1".to_owned());
    config.transport.proxies.no_proxy = Some("127.0.0.1".to_owned());
    let mut printed = format!("{config:?}");
    let client = CloudClient::new(config);
    let context = CallContext::default();
    let fleet = FleetId::new("f");
    let kubeconfig = client.fleet_kubeconfig(&fleet, FleetEndpoint::Public, &context).await.unwrap();
    assert!(kubeconfig.expose().contains("canary-kubeconfig"));
    client.members(&fleet, &context).await.unwrap();
    let errors = [
        client.caller_identity(&context).await.unwrap_err(),
        client.describe_fleets(&FleetFilter::default(), &context).await.unwrap_err(),
        client.attach_member(&fleet, &"c1".into(), &context).await.unwrap_err(),
    ];
    for error in &errors {
        assert!(!error.chain().contains("misplaced-value"), "errors do not quote answers: {}", error.chain());
        printed.push_str(&format!("{error}\n{error:?}\n{}\n", error.chain()));
    }
    printed.push_str(&format!("{client:?} {kubeconfig:?} {context:?}"));
    printed.push_str(&String::from_utf8(captured.0.lock().unwrap().clone()).unwrap());

    assert!(server.received().iter().all(|received| received.headers["x-acs-security-token"] == "canary-token"));
    assert!(!printed.contains("canary"), "{printed}");
    for expected in [
        "cloud_action=adcp/DescribeManagedClusters",
        "cloud_request_id=\"REQ-7\"",
        "cloud_code=\"SignatureDoesNotMatch\"",
        "cloud_request_id=\"REQ-9\"",
        "cloud_attempt=1",
        "visible-body",
        "ClusterIds=[\\\"c1\\\"]",
        "[redacted]",
    ] {
        assert!(printed.contains(expected), "{expected} is not in {printed}");
    }
}
