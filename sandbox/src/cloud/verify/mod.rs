//! Who sent a request: verification of signature versions 3 and 1.
//!
//! Pure apart from the nonce store: a request, a key table and a time go in, a caller or the service's error comes out.
//! Written against the public description of the signatures and checked with vectors of the official SDK; it shares no
//! code with any signer. The order of the checks is not public; this one reveals least.

mod v1;
mod v3;

use std::collections::BTreeMap;

use hmac::digest::{KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::error::ApiError;
use super::wire::WireRequest;
use crate::world::{AccessKey, Moment};
pub(super) use v1::query_or_form;

/// How far a request's date may be from the server's, in seconds (public documentation: 15 minutes).
pub const WINDOW_SECONDS: i64 = 15 * 60;

/// Nonces seen, by access key and nonce, with the time they were used.
#[derive(Debug, Default)]
pub struct NonceStore {
    used: BTreeMap<(String, String), Moment>,
}

impl NonceStore {
    fn contains(&self, key: &str, nonce: &str) -> bool {
        self.used.contains_key(&(key.to_owned(), nonce.to_owned()))
    }

    fn insert(&mut self, key: &str, nonce: &str, now: Moment) {
        // A nonce older than the window cannot come back: its date would be refused.
        self.used.retain(|_, at| now.since(*at).as_secs() <= 2 * WINDOW_SECONDS.unsigned_abs());
        self.used.insert((key.to_owned(), nonce.to_owned()), now);
    }
}

/// Answers the key of an access key id.
pub type Keys<'a> = &'a dyn Fn(&str) -> Option<AccessKey>;

/// The access key id a request names, verified or not; for the call log.
pub fn claimed_key(request: &WireRequest) -> String {
    match request.header("authorization") {
        Some(header) => v3::credential(header).unwrap_or_default().to_owned(),
        None => query_or_form(request).get("AccessKeyId").cloned().unwrap_or_default(),
    }
}

/// Verifies a request and answers the key it was signed with.
///
/// # Errors
/// The error the service reports for the first thing that is wrong.
pub fn verify(
    request: &WireRequest,
    keys: Keys<'_>,
    nonces: &mut NonceStore,
    now: Moment,
) -> Result<AccessKey, ApiError> {
    match request.header("authorization") {
        Some(authorization) => v3::verify(request, authorization, keys, nonces, now),
        None => v1::verify(request, keys, nonces, now),
    }
}

/// Looks a key up and checks its state and its token.
fn usable_key(keys: Keys<'_>, id: &str, token: Option<&str>, now: Moment) -> Result<AccessKey, ApiError> {
    let key = keys(id)
        .ok_or_else(|| ApiError::new(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found."))?;
    if !key.active {
        return Err(ApiError::new(400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled."));
    }
    match (&key.token, token) {
        (None, None) => {}
        (Some(_), None) => {
            return Err(ApiError::new(400, "MissingSecurityToken", "SecurityToken is mandatory for this access key."));
        }
        (None, Some(_)) => return Err(mismatched_token()),
        (Some(_), Some(sent)) if !sent.starts_with("CAIS") => {
            return Err(ApiError::new(400, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed."));
        }
        (Some(stored), Some(sent)) if stored.expose() != sent => return Err(mismatched_token()),
        (Some(_), Some(_)) => {}
    }
    if key.expires.is_some_and(|end| end <= now) {
        return Err(expired_token());
    }
    Ok(key)
}

/// The answer to a temporary key that has ended.
pub fn expired_token() -> ApiError {
    ApiError::new(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
}

fn mismatched_token() -> ApiError {
    let message = "Specified SecurityToken mismatch with the AccessKey.";
    ApiError::new(400, "InvalidSecurityToken.MismatchWithAccessKey", message)
}

/// The answer to a date outside the window.
pub fn expired_date() -> ApiError {
    ApiError::new(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
}

fn check_date(text: &str, now: Moment) -> Result<(), ApiError> {
    let date = Moment::parse(text).ok_or_else(|| {
        ApiError::new(400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
    })?;
    let off = now.as_millis().saturating_sub(date.as_millis()).saturating_abs();
    if off > WINDOW_SECONDS * 1000 { Err(expired_date()) } else { Ok(()) }
}

fn check_nonce(nonces: &NonceStore, key: &str, nonce: &str) -> Result<(), ApiError> {
    if nonces.contains(key, nonce) {
        return Err(ApiError::new(400, "SignatureNonceUsed", "Specified signature nonce was used already."));
    }
    Ok(())
}

fn incomplete(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "IncompleteSignature", message)
}

fn mismatch(message: &str) -> ApiError {
    ApiError::new(400, "SignatureDoesNotMatch", message)
}

/// Whether `tag` is the HMAC of `data`, compared in constant time.
fn hmac_matches<M: Mac + KeyInit>(key: &[u8], data: &[u8], tag: &[u8]) -> bool {
    <M as KeyInit>::new_from_slice(key).is_ok_and(|mac| mac.chain_update(data).verify_slice(tag).is_ok())
}

fn sha256_hex(data: &[u8]) -> String {
    hex::encode(Sha256::digest(data))
}

#[cfg(test)]
mod tests;
