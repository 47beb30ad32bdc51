//! The controller's cloud objects as the other parts want them: for the `alb` API, the inventory, the state file and the
//! list of gateways.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::alb::{
    Action, AlbCloud, AlbState, Condition, KeyValue, Listener, LoadBalancer, Protocol, Rule, ServerGroup,
};
use crate::cloud::{AlbKind, LoadBalancers};
use crate::dataplane::DataPlane;
use crate::parts::{Gateways, Inventory, Part};
use crate::world::World;

/// Its key in the inventory and in the state file.
pub(super) const NAME: &str = "alb";

/// The load balancers, over the cloud they stand in and the data plane that serves them.
#[derive(Debug)]
pub(super) struct Balancers {
    cloud: Arc<AlbCloud>,
    plane: DataPlane,
    world: Arc<World>,
    changes: watch::Receiver<u64>,
}

impl Balancers {
    /// Needs a running runtime, on which it follows the cloud's changes.
    pub(super) fn new(cloud: Arc<AlbCloud>, plane: DataPlane, world: Arc<World>) -> Self {
        let mut state = cloud.watch();
        let (sender, changes) = watch::channel(0);
        tokio::spawn(async move {
            while state.changed().await.is_ok() {
                sender.send_modify(|revision| *revision += 1);
            }
        });
        Self { cloud, plane, world, changes }
    }
}

impl Part for Balancers {
    fn name(&self) -> &'static str {
        NAME
    }

    fn inventory(&self) -> Inventory<'_> {
        let all = self.cloud.inventory();
        Box::pin(std::future::ready(json!({
            "load_balancers": all.load_balancers, "listeners": all.listeners, "server_groups": all.server_groups,
        })))
    }

    fn leftovers(&self) -> Option<Value> {
        Some(json!({"certificates": self.cloud.inventory().certificates}))
    }

    fn snapshot(&self) -> Option<Value> {
        serde_json::to_value(&*self.cloud.snapshot()).ok()
    }

    fn changes(&self) -> Option<watch::Receiver<u64>> {
        Some(self.changes.clone())
    }
}

impl Gateways for Balancers {
    fn list(&self) -> Value {
        let addresses = self.plane.addresses();
        let state = self.cloud.snapshot();
        let gateways = state.load_balancers.values().map(|balancer| {
            let listeners: Map<String, Value> = balancer
                .listeners
                .values()
                .map(|listener| {
                    let id = (balancer.load_balancer_id.clone(), listener.key());
                    let bound: Vec<String> =
                        addresses.get(&id).into_iter().flatten().map(ToString::to_string).collect();
                    (listener.key().to_string(), served(&state, listener, &bound))
                })
                .collect();
            json!({"load_balancer_id": balancer.load_balancer_id, "name": balancer.load_balancer_name,
                   "dns_name": balancer.dns_name, "address_type": balancer.address_type, "listeners": listeners})
        });
        json!({"gateways": gateways.collect::<Vec<_>>()})
    }
}

impl LoadBalancers for Balancers {
    fn list(&self, kind: AlbKind) -> Vec<Value> {
        let state = self.cloud.snapshot();
        let (region, vpc) = self.world.read(|world, _| {
            let fleet = world.fleets.get(&world.primary_fleet);
            (world.region.clone(), fleet.map(|fleet| fleet.vpc_id.clone()).unwrap_or_default())
        });
        let balancers = || state.load_balancers.values();
        let listeners = || balancers().flat_map(|balancer| balancer.listeners.values().map(move |one| (balancer, one)));
        match kind {
            AlbKind::LoadBalancer => balancers().map(|one| load_balancer(one, &region, &vpc)).collect(),
            AlbKind::Listener => listeners().map(|(balancer, one)| listener(balancer, one, &region)).collect(),
            AlbKind::Rule => listeners()
                .flat_map(|(balancer, listener)| listener.rules.iter().map(move |one| rule(balancer, listener, one)))
                .collect(),
            AlbKind::ServerGroup => state.server_groups.values().map(|one| server_group(one, &vpc)).collect(),
            AlbKind::Server => state.server_groups.values().flat_map(servers).collect(),
        }
    }
}

/// A listener with what it serves, short enough to read.
fn served(state: &AlbState, listener: &Listener, bound: &[String]) -> Value {
    let group = |id: &str| {
        let group = state.server_groups.get(id);
        group.map(|group| {
            json!({"name": group.server_group_name, "protocol": group.protocol, "servers": group.servers.len()})
        })
    };
    let rule = |rule: &Rule| {
        let hosts: Vec<&String> = rule
            .rule_conditions
            .iter()
            .filter_map(|condition| match condition {
                Condition::Host { values } => Some(values),
                Condition::Path { .. }
                | Condition::Header { .. }
                | Condition::Cookie { .. }
                | Condition::QueryString { .. }
                | Condition::Method { .. }
                | Condition::SourceIp { .. } => None,
            })
            .flatten()
            .collect();
        let groups: Vec<Value> = rule
            .rule_actions
            .iter()
            .filter_map(|action| match action {
                Action::ForwardGroup { server_group_tuples } => Some(server_group_tuples),
                Action::Redirect { .. }
                | Action::FixedResponse { .. }
                | Action::InsertHeader { .. }
                | Action::RemoveHeader { .. }
                | Action::TrafficLimit { .. }
                | Action::Cors { .. } => None,
            })
            .flatten()
            .filter_map(|target| group(&target.server_group_id))
            .collect();
        json!({"name": rule.rule_name, "hosts": hosts, "groups": groups})
    };
    json!({
        "port": listener.listener_port, "addresses": bound, "http2": listener.http2_enabled,
        "idle_timeout": listener.idle_timeout,
        "certificates": listener.certificates.iter().map(|one| &one.certificate_id).collect::<Vec<_>>(),
        "rules": listener.rules.iter().map(rule).collect::<Vec<_>>(),
    })
}

fn tags(tags: &[KeyValue]) -> Value {
    tags.iter().map(|tag| json!({"Key": tag.key, "Value": tag.value})).collect()
}

fn load_balancer(balancer: &LoadBalancer, region: &str, vpc: &str) -> Value {
    json!({
        "LoadBalancerId": balancer.load_balancer_id,
        "LoadBalancerName": balancer.load_balancer_name,
        "DNSName": balancer.dns_name,
        "AddressType": balancer.address_type,
        "AddressAllocatedMode": balancer.address_allocated_mode,
        "AddressIpVersion": balancer.address_ip_version,
        "LoadBalancerEdition": balancer.load_balancer_edition,
        "LoadBalancerStatus": balancer.load_balancer_status,
        "LoadBalancerBussinessStatus": "Normal",
        "LoadBalancerBillingConfig": {"PayType": "PostPay"},
        "DeletionProtectionConfig": {"Enabled": balancer.deletion_protection_enabled},
        "ModificationProtectionConfig": {"Status": "NonProtection"},
        "RegionId": region,
        "VpcId": vpc,
        "ZoneMappings": balancer.zone_mappings,
        "Tags": tags(&balancer.tags),
    })
}

fn listener(balancer: &LoadBalancer, listener: &Listener, region: &str) -> Value {
    let secure = listener.listener_protocol != Protocol::Http;
    let mut all = json!({
        "ListenerId": listener.listener_id,
        "LoadBalancerId": balancer.load_balancer_id,
        "RegionId": region,
        "ListenerPort": listener.listener_port,
        "ListenerProtocol": listener.listener_protocol,
        "ListenerDescription": listener.listener_description,
        "ListenerStatus": "Running",
        "GzipEnabled": listener.gzip_enabled,
        "Http2Enabled": secure && listener.http2_enabled,
        "IdleTimeout": listener.idle_timeout,
        "RequestTimeout": listener.request_timeout,
        "DefaultActions": [{"Type": "ForwardGroup", "ForwardGroupConfig": {
            "ServerGroupTuples": [{"ServerGroupId": listener.default_server_group_id}]}}],
        "XForwardedForConfig": listener.x_forwarded_for_config,
        "Tags": [],
    });
    if secure && let Some(fields) = all.as_object_mut() {
        let certificates: Vec<Value> = listener
            .certificates
            .iter()
            .map(
                |one| json!({"CertificateId": one.certificate_id, "IsDefault": one.is_default, "Status": "Associated"}),
            )
            .collect();
        fields.insert("Certificates".to_owned(), certificates.into());
        fields.insert("SecurityPolicyId".to_owned(), listener.security_policy_id.clone().into());
    }
    all
}

/// A value whose serialised form has a `Type` beside its own fields, in the API's form: the fields under their own key.
fn typed(value: Value, key: &str) -> Value {
    let Value::Object(mut fields) = value else { return value };
    let kind = fields.remove("Type").unwrap_or_default();
    let content = match fields.remove(key) {
        // A redirect carries its configuration whole already.
        Some(whole) if fields.is_empty() => whole,
        Some(other) => {
            fields.insert(key.to_owned(), other);
            Value::Object(fields)
        }
        None => Value::Object(fields),
    };
    json!({"Type": kind, key: content})
}

fn condition(condition: &Condition) -> Value {
    let key = match condition {
        Condition::Host { .. } => "HostConfig",
        Condition::Path { .. } => "PathConfig",
        Condition::Header { .. } => "HeaderConfig",
        Condition::Cookie { .. } => "CookieConfig",
        Condition::QueryString { .. } => "QueryStringConfig",
        Condition::Method { .. } => "MethodConfig",
        Condition::SourceIp { .. } => "SourceIpConfig",
    };
    typed(serde_json::to_value(condition).unwrap_or_default(), key)
}

fn action(order: usize, action: &Action) -> Value {
    let key = match action {
        Action::ForwardGroup { .. } => "ForwardGroupConfig",
        Action::Redirect { .. } => "RedirectConfig",
        Action::FixedResponse { .. } => "FixedResponseConfig",
        Action::InsertHeader { .. } => "InsertHeaderConfig",
        Action::RemoveHeader { .. } => "RemoveHeaderConfig",
        Action::TrafficLimit { .. } => "TrafficLimitConfig",
        Action::Cors { .. } => "CorsConfig",
    };
    let mut all = typed(serde_json::to_value(action).unwrap_or_default(), key);
    if let Some(fields) = all.as_object_mut() {
        fields.insert("Order".to_owned(), json!(order));
    }
    all
}

fn rule(balancer: &LoadBalancer, listener: &Listener, rule: &Rule) -> Value {
    json!({
        "RuleId": rule.rule_id,
        "RuleName": rule.rule_name,
        "RuleStatus": "Available",
        "Priority": rule.priority,
        "Direction": "Request",
        "ListenerId": listener.listener_id,
        "LoadBalancerId": balancer.load_balancer_id,
        "RuleConditions": rule.rule_conditions.iter().map(condition).collect::<Vec<_>>(),
        "RuleActions": rule.rule_actions.iter().zip(1..).map(|(one, order)| action(order, one)).collect::<Vec<_>>(),
        "Tags": [],
    })
}

fn server_group(group: &ServerGroup, vpc: &str) -> Value {
    json!({
        "ServerGroupId": group.server_group_id,
        "ServerGroupName": group.server_group_name,
        "ServerGroupStatus": "Available",
        "ServerGroupType": "Instance",
        "Protocol": group.protocol,
        "Scheduler": group.scheduler,
        "ServerCount": group.servers.len(),
        "VpcId": vpc,
        "Tags": tags(&group.tags),
    })
}

fn servers(group: &ServerGroup) -> Vec<Value> {
    let server = |one: &crate::alb::Server| {
        json!({"ServerGroupId": group.server_group_id, "ServerId": one.cluster_id, "ServerIp": one.address.ip().to_string(),
               "Port": one.address.port(), "Weight": one.weight, "Status": "Available", "ServerType": "Ip"})
    };
    group.servers.iter().map(server).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alb::{ForwardTarget, RedirectConfig};

    #[test]
    fn conditions_and_actions_have_the_apis_form() {
        let host = Condition::Host { values: vec!["grpc.example.com".to_owned()] };
        assert_eq!(condition(&host), json!({"Type": "Host", "HostConfig": {"Values": ["grpc.example.com"]}}));
        let target = ForwardTarget { server_group_id: "sgp-1".to_owned(), weight: 100 };
        assert_eq!(
            action(1, &Action::ForwardGroup { server_group_tuples: vec![target] }),
            json!({"Type": "ForwardGroup", "Order": 1,
                   "ForwardGroupConfig": {"ServerGroupTuples": [{"ServerGroupId": "sgp-1", "Weight": 100}]}})
        );
        let config = RedirectConfig {
            protocol: "HTTPS".to_owned(),
            host: "${host}".to_owned(),
            port: "443".to_owned(),
            path: "${path}".to_owned(),
            query: "${query}".to_owned(),
            http_code: 308,
        };
        let redirect = action(2, &Action::Redirect { redirect_config: config });
        assert_eq!(redirect.pointer("/RedirectConfig/Port"), Some(&json!("443")), "{redirect}");
    }
}
