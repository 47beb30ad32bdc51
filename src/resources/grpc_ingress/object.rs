//! The gRPC Ingress in the Kubernetes shape: what is written for a state, and what state is read from a live Ingress.
//!
//! Pure. Facts: the Kubernetes Ingress API and the annotations of the ALB Ingress configuration dictionary.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::model::{Canary, GrpcIngress, IngressPath, Rule, Tls};
use crate::clients::Settings;
use crate::framework::model::{Field, Stored};
use crate::framework::path::Path;
use crate::framework::value::Value;
use crate::kubernetes::{Compare, FieldPath, Kind, Meaning, Object, ObjectRef, equal};
use crate::resources::kubernetes_attributes::{entries, imported_map, metadata_map};
use crate::resources::refresh::Drift;

const LISTEN_PORTS: &str = "alb.ingress.kubernetes.io/listen-ports";
const BACKEND_PROTOCOL: &str = "alb.ingress.kubernetes.io/backend-protocol";
const CANARY: &str = "alb.ingress.kubernetes.io/canary";
const CANARY_WEIGHT: &str = "alb.ingress.kubernetes.io/canary-weight";

/// Annotations that attributes stand for.
pub(crate) const TYPED_ANNOTATIONS: [(&str, &str); 4] = [
    (LISTEN_PORTS, "listen_ports"),
    (BACKEND_PROTOCOL, "nothing: the protocol is always grpc"),
    (CANARY, "canary"),
    (CANARY_WEIGHT, "canary.weight"),
];

/// The only backend protocol of this resource, exactly as the controller wants it.
pub(crate) const GRPC: &str = "grpc";

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
    if let Some(ports) = &state.listen_ports {
        annotations.insert(LISTEN_PORTS.to_owned(), listen_ports(ports.iter().flatten().map(String::as_str)));
    }
    if let Some(protocol) = &state.backend_protocol {
        annotations.insert(BACKEND_PROTOCOL.to_owned(), protocol.clone());
    }
    if let Some(canary) = &state.canary {
        annotations.insert(CANARY.to_owned(), "true".to_owned());
        if let Some(weight) = canary.weight {
            annotations.insert(CANARY_WEIGHT.to_owned(), weight.to_string());
        }
    }
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

/// The annotation's text: one object for each pair, by port.
fn listen_ports<'a>(ports: impl Iterator<Item = &'a str>) -> String {
    let pairs: BTreeSet<(u16, &str)> = ports.filter_map(split_port).collect();
    Json::Array(pairs.into_iter().map(|(port, protocol)| json!({protocol: port})).collect()).to_string()
}

/// The pairs of a live annotation; a text that cannot be read is shown as it is, which no configuration equals.
fn read_listen_ports(text: &str) -> Vec<Option<String>> {
    let parsed: Option<Vec<BTreeMap<String, u16>>> = serde_json::from_str(text).ok();
    match parsed {
        Some(objects) => {
            let pairs: BTreeSet<(u16, String)> =
                objects.into_iter().flatten().map(|(protocol, port)| (port, protocol)).collect();
            pairs.into_iter().map(|(port, protocol)| Some(format!("{port}/{protocol}"))).collect()
        }
        None => vec![Some(text.trim().to_owned())],
    }
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
            ("port", path.service_port.map(|port| json!({"number": port}))),
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
    fn compare(&self, path: &FieldPath) -> Compare {
        match path.fields().as_slice() {
            ["metadata", "annotations", LISTEN_PORTS] => Compare::JsonPairs,
            ["metadata", "annotations", CANARY_WEIGHT] => Compare::Number,
            ["spec", "tls", "hosts"] => Compare::UnorderedSet,
            ["spec", "rules", "host"] => Compare::IgnoreCase,
            _ => Compare::Exact,
        }
    }
}

/// The attribute that a field of the Ingress comes from.
pub(crate) fn attribute(state: &GrpcIngress<Stored>, path: &FieldPath) -> Path {
    let has = |map: Option<&BTreeMap<String, Option<String>>>, key: &str| map.is_some_and(|map| map.contains_key(key));
    match path.fields().as_slice() {
        ["metadata", "annotations", LISTEN_PORTS] => Path::attribute("listen_ports"),
        ["metadata", "annotations", BACKEND_PROTOCOL] => Path::attribute("backend_protocol"),
        ["metadata", "annotations", CANARY] => Path::attribute("canary"),
        ["metadata", "annotations", CANARY_WEIGHT] => Path::attribute("canary").attr("weight"),
        ["metadata", "annotations", name] if has(state.annotations.as_ref(), name) => {
            Path::attribute("annotations").key(*name)
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
    let mut next = prior.clone();
    next.ingress_class_name = drift.pick(&at("ingress_class_name"), &prior.ingress_class_name, seen.ingress_class_name);
    next.listen_ports = drift.pick(&at("listen_ports"), &prior.listen_ports, seen.listen_ports);
    next.backend_protocol = drift.pick(&at("backend_protocol"), &prior.backend_protocol, seen.backend_protocol);
    next.canary = drift.pick(&at("canary"), &prior.canary, seen.canary);
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
    let typed = |key: &str| TYPED_ANNOTATIONS.iter().any(|(name, _)| *name == key);
    next.annotations = drift.pick_map(prior.annotations.as_ref(), &annotations, || {
        imported_map(&annotations, &settings.default_annotations, typed)
    });
    next.effective_annotations = drift.pick_map(prior.effective_annotations.as_ref(), &annotations, || {
        imported_map(&annotations, &BTreeMap::new(), typed).or_else(|| Some(BTreeMap::new()))
    });
    next.labels =
        drift.pick_map(prior.labels.as_ref(), &labels, || imported_map(&labels, &settings.default_labels, |_| false));
    next.effective_labels = drift.pick_map(prior.effective_labels.as_ref(), &labels, || {
        imported_map(&labels, &BTreeMap::new(), |_| false).or_else(|| Some(BTreeMap::new()))
    });
    publish(&mut next, live);
    next
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
    seen.into_iter()
        .enumerate()
        .map(|(index, seen)| {
            let prior = prior.get(index).cloned().flatten();
            match (prior, &seen) {
                (Some(prior), Some(live)) if equal(Some(&write(live)), Some(&write(&prior)), &at, &IngressMeaning) => {
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
    state.listen_ports = live.annotation(LISTEN_PORTS).map(read_listen_ports);
    state.backend_protocol = live.annotation(BACKEND_PROTOCOL).map(str::to_owned);
    if live.annotation(CANARY).is_some_and(|flag| flag == "true") {
        let weight = live.annotation(CANARY_WEIGHT).and_then(|text| text.trim().parse().ok());
        state.canary = Some(Canary { weight });
    }
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
