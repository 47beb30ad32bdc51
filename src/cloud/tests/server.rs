//! An HTTP/1.1 server that answers as the test says and keeps what it received. One request per connection.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::{BoxFuture, FutureExt, ready};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
    task::JoinHandle,
};

use crate::{
    clock::Clock,
    cloud::{
        client::Randomness,
        credential::{CredentialError, CredentialSource, Credentials},
        secret::{AccessKeySecret, SecurityToken},
        *,
    },
};

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

impl Received {
    pub(super) fn action(&self) -> &str {
        self.headers.get("x-acs-action").map_or("", String::as_str)
    }

    /// The members in the form body of an attach or detach.
    pub(super) fn cluster_ids(&self) -> Vec<String> {
        let encoded = self.body.strip_prefix("ClusterIds=").unwrap_or_default();
        let text = percent_encoding::percent_decode_str(encoded).decode_utf8().unwrap().into_owned();
        serde_json::from_str(&text).unwrap()
    }
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// Answers.
    Answer { status: u16, headers: Vec<(&'static str, String)>, body: String },
    /// Closes the connection without an answer.
    Drop,
    /// Announces more bytes than it sends, then closes.
    Truncated,
    /// Never answers.
    Hang,
}

impl Reply {
    pub(super) fn ok(body: &str) -> Self {
        Self::Answer { status: 200, headers: vec![], body: body.to_owned() }
    }

    pub(super) fn error(status: u16, code: &str) -> Self {
        let body = format!(r#"{{"RequestId":"REQ-1","HostId":"h","Code":"{code}","Message":"because of {code}"}}"#);
        Self::Answer { status, headers: vec![], body }
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }
}

type Handler = dyn Fn(&Received) -> Reply + Send + Sync;

pub(super) struct Server {
    pub(super) address: SocketAddr,
    received: Arc<watch::Sender<Vec<Received>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers with `replies` in order, then with the last one for ever.
    pub(super) async fn scripted(replies: Vec<Reply>) -> Self {
        let replies = Mutex::new(VecDeque::from(replies));
        Self::answering(move |_| {
            let mut replies = replies.lock().unwrap();
            if replies.len() > 1 { replies.pop_front().unwrap() } else { replies[0].clone() }
        })
        .await
    }

    pub(super) async fn answering(handler: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(handler, None).await
    }

    pub(super) async fn start(
        handler: impl Fn(&Received) -> Reply + Send + Sync + 'static,
        tls: Option<tokio_rustls::TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(watch::Sender::new(Vec::new()));
        let log = Arc::clone(&received);
        let handler: Arc<Handler> = Arc::new(handler);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (handler, log, tls) = (Arc::clone(&handler), Arc::clone(&log), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &*handler, &log).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &*handler, &log).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, received, task }
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.borrow().clone()
    }

    pub(super) fn count(&self, action: &str) -> usize {
        self.received.borrow().iter().filter(|received| received.action() == action).count()
    }

    /// Returns when `count` requests have arrived.
    pub(super) async fn until_received(&self, count: usize) {
        let mut watching = self.received.subscribe();
        let arrived = watching.wait_for(|received| received.len() >= count);
        tokio::time::timeout(Duration::from_secs(20), arrived).await.expect("requests arrive").unwrap();
    }

    pub(super) fn client(&self) -> CloudClient {
        CloudClient::new(self.config(vec![keys("id-1", None)]))
    }

    /// A configuration for this server with pauses short enough for tests. The source gives `keys` in order.
    pub(super) fn config(&self, keys: Vec<Credentials>) -> CloudConfig {
        config_for(&format!("http://{}", self.address), keys)
    }
}

pub(super) fn config_for(endpoint: &str, keys: Vec<Credentials>) -> CloudConfig {
    let endpoint: Endpoint = endpoint.parse().unwrap();
    let resolver = EndpointResolver {
        region: Some("cn-hangzhou".parse().unwrap()),
        explicit: Product::ALL.into_iter().map(|product| (product, endpoint.clone())).collect(),
        ..EndpointResolver::default()
    };
    let chain = CredentialChain::new(vec![Arc::new(Keys(Mutex::new(keys.into())))]);
    let mut config = CloudConfig::new(chain, resolver);
    config.retry = RetryPolicy {
        max_retries: 4,
        base: Duration::from_millis(1),
        cap: Duration::from_millis(4),
        ..RetryPolicy::default()
    };
    config.rate = RateLimit { per_second: 10_000.0, burst: 1_000 };
    config.membership = MembershipPolicy {
        join_window: Duration::from_millis(30),
        first_poll: Duration::from_millis(5),
        poll_interval: Duration::from_millis(5),
        read_backs: 3,
    };
    config.randomness = Arc::new(Counting::default());
    config
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, handler: &Handler, log: &watch::Sender<Vec<Received>>) {
    let Some(received) = receive(&mut stream).await else { return };
    // Decided before it is announced: a test that has seen the request can rely on its effect.
    let reply = handler(&received);
    log.send_modify(|log| log.push(received));
    let text = match reply {
        Reply::Answer { status, headers, body } => {
            let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            format!(
                "HTTP/1.1 {status} Status\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
                body.len()
            )
        }
        Reply::Drop => return,
        Reply::Truncated => "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1000\r\n\r\n{\"Clu".to_owned(),
        Reply::Hang => std::future::pending().await,
    };
    if stream.write_all(text.as_bytes()).await.is_ok() && stream.shutdown().await.is_err() {
        // The client has gone; its test knows why.
    }
}

async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> Option<Received> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let mut start = lines.next().unwrap().split(' ');
    let (method, target) = (start.next().unwrap().to_owned(), start.next().unwrap().to_owned());
    let headers: BTreeMap<String, String> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = bytes[head_end + 4..].to_vec();
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Received { method, target, headers, body: String::from_utf8(body).unwrap() })
}

/// Gives keys in order, the last ones for ever.
#[derive(Debug)]
struct Keys(Mutex<VecDeque<Credentials>>);

impl CredentialSource for Keys {
    fn name(&self) -> String {
        "test".to_owned()
    }

    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        let mut keys = self.0.lock().unwrap();
        let next = if keys.len() > 1 { keys.pop_front() } else { keys.front().cloned() };
        ready(next.ok_or_else(|| CredentialError::NotConfigured { reason: "no keys in this test".to_owned() })).boxed()
    }
}

pub(super) fn keys(id: &str, token: Option<&str>) -> Credentials {
    Credentials {
        access_key_id: id.into(),
        access_key_secret: AccessKeySecret::new("canary-secret"),
        security_token: token.map(SecurityToken::new),
        expires_at: None,
    }
}

/// Nonces count; pauses are half the longest.
#[derive(Debug, Default)]
pub(super) struct Counting(AtomicU64);

impl Randomness for Counting {
    fn fraction(&self) -> f64 {
        0.5
    }

    fn nonce(&self) -> [u8; 16] {
        u128::from(self.0.fetch_add(1, Ordering::SeqCst)).to_be_bytes()
    }
}

/// The clock of a test, shared with the client.
pub(super) fn shared(clock: &Arc<crate::clock::ManualClock>) -> Arc<dyn Clock> {
    Arc::clone(clock) as Arc<dyn Clock>
}
