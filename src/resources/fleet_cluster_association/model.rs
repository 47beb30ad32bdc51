//! Model, import id, and what a member of the cloud's list means as state.

use std::fmt;
use std::str::FromStr;

use crate::cloud::fleet::{ManagedCluster, MemberState};
use crate::cloud::{ClusterId, FleetId};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::{Planned, Stored};
use crate::framework::resource::{ImportTarget, Timeouts};

crate::model! {
    /// The association.
    pub(crate) struct AssociationModel {
        pub(crate) id: String,
        pub(crate) fleet_id: String,
        pub(crate) cluster_id: String,
        pub(crate) ignore_gateways: bool,
        pub(crate) on_wait_timeout: String,
        pub(crate) timeouts: Timeouts<P>,
        pub(crate) name: String,
        pub(crate) region: String,
        pub(crate) vpc_id: String,
        pub(crate) state: String,
        pub(crate) ready: bool,
        pub(crate) reason: String,
    }
}

/// Import id `<fleet>:<cluster>`, as the `alicloud` provider writes it too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemberId {
    /// The Fleet.
    pub(crate) fleet: FleetId,
    /// The member.
    pub(crate) cluster: ClusterId,
}

impl FromStr for MemberId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let plain =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        match text.split_once(':') {
            Some((fleet, cluster)) if plain(fleet) && plain(cluster) => {
                Ok(Self { fleet: FleetId::new(fleet), cluster: ClusterId::new(cluster) })
            }
            _ => Err(()),
        }
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.fleet.as_str(), self.cluster.as_str())
    }
}

/// The state from which a read finds the member.
pub(super) fn import(
    target: ImportTarget,
    default_fleet: Option<&str>,
) -> Result<AssociationModel<Stored>, Diagnostics> {
    let member = match target {
        ImportTarget::Id(id) => id.parse::<MemberId>().map_err(|()| {
            Diagnostic::error(
                "Invalid Import ID",
                format!("{id:?} is not of the form <fleet_id>:<cluster_id>, such as \"c0123…:c4567…\"."),
            )
        })?,
        ImportTarget::Identity(mut identity) => {
            let fleet = identity.remove("fleet_id").or_else(|| default_fleet.map(str::to_owned));
            match (fleet, identity.remove("cluster_id")) {
                (Some(fleet), Some(cluster)) => {
                    MemberId { fleet: FleetId::new(fleet), cluster: ClusterId::new(cluster) }
                }
                _ => {
                    return Err(Diagnostic::error(
                        "Incomplete Identity",
                        "The identity needs cluster_id, and fleet_id where the provider block has none.",
                    )
                    .into());
                }
            }
        }
    };
    Ok(AssociationModel {
        id: Some(member.to_string()),
        fleet_id: Some(member.fleet.as_str().to_owned()),
        cluster_id: Some(member.cluster.as_str().to_owned()),
        ..AssociationModel::default()
    })
}

/// Planned values as far as known; nothing of the member yet.
pub(super) fn recorded(member: &MemberId, planned: &AssociationModel<Planned>) -> AssociationModel<Stored> {
    AssociationModel {
        id: Some(member.to_string()),
        fleet_id: Some(member.fleet.as_str().to_owned()),
        cluster_id: Some(member.cluster.as_str().to_owned()),
        ignore_gateways: planned.ignore_gateways.known().copied(),
        on_wait_timeout: planned.on_wait_timeout.known().cloned(),
        timeouts: planned.timeouts.known().map(stored_timeouts),
        ready: Some(false),
        reason: Some("It was not listed yet when last looked at.".to_owned()),
        ..AssociationModel::default()
    }
}

fn stored_timeouts(timeouts: &Timeouts<Planned>) -> Timeouts<Stored> {
    Timeouts {
        create: timeouts.create.known().cloned(),
        read: timeouts.read.known().cloned(),
        update: timeouts.update.known().cloned(),
        delete: timeouts.delete.known().cloned(),
    }
}

/// Puts what the list says of a member into the state.
pub(super) fn observe(state: &mut AssociationModel<Stored>, member: &ManagedCluster) {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    state.name = text(&member.name);
    state.region = text(&member.region);
    state.vpc_id = member.vpc_id.as_ref().map(|vpc| vpc.as_str().to_owned());
    state.state = Some(member.membership.to_string());
    let ready = member.membership == MemberState::Successed;
    state.ready = Some(ready);
    state.reason = (!ready).then(|| match &member.message {
        Some(message) => format!("The membership is {}: {message}", member.membership),
        None => format!("The membership is {}.", member.membership),
    });
}
