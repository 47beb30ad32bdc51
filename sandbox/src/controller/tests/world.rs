//! A Fleet API in memory, members without servers, and a controller between them.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::super::cache::Kind;
use super::super::pass::{FleetApi, Refusal, Write};
use super::super::runtime::Observed;
use super::super::{AnyVSwitch, ControllerHandle, Generation, SharedParts, VSwitches, shared, start};
use crate::alb::{AlbCloud, AlbState, Listener, ListenerKey, LoadBalancer, Protocol};
use crate::members::{FleetMembers, ServiceLookup, ServiceRegistry};

/// One observed second in these tests.
pub(super) const SCALE: f64 = 0.02;
const DEADLINE: Duration = Duration::from_secs(20);

type Id = (Kind, String, String);

#[derive(Default)]
struct Store {
    objects: BTreeMap<Id, Value>,
    events: BTreeMap<String, Value>,
    log: Vec<String>,
    version: u64,
}

pub(super) struct FakeFleet {
    store: Mutex<Store>,
    sender: mpsc::UnboundedSender<Observed>,
}

fn at<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let target = target.as_object_mut().expect("object");
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

impl FakeFleet {
    fn kind(object: &Value) -> Kind {
        match at(object, "/kind") {
            "AlbConfig" => Kind::AlbConfig,
            "IngressClass" => Kind::IngressClass,
            "Ingress" => Kind::Ingress,
            "Secret" => Kind::Secret,
            other => panic!("kind {other}"),
        }
    }

    /// What a user's apply does: spec, annotations and data are replaced, the rest stays.
    fn apply(&self, object: &Value) {
        let mut store = self.store.lock().expect("store");
        store.version += 1;
        let id =
            (Self::kind(object), at(object, "/metadata/namespace").to_owned(), at(object, "/metadata/name").to_owned());
        let mut stored = object.clone();
        let version = store.version;
        if let Some(before) = store.objects.get(&id) {
            for pointer in ["labels", "finalizers", "uid", "generation"] {
                if let Some(value) = before["metadata"].get(pointer) {
                    stored["metadata"][pointer] = value.clone();
                }
            }
            stored["status"] = before["status"].clone();
            if before["spec"] != stored["spec"] {
                stored["metadata"]["generation"] = json!(before["metadata"]["generation"].as_u64().unwrap_or(1) + 1);
            }
        } else {
            stored["metadata"]["uid"] = json!(format!("uid-{version}"));
            stored["metadata"]["generation"] = json!(1);
        }
        stored["metadata"]["resourceVersion"] = json!(version.to_string());
        self.put(&mut store, id, stored);
    }

    fn put(&self, store: &mut Store, id: Id, object: Value) {
        let kind = id.0;
        if object["metadata"]["deletionTimestamp"].is_string()
            && object["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty)
        {
            store.objects.remove(&id);
            drop(self.sender.send(Observed::Deleted(kind, object)));
        } else {
            store.objects.insert(id, object.clone());
            drop(self.sender.send(Observed::Upserted(kind, object)));
        }
    }

    fn change(&self, kind: Kind, namespace: &str, name: &str, change: impl FnOnce(&mut Value)) -> Result<(), Refusal> {
        let mut store = self.store.lock().expect("store");
        let id = (kind, namespace.to_owned(), name.to_owned());
        let Some(before) = store.objects.get(&id).cloned() else {
            return Err(Refusal { code: 404, message: format!("{name} not found") });
        };
        let mut after = before.clone();
        change(&mut after);
        if after != before {
            store.version += 1;
            if after["spec"] != before["spec"] {
                after["metadata"]["generation"] = json!(before["metadata"]["generation"].as_u64().unwrap_or(1) + 1);
            }
            after["metadata"]["resourceVersion"] = json!(store.version.to_string());
            self.put(&mut store, id, after);
        }
        Ok(())
    }

    fn note(&self, line: String) {
        self.store.lock().expect("store").log.push(line);
    }

    fn answer(&self, write: Write) -> Result<(), Refusal> {
        match write {
            Write::PutAlbConfig { name, body } => {
                self.note(format!("put {name}"));
                let stale = {
                    let store = self.store.lock().expect("store");
                    let stored = store.objects.get(&(Kind::AlbConfig, String::new(), name.clone()));
                    stored.is_some_and(|stored| {
                        stored["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]
                    })
                };
                if stale {
                    let message = format!(
                        "Operation cannot be fulfilled on albconfigs.alibabacloud.com \"{name}\": the object has been \
                         modified; please apply your changes to the latest version and try again"
                    );
                    return Err(Refusal { code: 409, message });
                }
                self.change(Kind::AlbConfig, "", &name, |object| object["spec"] = body["spec"].clone())
            }
            Write::PatchAlbConfig { name, patch } => {
                let field = if patch["metadata"].get("labels").is_some() { "label" } else { "finalizer" };
                self.note(format!("{field} AlbConfig {name}"));
                self.change(Kind::AlbConfig, "", &name, |object| merge(object, &patch))
            }
            Write::PatchAlbConfigStatus { name, patch } => {
                self.note(format!("status AlbConfig {name}"));
                self.change(Kind::AlbConfig, "", &name, |object| merge(object, &patch))
            }
            Write::PatchIngressStatus { namespace, name, patch } => {
                let field = if patch.get("status").is_some() { "status" } else { "label" };
                self.note(format!("{field} Ingress {name}"));
                self.change(Kind::Ingress, &namespace, &name, |object| merge(object, &patch))
            }
            Write::CreateEvent { body, .. } => {
                self.event(&body);
                let mut store = self.store.lock().expect("store");
                store.events.insert(at(&body, "/metadata/name").to_owned(), body);
                Ok(())
            }
            Write::PatchEvent { name, patch, .. } => {
                let mut store = self.store.lock().expect("store");
                let event = store.events.get_mut(&name).expect("event");
                merge(event, &patch);
                let event = event.clone();
                drop(store);
                self.event(&event);
                Ok(())
            }
        }
    }

    fn event(&self, event: &Value) {
        let (kind, reason) = (at(event, "/involvedObject/kind"), at(event, "/reason"));
        self.note(format!("{reason} {kind} {}", at(event, "/involvedObject/name")));
    }
}

impl FleetApi for FakeFleet {
    fn write(&self, write: Write) -> Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + '_>> {
        let answer = self.answer(write);
        Box::pin(async move { answer })
    }
}

/// Cluster, namespace, Service and port.
type ServicePort = (String, String, String, u16);

/// Member clusters as a table, all attached unless told otherwise.
#[derive(Default)]
pub(super) struct Registry {
    services: Mutex<BTreeMap<ServicePort, Vec<SocketAddr>>>,
    detached: Mutex<BTreeSet<String>>,
    changed: watch::Sender<u64>,
}

impl Registry {
    pub(super) fn add(&self, cluster: &str, service: &str, port: u16) {
        let mut services = self.services.lock().expect("services");
        let address = SocketAddr::from(([127, 0, 0, 1], 30000 + u16::try_from(services.len()).expect("few")));
        services.insert((cluster.to_owned(), "gateway-demo".to_owned(), service.to_owned(), port), vec![address]);
        drop(services);
        self.changed.send_modify(|revision| *revision += 1);
    }

    /// A Service whose Pods are not there yet.
    pub(super) fn add_without_endpoints(&self, cluster: &str, service: &str, port: u16) {
        let key = (cluster.to_owned(), "gateway-demo".to_owned(), service.to_owned(), port);
        self.services.lock().expect("services").insert(key, Vec::new());
        self.changed.send_modify(|revision| *revision += 1);
    }

    pub(super) fn remove(&self, cluster: &str, service: &str) {
        self.services.lock().expect("services").retain(|(id, _, name, _), _| id != cluster || name != service);
        self.changed.send_modify(|revision| *revision += 1);
    }

    pub(super) fn detach(&self, cluster: &str) {
        self.detached.lock().expect("detached").insert(cluster.to_owned());
        self.changed.send_modify(|revision| *revision += 1);
    }
}

impl ServiceRegistry for Registry {
    fn lookup(&self, cluster_id: &str, namespace: &str, service: &str, port: u16) -> ServiceLookup {
        let services = self.services.lock().expect("services");
        let mut known = false;
        for ((id, ns, name, number), addresses) in services.iter() {
            if id == cluster_id && ns == namespace && name == service {
                known = true;
                if *number == port {
                    return ServiceLookup::Endpoints(addresses.clone());
                }
            }
        }
        if known { ServiceLookup::NoPort } else { ServiceLookup::NoService }
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

impl FleetMembers for Registry {
    fn is_attached(&self, cluster_id: &str) -> bool {
        !self.detached.lock().expect("detached").contains(cluster_id)
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

pub(super) struct World {
    pub(super) fleet: Arc<FakeFleet>,
    pub(super) cloud: Arc<AlbCloud>,
    pub(super) registry: Arc<Registry>,
    pub(super) handle: ControllerHandle,
}

impl World {
    pub(super) fn start(generation: Generation) -> Self {
        Self::with_network(generation, Arc::new(AnyVSwitch))
    }

    pub(super) fn with_network(generation: Generation, vswitches: Arc<dyn VSwitches>) -> Self {
        let cloud = Arc::new(AlbCloud::new("cn-hangzhou"));
        let registry = Arc::new(Registry::default());
        registry.add("c1", "grpc-service", 50051);
        registry.add("c2", "grpc-service", 50051);
        let (sender, observed) = mpsc::unbounded_channel();
        for kind in [Kind::IngressClass, Kind::Secret, Kind::AlbConfig, Kind::Ingress] {
            sender.send(Observed::Listed(kind, Vec::new())).expect("controller");
        }
        let fleet = Arc::new(FakeFleet { store: Mutex::default(), sender });
        let shared = shared(SharedParts {
            generation,
            scale: SCALE,
            cluster_id: "c0fleet".to_owned(),
            hostname: "localhost".to_owned(),
            cloud: Arc::clone(&cloud),
            fleet: Arc::clone(&registry) as Arc<dyn FleetMembers>,
            services: Arc::clone(&registry) as Arc<dyn ServiceRegistry>,
            vswitches,
            api: Arc::clone(&fleet) as Arc<dyn FleetApi>,
        });
        let handle = start(shared, observed);
        Self { fleet, cloud, registry, handle }
    }

    /// The walkthrough up to the Ingress, with the address there and everything quiet.
    pub(super) async fn published(generation: Generation) -> Self {
        let world = Self::start(generation);
        world.apply(&class());
        world.apply(&secret("grpc-secret", "grpc.example.com"));
        world.apply(&albconfig());
        world.apply(&ingress());
        world.until("an address", || world.hostname("grpc-ingress").is_some()).await;
        let passes = if generation == Generation::OpenSource { 3 } else { 2 };
        world
            .until("the passes after it", || world.events("AlbConfig gw", "SuccessfullyReconciled", "") >= passes)
            .await;
        world
    }

    pub(super) fn apply(&self, object: &Value) {
        self.fleet.apply(object);
    }

    /// Applies the walkthrough's Ingress with one change.
    pub(super) fn edit_ingress(&self, change: impl FnOnce(&mut Value)) {
        let mut object = ingress();
        change(&mut object);
        self.apply(&object);
    }

    pub(super) fn edit_albconfig(&self, change: impl FnOnce(&mut Value)) {
        let mut object = albconfig();
        change(&mut object);
        self.apply(&object);
    }

    pub(super) fn delete(&self, kind: Kind, namespace: &str, name: &str) {
        let gone = self.fleet.change(kind, namespace, name, |object| {
            object["metadata"]["deletionTimestamp"] = json!("2026-11-23T18:15:43Z");
        });
        gone.expect("object");
    }

    pub(super) fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<Value> {
        let store = self.fleet.store.lock().expect("store");
        store.objects.get(&(kind, namespace.to_owned(), name.to_owned())).cloned()
    }

    pub(super) fn the_albconfig(&self) -> Value {
        self.get(Kind::AlbConfig, "", "gw").expect("AlbConfig")
    }

    pub(super) fn hostname(&self, ingress: &str) -> Option<String> {
        let object = self.get(Kind::Ingress, "gateway-demo", ingress)?;
        object.pointer("/status/loadBalancer/ingress/0/hostname").and_then(Value::as_str).map(str::to_owned)
    }

    /// How often an Event was recorded: object as `Kind name`, reason (any if empty), part of the message.
    pub(super) fn events(&self, object: &str, reason: &str, message: &str) -> u64 {
        let store = self.fleet.store.lock().expect("store");
        let fitting = store.events.values().filter(|event| {
            let about = format!("{} {}", at(event, "/involvedObject/kind"), at(event, "/involvedObject/name"));
            let fits = reason.is_empty() || at(event, "/reason") == reason;
            about == object && fits && at(event, "/message").contains(message)
        });
        fitting.map(|event| event["count"].as_u64().unwrap_or(0)).sum()
    }

    pub(super) fn event_objects(&self) -> Vec<Value> {
        self.fleet.store.lock().expect("store").events.values().cloned().collect()
    }

    pub(super) fn log(&self) -> Vec<String> {
        self.fleet.store.lock().expect("store").log.clone()
    }

    pub(super) fn state(&self) -> Arc<AlbState> {
        self.cloud.snapshot()
    }

    pub(super) fn balancer(&self) -> LoadBalancer {
        self.state().load_balancers.values().next().expect("load balancer").clone()
    }

    pub(super) fn listener(&self, port: u16, protocol: Protocol) -> Option<Listener> {
        let state = self.state();
        let balancer = state.load_balancers.values().next()?;
        balancer.listeners.get(&ListenerKey { port, protocol }).cloned()
    }

    pub(super) async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let reached = async {
            while !condition() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        if tokio::time::timeout(DEADLINE, reached).await.is_err() {
            panic!("no {what}.\nlog: {:#?}\nevents: {:#?}", self.log(), self.event_objects());
        }
    }

    /// Makes sure the controller went through everything sent so far and one more pass of another AlbConfig: what has
    /// not happened by then was not set off.
    pub(super) async fn settled(&self, marker: &str) {
        let mut other = albconfig();
        other["metadata"]["name"] = json!(marker);
        other["spec"]["listeners"] = json!([{"port": 80, "protocol": "HTTP"}]);
        self.apply(&other);
        let about = format!("AlbConfig {marker}");
        self.until("marker pass", || self.events(&about, "SuccessfullyReconciled", "") > 0).await;
    }
}

pub(super) fn class() -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "alb"},
        "spec": {"controller": "ingress.k8s.alibabacloud/alb",
            "parameters": {"apiGroup": "alibabacloud.com", "kind": "AlbConfig", "name": "gw", "scope": "Cluster"}},
    })
}

pub(super) fn albconfig() -> Value {
    json!({
        "apiVersion": "alibabacloud.com/v1", "kind": "AlbConfig",
        "metadata": {"name": "gw", "annotations": {"alb.ingress.kubernetes.io/remote-clusters": "c1,c2"}},
        "spec": {
            "config": {"name": "one-alb-demo", "addressType": "Internet", "addressAllocatedMode": "Fixed",
                "zoneMappings": [{"vSwitchId": "vsw-h"}, {"vSwitchId": "vsw-i"}]},
            "listeners": [{"port": 8001, "protocol": "HTTP"}, {"port": 443, "protocol": "HTTPS"}],
        },
    })
}

pub(super) fn ingress() -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "grpc-ingress", "namespace": "gateway-demo", "annotations": {
            "alb.ingress.kubernetes.io/listen-ports": "[{\"HTTPS\": 443}]\n",
            "alb.ingress.kubernetes.io/backend-protocol": "grpc",
        }},
        "spec": {
            "ingressClassName": "alb",
            "rules": [{"host": "grpc.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix",
                "backend": {"service": {"name": "grpc-service", "port": {"number": 50051}}}}]}}],
            "tls": [{"hosts": ["grpc.example.com"], "secretName": "grpc-secret"}],
        },
    })
}

pub(super) fn secret(name: &str, host: &str) -> Value {
    use base64::Engine;

    let mut params = rcgen::CertificateParams::new(vec![host.to_owned()]).expect("params");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, host);
    let key = rcgen::KeyPair::generate().expect("key");
    let encode = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": name, "namespace": "gateway-demo"},
        "data": {"tls.crt": encode(params.self_signed(&key).expect("certificate").pem()), "tls.key": encode(key.serialize_pem())},
    })
}
