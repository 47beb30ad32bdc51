//! Keys from a credentials URI: a server, usually on this machine, that hands out temporary keys.

use futures_util::future::{BoxFuture, FutureExt};

use super::{CredentialError, CredentialNetwork, CredentialSource, Credentials, keys_document};
use crate::cloud::{
    endpoint::Endpoint,
    secret::SecretString,
    sign::SignedRequest,
    transport::{SendFailure, Transport},
};

/// Asks a URI for keys. Errors name its origin only: path and query may be secret.
#[derive(Debug)]
pub struct UriSource {
    uri: SecretString,
    transport: Transport,
    explicit: bool,
}

impl UriSource {
    /// Whether a text is a URI of the kind that is asked.
    #[must_use]
    pub fn accepts(uri: &str) -> bool {
        target(uri).is_some()
    }

    /// Asks `uri`. No I/O; whether it is one shows at the first fetch.
    #[must_use]
    pub fn new(uri: SecretString, network: &CredentialNetwork) -> Self {
        Self { uri, transport: network.uri_transport(), explicit: false }
    }

    /// The same, asked for in the configuration.
    #[must_use]
    pub fn explicit(self) -> Self {
        Self { explicit: true, ..self }
    }

    async fn credentials(&self) -> Result<Credentials, CredentialError> {
        let failed = |reason: String| CredentialError::UriFailed { reason };
        let Some((url, endpoint)) = target(self.uri.expose()) else {
            return Err(failed("it is not an http or https URL without a user name".to_owned()));
        };
        let request = SignedRequest {
            method: "GET",
            path: url.path().to_owned(),
            query: url.query().unwrap_or_default().to_owned(),
            headers: vec![("accept".to_owned(), "application/json".to_owned())],
            body: Vec::new(),
        };
        let answer = self.transport.send(&endpoint, request).await.map_err(|failure| {
            failed(match failure {
                SendFailure::Configuration(error) => error.to_string(),
                SendFailure::NoAnswer { reason, .. } => format!("no answer: {reason}"),
            })
        })?;
        if answer.status != 200 {
            return Err(failed(format!("it answered with HTTP {}", answer.status)));
        }
        keys_document::read(&answer.body).map_err(failed)
    }
}

/// A URI's parts, if it is of the kind that is asked.
fn target(uri: &str) -> Option<(url::Url, Endpoint)> {
    let url = url::Url::parse(uri.trim()).ok()?;
    let endpoint = Endpoint::origin_of(&url)?;
    (url.username().is_empty() && url.password().is_none()).then_some((url, endpoint))
}

impl CredentialSource for UriSource {
    fn name(&self) -> String {
        match target(self.uri.expose()) {
            Some((_, endpoint)) => format!("credentials URI at {endpoint}"),
            None => "credentials URI".to_owned(),
        }
    }

    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        self.credentials().boxed()
    }

    fn is_explicit(&self) -> bool {
        self.explicit
    }
}
