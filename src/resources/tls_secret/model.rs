//! Model of a TLS Secret, its import id, and what it is as an object.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use super::TlsSecret;
use crate::certificate::{Facts, KeyAlgorithm, Profile, parse_chain};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::{Attr, Planned, Secret, Stored};
use crate::framework::resource::{ImportTarget, Resource, Timeouts};
use crate::kubernetes::{Compare, FieldPath, Kind, Meaning, Object, ObjectRef};
use crate::resources::object_metadata::{self, Metadata};

/// Type of the Secret; it cannot be changed (Kubernetes `SecretTypeTLS`).
pub(super) const SECRET_TYPE: &str = "kubernetes.io/tls";
/// Data keys of that type.
pub(super) const CERTIFICATE_KEY: &str = "tls.crt";
/// The other one.
pub(super) const PRIVATE_KEY: &str = "tls.key";
/// Default of `self_signed.validity_days`.
pub(super) const VALIDITY_DAYS: i64 = 365;
/// Default of `self_signed.renew_before_days`.
pub(super) const RENEW_BEFORE_DAYS: i64 = 30;

crate::model! {
    /// `ackone_tls_secret`.
    pub(crate) struct TlsSecretModel {
        pub(crate) id: String,
        pub(crate) fleet_id: String,
        pub(crate) namespace: String,
        pub(crate) name: String,
        pub(crate) certificate_pem: String,
        pub(crate) private_key_pem_wo: Secret,
        pub(crate) private_key_pem_wo_version: String,
        pub(crate) private_key_pem: Secret,
        pub(crate) self_signed: SelfSigned<P>,
        pub(crate) labels: BTreeMap<String, P::Of<String>>,
        pub(crate) annotations: BTreeMap<String, P::Of<String>>,
        pub(crate) ignore_users: bool,
        pub(crate) adopt: bool,
        pub(crate) timeouts: Timeouts<P>,
        pub(crate) subject_common_name: String,
        pub(crate) dns_names: Vec<P::Of<String>>,
        pub(crate) issuer: String,
        pub(crate) serial: String,
        pub(crate) not_before: String,
        pub(crate) not_after: String,
        pub(crate) fingerprint_sha256: String,
        pub(crate) renewal_due: bool,
        pub(crate) effective_labels: BTreeMap<String, P::Of<String>>,
        pub(crate) effective_annotations: BTreeMap<String, P::Of<String>>,
    }
}

crate::model! {
    /// `self_signed`.
    pub(crate) struct SelfSigned {
        pub(crate) common_name: String,
        pub(crate) dns_names: Vec<P::Of<String>>,
        pub(crate) organization: String,
        pub(crate) validity_days: i64,
        pub(crate) renew_before_days: i64,
        pub(crate) key_algorithm: String,
    }
}

pub(super) type State = TlsSecretModel<Stored>;
pub(super) type Plan = TlsSecretModel<Planned>;

/// Key algorithms by name. RSA first: it is the default, because every gRPC client takes it.
pub(super) const ALGORITHMS: [(&str, KeyAlgorithm); 5] = [
    ("RSA_2048", KeyAlgorithm::Rsa(2048)),
    ("RSA_3072", KeyAlgorithm::Rsa(3072)),
    ("RSA_4096", KeyAlgorithm::Rsa(4096)),
    ("ECDSA_P256", KeyAlgorithm::EcdsaP256),
    ("ECDSA_P384", KeyAlgorithm::EcdsaP384),
];

/// What a self-signed certificate shall say, once all of it is known.
pub(super) fn profile(wanted: &SelfSigned<Stored>) -> Profile {
    let name = wanted.key_algorithm.as_deref().unwrap_or_default();
    let algorithm = ALGORITHMS.iter().find(|(known, _)| *known == name).map_or(KeyAlgorithm::Rsa(2048), |(_, is)| *is);
    Profile {
        common_name: wanted.common_name.clone().unwrap_or_default(),
        dns_names: wanted.dns_names.iter().flatten().flatten().cloned().collect::<BTreeSet<_>>(),
        organization: wanted.organization.clone(),
        validity_days: u32::try_from(wanted.validity_days.unwrap_or(VALIDITY_DAYS)).unwrap_or_default(),
        algorithm,
    }
}

/// `self_signed` of a plan; `None` while any of it is unknown.
pub(super) fn known_self_signed(planned: &Attr<SelfSigned<Planned>>) -> Option<SelfSigned<Stored>> {
    use crate::framework::model::Field;
    SelfSigned::<Stored>::from_value(&planned.known()?.to_value()).ok()
}

/// The names that the certificate of a plan is for; `None` while they are unknown.
pub(super) fn certified_names(planned: &Plan) -> Option<Vec<String>> {
    let (common_name, mut names) = match planned.certificate_pem.known() {
        Some(certificate) => {
            let facts = facts_of(certificate)?;
            (facts.common_name, facts.dns_names)
        }
        None => {
            let profile = profile(&known_self_signed(&planned.self_signed)?);
            (Some(profile.common_name), profile.dns_names.into_iter().collect())
        }
    };
    names.extend(common_name.filter(|name| !names.contains(name)));
    Some(names)
}

/// What the first certificate of a text says.
pub(super) fn facts_of(certificate_pem: &str) -> Option<Facts> {
    let chain = parse_chain(certificate_pem).ok()?;
    Facts::from_der(chain.first()?).ok()
}

/// Sets the certificate facts of a state.
pub(super) fn set_facts(state: &mut State, facts: Option<&Facts>) {
    state.subject_common_name = facts.and_then(|facts| facts.common_name.clone());
    state.dns_names = facts.map(|facts| facts.dns_names.iter().cloned().map(Some).collect());
    state.issuer = facts.map(|facts| facts.issuer.clone());
    state.serial = facts.map(|facts| facts.serial.clone());
    state.not_before = facts.map(|facts| facts.not_before.to_string());
    state.not_after = facts.map(|facts| facts.not_after.to_string());
    state.fingerprint_sha256 = facts.map(|facts| facts.fingerprint_sha256.clone());
}

/// Sets the certificate facts of a plan; `None`: not known yet.
pub(super) fn plan_facts(planned: &mut Plan, facts: Option<&Facts>) {
    planned.subject_common_name = facts.map_or(Attr::Unknown, |facts| facts.common_name.clone().into());
    planned.dns_names =
        facts.map_or(Attr::Unknown, |facts| Attr::Known(facts.dns_names.iter().cloned().map(Attr::Known).collect()));
    let text = |pick: fn(&Facts) -> String| facts.map_or(Attr::Unknown, |facts| Attr::Known(pick(facts)));
    planned.issuer = text(|facts| facts.issuer.clone());
    planned.serial = text(|facts| facts.serial.clone());
    planned.not_before = text(|facts| facts.not_before.to_string());
    planned.not_after = text(|facts| facts.not_after.to_string());
    planned.fingerprint_sha256 = text(|facts| facts.fingerprint_sha256.clone());
}

/// The object of a state.
pub(super) fn object_ref(state: &State) -> ObjectRef {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    ObjectRef::namespaced(Kind::SECRET, text(&state.namespace), text(&state.name))
}

/// `namespace/name`.
pub(super) fn import_id(object: &ObjectRef) -> String {
    format!("{}/{}", object.namespace.as_deref().unwrap_or_default(), object.name)
}

/// The maps of a state.
pub(super) fn metadata(state: &State) -> Metadata {
    Metadata {
        labels: state.labels.clone(),
        annotations: state.annotations.clone(),
        effective_labels: state.effective_labels.clone(),
        effective_annotations: state.effective_annotations.clone(),
    }
}

/// All that we set. A part that is not given is not set.
pub(super) fn intent(state: &State, certificate_pem: Option<&str>, key_pem: Option<&str>) -> Json {
    let mut data = serde_json::Map::new();
    for (name, text) in [(CERTIFICATE_KEY, certificate_pem), (PRIVATE_KEY, key_pem)] {
        if let Some(text) = text {
            data.insert(name.to_owned(), Json::String(STANDARD.encode(text)));
        }
    }
    json!({
        "metadata": object_metadata::intent(&state.effective_labels, &state.effective_annotations),
        "type": SECRET_TYPE,
        "data": data,
    })
}

/// An entry of a live Secret's data, if it is text.
pub(super) fn data(live: &Object, name: &str) -> Option<Zeroizing<String>> {
    let encoded = live.value().get("data")?.get(name)?.as_str()?;
    let bytes = Zeroizing::new(STANDARD.decode(encoded).ok()?);
    std::str::from_utf8(&bytes).ok().map(|text| Zeroizing::new(text.to_owned()))
}

/// Whether a live Secret refuses every change of its data.
pub(super) fn is_immutable(live: &Object) -> bool {
    live.value().get("immutable").and_then(Json::as_bool) == Some(true)
}

/// PEM is compared by what it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct SecretMeaning;

impl Meaning for SecretMeaning {
    fn compare(&self, path: &FieldPath) -> Compare {
        if matches!(path.fields().as_slice(), ["data", _]) { Compare::Pem } else { Compare::Exact }
    }
}

/// The state from which a read finds the Secret.
pub(super) fn import(target: ImportTarget) -> Result<State, Diagnostics> {
    let mut state = State::default();
    let shown = match target {
        ImportTarget::Id(id) => {
            if let Some((namespace, name)) = id.split_once('/') {
                state.namespace = Some(namespace.to_owned());
                state.name = Some(name.to_owned());
            }
            id
        }
        ImportTarget::Identity(mut identity) => {
            state.namespace = identity.remove("namespace");
            state.name = identity.remove("name");
            state.fleet_id = identity.remove("fleet_id");
            format!("{}/{}", state.namespace.as_deref().unwrap_or_default(), state.name.as_deref().unwrap_or_default())
        }
    };
    let plain =
        |part: &Option<String>| part.as_deref().is_some_and(|part| !part.is_empty() && !part.contains(['/', ' ', ':']));
    if !plain(&state.namespace) || !plain(&state.name) {
        return Err(Diagnostic::error(
            "Invalid Import ID",
            format!(
                "{shown:?} is no import ID of {}. It is <namespace>/<name>, such as \"gateway-demo/grpc-secret\".",
                TlsSecret::TYPE
            ),
        )
        .into());
    }
    state.id = Some(shown);
    Ok(state)
}
