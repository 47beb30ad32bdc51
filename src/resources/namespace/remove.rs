//! Deleting a Namespace: what remains in it first, then the wait, then why it is not gone.

use std::collections::BTreeMap;

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
use crate::kubernetes::watch::WatchEvent;
use crate::kubernetes::{Error, Kind, Object, ObjectRef, ObjectWatch};
use crate::resources::diagnose;
use crate::resources::kubernetes_object::{Fleet, Found, Home};

/// What a delete would take along silently, and how to select it. Tokens of service accounts are the cluster's own.
const USERS: [(Kind, Option<&str>); 3] = [
    (Kind::INGRESS, None),
    (Kind::SECRET, Some("fieldSelector=type%21%3Dkubernetes.io%2Fservice-account-token")),
    (Kind::SERVICE, None),
];
/// Objects named in one message.
const MAX_NAMED: usize = 10;

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
            users.extend(remaining(fleet, kind, &name, selector, patience).await?);
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

/// Objects of a kind that are still in the namespace when none is left or patience ends; they are listed at least once.
async fn remaining(
    fleet: &Fleet,
    kind: Kind,
    namespace: &str,
    selector: Option<&str>,
    patience: Instant,
) -> Result<Vec<String>, Diagnostics> {
    let looking = |error: &Error| {
        let mut errors =
            diagnose::kubernetes_error(&format!("looking for what remains in Namespace {namespace:?}"), error, &|_| {
                Path::root()
            });
        errors.extend(
            Diagnostic::warning(
                "Namespace Not Looked Through",
                "With force_delete = true a delete does not look for what remains, and needs no rights for that.",
            )
            .into(),
        );
        errors
    };
    let mut watch = ObjectWatch::of_selection(fleet.api(), kind, Some(namespace), selector.map(str::to_owned));
    let mut present: BTreeMap<String, String> = BTreeMap::new();
    let entry = |object: &Object| (object.name().to_owned(), format!("{} {:?}", kind.kind, object.name()));
    let mut listed = false;
    loop {
        let told = if listed {
            match tokio::time::timeout_at(patience, watch.next()).await {
                Ok(told) => told,
                Err(_) => break,
            }
        } else {
            watch.next().await
        };
        match told.map_err(|error| looking(&error))? {
            WatchEvent::Listed(objects) => {
                listed = true;
                present = objects.iter().map(entry).collect();
            }
            WatchEvent::Changed(object) => {
                present.extend([entry(&object)]);
            }
            WatchEvent::Deleted(object) => {
                present.remove(object.name());
            }
        }
        if listed && present.is_empty() {
            break;
        }
    }
    Ok(present.into_values().collect())
}

fn named(users: &[String]) -> String {
    let shown = users.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ");
    match users.len().saturating_sub(MAX_NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
