//! Bodies of writes: decoding, what strict decoding finds, and whether a body belongs to the request's object.

use serde_json::{Value, json};

use super::resource::Resource;
use super::status::ApiError;
use super::validation::{decode, kinds as rules};
use super::write::Target;
use super::{crd, kinds, meta, schema};

/// What to do about unknown and duplicate fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    Ignore,
    #[default]
    Warn,
    Strict,
}

/// Turns a body into the form the server keeps, with defaults, and reports fields it does not know.
pub(crate) fn decoded(resource: &Resource, mut value: Value) -> Result<(Value, Vec<String>), ApiError> {
    if !value.is_object() {
        let message = format!(
            "{} in version {:?} cannot be handled as a {}: json: cannot unmarshal into Go value",
            resource.kind, resource.version, resource.kind
        );
        return Err(ApiError::bad_request(message));
    }
    for (field, wanted) in [("apiVersion", resource.api_version()), ("kind", resource.kind.clone())] {
        let found = meta::text(&value, &[field]).to_owned();
        if found.is_empty() {
            if resource.builtin.is_none() {
                let label = if field == "kind" { "Kind" } else { "apiVersion" };
                return Err(ApiError::bad_request(format!("Object '{label}' is missing in '{value}'")));
            }
            meta::set(&mut value, &[field], json!(wanted));
        } else if found != wanted {
            let message = if field == "apiVersion" {
                format!("the API version in the data ({found}) does not match the expected API version ({wanted})")
            } else {
                format!(
                    "{found} in version {:?} cannot be handled as a {}: converting (v1.{found}) to (v1.{}): unknown conversion",
                    resource.version, resource.kind, resource.kind
                )
            };
            return Err(ApiError::bad_request(message));
        }
    }
    if !value.get("metadata").is_some_and(Value::is_object) {
        meta::set(&mut value, &["metadata"], json!({}));
    }
    let checked = if resource.builtin.is_some() { &resource.ty } else { &schema_of_metadata() };
    let part = if resource.builtin.is_some() { value.clone() } else { json!({"metadata": value.get("metadata")}) };
    if let Some(error) = decode::type_error(checked, &part, &resource.kind) {
        let message = format!(
            "{} in version {:?} cannot be handled as a {}: {error}",
            resource.kind, resource.version, resource.kind
        );
        return Err(ApiError::bad_request(message));
    }
    let unknown = if resource.builtin.is_some() {
        let unknown = decode::unknown_fields(&resource.ty, &value);
        decode::drop_unknown(&resource.ty, &mut value);
        rules::default(resource, &mut value);
        kinds::printed(resource, &mut value);
        unknown
    } else {
        let mut unknown = decode::unknown_fields(checked, &part);
        if let Some(metadata) = value.get_mut("metadata") {
            decode::drop_unknown(checked.field("metadata"), metadata);
            schema::normalize(checked.field("metadata"), metadata);
        }
        if let Some(validation) = &resource.validation {
            unknown.extend(crd::prune_and_default(validation, &mut value));
        }
        unknown
    };
    Ok((value, unknown))
}

fn schema_of_metadata() -> schema::Ty {
    schema::object([("metadata", schema::object_meta())])
}

/// The findings of strict decoding as one text, empty if there are none.
pub(crate) fn strict_text(unknown: &[String], duplicates: &[String]) -> String {
    let unknown = unknown.iter().map(|path| format!("unknown field {path:?}"));
    let duplicates = duplicates.iter().map(|path| format!("duplicate field {path:?}"));
    duplicates.chain(unknown).collect::<Vec<_>>().join(", ")
}

/// The warnings for unknown and duplicate fields, or the refusal where they are not allowed.
pub(crate) fn findings(
    resource: &Resource,
    unknown: &[String],
    duplicates: &[String],
    validation: FieldValidation,
) -> Result<Vec<String>, ApiError> {
    let text = strict_text(unknown, duplicates);
    match validation {
        FieldValidation::Strict if !text.is_empty() => Err(ApiError::bad_request(format!(
            "{} in version {:?} cannot be handled as a {}: strict decoding error: {text}",
            resource.kind, resource.version, resource.kind
        ))),
        FieldValidation::Warn => {
            let unknown = unknown.iter().map(|path| format!("unknown field {path:?}"));
            Ok(unknown.chain(duplicates.iter().map(|path| format!("duplicate field {path:?}"))).collect())
        }
        FieldValidation::Strict | FieldValidation::Ignore => Ok(Vec::new()),
    }
}

/// Fits the object's namespace to the request's.
pub(crate) fn place(resource: &Resource, namespace: &str, object: &mut Value) -> Result<(), ApiError> {
    if !resource.namespaced {
        meta::remove(object, &["metadata", "namespace"]);
        return Ok(());
    }
    let own = meta::namespace(object);
    if !own.is_empty() && own != namespace {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(ApiError::bad_request(message));
    }
    meta::set(object, &["metadata", "namespace"], json!(namespace));
    Ok(())
}

/// Refuses an object whose name is not the request's.
pub(crate) fn check_name(target: &Target, object: &Value) -> Result<(), ApiError> {
    let name = meta::name(object);
    if name != target.key.1 {
        let message = format!("the name of the object ({name}) does not match the name on the URL ({})", target.key.1);
        return Err(ApiError::bad_request(message));
    }
    Ok(())
}

/// Refuses an apply body that is not a configuration of the request's object.
pub(crate) fn check_apply_body(target: &Target, config: &Value) -> Result<(), ApiError> {
    let resource = &target.resource;
    if !config.is_object() {
        return Err(ApiError::bad_request("error decoding YAML: not an object"));
    }
    let wanted = resource.api_version();
    let found = meta::text(config, &["apiVersion"]);
    if meta::text(config, &["kind"]).is_empty() || found.is_empty() {
        return Err(ApiError::bad_request("invalid object type: /, Kind="));
    }
    if found != wanted {
        let message =
            format!("Incorrect version specified in apply patch. Specified patch version: {found}, expected: {wanted}");
        return Err(ApiError::bad_request(message));
    }
    if meta::get(config, &["metadata", "managedFields"]).is_some_and(|value| !value.is_null()) {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    if !config.get("metadata").is_some_and(Value::is_object) {
        return Err(ApiError::bad_request("metadata is required"));
    }
    let unknown = decode::unknown_fields(&resource.ty, config);
    if !unknown.is_empty() {
        let lines: Vec<String> = unknown.iter().map(|path| format!(".{path}: field not declared in schema")).collect();
        let text = match lines.as_slice() {
            [only] => only.clone(),
            many => format!("errors:\n  {}", many.join("\n  ")),
        };
        return Err(ApiError::unknown(format!(
            "failed to create typed patch object ({}/{}; {}/{}, Kind={}): {text}",
            target.key.0, target.key.1, resource.group, resource.version, resource.kind
        )));
    }
    if let Some(error) = resource.builtin.and_then(|_| decode::type_error(&resource.ty, config, &resource.kind)) {
        return Err(ApiError::unknown(format!(
            "failed to create typed patch object ({}/{}; {}/{}, Kind={}): {error}",
            target.key.0, target.key.1, resource.group, resource.version, resource.kind
        )));
    }
    Ok(())
}
