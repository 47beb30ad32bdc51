//! Builds what should stand in the cloud from an AlbConfig and the Ingresses of its stack.
//!
//! Pure: objects in, a model or the first error out; `apply.rs` brings the model to the cloud. Listeners, their rules,
//! server groups and certificates are derived as sections 4.1 to 4.4 of Alibaba Cloud's ALB Ingress documentation and
//! the open-source controller do it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sha1::{Digest, Sha1};

use super::Generation;
use super::albconfig::{self, ListenerSpec, text};
use super::annotations::{self, Canary, GroupSettings};
use super::objects::{AlbConfig, Ingress, Secret};
use super::rules;
use crate::alb::{Action, Condition, KeyValue, ListenerKey, Protocol, ServerGroupProtocol};

/// Everything a model is built from.
pub(super) struct Inputs<'i> {
    pub(super) generation: Generation,
    pub(super) cluster_id: &'i str,
    pub(super) albconfig: &'i AlbConfig,
    pub(super) stack: &'i [Ingress],
    /// A Secret by `namespace/name`.
    pub(super) secret: &'i dyn Fn(&str) -> Option<Secret>,
    /// Identifiers of the account's certificates for a host.
    pub(super) discover: &'i dyn Fn(&str) -> Vec<String>,
}

/// Why there is no model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BuildError {
    /// The Ingress to blame; without one, everybody hears of it.
    pub(super) ingress: Option<String>,
    /// The text on the Ingress.
    pub(super) message: String,
    /// The text on the AlbConfig.
    pub(super) on_albconfig: String,
}

impl BuildError {
    pub(super) fn new(ingress: Option<&Ingress>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { ingress: ingress.map(Ingress::key), on_albconfig: message.clone(), message }
    }
}

/// What should stand in the cloud for one AlbConfig.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) balancer: BalancerModel,
    pub(super) listeners: Vec<ListenerModel>,
    pub(super) groups: Vec<GroupModel>,
    pub(super) certificates: BTreeMap<String, CertificateModel>,
    /// Ingresses with rule hosts their `tls` entries do not name.
    pub(super) mismatches: Vec<(String, Vec<String>)>,
}

/// The instance.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BalancerModel {
    /// An instance to reuse.
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) address_type: String,
    pub(super) address_allocated_mode: String,
    pub(super) address_ip_version: String,
    pub(super) edition: String,
    pub(super) vswitches: Vec<String>,
    pub(super) tags: Vec<KeyValue>,
    pub(super) owns_all_listeners: bool,
}

/// A listener.
#[derive(Debug, Clone)]
pub(super) struct ListenerModel {
    pub(super) key: ListenerKey,
    pub(super) description: String,
    pub(super) gzip: bool,
    pub(super) http2: bool,
    pub(super) policy: String,
    pub(super) idle_timeout: u32,
    pub(super) request_timeout: u32,
    pub(super) forwarded: BTreeMap<String, bool>,
    /// Default first.
    pub(super) certificates: Vec<CertificateRef>,
    pub(super) placeholder: GroupKey,
    pub(super) rules: Vec<RuleModel>,
}

/// A certificate of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CertificateRef {
    /// By identifier.
    Id(String),
    /// The uploaded one of this name.
    Upload(String),
}

/// A rule; its priority is its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RuleModel {
    pub(super) conditions: Vec<Condition>,
    pub(super) actions: Vec<ActionModel>,
}

/// An action of a rule.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ActionModel {
    /// Forward to groups that may not exist yet.
    Forward(Vec<(GroupKey, u32)>),
    /// Anything else.
    Other(Action),
}

/// What a server group stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupKey {
    pub(super) namespace: String,
    pub(super) ingress: String,
    pub(super) service: String,
    pub(super) port: u16,
}

/// A server group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GroupModel {
    pub(super) key: GroupKey,
    pub(super) settings: GroupSettings,
    /// Placeholders have no Service behind them.
    pub(super) placeholder: bool,
}

/// A certificate to upload. No `Debug` of the key.
#[derive(Clone)]
pub(super) struct CertificateModel {
    pub(super) pem: String,
    pub(super) key: String,
}

impl std::fmt::Debug for CertificateModel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("CertificateModel(…)")
    }
}

/// Builds the model.
///
/// # Errors
///
/// The first setting the controller refuses.
pub(super) fn build(inputs: &Inputs<'_>) -> Result<Model, BuildError> {
    let balancer = balancer(inputs).map_err(|message| BuildError::new(None, message))?;
    let mut listeners = listeners(inputs).map_err(|message| BuildError::new(None, message))?;
    let mut groups: BTreeMap<GroupKey, GroupModel> = BTreeMap::new();
    for listener in &listeners {
        let key = listener.placeholder.clone();
        let settings = GroupSettings { protocol: ServerGroupProtocol::Http, scheduler: "Wrr" };
        groups.insert(key.clone(), GroupModel { key, settings, placeholder: true });
    }
    let mut certificates = BTreeMap::new();
    let mut mismatches = Vec::new();
    let mut stack = Vec::new();
    for ingress in inputs.stack {
        stack.push(prepare(inputs, ingress, &listeners)?);
    }
    for prepared in &stack {
        let failed = |message: String| BuildError::new(Some(prepared.ingress), message);
        for listener in &mut listeners {
            if !prepared.ports.contains(&listener.key) {
                continue;
            }
            rules::add(prepared, &stack, listener, &mut groups).map_err(failed)?;
            if listener.key.protocol != Protocol::Http {
                bind_certificates(inputs, prepared, listener, &mut certificates).map_err(failed)?;
            }
        }
        let named: BTreeSet<_> = prepared.ingress.spec.tls.iter().flat_map(|tls| &tls.hosts).collect();
        let unnamed = prepared.ingress.spec.rules.iter().map(|rule| &rule.host).filter(|host| !host.is_empty());
        let unnamed: Vec<String> = unnamed.filter(|host| !named.contains(host)).cloned().collect();
        if !named.is_empty() && !unnamed.is_empty() {
            mismatches.push((prepared.ingress.key(), unnamed));
        }
    }
    Ok(Model { balancer, listeners, groups: groups.into_values().collect(), certificates, mismatches })
}

/// An Ingress with what its annotations say.
pub(super) struct Prepared<'i> {
    pub(super) ingress: &'i Ingress,
    pub(super) ports: Vec<ListenerKey>,
    pub(super) explicit_ports: bool,
    pub(super) settings: GroupSettings,
    pub(super) canary: Canary,
}

fn balancer(inputs: &Inputs<'_>) -> Result<BalancerModel, String> {
    let config = inputs.albconfig.spec.get("config").unwrap_or(&Value::Null);
    let choice = |field: &str, default: &str, allowed: &[&str], what: &str| {
        let value = text(config, field);
        match value {
            "" => Ok(default.to_owned()),
            value if allowed.contains(&value) => Ok(value.to_owned()),
            value => Err(format!("invalid load balancer {what}: {value}")),
        }
    };
    let address_type = choice("addressType", "Internet", &["Internet", "Intranet"], "address type")?;
    let address_allocated_mode =
        choice("addressAllocatedMode", "Dynamic", &["Dynamic", "Fixed"], "address allocate mode")?;
    let address_ip_version = choice("addressIpVersion", "IPv4", &["IPv4", "DualStack"], "address ip version")?;
    let edition = choice("edition", "Standard", &["Standard", "StandardWithWaf", "Basic"], "edition")?;
    let pay_type = config.get("billingConfig").map_or("", |billing| text(billing, "payType"));
    if !matches!(pay_type, "" | "PostPay") {
        return Err(format!("invalid load balancer paytype: {pay_type}"));
    }
    let log = config.get("accessLogConfig").unwrap_or(&Value::Null);
    let (project, store) = (text(log, "logProject"), text(log, "logStore"));
    let absent = project.is_empty() && store.is_empty();
    let lengths = (4..=63).contains(&project.len()) && (2..=64).contains(&store.len());
    if !absent && !lengths {
        return Err(format!("invalid name of logProject: {project} or logStore: {store}"));
    }
    let items = |field: &str| config.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut tags = Vec::new();
    for (index, tag) in items("tags").iter().enumerate() {
        let (key, number) = (text(tag, "key"), index + 1);
        if key.is_empty() {
            return Err(format!("The param of Tag.{number}.TagKey is missing"));
        }
        if key.starts_with("aliyun") || key.starts_with("acs:") {
            return Err(format!("The param of Tag.{number}.TagKey is illegal"));
        }
        tags.push(KeyValue::new(key, text(tag, "value")));
    }
    let name = match text(config, "name") {
        "" => default_name(inputs),
        name => name.to_owned(),
    };
    let id = text(config, "id");
    let force = |field: &str| config.get(field).and_then(Value::as_bool).unwrap_or(false);
    Ok(BalancerModel {
        owns_all_listeners: id.is_empty() || force("forceOverride") || force("listenerForceOverride"),
        id: (!id.is_empty()).then(|| id.to_owned()),
        name,
        address_type,
        address_allocated_mode,
        address_ip_version,
        edition,
        vswitches: items("zoneMappings").iter().map(|mapping| text(mapping, "vSwitchId").to_owned()).collect(),
        tags,
    })
}

fn default_name(inputs: &Inputs<'_>) -> String {
    let name = &inputs.albconfig.meta.name;
    let digest = sha2::Sha256::digest(format!("{}kube-system/{name}", inputs.cluster_id).as_bytes());
    let digest: String = hex::encode(digest).chars().take(10).collect();
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("k8s-kubesystem-{plain}-{digest}")
}

fn listeners(inputs: &Inputs<'_>) -> Result<Vec<ListenerModel>, String> {
    let hosted = inputs.generation == Generation::Hosted;
    let mut listeners: Vec<ListenerModel> = Vec::new();
    for spec in ListenerSpec::all(&inputs.albconfig.spec) {
        let key = spec.key()?;
        for other in listeners.iter().map(|listener| listener.key) {
            let pair = [other.protocol, key.protocol];
            let quic_twin = pair.contains(&Protocol::Https) && pair.contains(&Protocol::Quic);
            if other.port == key.port && !quic_twin {
                return Err(if hosted {
                    format!("Listener is not fulfilled yet: {}-{}", key.port, key.protocol)
                } else {
                    "conflict listener in albconfig, please remove it manual".to_owned()
                });
            }
        }
        let seconds = |field: &str, name: &str, default: u32| match spec.number(field) {
            0 => Ok(default),
            number => u32::try_from(number).map_err(|_| format!("invalid listener {name}: {number}")),
        };
        let acl = spec.0.get("aclConfig").unwrap_or(&Value::Null);
        let filled = |field: &str| acl.get(field).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
        if filled("aclEntries") && filled("aclIds") {
            return Err("aclEntry and aclIds cannot use together".to_owned());
        }
        if hosted && spec.0.get("certificates").and_then(Value::as_array).is_some_and(Vec::is_empty) {
            return Err("ListenerID is mandatory for this action".to_owned());
        }
        let or = |text: &str, default: String| if text.is_empty() { default } else { text.to_owned() };
        // The HTTPS branch of the open-source controller compares the written text.
        let https = spec.protocol() == "HTTPS";
        let mut certificates = spec.certificates();
        if let Some(default) = spec.default_certificate().filter(|_| hosted) {
            certificates.retain(|id| id != default);
            certificates.insert(0, default.to_owned());
        }
        let forwarded = spec.0.get("xForwardedForConfig").and_then(Value::as_object).into_iter().flatten();
        listeners.push(ListenerModel {
            key,
            description: or(spec.text("description"), format!("ingress-auto-listener-{}", key.port)),
            gzip: spec.switch("gzipEnabled").unwrap_or(true),
            // The open-source controller sends any explicit value as false (situation l).
            http2: https && spec.switch("http2Enabled").is_none_or(|enabled| hosted && enabled),
            policy: if https {
                or(spec.text("securityPolicyId"), "tls_cipher_policy_1_0".to_owned())
            } else {
                String::new()
            },
            idle_timeout: seconds("idleTimeout", "IdleTimeout", 15)?,
            request_timeout: seconds("requestTimeout", "RequestTimeout", 60)?,
            // What is off and what is absent are the same to the cloud.
            forwarded: forwarded
                .filter(|(_, value)| value.as_bool() == Some(true))
                .map(|(name, _)| (name.clone(), true))
                .collect(),
            certificates: certificates.into_iter().map(CertificateRef::Id).collect(),
            placeholder: GroupKey {
                namespace: "kube-system".to_owned(),
                ingress: format!("{}-listener-{}", inputs.albconfig.meta.name, key.port),
                service: "fake-svc".to_owned(),
                port: key.port,
            },
            rules: Vec::new(),
        });
    }
    Ok(listeners)
}

fn prepare<'i>(
    inputs: &Inputs<'_>,
    ingress: &'i Ingress,
    listeners: &[ListenerModel],
) -> Result<Prepared<'i>, BuildError> {
    let failed = |message: String| BuildError::new(Some(ingress), message);
    let (ports, explicit_ports) = annotations::listen_ports(ingress).map_err(failed)?;
    let settings = annotations::group_settings(&ingress.meta, inputs.generation).map_err(failed)?;
    if settings.protocol == ServerGroupProtocol::Grpc {
        grpc_ports(ingress, &ports).map_err(failed)?;
    }
    if inputs.generation == Generation::Hosted {
        let name = &inputs.albconfig.meta.name;
        for port in &ports {
            if listeners.iter().all(|listener| listener.key != *port) {
                let wanting = inputs
                    .stack
                    .iter()
                    .filter(|other| annotations::listen_ports(other).is_ok_and(|(ports, _)| ports.contains(port)));
                return Err(BuildError {
                    ingress: Some(ingress.key()),
                    message: format!(
                        "listener is not exist in alb|{name}, port: {}, protocol: {}",
                        port.port, port.protocol
                    ),
                    on_albconfig: format!("listener not found for ({port}), with ingresses {}", wanting.count()),
                });
            }
        }
    }
    Ok(Prepared { ingress, ports, explicit_ports, settings, canary: annotations::canary(&ingress.meta) })
}

fn grpc_ports(ingress: &Ingress, ports: &[ListenerKey]) -> Result<(), String> {
    if ingress.spec.tls.is_empty() {
        return Err("'grpc' backend protocol must be use with TLS listener(Ingress.Spec.TLS)".to_owned());
    }
    for port in ports {
        let redirected = port.port == 80 && ingress.meta.flag("ssl-redirect");
        match port.protocol {
            Protocol::Https => {}
            Protocol::Http if redirected => {}
            Protocol::Http => {
                return Err("'grpc' backend protocol must be use TLS listener only or redirect to".to_owned());
            }
            Protocol::Quic => return Err("listen protocol must be within [HTTP, HTTPS]: QUIC".to_owned()),
        }
    }
    Ok(())
}

/// A listener with identifiers in its AlbConfig is not searched for; Secrets are added after them, without doubles.
fn bind_certificates(
    inputs: &Inputs<'_>,
    prepared: &Prepared<'_>,
    listener: &mut ListenerModel,
    certificates: &mut BTreeMap<String, CertificateModel>,
) -> Result<(), String> {
    let ingress = prepared.ingress;
    let declared = ListenerSpec::all(&inputs.albconfig.spec)
        .any(|spec| spec.key().is_ok_and(|key| key == listener.key) && !spec.certificates().is_empty());
    let mut add = |reference: CertificateRef| {
        if !listener.certificates.contains(&reference) {
            listener.certificates.push(reference);
        }
    };
    if !declared {
        let secret_hosts: BTreeSet<&str> = inputs
            .stack
            .iter()
            .flat_map(|other| &other.spec.tls)
            .filter(|tls| !tls.secret_name.is_empty())
            .flat_map(|tls| &tls.hosts)
            .map(String::as_str)
            .collect();
        let searched: BTreeSet<&str> = if ingress.spec.tls.is_empty() {
            ingress.spec.rules.iter().map(|rule| rule.host.as_str()).filter(|host| !host.is_empty()).collect()
        } else {
            let bare = ingress.spec.tls.iter().filter(|tls| tls.secret_name.is_empty());
            bare.flat_map(|tls| &tls.hosts).map(String::as_str).collect()
        };
        for host in searched.difference(&secret_hosts) {
            let found = (inputs.discover)(host);
            if found.is_empty() {
                return Err(format!("none certificate found for host: {host}"));
            }
            found.into_iter().map(CertificateRef::Id).for_each(&mut add);
        }
    }
    for name in ingress.secrets() {
        let namespace = &ingress.meta.namespace;
        let secret =
            (inputs.secret)(&format!("{namespace}/{name}")).ok_or_else(|| format!("Secret \"{name}\" not found"))?;
        let digest = hex::encode(
            Sha1::new()
                .chain_update(inputs.cluster_id)
                .chain_update(&secret.certificate)
                .chain_update(&secret.key)
                .finalize(),
        );
        let digest: String = digest.chars().take(6).collect();
        let upload = format!("{namespace}-{name}-{digest}");
        add(CertificateRef::Upload(upload.clone()));
        certificates.insert(upload, CertificateModel { pem: secret.certificate, key: secret.key });
    }
    Ok(())
}

/// Judges the types of the AlbConfig, as the hosted controller does before it builds.
///
/// # Errors
///
/// The hosted controller's text.
pub(super) fn decode(albconfig: &AlbConfig) -> Result<(), BuildError> {
    albconfig::decode(&albconfig.spec, "")
        .map_err(|error| BuildError::new(None, format!("unmarshalling albconfig error: {error}")))
}
