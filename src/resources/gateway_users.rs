//! Which gateways use a member: AlbConfigs of the Fleet that list it in `remote-clusters`.

use std::time::Duration;

use serde_json::Value as Json;
use tokio::time::Instant;

use crate::clients::Clients;
use crate::framework::resource::Context;
use crate::kubernetes::{Error, Kind, Listing, Problem};
use crate::resources::kubernetes_attributes::REMOTE_CLUSTERS;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// The gateways that still route to a member after `grace`; empty as soon as there is none.
///
/// Whoever may not list AlbConfigs, or has a Fleet without gateways, is not kept from detaching: then none is reported,
/// with a line in the log. An API that does not answer is an error: it says nothing about who uses the member.
pub(super) async fn routing_to(
    clients: &Clients,
    cx: &Context,
    cluster: &str,
    grace: Duration,
) -> Result<Vec<String>, Error> {
    let Some(kubernetes) = &clients.kubernetes else { return Ok(Vec::new()) };
    let api = kubernetes.api.with_cancel(cx.cancel.clone());
    let end = Instant::now() + grace;
    loop {
        let users = match api.list(Kind::ALB_CONFIG, None, None).await {
            Ok(listing) => users_in(&listing, cluster),
            Err(error) if error.is_forbidden() || *error.problem() == Problem::KindMissing => {
                tracing::warn!(%error, "gateways that may use the member cannot be listed; the check is left out");
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        if users.is_empty() || Instant::now() + PAUSE >= end {
            return Ok(users);
        }
        if cx.cancel.run(tokio::time::sleep(PAUSE)).await.is_err() {
            return Ok(users);
        }
    }
}

fn users_in(listing: &Listing, cluster: &str) -> Vec<String> {
    let lists = |object: &Json| {
        let annotation = object.pointer("/metadata/annotations").and_then(|all| all.get(REMOTE_CLUSTERS)?.as_str());
        annotation.is_some_and(|list| list.split(',').any(|member| member.trim() == cluster))
    };
    listing
        .items
        .iter()
        .filter(|object| !object.is_terminating() && lists(object.value()))
        .map(|object| format!("AlbConfig {:?}", object.name()))
        .collect()
}
