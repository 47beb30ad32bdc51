//! A small, honest part of Go's template language: text with fields of the parameters between braces.
//!
//! `generate.rs` renders every text of a set's template with it. `{{.a.b}}` is a field, as in Go with the option that a
//! missing key is an error, or not. Everything else that Go knows (functions, pipelines, conditions) is refused with a
//! text that says so, so that no wrong name is made up. Error texts follow text/template's.

use serde_json::Value;

/// Renders a Go template.
///
/// # Errors
/// Go's text for a template that it does not take, with what Argo CD puts before it.
pub(super) fn go(template: &str, parameters: &Value, missing_is_error: bool) -> Result<String, String> {
    let parse_failed = |why: &str| format!("failed to parse template {template}: template: base:1: {why}");
    let mut out = String::new();
    let mut rest = template;
    let mut column = 0;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        column += before.len() + 2;
        let Some((action, tail)) = after.split_once("}}") else { return Err(parse_failed("unclosed action")) };
        let expression = action.trim_start_matches("- ").trim_end_matches(" -").trim();
        let Some(path) = fields(expression) else {
            return Err(parse_failed(&format!(
                "{expression:?} is more than a field, which is all that the sandbox's Argo CD renders"
            )));
        };
        let mut value = parameters;
        for name in &path {
            match value.get(name) {
                Some(next) => value = next,
                None if missing_is_error => {
                    return Err(format!(
                        "failed to execute go template {template}: template: base:1:{}: executing \"base\" at <{expression}>: map \
                         has no entry for key {name:?}",
                        column + 1
                    ));
                }
                None => {
                    value = &Value::Null;
                    break;
                }
            }
        }
        match value {
            Value::String(text) => out.push_str(text),
            Value::Null => out.push_str("<no value>"),
            other => out.push_str(&other.to_string()),
        }
        column += action.len() + 2;
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

/// `.a.b` as its names.
fn fields(expression: &str) -> Option<Vec<&str>> {
    let names: Vec<&str> = expression.strip_prefix('.')?.split('.').collect();
    let plain = |name: &&str| {
        !name.is_empty()
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    names.iter().all(plain).then_some(names)
}

/// Renders the older form, without Go templates: known names between braces are replaced, the rest stays.
pub(super) fn plain(template: &str, parameters: &Value) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, tail)) = after.split_once("}}") else { break };
        out.push_str(before);
        let value = name.trim().split('.').try_fold(parameters, |value, step| value.get(step)).and_then(Value::as_str);
        match value {
            Some(text) => out.push_str(text),
            None => out.push_str(&format!("{{{{{name}}}}}")),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}
