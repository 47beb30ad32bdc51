//! States that releases have written, kept as files that every later version must read.
//!
//! `testdata/states/VERSION/NAME.json` holds one resource instance as Terraform stored it after an apply against the
//! sandbox: type, schema version, the configuration that made it, attributes and private data. **Never change or remove
//! such a file**: it stands for states that users have. A new version adds a folder of its own; `RECORD_STATES=VERSION`
//! writes what is missing there and never writes over a file.
//!
//! Protects: an upgraded provider reads each of them without Terraform's help, and plans nothing for it; for one that was
//! still waited for it plans to wait, and nothing else.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests are tests too; clippy knows only the functions marked so"
)]

use std::path::{Path, PathBuf};

use acceptance_tests::host::wire_value::UNKNOWN;
use acceptance_tests::host::{Instance, Session};
use acceptance_tests::material::{LONG, self_signed};
use acceptance_tests::repository;
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

fn folder() -> PathBuf {
    repository().join("acceptance-tests/testdata/states")
}

/// Every recorded state with its file.
fn recorded() -> Vec<(PathBuf, Value)> {
    let mut all = Vec::new();
    for version in std::fs::read_dir(folder()).unwrap() {
        for file in std::fs::read_dir(version.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            all.push((path, serde_json::from_str(&text).unwrap()));
        }
    }
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all
}

/// Gives attributes that did not exist when a state was recorded the values that a plan gives them: a refresh, which comes
/// first in life, reads them from the live object.
fn filled(state: &Value, planned: &Value, recorded: &Value) -> Value {
    match (state, planned, recorded) {
        (Value::Object(fields), Value::Object(planned), Value::Object(recorded)) => fields
            .iter()
            .map(|(name, value)| {
                let plan = planned.get(name).unwrap_or(value);
                let value = match recorded.get(name) {
                    None if plan != UNKNOWN => plan.clone(),
                    None => value.clone(),
                    Some(recorded) => filled(value, plan, recorded),
                };
                (name.clone(), value)
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        (Value::Array(items), Value::Array(planned), Value::Array(recorded)) => {
            items.iter().zip(planned).zip(recorded).map(|((item, plan), old)| filled(item, plan, old)).collect()
        }
        _ => state.clone(),
    }
}

/// Whether everything that was recorded is still there: equal, or null where nothing was.
fn keeps(state: &Value, recorded: &Value) -> Result<(), String> {
    match (state, recorded) {
        (Value::Object(fields), Value::Object(recorded)) => {
            recorded.iter().try_for_each(|(name, recorded)| match fields.get(name) {
                Some(value) => keeps(value, recorded).map_err(|error| format!("{name}.{error}")),
                None => Err(format!("{name} is gone")),
            })
        }
        (Value::Array(items), Value::Array(recorded)) if items.len() == recorded.len() => {
            items.iter().zip(recorded).try_for_each(|(item, recorded)| keeps(item, recorded))
        }
        _ if state == recorded => Ok(()),
        _ => Err(format!("{state} instead of {recorded}")),
    }
}

/// What a wait may bring.
const AWAITED: [&str; 7] =
    ["address", "applications", "dns_name", "listener_status", "load_balancer_id", "ready", "reason"];

/// The attributes that a plan changes.
fn changed<'a>(state: &'a Value, planned: &Value) -> Vec<&'a str> {
    let fields = state.as_object().unwrap();
    fields.iter().filter(|(name, value)| planned[name.as_str()] != **value).map(|(name, _)| name.as_str()).collect()
}

#[test]
fn every_type_has_a_recorded_state_and_where_the_controller_is_waited_for_one_of_a_wait() {
    let all: Vec<Value> = recorded().into_iter().map(|(_, record)| record).collect();
    for page in std::fs::read_dir(repository().join("docs/resources")).unwrap() {
        let page = page.unwrap().path();
        let type_name = format!("ackone_{}", page.file_stem().unwrap().to_string_lossy());
        let is_of_type = |record: &&Value| record["type"] == type_name.as_str();
        assert!(all.iter().any(|record| is_of_type(&record)), "no state of {type_name} is recorded");
        if ["ackone_alb_gateway", "ackone_grpc_ingress", "ackone_application_set"].contains(&type_name.as_str()) {
            let waiting = all.iter().filter(is_of_type).any(|record| record["attributes"]["ready"] == false);
            assert!(waiting, "no state of {type_name} that was still waited for is recorded");
        }
    }
}

#[tokio::test]
async fn every_recorded_state_is_read_and_plans_nothing() {
    let all = recorded();
    assert!(all.len() >= 14, "only {} states are recorded", all.len());
    for (path, record) in all {
        let name = path.display();
        let type_name = record["type"].as_str().unwrap();
        let environment = [("ALIBABA_CLOUD_REGION".to_owned(), "cn-hangzhou".to_owned())];
        let provider = json!({"fleet_id": record["attributes"]["fleet_id"]});
        let session = Session::start(&environment, &provider).await.unwrap();
        let version = record["schema_version"].as_i64().unwrap();
        let state = session.upgrade(type_name, version, &record["attributes"]).await;
        let state = state.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        keeps(&state, &record["attributes"]).unwrap_or_else(|error| panic!("{name}: {error}"));
        if record["config"].is_null() {
            session.end().await.unwrap();
            continue;
        }
        let private = STANDARD.decode(record["private"].as_str().unwrap_or_default()).unwrap();
        let prior = Instance { state, private, tainted: false };
        let first = session.plan(type_name, &record["config"], &prior).await.unwrap();
        assert!(first.errors.is_empty(), "{name}: {:?}", first.errors);
        let state = filled(&prior.state, &first.instance.state, &record["attributes"]);
        let prior = Instance { state, ..prior };
        let second = session.plan(type_name, &record["config"], &prior).await.unwrap();
        if prior.state["ready"] == false {
            let changed = changed(&prior.state, &second.instance.state);
            assert!(
                changed.contains(&"ready") && changed.iter().all(|one| AWAITED.contains(one)),
                "{name}: {changed:?}"
            );
        } else {
            assert_eq!(second.instance.state, prior.state, "{name}: the plan is not empty");
        }
        assert!(second.errors.is_empty() && second.warnings.is_empty(), "{name}: {:?}", second.warnings);
        session.end().await.unwrap();
    }
}

#[test]
fn recorded_states_hold_no_key() {
    for (path, record) in recorded() {
        let text = record.to_string();
        assert!(!text.contains("PRIVATE KEY"), "{}", path.display());
        let private = STANDARD.decode(record["private"].as_str().unwrap_or_default()).unwrap();
        assert!(!String::from_utf8_lossy(&private).contains("PRIVATE KEY"), "{}", path.display());
    }
}

#[test]
fn what_a_state_must_keep_is_told_apart() {
    let recorded = json!({"a": {"b": [1, 2]}, "c": null});
    assert_eq!(keeps(&json!({"a": {"b": [1, 2], "new": 1}, "c": null, "d": 1}), &recorded), Ok(()));
    for wrong in [json!({"a": {"b": [1]}, "c": null}), json!({"a": {"b": [1, 3]}, "c": null}), json!({"c": null})] {
        assert!(keeps(&wrong, &recorded).is_err(), "{wrong}");
    }
    let state = json!({"a": {"b": [1, 2], "new": null}, "c": null, "d": null});
    let planned = json!({"a": {"b": [5, 6], "new": 7}, "c": 8, "d": UNKNOWN});
    assert_eq!(filled(&state, &planned, &recorded), json!({"a": {"b": [1, 2], "new": 7}, "c": null, "d": null}));
}

/// Instances to be recorded: name, type, configuration. What is applied may hold a key that is not recorded.
fn instances(sandbox: &Sandbox) -> Vec<(&'static str, &'static str, Value)> {
    let (members, vswitches) = (&sandbox.ready.member_ids, &sandbox.ready.vswitch_ids);
    let zones: Vec<Value> = vswitches.iter().map(|id| json!({"vswitch_id": id})).collect();
    let pair = self_signed(Some("grpc.example.com"), &["grpc.example.com"], LONG).unwrap();
    vec![
        ("association", "ackone_fleet_cluster_association", json!({"cluster_id": members[0]})),
        ("namespace_minimal", "ackone_namespace", json!({"name": "minimal-demo"})),
        (
            "backend_access",
            "ackone_backend_access",
            json!({"name": "ackone-gateway-demo", "cluster_ids": members, "vswitch_ids": vswitches, "priority": 2,
                   "source_cidrs": ["172.16.8.0/24"], "description": "edge", "timeouts": {"create": "3m"}}),
        ),
        (
            "namespace_full",
            "ackone_namespace",
            json!({"name": "gateway-demo", "labels": {"team": "edge"}, "annotations": {"example.com/owner": "platform"},
                   "force_delete": true, "timeouts": {"create": "3m", "read": "1m", "update": "3m", "delete": "5m"}}),
        ),
        (
            "tls_secret_self_signed",
            "ackone_tls_secret",
            json!({"namespace": "gateway-demo", "name": "grpc-secret", "labels": {"team": "edge"},
                   "self_signed": {"common_name": "grpc.example.com", "dns_names": ["*.example.com"],
                                   "key_algorithm": "ECDSA_P256", "validity_days": 3650}}),
        ),
        (
            "tls_secret_own",
            "ackone_tls_secret",
            json!({"namespace": "gateway-demo", "name": "own-secret", "certificate_pem": pair.certificate,
                   "private_key_pem_wo": pair.key, "private_key_pem_wo_version": "1"}),
        ),
        (
            "gateway_http",
            "ackone_alb_gateway",
            json!({"name": "http-demo", "remote_clusters": members, "zone_mappings": zones,
                   "address_type": "Internet", "address_allocated_mode": "Fixed", "listeners": {"8001/HTTP": {}}}),
        ),
        (
            "gateway_full",
            "ackone_alb_gateway",
            json!({"name": "ackone-gateway-demo", "remote_clusters": members, "load_balancer_name": "one-alb-demo",
                   "address_type": "Internet", "address_allocated_mode": "Fixed", "address_ip_version": "IPv4",
                   "edition": "Standard", "zone_mappings": zones, "tags": {"team": "edge"}, "labels": {"team": "edge"},
                   "ingress_class_name": "alb",
                   "listeners": {"8001/HTTP": {"description": "plain", "gzip_enabled": true},
                                 "443/HTTPS": {"idle_timeout": 60, "request_timeout": 120,
                                               "security_policy_id": "tls_cipher_policy_1_2"}}}),
        ),
        (
            "ingress_full",
            "ackone_grpc_ingress",
            json!({"namespace": "gateway-demo", "name": "grpc-ingress", "ingress_class_name": "alb",
                   "listen_ports": ["443/HTTPS"], "labels": {"team": "edge"},
                   "rules": [{"host": "grpc.example.com",
                              "paths": [{"path": "/", "path_type": "Prefix", "service_name": "grpc-service",
                                         "service_port": 50051}]}],
                   "tls": [{"hosts": ["grpc.example.com"], "secret_name": "grpc-secret"}]}),
        ),
        ("application_set_typed", "ackone_application_set", application_set("typed", members)),
        (
            "application_set_json",
            "ackone_application_set",
            json!({"name": "json",
                   "spec_json": json!({"generators": [{"list": {"elements": []}}],
                                       "template": {"metadata": {"name": "x"},
                                                    "spec": {"project": "default", "destination": {}}}}).to_string()}),
        ),
        (
            "ingress_not_waited_for",
            "ackone_grpc_ingress",
            json!({"namespace": "gateway-demo", "name": "tools", "ingress_class_name": "alb", "wait": false,
                   "listen_ports": ["443/HTTPS"],
                   "rules": [{"host": "tools.example.com",
                              "paths": [{"service_name": "tools", "service_port": 50051}]}],
                   "tls": [{"hosts": ["tools.example.com"], "secret_name": "grpc-secret"}]}),
        ),
    ]
}

/// An ApplicationSet that deploys the walkthrough's service to the members.
fn application_set(name: &str, members: &[String]) -> Value {
    json!({"name": name, "application_name": format!("{{{{.metadata.annotations.cluster_id}}}}-{name}"),
           "source": {"repo_url": "https://github.com/ivan-cai/gitops-demo.git", "path": "manifests/directory/grpc",
                      "target_revision": "main"},
           "destination": {"namespace": "gateway-demo"}, "labels": {"team": "edge"},
           "sync_policy": {"automated": {"prune": true}, "sync_options": ["CreateNamespace=true"],
                           "retry": {"limit": 3, "duration": "5s"}},
           "expected_cluster_ids": members})
}

/// In whose order they are made.
fn needs(name: &str) -> Value {
    match name {
        "tls_secret_self_signed" | "tls_secret_own" => json!(["ackone_namespace.namespace_full"]),
        "ingress_full" | "ingress_not_waited_for" => {
            json!(["ackone_tls_secret.tls_secret_self_signed", "ackone_alb_gateway.gateway_full"])
        }
        "gateway_http" | "gateway_full" | "gateway_waiting" => json!(["ackone_fleet_cluster_association.association"]),
        _ => json!([]),
    }
}

fn record(folder: &Path, name: &str, type_name: &str, config: &Value, instance: &Value) {
    let file = folder.join(format!("{name}.json"));
    if file.exists() {
        return;
    }
    // A configuration with a key is not recorded: such a state is read, and not planned for.
    let config = if config.get("private_key_pem_wo").is_some() { &Value::Null } else { config };
    let record = json!({
        "type": type_name, "config": config, "schema_version": instance["schema_version"],
        "attributes": instance["attributes"], "private": instance["private"],
    });
    std::fs::write(file, format!("{}\n", serde_json::to_string_pretty(&record).unwrap())).unwrap();
}

#[test]
#[ignore = "needs RECORD_STATES: records the states of a release, once"]
#[expect(clippy::disallowed_methods, reason = "the version to record comes from whoever records it")]
fn record_the_states_of_a_release() {
    let version = std::env::var("RECORD_STATES").unwrap();
    let folder = folder().join(version);
    std::fs::create_dir_all(&folder).unwrap();
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let all = instances(&sandbox);
    let mut resources = serde_json::Map::new();
    for (name, type_name, config) in &all {
        let mut config = config.clone();
        config["depends_on"] = needs(name);
        resources.entry((*type_name).to_owned()).or_insert_with(|| json!({}))[*name] = config;
    }
    let workspace = Workspace::with(&sandbox, "").unwrap();
    workspace.write("resources.tf.json", &json!({"resource": resources}).to_string()).unwrap();
    workspace.apply().unwrap().expect_ok();
    assert_eq!(workspace.plan().unwrap().code, 0, "what is recorded is at rest");
    let state: Value = serde_json::from_str(&workspace.state_text().unwrap()).unwrap();
    for (name, type_name, config) in &all {
        record(&folder, name, type_name, config, instance(&state, name));
    }

    // What is changed or made now is not seen by anybody: its wait runs out.
    sandbox.pause_controller().unwrap();
    let short = json!({"create": "1s", "update": "1s"});
    let mut changed = all.iter().find(|(name, ..)| *name == "ingress_full").unwrap().2.clone();
    changed["rules"][0]["paths"][0]["service_port"] = json!(50052);
    changed["timeouts"] = short.clone();
    let mut made = all.iter().find(|(name, ..)| *name == "gateway_http").unwrap().2.clone();
    made["name"] = json!("waiting-demo");
    made["timeouts"] = short;
    sandbox.control.post("/v1/argocd/pause", &json!({})).unwrap();
    let mut asleep = application_set("asleep", &[]);
    asleep["timeouts"] = json!({"create": "1s", "update": "1s"});
    for (name, type_name, config) in [
        ("ingress_full", "ackone_grpc_ingress", &changed),
        ("gateway_waiting", "ackone_alb_gateway", &made),
        ("application_set_waiting", "ackone_application_set", &asleep),
    ] {
        let mut config = config.clone();
        config["depends_on"] = needs(name);
        resources[type_name][name] = config;
    }
    workspace.write("resources.tf.json", &json!({"resource": resources}).to_string()).unwrap();
    workspace.apply().unwrap().expect_ok();
    let state: Value = serde_json::from_str(&workspace.state_text().unwrap()).unwrap();
    record(&folder, "ingress_waiting", "ackone_grpc_ingress", &changed, instance(&state, "ingress_full"));
    record(&folder, "gateway_waiting", "ackone_alb_gateway", &made, instance(&state, "gateway_waiting"));
    record(
        &folder,
        "application_set_waiting",
        "ackone_application_set",
        &asleep,
        instance(&state, "application_set_waiting"),
    );
    sandbox.control.post("/v1/argocd/resume", &json!({})).unwrap();
    sandbox.resume_controller().unwrap();
    workspace.destroy().unwrap().expect_ok();
}

/// The instance of a resource in a state file.
fn instance<'a>(state: &'a Value, name: &str) -> &'a Value {
    let resource = state["resources"].as_array().unwrap().iter().find(|resource| resource["name"] == name).unwrap();
    &resource["instances"][0]
}
