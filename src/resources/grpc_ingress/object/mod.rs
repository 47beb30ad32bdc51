//! The gRPC Ingress in the Kubernetes shape: what is written for a state, and what state is read from a live Ingress.
//!
//! Pure. Facts: the Kubernetes Ingress API and the annotations of the ALB Ingress configuration dictionary.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use self::annotations::Entry;
use super::model::{GrpcIngress, IngressPath, Rule, Tls};
use crate::clients::Settings;
use crate::framework::model::{Field, Stored};
use crate::framework::path::Path;
use crate::framework::value::Value;
use crate::kubernetes::{Compare, FieldPath, Kind, Meaning, Object, ObjectRef, equal};
use crate::resources::kubernetes_attributes::{ALB_PREFIX, Standing, entries, imported_map, metadata_map};
use crate::resources::refresh::Drift;

pub(crate) mod annotations;
mod codec;
mod routing;

/// Protocol towards the Pods.
pub(crate) const BACKEND_PROTOCOL: &str = "alb.ingress.kubernetes.io/backend-protocol";

/// The only backend protocol of this resource, exactly as the controller wants it.
pub(crate) const GRPC: &str = "grpc";
/// What a controller takes for an Ingress without the annotation.
pub(crate) const HTTP: &str = "http";
/// Name of a Service port that leaves the answer to a custom action.
pub(crate) const USE_ANNOTATION: &str = "use-annotation";

pub(crate) fn ingress_ref(namespace: &str, name: &str) -> ObjectRef {
    ObjectRef::namespaced(Kind::INGRESS, namespace, name)
}

/// A state that sets nothing.
pub(crate) fn nothing() -> GrpcIngress<Stored> {
    #[expect(clippy::expect_used, reason = "every field of a model may be null")]
    GrpcIngress::from_value(&Value::Map(BTreeMap::new())).expect("an object without attributes reads as all null")
}

/// Port and protocol of a listener.
pub(crate) fn split_port(text: &str) -> Option<(u16, &str)> {
    let (port, protocol) = text.split_once('/')?;
    let number: u16 = port.parse().ok()?;
    (number > 0 && number.to_string() == port).then_some((number, protocol))
}

/// All that we set of the Ingress.
pub(crate) fn ingress(state: &GrpcIngress<Stored>) -> Json {
    let mut annotations = entries(state.effective_annotations.as_ref());
    annotations.extend(entries(state.extra_annotations.as_ref()));
    annotations.extend(annotations::write(&state.to_value()));
    let mut metadata = Map::new();
    if !annotations.is_empty() {
        metadata.insert("annotations".to_owned(), json!(annotations));
    }
    let labels = entries(state.effective_labels.as_ref());
    if !labels.is_empty() {
        metadata.insert("labels".to_owned(), json!(labels));
    }
    let spec = object([
        ("ingressClassName", state.ingress_class_name.as_deref().map(Json::from)),
        ("rules", state.rules.as_ref().map(|rules| rules.iter().flatten().map(rule).collect())),
        ("tls", state.tls.as_ref().map(|tls| tls.iter().flatten().map(tls_entry).collect())),
    ]);
    json!({"metadata": metadata, "spec": spec})
}

fn rule(rule: &Rule<Stored>) -> Json {
    let paths: Json = rule.paths.iter().flatten().flatten().map(path).collect();
    object([
        ("host", rule.host.as_deref().map(|host| host.to_ascii_lowercase().into())),
        ("http", Some(json!({"paths": paths}))),
    ])
}

fn path(path: &IngressPath<Stored>) -> Json {
    json!({
        "path": path.path.as_deref().unwrap_or("/"),
        "pathType": path.path_type.as_deref().unwrap_or("Prefix"),
        "backend": {"service": object([
            ("name", path.service_name.as_deref().map(Json::from)),
            ("port", Some(path.service_port.map_or_else(|| json!({"name": USE_ANNOTATION}), |port| json!({"number": port})))),
        ])},
    })
}

fn tls_entry(entry: &Tls<Stored>) -> Json {
    object([
        (
            "hosts",
            entry.hosts.as_ref().map(|hosts| {
                let hosts: BTreeSet<String> = hosts.iter().flatten().map(|host| host.to_ascii_lowercase()).collect();
                json!(hosts)
            }),
        ),
        ("secretName", entry.secret_name.as_deref().map(Json::from)),
    ])
}

fn object<const N: usize>(fields: [(&str, Option<Json>); N]) -> Json {
    Json::Object(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

/// What the API server and the controller make of an Ingress's fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IngressMeaning;

impl Meaning for IngressMeaning {
    fn default_of(&self, path: &FieldPath) -> Option<Json> {
        annotation_at(path, |entry| entry.default_text().map(Json::from)).flatten()
    }

    fn compare(&self, path: &FieldPath) -> Compare {
        match path.fields().as_slice() {
            ["metadata", "annotations", key] if Entry::of_key(key).is_some() => Compare::AsRead,
            ["spec", "tls", "hosts"] => Compare::UnorderedSet,
            ["spec", "rules", "host"] => Compare::IgnoreCase,
            _ => Compare::Exact,
        }
    }

    fn read(&self, path: &FieldPath, text: &str) -> Option<Json> {
        annotation_at(path, |entry| entry.meaning(text))
    }
}

fn annotation_at<T>(path: &FieldPath, use_it: impl FnOnce(Entry<'_>) -> T) -> Option<T> {
    match path.fields().as_slice() {
        ["metadata", "annotations", key] => Entry::of_key(key).map(use_it),
        _ => None,
    }
}

/// The attribute that a field of the Ingress comes from.
pub(crate) fn attribute(state: &GrpcIngress<Stored>, path: &FieldPath) -> Path {
    let has = |map: Option<&BTreeMap<String, Option<String>>>, key: &str| map.is_some_and(|map| map.contains_key(key));
    if let Some(typed) = annotation_at(path, |entry| entry.path()) {
        return typed;
    }
    match path.fields().as_slice() {
        ["metadata", "annotations", name] if has(state.annotations.as_ref(), name) => {
            Path::attribute("annotations").key(*name)
        }
        ["metadata", "annotations", name] if has(state.extra_annotations.as_ref(), name) => {
            Path::attribute("extra_annotations").key(*name)
        }
        ["metadata", "annotations", name] => Path::attribute("effective_annotations").key(*name),
        ["metadata", "labels", name] if has(state.labels.as_ref(), name) => Path::attribute("labels").key(*name),
        ["metadata", "labels", name] => Path::attribute("effective_labels").key(*name),
        ["spec", "ingressClassName"] => Path::attribute("ingress_class_name"),
        ["spec", "rules", ..] => Path::attribute("rules"),
        ["spec", "tls", ..] => Path::attribute("tls"),
        _ => Path::root(),
    }
}

/// The attribute that a field in the server's notation comes from: `spec.rules[0].http.paths[1].backend.service.name`.
pub(crate) fn server_attribute(field: &str) -> Path {
    if field == "metadata.namespace" || field == "metadata.name" {
        return Path::attribute(field.trim_start_matches("metadata."));
    }
    if field.starts_with("metadata.labels") {
        return Path::attribute("labels");
    }
    if field.starts_with("metadata.annotations") {
        return Path::attribute("annotations");
    }
    let mut steps = field.split('.').map(|step| {
        let (name, rest) = step.split_once('[').unwrap_or((step, ""));
        (name, rest.trim_end_matches(']').parse::<usize>().ok())
    });
    if steps.next().map(|(name, _)| name) != Some("spec") {
        return Path::root();
    }
    let mut at = match steps.next() {
        Some(("ingressClassName", _)) => return Path::attribute("ingress_class_name"),
        Some((name @ ("rules" | "tls"), index)) => {
            let at = Path::attribute(name);
            index.map_or_else(|| at.clone(), |index| at.index(index))
        }
        _ => return Path::root(),
    };
    for (name, index) in steps {
        let name = match name {
            "http" | "backend" | "service" | "number" => continue,
            "port" => "service_port",
            "name" => "service_name",
            "pathType" => "path_type",
            "secretName" => "secret_name",
            // An element of a set has no path of its own.
            "hosts" => return at.attr("hosts"),
            "host" | "path" | "paths" => name,
            _ => return at,
        };
        at = at.attr(name);
        if let Some(index) = index {
            at = at.index(index);
        }
    }
    at
}

/// What drifted since the last apply.
pub(crate) fn drift(prior: &GrpcIngress<Stored>, live: &Object, imported: bool) -> Drift {
    Drift::of(live, &ingress(prior), &IngressMeaning, &|path: &FieldPath| attribute(prior, path), imported)
}

/// State after a refresh.
pub(crate) fn refresh(
    prior: &GrpcIngress<Stored>,
    live: &Object,
    drift: &Drift,
    settings: &Settings,
) -> GrpcIngress<Stored> {
    let seen = observe(live);
    let at = Path::attribute;
    let mut next = refresh_settings(prior, live, drift);
    next.ingress_class_name = drift.pick(&at("ingress_class_name"), &prior.ingress_class_name, seen.ingress_class_name);
    next.rules = match (&prior.rules, seen.rules) {
        (Some(prior), Some(seen)) if drift.touches(&at("rules")) => Some(keep_spelling(prior, seen, &["rules"], rule)),
        (prior, seen) => drift.pick(&at("rules"), prior, seen),
    };
    next.tls = match (&prior.tls, seen.tls) {
        (Some(prior), Some(seen)) if drift.touches(&at("tls")) => Some(keep_spelling(prior, seen, &["tls"], tls_entry)),
        (prior, seen) => drift.pick(&at("tls"), prior, seen),
    };
    let annotations = metadata_map(live.value(), "annotations");
    let labels = metadata_map(live.value(), "labels");
    // Settings are taken by their attributes; those without one stay foreign.
    let setting = |key: &str| {
        let obsolete = key == "kubernetes.io/ingress.class";
        obsolete || key.starts_with(ALB_PREFIX) || matches!(annotations::standing(key), Standing::Typed(_))
    };
    next.annotations = drift.pick_map(prior.annotations.as_ref(), &annotations, || {
        imported_map(&annotations, &settings.default_annotations, setting)
    });
    next.extra_annotations = drift.pick_map(prior.extra_annotations.as_ref(), &annotations, || None);
    next.effective_annotations = drift.pick_map(prior.effective_annotations.as_ref(), &annotations, || {
        imported_map(&annotations, &BTreeMap::new(), setting).or_else(|| Some(BTreeMap::new()))
    });
    next.labels =
        drift.pick_map(prior.labels.as_ref(), &labels, || imported_map(&labels, &settings.default_labels, |_| false));
    next.effective_labels = drift.pick_map(prior.effective_labels.as_ref(), &labels, || {
        imported_map(&labels, &BTreeMap::new(), |_| false).or_else(|| Some(BTreeMap::new()))
    });
    publish(&mut next, live);
    next
}

/// The attributes of annotations after a refresh: the user's spelling while it means the same, else the live value.
fn refresh_settings(prior: &GrpcIngress<Stored>, live: &Object, drift: &Drift) -> GrpcIngress<Stored> {
    let before = prior.to_value();
    let mut next = before.clone();
    let annotations = metadata_map(live.value(), "annotations");
    let services: Vec<String> = match drift.is_import() {
        true => annotations::services(annotations.keys()),
        false => prior.custom_routing.iter().flatten().map(|(service, _)| service.clone()).collect(),
    };
    for entry in Entry::all(&services) {
        let text = annotations.get(&entry.key()).map(String::as_str);
        let steps: Vec<&str> = entry.steps().collect();
        let known = before.at(&entry.path()).unwrap_or(Value::Null);
        let seen = match known {
            Value::Null if drift.is_import() && text.is_some() => entry.read(text),
            Value::Null => continue,
            // What is not written for a value, such as a switch that is off, can still turn up.
            ref known if entry.write(known).is_none() => match text {
                Some(text) if !entry.says(text, known) => entry.read(Some(text)),
                _ => continue,
            },
            _ if drift.touches(&entry.path()) => entry.read(text),
            _ => continue,
        };
        match (entry.is_presence(), &seen) {
            (true, Value::Bool(true)) if next.at(&entry.path()).is_some_and(|value| !value.is_null()) => {}
            (true, Value::Bool(true)) => put(&mut next, &steps, Value::Map(BTreeMap::new())),
            (true, _) => put(&mut next, &steps, Value::Null),
            (false, _) if switched_off(&next, &steps) => {}
            (false, _) => put(&mut next, &steps, seen),
        }
    }
    if drift.is_import() {
        complete_import(&mut next);
    }
    #[expect(
        clippy::expect_used,
        reason = "every entry of the table has the type of its attribute, which a test proves"
    )]
    let next = GrpcIngress::from_value(&next).expect("what annotations say fits their attributes");
    next
}

/// Whether the object around a setting is one that a presence decides on, and is not there.
fn switched_off(state: &Value, steps: &[&str]) -> bool {
    let Some((first, _)) = steps.split_first() else { return false };
    let decided = annotations::TABLE.iter().any(|annotation| annotation.at == [*first]);
    steps.len() > 1 && decided && state.attr(first).is_null()
}

/// What an import says of switches and of the protocol that the object leaves to the controller's default.
fn complete_import(state: &mut Value) {
    for entry in Entry::all(&[]) {
        let steps: Vec<&str> = entry.steps().collect();
        let around = steps.split_last().map_or(&[][..], |(_, around)| around);
        let object = around.iter().fold(state.clone(), |value, name| value.attr(name));
        let wanted = entry.is_switch() && !object.is_null() || entry.key() == BACKEND_PROTOCOL;
        if wanted && state.at(&entry.path()).is_none_or(|value| value.is_null()) {
            put(state, &steps, entry.read(None));
        }
    }
}

fn put(state: &mut Value, steps: &[&str], value: Value) {
    match steps.split_first() {
        None => *state = value,
        Some((first, rest)) => {
            let mut inner = state.attr(first);
            put(&mut inner, rest, value);
            state.set(first, inner);
        }
    }
}

/// Sets the computed attributes that the live object alone decides.
pub(crate) fn publish(state: &mut GrpcIngress<Stored>, live: &Object) {
    if let (Some(namespace), Some(name)) = (&state.namespace, &state.name) {
        state.id = Some(format!("{namespace}/{name}"));
    }
    state.address = address(live);
}

/// The published host name.
pub(crate) fn address(live: &Object) -> Option<String> {
    let first = live.value().pointer("/status/loadBalancer/ingress/0")?;
    text(first, "hostname").or_else(|| text(first, "ip"))
}

/// The live elements, each in its prior spelling where that means the same.
fn keep_spelling<T: Clone>(
    prior: &[Option<T>],
    seen: Vec<Option<T>>,
    below_spec: &[&str],
    write: impl Fn(&T) -> Json,
) -> Vec<Option<T>> {
    let at = FieldPath::of(["spec"].into_iter().chain(below_spec.iter().copied()));
    // As a list, since elements of lists are compared whole.
    let written = |element: &T| Json::Array(vec![write(element)]);
    seen.into_iter()
        .enumerate()
        .map(|(index, seen)| {
            let prior = prior.get(index).cloned().flatten();
            match (prior, &seen) {
                (Some(prior), Some(live))
                    if equal(Some(&written(live)), Some(&written(&prior)), &at, &IngressMeaning) =>
                {
                    Some(prior)
                }
                _ => seen,
            }
        })
        .collect()
}

/// Everything that a live Ingress sets and that has an attribute.
fn observe(live: &Object) -> GrpcIngress<Stored> {
    let mut state = nothing();
    let spec = live.value().get("spec").unwrap_or(&Json::Null);
    state.ingress_class_name = text(spec, "ingressClassName");
    state.rules = elements(spec, "rules").map(|rules| rules.map(|rule| Some(observe_rule(rule))).collect());
    state.tls = elements(spec, "tls").map(|tls| {
        tls.map(|entry| {
            Some(Tls {
                hosts: elements(entry, "hosts")
                    .map(|hosts| hosts.filter_map(Json::as_str).map(|host| Some(host.to_owned())).collect()),
                secret_name: text(entry, "secretName"),
            })
        })
        .collect()
    });
    state
}

fn observe_rule(rule: &Json) -> Rule<Stored> {
    let http = rule.get("http").unwrap_or(&Json::Null);
    Rule {
        host: text(rule, "host"),
        paths: elements(http, "paths").map(|paths| {
            paths
                .map(|path| {
                    let service = path.pointer("/backend/service").unwrap_or(&Json::Null);
                    Some(IngressPath {
                        path: text(path, "path"),
                        path_type: text(path, "pathType"),
                        service_name: text(service, "name"),
                        service_port: service.pointer("/port/number").and_then(Json::as_i64),
                    })
                })
                .collect()
        }),
    }
}

fn text(value: &Json, name: &str) -> Option<String> {
    value.get(name).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The elements of a list that has some.
fn elements<'a>(value: &'a Json, name: &str) -> Option<std::slice::Iter<'a, Json>> {
    value.get(name).and_then(Json::as_array).filter(|list| !list.is_empty()).map(|list| list.iter())
}
