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
use crate::framework::plan::resolve;
use crate::framework::resource::{Applying, Context};
use crate::resources::kubernetes_object::Fleet;
use crate::resources::stack::{Checks, Gateway as View};

impl AlbGateway {
    /// What a plan says about other objects.
    pub(super) async fn advise(&self, cx: &Context, planned: &Gateway<Planned>) -> Diagnostics {
        let value = planned.to_value();
        let (Ok(fleet), Ok(known), Attr::Known(name)) =
            (Fleet::of(&self.clients, cx), Gateway::<Stored>::from_value(&resolve(&value)), &planned.name)
        else {
            return Diagnostics::new();
        };
        let own = View::of(name, &alb_config(&known)).without_unknowns(&value.attr("listeners"));
        let managed = planned.manage_ingress_class != Attr::Known(false);
        let class = planned.ingress_class_name.known().filter(|_| managed).map(String::as_str);
        let foreign: Option<Vec<String>> = planned
            .foreign_listeners
            .known()
            .map(|foreign| foreign.iter().filter_map(|port| port.known().cloned()).collect());
        let checks = Checks { fleet: &fleet, now: cx.clock.now() };
        if planned.cross_checks == Attr::Known(true) {
            return checks.advise_gateway(own, class, foreign).await;
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
