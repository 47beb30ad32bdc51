//! The table of fields: it is complete, schema and object agree with it, and what means the same is no drift.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::framework::schema::{Attribute, Kind, Nesting};
use crate::kubernetes::{Object, differences};
use crate::resources::alb_gateway::coverage::{ALB_CONFIG as FIELDS, INGRESS_CLASS as CLASS_FIELDS};
use crate::resources::alb_gateway::meaning::{AlbConfigMeaning, attribute};
use crate::resources::alb_gateway::object::{alb_config, nothing, observe};
use crate::resources::alb_gateway::table::{CONFIG, LISTENER, ZONE};
use crate::resources::coverage::{Coverage, Handled};
use crate::resources::testing::value;

fn state(config: &Json) -> Gateway<Stored> {
    Field::from_value(&value(config)).unwrap()
}

fn attribute_at<'a>(attributes: &'a [Attribute], path: &str) -> Option<&'a Attribute> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let found = attributes.iter().find(|attribute| attribute.name == name)?;
    match (rest, &found.kind) {
        (None, _) => Some(found),
        (Some(rest), Kind::Nested(_, nested)) => attribute_at(nested, rest),
        (Some(_), Kind::Value(_)) => None,
    }
}

fn holds(coverage: &Coverage, table: &str) {
    let schema = AlbGateway::schema();
    let rows: BTreeMap<&str, &str> = table.lines().skip(1).map(|line| line.split_once('\t').unwrap()).collect();
    let names: BTreeSet<&str> = coverage.fields.iter().map(|field| field.name).collect();
    assert_eq!(names.len(), coverage.fields.len(), "a field is listed twice");
    assert_eq!(names, rows.keys().copied().collect(), "the documentation's fields and ours");
    for field in coverage.fields {
        let exists = |path: &str| assert!(attribute_at(&schema.attributes, path).is_some(), "no attribute {path}");
        match (rows[field.name], field.handled) {
            ("mutable" | "creation-only", Handled::Typed(path)) | ("unconfirmed", Handled::PassedThrough(path)) => {
                exists(path)
            }
            ("published", Handled::Typed(path)) => {
                assert!(!attribute_at(&schema.attributes, path).unwrap().is_configurable(), "{}", field.name);
            }
            ("reserved" | "obsolete" | "controller-owned" | "unconfirmed-status", Handled::LeftOut(reason)) => {
                assert!(reason.len() > 10);
            }
            (standing, handled) => panic!("{}: {standing}, but {handled:?}", field.name),
        }
    }
}

#[test]
fn every_field_of_the_documentation_is_typed_passed_on_or_left_out_for_a_reason() {
    holds(&FIELDS, include_str!("../testdata/alb_config_fields.tsv"));
    holds(&CLASS_FIELDS, include_str!("../testdata/ingress_class_fields.tsv"));
    let typed = FIELDS.fields.iter().filter(|field| matches!(field.handled, Handled::Typed(_))).count();
    assert!(typed > 60, "{typed}");
}

#[test]
fn coverage_and_table_name_the_same_attributes_and_what_replaces() {
    let covered: BTreeMap<&str, &str> = FIELDS
        .fields
        .iter()
        .filter_map(|field| match field.handled {
            Handled::Typed(path) => Some((field.name, path)),
            Handled::PassedThrough(_) | Handled::LeftOut(_) => None,
        })
        .collect();
    let standing: BTreeMap<&str, &str> =
        include_str!("../testdata/alb_config_fields.tsv").lines().filter_map(|line| line.split_once('\t')).collect();
    for (rows, at, prefix) in [
        (CONFIG, "spec.config.", ""),
        (ZONE, "spec.config.zoneMappings[].", "zone_mappings."),
        (LISTENER, "spec.listeners[].", "listeners."),
    ] {
        for row in rows {
            let name = format!("{at}{}", row.json.join("."));
            let attribute = format!("{prefix}{}", row.attribute.join("."));
            let element = covered.get(format!("{name}[].CertificateId").as_str());
            let found =
                covered.get(name.as_str()).or(element).copied().unwrap_or_else(|| panic!("{name} is not covered"));
            assert!(found.starts_with(&attribute), "{name}: {found} and {attribute}");
            if let Some(standing) = standing.get(name.as_str()) {
                assert_eq!(row.creation_only, *standing == "creation-only", "{name}");
            }
        }
    }
}

#[test]
fn every_row_has_an_attribute_of_its_type_and_survives_the_way_there_and_back() {
    let schema = AlbGateway::schema();
    let Kind::Nested(Nesting::Map, listener) = &schema.attribute("listeners").unwrap().kind else { panic!("no map") };
    let Kind::Nested(Nesting::List, zone) = &schema.attribute("zone_mappings").unwrap().kind else { panic!("no list") };
    for (rows, attributes) in [(CONFIG, &schema.attributes), (LISTENER, listener), (ZONE, zone)] {
        for row in rows {
            assert!(attribute_at(attributes, &row.attribute.join(".")).is_some(), "{:?}", row.attribute);
        }
    }
    let full = state(&every_attribute::config());
    let object = Object::from(json!({"metadata": alb_config(&full)["metadata"], "spec": alb_config(&full)["spec"]}));
    let mut back = observe(&object);
    // What the object does not say, or says elsewhere.
    back.name.clone_from(&full.name);
    let (written, read) = (full.to_value(), back.to_value());
    for row in CONFIG {
        assert!(
            AlbGateway::schema()
                .attribute(row.attribute[0])
                .unwrap()
                .ty()
                .equal(&written.attr(row.attribute[0]), &read.attr(row.attribute[0])),
            "{:?}",
            row.attribute
        );
    }
    for key in ["443/HTTPS", "80/HTTP"] {
        for row in LISTENER {
            let at = |value: &Value| row.value(&value.attr("listeners").attr(key));
            let ty = attribute_at(listener, &row.attribute.join(".")).unwrap().ty();
            let (wrote, saw) = (at(&written), at(&read));
            // Not the default is the same as not said.
            let same = ty.equal(&wrote, &saw) || meaning::same_certificates(&wrote, &saw);
            assert!(same, "{key} {:?}: {:?} and {:?}", row.attribute, wrote, saw);
        }
    }
}

#[test]
fn every_field_that_is_written_leads_back_to_its_attribute() {
    let mut full = state(&every_attribute::config());
    full.effective_labels.clone_from(&full.labels);
    full.effective_annotations.clone_from(&full.annotations);
    let found = differences(
        &Object::from(json!({"spec": {"config": {"zoneMappings": [{"vSwitchId": "vsw-a"}, {"vSwitchId": "vsw-b"}]},
        "listeners": [{"port": 443, "protocol": "HTTPS"}, {"port": "80", "protocol": "HTTP"}]}})),
        &alb_config(&full),
        &AlbConfigMeaning,
    );
    assert!(found.len() > 50, "{}", found.len());
    for difference in found {
        let path = attribute(&full, &difference.path);
        assert!(
            !path.is_root() && full.to_value().at(&path).is_some_and(|value| !value.is_null()),
            "{} is {path}",
            difference.path
        );
    }
}

/// What differs between a live AlbConfig and what a configuration writes.
fn drifted(config: &Json, live: Json) -> Vec<String> {
    let ours = state(config);
    let found = differences(&Object::from(live), &alb_config(&ours), &AlbConfigMeaning);
    found.iter().map(|difference| attribute(&ours, &difference.path).to_string()).collect()
}

#[test]
fn other_spellings_defaults_and_orders_are_no_drift_and_other_values_are() {
    let config = json!({
        "address_type": "Internet", "edition": "Standard", "ipv6_address_type": "Intranet", "pay_type": "PostPay",
        "reuse": {"force_override": false}, "tags": {"a": "1", "b": ""},
        "extra_spec": r#"{"config": {"securityGroupIds": ["sg-a", "sg-b"]}}"#,
        "listeners": {"443/HTTPS": {
            "description": "ingress-auto-listener-443", "request_timeout": 60, "idle_timeout": 30, "gzip_enabled": true,
            "security_policy_id": "tls_cipher_policy_1_0", "ca_enabled": false, "ca_certificates": ["1-a", "2-b"],
            "certificates": [{"certificate_id": "1-a"}, {"certificate_id": "2-b"}, {"certificate_id": "3-c"}],
            "x_forwarded_for": {"processing_mode": "append", "client_source_ips_trusted": ["10.0.0.1", "192.168.0.0/16"]},
            "acl": {"type": "White", "entries": ["10.0.0.1/32", "2001:DB8::/32"]}, "tags": {"x": "1", "y": "2"},
        }},
    });
    let same = json!({"spec": {
        "config": {"addressType": "", "edition": null, "forceOverride": null, "tags": [{"key": "b", "value": null}, {"key": "a", "value": "1"}],
            "securityGroupIds": ["sg-b", "sg-a"], "foreign": 1},
        "listeners": [{"port": "443", "protocol": "HTTPS", "description": "", "requestTimeout": 0, "idleTimeout": "30",
            "gzipEnabled": null, "caEnabled": null, "caCertificates": [{"CertificateId": "2-b", "IsDefault": false}, {"CertificateId": "1-a"}],
            "certificates": [{"CertificateId": "1-a"}, {"CertificateId": "3-c", "IsDefault": false}, {"CertificateId": "2-b"}],
            "xForwardedForConfig": {"XForwardedForClientSourceIpsTrusted": "192.168.0.0/16; 10.0.0.1/32"},
            "aclConfig": {"aclType": "White", "aclEntries": ["2001:db8::/32", "10.0.0.1"]},
            "tags": [{"key": "y", "value": "2"}, {"key": "x", "value": "1"}]}]}});
    assert_eq!(drifted(&config, same.clone()), Vec::<String>::new());

    for (pointer, other, attribute) in [
        ("/spec/config/addressType", json!("Intranet"), "address_type"),
        ("/spec/config/forceOverride", json!(true), "reuse.force_override"),
        ("/spec/config/tags", json!([{"key": "a", "value": "1"}]), "tags"),
        ("/spec/config/securityGroupIds", json!(["sg-a"]), "extra_spec"),
        ("/spec/listeners/0/gzipEnabled", json!(false), "listeners[\"443/HTTPS\"].gzip_enabled"),
        ("/spec/listeners/0/description", json!("x"), "listeners[\"443/HTTPS\"].description"),
        ("/spec/listeners/0/caEnabled", json!(true), "listeners[\"443/HTTPS\"].ca_enabled"),
        ("/spec/listeners/0/certificates/0/CertificateId", json!("3-c"), "listeners[\"443/HTTPS\"].certificates"),
        (
            "/spec/listeners/0/certificates/1",
            json!({"CertificateId": "3-c", "IsDefault": true}),
            "listeners[\"443/HTTPS\"].certificates",
        ),
        ("/spec/listeners/0/aclConfig/aclEntries", json!(["10.0.0.1"]), "listeners[\"443/HTTPS\"].acl.entries"),
        (
            "/spec/listeners/0/xForwardedForConfig/XForwardedForClientSourceIpsTrusted",
            json!("10.0.0.1"),
            "listeners[\"443/HTTPS\"].x_forwarded_for.client_source_ips_trusted",
        ),
    ] {
        let mut live = same.clone();
        *live.pointer_mut(pointer).unwrap() = other;
        assert_eq!(drifted(&config, live), [attribute], "{pointer}");
    }
}

#[test]
fn what_the_controllers_rewrite_drops_is_told_and_is_no_drift() {
    let config = json!({"extra_spec": r#"{"config": {"securityGroupIds": ["sg-a"]}}"#, "address_type": "Intranet", "listeners": {"443/HTTPS": {
        "idle_timeout": 30, "tags": {"a": "1"}, "default_certificate": {"certificate_id": "1-a"},
        "x_forwarded_for": {"proto_enabled": true, "host_enabled": true}, "extra_spec": r#"{"new": 1}"#}}});
    let ours = alb_config(&state(&config));
    let mut rewritten = json!({"spec": {
        "config": {"addressType": "Intranet", "deletionProtectionEnabled": null, "modificationProtectionConfig": {"reason": "", "status": ""}},
        "listeners": [{"port": 443, "protocol": "HTTPS", "idleTimeout": 30, "defaultActions": null, "loadBalancerId": "",
            "xForwardedForConfig": {"XForwardedForProtoEnabled": true}}]}});
    let (left, dropped) = refresh::without_dropped(ours.clone(), &Object::from(rewritten.clone()));
    assert_eq!(
        dropped,
        [
            "spec.config.securityGroupIds",
            "spec.listeners[443/HTTPS].defaultCertificate",
            "spec.listeners[443/HTTPS].new",
            "spec.listeners[443/HTTPS].tags",
            "spec.listeners[443/HTTPS].xForwardedForConfig.XForwardedForHostEnabled",
        ]
    );
    assert!(differences(&Object::from(rewritten.clone()), &left, &AlbConfigMeaning).is_empty());

    // A field that the types know did not vanish by itself, and without the marks of a rewrite nothing did.
    rewritten["spec"]["listeners"][0]["idleTimeout"] = Json::Null;
    let (left, _) = refresh::without_dropped(ours.clone(), &Object::from(rewritten));
    assert_eq!(left["spec"]["listeners"][0]["idleTimeout"], 30);
    let edited =
        json!({"spec": {"config": {"addressType": "Intranet"}, "listeners": [{"port": 443, "protocol": "HTTPS"}]}});
    let (left, dropped) = refresh::without_dropped(ours.clone(), &Object::from(edited));
    assert_eq!((left, dropped), (ours, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_rewrite_that_drops_newer_fields_leaves_the_plan_empty_and_the_next_change_possible() {
    let fleet = FakeFleet::default();
    let mut config = waitable();
    config["listeners"]["8001/HTTP"] = json!({"tags": {"team": "edge"}, "idle_timeout": 30});
    let mut gateway = create(&fleet, &config).await;
    fleet.edit(ALB_CONFIG, |object| {
        let listener = &mut object["spec"]["listeners"][0];
        listener.as_object_mut().unwrap().remove("tags");
        listener["defaultActions"] = Json::Null;
        listener["loadBalancerId"] = json!("");
    });
    let answer = gateway.read().await;
    let told = warnings(&answer.diagnostics);
    assert_eq!(told, ["AlbConfig \"ackone-gateway-demo\": Fields Not Known to the Controller"]);
    assert_eq!(gateway.changes(&config), Vec::<&str>::new());
    config["listeners"]["8001/HTTP"]["idle_timeout"] = json!(45);
    let answer = gateway.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new(), "no conflict that nobody can resolve");
    assert_eq!(fleet.get(ALB_CONFIG).unwrap()["spec"]["listeners"][0]["idleTimeout"], 45);
}

#[tokio::test(start_paused = true)]
async fn drift_in_what_is_passed_on_shows_there() {
    let fleet = FakeFleet::default();
    let mut config = waitable();
    config["extra_spec"] = json!(r#"{"config": {"securityGroupIds": ["sg-a"]}}"#);
    config["extra_annotations"] = json!({"alb.ingress.kubernetes.io/cluster-weight.c1": "80"});
    config["annotations"] = json!({"example.com/team": "edge"});
    let mut gateway = create(&fleet, &config).await;
    let live = fleet.get(ALB_CONFIG).unwrap();
    assert_eq!(live["spec"]["config"]["securityGroupIds"], json!(["sg-a"]));
    assert_eq!(live["metadata"]["annotations"]["alb.ingress.kubernetes.io/cluster-weight.c1"], "80");
    let mut other_spelling = config.clone();
    other_spelling["extra_spec"] = json!(r#"{"config":{"securityGroupIds":["sg-a"]}}"#);
    assert_eq!(gateway.changes(&other_spelling), Vec::<&str>::new());

    fleet.edit(ALB_CONFIG, |object| {
        object["spec"]["config"]["securityGroupIds"] = json!(["sg-b"]);
        object["metadata"]["annotations"]["alb.ingress.kubernetes.io/cluster-weight.c1"] = json!("20");
        object["metadata"]["annotations"]["example.com/foreign"] = json!("theirs");
    });
    gateway.read().await;
    assert_eq!(gateway.state.attr("extra_spec"), Value::string(r#"{"config":{"securityGroupIds":["sg-b"]}}"#));
    let changed = gateway.changes(&config);
    assert!(changed.contains(&"extra_spec") && changed.contains(&"extra_annotations"), "{changed:?}");
    assert!(!changed.contains(&"annotations"), "{changed:?}");
    gateway.apply(&config).await;
    let live = fleet.get(ALB_CONFIG).unwrap();
    assert_eq!(live["spec"]["config"]["securityGroupIds"], json!(["sg-a"]));
    assert_eq!(live["metadata"]["annotations"]["alb.ingress.kubernetes.io/cluster-weight.c1"], "80");
    assert_eq!(live["metadata"]["annotations"]["example.com/foreign"], "theirs", "a foreign annotation survives");

    // What is handed on is not read, so false is a value and not the default.
    for (text, live) in [
        (r#"{"config": {"newSwitch": false, "newGroup": {}}}"#, json!({"newSwitch": false, "newGroup": {}})),
        (r#"{"config": {"newSwitch": true}}"#, json!({"newSwitch": true})),
        (r#"{"config": {"newSwitch": false}}"#, json!({"newSwitch": false})),
        ("{}", json!({})),
    ] {
        config["extra_spec"] = json!(text);
        gateway.apply(&config).await;
        let mut found = fleet.get(ALB_CONFIG).unwrap()["spec"]["config"].clone();
        found.as_object_mut().unwrap().retain(|name, _| name.starts_with("new"));
        assert_eq!(found, live, "{text}");
        gateway.read().await;
        assert!(!gateway.changes(&config).contains(&"extra_spec"), "{text}");
    }
    config["extra_spec"] = json!(r#"{"config": {"newSwitch": false}}"#);
    gateway.apply(&config).await;
    fleet.edit(ALB_CONFIG, |object| drop(object["spec"]["config"].as_object_mut().unwrap().remove("newSwitch")));
    gateway.read().await;
    assert!(gateway.changes(&config).contains(&"extra_spec"));

    // An import takes nothing that has no attribute: it is foreign.
    let mut imported = instance(&fleet);
    imported.import("ackone-gateway-demo").await;
    for name in ["extra_spec", "extra_annotations"] {
        assert_eq!(imported.state.attr(name), Value::Null, "{name}");
    }
    assert_eq!(imported.state.attr("annotations").as_map().unwrap().len(), 2);
}

#[test]
fn a_listener_that_leaves_port_or_protocol_to_the_controller_is_the_one_that_it_takes_it_for() {
    let config = json!({"listeners": {"80/HTTP": {"idle_timeout": 30}}});
    for listener in [json!({"protocol": "HTTP"}), json!({"port": 80}), json!({"port": 0, "protocol": ""})] {
        let mut live = json!({"spec": {"config": {}, "listeners": [listener]}});
        live["spec"]["listeners"][0]["idleTimeout"] = json!(30);
        assert_eq!(drifted(&config, live.clone()), Vec::<String>::new());
        live["spec"]["listeners"][0]["idleTimeout"] = json!(31);
        assert_eq!(drifted(&config, live), ["listeners[\"80/HTTP\"].idle_timeout"]);
    }
}

#[test]
fn a_default_certificate_of_another_kind_belongs_to_what_handed_it_on() {
    let secret = r#"{"defaultCertificate": {"kind": "Secret", "secretName": "x"}}"#;
    let config = json!({"listeners": {"443/HTTPS": {"extra_spec": secret}}});
    let live = |certificate: Json| json!({"spec": {"config": {}, "listeners": [{"port": 443, "protocol": "HTTPS", "defaultCertificate": certificate}]}});
    let at = "listeners[\"443/HTTPS\"].extra_spec";
    assert_eq!(drifted(&config, live(json!({"kind": "Secret", "secretName": "x"}))), Vec::<String>::new());
    assert_eq!(drifted(&config, live(json!({"kind": "CertIdentifier", "secretName": "x"}))), [at]);
    let typed = json!({"listeners": {"443/HTTPS": {"default_certificate": {"certificate_id": "1-a"}}}});
    let found = drifted(&typed, live(json!({"kind": "Secret", "certificateId": "1-a"})));
    assert_eq!(found, ["listeners[\"443/HTTPS\"].default_certificate"]);
}

#[tokio::test(start_paused = true)]
async fn the_default_class_is_an_annotation_of_the_ingress_class() {
    let fleet = FakeFleet::default();
    let mut config = waitable();
    config["default_ingress_class"] = json!(true);
    let mut gateway = create(&fleet, &config).await;
    let annotation = "ingressclass.kubernetes.io/is-default-class";
    assert_eq!(fleet.get(CLASS).unwrap()["metadata"]["annotations"][annotation], "true");
    fleet.edit(CLASS, |object| object["metadata"]["annotations"][annotation] = json!("false"));
    gateway.read().await;
    assert!(gateway.changes(&config).contains(&"default_ingress_class"));
    gateway.apply(&config).await;
    assert_eq!(fleet.get(CLASS).unwrap()["metadata"]["annotations"][annotation], "true");
    assert_eq!(gateway.changes(&config), Vec::<&str>::new());
}

#[test]
fn a_state_written_before_the_new_attributes_is_read() {
    let mut old = nothing().to_value();
    let Value::Map(attributes) = &mut old else { panic!("no object") };
    attributes.retain(|name, _| !["reuse", "extra_spec", "extra_annotations", "access_log"].contains(&name.as_str()));
    old.set("listeners", value(&json!({"443/HTTPS": {"idle_timeout": 5}})));
    let state: Gateway<Stored> = Field::from_value(&old).unwrap();
    assert_eq!(state.listeners.unwrap()["443/HTTPS"].as_ref().unwrap().idle_timeout, Some(5));
}
