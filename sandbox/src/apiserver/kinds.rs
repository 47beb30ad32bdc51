//! The built-in kinds: names and field types, after the public Kubernetes API reference. No behaviour here.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::resource::{Builtin, Resource};
use super::schema::{
    Ty, atomic_map, atomic_object, bytes, flag, int, int_or_text, keyed, list, map, object, opt_flag, opt_int,
    opt_text, root, text, time,
};

struct Names {
    group: &'static str,
    version: &'static str,
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
    short: &'static [&'static str],
    namespaced: bool,
}

fn resource(builtin: Builtin, names: Names, ty: Ty, empty: Value) -> Arc<Resource> {
    use Builtin::{Definition, EndpointSlice, Ingress, IngressClass, Namespace, Node, Service};
    Arc::new(Resource {
        group: names.group.to_owned(),
        version: names.version.to_owned(),
        plural: names.plural.to_owned(),
        singular: names.singular.to_owned(),
        kind: names.kind.to_owned(),
        list_kind: format!("{}List", names.kind),
        short_names: names.short.iter().map(|name| (*name).to_owned()).collect(),
        categories: match builtin {
            Service => vec!["all".to_owned()],
            Definition => vec!["api-extensions".to_owned()],
            _ => Vec::new(),
        },
        namespaced: names.namespaced,
        has_status: matches!(builtin, Namespace | Service | Node | Ingress | Definition),
        has_generation: matches!(builtin, Ingress | IngressClass | Definition | EndpointSlice),
        builtin: Some(builtin),
        ty,
        empty,
        columns: Vec::new(),
        validation: None,
    })
}

fn core(plural: &'static str, singular: &'static str, kind: &'static str, short: &'static [&'static str]) -> Names {
    Names { group: "", version: "v1", plural, singular, kind, short, namespaced: true }
}

fn conditions() -> Ty {
    keyed(
        [("type", None)],
        object([
            ("type", opt_text()),
            ("status", opt_text()),
            ("observedGeneration", int()),
            ("lastHeartbeatTime", time()),
            ("lastTransitionTime", time()),
            ("lastUpdateTime", time()),
            ("reason", text()),
            ("message", text()),
        ]),
    )
}

fn object_reference() -> Ty {
    atomic_object([
        ("kind", text()),
        ("namespace", text()),
        ("name", text()),
        ("uid", text()),
        ("apiVersion", text()),
        ("resourceVersion", text()),
        ("fieldPath", text()),
    ])
}

fn local_reference() -> Ty {
    atomic_object([("name", text())])
}

fn typed_local_reference() -> Ty {
    atomic_object([("apiGroup", opt_text()), ("kind", opt_text()), ("name", opt_text())])
}

fn load_balancer_status(port_error: Ty) -> Ty {
    object([(
        "ingress",
        list(object([
            ("ip", text()),
            ("hostname", text()),
            ("ipMode", opt_text()),
            ("ports", list(object([("port", opt_int()), ("protocol", opt_text()), ("error", port_error)]))),
        ])),
    )])
}

fn ingress_backend() -> Ty {
    object([
        ("service", object([("name", opt_text()), ("port", atomic_object([("name", text()), ("number", int())]))])),
        ("resource", typed_local_reference()),
    ])
}

fn namespaces_and_data() -> Vec<Arc<Resource>> {
    vec![
        resource(
            Builtin::Namespace,
            Names { namespaced: false, ..core("namespaces", "namespace", "Namespace", &["ns"]) },
            root([
                ("spec", object([("finalizers", list(text()))])),
                ("status", object([("phase", text()), ("conditions", conditions())])),
            ]),
            json!({"metadata": {}, "spec": {}, "status": {}}),
        ),
        resource(
            Builtin::Secret,
            core("secrets", "secret", "Secret", &[]),
            root([
                ("type", text()),
                ("immutable", opt_flag()),
                ("data", map(bytes())),
                ("stringData", map(opt_text())),
            ]),
            json!({"metadata": {}}),
        ),
        resource(
            Builtin::ConfigMap,
            core("configmaps", "configmap", "ConfigMap", &["cm"]),
            root([("immutable", opt_flag()), ("data", map(opt_text())), ("binaryData", map(bytes()))]),
            json!({"metadata": {}}),
        ),
        resource(
            Builtin::ServiceAccount,
            core("serviceaccounts", "serviceaccount", "ServiceAccount", &["sa"]),
            root([
                ("automountServiceAccountToken", opt_flag()),
                ("secrets", keyed([("name", None)], object_reference())),
                ("imagePullSecrets", keyed([("name", None)], local_reference())),
            ]),
            json!({"metadata": {}}),
        ),
        resource(
            Builtin::Event,
            core("events", "event", "Event", &["ev"]),
            root([
                ("involvedObject", object_reference()),
                ("reason", text()),
                ("message", text()),
                ("source", object([("component", text()), ("host", text())])),
                ("firstTimestamp", time()),
                ("lastTimestamp", time()),
                ("count", int()),
                ("type", text()),
                ("eventTime", time()),
                ("series", object([("count", int()), ("lastObservedTime", time())])),
                ("action", text()),
                ("related", object_reference()),
                ("reportingComponent", opt_text()),
                ("reportingInstance", opt_text()),
            ]),
            json!({
                "metadata": {}, "involvedObject": {}, "source": {}, "firstTimestamp": null, "lastTimestamp": null,
                "eventTime": null, "reportingComponent": "", "reportingInstance": "",
            }),
        ),
    ]
}

fn service_port() -> Ty {
    object([
        ("name", text()),
        ("protocol", text()),
        ("appProtocol", opt_text()),
        ("port", opt_int()),
        ("targetPort", int_or_text()),
        ("nodePort", int()),
    ])
}

fn traffic() -> Vec<Arc<Resource>> {
    let address = || {
        object([("ip", opt_text()), ("hostname", text()), ("nodeName", opt_text()), ("targetRef", object_reference())])
    };
    let endpoint_port =
        || object([("name", text()), ("port", opt_int()), ("protocol", text()), ("appProtocol", opt_text())]);
    vec![
        resource(
            Builtin::Service,
            core("services", "service", "Service", &["svc"]),
            root([
                (
                    "spec",
                    object([
                        ("ports", keyed([("port", None), ("protocol", Some(json!("TCP")))], service_port())),
                        ("selector", atomic_map(opt_text())),
                        ("clusterIP", text()),
                        ("clusterIPs", list(text())),
                        ("type", text()),
                        ("externalIPs", list(text())),
                        ("sessionAffinity", text()),
                        ("sessionAffinityConfig", object([("clientIP", object([("timeoutSeconds", opt_int())]))])),
                        ("loadBalancerIP", text()),
                        ("loadBalancerSourceRanges", list(text())),
                        ("externalName", text()),
                        ("externalTrafficPolicy", text()),
                        ("healthCheckNodePort", int()),
                        ("publishNotReadyAddresses", flag()),
                        ("ipFamilies", list(text())),
                        ("ipFamilyPolicy", opt_text()),
                        ("allocateLoadBalancerNodePorts", opt_flag()),
                        ("loadBalancerClass", opt_text()),
                        ("internalTrafficPolicy", opt_text()),
                        ("trafficDistribution", opt_text()),
                    ]),
                ),
                ("status", object([("loadBalancer", load_balancer_status(opt_text())), ("conditions", conditions())])),
            ]),
            json!({"metadata": {}, "spec": {}, "status": {"loadBalancer": {}}}),
        ),
        resource(
            Builtin::Endpoints,
            core("endpoints", "endpoints", "Endpoints", &["ep"]),
            root([(
                "subsets",
                list(object([
                    ("addresses", list(address())),
                    ("notReadyAddresses", list(address())),
                    ("ports", list(endpoint_port())),
                ])),
            )]),
            json!({"metadata": {}}),
        ),
        resource(
            Builtin::EndpointSlice,
            Names { group: "discovery.k8s.io", ..core("endpointslices", "endpointslice", "EndpointSlice", &[]) },
            root([("addressType", opt_text()), ("endpoints", list(Ty::Any)), ("ports", list(endpoint_port()))]),
            json!({"metadata": {}, "addressType": "", "endpoints": null, "ports": null}),
        ),
        resource(
            Builtin::Node,
            Names { namespaced: false, ..core("nodes", "node", "Node", &["no"]) },
            root([
                (
                    "spec",
                    object([
                        ("podCIDR", text()),
                        ("podCIDRs", list(text())),
                        ("providerID", text()),
                        ("unschedulable", flag()),
                        ("taints", list(Ty::Any)),
                    ]),
                ),
                (
                    "status",
                    object([
                        ("capacity", map(int_or_text())),
                        ("allocatable", map(int_or_text())),
                        ("phase", text()),
                        ("conditions", conditions()),
                        ("addresses", keyed([("type", None)], object([("type", opt_text()), ("address", opt_text())]))),
                        ("daemonEndpoints", Ty::Any),
                        ("nodeInfo", map(opt_text())),
                        ("images", list(Ty::Any)),
                    ]),
                ),
            ]),
            json!({"metadata": {}, "spec": {}, "status": {}}),
        ),
    ]
}

fn networking() -> Vec<Arc<Resource>> {
    let group = "networking.k8s.io";
    vec![
        resource(
            Builtin::Ingress,
            Names { group, ..core("ingresses", "ingress", "Ingress", &["ing"]) },
            root([
                (
                    "spec",
                    object([
                        ("ingressClassName", opt_text()),
                        ("defaultBackend", ingress_backend()),
                        ("tls", list(object([("hosts", list(text())), ("secretName", text())]))),
                        (
                            "rules",
                            list(object([
                                ("host", text()),
                                (
                                    "http",
                                    object([(
                                        "paths",
                                        list(object([
                                            ("path", text()),
                                            ("pathType", opt_text()),
                                            ("backend", ingress_backend()),
                                        ])),
                                    )]),
                                ),
                            ])),
                        ),
                    ]),
                ),
                ("status", object([("loadBalancer", load_balancer_status(opt_text()))])),
            ]),
            json!({"metadata": {}, "spec": {}, "status": {"loadBalancer": {}}}),
        ),
        resource(
            Builtin::IngressClass,
            Names { group, namespaced: false, ..core("ingressclasses", "ingressclass", "IngressClass", &[]) },
            root([(
                "spec",
                object([
                    ("controller", text()),
                    (
                        "parameters",
                        object([
                            ("apiGroup", opt_text()),
                            ("kind", opt_text()),
                            ("name", opt_text()),
                            ("scope", opt_text()),
                            ("namespace", opt_text()),
                        ]),
                    ),
                ]),
            )]),
            json!({"metadata": {}, "spec": {}}),
        ),
    ]
}

fn machinery() -> Vec<Arc<Resource>> {
    let names = || {
        object([
            ("plural", opt_text()),
            ("singular", text()),
            ("shortNames", list(text())),
            ("kind", opt_text()),
            ("listKind", text()),
            ("categories", list(text())),
        ])
    };
    vec![
        resource(
            Builtin::Lease,
            Names { group: "coordination.k8s.io", ..core("leases", "lease", "Lease", &[]) },
            root([(
                "spec",
                object([
                    ("holderIdentity", opt_text()),
                    ("leaseDurationSeconds", opt_int()),
                    ("acquireTime", time()),
                    ("renewTime", time()),
                    ("leaseTransitions", opt_int()),
                    ("strategy", opt_text()),
                    ("preferredHolder", opt_text()),
                ]),
            )]),
            json!({"metadata": {}, "spec": {}}),
        ),
        resource(
            Builtin::Definition,
            Names {
                group: "apiextensions.k8s.io",
                namespaced: false,
                ..core(
                    "customresourcedefinitions",
                    "customresourcedefinition",
                    "CustomResourceDefinition",
                    &["crd", "crds"],
                )
            },
            root([
                (
                    "spec",
                    object([
                        ("group", opt_text()),
                        ("names", names()),
                        ("scope", opt_text()),
                        ("versions", list(Ty::Any)),
                        ("conversion", Ty::Any),
                        ("preserveUnknownFields", flag()),
                    ]),
                ),
                (
                    "status",
                    object([
                        ("conditions", conditions()),
                        ("acceptedNames", names()),
                        ("storedVersions", list(text())),
                        ("observedGeneration", int()),
                    ]),
                ),
            ]),
            json!({
                "metadata": {},
                "spec": {"group": "", "names": {"plural": "", "kind": ""}, "scope": ""},
                "status": {"acceptedNames": {"plural": "", "kind": ""}},
            }),
        ),
    ]
}

/// All built-in resources, by bucket.
pub(crate) fn all() -> BTreeMap<String, Arc<Resource>> {
    [namespaces_and_data(), traffic(), networking(), machinery()]
        .into_iter()
        .flatten()
        .map(|resource| (resource.bucket(), resource))
        .collect()
}

/// Brings a built-in object into its printed form: zero values dropped, always-present fields there.
pub(crate) fn printed(resource: &Resource, object: &mut Value) {
    super::schema::normalize(&resource.ty, object);
    fill(object, &resource.empty);
}

fn fill(object: &mut Value, empty: &Value) {
    if let (Some(object), Some(empty)) = (object.as_object_mut(), empty.as_object()) {
        for (name, value) in empty {
            match object.get_mut(name) {
                Some(present) => fill(present, value),
                None => {
                    object.insert(name.clone(), value.clone());
                }
            }
        }
    }
}
