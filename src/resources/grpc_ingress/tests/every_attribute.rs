//! Every attribute set, then each changed by itself: what the plan says, and what would be written.
//!
//! The configurations and their changes are those that acceptance tests apply with Terraform.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::{INGRESS, fleet_with_gateway, instance, settings};
use crate::framework::erased::HostCapabilities;
use crate::framework::model::{Field, Stored};
use crate::framework::plan::resolve;
use crate::framework::schema::{Attribute, Kind, Nesting};
use crate::framework::value::Value;
use crate::resources::grpc_ingress::model::GrpcIngress;
use crate::resources::grpc_ingress::object::ingress;
use crate::resources::grpc_ingress::schema;
use crate::resources::testing::{errors, optional_places};

const CONFIGURATIONS: [&str; 5] = ["settings", "routing", "canary_by_weight", "canary_by_request", "regex"];

fn read(name: &str) -> Json {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("acceptance-tests/testdata/configurations");
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    // Terraform's templates: `$${` is a literal `${`.
    serde_json::from_str(&text.replace("$${", "${")).unwrap()
}

fn configuration(name: &str) -> Json {
    read(&format!("ingress_{name}.tf.json"))["resource"]["ackone_grpc_ingress"]["demo"].clone()
}

fn changes(name: &str) -> Vec<Json> {
    read(&format!("ingress_{name}.changes.json")).as_array().unwrap().clone()
}

fn set(config: &mut Json, attribute: &str, to: Json) {
    let mut at = config;
    for step in attribute.split('.') {
        at = match step.parse::<usize>() {
            Ok(index) => &mut at[index],
            Err(_) => &mut at[step],
        };
    }
    *at = to;
}

/// The configuration after a change.
fn changed(config: &Json, change: &Json) -> Json {
    let mut config = config.clone();
    set(&mut config, change["attribute"].as_str().unwrap(), change["to"].clone());
    for (attribute, to) in change["also"].as_object().into_iter().flatten() {
        set(&mut config, attribute, to.clone());
    }
    config
}

fn intent(value: &Value) -> Json {
    ingress(&GrpcIngress::<Stored>::from_value(&resolve(value)).unwrap())
}

/// Fields of two objects that differ, by JSON pointer, with their value in the second.
fn differences(a: &Json, b: &Json, at: &str, found: &mut BTreeMap<String, Json>) {
    match (a, b) {
        (Json::Object(left), Json::Object(right)) => {
            for key in left.keys().chain(right.keys()) {
                let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                differences(&a[key], &b[key], &at, found);
            }
        }
        (Json::Array(left), Json::Array(right)) if left.len() == right.len() && left.iter().any(Json::is_object) => {
            for index in 0..left.len() {
                differences(&left[index], &right[index], &format!("{at}/{index}"), found);
            }
        }
        _ if a == b => {}
        _ => {
            found.insert(at.to_owned(), b.clone());
        }
    }
}

fn expected(change: &Json) -> BTreeMap<String, Json> {
    let mut fields: BTreeMap<String, Json> = BTreeMap::new();
    for (key, value) in change["annotations"].as_object().into_iter().flatten() {
        fields.insert(format!("/metadata/annotations/alb.ingress.kubernetes.io~1{key}"), value.clone());
    }
    for (pointer, value) in change["object"].as_object().into_iter().flatten() {
        fields.insert(pointer.clone(), value.clone());
    }
    fields
}

#[tokio::test(start_paused = true)]
async fn each_attribute_changes_its_own_field_and_nothing_else() {
    for name in CONFIGURATIONS {
        let fleet = fleet_with_gateway();
        let mut config = configuration(name);
        config["wait"] = json!(false);
        // The gateway of this Fleet is the walkthrough's.
        config["cross_checks"] = json!(false);
        let mut ingress = instance(&fleet);
        let answer = ingress.apply(&config).await;
        assert_eq!(errors(&answer.diagnostics), Vec::<String>::new(), "{name}");
        ingress.read().await;
        assert_eq!(ingress.changes(&config), Vec::<&str>::new(), "{name}: nothing to do after the create");
        let before = intent(&ingress.state);
        let written = &fleet.get(INGRESS).unwrap();
        assert_eq!(before["spec"], written["spec"], "{name}");
        assert_eq!(before["metadata"]["annotations"], written["metadata"]["annotations"], "{name}");
        for change in changes(name) {
            let about = format!("{name}: {}", change["attribute"]);
            let plan = ingress.plan(&changed(&config, &change));
            assert_eq!(errors(&plan.diagnostics), Vec::<String>::new(), "{about}");
            let replaced: Vec<String> = plan.requires_replace.iter().map(ToString::to_string).collect();
            if change["action"] == "replace" {
                assert_eq!(replaced, [change["attribute"].as_str().unwrap()], "{about}");
                continue;
            }
            assert_eq!(replaced, Vec::<String>::new(), "{about}");
            let mut found = BTreeMap::new();
            differences(&before, &intent(&plan.planned.unwrap()), "", &mut found);
            assert_eq!(found, expected(&change), "{about}");
        }
    }
}

/// Attributes that rules do not let go out of these configurations, for what else is in them. In custom routing it is what
/// makes an element one of its kind.
const NEEDED: [&str; 10] = [
    "/canary/weight",
    "/health_check/method",
    "/health_check/protocol",
    "/load_balancing/uch_value",
    "/rules/0/paths/0/path",
    "/rules/0/paths/0/service_port",
    "/rules/0/paths/1/service_port",
    "/rules/0/paths/4/service_port",
    "/ssl_redirect",
    "/tls/0/hosts",
];

#[tokio::test(start_paused = true)]
async fn an_attribute_that_is_left_out_leaves_the_object() {
    let (mut refused, mut left_out) = (BTreeSet::new(), 0);
    for name in CONFIGURATIONS {
        let mut config = configuration(name);
        config["wait"] = json!(false);
        config["cross_checks"] = json!(false);
        let fleet = fleet_with_gateway();
        let mut instance = instance(&fleet);
        instance.apply(&config).await;
        let made = (fleet.objects(), instance.state.clone(), instance.private.clone());
        for place in optional_places(&schema::schema().attributes, &config) {
            let (objects, state, private) = made.clone();
            fleet.put_back(objects);
            (instance.state, instance.private) = (state, private);
            instance.next_command(fleet.clients(settings()));
            let about = format!("{name}: {place}");
            let mut less = config.clone();
            *less.pointer_mut(&place).unwrap() = Json::Null;
            let host = HostCapabilities { write_only_attributes: true };
            if instance.resource.validate(&instance.config(&less), host).has_errors() {
                refused.insert(place);
                continue;
            }
            left_out += 1;
            let wanted = intent(&instance.plan(&less).planned.unwrap());
            let answer = instance.apply(&less).await;
            assert_eq!(errors(&answer.diagnostics), Vec::<String>::new(), "{about}");
            let live = fleet.get(INGRESS).unwrap();
            assert_eq!(live["spec"], wanted["spec"], "{about}");
            assert_eq!(live["metadata"]["annotations"], wanted["metadata"]["annotations"], "{about}");
            instance.read().await;
            assert_eq!(instance.changes(&less), Vec::<&str>::new(), "{about}: the second plan is empty");
        }
    }
    let refused: Vec<&str> =
        refused.iter().map(String::as_str).filter(|place| !place.starts_with("/custom_routing")).collect();
    assert_eq!(refused, NEEDED);
    assert!(left_out > 90, "{left_out}");
}

/// The attributes that hold values, by their names from the top.
fn leaves(attributes: &[Attribute], prefix: &str, found: &mut Vec<String>) {
    for attribute in attributes.iter().filter(|attribute| attribute.is_configurable() && !attribute.local) {
        let name = format!("{prefix}{}", attribute.name);
        match &attribute.kind {
            Kind::Nested(_, nested) => leaves(nested, &format!("{name}."), found),
            Kind::Value(_) => found.push(name),
        }
    }
}

/// The attribute that a change names, without indices and keys.
fn leaf(change: &str) -> String {
    let mut attributes = schema::schema().attributes;
    let mut names = Vec::new();
    let mut steps = change.split('.');
    while let Some(step) = steps.next() {
        let attribute = attributes.iter().find(|attribute| attribute.name == step).unwrap().clone();
        names.push(step.to_owned());
        if let Kind::Nested(nesting, nested) = attribute.kind {
            if nesting != Nesting::Single {
                steps.next();
            }
            attributes = nested;
        }
    }
    names.join(".")
}

#[test]
fn no_attribute_is_left_out_of_the_changes() {
    let mut all = Vec::new();
    leaves(&schema::schema().attributes, "", &mut all);
    let changes = CONFIGURATIONS.iter().flat_map(|name| changes(name));
    let tried: Vec<String> = changes.map(|change| leaf(change["attribute"].as_str().unwrap())).collect();
    let missing: Vec<&String> = all.iter().filter(|name| !tried.contains(name)).collect();
    assert_eq!(missing, Vec::<&String>::new());
}
