//! The world as it is at the start: the walkthrough's account, networks, Fleet and member clusters.
//!
//! Ids follow from a seed, so that they stay the same from start to start; the access key's secret does not. There are
//! also things to get wrong on purpose: a vSwitch in a zone already used, a second VPC, a member in that VPC.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::names::{Secret, random_text, seeded_hex};
use super::state::{
    AccessKey, Behaviour, DetachLeaves, EmptyLists, Features, Fleet, FleetState, Instance, MemberCluster, Rule,
    SecurityGroup, State, Timings, VSwitch, Vpc,
};
use super::{Membership, MembershipState, Moment};

/// Regions the simulated `adcp` names, with their names in English; from the public endpoint list.
const REGIONS: [(&str, &str); 8] = [
    ("cn-hangzhou", "China (Hangzhou)"),
    ("cn-shanghai", "China (Shanghai)"),
    ("cn-beijing", "China (Beijing)"),
    ("cn-shenzhen", "China (Shenzhen)"),
    ("cn-zhangjiakou", "China (Zhangjiakou)"),
    ("cn-hongkong", "China (Hong Kong)"),
    ("ap-southeast-1", "Singapore"),
    ("eu-central-1", "Germany (Frankfurt)"),
];

/// Choices for the initial world; everything left out has a default that fits the walkthrough.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorldSettings {
    /// What the ids of the initial world follow from.
    pub seed: String,
    /// The account's id.
    pub account_id: Option<String>,
    /// The region.
    pub region: String,
    /// The access key id.
    pub access_key_id: Option<String>,
    /// The access key secret; random when left out.
    pub access_key_secret: Option<Secret>,
    /// The RAM user's name.
    pub user: String,
    /// The RAM role that may be assumed.
    pub role: String,
    /// The Fleet's id.
    pub fleet_id: Option<String>,
    /// The Fleet's name.
    pub fleet_name: String,
    /// Whether the Fleet's Kubernetes API has a public address.
    pub public_api_server: bool,
    /// How many members `member-1`, `member-2`, … there are.
    pub members: usize,
    /// Whether they are associated from the start.
    pub attached: bool,
    /// Factor on every waiting time.
    pub time_scale: f64,
    /// Waiting times before scaling.
    pub timings: Timings,
    /// What a detach leaves in the list.
    pub detach_leaves: DetachLeaves,
    /// How empty lists are written.
    pub empty_lists: EmptyLists,
    /// Whether a member of another VPC is refused.
    pub refuse_other_vpc: bool,
    /// Whether the members' security groups admit the gateway's vSwitches from the start.
    pub open_security_groups: bool,
}

impl Default for WorldSettings {
    fn default() -> Self {
        Self {
            seed: "ackone".to_owned(),
            account_id: None,
            region: "cn-hangzhou".to_owned(),
            access_key_id: None,
            access_key_secret: None,
            user: "terraform".to_owned(),
            role: "ackone-sandbox".to_owned(),
            fleet_id: None,
            fleet_name: "ackone-fleet".to_owned(),
            public_api_server: true,
            members: 2,
            attached: false,
            time_scale: 0.05,
            timings: Timings::default(),
            detach_leaves: DetachLeaves::Absent,
            empty_lists: EmptyLists::Present,
            refuse_other_vpc: true,
            open_security_groups: true,
        }
    }
}

impl WorldSettings {
    /// Builds the initial world.
    pub fn build(&self, now: Moment) -> State {
        let id = |prefix: &str, name: &str, digits: usize| format!("{prefix}{}", seeded_hex(&self.seed, name, digits));
        let account_id = self
            .account_id
            .clone()
            .unwrap_or_else(|| State::numeric_id(&seeded_hex(&self.seed, "account", 15)).chars().take(16).collect());
        let (main_vpc, other_vpc) = (id("vpc-bp1", "vpc", 19), id("vpc-bp1", "vpc-other", 19));
        let zone = |letter: &str| format!("{}-{letter}", self.region);

        let vpcs = [
            Vpc { vpc_id: main_vpc.clone(), name: "ackone-demo".to_owned(), cidr_block: "10.0.0.0/16".to_owned() },
            Vpc { vpc_id: other_vpc.clone(), name: "ackone-other".to_owned(), cidr_block: "172.16.0.0/16".to_owned() },
        ];
        let vswitch = |name: &str, vpc: &str, letter: &str, cidr: &str| VSwitch {
            vswitch_id: id("vsw-bp1", name, 19),
            name: name.to_owned(),
            vpc_id: vpc.to_owned(),
            zone_id: zone(letter),
            cidr_block: cidr.to_owned(),
        };
        let vswitches = [
            vswitch("gateway-h", &main_vpc, "h", "10.0.1.0/24"),
            vswitch("gateway-i", &main_vpc, "i", "10.0.2.0/24"),
            vswitch("same-zone-h", &main_vpc, "h", "10.0.3.0/24"),
            vswitch("other-vpc-h", &other_vpc, "h", "172.16.1.0/24"),
        ];
        let main_vswitches: Vec<String> = vswitches.iter().take(2).map(|v| v.vswitch_id.clone()).collect();
        let other_vswitches: Vec<String> = vswitches.iter().skip(3).map(|v| v.vswitch_id.clone()).collect();

        let mut clusters = BTreeMap::new();
        let mut security_groups = BTreeMap::new();
        let mut cluster_names: Vec<(String, bool)> =
            (1..=self.members).map(|n| (format!("member-{n}"), true)).collect();
        cluster_names.extend([("spare".to_owned(), true), ("other-vpc".to_owned(), false)]);
        for (name, in_main) in &cluster_names {
            let vpc_id = if *in_main { &main_vpc } else { &other_vpc };
            let group = security_group(
                &id("sg-bp1", &format!("sg-{name}"), 17),
                name,
                vpc_id,
                *in_main,
                self.open_security_groups,
                now,
            );
            let cluster = MemberCluster {
                cluster_id: id("c", name, 32),
                name: name.clone(),
                state: "running".to_owned(),
                vpc_id: vpc_id.clone(),
                vswitch_ids: if *in_main { main_vswitches.clone() } else { other_vswitches.clone() },
                security_group_id: group.security_group_id.clone(),
                region: self.region.clone(),
                zone_id: zone("h"),
                created: now,
                fail_next_attach: None,
            };
            security_groups.insert(group.security_group_id.clone(), group);
            clusters.insert(cluster.cluster_id.clone(), cluster);
        }

        let fleet_id = self.fleet_id.clone().unwrap_or_else(|| id("c", "fleet", 32));
        let fleet_group =
            security_group(&id("sg-bp1", "sg-fleet", 17), "fleet", &main_vpc, true, self.open_security_groups, now);
        let memberships = clusters
            .values()
            .filter(|c| self.attached && c.name.starts_with("member-"))
            .map(|c| (c.cluster_id.clone(), complete_membership(&c.cluster_id)))
            .collect();
        let fleet = Fleet {
            cluster_id: fleet_id.clone(),
            name: self.fleet_name.clone(),
            profile: "Default".to_owned(),
            state: FleetState::Running,
            error_message: String::new(),
            vpc_id: main_vpc,
            vswitches: main_vswitches,
            security_group_ids: vec![fleet_group.security_group_id.clone()],
            resource_group_id: id("rg-acf", "resource-group", 12),
            created: now,
            updated: now,
            tags: BTreeMap::new(),
            features: Features {
                public_api_server: self.public_api_server,
                gateway: true,
                argocd: Some(true),
                ..Features::default()
            },
            memberships,
            pending: None,
            initial: true,
        };
        security_groups.insert(fleet_group.security_group_id.clone(), fleet_group);

        let key_id = self.access_key_id.clone().unwrap_or_else(|| id("LTAI5t", "access-key", 18));
        let key = AccessKey {
            id: key_id.clone(),
            secret: self.access_key_secret.clone().unwrap_or_else(|| Secret::new(random_text(30))),
            token: None,
            expires: None,
            active: true,
            principal: self.user.clone(),
            principal_id: State::numeric_id(&seeded_hex(&self.seed, "user", 17)),
            assumed_role: false,
            denied: BTreeSet::new(),
            allowed: None,
            kubernetes_groups: vec!["system:masters".to_owned()],
        };

        State {
            account_id,
            region: self.region.clone(),
            regions: REGIONS.iter().map(|(id, name)| ((*id).to_owned(), (*name).to_owned())).collect(),
            keys: BTreeMap::from([(key_id, key)]),
            roles: BTreeMap::from([(self.role.clone(), State::numeric_id(&seeded_hex(&self.seed, "role", 17)))]),
            role_conditions: BTreeMap::new(),
            oidc_tokens: BTreeMap::new(),
            instance: Instance { role: Some(self.role.clone()), ..Instance::default() },
            vpcs: vpcs.into_iter().map(|vpc| (vpc.vpc_id.clone(), vpc)).collect(),
            vswitches: vswitches.into_iter().map(|v| (v.vswitch_id.clone(), v)).collect(),
            security_groups,
            clusters,
            fleets: BTreeMap::from([(fleet_id.clone(), fleet)]),
            primary_fleet: fleet_id,
            behaviour: Behaviour {
                time_scale: self.time_scale,
                timings: self.timings.clone(),
                detach_leaves: self.detach_leaves,
                empty_lists: self.empty_lists,
                refuse_other_vpc: self.refuse_other_vpc,
                clock_skew_seconds: 0,
                session_seconds: None,
            },
        }
    }
}

fn complete_membership(cluster_id: &str) -> Membership {
    Membership {
        cluster_id: cluster_id.to_owned(),
        state: MembershipState::Successed,
        message: "SUCCESS".to_owned(),
        in_mesh: false,
        due: None,
        fail_with: None,
    }
}

/// A node security group. It admits its own network's Pods and, unless the user wants to meet the prerequisite that
/// everyone forgets, the vSwitches of its VPC, from which a gateway connects.
fn security_group(id: &str, cluster: &str, vpc_id: &str, in_main: bool, open: bool, now: Moment) -> SecurityGroup {
    let rule = |source: &str, description: &str| Rule {
        rule_id: format!("sgr-bp1{}", seeded_hex(id, source, 17)),
        direction: "ingress".to_owned(),
        ip_protocol: "ALL".to_owned(),
        port_range: "-1/-1".to_owned(),
        source_cidr_ip: source.to_owned(),
        policy: "Accept".to_owned(),
        priority: "1".to_owned(),
        description: description.to_owned(),
        created: now,
        initial: true,
    };
    let (pods, vpc) = if in_main { ("10.100.0.0/16", "10.0.0.0/16") } else { ("172.20.0.0/16", "172.16.0.0/16") };
    let mut rules = vec![rule(pods, "Pods of the cluster")];
    if open {
        rules.push(rule(vpc, "vSwitches of the VPC"));
    }
    SecurityGroup {
        security_group_id: id.to_owned(),
        name: format!("alicloud-cs-auto-created-security-group-{cluster}"),
        vpc_id: vpc_id.to_owned(),
        rules,
        service_managed: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_initial_world_has_what_the_walkthrough_needs_and_what_it_must_not_use() {
        let state = WorldSettings::default().build(Moment::from_millis(0));
        let fleet = &state.fleets[&state.primary_fleet];
        assert_eq!((fleet.cluster_id.len(), fleet.cluster_id.starts_with('c')), (33, true));
        let zones: BTreeSet<&str> = fleet.vswitches.iter().map(|id| state.vswitches[id].zone_id.as_str()).collect();
        assert_eq!(zones.len(), 2, "two vSwitches in distinct zones");
        assert!(fleet.vswitches.iter().all(|id| state.vswitches[id].vpc_id == fleet.vpc_id));
        assert!(state.vswitches.values().any(|v| v.vpc_id != fleet.vpc_id), "a wrong vSwitch to choose");
        assert_eq!(state.clusters.len(), 4);
        assert!(state.clusters.values().any(|c| c.vpc_id != fleet.vpc_id), "a member of another VPC");
        assert_eq!(state.account_id.len(), 16);
    }

    #[test]
    fn ids_stay_and_secrets_change_from_start_to_start() {
        let (one, two) = (
            WorldSettings::default().build(Moment::from_millis(0)),
            WorldSettings::default().build(Moment::from_millis(1)),
        );
        assert_eq!(one.primary_fleet, two.primary_fleet);
        assert_eq!(one.keys.keys().collect::<Vec<_>>(), two.keys.keys().collect::<Vec<_>>());
        assert_ne!(one.keys.values().next().unwrap().secret, two.keys.values().next().unwrap().secret);
    }

    #[test]
    fn the_state_survives_its_file_format() {
        let state = WorldSettings { attached: true, ..WorldSettings::default() }.build(Moment::from_millis(5));
        let text = serde_json::to_string(&state).unwrap();
        let back: State = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
    }
}
