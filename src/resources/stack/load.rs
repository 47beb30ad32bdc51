//! Filling a stack: for plans from lists that one process makes once, for applies from the API as it is now.
//!
//! A plan also knows what this run plans: gateways, Ingresses and Secrets that were planned before, those whose own checks
//! are switched off among them. Terraform plans an object after those it refers to, so an Ingress is judged by the listeners
//! that its gateway is going to have. As soon as the process writes, plans are no longer checked here: the apply itself is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value as Json;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::certificates::certificates_fit_the_quota;
use super::listeners::{http2_needed, removed, still_used};
use super::removal::{Placement, Removal};
use super::routing::v76_rules_fit_the_quota;
use super::view::{Gateway, Ingress};
use super::{SecretSight, Stack, advise_gateway, advise_ingress, enforced_for_ingress};
use crate::framework::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::kubernetes::{Error, EventTarget, Kind, Object, ObjectRef, Problem};
use crate::resources::argo_cd;
use crate::resources::cross_check::{CrossCheck, Skipped};
use crate::resources::kubernetes_object::Fleet;
use crate::resources::users::{Place, remaining};

/// A plan or apply waits no longer than this for what it only compares with; a plan's checks end after ten seconds.
const LIMIT: Duration = Duration::from_secs(8);
/// The controller whose classes count.
const CONTROLLER: &str = "ingress.k8s.alibabacloud/alb";

/// What the plans of one process share.
#[derive(Default)]
pub(crate) struct PlanMemo {
    world: OnceCell<Option<Arc<World>>>,
    secrets: Mutex<BTreeMap<(String, String), Arc<SecretSight>>>,
    planned: Mutex<Planned>,
    told: Mutex<BTreeSet<String>>,
}

/// The Fleet's gateways and Ingresses, as they were when the first plan looked.
struct World {
    /// Gateways by class.
    classes: BTreeMap<String, String>,
    gateways: BTreeMap<String, Arc<Gateway>>,
    ingresses: Option<Vec<LiveIngress>>,
    /// Rights that were missing.
    missing: Vec<Kind>,
}

/// An Ingress of the Fleet, with its names, so that not every plan of thousands makes them again.
struct LiveIngress {
    key: String,
    object: String,
    ingress: Arc<Ingress>,
}

/// What was planned so far.
#[derive(Default)]
struct Planned {
    classes: BTreeMap<String, String>,
    gateways: BTreeMap<String, PlannedGateway>,
    ingresses: BTreeMap<String, Arc<Ingress>>,
    /// Names that certificates of planned Secrets are for.
    secrets: BTreeMap<(String, String), Arc<SecretSight>>,
}

/// A planned gateway.
struct PlannedGateway {
    gateway: Gateway,
    /// Live listeners that stay though the configuration does not declare them; `None`: all of them.
    foreign: Option<Vec<String>>,
}

impl PlannedGateway {
    /// As it will be after this run.
    fn beside(&self, live: Option<&Arc<Gateway>>) -> Gateway {
        let mut after = self.gateway.clone();
        after.load_balancer = live.and_then(|live| live.load_balancer.clone());
        if let (Some(listeners), Some(live)) = (&mut after.listeners, live) {
            for (port, listener) in live.listeners.iter().flatten() {
                if self.foreign.as_ref().is_none_or(|foreign| foreign.contains(port)) {
                    listeners.entry(port.clone()).or_insert_with(|| listener.clone());
                }
            }
        }
        after
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The checks of one operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checks<'a> {
    pub(crate) fleet: &'a Fleet,
    pub(crate) now: Timestamp,
}

impl Checks<'_> {
    fn skipped(&self) -> &Skipped {
        self.fleet.skipped()
    }

    /// Makes a planned Ingress known to the checks of others. Reads nothing.
    pub(crate) fn note_ingress(&self, own: Ingress) -> Arc<Ingress> {
        let own = Arc::new(own);
        if let Some(memo) = self.fleet.memo() {
            lock(&memo.planned).ingresses.insert(own.key(), Arc::clone(&own));
        }
        own
    }

    /// Makes a planned gateway known to the checks of others. `class` is the IngressClass that belongs to it, `foreign` the
    /// live listeners that stay though the configuration does not declare them; `None`: all of them. Reads nothing.
    pub(crate) fn note_gateway(&self, own: Gateway, class: Option<&str>, foreign: Option<Vec<String>>) {
        let Some(memo) = self.fleet.memo() else { return };
        let mut planned = lock(&memo.planned);
        if let Some(class) = class {
            planned.classes.insert(class.to_owned(), own.name.clone());
        }
        planned.gateways.insert(own.name.clone(), PlannedGateway { gateway: own, foreign });
    }

    /// Makes known for which names the certificate of a planned Secret is. Its own rules judge the rest of it.
    pub(crate) fn note_secret(&self, namespace: &str, name: &str, certified: Vec<String>) {
        if let Some(memo) = self.fleet.memo() {
            let key = (namespace.to_owned(), name.to_owned());
            lock(&memo.planned).secrets.insert(key, Arc::new(SecretSight::Planned(certified)));
        }
    }

    /// What a plan of an Ingress has to say about other objects.
    pub(crate) async fn advise_ingress(&self, own: Ingress) -> Diagnostics {
        let own = self.note_ingress(own);
        let Some(memo) = self.fleet.memo() else { return Diagnostics::new() };
        let Some(world) = self.world(memo).await else { return self.too_slow(memo) };
        let mut said = self.missing_rights(memo, &world);
        let gateway = {
            let planned = lock(&memo.planned);
            own.class.as_ref().and_then(|class| world.leads_to(&planned, class)).map(str::to_owned)
        };
        let mut stack = match &gateway {
            Some(gateway) => self.stack(memo, &world, gateway, Some(&own)),
            None => Stack { gateway: None, ingresses: None, secrets: BTreeMap::new(), told: Vec::new(), now: self.now },
        };
        let reads = self.secrets_of(&own, Some(memo));
        match tokio::time::timeout(LIMIT, reads).await {
            Ok(secrets) => stack.secrets = secrets,
            Err(_) => tracing::debug!("the Secrets of an Ingress could not be read in time"),
        }
        if stack.secrets.values().any(|sight| **sight == SecretSight::Unreadable) {
            said.extend(self.tell_once(memo, "secrets", || not_checked("get Secrets", "certificates of Secrets")));
        }
        said.extend(advise_ingress(&stack, &own, self.skipped()));
        if let Some(gateway) = gateway.filter(|_| self.skipped().wants(CrossCheck::Quotas)) {
            if let Some(full) = v76_rules_fit_the_quota(&stack, &own) {
                said.extend(self.tell_once(memo, &format!("quota of {gateway}"), || full));
            }
            if let Some(full) = certificates_fit_the_quota(&stack, &own) {
                said.extend(self.tell_once(memo, &format!("certificates of {gateway}"), || full));
            }
        }
        said
    }

    /// The load balancer behind a class, if the Fleet has one already. For plans.
    pub(crate) async fn load_balancer(&self, class: Option<&str>) -> Option<String> {
        let memo = self.fleet.memo()?;
        let world = self.world(memo).await?;
        let gateway = world.leads_to(&lock(&memo.planned), class?).map(str::to_owned)?;
        world.gateways.get(&gateway)?.load_balancer.clone()
    }

    /// What a plan of a gateway has to say about other objects; see [`Checks::note_gateway`].
    pub(crate) async fn advise_gateway(
        &self,
        own: Gateway,
        class: Option<&str>,
        foreign: Option<Vec<String>>,
    ) -> Diagnostics {
        let name = own.name.clone();
        self.note_gateway(own, class, foreign);
        let Some(memo) = self.fleet.memo() else { return Diagnostics::new() };
        let Some(world) = self.world(memo).await else { return self.too_slow(memo) };
        let mut said = self.missing_rights(memo, &world);
        let mut stack = self.stack(memo, &world, &name, None);
        let Some(own) = std::mem::replace(&mut stack.gateway, world.gateways.get(&name).cloned()) else { return said };
        if stack.gateway.is_some() && own.names_certificates() {
            let target = EventTarget { object: ObjectRef::cluster(Kind::ALB_CONFIG, &name), uid: None };
            if let Ok(Ok(log)) = tokio::time::timeout(LIMIT, self.fleet.api().events(&target)).await {
                stack.told = log.warnings().into_iter().map(|event| event.message).collect();
            }
        }
        said.extend(advise_gateway(&stack, &own, self.skipped()));
        if self.skipped().wants(CrossCheck::Loss) {
            said.extend(Box::pin(self.removal(memo, &stack, &own)).await);
        }
        said
    }

    /// What the members that leave a gateway take with them.
    async fn removal(&self, memo: &PlanMemo, stack: &Stack, own: &Gateway) -> Diagnostics {
        let hosts = Removal::of(stack, own);
        if hosts.is_empty() {
            return Diagnostics::new();
        }
        let list = self.fleet.api().list(Kind::APPLICATION, Some(argo_cd::NAMESPACE), None);
        let mut said = Diagnostics::new();
        let applications = match tokio::time::timeout(LIMIT, list).await {
            Ok(Ok(listing)) => listing.items,
            Ok(Err(error)) if error.is_forbidden() => {
                said.extend(self.tell_once(memo, "applications", || {
                    not_checked("list applications.argoproj.io in namespace argocd", "members that serve a host alone")
                }));
                Vec::new()
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "the Applications of the Fleet cannot be listed");
                Vec::new()
            }
            Err(_) => Vec::new(),
        };
        let placements: Vec<Placement> =
            applications.iter().flat_map(|application| Placement::all(application.value())).collect();
        said.extend(hosts.told(&placements));
        said
    }

    /// Refuses an Ingress that breaks a rule with what the API has now. What cannot be read breaks none.
    ///
    /// # Errors
    /// All violations; nothing was written.
    pub(crate) async fn enforce_ingress(&self, own: &Ingress) -> Result<(), Diagnostics> {
        let work = async {
            let gateway = self.gateway_of(own.class.as_deref()).await;
            let ingresses = match (&gateway, own.canary) {
                (Some(gateway), Some(_)) => self.neighbours(&gateway.name, own).await,
                _ => None,
            };
            let secrets = self.secrets_of(own, None).await;
            Stack { gateway, ingresses, secrets, told: Vec::new(), now: self.now }
        };
        let Ok(stack) = tokio::time::timeout(LIMIT, work).await else {
            tracing::debug!("an Ingress could not be compared with its gateway in time");
            return Ok(());
        };
        refuse(enforced_for_ingress(&stack, own, self.skipped()))
    }

    /// Refuses to take listeners, or HTTP/2 on them, from Ingresses that use them. Users are watched until `patience` ends:
    /// they may be going in the same run.
    ///
    /// # Errors
    /// All violations; nothing was written.
    pub(crate) async fn enforce_gateway(
        &self,
        before: &Gateway,
        after: &Gateway,
        patience: Instant,
    ) -> Result<(), Diagnostics> {
        let removed = removed(before, after);
        let newly_without: Vec<&String> = after
            .listeners
            .iter()
            .flatten()
            .filter(|(port, listener)| {
                listener.without_http2 && before.listener(port).is_none_or(|before| !before.without_http2)
            })
            .map(|(port, _)| port)
            .collect();
        if removed.is_empty() && newly_without.is_empty() || !self.skipped().wants(CrossCheck::Listeners) {
            return Ok(());
        }
        let classes = match self.fleet.api().list(Kind::INGRESS_CLASS, None, None).await {
            Ok(listing) => classes_of(listing.items.iter()),
            Err(error) => {
                tracing::debug!(%error, "the users of a listener cannot be looked for");
                return Ok(());
            }
        };
        let mut found = Diagnostics::new();
        for port in &removed {
            let users = self.users(&classes, &after.name, port, false, patience).await;
            if !users.is_empty() {
                found.push(still_used(port, &users));
            }
        }
        for port in newly_without {
            let users = self.users(&classes, &after.name, port, true, Instant::now()).await;
            if !users.is_empty() {
                found.push(http2_needed(port, &users));
            }
        }
        refuse(found)
    }

    /// Ingresses that use a listener of a gateway when patience ends.
    async fn users(
        &self,
        classes: &BTreeMap<String, String>,
        gateway: &str,
        port: &str,
        grpc_only: bool,
        patience: Instant,
    ) -> Vec<String> {
        let uses = |object: &Object| {
            let ingress = view(object);
            let here = ingress.class.as_ref().and_then(|class| classes.get(class)).is_some_and(|name| name == gateway);
            here && (ingress.grpc || !grpc_only) && ingress.ports.is_some_and(|ports| ports.contains(port))
        };
        let place = Place { kind: Kind::INGRESS, namespace: None, selector: None };
        match remaining(self.fleet, place, uses, patience).await {
            Ok(users) => users.into_iter().map(|(namespace, name)| format!("{namespace}/{name}")).collect(),
            Err(error) => {
                tracing::debug!(%error, "the users of a listener cannot be looked for");
                Vec::new()
            }
        }
    }

    /// The Fleet as this process's plans see it; `None` if it cannot be seen, or if the process has begun to write.
    async fn world(&self, memo: &PlanMemo) -> Option<Arc<World>> {
        let load = async {
            match tokio::time::timeout(LIMIT, self.load()).await {
                Ok(world) => Some(Arc::new(world)),
                Err(_) => {
                    tracing::debug!("the gateways of the Fleet could not be listed in time");
                    None
                }
            }
        };
        if self.fleet.api().writes() > 0 {
            return None;
        }
        memo.world.get_or_init(|| load).await.clone()
    }

    async fn load(&self) -> World {
        let mut missing = Vec::new();
        let (mut classes, mut gateways, mut ingresses) = (Vec::new(), BTreeMap::new(), Vec::new());
        let mut see_gateway = |object: Object| {
            gateways.insert(object.name().to_owned(), Arc::new(Gateway::of(object.name(), object.value())));
        };
        let mut see_ingress = |object: Object| {
            if object.is_terminating() {
                return;
            }
            let ingress = Arc::new(view(&object));
            ingresses.push(LiveIngress { key: ingress.key(), object: ingress.object(), ingress });
        };
        let mut see_class = |object: Object| classes.push(object);
        let (a, b, c) = tokio::join!(
            self.fleet.visit(Kind::INGRESS_CLASS, &mut see_class),
            self.fleet.visit(Kind::ALB_CONFIG, &mut see_gateway),
            self.fleet.visit(Kind::INGRESS, &mut see_ingress),
        );
        let all = [(Kind::INGRESS_CLASS, a), (Kind::ALB_CONFIG, b), (Kind::INGRESS, c)];
        let mut readable = BTreeSet::new();
        for (kind, outcome) in all {
            match outcome {
                Ok(()) => {
                    readable.insert(kind);
                }
                Err(error) if error.is_forbidden() => missing.push(kind),
                Err(error) => tracing::debug!(%error, "a part of the Fleet cannot be compared with the plan"),
            }
        }
        let ingresses = readable.contains(&Kind::INGRESS).then_some(ingresses);
        World { classes: classes_of(classes.iter()), gateways, ingresses, missing }
    }

    /// What this run makes of a gateway's stack.
    fn stack(&self, memo: &PlanMemo, world: &World, gateway: &str, own: Option<&Ingress>) -> Stack {
        let planned = lock(&memo.planned);
        let declared = self.fleet.declared();
        let ingresses = world.ingresses.as_ref().map(|live| {
            let stays = |live: &&LiveIngress| {
                !planned.ingresses.contains_key(&live.key)
                    && !declared.is_some_and(|declared| declared.is_going(&live.object))
            };
            let belongs = |ingress: &&Arc<Ingress>| {
                let to = ingress.class.as_ref().and_then(|class| world.leads_to(&planned, class));
                to == Some(gateway) && own.is_none_or(|own| !own.is(ingress))
            };
            let live = live.iter().filter(stays).map(|live| &live.ingress);
            live.chain(planned.ingresses.values()).filter(belongs).cloned().collect()
        });
        let live = world.gateways.get(gateway);
        let gateway = match planned.gateways.get(gateway) {
            Some(planned) => Some(Arc::new(planned.beside(live))),
            None => live.cloned(),
        };
        Stack { gateway, ingresses, secrets: BTreeMap::new(), told: Vec::new(), now: self.now }
    }

    /// The AlbConfig that a class leads to, as it is now.
    async fn gateway_of(&self, class: Option<&str>) -> Option<Arc<Gateway>> {
        let class = self.fleet.look(&ObjectRef::cluster(Kind::INGRESS_CLASS, class?)).await.ok()?;
        let name = leads_to(&class)?.to_owned();
        let gateway = self.fleet.look(&ObjectRef::cluster(Kind::ALB_CONFIG, &name)).await.ok()?;
        Some(Arc::new(Gateway::of(&name, gateway.value())))
    }

    /// The other Ingresses of a gateway, as they are now.
    async fn neighbours(&self, gateway: &str, own: &Ingress) -> Option<Vec<Arc<Ingress>>> {
        let (mut classes, mut ingresses) = (Vec::new(), Vec::new());
        self.fleet.visit(Kind::INGRESS_CLASS, &mut |object| classes.push(object)).await.ok()?;
        self.fleet.visit(Kind::INGRESS, &mut |object| ingresses.push(Arc::new(view(&object)))).await.ok()?;
        let classes = classes_of(classes.iter());
        ingresses.retain(|ingress| {
            let to = ingress.class.as_ref().and_then(|class| classes.get(class));
            !ingress.is(own) && to.is_some_and(|to| to == gateway)
        });
        Some(ingresses)
    }

    /// What is known of the Secrets that an Ingress names. With a memo: as this process saw them first.
    async fn secrets_of(&self, own: &Ingress, memo: Option<&PlanMemo>) -> BTreeMap<(String, String), Arc<SecretSight>> {
        let names: BTreeSet<&String> =
            own.tls.iter().flatten().filter_map(|entry| entry.secret_name.as_ref()).collect();
        let mut seen = BTreeMap::new();
        for name in names {
            let key = (own.namespace.clone(), name.clone());
            let object = ObjectRef::namespaced(Kind::SECRET, &own.namespace, name);
            let changing =
                memo.is_some() && self.fleet.declared().is_some_and(|book| book.is_changing(&object.to_string()));
            let known = memo.and_then(|memo| lock(&memo.secrets).get(&key).cloned());
            let sight = match known {
                _ if changing => {
                    let planned = memo.and_then(|memo| lock(&memo.planned).secrets.get(&key).cloned());
                    planned.unwrap_or_else(|| Arc::new(SecretSight::Coming))
                }
                Some(known) => known,
                None => {
                    // Each write makes lists old: an apply of many Ingresses would list all Secrets again and again.
                    let read = match memo {
                        Some(_) => self.fleet.look(&object).await,
                        None => self.fleet.api().get(&object).await,
                    };
                    let sight = Arc::new(sight(&read));
                    if let Some(memo) = memo {
                        lock(&memo.secrets).insert(key.clone(), Arc::clone(&sight));
                    }
                    sight
                }
            };
            seen.insert(key, sight);
        }
        seen
    }

    /// A line for each kind that may not be listed, once in a run.
    fn missing_rights(&self, memo: &PlanMemo, world: &World) -> Diagnostics {
        let mut said = Diagnostics::new();
        for kind in &world.missing {
            said.extend(self.tell_once(memo, kind.kind, || {
                not_checked(&format!("list {} in the whole Fleet", kind.plural), "other objects of the same gateway")
            }));
        }
        said
    }

    /// The rules are not checked where the Fleet answers too slowly. Silent if the process writes: applies look themselves.
    fn too_slow(&self, memo: &PlanMemo) -> Diagnostics {
        if memo.world.get().is_none_or(Option::is_some) {
            return Diagnostics::new();
        }
        self.tell_once(memo, "slow", || {
            Diagnostic::warning(
                "Rules Not Checked",
                format!(
                    "The gateways and Ingresses of the Fleet could not be listed within {} seconds, so rules about other \
                     objects are not checked before the apply. Plan again, or set cross_checks = false.",
                    LIMIT.as_secs()
                ),
            )
        })
    }

    fn tell_once(&self, memo: &PlanMemo, what: &str, say: impl FnOnce() -> Diagnostic) -> Diagnostics {
        if lock(&memo.told).insert(what.to_owned()) { say().into() } else { Diagnostics::new() }
    }
}

impl World {
    /// The gateway that a class leads to, after this run.
    fn leads_to<'a>(&'a self, planned: &'a Planned, class: &str) -> Option<&'a str> {
        planned.classes.get(class).or_else(|| self.classes.get(class)).map(String::as_str)
    }
}

fn view(ingress: &Object) -> Ingress {
    Ingress::of(ingress.namespace().unwrap_or_default(), ingress.name(), ingress.value())
}

fn leads_to(class: &Object) -> Option<&str> {
    let text = |pointer: &str| class.value().pointer(pointer).and_then(Json::as_str);
    (text("/spec/controller") == Some(CONTROLLER)).then(|| text("/spec/parameters/name"))?
}

fn classes_of<'a>(classes: impl Iterator<Item = &'a Object>) -> BTreeMap<String, String> {
    classes.filter_map(|class| Some((class.name().to_owned(), leads_to(class)?.to_owned()))).collect()
}

fn sight(read: &Result<Object, Error>) -> SecretSight {
    match read {
        Ok(secret) => SecretSight::of(secret),
        Err(error) if error.is_not_found() && *error.problem() != Problem::KindMissing => SecretSight::Absent,
        Err(error) => {
            tracing::debug!(%error, "a Secret that an Ingress names cannot be read");
            SecretSight::Unreadable
        }
    }
}

/// Says that a right is missing, and what is not checked for want of it.
pub(crate) fn not_checked(right: &str, what: &str) -> Diagnostic {
    Diagnostic::warning(
        "Rules Not Checked",
        format!(
            "The credentials may not {right}, so rules about {what} are not checked before the apply. Grant that right, or set \
             cross_checks = false."
        ),
    )
}

/// The errors among what was found, as the answer of an apply.
fn refuse(found: Diagnostics) -> Result<(), Diagnostics> {
    let mut errors = Diagnostics::new();
    for mut diagnostic in found.into_iter().filter(|diagnostic| diagnostic.severity == Severity::Error) {
        diagnostic.detail.push_str(" Nothing was written.");
        errors.push(diagnostic);
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
