//! How the Fleet's API is reached, and the one client that reaches it.
//!
//! [`FleetAccess`] is made when the provider is configured and does nothing then. The first call builds the client; all
//! calls share its connections. An issued kubeconfig lives in memory only, is asked for again when the server answers
//! 401 and before its client certificate expires. `kubeconfig` turns the settings into a `kube::Config`.

use std::{collections::BTreeMap, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::{
    error::{Error, Problem, Target, Verb},
    kubeconfig::{self, Configured},
    secret::SecretText,
};
use crate::clock::Clock;

/// What a [`KubeconfigSource`] answers.
pub type KubeconfigFuture<'a> =
    Pin<Box<dyn Future<Output = Result<SecretText, Box<dyn std::error::Error + Send + Sync>>> + Send + 'a>>;

/// Issues kubeconfigs for the Fleet.
pub trait KubeconfigSource: Send + Sync {
    /// A kubeconfig; with `refresh` one that was not handed out before.
    fn kubeconfig(&self, refresh: bool) -> KubeconfigFuture<'_>;
}

/// Chooses the proxy for a host, `None` for a direct connection; knows the provider's proxy settings and exclusions.
pub type ProxyForHost = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// An exec credential plugin (`client.authentication.k8s.io`).
#[derive(Clone, Debug, Default)]
pub struct ExecPlugin {
    /// Version of the plugin's protocol, such as `client.authentication.k8s.io/v1`.
    pub api_version: String,
    /// The program.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Environment variables added for it.
    pub env: BTreeMap<String, SecretText>,
}

/// The user's own way to the API. Single settings override what a kubeconfig says.
#[derive(Clone, Debug, Default)]
pub struct ExplicitAccess {
    /// Content of a kubeconfig.
    pub kubeconfig: Option<SecretText>,
    /// Kubeconfig files, merged in this order.
    pub kubeconfig_paths: Vec<PathBuf>,
    /// Context to use instead of the current one.
    pub context: Option<String>,
    /// API server, such as `https://10.0.0.1:6443`.
    pub host: Option<String>,
    /// PEM certificates to trust.
    pub cluster_ca_certificate: Option<String>,
    /// Bearer token.
    pub token: Option<SecretText>,
    /// PEM client certificate.
    pub client_certificate: Option<String>,
    /// PEM key of the client certificate.
    pub client_key: Option<SecretText>,
    /// Whether the server's certificate is not checked.
    pub insecure: Option<bool>,
    /// Name to check the server's certificate against.
    pub tls_server_name: Option<String>,
    /// Proxy for this API alone.
    pub proxy_url: Option<String>,
    /// Program that gives credentials.
    pub exec: Option<ExecPlugin>,
}

/// Settings of the connection that do not depend on who is reached.
#[derive(Clone)]
pub struct Network {
    /// `User-Agent` header.
    pub user_agent: String,
    /// Limit of connecting, TLS included.
    pub connect_timeout: Duration,
    /// Limit of one call, watches excepted.
    pub request_timeout: Duration,
    /// The provider's proxy choice; used where the access itself names no proxy.
    pub proxy: Option<ProxyForHost>,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            user_agent: super::FIELD_MANAGER.to_owned(),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            proxy: None,
        }
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network")
            .field("user_agent", &self.user_agent)
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .finish_non_exhaustive()
    }
}

enum Source {
    Issued(Arc<dyn KubeconfigSource>),
    Explicit(Box<ExplicitAccess>),
    Fixed(kube::Client),
}

/// A built client; the number tells it from its successors.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) client: kube::Client,
    pub(crate) number: u64,
    /// Address of the API server, for errors; empty if only the client knows it.
    pub(crate) server: String,
    expiry: Option<Expiry>,
}

#[derive(Clone, Copy)]
struct Expiry {
    renew_at: Timestamp,
    not_after: Timestamp,
}

/// The way to one Fleet's API, with the client built on first use.
pub struct FleetAccess {
    source: Source,
    network: Network,
    clock: Arc<dyn Clock>,
    live: Mutex<Option<Live>>,
}

impl std::fmt::Debug for FleetAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let source = match self.source {
            Source::Issued(_) => "issued kubeconfig",
            Source::Explicit(_) => "explicit settings",
            Source::Fixed(_) => "given client",
        };
        f.debug_struct("FleetAccess").field("source", &source).field("network", &self.network).finish_non_exhaustive()
    }
}

/// A client certificate is renewed this long before its end, or after three quarters of a shorter life.
const RENEWAL_MARGIN: SignedDuration = SignedDuration::from_mins(5);

impl FleetAccess {
    /// Access by kubeconfigs that somebody issues.
    pub fn issued(source: Arc<dyn KubeconfigSource>, network: Network, clock: Arc<dyn Clock>) -> Arc<Self> {
        Self::new(Source::Issued(source), network, clock)
    }

    /// Access by the user's own settings.
    pub fn explicit(settings: ExplicitAccess, network: Network, clock: Arc<dyn Clock>) -> Arc<Self> {
        Self::new(Source::Explicit(Box::new(settings)), network, clock)
    }

    /// Access by a client that exists already.
    pub fn with_client(client: kube::Client, network: Network, clock: Arc<dyn Clock>) -> Arc<Self> {
        Self::new(Source::Fixed(client), network, clock)
    }

    fn new(source: Source, network: Network, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { source, network, clock, live: Mutex::new(None) })
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        self.network.request_timeout
    }

    /// Whether a 401 may be mended by building the client anew.
    fn is_renewable(&self) -> bool {
        match &self.source {
            Source::Issued(_) => true,
            // Files may have been rewritten and a plugin may answer otherwise; other settings stay what they are.
            Source::Explicit(settings) => {
                settings.kubeconfig.is_some() || !settings.kubeconfig_paths.is_empty() || settings.exec.is_some()
            }
            Source::Fixed(_) => false,
        }
    }

    /// The client for the next call. `refused` is the number of a client that was answered 401: `Ok(None)` then means
    /// that there is no better one.
    pub(crate) async fn client(&self, refused: Option<u64>) -> Result<Option<Live>, Error> {
        let mut slot = self.live.lock().await;
        let known = slot.clone();
        match (&known, refused) {
            (Some(live), Some(number)) if live.number == number => {
                if !self.is_renewable() {
                    return Ok(None);
                }
            }
            (Some(live), _) => {
                let now = self.clock.now();
                let due = live.expiry.is_some_and(|expiry| now >= expiry.renew_at);
                if !(due && self.is_renewable()) {
                    return Ok(known);
                }
            }
            (None, _) => {}
        }
        let number = known.as_ref().map_or(1, |live| live.number + 1);
        match self.build(known.is_some(), number).await {
            Ok(live) => {
                *slot = Some(live.clone());
                Ok(Some(live))
            }
            Err(error) => match known {
                // Renewed early and in vain: the old certificate still serves for a while.
                Some(live)
                    if refused.is_none() && live.expiry.is_some_and(|expiry| self.clock.now() < expiry.not_after) =>
                {
                    tracing::warn!(%error, "cannot renew the Fleet kubeconfig yet");
                    Ok(Some(live))
                }
                _ => Err(error),
            },
        }
    }

    async fn build(&self, refresh: bool, number: u64) -> Result<Live, Error> {
        let access = |note: String| Error::new(Verb::Connect, &Target::none(), Problem::Access, note).unsent();
        let network = self.network.clone();
        let configured = match &self.source {
            Source::Fixed(client) => {
                return Ok(Live { client: client.clone(), number, server: String::new(), expiry: None });
            }
            Source::Issued(source) => {
                let text = source.kubeconfig(refresh).await.map_err(|error| {
                    let error: Arc<dyn std::error::Error + Send + Sync> = Arc::from(error);
                    access(format!("no kubeconfig for the Fleet: {error}")).caused_by(error)
                })?;
                tokio::task::spawn_blocking(move || kubeconfig::from_issued(&text, &network).and_then(connect)).await
            }
            Source::Explicit(settings) => {
                let settings = settings.clone();
                // Kubeconfig files and exec plugins block.
                tokio::task::spawn_blocking(move || kubeconfig::from_explicit(&settings, &network).and_then(connect))
                    .await
            }
        };
        let (client, server, not_after) =
            configured.map_err(|error| access(format!("building the client failed: {error}")))?.map_err(access)?;
        tracing::debug!(number, renewed = refresh, "built the client of the Fleet's API");
        let now = self.clock.now();
        let expiry = not_after.map(|not_after| {
            let quarter = not_after.duration_since(now).checked_div(4).unwrap_or(RENEWAL_MARGIN);
            let margin = quarter.clamp(SignedDuration::ZERO, RENEWAL_MARGIN);
            Expiry { renew_at: not_after.saturating_sub(margin).unwrap_or(not_after), not_after }
        });
        Ok(Live { client, number, server, expiry })
    }
}

fn connect(configured: Configured) -> Result<(kube::Client, String, Option<Timestamp>), String> {
    let Configured { config, not_after } = configured;
    let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
    let client = kube::client::ClientBuilder::try_from(config).map_err(|error| describe(&error))?.build();
    let exec_expiry = client.valid_until().as_ref().and_then(|until| Timestamp::from_second(until.as_second()).ok());
    Ok((client, server, [not_after, exec_expiry].into_iter().flatten().min()))
}

/// Text of an error and its causes, without what a plugin printed (it may be the credential itself).
pub(crate) fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(auth) = current.downcast_ref::<kube::client::AuthError>() {
            parts = vec![describe_auth(auth)];
            break;
        }
        if let Some(kube::Error::Auth(auth)) = current.downcast_ref::<kube::Error>() {
            parts = vec![describe_auth(auth)];
            break;
        }
        // A parser quotes the text it could not read, which may be a kubeconfig.
        if matches!(current.downcast_ref(), Some(kube::config::KubeconfigError::Parse(_))) {
            parts = vec!["the kubeconfig is not valid YAML".to_owned()];
            break;
        }
        let text = current.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        next = current.source();
    }
    parts.join(": ")
}

fn describe_auth(error: &kube::client::AuthError) -> String {
    use kube::client::AuthError;
    match error {
        AuthError::AuthExecStart(cause) => format!("the exec plugin cannot be started: {cause}"),
        AuthError::AuthExecRun { out, .. } => format!("the exec plugin failed with {}", out.status),
        AuthError::AuthExecParse(_) => "the exec plugin's output is not an ExecCredential".to_owned(),
        AuthError::ExecPluginFailed => "the exec plugin's output has no status".to_owned(),
        AuthError::ReadTokenFile(cause, path) => format!("token file \"{}\": {cause}", path.display()),
        _ => "the credentials of the kubeconfig cannot be used".to_owned(),
    }
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
