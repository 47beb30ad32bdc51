//! The gateway before its members: whether their security groups admit it. The check itself is `resources::access`.

use std::collections::BTreeSet;

use super::AlbGateway;
use super::model::Gateway;
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Attr, Planned};
use crate::framework::resource::Context;
use crate::resources::access::check::{self, Reach};

impl AlbGateway {
    /// What a plan says about the way to the members, as far as members and vSwitches are known.
    pub(super) async fn advise_reach(&self, cx: &Context, planned: &Gateway<Planned>) -> Diagnostics {
        let (Attr::Known(gateway), Attr::Known(true)) = (&planned.name, &planned.cross_checks) else {
            return Diagnostics::new();
        };
        let known = |ids: Vec<&Attr<String>>| -> BTreeSet<String> {
            ids.into_iter().filter_map(|id| id.known().cloned()).collect()
        };
        let zones = planned.zone_mappings.known().into_iter().flatten().filter_map(Attr::known);
        let reach = Reach {
            gateway,
            clusters: known(planned.remote_clusters.known().into_iter().flatten().collect()),
            vswitches: known(zones.map(|zone| &zone.vswitch_id).collect()),
        };
        check::gateway(&self.clients, cx, &reach).await
    }
}
