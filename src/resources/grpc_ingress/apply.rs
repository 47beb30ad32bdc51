//! Creating and updating a gRPC Ingress, then the wait for the controller.

use std::time::Duration;

use serde_json::Value as Json;
use tokio::time::Instant;

use super::model::GrpcIngress;
use super::object::{self, BACKEND_PROTOCOL, GRPC, HTTP, address, ingress, publish};
use super::schema::WRITE_TIMEOUT;
use super::{GrpcIngressResource, Ours, PROTOCOL_FACT};
use crate::framework::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::framework::model::{Attr, Field, Planned, Stored};
use crate::framework::path::Path;
use crate::framework::plan::resolve;
use crate::framework::resource::{Applying, TimeoutOf, TimeoutSource};
use crate::kubernetes::{FieldPath, Kind, Object, ObjectRef};
use crate::resources::kubernetes_attributes::effective;
use crate::resources::kubernetes_object::{Fleet, Home, KNOWN_DRIFT_FACT, Origin, UID_FACT};
use crate::resources::look_again::look_again;
use crate::resources::pending::{PENDING_FACT, Pending};
use crate::resources::proved::Proved;
use crate::resources::reconcile::{Ending, Goal, Onlooker, watched};
use crate::resources::wait_report::{Telling, guilty_siblings, label_alone, not_ready, without_backend};

/// Why nothing is waited for.
const NOT_WAITED: &str = "not waited for: wait is false";

/// What a write led to, for the wait after it.
struct Written {
    live: Object,
    goal: Goal,
    created: bool,
    timeout: Duration,
    deadline: Instant,
}

impl GrpcIngressResource {
    /// What the plan says, with what only apply knows.
    fn intended(&self, planned: &GrpcIngress<Planned>) -> Result<GrpcIngress<Stored>, Diagnostics> {
        let settings = &self.clients.settings;
        let mut planned = planned.clone();
        planned.backend_protocol = Attr::Known(GRPC.to_owned());
        planned.effective_labels = effective(Some(&settings.default_labels), &planned.labels);
        planned.effective_annotations = effective(Some(&settings.default_annotations), &planned.annotations);
        GrpcIngress::from_value(&resolve(&planned.to_value()))
            .map_err(|error| Diagnostic::error("Unsuitable Value", error.to_string()).into())
    }

    pub(super) async fn create_ingress(
        &self,
        cx: &mut Applying<Self>,
        planned: &GrpcIngress<Planned>,
    ) -> Result<GrpcIngress<Stored>, Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let timeout = planned.timeouts.timeout(TimeoutOf::Create, WRITE_TIMEOUT);
        let deadline = Instant::now() + timeout;
        let mut state = self.intended(planned)?;
        state.fleet_id = Some(fleet.id().await?);
        let ours = Ours::of(&state);
        let intent = ingress(&state);
        let attributes = state.clone();
        let attribute = move |path: &FieldPath| object::attribute(&attributes, path);
        self.enforce(&fleet, cx, &state, None).await?;
        let mut onlooker = look_on(&fleet, &state, &ours.object, cx).await?;
        let adopt = state.adopt == Some(true);
        let described = ours.described(&attribute);
        let before = if adopt { fleet.look(&ours.object).await.ok() } else { None };
        let create = fleet.create(&described, &intent, adopt, deadline, &mut cx.warnings);
        let (live, origin) = watched(onlooker.as_mut(), create).await?;
        fleet.claim(&live, &mut cx.private, UID_FACT);
        let taken_over = before.filter(|_| matches!(origin, Origin::Adopted(_)));
        let protocol = protocol_of(taken_over.as_ref());
        cx.private.set_fact(PROTOCOL_FACT, protocol);
        if protocol != GRPC {
            cx.warnings.push(adopted_with(protocol, &ours.object));
        }
        if let Some(onlooker) = onlooker.as_mut().filter(|_| origin != Origin::LeftByUs) {
            onlooker.answered(&live);
        }
        let concerns = onlooker.as_ref().is_none_or(|onlooker| onlooker.concerns_controller(&live));
        let goal = if origin == Origin::Adopted(true) && concerns { Goal::OurWrite } else { Goal::Published };
        if let (Goal::OurWrite, Some(onlooker)) = (&goal, &onlooker) {
            cx.private.set_fact(PENDING_FACT, onlooker.pending().to_fact());
        }
        publish(&mut state, &live);
        state.ready = Some(false);
        state.reason = Some("the controller has not published it yet".to_owned());
        cx.checkpoint(&state);
        let written = Written { live, goal, created: true, timeout, deadline };
        self.settle(&fleet, cx, state, onlooker, written).await
    }

    pub(super) async fn update_ingress(
        &self,
        cx: &mut Applying<Self>,
        prior: &GrpcIngress<Stored>,
        planned: &GrpcIngress<Planned>,
    ) -> Result<GrpcIngress<Stored>, Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let timeout = planned.timeouts.timeout(TimeoutOf::Update, WRITE_TIMEOUT);
        let deadline = Instant::now() + timeout;
        let mut state = self.intended(planned)?;
        state.fleet_id.clone_from(&prior.fleet_id);
        let ours = Ours::of(&state);
        let attributes = state.clone();
        let attribute = move |path: &FieldPath| object::attribute(&attributes, path);
        let private = cx.private.clone();
        let home = Home::of(prior.fleet_id.as_ref(), &private);
        self.enforce(&fleet, cx, &state, Some(prior)).await?;
        let mut onlooker = look_on(&fleet, &state, &ours.object, cx).await?;
        let described = ours.described(&attribute);
        let (from, to) = (ingress(prior), ingress(&state));
        let update = fleet.update(&described, home, &from, &to, &[], deadline);
        let updated = watched(onlooker.as_mut(), update).await?;
        let live = updated.object;
        let wrote = updated.wrote && onlooker.as_ref().is_none_or(|onlooker| onlooker.concerns_controller(&live));
        let earlier = private.fact(PENDING_FACT).and_then(Pending::from_fact);
        if wrote && let Some(onlooker) = &mut onlooker {
            onlooker.follows(prior.ready, prior.reason.as_deref(), earlier.as_ref(), Proved::recalled(&private));
            onlooker.answered(&live);
            cx.private.set_fact(PENDING_FACT, onlooker.pending().to_fact());
        }
        cx.private.set_fact(UID_FACT, live.uid());
        cx.private.remove_fact(KNOWN_DRIFT_FACT);
        publish(&mut state, &live);
        state.ready = Some(false);
        state.reason = Some("the controller has not finished the last change yet".to_owned());
        cx.checkpoint(&state);
        let goal = match (wrote, prior.ready, earlier) {
            (true, ..) => Goal::OurWrite,
            (false, Some(false), Some(earlier)) => Goal::EarlierWrite(earlier),
            (false, Some(false), None) => Goal::Published,
            // No write, no wait.
            (false, Some(true) | None, _) => {
                state.ready = (state.wait != Some(false) && address(&live).is_some()).then_some(true);
                state.reason = state.ready.is_none().then(|| NOT_WAITED.to_owned());
                return Ok(state);
            }
        };
        let written = Written { live, goal, created: false, timeout, deadline };
        self.settle(&fleet, cx, state, onlooker, written).await
    }

    /// Waits, if there is something to wait for, and says how it went.
    async fn settle(
        &self,
        fleet: &Fleet,
        cx: &mut Applying<Self>,
        mut state: GrpcIngress<Stored>,
        onlooker: Option<Onlooker>,
        written: Written,
    ) -> Result<GrpcIngress<Stored>, Diagnostics> {
        let Written { live, mut goal, created, timeout, deadline } = written;
        let Some(mut onlooker) = onlooker else {
            state.ready = None;
            state.reason = Some(NOT_WAITED.to_owned());
            cx.private.remove_fact(PENDING_FACT);
            return Ok(state);
        };
        let published = |live: &Object| address(live).is_some();
        if !created && onlooker.is_passed_over(&goal, &published, deadline, self.patience).await {
            let ours = Ours::of(&state);
            let attribute = |path: &FieldPath| object::attribute(&state, path);
            let (private, now) = (cx.private.clone(), cx.context.clock.now());
            let home = Home::of(state.fleet_id.as_ref(), &private);
            let described = ours.described(&attribute);
            if look_again(fleet, &mut onlooker, &described, home, &ingress(&state), now, deadline).await {
                goal = Goal::OurWrite;
                cx.private.set_fact(PENDING_FACT, onlooker.pending().to_fact());
            }
        }
        let waited = onlooker.wait(&goal, &published, deadline, self.patience).await;
        publish(&mut state, waited.live.as_ref().unwrap_or(&live));
        state.ready = Some(waited.ending == Ending::Ready);
        state.reason = waited.reason();
        if waited.ending == Ending::Ready {
            cx.private.remove_fact(PENDING_FACT);
            Proved::remember(&mut cx.private, waited.live.as_ref().unwrap_or(&live));
            label_alone(fleet, &goal, &waited).into_iter().for_each(|told| cx.warnings.push(told));
            let object = Ours::of(&state).object;
            without_backend(&object, &waited).into_iter().for_each(|told| cx.warnings.push(told));
            return Ok(state);
        }
        let object = Ours::of(&state).object;
        let setting = if created { "timeouts.create" } else { "timeouts.update" };
        let strict = state.on_wait_timeout.as_deref() == Some("error");
        let siblings = guilty_siblings(fleet.api(), &object, &waited).await;
        let telling = Telling { object: &object, created, strict, timeout, setting };
        let diagnostic = not_ready(&waited, &siblings, &telling);
        if diagnostic.severity == Severity::Error {
            cx.checkpoint(&state);
            if created {
                cx.allow_taint();
            }
            return Err(diagnostic.into());
        }
        cx.warnings.push(diagnostic);
        Ok(state)
    }
}

/// The protocol that an Ingress's server groups were made with; ours if we made it.
fn protocol_of(taken_over: Option<&Object>) -> &str {
    taken_over.map_or(GRPC, |before| before.annotation(BACKEND_PROTOCOL).unwrap_or(HTTP))
}

fn adopted_with(protocol: &str, object: &ObjectRef) -> Diagnostic {
    Diagnostic::warning(
        "Adopted Ingress Speaks Another Protocol",
        format!(
            "{object} was made with backend protocol {protocol:?}. It is written as {GRPC:?} now, but the controller ignores a \
             changed protocol of a live Ingress and reports success. The next plan replaces it; apply again."
        ),
    )
    .at(Path::attribute("backend_protocol"))
}

async fn look_on(
    fleet: &Fleet,
    state: &GrpcIngress<Stored>,
    object: &ObjectRef,
    cx: &Applying<GrpcIngressResource>,
) -> Result<Option<Onlooker>, Diagnostics> {
    if state.wait == Some(false) {
        return Ok(None);
    }
    let gateway = gateway_of(fleet, state.ingress_class_name.as_deref().unwrap_or_default()).await;
    fleet.look_on(object, gateway.as_ref(), cx.context.clock.now()).await.map(Some)
}

/// The AlbConfig that an IngressClass leads to, if that can be found out. The plan of many Ingresses asks it in few calls.
async fn gateway_of(fleet: &Fleet, class: &str) -> Option<ObjectRef> {
    let class = fleet.look(&ObjectRef::cluster(Kind::INGRESS_CLASS, class)).await.ok()?;
    let name = class.value().pointer("/spec/parameters/name").and_then(Json::as_str)?;
    Some(ObjectRef::cluster(Kind::ALB_CONFIG, name))
}
