//! A small client, written for the tests: HTTP/1.1 over a socket, and requests signed by hand.
//!
//! It shares no code with the sandbox's verifier or the provider's signer, and shows broken connections as they are.

use std::fmt::Write as _;
use std::io;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Status and code of an error, or `(200, "")`.
    pub(crate) fn outcome(&self) -> (u16, String) {
        let json = self.json();
        let code = json["Code"].as_str().or_else(|| json["code"].as_str()).unwrap_or_default();
        (self.status, code.to_owned())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&prefix))
    }
}

/// Sends a request on a connection of its own and reads until the server closes it.
pub(crate) async fn send(
    address: &str,
    method: &str,
    target: &str,
    headers: &[(String, String)],
    body: &str,
) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(address).await?;
    let mut text = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        write!(text, "{name}: {value}\r\n").unwrap();
    }
    text.push_str("\r\n");
    text.push_str(body);
    stream.write_all(text.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) =
        text.split_once("\r\n\r\n").ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "no answer"))?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    if let Some(announced) = head.lines().find_map(|line| line.strip_prefix("content-length: "))
        && announced.parse() != Ok(body.len())
    {
        let message = format!("{} of {announced} bytes", body.len());
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
    }
    Ok(Reply { status, head: head.to_owned(), body: body.to_owned() })
}

/// Asks a control endpoint.
pub(crate) async fn control(url: &str, method: &str, path: &str, body: &str) -> Reply {
    let address = url.strip_prefix("http://").unwrap();
    let headers = [("host".to_owned(), address.to_owned())];
    send(address, method, path, &headers, body).await.unwrap()
}

/// Percent-encoding of the signature.
pub(crate) fn enc(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
    }
    out
}

/// Somebody with an access key, talking to one address.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) address: String,
    pub(crate) key_id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
}

/// One call before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) version: &'a str,
    pub(crate) action: &'a str,
    pub(crate) query: &'a [(&'a str, &'a str)],
    pub(crate) form: &'a [(&'a str, &'a str)],
    pub(crate) nonce: String,
    pub(crate) date: String,
}

impl<'a> Call<'a> {
    pub(crate) fn rpc(version: &'a str, action: &'a str, query: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            method: "POST",
            path: "/",
            version,
            action,
            query,
            form: &[],
            nonce: uuid::Uuid::new_v4().simple().to_string(),
            date: ackone_sandbox::world::Clock::system().now().to_string(),
        }
    }

    pub(crate) fn form(self, form: &'a [(&'a str, &'a str)]) -> Self {
        Self { form, ..self }
    }

    pub(crate) fn get(self, path: &'a str) -> Self {
        Self { method: "GET", path, ..self }
    }
}

impl Client {
    /// Signs and sends a call.
    pub(crate) async fn call(&self, call: &Call<'_>) -> io::Result<Reply> {
        let pairs = |pairs: &[(&str, &str)]| {
            let mut sorted = pairs.to_vec();
            sorted.sort_unstable();
            sorted.iter().map(|(k, v)| format!("{}={}", enc(k), enc(v))).collect::<Vec<_>>().join("&")
        };
        let (query, body) = (pairs(call.query), pairs(call.form));
        let hash = hex::encode(Sha256::digest(body.as_bytes()));
        let mut headers = vec![
            ("host".to_owned(), self.address.clone()),
            ("x-acs-action".to_owned(), call.action.to_owned()),
            ("x-acs-content-sha256".to_owned(), hash.clone()),
            ("x-acs-date".to_owned(), call.date.clone()),
            ("x-acs-signature-nonce".to_owned(), call.nonce.clone()),
            ("x-acs-version".to_owned(), call.version.to_owned()),
        ];
        if !body.is_empty() {
            headers.push(("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
        }
        if let Some(token) = &self.token {
            headers.push(("x-acs-security-token".to_owned(), token.clone()));
            headers.push(("x-acs-accesskey-id".to_owned(), self.key_id.clone()));
        }
        headers.sort();
        let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
        let block: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical = format!("{}\n{}\n{query}\n{block}\n{names}\n{hash}", call.method, call.path);
        let to_sign = format!("ACS3-HMAC-SHA256\n{}", hex::encode(Sha256::digest(canonical.as_bytes())));
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).unwrap();
        mac.update(to_sign.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let authorization =
            format!("ACS3-HMAC-SHA256 Credential={},SignedHeaders={names},Signature={signature}", self.key_id);
        headers.push(("authorization".to_owned(), authorization));
        let target = if query.is_empty() { call.path.to_owned() } else { format!("{}?{query}", call.path) };
        send(&self.address, call.method, &target, &headers, &body).await
    }
}
