//! `ackone_grpc_ingress`: an Ingress that publishes a gRPC service of the members through a gateway.
//!
//! `schema/` and `model/` say what users see, `rules/` what they may write, `object/` what that is in Kubernetes, with one
//! table for all annotations; `plan.rs` plans; `apply.rs` and `observe.rs` are the thin I/O around it. It must never call an update ready because of a
//! host name that was published before it.

use std::sync::Arc;

use tokio::time::Instant;

use crate::clients::Clients;
use crate::framework::declared::Declared;
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Field, Planned, Stored};
use crate::framework::path::Path;
use crate::framework::resource::{
    Applying, Context, Deleting, ImportTarget, Planning, Reading, Resource, TimeoutOf, TimeoutSource,
};
use crate::framework::schema::{Identity, IdentitySchema, Schema};
use crate::framework::value::Value;
use crate::kubernetes::{FieldPath, Kind, ObjectRef};
use crate::resources::kubernetes_attributes::refuse_null_elements;
use crate::resources::kubernetes_object::{Described, Fleet, Home};
use crate::resources::object_names;
use crate::resources::reconcile::Patience;

mod apply;
pub(crate) mod coverage;
mod model;
mod neighbours;
mod object;
mod observe;
mod plan;
mod rules;
mod schema;
#[cfg(test)]
pub(crate) mod tests;

use model::GrpcIngress;

/// Name of the private fact that holds the protocol with which the live server groups were made.
const PROTOCOL_FACT: &str = "backend_protocol";

/// The resource type.
#[derive(Debug)]
pub struct GrpcIngressResource {
    clients: Arc<Clients>,
    patience: Patience,
}

impl Resource for GrpcIngressResource {
    const TYPE: &'static str = "ackone_grpc_ingress";
    type Plan = GrpcIngress<Planned>;
    type State = GrpcIngress<Stored>;
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
        object_names::named(value, Kind::INGRESS)
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

    async fn cross_check(&self, cx: &Context, planned: &Self::Plan) -> Diagnostics {
        self.advise(cx, planned).await
    }

    async fn create(
        &self,
        cx: &mut Applying<Self>,
        planned: Self::Plan,
        _config: Self::Plan,
    ) -> Result<Self::State, Diagnostics> {
        self.create_ingress(cx, &planned).await
    }

    async fn update(
        &self,
        cx: &mut Applying<Self>,
        prior: Self::State,
        planned: Self::Plan,
        _config: Self::Plan,
    ) -> Result<Self::State, Diagnostics> {
        self.update_ingress(cx, &prior, &planned).await
    }

    async fn read(&self, cx: &mut Reading, prior: Self::State) -> Result<Option<Self::State>, Diagnostics> {
        self.read_ingress(cx, &prior).await
    }

    async fn delete(&self, cx: &mut Deleting, prior: Self::State) -> Result<(), Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let deadline = Instant::now() + prior.timeouts.timeout(TimeoutOf::Delete, schema::DELETE_TIMEOUT);
        let ours = Ours::of(&prior);
        let attribute = |path: &FieldPath| object::attribute(&prior, path);
        let private = cx.private.clone();
        let home = Home::of(prior.fleet_id.as_ref(), &private);
        let explanation = "Controllers of today put no finalizer on an Ingress; see who set it.";
        fleet.delete(&ours.described(&attribute), home, deadline, explanation, &mut cx.warnings).await
    }

    async fn import(&self, _cx: &mut Reading, target: ImportTarget) -> Result<Self::State, Diagnostics> {
        observe::import(target)
    }
}

/// The Ingress of a state.
struct Ours {
    import_id: String,
    object: ObjectRef,
}

impl Ours {
    fn of(state: &GrpcIngress<Stored>) -> Self {
        let namespace = state.namespace.clone().unwrap_or_default();
        let name = state.name.clone().unwrap_or_default();
        Self { import_id: format!("{namespace}/{name}"), object: object::ingress_ref(&namespace, &name) }
    }

    fn described<'a>(&'a self, attribute: &'a (dyn Fn(&FieldPath) -> Path + Sync)) -> Described<'a> {
        Described {
            type_name: GrpcIngressResource::TYPE,
            import_id: &self.import_id,
            object: &self.object,
            meaning: &object::IngressMeaning,
            marker: None,
            attribute,
            server_attribute: &object::server_attribute,
        }
    }
}
