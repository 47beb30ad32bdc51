//! Creating and updating a gateway: IngressClass and AlbConfig, then the wait for the controller.

use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::class::explain_class;
use super::model::Gateway;
use super::object::{self, alb_config, bare_listeners, creation_only, ingress_class, publish};
use super::plan::left_listeners;
use super::rules::written;
use super::schema::WRITE_TIMEOUT;
use super::{
    APPLIED_FACT, AlbGateway, CLASS_UID_FACT, LEFT_LISTENERS_FACT, Objects, listener_order, meaning, members, refresh,
};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::{Attr, Field, Planned, Stored};
use crate::framework::path::Path;
use crate::framework::plan::resolve;
use crate::framework::resource::{Applying, TimeoutOf, TimeoutSource};
use crate::kubernetes::{FieldPath, Object, ObjectRef};
use crate::resources::kubernetes_attributes::effective;
use crate::resources::kubernetes_object::{Described, Fleet, Home, KNOWN_DRIFT_FACT, Origin, UID_FACT};
use crate::resources::look_again::look_again;
use crate::resources::pending::{PENDING_FACT, Pending};
use crate::resources::proved::Proved;
use crate::resources::reconcile::{Ending, Goal, Onlooker, Waited, watched};
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
        let attribute = move |path: &FieldPath| meaning::attribute(&attributes, path);
        let described = objects.alb_config(&attribute);

        let class_intent = objects.class.as_ref().map(|_| ingress_class(&state));
        written::check(&intent, class_intent.as_ref())?;
        members::are_associated(&self.clients, &cx.context, &state, None).await?;
        // Ingresses of its class may be there before it.
        self.enforce(&fleet, cx, &state, &Json::Null, deadline).await?;
        // No refusal may cost a load balancer: both are asked for before the first is made.
        fleet.try_create(&described, &intent, adopt).await?;
        if let Some(class) = &objects.class {
            let intent = ingress_class(&state);
            fleet.try_create(&objects.class(class), &intent, adopt).await.map_err(explain_class)?;
        }
        let mut onlooker = self.look_on(&fleet, &state, &objects.alb_config, cx).await?;
        let class = match &objects.class {
            Some(class) => {
                Some(self.create_class(&fleet, &objects, &ingress_class(&state), class, deadline, cx, adopt).await?)
            }
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

        let concerns = onlooker.as_ref().is_none_or(|onlooker| onlooker.concerns_controller(&live));
        let goal = if origin == Origin::Adopted(true) && concerns { Goal::OurWrite } else { Goal::Published };
        self.settle(&fleet, cx, state, &live, onlooker, origin != Origin::LeftByUs, goal, true, timeout, deadline).await
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
        let attribute = move |path: &FieldPath| meaning::attribute(&attributes, path);
        let described = objects.alb_config(&attribute);
        let private = cx.private.clone();
        let home = Home::of(prior.fleet_id.as_ref(), &private);

        let (from, to) = self.before_and_after(&fleet, cx, prior, &state, &objects).await;
        written::check(&to, objects.class.as_ref().map(|_| ingress_class(&state)).as_ref())?;
        members::are_associated(&self.clients, &cx.context, &state, Some(prior)).await?;
        self.enforce(&fleet, cx, &state, &from, deadline).await?;
        let added = self.add_listeners_first(&fleet, cx, prior, &state, &described, home, &from, &to, deadline);
        let from = match added.await? {
            Step::Done(between) => between.unwrap_or(from),
            Step::Stopped(waited) => {
                state.ready = Some(false);
                state.reason = waited.reason();
                // The class does not depend on what did not come to life, and state is to say that it follows.
                self.update_class(&fleet, cx, prior, &state, &objects, deadline).await?;
                let telling = Telling {
                    object: &objects.alb_config,
                    created: false,
                    strict: state.on_wait_timeout.as_deref() == Some("error"),
                    timeout,
                    setting: "timeouts.update",
                };
                if let Some(live) = &waited.live {
                    publish(&mut state, live);
                }
                tell(&fleet, cx, &state, &waited, &telling).await?;
                return Ok(state);
            }
        };
        let mut onlooker = self.look_on(&fleet, &state, &objects.alb_config, cx).await?;
        let update = fleet.update(&described, home, &from, &to, &[], deadline);
        let updated = watched(onlooker.as_mut(), update).await?;
        cx.private.remove_fact(LEFT_LISTENERS_FACT);
        let live = updated.object;
        let wrote = updated.wrote && onlooker.as_ref().is_none_or(|onlooker| onlooker.concerns_controller(&live));
        let earlier = private.fact(PENDING_FACT).and_then(Pending::from_fact);
        if wrote && let Some(onlooker) = &mut onlooker {
            onlooker.follows(prior.ready, prior.reason.as_deref(), earlier.as_ref(), Proved::recalled(&cx.private));
            onlooker.answered(&live);
            cx.private.set_fact(PENDING_FACT, onlooker.pending().to_fact());
        }
        cx.private.set_fact(UID_FACT, live.uid());
        remember_applied(&state, cx);
        publish(&mut state, &live);
        state.ready = Some(false);
        state.reason = Some("the controller has not finished the last change yet".to_owned());
        cx.checkpoint(&before_the_class(&state, prior));
        self.update_class(&fleet, cx, prior, &state, &objects, deadline).await?;
        cx.private.remove_fact(KNOWN_DRIFT_FACT);
        cx.checkpoint(&state);

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

    /// What we set before and what we shall set. What a rewrite of the controller dropped was not set before: else its
    /// absence would look like somebody's edit.
    async fn before_and_after(
        &self,
        fleet: &Fleet,
        cx: &Applying<Self>,
        prior: &Gateway<Stored>,
        state: &Gateway<Stored>,
        objects: &Objects,
    ) -> (Json, Json) {
        let from = listener_order::with_left(alb_config(prior), &left_listeners(&cx.private));
        (Self::as_left(fleet, from, &objects.alb_config).await, alb_config(state))
    }

    /// What we wrote, without what a pass of the open-source controller has dropped since.
    async fn as_left(fleet: &Fleet, wrote: Json, alb_config: &ObjectRef) -> Json {
        match fleet.api().get(alb_config).await {
            Ok(live) => refresh::without_dropped(wrote, &live).0,
            // The update says why it cannot be read.
            Err(_) => wrote,
        }
    }

    /// Writes listeners that are added and waits until the controller has published them, if others are removed.
    #[expect(clippy::too_many_arguments, reason = "a step of the update, with what that knows")]
    async fn add_listeners_first(
        &self,
        fleet: &Fleet,
        cx: &mut Applying<Self>,
        prior: &Gateway<Stored>,
        state: &Gateway<Stored>,
        described: &Described<'_>,
        home: Home<'_>,
        from: &Json,
        to: &Json,
        deadline: Instant,
    ) -> Result<Step, Diagnostics> {
        let Some(first) = listener_order::first(from, to).filter(|_| state.wait != Some(false)) else {
            return Ok(Step::Done(None));
        };
        let mut onlooker = fleet.look_on(described.object, None, cx.context.clock.now()).await?;
        // An instance that never came to life serves nobody.
        if !onlooker.sees(&is_published) {
            return Ok(Step::Done(None));
        }
        let left = listener_order::removed(from, to);
        let update = fleet.update(described, home, from, &first, &[], deadline);
        let updated = watched(Some(&mut onlooker), update).await?;
        if !updated.wrote {
            return Ok(Step::Done(Some(first)));
        }
        cx.private.set_fact(UID_FACT, updated.object.uid());
        cx.private.set_fact(LEFT_LISTENERS_FACT, json!(left).to_string());
        remember_applied(state, cx);
        let mut between = before_the_class(state, prior);
        publish(&mut between, &updated.object);
        between.ready = Some(false);
        between.reason = Some(format!("listeners {} are still to be removed", left.join(", ")));
        cx.checkpoint(&between);
        let earlier = cx.private.fact(PENDING_FACT).and_then(Pending::from_fact);
        onlooker.follows(prior.ready, prior.reason.as_deref(), earlier.as_ref(), Proved::recalled(&cx.private));
        onlooker.answered(&updated.object);
        cx.private.set_fact(PENDING_FACT, onlooker.pending().to_fact());
        let waited = onlooker.wait(&Goal::OurWrite, &is_published, deadline, self.patience).await;
        if waited.ending == Ending::Ready {
            Proved::remember(&mut cx.private, waited.live.as_ref().unwrap_or(&updated.object));
            return Ok(Step::Done(Some(Self::as_left(fleet, first, described.object).await)));
        }
        cx.warnings.warn(
            Path::attribute("listeners"),
            "Old Listeners Kept",
            format!(
                "The controller has not published what this apply added, so {} still carries traffic and was not removed. The \
                 next apply removes it.",
                left.join(", ")
            ),
        );
        Ok(Step::Stopped(Box::new(waited)))
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
        mut goal: Goal,
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
        if !created && onlooker.is_passed_over(&goal, &is_published, deadline, self.patience).await {
            let objects = Objects::of(&state);
            let attribute = |path: &FieldPath| meaning::attribute(&state, path);
            let (private, now) = (cx.private.clone(), cx.context.clock.now());
            let home = Home::of(state.fleet_id.as_ref(), &private);
            let described = objects.alb_config(&attribute);
            let intent = Self::as_left(fleet, alb_config(&state), &objects.alb_config).await;
            if look_again(fleet, &mut onlooker, &described, home, &intent, now, deadline).await {
                goal = Goal::OurWrite;
                cx.private.set_fact(PENDING_FACT, onlooker.pending().to_fact());
            }
        }
        let waited = onlooker.wait(&goal, &is_published, deadline, self.patience).await;
        if let Some(live) = &waited.live {
            publish(&mut state, live);
        }
        state.ready = Some(waited.ending == Ending::Ready);
        state.reason = waited.reason();
        if waited.ending == Ending::Ready {
            cx.private.remove_fact(PENDING_FACT);
            Proved::remember(&mut cx.private, waited.live.as_ref().unwrap_or(live));
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

/// What came of writing added listeners first.
enum Step {
    /// Go on, from this if something was written.
    Done(Option<Json>),
    /// It did not come to life: removals must wait.
    Stopped(Box<Waited>),
}

/// A state with what the class is until it has followed.
fn before_the_class(state: &Gateway<Stored>, prior: &Gateway<Stored>) -> Gateway<Stored> {
    Gateway {
        ingress_class_name: prior.ingress_class_name.clone(),
        manage_ingress_class: prior.manage_ingress_class,
        default_ingress_class: prior.default_ingress_class,
        ..state.clone()
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
