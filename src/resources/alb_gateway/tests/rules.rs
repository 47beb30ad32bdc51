//! Each rule by itself: what it refuses or tells, what it lets pass, and that it is silent about what is unknown.

use super::*;
use crate::framework::diagnostic::Diagnostics;
use crate::resources::alb_gateway::object::{alb_config, nothing};
use crate::resources::alb_gateway::rules::{
    Rule, Scene, clusters, listeners, load_balancer, network, shown, v02_names, written,
};
use crate::resources::testing::value;

pub(super) fn tells(rule: Rule, config: &Json) -> Vec<String> {
    let value = value(config);
    let mut told = Diagnostics::new();
    rule(&Scene { value: &value, prior: None, creating: false }, &mut told);
    shown(&told)
}

/// Asserts what a rule tells of a configuration; nothing if `expected` is empty.
pub(super) fn check(rule: Rule, config: Json, expected: &[&str]) {
    assert_eq!(tells(rule, &config), expected, "{config}");
}

pub(super) fn https(settings: &Json) -> Json {
    json!({"listeners": {"443/HTTPS": settings}})
}

#[tokio::test]
async fn v02_names_are_dns_names_without_the_reserved_beginning() {
    let rule = v02_names("Gateway");
    for name in ["a", "ackone-gateway-demo", "a.b"] {
        assert!(rule(&Value::string(name)).is_ok(), "{name}");
    }
    for name in ["", "A", "a_b", "aliyun", "aliyun-gateway"] {
        assert!(rule(&Value::string(name)).is_err(), "{name}");
    }
    let unknown = instance(&FakeFleet::default()).plan(&{
        let mut config = walkthrough();
        config["name"] = json!("(unknown)");
        config["ingress_class_name"] = json!("(unknown)");
        config
    });
    assert_eq!(errors(&unknown.diagnostics), Vec::<String>::new());
}

#[test]
fn v03_a_new_load_balancer_has_zone_mappings() {
    let rule = load_balancer::v03_zone_mappings;
    let (a, b) = (json!({"vswitch_id": "vsw-a"}), json!({"vswitch_id": "vsw-b"}));
    check(rule, json!({}), &["E zone_mappings: No Zone Mappings"]);
    check(rule, json!({"zone_mappings": []}), &["E zone_mappings: No Zone Mappings"]);
    check(rule, json!({"zone_mappings": [a]}), &["W zone_mappings: Single Zone"]);
    let twice = "E zone_mappings[1].vswitch_id: Duplicate Zone Mapping";
    let thrice = "E zone_mappings[2].vswitch_id: Duplicate Zone Mapping";
    check(rule, json!({"zone_mappings": [a, a, a]}), &[twice, thrice]);
    check(rule, json!({"zone_mappings": [a, b]}), &[]);
    check(rule, json!({"zone_mappings": "(unknown)"}), &[]);
    check(rule, json!({"zone_mappings": ["(unknown)", {"vswitch_id": "(unknown)"}, {"vswitch_id": "(unknown)"}]}), &[]);
    check(rule, json!({"reuse": "(unknown)"}), &[]);
    check(rule, json!({"reuse": {"load_balancer_id": "(unknown)"}}), &[]);
}

#[test]
fn v04_vswitch_ids_look_like_such() {
    let rule = load_balancer::v04_vswitch_id;
    let with =
        |ids: &[&str]| json!({"zone_mappings": ids.iter().map(|id| json!({"vswitch_id": id})).collect::<Json>()});
    let at = |index: usize| format!("E zone_mappings[{index}].vswitch_id: Invalid vSwitch ID");
    check(rule, with(&["sw-a", "vsw-b", "vsw-", "vsw-A", "vsw-a-b"]), &[&at(0), &at(2), &at(3), &at(4)]);
    check(rule, with(&["vsw-bp1abc", "(unknown)"]), &[]);
}

#[test]
fn v05_zones_differ() {
    let rule = load_balancer::v05_zone_id;
    let with = |zones: [&str; 2]| json!({"zone_mappings": [{"zone_id": zones[0]}, {"zone_id": zones[1]}, {}]});
    check(rule, with(["cn-h", "cn-h"]), &["E zone_mappings[1].zone_id: Duplicate Zone Mapping"]);
    check(rule, with(["cn-h", "cn-i"]), &[]);
    check(rule, with(["(unknown)", "(unknown)"]), &[]);
}

/// A choice that is spelled exactly, and another spelling.
fn chooses(rule: Rule, name: &str, good: &str, bad: &str) {
    let found = tells(rule, &json!({ name: bad }));
    assert!(found.len() == 1 && found[0].starts_with(&format!("E {name}: Invalid ")), "{found:?}");
    check(rule, json!({ name: good }), &[]);
    check(rule, json!({ name: "(unknown)" }), &[]);
    check(rule, json!({}), &[]);
}

#[test]
fn v06_the_address_type_exists() {
    chooses(load_balancer::v06_address_type, "address_type", "Intranet", "internet");
}

#[test]
fn v07_the_address_mode_exists() {
    chooses(load_balancer::v07_address_allocated_mode, "address_allocated_mode", "Fixed", "fixed");
}

#[test]
fn v09_the_edition_exists() {
    chooses(load_balancer::v09_edition, "edition", "StandardWithWaf", "Basic");
}

#[test]
fn v11_there_is_one_way_to_pay() {
    chooses(load_balancer::v11_pay_type, "pay_type", "PostPay", "PrePay");
}

#[test]
fn v07_a_new_load_balancer_with_dynamic_addresses_is_told() {
    let rule = load_balancer::v07_address_allocated_mode;
    let of_new = |config: Json| {
        let value = value(&config);
        let mut told = Diagnostics::new();
        rule(&Scene { value: &value, prior: None, creating: true }, &mut told);
        shown(&told)
    };
    let warning = ["W address_allocated_mode: Dynamic Addresses"];
    assert_eq!(of_new(json!({})), warning);
    assert_eq!(of_new(json!({"address_allocated_mode": "Dynamic"})), warning);
    for quiet in [
        json!({"address_allocated_mode": "Fixed"}),
        json!({"address_allocated_mode": "(unknown)"}),
        json!({"reuse": {"load_balancer_id": "alb-1"}}),
        json!({"reuse": "(unknown)"}),
    ] {
        assert_eq!(of_new(quiet), Vec::<String>::new());
    }
    check(rule, json!({}), &[]);
}

#[test]
fn v08_the_ipv6_address_type_needs_ipv6() {
    let rule = load_balancer::v08_address_ip_version;
    check(rule, json!({"address_ip_version": "IPv6"}), &["E address_ip_version: Invalid Address Version"]);
    let without = "E ipv6_address_type: IPv6 Setting Without IPv6";
    check(rule, json!({"ipv6_address_type": "Internet"}), &[without]);
    check(rule, json!({"ipv6_address_type": "Internet", "address_ip_version": "IPv4"}), &[without]);
    let spelled = "E ipv6_address_type: Invalid IPv6 Address Type";
    check(rule, json!({"ipv6_address_type": "internet", "address_ip_version": "DualStack"}), &[spelled]);
    check(rule, json!({"ipv6_address_type": "Internet", "address_ip_version": "DualStack"}), &[]);
    check(rule, json!({"ipv6_address_type": "Internet", "address_ip_version": "(unknown)"}), &[]);
    check(rule, json!({"ipv6_address_type": "(unknown)"}), &[]);
}

#[test]
fn v10_whoever_overwrites_a_reused_load_balancer_names_its_edition() {
    let rule = load_balancer::v10_reused_edition;
    let reuse = json!({"load_balancer_id": "alb-1", "force_override": true});
    check(rule, json!({"reuse": reuse}), &["W edition: Edition Not Named"]);
    check(rule, json!({"reuse": reuse, "edition": "StandardWithWaf"}), &[]);
    check(rule, json!({"reuse": reuse, "edition": "(unknown)"}), &[]);
    check(rule, json!({"reuse": {"load_balancer_id": "alb-1"}}), &[]);
    check(rule, json!({"reuse": {"force_override": true}}), &[]);
    check(rule, json!({"reuse": {"load_balancer_id": "(unknown)", "force_override": true}}), &[]);
    check(rule, json!({"reuse": {"load_balancer_id": "alb-1", "force_override": "(unknown)"}}), &[]);
    check(rule, json!({"reuse": "(unknown)"}), &[]);
}

#[test]
fn v12_a_bandwidth_package_is_for_public_addresses_and_stays() {
    let rule = load_balancer::v12_bandwidth_package;
    let package = |address: &str| json!({"bandwidth_package_id": "cbwp-1", "address_type": address});
    check(rule, package("Intranet"), &["E bandwidth_package_id: Bandwidth Package Needs Public Addresses"]);
    check(rule, package("Internet"), &[]);
    check(rule, package("(unknown)"), &[]);
    check(rule, json!({"bandwidth_package_id": "(unknown)", "address_type": "Intranet"}), &[]);
    let after = |config: Json| {
        let (value, prior) = (value(&config), value(&json!({"bandwidth_package_id": "cbwp-1"})));
        let mut told = Diagnostics::new();
        rule(&Scene { value: &value, prior: Some(&prior), creating: false }, &mut told);
        shown(&told)
    };
    assert_eq!(after(json!({})), ["E bandwidth_package_id: Bandwidth Package Cannot Be Unbound"]);
    assert_eq!(after(json!({"bandwidth_package_id": "cbwp-1"})), Vec::<String>::new());
    assert_eq!(after(json!({"bandwidth_package_id": "(unknown)"})), Vec::<String>::new());
}

#[tokio::test]
async fn v13_an_access_log_has_both_names_in_the_right_length() {
    let lengths = load_balancer::v13_access_log;
    let log = |project: &str, store: &str| json!({"access_log": {"project": project, "store": store}});
    let bad = ["E access_log.project: Invalid Access Log", "E access_log.store: Invalid Access Log"];
    check(lengths, log("abc", "a"), &bad);
    check(lengths, log(&"a".repeat(64), &"a".repeat(65)), &bad);
    check(lengths, log("abcd", "ab"), &[]);
    check(lengths, log(&"a".repeat(63), &"a".repeat(64)), &[]);
    check(lengths, log("(unknown)", "(unknown)"), &[]);
    check(lengths, json!({"access_log": "(unknown)"}), &[]);
    // Both or none: the schema requires both.
    let mut config = walkthrough();
    config["access_log"] = json!({"project": "abcd"});
    let plan = instance(&FakeFleet::default()).plan(&config);
    assert_eq!(errors(&plan.diagnostics), ["access_log.store: Missing Required Value"]);
}

#[test]
fn v14_a_logstore_has_the_prefix() {
    let rule = load_balancer::v14_log_store;
    let log = |store: &str| json!({"access_log": {"project": "abcd", "store": store}});
    for bad in ["access", "alb", "albaccess", "ALB_access", "_alb_access"] {
        check(rule, log(bad), &["E access_log.store: Invalid Logstore Name"]);
    }
    check(rule, log("alb_access"), &[]);
    check(rule, log("(unknown)"), &[]);
    check(rule, json!({"access_log": "(unknown)"}), &[]);
}

#[test]
fn v15_tag_keys_are_ones_that_the_cloud_takes() {
    let rule = load_balancer::v15_tags;
    let tags = json!({"": "x", "acs:a": "x", "aliyun": "x", "team": ""});
    let mut config = https(&json!({"tags": {"acs:b": "x", "ok": "x"}}));
    config["tags"] = tags;
    check(
        rule,
        config,
        &[
            "E tags[\"\"]: Invalid Tag Key",
            "E tags[\"acs:a\"]: Invalid Tag Key",
            "E tags[\"aliyun\"]: Invalid Tag Key",
            "E listeners[\"443/HTTPS\"].tags[\"acs:b\"]: Invalid Tag Key",
        ],
    );
    check(rule, json!({"tags": "(unknown)", "listeners": "(unknown)"}), &[]);
}

fn overriding(id: Option<&str>) -> Json {
    json!({"reuse": {"load_balancer_id": id, "force_override": true, "listener_force_override": true}})
}

#[test]
fn v16_overwriting_deletes_what_is_not_declared() {
    let rule = load_balancer::v16_overridden_listeners;
    let told = ["force_override", "listener_force_override"]
        .map(|at| format!("W reuse.{at}: Undeclared Listeners Are Deleted"));
    assert_eq!(tells(rule, &overriding(Some("alb-1"))), told);
    check(rule, json!({"reuse": {"load_balancer_id": "alb-1", "force_override": false}}), &[]);
    check(rule, json!({"reuse": {"load_balancer_id": "alb-1", "force_override": "(unknown)"}}), &[]);
    check(rule, overriding(None), &[]);
    check(rule, overriding(Some("(unknown)")), &[]);
}

#[test]
fn v17_overwriting_needs_something_to_overwrite() {
    let rule = load_balancer::v17_override_needs_id;
    let told = ["force_override", "listener_force_override"].map(|at| format!("E reuse.{at}: Nothing to Override"));
    assert_eq!(tells(rule, &overriding(None)), told);
    check(rule, overriding(Some("alb-1")), &[]);
    check(rule, overriding(Some("(unknown)")), &[]);
    check(rule, json!({"reuse": {"force_override": "(unknown)"}}), &[]);
    check(rule, json!({"reuse": {"force_override": false}}), &[]);
}

#[test]
fn v18_a_reused_load_balancer_has_an_id_and_needs_no_zones() {
    let rule = load_balancer::v18_reused_id;
    let reuse = |id: &str| json!({"reuse": {"load_balancer_id": id}});
    for bad in ["lb-1", "alb-", "ALB-1", "alb-A", "alb-a-b"] {
        check(rule, reuse(bad), &["E reuse.load_balancer_id: Invalid Load Balancer ID"]);
    }
    check(rule, reuse("alb-bp1abc"), &[]);
    check(rule, reuse("(unknown)"), &[]);
    check(load_balancer::v03_zone_mappings, reuse("alb-bp1abc"), &[]);
}

#[test]
fn v19_security_groups_and_acls_exclude_each_other() {
    let rule = network::v19_security_groups;
    let with =
        |extra: Json, acl: Json| json!({"extra_spec": extra, "listeners": {"443/HTTPS": {"acl": acl}, "80/HTTP": {}}});
    let groups = || json!(r#"{"config": {"securityGroupIds": ["sg-a"]}}"#);
    let acl = || json!({"type": "White", "ids": ["acl-1"]});
    let told = "E listeners[\"443/HTTPS\"].acl: Access Control List and Security Groups";
    check(rule, with(groups(), acl()), &[told]);
    check(rule, with(groups(), Json::Null), &[]);
    check(rule, with(groups(), json!("(unknown)")), &[]);
    check(rule, with(json!(r#"{"config": {"securityGroupIds": []}}"#), acl()), &[]);
    check(rule, with(json!("(unknown)"), acl()), &[]);
    check(rule, with(Json::Null, acl()), &[]);
}

fn keyed(keys: &[&str]) -> Json {
    let listeners: serde_json::Map<_, _> = keys.iter().map(|key| ((*key).to_owned(), json!({}))).collect();
    json!({"listeners": listeners})
}

#[test]
fn v21_the_key_of_a_listener_begins_with_a_port() {
    let rule = listeners::v21_listener_port;
    let bad = ["0/HTTP", "0443/HTTPS", "65536/HTTP", "HTTPS", "x/HTTP"];
    assert_eq!(tells(rule, &keyed(&bad)), bad.map(|key| format!("E listeners[{key:?}]: Invalid Listener Port")));
    check(rule, keyed(&["1/HTTP", "65535/QUIC", "443/https"]), &[]);
    check(rule, json!({"listeners": "(unknown)"}), &[]);
}

#[test]
fn v22_the_key_of_a_listener_ends_with_a_protocol() {
    let rule = listeners::v22_listener_protocol;
    let bad = ["443", "443/", "443/TLS", "443/https"];
    assert_eq!(tells(rule, &keyed(&bad)), bad.map(|key| format!("E listeners[{key:?}]: Invalid Listener")));
    check(rule, keyed(&["443/HTTPS", "443/QUIC", "80/HTTP"]), &[]);
    check(rule, json!({"listeners": "(unknown)"}), &[]);
}

#[test]
fn v23_a_port_has_one_protocol_unless_it_is_quic_beside_https() {
    let rule = listeners::v23_one_protocol_each_port;
    let all = json!({"listeners": {"443/HTTP": {}, "443/HTTPS": {}, "443/QUIC": {}, "80/HTTP": {}, "80/QUIC": {}}});
    let told = ["443/HTTPS", "443/QUIC", "80/QUIC"].map(|key| format!("E listeners[{key:?}]: Listeners on One Port"));
    let mut found = tells(rule, &all);
    found.sort();
    assert_eq!(found, told);
    check(rule, json!({"listeners": {"443/HTTPS": {}, "443/QUIC": {}, "80/HTTP": {}}}), &[]);
    check(rule, json!({"listeners": "(unknown)"}), &[]);
}

#[test]
fn v24_timers_are_in_range_and_usual() {
    let rule = listeners::v24_timers;
    let with = |idle: Json, request: Json| https(&json!({"idle_timeout": idle, "request_timeout": request}));
    let at = |mark: &str, what: &str| {
        ["idle_timeout", "request_timeout"].map(|name| format!("{mark} listeners[\"443/HTTPS\"].{name}: {what}"))
    };
    let (bad, raised) = (at("E", "Invalid Listener Timer"), at("W", "Timer Needs a Raised Quota"));
    assert_eq!(tells(rule, &with(json!(0), json!(3601))), bad);
    assert_eq!(tells(rule, &with(json!(-1), json!(1.5))), bad);
    assert_eq!(tells(rule, &with(json!(601), json!(3600))), raised);
    check(rule, with(json!(1), json!(600)), &[]);
    check(rule, with(json!("(unknown)"), json!("(unknown)")), &[]);
}

#[test]
fn v25_tls_settings_are_for_listeners_that_have_tls() {
    let rule = listeners::v25_tls_settings;
    let settings = json!({"security_policy_id": "tls_cipher_policy_1_2", "http2_enabled": true, "ca_enabled": true,
        "ca_certificates": ["1-a"], "certificates": [{"certificate_id": "1-a"}], "default_certificate": {"certificate_id": "1-a"}});
    let with = |key: &str, settings: &Json| json!({"listeners": {key: settings}});
    let told = |key: &str, names: &[&str]| -> Vec<String> {
        names.iter().map(|name| format!("E listeners[{key:?}].{name}: Setting Needs a TLS Listener")).collect()
    };
    let tls = ["security_policy_id", "http2_enabled", "ca_enabled", "ca_certificates"];
    let mut all = tls.to_vec();
    all.extend(["certificates", "default_certificate"]);
    assert_eq!(tells(rule, &with("80/HTTP", &settings)), told("80/HTTP", &all));
    assert_eq!(tells(rule, &with("443/QUIC", &settings)), told("443/QUIC", &tls));
    check(rule, with("443/HTTPS", &settings), &[]);
    check(rule, with("80/HTTP", &json!({"certificates": [], "idle_timeout": 5})), &[]);
    check(rule, with("443/https", &settings), &[]);
    check(rule, with("443", &settings), &[]);
    let unknown = json!({"security_policy_id": "(unknown)", "http2_enabled": "(unknown)", "certificates": "(unknown)"});
    check(rule, with("80/HTTP", &unknown), &[]);
}

#[test]
fn v26_no_list_of_certificates_is_written_empty() {
    let mut state = nothing();
    state.listeners =
        Field::from_value(&value(&json!({"443/HTTPS": {"certificates": [], "ca_certificates": []}}))).ok();
    assert!(written::v26_no_empty_certificates(&alb_config(&state)));
    assert_eq!(alb_config(&state)["spec"]["listeners"], json!([{"port": 443, "protocol": "HTTPS"}]));
    for name in ["certificates", "caCertificates"] {
        assert!(!written::v26_no_empty_certificates(&json!({"spec": {"listeners": [{ name: [] }]}})));
    }
}

#[test]
fn v27_certificates_are_named_by_identifier() {
    let rule = listeners::v27_certificate_id;
    let with = |id: &str| {
        https(&json!({"certificates": [{"certificate_id": "1-cn-hangzhou"}, {"certificate_id": id}],
            "default_certificate": {"certificate_id": id}, "ca_certificates": [id]}))
    };
    let told = ["certificates[1].certificate_id", "default_certificate.certificate_id", "ca_certificates"]
        .map(|at| format!("E listeners[\"443/HTTPS\"].{at}: Invalid Certificate ID"));
    for bad in ["1234567", "x-cn-hangzhou", "1-", "1-CN"] {
        assert_eq!(tells(rule, &with(bad)), told, "{bad}");
    }
    check(rule, with("1234567-cn-hangzhou"), &[]);
    check(rule, with("(unknown)"), &[]);
}

#[test]
fn v28_one_certificate_is_the_default_and_is_written_first() {
    let rule = listeners::v28_one_default_certificate;
    let with = |marks: [Json; 3]| {
        https(&json!({"certificates": marks.map(|mark| json!({"certificate_id": "1-a", "default": mark}))}))
    };
    let (yes, unknown) = (|| json!(true), || json!("(unknown)"));
    let told = [1, 2]
        .map(|index| format!("E listeners[\"443/HTTPS\"].certificates[{index}].default: Several Default Certificates"));
    assert_eq!(tells(rule, &with([yes(), yes(), yes()])), told);
    check(rule, with([json!(false), yes(), Json::Null]), &[]);
    check(rule, with([yes(), unknown(), unknown()]), &[]);

    let mut state = nothing();
    let listener = json!({"certificates": [{"certificate_id": "1-a"}, {"certificate_id": "2-b", "default": true}]});
    state.listeners = Field::from_value(&value(&json!({"443/HTTPS": listener}))).ok();
    assert!(written::v28_default_first(&alb_config(&state)));
    let wrong = json!({"spec": {"listeners": [{"certificates": [{"CertificateId": "1-a"}, {"CertificateId": "2-b", "IsDefault": true}]}]}});
    assert!(!written::v28_default_first(&wrong));
}

#[test]
fn a_certificate_is_listed_once() {
    let rule = listeners::no_certificate_twice;
    let with = |ids: [&str; 2]| https(&json!({"certificates": ids.map(|id| json!({"certificate_id": id}))}));
    check(
        rule,
        with(["1-a", "1-a"]),
        &["E listeners[\"443/HTTPS\"].certificates[1].certificate_id: Duplicate Certificate"],
    );
    check(rule, with(["1-a", "2-b"]), &[]);
    check(rule, with(["(unknown)", "(unknown)"]), &[]);
}

#[test]
fn v29_mutual_tls_has_authorities() {
    let rule = listeners::v29_ca_certificates;
    let with =
        |enabled: Json, authorities: Json| https(&json!({"ca_enabled": enabled, "ca_certificates": authorities}));
    let told = "E listeners[\"443/HTTPS\"].ca_enabled: Mutual TLS Without Authorities";
    check(rule, with(json!(true), Json::Null), &[told]);
    check(rule, with(json!(true), json!([])), &[told]);
    check(rule, with(json!(true), json!(["1-a"])), &[]);
    check(rule, with(json!(false), Json::Null), &[]);
    check(rule, with(json!(true), json!("(unknown)")), &[]);
    check(rule, with(json!("(unknown)"), Json::Null), &[]);
}

#[test]
fn v30_http2_is_left_to_its_default() {
    let rule = listeners::v30_explicit_http2;
    let told = "W listeners[\"443/HTTPS\"].http2_enabled: HTTP/2 Set Explicitly";
    check(rule, https(&json!({"http2_enabled": true})), &[told]);
    check(rule, https(&json!({"http2_enabled": false})), &[told]);
    check(rule, https(&json!({})), &[]);
    check(rule, https(&json!({"http2_enabled": "(unknown)"})), &[]);
}

#[test]
fn v32_tls_policies_exist() {
    let rule = listeners::v32_security_policy;
    for bad in ["tls_cipher_policy_1_3", "", "a b"] {
        let told = "E listeners[\"443/HTTPS\"].security_policy_id: Unknown TLS Policy";
        check(rule, https(&json!({"security_policy_id": bad})), &[told]);
    }
    for good in ["tls_cipher_policy_1_0", "tls_cipher_policy_1_2_strict_with_1_3", "tls-bp1abc", "(unknown)"] {
        check(rule, https(&json!({"security_policy_id": good})), &[]);
    }
}

#[test]
fn v33_an_acl_is_complete_and_aligned() {
    let rule = network::v33_acl;
    let with = |acl: Json| https(&json!({"acl": acl}));
    let at = |rest: &str| format!("E listeners[\"443/HTTPS\"].acl{rest}");
    check(rule, with(json!({"type": "white", "ids": ["acl-1"]})), &[&at(".type: Invalid ACL Type")]);
    check(rule, with(json!({"type": "White"})), &[&at(": Empty ACL")]);
    let both = json!({"type": "White", "ids": ["acl-1"], "entries": ["10.0.0.0/8"]});
    check(rule, with(both), &[&at(".ids: ACL Entries and IDs")]);
    check(rule, with(json!({"type": "White", "ids": ["a", "b", "c", "d"]})), &[&at(".ids: ACL Too Large")]);
    let many: Vec<String> = (0..501).map(|n| format!("10.{}.{}.0/24", n / 256, n % 256)).collect();
    check(rule, with(json!({"type": "White", "entries": many})), &[&at(".entries: ACL Too Large")]);
    check(rule, with(json!({"type": "White", "entries": many.get(..500)})), &[]);
    check(rule, with(json!({"type": "White", "ids": ["a", "b", "c"]})), &[]);
    for bad in ["10.0.0.1/8", "10.0.0.1", "x", "10.0.0.0/33", "10.0.0.0/08", "2001:db8::1/32"] {
        check(rule, with(json!({"type": "Black", "entries": [bad]})), &[&at(".entries: Invalid Network")]);
    }
    let networks = ["10.0.0.0/8", "10.0.0.1/32", "0.0.0.0/0", "2001:db8::/32", "::/0"];
    check(rule, with(json!({"type": "Black", "entries": networks})), &[]);
    check(rule, with(json!({"type": "(unknown)", "entries": "(unknown)"})), &[]);
    check(rule, with(json!({"type": "White", "ids": ["acl-1"], "entries": "(unknown)"})), &[]);
    check(rule, with(json!({"type": "White", "ids": ["a", "b", "(unknown)", "(unknown)"]})), &[]);
    check(rule, with(json!({"type": "White", "ids": ["(unknown)"]})), &[]);
    let both = json!({"type": "White", "ids": ["(unknown)"], "entries": ["(unknown)"]});
    check(rule, with(both), &[&at(".ids: ACL Entries and IDs")]);
    check(rule, with(json!("(unknown)")), &[]);
}

#[test]
fn v34_looking_up_clients_names_whom_to_trust() {
    let rule = network::v34_trusted_proxies;
    let with = |enabled: Json, trusted: Json| {
        https(&json!({"x_forwarded_for": {"client_source_ips_enabled": enabled, "client_source_ips_trusted": trusted}}))
    };
    let at = "E listeners[\"443/HTTPS\"].x_forwarded_for.client_source_ips_trusted";
    check(rule, with(json!(true), Json::Null), &[&format!("{at}: No Trusted Proxies")]);
    check(rule, with(json!(true), json!([])), &[&format!("{at}: No Trusted Proxies")]);
    check(rule, with(json!(true), json!(["192.168.2.0/16", "10.0.0.1"])), &[&format!("{at}: Invalid Network")]);
    check(rule, with(json!(true), json!(["192.168.0.0/16", "10.0.0.1"])), &[]);
    check(rule, with(json!(false), Json::Null), &[]);
    check(rule, with(json!(true), json!("(unknown)")), &[]);
    check(rule, with(json!("(unknown)"), Json::Null), &[]);
}

#[test]
fn v35_the_share_of_traced_requests_is_one_of_10000() {
    let rule = network::v35_tracing;
    let with = |sample: Json| https(&json!({"log": {"tracing": {"sample": sample}}}));
    for bad in [json!(-1), json!(10_001), json!(0.5)] {
        check(rule, with(bad), &["E listeners[\"443/HTTPS\"].log.tracing.sample: Invalid Tracing Sample"]);
    }
    for good in [json!(0), json!(10_000), json!("(unknown)"), Json::Null] {
        check(rule, with(good), &[]);
    }
}

#[test]
fn v36_what_is_logged_has_a_log() {
    let rule = network::v36_logging_needs_a_log;
    let with = |log: Json, on: Json| {
        let mut config = https(&json!({"log": {"custom_headers_enabled": on, "tracing": {"enabled": on}}}));
        config["access_log"] = log;
        config
    };
    let at = "listeners[\"443/HTTPS\"].log";
    let told =
        ["custom_headers_enabled", "tracing.enabled"].map(|name| format!("E {at}.{name}: Logging Without a Log"));
    check(rule, with(Json::Null, json!(true)), &[&told[0], &told[1]]);
    check(rule, with(Json::Null, json!(false)), &[]);
    check(rule, with(Json::Null, json!("(unknown)")), &[]);
    check(rule, with(json!("(unknown)"), json!(true)), &[]);
    check(rule, with(json!({"project": "abcd", "store": "alb_x"}), json!(true)), &[]);
}

#[test]
fn v37_member_clusters_have_ids() {
    let rule = clusters::v37_cluster_ids;
    let good = "c0123456789abcdef0123456789abcdef";
    let with = |ids: &[&str]| json!({"remote_clusters": ids});
    check(rule, with(&[]), &["E remote_clusters: No Member Clusters"]);
    let bad = tells(rule, &with(&["a,b", "c d", "", good]));
    assert_eq!(bad, ["E remote_clusters: Invalid Cluster ID"; 3]);
    for odd in [
        "c1member",
        "C0",
        "c0123456789abcdef0123456789abcde",
        &format!("{good}0"),
        &good.to_uppercase(),
        &good.replace('a', "g"),
    ] {
        check(rule, with(&[odd, good]), &["W remote_clusters: Unusual Cluster ID"]);
    }
    check(rule, with(&[good, "(unknown)"]), &[]);
    check(rule, json!({"remote_clusters": "(unknown)"}), &[]);
}

#[test]
fn v38_a_multi_cluster_gateway_has_several_members() {
    let rule = clusters::v38_several_clusters;
    check(rule, json!({"remote_clusters": ["c1"]}), &["W remote_clusters: Single Member Cluster"]);
    check(rule, json!({"remote_clusters": ["c1", "c2"]}), &[]);
    check(rule, json!({"remote_clusters": ["c1", "(unknown)"]}), &[]);
    check(rule, json!({"remote_clusters": ["c1,c2"]}), &[]);
    check(rule, json!({"remote_clusters": "(unknown)"}), &[]);
}

#[test]
fn v80_old_versions_of_tls_are_told() {
    let rule = listeners::v80_old_tls;
    let told = "W listeners[\"443/HTTPS\"].security_policy_id: Old TLS Versions Accepted";
    check(rule, https(&json!({})), &[told]);
    check(rule, https(&json!({"security_policy_id": "tls_cipher_policy_1_1"})), &[told]);
    check(rule, https(&json!({"security_policy_id": "tls_cipher_policy_1_2"})), &[]);
    check(rule, https(&json!({"security_policy_id": "(unknown)"})), &[]);
    check(rule, json!({"listeners": {"80/HTTP": {}, "443/QUIC": {}}}), &[]);
}

#[test]
fn each_rule_is_silent_while_everything_is_unknown() {
    let all = AlbGateway::schema().attributes;
    let unknown = Value::map(all.iter().map(|attribute| (attribute.name, Value::unknown())));
    for rule in crate::resources::alb_gateway::rules::RULES {
        let mut told = Diagnostics::new();
        rule(&Scene { value: &unknown, prior: Some(&unknown), creating: true }, &mut told);
        assert_eq!(shown(&told), Vec::<String>::new());
    }
}
