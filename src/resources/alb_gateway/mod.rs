//! `ackone_alb_gateway`: an AlbConfig with its IngressClass, that is one load balancer in front of several clusters.
//!
//! `schema/` and `model.rs` say what users see, `rules/` what they may write. `table.rs` declares each field of the AlbConfig
//! once; `object.rs` writes and reads the object by it, `meaning.rs` compares, `refresh.rs` tells what drifted, `extra.rs`
//! hands on what has no row. `plan.rs` plans, `listener_order.rs` says which listeners change first; `apply.rs`,
//! `class.rs`, `observe.rs` and `remove.rs` are the thin I/O around it. It must never replace a load balancer because of something only
//! the live object says, and never wait for what cannot become true: an HTTPS listener without a certificate of its own
//! comes to life with an Ingress, later.

use std::sync::Arc;
use std::time::Duration;

use crate::clients::Clients;
use crate::framework::declared::Declared;
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Field, Planned, Stored};
use crate::framework::path::Path;
use crate::framework::resource::{Applying, Context, Deleting, ImportTarget, Planning, Reading, Resource};
use crate::framework::schema::{Identity, IdentitySchema, Schema};
use crate::framework::value::Value;
use crate::kubernetes::{FieldPath, Kind, ObjectRef};
use crate::resources::kubernetes_attributes::refuse_null_elements;
use crate::resources::kubernetes_object::Described;
use crate::resources::object_names;
use crate::resources::reconcile::Patience;

mod apply;
mod class;
pub(super) mod coverage;
mod extra;
mod listener_order;
mod meaning;
mod members;
mod model;
mod neighbours;
mod object;
mod observe;
mod plan;
mod reach;
mod refresh;
mod remove;
mod rules;
mod schema;
mod seen;
mod table;
#[cfg(test)]
pub(super) mod tests;

use model::Gateway;
pub(crate) use model::{AccessLog, Listener, ListenerStatus, Reuse, ZoneMapping};
pub(crate) use seen::{Seen, look};

/// Private fact: UID of the IngressClass.
const CLASS_UID_FACT: &str = "ingress_class_uid";
/// Private fact: the creation-only values applied last.
const APPLIED_FACT: &str = "applied";

/// Private fact: IngressClasses that a rename left behind because Ingresses used them.
const OLD_CLASSES_FACT: &str = "old_ingress_classes";
/// Private fact: a class that a rename left behind has no users any more, so an update can delete it.
const UNUSED_CLASSES_FACT: &str = "unused_ingress_classes";

/// Private fact: listeners that are not declared any more and that an apply left in place, because what it added did not
/// come to life.
const LEFT_LISTENERS_FACT: &str = "left_listeners";

/// The resource type.
#[derive(Debug)]
pub struct AlbGateway {
    clients: Arc<Clients>,
    patience: Patience,
    /// How long a delete waits for users to go.
    users_grace: Duration,
}

impl Resource for AlbGateway {
    const TYPE: &'static str = "ackone_alb_gateway";
    type Plan = Gateway<Planned>;
    type State = Gateway<Stored>;
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
        Self { clients, patience: Patience::default(), users_grace: Duration::from_secs(30) }
    }

    fn objects(value: &Value) -> Vec<(String, Path)> {
        let mut objects = object_names::named(value, Kind::ALB_CONFIG);
        if value.attr("manage_ingress_class") != Value::Bool(false) {
            objects.extend(object_names::named_by(value, Kind::INGRESS_CLASS, "ingress_class_name"));
        }
        objects
    }

    fn declared(clients: &Clients) -> Option<&Declared> {
        object_names::declared(clients)
    }

    fn validate(config: &Self::Plan, diagnostics: &mut Diagnostics) {
        let config = config.to_value();
        refuse_null_elements(&Self::schema(), &config, diagnostics);
        rules::validate(&config, diagnostics);
    }

    fn wants_update(planning: &Planning<'_, Self>) -> bool {
        plan::wants_update(planning)
    }

    fn plan(planning: &mut Planning<'_, Self>) {
        plan::plan(planning);
    }

    async fn cross_check(&self, cx: &Context, planned: &Self::Plan) -> Diagnostics {
        let (mut said, reach) = tokio::join!(self.advise(cx, planned), self.advise_reach(cx, planned));
        said.extend(reach);
        said
    }

    async fn create(
        &self,
        cx: &mut Applying<Self>,
        planned: Self::Plan,
        _config: Self::Plan,
    ) -> Result<Self::State, Diagnostics> {
        self.create_gateway(cx, &planned).await
    }

    async fn update(
        &self,
        cx: &mut Applying<Self>,
        prior: Self::State,
        planned: Self::Plan,
        _config: Self::Plan,
    ) -> Result<Self::State, Diagnostics> {
        self.update_gateway(cx, &prior, &planned).await
    }

    async fn read(&self, cx: &mut Reading, prior: Self::State) -> Result<Option<Self::State>, Diagnostics> {
        self.read_gateway(cx, &prior).await
    }

    async fn delete(&self, cx: &mut Deleting, prior: Self::State) -> Result<(), Diagnostics> {
        self.delete_gateway(cx, &prior).await
    }

    async fn import(&self, _cx: &mut Reading, target: ImportTarget) -> Result<Self::State, Diagnostics> {
        observe::import(target)
    }
}

/// The two objects of a gateway.
struct Objects {
    name: String,
    alb_config: ObjectRef,
    class: Option<ObjectRef>,
}

impl Objects {
    /// Of a state; the class if it belongs to the resource.
    fn of(state: &Gateway<Stored>) -> Self {
        let name = state.name.clone().unwrap_or_default();
        let class = managed_class(state).map(|class| object::ingress_class_ref(&class));
        Self { alb_config: object::alb_config_ref(&name), class, name }
    }

    fn alb_config<'a>(&'a self, attribute: &'a (dyn Fn(&FieldPath) -> Path + Sync)) -> Described<'a> {
        Described {
            type_name: AlbGateway::TYPE,
            import_id: &self.name,
            object: &self.alb_config,
            meaning: &meaning::AlbConfigMeaning,
            marker: None,
            attribute,
            server_attribute: &server_attribute,
        }
    }

    fn class<'a>(&'a self, class: &'a ObjectRef) -> Described<'a> {
        Described {
            type_name: AlbGateway::TYPE,
            import_id: &self.name,
            object: class,
            meaning: &meaning::IngressClassMeaning,
            marker: None,
            attribute: &class_attribute,
            server_attribute: &|_| Path::attribute("ingress_class_name"),
        }
    }
}

/// Name of the IngressClass, if it belongs to the resource.
fn managed_class(state: &Gateway<Stored>) -> Option<String> {
    if state.manage_ingress_class == Some(false) {
        return None;
    }
    state.ingress_class_name.clone()
}

fn class_attribute(path: &FieldPath) -> Path {
    let is_annotation = matches!(path.fields().as_slice(), ["metadata", "annotations", ..]);
    Path::attribute(if is_annotation { "default_ingress_class" } else { "ingress_class_name" })
}

/// The API server knows no fields of an AlbConfig but its metadata.
fn server_attribute(field: &str) -> Path {
    match field {
        "metadata.name" => Path::attribute("name"),
        field if field.starts_with("metadata.labels") => Path::attribute("labels"),
        field if field.starts_with("metadata.annotations") => Path::attribute("annotations"),
        _ => Path::root(),
    }
}
