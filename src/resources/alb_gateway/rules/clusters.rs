//! Rules V37 and V38, about member clusters.

use std::collections::BTreeSet;

use super::{Scene, texts};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::path::Path;
use crate::framework::value::Value;

/// V37: there are members, and their IDs survive in the annotation; what looks unlike an ID is told.
pub(crate) fn v37_cluster_ids(scene: &Scene<'_>, told: &mut Diagnostics) {
    let clusters = scene.attr("remote_clusters");
    let at = Path::attribute("remote_clusters");
    if clusters.as_list().is_some_and(<[Value]>::is_empty) {
        told.error(
            at,
            "No Member Clusters",
            "remote_clusters is empty: the gateway would have no backends. Name the member clusters, two or more.",
        );
        return;
    }
    let mut odd = Vec::new();
    for id in texts(&clusters) {
        if is_broken(&id) {
            told.error(
                at.clone(),
                "Invalid Cluster ID",
                format!(
                    "{id:?} in remote_clusters is no cluster ID. Write each ID as an element of its own, without spaces or \
                     commas."
                ),
            );
        } else if !is_cluster_id(&id) {
            odd.push(id);
        }
    }
    if !odd.is_empty() {
        told.warn(
            at,
            "Unusual Cluster ID",
            format!(
                "IDs of ACK clusters are a \"c\" and 32 hexadecimal digits, unlike {}. A wrong ID gives the gateway no backends \
                 there: check it.",
                odd.join(", ")
            ),
        );
    }
}

/// Whether an ID would be another one, or several, in the annotation.
fn is_broken(id: &str) -> bool {
    id.is_empty() || id.contains(|c: char| c == ',' || c.is_whitespace())
}

fn is_cluster_id(id: &str) -> bool {
    let hex = id.strip_prefix('c').unwrap_or_default();
    hex.len() == 32 && hex.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

/// V38: a multi-cluster gateway has several members.
pub(crate) fn v38_several_clusters(scene: &Scene<'_>, told: &mut Diagnostics) {
    let clusters = scene.attr("remote_clusters");
    let unknown = clusters.as_list().is_some_and(|list| list.iter().any(Value::is_unknown));
    let members: BTreeSet<String> = texts(&clusters).into_iter().collect();
    if !unknown && members.len() == 1 && !members.iter().any(|id| is_broken(id)) {
        told.warn(
            Path::attribute("remote_clusters"),
            "Single Member Cluster",
            "The gateway routes to one member cluster, so it is no multi-cluster gateway yet. Add a second one.",
        );
    }
}
