//! Whether what a set generates is deployed, and what stands in the way.
//!
//! Pure. `wait.rs` asks it after each thing that a watch tells, a refresh asks it once. Facts: Argo CD's ApplicationSet and
//! Application types. A set says nothing of which version of it was worked on; what shows that is its Applications, which
//! carry its template. An Application's sync status says what it was compared with (`comparedTo`); a status that speaks of
//! an earlier spec counts for nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use tokio::time::Instant;

use super::model::Application;
use crate::framework::model::Stored;
use crate::kubernetes::Object;
use crate::resources::argo_cd;
use crate::resources::event_messages;

/// Parts of texts that heal when another object comes, in the same run or never.
const NEEDS_ANOTHER: [&str; 3] =
    ["which does not exist", "there are no clusters with this name", "error getting cluster"];

/// How patient waits are. Times count from when a trouble is first seen after the write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For a cause that stays until somebody mends it. The controllers react within a second; what they say after this time
    /// is no echo of before the write.
    pub(super) lasting: Duration,
    /// For a cause that another object of the same run may remove.
    pub(super) needs_another: Duration,
    /// For a text that nobody knows.
    pub(super) unknown: Duration,
    /// After a write that shows in no Application: when it counts as worked on.
    pub(super) quiet: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { lasting: seconds(10), needs_another: seconds(45), unknown: seconds(60), quiet: seconds(5) }
    }
}

/// What a trouble means for a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// It passes: the wait goes on to its end.
    Passes,
    /// Another object may remove it.
    NeedsAnother,
    /// It stays.
    Lasting,
    /// Nobody knows.
    Unknown,
}

impl Weight {
    fn of(message: &str) -> Self {
        match event_messages::explain_argo_cd(message) {
            None => Self::Unknown,
            Some(_) if NEEDS_ANOTHER.iter().any(|part| message.contains(part)) => Self::NeedsAnother,
            Some(known) if known.heals => Self::Passes,
            Some(_) => Self::Lasting,
        }
    }

    fn grace(self, patience: Patience) -> Option<Duration> {
        match self {
            Self::Passes => None,
            Self::NeedsAnother => Some(patience.needs_another),
            Self::Lasting => Some(patience.lasting),
            Self::Unknown => Some(patience.unknown),
        }
    }
}

/// Something that keeps a set from being ready.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Obstacle {
    /// What it is about: the set, an Application, a member.
    pub(super) about: String,
    /// How that stands, in a few words.
    pub(super) standing: String,
    /// What Argo CD says, if it says anything.
    pub(super) message: Option<String>,
}

impl Obstacle {
    /// What is known of it. An obstacle without a message is mere slowness.
    pub(super) fn weight(&self) -> Weight {
        self.message.as_deref().map_or(Weight::Passes, Weight::of)
    }

    /// One line.
    pub(super) fn line(&self) -> String {
        match &self.message {
            Some(message) => format!("{}: {}: {}", self.about, self.standing, message.trim()),
            None => format!("{}: {}", self.about, self.standing),
        }
    }
}

/// Since when each obstacle is in the way.
#[derive(Clone, Debug, Default)]
pub(super) struct Obstacles(BTreeMap<Obstacle, Instant>);

impl Obstacles {
    /// Takes in what is in the way now.
    pub(super) fn see(&mut self, now: Instant, seen: &[Obstacle]) {
        self.0.retain(|known, _| seen.contains(known));
        for one in seen {
            self.0.entry(one.clone()).or_insert(now);
        }
    }

    /// When to give up, if nothing else happens.
    pub(super) fn gives_up(&self, patience: Patience) -> Option<Instant> {
        self.0.iter().filter_map(|(one, since)| Some(*since + one.weight().grace(patience)?)).min()
    }
}

/// A member as Argo CD knows it. Nothing else of its Secret is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cluster {
    pub(super) cluster_id: String,
    pub(super) name: String,
    pub(super) server: String,
}

impl Cluster {
    /// From a cluster Secret; `None` if it belongs to no member of the Fleet.
    pub(super) fn of(secret: &Object) -> Option<Self> {
        let decoded = |field: &str| {
            let text = secret.value().get("data")?.get(field)?.as_str()?;
            String::from_utf8(STANDARD.decode(text).ok()?).ok()
        };
        Some(Self {
            cluster_id: secret.annotation("cluster_id")?.to_owned(),
            name: decoded("name").unwrap_or_default(),
            server: decoded("server").unwrap_or_default(),
        })
    }
}

/// All that is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    /// The set.
    pub(super) set: &'a Object,
    /// Applications that it owns.
    pub(super) applications: &'a [Object],
    /// Members as Argo CD knows them, if that may be read.
    pub(super) clusters: Option<&'a [Cluster]>,
    /// Members that must have an Application.
    pub(super) expected: &'a [String],
}

fn text<'a>(object: &'a Object, pointer: &str) -> &'a str {
    object.value().pointer(pointer).and_then(Json::as_str).unwrap_or_default()
}

/// Whether an Application belongs to a set.
pub(super) fn is_owned(application: &Object, set_uid: &str) -> bool {
    let owners = application.value().pointer("/metadata/ownerReferences").and_then(Json::as_array);
    !set_uid.is_empty()
        && owners.into_iter().flatten().any(|owner| owner.get("uid").and_then(Json::as_str) == Some(set_uid))
}

/// The Applications as state keeps them.
pub(super) fn listed(applications: &[Object]) -> BTreeMap<String, Option<Application<Stored>>> {
    let one = |application: &Object| Application {
        cluster: Some(cluster(application).to_owned()).filter(|cluster| !cluster.is_empty()),
        namespace: Some(text(application, "/spec/destination/namespace").to_owned()).filter(|name| !name.is_empty()),
    };
    let staying = applications.iter().filter(|application| !application.is_terminating());
    staying.map(|application| (application.name().to_owned(), Some(one(application)))).collect()
}

/// Name or address of an Application's cluster.
pub(super) fn cluster(application: &Object) -> &str {
    match text(application, "/spec/destination/name") {
        "" => text(application, "/spec/destination/server"),
        name => name,
    }
}

/// A condition of the set: status and message.
fn condition<'a>(set: &'a Object, kind: &str) -> Option<(&'a str, &'a str)> {
    let all = set.value().pointer("/status/conditions").and_then(Json::as_array)?;
    let one = all.iter().find(|one| one.get("type").and_then(Json::as_str) == Some(kind))?;
    let field = |name: &str| one.get(name).and_then(Json::as_str).unwrap_or_default();
    Some((field("status"), field("message")))
}

impl View<'_> {
    /// Whether the controller has worked on the set at all.
    pub(super) fn is_known(&self) -> bool {
        condition(self.set, "ErrorOccurred").is_some() || condition(self.set, "ResourcesUpToDate").is_some()
    }

    /// Whether every Application carries the set's template, as far as that can be told without rendering it.
    pub(super) fn is_carried(&self) -> bool {
        let Some(template) = template(self.set) else { return true };
        let (name, spec) = (template.pointer("/metadata/name"), template.get("spec"));
        self.applications.iter().filter(|one| !one.is_terminating()).all(|application| {
            let live_name = application.value().pointer("/metadata/name");
            name.is_none_or(|name| carries(name, live_name))
                && spec.is_none_or(|spec| carries(spec, application.value().get("spec")))
        })
    }

    /// Whether it is known that nothing is generated, and nothing in particular is expected.
    pub(super) fn is_empty(&self) -> bool {
        self.applications.is_empty() && self.expected.is_empty()
    }

    /// All that is in the way.
    pub(super) fn obstacles(&self) -> Vec<Obstacle> {
        let mut all = Vec::new();
        if let Some(("True", message)) = condition(self.set, "ErrorOccurred") {
            all.push(Obstacle {
                about: format!("ApplicationSet {:?}", self.set.name()),
                standing: "the controller cannot generate its Applications".to_owned(),
                message: Some(message.to_owned()),
            });
        }
        all.extend(self.applications.iter().flat_map(|application| self.of_application(application)));
        all.extend(self.expected.iter().filter_map(|id| self.of_member(id)));
        all
    }

    fn of_application(&self, application: &Object) -> Vec<Obstacle> {
        let about = format!("Application {:?} on {}", application.name(), self.called(application));
        let one = |standing: String, message: Option<String>| Obstacle { about: about.clone(), standing, message };
        if application.is_terminating() {
            return vec![one("is being deleted".to_owned(), None)];
        }
        let (sync, health) = (text(application, "/status/sync/status"), text(application, "/status/health/status"));
        if sync.is_empty() || !is_of_this_spec(application) {
            return vec![one("has not been compared with its source yet".to_owned(), None)];
        }
        if sync == "Synced" && health == "Healthy" {
            return Vec::new();
        }
        let standing = format!("{sync} and {}", if health.is_empty() { "of unknown health" } else { health });
        let mut messages = errors(application);
        if messages.is_empty() {
            messages.extend(failed_operation(application));
        }
        if messages.is_empty() {
            return vec![one(with_resources(&standing, application), None)];
        }
        messages.into_iter().map(|message| one(standing.clone(), Some(message))).collect()
    }

    /// The member of an Application, by its ID where that is known.
    fn called(&self, application: &Object) -> String {
        let at = cluster(application);
        let known = self.clusters.into_iter().flatten().find(|known| known.name == at || known.server == at);
        known.map_or_else(|| format!("cluster {at:?}"), |known| format!("member {:?}", known.cluster_id))
    }

    fn of_member(&self, id: &str) -> Option<Obstacle> {
        let known: Option<Vec<&Cluster>> =
            self.clusters.map(|all| all.iter().filter(|cluster| cluster.cluster_id == id).collect());
        let is_for = |application: &Object| {
            let at = cluster(application);
            // Without Secrets all there is to go by is that a cluster's name in Argo CD may begin with its ID.
            argo_cd::is_cluster(at, id) || known.iter().flatten().any(|known| known.name == at || known.server == at)
        };
        if self.applications.iter().any(|application| !application.is_terminating() && is_for(application)) {
            return None;
        }
        let standing = match &known {
            Some(known) if known.is_empty() => {
                "is not registered with Argo CD: no cluster Secret in its namespace has the annotation cluster_id of this member"
            }
            Some(_) => "is registered with Argo CD, but the set generates no Application for it: look at the selector",
            None => {
                "no Application names it as its destination, and cluster Secrets could not be read to tell why (list on secrets)"
            }
        };
        Some(Obstacle { about: format!("Member {id:?}"), standing: standing.to_owned(), message: None })
    }
}

/// The template that Applications are to carry; `None` where a set changes it on the way or leaves Applications as they are.
fn template(set: &Object) -> Option<&Json> {
    let spec = set.value().get("spec")?;
    let is_there = |pointer: &str| spec.pointer(pointer).is_some_and(|value| !is_nothing(value));
    let policy = spec.pointer("/syncPolicy/applicationsSync").and_then(Json::as_str).unwrap_or("sync");
    let generators = spec.get("generators").and_then(Json::as_array);
    let overrides = generators.into_iter().flatten().filter_map(Json::as_object).flatten();
    let overrides = overrides.into_iter().any(|(_, one)| one.get("template").is_some_and(|one| !is_nothing(one)));
    let changed = is_there("/templatePatch") || is_there("/ignoreApplicationDifferences") || overrides;
    (!changed && matches!(policy, "sync" | "create-update")).then(|| spec.get("template")).flatten()
}

/// Null, or Go's zero value at every depth.
fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Bool(truth) => !truth,
        Json::Number(number) => number.as_f64() == Some(0.0),
        Json::String(text) => text.is_empty(),
        Json::Array(list) => list.is_empty(),
        Json::Object(fields) => fields.values().all(is_nothing),
    }
}

/// Whether a live value can have come from a template.
fn carries(template: &Json, live: Option<&Json>) -> bool {
    match (template, live) {
        (Json::Object(fields), Some(Json::Object(live))) => {
            fields.iter().all(|(name, template)| carries(template, live.get(name)))
        }
        (Json::Array(list), Some(Json::Array(live))) => {
            list.len() == live.len() && list.iter().zip(live).all(|(template, live)| carries(template, Some(live)))
        }
        (Json::String(template), Some(Json::String(live))) => fits(template, live),
        (template, Some(live)) if template == live => true,
        (template, live) => is_nothing(template) && live.is_none_or(is_nothing),
    }
}

/// Whether a text can have come from a template: what is between its actions is there in order.
fn fits(template: &str, text: &str) -> bool {
    let mut parts = template.split("{{").enumerate().map(|(index, part)| match index {
        0 => part,
        _ => part.split_once("}}").map_or("", |(_, literal)| literal),
    });
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

/// Whether the status of an Application speaks of its spec as it is. Releases that do not say are believed.
fn is_of_this_spec(application: &Object) -> bool {
    let Some(compared) = application.value().pointer("/status/sync/comparedTo") else { return true };
    ["destination", "source", "sources"].iter().all(|part| {
        let (seen, wanted) = (compared.get(part), application.value().pointer(&format!("/spec/{part}")));
        same(seen, wanted)
    })
}

/// Equality of JSON, where nothing, null and Go's zero values are one.
fn same(a: Option<&Json>, b: Option<&Json>) -> bool {
    match (a, b) {
        (Some(Json::Object(a)), Some(Json::Object(b))) => {
            a.keys().chain(b.keys()).all(|name| same(a.get(name), b.get(name)))
        }
        (a, b) if a == b => true,
        (a, b) => a.is_none_or(is_nothing) && b.is_none_or(is_nothing),
    }
}

/// What Argo CD reports as an error of an Application. Its warnings stop nothing.
fn errors(application: &Object) -> Vec<String> {
    let conditions = application.value().pointer("/status/conditions").and_then(Json::as_array);
    let field = |one: &Json, name: &str| one.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    conditions
        .into_iter()
        .flatten()
        .map(|one| (field(one, "type"), field(one, "message")))
        .filter(|(kind, _)| kind.ends_with("Error"))
        .map(|(kind, message)| format!("{kind}: {message}"))
        .collect()
}

fn failed_operation(application: &Object) -> Option<String> {
    let failed = matches!(text(application, "/status/operationState/phase"), "Failed" | "Error");
    let message = text(application, "/status/operationState/message");
    (failed && !message.is_empty()).then(|| format!("last sync failed: {message}"))
}

/// The standing, with what Argo CD says of what was deployed and is not healthy.
fn with_resources(standing: &str, application: &Object) -> String {
    let resources = application.value().pointer("/status/resources").and_then(Json::as_array);
    let ill = resources.into_iter().flatten().filter_map(|one| {
        let field = |pointer: &str| one.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
        let status = field("/health/status");
        (!matches!(status, "Healthy" | "" | "Missing")).then(|| {
            let message = field("/health/message");
            let said = if message.is_empty() { String::new() } else { format!(": {message}") };
            format!("{} {:?} is {status}{said}", field("/kind"), field("/name"))
        })
    });
    let ill: Vec<String> = ill.collect();
    if ill.is_empty() { standing.to_owned() } else { format!("{standing} ({})", ill.join("; ")) }
}
