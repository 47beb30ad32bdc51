//! Brings a model to the cloud, in the real controller's order and at its pace.
//!
//! Certificates, server groups with their members, the instance, listeners, rules, and last the groups nobody uses.
//! Most refusals end it at once; those of a listener are collected, so the other listeners get their rules. Called by
//! passes. Pauses are the fixed sleeps of the open-source controller's cloud adapter, all multiplied by one scale.

use std::collections::BTreeMap;
use std::time::Duration;

use super::build::{ActionModel, CertificateRef, GroupKey, ListenerModel, Model};
use crate::alb::{
    Action, AlbCloud, AlbState, ForwardTarget, KeyValue, Listener, ListenerCertificate, ListenerKey, LoadBalancerSpec,
    Protocol, Rule, Server, ServerGroupSpec, ZoneMapping,
};

/// What a pass costs before it changes anything.
const OVERHEAD: f64 = 0.6;
/// Creating server groups, adding servers, creating a listener, one update of a listener.
const SHORT: f64 = 1.0;
/// Creating an instance.
const LONG: f64 = 2.0;

/// The tag that names the AlbConfig.
pub(super) const ALBCONFIG_TAG: &str = "ingress.k8s.alibaba/albconfig";
/// The tag that names the cluster.
pub(super) const CLUSTER_TAG: &str = "ack.aliyun.com";
const RESOURCE_TAG: &str = "ingress.k8s.alibaba/resource";
const NAMESPACE_TAG: &str = "ingress.k8s.alibaba/service_ns";
const INGRESS_TAG: &str = "ingress.k8s.alibaba/ingress_name";
const SERVICE_TAG: &str = "ingress.k8s.alibaba/service_name";
const PORT_TAG: &str = "ingress.k8s.alibaba/service_port";
/// How the controller recognises its own listeners on a reused instance.
const OWN_LISTENER: &str = "ingress-auto-listener";

/// How fast the controller is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace(pub(super) f64);

impl Pace {
    /// A real duration at this pace.
    pub(super) fn scaled(self, seconds: f64) -> Duration {
        Duration::try_from_secs_f64(seconds * self.0).unwrap_or(Duration::ZERO)
    }

    pub(super) async fn pause(self, seconds: f64) {
        let pause = self.scaled(seconds);
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
}

/// What stands behind a group's Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoints {
    /// These servers.
    Servers(Vec<Server>),
    /// No member has the Service.
    NoService,
    /// Members have the Service without this port.
    NoPort,
}

/// What a model is applied to and with.
pub(super) struct Site<'s> {
    pub(super) cloud: &'s AlbCloud,
    pub(super) pace: Pace,
    pub(super) cluster_id: &'s str,
    pub(super) albconfig: &'s str,
    pub(super) hostname: &'s str,
    /// Whether a Service without the port is an error (it is one for the open-source generation).
    pub(super) port_required: bool,
    pub(super) zone: &'s (dyn Fn(&str) -> Option<String> + Send + Sync),
    pub(super) endpoints: &'s (dyn Fn(&GroupKey) -> Endpoints + Send + Sync),
}

/// What the pass may publish.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Applied {
    pub(super) load_balancer_id: String,
    pub(super) dns_name: String,
    /// HTTPS listeners with the certificates this pass found for them.
    pub(super) https: Vec<(ListenerKey, Vec<ListenerCertificate>)>,
    /// Groups for which no member has the Service and port.
    pub(super) backendless: Vec<GroupKey>,
}

/// The instance an AlbConfig owns.
pub(super) fn owned_balancer(state: &AlbState, cluster_id: &str, albconfig: &str) -> Option<String> {
    let owner =
        [KeyValue::new(CLUSTER_TAG, cluster_id), KeyValue::new(ALBCONFIG_TAG, format!("kube-system/{albconfig}"))];
    let found = state.load_balancers.values().find(|balancer| owner.iter().all(|tag| balancer.tags.contains(tag)));
    found.map(|balancer| balancer.load_balancer_id.clone())
}

/// The groups an AlbConfig owns, by what they stand for.
pub(super) fn owned_groups(state: &AlbState, cluster_id: &str, albconfig: &str) -> BTreeMap<GroupKey, String> {
    let owner =
        [KeyValue::new(CLUSTER_TAG, cluster_id), KeyValue::new(ALBCONFIG_TAG, format!("kube-system/{albconfig}"))];
    let groups = state.server_groups.values().filter(|group| owner.iter().all(|tag| group.tags.contains(tag)));
    groups
        .map(|group| {
            let tag = |key: &str| {
                let tag = group.tags.iter().find(|tag| tag.key == key);
                tag.map_or_else(String::new, |tag| tag.value.clone())
            };
            let key = GroupKey {
                namespace: tag(NAMESPACE_TAG),
                ingress: tag(INGRESS_TAG),
                service: tag(SERVICE_TAG),
                port: tag(PORT_TAG).parse().unwrap_or(0),
            };
            (key, group.server_group_id.clone())
        })
        .collect()
}

/// Brings the model to the cloud.
///
/// # Errors
///
/// The text of the first refusal.
pub(super) async fn apply(site: &Site<'_>, model: &Model) -> Result<Applied, String> {
    site.pace.pause(OVERHEAD).await;
    let mut uploads = BTreeMap::new();
    for (name, certificate) in &model.certificates {
        let id = site.cloud.upload_certificate(name, &certificate.pem, &certificate.key).map_err(|e| e.to_string())?;
        uploads.insert(name.clone(), id);
    }
    let (groups, backendless) = apply_groups(site, model).await?;
    let id = apply_balancer(site, model).await?;
    let mut failures: Vec<(u16, String)> = Vec::new();
    let wanted: Vec<_> = model.listeners.iter().map(|listener| listener.key).collect();
    for (key, listener) in listeners(site.cloud, &id) {
        let ours = model.balancer.owns_all_listeners || listener.listener_description.starts_with(OWN_LISTENER);
        if ours && !wanted.contains(&key) {
            site.cloud.delete_listener(&id, key).map_err(|error| error.to_string())?;
        }
    }
    let mut https = Vec::new();
    for listener in &model.listeners {
        match apply_listener(site, &id, listener, &uploads, &groups).await {
            Ok(certificates) if listener.key.protocol == Protocol::Https => https.push((listener.key, certificates)),
            Ok(_) => {}
            Err(text) => failures.push((listener.key.port, text)),
        }
    }
    for listener in &model.listeners {
        let Some(present) = listeners(site.cloud, &id).remove(&listener.key) else { continue };
        let rules = cloud_rules(listener, &present, &groups);
        if rules != present.rules {
            site.cloud.set_rules(&id, listener.key, rules).map_err(|error| error.to_string())?;
        }
    }
    if let Some((port, text)) = failures.first() {
        return Err(format!("apply  failed listenerPort {port} errMsgs {text}"));
    }
    for (key, group) in owned_groups(&site.cloud.snapshot(), site.cluster_id, site.albconfig) {
        if !model.groups.iter().any(|wanted| wanted.key == key) {
            site.cloud.delete_server_group(&group).map_err(|error| error.to_string())?;
        }
    }
    let balancer = site.cloud.snapshot().load_balancers.get(&id).cloned();
    let dns_name = balancer.map_or_else(String::new, |balancer| balancer.dns_name);
    Ok(Applied { load_balancer_id: id, dns_name, https, backendless })
}

/// What was done for a Service whose endpoints were looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refreshed {
    /// Its groups follow it now.
    Followed(GroupKey),
    /// It is there, and nothing answers for it yet.
    WithoutEndpoints(GroupKey),
}

/// Gives every group of an AlbConfig the servers its Service has now.
pub(super) fn refresh_endpoints(site: &Site<'_>) -> Vec<Refreshed> {
    let mut refreshed = Vec::new();
    let state = site.cloud.snapshot();
    for (key, id) in owned_groups(&state, site.cluster_id, site.albconfig) {
        if key.service == "fake-svc" && key.namespace == "kube-system" {
            continue;
        }
        let (servers, present) = match (site.endpoints)(&key) {
            Endpoints::Servers(servers) => (servers, true),
            Endpoints::NoService | Endpoints::NoPort => (Vec::new(), false),
        };
        let stale = state.server_groups.get(&id).is_some_and(|group| group.servers != servers);
        let waits = present && servers.is_empty();
        if stale {
            match site.cloud.set_servers(&id, servers) {
                Ok(()) => refreshed.push(Refreshed::Followed(key)),
                Err(error) => tracing::warn!(%error, group = id, "endpoints not updated"),
            }
        } else if waits {
            refreshed.push(Refreshed::WithoutEndpoints(key));
        }
    }
    refreshed
}

/// Deletes everything of an AlbConfig but its certificates.
///
/// # Errors
///
/// The text of the first refusal.
pub(super) fn delete(site: &Site<'_>, reused: bool) -> Result<(), String> {
    let owned = owned_balancer(&site.cloud.snapshot(), site.cluster_id, site.albconfig);
    if let Some(id) = owned {
        let gone = if reused {
            // A reused instance survives with its listeners; only the owner's tags go.
            let balancer = site.cloud.snapshot().load_balancers.get(&id).cloned();
            let tags = balancer.map_or_else(Vec::new, |balancer| balancer.tags);
            let own = [CLUSTER_TAG, ALBCONFIG_TAG, RESOURCE_TAG];
            let tags = tags.into_iter().filter(|tag| !own.contains(&tag.key.as_str())).collect();
            site.cloud.tag_load_balancer(&id, tags)
        } else {
            site.cloud.disable_deletion_protection(&id).and_then(|()| site.cloud.delete_load_balancer(&id))
        };
        gone.map_err(|error| error.to_string())?;
    }
    if !reused {
        for id in owned_groups(&site.cloud.snapshot(), site.cluster_id, site.albconfig).values() {
            site.cloud.delete_server_group(id).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

fn listeners(cloud: &AlbCloud, id: &str) -> BTreeMap<ListenerKey, Listener> {
    cloud.snapshot().load_balancers.get(id).map(|balancer| balancer.listeners.clone()).unwrap_or_default()
}

async fn apply_groups(site: &Site<'_>, model: &Model) -> Result<(BTreeMap<GroupKey, String>, Vec<GroupKey>), String> {
    let mut groups = owned_groups(&site.cloud.snapshot(), site.cluster_id, site.albconfig);
    let missing: Vec<_> = model.groups.iter().filter(|group| !groups.contains_key(&group.key)).collect();
    if !missing.is_empty() {
        site.pace.pause(SHORT).await;
    }
    for group in missing {
        let key = &group.key;
        let spec = ServerGroupSpec {
            name: format!("{}-{}-{}", key.namespace, key.service, key.port),
            protocol: group.settings.protocol,
            scheduler: group.settings.scheduler.to_owned(),
            tags: vec![
                KeyValue::new(CLUSTER_TAG, site.cluster_id),
                KeyValue::new(ALBCONFIG_TAG, format!("kube-system/{}", site.albconfig)),
                KeyValue::new(INGRESS_TAG, key.ingress.clone()),
                KeyValue::new(SERVICE_TAG, key.service.clone()),
                KeyValue::new(NAMESPACE_TAG, key.namespace.clone()),
                KeyValue::new(PORT_TAG, key.port.to_string()),
            ],
        };
        let id = site.cloud.create_server_group(spec).map_err(|error| error.to_string())?;
        groups.insert(key.clone(), id);
    }
    let mut backendless = Vec::new();
    let mut filled = Vec::new();
    for group in model.groups.iter().filter(|group| !group.placeholder) {
        let Some(id) = groups.get(&group.key) else { continue };
        let servers = match (site.endpoints)(&group.key) {
            Endpoints::Servers(servers) => servers,
            Endpoints::NoPort if site.port_required => {
                let key = &group.key;
                return Err(format!(
                    "backend not found: unable to find port {} on service {}/{}",
                    key.port, key.namespace, key.service
                ));
            }
            Endpoints::NoPort | Endpoints::NoService => {
                backendless.push(group.key.clone());
                Vec::new()
            }
        };
        let state = site.cloud.snapshot();
        let Some(present) = state.server_groups.get(id) else { continue };
        // The protocol of a group is fixed; a changed annotation is silently without effect (situation i).
        if present.scheduler != group.settings.scheduler {
            site.cloud.change_scheduler(id, group.settings.scheduler).map_err(|error| error.to_string())?;
        }
        if present.servers != servers {
            filled.push((id.clone(), servers));
        }
    }
    if !filled.is_empty() {
        site.pace.pause(SHORT).await;
    }
    for (id, servers) in filled {
        site.cloud.set_servers(&id, servers).map_err(|error| error.to_string())?;
    }
    Ok((groups, backendless))
}

async fn apply_balancer(site: &Site<'_>, model: &Model) -> Result<String, String> {
    let wanted = &model.balancer;
    let state = site.cloud.snapshot();
    let owner = format!("kube-system/{}", site.albconfig);
    let mut tags = vec![
        KeyValue::new(CLUSTER_TAG, site.cluster_id),
        KeyValue::new(ALBCONFIG_TAG, owner.clone()),
        KeyValue::new(RESOURCE_TAG, "ApplicationLoadBalancer"),
    ];
    tags.extend(wanted.tags.iter().cloned());
    let present = match &wanted.id {
        Some(id) => {
            let Some(balancer) = state.load_balancers.get(id) else {
                return Err(format!("The specified resource {id} is not found"));
            };
            let tag = |key: &str| balancer.tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.as_str());
            if let Some(other) = tag(CLUSTER_TAG).filter(|other| *other != site.cluster_id) {
                return Err(format!(
                    "alb {id} belongs to cluster: {other}, cant reuse alb to another cluster: {}",
                    site.cluster_id
                ));
            }
            if let Some(other) = tag(ALBCONFIG_TAG).filter(|other| *other != owner) {
                return Err(format!(
                    "alb {id} belongs to albconfig: {other}, cant reuse alb to another albconfig: {owner}"
                ));
            }
            Some(id.clone())
        }
        None => owned_balancer(&state, site.cluster_id, site.albconfig),
    };
    let Some(id) = present else {
        let zone = |id: &String| (site.zone)(id).map(|zone_id| ZoneMapping { vswitch_id: id.clone(), zone_id });
        let zone_mappings: Vec<_> = wanted.vswitches.iter().filter_map(zone).collect();
        if zone_mappings.is_empty() {
            return Err("empty load balancer zone mapping".to_owned());
        }
        let id = site
            .cloud
            .create_load_balancer(LoadBalancerSpec {
                name: wanted.name.clone(),
                dns_name: site.hostname.to_owned(),
                address_type: wanted.address_type.clone(),
                address_allocated_mode: wanted.address_allocated_mode.clone(),
                address_ip_version: wanted.address_ip_version.clone(),
                edition: wanted.edition.clone(),
                zone_mappings,
                tags,
            })
            .map_err(|error| error.to_string())?;
        site.pace.pause(LONG).await;
        return Ok(id);
    };
    // Address type, address mode and zones are looked at when an instance is created and never again (situation j).
    let Some(balancer) = state.load_balancers.get(&id) else { return Ok(id) };
    let attributes = wanted.id.is_none() || wanted.owns_all_listeners;
    if attributes && balancer.load_balancer_name != wanted.name {
        site.cloud.rename_load_balancer(&id, &wanted.name).map_err(|error| error.to_string())?;
    }
    if attributes && balancer.load_balancer_edition != wanted.edition {
        site.cloud.change_edition(&id, &wanted.edition).map_err(|error| error.to_string())?;
    }
    if balancer.tags != tags {
        site.cloud.tag_load_balancer(&id, tags).map_err(|error| error.to_string())?;
    }
    Ok(id)
}

async fn apply_listener(
    site: &Site<'_>,
    id: &str,
    listener: &ListenerModel,
    uploads: &BTreeMap<String, String>,
    groups: &BTreeMap<GroupKey, String>,
) -> Result<Vec<ListenerCertificate>, String> {
    let resolved = listener.certificates.iter().filter_map(|reference| match reference {
        CertificateRef::Id(id) => Some(id.clone()),
        CertificateRef::Upload(name) => uploads.get(name).cloned(),
    });
    let certificates: Vec<_> = resolved
        .enumerate()
        .map(|(place, certificate_id)| ListenerCertificate { certificate_id, is_default: place == 0 })
        .collect();
    let present = listeners(site.cloud, id).remove(&listener.key);
    let https = listener.key.protocol == Protocol::Https;
    let secure = listener.key.protocol != Protocol::Http;
    // An existing listener keeps the certificate of an Ingress that went away (situation f).
    let bound = match &present {
        Some(present) if certificates.is_empty() => present.certificates.clone(),
        _ => certificates.clone(),
    };
    if secure && bound.is_empty() {
        return Err("empty https listener default certs ".to_owned());
    }
    let wanted = Listener {
        listener_id: String::new(),
        listener_port: listener.key.port,
        listener_protocol: listener.key.protocol,
        listener_description: listener.description.clone(),
        http2_enabled: listener.http2,
        gzip_enabled: listener.gzip,
        idle_timeout: listener.idle_timeout,
        request_timeout: listener.request_timeout,
        security_policy_id: listener.policy.clone(),
        certificates: if secure { bound } else { Vec::new() },
        x_forwarded_for_config: listener.forwarded.clone(),
        default_server_group_id: groups.get(&listener.placeholder).cloned().unwrap_or_default(),
        rules: Vec::new(),
    };
    match present {
        None => {
            site.cloud.create_listener(id, wanted).map_err(|error| error.to_string())?;
            site.pace.pause(SHORT).await;
        }
        Some(present) => {
            let same = Listener {
                listener_id: String::new(),
                rules: Vec::new(),
                default_server_group_id: wanted.default_server_group_id.clone(),
                ..present
            } == wanted;
            if !same {
                site.cloud.update_listener(id, wanted).map_err(|error| error.to_string())?;
            }
        }
    }
    if https {
        site.pace.pause(2.0 * SHORT).await;
    }
    Ok(certificates)
}

fn cloud_rules(listener: &ListenerModel, present: &Listener, groups: &BTreeMap<GroupKey, String>) -> Vec<Rule> {
    let action = |action: &ActionModel| match action {
        ActionModel::Other(action) => action.clone(),
        ActionModel::Forward(targets) => Action::ForwardGroup {
            server_group_tuples: targets
                .iter()
                .filter_map(|(key, weight)| {
                    Some(ForwardTarget { server_group_id: groups.get(key)?.clone(), weight: *weight })
                })
                .collect(),
        },
    };
    (1..)
        .zip(&listener.rules)
        .map(|(priority, rule)| Rule {
            rule_id: present
                .rules
                .iter()
                .find(|earlier| earlier.priority == priority)
                .map_or_else(String::new, |earlier| earlier.rule_id.clone()),
            rule_name: format!("rule-{}-{priority}", listener.key.port),
            priority,
            rule_conditions: rule.conditions.clone(),
            rule_actions: rule.actions.iter().map(action).collect(),
        })
        .collect()
}
