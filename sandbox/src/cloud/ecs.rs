//! `ecs` 2014-05-26: the member clusters' security groups.
//!
//! Facts: the public documentation and SDK. An identical rule is accepted and adds nothing; rule ids are not answered
//! and must be read back; lists are paged by token.

use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::parameters::Parameters;
use super::products::{Context, Operation};
use crate::world::{Rule, SecurityGroup, State, fresh_id};

/// Rules a group may hold (public documentation of 2021).
const RULES_MAX: usize = 200;

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation::rpc(
        "DescribeSecurityGroups",
        "SecurityGroupId",
        &[
            "SecurityGroupId",
            "SecurityGroupIds",
            "VpcId",
            "SecurityGroupName",
            "SecurityGroupType",
            "ServiceManaged",
            "ResourceGroupId",
            "Tag.",
            "MaxResults",
            "NextToken",
        ],
        describe_security_groups,
    ),
    Operation::rpc(
        "DescribeSecurityGroupAttribute",
        "SecurityGroupId",
        &["SecurityGroupId", "Direction", "NicType", "MaxResults", "NextToken", "Attribute"],
        describe_security_group_attribute,
    ),
    Operation::rpc(
        "AuthorizeSecurityGroup",
        "SecurityGroupId",
        &["SecurityGroupId", "ClientToken", "Permissions."],
        authorize_security_group,
    ),
    Operation::rpc(
        "RevokeSecurityGroup",
        "SecurityGroupId",
        &["SecurityGroupId", "ClientToken", "SecurityGroupRuleId.", "Permissions."],
        revoke_security_group,
    ),
];

fn group_not_found() -> ApiError {
    ApiError::new(404, "InvalidSecurityGroupId.NotFound", "The specified SecurityGroupId does not exist.")
}

fn offset(parameters: &Parameters) -> Result<usize, ApiError> {
    match parameters.optional("NextToken") {
        None => Ok(0),
        Some(token) => token
            .strip_prefix("offset-")
            .and_then(|offset| offset.parse().ok())
            .ok_or_else(|| ApiError::invalid("NextToken", "it was not answered by this action.")),
    }
}

fn describe_security_groups(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let region = parameters.required("RegionId")?;
    let ids: Option<Vec<String>> = parameters.json("SecurityGroupIds")?;
    if ids.as_ref().is_some_and(|ids| ids.len() > 100) {
        return Err(ApiError::invalid("SecurityGroupIds", "there are more than 100."));
    }
    let size = parameters.number("MaxResults", 1, 100)?.unwrap_or(10);
    let start = offset(parameters)?;
    let untagged = parameters.tags().is_empty() && parameters.optional("ResourceGroupId").is_none();
    let is = |name: &str, value: &str| parameters.optional(name).is_none_or(|wanted| wanted == value);
    Ok(cx.world.read(|state, _| {
        let all: Vec<&SecurityGroup> = state
            .security_groups
            .values()
            .filter(|g| region == state.region && is("SecurityGroupId", &g.security_group_id) && is("VpcId", &g.vpc_id))
            .filter(|_| untagged)
            .filter(|g| is("SecurityGroupName", &g.name) && is("SecurityGroupType", "normal"))
            .filter(|g| ids.as_ref().is_none_or(|ids| ids.contains(&g.security_group_id)))
            .collect();
        let rows: Vec<Value> = all.iter().skip(start).take(size).map(|g| summary(g)).collect();
        let end = start.saturating_add(size);
        let next = if end < all.len() { format!("offset-{end}") } else { String::new() };
        json!({"SecurityGroups": {"SecurityGroup": rows}, "TotalCount": all.len(), "NextToken": next, "RegionId": region})
    }))
}

fn summary(group: &SecurityGroup) -> Value {
    json!({
        "SecurityGroupId": group.security_group_id, "SecurityGroupName": group.name, "VpcId": group.vpc_id,
        "SecurityGroupType": "normal", "ServiceManaged": group.service_managed, "Description": "",
        "CreationTime": "2024-01-01T00:00:00Z", "ResourceGroupId": "", "RuleCount": group.rules.len(),
        "GroupToGroupRuleCount": 0, "Tags": {"Tag": []},
    })
}

fn describe_security_group_attribute(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    parameters.required("RegionId")?;
    let id = parameters.required("SecurityGroupId")?;
    let size = parameters.number("MaxResults", 10, 1000)?.unwrap_or(500);
    let start = offset(parameters)?;
    let direction = parameters.optional("Direction").unwrap_or("all").to_ascii_lowercase();
    cx.world.read(|state, _| {
        let group = state.security_groups.get(id).ok_or_else(group_not_found)?;
        let all: Vec<&Rule> = group.rules.iter().filter(|r| direction == "all" || r.direction == direction).collect();
        let rows: Vec<Value> = all.iter().skip(start).take(size).map(|rule| permission(rule)).collect();
        let end = start.saturating_add(size);
        let next = if end < all.len() { format!("offset-{end}") } else { String::new() };
        Ok(json!({
            "SecurityGroupId": id, "SecurityGroupName": group.name, "Description": "", "VpcId": group.vpc_id,
            "RegionId": state.region, "InnerAccessPolicy": "Accept", "NextToken": next,
            "Permissions": {"Permission": rows},
        }))
    })
}

fn permission(rule: &Rule) -> Value {
    let mut fields = Map::from_iter(
        [
            ("SecurityGroupRuleId", rule.rule_id.as_str()),
            ("Direction", rule.direction.as_str()),
            ("IpProtocol", rule.ip_protocol.as_str()),
            ("PortRange", rule.port_range.as_str()),
            ("Policy", rule.policy.as_str()),
            ("Priority", rule.priority.as_str()),
            ("Description", rule.description.as_str()),
            ("SourceCidrIp", rule.source_cidr_ip.as_str()),
            ("NicType", "intranet"),
        ]
        .map(|(key, value)| (key.to_owned(), Value::from(value))),
    );
    for empty in [
        "Ipv6SourceCidrIp",
        "SourceGroupId",
        "SourceGroupName",
        "SourceGroupOwnerAccount",
        "SourcePrefixListId",
        "SourcePrefixListName",
        "SourcePortRange",
        "DestCidrIp",
        "Ipv6DestCidrIp",
        "DestGroupId",
        "DestGroupName",
        "DestGroupOwnerAccount",
        "DestPrefixListId",
        "DestPrefixListName",
        "PortRangeListId",
        "PortRangeListName",
    ] {
        fields.insert(empty.to_owned(), Value::from(""));
    }
    fields.insert("CreateTime".to_owned(), Value::from(rule.created.to_string()));
    Value::Object(fields)
}

/// What makes two rules the same rule.
fn identity(rule: &Rule) -> [&str; 6] {
    [&rule.direction, &rule.ip_protocol, &rule.port_range, &rule.source_cidr_ip, &rule.policy, &rule.priority]
}

/// The inbound rules a call describes.
fn requested(parameters: &Parameters, now: crate::world::Moment) -> Result<Vec<Rule>, ApiError> {
    let mut rules: Vec<Rule> = Vec::new();
    for (index, fields) in parameters.objects("Permissions").into_iter().enumerate() {
        let field = |name: &str| fields.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let required = |name: &str| field(name).ok_or_else(|| ApiError::missing(name));
        let ip_protocol = required("IpProtocol")?.to_ascii_uppercase();
        if !matches!(ip_protocol.as_str(), "TCP" | "UDP" | "ICMP" | "ICMPV6" | "GRE" | "ALL") {
            return Err(ApiError::new(
                400,
                "InvalidIpProtocol.ValueNotSupported",
                "The specified IpProtocol does not exist or IpProtocol and PortRange do not match.",
            ));
        }
        let port_range = required("PortRange")?.to_owned();
        check_ports(&ip_protocol, &port_range)?;
        let source_cidr_ip = field("SourceCidrIp").ok_or_else(|| {
            ApiError::new(
                400,
                "InvalidParam.SourceCidrIp",
                "The sandbox knows rules with SourceCidrIp only; it is missing.",
            )
        })?;
        if !is_cidr(source_cidr_ip) {
            return Err(ApiError::new(
                400,
                "InvalidSourceCidrIp.Malformed",
                "The specified parameter SourceCidrIp is not valid.",
            ));
        }
        let policy = match field("Policy").unwrap_or("accept").to_ascii_lowercase().as_str() {
            "accept" => "Accept",
            "drop" => "Drop",
            _ => {
                return Err(ApiError::new(
                    400,
                    "InvalidPolicy.Malformed",
                    "The specified parameter Policy is not valid.",
                ));
            }
        };
        let priority = field("Priority").unwrap_or("1");
        if !priority.parse::<u8>().is_ok_and(|value| (1..=100).contains(&value)) {
            return Err(ApiError::new(
                400,
                "InvalidPriority.ValueNotSupported",
                "The specified parameter Priority is not valid.",
            ));
        }
        let rule = Rule {
            rule_id: fresh_id("sgr-bp1", 17),
            direction: "ingress".to_owned(),
            ip_protocol,
            port_range,
            source_cidr_ip: source_cidr_ip.to_owned(),
            policy: policy.to_owned(),
            priority: priority.to_owned(),
            description: field("Description").unwrap_or_default().to_owned(),
            created: now,
            initial: false,
        };
        if rules.iter().any(|other| identity(other) == identity(&rule)) {
            let message = format!("Permissions.{} repeats another one of this call.", index + 1);
            return Err(ApiError::new(400, "InvalidParam.DuplicatePermissions", message));
        }
        rules.push(rule);
    }
    if rules.len() > 100 {
        return Err(ApiError::invalid("Permissions", "there are more than 100."));
    }
    Ok(rules)
}

fn check_ports(protocol: &str, range: &str) -> Result<(), ApiError> {
    let malformed =
        || ApiError::new(400, "InvalidPortRange.Malformed", "The specified parameter PortRange is not valid.");
    if !matches!(protocol, "TCP" | "UDP") {
        return if range == "-1/-1" { Ok(()) } else { Err(malformed()) };
    }
    let (from, to) = range.split_once('/').ok_or_else(malformed)?;
    match (from.parse::<u16>(), to.parse::<u16>()) {
        (Ok(from), Ok(to)) if from >= 1 && from <= to => Ok(()),
        _ => Err(malformed()),
    }
}

fn is_cidr(text: &str) -> bool {
    let (address, length) = text.split_once('/').unwrap_or((text, "32"));
    address.parse::<std::net::Ipv4Addr>().is_ok() && length.parse::<u8>().is_ok_and(|length| length <= 32)
}

fn writable<'a>(state: &'a mut State, id: &str) -> Result<&'a mut SecurityGroup, ApiError> {
    let group = state.security_groups.get_mut(id).ok_or_else(group_not_found)?;
    if group.service_managed {
        let message = "The security group is managed by a cloud product.";
        return Err(ApiError::new(403, "InvalidOperation.ResourceManagedByCloudProduct", message));
    }
    Ok(group)
}

fn authorize_security_group(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    parameters.required("RegionId")?;
    let id = parameters.required("SecurityGroupId")?;
    let rules = requested(parameters, cx.now)?;
    if rules.is_empty() {
        return Err(ApiError::missing("Permissions"));
    }
    cx.world.write(|state, _| {
        let group = writable(state, id)?;
        let new: Vec<Rule> =
            rules.into_iter().filter(|rule| group.rules.iter().all(|old| identity(old) != identity(rule))).collect();
        if group.rules.len() + new.len() > RULES_MAX {
            return Err(ApiError::new(403, "AuthorizationLimitExceed", "The maximum number of rules is exceeded."));
        }
        group.rules.extend(new);
        Ok(json!({}))
    })
}

fn revoke_security_group(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    parameters.required("RegionId")?;
    let id = parameters.required("SecurityGroupId")?;
    let ids = parameters.numbered("SecurityGroupRuleId");
    let rules = requested(parameters, cx.now)?;
    match (ids.is_empty(), rules.is_empty()) {
        (true, true) => return Err(ApiError::missing("SecurityGroupRuleId")),
        (false, false) => {
            return Err(ApiError::new(400, "InvalidParam.Permissions", "Give rule ids or Permissions, not both."));
        }
        _ => {}
    }
    cx.world.write(|state, _| {
        let group = writable(state, id)?;
        if ids.iter().any(|id| group.rules.iter().all(|rule| rule.rule_id != *id)) {
            let message = "The specified SecurityGroupRuleId does not exist.";
            return Err(ApiError::new(404, "InvalidSecurityGroupRuleId.NotFound", message));
        }
        if rules.iter().any(|rule| group.rules.iter().all(|old| identity(old) != identity(rule))) {
            let message = "The specified security group rule does not exist.";
            return Err(ApiError::new(400, "InvalidSecurityGroupRule.RuleNotExist", message));
        }
        group
            .rules
            .retain(|old| !ids.contains(&old.rule_id) && !rules.iter().any(|rule| identity(rule) == identity(old)));
        Ok(json!({}))
    })
}
