//! What a plan says of a gateway: derived names, effective metadata, replacement, advice. Pure.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::model::Gateway;
use super::object::creation_only;
use super::{APPLIED_FACT, AlbGateway, OLD_CLASSES_FACT, rules};
use crate::framework::model::{Attr, Field, Planned, Stored};
use crate::framework::path::Path;
use crate::framework::plan::resolve;
use crate::framework::resource::Planning;
use crate::resources::object_metadata;

/// An update is due although configuration and state agree: not ready yet, or something derived is not as it should be.
pub(super) fn wants_update(planning: &Planning<'_, AlbGateway>) -> bool {
    let Some(prior) = planning.prior else { return false };
    let mut planned = planning.planned.clone();
    derive(&mut planned, planning);
    prior.ready == Some(false)
        || planning.private.fact(OLD_CLASSES_FACT).is_some()
        || planned.ingress_class_name != prior.ingress_class_name.clone().into()
        || !object_metadata::same(&planned.effective_labels, &prior.effective_labels)
        || !object_metadata::same(&planned.effective_annotations, &prior.effective_annotations)
}

pub(super) fn plan(planning: &mut Planning<'_, AlbGateway>) {
    let mut planned = planning.planned.clone();
    derive(&mut planned, planning);
    if planning.prior.is_none() {
        planned.id = planned.name.clone();
        if let Some(fleet_id) = planning.clients.and_then(|clients| clients.settings.fleet_id.clone()) {
            planned.fleet_id = Attr::Known(fleet_id);
        }
    }
    if let Some(prior) = planning.prior.filter(|_| planning.changes) {
        keep_foreign(&mut planned, prior);
    }
    planning.planned = planned;
    if let Some(prior) = planning.prior {
        replace_if_creation_only_changed(planning, prior);
    }
    if planning.changes {
        let creating = planning.prior.is_none();
        rules::advise(&planning.planned, creating, &mut planning.diagnostics);
    }
}

/// Values that follow from others.
fn derive(planned: &mut Gateway<Planned>, planning: &Planning<'_, AlbGateway>) {
    if planning.config.ingress_class_name.is_null() {
        planned.ingress_class_name = match planned.manage_ingress_class {
            Attr::Known(false) => Attr::Null,
            Attr::Unknown => Attr::Unknown,
            Attr::Known(true) | Attr::Null => planned.name.clone(),
        };
    }
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

/// What is foreign stays so, unless the configuration now declares it.
fn keep_foreign(planned: &mut Gateway<Planned>, prior: &Gateway<Stored>) {
    let declared: Option<Vec<String>> = planned.listeners.known().map(|listeners| listeners.keys().cloned().collect());
    planned.foreign_listeners = without(prior.foreign_listeners.as_ref(), declared);
    let declared: Option<Vec<String>> = planned
        .zone_mappings
        .known()
        .and_then(|mappings| mappings.iter().map(|mapping| mapping.known()?.vswitch_id.known().cloned()).collect());
    planned.foreign_zone_mappings = without(prior.foreign_zone_mappings.as_ref(), declared);
}

fn without(prior: Option<&Vec<Option<String>>>, declared: Option<Vec<String>>) -> Attr<Vec<Attr<String>>> {
    match (prior, declared) {
        (Some(prior), Some(declared)) => {
            let left = prior.iter().flatten().filter(|foreign| !declared.contains(foreign));
            Attr::Known(left.map(|foreign| Attr::Known(foreign.clone())).collect())
        }
        _ => Attr::Unknown,
    }
}

/// Only what the configuration says against what was applied last replaces: the controller ignores edits of these fields,
/// so a live edit is written back and changes nothing else.
fn replace_if_creation_only_changed(planning: &mut Planning<'_, AlbGateway>, prior: &Gateway<Stored>) {
    let value = planning.planned.to_value();
    let Ok(wanted) = Gateway::<Stored>::from_value(&resolve(&value)) else { return };
    let wanted = creation_only(&wanted);
    let applied: BTreeMap<String, Json> =
        planning.private.fact(APPLIED_FACT).and_then(|fact| serde_json::from_str(fact).ok()).unwrap_or_else(|| {
            creation_only(prior).into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
        });
    let prior_value = prior.to_value();
    let changed: Vec<&str> = wanted
        .iter()
        .filter(|(name, wanted)| !value.attr(name).is_wholly_known() || applied.get(**name) != Some(*wanted))
        .map(|(name, _)| *name)
        .collect();
    if changed.is_empty() {
        return;
    }
    planning.requires_replace.extend(changed.iter().map(|name| Path::attribute(*name)));
    if changed.iter().all(|name| value.attr(name) == prior_value.attr(name)) {
        // Core counts only paths whose value changes. Here the live object was edited to what the configuration says now,
        // and the load balancer never followed.
        planning.planned.load_balancer_id = Attr::Unknown;
        planning.requires_replace.push(Path::attribute("load_balancer_id"));
    }
    let lost = prior.dns_name.as_ref().map_or_else(
        || "Its DNS name changes.".to_owned(),
        |dns_name| format!("Its DNS name {dns_name:?} is lost; whatever points to it must follow."),
    );
    planning.diagnostics.warn(
        changed.first().map_or_else(Path::root, |name| Path::attribute(*name)),
        "Load Balancer Replaced",
        format!(
            "{} cannot be changed on a live load balancer, so the gateway is destroyed and created anew. {lost} Meanwhile no \
             traffic passes. To avoid that, keep the value.",
            changed.join(", ")
        ),
    );
}
