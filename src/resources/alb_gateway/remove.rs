//! Deleting a gateway: users first, then the IngressClass, then the AlbConfig with its load balancer.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::apply::old_classes;
use super::model::Gateway;
use super::object;
use super::observe::leads_to;
use super::schema::DELETE_TIMEOUT;
use super::{AlbGateway, CLASS_UID_FACT, Objects};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::Stored;
use crate::framework::path::Path;
use crate::framework::resource::{Deleting, TimeoutOf, TimeoutSource};
use crate::kubernetes::watch::WatchEvent;
use crate::kubernetes::{Error, FieldPath, Kind, Object, ObjectWatch};
use crate::resources::diagnose;
use crate::resources::kubernetes_object::{Fleet, Found, Home};

/// Users named in one message.
const MAX_NAMED_USERS: usize = 10;

impl AlbGateway {
    pub(super) async fn delete_gateway(&self, cx: &mut Deleting, prior: &Gateway<Stored>) -> Result<(), Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let deadline = Instant::now() + prior.timeouts.timeout(TimeoutOf::Delete, DELETE_TIMEOUT);
        let objects = Objects::of(prior);
        let attribute = |path: &FieldPath| object::attribute(prior, path);
        let described = objects.alb_config(&attribute);
        let private = cx.private.clone();
        let home = Home::of(prior.fleet_id.as_ref(), &private);
        let mut unneeded = Diagnostics::new();
        if let Found::Live(live) = fleet.find(&described, home, &mut unneeded).await?
            && !live.is_terminating()
        {
            self.mind_users(&fleet, cx, prior).await?;
        }
        if let Some(class) = &objects.class {
            let home = Home::with_uid(prior.fleet_id.as_ref(), &private, CLASS_UID_FACT);
            fleet.delete(&objects.class(class), home, deadline, "", &mut cx.warnings).await?;
        }
        for (name, uid) in old_classes(&private) {
            let home = Home { fleet_id: prior.fleet_id.as_deref(), uid: Some(&uid), claim: None };
            let class = object::ingress_class_ref(&name);
            fleet.delete(&objects.class(&class), home, deadline, "", &mut cx.warnings).await?;
        }
        let explanation =
            "Its finalizer is the ALB controller's, which dismantles the load balancer first; that takes minutes.";
        fleet.delete(&described, home, deadline, explanation, &mut cx.warnings).await
    }

    /// Users stop a delete, unless told otherwise or a gateway of the same name follows at once.
    async fn mind_users(&self, fleet: &Fleet, cx: &mut Deleting, prior: &Gateway<Stored>) -> Result<(), Diagnostics> {
        let name = prior.name.clone().unwrap_or_default();
        let listing = fleet.api().list(Kind::INGRESS_CLASS, None, None).await.map_err(|error| looking(&error))?;
        let mut classes: BTreeSet<String> =
            listing.items.iter().filter(|class| leads_to(class, &name)).map(|class| class.name().to_owned()).collect();
        classes.extend(super::managed_class(prior));
        let classes: Vec<String> = classes.into_iter().collect();
        let replaced = cx.private.successor().is_some_and(|next| next.get("name") == Some(&name));
        let warned = prior.ignore_users == Some(true) || replaced;
        let users =
            if warned { self.users(fleet, &classes).await? } else { self.wait_for_users(fleet, &classes).await? };
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
            .into());
        }
        Ok(())
    }

    /// Ingresses of these classes now.
    pub(super) async fn users(&self, fleet: &Fleet, classes: &[String]) -> Result<Vec<String>, Diagnostics> {
        let listing = fleet.api().list(Kind::INGRESS, None, None).await.map_err(|error| looking(&error))?;
        let mut users: Vec<String> =
            listing.items.iter().filter(|ingress| is_user(ingress, classes)).map(full_name).collect();
        users.sort();
        Ok(users)
    }

    /// Ingresses of these classes that are still there after a while: they may be going in the same run.
    async fn wait_for_users(&self, fleet: &Fleet, classes: &[String]) -> Result<Vec<String>, Diagnostics> {
        let deadline = Instant::now() + self.users_grace;
        let mut watch = ObjectWatch::of_selection(fleet.api(), Kind::INGRESS, None, None);
        let mut users: BTreeMap<String, bool> = BTreeMap::new();
        loop {
            let Ok(told) = tokio::time::timeout_at(deadline, watch.next()).await else { break };
            match told.map_err(|error| looking(&error))? {
                WatchEvent::Listed(ingresses) => {
                    users = ingresses.iter().map(|ingress| (full_name(ingress), is_user(ingress, classes))).collect();
                }
                WatchEvent::Changed(ingress) => {
                    users.insert(full_name(&ingress), is_user(&ingress, classes));
                }
                WatchEvent::Deleted(ingress) => {
                    users.remove(&full_name(&ingress));
                }
            }
            if !users.values().any(|uses| *uses) {
                break;
            }
        }
        Ok(users.into_iter().filter(|(_, uses)| *uses).map(|(name, _)| name).collect())
    }
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

fn full_name(ingress: &Object) -> String {
    format!("{}/{}", ingress.namespace().unwrap_or_default(), ingress.name())
}

fn named(users: &[String]) -> String {
    let shown = users.iter().take(MAX_NAMED_USERS).cloned().collect::<Vec<_>>().join(", ");
    match users.len().saturating_sub(MAX_NAMED_USERS) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
