//! Creating and updating the Secret.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::model::{
    self, CERTIFICATE_KEY, PRIVATE_KEY, Plan, RENEW_BEFORE_DAYS, SelfSigned, State, facts_of, import_id, intent,
    profile, set_facts,
};
use super::schema::WRITE_TIMEOUT;
use super::{TlsSecret, attribute, described, digest, plan, rules};
use crate::certificate::{PrivateKey, parse_chain};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::{Field, Stored};
use crate::framework::path::Path;
use crate::framework::plan::resolve;
use crate::framework::resource::{Applying, TimeoutOf, TimeoutSource};
use crate::kubernetes::{FieldPath, Object, ObjectRef};
use crate::resources::diagnose;
use crate::resources::kubernetes_attributes::effective;
use crate::resources::kubernetes_object::{Fleet, Home, UID_FACT};

/// What a Secret holds, or shall hold.
pub(super) struct Content {
    pub(super) certificate_pem: String,
    pub(super) key_pem: Zeroizing<String>,
    pub(super) key: PrivateKey,
}

/// What a live Secret holds, as far as it is of use.
pub(super) fn content(live: &Object) -> Option<Content> {
    let certificate_pem = model::data(live, CERTIFICATE_KEY)?.as_str().to_owned();
    let key_pem = model::data(live, PRIVATE_KEY)?;
    let key = PrivateKey::from_pem(&key_pem).ok()?;
    Some(Content { certificate_pem, key_pem, key })
}

/// Whether certificate and key of a Secret serve as a self-signed pair: names, dates, key.
pub(super) fn is_fit(wanted: &SelfSigned<Stored>, content: &Content, now: Timestamp) -> bool {
    let Ok(chain) = parse_chain(&content.certificate_pem) else { return false };
    let (Some(first), Some(facts)) = (chain.first(), facts_of(&content.certificate_pem)) else { return false };
    let before = SignedDuration::from_hours(24 * wanted.renew_before_days.unwrap_or(RENEW_BEFORE_DAYS));
    let fresh = now.checked_add(before).is_ok_and(|until| until < facts.not_after);
    profile(wanted).fits(&facts) && fresh && content.key.matches(first)
}

/// Makes a pair, on a thread of its own: a long RSA key takes seconds, in which the runtime must go on answering.
async fn generate(wanted: &SelfSigned<Stored>, now: Timestamp) -> Result<Content, Diagnostics> {
    let failed = |detail: String| -> Diagnostics {
        Diagnostic::error("Certificate Not Made", detail).at(Path::attribute("self_signed")).into()
    };
    let profile = profile(wanted);
    let not_made = |why: &dyn std::fmt::Display| {
        failed(format!("The self-signed certificate could not be made: {why}. Nothing was written."))
    };
    let made = tokio::task::spawn_blocking(move || profile.generate(now)).await;
    let made = made.map_err(|_| not_made(&"the provider stopped at a programming error"))?;
    let made = made.map_err(|error| not_made(&error))?;
    let key = PrivateKey::from_pem(&made.key_pem)
        .map_err(|error| failed(format!("{error}\nThis is a bug in the provider; please report it.")))?;
    Ok(Content { certificate_pem: made.certificate_pem, key_pem: made.key_pem, key })
}

/// The configured certificate and key, checked once more now that all is known.
fn configured(planned: &Plan, config: &Plan) -> Result<Content, Diagnostics> {
    let (Some(certificate_pem), Some((key, path))) = (planned.certificate_pem.known(), rules::configured_key(config))
    else {
        return Err(Diagnostic::error(
            "Incomplete Certificate",
            "The certificate or its private key turned out to be null in apply. Nothing was written. Give both, or self_signed.",
        )
        .at(Path::attribute("certificate_pem"))
        .into());
    };
    let mut checked = config.clone();
    checked.certificate_pem = planned.certificate_pem.clone();
    let mut problems = Diagnostics::new();
    rules::validate(&checked, &mut problems);
    if problems.has_errors() {
        return Err(problems);
    }
    let parsed = PrivateKey::from_pem(key.expose()).map_err(|error| {
        Diagnostic::error(
            "Invalid Private Key",
            format!("The private key cannot be used: {error}. Nothing was written."),
        )
        .at(path)
    })?;
    let key_pem = Zeroizing::new(key.expose().to_owned());
    Ok(Content { certificate_pem: certificate_pem.clone(), key_pem, key: parsed })
}

/// Which attribute is to blame for the key.
fn key_path(config: &Plan) -> Path {
    if !config.self_signed.is_null() {
        return Path::attribute("self_signed");
    }
    rules::configured_key(config).map_or_else(|| Path::attribute("private_key_pem"), |(_, path)| path)
}

impl TlsSecret {
    /// What the plan says, with what only apply knows.
    fn intended(&self, planned: &Plan) -> Result<State, Diagnostics> {
        let settings = &self.clients.settings;
        let mut planned = planned.clone();
        planned.effective_labels = effective(Some(&settings.default_labels), &planned.labels);
        planned.effective_annotations = effective(Some(&settings.default_annotations), &planned.annotations);
        let mut state = State::from_value(&resolve(&planned.to_value()))
            .map_err(|error| Diagnostic::error("Unsuitable Value", error.to_string()))?;
        state.id = Some(import_id(&model::object_ref(&state)));
        state.renewal_due = Some(false);
        Ok(state)
    }

    pub(super) async fn create_secret(
        &self,
        cx: &mut Applying<Self>,
        planned: &Plan,
        config: &Plan,
    ) -> Result<State, Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let deadline = Instant::now() + planned.timeouts.timeout(TimeoutOf::Create, WRITE_TIMEOUT);
        let mut state = self.intended(planned)?;
        state.fleet_id = Some(fleet.id().await?);
        let object = model::object_ref(&state);
        let adopt = state.adopt == Some(true);
        let now = cx.context.clock.now();
        let live = if adopt || state.self_signed.is_some() { look(&fleet, &object).await? } else { None };
        let content = match &state.self_signed {
            // What an interrupted create left, or what is taken over, need not be replaced if it serves.
            Some(wanted) => match live.as_ref().and_then(content).filter(|content| is_fit(wanted, content, now)) {
                Some(content) => content,
                None => generate(wanted, now).await?,
            },
            None => {
                let content = configured(planned, config)?;
                refuse_expired(&content.certificate_pem, now)?;
                content
            }
        };
        if let Some(live) = live.as_ref().filter(|_| adopt) {
            v77_can_be_written(&object, live, &content)?;
        }
        let (metadata, key_path, import_id) = (model::metadata(&state), key_path(config), import_id(&object));
        let attribute = move |path: &FieldPath| attribute(path, &metadata, &key_path);
        let described = described(&object, &import_id, &attribute);
        let intent = intent(&state, Some(&content.certificate_pem), Some(&content.key_pem));
        let (live, _) = fleet.create(&described, &intent, adopt, deadline, &mut cx.warnings).await?;
        cx.private.set_fact(UID_FACT, live.uid());
        digest::remember(&mut cx.private, &content.key);
        set_facts(&mut state, facts_of(&content.certificate_pem).as_ref());
        state.certificate_pem = Some(content.certificate_pem);
        Ok(state)
    }

    pub(super) async fn update_secret(
        &self,
        cx: &mut Applying<Self>,
        prior: &State,
        planned: &Plan,
        config: &Plan,
    ) -> Result<State, Diagnostics> {
        let fleet = Fleet::of(&self.clients, &cx.context)?;
        let deadline = Instant::now() + planned.timeouts.timeout(TimeoutOf::Update, WRITE_TIMEOUT);
        let mut state = self.intended(planned)?;
        state.fleet_id.clone_from(&prior.fleet_id);
        let object = model::object_ref(prior);
        let private = cx.private.clone();
        let home = Home::of(prior.fleet_id.as_ref(), &private);
        let (metadata, key_path, import_id) = (model::metadata(&state), key_path(config), import_id(&object));
        let attribute = move |path: &FieldPath| attribute(path, &metadata, &key_path);
        let described = described(&object, &import_id, &attribute);
        let live = look(&fleet, &object).await?.filter(|live| home.uid.is_none_or(|uid| uid == live.uid()));
        let Some(live) = live else {
            // Gone, or another's: the shared update tells it in full.
            let nothing = intent(prior, None, None);
            fleet.update(&described, home, &nothing, &nothing, &[], deadline).await?;
            return Err(Diagnostic::error(
                "Object Keeps Changing",
                format!("{object} was gone a moment ago. Plan again."),
            )
            .into());
        };
        let now = cx.context.clock.now();
        let content = match &state.self_signed {
            Some(wanted) => self_signed(wanted, prior, planned, &live, now).await?,
            None => {
                let configured = configured(planned, config)?;
                if prior.certificate_pem.as_ref() != Some(&configured.certificate_pem) {
                    refuse_expired(&configured.certificate_pem, now)?;
                }
                keep_live_key(configured, &live, plan::is_pinned(planned, prior))
            }
        };
        v77_can_be_written(&object, &live, &content)?;
        let seen = seen_key(&live, &private);
        let mut before = intent(prior, prior.certificate_pem.as_deref(), seen.as_ref().map(|text| text.as_str()));
        keep_unreadable(&mut before, prior, &live);
        let after = intent(&state, Some(&content.certificate_pem), Some(&content.key_pem));
        let updated = fleet.update(&described, home, &before, &after, &[], deadline).await?;
        cx.private.set_fact(UID_FACT, updated.object.uid());
        digest::remember(&mut cx.private, &content.key);
        set_facts(&mut state, facts_of(&content.certificate_pem).as_ref());
        state.certificate_pem = Some(content.certificate_pem);
        Ok(state)
    }
}

async fn look(fleet: &Fleet, object: &ObjectRef) -> Result<Option<Object>, Diagnostics> {
    match fleet.api().get(object).await {
        Ok(live) => Ok(Some(live)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(diagnose::kubernetes_error(&format!("reading {object}"), &error, &super::server_attribute)),
    }
}

/// What the Secret of a self-signed certificate shall hold: what it holds, unless the plan left room for renewal and that is
/// still due.
async fn self_signed(
    wanted: &SelfSigned<Stored>,
    prior: &State,
    planned: &Plan,
    live: &Object,
    now: Timestamp,
) -> Result<Content, Diagnostics> {
    let live = content(live);
    if let Some(certificate_pem) = planned.certificate_pem.known() {
        // The plan keeps it: what somebody put there since is a conflict, which the write finds.
        return match live {
            Some(live) => Ok(Content { certificate_pem: certificate_pem.clone(), ..live }),
            None => Err(Diagnostic::error(
                "Key Gone",
                "The Secret no longer holds a usable private key since the plan was made. Nothing was written. Plan again: the plan \
                 then renews the certificate.",
            )
            .at(Path::attribute("self_signed"))
            .into()),
        };
    }
    match live.filter(|live| plan::suits(wanted, prior) && is_fit(wanted, live, now)) {
        Some(live) => Ok(live),
        None => generate(wanted, now).await,
    }
}

/// The same key in another encoding is no change; a pinned version keeps the live key as long as it serves the certificate.
fn keep_live_key(configured: Content, live: &Object, pinned: bool) -> Content {
    let Some(live) = content(live) else { return configured };
    let serves = || {
        parse_chain(&configured.certificate_pem)
            .is_ok_and(|chain| chain.first().is_some_and(|first| live.key.matches(first)))
    };
    if live.key == configured.key || (pinned && serves()) {
        return Content { certificate_pem: configured.certificate_pem, ..live };
    }
    configured
}

/// The live key as text, if it is the one that the last refresh saw. Another one was put there since.
fn seen_key(live: &Object, private: &crate::framework::private::Private) -> Option<Zeroizing<String>> {
    let text = model::data(live, PRIVATE_KEY)?;
    match PrivateKey::from_pem(&text) {
        Ok(key) => digest::is_as_refreshed(private, &key).then_some(text),
        // Kept as it is, see [`keep_unreadable`].
        Err(_) => None,
    }
}

/// Adds to what was seen before the plan what no state can hold: entries that are no certificate or no key.
fn keep_unreadable(before: &mut Json, prior: &State, live: &Object) {
    let readable = [
        (
            CERTIFICATE_KEY,
            prior.certificate_pem.is_some() || {
                model::data(live, CERTIFICATE_KEY).is_some_and(|text| parse_chain(&text).is_ok())
            },
        ),
        (PRIVATE_KEY, model::data(live, PRIVATE_KEY).is_some_and(|text| PrivateKey::from_pem(&text).is_ok())),
    ];
    for (name, _) in readable.into_iter().filter(|(_, readable)| !readable) {
        if let (Some(held), Some(data)) = (live.value().pointer(&format!("/data/{name}")), before.get_mut("data"))
            && let Some(data) = data.as_object_mut()
        {
            data.insert(name.to_owned(), held.clone());
        }
    }
}

fn refuse_expired(certificate_pem: &str, now: Timestamp) -> Result<(), Diagnostics> {
    let dates = rules::v53_dates(certificate_pem, now);
    if dates.has_errors() { Err(dates) } else { Ok(()) }
}

/// V77: a Secret of another type, or an immutable one with other data, cannot be updated. Asked before the write.
fn v77_can_be_written(object: &ObjectRef, live: &Object, content: &Content) -> Result<(), Diagnostics> {
    let kind = live.value().get("type").and_then(Json::as_str).unwrap_or_default();
    if kind != model::SECRET_TYPE {
        return Err(not_a_tls_secret(object, kind).into());
    }
    let same = self::content(live).is_some_and(|held| {
        held.key == content.key && crate::certificate::same_chain(&held.certificate_pem, &content.certificate_pem)
    });
    if model::is_immutable(live) && !same {
        return Err(Diagnostic::error(
            "Immutable Secret",
            format!(
                "{object} is marked as immutable, so Kubernetes refuses every change of its data. Nothing was written. Replace it \
                 (`terraform apply -replace=…`), or give the new certificate another name and let the Ingresses name that."
            ),
        )
        .at(Path::attribute("certificate_pem"))
        .into());
    }
    Ok(())
}

/// For a Secret of another type, which can never become one of this type.
pub(super) fn not_a_tls_secret(object: &ObjectRef, kind: &str) -> Diagnostic {
    Diagnostic::error(
        "Not a TLS Secret",
        format!(
            "{object} is of type {kind:?}, and the type of a Secret cannot be changed. This resource manages Secrets of type \
             \"kubernetes.io/tls\". Nothing was changed. Delete that Secret, or choose another name."
        ),
    )
    .at(Path::attribute("name"))
}
