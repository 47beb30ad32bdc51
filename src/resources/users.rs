//! What still uses an object that is to be deleted. It is watched for a while, because it may be going in the same run.
//!
//! Deletes of gateways, Secrets and Namespaces call it before they delete anything. It must never take "not listed yet"
//! for "nobody": an API that does not answer is an error.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::kubernetes_object::Fleet;
use crate::kubernetes::watch::WatchEvent;
use crate::kubernetes::{Error, Kind, Object, ObjectWatch};

/// Users named in one message.
const MAX_NAMED: usize = 10;

/// Where users may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) kind: Kind,
    pub(crate) namespace: Option<&'a str>,
    /// A ready query part.
    pub(crate) selector: Option<&'a str>,
}

/// Namespaces and names of the objects that are users still, when none is left or `patience` ends. They are listed at
/// least once, however long that takes.
pub(crate) async fn remaining(
    fleet: &Fleet,
    place: Place<'_>,
    is_user: impl Fn(&Object) -> bool + Send,
    patience: Instant,
) -> Result<BTreeSet<(String, String)>, Error> {
    let key = |object: &Object| (object.namespace().unwrap_or_default().to_owned(), object.name().to_owned());
    let selector = place.selector.map(str::to_owned);
    let mut watch = ObjectWatch::of_selection(fleet.api(), place.kind, place.namespace, selector);
    let mut seen: Option<BTreeMap<(String, String), bool>> = None;
    loop {
        let told = match &seen {
            None => watch.next().await,
            Some(seen) if !seen.values().any(|uses| *uses) || Instant::now() >= patience => break,
            Some(_) => match tokio::time::timeout_at(patience, watch.next()).await {
                Ok(told) => told,
                Err(_) => break,
            },
        };
        match (told?, &mut seen) {
            (WatchEvent::Listed(objects), seen) => {
                *seen = Some(objects.iter().map(|object| (key(object), is_user(object))).collect());
            }
            (WatchEvent::Changed(object), Some(seen)) => {
                seen.insert(key(&object), is_user(&object));
            }
            (WatchEvent::Deleted(object), Some(seen)) => {
                seen.remove(&key(&object));
            }
            (WatchEvent::Changed(_) | WatchEvent::Deleted(_), None) => {}
        }
    }
    Ok(seen.into_iter().flatten().filter(|(_, uses)| *uses).map(|(key, _)| key).collect())
}

/// The first few of them, for a message.
pub(crate) fn named(users: &[String]) -> String {
    let shown = users.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ");
    match users.len().saturating_sub(MAX_NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
