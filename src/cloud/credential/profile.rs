//! Keys in a profile file: the CLI's JSON (`~/.aliyun/config.json`) or the SDKs' INI (`~/.alibabacloud/credentials`).
//!
//! Which of the two a file is, its content tells, not its name: the same variable names an INI file for the SDKs and a
//! JSON file for the `alicloud` provider. No error quotes the file: a parser's message could show a key.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use futures_util::future::{BoxFuture, FutureExt, ready};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{CredentialError, CredentialSource, Credentials};
use crate::cloud::{
    id::AccessKeyId,
    secret::{AccessKeySecret, SecretString, SecurityToken},
};

/// Name of the INI section, and of the CLI profile, when nothing names one.
const DEFAULT_PROFILE: &str = "default";

/// A profile file, read afresh at each fetch.
#[derive(Clone, Debug)]
pub struct ProfileSource {
    path: PathBuf,
    profile: Option<String>,
    explicit: bool,
}

impl ProfileSource {
    /// The profile the official tools would use by themselves; if it is not there, the next link of the chain is tried.
    #[must_use]
    pub fn ambient(path: PathBuf, profile: Option<String>) -> Self {
        Self { path, profile, explicit: false }
    }

    /// A profile or file named in the configuration; if it is not there, that is an error.
    #[must_use]
    pub fn explicit(path: PathBuf, profile: Option<String>) -> Self {
        Self { path, profile, explicit: true }
    }

    fn credentials(&self) -> Result<Credentials, CredentialError> {
        let content = match fs::read(&self.path) {
            Ok(content) => Zeroizing::new(content),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(CredentialError::NotConfigured { reason: format!("there is no {}", self.path.display()) });
            }
            Err(error) => return Err(CredentialError::Unreadable { path: self.path.clone(), kind: error.kind() }),
        };
        ProfileFile::parse(&self.path, &content)?.credentials(&self.path, self.profile.as_deref())
    }
}

impl CredentialSource for ProfileSource {
    fn name(&self) -> String {
        match &self.profile {
            Some(profile) => format!("profile {profile:?} of {}", self.path.display()),
            None => format!("profile file {}", self.path.display()),
        }
    }

    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        // A small local file, read a few times in the life of a process: not worth a blocking thread.
        ready(self.credentials()).boxed()
    }

    fn is_explicit(&self) -> bool {
        self.explicit
    }
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

    /// The keys of `profile`, or of the file's own current profile.
    ///
    /// # Errors
    ///
    /// If the profile is not there, is incomplete, or is of a mode that needs more than keys.
    pub fn credentials(&self, path: &Path, profile: Option<&str>) -> Result<Credentials, CredentialError> {
        match self {
            Self::Json(file) => file.credentials(path, profile),
            Self::Ini(sections) => ini_credentials(sections, path, profile.unwrap_or(DEFAULT_PROFILE)),
        }
    }
}

impl CliFile {
    fn credentials(&self, path: &Path, profile: Option<&str>) -> Result<Credentials, CredentialError> {
        let current = self.current.as_deref().filter(|current| !current.is_empty());
        let name = profile.or(current).unwrap_or(DEFAULT_PROFILE);
        let Some(found) = self.profiles.iter().find(|candidate| candidate.name == name) else {
            return Err(no_such_profile(path, name));
        };
        let mode = found.mode.as_deref().unwrap_or_default();
        // The CLI compares modes without regard to case.
        let sts = mode.eq_ignore_ascii_case("StsToken");
        if mode.is_empty() {
            return Err(incomplete(path, name, "mode"));
        }
        if !sts && !mode.eq_ignore_ascii_case("AK") {
            return Err(mode_not_supported(path, name, mode));
        }
        let id = found.access_key_id.as_deref().filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| incomplete(path, name, "access_key_id"))?;
        let secret = found.access_key_secret.clone().filter(|secret| !secret.is_empty());
        let secret = secret.ok_or_else(|| incomplete(path, name, "access_key_secret"))?;
        let token = found.sts_token.clone().filter(|token| sts && !token.is_empty());
        if sts && token.is_none() {
            return Err(incomplete(path, name, "sts_token"));
        }
        Ok(Credentials {
            access_key_id: AccessKeyId::new(id),
            access_key_secret: AccessKeySecret::from(secret),
            security_token: token.map(SecurityToken::from),
            expires_at: None,
        })
    }
}

fn ini_credentials(
    sections: &BTreeMap<String, BTreeMap<String, SecretString>>,
    path: &Path,
    name: &str,
) -> Result<Credentials, CredentialError> {
    let section = sections.get(name).ok_or_else(|| no_such_profile(path, name))?;
    let value =
        |key: &str| section.get(key).filter(|value| !value.is_empty()).ok_or_else(|| incomplete(path, name, key));
    let kind = value("type")?.expose();
    if kind != "access_key" {
        return Err(mode_not_supported(path, name, kind));
    }
    Ok(Credentials {
        access_key_id: AccessKeyId::new(value("access_key_id")?.expose()),
        access_key_secret: AccessKeySecret::from(value("access_key_secret")?.clone()),
        security_token: None,
        expires_at: None,
    })
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

    fn read(content: &str, profile: Option<&str>) -> Result<Credentials, CredentialError> {
        let path = Path::new("keys");
        ProfileFile::parse(path, content.as_bytes())?.credentials(path, profile)
    }

    const JSON: &str = r#"{
      "current": "prod",
      "profiles": [
        {"name": "prod", "mode": "AK", "access_key_id": "id-p", "access_key_secret": "secret-p", "sts_token": "stale"},
        {"name": "temp", "mode": "ststoken", "access_key_id": "id-t", "access_key_secret": "s", "sts_token": "token-t"},
        {"name": "role", "mode": "RamRoleArn", "access_key_id": "id-r", "access_key_secret": "s"},
        {"name": "half", "mode": "AK", "access_key_id": "id-h", "access_key_secret": ""},
        {"name": "tokenless", "mode": "StsToken", "access_key_id": "id-x", "access_key_secret": "s"}
      ]
    }"#;

    const INI: &str = "; keys\n[default]\ntype = access_key # the usual\naccess_key_id = id-d\naccess_key_secret = s-d#x\n\
                       [role]\ntype=ram_role_arn\n[half]\ntype=access_key\naccess_key_id=i\n";

    #[test]
    fn the_content_decides_between_json_and_ini() {
        assert_eq!(read(JSON, None).unwrap().access_key_id.as_str(), "id-p");
        assert_eq!(read(&format!("\u{feff}\n {JSON}"), None).unwrap().access_key_id.as_str(), "id-p");
        let ini = read(INI, None).unwrap();
        assert_eq!((ini.access_key_id.as_str(), ini.access_key_secret.expose()), ("id-d", "s-d"));
    }

    #[test]
    fn only_mode_sts_token_takes_the_token() {
        assert!(read(JSON, Some("prod")).unwrap().security_token.is_none());
        let temporary = read(JSON, Some("temp")).unwrap();
        assert_eq!(temporary.security_token.unwrap().expose(), "token-t");
    }

    #[test]
    fn what_is_wrong_with_a_profile_is_said() {
        let cases = [
            (JSON, "role", r#"profile "role" in keys has mode "RamRoleArn", which this version does not support"#),
            (INI, "role", r#"profile "role" in keys has mode "ram_role_arn", which this version does not support"#),
            (JSON, "half", r#"profile "half" in keys has no access_key_secret"#),
            (JSON, "tokenless", r#"profile "tokenless" in keys has no sts_token"#),
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
        assert!(!format!("{:?}", ProfileFile::parse(Path::new("k"), JSON.as_bytes()).unwrap()).contains("secret-p"));
    }

    #[tokio::test]
    async fn the_file_is_read_again_at_each_fetch() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys");
        let source = ProfileSource::ambient(path.clone(), None);
        assert!(matches!(source.fetch().await, Err(CredentialError::NotConfigured { .. })));
        fs::write(&path, INI).unwrap();
        assert_eq!(source.fetch().await.unwrap().access_key_id.as_str(), "id-d");
        fs::write(&path, INI.replace("id-d", "id-2")).unwrap();
        assert_eq!(source.fetch().await.unwrap().access_key_id.as_str(), "id-2");
    }
}
