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
        /// `Intranet` or `Internet`.
        pub ipv6_address_type: String,
        /// `Standard` or `StandardWithWaf`.
        pub edition: String,
        /// Resource group.
        pub resource_group_id: String,
        /// `PostPay`.
        pub pay_type: String,
        /// Common bandwidth package.
        pub bandwidth_package_id: String,
        /// Where requests are logged.
        pub access_log: AccessLog<P>,
        /// A load balancer that exists already.
        pub reuse: Reuse<P>,
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
        /// Annotations for the controller that have no attribute.
        pub extra_annotations: BTreeMap<String, P::Of<String>>,
        /// Fields of `spec` that have no attribute, as JSON.
        pub extra_spec: String,
        /// Whether the IngressClass belongs to this resource.
        pub manage_ingress_class: bool,
        /// Name of the IngressClass.
        pub ingress_class_name: String,
        /// Whether Ingresses without a class get this one.
        pub default_ingress_class: bool,
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
    /// A load balancer that exists already.
    pub struct Reuse {
        /// Cloud ID.
        pub load_balancer_id: String,
        /// Whether its settings are overwritten.
        pub force_override: bool,
        /// Whether all its listeners are overwritten.
        pub listener_force_override: bool,
    }
}

crate::model! {
    /// Where requests are logged.
    pub struct AccessLog {
        /// Project.
        pub project: String,
        /// Logstore.
        pub store: String,
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
        /// The certificate served where no other fits.
        pub default_certificate: DefaultCertificate<P>,
        /// Mutual TLS.
        pub ca_enabled: bool,
        /// Authorities of clients.
        pub ca_certificates: Vec<P::Of<String>>,
        /// QUIC beside HTTPS.
        pub quic: Quic<P>,
        /// Headers about the client.
        pub x_forwarded_for: XForwardedFor<P>,
        /// Logging.
        pub log: Log<P>,
        /// Who may connect.
        pub acl: Acl<P>,
        /// Tags.
        pub tags: BTreeMap<String, P::Of<String>>,
        /// Fields that have no attribute, as JSON.
        pub extra_spec: String,
    }
}

crate::model! {
    /// The certificate served where no other fits.
    pub struct DefaultCertificate {
        /// Certificate identifier.
        pub certificate_id: String,
    }
}

crate::model! {
    /// QUIC beside HTTPS.
    pub struct Quic {
        /// Whether it is advertised.
        pub upgrade_enabled: bool,
        /// Cloud ID of the QUIC listener.
        pub listener_id: String,
    }
}

crate::model! {
    /// Headers about the client.
    pub struct XForwardedFor {
        /// `X-Forwarded-For`.
        pub enabled: bool,
        /// `X-Forwarded-Proto`.
        pub proto_enabled: bool,
        /// Load balancer ID.
        pub slb_id_enabled: bool,
        /// Listener port.
        pub slb_port_enabled: bool,
        /// Client port.
        pub client_src_port_enabled: bool,
        /// Subject of the client certificate.
        pub client_cert_subject_dn_enabled: bool,
        /// Header name.
        pub client_cert_subject_dn_alias: String,
        /// Issuer of the client certificate.
        pub client_cert_issuer_dn_enabled: bool,
        /// Header name.
        pub client_cert_issuer_dn_alias: String,
        /// Fingerprint of the client certificate.
        pub client_cert_fingerprint_enabled: bool,
        /// Header name.
        pub client_cert_fingerprint_alias: String,
        /// Result of the check of the client certificate.
        pub client_cert_client_verify_enabled: bool,
        /// Header name.
        pub client_cert_client_verify_alias: String,
        /// `X-Forwarded-Host`.
        pub host_enabled: bool,
        /// `append` or `remove`.
        pub processing_mode: String,
        /// Whether the client's address is looked up.
        pub client_source_ips_enabled: bool,
        /// Trusted proxies.
        pub client_source_ips_trusted: Vec<P::Of<String>>,
    }
}

crate::model! {
    /// Logging of a listener.
    pub struct Log {
        /// Custom headers.
        pub custom_headers_enabled: bool,
        /// Whether that may be switched off.
        pub custom_headers_allow_disable: bool,
        /// Tracing.
        pub tracing: Tracing<P>,
    }
}

crate::model! {
    /// Tracing of requests.
    pub struct Tracing {
        /// Whether it is on.
        pub enabled: bool,
        /// Format.
        pub r#type: String,
        /// Share of requests, in ten thousandths.
        pub sample: i64,
    }
}

crate::model! {
    /// Who may connect.
    pub struct Acl {
        /// `White` or `Black`.
        pub r#type: String,
        /// Networks.
        pub entries: Vec<P::Of<String>>,
        /// Access control lists that exist.
        pub ids: Vec<P::Of<String>>,
        /// Name of the list made of `entries`.
        pub name: String,
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
