//! `ackone_namespace`: a Namespace in the Fleet.
//!
//! Create, update and refresh are those of every object; the delete is what is special. It takes everything in the
//! Namespace along, so it refuses while Ingresses, Secrets or Services remain that this run does not delete too. A bare
//! Namespace shows no field manager, so it carries a label that says whose it is. It must never drop that label, nor count
//! it as drift.

mod apply;
pub(super) mod coverage;
mod model;
mod remove;
mod schema;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use model::NamespaceModel;

use crate::clients::Clients;
use crate::framework::declared::Declared;
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Attr, Field, Planned, Stored};
use crate::framework::path::Path;
use crate::framework::plan::resolve;
use crate::framework::resource::{Applying, Deleting, ImportTarget, Planning, Reading, Resource};
use crate::framework::schema::{Identity, IdentitySchema, Schema};
use crate::framework::value::Value;
use crate::kubernetes::Kind;
use crate::kubernetes::meaning::Plain;
use crate::resources::kubernetes_attributes::refuse_null_elements;
use crate::resources::kubernetes_object::UID_FACT;
use crate::resources::{object_metadata, object_names, refresh};

/// Label that stands for our field manager (Kubernetes recommended labels).
const MARKER: &str = "app.kubernetes.io/managed-by";
/// Private fact: the live Namespace carries that label with our name.
const MARKED_FACT: &str = "marked";
/// How long a delete waits for what remains in the Namespace: it may be going in the same run.
const USERS_GRACE: Duration = Duration::from_secs(30);

/// The resource type.
#[derive(Debug)]
pub(crate) struct Namespace {
    clients: Arc<Clients>,
    users_grace: Duration,
}

impl Resource for Namespace {
    const TYPE: &'static str = "ackone_namespace";
    type Plan = NamespaceModel<Planned>;
    type State = NamespaceModel<Stored>;
    type Clients = Clients;

    fn schema() -> Schema {
        schema::schema()
    }

    fn identity_schema() -> IdentitySchema {
        schema::identity_schema()
    }

    fn identity(state: &Self::State) -> Identity {
        let entries = [("fleet_id", &state.fleet_id), ("name", &state.name)];
        entries.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect()
    }

    fn new(clients: Arc<Clients>) -> Self {
        Self { clients, users_grace: USERS_GRACE }
    }

    fn objects(value: &Value) -> Vec<(String, Path)> {
        object_names::named(value, Kind::NAMESPACE)
    }

    fn declared(clients: &Clients) -> Option<&Declared> {
        object_names::declared(clients)
    }

    fn validate(config: &Self::Plan, diagnostics: &mut Diagnostics) {
        refuse_null_elements(&Self::schema(), &config.to_value(), diagnostics);
    }

    fn wants_update(planning: &Planning<'_, Self>) -> bool {
        let Some(prior) = planning.prior else { return false };
        let mut planned = planning.planned.clone();
        derive(&mut planned, planning);
        !object_metadata::same(&planned.effective_labels, &prior.effective_labels)
            || !object_metadata::same(&planned.effective_annotations, &prior.effective_annotations)
    }

    fn plan(planning: &mut Planning<'_, Self>) {
        let mut planned = planning.planned.clone();
        derive(&mut planned, planning);
        if planning.prior.is_none() {
            planned.id = planned.name.clone();
            if let Some(fleet_id) = planning.clients.and_then(|clients| clients.settings.fleet_id.clone()) {
                planned.fleet_id = Attr::Known(fleet_id);
            }
        }
        planning.planned = planned;
        tell_of_overwrites(planning);
    }

    async fn create(
        &self,
        cx: &mut Applying<Self>,
        planned: Self::Plan,
        _config: Self::Plan,
    ) -> Result<Self::State, Diagnostics> {
        self.create_namespace(cx, &planned).await
    }

    async fn update(
        &self,
        cx: &mut Applying<Self>,
        prior: Self::State,
        planned: Self::Plan,
        _config: Self::Plan,
    ) -> Result<Self::State, Diagnostics> {
        self.update_namespace(cx, &prior, &planned).await
    }

    async fn read(&self, cx: &mut Reading, prior: Self::State) -> Result<Option<Self::State>, Diagnostics> {
        self.read_namespace(cx, &prior).await
    }

    async fn delete(&self, cx: &mut Deleting, prior: Self::State) -> Result<(), Diagnostics> {
        self.delete_namespace(cx, &prior).await
    }

    async fn import(&self, _cx: &mut Reading, target: ImportTarget) -> Result<Self::State, Diagnostics> {
        model::import(target)
    }
}

/// Labels and annotations of others that the plan sets anew.
fn tell_of_overwrites(planning: &mut Planning<'_, Namespace>) {
    let Some(prior) = planning.prior.filter(|_| planning.changes) else { return };
    let Ok(planned) = NamespaceModel::<Stored>::from_value(&resolve(&planning.planned.to_value())) else { return };
    let metadata = model::metadata(&planned);
    refresh::tell_of_overwrites(
        &refresh::Overwriting {
            object: &model::object_ref(prior),
            uid_fact: UID_FACT,
            meaning: &Plain,
            attribute: &|path| object_metadata::attribute(path, &metadata),
        },
        &planning.private,
        &model::intent(prior),
        &model::intent(&planned),
        &mut planning.diagnostics,
    );
}

fn derive(planned: &mut NamespaceModel<Planned>, planning: &Planning<'_, Namespace>) {
    let settings = planning.clients.map(|clients| &clients.settings);
    planned.effective_labels = object_metadata::plan(
        settings.map(|settings| &settings.default_labels),
        &planned.labels,
        planning.prior.map(|prior| (&prior.labels, &prior.effective_labels)),
    );
    planned.effective_annotations = object_metadata::plan(
        settings.map(|settings| &settings.default_annotations),
        &planned.annotations,
        planning.prior.map(|prior| (&prior.annotations, &prior.effective_annotations)),
    );
}
