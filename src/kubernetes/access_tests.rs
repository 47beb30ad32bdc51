//! Access against an HTTPS server on loopback: trust, credentials, renewal, and errors that show no secret.

use std::sync::{
    Mutex as StdMutex,
    atomic::{AtomicU32, Ordering},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::kubernetes::{
    api::{ApplyOptions, FleetApi},
    object::{Kind, ObjectRef},
    retry::RetryPolicy,
    testing::{ManualClock, kubeconfig_with_certificate},
};

// ---- renewal by the clock ----

struct Issuer {
    asked: AtomicU32,
    refreshed: AtomicU32,
    valid_for: SignedDuration,
    clock: Arc<ManualClock>,
}

impl KubeconfigSource for Issuer {
    fn kubeconfig(&self, refresh: bool) -> KubeconfigFuture<'_> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if refresh {
                self.refreshed.fetch_add(1, Ordering::SeqCst);
            }
            let not_after = self.clock.now().checked_add(self.valid_for)?;
            Ok(SecretText::new(kubeconfig_with_certificate(not_after)))
        })
    }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at("2026-11-23T18:00:00Z"))
}

fn issuer(valid_for: SignedDuration) -> (Arc<Issuer>, Arc<ManualClock>, Arc<FleetAccess>) {
    let clock = clock();
    let issuer = Arc::new(Issuer { asked: 0.into(), refreshed: 0.into(), valid_for, clock: Arc::clone(&clock) });
    let access =
        FleetAccess::issued(Arc::clone(&issuer) as Arc<dyn KubeconfigSource>, Network::default(), clock.clone());
    (issuer, clock, access)
}

#[tokio::test]
async fn an_issued_kubeconfig_is_asked_for_on_first_use_and_renewed_before_it_ends() {
    let (issuer, clock, access) = issuer(SignedDuration::from_hours(1));
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 0, "construction does no I/O");
    access.client(None).await.unwrap();
    access.client(None).await.unwrap();
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 1);
    clock.advance(SignedDuration::from_mins(54));
    access.client(None).await.unwrap();
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 1);
    clock.advance(SignedDuration::from_mins(2));
    let live = access.client(None).await.unwrap().unwrap();
    assert_eq!((issuer.asked.load(Ordering::SeqCst), issuer.refreshed.load(Ordering::SeqCst)), (2, 1));
    assert_eq!(live.number, 2);
}

#[tokio::test]
async fn a_refused_client_is_replaced_once_for_all_who_were_refused() {
    let (issuer, _, access) = issuer(SignedDuration::from_hours(1));
    let first = access.client(None).await.unwrap().unwrap();
    let (a, b) = tokio::join!(access.client(Some(first.number)), access.client(Some(first.number)));
    assert_eq!((a.unwrap().unwrap().number, b.unwrap().unwrap().number), (2, 2));
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 2);
}

struct Absent;

impl KubeconfigSource for Absent {
    fn kubeconfig(&self, _refresh: bool) -> KubeconfigFuture<'_> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_a_write_that_still_waits_for_its_kubeconfig() {
    let access = FleetAccess::issued(Arc::new(Absent), Network::default(), clock());
    let cancel = crate::cancel::Cancel::new();
    let api = FleetApi::new(access, RetryPolicy::default(), None).with_cancel(cancel.clone());
    let object = ObjectRef::cluster(Kind::NAMESPACE, "n");
    let written = tokio::spawn(async move { api.apply(&object, &json!({}), ApplyOptions::default()).await });
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert!(!written.is_finished(), "the limit of a call does not count yet");
    cancel.cancel();
    let error = written.await.unwrap().unwrap_err();
    assert!(error.is_cancelled() && !error.is_ambiguous(), "{error}");
}

// ---- an HTTPS server ----

struct Server {
    url: String,
    ca: String,
    client_certificate: String,
    client_key: String,
    heads: Arc<StdMutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn certificate(name: &str, issuer: &rcgen::Issuer<'_, rcgen::KeyPair>) -> (rcgen::Certificate, rcgen::KeyPair) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    (params.signed_by(&key, issuer).unwrap(), key)
}

/// A server for the name `kubernetes` that answers a Namespace, or what `refuse` says of a request's head.
async fn server(demand_certificate: bool, refuse: impl Fn(&str) -> bool + Send + Sync + 'static) -> Server {
    let mut ca_params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    ca_params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let ca = ca_params.self_signed(&ca_key).unwrap();
    let issuer = rcgen::Issuer::new(ca_params, ca_key);
    let (server_certificate, server_key) = certificate("kubernetes", &issuer);
    let (client_certificate, client_key) = certificate("client", &issuer);

    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if demand_certificate {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(ca.der().clone()).unwrap();
        let verifier =
            rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let key = rustls_pki_types::PrivateKeyDer::try_from(server_key.serialize_der()).unwrap();
    let config = builder.with_single_cert(vec![server_certificate.der().clone()], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let heads: Arc<StdMutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&heads);
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(_) => break,
                }
            }
            let head = String::from_utf8(head).unwrap().to_lowercase();
            let (line, body) = if refuse(&head) {
                ("401 Unauthorized", json!({"kind": "Status", "reason": "Unauthorized", "code": 401}))
            } else {
                ("200 OK", json!({"metadata": {"name": "kube-system", "uid": "c1"}}))
            };
            seen.lock().unwrap().push(head);
            let body = body.to_string();
            let text = format!(
                "HTTP/1.1 {line}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            if stream.write_all(text.as_bytes()).await.is_ok() {
                // The peer may be gone by now.
                drop(stream.shutdown().await);
            }
        }
    });
    Server {
        url,
        ca: ca.pem(),
        client_certificate: client_certificate.pem(),
        client_key: client_key.serialize_pem(),
        heads,
        task,
    }
}

fn settings(server: &Server) -> ExplicitAccess {
    ExplicitAccess {
        host: Some(server.url.clone()),
        cluster_ca_certificate: Some(server.ca.clone()),
        tls_server_name: Some("kubernetes".into()),
        ..ExplicitAccess::default()
    }
}

fn api(access: Arc<FleetAccess>) -> FleetApi {
    FleetApi::new(access, RetryPolicy { max_retries: 0, ..RetryPolicy::default() }, None)
}

fn explicit(settings: ExplicitAccess) -> FleetApi {
    let network = Network { user_agent: "ackone/1.2".into(), ..Network::default() };
    api(FleetAccess::explicit(settings, network, clock()))
}

async fn ask(api: &FleetApi) -> Result<String, Error> {
    api.cluster_uid().await.map(|uid| uid.to_string())
}

#[tokio::test]
async fn a_token_and_a_private_authority_reach_the_server() {
    let server = server(false, |head| !head.contains("authorization: bearer t0ken")).await;
    let good = ExplicitAccess { token: Some(SecretText::new("t0ken")), ..settings(&server) };
    assert_eq!(ask(&explicit(good)).await.unwrap(), "c1");
    assert!(server.heads()[0].contains("user-agent: ackone/1.2"), "{}", server.heads()[0]);
    let bad = ExplicitAccess { token: Some(SecretText::new("other")), ..settings(&server) };
    let error = ask(&explicit(bad)).await.unwrap_err();
    assert_eq!(*error.problem(), Problem::Unauthorized);
    assert_eq!(server.heads().len(), 2, "a fixed token is not tried again");
}

#[tokio::test]
async fn a_wrong_name_or_authority_is_a_tls_problem() {
    let server = server(false, |_| false).await;
    let wrong_name = ExplicitAccess { tls_server_name: Some("other".into()), ..settings(&server) };
    let error = ask(&explicit(wrong_name)).await.unwrap_err();
    assert_eq!(*error.problem(), Problem::Tls, "{error}");
    let other = self::server(false, |_| false).await;
    let wrong_authority = ExplicitAccess { cluster_ca_certificate: Some(other.ca.clone()), ..settings(&server) };
    let error = ask(&explicit(wrong_authority)).await.unwrap_err();
    assert_eq!(*error.problem(), Problem::Tls, "{error}");
    let unchecked = ExplicitAccess {
        insecure: Some(true),
        host: Some(server.url.clone()),
        cluster_ca_certificate: None,
        ..ExplicitAccess::default()
    };
    assert_eq!(ask(&explicit(unchecked)).await.unwrap(), "c1");
}

#[tokio::test]
async fn a_client_certificate_is_presented() {
    let server = server(true, |_| false).await;
    let with = ExplicitAccess {
        client_certificate: Some(server.client_certificate.clone()),
        client_key: Some(SecretText::new(server.client_key.clone())),
        ..settings(&server)
    };
    assert_eq!(ask(&explicit(with)).await.unwrap(), "c1");
    assert!(ask(&explicit(settings(&server))).await.is_err());
}

#[tokio::test]
async fn nobody_listening_is_unreachable_and_surely_not_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let nobody = ExplicitAccess {
        host: Some(format!("https://127.0.0.1:{port}")),
        insecure: Some(true),
        ..ExplicitAccess::default()
    };
    let api = explicit(nobody);
    let error = ask(&api).await.unwrap_err();
    assert_eq!(*error.problem(), Problem::Unreachable, "{error}");
    let object = ObjectRef::cluster(Kind::NAMESPACE, "n");
    let error = api.apply(&object, &json!({}), ApplyOptions::default()).await.unwrap_err();
    assert!(!error.is_ambiguous(), "{error}");
}

struct Tokens {
    url: String,
    ca: String,
    refreshes: StdMutex<Vec<bool>>,
}

impl KubeconfigSource for Tokens {
    fn kubeconfig(&self, refresh: bool) -> KubeconfigFuture<'_> {
        Box::pin(async move {
            self.refreshes.lock().unwrap().push(refresh);
            Ok(SecretText::new(format!(
                "{{current-context: f, contexts: [{{name: f, context: {{cluster: f, user: f}}}}], \
                 clusters: [{{name: f, cluster: {{server: '{}', tls-server-name: kubernetes, \
                 certificate-authority-data: {}}}}}], users: [{{name: f, user: {{token: {}}}}}]}}",
                self.url,
                STANDARD.encode(&self.ca),
                if refresh { "new" } else { "old" },
            )))
        })
    }
}

#[tokio::test]
async fn a_refused_kubeconfig_is_issued_anew_and_the_call_repeated() {
    let server = server(false, |head| head.contains("bearer old")).await;
    let tokens = Arc::new(Tokens { url: server.url.clone(), ca: server.ca.clone(), refreshes: StdMutex::default() });
    let access = FleetAccess::issued(Arc::clone(&tokens) as Arc<dyn KubeconfigSource>, Network::default(), clock());
    let api = api(access);
    assert_eq!(ask(&api).await.unwrap(), "c1");
    assert_eq!(ask(&api).await.unwrap(), "c1");
    assert_eq!(*tokens.refreshes.lock().unwrap(), [false, true]);
    assert_eq!(server.heads().len(), 3);
}

#[tokio::test]
async fn an_exec_plugin_gives_the_token_and_is_run_again_after_a_401() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "one").unwrap();
    let rotated = token.clone();
    let server = server(false, move |head| {
        let refused = !head.contains("bearer two");
        if refused {
            std::fs::write(&rotated, "two").unwrap();
        }
        refused
    })
    .await;
    let credential = r#"{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "'$(cat "$TOKEN_FILE")'"}}"#;
    let plugin = ExecPlugin {
        api_version: "client.authentication.k8s.io/v1".into(),
        command: "/bin/sh".into(),
        args: vec!["-c".into(), format!("echo '{credential}'")],
        env: [("TOKEN_FILE".to_owned(), SecretText::new(token.to_str().unwrap()))].into(),
    };
    let with = ExplicitAccess { exec: Some(plugin), ..settings(&server) };
    assert_eq!(ask(&explicit(with)).await.unwrap(), "c1");
    assert_eq!(server.heads().len(), 2);
}

#[tokio::test]
async fn a_failing_plugin_is_told_without_what_it_printed() {
    for (script, expected) in [
        ("echo s3cret; echo s3cret >&2; exit 3", "the exec plugin failed with exit status: 3"),
        ("echo '{s3cret'", "not an ExecCredential"),
    ] {
        let plugin = ExecPlugin {
            api_version: "client.authentication.k8s.io/v1".into(),
            command: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            ..ExecPlugin::default()
        };
        let with = ExplicitAccess {
            host: Some("https://127.0.0.1:1".into()),
            exec: Some(plugin),
            ..ExplicitAccess::default()
        };
        let error = ask(&explicit(with)).await.unwrap_err();
        assert_eq!(*error.problem(), Problem::Access);
        let text = error.to_string();
        assert!(
            text.contains(expected) && !text.contains("s3cret") && !format!("{error:?}").contains("s3cret"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_failing_source_stays_the_cause() {
    struct Refusing;
    impl KubeconfigSource for Refusing {
        fn kubeconfig(&self, _: bool) -> KubeconfigFuture<'_> {
            Box::pin(async { Err("DescribeHubClusterKubeconfig was refused".into()) })
        }
    }
    let access = FleetAccess::issued(Arc::new(Refusing), Network::default(), clock());
    let error = ask(&api(access)).await.unwrap_err();
    assert_eq!((error.problem(), error.name()), (&Problem::Access, Some("kube-system")));
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "DescribeHubClusterKubeconfig was refused");
}
