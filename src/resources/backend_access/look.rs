//! What the cloud says of a resource's clusters, vSwitches and groups, and what to tell of those that are not there.

use std::collections::{BTreeMap, BTreeSet};

use super::diagnose;
use super::ledger::{Known, Seen, Wanted};
use super::model::{AccessModel, stored_set};
use crate::clients::Clients;
use crate::cloud::{CallContext, SecurityGroupId};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::Stored;
use crate::resources::access::cidr::Cidr;
use crate::resources::access::survey::{self, Standing};

/// What was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    /// What shall be open, as far as both ends of it exist.
    pub(super) wanted: Wanted,
    /// The rules of each group that is wanted, or that state has a rule in.
    pub(super) seen: Seen,
    /// What is not there.
    pub(super) absent: Vec<Absent>,
}

/// Something that a configuration names and that is not there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Absent {
    /// The cluster.
    Cluster(String),
    /// The group of this cluster: the service names none.
    GroupOf(String),
    /// This group, of these clusters.
    Group(SecurityGroupId, Vec<String>),
    /// The vSwitch.
    VSwitch(String),
}

/// Looks at everything that `state` names, and at every group that `known` speaks of.
pub(super) async fn look(
    clients: &Clients,
    state: &AccessModel<Stored>,
    known: &Known,
    context: &CallContext,
    doing: &str,
) -> Result<Look, Diagnostics> {
    let failed = |error| diagnose::failed(doing, &error, "Nothing was changed.");
    let cloud = &clients.cloud;
    let given: BTreeMap<String, String> = state
        .security_group_ids
        .iter()
        .flatten()
        .filter_map(|(cluster, group)| Some((cluster.clone(), group.clone()?)))
        .collect();
    let (cluster_ids, vswitch_ids) = (stored_set(state.cluster_ids.as_ref()), stored_set(state.vswitch_ids.as_ref()));
    let (clusters, vswitches) = tokio::join!(
        survey::clusters(cloud, &cluster_ids, &given, context),
        survey::vswitches(cloud, &vswitch_ids, context),
    );
    let (clusters, vswitches) = (clusters.map_err(failed)?, vswitches.map_err(failed)?);
    let mut found = Look::default();

    let mut groups: BTreeMap<SecurityGroupId, BTreeSet<String>> = BTreeMap::new();
    for (cluster, standing) in clusters.standing {
        match standing {
            Standing::Behind(group) => groups.entry(group).or_default().extend([cluster]),
            Standing::NoGroup => found.absent.push(Absent::GroupOf(cluster)),
            Standing::Gone => found.absent.push(Absent::Cluster(cluster)),
        }
    }
    let mut ranges: BTreeSet<Cidr> =
        stored_set(state.source_cidrs.as_ref()).iter().filter_map(|text| text.parse().ok()).collect();
    for (vswitch, range) in vswitches {
        match range {
            Some(range) => ranges.extend([range]),
            None => found.absent.push(Absent::VSwitch(vswitch)),
        }
    }

    let all: BTreeSet<SecurityGroupId> = groups.keys().cloned().chain(known.groups()).collect();
    for (group, rules) in survey::rules(cloud, &all, context).await.map_err(failed)? {
        match rules {
            Some(rules) => found.seen.extend([(group, rules)]),
            // What state has in a group that is gone is gone with it.
            None => {
                let clusters = groups.remove(&group).unwrap_or_default();
                if !clusters.is_empty() {
                    found.absent.push(Absent::Group(group, clusters.into_iter().collect()));
                }
            }
        }
    }
    for (group, clusters) in groups {
        let pairs = ranges.iter().map(|range| ((group.clone(), *range), clusters.clone()));
        found.wanted.extend(pairs);
    }
    found.absent.sort();
    Ok(found)
}

impl Absent {
    /// Whether an earlier state names it too: then it has gone since, and that stops nothing else.
    fn was_there(&self, state: &AccessModel<Stored>, prior: &AccessModel<Stored>) -> bool {
        let given = |state: &AccessModel<Stored>, cluster: &str| {
            state.security_group_ids.as_ref().and_then(|groups| groups.get(cluster).cloned().flatten())
        };
        let had = |clusters: &[String]| {
            let known = stored_set(prior.cluster_ids.as_ref());
            let same = |cluster: &String| given(state, cluster) == given(prior, cluster);
            clusters.iter().all(|cluster| known.contains(cluster) && same(cluster))
        };
        match self {
            Self::Cluster(cluster) | Self::GroupOf(cluster) => had(std::slice::from_ref(cluster)),
            Self::Group(_, clusters) => had(clusters),
            Self::VSwitch(vswitch) => stored_set(prior.vswitch_ids.as_ref()).contains(vswitch),
        }
    }

    fn told(&self) -> Diagnostic {
        match self {
            Self::Cluster(cluster) => diagnose::no_cluster(cluster),
            Self::GroupOf(cluster) => diagnose::no_group_of(cluster),
            Self::Group(group, clusters) => diagnose::no_group(group, clusters),
            Self::VSwitch(vswitch) => diagnose::no_vswitch(vswitch),
        }
    }
}

impl Look {
    /// What to tell of what is not there. New to the configuration it is an error, since nothing would be opened; what was
    /// there once is a warning.
    pub(super) fn absences(&self, state: &AccessModel<Stored>, prior: Option<&AccessModel<Stored>>) -> Diagnostics {
        let mut told = Diagnostics::new();
        for absent in &self.absent {
            let gone = prior.is_some_and(|prior| absent.was_there(state, prior));
            told.push(if gone { absent.told().into_warning() } else { absent.told() });
        }
        told
    }
}
