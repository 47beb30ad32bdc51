//! Several mistakes in one configuration, and none where something is unknown.

use super::*;

#[tokio::test]
async fn mistakes_are_told_together_at_their_attributes() {
    let gateway = instance(&FakeFleet::default());
    let config = json!({
        "name": "aliyun-gateway",
        "remote_clusters": ["c1,c2"],
        "load_balancer_name": "1x",
        "address_type": "internet",
        "address_allocated_mode": "fixed",
        "address_ip_version": "IPv6",
        "edition": "Basic",
        "zone_mappings": [{"vswitch_id": "vsw-a", "zone_id": "z"}, {"vswitch_id": "sw-b", "zone_id": "z", "allocation_id": "x"}],
        "listeners": {
            "443/HTTPS": {"idle_timeout": 0, "request_timeout": 3601, "security_policy_id": "tls_cipher_policy_1_3",
                "certificates": [{"certificate_id": "1-a", "default": true}, {"certificate_id": "x", "default": true}]},
            "80/HTTP": {"security_policy_id": "tls_cipher_policy_1_2", "http2_enabled": true,
                "certificates": [{"certificate_id": "1-a"}]},
        },
        "tags": {"acs:x": "1"},
        "labels": {"a b": "1", "c d": "1", "team": "not ok"},
        "annotations": {"alb.ingress.kubernetes.io/remote-clusters": "c1"},
        "on_wait_timeout": "fail",
    });
    let found = errors(&gateway.plan(&config).diagnostics);
    for expected in [
        "name: Reserved Gateway Name",
        "remote_clusters: Invalid Cluster ID",
        "load_balancer_name: Invalid Load Balancer Name",
        "address_type: Invalid Address Type",
        "address_allocated_mode: Invalid Address Mode",
        "address_ip_version: Invalid Address Version",
        "edition: Invalid Edition",
        "zone_mappings[1].zone_id: Duplicate Zone Mapping",
        "zone_mappings[1].vswitch_id: Invalid vSwitch ID",
        "zone_mappings[1].allocation_id: Invalid Elastic IP ID",
        "listeners[\"443/HTTPS\"].idle_timeout: Invalid Listener Timer",
        "listeners[\"443/HTTPS\"].request_timeout: Invalid Listener Timer",
        "listeners[\"443/HTTPS\"].security_policy_id: Unknown TLS Policy",
        "listeners[\"443/HTTPS\"].certificates[1].default: Several Default Certificates",
        "listeners[\"443/HTTPS\"].certificates[1].certificate_id: Invalid Certificate ID",
        "listeners[\"80/HTTP\"].security_policy_id: Setting Needs a TLS Listener",
        "listeners[\"80/HTTP\"].http2_enabled: Setting Needs a TLS Listener",
        "listeners[\"80/HTTP\"].certificates: Setting Needs a TLS Listener",
        "tags[\"acs:x\"]: Invalid Tag Key",
        "labels[\"a b\"]: Invalid Metadata Key",
        "labels[\"c d\"]: Invalid Metadata Key",
        "labels[\"team\"]: Invalid Label Value",
        "annotations[\"alb.ingress.kubernetes.io/remote-clusters\"]: Annotation Has an Attribute",
        "on_wait_timeout: Invalid Wait Setting",
    ] {
        assert!(found.contains(&expected.to_owned()), "missing {expected} in {found:#?}");
    }
    assert_eq!(found.len(), 24, "{found:#?}");

    let mut config = walkthrough();
    config["listeners"] = json!({"443/HTTP": {}, "443/HTTPS": {}});
    assert_eq!(errors(&gateway.plan(&config).diagnostics), ["listeners[\"443/HTTPS\"]: Listeners on One Port"]);
    config["listeners"] = json!({"443/QUIC": {}, "443/HTTPS": {}});
    assert_eq!(errors(&gateway.plan(&config).diagnostics), Vec::<String>::new());
    config["zone_mappings"] = json!([]);
    config["remote_clusters"] = json!([]);
    config["listeners"] = json!({"443/HTTPS": null});
    assert_eq!(
        errors(&gateway.plan(&config).diagnostics),
        [
            "listeners[\"443/HTTPS\"]: Null Element",
            "zone_mappings: No Zone Mappings",
            "remote_clusters: No Member Clusters"
        ]
    );
}

#[tokio::test]
async fn unknown_values_are_no_mistakes() {
    let gateway = instance(&FakeFleet::default());
    let config = json!({
        "name": "(unknown)",
        "remote_clusters": ["(unknown)"],
        "address_type": "(unknown)",
        "zone_mappings": ["(unknown)", {"vswitch_id": "(unknown)"}],
        "listeners": {"443/HTTPS": {"certificates": "(unknown)", "security_policy_id": "(unknown)"}, "80/HTTP": "(unknown)"},
        "labels": {"a": "(unknown)"},
        "tags": "(unknown)",
    });
    let plan = gateway.plan(&config);
    assert_eq!(errors(&plan.diagnostics), Vec::<String>::new());
    let planned = plan.planned.unwrap();
    assert!(planned.attr("effective_labels").is_unknown());
    assert!(planned.attr("ingress_class_name").is_unknown());
    assert_eq!(planned.attr("fleet_id"), Value::string("c0fleet"));
}

#[tokio::test]
async fn advice_is_given_when_something_changes() {
    let gateway = instance(&FakeFleet::default());
    let mut config = walkthrough();
    config["remote_clusters"] = json!(["c1member"]);
    config["zone_mappings"] = json!([{"vswitch_id": "vsw-a"}]);
    config["address_allocated_mode"] = Json::Null;
    config["listeners"] = json!({"443/HTTPS": {"http2_enabled": true, "idle_timeout": 700}});
    let found = warnings(&gateway.plan(&config).diagnostics);
    for expected in [
        "remote_clusters: Single Member Cluster",
        "remote_clusters: Unusual Cluster ID",
        "zone_mappings: Single Zone",
        "address_allocated_mode: Dynamic Addresses",
        "listeners[\"443/HTTPS\"].idle_timeout: Timer Needs a Raised Quota",
        "listeners[\"443/HTTPS\"].http2_enabled: HTTP/2 Set Explicitly",
        "listeners[\"443/HTTPS\"].security_policy_id: Old TLS Versions Accepted",
    ] {
        assert!(found.contains(&expected.to_owned()), "missing {expected} in {found:#?}");
    }
}

#[test]
fn the_default_certificate_is_written_first() {
    let config = json!({"443/HTTPS": {"certificates": [{"certificate_id": "1-a"}, {"certificate_id": "2-b", "default": true}]},
        "8443/HTTPS": {"certificates": []}});
    let mut state = object::nothing();
    state.listeners = Field::from_value(&crate::resources::testing::value(&config)).ok();
    assert_eq!(
        object::alb_config(&state)["spec"]["listeners"],
        json!([{"port": 443, "protocol": "HTTPS",
                "certificates": [{"CertificateId": "2-b", "IsDefault": true}, {"CertificateId": "1-a"}]},
               {"port": 8443, "protocol": "HTTPS"}])
    );
}

#[tokio::test]
async fn advice_comes_with_the_plan_or_with_the_errors_that_prevent_one() {
    let resource = ResourceType::<AlbGateway>::erased();
    let host = crate::framework::erased::HostCapabilities { write_only_attributes: true };
    let gateway = instance(&FakeFleet::default());
    let mut config = walkthrough();
    config["remote_clusters"] = json!(["c1member"]);
    assert!(resource.validate(&gateway.config(&config), host).is_empty(), "the plan will tell");
    config["edition"] = json!("Basic");
    let told = resource.validate(&gateway.config(&config), host);
    assert_eq!(errors(&told), ["edition: Invalid Edition"]);
    assert!(warnings(&told).contains(&"remote_clusters: Single Member Cluster".to_owned()));
}
