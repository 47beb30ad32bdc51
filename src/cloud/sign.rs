//! The signature ACS3-HMAC-SHA256 ("V3"), as pure functions from one stage to the next.
//!
//! Stages: headers → canonical request → string to sign → signature → `Authorization`. Each is a function of its own so
//! that a golden test can name the stage that broke. Facts: Alibaba Cloud documentation "Request structure and signature
//! V3"; like the Go SDK this signs exactly `host`, `content-type` and every `x-acs-*` header. Nothing here reads a clock
//! or makes a nonce: every attempt brings its own.

use std::{collections::BTreeMap, fmt};

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::{credential::Credentials, request::ApiRequest, secret::AccessKeySecret};

/// Name of the algorithm, first word of the string to sign and of `Authorization`.
pub const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// Everything but `A-Z a-z 0-9 - _ . ~` is encoded; space is `%20`, `*` is `%2A`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Percent-encodes UTF-8 bytes in the way the canonical request wants them.
#[must_use]
pub fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// Encodes parameters, sorted by decoded name in byte order. The same text is signed and sent.
#[must_use]
pub fn canonical_query<N: AsRef<str>, V: AsRef<str>>(parameters: impl IntoIterator<Item = (N, V)>) -> String {
    let mut sorted: Vec<(N, V)> = parameters.into_iter().collect();
    sorted.sort_by(|(a, av), (b, bv)| (a.as_ref(), av.as_ref()).cmp(&(b.as_ref(), bv.as_ref())));
    let encoded: Vec<String> = sorted
        .iter()
        .map(|(name, value)| format!("{}={}", percent_encode(name.as_ref()), percent_encode(value.as_ref())))
        .collect();
    encoded.join("&")
}

/// Lower-case hex SHA-256.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A request as the signature sees it. `path` and `query` are already encoded.
///
/// `Debug` leaves header values out: one of them is the security token.
#[derive(Clone, PartialEq, Eq)]
pub struct CanonicalInput<'a> {
    /// Upper-case HTTP method.
    pub method: &'a str,
    /// Encoded path; empty counts as `/`.
    pub path: &'a str,
    /// Encoded query, sorted.
    pub query: &'a str,
    /// Headers in any order; names in any case; a name may repeat.
    pub headers: &'a [(String, String)],
    /// Lower-case hex SHA-256 of the body.
    pub body_sha256: &'a str,
}

impl fmt::Debug for CanonicalInput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("CanonicalInput")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &self.query)
            .field("header_names", &names)
            .finish_non_exhaustive()
    }
}

/// Which of `headers` to sign: `host`, `content-type` and every `x-acs-*`; lower case, sorted, once each.
#[must_use]
pub fn signed_header_names(headers: &[(String, String)]) -> Vec<String> {
    let mut names: Vec<String> = headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .filter(|name| name == "host" || name == "content-type" || name.starts_with("x-acs-"))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// First stage: the canonical request over the headers named in `signed`.
#[must_use]
pub fn canonical_request(input: &CanonicalInput<'_>, signed: &[String]) -> String {
    let mut values: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, value) in input.headers {
        values.entry(name.to_ascii_lowercase()).or_default().push(value.trim());
    }
    let mut headers = String::new();
    for name in signed {
        let mut repeated = values.get(name).cloned().unwrap_or_default();
        repeated.sort_unstable();
        headers.push_str(name);
        headers.push(':');
        headers.push_str(&repeated.join(","));
        headers.push('\n');
    }
    let path = if input.path.is_empty() { "/" } else { input.path };
    [input.method, path, input.query, &headers, &signed.join(";"), input.body_sha256].join("\n")
}

/// Second stage: the string to sign.
#[must_use]
pub fn string_to_sign(canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{}", sha256_hex(canonical_request.as_bytes()))
}

/// Third stage: the signature, lower-case hex.
#[must_use]
pub fn signature(secret: &AccessKeySecret, string_to_sign: &str) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length; see RFC 2104, section 2")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes any key length");
    mac.update(string_to_sign.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// Fourth stage: the value of the `Authorization` header.
#[must_use]
pub fn authorization(access_key_id: &str, signed: &[String], signature: &str) -> String {
    format!("{ALGORITHM} Credential={access_key_id},SignedHeaders={},Signature={signature}", signed.join(";"))
}

/// What differs between two attempts at the same call.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The `host` header exactly as it will be sent, with a port that is not the default.
    pub host: &'a str,
    /// The keys of this attempt.
    pub credentials: &'a Credentials,
    /// Date of this attempt, already corrected for clock skew.
    pub date: Timestamp,
    /// 32 lower-case hex digits, never used before.
    pub nonce: &'a str,
}

/// A request ready to send, signed unless the service wants no signature: send `path`, `query`, `headers` and `body` byte for byte.
///
/// `Debug` leaves the headers out: they carry the security token.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// Upper-case HTTP method.
    pub method: &'static str,
    /// Encoded path.
    pub path: String,
    /// Encoded query, empty if there is none.
    pub query: String,
    /// Headers, lower-case names, `authorization` last.
    pub headers: Vec<(String, String)>,
    /// Body bytes.
    pub body: Vec<u8>,
}

impl fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &self.query)
            .field("body_length", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The headers of one attempt that go under the signature.
#[must_use]
pub fn headers_to_sign(request: &ApiRequest, attempt: &Attempt<'_>, body_sha256: &str) -> Vec<(String, String)> {
    let action = request.action();
    let mut headers: Vec<(String, String)> = Vec::with_capacity(10);
    let mut add = |name: &str, value: &str| headers.push((name.to_owned(), value.to_owned()));
    if let Some(content_type) = request.body().content_type() {
        add("content-type", content_type);
    }
    add("host", attempt.host);
    if let Some(token) = &attempt.credentials.security_token {
        add("x-acs-accesskey-id", attempt.credentials.access_key_id.as_str());
        add("x-acs-security-token", token.expose());
    }
    add("x-acs-action", action.name);
    add("x-acs-content-sha256", body_sha256);
    add("x-acs-date", &acs_date(attempt.date));
    add("x-acs-signature-nonce", attempt.nonce);
    add("x-acs-version", action.product.version());
    headers
}

/// Signs one attempt at `request`.
#[must_use]
pub fn sign(request: &ApiRequest, attempt: &Attempt<'_>) -> SignedRequest {
    let body = request.body().bytes();
    let body_sha256 = sha256_hex(&body);
    let query = canonical_query(request.query_parameters().iter());
    let mut headers = headers_to_sign(request, attempt, &body_sha256);
    let signed = signed_header_names(&headers);
    let input = CanonicalInput {
        method: request.method().as_str(),
        path: request.path(),
        query: &query,
        headers: &headers,
        body_sha256: &body_sha256,
    };
    let to_sign = string_to_sign(&canonical_request(&input, &signed));
    let signature = signature(&attempt.credentials.access_key_secret, &to_sign);
    let authorization = authorization(attempt.credentials.access_key_id.as_str(), &signed, &signature);
    headers.push(("accept".to_owned(), "application/json".to_owned()));
    headers.push(("authorization".to_owned(), authorization));
    SignedRequest { method: request.method().as_str(), path: request.path().to_owned(), query, headers, body }
}

/// Prepares one attempt at a call that the service takes without a signature. What the signature's headers would say
/// goes into the query, as the official SDKs send it.
#[must_use]
pub fn unsigned(request: &ApiRequest, attempt: &Attempt<'_>) -> SignedRequest {
    let action = request.action();
    let date = acs_date(attempt.date);
    let common = [
        ("Action", action.name),
        ("Format", "JSON"),
        ("SignatureNonce", attempt.nonce),
        ("Timestamp", date.as_str()),
        ("Version", action.product.version()),
    ];
    let own = request.query_parameters().iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let query = canonical_query(common.into_iter().chain(own));
    let mut headers =
        vec![("accept".to_owned(), "application/json".to_owned()), ("host".to_owned(), attempt.host.to_owned())];
    if let Some(content_type) = request.body().content_type() {
        headers.push(("content-type".to_owned(), content_type.to_owned()));
    }
    let body = request.body().bytes();
    SignedRequest { method: request.method().as_str(), path: request.path().to_owned(), query, headers, body }
}

/// `YYYY-MM-DDTHH:MM:SSZ`: whole seconds, always UTC.
fn acs_date(date: Timestamp) -> String {
    // Whole seconds of a timestamp are always in range.
    let seconds = Timestamp::from_second(date.as_second()).unwrap_or(date);
    seconds.to_string()
}

#[cfg(test)]
#[path = "sign_tests.rs"]
mod tests;
