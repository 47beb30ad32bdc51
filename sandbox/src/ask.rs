//! Asking a running sandbox's control endpoint, for the subcommands that print what it knows.
//!
//! One request over one plain socket to loopback; a client library would be larger than this whole job.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

/// How long an answer may take; the endpoint answers from memory.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum AskError {
    /// Nobody listens there, or the connection broke.
    #[error("the sandbox at {url} does not answer: {source}")]
    Io {
        /// The control endpoint.
        url: String,
        /// Why not.
        source: io::Error,
    },
    /// What came back is no answer of a control endpoint.
    #[error("{url} is no sandbox's control endpoint: {reason}")]
    Foreign {
        /// The control endpoint.
        url: String,
        /// What is wrong.
        reason: String,
    },
}

/// What the control endpoint answers to a GET.
///
/// # Errors
/// When it cannot be reached or answers something else than success and JSON.
pub fn get(url: &str, path: &str) -> Result<Value, AskError> {
    let foreign = |reason: String| AskError::Foreign { url: url.to_owned(), reason };
    let authority = url.strip_prefix("http://").ok_or_else(|| foreign("its address is no http URL".to_owned()))?;
    let answer = exchange(authority, path).map_err(|source| AskError::Io { url: url.to_owned(), source })?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| foreign("no HTTP answer".to_owned()))?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    if status != "200" {
        return Err(foreign(format!("{path} is answered with status {status}")));
    }
    serde_json::from_str(body).map_err(|error| foreign(error.to_string()))
}

fn exchange(authority: &str, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(authority)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // HTTP/1.0: the answer is not chunked and ends with the connection. One write, so that one read gets all of it.
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {authority}\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::net::TcpListener;

    use super::*;

    fn answering(text: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // The whole request: what is left unread when the connection closes resets it.
            let lines = BufReader::new(&stream).lines().map(Result::unwrap);
            let request: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            assert_eq!(request[0], "GET /v1/health HTTP/1.0");
            assert!(request[1].starts_with("Host: 127.0.0.1:"));
            stream.write_all(text.as_bytes()).unwrap();
        });
        url
    }

    #[test]
    fn success_with_json_is_an_answer_and_nothing_else_is() {
        let url = answering("HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{\"status\": \"ok\"}\n");
        assert_eq!(get(&url, "/v1/health").unwrap()["status"], "ok");
        for (text, expected) in [
            ("HTTP/1.0 404 Not Found\r\n\r\n{}", "status 404"),
            ("HTTP/1.0 200 OK\r\n\r\n<html>", "expected value"),
            ("220 mail.example.com ESMTP\r\n", "no HTTP answer"),
        ] {
            let message = get(&answering(text), "/v1/health").unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn nobody_there_is_said() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        assert!(get(&url, "/v1/health").unwrap_err().to_string().contains("does not answer"));
    }
}
