//! What the controller was last proved to have worked on, and how a write can lead back to exactly that.
//!
//! Private data keep it, and `reconcile.rs` beside a write that is not proved yet. The controller works on an object only if
//! its hash differs from the label it stamped last (ALB Ingress controller, object hash). A write that takes back an edit
//! which failed, or which the controller never saw, has the old hash: no pass follows and no Event, so there is nothing to
//! wait for but that nothing of the edit still comes.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::kubernetes_attributes::HASH_LABEL;
use crate::framework::private::Private;
use crate::kubernetes::Object;

/// Private fact: what was last proved.
const PROVED_FACT: &str = "proved";

/// The parts of an object that the controller's hash covers.
const HASHED: [&str; 2] = ["/spec", "/metadata/annotations"];

/// An object as it was when it was proved reconciled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Proved {
    /// Digest of what the controller's hash covers.
    content: String,
    /// The label it had stamped.
    label: String,
}

impl Proved {
    /// Takes it down; `None` while the controller has stamped nothing.
    pub(crate) fn of(object: &Object) -> Option<Self> {
        let label = object.label(HASH_LABEL)?.to_owned();
        Some(Self { content: content(object), label })
    }

    /// Keeps what was proved just now.
    pub(crate) fn remember(private: &mut Private, object: &Object) {
        match Self::of(object).and_then(|proved| serde_json::to_string(&proved).ok()) {
            Some(text) => private.set_fact(PROVED_FACT, text),
            None => private.remove_fact(PROVED_FACT),
        }
    }

    /// The same in a refresh of an object that is ready and as we set it. While the label is the known one, what differs is
    /// an edit that the controller has not worked on.
    pub(crate) fn remember_seen(private: &mut Private, object: &Object) {
        let known = Self::recalled(private).is_some_and(|known| object.label(HASH_LABEL) == Some(known.label.as_str()));
        if !known {
            Self::remember(private, object);
        }
    }

    /// What was kept.
    pub(crate) fn recalled(private: &Private) -> Option<Self> {
        serde_json::from_str(private.fact(PROVED_FACT)?).ok()
    }

    /// Whether an object is so again, with nothing else stamped in between.
    pub(crate) fn is_restored_by(&self, object: &Object) -> bool {
        object.label(HASH_LABEL) == Some(self.label.as_str()) && content(object) == self.content
    }
}

/// Whether two versions of an object are the same to the controller.
pub(crate) fn same_to_controller(one: &Object, other: &Object) -> bool {
    parts(one) == parts(other)
}

fn parts(object: &Object) -> [Option<&Json>; 2] {
    HASHED.map(|pointer| object.value().pointer(pointer))
}

fn content(object: &Object) -> String {
    let mut digest = Sha256::new();
    for part in parts(object) {
        digest.update(part.map(Json::to_string).unwrap_or_default());
        digest.update([0]);
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resources::testing::recorded;

    #[test]
    fn only_the_same_content_under_the_same_label_is_restored() {
        let edited = |change: &dyn Fn(&mut Json)| {
            let mut object = recorded("Ingress");
            object["metadata"]["labels"][HASH_LABEL] = json!("h1");
            change(&mut object);
            Object::from(object)
        };
        let before = edited(&|_| {});
        let proved = Proved::of(&before).unwrap();
        assert!(proved.is_restored_by(&edited(&|object| object["metadata"]["labels"]["team"] = json!("edge"))));
        assert!(proved.is_restored_by(&edited(&|object| object["status"] = json!({}))));
        assert!(!proved.is_restored_by(&edited(&|object| object["spec"]["rules"][0]["host"] = json!("x.example.com"))));
        assert!(!proved.is_restored_by(&edited(&|object| object["metadata"]["annotations"]["x"] = json!("1"))));
        assert!(!proved.is_restored_by(&edited(&|object| object["metadata"]["labels"][HASH_LABEL] = json!("h2"))));
        assert_eq!(Proved::of(&edited(&|object| object["metadata"]["labels"] = json!({}))), None);
    }

    #[test]
    fn an_edit_under_the_known_label_is_not_taken_for_proved() {
        let stamped = |label: &str, host: &str| {
            let mut object = recorded("Ingress");
            object["metadata"]["labels"][HASH_LABEL] = json!(label);
            object["spec"]["rules"][0]["host"] = json!(host);
            Object::from(object)
        };
        let mut private = Private::default();
        let first = stamped("h1", "a.example.com");
        Proved::remember_seen(&mut private, &first);
        Proved::remember_seen(&mut private, &stamped("h1", "b.example.com"));
        assert_eq!(Proved::recalled(&private), Proved::of(&first));
        let second = stamped("h2", "b.example.com");
        Proved::remember_seen(&mut private, &second);
        assert_eq!(Proved::recalled(&private), Proved::of(&second));
        let mut bare = recorded("Ingress");
        bare["metadata"]["labels"] = json!({});
        Proved::remember(&mut private, &Object::from(bare));
        assert_eq!(Proved::recalled(&private), None, "nothing is stamped");
    }
}
