//! Derives the rules of a listener from the rules and paths of an Ingress.
//!
//! Called by `build.rs` for each Ingress of the stack, in its order: rules are numbered in the order they come, and the
//! first match wins. Pure. Facts: Alibaba Cloud's documentation of ALB Ingress routing and the open-source controller.

use std::collections::{BTreeMap, BTreeSet};

use super::annotations::{self, Canary};
use super::build::{ActionModel, GroupKey, GroupModel, ListenerModel, Prepared, RuleModel};
use super::custom;
use super::objects::{HttpPath, Ingress, IngressRule};
use crate::alb::{Action, Condition, KeyValue, Protocol, RedirectConfig};

/// Adds an Ingress's rules to one of its listeners, and the groups they forward to.
///
/// # Errors
///
/// The controller's text for the first path, condition or action it refuses.
pub(super) fn add(
    prepared: &Prepared<'_>,
    stack: &[Prepared<'_>],
    listener: &mut ListenerModel,
    groups: &mut BTreeMap<GroupKey, GroupModel>,
) -> Result<(), String> {
    let ingress = prepared.ingress;
    let tls_hosts: BTreeSet<&str> = ingress.spec.tls.iter().flat_map(|tls| &tls.hosts).map(String::as_str).collect();
    let regex = ["use-regex", "rewrite-target"].iter().any(|key| ingress.meta.annotation(key).is_some());
    let redirects = ingress.meta.flag("ssl-redirect") && listener.key.port != 443;
    for rule in &ingress.spec.rules {
        let secure = listener.key.protocol != Protocol::Http;
        if !prepared.explicit_ports && tls_hosts.contains(rule.host.as_str()) != secure {
            continue;
        }
        for path in rule.http.iter().flat_map(|http| &http.paths) {
            let mut conditions = conditions(rule, path, regex)?;
            match &prepared.canary {
                Canary::None => {}
                Canary::Header { key, value } => {
                    conditions.push(Condition::Header { key: key.clone(), values: vec![value.clone()] });
                }
                Canary::Cookie(name) => {
                    conditions.push(Condition::Cookie { values: vec![KeyValue::new(name, "always")] });
                }
                // A share of the twin's rule, added there; contradictory ones produce nothing.
                Canary::Weight(_) | Canary::Inert => continue,
            }
            let has_twin = stack.iter().any(|other| other.canary == Canary::None && has(other.ingress, rule, path));
            if prepared.canary != Canary::None && !has_twin {
                continue;
            }
            let custom = custom::read(ingress, &path.backend.service.name)?;
            if prepared.canary != Canary::None && !custom.conditions.is_empty() {
                return Err(format!("{} can't exist Canary and customize condition at the same time", ingress.key()));
            }
            custom::merge_conditions(&mut conditions, custom.conditions);
            let mut actions: Vec<ActionModel> = Vec::new();
            let limit = annotations::traffic_limit(&ingress.meta).map(|qps| Action::TrafficLimit { qps });
            if limit.is_some() && custom.actions.iter().any(custom::is_limit) {
                return Err(format!(
                    "{} can't exist action trafficlimit and annotation traffic-limit-qps at the same time",
                    ingress.key()
                ));
            }
            actions.extend(limit.map(ActionModel::Other));
            let cors = annotations::cors(&ingress.meta).map(|config| Action::Cors { config });
            actions.extend(cors.map(ActionModel::Other));
            let own = |service: &str, port: u16| GroupKey {
                namespace: ingress.meta.namespace.clone(),
                ingress: ingress.meta.name.clone(),
                service: service.to_owned(),
                port,
            };
            let mut finals: Vec<ActionModel> = Vec::new();
            for action in custom.actions {
                match action {
                    custom::Custom::Forward(targets) => {
                        let weighted = stack
                            .iter()
                            .any(|other| matches!(other.canary, Canary::Weight(_)) && has(other.ingress, rule, path));
                        if weighted {
                            return Err(format!(
                                "{} can't exist CanaryWeight and annotation forwardAction at the same time",
                                ingress.key()
                            ));
                        }
                        let targets = targets.into_iter().map(|(service, port, weight)| (own(&service, port), weight));
                        finals.push(ActionModel::Forward(targets.collect()));
                    }
                    custom::Custom::Final(action) => finals.push(ActionModel::Other(action)),
                    custom::Custom::Extension(action) => actions.push(ActionModel::Other(action)),
                }
            }
            if path.backend.service.port.name != "use-annotation" {
                let port = path.backend.service.port.number;
                finals.push(ActionModel::Forward(with_canaries(
                    (own(&path.backend.service.name, port), 100),
                    prepared,
                    stack,
                    rule,
                    path,
                )));
            }
            if redirects {
                finals = vec![ActionModel::Other(https_redirect())];
            }
            if finals.len() > 1 {
                let names: Vec<_> = finals.iter().map(final_name).collect();
                return Err(format!("multi finalType action find: [{}]", names.join(" ")));
            }
            if finals.is_empty() {
                return Err("RuleActions is mandatory for this action".to_owned());
            }
            for (key, _) in finals.iter().flat_map(|action| match action {
                ActionModel::Forward(targets) => targets.as_slice(),
                ActionModel::Other(_) => &[],
            }) {
                let owner = stack.iter().find(|other| other.ingress.meta.name == key.ingress);
                let settings = owner.unwrap_or(prepared).settings.clone();
                let group = GroupModel { key: key.clone(), settings, placeholder: false };
                groups.entry(key.clone()).or_insert(group);
            }
            actions.extend(finals);
            listener.rules.push(RuleModel { conditions, actions });
        }
    }
    Ok(())
}

/// Whether an Ingress has this very host and path.
fn has(ingress: &Ingress, rule: &IngressRule, path: &HttpPath) -> bool {
    ingress.spec.rules.iter().any(|other| {
        other.host == rule.host
            && other.http.iter().flat_map(|http| &http.paths).any(|candidate| candidate.path == path.path)
    })
}

fn with_canaries(
    own: (GroupKey, u32),
    prepared: &Prepared<'_>,
    stack: &[Prepared<'_>],
    rule: &IngressRule,
    path: &HttpPath,
) -> Vec<(GroupKey, u32)> {
    let mut targets = Vec::new();
    let mut left = own.1;
    for other in stack.iter().filter(|other| prepared.canary == Canary::None && has(other.ingress, rule, path)) {
        let Canary::Weight(weight) = other.canary else { continue };
        let twin = other
            .ingress
            .spec
            .rules
            .iter()
            .filter(|candidate| candidate.host == rule.host)
            .flat_map(|candidate| candidate.http.iter().flat_map(|http| &http.paths))
            .find(|candidate| candidate.path == path.path);
        let Some(twin) = twin else { continue };
        let key = GroupKey {
            namespace: other.ingress.meta.namespace.clone(),
            ingress: other.ingress.meta.name.clone(),
            service: twin.backend.service.name.clone(),
            port: twin.backend.service.port.number,
        };
        left = left.saturating_sub(weight);
        targets.push((key, weight));
    }
    targets.insert(0, (own.0, left));
    targets
}

fn final_name(action: &ActionModel) -> &'static str {
    match action {
        ActionModel::Other(Action::Redirect { .. }) => "Redirect",
        ActionModel::Other(Action::FixedResponse { .. }) => "FixedResponse",
        ActionModel::Forward(_) | ActionModel::Other(_) => "ForwardGroup",
    }
}

fn https_redirect() -> Action {
    Action::Redirect {
        redirect_config: RedirectConfig {
            protocol: "HTTPS".to_owned(),
            host: "${host}".to_owned(),
            port: "443".to_owned(),
            path: "${path}".to_owned(),
            query: "${query}".to_owned(),
            http_code: 308,
        },
    }
}

fn conditions(rule: &IngressRule, path: &HttpPath, regex: bool) -> Result<Vec<Condition>, String> {
    let mut conditions = Vec::new();
    if !rule.host.is_empty() {
        conditions.push(Condition::Host { values: vec![rule.host.clone()] });
    }
    let written = path.path.as_str();
    let wild = written.contains(['*', '?']);
    let values = match path.path_type.as_deref().unwrap_or("Prefix") {
        _ if written.is_empty() => Vec::new(),
        "Prefix" if regex => vec![format!("~*{written}")],
        "Prefix" if wild => return Err(format!("prefix path shouldn't contain wildcards: {written}")),
        "Prefix" if written == "/" => vec!["/*".to_owned()],
        "Prefix" => {
            let bare = written.trim_end_matches('/');
            vec![bare.to_owned(), format!("{bare}/*")]
        }
        "Exact" if wild => return Err(format!("exact path shouldn't contain wildcards: {written}")),
        _ => vec![written.to_owned()],
    };
    if !values.is_empty() {
        conditions.push(Condition::Path { values });
    } else if conditions.is_empty() {
        conditions.push(Condition::Path { values: vec!["/*".to_owned()] });
    }
    Ok(conditions)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Generation;
    use super::super::build::{BuildError, Inputs, Model, build};
    use super::super::objects::AlbConfig;
    use super::*;

    fn ingress(name: &str, annotations: &Value, path: &str, path_type: &str) -> Ingress {
        let annotations: BTreeMap<String, Value> = annotations
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (format!("alb.ingress.kubernetes.io/{key}"), value.clone()))
            .collect();
        Ingress::parse(&json!({
            "metadata": {"name": name, "namespace": "demo", "annotations": annotations},
            "spec": {"rules": [{"host": "a.example.com", "http": {"paths": [{"path": path, "pathType": path_type,
                "backend": {"service": {"name": "svc", "port": {"number": 50051}}}}]}}]},
        }))
        .expect("ingress")
    }

    fn model(stack: &[Ingress]) -> Result<Model, BuildError> {
        let albconfig = AlbConfig::parse(&json!({
            "metadata": {"name": "gw"},
            "spec": {"config": {}, "listeners": [{"port": 80, "protocol": "HTTP"}, {"port": 443, "protocol": "HTTPS"}]},
        }))
        .expect("albconfig");
        build(&Inputs {
            generation: Generation::Hosted,
            cluster_id: "c0",
            albconfig: &albconfig,
            stack,
            secret: &|_| None,
            discover: &|_| vec!["1-cn-hangzhou".to_owned()],
        })
    }

    fn rules_of(stack: &[Ingress], port: u16) -> Result<Vec<RuleModel>, String> {
        let model = model(stack).map_err(|error| error.message)?;
        Ok(model.listeners.into_iter().find(|listener| listener.key.port == port).expect("listener").rules)
    }

    #[test]
    fn paths_become_the_documented_values() {
        for (path, kind, annotations, values) in [
            ("/", "Prefix", json!({}), Ok(vec!["/*"])),
            ("/foo", "Prefix", json!({}), Ok(vec!["/foo", "/foo/*"])),
            ("/foo/", "Prefix", json!({}), Ok(vec!["/foo", "/foo/*"])),
            ("/foo", "Exact", json!({}), Ok(vec!["/foo"])),
            ("/f?o*", "ImplementationSpecific", json!({}), Ok(vec!["/f?o*"])),
            ("/a(b|c)", "Prefix", json!({"use-regex": "true"}), Ok(vec!["~*/a(b|c)"])),
            ("/a*", "Prefix", json!({}), Err("prefix path shouldn't contain wildcards: /a*")),
            ("/a*", "Exact", json!({}), Err("exact path shouldn't contain wildcards: /a*")),
        ] {
            let outcome = rules_of(&[ingress("i", &annotations, path, kind)], 80);
            let found = outcome.map(|rules| match &rules[0].conditions[1] {
                Condition::Path { values } => values.clone(),
                other => panic!("{other:?}"),
            });
            let wanted = values.map(|values| values.into_iter().map(str::to_owned).collect()).map_err(str::to_owned);
            assert_eq!(found, wanted, "{path} {kind}");
        }
    }

    #[test]
    fn grpc_needs_tls_and_a_tls_listener() {
        let with = |annotations: Value, tls: Value| {
            let mut raw = ingress("i", &annotations, "/", "Prefix");
            raw.spec.tls = serde_json::from_value(tls).expect("tls");
            model(&[raw]).map(|_| ()).map_err(|error| error.message)
        };
        let grpc = |ports: &str| json!({"backend-protocol": "grpc", "listen-ports": ports});
        assert_eq!(
            with(grpc("[{\"HTTPS\": 443}]"), json!([])),
            Err("'grpc' backend protocol must be use with TLS listener(Ingress.Spec.TLS)".to_owned())
        );
        let tls = json!([{"hosts": ["a.example.com"]}]);
        assert_eq!(
            with(grpc("[{\"HTTP\": 80}, {\"HTTPS\": 443}]"), tls.clone()),
            Err("'grpc' backend protocol must be use TLS listener only or redirect to".to_owned())
        );
        assert_eq!(
            with(grpc("[{\"QUIC\": 443}]"), tls.clone()),
            Err("listen protocol must be within [HTTP, HTTPS]: QUIC".to_owned())
        );
        assert_eq!(with(grpc("[{\"HTTPS\": 443}]"), tls.clone()), Ok(()));
        let mut redirected = grpc("[{\"HTTPS\": 443}]");
        redirected["ssl-redirect"] = json!("true");
        assert_eq!(with(redirected, tls), Ok(()));
    }

    #[test]
    fn a_redirecting_ingress_forwards_on_443_only() {
        let stack =
            [ingress("i", &json!({"ssl-redirect": "true", "listen-ports": "[{\"HTTPS\": 443}]"}), "/", "Prefix")];
        let on = |port| rules_of(&stack, port).expect("rules")[0].actions.clone();
        assert!(
            matches!(&on(80)[..], [ActionModel::Other(Action::Redirect { redirect_config })] if redirect_config.http_code == 308)
        );
        assert!(matches!(&on(443)[..], [ActionModel::Forward(_)]));
    }

    #[test]
    fn a_header_canary_is_a_rule_of_its_own_and_needs_a_twin() {
        let annotations = json!({"canary": "true", "canary-by-header": "stage", "canary-by-header-value": "gray"});
        let canary = ingress("a", &annotations, "/", "Prefix");
        assert_eq!(rules_of(std::slice::from_ref(&canary), 80).expect("rules"), []);
        let rules = rules_of(&[canary, ingress("b", &json!({}), "/", "Prefix")], 80).expect("rules");
        let header = Condition::Header { key: "stage".to_owned(), values: vec!["gray".to_owned()] };
        assert_eq!((rules.len(), rules[0].conditions.last()), (2, Some(&header)));
    }

    #[test]
    fn custom_actions_end_a_rule_exactly_once() {
        let fixed = r#"[{"type": "FixedResponse", "FixedResponseConfig": {"contentType": "text/plain", "content": "no", "httpCode": "403"}}]"#;
        let mut own = ingress("i", &json!({"actions.svc": fixed}), "/", "Prefix");
        let text = "multi finalType action find: [FixedResponse ForwardGroup]";
        assert_eq!(rules_of(std::slice::from_ref(&own), 80), Err(text.to_owned()));
        own.spec.rules[0].http.as_mut().expect("http").paths[0].backend.service.port.name = "use-annotation".to_owned();
        let rules = rules_of(&[own], 80).expect("rules");
        assert!(matches!(&rules[0].actions[..], [ActionModel::Other(Action::FixedResponse { http_code: 403, .. })]));
        let mut without = ingress("i", &json!({}), "/", "Prefix");
        without.spec.rules[0].http.as_mut().expect("http").paths[0].backend.service.port.name =
            "use-annotation".to_owned();
        assert_eq!(rules_of(&[without], 80), Err("RuleActions is mandatory for this action".to_owned()));
    }

    #[test]
    fn custom_conditions_widen_host_and_path_and_narrow_the_rest() {
        let conditions = r#"[{"type": "Host", "hostConfig": {"values": ["b.example.com"]}},
            {"type": "Header", "headerConfig": {"key": "stage", "values": ["gray"]}}]"#;
        let rules =
            rules_of(&[ingress("i", &json!({"conditions.svc": conditions}), "/", "Prefix")], 80).expect("rules");
        assert_eq!(
            rules[0].conditions[0],
            Condition::Host { values: vec!["a.example.com".to_owned(), "b.example.com".to_owned()] }
        );
        assert_eq!(rules[0].conditions.len(), 3);
        let unknown = ingress("i", &json!({"conditions.svc": "[{\"type\": \"Moon\"}]"}), "/", "Prefix");
        assert_eq!(rules_of(&[unknown], 80), Err("readCondition Failed(unknown condition type): Moon".to_owned()));
    }
}
