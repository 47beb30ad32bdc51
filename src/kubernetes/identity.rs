//! Which cluster this is: the UID of Namespace `kube-system`, which lives as long as the cluster.

use std::fmt;

use super::{
    api::FleetApi,
    error::{Error, Problem, Target, Verb},
    object::{Kind, ObjectRef},
};

/// The UID of Namespace `kube-system`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClusterUid(String);

impl ClusterUid {
    /// A UID read from state.
    pub fn new(uid: impl Into<String>) -> Self {
        Self(uid.into())
    }

    /// The UID alone.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClusterUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FleetApi {
    /// Asks the cluster for its UID.
    ///
    /// # Errors
    /// What the server answered.
    pub async fn cluster_uid(&self) -> Result<ClusterUid, Error> {
        let namespace = ObjectRef::cluster(Kind::NAMESPACE, "kube-system");
        let object = self.get(&namespace).await?;
        if object.uid().is_empty() {
            let target = Target::from(&namespace);
            return Err(Error::new(Verb::Get, &target, Problem::Malformed, "the namespace has no UID"));
        }
        Ok(ClusterUid(object.uid().to_owned()))
    }
}
