//! The life of a resource's Kubernetes object: create without overwriting, take over, find again, update, delete.
//!
//! Every resource that is kept as an object in the Fleet calls it; none talks to the client about writes by itself. It
//! knows no kind. Each resource describes its object ([`Described`]): name, meaning of its values, which attribute a field
//! belongs to. Waiting for a controller is another matter (`reconcile.rs`). It must never write to another Fleet than the
//! one in state, to an object of another UID than the one recorded, or take "cannot be found out" for "gone".

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use serde_json::Value as Json;
use tokio::time::Instant;

use super::cross_check::Skipped;
use super::deletion::{self, DeletionEar, Ended};
use super::diagnose;
use super::patience::Patience;
use super::reconcile::Onlooker;
use super::stack::PlanMemo;
use crate::clients::{Clients, Kubernetes};
use crate::framework::declared::Declared;
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::path::Path;
use crate::framework::private::{self, Private};
use crate::framework::resource::Context;
use crate::kubernetes::{
    CreateOutcome, CreateRequest, DeleteOutcome, Deletion, Error, FieldPath, FleetApi, Foreign, Kind, KnownDrift,
    Meaning, Object, ObjectRef, ToJudge, WriteRequest, Written, ownership,
};

/// Name of the private fact that holds the object's UID.
pub(crate) const UID_FACT: &str = private::UID_FACT;

/// Name of the private fact that tells a resource instance from others of the same object.
const CLAIM_FACT: &str = private::CLAIM_FACT;
/// Private fact: what the last refresh showed as drift.
pub(crate) const KNOWN_DRIFT_FACT: &str = "known_drift";

/// Name of the private fact with what others set in an object, by the fact that holds its UID.
pub(crate) fn foreign_fact(uid_fact: &str) -> String {
    format!("{uid_fact}_foreign")
}

/// An object of a resource, and how to speak of it.
#[derive(Clone, Copy)]
pub(crate) struct Described<'a> {
    /// Resource type, for import blocks.
    pub(crate) type_name: &'static str,
    /// Import id of the resource.
    pub(crate) import_id: &'a str,
    /// The object.
    pub(crate) object: &'a ObjectRef,
    /// When two values of it mean the same.
    pub(crate) meaning: &'a dyn Meaning,
    /// Label that stands for our field manager where the server shows none (a bare Namespace).
    pub(crate) marker: Option<&'a str>,
    /// The attribute that a field comes from; the root path if none does.
    pub(crate) attribute: &'a (dyn Fn(&FieldPath) -> Path + Sync),
    /// The attribute that a field in the server's own notation (`spec.rules[0].host`) comes from.
    pub(crate) server_attribute: &'a (dyn Fn(&str) -> Path + Sync),
}

impl Described<'_> {
    fn failed(&self, verb: &str, error: &Error) -> Diagnostics {
        diagnose::kubernetes_error(&format!("{verb} {}", self.object), error, self.server_attribute)
    }
}

/// How a create came by its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It is new.
    New,
    /// An interrupted create of ours left it; nothing was written now.
    LeftByUs,
    /// It existed and was taken over; `true` if that needed a write.
    Adopted(bool),
}

/// What a refresh found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Found {
    /// The object, as far as state can tell the same one.
    Live(Object),
    /// It is gone, or another object has its name.
    Gone,
}

/// What an update did.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Updated {
    /// The object afterwards.
    pub(crate) object: Object,
    /// Whether anything was sent.
    pub(crate) wrote: bool,
}

/// What state remembers of where its object is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Home<'a> {
    /// `fleet_id`; absent right after an import by id.
    pub(crate) fleet_id: Option<&'a str>,
    /// UID of the object; absent before the first refresh.
    pub(crate) uid: Option<&'a str>,
    /// The instance's claim, if this provider made or took over the object.
    pub(crate) claim: Option<&'a str>,
    /// What the last refresh showed as drift, as [`KnownDrift`] keeps it.
    pub(crate) known_drift: Option<&'a str>,
    /// What it found in fields that are not ours, as [`Foreign`] keeps it.
    pub(crate) foreign: Option<&'a str>,
}

impl<'a> Home<'a> {
    /// From a state's `fleet_id` and its private data.
    pub(crate) fn of(fleet_id: Option<&'a String>, private: &'a Private) -> Self {
        Self::with_uid(fleet_id, private, UID_FACT)
    }

    /// The same for a further object, whose UID another fact holds.
    pub(crate) fn with_uid(fleet_id: Option<&'a String>, private: &'a Private, uid_fact: &str) -> Self {
        Self {
            fleet_id: fleet_id.map(String::as_str),
            uid: private.fact(uid_fact),
            claim: private.fact(CLAIM_FACT),
            known_drift: private.fact(KNOWN_DRIFT_FACT),
            foreign: private.fact(&foreign_fact(uid_fact)),
        }
    }
}

/// The Fleet on behalf of one operation.
#[derive(Clone)]
pub(crate) struct Fleet {
    api: FleetApi,
    clients: Arc<Clients>,
}

impl std::fmt::Debug for Fleet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fleet").field("api", &self.api).finish_non_exhaustive()
    }
}

impl Fleet {
    /// Binds the clients to an operation: its interrupt ends every call.
    pub(crate) fn of(clients: &Arc<Clients>, context: &Context) -> Result<Self, Diagnostics> {
        let Some(kubernetes) = &clients.kubernetes else {
            return Err(Diagnostic::error(
                "No Fleet Configured",
                "The provider block names no Fleet. Set fleet_id, or say in a kubernetes object how to reach the Fleet's API \
                 server.",
            )
            .into());
        };
        let api = kubernetes.api.with_cancel(context.cancel.clone());
        Ok(Self { api, clients: Arc::clone(clients) })
    }

    /// The API, for waits and lists.
    pub(crate) fn api(&self) -> &FleetApi {
        &self.api
    }

    /// Begins to look on, before a write.
    pub(crate) async fn look_on(
        &self,
        object: &ObjectRef,
        gateway: Option<&ObjectRef>,
        now: jiff::Timestamp,
    ) -> Result<Onlooker, Diagnostics> {
        Onlooker::begin(&self.api, object, gateway, now)
            .await
            .map_err(|error| diagnose::kubernetes_error(&format!("watching {object}"), &error, &|_| Path::root()))
    }

    /// Whether it is still to be told that Events cannot be read: once in a run.
    pub(crate) fn tells_of_missing_events(&self) -> bool {
        self.kubernetes().is_some_and(|kubernetes| !kubernetes.without_events.swap(true, Ordering::Relaxed))
    }

    fn kubernetes(&self) -> Option<&Kubernetes> {
        self.clients.kubernetes.as_ref()
    }

    /// Keeps a created object's UID in private data, and claims the object for this instance: another instance that
    /// knows the same UID (the old half of a create-before-destroy) will not delete it.
    pub(crate) fn claim(&self, object: &Object, private: &mut Private, uid_fact: &str) {
        let claim = match private.fact(CLAIM_FACT) {
            Some(claim) => claim.to_owned(),
            None => format!("{:016x}", rand::random::<u64>()),
        };
        private.set_fact(uid_fact, object.uid());
        private.set_fact(CLAIM_FACT, claim.clone());
        if let Some(kubernetes) = self.kubernetes() {
            let mut claims = kubernetes.claims.lock().unwrap_or_else(PoisonError::into_inner);
            claims.insert(object.uid().to_owned(), claim);
        }
    }

    /// Whether another instance made or took over the object in this run.
    fn is_claimed_by_another(&self, uid: &str, claim: Option<&str>) -> bool {
        let Some(kubernetes) = self.kubernetes() else { return false };
        let claims = kubernetes.claims.lock().unwrap_or_else(PoisonError::into_inner);
        let own = claims.get(uid).is_some_and(|known| Some(known.as_str()) == claim);
        kubernetes.recorded.contains(uid) && !own
    }

    fn is_recorded(&self, uid: &str) -> bool {
        self.kubernetes().is_some_and(|kubernetes| kubernetes.recorded.contains(uid))
    }

    /// `uid:` and the cluster's own UID, asked for once.
    async fn cluster_id(&self) -> Result<String, Diagnostics> {
        let failed =
            |error: &Error| diagnose::kubernetes_error("asking which cluster this is", error, &|_| Path::root());
        let uid = match self.kubernetes() {
            Some(kubernetes) => kubernetes.cluster_uid.get_or_try_init(|| self.api.cluster_uid()).await.cloned(),
            None => self.api.cluster_uid().await,
        };
        uid.map(|uid| format!("uid:{uid}")).map_err(|error| failed(&error))
    }

    /// `fleet_id` of an object made now.
    pub(crate) async fn id(&self) -> Result<String, Diagnostics> {
        match &self.clients.settings.fleet_id {
            Some(fleet_id) => Ok(fleet_id.clone()),
            None => self.cluster_id().await,
        }
    }

    /// Makes sure that the provider points to the Fleet in state. `proved`: a live object of the stored UID was found.
    async fn check(&self, object: &ObjectRef, home: Home<'_>, proved: bool) -> Result<(), Diagnostics> {
        let Some(stored) = home.fleet_id else { return Ok(()) };
        match compare_fleets(stored, self.clients.settings.fleet_id.as_deref(), proved) {
            FleetCheck::Same => Ok(()),
            FleetCheck::Other(current) => Err(another_fleet(object, stored, &current).into()),
            FleetCheck::AskCluster => {
                let current = self.cluster_id().await?;
                if current == stored { Ok(()) } else { Err(another_fleet(object, stored, &current).into()) }
            }
            FleetCheck::CannotTell => Err(Diagnostic::error(
                "Fleet Not Certain",
                format!(
                    "State keeps {object} in Fleet {stored:?}. The provider now says only how to reach an API server and not \
                     which Fleet it is, and the object is not there, so it cannot be told whether it is gone or lives in \
                     another Fleet. Set the provider's fleet_id beside kubernetes, then plan again."
                ),
            )
            .into()),
        }
    }

    /// Reads an object as it is now, in one call with whoever else reads such objects at the time.
    pub(crate) async fn look(&self, object: &ObjectRef) -> Result<Object, Error> {
        match self.kubernetes() {
            Some(kubernetes) => kubernetes.lists.read(&self.api, object).await,
            None => self.api.get(object).await,
        }
    }

    /// Every object of a kind in the Fleet, in one list with whoever else reads such objects at the time.
    pub(crate) async fn visit(&self, kind: Kind, sink: &mut (dyn FnMut(Object) + Send)) -> Result<(), Error> {
        match self.kubernetes() {
            Some(kubernetes) => kubernetes.lists.visit(&self.api, kind, sink).await,
            None => Ok(()),
        }
    }

    /// The cross-checks that are switched off.
    pub(crate) fn skipped(&self) -> &Skipped {
        &self.clients.settings.skipped
    }

    /// What the plans of this run compare with.
    pub(crate) fn memo(&self) -> Option<&PlanMemo> {
        self.kubernetes().map(|kubernetes| &kubernetes.memo)
    }

    /// Which objects the plans of this run stand for.
    pub(crate) fn declared(&self) -> Option<&Declared> {
        self.kubernetes().map(|kubernetes| &kubernetes.declared)
    }

    /// Looks for the object of a state. A missing kind, namespace right or connection is an error, never "gone".
    pub(crate) async fn find(
        &self,
        described: &Described<'_>,
        home: Home<'_>,
        warnings: &mut Diagnostics,
    ) -> Result<Found, Diagnostics> {
        let object = described.object;
        let live = match self.look(object).await {
            Ok(live) => Some(live),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(described.failed("reading", &error)),
        };
        let Some(live) = live else {
            self.check(object, home, false).await?;
            return Ok(Found::Gone);
        };
        let same = home.uid.is_none_or(|uid| uid == live.uid());
        self.check(object, home, home.uid.is_some() && same).await?;
        if !same {
            warnings.warn(
                Path::root(),
                "Object Recreated",
                format!(
                    "{object} was deleted and made again by somebody else (UID {} instead of {}). It is not the one in \
                     state, so this resource is treated as gone; the next create stops with an import block for it.",
                    live.uid(),
                    home.uid.unwrap_or_default()
                ),
            );
            return Ok(Found::Gone);
        }
        if live.is_terminating() {
            warnings.warn(
                Path::root(),
                "Object Being Deleted",
                format!(
                    "Somebody deleted {object}; it is still there because of its finalizers ({}). An update waits until it is \
                     gone and then stops; the apply after that creates it anew.",
                    live.finalizers().join(", ")
                ),
            );
        }
        Ok(Found::Live(live))
    }

    /// Asks the server whether a create would be accepted; changes nothing. An object that stands in the way is refused
    /// here as in the create itself.
    pub(crate) async fn try_create(
        &self,
        described: &Described<'_>,
        intent: &Json,
        adopt: bool,
    ) -> Result<(), Diagnostics> {
        let Described { type_name, import_id, object, .. } = *described;
        let outcome = self.send_create(described, intent, true).await;
        match outcome.map_err(|error| described.failed("checking", &error))? {
            CreateOutcome::Created(_) | CreateOutcome::LeftByUs(_) | CreateOutcome::Terminating(_) => Ok(()),
            CreateOutcome::Exists(live, _) if adopt && (ownership::is_ours(&live) || self.is_recorded(live.uid())) => {
                Err(diagnose::adopt_refused(type_name, import_id, object).into())
            }
            CreateOutcome::Exists(..) if adopt => Ok(()),
            CreateOutcome::Exists(live, reason) => {
                Err(diagnose::exists(type_name, import_id, object, &live, &reason).into())
            }
        }
    }

    /// Takes back a create of this very operation, because what belongs to it was refused.
    pub(crate) async fn take_back(
        &self,
        described: &Described<'_>,
        uid: &str,
        deadline: Instant,
    ) -> Result<(), Diagnostics> {
        if let Some(kubernetes) = self.kubernetes() {
            kubernetes.recorded.forget(uid);
        }
        let deletion = Deletion { object: described.object, uid, deadline };
        match self.api.delete(&deletion).await {
            Ok(_) => Ok(()),
            Err(error) => Err(described.failed("taking back", &error)),
        }
    }

    async fn send_create(
        &self,
        described: &Described<'_>,
        intent: &Json,
        dry_run: bool,
    ) -> Result<CreateOutcome, Error> {
        let unrecorded = ownership::RecordedUids::default();
        let recorded = self.kubernetes().map_or(&unrecorded, |kubernetes| &kubernetes.recorded);
        let request = CreateRequest {
            object: described.object,
            intent,
            meaning: described.meaning,
            marker: described.marker,
            recorded,
            dry_run,
        };
        self.api.create(&request).await
    }

    /// Creates the object, or takes over what `adopt` or our own interrupted create allows.
    pub(crate) async fn create(
        &self,
        described: &Described<'_>,
        intent: &Json,
        adopt: bool,
        deadline: Instant,
        warnings: &mut Diagnostics,
    ) -> Result<(Object, Origin), Diagnostics> {
        loop {
            let outcome = self.send_create(described, intent, false).await;
            match outcome.map_err(|error| described.failed("creating", &error))? {
                CreateOutcome::Created(live) => return Ok((live, Origin::New)),
                CreateOutcome::LeftByUs(live) => {
                    warnings.push(left_by_us(described.object));
                    return Ok((live, Origin::LeftByUs));
                }
                CreateOutcome::Exists(live, _) if adopt => {
                    if let Some(taken) = self.take_over(described, intent, &live).await? {
                        return Ok(taken);
                    }
                }
                CreateOutcome::Exists(live, reason) => {
                    let Described { type_name, import_id, object, .. } = *described;
                    return Err(diagnose::exists(type_name, import_id, object, &live, &reason).into());
                }
                CreateOutcome::Terminating(live) => self.wait_gone(described, live.uid(), deadline).await?,
            }
        }
    }

    /// `adopt`: our fields are forced, everything else stays. `None`: the object vanished meanwhile.
    async fn take_over(
        &self,
        described: &Described<'_>,
        intent: &Json,
        live: &Object,
    ) -> Result<Option<(Object, Origin)>, Diagnostics> {
        if ownership::is_ours(live) || self.is_recorded(live.uid()) {
            let Described { type_name, import_id, object, .. } = *described;
            return Err(diagnose::adopt_refused(type_name, import_id, object).into());
        }
        let none = KnownDrift::default();
        let update = ToJudge {
            prior: &Json::Null,
            planned: intent,
            keep: &[],
            force: true,
            known: &none,
            meaning: described.meaning,
        };
        let request = WriteRequest { object: described.object, uid: live.uid(), update, dry_run: false };
        let written = self.api.write(&request).await.map_err(|error| described.failed("taking over", &error))?;
        let (object, wrote) = match written {
            Written::Unchanged(object) => (object, false),
            Written::Applied(object) => (object, true),
            // Deleted or replaced in between, which the next round of the create sees. Force leaves no conflicts.
            Written::Conflicts(..) | Written::Missing | Written::Replaced(_) | Written::Terminating(_) => {
                return Ok(None);
            }
        };
        if let Some(kubernetes) = self.kubernetes() {
            kubernetes.recorded.record(object.uid());
        }
        Ok(Some((object, Origin::Adopted(wrote))))
    }

    /// Waits until the object of this UID is gone.
    async fn wait_gone(&self, described: &Described<'_>, uid: &str, deadline: Instant) -> Result<(), Diagnostics> {
        let deletion = Deletion { object: described.object, uid, deadline };
        match self.api.wait_until_gone(&deletion).await {
            Ok(DeleteOutcome::Gone | DeleteOutcome::WasGone) => Ok(()),
            Ok(DeleteOutcome::Held { finalizers, .. }) => {
                Err(diagnose::held(described.object, &finalizers, "Somebody else deleted it.").into())
            }
            Err(error) => Err(described.failed("waiting for the end of", &error)),
        }
    }

    /// Brings the object from `prior` to `planned`, both what we set. Nothing is sent if nothing differs in meaning.
    pub(crate) async fn update(
        &self,
        described: &Described<'_>,
        home: Home<'_>,
        prior: &Json,
        planned: &Json,
        keep: &[FieldPath],
        deadline: Instant,
    ) -> Result<Updated, Diagnostics> {
        let object = described.object;
        let uid = match home.uid {
            // The write touches no object of another UID, which proves the Fleet.
            Some(uid) => {
                self.check(object, home, true).await?;
                uid.to_owned()
            }
            None => {
                self.check(object, home, false).await?;
                let live = self.api.get(object).await.map_err(|error| described.failed("reading", &error))?;
                live.uid().to_owned()
            }
        };
        let mut known = home.known_drift.map(KnownDrift::parse).unwrap_or_default();
        known.add_foreign(&home.foreign.map(Foreign::parse).unwrap_or_default());
        let update = ToJudge { prior, planned, keep, force: false, known: &known, meaning: described.meaning };
        let request = WriteRequest { object, uid: &uid, update, dry_run: false };
        let again = "Nothing was written. Plan again: the next apply creates it.";
        match self.api.write(&request).await.map_err(|error| described.failed("updating", &error))? {
            Written::Unchanged(object) => Ok(Updated { object, wrote: false }),
            Written::Applied(object) => Ok(Updated { object, wrote: true }),
            Written::Conflicts(_, conflicts) => {
                let mut diagnostics = Diagnostics::new();
                for conflict in &conflicts {
                    diagnostics.push(diagnose::conflict(object, conflict, (described.attribute)(&conflict.path)));
                }
                Err(diagnostics)
            }
            Written::Missing => Err(Diagnostic::error(
                "Object Gone",
                format!("{object} was deleted after the plan was made. {again}"),
            )
            .into()),
            Written::Replaced(live) => Err(Diagnostic::error(
                "Object Recreated",
                format!(
                    "{object} was deleted and made again by somebody else after the plan was made (UID {} instead of {uid}). \
                     Nothing was written. Plan again.",
                    live.uid()
                ),
            )
            .into()),
            Written::Terminating(live) => {
                self.wait_gone(described, live.uid(), deadline).await?;
                Err(Diagnostic::error(
                    "Object Deleted",
                    format!("{object} was being deleted by somebody else and is gone now. {again}"),
                )
                .into())
            }
        }
    }

    /// Deletes the object and waits until it is gone. `explanation` says what its finalizers guard.
    pub(crate) async fn delete(
        &self,
        described: &Described<'_>,
        home: Home<'_>,
        deadline: Instant,
        explanation: &str,
        warnings: &mut Diagnostics,
    ) -> Result<(), Diagnostics> {
        let object = described.object;
        let live = match self.api.get(object).await {
            Ok(live) => live,
            Err(error) if error.is_not_found() => return self.check(object, home, false).await,
            Err(error) => return Err(described.failed("reading", &error)),
        };
        let same = home.uid.is_none_or(|uid| uid == live.uid());
        self.check(object, home, home.uid.is_some() && same).await?;
        if !same {
            return Ok(());
        }
        if self.is_claimed_by_another(live.uid(), home.claim) {
            warnings.warn(
                Path::root(),
                "Object Kept",
                format!("{object} was made or taken over by another resource in this run, so it is not deleted."),
            );
            return Ok(());
        }
        let deletion = Deletion { object, uid: live.uid(), deadline };
        match self.delete_heard(&deletion).await {
            Ok(Ended::Gone) => Ok(()),
            Ok(Ended::Held { finalizers, failures, given_up }) => {
                let explanation = deletion::explanation(explanation, &failures, given_up);
                Err(diagnose::held(object, &finalizers, &explanation).into())
            }
            Err(error) if error.is_cancelled() => Err(Diagnostic::error(
                "Interrupted",
                format!("{object} is being deleted; the wait for its end was interrupted. Apply again to finish."),
            )
            .into()),
            Err(error) => Err(described.failed("deleting", &error)),
        }
    }

    async fn delete_heard(&self, deletion: &Deletion<'_>) -> Result<Ended, Error> {
        let ear = DeletionEar::open(&self.api, deletion.object).await;
        match self.api.request_deletion(deletion).await? {
            Some(_) => Ok(Ended::Gone),
            None => ear.until_gone(&self.api, deletion, Patience::default()).await,
        }
    }
}

/// Runs one operation within its time limit.
pub(crate) async fn within<T>(
    limit: std::time::Duration,
    setting: &str,
    work: impl Future<Output = Result<T, Diagnostics>>,
) -> Result<T, Diagnostics> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        Err(Diagnostic::error(
            "Fleet API Too Slow",
            format!(
                "The operation did not finish within {} seconds ({setting}). Check the connection to the Fleet's API server, \
                 or allow more time.",
                limit.as_secs_f64()
            ),
        )
        .into())
    })
}

fn left_by_us(object: &ObjectRef) -> Diagnostic {
    Diagnostic::warning(
        "Interrupted Create Recorded",
        format!(
            "{object} existed, exactly as planned and made by this provider less than a day ago: an earlier apply made it and \
             was interrupted, or the state that recorded it was lost. It is recorded in state; nothing was written. If \
             another resource block or another state manages it too, remove it from one of them with a `removed` block or \
             `terraform state rm`: a destroy of either deletes it for both."
        ),
    )
}

fn another_fleet(object: &ObjectRef, stored: &str, current: &str) -> Diagnostic {
    Diagnostic::error(
        "Another Fleet",
        format!(
            "State keeps {object} in Fleet {stored:?}, but the provider points to {current:?}. Nothing was read or changed \
             there. Point the provider back to the Fleet in state; or, to manage an object in the other Fleet, use a provider \
             alias, or remove this one from state (`terraform state rm`) and import the other."
        ),
    )
}

/// Whether state and provider mean the same Fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
enum FleetCheck {
    Same,
    Other(String),
    /// Compare with the cluster's own UID.
    AskCluster,
    CannotTell,
}

fn compare_fleets(stored: &str, configured: Option<&str>, proved: bool) -> FleetCheck {
    let stored_is_uid = stored.starts_with("uid:");
    match configured {
        Some(configured) if configured == stored => FleetCheck::Same,
        Some(configured) if !stored_is_uid => FleetCheck::Other(configured.to_owned()),
        // The two forms meet: a live object of the stored UID proves that it is one and the same Fleet.
        _ if proved => FleetCheck::Same,
        _ if stored_is_uid => FleetCheck::AskCluster,
        _ => FleetCheck::CannotTell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fleets_are_compared_in_both_forms() {
        let check = |stored, configured, proved| compare_fleets(stored, configured, proved);
        assert_eq!(check("c1", Some("c1"), false), FleetCheck::Same);
        assert_eq!(check("c1", Some("c2"), true), FleetCheck::Other("c2".to_owned()));
        assert_eq!(check("uid:a", Some("c1"), true), FleetCheck::Same, "the live object proves it");
        assert_eq!(check("uid:a", Some("c1"), false), FleetCheck::AskCluster);
        assert_eq!(check("uid:a", None, false), FleetCheck::AskCluster);
        assert_eq!(check("c1", None, true), FleetCheck::Same);
        assert_eq!(check("c1", None, false), FleetCheck::CannotTell, "gone or elsewhere: not ours to guess");
    }
}
