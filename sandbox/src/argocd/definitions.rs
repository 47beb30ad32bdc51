//! The definitions of Argo CD's kinds, as far as strict field validation and the controllers need them.
//!
//! Field names and types follow the published definitions (argoproj.io/v1alpha1). As there, ApplicationSet has a status
//! subresource and Application has none, no list but those of label selectors says how it is merged, and the rarely used
//! generators and source types are left open instead of being spelled out.

use serde_json::{Map, Value, json};

fn text() -> Value {
    json!({"type": "string"})
}

fn flag() -> Value {
    json!({"type": "boolean"})
}

fn whole() -> Value {
    json!({"type": "integer", "format": "int64"})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn texts() -> Value {
    list(text())
}

fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

fn words() -> Value {
    json!({"type": "object", "additionalProperties": {"type": "string"}})
}

fn open() -> Value {
    json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

fn object<const N: usize>(fields: [(&str, Value); N], required: &[&str]) -> Value {
    let properties: Map<String, Value> = fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if let (false, Some(schema)) = (required.is_empty(), schema.as_object_mut()) {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

fn selector() -> Value {
    let atomic = |mut list: Value| {
        if let Some(list) = list.as_object_mut() {
            list.insert("x-kubernetes-list-type".to_owned(), json!("atomic"));
        }
        list
    };
    let expression = object([("key", text()), ("operator", text()), ("values", atomic(texts()))], &["key", "operator"]);
    let mut selector = object([("matchExpressions", atomic(list(expression))), ("matchLabels", words())], &[]);
    if let Some(selector) = selector.as_object_mut() {
        selector.insert("x-kubernetes-map-type".to_owned(), json!("atomic"));
    }
    selector
}

fn source() -> Value {
    object(
        [
            ("repoURL", text()),
            ("path", text()),
            ("targetRevision", text()),
            ("chart", text()),
            ("ref", text()),
            ("name", text()),
            (
                "directory",
                object([("recurse", flag()), ("include", text()), ("exclude", text()), ("jsonnet", open())], &[]),
            ),
            ("helm", open()),
            ("kustomize", open()),
            ("plugin", open()),
        ],
        &["repoURL"],
    )
}

fn destination() -> Value {
    object([("name", text()), ("namespace", text()), ("server", text())], &[])
}

fn sync_policy() -> Value {
    object(
        [
            (
                "automated",
                object([("allowEmpty", flag()), ("enabled", flag()), ("prune", flag()), ("selfHeal", flag())], &[]),
            ),
            ("managedNamespaceMetadata", object([("annotations", words()), ("labels", words())], &[])),
            (
                "retry",
                object(
                    [
                        ("backoff", object([("duration", text()), ("factor", whole()), ("maxDuration", text())], &[])),
                        ("limit", whole()),
                        ("refresh", flag()),
                    ],
                    &[],
                ),
            ),
            ("syncOptions", texts()),
        ],
        &[],
    )
}

fn application_spec() -> Value {
    object(
        [
            ("destination", destination()),
            ("ignoreDifferences", list(open())),
            ("info", list(object([("name", text()), ("value", text())], &["name", "value"]))),
            ("project", text()),
            ("revisionHistoryLimit", whole()),
            ("source", source()),
            ("sources", list(source())),
            ("sourceHydrator", open()),
            ("syncPolicy", sync_policy()),
        ],
        &["destination", "project"],
    )
}

fn template() -> Value {
    let metadata = object(
        [
            ("annotations", words()),
            ("finalizers", texts()),
            ("labels", words()),
            ("name", text()),
            ("namespace", text()),
        ],
        &[],
    );
    object([("metadata", metadata), ("spec", application_spec())], &["metadata", "spec"])
}

fn generator() -> Value {
    object(
        [
            (
                "clusters",
                object(
                    [("flatList", flag()), ("selector", selector()), ("template", template()), ("values", words())],
                    &[],
                ),
            ),
            ("clusterDecisionResource", open()),
            ("git", open()),
            ("list", object([("elements", list(open())), ("elementsYaml", text()), ("template", template())], &[])),
            ("matrix", open()),
            ("merge", open()),
            ("plugin", open()),
            ("pullRequest", open()),
            ("scmProvider", open()),
            ("selector", selector()),
        ],
        &[],
    )
}

fn health() -> Value {
    object([("lastTransitionTime", time()), ("message", text()), ("status", text())], &[])
}

fn resource_status() -> Value {
    object(
        [
            ("group", text()),
            ("health", health()),
            ("hook", flag()),
            ("kind", text()),
            ("name", text()),
            ("namespace", text()),
            ("requiresDeletionConfirmation", flag()),
            ("requiresPruning", flag()),
            ("status", text()),
            ("syncWave", whole()),
            ("version", text()),
        ],
        &[],
    )
}

fn application_set() -> Value {
    let policy = json!({"type": "string", "enum": ["create-only", "create-update", "create-delete", "sync"]});
    let spec = object(
        [
            ("applyNestedSelectors", flag()),
            ("generators", list(generator())),
            ("goTemplate", flag()),
            ("goTemplateOptions", texts()),
            (
                "ignoreApplicationDifferences",
                list(object([("jqPathExpressions", texts()), ("jsonPointers", texts()), ("name", text())], &[])),
            ),
            ("preservedFields", object([("annotations", texts()), ("labels", texts())], &[])),
            ("strategy", open()),
            ("syncPolicy", object([("applicationsSync", policy), ("preserveResourcesOnDeletion", flag())], &[])),
            ("template", template()),
            ("templatePatch", text()),
        ],
        &["generators", "template"],
    );
    let condition = object(
        [("lastTransitionTime", time()), ("message", text()), ("reason", text()), ("status", text()), ("type", text())],
        &["message", "reason", "status", "type"],
    );
    let status = object(
        [
            ("applicationStatus", list(open())),
            ("conditions", list(condition)),
            ("health", health()),
            ("resources", list(resource_status())),
            ("resourcesCount", whole()),
        ],
        &[],
    );
    object([("metadata", json!({"type": "object"})), ("spec", spec), ("status", status)], &["metadata", "spec"])
}

fn application() -> Value {
    let compared = object(
        [
            ("destination", destination()),
            ("ignoreDifferences", list(open())),
            ("source", source()),
            ("sources", list(source())),
        ],
        &["destination"],
    );
    let sync = object(
        [("comparedTo", compared), ("revision", text()), ("revisions", texts()), ("status", text())],
        &["status"],
    );
    let condition =
        object([("lastTransitionTime", time()), ("message", text()), ("type", text())], &["message", "type"]);
    let operation_state = object(
        [
            ("finishedAt", time()),
            ("message", text()),
            ("operation", open()),
            ("phase", text()),
            ("retryCount", whole()),
            ("startedAt", time()),
            ("syncResult", open()),
        ],
        &["operation", "phase", "startedAt"],
    );
    let status = object(
        [
            ("conditions", list(condition)),
            ("controllerNamespace", text()),
            ("health", health()),
            ("history", list(open())),
            ("observedAt", time()),
            ("operationState", operation_state),
            ("reconciledAt", time()),
            ("resourceHealthSource", text()),
            ("resources", list(resource_status())),
            ("sourceHydrator", open()),
            ("sourceType", text()),
            ("sourceTypes", texts()),
            ("summary", open()),
            ("sync", sync),
        ],
        &[],
    );
    object(
        [
            ("metadata", json!({"type": "object"})),
            ("operation", open()),
            ("spec", application_spec()),
            ("status", status),
        ],
        &["metadata", "spec"],
    )
}

fn app_project() -> Value {
    let kinds = || list(object([("group", text()), ("kind", text()), ("name", text())], &["group", "kind"]));
    let spec = object(
        [
            ("clusterResourceBlacklist", kinds()),
            ("clusterResourceWhitelist", kinds()),
            ("description", text()),
            ("destinationServiceAccounts", list(open())),
            ("destinations", list(destination())),
            ("namespaceResourceBlacklist", kinds()),
            ("namespaceResourceWhitelist", kinds()),
            ("orphanedResources", open()),
            ("permitOnlyProjectScopedClusters", flag()),
            ("roles", list(open())),
            ("signatureKeys", list(open())),
            ("sourceNamespaces", texts()),
            ("sourceRepos", texts()),
            ("syncWindows", list(open())),
        ],
        &[],
    );
    object([("metadata", json!({"type": "object"})), ("spec", spec), ("status", open())], &["metadata", "spec"])
}

/// The definitions of ApplicationSet, Application and AppProject.
#[must_use]
pub fn definitions() -> Vec<Value> {
    let column = |name: &str, path: &str| json!({"name": name, "type": "string", "jsonPath": path});
    let kind = |kind: &str, short: &[&str], schema: Value, columns: Value, subresources: Value| {
        let singular = kind.to_lowercase();
        let plural = format!("{singular}s");
        let mut version = json!({
            "name": "v1alpha1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
            "subresources": subresources,
        });
        if let (false, Some(version)) = (columns.is_null(), version.as_object_mut()) {
            version.insert("additionalPrinterColumns".to_owned(), columns);
        }
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {
                "name": format!("{plural}.argoproj.io"),
                "labels": {"app.kubernetes.io/name": format!("{plural}.argoproj.io"), "app.kubernetes.io/part-of": "argocd"},
            },
            "spec": {
                "group": "argoproj.io", "scope": "Namespaced",
                "names": {"kind": kind, "listKind": format!("{kind}List"), "plural": plural, "singular": singular,
                    "shortNames": short},
                "versions": [version],
            },
        })
    };
    let columns =
        json!([column("Sync Status", ".status.sync.status"), column("Health Status", ".status.health.status")]);
    vec![
        kind("ApplicationSet", &["appset", "appsets"], application_set(), Value::Null, json!({"status": {}})),
        kind("Application", &["app", "apps"], application(), columns, json!({})),
        kind("AppProject", &["appproj", "appprojs"], app_project(), Value::Null, json!({})),
    ]
}
