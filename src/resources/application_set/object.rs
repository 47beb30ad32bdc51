//! The ApplicationSet in the Kubernetes shape: what is written for a state, and what state is read from a live one.
//!
//! Pure. Facts: Argo CD's ApplicationSet and Application types (argoproj.io/v1alpha1). Argo CD writes a set back whole now
//! and then, with Go's zero values.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::model::{
    Automated, ClusterSelector, Destination, Directory, MatchExpression, NamespaceMetadata, Retry, Source, State,
    SyncPolicy, metadata,
};
use crate::framework::model::{Attr, Field, Planned, Stored};
use crate::framework::path::Path;
use crate::framework::value::Value;
use crate::kubernetes::{Compare, FieldPath, Meaning, Object, equal};
use crate::resources::kubernetes_attributes::entries;
use crate::resources::object_metadata;
use crate::resources::refresh::Drift;

/// AppProject that every Argo CD has.
const DEFAULT_PROJECT: &str = "default";
/// The destination that is the cluster which the Application is for.
pub(super) const OWN_CLUSTER: &str = "{{.name}}";
/// Label of the Secrets by which Argo CD knows clusters, with its value.
pub(super) const CLUSTER_LABEL: (&str, &str) = ("argocd.argoproj.io/secret-type", "cluster");
/// The option without which a missing field becomes an empty text.
const MISSING_IS_ERROR: &str = "missingkey=error";

/// `project` where nothing is configured.
pub(super) fn default_project() -> String {
    DEFAULT_PROJECT.to_owned()
}

/// `go_template_options` where nothing is configured.
pub(super) fn default_options() -> Vec<Attr<String>> {
    vec![Attr::Known(MISSING_IS_ERROR.to_owned())]
}

/// `cluster_selector` where nothing is configured: the walkthrough's.
pub(super) fn default_selector() -> ClusterSelector<Stored> {
    let expression = |key: &str, operator: &str, value: &str| {
        Some(MatchExpression {
            key: Some(key.to_owned()),
            operator: Some(operator.to_owned()),
            values: Some(vec![Some(value.to_owned())]),
        })
    };
    ClusterSelector {
        match_labels: None,
        match_expressions: Some(vec![
            expression(CLUSTER_LABEL.0, "In", CLUSTER_LABEL.1),
            expression("name", "NotIn", "in-cluster"),
        ]),
    }
}

/// The same for a plan.
pub(super) fn planned_default_selector() -> ClusterSelector<Planned> {
    #[expect(clippy::expect_used, reason = "a value of one phase reads as one of the other, where nothing is unknown")]
    ClusterSelector::from_value(&default_selector().to_value()).expect("a selector reads as itself")
}

fn object<const N: usize>(fields: [(&str, Option<Json>); N]) -> Json {
    Json::Object(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

fn some(text: &Option<String>) -> Option<Json> {
    text.as_deref().map(Json::from)
}

fn sorted(list: &Option<Vec<Option<String>>>) -> Option<Json> {
    let mut texts: Vec<&String> = list.as_ref()?.iter().flatten().collect();
    texts.sort();
    Some(json!(texts))
}

fn words(map: &Option<BTreeMap<String, Option<String>>>) -> Option<Json> {
    map.as_ref().map(|map| json!(entries(Some(map))))
}

/// All that we set of the ApplicationSet.
pub(super) fn intent(state: &State) -> Json {
    let labels_and_annotations = object_metadata::intent(&state.effective_labels, &state.effective_annotations);
    let spec = match state.spec_json.as_deref().map(serde_json::from_str::<Json>) {
        Some(Ok(spec)) => spec,
        Some(Err(_)) | None => typed_spec(state),
    };
    json!({"metadata": labels_and_annotations, "spec": spec})
}

fn typed_spec(state: &State) -> Json {
    let options = state.go_template_options.as_ref().map(|all| json!(all.iter().flatten().collect::<Vec<_>>()));
    let preserve = state.preserve_resources_on_deletion.map(|on| json!({"preserveResourcesOnDeletion": on}));
    let spec = object([
        ("project", some(&state.project)),
        ("source", state.source.as_ref().map(source)),
        ("destination", state.destination.as_ref().map(destination)),
        ("syncPolicy", state.sync_policy.as_ref().map(sync_policy)),
    ]);
    object([
        ("goTemplate", Some(json!(true))),
        ("goTemplateOptions", options.filter(|options| options != &json!([]))),
        ("generators", state.cluster_selector.as_ref().map(|one| json!([{"clusters": {"selector": selector(one)}}]))),
        ("template", Some(json!({"metadata": object([("name", some(&state.application_name))]), "spec": spec}))),
        ("syncPolicy", preserve),
    ])
}

fn source(source: &Source<Stored>) -> Json {
    object([
        ("repoURL", some(&source.repo_url)),
        ("path", some(&source.path)),
        ("targetRevision", some(&source.target_revision)),
        ("chart", some(&source.chart)),
        (
            "directory",
            source.directory.as_ref().map(|directory| {
                object([
                    ("recurse", directory.recurse.map(Json::from)),
                    ("include", some(&directory.include)),
                    ("exclude", some(&directory.exclude)),
                ])
            }),
        ),
    ])
}

fn destination(destination: &Destination<Stored>) -> Json {
    object([
        ("name", some(&destination.name)),
        ("server", some(&destination.server)),
        ("namespace", some(&destination.namespace)),
    ])
}

fn selector(selector: &ClusterSelector<Stored>) -> Json {
    let expressions = selector.match_expressions.as_ref().map(|all| {
        let one = |one: &MatchExpression<Stored>| {
            object([("key", some(&one.key)), ("operator", some(&one.operator)), ("values", sorted(&one.values))])
        };
        all.iter().flatten().map(one).collect::<Json>()
    });
    object([("matchLabels", words(&selector.match_labels)), ("matchExpressions", expressions)])
}

fn sync_policy(policy: &SyncPolicy<Stored>) -> Json {
    let automated = |one: &Automated<Stored>| {
        object([
            ("prune", one.prune.map(Json::from)),
            ("selfHeal", one.self_heal.map(Json::from)),
            ("allowEmpty", one.allow_empty.map(Json::from)),
        ])
    };
    let retry = |one: &Retry<Stored>| {
        let backoff = object([
            ("duration", some(&one.duration)),
            ("factor", one.factor.map(Json::from)),
            ("maxDuration", some(&one.max_duration)),
        ]);
        object([
            ("limit", one.limit.map(Json::from)),
            ("backoff", Some(backoff).filter(|backoff| backoff != &json!({}))),
        ])
    };
    let namespaces = |one: &NamespaceMetadata<Stored>| {
        object([("labels", words(&one.labels)), ("annotations", words(&one.annotations))])
    };
    object([
        ("automated", policy.automated.as_ref().map(automated)),
        ("syncOptions", sorted(&policy.sync_options)),
        ("retry", policy.retry.as_ref().map(retry)),
        ("managedNamespaceMetadata", policy.managed_namespace_metadata.as_ref().map(namespaces)),
    ])
}

/// What Argo CD makes of an ApplicationSet's fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct SetMeaning;

/// Below which the fields of an Application's spec lie.
const APPLICATION: [&str; 3] = ["spec", "template", "spec"];

fn in_application<'a, 'b>(fields: &'a [&'b str]) -> Option<&'a [&'b str]> {
    fields.strip_prefix(&APPLICATION)
}

impl Meaning for SetMeaning {
    fn default_of(&self, path: &FieldPath) -> Option<Json> {
        let fields = path.fields();
        (in_application(&fields)? == ["project"]).then(|| json!(DEFAULT_PROJECT))
    }

    fn zero_is_legal(&self, path: &FieldPath) -> bool {
        let fields = path.fields();
        match in_application(&fields) {
            // Being there is what switches it on; and no retry is not the default.
            Some(["syncPolicy", "automated"] | ["syncPolicy", "retry", "limit"] | ["revisionHistoryLimit"]) => true,
            Some(_) => false,
            None => fields == ["spec", "generators", "clusters"],
        }
    }

    fn compare(&self, path: &FieldPath) -> Compare {
        let fields = path.fields();
        match in_application(&fields) {
            Some(["syncPolicy", "automated"]) => Compare::WholeObject,
            Some(["syncPolicy", "syncOptions"]) => Compare::UnorderedSet,
            Some(_) => Compare::Exact,
            None if fields.last() == Some(&"values") && fields.contains(&"matchExpressions") => Compare::UnorderedSet,
            None => Compare::Exact,
        }
    }
}

/// The attribute that a field of the object comes from.
pub(super) fn attribute(state: &State, path: &FieldPath) -> Path {
    let fields = path.fields();
    if fields.first() != Some(&"spec") {
        return object_metadata::attribute(path, &metadata(state));
    }
    if state.spec_json.is_some() { Path::attribute("spec_json") } else { typed_attribute(&fields) }
}

fn typed_attribute(fields: &[&str]) -> Path {
    let below = |top: &str, steps: &[&str]| {
        let names = steps.iter().filter(|step| **step != "backoff").map(|step| snake(step));
        names.fold(Path::attribute(top), |path, name| path.attr(name))
    };
    match fields {
        ["spec", "template", "metadata", "name"] => Path::attribute("application_name"),
        ["spec", "template", "spec", "project", ..] => Path::attribute("project"),
        ["spec", "template", "spec", "source", rest @ ..] => below("source", rest),
        ["spec", "template", "spec", "destination", rest @ ..] => below("destination", rest),
        ["spec", "template", "spec", "syncPolicy", part @ ("retry" | "automated"), rest @ ..] => {
            let steps: Vec<&str> = [*part].into_iter().chain(rest.iter().copied()).collect();
            below("sync_policy", &steps)
        }
        ["spec", "template", "spec", "syncPolicy", part, ..] => below("sync_policy", &[part]),
        ["spec", "template", "spec", "syncPolicy"] => Path::attribute("sync_policy"),
        ["spec", "generators", ..] => Path::attribute("cluster_selector"),
        ["spec", "goTemplateOptions" | "goTemplate", ..] => Path::attribute("go_template_options"),
        ["spec", "syncPolicy", ..] => Path::attribute("preserve_resources_on_deletion"),
        _ => Path::root(),
    }
}

/// `repoURL` as `repo_url`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    let mut before_was_small = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && before_was_small {
            out.push('_');
        }
        before_was_small = c.is_ascii_lowercase();
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// The attribute that a field in the server's notation comes from. Which form the configuration has is not known there; the
/// typed one has the more telling path.
pub(super) fn server_attribute(field: &str) -> Path {
    if !field.starts_with("spec") {
        return object_metadata::server_attribute(field);
    }
    let steps: Vec<&str> = field.split('.').map(|step| step.split('[').next().unwrap_or_default()).collect();
    typed_attribute(&steps)
}

fn text(value: &Json, name: &str) -> Option<String> {
    value.get(name).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn texts(value: &Json, name: &str) -> Option<Vec<Option<String>>> {
    let list = value.get(name).and_then(Json::as_array).filter(|list| !list.is_empty())?;
    Some(list.iter().filter_map(Json::as_str).map(|text| Some(text.to_owned())).collect())
}

fn map(value: &Json, name: &str) -> Option<BTreeMap<String, Option<String>>> {
    let fields = value.get(name).and_then(Json::as_object).filter(|fields| !fields.is_empty())?;
    Some(fields.iter().filter_map(|(key, value)| Some((key.clone(), Some(value.as_str()?.to_owned())))).collect())
}

fn truth(value: &Json, name: &str) -> Option<bool> {
    Some(value.get(name).and_then(Json::as_bool).unwrap_or_default())
}

fn part<'a>(value: &'a Json, name: &str) -> Option<&'a Json> {
    value.get(name).filter(|value| value.is_object())
}

/// The typed attributes that a live set says, as far as they can say it.
fn observe(live: &Object) -> State {
    let spec = live.value().get("spec").unwrap_or(&Json::Null);
    let template = spec.pointer("/template/spec").unwrap_or(&Json::Null);
    let generator = spec.pointer("/generators/0/clusters");
    State {
        application_name: spec.pointer("/template/metadata/name").and_then(Json::as_str).map(str::to_owned),
        project: Some(text(template, "project").unwrap_or_else(default_project)),
        source: part(template, "source").map(|source| Source {
            repo_url: text(source, "repoURL"),
            path: text(source, "path"),
            target_revision: text(source, "targetRevision"),
            chart: text(source, "chart"),
            directory: part(source, "directory").map(|directory| Directory {
                recurse: truth(directory, "recurse"),
                include: text(directory, "include"),
                exclude: text(directory, "exclude"),
            }),
        }),
        destination: part(template, "destination").map(|destination| Destination {
            name: text(destination, "name"),
            server: text(destination, "server"),
            namespace: text(destination, "namespace"),
        }),
        cluster_selector: generator.map(|generator| observe_selector(generator.get("selector").unwrap_or(&Json::Null))),
        sync_policy: part(template, "syncPolicy").map(observe_policy),
        preserve_resources_on_deletion: Some(
            spec.pointer("/syncPolicy/preserveResourcesOnDeletion").and_then(Json::as_bool).unwrap_or_default(),
        ),
        go_template_options: Some(texts(spec, "goTemplateOptions").unwrap_or_default()),
        ..State::default()
    }
}

fn observe_selector(selector: &Json) -> ClusterSelector<Stored> {
    let expressions = selector.get("matchExpressions").and_then(Json::as_array).filter(|list| !list.is_empty());
    ClusterSelector {
        match_labels: map(selector, "matchLabels"),
        match_expressions: expressions.map(|list| {
            let one = |one: &Json| MatchExpression {
                key: text(one, "key"),
                operator: text(one, "operator"),
                values: texts(one, "values"),
            };
            list.iter().map(|expression| Some(one(expression))).collect()
        }),
    }
}

fn observe_policy(policy: &Json) -> SyncPolicy<Stored> {
    SyncPolicy {
        automated: part(policy, "automated").map(|one| Automated {
            prune: truth(one, "prune"),
            self_heal: truth(one, "selfHeal"),
            allow_empty: truth(one, "allowEmpty"),
        }),
        sync_options: texts(policy, "syncOptions"),
        retry: part(policy, "retry").map(|one| {
            let backoff = one.get("backoff").unwrap_or(&Json::Null);
            Retry {
                limit: one.get("limit").and_then(Json::as_i64),
                duration: text(backoff, "duration"),
                factor: backoff.get("factor").and_then(Json::as_i64),
                max_duration: text(backoff, "maxDuration"),
            }
        }),
        managed_namespace_metadata: part(policy, "managedNamespaceMetadata")
            .map(|one| NamespaceMetadata { labels: map(one, "labels"), annotations: map(one, "annotations") }),
    }
}

/// Whether the typed attributes say all that a live set does. Where its Applications live is not theirs to say: Argo CD puts
/// them beside the set, whatever the template names.
fn is_said_by(live: &Object, seen: &State) -> bool {
    let mut spec = live.value().get("spec").cloned().unwrap_or_default();
    if let Some(metadata) = spec.pointer_mut("/template/metadata").and_then(Json::as_object_mut) {
        metadata.remove("namespace");
    }
    let ours = typed_spec(seen);
    let at = FieldPath::of(["spec"]);
    spec.get("goTemplate") == Some(&Json::Bool(true))
        && equal(Some(&spec), Some(&ours), &at, &SetMeaning)
        && equal(Some(&ours), Some(&spec), &at, &SetMeaning)
}

/// What drifted since the last apply.
pub(super) fn drift(prior: &State, live: &Object, imported: bool) -> Drift {
    Drift::of(live, &intent(prior), &SetMeaning, &|path: &FieldPath| attribute(prior, path), imported)
}

/// The attributes that `spec` stands for.
const TYPED: [&str; 8] = [
    "application_name",
    "project",
    "source",
    "destination",
    "cluster_selector",
    "sync_policy",
    "preserve_resources_on_deletion",
    "go_template_options",
];

/// State after a refresh, but for labels and annotations.
pub(super) fn refresh(prior: &State, live: &Object, drift: &Drift) -> State {
    let seen = observe(live);
    if drift.is_import() {
        if is_said_by(live, &seen) {
            return with_typed(prior, |name, _| seen.to_value().attr(name));
        }
        let spec = live.value().get("spec").map(Json::to_string);
        return State { spec_json: spec, ..prior.clone() };
    }
    if let Some(ours) = &prior.spec_json {
        if !drift.touches(&Path::attribute("spec_json")) {
            return prior.clone();
        }
        let ours: Json = serde_json::from_str(ours).unwrap_or_default();
        let live = live.value().get("spec").unwrap_or(&Json::Null);
        return State { spec_json: Some(as_live(&ours, live).to_string()), ..prior.clone() };
    }
    let seen = seen.to_value();
    with_typed(prior, |name, before| {
        let path = Path::attribute(name);
        let now = pick(drift, &path, &before, &seen.attr(name));
        // What drifted in a way that the attribute cannot say must not look as before.
        let unsaid =
            matches!(name, "cluster_selector" | "go_template_options") && drift.touches(&path) && now == before;
        if unsaid { Value::Null } else { now }
    })
}

fn with_typed(prior: &State, value: impl Fn(&str, Value) -> Value) -> State {
    let mut next = prior.to_value();
    for name in TYPED {
        let before = next.attr(name);
        next.set(name, value(name, before));
    }
    #[expect(clippy::expect_used, reason = "every value comes from a state of this very model")]
    State::from_value(&next).expect("parts of two states make a state")
}

/// A value after a refresh: what is not set stays so, what drifted is as it is live, at any depth.
fn pick(drift: &Drift, path: &Path, prior: &Value, live: &Value) -> Value {
    match (prior, live) {
        (Value::Null, _) => Value::Null,
        (Value::Map(fields), Value::Map(now)) if !drift.is_at(path) => Value::Map(
            fields
                .iter()
                .map(|(name, before)| {
                    let after = now.get(name).unwrap_or(&Value::Null);
                    (name.clone(), pick(drift, &path.attr(name.as_str()), before, after))
                })
                .collect(),
        ),
        _ if drift.touches(path) => live.clone(),
        _ => prior.clone(),
    }
}

/// What we set, as it is live.
fn as_live(ours: &Json, live: &Json) -> Json {
    match (ours, live) {
        (Json::Object(ours), Json::Object(live)) => {
            let fields = ours.iter().filter_map(|(name, ours)| Some((name.clone(), as_live(ours, live.get(name)?))));
            Json::Object(fields.collect::<Map<_, _>>())
        }
        (_, live) => live.clone(),
    }
}
