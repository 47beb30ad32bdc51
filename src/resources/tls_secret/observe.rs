//! Refreshing the Secret: what it holds is compared with what we left there, and judged by the date.

use serde_json::Value as Json;

use super::apply::{content, is_fit, not_a_tls_secret};
use super::model::{
    self, CERTIFICATE_KEY, PRIVATE_KEY, SECRET_TYPE, SecretMeaning, State, facts_of, import_id, set_facts,
};
use super::{IMMUTABLE_FACT, TlsSecret, attribute, described, digest, rules};
use crate::certificate::{PrivateKey, parse_chain, same_chain, to_pem};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::Secret;
use crate::framework::path::Path;
use crate::framework::resource::{READ_TIMEOUT, Reading, TimeoutOf, TimeoutSource};
use crate::kubernetes::{FieldPath, Object};
use crate::resources::kubernetes_object::{Fleet, Found, Home, UID_FACT, within};
use crate::resources::object_metadata;
use crate::resources::refresh::Drift;

impl TlsSecret {
    pub(super) async fn read_secret(&self, cx: &mut Reading, prior: &State) -> Result<Option<State>, Diagnostics> {
        let limit = prior.timeouts.timeout(TimeoutOf::Read, READ_TIMEOUT);
        within(limit, "timeouts.read", self.refresh(cx, prior)).await
    }

    async fn refresh(&self, cx: &mut Reading, prior: &State) -> Result<Option<State>, Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let object = model::object_ref(prior);
        let (metadata, import_id) = (model::metadata(prior), import_id(&object));
        let attribute = |path: &FieldPath| attribute(path, &metadata, &Path::attribute("private_key_pem"));
        let described = described(&object, &import_id, &attribute);
        let private = cx.private.clone();
        let home = Home::of(prior.fleet_id.as_ref(), &private);
        let live = match fleet.find(&described, home, &mut cx.warnings).await? {
            Found::Live(live) => live,
            Found::Gone => return Ok(None),
        };
        let kind = live.value().get("type").and_then(Json::as_str).unwrap_or_default();
        if kind != SECRET_TYPE {
            return Err(not_a_tls_secret(&object, kind).into());
        }
        let ours = model::intent(prior, prior.certificate_pem.as_deref(), None);
        let drift = Drift::of(&live, &ours, &SecretMeaning, &attribute, private.is_imported());
        drift.tell(&object, &mut cx.warnings);
        drift.remember(&object, UID_FACT, &mut cx.private);
        let refreshed = object_metadata::refresh(&metadata, &live, &drift, &self.clients.settings, |_| false);
        let mut state = State {
            labels: refreshed.labels,
            annotations: refreshed.annotations,
            effective_labels: refreshed.effective_labels,
            effective_annotations: refreshed.effective_annotations,
            ..prior.clone()
        };
        if state.fleet_id.is_none() {
            state.fleet_id = Some(fleet.id().await?);
        }
        cx.private.set_fact(UID_FACT, live.uid());
        observe(&mut state, &live, cx);
        Ok(Some(state))
    }
}

/// Puts what the live Secret holds into the state: no key but one that the state already keeps.
fn observe(state: &mut State, live: &Object, cx: &mut Reading) {
    let now = cx.context.clock.now();
    if model::is_immutable(live) {
        cx.private.set_fact(IMMUTABLE_FACT, "true");
    } else {
        cx.private.remove_fact(IMMUTABLE_FACT);
    }
    let chain = model::data(live, CERTIFICATE_KEY).and_then(|text| parse_chain(&text).ok());
    let live_pem = chain.as_deref().map(to_pem);
    state.certificate_pem = match (state.certificate_pem.take(), live_pem) {
        (Some(kept), Some(live)) if same_chain(&kept, &live) => Some(kept),
        // Written anew from what was read: the live text may hold a key too.
        (_, live) => live,
    };
    set_facts(state, state.certificate_pem.as_deref().and_then(facts_of).as_ref());
    let key_text = model::data(live, PRIVATE_KEY);
    let key = key_text.as_deref().and_then(|text| PrivateKey::from_pem(text).ok());
    if let Some(wanted) = &state.self_signed {
        state.renewal_due = Some(!content(live).is_some_and(|content| is_fit(wanted, &content, now)));
        if let Some(key) = &key {
            digest::remember(&mut cx.private, key);
        }
        return;
    }
    state.renewal_due = Some(false);
    digest::observe(&mut cx.private, key.as_ref());
    if let Some(kept) = &state.private_key_pem {
        let same = key.is_some() && PrivateKey::from_pem(kept.expose()).ok() == key;
        if !same {
            state.private_key_pem = key.as_ref().map(|key| Secret::new(key.to_pem().as_str().to_owned()));
        }
    }
    if let (Some(first), Some(key)) = (chain.as_ref().and_then(|chain| chain.first()), &key)
        && !key.matches(first)
    {
        cx.warnings.warn(
            Path::attribute("certificate_pem"),
            "Key Does Not Match Certificate",
            "Somebody changed the Secret so that its private key is not that of its certificate. The gateway cannot serve it. The \
             next apply writes the configured pair.",
        );
    }
    if let Some(certificate) = &state.certificate_pem {
        cx.warnings.extend(rules::v53_dates(certificate, now).into_warnings());
    }
}
