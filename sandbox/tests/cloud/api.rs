//! The cloud APIs over real sockets, as a hand-written client sees them.

use std::sync::Arc;
use std::time::Duration;

use crate::client::{Call, Client, control};
use ackone_sandbox::cloud::{AlbKind, IssueError, KubeconfigIssuer, KubeconfigRequest, LoadBalancers};
use ackone_sandbox::running::{FleetSide, Foundation, Sandbox};
use ackone_sandbox::settings::RunArgs;
use ackone_sandbox::world::Clock;
use serde_json::Value;

const ADCP: &str = "2022-01-01";
const STS: &str = "2015-04-01";
const VPC: &str = "2016-04-28";
const CS: &str = "2015-12-15";
const ECS: &str = "2014-05-26";
const ALB: &str = "2020-06-16";

pub(crate) struct Setup {
    pub(crate) sandbox: Sandbox,
    pub(crate) client: Client,
}

impl Setup {
    pub(crate) async fn new() -> Self {
        Self::with(RunArgs { time_scale: 0.0, ..RunArgs::default() }).await
    }

    async fn with(args: RunArgs) -> Self {
        Self::with_fleet(args, FleetSide::default()).await
    }

    async fn with_fleet(args: RunArgs, fleet: FleetSide) -> Self {
        let foundation = Foundation::lay(&args, Clock::system()).unwrap();
        let sandbox = Sandbox::start(&args, foundation, fleet).await.unwrap();
        let ready = sandbox.ready();
        let client = Client {
            address: ready.endpoints["adcp"].strip_prefix("http://").unwrap().to_owned(),
            key_id: ready.access_key_id.clone(),
            secret: ready.access_key_secret.expose().to_owned(),
            token: None,
        };
        Self { sandbox, client }
    }

    fn fleet(&self) -> String {
        self.sandbox.ready().fleet_id.clone()
    }

    pub(crate) async fn ask(&self, version: &str, action: &str, query: &[(&str, &str)]) -> Value {
        let reply = self.client.call(&Call::rpc(version, action, query)).await.unwrap();
        assert_eq!(reply.status, 200, "{action}: {}", reply.body);
        let json = reply.json();
        assert!(json["RequestId"].is_string(), "{action}: {json}");
        assert_eq!(reply.header("x-acs-request-id"), json["RequestId"].as_str());
        json
    }

    pub(crate) async fn refused(&self, version: &str, action: &str, query: &[(&str, &str)]) -> (u16, String) {
        self.client.call(&Call::rpc(version, action, query)).await.unwrap().outcome()
    }

    async fn attach(&self, members: &[&str]) -> crate::client::Reply {
        let (fleet, list) = (self.fleet(), serde_json::to_string(members).unwrap());
        let query = [("ClusterId", fleet.as_str())];
        let form = [("ClusterIds", list.as_str())];
        self.client.call(&Call::rpc(ADCP, "AttachClusterToHub", &query).form(&form)).await.unwrap()
    }

    pub(crate) async fn control(&self, method: &str, path: &str, body: &str) -> Value {
        let reply = control(&self.sandbox.ready().control_url, method, path, body).await;
        assert!(reply.status < 300, "{method} {path}: {} {}", reply.status, reply.body);
        reply.json()
    }
}

#[tokio::test]
async fn the_walkthroughs_calls_work_from_attach_to_detach() {
    let setup = Setup::new().await;
    let fleet = setup.fleet();
    let by_fleet = [("ClusterId", fleet.as_str())];
    let members = setup.sandbox.ready().member_ids.clone();

    let identity = setup.ask(STS, "GetCallerIdentity", &[]).await;
    assert_eq!(identity["IdentityType"], "RAMUser");
    let fleets = setup.ask(ADCP, "DescribeHubClusters", &[]).await;
    assert_eq!(fleets["Clusters"][0]["ClusterInfo"]["ClusterId"], fleet);
    assert!(fleets["Clusters"][0]["ClusterInfo"].get("MetaData").is_none(), "the list has no MetaData");
    let details = setup.ask(ADCP, "DescribeHubClusterDetails", &by_fleet).await;
    assert_eq!(details["Cluster"]["ClusterInfo"]["State"], "running");
    assert_eq!(details["Cluster"]["ClusterInfo"]["MetaData"]["ACKOne"]["GitOps"]["Enabled"], true);

    let attached = setup.attach(&[&members[0], &members[1]]).await;
    assert_eq!(attached.status, 200, "{}", attached.body);
    assert!(attached.json()["TaskId"].as_str().unwrap().starts_with("T-"));
    let list = setup.ask(ADCP, "DescribeManagedClusters", &by_fleet).await;
    let states: Vec<&Value> = list["Clusters"].as_array().unwrap().iter().map(|c| &c["Status"]["State"]).collect();
    assert_eq!(states, ["Successed", "Successed"]);

    let one = serde_json::to_string(&[&members[0]]).unwrap();
    let form = [("ClusterIds", one.as_str()), ("ClusterId", fleet.as_str())];
    let detached = setup.client.call(&Call::rpc(ADCP, "DetachClusterFromHub", &[]).form(&form)).await.unwrap();
    assert_eq!(detached.status, 200, "all parameters in the form: {}", detached.body);
    let list = setup.ask(ADCP, "DescribeManagedClusters", &by_fleet).await;
    assert_eq!(list["Clusters"].as_array().unwrap().len(), 1);
    let inventory = setup.control("GET", "/v1/inventory", "").await;
    assert_eq!(inventory["cloud"]["associations"], 1);
}

#[tokio::test]
async fn networks_clusters_and_groups_are_listed_and_paged() {
    let setup = Setup::new().await;
    let ready = setup.sandbox.ready();
    let vswitches = setup.ask(VPC, "DescribeVSwitches", &[("VpcId", ready.vpc_id.as_str()), ("PageSize", "2")]).await;
    assert_eq!(vswitches["VSwitches"]["VSwitch"].as_array().unwrap().len(), 2);
    assert_eq!(vswitches["TotalCount"], 3);
    let rest = [("VpcId", ready.vpc_id.as_str()), ("PageSize", "2"), ("PageNumber", "2")];
    assert_eq!(setup.ask(VPC, "DescribeVSwitches", &rest).await["VSwitches"]["VSwitch"].as_array().unwrap().len(), 1);
    let one = setup.ask(VPC, "DescribeVSwitchAttributes", &[("VSwitchId", ready.vswitch_ids[0].as_str())]).await;
    assert_eq!(one["VpcId"], ready.vpc_id);
    assert_eq!(setup.ask(VPC, "DescribeVpcs", &[("RegionId", "cn-hangzhou")]).await["TotalCount"], 2);
    assert_eq!(
        setup.refused(VPC, "DescribeVSwitchAttributes", &[("VSwitchId", "vsw-none")]).await,
        (400, "InvalidVSwitchId.NotFound".to_owned())
    );
    assert_eq!(setup.refused(VPC, "DescribeVSwitches", &[]).await, (400, "MissingRegionId".to_owned()));
    assert_eq!(setup.refused(VPC, "DescribeVpcs", &[("RegionId", "mars")]).await.1, "InvalidRegionId.NotFound");

    let path = format!("/clusters/{}", ready.member_ids[0]);
    let detail = setup.client.call(&Call::rpc(CS, "DescribeClusterDetail", &[]).get(&path)).await.unwrap();
    assert_eq!(detail.json()["vpc_id"], ready.vpc_id);
    assert!(detail.json().get("RequestId").is_none() && detail.header("x-acs-request-id").is_some());
    let unknown = setup.client.call(&Call::rpc(CS, "DescribeClusterDetail", &[]).get("/clusters/c0")).await.unwrap();
    assert_eq!(unknown.outcome(), (404, "ErrorClusterNotFound".to_owned()));
    assert!(unknown.json().get("Code").is_none(), "ROA errors are in lower camel case");
    let query = [("page_size", "3")];
    let page = setup.client.call(&Call::rpc(CS, "", &query).get("/api/v1/clusters")).await;
    assert_eq!(page.unwrap().outcome().1, "IncompleteSignature", "an empty x-acs-action");
    let page = setup.client.call(&Call::rpc(CS, "DescribeClustersV1", &query).get("/api/v1/clusters")).await.unwrap();
    assert_eq!(
        (page.json()["clusters"].as_array().unwrap().len(), &page.json()["page_info"]["total_count"]),
        (3, &4.into())
    );
    assert_eq!(setup.ask(ALB, "ListLoadBalancers", &[]).await["TotalCount"], 0);
}

#[tokio::test]
async fn security_group_rules_are_deduplicated_read_back_and_revoked() {
    let setup = Setup::new().await;
    let groups = setup.ask(ECS, "DescribeSecurityGroups", &[("RegionId", "cn-hangzhou")]).await;
    let group = groups["SecurityGroups"]["SecurityGroup"][0]["SecurityGroupId"].as_str().unwrap().to_owned();
    let target = [("RegionId", "cn-hangzhou"), ("SecurityGroupId", group.as_str())];
    let count = async || {
        let read = setup.ask(ECS, "DescribeSecurityGroupAttribute", &target).await;
        read["Permissions"]["Permission"].as_array().unwrap().clone()
    };
    let before = count().await.len();
    let rule = [
        ("Permissions.1.IpProtocol", "tcp"),
        ("Permissions.1.PortRange", "50051/50051"),
        ("Permissions.1.SourceCidrIp", "10.0.1.0/24"),
    ];
    let query = [target.as_slice(), rule.as_slice()].concat();
    setup.ask(ECS, "AuthorizeSecurityGroup", &query).await;
    setup.ask(ECS, "AuthorizeSecurityGroup", &query).await;
    let rules = count().await;
    assert_eq!(rules.len(), before + 1, "an identical rule is accepted and adds nothing");
    let added = rules.iter().find(|rule| rule["PortRange"] == "50051/50051").unwrap();
    assert_eq!((added["IpProtocol"].as_str(), added["Policy"].as_str()), (Some("TCP"), Some("Accept")));
    let id = added["SecurityGroupRuleId"].as_str().unwrap();
    let revoke = [target.as_slice(), &[("SecurityGroupRuleId.1", id)]].concat();
    setup.ask(ECS, "RevokeSecurityGroup", &revoke).await;
    assert_eq!(
        setup.refused(ECS, "RevokeSecurityGroup", &revoke).await,
        (404, "InvalidSecurityGroupRuleId.NotFound".to_owned())
    );
    assert_eq!(
        setup.refused(ECS, "RevokeSecurityGroup", &query).await,
        (400, "InvalidSecurityGroupRule.RuleNotExist".to_owned())
    );
    assert_eq!(count().await.len(), before);
}

#[tokio::test]
async fn wrong_calls_get_the_services_errors() {
    let setup = Setup::new().await;
    let fleet = setup.fleet();
    let none = "c00000000000000000000000000000000";
    for (version, action, query, want) in [
        (ADCP, "DescribeHubCluster", &[][..], (404, "InvalidAction.NotFound")),
        ("2022-01-02", "DescribeHubClusters", &[][..], (404, "NoSuchVersion")),
        (ADCP, "DescribeRegions", &[][..], (400, "UnsupportedHTTPMethod")),
        (ADCP, "DescribeManagedClusters", &[][..], (400, "MissingClusterId")),
        (ADCP, "DescribeManagedClusters", &[("ClusterId", none)][..], (404, "Cluster.NotFound")),
        (ADCP, "DescribeHubClusterDetails", &[("ClusterId", none)][..], (404, "Cluster.NotFound")),
        (ADCP, "AttachClusterToHub", &[("ClusterId", fleet.as_str())][..], (400, "MissingClusterIds")),
        (
            ADCP,
            "AttachClusterToHub",
            &[("ClusterId", fleet.as_str()), ("ClusterIds", "c1")][..],
            (400, "InvalidParameter"),
        ),
        (
            ADCP,
            "DescribeHubClusterKubeconfig",
            &[("ClusterId", fleet.as_str()), ("PrivateIpAddress", "x")][..],
            (400, "InvalidParameter"),
        ),
        (STS, "AssumeRole", &[("RoleArn", "acs:ram::1:role/x")][..], (400, "MissingRoleSessionName")),
        (
            STS,
            "AssumeRole",
            &[("RoleArn", "acs:ram::1:role/x"), ("RoleSessionName", "s!")][..],
            (400, "InvalidParameter.RoleSessionName"),
        ),
    ] {
        let got = setup.refused(version, action, query).await;
        assert_eq!((got.0, got.1.as_str()), want, "{version} {action} {query:?}");
    }
    let body = setup.client.call(&Call::rpc(ADCP, "DescribeManagedClusters", &[])).await.unwrap().json();
    assert!(body["HostId"].is_string() && body["Recommend"].is_string() && body["Message"].is_string(), "{body}");

    let wrong_secret = Client { secret: "wrong".to_owned(), ..setup.client.clone() };
    let refused = wrong_secret.call(&Call::rpc(ADCP, "DescribeHubClusters", &[])).await.unwrap();
    assert_eq!(refused.outcome(), (400, "SignatureDoesNotMatch".to_owned()));
    let unknown_key = Client { key_id: "LTAInobody".to_owned(), ..setup.client.clone() };
    let refused = unknown_key.call(&Call::rpc(ADCP, "DescribeHubClusters", &[])).await.unwrap();
    assert_eq!(refused.outcome(), (404, "InvalidAccessKeyId.NotFound".to_owned()));
    let call = Call::rpc(ADCP, "DescribeHubClusters", &[]);
    assert_eq!(setup.client.call(&call).await.unwrap().status, 200);
    assert_eq!(setup.client.call(&call).await.unwrap().outcome(), (400, "SignatureNonceUsed".to_owned()));
    let old = Call { date: "2024-05-06T07:08:09Z".to_owned(), ..Call::rpc(ADCP, "DescribeHubClusters", &[]) };
    assert_eq!(setup.client.call(&old).await.unwrap().outcome(), (400, "InvalidTimeStamp.Expired".to_owned()));
}

#[tokio::test]
async fn a_role_session_works_until_it_expires() {
    let setup = Setup::new().await;
    let role = setup.sandbox.ready().role_arn.clone();
    let session = setup.ask(STS, "AssumeRole", &[("RoleArn", role.as_str()), ("RoleSessionName", "ci")]).await;
    let credentials = &session["Credentials"];
    let text = |field: &str| credentials[field].as_str().unwrap().to_owned();
    let temporary = Client {
        key_id: text("AccessKeyId"),
        secret: text("AccessKeySecret"),
        token: Some(text("SecurityToken")),
        ..setup.client.clone()
    };
    assert!(temporary.key_id.starts_with("STS."));
    let whoami = temporary.call(&Call::rpc(STS, "GetCallerIdentity", &[])).await.unwrap().json();
    assert_eq!(whoami["IdentityType"], "AssumedRoleUser");
    assert!(whoami["Arn"].as_str().unwrap().ends_with("/ci") && whoami["RoleId"].is_string(), "{whoami}");
    let bare = Client { token: None, ..temporary.clone() };
    let refused = bare.call(&Call::rpc(STS, "GetCallerIdentity", &[])).await.unwrap();
    assert_eq!(refused.outcome().1, "MissingSecurityToken");
    setup
        .control("POST", "/v1/world/keys", &format!(r#"{{"access_key_id":"{}","expire":true}}"#, temporary.key_id))
        .await;
    let refused = temporary.call(&Call::rpc(STS, "GetCallerIdentity", &[])).await.unwrap();
    assert_eq!(refused.outcome(), (400, "InvalidSecurityToken.Expired".to_owned()));
}

#[tokio::test]
async fn a_denied_action_names_action_and_principal() {
    let setup = Setup::new().await;
    setup.control("POST", "/v1/world/permissions", r#"{"deny":["adcp:Describe*","vpc:DescribeVpcs","cs:*"]}"#).await;
    let denied = setup.client.call(&Call::rpc(ADCP, "DescribeHubClusters", &[])).await.unwrap();
    assert_eq!(denied.outcome(), (403, "NoPermission".to_owned()));
    let detail = &denied.json()["AccessDeniedDetail"];
    assert_eq!(detail["AuthAction"], "adcp:DescribeHubClusters");
    assert_eq!(
        (detail["AuthPrincipalType"].as_str(), detail["AuthPrincipalDisplayName"].as_str()),
        (Some("SubUser"), Some("terraform"))
    );
    assert_eq!(
        setup.refused(VPC, "DescribeVpcs", &[("RegionId", "cn-hangzhou")]).await,
        (403, "Forbidden.RAM".to_owned())
    );
    let cs = setup.client.call(&Call::rpc(CS, "DescribeClusterDetail", &[]).get("/clusters/c0")).await.unwrap();
    assert_eq!(cs.json()["accessDeniedDetail"]["AuthAction"], "cs:DescribeClusterDetail");
    assert_eq!(setup.refused(STS, "GetCallerIdentity", &[]).await.0, 200, "needs no permission");
    setup.control("POST", "/v1/world/permissions", r#"{"allow":["*"]}"#).await;
    assert_eq!(setup.refused(ADCP, "DescribeHubClusters", &[]).await.0, 200);
}

#[tokio::test]
async fn faults_spoil_calls_in_the_way_they_say() {
    let setup = Setup::new().await;
    let fault = async |spec: &str| {
        setup.control("DELETE", "/v1/faults", "").await;
        setup.control("POST", "/v1/faults", &serde_json::json!({"spec": spec}).to_string()).await;
    };
    let regions = || Call::rpc(ADCP, "DescribeRegions", &[]).get("/");

    fault("adcp=throttle,retry_after_ms=250,count=1").await;
    let reply = setup.client.call(&regions()).await.unwrap();
    assert_eq!(reply.outcome(), (400, "Throttling.User".to_owned()));
    assert_eq!(reply.header("x-acs-retry-after"), Some("250"));
    assert_eq!(setup.client.call(&regions()).await.unwrap().status, 200);

    fault("adcp/DescribeRegions=throttle,status=429,code=Throttling.Api").await;
    let reply = setup.client.call(&regions()).await.unwrap();
    assert_eq!((reply.outcome(), reply.header("x-acs-retry-after")), ((429, "Throttling.Api".to_owned()), None));
    fault("adcp=unavailable").await;
    assert_eq!(setup.client.call(&regions()).await.unwrap().outcome(), (503, "ServiceUnavailable".to_owned()));
    fault("adcp=error,status=500,code=InternalError").await;
    assert_eq!(setup.client.call(&regions()).await.unwrap().outcome(), (500, "InternalError".to_owned()));
    fault("adcp=expire_credentials").await;
    assert_eq!(
        setup.client.call(&regions()).await.unwrap().outcome(),
        (400, "InvalidSecurityToken.Expired".to_owned())
    );
    fault("adcp=skew,seconds=3600").await;
    assert_eq!(setup.client.call(&regions()).await.unwrap().outcome(), (400, "InvalidTimeStamp.Expired".to_owned()));
    fault("adcp=html").await;
    let reply = setup.client.call(&regions()).await.unwrap();
    assert_eq!((reply.status, reply.header("content-type")), (502, Some("text/html; charset=utf-8")));
    assert!(reply.body.starts_with("<html>"));
    fault("adcp=truncate").await;
    let error = setup.client.call(&regions()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{error}");
    fault("adcp=reset").await;
    let error = setup.client.call(&regions()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    fault("adcp=latency,ms=1").await;
    assert_eq!(setup.client.call(&regions()).await.unwrap().status, 200);
    fault("adcp=unavailable").await;
    let forged = Client { secret: "wrong".to_owned(), ..setup.client.clone() };
    assert_eq!(forged.call(&regions()).await.unwrap().outcome().1, "SignatureDoesNotMatch", "a fault hides no mistake");
}

#[tokio::test]
async fn an_accepted_write_whose_answer_is_lost_has_happened() {
    let setup = Setup::new().await;
    let member = setup.sandbox.ready().member_ids[0].clone();
    for (spec, happened) in [("adcp/Attach*=reset,count=1", false), ("adcp/Attach*=drop_after,count=1", true)] {
        setup.sandbox.faults().clear();
        setup.sandbox.faults().add(ackone_sandbox::faults::parse_spec(spec).unwrap());
        let (fleet, list) = (setup.fleet(), format!("[\"{member}\"]"));
        let (query, form) = ([("ClusterId", fleet.as_str())], [("ClusterIds", list.as_str())]);
        let call = Call::rpc(ADCP, "AttachClusterToHub", &query).form(&form);
        assert!(setup.client.call(&call).await.is_err(), "{spec}");
        assert_eq!(setup.sandbox.world().is_attached(&fleet, &member), happened, "{spec}");
    }
}

#[tokio::test]
async fn the_kth_remote_call_fails_after_the_counter_is_reset() {
    let setup = Setup::new().await;
    setup.ask(STS, "GetCallerIdentity", &[]).await;
    setup.control("DELETE", "/v1/calls", "").await;
    setup.control("POST", "/v1/faults", r#"{"when":{"call":2},"fault":{"kind":"unavailable"}}"#).await;
    setup.ask(STS, "GetCallerIdentity", &[]).await;
    assert_eq!(setup.refused(ADCP, "DescribeHubClusters", &[]).await.0, 503);
    setup.ask(ADCP, "DescribeHubClusters", &[]).await;
    let calls = setup.control("GET", "/v1/calls", "").await;
    assert_eq!(calls["calls"], 3);
    assert_eq!(calls["counters"]["adcp/DescribeHubClusters"], serde_json::json!({"calls": 2, "failed": 1}));
    assert_eq!(calls["entries"][1]["fault"], "unavailable");
    assert_eq!(calls["entries"][1]["code"], "ServiceUnavailable");
}

#[tokio::test]
async fn the_control_endpoint_explains_what_it_refuses() {
    let setup = Setup::new().await;
    let url = setup.sandbox.ready().control_url.clone();
    for (method, path, body, status, expected) in [
        ("POST", "/v1/faults", r#"{"spec":"adcp=explode"}"#, 400, "unknown variant `explode`"),
        ("POST", "/v1/faults", r#"{"fault":{"kind":"reset"},"whne":{}}"#, 400, "unknown field `whne`"),
        ("POST", "/v1/faults", "{", 400, "EOF"),
        ("DELETE", "/v1/faults/7", "", 404, "no fault 7"),
        ("POST", "/v1/members/c0/state", "{}", 404, "no cluster c0"),
        ("POST", "/v1/world/permissions", r#"{"deny":["Attach"]}"#, 400, "is not PRODUCT:ACTION"),
        ("POST", "/v1/world/behaviour", r#"{"time_scale":-1}"#, 400, "time_scale"),
        ("POST", "/v1/world/behaviour", r#"{"detach_leaves":"gone"}"#, 400, "unknown variant `gone`"),
        ("POST", "/v1/world/clock", "", 400, "missing field `skew_seconds`"),
        ("POST", "/v1/world/keys", r#"{"access_key_id":"x"}"#, 404, "no access key x"),
        ("POST", "/v1/world/roles", r#"{"role":"a/b"}"#, 400, "role: a name has"),
        ("POST", "/v1/world/instance", r#"{"role":"nobody"}"#, 404, "no role nobody"),
        ("POST", "/v1/world/oidc-tokens", r#"{"valid":1}"#, 400, "unknown field `valid`"),
        ("POST", "/v1/world/vswitches", "", 400, "missing field `count`"),
        ("POST", "/v1/world/vswitches", r#"{"count":201}"#, 400, "at most 200"),
        ("POST", "/v1/world/fleets", r#"{"vpc_id":"vpc-1"}"#, 400, "unknown field `vpc_id`"),
        ("POST", "/v1/kubernetes/compact", "", 409, "no API server runs here"),
        ("POST", "/v1/kubernetes/explode", "", 404, "no action"),
        ("POST", "/v1/controller/pause", "", 409, "no controller"),
        ("PUT", "/v1/calls", "", 405, "does not take PUT"),
        ("GET", "/v2", "", 404, "there is no /v2"),
    ] {
        let reply = control(&url, method, path, body).await;
        let error = reply.json()["error"].as_str().unwrap_or_default().to_owned();
        assert!(reply.status == status && error.contains(expected), "{method} {path}: {} {error}", reply.status);
    }
    let address = url.strip_prefix("http://").unwrap();
    let from_a_page =
        [("host".to_owned(), address.to_owned()), ("origin".to_owned(), "http://evil.example".to_owned())];
    let reply = crate::client::send(address, "POST", "/v1/shutdown", &from_a_page, "").await.unwrap();
    assert_eq!(reply.status, 403);
    let rebound = [("host".to_owned(), "evil.example:80".to_owned())];
    let reply = crate::client::send(address, "GET", "/v1/calls", &rebound, "").await.unwrap();
    assert_eq!(reply.status, 403);
}

#[tokio::test]
async fn members_and_behaviour_can_be_set_through_the_control_endpoint() {
    let setup = Setup::new().await;
    let fleet = setup.fleet();
    let member = setup.sandbox.ready().member_ids[0].clone();
    let path = format!("/v1/members/{member}/state");
    let by_fleet = [("ClusterId", fleet.as_str())];
    setup.control("POST", &path, r#"{"association":"Failed","message":"no route to host"}"#).await;
    let list = setup.ask(ADCP, "DescribeManagedClusters", &by_fleet).await;
    assert_eq!(list["Clusters"][0]["Status"], serde_json::json!({"State": "Failed", "Message": "no route to host"}));
    setup.control("POST", &path, r#"{"association":"Absent","cluster_state":"unavailable"}"#).await;
    assert_eq!(setup.attach(&[&member]).await.outcome(), (400, "ErrorClusterState".to_owned()));
    setup.control("POST", &path, r#"{"cluster_state":"running","fail_next_attach":"quota"}"#).await;
    assert_eq!(setup.attach(&[&member]).await.status, 200);
    let list = setup.ask(ADCP, "DescribeManagedClusters", &by_fleet).await;
    assert_eq!(list["Clusters"][0]["Status"]["Message"], "quota");
    setup.control("POST", &path, r#"{"association":"Absent"}"#).await;
    setup.control("POST", "/v1/world/behaviour", r#"{"empty_lists":"missing"}"#).await;
    assert!(setup.ask(ADCP, "DescribeManagedClusters", &by_fleet).await.get("Clusters").is_none());
    setup.control("POST", "/v1/world/clock", r#"{"skew_seconds":-3600}"#).await;
    assert_eq!(setup.refused(ADCP, "DescribeHubClusters", &[]).await.1, "InvalidTimeStamp.Expired");
}

#[tokio::test]
async fn parameters_no_action_knows_are_ignored_and_logged_by_name() {
    let setup = Setup::new().await;
    setup.ask(ADCP, "DescribeHubClusters", &[("Profil", "Default"), ("RegionId", "cn-hangzhou")]).await;
    let calls = setup.control("GET", "/v1/calls", "").await;
    assert_eq!(calls["entries"][0]["unknown_parameters"], serde_json::json!(["Profil"]));
}

#[tokio::test]
async fn no_secret_reaches_the_call_log_or_the_inventory() {
    let setup = Setup::new().await;
    let role = setup.sandbox.ready().role_arn.clone();
    let session = setup.ask(STS, "AssumeRole", &[("RoleArn", role.as_str()), ("RoleSessionName", "canary")]).await;
    let text = |field: &str| session["Credentials"][field].as_str().unwrap().to_owned();
    let temporary = Client {
        key_id: text("AccessKeyId"),
        secret: text("AccessKeySecret"),
        token: Some(text("SecurityToken")),
        ..setup.client.clone()
    };
    let policy_canary = "canary-policy-0123456789";
    let statement = serde_json::json!({"Effect": "Allow", "Action": "*", "Resource": policy_canary});
    let policy = serde_json::json!({"Version": "1", "Statement": [statement]}).to_string();
    let query = [("RoleArn", role.as_str()), ("RoleSessionName", "s2"), ("Policy", policy.as_str())];
    assert_eq!(temporary.call(&Call::rpc(STS, "AssumeRole", &query)).await.unwrap().status, 200);
    let body_canary = [("ClusterIds", "[\"canary-in-a-body\"]")];
    let fleet = setup.fleet();
    let target = [("ClusterId", fleet.as_str())];
    let refused = temporary.call(&Call::rpc(ADCP, "AttachClusterToHub", &target).form(&body_canary)).await.unwrap();
    assert_eq!(refused.outcome().1, "ErrorClusterNotFound");
    let forged = Client { secret: "canary-secret".to_owned(), ..setup.client.clone() };
    assert_eq!(forged.call(&Call::rpc(ADCP, "DescribeHubClusters", &[])).await.unwrap().status, 400);

    let mut seen = setup.control("GET", "/v1/calls", "").await.to_string();
    assert!(seen.contains(&temporary.key_id), "the log names the caller");
    seen.push_str(&setup.control("GET", "/v1/inventory", "").await.to_string());
    seen.push_str(&setup.control("GET", "/v1/faults", "").await.to_string());
    seen.push_str(&format!("{:?}", setup.sandbox));
    let secrets = [&setup.client.secret, &temporary.secret, temporary.token.as_ref().unwrap()];
    for secret in secrets.into_iter().map(String::as_str).chain([
        policy_canary,
        "canary-in-a-body",
        "canary-secret",
        "Signature=",
    ]) {
        assert!(!seen.contains(secret), "a secret is shown: {secret}");
    }
}

#[tokio::test]
async fn a_fleet_can_be_created_switched_and_deleted() {
    let setup = Setup::new().await;
    let ready = setup.sandbox.ready();
    let vswitches = serde_json::to_string(&ready.vswitch_ids).unwrap();
    let form = [
        ("RegionId", "cn-hangzhou"),
        ("VpcId", ready.vpc_id.as_str()),
        ("VSwitches", vswitches.as_str()),
        ("Name", "second"),
    ];
    let query = [("Tag", r#"[{"Key":"team","Value":"edge"}]"#)];
    let created = setup.client.call(&Call::rpc(ADCP, "CreateHubCluster", &query).form(&form)).await.unwrap().json();
    let id = created["ClusterId"].as_str().unwrap();
    let by_id = [("ClusterId", id)];
    let tagged = setup.ask(ADCP, "DescribeHubClusters", &query).await;
    assert_eq!(
        (tagged["Clusters"].as_array().unwrap().len(), &tagged["Clusters"][0]["ClusterInfo"]["Name"]),
        (1, &"second".into())
    );
    assert_eq!(setup.refused(ADCP, "DeleteHubCluster", &by_id).await, (400, "OperationDenied".to_owned()));
    setup
        .ask(ADCP, "UpdateHubClusterFeature", &[("ClusterId", id), ("ArgoCDEnabled", "False"), ("Name", "third")])
        .await;
    let details = setup.ask(ADCP, "DescribeHubClusterDetails", &by_id).await;
    assert_eq!(details["Cluster"]["ClusterInfo"]["Name"], "third");
    setup.ask(ADCP, "DeleteHubCluster", &by_id).await;
    assert_eq!(setup.refused(ADCP, "DescribeHubClusterDetails", &by_id).await, (404, "Cluster.NotFound".to_owned()));
}

/// Says for whom and for which address a kubeconfig is.
#[derive(Debug)]
struct Issuer;

impl KubeconfigIssuer for Issuer {
    fn issue(&self, request: &KubeconfigRequest) -> Result<String, IssueError> {
        Ok(format!("{} of {} by its {:?} address", request.user, request.fleet_id, request.endpoint))
    }
}

#[tokio::test]
async fn a_kubeconfig_is_the_callers_and_by_the_endpoint_asked_for() {
    let side = FleetSide { issuer: Some(Arc::new(Issuer)), ..FleetSide::default() };
    let args = RunArgs { private_api_server: true, ..RunArgs::default() };
    let setup = Setup::with_fleet(args, side).await;
    let fleet = setup.fleet();
    let private = [("ClusterId", fleet.as_str()), ("PrivateIpAddress", "true")];
    let answer = setup.ask(ADCP, "DescribeHubClusterKubeconfig", &private).await;
    let user = setup.ask(STS, "GetCallerIdentity", &[]).await["UserId"].as_str().unwrap().to_owned();
    assert_eq!(answer["Kubeconfig"], format!("{user} of {fleet} by its Private address"));
    let (status, _) = setup.refused(ADCP, "DescribeHubClusterKubeconfig", &private[..1]).await;
    assert_eq!(status, 400, "there is no public endpoint");
}

#[tokio::test]
async fn waiting_times_pass_by_themselves_and_wake_who_watches() {
    let setup = Setup::with(RunArgs { time_scale: 0.001, ..RunArgs::default() }).await;
    let (fleet, member) = (setup.fleet(), setup.sandbox.ready().member_ids[0].clone());
    let mut changes = setup.sandbox.world().subscribe();
    assert_eq!(setup.attach(&[&member]).await.status, 200);
    let attached = async {
        while !setup.sandbox.world().is_attached(&fleet, &member) {
            changes.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(20), attached).await.expect("the member is not attached in time");
}

/// Load balancers as a controller would show them.
#[derive(Debug)]
struct Balancers(Vec<Value>);

impl LoadBalancers for Balancers {
    fn list(&self, kind: AlbKind) -> Vec<Value> {
        if kind == AlbKind::LoadBalancer { self.0.clone() } else { Vec::new() }
    }
}

#[tokio::test]
async fn load_balancers_are_found_by_id_and_tag_and_paged() {
    let balancers = (0..3)
        .map(|n| {
            serde_json::json!({"LoadBalancerId": format!("alb-{n}"), "LoadBalancerStatus": "Active", "ZoneMappings": [],
                "Tags": [{"Key": "ack.aliyun.com", "Value": if n == 1 { "c1" } else { "c2" }}]})
        })
        .collect();
    let side = FleetSide { balancers: Some(Arc::new(Balancers(balancers))), ..FleetSide::default() };
    let setup = Setup::with_fleet(RunArgs::default(), side).await;
    let tag = [("Tag.1.Key", "ack.aliyun.com"), ("Tag.1.Value", "c1")];
    let tagged = setup.ask(ALB, "ListLoadBalancers", &tag).await;
    assert_eq!(
        (tagged["TotalCount"].as_u64(), tagged["LoadBalancers"][0]["LoadBalancerId"].as_str()),
        (Some(1), Some("alb-1"))
    );
    assert!(tagged["LoadBalancers"][0].get("ZoneMappings").is_none(), "only the attribute call shows zones");
    let by_id = [("LoadBalancerIds.1", "alb-2"), ("LoadBalancerIds.2", "alb-9")];
    assert_eq!(setup.ask(ALB, "ListLoadBalancers", &by_id).await["TotalCount"], 1);
    let first = setup.ask(ALB, "ListLoadBalancers", &[("MaxResults", "2")]).await;
    let token = first["NextToken"].as_str().unwrap().to_owned();
    let last = setup.ask(ALB, "ListLoadBalancers", &[("MaxResults", "2"), ("NextToken", token.as_str())]).await;
    assert!(last["LoadBalancers"][0]["LoadBalancerId"] == "alb-2" && last.get("NextToken").is_none(), "{last}");
    assert_eq!(setup.refused(ALB, "ListLoadBalancers", &[("NextToken", "x")]).await.1, "InvalidParameter");
    let one = setup.ask(ALB, "GetLoadBalancerAttribute", &[("LoadBalancerId", "alb-0")]).await;
    assert!(one["ZoneMappings"].is_array());
    let zones = setup.ask(ALB, "DescribeZones", &[]).await;
    assert_eq!(zones["Zones"].as_array().unwrap().len(), 2, "{zones}");
    let gone = setup.refused(ALB, "GetLoadBalancerAttribute", &[("LoadBalancerId", "alb-9")]).await;
    assert_eq!(gone, (404, "ResourceNotFound.LoadBalancer".to_owned()));
}

#[tokio::test]
async fn a_client_token_makes_a_repeat_harmless_and_is_bound_to_its_parameters() {
    let setup = Setup::new().await;
    let groups = setup.ask(ECS, "DescribeSecurityGroups", &[("RegionId", "cn-hangzhou")]).await;
    let group = groups["SecurityGroups"]["SecurityGroup"][0]["SecurityGroupId"].as_str().unwrap().to_owned();
    let target = [("RegionId", "cn-hangzhou"), ("SecurityGroupId", group.as_str())];
    let rule = |port| {
        let fields = [
            ("ClientToken", "tok-1"),
            ("Permissions.1.IpProtocol", "TCP"),
            ("Permissions.1.PortRange", port),
            ("Permissions.1.SourceCidrIp", "10.0.1.0/24"),
        ];
        [target.as_slice(), fields.as_slice()].concat()
    };
    setup.ask(ECS, "AuthorizeSecurityGroup", &rule("1/1")).await;
    let undo: Vec<(&str, &str)> = rule("1/1").into_iter().filter(|(key, _)| *key != "ClientToken").collect();
    setup.ask(ECS, "RevokeSecurityGroup", &undo).await;
    setup.ask(ECS, "AuthorizeSecurityGroup", &rule("1/1")).await;
    let read = setup.ask(ECS, "DescribeSecurityGroupAttribute", &target).await;
    let ports =
        read["Permissions"]["Permission"].as_array().unwrap().iter().filter(|r| r["PortRange"] == "1/1").count();
    assert_eq!(ports, 0, "the repeat got the first answer and did nothing");
    let other = setup.refused(ECS, "AuthorizeSecurityGroup", &rule("2/2")).await;
    assert_eq!(other, (400, "IdempotentParameterMismatch".to_owned()));
}

#[tokio::test]
async fn garbage_on_the_wire_is_refused_and_the_server_lives_on() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let setup = Setup::new().await;
    let long = "x".repeat(1 << 20);
    let signed = |headers: &str| {
        format!("POST /?%=%zz&&=&a=%FF HTTP/1.1\r\nhost: h\r\n{headers}connection: close\r\n\r\n").into_bytes()
    };
    let garbage = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"\r\n\r\n\x00\x00".to_vec(),
        format!("GET /{long} HTTP/1.1\r\n\r\n").into_bytes(),
        signed("authorization: ACS3-HMAC-SHA256 Credential=\u{e9},SignedHeaders=;;,Signature=zz\r\n"),
        signed("x-acs-version: 2022-01-01\r\nx-acs-action: AttachClusterToHub\r\n"),
        signed("x-acs-version: 2015-12-15\r\n"),
        b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 99999999999\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_vec(),
    ];
    for bytes in garbage {
        let mut stream = tokio::net::TcpStream::connect(&setup.client.address).await.unwrap();
        // The server may close before it has read everything; then writing or shutting down fails, which is an answer.
        let written = stream.write_all(&bytes).await.is_ok() && stream.shutdown().await.is_ok();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "no end after {:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(60)]));
        let text = String::from_utf8_lossy(&answer);
        assert!(!text.starts_with("HTTP/1.1 2"), "accepted ({written}): {text}");
    }
    setup.ask(ADCP, "DescribeHubClusters", &[]).await;
}
