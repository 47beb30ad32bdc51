//! The gateway in the Kubernetes shape: what is written for a state, and what state is read from a live AlbConfig.
//!
//! Pure; the fields themselves are declared in `table.rs`. Facts: AlbConfig and IngressClass (ALB Ingress configuration
//! dictionary); which fields the open-source controller rewrites was seen by running it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::extra;
use super::model::{Gateway, ListenerStatus};
use super::table::{self, CONFIG, LISTENER};
use crate::framework::model::{Field, Stored};
use crate::framework::value::Value;
use crate::kubernetes::{Kind, Object, ObjectRef};
pub(crate) use crate::resources::kubernetes_attributes::REMOTE_CLUSTERS;
use crate::resources::kubernetes_attributes::entries;

/// The only controller name that the ALB controller answers to.
pub(crate) const CONTROLLER: &str = "ingress.k8s.alibabacloud/alb";

/// Annotation that makes an IngressClass the default one (Kubernetes).
const DEFAULT_CLASS: &str = "ingressclass.kubernetes.io/is-default-class";

/// What the open-source controller takes for a listener without a port.
pub(crate) const DEFAULT_PORT: i64 = 80;
/// The same for one without a protocol.
pub(crate) const DEFAULT_PROTOCOL: &str = "HTTP";

pub(crate) fn alb_config_ref(name: &str) -> ObjectRef {
    ObjectRef::cluster(Kind::ALB_CONFIG, name)
}

pub(crate) fn ingress_class_ref(name: &str) -> ObjectRef {
    ObjectRef::cluster(Kind::INGRESS_CLASS, name)
}

/// A state that sets nothing.
pub(crate) fn nothing() -> Gateway<Stored> {
    const NULLS: &str = "an object without attributes reads as all null";
    #[expect(clippy::expect_used, reason = "every field of a model may be null")]
    Gateway::from_value(&Value::Map(BTreeMap::new())).expect(NULLS)
}

/// All that we set of the IngressClass.
pub(crate) fn ingress_class(gateway: &Gateway<Stored>) -> Json {
    let name = gateway.name.as_deref().unwrap_or_default();
    let spec = json!({"controller": CONTROLLER,
        "parameters": {"apiGroup": Kind::ALB_CONFIG.group, "kind": Kind::ALB_CONFIG.kind, "name": name}});
    match gateway.default_ingress_class {
        Some(default) => json!({"metadata": {"annotations": {DEFAULT_CLASS: default.to_string()}}, "spec": spec}),
        None => json!({"spec": spec}),
    }
}

/// Whether an IngressClass is the default one; `None` if it does not say.
pub(crate) fn is_default_class(class: &Object) -> Option<bool> {
    class.annotation(DEFAULT_CLASS).map(|text| text == "true")
}

/// All that we set of the AlbConfig.
pub(crate) fn alb_config(gateway: &Gateway<Stored>) -> Json {
    let value = gateway.to_value();
    let mut spec = Map::from_iter([("config".to_owned(), table::encode(CONFIG, &value))]);
    if let Some(listeners) = value.attr("listeners").as_map() {
        let mut keyed: Vec<(u16, &str, &Value)> = listeners
            .iter()
            .filter(|(_, settings)| !settings.is_null())
            .filter_map(|(key, settings)| split_key(key).map(|(port, protocol)| (port, protocol, settings)))
            .collect();
        keyed.sort_by_key(|(port, protocol, _)| (*port, *protocol));
        let written = keyed.into_iter().map(|(port, protocol, settings)| listener(port, protocol, settings));
        spec.insert("listeners".to_owned(), written.collect());
    }
    let mut spec = Json::Object(spec);
    if let Some(more) = gateway.extra_spec.as_deref().and_then(extra::parsed) {
        extra::merge(&mut spec, &more);
    }
    json!({"metadata": metadata(gateway), "spec": spec})
}

fn metadata(gateway: &Gateway<Stored>) -> Map<String, Json> {
    let mut metadata = Map::new();
    let labels = entries(gateway.effective_labels.as_ref());
    if !labels.is_empty() {
        metadata.insert("labels".to_owned(), json!(labels));
    }
    let mut annotations = entries(gateway.effective_annotations.as_ref());
    annotations.extend(entries(gateway.extra_annotations.as_ref()));
    if let Some(clusters) = &gateway.remote_clusters {
        let sorted: BTreeSet<&str> = clusters.iter().flatten().map(String::as_str).collect();
        annotations.insert(REMOTE_CLUSTERS.to_owned(), sorted.into_iter().collect::<Vec<_>>().join(","));
    }
    if !annotations.is_empty() {
        metadata.insert("annotations".to_owned(), json!(annotations));
    }
    metadata
}

fn listener(port: u16, protocol: &str, settings: &Value) -> Json {
    let mut listener = json!({"port": port, "protocol": protocol});
    extra::merge(&mut listener, &table::encode(LISTENER, settings));
    if let Some(more) = settings.attr("extra_spec").as_str().and_then(extra::parsed) {
        extra::merge(&mut listener, &more);
    }
    listener
}

/// Port and protocol of a listener key.
pub(crate) fn split_key(key: &str) -> Option<(u16, &str)> {
    let (port, protocol) = key.split_once('/')?;
    let number: u16 = port.parse().ok()?;
    (number > 0 && number.to_string() == port).then_some((number, protocol))
}

/// The key of a listener in the Kubernetes shape, as the controller reads it.
pub(crate) fn listener_key(listener: &Json) -> String {
    let port = listener.get("port").and_then(table::number).unwrap_or(DEFAULT_PORT);
    let protocol = text(listener, "protocol").unwrap_or_else(|| DEFAULT_PROTOCOL.to_owned());
    format!("{port}/{protocol}")
}

/// Everything that a live AlbConfig sets and that has an attribute. Zero values and nulls are not set.
pub(crate) fn observe(live: &Object) -> Gateway<Stored> {
    let object = live.value();
    let spec = object.get("spec").unwrap_or(&Json::Null);
    let mut value = table::decode(CONFIG, spec.get("config").unwrap_or(&Json::Null));
    if let Some(listeners) = elements(spec, "listeners") {
        let read = listeners.map(|listener| (listener_key(listener), table::decode(LISTENER, listener)));
        value.set("listeners", Value::map(read));
    }
    let mut gateway = Gateway::from_value(&value).unwrap_or_else(|error| {
        tracing::warn!(%error, "the AlbConfig has a shape that attributes cannot hold");
        nothing()
    });
    gateway.remote_clusters = live.annotation(REMOTE_CLUSTERS).map(|text| {
        let ids: BTreeSet<&str> = text.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
        ids.into_iter().map(|id| Some(id.to_owned())).collect()
    });
    let status = object.pointer("/status/loadBalancer").unwrap_or(&Json::Null);
    gateway.load_balancer_id = text(status, "id");
    gateway.dns_name = text(status, "dnsname");
    gateway.listener_status = elements(status, "listeners")
        .map(|listeners| listeners.map(|listener| Some(observe_status(listener))).collect());
    gateway
}

fn observe_status(listener: &Json) -> ListenerStatus<Stored> {
    let mut ids: Vec<(bool, String)> = elements(listener, "certificates")
        .into_iter()
        .flatten()
        .filter_map(|certificate| {
            let default = certificate.get("isDefault").and_then(Json::as_bool).unwrap_or_default();
            Some((!default, text(certificate, "certificateId")?))
        })
        .collect();
    ids.sort_by_key(|(extra, _)| *extra);
    ListenerStatus {
        listener: text(listener, "portAndProtocol"),
        certificate_ids: Some(ids.into_iter().map(|(_, id)| Some(id)).collect()),
    }
}

fn text(value: &Json, name: &str) -> Option<String> {
    value.get(name).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The elements of a list that has some.
fn elements<'a>(value: &'a Json, name: &str) -> Option<std::slice::Iter<'a, Json>> {
    value.get(name).and_then(Json::as_array).filter(|list| !list.is_empty()).map(|list| list.iter())
}

/// Sets the computed attributes that the live object alone decides.
pub(crate) fn publish(gateway: &mut Gateway<Stored>, live: &Object) {
    let seen = observe(live);
    gateway.id.clone_from(&gateway.name);
    gateway.load_balancer_id = seen.load_balancer_id;
    gateway.dns_name = seen.dns_name;
    gateway.listener_status = seen.listener_status;
    let declared = gateway.listeners.as_ref();
    gateway.foreign_listeners = Some(
        seen.listeners
            .into_iter()
            .flatten()
            .filter(|(key, _)| declared.is_none_or(|declared| !declared.contains_key(key)))
            .map(|(key, _)| Some(key))
            .collect(),
    );
    let mappings = gateway.zone_mappings.as_deref().unwrap_or_default();
    let declared: BTreeSet<&String> =
        mappings.iter().flatten().filter_map(|mapping| mapping.vswitch_id.as_ref()).collect();
    let live_ids = seen.zone_mappings.into_iter().flatten().flatten().filter_map(|mapping| mapping.vswitch_id);
    gateway.foreign_zone_mappings = Some(live_ids.filter(|id| !declared.contains(id)).map(Some).collect());
}

/// Creation-only values as the controller takes them, by attribute name, for the private fact that remembers what was
/// applied last.
pub(crate) fn creation_only(gateway: &Gateway<Stored>) -> BTreeMap<String, Json> {
    let value = gateway.to_value();
    let reused = gateway.reuse.as_ref().is_some_and(|reuse| reuse.load_balancer_id.is_some());
    CONFIG
        .iter()
        .filter(|row| row.creation_only)
        .map(|row| {
            let value = row.value(&value);
            let taken = match (row.codec, &row.default, value.as_str()) {
                // Not read where the load balancer exists already.
                (table::Codec::ZoneMappings, ..) if reused => json!([]),
                (table::Codec::ZoneMappings, ..) => zones(&value),
                (_, table::DefaultOf::Text(default), None) => Json::from(*default),
                (_, _, text) => text.map_or(Json::Null, Json::from),
            };
            (row.attribute.join("."), taken)
        })
        .collect()
}

/// What of the zone mappings is read only once, in one order. The zone follows from the vSwitch: naming it changes nothing.
fn zones(mappings: &Value) -> Json {
    let one = |mapping: &Value| {
        let rows = table::ZONE.iter().filter(|row| row.creation_only);
        rows.map(|row| row.value(mapping).as_str().map_or(Json::Null, Json::from)).collect::<Json>()
    };
    let mut written: Vec<Json> =
        mappings.as_list().into_iter().flatten().filter(|mapping| !mapping.is_null()).map(one).collect();
    written.sort_by_key(ToString::to_string);
    Json::Array(written)
}

/// HTTPS and QUIC listeners that have no certificate of their own: an Ingress must bring one.
pub(crate) fn bare_listeners(gateway: &Gateway<Stored>) -> Vec<String> {
    let intent = alb_config(gateway);
    let listeners = intent.pointer("/spec/listeners").and_then(Json::as_array);
    listeners.into_iter().flatten().filter(|listener| is_bare(listener)).map(listener_key).collect()
}

/// Whether a listener as it is written waits for an Ingress to bring its certificate.
pub(crate) fn is_bare(listener: &Json) -> bool {
    listener.get("protocol").and_then(Json::as_str) != Some("HTTP")
        && listener.get("certificates").is_none()
        && listener.get("defaultCertificate").is_none()
}
