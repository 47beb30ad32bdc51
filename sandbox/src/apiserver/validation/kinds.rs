//! Rules and defaults of single built-in kinds, with the texts of the public Kubernetes validation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::names;
use crate::apiserver::resource::{Builtin, Resource};
use crate::apiserver::status::FieldError;
use crate::apiserver::{crd, meta};

const IMMUTABLE: &str = "field is immutable";
const SECRET_MOST_BYTES: usize = 1024 * 1024;
/// The annotation that named the class before there was a field for it.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

/// Fills in the defaults of a built-in kind.
pub(crate) fn default(resource: &Resource, object: &mut Value) {
    let unset = |object: &Value, path: &[&str]| meta::get(object, path).is_none();
    match resource.builtin {
        Some(Builtin::Secret) => {
            if let Some(Value::Object(plain)) = meta::remove(object, &["stringData"]) {
                for (key, value) in plain {
                    let encoded = STANDARD.encode(value.as_str().unwrap_or_default());
                    meta::set(object, &["data", &key], json!(encoded));
                }
            }
            if meta::text(object, &["type"]).is_empty() {
                meta::set(object, &["type"], json!("Opaque"));
            }
        }
        Some(Builtin::Namespace) => {
            let name = meta::name(object).to_owned();
            if !name.is_empty() {
                meta::set(object, &["metadata", "labels", "kubernetes.io/metadata.name"], json!(name));
            }
        }
        Some(Builtin::IngressClass) => {
            if meta::get(object, &["spec", "parameters"]).is_some() && unset(object, &["spec", "parameters", "scope"]) {
                meta::set(object, &["spec", "parameters", "scope"], json!("Cluster"));
            }
        }
        Some(Builtin::Service) => default_service(object),
        Some(Builtin::Definition) => crd::default_definition(object),
        Some(
            Builtin::ConfigMap
            | Builtin::Endpoints
            | Builtin::EndpointSlice
            | Builtin::Event
            | Builtin::ServiceAccount
            | Builtin::Node
            | Builtin::Ingress
            | Builtin::Lease,
        )
        | None => {}
    }
}

fn default_service(object: &mut Value) {
    for (name, value) in [("sessionAffinity", "None"), ("type", "ClusterIP"), ("internalTrafficPolicy", "Cluster")] {
        let is_elsewhere = name == "internalTrafficPolicy" && meta::text(object, &["spec", "type"]) == "ExternalName";
        if !is_elsewhere && meta::get(object, &["spec", name]).is_none() {
            meta::set(object, &["spec", name], json!(value));
        }
    }
    let is_open = matches!(meta::text(object, &["spec", "type"]), "NodePort" | "LoadBalancer");
    if is_open && meta::get(object, &["spec", "externalTrafficPolicy"]).is_none() {
        meta::set(object, &["spec", "externalTrafficPolicy"], json!("Cluster"));
    }
    let ports = object.pointer_mut("/spec/ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        if meta::text(port, &["protocol"]).is_empty() {
            meta::set(port, &["protocol"], json!("TCP"));
        }
        if port.get("targetPort").is_none_or(|value| value == &json!(0) || value == &json!("")) {
            let own = port.get("port").cloned().unwrap_or_default();
            meta::set(port, &["targetPort"], own);
        }
    }
}

/// What an object of a built-in kind violates. `old` is the stored object on update.
pub(crate) fn validate(resource: &Resource, old: Option<&Value>, new: &Value, errors: &mut Vec<FieldError>) {
    match resource.builtin {
        Some(Builtin::Secret) => data_kind(old, new, errors, true),
        Some(Builtin::ConfigMap) => data_kind(old, new, errors, false),
        Some(Builtin::Ingress) => ingress(old, new, errors),
        Some(Builtin::IngressClass) => ingress_class(old, new, errors),
        Some(Builtin::Service) => {
            let first = errors.len();
            service(new, errors);
            // The server lists a Service's faults by field.
            errors.get_mut(first..).unwrap_or_default().sort_by(|a, b| a.field.cmp(&b.field));
        }
        Some(Builtin::Definition) => definition(new, errors),
        Some(Builtin::Event) => {
            let place = meta::text(new, &["involvedObject", "namespace"]);
            let own = meta::namespace(new);
            if place != own && !(place.is_empty() && own == "default") {
                let field = "involvedObject.namespace";
                errors.push(FieldError::invalid(field, &json!(place), "does not match event.namespace"));
            }
        }
        Some(
            Builtin::Namespace
            | Builtin::Endpoints
            | Builtin::EndpointSlice
            | Builtin::ServiceAccount
            | Builtin::Node
            | Builtin::Lease,
        )
        | None => {}
    }
}

fn data_kind(old: Option<&Value>, new: &Value, errors: &mut Vec<FieldError>, is_secret: bool) {
    let mut size = 0;
    for field in ["data", "binaryData"] {
        for (key, value) in new.get(field).and_then(Value::as_object).into_iter().flatten() {
            size += value.as_str().map_or(0, str::len);
            if !names::is_data_key(key) {
                let detail = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. \
                              'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
                errors.push(FieldError::invalid(format!("{field}[{key}]"), &json!(key), detail));
            }
        }
    }
    if size * if is_secret { 3 } else { 4 } / 4 > SECRET_MOST_BYTES {
        errors.push(FieldError::too_long(if is_secret { "data" } else { "" }, SECRET_MOST_BYTES));
    }
    if is_secret {
        let required: &[&str] = match meta::text(new, &["type"]) {
            "kubernetes.io/tls" => &["tls.crt", "tls.key"],
            "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
            "kubernetes.io/dockercfg" => &[".dockercfg"],
            "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
            "kubernetes.io/basic-auth"
                if ["username", "password"].iter().all(|key| meta::get(new, &["data", key]).is_none()) =>
            {
                &["username", "password"]
            }
            _ => &[],
        };
        for key in required {
            if meta::get(new, &["data", key]).is_none() {
                errors.push(FieldError::required(format!("data[{key}]"), ""));
            }
        }
    }
    let Some(old) = old else { return };
    if is_secret && old.get("type") != new.get("type") {
        errors.push(FieldError::invalid("type", new.get("type").unwrap_or(&Value::Null), IMMUTABLE));
    }
    if old.get("immutable") == Some(&Value::Bool(true)) {
        if new.get("immutable") != Some(&Value::Bool(true)) {
            errors.push(FieldError::forbidden("immutable", "field is immutable when `immutable` is set"));
        }
        for field in ["data", "binaryData"] {
            if old.get(field) != new.get(field) {
                errors.push(FieldError::forbidden(field, "field is immutable when `immutable` is set"));
            }
        }
    }
}

fn ingress(old: Option<&Value>, new: &Value, errors: &mut Vec<FieldError>) {
    if old.is_none()
        && let Some(annotation) = meta::annotation(new, CLASS_ANNOTATION)
        && let Some(class) = meta::get(new, &["spec", "ingressClassName"])
        && class.as_str() != Some(annotation)
    {
        let detail = "must match `ingressClassName` when both are specified";
        errors.push(FieldError::invalid("annotations.kubernetes.io/ingress.class", &json!(annotation), detail));
    }
    let spec = new.get("spec").unwrap_or(&Value::Null);
    if meta::list(spec, &["rules"]).is_empty() && spec.get("defaultBackend").is_none() {
        errors.push(FieldError::invalid("spec", &Value::Null, "either `defaultBackend` or `rules` must be specified"));
    }
    if let Some(backend) = spec.get("defaultBackend") {
        ingress_backend(backend, "spec.defaultBackend", errors);
    }
    for (at, rule) in meta::list(spec, &["rules"]).iter().enumerate() {
        ingress_rule(rule, at, errors);
    }
    for (at, tls) in meta::list(spec, &["tls"]).iter().enumerate() {
        for (index, host) in meta::list(tls, &["hosts"]).iter().enumerate() {
            let text = host.as_str().unwrap_or_default();
            let field = format!("spec.tls[{at}].hosts[{index}]");
            host_errors(text, &field, errors);
        }
        let secret = meta::text(tls, &["secretName"]);
        if old.is_none() && !secret.is_empty() {
            let field = format!("spec.tls[{at}].secretName");
            let problems = names::subdomain_errors(secret);
            errors.extend(problems.iter().map(|problem| FieldError::invalid(field.clone(), &json!(secret), problem)));
        }
    }
    if let Some(class) = meta::get(spec, &["ingressClassName"]) {
        let problems = names::subdomain_errors(class.as_str().unwrap_or_default());
        errors.extend(problems.iter().map(|problem| FieldError::invalid("spec.ingressClassName", class, problem)));
    }
    for (at, entry) in meta::list(new, &["status", "loadBalancer", "ingress"]).iter().enumerate() {
        let host = meta::text(entry, &["hostname"]);
        let field = format!("status.loadBalancer.ingress[{at}].hostname");
        if !host.is_empty() {
            let problems = names::subdomain_errors(host);
            errors.extend(problems.iter().map(|text| FieldError::invalid(field.clone(), &json!(host), text)));
            if host.parse::<std::net::IpAddr>().is_ok() {
                errors.push(FieldError::invalid(field, &json!(host), "must be a DNS name, not an IP address"));
            }
        }
        let ip = meta::text(entry, &["ip"]);
        if !ip.is_empty() && ip.parse::<std::net::IpAddr>().is_err() {
            let field = format!("status.loadBalancer.ingress[{at}].ip");
            errors.push(FieldError::invalid(
                field,
                &json!(ip),
                "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            ));
        }
    }
}

fn host_errors(host: &str, field: &str, errors: &mut Vec<FieldError>) {
    let problems = if host.contains('*') { names::wildcard_errors(host) } else { names::subdomain_errors(host) };
    errors.extend(problems.iter().map(|problem| FieldError::invalid(field, &json!(host), problem)));
}

fn ingress_rule(rule: &Value, at: usize, errors: &mut Vec<FieldError>) {
    let host = meta::text(rule, &["host"]);
    if !host.is_empty() {
        let field = format!("spec.rules[{at}].host");
        if host.parse::<std::net::IpAddr>().is_ok() {
            errors.push(FieldError::invalid(field.clone(), &json!(host), "must be a DNS name, not an IP address"));
        }
        host_errors(host, &field, errors);
    }
    let Some(http) = rule.get("http") else { return };
    let paths = meta::list(http, &["paths"]);
    if paths.is_empty() {
        errors.push(FieldError::required(format!("spec.rules[{at}].http.paths"), ""));
    }
    for (index, path) in paths.iter().enumerate() {
        let field = format!("spec.rules[{at}].http.paths[{index}]");
        let text = meta::text(path, &["path"]);
        match path.get("pathType").and_then(Value::as_str) {
            None => {
                errors.push(FieldError::required(format!("{field}.pathType"), "pathType must be specified"));
                continue;
            }
            Some("Exact" | "Prefix") => {
                if !text.starts_with('/') {
                    errors.push(FieldError::invalid(format!("{field}.path"), &json!(text), "must be an absolute path"));
                }
                for bad in ["//", "/./", "/../", "%2f", "%2F"] {
                    if text.contains(bad) {
                        let detail = format!("must not contain '{bad}'");
                        errors.push(FieldError::invalid(format!("{field}.path"), &json!(text), &detail));
                    }
                }
                for bad in ["/..", "/."] {
                    if text.ends_with(bad) {
                        let detail = format!("cannot end with '{bad}'");
                        errors.push(FieldError::invalid(format!("{field}.path"), &json!(text), &detail));
                    }
                }
            }
            Some("ImplementationSpecific") => {
                if !text.is_empty() && !text.starts_with('/') {
                    errors.push(FieldError::invalid(format!("{field}.path"), &json!(text), "must be an absolute path"));
                }
            }
            Some(other) => errors.push(FieldError::not_supported(
                format!("{field}.pathType"),
                &json!(other),
                &["Exact", "ImplementationSpecific", "Prefix"],
            )),
        }
        ingress_backend(path.get("backend").unwrap_or(&Value::Null), &format!("{field}.backend"), errors);
    }
}

fn ingress_backend(backend: &Value, field: &str, errors: &mut Vec<FieldError>) {
    match (backend.get("service"), backend.get("resource")) {
        (Some(_), Some(_)) => {
            errors.push(FieldError::invalid(field, &json!(""), "cannot set both resource and service backends"));
        }
        (None, Some(_)) => {}
        (None, None) => {
            errors.push(FieldError::invalid(field, &json!(""), "resource or service backend is required"));
        }
        (Some(service), None) => {
            let name = meta::text(service, &["name"]);
            if name.is_empty() {
                errors.push(FieldError::required(format!("{field}.service.name"), ""));
            } else {
                let problems = names::label_errors(name);
                let field = format!("{field}.service.name");
                errors.extend(problems.iter().map(|text| FieldError::invalid(field.clone(), &json!(name), text)));
            }
            let number = meta::integer(service, &["port", "number"]);
            let port = meta::text(service, &["port", "name"]);
            if number == 0 && port.is_empty() {
                errors.push(FieldError::required(field, "port name or number is required"));
            } else if number != 0 && !port.is_empty() {
                let detail = "cannot set both port name & port number";
                errors.push(FieldError::invalid(field, &json!(""), detail));
            } else if port.is_empty() && !(1..=65535).contains(&number) {
                let field = format!("{field}.service.port.number");
                errors.push(FieldError::invalid(field, &json!(number), "must be between 1 and 65535, inclusive"));
            }
        }
    }
}

fn ingress_class(old: Option<&Value>, new: &Value, errors: &mut Vec<FieldError>) {
    let controller = meta::text(new, &["spec", "controller"]);
    if controller.is_empty() {
        errors.push(FieldError::required("spec.controller", ""));
    } else if controller.len() > 250 {
        errors.push(FieldError::too_long("spec.controller", 250));
    } else if controller.split_once('/').is_none_or(|(domain, path)| domain.is_empty() || path.is_empty()) {
        let detail = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        errors.push(FieldError::invalid("spec.controller", &json!(controller), detail));
    } else if let Some((domain, _)) = controller.split_once('/') {
        let problems = names::subdomain_errors(domain);
        errors.extend(problems.iter().map(|text| FieldError::invalid("spec.controller", &json!(domain), text)));
    }
    if let Some(old) = old
        && meta::text(old, &["spec", "controller"]) != controller
    {
        errors.push(FieldError::invalid("spec.controller", &json!(controller), IMMUTABLE));
    }
    let Some(parameters) = meta::get(new, &["spec", "parameters"]) else { return };
    if let Some(group) = meta::get(parameters, &["apiGroup"]) {
        let problems = names::subdomain_errors(group.as_str().unwrap_or_default());
        errors.extend(problems.iter().map(|text| FieldError::invalid("spec.parameters.apiGroup", group, text)));
    }
    for field in ["kind", "name"] {
        let (text, path) = (meta::text(parameters, &[field]), format!("spec.parameters.{field}"));
        if text.is_empty() {
            errors.push(FieldError::required(path, ""));
        } else if text.contains('/') {
            errors.push(FieldError::invalid(path, &json!(text), "may not contain '/'"));
        }
    }
    let namespace = parameters.get("namespace").and_then(Value::as_str);
    match meta::text(parameters, &["scope"]) {
        "Cluster" => {
            if namespace.is_some() {
                let detail = "`parameters.scope` is set to 'Cluster'";
                errors.push(FieldError::forbidden("spec.parameters.namespace", detail));
            }
        }
        "Namespace" => {
            if namespace.is_none_or(str::is_empty) {
                let detail = "`parameters.scope` is set to 'Namespace'";
                errors.push(FieldError::required("spec.parameters.namespace", detail));
            }
        }
        other => {
            errors.push(FieldError::not_supported("spec.parameters.scope", &json!(other), &["Cluster", "Namespace"]))
        }
    }
}

fn service(new: &Value, errors: &mut Vec<FieldError>) {
    let kind = meta::text(new, &["spec", "type"]);
    let kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    if !kinds.contains(&kind) {
        errors.push(FieldError::not_supported("spec.type", &json!(kind), &kinds));
    }
    let ports = meta::list(new, &["spec", "ports"]);
    if ports.is_empty() && kind != "ExternalName" && meta::text(new, &["spec", "clusterIP"]) != "None" {
        errors.push(FieldError::required("spec.ports", ""));
    }
    let address = meta::text(new, &["spec", "clusterIP"]);
    if !matches!(address, "" | "None") && address.parse::<std::net::IpAddr>().is_err() {
        let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        errors.push(FieldError::invalid("spec.clusterIPs[0]", &json!(address), detail));
    }
    if kind == "ExternalName" && meta::text(new, &["spec", "externalName"]).is_empty() {
        errors.push(FieldError::required("spec.externalName", ""));
    }
    let policy = meta::text(new, &["spec", "externalTrafficPolicy"]);
    if matches!(kind, "NodePort" | "LoadBalancer") && !matches!(policy, "" | "Cluster" | "Local") {
        let field = "spec.externalTrafficPolicy";
        errors.push(FieldError::not_supported(field, &json!(policy), &["Cluster", "Local"]));
    }
    for (at, port) in ports.iter().enumerate() {
        service_port_names(port, at, errors);
        let place = |port: &Value| (meta::integer(port, &["port"]), meta::text(port, &["protocol"]).to_owned());
        if ports.iter().take(at).any(|earlier| place(earlier) == place(port)) {
            let (number, protocol) = place(port);
            let shown = format!(
                "{{\"Name\":\"\",\"Protocol\":{protocol:?},\"AppProtocol\":null,\"Port\":{number},\"TargetPort\":0,\"NodePort\":0}}"
            );
            errors.push(FieldError::duplicate(format!("spec.ports[{at}]"), &shown));
        }
        let number = meta::integer(port, &["port"]);
        if !(1..=65535).contains(&number) {
            let field = format!("spec.ports[{at}].port");
            errors.push(FieldError::invalid(field, &json!(number), "must be between 1 and 65535, inclusive"));
        }
        let field = format!("spec.ports[{at}].targetPort");
        match port.get("targetPort") {
            Some(Value::Number(number)) if !number.as_i64().is_some_and(|number| (1..=65535).contains(&number)) => {
                let number = Value::Number(number.clone());
                errors.push(FieldError::invalid(field, &number, "must be between 1 and 65535, inclusive"));
            }
            Some(_) | None => {}
        }
        if ports.len() > 1 && meta::text(port, &["name"]).is_empty() {
            errors.push(FieldError::required(format!("spec.ports[{at}].name"), ""));
        }
        let protocol = meta::text(port, &["protocol"]);
        if !["TCP", "UDP", "SCTP"].contains(&protocol) {
            let field = format!("spec.ports[{at}].protocol");
            errors.push(FieldError::not_supported(field, &json!(protocol), &["SCTP", "TCP", "UDP"]));
        }
    }
}

/// The name of a Service's port, and the name of the port it leads to.
fn service_port_names(port: &Value, at: usize, errors: &mut Vec<FieldError>) {
    let name = meta::text(port, &["name"]);
    if !name.is_empty() {
        let found = names::label_errors(name);
        let field = format!("spec.ports[{at}].name");
        errors.extend(found.iter().map(|detail| FieldError::invalid(field.clone(), &json!(name), detail)));
    }
    if let Some(Value::String(target)) = port.get("targetPort") {
        let field = format!("spec.ports[{at}].targetPort");
        let found = names::port_name_errors(target);
        errors.extend(found.iter().map(|detail| FieldError::invalid(field.clone(), &json!(target), detail)));
    }
}

fn definition(new: &Value, errors: &mut Vec<FieldError>) {
    let wanted = format!("{}.{}", meta::text(new, &["spec", "names", "plural"]), meta::text(new, &["spec", "group"]));
    if meta::name(new) != wanted {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        errors.push(FieldError::invalid("metadata.name", &json!(meta::name(new)), detail));
    }
    for path in [["names", "plural"], ["names", "kind"]] {
        if meta::text(new, &["spec", path[0], path[1]]).is_empty() {
            errors.push(FieldError::required(format!("spec.{}.{}", path[0], path[1]), ""));
        }
    }
    let scope = meta::text(new, &["spec", "scope"]);
    if !["Cluster", "Namespaced"].contains(&scope) {
        errors.push(FieldError::not_supported("spec.scope", &json!(scope), &["Cluster", "Namespaced"]));
    }
    let versions = meta::list(new, &["spec", "versions"]);
    let stored = versions.iter().filter(|one| one.get("storage") == Some(&Value::Bool(true))).count();
    if stored != 1 {
        let detail = "must have exactly one version marked as storage version";
        errors.push(FieldError::invalid("spec.versions", &json!(versions), detail));
    }
    for (at, version) in versions.iter().enumerate() {
        if meta::get(version, &["schema", "openAPIV3Schema"]).is_none() {
            let field = format!("spec.versions[{at}].schema.openAPIV3Schema");
            errors.push(FieldError::required(field, "schemas are required"));
        }
    }
}
