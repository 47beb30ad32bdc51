//! `metadata.managedFields`: read, changed by an update or an apply, written back.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::set::{FieldSet, Step};
use super::walk;
use crate::apiserver::meta;
use crate::apiserver::schema::Ty;

/// The annotation client-side apply keeps its last input in.
pub(crate) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The manager that owns what was there before the first apply to an untracked object.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";
/// The manager old update entries are folded into, and how many update entries are kept apart.
const ANCIENT_CHANGES: &str = "ancient-changes";
const MAX_UPDATE_MANAGERS: usize = 10;

/// What the manager did; ordered as entries are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Apply,
    Update,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        }
    }
}

/// Who owns a set of fields. An applier's version is not part of its identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity {
    pub(crate) manager: String,
    pub(crate) operation: Operation,
    pub(crate) api_version: String,
    pub(crate) subresource: String,
}

impl Identity {
    /// The identity of the manager of one request.
    pub(crate) fn new(manager: &str, operation: Operation, api_version: &str, subresource: &str) -> Identity {
        let api_version = if operation == Operation::Apply { "" } else { api_version };
        Identity {
            manager: manager.to_owned(),
            operation,
            api_version: api_version.to_owned(),
            subresource: subresource.to_owned(),
        }
    }

    fn describe(&self) -> String {
        let mut text = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            text.push_str(&format!(" with subresource {:?}", self.subresource));
        }
        if self.operation == Operation::Update {
            text.push_str(&format!(" using {}", self.api_version));
        }
        text
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Owned {
    set: FieldSet,
    api_version: String,
    time: Option<String>,
}

/// All managers of one object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Managers(BTreeMap<Identity, Owned>);

/// A field another manager owns with another value.
#[derive(Clone, Debug)]
pub(crate) struct Conflict {
    manager: Identity,
    path: Vec<Step>,
}

/// What a write to one object needs to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Write<'a> {
    pub(crate) ty: &'a Ty,
    pub(crate) identity: &'a Identity,
    pub(crate) api_version: &'a str,
    /// Fields this endpoint cannot change, so nobody comes to own them through it.
    pub(crate) ignored: &'a FieldSet,
    pub(crate) now: &'a str,
}

/// Server-owned metadata, never tracked.
fn untracked() -> FieldSet {
    FieldSet::of_fields(&[
        &["apiVersion"],
        &["kind"],
        &["metadata"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "creationTimestamp"],
        &["metadata", "selfLink"],
        &["metadata", "uid"],
        &["metadata", "clusterName"],
        &["metadata", "generation"],
        &["metadata", "managedFields"],
        &["metadata", "resourceVersion"],
    ])
}

impl Managers {
    /// Reads the entries; `None` if one is malformed.
    pub(crate) fn decode(entries: Option<&Value>) -> Option<Managers> {
        let mut out = BTreeMap::new();
        for entry in entries.and_then(Value::as_array).into_iter().flatten() {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
            let operation = match text("operation") {
                "Apply" => Operation::Apply,
                "Update" => Operation::Update,
                _ => return None,
            };
            let set = match entry.get("fieldsV1") {
                Some(fields) => FieldSet::from_fields_v1(fields)?,
                None => FieldSet::default(),
            };
            let api_version = text("apiVersion").to_owned();
            let identity = Identity::new(text("manager"), operation, &api_version, text("subresource"));
            let time = entry.get("time").and_then(Value::as_str).map(str::to_owned);
            out.insert(identity, Owned { set, api_version, time });
        }
        Some(Managers(out))
    }

    /// Writes the entries, in the order the server prints them.
    pub(crate) fn encode(&self) -> Value {
        let mut entries: Vec<(&Identity, &Owned)> = self.0.iter().collect();
        entries.sort_by(|(a, x), (b, y)| {
            (a.operation, &x.time, &a.manager, &x.api_version, &a.subresource).cmp(&(
                b.operation,
                &y.time,
                &b.manager,
                &y.api_version,
                &b.subresource,
            ))
        });
        let encoded = entries.into_iter().map(|(identity, owned)| {
            let mut entry = Map::new();
            entry.insert("manager".to_owned(), json!(identity.manager));
            entry.insert("operation".to_owned(), json!(identity.operation.name()));
            entry.insert("apiVersion".to_owned(), json!(owned.api_version));
            if let Some(time) = &owned.time {
                entry.insert("time".to_owned(), json!(time));
            }
            entry.insert("fieldsType".to_owned(), json!("FieldsV1"));
            entry.insert("fieldsV1".to_owned(), owned.set.to_fields_v1());
            if !identity.subresource.is_empty() {
                entry.insert("subresource".to_owned(), json!(identity.subresource));
            }
            Value::Object(entry)
        });
        Value::Array(encoded.collect())
    }

    /// Nobody owns anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes changed and removed fields from all managers but `workflow`.
    fn settle(
        &mut self,
        comparison: &walk::Comparison,
        workflow: Option<&Identity>,
        force: bool,
    ) -> Result<(), Vec<Conflict>> {
        let changed = comparison.modified.union(&comparison.added);
        let mut conflicts = Vec::new();
        let mut taken = Vec::new();
        for (identity, owned) in &self.0 {
            if Some(identity) == workflow {
                continue;
            }
            let lost = owned.set.intersection(&changed);
            if !lost.is_empty() {
                conflicts.extend(lost.paths().into_iter().map(|path| Conflict { manager: identity.clone(), path }));
                taken.push((identity.clone(), lost));
            }
        }
        if !force && !conflicts.is_empty() {
            return Err(conflicts);
        }
        for (identity, lost) in taken {
            if let Some(owned) = self.0.get_mut(&identity) {
                owned.set = owned.set.difference(&lost);
            }
        }
        for (identity, owned) in &mut self.0 {
            if Some(identity) != workflow {
                owned.set = owned.set.difference(&comparison.removed);
            }
        }
        self.0.retain(|_, owned| !owned.set.is_empty());
        Ok(())
    }

    fn strip(&mut self) {
        let untracked = untracked();
        for owned in self.0.values_mut() {
            owned.set = owned.set.difference(&untracked);
        }
        self.0.retain(|_, owned| !owned.set.is_empty());
    }

    /// Records an update (PUT, POST, any patch but apply) that turns `live` into `new`.
    pub(crate) fn update(&mut self, write: &Write<'_>, live: &Value, new: &Value) {
        let comparison = walk::compare(write.ty, live, new).excluding(write.ignored);
        // With force nothing can conflict.
        if self.settle(&comparison, None, true).is_err() {
            return;
        }
        let mut gained = comparison.modified.union(&comparison.added).recursive_difference(write.ignored);
        gained = gained.difference(&untracked());
        self.strip();
        if gained.is_empty() {
            return;
        }
        let set = match self.0.get(write.identity) {
            Some(owned) => owned.set.union(&gained),
            None => gained,
        };
        let owned = Owned { set, api_version: write.api_version.to_owned(), time: Some(write.now.to_owned()) };
        self.0.insert(write.identity.clone(), owned);
        self.cap();
    }

    /// Folds the oldest update entries together once there are too many.
    fn cap(&mut self) {
        let mut updaters: Vec<(Option<String>, Identity)> = self
            .0
            .iter()
            .filter(|(identity, _)| identity.operation == Operation::Update)
            .map(|(identity, owned)| (owned.time.clone(), identity.clone()))
            .collect();
        let mut surplus = updaters.len().saturating_sub(MAX_UPDATE_MANAGERS);
        if surplus == 0 {
            return;
        }
        updaters.sort();
        let mut first: BTreeMap<String, Identity> = BTreeMap::new();
        for (_, identity) in updaters {
            if surplus == 0 {
                return;
            }
            let version = identity.api_version.clone();
            let Some(oldest) = first.get(&version).cloned() else {
                first.insert(version, identity);
                continue;
            };
            let bucket = Identity::new(ANCIENT_CHANGES, Operation::Update, &version, "");
            if !self.0.contains_key(&bucket)
                && let Some(owned) = self.0.remove(&oldest)
            {
                self.0.insert(bucket.clone(), owned);
            }
            if let Some(owned) = self.0.remove(&identity)
                && let Some(into) = self.0.get_mut(&bucket)
            {
                into.set = into.set.union(&owned.set);
                into.time = owned.time;
            }
            surplus -= 1;
        }
    }

    /// Applies `config` to `live` and returns the new object. `empty` is the kind's empty object.
    ///
    /// # Errors
    /// The fields other managers own, unless `force`.
    pub(crate) fn apply(
        &mut self,
        write: &Write<'_>,
        empty: &Value,
        live: &Value,
        config: &Value,
        force: bool,
    ) -> Result<Value, Vec<Conflict>> {
        if self.is_empty() && live != empty {
            let before = Identity::new(BEFORE_FIRST_APPLY, Operation::Update, write.api_version, "");
            self.update(&Write { identity: &before, ..*write }, empty, live);
        }
        let former = self.clone();
        let outcome = self.try_apply(write, live, config, force);
        let mut new = match outcome {
            Ok(new) => new,
            Err(conflicts) if write.identity.manager == "kubectl" => {
                // kubectl may take over what its own client-side apply wrote.
                let allowed = last_applied(write.ty, live);
                let rest: Vec<Conflict> =
                    conflicts.into_iter().filter(|conflict| !allowed.contains(&conflict.path)).collect();
                if !rest.is_empty() {
                    return Err(rest);
                }
                *self = former.clone();
                self.try_apply(write, live, config, true)?
            }
            Err(conflicts) => return Err(conflicts),
        };
        self.strip();
        // Only a changed object dates the entry: an applier that merely joins the owners has no time, as
        // kube-apiserver 1.36.3 answers.
        if &new != live
            && let Some(owned) = self.0.get_mut(write.identity)
        {
            owned.time = Some(write.now.to_owned());
        }
        if write.identity.manager == "kubectl" {
            refresh_last_applied(&mut new, config);
        }
        Ok(new)
    }

    fn try_apply(
        &mut self,
        write: &Write<'_>,
        live: &Value,
        config: &Value,
        force: bool,
    ) -> Result<Value, Vec<Conflict>> {
        let merged = walk::merge(write.ty, live, config);
        let set = walk::field_set(write.ty, config).recursive_difference(write.ignored);
        let last = self.0.get(write.identity).cloned();
        let owned = Owned {
            set,
            api_version: write.api_version.to_owned(),
            time: last.as_ref().and_then(|owned| owned.time.clone()),
        };
        let mut next = self.clone();
        next.0.insert(write.identity.clone(), owned);
        let new = match last {
            Some(last) if !last.set.is_empty() => next.prune(write.ty, &merged, &last.set),
            Some(_) | None => merged,
        };
        let comparison = walk::compare(write.ty, live, &new).excluding(write.ignored);
        next.settle(&comparison, Some(write.identity), force)?;
        *self = next;
        Ok(new)
    }

    /// Removes what the applier set last time and nobody owns now.
    fn prune(&self, ty: &Ty, merged: &Value, last: &FieldSet) -> Value {
        let named = |set: &FieldSet| walk::with_named_fields(ty, set);
        let last = named(last);
        let all = self.0.values().fold(FieldSet::default(), |all, owned| all.union(&owned.set));
        let pruned = walk::remove(ty, merged, &last);
        let merged_set = walk::field_set(ty, merged);
        let kept = named(&walk::field_set(ty, &pruned)).union(&named(&all));
        let pruned = walk::remove(ty, merged, &named(&merged_set).difference(&kept));
        let pruned_set = named(&walk::field_set(ty, &pruned));
        walk::remove(ty, merged, &named(&merged_set).difference(&pruned_set).intersection(&last))
    }
}

fn last_applied(ty: &Ty, live: &Value) -> Vec<Vec<Step>> {
    let text = meta::annotation(live, LAST_APPLIED).unwrap_or_default();
    match serde_json::from_str::<Value>(text) {
        Ok(value) => walk::field_set(ty, &value).paths(),
        Err(_) => Vec::new(),
    }
}

fn refresh_last_applied(new: &mut Value, config: &Value) {
    if meta::annotation(new, LAST_APPLIED).is_none() {
        return;
    }
    let mut config = config.clone();
    if let Some(annotations) = config.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    meta::set(new, &["metadata", "annotations", LAST_APPLIED], json!(format!("{config}\n")));
}

/// The message and causes of a refused apply.
pub(crate) fn conflict_report(conflicts: &[Conflict]) -> (String, Vec<Value>) {
    let causes = conflicts
        .iter()
        .map(|conflict| {
            json!({
                "reason": "FieldManagerConflict",
                "message": format!("conflict with {}", conflict.manager.describe()),
                "field": super::set::display(&conflict.path),
            })
        })
        .collect();
    let message = match conflicts {
        [only] => format!(
            "Apply failed with 1 conflict: conflict with {}: {}",
            only.manager.describe(),
            super::set::display(&only.path)
        ),
        _ => {
            let mut lines = Vec::new();
            let mut current = None;
            for conflict in conflicts {
                if current != Some(&conflict.manager) {
                    lines.push(format!("conflicts with {}:", conflict.manager.describe()));
                    current = Some(&conflict.manager);
                }
                lines.push(format!("- {}", super::set::display(&conflict.path)));
            }
            format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
        }
    };
    (message, causes)
}
