//! The form a client asked for: whole objects, metadata only, or a table.

use serde_json::{Value, json};

use super::engine::Engine;
use super::list::Page;
use super::resource::Resource;
use super::status::ApiError;
use super::{meta, table};

/// How objects are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Object,
    PartialMetadata,
    Table,
}

/// What of an object goes along in a table row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowObject {
    None,
    Metadata,
    Object,
}

/// The negotiated presentation of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Presentation {
    pub(crate) form: Form,
    pub(crate) row_object: RowObject,
    pub(crate) yaml: bool,
}

impl Presentation {
    /// Reads `Accept` and `includeObject`.
    ///
    /// # Errors
    /// 406 if none of the accepted types can be served.
    pub(crate) fn negotiate(accept: &str, include: &str, is_builtin: bool) -> Result<Presentation, ApiError> {
        let row_object = match include {
            "None" => RowObject::None,
            "Object" => RowObject::Object,
            _ => RowObject::Metadata,
        };
        if accept.trim().is_empty() {
            return Ok(Presentation { form: Form::Object, row_object, yaml: false });
        }
        let mut asks_for_another_form = false;
        for entry in accept.split(',') {
            let mut parts = entry.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let parameters: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
            let parameter = |name: &str| parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
            let yaml = media == "application/yaml";
            let json = matches!(media, "application/json" | "*/*") || (media == "application/*" && !is_builtin);
            if !yaml && !json {
                continue;
            }
            let form = match (parameter("as"), parameter("g"), parameter("v")) {
                (Some("Table"), Some("meta.k8s.io"), Some("v1" | "v1beta1")) => Form::Table,
                (Some("PartialObjectMetadata" | "PartialObjectMetadataList"), Some("meta.k8s.io"), Some(_)) => {
                    Form::PartialMetadata
                }
                (Some(_), _, _) => {
                    asks_for_another_form = true;
                    continue;
                }
                (None, _, _) => Form::Object,
            };
            return Ok(Presentation { form, row_object, yaml });
        }
        Err(ApiError::not_acceptable(is_builtin && !asks_for_another_form))
    }

    /// One object.
    pub(crate) fn object(&self, engine: &Engine, resource: &Resource, object: &Value) -> Value {
        match self.form {
            Form::Object => versioned(resource, object),
            Form::PartialMetadata => partial(object),
            Form::Table => {
                let metadata = json!({"resourceVersion": meta::resource_version(object)});
                table::table(resource, metadata, std::iter::once(object), self.row_object, engine.now())
            }
        }
    }

    /// A bookmark in the same form.
    pub(crate) fn bookmark(&self, object: Value) -> Value {
        match self.form {
            Form::Object => object,
            Form::PartialMetadata => partial(&object),
            Form::Table => json!({
                "kind": "Table", "apiVersion": "meta.k8s.io/v1",
                "metadata": {"resourceVersion": meta::resource_version(&object)},
                "columnDefinitions": [], "rows": [{"cells": [], "object": partial(&object)}],
            }),
        }
    }

    /// A page of objects.
    pub(crate) fn page(&self, engine: &Engine, resource: &Resource, page: &Page) -> Value {
        match self.form {
            Form::Object => {
                let mut list = page.list(resource);
                // A list of custom objects always says where it goes on, be it nowhere.
                if resource.builtin.is_none() && meta::get(&list, &["metadata", "continue"]).is_none() {
                    meta::set(&mut list, &["metadata", "continue"], json!(""));
                }
                if let Some(items) = list.get_mut("items").and_then(Value::as_array_mut) {
                    for item in items {
                        *item = versioned(resource, item);
                        // The server leaves the type out of the items of built-in lists.
                        if resource.builtin.is_some()
                            && let Some(item) = item.as_object_mut()
                        {
                            item.remove("apiVersion");
                            item.remove("kind");
                        }
                    }
                }
                list
            }
            Form::PartialMetadata => json!({
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": page.metadata(),
                "items": page.items.iter().map(|object| partial(object)).collect::<Vec<_>>(),
            }),
            Form::Table => {
                let objects = page.items.iter().map(AsRef::as_ref);
                table::table(resource, page.metadata(), objects, self.row_object, engine.now())
            }
        }
    }
}

/// The object under the version it was asked for.
fn versioned(resource: &Resource, object: &Value) -> Value {
    let mut object = object.clone();
    let wanted = resource.api_version();
    if meta::text(&object, &["apiVersion"]) != wanted {
        meta::set(&mut object, &["apiVersion"], json!(wanted));
    }
    object
}

/// An object's metadata alone.
pub(crate) fn partial(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object.get("metadata")})
}
