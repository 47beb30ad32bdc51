//! What is served: legacy and aggregated discovery, version, OpenAPI. All of it is derived from the resources.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::resource::Resource;
use super::schema;

/// The version this server stands for.
const GIT_VERSION: &str = "v1.36.3";

/// Resources that are only asked questions: group, plural, kind.
pub(crate) const REVIEWS: [(&str, &str, &str); 3] = [
    ("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    ("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    ("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview"),
];

/// `/version`.
pub(crate) fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35", "gitVersion": GIT_VERSION, "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z", "goVersion": "", "compiler": "gc", "platform": "linux/amd64",
    })
}

type Groups = BTreeMap<String, BTreeMap<String, Vec<Arc<Resource>>>>;

fn groups(resources: &[Arc<Resource>]) -> Groups {
    let mut groups = Groups::new();
    for (group, _, _) in REVIEWS {
        groups.entry(group.to_owned()).or_default().entry("v1".to_owned()).or_default();
    }
    for resource in resources {
        let versions = groups.entry(resource.group.clone()).or_default();
        versions.entry(resource.version.clone()).or_default().push(resource.clone());
    }
    groups
}

fn reviews_of(group: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    REVIEWS.into_iter().filter(move |(own, _, _)| *own == group).map(|(_, plural, kind)| (plural, kind))
}

fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// `/api`.
pub(crate) fn core_versions(server: &str) -> Value {
    json!({
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": server}],
    })
}

fn api_group(name: &str, versions: &BTreeMap<String, Vec<Arc<Resource>>>) -> Value {
    let entry = |version: &String| json!({"groupVersion": group_version(name, version), "version": version});
    let all: Vec<Value> = versions.keys().rev().map(entry).collect();
    json!({"name": name, "versions": all, "preferredVersion": all.first()})
}

/// `/apis`.
pub(crate) fn group_list(resources: &[Arc<Resource>]) -> Value {
    let groups = groups(resources);
    let named = groups.iter().filter(|(name, _)| !name.is_empty());
    json!({
        "kind": "APIGroupList", "apiVersion": "v1",
        "groups": named.map(|(name, versions)| api_group(name, versions)).collect::<Vec<_>>(),
    })
}

/// `/apis/{group}`.
pub(crate) fn group(resources: &[Arc<Resource>], name: &str) -> Option<Value> {
    let groups = groups(resources);
    let mut group = api_group(name, groups.get(name).filter(|_| !name.is_empty())?);
    if let Some(map) = group.as_object_mut() {
        map.insert("kind".to_owned(), json!("APIGroup"));
        map.insert("apiVersion".to_owned(), json!("v1"));
    }
    Some(group)
}

/// `/api/v1` and `/apis/{group}/{version}`.
pub(crate) fn resource_list(resources: &[Arc<Resource>], group: &str, version: &str) -> Option<Value> {
    let groups = groups(resources);
    let mut out = Vec::new();
    for resource in groups.get(group)?.get(version)? {
        let mut entry = json!({
            "name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
            "kind": resource.kind, "verbs": resource.verbs(),
        });
        if let Some(map) = entry.as_object_mut() {
            for (key, list) in [("shortNames", &resource.short_names), ("categories", &resource.categories)] {
                if !list.is_empty() {
                    map.insert(key.to_owned(), json!(list));
                }
            }
        }
        out.push(entry);
        for (name, verbs) in subresources(resource) {
            out.push(json!({
                "name": format!("{}/{name}", resource.plural), "singularName": "", "namespaced": resource.namespaced,
                "kind": resource.kind, "verbs": verbs,
            }));
        }
    }
    for (plural, kind) in reviews_of(group) {
        out.push(json!({
            "name": plural, "singularName": kind.to_lowercase(), "namespaced": false, "kind": kind, "verbs": ["create"],
        }));
    }
    Some(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version(group, version), "resources": out,
    }))
}

/// The subresources of a resource with their verbs.
pub(crate) fn subresources(resource: &Resource) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut out = Vec::new();
    if super::engine::is_namespace(resource) {
        out.push(("finalize", vec!["update"]));
    }
    if resource.has_status {
        out.push(("status", vec!["get", "patch", "update"]));
    }
    out
}

/// Aggregated discovery (`APIGroupDiscoveryList`) of the core group or of all others.
pub(crate) fn aggregated(resources: &[Arc<Resource>], core: bool, version: &str) -> Value {
    let groups = groups(resources);
    let items = groups.iter().filter(|(name, _)| name.is_empty() == core).map(|(name, versions)| {
        let versions = versions.iter().rev().map(|(version, resources)| {
            let mut entries: Vec<Value> = resources.iter().map(|one| aggregated_resource(one)).collect();
            entries.extend(reviews_of(name).map(|(plural, kind)| {
                json!({
                    "resource": plural, "scope": "Cluster", "singularResource": kind.to_lowercase(), "verbs": ["create"],
                    "responseKind": {"group": name, "version": version, "kind": kind},
                })
            }));
            json!({"version": version, "resources": entries, "freshness": "Current"})
        });
        let metadata = if name.is_empty() { json!({}) } else { json!({"name": name}) };
        json!({"metadata": metadata, "versions": versions.collect::<Vec<_>>()})
    });
    json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"), "metadata": {},
        "items": items.collect::<Vec<_>>(),
    })
}

fn aggregated_resource(resource: &Resource) -> Value {
    let kind = json!({"group": resource.group, "version": resource.version, "kind": resource.kind});
    let subresources: Vec<Value> = subresources(resource)
        .into_iter()
        .map(|(name, verbs)| json!({"subresource": name, "responseKind": kind, "verbs": verbs}))
        .collect();
    let mut entry = json!({
        "resource": resource.plural,
        "responseKind": kind,
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular,
        "verbs": resource.verbs(),
    });
    if let Some(map) = entry.as_object_mut() {
        for (key, list) in [("shortNames", &resource.short_names), ("categories", &resource.categories)] {
            if !list.is_empty() {
                map.insert(key.to_owned(), json!(list));
            }
        }
        if !subresources.is_empty() {
            map.insert("subresources".to_owned(), Value::Array(subresources));
        }
    }
    entry
}

/// `/openapi/v3`: where the documents are.
pub(crate) fn openapi_index(resources: &[Arc<Resource>]) -> Value {
    let mut paths = serde_json::Map::new();
    for (group, versions) in groups(resources) {
        for version in versions.keys() {
            let path = if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
            paths.insert(path.clone(), json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash=0")}));
        }
    }
    json!({"paths": paths})
}

/// One document of `/openapi/v3`.
pub(crate) fn openapi_document(resources: &[Arc<Resource>], group: &str, version: &str) -> Option<Value> {
    let groups = groups(resources);
    let served = groups.get(group)?.get(version)?;
    let prefix = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    let mut paths = serde_json::Map::new();
    let mut schemas = serde_json::Map::new();
    for resource in served {
        let gvk = json!({"group": group, "version": version, "kind": resource.kind});
        let place = if resource.namespaced { "/namespaces/{namespace}" } else { "" };
        let parameter = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string"}});
        let write: Vec<Value> = ["dryRun", "fieldManager", "fieldValidation"].map(parameter).to_vec();
        let name = schema_name(resource);
        let content = json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{name}")}}});
        let operation = |action: &str, parameters: Vec<Value>| {
            json!({
                "operationId": format!("{action}{}", resource.kind),
                "parameters": parameters,
                "responses": {"200": {"description": "OK", "content": content}},
                "x-kubernetes-action": action,
                "x-kubernetes-group-version-kind": gvk,
            })
        };
        paths.insert(
            format!("{prefix}{place}/{}", resource.plural),
            json!({"get": operation("list", Vec::new()), "post": operation("post", write.clone())}),
        );
        let mut patch = write.clone();
        patch.push(json!({"name": "force", "in": "query", "schema": {"type": "boolean"}}));
        paths.insert(
            format!("{prefix}{place}/{}/{{name}}", resource.plural),
            json!({
                "get": operation("get", Vec::new()), "put": operation("put", write.clone()),
                "patch": operation("patch", patch), "delete": operation("delete", vec![parameter("dryRun")]),
            }),
        );
        let mut schema = schema::openapi(&resource.ty);
        super::meta::set(&mut schema, &["x-kubernetes-group-version-kind"], json!([gvk]));
        schemas.insert(name, schema);
    }
    Some(json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": GIT_VERSION},
        "paths": paths, "components": {"schemas": schemas},
    }))
}

fn schema_name(resource: &Resource) -> String {
    let group = if resource.group.is_empty() {
        "io.k8s.api.core".to_owned()
    } else {
        resource.group.split('.').rev().collect::<Vec<_>>().join(".")
    };
    format!("{group}.{}.{}", resource.version, resource.kind)
}

/// `/openapi/v2` as JSON: enough to be a valid document; clients that validate use version 3.
pub(crate) fn openapi_v2() -> Value {
    json!({"swagger": "2.0", "info": {"title": "Kubernetes", "version": GIT_VERSION}, "paths": {}, "definitions": {}})
}

/// The same document in the protobuf form kubectl asks for: field 1 is the version, field 2 title and version.
pub(crate) fn openapi_v2_protobuf() -> Vec<u8> {
    let field = |number: u8, bytes: &[u8]| {
        let mut out = vec![(number << 3) | 2, u8::try_from(bytes.len()).unwrap_or(u8::MAX)];
        out.extend_from_slice(bytes);
        out
    };
    let mut info = field(1, b"Kubernetes");
    info.extend(field(2, GIT_VERSION.as_bytes()));
    let mut document = field(1, b"2.0");
    document.extend(field(2, &info));
    document
}
