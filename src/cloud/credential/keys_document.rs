//! The JSON in which the instance metadata service and credentials URIs hand out keys.
//!
//! `{"Code":"Success","AccessKeyId","AccessKeySecret","SecurityToken","Expiration"}`: all members are required. What is
//! wrong with a document is said without quoting it.

use jiff::Timestamp;
use serde::Deserialize;

use super::Credentials;
use crate::cloud::{
    id::AccessKeyId,
    secret::{AccessKeySecret, SecretString, SecurityToken},
};

/// Longest document that is read, in bytes. Tokens have no documented limit; real ones stay below a few thousand bytes.
pub(super) const MAX_BYTES: usize = 64 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    access_key_id: Option<String>,
    #[serde(default)]
    access_key_secret: Option<SecretString>,
    #[serde(default)]
    security_token: Option<SecretString>,
    #[serde(default)]
    expiration: Option<String>,
}

/// Reads a document, or says what is wrong with it.
pub(super) fn read(bytes: &[u8]) -> Result<Credentials, String> {
    if bytes.len() > MAX_BYTES {
        return Err(format!("the answer is longer than {MAX_BYTES} bytes"));
    }
    let document: Document = serde_json::from_slice(bytes).map_err(|error| {
        let what = if error.is_data() { "is not the JSON of keys" } else { "is not JSON" };
        format!("the answer {what} (line {}, column {})", error.line(), error.column())
    })?;
    if !is_object(bytes) {
        return Err("the answer is not the JSON of keys".to_owned());
    }
    if document.code.as_deref() != Some("Success") {
        return Err("the answer's Code is not Success".to_owned());
    }
    let missing = |member: &str| format!("the answer has no {member}");
    let secret = |member: &str, value: Option<SecretString>| {
        value.filter(|value| !value.is_empty()).ok_or_else(|| missing(member))
    };
    let id = document.access_key_id.filter(|id| !id.is_empty()).ok_or_else(|| missing("AccessKeyId"))?;
    let expiration = document.expiration.ok_or_else(|| missing("Expiration"))?;
    Ok(Credentials {
        access_key_id: AccessKeyId::new(id),
        access_key_secret: AccessKeySecret::from(secret("AccessKeySecret", document.access_key_secret)?),
        security_token: Some(SecurityToken::from(secret("SecurityToken", document.security_token)?)),
        expires_at: Some(end(&expiration).ok_or("the answer's Expiration is not a date")?),
    })
}

/// Whether a JSON text is an object: the parser would read members from a list, too, by their place.
pub(super) fn is_object(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{")
}

/// An end as the services write it: RFC 3339.
pub(super) fn end(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_read_with_their_end() {
        let keys = read(
            br#"{"Code":"Success","AccessKeyId":"STS.1","AccessKeySecret":"s","SecurityToken":"t",
                 "Expiration":"2024-05-06T08:00:00Z","LastUpdated":"2024-05-06T02:00:00Z"}"#,
        )
        .unwrap();
        assert_eq!((keys.access_key_id.as_str(), keys.access_key_secret.expose()), ("STS.1", "s"));
        assert_eq!(keys.security_token.unwrap().expose(), "t");
        assert_eq!(keys.expires_at.unwrap().to_string(), "2024-05-06T08:00:00Z");
    }

    #[test]
    fn what_is_wrong_is_said_without_quoting_it() {
        let whole = json!({"Code": "Success", "AccessKeyId": "i", "AccessKeySecret": "canary", "SecurityToken": "canary",
                           "Expiration": "2024-05-06T08:00:00Z"});
        let with = |member: &str, value: serde_json::Value| {
            let mut document = whole.clone();
            document[member] = value;
            document.to_string()
        };
        for (document, expected) in [
            ("<html>canary".to_owned(), "the answer is not JSON (line 1, column 1)"),
            ("[\"canary\"]".to_owned(), "the answer is not the JSON of keys"),
            (with("AccessKeySecret", json!({"canary": 1})), "the answer is not the JSON of keys"),
            (with("Code", json!("canary")), "the answer's Code is not Success"),
            (with("AccessKeyId", json!("")), "the answer has no AccessKeyId"),
            (with("AccessKeySecret", json!("")), "the answer has no AccessKeySecret"),
            (with("SecurityToken", json!(null)), "the answer has no SecurityToken"),
            (with("Expiration", json!(null)), "the answer has no Expiration"),
            (with("Expiration", json!("canary")), "the answer's Expiration is not a date"),
            (format!("{{{}", " ".repeat(MAX_BYTES)), "the answer is longer than"),
        ] {
            let error = read(document.as_bytes()).unwrap_err();
            assert!(error.starts_with(expected), "{error} is not {expected}");
            assert!(!error.contains("canary"), "{error}");
        }
    }
}
