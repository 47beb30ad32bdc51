//! `alb` 2020-06-16: the load balancers the controller has made, read only. Paged by `MaxResults` and `NextToken`.
//!
//! The objects belong to the simulated controller, which shows them here through [`LoadBalancers`] in the API's own
//! spelling; this file only filters and pages.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::parameters::Parameters;
use super::products::{Context, Operation};

/// Page size without a parameter, and the largest one (public documentation).
const PAGE: (usize, usize) = (20, 100);

/// Kinds of objects of the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlbKind {
    /// `ListLoadBalancers`, `GetLoadBalancerAttribute`.
    LoadBalancer,
    /// `ListListeners`, `GetListenerAttribute`.
    Listener,
    /// `ListRules`.
    Rule,
    /// `ListServerGroups`.
    ServerGroup,
    /// `ListServerGroupServers`.
    Server,
}

/// The controller's cloud objects, as this API shows them.
pub trait LoadBalancers: Send + Sync + fmt::Debug {
    /// All objects of a kind, each with every field of its `Get…Attribute` answer, in a stable order.
    fn list(&self, kind: AlbKind) -> Vec<Value>;
}

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation::rpc(
        "ListLoadBalancers",
        "LoadBalancerIds.1",
        &[
            "LoadBalancerIds.",
            "LoadBalancerNames.",
            "VpcIds.",
            "Tag.",
            "LoadBalancerStatus",
            "LoadBalancerBussinessStatus",
            "AddressType",
            "AddressIpVersion",
            "Ipv6AddressType",
            "DNSName",
            "ZoneId",
            "PayType",
            "ResourceGroupId",
            "MaxResults",
            "NextToken",
        ],
        list_load_balancers,
    ),
    Operation::rpc("GetLoadBalancerAttribute", "LoadBalancerId", &["LoadBalancerId"], get_load_balancer_attribute),
    Operation::rpc(
        "ListListeners",
        "LoadBalancerIds.1",
        &["LoadBalancerIds.", "ListenerIds.", "ListenerProtocol", "Tag.", "MaxResults", "NextToken"],
        list_listeners,
    ),
    Operation::rpc("GetListenerAttribute", "ListenerId", &["ListenerId"], get_listener_attribute),
    Operation::rpc(
        "ListRules",
        "ListenerIds.1",
        &["ListenerIds.", "RuleIds.", "LoadBalancerIds.", "Direction", "Tag.", "MaxResults", "NextToken"],
        list_rules,
    ),
    Operation::rpc(
        "ListServerGroups",
        "ServerGroupIds.1",
        &[
            "ServerGroupIds.",
            "ServerGroupNames.",
            "ServerGroupType",
            "VpcId",
            "ResourceGroupId",
            "Tag.",
            "MaxResults",
            "NextToken",
        ],
        list_server_groups,
    ),
    Operation::rpc(
        "ListServerGroupServers",
        "ServerGroupId",
        &["ServerGroupId", "ServerIds.", "Tag.", "MaxResults", "NextToken"],
        list_server_group_servers,
    ),
    Operation::rpc("DescribeZones", "", &[], describe_zones),
];

fn describe_zones(cx: &Context<'_>, _: &Parameters) -> Result<Value, ApiError> {
    let zones: BTreeSet<String> =
        cx.world.read(|state, _| state.vswitches.values().map(|vswitch| vswitch.zone_id.clone()).collect());
    let rows: Vec<Value> = zones.iter().map(|zone| json!({"ZoneId": zone, "LocalName": zone})).collect();
    Ok(json!({"Zones": rows}))
}

fn list_server_group_servers(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let mut list = objects(cx, AlbKind::Server);
    keep_equal(&mut list, parameters, "ServerGroupId", "ServerGroupId");
    keep_named(&mut list, parameters, "ServerIds", "ServerId", 40)?;
    keep_tagged(&mut list, parameters);
    page(list, "Servers", &[], parameters)
}

fn objects(cx: &Context<'_>, kind: AlbKind) -> Vec<Value> {
    cx.balancers.map(|balancers| balancers.list(kind)).unwrap_or_default()
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Keeps what one of the numbered values names; no values name everything. At most `max` values may be given.
fn keep_named(
    list: &mut Vec<Value>,
    parameters: &Parameters,
    parameter: &str,
    field: &str,
    max: usize,
) -> Result<(), ApiError> {
    let wanted = parameters.numbered(parameter);
    if wanted.len() > max {
        return Err(ApiError::invalid(parameter, &format!("there are more than {max}.")));
    }
    if !wanted.is_empty() {
        list.retain(|object| wanted.iter().any(|value| value == text(object, field)));
    }
    Ok(())
}

fn keep_equal(list: &mut Vec<Value>, parameters: &Parameters, parameter: &str, field: &str) {
    if let Some(wanted) = parameters.optional(parameter) {
        list.retain(|object| text(object, field).eq_ignore_ascii_case(wanted));
    }
}

fn keep_tagged(list: &mut Vec<Value>, parameters: &Parameters) {
    for (key, value) in parameters.tags() {
        list.retain(|object| {
            let tags = object.get("Tags").and_then(Value::as_array);
            tags.into_iter()
                .flatten()
                .any(|tag| text(tag, "Key") == key && value.as_ref().is_none_or(|value| text(tag, "Value") == value))
        });
    }
}

/// One page. The token is the offset; whatever else is sent back is refused.
fn page(list: Vec<Value>, key: &str, hidden: &[&str], parameters: &Parameters) -> Result<Value, ApiError> {
    let size = parameters.number("MaxResults", 1, PAGE.1)?.unwrap_or(PAGE.0);
    let offset = match parameters.optional("NextToken") {
        None => 0,
        Some(token) => token
            .strip_prefix("offset-")
            .and_then(|offset| offset.parse::<usize>().ok())
            .ok_or_else(|| ApiError::invalid("NextToken", "it was not answered by this action."))?,
    };
    let total = list.len();
    let mut rows: Vec<Value> = list.into_iter().skip(offset).take(size).collect();
    for row in rows.iter_mut().filter_map(Value::as_object_mut) {
        for field in hidden {
            row.remove(*field);
        }
    }
    let mut answer = Map::from_iter([
        (key.to_owned(), Value::from(rows)),
        ("TotalCount".to_owned(), json!(total)),
        ("MaxResults".to_owned(), json!(size)),
    ]);
    let end = offset.saturating_add(size);
    if end < total {
        answer.insert("NextToken".to_owned(), Value::from(format!("offset-{end}")));
    }
    Ok(Value::Object(answer))
}

fn get(cx: &Context<'_>, kind: AlbKind, field: &str, id: &str, code: &str) -> Result<Value, ApiError> {
    objects(cx, kind)
        .into_iter()
        .find(|object| text(object, field) == id)
        .ok_or_else(|| ApiError::new(404, code, format!("The specified resource {id} is not found.")))
}

fn list_load_balancers(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let mut list = objects(cx, AlbKind::LoadBalancer);
    keep_named(&mut list, parameters, "LoadBalancerIds", "LoadBalancerId", 20)?;
    keep_named(&mut list, parameters, "LoadBalancerNames", "LoadBalancerName", 10)?;
    keep_named(&mut list, parameters, "VpcIds", "VpcId", 10)?;
    for field in [
        "LoadBalancerStatus",
        "LoadBalancerBussinessStatus",
        "AddressType",
        "AddressIpVersion",
        "DNSName",
        "ResourceGroupId",
    ] {
        keep_equal(&mut list, parameters, field, field);
    }
    keep_tagged(&mut list, parameters);
    page(list, "LoadBalancers", &["RegionId", "ZoneMappings"], parameters)
}

fn get_load_balancer_attribute(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let id = parameters.required("LoadBalancerId")?;
    get(cx, AlbKind::LoadBalancer, "LoadBalancerId", id, "ResourceNotFound.LoadBalancer")
}

fn list_listeners(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let mut list = objects(cx, AlbKind::Listener);
    keep_named(&mut list, parameters, "ListenerIds", "ListenerId", 20)?;
    keep_named(&mut list, parameters, "LoadBalancerIds", "LoadBalancerId", 20)?;
    keep_equal(&mut list, parameters, "ListenerProtocol", "ListenerProtocol");
    keep_tagged(&mut list, parameters);
    page(list, "Listeners", &["Certificates", "CaCertificates", "CaEnabled", "AclConfig"], parameters)
}

fn get_listener_attribute(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let id = parameters.required("ListenerId")?;
    get(cx, AlbKind::Listener, "ListenerId", id, "ResourceNotFound.Listener")
}

fn list_rules(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let mut list = objects(cx, AlbKind::Rule);
    keep_named(&mut list, parameters, "RuleIds", "RuleId", 20)?;
    keep_named(&mut list, parameters, "ListenerIds", "ListenerId", 20)?;
    keep_named(&mut list, parameters, "LoadBalancerIds", "LoadBalancerId", 20)?;
    let direction = parameters.optional("Direction").unwrap_or("Request");
    list.retain(|rule| rule.get("Direction").and_then(Value::as_str).unwrap_or("Request") == direction);
    keep_tagged(&mut list, parameters);
    page(list, "Rules", &[], parameters)
}

fn list_server_groups(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let mut list = objects(cx, AlbKind::ServerGroup);
    keep_named(&mut list, parameters, "ServerGroupIds", "ServerGroupId", 20)?;
    keep_named(&mut list, parameters, "ServerGroupNames", "ServerGroupName", 10)?;
    for field in ["ServerGroupType", "VpcId", "ResourceGroupId"] {
        keep_equal(&mut list, parameters, field, field);
    }
    keep_tagged(&mut list, parameters);
    page(list, "ServerGroups", &[], parameters)
}
