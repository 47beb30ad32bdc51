//! The git host that the simulated Argo CD reaches: the walkthrough's repository, as data.
//!
//! Errors are worded as Argo CD's repository server words them in a condition of the Application.

/// What a manifest asks a member to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Workload {
    /// API group, empty for the core group.
    pub(super) group: &'static str,
    /// Kind.
    pub(super) kind: &'static str,
    /// Name.
    pub(super) name: &'static str,
    /// Ports of a Service.
    pub(super) ports: &'static [u16],
}

/// A commit and what its manifests ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manifests {
    /// The commit.
    pub(super) revision: &'static str,
    /// The objects.
    pub(super) workloads: Vec<Workload>,
}

/// The repository of the walkthrough.
const REPOSITORY: &str = "https://github.com/ivan-cai/gitops-demo";
/// Where its gRPC sample lies.
const PATH: &str = "manifests/directory/grpc";
/// Its newest commit here, which stands for whatever the branch holds.
const COMMIT: &str = "5b1e0c1f8e6a4d0b9a3c7f2d6e8b4a1c0d9f7e35";
/// Names of that commit.
const REVISIONS: [&str; 5] = ["main", "HEAD", "", COMMIT, "refs/heads/main"];

/// What a source leads to.
///
/// # Errors
/// Argo CD's text for a source that leads to nothing.
pub(super) fn manifests(repo_url: &str, path: &str, revision: &str) -> Result<Manifests, String> {
    let failed = |why: &str| {
        Err(format!(
            "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = {why}"
        ))
    };
    let repository = repo_url.trim_end_matches('/').trim_end_matches(".git");
    if repository.contains("private") {
        return failed("failed to list refs: authentication required: Repository not found.");
    }
    if repository != REPOSITORY {
        return failed("failed to list refs: repository not found");
    }
    if !REVISIONS.contains(&revision) {
        return failed(&format!(
            "unable to resolve git revision {revision}: unable to resolve '{revision}' to a commit SHA"
        ));
    }
    let path = path.trim_matches('/');
    if path != PATH {
        return failed(&format!("{path}: app path does not exist"));
    }
    Ok(Manifests {
        revision: COMMIT,
        workloads: vec![
            Workload { group: "", kind: "Service", name: "grpc-service", ports: &[50051] },
            Workload { group: "apps", kind: "Deployment", name: "grpc-server", ports: &[] },
        ],
    })
}
