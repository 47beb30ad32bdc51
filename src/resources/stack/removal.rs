//! What a member takes with it when it leaves a gateway.
//!
//! The Fleet does not know what its members run, but Argo CD in it knows what it deployed where. So there are three answers
//! for each host: another member has it, no other has it, or nothing is known. Facts: an Application says where to
//! (`spec.destination`), what (`status.resources`) and how it fares (`status.health`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::view::Gateway;
use super::{Stack, named};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::path::Path;
use crate::resources::argo_cd;

/// A Service that Argo CD deploys to a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placement {
    /// Namespace and name of the Service.
    pub(super) service: (String, String),
    /// The cluster as Argo CD names it, or the URL of its API server.
    pub(super) cluster: String,
    /// Whether the Application is healthy.
    pub(super) healthy: bool,
}

impl Placement {
    /// Of every Service of an Application.
    pub(super) fn all(application: &Json) -> Vec<Self> {
        let text = |object: &Json, pointer: &str| object.pointer(pointer).and_then(Json::as_str).map(str::to_owned);
        let destination = ["/spec/destination/name", "/spec/destination/server"];
        let Some(cluster) = destination.into_iter().find_map(|pointer| text(application, pointer)) else {
            return Vec::new();
        };
        let healthy = text(application, "/status/health/status").as_deref() == Some("Healthy");
        let resources = application.pointer("/status/resources").and_then(Json::as_array);
        let services = resources.into_iter().flatten().filter(|resource| {
            let group = text(resource, "/group").unwrap_or_default();
            group.is_empty() && text(resource, "/kind").as_deref() == Some("Service")
        });
        services
            .filter_map(|service| {
                let service = (text(service, "/namespace")?, text(service, "/name")?);
                Some(Self { service, cluster: cluster.clone(), healthy })
            })
            .collect()
    }
}

/// The members that leave a gateway, those that stay, and what leads to them.
#[derive(Clone, Debug)]
pub(super) struct Removal {
    leaving: BTreeSet<String>,
    staying: BTreeSet<String>,
    /// The Services of each host.
    hosts: BTreeMap<String, BTreeSet<(String, String)>>,
}

impl Removal {
    /// What a planned gateway takes away from the live one, which is the stack's.
    pub(super) fn of(stack: &Stack, own: &Gateway) -> Self {
        let live = stack.gateway.as_ref().and_then(|live| live.clusters.clone()).unwrap_or_default();
        let Some(staying) = own.clusters.clone() else {
            return Self { leaving: BTreeSet::new(), staying: live, hosts: BTreeMap::new() };
        };
        let mut hosts: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
        for ingress in stack.others() {
            for route in ingress.routes.iter().flatten() {
                let host = route.host.clone().unwrap_or_else(|| "*".to_owned());
                let services = hosts.entry(host).or_default();
                services.extend(route.service.clone().map(|service| (ingress.namespace.clone(), service)));
            }
        }
        hosts.retain(|_, services| !services.is_empty());
        Self { leaving: live.difference(&staying).cloned().collect(), staying, hosts }
    }

    /// Whether nothing is lost.
    pub(super) fn is_empty(&self) -> bool {
        self.leaving.is_empty() || self.hosts.is_empty()
    }

    /// What is lost, by what Argo CD has deployed.
    pub(super) fn told(&self, placements: &[Placement]) -> Diagnostics {
        let mut found = Diagnostics::new();
        let (mut lost, mut unknown) = (BTreeSet::new(), BTreeSet::new());
        for (host, services) in &self.hosts {
            for service in services {
                match self.stays(service, placements) {
                    Some(true) => {}
                    Some(false) => _ = lost.insert((host.as_str(), service)),
                    None => _ = unknown.insert((host.as_str(), service)),
                }
            }
        }
        let leaving = named(self.leaving.iter().map(String::as_str));
        let list = |hosts: &BTreeSet<(&str, &(String, String))>| {
            let texts: Vec<String> =
                hosts.iter().map(|(host, (namespace, name))| format!("{host} (Service {namespace}/{name})")).collect();
            named(texts.iter().map(String::as_str))
        };
        if !lost.is_empty() {
            found.warn(
                Path::attribute("remote_clusters"),
                "Member Alone Serves Hosts",
                format!(
                    "With {leaving} out of the gateway, Argo CD has no healthy Application in a member that stays for: {}. Their \
                     requests would find no endpoint. Deploy the Service to another member first, and apply once its Application \
                     is healthy.",
                    list(&lost)
                ),
            );
        }
        if !unknown.is_empty() {
            found.warn(
                Path::attribute("remote_clusters"),
                "Endpoints Elsewhere Unknown",
                format!(
                    "With {leaving} out of the gateway, no Application of Argo CD in the Fleet says whether a member that stays runs \
                     what these hosts lead to: {}. Make sure of that before the apply: kubectl get endpointslices in the namespace \
                     of each Service, in each member that stays.",
                    list(&unknown)
                ),
            );
        }
        found
    }

    /// Whether a member that stays serves a Service; `None` if Argo CD does not deploy it, or where is not told.
    fn stays(&self, service: &(String, String), placements: &[Placement]) -> Option<bool> {
        let here: Vec<&Placement> = placements.iter().filter(|placement| placement.service == *service).collect();
        let serves =
            |one: &&Placement| one.healthy && self.staying.iter().any(|id| argo_cd::is_cluster(&one.cluster, id));
        match here.as_slice() {
            [] => None,
            all if all.iter().any(serves) => Some(true),
            all => all.iter().all(|one| argo_cd::is_named(&one.cluster)).then_some(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::resources::stack::Ingress;

    fn gateway(clusters: &str) -> Gateway {
        let annotations = json!({"alb.ingress.kubernetes.io/remote-clusters": clusters});
        Gateway::of("demo", &json!({"metadata": {"annotations": annotations}, "spec": {}}))
    }

    fn stack(live: &str) -> Stack {
        let path =
            |service: &str| json!({"path": "/", "backend": {"service": {"name": service, "port": {"number": 1}}}});
        let rules = json!([
            {"host": "a.example", "http": {"paths": [path("one")]}},
            {"host": "b.example", "http": {"paths": [path("two")]}},
            {"host": "c.example", "http": {"paths": [
                {"path": "/", "backend": {"service": {"name": "done", "port": {"name": "use-annotation"}}}}]}},
        ]);
        let ingress = Ingress::of("ns", "demo", &json!({"spec": {"rules": rules}}));
        Stack {
            gateway: Some(Arc::new(gateway(live))),
            ingresses: Some(vec![Arc::new(ingress)]),
            secrets: BTreeMap::new(),
            told: Vec::new(),
            now: Timestamp::UNIX_EPOCH,
        }
    }

    fn application(destination: Json, health: &str, services: &[&str]) -> Vec<Placement> {
        let resource = |name: &&str| json!({"kind": "Service", "namespace": "ns", "name": name});
        let mut resources: Vec<Json> = services.iter().map(resource).collect();
        resources.push(json!({"group": "apps", "kind": "Service", "namespace": "ns", "name": "two"}));
        Placement::all(&json!({
            "spec": {"destination": destination},
            "status": {"health": {"status": health}, "resources": resources},
        }))
    }

    fn told(removal: &Removal, placements: &[Placement]) -> Vec<(String, String)> {
        removal.told(placements).into_iter().map(|one| (one.summary, one.detail)).collect()
    }

    #[test]
    fn a_host_that_nobody_else_serves_is_named_and_one_that_another_serves_is_not() {
        let removal = Removal::of(&stack("c1,c2"), &gateway("c2"));
        let both: Vec<Placement> = [
            application(json!({"name": "c1-member"}), "Healthy", &["one", "two"]),
            application(json!({"name": "c2-member"}), "Healthy", &["one"]),
        ]
        .concat();
        let found = told(&removal, &both);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, "Member Alone Serves Hosts");
        assert!(
            found[0].1.starts_with("With c1 out") && found[0].1.contains("b.example (Service ns/two)."),
            "{found:?}"
        );
    }

    #[test]
    fn what_is_not_healthy_serves_nobody() {
        let removal = Removal::of(&stack("c1,c2"), &gateway("c2"));
        let at = |health| application(json!({"name": "c2"}), health, &["one", "two"]);
        assert_eq!(told(&removal, &at("Healthy")), []);
        assert_eq!(told(&removal, &at("Degraded"))[0].0, "Member Alone Serves Hosts");
    }

    #[test]
    fn what_argo_cd_does_not_tell_is_said_to_be_unknown() {
        let removal = Removal::of(&stack("c1,c2"), &gateway("c2"));
        let found = told(&removal, &[]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "Endpoints Elsewhere Unknown");
        let by_url = application(json!({"server": "https://10.0.0.1:6443"}), "Healthy", &["one", "two"]);
        assert_eq!(told(&removal, &by_url)[0].0, "Endpoints Elsewhere Unknown");
        let other = application(json!({"name": "c21-member"}), "Healthy", &["one", "two"]);
        assert_eq!(told(&removal, &other)[0].0, "Member Alone Serves Hosts", "another cluster with a longer ID");
    }

    #[test]
    fn a_gateway_that_loses_no_member_is_not_looked_at() {
        assert!(Removal::of(&stack("c1"), &gateway("c1,c2")).is_empty());
        assert!(!Removal::of(&stack("c1,c2"), &gateway("c1")).is_empty());
        let unknown = Gateway { clusters: None, ..gateway("") };
        assert!(Removal::of(&stack("c1,c2"), &unknown).is_empty());
        assert!(Removal::of(&Stack { ingresses: None, ..stack("c1,c2") }, &gateway("c1")).is_empty());
    }
}
