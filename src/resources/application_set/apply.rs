//! Creating and updating an ApplicationSet, then the wait for what it generates.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::model::{ApplicationSetModel, State, expected, import_id, object_ref};
use super::schema::WRITE_TIMEOUT;
use super::wait::{Ending, Goal, Watcher};
use super::{ApplicationSet, described, judge, object, plan, report};
use crate::framework::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::framework::model::Planned;
use crate::framework::path::Path;
use crate::framework::resource::{Applying, TimeoutOf, TimeoutSource};
use crate::kubernetes::{FieldPath, Object, ObjectRef};
use crate::resources::diagnose;
use crate::resources::kubernetes_attributes::effective;
use crate::resources::kubernetes_object::{Fleet, Home, KNOWN_DRIFT_FACT, Origin, UID_FACT};

/// What a write led to, for the wait after it.
struct Written {
    live: Object,
    goal: Goal,
    created: bool,
    timeout: Duration,
    deadline: Instant,
}

impl ApplicationSet {
    /// What the plan says, with what only apply knows.
    fn intended(&self, planned: &ApplicationSetModel<Planned>) -> Result<State, Diagnostics> {
        let settings = &self.clients.settings;
        let mut planned = planned.clone();
        planned.effective_labels = effective(Some(&settings.default_labels), &planned.labels);
        planned.effective_annotations = effective(Some(&settings.default_annotations), &planned.annotations);
        plan::intended(&planned).map_err(|error| Diagnostic::error("Unsuitable Value", error.to_string()).into())
    }

    pub(super) async fn create_set(
        &self,
        cx: &mut Applying<Self>,
        planned: &ApplicationSetModel<Planned>,
    ) -> Result<State, Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let timeout = planned.timeouts.timeout(TimeoutOf::Create, WRITE_TIMEOUT);
        let deadline = Instant::now() + timeout;
        let mut state = self.intended(planned)?;
        state.fleet_id = Some(fleet.id().await?);
        let (object, intent) = (object_ref(&state), object::intent(&state));
        let import_id = import_id(&object);
        let attributes = state.clone();
        let attribute = move |path: &FieldPath| object::attribute(&attributes, path);
        let described = described(&object, &import_id, &attribute);
        let mut watcher = look_on(&fleet, &state, &object).await?;
        let adopt = state.adopt == Some(true);
        let (live, origin) = fleet.create(&described, &intent, adopt, deadline, &mut cx.warnings).await?;
        fleet.claim(&live, &mut cx.private, UID_FACT);
        let goal = match origin {
            Origin::New => Goal::Created,
            Origin::Adopted(true) => Goal::OurWrite,
            Origin::LeftByUs | Origin::Adopted(false) => Goal::Settled,
        };
        if let Some(watcher) = &mut watcher {
            watcher.answered(&live);
        }
        state.ready = Some(false);
        state.reason = Some("Argo CD has not deployed it yet".to_owned());
        state.applications = Some(judge::listed(&[]));
        cx.checkpoint(&state);
        let written = Written { live, goal, created: true, timeout, deadline };
        self.settle(cx, state, watcher, written).await
    }

    pub(super) async fn update_set(
        &self,
        cx: &mut Applying<Self>,
        prior: &State,
        planned: &ApplicationSetModel<Planned>,
    ) -> Result<State, Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let timeout = planned.timeouts.timeout(TimeoutOf::Update, WRITE_TIMEOUT);
        let deadline = Instant::now() + timeout;
        let mut state = self.intended(planned)?;
        state.fleet_id.clone_from(&prior.fleet_id);
        let object = object_ref(&state);
        let import_id = import_id(&object);
        let attributes = state.clone();
        let attribute = move |path: &FieldPath| object::attribute(&attributes, path);
        let described = described(&object, &import_id, &attribute);
        let private = cx.private.clone();
        let home = Home::of(prior.fleet_id.as_ref(), &private);
        let mut watcher = look_on(&fleet, &state, &object).await?;
        let (from, to) = (object::intent(prior), object::intent(&state));
        let updated = fleet.update(&described, home, &from, &to, &[], deadline).await?;
        let live = updated.object;
        cx.private.set_fact(UID_FACT, live.uid());
        cx.private.remove_fact(KNOWN_DRIFT_FACT);
        if let Some(watcher) = watcher.as_mut().filter(|_| updated.wrote) {
            watcher.answered(&live);
        }
        state.applications.clone_from(&prior.applications);
        state.ready = Some(false);
        state.reason = Some("Argo CD has not deployed the last change yet".to_owned());
        cx.checkpoint(&state);
        let earlier: BTreeSet<String> = expected(prior).into_iter().collect();
        let expects_more = expected(&state).iter().any(|id| !earlier.contains(id));
        let goal = if updated.wrote { Goal::OurWrite } else { Goal::Settled };
        if !updated.wrote && prior.ready != Some(false) && !expects_more && state.wait == prior.wait {
            // No write, no wait.
            (state.ready, state.reason) = (prior.ready, prior.reason.clone());
            return Ok(state);
        }
        let written = Written { live, goal, created: false, timeout, deadline };
        self.settle(cx, state, watcher, written).await
    }

    /// Waits, if there is something to wait for, and says how it went.
    async fn settle(
        &self,
        cx: &mut Applying<Self>,
        mut state: State,
        watcher: Option<Watcher>,
        written: Written,
    ) -> Result<State, Diagnostics> {
        let Written { live, goal, created, timeout, deadline } = written;
        let Some(watcher) = watcher else {
            state.ready = None;
            state.reason = Some(report::NOT_WAITED.to_owned());
            return Ok(state);
        };
        tracing::debug!(k8s_name = live.name(), "the set is written");
        let waited = watcher.wait(goal, deadline, self.patience).await;
        state.applications = Some(judge::listed(&waited.applications));
        state.reason = report::reason(&waited);
        let object = object_ref(&state);
        match waited.ending {
            Ending::Ready => {
                state.ready = Some(true);
                return Ok(state);
            }
            Ending::Empty => {
                state.ready = None;
                cx.warnings.push(report::nothing(&object).at(Path::attribute("expected_cluster_ids")));
                return Ok(state);
            }
            Ending::TimedOut | Ending::Interrupted | Ending::Stuck | Ending::Vanished | Ending::Blind(_) => {}
        }
        state.ready = Some(false);
        let setting = if created { "timeouts.create" } else { "timeouts.update" };
        let strict = state.on_wait_timeout.as_deref() == Some("error");
        let telling = report::Telling { object: &object, created, strict, timeout, setting };
        let diagnostic = report::not_ready(&waited, &telling);
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

/// Begins to watch, before a write, if the wait after it is wanted.
async fn look_on(fleet: &Fleet, state: &State, object: &ObjectRef) -> Result<Option<Watcher>, Diagnostics> {
    if state.wait == Some(false) {
        return Ok(None);
    }
    let watcher = Watcher::begin(fleet.api(), object, expected(state)).await;
    watcher.map(Some).map_err(|error| {
        let doing = format!("watching {object} and its Applications");
        diagnose::kubernetes_error(&doing, &error, &object::server_attribute)
    })
}
