//! What an answer says: success, or which error. Pure.
//!
//! Products differ in the spelling of error members (`Code`, `code`), a body may be XML or a proxy's HTML, and the
//! request id may be in a header only. Everything is bounded and scrubbed of the keys of the call.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    credential::Credentials,
    error::{ApiFailure, excerpt},
    id::RequestId,
    request::{ApiRequest, Body, Product},
    retry::classify,
    secret::REDACTED,
    sign::percent_encode,
    transport::RawAnswer,
};

/// Members whose values no log shows, in lower case. Answers that are secret as a whole are marked at the request.
const SECRET_MEMBERS: [&str; 16] = [
    "accesskeysecret",
    "securitytoken",
    "kubeconfig",
    "config",
    "oidctoken",
    "key",
    "cert",
    "privatekey",
    "signprivatekey",
    "encryptprivatekey",
    "signcert",
    "encryptcert",
    "token",
    "password",
    "authorization",
    "encodeddiagnosticmessage",
];

/// Milliseconds the service asks to wait; only positive values count.
pub(super) fn retry_after(answer: &RawAnswer) -> Option<Duration> {
    let milliseconds: u64 = answer.header("x-acs-retry-after")?.trim().parse().ok()?;
    (milliseconds > 0).then(|| Duration::from_millis(milliseconds))
}

/// The service's own date.
pub(super) fn date(answer: &RawAnswer) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(answer.header("date")?).ok().map(|date| date.timestamp())
}

/// The request id: the header's, which every product may send, else the body's.
pub(super) fn request_id(answer: &RawAnswer) -> Option<RequestId> {
    #[derive(serde::Deserialize)]
    struct Body {
        #[serde(default, rename = "RequestId", alias = "requestId", alias = "request_id")]
        request_id: Option<String>,
    }
    let in_header = answer.header("x-acs-request-id").map(str::to_owned);
    let in_body = || serde_json::from_slice::<Body>(&answer.body).ok().and_then(|body| body.request_id);
    let found = in_header.filter(|id| !id.is_empty()).or_else(in_body);
    found.filter(|id| !id.is_empty()).map(|id| RequestId::new(excerpt(&id)))
}

/// Reads an error answer.
pub(super) fn failure(product: Product, answer: &RawAnswer, credentials: &Credentials) -> ApiFailure {
    let text = String::from_utf8_lossy(&answer.body);
    let members = match serde_json::from_slice::<Value>(&answer.body) {
        Ok(Value::Object(members)) => Some(members),
        Ok(_) | Err(_) => xml_error(answer, &text),
    };
    // Scrubbed before it is cut: half a token would be recognised no more.
    let clean = |text: &str| excerpt(&scrub(text, credentials));
    let (code, message, request_id_in_body, access_denied) = match &members {
        Some(members) => (
            clean(&text_of(members, "code").unwrap_or_default()),
            clean(&text_of(members, "message").unwrap_or_default()),
            text_of(members, "requestId"),
            access_denied(members, &clean),
        ),
        None => (String::new(), clean(&text), None, BTreeMap::new()),
    };
    let class = classify(product, answer.status, &code, &message, retry_after(answer).is_some());
    let in_body = request_id_in_body.filter(|id| !id.is_empty()).map(|id| RequestId::new(excerpt(&id)));
    ApiFailure {
        status: answer.status,
        code,
        message,
        request_id: in_body.or_else(|| request_id(answer)),
        access_denied,
        class,
    }
}

/// Replaces the call's secrets, raw and percent-encoded.
pub(super) fn scrub(text: &str, credentials: &Credentials) -> String {
    let mut clean = text.to_owned();
    let secret = Some(credentials.access_key_secret.expose());
    let token = credentials.security_token.as_ref().map(super::secret::SecurityToken::expose);
    for known in secret.into_iter().chain(token).filter(|known| !known.is_empty()) {
        let once = percent_encode(known);
        let twice = percent_encode(&once);
        for spelling in [twice.as_str(), once.as_str(), known] {
            clean = clean.replace(spelling, REDACTED);
        }
    }
    clean
}

/// `name` in either case of its first letter, as text.
fn text_of(members: &Map<String, Value>, name: &str) -> Option<String> {
    let mut letters = name.chars();
    let upper: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    match members.get(&upper).or_else(|| members.get(name))? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn access_denied(members: &Map<String, Value>, clean: &impl Fn(&str) -> String) -> BTreeMap<String, String> {
    let detail = members.get("AccessDeniedDetail").or_else(|| members.get("accessDeniedDetail"));
    let Some(Value::Object(detail)) = detail else { return BTreeMap::new() };
    let texts = detail.iter().filter_map(|(name, value)| {
        // The encoded message is long and useless when cut: keep it whole.
        let text = value.as_str()?;
        let text = if name == "EncodedDiagnosticMessage" { text.to_owned() } else { clean(text) };
        Some((name.clone(), text))
    });
    texts.collect()
}

/// `<Error><Code>…</Code><Message>…</Message><RequestId>…</RequestId></Error>`, which some gateways send.
fn xml_error(answer: &RawAnswer, text: &str) -> Option<Map<String, Value>> {
    let content_type = answer.header("content-type").unwrap_or_default();
    if !content_type.contains("xml") {
        return None;
    }
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        let (value, _) = rest.split_once(&format!("</{name}>"))?;
        Some((name.to_owned(), Value::String(value.trim().to_owned())))
    };
    let members: Map<String, Value> =
        ["Code", "Message", "RequestId"].iter().filter_map(|name| element(name)).collect();
    members.contains_key("Code").then_some(members)
}

/// A body fit for TRACE: known secret members replaced; what is not JSON only by its length.
pub(super) fn redacted_body(body: &[u8], credentials: &Credentials) -> String {
    match serde_json::from_slice::<Value>(body) {
        Ok(mut value) => {
            redact(&mut value);
            scrub(&value.to_string(), credentials)
        }
        Err(_) => format!("[{} bytes, not JSON]", body.len()),
    }
}

/// A request's parameters fit for TRACE: `name=value`, secret ones replaced.
pub(super) fn redacted_parameters(request: &ApiRequest, credentials: &Credentials) -> String {
    let form = match request.body() {
        Body::Form(form) => form.iter().collect(),
        Body::Empty | Body::Json(_) => Vec::new(),
    };
    let mut texts: Vec<String> = request
        .query_parameters()
        .iter()
        .chain(form)
        .map(|(name, value)| {
            let shown = if is_secret(name.rsplit('.').next().unwrap_or(name)) { REDACTED } else { value };
            format!("{name}={shown}")
        })
        .collect();
    if let Body::Json(text) = request.body() {
        texts.push(redacted_body(text.as_bytes(), credentials));
    }
    scrub(&texts.join(" "), credentials)
}

fn is_secret(name: &str) -> bool {
    SECRET_MEMBERS.contains(&name.replace('_', "").to_ascii_lowercase().as_str())
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if is_secret(name) {
                    *member = Value::String(REDACTED.to_owned());
                } else {
                    redact(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};
    use zeroize::Zeroizing;

    use super::*;
    use crate::cloud::{
        retry::FailureClass,
        secret::{AccessKeySecret, SecurityToken},
    };

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> RawAnswer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        RawAnswer { status, headers: map, body: Zeroizing::new(body.as_bytes().to_vec()) }
    }

    fn keys() -> Credentials {
        Credentials {
            access_key_id: "id".into(),
            access_key_secret: AccessKeySecret::new("canary-secret"),
            security_token: Some(SecurityToken::new("canary+token/==")),
            expires_at: None,
        }
    }

    #[test]
    fn both_spellings_of_the_members_are_read() {
        let upper = r#"{"RequestId":"R","Code":"Cluster.NotFound","Message":"no such fleet","HostId":"h"}"#;
        let lower = r#"{"requestId":"R","code":"ErrorClusterNotFound","message":"no such cluster"}"#;
        for (product, body, code) in
            [(Product::Adcp, upper, "Cluster.NotFound"), (Product::Cs, lower, "ErrorClusterNotFound")]
        {
            let failure = failure(product, &answer(404, &[], body), &keys());
            assert_eq!((failure.code.as_str(), failure.status), (code, 404));
            assert_eq!(failure.request_id.unwrap().as_str(), "R");
        }
    }

    #[test]
    fn a_page_of_a_proxy_keeps_status_and_a_bounded_excerpt() {
        let page = format!("<html>\n<body>Bad Gateway {}</body></html>", "x".repeat(5000));
        let failure = failure(Product::Adcp, &answer(502, &[("x-acs-request-id", "H")], &page), &keys());
        assert_eq!(failure.code, "");
        assert!(failure.message.starts_with("<html> <body>Bad Gateway xxx"), "{}", failure.message);
        assert!(failure.message.chars().count() < 320);
        assert_eq!(failure.class, FailureClass::Ambiguous);
        assert_eq!(failure.request_id.unwrap().as_str(), "H");
    }

    #[test]
    fn an_xml_error_is_read() {
        let body = "<?xml version='1.0'?><Error><RequestId>R</RequestId><Code>Throttling.User</Code></Error>";
        let failure =
            failure(Product::Adcp, &answer(400, &[("content-type", "text/xml;charset=utf-8")], body), &keys());
        assert_eq!((failure.code.as_str(), failure.class), ("Throttling.User", FailureClass::Throttled));
    }

    #[test]
    fn the_denial_is_kept_member_by_member() {
        let body = r#"{"Code":"NoPermission","Message":"m","AccessDeniedDetail":{"AuthAction":"adcp:AttachClusterToHub",
            "NoPermissionType":"ImplicitDeny","Odd":7}}"#;
        let failure = failure(Product::Adcp, &answer(403, &[], body), &keys());
        assert_eq!(failure.access_denied["AuthAction"], "adcp:AttachClusterToHub");
        assert_eq!(failure.access_denied.len(), 2);
    }

    #[test]
    fn a_token_that_the_excerpt_would_cut_is_not_shown_in_part() {
        let token = "canary".repeat(100);
        let keys = Credentials { security_token: Some(SecurityToken::new(token.clone())), ..keys() };
        let body = format!(r#"{{"Code":"SignatureDoesNotMatch","Message":"string to sign: {token} and more"}}"#);
        let failure = failure(Product::Adcp, &answer(400, &[], &body), &keys);
        assert_eq!(failure.message, format!("string to sign: {REDACTED} and more"));
    }

    #[test]
    fn a_message_that_quotes_the_string_to_sign_shows_no_token() {
        let body = r#"{"Code":"SignatureDoesNotMatch","Message":"server string to sign is:x-acs-security-token:canary+token/== canary%2Btoken%2F%3D%3D canary%252Btoken%252F%253D%253D canary-secret"}"#;
        let failure = failure(Product::Adcp, &answer(400, &[], body), &keys());
        assert!(!failure.message.contains("canary"), "{}", failure.message);
        assert!(failure.to_string().contains(REDACTED));
    }

    #[test]
    fn the_wait_the_service_asks_for_is_milliseconds_and_positive() {
        let asked = |value: &str| retry_after(&answer(400, &[("x-acs-retry-after", value)], ""));
        assert_eq!(asked("1500"), Some(Duration::from_millis(1500)));
        for odd in ["0", "-5", "soon", ""] {
            assert_eq!(asked(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn the_date_header_is_read() {
        let date = date(&answer(400, &[("date", "Mon, 06 May 2024 07:08:09 GMT")], "")).unwrap();
        assert_eq!(date.to_string(), "2024-05-06T07:08:09Z");
    }

    #[test]
    fn traced_parameters_show_no_secret() {
        let request = ApiRequest::rpc(Product::Cas, "UploadUserCertificate")
            .query("Name", "shown")
            .query("Echo", "canary-secret")
            .form("Key", "canary-pem")
            .form("Tags", serde_json::json!([{"Key": "canary-tag", "Value": "v"}]));
        let traced = redacted_parameters(&request, &keys());
        assert!(!traced.contains("canary") && traced.contains("Name=shown"), "{traced}");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_make_a_bounded_failure(
            body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..2000),
            status in 400u16..600,
        ) {
            let mut answer = answer(status, &[("content-type", "text/xml")], "");
            answer.body = Zeroizing::new(body);
            let failure = failure(Product::Adcp, &answer, &keys());
            proptest::prop_assert!(failure.to_string().chars().count() < 1000);
            proptest::prop_assert!(!failure.message.contains('\n'));
        }
    }

    #[test]
    fn a_traced_body_shows_no_secret_member() {
        let body = r#"{"Credentials":{"AccessKeySecret":"canary-1","SecurityToken":"canary-2"},"kubeconfig":"canary-3",
            "Clusters":[{"private_key":"canary-4","Name":"shown"}],"Note":"canary-secret"}"#;
        let traced = redacted_body(body.as_bytes(), &keys());
        assert!(!traced.contains("canary") && traced.contains("shown"), "{traced}");
        assert_eq!(redacted_body(b"apiVersion: v1 canary", &keys()), "[21 bytes, not JSON]");
    }
}
