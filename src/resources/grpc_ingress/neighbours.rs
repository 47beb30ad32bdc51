//! The Ingress among other objects: its gateway, other Ingresses of it, the Secrets it names.
//!
//! Hands the Ingress to the rules of `resources::stack`, planned or about to be written.

use super::GrpcIngressResource;
use super::model::GrpcIngress;
use super::object::ingress;
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Attr, Field, Planned, Stored};
use crate::framework::plan::resolve;
use crate::framework::resource::{Applying, Context};
use crate::resources::kubernetes_object::Fleet;
use crate::resources::stack::{Checks, Ingress};
use crate::resources::surroundings::Surroundings;

impl GrpcIngressResource {
    /// What a plan says about other objects.
    pub(super) async fn advise(&self, cx: &Context, planned: &GrpcIngress<Planned>) -> Diagnostics {
        let value = planned.to_value();
        let (Ok(fleet), Ok(known), Attr::Known(namespace), Attr::Known(name)) = (
            Fleet::of(&self.clients, cx),
            GrpcIngress::<Stored>::from_value(&resolve(&value)),
            &planned.namespace,
            &planned.name,
        ) else {
            return Diagnostics::new();
        };
        let own = Ingress::of(namespace, name, &ingress(&known)).without_unknowns(&value);
        let checks = Checks { fleet: &fleet, now: cx.clock.now() };
        if planned.cross_checks == Attr::Known(true) {
            let class = own.class.clone();
            let mut said = checks.advise_ingress(own).await;
            if let Some(surroundings) = Surroundings::of(&self.clients, cx)
                && let Some(load_balancer) = checks.load_balancer(class.as_deref()).await
            {
                said.extend(Box::pin(surroundings.advise_load_balancer(&load_balancer)).await);
            }
            return said;
        }
        // Not checked itself, it counts where others are.
        checks.note_ingress(own);
        Diagnostics::new()
    }

    /// Refuses a write that breaks a rule about other objects. An update that writes nothing breaks none.
    pub(super) async fn enforce(
        &self,
        fleet: &Fleet,
        cx: &Applying<Self>,
        state: &GrpcIngress<Stored>,
        prior: Option<&GrpcIngress<Stored>>,
    ) -> Result<(), Diagnostics> {
        let written = ingress(state);
        if state.cross_checks == Some(false) || prior.is_some_and(|prior| ingress(prior) == written) {
            return Ok(());
        }
        let (namespace, name) = (state.namespace.as_deref(), state.name.as_deref());
        let own = Ingress::of(namespace.unwrap_or_default(), name.unwrap_or_default(), &written);
        Checks { fleet, now: cx.context.clock.now() }.enforce_ingress(&own).await
    }
}
