//! Which Kubernetes object a plan or state stands for, by its attributes.
//!
//! The resources call it for the book of what a run declares (`framework::declared`), and the checks of plans look objects
//! up there by the same names.

use crate::clients::Clients;
use crate::framework::declared::Declared;
use crate::framework::path::Path;
use crate::framework::value::Value;
use crate::kubernetes::{Kind, ObjectRef};

/// The object that `name`, and `namespace` where the kind has them, name. None while that is not known.
pub(crate) fn named(value: &Value, kind: Kind) -> Vec<(String, Path)> {
    named_by(value, kind, "name")
}

/// The same for a further object, whose name another attribute holds.
pub(crate) fn named_by(value: &Value, kind: Kind, attribute: &str) -> Vec<(String, Path)> {
    let name = value.attr(attribute);
    let namespace = value.attr("namespace");
    let object = match (name.as_str(), namespace.as_str()) {
        (Some(name), Some(namespace)) if kind.namespaced => ObjectRef::namespaced(kind, namespace, name),
        (Some(name), _) if !kind.namespaced => ObjectRef::cluster(kind, name),
        _ => return Vec::new(),
    };
    vec![(object.to_string(), Path::attribute(attribute))]
}

/// A member of a Fleet, as the book names it.
pub(crate) fn member(fleet: &str, cluster: &str) -> String {
    format!("member cluster {cluster:?} of Fleet {fleet:?}")
}

/// The book of a configured provider.
pub(crate) fn declared(clients: &Clients) -> Option<&Declared> {
    clients.kubernetes.as_ref().map(|kubernetes| &kubernetes.declared)
}
