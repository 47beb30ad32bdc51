//! Temporary keys in every way the cloud gives them out, as a hand-written client sees them: what is checked, and that the
//! keys work until they end.

use serde_json::{Value, json};

use crate::api::Setup;
use crate::client::{Call, Client, Reply, enc, send};

const STS: &str = "2015-04-01";
const ADCP: &str = "2022-01-01";
const ROLES: &str = "/latest/meta-data/ram/security-credentials/";

fn client(setup: &Setup, keys: &Value) -> Client {
    let text = |field: &str| keys[field].as_str().unwrap_or_else(|| panic!("no {field} in {keys}")).to_owned();
    Client {
        key_id: text("AccessKeyId"),
        secret: text("AccessKeySecret"),
        token: Some(text("SecurityToken")),
        ..setup.client.clone()
    }
}

/// Who the keys belong to, or the code with which they are refused.
async fn identity(client: &Client) -> Result<String, String> {
    let reply = client.call(&Call::rpc(STS, "GetCallerIdentity", &[])).await.unwrap();
    match reply.outcome() {
        (200, _) => Ok(reply.json()["Arn"].as_str().unwrap().to_owned()),
        (_, code) => Err(code),
    }
}

/// A request without a signature.
async fn bare(setup: &Setup, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut all = vec![("host".to_owned(), setup.client.address.clone())];
    all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    send(&setup.client.address, method, target, &all, body).await.unwrap()
}

async fn assume(setup: &Setup, more: &[(&str, &str)]) -> (u16, String) {
    let role = setup.sandbox.ready().role_arn.clone();
    let mut query = vec![("RoleArn", role.as_str()), ("RoleSessionName", "ci")];
    query.extend_from_slice(more);
    setup.refused(STS, "AssumeRole", &query).await
}

#[tokio::test]
async fn a_role_asks_for_what_its_owner_says() {
    let setup = Setup::new().await;
    let long = "x".repeat(2049);
    for (more, expected) in [
        (vec![("DurationSeconds", "899")], (400, "InvalidParameter.DurationSeconds")),
        (vec![("DurationSeconds", "43201")], (400, "InvalidParameter.DurationSeconds")),
        (vec![("Policy", "{}")], (400, "InvalidParameter.PolicyGrammar")),
        (vec![("Policy", long.as_str())], (400, "InvalidParameter.PolicySize")),
        (vec![("ExternalId", "x")], (400, "InvalidParameter.ExternalId")),
        (vec![("DurationSeconds", "900")], (200, "")),
    ] {
        assert_eq!(assume(&setup, &more).await, (expected.0, expected.1.to_owned()), "{more:?}");
    }
    let asks = json!({"external_id": "theirs", "max_session_seconds": 1800}).to_string();
    setup.control("POST", "/v1/world/roles", &asks).await;
    assert_eq!(assume(&setup, &[("DurationSeconds", "900")]).await, (403, "NoPermission".to_owned()));
    assert_eq!(assume(&setup, &[("ExternalId", "others"), ("DurationSeconds", "900")]).await.1, "NoPermission");
    assert_eq!(assume(&setup, &[("ExternalId", "theirs"), ("DurationSeconds", "900")]).await.0, 200);
    assert_eq!(assume(&setup, &[("ExternalId", "theirs")]).await.1, "InvalidParameter.DurationSeconds");
    setup.control("POST", "/v1/world/roles", r#"{"closed":true}"#).await;
    assert_eq!(assume(&setup, &[("ExternalId", "theirs"), ("DurationSeconds", "900")]).await.1, "NoPermission");
}

#[tokio::test]
async fn a_session_policy_narrows_what_the_keys_may_do() {
    let setup = Setup::new().await;
    let role = setup.sandbox.ready().role_arn.clone();
    let policy =
        json!({"Version": "1", "Statement": [{"Effect": "Allow", "Action": "adcp:DescribeHub*", "Resource": "*"}]});
    let policy = policy.to_string();
    let query = [("RoleArn", role.as_str()), ("RoleSessionName", "ci"), ("Policy", policy.as_str())];
    let session = setup.ask(STS, "AssumeRole", &query).await;
    let narrowed = client(&setup, &session["Credentials"]);
    let outcome = async |action: &str| narrowed.call(&Call::rpc(ADCP, action, &[])).await.unwrap().outcome();
    assert_eq!(outcome("DescribeHubClusters").await.0, 200);
    assert_eq!(outcome("DescribeManagedClusters").await, (403, "NoPermission".to_owned()));
}

#[tokio::test]
async fn roles_chain_and_keys_end_when_the_sandbox_says_so() {
    let setup = Setup::new().await;
    let second = setup.control("POST", "/v1/world/roles", r#"{"role":"second"}"#).await;
    let second = second["role_arn"].as_str().unwrap().to_owned();
    let role = setup.sandbox.ready().role_arn.clone();
    let query = [("RoleArn", role.as_str()), ("RoleSessionName", "one")];
    let first = client(&setup, &setup.ask(STS, "AssumeRole", &query).await["Credentials"]);
    let query = [("RoleArn", second.as_str()), ("RoleSessionName", "two")];
    let reply = first.call(&Call::rpc(STS, "AssumeRole", &query)).await.unwrap();
    let chained = client(&setup, &reply.json()["Credentials"]);
    assert!(identity(&chained).await.unwrap().ends_with(":assumed-role/second/two"));

    // A key that a fault ends is dead for good, and no other is.
    setup.control("POST", "/v1/faults", r#"{"spec":"sts/GetCallerIdentity=expire_credentials,count=1"}"#).await;
    for _ in 0..2 {
        assert_eq!(identity(&chained).await, Err("InvalidSecurityToken.Expired".to_owned()));
    }
    assert!(identity(&first).await.is_ok());
    setup.control("POST", "/v1/faults", r#"{"spec":"sts/GetCallerIdentity=expire_credentials,count=1"}"#).await;
    assert!(identity(&setup.client).await.is_err() && identity(&setup.client).await.is_ok(), "a user's key has no end");

    // Keys that end by themselves: the pace is the sandbox's.
    setup.control("POST", "/v1/world/behaviour", r#"{"session_seconds":1}"#).await;
    let query = [("RoleArn", role.as_str()), ("RoleSessionName", "short")];
    let short = client(&setup, &setup.ask(STS, "AssumeRole", &query).await["Credentials"]);
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while identity(&short).await.is_ok() {
        assert!(tokio::time::Instant::now() < deadline, "the keys do not end");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(identity(&short).await, Err("InvalidSecurityToken.Expired".to_owned()));
}

/// `AssumeRoleWithOIDC` as the official SDKs send it: unsigned, business parameters in the body.
async fn with_oidc(setup: &Setup, more: &[(&str, &str)]) -> Reply {
    let role = setup.sandbox.ready().role_arn.clone();
    let provider = setup.sandbox.ready().oidc_provider_arn.clone();
    let mut form = vec![("RoleArn", role.as_str()), ("OIDCProviderArn", &provider), ("RoleSessionName", "pod")];
    form.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    form.extend_from_slice(more);
    let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", enc(value))).collect();
    let target = "/?Action=AssumeRoleWithOIDC&Format=JSON&Timestamp=2024-05-06T07%3A08%3A09Z&Version=2015-04-01";
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    bare(setup, "POST", target, &kind, &body.join("&")).await
}

#[tokio::test]
async fn a_token_of_the_identity_provider_gives_keys_without_a_signature() {
    let setup = Setup::new().await;
    let issue = async |body: &str| {
        let issued = setup.control("POST", "/v1/world/oidc-tokens", body).await;
        issued["token"].as_str().unwrap().to_owned()
    };
    let token = issue("{}").await;
    let reply = with_oidc(&setup, &[("OIDCToken", &token)]).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let pod = client(&setup, &reply.json()["Credentials"]);
    assert!(identity(&pod).await.unwrap().ends_with("/pod"));
    assert!(reply.json()["OIDCTokenInfo"]["Issuer"].is_string());

    let newer = issue(r#"{"end_earlier":true}"#).await;
    let long = "x".repeat(20_001);
    for (more, expected) in [
        (vec![("OIDCToken", token.as_str())], (400, "AuthenticationFail.OIDCToken.Expired")),
        (vec![("OIDCToken", "nobody-issued-this")], (400, "AuthenticationFail.OIDCToken.Invalid")),
        (vec![("OIDCToken", "x")], (400, "InvalidParameter.OIDCToken")),
        (vec![("OIDCToken", long.as_str())], (400, "InvalidParameter.OIDCToken")),
        (vec![], (400, "MissingOIDCToken")),
        (vec![("OIDCToken", newer.as_str()), ("OIDCProviderArn", "p")], (404, "EntityNotExist.OIDCProvider")),
        (vec![("OIDCToken", newer.as_str()), ("RoleArn", "r")], (400, "InvalidParameter.RoleArn")),
        (vec![("OIDCToken", newer.as_str())], (200, "")),
    ] {
        let outcome = with_oidc(&setup, &more).await.outcome();
        assert_eq!(outcome, (expected.0, expected.1.to_owned()), "{more:?}");
    }
    let calls = setup.control("GET", "/v1/calls", "").await.to_string();
    assert!(calls.contains("AssumeRoleWithOIDC") && !calls.contains(&newer), "{calls}");
}

#[tokio::test]
async fn the_metadata_service_gives_an_instances_keys_by_token_and_without() {
    let setup = Setup::new().await;
    let ttl = |seconds| [("x-aliyun-ecs-metadata-token-ttl-seconds", seconds)];
    let token = bare(&setup, "PUT", "/latest/api/token", &ttl("21600"), "").await;
    assert_eq!((token.status, token.header("x-aliyun-ecs-metadata-token-ttl-seconds")), (200, Some("21600")));
    for wrong in ["0", "21601", "soon"] {
        assert_eq!(bare(&setup, "PUT", "/latest/api/token", &ttl(wrong), "").await.status, 400, "{wrong}");
    }
    let with_token = [("x-aliyun-ecs-metadata-token", token.body.as_str())];
    let role = bare(&setup, "GET", ROLES, &with_token, "").await.body;
    let keys = async |headers: &[(&str, &str)]| bare(&setup, "GET", &format!("{ROLES}{role}"), headers, "").await;
    let first = keys(&with_token).await.json();
    assert_eq!(first["Code"], "Success");
    let instance = client(&setup, &first);
    assert!(identity(&instance).await.unwrap().contains(&format!(":assumed-role/{role}/i-")));
    assert_eq!(
        keys(&[]).await.json()["AccessKeyId"],
        first["AccessKeyId"],
        "the same until half of their life is over"
    );

    assert_eq!(keys(&[("x-aliyun-ecs-metadata-token", "made-up")]).await.status, 401);
    setup.control("POST", "/v1/world/instance", r#"{"version_1":false}"#).await;
    assert_eq!(keys(&[]).await.status, 403);
    setup.control("POST", "/v1/world/instance", r#"{"version_1":true,"version_2":false}"#).await;
    assert_eq!(bare(&setup, "PUT", "/latest/api/token", &ttl("60"), "").await.status, 404);
    assert_eq!(bare(&setup, "GET", "/latest/meta-data/region-id", &[], "").await.body, "cn-hangzhou");

    // Keys that have ended are replaced.
    setup.control("POST", "/v1/world/keys", r#"{"expire":true}"#).await;
    assert!(identity(&instance).await.is_err());
    let second = client(&setup, &keys(&[]).await.json());
    assert!(identity(&second).await.is_ok() && second.key_id != instance.key_id);

    setup.control("POST", "/v1/world/instance", r#"{"role":""}"#).await;
    for path in [ROLES.to_owned(), format!("{ROLES}{role}"), "/latest/nothing".to_owned()] {
        assert_eq!(bare(&setup, "GET", &path, &[], "").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_credentials_uri_gives_new_keys_each_time_and_rubbish_on_demand() {
    let setup = Setup::new().await;
    let uri = setup.sandbox.ready().credentials_uri.clone();
    let path = uri.strip_prefix(&format!("http://{}", setup.client.address)).unwrap().to_owned();
    let one = client(&setup, &bare(&setup, "GET", &format!("{path}?who=me"), &[], "").await.json());
    let two = client(&setup, &bare(&setup, "GET", &path, &[], "").await.json());
    assert!(one.key_id != two.key_id && identity(&one).await.is_ok() && identity(&two).await.is_ok());
    setup.control("POST", "/v1/faults", r#"{"spec":"credentials-uri=html,status=200,count=1"}"#).await;
    let page = bare(&setup, "GET", &path, &[], "").await;
    assert_eq!((page.status, page.body.starts_with("<html>")), (200, true));
    setup.control("POST", "/v1/faults", r#"{"spec":"credentials-uri=unavailable,count=1"}"#).await;
    assert_eq!(bare(&setup, "GET", &path, &[], "").await.status, 503);
    let calls = setup.control("GET", "/v1/calls", "").await;
    assert_eq!(calls["counters"]["credentials-uri/GetCredentials"]["calls"], 4, "{calls}");
}
