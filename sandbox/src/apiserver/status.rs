//! Failures as the API server words them: HTTP code, reason, message and details of a `Status` body.

use serde_json::{Map, Value, json};

/// A resource as error texts name it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    pub(crate) group: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) kind: &'a str,
}

impl Named<'_> {
    fn qualified(&self, word: &str) -> String {
        if self.group.is_empty() { word.to_owned() } else { format!("{word}.{}", self.group) }
    }

    fn details(&self, name: &str, kind: &str) -> Map<String, Value> {
        let mut details = Map::new();
        for (key, value) in [("name", name), ("group", self.group), ("kind", kind)] {
            if !value.is_empty() {
                details.insert(key.to_owned(), json!(value));
            }
        }
        details
    }
}

/// A refused field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldError {
    pub(crate) reason: &'static str,
    pub(crate) field: String,
    pub(crate) text: String,
}

impl FieldError {
    pub(crate) fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> FieldError {
        FieldError {
            reason: "FieldValueInvalid",
            field: field.into(),
            text: format!("Invalid value: {value}: {detail}"),
        }
    }
    pub(crate) fn required(field: impl Into<String>, detail: &str) -> FieldError {
        let text = if detail.is_empty() { "Required value".to_owned() } else { format!("Required value: {detail}") };
        FieldError { reason: "FieldValueRequired", field: field.into(), text }
    }
    pub(crate) fn forbidden(field: impl Into<String>, detail: &str) -> FieldError {
        FieldError { reason: "FieldValueForbidden", field: field.into(), text: format!("Forbidden: {detail}") }
    }
    pub(crate) fn not_supported(field: impl Into<String>, value: &Value, supported: &[&str]) -> FieldError {
        let list = supported.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>().join(", ");
        FieldError {
            reason: "FieldValueNotSupported",
            field: field.into(),
            text: format!("Unsupported value: {value}: supported values: {list}"),
        }
    }
    pub(crate) fn duplicate(field: impl Into<String>, shown: &str) -> FieldError {
        FieldError { reason: "FieldValueDuplicate", field: field.into(), text: format!("Duplicate value: {shown}") }
    }
    pub(crate) fn too_long(field: impl Into<String>, most: usize) -> FieldError {
        FieldError {
            reason: "FieldValueTooLong",
            field: field.into(),
            text: format!("Too long: may not be more than {most} bytes"),
        }
    }
    fn line(&self) -> String {
        format!("{}: {}", self.field, self.text)
    }
}

/// A failed call.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    details: Option<Map<String, Value>>,
    metadata: Value,
    /// Seconds for the `Retry-After` header.
    pub(crate) retry_after: Option<u32>,
}

impl ApiError {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> ApiError {
        ApiError { code, reason, message: message.into(), details: None, metadata: json!({}), retry_after: None }
    }

    fn with(mut self, details: Map<String, Value>) -> ApiError {
        self.details = Some(details);
        self
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> ApiError {
        ApiError::new(400, "BadRequest", message)
    }
    pub(crate) fn unauthorized() -> ApiError {
        ApiError::new(401, "Unauthorized", "Unauthorized")
    }
    pub(crate) fn not_found(what: Named<'_>, name: &str) -> ApiError {
        ApiError::new(404, "NotFound", format!("{} {name:?} not found", what.qualified(what.resource)))
            .with(what.details(name, what.resource))
    }
    pub(crate) fn no_such_resource() -> ApiError {
        ApiError::new(404, "NotFound", "the server could not find the requested resource").with(Map::new())
    }
    pub(crate) fn already_exists(what: Named<'_>, name: &str) -> ApiError {
        ApiError::new(409, "AlreadyExists", format!("{} {name:?} already exists", what.qualified(what.resource)))
            .with(what.details(name, what.resource))
    }
    /// A conflict on the object, worded with the resource.
    pub(crate) fn conflict(what: Named<'_>, name: &str, detail: &str) -> ApiError {
        ApiError::conflict_on(what, what.resource, name, detail)
    }
    /// A conflict on the object, worded with `word` (delete uses the kind).
    pub(crate) fn conflict_on(what: Named<'_>, word: &str, name: &str, detail: &str) -> ApiError {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {detail}", what.qualified(word));
        ApiError::new(409, "Conflict", message).with(what.details(name, word))
    }
    pub(crate) fn stale(what: Named<'_>, name: &str) -> ApiError {
        let detail = "the object has been modified; please apply your changes to the latest version and try again";
        ApiError::conflict(what, name, detail)
    }
    pub(crate) fn apply_conflict(message: String, causes: Vec<Value>) -> ApiError {
        let mut details = Map::new();
        details.insert("causes".to_owned(), Value::Array(causes));
        ApiError::new(409, "Conflict", message).with(details)
    }
    pub(crate) fn invalid(what: Named<'_>, name: &str, errors: &[FieldError]) -> ApiError {
        let mut lines: Vec<String> = Vec::new();
        for error in errors {
            if !lines.contains(&error.line()) {
                lines.push(error.line());
            }
        }
        let text = match lines.as_slice() {
            [only] => only.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let causes: Vec<Value> = errors
            .iter()
            .map(|error| json!({"reason": error.reason, "message": error.text, "field": error.field}))
            .collect();
        let mut details = what.details(name, what.kind);
        details.insert("causes".to_owned(), Value::Array(causes));
        ApiError::new(422, "Invalid", format!("{} {name:?} is invalid: {text}", what.qualified(what.kind)))
            .with(details)
    }
    pub(crate) fn forbidden(what: Named<'_>, name: &str, detail: &str) -> ApiError {
        let subject = if name.is_empty() { String::new() } else { format!(" {name:?}") };
        let message = format!("{}{subject} is forbidden: {detail}", what.qualified(what.resource));
        ApiError::new(403, "Forbidden", message).with(what.details(name, what.resource))
    }
    /// A path that is no resource.
    pub(crate) fn forbidden_path(user: &str, verb: &str, path: &str) -> ApiError {
        ApiError::new(403, "Forbidden", format!("forbidden: User {user:?} cannot {verb} path {path:?}"))
            .with(Map::new())
    }
    /// What stands behind the server does not answer.
    pub(crate) fn unavailable(message: &str) -> ApiError {
        ApiError::new(503, "ServiceUnavailable", message)
    }
    /// A patch that does not fit the object; the real server gives no detail.
    pub(crate) fn unprocessable() -> ApiError {
        ApiError::new(422, "Invalid", "the server rejected our request due to an error in our request").with(Map::new())
    }
    pub(crate) fn method_not_allowed() -> ApiError {
        let message = "the server does not allow this method on the requested resource";
        ApiError::new(405, "MethodNotAllowed", message).with(Map::new())
    }
    /// A part of a custom object, which cannot be deleted by itself.
    pub(crate) fn not_deletable(what: Named<'_>) -> ApiError {
        let message = format!("delete is not supported on resources of kind {:?}", what.qualified(what.resource));
        ApiError::new(405, "MethodNotAllowed", message).with(what.details("", what.resource))
    }
    pub(crate) fn unsupported_media(accepted: &[&str]) -> ApiError {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        ApiError::new(415, "UnsupportedMediaType", message)
    }
    /// A patch of a form the built-in kinds do not take.
    pub(crate) fn unsupported_patch() -> ApiError {
        ApiError::new(415, "UnsupportedMediaType", "415: Unsupported Media Type").with(Map::new())
    }
    /// None of the accepted forms can be served. Built-in and custom resources have texts of their own.
    pub(crate) fn not_acceptable(is_builtin: bool) -> ApiError {
        let served = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
        if is_builtin {
            let message = format!("406: Not Acceptable\n\nAvailable representations: {served}");
            return ApiError::new(406, "NotAcceptable", message).with(Map::new());
        }
        ApiError::new(406, "NotAcceptable", format!("only the following media types are accepted: {served}"))
    }
    pub(crate) fn too_large() -> ApiError {
        ApiError::new(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728")
    }
    /// A failure the real server reports without a reason.
    pub(crate) fn unknown(message: impl Into<String>) -> ApiError {
        ApiError::new(500, "", message)
    }
    /// The same text as a failure of the server, which is how a watch words its parameters' faults.
    pub(crate) fn without_reason(self) -> ApiError {
        ApiError::unknown(self.message)
    }
    /// The wanted version is no longer in the history.
    pub(crate) fn expired(message: impl Into<String>) -> ApiError {
        ApiError::new(410, "Expired", message)
    }
    /// An expired continue token; `fresh` continues from the same key in the newest state.
    pub(crate) fn expired_continue(fresh: &str) -> ApiError {
        let mut error = ApiError::expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list \
             without the continue parameter, or use the continue token in this response to retrieve the remainder of the \
             results. Continuing with the provided token results in an inconsistent list - objects that were created, \
             modified, or deleted between the time the first chunk was returned and now may show up in the list.",
        );
        error.metadata = json!({"continue": fresh});
        error
    }
    /// A version from the future.
    pub(crate) fn too_new(wanted: u64, current: u64) -> ApiError {
        let mut details = Map::new();
        let cause = json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"});
        details.insert("causes".to_owned(), json!([cause]));
        details.insert("retryAfterSeconds".to_owned(), json!(1));
        let message = format!("Timeout: Too large resource version: {wanted}, current: {current}");
        let mut error = ApiError::new(504, "Timeout", message).with(details);
        error.retry_after = Some(1);
        error
    }
    /// Adds one cause.
    pub(crate) fn cause(mut self, reason: &str, message: &str, field: &str) -> ApiError {
        let mut cause = Map::new();
        for (key, value) in [("reason", reason), ("message", message), ("field", field)] {
            if !value.is_empty() {
                cause.insert(key.to_owned(), json!(value));
            }
        }
        let details = self.details.get_or_insert_with(Map::new);
        if let Some(causes) = details.entry("causes").or_insert_with(|| json!([])).as_array_mut() {
            causes.push(Value::Object(cause));
        }
        self
    }

    /// The `Status` object.
    pub(crate) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
            "code": self.code,
        });
        if let Some(map) = status.as_object_mut() {
            if !self.reason.is_empty() {
                map.insert("reason".to_owned(), json!(self.reason));
            }
            if let Some(details) = &self.details {
                map.insert("details".to_owned(), Value::Object(details.clone()));
            }
        }
        status
    }
}

/// The answer to a delete that removed the object.
pub(crate) fn deleted(what: Named<'_>, name: &str, uid: &str) -> Value {
    let mut details = what.details(name, what.resource);
    details.insert("uid".to_owned(), json!(uid));
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}
