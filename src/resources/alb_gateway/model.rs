//! The gateway as Terraform sees it, before and after it is known.

use std::collections::BTreeMap;

use crate::framework::resource::Timeouts;

crate::model! {
    /// `ackone_alb_gateway`.
    pub struct Gateway {
        /// The name.
        pub id: String,
        /// The Fleet that holds it.
        pub fleet_id: String,
        /// Name of the AlbConfig.
        pub name: String,
        /// Member clusters that receive traffic.
        pub remote_clusters: Vec<P::Of<String>>,
        /// Display name of the load balancer.
        pub load_balancer_name: String,
        /// `Internet` or `Intranet`.
        pub address_type: String,
        /// `Fixed` or `Dynamic`.
        pub address_allocated_mode: String,
        /// `IPv4` or `DualStack`.
        pub address_ip_version: String,
        /// `Standard` or `StandardWithWaf`.
        pub edition: String,
        /// vSwitches, one for each zone.
        pub zone_mappings: Vec<P::Of<ZoneMapping<P>>>,
        /// Listeners by `<port>/<PROTOCOL>`.
        pub listeners: BTreeMap<String, P::Of<Listener<P>>>,
        /// Tags of the load balancer.
        pub tags: BTreeMap<String, P::Of<String>>,
        /// Labels of the AlbConfig.
        pub labels: BTreeMap<String, P::Of<String>>,
        /// Annotations of the AlbConfig.
        pub annotations: BTreeMap<String, P::Of<String>>,
        /// Whether the IngressClass belongs to this resource.
        pub manage_ingress_class: bool,
        /// Name of the IngressClass.
        pub ingress_class_name: String,
        /// Whether to wait.
        pub wait: bool,
        /// `warn` or `error`.
        pub on_wait_timeout: String,
        /// Whether a delete goes on although Ingresses use the gateway.
        pub ignore_users: bool,
        /// Whether rules about other objects are checked.
        pub cross_checks: bool,
        /// Whether a create takes over what exists.
        pub adopt: bool,
        /// Time limits.
        pub timeouts: Timeouts<P>,
        /// Cloud ID.
        pub load_balancer_id: String,
        /// DNS name.
        pub dns_name: String,
        /// What the controller says of the listeners.
        pub listener_status: Vec<P::Of<ListenerStatus<P>>>,
        /// Listeners that others added.
        pub foreign_listeners: Vec<P::Of<String>>,
        /// vSwitches that others added.
        pub foreign_zone_mappings: Vec<P::Of<String>>,
        /// Whether it is reconciled.
        pub ready: bool,
        /// Why not.
        pub reason: String,
        /// With the provider's defaults.
        pub effective_labels: BTreeMap<String, P::Of<String>>,
        /// With the provider's defaults.
        pub effective_annotations: BTreeMap<String, P::Of<String>>,
    }
}

crate::model! {
    /// A vSwitch in a zone.
    pub struct ZoneMapping {
        /// vSwitch ID.
        pub vswitch_id: String,
        /// Zone ID.
        pub zone_id: String,
        /// Elastic IP address.
        pub allocation_id: String,
    }
}

crate::model! {
    /// A listener.
    pub struct Listener {
        /// Description.
        pub description: String,
        /// Seconds.
        pub idle_timeout: i64,
        /// Seconds.
        pub request_timeout: i64,
        /// Compression.
        pub gzip_enabled: bool,
        /// HTTP/2 towards clients.
        pub http2_enabled: bool,
        /// TLS policy.
        pub security_policy_id: String,
        /// Server certificates.
        pub certificates: Vec<P::Of<Certificate<P>>>,
    }
}

crate::model! {
    /// A certificate of the certificate service.
    pub struct Certificate {
        /// Certificate identifier.
        pub certificate_id: String,
        /// Served where no other fits.
        pub default: bool,
    }
}

crate::model! {
    /// A published listener.
    pub struct ListenerStatus {
        /// `<port>/<PROTOCOL>`.
        pub listener: String,
        /// Certificates, the default one first.
        pub certificate_ids: Vec<P::Of<String>>,
    }
}
