//! What a live annotation means: the same in another spelling is no change, another value always is.

use serde_json::{Value as Json, json};

use super::{INGRESS, create, fleet_with_gateway, instance, settings, walkthrough};
use crate::framework::path::Path;
use crate::framework::schema::{Kind, Schema};
use crate::framework::value::Value;
use crate::resources::coverage::Handled;
use crate::resources::grpc_ingress::coverage::COVERAGE;
use crate::resources::grpc_ingress::object::annotations::TABLE;
use crate::resources::grpc_ingress::schema;
use crate::resources::testing::{Instance, errors, recorded, warnings};

fn key(name: &str) -> String {
    format!("alb.ingress.kubernetes.io/{name}")
}

/// Attributes, the annotation, texts that mean the same (null is absent), and texts that do not, with what state has then.
type Case = (Json, &'static str, Vec<Json>, Vec<(Json, &'static str, Json)>);

fn cases() -> Vec<Case> {
    let routing = |conditions: Json, actions: Json| json!({"custom_routing": {"grpc-service": {"conditions": conditions, "actions": actions}}});
    vec![
        (
            json!({"listen_ports": ["443/HTTPS", "8443/HTTPS"]}),
            "listen-ports",
            vec![json!(" [{\"HTTPS\": 8443, \"HTTPS\": 8443}, {\"HTTPS\": 443}]\n")],
            vec![
                (json!("[{\"HTTPS\":443}]"), "listen_ports", json!(["443/HTTPS"])),
                (json!("[{\"https\":443},{\"HTTPS\":8443}]"), "listen_ports", json!(["443/https", "8443/HTTPS"])),
            ],
        ),
        // Read raw: anything but `true` is false.
        (
            json!({"ssl_redirect": true}),
            "ssl-redirect",
            vec![],
            vec![
                (json!("True"), "ssl_redirect", json!(false)),
                (json!("true\n"), "ssl_redirect", json!(false)),
                (Json::Null, "ssl_redirect", json!(false)),
            ],
        ),
        (
            json!({"ssl_redirect": false}),
            "ssl-redirect",
            vec![Json::Null, json!("no")],
            vec![(json!("true"), "ssl_redirect", json!(true))],
        ),
        (
            json!({"use_regex": false}),
            "use-regex",
            vec![json!("false")],
            vec![(json!("true"), "use_regex", json!(true))],
        ),
        // Trimmed.
        (
            json!({"order": 10}),
            "order",
            vec![json!(" 10\n"), Json::Null, json!("")],
            vec![(json!("11"), "order", json!(11)), (json!("ten"), "order", Json::Null)],
        ),
        // A number that is read raw: a space makes it none, and the default counts.
        (
            json!({"health_check": {"protocol": "TCP", "timeout": 5}}),
            "healthcheck-timeout-seconds",
            vec![json!("five"), json!("5 "), json!("7 "), Json::Null],
            vec![(json!("7"), "health_check.timeout", json!(7))],
        ),
        (
            json!({"health_check": {"protocol": "TCP", "timeout": 7}}),
            "healthcheck-timeout-seconds",
            vec![],
            vec![(json!("7 "), "health_check.timeout", json!(5)), (Json::Null, "health_check.timeout", json!(5))],
        ),
        (
            json!({"health_check": {"protocol": "TCP"}}),
            "healthcheck-protocol",
            vec![],
            vec![
                (json!("tcp"), "health_check.protocol", json!("tcp")),
                (json!("TCP\n"), "health_check.protocol", json!("TCP\n")),
                (Json::Null, "health_check.protocol", json!("HTTP")),
            ],
        ),
        (
            json!({"health_check": {"protocol": "GRPC", "method": "POST", "codes": ["0", "12"]}}),
            "healthcheck-code",
            vec![json!("12,0"), json!("0,12,0")],
            vec![
                (json!("0, 12"), "health_check.codes", json!([" 12", "0"])),
                (Json::Null, "health_check.codes", Json::Null),
            ],
        ),
        (
            json!({"load_balancing": {"scheduler": "wrr"}}),
            "backend-scheduler",
            vec![Json::Null],
            vec![(json!("wlc"), "load_balancing.scheduler", json!("wlc"))],
        ),
        (
            json!({"load_balancing": {"sticky_session": {"type": "Server", "cookie": "sid"}}}),
            "cookie",
            vec![json!(" sid\n")],
            vec![(json!("SID"), "load_balancing.sticky_session.cookie", json!("SID"))],
        ),
        (
            json!({"canary": {"weight": 20}}),
            "canary-weight",
            vec![json!("20 "), json!("+20")],
            vec![(json!("x"), "canary.weight", json!(0)), (json!("21"), "canary.weight", json!(21))],
        ),
        (json!({"canary": {"weight": 20}}), "canary", vec![], vec![(json!("false"), "canary", Json::Null)]),
        (
            json!({"cors": {"allow_headers": ["X-A", "x-b"], "allow_origins": ["*"]}}),
            "cors-allow-headers",
            vec![json!("x-b, x-a"), json!("X-B,X-A")],
            vec![(json!("x-b"), "cors.allow_headers", json!(["x-b"]))],
        ),
        (
            json!({"cors": {"allow_origins": ["*"]}}),
            "cors-allow-origin",
            vec![Json::Null, json!(" * ")],
            vec![(json!("https://a.example"), "cors.allow_origins", json!(["https://a.example"]))],
        ),
        (
            json!({"cors": {"allow_credentials": true}}),
            "cors-allow-credentials",
            vec![json!("yes"), Json::Null],
            vec![(json!("false"), "cors.allow_credentials", json!(false))],
        ),
        (
            routing(json!([{"hosts": ["A.example.com", "b.example.com"]}, {"methods": ["POST"]}]), Json::Null),
            "conditions.grpc-service",
            vec![json!(
                "[{\"methodConfig\": {\"values\": [\"POST\"]}, \"type\": \"Method\"},\n {\"TYPE\": \"Host\", \"hostconfig\": \
                     {\"Values\": [\"b.example.com\", \"a.example.com\"]}}]"
            )],
            vec![
                (
                    json!("[{\"type\":\"Method\",\"methodConfig\":{\"values\":[\"GET\"]}}]"),
                    "custom_routing.grpc-service.conditions.0.methods",
                    json!(["GET"]),
                ),
                (json!("[{\"type\":\"Other\"}]"), "custom_routing.grpc-service.conditions", Json::Null),
                (json!("not JSON"), "custom_routing.grpc-service.conditions", Json::Null),
            ],
        ),
        (
            routing(
                Json::Null,
                json!([
                    {"insert_header": {"key": "a", "value": "1"}},
                    {"insert_header": {"key": "b", "value": "2"}},
                    {"traffic_limit": {"qps": 10}},
                ]),
            ),
            "actions.grpc-service",
            // Limits come first whatever the order; `false` and the empty text are what absent ones are.
            vec![json!(
                "[{\"type\":\"TrafficLimit\",\"trafficLimitConfig\":{\"QPS\":\"10\"}},{\"type\":\"InsertHeader\",\
                     \"insertHeaderConfig\":{\"key\":\"a\",\"value\":\"1\",\"coverEnabled\":false,\"valueType\":\"\"}},\
                     {\"type\":\"InsertHeader\",\"insertHeaderConfig\":{\"value\":\"2\",\"key\":\"b\"}}]"
            )],
            vec![
                (
                    json!("[{\"type\":\"TrafficLimit\",\"trafficLimitConfig\":{\"QPS\":\"11\"}}]"),
                    "custom_routing.grpc-service.actions.0.traffic_limit.qps",
                    json!(11),
                ),
                // The order of the others counts.
                (
                    json!(
                        "[{\"type\":\"TrafficLimit\",\"trafficLimitConfig\":{\"QPS\":\"10\"}},{\"type\":\"InsertHeader\",\
                         \"insertHeaderConfig\":{\"key\":\"b\",\"value\":\"2\"}},{\"type\":\"InsertHeader\",\"insertHeaderConfig\":\
                         {\"key\":\"a\",\"value\":\"1\"}}]"
                    ),
                    "custom_routing.grpc-service.actions.1.insert_header.key",
                    json!("b"),
                ),
                // The decoder wants text there.
                (
                    json!("[{\"type\":\"TrafficLimit\",\"trafficLimitConfig\":{\"QPS\":10}}]"),
                    "custom_routing.grpc-service.actions",
                    Json::Null,
                ),
            ],
        ),
    ]
}

fn config(attributes: &Json) -> Json {
    let mut config = walkthrough();
    for (name, value) in attributes.as_object().unwrap() {
        config[name] = value.clone();
    }
    config["wait"] = json!(false);
    config["cross_checks"] = json!(false);
    config
}

/// The value at `custom_routing.grpc-service.actions.0.redirect`.
fn at(state: &Value, attribute: &str) -> Value {
    attribute.split('.').fold(state.clone(), |value, step| match (step.parse::<usize>(), &value) {
        (Ok(index), Value::List(list)) => list[index].clone(),
        _ => value.attr(step),
    })
}

#[tokio::test(start_paused = true)]
async fn a_live_annotation_is_compared_by_what_the_controller_reads() {
    for (attributes, name, same, other) in cases() {
        let config = config(&attributes);
        let fleet = fleet_with_gateway();
        let mut ingress = instance(&fleet);
        assert_eq!(errors(&ingress.apply(&config).await.diagnostics), Vec::<String>::new());
        let written = fleet.get(INGRESS).unwrap();
        let state = ingress.state.clone();
        let edit = async |text: &Json, ingress: &mut Instance| {
            fleet.put(INGRESS, written.clone());
            fleet.edit(INGRESS, |object| {
                let annotations = object["metadata"]["annotations"].as_object_mut().unwrap();
                match text {
                    Json::Null => drop(annotations.remove(&key(name))),
                    text => drop(annotations.insert(key(name), text.clone())),
                }
            });
            ingress.state = state.clone();
            ingress.next_command(fleet.clients(settings()));
            ingress.read().await
        };
        for text in same {
            let told = edit(&text, &mut ingress).await;
            assert!(told.diagnostics.is_empty(), "{name} {text}: {:#?}", told.diagnostics);
            assert_eq!(ingress.changes(&config), Vec::<&str>::new(), "{name}: {text} means the same");
        }
        for (text, attribute, value) in other {
            edit(&text, &mut ingress).await;
            let wanted = crate::resources::testing::value(&value);
            assert_eq!(at(&ingress.state, attribute), wanted, "{name}: {text} shows in state");
            assert!(!ingress.changes(&config).is_empty(), "{name}: {text} is drift");
            // The next apply writes it back, without a conflict.
            let answer = ingress.apply(&config).await;
            assert_eq!(errors(&answer.diagnostics), Vec::<String>::new(), "{name}: {text}");
            ingress.next_command(fleet.clients(settings()));
            ingress.read().await;
            assert_eq!(ingress.changes(&config), Vec::<&str>::new(), "{name}: {text} was written back");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_by_name_is_written_back_without_a_conflict() {
    let fleet = fleet_with_gateway();
    let config = config(&json!({}));
    let mut ingress = instance(&fleet);
    ingress.apply(&config).await;
    fleet.edit(INGRESS, |object| {
        object["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"] = json!({"name": "grpc"});
    });
    ingress.next_command(fleet.clients(settings()));
    ingress.read().await;
    assert!(ingress.changes(&config).contains(&"rules"));
    let answer = ingress.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    let port =
        fleet.get(INGRESS).unwrap()["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"].clone();
    assert_eq!(port, json!({"number": 50051}));
}

#[tokio::test(start_paused = true)]
async fn v46_an_ingress_of_another_protocol_is_replaced() {
    let fleet = fleet_with_gateway();
    let protocol = key("backend-protocol");
    for live in [json!("http"), json!("GRPC"), Json::Null] {
        let mut object = recorded("Ingress");
        match &live {
            Json::Null => drop(object["metadata"]["annotations"].as_object_mut().unwrap().remove(&protocol)),
            text => object["metadata"]["annotations"][&protocol] = text.clone(),
        }
        fleet.put(INGRESS, object);
        let mut ingress = instance(&fleet);
        let answer = ingress.import("gateway-demo/grpc-ingress").await;
        assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
        let plan = ingress.plan(&walkthrough());
        assert_eq!(plan.requires_replace, [Path::attribute("backend_protocol")], "{live}");
        assert_eq!(warnings(&plan.diagnostics), ["backend_protocol: Protocol of a Live Ingress Cannot Change"]);
        assert_eq!(plan.planned.unwrap().attr("backend_protocol"), Value::string("grpc"));
        // A later edit of the annotation does not change what the server groups were made with.
        fleet.edit(INGRESS, |object| object["metadata"]["annotations"][&protocol] = json!("grpc"));
        ingress.read().await;
        assert_eq!(ingress.plan(&walkthrough()).requires_replace, [Path::attribute("backend_protocol")]);
        fleet.remove(INGRESS);
    }
}

#[tokio::test(start_paused = true)]
async fn v46_an_adopted_ingress_of_another_protocol_is_replaced_by_the_next_plan() {
    let fleet = fleet_with_gateway();
    let mut object = recorded("Ingress");
    object["metadata"]["annotations"][key("backend-protocol")] = json!("http");
    object["metadata"]["managedFields"] = json!([]);
    fleet.put(INGRESS, object);
    let mut config = walkthrough();
    config["adopt"] = json!(true);
    config["wait"] = json!(false);
    let mut ingress = instance(&fleet);
    let answer = ingress.apply(&config).await;
    assert_eq!(warnings(&answer.diagnostics), ["backend_protocol: Adopted Ingress Speaks Another Protocol"]);
    assert_eq!(fleet.get(INGRESS).unwrap()["metadata"]["annotations"][key("backend-protocol")], "grpc");
    ingress.next_command(fleet.clients(settings()));
    for _ in 0..2 {
        assert_eq!(warnings(&ingress.read().await.diagnostics), Vec::<String>::new(), "nobody changed it");
        assert_eq!(ingress.plan(&config).requires_replace, [Path::attribute("backend_protocol")]);
    }
}

#[tokio::test(start_paused = true)]
async fn v46_an_edit_after_our_apply_is_written_back() {
    let fleet = fleet_with_gateway();
    let mut ingress = create(&fleet, &walkthrough()).await;
    fleet.edit(INGRESS, |object| object["metadata"]["annotations"][key("backend-protocol")] = json!("http"));
    ingress.read().await;
    let plan = ingress.plan(&walkthrough());
    assert_eq!((plan.requires_replace, warnings(&plan.diagnostics)), (Vec::new(), Vec::new()));
    ingress.apply(&walkthrough()).await;
    assert_eq!(fleet.get(INGRESS).unwrap()["metadata"]["annotations"][key("backend-protocol")], "grpc");
}

#[tokio::test(start_paused = true)]
async fn v45_the_written_protocol_is_exactly_grpc_whatever_the_defaults_say() {
    let fleet = fleet_with_gateway();
    let mut settings = settings();
    settings.default_annotations.insert(key("backend-protocol"), "GRPC\n".to_owned());
    let mut ingress = instance(&fleet);
    ingress.next_command(fleet.clients(settings));
    ingress.apply(&config(&json!({}))).await;
    let annotations = fleet.get(INGRESS).unwrap()["metadata"]["annotations"].clone();
    assert_eq!(annotations[key("backend-protocol")], "grpc");
    assert_eq!(annotations[key("listen-ports")], "[{\"HTTPS\":443}]");
}

#[tokio::test(start_paused = true)]
async fn v73_a_live_default_backend_is_a_warning() {
    let fleet = fleet_with_gateway();
    let mut ingress = create(&fleet, &walkthrough()).await;
    assert_eq!(warnings(&ingress.read().await.diagnostics), Vec::<String>::new());
    fleet.edit(INGRESS, |object| {
        object["spec"]["defaultBackend"] = json!({"service": {"name": "x", "port": {"number": 1}}})
    });
    assert_eq!(warnings(&ingress.read().await.diagnostics), ["Default Backend Routes Nothing"]);
    assert_eq!(ingress.changes(&walkthrough()), Vec::<&str>::new(), "it is another manager's");
}

#[tokio::test(start_paused = true)]
async fn an_import_takes_every_setting_that_has_an_attribute() {
    let fleet = fleet_with_gateway();
    let mut object = recorded("Ingress");
    for (name, text) in [
        ("healthcheck-enabled", "true"),
        ("healthcheck-protocol", "TCP"),
        ("sticky-session-type", "Server"),
        ("canary", "false"),
        ("canary-weight", "20"),
        ("order", "ten"),
        ("conditions.grpc-service", "[{\"type\":\"Method\",\"methodConfig\":{\"values\":[\"POST\"]}}]"),
        ("actions.grpc-service", "[{\"type\":\"New\"}]"),
        ("cluster-weight.c1", "20"),
    ] {
        object["metadata"]["annotations"][key(name)] = json!(text);
    }
    object["metadata"]["annotations"]["example.com/owner"] = json!("edge");
    fleet.put(INGRESS, object);
    let mut ingress = instance(&fleet);
    let answer = ingress.import("gateway-demo/grpc-ingress").await;
    assert_eq!(warnings(&answer.diagnostics), ["Settings Not Imported"]);
    let told = &answer.diagnostics.iter().next().unwrap().detail;
    for name in ["canary: false", "canary-weight: 20", "order: ten", "actions.grpc-service"] {
        assert!(told.contains(name), "{name}: {told}");
    }
    let state = &ingress.state;
    assert_eq!(
        (state.attr("extra_annotations"), state.attr("canary")),
        (Value::Null, Value::Null),
        "they stay foreign"
    );
    assert_eq!(state.attr("annotations"), Value::map([("example.com/owner", Value::string("edge"))]));
    assert_eq!(at(state, "health_check.enabled"), Value::Bool(true));
    // The switch that was absent is off, as the controller takes it.
    assert_eq!(at(&ingress.state, "health_check.protocol"), Value::string("TCP"));
    assert_eq!(at(&ingress.state, "load_balancing.sticky_session.enabled"), Value::Bool(false));
    let methods = at(&ingress.state, "custom_routing.grpc-service.conditions.0.methods");
    assert_eq!(methods, Value::List(vec![Value::string("POST")]));

    // What was told can be configured: it is no conflict then.
    let mut config = walkthrough();
    config["order"] = json!(30);
    config["wait"] = json!(false);
    let answer = ingress.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!(fleet.get(INGRESS).unwrap()["metadata"]["annotations"][key("order")], "30");
}

/// A schema has an attribute of these names from the top.
fn has(schema: &Schema, path: &str) -> bool {
    let mut attributes = schema.attributes.clone();
    path.split('.').all(|name| {
        let Some(attribute) = attributes.iter().find(|attribute| attribute.name == name).cloned() else { return false };
        attributes = match attribute.kind {
            Kind::Nested(_, nested) => nested,
            Kind::Value(_) => Vec::new(),
        };
        true
    })
}

#[test]
fn every_documented_field_is_typed_passed_through_or_left_out_with_a_reason() {
    let table = include_str!("../testdata/fields.tsv");
    let rows: Vec<(&str, &str)> = table.lines().skip(1).map(|line| line.split_once('\t').unwrap()).collect();
    let schema = schema::schema();
    for (field, standing) in &rows {
        let entries: Vec<_> = COVERAGE.fields.iter().filter(|entry| entry.name == *field).collect();
        assert_eq!(entries.len(), 1, "{field} has one entry");
        match (*standing, entries[0].handled) {
            ("mutable" | "creation-only", Handled::Typed(attribute)) => {
                assert!(has(&schema, attribute), "{field}: {attribute}")
            }
            ("controller-owned", Handled::Typed(attribute)) => {
                assert!(!schema.attribute(attribute).unwrap().is_configurable(), "{field}");
            }
            ("reserved" | "obsolete" | "controller-owned" | "other-object", Handled::LeftOut(why)) => {
                assert!(why.len() > 10, "{field}");
            }
            ("unconfirmed", Handled::PassedThrough(attribute)) => assert!(has(&schema, attribute), "{field}"),
            (standing, handled) => panic!("{field} is {standing}, and {handled:?}"),
        }
    }
    assert_eq!(COVERAGE.fields.len(), rows.len(), "no entry without a documented field");
    for annotation in TABLE {
        let name = key(annotation.key);
        assert!(rows.iter().any(|(field, _)| field.starts_with(&name)), "{name} is documented");
    }
}
