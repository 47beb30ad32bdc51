//! The controller's Events about an object: listed and watched, as a log without repetition.
//!
//! Events of cluster-scoped objects live in namespace `default`. The recorder aggregates: one Event object, a growing
//! count.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    api::FleetApi,
    error::Error,
    object::{Kind, Object, ObjectRef, encode},
    watch::{ObjectWatch, WatchEvent},
};

/// Whose Events are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventTarget {
    /// The object.
    pub object: ObjectRef,
    /// Its UID; with it Events of a namesake are left out.
    pub uid: Option<String>,
}

impl EventTarget {
    fn namespace(&self) -> &str {
        self.object.namespace.as_deref().unwrap_or("default")
    }

    fn selector(&self) -> String {
        let mut fields =
            format!("involvedObject.kind={},involvedObject.name={}", self.object.kind.kind, self.object.name);
        if let Some(uid) = &self.uid {
            fields.push_str(",involvedObject.uid=");
            fields.push_str(uid);
        }
        format!("fieldSelector={}", encode(&fields))
    }
}

/// One Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `Normal` or `Warning`.
    pub kind: String,
    /// Reason, such as `FailedApplyModel`.
    pub reason: String,
    /// Text, without surrounding space.
    pub message: String,
    /// How often it happened.
    pub count: u64,
    /// First time.
    pub first: Option<Timestamp>,
    /// Last time.
    pub last: Option<Timestamp>,
    /// Request id of the cloud, if the text holds one.
    pub request_id: Option<String>,
    /// Kind of the object it is about.
    pub about_kind: String,
    /// Namespace of the object it is about; empty for a cluster-scoped one.
    pub about_namespace: String,
    /// Name of the object it is about.
    pub about_name: String,
}

impl Event {
    /// Reads a core Event.
    pub fn parse(object: &Object) -> Self {
        let value = object.value();
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
        let time = |pointers: &[&str]| {
            pointers.iter().find_map(|pointer| value.pointer(pointer)?.as_str()?.parse::<Timestamp>().ok())
        };
        let count = ["/series/count", "/count"].iter().find_map(|pointer| value.pointer(pointer)?.as_u64());
        let message = text("/message");
        Self {
            kind: text("/type"),
            reason: text("/reason"),
            request_id: request_id(&message),
            message,
            count: count.unwrap_or(1).max(1),
            first: time(&["/firstTimestamp", "/eventTime", "/metadata/creationTimestamp"]),
            last: time(&["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"]),
            about_kind: text("/involvedObject/kind"),
            about_namespace: text("/involvedObject/namespace"),
            about_name: text("/involvedObject/name"),
        }
    }

    /// Whether it is about this object.
    pub fn is_about(&self, object: &ObjectRef) -> bool {
        self.about_kind == object.kind.kind && self.about_name == object.name
    }

    /// Whether it is a Warning.
    pub fn is_warning(&self) -> bool {
        self.kind == "Warning"
    }
}

/// The id after words such as `RequestId:` or `request id`, in the cloud's form (UUID).
fn request_id(message: &str) -> Option<String> {
    let lower = message.to_ascii_lowercase();
    let after = ["requestid", "request id", "request-id", "request_id"]
        .iter()
        .filter_map(|word| lower.find(word).map(|at| at + word.len()))
        .min()?;
    // ASCII lowering keeps every byte offset.
    let rest = message.get(after..)?;
    rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').find(|token| is_uuid(token)).map(str::to_owned)
}

fn is_uuid(token: &str) -> bool {
    let lengths: Vec<usize> = token.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && token.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// The Events seen so far, with their latest counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventLog(BTreeMap<String, Event>);

impl EventLog {
    /// Takes in what a watch tells. Expired Events stay: they happened. Says whether anything new was told.
    pub fn observe(&mut self, told: &WatchEvent) -> bool {
        match told {
            WatchEvent::Listed(items) => items.iter().filter(|item| self.insert(item)).count() > 0,
            WatchEvent::Changed(item) => self.insert(item),
            WatchEvent::Deleted(_) => false,
        }
    }

    fn insert(&mut self, object: &Object) -> bool {
        let key = if object.uid().is_empty() { object.name() } else { object.uid() };
        let event = Event::parse(object);
        let old = self.0.insert(key.to_owned(), event.clone());
        old != Some(event)
    }

    /// How often Events of this reason were recorded about an object.
    pub fn count(&self, about: &ObjectRef, reason: &str) -> u64 {
        self.0.values().filter(|event| event.is_about(about) && event.reason == reason).map(|event| event.count).sum()
    }

    /// How often Events of this reason were recorded, about whichever object: for the log of one object.
    pub fn total(&self, reason: &str) -> u64 {
        self.0.values().filter(|event| event.reason == reason).map(|event| event.count).sum()
    }

    /// Newest first; Events of the same type, reason and text about one object are shown once.
    pub fn newest_first(&self) -> Vec<Event> {
        let mut events: Vec<Event> = Vec::new();
        let mut all: Vec<&Event> = self.0.values().collect();
        all.sort_by(|a, b| b.last.cmp(&a.last).then_with(|| a.reason.cmp(&b.reason)));
        for event in all {
            let same = events.iter_mut().find(|known| {
                (&known.kind, &known.reason, &known.message, &known.about_kind, &known.about_name)
                    == (&event.kind, &event.reason, &event.message, &event.about_kind, &event.about_name)
            });
            match same {
                Some(known) => {
                    known.count += event.count;
                    known.first = [known.first, event.first].into_iter().flatten().min();
                }
                None => events.push(event.clone()),
            }
        }
        events
    }

    /// The Warnings, newest first.
    pub fn warnings(&self) -> Vec<Event> {
        self.newest_first().into_iter().filter(Event::is_warning).collect()
    }
}

impl FleetApi {
    /// The Events about an object.
    ///
    /// # Errors
    /// What the server answered; a refusal ([`Error::is_forbidden`]) only means: no Events.
    pub async fn events(&self, target: &EventTarget) -> Result<EventLog, Error> {
        let listing = self.list(Kind::EVENT, Some(target.namespace()), Some(&target.selector())).await?;
        let mut log = EventLog::default();
        log.observe(&WatchEvent::Listed(listing.items));
        Ok(log)
    }

    /// Watches the Events about an object, beginning with all there are.
    pub fn watch_events(&self, target: &EventTarget) -> ObjectWatch {
        ObjectWatch::of_selection(self, Kind::EVENT, Some(target.namespace()), Some(target.selector()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kubernetes::testing::observed_events;

    #[test]
    fn recorded_events_are_read_and_shown_newest_first() {
        let mut log = EventLog::default();
        assert!(log.observe(&WatchEvent::Listed(observed_events())));
        assert!(!log.observe(&WatchEvent::Listed(observed_events())), "nothing new");
        let gateway = ObjectRef::cluster(Kind::ALB_CONFIG, "ackone-gateway-demo");
        assert_eq!(log.count(&gateway, "SuccessfullyReconciled"), 3);
        let warnings = log.warnings();
        assert_eq!(warnings.len(), 1);
        assert_eq!(warnings[0].message, "apply  failed listenerPort 443 errMsgs empty https listener default certs");
        assert_eq!((warnings[0].count, warnings[0].about_kind.as_str()), (2, "AlbConfig"));
        let times: Vec<_> = log.newest_first().into_iter().map(|event| event.last).collect();
        assert!(times.windows(2).all(|pair| pair[0] >= pair[1]), "{times:?}");
    }

    #[test]
    fn the_same_text_is_shown_once_and_the_request_id_is_found() {
        let event = |uid: &str, second: u32| {
            Object::from(json!({"metadata": {"uid": uid}, "type": "Warning", "reason": "FailedApplyModel", "count": 2,
                "message": "Message: The quota is exceeded. RequestId: 0F8E8C5A-1B2C-3D4E-5F60-7182939495A6, x",
                "involvedObject": {"kind": "AlbConfig", "name": "g"},
                "lastTimestamp": format!("2026-11-23T18:00:{second:02}Z")}))
        };
        let mut log = EventLog::default();
        log.observe(&WatchEvent::Changed(event("a", 1)));
        log.observe(&WatchEvent::Changed(event("b", 9)));
        log.observe(&WatchEvent::Deleted(event("b", 9)));
        let shown = log.warnings();
        assert_eq!((shown.len(), shown[0].count), (1, 4));
        assert_eq!(shown[0].request_id.as_deref(), Some("0F8E8C5A-1B2C-3D4E-5F60-7182939495A6"));
        assert_eq!(shown[0].last.unwrap().to_string(), "2026-11-23T18:00:09Z");
        assert_eq!(request_id("no id here 0F8E8C5A-1B2C-3D4E-5F60-7182939495A6"), None);
    }

    #[test]
    fn cluster_scoped_objects_have_their_events_in_default() {
        let target = EventTarget { object: ObjectRef::cluster(Kind::ALB_CONFIG, "g"), uid: Some("u".into()) };
        assert_eq!(target.namespace(), "default");
        assert_eq!(
            target.selector(),
            "fieldSelector=involvedObject.kind%3DAlbConfig%2CinvolvedObject.name%3Dg%2CinvolvedObject.uid%3Du"
        );
    }
}
