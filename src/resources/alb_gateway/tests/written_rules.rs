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
fn v74_extra_annotations_are_ones_that_somebody_reads() {
    let rule = extra::v74_extra_annotations;
    let key = |name: &str| format!("alb.ingress.kubernetes.io/{name}");
    let with = |name: &str| json!({"extra_annotations": {key(name): "x"}});
    for name in ["something-new", "listen-ports"] {
        check(rule, with(name), &[&format!("W extra_annotations[{:?}]: Annotation Nobody Reads", key(name))]);
    }
    check(rule, with("cluster-weight.c1"), &[]);
    check(rule, json!({"extra_annotations": "(unknown)"}), &[]);
}

#[test]
fn annotations_of_the_controller_and_of_others_have_their_places() {
    let rule = extra::annotations_have_their_places;
    let key = |name: &str| format!("alb.ingress.kubernetes.io/{name}");
    for (name, plain, among_settings) in [
        ("remote-clusters", "Annotation Has an Attribute", Some("Annotation Has an Attribute")),
        ("edition", "Annotation Not Allowed", Some("Annotation Not Allowed")),
        ("hash", "Annotation Not Allowed", Some("Annotation Not Allowed")),
        ("albconfig.name", "Annotation Not Allowed", Some("Annotation Not Allowed")),
        ("something-new", "Setting Among Annotations", None),
        ("cluster-weight.c1", "Setting Among Annotations", None),
    ] {
        let key = key(name);
        check(rule, json!({"annotations": {key.as_str(): "x"}}), &[&format!("E annotations[{key:?}]: {plain}")]);
        let told: Vec<String> =
            among_settings.iter().map(|summary| format!("E extra_annotations[{key:?}]: {summary}")).collect();
        assert_eq!(tells(rule, &json!({"extra_annotations": {key.as_str(): "x"}})), told, "{key}");
    }
    let foreign = "E extra_annotations[\"example.com/x\"]: Annotation Among Settings";
    check(rule, json!({"extra_annotations": {"example.com/x": "x"}}), &[foreign]);
    check(rule, json!({"annotations": {"example.com/team": "edge"}}), &[]);
    check(rule, json!({"annotations": "(unknown)", "extra_annotations": "(unknown)"}), &[]);
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
        // The controller's decoder takes a key in any case.
        r#"{"config": {"NAME": "x"}}"#,
        r#"{"Config": {"new": 1}}"#,
        r#"{"LISTENERS": []}"#,
        r#"{"config": {"BillingConfig": {"new": 1}}}"#,
        r#"{"config": {"DeletionProtectionEnabled": false}}"#,
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
