//! The store: objects by resource, one version counter, a bounded history for watches and paging.
//!
//! Pure data behind the server's lock; knows nothing of HTTP, users or schemas.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};

use super::meta;

/// Where versions begin. As in a real cluster, that has a past by the time anybody asks, no object has version 1 and
/// nobody can watch from there.
const FIRST_VERSION: u64 = 200;

/// Namespace (empty for cluster scope) and name.
pub(crate) type Key = (String, String);
/// The objects of one resource.
pub(crate) type Bucket = BTreeMap<Key, Arc<Value>>;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Added,
    Modified,
    Deleted,
}

/// One entry of the history.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) bucket: String,
    pub(crate) key: Key,
    pub(crate) kind: ChangeKind,
    pub(crate) object: Arc<Value>,
    pub(crate) previous: Option<Arc<Value>>,
}

/// The whole store.
#[derive(Debug)]
pub(crate) struct Store {
    version: u64,
    buckets: BTreeMap<String, Bucket>,
    history: VecDeque<Change>,
    history_limit: usize,
    /// Versions up to this one are no longer in the history.
    compacted: u64,
}

impl Store {
    pub(crate) fn new(history_limit: usize) -> Store {
        Store {
            version: FIRST_VERSION,
            buckets: BTreeMap::new(),
            history: VecDeque::new(),
            history_limit,
            compacted: FIRST_VERSION,
        }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn compacted(&self) -> u64 {
        self.compacted
    }

    pub(crate) fn set_history_limit(&mut self, limit: usize) {
        self.history_limit = limit;
        self.trim();
    }

    /// Forgets all history: older versions can no longer be watched or paged from.
    pub(crate) fn compact(&mut self) {
        self.history.clear();
        self.compacted = self.version;
    }

    pub(crate) fn get(&self, bucket: &str, key: &Key) -> Option<Arc<Value>> {
        self.buckets.get(bucket).and_then(|objects| objects.get(key)).cloned()
    }

    /// The objects of a resource now.
    pub(crate) fn objects(&self, bucket: &str) -> impl Iterator<Item = (&Key, &Arc<Value>)> {
        self.buckets.get(bucket).into_iter().flatten()
    }

    /// The objects of a resource as they were at `version`; `None` if that is no longer known.
    pub(crate) fn objects_at(&self, bucket: &str, version: u64) -> Option<Bucket> {
        if version < self.compacted {
            return None;
        }
        let mut objects = self.buckets.get(bucket).cloned().unwrap_or_default();
        for change in self.history.iter().rev() {
            if change.version <= version {
                break;
            }
            if change.bucket != bucket {
                continue;
            }
            match &change.previous {
                Some(previous) => objects.insert(change.key.clone(), previous.clone()),
                None => objects.remove(&change.key),
            };
        }
        Some(objects)
    }

    /// The changes after `version`; `None` if they are no longer known.
    pub(crate) fn changes_since(&self, version: u64) -> Option<impl Iterator<Item = &Change>> {
        if version < self.compacted {
            return None;
        }
        let start = self.history.partition_point(|change| change.version <= version);
        Some(self.history.range(start..))
    }

    /// Stores an object under the next version and returns it as stored.
    pub(crate) fn put(&mut self, bucket: &str, key: Key, mut object: Value) -> Arc<Value> {
        self.version += 1;
        meta::set(&mut object, &["metadata", "resourceVersion"], json!(self.version.to_string()));
        let object = Arc::new(object);
        let previous = self.buckets.entry(bucket.to_owned()).or_default().insert(key.clone(), object.clone());
        let kind = if previous.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
        self.record(Change {
            version: self.version,
            bucket: bucket.to_owned(),
            key,
            kind,
            object: object.clone(),
            previous,
        });
        object
    }

    /// Removes an object and returns its last form.
    pub(crate) fn delete(&mut self, bucket: &str, key: &Key) -> Option<Arc<Value>> {
        let previous = self.buckets.get_mut(bucket)?.remove(key)?;
        self.version += 1;
        let mut last = previous.as_ref().clone();
        meta::set(&mut last, &["metadata", "resourceVersion"], json!(self.version.to_string()));
        let object = Arc::new(last);
        self.record(Change {
            version: self.version,
            bucket: bucket.to_owned(),
            key: key.clone(),
            kind: ChangeKind::Deleted,
            object: object.clone(),
            previous: Some(previous),
        });
        Some(object)
    }

    fn record(&mut self, change: Change) {
        self.history.push_back(change);
        self.trim();
    }

    fn trim(&mut self) {
        while self.history.len() > self.history_limit {
            if let Some(change) = self.history.pop_front() {
                self.compacted = change.version;
            }
        }
    }

    /// The whole content, for a state file. History is not kept: watches start over after a restore.
    pub(crate) fn snapshot(&self) -> Value {
        let buckets: BTreeMap<&String, Vec<&Value>> =
            self.buckets.iter().map(|(name, objects)| (name, objects.values().map(Arc::as_ref).collect())).collect();
        json!({"resourceVersion": self.version, "objects": buckets})
    }

    /// Replaces the content by a snapshot's; `None` if it is not one.
    pub(crate) fn restore(&mut self, snapshot: &Value) -> Option<()> {
        let version = snapshot.get("resourceVersion").and_then(Value::as_u64)?;
        let mut buckets = BTreeMap::new();
        for (name, objects) in snapshot.get("objects").and_then(Value::as_object)? {
            let mut bucket = Bucket::new();
            for object in objects.as_array()? {
                let key = (meta::namespace(object).to_owned(), meta::name(object).to_owned());
                bucket.insert(key, Arc::new(object.clone()));
            }
            buckets.insert(name.clone(), bucket);
        }
        self.buckets = buckets;
        self.version = version.max(self.version);
        self.compact();
        Some(())
    }
}
