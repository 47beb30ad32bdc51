//! `ackone_tls_secret`: the certificate and key that a gateway serves, as a Secret of type `kubernetes.io/tls`.
//!
//! `rules.rs` says what users may write, `model.rs` what that is as an object, `digest.rs` how keys are recognised without
//! being kept, `plan.rs` plans; `apply.rs`, `observe.rs` and `remove.rs` are the thin I/O around them. A private key must
//! never reach a message, a log, private data, or state, except `private_key_pem`, whose purpose that is.

mod apply;
pub(super) mod coverage;
mod digest;
mod model;
mod observe;
mod plan;
mod remove;
mod rules;
mod schema;
#[cfg(test)]
pub(super) mod tests;

use std::sync::Arc;
use std::time::Duration;

use model::TlsSecretModel;

use crate::clients::Clients;
use crate::framework::declared::Declared;
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Attr, Field, Planned, Stored};
use crate::framework::path::Path;
use crate::framework::resource::{Applying, Context, Deleting, ImportTarget, Planning, Reading, Resource};
use crate::framework::schema::{Identity, IdentitySchema, Schema};
use crate::framework::value::Value;
use crate::kubernetes::{FieldPath, Kind, ObjectRef};
use crate::resources::kubernetes_attributes::refuse_null_elements;
use crate::resources::kubernetes_object::{Described, Fleet};
use crate::resources::object_metadata;
use crate::resources::object_names;
use crate::resources::stack::Checks;

/// How long a delete waits for Ingresses that name the Secret: they may be going in the same run.
const USERS_GRACE: Duration = Duration::from_secs(30);

/// Private fact: the last refresh found the Secret marked as immutable.
const IMMUTABLE_FACT: &str = "immutable";

/// The resource type.
#[derive(Debug)]
pub(crate) struct TlsSecret {
    clients: Arc<Clients>,
    users_grace: Duration,
}

impl Resource for TlsSecret {
    const TYPE: &'static str = "ackone_tls_secret";
    type Plan = TlsSecretModel<Planned>;
    type State = TlsSecretModel<Stored>;
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
        Self { clients, users_grace: USERS_GRACE }
    }

    fn objects(value: &Value) -> Vec<(String, Path)> {
        object_names::named(value, Kind::SECRET)
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
        let now = cx.clock.now();
        if let (Ok(fleet), Attr::Known(namespace), Attr::Known(name), Some(names)) =
            (Fleet::of(&self.clients, cx), &planned.namespace, &planned.name, model::certified_names(planned))
        {
            Checks { fleet: &fleet, now }.note_secret(namespace, name, names);
        }
        let own = planned.certificate_pem.known().filter(|_| planned.self_signed.is_null());
        own.map(|certificate| rules::v53_dates(certificate, now)).unwrap_or_default()
    }

    async fn create(
        &self,
        cx: &mut Applying<Self>,
        planned: Self::Plan,
        config: Self::Plan,
    ) -> Result<Self::State, Diagnostics> {
        self.create_secret(cx, &planned, &config).await
    }

    async fn update(
        &self,
        cx: &mut Applying<Self>,
        prior: Self::State,
        planned: Self::Plan,
        config: Self::Plan,
    ) -> Result<Self::State, Diagnostics> {
        self.update_secret(cx, &prior, &planned, &config).await
    }

    async fn read(&self, cx: &mut Reading, prior: Self::State) -> Result<Option<Self::State>, Diagnostics> {
        self.read_secret(cx, &prior).await
    }

    async fn delete(&self, cx: &mut Deleting, prior: Self::State) -> Result<(), Diagnostics> {
        self.delete_secret(cx, &prior).await
    }

    async fn import(&self, _cx: &mut Reading, target: ImportTarget) -> Result<Self::State, Diagnostics> {
        model::import(target)
    }
}

/// The Secret, and how to speak of it.
fn described<'a>(
    object: &'a ObjectRef,
    import_id: &'a str,
    attribute: &'a (dyn Fn(&FieldPath) -> Path + Sync),
) -> Described<'a> {
    Described {
        type_name: TlsSecret::TYPE,
        import_id,
        object,
        meaning: &model::SecretMeaning,
        marker: None,
        attribute,
        server_attribute: &server_attribute,
    }
}

fn server_attribute(field: &str) -> Path {
    match field {
        "data" | "data[tls.crt]" => Path::attribute("certificate_pem"),
        field => object_metadata::server_attribute(field),
    }
}

/// The attribute that a field of the Secret comes from.
fn attribute(path: &FieldPath, metadata: &object_metadata::Metadata, key: &Path) -> Path {
    match path.fields().as_slice() {
        ["data", model::CERTIFICATE_KEY] => Path::attribute("certificate_pem"),
        ["data", model::PRIVATE_KEY] => key.clone(),
        _ => object_metadata::attribute(path, metadata),
    }
}
