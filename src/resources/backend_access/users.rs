//! Whether a gateway still connects through rules that are about to go. It is told, and stops nothing: who removes access may
//! mean it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::time::Instant;

use super::ledger::Ledger;
use super::look::Look;
use super::model::{AccessModel, stored_set};
use crate::clients::Clients;
use crate::cloud::SecurityGroupRuleId;
use crate::framework::model::Stored;
use crate::framework::resource::Context;
use crate::kubernetes::{Kind, Object};
use crate::resources::access::admission::{Verdict, verdict};
use crate::resources::kubernetes_object::Fleet;
use crate::resources::users::{Place, remaining};

/// How long gateways are watched for before they are told: they may be going in the same run.
const GRACE: Duration = Duration::from_secs(30);
/// Annotation of an AlbConfig that lists its members.
const REMOTE_CLUSTERS: &str = "alb.ingress.kubernetes.io/remote-clusters";

/// The gateways of the Fleet that connect from the state's vSwitches to its clusters, when they have had time to go; none
/// if other rules admit them too, or if the Fleet cannot be asked.
pub(super) async fn cut_off(
    clients: &Arc<Clients>,
    cx: &Context,
    state: &AccessModel<Stored>,
    ledger: &Ledger,
    look: &Look,
    deadline: Instant,
) -> Vec<String> {
    if !closes(ledger, look) {
        return Vec::new();
    }
    let Ok(fleet) = Fleet::of(clients, cx) else { return Vec::new() };
    let (clusters, vswitches) = (stored_set(state.cluster_ids.as_ref()), stored_set(state.vswitch_ids.as_ref()));
    let is_user = |object: &Object| uses(object, &clusters, &vswitches);
    let place = Place { kind: Kind::ALB_CONFIG, namespace: None, selector: None };
    let users = cx.cancel.run(remaining(&fleet, place, is_user, deadline.min(Instant::now() + GRACE))).await;
    match users {
        Ok(Ok(users)) => users.into_iter().map(|(_, name)| format!("AlbConfig {name:?}")).collect(),
        Ok(Err(error)) => {
            tracing::debug!(%error, "gateways that use the rules cannot be looked for");
            Vec::new()
        }
        Err(_) => Vec::new(),
    }
}

/// Whether something is shut out when the surplus is gone.
fn closes(ledger: &Ledger, look: &Look) -> bool {
    ledger.entries.iter().filter(|entry| entry.owned).any(|entry| {
        let (group, range) = &entry.pair;
        let is_ours = |rule: &SecurityGroupRuleId| ledger.surplus.contains(&(group.clone(), rule.clone()));
        let others = look.seen.get(group).into_iter().flatten().filter(|rule| !is_ours(&rule.id));
        !matches!(verdict(others, *range), Verdict::Open(_) | Verdict::Unclear)
    })
}

/// Whether a gateway connects from one of the vSwitches to one of the clusters.
fn uses(object: &Object, clusters: &BTreeSet<String>, vswitches: &BTreeSet<String>) -> bool {
    if object.is_terminating() {
        return false;
    }
    let members = object.annotation(REMOTE_CLUSTERS).unwrap_or_default();
    let zones = object.value().pointer("/spec/config/zoneMappings").and_then(Json::as_array);
    let from = |zone: &Json| zone.get("vSwitchId").and_then(Json::as_str).is_some_and(|id| vswitches.contains(id));
    members.split(',').any(|member| clusters.contains(member.trim())) && zones.into_iter().flatten().any(from)
}
