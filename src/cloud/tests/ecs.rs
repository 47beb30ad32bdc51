//! Security groups: pages, what a rule looks like on the wire, and what may be sent again.

use super::server::{Reply, Server};
use crate::cloud::{
    ecs::{InboundAccess, SecurityGroupRule},
    *,
};

fn page(ids: &[&str], next: &str) -> Reply {
    let rules: Vec<String> = ids
        .iter()
        .map(|id| {
            format!(
                r#"{{"SecurityGroupRuleId":"{id}","Direction":"ingress","IpProtocol":"ALL","PortRange":"-1/-1","Policy":"Accept",
                "Priority":"1","Description":null,"SourceCidrIp":"10.0.1.0/24","CreateTime":"2026-11-23T18:30:00Z"}}"#
            )
        })
        .collect();
    Reply::ok(&format!(
        r#"{{"RequestId":"R","NextToken":"{next}","Permissions":{{"Permission":[{}]}}}}"#,
        rules.join(",")
    ))
}

#[tokio::test]
async fn every_page_of_rules_is_read_and_none_comes_twice() {
    let server = Server::scripted(vec![page(&["r1", "r2"], "t1"), page(&["r2", "r3"], "t2"), page(&["r4"], "")]).await;
    let rules = server.client().describe_inbound_rules(&"sg-1".into(), &CallContext::default()).await.unwrap();
    let ids: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, ["r1", "r2", "r3", "r4"]);
    assert_eq!((rules[0].source_cidr_ip.as_str(), rules[0].description.as_str()), ("10.0.1.0/24", ""));
    let targets: Vec<String> = server.received().iter().map(|received| received.target.clone()).collect();
    assert!(targets[0].contains("Direction=ingress") && !targets[0].contains("NextToken"), "{targets:?}");
    assert!(targets[1].contains("NextToken=t1") && targets[2].contains("NextToken=t2"), "{targets:?}");
}

#[tokio::test]
async fn those_who_ask_for_one_thing_together_share_a_call() {
    let server = Server::scripted(vec![page(&["r1"], "")]).await;
    let (client, context) = (server.client(), CallContext::default());
    let group = SecurityGroupId::new("sg-1");
    let all = futures_util::future::join_all((0..50).map(|_| client.inbound_rules(&group, &context))).await;
    assert!(all.iter().all(|rules| rules.as_ref().is_ok_and(|rules| rules.len() == 1)));
    assert!(server.received().len() <= 2, "{} calls", server.received().len());
    client.inbound_rules(&SecurityGroupId::new("sg-2"), &context).await.unwrap();
    let asked = parameter(&server, "SecurityGroupId");
    assert_eq!(asked.last().map(String::as_str), Some("sg-2"), "another group is another call");
}

#[tokio::test]
async fn a_list_that_repeats_its_token_ends() {
    let server = Server::scripted(vec![page(&["r1"], "t1"), page(&["r2"], "t1")]).await;
    let rules = server.client().describe_inbound_rules(&"sg-1".into(), &CallContext::default()).await.unwrap();
    assert_eq!((rules.len(), server.received().len()), (2, 2));
}

#[test]
fn a_rule_without_anything_is_read() {
    let rule: SecurityGroupRule = serde_json::from_str("{}").unwrap();
    assert_eq!(rule, SecurityGroupRule::default());
}

fn access(source: &str) -> InboundAccess {
    InboundAccess { source_cidr: source.to_owned(), priority: 7, description: "gateway [x]".to_owned() }
}

/// Values of a query parameter, over all requests.
fn parameter(server: &Server, name: &str) -> Vec<String> {
    let received = server.received();
    let pairs =
        received.iter().flat_map(|received| received.target.trim_start_matches("/?").split('&').map(str::to_owned));
    pairs.filter_map(|pair| pair.strip_prefix(&format!("{name}=")).map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_sent_again_with_its_token() {
    for lost in [Reply::Drop, Reply::error(500, "InternalError"), Reply::error(500, "InvalidGressFlow.Malformed")] {
        let server = Server::scripted(vec![lost.clone(), Reply::ok(r#"{"RequestId":"R"}"#)]).await;
        let client = server.client();
        let rules = [access("10.0.1.0/24"), access("10.0.2.0/24")];
        client.authorize_security_group(&"sg-1".into(), &rules, &CallContext::default()).await.unwrap();
        client
            .revoke_security_group(&"sg-1".into(), &["r1".into(), "r2".into()], &CallContext::default())
            .await
            .unwrap();
        let tokens = parameter(&server, "ClientToken");
        assert!(tokens.iter().all(|token| token.len() == 32), "{tokens:?}");
        assert!(tokens[0] == tokens[1] && tokens[1] != tokens[2], "one for each operation: {tokens:?}");
        assert_eq!(parameter(&server, "Permissions.2.SourceCidrIp")[0], "10.0.2.0%2F24");
        assert_eq!(parameter(&server, "Permissions.1.Priority")[0], "7");
        assert_eq!(parameter(&server, "Permissions.1.IpProtocol")[0], "ALL");
        assert_eq!(parameter(&server, "Permissions.1.PortRange")[0], "-1%2F-1");
        assert_eq!(parameter(&server, "SecurityGroupRuleId.2"), ["r2"]);
    }
}

#[tokio::test]
async fn refusals_are_told_apart_by_their_codes() {
    let refused = async |status, code| {
        let server = Server::scripted(vec![Reply::error(status, code)]).await;
        let client = server.client();
        client.revoke_security_group(&"sg-1".into(), &["r1".into()], &CallContext::default()).await.unwrap_err()
    };
    for (status, code) in [
        (404, "InvalidSecurityGroupRuleId.NotFound"),
        (400, "InvalidParam.SecurityGroupRuleId"),
        (400, "InvalidSecurityGroupRule.RuleNotExist"),
    ] {
        let error = refused(status, code).await;
        assert!(error.is_rule_gone() && !error.is_not_found(), "{code}");
    }
    let gone = refused(400, "InvalidSecurityGroupId.NotFound").await;
    assert!(gone.is_not_found() && !gone.is_rule_gone());
    assert!(refused(403, "AuthorizationLimitExceed").await.is_rule_quota());
    assert!(refused(403, "InvalidOperation.ResourceManagedByCloudProduct").await.is_managed_by_service());
    let forbidden = refused(403, "Forbidden.RAM").await;
    assert!(forbidden.is_forbidden() && forbidden.action().permission() == "ecs:RevokeSecurityGroup");
}
