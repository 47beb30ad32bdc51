//! The rules on both sides, and silent while what they need is not known.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::*;
use crate::framework::diagnostic::Severity;
use crate::kubernetes::Object;
use crate::resources::cross_check::Skipped;
use crate::resources::testing::{NOW, errors, value, warnings};

const PREFIX: &str = "alb.ingress.kubernetes.io/";

/// An Ingress of namespace `n` on 443/HTTPS with one host, its Secret and the given paths.
fn object(host: &str, paths: &[&str]) -> Json {
    let paths: Vec<Json> = paths.iter().map(|path| json!({"path": path, "pathType": "Prefix"})).collect();
    let mut object = json!({"metadata": {"annotations": {}}, "spec": {"ingressClassName": "alb",
        "rules": [{"http": {"paths": paths}}], "tls": [{"hosts": [], "secretName": "s"}]}});
    if !host.is_empty() {
        object["spec"]["rules"][0]["host"] = json!(host);
        object["spec"]["tls"][0]["hosts"] = json!([host]);
    }
    annotate(&mut object, "listen-ports", "[{\"HTTPS\":443}]");
    annotate(&mut object, "backend-protocol", "grpc");
    object
}

fn annotate(object: &mut Json, key: &str, value: &str) {
    object["metadata"]["annotations"][format!("{PREFIX}{key}")] = json!(value);
}

fn with(mut object: Json, annotations: &[(&str, &str)]) -> Json {
    annotations.iter().for_each(|(key, value)| annotate(&mut object, key, value));
    object
}

fn ingress(name: &str, object: &Json) -> Ingress {
    Ingress::of("n", name, object)
}

fn gateway(listeners: &Json) -> Gateway {
    Gateway::of("g", &json!({"spec": {"listeners": listeners}}))
}

fn usual() -> Json {
    json!([{"port": 443, "protocol": "HTTPS"}, {"port": 8001, "protocol": "HTTP"}])
}

fn stack(gateway: Option<Gateway>, others: &[(&str, Json)]) -> Stack {
    let ingresses = others.iter().map(|(name, object)| Arc::new(ingress(name, object))).collect();
    Stack {
        gateway: gateway.map(Arc::new),
        ingresses: Some(ingresses),
        secrets: BTreeMap::new(),
        told: Vec::new(),
        now: NOW.parse().unwrap(),
    }
}

type Rule<T> = fn(&Stack, &T, &mut Diagnostics);

/// What a rule says, as `path: summary`, errors marked.
fn said<T>(rule: Rule<T>, stack: &Stack, own: &T) -> Vec<String> {
    let mut found = Diagnostics::new();
    rule(stack, own, &mut found);
    let mut lines: Vec<String> = errors(&found).into_iter().map(|line| format!("E {line}")).collect();
    lines.extend(warnings(&found).into_iter().map(|line| format!("W {line}")));
    lines
}

const NOTHING: Vec<String> = Vec::new();

#[test]
fn v31_http2_stays_on_under_a_grpc_ingress() {
    use listeners::{v31_gateway_keeps_http2, v31_listeners_speak_http2};
    let without = || gateway(&json!([{"port": 443, "protocol": "HTTPS", "http2Enabled": false}]));
    let own = ingress("a", &object("a.example", &["/"]));
    let told = ["E listen_ports: Listener Without HTTP/2"];
    assert_eq!(said(v31_listeners_speak_http2, &stack(Some(without()), &[]), &own), told);
    assert_eq!(said(v31_listeners_speak_http2, &stack(Some(gateway(&usual())), &[]), &own), NOTHING);
    let http = ingress("a", &with(object("a.example", &["/"]), &[("backend-protocol", "http")]));
    assert_eq!(said(v31_listeners_speak_http2, &stack(Some(without()), &[]), &http), NOTHING);
    assert_eq!(said(v31_listeners_speak_http2, &stack(None, &[]), &own), NOTHING, "no gateway yet");

    let users = [("a", object("a.example", &["/"]))];
    let told = ["E listeners[\"443/HTTPS\"].http2_enabled: HTTP/2 Needed by gRPC"];
    assert_eq!(said(v31_gateway_keeps_http2, &stack(None, &users), &without()), told);
    assert_eq!(said(v31_gateway_keeps_http2, &stack(None, &users), &gateway(&usual())), NOTHING);
    assert_eq!(said(v31_gateway_keeps_http2, &stack(None, &[]), &without()), NOTHING, "nobody uses it");
    let web = [("a", with(object("a.example", &["/"]), &[("backend-protocol", "http")]))];
    assert_eq!(said(v31_gateway_keeps_http2, &stack(None, &web), &without()), NOTHING, "no gRPC on it");
    let unknown =
        without().without_unknowns(&value(&json!({"listeners": {"443/HTTPS": {"http2_enabled": "(unknown)"}}})));
    assert_eq!(said(v31_gateway_keeps_http2, &stack(None, &users), &unknown), NOTHING);
}

#[test]
fn v43_each_listen_port_is_a_listener_of_the_gateway() {
    let rule = listeners::v43_listeners_are_declared;
    let ports = |text: &str| ingress("a", &with(object("a.example", &["/"]), &[("listen-ports", text)]));
    let here = stack(Some(gateway(&usual())), &[]);
    assert_eq!(said(rule, &here, &ports("[{\"HTTPS\":443}]")), NOTHING);
    let missing = ports("[{\"HTTPS\":443},{\"HTTPS\":8443},{\"HTTPS\":9443}]");
    assert_eq!(said(rule, &here, &missing), ["E listen_ports: Listener Not Declared"]);
    let mut found = Diagnostics::new();
    rule(&here, &missing, &mut found);
    let detail = &found.iter().next().unwrap().detail;
    for part in
        ["8443/HTTPS, 9443/HTTPS", "443/HTTPS, 8001/HTTP", "hosted controller", "open-source one adds", "cross_checks"]
    {
        assert!(detail.contains(part), "{detail}");
    }
    assert_eq!(said(rule, &stack(None, &[]), &missing), NOTHING, "an absent gateway is no violation");
    let unknown = gateway(&usual()).without_unknowns(&value(&json!({"listeners": "(unknown)"})));
    assert_eq!(said(rule, &stack(Some(unknown), &[]), &missing), NOTHING);
    let unread = missing.without_unknowns(&value(&json!({"listen_ports": ["(unknown)"]})));
    assert_eq!(said(rule, &here, &unread), NOTHING);
}

#[test]
fn v44_a_used_listener_is_not_removed() {
    let rule = listeners::v44_removed_listeners_are_unused;
    let less = gateway(&json!([{"port": 8001, "protocol": "HTTP"}]));
    let used = [("a", object("a.example", &["/"])), ("b", object("b.example", &["/"]))];
    let before = stack(Some(gateway(&usual())), &used);
    assert_eq!(said(rule, &before, &less), ["E listeners: Listener Still Used"]);
    let mut found = Diagnostics::new();
    rule(&before, &less, &mut found);
    let detail = &found.iter().next().unwrap().detail;
    assert!(detail.contains("n/a, n/b") && detail.contains("two applies") && detail.contains("443/HTTPS"), "{detail}");
    assert_eq!(said(rule, &before, &gateway(&usual())), NOTHING, "nothing goes");
    let elsewhere = [("a", with(object("a.example", &["/"]), &[("listen-ports", "[{\"HTTP\":8001}]")]))];
    assert_eq!(said(rule, &stack(Some(gateway(&usual())), &elsewhere), &less), NOTHING, "nobody uses it");
    assert_eq!(said(rule, &stack(None, &used), &less), NOTHING, "the gateway is new");
    let unknown = less.without_unknowns(&value(&json!({"listeners": "(unknown)"})));
    assert_eq!(said(rule, &before, &unknown), NOTHING);
    let blind = Stack { ingresses: None, ..before };
    assert_eq!(said(rule, &blind, &gateway(&json!([]))), NOTHING);
}

#[test]
fn v51_a_redirect_needs_both_listeners() {
    let rule = listeners::v51_redirect_has_its_listeners;
    let own = ingress("a", &with(object("a.example", &["/"]), &[("ssl-redirect", "true")]));
    let both = gateway(&json!([{"port": 443, "protocol": "HTTPS"}, {"port": "80", "protocol": "HTTP"}]));
    assert_eq!(said(rule, &stack(Some(both), &[]), &own), NOTHING);
    assert_eq!(said(rule, &stack(Some(gateway(&usual())), &[]), &own), ["E ssl_redirect: Redirect Without Listener"]);
    let both_rules = said(listeners::v43_listeners_are_declared, &stack(Some(gateway(&usual())), &[]), &own);
    assert_eq!(both_rules, NOTHING, "told once, by this rule");
    let plain = ingress("a", &object("a.example", &["/"]));
    assert_eq!(said(rule, &stack(Some(gateway(&usual())), &[]), &plain), NOTHING);
    assert_eq!(said(rule, &stack(None, &[]), &own), NOTHING);
    let unknown = own.without_unknowns(&value(&json!({"ssl_redirect": "(unknown)"})));
    assert_eq!(said(rule, &stack(Some(gateway(&usual())), &[]), &unknown), NOTHING);
    assert_eq!(said(listeners::v43_listeners_are_declared, &stack(Some(gateway(&usual())), &[]), &unknown), NOTHING);
}

/// A certificate that ends in some days, with its key.
fn material(days: i64, common_name: Option<&str>, names: &[&str]) -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = rcgen::CertificateParams::new(names).unwrap();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    if let Some(name) = common_name {
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
    }
    let now: Timestamp = NOW.parse().unwrap();
    let end = now.checked_add(jiff::SignedDuration::from_hours(days * 24)).unwrap();
    let ends: std::time::SystemTime = end.into();
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = ends.into();
    (parameters.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn secret(kind: &str, certificate: &str, key: &str) -> SecretSight {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let data = json!({"tls.crt": encode(certificate), "tls.key": encode(key)});
    SecretSight::of(&Object::from(json!({"kind": "Secret", "type": kind, "data": data})))
}

fn with_secret(sight: SecretSight) -> Stack {
    let mut stack = stack(Some(gateway(&usual())), &[]);
    stack.secrets.insert(("n".to_owned(), "s".to_owned()), Arc::new(sight));
    stack
}

#[test]
fn v52_the_secret_holds_a_certificate_and_its_key() {
    use certificates::{v52_secret_is_there, v52_secret_is_usable};
    let own = ingress("a", &object("a.example", &["/"]));
    let (certificate, key) = material(90, Some("a.example"), &["a.example"]);
    let (_, other) = material(90, Some("a.example"), &["a.example"]);
    let good = with_secret(secret("kubernetes.io/tls", &certificate, &key));
    assert_eq!(said(v52_secret_is_there, &good, &own), NOTHING);
    assert_eq!(said(v52_secret_is_usable, &good, &own), NOTHING);

    let absent = with_secret(SecretSight::Absent);
    assert_eq!(said(v52_secret_is_there, &absent, &own), ["W tls[0].secret_name: TLS Secret Missing"]);
    assert_eq!(said(v52_secret_is_usable, &absent, &own), NOTHING, "an apply waits for it");
    let opaque = with_secret(secret("Opaque", &certificate, &key));
    assert_eq!(said(v52_secret_is_there, &opaque, &own), ["W tls[0].secret_name: TLS Secret of Another Type"]);

    let told = ["E tls[0].secret_name: TLS Secret Not Usable"];
    for (certificate, key) in
        [("", key.as_str()), (&certificate, ""), ("nonsense", &key), (&certificate, "nonsense"), (&certificate, &other)]
    {
        let damaged = with_secret(secret("kubernetes.io/tls", certificate, key));
        assert_eq!(said(v52_secret_is_usable, &damaged, &own), told);
        let mut found = Diagnostics::new();
        v52_secret_is_usable(&damaged, &own, &mut found);
        let shown = format!("{found:?}{damaged:?}");
        assert!(!key.lines().any(|line| line.len() > 20 && shown.contains(line)), "no key is shown");
    }
    for sight in [SecretSight::Coming, SecretSight::Unreadable] {
        let stack = with_secret(sight);
        assert_eq!(said(v52_secret_is_there, &stack, &own), NOTHING);
        assert_eq!(said(v52_secret_is_usable, &stack, &own), NOTHING);
    }
    let unknown = own.without_unknowns(&value(&json!({"tls": "(unknown)"})));
    assert_eq!(said(v52_secret_is_there, &absent, &unknown), NOTHING);
}

#[test]
fn v53_the_certificate_is_valid_named_and_covers_the_hosts() {
    let rule = certificates::v53_certificate_is_valid;
    let check = |days: i64, common_name: Option<&str>, names: &[&str], host: &str| {
        let (certificate, key) = material(days, common_name, names);
        let own = ingress("a", &object(host, &["/"]));
        said(rule, &with_secret(secret("kubernetes.io/tls", &certificate, &key)), &own)
    };
    let name = Some("a.example");
    assert_eq!(check(90, name, &["a.example"], "a.example"), NOTHING);
    assert_eq!(check(90, name, &["*.example"], "b.example"), NOTHING);
    assert_eq!(check(90, name, &["*.example"], "*.example"), NOTHING);
    assert_eq!(check(-1, name, &["a.example"], "a.example"), ["E tls[0].secret_name: Certificate Expired"]);
    assert_eq!(check(29, name, &["a.example"], "a.example"), ["W tls[0].secret_name: Certificate Ends Soon"]);
    assert_eq!(check(90, None, &["a.example"], "a.example"), ["E tls[0].secret_name: Certificate Without Common Name"]);
    let uncovered = ["E tls[0].hosts: Host Not in Certificate"];
    assert_eq!(check(90, name, &["a.example"], "b.example"), uncovered);
    assert_eq!(check(90, name, &["*.example"], "b.c.example"), uncovered, "a wildcard is one label");
    let own = ingress("a", &object("b.example", &["/"]));
    assert_eq!(said(rule, &with_secret(SecretSight::Coming), &own), NOTHING);
    assert_eq!(said(rule, &with_secret(SecretSight::Unreadable), &own), NOTHING);
    let planned = |names: &[&str]| SecretSight::Planned(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(said(rule, &with_secret(planned(&["*.example"])), &own), NOTHING);
    assert_eq!(said(rule, &with_secret(planned(&["a.example"])), &own), uncovered);
}

#[test]
fn v53_an_end_in_thirty_days_is_not_near() {
    let rule = certificates::v53_certificate_is_valid;
    let own = ingress("a", &object("a.example", &["/"]));
    let at = |what: &str| vec![what.to_owned()];
    for (days, told) in [
        (30, NOTHING),
        (29, at("W tls[0].secret_name: Certificate Ends Soon")),
        (0, at("E tls[0].secret_name: Certificate Expired")),
    ] {
        let (certificate, key) = material(days, Some("a.example"), &["a.example"]);
        let stack = with_secret(secret("kubernetes.io/tls", &certificate, &key));
        assert_eq!(said(rule, &stack, &own), told, "{days} days");
    }
}

#[test]
fn v54_what_the_controller_called_expired_is_told() {
    let rule = certificates::v54_certificate_ids_are_valid;
    let own =
        gateway(&json!([{"port": 443, "protocol": "HTTPS", "certificates": [{"CertificateId": "12-cn-hangzhou"}]}]));
    let mut stack = stack(Some(own.clone()), &[]);
    assert_eq!(said(rule, &stack, &own), NOTHING);
    let text = |id: &str| {
        format!("apply failed. listenerPort: 443. errMsgs: the following certificate IDs have expired: [{id}]")
    };
    stack.told = vec![text("112-cn-hangzhou")];
    assert_eq!(said(rule, &stack, &own), NOTHING, "another certificate");
    stack.told = vec![text("7-cn-hangzhou 12-cn-hangzhou")];
    let at = |rest: &str| format!("W listeners[\"443/HTTPS\"].{rest}.certificate_id: Certificate Expired");
    assert_eq!(said(rule, &stack, &own), [at("certificates[0]")]);
    let both =
        gateway(&json!([{"port": 443, "protocol": "HTTPS", "defaultCertificate": {"certificateId": "7-cn-hangzhou"},
        "certificates": [{"CertificateId": "12-cn-hangzhou"}, {"CertificateId": "9-cn-hangzhou"}]}]));
    assert_eq!(said(rule, &stack, &both), [at("certificates[0]"), at("default_certificate")]);
    // Written, the default comes first; users find it where they have it.
    let ids = |ids: [&str; 2]| ids.map(|id| json!({"certificate_id": id}));
    let configured = json!({"443/HTTPS": {"certificates": ids(["9-cn-hangzhou", "12-cn-hangzhou"])}});
    let configured = both.without_unknowns(&value(&json!({"listeners": configured})));
    assert_eq!(said(rule, &stack, &configured), [at("certificates[1]"), at("default_certificate")]);
    let renewed =
        gateway(&json!([{"port": 443, "protocol": "HTTPS", "certificates": [{"CertificateId": "13-cn-hangzhou"}]}]));
    assert_eq!(said(rule, &stack, &renewed), NOTHING);
    let unknown = own.without_unknowns(&value(&json!({"listeners": {"443/HTTPS": {"certificates": "(unknown)"}}})));
    assert_eq!(said(rule, &stack, &unknown), NOTHING);
}

#[test]
fn v56_an_https_listener_that_stays_bare_is_told() {
    let rule = listeners::v56_https_listeners_get_a_certificate;
    let own = gateway(&usual());
    let told = ["W listeners[\"443/HTTPS\"]: Listener Without Certificate"];
    assert_eq!(said(rule, &stack(Some(own.clone()), &[]), &own), told);
    let http = with(object("a.example", &["/"]), &[("listen-ports", "[{\"HTTP\":8001}]")]);
    assert_eq!(said(rule, &stack(Some(own.clone()), &[("a", http)]), &own), told, "on another listener");
    let brings = [("a", object("a.example", &["/"]))];
    assert_eq!(said(rule, &stack(Some(own.clone()), &brings), &own), NOTHING);
    assert_eq!(said(rule, &stack(None, &[]), &own), NOTHING, "the Ingress is planned after a new gateway");
    let fresh = stack(Some(gateway(&json!([{"port": 8001, "protocol": "HTTP"}]))), &[]);
    assert_eq!(said(rule, &fresh, &own), NOTHING, "so it is after a new listener");
    let named = json!([{"port": 443, "protocol": "HTTPS", "certificates": [{"CertificateId": "1-cn-hangzhou"}]}]);
    assert_eq!(said(rule, &stack(Some(own.clone()), &[]), &gateway(&named)), NOTHING);
    let default = json!([{"port": 443, "protocol": "HTTPS", "defaultCertificate": {"certificateId": "1-cn-hangzhou"}}]);
    assert_eq!(said(rule, &stack(Some(own.clone()), &[]), &gateway(&default)), NOTHING);
    let unknown =
        own.clone().without_unknowns(&value(&json!({"listeners": {"443/HTTPS": {"certificates": "(unknown)"}}})));
    assert_eq!(said(rule, &stack(Some(own.clone()), &[]), &unknown), NOTHING);
    let blind = Stack { ingresses: None, ..stack(Some(own.clone()), &[]) };
    assert_eq!(said(rule, &blind, &own), NOTHING);
}

#[test]
fn v57_certificates_by_id_switch_discovery_off() {
    use listeners::{v57_gateway_leaves_discovery_on, v57_ingress_relies_on_discovery};
    let by_id =
        gateway(&json!([{"port": 443, "protocol": "HTTPS", "certificates": [{"CertificateId": "1-cn-hangzhou"}]}]));
    let mut relying = object("a.example", &["/"]);
    relying["spec"]["tls"] = json!([{"hosts": ["a.example"]}]);
    let own = ingress("a", &relying);
    let told = ["W tls[0].hosts: Certificate Discovery Switched Off"];
    assert_eq!(said(v57_ingress_relies_on_discovery, &stack(Some(by_id.clone()), &[]), &own), told);
    assert_eq!(said(v57_ingress_relies_on_discovery, &stack(Some(gateway(&usual())), &[]), &own), NOTHING);
    let with_secret = ingress("a", &object("a.example", &["/"]));
    assert_eq!(said(v57_ingress_relies_on_discovery, &stack(Some(by_id.clone()), &[]), &with_secret), NOTHING);
    let unknown = own.without_unknowns(&value(&json!({"tls": "(unknown)"})));
    assert_eq!(said(v57_ingress_relies_on_discovery, &stack(Some(by_id.clone()), &[]), &unknown), NOTHING);

    let others = [("a", relying)];
    let told = ["W listeners[\"443/HTTPS\"].certificates: Certificate Discovery Switched Off"];
    assert_eq!(said(v57_gateway_leaves_discovery_on, &stack(None, &others), &by_id), told);
    assert_eq!(said(v57_gateway_leaves_discovery_on, &stack(None, &others), &gateway(&usual())), NOTHING);
    // Without any tls the controller looks for the hosts of the rules.
    let mut bare = with(object("a.example", &["/"]), &[("backend-protocol", "http")]);
    bare["spec"]["tls"] = json!([]);
    assert_eq!(said(v57_gateway_leaves_discovery_on, &stack(None, &[("a", bare.clone())]), &by_id), told);
    annotate(&mut bare, "listen-ports", "[{\"HTTP\":8001}]");
    assert_eq!(said(v57_gateway_leaves_discovery_on, &stack(None, &[("a", bare)]), &by_id), NOTHING, "elsewhere");
    assert_eq!(said(v57_gateway_leaves_discovery_on, &stack(None, &[]), &by_id), NOTHING);
}

#[test]
fn v59_an_explicit_order_is_taken_once() {
    let rule = routing::v59_order_is_unique;
    let ordered = |order: &str| with(object("a.example", &["/"]), &[("order", order)]);
    let others = [("b", ordered("5")), ("c", object("c.example", &["/"]))];
    let here = stack(None, &others);
    assert_eq!(said(rule, &here, &ingress("a", &ordered("5"))), ["W order: Order Taken"]);
    assert_eq!(said(rule, &here, &ingress("a", &ordered("6"))), NOTHING);
    assert_eq!(said(rule, &here, &ingress("a", &object("a.example", &["/"]))), NOTHING, "the default is nobody's");
    assert_eq!(said(rule, &here, &ingress("a", &ordered("10"))), NOTHING, "the default of others is not explicit");
    let unknown = ingress("a", &ordered("5")).without_unknowns(&value(&json!({"order": "(unknown)"})));
    assert_eq!(said(rule, &here, &unknown), NOTHING);
}

#[test]
fn v66_a_canary_has_a_twin_like_it() {
    use routing::{v66_twin_is_like_it, v66_twin_is_there};
    let weighted = |host: &str| with(object(host, &["/"]), &[("canary", "true"), ("canary-weight", "20")]);
    let own = ingress("canary", &weighted("a.example"));
    let twin = [("a", object("a.example", &["/"]))];
    for rule in [v66_twin_is_there, v66_twin_is_like_it] {
        assert_eq!(said(rule, &stack(None, &twin), &own), NOTHING);
        assert_eq!(said(rule, &stack(None, &[]), &ingress("a", &object("a.example", &["/"]))), NOTHING, "no canary");
    }
    let alone = ["W rules[0].paths[0]: Canary Without Twin"];
    assert_eq!(said(v66_twin_is_there, &stack(None, &[]), &own), alone);
    assert_eq!(said(v66_twin_is_like_it, &stack(None, &[]), &own), NOTHING, "an absent object stops no apply");
    let others = [("b", object("a.example", &["/x"])), ("c", weighted("a.example"))];
    assert_eq!(said(v66_twin_is_there, &stack(None, &others), &own), alone, "another path, another canary");
    let blind = Stack { ingresses: None, ..stack(None, &[]) };
    assert_eq!(said(v66_twin_is_there, &blind, &own), NOTHING);
    let unknown = own.clone().without_unknowns(&value(&json!({"rules": "(unknown)"})));
    assert_eq!(said(v66_twin_is_there, &stack(None, &[]), &unknown), NOTHING);

    let http = [("a", with(object("a.example", &["/"]), &[("backend-protocol", "http")]))];
    assert_eq!(said(v66_twin_is_like_it, &stack(None, &http), &own), ["E canary: Canary of Another Protocol"]);
    let elsewhere = [("a", with(object("a.example", &["/"]), &[("listen-ports", "[{\"HTTPS\":8443}]")]))];
    assert_eq!(
        said(v66_twin_is_like_it, &stack(None, &elsewhere), &own),
        ["E listen_ports: Canary on Another Listener"]
    );

    let by_header = |order: &str| {
        let annotations =
            [("canary", "true"), ("canary-by-header", "stage"), ("canary-by-header-value", "gray"), ("order", order)];
        ingress("canary", &with(object("a.example", &["/"]), &annotations))
    };
    assert_eq!(said(v66_twin_is_there, &stack(None, &twin), &by_header("20")), ["W order: Canary After Its Twin"]);
    assert_eq!(said(v66_twin_is_there, &stack(None, &twin), &by_header("5")), NOTHING);
}

#[test]
fn v76_the_rules_of_a_gateway_fit_its_quota() {
    let rule = routing::v76_rules_fit_the_quota;
    let paths: Vec<String> = (0..50).map(|number| format!("/s{number}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let two = |name: &str| {
        (name.to_owned(), with(object("a.example", &paths), &[("listen-ports", "[{\"HTTPS\":443},{\"HTTPS\":8443}]")]))
    };
    let (name, large) = two("b");
    let own = ingress("a", &object("a.example", &["/"]));
    let full = stack(None, &[(name.as_str(), large.clone())]);
    let told = rule(&full, &own).unwrap();
    assert_eq!((told.severity, told.summary.as_str()), (Severity::Warning, "Too Many Forwarding Rules"));
    assert!(
        told.detail.contains("101 forwarding rules")
            && told.path == Some(crate::framework::path::Path::attribute("rules"))
    );
    assert_eq!(rule(&stack(None, &[]), &ingress("b", &large)), None, "exactly as many as there may be");
    let weighs = with(object("a.example", &["/"]), &[("canary", "true"), ("canary-weight", "1")]);
    assert_eq!(rule(&full, &ingress("a", &weighs)), None, "a weight has no rule of its own");
    assert_eq!(rule(&full, &own.clone().without_unknowns(&value(&json!({"rules": "(unknown)"})))), None);
    assert_eq!(rule(&Stack { ingresses: None, ..full }, &own), None);
}

#[test]
fn v78_a_host_and_path_belong_to_one_ingress() {
    let rule = routing::v78_routes_are_unique;
    let own = ingress("b", &object("A.example", &["/x", "/"]));
    let here = |other: Json| stack(None, &[("a", other)]);
    assert_eq!(said(rule, &here(object("a.example", &["/"])), &own), ["W rules[0].paths[1]: Route Declared Twice"]);
    assert_eq!(said(rule, &here(object("c.example", &["/"])), &own), NOTHING);
    assert_eq!(said(rule, &here(object("*.example", &["/"])), &own), NOTHING, "more than that host");
    assert_eq!(said(rule, &here(object("a.example", &["/y"])), &own), NOTHING);
    let canary = with(object("a.example", &["/"]), &[("canary", "true"), ("canary-weight", "5")]);
    assert_eq!(said(rule, &here(canary), &own), NOTHING);
    let narrowed = with(object("a.example", &["/"]), &[("conditions.svc", "[]")]);
    assert_eq!(said(rule, &here(narrowed), &own), NOTHING);
    let elsewhere = with(object("a.example", &["/"]), &[("listen-ports", "[{\"HTTPS\":8443}]")]);
    assert_eq!(said(rule, &here(elsewhere), &own), NOTHING);
    let unknown = own.without_unknowns(&value(&json!({"rules": "(unknown)"})));
    assert_eq!(said(rule, &here(object("a.example", &["/"])), &unknown), NOTHING);
}

#[test]
fn v79_a_catch_all_does_not_come_before_more_specific_routes() {
    let rule = routing::v79_nothing_is_shadowed;
    let told = ["W rules[0].paths[0]: Route Shadowed"];
    let check = |first: Json, second: Json| {
        let later = said(rule, &stack(None, &[("a", first.clone())]), &ingress("b", &second));
        let earlier = said(rule, &stack(None, &[("b", second)]), &ingress("a", &first));
        assert_eq!(later, earlier, "told of both");
        later
    };
    assert_eq!(check(object("", &["/"]), object("b.example", &["/"])), told, "any host before one");
    assert_eq!(check(object("b.example", &["/"]), object("b.example", &["/x"])), told, "/ before a path");
    assert_eq!(check(object("*.example", &["/x"]), object("b.example", &["/x/y"])), told);
    assert_eq!(check(object("b.example", &["/x"]), object("b.example", &["/"])), NOTHING, "the specific one first");
    assert_eq!(check(object("b.example", &["/x"]), object("b.example", &["/xy"])), NOTHING, "whole segments");
    assert_eq!(check(object("b.example", &["/"]), object("", &["/"])), NOTHING);
    assert_eq!(check(object("b.example", &["/"]), object("b.example", &["/"])), NOTHING, "that is V78");
    let ordered = with(object("b.example", &["/x"]), &[("order", "1")]);
    assert_eq!(check(object("b.example", &["/"]), ordered), NOTHING, "a smaller order comes first");
    let unknown = ingress("b", &object("b.example", &["/x"])).without_unknowns(&value(&json!({"order": "(unknown)"})));
    assert_eq!(said(rule, &stack(None, &[("a", object("", &["/"]))]), &unknown), NOTHING);
}

#[test]
fn a_plan_warns_of_everything_and_an_apply_refuses_only_errors() {
    let absent = with_secret(SecretSight::Absent);
    let own = ingress("a", &with(object("a.example", &["/"]), &[("listen-ports", "[{\"HTTPS\":9443}]")]));
    let plan = advise_ingress(&absent, &own, &Skipped::default());
    assert!(!plan.has_errors());
    assert_eq!(warnings(&plan), ["listen_ports: Listener Not Declared", "tls[0].secret_name: TLS Secret Missing"]);
    assert_eq!(
        errors(&enforced_for_ingress(&absent, &own, &Skipped::default())),
        ["listen_ports: Listener Not Declared"]
    );
}
