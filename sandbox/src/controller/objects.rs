//! The Kubernetes objects the controller reads, parsed from what the API server sent.
//!
//! Parsed once, when an object enters the cache; the rest of the controller sees only these types. Lenient where the
//! API server already validated. Field names are those of `networking.k8s.io/v1` and `v1`.

use std::collections::BTreeMap;

use base64::Engine;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha224};

/// The finalizer on an AlbConfig that has something in the cloud.
pub(super) const FINALIZER: &str = "ingress.k8s.alibaba/resources";
/// The label that holds the hash of what was reconciled.
pub(super) const HASH_LABEL: &str = "alb.ingress.kubernetes.io/hash";
/// Prefix of the annotations.
pub(super) const ANNOTATION_PREFIX: &str = "alb.ingress.kubernetes.io/";

/// The part of `metadata` the controller reads.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Meta {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) uid: String,
    pub(super) resource_version: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) finalizers: Vec<String>,
    pub(super) deletion_timestamp: Option<String>,
}

impl Meta {
    /// An annotation of the controller's prefix, as written.
    pub(super) fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.get(&format!("{ANNOTATION_PREFIX}{key}")).map(String::as_str)
    }

    /// An annotation trimmed line by line; absent when nothing is left.
    pub(super) fn trimmed(&self, key: &str) -> Option<String> {
        let text = self.annotation(key)?.lines().map(str::trim).collect::<Vec<_>>().join("\n").trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    /// Whether an annotation is literally `true`.
    pub(super) fn flag(&self, key: &str) -> bool {
        self.annotation(key) == Some("true")
    }
}

/// What an Event is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reference {
    pub(super) api_version: &'static str,
    pub(super) kind: &'static str,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) resource_version: String,
}

/// An AlbConfig: its `spec` stays untyped, `albconfig.rs` reads it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AlbConfig {
    pub(super) meta: Meta,
    pub(super) spec: Value,
    pub(super) raw: Value,
}

impl AlbConfig {
    pub(super) fn parse(raw: &Value) -> Option<Self> {
        let mut raw = raw.clone();
        if let Some(metadata) = raw.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        let spec = raw.get("spec").cloned().unwrap_or(Value::Null);
        Some(Self { meta: meta(&raw)?, spec, raw })
    }

    pub(super) fn reference(&self) -> Reference {
        reference("alibabacloud.com/v1", "AlbConfig", &self.meta)
    }

    /// The member clusters named in the annotation.
    pub(super) fn remote_clusters(&self) -> Vec<String> {
        let list = self.meta.annotation("remote-clusters").unwrap_or_default();
        list.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect()
    }

    pub(super) fn hash(&self) -> String {
        hash(&self.spec, &self.meta)
    }
}

/// An IngressClass.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct IngressClass {
    pub(super) name: String,
    pub(super) controller: String,
    pub(super) albconfig: Option<String>,
}

impl IngressClass {
    pub(super) fn parse(raw: &Value) -> Option<Self> {
        let at = |pointer: &str| raw.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            name: at("/metadata/name")?,
            controller: at("/spec/controller").unwrap_or_default(),
            albconfig: at("/spec/parameters/name"),
        })
    }
}

/// An Ingress.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ingress {
    pub(super) meta: Meta,
    pub(super) spec: IngressSpec,
    pub(super) hostname: Option<String>,
    pub(super) hash: String,
}

/// `Ingress.spec`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct IngressSpec {
    pub(super) ingress_class_name: Option<String>,
    pub(super) rules: Vec<IngressRule>,
    pub(super) tls: Vec<IngressTls>,
}

/// One entry of `spec.rules`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct IngressRule {
    pub(super) host: String,
    pub(super) http: Option<HttpRule>,
}

/// `spec.rules[].http`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HttpRule {
    pub(super) paths: Vec<HttpPath>,
}

/// One path of a rule.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HttpPath {
    pub(super) path: String,
    pub(super) path_type: Option<String>,
    pub(super) backend: Backend,
}

/// The backend of a path.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Backend {
    pub(super) service: BackendService,
}

/// `backend.service`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct BackendService {
    pub(super) name: String,
    pub(super) port: BackendPort,
}

/// `backend.service.port`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct BackendPort {
    pub(super) number: u16,
    pub(super) name: String,
}

/// One entry of `spec.tls`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct IngressTls {
    pub(super) hosts: Vec<String>,
    pub(super) secret_name: String,
}

impl Ingress {
    pub(super) fn parse(raw: &Value) -> Option<Self> {
        let meta = meta(raw)?;
        let spec = raw.get("spec").cloned().unwrap_or(Value::Null);
        let hash = hash(&spec, &meta);
        let hostname = raw.pointer("/status/loadBalancer/ingress/0/hostname").and_then(Value::as_str);
        let hostname = hostname.map(str::to_owned);
        let spec = if spec.is_null() { IngressSpec::default() } else { serde_json::from_value(spec).ok()? };
        Some(Self { meta, spec, hostname, hash })
    }

    pub(super) fn key(&self) -> String {
        format!("{}/{}", self.meta.namespace, self.meta.name)
    }

    pub(super) fn reference(&self) -> Reference {
        reference("networking.k8s.io/v1", "Ingress", &self.meta)
    }

    /// Names of the Secrets its `tls` entries use.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.spec.tls.iter().map(|tls| tls.secret_name.as_str()).filter(|name| !name.is_empty())
    }
}

/// A TLS Secret. No `Debug`: it holds a private key.
#[derive(Clone, PartialEq)]
pub(super) struct Secret {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) certificate: String,
    pub(super) key: String,
}

impl Secret {
    pub(super) fn parse(raw: &Value) -> Option<Self> {
        let meta = meta(raw)?;
        let data = |field: &str| {
            let encoded = raw.get("data").and_then(|data| data.get(field)).and_then(Value::as_str).unwrap_or_default();
            let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap_or_default();
            String::from_utf8(bytes).unwrap_or_default()
        };
        Some(Self { namespace: meta.namespace, name: meta.name, certificate: data("tls.crt"), key: data("tls.key") })
    }

    pub(super) fn id(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

fn meta(raw: &Value) -> Option<Meta> {
    serde_json::from_value(raw.get("metadata")?.clone()).ok()
}

fn reference(api_version: &'static str, kind: &'static str, meta: &Meta) -> Reference {
    Reference {
        api_version,
        kind,
        namespace: meta.namespace.clone(),
        name: meta.name.clone(),
        uid: meta.uid.clone(),
        resource_version: meta.resource_version.clone(),
    }
}

/// The hash the controller stamps: over spec, annotations and deletion, 56 hex digits.
fn hash(spec: &Value, meta: &Meta) -> String {
    let text = json!([spec, meta.annotations, meta.deletion_timestamp]).to_string();
    hex::encode(Sha224::digest(text.as_bytes()))
}
