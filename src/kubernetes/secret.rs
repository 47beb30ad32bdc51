//! Text that must not be printed: kubeconfigs, tokens, private keys.

pub use crate::secret::SecretString as SecretText;
