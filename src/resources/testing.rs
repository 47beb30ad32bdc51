//! What tests of the resources share: a Fleet in memory, and core's side of plan and apply.
//!
//! The Fleet answers requests of the Kubernetes client, so everything down to the HTTP request is the real thing. It knows
//! just enough: create-only apply, judged apply, delete with finalizers, lists, watches whose events a test writes down.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use crate::cancel::Cancel;
use crate::clients::{Clients, Kubernetes, Settings};
use crate::cloud::{CloudClient, CloudConfig, CredentialChain, EndpointResolver};
use crate::framework::diagnostic::{Diagnostics, Severity};
use crate::framework::erased::{AnyResource, ApplyRequest, HostCapabilities, PlanAnswer, PlanRequest, StateAnswer};
use crate::framework::number::Number;
use crate::framework::provider::AnyClients;
use crate::framework::resource::{Context, ImportTarget};
use crate::framework::schema::{Attribute, Kind, Mode, Nesting};
use crate::framework::value::Value;
use crate::kubernetes::testing::{ManualClock, Received, Reply, observed, serve, status};
use crate::kubernetes::{FIELD_MANAGER, SharedLists};
use crate::resources::{AccessMemo, Sights};

/// The time of day in tests, which is also what the server's `Date` says.
pub(crate) const NOW: &str = "2026-11-23T18:30:00Z";

struct World {
    objects: BTreeMap<String, Json>,
    version: u64,
    log: Vec<String>,
    /// Calls that only read.
    reads: Vec<String>,
    /// Events that happen once a collection is watched, by the plural's name.
    scripts: BTreeMap<String, Vec<Json>>,
    /// The same, once something was written.
    after_write: BTreeMap<String, Vec<Json>>,
    /// Events that happened, with their versions: a watch that is opened again hears them again.
    history: BTreeMap<String, Vec<(u64, Json)>>,
    /// Answers instead of the normal one: method and part of the path.
    faults: Vec<(String, String, Fault)>,
    /// Finalizers that hold deleted objects, by part of the path.
    held: Vec<(String, String)>,
}

impl Default for World {
    fn default() -> Self {
        // No object ever has version 1: creates rely on it.
        Self {
            version: 10,
            objects: BTreeMap::new(),
            log: Vec::new(),
            reads: Vec::new(),
            scripts: BTreeMap::new(),
            after_write: BTreeMap::new(),
            history: BTreeMap::new(),
            faults: Vec::new(),
            held: Vec::new(),
        }
    }
}

/// What goes wrong once.
#[derive(Clone)]
pub(crate) enum Fault {
    /// The server answers this and does nothing.
    Refused(u16, &'static str, Json),
    /// The server does it, and the answer is lost.
    LostAnswer,
    /// The server never answers.
    Silence,
}

/// A Fleet in memory.
#[derive(Clone, Default)]
pub(crate) struct FakeFleet(Arc<Mutex<World>>);

impl FakeFleet {
    fn world<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        work(&mut self.0.lock().unwrap())
    }

    /// Puts an object there, as somebody else would.
    pub(crate) fn put(&self, path: &str, object: Json) {
        self.world(|world| {
            world.version += 1;
            let mut object = object;
            object["metadata"]["resourceVersion"] = json!(world.version.to_string());
            world.objects.insert(path.to_owned(), object);
        });
    }

    /// Changes an object, as somebody else would.
    pub(crate) fn edit(&self, path: &str, change: impl FnOnce(&mut Json)) {
        let mut object = self.get(path).unwrap();
        change(&mut object);
        self.put(path, object);
    }

    pub(crate) fn get(&self, path: &str) -> Option<Json> {
        self.world(|world| world.objects.get(path).cloned())
    }

    pub(crate) fn remove(&self, path: &str) {
        self.world(|world| world.objects.remove(path));
    }

    /// The next watch of this collection tells these objects as changed.
    pub(crate) fn script(&self, plural: &str, objects: impl IntoIterator<Item = Json>) {
        self.world(|world| world.scripts.insert(plural.to_owned(), objects.into_iter().collect()));
    }

    /// The same, after the next write of ours. Until then watches of the collection are closed as soon as they are opened.
    pub(crate) fn script_after_write(&self, plural: &str, objects: impl IntoIterator<Item = Json>) {
        self.world(|world| world.after_write.insert(plural.to_owned(), objects.into_iter().collect()));
    }

    /// All objects, for [`Self::put_back`].
    pub(crate) fn objects(&self) -> BTreeMap<String, Json> {
        self.world(|world| world.objects.clone())
    }

    /// Has these objects and no others.
    pub(crate) fn put_back(&self, objects: BTreeMap<String, Json>) {
        self.world(|world| world.objects = objects);
    }

    pub(crate) fn fault(&self, method: &str, path_part: &str, fault: Fault) {
        self.world(|world| world.faults.push((method.to_owned(), path_part.to_owned(), fault)));
    }

    pub(crate) fn hold(&self, path_part: &str, finalizer: &str) {
        self.world(|world| world.held.push((path_part.to_owned(), finalizer.to_owned())));
    }

    /// Writes so far, as `METHOD path`, dry runs marked.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.world(|world| world.log.clone())
    }

    /// Reads so far, as `GET path` or `WATCH path`.
    pub(crate) fn reads(&self) -> Vec<String> {
        self.world(|world| world.reads.clone())
    }

    pub(crate) fn forget_writes(&self) {
        self.world(|world| world.log.clear());
    }

    /// Clients of a provider configured anew.
    pub(crate) fn clients(&self, settings: Settings) -> AnyClients {
        let fleet = self.clone();
        let api = serve(move |received| fleet.answer(&received));
        let lists = SharedLists::new(api.clone());
        let cloud = CloudClient::new(CloudConfig::new(CredentialChain::new(Vec::new()), EndpointResolver::default()));
        let kubernetes = Some(Kubernetes::new(api, lists));
        Arc::new(Clients { cloud, kubernetes, settings, sights: Sights::default(), access: AccessMemo::default() })
    }

    fn answer(&self, received: &Received) -> Reply {
        let (path, query) = received.uri.split_once('?').unwrap_or((&received.uri, ""));
        let dry_run = query.contains("dryRun=All");
        if received.method != "GET" {
            let note = format!("{} {path}{}", received.method, if dry_run { " (dry run)" } else { "" });
            self.world(|world| world.log.push(note));
        } else {
            let verb = if query.contains("watch=true") { "WATCH" } else { "GET" };
            self.world(|world| world.reads.push(format!("{verb} {path}")));
        }
        let fault = self.world(|world| {
            let position = world
                .faults
                .iter()
                .position(|(method, part, _)| *method == received.method && path.contains(part.as_str()) && !dry_run);
            position.map(|position| world.faults.remove(position).2)
        });
        match fault {
            Some(Fault::Refused(code, reason, details)) => return status(code, reason, details),
            Some(Fault::LostAnswer) => {
                self.act(received, path, query, dry_run);
                return Reply::Broken;
            }
            Some(Fault::Silence) => return Reply::Silence,
            None => {}
        }
        self.act(received, path, query, dry_run)
    }

    fn act(&self, received: &Received, path: &str, query: &str, dry_run: bool) -> Reply {
        match received.method.as_str() {
            "GET" if query.contains("watch=true") => self.watch(path, query),
            "GET" => self.read(path, query),
            "PATCH" => self.apply(path, &received.body, dry_run),
            "DELETE" => self.delete(path, &received.body),
            other => panic!("unexpected {other} {path}"),
        }
    }

    fn watch(&self, path: &str, query: &str) -> Reply {
        let plural = path.rsplit('/').next().unwrap();
        if self.world(|world| world.after_write.contains_key(plural)) {
            return Reply::Stream(Vec::new(), false);
        }
        let from = query.split("resourceVersion=").nth(1).and_then(|rest| rest.split('&').next()?.parse::<u64>().ok());
        let lines = self.world(|world| {
            for mut object in world.scripts.remove(plural).unwrap_or_default() {
                world.version += 1;
                object["metadata"]["resourceVersion"] = json!(world.version.to_string());
                let kind = if object.get("gone").is_some() { "DELETED" } else { "MODIFIED" };
                let line = json!({"type": kind, "object": object});
                world.history.entry(plural.to_owned()).or_default().push((world.version, line));
            }
            let history = world.history.get(plural).into_iter().flatten();
            history.filter(|(version, _)| Some(*version) > from).map(|(_, line)| line.clone()).collect::<Vec<_>>()
        });
        Reply::Stream(lines, true)
    }

    fn read(&self, path: &str, query: &str) -> Reply {
        if let Some(object) = self.get(path) {
            return Reply::Json(200, object);
        }
        let plurals = [
            "albconfigs",
            "ingressclasses",
            "ingresses",
            "events",
            "namespaces",
            "secrets",
            "services",
            "applicationsets",
            "applications",
        ];
        let last = path.rsplit('/').next().unwrap();
        if !plurals.contains(&last) {
            return status(404, "NotFound", json!({"name": last, "kind": "things"}));
        }
        let name = query.split("metadata.name%3D").nth(1).map(|rest| rest.split('&').next().unwrap().to_owned());
        let items: Vec<Json> = self.world(|world| {
            world
                .objects
                .iter()
                .filter(|(at, _)| at.split('/').rev().nth(1) == Some(last))
                .filter(|(_, object)| name.as_deref().is_none_or(|name| object["metadata"]["name"] == name))
                .map(|(_, object)| object.clone())
                .collect()
        });
        let version = self.world(|world| world.version.max(1));
        Reply::Json(200, json!({"kind": "List", "metadata": {"resourceVersion": version.to_string()}, "items": items}))
    }

    fn apply(&self, path: &str, body: &Json, dry_run: bool) -> Reply {
        let conflict = || status(409, "Conflict", json!({"name": "x", "kind": "things"}));
        let stored = self.get(path);
        let asked = body["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        let mut object = match (&stored, asked.as_str()) {
            (None, "1") => {
                let mut object = body.clone();
                let number = self.world(|world| {
                    world.version += 1;
                    world.version
                });
                object["metadata"]["uid"] = json!(format!("uid-{number}"));
                object["metadata"]["creationTimestamp"] = json!("2026-11-23T18:29:30Z");
                object
            }
            (None, _) => return status(404, "NotFound", json!({"name": "x", "kind": "things"})),
            (Some(_), "1") => return conflict(),
            (Some(stored), asked) if stored["metadata"]["resourceVersion"] == asked => {
                let mut object = stored.clone();
                for part in ["/metadata/labels", "/metadata/annotations", "/spec", "/data"] {
                    for (key, value) in body.pointer(part).and_then(Json::as_object).into_iter().flatten() {
                        put(&mut object, part, key, value);
                    }
                }
                object
            }
            (Some(_), _) => return conflict(),
        };
        let mut managers = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        managers.retain(|entry| entry["manager"] != FIELD_MANAGER);
        managers.push(json!({"manager": FIELD_MANAGER, "operation": "Apply", "time": NOW, "fieldsV1": {"f:spec": {}}}));
        object["metadata"]["managedFields"] = json!(managers);
        if !dry_run {
            self.world(|world| world.scripts.append(&mut world.after_write));
            self.put(path, object);
            object = self.get(path).unwrap();
        }
        Reply::Json(if stored.is_some() { 200 } else { 201 }, object)
    }

    fn delete(&self, path: &str, body: &Json) -> Reply {
        let Some(object) = self.get(path) else {
            return status(404, "NotFound", json!({"name": "x", "kind": "things"}));
        };
        if object["metadata"]["uid"] != body["preconditions"]["uid"] {
            return status(409, "Conflict", json!({"name": "x", "kind": "things"}));
        }
        let held = self.world(|world| {
            world.held.iter().find(|(part, _)| path.contains(part.as_str())).map(|(_, finalizer)| finalizer.clone())
        });
        match held {
            Some(finalizer) => self.edit(path, |object| {
                object["metadata"]["finalizers"] = json!([finalizer]);
                object["metadata"]["deletionTimestamp"] = json!(NOW);
            }),
            None => self.remove(path),
        }
        Reply::Json(200, json!({"kind": "Status", "status": "Success"}))
    }
}

/// A field as an apply or a merge patch says it: null is gone.
fn put(object: &mut Json, part: &str, key: &str, value: &Json) {
    let whole = part.split('/').skip(1).fold(object, |object, name| &mut object[name]);
    match (value, whole.as_object_mut()) {
        (Json::Null, Some(fields)) => {
            fields.remove(key);
        }
        (Json::Null, None) => {}
        _ => whole[key] = value.clone(),
    }
}

/// A recorded object of the real controller's first publish. The IDs of its vSwitches have no hyphen, as in the cloud.
pub(crate) fn recorded(kind: &str) -> Json {
    let text = observed(kind).into_value().to_string();
    serde_json::from_str(&text.replace("vsw-oracle-", "vsw-oracle")).unwrap()
}

/// An Event about an object, as a watch tells it.
pub(crate) fn event(about: &Json, kind: &str, reason: &str, message: &str, count: u64) -> Json {
    let name = about["metadata"]["name"].as_str().unwrap();
    let namespace = about["metadata"]["namespace"].as_str().unwrap_or("default");
    json!({"kind": "Event", "metadata": {"name": format!("{name}.{reason}"), "namespace": namespace,
            "uid": format!("{name}-{reason}-{message}"), "resourceVersion": "50"},
        "type": kind, "reason": reason, "message": message, "count": count, "lastTimestamp": "2026-11-23T18:30:05Z",
        "involvedObject": {"kind": about["kind"], "name": name, "namespace": namespace}})
}

/// A JSON value as a value of the Terraform language; `"(unknown)"` is unknown.
pub(crate) fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => Value::Number(number.to_string().parse::<Number>().unwrap()),
        Json::String(text) if text == "(unknown)" => Value::unknown(),
        Json::String(text) => Value::String(text.clone()),
        Json::Array(list) => Value::List(list.iter().map(value).collect()),
        Json::Object(fields) => Value::map(fields.iter().map(|(name, field)| (name.clone(), value(field)))),
    }
}

/// Core's side of one resource instance.
pub(crate) struct Instance {
    pub(crate) resource: Arc<dyn AnyResource>,
    pub(crate) clients: AnyClients,
    pub(crate) context: Context,
    pub(crate) state: Value,
    pub(crate) private: Vec<u8>,
}

impl Instance {
    pub(crate) fn new(resource: Arc<dyn AnyResource>, clients: AnyClients) -> Self {
        let context = Context { cancel: Cancel::never(), clock: Arc::new(ManualClock::at(NOW)) };
        Self { resource, clients, context, state: Value::Null, private: Vec::new() }
    }

    /// The configuration with every attribute of the schema.
    pub(crate) fn config(&self, json: &Json) -> Value {
        let mut config = self.resource.schema().null_object();
        let Value::Map(given) = value(json) else { panic!("no object") };
        for (name, value) in given {
            assert!(self.resource.schema().attribute(&name).is_some(), "no attribute {name}");
            config.set(&name, value);
        }
        config
    }

    pub(crate) fn plan(&self, json: &Json) -> PlanAnswer {
        let config = self.config(json);
        let schema = self.resource.schema();
        let proposed = Value::map(schema.attributes.iter().map(|attribute| {
            let configured = config.attr(attribute.name);
            let kept = attribute.is_computed() && configured.is_null();
            (attribute.name, if kept { self.state.attr(attribute.name) } else { configured })
        }));
        let request = PlanRequest { config, prior: self.state.clone(), proposed, private: self.private.clone() };
        let first = self.resource.plan(&request, Some(&self.clients), HostCapabilities { write_only_attributes: true });
        let again = self.resource.plan(&request, Some(&self.clients), HostCapabilities { write_only_attributes: true });
        assert_eq!(first.planned, again.planned, "core plans twice and compares");
        first
    }

    /// Plans as the server does, and answers all that is said.
    pub(crate) async fn say(&self, json: &Json) -> Diagnostics {
        let answer = self.plan(json);
        let mut said = answer.diagnostics.clone();
        let config = self.config(json);
        let request =
            PlanRequest { proposed: config.clone(), config, prior: self.state.clone(), private: self.private.clone() };
        said.extend(self.resource.declare(&request, &answer, &self.clients));
        let planned = answer.planned.unwrap();
        if self.resource.changes(&planned, &self.state) {
            said.extend(self.resource.cross_check(&planned, self.clients.clone(), self.context.clone()).await);
        }
        said
    }

    pub(crate) async fn apply(&mut self, json: &Json) -> StateAnswer {
        let plan = self.plan(json);
        assert!(!plan.diagnostics.has_errors(), "{:#?}", plan.diagnostics);
        assert_eq!(plan.requires_replace, Vec::new());
        let request = ApplyRequest {
            prior: self.state.clone(),
            planned: plan.planned.unwrap(),
            config: self.config(json),
            private: plan.private,
        };
        let answer = self.resource.apply(request, self.clients.clone(), self.context.clone()).await;
        self.keep(&answer);
        answer
    }

    pub(crate) async fn read(&mut self) -> StateAnswer {
        let (state, private) = (self.state.clone(), self.private.clone());
        let answer = self.resource.read(state, private, self.clients.clone(), self.context.clone()).await;
        self.keep(&answer);
        answer
    }

    pub(crate) async fn import(&mut self, id: &str) -> StateAnswer {
        let target = ImportTarget::Id(id.to_owned());
        let answer = self.resource.import(target, self.clients.clone(), self.context.clone()).await;
        self.keep(&answer);
        if answer.diagnostics.has_errors() { answer } else { self.read().await }
    }

    pub(crate) async fn destroy(&mut self) -> StateAnswer {
        let request = ApplyRequest {
            prior: self.state.clone(),
            planned: Value::Null,
            config: Value::Null,
            private: self.private.clone(),
        };
        let answer = self.resource.apply(request, self.clients.clone(), self.context.clone()).await;
        self.keep(&answer);
        answer
    }

    /// The provider is configured anew, as for the next command.
    pub(crate) fn next_command(&mut self, clients: AnyClients) {
        self.clients = clients;
    }

    fn keep(&mut self, answer: &StateAnswer) {
        self.state = answer.state.clone().unwrap_or(Value::Null);
        self.private.clone_from(&answer.private);
    }

    /// The names of attributes that a plan changes.
    pub(crate) fn changes(&self, json: &Json) -> Vec<&'static str> {
        let plan = self.plan(json);
        assert!(!plan.diagnostics.has_errors(), "{:#?}", plan.diagnostics);
        let planned = plan.planned.unwrap();
        let schema = self.resource.schema();
        let changed = schema
            .attributes
            .iter()
            .filter(|attribute| !attribute.ty().equal(&planned.attr(attribute.name), &self.state.attr(attribute.name)));
        changed.map(|attribute| attribute.name).collect()
    }
}

/// Places in a configuration, as JSON pointers, that could be left out and are not. Local settings are none.
pub(crate) fn optional_places(attributes: &[Attribute], config: &Json) -> Vec<String> {
    fn walk(attributes: &[Attribute], config: &Json, at: &str, found: &mut Vec<String>) {
        for attribute in attributes.iter().filter(|attribute| attribute.is_configurable() && !attribute.local) {
            let (value, at) = (&config[attribute.name], format!("{at}/{}", attribute.name));
            if value.is_null() {
                continue;
            }
            if !matches!(attribute.mode, Mode::Required) {
                found.push(at.clone());
            }
            let Kind::Nested(nesting, nested) = &attribute.kind else { continue };
            match (nesting, value) {
                (Nesting::Single, _) => walk(nested, value, &at, found),
                (_, Json::Array(list)) => {
                    list.iter().enumerate().for_each(|(index, one)| walk(nested, one, &format!("{at}/{index}"), found));
                }
                (_, Json::Object(entries)) => {
                    let pointer = |key: &str| format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                    entries.iter().for_each(|(key, one)| walk(nested, one, &pointer(key), found));
                }
                (_, other) => panic!("{at} is {other}"),
            }
        }
    }
    let mut found = Vec::new();
    walk(attributes, config, "", &mut found);
    found
}

/// Errors as `path: summary`.
pub(crate) fn errors(diagnostics: &Diagnostics) -> Vec<String> {
    told(diagnostics, Severity::Error)
}

/// Warnings as `path: summary`.
pub(crate) fn warnings(diagnostics: &Diagnostics) -> Vec<String> {
    told(diagnostics, Severity::Warning)
}

fn told(diagnostics: &Diagnostics, severity: Severity) -> Vec<String> {
    let wanted = diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity);
    wanted
        .map(|diagnostic| match &diagnostic.path {
            Some(path) => format!("{path}: {}", diagnostic.summary),
            None => diagnostic.summary.clone(),
        })
        .collect()
}

/// Holds a list of fields against the documentation's table and the schema of the resource that it names.
pub(crate) fn holds_coverage(coverage: &super::coverage::Coverage, table: &str) {
    use super::coverage::Handled;
    let resource = super::all().into_iter().find(|resource| resource.type_name() == coverage.resource).unwrap();
    let rows: Vec<(&str, &str)> = table.lines().skip(1).map(|line| line.split_once('\t').unwrap()).collect();
    let names = |all: &[(&str, &str)]| all.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
    let listed: Vec<String> = coverage.fields.iter().map(|field| field.name.to_owned()).collect();
    assert_eq!(listed, names(&rows), "each field of the documentation has exactly one entry, in its order");
    for (field, (_, standing)) in coverage.fields.iter().zip(rows) {
        match (standing, field.handled) {
            ("mutable" | "creation-only", Handled::Typed(path)) => {
                assert!(resource.schema().attribute(path).is_some(), "{}: no attribute {path}", field.name);
            }
            ("reserved" | "controller-owned" | "obsolete", Handled::LeftOut(reason)) => assert!(reason.len() > 10),
            ("advanced", Handled::PassedThrough(path)) => {
                assert!(resource.schema().attribute(path).is_some(), "{}: no attribute {path}", field.name);
            }
            (standing, handled) => panic!("{}: {standing}, but {handled:?}", field.name),
        }
    }
}
