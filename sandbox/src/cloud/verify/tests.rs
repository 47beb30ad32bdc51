//! Vectors of the official SDK and of the public documentation, and every way to spoil a signed request.
//!
//! `testdata/v3_vectors.json` holds, for each vector, the request, its signed headers, the hash in its string to sign and
//! its signature. V3-00 is the documentation's own example; the others were computed by the official Python SDK.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::*;
use crate::world::Secret;

const DATE: &str = "2024-05-06T07:08:09Z";

#[derive(Deserialize)]
struct Vector {
    id: String,
    pins: String,
    access_key_id: String,
    access_key_secret: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
    signed_headers: String,
    string_to_sign_hash: String,
    signature: String,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../testdata/v3_vectors.json")).unwrap()
}

fn vector(id: &str) -> Vector {
    vectors().into_iter().find(|vector| vector.id == id).unwrap()
}

impl Vector {
    fn request(&self) -> WireRequest {
        let mut headers = self.headers.clone();
        let authorization = format!(
            "ACS3-HMAC-SHA256 Credential={},SignedHeaders={},Signature={}",
            self.access_key_id, self.signed_headers, self.signature
        );
        headers.push(("authorization".to_owned(), authorization));
        WireRequest {
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            headers,
            body: self.body.clone().into_bytes(),
        }
    }

    fn key(&self) -> AccessKey {
        let token = self.headers.iter().find(|(name, _)| name == "x-acs-security-token");
        AccessKey {
            id: self.access_key_id.clone(),
            secret: Secret::new(self.access_key_secret.as_str()),
            token: token.map(|(_, value)| Secret::new(value.as_str())),
            expires: None,
            active: true,
            principal: "tester".to_owned(),
            principal_id: "2".to_owned(),
            assumed_role: false,
            denied: BTreeSet::new(),
            allowed: None,
            kubernetes_groups: Vec::new(),
        }
    }

    fn date(&self) -> Moment {
        let (_, date) = self.headers.iter().find(|(name, _)| name == "x-acs-date").unwrap();
        Moment::parse(date).unwrap()
    }
}

fn check(request: &WireRequest, key: &AccessKey, now: Moment) -> Result<AccessKey, ApiError> {
    check_with(request, key, now, &mut NonceStore::default())
}

fn check_with(
    request: &WireRequest,
    key: &AccessKey,
    now: Moment,
    nonces: &mut NonceStore,
) -> Result<AccessKey, ApiError> {
    verify(request, &|id| (id == key.id).then(|| key.clone()), nonces, now)
}

fn code(result: Result<AccessKey, ApiError>) -> (u16, String) {
    let error = result.unwrap_err();
    (error.status, error.code)
}

fn set(request: &mut WireRequest, name: &str, value: &str) {
    request.headers.iter_mut().find(|(candidate, _)| candidate == name).unwrap().1 = value.to_owned();
}

#[test]
fn every_vector_verifies() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 16);
    for vector in &vectors {
        let request = vector.request();
        let signed: Vec<&str> = vector.signed_headers.split(';').collect();
        let canonical = v3::canonical_request(&request, &signed);
        assert_eq!(
            sha256_hex(canonical.as_bytes()),
            vector.string_to_sign_hash,
            "{} {}\n{canonical}",
            vector.id,
            vector.pins
        );
        let caller = check(&request, &vector.key(), vector.date());
        assert_eq!(caller.map(|key| key.id), Ok(vector.access_key_id.clone()), "{} {}", vector.id, vector.pins);
    }
}

#[test]
fn a_changed_request_is_refused_in_every_vector() {
    for vector in vectors() {
        let (key, now) = (vector.key(), vector.date());
        let refused = |what: &str, spoil: &dyn Fn(&mut WireRequest)| {
            let mut request = vector.request();
            spoil(&mut request);
            let got = code(check(&request, &key, now));
            assert_eq!(got, (400, "SignatureDoesNotMatch".to_owned()), "{}: {what}", vector.id);
        };
        refused("method", &|r| r.method = "PUT".to_owned());
        refused("path", &|r| r.path.push_str("/more"));
        refused("query", &|r| r.query.push_str("&More=1"));
        refused("body", &|r| r.body.push(b' '));
        refused("host", &|r| set(r, "host", "elsewhere"));
        refused("action", &|r| set(r, "x-acs-action", "DeleteHubCluster"));
        refused("version", &|r| set(r, "x-acs-version", "2000-01-01"));
        refused("nonce", &|r| set(r, "x-acs-signature-nonce", "another"));
        let mut other = vector.key();
        other.secret = Secret::new("wrong");
        assert_eq!(code(check(&vector.request(), &other, now)).1, "SignatureDoesNotMatch", "{}: secret", vector.id);
    }
}

#[test]
fn a_plus_for_a_space_in_the_query_verifies_too() {
    let vector = vector("V3-04");
    let mut request = vector.request();
    request.query = request.query.replace("%20", "+");
    assert!(request.query.contains('+'));
    assert!(check(&request, &vector.key(), vector.date()).is_ok());
}

#[test]
fn a_used_nonce_is_refused_and_an_unverified_one_is_not_used_up() {
    let vector = vector("V3-02");
    let (request, key, now) = (vector.request(), vector.key(), vector.date());
    let mut nonces = NonceStore::default();
    let mut forged = request.clone();
    forged.query.push_str("&More=1");
    assert_eq!(code(check_with(&forged, &key, now, &mut nonces)).1, "SignatureDoesNotMatch");
    assert!(check_with(&request, &key, now, &mut nonces).is_ok());
    assert_eq!(code(check_with(&request, &key, now, &mut nonces)), (400, "SignatureNonceUsed".to_owned()));
}

#[test]
fn dates_more_than_fifteen_minutes_off_are_refused_on_both_sides() {
    let vector = vector("V3-02");
    let (request, key, now) = (vector.request(), vector.key(), vector.date());
    for off in [WINDOW_SECONDS, -WINDOW_SECONDS] {
        assert!(check(&request, &key, now.plus_seconds(off)).is_ok(), "{off}");
        let past = now.plus_seconds(off + off.signum());
        assert_eq!(code(check(&request, &key, past)), (400, "InvalidTimeStamp.Expired".to_owned()), "{off}");
    }
    let mut odd = request;
    set(&mut odd, "x-acs-date", "20240506T070809Z");
    assert_eq!(code(check(&odd, &key, now)).1, "InvalidTimeStamp.Format");
}

#[test]
fn headers_that_must_be_signed_or_sent_are_demanded() {
    let vector = vector("V3-08");
    let (key, now) = (vector.key(), vector.date());
    for name in ["host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-security-token"]
    {
        let mut unsigned = vector.request();
        let list = vector.signed_headers.split(';').filter(|signed| *signed != name).collect::<Vec<_>>().join(";");
        let authorization = format!("ACS3-HMAC-SHA256 Credential={},SignedHeaders={list},Signature=00", key.id);
        set(&mut unsigned, "authorization", &authorization);
        let error = check(&unsigned, &key, now).unwrap_err();
        assert_eq!(error.code, "IncompleteSignature", "{name} not signed");
        assert!(error.message.contains(name), "{}", error.message);
    }
    for name in ["x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256", "x-acs-action", "host"] {
        let mut absent = vector.request();
        absent.headers.retain(|(candidate, _)| candidate != name);
        assert_eq!(code(check(&absent, &key, now)).1, "IncompleteSignature", "{name} absent");
    }
    let mut extra = vector.request();
    extra.headers.push(("x-acs-later".to_owned(), "1".to_owned()));
    assert_eq!(code(check(&extra, &key, now)).1, "IncompleteSignature", "an x-acs header added on the way");
    extra.headers.pop();
    extra.headers.push(("x-forwarded-for".to_owned(), "1".to_owned()));
    assert!(check(&extra, &key, now).is_ok(), "other headers may be added on the way");
}

#[test]
fn a_malformed_or_unknown_authorization_is_named() {
    let vector = vector("V3-02");
    let (key, now) = (vector.key(), vector.date());
    for (authorization, want) in [
        ("garbage", "IncompleteSignature"),
        ("ACS3-HMAC-SHA256 Credential=testAccessKeyId", "IncompleteSignature"),
        ("ACS3-HMAC-SHA256 Credential=testAccessKeyId,SignedHeaders=host,Signature=", "IncompleteSignature"),
        ("AWS4-HMAC-SHA256 Credential=testAccessKeyId,SignedHeaders=host,Signature=00", "InvalidSignatureMethod"),
    ] {
        let mut request = vector.request();
        set(&mut request, "authorization", authorization);
        assert_eq!(code(check(&request, &key, now)).1, want, "{authorization}");
    }
    let mut unsigned = vector.request();
    unsigned.headers.retain(|(name, _)| name != "authorization");
    assert_eq!(code(check(&unsigned, &key, now)).1, "IncompleteSignature");
}

#[test]
fn keys_and_tokens_are_checked() {
    let now = Moment::parse(DATE).unwrap();
    let (fixed, temporary) = (vector("V3-02"), vector("V3-08"));
    let mut unknown = fixed.key();
    unknown.id = "another".to_owned();
    assert_eq!(code(check(&fixed.request(), &unknown, now)), (404, "InvalidAccessKeyId.NotFound".to_owned()));
    let mut disabled = fixed.key();
    disabled.active = false;
    assert_eq!(code(check(&fixed.request(), &disabled, now)), (400, "InvalidAccessKeyId.Inactive".to_owned()));

    let mut expired = temporary.key();
    expired.expires = Some(now);
    assert_eq!(code(check(&temporary.request(), &expired, now)), (400, "InvalidSecurityToken.Expired".to_owned()));
    expired.expires = Some(now.plus_seconds(1));
    assert!(check(&temporary.request(), &expired, now).is_ok());
    let mut other = temporary.key();
    other.token = Some(Secret::new("CAISanother"));
    let mismatch = "InvalidSecurityToken.MismatchWithAccessKey";
    assert_eq!(code(check(&temporary.request(), &other, now)).1, mismatch);
    let mut fixed_key = temporary.key();
    fixed_key.token = None;
    assert_eq!(code(check(&temporary.request(), &fixed_key, now)).1, mismatch, "a token with a static key");
    let mut needs_token = fixed.key();
    needs_token.token = Some(Secret::new("CAISx"));
    assert_eq!(code(check(&fixed.request(), &needs_token, now)).1, "MissingSecurityToken");
    let mut malformed = temporary.request();
    set(&mut malformed, "x-acs-security-token", "token");
    assert_eq!(code(check(&malformed, &temporary.key(), now)).1, "InvalidSecurityToken.Malformed");
    let mut named = temporary.request();
    set(&mut named, "x-acs-accesskey-id", "another");
    assert_eq!(code(check(&named, &temporary.key(), now)).1, "IncompleteSignature");
}

/// The two vectors of signature version 1, from the official SDK.
const V1: [(&str, &str, &str, &str); 2] = [
    (
        "GET",
        "AccessKeyId=testAccessKeyId&Action=DescribeRegions&Format=json&Language=en&SignatureMethod=HMAC-SHA1&SignatureNonce=3f9c1e7ab2d84c05a6e1f0938d7b4c21&SignatureVersion=1.0&Timestamp=2024-05-06T07%3A08%3A09Z&Version=2022-01-01",
        "",
        "uIIj68T1pYpKDgMMltW4h4wr7AA=",
    ),
    (
        "POST",
        "AccessKeyId=testAccessKeyId&Action=AttachClusterToHub&ClusterId=c1a2b3c4d5e6f7081929a3b4c5d6e7f80&Format=json&SecurityToken=CAISexampleSecurityToken%2B%2F%3D%3D&SignatureMethod=HMAC-SHA1&SignatureNonce=3f9c1e7ab2d84c05a6e1f0938d7b4c21&SignatureVersion=1.0&Timestamp=2024-05-06T07%3A08%3A09Z&Version=2022-01-01",
        "ClusterIds=%5B%22c0ffee11223344556677889900aabbcc1%22%5D",
        "Bf4djpS5IubTaZ/aqMx1O4wHUD4=",
    ),
];

fn v1_request(index: usize) -> (WireRequest, AccessKey) {
    let (method, query, form, signature) = V1[index];
    let mut key = vector(if index == 0 { "V3-02" } else { "V3-08" }).key();
    key.id = "testAccessKeyId".to_owned();
    let request = WireRequest {
        method: method.to_owned(),
        path: "/".to_owned(),
        query: format!("{query}&Signature={}", crate::cloud::wire::encode(signature)),
        headers: vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())],
        body: form.as_bytes().to_vec(),
    };
    (request, key)
}

#[test]
fn version_one_vectors_verify_and_their_changes_do_not() {
    let now = Moment::parse(DATE).unwrap();
    for index in 0..V1.len() {
        let (request, key) = v1_request(index);
        let mut nonces = NonceStore::default();
        assert!(check_with(&request, &key, now, &mut nonces).is_ok(), "V1-0{}", index + 1);
        assert_eq!(code(check_with(&request, &key, now, &mut nonces)).1, "SignatureNonceUsed");
        let mut changed = request.clone();
        changed.query.push_str("&More=1");
        assert_eq!(code(check(&changed, &key, now)).1, "SignatureDoesNotMatch");
        let mut changed = request.clone();
        changed.method = "PUT".to_owned();
        assert_eq!(code(check(&changed, &key, now)).1, "SignatureDoesNotMatch");
        let late = now.plus_seconds(WINDOW_SECONDS + 1);
        assert_eq!(code(check(&request, &key, late)).1, "InvalidTimeStamp.Expired");
    }
}
