//! What becomes of each field of the AlbConfig and the IngressClass that the controller's documentation names.
//!
//! The field coverage list reads it; tests hold it against that documentation's tables (`testdata/`) and against the rows
//! of `table.rs`. Nothing here runs in a plan.

use crate::resources::coverage::Handled::{LeftOut, PassedThrough, Typed};
use crate::resources::coverage::{Coverage, Field, Handled};

const fn field(name: &'static str, handled: Handled) -> Field {
    Field { name, handled }
}

/// The AlbConfig.
pub(crate) const ALB_CONFIG: Coverage = Coverage {
    object: "AlbConfig",
    resource: "ackone_alb_gateway",
    fields: &[
        field("metadata.name", Typed("name")),
        field("metadata.labels", Typed("labels")),
        field("metadata.annotations", Typed("annotations")),
        field("alb.ingress.kubernetes.io/remote-clusters", Typed("remote_clusters")),
        field("alb.ingress.kubernetes.io/cluster-weight.<id>", PassedThrough("extra_annotations")),
        field("metadata.finalizers", LeftOut("The controller's own.")),
        field("alb.ingress.kubernetes.io/hash", LeftOut("A label that the controller stamps.")),
        field("spec.config.id", Typed("reuse.load_balancer_id")),
        field("spec.config.name", Typed("load_balancer_name")),
        field("spec.config.addressType", Typed("address_type")),
        field("spec.config.addressAllocatedMode", Typed("address_allocated_mode")),
        field("spec.config.addressIpVersion", Typed("address_ip_version")),
        field("spec.config.ipv6AddressType", Typed("ipv6_address_type")),
        field("spec.config.edition", Typed("edition")),
        field("spec.config.resourceGroupId", Typed("resource_group_id")),
        field("spec.config.zoneMappings", Typed("zone_mappings")),
        field("spec.config.zoneMappings[].vSwitchId", Typed("zone_mappings.vswitch_id")),
        field("spec.config.zoneMappings[].zoneId", Typed("zone_mappings.zone_id")),
        field("spec.config.zoneMappings[].allocationId", Typed("zone_mappings.allocation_id")),
        field("spec.config.zoneMappings[].eipType", LeftOut("Reserved: no controller reads it.")),
        field("spec.config.accessLogConfig.logProject", Typed("access_log.project")),
        field("spec.config.accessLogConfig.logStore", Typed("access_log.store")),
        field("spec.config.billingConfig.payType", Typed("pay_type")),
        field("spec.config.billingConfig.internetBandwidth", LeftOut("Reserved: no controller reads it.")),
        field("spec.config.billingConfig.internetChargeType", LeftOut("Reserved: no controller reads it.")),
        field("spec.config.billingConfig.bandWidthPackageId", Typed("bandwidth_package_id")),
        field("spec.config.forceOverride", Typed("reuse.force_override")),
        field("spec.config.listenerForceOverride", Typed("reuse.listener_force_override")),
        field("spec.config.deletionProtectionEnabled", LeftOut("Reserved: the controller forces it to true.")),
        field(
            "spec.config.modificationProtectionConfig.status",
            LeftOut("Reserved: the controller forces it to ConsoleProtection."),
        ),
        field(
            "spec.config.modificationProtectionConfig.reason",
            LeftOut("Reserved: the controller forces it to be empty."),
        ),
        field("spec.config.tags", Typed("tags")),
        field("spec.config.securityGroupIds", PassedThrough("extra_spec")),
        field("spec.listeners[].port", Typed("listeners")),
        field("spec.listeners[].protocol", Typed("listeners")),
        field("spec.listeners[].description", Typed("listeners.description")),
        field("spec.listeners[].gzipEnabled", Typed("listeners.gzip_enabled")),
        field("spec.listeners[].http2Enabled", Typed("listeners.http2_enabled")),
        field("spec.listeners[].securityPolicyId", Typed("listeners.security_policy_id")),
        field("spec.listeners[].idleTimeout", Typed("listeners.idle_timeout")),
        field("spec.listeners[].requestTimeout", Typed("listeners.request_timeout")),
        field("spec.listeners[].certificates[].CertificateId", Typed("listeners.certificates.certificate_id")),
        field("spec.listeners[].certificates[].IsDefault", Typed("listeners.certificates.default")),
        field(
            "spec.listeners[].defaultCertificate.certificateId",
            Typed("listeners.default_certificate.certificate_id"),
        ),
        field("spec.listeners[].defaultCertificate.kind", Typed("listeners.default_certificate")),
        field("spec.listeners[].defaultCertificate (kind Secret)", PassedThrough("listeners.extra_spec")),
        field("spec.listeners[].caEnabled", Typed("listeners.ca_enabled")),
        field("spec.listeners[].caCertificates[].CertificateId", Typed("listeners.ca_certificates")),
        field(
            "spec.listeners[].caCertificates[].IsDefault",
            LeftOut("Without meaning: a list of authorities has no default."),
        ),
        field("spec.listeners[].quicConfig.quicUpgradeEnabled", Typed("listeners.quic.upgrade_enabled")),
        field("spec.listeners[].quicConfig.quicListenerId", Typed("listeners.quic.listener_id")),
        forwarded("spec.listeners[].xForwardedForConfig.XForwardedForEnabled", "listeners.x_forwarded_for.enabled"),
        forwarded(
            "spec.listeners[].xForwardedForConfig.XForwardedForProtoEnabled",
            "listeners.x_forwarded_for.proto_enabled",
        ),
        forwarded(
            "spec.listeners[].xForwardedForConfig.XForwardedForSLBIdEnabled",
            "listeners.x_forwarded_for.slb_id_enabled",
        ),
        forwarded(
            "spec.listeners[].xForwardedForConfig.XForwardedForSLBPortEnabled",
            "listeners.x_forwarded_for.slb_port_enabled",
        ),
        forwarded(
            "spec.listeners[].xForwardedForConfig.XForwardedForClientSrcPortEnabled",
            "listeners.x_forwarded_for.client_src_port_enabled",
        ),
        forwarded(
            "spec.listeners[].xForwardedForConfig.XForwardedForClientCertSubjectDNEnabled",
            "listeners.x_forwarded_for.client_cert_subject_dn_enabled",
        ),
        forwarded(
            "spec.listeners[].xForwardedForConfig.XForwardedForClientCertSubjectDNAlias",
            "listeners.x_forwarded_for.client_cert_subject_dn_alias",
        ),
        forwarded(
            "spec.listeners[].xForwardedForConfig.XForwardedForClientCertIssuerDNEnabled",
            "listeners.x_forwarded_for.client_cert_issuer_dn_enabled",
        ),
        forwarded(
            "spec.listeners[].xForwardedForConfig.XForwardedForClientCertIssuerDNAlias",
            "listeners.x_forwarded_for.client_cert_issuer_dn_alias",
        ),
        forwarded(
            "spec.listeners[].xForwardedForConfig.XForwardedForClientCertFingerprintEnabled",
            "listeners.x_forwarded_for.client_cert_fingerprint_enabled",
        ),
        forwarded(
            "spec.listeners[].xForwardedForConfig.XForwardedForClientCertFingerprintAlias",
            "listeners.x_forwarded_for.client_cert_fingerprint_alias",
        ),
        forwarded(
            "spec.listeners[].xForwardedForConfig.XForwardedForClientCertClientVerifyEnabled",
            "listeners.x_forwarded_for.client_cert_client_verify_enabled",
        ),
        forwarded(
            "spec.listeners[].xForwardedForConfig.XForwardedForClientCertClientVerifyAlias",
            "listeners.x_forwarded_for.client_cert_client_verify_alias",
        ),
        forwarded(
            "spec.listeners[].xForwardedForConfig.XForwardedForHostEnabled",
            "listeners.x_forwarded_for.host_enabled",
        ),
        forwarded(
            "spec.listeners[].xForwardedForConfig.XForwardedForProcessingMode",
            "listeners.x_forwarded_for.processing_mode",
        ),
        forwarded(
            "spec.listeners[].xForwardedForConfig.XForwardedForClientSourceIpsEnabled",
            "listeners.x_forwarded_for.client_source_ips_enabled",
        ),
        forwarded(
            "spec.listeners[].xForwardedForConfig.XForwardedForClientSourceIpsTrusted",
            "listeners.x_forwarded_for.client_source_ips_trusted",
        ),
        field(
            "spec.listeners[].logConfig.accessLogRecordCustomizedHeadersEnabled",
            Typed("listeners.log.custom_headers_enabled"),
        ),
        field(
            "spec.listeners[].logConfig.accessLogRecordCustomizedHeadersAllowDisable",
            Typed("listeners.log.custom_headers_allow_disable"),
        ),
        field(
            "spec.listeners[].logConfig.accessLogTracingConfig.tracingEnabled",
            Typed("listeners.log.tracing.enabled"),
        ),
        field("spec.listeners[].logConfig.accessLogTracingConfig.tracingType", Typed("listeners.log.tracing.type")),
        field("spec.listeners[].logConfig.accessLogTracingConfig.tracingSample", Typed("listeners.log.tracing.sample")),
        field("spec.listeners[].aclConfig.aclType", Typed("listeners.acl.type")),
        field("spec.listeners[].aclConfig.aclEntries", Typed("listeners.acl.entries")),
        field("spec.listeners[].aclConfig.aclIds", Typed("listeners.acl.ids")),
        field("spec.listeners[].aclConfig.aclName", Typed("listeners.acl.name")),
        field("spec.listeners[].tags", Typed("listeners.tags")),
        field("spec.listeners[].loadBalancerId", LeftOut("Reserved: the controller ignores it.")),
        field(
            "spec.listeners[].defaultActions",
            LeftOut("Reserved: requests that no rule matches are always answered with 503."),
        ),
        field("status.loadBalancer.id", Typed("load_balancer_id")),
        field("status.loadBalancer.dnsname", Typed("dns_name")),
        field("status.loadBalancer.listeners[].portAndProtocol", Typed("listener_status.listener")),
        field("status.loadBalancer.listeners[].certificates[].certificateId", Typed("listener_status.certificate_ids")),
        field("status.loadBalancer.listeners[].certificates[].isDefault", Typed("listener_status.certificate_ids")),
        field(
            "status.loadBalancer.phase",
            LeftOut("Written by some hosted controllers only; `ready` rests on what all of them write."),
        ),
    ],
};

const fn forwarded(name: &'static str, attribute: &'static str) -> Field {
    field(name, Typed(attribute))
}

/// The IngressClass.
pub(crate) const INGRESS_CLASS: Coverage = Coverage {
    object: "IngressClass",
    resource: "ackone_alb_gateway",
    fields: &[
        field("metadata.name", Typed("ingress_class_name")),
        field("spec.controller", LeftOut("There is one value that works, and it is always written.")),
        field("spec.parameters.apiGroup", LeftOut("There is one value that works, and it is always written.")),
        field("spec.parameters.kind", LeftOut("There is one value that works, and it is always written.")),
        field("spec.parameters.name", Typed("name")),
        field("spec.parameters.scope", LeftOut("The API server's default is the one value that works.")),
        field("ingressclass.kubernetes.io/is-default-class", Typed("default_ingress_class")),
    ],
};
