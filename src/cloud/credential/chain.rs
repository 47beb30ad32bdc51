//! The links of the chain, their order, and the record of what each said.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use super::{
    CredentialError, CredentialSource, Credentials, Environment, EnvironmentSource, ExplicitSource, ProfileSource,
};
use crate::cloud::{
    id::AccessKeyId,
    secret::{AccessKeySecret, SecurityToken},
};

/// One link that gave no keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkFailure {
    /// The link, as a user would call it.
    pub link: String,
    /// Why it gave none.
    pub error: CredentialError,
}

impl fmt::Display for LinkFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.link, self.error)
    }
}

/// What the configuration says about credentials. Empty means: look where the official tools look.
#[derive(Clone, Debug, Default)]
pub struct CredentialSettings {
    /// `access_key`
    pub access_key_id: Option<AccessKeyId>,
    /// `secret_key`
    pub access_key_secret: Option<AccessKeySecret>,
    /// `security_token`
    pub security_token: Option<SecurityToken>,
    /// `profile`
    pub profile: Option<String>,
    /// `shared_credentials_file`
    pub credentials_file: Option<String>,
}

/// Sources in order. The first one that yields keys wins and is the only one asked from then on.
#[derive(Debug)]
pub struct CredentialChain {
    links: Vec<Arc<dyn CredentialSource>>,
    winner: OnceLock<usize>,
}

impl CredentialChain {
    /// A chain of exactly these links.
    #[must_use]
    pub fn new(links: Vec<Arc<dyn CredentialSource>>) -> Self {
        Self { links, winner: OnceLock::new() }
    }

    /// The documented chain: configuration, named profile, environment, CLI file, file of keys.
    ///
    /// What the configuration names comes first and ends the chain if it does not work: falling through to another
    /// identity would let an apply run in the wrong account.
    #[must_use]
    pub fn from_settings(settings: CredentialSettings, environment: &Environment) -> Self {
        let mut links: Vec<Arc<dyn CredentialSource>> = Vec::new();
        let explicit = ExplicitSource::new(settings.access_key_id, settings.access_key_secret, settings.security_token);
        if !explicit.is_unset() {
            links.push(Arc::new(explicit));
            return Self::new(links);
        }
        let named_file: Option<PathBuf> = settings.credentials_file.map(|path| environment.expand(&path));
        if named_file.is_some() || settings.profile.is_some() {
            let profile = settings.profile.or_else(|| environment.profile());
            let known: Vec<PathBuf> =
                environment.cli_file().into_iter().chain(environment.credentials_files()).collect();
            let present = || known.iter().find(|file| file.exists()).or(known.first()).cloned();
            let file = named_file.or_else(present);
            if let Some(file) = file {
                links.push(Arc::new(ProfileSource::explicit(file, profile)));
                return Self::new(links);
            }
        }
        links.push(Arc::new(EnvironmentSource::new(environment.clone())));
        for file in environment.cli_file().into_iter().chain(environment.credentials_files()) {
            links.push(Arc::new(ProfileSource::ambient(file, environment.profile())));
        }
        Self::new(links)
    }

    /// Asks the winner, or finds one.
    ///
    /// # Errors
    ///
    /// [`CredentialError::Exhausted`] with every link tried, if none yields keys.
    pub async fn fetch(&self) -> Result<Credentials, CredentialError> {
        if let Some(link) = self.winner.get().and_then(|index| self.links.get(*index)) {
            let failed =
                |error| CredentialError::Exhausted { failures: vec![LinkFailure { link: link.name(), error }] };
            return link.fetch().await.map_err(failed);
        }
        let mut failures = Vec::new();
        for (index, link) in self.links.iter().enumerate() {
            match link.fetch().await {
                Ok(credentials) => {
                    tracing::debug!(cloud_credential_source = link.name(), "credentials found");
                    // Two first fetches at once find the same winner; the second `set` changes nothing.
                    let _: &usize = self.winner.get_or_init(|| index);
                    return Ok(credentials);
                }
                Err(error) => {
                    // The official tools would use this profile: another identity would be a surprise.
                    let last = link.is_explicit() || matches!(error, CredentialError::ModeNotSupported { .. });
                    failures.push(LinkFailure { link: link.name(), error });
                    if last {
                        break;
                    }
                }
            }
        }
        Err(CredentialError::Exhausted { failures })
    }

    /// The link in use, once one has yielded keys.
    #[must_use]
    pub fn source_in_use(&self) -> Option<String> {
        self.winner.get().and_then(|index| self.links.get(*index)).map(|link| link.name())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn environment(home: &std::path::Path, more: &[(&str, &str)]) -> Environment {
        let mut variables = vec![("HOME", home.to_str().unwrap())];
        variables.extend_from_slice(more);
        variables.into_iter().collect()
    }

    const KEYS: [(&str, &str); 2] =
        [("ALIBABA_CLOUD_ACCESS_KEY_ID", "env-id"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "env-secret")];

    fn write_cli(home: &std::path::Path, json: &str) {
        fs::create_dir_all(home.join(".aliyun")).unwrap();
        fs::write(home.join(".aliyun/config.json"), json).unwrap();
    }

    const CLI: &str = r#"{"current":"p","profiles":[
        {"name":"p","mode":"AK","access_key_id":"cli-id","access_key_secret":"s"},
        {"name":"q","mode":"AK","access_key_id":"q-id","access_key_secret":"s"},
        {"name":"r","mode":"EcsRamRole","ram_role_name":"x"}]}"#;

    #[tokio::test]
    async fn the_environment_comes_before_the_ambient_profile_and_after_what_is_named() {
        let home = tempfile::tempdir().unwrap();
        write_cli(home.path(), CLI);
        let id = async |settings: CredentialSettings, variables: &[(&str, &str)]| {
            let chain = CredentialChain::from_settings(settings, &environment(home.path(), variables));
            chain.fetch().await.unwrap().access_key_id.to_string()
        };
        assert_eq!(id(CredentialSettings::default(), &KEYS).await, "env-id");
        assert_eq!(id(CredentialSettings::default(), &[]).await, "cli-id");
        assert_eq!(id(CredentialSettings::default(), &[("ALIBABA_CLOUD_PROFILE", "q")]).await, "q-id");
        let named = CredentialSettings { profile: Some("q".to_owned()), ..Default::default() };
        assert_eq!(id(named, &KEYS).await, "q-id");
        let written = CredentialSettings {
            access_key_id: Some("written".into()),
            access_key_secret: Some(AccessKeySecret::new("s")),
            ..Default::default()
        };
        assert_eq!(id(written, &KEYS).await, "written");
    }

    #[tokio::test]
    async fn what_is_named_and_does_not_work_ends_the_chain() {
        let home = tempfile::tempdir().unwrap();
        write_cli(home.path(), CLI);
        let environment = environment(home.path(), &KEYS);
        let half = CredentialSettings { access_key_id: Some("only".into()), ..Default::default() };
        let missing = CredentialSettings { profile: Some("absent".to_owned()), ..Default::default() };
        for settings in [half, missing] {
            let error = CredentialChain::from_settings(settings, &environment).fetch().await.unwrap_err();
            let CredentialError::Exhausted { failures } = error else { panic!("{error:?}") };
            assert_eq!(failures.len(), 1, "{failures:?}");
        }
    }

    #[tokio::test]
    async fn an_unsupported_mode_is_reported_and_ends_the_chain() {
        let home = tempfile::tempdir().unwrap();
        write_cli(home.path(), CLI);
        fs::create_dir_all(home.path().join(".alibabacloud")).unwrap();
        let ini = "[r]\ntype=access_key\naccess_key_id=other\naccess_key_secret=s\n";
        fs::write(home.path().join(".alibabacloud/credentials"), ini).unwrap();
        let environment = environment(home.path(), &[("ALIBABA_CLOUD_PROFILE", "r")]);
        let chain = CredentialChain::from_settings(CredentialSettings::default(), &environment);
        let text = chain.fetch().await.unwrap_err().to_string();
        assert!(text.contains("environment variables: none of"), "{text}");
        assert!(text.contains(r#"has mode "EcsRamRole", which this version does not support"#), "{text}");
    }

    #[tokio::test]
    async fn the_winner_is_the_only_one_asked_again() {
        let home = tempfile::tempdir().unwrap();
        write_cli(home.path(), CLI);
        let chain = CredentialChain::from_settings(CredentialSettings::default(), &environment(home.path(), &[]));
        assert_eq!(chain.source_in_use(), None);
        chain.fetch().await.unwrap();
        assert!(chain.source_in_use().unwrap().contains("config.json"));
        fs::remove_file(home.path().join(".aliyun/config.json")).unwrap();
        let CredentialError::Exhausted { failures } = chain.fetch().await.unwrap_err() else { panic!() };
        assert_eq!(failures.len(), 1, "{failures:?}");
    }

    #[tokio::test]
    async fn with_nothing_anywhere_every_link_is_named() {
        let home = tempfile::tempdir().unwrap();
        let chain = CredentialChain::from_settings(CredentialSettings::default(), &environment(home.path(), &[]));
        let CredentialError::Exhausted { failures } = chain.fetch().await.unwrap_err() else { panic!() };
        assert_eq!(failures.len(), 4, "{failures:?}");
    }
}
