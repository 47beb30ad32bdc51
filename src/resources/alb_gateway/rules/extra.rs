//! Rules about what has no attribute: plain annotations, `extra_annotations` (V74), `extra_spec`.

use super::Scene;
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Attr, Field};
use crate::framework::path::Path;
use crate::framework::value::Value;
use crate::resources::alb_gateway::extra::{Refusal, refusals_of_gateway, refusals_of_listener};
use crate::resources::alb_gateway::object::REMOTE_CLUSTERS;
use crate::resources::kubernetes_attributes::{
    ALB_PREFIX, HASH_LABEL, Standing, check_annotation_keys, v74_unknown_annotation_key,
};
use crate::resources::object_metadata::PlannedMap;

/// Keys, without the prefix, that described the load balancer before there was an AlbConfig; they have no effect on one.
const OBSOLETE: [&str; 11] = [
    "address-type",
    "address-allocated-mode",
    "vswitch-ids",
    "charge-type",
    "id",
    "name",
    "edition",
    "access-log",
    "force-override-listeners",
    "backend-label",
    "remove-unscheduled-backend",
];
/// Beginnings of keys that some controller may read; what it makes of them is not documented.
const UNCONFIRMED: [&str; 1] = ["cluster-weight."];

/// What an annotation key of an AlbConfig is to the controller.
fn standing(key: &str) -> Standing {
    if key == REMOTE_CLUSTERS {
        return Standing::Typed("remote_clusters");
    }
    match key.strip_prefix(ALB_PREFIX) {
        Some(name) if OBSOLETE.contains(&name) => Standing::Refused(
            "It is a setting of the load balancer from before there were AlbConfigs and has no effect now. Use the attribute for it.",
        ),
        Some("albconfig.name" | "albconfig.order") => {
            Standing::Refused("It is an annotation of an Ingress. Remove it.")
        }
        Some(_) if key == HASH_LABEL => Standing::Refused("The controller writes it. Remove it."),
        Some(name) if UNCONFIRMED.iter().any(|start| name.starts_with(start)) => Standing::Unconfirmed,
        Some(_) | None => Standing::Unknown,
    }
}

/// An attribute of annotations as the checks that all kinds share take it.
fn annotations(scene: &Scene<'_>, name: &str) -> PlannedMap {
    // The schema gives the shape; what has another one is told elsewhere.
    PlannedMap::from_value(&scene.attr(name)).unwrap_or(Attr::Unknown)
}

/// `annotations` are for everybody but the controller, `extra_annotations` for the controller alone.
pub(crate) fn annotations_have_their_places(scene: &Scene<'_>, told: &mut Diagnostics) {
    let (plain, extra) = (annotations(scene, "annotations"), annotations(scene, "extra_annotations"));
    check_annotation_keys(&plain, &extra, &standing, told);
}

/// V74: `extra_annotations` holds keys that some controller may read.
pub(crate) fn v74_extra_annotations(scene: &Scene<'_>, told: &mut Diagnostics) {
    v74_unknown_annotation_key(&annotations(scene, "extra_annotations"), &standing, told);
}

/// `extra_spec` reaches nothing that an attribute writes.
pub(crate) fn extra_specs(scene: &Scene<'_>, told: &mut Diagnostics) {
    if let Some(text) = scene.attr("extra_spec").as_str() {
        tell(&Path::attribute("extra_spec"), refusals_of_gateway(text), told);
    }
    for (_, at, listener) in scene.listeners() {
        if let Value::String(text) = listener.attr("extra_spec") {
            let has_default = !listener.attr("default_certificate").is_null();
            tell(&at.attr("extra_spec"), refusals_of_listener(&text, has_default), told);
        }
    }
}

fn tell(at: &Path, refusals: Vec<Refusal>, told: &mut Diagnostics) {
    for (field, why) in refusals {
        let detail = if field.is_empty() {
            format!("{at} {why}. Write a JSON object, best with jsonencode.")
        } else {
            format!("{field} in {at} {why}. Remove it from {at}.")
        };
        told.error(at.clone(), "Invalid Extra Field", detail);
    }
}
