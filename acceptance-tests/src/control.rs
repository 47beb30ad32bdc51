//! The sandbox's control endpoint, asked over a plain socket.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::AcceptanceError;

/// Limit of one exchange; the endpoint answers from memory.
const LIMIT: Duration = Duration::from_secs(20);

/// The control endpoint of a running sandbox.
#[derive(Clone, Debug)]
pub struct Control {
    authority: String,
}

impl Control {
    /// The endpoint at a URL such as `http://127.0.0.1:4321`.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let authority = url.trim_start_matches("http://").trim_end_matches('/');
        Self { authority: authority.to_owned() }
    }

    /// `GET`.
    ///
    /// # Errors
    /// If the endpoint does not answer with success and JSON.
    pub fn get(&self, path: &str) -> Result<Value, AcceptanceError> {
        self.call("GET", path, None)
    }

    /// `POST` with a JSON body.
    ///
    /// # Errors
    /// If the endpoint does not answer with success and JSON.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, AcceptanceError> {
        self.call("POST", path, Some(body))
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// If the endpoint does not answer with success and JSON.
    pub fn delete(&self, path: &str) -> Result<Value, AcceptanceError> {
        self.call("DELETE", path, None)
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, AcceptanceError> {
        let failed = |reason: String| AcceptanceError::Control { call: format!("{method} {path}"), reason };
        let io = |error: std::io::Error| failed(error.to_string());
        let mut stream = TcpStream::connect(&self.authority).map_err(io)?;
        stream.set_read_timeout(Some(LIMIT)).map_err(io)?;
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.authority,
            body.len()
        );
        stream.write_all(request.as_bytes()).map_err(io)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(io)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| failed("no HTTP answer".to_owned()))?;
        let status = head.split_whitespace().nth(1).unwrap_or_default();
        if !status.starts_with('2') {
            return Err(failed(format!("status {status}: {body}")));
        }
        if body.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(body).map_err(|error| failed(format!("{error} in {body}")))
    }
}
