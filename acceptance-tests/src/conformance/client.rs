//! A plain HTTPS client that shows every byte of an answer: no retries, no defaults, one connection for each request.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use super::answer::Reply;
use super::{Caller, Case};
use crate::AcceptanceError;
use crate::control::Control;

/// Limit of one answer; watches of the cases end after two seconds.
const LIMIT: Duration = Duration::from_secs(60);
/// Who the sandbox's kubeconfig for people names.
const SANDBOX_ADMIN: &str = "sandbox-admin";

/// A server to ask, and how it is told what no request can say.
#[derive(Debug)]
pub struct Server {
    authority: String,
    administrator: Arc<ClientConfig>,
    nobody: Arc<ClientConfig>,
    means: Means,
}

/// How a caller without rights is made, and how history is forgotten.
#[derive(Debug)]
pub enum Means {
    /// By the sandbox's control endpoint.
    Sandbox(Control),
    /// By impersonation, and by the store's own address.
    Real {
        /// Where the store answers.
        store_url: String,
    },
}

fn failed(call: &str) -> impl Fn(String) -> AcceptanceError + '_ {
    move |reason| AcceptanceError::Control { call: call.to_owned(), reason }
}

impl Server {
    /// The server of a kubeconfig.
    ///
    /// # Errors
    /// If kubectl cannot read it.
    pub fn new(kubeconfig: &Path, means: Means) -> Result<Self, AcceptanceError> {
        let call = "kubectl config view";
        let failed = failed(call);
        let output = Command::new("kubectl")
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(["config", "view", "--raw", "--flatten", "--output", "json"])
            .stdin(Stdio::null())
            .output()
            .map_err(AcceptanceError::io("run kubectl"))?;
        let config: Value = serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))?;
        let text = |path: &str| config.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let pem = |path: &str| STANDARD.decode(text(path)).map_err(|error| failed(format!("{path}: {error}")));
        let unread = |error: rustls::pki_types::pem::Error| failed(error.to_string());
        let refused = |error: rustls::Error| failed(error.to_string());
        let mut roots = RootCertStore::empty();
        let authority = pem("/clusters/0/cluster/certificate-authority-data")?;
        roots.add(CertificateDer::from_pem_slice(&authority).map_err(unread)?).map_err(refused)?;
        let certificate = pem("/users/0/user/client-certificate-data")?;
        let key = pem("/users/0/user/client-key-data")?;
        let builder = || {
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map(|builder| builder.with_root_certificates(roots.clone()))
        };
        let administrator = builder()
            .map_err(refused)?
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(&certificate).map_err(unread)?],
                PrivateKeyDer::from_pem_slice(&key).map_err(unread)?,
            )
            .map_err(refused)?;
        Ok(Self {
            authority: text("/clusters/0/cluster/server").trim_start_matches("https://").to_owned(),
            administrator: Arc::new(administrator),
            nobody: Arc::new(builder().map_err(refused)?.with_no_client_auth()),
            means,
        })
    }

    /// Makes the server forget its history, so that old versions are gone.
    pub(super) fn compact(&self) -> Result<(), AcceptanceError> {
        match &self.means {
            Means::Sandbox(control) => control.post("/v1/kubernetes/compact", &json!({})).map(drop),
            Means::Real { store_url } => {
                let store = Control::new(store_url);
                // Any read tells the store's revision.
                let status = store.post("/v3/kv/range", &json!({"key": STANDARD.encode("/none")}))?;
                let revision = status.pointer("/header/revision").cloned().unwrap_or_default();
                store.post("/v3/kv/compaction", &json!({"revision": revision, "physical": true})).map(drop)
            }
        }
    }

    /// Asks one case.
    pub(super) fn ask(&self, case: &Case, path: &str, body: Option<&str>) -> Result<Reply, AcceptanceError> {
        let mut headers: BTreeMap<String, String> = BTreeMap::from([
            ("Accept".to_owned(), "application/json".to_owned()),
            ("User-Agent".to_owned(), "conformance/1".to_owned()),
        ]);
        headers.extend(case.headers.clone());
        if let Some(content_type) = &case.content_type {
            headers.insert("Content-Type".to_owned(), content_type.clone());
        }
        let mut config = &self.administrator;
        match (case.caller, &self.means) {
            (Caller::Administrator, _) => {}
            (Caller::Nobody, _) => config = &self.nobody,
            (Caller::Viewer, Means::Real { .. }) => {
                headers.insert("Impersonate-User".to_owned(), "viewer".to_owned());
            }
            (Caller::Viewer, Means::Sandbox(control)) => {
                let deny = |all: Value| control.post("/v1/kubernetes/permissions", &json!({"deny": all}));
                deny(json!([{"user": SANDBOX_ADMIN}]))?;
                let reply = self.exchange(config, case, path, &headers, body);
                deny(json!([]))?;
                let mut reply = reply?;
                reply.body = reply.body.replace(SANDBOX_ADMIN, "viewer");
                return Ok(reply);
            }
        }
        self.exchange(config, case, path, &headers, body)
    }

    fn exchange(
        &self,
        config: &Arc<ClientConfig>,
        case: &Case,
        path: &str,
        headers: &BTreeMap<String, String>,
        body: Option<&str>,
    ) -> Result<Reply, AcceptanceError> {
        let failed = failed(&case.name);
        let io = |error: std::io::Error| failed(error.to_string());
        let stream = TcpStream::connect(&self.authority).map_err(io)?;
        stream.set_read_timeout(Some(LIMIT)).map_err(io)?;
        let name = ServerName::try_from("127.0.0.1").map_err(|error| failed(error.to_string()))?;
        let connection = ClientConnection::new(Arc::clone(config), name).map_err(|error| failed(error.to_string()))?;
        let mut stream = StreamOwned::new(connection, stream);
        let mut request =
            format!("{} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", case.method, self.authority);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = body.unwrap_or_default();
        if !body.is_empty() || !matches!(case.method.as_str(), "GET" | "DELETE") {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        request.push_str(body);
        // A server that refuses a body before it is read closes early; what it said is read all the same.
        let written = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        if answer.is_empty() {
            written.map_err(io)?;
            read.map(drop).map_err(io)?;
        }
        parse(&answer).ok_or_else(|| failed(format!("not an HTTP answer: {}", String::from_utf8_lossy(&answer))))
    }
}

fn parse(answer: &[u8]) -> Option<Reply> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(answer.get(..end)?).ok()?;
    let mut lines = head.lines();
    let status = lines.next()?.split_whitespace().nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let is_chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let rest = answer.get(end + 4..)?;
    let body = if is_chunked { unchunked(rest) } else { rest.to_vec() };
    Some(Reply { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

/// The pieces put together; what breaks off ends the body.
fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = rest.get(..end).and_then(|line| std::str::from_utf8(line).ok());
        let Some(size) = size.and_then(|size| usize::from_str_radix(size.trim(), 16).ok()).filter(|size| *size > 0)
        else {
            break;
        };
        let Some(piece) = rest.get(end + 2..end + 2 + size) else { break };
        body.extend_from_slice(piece);
        rest = rest.get(end + 2 + size + 2..).unwrap_or_default();
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_put_together_and_headers_are_read() {
        let reply = parse(b"HTTP/1.1 200 OK\r\nWarning: 299 - \"x\"\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").unwrap();
        assert_eq!((reply.status, reply.body.as_str()), (200, "abcde"));
        assert_eq!(reply.headers[0], ("warning".to_owned(), "299 - \"x\"".to_owned()));
        assert_eq!(parse(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno").unwrap().body, "no");
    }
}
