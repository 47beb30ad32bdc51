//! `ackone_application_set`: an Argo CD ApplicationSet, which deploys a repository's manifests to the members.
//!
//! `schema.rs` and `model.rs` say what users see, `rules.rs` what they may write, `object.rs` what that is in Kubernetes;
//! `plan.rs` plans. A set is ready when what it generates is: `judge.rs` decides that from the set, its Applications and the
//! cluster Secrets, `wait.rs` watches them, `report.rs` says what came of it. `apply.rs`, `observe.rs` and `remove.rs` are the
//! thin I/O. It must never call a set ready because of Applications that follow an earlier spec, and never keep of a cluster
//! Secret more than its name, address and annotations.

use std::sync::Arc;

use crate::clients::Clients;
use crate::framework::declared::Declared;
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Field, Planned, Stored};
use crate::framework::path::Path;
use crate::framework::resource::{Applying, Deleting, ImportTarget, Planning, Reading, Resource};
use crate::framework::schema::{Identity, IdentitySchema, Schema};
use crate::framework::value::Value;
use crate::kubernetes::{FieldPath, Kind, ObjectRef};
use crate::resources::kubernetes_attributes::refuse_null_elements;
use crate::resources::kubernetes_object::Described;
use crate::resources::object_names;

mod apply;
pub(crate) mod coverage;
mod judge;
mod model;
mod object;
mod observe;
mod plan;
mod remove;
mod report;
mod rules;
mod schema;
#[cfg(test)]
pub(crate) mod tests;
mod wait;

use judge::Patience;
use model::ApplicationSetModel;

/// The resource type.
#[derive(Debug)]
pub(crate) struct ApplicationSet {
    clients: Arc<Clients>,
    patience: Patience,
}

impl Resource for ApplicationSet {
    const TYPE: &'static str = "ackone_application_set";
    type Plan = ApplicationSetModel<Planned>;
    type State = ApplicationSetModel<Stored>;
    type Clients = Clients;

    fn schema() -> Schema {
        schema::schema()
    }

    fn identity_schema() -> IdentitySchema {
        schema::identity_schema()
    }

    fn identity(state: &Self::State) -> Identity {
        let entries = [("fleet_id", &state.fleet_id), ("namespace", &state.namespace), ("name", &state.name)];
        entries.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect()
    }

    fn new(clients: Arc<Clients>) -> Self {
        Self { clients, patience: Patience::default() }
    }

    fn objects(value: &Value) -> Vec<(String, Path)> {
        object_names::named(value, Kind::APPLICATION_SET)
    }

    fn declared(clients: &Clients) -> Option<&Declared> {
        object_names::declared(clients)
    }

    fn validate(config: &Self::Plan, diagnostics: &mut Diagnostics) {
        refuse_null_elements(&Self::schema(), &config.to_value(), diagnostics);
        rules::validate(config, diagnostics);
    }

    fn wants_update(planning: &Planning<'_, Self>) -> bool {
        plan::wants_update(planning)
    }

    fn plan(planning: &mut Planning<'_, Self>) {
        plan::plan(planning);
    }

    async fn create(
        &self,
        cx: &mut Applying<Self>,
        planned: Self::Plan,
        _config: Self::Plan,
    ) -> Result<Self::State, Diagnostics> {
        self.create_set(cx, &planned).await
    }

    async fn update(
        &self,
        cx: &mut Applying<Self>,
        prior: Self::State,
        planned: Self::Plan,
        _config: Self::Plan,
    ) -> Result<Self::State, Diagnostics> {
        self.update_set(cx, &prior, &planned).await
    }

    async fn read(&self, cx: &mut Reading, prior: Self::State) -> Result<Option<Self::State>, Diagnostics> {
        self.read_set(cx, &prior).await
    }

    async fn delete(&self, cx: &mut Deleting, prior: Self::State) -> Result<(), Diagnostics> {
        self.delete_set(cx, &prior).await
    }

    async fn import(&self, _cx: &mut Reading, target: ImportTarget) -> Result<Self::State, Diagnostics> {
        model::import(target)
    }
}

/// The ApplicationSet, and how to speak of it.
fn described<'a>(
    object: &'a ObjectRef,
    import_id: &'a str,
    attribute: &'a (dyn Fn(&FieldPath) -> Path + Sync),
) -> Described<'a> {
    Described {
        type_name: ApplicationSet::TYPE,
        import_id,
        object,
        meaning: &object::SetMeaning,
        marker: None,
        attribute,
        server_attribute: &object::server_attribute,
    }
}
