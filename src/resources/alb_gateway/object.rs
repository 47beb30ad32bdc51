//! The gateway in the Kubernetes shape: what is written for a state, and what state is read from a live AlbConfig.
//!
//! Pure. Facts: AlbConfig fields and their defaults (ALB Ingress configuration dictionary); which values the open-source
//! controller takes for "unset" and which lists it rewrites were seen by running it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::model::{Certificate, Gateway, Listener, ListenerStatus, ZoneMapping};
use crate::clients::Settings;
use crate::framework::model::{Field, Stored};
use crate::framework::path::Path;
use crate::framework::value::Value;
use crate::kubernetes::path::Segment;
use crate::kubernetes::{Compare, FieldPath, Kind, Meaning, Object, ObjectRef};
use crate::resources::kubernetes_attributes::{entries, imported_map, metadata_map};
use crate::resources::refresh::Drift;

/// Annotation that names the members.
pub(crate) const REMOTE_CLUSTERS: &str = "alb.ingress.kubernetes.io/remote-clusters";
/// The only controller name that the ALB controller answers to.
pub(crate) const CONTROLLER: &str = "ingress.k8s.alibabacloud/alb";

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
pub(crate) fn ingress_class(gateway_name: &str) -> Json {
    json!({"spec": {"controller": CONTROLLER,
        "parameters": {"apiGroup": Kind::ALB_CONFIG.group, "kind": Kind::ALB_CONFIG.kind, "name": gateway_name}}})
}

/// The meaning of an IngressClass's fields: nothing peculiar.
pub(crate) use crate::kubernetes::meaning::Plain as IngressClassMeaning;

/// All that we set of the AlbConfig.
pub(crate) fn alb_config(gateway: &Gateway<Stored>) -> Json {
    let mut config = Map::new();
    let mut set = |name: &str, value: Option<Json>| {
        if let Some(value) = value {
            config.insert(name.to_owned(), value);
        }
    };
    set("name", gateway.load_balancer_name.as_deref().map(Json::from));
    set("addressType", gateway.address_type.as_deref().map(Json::from));
    set("addressAllocatedMode", gateway.address_allocated_mode.as_deref().map(Json::from));
    set("addressIpVersion", gateway.address_ip_version.as_deref().map(Json::from));
    set("edition", gateway.edition.as_deref().map(Json::from));
    set(
        "zoneMappings",
        gateway.zone_mappings.as_ref().map(|mappings| mappings.iter().flatten().map(zone_mapping).collect()),
    );
    set(
        "tags",
        gateway.tags.as_ref().map(|tags| {
            entries(Some(tags)).into_iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
        }),
    );
    let mut spec = Map::from_iter([("config".to_owned(), Json::Object(config))]);
    if let Some(listeners) = &gateway.listeners {
        let mut keyed: Vec<(u16, &str, &Listener<Stored>)> = listeners
            .iter()
            .filter_map(|(key, settings)| {
                let (port, protocol) = split_key(key)?;
                Some((port, protocol, settings.as_ref()?))
            })
            .collect();
        keyed.sort_by_key(|(port, protocol, _)| (*port, *protocol));
        spec.insert(
            "listeners".to_owned(),
            keyed.into_iter().map(|(port, protocol, settings)| listener(port, protocol, settings)).collect(),
        );
    }
    let mut metadata = Map::new();
    let labels = entries(gateway.effective_labels.as_ref());
    if !labels.is_empty() {
        metadata.insert("labels".to_owned(), json!(labels));
    }
    let mut annotations = entries(gateway.effective_annotations.as_ref());
    if let Some(clusters) = &gateway.remote_clusters {
        let sorted: BTreeSet<&str> = clusters.iter().flatten().map(String::as_str).collect();
        annotations.insert(REMOTE_CLUSTERS.to_owned(), sorted.into_iter().collect::<Vec<_>>().join(","));
    }
    if !annotations.is_empty() {
        metadata.insert("annotations".to_owned(), json!(annotations));
    }
    json!({"metadata": metadata, "spec": spec})
}

fn zone_mapping(mapping: &ZoneMapping<Stored>) -> Json {
    let ZoneMapping { vswitch_id, zone_id, allocation_id } = mapping;
    object([
        ("vSwitchId", vswitch_id.as_deref().map(Json::from)),
        ("zoneId", zone_id.as_deref().map(Json::from)),
        ("allocationId", allocation_id.as_deref().map(Json::from)),
    ])
}

fn listener(port: u16, protocol: &str, settings: &Listener<Stored>) -> Json {
    let certificates = settings.certificates.as_ref().map(|list| certificates(list.iter().flatten()));
    object([
        ("port", Some(port.into())),
        ("protocol", Some(protocol.into())),
        ("description", settings.description.as_deref().map(Json::from)),
        ("idleTimeout", settings.idle_timeout.map(Json::from)),
        ("requestTimeout", settings.request_timeout.map(Json::from)),
        ("gzipEnabled", settings.gzip_enabled.map(Json::from)),
        ("http2Enabled", settings.http2_enabled.map(Json::from)),
        ("securityPolicyId", settings.security_policy_id.as_deref().map(Json::from)),
        // The hosted controller fails on an empty list.
        ("certificates", certificates.filter(|list| list.as_array().is_some_and(|list| !list.is_empty()))),
    ])
}

/// The certificates, the default one first: the open-source controller makes the first the default, whatever is marked.
pub(crate) fn certificates<'a>(list: impl Iterator<Item = &'a Certificate<Stored>>) -> Json {
    let (mut first, rest): (Vec<_>, Vec<_>) = list.partition(|certificate| certificate.default == Some(true));
    first.extend(rest);
    first
        .into_iter()
        .map(|certificate| {
            object([
                ("CertificateId", certificate.certificate_id.as_deref().map(Json::from)),
                ("IsDefault", certificate.default.filter(|default| *default).map(Json::from)),
            ])
        })
        .collect()
}

fn object<const N: usize>(fields: [(&str, Option<Json>); N]) -> Json {
    Json::Object(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

/// Port and protocol of a listener key.
pub(crate) fn split_key(key: &str) -> Option<(u16, &str)> {
    let (port, protocol) = key.split_once('/')?;
    let number: u16 = port.parse().ok()?;
    (number > 0 && number.to_string() == port).then_some((number, protocol))
}

/// What the controller makes of an AlbConfig's fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AlbConfigMeaning;

impl Meaning for AlbConfigMeaning {
    fn default_of(&self, path: &FieldPath) -> Option<Json> {
        match path.fields().as_slice() {
            ["spec", "config", "addressType"] => Some(json!("Internet")),
            ["spec", "config", "addressAllocatedMode"] => Some(json!("Dynamic")),
            ["spec", "config", "addressIpVersion"] => Some(json!("IPv4")),
            ["spec", "config", "edition"] => Some(json!("Standard")),
            ["spec", "listeners", "requestTimeout"] => Some(json!(60)),
            ["spec", "listeners", "gzipEnabled" | "http2Enabled"] => Some(json!(true)),
            ["spec", "listeners", "securityPolicyId"] => Some(json!("tls_cipher_policy_1_0")),
            _ => None,
        }
    }

    fn zero_is_legal(&self, path: &FieldPath) -> bool {
        matches!(path.fields().as_slice(), ["spec", "listeners", "gzipEnabled" | "http2Enabled"])
    }

    fn compare(&self, path: &FieldPath) -> Compare {
        match path.fields().as_slice() {
            ["metadata", "annotations", REMOTE_CLUSTERS] => Compare::CommaSet,
            ["spec", "config", "tags"] => Compare::UnorderedSet,
            // The API server accepts text where a number belongs.
            ["spec", "listeners", "port" | "idleTimeout" | "requestTimeout"] => Compare::Number,
            _ => Compare::Exact,
        }
    }

    fn list_key(&self, path: &FieldPath) -> Option<&[&str]> {
        match path.fields().as_slice() {
            ["spec", "listeners"] => Some(&["port", "protocol"]),
            ["spec", "config", "zoneMappings"] => Some(&["vSwitchId"]),
            _ => None,
        }
    }
}

/// The attribute that a field of the AlbConfig comes from.
pub(crate) fn attribute(gateway: &Gateway<Stored>, path: &FieldPath) -> Path {
    let names = path.fields();
    let key = path.segments().iter().find_map(|segment| match segment {
        Segment::Element(key) => Some(key),
        Segment::Field(_) => None,
    });
    let text = |name: &str| {
        key.into_iter().flatten().find(|(field, _)| field == name).map(|(_, value)| match value {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        })
    };
    match names.as_slice() {
        ["metadata", "annotations", REMOTE_CLUSTERS] => Path::attribute("remote_clusters"),
        ["metadata", "annotations", name] if has_key(gateway.annotations.as_ref(), name) => {
            Path::attribute("annotations").key(*name)
        }
        ["metadata", "annotations", name] => Path::attribute("effective_annotations").key(*name),
        ["metadata", "labels", name] if has_key(gateway.labels.as_ref(), name) => Path::attribute("labels").key(*name),
        ["metadata", "labels", name] => Path::attribute("effective_labels").key(*name),
        ["spec", "config", "name"] => Path::attribute("load_balancer_name"),
        ["spec", "config", "addressType"] => Path::attribute("address_type"),
        ["spec", "config", "addressAllocatedMode"] => Path::attribute("address_allocated_mode"),
        ["spec", "config", "addressIpVersion"] => Path::attribute("address_ip_version"),
        ["spec", "config", "edition"] => Path::attribute("edition"),
        ["spec", "config", "tags", ..] => Path::attribute("tags"),
        ["spec", "config", "zoneMappings", rest @ ..] => {
            let at = Path::attribute("zone_mappings");
            let wanted = text("vSwitchId");
            let mappings = gateway.zone_mappings.as_deref().unwrap_or_default();
            let index = mappings.iter().position(|mapping| {
                wanted.is_some() && mapping.as_ref().and_then(|mapping| mapping.vswitch_id.as_ref()) == wanted.as_ref()
            });
            match (index, rest) {
                (Some(index), ["zoneId"]) => at.index(index).attr("zone_id"),
                (Some(index), ["allocationId"]) => at.index(index).attr("allocation_id"),
                (Some(index), _) => at.index(index),
                (None, _) => at,
            }
        }
        ["spec", "listeners", rest @ ..] => {
            let at = Path::attribute("listeners");
            let (Some(port), Some(protocol)) = (text("port"), text("protocol")) else { return at };
            let at = at.key(format!("{port}/{protocol}"));
            match rest {
                ["description"] => at.attr("description"),
                ["idleTimeout"] => at.attr("idle_timeout"),
                ["requestTimeout"] => at.attr("request_timeout"),
                ["gzipEnabled"] => at.attr("gzip_enabled"),
                ["http2Enabled"] => at.attr("http2_enabled"),
                ["securityPolicyId"] => at.attr("security_policy_id"),
                ["certificates", ..] => at.attr("certificates"),
                _ => at,
            }
        }
        _ => Path::root(),
    }
}

fn has_key(map: Option<&BTreeMap<String, Option<String>>>, key: &str) -> bool {
    map.is_some_and(|map| map.contains_key(key))
}

/// What drifted since the last apply.
pub(crate) fn drift(prior: &Gateway<Stored>, live: &Object, imported: bool) -> Drift {
    Drift::of(live, &alb_config(prior), &AlbConfigMeaning, &|path: &FieldPath| attribute(prior, path), imported)
}

/// State after a refresh.
pub(crate) fn refresh(prior: &Gateway<Stored>, live: &Object, drift: &Drift, settings: &Settings) -> Gateway<Stored> {
    let seen = observe(live);
    let at = Path::attribute;
    let mut next = prior.clone();
    next.remote_clusters = drift.pick(&at("remote_clusters"), &prior.remote_clusters, seen.remote_clusters);
    next.load_balancer_name = drift.pick(&at("load_balancer_name"), &prior.load_balancer_name, seen.load_balancer_name);
    next.address_type = drift.pick(&at("address_type"), &prior.address_type, seen.address_type);
    next.address_allocated_mode =
        drift.pick(&at("address_allocated_mode"), &prior.address_allocated_mode, seen.address_allocated_mode);
    next.address_ip_version = drift.pick(&at("address_ip_version"), &prior.address_ip_version, seen.address_ip_version);
    next.edition = drift.pick(&at("edition"), &prior.edition, seen.edition);
    next.tags =
        drift.pick(&at("tags"), &prior.tags, seen.tags.or_else(|| prior.tags.as_ref().map(|_| BTreeMap::new())));
    next.zone_mappings = refresh_zone_mappings(prior, drift, seen.zone_mappings.clone());
    next.listeners = refresh_listeners(prior, drift, seen.listeners.as_ref());
    let annotations = metadata_map(live.value(), "annotations");
    let labels = metadata_map(live.value(), "labels");
    let defaults = &settings.default_annotations;
    next.annotations = drift.pick_map(prior.annotations.as_ref(), &annotations, || {
        imported_map(&annotations, defaults, |key| key == REMOTE_CLUSTERS)
    });
    next.effective_annotations = drift.pick_map(prior.effective_annotations.as_ref(), &annotations, || {
        imported_map(&annotations, &BTreeMap::new(), |key| key == REMOTE_CLUSTERS).or_else(|| Some(BTreeMap::new()))
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

fn refresh_zone_mappings(
    prior: &Gateway<Stored>,
    drift: &Drift,
    seen: Option<Vec<Option<ZoneMapping<Stored>>>>,
) -> Option<Vec<Option<ZoneMapping<Stored>>>> {
    let Some(mappings) = &prior.zone_mappings else {
        return if drift.is_import() { seen } else { None };
    };
    let seen: Vec<ZoneMapping<Stored>> = seen.into_iter().flatten().flatten().collect();
    let at = Path::attribute("zone_mappings");
    let kept = mappings.iter().enumerate().filter_map(|(index, mapping)| {
        let mapping = mapping.as_ref()?;
        let live = seen.iter().find(|live| live.vswitch_id == mapping.vswitch_id)?;
        let at = at.index(index);
        Some(Some(ZoneMapping {
            vswitch_id: mapping.vswitch_id.clone(),
            zone_id: drift.pick(&at.attr("zone_id"), &mapping.zone_id, live.zone_id.clone()),
            allocation_id: drift.pick(&at.attr("allocation_id"), &mapping.allocation_id, live.allocation_id.clone()),
        }))
    });
    Some(kept.collect())
}

type Listeners = BTreeMap<String, Option<Listener<Stored>>>;

fn refresh_listeners(prior: &Gateway<Stored>, drift: &Drift, seen: Option<&Listeners>) -> Option<Listeners> {
    let Some(listeners) = &prior.listeners else {
        return if drift.is_import() { seen.cloned() } else { None };
    };
    let at = Path::attribute("listeners");
    let kept = listeners.iter().filter_map(|(key, listener)| {
        let live = seen?.get(key)?.clone()?;
        let Some(prior) = listener else { return Some((key.clone(), Some(live))) };
        let at = at.key(key.as_str());
        let picked = Listener {
            description: drift.pick(&at.attr("description"), &prior.description, live.description),
            idle_timeout: drift.pick(&at.attr("idle_timeout"), &prior.idle_timeout, live.idle_timeout),
            request_timeout: drift.pick(&at.attr("request_timeout"), &prior.request_timeout, live.request_timeout),
            gzip_enabled: drift.pick(&at.attr("gzip_enabled"), &prior.gzip_enabled, live.gzip_enabled),
            http2_enabled: drift.pick(&at.attr("http2_enabled"), &prior.http2_enabled, live.http2_enabled),
            security_policy_id: drift.pick(
                &at.attr("security_policy_id"),
                &prior.security_policy_id,
                live.security_policy_id,
            ),
            certificates: drift.pick(&at.attr("certificates"), &prior.certificates, live.certificates),
        };
        Some((key.clone(), Some(picked)))
    });
    Some(kept.collect())
}

/// Everything that a live AlbConfig sets and that has an attribute. Zero values and nulls are not set.
fn observe(live: &Object) -> Gateway<Stored> {
    let mut gateway = nothing();
    let value = live.value();
    let config = value.pointer("/spec/config").unwrap_or(&Json::Null);
    gateway.remote_clusters = live.annotation(REMOTE_CLUSTERS).map(|text| {
        let ids: BTreeSet<&str> = text.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
        ids.into_iter().map(|id| Some(id.to_owned())).collect()
    });
    gateway.load_balancer_name = text(config, "name");
    gateway.address_type = text(config, "addressType");
    gateway.address_allocated_mode = text(config, "addressAllocatedMode");
    gateway.address_ip_version = text(config, "addressIpVersion");
    gateway.edition = text(config, "edition");
    gateway.zone_mappings = elements(config, "zoneMappings").map(|mappings| {
        mappings
            .map(|mapping| {
                Some(ZoneMapping {
                    vswitch_id: text(mapping, "vSwitchId"),
                    zone_id: text(mapping, "zoneId"),
                    allocation_id: text(mapping, "allocationId"),
                })
            })
            .collect()
    });
    gateway.tags = elements(config, "tags").map(|tags| {
        tags.filter_map(|tag| Some((text(tag, "key")?, Some(text(tag, "value").unwrap_or_default())))).collect()
    });
    gateway.listeners = elements(value.get("spec").unwrap_or(&Json::Null), "listeners")
        .map(|listeners| listeners.map(observe_listener).collect());
    let status = value.pointer("/status/loadBalancer").unwrap_or(&Json::Null);
    gateway.load_balancer_id = text(status, "id");
    gateway.dns_name = text(status, "dnsname");
    gateway.listener_status = elements(status, "listeners")
        .map(|listeners| listeners.map(|listener| Some(observe_status(listener))).collect());
    gateway
}

fn observe_listener(listener: &Json) -> (String, Option<Listener<Stored>>) {
    let port = number(listener, "port").unwrap_or(80);
    let protocol = text(listener, "protocol").unwrap_or_else(|| "HTTP".to_owned());
    let flag = |name: &str| listener.get(name).and_then(Json::as_bool);
    let settings = Listener {
        description: text(listener, "description"),
        idle_timeout: number(listener, "idleTimeout"),
        request_timeout: number(listener, "requestTimeout"),
        gzip_enabled: flag("gzipEnabled"),
        http2_enabled: flag("http2Enabled"),
        security_policy_id: text(listener, "securityPolicyId"),
        certificates: elements(listener, "certificates").map(|list| {
            list.map(|certificate| {
                Some(Certificate {
                    certificate_id: text(certificate, "CertificateId"),
                    default: certificate.get("IsDefault").and_then(Json::as_bool).filter(|default| *default),
                })
            })
            .collect()
        }),
    };
    (format!("{port}/{protocol}"), Some(settings))
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

/// A number that is not zero, also as text.
fn number(value: &Json, name: &str) -> Option<i64> {
    let value = value.get(name)?;
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number| *number != 0)
}

/// The elements of a list that has some.
fn elements<'a>(value: &'a Json, name: &str) -> Option<std::slice::Iter<'a, Json>> {
    value.get(name).and_then(Json::as_array).filter(|list| !list.is_empty()).map(|list| list.iter())
}

/// Creation-only values as the controller takes them, for the private fact that remembers what was applied last.
pub(crate) fn creation_only(gateway: &Gateway<Stored>) -> BTreeMap<&'static str, Json> {
    let or = |value: &Option<String>, default: &str| Json::from(value.as_deref().unwrap_or(default));
    let mut mappings: Vec<Json> = gateway
        .zone_mappings
        .iter()
        .flatten()
        .flatten()
        // The zone follows from the vSwitch: naming it changes nothing.
        .map(|mapping| json!([mapping.vswitch_id, mapping.allocation_id]))
        .collect();
    mappings.sort_by_key(ToString::to_string);
    BTreeMap::from([
        ("address_type", or(&gateway.address_type, "Internet")),
        ("address_allocated_mode", or(&gateway.address_allocated_mode, "Dynamic")),
        ("address_ip_version", or(&gateway.address_ip_version, "IPv4")),
        ("zone_mappings", Json::Array(mappings)),
    ])
}

/// HTTPS and QUIC listeners that have no certificate of their own: an Ingress must bring one.
pub(crate) fn bare_listeners(gateway: &Gateway<Stored>) -> Vec<String> {
    gateway
        .listeners
        .iter()
        .flatten()
        .filter(|(key, listener)| {
            let tls = split_key(key).is_some_and(|(_, protocol)| protocol != "HTTP");
            let own = listener.as_ref().and_then(|listener| listener.certificates.as_ref());
            tls && own.is_none_or(Vec::is_empty)
        })
        .map(|(key, _)| key.clone())
        .collect()
}
