//! The actions of the simulated load balancer service: create, change and delete, with the refusals of the real one.
//!
//! Called by the controller. Every change is published as a whole new state, so readers never see half of one. Answers
//! come at once: pauses belong to the caller. Refusal texts follow the public ALB error tables.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::certificate::{CertificateFacts, server_certificate};
use super::model::{
    Action, AlbState, Certificate, Inventory, KeyValue, Listener, ListenerKey, LoadBalancer, PrivateKeyPem, Rule,
    Server, ServerGroup, ServerGroupProtocol, ZoneMapping,
};

/// Rules one Standard instance may hold (ALB quota `alb_quota_loadbalancer_rules_num_standard`).
const MAX_RULES: usize = 100;

/// Why the cloud refused an action. Shown as the Go SDK shows it, so that the controller's rule for Events (drop what
/// comes before `Message:`) has something to drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudError {
    /// The error code.
    pub code: String,
    /// The text for people.
    pub message: String,
}

impl CloudError {
    /// A refusal of this code and text.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }

    fn not_found(id: &str) -> Self {
        Self::new("ResourceNotFound", format!("The specified resource {id} is not found."))
    }
}

impl fmt::Display for CloudError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SDK.ServerError ErrorCode: {} Message: {}", self.code, self.message)
    }
}

impl std::error::Error for CloudError {}

/// What a load balancer is created from.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadBalancerSpec {
    /// Display name.
    pub name: String,
    /// Host name clients are told to use.
    pub dns_name: String,
    /// `Internet` or `Intranet`.
    pub address_type: String,
    /// `Fixed` or `Dynamic`.
    pub address_allocated_mode: String,
    /// `IPv4` or `DualStack`.
    pub address_ip_version: String,
    /// `Standard` or `StandardWithWaf`.
    pub edition: String,
    /// Zones and vSwitches.
    pub zone_mappings: Vec<ZoneMapping>,
    /// Tags.
    pub tags: Vec<KeyValue>,
}

/// What a server group is created from.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerGroupSpec {
    /// Name.
    pub name: String,
    /// Protocol spoken to the servers.
    pub protocol: ServerGroupProtocol,
    /// `Wrr`, `Wlc`, `Sch` or `Uch`.
    pub scheduler: String,
    /// Tags.
    pub tags: Vec<KeyValue>,
}

#[derive(Debug, Default)]
struct Desk {
    calls: BTreeMap<String, u64>,
    refusals: BTreeMap<String, (CloudError, u32)>,
}

/// The account's load balancers and certificates.
#[derive(Debug)]
pub struct AlbCloud {
    region: String,
    state: watch::Sender<Arc<AlbState>>,
    desk: Mutex<Desk>,
}

impl AlbCloud {
    /// An empty account in a region.
    pub fn new(region: impl Into<String>) -> Self {
        Self::restore(region, AlbState::default())
    }

    /// The account as a state file left it.
    pub fn restore(region: impl Into<String>, state: AlbState) -> Self {
        Self { region: region.into(), state: watch::Sender::new(Arc::new(state)), desk: Mutex::default() }
    }

    /// Everything as it stands now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<AlbState> {
        Arc::clone(&self.state.borrow())
    }

    /// Follows the state: the receiver sees each change.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<AlbState>> {
        self.state.subscribe()
    }

    /// Ids and names of everything that exists.
    #[must_use]
    pub fn inventory(&self) -> Inventory {
        let state = self.snapshot();
        Inventory {
            load_balancers: state.load_balancers.keys().cloned().collect(),
            listeners: state
                .load_balancers
                .values()
                .flat_map(|balancer| balancer.listeners.values().map(|listener| listener.listener_id.clone()))
                .collect(),
            server_groups: state.server_groups.keys().cloned().collect(),
            certificates: state.certificates.keys().cloned().collect(),
        }
    }

    /// How often each action was called, refused calls included.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner).calls.clone()
    }

    /// Refuses the next `times` calls of an action with this text. Zero takes the refusal back.
    pub fn refuse(&self, action: &str, message: &str, times: u32) {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        if times == 0 {
            desk.refusals.remove(action);
        } else {
            desk.refusals.insert(action.to_owned(), (CloudError::new("OperationDenied", message), times));
        }
    }

    fn call<T>(
        &self,
        action: &str,
        change: impl FnOnce(&mut AlbState) -> Result<T, CloudError>,
    ) -> Result<T, CloudError> {
        {
            let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
            *desk.calls.entry(action.to_owned()).or_default() += 1;
            if let Some((error, times)) = desk.refusals.get_mut(action) {
                let error = error.clone();
                *times -= 1;
                if *times == 0 {
                    desk.refusals.remove(action);
                }
                return Err(error);
            }
        }
        let mut outcome = None;
        self.state.send_if_modified(|state| {
            let mut next = AlbState::clone(state);
            let answer = change(&mut next);
            let changed = answer.is_ok() && next != **state;
            if changed {
                *state = Arc::new(next);
            }
            outcome = Some(answer);
            changed
        });
        outcome.unwrap_or_else(|| Err(CloudError::new("InternalError", "The request processing has failed.")))
    }

    /// `CreateLoadBalancer`. Deletion protection is on from the start, as the controller asks for.
    ///
    /// # Errors
    ///
    /// Fewer than two zones, or two vSwitches in one zone.
    pub fn create_load_balancer(&self, spec: LoadBalancerSpec) -> Result<String, CloudError> {
        self.call("CreateLoadBalancer", |state| {
            if spec.zone_mappings.len() < 2 {
                return Err(CloudError::new(
                    "IllegalParamSize.ZoneMappings",
                    "The param size of ZoneMappings is illegal.",
                ));
            }
            for (index, mapping) in spec.zone_mappings.iter().enumerate() {
                if spec.zone_mappings.iter().take(index).any(|earlier| earlier.zone_id == mapping.zone_id) {
                    let number = index + 1;
                    return Err(CloudError::new(
                        "DuplicatedParam.ZoneMappings",
                        format!("The param of ZoneMappings.{number}.ZoneId is duplicated."),
                    ));
                }
            }
            let id = format!("alb-{}", suffix(state));
            state.load_balancers.insert(
                id.clone(),
                LoadBalancer {
                    load_balancer_id: id.clone(),
                    load_balancer_name: spec.name,
                    dns_name: spec.dns_name,
                    address_type: spec.address_type,
                    address_allocated_mode: spec.address_allocated_mode,
                    address_ip_version: spec.address_ip_version,
                    load_balancer_edition: spec.edition,
                    load_balancer_status: "Active".to_owned(),
                    deletion_protection_enabled: true,
                    zone_mappings: spec.zone_mappings,
                    tags: spec.tags,
                    listeners: BTreeMap::new(),
                },
            );
            Ok(id)
        })
    }

    /// `UpdateLoadBalancerAttribute`: the display name.
    ///
    /// # Errors
    ///
    /// No such instance.
    pub fn rename_load_balancer(&self, id: &str, name: &str) -> Result<(), CloudError> {
        self.call("UpdateLoadBalancerAttribute", |state| {
            name.clone_into(&mut balancer(state, id)?.load_balancer_name);
            Ok(())
        })
    }

    /// `UpdateLoadBalancerEdition`.
    ///
    /// # Errors
    ///
    /// No such instance.
    pub fn change_edition(&self, id: &str, edition: &str) -> Result<(), CloudError> {
        self.call("UpdateLoadBalancerEdition", |state| {
            edition.clone_into(&mut balancer(state, id)?.load_balancer_edition);
            Ok(())
        })
    }

    /// `TagResources` and `UnTagResources` in one: replaces the tags.
    ///
    /// # Errors
    ///
    /// No such instance.
    pub fn tag_load_balancer(&self, id: &str, tags: Vec<KeyValue>) -> Result<(), CloudError> {
        self.call("TagResources", |state| {
            balancer(state, id)?.tags = tags;
            Ok(())
        })
    }

    /// `DisableDeletionProtection`.
    ///
    /// # Errors
    ///
    /// No such instance.
    pub fn disable_deletion_protection(&self, id: &str) -> Result<(), CloudError> {
        self.call("DisableDeletionProtection", |state| {
            balancer(state, id)?.deletion_protection_enabled = false;
            Ok(())
        })
    }

    /// `DeleteLoadBalancer`, with its listeners and rules.
    ///
    /// # Errors
    ///
    /// No such instance, or deletion protection is on.
    pub fn delete_load_balancer(&self, id: &str) -> Result<(), CloudError> {
        self.call("DeleteLoadBalancer", |state| {
            if balancer(state, id)?.deletion_protection_enabled {
                return Err(CloudError::new(
                    "OperationDenied.DeletionProtection",
                    "The operation is not allowed because of DeletionProtection.",
                ));
            }
            state.load_balancers.remove(id);
            Ok(())
        })
    }

    /// `CreateListener`. The listener comes without id and rules.
    ///
    /// # Errors
    ///
    /// No such instance, or the port is taken.
    pub fn create_listener(&self, id: &str, mut listener: Listener) -> Result<(), CloudError> {
        self.call("CreateListener", |state| {
            listener.listener_id = format!("lsn-{}", suffix(state));
            let balancer = balancer(state, id)?;
            if balancer.listeners.keys().any(|key| key.port == listener.listener_port) {
                let port = listener.listener_port;
                return Err(CloudError::new(
                    "ResourceAlreadyExist.Listener",
                    format!("The specified resource listener {port} is already exist."),
                ));
            }
            balancer.listeners.insert(listener.key(), listener);
            Ok(())
        })
    }

    /// `UpdateListenerAttribute`: all but id, rules and default group.
    ///
    /// # Errors
    ///
    /// No such listener.
    pub fn update_listener(&self, id: &str, update: Listener) -> Result<(), CloudError> {
        self.call("UpdateListenerAttribute", |state| {
            let listener = listener(state, id, update.key())?;
            *listener = Listener {
                listener_id: listener.listener_id.clone(),
                rules: std::mem::take(&mut listener.rules),
                default_server_group_id: listener.default_server_group_id.clone(),
                ..update
            };
            Ok(())
        })
    }

    /// `DeleteListener`, with its rules.
    ///
    /// # Errors
    ///
    /// No such listener.
    pub fn delete_listener(&self, id: &str, key: ListenerKey) -> Result<(), CloudError> {
        self.call("DeleteListener", |state| {
            listener(state, id, key)?;
            balancer(state, id)?.listeners.remove(&key);
            Ok(())
        })
    }

    /// `CreateRules`, `UpdateRulesAttribute` and `DeleteRules` in one: the listener has these rules from now on. A rule
    /// keeps its id for as long as its priority exists.
    ///
    /// # Errors
    ///
    /// No such listener, a server group that does not exist, or too many rules.
    pub fn set_rules(&self, id: &str, key: ListenerKey, mut rules: Vec<Rule>) -> Result<(), CloudError> {
        self.call("CreateRules", |state| {
            for rule in &rules {
                for target in rule.rule_actions.iter().flat_map(targets) {
                    if !state.server_groups.contains_key(target) {
                        return Err(CloudError::not_found(target));
                    }
                }
            }
            let old = std::mem::take(&mut listener(state, id, key)?.rules);
            for rule in &mut rules {
                rule.rule_id = match old.iter().find(|earlier| earlier.priority == rule.priority) {
                    Some(earlier) => earlier.rule_id.clone(),
                    None => format!("rule-{}", suffix(state)),
                };
            }
            listener(state, id, key)?.rules = rules;
            let total: usize = balancer(state, id)?.listeners.values().map(|listener| listener.rules.len()).sum();
            if total > MAX_RULES {
                return Err(CloudError::new(
                    "QuotaExceeded.RulesNum",
                    format!(
                        "The quota of alb_quota_loadbalancer_rules_num_standard is exceeded for resource {id}, usage \
                         {MAX_RULES}/{MAX_RULES}."
                    ),
                ));
            }
            Ok(())
        })
    }

    /// `CreateServerGroup`.
    ///
    /// # Errors
    ///
    /// A name the service does not take.
    pub fn create_server_group(&self, spec: ServerGroupSpec) -> Result<String, CloudError> {
        self.call("CreateServerGroup", |state| {
            let length = spec.name.chars().count();
            if !(2..=128).contains(&length) || !spec.name.chars().next().is_some_and(char::is_alphabetic) {
                return Err(CloudError::new(
                    "IllegalParam.ServerGroupName",
                    "The param of ServerGroupName is illegal.",
                ));
            }
            let id = format!("sgp-{}", suffix(state));
            state.server_groups.insert(
                id.clone(),
                ServerGroup {
                    server_group_id: id.clone(),
                    server_group_name: spec.name,
                    protocol: spec.protocol,
                    scheduler: spec.scheduler,
                    tags: spec.tags,
                    servers: Vec::new(),
                },
            );
            Ok(id)
        })
    }

    /// `UpdateServerGroupAttribute`: the scheduler. The protocol is fixed.
    ///
    /// # Errors
    ///
    /// No such group.
    pub fn change_scheduler(&self, id: &str, scheduler: &str) -> Result<(), CloudError> {
        self.call("UpdateServerGroupAttribute", |state| {
            let group = state.server_groups.get_mut(id).ok_or_else(|| CloudError::not_found(id))?;
            scheduler.clone_into(&mut group.scheduler);
            Ok(())
        })
    }

    /// `AddServersToServerGroup` and `RemoveServersFromServerGroup` in one: the group has these servers from now on.
    ///
    /// # Errors
    ///
    /// No such group.
    pub fn set_servers(&self, id: &str, servers: Vec<Server>) -> Result<(), CloudError> {
        self.call("ReplaceServersInServerGroup", |state| {
            state.server_groups.get_mut(id).ok_or_else(|| CloudError::not_found(id))?.servers = servers;
            Ok(())
        })
    }

    /// `DeleteServerGroup`.
    ///
    /// # Errors
    ///
    /// No such group, or a listener or rule still forwards to it.
    pub fn delete_server_group(&self, id: &str) -> Result<(), CloudError> {
        self.call("DeleteServerGroup", |state| {
            if !state.server_groups.contains_key(id) {
                return Err(CloudError::not_found(id));
            }
            let used = state.load_balancers.values().flat_map(|balancer| balancer.listeners.values()).any(|listener| {
                listener.default_server_group_id == id
                    || listener
                        .rules
                        .iter()
                        .flat_map(|rule| &rule.rule_actions)
                        .flat_map(targets)
                        .any(|used| used == id)
            });
            if used {
                return Err(CloudError::new(
                    "ResourceInUse.ServerGroup",
                    format!("The specified resource {id} is in use."),
                ));
            }
            state.server_groups.remove(id);
            Ok(())
        })
    }

    /// `UploadUserCertificate`: answers the identifier. A certificate already there under this name is used as it is.
    ///
    /// # Errors
    ///
    /// Certificate or key cannot be used.
    pub fn upload_certificate(&self, name: &str, pem: &str, key: &str) -> Result<String, CloudError> {
        if let Some(certificate) = self.snapshot().certificates.get(name) {
            return Ok(certificate.cert_identifier.clone());
        }
        let region = self.region.clone();
        self.call("UploadUserCertificate", |state| {
            let facts = CertificateFacts::read(pem)?;
            server_certificate(pem, key)?;
            state.next_id += 1;
            let cert_identifier = format!("{}-{region}", 9_000_000 + state.next_id);
            state.certificates.insert(
                name.to_owned(),
                Certificate {
                    cert_identifier: cert_identifier.clone(),
                    cert_name: name.to_owned(),
                    common_name: facts.common_name,
                    sans: facts.sans,
                    pem: pem.to_owned(),
                    key: PrivateKeyPem::new(key.to_owned()),
                },
            );
            Ok(cert_identifier)
        })
    }
}

/// Ids grow, so that a test can tell a new object from an old one; the odd letters make them look like the real ones.
fn suffix(state: &mut AlbState) -> String {
    state.next_id += 1;
    format!("{:06}sb{:08x}", state.next_id, state.next_id.wrapping_mul(2_654_435_761) & 0xffff_ffff)
}

fn targets(action: &Action) -> impl Iterator<Item = &str> {
    let tuples = match action {
        Action::ForwardGroup { server_group_tuples } => server_group_tuples.as_slice(),
        Action::Redirect { .. }
        | Action::FixedResponse { .. }
        | Action::InsertHeader { .. }
        | Action::RemoveHeader { .. }
        | Action::TrafficLimit { .. }
        | Action::Cors { .. } => &[],
    };
    tuples.iter().map(|target| target.server_group_id.as_str())
}

fn balancer<'s>(state: &'s mut AlbState, id: &str) -> Result<&'s mut LoadBalancer, CloudError> {
    state.load_balancers.get_mut(id).ok_or_else(|| CloudError::not_found(id))
}

fn listener<'s>(state: &'s mut AlbState, id: &str, key: ListenerKey) -> Result<&'s mut Listener, CloudError> {
    balancer(state, id)?.listeners.get_mut(&key).ok_or_else(|| CloudError::not_found(&format!("{id}@{key}")))
}
