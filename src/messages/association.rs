//! Messages of `ackone_fleet_cluster_association`.

use super::{Message, either, error, warning};

pub(super) const MESSAGES: &[Message] = &[
    error(
        "Fleet Not Named",
        "fleet_id",
        "Neither the resource nor the provider block names a Fleet.",
        "Set fleet_id in one of them.",
    ),
    error(
        "Invalid {} ID",
        "fleet_id, cluster_id",
        "The text is no ID of a Fleet or cluster.",
        "Copy the ID from the console: a \"c\" and 32 hexadecimal digits.",
    ),
    error(
        "Incomplete Identity",
        "the import block",
        "The identity names no cluster, or no Fleet while the provider block has none either.",
        "Give cluster_id, and fleet_id where the provider block has none.",
    )
    .not_rendered("import by identity needs Terraform 1.12, and core itself asks for what is required"),
    warning(
        "Cluster Already Associated",
        "cluster_id",
        "The cluster was a member of this Fleet before the create, usually because an earlier apply was interrupted.",
        "Nothing, unless another configuration manages the association too: then remove it from one of the two.",
    ),
    either(
        "Association Failed",
        "cluster_id",
        "The Fleet reports that the cluster could not be associated.",
        "Remove the cause that the Fleet gives (cluster not running, VPC not reached, member of another Fleet) and apply again.",
    ),
    either(
        "Member Detached Meanwhile",
        "cluster_id",
        "Somebody else detached the cluster while it was being attached.",
        "Find out who, then apply again.",
    ),
    either(
        "Association Takes Long",
        "cluster_id",
        "The member did not become ready within timeouts; it is in state with ready = false.",
        "Apply again to wait on; raise timeouts if it usually takes longer.",
    ),
    warning(
        "Wait Interrupted",
        "the resource",
        "The run was interrupted while waiting for an object that exists.",
        "Apply again: the wait goes on in place.",
    ),
    either(
        "Members Not Listed",
        "cluster_id",
        "The cluster was attached, but the list of members cannot be read, so nobody knows whether it is ready.",
        "Grant adcp:DescribeManagedClusters or mend the connection, and apply again.",
    ),
    error(
        "Member Still Listed",
        "the resource",
        "The detach was accepted, but the member did not leave the list within timeouts.delete.",
        "Run the destroy again; it continues from there.",
    ),
    error(
        "Member Still In Use",
        "ignore_gateways",
        "A gateway of the Fleet still routes to the member, whose endpoints would be lost at once.",
        "Set create_before_destroy on the association and take cluster_id from it, so that the gateway is updated first; or set \
         ignore_gateways = true and apply that before.",
    ),
];
