//! Creating, updating and refreshing a Namespace.

use tokio::time::Instant;

use super::model::{self, NamespaceModel};
use super::schema::WRITE_TIMEOUT;
use super::{MARKED_FACT, MARKER, Namespace};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::{Field, Planned, Stored};
use crate::framework::path::Path;
use crate::framework::plan::resolve;
use crate::framework::private::Private;
use crate::framework::resource::{Applying, READ_TIMEOUT, Reading, Resource, TimeoutOf, TimeoutSource};
use crate::kubernetes::meaning::Plain;
use crate::kubernetes::{FIELD_MANAGER, FieldPath, Object, ObjectRef};
use crate::resources::diagnose;
use crate::resources::kubernetes_attributes::effective;
use crate::resources::kubernetes_object::{Described, Fleet, Found, Home, UID_FACT, within};
use crate::resources::object_metadata;
use crate::resources::refresh::Drift;

type State = NamespaceModel<Stored>;

/// The Namespace, and how to speak of it.
pub(super) fn described<'a>(
    object: &'a ObjectRef,
    attribute: &'a (dyn Fn(&FieldPath) -> Path + Sync),
) -> Described<'a> {
    Described {
        type_name: Namespace::TYPE,
        import_id: &object.name,
        object,
        meaning: &Plain,
        marker: Some(MARKER),
        attribute,
        server_attribute: &object_metadata::server_attribute,
    }
}

fn remember(private: &mut Private, live: &Object) {
    private.set_fact(UID_FACT, live.uid());
    if live.label(MARKER) == Some(FIELD_MANAGER) {
        private.set_fact(MARKED_FACT, "true");
    } else {
        private.remove_fact(MARKED_FACT);
    }
}

impl Namespace {
    /// What the plan says, with what only apply knows.
    fn intended(&self, planned: &NamespaceModel<Planned>) -> Result<State, Diagnostics> {
        let settings = &self.clients.settings;
        let mut planned = planned.clone();
        planned.id = planned.name.clone();
        planned.effective_labels = effective(Some(&settings.default_labels), &planned.labels);
        planned.effective_annotations = effective(Some(&settings.default_annotations), &planned.annotations);
        State::from_value(&resolve(&planned.to_value()))
            .map_err(|error| Diagnostic::error("Unsuitable Value", error.to_string()).into())
    }

    pub(super) async fn create_namespace(
        &self,
        cx: &mut Applying<Self>,
        planned: &NamespaceModel<Planned>,
    ) -> Result<State, Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let deadline = Instant::now() + planned.timeouts.timeout(TimeoutOf::Create, WRITE_TIMEOUT);
        let mut state = self.intended(planned)?;
        state.fleet_id = Some(fleet.id().await?);
        let object = model::object_ref(&state);
        let metadata = model::metadata(&state);
        let attribute = move |path: &FieldPath| object_metadata::attribute(path, &metadata);
        let described = described(&object, &attribute);
        let adopt = state.adopt == Some(true);
        let intent = if adopt && self.has_foreign_marker(&fleet, &object).await? {
            model::intent(&state)
        } else {
            model::marked_intent(&state)
        };
        let (live, _) = fleet.create(&described, &intent, adopt, deadline, &mut cx.warnings).await?;
        remember(&mut cx.private, &live);
        Ok(state)
    }

    /// Whether a Namespace to be taken over says that another program manages it.
    async fn has_foreign_marker(&self, fleet: &Fleet, object: &ObjectRef) -> Result<bool, Diagnostics> {
        match fleet.api().get(object).await {
            Ok(live) => Ok(live.label(MARKER).is_some_and(|manager| manager != FIELD_MANAGER)),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(diagnose::kubernetes_error(
                &format!("reading {object}"),
                &error,
                &object_metadata::server_attribute,
            )),
        }
    }

    pub(super) async fn update_namespace(
        &self,
        cx: &mut Applying<Self>,
        prior: &State,
        planned: &NamespaceModel<Planned>,
    ) -> Result<State, Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let deadline = Instant::now() + planned.timeouts.timeout(TimeoutOf::Update, WRITE_TIMEOUT);
        let mut state = self.intended(planned)?;
        state.fleet_id.clone_from(&prior.fleet_id);
        let object = model::object_ref(prior);
        let metadata = model::metadata(&state);
        let attribute = move |path: &FieldPath| object_metadata::attribute(path, &metadata);
        let described = described(&object, &attribute);
        let private = cx.private.clone();
        let home = Home::of(prior.fleet_id.as_ref(), &private);
        let keep = private.fact(MARKED_FACT).map(|_| model::marker_path());
        let (before, after) = (model::intent(prior), model::intent(&state));
        let updated = fleet.update(&described, home, &before, &after, keep.as_slice(), deadline).await?;
        remember(&mut cx.private, &updated.object);
        Ok(state)
    }

    pub(super) async fn read_namespace(&self, cx: &mut Reading, prior: &State) -> Result<Option<State>, Diagnostics> {
        let limit = prior.timeouts.timeout(TimeoutOf::Read, READ_TIMEOUT);
        within(limit, "timeouts.read", self.refresh(cx, prior)).await
    }

    async fn refresh(&self, cx: &mut Reading, prior: &State) -> Result<Option<State>, Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let object = model::object_ref(prior);
        let metadata = model::metadata(prior);
        let attribute = |path: &FieldPath| object_metadata::attribute(path, &metadata);
        let described = described(&object, &attribute);
        let private = cx.private.clone();
        let home = Home::of(prior.fleet_id.as_ref(), &private);
        let live = match fleet.find(&described, home, &mut cx.warnings).await? {
            Found::Live(live) => live,
            Found::Gone => return Ok(None),
        };
        let drift = Drift::of(&live, &model::intent(prior), &Plain, &attribute, private.is_imported());
        drift.tell(&object, &mut cx.warnings);
        drift.remember(&object, UID_FACT, &mut cx.private);
        let refreshed = object_metadata::refresh(&metadata, &live, &drift, &self.clients.settings, is_servers);
        let mut state = State {
            labels: refreshed.labels,
            annotations: refreshed.annotations,
            effective_labels: refreshed.effective_labels,
            effective_annotations: refreshed.effective_annotations,
            ..prior.clone()
        };
        if state.fleet_id.is_none() {
            state.fleet_id = Some(fleet.id().await?);
        }
        remember(&mut cx.private, &live);
        Ok(Some(state))
    }
}

/// Labels that the API server gives every Namespace.
fn is_servers(key: &str) -> bool {
    key == "kubernetes.io/metadata.name"
}
