//! The links of the chain, their order, and the record of what each said.

use std::{
    borrow::Cow,
    fmt,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use futures_util::future::{BoxFuture, FutureExt, ready};

use super::{
    CredentialError, CredentialNetwork, CredentialSource, Credentials, Environment, EnvironmentSource, ExplicitSource,
    InstanceSource, OidcSettings, OidcSource, ProcessSource, ProfileSource, RoleSettings, RoleSource, StsPlace,
    UriSource, Wanted, profile::Ends,
};
use crate::cloud::{
    id::AccessKeyId,
    secret::{AccessKeySecret, SecretString, SecurityToken},
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
    /// `assume_role_with_oidc`
    pub oidc: Option<OidcSettings>,
    /// `profile`
    pub profile: Option<String>,
    /// `shared_credentials_file`
    pub credentials_file: Option<String>,
    /// `ecs_role_name`
    pub ecs_role_name: Option<String>,
    /// `disable_imds_v1`
    pub no_metadata_version_1: bool,
    /// `credentials_uri`
    pub credentials_uri: Option<SecretString>,
    /// `assume_role`: on top of whatever else gives keys.
    pub assume_role: Option<RoleSettings>,
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

    /// The documented chain. What the configuration names comes first and ends the chain if it does not work: falling
    /// through to another identity would let an apply run in the wrong account. Of several things it names, and of what
    /// the environment offers else, the official SDKs' order decides: keys, OIDC, profile, ECS role, URI. A role to assume
    /// goes on top of all that. No I/O.
    #[must_use]
    pub fn from_settings(settings: CredentialSettings, environment: &Environment, network: &CredentialNetwork) -> Self {
        let opener = Opener {
            network: network.clone(),
            place: environment.sts_place(),
            metadata: environment.metadata_is_allowed(),
            metadata_version_1: environment.metadata_version_1_is_allowed() && !settings.no_metadata_version_1,
            programs: environment.programs_are_allowed(),
        };
        let role = settings.assume_role.clone();
        let links = named(settings, environment, &opener).unwrap_or_else(|| ambient(environment, &opener));
        let keys = Self::new(links);
        match role {
            Some(role) => {
                let source = RoleSource::new(role, &opener.place, keys, network).explicit();
                Self::new(vec![Arc::new(source)])
            }
            None => keys,
        }
    }

    /// Asks the winner, or finds one.
    ///
    /// # Errors
    ///
    /// [`CredentialError::Exhausted`] with every link tried, if none yields keys.
    pub async fn fetch(&self) -> Result<Credentials, CredentialError> {
        if let Some(link) = self.winner.get().and_then(|index| self.links.get(*index)) {
            let fetched = link.fetch().await;
            return fetched.map_err(|error| CredentialError::Exhausted { failures: error.failures(link.name()) });
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
                    let last = link.ends_the_chain(&error);
                    failures.extend(error.failures(link.name()));
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

/// The links of what the configuration names, if it names anything.
fn named(
    settings: CredentialSettings,
    environment: &Environment,
    opener: &Opener,
) -> Option<Vec<Arc<dyn CredentialSource>>> {
    let explicit = ExplicitSource::new(settings.access_key_id, settings.access_key_secret, settings.security_token);
    if !explicit.is_unset() {
        return Some(vec![Arc::new(explicit)]);
    }
    if let Some(oidc) = settings.oidc {
        return Some(vec![Arc::new(OidcSource::new(oidc, &opener.place, &opener.network).explicit())]);
    }
    if let Some(file) = settings.credentials_file {
        let profile = settings.profile.or_else(|| environment.profile());
        return Some(vec![Arc::new(ProfileSource::new(
            environment.expand(&file),
            profile,
            opener.clone(),
            Ends::Always,
        ))]);
    }
    if let Some(profile) = settings.profile {
        // As for `shared_credentials_file`: whoever names a file means that file.
        let files = environment.named_credentials_file().map_or_else(|| environment.profile_files(), |file| vec![file]);
        return Some(named_profile(files, &profile, opener));
    }
    if let Some(role_name) = settings.ecs_role_name {
        return Some(vec![opener.instance(Some(role_name), true)]);
    }
    let uri = settings.credentials_uri?;
    Some(vec![Arc::new(UriSource::new(uri, &opener.network).explicit())])
}

/// A profile that somebody named, from the first of these files that has it. If none has it, the chain ends: whatever else
/// gives keys is another identity.
fn named_profile(files: Vec<PathBuf>, profile: &str, opener: &Opener) -> Vec<Arc<dyn CredentialSource>> {
    let last = files.len().saturating_sub(1);
    let link = |(index, file): (usize, PathBuf)| -> Arc<dyn CredentialSource> {
        let ends = if index == last { Ends::Always } else { Ends::UnlessAbsent };
        Arc::new(ProfileSource::new(file, Some(profile.to_owned()), opener.clone(), ends))
    };
    let links: Vec<_> = files.into_iter().enumerate().map(link).collect();
    if !links.is_empty() {
        return links;
    }
    let reason = "it is named, but there is no profile file to look in: HOME is not set".to_owned();
    let error = CredentialError::Incomplete { reason };
    vec![Arc::new(Closed { name: format!("profile {profile:?}").into(), error, explicit: true })]
}

/// The links that the official SDKs try by themselves.
fn ambient(environment: &Environment, opener: &Opener) -> Vec<Arc<dyn CredentialSource>> {
    let mut links: Vec<Arc<dyn CredentialSource>> = vec![Arc::new(EnvironmentSource::new(environment.clone()))];
    links.push(match environment.oidc() {
        Ok(oidc) => Arc::new(OidcSource::new(oidc, &opener.place, &opener.network)),
        Err(error) => Arc::new(Closed { name: "OIDC role of the environment".into(), error, explicit: false }),
    });
    if environment.cli_profile_is_disabled() {
        let reason = "ALIBABA_CLOUD_CLI_PROFILE_DISABLED is true".to_owned();
        let error = CredentialError::NotConfigured { reason };
        links.push(Arc::new(Closed { name: "profile file of the command line".into(), error, explicit: false }));
    }
    let files = environment.profile_files();
    match environment.profile() {
        Some(profile) => links.extend(named_profile(files, &profile, opener)),
        None => links.extend(files.into_iter().map(|file| -> Arc<dyn CredentialSource> {
            Arc::new(ProfileSource::new(file, None, opener.clone(), Ends::IfRefused))
        })),
    }
    links.push(opener.instance(environment.ecs_role_name(), false));
    links.push(match environment.credentials_uri() {
        Some(uri) => opener.uri(uri),
        None => {
            let reason = "ALIBABA_CLOUD_CREDENTIALS_URI is not set".to_owned();
            let error = CredentialError::NotConfigured { reason };
            Arc::new(Closed { name: "credentials URI".into(), error, explicit: false })
        }
    });
    links
}

/// Turns what is asked for into sources, as far as the environment allows.
#[derive(Clone, Debug)]
pub(super) struct Opener {
    network: CredentialNetwork,
    /// Where the security token service is asked, unless a profile says.
    place: StsPlace,
    metadata: bool,
    metadata_version_1: bool,
    programs: bool,
}

impl Default for Opener {
    fn default() -> Self {
        Self {
            network: CredentialNetwork::default(),
            place: StsPlace::default(),
            metadata: true,
            metadata_version_1: true,
            programs: true,
        }
    }
}

impl Opener {
    /// A source of what a profile asks for. No I/O.
    pub(super) fn open(&self, wanted: Wanted) -> Arc<dyn CredentialSource> {
        match wanted {
            Wanted::Keys(keys) => Arc::new(Given(keys)),
            Wanted::Role { keys, role, place } => {
                let keys = CredentialChain::new(vec![self.open(*keys)]);
                Arc::new(RoleSource::new(role, &self.place(place), keys, &self.network))
            }
            Wanted::Oidc { settings, place } => Arc::new(OidcSource::new(settings, &self.place(place), &self.network)),
            Wanted::Instance { role_name } => self.instance(role_name, false),
            Wanted::Uri(uri) => self.uri(uri),
            Wanted::Process(command) if self.programs => Arc::new(ProcessSource::new(command)),
            Wanted::Process(_) => {
                Arc::new(Closed::program("external process", |reason| CredentialError::ProcessFailed { reason }))
            }
        }
    }

    fn place(&self, own: StsPlace) -> StsPlace {
        StsPlace { region: own.region.or_else(|| self.place.region.clone()), vpc: own.vpc || self.place.vpc }
    }

    fn instance(&self, role_name: Option<String>, explicit: bool) -> Arc<dyn CredentialSource> {
        if !self.metadata {
            let reason = "ALIBABA_CLOUD_ECS_METADATA_DISABLED is true".to_owned();
            let error = CredentialError::NotConfigured { reason };
            return Arc::new(Closed { name: "ECS instance role".into(), error, explicit });
        }
        let source = InstanceSource::new(role_name, self.metadata_version_1, &self.network);
        Arc::new(if explicit { source.explicit() } else { source })
    }

    /// A URI that the environment or a file names: the CLI refuses both programs and URIs by one variable.
    fn uri(&self, uri: SecretString) -> Arc<dyn CredentialSource> {
        if self.programs {
            Arc::new(UriSource::new(uri, &self.network))
        } else {
            Arc::new(Closed::program("credentials URI", |reason| CredentialError::UriFailed { reason }))
        }
    }
}

/// Keys of `source`, which stands behind the link `outer`: failures name both.
pub(super) async fn first_keys(source: &dyn CredentialSource, outer: &str) -> Result<Credentials, CredentialError> {
    source.fetch().await.map_err(|error| {
        let mut failures = error.failures(source.name());
        for failure in &mut failures {
            failure.link = format!("{outer}, {}", failure.link);
        }
        CredentialError::Exhausted { failures }
    })
}

/// Keys that stand in a profile.
#[derive(Debug)]
struct Given(Credentials);

impl CredentialSource for Given {
    fn name(&self) -> String {
        "keys of the profile".to_owned()
    }

    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        ready(Ok(self.0.clone())).boxed()
    }
}

/// A link that is not in use here, and why.
#[derive(Debug)]
struct Closed {
    name: Cow<'static, str>,
    error: CredentialError,
    explicit: bool,
}

impl Closed {
    /// What was asked for and may not be used is refused, not absent: the next link would be another identity.
    fn program(name: &'static str, refused: fn(String) -> CredentialError) -> Self {
        let error = refused("ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS is true".to_owned());
        Self { name: name.into(), error, explicit: false }
    }
}

impl CredentialSource for Closed {
    fn name(&self) -> String {
        self.name.to_string()
    }

    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        ready(Err(self.error.clone())).boxed()
    }

    fn is_explicit(&self) -> bool {
        self.explicit
    }
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
