//! Deleting a Namespace: what remains in it first, then the wait, then why it is not gone.

use serde_json::Value as Json;
use tokio::time::Instant;

use super::Namespace;
use super::apply::described;
use super::model::{self, NamespaceModel};
use super::schema::DELETE_TIMEOUT;
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::Stored;
use crate::framework::path::Path;
use crate::framework::resource::{Deleting, TimeoutOf, TimeoutSource};
use crate::kubernetes::{Kind, Object, ObjectRef};
use crate::resources::diagnose;
use crate::resources::kubernetes_object::{Fleet, Found, Home};
use crate::resources::users::{Place, named, remaining};

/// What a delete would take along silently, and how to select it. Tokens of service accounts are the cluster's own.
const USERS: [(Kind, Option<&str>); 3] = [
    (Kind::INGRESS, None),
    (Kind::SECRET, Some("fieldSelector=type%21%3Dkubernetes.io%2Fservice-account-token")),
    (Kind::SERVICE, None),
];

impl Namespace {
    pub(super) async fn delete_namespace(
        &self,
        cx: &mut Deleting,
        prior: &NamespaceModel<Stored>,
    ) -> Result<(), Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let deadline = Instant::now() + prior.timeouts.timeout(TimeoutOf::Delete, DELETE_TIMEOUT);
        let object = model::object_ref(prior);
        let described = described(&object, &|_| Path::root());
        let private = cx.private.clone();
        let home = Home::of(prior.fleet_id.as_ref(), &private);
        let mut unneeded = Diagnostics::new();
        if let Found::Live(live) = fleet.find(&described, home, &mut unneeded).await?
            && !live.is_terminating()
            && prior.force_delete != Some(true)
        {
            self.mind_users(&fleet, cx, prior, deadline).await?;
        }
        match fleet.delete(&described, home, deadline, "", &mut cx.warnings).await {
            Ok(()) => Ok(()),
            Err(errors) => Err(self.explain(&fleet, &object, errors).await),
        }
    }

    /// What remains stops a delete, unless a Namespace of the same name follows at once.
    async fn mind_users(
        &self,
        fleet: &Fleet,
        cx: &mut Deleting,
        prior: &NamespaceModel<Stored>,
        deadline: Instant,
    ) -> Result<(), Diagnostics> {
        let name = prior.name.clone().unwrap_or_default();
        let replaced = cx.private.successor().is_some_and(|next| next.get("name") == Some(&name));
        let patience = if replaced { Instant::now() } else { deadline.min(Instant::now() + self.users_grace) };
        let mut users = Vec::new();
        for (kind, selector) in USERS {
            users.extend(left_in(fleet, kind, &name, selector, patience).await?);
        }
        if users.is_empty() {
            return Ok(());
        }
        let named = named(&users);
        if replaced {
            cx.warnings.warn(
                Path::root(),
                "Namespace in Use Is Replaced",
                format!("Namespace {name:?} holds {named}. They are deleted with it, and its successor starts empty."),
            );
            return Ok(());
        }
        Err(Diagnostic::error(
            "Namespace in Use",
            format!(
                "Namespace {name:?} still holds {named}. Deleting it would delete them too, so nothing was deleted. Delete \
                 them first, or set force_delete = true and apply that before the destroy. Resources of this configuration \
                 should take their namespace attribute from ackone_namespace: Terraform then deletes them first."
            ),
        )
        .at(Path::attribute("force_delete"))
        .into())
    }

    /// Adds what the namespace controller says of a deletion that does not end.
    async fn explain(&self, fleet: &Fleet, object: &ObjectRef, errors: Diagnostics) -> Diagnostics {
        let Ok(live) = fleet.api().get(object).await else { return errors };
        let told = conditions(&live);
        if !live.is_terminating() || told.is_empty() {
            return errors;
        }
        let mut explained = Diagnostics::new();
        for mut diagnostic in errors {
            diagnostic.detail.push_str("\nThe Fleet's namespace controller says: ");
            diagnostic.detail.push_str(&told.join(" "));
            explained.push(diagnostic);
        }
        explained
    }
}

/// What keeps a terminating Namespace, from its status (`NamespaceContentRemaining`, `NamespaceFinalizersRemaining`,
/// `NamespaceDeletionContentFailure` and others).
pub(super) fn conditions(live: &Object) -> Vec<String> {
    let conditions = live.value().pointer("/status/conditions").and_then(Json::as_array);
    let text = |condition: &Json, name: &str| condition.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    conditions
        .into_iter()
        .flatten()
        .filter(|condition| text(condition, "status") == "True")
        .map(|condition| (text(condition, "type"), text(condition, "message")))
        .filter(|(_, message)| !message.is_empty())
        .map(|(kind, message)| format!("{kind}: {message}."))
        .collect()
}

/// Objects of a kind that are still in the namespace when patience ends.
async fn left_in(
    fleet: &Fleet,
    kind: Kind,
    namespace: &str,
    selector: Option<&str>,
    patience: Instant,
) -> Result<Vec<String>, Diagnostics> {
    let place = Place { kind, namespace: Some(namespace), selector };
    let left = remaining(fleet, place, |_| true, patience).await.map_err(|error| {
        let doing = format!("looking for what remains in Namespace {namespace:?}");
        let mut errors = diagnose::kubernetes_error(&doing, &error, &|_| Path::root());
        errors.extend(
            Diagnostic::warning(
                "Namespace Not Looked Through",
                "With force_delete = true a delete does not look for what remains, and needs no rights for that.",
            )
            .into(),
        );
        errors
    })?;
    Ok(left.into_iter().map(|(_, name)| format!("{} {name:?}", kind.kind)).collect())
}
