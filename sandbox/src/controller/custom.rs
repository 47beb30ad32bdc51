//! Custom conditions and actions: the `conditions.<service>` and `actions.<service>` annotations of an Ingress.
//!
//! Called by `build.rs` for each path. Pure. Spelling, limits and texts follow Alibaba Cloud's public documentation of
//! custom routing for ALB Ingress; JSON keys are matched without regard to case, as Go's decoder does.

use serde_json::Value;

use super::objects::Ingress;
use crate::alb::{Action, Condition, KeyValue, RedirectConfig};

/// What the annotations add to the rules of one backend service.
#[derive(Debug, Default)]
pub(super) struct Customization {
    pub(super) conditions: Vec<Condition>,
    pub(super) actions: Vec<Custom>,
}

/// An action, by the place it takes in a rule.
#[derive(Debug)]
pub(super) enum Custom {
    /// Service, port and weight of each group.
    Forward(Vec<(String, u16, u32)>),
    /// Ends the rule.
    Final(Action),
    /// Comes before the end.
    Extension(Action),
}

/// Whether the action limits traffic.
pub(super) fn is_limit(action: &Custom) -> bool {
    matches!(action, Custom::Extension(Action::TrafficLimit { .. }))
}

/// Reads the annotations for one backend service; others are silently ignored.
///
/// # Errors
///
/// The controller's text for JSON it cannot read or a type it does not know.
pub(super) fn read(ingress: &Ingress, service: &str) -> Result<Customization, String> {
    let blocks = |key: &str| match ingress.meta.trimmed(&format!("{key}.{service}")) {
        None => Ok(Vec::new()),
        Some(text) => serde_json::from_str::<Vec<Value>>(&text).map_err(|error| error.to_string()),
    };
    match ingress.meta.trimmed(&format!("rule-direction.{service}")).as_deref() {
        None | Some("Request" | "Response") => {}
        Some(other) => return Err(format!("readDirection Failed(unknown direction type): {other}")),
    }
    let mut custom = Customization::default();
    for block in blocks("conditions")? {
        custom.conditions.extend(condition(&block)?);
    }
    for block in blocks("actions")? {
        custom.actions.extend(action(&block)?);
    }
    let place = |action: &Custom| match action {
        Custom::Extension(Action::TrafficLimit { .. }) => 0,
        Custom::Extension(_) => 1,
        Custom::Forward(_) | Custom::Final(_) => 2,
    };
    custom.actions.sort_by_key(place);
    Ok(custom)
}

/// Adds custom conditions to a rule's own: host and path values are alternatives to the rule's, the rest is required
/// as well.
pub(super) fn merge_conditions(own: &mut Vec<Condition>, custom: Vec<Condition>) {
    for condition in custom {
        let merged = own.iter_mut().any(|present| match (present, &condition) {
            (Condition::Host { values }, Condition::Host { values: more })
            | (Condition::Path { values }, Condition::Path { values: more }) => {
                values.extend(more.iter().cloned());
                true
            }
            _ => false,
        });
        if !merged {
            own.push(condition);
        }
    }
}

fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn word(value: &Value, name: &str) -> String {
    field(value, name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// One condition; `None` for those on the answer, which the data plane here does not look at.
fn condition(block: &Value) -> Result<Option<Condition>, String> {
    let kind = word(block, "type");
    let config = |name: &str| field(block, name).cloned().unwrap_or(Value::Null);
    let texts = |config: &Value| {
        let values = field(config, "values").and_then(Value::as_array).into_iter().flatten();
        values.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let pairs = |config: &Value| {
        let values = field(config, "values").and_then(Value::as_array).into_iter().flatten();
        values.map(|pair| KeyValue::new(word(pair, "key"), word(pair, "value"))).collect::<Vec<_>>()
    };
    Ok(Some(match kind.as_str() {
        "Host" => Condition::Host { values: texts(&config("hostConfig")) },
        "Path" => Condition::Path { values: texts(&config("pathConfig")) },
        "Header" => {
            let config = config("headerConfig");
            Condition::Header { key: word(&config, "key"), values: texts(&config) }
        }
        "QueryString" => Condition::QueryString { values: pairs(&config("queryStringConfig")) },
        "Method" => Condition::Method { values: texts(&config("methodConfig")) },
        "Cookie" => Condition::Cookie { values: pairs(&config("cookieConfig")) },
        "SourceIp" => Condition::SourceIp { values: texts(&config("sourceIpConfig")) },
        "ResponseStatusCode" | "ResponseHeader" => return Ok(None),
        other => return Err(format!("readCondition Failed(unknown condition type): {other}")),
    }))
}

/// One action; `None` for those that the data plane here does not do: rewriting and mirroring.
fn action(block: &Value) -> Result<Option<Custom>, String> {
    let kind = word(block, "type");
    let config = |name: &str| field(block, name).cloned().unwrap_or(Value::Null);
    let status = |config: &Value, default: u16| word(config, "httpCode").parse().unwrap_or(default);
    Ok(Some(match kind.as_str() {
        "ForwardGroup" => {
            let config = config("forwardConfig");
            let groups = field(&config, "serverGroups").and_then(Value::as_array).cloned().unwrap_or_default();
            let mut targets = Vec::new();
            // Groups made elsewhere are not of this world.
            for group in groups.iter().filter(|group| word(group, "serverGroupID").is_empty()) {
                let port = match field(group, "servicePort") {
                    Some(Value::String(_)) => {
                        return Err("json: cannot unmarshal string into Go struct field \
                             ServerGroupTuple.forwardConfig.serverGroups.servicePort of type int"
                            .to_owned());
                    }
                    other => other.and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok()).unwrap_or(0),
                };
                let weight = field(group, "weight").and_then(Value::as_u64).unwrap_or(100).min(100);
                targets.push((word(group, "serviceName"), port, u32::try_from(weight).unwrap_or(100)));
            }
            Custom::Forward(targets)
        }
        "Redirect" => {
            let config = config("redirectConfig");
            let or = |name: &str, default: &str| match word(&config, name) {
                text if text.is_empty() => default.to_owned(),
                text => text,
            };
            Custom::Final(Action::Redirect {
                redirect_config: RedirectConfig {
                    protocol: or("protocol", "${protocol}"),
                    host: or("host", "${host}"),
                    port: or("port", "${port}"),
                    path: or("path", "${path}"),
                    query: or("query", "${query}"),
                    http_code: status(&config, 301),
                },
            })
        }
        "FixedResponse" => {
            let config = config("fixedResponseConfig");
            Custom::Final(Action::FixedResponse {
                content_type: word(&config, "contentType"),
                content: word(&config, "content"),
                http_code: status(&config, 503),
            })
        }
        "InsertHeader" => {
            let config = config("insertHeaderConfig");
            let cover_enabled = field(&config, "coverEnabled").and_then(Value::as_bool).unwrap_or(false);
            Custom::Extension(Action::InsertHeader {
                key: word(&config, "key"),
                value: word(&config, "value"),
                cover_enabled,
            })
        }
        "RemoveHeader" => Custom::Extension(Action::RemoveHeader { key: word(&config("removeHeaderConfig"), "key") }),
        "TrafficLimit" => {
            let qps = word(&config("trafficLimitConfig"), "QPS").parse().unwrap_or(0);
            Custom::Extension(Action::TrafficLimit { qps })
        }
        "Rewrite" | "TrafficMirror" => return Ok(None),
        other => return Err(format!("readAction Failed(unknown action type): {other}")),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_one(key: &str, text: &str) -> Result<Customization, String> {
        let annotations = json!({format!("alb.ingress.kubernetes.io/{key}.svc"): text});
        let object = json!({"metadata": {"name": "i", "namespace": "n", "annotations": annotations}, "spec": {}});
        read(&Ingress::parse(&object).expect("an Ingress"), "svc")
    }

    #[test]
    fn documented_types_and_directions_are_read_and_others_refused() {
        for kind in ["ResponseStatusCode", "ResponseHeader"] {
            let found = read_one("conditions", &format!("[{{\"type\":\"{kind}\"}}]")).expect(kind);
            assert!(found.conditions.is_empty(), "{kind} decides nothing about the request");
        }
        for kind in ["Rewrite", "TrafficMirror"] {
            let found = read_one("actions", &format!("[{{\"type\":\"{kind}\"}}]")).expect(kind);
            assert!(found.actions.is_empty(), "{kind}");
        }
        let groups = "[{\"type\":\"ForwardGroup\",\"forwardConfig\":{\"serverGroups\":[{\"serverGroupID\":\"sgp-a\"},\
            {\"serviceName\":\"s\",\"servicePort\":80,\"weight\":7}]}}]";
        let found = read_one("actions", groups).expect("groups");
        assert!(matches!(&found.actions[..], [Custom::Forward(targets)] if targets[..] == [("s".to_owned(), 80, 7)]));
        assert!(read_one("rule-direction", "Response").is_ok());
        assert_eq!(
            read_one("rule-direction", "Back").map(|_| ()),
            Err("readDirection Failed(unknown direction type): Back".to_owned())
        );
        assert_eq!(
            read_one("actions", "[{\"type\":\"Moon\"}]").map(|_| ()),
            Err("readAction Failed(unknown action type): Moon".to_owned())
        );
    }
}
