//! Text that must not be printed.
//!
//! Everything secret (access key secrets, tokens, private keys, kubeconfigs) is such a text from the moment it is read. It
//! has no `Display` and no `Serialize`, its `Debug` says `[redacted]`, and it wipes its memory when dropped. The one way to
//! the text is `expose`, so every use can be found by that word. Every layer uses this one type.

use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// What stands in for a secret wherever one would be printed.
pub const REDACTED: &str = "[redacted]";

/// A secret text.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SecretString(Zeroizing<String>);

impl SecretString {
    /// Takes ownership of the secret.
    #[must_use]
    pub fn new(secret: impl Into<String>) -> Self {
        Self(Zeroizing::new(secret.into()))
    }

    /// The text itself. Never pass it to a formatter, a log or an error.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the text is empty; an empty secret counts as "not set" everywhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<'de> Deserialize<'de> for SecretString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl From<String> for SecretString {
    fn from(secret: String) -> Self {
        Self::new(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_text() {
        let canary = "canary-5f1e";
        for printed in [format!("{:?}", SecretString::new(canary)), format!("{:#?}", Some(SecretString::new(canary)))] {
            assert!(!printed.contains(canary) && printed.contains(REDACTED), "{printed}");
        }
    }
}
