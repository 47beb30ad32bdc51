//! Labels and annotations of a resource's object, from plan to refresh. What a refresh does is for resources whose objects
//! have nothing else there; the plan is everybody's.
//!
//! What the user writes is kept as written; `effective_*` hold it together with the provider's defaults, and only they are
//! sent. It must never touch a key that neither of them holds: those are other programs'.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::clients::Settings;
use crate::framework::model::{Attr, Phase, Planned, Stored};
use crate::framework::path::Path;
use crate::kubernetes::{FieldPath, Object};
use crate::resources::kubernetes_attributes::{effective, entries, imported_map, metadata_map};
use crate::resources::refresh::Drift;

/// A map of a plan.
pub(crate) type PlannedMap = Attr<BTreeMap<String, Attr<String>>>;
/// A map of a state.
pub(crate) type StoredMap = Option<BTreeMap<String, Option<String>>>;

/// The four maps of a state.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Metadata {
    pub(crate) labels: StoredMap,
    pub(crate) annotations: StoredMap,
    pub(crate) effective_labels: StoredMap,
    pub(crate) effective_annotations: StoredMap,
}

/// `effective_*` of a plan. While the provider's configuration is unknown its defaults are expected to stay.
pub(crate) fn plan(
    defaults: Option<&BTreeMap<String, String>>,
    own: &PlannedMap,
    prior: Option<(&StoredMap, &StoredMap)>,
) -> PlannedMap {
    match (defaults, prior) {
        (None, Some((prior_own, prior_effective))) if same(own, prior_own) => prior_effective
            .as_ref()
            .map(|map| map.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect())
            .into(),
        _ => effective(defaults, own),
    }
}

/// Whether a plan keeps what state has.
pub(crate) fn same(planned: &PlannedMap, prior: &StoredMap) -> bool {
    Planned::put(planned) == Stored::put(prior)
}

/// `metadata` of what we set.
pub(crate) fn intent(labels: &StoredMap, annotations: &StoredMap) -> Map<String, Json> {
    let mut metadata = Map::new();
    for (name, map) in [("labels", labels), ("annotations", annotations)] {
        let map = entries(map.as_ref());
        if !map.is_empty() {
            metadata.insert(name.to_owned(), json!(map));
        }
    }
    metadata
}

/// The attribute that a field of `metadata` comes from.
pub(crate) fn attribute(path: &FieldPath, metadata: &Metadata) -> Path {
    let has = |map: &StoredMap, key: &str| map.as_ref().is_some_and(|map| map.contains_key(key));
    match path.fields().as_slice() {
        ["metadata", "labels", key] if has(&metadata.labels, key) => Path::attribute("labels").key(*key),
        ["metadata", "labels", key] => Path::attribute("effective_labels").key(*key),
        ["metadata", "annotations", key] if has(&metadata.annotations, key) => Path::attribute("annotations").key(*key),
        ["metadata", "annotations", key] => Path::attribute("effective_annotations").key(*key),
        _ => Path::root(),
    }
}

/// The attribute that a field in the server's notation comes from.
pub(crate) fn server_attribute(field: &str) -> Path {
    match field {
        "metadata.name" => Path::attribute("name"),
        "metadata.namespace" => Path::attribute("namespace"),
        field if field.starts_with("metadata.labels") => Path::attribute("labels"),
        field if field.starts_with("metadata.annotations") => Path::attribute("annotations"),
        _ => Path::root(),
    }
}

/// The maps after a refresh. `foreign` keys are never taken by an import.
pub(crate) fn refresh(
    prior: &Metadata,
    live: &Object,
    drift: &Drift,
    settings: &Settings,
    foreign: impl Fn(&str) -> bool,
) -> Metadata {
    let (labels, annotations) = (metadata_map(live.value(), "labels"), metadata_map(live.value(), "annotations"));
    let all =
        |live: &BTreeMap<String, String>| imported_map(live, &BTreeMap::new(), &foreign).or(Some(BTreeMap::new()));
    Metadata {
        labels: drift
            .pick_map(prior.labels.as_ref(), &labels, || imported_map(&labels, &settings.default_labels, &foreign)),
        annotations: drift.pick_map(prior.annotations.as_ref(), &annotations, || {
            imported_map(&annotations, &settings.default_annotations, &foreign)
        }),
        effective_labels: drift.pick_map(prior.effective_labels.as_ref(), &labels, || all(&labels)),
        effective_annotations: drift.pick_map(prior.effective_annotations.as_ref(), &annotations, || all(&annotations)),
    }
}
