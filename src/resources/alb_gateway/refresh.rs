//! State after a refresh of the AlbConfig: what drifted, and what a controller dropped that does not know it.
//!
//! Pure. The open-source controller writes the whole object back as its own types encode it, so that fields newer than
//! those types vanish (seen by running it). That is no edit of anybody: it would come back after every apply, so it is
//! told and never planned.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::extra;
use super::meaning::{AlbConfigMeaning, attribute};
use super::model::{Gateway, ZoneMapping};
use super::object::{REMOTE_CLUSTERS, alb_config, listener_key, observe, publish};
use super::table::{CONFIG, Codec, LISTENER, Row};
use crate::clients::Settings;
use crate::framework::model::{Field, Stored};
use crate::framework::path::Path;
use crate::framework::value::Value;
use crate::kubernetes::{FieldPath, Object};
use crate::resources::kubernetes_attributes::{ALB_PREFIX, imported_map, metadata_map};
use crate::resources::refresh::Drift;

/// Fields that only the encoder of the controller's own types writes, as null or zero value.
const REWRITTEN_CONFIG: [&str; 2] = ["deletionProtectionEnabled", "modificationProtectionConfig"];
/// The same of a listener.
const REWRITTEN_LISTENER: [&str; 2] = ["defaultActions", "loadBalancerId"];

/// What drifted since the last apply.
pub(crate) fn drift(prior: &Gateway<Stored>, live: &Object, imported: bool) -> Drift {
    let (ours, _) = without_dropped(alb_config(prior), live);
    Drift::of(live, &ours, &AlbConfigMeaning, &|path: &FieldPath| attribute(prior, path), imported)
}

/// What we set, without what a rewrite of the controller dropped; and the names of that.
pub(crate) fn without_dropped(mut ours: Json, live: &Object) -> (Json, Vec<String>) {
    let mut dropped = Vec::new();
    let spec = live.value().get("spec").unwrap_or(&Json::Null);
    let is_rewritten = |section: &Json, marks: [&str; 2]| {
        marks.iter().all(|mark| section.as_object().is_some_and(|s| s.contains_key(*mark)))
    };
    if let (Some(live), Some(config)) = (spec.get("config"), ours.pointer_mut("/spec/config"))
        && is_rewritten(live, REWRITTEN_CONFIG)
    {
        shed(config, live, CONFIG, &mut Vec::new(), &mut |path| dropped.push(format!("spec.config.{path}")));
    }
    let live_listeners = spec.get("listeners").and_then(Json::as_array);
    for listener in ours.pointer_mut("/spec/listeners").and_then(Json::as_array_mut).into_iter().flatten() {
        let key = listener_key(listener);
        let found = live_listeners.into_iter().flatten().find(|live| listener_key(live) == key);
        if let Some(live) = found.filter(|live| is_rewritten(live, REWRITTEN_LISTENER)) {
            shed(listener, live, LISTENER, &mut Vec::new(), &mut |path| {
                dropped.push(format!("spec.listeners[{key}].{path}"));
            });
        }
    }
    (ours, dropped)
}

/// Removes from `ours` what is not live and not known to the types of the open-source controller.
fn shed(ours: &mut Json, live: &Json, rows: &[Row], path: &mut Vec<String>, told: &mut dyn FnMut(String)) {
    let Some(fields) = ours.as_object_mut() else { return };
    let names: Vec<String> = fields.keys().cloned().collect();
    for name in names {
        path.push(name.clone());
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        let is_port = matches!(names.as_slice(), ["port" | "protocol"]);
        let known = is_port || rows.iter().any(|row| !row.newer && row.json == names);
        let holds_known =
            rows.iter().any(|row| !row.newer && row.json.len() > names.len() && row.json.starts_with(&names));
        match live.get(&name) {
            Some(live) if live.is_object() => {
                if let Some(inner) = fields.get_mut(&name) {
                    shed(inner, live, rows, path, told);
                }
            }
            None | Some(Json::Null) if !known && !holds_known => {
                fields.remove(&name);
                told(path.join("."));
            }
            _ => {}
        }
        path.pop();
    }
}

/// State after a refresh.
pub(crate) fn refresh(prior: &Gateway<Stored>, live: &Object, drift: &Drift, settings: &Settings) -> Gateway<Stored> {
    let seen = observe(live);
    let (before, found) = (prior.to_value(), seen.to_value());
    let mut value = section(CONFIG, &Path::root(), &before, &found, drift);
    let spec = live.value().get("spec").unwrap_or(&Json::Null);
    extra_spec(&mut value, &Path::root(), spec, drift);
    value.set("listeners", listeners(&before.attr("listeners"), &found.attr("listeners"), spec, drift));
    let mut next = Gateway::<Stored>::from_value(&value).unwrap_or_else(|error| {
        tracing::warn!(%error, "the AlbConfig has a shape that attributes cannot hold");
        prior.clone()
    });
    next.remote_clusters =
        drift.pick(&Path::attribute("remote_clusters"), &prior.remote_clusters, seen.remote_clusters.clone());
    next.zone_mappings = zone_mappings(prior, drift, seen.zone_mappings);
    refresh_metadata(&mut next, prior, live, drift, settings);
    publish(&mut next, live);
    next
}

fn refresh_metadata(
    next: &mut Gateway<Stored>,
    prior: &Gateway<Stored>,
    live: &Object,
    drift: &Drift,
    settings: &Settings,
) {
    let annotations = metadata_map(live.value(), "annotations");
    let labels = metadata_map(live.value(), "labels");
    let controllers = |key: &str| key == REMOTE_CLUSTERS || key.starts_with(ALB_PREFIX);
    let none = BTreeMap::new();
    let or_empty = |map: Option<_>| map.or_else(|| Some(BTreeMap::new()));
    next.annotations = drift.pick_map(prior.annotations.as_ref(), &annotations, || {
        imported_map(&annotations, &settings.default_annotations, controllers)
    });
    next.effective_annotations = drift.pick_map(prior.effective_annotations.as_ref(), &annotations, || {
        or_empty(imported_map(&annotations, &none, controllers))
    });
    next.extra_annotations = drift.pick_map(prior.extra_annotations.as_ref(), &annotations, || None);
    next.labels =
        drift.pick_map(prior.labels.as_ref(), &labels, || imported_map(&labels, &settings.default_labels, |_| false));
    next.effective_labels =
        drift.pick_map(prior.effective_labels.as_ref(), &labels, || or_empty(imported_map(&labels, &none, |_| false)));
}

/// A section with the live values of what drifted; on import, with all of them.
fn section(rows: &[Row], at: &Path, prior: &Value, seen: &Value, drift: &Drift) -> Value {
    let mut next = prior.clone();
    // An object whose kind became another is not the attribute's any more.
    for row in rows.iter().filter(|row| matches!(row.codec, Codec::Beside(_)) && drift.is_at(&row.path(at))) {
        row.put(&mut next, Value::Null);
    }
    let present = next.clone();
    for row in rows.iter().filter(|row| !matches!(row.codec, Codec::Beside(_) | Codec::ZoneMappings)) {
        let had = row.value(&present);
        if had.is_null() {
            if drift.is_import() {
                put_seen(row, &mut next, row.value(seen));
            }
        } else if drift.touches(&row.path(at)) {
            let live = row.value(seen);
            let none_left = live.is_null() && row.codec == Codec::Tags;
            row.put(&mut next, if none_left { Value::Map(BTreeMap::new()) } else { live });
        }
    }
    next
}

fn put_seen(row: &Row, next: &mut Value, value: Value) {
    if !value.is_null() {
        row.put(next, value);
    }
}

fn extra_spec(section: &mut Value, at: &Path, live: &Json, drift: &Drift) {
    let text = section.attr("extra_spec");
    if let Some(text) = text.as_str()
        && drift.touches(&at.attr("extra_spec"))
        && let Some(text) = extra::live_text(text, live)
    {
        section.set("extra_spec", Value::String(text));
    }
}

fn listeners(prior: &Value, seen: &Value, spec: &Json, drift: &Drift) -> Value {
    let Some(listeners) = prior.as_map() else {
        return if drift.is_import() { seen.clone() } else { Value::Null };
    };
    let at = Path::attribute("listeners");
    let kept = listeners.iter().filter_map(|(key, listener)| {
        let found = seen.attr(key);
        if found.is_null() {
            return None;
        }
        if listener.is_null() {
            return Some((key.clone(), found));
        }
        let at = at.key(key.as_str());
        let mut next = section(LISTENER, &at, listener, &found, drift);
        let live = spec.get("listeners").and_then(Json::as_array).into_iter().flatten();
        if let Some(live) = live.into_iter().find(|live| listener_key(live) == *key) {
            extra_spec(&mut next, &at, live, drift);
        }
        Some((key.clone(), next))
    });
    Value::map(kept)
}

fn zone_mappings(
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
