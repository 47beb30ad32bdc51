//! Who wrote what: `metadata.managedFields`, and whether an object found at create time is our own.
//!
//! An atomic list has one entry for the whole list, so the writer of one of its fields is the list's *last* writer; all
//! texts therefore say "last written by".

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    FIELD_MANAGER,
    meaning::{Meaning, equal},
    object::Object,
    path::{FieldPath, Segment},
};

/// One entry of `managedFields`, without its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// Field manager.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// Subresource it wrote through, if not the object itself.
    pub subresource: Option<String>,
    /// When this entry last changed.
    pub time: Option<Timestamp>,
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "last written by \"{}\"", self.manager)?;
        self.time.map_or(Ok(()), |time| write!(f, " at {time}"))
    }
}

fn entries(object: &Object) -> impl DoubleEndedIterator<Item = (Writer, &Value)> {
    let list = object.value().pointer("/metadata/managedFields").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|entry| {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let writer = Writer {
            manager: text("manager")?.to_owned(),
            operation: text("operation").unwrap_or_default().to_owned(),
            subresource: text("subresource").filter(|name| !name.is_empty()).map(str::to_owned),
            time: text("time").and_then(|time| time.parse().ok()),
        };
        Some((writer, entry.get("fieldsV1")?))
    })
}

/// The managers of an object, in the server's order.
pub fn writers(object: &Object) -> Vec<Writer> {
    entries(object).map(|(writer, _)| writer).collect()
}

/// Who last wrote the field, or the atomic list or map that holds it.
pub fn last_writer(object: &Object, path: &FieldPath) -> Option<Writer> {
    entries(object)
        .filter(|(_, fields)| owns(fields, path.segments()))
        .map(|(writer, _)| writer)
        .max_by(|a, b| a.time.cmp(&b.time))
}

/// Whether a set of fields (`fieldsV1`) holds the path or an atomic parent of it.
fn owns(fields: &Value, path: &[Segment]) -> bool {
    let Some((segment, rest)) = path.split_first() else { return true };
    let Some(fields) = fields.as_object() else { return false };
    let child = match segment {
        Segment::Field(name) => fields.get(&format!("f:{name}")),
        Segment::Element(key) => fields.iter().find(|(name, _)| is_key(name, key)).map(|(_, child)| child),
    };
    match child {
        Some(child) => child.as_object().is_some_and(|child| child.is_empty()) || owns(child, rest),
        None => false,
    }
}

/// Whether `k:{"port":443,…}` names the element.
fn is_key(name: &str, key: &[(String, Value)]) -> bool {
    let Some(text) = name.strip_prefix("k:") else { return false };
    let Ok(Value::Object(parsed)) = serde_json::from_str(text) else { return false };
    parsed.len() == key.len() && key.iter().all(|(name, value)| parsed.get(name) == Some(value))
}

/// Whether our manager applied the object.
pub fn is_ours(object: &Object) -> bool {
    entries(object).any(|(writer, _)| writer.operation == "Apply" && writer.manager == FIELD_MANAGER)
}

/// Why an existing object is not one that our own interrupted create left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotOurs {
    /// Our manager did not apply it.
    AnotherManager(Option<Writer>),
    /// Another manager applied it too.
    SharedManager(Writer),
    /// It differs from what would be created.
    Different(Vec<FieldPath>),
    /// It is not young, by the server's clock.
    Old,
    /// Its age is not known: the server gave no time.
    AgeUnknown,
    /// This process recorded it for another resource.
    Recorded,
}

/// An interrupted create is picked up for this long.
const YOUNG: SignedDuration = SignedDuration::from_hours(24);

/// Whether `live` is what our own create of `intent` left when its answer was lost.
///
/// `marker` names a label that stands for the manager on objects that show none (a bare Namespace).
///
/// # Errors
/// The first reason why it is not.
pub fn left_by_us(
    live: &Object,
    intent: &Value,
    meaning: &dyn Meaning,
    server_time: Option<Timestamp>,
    marker: Option<&str>,
    recorded: &RecordedUids,
) -> Result<(), NotOurs> {
    let marked = marker.is_some_and(|label| live.label(label) == Some(FIELD_MANAGER));
    if !is_ours(live) && !marked {
        return Err(NotOurs::AnotherManager(entries(live).map(|(writer, _)| writer).next()));
    }
    let mut applied = entries(live).map(|(writer, _)| writer).filter(|writer| writer.operation == "Apply");
    if let Some(other) = applied.find(|writer| writer.manager != FIELD_MANAGER) {
        return Err(NotOurs::SharedManager(other));
    }
    let different = unequal_paths(live.value(), intent, meaning);
    if !different.is_empty() {
        return Err(NotOurs::Different(different));
    }
    match (live.created_at(), server_time) {
        (Some(created), Some(now)) if now.duration_since(created) < YOUNG => {}
        (Some(_), Some(_)) => return Err(NotOurs::Old),
        _ => return Err(NotOurs::AgeUnknown),
    }
    if recorded.contains(live.uid()) { Err(NotOurs::Recorded) } else { Ok(()) }
}

/// Top fields of `metadata` and `spec` that differ.
fn unequal_paths(live: &Value, intent: &Value, meaning: &dyn Meaning) -> Vec<FieldPath> {
    super::merge::our_roots(intent, &Value::Null)
        .into_iter()
        .filter(|path| !equal(path.get(live), path.get(intent), path, meaning))
        .collect()
}

/// UIDs that this process created or recorded; they are neither taken over nor deleted for another resource.
#[derive(Debug, Default)]
pub struct RecordedUids(Mutex<BTreeSet<String>>);

impl RecordedUids {
    /// Remembers a UID; `false` if it was known.
    pub fn record(&self, uid: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(uid.to_owned())
    }

    /// Whether the UID was recorded.
    pub fn contains(&self, uid: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(uid)
    }

    /// Forgets a UID: its object is gone.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kubernetes::{meaning::Plain, testing::observed};

    #[test]
    fn the_writer_of_an_atomic_list_is_named_for_its_fields() {
        let gateway = observed("AlbConfig");
        let listener = FieldPath::of(["spec", "listeners"])
            .element(vec![("port".into(), json!(443)), ("protocol".into(), json!("HTTPS"))])
            .field("idleTimeout");
        let writer = last_writer(&gateway, &listener).unwrap();
        assert_eq!((writer.manager.as_str(), writer.operation.as_str()), ("load-balancer-controller", "Update"));
        assert_eq!(writer.to_string(), "last written by \"load-balancer-controller\" at 2026-11-23T18:16:00Z");
        let name = last_writer(&gateway, &FieldPath::of(["spec", "config", "name"])).unwrap();
        assert_eq!(name.manager, "walkthrough");
        assert_eq!(last_writer(&gateway, &FieldPath::of(["spec", "config", "unknown"])), None);
        let status = last_writer(&gateway, &FieldPath::of(["status", "loadBalancer", "id"])).unwrap();
        assert_eq!(status.subresource.as_deref(), Some("status"));
    }

    fn created(managers: &[(&str, &str)]) -> Object {
        let managed: Vec<Value> = managers
            .iter()
            .map(|(manager, operation)| json!({"manager": manager, "operation": operation, "fieldsV1": {"f:spec": {}}}))
            .collect();
        Object::from(json!({"metadata": {"uid": "u1", "creationTimestamp": "2026-11-23T18:00:00Z",
            "managedFields": managed}, "spec": {"a": 1, "defaulted": true}}))
    }

    #[test]
    fn only_a_young_unchanged_unshared_object_of_ours_is_taken_for_a_lost_answer() {
        let now: Option<Timestamp> = "2026-11-23T19:00:00Z".parse().ok();
        let intent = json!({"spec": {"a": 1}});
        let recorded = RecordedUids::default();
        let judge = |live: &Object, intent: &Value, now| left_by_us(live, intent, &Plain, now, None, &recorded);
        let ours = created(&[(FIELD_MANAGER, "Apply"), ("load-balancer-controller", "Update")]);
        assert_eq!(judge(&ours, &intent, now), Ok(()));
        assert!(matches!(judge(&created(&[("kubectl", "Apply")]), &intent, now), Err(NotOurs::AnotherManager(_))));
        let shared = created(&[(FIELD_MANAGER, "Apply"), ("kubectl", "Apply")]);
        assert!(matches!(judge(&shared, &intent, now), Err(NotOurs::SharedManager(_))));
        assert!(matches!(judge(&ours, &json!({"spec": {"a": 2}}), now), Err(NotOurs::Different(_))));
        assert_eq!(judge(&ours, &intent, "2026-11-25T19:00:00Z".parse().ok()), Err(NotOurs::Old));
        assert_eq!(judge(&ours, &intent, None), Err(NotOurs::AgeUnknown));
        recorded.record("u1");
        assert_eq!(judge(&ours, &intent, now), Err(NotOurs::Recorded));
    }

    #[test]
    fn a_namespace_without_managers_is_known_by_its_label() {
        let label = "app.kubernetes.io/managed-by";
        let live = Object::from(json!({"metadata": {"uid": "u", "creationTimestamp": "2026-11-23T18:00:00Z",
            "labels": {label: FIELD_MANAGER}}}));
        let now: Option<Timestamp> = "2026-11-23T18:00:05Z".parse().ok();
        let recorded = RecordedUids::default();
        let intent = json!({"metadata": {"labels": {label: FIELD_MANAGER}}});
        assert_eq!(left_by_us(&live, &intent, &Plain, now, Some(label), &recorded), Ok(()));
        assert!(left_by_us(&live, &intent, &Plain, now, None, &recorded).is_err());
    }
}
