//! Keys in environment variables, and the other variables the chain looks at.
//!
//! Names: the official SDKs' `ALIBABA_CLOUD_*` first, then the `alicloud` Terraform provider's `ALICLOUD_*`, then the
//! CLI's `ALIBABACLOUD_*`. A pair is taken from one family: the id of one identity with the secret of another would only
//! give a signature error.

use std::{collections::BTreeMap, path::PathBuf};

use futures_util::future::{BoxFuture, FutureExt, ready};

use super::{CredentialError, CredentialSource, Credentials, OidcSettings, OidcToken, RoleSettings, StsPlace};
use crate::cloud::{
    id::AccessKeyId,
    secret::{AccessKeySecret, SecretString, SecurityToken},
};

/// One family of names for the same three values.
struct Family {
    id: &'static str,
    secret: &'static str,
    token: &'static str,
}

const FAMILIES: [Family; 3] = [
    Family {
        id: "ALIBABA_CLOUD_ACCESS_KEY_ID",
        secret: "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        token: "ALIBABA_CLOUD_SECURITY_TOKEN",
    },
    Family { id: "ALICLOUD_ACCESS_KEY", secret: "ALICLOUD_SECRET_KEY", token: "ALICLOUD_SECURITY_TOKEN" },
    Family {
        id: "ALIBABACLOUD_ACCESS_KEY_ID",
        secret: "ALIBABACLOUD_ACCESS_KEY_SECRET",
        token: "ALIBABACLOUD_SECURITY_TOKEN",
    },
];

const PROFILE: [&str; 3] = ["ALIBABA_CLOUD_PROFILE", "ALICLOUD_PROFILE", "ALIBABACLOUD_PROFILE"];
const REGION: [&str; 4] =
    ["ALIBABA_CLOUD_REGION", "ALIBABA_CLOUD_REGION_ID", "ALICLOUD_REGION", "ALIBABACLOUD_REGION_ID"];
const CLI_FILE: [&str; 1] = ["ALIBABA_CLOUD_CONFIG_FILE"];
/// INI for the SDKs, the CLI's JSON for `alicloud`: which it is, the content tells.
const ANY_FILE: [&str; 2] = ["ALIBABA_CLOUD_CREDENTIALS_FILE", "ALICLOUD_SHARED_CREDENTIALS_FILE"];
const CLI_DISABLED: [&str; 1] = ["ALIBABA_CLOUD_CLI_PROFILE_DISABLED"];
const ECS_ROLE: [&str; 2] = ["ALIBABA_CLOUD_ECS_METADATA", "ALICLOUD_ECS_ROLE_NAME"];
const ECS_DISABLED: [&str; 1] = ["ALIBABA_CLOUD_ECS_METADATA_DISABLED"];
const IMDS_V1_DISABLED: [&str; 1] = ["ALIBABA_CLOUD_IMDSV1_DISABLED"];
/// Ours: the official tools know one address only.
const METADATA_ENDPOINT: [&str; 1] = ["ALIBABA_CLOUD_ECS_METADATA_ENDPOINT"];
const URI: [&str; 2] = ["ALIBABA_CLOUD_CREDENTIALS_URI", "ALICLOUD_CREDENTIALS_URI"];
const PROGRAMS_DISABLED: [&str; 1] = ["ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS"];
const ROLE: [&str; 1] = ["ALIBABA_CLOUD_ROLE_ARN"];
const ROLE_SESSION: [&str; 1] = ["ALIBABA_CLOUD_ROLE_SESSION_NAME"];
/// The `alicloud` provider's own names for the argument `assume_role`; the SDKs' come after them, as there.
const ASSUME_ROLE: [&str; 2] = ["ALICLOUD_ASSUME_ROLE_ARN", "ALIBABA_CLOUD_ROLE_ARN"];
const ASSUME_ROLE_SESSION: [&str; 2] = ["ALICLOUD_ASSUME_ROLE_SESSION_NAME", "ALIBABA_CLOUD_ROLE_SESSION_NAME"];
const ASSUME_ROLE_SECONDS: [&str; 1] = ["ALICLOUD_ASSUME_ROLE_SESSION_EXPIRATION"];
const OIDC_PROVIDER: [&str; 1] = ["ALIBABA_CLOUD_OIDC_PROVIDER_ARN"];
const OIDC_FILE: [&str; 1] = ["ALIBABA_CLOUD_OIDC_TOKEN_FILE"];
const OIDC_TOKEN: [&str; 1] = ["ALIBABA_CLOUD_OIDC_TOKEN"];
const STS_REGION: [&str; 1] = ["ALIBABA_CLOUD_STS_REGION"];
const STS_VPC: [&str; 1] = ["ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED"];
const HOME: [&str; 2] = ["HOME", "USERPROFILE"];

/// The environment variables that matter here, as values. Values of other variables are not kept.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    values: BTreeMap<&'static str, SecretString>,
}

impl Environment {
    /// Every variable this client knows, in no order of importance.
    #[must_use]
    pub fn variables() -> Vec<&'static str> {
        let keys = FAMILIES.iter().flat_map(|family| [family.id, family.secret, family.token]);
        let files = [&PROFILE[..], &REGION, &CLI_FILE, &ANY_FILE, &CLI_DISABLED];
        let sources = [&ECS_ROLE[..], &ECS_DISABLED, &IMDS_V1_DISABLED, &METADATA_ENDPOINT, &URI, &PROGRAMS_DISABLED];
        let roles = [&ASSUME_ROLE[..], &ASSUME_ROLE_SESSION, &ASSUME_ROLE_SECONDS, &STS_REGION, &STS_VPC];
        let oidc = [&OIDC_PROVIDER[..], &OIDC_FILE, &OIDC_TOKEN];
        let lists = files.into_iter().chain(sources).chain(roles).chain(oidc).chain([&HOME[..]]);
        keys.chain(lists.flatten().copied()).collect()
    }

    /// The region, if one is named.
    #[must_use]
    pub fn region(&self) -> Option<String> {
        self.first(&REGION)
    }

    /// The name of the profile to use, if one is named.
    #[must_use]
    pub fn profile(&self) -> Option<String> {
        self.first(&PROFILE)
    }

    /// The role of the ECS instance, if one is named.
    #[must_use]
    pub fn ecs_role_name(&self) -> Option<String> {
        self.first(&ECS_ROLE)
    }

    /// The address of the instance metadata service, if it is another than the real one.
    #[must_use]
    pub fn metadata_endpoint(&self) -> Option<String> {
        self.first(&METADATA_ENDPOINT)
    }

    /// The role for an `assume_role` that does not name one.
    #[must_use]
    pub fn assume_role_arn(&self) -> Option<String> {
        self.first(&ASSUME_ROLE)
    }

    /// The session name for an `assume_role` that has none.
    #[must_use]
    pub fn assume_role_session_name(&self) -> Option<String> {
        self.first(&ASSUME_ROLE_SESSION)
    }

    /// The length of the session for an `assume_role` that has none, as written.
    #[must_use]
    pub fn assume_role_session_seconds(&self) -> Option<String> {
        self.first(&ASSUME_ROLE_SECONDS)
    }

    /// The role of the official SDKs.
    #[must_use]
    pub fn role_arn(&self) -> Option<String> {
        self.first(&ROLE)
    }

    /// The session name of the official SDKs.
    #[must_use]
    pub fn role_session_name(&self) -> Option<String> {
        self.first(&ROLE_SESSION)
    }

    /// The identity provider.
    #[must_use]
    pub fn oidc_provider_arn(&self) -> Option<String> {
        self.first(&OIDC_PROVIDER)
    }

    /// The identity provider's token: its file, else itself.
    #[must_use]
    pub fn oidc_token(&self) -> Option<OidcToken> {
        let file = self.first(&OIDC_FILE).map(|path| OidcToken::File(self.expand(&path)));
        file.or_else(|| {
            OIDC_TOKEN.iter().find_map(|name| self.get(name)).cloned().map(|text| OidcToken::Text(text.into()))
        })
    }

    /// The role that a Pod's environment names (RRSA), or what is missing.
    pub(super) fn oidc(&self) -> Result<OidcSettings, CredentialError> {
        let names = [OIDC_FILE, ROLE, OIDC_PROVIDER].concat();
        let unset: Vec<&str> = names.iter().filter(|name| self.get(name).is_none()).copied().collect();
        match (self.first(&OIDC_FILE), self.first(&ROLE), self.first(&OIDC_PROVIDER)) {
            (Some(file), Some(role_arn), Some(provider_arn)) => Ok(OidcSettings {
                role: RoleSettings { role_arn, session_name: self.role_session_name(), ..RoleSettings::default() },
                provider_arn,
                token: OidcToken::File(self.expand(&file)),
            }),
            (None, None, None) => {
                Err(CredentialError::NotConfigured { reason: format!("none of {} is set", names.join(", ")) })
            }
            _ => Err(CredentialError::Incomplete { reason: format!("not set: {}", unset.join(", ")) }),
        }
    }

    pub(super) fn credentials_uri(&self) -> Option<SecretString> {
        URI.iter().find_map(|name| self.get(name)).cloned()
    }

    pub(super) fn sts_place(&self) -> StsPlace {
        StsPlace { region: self.first(&STS_REGION), vpc: self.is_true(&STS_VPC) }
    }

    pub(super) fn cli_profile_is_disabled(&self) -> bool {
        self.is_true(&CLI_DISABLED)
    }

    pub(super) fn metadata_is_allowed(&self) -> bool {
        !self.is_true(&ECS_DISABLED)
    }

    pub(super) fn metadata_version_1_is_allowed(&self) -> bool {
        !self.is_true(&IMDS_V1_DISABLED)
    }

    pub(super) fn programs_are_allowed(&self) -> bool {
        !self.is_true(&PROGRAMS_DISABLED) && self.first(&PROGRAMS_DISABLED).is_none_or(|value| value != "1")
    }

    fn is_true(&self, names: &[&str]) -> bool {
        self.first(names).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The CLI's file: the one named, else `~/.aliyun/config.json`; `None` if switched off.
    fn cli_file(&self) -> Option<PathBuf> {
        if self.cli_profile_is_disabled() {
            return None;
        }
        self.first(&CLI_FILE).map(|path| self.expand(&path)).or_else(|| Some(self.home()?.join(".aliyun/config.json")))
    }

    /// Every file that may hold profiles, in the order in which they are tried.
    pub(super) fn profile_files(&self) -> Vec<PathBuf> {
        self.cli_file().into_iter().chain(self.credentials_files()).collect()
    }

    /// The file of keys that a variable names.
    pub(super) fn named_credentials_file(&self) -> Option<PathBuf> {
        self.first(&ANY_FILE).map(|path| self.expand(&path))
    }

    /// The file of keys: the one named, else the SDKs' two default names.
    fn credentials_files(&self) -> Vec<PathBuf> {
        if let Some(named) = self.named_credentials_file() {
            return vec![named];
        }
        // The documentation and the Go SDK say `credentials`, the Python SDK `credentials.ini`.
        let home = self.home();
        home.map(|home| {
            [".alibabacloud/credentials", ".alibabacloud/credentials.ini"].map(|name| home.join(name)).into()
        })
        .unwrap_or_default()
    }

    /// Resolves a leading `~/`.
    #[must_use]
    pub fn expand(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), self.home()) {
            (Some(rest), Some(home)) => home.join(rest),
            (_, _) => PathBuf::from(path),
        }
    }

    fn home(&self) -> Option<PathBuf> {
        self.first(&HOME).map(PathBuf::from)
    }

    fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.get(name)).map(|value| value.expose().to_owned())
    }

    fn get(&self, name: &str) -> Option<&SecretString> {
        self.values.get(name).filter(|value| !value.is_empty())
    }
}

impl<N: AsRef<str>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let known = Self::variables();
        let keep = |(name, value): (N, V)| {
            let name = known.iter().find(|known| **known == name.as_ref())?;
            Some((*name, SecretString::new(value)))
        };
        Self { values: variables.into_iter().filter_map(keep).collect() }
    }
}

/// Keys in environment variables.
#[derive(Clone, Debug)]
pub struct EnvironmentSource {
    environment: Environment,
}

impl EnvironmentSource {
    /// Looks at `environment`.
    #[must_use]
    pub fn new(environment: Environment) -> Self {
        Self { environment }
    }

    fn credentials(&self) -> Result<Credentials, CredentialError> {
        let mut half = None;
        for family in &FAMILIES {
            match (self.environment.get(family.id), self.environment.get(family.secret)) {
                (Some(id), Some(secret)) => {
                    return Ok(Credentials {
                        access_key_id: AccessKeyId::new(id.expose()),
                        access_key_secret: AccessKeySecret::from(secret.clone()),
                        security_token: self.environment.get(family.token).cloned().map(SecurityToken::from),
                        expires_at: None,
                    });
                }
                (Some(_), None) => half = half.or(Some((family.id, family.secret))),
                (None, Some(_)) => half = half.or(Some((family.secret, family.id))),
                (None, None) => {}
            }
        }
        Err(match half {
            Some((set, unset)) => CredentialError::Incomplete { reason: format!("{set} is set, {unset} is not") },
            None => {
                let names: Vec<&str> = FAMILIES.iter().map(|family| family.id).collect();
                CredentialError::NotConfigured { reason: format!("none of {} is set", names.join(", ")) }
            }
        })
    }
}

impl CredentialSource for EnvironmentSource {
    fn name(&self) -> String {
        "environment variables".to_owned()
    }

    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        ready(self.credentials()).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch(variables: &[(&str, &str)]) -> Result<Credentials, CredentialError> {
        EnvironmentSource::new(variables.iter().copied().collect()).credentials()
    }

    #[test]
    fn families_are_tried_in_order_and_never_mixed() {
        let sdk = [("ALIBABA_CLOUD_ACCESS_KEY_ID", "sdk"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "s1")];
        let alicloud = [("ALICLOUD_ACCESS_KEY", "tf"), ("ALICLOUD_SECRET_KEY", "s2")];
        let cli = [
            ("ALIBABACLOUD_ACCESS_KEY_ID", "cli"),
            ("ALIBABACLOUD_ACCESS_KEY_SECRET", "s3"),
            ("ALIBABACLOUD_SECURITY_TOKEN", "t3"),
        ];
        let id =
            |variables: &[&[(&str, &str)]]| fetch(&variables.concat()).map(|found| found.access_key_id.to_string());
        assert_eq!(id(&[&cli, &alicloud, &sdk]).unwrap(), "sdk");
        assert_eq!(id(&[&cli, &alicloud]).unwrap(), "tf");
        assert_eq!(id(&[&cli, &sdk[..1]]).unwrap(), "cli", "half a pair does not win");
        assert!(fetch(&alicloud).unwrap().security_token.is_none());
        assert_eq!(fetch(&cli).unwrap().security_token.unwrap().expose(), "t3");
        let mixed = id(&[&sdk[..1], &alicloud[1..]]).unwrap_err();
        assert_eq!(mixed.to_string(), "ALIBABA_CLOUD_ACCESS_KEY_ID is set, ALIBABA_CLOUD_ACCESS_KEY_SECRET is not");
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let found = fetch(&[("ALIBABA_CLOUD_ACCESS_KEY_ID", ""), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "")]);
        assert!(matches!(found, Err(CredentialError::NotConfigured { .. })), "{found:?}");
    }

    #[test]
    fn unknown_variables_are_not_kept_and_known_ones_not_shown() {
        let environment: Environment =
            [("DATABASE_PASSWORD", "canary"), ("ALICLOUD_SECRET_KEY", "canary")].into_iter().collect();
        assert_eq!(environment.values.len(), 1);
        assert!(!format!("{environment:?}").contains("canary"));
    }

    #[test]
    fn files_are_found_below_home_unless_named() {
        let home: Environment = [("HOME", "/home/u")].into_iter().collect();
        assert_eq!(home.cli_file().unwrap(), PathBuf::from("/home/u/.aliyun/config.json"));
        assert_eq!(home.credentials_files().len(), 2);
        let named: Environment = [
            ("HOME", "/home/u"),
            ("ALIBABA_CLOUD_CONFIG_FILE", "~/c.json"),
            ("ALIBABA_CLOUD_CREDENTIALS_FILE", "/etc/keys"),
        ]
        .into_iter()
        .collect();
        assert_eq!(named.cli_file().unwrap(), PathBuf::from("/home/u/c.json"));
        assert_eq!(named.credentials_files(), [PathBuf::from("/etc/keys")]);
        let off: Environment =
            [("HOME", "/home/u"), ("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "True")].into_iter().collect();
        assert_eq!(off.cli_file(), None);
        assert!(Environment::default().credentials_files().is_empty());
    }
}
