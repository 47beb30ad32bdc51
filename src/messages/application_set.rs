//! Messages of `ackone_application_set`.

use super::{Message, either, error, warning};

pub(super) const MESSAGES: &[Message] = &[
    error(
        "Two Forms of an Application Set",
        "the typed attribute",
        "A typed attribute stands beside spec_json, which is the whole specification already.",
        "Put it into spec_json, or leave spec_json out.",
    ),
    error(
        "Application Set Not Whole",
        "application_name, source, destination",
        "Without spec_json these three are needed, and one is missing.",
        "Give it, or give spec_json.",
    ),
    error(
        "Invalid Specification",
        "spec_json",
        "The text is not the spec of an ApplicationSet: no JSON object, a whole object with metadata, or without generators or \
         template.",
        "Build it with jsonencode() from the value of the field spec.",
    ),
    error(
        "Invalid Template",
        "the attribute with the text",
        "The braces of a Go template do not balance.",
        "Close each {{ with }}.",
    ),
    error(
        "Invalid Application Name",
        "application_name",
        "What stands outside of braces can be in no name that Kubernetes takes.",
        "Use lower-case letters, digits, '-' and '.', with a letter or digit at both ends.",
    ),
    warning(
        "One Name for All Members",
        "application_name",
        "The name has no field of the cluster, so a second cluster makes the controller refuse the set.",
        "Put a field such as {{.metadata.annotations.cluster_name}} into it.",
    ),
    error(
        "Invalid Source",
        "source.repo_url, source.path, source.chart, source.target_revision",
        "The source is not one folder of a git repository or one chart of a Helm repository.",
        "Give repo_url with path, or with chart and target_revision.",
    ),
    error("Two Destinations", "destination.server", "The destination has both name and server.", "Keep one of them."),
    error(
        "Invalid Selector Operator",
        "cluster_selector.match_expressions[…].operator",
        "The operator is none that Kubernetes knows.",
        "Write In, NotIn, Exists or DoesNotExist.",
    ),
    error(
        "Invalid Selector",
        "cluster_selector.match_expressions[…].values",
        "In and NotIn need values, Exists and DoesNotExist take none.",
        "Give or remove values, or use another operator.",
    ),
    error(
        "Invalid Sync Option",
        "sync_policy.sync_options",
        "An option is not of the form Name=value, or one is there with two values.",
        "Write it as Argo CD's documentation does, such as CreateNamespace=true.",
    ),
    error(
        "Invalid Retry Setting",
        "sync_policy.retry.limit, sync_policy.retry.factor",
        "The number is negative or not whole.",
        "Give a whole number from 0.",
    ),
    error(
        "Invalid Template Option",
        "go_template_options",
        "Go templates have no such option.",
        "Use missingkey=error.",
    ),
    warning(
        "Nothing Syncs the Applications",
        "sync_policy",
        "Without automated nobody deploys what the set generates, and the apply waits for that.",
        "Set automated = {}, or wait = false.",
    ),
    either(
        "Applications Not Ready in Time",
        "the resource",
        "What the set generates was not synced and healthy within the timeout; the message says of each Application how it stands.",
        "Remove what stands in the way. The object is kept, and the next apply waits again.",
    ),
    either(
        "Argo CD Reports a Failure",
        "the resource",
        "A condition of the set or of an Application names a cause that does not pass by itself; the message explains it.",
        "Do what the explanation says, then apply again.",
    ),
    warning(
        "No Application Generated",
        "expected_cluster_ids",
        "Argo CD took the set, and its generators pick no cluster.",
        "Associate members, mend cluster_selector, or set expected_cluster_ids so that the apply waits for members of the same run.",
    ),
    error(
        "Applications Not Gone",
        "the resource",
        "The set is deleted, but Applications of it are held until what they deployed is gone.",
        "Let Argo CD reach the member, or remove what the message names; they go by themselves then.",
    ),
    warning(
        "Workloads Kept",
        "the resource",
        "The set was deleted while preserve_resources_on_deletion was in force, so what it deployed stays in the members.",
        "Nothing, or delete it there by hand.",
    ),
];
