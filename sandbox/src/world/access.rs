//! Who may do what: key pairs, temporary keys and denied actions.
//!
//! Everything is allowed unless denied: policies are not simulated, their refusals are. A session of an assumed role
//! inherits what its caller was denied.

use std::time::Duration;

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
        self.denied.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => action.starts_with(prefix),
            None => pattern == action,
        })
    }

    /// The principal's ARN.
    pub fn arn(&self, account_id: &str) -> String {
        let kind = if self.assumed_role { "assumed-role" } else { "user" };
        format!("acs:ram::{account_id}:{kind}/{}", self.principal)
    }
}

impl State {
    /// Makes a temporary key for a role, on behalf of an existing key.
    ///
    /// # Errors
    /// When the role or the calling key is unknown.
    pub fn assume_role(
        &mut self,
        role: &str,
        session: &str,
        caller: &str,
        duration: Duration,
        now: Moment,
    ) -> Result<TemporaryKey, AccessError> {
        let role_id = self.roles.get(role).cloned().ok_or_else(|| AccessError::UnknownRole(role.to_owned()))?;
        let parent = self.keys.get(caller).ok_or_else(|| AccessError::UnknownKey(caller.to_owned()))?;
        let key = TemporaryKey {
            id: format!("STS.{}", random_text(KEY_LENGTH)),
            secret: Secret::new(random_text(44)),
            token: Secret::new(format!("CAIS{}", random_text(200))),
            expires: now.plus(duration),
            principal_id: format!("{role_id}:{session}"),
        };
        let stored = AccessKey {
            id: key.id.clone(),
            secret: key.secret.clone(),
            token: Some(key.token.clone()),
            expires: Some(key.expires),
            active: true,
            principal: format!("{role}/{session}"),
            principal_id: key.principal_id.clone(),
            assumed_role: true,
            denied: parent.denied.clone(),
            kubernetes_groups: parent.kubernetes_groups.clone(),
        };
        self.keys.insert(key.id.clone(), stored);
        Ok(key)
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
        let session = state.assume_role(&role, "s", &caller, Duration::from_secs(900), now).unwrap();
        let stored = &state.keys[&session.id];
        assert!(stored.is_denied("vpc:DescribeVpcs"));
        assert_eq!(stored.expires, Some(now.plus(Duration::from_secs(900))));
        assert!(session.id.starts_with("STS."));
    }
}
