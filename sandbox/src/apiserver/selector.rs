//! Label and field selectors, as LIST, WATCH and collection deletes take them.

use serde_json::Value;

use super::meta;
use super::resource::{Builtin, Resource};
use super::status::ApiError;

#[derive(Clone, Debug, PartialEq)]
enum Need {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

/// A parsed pair of selectors.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Selector {
    labels: Vec<(String, Need)>,
    fields: Vec<(String, bool, String)>,
}

impl Selector {
    /// Parses both selectors for one resource.
    ///
    /// # Errors
    /// 400 for bad syntax or a field this resource cannot be selected by.
    pub(crate) fn parse(resource: &Resource, labels: &str, fields: &str) -> Result<Selector, ApiError> {
        let mut selector = Selector { labels: parse_labels(labels)?, fields: Vec::new() };
        for term in fields.split(',').filter(|term| !term.is_empty()) {
            let (field, equal, value) = if let Some((field, value)) = term.split_once("!=") {
                (field, false, value)
            } else if let Some((field, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
                (field, true, value)
            } else {
                let message = format!("invalid selector: '{fields}'; can't understand '{term}'");
                return Err(ApiError::bad_request(message));
            };
            if !selectable(resource, field) {
                let message = format!(
                    "Unable to find \"{}\" that match label selector {labels:?}, field selector {fields:?}: field label \
                     not supported: {field}",
                    kind_text(resource)
                );
                return Err(ApiError::bad_request(message));
            }
            selector.fields.push((field.to_owned(), equal, value.to_owned()));
        }
        Ok(selector)
    }

    /// Whether an object is selected.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = meta::get(object, &["metadata", "labels"]);
        let label = |key: &str| labels.and_then(|all| all.get(key)).and_then(Value::as_str);
        self.labels.iter().all(|(key, need)| match need {
            Need::In(values) => label(key).is_some_and(|value| values.iter().any(|one| one == value)),
            Need::NotIn(values) => label(key).is_none_or(|value| values.iter().all(|one| one != value)),
            Need::Exists => label(key).is_some(),
            Need::Absent => label(key).is_none(),
        }) && self.fields.iter().all(|(field, equal, value)| (field_value(object, field) == value.as_str()) == *equal)
    }
}

fn kind_text(resource: &Resource) -> String {
    let group = if resource.group.is_empty() { "" } else { resource.group.as_str() };
    format!("{group}/{}, Kind={}", resource.version, resource.kind).trim_start_matches('/').to_owned()
}

fn selectable(resource: &Resource, field: &str) -> bool {
    let special: &[&str] = match resource.builtin {
        Some(Builtin::Event) => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        Some(Builtin::Secret) => &["type"],
        Some(Builtin::Namespace) => &["status.phase"],
        Some(Builtin::Service) => &["spec.clusterIP", "spec.type"],
        Some(Builtin::Node) => &["spec.unschedulable"],
        _ => &[],
    };
    matches!(field, "metadata.name" | "metadata.namespace") || special.contains(&field)
}

fn field_value<'a>(object: &'a Value, field: &str) -> &'a str {
    if field == "source" {
        let component = meta::text(object, &["source", "component"]);
        return if component.is_empty() { meta::text(object, &["reportingComponent"]) } else { component };
    }
    let path: Vec<&str> = field.split('.').collect();
    meta::text(object, &path)
}

fn parse_labels(text: &str) -> Result<Vec<(String, Need)>, ApiError> {
    let bad = |term: &str| {
        ApiError::bad_request(format!("unable to parse requirement: found '{term}', expected: identifier"))
    };
    let mut out = Vec::new();
    for term in split_outside_parentheses(text) {
        let term = term.trim();
        if term.is_empty() {
            continue;
        }
        let values = |list: &str| -> Vec<String> {
            list.trim()
                .trim_start_matches('(')
                .trim_end_matches(')')
                .split(',')
                .map(|one| one.trim().to_owned())
                .collect()
        };
        let (key, need) = if let Some((key, list)) = term.split_once(" notin ") {
            (key, Need::NotIn(values(list)))
        } else if let Some((key, list)) = term.split_once(" in ") {
            (key, Need::In(values(list)))
        } else if let Some((key, value)) = term.split_once("!=") {
            (key, Need::NotIn(vec![value.trim().to_owned()]))
        } else if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
            (key, Need::In(vec![value.trim().to_owned()]))
        } else if let Some(key) = term.strip_prefix('!') {
            (key, Need::Absent)
        } else {
            (term, Need::Exists)
        };
        let key = key.trim();
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(bad(term));
        }
        out.push((key.to_owned(), need));
    }
    Ok(out)
}

fn split_outside_parentheses(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_u32;
    for letter in text.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apiserver::kinds;

    #[test]
    fn selectors_choose_as_documented() {
        let all = kinds::all();
        let events = all.get("/events").expect("events");
        let object = json!({
            "metadata": {"name": "e", "labels": {"a": "1"}},
            "involvedObject": {"name": "gw"}, "reason": "Sync", "type": "Normal",
        });
        for (labels, fields, chosen) in [
            ("", "", true),
            ("a=1", "", true),
            ("a==1,!b", "", true),
            ("a!=1", "", false),
            ("b!=1", "", true),
            ("a in (1, 2)", "", true),
            ("a notin (1,2)", "", false),
            ("a", "", true),
            ("", "involvedObject.name=gw,type!=Warning", true),
            ("", "reason=Other", false),
            ("", "metadata.name==e", true),
        ] {
            let selector = Selector::parse(events, labels, fields).expect("a selector");
            assert_eq!(selector.matches(&object), chosen, "{labels} {fields}");
        }
        assert!(Selector::parse(events, "", "spec.x=1").is_err(), "not a selectable field");
    }
}
