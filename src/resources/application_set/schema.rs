//! Attributes of `ackone_application_set`, with the text that users read.
//!
//! Facts: Argo CD's documentation of ApplicationSet (cluster generator, Go templates) and of Application (sources, sync
//! policy), and the walkthrough's YAML for defaults.

use std::time::Duration;

use super::model::ARGO_CD_NAMESPACE;
use super::rules;
use crate::framework::resource::timeouts_attribute;
use crate::framework::schema::{Attribute, IdentityAttribute, IdentitySchema, Nesting, OnUpdate, Schema};
use crate::framework::types::Type;
use crate::framework::value::Value;
use crate::resources::kubernetes_attributes as shared;

/// Default of `timeouts.create` and `timeouts.update`: images are pulled on every member.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_mins(15);
/// Default of `timeouts.delete`: workloads end first.
pub(super) const DELETE_TIMEOUT: Duration = Duration::from_mins(10);

pub(super) fn schema() -> Schema {
    let mut attributes = vec![
        shared::id("`<namespace>/<name>`."),
        shared::fleet_id(),
        Attribute::string(
            "namespace",
            "Namespace of Argo CD in the Fleet. Default `argocd`, which is the Fleet's own.",
        )
        .default_value(Value::string(ARGO_CD_NAMESPACE))
        .replaces()
        .check(shared::label_name("Namespace")),
        Attribute::string("name", "Name of the ApplicationSet.")
            .required()
            .replaces()
            .check(shared::untagged_name("Application Set")),
    ];
    attributes.extend(application());
    attributes.extend([
        Attribute::string(
            "spec_json",
            "The whole `spec` as JSON (`jsonencode({...})`), in place of the attributes above: for other generators, several \
             sources, templates of other parts. Compared by meaning; fields that it leaves out stay as they are.",
        )
        .same_if(rules::same_json)
        .check(rules::spec_json),
        Attribute::value(
            "expected_cluster_ids",
            Type::set(Type::String),
            "Members that must each have an Application, by their cluster IDs. Take them from \
             `ackone_fleet_cluster_association`: Terraform then associates members first, and removes them from here before it \
             detaches them. A wait goes on until each of them has an Application that is synced and healthy. Without it the wait \
             is for what the set generates, which may be nothing. It needs the right to list Secrets in the namespace: Argo CD \
             keeps there which cluster has which ID.",
        )
        .check_each(rules::cluster_id),
        shared::labels("ApplicationSet"),
        shared::annotations("ApplicationSet"),
        shared::wait("each generated Application is synced and healthy"),
        shared::on_wait_timeout(),
        shared::adopt("an ApplicationSet"),
        timeouts_attribute(WRITE_TIMEOUT, WRITE_TIMEOUT, DELETE_TIMEOUT),
        Attribute::nested(
            "applications",
            Nesting::Map,
            vec![
                Attribute::string("cluster", "Argo CD's name of its cluster, or the cluster's address."),
                Attribute::string("namespace", "Namespace in that cluster."),
            ],
            "The generated Applications by name. How each stands is not kept here, since it changes by the minute: see `ready` \
             and `reason`.",
        )
        .observed()
        .on_update(OnUpdate::Recompute),
        shared::ready("every generated Application is synced and healthy with what was written last"),
        shared::reason(),
        shared::effective_labels().on_update(OnUpdate::Hold),
        shared::effective_annotations().on_update(OnUpdate::Hold),
    ]);
    Schema::new(
        "An Argo CD ApplicationSet in an ACK One Fleet, which deploys what a git repository holds to every member cluster that a \
         selector picks: step 2 of the walkthrough. Give the typed attributes, which stand for the cluster generator with Go \
         templates, or `spec_json`.",
        attributes,
    )
}

fn application() -> Vec<Attribute> {
    vec![
        Attribute::string(
            "application_name",
            "Name of each Application, a Go template over the cluster: `{{.metadata.annotations.cluster_name}}-grpc`. ACK One gives \
             each cluster the annotations `cluster_name` and `cluster_id`; `{{.name}}` is its name in Argo CD. What comes out must be \
             a DNS name, and another one for each cluster. Required without `spec_json`.",
        ),
        Attribute::string("project", "AppProject of the Applications. Default `default`.").optional_computed().on_update(OnUpdate::Hold),
        source(),
        Attribute::nested(
            "destination",
            Nesting::Single,
            vec![
                Attribute::string(
                    "name",
                    "Argo CD's name of the cluster. Default `{{.name}}`, the cluster that the Application is for, unless `server` is \
                     set.",
                )
                .optional_computed()
                .on_update(OnUpdate::Hold),
                Attribute::string("server", "Address of the cluster's API server, in place of `name`: `{{.server}}`."),
                Attribute::string(
                    "namespace",
                    "Namespace in the cluster for what names none. The sync option `CreateNamespace=true` makes it.",
                )
                .check(rules::destination_namespace),
            ],
            "Where each Application deploys to. Required without `spec_json`.",
        ),
        cluster_selector(),
        sync_policy(),
        Attribute::bool(
            "preserve_resources_on_deletion",
            "Whether what an Application has deployed stays in its cluster when the Application is deleted, by hand, with its cluster, \
             or with this resource. It must be applied before the delete. Default `false`.",
        )
        .optional_computed()
        .on_update(OnUpdate::Hold),
        Attribute::value(
            "go_template_options",
            Type::list(Type::String),
            "Options of the template language. Default `[\"missingkey=error\"]`: a field that a cluster does not have is an error, and \
             not an empty text in a name.",
        )
        .optional_computed()
        .on_update(OnUpdate::Hold)
        .check_each(rules::template_option),
    ]
}

fn source() -> Attribute {
    Attribute::nested(
        "source",
        Nesting::Single,
        vec![
            Attribute::string("repo_url", "URL of the git or Helm repository.").required().check(rules::repo_url),
            Attribute::string("path", "Folder in the git repository, such as `manifests/directory/grpc`.")
                .check(rules::source_path),
            Attribute::string(
                "target_revision",
                "Branch, tag or commit of the git repository; version of the chart. Default: the repository's own branch.",
            ),
            Attribute::string("chart", "Name of a chart, in place of `path`, where the repository is one of Helm."),
            Attribute::nested(
                "directory",
                Nesting::Single,
                vec![
                    Attribute::bool("recurse", "Whether folders below count. Default `false`.")
                        .default_value(Value::Bool(false)),
                    Attribute::string("include", "Pattern of files that count, such as `*.yaml`."),
                    Attribute::string("exclude", "Pattern of files that do not."),
                ],
                "How a folder of plain manifests is read.",
            ),
        ],
        "Where the manifests are. Settings of Helm, Kustomize and plugins are for `spec_json`. Required without `spec_json`.",
    )
}

fn cluster_selector() -> Attribute {
    Attribute::nested(
        "cluster_selector",
        Nesting::Single,
        vec![
            Attribute::value("match_labels", Type::map(Type::String), "Labels that a cluster must have.")
                .check_entries(shared::label),
            Attribute::nested(
                "match_expressions",
                Nesting::List,
                vec![
                    Attribute::string("key", "Label.").required().check(rules::label_key),
                    Attribute::string("operator", "`In`, `NotIn`, `Exists` or `DoesNotExist`.").required().check(
                        shared::one_of("Invalid Selector Operator", &["In", "NotIn", "Exists", "DoesNotExist"]),
                    ),
                    Attribute::value("values", Type::set(Type::String), "Values, for `In` and `NotIn` only.")
                        .check_each(rules::label_value),
                ],
                "Conditions that must all hold.",
            ),
        ],
        "Which clusters, by the labels of their Secrets in the namespace. Default: all that are registered, without the Fleet \
         itself (label `argocd.argoproj.io/secret-type` in `cluster`, label `name` not in `in-cluster`). An empty object selects all \
         and the Fleet itself.",
    )
    .optional_computed()
    .on_update(OnUpdate::Hold)
}

fn sync_policy() -> Attribute {
    let pause = |name: &'static str, what: &'static str| Attribute::string(name, what).check(rules::pause);
    Attribute::nested(
        "sync_policy",
        Nesting::Single,
        vec![
            Attribute::nested(
                "automated",
                Nesting::Single,
                vec![
                    Attribute::bool("prune", "Whether what has left the source is deleted. Default `false`.")
                        .default_value(Value::Bool(false)),
                    Attribute::bool("self_heal", "Whether edits in the cluster are undone. Default `false`.")
                        .default_value(Value::Bool(false)),
                    Attribute::bool(
                        "allow_empty",
                        "Whether a source without manifests may delete everything. Default `false`.",
                    )
                    .default_value(Value::Bool(false)),
                ],
                "Syncs without anybody asking for it; `{}` is enough. Without it nothing is deployed until somebody syncs the \
                 Applications.",
            ),
            Attribute::value(
                "sync_options",
                Type::set(Type::String),
                "Options of a sync, such as `CreateNamespace=true`.",
            )
            .check_each(rules::sync_option)
            .check(rules::sync_options),
            Attribute::nested(
                "retry",
                Nesting::Single,
                vec![
                    Attribute::number("limit", "How often; `0` is never.").check(rules::retry_limit),
                    pause("duration", "First pause, such as `5s`."),
                    Attribute::number("factor", "What each pause is multiplied with.").check(rules::retry_limit),
                    pause("max_duration", "Longest pause, such as `3m`."),
                ],
                "What happens after a failed sync.",
            ),
            Attribute::nested(
                "managed_namespace_metadata",
                Nesting::Single,
                vec![
                    Attribute::value("labels", Type::map(Type::String), "Labels.").check_entries(shared::label),
                    Attribute::value("annotations", Type::map(Type::String), "Annotations.")
                        .check_entries(shared::annotation),
                ],
                "Labels and annotations of the namespaces that `CreateNamespace=true` makes.",
            ),
        ],
        "How Applications are synced.",
    )
}

pub(super) fn identity_schema() -> IdentitySchema {
    let entry = |name, required_for_import, description| IdentityAttribute { name, required_for_import, description };
    IdentitySchema {
        version: 0,
        attributes: vec![
            entry("fleet_id", false, "The Fleet that holds the ApplicationSet."),
            entry("namespace", true, "Namespace of the ApplicationSet."),
            entry("name", true, "Name of the ApplicationSet."),
        ],
    }
}
