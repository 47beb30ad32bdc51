//! What a plan says of a TLS Secret. Pure: dates and live keys were judged by the refresh before it.

use super::model::{self, Plan, SelfSigned, State, facts_of, known_self_signed, plan_facts, profile};
use super::{IMMUTABLE_FACT, TlsSecret, digest};
use crate::certificate::{PrivateKey, same_chain};
use crate::framework::model::{Attr, Field, Secret, Stored};
use crate::framework::path::Path;
use crate::framework::plan::resolve;
use crate::framework::resource::Planning;
use crate::resources::kubernetes_object::UID_FACT;
use crate::resources::{object_metadata, refresh};

/// An update is due although configuration and state agree.
pub(super) fn wants_update(planning: &Planning<'_, TlsSecret>) -> bool {
    let Some(prior) = planning.prior else { return false };
    let mut planned = planning.planned.clone();
    derive(&mut planned, planning);
    let metadata_differs = !object_metadata::same(&planned.effective_labels, &prior.effective_labels)
        || !object_metadata::same(&planned.effective_annotations, &prior.effective_annotations);
    if metadata_differs {
        return true;
    }
    if !planning.config.self_signed.is_null() {
        return prior.renewal_due == Some(true);
    }
    digest::has_drifted(&planning.private) || is_new_key(planning)
}

/// Whether the configured write-only key is not the one in the Secret. A version takes the place of that comparison.
fn is_new_key(planning: &Planning<'_, TlsSecret>) -> bool {
    if !planning.config.private_key_pem_wo_version.is_null() {
        return false;
    }
    let key = planning.config.private_key_pem_wo.known().and_then(|key| PrivateKey::from_pem(key.expose()).ok());
    key.is_some_and(|key| digest::is_another(&planning.private, &key))
}

pub(super) fn plan(planning: &mut Planning<'_, TlsSecret>) {
    let mut planned = planning.planned.clone();
    derive(&mut planned, planning);
    if planning.prior.is_none() {
        planned.id = match (&planned.namespace, &planned.name) {
            (Attr::Known(namespace), Attr::Known(name)) => Attr::Known(format!("{namespace}/{name}")),
            _ => Attr::Unknown,
        };
        if let Some(fleet_id) = planning.clients.and_then(|clients| clients.settings.fleet_id.clone()) {
            planned.fleet_id = Attr::Known(fleet_id);
        }
    }
    if planning.changes {
        certificate(&mut planned, planning);
        v77_immutable(&planned, planning);
    }
    planning.planned = planned;
    tell_of_overwrites(planning);
}

/// Labels and annotations of others that the plan sets anew. What the Secret holds is always ours.
fn tell_of_overwrites(planning: &mut Planning<'_, TlsSecret>) {
    let Some(prior) = planning.prior.filter(|_| planning.changes) else { return };
    let Ok(planned) = State::from_value(&resolve(&planning.planned.to_value())) else { return };
    let metadata = model::metadata(&planned);
    refresh::tell_of_overwrites(
        &refresh::Overwriting {
            object: &model::object_ref(prior),
            uid_fact: UID_FACT,
            meaning: &model::SecretMeaning,
            attribute: &|path| object_metadata::attribute(path, &metadata),
        },
        &planning.private,
        &model::intent(prior, None, None),
        &model::intent(&planned, None, None),
        &mut planning.diagnostics,
    );
}

fn derive(planned: &mut Plan, planning: &Planning<'_, TlsSecret>) {
    let settings = planning.clients.map(|clients| &clients.settings);
    planned.effective_labels = object_metadata::plan(
        settings.map(|settings| &settings.default_labels),
        &planned.labels,
        planning.prior.map(|prior| (&prior.labels, &prior.effective_labels)),
    );
    planned.effective_annotations = object_metadata::plan(
        settings.map(|settings| &settings.default_annotations),
        &planned.annotations,
        planning.prior.map(|prior| (&prior.annotations, &prior.effective_annotations)),
    );
}

/// The certificate's facts: of a configured one as soon as it is known; of a self-signed one as long as it is kept.
fn certificate(planned: &mut Plan, planning: &Planning<'_, TlsSecret>) {
    if !planning.config.certificate_pem.is_null() {
        let facts = planned.certificate_pem.known().and_then(|certificate| facts_of(certificate));
        plan_facts(planned, facts.as_ref());
        return;
    }
    match planning.prior {
        Some(prior) if !is_renewed(planned, prior) => {}
        _ => {
            planned.certificate_pem = Attr::Unknown;
            plan_facts(planned, None);
        }
    }
}

/// V77: new data cannot be written into a Secret that somebody marked as immutable. A warning in the plan, because an error
/// would stop the replacement that is the remedy as well; the apply refuses before its write.
fn v77_immutable(planned: &Plan, planning: &mut Planning<'_, TlsSecret>) {
    let Some(prior) = planning.prior.filter(|_| planning.private.fact(IMMUTABLE_FACT).is_some()) else { return };
    let same_certificate = match (planned.certificate_pem.known(), &prior.certificate_pem) {
        (Some(planned), Some(prior)) => same_chain(planned, prior),
        _ => false,
    };
    let stored = |key: &Secret| PrivateKey::from_pem(key.expose()).ok();
    let same_key = match (planned.private_key_pem.known(), &prior.private_key_pem) {
        (Some(planned), Some(prior)) => stored(planned) == stored(prior),
        _ => true,
    };
    if same_certificate && same_key && !digest::has_drifted(&planning.private) && !is_new_key(planning) {
        return;
    }
    planning.diagnostics.warn(
        Path::attribute("certificate_pem"),
        "Immutable Secret",
        "Somebody marked the Secret as immutable, so Kubernetes refuses its new data, and so will the apply. Replace it \
         (`terraform apply -replace=…`), or give the new certificate another name and let the Ingresses name that.",
    );
}

/// Whether an update may make a new self-signed certificate. Unknown values may ask for one.
fn is_renewed(planned: &Plan, prior: &State) -> bool {
    let Some(wanted) = known_self_signed(&planned.self_signed) else { return true };
    prior.renewal_due == Some(true) || !suits(&wanted, prior)
}

/// Whether the certificate of a state is what is asked for. After an import nothing is known of how it was made, so what it
/// says decides.
pub(super) fn suits(wanted: &SelfSigned<Stored>, prior: &State) -> bool {
    match (&prior.self_signed, prior.certificate_pem.as_deref()) {
        (_, None) => false,
        (Some(made), Some(_)) => profile(made) == profile(wanted),
        (None, Some(certificate)) => facts_of(certificate).is_some_and(|facts| profile(wanted).fits(&facts)),
    }
}

/// Whether the version given with the write-only key is the one in state: then the key in the Secret stays if it can.
pub(super) fn is_pinned(planned: &Plan, prior: &State) -> bool {
    let version: &Attr<String> = &planned.private_key_pem_wo_version;
    version.known().is_some_and(|version| prior.private_key_pem_wo_version.as_ref() == Some(version))
}
