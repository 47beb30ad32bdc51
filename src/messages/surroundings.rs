//! Messages about what stands around a gateway in the cloud: Fleet, members, vSwitches, load balancers.

use super::{Message, error, warning};

pub(super) const MESSAGES: &[Message] = &[
    warning(
        "Fleet Not Running",
        "none",
        "The Fleet is being created, stopped, failed or being deleted, so its controller does not act.",
        "Look at the Fleet in the ACK One console, and apply once it is running.",
    ),
    warning(
        "Member Cluster Not Running",
        "remote_clusters",
        "A member's cluster does not run, or it could not be associated, so the gateway has no backends there.",
        "Bring the cluster back, associate it again, or take it out of remote_clusters.",
    ),
    warning(
        "Member Cluster in Another VPC",
        "remote_clusters",
        "A member stands in another VPC than the Fleet, where the load balancer has no way by itself.",
        "Use a cluster in the Fleet's VPC, or join the VPCs with Cloud Enterprise Network.",
    ),
    warning(
        "Cluster Not Found",
        "cluster_id",
        "The region has no such ACK cluster, or these credentials may not see it.",
        "Check the ID against the ACK console, and the region.",
    ),
    warning(
        "Cluster Not Running",
        "cluster_id",
        "The cluster that is to be associated does not run.",
        "Apply once it is running.",
    ),
    warning(
        "Cluster in Another VPC",
        "cluster_id",
        "The cluster that is to be associated stands in another VPC than the Fleet.",
        "Use a cluster in the Fleet's VPC, or join the VPCs with Cloud Enterprise Network.",
    ),
    warning(
        "VSwitch Not Found",
        "zone_mappings[*].vswitch_id",
        "The region has no such vSwitch, or these credentials may not see it.",
        "Name a vSwitch of the Fleet's VPC; the data source ackone_vswitches lists them.",
    ),
    warning(
        "VSwitch in Another VPC",
        "zone_mappings[*].vswitch_id",
        "A load balancer in another VPC than the Fleet does not reach the members.",
        "Name a vSwitch of the Fleet's VPC; the data source ackone_vswitches lists them.",
    ),
    error(
        "VSwitches in One Zone",
        "zone_mappings[*].vswitch_id",
        "A load balancer takes one vSwitch of each zone; the service refuses two of one.",
        "Name a vSwitch of another zone.",
    ),
    warning(
        "ALB Service Not Usable",
        "none",
        "The ALB API refused to list load balancers, as it may where the service was never activated.",
        "Activate the ALB service in its console; else see what the API says.",
    ),
    warning(
        "Foreign Listeners Lost",
        "reuse.force_override; reuse.listener_force_override",
        "The load balancer that is taken over has listeners that the gateway does not declare; the override deletes them.",
        "Declare them, or leave the override out.",
    ),
    warning(
        "Too Many Certificates",
        "tls",
        "The Ingresses and listeners of one gateway name more certificates than a load balancer takes.",
        "Let hosts share a certificate, use another gateway, or have the quota raised.",
    ),
    warning(
        "Many Servers",
        "none",
        "The server groups of one load balancer have nearly as many servers as its quota allows, or more.",
        "Use fewer replicas, another gateway, or have the quota raised.",
    )
    .not_rendered("it takes 900 servers behind one load balancer"),
];
