//! What a profile file says: the CLI's JSON (`~/.aliyun/config.json`) or the SDKs' INI (`~/.alibabacloud/credentials`).
//!
//! Which of the two a file is, its content tells, not its name: the same variable names an INI file for the SDKs and a
//! JSON file for the `alicloud` provider. A profile is read into what it asks for ([`Wanted`]), and nothing is asked here.
//! No error quotes the file: a parser's message could show a key.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use super::{CredentialError, Credentials, OidcSettings, OidcToken, RoleSettings, StsPlace};
use crate::cloud::{
    id::AccessKeyId,
    secret::{AccessKeySecret, SecretString, SecurityToken},
};

/// Name of the INI section, and of the CLI profile, when nothing names one.
const DEFAULT_PROFILE: &str = "default";

/// Longest chain of profiles that name each other as their source.
const MAX_SOURCES: usize = 16;

/// What a profile asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Keys that stand in the file.
    Keys(Credentials),
    /// A role, assumed with what another profile, or the same, asks for.
    Role {
        /// With what.
        keys: Box<Self>,
        /// Which role.
        role: RoleSettings,
        /// Where the security token service is asked.
        place: StsPlace,
    },
    /// A role, assumed with an identity provider's token.
    Oidc {
        /// Which role, and who vouches.
        settings: OidcSettings,
        /// Where the security token service is asked.
        place: StsPlace,
    },
    /// The role of the ECS instance.
    Instance {
        /// Its name, if the profile names it.
        role_name: Option<String>,
    },
    /// A credentials URI.
    Uri(SecretString),
    /// An external program.
    Process(SecretString),
}

/// A parsed profile file.
#[derive(Clone, Debug)]
pub enum ProfileFile {
    /// The CLI's JSON.
    Json(CliFile),
    /// The SDKs' INI: sections of keys and values.
    Ini(BTreeMap<String, BTreeMap<String, SecretString>>),
}

/// The CLI's JSON file, as far as it is used.
#[derive(Clone, Debug, Deserialize)]
pub struct CliFile {
    #[serde(default)]
    current: Option<String>,
    #[serde(default)]
    profiles: Vec<CliProfile>,
}

#[derive(Clone, Debug, Deserialize)]
struct CliProfile {
    name: String,
    #[serde(default)]
    mode: Option<String>,
    #[serde(default)]
    access_key_id: Option<String>,
    #[serde(default)]
    access_key_secret: Option<SecretString>,
    #[serde(default)]
    sts_token: Option<SecretString>,
    #[serde(default)]
    ram_role_arn: Option<String>,
    #[serde(default)]
    ram_session_name: Option<String>,
    #[serde(default)]
    expired_seconds: Option<u32>,
    #[serde(default)]
    policy: Option<String>,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    sts_region: Option<String>,
    #[serde(default)]
    enable_vpc: Option<bool>,
    #[serde(default)]
    source_profile: Option<String>,
    #[serde(default)]
    ram_role_name: Option<String>,
    #[serde(default)]
    oidc_provider_arn: Option<String>,
    #[serde(default)]
    oidc_token_file: Option<String>,
    #[serde(default)]
    credentials_uri: Option<SecretString>,
    #[serde(default)]
    process_command: Option<SecretString>,
}

impl ProfileFile {
    /// Reads a file by its content: JSON if the first character is `{`, else INI.
    ///
    /// # Errors
    ///
    /// [`CredentialError::Malformed`], without quoting the content.
    pub fn parse(path: &Path, content: &[u8]) -> Result<Self, CredentialError> {
        let malformed = |reason: String| CredentialError::Malformed { path: path.to_owned(), reason };
        let text = std::str::from_utf8(content).map_err(|_| malformed("it is not UTF-8 text".to_owned()))?;
        let text = text.trim_start_matches('\u{feff}');
        if text.trim_start().starts_with('{') {
            // The parser's own message may quote a value: say only where it stopped.
            serde_json::from_str(text).map(Self::Json).map_err(|error| {
                malformed(format!("the JSON is not as expected at line {}, column {}", error.line(), error.column()))
            })
        } else {
            parse_ini(text).map(Self::Ini).map_err(malformed)
        }
    }

    /// What `profile`, or the file's own current profile, asks for.
    ///
    /// # Errors
    ///
    /// If the profile is not there, is incomplete, or is of a mode that this version cannot use.
    pub fn wanted(&self, path: &Path, profile: Option<&str>) -> Result<Wanted, CredentialError> {
        match self {
            Self::Json(file) => {
                let current = file.current.as_deref().filter(|current| !current.is_empty());
                file.wanted(path, profile.or(current).unwrap_or(DEFAULT_PROFILE), &mut Vec::new())
            }
            Self::Ini(sections) => {
                let name = profile.unwrap_or(DEFAULT_PROFILE);
                let values = sections.get(name).ok_or_else(|| no_such_profile(path, name))?;
                Section { path, name, values }.wanted()
            }
        }
    }
}

impl CliFile {
    /// `seen` are the profiles that led here.
    fn wanted<'a>(&'a self, path: &Path, name: &'a str, seen: &mut Vec<&'a str>) -> Result<Wanted, CredentialError> {
        let at = |reason: String| CredentialError::Incomplete { reason };
        if seen.contains(&name) || seen.len() >= MAX_SOURCES {
            seen.push(name);
            let names: Vec<String> = seen.iter().map(|name| format!("{name:?}")).collect();
            let reason = format!("the profiles of {} name each other as source: {}", path.display(), names.join(", "));
            return Err(at(reason));
        }
        seen.push(name);
        let Some(found) = self.profiles.iter().find(|candidate| candidate.name == name) else {
            return Err(no_such_profile(path, name));
        };
        let field = |field: &str, value: &Option<String>| filled(value).ok_or_else(|| incomplete(path, name, field));
        let secret_field = |field: &str, value: &Option<SecretString>| {
            value.clone().filter(|value| !value.is_empty()).ok_or_else(|| incomplete(path, name, field))
        };
        let keys = |token: Option<SecretString>| {
            Ok(Credentials {
                access_key_id: AccessKeyId::new(field("access_key_id", &found.access_key_id)?),
                access_key_secret: secret_field("access_key_secret", &found.access_key_secret)?.into(),
                security_token: token.map(SecurityToken::from),
                expires_at: None,
            })
        };
        let role = || {
            Ok(RoleSettings {
                role_arn: field("ram_role_arn", &found.ram_role_arn)?,
                session_name: filled(&found.ram_session_name),
                // The CLI writes 0 for "not set".
                session_seconds: found.expired_seconds.filter(|seconds| *seconds > 0),
                policy: filled(&found.policy),
                external_id: filled(&found.external_id),
            })
        };
        let place = || StsPlace { region: filled(&found.sts_region), vpc: found.enable_vpc.unwrap_or_default() };
        // The CLI compares modes without regard to case.
        let mode = field("mode", &found.mode)?;
        match mode.to_ascii_lowercase().as_str() {
            "ak" => Ok(Wanted::Keys(keys(None)?)),
            "ststoken" => Ok(Wanted::Keys(keys(Some(secret_field("sts_token", &found.sts_token)?))?)),
            "ramrolearn" => {
                let token = found.sts_token.clone().filter(|token| !token.is_empty());
                let keys = Box::new(Wanted::Keys(keys(token)?));
                Ok(Wanted::Role { keys, role: role()?, place: place() })
            }
            "chainableramrolearn" => {
                let source = found.source_profile.as_deref().filter(|source| !source.is_empty());
                let source = source.ok_or_else(|| incomplete(path, name, "source_profile"))?;
                let keys = Box::new(self.wanted(path, source, seen)?);
                Ok(Wanted::Role { keys, role: role()?, place: place() })
            }
            "ecsramrole" => Ok(Wanted::Instance { role_name: filled(&found.ram_role_name) }),
            "oidc" => {
                let settings = OidcSettings {
                    role: role()?,
                    provider_arn: field("oidc_provider_arn", &found.oidc_provider_arn)?,
                    token: OidcToken::File(field("oidc_token_file", &found.oidc_token_file)?.into()),
                };
                Ok(Wanted::Oidc { settings, place: place() })
            }
            "credentialsuri" => Ok(Wanted::Uri(secret_field("credentials_uri", &found.credentials_uri)?)),
            "external" => Ok(Wanted::Process(secret_field("process_command", &found.process_command)?)),
            _ => Err(mode_not_supported(path, name, &mode)),
        }
    }
}

/// A section of an INI file.
#[derive(Clone, Copy)]
struct Section<'a> {
    path: &'a Path,
    name: &'a str,
    values: &'a BTreeMap<String, SecretString>,
}

impl Section<'_> {
    fn optional(&self, key: &str) -> Option<&SecretString> {
        self.values.get(key).filter(|value| !value.is_empty())
    }

    fn text(&self, key: &str) -> Option<String> {
        self.optional(key).map(|value| value.expose().to_owned())
    }

    fn required(&self, key: &str) -> Result<&SecretString, CredentialError> {
        self.optional(key).ok_or_else(|| incomplete(self.path, self.name, key))
    }

    fn keys(&self) -> Result<Credentials, CredentialError> {
        Ok(Credentials {
            access_key_id: AccessKeyId::new(self.required("access_key_id")?.expose()),
            access_key_secret: AccessKeySecret::from(self.required("access_key_secret")?.clone()),
            security_token: None,
            expires_at: None,
        })
    }

    fn role(&self) -> Result<RoleSettings, CredentialError> {
        Ok(RoleSettings {
            role_arn: self.required("role_arn")?.expose().to_owned(),
            session_name: self.text("role_session_name"),
            session_seconds: None,
            policy: self.text("policy"),
            external_id: None,
        })
    }

    fn wanted(&self) -> Result<Wanted, CredentialError> {
        let place = StsPlace::default();
        match self.required("type")?.expose() {
            "access_key" => Ok(Wanted::Keys(self.keys()?)),
            "ram_role_arn" => {
                Ok(Wanted::Role { keys: Box::new(Wanted::Keys(self.keys()?)), role: self.role()?, place })
            }
            "oidc_role_arn" => {
                let settings = OidcSettings {
                    role: self.role()?,
                    provider_arn: self.required("oidc_provider_arn")?.expose().to_owned(),
                    token: OidcToken::File(self.required("oidc_token_file_path")?.expose().into()),
                };
                Ok(Wanted::Oidc { settings, place })
            }
            "ecs_ram_role" => Ok(Wanted::Instance { role_name: self.text("role_name") }),
            kind => Err(mode_not_supported(self.path, self.name, kind)),
        }
    }
}

fn filled(value: &Option<String>) -> Option<String> {
    value.clone().filter(|value| !value.is_empty())
}

/// `[section]`, `key = value`, `#` starts a comment even after a value, `;` at the start of a line.
fn parse_ini(text: &str) -> Result<BTreeMap<String, BTreeMap<String, SecretString>>, String> {
    let mut sections: BTreeMap<String, BTreeMap<String, SecretString>> = BTreeMap::new();
    let mut current: Option<String> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with(';') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let name = name.trim().to_owned();
            sections.entry(name.clone()).or_default();
            current = Some(name);
            continue;
        }
        let number = index + 1;
        let (key, value) = line.split_once('=').ok_or_else(|| format!("line {number} is neither section nor key"))?;
        let section = current.as_ref().and_then(|name| sections.get_mut(name));
        let section = section.ok_or_else(|| format!("line {number} is in no section"))?;
        section.insert(key.trim().to_owned(), SecretString::new(value.trim()));
    }
    Ok(sections)
}

fn no_such_profile(path: &Path, name: &str) -> CredentialError {
    CredentialError::NotConfigured { reason: format!("{} has no profile {name:?}", path.display()) }
}

fn incomplete(path: &Path, name: &str, field: &str) -> CredentialError {
    CredentialError::Incomplete { reason: format!("profile {name:?} in {} has no {field}", path.display()) }
}

fn mode_not_supported(path: &Path, name: &str, mode: &str) -> CredentialError {
    CredentialError::ModeNotSupported { path: path.to_owned(), profile: name.to_owned(), mode: mode.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str, profile: Option<&str>) -> Result<Wanted, CredentialError> {
        let path = Path::new("keys");
        ProfileFile::parse(path, content.as_bytes())?.wanted(path, profile)
    }

    fn keys(content: &str, profile: Option<&str>) -> Credentials {
        match read(content, profile) {
            Ok(Wanted::Keys(keys)) => keys,
            other => panic!("{other:?}"),
        }
    }

    const JSON: &str = r#"{
      "current": "prod",
      "profiles": [
        {"name": "prod", "mode": "AK", "access_key_id": "id-p", "access_key_secret": "secret-p", "sts_token": "stale"},
        {"name": "temp", "mode": "ststoken", "access_key_id": "id-t", "access_key_secret": "s", "sts_token": "token-t"},
        {"name": "role", "mode": "RamRoleArn", "access_key_id": "id-r", "access_key_secret": "s",
         "ram_role_arn": "acs:ram::1:role/a", "ram_session_name": "me", "expired_seconds": 900, "policy": "{}",
         "external_id": "x", "sts_region": "cn-hangzhou", "enable_vpc": true},
        {"name": "chained", "mode": "ChainableRamRoleArn", "source_profile": "role", "ram_role_arn": "acs:ram::2:role/b",
         "expired_seconds": 0},
        {"name": "ecs", "mode": "EcsRamRole", "ram_role_name": "node"},
        {"name": "ecs-any", "mode": "EcsRamRole", "ram_role_name": ""},
        {"name": "pod", "mode": "OIDC", "ram_role_arn": "acs:ram::1:role/a", "oidc_provider_arn": "p",
         "oidc_token_file": "/token"},
        {"name": "uri", "mode": "CredentialsURI", "credentials_uri": "http://127.0.0.1/secret-path"},
        {"name": "program", "mode": "External", "process_command": "give-keys secret-argument"},
        {"name": "half", "mode": "AK", "access_key_id": "id-h", "access_key_secret": ""},
        {"name": "tokenless", "mode": "StsToken", "access_key_id": "id-x", "access_key_secret": "s"},
        {"name": "roleless", "mode": "RamRoleArn", "access_key_id": "id-x", "access_key_secret": "s"},
        {"name": "modeless"},
        {"name": "sourceless", "mode": "ChainableRamRoleArn", "ram_role_arn": "r"},
        {"name": "round", "mode": "ChainableRamRoleArn", "ram_role_arn": "r", "source_profile": "and-round"},
        {"name": "and-round", "mode": "ChainableRamRoleArn", "ram_role_arn": "r", "source_profile": "round"},
        {"name": "dangling", "mode": "ChainableRamRoleArn", "ram_role_arn": "r", "source_profile": "nobody"},
        {"name": "sso", "mode": "CloudSSO"}
      ]
    }"#;

    const INI: &str = "; keys\n[default]\ntype = access_key # the usual\naccess_key_id = id-d\naccess_key_secret = s-d#x\n\
                       [role]\ntype=ram_role_arn\naccess_key_id=i\naccess_key_secret=s\nrole_arn=acs:ram::1:role/a\n\
                       role_session_name=me\npolicy={}\n[half]\ntype=access_key\naccess_key_id=i\n\
                       [pod]\ntype=oidc_role_arn\nrole_arn=acs:ram::1:role/a\noidc_provider_arn=p\n\
                       oidc_token_file_path=/token\n[ecs]\ntype=ecs_ram_role\nrole_name=node\n[rsa]\ntype=rsa_key_pair\n";

    #[test]
    fn the_content_decides_between_json_and_ini() {
        assert_eq!(keys(JSON, None).access_key_id.as_str(), "id-p");
        assert_eq!(keys(&format!("\u{feff}\n {JSON}"), None).access_key_id.as_str(), "id-p");
        let ini = keys(INI, None);
        assert_eq!((ini.access_key_id.as_str(), ini.access_key_secret.expose()), ("id-d", "s-d"));
    }

    #[test]
    fn only_mode_sts_token_takes_the_token() {
        assert!(keys(JSON, Some("prod")).security_token.is_none());
        assert_eq!(keys(JSON, Some("temp")).security_token.unwrap().expose(), "token-t");
    }

    #[test]
    fn every_mode_is_read_with_all_its_fields() {
        let base = |id: &str| {
            Box::new(Wanted::Keys(Credentials {
                access_key_id: AccessKeyId::new(id),
                access_key_secret: AccessKeySecret::new("s"),
                security_token: None,
                expires_at: None,
            }))
        };
        let role_a = || RoleSettings { role_arn: "acs:ram::1:role/a".to_owned(), ..RoleSettings::default() };
        let whole = Wanted::Role {
            keys: base("id-r"),
            role: RoleSettings {
                session_name: Some("me".to_owned()),
                session_seconds: Some(900),
                policy: Some("{}".to_owned()),
                external_id: Some("x".to_owned()),
                ..role_a()
            },
            place: StsPlace { region: Some("cn-hangzhou".to_owned()), vpc: true },
        };
        let pod = || Wanted::Oidc {
            settings: OidcSettings {
                role: role_a(),
                provider_arn: "p".to_owned(),
                token: OidcToken::File("/token".into()),
            },
            place: StsPlace::default(),
        };
        let chained = Wanted::Role {
            keys: Box::new(whole.clone()),
            role: RoleSettings { role_arn: "acs:ram::2:role/b".to_owned(), ..RoleSettings::default() },
            place: StsPlace::default(),
        };
        let ini_role = Wanted::Role {
            keys: base("i"),
            role: RoleSettings { session_name: Some("me".to_owned()), policy: Some("{}".to_owned()), ..role_a() },
            place: StsPlace::default(),
        };
        let instance = |name: Option<&str>| Wanted::Instance { role_name: name.map(str::to_owned) };
        for (file, profile, expected) in [
            (JSON, "role", whole),
            (JSON, "chained", chained),
            (JSON, "ecs", instance(Some("node"))),
            (JSON, "ecs-any", instance(None)),
            (JSON, "pod", pod()),
            (JSON, "uri", Wanted::Uri(SecretString::new("http://127.0.0.1/secret-path"))),
            (JSON, "program", Wanted::Process(SecretString::new("give-keys secret-argument"))),
            (INI, "role", ini_role),
            (INI, "pod", pod()),
            (INI, "ecs", instance(Some("node"))),
        ] {
            assert_eq!(read(file, Some(profile)).unwrap(), expected, "{profile}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_profile_is_said() {
        let cases = [
            (JSON, "sso", r#"profile "sso" in keys has mode "CloudSSO", which this version does not support"#),
            (INI, "rsa", r#"profile "rsa" in keys has mode "rsa_key_pair", which this version does not support"#),
            (JSON, "half", r#"profile "half" in keys has no access_key_secret"#),
            (JSON, "tokenless", r#"profile "tokenless" in keys has no sts_token"#),
            (JSON, "roleless", r#"profile "roleless" in keys has no ram_role_arn"#),
            (JSON, "modeless", r#"profile "modeless" in keys has no mode"#),
            (JSON, "sourceless", r#"profile "sourceless" in keys has no source_profile"#),
            (JSON, "round", r#"the profiles of keys name each other as source: "round", "and-round", "round""#),
            (JSON, "dangling", r#"keys has no profile "nobody""#),
            (INI, "half", r#"profile "half" in keys has no access_key_secret"#),
            (JSON, "other", r#"keys has no profile "other""#),
            (INI, "other", r#"keys has no profile "other""#),
        ];
        for (file, profile, expected) in cases {
            assert_eq!(read(file, Some(profile)).unwrap_err().to_string(), expected, "{profile}");
        }
    }

    #[test]
    fn no_message_quotes_the_file() {
        for content in [
            r#"{"profiles": "canary-secret"}"#,
            r#"{"profiles": [{"name": "a", "access_key_secret": 7, "x": "canary-secret"}]}"#,
            "[default]\ncanary-secret\n",
            "canary-secret = 1\n",
        ] {
            let error = read(content, None).unwrap_err();
            assert!(!error.to_string().contains("canary"), "{error}");
            assert!(matches!(error, CredentialError::Malformed { .. }), "{error:?}");
        }
        let parsed = ProfileFile::parse(Path::new("k"), JSON.as_bytes()).unwrap();
        let mut shown = format!("{parsed:?}");
        for profile in ["prod", "temp", "role", "uri", "program"] {
            shown.push_str(&format!("{:?}", read(JSON, Some(profile)).unwrap()));
        }
        for secret in ["secret-p", "token-t", "secret-path", "secret-argument"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
