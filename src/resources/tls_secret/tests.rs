//! Rules, plans and digests of a TLS Secret.

use super::*;
use crate::framework::conformance::assert_resource_plans_are_true;
use crate::framework::erased::ResourceType;
use crate::framework::model::Model;
use crate::framework::value::Value;
use proptest::strategy::{BoxedStrategy, Just, Strategy};

#[test]
fn model_and_schema_have_the_same_attributes() {
    let names: Vec<&str> = schema::schema().attributes.iter().map(|attribute| attribute.name).collect();
    assert_eq!(names, TlsSecretModel::<Planned>::FIELDS);
}

/// A certificate for a host, and its key.
fn pair(host: &str) -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, host);
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 6, 1);
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

#[test]
fn plans_are_true() {
    let (certificate, key) = pair("grpc.example.com");
    let samples = move |path: &str| -> Option<BoxedStrategy<Value>> {
        Some(match path {
            "certificate_pem" => Just(Value::string(certificate.clone())).boxed(),
            "private_key_pem" | "private_key_pem_wo" => Just(Value::string(key.clone())).boxed(),
            "self_signed.common_name" => "[a-z]{1,9}\\.example".prop_map(Value::string).boxed(),
            "self_signed.organization" => "[A-Z][a-z]{1,9}".prop_map(Value::string).boxed(),
            "self_signed.validity_days" => (200_i64..400).prop_map(Value::int).boxed(),
            "self_signed.renew_before_days" => (1_i64..100).prop_map(Value::int).boxed(),
            "namespace" | "name" => "[a-z]{1,9}".prop_map(Value::string).boxed(),
            _ => return None,
        })
    };
    assert_resource_plans_are_true(&*ResourceType::<TlsSecret>::erased(), &samples);
}
