//! Event recording as client-go does it: one Event per object, reason and message, counted up by patch.
//!
//! Pure: the recorder answers what to write, the runtime writes it. The numbers are client-go's
//! (`tools/record/events_cache.go`): an object may cause 25 Events at once, one more each 5 minutes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::objects::Reference;

/// Events one object may cause in a burst.
const BURST: f64 = 25.0;
/// Pause after which one more is allowed.
const REFILL: Duration = Duration::from_secs(300);
/// The component every Event of this controller names.
const COMPONENT: &str = "ingress";

/// Type, reason and message of an Event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Note {
    pub(super) warning: bool,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Note {
    pub(super) fn normal(reason: &'static str, message: impl Into<String>) -> Self {
        Self { warning: false, reason, message: message.into() }
    }

    /// A Warning. What stands before `Message:` in a cloud error is dropped, the word stays.
    pub(super) fn warning(reason: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        let start = message.find("Message:").unwrap_or(0);
        let message = message.get(start..).unwrap_or_default().to_owned();
        Self { warning: true, reason, message }
    }
}

/// What to do with an Event.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum EventWrite {
    /// Create it.
    Create { namespace: String, body: Value },
    /// Count it up: merge patch, and the body to create if it is gone.
    Patch { namespace: String, name: String, patch: Value, body: Value },
}

#[derive(Debug)]
struct Recorded {
    name: String,
    count: u64,
    first: String,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// What was recorded so far.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    recorded: BTreeMap<(String, Note), Recorded>,
    buckets: BTreeMap<String, Bucket>,
    serial: u64,
}

impl Recorder {
    /// Takes an Event; `None` if the object has caused too many. `stamp` is the time as the API shows it, `nanos` the
    /// same as a number, from which the Event's name is made.
    pub(super) fn record(
        &mut self,
        about: &Reference,
        note: &Note,
        now: Instant,
        stamp: &str,
        nanos: u128,
    ) -> Option<EventWrite> {
        let object = format!("{}/{}/{}/{}", about.kind, about.namespace, about.name, about.uid);
        let namespace = if about.namespace.is_empty() { "default".to_owned() } else { about.namespace.clone() };
        self.serial += 1;
        let serial = u128::from(self.serial);
        let key = (object.clone(), note.clone());
        let known = self.recorded.entry(key).or_insert_with(|| Recorded {
            name: format!("{}.{:016x}", about.name, (nanos + serial) & 0xffff_ffff_ffff_ffff),
            count: 0,
            first: stamp.to_owned(),
        });
        known.count += 1;
        // client-go counts first and drops afterwards, so a dropped Event still shows in the next count.
        let bucket = self.buckets.entry(object).or_insert(Bucket { tokens: BURST, at: now });
        let earned = now.duration_since(bucket.at).as_secs_f64() / REFILL.as_secs_f64();
        bucket.tokens = (bucket.tokens + earned).min(BURST);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return None;
        }
        bucket.tokens -= 1.0;
        let mut involved = json!({
            "apiVersion": about.api_version, "kind": about.kind, "name": about.name,
            "uid": about.uid, "resourceVersion": about.resource_version,
        });
        if let Some(involved) = involved.as_object_mut().filter(|_| !about.namespace.is_empty()) {
            involved.insert("namespace".to_owned(), json!(about.namespace));
        }
        let body = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": known.name, "namespace": namespace},
            "involvedObject": involved,
            "type": if note.warning { "Warning" } else { "Normal" },
            "reason": note.reason, "message": note.message, "count": known.count,
            "firstTimestamp": known.first, "lastTimestamp": stamp, "eventTime": null,
            "source": {"component": COMPONENT}, "reportingComponent": "", "reportingInstance": "",
        });
        Some(if known.count == 1 {
            EventWrite::Create { namespace, body }
        } else {
            let patch = json!({"count": known.count, "lastTimestamp": stamp});
            EventWrite::Patch { namespace, name: known.name.clone(), patch, body }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(namespace: &str) -> Reference {
        Reference {
            api_version: "networking.k8s.io/v1",
            kind: "Ingress",
            namespace: namespace.to_owned(),
            name: "grpc-ingress".to_owned(),
            uid: "u1".to_owned(),
            resource_version: "7".to_owned(),
        }
    }

    #[test]
    fn the_second_same_event_is_a_count_of_two() {
        let (mut recorder, now) = (Recorder::default(), Instant::now());
        let note = Note::normal("Sync", "Scheduled for sync");
        let first = recorder.record(&about("demo"), &note, now, "t1", 1).expect("written");
        let EventWrite::Create { namespace, body } = first else { panic!("{first:?}") };
        assert_eq!((namespace.as_str(), &body["count"]), ("demo", &json!(1)));
        assert_eq!(body["source"], json!({"component": "ingress"}));
        let second = recorder.record(&about("demo"), &note, now, "t2", 9).expect("written");
        let EventWrite::Patch { name, patch, .. } = second else { panic!("{second:?}") };
        assert_eq!(json!(name), body["metadata"]["name"]);
        assert_eq!(patch, json!({"count": 2, "lastTimestamp": "t2"}));
    }

    #[test]
    fn events_of_cluster_scoped_objects_land_in_default() {
        let write = Recorder::default().record(&about(""), &Note::warning("X", "y"), Instant::now(), "t", 1);
        let Some(EventWrite::Create { namespace, body }) = write else { panic!("{write:?}") };
        assert_eq!(namespace, "default");
        assert!(body["involvedObject"].get("namespace").is_none());
    }

    #[test]
    fn an_object_causes_at_most_25_events_at_once() {
        let (mut recorder, now) = (Recorder::default(), Instant::now());
        let note = Note::normal("Sync", "Scheduled for sync");
        let written = (0..40).filter_map(|_| recorder.record(&about("demo"), &note, now, "t", 1)).count();
        assert_eq!(written, 25);
        let later = recorder.record(&about("demo"), &note, now + REFILL, "t", 1).expect("one more");
        let EventWrite::Patch { patch, .. } = later else { panic!("{later:?}") };
        assert_eq!(patch["count"], json!(41), "dropped ones are counted");
    }

    #[test]
    fn n_a_cloud_text_starts_at_the_word_message() {
        let note = Note::warning("FailedApplyModel", "SDK.ServerError ErrorCode: X Message: The quota is exceeded.");
        assert_eq!(note.message, "Message: The quota is exceeded.");
    }
}
