//! `ackone_fleet_cluster_association`: one member cluster of one Fleet.
//!
//! The API has no client token and an attach overwrites nothing, so a member that is already in this Fleet is recorded
//! with a warning: that is how an interrupted create converges. The wait is for the member's own state; the Fleet's says
//! nothing. Concurrent attaches and detaches of one Fleet are joined by the cloud client.

mod apply;
pub(super) mod coverage;
mod model;
mod schema;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use model::AssociationModel;
#[cfg(test)]
use model::MemberId;

use crate::clients::Clients;
use crate::framework::declared::Declared;
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Attr, Planned, Stored};
use crate::framework::path::Path;
use crate::framework::resource::{Applying, Context, Deleting, ImportTarget, Planning, Reading, Resource};
use crate::framework::schema::{Identity, IdentityAttribute, IdentitySchema, Schema};
use crate::framework::value::Value;
use crate::resources::object_names;
use crate::resources::surroundings::Surroundings;

/// The resource.
#[derive(Debug)]
pub(crate) struct FleetClusterAssociation {
    clients: Arc<Clients>,
}

impl Resource for FleetClusterAssociation {
    const TYPE: &'static str = "ackone_fleet_cluster_association";
    type Plan = AssociationModel<Planned>;
    type State = AssociationModel<Stored>;
    type Clients = Clients;

    fn schema() -> Schema {
        schema::schema()
    }

    fn identity_schema() -> IdentitySchema {
        IdentitySchema {
            version: 0,
            attributes: vec![
                IdentityAttribute { name: "fleet_id", required_for_import: false, description: "Fleet instance ID." },
                IdentityAttribute { name: "cluster_id", required_for_import: true, description: "Member cluster ID." },
            ],
        }
    }

    fn identity(state: &Self::State) -> Identity {
        let pairs = [("fleet_id", &state.fleet_id), ("cluster_id", &state.cluster_id)];
        pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect()
    }

    fn new(clients: Arc<Clients>) -> Self {
        Self { clients }
    }

    fn objects(value: &Value) -> Vec<(String, Path)> {
        let (fleet, cluster) = (value.attr("fleet_id"), value.attr("cluster_id"));
        let (Some(fleet), Some(cluster)) = (fleet.as_str(), cluster.as_str()) else { return Vec::new() };
        vec![(object_names::member(fleet, cluster), Path::attribute("cluster_id"))]
    }

    fn declared(clients: &Clients) -> Option<&Declared> {
        object_names::declared(clients)
    }

    fn wants_update(planning: &Planning<'_, Self>) -> bool {
        planning.prior.is_some_and(|prior| prior.ready == Some(false))
    }

    fn plan(planning: &mut Planning<'_, Self>) {
        // The provider's Fleet is the default, known in the plan as soon as the provider's configuration is.
        let settings = planning.clients.map(|clients| &clients.settings);
        let default = settings.and_then(|settings| settings.fleet_id.clone());
        if planning.config.fleet_id.is_null() && planning.prior.is_none() {
            planning.planned.fleet_id = match (default, planning.clients) {
                (Some(fleet), _) => Attr::Known(fleet),
                (None, Some(_)) => {
                    planning.diagnostics.error(
                        Path::attribute("fleet_id"),
                        "Fleet Not Named",
                        "Neither this resource nor the provider block has a fleet_id. Set one of them.",
                    );
                    Attr::Unknown
                }
                (None, None) => Attr::Unknown,
            };
        }
        if let (Some(fleet), Some(cluster)) = (planning.planned.fleet_id.known(), planning.planned.cluster_id.known()) {
            planning.planned.id = Attr::Known(format!("{fleet}:{cluster}"));
        }
    }

    async fn cross_check(&self, cx: &Context, planned: &Self::Plan) -> Diagnostics {
        // What is a member already was taken.
        let joins = planned.ready == Attr::Unknown;
        match (Surroundings::of(&self.clients, cx), planned.fleet_id.known(), planned.cluster_id.known()) {
            (Some(surroundings), Some(fleet), Some(cluster)) if joins => {
                Box::pin(surroundings.advise_association(fleet, cluster)).await
            }
            _ => Diagnostics::new(),
        }
    }

    async fn create(
        &self,
        cx: &mut Applying<Self>,
        planned: Self::Plan,
        _config: Self::Plan,
    ) -> Result<Self::State, Diagnostics> {
        apply::create(&self.clients, cx, planned).await
    }

    async fn update(
        &self,
        cx: &mut Applying<Self>,
        prior: Self::State,
        planned: Self::Plan,
        _config: Self::Plan,
    ) -> Result<Self::State, Diagnostics> {
        apply::update(&self.clients, cx, prior, planned).await
    }

    async fn read(&self, cx: &mut Reading, prior: Self::State) -> Result<Option<Self::State>, Diagnostics> {
        apply::read(&self.clients, cx, prior).await
    }

    async fn delete(&self, cx: &mut Deleting, prior: Self::State) -> Result<(), Diagnostics> {
        apply::delete(&self.clients, cx, prior).await
    }

    async fn import(&self, _cx: &mut Reading, target: ImportTarget) -> Result<Self::State, Diagnostics> {
        model::import(target, self.clients.settings.fleet_id.as_deref())
    }
}
