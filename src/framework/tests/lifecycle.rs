//! What happens around create, update, read, delete, import and upgrade: nothing that became true is lost.

use std::sync::Arc;

use serde_json::json;

use super::everything::{Fault, ThingResource, World};
use crate::cancel::Cancel;
use crate::clock::SystemClock;
use crate::framework::conformance::host_rules;
use crate::framework::diagnostic::Severity;
use crate::framework::erased::{AnyResource, ApplyRequest, HostCapabilities, PlanRequest, ResourceType, StateAnswer};
use crate::framework::private::Private;
use crate::framework::resource::{Context, ImportTarget};
use crate::framework::value::Value;

struct Stage {
    resource: Arc<dyn AnyResource>,
    world: Arc<World>,
}

fn context(cancel: Cancel) -> Context {
    Context { cancel, clock: Arc::new(SystemClock) }
}

impl Stage {
    fn new() -> Self {
        Self { resource: ResourceType::<ThingResource>::erased(), world: Arc::new(World::default()) }
    }

    fn fails(&self, fault: Fault) {
        *self.world.fault.lock().unwrap() = fault;
    }

    /// A configuration with these attributes.
    fn config(&self, attributes: &[(&str, Value)]) -> Value {
        let mut config = self.resource.schema().null_object();
        config.set("name", Value::string("a"));
        attributes.iter().for_each(|(name, value)| config.set(name, value.clone()));
        config
    }

    fn request(&self, config: &Value, prior: &Value, private: &[u8]) -> ApplyRequest {
        let proposed = host_rules::propose(self.resource.schema(), prior, config);
        let request = PlanRequest { config: config.clone(), prior: prior.clone(), proposed, private: private.to_vec() };
        let answer = self.resource.plan(&request, None, HostCapabilities { write_only_attributes: true });
        assert!(!answer.diagnostics.has_errors(), "{:?}", answer.diagnostics);
        ApplyRequest {
            prior: request.prior,
            planned: answer.planned.unwrap(),
            config: request.config,
            private: answer.private,
        }
    }

    async fn apply_within(&self, config: &Value, prior: &Value, private: &[u8], cancel: Cancel) -> StateAnswer {
        let request = self.request(config, prior, private);
        let planned = request.planned.clone();
        let answer = self.resource.apply(request, self.world.clone(), context(cancel)).await;
        host_rules::state_valid(&*self.resource, &answer).unwrap();
        let state = answer.state.clone().unwrap();
        if !answer.diagnostics.has_errors() && !state.is_null() {
            let complete = host_rules::compatible(&self.resource.schema().ty(), &planned, &state);
            assert!(complete.is_ok(), "{complete:?}");
        }
        answer
    }

    async fn apply(&self, config: &Value, prior: &Value, private: &[u8]) -> StateAnswer {
        self.apply_within(config, prior, private, Cancel::never()).await
    }

    async fn created(&self) -> StateAnswer {
        let answer = self.apply(&self.config(&[]), &Value::Null, &[]).await;
        assert!(answer.diagnostics.is_empty(), "{:?}", answer.diagnostics);
        answer
    }
}

fn severities(answer: &StateAnswer) -> Vec<Severity> {
    answer.diagnostics.iter().map(|diagnostic| diagnostic.severity).collect()
}

#[tokio::test]
async fn an_apply_answers_what_was_planned_whatever_the_world_made_of_it() {
    let stage = Stage::new();
    let config = stage.config(&[
        ("title", Value::string("Mixed Case")),
        ("labels", Value::map::<String>([])),
        ("zones", Value::List(vec![Value::string("h"), Value::string("i")])),
        ("steps", Value::List(Vec::new())),
        ("spec", Value::map([("mode", Value::Null), ("token_wo", Value::string("s3cret")), ("revision", Value::Null)])),
        ("secret_wo", Value::string("s3cret")),
    ]);
    let answer = stage.apply(&config, &Value::Null, &[]).await;
    assert_eq!(severities(&answer), []);
    let state = answer.state.unwrap();
    assert_eq!(state.attr("title"), Value::string("Mixed Case"), "the world says lower case");
    assert_eq!(state.attr("labels"), Value::map::<String>([]), "the world says null");
    assert_eq!(state.attr("steps"), Value::List(Vec::new()), "the world says null");
    assert_eq!(state.attr("spec").attr("mode"), Value::string("fast"));
    assert_eq!(state.attr("spec").attr("revision"), Value::int(1));
    assert_eq!(state.attr("spec").attr("token_wo"), Value::Null);
    assert_eq!(state.attr("secret_wo"), Value::Null);
    assert_eq!(state.attr("ready"), Value::Bool(true));
    assert_eq!(Private::decode(&answer.private).fact("secret_length"), Some("6"), "apply sees write-only values");
    assert_eq!(answer.identity.as_ref().unwrap().get("id").map(String::as_str), Some("thing-1"));
    // The world answers the token to a read as well.
    let read = stage.resource.read(state, answer.private, stage.world.clone(), context(Cancel::never())).await;
    host_rules::state_valid(&*stage.resource, &read).unwrap();
    assert_eq!(read.state.unwrap().attr("spec").attr("mode"), Value::string("fast"));
}

#[tokio::test]
async fn a_create_that_fails_before_anything_exists_stores_nothing() {
    let stage = Stage::new();
    for fault in [Fault::ErrorBefore, Fault::PanicBefore] {
        stage.fails(fault);
        let answer = stage.apply(&stage.config(&[]), &Value::Null, &[]).await;
        assert_eq!(
            (answer.state.as_ref(), severities(&answer)),
            (Some(&Value::Null), vec![Severity::Error]),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn a_create_that_fails_after_a_checkpoint_is_stored_without_an_error() {
    let stage = Stage::new();
    // The world spells these differently, which the host would not take without an error.
    let zones = Value::List(vec![Value::string("h"), Value::string("i")]);
    let config = stage.config(&[("title", Value::string("Mixed Case")), ("steps", zones)]);
    let config = &config;
    for fault in [Fault::ErrorAfterCheckpoint, Fault::PanicAfterCheckpoint] {
        stage.fails(fault);
        let answer = stage.apply(config, &Value::Null, &[]).await;
        assert_eq!(severities(&answer), [Severity::Warning], "{fault:?}: an error would taint the object");
        assert!(answer.identity.is_some());
        let state = answer.state.unwrap();
        assert_eq!(
            (state.attr("id"), state.attr("ready")),
            (Value::string("thing-1"), Value::Bool(false)),
            "{fault:?}"
        );
        assert_eq!(Private::decode(&answer.private).fact("secret_length"), Some("0"), "{fault:?}");
    }
}

#[tokio::test]
async fn the_create_half_of_a_replacement_begins_without_the_facts_of_the_old_object() {
    let stage = Stage::new();
    let mut old = Private::default();
    old.set_fact("claim", "of the old object");
    let answer = stage.apply(&stage.config(&[]), &Value::Null, &old.encode()).await;
    let private = Private::decode(&answer.private);
    assert_eq!((private.fact("claim"), private.fact("secret_length")), (None, Some("0")));
    let kept = stage.apply(&stage.config(&[("size", Value::int(7))]), &answer.state.unwrap(), &old.encode()).await;
    assert_eq!(Private::decode(&kept.private).fact("claim"), Some("of the old object"), "an update keeps its own");
}

#[tokio::test]
async fn an_interrupted_create_ends_at_once_with_what_is_known() {
    let stage = Stage::new();
    stage.fails(Fault::WaitsAfterCheckpoint);
    let cancel = Cancel::new();
    cancel.cancel();
    let answer = stage.apply_within(&stage.config(&[]), &Value::Null, &[], cancel).await;
    assert_eq!(severities(&answer), [Severity::Warning]);
    assert_eq!(answer.state.unwrap().attr("id"), Value::string("thing-1"));
}

#[tokio::test]
async fn an_update_that_fails_stores_what_is_really_there_with_its_error() {
    let stage = Stage::new();
    let created = stage.created().await;
    let prior = created.state.unwrap();
    let config = stage.config(&[("size", Value::int(7))]);
    for (fault, size) in [(Fault::ErrorBefore, 3), (Fault::PanicBefore, 3), (Fault::ErrorAfterCheckpoint, 7)] {
        stage.fails(fault);
        let answer = stage.apply(&config, &prior, &created.private).await;
        assert_eq!(severities(&answer), [Severity::Error], "{fault:?}");
        assert_eq!(answer.state.unwrap().attr("size"), Value::int(size), "{fault:?}");
        assert!(answer.identity.is_some() && !answer.private.is_empty(), "{fault:?}");
    }
}

#[tokio::test]
async fn an_object_that_is_not_ready_is_waited_for_again_and_then_rests() {
    let stage = Stage::new();
    stage.fails(Fault::ErrorAfterCheckpoint);
    let config = stage.config(&[]);
    let unready = stage.apply(&config, &Value::Null, &[]).await;
    stage.fails(Fault::None);
    let prior = unready.state.unwrap();
    let planned = stage.request(&config, &prior, &unready.private).planned;
    assert!(planned.attr("ready").is_unknown(), "an update is due");
    assert_eq!(planned.attr("id"), prior.attr("id"), "a stable value stays known");
    let ready = stage.apply(&config, &prior, &unready.private).await;
    let prior = ready.state.unwrap();
    assert_eq!(stage.request(&config, &prior, &ready.private).planned, prior, "nothing is left to do");
}

#[tokio::test]
async fn a_change_of_a_local_setting_touches_nothing_remote() {
    let stage = Stage::new();
    let created = stage.created().await;
    let prior = created.state.unwrap();
    stage.fails(Fault::PanicBefore);
    let config = stage.config(&[("adopt", Value::Bool(true))]);
    let planned = stage.request(&config, &prior, &created.private).planned;
    assert!(planned.is_wholly_known(), "{planned:?}");
    let answer = stage.apply(&config, &prior, &created.private).await;
    assert_eq!((severities(&answer), answer.state.unwrap().attr("adopt")), (vec![], Value::Bool(true)));
}

#[tokio::test]
async fn a_read_keeps_state_on_errors_and_says_gone_only_when_it_is() {
    let stage = Stage::new();
    let created = stage.created().await;
    let prior = created.state.unwrap();
    for fault in [Fault::ErrorBefore, Fault::PanicBefore] {
        stage.fails(fault);
        let read =
            stage.resource.read(prior.clone(), created.private.clone(), stage.world.clone(), context(Cancel::never()));
        let answer = read.await;
        assert_eq!(
            (severities(&answer), answer.state, answer.private),
            (vec![Severity::Error], Some(prior.clone()), created.private.clone())
        );
        assert!(answer.identity.is_some());
    }
    stage.fails(Fault::None);
    let read =
        || stage.resource.read(prior.clone(), created.private.clone(), stage.world.clone(), context(Cancel::never()));
    let answer = read().await;
    assert_eq!((answer.state, answer.private), (Some(prior.clone()), created.private.clone()));
    stage.world.things.lock().unwrap().clear();
    let gone = read().await;
    assert_eq!((gone.state, gone.identity, gone.diagnostics.is_empty()), (Some(Value::Null), None, true));
}

#[tokio::test]
async fn a_refused_delete_keeps_the_object_and_a_repeated_one_succeeds() {
    let stage = Stage::new();
    let created = stage.created().await;
    let request = ApplyRequest {
        prior: created.state.clone().unwrap(),
        planned: Value::Null,
        config: Value::Null,
        private: created.private,
    };
    stage.fails(Fault::ErrorBefore);
    let delete = || stage.resource.apply(request.clone(), stage.world.clone(), context(Cancel::never()));
    let refused = delete().await;
    assert_eq!((severities(&refused), refused.state), (vec![Severity::Error], created.state));
    stage.fails(Fault::None);
    for _ in 0..2 {
        let deleted = delete().await;
        assert_eq!((severities(&deleted), deleted.state, deleted.identity), (vec![], Some(Value::Null), None));
    }
}

#[tokio::test]
async fn an_import_and_the_read_after_it_plan_empty() {
    let stage = Stage::new();
    let created = stage.created().await;
    let identity = [("name".to_owned(), "a".to_owned())].into();
    for target in [ImportTarget::Id("a".to_owned()), ImportTarget::Identity(identity)] {
        let imported = stage.resource.import(target, stage.world.clone(), context(Cancel::never())).await;
        assert!(Private::decode(&imported.private).is_imported());
        assert_eq!(imported.state.as_ref().unwrap().attr("adopt"), Value::Bool(false), "defaults of local settings");
        let read = stage.resource.read(
            imported.state.unwrap(),
            imported.private,
            stage.world.clone(),
            context(Cancel::never()),
        );
        let read = read.await;
        host_rules::state_valid(&*stage.resource, &read).unwrap();
        let state = read.state.unwrap();
        assert!(!Private::decode(&read.private).is_imported());
        assert_eq!(read.identity, created.identity);
        assert_eq!(stage.request(&stage.config(&[]), &state, &read.private).planned, state);
    }
    let nothing = stage.resource.import(ImportTarget::Id(String::new()), stage.world.clone(), context(Cancel::never()));
    let nothing = nothing.await;
    assert_eq!((severities(&nothing), nothing.state), (vec![Severity::Error], None));
}

#[test]
fn old_states_climb_one_version_at_a_time() {
    let stage = Stage::new();
    let upgrade = |version, state| stage.resource.upgrade(version, state).unwrap();
    assert_eq!(upgrade(0, json!({"label": "x", "size": "4"})), json!({"title": "x", "size": 4}));
    assert_eq!(upgrade(1, json!({"title": "x", "size": "4"})), json!({"title": "x", "size": 4}));
    assert_eq!(upgrade(2, json!({"title": "x"})), json!({"title": "x"}));
}

#[test]
fn models_and_schema_name_the_same_attributes() {
    let stage = Stage::new();
    let mut names: Vec<_> = stage.resource.schema().attributes.iter().map(|attribute| attribute.name).collect();
    names.sort_unstable();
    for fields in stage.resource.model_fields() {
        let mut fields = fields.to_vec();
        fields.sort_unstable();
        assert_eq!(fields, names);
    }
}
