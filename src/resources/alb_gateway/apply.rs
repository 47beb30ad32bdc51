//! Creating and updating a gateway: IngressClass and AlbConfig, then the wait for the controller.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::model::Gateway;
use super::object::{self, alb_config, bare_listeners, creation_only, ingress_class, publish};
use super::schema::WRITE_TIMEOUT;
use super::{APPLIED_FACT, AlbGateway, CLASS_UID_FACT, OLD_CLASSES_FACT, Objects, members};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::{Attr, Field, Planned, Stored};
use crate::framework::path::Path;
use crate::framework::plan::resolve;
use crate::framework::private::Private;
use crate::framework::resource::{Applying, TimeoutOf, TimeoutSource};
use crate::kubernetes::{FieldPath, Object, ObjectRef};
use crate::resources::diagnose;
use crate::resources::kubernetes_attributes::effective;
use crate::resources::kubernetes_object::{Fleet, Home, KNOWN_DRIFT_FACT, Origin, UID_FACT};
use crate::resources::reconcile::{Ending, Goal, Onlooker, PENDING_FACT, Pending, Waited, watched};
use crate::resources::wait_report::{Telling, guilty_siblings, label_alone, not_ready};

/// Whether the controller has published the load balancer.
pub(super) fn is_published(live: &Object) -> bool {
    live.value().pointer("/status/loadBalancer/dnsname").and_then(Json::as_str).is_some_and(|name| !name.is_empty())
}

/// Why a gateway is not waited for; `None` if it is.
pub(super) fn not_waited_for(state: &Gateway<Stored>) -> Option<String> {
    if state.wait == Some(false) {
        return Some("not waited for: wait is false".to_owned());
    }
    let bare = bare_listeners(state);
    (!bare.is_empty()).then(|| {
        format!("not waited for: {} has no certificate of its own until an Ingress brings one", bare.join(", "))
    })
}

impl AlbGateway {
    /// What the plan says, with what only apply knows.
    fn intended(&self, planned: &Gateway<Planned>) -> Result<Gateway<Stored>, Diagnostics> {
        let settings = &self.clients.settings;
        let mut planned = planned.clone();
        planned.effective_labels = effective(Some(&settings.default_labels), &planned.labels);
        planned.effective_annotations = effective(Some(&settings.default_annotations), &planned.annotations);
        if planned.ingress_class_name.is_unknown() && planned.manage_ingress_class != Attr::Known(false) {
            planned.ingress_class_name = planned.name.clone();
        }
        Gateway::from_value(&resolve(&planned.to_value()))
            .map_err(|error| Diagnostic::error("Unsuitable Value", error.to_string()).into())
    }

    pub(super) async fn create_gateway(
        &self,
        cx: &mut Applying<Self>,
        planned: &Gateway<Planned>,
    ) -> Result<Gateway<Stored>, Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let timeout = planned.timeouts.timeout(TimeoutOf::Create, WRITE_TIMEOUT);
        let deadline = Instant::now() + timeout;
        let mut state = self.intended(planned)?;
        state.fleet_id = Some(fleet.id().await?);
        let objects = Objects::of(&state);
        let adopt = state.adopt == Some(true);
        let intent = alb_config(&state);
        let attributes = state.clone();
        let attribute = move |path: &FieldPath| object::attribute(&attributes, path);
        let described = objects.alb_config(&attribute);

        members::are_associated(&self.clients, &cx.context, &state, None).await?;
        // No refusal may cost a load balancer: both are asked for before the first is made.
        fleet.try_create(&described, &intent, adopt).await?;
        if let Some(class) = &objects.class {
            let intent = ingress_class(&objects.name);
            fleet.try_create(&objects.class(class), &intent, adopt).await.map_err(explain_class)?;
        }
        let mut onlooker = self.look_on(&fleet, &state, &objects.alb_config, cx).await?;
        let class = match &objects.class {
            Some(class) => Some(self.create_class(&fleet, &objects, class, adopt, deadline, cx).await?),
            None => None,
        };
        let create = fleet.create(&described, &intent, adopt, deadline, &mut cx.warnings);
        let (live, origin) = match watched(onlooker.as_mut(), create).await {
            Ok(created) => created,
            Err(mut errors) => {
                if let (Some(class), Some((made, Origin::New))) = (&objects.class, &class)
                    && let Err(more) = fleet.take_back(&objects.class(class), made.uid(), deadline).await
                {
                    errors.extend(more);
                }
                return Err(errors);
            }
        };
        fleet.claim(&live, &mut cx.private, UID_FACT);
        if let Some((class, _)) = &class {
            fleet.claim(class, &mut cx.private, CLASS_UID_FACT);
        }
        remember_applied(&state, cx);
        publish(&mut state, &live);
        state.ready = Some(false);
        state.reason = Some("the controller has not published it yet".to_owned());
        cx.checkpoint(&state);

        let goal = if origin == Origin::Adopted(true) { Goal::OurWrite } else { Goal::Published };
        self.settle(&fleet, cx, state, &live, onlooker, origin != Origin::LeftByUs, goal, true, timeout, deadline).await
    }

    async fn create_class(
        &self,
        fleet: &Fleet,
        objects: &Objects,
        class: &ObjectRef,
        adopt: bool,
        deadline: Instant,
        cx: &mut Applying<Self>,
    ) -> Result<(Object, Origin), Diagnostics> {
        let intent = ingress_class(&objects.name);
        let described = objects.class(class);
        fleet.create(&described, &intent, adopt, deadline, &mut cx.warnings).await.map_err(explain_class)
    }

    pub(super) async fn update_gateway(
        &self,
        cx: &mut Applying<Self>,
        prior: &Gateway<Stored>,
        planned: &Gateway<Planned>,
    ) -> Result<Gateway<Stored>, Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let timeout = planned.timeouts.timeout(TimeoutOf::Update, WRITE_TIMEOUT);
        let deadline = Instant::now() + timeout;
        let mut state = self.intended(planned)?;
        state.fleet_id.clone_from(&prior.fleet_id);
        let objects = Objects::of(&state);
        let attributes = state.clone();
        let attribute = move |path: &FieldPath| object::attribute(&attributes, path);
        let described = objects.alb_config(&attribute);
        let private = cx.private.clone();
        let home = Home::of(prior.fleet_id.as_ref(), &private);

        members::are_associated(&self.clients, &cx.context, &state, Some(prior)).await?;
        self.enforce(&fleet, cx, prior, &state, deadline).await?;
        let mut onlooker = self.look_on(&fleet, &state, &objects.alb_config, cx).await?;
        let (from, to) = (alb_config(prior), alb_config(&state));
        let update = fleet.update(&described, home, &from, &to, &[], deadline);
        let updated = watched(onlooker.as_mut(), update).await?;
        let live = updated.object;
        let wrote = updated.wrote && onlooker.as_ref().is_none_or(|onlooker| onlooker.concerns_controller(&live));
        if wrote && let Some(onlooker) = &mut onlooker {
            onlooker.answered(&live);
            cx.private.set_fact(PENDING_FACT, onlooker.pending().to_fact());
        }
        cx.private.set_fact(UID_FACT, live.uid());
        cx.private.remove_fact(KNOWN_DRIFT_FACT);
        remember_applied(&state, cx);
        publish(&mut state, &live);
        state.ready = Some(false);
        state.reason = Some("the controller has not finished the last change yet".to_owned());
        // Until the class has followed, state keeps the old one.
        let class_name = std::mem::replace(&mut state.ingress_class_name, prior.ingress_class_name.clone());
        cx.checkpoint(&state);
        state.ingress_class_name = class_name;
        self.update_class(&fleet, cx, prior, &state, &objects, deadline).await?;
        cx.checkpoint(&state);

        let earlier = private.fact(PENDING_FACT).and_then(Pending::from_fact);
        let goal = match (wrote, prior.ready, earlier) {
            (true, ..) => Goal::OurWrite,
            (false, Some(false), Some(earlier)) => Goal::EarlierWrite(earlier),
            (false, Some(false), None) => Goal::Published,
            // No write, no wait.
            (false, Some(true) | None, _) => {
                state.ready = not_waited_for(&state).is_none().then(|| is_published(&live)).filter(|ready| *ready);
                state.reason = if state.ready.is_some() { None } else { not_waited_for(&state) };
                return Ok(state);
            }
        };
        self.settle(&fleet, cx, state, &live, onlooker, wrote, goal, false, timeout, deadline).await
    }

    /// Brings the IngressClass to where the plan wants it.
    async fn update_class(
        &self,
        fleet: &Fleet,
        cx: &mut Applying<Self>,
        prior: &Gateway<Stored>,
        state: &Gateway<Stored>,
        objects: &Objects,
        deadline: Instant,
    ) -> Result<(), Diagnostics> {
        let old = super::managed_class(prior).map(|name| object::ingress_class_ref(&name));
        let intent = ingress_class(&objects.name);
        let private = cx.private.clone();
        let home = Home::with_uid(prior.fleet_id.as_ref(), &private, CLASS_UID_FACT);
        match (&objects.class, old) {
            (Some(class), Some(old)) if *class == old => {
                let described = objects.class(class);
                let updated = fleet.update(&described, home, &intent, &intent, &[], deadline).await?;
                cx.private.set_fact(CLASS_UID_FACT, updated.object.uid());
            }
            // Refreshed as leading elsewhere: it is ours all the same, so it is led back.
            (Some(class), None) if home.uid.is_some() => {
                let live = fleet.api().get(class).await.map_err(|error| {
                    diagnose::kubernetes_error(&format!("reading {class}"), &error, &|_| Path::root())
                })?;
                let seen = seen_class(&live);
                let updated = fleet.update(&objects.class(class), home, &seen, &intent, &[], deadline).await?;
                cx.private.set_fact(CLASS_UID_FACT, updated.object.uid());
            }
            (Some(class), old) => {
                let adopt = state.adopt == Some(true);
                let (made, _) = self.create_class(fleet, objects, class, adopt, deadline, cx).await?;
                fleet.claim(&made, &mut cx.private, CLASS_UID_FACT);
                if let (Some(old), Some(uid)) = (old, home.uid) {
                    let mut left = old_classes(&cx.private);
                    left.insert(old.name, uid.to_owned());
                    keep_old_classes(&mut cx.private, &left);
                }
            }
            (None, Some(old)) => {
                cx.private.remove_fact(CLASS_UID_FACT);
                cx.warnings.warn(
                    Path::attribute("manage_ingress_class"),
                    "IngressClass Kept",
                    format!(
                        "{old} is no longer managed by this resource. It was left in place, since Ingresses may use it."
                    ),
                );
            }
            (None, None) => {}
        }
        self.remove_old_classes(fleet, cx, prior, objects, deadline).await
    }

    /// Deletes classes that a rename left behind, once no Ingress uses them. Those that Ingresses of the same configuration
    /// use cannot go yet: core changes the Ingresses only after the gateway.
    async fn remove_old_classes(
        &self,
        fleet: &Fleet,
        cx: &mut Applying<Self>,
        prior: &Gateway<Stored>,
        objects: &Objects,
        deadline: Instant,
    ) -> Result<(), Diagnostics> {
        let mut left = old_classes(&cx.private);
        if let Some(current) = &objects.class {
            left.remove(&current.name);
        }
        for (name, uid) in left.clone() {
            let users = self.users(fleet, std::slice::from_ref(&name)).await?;
            if users.is_empty() {
                let class = object::ingress_class_ref(&name);
                let home = Home { fleet_id: prior.fleet_id.as_deref(), uid: Some(&uid), ..Home::default() };
                fleet.delete(&objects.class(&class), home, deadline, "", &mut cx.warnings).await?;
                left.remove(&name);
            } else {
                cx.warnings.warn(
                    Path::attribute("ingress_class_name"),
                    "Old Ingress Class Kept",
                    format!(
                        "IngressClass {name:?} is still used by {}, and without it the controller ignores every change of \
                         those Ingresses. It is kept beside the new class. Once they use the new class, the next apply deletes \
                         the old one.",
                        users.join(", ")
                    ),
                );
            }
        }
        keep_old_classes(&mut cx.private, &left);
        Ok(())
    }

    async fn look_on(
        &self,
        fleet: &Fleet,
        state: &Gateway<Stored>,
        alb_config: &ObjectRef,
        cx: &Applying<Self>,
    ) -> Result<Option<Onlooker>, Diagnostics> {
        if not_waited_for(state).is_some() {
            return Ok(None);
        }
        fleet.look_on(alb_config, None, cx.context.clock.now()).await.map(Some)
    }

    /// Waits, if there is something to wait for, and says how it went.
    #[expect(clippy::too_many_arguments, reason = "the two callers differ in all of them")]
    async fn settle(
        &self,
        fleet: &Fleet,
        cx: &mut Applying<Self>,
        mut state: Gateway<Stored>,
        live: &Object,
        onlooker: Option<Onlooker>,
        wrote: bool,
        goal: Goal,
        created: bool,
        timeout: std::time::Duration,
        deadline: Instant,
    ) -> Result<Gateway<Stored>, Diagnostics> {
        let Some(mut onlooker) = onlooker else {
            state.ready = None;
            state.reason = not_waited_for(&state);
            cx.private.remove_fact(PENDING_FACT);
            return Ok(state);
        };
        if wrote && created {
            onlooker.answered(live);
        }
        let waited = onlooker.wait(&goal, &is_published, deadline, self.patience).await;
        if let Some(live) = &waited.live {
            publish(&mut state, live);
        }
        state.ready = Some(waited.ending == Ending::Ready);
        state.reason = waited.reason();
        if waited.ending == Ending::Ready {
            cx.private.remove_fact(PENDING_FACT);
            label_alone(fleet, &goal, &waited).into_iter().for_each(|told| cx.warnings.push(told));
            return Ok(state);
        }
        let setting = if created { "timeouts.create" } else { "timeouts.update" };
        let strict = state.on_wait_timeout.as_deref() == Some("error");
        let object = object::alb_config_ref(state.name.as_deref().unwrap_or_default());
        let telling = Telling { object: &object, created, strict, timeout, setting };
        tell(fleet, cx, &state, &waited, &telling).await?;
        Ok(state)
    }
}

/// Tells of a wait that did not end well: an error where the rules allow one.
async fn tell(
    fleet: &Fleet,
    cx: &mut Applying<AlbGateway>,
    state: &Gateway<Stored>,
    waited: &Waited,
    telling: &Telling<'_>,
) -> Result<(), Diagnostics> {
    let siblings = guilty_siblings(fleet.api(), telling.object, waited).await;
    let diagnostic = not_ready(waited, &siblings, telling);
    if diagnostic.severity == crate::framework::diagnostic::Severity::Error {
        cx.checkpoint(state);
        if telling.created {
            cx.allow_taint();
        }
        return Err(diagnostic.into());
    }
    cx.warnings.push(diagnostic);
    Ok(())
}

fn remember_applied(state: &Gateway<Stored>, cx: &mut Applying<AlbGateway>) {
    cx.private.set_fact(APPLIED_FACT, applied_fact(state));
}

/// Creation-only values as kept in private data.
pub(super) fn applied_fact(state: &Gateway<Stored>) -> String {
    serde_json::to_string(&creation_only(state)).unwrap_or_default()
}

/// Classes that a rename left behind: UIDs by name.
pub(super) fn old_classes(private: &Private) -> BTreeMap<String, String> {
    private.fact(OLD_CLASSES_FACT).and_then(|fact| serde_json::from_str(fact).ok()).unwrap_or_default()
}

fn keep_old_classes(private: &mut Private, left: &BTreeMap<String, String>) {
    if left.is_empty() {
        private.remove_fact(OLD_CLASSES_FACT);
    } else {
        private.set_fact(OLD_CLASSES_FACT, json!(left).to_string());
    }
}

/// What the class says now, of the fields that we set.
fn seen_class(live: &Object) -> Json {
    let at = |pointer: &str| live.value().pointer(pointer).cloned().unwrap_or_default();
    json!({"spec": {"controller": at("/spec/controller"), "parameters": {
        "apiGroup": at("/spec/parameters/apiGroup"),
        "kind": at("/spec/parameters/kind"),
        "name": at("/spec/parameters/name"),
    }}})
}

/// An IngressClass that stands in the way has a further way out.
fn explain_class(errors: Diagnostics) -> Diagnostics {
    let mut explained = Diagnostics::new();
    for mut diagnostic in errors {
        diagnostic.detail.push_str(
            "\nThe IngressClass is a part of the gateway. If something else keeps it, set manage_ingress_class = false.",
        );
        explained.push(if diagnostic.path.is_some() {
            diagnostic
        } else {
            diagnostic.at(Path::attribute("ingress_class_name"))
        });
    }
    explained
}
