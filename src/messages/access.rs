//! Messages of `ackone_backend_access`, and of the check whether members admit a gateway.

use super::{Message, either, error, warning};

pub(super) const MESSAGES: &[Message] = &[
    error(
        "Invalid Access Name",
        "name",
        "The name cannot stand in the mark of a rule.",
        "Use 1 to 63 letters, digits, hyphens, underscores and dots.",
    ),
    error("Empty Set", "cluster_ids", "The set names nothing.", "Write at least one ID into it."),
    error(
        "No Source Given",
        "vswitch_ids",
        "Neither vSwitches nor ranges are named, so there is nothing to admit.",
        "Write the gateway's vSwitches into vswitch_ids.",
    ),
    error(
        "Invalid Source Range",
        "source_cidrs",
        "The text is no IPv4 range, or its address has bits behind the prefix.",
        "Write a network address and a prefix length, such as 10.0.8.0/24.",
    ),
    error(
        "Invalid Rule Priority",
        "priority",
        "Priorities are whole numbers from 1 to 100.",
        "Write one of them; 1 is asked first.",
    ),
    error(
        "Invalid Rule Description",
        "description",
        "The text is empty, too long, or has line breaks or spaces at its ends.",
        "Write 1 to 256 characters.",
    ),
    error(
        "Security Group Of Another Cluster",
        "security_group_ids",
        "The map names a group for a cluster that is not among cluster_ids.",
        "Add the cluster to cluster_ids, or remove the entry.",
    ),
    either(
        "No Such Cluster",
        "cluster_ids",
        "The cloud knows no cluster of this ID in the region. A refresh warns of one that has gone.",
        "Check the ID, the region and the credentials' account; remove a cluster that is gone for good.",
    ),
    either(
        "Security Group Not Known",
        "security_group_ids",
        "The cloud names no security group for the cluster, as for clusters that are only registered.",
        "Name the group that its nodes and Pods stand behind in security_group_ids.",
    ),
    either(
        "Security Group Not Found",
        "cluster_ids",
        "The group that the cluster should stand behind does not exist.",
        "Name the right group in security_group_ids, or apply again if it has just gone.",
    ),
    either(
        "No Such vSwitch",
        "vswitch_ids",
        "The cloud knows no vSwitch of this ID with IPv4 addresses in the region. A refresh warns of one that has gone.",
        "Check the ID, the region and the credentials' account; remove a vSwitch that is gone for good.",
    ),
    either(
        "Security Group Full",
        "cluster_ids",
        "The group holds as many rules as it may.",
        "Remove rules that nobody needs, admit one wider range with source_cidrs, or ask for a higher quota.",
    ),
    either(
        "Security Group Managed By Service",
        "cluster_ids",
        "The group belongs to a cloud service, which alone may change its rules.",
        "Admit the gateway where that service is configured, or name the right group in security_group_ids.",
    ),
    warning(
        "Access Rules Recorded",
        "name",
        "Rules with the mark of this resource were there before it, no older than a day: usually an earlier apply was interrupted.",
        "Nothing, unless another configuration made them: then give one of the two another name.",
    ),
    warning(
        "Access Rules Of The Same Name",
        "name",
        "Rules with the mark of this resource are not known to its state, and are left as they are.",
        "Give one of two configurations another name; or import the resource, which takes the rules over.",
    ),
    warning(
        "Access Rule Overruled",
        "priority",
        "Another rule of the group goes first and drops packets from the range.",
        "Remove that rule, make it narrower, or give it a larger priority number.",
    ),
    warning(
        "Access Rule Missing",
        "rules",
        "A refresh found no rule that admits a range: somebody removed or changed it, or an apply did not get there.",
        "Apply: the rule is made again. Or take the cluster or vSwitch out of the resource.",
    ),
    warning(
        "Access Rule Not Listed Yet",
        "rules",
        "The cloud accepted a rule and does not list it yet.",
        "Apply again: it is found by its mark.",
    )
    .not_rendered("the sandbox lists a rule as soon as it is accepted, as the real service does as far as known"),
    warning(
        "Gateway Cut Off",
        "the resource",
        "Rules were removed through which a gateway still connects to its members.",
        "Let the gateway depend on the resource if both go together; else admit it by another rule.",
    ),
    warning(
        "Shared Rules Stay",
        "the resource",
        "A resource is destroyed whose rules another resource of the same run shares, as after a new name with create_before_destroy.",
        "Remove the rules by hand once nothing needs them, or import them under the old name.",
    ),
    error(
        "Import Needs Clusters",
        "the import",
        "The provider block names no Fleet whose members could be searched for rules of the name.",
        "Set fleet_id in the provider block, or import with the ID that names clusters and sources.",
    ),
    error(
        "Access Rules Not Found",
        "the import",
        "No member of the Fleet has a rule with the mark of this name.",
        "Check the name. Rules without the mark need no import: a resource shares them.",
    ),
    warning(
        "Security Group Closed",
        "remote_clusters",
        "A member's security group does not admit a vSwitch of the gateway: connections time out, and the gateway answers 504.",
        "Add the ackone_backend_access block that the message shows, and let the gateway depend on it.",
    ),
    warning(
        "Security Groups Not Checked",
        "the resource",
        "The credentials lack a right that looking at the members' security groups needs.",
        "Grant the RAM action that the message names, or set cross_checks = false.",
    ),
];
