//! Protects: each rule on both sides, and that whoever may not look, or need not, is not bothered.

use std::collections::BTreeMap;

use super::rules;
use super::{Gateway, Reuse, Vswitch};
use crate::cloud::alb::{AlbListener, AlbServerGroup};
use crate::cloud::cs::{ClusterDetail, ClusterState};
use crate::cloud::fleet::{Fleet, FleetState, ManagedCluster, MemberState};
use crate::cloud::vpc::VSwitch;
use crate::cloud::{ClusterId, FleetId, VpcId};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::path::Path;

const NOTHING: [&str; 0] = [];

fn fleet(state: FleetState, vpc: Option<&str>) -> Fleet {
    Fleet {
        id: FleetId::new("c-fleet"),
        name: "fleet".to_owned(),
        profile: "Default".to_owned(),
        region: "cn-hangzhou".to_owned(),
        state,
        error_message: None,
        version: None,
        spec: None,
        created: None,
        vpc_id: vpc.map(VpcId::new),
        vswitch_ids: Vec::new(),
        security_group_ids: Vec::new(),
        public_api_server: true,
        private_endpoint: None,
        public_endpoint: None,
        gitops_enabled: None,
        resource_group_id: None,
        tags: BTreeMap::new(),
    }
}

fn member(id: &str, vpc: Option<&str>, state: FleetState, membership: MemberState) -> ManagedCluster {
    ManagedCluster {
        id: ClusterId::new(id),
        name: "member".to_owned(),
        region: "cn-hangzhou".to_owned(),
        vpc_id: vpc.map(VpcId::new),
        vswitch_id: None,
        cluster_type: None,
        spec: None,
        version: None,
        cluster_state: state,
        membership,
        message: None,
        in_mesh: false,
    }
}

fn healthy(id: &str) -> ManagedCluster {
    member(id, Some("vpc-1"), FleetState::Running, MemberState::Successed)
}

fn vswitch(id: &str, vpc: &str, zone: &str) -> (String, Option<VSwitch>) {
    let vswitch = serde_json::json!({"VSwitchId": id, "VpcId": vpc, "ZoneId": zone});
    (id.to_owned(), Some(serde_json::from_value(vswitch).unwrap()))
}

fn gateway<'a>(clusters: &[&'a str], vswitches: &[&'a str]) -> Gateway<'a> {
    let at = |index| Path::attribute("zone_mappings").index(index).attr("vswitch_id");
    Gateway {
        clusters: clusters.to_vec(),
        vswitches: vswitches.iter().enumerate().map(|(index, id)| Vswitch { id, at: at(index) }).collect(),
        ..Gateway::default()
    }
}

fn said(tell: impl FnOnce(&mut Diagnostics)) -> Vec<String> {
    let mut found = Diagnostics::new();
    tell(&mut found);
    let line = |one: crate::framework::diagnostic::Diagnostic| {
        let path = one.path.map_or_else(String::new, |path| path.to_string());
        format!("{:?} {path}: {}", one.severity, one.summary)
    };
    found.into_iter().map(line).collect()
}

#[test]
fn a_fleet_that_does_not_run_is_told() {
    assert_eq!(said(|found| rules::fleet_runs(&fleet(FleetState::Running, None), found)), NOTHING);
    let failed = Fleet { error_message: Some("no quota".to_owned()), ..fleet(FleetState::Failed, None) };
    let mut found = Diagnostics::new();
    rules::fleet_runs(&failed, &mut found);
    let told = found.into_iter().next().unwrap();
    assert!(told.detail.contains("\"failed\" (no quota)"), "{}", told.detail);
}

#[test]
fn a_cluster_that_is_no_member_and_does_not_become_one_is_told() {
    let listed = [healthy("c1"), member("c3", None, FleetState::Running, MemberState::Deleting)];
    let gateway = gateway(&["c1", "c2", "c3"], &[]);
    let told = |coming: &[&str]| {
        said(|found| rules::clusters_are_members(&gateway, "f", &listed, |cluster| coming.contains(&cluster), found))
    };
    let line = "Warning remote_clusters: Member Cluster Not Associated";
    assert_eq!(told(&[]), [line, line], "one is not there, one is leaving");
    assert_eq!(told(&["c2"]), [line]);
    assert_eq!(told(&["c2", "c3"]), NOTHING);
}

#[test]
fn a_member_that_does_not_run_is_told() {
    let told = |state, membership| {
        let listed = [member("c1", None, state, membership)];
        said(|found| rules::members_run(&gateway(&["c1"], &[]), &listed, found))
    };
    let line = "Warning remote_clusters: Member Cluster Not Running";
    assert_eq!(told(FleetState::Running, MemberState::Successed), NOTHING);
    assert_eq!(told(FleetState::Running, MemberState::Installing), NOTHING, "it is on its way");
    assert_eq!(told(FleetState::Unrecognized(String::new()), MemberState::Successed), NOTHING, "not said");
    assert_eq!(told(FleetState::Inactive, MemberState::Successed), [line]);
    assert_eq!(told(FleetState::Running, MemberState::Failed), [line]);
    let other = [member("c2", None, FleetState::Failed, MemberState::Failed)];
    assert_eq!(said(|found| rules::members_run(&gateway(&["c1"], &[]), &other, found)), NOTHING, "not of this gateway");
}

#[test]
fn a_member_in_another_vpc_is_told() {
    let told = |home: Option<&str>, vpc: Option<&str>| {
        let listed = [member("c1", vpc, FleetState::Running, MemberState::Successed)];
        let fleet = fleet(FleetState::Running, home);
        said(|found| rules::members_share_the_vpc(&gateway(&["c1"], &[]), &fleet, &listed, found))
    };
    assert_eq!(told(Some("vpc-1"), Some("vpc-2")), ["Warning remote_clusters: Member Cluster in Another VPC"]);
    assert_eq!(told(Some("vpc-1"), Some("vpc-1")), NOTHING);
    assert_eq!(told(None, Some("vpc-2")), NOTHING);
    assert_eq!(told(Some("vpc-1"), None), NOTHING);
}

#[test]
fn a_vswitch_that_is_missing_or_elsewhere_is_told() {
    let home = fleet(FleetState::Running, Some("vpc-1"));
    let seen: BTreeMap<_, _> =
        [vswitch("vsw-a", "vpc-1", "a"), vswitch("vsw-b", "vpc-2", "b"), ("vsw-c".to_owned(), None)].into();
    let gateway = gateway(&[], &["vsw-a", "vsw-b", "vsw-c", "vsw-unseen"]);
    assert_eq!(
        said(|found| rules::vswitches_serve(&gateway, Some(&home), &seen, found)),
        [
            "Warning zone_mappings[1].vswitch_id: VSwitch in Another VPC",
            "Warning zone_mappings[2].vswitch_id: VSwitch Not Found",
        ]
    );
    let line = ["Warning zone_mappings[2].vswitch_id: VSwitch Not Found"];
    assert_eq!(
        said(|found| rules::vswitches_serve(&gateway, None, &seen, found)),
        line,
        "the Fleet's VPC is not known"
    );
}

#[test]
fn two_vswitches_in_one_zone_are_refused() {
    let told = |zones: [&str; 3]| {
        let ids = ["vsw-0", "vsw-1", "vsw-2"];
        let seen = ids.iter().zip(zones).map(|(id, zone)| vswitch(id, "vpc-1", zone)).collect();
        said(|found| rules::zones_differ(&gateway(&[], &ids), &seen, found))
    };
    assert_eq!(told(["a", "b", "c"]), NOTHING);
    assert_eq!(told(["a", "b", "a"]), ["Error zone_mappings[2].vswitch_id: VSwitches in One Zone"]);
    assert_eq!(told(["", "", "b"]), NOTHING, "the service does not say where they are");
    let twice = BTreeMap::from([vswitch("vsw-0", "vpc-1", "a")]);
    let found = said(|found| rules::zones_differ(&gateway(&[], &["vsw-0", "vsw-0"]), &twice, found));
    assert_eq!(found, NOTHING, "another rule tells of a vSwitch named twice");
}

#[test]
fn listeners_that_an_override_deletes_are_named() {
    let listeners = [("443", 443, "HTTPS"), ("80", 80, "HTTP")]
        .map(|(_, port, protocol)| AlbListener { port, protocol: protocol.to_owned() });
    let reuse = |overrides| Reuse { load_balancer_id: "alb-1", overrides, attribute: "force_override" };
    let with =
        |overrides, declared| Gateway { reuse: Some(reuse(overrides)), listeners: declared, ..Gateway::default() };
    let told = rules::override_deletes(&with(true, Some(vec!["443/HTTPS"])), &listeners).unwrap();
    assert_eq!(told.path, Some(Path::attribute("reuse").attr("force_override")));
    assert!(told.detail.contains("does not declare: 80/HTTP."), "{}", told.detail);
    assert_eq!(rules::override_deletes(&with(true, Some(vec!["443/HTTPS", "80/HTTP"])), &listeners), None);
    assert_eq!(rules::override_deletes(&with(true, None), &listeners), None, "what is declared is not known yet");
    assert_eq!(rules::override_deletes(&with(false, Some(Vec::new())), &listeners), None);
}

#[test]
fn servers_near_the_quota_are_told() {
    let group = |servers, of: &str| AlbServerGroup {
        id: "sgp-1".to_owned(),
        server_count: servers,
        related_load_balancer_ids: vec![of.to_owned()],
    };
    let told = |servers| rules::servers_fit_the_quota("alb-1", &[group(servers, "alb-1"), group(5_000, "alb-2")]);
    assert_eq!(told(899), None);
    let full = told(900).unwrap();
    assert!(full.detail.contains("has 900 servers"), "{}", full.detail);
}

#[test]
fn a_cluster_that_cannot_join_is_told() {
    let cluster = |state, vpc: Option<&str>| ClusterDetail {
        id: ClusterId::new("c1"),
        name: "member".to_owned(),
        state,
        region: "cn-hangzhou".to_owned(),
        cluster_type: None,
        profile: None,
        spec: None,
        version: None,
        vpc_id: vpc.map(VpcId::new),
        vswitch_ids: Vec::new(),
        security_group_id: None,
    };
    let home = fleet(FleetState::Running, Some("vpc-1"));
    let told =
        |cluster: Option<ClusterDetail>, fleet| said(|found| rules::cluster_can_join(cluster.as_ref(), fleet, found));
    assert_eq!(told(None, Some(&home)), ["Warning cluster_id: Cluster Not Found"]);
    assert_eq!(told(Some(cluster(ClusterState::Running, Some("vpc-1"))), Some(&home)), NOTHING);
    assert_eq!(told(Some(cluster(ClusterState::Running, Some("vpc-2"))), None), NOTHING, "the Fleet is not seen");
    assert_eq!(
        told(Some(cluster(ClusterState::Failed, Some("vpc-2"))), Some(&home)),
        ["Warning cluster_id: Cluster Not Running", "Warning cluster_id: Cluster in Another VPC",]
    );
}
