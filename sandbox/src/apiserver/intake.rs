//! Bodies of writes: decoding, what strict decoding finds, and whether a body belongs to the request's object.

use serde_json::{Value, json};

use super::resource::Resource;
use super::status::{ApiError, FieldError, Named};
use super::validation::decode::Duplicate;
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
    if value.is_null() && resource.builtin.is_some() {
        value = json!({});
    }
    if resource.builtin.is_none() && meta::text(&value, &["kind"]).is_empty() {
        return Err(missing_type(resource, &value));
    }
    for (field, wanted) in [("apiVersion", resource.api_version()), ("kind", resource.kind.clone())] {
        let found = meta::text(&value, &[field]).to_owned();
        if found.is_empty() && resource.builtin.is_none() {
            return Err(missing_type(resource, &value));
        } else if found.is_empty() {
            meta::set(&mut value, &[field], json!(wanted));
        } else if found != wanted {
            return Err(other_type(resource, &value, field, &found));
        }
    }
    if value.get("metadata").is_none_or(Value::is_null) {
        meta::set(&mut value, &["metadata"], json!({}));
    }
    let checked = if resource.builtin.is_some() { &resource.ty } else { &schema_of_metadata() };
    let part = if resource.builtin.is_some() { value.clone() } else { json!({"metadata": value.get("metadata")}) };
    let error = decode::type_error(checked, &part, &resource.kind).or_else(|| decode::encoding_error(checked, &part));
    if let Some(mut error) = error {
        if resource.builtin.is_none() {
            // The metadata of custom resources is decoded on its own.
            error = error.replace("ObjectMeta.metadata.", "ObjectMeta.");
        }
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

/// A custom object that does not say what it is.
fn missing_type(resource: &Resource, value: &Value) -> ApiError {
    if meta::text(value, &["kind"]).is_empty() {
        let shown = decode::shown(&value.to_string());
        return ApiError::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): Object 'Kind' is missing in '{value}' ({shown})",
            resource.kind
        ));
    }
    let wanted = resource.api_version();
    ApiError::bad_request(format!("the API version in the data () does not match the expected API version ({wanted})"))
}

/// Refuses a patch that makes a custom object one of another version, by the name that it would then have.
pub(crate) fn same_version(resource: &Resource, patched: &Value) -> Result<(), ApiError> {
    let (found, wanted) = (meta::text(patched, &["apiVersion"]), resource.api_version());
    if resource.builtin.is_some() || found.is_empty() || found == wanted {
        return Ok(());
    }
    let group = found.split_once('/').map_or("", |(group, _)| group);
    let named = Named { group, ..resource.named() };
    let error = FieldError::invalid("apiVersion", &json!(found), &format!("must be {wanted}"));
    Err(ApiError::invalid(named, meta::name(patched), &[error]))
}

/// An object of another kind or version than its address says.
fn other_type(resource: &Resource, value: &Value, field: &str, found: &str) -> ApiError {
    let kind = &resource.kind;
    match (field, resource.builtin) {
        ("apiVersion", None) => ApiError::bad_request(format!(
            "the API version in the data ({found}) does not match the expected API version ({})",
            resource.api_version()
        )),
        ("apiVersion", Some(_)) => ApiError::bad_request(format!(
            "{kind} in version {:?} cannot be handled as a {kind}: no kind {:?} is registered for version {found:?} in \
             scheme \"pkg/runtime/scheme.go:111\"",
            found.rsplit('/').next().unwrap_or(found),
            meta::text(value, &["kind"])
        )),
        (_, None) => {
            let named = Named { kind: found, ..resource.named() };
            let error = FieldError::invalid("kind", &json!(found), &format!("must be {kind}"));
            ApiError::invalid(named, meta::name(value), &[error])
        }
        (_, Some(_)) => {
            let inner =
                if resource.group.is_empty() { "core" } else { resource.group.split('.').next().unwrap_or("core") };
            ApiError::bad_request(format!(
                "{found} in version {:?} cannot be handled as a {kind}: converting ({}.{found}) to ({inner}.{kind}): \
                 unknown conversion",
                resource.version, resource.version
            ))
        }
    }
}

fn schema_of_metadata() -> schema::Ty {
    schema::object([("metadata", schema::object_meta())])
}

/// The findings of strict decoding as one text, empty if there are none.
pub(crate) fn strict_text(unknown: &[String], duplicates: &[Duplicate]) -> String {
    let unknown = unknown.iter().map(|path| format!("unknown field {path:?}"));
    let duplicates = duplicates.iter().map(|one| format!("duplicate field {:?}", one.path));
    duplicates.chain(unknown).collect::<Vec<_>>().join(", ")
}

/// The warnings for unknown and duplicate fields, or the refusal where they are not allowed.
pub(crate) fn findings(
    resource: &Resource,
    unknown: &[String],
    duplicates: &[Duplicate],
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
            Ok(unknown.chain(duplicates.iter().map(|one| format!("duplicate field {:?}", one.path))).collect())
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

/// How faults of an apply body name its object: with the namespace only if the body says one.
pub(crate) fn described(resource: &Resource, config: &Value) -> String {
    let (namespace, name) = (meta::namespace(config), meta::name(config));
    format!("{namespace}/{name}; {}", resource.group_version_kind())
}

/// Refuses an apply body that is not a configuration of the request's object.
pub(crate) fn check_apply_body(target: &Target, config: &Value) -> Result<(), ApiError> {
    let resource = &target.resource;
    let (found, kind) = (meta::text(config, &["apiVersion"]), meta::text(config, &["kind"]));
    if found != resource.api_version() || kind != resource.kind {
        let versioned = if found.contains('/') { found.to_owned() } else { format!("/{found}") };
        return Err(ApiError::bad_request(format!("invalid object type: {versioned}, Kind={kind}")));
    }
    if meta::get(config, &["metadata", "managedFields"]).is_some_and(|value| !value.is_null()) {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    let unknown = decode::unknown_fields(&resource.ty, config);
    let faults: Vec<String> = if unknown.is_empty() {
        decode::typed_error(&resource.ty, config).into_iter().collect()
    } else {
        // Of the fields of one struct only the first is reported.
        let mut faults: Vec<String> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for path in unknown {
            let parent = path.rsplit_once('.').map_or("", |(parent, _)| parent).to_owned();
            if seen.insert(parent) {
                faults.push(format!(".{path}: field not declared in schema"));
            }
        }
        faults
    };
    let text = match faults.as_slice() {
        [] => return Ok(()),
        [only] => only.clone(),
        many => format!("errors:\n  {}", many.join("\n  ")),
    };
    Err(ApiError::unknown(format!("failed to create typed patch object ({}): {text}", described(resource, config))))
}
