//! Keys of the RAM role of the ECS instance this runs on, from its metadata service.
//!
//! Version 2 first: a token is asked for and sent with each question. If the token cannot be had, or a question with it
//! fails, version 1 (the same without a token) is tried, unless that is switched off. An address that cannot be connected
//! to is not asked twice: this is no ECS instance. Facts: the public guide of instance metadata, and the official SDKs.

use futures_util::future::{BoxFuture, FutureExt};

use super::{CredentialError, CredentialNetwork, CredentialSource, Credentials, keys_document};
use crate::cloud::{
    endpoint::Endpoint,
    error::NoAnswer,
    secret::SecretString,
    sign::{SignedRequest, percent_encode},
    transport::{RawAnswer, SendFailure, Transport},
};

const TOKEN_PATH: &str = "/latest/api/token";
const ROLES_PATH: &str = "/latest/meta-data/ram/security-credentials/";
const TTL_HEADER: &str = "x-aliyun-ecs-metadata-token-ttl-seconds";
const TOKEN_HEADER: &str = "x-aliyun-ecs-metadata-token";
/// How long a token shall work, in seconds: the longest the service gives, as the official SDKs ask.
const TTL_SECONDS: &str = "21600";

/// Asks the metadata service.
#[derive(Debug)]
pub struct InstanceSource {
    role_name: Option<String>,
    version_1: bool,
    endpoint: Endpoint,
    transport: Transport,
    explicit: bool,
}

/// Why a question has no answer.
struct Failed {
    text: String,
    reachable: bool,
}

impl InstanceSource {
    /// Asks for the keys of a role, or of whichever the instance has. `version_1` allows the fallback. No I/O.
    #[must_use]
    pub fn new(role_name: Option<String>, version_1: bool, network: &CredentialNetwork) -> Self {
        Self {
            role_name: role_name.filter(|name| !name.is_empty()),
            version_1,
            endpoint: network.metadata.clone(),
            transport: network.metadata_transport(),
            explicit: false,
        }
    }

    /// The same, asked for in the configuration.
    #[must_use]
    pub fn explicit(self) -> Self {
        Self { explicit: true, ..self }
    }

    async fn credentials(&self) -> Result<Credentials, CredentialError> {
        let none = |reason: String| CredentialError::NoInstanceRole { reason };
        let token = self.token().await.map_err(none)?;
        let role = match &self.role_name {
            Some(name) => name.clone(),
            None => self.role(token.as_ref()).await.map_err(none)?,
        };
        let path = format!("{ROLES_PATH}{}", percent_encode(&role));
        let answer = self.ask(&path, token.as_ref()).await.map_err(|failed| {
            none(format!("the metadata service gave no keys of the role {role:?}: {}", failed.text))
        })?;
        keys_document::read(&answer.body)
            .map_err(|wrong| none(format!("the metadata service gave no keys of the role {role:?}: {wrong}")))
    }

    /// The token of version 2; none if version 1 has to do.
    async fn token(&self) -> Result<Option<SecretString>, String> {
        let ttl = [(TTL_HEADER, TTL_SECONDS)];
        let failed = match self.send("PUT", TOKEN_PATH, &ttl).await {
            Ok(answer) => match std::str::from_utf8(&answer.body).map(str::trim) {
                Ok(token) if !token.is_empty() => return Ok(Some(SecretString::new(token))),
                Ok(_) | Err(_) => Failed { text: "the token is empty or no text".to_owned(), reachable: true },
            },
            Err(failed) => failed,
        };
        if !failed.reachable {
            return Err(format!("the metadata service {} is not reachable: {}", self.endpoint, failed.text));
        }
        if !self.version_1 {
            return Err(format!("the metadata service gave no token: {}; its version 1 is switched off", failed.text));
        }
        tracing::debug!(reason = failed.text, "no token from the metadata service; asking its version 1");
        Ok(None)
    }

    /// The name of the instance's role.
    async fn role(&self, token: Option<&SecretString>) -> Result<String, String> {
        let answer = self
            .ask(ROLES_PATH, token)
            .await
            .map_err(|failed| format!("the metadata service names no role of this instance: {}", failed.text))?;
        let text = std::str::from_utf8(&answer.body).unwrap_or_default().trim();
        let named = |c: char| c.is_ascii_alphanumeric() || ".@_-".contains(c);
        if text.is_empty() || text.len() > 64 || !text.chars().all(named) {
            return Err("the metadata service's answer is no name of a role".to_owned());
        }
        Ok(text.to_owned())
    }

    /// Asks with the token, and without it if that fails and may be.
    async fn ask(&self, path: &str, token: Option<&SecretString>) -> Result<RawAnswer, Failed> {
        let Some(token) = token else { return self.send("GET", path, &[]).await };
        match self.send("GET", path, &[(TOKEN_HEADER, token.expose())]).await {
            Err(failed) if failed.reachable && self.version_1 => self.send("GET", path, &[]).await,
            answered => answered,
        }
    }

    async fn send(&self, method: &'static str, path: &str, headers: &[(&str, &str)]) -> Result<RawAnswer, Failed> {
        let request = SignedRequest {
            method,
            path: path.to_owned(),
            query: String::new(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: Vec::new(),
        };
        match self.transport.send(&self.endpoint, request).await {
            Ok(answer) if answer.status == 200 => Ok(answer),
            Ok(answer) => Err(Failed { text: format!("HTTP {}", answer.status), reachable: true }),
            Err(SendFailure::Configuration(error)) => Err(Failed { text: error.to_string(), reachable: false }),
            Err(SendFailure::NoAnswer { reason, .. }) => {
                Err(Failed { text: reason.to_string(), reachable: reason != NoAnswer::NotConnected })
            }
        }
    }
}

impl CredentialSource for InstanceSource {
    fn name(&self) -> String {
        match &self.role_name {
            Some(name) => format!("ECS instance role {name:?}"),
            None => "ECS instance role".to_owned(),
        }
    }

    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        self.credentials().boxed()
    }

    fn is_explicit(&self) -> bool {
        self.explicit
    }
}
