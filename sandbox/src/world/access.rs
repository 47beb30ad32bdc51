//! Who may do what: key pairs, temporary keys and denied actions.
//!
//! Everything is allowed unless denied: policies of users are not simulated, their refusals are. A session of an assumed
//! role inherits what its caller was denied, and is narrowed by the policy it was asked for with. Sessions that nobody's key
//! asked for (an instance's, an identity provider's) inherit from the account's user.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::Moment;
use super::names::{Secret, random_text};
use super::state::{AccessKey, State};

/// Length of a temporary key's random part.
const KEY_LENGTH: usize = 24;

/// A temporary key as its owner receives it.
#[derive(Clone, Debug)]
pub struct TemporaryKey {
    /// `STS.…`.
    pub id: String,
    /// Its secret.
    pub secret: Secret,
    /// The token to send with it.
    pub token: Secret,
    /// When it ends.
    pub expires: Moment,
    /// `role id:session name`.
    pub principal_id: String,
}

/// A session of a role, as somebody asks for it.
#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    /// The role's name.
    pub role: &'a str,
    /// The session's name.
    pub session: &'a str,
    /// The key that asks, if one does.
    pub caller: Option<&'a str>,
    /// How long the keys shall work.
    pub duration: Duration,
    /// What the session may do at most.
    pub policy: Option<SessionPolicy>,
}

/// The policy of a session, as far as it is simulated: which actions it allows and denies, on any resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionPolicy {
    allowed: BTreeSet<String>,
    denied: BTreeSet<String>,
}

impl SessionPolicy {
    /// Reads a policy; `None` if it is not one by RAM's grammar.
    pub fn parse(text: &str) -> Option<Self> {
        let policy: Value = serde_json::from_str(text).ok()?;
        let statements = match policy.get("Statement")? {
            Value::Array(all) if !all.is_empty() => all.clone(),
            one @ Value::Object(_) => vec![one.clone()],
            _ => return None,
        };
        if policy.get("Version").and_then(Value::as_str) != Some("1") {
            return None;
        }
        let mut read = Self::default();
        for statement in statements {
            let actions: Vec<String> = match statement.get("Action")? {
                Value::String(one) => vec![one.clone()],
                Value::Array(all) => all.iter().map(|one| one.as_str().map(str::to_owned)).collect::<Option<_>>()?,
                _ => return None,
            };
            statement.get("Resource")?;
            match statement.get("Effect")?.as_str()? {
                "Allow" => read.allowed.extend(actions),
                "Deny" => read.denied.extend(actions),
                _ => return None,
            }
        }
        Some(read)
    }
}

/// Why a key could not be found or a role not be assumed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AccessError {
    /// No such key.
    #[error("no access key {0}")]
    UnknownKey(String),
    /// No such role.
    #[error("The role not exists: {0}.")]
    UnknownRole(String),
}

impl AccessKey {
    /// Whether an action such as `adcp:AttachClusterToHub` is denied to this key.
    pub fn is_denied(&self, action: &str) -> bool {
        let fits = |pattern: &String| match pattern.strip_suffix('*') {
            Some(prefix) => action.starts_with(prefix),
            None => pattern == action,
        };
        self.denied.iter().any(fits) || self.allowed.as_ref().is_some_and(|allowed| !allowed.iter().any(fits))
    }

    /// The principal's ARN.
    pub fn arn(&self, account_id: &str) -> String {
        let kind = if self.assumed_role { "assumed-role" } else { "user" };
        format!("acs:ram::{account_id}:{kind}/{}", self.principal)
    }
}

impl State {
    /// Makes a temporary key for a role.
    ///
    /// # Errors
    /// When the role or the calling key is unknown.
    pub fn assume_role(&mut self, wanted: &NewSession<'_>, now: Moment) -> Result<TemporaryKey, AccessError> {
        let NewSession { role, session, caller, .. } = wanted;
        let role_id = self.roles.get(*role).cloned().ok_or_else(|| AccessError::UnknownRole((*role).to_owned()))?;
        let parent = match caller {
            Some(id) => self.keys.get(*id).ok_or_else(|| AccessError::UnknownKey((*id).to_owned()))?,
            None => {
                let user = self.keys.values().find(|key| !key.assumed_role);
                user.ok_or_else(|| AccessError::UnknownKey("of any user".to_owned()))?
            }
        };
        let longest = self.behaviour.session_seconds.map_or(Duration::MAX, Duration::from_secs);
        let key = TemporaryKey {
            id: format!("STS.{}", random_text(KEY_LENGTH)),
            secret: Secret::new(random_text(44)),
            token: Secret::new(format!("CAIS{}", random_text(200))),
            expires: now.plus(wanted.duration.min(longest)),
            principal_id: format!("{role_id}:{session}"),
        };
        let policy = wanted.policy.clone();
        let mut denied = parent.denied.clone();
        denied.extend(policy.iter().flat_map(|policy| policy.denied.iter().cloned()));
        let stored = AccessKey {
            id: key.id.clone(),
            secret: key.secret.clone(),
            token: Some(key.token.clone()),
            expires: Some(key.expires),
            active: true,
            principal: format!("{role}/{session}"),
            principal_id: key.principal_id.clone(),
            assumed_role: true,
            denied,
            allowed: policy.map(|policy| policy.allowed).or_else(|| parent.allowed.clone()),
            kubernetes_groups: parent.kubernetes_groups.clone(),
        };
        self.keys.insert(key.id.clone(), stored);
        Ok(key)
    }

    /// Issues a token of the identity provider. Only its digest is kept.
    pub fn issue_oidc_token(&mut self, valid: Duration, now: Moment) -> Secret {
        let token = format!("{}.{}.{}", random_text(36), random_text(300), random_text(86));
        self.oidc_tokens.insert(oidc_digest(&token), now.plus(valid));
        Secret::new(token)
    }

    /// When a token of the identity provider ends; `None` if it issued no such token.
    pub fn oidc_token_end(&self, token: &str) -> Option<Moment> {
        self.oidc_tokens.get(&oidc_digest(token)).copied()
    }

    /// The identity provider's ARN.
    pub fn oidc_provider_arn(&self) -> String {
        format!("acs:ram::{}:oidc-provider/ackone-sandbox", self.account_id)
    }

    /// The key pair, for the control endpoint's changes.
    ///
    /// # Errors
    /// When there is no such key.
    pub fn key_mut(&mut self, id: &str) -> Result<&mut AccessKey, AccessError> {
        self.keys.get_mut(id).ok_or_else(|| AccessError::UnknownKey(id.to_owned()))
    }

    /// A numeric id in the shape of RAM's.
    pub(crate) fn numeric_id(seed: &str) -> String {
        let digits: String = seed.bytes().map(|byte| char::from(b'0' + byte % 10)).take(17).collect();
        format!("2{digits:0<17}")
    }
}

fn oidc_digest(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::super::WorldSettings;
    use super::*;

    #[test]
    fn denials_match_exactly_or_by_prefix_and_pass_to_role_sessions() {
        let now = Moment::from_millis(0);
        let mut state = WorldSettings::default().build(now);
        let caller = state.keys.keys().next().unwrap().clone();
        let key = state.key_mut(&caller).unwrap();
        key.denied.extend(["adcp:AttachClusterToHub".to_owned(), "vpc:*".to_owned()]);
        assert!(key.is_denied("adcp:AttachClusterToHub") && key.is_denied("vpc:DescribeVSwitches"));
        assert!(!key.is_denied("adcp:AttachClusterToHubs") && !key.is_denied("adcp:DetachClusterFromHub"));
        let role = state.roles.keys().next().unwrap().clone();
        let mut wanted = NewSession {
            role: &role,
            session: "s",
            caller: Some(&caller),
            duration: Duration::from_secs(900),
            policy: None,
        };
        let session = state.assume_role(&wanted, now).unwrap();
        let stored = &state.keys[&session.id];
        assert!(stored.is_denied("vpc:DescribeVpcs"));
        assert_eq!(stored.expires, Some(now.plus(Duration::from_secs(900))));
        assert!(session.id.starts_with("STS."));

        wanted.policy = SessionPolicy::parse(
            r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":["adcp:*","vpc:*"],"Resource":"*"},
                {"Effect":"Deny","Action":"adcp:DetachClusterFromHub","Resource":"*"}]}"#,
        );
        state.behaviour.session_seconds = Some(2);
        let session = state.assume_role(&wanted, now).unwrap();
        assert_eq!(session.expires, now.plus(Duration::from_secs(2)), "no longer than the sandbox gives");
        let narrowed = &state.keys[&session.id];
        assert!(!narrowed.is_denied("adcp:DescribeHubClusters"));
        for action in ["adcp:DetachClusterFromHub", "cs:DescribeClusterDetail", "vpc:DescribeVpcs"] {
            assert!(narrowed.is_denied(action), "{action}");
        }
        assert!(state.assume_role(&NewSession { role: "nobody", ..wanted.clone() }, now).is_err());
        let of_nobody = state.assume_role(&NewSession { caller: None, ..wanted }, now).unwrap();
        assert!(state.keys[&of_nobody.id].is_denied("vpc:DescribeVpcs"), "inherited from the account's user");
    }

    #[test]
    fn what_is_no_session_policy_is_told_apart() {
        for text in [
            "",
            "[]",
            r#"{"Version":"2","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
            r#"{"Version":"1","Statement":[]}"#,
            r#"{"Version":"1","Statement":[{"Effect":"Maybe","Action":"*","Resource":"*"}]}"#,
            r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":[7],"Resource":"*"}]}"#,
            r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*"}]}"#,
        ] {
            assert_eq!(SessionPolicy::parse(text), None, "{text}");
        }
    }

    #[test]
    fn tokens_of_the_identity_provider_are_known_by_their_digest_only() {
        let now = Moment::from_millis(0);
        let mut state = WorldSettings::default().build(now);
        let token = state.issue_oidc_token(Duration::from_secs(60), now);
        assert_eq!(state.oidc_token_end(token.expose()), Some(now.plus(Duration::from_secs(60))));
        assert_eq!(state.oidc_token_end("another"), None);
        assert!(!format!("{state:?}").contains(token.expose()));
    }
}
