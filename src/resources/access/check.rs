//! Warns at plan of a gateway whose members do not admit it. Nothing else shows that before clients run into time-outs.
//!
//! Silent about whatever is not known or cannot be found out, and about what a plan of the same run is going to open. It must
//! never stop somebody who may not look: one line says which right is missing, once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::admission::{Verdict, verdict};
use super::cidr::Cidr;
use super::survey::{self, Standing};
use crate::clients::Clients;
use crate::cloud::{CallContext, CloudError, SecurityGroupId};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::path::Path;
use crate::framework::resource::Context;
use crate::resources::CrossCheck;

/// A plan's checks end after ten seconds; this one before, so that the others are heard.
const LIMIT: Duration = Duration::from_secs(6);
/// How long a plan that opens a group is waited for: the two plans may be made in either order.
const GRACE: Duration = Duration::from_secs(2);

/// A gateway as planned, as far as known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reach<'a> {
    /// Its name.
    pub(crate) gateway: &'a str,
    /// Members it routes to.
    pub(crate) clusters: BTreeSet<String>,
    /// vSwitches it connects from.
    pub(crate) vswitches: BTreeSet<String>,
}

/// A member that does not admit a vSwitch.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shut {
    cluster: String,
    group: SecurityGroupId,
    vswitch: String,
    range: Cidr,
    /// The rule that drops the packets, if one does.
    drop: Option<String>,
}

/// What to say of a planned gateway.
pub(crate) async fn gateway(clients: &Clients, cx: &Context, reach: &Reach<'_>) -> Diagnostics {
    // Whoever reaches the Fleet without cloud credentials names no Fleet, and is not made to look for any.
    if !clients.settings.skipped.wants(CrossCheck::SecurityGroups) {
        return Diagnostics::new();
    }
    if clients.settings.fleet_id.is_none() || reach.clusters.is_empty() || reach.vswitches.is_empty() {
        return Diagnostics::new();
    }
    // An apply of this process opens groups one after the other: what is shut now says nothing.
    let has_written =
        || clients.access.has_written() || clients.kubernetes.as_ref().is_some_and(|it| it.api.writes() > 0);
    if has_written() {
        return Diagnostics::new();
    }
    let context = CallContext::new(cx.cancel.clone()).with_deadline(Instant::now() + LIMIT);
    let shut = match look(clients, reach, &context).await {
        Ok(shut) => shut,
        Err(error) if error.is_forbidden() => return forbidden(clients, &error),
        Err(error) => {
            tracing::debug!(%error, "the members' security groups cannot be looked at; their check is left out");
            return Diagnostics::new();
        }
    };
    let covered = |one: &Shut| clients.access.covers(&one.cluster, &one.vswitch, one.range);
    if shut.iter().any(|one| one.drop.is_none()) {
        clients.access.settle(GRACE, || shut.iter().filter(|one| one.drop.is_none()).all(covered)).await;
    }
    let left: Vec<&Shut> = shut.iter().filter(|one| one.drop.is_some() || !covered(one)).collect();
    if left.is_empty() || has_written() { Diagnostics::new() } else { closed(reach, &left).into() }
}

async fn look(clients: &Clients, reach: &Reach<'_>, context: &CallContext) -> Result<Vec<Shut>, CloudError> {
    let cloud = &clients.cloud;
    let given = BTreeMap::new();
    let (clusters, vswitches) = tokio::join!(
        survey::clusters(cloud, &reach.clusters, &given, context),
        survey::vswitches(cloud, &reach.vswitches, context),
    );
    let (clusters, vswitches) = (clusters?.standing, vswitches?);
    let behind = |standing: &Standing| match standing {
        Standing::Behind(group) => Some(group.clone()),
        Standing::NoGroup | Standing::Gone => None,
    };
    let groups: BTreeSet<SecurityGroupId> = clusters.values().filter_map(behind).collect();
    let rules = survey::rules(cloud, &groups, context).await?;
    let mut shut = Vec::new();
    for (cluster, standing) in &clusters {
        let Some(group) = behind(standing) else { continue };
        let Some(Some(rules)) = rules.get(&group) else { continue };
        for (vswitch, range) in &vswitches {
            let Some(range) = *range else { continue };
            let drop = match verdict(rules, range) {
                Verdict::Open(_) | Verdict::Unclear => continue,
                Verdict::Closed => None,
                Verdict::Dropped(rule) => Some(rule.id.to_string()),
            };
            let (cluster, group, vswitch) = (cluster.clone(), group.clone(), vswitch.clone());
            shut.push(Shut { cluster, group, vswitch, range, drop });
        }
    }
    Ok(shut)
}

fn forbidden(clients: &Clients, error: &CloudError) -> Diagnostics {
    let action = error.action().permission();
    if !clients.access.tells(&action) {
        return Diagnostics::new();
    }
    Diagnostic::warning(
        "Security Groups Not Checked",
        format!(
            "The credentials may not call {action}, so it is not known whether the members' security groups admit the gateway. Grant \
             that action, or leave the check out with skip_cross_checks = [\"security_groups\"] in the provider block."
        ),
    )
    .into()
}

fn closed(reach: &Reach<'_>, shut: &[&Shut]) -> Diagnostic {
    let lines: String = shut
        .iter()
        .map(|one| {
            let Shut { cluster, group, vswitch, range, drop } = one;
            let why = match drop {
                Some(rule) => format!("rule {rule} drops packets from it"),
                None => "no rule admits it on all ports".to_owned(),
            };
            format!("\n  - cluster {cluster}, security group {group}, vSwitch {vswitch} ({range}): {why}")
        })
        .collect();
    let list = |of: fn(&Shut) -> &String| {
        let all: BTreeSet<&String> = shut.iter().filter(|one| one.drop.is_none()).map(|one| of(one)).collect();
        all.into_iter().map(|id| format!("{id:?}")).collect::<Vec<_>>().join(", ")
    };
    let mut remedy = String::new();
    if shut.iter().any(|one| one.drop.is_none()) {
        remedy.push_str(&format!(
            "\nOpen the groups with this block, and let the gateway depend on it (depends_on). If another block of this \
             configuration opens them, let the gateway depend on that.\n\n\
             resource \"ackone_backend_access\" \"{}\" {{\n  name        = {:?}\n  cluster_ids = [{}]\n  vswitch_ids = [{}]\n}}\n",
            label(reach.gateway),
            reach.gateway,
            list(|one| &one.cluster),
            list(|one| &one.vswitch),
        ));
    }
    if shut.iter().any(|one| one.drop.is_some()) {
        remedy.push_str("\nRemove a rule that drops, make it narrower, or give it a larger priority number than the rule that admits.");
    }
    Diagnostic::warning(
        "Security Group Closed",
        format!(
            "The gateway connects to its members from the addresses of its vSwitches, and these are shut out: connections time out, \
             and the gateway answers 504.{lines}{remedy}\nskip_cross_checks = [\"security_groups\"] in the provider block leaves this check out."
        ),
    )
    .at(Path::attribute("remote_clusters"))
}

/// A name as the label of a block.
fn label(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if plain.starts_with(|c: char| c.is_ascii_digit()) { format!("gateway_{plain}") } else { plain }
}
