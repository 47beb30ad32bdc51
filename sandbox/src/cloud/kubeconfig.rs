//! Who writes the kubeconfig that `DescribeHubClusterKubeconfig` answers.
//!
//! The Fleet's side signs one for the calling user, with the embedded API server as with a real one.

use std::fmt;

use thiserror::Error;

/// Which address of the Kubernetes API is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointKind {
    /// The address inside the VPC.
    Private,
    /// The public address.
    Public,
}

/// What a kubeconfig is wanted for.
#[derive(Clone, Debug)]
pub struct KubeconfigRequest {
    /// The Fleet.
    pub fleet_id: String,
    /// The Kubernetes user: the RAM user's or role's id.
    pub user: String,
    /// The user's Kubernetes groups.
    pub groups: Vec<String>,
    /// The address.
    pub endpoint: EndpointKind,
}

/// Why there is no kubeconfig.
#[derive(Debug, Error)]
pub enum IssueError {
    /// The Fleet has no Kubernetes API here.
    #[error("the sandbox serves no Kubernetes API for the hub cluster {0}")]
    NotServed(String),
    /// Something failed.
    #[error("the kubeconfig could not be issued: {0}")]
    Failed(String),
}

/// Issues kubeconfigs.
pub trait KubeconfigIssuer: Send + Sync + fmt::Debug {
    /// The kubeconfig as YAML. It holds credentials.
    ///
    /// # Errors
    /// When the Fleet is not served or the credentials cannot be made.
    fn issue(&self, request: &KubeconfigRequest) -> Result<String, IssueError>;
}
