//! Making the controller look again at an object that it passed over.
//!
//! It skips a change that leads back to what it stamped last. If a pass over the edit in between runs at that time, the edit
//! stays in the cloud, and nothing that is written the same way helps. So the object gets an annotation, which the
//! controller's hash covers and nobody reads. It is ours by server-side apply, no attribute shows it, and the next change of
//! the object drops it, being a change by itself.

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::kubernetes_attributes::LOOK_AGAIN;
use super::kubernetes_object::{Described, Fleet, Home};
use super::reconcile::{Onlooker, watched};

/// Writes the annotation beside what is set already (`intent`). Answers whether that was done; the wait goes on either way.
pub(crate) async fn look_again(
    fleet: &Fleet,
    onlooker: &mut Onlooker,
    described: &Described<'_>,
    home: Home<'_>,
    intent: &Json,
    now: Timestamp,
    deadline: Instant,
) -> bool {
    let object = described.object;
    tracing::info!(
        k8s_kind = object.kind.kind,
        k8s_name = %object.name,
        "the controller passed {object} over while it was at an earlier edit; annotation {LOOK_AGAIN} makes it look again"
    );
    let marked = marked(intent, now);
    let update = fleet.update(described, home, intent, &marked, &[], deadline);
    match watched(Some(&mut *onlooker), update).await {
        Ok(updated) if updated.wrote => {
            onlooker.answered(&updated.object);
            true
        }
        Ok(_) => false,
        Err(errors) => {
            for error in errors {
                tracing::warn!(summary = error.summary, "the annotation could not be written");
            }
            false
        }
    }
}

fn marked(intent: &Json, now: Timestamp) -> Json {
    let mut marked = intent.clone();
    if let Some(metadata) = marked.get_mut("metadata").and_then(Json::as_object_mut) {
        let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(LOOK_AGAIN.to_owned(), json!(now.to_string()));
        }
    }
    marked
}
