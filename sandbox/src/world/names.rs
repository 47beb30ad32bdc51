//! Identifiers and secrets of the simulated cloud.
//!
//! Identifiers of the initial world follow from a seed, so that a configuration written today still fits tomorrow's
//! sandbox; identifiers of what is created later are random. Secrets are random and cannot be printed by accident.

use std::fmt;

use rand::Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A text that `Debug` does not show: an access key secret or a security token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for signing or for handing it to its owner.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// `length` lower-case hex digits that depend on seed and name only.
pub(crate) fn seeded_hex(seed: &str, name: &str, length: usize) -> String {
    let digest = Sha256::new().chain_update(seed).chain_update([0]).chain_update(name).finalize();
    hex::encode(digest).chars().take(length).collect()
}

/// `prefix` followed by `digits` random lower-case hex digits, the shape of the cloud's resource ids.
pub fn fresh_id(prefix: &str, digits: usize) -> String {
    let mut rng = rand::rng();
    let mut id = String::from(prefix);
    for _ in 0..digits {
        id.push(char::from_digit(rng.random_range(0..16u32), 16).unwrap_or('0'));
    }
    id
}

/// Random letters and digits.
pub fn random_text(length: usize) -> String {
    let mut rng = rand::rng();
    (0..length)
        .filter_map(|_| ALPHANUMERIC.get(rng.random_range(0..ALPHANUMERIC.len())).copied().map(char::from))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print_itself() {
        assert_eq!(format!("{:?}", Secret::new("canary")), "Secret(redacted)");
    }

    #[test]
    fn seeded_ids_depend_on_seed_and_name() {
        assert_eq!(seeded_hex("a", "b", 32), seeded_hex("a", "b", 32));
        assert_ne!(seeded_hex("a", "b", 32), seeded_hex("a", "c", 32));
        assert_ne!(seeded_hex("ab", "c", 32), seeded_hex("a", "bc", 32));
        assert_eq!(fresh_id("sgr-", 20).len(), 24);
    }
}
