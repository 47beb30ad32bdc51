//! The control endpoint's changes of the simulated cloud, each with the shape of its request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Control, Refusal, answer, ok, read};
use crate::faults::{RuleSpec, parse_spec};
use crate::world::{
    DetachLeaves, EmptyLists, FleetState, Membership, MembershipState, NewFleet, NewSession, State as CloudState,
    Timings, VSwitch, fresh_id,
};

type Shared = State<Arc<Control>>;

/// A rule as one line or as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultLine {
    spec: String,
}

pub(super) fn fault(body: &Bytes) -> Result<RuleSpec, Refusal> {
    let value: Value = read(body)?;
    if value.get("spec").is_some() {
        let line: FaultLine = read(body)?;
        return parse_spec(&line.spec).map_err(|error| Refusal::bad(error.to_string()));
    }
    read(body)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberState {
    /// The Fleet; the primary one when left out.
    fleet_id: Option<String>,
    /// The association's state; `Absent` removes it without a trace.
    association: Option<String>,
    /// The association's message.
    message: Option<String>,
    /// The member cluster's own state.
    cluster_state: Option<String>,
    /// The message with which the next attach fails.
    fail_next_attach: Option<String>,
}

pub(super) async fn member_state(State(control): Shared, Path(id): Path<String>, body: Bytes) -> Answer {
    let asked: MemberState = read(&body)?;
    let association = match asked.association.as_deref() {
        None => None,
        Some("Absent") => Some(None),
        Some(name) => Some(Some(
            serde_json::from_value::<MembershipState>(Value::from(name))
                .map_err(|error| Refusal::bad(format!("association: {error}, or `Absent`")))?,
        )),
    };
    let now_is = control.world.write(|state, _| {
        let fleet_id = asked.fleet_id.clone().unwrap_or_else(|| state.primary_fleet.clone());
        let cluster =
            state.clusters.get_mut(&id).ok_or_else(|| Refusal::not_found(format!("there is no cluster {id}")))?;
        let fleet = state
            .fleets
            .get_mut(&fleet_id)
            .ok_or_else(|| Refusal::not_found(format!("there is no Fleet {fleet_id}")))?;
        if let Some(cluster_state) = asked.cluster_state {
            cluster.state = cluster_state;
        }
        if asked.fail_next_attach.is_some() {
            cluster.fail_next_attach = asked.fail_next_attach;
        }
        match association {
            None => {}
            Some(None) => drop(fleet.memberships.remove(&id)),
            Some(Some(to)) => {
                let in_mesh = fleet.memberships.get(&id).is_some_and(|old| old.in_mesh);
                let message = asked.message.unwrap_or_default();
                let membership =
                    Membership { cluster_id: id.clone(), state: to, message, in_mesh, due: None, fail_with: None };
                fleet.memberships.insert(id.clone(), membership);
            }
        }
        Ok(fleet.memberships.get(&id).map(|m| m.state.inventory_name()))
    })?;
    ok(&json!({"cluster_id": id, "association": now_is}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Permissions {
    access_key_id: Option<String>,
    #[serde(default)]
    deny: Vec<String>,
    #[serde(default)]
    allow: Vec<String>,
}

/// The keys a request is about: the named one, or all.
fn chosen(state: &crate::world::State, named: Option<&String>) -> Result<Vec<String>, Refusal> {
    match named {
        Some(id) if state.keys.contains_key(id) => Ok(vec![id.clone()]),
        Some(id) => Err(Refusal::not_found(format!("there is no access key {id}"))),
        None => Ok(state.keys.keys().cloned().collect()),
    }
}

pub(super) async fn permissions(State(control): Shared, body: Bytes) -> Answer {
    let asked: Permissions = read(&body)?;
    if let Some(odd) = asked.deny.iter().find(|action| *action != "*" && !action.contains(':')) {
        return Err(Refusal::bad(format!("deny: {odd:?} is not PRODUCT:ACTION, such as adcp:AttachClusterToHub")));
    }
    let denied = control.world.write(|state, _| {
        let mut denied = serde_json::Map::new();
        for id in chosen(state, asked.access_key_id.as_ref())? {
            let Some(key) = state.keys.get_mut(&id) else { continue };
            key.denied.retain(|action| !asked.allow.contains(action) && !asked.allow.iter().any(|all| all == "*"));
            key.denied.extend(asked.deny.iter().cloned());
            denied.insert(id, json!(key.denied));
        }
        Ok::<_, Refusal>(denied)
    })?;
    ok(&json!({"denied": denied}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    access_key_id: Option<String>,
    active: Option<bool>,
    #[serde(default)]
    expire: bool,
    kubernetes_groups: Option<Vec<String>>,
}

pub(super) async fn keys(State(control): Shared, body: Bytes) -> Answer {
    let asked: Keys = read(&body)?;
    let changed = control.world.write(|state, now| {
        let ids = chosen(state, asked.access_key_id.as_ref())?;
        for id in &ids {
            let Some(key) = state.keys.get_mut(id) else { continue };
            key.active = asked.active.unwrap_or(key.active);
            if asked.expire && key.token.is_some() {
                key.expires = Some(now);
            }
            if let Some(groups) = &asked.kubernetes_groups {
                key.kubernetes_groups.clone_from(groups);
            }
        }
        Ok::<_, Refusal>(ids)
    })?;
    ok(&json!({"keys": changed}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TemporaryKeys {
    duration_seconds: Option<u64>,
}

pub(super) async fn temporary_keys(State(control): Shared, body: Bytes) -> Answer {
    let asked: TemporaryKeys = read(&body)?;
    let duration = Duration::from_secs(asked.duration_seconds.unwrap_or(3600).min(43_200));
    let key = control.world.write(|state, now| {
        let role = state.roles.keys().next().cloned();
        let caller = state.keys.values().find(|key| !key.assumed_role).map(|key| key.id.clone());
        let (Some(role), Some(caller)) = (role, caller) else {
            return Err(Refusal(StatusCode::CONFLICT, "there is no role or no access key".to_owned()));
        };
        let wanted = NewSession { role: &role, session: "control", caller: Some(&caller), duration, policy: None };
        let key = state.assume_role(&wanted, now);
        key.map_err(|error| Refusal(StatusCode::CONFLICT, error.to_string()))
    })?;
    // The one answer with a secret in it: it is what was asked for.
    let secret = json!({
        "access_key_id": key.id, "access_key_secret": key.secret.expose(), "security_token": key.token.expose(),
        "expiration": key.expires.to_string(),
    });
    Ok(answer(StatusCode::CREATED, &secret))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Roles {
    /// The role; the account's first one when left out. One that is not there is made.
    role: Option<String>,
    closed: Option<bool>,
    /// An empty one asks for none.
    external_id: Option<String>,
    max_session_seconds: Option<u64>,
}

pub(super) async fn roles(State(control): Shared, body: Bytes) -> Answer {
    let asked: Roles = read(&body)?;
    let named = |c: char| c.is_ascii_alphanumeric() || ".@_-".contains(c);
    if asked.role.as_ref().is_some_and(|role| role.is_empty() || !role.chars().all(named)) {
        return Err(Refusal::bad("role: a name has letters, digits and the characters . @ _ -"));
    }
    let now_is = control.world.write(|state, _| {
        let first = || state.roles.keys().next().cloned();
        let Some(role) = asked.role.clone().or_else(first) else {
            return Err(Refusal(StatusCode::CONFLICT, "there is no role".to_owned()));
        };
        state.roles.entry(role.clone()).or_insert_with(|| CloudState::numeric_id(&fresh_id("", 17)));
        let conditions = state.role_conditions.entry(role.clone()).or_default();
        conditions.closed = asked.closed.unwrap_or(conditions.closed);
        if let Some(external_id) = asked.external_id {
            conditions.external_id = Some(external_id).filter(|id| !id.is_empty());
        }
        conditions.max_session_seconds = asked.max_session_seconds.or(conditions.max_session_seconds);
        let conditions = json!(conditions);
        Ok(json!({"role_arn": format!("acs:ram::{}:role/{role}", state.account_id), "conditions": conditions}))
    })?;
    ok(&now_is)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OidcTokens {
    valid_seconds: Option<u64>,
    /// Ends all tokens issued before.
    #[serde(default)]
    end_earlier: bool,
}

pub(super) async fn oidc_tokens(State(control): Shared, body: Bytes) -> Answer {
    let asked: OidcTokens = read(&body)?;
    let valid = Duration::from_secs(asked.valid_seconds.unwrap_or(3600).min(43_200));
    let (token, provider) = control.world.update(|state, now| {
        if asked.end_earlier {
            state.oidc_tokens.values_mut().for_each(|end| *end = now);
        }
        (state.issue_oidc_token(valid, now), state.oidc_provider_arn())
    });
    // With temporary keys, the other answer with a secret in it: it is what was asked for.
    Ok(answer(StatusCode::CREATED, &json!({"token": token.expose(), "oidc_provider_arn": provider})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InstanceChange {
    /// An empty one takes the role away.
    role: Option<String>,
    version_1: Option<bool>,
    version_2: Option<bool>,
}

pub(super) async fn instance(State(control): Shared, body: Bytes) -> Answer {
    let asked: InstanceChange = read(&body)?;
    let now_is = control.world.write(|state, _| {
        if let Some(role) = asked.role {
            if !role.is_empty() && !state.roles.contains_key(&role) {
                return Err(Refusal::not_found(format!("there is no role {role}")));
            }
            state.instance.role = Some(role).filter(|role| !role.is_empty());
        }
        let instance = &mut state.instance;
        instance.version_1 = asked.version_1.unwrap_or(instance.version_1);
        instance.version_2 = asked.version_2.unwrap_or(instance.version_2);
        Ok(json!(instance))
    })?;
    ok(&now_is)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SkewedClock {
    skew_seconds: i64,
}

pub(super) async fn clock(State(control): Shared, body: Bytes) -> Answer {
    let asked: SkewedClock = read(&body)?;
    control.world.update(|state, _| state.behaviour.clock_skew_seconds = asked.skew_seconds);
    ok(&json!({"skew_seconds": asked.skew_seconds, "cloud_time": control.world.cloud_time().to_string()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BehaviourChange {
    time_scale: Option<f64>,
    detach_leaves: Option<DetachLeaves>,
    empty_lists: Option<EmptyLists>,
    refuse_other_vpc: Option<bool>,
    /// The longest life of temporary keys; 0 for as long as is asked for.
    session_seconds: Option<u64>,
    timings: Option<Timings>,
}

pub(super) async fn behaviour(State(control): Shared, body: Bytes) -> Answer {
    let asked: BehaviourChange = read(&body)?;
    if asked.time_scale.is_some_and(|scale| !(0.0..=1000.0).contains(&scale)) {
        return Err(Refusal::bad("time_scale: it must be a number from 0 to 1000"));
    }
    let now_is = control.world.update(|state, _| {
        let behaviour = &mut state.behaviour;
        behaviour.time_scale = asked.time_scale.unwrap_or(behaviour.time_scale);
        behaviour.detach_leaves = asked.detach_leaves.unwrap_or(behaviour.detach_leaves);
        behaviour.empty_lists = asked.empty_lists.unwrap_or(behaviour.empty_lists);
        behaviour.refuse_other_vpc = asked.refuse_other_vpc.unwrap_or(behaviour.refuse_other_vpc);
        if let Some(seconds) = asked.session_seconds {
            behaviour.session_seconds = Some(seconds).filter(|seconds| *seconds > 0);
        }
        behaviour.timings = asked.timings.unwrap_or_else(|| behaviour.timings.clone());
        json!(behaviour)
    });
    ok(&now_is)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FleetChange {
    state: Option<FleetState>,
    error_message: Option<String>,
    public_api_server: Option<bool>,
}

pub(super) async fn fleet(State(control): Shared, Path(id): Path<String>, body: Bytes) -> Answer {
    let asked: FleetChange = read(&body)?;
    let now_is = control.world.write(|state, now| {
        let fleet = state.fleets.get_mut(&id).ok_or_else(|| Refusal::not_found(format!("there is no Fleet {id}")))?;
        if let Some(to) = asked.state {
            fleet.state = to;
            fleet.pending = None;
        }
        if let Some(message) = asked.error_message {
            fleet.error_message = message;
        }
        fleet.features.public_api_server = asked.public_api_server.unwrap_or(fleet.features.public_api_server);
        fleet.updated = now;
        Ok::<_, Refusal>(json!({"fleet_id": id, "state": fleet.state}))
    })?;
    ok(&now_is)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneMoreFleet {
    #[serde(default)]
    name: String,
    profile: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

pub(super) async fn new_fleet(State(control): Shared, body: Bytes) -> Answer {
    let asked: OneMoreFleet = read(&body)?;
    let id = control.world.write(|state, now| {
        let primary = state.fleets.get(&state.primary_fleet);
        let primary = primary.ok_or_else(|| Refusal::not_found("there is no first Fleet".to_owned()))?;
        let new = NewFleet {
            name: asked.name,
            profile: asked.profile.unwrap_or_else(|| "Default".to_owned()),
            vpc_id: primary.vpc_id.clone(),
            vswitches: primary.vswitches.clone(),
            resource_group_id: String::new(),
            tags: asked.tags,
            public_api_server: false,
            audit_log: false,
        };
        let id = state.create_fleet(new, now).map_err(|error| Refusal(StatusCode::CONFLICT, error.to_string()))?;
        // It is there as if it had been for long: creating is what the cloud's own call is for.
        if let Some(fleet) = state.fleets.get_mut(&id) {
            (fleet.state, fleet.pending) = (FleetState::Running, None);
        }
        Ok::<_, Refusal>(id)
    })?;
    Ok(answer(StatusCode::CREATED, &json!({"fleet_id": id})))
}

/// Networks are small: this many vSwitches fill one.
const MOST_VSWITCHES: u8 = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MoreVSwitches {
    count: u8,
    zone_id: Option<String>,
}

pub(super) async fn new_vswitches(State(control): Shared, body: Bytes) -> Answer {
    let asked: MoreVSwitches = read(&body)?;
    if asked.count > MOST_VSWITCHES {
        return Err(Refusal::bad(format!("count: at most {MOST_VSWITCHES}")));
    }
    let ids = control.world.write(|state, _| {
        let primary = state.fleets.get(&state.primary_fleet);
        let primary = primary.ok_or_else(|| Refusal::not_found("there is no first Fleet".to_owned()))?;
        let (vpc_id, first) = (primary.vpc_id.clone(), primary.vswitches.first().cloned().unwrap_or_default());
        let zone_of_the_first = state.vswitches.get(&first).map(|vswitch| vswitch.zone_id.clone());
        let zone_id = asked.zone_id.or(zone_of_the_first).unwrap_or_default();
        let mut ids = Vec::new();
        for number in 0..asked.count {
            let vswitch = VSwitch {
                vswitch_id: fresh_id("vsw-", 20),
                name: format!("more-{number}"),
                vpc_id: vpc_id.clone(),
                zone_id: zone_id.clone(),
                cidr_block: format!("10.1.{number}.0/24"),
            };
            ids.push(vswitch.vswitch_id.clone());
            state.vswitches.insert(vswitch.vswitch_id.clone(), vswitch);
        }
        Ok::<_, Refusal>(ids)
    })?;
    Ok(answer(StatusCode::CREATED, &json!({"vswitch_ids": ids})))
}
