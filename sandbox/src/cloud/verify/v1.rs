//! Signature version 1 for RPC, `HMAC-SHA1` over the merged query and form parameters.
//!
//! Older tools sign this way. Everything is a parameter here: `Action`, `Version`, `AccessKeyId`, `SignatureNonce`,
//! `Timestamp`, `Signature`, and `SecurityToken` with temporary keys.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Hmac;
use sha1::Sha1;

use super::super::error::ApiError;
use super::super::wire::{WireRequest, encode};
use super::{Keys, NonceStore, check_date, check_nonce, hmac_matches, incomplete, mismatch, usable_key};
use crate::world::{AccessKey, Moment};

/// Query and form parameters merged; the query wins, as both must agree anyway.
pub(in crate::cloud) fn query_or_form(request: &WireRequest) -> BTreeMap<String, String> {
    request.form_pairs().into_iter().chain(request.query_pairs()).collect()
}

pub(super) fn verify(
    request: &WireRequest,
    keys: Keys<'_>,
    nonces: &mut NonceStore,
    now: Moment,
) -> Result<AccessKey, ApiError> {
    let parameters = query_or_form(request);
    let parameter = |name: &str| parameters.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let Some(signature) = parameter("Signature") else {
        return Err(incomplete("The request is not signed: it has neither an Authorization header nor a Signature."));
    };
    if parameter("SignatureMethod") != Some("HMAC-SHA1") {
        return Err(ApiError::new(400, "InvalidSignatureMethod", "The signature method is not supported."));
    }
    if parameter("SignatureVersion") != Some("1.0") {
        return Err(incomplete("SignatureVersion must be 1.0."));
    }
    let id = parameter("AccessKeyId").ok_or_else(|| ApiError::missing("AccessKeyId"))?;
    let key = usable_key(keys, id, parameter("SecurityToken"), now)?;
    check_date(parameter("Timestamp").unwrap_or_default(), now)?;
    let nonce = parameter("SignatureNonce").ok_or_else(|| ApiError::missing("SignatureNonce"))?;
    check_nonce(nonces, &key.id, nonce)?;
    let data = string_to_sign(&request.method, &parameters);
    let signing_key = format!("{}&", key.secret.expose());
    let tag = STANDARD.decode(signature).unwrap_or_default();
    if !hmac_matches::<Hmac<Sha1>>(signing_key.as_bytes(), data.as_bytes(), &tag) {
        return Err(mismatch("Specified signature is not matched with our calculation."));
    }
    nonces.insert(&key.id, nonce, now);
    Ok(key)
}

/// Method, encoded slash and encoded parameters; the map is already in order of names.
pub(super) fn string_to_sign(method: &str, parameters: &BTreeMap<String, String>) -> String {
    let joined: Vec<String> = parameters
        .iter()
        .filter(|(name, _)| name.as_str() != "Signature")
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    format!("{method}&%2F&{}", encode(&joined.join("&")))
}
