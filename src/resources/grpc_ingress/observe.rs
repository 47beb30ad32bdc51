//! Refreshing and importing a gRPC Ingress.

use super::model::GrpcIngress;
use super::object::annotations::TABLE;
use super::object::{self, BACKEND_PROTOCOL, GRPC, HTTP, address};
use super::rules::v73_default_backend;
use super::{GrpcIngressResource, Ours, PROTOCOL_FACT};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::Stored;
use crate::framework::private::Private;
use crate::framework::resource::{ImportTarget, READ_TIMEOUT, Reading, Resource, TimeoutOf, TimeoutSource};
use crate::kubernetes::{Difference, FieldPath, KnownDrift, Object, ObjectRef};
use crate::resources::kubernetes_attributes::{ALB_PREFIX, metadata_map};
use crate::resources::kubernetes_object::{Fleet, Found, Home, KNOWN_DRIFT_FACT, UID_FACT, within};
use crate::resources::proved::Proved;
use crate::resources::readiness::{self, Sight};

/// The state from which a read finds the Ingress.
pub(super) fn import(target: ImportTarget) -> Result<GrpcIngress<Stored>, Diagnostics> {
    let mut state = object::nothing();
    match target {
        ImportTarget::Id(id) => {
            let parts = id
                .split_once('/')
                .filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty() && !name.contains('/'));
            let Some((namespace, name)) = parts else {
                return Err(Diagnostic::error(
                    "Invalid Import ID",
                    format!(
                        "{id:?} is no import ID of {}. It is namespace and name with a slash between, such as \
                         \"gateway-demo/grpc-ingress\".",
                        GrpcIngressResource::TYPE
                    ),
                )
                .into());
            };
            state.namespace = Some(namespace.to_owned());
            state.name = Some(name.to_owned());
        }
        ImportTarget::Identity(mut identity) => {
            state.namespace = identity.remove("namespace");
            state.name = identity.remove("name");
            state.fleet_id = identity.remove("fleet_id");
        }
    }
    state.id = Some(Ours::of(&state).import_id);
    Ok(state)
}

impl GrpcIngressResource {
    pub(super) async fn read_ingress(
        &self,
        cx: &mut Reading,
        prior: &GrpcIngress<Stored>,
    ) -> Result<Option<GrpcIngress<Stored>>, Diagnostics> {
        let limit = prior.timeouts.timeout(TimeoutOf::Read, READ_TIMEOUT);
        within(limit, "timeouts.read", self.refresh(cx, prior)).await
    }

    async fn refresh(
        &self,
        cx: &mut Reading,
        prior: &GrpcIngress<Stored>,
    ) -> Result<Option<GrpcIngress<Stored>>, Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let ours = Ours::of(prior);
        let attribute = |path: &FieldPath| object::attribute(prior, path);
        let private = cx.private.clone();
        let home = Home::of(prior.fleet_id.as_ref(), &private);
        let live = match fleet.find(&ours.described(&attribute), home, &mut cx.warnings).await? {
            Found::Live(live) => live,
            Found::Gone => return Ok(None),
        };
        let imported = private.is_imported();
        let drift = object::drift(&as_applied(prior, &private), &live, imported);
        drift.tell(&ours.object, &mut cx.warnings);
        drift.remember(&ours.object, UID_FACT, &mut cx.private);
        let mut state = object::refresh(prior, &live, &drift, &self.clients.settings);
        if imported {
            // What its server groups were made with, whatever the annotation says later.
            cx.private.set_fact(PROTOCOL_FACT, live.annotation(BACKEND_PROTOCOL).unwrap_or(HTTP));
            tell_unread(&ours.object, &live, &state, cx);
        }
        if let Some(applied) = private.fact(PROTOCOL_FACT).filter(|applied| *applied != GRPC) {
            state.backend_protocol = Some(applied.to_owned());
        }
        v73_default_backend(&ours.object, &live, &mut cx.warnings);
        if state.fleet_id.is_none() {
            state.fleet_id = Some(fleet.id().await?);
        }
        cx.private.set_fact(UID_FACT, live.uid());
        let sight = Sight {
            ready: state.ready,
            reason: state.reason.take(),
            published: address(&live).is_some(),
            imported,
            not_waited_for: None,
            vanished: "the published host name vanished from its status",
        };
        (state.ready, state.reason) = readiness::judge(fleet.api(), &ours.object, &live, sight, cx).await;
        if state.ready == Some(true) && !imported && drift.is_none() {
            Proved::remember_seen(&mut cx.private, &live);
        }
        Ok(Some(state))
    }
}

/// The state without the protocol that it shows instead of the live one: that is no drift.
fn as_applied(prior: &GrpcIngress<Stored>, private: &Private) -> GrpcIngress<Stored> {
    let mut prior = prior.clone();
    if private.fact(PROTOCOL_FACT).is_some_and(|applied| applied != GRPC) {
        prior.backend_protocol = None;
    }
    prior
}

/// Says which settings of an imported Ingress could not be taken over, and remembers them: the update that configures one
/// knows then that the live value was seen.
fn tell_unread(object: &ObjectRef, live: &Object, state: &GrpcIngress<Stored>, cx: &mut Reading) {
    let written = metadata_map(&object::ingress(state), "annotations");
    let has_attribute = |key: &str| {
        let name = key.strip_prefix(ALB_PREFIX);
        name.is_some_and(|name| {
            TABLE.iter().any(|one| name == one.key || one.key.ends_with('.') && name.starts_with(one.key))
        })
    };
    let live = metadata_map(live.value(), "annotations");
    let unread: Vec<(&String, &String)> =
        live.iter().filter(|(key, _)| has_attribute(key) && !written.contains_key(*key)).collect();
    let seen = |(key, text): &(&String, &String)| Difference {
        path: FieldPath::of(["metadata", "annotations", key.as_str()]),
        ours: None,
        live: Some(text.as_str().into()),
        writer: None,
    };
    let mut known = KnownDrift::default();
    known.add(&unread.iter().map(seen).collect::<Vec<_>>());
    if let Some(text) = known.text() {
        let lines: String = unread.iter().map(|(key, text)| format!("\n  - {key}: {text}")).collect();
        cx.private.set_fact(KNOWN_DRIFT_FACT, text);
        cx.warnings.push(Diagnostic::warning(
            "Settings Not Imported",
            format!(
                "{object} has settings that this resource has attributes for, but with values that they cannot hold or that have \
                 no effect:{}\nThey stay as they are until an attribute of theirs is configured.",
                lines
            ),
        ));
    }
}
