//! The data of the simulated cloud, as it also lies in the state file.
//!
//! Only shapes and the step from one moment to the next live here; what the steps mean is in the files of their objects.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Membership, Moment, Secret};

/// Everything the cloud knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The account all objects belong to.
    pub account_id: String,
    /// The region of the walkthrough.
    pub region: String,
    /// Every region `DescribeRegions` names, with its local name.
    pub regions: BTreeMap<String, String>,
    /// Access keys by id, static and temporary.
    pub keys: BTreeMap<String, AccessKey>,
    /// Roles that may be assumed, by name; the value is the role's id.
    pub roles: BTreeMap<String, String>,
    /// What a role asks of who assumes it; nothing for those not named here.
    #[serde(default)]
    pub role_conditions: BTreeMap<String, RoleConditions>,
    /// Tokens of the identity provider, by digest, with their ends.
    #[serde(default)]
    pub oidc_tokens: BTreeMap<String, Moment>,
    /// The ECS instance that everything on this machine runs on.
    #[serde(default)]
    pub instance: Instance,
    /// Networks by id.
    pub vpcs: BTreeMap<String, Vpc>,
    /// vSwitches by id.
    pub vswitches: BTreeMap<String, VSwitch>,
    /// Security groups by id.
    pub security_groups: BTreeMap<String, SecurityGroup>,
    /// Member clusters by id, attached or not.
    pub clusters: BTreeMap<String, MemberCluster>,
    /// Fleets by id.
    pub fleets: BTreeMap<String, Fleet>,
    /// The Fleet whose Kubernetes API the sandbox serves.
    pub primary_fleet: String,
    /// Switches for what the real service leaves open, and the pace of time.
    pub behaviour: Behaviour,
}

impl State {
    /// Takes every step that is due; answers whether anything moved.
    pub fn advance(&mut self, now: Moment) -> bool {
        let behaviour = &self.behaviour;
        let mut moved = false;
        for fleet in self.fleets.values_mut() {
            moved |= fleet.advance(now, behaviour);
        }
        let before = self.fleets.len();
        self.fleets.retain(|_, fleet| fleet.state != FleetState::Deleted);
        moved || self.fleets.len() != before
    }

    /// When the next step falls due, if any is pending.
    pub fn next_due(&self) -> Option<Moment> {
        self.fleets.values().filter_map(Fleet::next_due).min()
    }
}

/// What a role asks of who assumes it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoleConditions {
    /// Its trust policy names nobody.
    pub closed: bool,
    /// The external id it wants to hear.
    pub external_id: Option<String>,
    /// The longest session, in seconds.
    pub max_session_seconds: Option<u64>,
}

/// An ECS instance, as its metadata service shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Instance {
    /// Its RAM role, if it has one.
    pub role: Option<String>,
    /// Whether the metadata service answers without a token.
    pub version_1: bool,
    /// Whether the metadata service gives tokens.
    pub version_2: bool,
}

impl Default for Instance {
    fn default() -> Self {
        Self { role: None, version_1: true, version_2: true }
    }
}

/// One access key pair.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// The access key id; temporary keys start with `STS.`.
    pub id: String,
    /// The access key secret.
    pub secret: Secret,
    /// The security token that must come with a temporary key.
    pub token: Option<Secret>,
    /// When a temporary key ends.
    pub expires: Option<Moment>,
    /// Whether the key is switched on.
    pub active: bool,
    /// Name of the RAM user, or `role/session` of an assumed role.
    pub principal: String,
    /// The user's or the role's numeric id.
    pub principal_id: String,
    /// Whether this is a role session.
    pub assumed_role: bool,
    /// Denied actions, `product:Action`; `*` at the end matches the rest.
    pub denied: BTreeSet<String>,
    /// The only actions allowed, if a session policy says so.
    #[serde(default)]
    pub allowed: Option<BTreeSet<String>>,
    /// Kubernetes groups a kubeconfig issued to this key carries.
    pub kubernetes_groups: Vec<String>,
}

/// A network.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vpc {
    /// Its id.
    pub vpc_id: String,
    /// Its name.
    pub name: String,
    /// Its address range.
    pub cidr_block: String,
}

/// A vSwitch.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VSwitch {
    /// Its id.
    pub vswitch_id: String,
    /// Its name.
    pub name: String,
    /// The network it lies in.
    pub vpc_id: String,
    /// The zone it lies in.
    pub zone_id: String,
    /// Its address range.
    pub cidr_block: String,
}

/// A security group of a member cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityGroup {
    /// Its id.
    pub security_group_id: String,
    /// Its name.
    pub name: String,
    /// The network it lies in.
    pub vpc_id: String,
    /// Inbound and outbound rules, oldest first.
    pub rules: Vec<Rule>,
    /// Whether a cloud product manages the group, so that nobody else may change it.
    pub service_managed: bool,
}

/// A rule of a security group.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its id, `sgr-…`.
    pub rule_id: String,
    /// `ingress` or `egress`.
    pub direction: String,
    /// Upper-case protocol.
    pub ip_protocol: String,
    /// `a/b`, `-1/-1` for all.
    pub port_range: String,
    /// Source address range of an inbound rule.
    pub source_cidr_ip: String,
    /// `Accept` or `Drop`.
    pub policy: String,
    /// `1` to `100`.
    pub priority: String,
    /// Free text.
    pub description: String,
    /// When it was added.
    pub created: Moment,
    /// Whether it was there from the start.
    pub initial: bool,
}

/// An ACK cluster that can become a member of a Fleet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberCluster {
    /// Its id.
    pub cluster_id: String,
    /// Its name.
    pub name: String,
    /// Its own health, `running` in the normal case.
    pub state: String,
    /// The network it lies in.
    pub vpc_id: String,
    /// Its vSwitches.
    pub vswitch_ids: Vec<String>,
    /// The security group of its nodes.
    pub security_group_id: String,
    /// Its region.
    pub region: String,
    /// Its zone.
    pub zone_id: String,
    /// When it was made.
    pub created: Moment,
    /// The message with which the next attach shall fail, if it shall.
    pub fail_next_attach: Option<String>,
}

/// States of a Fleet as `DescribeHubClusterDetails` spells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FleetState {
    /// Being made.
    Initial,
    /// Could not be made.
    Failed,
    /// In service.
    Running,
    /// Stopped.
    Inactive,
    /// Being deleted.
    Deleting,
    /// Could not be deleted.
    DeleteFailed,
    /// Gone; never listed.
    Deleted,
}

/// The switchable features of a Fleet.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Features {
    /// A public address of the Kubernetes API.
    pub public_api_server: bool,
    /// The gateway feature; no response field shows it.
    pub gateway: bool,
    /// Argo CD; absent from responses until the Fleet has rolled it out.
    pub argocd: Option<bool>,
    /// Argo CD with more than one replica.
    pub argocd_ha: bool,
    /// Argo CD's public address.
    pub argocd_public: bool,
    /// Who may reach that address.
    pub access_control_list: Vec<String>,
    /// Refuses deletion.
    pub deletion_protection: bool,
    /// Audit log.
    pub audit_log: bool,
    /// Service mesh.
    pub mesh: bool,
}

/// A Fleet instance; the API calls it a hub cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fleet {
    /// `c` and 32 hex digits.
    pub cluster_id: String,
    /// Its name.
    pub name: String,
    /// `Default` or `XFlow`.
    pub profile: String,
    /// Its state.
    pub state: FleetState,
    /// Why it failed.
    pub error_message: String,
    /// The network it lies in.
    pub vpc_id: String,
    /// Its vSwitches.
    pub vswitches: Vec<String>,
    /// Its security groups.
    pub security_group_ids: Vec<String>,
    /// Its resource group.
    pub resource_group_id: String,
    /// When it was made.
    pub created: Moment,
    /// When it last changed.
    pub updated: Moment,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its features.
    pub features: Features,
    /// Associations by member cluster id.
    pub memberships: BTreeMap<String, Membership>,
    /// The next step of its own state, if one is pending.
    pub pending: Option<FleetStep>,
    /// Whether it was there from the start.
    pub initial: bool,
}

/// A pending step of a Fleet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetStep {
    /// When it falls due.
    pub due: Moment,
    /// The state it leads to; `None` means the GitOps feature appears.
    pub to: Option<FleetState>,
}

/// What is left in the list after a detach; the documentation allows both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DetachLeaves {
    /// The entry disappears.
    Absent,
    /// The entry stays with state `Deleted`.
    Deleted,
}

/// How an empty list is written; the documentation allows both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmptyLists {
    /// As `[]`.
    Present,
    /// The key is left out.
    Missing,
}

/// Switches of the cloud's behaviour.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviour {
    /// Factor on every waiting time; 0 makes everything immediate.
    pub time_scale: f64,
    /// Waiting times before scaling.
    pub timings: Timings,
    /// What a detach leaves in the list.
    pub detach_leaves: DetachLeaves,
    /// How empty lists are written.
    pub empty_lists: EmptyLists,
    /// Whether a cluster of another VPC is refused by the attach call.
    pub refuse_other_vpc: bool,
    /// Added to the cloud's idea of the time.
    pub clock_skew_seconds: i64,
    /// Temporary keys given out from now on end after this many seconds at the latest, whatever was asked for.
    #[serde(default)]
    pub session_seconds: Option<u64>,
}

impl Behaviour {
    /// A base time multiplied by the scale.
    pub fn scaled(&self, base_ms: u64) -> Duration {
        let scale = if self.time_scale.is_finite() { self.time_scale.clamp(0.0, 1000.0) } else { 1.0 };
        Duration::from_millis(base_ms).mul_f64(scale)
    }
}

/// Waiting times at scale 1, in milliseconds. Real ones vary from seconds to minutes; these are the short end of that, so
/// that at the default scale an association takes half a second.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timings {
    /// From the accepted attach to the entry in the list.
    pub attach_listed_ms: u64,
    /// From the entry to `Successed` or `Failed`.
    pub attach_installed_ms: u64,
    /// From the accepted detach to the end of `Deleting`.
    pub detach_ms: u64,
    /// From `initial` to `running`.
    pub fleet_create_ms: u64,
    /// From `running` until the GitOps feature shows.
    pub fleet_gitops_ms: u64,
    /// From `deleting` to gone.
    pub fleet_delete_ms: u64,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            attach_listed_ms: 2_000,
            attach_installed_ms: 8_000,
            detach_ms: 6_000,
            fleet_create_ms: 180_000,
            fleet_gitops_ms: 60_000,
            fleet_delete_ms: 90_000,
        }
    }
}
