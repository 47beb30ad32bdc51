//! One request from bytes to answer: discovery, authentication, authorization, then the engine.
//!
//! Called by `http.rs` with the body read; knows nothing of connections.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode, header};
use hyper::body::Bytes;
use rand::Rng as _;
use serde_json::{Value, json};

use super::auth::{Access, User, Wish};
use super::discovery;
use super::engine::Engine;
use super::list::{ListQuery, parse_version};
use super::present::Presentation;
use super::relay::Relayed;
use super::resource::Resource;
use super::route::{Place, Query};
use super::selector::Selector;
use super::status::{ApiError, FieldError, Named};
use super::validation::decode::{self, Reading};
use super::watch::{Watch, WatchQuery};
use super::write::{PatchKind, Target, Written};
use super::{delete, meta, options};

/// A request with its body.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Path and query as they were sent.
    pub(crate) target: String,
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) place: Option<Place>,
    pub(crate) verb: String,
    pub(crate) user: Option<User>,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: AnswerBody,
}

/// The body of an answer.
pub(crate) enum AnswerBody {
    Whole(Bytes),
    Stream(Box<Watch>),
    Relayed(Box<Relayed>),
}

impl Answer {
    fn json(status: StatusCode, value: &Value) -> Answer {
        Answer::typed(status, "application/json", Bytes::from(format!("{value}\n")))
    }

    fn typed(status: StatusCode, media: &str, body: Bytes) -> Answer {
        Answer {
            status,
            headers: vec![
                (header::CONTENT_TYPE.to_string(), media.to_owned()),
                (header::CACHE_CONTROL.to_string(), "no-cache, private".to_owned()),
            ],
            body: AnswerBody::Whole(body),
        }
    }

    fn text(text: &str) -> Answer {
        Answer::typed(StatusCode::OK, "text/plain; charset=utf-8", Bytes::from(text.to_owned()))
    }

    fn page_not_found() -> Answer {
        Answer::typed(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", Bytes::from_static(b"404 page not found\n"))
    }

    pub(crate) fn failure(error: &ApiError) -> Answer {
        let status = StatusCode::from_u16(error.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = Answer::json(status, &error.status());
        if let Some(seconds) = error.retry_after {
            answer.headers.push((header::RETRY_AFTER.to_string(), seconds.to_string()));
        }
        answer
    }

    fn warn(mut self, warnings: &[String]) -> Answer {
        for warning in warnings {
            let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
            self.headers.push(("warning".to_owned(), format!("299 - \"{quoted}\"")));
        }
        self
    }
}

/// Answers requests.
pub(crate) struct Handler {
    pub(crate) engine: Arc<Engine>,
    pub(crate) access: Arc<Access>,
    pub(crate) address: String,
}

impl Handler {
    /// Handles one request.
    pub(crate) fn handle(&self, request: &Request) -> Answer {
        match self.route(request) {
            Ok(answer) => answer,
            Err(error) => Answer::failure(&error),
        }
    }

    fn route(&self, request: &Request) -> Result<Answer, ApiError> {
        if is_health(&request.path) {
            return Ok(health(request));
        }
        let user = request.user.as_ref().ok_or_else(ApiError::unauthorized)?;
        match &request.place {
            Some(place) => self.resource(request, place, user),
            None if user.is_anonymous() && !is_public(&request.path) => {
                Err(ApiError::forbidden_path(&user.name, &request.verb, &request.path))
            }
            None => self.plain_path(request),
        }
    }

    fn plain_path(&self, request: &Request) -> Result<Answer, ApiError> {
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return Err(ApiError::method_not_allowed());
        }
        let resources = self.engine.resources();
        let accept = request.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let aggregated = accept.split(',').find_map(|entry| {
            let compact: String = entry.chars().filter(|letter| !letter.is_whitespace()).collect();
            if !compact.contains("as=APIGroupDiscoveryList") {
                return None;
            }
            ["v2", "v2beta1"].into_iter().find(|version| compact.split(';').any(|part| part == format!("v={version}")))
        });
        let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let found = match (parts.as_slice(), aggregated) {
            (["api" | "apis"], Some(version)) => {
                let core = parts.first() == Some(&"api");
                let media = format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
                let value = discovery::aggregated(&resources, core, version);
                return Ok(Answer::typed(StatusCode::OK, &media, Bytes::from(value.to_string())));
            }
            (["api"], None) => Some(discovery::core_versions(&self.address)),
            (["apis"], None) => Some(discovery::group_list(&resources)),
            (["apis", group], _) => discovery::group(&resources, group),
            (["api", version], _) => discovery::resource_list(&resources, "", version),
            (["apis", group, version], _) => discovery::resource_list(&resources, group, version),
            (["version"], _) => Some(discovery::version()),
            (["openapi", "v3"], _) => Some(discovery::openapi_index(&resources)),
            (["openapi", "v3", "api", version], _) => discovery::openapi_document(&resources, "", version),
            (["openapi", "v3", "apis", group, version], _) => discovery::openapi_document(&resources, group, version),
            (["openapi", "v2"], _) => {
                if accept.contains("openapi.spec.v2@v1.0+protobuf") {
                    let media = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
                    return Ok(Answer::typed(StatusCode::OK, media, Bytes::from(discovery::openapi_v2_protobuf())));
                }
                Some(discovery::openapi_v2())
            }
            _ => None,
        };
        match found {
            Some(value) => Ok(Answer::json(StatusCode::OK, &value)),
            None => Ok(Answer::page_not_found()),
        }
    }

    fn resource(&self, request: &Request, place: &Place, user: &User) -> Result<Answer, ApiError> {
        let is_review = discovery::REVIEWS
            .iter()
            .any(|(group, plural, _)| *group == place.group && *plural == place.resource && place.version == "v1");
        if is_review && !user.is_anonymous() {
            return self.review(request, place, user);
        }
        self.authorize(place, &request.verb, user)?;
        let Some(resource) = self.engine.resource(&place.group, &place.version, &place.resource) else {
            // A group that is built in has a handler of its own, which answers in JSON.
            if self.engine.builtins().any(|one| one.group == place.group) {
                return Err(ApiError::no_such_resource());
            }
            return Ok(Answer::page_not_found());
        };
        if !place.subresource.is_empty()
            && !discovery::subresources(&resource).iter().any(|(name, _)| *name == place.subresource)
        {
            return Err(ApiError::no_such_resource());
        }
        let is_misplaced = resource.namespaced == place.namespace.is_empty();
        let spans_all = resource.namespaced && matches!(request.verb.as_str(), "list" | "watch");
        let is_across_namespaces = spans_all && place.name.is_empty();
        if is_misplaced && !is_across_namespaces {
            if resource.builtin.is_none() {
                return Ok(Answer::page_not_found());
            }
            return Err(if place.name.is_empty() {
                ApiError::method_not_allowed()
            } else {
                ApiError::no_such_resource()
            });
        }
        let accept = request.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let presentation =
            Presentation::negotiate(accept, request.query.get("includeObject"), resource.builtin.is_some())?;
        let target = Target {
            resource: resource.clone(),
            subresource: place.subresource.clone(),
            key: (place.namespace.clone(), place.name.clone()),
        };
        match request.verb.as_str() {
            "get" => {
                self.engine.check_version(request.query.get("resourceVersion"))?;
                let object = self.engine.get(&target)?;
                Ok(self.present(StatusCode::OK, presentation, &resource, &object))
            }
            "list" => self.list(request, presentation, &target),
            "watch" => self.watch(request, presentation, &target),
            "create" if place.name.is_empty() => {
                let options = options::of_write(&request.query, &request.headers, "CreateOptions")?;
                let body = object_body(request, &resource.kind)?;
                let written = self.engine.create(&target, body, &options)?;
                Ok(self.written(presentation, &resource, &written))
            }
            "update" if !place.name.is_empty() => {
                let options = options::of_write(&request.query, &request.headers, "UpdateOptions")?;
                let body = object_body(request, &resource.kind)?;
                let written = self.engine.replace(&target, body, &options)?;
                Ok(self.written(presentation, &resource, &written))
            }
            "patch" if !place.name.is_empty() => self.patch(request, presentation, &target),
            "delete" | "deletecollection" => self.delete(request, presentation, &target),
            _ => Err(ApiError::method_not_allowed()),
        }
    }

    fn authorize(&self, place: &Place, verb: &str, user: &User) -> Result<(), ApiError> {
        let wish = Wish { verb, resource: &place.resource, subresource: &place.subresource };
        if self.access.allows(user, wish) {
            return Ok(());
        }
        let full = if place.subresource.is_empty() {
            place.resource.clone()
        } else {
            format!("{}/{}", place.resource, place.subresource)
        };
        // A namespace object counts as being in itself.
        let is_namespace = place.group.is_empty() && place.resource == "namespaces";
        let scope = match if is_namespace { &place.name } else { &place.namespace } {
            none if none.is_empty() => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {namespace:?}"),
        };
        let detail =
            format!("User {:?} cannot {verb} resource {full:?} in API group {:?} {scope}", user.name, place.group);
        let named = Named { group: &place.group, resource: &place.resource, kind: "" };
        Err(ApiError::forbidden(named, &place.name, &detail))
    }

    fn review(&self, request: &Request, place: &Place, user: &User) -> Result<Answer, ApiError> {
        if request.method != Method::POST {
            return Err(ApiError::method_not_allowed());
        }
        let body = object_body(request, "SelfSubjectAccessReview")?;
        let answer = self.access.review(&place.resource, user, &body.value);
        Ok(Answer::json(StatusCode::CREATED, &answer))
    }

    fn present(&self, status: StatusCode, presentation: Presentation, resource: &Resource, object: &Value) -> Answer {
        render(status, presentation, &presentation.object(&self.engine, resource, object))
    }

    fn written(&self, presentation: Presentation, resource: &Resource, written: &Written) -> Answer {
        let status = if written.created { StatusCode::CREATED } else { StatusCode::OK };
        self.present(status, presentation, resource, &written.object).warn(&written.warnings)
    }

    fn list(&self, request: &Request, presentation: Presentation, target: &Target) -> Result<Answer, ApiError> {
        let query = &request.query;
        options::check_list(query)?;
        options::number(query, "timeoutSeconds")?;
        let list = ListQuery {
            selector: selector(&target.resource, query)?,
            limit: usize::try_from(options::number(query, "limit")?).unwrap_or(0),
            token: query.get("continue").to_owned(),
            resource_version: query.get("resourceVersion").to_owned(),
            version_match: query.get("resourceVersionMatch").to_owned(),
        };
        let page = self.engine.list(&target.resource, &target.key.0, &list)?;
        let value = presentation.page(&self.engine, &target.resource, &page);
        Ok(render(StatusCode::OK, presentation, &value))
    }

    fn watch(&self, request: &Request, presentation: Presentation, target: &Target) -> Result<Answer, ApiError> {
        let query = &request.query;
        options::check_list(query)?;
        let mut selector = selector(&target.resource, query)?;
        if !target.key.1.is_empty() {
            selector = Selector::parse(&target.resource, "", &format!("metadata.name={}", target.key.1))?;
        }
        options::number(query, "limit")?;
        // Without a timeout the server picks one between 30 and 60 minutes.
        let seconds = match u64::try_from(options::number(query, "timeoutSeconds")?) {
            Ok(seconds) if seconds > 0 => seconds,
            Ok(_) | Err(_) => rand::rng().random_range(1800..3600),
        };
        let watch = Watch::open(
            self.engine.clone(),
            WatchQuery {
                resource: target.resource.clone(),
                namespace: target.key.0.clone(),
                selector,
                from: parse_version(query.get("resourceVersion")).map_err(ApiError::without_reason)?,
                bookmarks: query.is_set("allowWatchBookmarks"),
                // From the beginning and with bookmarks is as if initial events had been asked for.
                initial_events: if query.has("sendInitialEvents") {
                    query.is_set("sendInitialEvents")
                } else {
                    query.is_set("allowWatchBookmarks") && matches!(query.get("resourceVersion"), "" | "0")
                },
                timeout: Duration::from_secs(seconds),
                presentation,
            },
        );
        let mut answer = Answer::typed(StatusCode::OK, "application/json", Bytes::new());
        answer.body = AnswerBody::Stream(Box::new(watch));
        Ok(answer)
    }

    fn patch(&self, request: &Request, presentation: Presentation, target: &Target) -> Result<Answer, ApiError> {
        let media = media_type(request);
        let builtin = target.resource.builtin.is_some();
        let kind = match media.as_str() {
            "application/json-patch+json" => PatchKind::Json,
            "application/merge-patch+json" => PatchKind::Merge,
            "application/strategic-merge-patch+json" if builtin => PatchKind::Strategic,
            "application/apply-patch+yaml" => PatchKind::Apply,
            _ => {
                if builtin {
                    return Err(ApiError::unsupported_patch());
                }
                return Err(ApiError::unsupported_media(&[
                    "application/json-patch+json",
                    "application/merge-patch+json",
                    "application/apply-patch+yaml",
                ]));
            }
        };
        let options = options::of_write(&request.query, &request.headers, "PatchOptions")?;
        if kind == PatchKind::Apply && request.query.get("fieldManager").is_empty() {
            let what = Named { group: "meta.k8s.io", resource: "patchoptions", kind: "PatchOptions" };
            let error = FieldError::required("fieldManager", "is required for apply patch");
            return Err(ApiError::invalid(what, "", &[error]));
        }
        if kind != PatchKind::Apply && !request.query.get("force").is_empty() {
            let what = Named { group: "meta.k8s.io", resource: "patchoptions", kind: "PatchOptions" };
            let error = FieldError::forbidden("force", "may not be specified for non-apply patch");
            return Err(ApiError::invalid(what, "", &[error]));
        }
        let reading = match kind {
            PatchKind::Json => Reading::Patch { list: true },
            PatchKind::Merge => Reading::Patch { list: false },
            PatchKind::Strategic => Reading::Strategic,
            PatchKind::Apply => Reading::Apply,
        };
        let body = decode::parse(&request.body, reading)?;
        let written = self.engine.patch(target, kind, body, &options)?;
        Ok(self.written(presentation, &target.resource, &written))
    }

    fn delete(&self, request: &Request, presentation: Presentation, target: &Target) -> Result<Answer, ApiError> {
        if !target.subresource.is_empty() {
            return Err(match target.resource.builtin {
                Some(_) => ApiError::method_not_allowed(),
                None => ApiError::not_deletable(target.resource.named()),
            });
        }
        // With a body the query says nothing.
        let options = if request.body.is_empty() {
            let policy = request.query.get("propagationPolicy");
            options::check_delete(&json!({}), policy)?;
            let dry_run = options::dry_run(&request.query, "DeleteOptions")?;
            delete::Options { dry_run, propagation: policy.to_owned(), ..delete::Options::default() }
        } else {
            let value = body(request, Reading::Options)?.value;
            options::check_delete(&value, "")?;
            delete::Options::parse(&value)
        };
        if request.verb == "deletecollection" {
            if super::engine::is_namespace(&target.resource) {
                return Err(ApiError::method_not_allowed());
            }
            let selector = selector(&target.resource, &request.query)?;
            let list = self.engine.delete_collection(&target.resource, &target.key.0, &selector, &options);
            return Ok(Answer::json(StatusCode::OK, &list));
        }
        let answer = self.engine.delete(target, &options)?;
        if meta::text(&answer, &["kind"]) == "Status" {
            return Ok(Answer::json(StatusCode::OK, &answer));
        }
        Ok(self.present(StatusCode::OK, presentation, &target.resource, &answer))
    }
}

fn render(status: StatusCode, presentation: Presentation, value: &Value) -> Answer {
    if presentation.yaml
        && let Ok(text) = serde_norway::to_string(value)
    {
        return Answer::typed(status, "application/yaml", Bytes::from(text));
    }
    Answer::json(status, value)
}

/// Whether a path is a health check, which needs no credentials.
pub(crate) fn is_health(path: &str) -> bool {
    ["/healthz", "/livez", "/readyz"]
        .iter()
        .any(|known| path.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Whether a path is shown to everybody.
fn is_public(path: &str) -> bool {
    is_health(path) || matches!(path, "/version" | "/version/")
}

fn health(request: &Request) -> Answer {
    if request.query.is_set("verbose") {
        let name = request.path.trim_start_matches('/');
        return Answer::text(&format!("[+]ping ok\n[+]log ok\n{name} check passed\n"));
    }
    Answer::text("ok")
}

fn media_type(request: &Request) -> String {
    let header = request.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn unreadable() -> ApiError {
    ApiError::unsupported_media(&["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"])
}

fn object_body(request: &Request, kind: &str) -> Result<decode::Body, ApiError> {
    body(request, Reading::Object { kind, yaml: media_type(request) == "application/yaml" })
}

fn body(request: &Request, reading: Reading<'_>) -> Result<decode::Body, ApiError> {
    let media = media_type(request);
    if media == "application/vnd.kubernetes.protobuf" {
        let value = super::protobuf::decode(&request.body);
        return value.map(|value| decode::Body { value, duplicates: Vec::new() }).ok_or_else(unreadable);
    }
    if !matches!(media.as_str(), "" | "application/json" | "application/yaml") {
        return Err(unreadable());
    }
    decode::parse(&request.body, reading)
}

fn selector(resource: &Resource, query: &Query) -> Result<Selector, ApiError> {
    Selector::parse(resource, query.get("labelSelector"), query.get("fieldSelector"))
}
