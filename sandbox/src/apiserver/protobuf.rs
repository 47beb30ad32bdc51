//! Request bodies in the Kubernetes protobuf form, which typed Go clients (kubectl's `create` among them) send.
//!
//! Only reading, and only for the kinds those clients send here; answers are JSON, which such clients accept too. Field
//! numbers are those of the `generated.proto` files published with the Kubernetes API types.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::meta;

/// What every body starts with.
const MAGIC: &[u8] = b"k8s\0";

/// The kind of a field's value.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Integer,
    Boolean,
    Time,
    IntOrText,
    /// A map from string to string.
    TextMap,
    /// A map from string to bytes.
    ByteMap,
    Message(&'static [Field]),
    /// A message whose fields belong to the parent in JSON.
    Inline(&'static [Field]),
    TextList,
    MessageList(&'static [Field]),
}

type Field = (u64, &'static str, Kind);

use Kind::{Boolean, ByteMap, Inline, IntOrText, Integer, Message, MessageList, Text, TextList, TextMap, Time};

const OWNER: &[Field] = &[
    (1, "kind", Text),
    (3, "name", Text),
    (4, "uid", Text),
    (5, "apiVersion", Text),
    (6, "controller", Boolean),
    (7, "blockOwnerDeletion", Boolean),
];
const METADATA: &[Field] = &[
    (1, "name", Text),
    (2, "generateName", Text),
    (3, "namespace", Text),
    (5, "uid", Text),
    (6, "resourceVersion", Text),
    (7, "generation", Integer),
    (8, "creationTimestamp", Time),
    (9, "deletionTimestamp", Time),
    (10, "deletionGracePeriodSeconds", Integer),
    (11, "labels", TextMap),
    (12, "annotations", TextMap),
    (13, "ownerReferences", MessageList(OWNER)),
    (14, "finalizers", TextList),
];
const REFERENCE: &[Field] = &[
    (1, "kind", Text),
    (2, "namespace", Text),
    (3, "name", Text),
    (4, "uid", Text),
    (5, "apiVersion", Text),
    (6, "resourceVersion", Text),
    (7, "fieldPath", Text),
];
const NAMESPACE: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (2, "spec", Message(&[(1, "finalizers", TextList)])),
    (3, "status", Message(&[(1, "phase", Text)])),
];
const SECRET: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (2, "data", ByteMap),
    (3, "type", Text),
    (4, "stringData", TextMap),
    (5, "immutable", Boolean),
];
const CONFIG_MAP: &[Field] =
    &[(1, "metadata", Message(METADATA)), (2, "data", TextMap), (3, "binaryData", ByteMap), (4, "immutable", Boolean)];
const SERVICE_ACCOUNT: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (2, "secrets", MessageList(REFERENCE)),
    (3, "imagePullSecrets", MessageList(&[(1, "name", Text)])),
    (4, "automountServiceAccountToken", Boolean),
];
const EVENT: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (2, "involvedObject", Message(REFERENCE)),
    (3, "reason", Text),
    (4, "message", Text),
    (5, "source", Message(&[(1, "component", Text), (2, "host", Text)])),
    (6, "firstTimestamp", Time),
    (7, "lastTimestamp", Time),
    (8, "count", Integer),
    (9, "type", Text),
    (10, "eventTime", Time),
    (11, "series", Message(&[(1, "count", Integer), (2, "lastObservedTime", Time)])),
    (12, "action", Text),
    (13, "related", Message(REFERENCE)),
    (14, "reportingComponent", Text),
    (15, "reportingInstance", Text),
];
const SERVICE_PORT: &[Field] = &[
    (1, "name", Text),
    (2, "protocol", Text),
    (3, "port", Integer),
    (4, "targetPort", IntOrText),
    (5, "nodePort", Integer),
    (6, "appProtocol", Text),
];
const LOAD_BALANCER: &[Field] = &[(1, "ingress", MessageList(&[(1, "ip", Text), (2, "hostname", Text)]))];
const SERVICE: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (
        2,
        "spec",
        Message(&[
            (1, "ports", MessageList(SERVICE_PORT)),
            (2, "selector", TextMap),
            (3, "clusterIP", Text),
            (4, "type", Text),
            (5, "externalIPs", TextList),
            (7, "sessionAffinity", Text),
            (8, "loadBalancerIP", Text),
            (9, "loadBalancerSourceRanges", TextList),
            (10, "externalName", Text),
            (11, "externalTrafficPolicy", Text),
            (12, "healthCheckNodePort", Integer),
            (13, "publishNotReadyAddresses", Boolean),
            (17, "ipFamilyPolicy", Text),
            (18, "clusterIPs", TextList),
            (19, "ipFamilies", TextList),
            (20, "allocateLoadBalancerNodePorts", Boolean),
            (21, "loadBalancerClass", Text),
            (22, "internalTrafficPolicy", Text),
        ]),
    ),
    (3, "status", Message(&[(1, "loadBalancer", Message(LOAD_BALANCER))])),
];
const BACKEND: &[Field] = &[
    (3, "resource", Message(&[(1, "apiGroup", Text), (2, "kind", Text), (3, "name", Text)])),
    (4, "service", Message(&[(1, "name", Text), (2, "port", Message(&[(1, "name", Text), (2, "number", Integer)]))])),
];
const RULE_VALUE: &[Field] = &[(
    1,
    "http",
    Message(&[(
        1,
        "paths",
        MessageList(&[(1, "path", Text), (2, "backend", Message(BACKEND)), (3, "pathType", Text)]),
    )]),
)];
const INGRESS: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (
        2,
        "spec",
        Message(&[
            (1, "defaultBackend", Message(BACKEND)),
            (2, "tls", MessageList(&[(1, "hosts", TextList), (2, "secretName", Text)])),
            (3, "rules", MessageList(&[(1, "host", Text), (2, "", Inline(RULE_VALUE))])),
            (4, "ingressClassName", Text),
        ]),
    ),
    (3, "status", Message(&[(1, "loadBalancer", Message(LOAD_BALANCER))])),
];
const LEASE: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (
        2,
        "spec",
        Message(&[
            (1, "holderIdentity", Text),
            (2, "leaseDurationSeconds", Integer),
            (3, "acquireTime", Time),
            (4, "renewTime", Time),
            (5, "leaseTransitions", Integer),
        ]),
    ),
];
const ACCESS_REVIEW: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (
        2,
        "spec",
        Message(&[
            (
                1,
                "resourceAttributes",
                Message(&[
                    (1, "namespace", Text),
                    (2, "verb", Text),
                    (3, "group", Text),
                    (4, "version", Text),
                    (5, "resource", Text),
                    (6, "subresource", Text),
                    (7, "name", Text),
                ]),
            ),
            (2, "nonResourceAttributes", Message(&[(1, "path", Text), (2, "verb", Text)])),
        ]),
    ),
];
const RULES_REVIEW: &[Field] = &[(1, "metadata", Message(METADATA)), (2, "spec", Message(&[(1, "namespace", Text)]))];
const SELF_REVIEW: &[Field] = &[(1, "metadata", Message(METADATA))];
const DELETE_OPTIONS: &[Field] = &[
    (1, "gracePeriodSeconds", Integer),
    (2, "preconditions", Message(&[(1, "uid", Text), (2, "resourceVersion", Text)])),
    (3, "orphanDependents", Boolean),
    (4, "propagationPolicy", Text),
    (5, "dryRun", TextList),
];

fn fields_of(kind: &str) -> Option<&'static [Field]> {
    Some(match kind {
        "Namespace" => NAMESPACE,
        "Secret" => SECRET,
        "ConfigMap" => CONFIG_MAP,
        "ServiceAccount" => SERVICE_ACCOUNT,
        "Event" => EVENT,
        "Service" => SERVICE,
        "Ingress" => INGRESS,
        "Lease" => LEASE,
        "SelfSubjectAccessReview" => ACCESS_REVIEW,
        "SelfSubjectRulesReview" => RULES_REVIEW,
        "SelfSubjectReview" => SELF_REVIEW,
        "DeleteOptions" => DELETE_OPTIONS,
        _ => return None,
    })
}

/// Reads a body; `None` if it is malformed or of a kind not known here.
pub(crate) fn decode(bytes: &[u8]) -> Option<Value> {
    let mut api_version = String::new();
    let mut kind = String::new();
    let mut raw: &[u8] = &[];
    for (number, value) in entries(bytes.strip_prefix(MAGIC)?)? {
        match (number, value) {
            (1, Wire::Bytes(inner)) => {
                for (number, value) in entries(inner)? {
                    match (number, value) {
                        (1, Wire::Bytes(text)) => api_version = text_of(text)?,
                        (2, Wire::Bytes(text)) => kind = text_of(text)?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(inner)) => raw = inner,
            _ => {}
        }
    }
    let mut object = message(fields_of(&kind)?, raw)?;
    object.insert("apiVersion".to_owned(), json!(api_version));
    object.insert("kind".to_owned(), json!(kind));
    Some(Value::Object(object))
}

enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn entries(mut bytes: &[u8]) -> Option<Vec<(u64, Wire<'_>)>> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let skip = |bytes: &mut &[u8], size: usize| -> Option<()> {
            *bytes = bytes.get(size..)?;
            Some(())
        };
        match tag & 7 {
            0 => out.push((tag >> 3, Wire::Number(varint(&mut bytes)?))),
            1 => skip(&mut bytes, 8)?,
            2 => {
                let size = usize::try_from(varint(&mut bytes)?).ok()?;
                out.push((tag >> 3, Wire::Bytes(bytes.get(..size)?)));
                skip(&mut bytes, size)?;
            }
            5 => skip(&mut bytes, 4)?,
            _ => return None,
        }
    }
    Some(out)
}

fn text_of(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

fn message(fields: &[Field], bytes: &[u8]) -> Option<Map<String, Value>> {
    let mut out = Map::new();
    for (number, value) in entries(bytes)? {
        let Some((_, name, kind)) = fields.iter().find(|(own, _, _)| *own == number) else { continue };
        match (kind, value) {
            (Inline(inner), Wire::Bytes(bytes)) => out.extend(message(inner, bytes)?),
            (TextMap | ByteMap, Wire::Bytes(bytes)) => {
                let (mut key, mut item): (String, &[u8]) = (String::new(), &[]);
                for (number, part) in entries(bytes)? {
                    match (number, part) {
                        (1, Wire::Bytes(text)) => key = text_of(text)?,
                        (2, Wire::Bytes(bytes)) => item = bytes,
                        _ => {}
                    }
                }
                let item = if matches!(kind, ByteMap) { STANDARD.encode(item) } else { text_of(item)? };
                if let Some(map) = out.entry((*name).to_owned()).or_insert_with(|| json!({})).as_object_mut() {
                    map.insert(key, json!(item));
                }
            }
            (TextList | MessageList(_), Wire::Bytes(bytes)) => {
                let item = match kind {
                    MessageList(inner) => Value::Object(message(inner, bytes)?),
                    _ => json!(text_of(bytes)?),
                };
                if let Some(list) = out.entry((*name).to_owned()).or_insert_with(|| json!([])).as_array_mut() {
                    list.push(item);
                }
            }
            (kind, value) => {
                if let Some(value) = single(*kind, &value)? {
                    out.insert((*name).to_owned(), value);
                }
            }
        }
    }
    Some(out)
}

/// The outer `None` is malformed, the inner one unset.
fn single(kind: Kind, value: &Wire<'_>) -> Option<Option<Value>> {
    Some(Some(match (kind, value) {
        (Text, Wire::Bytes(bytes)) => json!(text_of(bytes)?),
        // Integers are two's complement in 64 bits, also the 32-bit ones.
        (Integer, Wire::Number(number)) => json!(number.cast_signed()),
        (Boolean, Wire::Number(number)) => json!(*number != 0),
        (Message(fields), Wire::Bytes(bytes)) => Value::Object(message(fields, bytes)?),
        (Time, Wire::Bytes(bytes)) => {
            let parts = message(&[(1, "seconds", Integer), (2, "nanos", Integer)], bytes)?;
            let parts = Value::Object(parts);
            let seconds = meta::integer(&parts, &["seconds"]);
            let nanos = i32::try_from(meta::integer(&parts, &["nanos"])).ok()?;
            // The zero time of Go stands for "not set".
            if seconds <= -62_135_596_800 || parts.as_object().is_some_and(Map::is_empty) {
                return Some(None);
            }
            json!(Timestamp::new(seconds, nanos).ok()?.to_string())
        }
        (IntOrText, Wire::Bytes(bytes)) => {
            let parts = Value::Object(message(&[(1, "type", Integer), (2, "int", Integer), (3, "text", Text)], bytes)?);
            if meta::integer(&parts, &["type"]) == 0 {
                json!(meta::integer(&parts, &["int"]))
            } else {
                json!(meta::text(&parts, &["text"]))
            }
        }
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![(number << 3) | 2, u8::try_from(bytes.len()).expect("short")];
        out.extend_from_slice(bytes);
        out
    }

    #[test]
    fn a_secret_reads_as_its_json_form() {
        let metadata = [field(1, b"s"), field(11, &[field(1, b"team"), field(2, b"pay")].concat())].concat();
        let raw = [field(1, &metadata), field(2, &[field(1, b"k"), field(2, &[0, 1])].concat()), field(3, b"Opaque")];
        let kind = [field(1, b"v1"), field(2, b"Secret")].concat();
        let body = [MAGIC.to_vec(), field(1, &kind), field(2, &raw.concat())].concat();
        let wanted = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"k": "AAE="},
            "metadata": {"name": "s", "labels": {"team": "pay"}},
        });
        assert_eq!(decode(&body), Some(wanted));
        assert_eq!(decode(body.get(..body.len() - 1).expect("part")), None, "a cut body is malformed");
    }
}
