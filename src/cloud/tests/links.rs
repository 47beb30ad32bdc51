//! Links of the credential chain that ask somebody: what is sent, what is made of the answer, and which failures are told.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use super::server::{Counting, Received, Reply, Server, keys, shared};
use crate::{
    clock::ManualClock,
    cloud::{
        credential::{
            CredentialNetwork, CredentialSource, Credentials, InstanceSource, OidcSource, RoleSource, StsPlace,
            UriSource,
        },
        *,
    },
};

const ASSUMED: &str = r#"{"RequestId":"R","AssumedRoleUser":{"Arn":"a","AssumedRoleId":"i"},"Credentials":{
    "AccessKeyId":"STS.1","AccessKeySecret":"s-1","SecurityToken":"t-1","Expiration":"2024-05-06T08:00:00Z"}}"#;
const DOCUMENT: &str = r#"{"Code":"Success","AccessKeyId":"STS.2","AccessKeySecret":"s-2","SecurityToken":"t-2",
    "Expiration":"2024-05-06T08:00:00Z"}"#;

/// Everything at this server, with pauses short enough for tests and a clock that stands.
fn network(server: &Server) -> CredentialNetwork {
    let endpoint: Endpoint = format!("http://{}", server.address).parse().unwrap();
    CredentialNetwork {
        sts: Some(endpoint.clone()),
        metadata: endpoint,
        retry: RetryPolicy {
            max_retries: 2,
            base: Duration::from_millis(1),
            cap: Duration::from_millis(4),
            ..RetryPolicy::default()
        },
        clock: shared(&Arc::new(ManualClock::new("2024-05-06T07:00:00Z".parse().unwrap()))),
        randomness: Arc::new(Counting::default()),
        ..CredentialNetwork::default()
    }
}

fn role() -> RoleSettings {
    RoleSettings {
        role_arn: "acs:ram::1:role/a".to_owned(),
        session_name: None,
        session_seconds: Some(900),
        policy: Some(r#"{"Version":"1"}"#.to_owned()),
        external_id: Some("theirs".to_owned()),
    }
}

#[derive(Debug)]
struct Fixed(Result<Credentials, CredentialError>);

impl CredentialSource for Fixed {
    fn name(&self) -> String {
        "test".to_owned()
    }

    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(std::future::ready(self.0.clone()))
    }
}

fn chain(keys: Result<Credentials, CredentialError>) -> CredentialChain {
    CredentialChain::new(vec![Arc::new(Fixed(keys))])
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
    text.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (decode(name), decode(value))).collect()
}

fn shown(source: &dyn CredentialSource, error: &CredentialError) -> String {
    format!("{error} {error:?} {source:?} {}", source.name())
}

#[tokio::test]
async fn a_role_is_assumed_with_a_signed_call_that_carries_every_setting() {
    let server = Server::scripted(vec![Reply::ok(ASSUMED)]).await;
    let source = RoleSource::new(role(), &StsPlace::default(), chain(Ok(keys("id-1", Some("t")))), &network(&server));
    let found = source.fetch().await.unwrap();
    assert_eq!((found.access_key_id.as_str(), found.access_key_secret.expose()), ("STS.1", "s-1"));
    assert_eq!(found.security_token.unwrap().expose(), "t-1");
    assert_eq!(found.expires_at.unwrap().to_string(), "2024-05-06T08:00:00Z");
    let received = &server.received()[0];
    assert_eq!((received.method.as_str(), received.target.as_str()), ("POST", "/"));
    assert_eq!((received.action(), received.headers["x-acs-version"].as_str()), ("AssumeRole", "2015-04-01"));
    assert!(received.headers["authorization"].contains("Credential=id-1,"));
    assert_eq!(received.headers["x-acs-security-token"], "t");
    let expected = [
        ("DurationSeconds", "900"),
        ("ExternalId", "theirs"),
        ("Policy", r#"{"Version":"1"}"#),
        ("RoleArn", "acs:ram::1:role/a"),
        ("RoleSessionName", "terraform"),
    ];
    assert_eq!(pairs(&received.body), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[tokio::test]
async fn roles_chain_each_with_the_keys_of_the_one_before() {
    let second = ASSUMED.replace("STS.1", "STS.9");
    let server = Server::scripted(vec![Reply::ok(ASSUMED), Reply::ok(&second)]).await;
    let network = network(&server);
    let first = RoleSource::new(role(), &StsPlace::default(), chain(Ok(keys("id-1", None))), &network);
    let settings = RoleSettings { role_arn: "acs:ram::2:role/b".to_owned(), ..RoleSettings::default() };
    let source = RoleSource::new(settings, &StsPlace::default(), CredentialChain::new(vec![Arc::new(first)]), &network);
    assert_eq!(source.fetch().await.unwrap().access_key_id.as_str(), "STS.9");
    let received = server.received();
    assert!(received[0].headers["authorization"].contains("Credential=id-1,"));
    assert!(received[1].headers["authorization"].contains("Credential=STS.1,"));
    assert_eq!(received[1].headers["x-acs-security-token"], "t-1");
}

#[tokio::test]
async fn why_a_role_is_not_assumed_is_told_with_the_services_words() {
    for (reply, expected, calls) in [
        (
            Reply::error(403, "NoPermission"),
            "it could not be assumed: sts/AssumeRole was refused: NoPermission (HTTP 403): because of \
             NoPermission [request ID REQ-1]",
            1,
        ),
        (
            Reply::error(503, "ServiceUnavailable"),
            "it could not be assumed: sts/AssumeRole was refused: ServiceUnavailable (HTTP 503): because of \
             ServiceUnavailable [request ID REQ-1]",
            3,
        ),
        (
            Reply::ok(&ASSUMED.replace("t-1", "")),
            "it could not be assumed: sts/AssumeRole succeeded with an answer that cannot be read: the \
             keys are not complete",
            1,
        ),
        (
            Reply::ok(&ASSUMED.replace("2024-05-06T08:00:00Z", "s-1")),
            "it could not be assumed: sts/AssumeRole succeeded with an answer that cannot be read: the \
             keys' end is not a date",
            1,
        ),
    ] {
        let server = Server::scripted(vec![reply]).await;
        let source = RoleSource::new(role(), &StsPlace::default(), chain(Ok(keys("id-1", None))), &network(&server));
        let error = source.fetch().await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(error.ends_the_chain(), "the next link would be another identity");
        assert_eq!(server.received().len(), calls, "{expected}");
        let shown = shown(&source, &error);
        assert!(!shown.contains("s-1") && !shown.contains("canary"), "{shown}");
    }
}

fn oidc(token: OidcToken) -> OidcSettings {
    OidcSettings {
        role: RoleSettings { external_id: None, ..role() },
        provider_arn: "acs:ram::1:oidc-provider/p".to_owned(),
        token,
    }
}

fn oidc_source(token: OidcToken, server: &Server) -> OidcSource {
    OidcSource::new(oidc(token), &StsPlace::default(), &network(server))
}

#[tokio::test]
async fn an_oidc_role_is_assumed_without_a_signature_and_with_the_token_in_the_body() {
    let server = Server::scripted(vec![Reply::ok(ASSUMED)]).await;
    let found = oidc_source(OidcToken::Text(SecurityToken::new("canary.jwt+/=")), &server).fetch().await.unwrap();
    assert_eq!(found.access_key_id.as_str(), "STS.1");
    let received = &server.received()[0];
    let query = pairs(received.target.split_once('?').unwrap().1);
    assert_eq!(query["Action"], "AssumeRoleWithOIDC");
    assert_eq!((query["Version"].as_str(), query["Format"].as_str()), ("2015-04-01", "JSON"));
    assert_eq!((query["Timestamp"].as_str(), query["SignatureNonce"].len()), ("2024-05-06T07:00:00Z", 32));
    for absent in ["authorization", "x-acs-security-token", "x-acs-accesskey-id"] {
        assert!(!received.headers.contains_key(absent), "{absent}");
    }
    let body = pairs(&received.body);
    assert_eq!((body["OIDCToken"].as_str(), body["RoleSessionName"].as_str()), ("canary.jwt+/=", "terraform"));
    assert_eq!(body["OIDCProviderArn"], "acs:ram::1:oidc-provider/p");
    assert!(!body.contains_key("ExternalId"));
}

#[tokio::test]
async fn the_token_file_is_read_again_at_each_renewal_and_when_the_token_has_expired() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, "token-1\n").unwrap();
    let rotated = path.clone();
    let server = Server::answering(move |received| match pairs(&received.body)["OIDCToken"].as_str() {
        // Whoever keeps the file current replaces it while the call is on its way.
        "token-2" => {
            fs::write(&rotated, "token-3").unwrap();
            Reply::error(400, "AuthenticationFail.OIDCToken.Expired")
        }
        _ => Reply::ok(ASSUMED),
    })
    .await;
    let source = oidc_source(OidcToken::File(path.clone()), &server);
    source.fetch().await.unwrap();
    fs::write(&path, "token-2").unwrap();
    source.fetch().await.unwrap();
    let sent: Vec<String> = server.received().iter().map(|one| pairs(&one.body)["OIDCToken"].clone()).collect();
    assert_eq!(sent, ["token-1", "token-2", "token-3"]);
}

#[tokio::test]
async fn a_refused_token_is_not_sent_again_and_never_shown() {
    let quoting =
        r#"{"Code":"AuthenticationFail.OIDCToken.Invalid","Message":"cannot parse canary.jwt","RequestId":"R-7"}"#;
    let server = Server::scripted(vec![Reply::Answer { status: 400, headers: vec![], body: quoting.to_owned() }]).await;
    let source = oidc_source(OidcToken::Text(SecurityToken::new("canary.jwt")), &server);
    let error = source.fetch().await.unwrap_err();
    assert_eq!(server.received().len(), 1);
    let shown = shown(&source, &error);
    assert!(shown.contains("AuthenticationFail.OIDCToken.Invalid (HTTP 400): cannot parse [redacted]"), "{shown}");
    assert!(shown.contains("R-7") && !shown.contains("canary"), "{shown}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let source = oidc_source(OidcToken::File(path.clone()), &server);
    let text = async |content: &[u8]| {
        fs::write(&path, content).unwrap();
        source.fetch().await.unwrap_err().to_string().replace(path.to_str().unwrap(), "FILE")
    };
    assert!(source.fetch().await.unwrap_err().to_string().ends_with("cannot be read: entity not found"));
    assert_eq!(text(b" \n").await, "it could not be assumed: FILE holds 0 bytes; a token has 4 to 20000");
    assert_eq!(text(&[b'x'; 20_001]).await, "it could not be assumed: FILE holds 20001 bytes; a token has 4 to 20000");
    assert_eq!(text(&[0xff, 0xfe, 0xff, 0xfe]).await, "it could not be assumed: FILE is not UTF-8 text");
    assert_eq!(server.received().len(), 1, "such a file is not sent");
}

const TOKEN: &str = "/latest/api/token";
const ROLES: &str = "/latest/meta-data/ram/security-credentials/";

/// A metadata service that has version 2, or not, and demands it, or not.
fn metadata(version_2: bool, version_1: bool) -> impl Fn(&Received) -> Reply + Send + Sync + 'static {
    let refused = |status| Reply::Answer { status, headers: vec![], body: "canary-page".to_owned() };
    move |received| {
        let token = received.headers.get("x-aliyun-ecs-metadata-token").map(String::as_str);
        match (received.method.as_str(), received.target.as_str()) {
            ("PUT", TOKEN) if version_2 => Reply::ok("metadata-token"),
            ("PUT", _) => refused(404),
            _ if token.is_some_and(|token| token != "metadata-token" || !version_2) => refused(401),
            _ if token.is_none() && !version_1 => refused(403),
            (_, ROLES) => Reply::ok("node-role\n"),
            (_, path) if path == format!("{ROLES}node-role") => Reply::ok(DOCUMENT),
            _ => refused(404),
        }
    }
}

fn requests(server: &Server) -> Vec<String> {
    let told = |one: &Received| {
        let token = one.headers.contains_key("x-aliyun-ecs-metadata-token");
        format!("{} {}{}", one.method, one.target, if token { " with token" } else { "" })
    };
    server.received().iter().map(told).collect()
}

#[tokio::test]
async fn version_2_of_the_metadata_service_is_asked_with_a_token() {
    let server = Server::answering(metadata(true, false)).await;
    let found = InstanceSource::new(None, true, &network(&server)).fetch().await.unwrap();
    assert_eq!((found.access_key_id.as_str(), found.security_token.unwrap().expose()), ("STS.2", "t-2"));
    assert_eq!(
        requests(&server),
        [format!("PUT {TOKEN}"), format!("GET {ROLES} with token"), format!("GET {ROLES}node-role with token")]
    );
    assert_eq!(server.received()[0].headers["x-aliyun-ecs-metadata-token-ttl-seconds"], "21600");

    let server = Server::answering(metadata(true, false)).await;
    InstanceSource::new(Some("node-role".to_owned()), true, &network(&server)).fetch().await.unwrap();
    assert_eq!(requests(&server).len(), 2, "a name that is known is not asked for");
}

#[tokio::test]
async fn version_1_is_asked_where_version_2_fails_unless_it_is_switched_off() {
    let server = Server::answering(metadata(false, true)).await;
    InstanceSource::new(None, true, &network(&server)).fetch().await.unwrap();
    assert_eq!(requests(&server), [format!("PUT {TOKEN}"), format!("GET {ROLES}"), format!("GET {ROLES}node-role")]);

    let server = Server::answering(metadata(false, true)).await;
    let error = InstanceSource::new(None, false, &network(&server)).fetch().await.unwrap_err();
    assert_eq!(error.to_string(), "the metadata service gave no token: HTTP 404; its version 1 is switched off");
    assert_eq!(requests(&server).len(), 1);

    // A token that is given out and not taken.
    let service = metadata(false, true);
    let odd = move |received: &Received| if received.method == "PUT" { Reply::ok("odd") } else { service(received) };
    let server = Server::answering(odd).await;
    InstanceSource::new(Some("node-role".to_owned()), true, &network(&server)).fetch().await.unwrap();
    assert_eq!(requests(&server).len(), 3);
}

#[tokio::test]
async fn what_the_metadata_service_lacks_is_told_without_quoting_it() {
    for (reply, expected) in [
        (Reply::ok("<html>canary</html>"), "the metadata service's answer is no name of a role"),
        (Reply::error(404, "canary"), "the metadata service names no role of this instance: HTTP 404"),
        (Reply::ok(""), "the metadata service's answer is no name of a role"),
    ] {
        let server =
            Server::answering(
                move |received| {
                    if received.method == "PUT" { Reply::ok("metadata-token") } else { reply.clone() }
                },
            )
            .await;
        let source = InstanceSource::new(None, true, &network(&server));
        let error = source.fetch().await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(!error.ends_the_chain(), "most machines are no ECS instances");
        assert!(!shown(&source, &error).contains("canary"));
    }
    let server = Server::answering(|received| match received.method.as_str() {
        "PUT" => Reply::ok("metadata-token"),
        _ => Reply::ok("canary"),
    })
    .await;
    let error = InstanceSource::new(Some("a/../b".to_owned()), true, &network(&server)).fetch().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the metadata service gave no keys of the role \"a/../b\": the answer is not JSON (line 1, column 1)"
    );
    assert_eq!(server.received()[1].target, format!("{ROLES}a%2F..%2Fb"), "a name is one segment");
}

#[tokio::test]
async fn a_metadata_service_that_is_not_there_costs_one_short_attempt() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let endpoint: Endpoint = format!("http://{address}").parse().unwrap();
    let closed = CredentialNetwork { metadata: endpoint, ..CredentialNetwork::default() };
    let error = InstanceSource::new(None, true, &closed).fetch().await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("the metadata service http://{address} is not reachable")));

    let server = Server::scripted(vec![Reply::Hang]).await;
    let started = tokio::time::Instant::now();
    let error = InstanceSource::new(None, false, &network(&server)).fetch().await.unwrap_err();
    assert!(error.to_string().contains("gave no token: it timed out"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

fn uri_source(uri: &str, network: &CredentialNetwork) -> UriSource {
    UriSource::new(SecretString::new(uri), network)
}

#[tokio::test]
async fn a_credentials_uri_is_asked_with_its_own_query() {
    let server = Server::scripted(vec![Reply::ok(DOCUMENT)]).await;
    let uri = format!("http://{}/canary-path?who=canary-me", server.address);
    let source = uri_source(&uri, &network(&server));
    let found = source.fetch().await.unwrap();
    assert_eq!((found.access_key_id.as_str(), found.access_key_secret.expose()), ("STS.2", "s-2"));
    assert_eq!(server.received()[0].target, "/canary-path?who=canary-me");
    assert_eq!(source.name(), format!("credentials URI at http://{}", server.address));
}

#[tokio::test]
async fn a_credentials_uri_that_gives_none_is_told_without_path_query_and_answer() {
    for (reply, expected) in [
        (Reply::ok("<html>canary"), "the answer is not JSON (line 1, column 1)"),
        (Reply::ok(&DOCUMENT.replace("Success", "canary")), "the answer's Code is not Success"),
        (Reply::error(404, "canary"), "it answered with HTTP 404"),
        (Reply::Drop, "no answer: the connection broke before the whole answer had come"),
    ] {
        let server = Server::scripted(vec![reply]).await;
        let source = uri_source(&format!("http://{}/canary?canary", server.address), &network(&server));
        let error = source.fetch().await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(error.ends_the_chain());
        assert!(!shown(&source, &error).contains("canary"), "{}", shown(&source, &error));
    }
    for uri in ["canary", "ftp://canary/x", "http://canary:canary@127.0.0.1/x", "https://"] {
        let source = uri_source(uri, &CredentialNetwork::default());
        let error = source.fetch().await.unwrap_err();
        assert_eq!(error.to_string(), "it is not an http or https URL without a user name", "{uri}");
    }
}

#[tokio::test]
async fn proxies_are_asked_for_other_machines_only() {
    let proxy = Server::scripted(vec![Reply::ok(DOCUMENT)]).await;
    let server = Server::answering(metadata(true, true)).await;
    let mut network = network(&server);
    network.transport.proxies.http = Some(format!("http://{}", proxy.address));
    InstanceSource::new(None, true, &network).fetch().await.unwrap();
    RoleSource::new(role(), &StsPlace::default(), chain(Ok(keys("id-1", None))), &network).fetch().await.unwrap_err();
    uri_source(&format!("http://{}/", server.address), &network).fetch().await.unwrap_err();
    assert!(proxy.received().is_empty(), "{:?}", proxy.received());

    uri_source("http://keys.example/x?y", &network).fetch().await.unwrap();
    assert_eq!(proxy.received()[0].target, "http://keys.example/x?y");
}

#[tokio::test]
async fn keys_refused_in_a_call_are_replaced_by_those_of_a_new_session() {
    let numbered = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let server = Server::answering(move |received| match received.action() {
        "AssumeRole" => {
            let number = numbered.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Reply::ok(&ASSUMED.replace("STS.1", &format!("STS.{number}")).replace("2024", "2124"))
        }
        _ if received.headers["authorization"].contains("Credential=STS.0,") => {
            Reply::error(400, "InvalidSecurityToken.Expired")
        }
        _ => Reply::ok(r#"{"AccountId":"1","Arn":"a"}"#),
    })
    .await;
    let source = RoleSource::new(role(), &StsPlace::default(), chain(Ok(keys("id-1", None))), &network(&server));
    let mut config = server.config(vec![]);
    config.credentials = CredentialChain::new(vec![Arc::new(source)]);
    CloudClient::new(config).caller_identity(&CallContext::default()).await.unwrap();
    let actions: Vec<String> = server.received().iter().map(|one| one.action().to_owned()).collect();
    assert_eq!(actions, ["AssumeRole", "GetCallerIdentity", "AssumeRole", "GetCallerIdentity"]);
}

#[tokio::test]
async fn a_source_that_fails_when_refused_keys_are_renewed_is_the_error() {
    let server = Server::answering(|received| match received.action() {
        "AssumeRole" if received.headers["x-acs-signature-nonce"].ends_with('0') => {
            Reply::ok(&ASSUMED.replace("2024", "2124"))
        }
        "AssumeRole" => Reply::error(403, "NoPermission"),
        _ => Reply::error(400, "InvalidSecurityToken.Expired"),
    })
    .await;
    let source = RoleSource::new(role(), &StsPlace::default(), chain(Ok(keys("id-1", None))), &network(&server));
    let mut config = server.config(vec![]);
    config.credentials = CredentialChain::new(vec![Arc::new(source)]);
    let error = CloudClient::new(config).caller_identity(&CallContext::default()).await.unwrap_err();
    assert!(
        error.chain().contains("could not be assumed: sts/AssumeRole was refused: NoPermission"),
        "{}",
        error.chain()
    );
}
