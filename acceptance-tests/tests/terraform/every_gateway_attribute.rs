//! A gateway with every attribute, applied by real Terraform; then each attribute changed by itself. Protects: the plan
//! updates or replaces as the documentation of the AlbConfig says, the object in the API differs in exactly that field,
//! the plan after it is empty, and the controller takes it all.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests are tests too; clippy knows only the functions marked so"
)]

use std::collections::{BTreeMap, BTreeSet};

use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use serde_json::Value;

const CONFIGURATION: &str = include_str!("../../testdata/configurations/gateway_every_attribute.tf");
/// Each field of an AlbConfig with what the documentation says of changing it.
const STANDING: &str = include_str!("../../../src/resources/alb_gateway/testdata/alb_config_fields.tsv");
const ADDRESS: &str = "ackone_alb_gateway.every";

/// A change: text, new text, and the fields that it is.
type Step = (&'static str, &'static str, &'static [&'static str]);

/// In this order, each on top of the ones before. Some exclude each other, so they go together.
const STEPS: &[Step] = &[
    (
        "remote_clusters = var.member_cluster_ids",
        "remote_clusters = [tolist(var.member_cluster_ids)[0]]",
        &["alb.ingress.kubernetes.io/remote-clusters"],
    ),
    (r#"load_balancer_name     = "every-attribute""#, r#"load_balancer_name = "renamed""#, &["spec.config.name"]),
    (r#"ipv6_address_type      = "Internet""#, r#"ipv6_address_type = "Intranet""#, &["spec.config.ipv6AddressType"]),
    (r#"= "StandardWithWaf""#, r#"= "Standard""#, &["spec.config.edition"]),
    (r#"= "rg-a""#, r#"= "rg-b""#, &["spec.config.resourceGroupId"]),
    (r#"= "cbwp-a""#, r#"= "cbwp-b""#, &["spec.config.billingConfig.bandWidthPackageId"]),
    (r#"= "gateway-logs""#, r#"= "other-logs""#, &["spec.config.accessLogConfig.logProject"]),
    (r#"= "alb_access""#, r#"= "alb_other""#, &["spec.config.accessLogConfig.logStore"]),
    (r#"zone_id = "cn-hangzhou-h", "#, "", &["spec.config.zoneMappings[].zoneId"]),
    (r#"tags              = { team = "edge" }"#, r#"tags = { team = "core" }"#, &["spec.config.tags"]),
    (r#"labels            = { team = "edge" }"#, r#"labels = { team = "core" }"#, &["metadata.labels.team"]),
    (
        r#"{ "example.com/team" = "edge" }"#,
        r#"{ "example.com/team" = "core" }"#,
        &["metadata.annotations.example.com/team"],
    ),
    (
        r#""alb.ingress.kubernetes.io/cluster-weight.c1" = "80""#,
        r#""alb.ingress.kubernetes.io/cluster-weight.c1" = "20""#,
        &["metadata.annotations.alb.ingress.kubernetes.io/cluster-weight.c1"],
    ),
    (
        r#"jsonencode({ config = { newField = "a" } })"#,
        r#"jsonencode({ config = { newField = "b" } })"#,
        &["spec.config.newField"],
    ),
    (
        "default_ingress_class = true",
        "default_ingress_class = false",
        &["class every.metadata.annotations.ingressclass.kubernetes.io/is-default-class"],
    ),
    (
        r#"ingress_class_name    = "every""#,
        r#"ingress_class_name = "every-2""#,
        &[
            "class every.metadata.annotations.ingressclass.kubernetes.io/is-default-class",
            "class every.spec",
            "class every-2.metadata.annotations.ingressclass.kubernetes.io/is-default-class",
            "class every-2.spec",
        ],
    ),
    ("manage_ingress_class  = true", "manage_ingress_class = false", &[]),
    (r#"description        = "grpc""#, r#"description = "gateway""#, &["spec.listeners[].description"]),
    ("idle_timeout       = 60", "idle_timeout = 61", &["spec.listeners[].idleTimeout"]),
    ("request_timeout    = 120", "request_timeout = 121", &["spec.listeners[].requestTimeout"]),
    ("gzip_enabled       = true", "gzip_enabled = false", &["spec.listeners[].gzipEnabled"]),
    ("http2_enabled      = true", "http2_enabled = false", &["spec.listeners[].http2Enabled"]),
    (r#""tls_cipher_policy_1_2""#, r#""tls_cipher_policy_1_2_strict""#, &["spec.listeners[].securityPolicyId"]),
    ("1000002-cn-hangzhou", "1000009-cn-hangzhou", &["spec.listeners[].certificates[].CertificateId"]),
    (
        r#"certificate_id = "1000001-cn-hangzhou", default = true"#,
        r#"certificate_id = "1000001-cn-hangzhou""#,
        &["spec.listeners[].certificates[].IsDefault"],
    ),
    ("1000003-cn-hangzhou", "1000008-cn-hangzhou", &["spec.listeners[].defaultCertificate.certificateId"]),
    ("ca_enabled          = true", "ca_enabled = false", &["spec.listeners[].caEnabled"]),
    ("1000004-cn-hangzhou", "1000007-cn-hangzhou", &["spec.listeners[].caCertificates[].CertificateId"]),
    ("upgrade_enabled = true", "upgrade_enabled = false", &["spec.listeners[].quicConfig.quicUpgradeEnabled"]),
    (r#"= "lsn-a""#, r#"= "lsn-b""#, &["spec.listeners[].quicConfig.quicListenerId"]),
    (
        "        enabled                           = true",
        "        enabled = false",
        &["spec.listeners[].xForwardedForConfig.XForwardedForEnabled"],
    ),
    (
        "proto_enabled                     = true",
        "proto_enabled = false",
        &["spec.listeners[].xForwardedForConfig.XForwardedForProtoEnabled"],
    ),
    (
        "slb_id_enabled                    = true",
        "slb_id_enabled = false",
        &["spec.listeners[].xForwardedForConfig.XForwardedForSLBIdEnabled"],
    ),
    (
        "slb_port_enabled                  = true",
        "slb_port_enabled = false",
        &["spec.listeners[].xForwardedForConfig.XForwardedForSLBPortEnabled"],
    ),
    (
        "client_src_port_enabled           = true",
        "client_src_port_enabled = false",
        &["spec.listeners[].xForwardedForConfig.XForwardedForClientSrcPortEnabled"],
    ),
    (
        "client_cert_subject_dn_enabled    = true",
        "client_cert_subject_dn_enabled = false",
        &["spec.listeners[].xForwardedForConfig.XForwardedForClientCertSubjectDNEnabled"],
    ),
    (r#"= "subject""#, r#"= "other""#, &["spec.listeners[].xForwardedForConfig.XForwardedForClientCertSubjectDNAlias"]),
    (
        "client_cert_issuer_dn_enabled     = true",
        "client_cert_issuer_dn_enabled = false",
        &["spec.listeners[].xForwardedForConfig.XForwardedForClientCertIssuerDNEnabled"],
    ),
    (r#"= "issuer""#, r#"= "other""#, &["spec.listeners[].xForwardedForConfig.XForwardedForClientCertIssuerDNAlias"]),
    (
        "client_cert_fingerprint_enabled   = true",
        "client_cert_fingerprint_enabled = false",
        &["spec.listeners[].xForwardedForConfig.XForwardedForClientCertFingerprintEnabled"],
    ),
    (
        r#"= "fingerprint""#,
        r#"= "other""#,
        &["spec.listeners[].xForwardedForConfig.XForwardedForClientCertFingerprintAlias"],
    ),
    (
        "client_cert_client_verify_enabled = true",
        "client_cert_client_verify_enabled = false",
        &["spec.listeners[].xForwardedForConfig.XForwardedForClientCertClientVerifyEnabled"],
    ),
    (
        r#"= "verify""#,
        r#"= "other""#,
        &["spec.listeners[].xForwardedForConfig.XForwardedForClientCertClientVerifyAlias"],
    ),
    (
        "host_enabled                      = true",
        "host_enabled = false",
        &["spec.listeners[].xForwardedForConfig.XForwardedForHostEnabled"],
    ),
    (r#"= "remove""#, r#"= "append""#, &["spec.listeners[].xForwardedForConfig.XForwardedForProcessingMode"]),
    (
        "client_source_ips_enabled         = true",
        "client_source_ips_enabled = false",
        &["spec.listeners[].xForwardedForConfig.XForwardedForClientSourceIpsEnabled"],
    ),
    (
        r#"client_source_ips_trusted         = ["10.0.0.0/8"]"#,
        r#"client_source_ips_trusted = ["10.0.0.0/8", "192.168.0.1"]"#,
        &["spec.listeners[].xForwardedForConfig.XForwardedForClientSourceIpsTrusted"],
    ),
    (
        "custom_headers_enabled       = true",
        "custom_headers_enabled = false",
        &["spec.listeners[].logConfig.accessLogRecordCustomizedHeadersEnabled"],
    ),
    (
        "custom_headers_allow_disable = true",
        "custom_headers_allow_disable = false",
        &["spec.listeners[].logConfig.accessLogRecordCustomizedHeadersAllowDisable"],
    ),
    (
        "{ enabled = true, type",
        "{ enabled = false, type",
        &["spec.listeners[].logConfig.accessLogTracingConfig.tracingEnabled"],
    ),
    (r#""Zipkin""#, r#""Other""#, &["spec.listeners[].logConfig.accessLogTracingConfig.tracingType"]),
    ("sample = 100", "sample = 0", &["spec.listeners[].logConfig.accessLogTracingConfig.tracingSample"]),
    (r#"{ type = "White", entries"#, r#"{ type = "Black", entries"#, &["spec.listeners[].aclConfig.aclType"]),
    (
        r#"entries = ["10.0.0.0/8"]"#,
        r#"entries = ["10.0.0.0/8", "192.168.0.0/16"]"#,
        &["spec.listeners[].aclConfig.aclEntries"],
    ),
    (r#"ids = ["acl-a"]"#, r#"ids = ["acl-b"]"#, &["spec.listeners[].aclConfig.aclIds"]),
    (r#"= "offices""#, r#"= "others""#, &["spec.listeners[].aclConfig.aclName"]),
    (r#"{ purpose = "grpc" }"#, r#"{ purpose = "other" }"#, &["spec.listeners[].tags"]),
    (r#"jsonencode({ newField = "a" })"#, r#"jsonencode({ newField = "b" })"#, &["spec.listeners[].newField"]),
    // What replaces the load balancer.
    (
        r#"address_allocated_mode = "Fixed""#,
        r#"address_allocated_mode = "Dynamic""#,
        &["spec.config.addressAllocatedMode"],
    ),
    (r#"allocation_id = "eip-b""#, r#"allocation_id = "eip-c""#, &["spec.config.zoneMappings[].allocationId"]),
    (
        "[0], allocation_id = \"eip-a\" },\n    { vswitch_id = var.vswitch_ids[1],",
        "[1], allocation_id = \"eip-a\" },\n    { vswitch_id = var.vswitch_ids[0],",
        &["spec.config.zoneMappings[].vSwitchId"],
    ),
    (
        "address_ip_version     = \"DualStack\"\n  ipv6_address_type = \"Intranet\"\n",
        "address_ip_version = \"IPv4\"\n",
        &["spec.config.addressIpVersion", "spec.config.ipv6AddressType"],
    ),
    (
        "address_type           = \"Internet\"\n  bandwidth_package_id   = \"cbwp-b\"\n",
        "address_type = \"Intranet\"\n",
        &["spec.config.addressType", "spec.config.billingConfig.bandWidthPackageId"],
    ),
];

/// Leaves of an object by their paths. Lists are leaves, but for that of listeners, and what a class says is one.
fn leaves(at: &str, value: &Value, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) if !(fields.is_empty() || at.starts_with("class ") && at.ends_with(".spec")) => {
            for (name, value) in fields {
                leaves(&format!("{at}.{name}"), value, found);
            }
        }
        Value::Array(listeners) if at == "spec.listeners" => {
            for listener in listeners {
                let port = listener.get("port").unwrap_or(&Value::Null);
                leaves(&format!("{at}[{port}]"), listener, found);
            }
        }
        leaf => {
            found.insert(at.to_owned(), leaf.clone());
        }
    }
}

/// What of the AlbConfig is not the controller's, and the IngressClasses.
fn written(sandbox: &Sandbox, workspace: &Workspace, name: &str) -> BTreeMap<String, Value> {
    let object = sandbox.object(&workspace.path(), &["albconfig", name]).unwrap();
    let mut found = BTreeMap::new();
    for (at, pointer) in
        [("spec", "/spec"), ("metadata.labels", "/metadata/labels"), ("metadata.annotations", "/metadata/annotations")]
    {
        leaves(at, object.pointer(pointer).unwrap_or(&Value::Null), &mut found);
    }
    for controllers in ["metadata.labels.alb.ingress.kubernetes.io/hash", "metadata.labels"] {
        found.remove(controllers);
    }
    let classes = sandbox.object(&workspace.path(), &["ingressclasses"]).unwrap();
    for class in classes["items"].as_array().unwrap() {
        let at = format!("class {}", class["metadata"]["name"].as_str().unwrap());
        for (below, pointer) in [("spec", "/spec"), ("metadata.annotations", "/metadata/annotations")] {
            if let Some(value) = class.pointer(pointer) {
                leaves(&format!("{at}.{below}"), value, &mut found);
            }
        }
    }
    found
}

/// The fields in which two objects differ, as the documentation names them.
fn differences(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> BTreeSet<String> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    changed
        .map(|name| match name.split_once("spec.listeners[").and_then(|(_, rest)| rest.split_once(']')) {
            Some((_, field)) => format!("spec.listeners[]{field}"),
            None => name.clone(),
        })
        .collect()
}

/// How [`differences`] names a field of the documentation.
fn shown(field: &str) -> String {
    let (start, rest) = match field.strip_prefix("spec.listeners[]") {
        Some(rest) => ("spec.listeners[]", rest),
        None => ("", field),
    };
    if field.starts_with("class ") {
        return field.to_owned();
    }
    let whole = format!("{start}{}", rest.split("[]").next().unwrap_or_default());
    if whole.starts_with("alb.") { format!("metadata.annotations.{whole}") } else { whole }
}

fn replaces(fields: &[&str]) -> bool {
    let creation_only: BTreeSet<&str> =
        STANDING.lines().filter_map(|line| line.strip_suffix("\tcreation-only")).collect();
    fields.iter().any(|field| creation_only.contains(field))
}

/// Applies each step and holds plan, objects and the plan after it to what it says.
fn walk(sandbox: &Sandbox, workspace: &Workspace, text: &mut String, name: &str, address: &str, steps: &[Step]) {
    for (from, to, fields) in steps {
        assert_eq!(text.matches(from).count(), 1, "{from:?} must be there once");
        *text = text.replacen(from, to, 1);
        workspace.write("main.tf", text).unwrap();
        let before = written(sandbox, workspace, name);
        let plan = workspace.plan_saved().unwrap();
        let action = if replaces(fields) { "delete and create" } else { "update" };
        assert_eq!(plan.summary(), [format!("{address}: {action}")], "{to:?}\n{}", plan.finished.stdout);
        if replaces(fields) {
            assert!(plan.finished.stdout.contains("Load Balancer Replaced"), "{}", plan.finished.stdout);
        }
        workspace.apply_saved(false).unwrap().expect_ok();
        let expected: BTreeSet<String> = fields.iter().map(|field| shown(field)).collect();
        assert_eq!(differences(&before, &written(sandbox, workspace, name)), expected, "{to:?}");
        let second = workspace.plan().unwrap();
        assert_eq!(second.code, 0, "{to:?}: the second plan is empty\n{}", second.stdout);
    }
}

/// The end of the walk: nothing but what is required and what would replace the load balancer.
const LITTLE: &str = r#"
resource "ackone_alb_gateway" "every" {
  name            = "every-attribute"
  remote_clusters = var.member_cluster_ids
  address_type    = "Intranet"
  zone_mappings = [
    { vswitch_id = var.vswitch_ids[1], allocation_id = "eip-a" },
    { vswitch_id = var.vswitch_ids[0], allocation_id = "eip-c" },
  ]
  manage_ingress_class = false
  wait                 = false
  listeners            = { "443/HTTPS" = {}, "80/HTTP" = {} }
}
"#;

#[test]
fn each_attribute_changes_by_itself_as_documented_and_leaves_the_rest() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, CONFIGURATION).unwrap();
    workspace.apply().unwrap().expect_ok();
    assert_eq!(workspace.attributes(ADDRESS).unwrap()["ready"], true, "the controller takes every field");
    assert_eq!(workspace.plan().unwrap().code, 0, "the second plan is empty");

    // Whether the controller takes a change is asked once, at the end: each wait ends only after 15 seconds of quiet.
    let mut text = CONFIGURATION.replace("wait            = true", "wait            = false");
    assert_ne!(text, CONFIGURATION);
    workspace.write("main.tf", &text).unwrap();
    workspace.apply().unwrap().expect_ok();
    walk(&sandbox, &workspace, &mut text, "every-attribute", ADDRESS, STEPS);

    text = text.replace("wait            = false", "wait            = true").replace("\"renamed\"", "\"last\"");
    workspace.write("main.tf", &text).unwrap();
    workspace.apply().unwrap().expect_ok();
    assert_eq!(workspace.attributes(ADDRESS).unwrap()["ready"], true, "the controller takes what came of the changes");

    // What is left out of the configuration leaves the object, all of it.
    workspace.write("main.tf", LITTLE).unwrap();
    let plan = workspace.plan_saved().unwrap();
    assert_eq!(plan.summary(), [format!("{ADDRESS}: update")], "{}", plan.finished.stdout);
    workspace.apply_saved(false).unwrap().expect_ok();
    let left = written(&sandbox, &workspace, "every-attribute");
    let left: Vec<&str> = left.keys().map(String::as_str).filter(|field| !field.starts_with("class ")).collect();
    assert_eq!(
        left,
        [
            "metadata.annotations.alb.ingress.kubernetes.io/remote-clusters",
            "spec.config.addressType",
            "spec.config.zoneMappings",
            "spec.listeners[443].port",
            "spec.listeners[443].protocol",
            "spec.listeners[80].port",
            "spec.listeners[80].protocol",
        ]
    );
    assert_eq!(workspace.plan().unwrap().code, 0, "the second plan is empty");

    // Another name is another object.
    let before = written(&sandbox, &workspace, "every-attribute");
    let dns_name = workspace.attributes(ADDRESS).unwrap()["dns_name"].as_str().unwrap().to_owned();
    workspace.write("main.tf", &LITTLE.replace("\"every-attribute\"", "\"another\"")).unwrap();
    let plan = workspace.plan_saved().unwrap();
    assert_eq!(plan.summary(), [format!("{ADDRESS}: delete and create")], "{}", plan.finished.stdout);
    let told = plan.finished.prose();
    assert!(told.contains("Load Balancer Replaced") && told.contains(&dns_name), "{}", plan.finished.stdout);
    workspace.apply_saved(false).unwrap().expect_ok();
    assert_eq!(written(&sandbox, &workspace, "another"), before);
    assert!(sandbox.object(&workspace.path(), &["albconfig", "every-attribute"]).is_err(), "the old one is gone");
    assert_eq!(workspace.plan().unwrap().code, 0, "the second plan is empty");
}

/// A load balancer that exists already. There is none here, which the controller says in Events; the objects are what counts.
const REUSED: &str = r#"
resource "ackone_alb_gateway" "reused" {
  name            = "reused"
  remote_clusters = var.member_cluster_ids
  pay_type        = "PostPay"
  wait            = false
  listeners       = { "443/HTTPS" = {} }
  reuse = {
    load_balancer_id        = "alb-a"
    force_override          = true
    listener_force_override = true
  }
}
"#;

const REUSED_STEPS: &[Step] = &[
    ("force_override          = true", "force_override = false", &["spec.config.forceOverride"]),
    (
        "    listener_force_override = true",
        "    listener_force_override = false",
        &["spec.config.listenerForceOverride"],
    ),
    ("\"alb-a\"", "\"alb-b\"", &["spec.config.id"]),
];

#[test]
fn each_attribute_of_a_reused_load_balancer_changes_by_itself() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, REUSED).unwrap();
    workspace.apply().unwrap().expect_ok();
    assert_eq!(workspace.plan().unwrap().code, 0, "the second plan is empty");
    // A creation-only value that is left out for its default is no other load balancer.
    let mut text = REUSED.replace("  pay_type        = \"PostPay\"\n", "");
    let before = written(&sandbox, &workspace, "reused");
    workspace.write("main.tf", &text).unwrap();
    let plan = workspace.plan_saved().unwrap();
    assert_eq!(plan.summary(), ["ackone_alb_gateway.reused: update"], "{}", plan.finished.stdout);
    workspace.apply_saved(false).unwrap().expect_ok();
    let changed = differences(&before, &written(&sandbox, &workspace, "reused"));
    assert_eq!(changed, ["spec.config.billingConfig.payType".to_owned()].into());
    assert_eq!(workspace.plan().unwrap().code, 0, "the second plan is empty");
    walk(&sandbox, &workspace, &mut text, "reused", "ackone_alb_gateway.reused", REUSED_STEPS);
}
