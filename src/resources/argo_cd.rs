//! What several resources know of Argo CD of a Fleet.
//!
//! Facts: ACK One keeps Argo CD's objects in one namespace and registers a member with it under `<cluster ID>-<name>`.

/// Where Argo CD of a Fleet keeps its objects.
pub(crate) const NAMESPACE: &str = "argocd";

/// Whether a destination goes by the name of a cluster; the address of an API server tells no ID.
pub(crate) fn is_named(destination: &str) -> bool {
    !destination.contains("://")
}

/// Whether a destination is the cluster of an ID.
pub(crate) fn is_cluster(destination: &str, id: &str) -> bool {
    destination.strip_prefix(id).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_a_cluster_by_its_whole_id() {
        assert!(is_cluster("c1-member", "c1") && is_cluster("c1", "c1"));
        assert!(!is_cluster("c12-member", "c1") && !is_cluster("in-cluster", "c1"));
        assert!(is_named("c1-member") && !is_named("https://10.0.0.1:6443"));
    }
}
