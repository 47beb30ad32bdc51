//! The control endpoint's changes of the simulated network: security groups and their rules, vSwitches, member clusters
//! that go. They are what somebody does by hand beside the APIs.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Control, Refusal, ok, read};
use crate::world::{Rule, SecurityGroup, fresh_id};

type Shared = State<Arc<Control>>;

fn shown(group: &SecurityGroup) -> Value {
    let rules: Vec<Value> = group
        .rules
        .iter()
        .map(|rule| {
            json!({"rule_id": rule.rule_id, "source_cidr_ip": rule.source_cidr_ip, "policy": rule.policy,
                   "priority": rule.priority, "ip_protocol": rule.ip_protocol, "port_range": rule.port_range,
                   "description": rule.description, "initial": rule.initial})
        })
        .collect();
    json!({"security_group_id": group.security_group_id, "service_managed": group.service_managed, "rules": rules})
}

/// Every group, in the order of their ids.
pub(super) async fn security_groups(State(control): Shared) -> Answer {
    let groups = control.world.read(|state, _| state.security_groups.values().map(shown).collect::<Vec<_>>());
    ok(&json!({"security_groups": groups}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRule {
    source_cidr_ip: String,
    policy: Option<String>,
    priority: Option<u8>,
    ip_protocol: Option<String>,
    port_range: Option<String>,
    #[serde(default)]
    description: String,
    /// How long ago it was made.
    #[serde(default)]
    age_seconds: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangedRule {
    rule_id: String,
    policy: Option<String>,
    priority: Option<u8>,
    /// How long ago it was made.
    age_seconds: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupChange {
    service_managed: Option<bool>,
    #[serde(default)]
    gone: bool,
    #[serde(default)]
    revoke: Vec<String>,
    #[serde(default)]
    authorize: Vec<NewRule>,
    #[serde(default)]
    modify: Vec<ChangedRule>,
}

pub(super) async fn security_group(State(control): Shared, Path(id): Path<String>, body: Bytes) -> Answer {
    let asked: GroupChange = read(&body)?;
    let now_is = control.world.write(|state, now| {
        let no_group = || Refusal::not_found(format!("there is no security group {id}"));
        if asked.gone {
            return state.security_groups.remove(&id).map(|group| shown(&group)).ok_or_else(no_group);
        }
        let group = state.security_groups.get_mut(&id).ok_or_else(no_group)?;
        group.service_managed = asked.service_managed.unwrap_or(group.service_managed);
        group.rules.retain(|rule| !asked.revoke.contains(&rule.rule_id));
        for change in asked.modify {
            let rule = group.rules.iter_mut().find(|rule| rule.rule_id == change.rule_id);
            let rule = rule.ok_or_else(|| Refusal::not_found(format!("there is no rule {}", change.rule_id)))?;
            rule.policy = change.policy.unwrap_or_else(|| rule.policy.clone());
            rule.priority = change.priority.map_or_else(|| rule.priority.clone(), |priority| priority.to_string());
            if let Some(seconds) = change.age_seconds {
                rule.created = now.plus_seconds(seconds.saturating_neg());
            }
        }
        group.rules.extend(asked.authorize.into_iter().map(|new| Rule {
            rule_id: fresh_id("sgr-bp1", 17),
            direction: "ingress".to_owned(),
            ip_protocol: new.ip_protocol.unwrap_or_else(|| "ALL".to_owned()),
            port_range: new.port_range.unwrap_or_else(|| "-1/-1".to_owned()),
            source_cidr_ip: new.source_cidr_ip,
            policy: new.policy.unwrap_or_else(|| "Accept".to_owned()),
            priority: new.priority.unwrap_or(1).to_string(),
            description: new.description,
            created: now.plus_seconds(new.age_seconds.saturating_neg()),
            initial: false,
        }));
        Ok(shown(group))
    })?;
    ok(&now_is)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VSwitchChange {
    cidr_block: Option<String>,
    #[serde(default)]
    gone: bool,
}

pub(super) async fn vswitch(State(control): Shared, Path(id): Path<String>, body: Bytes) -> Answer {
    let asked: VSwitchChange = read(&body)?;
    let now_is = control.world.write(|state, _| {
        let no_vswitch = || Refusal::not_found(format!("there is no vSwitch {id}"));
        if asked.gone {
            let gone = state.vswitches.remove(&id).ok_or_else(no_vswitch)?;
            return Ok(json!({"vswitch_id": id, "cidr_block": gone.cidr_block}));
        }
        let vswitch = state.vswitches.get_mut(&id).ok_or_else(no_vswitch)?;
        vswitch.cidr_block = asked.cidr_block.unwrap_or_else(|| vswitch.cidr_block.clone());
        Ok::<_, Refusal>(json!({"vswitch_id": id, "cidr_block": vswitch.cidr_block}))
    })?;
    ok(&now_is)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClusterChange {
    /// The group its nodes stand behind; empty: the service names none.
    security_group_id: Option<String>,
    #[serde(default)]
    gone: bool,
}

pub(super) async fn cluster(State(control): Shared, Path(id): Path<String>, body: Bytes) -> Answer {
    let asked: ClusterChange = read(&body)?;
    let now_is = control.world.write(|state, _| {
        let no_cluster = || Refusal::not_found(format!("there is no cluster {id}"));
        if asked.gone {
            let gone = state.clusters.remove(&id).ok_or_else(no_cluster)?;
            state.fleets.values_mut().for_each(|fleet| drop(fleet.memberships.remove(&id)));
            return Ok(json!({"cluster_id": id, "security_group_id": gone.security_group_id}));
        }
        let cluster = state.clusters.get_mut(&id).ok_or_else(no_cluster)?;
        cluster.security_group_id = asked.security_group_id.unwrap_or_else(|| cluster.security_group_id.clone());
        Ok::<_, Refusal>(json!({"cluster_id": id, "security_group_id": cluster.security_group_id}))
    })?;
    ok(&now_is)
}
