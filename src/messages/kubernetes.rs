//! Messages about objects in the Fleet and its API server, whichever resource they are of.

use super::{Message, either, error, warning};

/// Why a message of a race has no golden.
const RACE: &str = "needs a write between the provider's own calls";

pub(super) const MESSAGES: &[Message] = &[
    error(
        "No Fleet Configured",
        "the resource",
        "The provider block says neither which Fleet is meant nor how its API server is reached.",
        "Set fleet_id, or a kubernetes object.",
    ),
    error(
        "Another Fleet",
        "the resource",
        "State keeps the object in another Fleet than the one that the provider points to.",
        "Point the provider back, or use an alias for the other Fleet.",
    ),
    error(
        "Fleet Not Certain",
        "the resource",
        "The provider only says how to reach an API server, and the object is not there: gone, or in another Fleet.",
        "Set the provider's fleet_id beside kubernetes, then plan again.",
    ),
    error(
        "Fleet API Unreachable",
        "the resource",
        "The Fleet's API server did not answer.",
        "Check the network; with private_endpoint = true only the Fleet's VPC reaches it.",
    ),
    error(
        "Fleet API Not Trusted",
        "the resource",
        "The TLS connection to the API server failed.",
        "Check CA certificate, server name and client certificate of the kubernetes object.",
    ),
    error(
        "Fleet Credentials Not Accepted",
        "the resource",
        "The API server does not accept the token or client certificate.",
        "Renew it; with fleet_id check that the account may fetch the Fleet's kubeconfig.",
    ),
    error(
        "No Access to the Fleet",
        "the resource",
        "No client could be built from the kubeconfig.",
        "Mend the provider's fleet_id or kubernetes.",
    ),
    error(
        "Action Forbidden",
        "the resource",
        "RBAC of the Fleet does not allow the user this action.",
        "Grant the verbs that the message names by a Role or ClusterRole.",
    ),
    error(
        "Kind Not Served",
        "the resource",
        "The API server knows no AlbConfig or ApplicationSet: it is no Fleet, or the ALB gateway or GitOps is not enabled in it.",
        "Check the provider's target, and enable the multi-cluster gateway or GitOps.",
    ),
    error("Fleet API Failure", "the resource", "The API server failed, also when asked again.", "Apply again later."),
    error(
        "Fleet API Too Slow",
        "the resource",
        "A refresh did not finish within timeouts.read.",
        "Check the connection, or allow more time.",
    ),
    error(
        "Too Many Requests",
        "the resource",
        "The API server kept asking to slow down, longer than the retries last.",
        "Apply again later, or lower -parallelism.",
    ),
    error(
        "Request Refused by Kubernetes",
        "the resource",
        "The API server or a webhook refused the request; its answer is in the message.",
        "Change what the answer names.",
    ),
    error(
        "Value Refused by Kubernetes",
        "the attribute of the refused field",
        "The API server refused the value of a field.",
        "Change the value as its answer says.",
    ),
    error(
        "Fields Unknown to Kubernetes",
        "the resource",
        "The API server does not know a field, because it is older than this provider supports.",
        "Upgrade the Fleet; else report it.",
    )
    .not_rendered("the provider writes no field that the supported versions do not know"),
    error(
        "Namespace Missing",
        "namespace",
        "The namespace does not exist in the Fleet.",
        "Create it with ackone_namespace and take the attribute from that resource.",
    ),
    error(
        "Namespace Being Deleted",
        "namespace",
        "Nothing can be created in a namespace that is going.",
        "Wait until it is gone, then apply again.",
    ),
    error(
        "Object Exists",
        "the resource",
        "An object of the name is there already, and a create never overwrites.",
        "Import it with the block in the message, set adopt = true, or choose another name.",
    ),
    error(
        "Object Managed by Another State",
        "adopt",
        "adopt does not take over an object that another Terraform state or resource manages.",
        "Remove it from the other state first, then import it.",
    ),
    warning(
        "Interrupted Create Recorded",
        "the resource",
        "The object was there exactly as planned, made by this provider less than a day ago: an interrupted apply left it.",
        "Nothing, unless another block or state manages it too: then remove it from one of them.",
    ),
    error("Object Not Found", "the resource", "The object vanished while it was worked on.", "Plan again.")
        .not_rendered(RACE),
    error("Object Gone", "the resource", "Somebody deleted the object after the plan was made.", "Plan again."),
    error(
        "Object Deleted",
        "the resource",
        "Somebody was deleting the object while it was to be updated; it is gone now.",
        "Plan again: the next apply creates it.",
    ),
    either(
        "Object Recreated",
        "the resource",
        "Somebody deleted the object and made one of the same name.",
        "Plan again, then import the new one or remove it.",
    ),
    warning(
        "Object Being Deleted",
        "the resource",
        "Somebody deleted the object, and finalizers still hold it.",
        "Wait, or apply: an update waits until it is gone, the next one creates it.",
    ),
    warning(
        "Object Kept",
        "the resource",
        "Another resource made or took over the object in the same run, so this one does not delete it.",
        "Nothing.",
    )
    .not_rendered("needs a resource that is destroyed after another one took its object over, in one run"),
    error(
        "Object Keeps Changing",
        "the resource",
        "Another writer changed the object each time just before our write.",
        "Find the controller that writes it so often.",
    ),
    error(
        "Field Changed Since the Plan",
        "the attribute of the field",
        "Somebody changed a field between plan and apply.",
        "Plan again: the plan then shows the change, and applying it overwrites the value.",
    ),
    error(
        "Fields Owned by Others",
        "the resource",
        "Other field managers own fields that are to be written.",
        "Plan again.",
    )
    .not_rendered("writes are forced after the provider's own judgement, so the server reports no conflicts"),
    warning(
        "{} Changed Outside of Terraform",
        "the attribute that drifted, if it is one",
        "The live object differs in meaning from what was applied; the message names each last writer.",
        "Apply to set it back, configure the live value to keep it, or leave the field out to let go of it.",
    ),
    warning(
        "{}: Values of Others Overwritten",
        "the resource",
        "The configuration now sets fields that it left to others, and the live object has other values there; the message \
         names each last writer.",
        "Apply to write what is configured, or leave the field out to leave it to its writer.",
    ),
    error(
        "Deletion Not Finished",
        "the resource",
        "Finalizers still hold the deleted object after timeouts.delete, or the controller has failed three times to dismantle \
         what it stands for; the message shows its events and what they mean.",
        "Remove the cause that the events name, then apply again to wait on. Do not remove a finalizer by hand.",
    ),
    either(
        "Not Reconciled in Time",
        "the resource",
        "The controller has not finished within the timeout; the message shows its events and what they mean.",
        "Remove the cause that the events name. The object is kept, and the next apply waits again.",
    ),
    either(
        "Controller Reports a Failure",
        "the resource",
        "The controller's event names a cause that does not pass by itself; the message explains it.",
        "Do what the explanation says, then apply again.",
    ),
    warning(
        "Object Gone While Waiting",
        "the resource",
        "Somebody deleted the object while the run waited for it.",
        "Plan again.",
    ),
    warning(
        "Wait Not Possible",
        "the resource",
        "The API server refused the watch or has not answered for long, so the end of the reconciliation cannot be seen.",
        "Grant watch on the kind; the next apply waits again.",
    ),
    warning(
        "Events Not Readable",
        "the resource",
        "Events cannot be read, so failures cannot be explained and waits take longer.",
        "Grant get, list and watch on events.",
    ),
    error(
        "Invalid Import ID",
        "the import block",
        "The import ID is not of the type's form.",
        "Write it as the message shows.",
    ),
    error(
        "Invalid {} Name",
        "name, namespace, ingress_class_name and others",
        "Kubernetes does not take the name.",
        "Use lower-case letters, digits and '-', with a letter or digit at both ends.",
    ),
    error(
        "Reserved {} Name",
        "name, namespace",
        "The name begins with aliyun, with which the controller cannot tag cloud resources.",
        "Choose another name.",
    ),
    error(
        "Invalid Metadata Key",
        "labels[\"<key>\"], annotations[\"<key>\"], extra_annotations[\"<key>\"]",
        "A key is none that Kubernetes takes.",
        "Use letters, digits, '-', '_' and '.', optionally after a DNS name and a slash.",
    ),
    error(
        "Reserved Metadata Key",
        "labels[\"<key>\"], annotations[\"<key>\"], extra_annotations[\"<key>\"]",
        "The key is written by the controller or by kubectl.",
        "Remove it.",
    ),
    error(
        "Invalid Label Value",
        "labels[\"<key>\"]",
        "Kubernetes does not take the value of a label.",
        "Use up to 63 letters, digits, '-', '_' and '.', or nothing.",
    ),
    error(
        "Annotation Has an Attribute",
        "annotations[\"<key>\"], extra_annotations[\"<key>\"]",
        "The key stands for what an attribute of the resource says.",
        "Remove it, and set the attribute that the message names.",
    ),
    error(
        "Annotation Not Allowed",
        "annotations[\"<key>\"], extra_annotations[\"<key>\"]",
        "The key is the controller's own, belongs to another kind of object, or has had no effect since there are AlbConfigs.",
        "Remove it; the message says what to use instead.",
    ),
    error(
        "Setting Among Annotations",
        "annotations[\"<key>\"]",
        "The key has the prefix of the controller's settings, and no attribute.",
        "Move it to extra_annotations, which hands it on unread.",
    ),
    error(
        "Annotation Among Settings",
        "extra_annotations[\"<key>\"]",
        "The key does not have the prefix of the controller's settings.",
        "Move it to annotations.",
    ),
    warning(
        "Annotation Nobody Reads",
        "extra_annotations[\"<key>\"]",
        "No controller is known to read the key, and they ignore what they do not know.",
        "Check the spelling; leave it if the controller is newer than the provider.",
    ),
    error(
        "Null Element",
        "the list, set or map",
        "An element is null, which has no meaning here.",
        "Leave it out, for instance with a for expression with if.",
    ),
    error("Invalid Wait Setting", "on_wait_timeout", "The value is none of the choices.", "Write warn or error."),
];
