//! Signature version 3, `ACS3-HMAC-SHA256`.
//!
//! The canonical request is rebuilt from the request and from the sender's own list of signed headers; senders may sign
//! more than they must, never less.

use hmac::Hmac;
use sha2::Sha256;

use super::super::error::ApiError;
use super::super::wire::{WireRequest, decode, encode};
use super::{Keys, NonceStore, check_date, check_nonce, hmac_matches, incomplete, mismatch, sha256_hex, usable_key};
use crate::world::{AccessKey, Moment};

/// The algorithm's name in the `Authorization` header and in the string to sign.
const ALGORITHM: &str = "ACS3-HMAC-SHA256";
/// Headers that a signed request must carry.
const REQUIRED: [&str; 5] =
    ["x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"];

/// The parts of an `Authorization` header.
struct Authorization<'a> {
    credential: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

/// The access key id of an `Authorization` header, whatever else is wrong with it.
pub(super) fn credential(header: &str) -> Option<&str> {
    header.split_once("Credential=").map(|(_, rest)| rest.split(',').next().unwrap_or_default())
}

fn parse(header: &str) -> Result<Authorization<'_>, ApiError> {
    let (algorithm, rest) =
        header.split_once(' ').ok_or_else(|| incomplete("The Authorization header is malformed."))?;
    if algorithm != ALGORITHM {
        let message = format!("The signature method {algorithm} is not supported.");
        return Err(ApiError::new(400, "InvalidSignatureMethod", message));
    }
    let field = |name: &str| {
        rest.split(',')
            .find_map(|part| part.strip_prefix(name).and_then(|part| part.strip_prefix('=')))
            .filter(|value| !value.is_empty())
            .ok_or_else(|| incomplete(format!("The Authorization header has no {name}.")))
    };
    Ok(Authorization {
        credential: field("Credential")?,
        signed_headers: field("SignedHeaders")?.split(';').collect(),
        signature: field("Signature")?,
    })
}

pub(super) fn verify(
    request: &WireRequest,
    header: &str,
    keys: Keys<'_>,
    nonces: &mut NonceStore,
    now: Moment,
) -> Result<AccessKey, ApiError> {
    let authorization = parse(header)?;
    check_signed_headers(request, &authorization.signed_headers)?;
    let required = |name: &str| request.header(name).unwrap_or_default();
    if let Some(named) = request.header("x-acs-accesskey-id")
        && named != authorization.credential
    {
        return Err(incomplete("x-acs-accesskey-id and Credential differ."));
    }
    let key = usable_key(keys, authorization.credential, request.header("x-acs-security-token"), now)?;
    check_date(required("x-acs-date"), now)?;
    let nonce = required("x-acs-signature-nonce");
    check_nonce(nonces, &key.id, nonce)?;
    if sha256_hex(&request.body) != required("x-acs-content-sha256") {
        return Err(mismatch("x-acs-content-sha256 is not the digest of the request body."));
    }
    let canonical = canonical_request(request, &authorization.signed_headers);
    let string_to_sign = format!("{ALGORITHM}\n{}", sha256_hex(canonical.as_bytes()));
    let signature = hex::decode(authorization.signature).unwrap_or_default();
    if !hmac_matches::<Hmac<Sha256>>(key.secret.expose().as_bytes(), string_to_sign.as_bytes(), &signature) {
        return Err(mismatch("Specified signature is not matched with our calculation."));
    }
    nonces.insert(&key.id, nonce, now);
    Ok(key)
}

fn check_signed_headers(request: &WireRequest, signed: &[&str]) -> Result<(), ApiError> {
    for name in REQUIRED {
        if request.header(name).is_none_or(str::is_empty) {
            return Err(incomplete(format!("The header {name} is missing.")));
        }
    }
    let must_be_signed = |name: &str| name == "host" || name.starts_with("x-acs-");
    if let Some((name, _)) =
        request.headers.iter().find(|(name, _)| must_be_signed(name) && !signed.contains(&name.as_str()))
    {
        return Err(incomplete(format!("The header {name} is not signed.")));
    }
    if let Some(name) = signed.iter().find(|name| request.header(name).is_none()) {
        return Err(incomplete(format!("The signed header {name} is missing or not in lower case.")));
    }
    Ok(())
}

/// The six parts of the canonical request.
pub(super) fn canonical_request(request: &WireRequest, signed_headers: &[&str]) -> String {
    let mut sorted = signed_headers.to_vec();
    sorted.sort_unstable();
    let headers: String =
        sorted.iter().map(|name| format!("{name}:{}\n", request.joined_header(name).unwrap_or_default())).collect();
    let content_hash = request.header("x-acs-content-sha256").unwrap_or_default();
    [
        request.method.as_str(),
        &canonical_uri(&request.path),
        &canonical_query(request),
        &headers,
        &signed_headers.join(";"),
        content_hash,
    ]
    .join("\n")
}

/// Each segment decoded and encoded once, so that the sender's choice of escapes does not matter.
fn canonical_uri(path: &str) -> String {
    if path.is_empty() {
        return "/".to_owned();
    }
    path.split('/').map(|segment| encode(&decode(segment, false))).collect::<Vec<_>>().join("/")
}

fn canonical_query(request: &WireRequest) -> String {
    let mut pairs = request.query_pairs();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}
