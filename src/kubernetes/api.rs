//! Single calls on objects: get, list, apply, patch. Everything larger is built from these.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Cancel, FIELD_MANAGER,
    access::FleetAccess,
    error::{Error, Problem, Target, Verb},
    object::{Kind, Object, ObjectRef, encode},
    retry::{Jitter, RandomJitter, RateGate, RetryPolicy, between},
    transport::{Answer, Call, Transport},
};

/// Objects of one page of a list: a page of large objects stays below a few megabytes.
const PAGE_SIZE: u32 = 250;
/// A list whose continuation expired is started again this often.
const MAX_LIST_STARTS: u32 = 4;
/// Calls at the same time, watches not counted.
const MAX_CONCURRENT_CALLS: usize = 16;

/// The Fleet's API on behalf of one operation: every call and wait of it ends when the operation is cancelled.
#[derive(Clone)]
pub struct FleetApi {
    transport: Arc<Transport>,
    cancel: Cancel,
}

impl std::fmt::Debug for FleetApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FleetApi").field("access", &self.transport.access).finish_non_exhaustive()
    }
}

/// How an apply is done.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApplyOptions<'a> {
    /// Refuse an object with another UID.
    pub uid: Option<&'a str>,
    /// Refuse another version.
    pub resource_version: Option<&'a str>,
    /// Take fields of other managers.
    pub force: bool,
    /// Ask the server, change nothing.
    pub dry_run: bool,
}

/// An object with the server's clock at the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The object.
    pub object: Object,
    /// The `Date` of the answer.
    pub server_time: Option<Timestamp>,
}

/// A whole collection.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// Its objects.
    pub items: Vec<Object>,
    /// The version to watch from.
    pub resource_version: String,
}

/// What a list of pages gives.
pub(crate) enum Page {
    /// More objects.
    Next(Vec<Object>),
    /// The list begins anew; forget the objects so far.
    StartAgain,
}

impl FleetApi {
    /// The API behind `access`; nothing is sent.
    pub fn new(access: Arc<FleetAccess>, policy: RetryPolicy, max_per_second: Option<f64>) -> Self {
        Self::with_jitter(access, policy, max_per_second, Arc::new(RandomJitter))
    }

    /// Like [`new`](Self::new), with the randomness given.
    pub fn with_jitter(
        access: Arc<FleetAccess>,
        policy: RetryPolicy,
        max_per_second: Option<f64>,
        jitter: Arc<dyn Jitter>,
    ) -> Self {
        let gate = RateGate::new(MAX_CONCURRENT_CALLS, max_per_second);
        Self {
            transport: Arc::new(Transport { access, policy, gate, jitter, writes: AtomicU64::new(0) }),
            cancel: Cancel::never(),
        }
    }

    /// The same API for an operation that `cancel` ends.
    #[must_use]
    pub fn with_cancel(&self, cancel: Cancel) -> Self {
        Self { transport: Arc::clone(&self.transport), cancel }
    }

    /// What ends this operation.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Grows with every write that any operation of this provider begins or ends.
    pub(crate) fn writes(&self) -> u64 {
        self.transport.writes.load(Ordering::SeqCst)
    }

    pub(crate) fn interrupted(verb: Verb, target: &Target) -> Error {
        Error::new(verb, target, Problem::Cancelled, "interrupted").unsent()
    }

    /// A jittered pause that a cancellation ends.
    pub(crate) async fn pause(
        &self,
        verb: Verb,
        object: &ObjectRef,
        low: Duration,
        high: Duration,
    ) -> Result<(), Error> {
        let pause = between(&*self.transport.jitter, low, high);
        self.cancel.run(tokio::time::sleep(pause)).await.map_err(|_| Self::interrupted(verb, &Target::from(object)))
    }

    async fn call(&self, call: &Call) -> Result<Seen, Error> {
        let answer = self.transport.send(call, &self.cancel).await?;
        let object = Object::from(parse(call, &answer)?);
        Ok(Seen { object, server_time: answer.server_time })
    }

    /// Reads one object.
    ///
    /// # Errors
    /// [`Error::is_not_found`] when it does not exist.
    pub async fn get(&self, object: &ObjectRef) -> Result<Object, Error> {
        self.see(object).await.map(|seen| seen.object)
    }

    /// Reads one object together with the server's clock.
    ///
    /// # Errors
    /// [`Error::is_not_found`] when it does not exist.
    pub async fn see(&self, object: &ObjectRef) -> Result<Seen, Error> {
        self.call(&Call::read(Verb::Get, Target::from(object), object.path())).await
    }

    /// Reads a collection page by page, of one namespace or of all; `selector` is a ready query part such as
    /// `fieldSelector=…`.
    ///
    /// # Errors
    /// What the server answered; an expired continuation starts the list again.
    pub async fn list(&self, kind: Kind, namespace: Option<&str>, selector: Option<&str>) -> Result<Listing, Error> {
        let mut items = Vec::new();
        let resource_version = self
            .list_pages(kind, namespace, selector, &mut |page| match page {
                Page::Next(objects) => items.extend(objects),
                Page::StartAgain => items.clear(),
            })
            .await?;
        Ok(Listing { items, resource_version })
    }

    /// The same, one page after the other, so that not all objects are in memory at once. Answers the version to watch
    /// from.
    pub(crate) async fn list_pages(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        selector: Option<&str>,
        sink: &mut (dyn FnMut(Page) + Send),
    ) -> Result<String, Error> {
        let target = Target::collection(kind, namespace);
        let path = kind.collection_path(namespace);
        let selector = selector.map(|selector| format!("&{selector}")).unwrap_or_default();
        let mut starts = 1;
        let mut token: Option<String> = None;
        loop {
            let next = token.as_deref().map(|token| format!("&continue={}", encode(token))).unwrap_or_default();
            let uri = format!("{path}?limit={PAGE_SIZE}{selector}{next}");
            let call = Call::read(Verb::List, target.clone(), uri);
            let mut page = match self.transport.send(&call, &self.cancel).await {
                Ok(answer) => parse(&call, &answer)?,
                Err(error) if *error.problem() == Problem::Expired && starts < MAX_LIST_STARTS => {
                    starts += 1;
                    token = None;
                    sink(Page::StartAgain);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let text = |pointer: &str| page.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
            let (resource_version, more) = (text("/metadata/resourceVersion"), text("/metadata/continue"));
            match page.get_mut("items").map(Value::take) {
                Some(Value::Array(objects)) => sink(Page::Next(objects.into_iter().map(Object::from).collect())),
                // Go writes an empty slice as null now and then.
                None | Some(Value::Null) => {}
                Some(_) => return Err(Error::new(Verb::List, &target, Problem::Malformed, "a list without items")),
            }
            if more.is_empty() {
                return Ok(resource_version);
            }
            token = Some(more);
        }
    }

    /// Applies `intent` as our field manager. The object's identity is added here.
    ///
    /// # Errors
    /// What the server answered. An apply is not sent again when its fate is unknown ([`Error::is_ambiguous`]).
    pub async fn apply(&self, object: &ObjectRef, intent: &Value, options: ApplyOptions<'_>) -> Result<Object, Error> {
        self.send_apply(Verb::Apply, object, intent, options).await.map(|(seen, _)| seen.object)
    }

    /// The same, with the HTTP status: 201 says that the object is new.
    pub(crate) async fn send_apply(
        &self,
        verb: Verb,
        object: &ObjectRef,
        intent: &Value,
        options: ApplyOptions<'_>,
    ) -> Result<(Seen, u16), Error> {
        let mut manifest = intent.clone();
        let target = Target::from(object);
        identify(&mut manifest, object, options)
            .ok_or_else(|| Error::new(verb, &target, Problem::BadRequest, "the manifest is no object").unsent())?;
        let uri = format!(
            "{}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict&force={}{}",
            object.path(),
            options.force,
            if options.dry_run { "&dryRun=All" } else { "" },
        );
        let call = Call {
            verb,
            target,
            method: Method::PATCH,
            uri,
            // JSON is YAML; servers before 1.34 know no JSON name for it.
            content_type: Some("application/apply-patch+yaml"),
            body: manifest.to_string().into_bytes(),
        };
        let answer = self.transport.send(&call, &self.cancel).await?;
        let object = Object::from(parse(&call, &answer)?);
        Ok((Seen { object, server_time: answer.server_time }, answer.code))
    }

    /// Sends a JSON merge patch as our field manager.
    ///
    /// # Errors
    /// What the server answered.
    pub async fn merge_patch(&self, object: &ObjectRef, patch: &Value) -> Result<Object, Error> {
        let call = Call {
            verb: Verb::Patch,
            target: Target::from(object),
            method: Method::PATCH,
            uri: format!("{}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict", object.path()),
            content_type: Some("application/merge-patch+json"),
            body: patch.to_string().into_bytes(),
        };
        self.call(&call).await.map(|seen| seen.object)
    }

    /// Asks for the deletion of exactly this object.
    pub(crate) async fn send_delete(&self, object: &ObjectRef, uid: &str) -> Result<(), Error> {
        let options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
            "preconditions": {"uid": uid}});
        let call = Call {
            verb: Verb::Delete,
            target: Target::from(object),
            method: Method::DELETE,
            uri: object.path(),
            content_type: Some("application/json"),
            body: options.to_string().into_bytes(),
        };
        self.transport.send(&call, &self.cancel).await.map(|_| ())
    }
}

fn identify(manifest: &mut Value, object: &ObjectRef, options: ApplyOptions<'_>) -> Option<()> {
    let fields = manifest.as_object_mut()?;
    fields.insert("apiVersion".into(), object.kind.api_version().into());
    fields.insert("kind".into(), object.kind.kind.into());
    let metadata = fields.entry("metadata").or_insert_with(|| json!({})).as_object_mut()?;
    metadata.insert("name".into(), object.name.as_str().into());
    for (name, value) in [
        ("namespace", object.namespace.as_deref()),
        ("uid", options.uid),
        ("resourceVersion", options.resource_version),
    ] {
        if let Some(value) = value {
            metadata.insert(name.into(), value.into());
        }
    }
    Some(())
}

fn parse(call: &Call, answer: &Answer) -> Result<Value, Error> {
    let value: Result<Value, _> = serde_json::from_slice(&answer.body);
    match value {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err(Error::new(call.verb, &call.target, Problem::Malformed, "the answer is no object")),
        Err(error) => {
            // The parser's text holds a position and no content.
            let note = format!("the answer is not JSON: {error}");
            Err(Error::new(call.verb, &call.target, Problem::Malformed, note))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::testing::{Reply, Script, status};

    fn page(names: &[&str], version: &str, token: &str) -> Reply {
        let items: Vec<Value> = names.iter().map(|name| json!({"metadata": {"name": name}})).collect();
        Reply::Json(200, json!({"metadata": {"resourceVersion": version, "continue": token}, "items": items}))
    }

    #[tokio::test(start_paused = true)]
    async fn pages_are_followed_and_an_expired_token_starts_again() {
        let script = Script::new([
            page(&["a"], "1", "t/1"),
            status(410, "Expired", json!({})),
            page(&["b"], "2", "t2"),
            page(&["c"], "2", ""),
        ]);
        let listing = script.api().list(Kind::INGRESS, None, None).await.unwrap();
        let names: Vec<&str> = listing.items.iter().map(Object::name).collect();
        assert_eq!((names, listing.resource_version.as_str()), (vec!["b", "c"], "2"));
        assert!(script.received()[1].uri.ends_with("?limit=250&continue=t%2F1"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_write_is_sent_again_after_the_asked_pause_and_a_failed_one_is_not() {
        let object = ObjectRef::cluster(Kind::NAMESPACE, "n");
        let throttled = Reply::With(429, "retry-after", "7", json!({"kind": "Status", "reason": "TooManyRequests"}));
        let script = Script::new([throttled, Reply::Json(200, json!({"metadata": {"name": "n"}}))]);
        let start = tokio::time::Instant::now();
        script.api().apply(&object, &json!({}), ApplyOptions::default()).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(7));

        let script = Script::new([status(503, "ServiceUnavailable", json!({}))]);
        let error = script.api().apply(&object, &json!({}), ApplyOptions::default()).await.unwrap_err();
        assert!(error.is_ambiguous());
        assert_eq!(script.received().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn reads_survive_broken_connections_and_failures_and_end_with_a_silent_server() {
        let object = ObjectRef::cluster(Kind::NAMESPACE, "n");
        let good = Reply::Json(200, json!({"metadata": {"name": "n"}}));
        let script = Script::new([Reply::Broken, status(500, "InternalError", json!({})), good]);
        let seen = script.api().see(&object).await.unwrap();
        assert_eq!(seen.object.name(), "n");
        assert_eq!(seen.server_time.unwrap().to_string(), "2026-11-23T18:30:00Z");

        let script = Script::new((0..20).map(|_| Reply::Silence));
        let error = script.api().get(&object).await.unwrap_err();
        assert_eq!(*error.problem(), Problem::Timeout);
        assert_eq!(script.received().len(), 7, "bounded");
    }
}
