//! What a plan says of a gateway: derived names, effective metadata, replacement, advice. Pure.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::model::Gateway;
use super::object::{alb_config, creation_only, ingress_class, nothing};
use super::{
    APPLIED_FACT, AlbGateway, CLASS_UID_FACT, LEFT_LISTENERS_FACT, Objects, UNUSED_CLASSES_FACT, class_attribute,
    listener_order, meaning, rules,
};
use crate::framework::model::{Attr, Field, Planned, Stored};
use crate::framework::path::Path;
use crate::framework::plan::resolve;
use crate::framework::private::Private;
use crate::framework::resource::Planning;
use crate::framework::value::Value;
use crate::resources::kubernetes_object::UID_FACT;
use crate::resources::{object_metadata, refresh};

/// An update is due although configuration and state agree: not ready yet, or something derived is not as it should be.
pub(super) fn wants_update(planning: &Planning<'_, AlbGateway>) -> bool {
    let Some(prior) = planning.prior else { return false };
    let mut planned = planning.planned.clone();
    derive(&mut planned, planning);
    prior.ready == Some(false)
        || planning.private.fact(UNUSED_CLASSES_FACT).is_some()
        || planning.private.fact(LEFT_LISTENERS_FACT).is_some()
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
        keep_foreign(&mut planned, prior, &left_listeners(&planning.private));
    }
    planning.planned = planned;
    if let Some(prior) = planning.prior {
        v20_creation_only(planning, prior);
    }
    if planning.changes {
        let prior = planning.prior.map(Field::to_value);
        // What is destroyed and made anew has nothing that it was before.
        let before = prior.as_ref().filter(|_| planning.requires_replace.is_empty());
        rules::advise(&planning.planned.to_value(), before, &mut planning.diagnostics);
        if let Some(prior) = planning.prior.filter(|_| planning.requires_replace.is_empty()) {
            tell_of_replaced_listeners(planning, prior);
            tell_of_overwrites(planning, prior);
        }
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
fn keep_foreign(planned: &mut Gateway<Planned>, prior: &Gateway<Stored>, left: &[String]) {
    let declared: Option<Vec<String>> =
        planned.listeners.known().map(|listeners| listeners.keys().chain(left).cloned().collect());
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

/// Listeners that an earlier apply meant to remove and left in place.
pub(super) fn left_listeners(private: &Private) -> Vec<String> {
    private.fact(LEFT_LISTENERS_FACT).and_then(|fact| serde_json::from_str(fact).ok()).unwrap_or_default()
}

/// Fields of others that the plan sets anew, of the AlbConfig and of its class.
fn tell_of_overwrites(planning: &mut Planning<'_, AlbGateway>, prior: &Gateway<Stored>) {
    let Ok(planned) = Gateway::<Stored>::from_value(&resolve(&planning.planned.to_value())) else { return };
    let objects = Objects::of(prior);
    let (private, told) = (&planning.private, &mut planning.diagnostics);
    let alb_config_now = refresh::Overwriting {
        object: &objects.alb_config,
        uid_fact: UID_FACT,
        meaning: &meaning::AlbConfigMeaning,
        attribute: &|path| meaning::attribute(&planned, path),
    };
    refresh::tell_of_overwrites(&alb_config_now, private, &alb_config(prior), &alb_config(&planned), told);
    // A class of another name is another object.
    let Some(class) = objects.class.as_ref().filter(|_| planned.ingress_class_name == prior.ingress_class_name) else {
        return;
    };
    let class_now = refresh::Overwriting {
        object: class,
        uid_fact: CLASS_UID_FACT,
        meaning: &meaning::IngressClassMeaning,
        attribute: &class_attribute,
    };
    refresh::tell_of_overwrites(&class_now, private, &ingress_class(prior), &ingress_class(&planned), told);
}

/// A port that changes its protocol does not serve meanwhile.
fn tell_of_replaced_listeners(planning: &mut Planning<'_, AlbGateway>, prior: &Gateway<Stored>) {
    let value = resolve(&planning.planned.to_value());
    let Ok(wanted) = Gateway::<Stored>::from_value(&value) else { return };
    for (old, new) in listener_order::replaced(&alb_config(prior), &alb_config(&wanted)) {
        planning.diagnostics.warn(
            Path::attribute("listeners").key(new.as_str()),
            "Listener Replaced",
            format!(
                "Listener {new:?} takes the port of {old:?}, and a port cannot carry both. The old one is deleted and the new \
                 one made in its place; meanwhile connections to that port are refused. To avoid that, add the new listener on \
                 another port."
            ),
        );
    }
}

/// V20: what the controller reads only when it creates the load balancer replaces it.
///
/// Only what the configuration says against what was applied last replaces: the controller ignores edits of these fields,
/// so a live edit is written back and changes nothing else.
fn v20_creation_only(planning: &mut Planning<'_, AlbGateway>, prior: &Gateway<Stored>) {
    let value = planning.planned.to_value();
    let Ok(wanted) = Gateway::<Stored>::from_value(&resolve(&value)) else { return };
    let wanted = creation_only(&wanted);
    let applied: BTreeMap<String, Json> = planning
        .private
        .fact(APPLIED_FACT)
        .and_then(|fact| serde_json::from_str(fact).ok())
        .unwrap_or_else(|| creation_only(prior));
    // What a fact does not name was not set when it was written.
    let unset = creation_only(&nothing());
    let prior_value = prior.to_value();
    let at = |value: &Value, name: &str| name.split('.').fold(value.clone(), |value, name| value.attr(name));
    // Another name is another AlbConfig; the schema says that it replaces.
    let renamed = (value.attr("name") != prior_value.attr("name")).then_some("name");
    let creation_only = wanted
        .iter()
        .filter(|(name, wanted)| {
            let before = applied.get(*name).or_else(|| unset.get(*name));
            !at(&value, name).is_wholly_known() || before != Some(*wanted)
        })
        .map(|(name, _)| name.as_str());
    let changed: Vec<&str> = renamed.into_iter().chain(creation_only).collect();
    if changed.is_empty() {
        return;
    }
    for name in &changed {
        // Core takes whole attributes only.
        let path = Path::attribute(name.split('.').next().unwrap_or_default());
        if !planning.requires_replace.contains(&path) {
            planning.requires_replace.push(path);
        }
    }
    if changed.iter().all(|name| at(&value, name) == at(&prior_value, name)) {
        // Core counts only paths whose value changes. Here the live object was edited to what the configuration says now,
        // and the load balancer never followed.
        planning.planned.load_balancer_id = Attr::Unknown;
        planning.requires_replace.push(Path::attribute("load_balancer_id"));
    }
    let reused = prior.reuse.as_ref().is_some_and(|reuse| reuse.load_balancer_id.is_some());
    let lost = match &prior.dns_name {
        Some(dns_name) if reused => format!(
            "The reused load balancer with DNS name {dns_name:?} stays, but the gateway leaves it; whatever points to it must \
             follow."
        ),
        Some(dns_name) => format!("Its DNS name {dns_name:?} is lost; whatever points to it must follow."),
        None => "Its DNS name changes.".to_owned(),
    };
    let first = changed
        .first()
        .map_or_else(Path::root, |name| name.split('.').fold(Path::root(), |path, name| path.attr(name)));
    planning.diagnostics.warn(
        first,
        "Load Balancer Replaced",
        format!(
            "{} cannot be changed on a live load balancer, so the gateway is destroyed and created anew. {lost} Meanwhile no \
             traffic passes. To avoid that, keep the value.",
            changed.join(", ")
        ),
    );
}
