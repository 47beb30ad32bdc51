//! The ApplicationSet as Terraform sees it, before and after it is known, and its import id.

use std::collections::BTreeMap;

use super::ApplicationSet;
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::Stored;
use crate::framework::resource::{ImportTarget, Resource, Timeouts};
use crate::kubernetes::{Kind, ObjectRef};
use crate::resources::object_metadata::Metadata;

pub(super) use crate::resources::argo_cd::NAMESPACE as ARGO_CD_NAMESPACE;

crate::model! {
    /// `ackone_application_set`.
    pub(crate) struct ApplicationSetModel {
        /// `namespace/name`.
        pub(crate) id: String,
        /// The Fleet that holds it.
        pub(crate) fleet_id: String,
        /// Namespace of Argo CD.
        pub(crate) namespace: String,
        /// Name.
        pub(crate) name: String,
        /// Name of each Application, a template.
        pub(crate) application_name: String,
        /// AppProject.
        pub(crate) project: String,
        /// Where the manifests are.
        pub(crate) source: Source<P>,
        /// Where they go.
        pub(crate) destination: Destination<P>,
        /// Which clusters.
        pub(crate) cluster_selector: ClusterSelector<P>,
        /// How Applications are synced.
        pub(crate) sync_policy: SyncPolicy<P>,
        /// Whether workloads outlive their Application.
        pub(crate) preserve_resources_on_deletion: bool,
        /// Options of the template language.
        pub(crate) go_template_options: Vec<P::Of<String>>,
        /// The whole `spec`, in place of the attributes above.
        pub(crate) spec_json: String,
        /// Members that must each have an Application.
        pub(crate) expected_cluster_ids: Vec<P::Of<String>>,
        /// Labels.
        pub(crate) labels: BTreeMap<String, P::Of<String>>,
        /// Annotations.
        pub(crate) annotations: BTreeMap<String, P::Of<String>>,
        /// Whether to wait.
        pub(crate) wait: bool,
        /// `warn` or `error`.
        pub(crate) on_wait_timeout: String,
        /// Whether a create takes over what exists.
        pub(crate) adopt: bool,
        /// Time limits.
        pub(crate) timeouts: Timeouts<P>,
        /// What it generates.
        pub(crate) applications: BTreeMap<String, P::Of<Application<P>>>,
        /// Whether all of it is deployed.
        pub(crate) ready: bool,
        /// Why not.
        pub(crate) reason: String,
        /// With the provider's defaults.
        pub(crate) effective_labels: BTreeMap<String, P::Of<String>>,
        /// With the provider's defaults.
        pub(crate) effective_annotations: BTreeMap<String, P::Of<String>>,
    }
}

crate::model! {
    /// Where the manifests are.
    pub(crate) struct Source {
        /// Repository.
        pub(crate) repo_url: String,
        /// Folder of a git repository.
        pub(crate) path: String,
        /// Branch, tag or commit; version of a chart.
        pub(crate) target_revision: String,
        /// Chart of a Helm repository.
        pub(crate) chart: String,
        /// How a folder of plain manifests is read.
        pub(crate) directory: Directory<P>,
    }
}

crate::model! {
    /// How a folder of plain manifests is read.
    pub(crate) struct Directory {
        /// Whether folders below count.
        pub(crate) recurse: bool,
        /// Files that count.
        pub(crate) include: String,
        /// Files that do not.
        pub(crate) exclude: String,
    }
}

crate::model! {
    /// Where the manifests go.
    pub(crate) struct Destination {
        /// Argo CD's name of the cluster, a template.
        pub(crate) name: String,
        /// Address of the cluster, a template.
        pub(crate) server: String,
        /// Namespace in the cluster.
        pub(crate) namespace: String,
    }
}

crate::model! {
    /// Which of Argo CD's clusters.
    pub(crate) struct ClusterSelector {
        /// Labels that all must fit.
        pub(crate) match_labels: BTreeMap<String, P::Of<String>>,
        /// Expressions that all must hold.
        pub(crate) match_expressions: Vec<P::Of<MatchExpression<P>>>,
    }
}

crate::model! {
    /// A condition on one label.
    pub(crate) struct MatchExpression {
        /// Label.
        pub(crate) key: String,
        /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
        pub(crate) operator: String,
        /// Values.
        pub(crate) values: Vec<P::Of<String>>,
    }
}

crate::model! {
    /// How Applications are synced.
    pub(crate) struct SyncPolicy {
        /// By itself.
        pub(crate) automated: Automated<P>,
        /// `Name=value`.
        pub(crate) sync_options: Vec<P::Of<String>>,
        /// What happens after a failure.
        pub(crate) retry: Retry<P>,
        /// Labels and annotations of namespaces that a sync makes.
        pub(crate) managed_namespace_metadata: NamespaceMetadata<P>,
    }
}

crate::model! {
    /// Syncs without anybody asking.
    pub(crate) struct Automated {
        /// Whether what left the source is deleted.
        pub(crate) prune: bool,
        /// Whether edits of the cluster are undone.
        pub(crate) self_heal: bool,
        /// Whether everything may be deleted.
        pub(crate) allow_empty: bool,
    }
}

crate::model! {
    /// What happens after a failed sync.
    pub(crate) struct Retry {
        /// How often.
        pub(crate) limit: i64,
        /// First pause.
        pub(crate) duration: String,
        /// What each pause is multiplied with.
        pub(crate) factor: i64,
        /// Longest pause.
        pub(crate) max_duration: String,
    }
}

crate::model! {
    /// Metadata of a namespace.
    pub(crate) struct NamespaceMetadata {
        /// Labels.
        pub(crate) labels: BTreeMap<String, P::Of<String>>,
        /// Annotations.
        pub(crate) annotations: BTreeMap<String, P::Of<String>>,
    }
}

crate::model! {
    /// A generated Application: what does not change while it is worked on.
    pub(crate) struct Application {
        /// Name or address of its cluster, as Argo CD knows it.
        pub(crate) cluster: String,
        /// Namespace in that cluster.
        pub(crate) namespace: String,
    }
}

/// A state.
pub(super) type State = ApplicationSetModel<Stored>;

/// The object of a state.
pub(super) fn object_ref(state: &State) -> ObjectRef {
    let namespace = state.namespace.clone().unwrap_or_default();
    ObjectRef::namespaced(Kind::APPLICATION_SET, namespace, state.name.clone().unwrap_or_default())
}

/// The import id of an object.
pub(super) fn import_id(object: &ObjectRef) -> String {
    format!("{}/{}", object.namespace.as_deref().unwrap_or_default(), object.name)
}

/// The maps of a state.
pub(super) fn metadata(state: &State) -> Metadata {
    Metadata {
        labels: state.labels.clone(),
        annotations: state.annotations.clone(),
        effective_labels: state.effective_labels.clone(),
        effective_annotations: state.effective_annotations.clone(),
    }
}

/// The ids of members that must have an Application.
pub(super) fn expected(state: &State) -> Vec<String> {
    state.expected_cluster_ids.iter().flatten().flatten().cloned().collect()
}

/// The state from which a read finds the ApplicationSet.
pub(super) fn import(target: ImportTarget) -> Result<State, Diagnostics> {
    let mut state = State::default();
    match target {
        ImportTarget::Id(id) => {
            let parts = id
                .split_once('/')
                .filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty() && !name.contains('/'));
            let Some((namespace, name)) = parts else {
                return Err(Diagnostic::error(
                    "Invalid Import ID",
                    format!(
                        "{id:?} is no import ID of {}. It is namespace and name with a slash between, such as \
                         \"argocd/appset-grpc-demo\".",
                        ApplicationSet::TYPE
                    ),
                )
                .into());
            };
            state.namespace = Some(namespace.to_owned());
            state.name = Some(name.to_owned());
        }
        ImportTarget::Identity(mut identity) => {
            state.namespace = identity.remove("namespace");
            state.name = identity.remove("name");
            state.fleet_id = identity.remove("fleet_id");
        }
    }
    state.id = Some(import_id(&object_ref(&state)));
    Ok(state)
}
