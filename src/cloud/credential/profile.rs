//! Keys of a profile: whatever the profile asks for is opened and asked, afresh at each fetch.

use std::{fs, io, path::PathBuf};

use futures_util::future::{BoxFuture, FutureExt};
use zeroize::Zeroizing;

use super::{
    CredentialError, CredentialSource, Credentials, ProfileFile, Wanted,
    chain::{Opener, first_keys},
};

/// A profile of a profile file, which is read again at each fetch.
#[derive(Clone, Debug)]
pub struct ProfileSource {
    path: PathBuf,
    profile: Option<String>,
    opener: Opener,
    explicit: bool,
}

impl ProfileSource {
    /// The profile the official tools would use by themselves; if it is not there, the next link of the chain is tried.
    #[must_use]
    pub(super) fn ambient(path: PathBuf, profile: Option<String>, opener: Opener) -> Self {
        Self { path, profile, opener, explicit: false }
    }

    /// A profile or file named in the configuration; if it is not there, that is an error.
    #[must_use]
    pub(super) fn explicit(path: PathBuf, profile: Option<String>, opener: Opener) -> Self {
        Self { path, profile, opener, explicit: true }
    }

    fn wanted(&self) -> Result<Wanted, CredentialError> {
        let content = match fs::read(&self.path) {
            Ok(content) => Zeroizing::new(content),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(CredentialError::NotConfigured { reason: format!("there is no {}", self.path.display()) });
            }
            Err(error) => return Err(CredentialError::Unreadable { path: self.path.clone(), kind: error.kind() }),
        };
        ProfileFile::parse(&self.path, &content)?.wanted(&self.path, self.profile.as_deref())
    }

    async fn credentials(&self) -> Result<Credentials, CredentialError> {
        // A small local file, read a few times in the life of a process: not worth a blocking thread.
        match self.wanted()? {
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
        self.explicit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_file_is_read_again_at_each_fetch() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys");
        let source = ProfileSource::ambient(path.clone(), None, Opener::default());
        assert!(matches!(source.fetch().await, Err(CredentialError::NotConfigured { .. })));
        let ini = "[default]\ntype = access_key\naccess_key_id = id-d\naccess_key_secret = s\n";
        fs::write(&path, ini).unwrap();
        assert_eq!(source.fetch().await.unwrap().access_key_id.as_str(), "id-d");
        fs::write(&path, ini.replace("id-d", "id-2")).unwrap();
        assert_eq!(source.fetch().await.unwrap().access_key_id.as_str(), "id-2");
    }
}
