//! What a configuration may say: checks of single values, and rules over several.
//!
//! Pure, and silent about what is unknown. Facts: Argo CD's documentation of Go templates, sync options and sources, the
//! texts with which its controllers refuse, and Kubernetes' rules for names and label selectors.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::model::{ApplicationSetModel, ClusterSelector, Source};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::duration;
use crate::framework::model::{Attr, Field, Planned};
use crate::framework::path::Path;
use crate::framework::schema::Problem;
use crate::framework::value::Value;
use crate::resources::kubernetes_attributes::{label, label_name};

type Config = ApplicationSetModel<Planned>;

/// Longest name of an object in Kubernetes.
const MAX_NAME_CHARS: usize = 253;
/// Options that Go's text/template knows. Argo CD's controller ends at any other.
const TEMPLATE_OPTIONS: [&str; 4] = ["missingkey=error", "missingkey=zero", "missingkey=default", "missingkey=invalid"];

fn shown(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Texts between actions of a template, and whether there is any action.
///
/// # Errors
/// What is wrong with its braces.
fn literals(template: &str) -> Result<(Vec<&str>, bool), &'static str> {
    let (mut parts, mut rest, mut has_action) = (Vec::new(), template, false);
    while let Some((before, after)) = rest.split_once("{{") {
        if before.contains("}}") {
            return Err("it closes an action (\"}}\") that it did not open");
        }
        let Some((action, tail)) = after.split_once("}}") else {
            return Err("it opens an action (\"{{\") that it does not close");
        };
        if action.contains("{{") {
            return Err("it opens an action within an action");
        }
        if action.trim().is_empty() {
            return Err("it has an empty action");
        }
        parts.push(before);
        (rest, has_action) = (tail, true);
    }
    if rest.contains("}}") {
        return Err("it closes an action (\"}}\") that it did not open");
    }
    parts.push(rest);
    Ok((parts, has_action))
}

/// A check that `spec_json` is the spec of an ApplicationSet.
pub(super) fn spec_json(value: &Value) -> Result<(), Problem> {
    let refuse = |why: String| Err(Problem::new("Invalid Specification", why));
    let parsed: Json = match serde_json::from_str(shown(value)) {
        Ok(parsed) => parsed,
        Err(error) => return refuse(format!("spec_json is not JSON: {error}. Build it with jsonencode().")),
    };
    let Some(fields) = parsed.as_object() else {
        return refuse(
            "spec_json is no JSON object. It is the value of the field spec of an ApplicationSet.".to_owned(),
        );
    };
    if fields.contains_key("apiVersion") || fields.contains_key("metadata") {
        return refuse(
            "spec_json is a whole object, with apiVersion or metadata. Give the value of its field spec alone; name, labels and \
             annotations are attributes of this resource."
                .to_owned(),
        );
    }
    if fields.get("generators").and_then(Json::as_array).is_none_or(Vec::is_empty) {
        return refuse("spec_json has no generators, so the set would generate nothing. Give at least one.".to_owned());
    }
    let template = fields.get("template").and_then(Json::as_object);
    let has = |name: &str| template.is_some_and(|template| template.get(name).is_some_and(Json::is_object));
    if !has("metadata") || !has("spec") {
        return refuse(
            "spec_json has no template with metadata and spec, from which Applications are made.".to_owned(),
        );
    }
    Ok(())
}

/// Whether two texts are the same JSON.
pub(super) fn same_json(a: &Value, b: &Value) -> bool {
    let parsed = |value: &Value| serde_json::from_str::<Json>(value.as_str()?).ok();
    parsed(a).is_some_and(|a| parsed(b) == Some(a))
}

/// A check of an element of `expected_cluster_ids`.
pub(super) fn cluster_id(value: &Value) -> Result<(), Problem> {
    let id = shown(value);
    if !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(Problem::new(
        "Invalid Cluster ID",
        format!("{id:?} is no ID of a cluster. Take it from ackone_fleet_cluster_association.*.cluster_id."),
    ))
}

/// A check of an element of `go_template_options`.
pub(super) fn template_option(value: &Value) -> Result<(), Problem> {
    if TEMPLATE_OPTIONS.contains(&shown(value)) {
        return Ok(());
    }
    Err(Problem::new(
        "Invalid Template Option",
        format!(
            "{:?} is no option of Go templates; the controller stops working on the set at such a one. Use \"missingkey=error\", \
             \"missingkey=zero\" or \"missingkey=default\".",
            shown(value)
        ),
    ))
}

/// A check of `source.repo_url`.
pub(super) fn repo_url(value: &Value) -> Result<(), Problem> {
    let url = shown(value);
    if !url.is_empty() && !url.contains(char::is_whitespace) {
        return Ok(());
    }
    Err(Problem::new(
        "Invalid Source",
        format!(
            "{url:?} is no URL of a repository. Write it as git or helm take it, such as \"https://host/path.git\"."
        ),
    ))
}

/// A check of `source.path`.
pub(super) fn source_path(value: &Value) -> Result<(), Problem> {
    let path = shown(value);
    let why = if path.is_empty() {
        "it is empty; \".\" is the repository itself"
    } else if path.starts_with('/') {
        "it is absolute; write it from the root of the repository, without a slash at its begin"
    } else if path.split('/').any(|step| step == "..") {
        "it leads out of the repository"
    } else {
        return Ok(());
    };
    Err(Problem::new("Invalid Source", format!("Argo CD does not take the path {path:?}: {why}.")))
}

/// A check of `destination.namespace`, which may be a template.
pub(super) fn destination_namespace(value: &Value) -> Result<(), Problem> {
    if shown(value).contains("{{") { Ok(()) } else { label_name("Namespace")(value) }
}

/// A check of a label's key in a selector.
pub(super) fn label_key(value: &Value) -> Result<(), Problem> {
    label(shown(value), &Value::string(""))
}

/// A check of a label's value in a selector.
pub(super) fn label_value(value: &Value) -> Result<(), Problem> {
    label("value", value)
}

/// A check of a retry's pause.
pub(super) fn pause(value: &Value) -> Result<(), Problem> {
    if duration::parse(shown(value)).is_some() {
        return Ok(());
    }
    Err(Problem::new(
        "Invalid Duration",
        format!("{:?} is not a duration. Write a number with a unit, such as \"5s\", \"3m\" or \"1h\".", shown(value)),
    ))
}

/// A check of a whole number that is not negative.
pub(super) fn retry_limit(value: &Value) -> Result<(), Problem> {
    if value.as_i64().is_some_and(|number| number >= 0) {
        return Ok(());
    }
    Err(Problem::new("Invalid Retry Setting", "The number must be whole and not negative."))
}

/// A check of one sync option.
pub(super) fn sync_option(value: &Value) -> Result<(), Problem> {
    let option = shown(value);
    let named = option.split_once('=').is_some_and(|(name, value)| {
        !value.is_empty() && !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric())
    });
    if named && !option.contains(char::is_whitespace) {
        return Ok(());
    }
    Err(Problem::new(
        "Invalid Sync Option",
        format!(
            "{option:?} is no sync option, and Argo CD would ignore it. Write \"Name=value\", such as \"CreateNamespace=true\"."
        ),
    ))
}

/// A check that no sync option is there with two values.
pub(super) fn sync_options(value: &Value) -> Result<(), Problem> {
    let mut known: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, value) in value.as_list().into_iter().flatten().filter_map(|one| one.as_str()?.split_once('=')) {
        if let Some(other) = known.insert(name, value)
            && other != value
        {
            return Err(Problem::new(
                "Invalid Sync Option",
                format!("The sync option {name} is there with the values {other:?} and {value:?}. Keep one of them."),
            ));
        }
    }
    Ok(())
}

/// The rules over several attributes.
pub(super) fn validate(config: &Config, diagnostics: &mut Diagnostics) {
    match &config.spec_json {
        Attr::Known(_) => one_form(config, diagnostics),
        Attr::Null => whole(config, diagnostics),
        Attr::Unknown => {}
    }
    templates(config, diagnostics);
    application_name(config, diagnostics);
    if let Some(source) = config.source.known() {
        one_kind_of_source(source, diagnostics);
    }
    if let Some(destination) = config.destination.known()
        && destination.name.known().is_some()
        && destination.server.known().is_some()
    {
        diagnostics.error(
            Path::attribute("destination").attr("server"),
            "Two Destinations",
            "destination has both name and server. Argo CD takes one of them: remove server to deploy to the cluster of that name, or \
             name to deploy to that address.",
        );
    }
    if let Some(selector) = config.cluster_selector.known() {
        expressions(selector, diagnostics);
    }
}

/// The attributes that `spec_json` stands for, as far as they are configured.
fn typed(config: &Config) -> Vec<&'static str> {
    let value = config.to_value();
    let names = [
        "application_name",
        "project",
        "source",
        "destination",
        "cluster_selector",
        "sync_policy",
        "preserve_resources_on_deletion",
        "go_template_options",
    ];
    names.into_iter().filter(|name| !value.attr(name).is_null()).collect()
}

fn one_form(config: &Config, diagnostics: &mut Diagnostics) {
    for name in typed(config) {
        diagnostics.error(
            Path::attribute(name),
            "Two Forms of an Application Set",
            format!(
                "{name} stands beside spec_json, which is the whole specification already. Put it into spec_json, or leave spec_json \
                 out."
            ),
        );
    }
}

fn whole(config: &Config, diagnostics: &mut Diagnostics) {
    for (name, missing) in [
        ("application_name", config.application_name.is_null()),
        ("source", config.source.is_null()),
        ("destination", config.destination.is_null()),
    ] {
        if missing {
            diagnostics.error(
                Path::attribute(name),
                "Application Set Not Whole",
                format!(
                    "{name} is missing. Without spec_json an ApplicationSet needs application_name, source and destination: how the \
                     Application of a cluster is called, where its manifests are, and where they go."
                ),
            );
        }
    }
}

/// Every text that Argo CD renders: braces must balance.
fn templates(config: &Config, diagnostics: &mut Diagnostics) {
    let value = config.to_value();
    for name in ["application_name", "project", "source", "destination", "sync_policy"] {
        walk(&Path::attribute(name), &value.attr(name), diagnostics);
    }
}

fn walk(path: &Path, value: &Value, diagnostics: &mut Diagnostics) {
    match value {
        Value::String(text) => {
            if let Err(why) = literals(text) {
                diagnostics.error(
                    path.clone(),
                    "Invalid Template",
                    format!("{path} is no Go template: {why}. The text is {text:?}."),
                );
            }
        }
        Value::Map(fields) => {
            fields.iter().for_each(|(name, value)| walk(&path.attr(name.as_str()), value, diagnostics))
        }
        // An element of a set has no path of its own, and those of lists here are sets.
        Value::List(elements) => elements.iter().for_each(|value| walk(path, value, diagnostics)),
        _ => {}
    }
}

fn application_name(config: &Config, diagnostics: &mut Diagnostics) {
    let Some(name) = config.application_name.known() else { return };
    let Ok((parts, _)) = literals(name) else { return };
    let at = Path::attribute("application_name");
    let text: String = parts.concat();
    let bad: Vec<char> =
        text.chars().filter(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.'))).collect();
    let edge = |text: Option<char>| text.is_some_and(|c| matches!(c, '-' | '.'));
    let first = parts.first().and_then(|part| part.chars().next());
    let last = parts.last().and_then(|part| part.chars().next_back());
    let why = if name.is_empty() {
        Some("it is empty".to_owned())
    } else if let Some(c) = bad.first() {
        Some(format!("it has the character {c:?} outside of braces"))
    } else if edge(first) || edge(last) {
        Some("it begins or ends with '-' or '.'".to_owned())
    } else if text.len() > MAX_NAME_CHARS {
        Some(format!("it is longer than {MAX_NAME_CHARS} characters"))
    } else {
        None
    };
    if let Some(why) = why {
        diagnostics.error(
            at,
            "Invalid Application Name",
            format!(
                "{name:?} makes no name that Kubernetes takes: {why}. Names are lower-case letters, digits, '-' and '.', with a letter \
                 or digit at both ends."
            ),
        );
    }
}

/// A name without any field of the cluster.
fn one_name(planned: &Config, diagnostics: &mut Diagnostics) {
    let Some(name) = planned.application_name.known() else { return };
    if !literals(name).is_ok_and(|(_, has_action)| !has_action) {
        return;
    }
    diagnostics.warn(
        Path::attribute("application_name"),
        "One Name for All Members",
        format!(
            "{name:?} is the same for every cluster. As soon as the selector picks two, the controller refuses the set because of \
             the doubled name. Put a field of the cluster into it, such as \"{{{{.metadata.annotations.cluster_name}}}}-{name}\"."
        ),
    );
}

fn one_kind_of_source(source: &Source<Planned>, diagnostics: &mut Diagnostics) {
    let at = Path::attribute("source");
    if source.path.is_null() && source.chart.is_null() {
        diagnostics.error(
            at.attr("path"),
            "Invalid Source",
            "source has neither path nor chart. Give path for a folder of a git repository, or chart for one of Helm.",
        );
    }
    if source.path.known().is_some() && source.chart.known().is_some() {
        diagnostics.error(
            at.attr("chart"),
            "Invalid Source",
            "source has both path and chart. A git repository has folders, one of Helm has charts: keep the one that repo_url leads to.",
        );
    }
    if source.chart.known().is_some() && source.target_revision.is_null() {
        diagnostics.error(
            at.attr("target_revision"),
            "Invalid Source",
            "source has a chart without target_revision. Argo CD needs the version of the chart, such as \"1.2.3\" or \"1.*\".",
        );
    }
}

fn expressions(selector: &ClusterSelector<Planned>, diagnostics: &mut Diagnostics) {
    for (index, expression) in selector.match_expressions.known().into_iter().flatten().enumerate() {
        let Some(expression) = expression.known() else { continue };
        let Some(operator) = expression.operator.known() else { continue };
        let at = Path::attribute("cluster_selector").attr("match_expressions").index(index).attr("values");
        let is_empty = expression.values.is_null() || expression.values.known().is_some_and(Vec::is_empty);
        match operator.as_str() {
            "In" | "NotIn" if is_empty => diagnostics.error(
                at,
                "Invalid Selector",
                format!(
                    "{operator} compares with values, and there is none. Give values, or use Exists or DoesNotExist."
                ),
            ),
            "Exists" | "DoesNotExist" if !is_empty && !expression.values.is_unknown() => diagnostics.error(
                at,
                "Invalid Selector",
                format!("{operator} asks only whether there is such a label. Remove values, or use In or NotIn."),
            ),
            _ => {}
        }
    }
}

/// Advice for a plan that changes something.
pub(super) fn advise(planned: &Config, diagnostics: &mut Diagnostics) {
    one_name(planned, diagnostics);
    if !planned.spec_json.is_null() || planned.wait.known() != Some(&true) {
        return;
    }
    let at = Path::attribute("sync_policy");
    let by_hand = match &planned.sync_policy {
        Attr::Null => true,
        Attr::Known(policy) => policy.automated.is_null(),
        Attr::Unknown => false,
    };
    if by_hand {
        diagnostics.warn(
            at,
            "Nothing Syncs the Applications",
            "sync_policy has no automated, so Argo CD makes the Applications and deploys nothing until somebody syncs each of them. The \
             apply waits for that. Set sync_policy = { automated = {} }, or wait = false.",
        );
    }
}
