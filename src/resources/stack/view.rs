//! AlbConfigs and Ingresses as the rules see them: only what the rules need, read the way the controller reads it.
//!
//! Made from live objects by the loader and from planned ones by the resources. What a plan does not know yet is `None`,
//! and rules that need it are silent. Facts: AlbConfig fields, Ingress annotations and how listen ports are derived (ALB
//! Ingress configuration dictionary; open-source controller).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::framework::value::Value;
use crate::kubernetes::{Kind, ObjectRef};
use crate::resources::kubernetes_attributes::{ALB_PREFIX, CLASS_ANNOTATION, REMOTE_CLUSTERS};

/// Where an Ingress without an explicit `order` stands.
const DEFAULT_ORDER: i64 = 10;

/// An AlbConfig.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gateway {
    pub(crate) name: String,
    /// By `<port>/<PROTOCOL>`.
    pub(crate) listeners: Option<BTreeMap<String, Listener>>,
    /// ID of its load balancer, once there is one.
    pub(crate) load_balancer: Option<String>,
    /// IDs of the members it routes to.
    pub(crate) clusters: Option<BTreeSet<String>>,
}

/// A listener of an AlbConfig.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listener {
    /// Whether HTTP/2 is switched off explicitly.
    pub(crate) without_http2: bool,
    /// Certificates by ID.
    pub(crate) certificates: Option<Vec<String>>,
    /// Whether it has a default certificate of its own.
    pub(crate) default_certificate: bool,
    /// The ID of that one, if it goes by one.
    pub(crate) default_certificate_id: Option<String>,
}

/// Which part of an Ingress is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ingress {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) class: Option<String>,
    pub(crate) grpc: bool,
    pub(crate) ssl_redirect: bool,
    /// Listeners that carry it, as `<port>/<PROTOCOL>`.
    pub(crate) ports: Option<BTreeSet<String>>,
    pub(crate) order: Option<Order>,
    pub(crate) routes: Option<Vec<Route>>,
    pub(crate) tls: Option<Vec<Tls>>,
    pub(crate) canary: Option<Canary>,
    /// Whether custom conditions narrow its routes, or may do so.
    pub(crate) conditional: bool,
}

/// Its place among the Ingresses of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order {
    pub(crate) number: i64,
    pub(crate) explicit: bool,
}

/// A host with a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// In lower case; `None` is any host.
    pub(crate) host: Option<String>,
    pub(crate) path: String,
    pub(crate) path_type: String,
    /// The Service behind it; `None` for an action.
    pub(crate) service: Option<String>,
    /// Index of the rule, and of the path in it.
    pub(crate) at: (usize, usize),
}

/// An entry of `tls`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tls {
    /// In lower case.
    pub(crate) hosts: BTreeSet<String>,
    pub(crate) secret_name: Option<String>,
}

/// What a canary goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Canary {
    /// A share of the requests: no rule of its own.
    Weight,
    /// A header or cookie: a rule of its own, which must come before its twin's.
    Match,
}

impl Gateway {
    /// From a live AlbConfig, or one that is to be written.
    pub(crate) fn of(name: &str, object: &Json) -> Self {
        let listeners = object.pointer("/spec/listeners").and_then(Json::as_array);
        let load_balancer =
            object.pointer("/status/loadBalancer/id").and_then(Json::as_str).filter(|id| !id.is_empty());
        Self {
            name: name.to_owned(),
            listeners: Some(listeners.into_iter().flatten().filter_map(listener).collect()),
            load_balancer: load_balancer.map(str::to_owned),
            clusters: Some(clusters(object)),
        }
    }

    /// Forgets what a plan does not know, and keeps certificates in the order of the configuration: `planned` is the
    /// planned gateway.
    pub(crate) fn without_unknowns(mut self, planned: &Value) -> Self {
        if !planned.attr("remote_clusters").is_wholly_known() {
            self.clusters = None;
        }
        let listeners = &planned.attr("listeners");
        let Some(entries) = listeners.as_map() else {
            // A null map has no listeners; an unknown one may have any.
            if !listeners.is_wholly_known() {
                self.listeners = None;
            }
            return self;
        };
        for (key, entry) in entries {
            let listener = self.listeners.get_or_insert_default().entry(key.clone()).or_default();
            if entry.is_wholly_known() {
                let certificates = entry.attr("certificates");
                let ids = certificates.as_list().into_iter().flatten().map(|one| one.attr("certificate_id"));
                listener.certificates = Some(ids.filter_map(|id| id.as_str().map(str::to_owned)).collect());
            } else {
                listener.certificates = None;
                listener.default_certificate_id = None;
                listener.without_http2 &= entry.attr("http2_enabled").is_wholly_known();
            }
        }
        self
    }

    /// One of its listeners, if it is known to have it.
    pub(crate) fn listener(&self, port: &str) -> Option<&Listener> {
        self.listeners.as_ref()?.get(port)
    }

    /// Whether a listener names certificates by ID.
    pub(crate) fn names_certificates(&self) -> bool {
        self.listeners.iter().flatten().any(|(_, listener)| {
            listener.certificates.as_ref().is_some_and(|ids| !ids.is_empty())
                || listener.default_certificate_id.is_some()
        })
    }

    /// Its listeners, for a message.
    pub(crate) fn declared(&self) -> String {
        let names: Vec<&str> = self.listeners.iter().flatten().map(|(name, _)| name.as_str()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
}

fn clusters(object: &Json) -> BTreeSet<String> {
    let annotation = object.pointer("/metadata/annotations").and_then(|all| all.get(REMOTE_CLUSTERS)?.as_str());
    let ids = annotation.into_iter().flat_map(|list| list.split(',')).map(str::trim);
    ids.filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

/// The key of a listener as users write it, and what the rules need of it. The API accepts a port in text, and controllers a
/// protocol in small letters.
fn listener(entry: &Json) -> Option<(String, Listener)> {
    let port = entry.get("port")?;
    let port = port.as_i64().or_else(|| port.as_str()?.trim().parse().ok())?;
    let protocol = entry.get("protocol").and_then(Json::as_str).filter(|text| !text.is_empty()).unwrap_or("HTTP");
    let certificates = entry.get("certificates").and_then(Json::as_array).into_iter().flatten();
    let default = entry.get("defaultCertificate").and_then(Json::as_object).filter(|fields| !fields.is_empty());
    let listener = Listener {
        without_http2: entry.get("http2Enabled") == Some(&Json::Bool(false)),
        certificates: Some(
            certificates.filter_map(|entry| Some(entry.get("CertificateId")?.as_str()?.to_owned())).collect(),
        ),
        default_certificate: default.is_some(),
        default_certificate_id: default.and_then(|fields| Some(fields.get("certificateId")?.as_str()?.to_owned())),
    };
    Some((format!("{port}/{}", protocol.to_ascii_uppercase()), listener))
}

impl Ingress {
    /// From a live Ingress, or one that is to be written.
    pub(crate) fn of(namespace: &str, name: &str, object: &Json) -> Self {
        let annotations = Annotations(object.pointer("/metadata/annotations").unwrap_or(&Json::Null));
        let spec = object.get("spec").unwrap_or(&Json::Null);
        let class = text(spec, "ingressClassName").or_else(|| annotations.plain(CLASS_ANNOTATION));
        let routes = routes(spec);
        let tls = tls(spec);
        let ssl_redirect = annotations.is_true("ssl-redirect");
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            class: class.map(str::to_owned),
            grpc: annotations.get("backend-protocol") == Some("grpc"),
            ssl_redirect,
            ports: ports(&annotations, &routes, &tls, ssl_redirect),
            order: order(&annotations),
            routes: Some(routes),
            tls: Some(tls),
            canary: canary(&annotations),
            conditional: annotations.has_prefix("conditions."),
        }
    }

    /// Forgets what a plan does not know, by the attributes of the planned value.
    pub(crate) fn without_unknowns(mut self, planned: &Value) -> Self {
        let unknown = |name: &str| !planned.attr(name).is_wholly_known();
        if unknown("ingress_class_name") {
            self.class = None;
        }
        if unknown("listen_ports") || unknown("ssl_redirect") {
            self.ports = None;
            self.ssl_redirect = false;
        }
        if unknown("rules") {
            self.routes = None;
        }
        if unknown("tls") {
            self.tls = None;
        }
        let free = ["annotations", "extra_annotations"].into_iter().any(unknown);
        if free || unknown("order") {
            self.order = None;
        }
        let conditions = ["canary", "custom_routing"].into_iter().any(unknown);
        self.conditional |= free || conditions;
        if unknown("canary") {
            // Neither a canary nor surely none: rules about either stay silent.
            self.canary = None;
            self.routes = None;
        }
        self
    }

    /// `namespace/name`, as the controller sorts it.
    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Its name in the book of what a run stands for.
    pub(crate) fn object(&self) -> String {
        ObjectRef::namespaced(Kind::INGRESS, &self.namespace, &self.name).to_string()
    }

    /// Whether its rules come before another's.
    pub(crate) fn sorts_before(&self, other: &Self) -> Option<bool> {
        let (own, others) = (self.order?.number, other.order?.number);
        Some(own.cmp(&others).then_with(|| self.key_bytes().cmp(other.key_bytes())).is_lt())
    }

    /// The bytes of [`Ingress::key`], which is asked for too often to be made each time.
    fn key_bytes(&self) -> impl Iterator<Item = u8> {
        self.namespace.bytes().chain(std::iter::once(b'/')).chain(self.name.bytes())
    }

    /// Whether it is the Ingress of this namespace and name.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.name == other.name && self.namespace == other.namespace
    }

    /// Whether some listener carries both.
    pub(crate) fn shares_port_with(&self, other: &Self) -> bool {
        matches!((&self.ports, &other.ports), (Some(own), Some(others)) if !own.is_disjoint(others))
    }

    /// Whether it brings a certificate to a listener: a Secret, or hosts that the controller looks a certificate up for.
    pub(crate) fn brings_certificate_to(&self, port: &str) -> bool {
        let Some(ports) = &self.ports else { return true };
        let tls = self.tls.as_ref();
        ports.contains(port)
            && tls.is_none_or(|tls| {
                tls.iter().any(|entry| entry.secret_name.is_some() || !entry.hosts.is_empty())
                    || (tls.is_empty() && self.routes.iter().flatten().any(|route| route.host.is_some()))
            })
    }
}

/// Annotations of the controller.
struct Annotations<'a>(&'a Json);

impl<'a> Annotations<'a> {
    fn plain(&self, key: &str) -> Option<&'a str> {
        self.0.get(key)?.as_str()
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.plain(&format!("{ALB_PREFIX}{key}"))
    }

    /// The open-source controller also reads a few keys of nginx.
    fn is_true(&self, key: &str) -> bool {
        let value = self.plain(&format!("nginx.ingress.kubernetes.io/{key}")).or_else(|| self.get(key));
        value.is_some_and(|value| value.trim() == "true")
    }

    fn has_prefix(&self, prefix: &str) -> bool {
        let prefix = format!("{ALB_PREFIX}{prefix}");
        self.0.as_object().is_some_and(|all| all.keys().any(|key| key.starts_with(&prefix)))
    }
}

fn text<'a>(value: &'a Json, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Json::as_str).filter(|text| !text.is_empty())
}

fn order(annotations: &Annotations<'_>) -> Option<Order> {
    match annotations.get("albconfig.order").or_else(|| annotations.get("order")) {
        Some(text) => text.trim().parse().ok().map(|number| Order { number, explicit: true }),
        None => Some(Order { number: DEFAULT_ORDER, explicit: false }),
    }
}

fn canary(annotations: &Annotations<'_>) -> Option<Canary> {
    if !annotations.is_true("canary") {
        return None;
    }
    let matched = annotations.get("canary-by-header").or_else(|| annotations.get("canary-by-cookie"));
    Some(if matched.is_some() { Canary::Match } else { Canary::Weight })
}

fn routes(spec: &Json) -> Vec<Route> {
    let rules = spec.get("rules").and_then(Json::as_array).into_iter().flatten().enumerate();
    let mut routes = Vec::new();
    for (index, rule) in rules {
        let host = text(rule, "host").map(str::to_ascii_lowercase);
        let paths = rule.pointer("/http/paths").and_then(Json::as_array).into_iter().flatten();
        routes.extend(paths.enumerate().map(|(number, path)| Route {
            host: host.clone(),
            path: text(path, "path").unwrap_or("/").to_owned(),
            path_type: text(path, "pathType").unwrap_or("Prefix").to_owned(),
            service: service(path).map(str::to_owned),
            at: (index, number),
        }));
    }
    routes
}

/// A port by the name `use-annotation` says that the backend is an action.
fn service(path: &Json) -> Option<&str> {
    let backend = path.pointer("/backend/service")?;
    let is_action = backend.pointer("/port/name").and_then(Json::as_str) == Some("use-annotation");
    text(backend, "name").filter(|_| !is_action)
}

fn tls(spec: &Json) -> Vec<Tls> {
    let entries = spec.get("tls").and_then(Json::as_array).into_iter().flatten();
    let hosts = |entry: &Json| {
        let hosts = entry.get("hosts").and_then(Json::as_array).into_iter().flatten();
        hosts.filter_map(Json::as_str).map(str::to_ascii_lowercase).collect()
    };
    entries
        .map(|entry| Tls { hosts: hosts(entry), secret_name: text(entry, "secretName").map(str::to_owned) })
        .collect()
}

/// The annotation decides; without it TLS hosts do. A text that cannot be read says nothing.
fn ports(annotations: &Annotations<'_>, routes: &[Route], tls: &[Tls], ssl_redirect: bool) -> Option<BTreeSet<String>> {
    let mut ports: BTreeSet<String> = match annotations.get("listen-ports") {
        Some(text) => {
            let pairs: Vec<BTreeMap<String, u16>> = serde_json::from_str(text).ok()?;
            pairs.into_iter().flatten().map(|(protocol, port)| format!("{port}/{protocol}")).collect()
        }
        None => {
            let covered: BTreeSet<&String> = tls.iter().flat_map(|entry| &entry.hosts).collect();
            let all = routes.iter().all(|route| route.host.as_ref().is_some_and(|host| covered.contains(host)));
            let mut ports = BTreeSet::new();
            if !covered.is_empty() {
                ports.insert("443/HTTPS".to_owned());
            }
            if covered.is_empty() || !all {
                ports.insert("80/HTTP".to_owned());
            }
            ports
        }
    };
    if ssl_redirect {
        ports.insert("80/HTTP".to_owned());
    }
    Some(ports)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resources::testing::{recorded, value};

    #[test]
    fn the_recorded_objects_are_read_as_the_controller_read_them() {
        let gateway = Gateway::of("ackone-gateway-demo", &recorded("AlbConfig"));
        let listeners = gateway.listeners.clone().unwrap();
        assert_eq!(listeners.keys().collect::<Vec<_>>(), ["443/HTTPS", "8001/HTTP"]);
        assert!(listeners.values().all(|listener| !listener.without_http2), "null is unset");
        assert_eq!(listeners["443/HTTPS"].certificates, Some(Vec::new()));
        let ingress = Ingress::of("gateway-demo", "grpc-ingress", &recorded("Ingress"));
        assert!(ingress.grpc && ingress.canary.is_none() && !ingress.conditional);
        assert_eq!(ingress.ports, Some(BTreeSet::from(["443/HTTPS".to_owned()])));
        assert_eq!(ingress.order, Some(Order { number: 10, explicit: false }));
        assert_eq!(ingress.tls.unwrap()[0].secret_name.as_deref(), Some("grpc-secret"));
    }

    #[test]
    fn listen_ports_are_derived_where_no_annotation_says_them() {
        let ports =
            |object: Json| Ingress::of("n", "i", &object).ports.map(|ports| ports.into_iter().collect::<Vec<_>>());
        let rule = |host: &str| json!({"host": host, "http": {"paths": [{"path": "/"}]}});
        let spec = |tls: Json| json!({"spec": {"rules": [rule("a.example")], "tls": tls}});
        assert_eq!(ports(spec(json!([]))).unwrap(), ["80/HTTP"]);
        assert_eq!(ports(spec(json!([{"hosts": ["a.example"]}]))).unwrap(), ["443/HTTPS"]);
        assert_eq!(ports(spec(json!([{"hosts": ["*.example"]}]))).unwrap(), ["443/HTTPS", "80/HTTP"], "literally");
        let mut redirecting = spec(json!([{"hosts": ["a.example"]}]));
        redirecting["metadata"]["annotations"] = json!({"alb.ingress.kubernetes.io/ssl-redirect": "true"});
        assert_eq!(ports(redirecting).unwrap(), ["443/HTTPS", "80/HTTP"]);
        let damaged =
            json!({"metadata": {"annotations": {"alb.ingress.kubernetes.io/listen-ports": "[{\"HTTPS\": \"443\"}]"}}});
        assert_eq!(ports(damaged), None);
    }

    #[test]
    fn ingresses_are_sorted_as_the_controller_sorts_them() {
        let at = |namespace: &str, name: &str, order: Option<&str>| {
            let annotations = order.map(|order| json!({"alb.ingress.kubernetes.io/order": order}));
            Ingress::of(namespace, name, &json!({"metadata": {"annotations": annotations}}))
        };
        let sorted = [at("z", "z", Some("1")), at("a-b", "x", None), at("a", "x", None), at("a", "x", Some("11"))];
        for (index, first) in sorted.iter().enumerate() {
            for second in sorted.iter().skip(index + 1) {
                assert_eq!(first.sorts_before(second), Some(true), "{} {}", first.key(), second.key());
                assert_eq!(second.sorts_before(first), Some(false), "{} {}", first.key(), second.key());
            }
        }
        assert!(sorted[1].key() < sorted[2].key(), "as texts with their slash, not part by part");
        assert_eq!(sorted[0].sorts_before(&sorted[0]), Some(false));
        assert_eq!(at("a", "x", Some("soon")).sorts_before(&sorted[0]), None);
    }

    #[test]
    fn a_listener_made_by_hand_in_small_letters_is_the_same_listener() {
        let gateway =
            Gateway::of("g", &json!({"spec": {"listeners": [{"port": "443", "protocol": "https"}, {"port": 80}]}}));
        assert_eq!(gateway.listeners.unwrap().into_keys().collect::<Vec<_>>(), ["443/HTTPS", "80/HTTP"]);
    }

    #[test]
    fn what_a_plan_does_not_know_is_forgotten() {
        let written = json!({"spec": {"listeners": [{"port": 443, "protocol": "HTTPS", "http2Enabled": false}]}});
        let gateway = Gateway::of("g", &written);
        assert_eq!(gateway.clone().without_unknowns(&value(&json!({"listeners": "(unknown)"}))).listeners, None);
        let half = value(&json!({"listeners": {"443/HTTPS": {"http2_enabled": false, "certificates": "(unknown)"}}}));
        let half = gateway.without_unknowns(&half);
        let listener = half.listener("443/HTTPS").unwrap();
        assert_eq!((listener.without_http2, &listener.certificates), (true, &None));

        let ingress = Ingress::of("n", "i", &json!({"spec": {"rules": [{"host": "a"}]}}));
        let planned =
            value(&json!({"rules": "(unknown)", "tls": [{"hosts": "(unknown)"}], "listen_ports": ["443/HTTPS"]}));
        let ingress = ingress.without_unknowns(&planned);
        assert_eq!((ingress.routes, ingress.tls), (None, None));
        assert!(ingress.ports.is_some() && ingress.order.is_some());
    }
}
