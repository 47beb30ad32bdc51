//! Refreshing an ApplicationSet.

use super::judge::{self, View};
use super::model::{State, expected, import_id, metadata, object_ref};
use super::report::{GENERATES_NOTHING, NOT_WAITED};
use super::{ApplicationSet, described, object};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::resource::{READ_TIMEOUT, Reading, TimeoutOf, TimeoutSource};
use crate::kubernetes::{FieldPath, Kind, Object};
use crate::resources::argo_cd;
use crate::resources::kubernetes_object::{Fleet, Found, Home, UID_FACT, within};
use crate::resources::object_metadata;

impl ApplicationSet {
    pub(super) async fn read_set(&self, cx: &mut Reading, prior: &State) -> Result<Option<State>, Diagnostics> {
        let limit = prior.timeouts.timeout(TimeoutOf::Read, READ_TIMEOUT);
        within(limit, "timeouts.read", self.refresh(cx, prior)).await
    }

    async fn refresh(&self, cx: &mut Reading, prior: &State) -> Result<Option<State>, Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let object = object_ref(prior);
        let import_id = import_id(&object);
        let attribute = |path: &FieldPath| object::attribute(prior, path);
        let private = cx.private.clone();
        let home = Home::of(prior.fleet_id.as_ref(), &private);
        let described = described(&object, &import_id, &attribute);
        let live = match fleet.find(&described, home, &mut cx.warnings).await? {
            Found::Live(live) => live,
            Found::Gone => return Ok(None),
        };
        let imported = private.is_imported();
        let drift = object::drift(prior, &live, imported);
        drift.tell(&object, &mut cx.warnings);
        drift.remember(&object, UID_FACT, &mut cx.private);
        let mut state = object::refresh(prior, &live, &drift);
        let maps = object_metadata::refresh(&metadata(prior), &live, &drift, &self.clients.settings, |_| false);
        state.labels = maps.labels;
        state.annotations = maps.annotations;
        state.effective_labels = maps.effective_labels;
        state.effective_annotations = maps.effective_annotations;
        if state.fleet_id.is_none() {
            state.fleet_id = Some(fleet.id().await?);
        }
        cx.private.set_fact(UID_FACT, live.uid());
        match owned(&fleet, &live).await {
            Some(applications) => {
                (state.ready, state.reason) = sight(&state, &live, &applications, imported);
                state.applications = Some(judge::listed(&applications));
            }
            // Without the right to list them, what is known stays.
            None if imported => state.reason = Some(NOT_SEEN.to_owned()),
            None => {}
        }
        Ok(Some(state))
    }
}

/// Whether an expected member has no Application, as far as destinations tell members.
fn has_lost_one<'a>(expected: impl IntoIterator<Item = &'a String>, applications: &[Object]) -> bool {
    let destinations: Vec<&str> = applications.iter().map(judge::cluster).collect();
    let has = |id: &String| destinations.iter().any(|destination| argo_cd::is_cluster(destination, id));
    destinations.iter().all(|destination| argo_cd::is_named(destination)) && !expected.into_iter().all(has)
}

/// Why an import does not say whether a set is ready.
const NOT_SEEN: &str = "not known: Applications cannot be listed";

/// The Applications of a set, in one list with whoever else reads Applications at the time.
async fn owned(fleet: &Fleet, set: &Object) -> Option<Vec<Object>> {
    let mut found = Vec::new();
    let uid = set.uid().to_owned();
    let mut sink = |application: Object| {
        if judge::is_owned(&application, &uid) {
            found.push(application);
        }
    };
    let mut listed = fleet.visit(Kind::APPLICATION, &mut sink).await;
    if listed.is_err() {
        // Whoever may work in Argo CD's namespace only lists that.
        let here = fleet.api().list(Kind::APPLICATION, set.namespace(), None).await;
        listed = here.map(|all| all.items.into_iter().for_each(&mut sink));
    }
    match listed {
        Ok(()) => {
            found.sort_by(|a, b| a.name().cmp(b.name()));
            Some(found)
        }
        Err(error) => {
            tracing::info!(%error, "Applications cannot be listed");
            None
        }
    }
}

/// `ready` and `reason` after a refresh. `false` becomes `true` on evidence; `true` becomes `false` only if an expected member
/// has lost its Application, never for one that is ill: every hiccup would be a difference.
fn sight(state: &State, live: &Object, applications: &[Object], imported: bool) -> (Option<bool>, Option<String>) {
    let expected = expected(state);
    let view = View { set: live, applications, clusters: None, expected: &expected };
    let obstacles = view.obstacles();
    let is_ready = view.is_known() && view.is_carried() && obstacles.is_empty() && !applications.is_empty();
    let has_waited_for_nothing = state.reason.as_deref() == Some(GENERATES_NOTHING);
    match state.ready {
        Some(true) if has_lost_one(&expected, applications) => {
            (Some(false), Some("an expected member has no Application any more".to_owned()))
        }
        Some(true) => (Some(true), None),
        Some(false) if is_ready => (Some(true), None),
        None if is_ready && (imported || has_waited_for_nothing) => (Some(true), None),
        None if imported => {
            let first = obstacles.first().map(judge::Obstacle::line);
            (None, Some(first.unwrap_or_else(|| GENERATES_NOTHING.to_owned())))
        }
        None if has_waited_for_nothing && !applications.is_empty() => {
            (Some(false), Some("the set generates Applications now".to_owned()))
        }
        Some(false) => (Some(false), state.reason.clone()),
        None => (None, state.reason.clone().or_else(|| Some(NOT_WAITED.to_owned()))),
    }
}
