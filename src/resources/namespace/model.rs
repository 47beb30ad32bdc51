//! Model of a Namespace, its import id, and what it is as an object.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{MARKER, Namespace};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::Stored;
use crate::framework::resource::{ImportTarget, Resource, Timeouts};
use crate::kubernetes::{FIELD_MANAGER, FieldPath, Kind, ObjectRef};
use crate::resources::object_metadata::{self, Metadata};

crate::model! {
    /// `ackone_namespace`.
    pub(crate) struct NamespaceModel {
        pub(crate) id: String,
        pub(crate) fleet_id: String,
        pub(crate) name: String,
        pub(crate) labels: BTreeMap<String, P::Of<String>>,
        pub(crate) annotations: BTreeMap<String, P::Of<String>>,
        pub(crate) force_delete: bool,
        pub(crate) adopt: bool,
        pub(crate) timeouts: Timeouts<P>,
        pub(crate) effective_labels: BTreeMap<String, P::Of<String>>,
        pub(crate) effective_annotations: BTreeMap<String, P::Of<String>>,
    }
}

/// The object of a state.
pub(super) fn object_ref(state: &NamespaceModel<Stored>) -> ObjectRef {
    ObjectRef::cluster(Kind::NAMESPACE, state.name.clone().unwrap_or_default())
}

/// The maps of a state.
pub(super) fn metadata(state: &NamespaceModel<Stored>) -> Metadata {
    Metadata {
        labels: state.labels.clone(),
        annotations: state.annotations.clone(),
        effective_labels: state.effective_labels.clone(),
        effective_annotations: state.effective_annotations.clone(),
    }
}

/// All that we set.
pub(super) fn intent(state: &NamespaceModel<Stored>) -> Json {
    json!({"metadata": object_metadata::intent(&state.effective_labels, &state.effective_annotations)})
}

/// The same with the label that shows whose it is: a Namespace without labels of ours has no trace of our manager. A label
/// that the user or, on a takeover, another program gave stays.
pub(super) fn marked_intent(state: &NamespaceModel<Stored>) -> Json {
    let mut labels = state.effective_labels.clone().unwrap_or_default();
    labels.entry(MARKER.to_owned()).or_insert_with(|| Some(FIELD_MANAGER.to_owned()));
    json!({"metadata": object_metadata::intent(&Some(labels), &state.effective_annotations)})
}

/// Where that label is.
pub(super) fn marker_path() -> FieldPath {
    FieldPath::of(["metadata", "labels", MARKER])
}

/// The state from which a read finds the Namespace.
pub(super) fn import(target: ImportTarget) -> Result<NamespaceModel<Stored>, Diagnostics> {
    let mut state = NamespaceModel::<Stored>::default();
    match target {
        ImportTarget::Id(name) => state.name = Some(name),
        ImportTarget::Identity(mut identity) => {
            state.name = identity.remove("name");
            state.fleet_id = identity.remove("fleet_id");
        }
    }
    if state.name.as_deref().is_none_or(|name| name.is_empty() || name.contains(['/', ':', ' '])) {
        return Err(Diagnostic::error(
            "Invalid Import ID",
            format!(
                "{:?} is no import ID of {}. It is the name of the Namespace, such as \"gateway-demo\".",
                state.name.unwrap_or_default(),
                Namespace::TYPE
            ),
        )
        .into());
    }
    state.id.clone_from(&state.name);
    Ok(state)
}
