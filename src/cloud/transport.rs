//! Bytes to the service and back: one attempt, no retries, no meaning.
//!
//! HTTP/1.1 over reqwest and rustls. Building a transport does no work: trusted roots are loaded at the first call that
//! needs them, because most processes of a plugin never make one. Redirects are not followed (the signature would not
//! fit), nothing is sent twice, and what is sent is checked to be what was signed.

use std::{fmt, io, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use super::{
    endpoint::Endpoint,
    error::{ConfigurationError, NoAnswer},
    sign::SignedRequest,
};

/// No answer of the APIs in use comes near this, in bytes.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// Idle connections are closed by gateways after about a minute; a call on a dead one would be ambiguous.
const IDLE_CONNECTION: Duration = Duration::from_secs(20);

/// How to reach the service. Certificates, proxies and timeouts; nothing about meaning.
#[derive(Clone)]
pub struct TransportConfig {
    /// Until a connection, TLS included, must stand.
    pub connect_timeout: Duration,
    /// Longest silence while waiting for an answer.
    pub read_timeout: Duration,
    /// PEM certificates to trust besides the system's.
    pub ca_bundle: Option<Vec<u8>>,
    /// Proxies; none means direct.
    pub proxies: Proxies,
    /// `user-agent` header.
    pub user_agent: String,
}

/// Proxy settings, as the usual environment variables spell them.
#[derive(Clone, Default)]
pub struct Proxies {
    /// For `https` endpoints (`HTTPS_PROXY`).
    pub https: Option<String>,
    /// For `http` endpoints (`HTTP_PROXY`).
    pub http: Option<String>,
    /// Hosts reached directly (`NO_PROXY`): names, suffixes, addresses, networks, `*`.
    pub no_proxy: Option<String>,
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A proxy URL may hold a password.
        f.debug_struct("Proxies")
            .field("https", &self.https.is_some())
            .field("http", &self.http.is_some())
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}

impl fmt::Debug for TransportConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportConfig")
            .field("connect_timeout", &self.connect_timeout)
            .field("read_timeout", &self.read_timeout)
            .field("ca_bundle", &self.ca_bundle.is_some())
            .field("proxies", &self.proxies)
            .field("user_agent", &self.user_agent)
            .finish()
    }
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            // A stand-still of ten seconds is no connection; answers of a busy API may take most of a minute, which is
            // also the read timeout of the `alicloud` provider.
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
            ca_bundle: None,
            proxies: Proxies::default(),
            user_agent: concat!("terraform-provider-ackone/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// An answer, unjudged.
pub struct RawAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The whole body; wiped on drop, since it may be a kubeconfig.
    pub body: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for RawAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawAnswer")
            .field("status", &self.status)
            .field("length", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl RawAnswer {
    /// The text of a header, if it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum SendFailure {
    /// It cannot be sent like this.
    Configuration(ConfigurationError),
    /// It was, or may have been, sent.
    NoAnswer {
        /// What happened.
        reason: NoAnswer,
        /// The transport's own account, without the URL.
        source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    },
}

/// Headers that carry a token.
const SENSITIVE: [&str; 2] = ["x-acs-security-token", "x-aliyun-ecs-metadata-token"];

/// Hosts that no proxy is asked for, whatever `NO_PROXY` says: this machine.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// Sends signed requests.
///
/// `Debug` leaves the HTTP clients out: theirs prints proxies with their passwords.
pub struct Transport {
    config: TransportConfig,
    // Loopback endpoints need no roots: two clients, each built when first needed.
    plain: OnceCell<reqwest::Client>,
    secure: OnceCell<reqwest::Client>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Transport {
    /// Keeps `config`; no I/O.
    #[must_use]
    pub fn new(config: TransportConfig) -> Self {
        Self { config, plain: OnceCell::new(), secure: OnceCell::new() }
    }

    /// Makes one attempt.
    ///
    /// # Errors
    ///
    /// Only if there is no whole answer; an error answer of the service is an answer.
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes the connection; the service may have received the request.
    pub async fn send(&self, endpoint: &Endpoint, request: SignedRequest) -> Result<RawAnswer, SendFailure> {
        let client = self.client(endpoint.is_secure()).await.map_err(SendFailure::Configuration)?;
        let request = build(endpoint, request).map_err(SendFailure::Configuration)?;
        let mut response = client.execute(request).await.map_err(no_answer)?;
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(SendFailure::NoAnswer { reason: NoAnswer::TooLarge, source: None });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(RawAnswer { status, headers, body })
    }

    async fn client(&self, secure: bool) -> Result<&reqwest::Client, ConfigurationError> {
        let cell = if secure { &self.secure } else { &self.plain };
        cell.get_or_try_init(|| std::future::ready(self.build_client(secure))).await
    }

    fn build_client(&self, secure: bool) -> Result<reqwest::Client, ConfigurationError> {
        // reqwest takes the process's crypto provider. An error only says that somebody installed one before.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        }
        let config = &self.config;
        let mut builder = reqwest::Client::builder()
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(config.connect_timeout)
            .read_timeout(config.read_timeout)
            .pool_idle_timeout(IDLE_CONNECTION)
            .user_agent(config.user_agent.clone());
        let proxies = &config.proxies;
        let except = || {
            let given = proxies.no_proxy.as_deref().unwrap_or_default();
            reqwest::NoProxy::from_string(&format!("{given},{LOOPBACK}"))
        };
        if let Some(url) = proxies.https.as_deref().filter(|url| !url.is_empty()) {
            let proxy = reqwest::Proxy::https(url).map_err(|_| ConfigurationError::Proxy("HTTPS"))?;
            builder = builder.proxy(proxy.no_proxy(except()));
        }
        if let Some(url) = proxies.http.as_deref().filter(|url| !url.is_empty()) {
            let proxy = reqwest::Proxy::http(url).map_err(|_| ConfigurationError::Proxy("HTTP"))?;
            builder = builder.proxy(proxy.no_proxy(except()));
        }
        if !secure {
            builder = builder.tls_certs_only([]);
        } else if let Some(bundle) = &config.ca_bundle {
            let certificates =
                reqwest::Certificate::from_pem_bundle(bundle).map_err(|_| ConfigurationError::CaBundle)?;
            if certificates.is_empty() {
                return Err(ConfigurationError::CaBundle);
            }
            builder = builder.tls_certs_merge(certificates);
        }
        builder.build().map_err(|error| ConfigurationError::Client(describe(&error)))
    }
}

/// Turns the signed request into reqwest's, and makes sure nothing was normalized on the way.
fn build(endpoint: &Endpoint, request: SignedRequest) -> Result<reqwest::Request, ConfigurationError> {
    let unsendable = || ConfigurationError::NotSendable(endpoint.to_string());
    let mut text = format!("{endpoint}{}", request.path);
    if !request.query.is_empty() {
        text.push('?');
        text.push_str(&request.query);
    }
    let url = reqwest::Url::parse(&text).map_err(|_| unsendable())?;
    if url.path() != request.path || url.query().unwrap_or_default() != request.query {
        return Err(unsendable());
    }
    let method = reqwest::Method::from_bytes(request.method.as_bytes()).map_err(|_| unsendable())?;
    let mut built = reqwest::Request::new(method, url);
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unsendable())?;
        let mut header = HeaderValue::from_str(value).map_err(|_| unsendable())?;
        header.set_sensitive(name == http::header::AUTHORIZATION || SENSITIVE.contains(&name.as_str()));
        built.headers_mut().append(name, header);
    }
    if !request.body.is_empty() {
        *built.body_mut() = Some(request.body.into());
    } else if request.method != "GET" {
        built.headers_mut().insert(http::header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    Ok(built)
}

fn no_answer(error: reqwest::Error) -> SendFailure {
    let error = error.without_url();
    let reason = if has_certificate_error(&error) {
        NoAnswer::UntrustedCertificate
    } else if error.is_connect() {
        NoAnswer::NotConnected
    } else if error.is_timeout() {
        NoAnswer::TimedOut
    } else {
        NoAnswer::Broken
    };
    SendFailure::NoAnswer { reason, source: Some(Arc::new(error)) }
}

/// Looks through causes and through `io::Error`s, which hide what they wrap from `source()`.
fn has_certificate_error(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(rustls) = error.downcast_ref::<rustls::Error>() {
        return matches!(rustls, rustls::Error::InvalidCertificate(_));
    }
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    wrapped.is_some_and(|wrapped| has_certificate_error(wrapped)) || error.source().is_some_and(has_certificate_error)
}

/// An error with its causes on one line: reqwest's own text stops at "builder error".
fn describe(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_password_is_not_printed() {
        let proxies = Proxies { https: Some("http://u:canary@h".to_owned()), ..Proxies::default() };
        assert!(!format!("{proxies:?}").contains("canary"));
    }

    #[test]
    fn what_would_be_sent_otherwise_than_signed_is_not_sent() {
        let endpoint: Endpoint = "http://127.0.0.1:1".parse().unwrap();
        let request = |path: &str, query: &str| SignedRequest {
            method: "GET",
            path: path.to_owned(),
            query: query.to_owned(),
            headers: vec![],
            body: vec![],
        };
        assert!(build(&endpoint, request("/clusters/c%2F1", "A=%2A~")).is_ok());
        for (path, query) in [("/a/../b", ""), ("/a/%2e%2e/b", ""), ("/a b", ""), ("/", "A=b c"), ("/a#b", "")] {
            assert!(build(&endpoint, request(path, query)).is_err(), "{path} {query}");
        }
    }
}
