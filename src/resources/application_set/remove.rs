//! Deleting an ApplicationSet: its Applications go with it, and what they deployed with them, unless it is preserved.

use serde_json::Value as Json;
use tokio::time::Instant;

use super::judge::is_owned;
use super::model::{State, import_id, object_ref};
use super::schema::DELETE_TIMEOUT;
use super::{ApplicationSet, described, object};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::path::Path;
use crate::framework::resource::{Deleting, TimeoutOf, TimeoutSource};
use crate::kubernetes::{Error, Kind, Object, ObjectRef};
use crate::resources::diagnose;
use crate::resources::kubernetes_object::{Fleet, Home};
use crate::resources::users::{Place, named, remaining};

/// What holds an Application until what it deployed is gone (Argo CD's finalizers, the second one in the background).
const CASCADES: &str = "resources-finalizer.argocd.argoproj.io";
/// What may hold a set.
const EXPLANATION: &str = "Argo CD holds a set only while it deletes its Applications in an order.";

impl ApplicationSet {
    pub(super) async fn delete_set(&self, cx: &mut Deleting, prior: &State) -> Result<(), Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let deadline = Instant::now() + prior.timeouts.timeout(TimeoutOf::Delete, DELETE_TIMEOUT);
        let object = object_ref(prior);
        let import_id = import_id(&object);
        let described = described(&object, &import_id, &|_| Path::root());
        let private = cx.private.clone();
        let home = Home::of(prior.fleet_id.as_ref(), &private);
        let uid = match home.uid {
            Some(uid) => uid.to_owned(),
            None => match fleet.api().get(&object).await {
                Ok(live) => live.uid().to_owned(),
                Err(error) if error.is_not_found() => String::new(),
                Err(error) => return Err(failed("reading", &object, &error)),
            },
        };
        let mut kept = Vec::new();
        let all = fleet.api().list(Kind::APPLICATION, object.namespace.as_deref(), None).await;
        match all {
            Ok(all) => kept.extend(all.items.iter().filter(|one| is_owned(one, &uid) && !cascades(one)).map(shown)),
            // The wait below says what is missing, after the set itself is deleted.
            Err(error) => tracing::info!(%error, "Applications cannot be listed"),
        }
        fleet.delete(&described, home, deadline, EXPLANATION, &mut cx.warnings).await?;
        self.until_applications_are_gone(&fleet, &object, &uid, deadline).await?;
        if !kept.is_empty() {
            cx.warnings.push(workloads_kept(&object, &kept));
        }
        Ok(())
    }

    async fn until_applications_are_gone(
        &self,
        fleet: &Fleet,
        object: &ObjectRef,
        uid: &str,
        deadline: Instant,
    ) -> Result<(), Diagnostics> {
        let place = Place { kind: Kind::APPLICATION, namespace: object.namespace.as_deref(), selector: None };
        let left = remaining(fleet, place, |one| is_owned(one, uid), deadline).await;
        let left = match left {
            Ok(left) => left,
            Err(error) if error.is_cancelled() => {
                return Err(Diagnostic::error(
                    "Interrupted",
                    format!("{object} is deleted; the wait for the end of its Applications was interrupted. They go by themselves."),
                )
                .into());
            }
            // The set is deleted and its Applications go by themselves; who may not look is not told that it failed.
            Err(error) if error.is_forbidden() => {
                tracing::warn!(%error, "the Applications of a deleted set cannot be listed; their end is not waited for");
                return Ok(());
            }
            Err(error) => return Err(failed("waiting for the end of the Applications of", object, &error)),
        };
        if left.is_empty() {
            return Ok(());
        }
        let mut lines = Vec::new();
        for (namespace, name) in left {
            let application = ObjectRef::namespaced(Kind::APPLICATION, namespace, name);
            match fleet.api().get(&application).await {
                Ok(live) => lines.push(held(&live)),
                Err(error) if error.is_not_found() => {}
                Err(_) => lines.push(format!("{:?}", application.name)),
            }
        }
        if lines.is_empty() {
            return Ok(());
        }
        let lines: String = lines.iter().map(|line| format!("\n  Application {line}")).collect();
        Err(Diagnostic::error(
            "Applications Not Gone",
            format!(
                "{object} is deleted, but not all of its Applications are gone within timeouts.delete:{lines}\nArgo CD holds each \
                 until what it deployed is gone from its cluster; it needs to reach that cluster. Remove the cause and they go by \
                 themselves. The next refresh finds the set gone."
            ),
        )
        .into())
    }
}

fn failed(verb: &str, object: &ObjectRef, error: &Error) -> Diagnostics {
    diagnose::kubernetes_error(&format!("{verb} {object}"), error, &object::server_attribute)
}

/// Whether Argo CD deletes what an Application deployed when that is deleted.
fn cascades(application: &Object) -> bool {
    application.finalizers().iter().any(|one| one.starts_with(CASCADES))
}

fn shown(application: &Object) -> String {
    format!("{:?}", application.name())
}

/// An Application that is not gone: what holds it and what Argo CD says.
fn held(application: &Object) -> String {
    let conditions = application.value().pointer("/status/conditions").and_then(Json::as_array);
    let said = conditions
        .into_iter()
        .flatten()
        .filter(|one| one.get("type").and_then(Json::as_str) == Some("DeletionError"))
        .filter_map(|one| one.get("message").and_then(Json::as_str))
        .map(|message| format!("; Argo CD says: {message}"));
    let held = match application.finalizers() {
        all if all.is_empty() => "nothing holds it".to_owned(),
        all => format!("held by {}", all.join(", ")),
    };
    format!("{}: {held}{}", shown(application), said.collect::<String>())
}

fn workloads_kept(object: &ObjectRef, kept: &[String]) -> Diagnostic {
    Diagnostic::warning(
        "Workloads Kept",
        format!(
            "{object} is deleted, and with it its Applications. What {} deployed stays in the member clusters, because \
             preserve_resources_on_deletion was in force. Nothing manages it any more.",
            named(kept)
        ),
    )
}
