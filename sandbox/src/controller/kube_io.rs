//! The controller's only contact with a Kubernetes API: lists, watches and writes over a client it was given.
//!
//! Objects travel as plain JSON, so any API server will do. All writes are PUT, POST or merge patch with field manager
//! `load-balancer-controller`, which the API server records as operation `Update`, as was seen of the real one. Makes
//! no decisions.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::TryStreamExt;
use kube::core::WatchEvent;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::cache::Kind;
use super::pass::{FleetApi, Refusal, Write};
use super::runtime::Observed;

/// The name of the controller's binary, under which it owns fields.
const FIELD_MANAGER: &str = "load-balancer-controller";
/// Pause before a list or watch that failed is tried again.
const RETRY: Duration = Duration::from_millis(200);
/// Objects of one page of a list.
const PAGE: u32 = 500;
const CRD_PATH: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const ALBCONFIGS: &str = "/apis/alibabacloud.com/v1/albconfigs";

pub(super) struct KubeFleet {
    client: kube::Client,
}

impl KubeFleet {
    pub(super) fn new(client: kube::Client) -> Self {
        Self { client }
    }

    /// Registers the AlbConfig definition if need be, then delivers lists and changes until the receiver is gone.
    pub(super) async fn observe(&self, sender: mpsc::UnboundedSender<Observed>) {
        self.register().await;
        let kinds = [Kind::IngressClass, Kind::Secret, Kind::AlbConfig, Kind::Ingress];
        let mut versions = Vec::new();
        for kind in kinds {
            versions.push(self.list_until_it_works(kind, &sender).await);
        }
        futures_util::future::join_all(
            kinds.into_iter().zip(versions).map(|(kind, version)| self.follow(kind, version, &sender)),
        )
        .await;
    }

    async fn register(&self) {
        let name = "albconfigs.alibabacloud.com";
        match self.request("GET", &format!("{CRD_PATH}/{name}"), None).await {
            Ok(_) => return,
            Err(refusal) if refusal.code == 404 => {}
            Err(refusal) => tracing::warn!(message = refusal.message, "AlbConfig definition not read"),
        }
        let query = format!("{CRD_PATH}?fieldManager={FIELD_MANAGER}");
        if let Err(refusal) = self.request("POST", &query, Some(("application/json", definition()))).await
            && refusal.code != 409
        {
            tracing::warn!(message = refusal.message, "AlbConfig definition not registered");
        }
    }

    async fn list_until_it_works(&self, kind: Kind, sender: &mpsc::UnboundedSender<Observed>) -> String {
        loop {
            match self.list(kind).await {
                Ok((items, version)) => {
                    // A closed channel means the controller stops; its caller drops this future.
                    if sender.send(Observed::Listed(kind, items)).is_err() {
                        std::future::pending::<()>().await;
                    }
                    return version;
                }
                Err(refusal) => {
                    tracing::debug!(?kind, code = refusal.code, message = refusal.message, "list failed");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    async fn list(&self, kind: Kind) -> Result<(Vec<Value>, String), Refusal> {
        let mut items = Vec::new();
        let mut query = format!("limit={PAGE}");
        loop {
            let page = self.request("GET", &format!("{}?{query}", path(kind)), None).await?;
            items.extend(page.get("items").and_then(Value::as_array).into_iter().flatten().cloned());
            let meta = |field: &str| page.pointer(&format!("/metadata/{field}")).and_then(Value::as_str);
            match meta("continue").filter(|token| !token.is_empty()) {
                Some(token) => {
                    let token = percent_encoding::utf8_percent_encode(token, percent_encoding::NON_ALPHANUMERIC);
                    query = format!("limit={PAGE}&continue={token}");
                }
                None => return Ok((items, meta("resourceVersion").unwrap_or("0").to_owned())),
            }
        }
    }

    async fn follow(&self, kind: Kind, mut version: String, sender: &mpsc::UnboundedSender<Observed>) {
        loop {
            if !self.watch(kind, &mut version, sender).await {
                version = self.list_until_it_works(kind, sender).await;
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Watches until the stream ends; answers whether the version reached can be watched from again.
    async fn watch(&self, kind: Kind, version: &mut String, sender: &mpsc::UnboundedSender<Observed>) -> bool {
        let uri =
            format!("{}?watch=true&allowWatchBookmarks=true&timeoutSeconds=290&resourceVersion={version}", path(kind));
        let Ok(request) = http::Request::get(uri).body(Vec::new()) else { return false };
        let stream = match self.client.request_events::<Value>(request).await {
            Ok(stream) => stream,
            Err(error) => return refusal(error).code != 410,
        };
        let mut stream = pin!(stream);
        loop {
            let event = match stream.try_next().await {
                Ok(Some(event)) => event,
                Ok(None) => return true,
                Err(error) => {
                    tracing::debug!(?kind, %error, "watch broken");
                    return true;
                }
            };
            let observed = match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => Observed::Upserted(kind, object),
                WatchEvent::Deleted(object) => Observed::Deleted(kind, object),
                WatchEvent::Bookmark(bookmark) => {
                    *version = bookmark.metadata.resource_version;
                    continue;
                }
                WatchEvent::Error(status) => {
                    tracing::debug!(?kind, code = status.code, "watch ended by the server");
                    return false;
                }
            };
            let (Observed::Upserted(_, object) | Observed::Deleted(_, object)) = &observed else { continue };
            if let Some(reached) = object.pointer("/metadata/resourceVersion").and_then(Value::as_str) {
                reached.clone_into(version);
            }
            if sender.send(observed).is_err() {
                return true;
            }
        }
    }

    async fn request(&self, method: &str, uri: &str, body: Option<(&str, Value)>) -> Result<Value, Refusal> {
        let (content_type, body) = match body {
            Some((content_type, body)) => (content_type, body.to_string().into_bytes()),
            None => ("application/json", Vec::new()),
        };
        let request = http::Request::builder()
            .method(method)
            .uri(uri)
            .header(http::header::CONTENT_TYPE, content_type)
            .header(http::header::ACCEPT, "application/json")
            .body(body)
            .map_err(|error| Refusal { code: 0, message: error.to_string() })?;
        self.client.request::<Value>(request).await.map_err(refusal)
    }
}

impl FleetApi for KubeFleet {
    fn write(&self, write: Write) -> Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + '_>> {
        let manager = format!("fieldManager={FIELD_MANAGER}");
        let merge = "application/merge-patch+json";
        let (method, uri, content_type, body) = match write {
            Write::PutAlbConfig { name, body } => {
                ("PUT", format!("{ALBCONFIGS}/{name}?{manager}"), "application/json", body)
            }
            Write::PatchAlbConfig { name, patch } => ("PATCH", format!("{ALBCONFIGS}/{name}?{manager}"), merge, patch),
            Write::PatchAlbConfigStatus { name, patch } => {
                ("PATCH", format!("{ALBCONFIGS}/{name}/status?{manager}"), merge, patch)
            }
            Write::PatchIngressStatus { namespace, name, patch } => (
                "PATCH",
                format!("/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses/{name}/status?{manager}"),
                merge,
                patch,
            ),
            Write::CreateEvent { namespace, body } => {
                ("POST", format!("/api/v1/namespaces/{namespace}/events?{manager}"), "application/json", body)
            }
            Write::PatchEvent { namespace, name, patch } => {
                ("PATCH", format!("/api/v1/namespaces/{namespace}/events/{name}?{manager}"), merge, patch)
            }
        };
        Box::pin(async move { self.request(method, &uri, Some((content_type, body))).await.map(|_| ()) })
    }
}

fn path(kind: Kind) -> &'static str {
    match kind {
        Kind::IngressClass => "/apis/networking.k8s.io/v1/ingressclasses",
        Kind::Secret => "/api/v1/secrets",
        Kind::AlbConfig => ALBCONFIGS,
        Kind::Ingress => "/apis/networking.k8s.io/v1/ingresses",
    }
}

fn refusal(error: kube::Error) -> Refusal {
    match error {
        kube::Error::Api(status) => Refusal { code: status.code, message: status.message.clone() },
        error => Refusal { code: 0, message: error.to_string() },
    }
}

/// The definition the real controller registers: any shape, status subresource, printer columns.
fn definition() -> Value {
    let column = |name: &str, kind: &str, path: &str| json!({"name": name, "type": kind, "jsonPath": path});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "albconfigs.alibabacloud.com"},
        "spec": {
            "group": "alibabacloud.com", "scope": "Cluster",
            "names": {"plural": "albconfigs", "singular": "albconfig", "kind": "AlbConfig", "listKind": "AlbConfigList",
                "categories": ["all", "kooper"]},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
                "subresources": {"status": {}},
                "additionalPrinterColumns": [
                    column("ALBID", "string", ".status.loadBalancer.id"),
                    column("DNSNAME", "string", ".status.loadBalancer.dnsname"),
                    column("PORT&PROTOCOL", "string", ".status.loadBalancer.listeners[*].portAndProtocol"),
                    column("CERTID", "string", ".status.loadBalancer.listeners[*].certificates[*].certificateId"),
                    column("AGE", "date", ".metadata.creationTimestamp"),
                ],
            }],
        },
    })
}
