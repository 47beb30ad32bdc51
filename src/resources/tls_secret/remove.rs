//! Deleting the Secret: Ingresses that name it first.

use serde_json::Value as Json;
use tokio::time::Instant;

use super::model::{self, State, import_id};
use super::schema::DELETE_TIMEOUT;
use super::{TlsSecret, described};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::path::Path;
use crate::framework::resource::{Deleting, TimeoutOf, TimeoutSource};
use crate::kubernetes::{Kind, Object, ObjectRef};
use crate::resources::diagnose;
use crate::resources::kubernetes_object::{Fleet, Found, Home};
use crate::resources::users::{Place, named, remaining};

impl TlsSecret {
    pub(super) async fn delete_secret(&self, cx: &mut Deleting, prior: &State) -> Result<(), Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let deadline = Instant::now() + prior.timeouts.timeout(TimeoutOf::Delete, DELETE_TIMEOUT);
        let object = model::object_ref(prior);
        let import_id = import_id(&object);
        let described = described(&object, &import_id, &|_| Path::root());
        let private = cx.private.clone();
        let home = Home::of(prior.fleet_id.as_ref(), &private);
        let mut unneeded = Diagnostics::new();
        if let Found::Live(live) = fleet.find(&described, home, &mut unneeded).await?
            && !live.is_terminating()
            && prior.ignore_users != Some(true)
        {
            self.mind_users(&fleet, cx, &object, deadline).await?;
        }
        fleet.delete(&described, home, deadline, "", &mut cx.warnings).await
    }

    /// Users stop a delete, unless a Secret of the same name follows at once.
    async fn mind_users(
        &self,
        fleet: &Fleet,
        cx: &mut Deleting,
        object: &ObjectRef,
        deadline: Instant,
    ) -> Result<(), Diagnostics> {
        let replaced = cx.private.successor().is_some_and(|next| {
            next.get("name") == Some(&object.name) && next.get("namespace") == object.namespace.as_ref()
        });
        let patience = if replaced { Instant::now() } else { deadline.min(Instant::now() + self.users_grace) };
        let users = users(fleet, object, patience).await?;
        if users.is_empty() {
            return Ok(());
        }
        let named = named(&users);
        if replaced {
            cx.warnings.warn(
                Path::root(),
                "Secret in Use Is Replaced",
                format!("Ingresses {named} name {object}. Until its successor is there the controller cannot reconcile them."),
            );
            return Ok(());
        }
        Err(Diagnostic::error(
            "Secret in Use",
            format!(
                "Ingresses {named} still name {object} in their tls. Without it the controller can reconcile neither them nor \
                 other Ingresses of the same gateway, so nothing was deleted. Change or delete them first. If the Secret is renamed, \
                 set create_before_destroy = true in its lifecycle: the Ingress then moves over first. To delete it all the same, \
                 set ignore_users = true and apply that before the destroy."
            ),
        )
        .at(Path::attribute("ignore_users"))
        .into())
    }
}

/// Whether an Ingress names the Secret.
fn names(ingress: &Object, secret: &str) -> bool {
    let entries = ingress.value().pointer("/spec/tls").and_then(Json::as_array);
    entries.into_iter().flatten().any(|entry| entry.get("secretName").and_then(Json::as_str) == Some(secret))
}

/// Ingresses that still name the Secret when patience ends.
async fn users(fleet: &Fleet, object: &ObjectRef, patience: Instant) -> Result<Vec<String>, Diagnostics> {
    let place = Place { kind: Kind::INGRESS, namespace: object.namespace.as_deref(), selector: None };
    let users = remaining(fleet, place, |ingress| names(ingress, &object.name), patience).await;
    let users = users.map_err(|error| {
        diagnose::kubernetes_error(&format!("looking for Ingresses that name {object}"), &error, &|_| Path::root())
    })?;
    Ok(users.into_iter().map(|(_, name)| format!("{name:?}")).collect())
}
