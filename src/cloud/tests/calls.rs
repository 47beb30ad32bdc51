//! One call at a time: what is sent, what is sent again, and what is not.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::{net::TcpListener, time::Instant};

use super::server::{Reply, Server, config_for, keys, shared};
use crate::{
    clock::ManualClock,
    cloud::{
        error::NoAnswer, fleet::FleetEndpoint, retry::FailureClass, sign::SignedRequest, transport::Transport,
        vpc::VSwitchFilter, *,
    },
};

const IDENTITY: &str = r#"{"AccountId":"123","Arn":"acs:ram::123:user/u","IdentityType":"RAMUser","PrincipalId":"1",
    "UserId":"1","RequestId":"REQ-OK"}"#;
const ACCEPTED: &str = r#"{"ClusterId":"f","ManagedClusterIds":["['c1']"],"TaskId":"T-1","RequestId":"REQ-2"}"#;
const FLEET: &str = r#"{"Cluster":{"ClusterInfo":{"ClusterId":"f","State":"running"}},"RequestId":"R"}"#;

fn context() -> CallContext {
    CallContext::default()
}

#[tokio::test]
async fn a_call_carries_what_the_service_wants() {
    let server = Server::scripted(vec![Reply::ok(ACCEPTED)]).await;
    let config = server.config(vec![keys("id-1", Some("token-1"))]);
    let client = CloudClient::new(config);
    let answer = client.attach_cluster_to_hub(&"f".into(), &["c1".into(), "c2".into()], &context()).await.unwrap();
    assert_eq!(answer.request_id.unwrap().as_str(), "REQ-2");
    assert_eq!(answer.body.task_id.unwrap().as_str(), "T-1");
    let received = &server.received()[0];
    assert_eq!((received.method.as_str(), received.target.as_str()), ("POST", "/?AttachToMesh=false&ClusterId=f"));
    assert_eq!(received.cluster_ids(), ["c1", "c2"]);
    let header = |name: &str| received.headers[name].as_str();
    assert_eq!(header("host"), server.address.to_string());
    assert_eq!(header("accept"), "application/json");
    assert_eq!(header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(header("x-acs-version"), "2022-01-01");
    assert_eq!(header("x-acs-security-token"), "token-1");
    assert_eq!(header("x-acs-accesskey-id"), "id-1");
    assert!(header("user-agent").starts_with("terraform-provider-ackone/"));
    let signed = "content-type;host;x-acs-accesskey-id;x-acs-action;x-acs-content-sha256;x-acs-date;\
                  x-acs-security-token;x-acs-signature-nonce;x-acs-version";
    let start = format!("ACS3-HMAC-SHA256 Credential=id-1,SignedHeaders={signed},Signature=");
    assert!(header("authorization").starts_with(&start), "{}", header("authorization"));
}

#[tokio::test]
async fn every_attempt_has_its_own_nonce_and_signature() {
    let throttled = Reply::error(400, "Throttling.User");
    let server = Server::scripted(vec![throttled.clone(), throttled, Reply::ok(IDENTITY)]).await;
    let identity = server.client().caller_identity(&context()).await.unwrap();
    assert_eq!(identity.account_id, "123");
    assert_eq!(identity.request_id.unwrap().as_str(), "REQ-OK");
    let received = server.received();
    assert_eq!(received.len(), 3);
    for name in ["x-acs-signature-nonce", "authorization"] {
        let different: BTreeSet<_> = received.iter().map(|received| received.headers[name].clone()).collect();
        assert_eq!(different.len(), 3, "{name}");
    }
}

#[tokio::test]
async fn the_wait_the_service_asks_for_is_kept() {
    let throttled = Reply::error(400, "SomethingElse").with("x-acs-retry-after", "120");
    let server = Server::scripted(vec![throttled, Reply::ok(IDENTITY)]).await;
    let start = Instant::now();
    server.client().caller_identity(&context()).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(120), "{:?}", start.elapsed());
}

#[tokio::test]
async fn throttling_of_one_caller_holds_back_the_others_of_that_operation_only() {
    let throttled = Reply::error(400, "Throttling.Api").with("x-acs-retry-after", "1000");
    let server = Server::scripted(vec![throttled, Reply::ok(FLEET), Reply::ok(IDENTITY)]).await;
    let client = server.client();
    let start = Instant::now();
    // Its deadline is before the time given, so it returns as soon as it has been throttled.
    let hurried = context().with_deadline(start + Duration::from_millis(900));
    client.caller_identity(&hurried).await.unwrap_err();
    client.describe_fleet(&"f".into(), &hurried).await.unwrap();
    client.caller_identity(&context()).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn throttling_without_end_ends_with_the_last_answer() {
    let server = Server::scripted(vec![Reply::error(400, "Throttling.Api")]).await;
    let error = server.client().caller_identity(&context()).await.unwrap_err();
    assert!(error.is_throttled());
    assert_eq!(error.request_id().unwrap().as_str(), "REQ-1");
    assert_eq!(
        error.to_string(),
        "sts/GetCallerIdentity was refused: Throttling.Api (HTTP 400): because of Throttling.Api [request ID REQ-1]"
    );
    assert_eq!(server.received().len(), 5, "one attempt and four retries");
}

#[tokio::test]
async fn a_read_whose_answer_is_lost_is_sent_again() {
    for lost in [Reply::Drop, Reply::Truncated, Reply::error(500, "InternalError"), Reply::error(504, "")] {
        let server = Server::scripted(vec![lost.clone(), Reply::ok(FLEET)]).await;
        let fleet = server.client().describe_fleet(&"f".into(), &context()).await.unwrap();
        assert_eq!(fleet.id.as_str(), "f", "{lost:?}");
        assert_eq!(server.received().len(), 2, "{lost:?}");
    }
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_not_sent_again() {
    for lost in [
        Reply::Drop,
        Reply::Truncated,
        Reply::error(500, "InternalError"),
        Reply::error(502, ""),
        Reply::error(400, "SignatureNonceUsed"),
        Reply::ok("<html>fine</html>"),
    ] {
        let server = Server::scripted(vec![lost.clone(), Reply::ok(ACCEPTED)]).await;
        let error = server.client().attach_cluster_to_hub(&"f".into(), &["c1".into()], &context()).await.unwrap_err();
        assert!(error.is_ambiguous(), "{lost:?}: {error}");
        assert_eq!(server.received().len(), 1, "{lost:?}");
    }
}

#[tokio::test]
async fn a_write_that_was_surely_not_carried_out_is_sent_again() {
    for refused in [Reply::error(503, "ServiceUnavailable"), Reply::error(400, "Throttling")] {
        let server = Server::scripted(vec![refused.clone(), Reply::ok(ACCEPTED)]).await;
        server.client().attach_cluster_to_hub(&"f".into(), &["c1".into()], &context()).await.unwrap();
        assert_eq!(server.received().len(), 2, "{refused:?}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_said_to_have_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = CloudClient::new(config_for(&format!("http://{address}"), vec![keys("id", None)]));
    let error = client.attach_cluster_to_hub(&"f".into(), &["c1".into()], &context()).await.unwrap_err();
    assert!(matches!(&error, CloudError::Unanswered { reason: NoAnswer::NotConnected, .. }), "{error:?}");
    assert_eq!(error.class(), FailureClass::Transient);
    assert_eq!(
        error.to_string(),
        format!(
            "adcp/AttachClusterToHub got no answer from http://{address}: no connection could be made; nothing was sent"
        )
    );
}

#[tokio::test]
async fn a_page_of_a_proxy_is_kept_short_and_without_code() {
    let html = Reply::Answer {
        status: 403,
        headers: vec![("content-type", "text/html".into())],
        body: "<html>\n<h1>Blocked</h1>".into(),
    };
    let server = Server::scripted(vec![html]).await;
    let error = server.client().caller_identity(&context()).await.unwrap_err();
    assert_eq!(error.to_string(), "sts/GetCallerIdentity was refused: HTTP 403: <html> <h1>Blocked</h1>");
    assert!(!error.is_forbidden(), "a proxy is not RAM");
}

#[tokio::test]
async fn refused_temporary_keys_are_renewed_and_the_call_replayed_once() {
    let expired = Reply::error(403, "InvalidSecurityToken.Expired");
    let server = Server::scripted(vec![expired.clone(), Reply::ok(IDENTITY)]).await;
    let two = vec![keys("id-1", Some("t-1")), keys("id-2", Some("t-2"))];
    CloudClient::new(server.config(two.clone())).caller_identity(&context()).await.unwrap();
    let tokens: Vec<_> =
        server.received().iter().map(|received| received.headers["x-acs-security-token"].clone()).collect();
    assert_eq!(tokens, ["t-1", "t-2"]);

    let server = Server::scripted(vec![expired]).await;
    let error = CloudClient::new(server.config(two)).caller_identity(&context()).await.unwrap_err();
    assert!(error.is_credentials(), "{error}");
    assert_eq!(server.received().len(), 2, "exactly one replay");
}

#[tokio::test]
async fn keys_that_cannot_change_are_not_replayed() {
    let server = Server::scripted(vec![Reply::error(400, "InvalidSecurityToken.Malformed")]).await;
    let client = CloudClient::new(server.config(vec![keys("id-1", Some("t-1"))]));
    client.caller_identity(&context()).await.unwrap_err();
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn without_keys_nothing_is_sent_and_the_reason_is_told() {
    let server = Server::scripted(vec![Reply::ok(IDENTITY)]).await;
    let error = CloudClient::new(server.config(vec![])).caller_identity(&context()).await.unwrap_err();
    assert!(error.is_credentials());
    assert_eq!(
        error.chain(),
        "sts/GetCallerIdentity could not be signed: no credentials found: test: no keys in this test"
    );
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_wrong_clock_is_corrected_once_from_the_date_of_the_answer() {
    let skewed = Reply::error(400, "InvalidTimeStamp.Expired").with("date", "Mon, 06 May 2024 08:00:00 GMT");
    let server = Server::scripted(vec![skewed.clone(), Reply::ok(IDENTITY), Reply::ok(IDENTITY)]).await;
    let clock = Arc::new(ManualClock::new("2024-05-06T07:00:00Z".parse().unwrap()));
    let mut config = server.config(vec![keys("id", None)]);
    config.clock = shared(&clock);
    let client = CloudClient::new(config);
    client.caller_identity(&context()).await.unwrap();
    clock.advance(Duration::from_secs(60));
    client.caller_identity(&context()).await.unwrap();
    let dates: Vec<_> = server.received().iter().map(|received| received.headers["x-acs-date"].clone()).collect();
    assert_eq!(dates, ["2024-05-06T07:00:00Z", "2024-05-06T08:00:00Z", "2024-05-06T08:01:00Z"]);

    let server = Server::scripted(vec![skewed]).await;
    let mut config = server.config(vec![keys("id", None)]);
    config.clock = shared(&clock);
    CloudClient::new(config).caller_identity(&context()).await.unwrap_err();
    assert_eq!(server.received().len(), 2, "once");
}

#[tokio::test]
async fn an_interrupt_ends_a_pause_between_attempts_at_once() {
    let server = Server::scripted(vec![Reply::error(400, "Throttling").with("x-acs-retry-after", "60000")]).await;
    let (client, context) = (server.client(), context());
    let (fleet, members) = (FleetId::new("f"), [ClusterId::new("c1")]);
    let (ended, cancelled_at) = tokio::join!(client.attach_cluster_to_hub(&fleet, &members, &context), async {
        server.until_received(1).await;
        context.cancel.cancel();
        Instant::now()
    });
    assert!(cancelled_at.elapsed() < Duration::from_secs(1), "{:?}", cancelled_at.elapsed());
    // Whether the refusal had been read by then or not, nothing is sent again.
    assert!(ended.unwrap_err().is_cancelled());
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn an_interrupted_write_says_that_it_may_have_been_received() {
    let server = Server::scripted(vec![Reply::Hang]).await;
    let (client, context) = (server.client(), context());
    let (fleet, members) = (FleetId::new("f"), [ClusterId::new("c1")]);
    let (ended, took) = tokio::join!(client.attach_cluster_to_hub(&fleet, &members, &context), async {
        server.until_received(1).await;
        context.cancel.cancel();
        Instant::now()
    });
    assert!(matches!(ended, Err(CloudError::Cancelled { maybe_sent: true, .. })), "{ended:?}");
    assert!(took.elapsed() < Duration::from_secs(1), "{:?}", took.elapsed());
}

#[tokio::test]
async fn a_deadline_ends_the_call_with_its_last_failure() {
    let server = Server::scripted(vec![Reply::error(400, "Throttling").with("x-acs-retry-after", "60000")]).await;
    let context = context().with_deadline(Instant::now() + Duration::from_secs(10));
    let start = Instant::now();
    let error = server.client().caller_identity(&context).await.unwrap_err();
    assert!(matches!(error, CloudError::DeadlineExceeded { maybe_sent: false, .. }), "{error:?}");
    assert_eq!(error.code(), "Throttling");
    assert!(start.elapsed() < Duration::from_secs(5), "a pause that cannot end in time is not begun");

    let server = Server::scripted(vec![Reply::Hang]).await;
    let context = CallContext::default().with_deadline(Instant::now() + Duration::from_millis(500));
    let error = server.client().caller_identity(&context).await.unwrap_err();
    assert!(matches!(error, CloudError::DeadlineExceeded { maybe_sent: true, .. }), "{error:?}");
}

#[tokio::test]
async fn silence_longer_than_the_read_timeout_is_ambiguous() {
    let server = Server::scripted(vec![Reply::Hang]).await;
    let mut config = server.config(vec![keys("id", None)]);
    config.transport.read_timeout = Duration::from_millis(40);
    let client = CloudClient::new(config);
    let error = client.attach_cluster_to_hub(&"f".into(), &["c1".into()], &context()).await.unwrap_err();
    assert!(matches!(&error, CloudError::Unanswered { reason: NoAnswer::TimedOut, .. }), "{error:?}");
    assert!(error.is_ambiguous());
}

#[tokio::test]
async fn all_pages_of_vswitches_are_read() {
    let server = Server::answering(|received| {
        let page = if received.target.contains("PageNumber=1&") { 1 } else { 2 };
        let count = if page == 1 { 50 } else { 3 };
        let items: Vec<String> = (0..count)
            .map(|n| format!(r#"{{"VSwitchId":"vsw-{page}-{n}","VpcId":"vpc-1","ZoneId":"z","CidrBlock":"10.0.0.0/24","OwnerId":12345678901234567}}"#))
            .collect();
        Reply::ok(&format!(r#"{{"VSwitches":{{"VSwitch":[{}]}},"TotalCount":53}}"#, items.join(",")))
    })
    .await;
    let filter = VSwitchFilter { vpc_id: Some("vpc-1".into()), ..VSwitchFilter::default() };
    let found = server.client().describe_vswitches(&filter, &context()).await.unwrap();
    assert_eq!(found.len(), 53);
    assert_eq!(server.received().len(), 2);
    assert_eq!(server.received()[0].target, "/?PageNumber=1&PageSize=50&RegionId=cn-hangzhou&VpcId=vpc-1");
}

#[tokio::test]
async fn filters_go_where_each_service_wants_them() {
    let answers = [r#"{"RequestId":"R"}"#, r#"{"VSwitches":{"VSwitch":[]},"TotalCount":0}"#];
    let server = Server::scripted(answers.map(Reply::ok).to_vec()).await;
    let client = server.client();
    let tags = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
    let fleets = FleetFilter { profile: Some("XFlow".to_owned()), tags: tags.clone(), ..FleetFilter::default() };
    assert_eq!(client.describe_fleets(&fleets, &context()).await.unwrap(), [], "an empty list may be left out");
    let vswitches = VSwitchFilter { name: Some("n".to_owned()), tags, ..VSwitchFilter::default() };
    assert_eq!(client.describe_vswitches(&vswitches, &context()).await.unwrap(), []);
    let targets: Vec<String> = server.received().iter().map(|received| received.target.clone()).collect();
    let json = "%5B%7B%22Key%22%3A%22team%22%2C%22Value%22%3A%22a%22%7D%5D";
    assert_eq!(targets[0], format!("/?Profile=XFlow&Tag={json}"));
    let flat = "Tag.1.Key=team&Tag.1.Value=a";
    assert_eq!(targets[1], format!("/?PageNumber=1&PageSize=50&RegionId=cn-hangzhou&{flat}&VSwitchName=n"));
}

#[tokio::test]
async fn a_cluster_is_described_by_path_and_an_empty_id_is_never_sent() {
    let server = Server::scripted(vec![Reply::ok(
        r#"{"cluster_id":"c1","state":"running","vpc_id":"vpc-1","vswitch_ids":["vsw-1"],"security_group_id":"sg-1"}"#,
    )])
    .await;
    let client = server.client();
    let detail = client.describe_cluster_detail(&"c 1".into(), &context()).await.unwrap();
    assert_eq!((detail.vpc_id.unwrap().as_str(), detail.state.as_str()), ("vpc-1", "running"));
    let received = &server.received()[0];
    assert_eq!((received.method.as_str(), received.target.as_str()), ("GET", "/clusters/c%201"));
    client.describe_cluster_detail(&"".into(), &context()).await.unwrap_err();
    assert_eq!(server.received().len(), 1, "GET /clusters/ lists every cluster");
}

#[tokio::test]
async fn a_kubeconfig_is_secret_and_an_empty_one_an_error() {
    let server = Server::scripted(vec![
        Reply::ok(r#"{"Kubeconfig":"apiVersion: v1","RequestId":"R"}"#),
        Reply::ok(r#"{"Kubeconfig":"","RequestId":"R9"}"#),
    ])
    .await;
    let client = server.client();
    let kubeconfig = client.fleet_kubeconfig(&"f".into(), FleetEndpoint::Private, &context()).await.unwrap();
    assert_eq!(kubeconfig.expose(), "apiVersion: v1");
    assert_eq!(server.received()[0].target, "/?ClusterId=f&PrivateIpAddress=true");
    let error = client.fleet_kubeconfig(&"f".into(), FleetEndpoint::Public, &context()).await.unwrap_err();
    assert_eq!(error.request_id().unwrap().as_str(), "R9");
}

#[tokio::test]
async fn a_proxy_is_used_for_other_machines_unless_the_host_is_excepted() {
    let proxy = Server::scripted(vec![Reply::ok(IDENTITY)]).await;
    let direct = Server::scripted(vec![Reply::ok(IDENTITY)]).await;
    let proxies = |no_proxy: Option<&str>| Proxies {
        http: Some(format!("http://{}", proxy.address)),
        https: None,
        no_proxy: no_proxy.map(str::to_owned),
    };
    let send = async |no_proxy: Option<&str>| {
        let config = TransportConfig { proxies: proxies(no_proxy), ..TransportConfig::default() };
        let endpoint = Endpoint::origin_of(&"http://service.invalid".parse().unwrap()).unwrap();
        let request = SignedRequest {
            method: "GET",
            path: "/".to_owned(),
            query: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        Transport::new(config).send(&endpoint, request).await
    };
    assert_eq!(send(None).await.unwrap().status, 200);
    assert_eq!(proxy.received()[0].target, "http://service.invalid/");
    send(Some("10.0.0.0/8,service.invalid")).await.unwrap_err();
    assert_eq!(proxy.received().len(), 1, "an excepted host is asked directly, and this one does not exist");

    for no_proxy in [None, Some("example.com")] {
        let mut config = direct.config(vec![keys("id", None)]);
        config.transport.proxies = proxies(no_proxy);
        CloudClient::new(config).caller_identity(&context()).await.unwrap();
    }
    assert_eq!((proxy.received().len(), direct.received().len()), (1, 2), "no proxy reaches this machine's loopback");
}
