//! Refreshing and importing a gateway.

use std::collections::BTreeMap;

use super::apply::{applied_fact, is_published, not_waited_for};
use super::model::Gateway;
use super::object::{self, CONTROLLER};
use super::{APPLIED_FACT, AlbGateway, CLASS_UID_FACT, Objects, class_attribute, meaning, refresh};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::Stored;
use crate::framework::path::Path;
use crate::framework::resource::{ImportTarget, READ_TIMEOUT, Reading, Resource, TimeoutOf, TimeoutSource};
use crate::kubernetes::{FieldPath, Kind, Object, ObjectRef, last_writer};
use crate::resources::diagnose;
use crate::resources::kubernetes_object::{Fleet, Found, Home, UID_FACT, within};
use crate::resources::proved::Proved;
use crate::resources::readiness::{self, Sight};
use crate::resources::refresh::Drift;

/// The state from which a read finds the gateway.
pub(super) fn import(target: ImportTarget) -> Result<Gateway<Stored>, Diagnostics> {
    let mut state = object::nothing();
    match target {
        ImportTarget::Id(name) => state.name = Some(name),
        ImportTarget::Identity(mut identity) => {
            state.name = identity.remove("name");
            state.fleet_id = identity.remove("fleet_id");
        }
    }
    let valid = state.name.as_deref().is_some_and(|name| !name.is_empty() && !name.contains('/'));
    if !valid {
        return Err(Diagnostic::error(
            "Invalid Import ID",
            format!(
                "{:?} is no import ID of {}. It is the name of the AlbConfig, such as \"ackone-gateway-demo\".",
                state.name.unwrap_or_default(),
                AlbGateway::TYPE
            ),
        )
        .into());
    }
    state.id.clone_from(&state.name);
    Ok(state)
}

impl AlbGateway {
    pub(super) async fn read_gateway(
        &self,
        cx: &mut Reading,
        prior: &Gateway<Stored>,
    ) -> Result<Option<Gateway<Stored>>, Diagnostics> {
        let limit = prior.timeouts.timeout(TimeoutOf::Read, READ_TIMEOUT);
        within(limit, "timeouts.read", self.refresh(cx, prior)).await
    }

    async fn refresh(&self, cx: &mut Reading, prior: &Gateway<Stored>) -> Result<Option<Gateway<Stored>>, Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let objects = Objects::of(prior);
        let attribute = |path: &FieldPath| meaning::attribute(prior, path);
        let described = objects.alb_config(&attribute);
        let private = cx.private.clone();
        let home = Home::of(prior.fleet_id.as_ref(), &private);
        let live = match fleet.find(&described, home, &mut cx.warnings).await? {
            Found::Live(live) => live,
            Found::Gone => return Ok(None),
        };
        let imported = private.is_imported();
        let drift = refresh::drift(prior, &live, imported);
        drift.tell(&objects.alb_config, &mut cx.warnings);
        drift.remember(&objects.alb_config, UID_FACT, &mut cx.private);
        let (_, dropped) = refresh::without_dropped(object::alb_config(prior), &live);
        if !dropped.is_empty() && !imported {
            cx.warnings.push(not_kept(&objects.name, &dropped));
        }
        let mut state = refresh::refresh(prior, &live, &drift, &self.clients.settings);
        if state.fleet_id.is_none() {
            state.fleet_id = Some(fleet.id().await?);
        }
        cx.private.set_fact(UID_FACT, live.uid());
        if imported {
            self.find_class(&fleet, &mut state, cx).await?;
        } else {
            self.check_class(&fleet, &mut state, cx, &objects).await?;
            self.find_unused_classes(&fleet, &mut cx.private).await?;
        }
        if private.fact(APPLIED_FACT).is_none() {
            cx.private.set_fact(APPLIED_FACT, applied_fact(&state));
        }
        let sight = Sight {
            ready: state.ready,
            reason: state.reason.take(),
            published: is_published(&live),
            imported,
            not_waited_for: not_waited_for(&state),
            vanished: "the published load balancer vanished from its status",
        };
        (state.ready, state.reason) = readiness::judge(fleet.api(), &objects.alb_config, &live, sight, cx).await;
        if state.ready == Some(true) && !imported && drift.is_none() {
            Proved::remember_seen(&mut cx.private, &live);
        }
        Ok(Some(state))
    }

    /// Whether the class of the state is still there and leads here. Else the attribute shows it missing, which the plan
    /// mends.
    async fn check_class(
        &self,
        fleet: &Fleet,
        state: &mut Gateway<Stored>,
        cx: &mut Reading,
        objects: &Objects,
    ) -> Result<(), Diagnostics> {
        let Some(class) = &objects.class else { return Ok(()) };
        let described = objects.class(class);
        let private = cx.private.clone();
        let home = Home::with_uid(state.fleet_id.as_ref(), &private, CLASS_UID_FACT);
        match fleet.find(&described, home, &mut cx.warnings).await? {
            Found::Live(live) => {
                cx.private.set_fact(CLASS_UID_FACT, live.uid());
                let ours = object::ingress_class(state);
                let drift = Drift::of(&live, &ours, &meaning::IngressClassMeaning, &class_attribute, false);
                drift.remember(class, CLASS_UID_FACT, &mut cx.private);
                if leads_to(&live, &objects.name) {
                    drift.tell(class, &mut cx.warnings);
                } else {
                    cx.warnings.push(leads_elsewhere(&live, class, &objects.name));
                    state.ready = state.ready.filter(|ready| !ready);
                }
                if state.default_ingress_class.is_some() {
                    state.default_ingress_class = object::is_default_class(&live);
                }
                if drift.touches(&Path::attribute("ingress_class_name")) {
                    state.ingress_class_name = None;
                }
            }
            Found::Gone => {
                cx.private.remove_fact(CLASS_UID_FACT);
                state.ingress_class_name = None;
            }
        }
        Ok(())
    }

    /// On import: the IngressClass that leads to this gateway.
    async fn find_class(
        &self,
        fleet: &Fleet,
        state: &mut Gateway<Stored>,
        cx: &mut Reading,
    ) -> Result<(), Diagnostics> {
        let name = state.name.clone().unwrap_or_default();
        let listing = fleet.api().list(Kind::INGRESS_CLASS, None, None).await.map_err(|error| {
            diagnose::kubernetes_error("looking for the IngressClass of the gateway", &error, &|_| Path::root())
        })?;
        let classes: BTreeMap<&str, &Object> =
            listing.items.iter().filter(|class| leads_to(class, &name)).map(|class| (class.name(), class)).collect();
        let class = classes.get(name.as_str()).or_else(|| classes.values().next());
        state.manage_ingress_class = Some(class.is_some());
        state.ingress_class_name = class.map(|class| class.name().to_owned());
        state.default_ingress_class =
            class.and_then(|class| object::is_default_class(class)).filter(|default| *default);
        if let Some(class) = class {
            cx.private.set_fact(CLASS_UID_FACT, class.uid());
        }
        if classes.len() > 1 {
            cx.warnings.warn(
                Path::attribute("ingress_class_name"),
                "Several Ingress Classes",
                format!(
                    "IngressClasses {} all lead to this gateway; {:?} was imported with it. Set ingress_class_name to choose \
                     another one.",
                    classes.keys().copied().collect::<Vec<_>>().join(", "),
                    state.ingress_class_name.as_deref().unwrap_or_default()
                ),
            );
        }
        Ok(())
    }
}

/// Somebody changed the class, so that its Ingresses are another gateway's or nobody's.
fn leads_elsewhere(live: &Object, class: &ObjectRef, gateway: &str) -> Diagnostic {
    let writer = last_writer(live, &FieldPath::of(["spec", "parameters", "name"]));
    let writer = writer.map_or_else(|| "nothing tells by whom".to_owned(), |writer| writer.to_string());
    Diagnostic::warning(
        "IngressClass Leads Elsewhere",
        format!(
            "{class} was changed ({writer}) and no longer leads to AlbConfig {gateway:?}. The next apply mends it."
        ),
    )
    .at(Path::attribute("ingress_class_name"))
}

/// A rewrite of the controller dropped what it does not know.
fn not_kept(name: &str, dropped: &[String]) -> Diagnostic {
    Diagnostic::warning(
        format!("AlbConfig \"{name}\": Fields Not Known to the Controller"),
        format!(
            "The controller wrote the AlbConfig back without {}: its version does not know these fields, so they have no \
             effect. They are no difference to plan, because they would vanish again. Upgrade the controller, or remove them \
             from the configuration.",
            dropped.join(", ")
        ),
    )
}

/// Whether a class is one of the ALB controller for this AlbConfig.
pub(super) fn leads_to(class: &Object, gateway: &str) -> bool {
    let text = |pointer: &str| class.value().pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or_default();
    text("/spec/controller") == CONTROLLER && text("/spec/parameters/name") == gateway
}
