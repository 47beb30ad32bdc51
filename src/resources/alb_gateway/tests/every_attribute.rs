//! A gateway with every attribute set, and what a change of each does: the plan updates or replaces as the documentation
//! says, and what is written differs in exactly that field.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::framework::erased::HostCapabilities;
use crate::framework::plan::resolve;
use crate::framework::schema::{Attribute, Kind};
use crate::resources::alb_gateway::coverage::ALB_CONFIG as FIELDS;
use crate::resources::alb_gateway::object::{alb_config, ingress_class, listener_key};
use crate::resources::coverage::Handled;
use crate::resources::testing::optional_places;

/// Every attribute but local settings. Entries and IDs of an access control list exclude each other, so there are two
/// listeners.
pub(super) fn config() -> Json {
    serde_json::from_str(include_str!("../testdata/every_attribute.json")).unwrap()
}

/// A change: attribute, where it is in the configuration, its new value, and what must be away for it to be allowed.
struct Step(&'static str, &'static str, Json, &'static [&'static str]);

/// One for each attribute.
fn steps() -> Vec<Step> {
    let reusing: &[&str] = &["zone_mappings"];
    let new: &[&str] = &["reuse"];
    let mut steps = vec![
        Step("name", "/name", json!("other"), new),
        Step("remote_clusters", "/remote_clusters", json!(["c11111111111111111111111111111111"]), new),
        Step("load_balancer_name", "/load_balancer_name", json!("two"), new),
        Step("address_type", "/address_type", json!("Intranet"), &["reuse", "bandwidth_package_id"]),
        Step("address_allocated_mode", "/address_allocated_mode", json!("Dynamic"), new),
        Step("address_ip_version", "/address_ip_version", json!("IPv4"), &["reuse", "ipv6_address_type"]),
        Step("ipv6_address_type", "/ipv6_address_type", json!("Intranet"), new),
        Step("edition", "/edition", json!("Standard"), new),
        Step("resource_group_id", "/resource_group_id", json!("rg-b"), new),
        Step("bandwidth_package_id", "/bandwidth_package_id", json!("cbwp-b"), new),
        Step("access_log.project", "/access_log/project", json!("other-logs"), new),
        Step("access_log.store", "/access_log/store", json!("alb_other"), new),
        Step("reuse.load_balancer_id", "/reuse/load_balancer_id", json!("alb-b"), reusing),
        Step("reuse.force_override", "/reuse/force_override", json!(false), reusing),
        Step("reuse.listener_force_override", "/reuse/listener_force_override", json!(false), reusing),
        Step("zone_mappings.vswitch_id", "/zone_mappings/0/vswitch_id", json!("vsw-c"), new),
        Step("zone_mappings.zone_id", "/zone_mappings/0/zone_id", json!("cn-hangzhou-j"), new),
        Step("zone_mappings.allocation_id", "/zone_mappings/0/allocation_id", json!("eip-c"), new),
        Step("tags", "/tags/team", json!("core"), new),
    ];
    let at = |name: &'static str, pointer: &'static str, value: Json| Step(name, pointer, value, &["reuse"]);
    steps.extend([
        at("listeners.description", "description", json!("gateway")),
        at("listeners.idle_timeout", "idle_timeout", json!(61)),
        at("listeners.request_timeout", "request_timeout", json!(121)),
        at("listeners.gzip_enabled", "gzip_enabled", json!(false)),
        at("listeners.http2_enabled", "http2_enabled", json!(false)),
        at("listeners.security_policy_id", "security_policy_id", json!("tls_cipher_policy_1_2_strict")),
        at("listeners.certificates.certificate_id", "certificates/0/certificate_id", json!("1000009-cn-hangzhou")),
        at("listeners.certificates.default", "certificates/0/default", json!(false)),
        at(
            "listeners.default_certificate.certificate_id",
            "default_certificate/certificate_id",
            json!("1000009-cn-hangzhou"),
        ),
        at("listeners.ca_enabled", "ca_enabled", json!(false)),
        at("listeners.ca_certificates", "ca_certificates", json!(["1000005-cn-hangzhou"])),
        at("listeners.quic.upgrade_enabled", "quic/upgrade_enabled", json!(false)),
        at("listeners.quic.listener_id", "quic/listener_id", json!("lsn-b")),
        at("listeners.log.custom_headers_enabled", "log/custom_headers_enabled", json!(false)),
        at("listeners.log.custom_headers_allow_disable", "log/custom_headers_allow_disable", json!(false)),
        at("listeners.log.tracing.enabled", "log/tracing/enabled", json!(false)),
        at("listeners.log.tracing.type", "log/tracing/type", json!("Other")),
        at("listeners.log.tracing.sample", "log/tracing/sample", json!(0)),
        at("listeners.acl.type", "acl/type", json!("Black")),
        at("listeners.acl.entries", "acl/entries", json!(["10.0.0.0/8", "192.168.0.0/16"])),
        at("listeners.acl.name", "acl/name", json!("others")),
        at("listeners.tags", "tags/purpose", json!("other")),
    ]);
    let aliases = ["subject_dn", "issuer_dn", "fingerprint", "client_verify"];
    let switches = [
        "enabled",
        "proto_enabled",
        "slb_id_enabled",
        "slb_port_enabled",
        "client_src_port_enabled",
        "host_enabled",
        "client_source_ips_enabled",
    ];
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let forwarded = |name: &str, value: Json| {
        at(leak(format!("listeners.x_forwarded_for.{name}")), leak(format!("x_forwarded_for/{name}")), value)
    };
    steps.extend(switches.map(|name| forwarded(name, json!(false))));
    steps.extend(aliases.map(|name| forwarded(&format!("client_cert_{name}_enabled"), json!(false))));
    steps.extend(aliases.map(|name| forwarded(&format!("client_cert_{name}_alias"), json!("other"))));
    steps.push(forwarded("processing_mode", json!("append")));
    steps.push(forwarded("client_source_ips_trusted", json!(["10.0.0.0/8", "192.168.0.1"])));
    steps
}

/// The field of the AlbConfig that an attribute is, and whether a change of it replaces the load balancer.
fn documented(attribute: &str) -> (String, bool) {
    let field = FIELDS.fields.iter().find(|field| field.handled == Handled::Typed(leak(attribute))).unwrap();
    let table = include_str!("../testdata/alb_config_fields.tsv");
    let standing = table.lines().find_map(|line| line.strip_prefix(field.name)?.strip_prefix('\t')).unwrap();
    // Lists are compared whole, but for that of listeners.
    let (start, rest) = field
        .name
        .split_at(field.name.find("[].").filter(|_| field.name.starts_with("spec.listeners")).map_or(0, |at| at + 3));
    (format!("{start}{}", rest.split("[]").next().unwrap()), standing == "creation-only")
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn pointer(step: &Step) -> String {
    if step.1.starts_with('/') { step.1.to_owned() } else { format!("/listeners/443~1HTTPS/{}", step.1) }
}

/// Leaves of an object by their paths; lists are leaves, but for that of listeners.
fn leaves(at: &str, value: &Json, found: &mut BTreeMap<String, Json>) {
    match value {
        Json::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let below = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                leaves(&below, value, found);
            }
        }
        Json::Array(listeners) if at == "spec.listeners" => {
            for listener in listeners {
                let at =
                    if listener_key(listener) == "443/HTTPS" { "spec.listeners[]" } else { "spec.listeners[other]" };
                leaves(at, listener, found);
            }
        }
        leaf => {
            found.insert(at.to_owned(), leaf.clone());
        }
    }
}

/// The fields in which two objects differ.
fn differences(a: &Json, b: &Json) -> Vec<String> {
    let [a, b] = [a, b].map(|object| {
        let mut found = BTreeMap::new();
        leaves("", object, &mut found);
        found
    });
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    names.into_iter().filter(|name| a.get(*name) != b.get(*name)).cloned().collect()
}

fn without(names: &[&str]) -> Json {
    let mut config = config();
    for name in names {
        config.as_object_mut().unwrap().remove(*name);
    }
    config
}

async fn created(fleet: &FakeFleet, config: &Json) -> Instance {
    let gateway = create(fleet, config).await;
    assert_eq!(gateway.changes(config), Vec::<&str>::new(), "the second plan is empty");
    gateway
}

fn intents(planned: &Value) -> (Json, Json) {
    let state = Field::from_value(&resolve(planned)).unwrap();
    (alb_config(&state), ingress_class(&state))
}

#[tokio::test(start_paused = true)]
async fn a_changed_attribute_updates_or_replaces_as_documented_and_changes_only_its_field() {
    let mut made: BTreeMap<String, (Instance, Json)> = BTreeMap::new();
    for step in steps() {
        let base = without(step.3);
        let key = step.3.join(",");
        if !made.contains_key(&key) {
            let instance = created(&FakeFleet::default(), &base).await;
            made.insert(key.clone(), (instance, base.clone()));
        }
        let (gateway, _) = &made[&key];
        let mut changed = base.clone();
        let place = changed.pointer_mut(&pointer(&step)).unwrap_or_else(|| panic!("{} is not set", step.0));
        assert_ne!(*place, step.2, "{} is no change", step.0);
        *place = step.2.clone();
        let plan = gateway.plan(&changed);
        assert_eq!(errors(&plan.diagnostics), Vec::<String>::new(), "{}", step.0);
        let (field, replaces) = documented(step.0);
        assert_eq!(!plan.requires_replace.is_empty(), replaces, "{}: {:?}", step.0, plan.requires_replace);
        let warned = plan.diagnostics.iter().any(|told| told.summary == "Load Balancer Replaced");
        assert_eq!(warned, replaces, "{}", step.0);
        if step.0 == "name" {
            continue;
        }
        let (before, class) = intents(&gateway.state);
        let (after, class_after) = intents(&plan.planned.unwrap());
        let expected = if field.starts_with("alb.") { format!("metadata.annotations.{field}") } else { field };
        assert_eq!(differences(&before, &after), [expected], "{}", step.0);
        assert_eq!(class, class_after, "{}", step.0);
    }
}

/// Attributes that cannot be left out while everything else is there: rules refuse it.
const NEEDED: [&str; 10] = [
    // Listeners log there.
    "/access_log",
    "/address_ip_version",
    // Bound is bound.
    "/bandwidth_package_id",
    "/listeners/443~1HTTPS/acl/entries",
    "/listeners/443~1HTTPS/ca_certificates",
    "/listeners/443~1HTTPS/x_forwarded_for/client_source_ips_trusted",
    "/listeners/80~1HTTP/acl/ids",
    // A load balancer is either reused or has zones.
    "/reuse",
    "/reuse/load_balancer_id",
    "/zone_mappings",
];
/// Attributes that are creation-only and whose default is another value.
const REPLACED: [&str; 3] =
    ["/address_allocated_mode", "/zone_mappings/0/allocation_id", "/zone_mappings/1/allocation_id"];

#[tokio::test(start_paused = true)]
async fn an_attribute_that_is_left_out_leaves_the_object_and_only_it() {
    let (mut refused, mut replaced) = (BTreeSet::new(), BTreeSet::new());
    for away in [&["reuse"][..], &["zone_mappings"]] {
        let mut base = without(away);
        base["wait"] = json!(false);
        let fleet = FakeFleet::default();
        let mut gateway = create(&fleet, &base).await;
        let made = (fleet.objects(), gateway.state.clone(), gateway.private.clone());
        for place in optional_places(&AlbGateway::schema().attributes, &base) {
            let (objects, state, private) = made.clone();
            fleet.put_back(objects);
            (gateway.state, gateway.private) = (state, private);
            gateway.next_command(fleet.clients(settings()));
            let mut less = base.clone();
            *less.pointer_mut(&place).unwrap() = Json::Null;
            let host = HostCapabilities { write_only_attributes: true };
            let plan = gateway.plan(&less);
            if plan.diagnostics.has_errors() || gateway.resource.validate(&gateway.config(&less), host).has_errors() {
                refused.insert(place);
                continue;
            }
            if !plan.requires_replace.is_empty() {
                replaced.insert(place);
                continue;
            }
            let (wanted, class) = intents(&plan.planned.unwrap());
            let answer = gateway.apply(&less).await;
            assert_eq!(errors(&answer.diagnostics), Vec::<String>::new(), "{place}");
            let live = fleet.get(ALB_CONFIG).unwrap();
            assert_eq!(live["spec"], wanted["spec"], "{place}");
            let map = |object: &Json, name: &str| object["metadata"].get(name).cloned().unwrap_or(json!({}));
            for name in ["annotations", "labels"] {
                assert_eq!(map(&live, name), map(&wanted, name), "{place}");
            }
            let name = less["ingress_class_name"].as_str().unwrap_or("ackone-gateway-demo");
            let live = fleet.get(&CLASS.replace("/alb", &format!("/{name}"))).unwrap();
            assert_eq!(live["spec"], class["spec"], "{place}");
            assert_eq!(map(&live, "annotations"), map(&class, "annotations"), "{place}");
            gateway.read().await;
            assert_eq!(gateway.changes(&less), Vec::<&str>::new(), "{place}: the second plan is empty");
        }
    }
    let listed = |places: &BTreeSet<String>| places.iter().cloned().collect::<Vec<_>>();
    assert_eq!(listed(&refused), NEEDED);
    assert_eq!(replaced, REPLACED.map(str::to_owned).into());
}

#[tokio::test(start_paused = true)]
async fn metadata_and_what_is_passed_on_change_only_themselves() {
    let base = without(&["reuse"]);
    let gateway = created(&FakeFleet::default(), &base).await;
    for (name, at, value, field) in [
        ("labels", "/labels/team", json!("core"), "metadata.labels.team"),
        ("annotations", "/annotations/example.com~1team", json!("core"), "metadata.annotations.example.com/team"),
        (
            "extra_annotations",
            "/extra_annotations/alb.ingress.kubernetes.io~1cluster-weight.c1",
            json!("20"),
            "metadata.annotations.alb.ingress.kubernetes.io/cluster-weight.c1",
        ),
        ("extra_spec", "/extra_spec", json!(r#"{"config":{"newField":"b"}}"#), "spec.config.newField"),
        (
            "listeners.extra_spec",
            "/listeners/443~1HTTPS/extra_spec",
            json!(r#"{"newField":"b"}"#),
            "spec.listeners[].newField",
        ),
        (
            "listeners.acl.ids",
            "/listeners/80~1HTTP/acl/ids",
            json!(["acl-b"]),
            "spec.listeners[other].aclConfig.aclIds",
        ),
        ("pay_type", "/pay_type", Json::Null, "spec.config.billingConfig.payType"),
    ] {
        let mut changed = base.clone();
        *changed.pointer_mut(at).unwrap() = value;
        let plan = gateway.plan(&changed);
        assert_eq!(errors(&plan.diagnostics), Vec::<String>::new(), "{name}");
        assert_eq!(plan.requires_replace, Vec::new(), "{name}");
        let (before, class) = intents(&gateway.state);
        let (after, class_after) = intents(&plan.planned.unwrap());
        assert_eq!((differences(&before, &after), class_after), (vec![field.to_owned()], class), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn settings_of_the_class_change_only_the_class() {
    let base = without(&["reuse"]);
    let gateway = created(&FakeFleet::default(), &base).await;
    for (name, value) in [
        ("ingress_class_name", json!("alb-2")),
        ("default_ingress_class", json!(false)),
        ("manage_ingress_class", json!(false)),
    ] {
        let mut changed = base.clone();
        changed[name] = value;
        let plan = gateway.plan(&changed);
        assert_eq!((errors(&plan.diagnostics), plan.requires_replace.len()), (Vec::new(), 0), "{name}");
        let ((before, class), (after, class_after)) = (intents(&gateway.state), intents(&plan.planned.unwrap()));
        assert_eq!(before, after, "{name}");
        assert_eq!(class != class_after, name == "default_ingress_class", "{name}");
    }
}

#[test]
fn every_attribute_that_reaches_the_fleet_is_walked() {
    fn paths(attributes: &[Attribute], prefix: &str, found: &mut BTreeSet<String>) {
        for attribute in attributes.iter().filter(|attribute| attribute.is_configurable() && !attribute.local) {
            let path = format!("{prefix}{}", attribute.name);
            match &attribute.kind {
                Kind::Nested(_, nested) => paths(nested, &format!("{path}."), found),
                Kind::Value(_) => {
                    found.insert(path);
                }
            }
        }
    }
    let mut all = BTreeSet::new();
    paths(&AlbGateway::schema().attributes, "", &mut all);
    let mut walked: BTreeSet<String> = steps().iter().map(|step| step.0.to_owned()).collect();
    let elsewhere = [
        "labels",
        "annotations",
        "extra_annotations",
        "extra_spec",
        "listeners.extra_spec",
        "listeners.acl.ids",
        "pay_type",
        "ingress_class_name",
        "default_ingress_class",
        "manage_ingress_class",
    ];
    walked.extend(elsewhere.map(str::to_owned));
    assert_eq!(all, walked);
    assert!(all.len() > 60, "{}", all.len());
}

#[tokio::test(start_paused = true)]
async fn zone_mappings_of_a_reused_load_balancer_replace_nothing() {
    let base = config();
    let gateway = created(&FakeFleet::default(), &base).await;
    let mut changed = base.clone();
    changed["zone_mappings"][0]["vswitch_id"] = json!("vsw-c");
    assert_eq!(gateway.plan(&changed).requires_replace, Vec::new(), "the controller does not read them");
    changed.as_object_mut().unwrap().remove("reuse");
    let plan = gateway.plan(&changed);
    assert_eq!(plan.requires_replace, [Path::attribute("reuse"), Path::attribute("zone_mappings")]);
    let told = plan.diagnostics.iter().find(|told| told.summary == "Load Balancer Replaced").unwrap();
    assert!(told.detail.contains("stays") && told.detail.contains("alb-1.example.aliyuncs.com"), "{}", told.detail);
}

#[tokio::test(start_paused = true)]
async fn a_fact_from_before_an_attribute_existed_replaces_nothing() {
    let mut base = without(&["reuse"]);
    let mut gateway = created(&FakeFleet::default(), &base).await;
    let mut private = Private::decode(&gateway.private);
    let mut fact: BTreeMap<String, Json> = serde_json::from_str(private.fact(APPLIED_FACT).unwrap()).unwrap();
    assert!(fact.remove("pay_type").is_some() && fact.remove("reuse.load_balancer_id").is_some());
    private.set_fact(APPLIED_FACT, json!(fact).to_string());
    gateway.private = private.encode();
    base["edition"] = json!("Standard");
    assert_eq!(gateway.plan(&base).requires_replace, Vec::new());
}
