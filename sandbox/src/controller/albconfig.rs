//! The AlbConfig as the controller's Go types see it: strict decoding, reading, and the whole-spec rewrite.
//!
//! The API server accepts any shape, so types are judged here, with the texts of Go's `encoding/json`. The table below
//! is the public Go type of the open-source controller (`AlbConfigSpec`); it drives decoding and the zero values that
//! controller writes back. Pure; must never talk to anything.

use serde_json::{Map, Value, json};

use crate::alb::{ListenerKey, Protocol};

/// The type of a field, as Go's decoder and encoder treat it.
#[derive(Debug)]
enum Shape {
    /// `string`, zero `""`.
    Text,
    /// `bool`, zero `false`.
    Switch,
    /// `*bool`, zero `null`.
    OptionalSwitch,
    /// `int`, zero `0`.
    Number,
    /// `intstr.IntOrString`, zero `0`.
    IntOrText,
    /// A struct, zero: all fields zero.
    Struct(&'static Struct),
    /// A slice, zero `null`.
    List(&'static Shape),
}

#[derive(Debug)]
struct Struct {
    name: &'static str,
    fields: &'static [(&'static str, Shape)],
}

use Shape::{IntOrText, List, Number, OptionalSwitch, Switch, Text};

static TAG: Struct = Struct { name: "Tag", fields: &[("key", Text), ("value", Text)] };
static ACCESS_LOG: Struct = Struct { name: "AccessLogConfig", fields: &[("logProject", Text), ("logStore", Text)] };
static BILLING: Struct = Struct {
    name: "BillingConfig",
    fields: &[
        ("bandWidthPackageId", Text),
        ("internetBandwidth", Number),
        ("internetChargeType", Text),
        ("payType", Text),
    ],
};
static MODIFICATION: Struct =
    Struct { name: "ModificationProtectionConfig", fields: &[("reason", Text), ("status", Text)] };
static ZONE_MAPPING: Struct = Struct {
    name: "ZoneMapping",
    fields: &[("allocationId", Text), ("eipType", Text), ("vSwitchId", Text), ("zoneId", Text)],
};
static CONFIG: Struct = Struct {
    name: "LoadBalancerSpec",
    fields: &[
        ("accessLogConfig", Shape::Struct(&ACCESS_LOG)),
        ("addressAllocatedMode", Text),
        ("addressIpVersion", Text),
        ("addressType", Text),
        ("billingConfig", Shape::Struct(&BILLING)),
        ("deletionProtectionEnabled", OptionalSwitch),
        ("edition", Text),
        ("forceOverride", OptionalSwitch),
        ("id", Text),
        ("ipv6AddressType", Text),
        ("listenerForceOverride", OptionalSwitch),
        ("modificationProtectionConfig", Shape::Struct(&MODIFICATION)),
        ("name", Text),
        ("resourceGroupId", Text),
        ("tags", List(&Shape::Struct(&TAG))),
        ("zoneMappings", List(&Shape::Struct(&ZONE_MAPPING))),
    ],
};
static ACL: Struct = Struct {
    name: "AclConfig",
    fields: &[("aclEntries", List(&Text)), ("aclIds", List(&Text)), ("aclName", Text), ("aclType", Text)],
};
static CERTIFICATE: Struct = Struct { name: "Certificate", fields: &[("CertificateId", Text), ("IsDefault", Switch)] };
static TRACING: Struct = Struct {
    name: "AccessLogTracingConfig",
    fields: &[("tracingEnabled", Switch), ("tracingSample", Number), ("tracingType", Text)],
};
static LOG: Struct = Struct {
    name: "LogConfig",
    fields: &[("accessLogRecordCustomizedHeadersEnabled", Switch), ("accessLogTracingConfig", Shape::Struct(&TRACING))],
};
static QUIC: Struct =
    Struct { name: "QuicConfig", fields: &[("quicListenerId", Text), ("quicUpgradeEnabled", Switch)] };
static FORWARDED: Struct = Struct {
    name: "XForwardedForConfig",
    fields: &[
        ("XForwardedForClientCertClientVerifyAlias", Text),
        ("XForwardedForClientCertClientVerifyEnabled", Switch),
        ("XForwardedForClientCertFingerprintAlias", Text),
        ("XForwardedForClientCertFingerprintEnabled", Switch),
        ("XForwardedForClientCertIssuerDNAlias", Text),
        ("XForwardedForClientCertIssuerDNEnabled", Switch),
        ("XForwardedForClientCertSubjectDNAlias", Text),
        ("XForwardedForClientCertSubjectDNEnabled", Switch),
        ("XForwardedForClientSrcPortEnabled", Switch),
        ("XForwardedForEnabled", Switch),
        ("XForwardedForProtoEnabled", Switch),
        ("XForwardedForSLBIdEnabled", Switch),
        ("XForwardedForSLBPortEnabled", Switch),
    ],
};
static DEFAULT_ACTION: Struct = Struct { name: "Action", fields: &[("type", Text)] };
static LISTENER: Struct = Struct {
    name: "ListenerSpec",
    fields: &[
        ("aclConfig", Shape::Struct(&ACL)),
        ("caCertificates", List(&Shape::Struct(&CERTIFICATE))),
        ("caEnabled", Switch),
        ("certificates", List(&Shape::Struct(&CERTIFICATE))),
        ("defaultActions", List(&Shape::Struct(&DEFAULT_ACTION))),
        ("description", Text),
        ("gzipEnabled", OptionalSwitch),
        ("http2Enabled", OptionalSwitch),
        ("idleTimeout", Number),
        ("loadBalancerId", Text),
        ("logConfig", Shape::Struct(&LOG)),
        ("port", IntOrText),
        ("protocol", Text),
        ("quicConfig", Shape::Struct(&QUIC)),
        ("requestTimeout", Number),
        ("securityPolicyId", Text),
        ("xForwardedForConfig", Shape::Struct(&FORWARDED)),
    ],
};
static SPEC: Struct = Struct {
    name: "AlbConfigSpec",
    fields: &[("config", Shape::Struct(&CONFIG)), ("listeners", List(&Shape::Struct(&LISTENER)))],
};

/// Judges the types of a `spec`. `prefix` is the path of `spec` in the document that is decoded: `items.spec.` in a
/// list, empty when the object is decoded by itself.
///
/// # Errors
///
/// The text of Go's decoder for the first field of a wrong type.
pub(super) fn decode(spec: &Value, prefix: &str) -> Result<(), String> {
    check(spec, &Shape::Struct(&SPEC), prefix, "", "AlbConfig")
}

fn check(value: &Value, shape: &Shape, prefix: &str, path: &str, owner: &str) -> Result<(), String> {
    let wrong = |kind: &str| {
        let found = match value {
            Value::Null => "null".to_owned(),
            Value::Bool(_) => "bool".to_owned(),
            Value::Number(number) if kind == "int" => format!("number {number}"),
            Value::Number(_) => "number".to_owned(),
            Value::String(_) => "string".to_owned(),
            Value::Array(_) => "array".to_owned(),
            Value::Object(_) => "object".to_owned(),
        };
        Err(format!("json: cannot unmarshal {found} into Go struct field {owner}.{prefix}{path} of type {kind}"))
    };
    match (shape, value) {
        (_, Value::Null)
        | (Text, Value::String(_))
        | (Switch | OptionalSwitch, Value::Bool(_))
        | (IntOrText, Value::String(_)) => Ok(()),
        (Number | IntOrText, Value::Number(number)) if number.as_i64().is_some() => Ok(()),
        (Shape::Struct(inner), Value::Object(object)) => inner.fields.iter().try_for_each(|(name, shape)| {
            let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
            object.get(*name).map_or(Ok(()), |value| check(value, shape, prefix, &path, inner.name))
        }),
        (List(inner), Value::Array(items)) => items.iter().try_for_each(|item| check(item, inner, prefix, path, owner)),
        _ => wrong(&kind_of(shape)),
    }
}

fn kind_of(shape: &Shape) -> String {
    match shape {
        Text => "string".to_owned(),
        Switch | OptionalSwitch => "bool".to_owned(),
        Number => "int".to_owned(),
        IntOrText => "intstr.IntOrString".to_owned(),
        Shape::Struct(inner) => format!("v1.{}", inner.name),
        List(inner) => match inner {
            Shape::Struct(inner) => format!("[]*v1.{}", inner.name),
            _ => format!("[]{}", kind_of(inner)),
        },
    }
}

/// The `spec` as Go's encoder writes it back: every field of the type, zero values and nulls for those that were
/// absent, and nothing the type does not know.
pub(super) fn complete(spec: &Value) -> Value {
    encode(Some(spec), &Shape::Struct(&SPEC))
}

fn encode(value: Option<&Value>, shape: &Shape) -> Value {
    let value = value.filter(|value| !value.is_null());
    match shape {
        Text => value.cloned().unwrap_or_else(|| json!("")),
        Switch => value.cloned().unwrap_or(Value::Bool(false)),
        OptionalSwitch => value.cloned().unwrap_or(Value::Null),
        Number | IntOrText => value.cloned().unwrap_or_else(|| json!(0)),
        Shape::Struct(inner) => Value::Object(
            inner
                .fields
                .iter()
                .map(|(name, shape)| ((*name).to_owned(), encode(value.and_then(|value| value.get(*name)), shape)))
                .collect::<Map<_, _>>(),
        ),
        List(inner) => match value.and_then(Value::as_array) {
            Some(items) => items.iter().map(|item| encode(Some(item), inner)).collect(),
            None => Value::Null,
        },
    }
}

/// A listener of `spec.listeners`, read leniently: decoding was judged before.
#[derive(Debug, Clone)]
pub(super) struct ListenerSpec<'v>(pub(super) &'v Value);

impl<'v> ListenerSpec<'v> {
    /// All listeners of a spec.
    pub(super) fn all(spec: &'v Value) -> impl Iterator<Item = ListenerSpec<'v>> {
        spec.get("listeners").and_then(Value::as_array).into_iter().flatten().map(ListenerSpec)
    }

    /// The port: a number or a numeric text, 80 for zero.
    pub(super) fn port(&self) -> i64 {
        let port = match self.0.get("port") {
            Some(Value::String(text)) => text.parse().unwrap_or(0),
            Some(value) => value.as_i64().unwrap_or(0),
            None => 0,
        };
        if port == 0 { 80 } else { port }
    }

    /// The protocol as written, `HTTP` when absent.
    pub(super) fn protocol(&self) -> &'v str {
        match self.0.get("protocol").and_then(Value::as_str) {
            Some(protocol) if !protocol.is_empty() => protocol,
            _ => "HTTP",
        }
    }

    /// Port and protocol.
    ///
    /// # Errors
    ///
    /// The controller's text for a port or protocol it does not take.
    pub(super) fn key(&self) -> Result<ListenerKey, String> {
        let port = self.port();
        let number = u16::try_from(port).ok().filter(|port| *port > 0);
        let Some(port) = number else { return Err(format!("invalid listener port: {port}")) };
        let protocol =
            protocol(self.protocol()).ok_or_else(|| format!("invalid listener protocol: {}", self.protocol()))?;
        Ok(ListenerKey { port, protocol })
    }

    /// A text field, empty when absent.
    pub(super) fn text(&self, field: &str) -> &'v str {
        text(self.0, field)
    }

    /// A boolean field, `None` when absent or null.
    pub(super) fn switch(&self, field: &str) -> Option<bool> {
        self.0.get(field).and_then(Value::as_bool)
    }

    /// A number field, zero when absent.
    pub(super) fn number(&self, field: &str) -> i64 {
        self.0.get(field).and_then(Value::as_i64).unwrap_or(0)
    }

    /// The identifier of `defaultCertificate`, which hosted builds of 2.18 and later know.
    pub(super) fn default_certificate(&self) -> Option<&'v str> {
        let certificate = self.0.get("defaultCertificate")?;
        Some(text(certificate, "certificateId"))
            .filter(|id| !id.is_empty() && text(certificate, "kind") == "CertIdentifier")
    }

    /// Identifiers of `certificates[]`, in order.
    pub(super) fn certificates(&self) -> Vec<String> {
        let items = self.0.get("certificates").and_then(Value::as_array).into_iter().flatten();
        items.map(|item| text(item, "CertificateId").to_owned()).filter(|id| !id.is_empty()).collect()
    }
}

/// A protocol by its name; creation accepts any case.
pub(super) fn protocol(name: &str) -> Option<Protocol> {
    match name.to_ascii_uppercase().as_str() {
        "HTTP" => Some(Protocol::Http),
        "HTTPS" => Some(Protocol::Https),
        "QUIC" => Some(Protocol::Quic),
        _ => None,
    }
}

/// A text field of an object, empty when absent.
pub(super) fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// What a listener that an Ingress asked for looks like before it is completed.
pub(super) fn bare_listener(key: ListenerKey) -> Value {
    json!({"port": key.port, "protocol": key.protocol.to_string()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l2_the_list_decoder_names_the_field_from_items_down() {
        let spec = json!({"listeners": [{"port": 443, "protocol": "HTTPS", "gzipEnabled": "on"}]});
        assert_eq!(
            decode(&spec, "items.spec.").expect_err("wrong type"),
            "json: cannot unmarshal string into Go struct field ListenerSpec.items.spec.listeners.gzipEnabled of type bool"
        );
    }

    #[test]
    fn the_hosted_decoder_names_the_field_from_spec_down() {
        for (spec, text) in [
            (
                json!({"listeners": [{"caEnabled": "true"}]}),
                "json: cannot unmarshal string into Go struct field ListenerSpec.listeners.caEnabled of type bool",
            ),
            (
                json!({"listeners": [{"certificates": [{"IsDefault": "true"}]}]}),
                "json: cannot unmarshal string into Go struct field Certificate.listeners.certificates.IsDefault of type bool",
            ),
            (
                json!({"listeners": [{"logConfig": {"accessLogTracingConfig": true}}]}),
                "json: cannot unmarshal bool into Go struct field LogConfig.listeners.logConfig.accessLogTracingConfig of type \
                 v1.AccessLogTracingConfig",
            ),
        ] {
            assert_eq!(decode(&spec, "").expect_err("wrong type"), text);
        }
    }

    #[test]
    fn a_default_certificate_counts_by_its_kind() {
        let of = |kind: &str| json!({"defaultCertificate": {"kind": kind, "certificateId": "1-cn-hangzhou"}});
        assert_eq!(ListenerSpec(&of("CertIdentifier")).default_certificate(), Some("1-cn-hangzhou"));
        assert_eq!(ListenerSpec(&of("Secret")).default_certificate(), None);
        assert_eq!(ListenerSpec(&json!({})).default_certificate(), None);
    }

    #[test]
    fn nulls_and_unknown_fields_decode() {
        assert_eq!(decode(&json!({"config": null, "listeners": [{"gzipEnabled": null, "new": 1}]}), ""), Ok(()));
    }

    #[test]
    fn k_the_rewrite_writes_nulls_and_zero_values_and_is_stable() {
        let spec = json!({
            "config": {"name": "one-alb-demo", "addressType": "Internet", "addressAllocatedMode": "Fixed",
                "zoneMappings": [{"vSwitchId": "vsw-oracle-h"}]},
            "listeners": [{"port": 8001, "protocol": "HTTP"}],
        });
        let full = complete(&spec);
        assert_eq!(
            full["config"]["zoneMappings"][0],
            json!({"allocationId": "", "eipType": "", "vSwitchId": "vsw-oracle-h", "zoneId": ""})
        );
        assert_eq!(full["config"]["tags"], Value::Null);
        assert_eq!(full["config"]["billingConfig"]["internetBandwidth"], json!(0));
        let listener = full["listeners"][0].as_object().expect("listener");
        assert_eq!(listener.len(), 17, "{listener:?}");
        assert_eq!(listener["aclConfig"], json!({"aclEntries": null, "aclIds": null, "aclName": "", "aclType": ""}));
        assert_eq!((&listener["gzipEnabled"], &listener["caEnabled"]), (&Value::Null, &json!(false)));
        assert_eq!(complete(&full), full);
    }
}
