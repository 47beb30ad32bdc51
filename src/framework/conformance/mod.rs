//! What a host holds every plan to, as properties over any resource type and generated configurations.
//!
//! Each resource type's tests call [`assert_resource_plans_are_true`]; configurations come from its schema alone, with
//! unknowns, nulls and refinements at every depth. An apply is played by filling in what the plan left unknown. Nothing here
//! asks a client. Facts: Terraform's `internal/plans/objchange` and `docs/resource-instance-change-lifecycle.md`.

pub(crate) mod functions;
pub(crate) mod generate;
pub(crate) mod host_rules;

use std::cell::Cell;
use std::collections::BTreeSet;

use proptest::strategy::BoxedStrategy;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use self::generate::Generator;
use super::diagnostic::{Diagnostics, Severity};
use super::erased::{AnyResource, HostCapabilities, PlanAnswer, PlanRequest};
use super::schema::Schema;
use super::value::Value;

/// Values of an attribute, by its names from the top joined with dots (`listeners.port`); `None`: any that pass its checks.
pub(crate) type Samples = dyn Fn(&str) -> Option<BoxedStrategy<Value>>;

/// Configurations tried for each resource type.
const CASES: u32 = 96;

/// For when no attribute needs samples of its own.
pub(crate) fn no_samples(_: &str) -> Option<BoxedStrategy<Value>> {
    None
}

/// Plays create, update, replacement, refresh and deletion of generated configurations through a resource type's plans and
/// panics at the first broken rule, with the smallest configurations that break it.
pub(crate) fn assert_resource_plans_are_true(resource: &dyn AnyResource, samples: &Samples) {
    assert_plans_of_a_form_are_true(resource, samples, &[]);
}

/// The same for one of several forms of a resource, in which some optional attributes, `given` by their paths, must be there.
pub(crate) fn assert_plans_of_a_form_are_true(resource: &dyn AnyResource, samples: &Samples, given: &[&str]) {
    let generator = Generator::new(resource.schema(), samples, given);
    assert_unknowns_are_never_a_problem(resource, &generator);
    let planned = Cell::new(0_u32);
    let strategy = (generator.config(), generator.config(), proptest::num::u64::ANY);
    let outcome = runner().run(&strategy, |(first, second, seed)| {
        let life = Life { resource, generator: &generator, seed, planned: &planned };
        life.run(&first, &second).map_err(TestCaseError::fail)
    });
    if let Err(error) = outcome {
        panic!("{}: {error}", resource.type_name());
    }
    assert!(
        planned.get() >= CASES / 4,
        "{}: only {} of {CASES} generated configurations are valid; give samples for the attributes that need them",
        resource.type_name(),
        planned.get()
    );
}

fn runner() -> TestRunner {
    // Deterministic, so that a failure stays; no file of regressions beside the sources.
    let config = Config { cases: CASES, failure_persistence: None, max_shrink_iters: 4096, ..Config::default() };
    TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    )
}

/// What is told of a configuration with unknown parts is told of it still when they are known: a check that needs what is
/// unknown says nothing. So a valid configuration stays valid when any part of it becomes unknown.
fn assert_unknowns_are_never_a_problem(resource: &dyn AnyResource, generator: &Generator<'_>) {
    let host = HostCapabilities { write_only_attributes: true };
    let planned = |config: &Value| {
        let proposed = host_rules::propose(resource.schema(), &Value::Null, config);
        let request = PlanRequest { config: config.clone(), prior: Value::Null, proposed, private: Vec::new() };
        resource.plan(&request, None, host).diagnostics
    };
    let strategy = (generator.config(), proptest::num::u64::ANY);
    let outcome = runner().run(&strategy, |(config, seed)| {
        // What was unknown in `config` is the only difference.
        let known = generator.resolve(&config, seed);
        let errors = |config: &Value| told(&resource.validate(config, host), Severity::Error);
        let mut early: Vec<_> = errors(&config).difference(&errors(&known)).cloned().collect();
        let (advice, of_known) = (planned(&config), planned(&known));
        if !advice.has_errors() && !of_known.has_errors() {
            let warnings = told(&advice, Severity::Warning);
            early.extend(warnings.difference(&told(&of_known, Severity::Warning)).cloned());
        }
        if early.is_empty() {
            Ok(())
        } else {
            Err(TestCaseError::fail(format!("an unknown value is reported: {early:?}")))
        }
    });
    if let Err(error) = outcome {
        panic!("{}: {error}", resource.type_name());
    }
}

/// Messages of a severity as attribute and summary.
fn told(diagnostics: &Diagnostics, severity: Severity) -> BTreeSet<(String, String)> {
    let of_severity = diagnostics.iter().filter(|one| one.severity == severity);
    of_severity.map(|one| (one.path.clone().unwrap_or_default().to_string(), one.summary.clone())).collect()
}

/// One object from its first plan to its deletion.
struct Life<'a> {
    resource: &'a dyn AnyResource,
    generator: &'a Generator<'a>,
    seed: u64,
    planned: &'a Cell<u32>,
}

/// An object after an apply.
struct Object {
    state: Value,
    private: Vec<u8>,
}

impl Life<'_> {
    fn schema(&self) -> &Schema {
        self.resource.schema()
    }

    fn plan(&self, config: &Value, prior: &Value, private: &[u8]) -> Result<Option<PlanAnswer>, String> {
        let proposed = host_rules::propose(self.schema(), prior, config);
        let request = PlanRequest { config: config.clone(), prior: prior.clone(), proposed, private: private.to_vec() };
        let host = HostCapabilities { write_only_attributes: true };
        let answer = self.resource.plan(&request, None, host);
        let again = self.resource.plan(&request, None, host);
        if (&answer.planned, &answer.requires_replace, &answer.private)
            != (&again.planned, &again.requires_replace, &again.private)
        {
            return Err(format!("two plans of one request differ: {:?} and {:?}", answer.planned, again.planned));
        }
        if answer.diagnostics.has_errors() {
            return Ok(None);
        }
        let planned = answer.planned.as_ref().ok_or("a plan without errors has no planned state")?;
        host_rules::plan_valid(self.schema(), config, prior, planned)?;
        host_rules::replace_paths_exist(self.schema(), &answer.requires_replace, prior, planned)?;
        Ok(Some(answer))
    }

    /// Plans, learns what was unknown, plans again as apply does, and applies.
    fn change(&self, config: &Value, prior: &Value, private: &[u8]) -> Result<Option<Object>, String> {
        let Some(first) = self.plan(config, prior, private)? else { return Ok(None) };
        let first_planned = first.planned.unwrap_or(Value::Null);
        let ty = self.schema().ty();
        let replaced = host_rules::replaces(&first.requires_replace, prior, &first_planned);
        if replaced {
            // The host plans the new object as a create with what the first plan handed on, and applies that.
            return self.change(config, &Value::Null, &first.private);
        }
        let learned = self.generator.resolve(config, self.seed);
        let Some(second) = self.plan(&learned, prior, private)? else { return Ok(None) };
        let second_planned = second.planned.unwrap_or(Value::Null);
        host_rules::compatible(&ty, &first_planned, &second_planned)
            .map_err(|problem| format!("the plan in apply disagrees with the first plan: {problem}"))?;
        if host_rules::replaces(&second.requires_replace, prior, &second_planned) {
            return Err("the plan in apply replaces what the first plan updates".to_owned());
        }
        self.planned.set(self.planned.get() + 1);
        let state = self.applied(&learned, &second_planned, &second.private)?;
        host_rules::compatible(&ty, &second_planned, &state)?;
        Ok(Some(Object { state, private: second.private }))
    }

    /// A state that the plan could have led to. Values that the plan left unknown are made up; where the type derives
    /// them from others, its own plan of that state says what they are.
    fn applied(&self, config: &Value, planned: &Value, private: &[u8]) -> Result<Value, String> {
        let made_up = self.generator.apply(planned, self.seed);
        let Some(answer) = self.plan(config, &made_up, private)? else { return Ok(made_up) };
        let derived = self.generator.apply(&answer.planned.unwrap_or(Value::Null), self.seed);
        let possible = host_rules::compatible(&self.schema().ty(), planned, &derived).is_ok();
        Ok(if possible { derived } else { made_up })
    }

    /// An object that is as configured is left alone.
    fn rests(&self, config: &Value, object: &Object) -> Result<(), String> {
        let learned = self.generator.resolve(config, self.seed);
        let Some(answer) = self.plan(&learned, &object.state, &object.private)? else {
            return Err("the configuration that was just applied is refused".to_owned());
        };
        let planned = answer.planned.unwrap_or(Value::Null);
        if self.schema().ty().equal(&planned, &object.state) {
            return Ok(());
        }
        let changed = host_rules::changed_attributes(self.schema(), &planned, &object.state).join(", ");
        Err(format!("the plan after apply is not empty: {changed} changed from {:?} to {planned:?}", object.state))
    }

    fn run(&self, first: &Value, second: &Value) -> Result<(), String> {
        let Some(created) = self.change(first, &Value::Null, &[])? else { return Ok(()) };
        self.rests(first, &created)?;
        if let Some(updated) = self.change(second, &created.state, &created.private)? {
            self.rests(second, &updated)?;
        }
        let request = PlanRequest {
            config: Value::Null,
            prior: created.state,
            proposed: Value::Null,
            private: created.private.clone(),
        };
        let deleted = self.resource.plan(&request, None, HostCapabilities::default());
        if deleted.planned != Some(Value::Null) || deleted.private != created.private {
            return Err("a plan to delete is not null, or loses the private data".to_owned());
        }
        Ok(())
    }
}
