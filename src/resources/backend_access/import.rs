//! Import: from a name alone, by the marks in the groups of the Fleet's members; or from a name and what it opens.
//!
//! The read that follows decides which rules are ours: those that carry the name's mark, whatever their age.

use std::collections::{BTreeMap, BTreeSet};

use super::apply::call_context;
use super::diagnose;
use super::ledger::{Seen, Wanted};
use super::model::{AccessId, AccessModel, DESCRIPTION, Scope, is_name, mark, marked, texts};
use crate::clients::Clients;
use crate::cloud::vpc::VSwitchFilter;
use crate::cloud::{CallContext, FleetId};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::Stored;
use crate::framework::resource::{ImportTarget, READ_TIMEOUT, Reading};
use crate::resources::access::admission;
use crate::resources::access::cidr::Cidr;
use crate::resources::access::survey::{self, Standing};

type State = AccessModel<Stored>;

pub(super) async fn import(clients: &Clients, cx: &mut Reading, target: ImportTarget) -> Result<State, Diagnostics> {
    let AccessId { name, scope } = match target {
        ImportTarget::Id(id) => id.parse().map_err(|()| {
            Diagnostic::error(
                "Invalid Import ID",
                format!(
                    "{id:?} is neither a name, such as \"ackone-gateway-demo\", nor of the form <name>:<cluster IDs>:<vSwitch IDs and \
                     ranges>, with commas between several, such as \"ackone-gateway-demo:c0123…,c4567…:vsw-1,vsw-2\"."
                ),
            )
        })?,
        ImportTarget::Identity(identity) => match identity.get("name").filter(|name| is_name(name)) {
            Some(name) => AccessId { name: name.clone(), scope: None },
            None => {
                return Err(Diagnostic::error("Incomplete Identity", "The identity needs the resource's name.").into());
            }
        },
    };
    let scope = match scope {
        Some(scope) => scope,
        None => search(clients, &name, &call_context(&cx.context, READ_TIMEOUT)).await?,
    };
    let set = |all: &BTreeSet<String>| if all.is_empty() { None } else { texts(all) };
    Ok(AccessModel {
        id: Some(name.clone()),
        name: Some(name),
        cluster_ids: texts(&scope.clusters),
        vswitch_ids: set(&scope.vswitches),
        source_cidrs: if scope.ranges.is_empty() { None } else { texts(&scope.ranges) },
        ..AccessModel::default()
    })
}

/// What the marked rules in the groups of the Fleet's members open.
async fn search(clients: &Clients, name: &str, context: &CallContext) -> Result<Scope, Diagnostics> {
    let doing = format!("looking for access rules of the name {name}");
    let failed = |error| diagnose::failed(&doing, &error, "");
    let Some(fleet) = &clients.settings.fleet_id else {
        return Err(Diagnostic::error(
            "Import Needs Clusters",
            format!(
                "The provider block names no Fleet in whose members' security groups rules of the name {name:?} could be looked for. \
                 Set fleet_id there, or import with the ID {name}:<cluster IDs>:<vSwitch IDs and ranges>."
            ),
        )
        .into());
    };
    let cloud = &clients.cloud;
    let members = cloud.members(&FleetId::new(fleet.clone()), context).await.map_err(failed)?;
    let ids: BTreeSet<String> = members.iter().map(|member| member.id.as_str().to_owned()).collect();
    let found = survey::clusters(cloud, &ids, &BTreeMap::new(), context).await.map_err(failed)?;
    let mut groups = BTreeMap::<_, BTreeSet<String>>::new();
    for (cluster, standing) in found.standing {
        if let Standing::Behind(group) = standing {
            groups.entry(group).or_default().insert(cluster);
        }
    }
    let seen = survey::rules(cloud, &groups.keys().cloned().collect(), context).await.map_err(failed)?;
    let mut scope = Scope::default();
    let mut ranges = BTreeSet::new();
    for (group, rules) in seen {
        let own = rules.iter().flatten().filter(|rule| marked(&rule.description, name).is_some());
        let sources: Vec<Cidr> = own.filter_map(|rule| Cidr::of_rule(&rule.source_cidr_ip)).collect();
        if !sources.is_empty() {
            scope.clusters.extend(groups.get(&group).into_iter().flatten().cloned());
            ranges.extend(sources);
        }
    }
    if ranges.is_empty() {
        return Err(Diagnostic::error(
            "Access Rules Not Found",
            format!(
                "No security group of the {} members of Fleet {fleet} has a rule whose description ends with {}. Rules made otherwise \
                 are not imported: a resource that names their clusters and vSwitches shares them.",
                ids.len(),
                mark(name)
            ),
        )
        .into());
    }
    for vpc in found.vpcs {
        let filter = VSwitchFilter { vpc_id: Some(vpc), ..VSwitchFilter::default() };
        for vswitch in cloud.describe_vswitches(&filter, context).await.map_err(failed)? {
            let range = Cidr::of_rule(&vswitch.cidr_block);
            if range.is_some_and(|range| ranges.remove(&range)) {
                scope.vswitches.insert(vswitch.id.as_str().to_owned());
            }
        }
    }
    scope.ranges = ranges;
    Ok(scope)
}

/// Fills in what an import cannot know from its ID: how the marked rules were made.
pub(super) fn fill_in(state: &mut State, wanted: &Wanted, seen: &Seen) {
    let name = state.name.clone().unwrap_or_default();
    let own = seen.iter().flat_map(|(group, rules)| rules.iter().map(move |rule| (group, rule))).filter_map(
        |(group, rule)| {
            let range = Cidr::of_rule(&rule.source_cidr_ip)?;
            let text = marked(&rule.description, &name)?;
            wanted.contains_key(&(group.clone(), range)).then(|| (admission::priority(rule), text.to_owned()))
        },
    );
    let first = own.min();
    state.priority = Some(first.as_ref().map_or(1, |(priority, _)| i64::from(*priority)));
    state.description = first.map(|(_, text)| text).filter(|text| text != DESCRIPTION);
}
