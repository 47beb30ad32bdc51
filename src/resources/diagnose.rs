//! Client errors as diagnostics: the only place that turns one into the other.
//!
//! Resources call it with what they were doing and how the server's field names map to attributes. It decides by the typed
//! problem of an error and never by its text. Values of Secrets never reach it: errors carry none, and conflicts of Secrets
//! are told without values.

use serde_json::Value as Json;

use super::diagnose_cloud::cloud_cause;
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::path::Path;
use crate::kubernetes::{Error, FieldConflict, NotOurs, Object, ObjectRef, Problem};

/// What to tell of a failed call. `doing` completes "While …": "creating AlbConfig \"x\"".
pub(crate) fn kubernetes_error(doing: &str, error: &Error, attribute: &dyn Fn(&str) -> Path) -> Diagnostics {
    let facts = format!("Kubernetes: {error}");
    // The Fleet's kubeconfig comes from the cloud; where that failed, the cloud's answer is the cause.
    if let Some((summary, text)) = cloud_cause(error) {
        return Diagnostic::error(summary, format!("While {doing}, on the way to the Fleet's API: {text}")).into();
    }
    let kind = error.kind().map_or("object", |kind| kind.kind);
    let one = |summary: &str, text: String| Diagnostic::error(summary, format!("{text}\n{facts}"));
    let diagnostic = match error.problem() {
        Problem::NotFound => one(
            "Object Not Found",
            format!("While {doing}, the Fleet's API server answered that the object does not exist. Plan again."),
        ),
        Problem::NamespaceMissing => one(
            "Namespace Missing",
            format!(
                "While {doing}: namespace {:?} does not exist in the Fleet. Create it, for instance with ackone_namespace, and \
                 take the namespace attribute from that resource so that it comes first. Members need a namespace of the same \
                 name.",
                error.namespace().unwrap_or_default()
            ),
        )
        .at(attribute("metadata.namespace")),
        Problem::NamespaceTerminating => one(
            "Namespace Being Deleted",
            format!(
                "While {doing}: namespace {:?} is being deleted, so nothing can be created in it. Wait until it is gone, \
                 create it again, then apply again.",
                error.namespace().unwrap_or_default()
            ),
        )
        .at(attribute("metadata.namespace")),
        Problem::KindMissing => one(
            "Kind Not Served",
            format!(
                "While {doing}: the API server knows no {kind}. Either the provider points to a cluster that is no Fleet, or \
                 {} is not enabled in this Fleet, which installs the custom resource definition.",
                if matches!(kind, "ApplicationSet" | "Application") { "GitOps" } else { "the ALB multi-cluster gateway" }
            ),
        ),
        Problem::AlreadyExists => {
            one("Object Exists", format!("While {doing}: an object of this name exists already. Plan again."))
        }
        Problem::StaleVersion => one(
            "Object Keeps Changing",
            format!(
                "While {doing}: another writer changed the object each time just before our write. Nothing of ours was \
                 written. Find out which controller writes it so often, then apply again."
            ),
        ),
        Problem::FieldConflicts(conflicts) => {
            let fields = conflicts
                .iter()
                .map(|conflict| match &conflict.manager {
                    Some(manager) => format!("{} (field manager {manager:?})", conflict.field),
                    None => conflict.field.clone(),
                })
                .collect::<Vec<_>>()
                .join(", ");
            one("Fields Owned by Others", format!("While {doing}: other field managers own {fields}. Plan again."))
        }
        Problem::Unauthorized => one(
            "Fleet Credentials Not Accepted",
            format!(
                "While {doing}: the Fleet's API server does not accept the credentials (any more). With fleet_id the provider \
                 gets new ones by itself, so check that the account may call DescribeHubClusterKubeconfig; with a kubernetes \
                 object renew its token, certificate or kubeconfig."
            ),
        ),
        Problem::Forbidden { user } => {
            let who = user.as_ref().map_or_else(|| "the user".to_owned(), |user| format!("user {user:?}"));
            let resource = error.kind().map_or_else(String::new, |kind| {
                if kind.group.is_empty() { kind.plural.to_owned() } else { format!("{}.{}", kind.plural, kind.group) }
            });
            one(
                "Action Forbidden",
                format!(
                    "While {doing}: {who} may not {} {resource} in the Fleet. Grant get, list, watch, create, patch and \
                     delete on {resource} by a Role or ClusterRole, or use other credentials.",
                    error.verb().as_str()
                ),
            )
        }
        Problem::Invalid if !error.status().causes.is_empty() => {
            let mut diagnostics = Diagnostics::new();
            for cause in &error.status().causes {
                diagnostics.push(
                    one(
                        "Value Refused by Kubernetes",
                        format!("While {doing}: the API server refused {}: {}. Change the value.", cause.field, cause.message),
                    )
                    .at(attribute(&cause.field)),
                );
            }
            return diagnostics;
        }
        Problem::Invalid | Problem::BadRequest | Problem::Other => one(
            "Request Refused by Kubernetes",
            format!("While {doing}: the API server refused the request. Its answer says what to change."),
        ),
        Problem::UnknownFields(fields) => one(
            "Fields Unknown to Kubernetes",
            format!(
                "While {doing}: the API server does not know {}. The Fleet's version is older than this provider supports, \
                 or this is a bug in the provider; please report it.",
                fields.join(", ")
            ),
        ),
        Problem::Throttled => one(
            "Too Many Requests",
            format!("While {doing}: the API server kept asking to slow down, longer than the retries last. Apply again later."),
        ),
        Problem::Expired | Problem::ServerFailure | Problem::Malformed => one(
            "Fleet API Failure",
            format!("While {doing}: the API server failed, also when asked again. Apply again later."),
        ),
        Problem::Timeout | Problem::Unreachable => one(
            "Fleet API Unreachable",
            format!(
                "While {doing}: the Fleet's API server did not answer. Check that this machine reaches its address: with \
                 private_endpoint = true only the Fleet's VPC does."
            ),
        ),
        Problem::Tls => one(
            "Fleet API Not Trusted",
            format!(
                "While {doing}: the TLS connection to the API server failed. Check the cluster CA certificate, the server \
                 name and the client certificate of the kubernetes object."
            ),
        ),
        Problem::Access => one(
            "No Access to the Fleet",
            format!("While {doing}: no client for the Fleet's API could be built. Mend the provider's fleet_id or kubernetes."),
        ),
        Problem::Cancelled => one(
            "Interrupted",
            format!("The run was interrupted while {doing}. Apply again; the plan starts from what exists."),
        ),
    };
    diagnostic.into()
}

/// What to tell when an object is there that a create wanted to make.
pub(crate) fn exists(
    type_name: &str,
    import_id: &str,
    object: &ObjectRef,
    live: &Object,
    reason: &NotOurs,
) -> Diagnostic {
    let created = live.created_at().map(|at| format!(" since {at}")).unwrap_or_default();
    let why = match reason {
        NotOurs::AnotherManager(Some(writer)) => format!("It was {writer}."),
        NotOurs::AnotherManager(None) => "Nothing says who made it.".to_owned(),
        NotOurs::SharedManager(writer) => format!("This provider and others write it: {writer}."),
        NotOurs::Different(paths) => {
            let paths = paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            format!("This provider made it, with other values than planned now ({paths}); another state may manage it.")
        }
        NotOurs::Old | NotOurs::AgeUnknown => {
            "This provider made it, and not in a run that was just interrupted; another state may manage it.".to_owned()
        }
        NotOurs::Recorded => "Another resource of this configuration made or manages it.".to_owned(),
    };
    Diagnostic::error(
        "Object Exists",
        format!(
            "{object} exists{created}. {why} A create never overwrites; nothing was changed. To manage the object, import it \
             (put this resource's name for <name>):\n\n  import {{\n    to = {type_name}.<name>\n    id = {import_id:?}\n  \
             }}\n\nOr set adopt = true, which takes over an object that no other state manages, or choose another name."
        ),
    )
}

/// What to tell when `adopt` meets an object of ours.
pub(crate) fn adopt_refused(type_name: &str, import_id: &str, object: &ObjectRef) -> Diagnostic {
    Diagnostic::error(
        "Object Managed by Another State",
        format!(
            "{object} was made by this provider and is managed by another Terraform state or resource; adopt = true does not \
             take it from there. Remove it from the other state first (`terraform state rm`, or a removed block with \
             destroy = false), then import it:\n\n  import {{\n    to = {type_name}.<name>\n    id = {import_id:?}\n  }}\n\n\
             Nothing was changed."
        ),
    )
    .at(Path::attribute("adopt"))
}

/// One message for a field that somebody changed between plan and apply.
pub(crate) fn conflict(object: &ObjectRef, conflict: &FieldConflict, attribute: Path) -> Diagnostic {
    let name = if attribute.is_root() { conflict.path.to_string() } else { attribute.to_string() };
    let writer =
        conflict.owner.as_ref().map_or_else(|| "nothing tells by whom".to_owned(), |writer| format!("{writer}"));
    let values = if object.kind.is_secret() {
        String::new()
    } else {
        format!(
            " When the plan was made it was {}, the plan makes it {}, and now it is {}.",
            shown(conflict.prior.as_ref()),
            shown(conflict.planned.as_ref()),
            shown(conflict.live.as_ref())
        )
    };
    Diagnostic::error(
        "Field Changed Since the Plan",
        format!(
            "{name} ({} of {object}) was changed after the plan was made: {writer}.{values} Nothing was written. Plan again: \
             the plan then shows the new value as drift, and applying it overwrites the value. To keep the new value, \
             configure it; to leave the field to its other writer, remove it from the configuration.",
            conflict.path
        ),
    )
    .at(attribute)
}

/// A JSON value for people: short, on one line.
pub(crate) fn shown(value: Option<&Json>) -> String {
    const MAX_CHARS: usize = 120;
    let text = value.map_or_else(|| "unset".to_owned(), ToString::to_string);
    if text.chars().count() > MAX_CHARS {
        format!("{}…", text.chars().take(MAX_CHARS).collect::<String>())
    } else {
        text
    }
}

/// What finalizers hold an object for, in the words of who is waiting.
pub(crate) fn held(object: &ObjectRef, finalizers: &[String], explanation: &str) -> Diagnostic {
    let which = if finalizers.is_empty() {
        "no finalizer is left, so the API server itself is slow".to_owned()
    } else {
        format!("finalizers hold it: {}", finalizers.join(", "))
    };
    let explanation = if explanation.is_empty() { String::new() } else { format!(" {explanation}") };
    Diagnostic::error(
        "Deletion Not Finished",
        format!(
            "{object} is being deleted but is still there; {which}.{explanation} Apply again to wait on, with a longer \
             timeouts.delete if that is usual. Do not remove a finalizer by hand: what it guards would be left behind."
        ),
    )
}
