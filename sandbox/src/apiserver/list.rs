//! GET and LIST: single objects, selectors, paging, version semantics.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::engine::Engine;
use super::resource::{Builtin, Resource};
use super::selector::Selector;
use super::status::ApiError;
use super::storage::{Bucket, Key};
use super::{meta, write};

/// The parameters of a LIST.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListQuery {
    pub(crate) selector: Selector,
    pub(crate) limit: usize,
    pub(crate) token: String,
    pub(crate) resource_version: String,
    pub(crate) version_match: String,
}

/// A page of objects.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) items: Vec<Arc<Value>>,
    pub(crate) version: u64,
    pub(crate) token: Option<String>,
    pub(crate) remaining: Option<usize>,
}

/// Where a page goes on: the version listed, and the last key given out. Version 0 is "whatever there is now".
fn encode_token(version: u64, last: &Key) -> String {
    let start = if last.0.is_empty() { format!("{}\0", last.1) } else { format!("{}/{}\0", last.0, last.1) };
    URL_SAFE_NO_PAD.encode(json!({"v": "meta.k8s.io/v1", "rv": version, "start": start}).to_string())
}

fn decode_token(token: &str) -> Result<(u64, Key), ApiError> {
    let refused =
        |detail: &str| ApiError::bad_request(format!("invalid continue token: continue key is not valid: {detail}"));
    let bad = || refused("incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| refused("illegal base64 data at input byte 0"))?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|_| {
        let first = bytes.first().map_or(' ', |byte| char::from(*byte));
        refused(&format!("invalid character '{first}' looking for beginning of value"))
    })?;
    let version = value.get("rv").and_then(Value::as_u64).ok_or_else(bad)?;
    let start = value.get("start").and_then(Value::as_str).ok_or_else(bad)?.trim_end_matches('\0');
    let (namespace, name) = start.rsplit_once('/').unwrap_or(("", start));
    Ok((version, (namespace.to_owned(), name.to_owned())))
}

impl Engine {
    /// GET of one object.
    pub(crate) fn get(&self, target: &write::Target) -> Result<Arc<Value>, ApiError> {
        let mut state = self.lock();
        if target.resource.builtin == Some(Builtin::Event) {
            self.expire_events(&mut state);
        }
        let found = state.store.get(&target.resource.bucket(), &target.key);
        found.ok_or_else(|| ApiError::not_found(target.resource.named(), &target.key.1))
    }

    /// Refuses a wanted version that is not reached yet.
    pub(crate) fn check_version(&self, text: &str) -> Result<(), ApiError> {
        let (wanted, current) = (parse_version(text)?, self.lock().store.version());
        if wanted > current { Err(ApiError::too_new(wanted, current)) } else { Ok(()) }
    }

    /// LIST.
    pub(crate) fn list(&self, resource: &Resource, namespace: &str, query: &ListQuery) -> Result<Page, ApiError> {
        let mut state = self.lock();
        if resource.builtin == Some(Builtin::Event) {
            self.expire_events(&mut state);
        }
        let bucket = resource.bucket();
        let current = state.store.version();
        let now = |state: &super::engine::State| -> Bucket {
            state.store.objects(&bucket).map(|(key, object)| (key.clone(), object.clone())).collect()
        };
        let (version, after, objects) = if query.token.is_empty() {
            let wanted = parse_version(&query.resource_version)
                .map_err(|error| ApiError::bad_request(format!("invalid resource version: {}", error.message)))?;
            if wanted > current {
                return Err(ApiError::too_new(wanted, current));
            }
            if query.version_match == "Exact" && wanted > 0 {
                let past = state.store.objects_at(&bucket, wanted);
                let past =
                    past.ok_or_else(|| ApiError::expired("The resourceVersion for the provided list is too old."))?;
                (wanted, None, past)
            } else {
                (current, None, now(&state))
            }
        } else {
            if !matches!(query.resource_version.as_str(), "" | "0") {
                return Err(ApiError::bad_request("specifying resource version is not allowed when using continue"));
            }
            let (version, last) = decode_token(&query.token)?;
            if version == 0 {
                (current, Some(last), now(&state))
            } else {
                match state.store.objects_at(&bucket, version) {
                    Some(past) => (version, Some(last), past),
                    None => return Err(ApiError::expired_continue(&encode_token(0, &last))),
                }
            }
        };
        drop(state);
        let mut chosen = objects.into_iter().filter(|(key, object)| {
            (namespace.is_empty() || key.0 == namespace)
                && after.as_ref().is_none_or(|after| key > after)
                && query.selector.matches(object)
        });
        let limit = if query.limit == 0 { usize::MAX } else { query.limit };
        let items: Vec<(Key, Arc<Value>)> = chosen.by_ref().take(limit).collect();
        let rest = chosen.count();
        let token = items.last().filter(|_| rest > 0).map(|(key, _)| encode_token(version, key));
        let remaining = (rest > 0 && query.selector == Selector::default()).then_some(rest);
        Ok(Page { items: items.into_iter().map(|(_, object)| object).collect(), version, token, remaining })
    }
}

impl Page {
    /// List metadata.
    pub(crate) fn metadata(&self) -> Value {
        let mut metadata = json!({"resourceVersion": self.version.to_string()});
        if let Some(token) = &self.token {
            meta::set(&mut metadata, &["continue"], json!(token));
        }
        if let Some(remaining) = self.remaining {
            meta::set(&mut metadata, &["remainingItemCount"], json!(remaining));
        }
        metadata
    }

    /// The list object.
    pub(crate) fn list(&self, resource: &Resource) -> Value {
        json!({
            "kind": resource.list_kind,
            "apiVersion": resource.api_version(),
            "metadata": self.metadata(),
            "items": self.items.iter().map(Arc::as_ref).collect::<Vec<_>>(),
        })
    }
}

/// A `resourceVersion` parameter; empty is 0.
pub(crate) fn parse_version(text: &str) -> Result<u64, ApiError> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        ApiError::bad_request(format!(
            "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
        ))
    })
}
