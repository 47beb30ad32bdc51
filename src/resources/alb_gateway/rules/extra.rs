//! Rules about what has no attribute: plain annotations, `extra_annotations` (V74), `extra_spec`.

use super::Scene;
use crate::framework::diagnostic::Diagnostics;
use crate::framework::path::Path;
use crate::framework::value::Value;
use crate::resources::alb_gateway::extra::{Refusal, refusals_of_gateway, refusals_of_listener};
use crate::resources::alb_gateway::object::REMOTE_CLUSTERS;
use crate::resources::kubernetes_attributes::{ALB_PREFIX, HASH_LABEL};

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

/// `annotations` are for everybody but the controller.
pub(crate) fn annotations_have_attributes(scene: &Scene<'_>, told: &mut Diagnostics) {
    for key in scene.attr("annotations").as_map().into_iter().flat_map(|annotations| annotations.keys()) {
        if !key.starts_with(ALB_PREFIX) {
            continue;
        }
        let instead = if key == REMOTE_CLUSTERS { "the attribute remote_clusters" } else { "extra_annotations" };
        told.error(
            Path::attribute("annotations").key(key.as_str()),
            "Annotation Has an Attribute",
            format!("{key:?} is for the controller, which annotations is not. Use {instead} instead."),
        );
    }
}

/// V74: `extra_annotations` holds keys for the controller that have no attribute and that it may read.
pub(crate) fn v74_extra_annotations(scene: &Scene<'_>, told: &mut Diagnostics) {
    for key in scene.attr("extra_annotations").as_map().into_iter().flat_map(|annotations| annotations.keys()) {
        let at = Path::attribute("extra_annotations").key(key.as_str());
        let Some(name) = key.strip_prefix(ALB_PREFIX).filter(|name| !name.is_empty()) else {
            told.error(
                at,
                "Annotation Not for the Controller",
                format!("{key:?} does not start with {ALB_PREFIX:?}. Put it into annotations."),
            );
            continue;
        };
        if key == REMOTE_CLUSTERS {
            let text = format!("{key:?} is written by this resource. Use the attribute remote_clusters instead.");
            told.error(at, "Annotation Has an Attribute", text);
        } else if OBSOLETE.contains(&name) {
            told.error(
                at,
                "Obsolete Annotation",
                format!(
                    "{key:?} has no effect on an AlbConfig, whose fields took its place. Use the attribute for it."
                ),
            );
        } else if key == HASH_LABEL || name == "albconfig.name" || name == "albconfig.order" {
            let text = format!("{key:?} belongs to the controller or to Ingresses. Remove it.");
            told.error(at, "Reserved Annotation", text);
        } else if !UNCONFIRMED.iter().any(|start| name.starts_with(start)) {
            told.warn(
                at,
                "Annotation Not Known",
                format!("The controller is not known to read {key:?} on an AlbConfig; it ignores keys that it does not know."),
            );
        }
    }
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
