//! What to tell users of what goes wrong with rules of security groups.

use super::ledger::{Entry, Marked};
use super::model::mark;
use crate::cloud::{CloudError, SecurityGroupId, SecurityGroupRuleId};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::path::Path;
use crate::resources::diagnose_cloud::{cloud_error, facts};
use crate::resources::users::named;

/// A call that failed. `doing` completes "While …"; `outcome` says what exists now.
pub(super) fn failed(doing: &str, error: &CloudError, outcome: &str) -> Diagnostics {
    let (summary, text) = if error.is_rule_quota() {
        (
            "Security Group Full",
            "the security group holds as many rules as it may. Remove rules that nobody needs, admit one wider range with \
             source_cidrs in place of many vSwitches, or ask for a higher quota; then apply again.",
        )
    } else if error.is_managed_by_service() {
        (
            "Security Group Managed By Service",
            "the security group belongs to a cloud service, which alone may change its rules. Admit the gateway where that service \
             is configured, or name the group that the nodes really stand behind in security_group_ids.",
        )
    } else if error.is_not_found() {
        (
            "Security Group Not Found",
            "the security group is gone since it was looked at. Apply again: its cluster's group is looked up anew.",
        )
    } else {
        return cloud_error(doing, error, outcome);
    };
    let detail = format!("While {doing}: {text} {outcome}{}", facts(error));
    Diagnostic::error(summary, detail).at(Path::attribute("cluster_ids")).into()
}

pub(super) fn no_cluster(cluster: &str) -> Diagnostic {
    Diagnostic::error(
        "No Such Cluster",
        format!(
            "The cloud knows no cluster {cluster} in the region, so there is no security group to open for it. Check the ID, the \
             region, and that the credentials belong to the cluster's account; if the cluster is gone for good, remove it from \
             cluster_ids."
        ),
    )
    .at(Path::attribute("cluster_ids"))
}

pub(super) fn no_group_of(cluster: &str) -> Diagnostic {
    Diagnostic::error(
        "Security Group Not Known",
        format!(
            "The cloud names no security group for cluster {cluster}, as for clusters that are only registered. Name the group that \
             its nodes and Pods stand behind: security_group_ids = {{ {cluster} = \"sg-…\" }}."
        ),
    )
    .at(Path::attribute("security_group_ids"))
}

pub(super) fn no_group(group: &SecurityGroupId, clusters: &[String]) -> Diagnostic {
    Diagnostic::error(
        "Security Group Not Found",
        format!(
            "There is no security group {group} in the region, behind which {} should stand. If its nodes stand behind another \
             one, name that in security_group_ids.",
            clusters.join(" and ")
        ),
    )
    .at(Path::attribute("cluster_ids"))
}

pub(super) fn no_vswitch(vswitch: &str) -> Diagnostic {
    Diagnostic::error(
        "No Such vSwitch",
        format!(
            "The cloud knows no vSwitch {vswitch} with IPv4 addresses in the region, so there is no range to admit for it. Check the \
             ID, the region, and that the credentials belong to its account; if it is gone for good, remove it from vswitch_ids."
        ),
    )
    .at(Path::attribute("vswitch_ids"))
}

fn listed(rules: &[Marked]) -> String {
    rules.iter().map(|one| format!("\n  - {} of {}, for {}", one.rule, one.group, one.source)).collect()
}

/// Rules that are ours by their mark alone.
pub(super) fn taken_over(name: &str, rules: &[Marked]) -> Diagnostic {
    Diagnostic::warning(
        "Access Rules Recorded",
        format!(
            "These rules carry the mark {} and are no older than a day, so they were recorded as rules of this resource; nothing was \
             added for them:{}\nAn interrupted apply leaves them so. If another configuration made them, give one of the two \
             another name: each would remove the rules of the other.",
            mark(name),
            listed(rules)
        ),
    )
    .at(Path::attribute("name"))
}

/// Rules with our mark that are left alone.
pub(super) fn not_taken_over(name: &str, rules: &[Marked]) -> Diagnostic {
    Diagnostic::warning(
        "Access Rules Of The Same Name",
        format!(
            "These rules carry the mark {} and are not known to this state, so they are left as they are, now and when this resource \
             is destroyed:{}\nIf another configuration made them, give one of the two another name. If an apply of this one was \
             interrupted long ago, import the resource, which takes them over, or remove them by hand.",
            mark(name),
            listed(rules)
        ),
    )
    .at(Path::attribute("name"))
}

/// Rules that drop what ours admit.
pub(super) fn overruled(entries: &[Entry]) -> Option<Diagnostic> {
    let lines: String = entries
        .iter()
        .filter_map(|entry| {
            let drop = entry.blocked_by.as_ref()?;
            Some(format!("\n  - {drop} of {} drops packets from {}", entry.pair.0, entry.pair.1))
        })
        .collect();
    (!lines.is_empty()).then(|| {
        Diagnostic::warning(
            "Access Rule Overruled",
            format!(
                "Another rule of the group goes before the one that admits the gateway, since its priority number is smaller, or equal \
                 and it drops. Connections from these ranges still time out:{lines}\nRemove that rule, make it narrower, or give it a \
                 larger priority number than `priority` here."
            ),
        )
        .at(Path::attribute("priority"))
    })
}

/// Gateways that connect through rules that go.
pub(super) fn cut_off(users: &[String]) -> Diagnostic {
    Diagnostic::warning(
        "Gateway Cut Off",
        format!(
            "{} still connects from these vSwitches to these clusters, and no other rule admits it: its connections time out now. If the \
             gateway goes in the same run, let it depend on this resource, so that it goes first; if not, something else has to admit it.",
            named(users)
        ),
    )
}

/// Rules that stay because another resource of the run shares them, though none owns them from now on.
pub(super) fn left_open(name: &str, rules: &[(SecurityGroupId, SecurityGroupRuleId)]) -> Diagnostic {
    let lines: String = rules.iter().map(|(group, rule)| format!("\n  - rule {rule} of group {group}")).collect();
    Diagnostic::warning(
        "Shared Rules Stay",
        format!(
            "Another resource of this run shares rules of access {name:?}, which is destroyed; they stay, so that traffic goes on:{lines}\n\
             No resource removes them any more. Once nothing needs them, remove them by hand; or give the other resource the name \
             {name:?} and import it, and they are its own."
        ),
    )
}

/// Pairs of a refreshed state for which there is no rule.
pub(super) fn missing(pairs: &[String]) -> Diagnostic {
    let lines: String = pairs.iter().map(|pair| format!("\n  - {pair}")).collect();
    Diagnostic::warning(
        "Access Rule Missing",
        format!(
            "No rule admits these ranges (any more), so connections of the gateway time out; the apply makes the rules:{lines}\nIf \
             somebody removed one on purpose, take its cluster or vSwitch out of this resource."
        ),
    )
    .at(Path::attribute("rules"))
}

/// Rules whose ids could not be read.
pub(super) fn not_listed(pairs: &[String]) -> Diagnostic {
    let lines: String = pairs.iter().map(|pair| format!("\n  - {pair}")).collect();
    Diagnostic::warning(
        "Access Rule Not Listed Yet",
        format!(
            "The cloud accepted these rules but does not list them yet, so their IDs are not known:{lines}\nThey are in state as asked \
             for; the next apply finds them by their mark."
        ),
    )
    .at(Path::attribute("rules"))
}
