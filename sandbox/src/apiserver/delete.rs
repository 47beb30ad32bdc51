//! Deletion: preconditions, finalizers, collections, and the namespace and garbage controllers the real cluster runs
//! beside its API server.

use std::sync::Arc;

use serde_json::{Value, json};

use super::engine::{DEFINITIONS, Engine, NAMESPACES, State, is_namespace};
use super::resource::Resource;
use super::selector::Selector;
use super::status::{self, ApiError, Named};
use super::storage::Key;
use super::{meta, write};

/// The `DeleteOptions` of one call, from body and query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) dry_run: bool,
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
    pub(crate) propagation: String,
}

impl Options {
    /// Reads the body of a delete.
    pub(crate) fn parse(body: &Value) -> Options {
        let text = |path: &[&str]| meta::get(body, path).and_then(Value::as_str).map(str::to_owned);
        Options {
            dry_run: meta::list(body, &["dryRun"]).contains(&json!("All")),
            uid: text(&["preconditions", "uid"]),
            resource_version: text(&["preconditions", "resourceVersion"]),
            propagation: text(&["propagationPolicy"]).unwrap_or_default(),
        }
    }
}

impl Engine {
    /// DELETE of one object. Answers the object while finalizers hold it, else a `Status`.
    pub(crate) fn delete(&self, target: &write::Target, options: &Options) -> Result<Value, ApiError> {
        let mut state = self.lock();
        let resource = &target.resource;
        let Some(live) = state.store.get(&resource.bucket(), &target.key) else {
            return Err(ApiError::not_found(resource.named(), &target.key.1));
        };
        check_preconditions(resource, &live, options)?;
        if is_namespace(resource) && matches!(target.key.1.as_str(), "default" | "kube-system" | "kube-public") {
            return Err(ApiError::forbidden(resource.named(), &target.key.1, "this namespace may not be deleted"));
        }
        let kept = self.remove(&mut state, resource, &target.key, &live, options);
        self.announce(&state);
        Ok(match kept {
            Some(object) => object.as_ref().clone(),
            None => status::deleted(resource.named(), &target.key.1, meta::uid(&live)),
        })
    }

    /// DELETE of a collection. Answers the list of what was there.
    pub(crate) fn delete_collection(
        &self,
        resource: &Resource,
        namespace: &str,
        selector: &Selector,
        options: &Options,
    ) -> Value {
        let mut state = self.lock();
        let chosen: Vec<(Key, Arc<Value>)> = state
            .store
            .objects(&resource.bucket())
            .filter(|((place, _), object)| (namespace.is_empty() || place == namespace) && selector.matches(object))
            .map(|(key, object)| (key.clone(), object.clone()))
            .collect();
        for (key, object) in &chosen {
            self.remove(&mut state, resource, key, object, options);
        }
        self.announce(&state);
        let mut items: Vec<Value> = chosen.into_iter().map(|(_, object)| object.as_ref().clone()).collect();
        // The server leaves the type out of the items of built-in lists.
        for item in items.iter_mut().filter(|_| resource.builtin.is_some()).filter_map(Value::as_object_mut) {
            item.remove("apiVersion");
            item.remove("kind");
        }
        json!({
            "kind": resource.list_kind,
            "apiVersion": resource.api_version(),
            "metadata": {"resourceVersion": state.store.version().to_string()},
            "items": items,
        })
    }

    /// Removes an object, or marks it while finalizers hold it and returns it.
    fn remove(
        &self,
        state: &mut State,
        resource: &Resource,
        key: &Key,
        live: &Arc<Value>,
        options: &Options,
    ) -> Option<Arc<Value>> {
        let bucket = resource.bucket();
        let namespace_holds = is_namespace(resource) && !meta::list(live, &["spec", "finalizers"]).is_empty();
        if meta::finalizers(live).is_empty() && !namespace_holds {
            if !options.dry_run {
                state.store.delete(&bucket, key);
                self.after_removal(state, &bucket, live, options);
            }
            return None;
        }
        if meta::is_terminating(live) {
            return Some(live.clone());
        }
        let mut object = live.as_ref().clone();
        meta::set(&mut object, &["metadata", "deletionTimestamp"], json!(self.now_text()));
        meta::set(&mut object, &["metadata", "deletionGracePeriodSeconds"], json!(0));
        if is_namespace(resource) {
            meta::set(&mut object, &["status", "phase"], json!("Terminating"));
            meta::remove(&mut object, &["metadata", "deletionGracePeriodSeconds"]);
        } else if resource.has_generation {
            let generation = meta::integer(&object, &["metadata", "generation"]) + 1;
            meta::set(&mut object, &["metadata", "generation"], json!(generation));
        }
        if options.dry_run {
            return Some(Arc::new(object));
        }
        Some(state.store.put(&bucket, key.clone(), object))
    }

    fn after_removal(&self, state: &mut State, bucket: &str, gone: &Value, options: &Options) {
        if bucket == DEFINITIONS {
            let dead = super::resource::bucket(
                meta::text(gone, &["spec", "group"]),
                meta::text(gone, &["spec", "names", "plural"]),
            );
            let keys: Vec<Key> = state.store.objects(&dead).map(|(key, _)| key.clone()).collect();
            for key in keys {
                state.store.delete(&dead, &key);
            }
            state.refresh_definitions();
        }
        self.settle_dependents(state, meta::uid(gone), options.propagation == "Orphan");
    }

    /// What the garbage collector does when an owner is gone: the dependents follow, or lose the reference.
    fn settle_dependents(&self, state: &mut State, owner: &str, orphan: bool) {
        let refers = |object: &Value| {
            meta::list(object, &["metadata", "ownerReferences"]).iter().any(|one| meta::text(one, &["uid"]) == owner)
        };
        let mut found = Vec::new();
        for resource in self.served(state) {
            let bucket = resource.bucket();
            let objects = state.store.objects(&bucket).filter(|(_, object)| refers(object));
            found.extend(
                objects.map(|(key, object)| (resource.clone(), key.clone(), object.clone())).collect::<Vec<_>>(),
            );
        }
        for (resource, key, object) in found {
            let mut rest = object.as_ref().clone();
            if let Some(owners) = rest.pointer_mut("/metadata/ownerReferences").and_then(Value::as_array_mut) {
                owners.retain(|one| meta::text(one, &["uid"]) != owner);
            }
            let has_other_owner = !meta::list(&rest, &["metadata", "ownerReferences"]).is_empty();
            if orphan || has_other_owner {
                state.store.put(&resource.bucket(), key, rest);
            } else {
                self.remove(state, &resource, &key, &object, &Options::default());
            }
        }
    }

    fn served(&self, state: &State) -> Vec<Arc<Resource>> {
        self.builtins().chain(state.custom()).cloned().collect()
    }

    /// One pass of the namespace controller: empties terminating namespaces and removes the empty ones.
    pub(crate) fn sweep_namespaces(&self) {
        let mut state = self.lock();
        let dying: Vec<(Key, Arc<Value>)> = state
            .store
            .objects(NAMESPACES)
            .filter(|(_, object)| meta::is_terminating(object))
            .map(|(key, object)| (key.clone(), object.clone()))
            .collect();
        for (key, object) in dying {
            let name = key.1.as_str();
            let mut left = 0_usize;
            for resource in self.served(&state) {
                if !resource.namespaced {
                    continue;
                }
                let inside: Vec<(Key, Arc<Value>)> = state
                    .store
                    .objects(&resource.bucket())
                    .filter(|((place, _), _)| place == name)
                    .map(|(key, object)| (key.clone(), object.clone()))
                    .collect();
                for (inner, content) in inside {
                    if self.remove(&mut state, &resource, &inner, &content, &Options::default()).is_some() {
                        left += 1;
                    }
                }
            }
            if left > 0 {
                continue;
            }
            let mut last = object.as_ref().clone();
            if let Some(finalizers) = last.pointer_mut("/spec/finalizers").and_then(Value::as_array_mut) {
                finalizers.retain(|one| one != "kubernetes");
            }
            if meta::finalizers(&last).is_empty() && meta::list(&last, &["spec", "finalizers"]).is_empty() {
                state.store.delete(NAMESPACES, &key);
                self.settle_dependents(&mut state, meta::uid(&object), false);
            } else if last != *object {
                state.store.put(NAMESPACES, key, last);
            }
        }
        self.announce(&state);
    }
}

fn check_preconditions(resource: &Resource, live: &Value, options: &Options) -> Result<(), ApiError> {
    let named: Named<'_> = resource.named();
    if let Some(wanted) = &options.uid
        && wanted != meta::uid(live)
    {
        let detail = format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({}). The object might have been \
             deleted and then recreated",
            meta::uid(live)
        );
        return Err(ApiError::conflict_on(named, &resource.kind, meta::name(live), &detail));
    }
    if let Some(wanted) = &options.resource_version
        && wanted != meta::resource_version(live)
    {
        let detail = format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({}). The \
             object might have been modified",
            meta::resource_version(live)
        );
        return Err(ApiError::conflict_on(named, &resource.kind, meta::name(live), &detail));
    }
    Ok(())
}
