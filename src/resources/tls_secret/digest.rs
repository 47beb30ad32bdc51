//! Keys recognised without being kept: a keyed digest in private data.
//!
//! Private data is readable by whoever reads state. HMAC-SHA-256 under a random key tells nobody more than whether a key
//! they already have is the same one. The random key is made in apply or Read, never in plan, which must give the same
//! answer twice.

use crate::certificate::PrivateKey;
use crate::framework::private::Private;

/// Private fact: the random key of the digests, hex.
const DIGEST_KEY: &str = "digest_key";
/// Private fact: digest of the key as we left it in the Secret, or found it on import.
const KEY_DIGEST: &str = "key_digest";
/// Private fact: digest of the key that a refresh found instead; `none` if there was no usable key.
const KEY_DRIFT: &str = "key_drift";
const NO_KEY: &str = "none";

/// Digest of a key under the random key in private data; `None` if there is none yet.
fn digest(private: &Private, key: &PrivateKey) -> Option<String> {
    let secret = hex::decode(private.fact(DIGEST_KEY)?).ok()?;
    Some(key.digest(&secret))
}

fn ensure_digest_key(private: &mut Private) {
    if private.fact(DIGEST_KEY).is_none() {
        let secret: [u8; 32] = rand::random();
        private.set_fact(DIGEST_KEY, hex::encode(secret));
    }
}

/// Keeps the digest of what the Secret holds now, by our own doing.
pub(super) fn remember(private: &mut Private, key: &PrivateKey) {
    ensure_digest_key(private);
    if let Some(digest) = digest(private, key) {
        private.set_fact(KEY_DIGEST, digest);
    }
    private.remove_fact(KEY_DRIFT);
}

/// Compares the live key with the remembered one, which an import has not yet: then it is remembered.
pub(super) fn observe(private: &mut Private, live: Option<&PrivateKey>) {
    ensure_digest_key(private);
    let found = live.and_then(|key| digest(private, key));
    match (private.fact(KEY_DIGEST), found) {
        (None, Some(found)) => private.set_fact(KEY_DIGEST, found),
        (Some(kept), Some(found)) if kept == found => private.remove_fact(KEY_DRIFT),
        (_, found) => private.set_fact(KEY_DRIFT, found.unwrap_or_else(|| NO_KEY.to_owned())),
    }
}

/// Whether the last refresh found another key than ours, or none.
pub(super) fn has_drifted(private: &Private) -> bool {
    private.fact(KEY_DRIFT).is_some()
}

/// Whether a key is another one than the remembered. Without a digest there is no comparison.
pub(super) fn is_another(private: &Private, key: &PrivateKey) -> bool {
    match (private.fact(KEY_DIGEST), digest(private, key)) {
        (Some(kept), Some(digest)) => kept != digest,
        _ => false,
    }
}

/// Whether the live key is still the one that the last refresh saw. Without a digest nothing speaks against it.
pub(super) fn is_as_refreshed(private: &Private, live: &PrivateKey) -> bool {
    match (private.fact(KEY_DRIFT).or_else(|| private.fact(KEY_DIGEST)), digest(private, live)) {
        (Some(seen), Some(digest)) => seen == digest,
        _ => true,
    }
}
