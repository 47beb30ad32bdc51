//! Model, import id, and the mark by which a rule is known for one of ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use crate::framework::model::{Attr, Planned, Stored};
use crate::framework::resource::Timeouts;
use crate::resources::access::cidr::Cidr;

crate::model! {
    /// Access of a gateway's addresses to member clusters.
    pub(crate) struct AccessModel {
        pub(crate) id: String,
        pub(crate) name: String,
        pub(crate) cluster_ids: Vec<P::Of<String>>,
        pub(crate) vswitch_ids: Vec<P::Of<String>>,
        pub(crate) source_cidrs: Vec<P::Of<String>>,
        pub(crate) security_group_ids: BTreeMap<String, P::Of<String>>,
        pub(crate) priority: i64,
        pub(crate) description: String,
        pub(crate) timeouts: Timeouts<P>,
        pub(crate) rules: Vec<P::Of<AccessRule<P>>>,
    }
}

crate::model! {
    /// One security group admitting one range.
    pub(crate) struct AccessRule {
        pub(crate) security_group_id: String,
        pub(crate) source_cidr: String,
        pub(crate) cluster_ids: Vec<P::Of<String>>,
        pub(crate) rule_id: String,
        pub(crate) owned: bool,
        pub(crate) blocked_by: String,
    }
}

/// A rule of a refreshed state.
pub(super) type StoredRule = AccessRule<Stored>;

/// Known values of a planned set of texts; `None` while any of it is unknown. Null counts as empty.
pub(super) fn known_set(set: &Attr<Vec<Attr<String>>>) -> Option<BTreeSet<String>> {
    match set {
        Attr::Null => Some(BTreeSet::new()),
        Attr::Unknown => None,
        Attr::Known(elements) => elements.iter().map(|element| element.known().cloned()).collect(),
    }
}

/// Values of a stored set of texts.
pub(super) fn stored_set(set: Option<&Vec<Option<String>>>) -> BTreeSet<String> {
    set.into_iter().flatten().flatten().cloned().collect()
}

/// Texts as a stored set.
pub(super) fn texts<T: ToString>(all: impl IntoIterator<Item = T>) -> Option<Vec<Option<String>>> {
    Some(all.into_iter().map(|one| Some(one.to_string())).collect())
}

/// What a plan asks for, when apply has made all of it known.
pub(super) fn resolved(planned: &AccessModel<Planned>) -> AccessModel<Stored> {
    let set = |set: &Attr<Vec<Attr<String>>>| {
        set.known().map(|elements| elements.iter().map(|element| element.known().cloned()).collect())
    };
    let timeouts = planned.timeouts.known().map(|timeouts| Timeouts {
        create: timeouts.create.known().cloned(),
        read: timeouts.read.known().cloned(),
        update: timeouts.update.known().cloned(),
        delete: timeouts.delete.known().cloned(),
    });
    AccessModel {
        id: planned.name.known().cloned(),
        name: planned.name.known().cloned(),
        cluster_ids: set(&planned.cluster_ids),
        vswitch_ids: set(&planned.vswitch_ids),
        source_cidrs: set(&planned.source_cidrs),
        security_group_ids: planned
            .security_group_ids
            .known()
            .map(|groups| groups.iter().map(|(cluster, group)| (cluster.clone(), group.known().cloned())).collect()),
        priority: planned.priority.known().copied(),
        description: planned.description.known().cloned(),
        timeouts,
        rules: None,
    }
}

/// What stands before the mark in a rule's description, unless the user says something else.
pub(super) const DESCRIPTION: &str = "Traffic of an ACK One gateway";

/// The mark of a resource: the end of the description of each of its rules.
pub(super) fn mark(name: &str) -> String {
    format!("[ackone_backend_access:{name}]")
}

/// The description of a rule of a resource.
pub(super) fn description(text: Option<&str>, name: &str) -> String {
    format!("{} {}", text.unwrap_or(DESCRIPTION), mark(name))
}

/// What stands before the mark in the description of a rule of a resource, if it is one.
pub(super) fn marked<'a>(description: &'a str, name: &str) -> Option<&'a str> {
    description.strip_suffix(mark(name).as_str()).map(str::trim_end)
}

/// Import id: `<name>`, or `<name>:<cluster>,<cluster>:<source>,<source>`, each source a vSwitch ID or an IPv4 range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AccessId {
    /// The resource's name, which the rules carry in their mark.
    pub(super) name: String,
    /// What it opens, if that is said.
    pub(super) scope: Option<Scope>,
}

/// What a resource opens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scope {
    /// Clusters.
    pub(super) clusters: BTreeSet<String>,
    /// vSwitches.
    pub(super) vswitches: BTreeSet<String>,
    /// Ranges of other addresses.
    pub(super) ranges: BTreeSet<Cidr>,
}

/// Whether a text may be the name of a resource: it stands in a mark and in an import id.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=63).contains(&text.len()) && text.bytes().all(plain)
}

/// Whether a text may be the id of a cluster, a vSwitch or a group.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

impl FromStr for AccessId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split(':');
        let name = parts.next().filter(|name| is_name(name)).ok_or(())?.to_owned();
        let scope = match (parts.next(), parts.next(), parts.next()) {
            (None, ..) => None,
            (Some(clusters), Some(sources), None) => {
                let mut scope = Scope::default();
                for cluster in clusters.split(',') {
                    scope.clusters.insert(Some(cluster).filter(|id| is_id(id)).ok_or(())?.to_owned());
                }
                for source in sources.split(',') {
                    match source.parse::<Cidr>() {
                        Ok(range) => scope.ranges.extend([range]),
                        Err(_) if is_id(source) => scope.vswitches.extend([source.to_owned()]),
                        Err(_) => return Err(()),
                    }
                }
                Some(scope)
            }
            _ => return Err(()),
        };
        Ok(Self { name, scope })
    }
}

impl fmt::Display for AccessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let Some(Scope { clusters, vswitches, ranges }) = &self.scope else { return Ok(()) };
        let clusters: Vec<&str> = clusters.iter().map(String::as_str).collect();
        let sources: Vec<String> = vswitches.iter().cloned().chain(ranges.iter().map(ToString::to_string)).collect();
        write!(f, ":{}:{}", clusters.join(","), sources.join(","))
    }
}
