//! The fields of an AlbConfig, each declared once: attribute, place in the object, codec, the controller's default.
//!
//! What is written, what is read back, which attribute a field belongs to, what means the same, and what replaces the load
//! balancer all follow from these rows. Pure. Facts: AlbConfig fields (ALB Ingress configuration dictionary) and the
//! fields of the open-source controller's types, which drop what they do not know.

use serde_json::{Map, Value as Json, json};

use crate::framework::path::Path;
use crate::framework::value::Value;
use crate::kubernetes::Compare;

/// How an attribute's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// Text.
    Text,
    /// A boolean.
    Switch,
    /// A whole number.
    Number,
    /// A list of texts without order.
    Texts,
    /// A list of networks without order.
    Networks,
    /// Networks in one text, parted by `;`.
    JoinedNetworks,
    /// A map as a list of `{key, value}`.
    Tags,
    /// Server certificates, the default one first.
    Certificates,
    /// Identifiers as a list of `{CertificateId}`.
    CertificateIds,
    /// Zone mappings, with fields of their own.
    ZoneMappings,
    /// This text beside whatever the attribute holds.
    Beside(&'static str),
}

/// What the controller takes for an absent field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DefaultOf {
    /// Nothing that is known.
    Nothing,
    /// A text.
    Text(&'static str),
    /// A number.
    Number(i64),
    /// A boolean.
    Switch(bool),
    /// `ingress-auto-listener-<port>`.
    ListenerDescription,
}

/// A field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Attribute names, from the gateway, listener or zone mapping down.
    pub(super) attribute: &'static [&'static str],
    /// JSON names, from `spec.config`, the listener or the zone mapping down.
    pub(super) json: &'static [&'static str],
    /// How it is written.
    pub(super) codec: Codec,
    /// The controller's default.
    pub(super) default: DefaultOf,
    /// Whether Go's zero value is a value of its own.
    pub(super) explicit_zero: bool,
    /// Whether the controller reads it only when it creates the load balancer.
    pub(super) creation_only: bool,
    /// Whether the open-source controller's types lack it, so that its rewrite of the object drops it.
    pub(super) newer: bool,
}

const fn row(attribute: &'static [&'static str], json: &'static [&'static str], codec: Codec) -> Row {
    Row {
        attribute,
        json,
        codec,
        default: DefaultOf::Nothing,
        explicit_zero: false,
        creation_only: false,
        newer: false,
    }
}

impl Row {
    const fn default(mut self, default: DefaultOf) -> Self {
        self.default = default;
        self
    }

    const fn explicit_zero(mut self) -> Self {
        self.explicit_zero = true;
        self
    }

    const fn creation_only(mut self) -> Self {
        self.creation_only = true;
        self
    }

    const fn newer(mut self) -> Self {
        self.newer = true;
        self
    }

    /// How values are compared.
    pub(super) const fn compare(&self) -> Compare {
        match self.codec {
            Codec::Text | Codec::Switch | Codec::ZoneMappings | Codec::Beside(_) => Compare::Exact,
            // The API server accepts text where a number belongs.
            Codec::Number => Compare::Number,
            Codec::Texts | Codec::Tags | Codec::CertificateIds => Compare::UnorderedSet,
            Codec::Networks | Codec::JoinedNetworks => Compare::Networks,
            Codec::Certificates => Compare::FirstAndOthers,
        }
    }

    /// The attribute's path below its section.
    pub(super) fn path(&self, section: &Path) -> Path {
        self.attribute.iter().fold(section.clone(), |path, name| path.attr(*name))
    }

    /// The attribute's value in its section.
    pub(super) fn value(&self, section: &Value) -> Value {
        self.attribute.iter().fold(section.clone(), |value, name| value.attr(name))
    }

    /// Puts a value at the attribute's place.
    pub(super) fn put(&self, section: &mut Value, value: Value) {
        put(section, self.attribute, value);
    }

    /// The attribute as it is written; `None` if nothing is.
    fn encode(&self, section: &Value) -> Option<Json> {
        let value = self.value(section);
        match (self.codec, &value) {
            (Codec::Text, Value::String(text)) => Some(Json::from(text.as_str())),
            (Codec::Switch, Value::Bool(truth)) => Some(Json::Bool(*truth)),
            (Codec::Number, Value::Number(number)) => number.to_i64().map(Json::from),
            (Codec::Texts | Codec::Networks, Value::List(list)) => filled(sorted(list).map(Json::from).collect()),
            (Codec::JoinedNetworks, Value::List(list)) => {
                let joined = sorted(list).collect::<Vec<_>>().join(";");
                (!joined.is_empty()).then(|| Json::from(joined))
            }
            // Also without entries: they replace all tags.
            (Codec::Tags, Value::Map(tags)) => Some(
                tags.iter()
                    .filter_map(|(key, value)| Some(json!({"key": key, "value": value.as_str()?})))
                    .collect::<Json>(),
            ),
            (Codec::Certificates, Value::List(list)) => filled(certificates(list)),
            (Codec::CertificateIds, Value::List(list)) => {
                filled(sorted(list).map(|id| json!({"CertificateId": id})).collect())
            }
            (Codec::ZoneMappings, Value::List(list)) => {
                Some(list.iter().filter(|mapping| !mapping.is_null()).map(|one| encode(ZONE, one)).collect())
            }
            (Codec::Beside(text), Value::Map(_)) => Some(Json::from(text)),
            _ => None,
        }
    }

    /// The attribute as read from a live section. Null and zero values are not set.
    fn decode(&self, section: &Json) -> Value {
        let Some(found) = self.json.iter().try_fold(section, |value, name| value.get(*name)) else {
            return Value::Null;
        };
        let elements = || found.as_array().filter(|list| !list.is_empty()).map(Vec::as_slice);
        let list = |values: Vec<Value>| if values.is_empty() { Value::Null } else { Value::List(values) };
        match self.codec {
            Codec::Text => found.as_str().filter(|text| !text.is_empty()).map_or(Value::Null, Value::string),
            Codec::Switch => match found.as_bool() {
                Some(true) => Value::Bool(true),
                Some(false) if self.explicit_zero => Value::Bool(false),
                Some(false) | None => Value::Null,
            },
            Codec::Number => number(found).map_or(Value::Null, Value::int),
            Codec::Texts | Codec::Networks => {
                list(elements().into_iter().flatten().filter_map(Json::as_str).map(Value::string).collect())
            }
            Codec::JoinedNetworks => {
                let parts = found.as_str().unwrap_or_default().split(';').map(str::trim);
                list(parts.filter(|part| !part.is_empty()).map(Value::string).collect())
            }
            Codec::Tags => elements().map_or(Value::Null, |tags| {
                let text = |tag: &Json, name: &str| tag.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
                Value::map(tags.iter().map(|tag| (text(tag, "key"), Value::string(text(tag, "value")))))
            }),
            Codec::Certificates => list(elements().into_iter().flatten().map(certificate).collect()),
            Codec::CertificateIds => {
                list(elements().into_iter().flatten().filter_map(certificate_id).map(Value::string).collect())
            }
            Codec::ZoneMappings => {
                list(elements().into_iter().flatten().map(|mapping| decode(ZONE, mapping)).collect())
            }
            Codec::Beside(_) => Value::Null,
        }
    }
}

/// The fields of `spec.config`.
pub(super) const CONFIG: &[Row] = &[
    row(&["load_balancer_name"], &["name"], Codec::Text),
    row(&["address_type"], &["addressType"], Codec::Text).default(DefaultOf::Text("Internet")).creation_only(),
    row(&["address_allocated_mode"], &["addressAllocatedMode"], Codec::Text)
        .default(DefaultOf::Text("Dynamic"))
        .creation_only(),
    row(&["address_ip_version"], &["addressIpVersion"], Codec::Text).default(DefaultOf::Text("IPv4")).creation_only(),
    row(&["ipv6_address_type"], &["ipv6AddressType"], Codec::Text).default(DefaultOf::Text("Intranet")),
    row(&["edition"], &["edition"], Codec::Text).default(DefaultOf::Text("Standard")),
    row(&["resource_group_id"], &["resourceGroupId"], Codec::Text),
    row(&["pay_type"], &["billingConfig", "payType"], Codec::Text).default(DefaultOf::Text("PostPay")).creation_only(),
    row(&["bandwidth_package_id"], &["billingConfig", "bandWidthPackageId"], Codec::Text),
    row(&["access_log", "project"], &["accessLogConfig", "logProject"], Codec::Text),
    row(&["access_log", "store"], &["accessLogConfig", "logStore"], Codec::Text),
    row(&["reuse", "load_balancer_id"], &["id"], Codec::Text).creation_only(),
    row(&["reuse", "force_override"], &["forceOverride"], Codec::Switch),
    row(&["reuse", "listener_force_override"], &["listenerForceOverride"], Codec::Switch),
    row(&["zone_mappings"], &["zoneMappings"], Codec::ZoneMappings).creation_only(),
    row(&["tags"], &["tags"], Codec::Tags),
];

/// The fields of an element of `spec.config.zoneMappings`.
pub(super) const ZONE: &[Row] = &[
    row(&["vswitch_id"], &["vSwitchId"], Codec::Text).creation_only(),
    row(&["zone_id"], &["zoneId"], Codec::Text),
    row(&["allocation_id"], &["allocationId"], Codec::Text).creation_only(),
];

/// The fields of an element of `spec.listeners`, without port and protocol.
pub(super) const LISTENER: &[Row] = &[
    row(&["description"], &["description"], Codec::Text).default(DefaultOf::ListenerDescription),
    row(&["idle_timeout"], &["idleTimeout"], Codec::Number),
    row(&["request_timeout"], &["requestTimeout"], Codec::Number).default(DefaultOf::Number(60)),
    row(&["gzip_enabled"], &["gzipEnabled"], Codec::Switch).default(DefaultOf::Switch(true)).explicit_zero(),
    row(&["http2_enabled"], &["http2Enabled"], Codec::Switch).default(DefaultOf::Switch(true)).explicit_zero(),
    row(&["security_policy_id"], &["securityPolicyId"], Codec::Text).default(DefaultOf::Text("tls_cipher_policy_1_0")),
    row(&["certificates"], &["certificates"], Codec::Certificates),
    row(&["default_certificate"], &["defaultCertificate", "kind"], Codec::Beside("CertIdentifier")).newer(),
    row(&["default_certificate", "certificate_id"], &["defaultCertificate", "certificateId"], Codec::Text).newer(),
    row(&["ca_enabled"], &["caEnabled"], Codec::Switch),
    row(&["ca_certificates"], &["caCertificates"], Codec::CertificateIds),
    row(&["quic", "upgrade_enabled"], &["quicConfig", "quicUpgradeEnabled"], Codec::Switch),
    row(&["quic", "listener_id"], &["quicConfig", "quicListenerId"], Codec::Text),
    forwarded(&["x_forwarded_for", "enabled"], &[XFF, "XForwardedForEnabled"]),
    forwarded(&["x_forwarded_for", "proto_enabled"], &[XFF, "XForwardedForProtoEnabled"]),
    forwarded(&["x_forwarded_for", "slb_id_enabled"], &[XFF, "XForwardedForSLBIdEnabled"]),
    forwarded(&["x_forwarded_for", "slb_port_enabled"], &[XFF, "XForwardedForSLBPortEnabled"]),
    forwarded(&["x_forwarded_for", "client_src_port_enabled"], &[XFF, "XForwardedForClientSrcPortEnabled"]),
    forwarded(
        &["x_forwarded_for", "client_cert_subject_dn_enabled"],
        &[XFF, "XForwardedForClientCertSubjectDNEnabled"],
    ),
    row(
        &["x_forwarded_for", "client_cert_subject_dn_alias"],
        &[XFF, "XForwardedForClientCertSubjectDNAlias"],
        Codec::Text,
    ),
    forwarded(&["x_forwarded_for", "client_cert_issuer_dn_enabled"], &[XFF, "XForwardedForClientCertIssuerDNEnabled"]),
    row(
        &["x_forwarded_for", "client_cert_issuer_dn_alias"],
        &[XFF, "XForwardedForClientCertIssuerDNAlias"],
        Codec::Text,
    ),
    forwarded(
        &["x_forwarded_for", "client_cert_fingerprint_enabled"],
        &[XFF, "XForwardedForClientCertFingerprintEnabled"],
    ),
    row(
        &["x_forwarded_for", "client_cert_fingerprint_alias"],
        &[XFF, "XForwardedForClientCertFingerprintAlias"],
        Codec::Text,
    ),
    forwarded(
        &["x_forwarded_for", "client_cert_client_verify_enabled"],
        &[XFF, "XForwardedForClientCertClientVerifyEnabled"],
    ),
    row(
        &["x_forwarded_for", "client_cert_client_verify_alias"],
        &[XFF, "XForwardedForClientCertClientVerifyAlias"],
        Codec::Text,
    ),
    forwarded(&["x_forwarded_for", "host_enabled"], &[XFF, "XForwardedForHostEnabled"]).newer(),
    row(&["x_forwarded_for", "processing_mode"], &[XFF, "XForwardedForProcessingMode"], Codec::Text)
        .default(DefaultOf::Text("append"))
        .newer(),
    forwarded(&["x_forwarded_for", "client_source_ips_enabled"], &[XFF, "XForwardedForClientSourceIpsEnabled"]).newer(),
    row(
        &["x_forwarded_for", "client_source_ips_trusted"],
        &[XFF, "XForwardedForClientSourceIpsTrusted"],
        Codec::JoinedNetworks,
    )
    .newer(),
    row(&["log", "custom_headers_enabled"], &[LOG, "accessLogRecordCustomizedHeadersEnabled"], Codec::Switch),
    row(
        &["log", "custom_headers_allow_disable"],
        &[LOG, "accessLogRecordCustomizedHeadersAllowDisable"],
        Codec::Switch,
    )
    .newer(),
    row(&["log", "tracing", "enabled"], &[LOG, TRACING, "tracingEnabled"], Codec::Switch),
    row(&["log", "tracing", "type"], &[LOG, TRACING, "tracingType"], Codec::Text),
    row(&["log", "tracing", "sample"], &[LOG, TRACING, "tracingSample"], Codec::Number),
    row(&["acl", "type"], &["aclConfig", "aclType"], Codec::Text),
    row(&["acl", "entries"], &["aclConfig", "aclEntries"], Codec::Networks),
    row(&["acl", "ids"], &["aclConfig", "aclIds"], Codec::Texts),
    row(&["acl", "name"], &["aclConfig", "aclName"], Codec::Text),
    row(&["tags"], &["tags"], Codec::Tags).newer(),
];

const XFF: &str = "xForwardedForConfig";
const LOG: &str = "logConfig";
const TRACING: &str = "accessLogTracingConfig";

const fn forwarded(attribute: &'static [&'static str], json: &'static [&'static str]) -> Row {
    row(attribute, json, Codec::Switch)
}

/// A section as it is written.
pub(super) fn encode(rows: &[Row], section: &Value) -> Json {
    let mut whole = Json::Object(Map::new());
    for row in rows {
        if let Some(value) = row.encode(section) {
            put_json(&mut whole, row.json, value);
        }
    }
    whole
}

/// The attributes of a section as read from the live one. Objects without any set field are null.
pub(super) fn decode(rows: &[Row], section: &Json) -> Value {
    let mut whole = Value::Map(std::collections::BTreeMap::new());
    for row in rows {
        let value = row.decode(section);
        if !value.is_null() {
            row.put(&mut whole, value);
        }
    }
    whole
}

fn put(whole: &mut Value, path: &[&str], value: Value) {
    match path {
        [] => *whole = value,
        [name, rest @ ..] => {
            let mut inner = whole.attr(name);
            // Nothing is put into an object that is not there.
            if !value.is_null() || rest.is_empty() || inner.as_map().is_some() {
                put(&mut inner, rest, value);
                whole.set(name, inner);
            }
        }
    }
}

fn put_json(whole: &mut Json, path: &[&str], value: Json) {
    match path {
        [] => *whole = value,
        [name, rest @ ..] => {
            if let Some(fields) = whole.as_object_mut() {
                let inner = fields.entry((*name).to_owned()).or_insert_with(|| Json::Object(Map::new()));
                put_json(inner, rest, value);
            }
        }
    }
}

/// The hosted controller fails on empty lists.
fn filled(list: Json) -> Option<Json> {
    Some(list).filter(|list| list.as_array().is_some_and(|list| !list.is_empty()))
}

fn sorted(list: &[Value]) -> impl Iterator<Item = &str> {
    let mut texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
    texts.sort_unstable();
    texts.into_iter()
}

/// The certificates, the default one first: the open-source controller makes the first the default, whatever is marked.
pub(super) fn certificates(list: &[Value]) -> Json {
    let is_default = |certificate: &&Value| certificate.attr("default").as_bool() == Some(true);
    let (mut first, rest): (Vec<&Value>, Vec<&Value>) =
        list.iter().filter(|certificate| !certificate.is_null()).partition(is_default);
    first.extend(rest);
    first
        .into_iter()
        .map(|certificate| {
            let mut written = Map::new();
            if let Some(id) = certificate.attr("certificate_id").as_str() {
                written.insert("CertificateId".to_owned(), Json::from(id));
            }
            if is_default(&certificate) {
                written.insert("IsDefault".to_owned(), Json::Bool(true));
            }
            Json::Object(written)
        })
        .collect()
}

fn certificate(certificate: &Json) -> Value {
    let default = certificate.get("IsDefault").and_then(Json::as_bool).filter(|default| *default);
    Value::map([
        ("certificate_id", certificate_id(certificate).map_or(Value::Null, Value::string)),
        ("default", default.map_or(Value::Null, Value::Bool)),
    ])
}

fn certificate_id(certificate: &Json) -> Option<&str> {
    certificate.get("CertificateId").and_then(Json::as_str).filter(|id| !id.is_empty())
}

/// A number that is not zero, also as text.
pub(super) fn number(value: &Json) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number| *number != 0)
}
