//! Tables: the columns `kubectl get` prints, computed by the server.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::meta;
use super::present::{RowObject, partial};
use super::resource::{Builtin, Resource};

/// Builds a table of objects of one resource.
pub(crate) fn table<'a>(
    resource: &Resource,
    metadata: Value,
    objects: impl Iterator<Item = &'a Value>,
    row_object: RowObject,
    now: Timestamp,
) -> Value {
    let rows: Vec<Value> = objects
        .map(|object| {
            let mut row = json!({"cells": cells(resource, object, now)});
            match row_object {
                RowObject::None => {}
                RowObject::Metadata => meta::set(&mut row, &["object"], partial(object)),
                RowObject::Object => meta::set(&mut row, &["object"], object.clone()),
            }
            row
        })
        .collect();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": columns(resource), "rows": rows,
    })
}

fn columns(resource: &Resource) -> Vec<Value> {
    let column = |name: &str, ty: &str, format: &str, priority: i64| json!({"name": name, "type": ty, "format": format, "description": "", "priority": priority});
    let text = |name: &str| column(name, "string", "", 0);
    let wide = |name: &str| column(name, "string", "", 1);
    let name = column("Name", "string", "name", 0);
    let age = text("Age");
    let Some(builtin) = resource.builtin else {
        let own = resource.columns.iter().map(|one| {
            json!({
                "name": one.name, "type": one.ty, "format": one.format, "description": one.description,
                "priority": one.priority,
            })
        });
        return std::iter::once(name).chain(own).collect();
    };
    match builtin {
        Builtin::Namespace => vec![name, text("Status"), age],
        Builtin::Secret => vec![name, text("Type"), column("Data", "string", "", 0), age],
        Builtin::ConfigMap => vec![name, text("Data"), age],
        Builtin::Service => {
            vec![name, text("Type"), text("Cluster-IP"), text("External-IP"), text("Port(s)"), age, wide("Selector")]
        }
        Builtin::Endpoints => vec![name, text("Endpoints"), age],
        Builtin::EndpointSlice => vec![name, text("AddressType"), text("Ports"), text("Endpoints"), age],
        Builtin::Event => vec![
            text("Last Seen"),
            text("Type"),
            text("Reason"),
            text("Object"),
            wide("Subobject"),
            wide("Source"),
            text("Message"),
            wide("First Seen"),
            wide("Count"),
            column("Name", "string", "name", 1),
        ],
        Builtin::ServiceAccount => vec![name, text("Secrets"), age],
        Builtin::Node => vec![name, text("Status"), text("Roles"), age, text("Version")],
        Builtin::Ingress => vec![name, text("Class"), text("Hosts"), text("Address"), text("Ports"), age],
        Builtin::IngressClass => vec![name, text("Controller"), text("Parameters"), age],
        Builtin::Lease => vec![name, text("Holder"), age],
        Builtin::Definition => vec![name, column("Created At", "date", "", 0)],
    }
}

fn cells(resource: &Resource, object: &Value, now: Timestamp) -> Vec<Value> {
    let name = json!(meta::name(object));
    let age = json!(age(meta::text(object, &["metadata", "creationTimestamp"]), now));
    let Some(builtin) = resource.builtin else {
        let own = resource.columns.iter().map(|column| {
            let found = json_path(object, &column.json_path);
            match (found, column.ty.as_str()) {
                (None, _) if column.ty == "date" => json!("<unknown>"),
                (None, _) => Value::Null,
                (Some(value), "date") => json!(self::age(value.as_str().unwrap_or_default(), now)),
                (Some(Value::String(text)), _) => json!(text),
                (Some(value), "string") => json!(value.to_string()),
                (Some(value), _) => value.clone(),
            }
        });
        return std::iter::once(name).chain(own).collect();
    };
    let or_none = |text: &str| if text.is_empty() { json!("<none>") } else { json!(text) };
    match builtin {
        Builtin::Namespace => vec![name, json!(meta::text(object, &["status", "phase"])), age],
        Builtin::Secret => {
            vec![name, json!(meta::text(object, &["type"])), json!(count(object, &["data"])), age]
        }
        Builtin::ConfigMap => {
            vec![name, json!(count(object, &["data"]) + count(object, &["binaryData"])), age]
        }
        Builtin::Service => service_cells(object, name, age),
        Builtin::Endpoints => vec![name, or_none(&endpoints_text(object)), age],
        Builtin::EndpointSlice => {
            vec![name, json!(meta::text(object, &["addressType"])), json!("<unset>"), json!("<unset>"), age]
        }
        Builtin::Event => event_cells(object, name, now),
        Builtin::ServiceAccount => vec![name, json!(meta::list(object, &["secrets"]).len()), age],
        Builtin::Node => vec![
            name,
            json!(node_status(object)),
            json!("<none>"),
            age,
            json!(meta::text(object, &["status", "nodeInfo", "kubeletVersion"])),
        ],
        Builtin::Ingress => {
            let class = meta::text(object, &["spec", "ingressClassName"]);
            let ports = if meta::list(object, &["spec", "tls"]).is_empty() { "80" } else { "80, 443" };
            vec![name, or_none(class), json!(hosts(object)), json!(addresses(object)), json!(ports), age]
        }
        Builtin::IngressClass => {
            let parameters = match meta::get(object, &["spec", "parameters"]) {
                None => "<none>".to_owned(),
                Some(parameters) => {
                    let group = meta::text(parameters, &["apiGroup"]);
                    let kind = meta::text(parameters, &["kind"]);
                    let suffix = if group.is_empty() { String::new() } else { format!(".{group}") };
                    format!("{kind}{suffix}/{}", meta::text(parameters, &["name"]))
                }
            };
            let is_default = meta::annotation(object, "ingressclass.kubernetes.io/is-default-class") == Some("true");
            let shown = format!("{}{}", meta::name(object), if is_default { " (default)" } else { "" });
            vec![json!(shown), json!(meta::text(object, &["spec", "controller"])), json!(parameters), age]
        }
        Builtin::Lease => vec![name, json!(meta::text(object, &["spec", "holderIdentity"])), age],
        Builtin::Definition => vec![name, json!(meta::text(object, &["metadata", "creationTimestamp"]))],
    }
}

fn count(object: &Value, path: &[&str]) -> usize {
    meta::get(object, path).and_then(Value::as_object).map_or(0, serde_json::Map::len)
}

/// Up to three hosts; the rest is counted in rules, with or without a host.
fn hosts(ingress: &Value) -> String {
    const SHOWN: usize = 3;
    let rules = meta::list(ingress, &["spec", "rules"]);
    let mut shown = Vec::new();
    let mut is_cut = false;
    for rule in rules {
        let host = meta::text(rule, &["host"]);
        is_cut |= shown.len() == SHOWN;
        if !is_cut && !host.is_empty() {
            shown.push(host);
        }
    }
    match (shown.is_empty(), is_cut) {
        (true, _) => "*".to_owned(),
        (false, true) => format!("{} + {} more...", shown.join(","), rules.len() - SHOWN),
        (false, false) => shown.join(","),
    }
}

fn addresses(object: &Value) -> String {
    let entries = meta::list(object, &["status", "loadBalancer", "ingress"]).iter().map(|entry| {
        let ip = meta::text(entry, &["ip"]);
        if ip.is_empty() { meta::text(entry, &["hostname"]) } else { ip }
    });
    let all: BTreeSet<&str> = entries.filter(|text| !text.is_empty()).collect();
    all.into_iter().collect::<Vec<_>>().join(",")
}

fn service_cells(object: &Value, name: Value, age: Value) -> Vec<Value> {
    let spec = |field: &str| meta::text(object, &["spec", field]).to_owned();
    let kind = spec("type");
    let external = match kind.as_str() {
        "ExternalName" => spec("externalName"),
        "LoadBalancer" => {
            let found = addresses(object);
            if found.is_empty() { "<pending>".to_owned() } else { found }
        }
        _ => "<none>".to_owned(),
    };
    let ports: Vec<String> = meta::list(object, &["spec", "ports"])
        .iter()
        .map(|port| {
            let node = meta::integer(port, &["nodePort"]);
            let node = if node == 0 { String::new() } else { format!(":{node}") };
            format!("{}{node}/{}", meta::integer(port, &["port"]), meta::text(port, &["protocol"]))
        })
        .collect();
    let selector: Vec<String> = meta::get(object, &["spec", "selector"])
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    let none = |text: String| if text.is_empty() { "<none>".to_owned() } else { text };
    vec![
        name,
        json!(kind),
        json!(none(spec("clusterIP"))),
        json!(external),
        json!(none(ports.join(","))),
        age,
        json!(none(selector.join(","))),
    ]
}

fn endpoints_text(object: &Value) -> String {
    let mut all = Vec::new();
    for subset in meta::list(object, &["subsets"]) {
        for address in meta::list(subset, &["addresses"]) {
            for port in meta::list(subset, &["ports"]) {
                all.push(format!("{}:{}", meta::text(address, &["ip"]), meta::integer(port, &["port"])));
            }
        }
    }
    let shown: Vec<&str> = all.iter().take(3).map(String::as_str).collect();
    let more = if all.len() > 3 { format!(" + {} more...", all.len() - 3) } else { String::new() };
    format!("{}{more}", shown.join(","))
}

fn node_status(object: &Value) -> &'static str {
    let ready = meta::list(object, &["status", "conditions"])
        .iter()
        .find(|condition| meta::text(condition, &["type"]) == "Ready")
        .map(|condition| meta::text(condition, &["status"]));
    match ready {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
}

fn event_cells(object: &Value, name: Value, now: Timestamp) -> Vec<Value> {
    let since = |field: &str| {
        let own = meta::text(object, &[field]);
        let own = if own.is_empty() { meta::text(object, &["eventTime"]) } else { own };
        age(own, now)
    };
    let about = format!(
        "{}/{}",
        meta::text(object, &["involvedObject", "kind"]).to_lowercase(),
        meta::text(object, &["involvedObject", "name"])
    );
    let component = meta::text(object, &["source", "component"]);
    let component = if component.is_empty() { meta::text(object, &["reportingComponent"]) } else { component };
    let host = meta::text(object, &["source", "host"]);
    let source = if host.is_empty() { component.to_owned() } else { format!("{component}, {host}") };
    vec![
        json!(since("lastTimestamp")),
        json!(meta::text(object, &["type"])),
        json!(meta::text(object, &["reason"])),
        json!(about),
        json!(meta::text(object, &["involvedObject", "fieldPath"])),
        json!(source),
        json!(meta::text(object, &["message"]).trim()),
        json!(since("firstTimestamp")),
        json!(meta::integer(object, &["count"]).max(1)),
        name,
    ]
}

/// The first result of a simple JSON path: fields, `[*]`, `[n]`, quoted or escaped names.
fn json_path<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut steps = vec![String::new()];
    let mut escaped = false;
    for letter in path.chars() {
        match letter {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '.' | '[' if !escaped => steps.push(String::new()),
            ']' | '\'' | '"' if !escaped => {}
            other => {
                if let Some(step) = steps.last_mut() {
                    step.push(other);
                }
            }
        }
        escaped = false;
    }
    first_result(object, &steps.iter().map(String::as_str).filter(|step| !step.is_empty()).collect::<Vec<_>>())
}

fn first_result<'a>(value: &'a Value, steps: &[&str]) -> Option<&'a Value> {
    let [first, rest @ ..] = steps else { return Some(value) };
    match value {
        Value::Array(items) if *first == "*" => items.iter().find_map(|item| first_result(item, rest)),
        Value::Array(items) => first_result(items.get(first.parse::<usize>().ok()?)?, rest),
        Value::Object(map) if *first == "*" => map.values().find_map(|item| first_result(item, rest)),
        Value::Object(map) => first_result(map.get(*first)?, rest),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// The age of a time, as kubectl shows durations.
fn age(since: &str, now: Timestamp) -> String {
    let Ok(since) = since.parse::<Timestamp>() else { return "<unknown>".to_owned() };
    human(now.as_second() - since.as_second())
}

fn human(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    let two = |big: i64, unit: &str, small: i64, part: &str| {
        if small == 0 { format!("{big}{unit}") } else { format!("{big}{unit}{small}{part}") }
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(seconds / MINUTE, "m", seconds % MINUTE, "s"),
        600..10_800 => format!("{}m", seconds / MINUTE),
        10_800..28_800 => two(seconds / HOUR, "h", seconds / MINUTE % 60, "m"),
        28_800..172_800 => format!("{}h", seconds / HOUR),
        172_800..691_200 => two(seconds / DAY, "d", seconds / HOUR % 24, "h"),
        691_200..63_072_000 => format!("{}d", seconds / DAY),
        63_072_000..252_288_000 => two(seconds / YEAR, "y", seconds / DAY % 365, "d"),
        _ => format!("{}y", seconds / YEAR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_kubectl_prints_them() {
        for (seconds, text) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (231, "3m51s"),
            (601, "10m"),
            (3 * 3600, "3h"),
            (3 * 3600 + 60, "3h1m"),
            (9 * 3600, "9h"),
            (49 * 3600, "2d1h"),
            (10 * 86_400, "10d"),
        ] {
            assert_eq!(human(seconds), text);
        }
    }

    #[test]
    fn hosts_beyond_three_are_counted() {
        let ingress = |hosts: &[&str]| {
            let rules: Vec<Value> = hosts.iter().map(|host| json!({"host": host})).collect();
            json!({"spec": {"rules": rules}})
        };
        assert_eq!(hosts(&ingress(&[""])), "*");
        assert_eq!(hosts(&ingress(&["a", "b"])), "a,b");
        assert_eq!(hosts(&ingress(&["a", "b", "c", "d", "e"])), "a,b,c + 2 more...");
    }

    #[test]
    fn a_json_path_gives_its_first_result() {
        let object = json!({"status": {"listeners": [{"a": 1}, {"port": "443/HTTPS"}, {"port": "x"}]}});
        assert_eq!(json_path(&object, ".status.listeners[*].port"), Some(&json!("443/HTTPS")));
        assert_eq!(json_path(&object, ".status.none"), None);
    }
}
