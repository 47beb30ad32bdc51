//! The syntax of names, labels and annotations (RFC 1123 and the public Kubernetes rules), with the server's texts.

use serde_json::{Value, json};

use crate::apiserver::meta;
use crate::apiserver::resource::{Builtin, Resource};
use crate::apiserver::status::FieldError;

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
                     and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
                     '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
                         must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation \
                         is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                         alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
                         '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and \
                           must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', \
                           regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const WILDCARD: &str = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must \
                        consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character \
                        (e.g. '*.example.com', regex used for validation is \
                        '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
pub(crate) const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];
const ANNOTATIONS_MOST: usize = 256 * 1024;

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// What is wrong with a DNS-1123 label.
pub(crate) fn label_errors(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > 63 {
        errors.push("must be no more than 63 characters".to_owned());
    }
    if !is_label(text) {
        errors.push(LABEL.to_owned());
    }
    errors
}

/// What is wrong with the name of a port.
pub(crate) fn port_name_errors(text: &str) -> Vec<String> {
    let is_listed = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    [
        (text.len() > 15, "must be no more than 15 characters"),
        (
            text.is_empty() || !text.chars().all(is_listed),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (!text.contains(|letter: char| letter.is_ascii_lowercase()), "must contain at least one letter (a-z)"),
        (text.contains("--"), "must not contain consecutive hyphens"),
        (text.starts_with('-') || text.ends_with('-'), "must not begin or end with a hyphen"),
    ]
    .into_iter()
    .filter(|(wrong, _)| *wrong)
    .map(|(_, detail)| detail.to_owned())
    .collect()
}

/// What is wrong with a DNS-1123 subdomain.
pub(crate) fn subdomain_errors(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > 253 {
        errors.push("must be no more than 253 characters".to_owned());
    }
    if !text.split('.').all(is_label) {
        errors.push(SUBDOMAIN.to_owned());
    }
    errors
}

/// What is wrong with a host of the form `*.example.com`.
pub(crate) fn wildcard_errors(text: &str) -> Vec<String> {
    match text.strip_prefix("*.") {
        Some(rest) if rest.split('.').all(is_label) => Vec::new(),
        Some(_) | None => vec![WILDCARD.to_owned()],
    }
}

fn is_word(text: &str) -> bool {
    let edge = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    text.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.'))
        && edge(text.chars().next())
        && edge(text.chars().last())
}

pub(crate) fn qualified_errors(key: &str) -> Vec<String> {
    let mut errors = Vec::new();
    let name = match key.split_once('/') {
        None => key,
        Some((prefix, name)) if !name.contains('/') => {
            if prefix.is_empty() {
                errors.push("prefix part must be non-empty".to_owned());
            } else {
                errors.extend(subdomain_errors(prefix).into_iter().map(|text| format!("prefix part {text}")));
            }
            name
        }
        Some(_) => {
            let part = QUALIFIED.strip_prefix("name part ").unwrap_or(QUALIFIED);
            return vec![format!(
                "a qualified name {part} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        errors.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        errors.push("name part must be no more than 63 bytes".to_owned());
    }
    if !is_word(name) {
        errors.push(QUALIFIED.to_owned());
    }
    errors
}

/// Whether a key may stand in a Secret or ConfigMap.
pub(crate) fn is_data_key(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= 253
        && key != "."
        && !key.starts_with("..")
        && key.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.'))
}

/// Checks `metadata`.
pub(crate) fn metadata(resource: &Resource, object: &Value, errors: &mut Vec<FieldError>) {
    let name = meta::name(object);
    if name.is_empty() {
        errors.push(FieldError::required("metadata.name", "name or generateName is required"));
    } else {
        let problems = match resource.builtin {
            // Since 1.36 a Service's name may start with a digit.
            Some(Builtin::Namespace | Builtin::Service) => label_errors(name),
            _ => subdomain_errors(name),
        };
        errors.extend(problems.iter().map(|problem| FieldError::invalid("metadata.name", &json!(name), problem)));
    }
    let entries =
        |field: &str| meta::get(object, &["metadata", field]).and_then(Value::as_object).into_iter().flatten();
    for (key, value) in entries("labels") {
        for problem in qualified_errors(key) {
            errors.push(FieldError::invalid("metadata.labels", &json!(key), &problem));
        }
        let text = value.as_str().unwrap_or_default();
        if text.len() > 63 {
            errors.push(FieldError::invalid("metadata.labels", value, "must be no more than 63 bytes"));
        }
        if !text.is_empty() && !is_word(text) {
            errors.push(FieldError::invalid("metadata.labels", value, LABEL_VALUE));
        }
    }
    let mut size = 0;
    for (key, value) in entries("annotations") {
        size += key.len() + value.as_str().map_or(0, str::len);
        for problem in qualified_errors(&key.to_lowercase()) {
            errors.push(FieldError::invalid("metadata.annotations", &json!(key), &problem));
        }
    }
    if size > ANNOTATIONS_MOST {
        errors.push(FieldError::too_long("metadata.annotations", ANNOTATIONS_MOST));
    }
    for owner in meta::list(object, &["metadata", "ownerReferences"]) {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if meta::text(owner, &[field]).is_empty() {
                let path = format!("metadata.ownerReferences.{field}");
                errors.push(FieldError::invalid(path, &json!(""), "must not be empty"));
            }
        }
    }
    for (at, finalizer) in meta::finalizers(object).into_iter().enumerate() {
        for problem in qualified_errors(finalizer) {
            errors.push(FieldError::invalid("metadata.finalizers", &json!(finalizer), &problem));
        }
        // Custom resources may have any finalizer.
        if resource.builtin.is_some() && !finalizer.contains('/') && !STANDARD_FINALIZERS.contains(&finalizer) {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(FieldError::invalid(format!("metadata.finalizers[{at}]"), &json!(finalizer), detail));
        }
    }
}

/// How often the server lists one fault of the metadata when an object is replaced or patched: it runs the same checks
/// for all kinds first and again for the kind (counted on kube-apiserver 1.36.3).
pub(crate) fn times_listed(resource: &Resource, field: &str) -> usize {
    let once_less = matches!(resource.builtin, None | Some(Builtin::Service));
    let is_any = |fields: &[&str]| fields.iter().any(|one| field.starts_with(one));
    if is_any(&["metadata.labels", "metadata.annotations", "metadata.ownerReferences"]) {
        if once_less { 3 } else { 4 }
    } else if is_any(&["metadata.finalizers"]) && once_less {
        1
    } else {
        2
    }
}
