//! A resource type, for tests alone, that uses every feature of the framework, and the world it lives in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;

use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::{Attr, Field, Planned, Secret, Stored};
use crate::framework::path::Path;
use crate::framework::resource::{
    Applying, Context, Deleting, ImportTarget, Planning, Reading, Resource, Timeouts, timeouts_attribute,
};
use crate::framework::schema::{
    Attribute, Identity, IdentityAttribute, IdentitySchema, Nesting, OnUpdate, Problem, Schema,
};
use crate::framework::types::Type;
use crate::framework::value::Value;

crate::model! {
    /// One of a kind.
    pub(crate) struct Thing {
        /// Identifies it.
        pub(crate) name: String,
        /// Spelled as one likes.
        pub(crate) title: String,
        /// Has a default.
        pub(crate) size: i64,
        /// By key.
        pub(crate) labels: BTreeMap<String, P::Of<String>>,
        /// Unordered.
        pub(crate) zones: Vec<P::Of<String>>,
        /// Ordered.
        pub(crate) steps: Vec<P::Of<String>>,
        /// Not in state.
        pub(crate) secret_wo: Secret,
        /// Changes with the secret.
        pub(crate) secret_wo_version: i64,
        /// One object.
        pub(crate) spec: Spec<P>,
        /// Objects in order.
        pub(crate) rules: Vec<P::Of<Rule<P>>>,
        /// Objects by key.
        pub(crate) listeners: BTreeMap<String, P::Of<Listener<P>>>,
        /// Given by the user or the world.
        pub(crate) address: String,
        /// Given by the world, stays.
        pub(crate) id: String,
        /// Derived by the plan.
        pub(crate) digest: String,
        /// May change with each update.
        pub(crate) ready: bool,
        /// Ours alone.
        pub(crate) adopt: bool,
        /// Ours alone.
        pub(crate) timeouts: Timeouts<P>,
    }
}

crate::model! {
    /// Of a thing.
    pub(crate) struct Spec {
        /// Has a default.
        pub(crate) mode: String,
        /// Has none.
        pub(crate) weight: i64,
        /// Not in state.
        pub(crate) token_wo: Secret,
        /// Given by the world.
        pub(crate) revision: i64,
    }
}

crate::model! {
    /// Of a thing.
    pub(crate) struct Rule {
        /// Required.
        pub(crate) path: String,
        /// Has a default.
        pub(crate) priority: i64,
        /// Not in state.
        pub(crate) token_wo: Secret,
    }
}

crate::model! {
    /// Of a thing.
    pub(crate) struct Listener {
        /// Required.
        pub(crate) port: i64,
        /// Given by the user or the world.
        pub(crate) status: String,
    }
}

/// What things live in. Says how the next operation ends.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) things: Mutex<BTreeMap<String, Value>>,
    pub(crate) fault: Mutex<Fault>,
    /// What `cross_check` warns of, if it warns.
    pub(crate) warning: Mutex<Option<String>>,
    /// How often `cross_check` ran.
    pub(crate) checks: Mutex<u32>,
}

/// How an operation ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    ErrorBefore,
    ErrorAfterCheckpoint,
    PanicAfterCheckpoint,
    PanicBefore,
    WaitsAfterCheckpoint,
    Hangs,
}

/// Under test.
#[derive(Debug)]
pub(crate) struct ThingResource {
    world: Arc<World>,
}

fn same_title(a: &Value, b: &Value) -> bool {
    let lower = |value: &Value| value.as_str().map(str::to_lowercase);
    lower(a) == lower(b)
}

fn at_least_one(value: &Value) -> Result<(), Problem> {
    match value.as_i64() {
        Some(number) if number >= 1 => Ok(()),
        _ => Err(Problem::new("Invalid Number", "The number must be 1 or more.")),
    }
}

fn failed(what: &str) -> Diagnostics {
    Diagnostic::error("Thing Not Made", format!("The world refused: {what}.")).into()
}

impl ThingResource {
    fn fault(&self) -> Fault {
        *self.world.fault.lock().unwrap()
    }

    async fn put(
        &self,
        cx: &mut Applying<Self>,
        planned: Thing<Planned>,
        id: String,
    ) -> Result<Thing<Stored>, Diagnostics> {
        if self.fault() == Fault::ErrorBefore {
            return Err(failed("before anything was made"));
        }
        assert!(self.fault() != Fault::PanicBefore, "as told");
        let made = made(&planned, id);
        self.world.things.lock().unwrap().insert(made.name.clone().unwrap_or_default(), made.to_value());
        cx.checkpoint(&Thing { ready: Some(false), ..made.clone() });
        match self.fault() {
            Fault::ErrorAfterCheckpoint => Err(failed("after something was made")),
            Fault::PanicAfterCheckpoint => panic!("as told"),
            Fault::WaitsAfterCheckpoint => {
                cx.context.cancel.cancelled().await;
                Err(failed("interrupted"))
            }
            Fault::Hangs => std::future::pending().await,
            Fault::None | Fault::ErrorBefore | Fault::PanicBefore => Ok(made),
        }
    }
}

/// What the world makes of a plan: lower-case titles, sorted zones, no difference between null and empty.
fn made(planned: &Thing<Planned>, id: String) -> Thing<Stored> {
    let mut value = crate::framework::plan::resolve(&planned.to_value());
    for name in ["labels", "zones", "steps"] {
        if value.attr(name) == Value::List(Vec::new()) || value.attr(name) == Value::map::<String>([]) {
            value.set(name, Value::Null);
        }
    }
    let mut made = Thing::<Stored>::from_value(&value).unwrap();
    made.title = made.title.map(|title| title.to_lowercase());
    if let Some(zones) = &mut made.zones {
        zones.reverse();
    }
    made.id = Some(id);
    made.address = made.address.or(Some("10.0.0.1".to_owned()));
    made.ready = Some(true);
    made.digest = made.digest.or(Some("learned".to_owned()));
    if let Some(spec) = &mut made.spec {
        spec.revision = spec.revision.or(Some(1));
        // A careless answer: the framework must keep it out of state.
        spec.token_wo = Some(Secret::new("careless".to_owned()));
    }
    for listener in made.listeners.iter_mut().flat_map(BTreeMap::values_mut).flatten() {
        listener.status = listener.status.take().or(Some("up".to_owned()));
    }
    made
}

impl Resource for ThingResource {
    const TYPE: &'static str = "test_thing";
    type Plan = Thing<Planned>;
    type State = Thing<Stored>;
    type Clients = World;

    fn schema() -> Schema {
        let priority = Attribute::number("priority", "Order.").default_value(Value::int(10)).check(at_least_one);
        let attributes = vec![
            Attribute::string("name", "Name.").required().replaces(),
            Attribute::string("title", "Title.").same_if(same_title),
            Attribute::number("size", "Size.").default_value(Value::int(3)).check(at_least_one),
            Attribute::value("labels", Type::map(Type::String), "Labels."),
            Attribute::value("zones", Type::set(Type::String), "Zones."),
            Attribute::value("steps", Type::list(Type::String), "Steps."),
            Attribute::string("secret_wo", "Secret.").write_only(),
            Attribute::number("secret_wo_version", "Changes with the secret."),
            Attribute::nested(
                "spec",
                Nesting::Single,
                vec![
                    Attribute::string("mode", "Mode.").default_value(Value::string("fast")),
                    Attribute::number("weight", "Weight."),
                    Attribute::string("token_wo", "Token.").write_only(),
                    Attribute::number("revision", "Revision.").computed(),
                ],
                "Spec.",
            ),
            Attribute::nested(
                "rules",
                Nesting::List,
                vec![
                    Attribute::string("path", "Path.").required(),
                    priority,
                    Attribute::string("token_wo", "Token.").write_only(),
                ],
                "Rules.",
            ),
            Attribute::nested(
                "listeners",
                Nesting::Map,
                vec![
                    Attribute::number("port", "Port.").required(),
                    Attribute::string("status", "Status.").optional_computed(),
                ],
                "Listeners.",
            ),
            Attribute::string("address", "Address.").optional_computed(),
            Attribute::string("id", "Id.").computed(),
            Attribute::string("digest", "Digest.").computed().on_update(OnUpdate::Hold),
            Attribute::bool("ready", "Ready.").computed().on_update(OnUpdate::Recompute),
            Attribute::bool("adopt", "Adopt.").default_value(Value::Bool(false)).local(),
            timeouts_attribute(Duration::from_mins(5), Duration::from_mins(5), Duration::from_mins(5)),
        ];
        Schema { version: 2, ..Schema::new("A thing.", attributes) }
    }

    fn identity_schema() -> IdentitySchema {
        let name = IdentityAttribute { name: "name", required_for_import: true, description: "Name." };
        let id = IdentityAttribute { name: "id", required_for_import: false, description: "Id." };
        IdentitySchema { version: 0, attributes: vec![id, name] }
    }

    fn identity(state: &Thing<Stored>) -> Identity {
        let name = state.name.iter().map(|name| ("name".to_owned(), name.clone()));
        name.chain(state.id.iter().map(|id| ("id".to_owned(), id.clone()))).collect()
    }

    fn new(world: Arc<World>) -> Self {
        Self { world }
    }

    fn validate(config: &Thing<Planned>, diagnostics: &mut Diagnostics) {
        if let (Some(size), Some(version)) = (config.size.known(), config.secret_wo_version.known())
            && size > version
            && config.secret_wo.is_null()
        {
            diagnostics.error(Path::attribute("secret_wo"), "Missing Secret", "A large thing needs a secret.");
        }
    }

    fn wants_update(planning: &Planning<'_, Self>) -> bool {
        planning.prior.is_some_and(|prior| prior.ready == Some(false))
    }

    fn plan(planning: &mut Planning<'_, Self>) {
        planning.planned.digest = match (&planning.planned.name, &planning.planned.size) {
            (Attr::Known(name), Attr::Known(size)) => Attr::Known(format!("{name}/{size}")),
            (Attr::Known(_) | Attr::Null | Attr::Unknown, _) => Attr::Unknown,
        };
    }

    async fn cross_check(&self, _: &Context, planned: &Thing<Planned>) -> Diagnostics {
        *self.world.checks.lock().unwrap() += 1;
        match self.fault() {
            Fault::Hangs => std::future::pending().await,
            Fault::PanicBefore => panic!("as told"),
            _ => {}
        }
        let warning = self.world.warning.lock().unwrap().clone();
        let name = planned.name.known().cloned().unwrap_or_default();
        warning.map(|text| Diagnostic::warning("World Says", format!("{name}: {text}")).into()).unwrap_or_default()
    }

    async fn create(
        &self,
        cx: &mut Applying<Self>,
        planned: Thing<Planned>,
        config: Thing<Planned>,
    ) -> Result<Thing<Stored>, Diagnostics> {
        let length = config.secret_wo.known().map_or(0, |secret| secret.expose().len());
        cx.private.set_fact("secret_length", length.to_string());
        self.put(cx, planned, "thing-1".to_owned()).await
    }

    async fn update(
        &self,
        cx: &mut Applying<Self>,
        prior: Thing<Stored>,
        planned: Thing<Planned>,
        _: Thing<Planned>,
    ) -> Result<Thing<Stored>, Diagnostics> {
        self.put(cx, planned, prior.id.unwrap_or_default()).await
    }

    async fn read(&self, _: &mut Reading, prior: Thing<Stored>) -> Result<Option<Thing<Stored>>, Diagnostics> {
        match self.fault() {
            Fault::ErrorBefore => return Err(failed("no answer")),
            Fault::PanicBefore => panic!("as told"),
            _ => {}
        }
        let things = self.world.things.lock().unwrap();
        let Some(live) = things.get(prior.name.as_deref().unwrap_or_default()) else { return Ok(None) };
        let live = Thing::<Stored>::from_value(live).unwrap();
        Ok(Some(Thing { adopt: prior.adopt, timeouts: prior.timeouts, title: prior.title, ..live }))
    }

    async fn delete(&self, _: &mut Deleting, prior: Thing<Stored>) -> Result<(), Diagnostics> {
        if self.fault() == Fault::ErrorBefore {
            return Err(failed("still in use"));
        }
        self.world.things.lock().unwrap().remove(prior.name.as_deref().unwrap_or_default());
        Ok(())
    }

    async fn import(&self, _: &mut Reading, target: ImportTarget) -> Result<Thing<Stored>, Diagnostics> {
        let name = match target {
            ImportTarget::Id(id) => Some(id),
            ImportTarget::Identity(identity) => identity.get("name").cloned(),
        };
        let name = name.filter(|name| !name.is_empty()).ok_or_else(|| failed("an import needs a name"))?;
        let empty = Value::map([("name", Value::string(name))]);
        Thing::<Stored>::from_value(&empty).map_err(|error| failed(&error.to_string()))
    }

    /// Version 0 said `label`, version 1 said `title`; version 2 has a number for the size.
    fn upgrade(from_version: i64, mut state: serde_json::Value) -> Result<serde_json::Value, Diagnostics> {
        let object = state.as_object_mut().ok_or_else(|| failed("not an object"))?;
        if from_version == 0 {
            let label = object.remove("label").unwrap_or_default();
            object.insert("title".to_owned(), label);
        } else {
            let size = object.get("size").and_then(serde_json::Value::as_str).and_then(|size| size.parse::<i64>().ok());
            object.insert("size".to_owned(), size.into());
        }
        Ok(state)
    }
}

/// Where not every value will do: none of the names of a state that is about to be replaced by an equal one.
pub(crate) fn samples(path: &str) -> Option<BoxedStrategy<Value>> {
    let texts = |texts: &'static [&'static str]| proptest::sample::select(texts).prop_map(Value::string).boxed();
    match path {
        "name" => Some(texts(&["a", "b", "c"])),
        "title" => Some(texts(&["Title", "title", "TITLE", "other"])),
        "listeners[]" => Some(texts(&["80/HTTP", "443/HTTPS"])),
        _ => None,
    }
}
