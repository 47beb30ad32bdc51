//! Who writes the kubeconfig that `DescribeHubClusterKubeconfig` answers.
//!
//! The embedded API server signs one for the calling user; with `--kubeconfig` a real API server's file is handed out.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
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
        let text = std::fs::read_to_string(&self.path).map_err(|error| IssueError::Failed(error.to_string()))?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        whole(&text, folder).map_err(IssueError::Failed)
    }
}

/// Puts the content of the files that a kubeconfig names into it: whoever gets it by the API has only the text, and
/// may run in another folder.
fn whole(text: &str, folder: &Path) -> Result<String, String> {
    let mut config: Value = serde_norway::from_str(text).map_err(|error| error.to_string())?;
    for (list, entry, files) in [
        ("clusters", "cluster", [("certificate-authority", "certificate-authority-data")].as_slice()),
        (
            "users",
            "user",
            &[
                ("client-certificate", "client-certificate-data"),
                ("client-key", "client-key-data"),
                ("tokenFile", "token"),
            ],
        ),
    ] {
        let entries = config.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
        for map in entries.filter_map(|one| one.get_mut(entry)).filter_map(Value::as_object_mut) {
            for (file, data) in files {
                let Some(Value::String(name)) = map.remove(*file) else { continue };
                // What stands in the kubeconfig itself wins over a file, as for kubectl.
                if name.is_empty() || map.contains_key(*data) {
                    continue;
                }
                let content = std::fs::read(folder.join(&name)).map_err(|error| format!("{name}: {error}"))?;
                let content = match *data {
                    "token" => String::from_utf8_lossy(&content).trim().to_owned(),
                    _ => STANDARD.encode(content),
                };
                map.insert((*data).to_owned(), Value::String(content));
            }
        }
    }
    serde_norway::to_string(&config).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_a_kubeconfig_names_are_put_into_it() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in [("ca.crt", "CA"), ("me.key", "KEY"), ("token", "t0k\n")] {
            std::fs::write(folder.path().join(name), content).expect("written");
        }
        let text = "clusters: [{name: k, cluster: {server: 'https://x', certificate-authority: ca.crt}}]\n\
                    users: [{name: u, user: {client-key: me.key, client-certificate-data: WA==, tokenFile: token}}]\n";
        let path = folder.path().join("config");
        std::fs::write(&path, text).expect("written");
        let request = |fleet_id: &str| KubeconfigRequest {
            fleet_id: fleet_id.to_owned(),
            user: String::new(),
            groups: Vec::new(),
            endpoint: EndpointKind::Public,
        };
        let file = KubeconfigFile::new(path, "c1".to_owned());
        let issued = file.issue(&request("c1")).expect("issued");
        let issued: Value = serde_norway::from_str(&issued).expect("YAML");
        let at = |path: &str| issued.pointer(path).and_then(Value::as_str);
        assert_eq!(at("/clusters/0/cluster/certificate-authority-data"), Some("Q0E="));
        assert_eq!(at("/clusters/0/cluster/certificate-authority"), None);
        assert_eq!(at("/users/0/user/client-key-data"), Some("S0VZ"));
        assert_eq!(at("/users/0/user/client-certificate-data"), Some("WA=="));
        assert_eq!(at("/users/0/user/token"), Some("t0k"));
        assert!(matches!(file.issue(&request("c2")), Err(IssueError::NotServed(_))));
    }
}
