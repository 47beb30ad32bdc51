//! Deleting a gateway: users first, then the IngressClass, then the AlbConfig with its load balancer.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::class::old_classes;
use super::model::Gateway;
use super::object;
use super::observe::leads_to;
use super::schema::DELETE_TIMEOUT;
use super::{AlbGateway, CLASS_UID_FACT, Objects};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::Stored;
use crate::framework::path::Path;
use crate::framework::resource::{Deleting, TimeoutOf, TimeoutSource};
use crate::kubernetes::{Error, FieldPath, Kind, Object};
use crate::resources::diagnose;
use crate::resources::kubernetes_object::{Fleet, Found, Home};
use crate::resources::users::{Place, named, remaining};

impl AlbGateway {
    pub(super) async fn delete_gateway(&self, cx: &mut Deleting, prior: &Gateway<Stored>) -> Result<(), Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let deadline = Instant::now() + prior.timeouts.timeout(TimeoutOf::Delete, DELETE_TIMEOUT);
        let objects = Objects::of(prior);
        let attribute = |path: &FieldPath| super::meaning::attribute(prior, path);
        let described = objects.alb_config(&attribute);
        let private = cx.private.clone();
        let home = Home::of(prior.fleet_id.as_ref(), &private);
        let mut unneeded = Diagnostics::new();
        if let Found::Live(live) = fleet.find(&described, home, &mut unneeded).await?
            && !live.is_terminating()
        {
            self.mind_users(&fleet, cx, prior, deadline).await?;
        }
        if let Some(class) = &objects.class {
            let home = Home::with_uid(prior.fleet_id.as_ref(), &private, CLASS_UID_FACT);
            fleet.delete(&objects.class(class), home, deadline, "", &mut cx.warnings).await?;
        }
        for (name, uid) in old_classes(&private) {
            let home = Home { fleet_id: prior.fleet_id.as_deref(), uid: Some(&uid), ..Home::default() };
            let class = object::ingress_class_ref(&name);
            fleet.delete(&objects.class(&class), home, deadline, "", &mut cx.warnings).await?;
        }
        let explanation =
            "Its finalizer is the ALB controller's, which dismantles the load balancer first; that takes minutes.";
        fleet.delete(&described, home, deadline, explanation, &mut cx.warnings).await
    }

    /// Users stop a delete, unless told otherwise or a gateway of the same name follows at once.
    async fn mind_users(
        &self,
        fleet: &Fleet,
        cx: &mut Deleting,
        prior: &Gateway<Stored>,
        deadline: Instant,
    ) -> Result<(), Diagnostics> {
        let name = prior.name.clone().unwrap_or_default();
        let listing = fleet.api().list(Kind::INGRESS_CLASS, None, None).await.map_err(|error| looking(&error))?;
        let mut classes: BTreeSet<String> =
            listing.items.iter().filter(|class| leads_to(class, &name)).map(|class| class.name().to_owned()).collect();
        classes.extend(super::managed_class(prior));
        let classes: Vec<String> = classes.into_iter().collect();
        let replaced = cx.private.successor().is_some_and(|next| next.get("name") == Some(&name));
        let warned = prior.ignore_users == Some(true) || replaced;
        let now = Instant::now();
        let patience = if warned { now } else { deadline.min(now + self.users_grace) };
        let users = users_until(fleet, &classes, patience).await?;
        if users.is_empty() {
            return Ok(());
        }
        let named = named(&users);
        if replaced {
            cx.warnings.warn(
                Path::root(),
                "Gateway in Use Is Replaced",
                format!(
                    "Ingresses still use gateway {name:?}: {named}. They get the address of the new load balancer once it is \
                     there; until then no traffic passes."
                ),
            );
        } else if warned {
            cx.warnings.warn(
                Path::root(),
                "Gateway in Use Is Deleted",
                format!(
                    "Ingresses still use gateway {name:?}: {named}. They keep a dead address (ignore_users is true)."
                ),
            );
        } else {
            return Err(Diagnostic::error(
                "Gateway in Use",
                format!(
                    "Ingresses still use gateway {name:?}: {named}. With the gateway gone they would keep a dead address, so \
                     nothing was deleted. Delete them first, or set ignore_users = true and apply that before the destroy."
                ),
            )
            .at(Path::attribute("ignore_users"))
            .into());
        }
        Ok(())
    }

    /// Ingresses of these classes now.
    pub(super) async fn users(&self, fleet: &Fleet, classes: &[String]) -> Result<Vec<String>, Diagnostics> {
        users_until(fleet, classes, Instant::now()).await
    }
}

/// Ingresses of these classes that are still there when patience ends.
async fn users_until(fleet: &Fleet, classes: &[String], patience: Instant) -> Result<Vec<String>, Diagnostics> {
    let place = Place { kind: Kind::INGRESS, namespace: None, selector: None };
    let users = remaining(fleet, place, |ingress| is_user(ingress, classes), patience).await;
    let users = users.map_err(|error| looking(&error))?;
    Ok(users.into_iter().map(|(namespace, name)| format!("{namespace}/{name}")).collect())
}

fn looking(error: &Error) -> Diagnostics {
    diagnose::kubernetes_error("looking for Ingresses that use the gateway", error, &|_| Path::root())
}

/// Whether an Ingress is of one of the classes, by field or by the old annotation.
fn is_user(ingress: &Object, classes: &[String]) -> bool {
    let field = ingress.value().pointer("/spec/ingressClassName").and_then(serde_json::Value::as_str);
    let class = field.or_else(|| ingress.annotation("kubernetes.io/ingress.class"));
    class.is_some_and(|class| classes.iter().any(|known| known == class))
}
