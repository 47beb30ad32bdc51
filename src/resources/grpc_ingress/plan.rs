//! What a plan says of a gRPC Ingress: the fixed protocol, effective metadata, advice. Pure.

use super::model::GrpcIngress;
use super::object::{GRPC, IngressMeaning, attribute, ingress};
use super::{GrpcIngressResource, Ours, PROTOCOL_FACT, rules};
use crate::framework::model::{Attr, Field, Planned, Stored};
use crate::framework::path::Path;
use crate::framework::plan::resolve;
use crate::framework::resource::Planning;
use crate::resources::kubernetes_object::UID_FACT;
use crate::resources::{object_metadata, refresh};

/// An update is due although configuration and state agree: not ready yet, or something derived is not as it should be.
pub(super) fn wants_update(planning: &Planning<'_, GrpcIngressResource>) -> bool {
    let Some(prior) = planning.prior else { return false };
    let mut planned = planning.planned.clone();
    derive(&mut planned, planning);
    prior.ready == Some(false)
        || planned.backend_protocol != prior.backend_protocol.clone().into()
        || !object_metadata::same(&planned.effective_labels, &prior.effective_labels)
        || !object_metadata::same(&planned.effective_annotations, &prior.effective_annotations)
}

pub(super) fn plan(planning: &mut Planning<'_, GrpcIngressResource>) {
    let mut planned = planning.planned.clone();
    derive(&mut planned, planning);
    if planning.prior.is_none() {
        if let (Attr::Known(namespace), Attr::Known(name)) = (&planned.namespace, &planned.name) {
            planned.id = Attr::Known(format!("{namespace}/{name}"));
        }
        if let Some(fleet_id) = planning.clients.and_then(|clients| clients.settings.fleet_id.clone()) {
            planned.fleet_id = Attr::Known(fleet_id);
        }
    }
    planning.planned = planned;
    v46_protocol_of_a_live_ingress(planning);
    if planning.changes {
        rules::advise(&planning.planned, &mut planning.diagnostics);
    }
    tell_of_overwrites(planning);
}

/// Fields and annotations of others that the plan sets anew.
fn tell_of_overwrites(planning: &mut Planning<'_, GrpcIngressResource>) {
    let Some(prior) = planning.prior.filter(|_| planning.changes && planning.requires_replace.is_empty()) else {
        return;
    };
    let Ok(planned) = GrpcIngress::<Stored>::from_value(&resolve(&planning.planned.to_value())) else { return };
    refresh::tell_of_overwrites(
        &refresh::Overwriting {
            object: &Ours::of(prior).object,
            uid_fact: UID_FACT,
            meaning: &IngressMeaning,
            attribute: &|path| attribute(&planned, path),
        },
        &planning.private,
        &ingress(prior),
        &ingress(&planned),
        &mut planning.diagnostics,
    );
}

/// V46: the server groups of a live Ingress keep the protocol they were made with, so one that was made with another is
/// replaced. Not so when only the annotation was edited after our apply: that is written back.
fn v46_protocol_of_a_live_ingress(planning: &mut Planning<'_, GrpcIngressResource>) {
    let Some(applied) = planning.private.fact(PROTOCOL_FACT).filter(|applied| *applied != GRPC) else { return };
    if planning.prior.is_none() {
        return;
    }
    let at = Path::attribute("backend_protocol");
    planning.diagnostics.warn(
        at.clone(),
        "Protocol of a Live Ingress Cannot Change",
        format!(
            "The Ingress was made with backend protocol {applied:?}. The controller ignores a changed protocol of a live Ingress \
             and reports success, so it is deleted and made again with {GRPC:?}; its hosts are not served in between. To keep \
             it as it is, take it out of this configuration."
        ),
    );
    planning.requires_replace.push(at);
}

/// Values that follow from others.
fn derive(planned: &mut GrpcIngress<Planned>, planning: &Planning<'_, GrpcIngressResource>) {
    planned.backend_protocol = Attr::Known(GRPC.to_owned());
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
