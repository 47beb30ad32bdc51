//! The table of known messages of Argo CD. The first row whose parts are all in a message counts.
//!
//! They stand in conditions of ApplicationSets and Applications and in results of syncs, not in Events. Facts: Argo CD's
//! source, where these texts are written, and its documentation.

use super::Known;

/// A row for what somebody has to mend.
const fn permanent(parts: &'static [&'static str], cause: &'static str, remedy: &'static str) -> Known {
    Known { parts, heals: false, cause, remedy }
}

/// A row for what passes by itself, once what it waits for is there.
const fn heals(parts: &'static [&'static str], cause: &'static str, remedy: &'static str) -> Known {
    Known { parts, heals: true, cause, remedy }
}

/// Every known message of Argo CD.
pub const ARGO_CD: &[Known] = &[
    // Of the ApplicationSet.
    permanent(
        &["map has no entry for key"],
        "A template uses a field that one of the picked clusters does not have.",
        "Use a field that all have, such as .name or .metadata.annotations.cluster_id, or let cluster_selector leave that cluster out.",
    ),
    permanent(
        &["can't evaluate field"],
        "A template goes deeper into a field than there is anything.",
        "Use a field that the clusters have, such as .name or .metadata.annotations.cluster_name.",
    ),
    permanent(
        &["failed to parse template"],
        "A text is no Go template, or uses a function that Argo CD does not know.",
        "Mend the text that the message shows.",
    ),
    permanent(
        &["contains applications with duplicate name"],
        "The name template makes one name for several clusters.",
        "Put a field into application_name that differs from cluster to cluster.",
    ),
    permanent(
        &["is already owned by another ApplicationSet controller"],
        "Another ApplicationSet makes an Application of that name.",
        "Choose another application_name, or remove the other set.",
    ),
    permanent(
        &["metadata.name: Invalid value"],
        "A name that came out of the template is none that Kubernetes takes; names of clusters may have capitals or underscores.",
        "Use {{.metadata.annotations.cluster_id}} or {{.nameNormalized}} in application_name.",
    ),
    heals(
        &["project", "which does not exist"],
        "There is no AppProject of that name in Argo CD's namespace.",
        "Create it, or use the project default.",
    ),
    heals(
        &["there are no clusters with this name"],
        "No cluster of that name is registered with Argo CD; a member is, as soon as it is associated with the Fleet.",
        "Associate the member first, or mend destination.",
    ),
    heals(
        &["error getting cluster"],
        "No cluster of that address is registered with Argo CD.",
        "Associate the member first, or mend destination.",
    ),
    permanent(
        &["can't have both name and server defined"],
        "The destination names the cluster twice.",
        "Keep name or server of the destination.",
    ),
    permanent(
        &["is not a valid label selector operator"],
        "A selector has an operator that Kubernetes does not know.",
        "Use In, NotIn, Exists or DoesNotExist.",
    ),
    // Of the Application and its source.
    permanent(
        &["app path does not exist"],
        "The repository has no such folder in that revision.",
        "Mend path or target_revision of the source.",
    ),
    permanent(
        &["app path is absolute"],
        "A path in a repository begins at its root.",
        "Remove the slash at the begin of path.",
    ),
    permanent(
        &["repository not found"],
        "There is no such repository, or Argo CD may not see it.",
        "Mend repo_url, or register the repository with its credentials in Argo CD.",
    ),
    permanent(
        &["authentication required"],
        "Argo CD has no credentials for the repository.",
        "Register the repository with its credentials in Argo CD.",
    ),
    permanent(
        &["unable to resolve"],
        "The repository has no such branch, tag or commit.",
        "Mend target_revision of the source.",
    ),
    permanent(
        &["is not permitted in project"],
        "The AppProject does not allow the repository.",
        "Add the repository to the project's sourceRepos, or use another project.",
    ),
    permanent(
        &["do not match any of the allowed destinations in project"],
        "The AppProject does not allow that cluster and namespace.",
        "Add them to the project's destinations, or use another project.",
    ),
    permanent(
        &["repoURL and either", "are required"],
        "The source has neither a path nor a chart.",
        "Give path, or chart and target_revision.",
    ),
    permanent(
        &["namespaces \"", "not found"],
        "The member has no such namespace.",
        "Add CreateNamespace=true to sync_options, or create the namespace in the member.",
    ),
    permanent(
        &["is forbidden: User"],
        "Argo CD's user in the member lacks a right.",
        "Give the user of the message that right in the member.",
    ),
    permanent(&["exceeded quota"], "A ResourceQuota of the member is used up.", "Raise the quota, or deploy less."),
    permanent(
        &["could not find the requested resource"],
        "The member does not serve a kind that the manifests use.",
        "Install the definition of the kind in the member first.",
    ),
    heals(
        &["context deadline exceeded"],
        "A repository or a member did not answer in time.",
        "Argo CD tries again; if it stays, look at the network between the Fleet and what the message names.",
    ),
    heals(
        &["connection refused"],
        "A repository or a member does not take connections.",
        "Argo CD tries again; if it stays, look at the network between the Fleet and what the message names.",
    ),
    heals(&["i/o timeout"], "A connection went silent.", "Argo CD tries again; if it stays, look at the network."),
    heals(
        &["waiting for healthy state"],
        "A sync goes on once what it has deployed is healthy.",
        "Wait; if it stays, look at the Pods in the member.",
    ),
];
