//! From an ApplicationSet to the Applications it asks for, and to the conditions that say how that went.
//!
//! Pure. `pass.rs` calls it for each set with the clusters and AppProjects there are. Known generators are `clusters` and
//! `list`; a set with another one gets an error that says so. Texts and reasons are those of Argo CD's ApplicationSet
//! controller.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{NAMESPACE, template};

/// The finalizer that makes an Application take its workloads along.
pub(super) const RESOURCES_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";
/// What Argo CD calls the cluster it runs in, which has no Secret.
pub(super) const IN_CLUSTER: &str = "in-cluster";
/// The address of that cluster.
pub(super) const IN_CLUSTER_SERVER: &str = "https://kubernetes.default.svc";

/// A cluster that Argo CD knows, from its Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cluster {
    pub(super) name: String,
    pub(super) server: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}

impl Cluster {
    /// The id of the member, as the Fleet annotates it.
    pub(super) fn member(&self) -> Option<&str> {
        self.annotations.get("cluster_id").map(String::as_str)
    }

    fn parameters(&self) -> Value {
        let mut metadata = Map::new();
        for (name, map) in [("annotations", &self.annotations), ("labels", &self.labels)] {
            if !map.is_empty() {
                metadata.insert(name.to_owned(), json!(map));
            }
        }
        json!({"name": self.name, "nameNormalized": normalized(&self.name), "server": self.server, "project": "",
            "metadata": metadata})
    }
}

fn normalized(name: &str) -> String {
    let kept: String = name
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' { c } else { '-' })
        .collect();
    kept.trim_matches(|c| c == '-' || c == '.').to_owned()
}

/// What came of a set.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// Nothing could be generated: reason and message.
    Failed(&'static str, String),
    /// Applications, the names of all of them, and what is wrong with those that are left out.
    Generated { valid: Vec<Value>, names: BTreeSet<String>, invalid: Option<String> },
}

fn words(value: Option<&Value>) -> BTreeMap<String, String> {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether labels fit a selector.
///
/// # Errors
/// For an operator that there is not.
pub(super) fn selects(selector: &Value, labels: &BTreeMap<String, String>) -> Result<bool, String> {
    let mut fits = words(selector.get("matchLabels")).iter().all(|(key, value)| labels.get(key) == Some(value));
    for expression in selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
        let key = expression.get("key").and_then(Value::as_str).unwrap_or_default();
        let values = texts(expression.get("values"));
        let live = labels.get(key).map(String::as_str);
        fits &= match expression.get("operator").and_then(Value::as_str).unwrap_or_default() {
            "In" => live.is_some_and(|live| values.contains(&live)),
            "NotIn" => live.is_none_or(|live| !values.contains(&live)),
            "Exists" => live.is_some(),
            "DoesNotExist" => live.is_none(),
            other => {
                return Err(format!(
                    "error converting label selector: {other:?} is not a valid label selector operator"
                ));
            }
        };
    }
    Ok(fits)
}

fn is_empty(selector: &Value) -> bool {
    let none = |name: &str| match selector.get(name) {
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        _ => true,
    };
    none("matchLabels") && none("matchExpressions")
}

fn parameters(generator: &Value, clusters: &[Cluster]) -> Result<Vec<Value>, String> {
    if let Some(generator) = generator.get("clusters") {
        let selector = generator.get("selector").cloned().unwrap_or_else(|| json!({}));
        let mut all = Vec::new();
        for cluster in clusters {
            if selects(&selector, &cluster.labels)? {
                all.push(cluster.parameters());
            }
        }
        if is_empty(&selector) {
            let here =
                Cluster { name: IN_CLUSTER.to_owned(), server: IN_CLUSTER_SERVER.to_owned(), ..Cluster::default() };
            all.push(here.parameters());
        }
        let values = words(generator.get("values"));
        if !values.is_empty() {
            for one in all.iter_mut().filter_map(Value::as_object_mut) {
                one.insert("values".to_owned(), json!(values));
            }
        }
        return Ok(all);
    }
    if let Some(list) = generator.get("list") {
        return Ok(list.get("elements").and_then(Value::as_array).cloned().unwrap_or_default());
    }
    let names: Vec<&String> = generator.as_object().into_iter().flatten().map(|(name, _)| name).collect();
    Err(format!("the sandbox's Argo CD knows the generators clusters and list, not {names:?}"))
}

/// Renders every text in a value, keys of maps included.
fn rendered(value: &Value, render: &dyn Fn(&str) -> Result<String, String>) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => Value::String(render(text)?),
        Value::Array(list) => Value::Array(list.iter().map(|one| rendered(one, render)).collect::<Result<_, _>>()?),
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, one)| Ok((render(name)?, rendered(one, render)?)))
                .collect::<Result<Map<_, _>, String>>()?,
        ),
        other => other.clone(),
    })
}

/// The Applications of a set.
pub(super) fn generate(set: &Value, clusters: &[Cluster], projects: &BTreeSet<String>) -> Outcome {
    let spec = set.get("spec").unwrap_or(&Value::Null);
    let is_go = spec.get("goTemplate") == Some(&Value::Bool(true));
    let missing_is_error = texts(spec.get("goTemplateOptions")).contains(&"missingkey=error");
    let preserves = spec.pointer("/syncPolicy/preserveResourcesOnDeletion") == Some(&Value::Bool(true));
    let mut applications = Vec::new();
    for generator in spec.get("generators").and_then(Value::as_array).into_iter().flatten() {
        let all = match parameters(generator, clusters) {
            Ok(all) => all,
            Err(message) => return Outcome::Failed("ApplicationGenerationFromParamsError", message),
        };
        for one in all {
            let render = |text: &str| {
                if is_go { template::go(text, &one, missing_is_error) } else { Ok(template::plain(text, &one)) }
            };
            match rendered(spec.get("template").unwrap_or(&Value::Null), &render) {
                Ok(template) => applications.push(application(set, &template, preserves)),
                Err(message) => return Outcome::Failed("RenderTemplateParamsError", message),
            }
        }
    }
    validated(set, applications, clusters, projects)
}

fn application(set: &Value, template: &Value, preserves: bool) -> Value {
    let meta = |field: &str| set.pointer(&format!("/metadata/{field}")).cloned().unwrap_or_default();
    let mut metadata = template.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
    // Whatever the template says: Applications live where their set lives.
    metadata.insert("namespace".to_owned(), json!(NAMESPACE));
    let finalizers = texts(metadata.get("finalizers").cloned().as_ref()).len();
    if finalizers == 0 && !preserves {
        metadata.insert("finalizers".to_owned(), json!([RESOURCES_FINALIZER]));
    }
    let owner = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "name": meta("name"),
        "uid": meta("uid"), "controller": true, "blockOwnerDeletion": true});
    metadata.insert("ownerReferences".to_owned(), json!([owner]));
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": metadata,
        "spec": template.get("spec").cloned().unwrap_or_else(|| json!({}))})
}

fn validated(set: &Value, all: Vec<Value>, clusters: &[Cluster], projects: &BTreeSet<String>) -> Outcome {
    let set_name = set.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let (mut names, mut valid, mut wrong) = (BTreeSet::new(), Vec::new(), BTreeMap::new());
    for application in all {
        let name = application.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let project = application.pointer("/spec/project").and_then(Value::as_str).unwrap_or_default().to_owned();
        let fault = if !names.insert(name.clone()) {
            Some(format!("ApplicationSet {set_name} contains applications with duplicate name: {name}"))
        } else if !projects.contains(&project) {
            Some(format!("application references project {project} which does not exist"))
        } else {
            let destination = application.pointer("/spec/destination").cloned().unwrap_or_default();
            let found = target(&destination, clusters);
            found.err().map(|why| format!("application destination spec is invalid: {why}"))
        };
        match fault {
            Some(fault) => {
                wrong.insert(name, fault);
            }
            None => valid.push(application),
        }
    }
    let more = wrong.len().saturating_sub(1);
    let invalid = wrong.into_values().next_back().map(|last| match more {
        0 => last,
        more => format!("{last} (and {more} more)"),
    });
    Outcome::Generated { valid, names, invalid }
}

/// The cluster that a destination means.
///
/// # Errors
/// Argo CD's text for one that there is not.
pub(super) fn target(destination: &Value, clusters: &[Cluster]) -> Result<Cluster, String> {
    let text = |field: &str| destination.get(field).and_then(Value::as_str).unwrap_or_default();
    let (name, server) = (text("name"), text("server"));
    let here = Cluster { name: IN_CLUSTER.to_owned(), server: IN_CLUSTER_SERVER.to_owned(), ..Cluster::default() };
    match (name, server) {
        ("", "") => Err("destination server missing from app spec".to_owned()),
        ("", server) if server == IN_CLUSTER_SERVER => Ok(here),
        ("", server) => clusters
            .iter()
            .find(|cluster| cluster.server == server)
            .cloned()
            .ok_or_else(|| format!("error getting cluster by server {server:?}: cluster {server:?} not found")),
        (IN_CLUSTER, "") => Ok(here),
        (name, "") => clusters
            .iter()
            .find(|cluster| cluster.name == name)
            .cloned()
            .ok_or_else(|| format!("there are no clusters with this name: {name}")),
        (name, server) => Err(format!("can't have both name and server defined: {name} {server}")),
    }
}

/// The conditions of a set after a pass, each with the time since which it is so.
pub(super) fn conditions(
    before: &Value,
    error: Option<(&str, &str)>,
    parameters_generated: bool,
    now: &str,
) -> Vec<Value> {
    let done = ("ApplicationSetUpToDate", "All applications have been generated successfully");
    let generated = ("ParametersGenerated", "Successfully generated parameters for all Applications");
    let message = error.map(|(_, message)| message);
    let parameters = if parameters_generated {
        ("ParametersGenerated", "True", generated)
    } else {
        ("ParametersGenerated", "False", ("ErrorOccurred", message.unwrap_or_default()))
    };
    let wanted = match error {
        Some(error) => {
            [("ErrorOccurred", "True", error), parameters, ("ResourcesUpToDate", "False", ("ErrorOccurred", error.1))]
        }
        None => [("ErrorOccurred", "False", done), parameters, ("ResourcesUpToDate", "True", done)],
    };
    wanted
        .into_iter()
        .map(|(kind, status, (reason, message))| {
            let same = |old: &&Value| {
                let is = |field: &str, text: &str| old.get(field).and_then(Value::as_str) == Some(text);
                is("type", kind) && is("status", status) && is("reason", reason) && is("message", message)
            };
            let old = before.as_array().into_iter().flatten().find(same).cloned();
            old.unwrap_or_else(|| {
                json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": now})
            })
        })
        .collect()
}
