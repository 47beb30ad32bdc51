//! The objects of the simulated load balancer service, as plain data.
//!
//! Created and changed by `cloud.rs` only; everyone else reads. Must hold no behaviour beyond naming and lookup. Field
//! names are those of the public ALB API reference.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Everything the account holds: load balancers, server groups and certificates, each by its id or name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AlbState {
    /// Load balancers by id.
    pub load_balancers: BTreeMap<String, LoadBalancer>,
    /// Server groups by id.
    pub server_groups: BTreeMap<String, ServerGroup>,
    /// Uploaded certificates by name.
    pub certificates: BTreeMap<String, Certificate>,
    /// The number in the next generated id.
    pub next_id: u64,
}

impl AlbState {
    /// The certificate with this identifier (`<digits>-<region>`).
    #[must_use]
    pub fn certificate_by_id(&self, id: &str) -> Option<&Certificate> {
        self.certificates.values().find(|certificate| certificate.cert_identifier == id)
    }
}

/// One `key=value` pair attached to an object of the cloud.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeyValue {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

impl KeyValue {
    /// A pair of the two texts.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

/// One zone of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ZoneMapping {
    /// The vSwitch the load balancer has its address in.
    #[serde(rename = "VSwitchId")]
    pub vswitch_id: String,
    /// The zone of that vSwitch.
    pub zone_id: String,
}

/// A load balancer instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LoadBalancer {
    /// `alb-…`.
    pub load_balancer_id: String,
    /// The display name.
    pub load_balancer_name: String,
    /// The host name clients are told to use.
    #[serde(rename = "DNSName")]
    pub dns_name: String,
    /// `Internet` or `Intranet`.
    pub address_type: String,
    /// `Fixed` or `Dynamic`.
    pub address_allocated_mode: String,
    /// `IPv4` or `DualStack`.
    pub address_ip_version: String,
    /// `Standard` or `StandardWithWaf`.
    pub load_balancer_edition: String,
    /// Always `Active` here: the sandbox's load balancer answers at once, the pauses are the controller's.
    pub load_balancer_status: String,
    /// Whether deletion is refused.
    pub deletion_protection_enabled: bool,
    /// The zones and vSwitches, as given at creation.
    pub zone_mappings: Vec<ZoneMapping>,
    /// Tags: who owns the instance.
    pub tags: Vec<KeyValue>,
    /// Listeners by port and protocol.
    #[serde(with = "listeners_as_list")]
    pub listeners: BTreeMap<ListenerKey, Listener>,
}

/// The protocol of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// Clear text HTTP/1.
    Http,
    /// TLS, HTTP/1 and HTTP/2.
    Https,
    /// HTTP/3; known to the model, not served by the sandbox.
    Quic,
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
            Self::Quic => "QUIC",
        })
    }
}

/// What identifies a listener on its load balancer; shown as `443/HTTPS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListenerKey {
    /// The port clients connect to.
    pub port: u16,
    /// The protocol spoken there.
    pub protocol: Protocol,
}

impl fmt::Display for ListenerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.port, self.protocol)
    }
}

/// A listener with its rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listener {
    /// `lsn-…`.
    pub listener_id: String,
    /// The port clients connect to.
    pub listener_port: u16,
    /// The protocol spoken there.
    pub listener_protocol: Protocol,
    /// `ingress-auto-listener-<port>` unless the user chose another text.
    pub listener_description: String,
    /// Whether HTTP/2 is offered (HTTPS only).
    pub http2_enabled: bool,
    /// Whether answers may be compressed; recorded, the sandbox never compresses.
    pub gzip_enabled: bool,
    /// Seconds of silence after which a client connection is closed.
    pub idle_timeout: u32,
    /// Seconds to wait for the first byte of an answer.
    pub request_timeout: u32,
    /// The TLS policy; empty for HTTP.
    pub security_policy_id: String,
    /// Server certificates; the default one first.
    pub certificates: Vec<ListenerCertificate>,
    /// Forwarded headers that are switched on, by the AlbConfig's field name.
    pub x_forwarded_for_config: BTreeMap<String, bool>,
    /// The group unmatched requests go to; an empty one, so they get 503.
    pub default_server_group_id: String,
    /// Rules in order of priority.
    pub rules: Vec<Rule>,
}

impl Listener {
    /// Port and protocol.
    #[must_use]
    pub fn key(&self) -> ListenerKey {
        ListenerKey { port: self.listener_port, protocol: self.listener_protocol }
    }
}

/// A certificate bound to a listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListenerCertificate {
    /// The certificate's identifier.
    pub certificate_id: String,
    /// Whether clients without a matching server name get this one.
    pub is_default: bool,
}

/// A forwarding rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Rule {
    /// `rule-…`; empty in a rule that is about to be created.
    pub rule_id: String,
    /// `rule-<port>-<n>`.
    pub rule_name: String,
    /// Lower comes first, first match wins.
    pub priority: u32,
    /// All of them must hold.
    pub rule_conditions: Vec<Condition>,
    /// In order; the last one is final.
    pub rule_actions: Vec<Action>,
}

/// A condition of a rule; the values of one condition are alternatives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "Type", rename_all_fields = "PascalCase")]
pub enum Condition {
    /// Authority without port; `*` and `?` are wildcards.
    Host {
        /// Alternatives.
        values: Vec<String>,
    },
    /// Path without query; `*` and `?` are wildcards, `~*` starts a regular expression.
    Path {
        /// Alternatives.
        values: Vec<String>,
    },
    /// One header with one of the values.
    Header {
        /// Header name.
        key: String,
        /// Alternatives.
        values: Vec<String>,
    },
    /// One of the cookies.
    Cookie {
        /// Alternatives.
        values: Vec<KeyValue>,
    },
    /// One of the query parameters.
    QueryString {
        /// Alternatives.
        values: Vec<KeyValue>,
    },
    /// One of the methods.
    Method {
        /// Alternatives.
        values: Vec<String>,
    },
    /// Client address in one of the networks.
    SourceIp {
        /// Alternatives.
        values: Vec<String>,
    },
}

/// One step of what a rule does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "Type", rename_all_fields = "PascalCase")]
pub enum Action {
    /// Forward to one of the groups, by weight.
    ForwardGroup {
        /// The groups.
        server_group_tuples: Vec<ForwardTarget>,
    },
    /// Answer with a redirect.
    Redirect {
        /// Where to.
        redirect_config: RedirectConfig,
    },
    /// Answer with a fixed text.
    FixedResponse {
        /// Media type.
        content_type: String,
        /// Body.
        content: String,
        /// Status.
        http_code: u16,
    },
    /// Add a request header.
    InsertHeader {
        /// Header name.
        key: String,
        /// Header value.
        value: String,
        /// Whether an existing value is replaced.
        cover_enabled: bool,
    },
    /// Remove a request header.
    RemoveHeader {
        /// Header name.
        key: String,
    },
    /// Limit requests per second; recorded, not enforced.
    TrafficLimit {
        /// Requests per second.
        qps: u32,
    },
    /// Cross-origin answers; recorded, not acted on: no gRPC client asks for them.
    Cors {
        /// The annotation values, by key.
        config: BTreeMap<String, String>,
    },
}

/// A server group of a forward action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ForwardTarget {
    /// The group's id.
    pub server_group_id: String,
    /// Its share.
    pub weight: u32,
}

/// The target of a redirect; `${host}`, `${path}`, `${query}`, `${port}` and `${protocol}` stand for the request's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RedirectConfig {
    /// Protocol.
    pub protocol: String,
    /// Host.
    pub host: String,
    /// Port.
    pub port: String,
    /// Path.
    pub path: String,
    /// Query.
    pub query: String,
    /// Status.
    pub http_code: u16,
}

/// The protocol spoken to the servers of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ServerGroupProtocol {
    /// Clear text HTTP/1.
    Http,
    /// HTTP/1 over TLS.
    Https,
    /// Clear text HTTP/2.
    Grpc,
}

/// A group of servers requests are spread over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServerGroup {
    /// `sgp-…`.
    pub server_group_id: String,
    /// `<namespace>-<service>-<port>`.
    pub server_group_name: String,
    /// Fixed at creation.
    pub protocol: ServerGroupProtocol,
    /// `Wrr`, `Wlc`, `Sch` or `Uch`.
    pub scheduler: String,
    /// Tags: which AlbConfig, Ingress, Service and port the group stands for.
    pub tags: Vec<KeyValue>,
    /// The servers.
    pub servers: Vec<Server>,
}

/// One server of a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Server {
    /// The member cluster the server runs in.
    pub cluster_id: String,
    /// Where it listens: the loopback address that stands for a node or Pod of that cluster.
    pub address: std::net::SocketAddr,
    /// Its share.
    pub weight: u32,
}

/// An uploaded certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Certificate {
    /// `<digits>-<region>`.
    pub cert_identifier: String,
    /// `<namespace>-<secret>-<6 hex digits>`.
    pub cert_name: String,
    /// The subject's common name.
    pub common_name: String,
    /// The DNS names it is for.
    pub sans: Vec<String>,
    /// The certificate chain.
    pub pem: String,
    /// The private key.
    pub key: PrivateKeyPem,
}

/// A private key in PEM form that no log can show. It is serialised as it is: a state file holding it must be private.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PrivateKeyPem(String);

impl PrivateKeyPem {
    /// Wraps the text.
    #[must_use]
    pub fn new(pem: String) -> Self {
        Self(pem)
    }

    /// The text, for the TLS stack.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivateKeyPem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PrivateKeyPem(…)")
    }
}

/// What is left in the account, by kind: the ids of instances, listeners and groups, the names of certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Inventory {
    /// Ids of load balancers.
    pub load_balancers: Vec<String>,
    /// Ids of listeners.
    pub listeners: Vec<String>,
    /// Ids of server groups.
    pub server_groups: Vec<String>,
    /// Names of certificates. The controller never deletes them, so they outlive their gateway.
    pub certificates: Vec<String>,
}

mod listeners_as_list {
    //! A map keyed by port and protocol is written as the list the ALB API shows.

    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Listener, ListenerKey};

    pub(super) fn serialize<S: Serializer>(
        listeners: &BTreeMap<ListenerKey, Listener>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(listeners.values())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<ListenerKey, Listener>, D::Error> {
        let list = Vec::<Listener>::deserialize(deserializer)?;
        Ok(list.into_iter().map(|listener| (listener.key(), listener)).collect())
    }
}
