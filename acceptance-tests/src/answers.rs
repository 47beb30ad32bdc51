//! Servers that answer one thing only, for the symptoms that a probe of a gateway can meet.
//!
//! [`Answer`] speaks just enough HTTP/2 in clear text (RFC 9113, RFC 7541) to answer each request with fixed headers.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection};

use crate::AcceptanceError;

/// What is answered to each request.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// An HTTP status without a body.
    Status(u16),
    /// A gRPC status, with a message.
    Grpc(u8, &'static str),
    /// Nothing; connections stay open.
    Silence,
    /// The connection is closed at once.
    Close,
    /// TLS, without offering HTTP/2.
    TlsWithoutHttp2,
}

/// HTTP/2 frame types (RFC 9113 section 6).
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const ACK: u8 = 1;
const END_OF_STREAM_AND_HEADERS: u8 = 1 | 4;
/// What a client sends first (RFC 9113 section 3.4).
const PREFACE_BYTES: usize = 24;

/// A running server.
#[derive(Clone, Debug)]
pub struct Served {
    /// Its port on loopback.
    pub port: u16,
    connections: Arc<AtomicU32>,
}

impl Served {
    /// How many connections were made to it.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Starts a server on a free loopback port, for as long as the test runs.
///
/// # Errors
/// If there is no port.
pub fn serve(answer: Answer) -> Result<Served, AcceptanceError> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(AcceptanceError::io("bind a port"))?;
    let port = listener.local_addr().map_err(AcceptanceError::io("read a port"))?.port();
    let connections = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&connections);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            counter.fetch_add(1, Ordering::Relaxed);
            std::thread::spawn(move || converse(stream, answer).ok());
        }
    });
    Ok(Served { port, connections })
}

fn converse(mut stream: TcpStream, answer: Answer) -> std::io::Result<()> {
    match answer {
        Answer::Close => return Ok(()),
        Answer::TlsWithoutHttp2 => return handshake(stream),
        Answer::Status(_) | Answer::Grpc(..) | Answer::Silence => {}
    }
    let mut preface = [0; PREFACE_BYTES];
    stream.read_exact(&mut preface)?;
    if matches!(answer, Answer::Silence) {
        let mut rest = Vec::new();
        return stream.read_to_end(&mut rest).map(drop);
    }
    frame(&mut stream, SETTINGS, 0, 0, &[])?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let [a, b, c, kind, flags, s1, s2, s3, s4] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload)?;
        match (kind, flags & ACK) {
            (SETTINGS, 0) => frame(&mut stream, SETTINGS, ACK, 0, &[])?,
            (PING, 0) => frame(&mut stream, PING, ACK, 0, &payload)?,
            (HEADERS, _) => {
                let id = u32::from_be_bytes([s1, s2, s3, s4]);
                frame(&mut stream, HEADERS, END_OF_STREAM_AND_HEADERS, id, &headers(answer))?;
            }
            _ => {}
        }
    }
}

/// A TLS handshake that agrees to no application protocol.
fn handshake(mut stream: TcpStream) -> std::io::Result<()> {
    let other = std::io::Error::other::<Box<dyn std::error::Error + Send + Sync>>;
    let certified =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(|error| other(error.into()))?;
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).map_err(|error| other(error.into()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certified.cert.der().clone()], key))
        .map_err(|error| other(error.into()))?;
    let mut connection = ServerConnection::new(Arc::new(config)).map_err(|error| other(error.into()))?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    let mut rest = Vec::new();
    rustls::Stream::new(&mut connection, &mut stream).read_to_end(&mut rest).map(drop)
}

fn frame(stream: &mut TcpStream, kind: u8, flags: u8, id: u32, payload: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
    let mut bytes = length.get(1..).unwrap_or_default().to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(id.to_be_bytes());
    bytes.extend(payload);
    stream.write_all(&bytes)
}

/// The header block: literals without indexing (RFC 7541 section 6.2.2).
fn headers(answer: Answer) -> Vec<u8> {
    let text = |block: &mut Vec<u8>, text: &str| {
        block.push(u8::try_from(text.len()).unwrap_or_default());
        block.extend(text.bytes());
    };
    let mut block = Vec::new();
    match answer {
        Answer::Status(status) => {
            // Name 8 of the static table is `:status`.
            block.push(8);
            text(&mut block, &status.to_string());
        }
        Answer::Grpc(status, message) => {
            // Entry 8 as a whole is `:status: 200`; name 31 is `content-type`, beyond the four bits of the first byte.
            block.extend([0x88, 0x0f, 0x10]);
            text(&mut block, "application/grpc");
            for (name, value) in [("grpc-status", status.to_string()), ("grpc-message", message.to_owned())] {
                block.push(0);
                text(&mut block, name);
                text(&mut block, &value);
            }
        }
        Answer::Silence | Answer::Close | Answer::TlsWithoutHttp2 => {}
    }
    block
}
