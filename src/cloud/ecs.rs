//! ECS, version 2014-05-26: the security groups that members stand behind, and their inbound rules.
//!
//! Facts: the public documentation and the official SDK. An authorization answers no rule ids: they are read back. One
//! that is identical to a rule adds nothing and leaves that rule's description as it is. A revocation by rule id cannot
//! hit somebody else's rule.

use serde::Deserialize;
use serde_json::json;

use super::{
    cancel::CallContext,
    client::{Answer, CloudClient},
    error::CloudError,
    id::{SecurityGroupId, SecurityGroupRuleId},
    lenient::or_default,
    request::{ApiRequest, Effect, Product},
};

/// Largest page of rules (`MaxResults` of `DescribeSecurityGroupAttribute`).
const RULES_PAGE: u64 = 1_000;

/// Most `Permissions` of one authorization, and most rule ids of one revocation.
pub const MOST_RULES_PER_CALL: usize = 100;

/// Pages after which a list that never ends is given up: far above any quota of rules.
const MAX_PAGES: usize = 1_000;

/// Longest `Description` of a rule, in characters.
pub const LONGEST_DESCRIPTION: usize = 512;

/// One inbound rule of a security group. Texts are the service's own; enumerations are compared without case, as the
/// service writes them differently from how it takes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct SecurityGroupRule {
    /// Its id.
    #[serde(rename = "SecurityGroupRuleId", deserialize_with = "or_default")]
    pub id: SecurityGroupRuleId,
    /// `ingress` or `egress`.
    #[serde(deserialize_with = "or_default")]
    pub direction: String,
    /// `TCP`, `UDP`, `ICMP`, `ICMPv6`, `GRE` or `ALL`.
    #[serde(deserialize_with = "or_default")]
    pub ip_protocol: String,
    /// `1/65535` and the like; `-1/-1` where the protocol has no ports.
    #[serde(deserialize_with = "or_default")]
    pub port_range: String,
    /// `Accept` or `Drop`.
    #[serde(deserialize_with = "or_default")]
    pub policy: String,
    /// `1` to `100`; the smaller number is asked first.
    #[serde(deserialize_with = "or_default")]
    pub priority: String,
    /// What its author says of it.
    #[serde(deserialize_with = "or_default")]
    pub description: String,
    /// When it was made, RFC 3339.
    #[serde(deserialize_with = "or_default")]
    pub create_time: String,
    /// IPv4 source; empty if the source is something else.
    #[serde(deserialize_with = "or_default")]
    pub source_cidr_ip: String,
    /// Source prefix list; empty if the source is something else.
    #[serde(deserialize_with = "or_default")]
    pub source_prefix_list_id: String,
    /// Ports it must come from; empty: any.
    #[serde(deserialize_with = "or_default")]
    pub source_port_range: String,
    /// Addresses it must go to; empty: any.
    #[serde(deserialize_with = "or_default")]
    pub dest_cidr_ip: String,
    /// List of ports it must go to; empty: `port_range` says it.
    #[serde(deserialize_with = "or_default")]
    pub port_range_list_id: String,
}

/// Admits everything from an IPv4 range: all protocols, all ports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InboundAccess {
    /// The range, as `10.0.1.0/24`.
    pub source_cidr: String,
    /// `1` to `100`; the smaller number is asked first, and at equal numbers a drop rule wins.
    pub priority: u8,
    /// Up to [`LONGEST_DESCRIPTION`] characters.
    pub description: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct RulesPage {
    #[serde(deserialize_with = "or_default")]
    permissions: Permissions,
    #[serde(deserialize_with = "or_default")]
    next_token: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Permissions {
    #[serde(rename = "Permission", deserialize_with = "or_default")]
    items: Vec<SecurityGroupRule>,
}

/// A write's answer; nothing of it is used.
#[derive(Deserialize, Default)]
struct Accepted {}

impl CloudClient {
    fn ecs(&self, name: &'static str) -> ApiRequest {
        ApiRequest::rpc(Product::Ecs, name).query("RegionId", self.endpoints().region.as_ref().map(ToString::to_string))
    }

    /// `DescribeSecurityGroupAttribute`: the inbound rules of a group, all pages.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::call`]; `is_not_found()` if there is no such group.
    pub async fn describe_inbound_rules(
        &self,
        group: &SecurityGroupId,
        context: &CallContext,
    ) -> Result<Vec<SecurityGroupRule>, CloudError> {
        let mut found: Vec<SecurityGroupRule> = Vec::new();
        let mut token = String::new();
        for _ in 0..MAX_PAGES {
            let request = self
                .ecs("DescribeSecurityGroupAttribute")
                .query("SecurityGroupId", group.as_str())
                .query("Direction", "ingress")
                .query("NicType", "intranet")
                .query("MaxResults", RULES_PAGE)
                .query("NextToken", next(&token));
            let Answer { body, .. }: Answer<RulesPage> = self.call(&request, context).await?;
            found.extend(body.permissions.items);
            if body.next_token.is_empty() || body.next_token == token {
                break;
            }
            token = body.next_token;
        }
        // A rule made or removed between two pages moves the others: one may come twice.
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found.dedup_by(|a, b| !a.id.is_empty() && a.id == b.id);
        found.retain(|rule| !rule.direction.eq_ignore_ascii_case("egress"));
        Ok(found)
    }

    /// `AuthorizeSecurityGroup`: adds up to [`MOST_RULES_PER_CALL`] rules. Those identical to a rule that exists add
    /// nothing. The call carries a client token, so that it is safe to send again.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::call`]; `is_ambiguous()` if the rules may have been added all the same.
    pub async fn authorize_security_group(
        &self,
        group: &SecurityGroupId,
        rules: &[InboundAccess],
        context: &CallContext,
    ) -> Result<(), CloudError> {
        let permissions: Vec<_> = rules
            .iter()
            .map(|rule| {
                json!({
                    "IpProtocol": "ALL", "PortRange": "-1/-1", "SourceCidrIp": rule.source_cidr, "Policy": "accept",
                    "Priority": rule.priority.to_string(), "NicType": "intranet", "Description": rule.description,
                })
            })
            .collect();
        let request = self
            .ecs("AuthorizeSecurityGroup")
            .query("SecurityGroupId", group.as_str())
            .query("Permissions", permissions)
            .query("ClientToken", self.client_token())
            .effect(Effect::WritesOnce);
        let _: Answer<Accepted> = self.call(&request, context).await?;
        Ok(())
    }

    /// `RevokeSecurityGroup`: removes up to [`MOST_RULES_PER_CALL`] inbound rules by their ids. The call carries a client
    /// token, so that it is safe to send again.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::call`]; `is_rule_gone()` if one of the rules does not exist: then nothing can be said of the
    /// others.
    pub async fn revoke_security_group(
        &self,
        group: &SecurityGroupId,
        rules: &[SecurityGroupRuleId],
        context: &CallContext,
    ) -> Result<(), CloudError> {
        let ids: Vec<&str> = rules.iter().map(SecurityGroupRuleId::as_str).collect();
        let request = self
            .ecs("RevokeSecurityGroup")
            .query("SecurityGroupId", group.as_str())
            .query("SecurityGroupRuleId", ids)
            .query("ClientToken", self.client_token())
            .effect(Effect::WritesOnce);
        let _: Answer<Accepted> = self.call(&request, context).await?;
        Ok(())
    }
}

fn next(token: &str) -> Option<&str> {
    (!token.is_empty()).then_some(token)
}
