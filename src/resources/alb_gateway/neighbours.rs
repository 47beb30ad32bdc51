//! The gateway among other objects: the Ingresses that use it.
//!
//! Hands the gateway to the rules of `resources::stack`, planned or about to be written.

use serde_json::Value as Json;
use tokio::time::Instant;

use super::AlbGateway;
use super::model::Gateway;
use super::object::alb_config;
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Attr, Field, Planned, Stored};
use crate::framework::path::Path;
use crate::framework::plan::resolve;
use crate::framework::resource::{Applying, Context};
use crate::resources::kubernetes_object::Fleet;
use crate::resources::stack::{Checks, Gateway as View};
use crate::resources::surroundings::{self, Surroundings, Vswitch};

impl AlbGateway {
    /// What a plan says about other objects.
    pub(super) async fn advise(&self, cx: &Context, planned: &Gateway<Planned>) -> Diagnostics {
        let value = planned.to_value();
        let (Ok(fleet), Ok(known), Attr::Known(name)) =
            (Fleet::of(&self.clients, cx), Gateway::<Stored>::from_value(&resolve(&value)), &planned.name)
        else {
            return Diagnostics::new();
        };
        let own = View::of(name, &alb_config(&known)).without_unknowns(&value);
        let managed = planned.manage_ingress_class != Attr::Known(false);
        let class = planned.ingress_class_name.known().filter(|_| managed).map(String::as_str);
        let foreign: Option<Vec<String>> = planned
            .foreign_listeners
            .known()
            .map(|foreign| foreign.iter().filter_map(|port| port.known().cloned()).collect());
        let checks = Checks { fleet: &fleet, now: cx.clock.now() };
        if planned.cross_checks == Attr::Known(true) {
            let around = Surroundings::of(&self.clients, cx);
            let seen = seen(planned);
            let look = async {
                match &around {
                    Some(around) => around.advise_gateway(&seen).await,
                    None => Diagnostics::new(),
                }
            };
            // On the heap: together they outgrow the stack of a debug build.
            let (mut said, more) = tokio::join!(Box::pin(checks.advise_gateway(own, class, foreign)), Box::pin(look));
            said.extend(more);
            return said;
        }
        // Not checked itself, it counts where its Ingresses are.
        checks.note_gateway(own, class, foreign);
        Diagnostics::new()
    }

    /// Refuses a write that takes from Ingresses what they use. They may be going in the same run, so they are given as
    /// long as before a delete. `before` is what we set of the AlbConfig until now, with listeners that an earlier apply left.
    pub(super) async fn enforce(
        &self,
        fleet: &Fleet,
        cx: &Applying<Self>,
        state: &Gateway<Stored>,
        before: &Json,
        deadline: Instant,
    ) -> Result<(), Diagnostics> {
        if state.cross_checks == Some(false) {
            return Ok(());
        }
        let name = state.name.as_deref().unwrap_or_default();
        let (before, after) = (View::of(name, before), View::of(name, &alb_config(state)));
        let patience = deadline.min(Instant::now() + self.users_grace);
        Checks { fleet, now: cx.context.clock.now() }.enforce_gateway(&before, &after, patience).await
    }
}

/// The planned gateway as the checks of its surroundings see it: what is unknown is left out.
fn seen(planned: &Gateway<Planned>) -> surroundings::Gateway<'_> {
    let reuse = planned.reuse.known().and_then(|reuse| {
        let load_balancer_id = reuse.load_balancer_id.known()?;
        let is_set = |switch: &Attr<bool>| *switch == Attr::Known(true);
        Some(surroundings::Reuse {
            load_balancer_id,
            overrides: is_set(&reuse.force_override) || is_set(&reuse.listener_force_override),
            attribute: if is_set(&reuse.force_override) { "force_override" } else { "listener_force_override" },
        })
    });
    let clusters = planned.remote_clusters.known().into_iter().flatten();
    let clusters = clusters.filter_map(|cluster| cluster.known().map(String::as_str)).collect();
    let zones = planned.zone_mappings.known().into_iter().flatten().enumerate();
    let vswitches = zones.filter_map(|(index, zone)| {
        let at = Path::attribute("zone_mappings").index(index).attr("vswitch_id");
        Some(Vswitch { id: zone.known()?.vswitch_id.known()?, at })
    });
    let listeners = match &planned.listeners {
        Attr::Known(listeners) => Some(listeners.keys().map(String::as_str).collect()),
        Attr::Null => Some(Vec::new()),
        Attr::Unknown => None,
    };
    surroundings::Gateway {
        clusters,
        vswitches: vswitches.collect(),
        listeners,
        reuse,
        creates: planned.load_balancer_id == Attr::Unknown,
    }
}
