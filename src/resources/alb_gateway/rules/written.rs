//! Rules that hold of what is written whatever users write: asked once more before the first write.
//!
//! The attributes make them true by construction; a broken one is a mistake of the provider and never reaches the Fleet.

use serde_json::Value as Json;

use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::resources::alb_gateway::object::CONTROLLER;

type Invariant = (&'static str, fn(&Json) -> bool);

const ALB_CONFIG: [Invariant; 3] = [
    ("spec.config is missing", v01_config_present),
    ("a list of certificates is empty", v26_no_empty_certificates),
    ("a default certificate is not the first", v28_default_first),
];
const INGRESS_CLASS: [Invariant; 2] = [
    ("the controller is another", v39_class_controller),
    ("there is no AlbConfig that it leads to", v40_class_parameters),
];

/// V01: there is a `spec.config`; without it the controller does nothing and says nothing.
pub(crate) fn v01_config_present(alb_config: &Json) -> bool {
    alb_config.pointer("/spec/config").is_some_and(Json::is_object)
}

/// V26: no list of certificates is empty, which the hosted controller refuses.
pub(crate) fn v26_no_empty_certificates(alb_config: &Json) -> bool {
    listeners(alb_config).all(|listener| {
        let lists = ["certificates", "caCertificates"].iter().filter_map(|name| listener.get(*name));
        lists.into_iter().all(|list| list.as_array().is_some_and(|list| !list.is_empty()))
    })
}

/// V28: the default certificate comes first, as the open-source controller makes the first one the default.
pub(crate) fn v28_default_first(alb_config: &Json) -> bool {
    listeners(alb_config).all(|listener| {
        let certificates = listener.get("certificates").and_then(Json::as_array);
        let rest = certificates.into_iter().flatten().skip(1);
        rest.into_iter().all(|certificate| certificate.get("IsDefault") != Some(&Json::Bool(true)))
    })
}

/// V39: the IngressClass names the ALB controller; another name is ignored without an Event.
pub(crate) fn v39_class_controller(class: &Json) -> bool {
    class.pointer("/spec/controller").and_then(Json::as_str) == Some(CONTROLLER)
}

/// V40: the IngressClass leads to an AlbConfig.
pub(crate) fn v40_class_parameters(class: &Json) -> bool {
    let text = |name: &str| class.pointer(&format!("/spec/parameters/{name}")).and_then(Json::as_str);
    text("kind") == Some("AlbConfig")
        && text("apiGroup") == Some("alibabacloud.com")
        && text("name").is_some_and(|name| !name.is_empty())
}

fn listeners(alb_config: &Json) -> impl Iterator<Item = &Json> {
    alb_config.pointer("/spec/listeners").and_then(Json::as_array).into_iter().flatten()
}

/// Stops before a write that breaks a rule.
pub(crate) fn check(alb_config: &Json, class: Option<&Json>) -> Result<(), Diagnostics> {
    let of_config = ALB_CONFIG.iter().filter(|(_, holds)| !holds(alb_config)).map(|(what, _)| *what);
    let of_class =
        INGRESS_CLASS.iter().filter(|(_, holds)| class.is_some_and(|class| !holds(class))).map(|(what, _)| *what);
    let broken: Vec<&str> = of_config.chain(of_class).collect();
    if broken.is_empty() {
        return Ok(());
    }
    Err(Diagnostic::error(
        "Unsound Object",
        format!(
            "The controller could not work with what would be written: {}. Nothing was written. This is a bug in the provider; \
             please report it.",
            broken.join(", ")
        ),
    )
    .into())
}
