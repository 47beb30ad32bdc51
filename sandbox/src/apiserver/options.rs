//! The options of a call: dry run, field manager, strictness, force, and the parameters of LIST and WATCH.
//!
//! `handler.rs` reads them before anything else is looked at, so a wrong option is refused whatever the object is.

use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::intake::FieldValidation;
use super::meta;
use super::route::Query;
use super::status::{ApiError, FieldError, Named};
use super::write::Options;

/// How long the name of a field manager may be.
const MANAGER_MOST_BYTES: usize = 128;

fn refused(kind: &str, error: FieldError) -> ApiError {
    ApiError::invalid(Named { group: "meta.k8s.io", resource: "", kind }, "", &[error])
}

/// Reads `dryRun`; `kind` is the options kind that error texts name.
pub(crate) fn dry_run(query: &Query, kind: &str) -> Result<bool, ApiError> {
    let wanted: Vec<Value> = query
        .0
        .iter()
        .filter(|(name, value)| name == "dryRun" && !value.is_empty())
        .map(|(_, value)| json!(value))
        .collect();
    check_dry_run(&wanted, kind)
}

fn check_dry_run(wanted: &[Value], kind: &str) -> Result<bool, ApiError> {
    if wanted.iter().any(|one| one != "All") {
        return Err(refused(kind, FieldError::not_supported("dryRun", &json!(wanted), &["All"])));
    }
    Ok(!wanted.is_empty())
}

/// Refuses the options of a delete that the server does not know.
pub(crate) fn check_delete(body: &Value, in_query: &str) -> Result<(), ApiError> {
    const KIND: &str = "DeleteOptions";
    check_dry_run(meta::list(body, &["dryRun"]), KIND)?;
    let in_query = Some(json!(in_query)).filter(|_| !in_query.is_empty());
    let policy = in_query.as_ref().or_else(|| meta::get(body, &["propagationPolicy"]));
    let Some(policy) = policy.filter(|policy| !policy.is_null()) else { return Ok(()) };
    if meta::get(body, &["orphanDependents"]).is_some_and(|orphans| !orphans.is_null()) {
        let detail = "orphanDependents and deletionPropagation cannot be both set";
        return Err(refused(KIND, FieldError::invalid("propagationPolicy", policy, detail)));
    }
    let known = ["Foreground", "Background", "Orphan", "nil"];
    if !known.iter().take(3).any(|one| policy == one) {
        return Err(refused(KIND, FieldError::not_supported("propagationPolicy", policy, &known)));
    }
    Ok(())
}

/// Reads the options of a write; `kind` is the options kind that error texts name.
pub(crate) fn of_write(query: &Query, headers: &HeaderMap, kind: &str) -> Result<Options, ApiError> {
    let dry_run = dry_run(query, kind)?;
    let given = query.get("fieldManager");
    if given.len() > MANAGER_MOST_BYTES {
        return Err(refused(kind, FieldError::too_long("fieldManager", MANAGER_MOST_BYTES)));
    }
    if let Some((at, letter)) = given.chars().enumerate().find(|(_, letter)| letter.is_control()) {
        let code = u32::from(letter);
        let shown: String = given
            .chars()
            .map(|one| if one.is_control() { format!("\\x{:02x}", u32::from(one)) } else { one.to_string() })
            .collect();
        let text = format!("Invalid value: \"{shown}\": invalid character U+{code:04X} (at position {at})");
        let error = FieldError { reason: "FieldValueInvalid", field: "fieldManager".to_owned(), text };
        return Err(refused(kind, error));
    }
    let validation = match query.get("fieldValidation") {
        "" | "Warn" => FieldValidation::Warn,
        "Strict" => FieldValidation::Strict,
        "Ignore" => FieldValidation::Ignore,
        other => {
            let known = ["", "Ignore", "Strict", "Warn"];
            return Err(refused(kind, FieldError::not_supported("fieldValidation", &json!(other), &known)));
        }
    };
    let manager = if given.is_empty() { manager_of(headers) } else { given.to_owned() };
    Ok(Options { dry_run, manager, force: query.is_set("force"), validation })
}

/// The manager of a client that names none: the first part of its user agent.
fn manager_of(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name: String = agent.split('/').next().unwrap_or_default().chars().take(MANAGER_MOST_BYTES).collect();
    if name.is_empty() { "unknown".to_owned() } else { name }
}

/// Refuses parameters of LIST and WATCH that do not go together; all that is wrong is told at once.
pub(crate) fn check_list(query: &Query) -> Result<(), ApiError> {
    const FIELD: &str = "resourceVersionMatch";
    const INITIAL: &str = "sendInitialEvents";
    let (wanted, version) = (query.get(FIELD), query.get("resourceVersion"));
    let is_watch = query.is_set("watch");
    let forbidden = |detail: &str| FieldError::forbidden(FIELD, detail);
    let mut errors = Vec::new();
    if is_watch && query.has(INITIAL) && wanted != "NotOlderThan" {
        errors.push(forbidden("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
    }
    if !wanted.is_empty() {
        if is_watch && !query.has(INITIAL) {
            errors.push(forbidden("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"));
        }
        if !is_watch && version.is_empty() {
            errors.push(forbidden("resourceVersionMatch is forbidden unless resourceVersion is provided"));
        }
        if !is_watch && !query.get("continue").is_empty() {
            errors.push(forbidden("resourceVersionMatch is forbidden when continue is provided"));
        }
        let known: &[&str] = if is_watch { &["NotOlderThan"] } else { &["Exact", "NotOlderThan", ""] };
        if !known.contains(&wanted) {
            errors.push(FieldError::not_supported(FIELD, &json!(wanted), known));
        }
        if is_watch && !query.get("continue").is_empty() {
            errors.push(forbidden("resourceVersionMatch is forbidden when continue is provided"));
        }
        if !is_watch && wanted == "Exact" && version == "0" {
            errors.push(forbidden("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""));
        }
    }
    if !is_watch && query.has(INITIAL) {
        errors.push(FieldError::forbidden(INITIAL, "sendInitialEvents is forbidden for list"));
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(Named { group: "meta.k8s.io", resource: "", kind: "ListOptions" }, "", &errors))
}

/// A parameter of LIST and WATCH that is a number; zero if it is not there.
pub(crate) fn number(query: &Query, name: &str) -> Result<i64, ApiError> {
    let text = query.get(name);
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| ApiError::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(outcome: Result<(), ApiError>) -> String {
        outcome.expect_err("refused").message
    }

    /// The texts are those of kube-apiserver 1.36.3.
    #[test]
    fn wrong_options_are_refused_in_the_servers_words() {
        let write = |text: &str| of_write(&Query::parse(text), &HeaderMap::new(), "PatchOptions").map(drop);
        for (query, expected) in [
            ("dryRun=All&dryRun=Foo", r#"dryRun: Unsupported value: ["All","Foo"]: supported values: "All""#),
            (
                "fieldManager=a%01b",
                r#"fieldManager: Invalid value: "a\x01b": invalid character U+0001 (at position 1)"#,
            ),
            (
                "fieldValidation=Foo",
                r#"fieldValidation: Unsupported value: "Foo": supported values: "", "Ignore", "Strict", "Warn""#,
            ),
        ] {
            assert_eq!(message(write(query)), format!("PatchOptions.meta.k8s.io \"\" is invalid: {expected}"));
        }
        let long = format!("fieldManager={}", "m".repeat(129));
        assert!(message(write(&long)).ends_with("fieldManager: Too long: may not be more than 128 bytes"));
        assert!(write("fieldManager=me&dryRun=All&fieldValidation=Strict&force=true").is_ok());

        let list = |text: &str| check_list(&Query::parse(text));
        for (query, expected) in [
            ("resourceVersionMatch=Exact", "resourceVersionMatch is forbidden unless resourceVersion is provided"),
            (
                "watch=true&sendInitialEvents=true&allowWatchBookmarks=true",
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            ),
            (
                "watch=true&resourceVersionMatch=NotOlderThan",
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            ),
        ] {
            let expected =
                format!("ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: {expected}");
            assert_eq!(message(list(query)), expected);
        }
        assert!(list("resourceVersionMatch=Foo&resourceVersion=5").is_err());
        assert!(list("resourceVersionMatch=Exact&resourceVersion=5").is_ok());

        let delete = message(check_delete(&json!({}), "Foo"));
        let expected = r#"propagationPolicy: Unsupported value: "Foo": supported values: "Foreground", "Background", "Orphan", "nil""#;
        assert!(delete.ends_with(expected), "{delete}");
    }
}
