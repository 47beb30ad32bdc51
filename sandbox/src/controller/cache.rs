//! The controller's caches and what a change in them sets off.
//!
//! Fed by the runtime with what the watches deliver, read by syncs and passes. Pure: a change goes in, triggers come
//! out. Which Ingress belongs to which AlbConfig, which events are not noticed (class updates, Secret deletions, edits
//! under a deleted class) and the blindness after an undecodable AlbConfig are decided here.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Generation;
use super::albconfig;
use super::objects::{AlbConfig, HASH_LABEL, Ingress, IngressClass, Secret};

/// `spec.controller` of the classes this controller serves.
const CLASS_CONTROLLER: &str = "ingress.k8s.alibabacloud/alb";
/// The AlbConfig of Ingresses whose class cannot be read.
const FALLBACK: &str = "default";

/// The kinds the controller watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    IngressClass,
    Secret,
    AlbConfig,
    Ingress,
}

/// What a change sets off.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Trigger {
    /// An Ingress is accepted for sync: emits `Sync`, then starts a pass of its AlbConfig.
    Sync {
        /// The Ingress as it is, or last was.
        ingress: Box<Ingress>,
        /// The AlbConfig it belongs to, or why that cannot be told.
        albconfig: Result<String, String>,
    },
    /// An AlbConfig changed by itself.
    Pass(String),
    /// AlbConfigs can be decoded again; the list is retried after the back-off.
    Relist,
}

/// Which AlbConfig an Ingress belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// None of ours.
    Foreign,
    /// This one.
    AlbConfig(String),
    /// The class is ours and names none.
    Unreferenced(String),
}

/// Everything the controller knows of the Fleet.
#[derive(Default)]
pub(super) struct Cache {
    generation: Generation,
    classes: BTreeMap<String, IngressClass>,
    secrets: BTreeMap<String, Secret>,
    ingresses: BTreeMap<String, Ingress>,
    albconfigs: BTreeMap<String, AlbConfig>,
    /// As the API server has them; differs from `albconfigs` while one of them cannot be decoded.
    stored: BTreeMap<String, AlbConfig>,
    blind: bool,
}

impl Cache {
    pub(super) fn new(generation: Generation) -> Self {
        Self { generation, ..Self::default() }
    }

    pub(super) fn albconfig(&self, name: &str) -> Option<&AlbConfig> {
        self.albconfigs.get(name)
    }

    pub(super) fn albconfigs(&self) -> impl Iterator<Item = &AlbConfig> {
        self.albconfigs.values()
    }

    pub(super) fn ingress(&self, key: &str) -> Option<&Ingress> {
        self.ingresses.get(key)
    }

    pub(super) fn secret(&self, id: &str) -> Option<&Secret> {
        self.secrets.get(id)
    }

    /// An object appeared or changed.
    pub(super) fn upsert(&mut self, kind: Kind, raw: &Value) -> Vec<Trigger> {
        match kind {
            Kind::IngressClass => IngressClass::parse(raw).map_or_else(Vec::new, |class| self.upsert_class(class)),
            Kind::Secret => Secret::parse(raw).map_or_else(Vec::new, |secret| self.upsert_secret(secret)),
            Kind::Ingress => Ingress::parse(raw).map_or_else(Vec::new, |ingress| self.upsert_ingress(ingress)),
            Kind::AlbConfig => match AlbConfig::parse(raw) {
                Some(albconfig) => {
                    self.stored.insert(albconfig.meta.name.clone(), albconfig);
                    self.note_albconfigs()
                }
                None => Vec::new(),
            },
        }
    }

    /// An object is gone.
    pub(super) fn remove(&mut self, kind: Kind, raw: &Value) -> Vec<Trigger> {
        match kind {
            Kind::IngressClass => {
                IngressClass::parse(raw).map(|class| self.classes.remove(&class.name));
                Vec::new()
            }
            // Not noticed: the listener keeps serving what was uploaded (situation m).
            Kind::Secret => {
                Secret::parse(raw).map(|secret| self.secrets.remove(&secret.id()));
                Vec::new()
            }
            Kind::AlbConfig => {
                AlbConfig::parse(raw).map(|albconfig| self.stored.remove(&albconfig.meta.name));
                self.note_albconfigs()
            }
            Kind::Ingress => {
                let Some(ingress) = Ingress::parse(raw) else { return Vec::new() };
                self.ingresses.remove(&ingress.key());
                self.sync(ingress).into_iter().collect()
            }
        }
    }

    /// A fresh list: what is missing from it is gone.
    pub(super) fn replace(&mut self, kind: Kind, list: &[Value]) -> Vec<Trigger> {
        let key = |raw: &Value| {
            let at = |pointer: &str| raw.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            (at("/metadata/namespace").to_owned(), at("/metadata/name").to_owned())
        };
        let listed: Vec<_> = list.iter().map(key).collect();
        let gone = |namespace: &str, name: &str| {
            !listed.iter().any(|(listed_namespace, listed)| listed_namespace == namespace && listed == name)
        };
        let mut triggers = Vec::new();
        match kind {
            Kind::IngressClass => self.classes.retain(|name, _| !gone("", name)),
            Kind::Secret => self.secrets.retain(|_, secret| !gone(&secret.namespace, &secret.name)),
            Kind::AlbConfig => self.stored.retain(|name, _| !gone("", name)),
            Kind::Ingress => {
                let vanished: Vec<_> = self
                    .ingresses
                    .values()
                    .filter(|ingress| gone(&ingress.meta.namespace, &ingress.meta.name))
                    .cloned()
                    .collect();
                for ingress in vanished {
                    self.ingresses.remove(&ingress.key());
                    triggers.extend(self.sync(ingress));
                }
            }
        }
        if kind == Kind::AlbConfig && list.is_empty() {
            triggers.extend(self.note_albconfigs());
        }
        for raw in list {
            triggers.extend(self.upsert(kind, raw));
        }
        triggers
    }

    /// The list of AlbConfigs is tried again after blindness.
    pub(super) fn relist(&mut self) -> Vec<Trigger> {
        if self.undecodable() {
            return Vec::new();
        }
        self.blind = false;
        self.publish_albconfigs()
    }

    /// Which AlbConfig an Ingress belongs to. The class field wins over the annotation; the annotation value `alb` is
    /// taken even without a class of that name.
    pub(super) fn owner(&self, ingress: &Ingress) -> Owner {
        let by_class = |name: &str| match self.classes.get(name) {
            Some(class) if class.controller == CLASS_CONTROLLER => Some(match &class.albconfig {
                Some(albconfig) => Owner::AlbConfig(albconfig.clone()),
                None => Owner::Unreferenced(name.to_owned()),
            }),
            _ => None,
        };
        if let Some(name) = &ingress.spec.ingress_class_name {
            return by_class(name).unwrap_or(Owner::Foreign);
        }
        match ingress.meta.annotations.get("kubernetes.io/ingress.class").map(String::as_str) {
            Some("alb") => by_class("alb").unwrap_or_else(|| Owner::AlbConfig(FALLBACK.to_owned())),
            Some(name) => by_class(name).unwrap_or(Owner::Foreign),
            None => Owner::Foreign,
        }
    }

    /// The Ingresses of an AlbConfig's stack, in order of `order` and name.
    ///
    /// # Errors
    ///
    /// The key of the Ingress to blame, if there is one, and the controller's text.
    pub(super) fn stack(&self, albconfig: &str) -> Result<Vec<Ingress>, (Option<String>, String)> {
        let mut stack = Vec::new();
        let mut explicit: BTreeMap<i64, String> = BTreeMap::new();
        for ingress in self.ingresses.values().filter(|ingress| ingress.meta.deletion_timestamp.is_none()) {
            match self.owner(ingress) {
                Owner::AlbConfig(owner) if owner == albconfig => {}
                Owner::Unreferenced(class) => return Err((Some(ingress.key()), unreferenced(&class))),
                Owner::AlbConfig(_) | Owner::Foreign => continue,
            }
            let key = ingress.key();
            let order = match ingress.meta.trimmed("albconfig.order").or_else(|| ingress.meta.trimmed("order")) {
                None => 10,
                Some(text) => {
                    let order: i64 = text.parse().map_err(|_| {
                        let why = format!("strconv.ParseInt: parsing \"{text}\": invalid syntax");
                        (Some(key.clone()), format!("failed to load Ingress group order for ingress: {key}: {why}"))
                    })?;
                    if !(1..=1000).contains(&order) {
                        return Err((
                            Some(key.clone()),
                            format!(
                                "explicit Ingress group order must be within [1:1000], Ingress: {key}, order: {order}"
                            ),
                        ));
                    }
                    if let Some(other) = explicit.insert(order, key.clone())
                        && self.generation == Generation::OpenSource
                    {
                        return Err((
                            Some(key.clone()),
                            format!("conflict Ingress group order: {order}, conflict ingress :{other}, {key}"),
                        ));
                    }
                    order
                }
            };
            stack.push((order, key, ingress.clone()));
        }
        stack.sort_by(|left, right| (left.0, &left.1).cmp(&(right.0, &right.1)));
        Ok(stack.into_iter().map(|(_, _, ingress)| ingress).collect())
    }

    /// Ingresses of the stack whatever their annotations: who hears of a failure.
    pub(super) fn members(&self, albconfig: &str) -> Vec<Ingress> {
        let owned = |ingress: &&Ingress| self.owner(ingress) == Owner::AlbConfig(albconfig.to_owned());
        self.ingresses.values().filter(owned).cloned().collect()
    }

    fn sync(&self, ingress: Ingress) -> Option<Trigger> {
        let albconfig = match self.owner(&ingress) {
            Owner::Foreign => return None,
            Owner::AlbConfig(albconfig) => Ok(albconfig),
            Owner::Unreferenced(class) => Err(unreferenced(&class)),
        };
        Some(Trigger::Sync { ingress: Box::new(ingress), albconfig })
    }

    fn upsert_ingress(&mut self, ingress: Ingress) -> Vec<Trigger> {
        let key = ingress.key();
        let before = self.ingresses.insert(key, ingress.clone());
        if before.as_ref().is_some_and(|before| before.hash == ingress.hash) {
            return Vec::new();
        }
        if ingress.meta.labels.get(HASH_LABEL) == Some(&ingress.hash) {
            return Vec::new();
        }
        let mut triggers = Vec::new();
        if let Some(before) = before
            && let Owner::AlbConfig(left) = self.owner(&before)
            && self.owner(&ingress) != Owner::AlbConfig(left.clone())
        {
            triggers.push(Trigger::Pass(left));
        }
        triggers.extend(self.sync(ingress));
        triggers
    }

    fn upsert_secret(&mut self, secret: Secret) -> Vec<Trigger> {
        let id = secret.id();
        let name = secret.name.clone();
        if self.secrets.insert(id.clone(), secret) == self.secrets.get(&id).cloned() {
            return Vec::new();
        }
        // By name only, whatever the namespace.
        let using = self.ingresses.values().filter(|ingress| ingress.secrets().any(|used| used == name));
        using.cloned().filter_map(|ingress| self.sync(ingress)).collect()
    }

    fn upsert_class(&mut self, class: IngressClass) -> Vec<Trigger> {
        let name = class.name.clone();
        if self.classes.insert(name.clone(), class).is_some() {
            return Vec::new();
        }
        let waiting =
            self.ingresses.values().filter(|ingress| ingress.spec.ingress_class_name.as_deref() == Some(name.as_str()));
        waiting
            .cloned()
            .filter_map(|ingress| self.sync(ingress))
            .map(|trigger| match trigger {
                // The class has not reached the cache that resolves AlbConfigs (situation o).
                Trigger::Sync { ingress, .. } if self.generation == Generation::OpenSource => {
                    Trigger::Sync { ingress, albconfig: Ok(FALLBACK.to_owned()) }
                }
                trigger => trigger,
            })
            .collect()
    }

    fn undecodable(&self) -> bool {
        self.generation == Generation::OpenSource
            && self.stored.values().any(|albconfig| match albconfig::decode(&albconfig.spec, "items.spec.") {
                Ok(()) => false,
                Err(error) => {
                    tracing::error!(error, "failed to list *v1.AlbConfig");
                    true
                }
            })
    }

    fn note_albconfigs(&mut self) -> Vec<Trigger> {
        if self.undecodable() {
            self.blind = true;
            return Vec::new();
        }
        if self.blind {
            return vec![Trigger::Relist];
        }
        self.publish_albconfigs()
    }

    fn publish_albconfigs(&mut self) -> Vec<Trigger> {
        let mut triggers = Vec::new();
        for (name, albconfig) in &self.stored {
            let before = self.albconfigs.get(name);
            let same =
                before.is_some_and(|before| before.meta.uid == albconfig.meta.uid && before.hash() == albconfig.hash());
            if !same && albconfig.meta.labels.get(HASH_LABEL) != Some(&albconfig.hash()) {
                triggers.push(Trigger::Pass(name.clone()));
            }
        }
        self.albconfigs.clone_from(&self.stored);
        triggers
    }
}

fn unreferenced(class: &str) -> String {
    format!("albconfig must be referenced in IngressClass {class}")
}
