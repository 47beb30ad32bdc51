//! What a served resource is: names, verbs, schema, columns. Built-in ones are listed in `kinds.rs`, custom ones are made
//! from their definitions in `crd.rs`. Holds no objects.

use serde_json::Value;

use super::schema::Ty;
use super::status::Named;
use super::storage::Key;

/// Built-in kinds with rules of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builtin {
    Namespace,
    Secret,
    ConfigMap,
    Service,
    Endpoints,
    EndpointSlice,
    Event,
    ServiceAccount,
    Node,
    Ingress,
    IngressClass,
    Lease,
    Definition,
}

/// A column of a custom resource's table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) ty: String,
    pub(crate) format: String,
    pub(crate) description: String,
    pub(crate) priority: i64,
    pub(crate) json_path: String,
}

/// One served resource in one version.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) kind: String,
    pub(crate) list_kind: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    /// There is a status endpoint, and writes to the main one leave the status alone.
    pub(crate) has_status: bool,
    /// `metadata.generation` counts changes of the desired state.
    pub(crate) has_generation: bool,
    /// `None` for a custom resource.
    pub(crate) builtin: Option<Builtin>,
    pub(crate) ty: Ty,
    /// The object with nothing set, as the server's typed form prints it.
    pub(crate) empty: Value,
    pub(crate) columns: Vec<Column>,
    /// The served validation schema of a custom resource.
    pub(crate) validation: Option<Value>,
}

impl Resource {
    /// `group/version`, or just the version for the core group.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The name of the store's bucket.
    pub(crate) fn bucket(&self) -> String {
        bucket(&self.group, &self.plural)
    }

    /// `group/version, Kind=kind`, as some error texts name it.
    pub(crate) fn group_version_kind(&self) -> String {
        format!("{}/{}, Kind={}", self.group, self.version, self.kind)
    }

    /// The key of an object in etcd, which some error texts show.
    pub(crate) fn storage_key(&self, key: &Key) -> String {
        let place = match self.builtin {
            // Old names that etcd keeps.
            Some(Builtin::Ingress) => "ingress".to_owned(),
            Some(Builtin::Service) => "services/specs".to_owned(),
            Some(Builtin::Endpoints) => "services/endpoints".to_owned(),
            Some(Builtin::Node) => "minions".to_owned(),
            Some(Builtin::Lease) => "leases".to_owned(),
            Some(_) if !self.group.contains("apiextensions") => self.plural.clone(),
            Some(_) | None => format!("{}/{}", self.group, self.plural),
        };
        let names = [place.as_str(), key.0.as_str(), key.1.as_str()];
        format!("/registry/{}", names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join("/"))
    }

    /// How error texts name it.
    pub(crate) fn named(&self) -> Named<'_> {
        Named { group: &self.group, resource: &self.plural, kind: &self.kind }
    }

    /// Whether a PUT without a version is taken as "whatever is there".
    pub(crate) fn allows_unconditional_update(&self) -> bool {
        !matches!(self.builtin, None | Some(Builtin::Definition | Builtin::Lease))
    }

    /// Whether a PUT to an absent name creates it.
    pub(crate) fn creates_on_update(&self) -> bool {
        matches!(self.builtin, Some(Builtin::Lease | Builtin::Event | Builtin::Endpoints))
    }

    /// The verbs of the main endpoint, in discovery's order.
    pub(crate) fn verbs(&self) -> Vec<&'static str> {
        let mut verbs = vec!["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
        if self.builtin == Some(Builtin::Namespace) {
            verbs.retain(|verb| *verb != "deletecollection");
        }
        verbs
    }
}

/// The store's name of a resource of a group.
pub(crate) fn bucket(group: &str, plural: &str) -> String {
    format!("{group}/{plural}")
}
