//! Rules about what is written whatever users write, and about what has no attribute.

use super::rules::{check, https, tells};
use super::*;
use crate::resources::alb_gateway::object::{alb_config, ingress_class, nothing};
use crate::resources::alb_gateway::rules::{extra, written};

/// What is written for a gateway that sets nothing but its name.
fn barest() -> (Json, Json) {
    let mut state = nothing();
    state.name = Some("demo".to_owned());
    (alb_config(&state), ingress_class(&state))
}

#[test]
fn v01_there_is_always_a_config() {
    assert!(written::v01_config_present(&barest().0));
    assert!(!written::v01_config_present(&json!({"spec": {"listeners": []}})));
}

#[test]
fn v39_the_class_names_the_controller() {
    let (_, mut class) = barest();
    assert!(written::v39_class_controller(&class));
    class["spec"]["controller"] = json!("ingress.k8s.alibabacloud.com/alb");
    assert!(!written::v39_class_controller(&class));
}

#[test]
fn v40_the_class_leads_to_an_albconfig() {
    let (_, class) = barest();
    assert!(written::v40_class_parameters(&class));
    for (field, text) in [("name", ""), ("kind", "Service"), ("apiGroup", "")] {
        let mut other = class.clone();
        other["spec"]["parameters"][field] = json!(text);
        assert!(!written::v40_class_parameters(&other), "{field}");
    }
}

#[test]
fn what_breaks_an_invariant_is_not_written() {
    let (object, class) = barest();
    assert!(written::check(&object, Some(&class)).is_ok());
    let refused = written::check(&json!({"spec": {}}), Some(&json!({}))).unwrap_err();
    assert_eq!(errors(&refused), ["Unsound Object"]);
    let detail = &refused.iter().next().unwrap().detail;
    assert!(detail.contains("spec.config is missing") && detail.contains("bug in the provider"), "{detail}");
}

#[test]
fn v74_extra_annotations_are_the_controllers_and_have_no_attribute() {
    let rule = extra::v74_extra_annotations;
    let key = |name: &str| format!("alb.ingress.kubernetes.io/{name}");
    let with = |key: &str| json!({"extra_annotations": {key: "x"}});
    for (name, told) in [
        ("remote-clusters", "E {}: Annotation Has an Attribute"),
        ("edition", "E {}: Obsolete Annotation"),
        ("hash", "E {}: Reserved Annotation"),
        ("albconfig.name", "E {}: Reserved Annotation"),
        ("something-new", "W {}: Annotation Not Known"),
        ("listen-ports", "W {}: Annotation Not Known"),
    ] {
        let at = format!("extra_annotations[{:?}]", key(name));
        check(rule, with(&key(name)), &[&told.replace("{}", &at)]);
    }
    let told = "E extra_annotations[\"example.com/x\"]: Annotation Not for the Controller";
    check(rule, with("example.com/x"), &[told]);
    check(rule, with(&key("cluster-weight.c1")), &[]);
    check(rule, json!({"extra_annotations": "(unknown)"}), &[]);
}

#[test]
fn plain_annotations_are_not_for_the_controller() {
    let rule = extra::annotations_have_attributes;
    let at = |name: &str| format!("E annotations[\"alb.ingress.kubernetes.io/{name}\"]: Annotation Has an Attribute");
    let all = json!({"annotations": {"alb.ingress.kubernetes.io/remote-clusters": "c1", "alb.ingress.kubernetes.io/x": "y", "a": "b"}});
    check(rule, all, &[&at("remote-clusters"), &at("x")]);
    check(rule, json!({"annotations": {"example.com/team": "edge"}}), &[]);
    check(rule, json!({"annotations": "(unknown)"}), &[]);
}

#[test]
fn extra_spec_reaches_nothing_that_an_attribute_writes() {
    let rule = extra::extra_specs;
    let count = |at: Json| tells(rule, &at).len();
    for bad in [
        "no json",
        "[]",
        r#"{"listeners": []}"#,
        r#"{"config": {"name": "x"}}"#,
        r#"{"config": {"zoneMappings": []}}"#,
        r#"{"config": {"accessLogConfig": "x"}}"#,
        r#"{"config": {"accessLogConfig": {"logStore": "x"}}}"#,
        r#"{"config": {"deletionProtectionEnabled": false}}"#,
        r#"{"config": {"billingConfig": {"internetBandwidth": 5}}}"#,
        r#"{"config": null}"#,
        r#"{"config": {"new": {"field": null}}}"#,
    ] {
        check(rule, json!({"extra_spec": bad}), &["E extra_spec: Invalid Extra Field"]);
    }
    assert_eq!(
        count(json!({"extra_spec": r#"{"config": {"name": 1, "edition": 2}, "listeners": []}"#})),
        3,
        "all at once"
    );
    for bad in [
        r#"{"port": 80}"#,
        r#"{"certificates": []}"#,
        r#"{"logConfig": 1}"#,
        r#"{"defaultActions": []}"#,
        r#"{"defaultCertificate": {"kind": "CertIdentifier", "certificateId": "1-a"}}"#,
    ] {
        let told = tells(rule, &https(&json!({"extra_spec": bad})));
        assert!(
            !told.is_empty()
                && told.iter().all(|one| one == "E listeners[\"443/HTTPS\"].extra_spec: Invalid Extra Field"),
            "{told:?}"
        );
    }
    for good in [r#"{"config": {"securityGroupIds": ["sg-a"], "accessLogConfig": {"new": 1}}, "more": true}"#, "{}"] {
        check(rule, json!({"extra_spec": good}), &[]);
    }
    let secret = r#"{"defaultCertificate": {"kind": "Secret", "secretName": "x"}, "logConfig": {"new": 1}}"#;
    check(rule, https(&json!({"extra_spec": secret})), &[]);
    let both = https(&json!({"extra_spec": secret, "default_certificate": {"certificate_id": "1-a"}}));
    assert!(!tells(rule, &both).is_empty());
    check(rule, json!({"extra_spec": "(unknown)", "listeners": {"443/HTTPS": {"extra_spec": "(unknown)"}}}), &[]);
}
