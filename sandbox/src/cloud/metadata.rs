//! What hands out temporary keys to whoever runs on this machine: the ECS instance metadata service, and a credentials URI.
//!
//! Both answer at the address of the cloud APIs, told apart by their paths. The metadata service gives tokens (version 2),
//! answers questions with a token, and those without one (version 1) if the instance allows it. Its keys stay the same
//! until half of their life is over; the URI's are new each time. Facts: the public guide of instance metadata, and what
//! the official SDKs send and expect.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::json;

use super::answer::{Answer, Ending};
use super::error::ApiError;
use super::server::Cloud;
use super::wire::WireRequest;
use crate::faults::Call;
use crate::world::{Moment, NewSession, TemporaryKey, random_text};

/// Path of the credentials URI.
pub const CREDENTIALS_PATH: &str = "/credentials";
const ROLES: &str = "/latest/meta-data/ram/security-credentials/";
const TTL_HEADER: &str = "x-aliyun-ecs-metadata-token-ttl-seconds";
const TOKEN_HEADER: &str = "x-aliyun-ecs-metadata-token";
/// The longest a token works, in seconds.
const TTL_MAX: u64 = 21_600;
/// How long an instance's keys work.
const INSTANCE_SESSION: Duration = Duration::from_secs(6 * 3600);
/// How long a URI's keys work.
const URI_SESSION: Duration = Duration::from_secs(3600);
/// The instance's id, which names its sessions.
const INSTANCE_ID: &str = "i-bp1ackonesandbox";

/// What the metadata service remembers.
#[derive(Debug, Default)]
pub(crate) struct MetadataService {
    tokens: BTreeMap<String, Moment>,
    key: Option<(TemporaryKey, Moment)>,
}

/// A request to one of the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question {
    Token,
    RoleName,
    RoleKeys(String),
    Region,
    Uri,
    Unknown,
}

/// The question a request asks, if it is for one of the two at all.
pub(super) fn question(request: &WireRequest) -> Option<Question> {
    let method = request.method.as_str();
    Some(match request.path.as_str() {
        CREDENTIALS_PATH if method == "GET" => Question::Uri,
        "/latest/api/token" if method == "PUT" => Question::Token,
        "/latest/meta-data/region-id" if method == "GET" => Question::Region,
        ROLES if method == "GET" => Question::RoleName,
        path if method == "GET" && path.starts_with(ROLES) => {
            let segments = request.path_segments();
            Question::RoleKeys(segments.last().cloned().unwrap_or_default())
        }
        path if path.starts_with("/latest/") || path == CREDENTIALS_PATH => Question::Unknown,
        _ => return None,
    })
}

impl Question {
    /// As rules and the log see it.
    pub(super) fn call(&self) -> Call {
        let (api, action, name) = match self {
            Self::Token => ("metadata", "CreateToken", ""),
            Self::RoleName => ("metadata", "GetRoleName", ""),
            Self::RoleKeys(role) => ("metadata", "GetRoleKeys", role.as_str()),
            Self::Region => ("metadata", "GetRegion", ""),
            Self::Uri => ("credentials-uri", "GetCredentials", ""),
            Self::Unknown => ("metadata", "unknown", ""),
        };
        Call { api: api.to_owned(), action: action.to_owned(), resource: String::new(), name: name.to_owned() }
    }
}

/// A refusal in the form of these services: a status and hardly any text.
pub(super) fn refused(error: &ApiError) -> Answer {
    Answer { body: format!("{}\n", error.message).into_bytes(), status: error.status, ..text(String::new()) }
}

fn text(body: String) -> Answer {
    let headers = vec![("content-type", "text/plain; charset=utf-8".to_owned())];
    Answer { status: 200, headers, body: body.into_bytes(), ending: Ending::Whole }
}

fn document(key: &TemporaryKey, now: Moment) -> Answer {
    let body = json!({
        "Code": "Success", "AccessKeyId": key.id, "AccessKeySecret": key.secret.expose(),
        "SecurityToken": key.token.expose(), "Expiration": key.expires.to_string(), "LastUpdated": now.to_string(),
    });
    let headers = vec![("content-type", "application/json".to_owned())];
    Answer { headers, ..text(body.to_string()) }
}

impl Cloud {
    /// Answers a question of somebody on this machine.
    pub(super) fn answer_locally(
        &self,
        request: &WireRequest,
        question: &Question,
        now: Moment,
    ) -> Result<Answer, ApiError> {
        match question {
            Question::Uri => {
                let key = self.session("credentials-uri", URI_SESSION)?;
                return Ok(document(&key, now));
            }
            Question::Token => return self.token(request, now),
            Question::RoleName | Question::RoleKeys(_) | Question::Region | Question::Unknown => {}
        }
        self.admit(request, now)?;
        let (role, region) = self.world.read(|state, _| (state.instance.role.clone(), state.region.clone()));
        match (question, role) {
            (Question::Region, _) => Ok(text(region)),
            (Question::RoleName, Some(role)) => Ok(text(role)),
            (Question::RoleKeys(asked), Some(role)) if *asked == role => Ok(document(&self.instance_key(now)?, now)),
            (Question::RoleName | Question::RoleKeys(_) | Question::Unknown, _) => Err(not_found()),
            (Question::Token | Question::Uri, _) => Err(not_found()),
        }
    }

    fn token(&self, request: &WireRequest, now: Moment) -> Result<Answer, ApiError> {
        if !self.world.read(|state, _| state.instance.version_2) {
            return Err(not_found());
        }
        let seconds = request.header(TTL_HEADER).and_then(|text| text.parse().ok());
        let seconds: u64 = seconds
            .filter(|seconds| (1..=TTL_MAX).contains(seconds))
            .ok_or_else(|| ApiError::new(400, "BadRequest", format!("{TTL_HEADER} must be 1 to {TTL_MAX}.")))?;
        let token = random_text(56);
        let mut service = self.metadata.lock().unwrap_or_else(PoisonError::into_inner);
        service.tokens.retain(|_, end| *end > now);
        service.tokens.insert(token.clone(), now.plus(Duration::from_secs(seconds)));
        let mut answer = text(token);
        answer.headers.push((TTL_HEADER, seconds.to_string()));
        Ok(answer)
    }

    /// Whether a question may be asked as it is.
    fn admit(&self, request: &WireRequest, now: Moment) -> Result<(), ApiError> {
        match request.header(TOKEN_HEADER) {
            None if self.world.read(|state, _| state.instance.version_1) => Ok(()),
            None => Err(ApiError::new(403, "Forbidden", "Only requests with a token are answered.")),
            Some(token) => {
                let service = self.metadata.lock().unwrap_or_else(PoisonError::into_inner);
                if service.tokens.get(token).is_some_and(|end| *end > now) {
                    return Ok(());
                }
                Err(ApiError::new(401, "Unauthorized", "The token is not valid."))
            }
        }
    }

    /// The instance's keys: those it has, unless half of their life is over or somebody ended them.
    fn instance_key(&self, now: Moment) -> Result<TemporaryKey, ApiError> {
        let mut service = self.metadata.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((key, renew_at)) = &service.key
            && *renew_at > now
            && self.world.read(|state, _| {
                state.keys.get(&key.id).is_some_and(|stored| stored.active && stored.expires == Some(key.expires))
            })
        {
            return Ok(key.clone());
        }
        let key = self.session(INSTANCE_ID, INSTANCE_SESSION)?;
        service.key = Some((key.clone(), now.plus(key.expires.since(now) / 2)));
        Ok(key)
    }

    fn session(&self, session: &str, duration: Duration) -> Result<TemporaryKey, ApiError> {
        self.world
            .write(|state, now| {
                let role = state.instance.role.clone().or_else(|| state.roles.keys().next().cloned());
                let role = role.unwrap_or_default();
                state.assume_role(&NewSession { role: &role, session, caller: None, duration, policy: None }, now)
            })
            .map_err(|error| ApiError::new(500, "InternalError", error.to_string()))
    }
}

fn not_found() -> ApiError {
    ApiError::new(404, "NotFound", "Not found.")
}
