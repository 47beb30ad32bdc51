//! Text that must not be printed.
//!
//! Everything secret this client touches (access key secrets, security tokens, kubeconfigs) is one of these types from
//! the moment it is read. They have no `Display` and no `Serialize`, their `Debug` says `[redacted]`, and they wipe
//! their memory when dropped. The one way to the text is `expose`, so every use can be found by that word.

use std::fmt;

pub use crate::secret::{REDACTED, SecretString};

macro_rules! secrets {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(SecretString);

        impl $name {
            /// Takes ownership of the secret.
            #[must_use]
            pub fn new(secret: impl Into<String>) -> Self {
                Self(SecretString::new(secret))
            }

            /// The text itself. Never pass it to a formatter, a log or an error.
            #[must_use]
            pub fn expose(&self) -> &str {
                self.0.expose()
            }

            /// Whether the text is empty; an empty secret counts as "not set".
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl From<SecretString> for $name {
            fn from(secret: SecretString) -> Self {
                Self(secret)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(REDACTED)
            }
        }
    )+};
}

secrets! {
    /// The secret half of an access key pair.
    AccessKeySecret,
    /// The token that goes with a temporary access key pair.
    SecurityToken,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_text() {
        let canary = "canary-5f1e";
        for printed in [
            format!("{:?}", SecretString::new(canary)),
            format!("{:#?}", Some(SecretString::new(canary))),
            format!("{:?}", AccessKeySecret::new(canary)),
            format!("{:?}", vec![SecurityToken::new(canary)]),
        ] {
            assert!(!printed.contains(canary), "{printed}");
            assert!(printed.contains(REDACTED), "{printed}");
        }
    }

    #[test]
    fn a_secret_is_read_from_json_unchanged() {
        let secret: SecretString = serde_json::from_str("\"a\\nb\"").unwrap();
        assert_eq!(secret.expose(), "a\nb");
    }
}
