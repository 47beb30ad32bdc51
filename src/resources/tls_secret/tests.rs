//! Rules and plans of a TLS Secret, and its life before a Fleet in memory.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::strategy::{BoxedStrategy, Just, Strategy};
use serde_json::{Value as Json, json};

use super::*;
use crate::clients::Settings;
use crate::framework::conformance::assert_resource_plans_are_true;
use crate::framework::erased::ResourceType;
use crate::framework::model::{Attr, Secret};
use crate::framework::value::Value;
use crate::kubernetes::testing::ManualClock;
use crate::resources::testing::{FakeFleet, Fault, Instance, errors, warnings};

const SECRET: &str = "/api/v1/namespaces/gateway-demo/secrets/grpc-secret";
const INGRESS: &str = "/apis/networking.k8s.io/v1/namespaces/gateway-demo/ingresses/grpc-ingress";

/// A certificate for a host, and its key.
fn pair(host: &str) -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    (certificate_of(host, &key), key.serialize_pem())
}

fn certificate_of(host: &str, key: &rcgen::KeyPair) -> String {
    let mut params = rcgen::CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, host);
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 6, 1);
    params.self_signed(key).unwrap().pem()
}

fn own(certificate: &str, key: &str) -> Json {
    json!({"namespace": "gateway-demo", "name": "grpc-secret", "certificate_pem": certificate, "private_key_pem_wo": key})
}

fn self_signed() -> Json {
    json!({"namespace": "gateway-demo", "name": "grpc-secret",
        "self_signed": {"common_name": "grpc.example.com", "dns_names": ["*.b.example"], "organization": null,
            "validity_days": 90, "renew_before_days": null, "key_algorithm": "ECDSA_P256"}})
}

fn instance(fleet: &FakeFleet) -> Instance {
    Instance::new(ResourceType::<TlsSecret>::erased(), fleet.clients(settings()))
}

fn settings() -> Settings {
    Settings { fleet_id: Some("c0fleet".to_owned()), ..Settings::default() }
}

fn entry(fleet: &FakeFleet, name: &str) -> String {
    String::from_utf8(STANDARD.decode(fleet.get(SECRET).unwrap()["data"][name].as_str().unwrap()).unwrap()).unwrap()
}

fn set_entry(fleet: &FakeFleet, name: &str, text: &str) {
    fleet.edit(SECRET, |secret| secret["data"][name] = json!(STANDARD.encode(text)));
}

/// What of a key must not be found anywhere: a line of its base64.
fn canary(key_pem: &str) -> &str {
    key_pem.lines().nth(1).unwrap()
}

/// Values for generated configurations with `self_signed`: no other source, and a certificate that is not due.
pub(in crate::resources) fn sample(path: &str) -> Option<BoxedStrategy<Value>> {
    Some(match path {
        "certificate_pem" | "private_key_pem" | "private_key_pem_wo" | "private_key_pem_wo_version" => {
            Just(Value::Null).boxed()
        }
        "renewal_due" => Just(Value::Bool(false)).boxed(),
        _ => return None,
    })
}

#[test]
fn plans_of_own_certificates_are_true() {
    let (certificate, key) = pair("grpc.example.com");
    let samples = move |path: &str| -> Option<BoxedStrategy<Value>> {
        Some(match path {
            "certificate_pem" => Just(Value::string(certificate.as_str())).boxed(),
            "private_key_pem_wo" => Just(Value::string(key.as_str())).boxed(),
            "private_key_pem" | "self_signed" => Just(Value::Null).boxed(),
            "renewal_due" => Just(Value::Bool(false)).boxed(),
            name if name.starts_with("timeouts.") => Just(Value::string("90s")).boxed(),
            _ => return None,
        })
    };
    assert_resource_plans_are_true(&*ResourceType::<TlsSecret>::erased(), &samples);
}

#[tokio::test]
async fn an_own_certificates_plan_is_known_and_a_self_signed_ones_is_not() {
    let fleet = FakeFleet::default();
    let secret = instance(&fleet);
    let (certificate, key) = pair("grpc.example.com");
    let planned = secret.plan(&own(&certificate, &key)).planned.unwrap();
    assert_eq!(planned.attr("subject_common_name"), Value::string("grpc.example.com"));
    assert_eq!(planned.attr("not_after"), Value::string("2027-06-01T00:00:00Z"));
    assert_eq!(planned.attr("private_key_pem_wo"), Value::Null);
    let later = secret.plan(&own("(unknown)", &key)).planned.unwrap();
    let made = secret.plan(&self_signed()).planned.unwrap();
    for name in ["certificate_pem", "fingerprint_sha256", "not_after", "dns_names", "subject_common_name"] {
        assert!(later.attr(name).is_unknown() && made.attr(name).is_unknown(), "{name}");
    }
}

#[tokio::test]
async fn sources_chain_and_key_are_checked_without_showing_the_key() {
    let fleet = FakeFleet::default();
    let secret = instance(&fleet);
    let (certificate, key) = pair("grpc.example.com");
    let (_, other) = pair("grpc.example.com");
    let base = json!({"namespace": "a", "name": "b"});
    let with = |entries: Json| {
        let mut config = base.clone();
        entries.as_object().unwrap().iter().for_each(|(name, value)| config[name] = value.clone());
        config
    };
    let cases = [
        (with(json!({})), "No Certificate"),
        (with(json!({"certificate_pem": certificate})), "certificate_pem: Certificate Without Key"),
        (with(json!({"private_key_pem": key})), "Key Without Certificate"),
        (
            with(json!({"certificate_pem": certificate, "private_key_pem": key, "private_key_pem_wo": key})),
            "private_key_pem: Two Private Keys",
        ),
        (
            with(json!({"certificate_pem": certificate, "self_signed": self_signed()["self_signed"]})),
            "certificate_pem: Two Sources of a Certificate",
        ),
        (
            with(json!({"certificate_pem": certificate, "private_key_pem_wo": other})),
            "private_key_pem_wo: Key Does Not Match Certificate",
        ),
        (
            with(json!({"certificate_pem": format!("{certificate}{key}"), "private_key_pem_wo": key})),
            "certificate_pem: Private Key in Certificate",
        ),
        (
            with(json!({"certificate_pem": certificate, "private_key_pem": "-----BEGIN PRIVATE KEY-----\nsecret"})),
            "private_key_pem: Invalid Private Key",
        ),
    ];
    for (config, expected) in cases {
        let answer = secret.plan(&config);
        assert_eq!(errors(&answer.diagnostics), [expected]);
        let shown = format!("{:?}", answer.diagnostics);
        assert!(
            !shown.contains(canary(&key)) && !shown.contains(canary(&other)) && !shown.contains("nsecret"),
            "{shown}"
        );
    }
    let unknown = with(json!({"certificate_pem": "(unknown)", "private_key_pem_wo": "(unknown)"}));
    assert!(secret.plan(&unknown).diagnostics.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_own_certificate_lives_without_its_key_in_state_or_private_data() {
    let fleet = FakeFleet::default();
    let mut secret = instance(&fleet);
    let (certificate, key) = pair("grpc.example.com");
    let config = own(&certificate, &key);
    let planned = secret.plan(&config).planned.unwrap();
    assert_eq!(planned.attr("subject_common_name"), Value::string("grpc.example.com"), "facts are known in the plan");
    let answer = secret.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!(entry(&fleet, "tls.key"), key);
    let kept = format!("{:?}{}{:?}", secret.state, String::from_utf8_lossy(&secret.private), answer.diagnostics);
    assert!(!kept.contains(canary(&key)), "{kept}");
    secret.read().await;
    assert_eq!(secret.changes(&config), Vec::<&str>::new());

    // Another pair: found by its certificate and by its digest.
    let (certificate2, key2) = pair("grpc.example.com");
    assert!(secret.changes(&own(&certificate2, &key2)).contains(&"fingerprint_sha256"));
    secret.apply(&own(&certificate2, &key2)).await;
    assert_eq!((entry(&fleet, "tls.crt"), entry(&fleet, "tls.key")), (certificate2.clone(), key2.clone()));

    // Somebody changes the key alone: told, planned, mended.
    set_entry(&fleet, "tls.key", &key);
    let answer = secret.read().await;
    assert_eq!(warnings(&answer.diagnostics), ["certificate_pem: Key Does Not Match Certificate"]);
    assert_eq!(secret.changes(&own(&certificate2, &key2)), ["renewal_due"]);
    let answer = secret.apply(&own(&certificate2, &key2)).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!(entry(&fleet, "tls.key"), key2);
    secret.read().await;
    assert_eq!(secret.changes(&own(&certificate2, &key2)), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn a_key_changed_after_the_refresh_is_a_conflict_that_shows_no_value() {
    let fleet = FakeFleet::default();
    let mut secret = instance(&fleet);
    let (certificate, key) = pair("a.example");
    secret.apply(&own(&certificate, &key)).await;
    secret.read().await;
    let (_, intruder) = pair("a.example");
    set_entry(&fleet, "tls.key", &intruder);
    let (certificate2, key2) = pair("a.example");
    let answer = secret.apply(&own(&certificate2, &key2)).await;
    assert_eq!(errors(&answer.diagnostics), ["private_key_pem_wo: Field Changed Since the Plan"]);
    let shown = format!("{:?}", answer.diagnostics);
    let encoded = STANDARD.encode(&intruder);
    assert!(!shown.contains(canary(&intruder)) && !shown.contains(encoded.get(..40).unwrap()), "{shown}");
    assert_eq!(entry(&fleet, "tls.key"), intruder, "nothing was written");
}

#[tokio::test(start_paused = true)]
async fn entries_that_are_no_certificate_and_no_key_are_written_back_without_a_conflict() {
    let fleet = FakeFleet::default();
    let (certificate, key) = pair("a.example");
    let config = own(&certificate, &key);
    let mut secret = instance(&fleet);
    secret.apply(&config).await;
    // Text that is no PEM, and bytes that are no text.
    for (name, garbage) in [("tls.crt", "bm8gUEVN"), ("tls.crt", "/w=="), ("tls.key", "bm8gUEVN"), ("tls.key", "/w==")]
    {
        fleet.edit(SECRET, |object| object["data"][name] = json!(garbage));
        secret.next_command(fleet.clients(settings()));
        secret.read().await;
        assert!(!secret.changes(&config).is_empty(), "{name} {garbage}");
        let answer = secret.apply(&config).await;
        assert_eq!(errors(&answer.diagnostics), Vec::<String>::new(), "{name} {garbage}");
        assert_eq!((entry(&fleet, "tls.crt"), entry(&fleet, "tls.key")), (certificate.clone(), key.clone()));
        secret.read().await;
        assert_eq!(secret.changes(&config), Vec::<&str>::new(), "{name} {garbage}");
    }
    // Not so what somebody put there after the plan.
    fleet.edit(SECRET, |object| object["data"]["tls.crt"] = json!("/w=="));
    let (next, next_key) = pair("a.example");
    let answer = secret.apply(&own(&next, &next_key)).await;
    assert_eq!(errors(&answer.diagnostics), ["certificate_pem: Field Changed Since the Plan"]);
}

#[tokio::test(start_paused = true)]
async fn a_version_stands_for_the_write_only_key() {
    let fleet = FakeFleet::default();
    let mut secret = instance(&fleet);
    let (certificate, key) = pair("a.example");
    let mut config = own(&certificate, &key);
    config["private_key_pem_wo_version"] = json!("1");
    secret.apply(&config).await;
    secret.read().await;
    assert_eq!(secret.changes(&config), Vec::<&str>::new());
    config["private_key_pem_wo_version"] = json!("2");
    assert_eq!(secret.changes(&config), ["private_key_pem_wo_version", "renewal_due"]);
    fleet.forget_writes();
    secret.apply(&config).await;
    assert_eq!(fleet.writes(), Vec::<String>::new(), "the same key needs no write");
}

#[tokio::test(start_paused = true)]
async fn a_self_signed_certificate_is_kept_until_it_is_due_and_then_renewed_in_place() {
    let fleet = FakeFleet::default();
    let mut secret = instance(&fleet);
    let mut config = self_signed();
    let answer = secret.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    let key = entry(&fleet, "tls.key");
    assert_eq!(secret.state.attr("certificate_pem"), Value::string(entry(&fleet, "tls.crt")));
    assert_eq!(secret.state.attr("not_after"), Value::string("2027-02-21T18:30:00Z"));
    secret.read().await;
    assert_eq!(secret.changes(&config), Vec::<&str>::new());

    // Another change carries the live key over.
    config["labels"] = json!({"team": "edge"});
    assert_eq!(secret.changes(&config), ["labels", "renewal_due", "effective_labels"]);
    secret.apply(&config).await;
    assert_eq!(entry(&fleet, "tls.key"), key);
    assert_eq!(fleet.get(SECRET).unwrap()["metadata"]["labels"]["team"], "edge");

    // One day before the threshold, then one day after it.
    let uid = fleet.get(SECRET).unwrap()["metadata"]["uid"].clone();
    for (date, due) in [("2027-01-21T18:30:00Z", false), ("2027-01-23T18:30:00Z", true)] {
        secret.context.clock = Arc::new(ManualClock::at(date));
        secret.read().await;
        assert_eq!(secret.state.attr("renewal_due"), Value::Bool(due), "{date}");
        assert_eq!(secret.changes(&config).contains(&"fingerprint_sha256"), due, "{date}");
    }
    let answer = secret.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_ne!(entry(&fleet, "tls.key"), key);
    assert_eq!(secret.state.attr("not_after"), Value::string("2027-04-23T18:30:00Z"));
    assert_eq!(fleet.get(SECRET).unwrap()["metadata"]["uid"], uid, "in place");
    let kept = format!("{:?}{}", secret.state, String::from_utf8_lossy(&secret.private));
    assert!(!kept.contains(canary(&entry(&fleet, "tls.key"))));
    secret.read().await;
    assert_eq!(secret.changes(&config), Vec::<&str>::new());

    // Another name in the configuration makes another certificate.
    config["self_signed"]["common_name"] = json!("other.example.com");
    assert!(secret.changes(&config).contains(&"certificate_pem"));
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_answer_was_lost_finds_its_self_signed_pair_again() {
    let fleet = FakeFleet::default();
    let mut secret = instance(&fleet);
    secret.apply(&self_signed()).await;
    let key = entry(&fleet, "tls.key");
    let mut again = instance(&fleet);
    let answer = again.apply(&self_signed()).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!(warnings(&answer.diagnostics), ["Interrupted Create Recorded"]);
    assert_eq!(entry(&fleet, "tls.key"), key);
}

#[tokio::test(start_paused = true)]
async fn after_an_import_only_state_changes() {
    let fleet = FakeFleet::default();
    let (certificate, key) = pair("a.example");
    instance(&fleet).apply(&own(&certificate, &key)).await;
    let mut secret = instance(&fleet);
    let answer = secret.import("gateway-demo/grpc-secret").await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!(secret.changes(&own(&certificate, &key)), Vec::<&str>::new());
    let mut stored = own(&certificate, &key);
    stored["private_key_pem"] = stored["private_key_pem_wo"].take();
    assert_eq!(secret.changes(&stored), ["private_key_pem", "renewal_due"]);
    fleet.forget_writes();
    secret.apply(&stored).await;
    assert_eq!(fleet.writes(), Vec::<String>::new());
    secret.read().await;
    assert_eq!(secret.changes(&stored), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn an_immutable_secret_and_an_expired_certificate_are_refused_before_any_write() {
    let fleet = FakeFleet::default();
    let mut secret = instance(&fleet);
    let (certificate, key) = pair("a.example");
    secret.apply(&own(&certificate, &key)).await;
    fleet.edit(SECRET, |secret| secret["immutable"] = json!(true));
    secret.read().await;
    fleet.forget_writes();
    let (certificate2, key2) = pair("a.example");
    let answer = secret.apply(&own(&certificate2, &key2)).await;
    assert_eq!(errors(&answer.diagnostics), ["certificate_pem: Immutable Secret"]);
    secret.context.clock = Arc::new(ManualClock::at("2027-07-01T00:00:00Z"));
    let answer = secret.apply(&own(&certificate2, &key2)).await;
    assert_eq!(errors(&answer.diagnostics), ["certificate_pem: Certificate Expired"]);
    assert_eq!(fleet.writes(), Vec::<String>::new());
    let soon = rules::v53_dates(&certificate, "2027-05-20T00:00:00Z".parse().unwrap());
    assert_eq!(warnings(&soon), ["certificate_pem: Certificate Ends Soon"]);
    assert!(rules::v53_dates(&certificate, "2027-01-01T00:00:00Z".parse().unwrap()).is_empty());
}

fn found(rule: impl FnOnce(&mut Diagnostics)) -> Vec<String> {
    let mut diagnostics = Diagnostics::new();
    rule(&mut diagnostics);
    diagnostics.iter().map(|one| one.summary.clone()).collect()
}

#[test]
fn v52_both_parts_are_given_and_fit() {
    let (certificate, key) = pair("a.example");
    let (_, other) = pair("a.example");
    let plan = |certificate: Attr<String>, key: Attr<Secret>| model::Plan {
        certificate_pem: certificate,
        private_key_pem: key,
        ..model::Plan::default()
    };
    let known = |text: &str| Attr::Known(text.to_owned());
    let secret = |text: &str| Attr::Known(Secret::new(text.to_owned()));
    let parts = |plan: model::Plan| found(|diagnostics| rules::v52_both_parts(&plan, diagnostics));
    assert_eq!(parts(plan(known(&certificate), Attr::Null)), ["Certificate Without Key"]);
    assert_eq!(parts(plan(Attr::Null, secret(&key))), ["Key Without Certificate"]);
    for silent in [
        plan(known(&certificate), secret(&key)),
        plan(Attr::Unknown, secret(&key)),
        plan(known(&certificate), Attr::Unknown),
    ] {
        assert_eq!(parts(silent), Vec::<String>::new());
    }
    let mismatch = |key: &str| rules::v52_mismatch(&certificate, &Secret::new(key.to_owned()), Path::root());
    assert!(mismatch(&other).is_some() && mismatch(&key).is_none());
    let of = |key: Attr<Secret>| found(|diagnostics| rules::validate(&plan(known(&certificate), key), diagnostics));
    assert_eq!(of(secret(&other)), ["Key Does Not Match Certificate"]);
    assert_eq!(of(Attr::Unknown), Vec::<String>::new(), "silent while the key is unknown");
}

/// A server's certificate, and that of its issuer, which is no root and ended in 2021.
fn chain_with_an_issuer_that_ended() -> [String; 2] {
    let keys = [(); 3].map(|()| rcgen::KeyPair::generate().unwrap());
    let authority = |name: &str, end: i32| {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.not_after = rcgen::date_time_ymd(end, 1, 1);
        params
    };
    let [root_key, middle_key, key] = keys;
    let root = rcgen::Issuer::new(authority("A Root", 2090), root_key);
    let middle = authority("An Intermediate", 2021);
    let ended = middle.signed_by(&middle_key, &root).unwrap().pem();
    let mut leaf = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    leaf.distinguished_name.push(rcgen::DnType::CommonName, "a.example");
    let leaf = leaf.signed_by(&key, &rcgen::Issuer::new(middle, middle_key)).unwrap().pem();
    [leaf, ended]
}

#[test]
fn v53_the_certificate_has_a_name_and_time_left() {
    let (certificate, _) = pair("a.example");
    let nameless = {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.self_signed(&key).unwrap().pem()
    };
    let chain = |text: &str| found(|diagnostics| rules::v53_chain(text, diagnostics));
    assert_eq!(chain(&nameless), ["Certificate Without Common Name"]);
    assert_eq!(chain(&certificate), Vec::<String>::new());
    let at = |time: &str| rules::v53_dates(&certificate, time.parse().unwrap());
    assert_eq!(errors(&at("2027-06-02T00:00:00Z")), ["certificate_pem: Certificate Expired"]);
    assert_eq!(errors(&at("2027-06-01T00:00:00Z")), ["certificate_pem: Certificate Expired"]);
    assert_eq!(warnings(&at("2027-05-31T23:59:59Z")), ["certificate_pem: Certificate Ends Soon"]);
    assert_eq!(warnings(&at("2027-05-02T00:00:01Z")), ["certificate_pem: Certificate Ends Soon"]);
    assert!(at("2027-05-02T00:00:00Z").is_empty(), "thirty days");
    assert!(
        at("2027-05-01T00:00:00Z").is_empty()
            && rules::v53_dates("hello", "2027-05-01T00:00:00Z".parse().unwrap()).is_empty()
    );
    let [leaf, ended] = chain_with_an_issuer_that_ended();
    let dates = |text: &str| rules::v53_dates(text, "2027-05-01T00:00:00Z".parse().unwrap());
    assert_eq!(warnings(&dates(&format!("{leaf}{ended}"))), ["certificate_pem: Issuer Certificate Expired"]);
    assert!(dates(&leaf).is_empty() && chain(&format!("{leaf}{ended}")).is_empty());
    let only_common_name = {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, "a.example");
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
    };
    assert_eq!(chain(&only_common_name), ["Certificate Without Alternative Names"]);
    let curve = include_str!("../../certificate/testdata/secp256k1.pem");
    assert_eq!(chain(curve), ["Certificate Without Alternative Names", "Unusual Certificate Key"]);
    let unknown = model::Plan { certificate_pem: Attr::Unknown, ..model::Plan::default() };
    assert_eq!(found(|diagnostics| rules::validate(&unknown, diagnostics)).len(), 1, "only the missing key is told");
}

#[tokio::test(start_paused = true)]
async fn v77_an_immutable_secret_is_warned_of_in_the_plan_and_refused_before_the_write() {
    let fleet = FakeFleet::default();
    let mut secret = instance(&fleet);
    let (certificate, key) = pair("a.example");
    secret.apply(&own(&certificate, &key)).await;
    let (certificate2, key2) = pair("a.example");
    secret.read().await;
    assert!(secret.plan(&own(&certificate2, &key2)).diagnostics.is_empty(), "it can be written");
    fleet.edit(SECRET, |secret| secret["immutable"] = json!(true));
    secret.read().await;
    assert_eq!(secret.changes(&own(&certificate, &key)), Vec::<&str>::new(), "what somebody froze is no drift");
    let plan = secret.plan(&own(&certificate2, &key2));
    assert_eq!(warnings(&plan.diagnostics), ["certificate_pem: Immutable Secret"]);
    let renewed = certificate_of("b.example", &rcgen::KeyPair::from_pem(&key).unwrap());
    let plan = secret.plan(&own(&renewed, &key));
    assert_eq!(
        warnings(&plan.diagnostics),
        ["certificate_pem: Immutable Secret"],
        "another certificate of the same key"
    );
    let labelled = |certificate: &str, key: &str| {
        let mut config = own(certificate, key);
        config["labels"] = json!({"team": "edge"});
        config
    };
    assert!(
        secret.plan(&labelled(&certificate, &key)).diagnostics.is_empty(),
        "labels of an immutable Secret can change"
    );
    fleet.forget_writes();
    let answer = secret.apply(&own(&certificate2, &key2)).await;
    assert_eq!(errors(&answer.diagnostics), ["certificate_pem: Immutable Secret"]);
    assert_eq!(fleet.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_secret_in_use_is_not_deleted_unless_told() {
    let fleet = FakeFleet::default();
    let mut secret = instance(&fleet);
    let (certificate, key) = pair("a.example");
    secret.apply(&own(&certificate, &key)).await;
    fleet.put(
        INGRESS,
        json!({"kind": "Ingress", "metadata": {"name": "grpc-ingress", "namespace": "gateway-demo", "uid": "u1"},
            "spec": {"tls": [{"secretName": "grpc-secret"}]}}),
    );
    secret.next_command(fleet.clients(settings()));
    let answer = secret.destroy().await;
    assert_eq!(errors(&answer.diagnostics), ["ignore_users: Secret in Use"]);
    fleet.edit(INGRESS, |ingress| ingress["spec"]["tls"][0]["secretName"] = json!("another"));
    let answer = secret.destroy().await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert!(fleet.get(SECRET).is_none() && secret.state.is_null());
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_an_own_certificate_converges() {
    let fleet = FakeFleet::default();
    let mut secret = instance(&fleet);
    let (certificate, key) = pair("a.example");
    fleet.fault("PATCH", "secrets", Fault::LostAnswer);
    let answer = secret.apply(&own(&certificate, &key)).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    secret.read().await;
    assert_eq!(secret.changes(&own(&certificate, &key)), Vec::<&str>::new());
}
