//! Argo CD's only contact with a Kubernetes API: lists, watches and writes over a client it was given.
//!
//! Objects travel as plain JSON. Makes no decisions.

use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt;
use kube::core::WatchEvent;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::NAMESPACE;
use super::definitions::definitions;

/// Pause before what failed is tried again.
const RETRY: Duration = Duration::from_millis(200);
/// How often a new definition is looked for, so many times after each pause.
const SERVED_ROUNDS: u32 = 300;
const SERVED_PAUSE: Duration = Duration::from_millis(50);
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// What Argo CD lists and watches in its namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    ClusterSecret,
    Project,
    Set,
    Application,
}

/// All of them.
pub(super) const KINDS: [Kind; 4] = [Kind::ClusterSecret, Kind::Project, Kind::Set, Kind::Application];

impl Kind {
    fn collection(self) -> String {
        match self {
            Self::ClusterSecret => format!("/api/v1/namespaces/{NAMESPACE}/secrets"),
            Self::Project => format!("/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/appprojects"),
            Self::Set => format!("/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applicationsets"),
            Self::Application => format!("/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications"),
        }
    }

    fn selector(self) -> &'static str {
        match self {
            Self::ClusterSecret => "&labelSelector=argocd.argoproj.io%2Fsecret-type%3Dcluster",
            Self::Project | Self::Set | Self::Application => "",
        }
    }

    /// The name of the controller that writes it.
    fn manager(self) -> &'static str {
        match self {
            Self::ClusterSecret | Self::Project => "ackone-fleet-manager",
            Self::Set => "argocd-applicationset-controller",
            Self::Application => "argocd-application-controller",
        }
    }
}

/// Why the API server refused something.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// HTTP status; 0 if there was no answer.
    pub(super) code: u16,
    /// Its words.
    pub(super) message: String,
}

#[derive(Clone)]
pub(super) struct Kube {
    client: kube::Client,
}

impl Kube {
    pub(super) fn new(client: kube::Client) -> Self {
        Self { client }
    }

    async fn request(&self, method: &str, uri: &str, body: &Value) -> Result<Value, Refusal> {
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = http::Request::builder()
            .method(method)
            .uri(uri)
            .header(http::header::CONTENT_TYPE, "application/json")
            .header(http::header::ACCEPT, "application/json")
            .body(bytes)
            .map_err(|error| Refusal { code: 0, message: error.to_string() })?;
        self.client.request::<Value>(request).await.map_err(refusal)
    }

    /// Makes what is not there yet.
    async fn ensure(&self, collection: &str, object: &Value) -> Result<(), Refusal> {
        match self.request("POST", &format!("{collection}?fieldManager=ackone-fleet-manager"), object).await {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.code == 409 => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }

    /// The definitions, the namespace and the AppProject `default`.
    pub(super) async fn prepare(&self) -> Result<(), Refusal> {
        for definition in definitions() {
            self.ensure(DEFINITIONS, &definition).await?;
        }
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
        self.ensure("/api/v1/namespaces", &namespace).await?;
        for kind in [Kind::Project, Kind::Set, Kind::Application] {
            self.until_served(kind).await?;
        }
        let project = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
            "metadata": {"name": "default", "namespace": NAMESPACE},
            "spec": {
                "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
                "destinations": [{"namespace": "*", "server": "*"}],
                "sourceRepos": ["*"],
            },
        });
        self.ensure(&Kind::Project.collection(), &project).await
    }

    async fn until_served(&self, kind: Kind) -> Result<(), Refusal> {
        let mut last = Refusal { code: 0, message: "it is not served".to_owned() };
        for _ in 0..SERVED_ROUNDS {
            match self.list(kind).await {
                Ok(_) => return Ok(()),
                Err(refusal) => last = refusal,
            }
            tokio::time::sleep(SERVED_PAUSE).await;
        }
        Err(last)
    }

    /// All objects of a kind.
    pub(super) async fn list(&self, kind: Kind) -> Result<Vec<Value>, Refusal> {
        let list =
            self.request("GET", &format!("{}?limit=5000{}", kind.collection(), kind.selector()), &Value::Null).await?;
        Ok(list.get("items").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// Makes an object.
    pub(super) async fn create(&self, kind: Kind, object: &Value) -> Result<Value, Refusal> {
        self.request("POST", &format!("{}?fieldManager={}", kind.collection(), kind.manager()), object).await
    }

    /// Replaces an object, at the version it was seen in.
    pub(super) async fn replace(&self, kind: Kind, object: &Value) -> Result<Value, Refusal> {
        self.request("PUT", &format!("{}/{}?fieldManager={}", kind.collection(), name(object), kind.manager()), object)
            .await
    }

    /// Replaces the status of a set.
    pub(super) async fn replace_status(&self, object: &Value) -> Result<Value, Refusal> {
        let kind = Kind::Set;
        let uri = format!("{}/{}/status?fieldManager={}", kind.collection(), name(object), kind.manager());
        self.request("PUT", &uri, object).await
    }

    /// Asks for the end of an object.
    pub(super) async fn delete(&self, kind: Kind, object: &Value) -> Result<(), Refusal> {
        let options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"});
        match self.request("DELETE", &format!("{}/{}", kind.collection(), name(object)), &options).await {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.code == 404 => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }

    /// Says whenever an object of the kind changes; for ever.
    pub(super) async fn follow(&self, kind: Kind, changed: watch::Sender<u64>) {
        loop {
            let list =
                self.request("GET", &format!("{}?limit=1{}", kind.collection(), kind.selector()), &Value::Null).await;
            changed.send_modify(|revision| *revision += 1);
            if let Ok(list) = list {
                let version = list.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
                self.watch(kind, version, &changed).await;
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn watch(&self, kind: Kind, version: &str, changed: &watch::Sender<u64>) {
        let uri = format!(
            "{}?watch=true&allowWatchBookmarks=true&timeoutSeconds=290&resourceVersion={version}{}",
            kind.collection(),
            kind.selector()
        );
        let Ok(request) = http::Request::get(uri).body(Vec::new()) else { return };
        let Ok(stream) = self.client.request_events::<Value>(request).await else { return };
        let mut stream = pin!(stream);
        while let Ok(Some(event)) = stream.try_next().await {
            match event {
                WatchEvent::Added(_) | WatchEvent::Modified(_) | WatchEvent::Deleted(_) => {
                    changed.send_modify(|revision| *revision += 1);
                }
                WatchEvent::Bookmark(_) => {}
                WatchEvent::Error(_) => return,
            }
        }
    }
}

/// Names of these kinds are DNS names, which a path takes as they are.
fn name(object: &Value) -> &str {
    object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}

fn refusal(error: kube::Error) -> Refusal {
    match error {
        kube::Error::Api(status) => Refusal { code: status.code, message: status.message.clone() },
        error => Refusal { code: 0, message: error.to_string() },
    }
}
