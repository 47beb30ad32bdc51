//! Kinds, references and objects as the API knows them.
//!
//! An [`Object`] is the JSON the server answered; its `Debug` shows who it is and never what is in it.

use serde_json::Value;

/// An API kind this provider reads or writes. The constants are the whole set: no discovery call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// API group, empty for the core group.
    pub group: &'static str,
    /// API version inside the group.
    pub version: &'static str,
    /// Kind as in manifests.
    pub kind: &'static str,
    /// Plural as in paths.
    pub plural: &'static str,
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
}

impl Kind {
    /// The ALB controller's load balancer description (cluster-scoped).
    pub const ALB_CONFIG: Self = Self::new("alibabacloud.com", "v1", "AlbConfig", "albconfigs", false);
    /// Ingress class.
    pub const INGRESS_CLASS: Self = Self::new("networking.k8s.io", "v1", "IngressClass", "ingressclasses", false);
    /// Ingress.
    pub const INGRESS: Self = Self::new("networking.k8s.io", "v1", "Ingress", "ingresses", true);
    /// Secret; its bodies are never logged.
    pub const SECRET: Self = Self::new("", "v1", "Secret", "secrets", true);
    /// Service.
    pub const SERVICE: Self = Self::new("", "v1", "Service", "services", true);
    /// Namespace.
    pub const NAMESPACE: Self = Self::new("", "v1", "Namespace", "namespaces", false);
    /// Event of the core group, the one the controller records.
    pub const EVENT: Self = Self::new("", "v1", "Event", "events", true);
    /// Argo CD generator of Applications.
    pub const APPLICATION_SET: Self = Self::new("argoproj.io", "v1alpha1", "ApplicationSet", "applicationsets", true);
    /// Argo CD Application.
    pub const APPLICATION: Self = Self::new("argoproj.io", "v1alpha1", "Application", "applications", true);

    const fn new(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
        namespaced: bool,
    ) -> Self {
        Self { group, version, kind, plural, namespaced }
    }

    /// `group/version`, or the version alone in the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Whether bodies of this kind hold secret data.
    pub fn is_secret(&self) -> bool {
        self.group.is_empty() && self.kind == "Secret"
    }

    /// Path of the collection: of one namespace, or of the cluster when `namespace` is `None`.
    pub fn collection_path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{}", self.api_version()) };
        match namespace {
            Some(namespace) if self.namespaced => {
                format!("{root}/namespaces/{}/{}", encode(namespace), self.plural)
            }
            _ => format!("{root}/{}", self.plural),
        }
    }
}

/// What RFC 3986 calls unreserved stays as it is.
const RESERVED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Percent-encodes a path segment or a query value.
pub(crate) fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, RESERVED).to_string()
}

/// Names one object: kind, namespace for namespaced kinds, name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectRef {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; `None` for cluster-scoped kinds.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl ObjectRef {
    /// An object of a cluster-scoped kind.
    pub fn cluster(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, namespace: None, name: name.into() }
    }

    /// An object of a namespaced kind.
    pub fn namespaced(kind: Kind, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind, namespace: Some(namespace.into()), name: name.into() }
    }

    /// Path of the object.
    pub fn path(&self) -> String {
        format!("{}/{}", self.kind.collection_path(self.namespace.as_deref()), encode(&self.name))
    }
}

impl std::fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} \"{namespace}/{}\"", self.kind.kind, self.name),
            None => write!(f, "{} \"{}\"", self.kind.kind, self.name),
        }
    }
}

/// An object as the server answered it.
#[derive(Clone, PartialEq)]
pub struct Object(Value);

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object")
            .field("kind", &self.text("/kind"))
            .field("namespace", &self.namespace())
            .field("name", &self.name())
            .field("uid", &self.uid())
            .field("resource_version", &self.resource_version())
            .finish_non_exhaustive()
    }
}

impl From<Value> for Object {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl Object {
    /// The whole object.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// Gives the whole object away.
    pub fn into_value(self) -> Value {
        self.0
    }

    fn text(&self, pointer: &str) -> &str {
        self.0.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// `metadata.name`, empty if absent.
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// `metadata.namespace` of namespaced objects.
    pub fn namespace(&self) -> Option<&str> {
        self.0.pointer("/metadata/namespace").and_then(Value::as_str)
    }

    /// `metadata.uid`, empty if absent.
    pub fn uid(&self) -> &str {
        self.text("/metadata/uid")
    }

    /// `metadata.resourceVersion`, empty if absent.
    pub fn resource_version(&self) -> &str {
        self.text("/metadata/resourceVersion")
    }

    /// `metadata.generation`.
    pub fn generation(&self) -> Option<i64> {
        self.0.pointer("/metadata/generation").and_then(Value::as_i64)
    }

    /// `metadata.creationTimestamp`.
    pub fn created_at(&self) -> Option<jiff::Timestamp> {
        self.text("/metadata/creationTimestamp").parse().ok()
    }

    /// `metadata.deletionTimestamp`: set once a delete was accepted and finalizers hold the object.
    pub fn deletion_timestamp(&self) -> Option<&str> {
        self.0.pointer("/metadata/deletionTimestamp").and_then(Value::as_str)
    }

    /// Whether a delete was accepted.
    pub fn is_terminating(&self) -> bool {
        self.deletion_timestamp().is_some()
    }

    /// What holds a terminating object: `metadata.finalizers`, and `spec.finalizers` of a Namespace.
    pub fn finalizers(&self) -> Vec<String> {
        ["/metadata/finalizers", "/spec/finalizers"]
            .iter()
            .filter_map(|pointer| self.0.pointer(pointer).and_then(Value::as_array))
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect()
    }

    /// One label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.0.get("metadata")?.get("labels")?.get(key)?.as_str()
    }

    /// One annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.0.get("metadata")?.get("annotations")?.get(key)?.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_the_api_conventions() {
        let ingress = ObjectRef::namespaced(Kind::INGRESS, "gateway-demo", "grpc-ingress");
        assert_eq!(ingress.path(), "/apis/networking.k8s.io/v1/namespaces/gateway-demo/ingresses/grpc-ingress");
        assert_eq!(ObjectRef::cluster(Kind::NAMESPACE, "a").path(), "/api/v1/namespaces/a");
        assert_eq!(Kind::INGRESS.collection_path(None), "/apis/networking.k8s.io/v1/ingresses");
        assert_eq!(
            ObjectRef::namespaced(Kind::SECRET, "../x", "a/b").path(),
            "/api/v1/namespaces/..%2Fx/secrets/a%2Fb"
        );
    }

    #[test]
    fn debug_of_an_object_never_shows_its_data() {
        let secret = Object::from(serde_json::json!({
            "kind": "Secret", "metadata": {"name": "grpc-secret", "namespace": "gateway-demo"},
            "data": {"tls.key": "c2VjcmV0"},
        }));
        let shown = format!("{secret:?}");
        assert!(shown.contains("grpc-secret") && !shown.contains("c2VjcmV0"), "{shown}");
    }
}
