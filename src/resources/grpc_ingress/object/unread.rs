//! Live fields that no attribute can hold: a number that is none, JSON of another shape, a port by name.
//!
//! A refresh cannot show them in state, so the next update would take them for somebody's change after the plan and stop.
//! They travel in private data from the refresh to that update, which then knows what the plan was made from. Pure.

use serde_json::{Map, Value as Json, json};

use super::{IngressMeaning, ingress};
use crate::framework::model::Stored;
use crate::framework::private::Private;
use crate::kubernetes::{Object, differences};
use crate::resources::grpc_ingress::model::GrpcIngress;

/// Name of the private fact.
const FACT: &str = "unread";

/// Remembers what of the live object a refreshed state does not show: fields that it shows otherwise, and annotations
/// that were in the state before and have no value in it now although they are live.
pub(crate) fn remember(private: &mut Private, prior: &GrpcIngress<Stored>, state: &GrpcIngress<Stored>, live: &Object) {
    let (before, after) = (ingress(prior), ingress(state));
    let mut found: Vec<(Vec<String>, Option<Json>)> = differences(live, &after, &IngressMeaning)
        .into_iter()
        .map(|difference| (difference.path.fields().into_iter().map(str::to_owned).collect(), difference.live))
        .collect();
    let annotations = |object: &Json| object.pointer("/metadata/annotations").and_then(Json::as_object).cloned();
    let after = annotations(&after).unwrap_or_default();
    for key in annotations(&before).unwrap_or_default().keys().filter(|key| !after.contains_key(*key)) {
        if let Some(text) = live.annotation(key) {
            found.push((vec!["metadata".to_owned(), "annotations".to_owned(), key.clone()], Some(text.into())));
        }
    }
    if found.is_empty() { forget(private) } else { private.set_fact(FACT, json!(found).to_string()) }
}

/// Whether there are such fields: they are to be written back.
pub(crate) fn any(private: &Private) -> bool {
    private.fact(FACT).is_some()
}

/// The update wrote them back.
pub(crate) fn forget(private: &mut Private) {
    private.remove_fact(FACT);
}

/// What the plan was made from: the state, with the fields that it cannot show.
pub(crate) fn seen(private: &Private, state: &GrpcIngress<Stored>) -> Json {
    let mut object = ingress(state);
    for (path, value) in facts(private) {
        put(&mut object, &path, value);
    }
    object
}

fn facts(private: &Private) -> Vec<(Vec<String>, Json)> {
    private.fact(FACT).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn put(object: &mut Json, path: &[String], value: Json) {
    let Some((first, rest)) = path.split_first() else { return };
    if !object.is_object() {
        *object = Json::Object(Map::new());
    }
    let Some(fields) = object.as_object_mut() else { return };
    match (rest.is_empty(), value) {
        (true, Json::Null) => {
            fields.remove(first);
        }
        (true, value) => {
            fields.insert(first.clone(), value);
        }
        (false, value) => put(fields.entry(first.clone()).or_insert(Json::Null), rest, value),
    }
}
