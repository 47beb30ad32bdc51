//! Keys of a profile: whatever the profile asks for is opened and asked, afresh at each fetch.

use std::{io, path::PathBuf};

use futures_util::future::{BoxFuture, FutureExt};

use super::{
    CredentialError, CredentialSource, Credentials, ProfileFile, Wanted,
    chain::{Opener, first_keys},
    file::read_small,
};

/// Longest profile file that is read, in bytes: thousands of profiles.
const MAX_BYTES: usize = 1024 * 1024;

/// Which failures of a profile end the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// Nobody named the profile: those of any source.
    IfRefused,
    /// The profile is named, and another file may have it: all but that this one does not.
    UnlessAbsent,
    /// The file is named, or it is the last that could have a profile which is: all.
    Always,
}

/// A profile of a profile file, which is read again at each fetch.
#[derive(Clone, Debug)]
pub struct ProfileSource {
    path: PathBuf,
    profile: Option<String>,
    opener: Opener,
    ends: Ends,
}

impl ProfileSource {
    /// A profile, or the file's own current one. No I/O.
    #[must_use]
    pub(super) fn new(path: PathBuf, profile: Option<String>, opener: Opener, ends: Ends) -> Self {
        Self { path, profile, opener, ends }
    }

    async fn wanted(&self) -> Result<Wanted, CredentialError> {
        let content = match read_small(&self.path, MAX_BYTES).await {
            Ok(content) => content,
            // A home that is no directory, such as /dev/null, has no files either.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Err(CredentialError::NotConfigured { reason: format!("there is no {}", self.path.display()) });
            }
            Err(error) => return Err(CredentialError::Unreadable { path: self.path.clone(), kind: error.kind() }),
        };
        ProfileFile::parse(&self.path, &content)?.wanted(&self.path, self.profile.as_deref())
    }

    async fn credentials(&self) -> Result<Credentials, CredentialError> {
        match self.wanted().await? {
            Wanted::Keys(keys) => Ok(keys),
            wanted => first_keys(&*self.opener.open(wanted), &self.name()).await,
        }
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
        self.credentials().boxed()
    }

    fn is_explicit(&self) -> bool {
        self.ends == Ends::Always
    }

    fn ends_the_chain(&self, error: &CredentialError) -> bool {
        match self.ends {
            Ends::IfRefused => error.ends_the_chain(),
            Ends::UnlessAbsent => !matches!(error, CredentialError::NotConfigured { .. }),
            Ends::Always => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn the_file_is_read_again_at_each_fetch() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys");
        let source = ProfileSource::new(path.clone(), None, Opener::default(), Ends::IfRefused);
        assert!(matches!(source.fetch().await, Err(CredentialError::NotConfigured { .. })));
        let ini = "[default]\ntype = access_key\naccess_key_id = id-d\naccess_key_secret = s\n";
        fs::write(&path, ini).unwrap();
        assert_eq!(source.fetch().await.unwrap().access_key_id.as_str(), "id-d");
        fs::write(&path, ini.replace("id-d", "id-2")).unwrap();
        assert_eq!(source.fetch().await.unwrap().access_key_id.as_str(), "id-2");
    }
}
