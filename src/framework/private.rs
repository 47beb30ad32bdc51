//! Private data: small facts that travel with an object's state but that no user sees.
//!
//! Core hands the bytes through without looking. They may be empty, of an older version, or written by another provider
//! from which state was moved; whatever is not ours is ignored. They are not protected: no secret may go in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::schema::Identity;

/// Fact that tells a resource instance from others: made when the instance comes by its object.
pub const CLAIM_FACT: &str = "claim";
/// Fact that holds the identity of an instance's object, if that has one.
pub const UID_FACT: &str = "uid";

/// Facts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Private {
    /// Facts that a resource keeps.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    facts: BTreeMap<String, String>,
    /// Set in the plan of an object that does not exist yet. The delete half of a delete-first replacement receives it and
    /// so learns what comes after it; it is never stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    successor: Option<Identity>,
    /// Set by import for the read that follows it, which must fill in what was never configured.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    imported: bool,
}

impl Private {
    /// Reads the bytes of a request. Anything that we did not write reads as empty.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Envelope {
            ackone: Private,
        }
        serde_json::from_slice::<Envelope>(bytes).map(|envelope| envelope.ackone).unwrap_or_default()
    }

    /// The bytes for an answer; none if there is nothing to keep.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        if *self == Self::default() {
            return Vec::new();
        }
        serde_json::to_vec(&serde_json::json!({ "ackone": self })).unwrap_or_default()
    }

    /// A fact.
    #[must_use]
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.facts.get(name).map(String::as_str)
    }

    /// What tells the instance from others, as far as it has anything.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        self.fact(CLAIM_FACT).or_else(|| self.fact(UID_FACT))
    }

    /// Keeps a fact.
    pub fn set_fact(&mut self, name: &str, value: impl Into<String>) {
        self.facts.insert(name.to_owned(), value.into());
    }

    /// Forgets a fact.
    pub fn remove_fact(&mut self, name: &str) {
        self.facts.remove(name);
    }

    /// Forgets all facts: they are another object's.
    pub(crate) fn forget_facts(&mut self) {
        self.facts.clear();
    }

    /// What will be created after this object is deleted, in a delete-first replacement.
    #[must_use]
    pub const fn successor(&self) -> Option<&Identity> {
        self.successor.as_ref()
    }

    pub(crate) fn set_successor(&mut self, identity: Identity) {
        self.successor = Some(identity);
    }

    pub(crate) fn take_successor(&mut self) -> Option<Identity> {
        self.successor.take()
    }

    /// Whether this is the read right after an import.
    #[must_use]
    pub const fn is_imported(&self) -> bool {
        self.imported
    }

    pub(crate) const fn set_imported(&mut self, imported: bool) {
        self.imported = imported;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_bytes_read_as_empty_and_our_own_come_back() {
        for bytes in [&b""[..], b"{}", b"\xff\x00", b"{\"schema_version\":\"1\"}", b"[1,2]"] {
            assert_eq!(Private::decode(bytes), Private::default());
        }
        let mut private = Private::default();
        assert!(private.encode().is_empty());
        private.set_fact("applied", "{}");
        private.set_imported(true);
        assert_eq!(Private::decode(&private.encode()), private);
    }
}
