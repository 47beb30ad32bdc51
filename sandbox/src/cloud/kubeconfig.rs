//! Who writes the kubeconfig that `DescribeHubClusterKubeconfig` answers.
//!
//! The embedded API server signs one for the calling user; with `--kubeconfig` a real API server's file is handed out.

use std::fmt;
use std::path::PathBuf;

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

/// Hands out the same file to everybody: a real API server's kubeconfig.
#[derive(Clone, Debug)]
pub struct KubeconfigFile {
    path: PathBuf,
    fleet_id: String,
}

impl KubeconfigFile {
    /// The file and the Fleet whose API it leads to.
    pub fn new(path: PathBuf, fleet_id: String) -> Self {
        Self { path, fleet_id }
    }
}

impl KubeconfigIssuer for KubeconfigFile {
    fn issue(&self, request: &KubeconfigRequest) -> Result<String, IssueError> {
        if request.fleet_id != self.fleet_id {
            return Err(IssueError::NotServed(request.fleet_id.clone()));
        }
        std::fs::read_to_string(&self.path).map_err(|error| IssueError::Failed(error.to_string()))
    }
}
