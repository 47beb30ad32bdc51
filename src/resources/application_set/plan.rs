//! What a plan says of an ApplicationSet: values that follow from others, effective metadata, advice. Pure.

use super::model::{ApplicationSetModel, State, import_id, object_ref};
use super::object::{self, SetMeaning};
use super::{ApplicationSet, rules};
use crate::framework::model::{Attr, Field, Planned, ShapeError};
use crate::framework::plan::resolve;
use crate::framework::resource::{Planning, Resource as _};
use crate::kubernetes::FieldPath;
use crate::resources::kubernetes_object::UID_FACT;
use crate::resources::{object_metadata, refresh};

type Plan = ApplicationSetModel<Planned>;

/// Attributes that follow from others where they are not configured.
const DERIVED: [&str; 5] =
    ["project", "cluster_selector", "go_template_options", "preserve_resources_on_deletion", "destination"];

/// An update is due although configuration and state agree: not ready yet, or something derived is not as it should be.
pub(super) fn wants_update(planning: &Planning<'_, ApplicationSet>) -> bool {
    let Some(prior) = planning.prior else { return false };
    let mut planned = planning.planned.clone();
    derive(&mut planned, planning);
    let (now, before, schema) = (planned.to_value(), prior.to_value(), ApplicationSet::schema());
    let differs = |name: &&str| {
        schema.attribute(name).is_some_and(|attribute| !attribute.ty().equal(&now.attr(name), &before.attr(name)))
    };
    prior.ready == Some(false)
        || DERIVED.iter().any(differs)
        || !object_metadata::same(&planned.effective_labels, &prior.effective_labels)
        || !object_metadata::same(&planned.effective_annotations, &prior.effective_annotations)
}

pub(super) fn plan(planning: &mut Planning<'_, ApplicationSet>) {
    let mut planned = planning.planned.clone();
    derive(&mut planned, planning);
    if planning.prior.is_none() {
        if let (Attr::Known(namespace), Attr::Known(name)) = (&planned.namespace, &planned.name) {
            planned.id = Attr::Known(format!("{namespace}/{name}"));
        }
        if let Some(fleet_id) = planning.clients.and_then(|clients| clients.settings.fleet_id.clone()) {
            planned.fleet_id = Attr::Known(fleet_id);
        }
    }
    planning.planned = planned;
    if planning.changes {
        rules::advise(&planning.planned, &mut planning.diagnostics);
    }
    tell_of_overwrites(planning);
}

/// Fields of others that the plan sets anew.
fn tell_of_overwrites(planning: &mut Planning<'_, ApplicationSet>) {
    let Some(prior) = planning.prior.filter(|_| planning.changes && planning.requires_replace.is_empty()) else {
        return;
    };
    let Ok(planned) = State::from_value(&resolve(&planning.planned.to_value())) else { return };
    refresh::tell_of_overwrites(
        &refresh::Overwriting {
            object: &object_ref(prior),
            uid_fact: UID_FACT,
            meaning: &SetMeaning,
            attribute: &|path: &FieldPath| object::attribute(&planned, path),
        },
        &planning.private,
        &object::intent(prior),
        &object::intent(&planned),
        &mut planning.diagnostics,
    );
}

/// Values that follow from others.
fn derive(planned: &mut Plan, planning: &Planning<'_, ApplicationSet>) {
    defaults(planned, planning.config);
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

/// Fills in what the typed form leaves to defaults. With `spec_json` the typed attributes stay null, and while it is not known
/// which form it is they are unknown.
pub(super) fn defaults(planned: &mut Plan, config: &Plan) {
    fn fill<T: Clone>(slot: &mut Attr<T>, config: &Attr<T>, form: &Attr<String>, default: T) {
        if config.is_null() {
            *slot = match form {
                Attr::Null => Attr::Known(default),
                Attr::Known(_) => Attr::Null,
                Attr::Unknown => Attr::Unknown,
            };
        }
    }
    let form = &config.spec_json;
    fill(&mut planned.project, &config.project, form, object::default_project());
    fill(&mut planned.cluster_selector, &config.cluster_selector, form, object::planned_default_selector());
    fill(&mut planned.go_template_options, &config.go_template_options, form, object::default_options());
    fill(&mut planned.preserve_resources_on_deletion, &config.preserve_resources_on_deletion, form, false);
    if let (Attr::Known(planned), Attr::Known(config)) = (&mut planned.destination, &config.destination)
        && config.name.is_null()
    {
        planned.name = match &config.server {
            Attr::Null => Attr::Known(object::OWN_CLUSTER.to_owned()),
            Attr::Known(_) => Attr::Null,
            Attr::Unknown => Attr::Unknown,
        };
    }
}

/// What the plan says, with what was not known then.
///
/// # Errors
/// If a value has another shape than its attribute promises, which core does not let happen.
pub(super) fn intended(planned: &Plan) -> Result<State, ShapeError> {
    // What is unknown now is nobody's but ours: core knows every configured value in an apply.
    let known = Plan::from_value(&resolve(&planned.to_value()))?;
    let mut whole = known.clone();
    defaults(&mut whole, &known);
    let mut state = State::from_value(&whole.to_value())?;
    state.id = Some(import_id(&object_ref(&state)));
    Ok(state)
}
