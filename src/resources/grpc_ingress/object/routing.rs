//! Custom conditions and actions as JSON, and back: one table says which attribute is which field.
//!
//! The codecs of the annotations call it. Keys are written as the controller's documentation has them and read without
//! regard to case, as its decoder does. It must never accept a field that no attribute holds: such a text is not ours to
//! rewrite. Facts: ALB Ingress documentation, custom conditions and actions.

use serde_json::{Map, Value as Json};

use crate::framework::value::Value;

/// A value of Terraform and its JSON.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Text.
    Text,
    /// A number.
    Whole,
    /// A number that the JSON holds as text.
    WholeAsText,
    /// A boolean.
    Truth,
    /// A set of texts.
    Texts,
    /// A set of texts, each in an object under this key.
    TextsIn(&'static str),
    /// An object: attribute, key, shape.
    Object(&'static [FieldOf]),
    /// A list of objects.
    Objects(&'static [FieldOf]),
    /// The value under this key of an object.
    Under(&'static str, &'static Self),
}

/// Attribute, JSON key, shape.
pub(super) type FieldOf = (&'static str, &'static str, Shape);

/// One type of condition or action.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// Attribute.
    pub(super) attribute: &'static str,
    /// Value of `type`.
    pub(super) kind: &'static str,
    /// Key of its settings.
    pub(super) config: &'static str,
    /// Its settings.
    pub(super) shape: Shape,
    /// A key of the settings that always has this value.
    pub(super) constant: Option<(&'static str, &'static str)>,
}

const fn block(attribute: &'static str, kind: &'static str, config: &'static str, shape: Shape) -> Block {
    Block { attribute, kind, config, shape, constant: None }
}

const VALUES: Shape = Shape::Under("values", &Shape::Texts);
const PAIRS: Shape = Shape::Under("values", &Shape::Objects(PAIR));
const PAIR: &[FieldOf] = &[("key", "key", Shape::Text), ("value", "value", Shape::Text)];
const KEYED: Shape = Shape::Object(&[("key", "key", Shape::Text), ("values", "values", Shape::Texts)]);

/// Conditions.
pub(super) const CONDITIONS: &[Block] = &[
    block("hosts", "Host", "hostConfig", VALUES),
    block("paths", "Path", "pathConfig", VALUES),
    block("header", "Header", "headerConfig", KEYED),
    block("query_strings", "QueryString", "queryStringConfig", PAIRS),
    block("methods", "Method", "methodConfig", VALUES),
    block("cookies", "Cookie", "cookieConfig", PAIRS),
    block("source_ips", "SourceIp", "sourceIpConfig", VALUES),
    block("response_status_codes", "ResponseStatusCode", "responseStatusCodeConfig", VALUES),
    block("response_header", "ResponseHeader", "responseHeaderConfig", KEYED),
];

const GROUPS: &[FieldOf] = &[
    ("service_name", "serviceName", Shape::Text),
    ("service_port", "servicePort", Shape::Whole),
    ("server_group_id", "serverGroupID", Shape::Text),
    ("weight", "weight", Shape::Whole),
];

/// Actions, in the order in which the controller emits their classes.
pub(super) const ACTIONS: &[Block] = &[
    block(
        "traffic_limit",
        "TrafficLimit",
        "trafficLimitConfig",
        Shape::Object(&[("qps", "QPS", Shape::WholeAsText), ("qps_per_ip", "QPSPerIp", Shape::WholeAsText)]),
    ),
    block(
        "rewrite",
        "Rewrite",
        "rewriteConfig",
        Shape::Object(&[("host", "host", Shape::Text), ("path", "path", Shape::Text), ("query", "query", Shape::Text)]),
    ),
    block(
        "insert_header",
        "InsertHeader",
        "insertHeaderConfig",
        Shape::Object(&[
            ("key", "key", Shape::Text),
            ("value", "value", Shape::Text),
            ("value_type", "valueType", Shape::Text),
            ("cover_enabled", "coverEnabled", Shape::Truth),
        ]),
    ),
    block("remove_header", "RemoveHeader", "removeHeaderConfig", Shape::Object(&[("key", "key", Shape::Text)])),
    Block {
        attribute: "traffic_mirror",
        kind: "TrafficMirror",
        config: "trafficMirrorConfig",
        shape: Shape::Object(&[(
            "server_group_ids",
            "mirrorGroupConfig",
            Shape::Under("serverGroupTuples", &Shape::TextsIn("serverGroupID")),
        )]),
        constant: Some(("targetType", "ForwardGroupMirror")),
    },
    block(
        "forward_group",
        "ForwardGroup",
        "forwardConfig",
        Shape::Object(&[
            ("server_groups", "serverGroups", Shape::Objects(GROUPS)),
            (
                "sticky_session",
                "ServerGroupStickySession",
                Shape::Object(&[("enabled", "Enabled", Shape::Truth), ("timeout", "Timeout", Shape::Whole)]),
            ),
        ]),
    ),
    block(
        "redirect",
        "Redirect",
        "redirectConfig",
        Shape::Object(&[
            ("host", "host", Shape::Text),
            ("path", "path", Shape::Text),
            ("port", "port", Shape::Text),
            ("protocol", "protocol", Shape::Text),
            ("query", "query", Shape::Text),
            ("http_code", "httpCode", Shape::Text),
        ]),
    ),
    block(
        "fixed_response",
        "FixedResponse",
        "fixedResponseConfig",
        Shape::Object(&[
            ("content_type", "contentType", Shape::Text),
            ("content", "content", Shape::Text),
            ("http_code", "httpCode", Shape::Text),
        ]),
    ),
];

/// What the controller takes for parts of a redirect that are absent.
const REDIRECT_DEFAULTS: [(&str, &str); 6] = [
    ("host", "${host}"),
    ("path", "${path}"),
    ("port", "${port}"),
    ("protocol", "${protocol}"),
    ("query", "${query}"),
    ("httpCode", "301"),
];

/// The JSON of a list of conditions or actions; `None` if there are none.
pub(super) fn write(blocks: &[Block], value: &Value) -> Option<String> {
    let list = value.as_list().filter(|list| !list.is_empty())?;
    Some(Json::Array(list.iter().map(|element| write_element(blocks, element)).collect()).to_string())
}

fn write_element(blocks: &[Block], element: &Value) -> Json {
    let mut object = Map::new();
    for block in blocks {
        if let Some(mut config) = put(block.shape, &element.attr(block.attribute)) {
            if let (Some((key, constant)), Some(fields)) = (block.constant, config.as_object_mut()) {
                fields.insert(key.to_owned(), constant.into());
            }
            object.insert("type".to_owned(), block.kind.into());
            object.insert(block.config.to_owned(), config);
        }
    }
    Json::Object(object)
}

fn put(shape: Shape, value: &Value) -> Option<Json> {
    match shape {
        Shape::Text => value.as_str().map(Json::from),
        Shape::Whole => value.as_i64().map(Json::from),
        Shape::WholeAsText => value.as_i64().map(|number| number.to_string().into()),
        Shape::Truth => value.as_bool().map(Json::from),
        Shape::Texts => value.as_list().map(|list| list.iter().filter_map(Value::as_str).collect()),
        Shape::TextsIn(key) => value.as_list().map(|list| {
            let within = |text: &str| Json::Object(Map::from_iter([(key.to_owned(), text.into())]));
            list.iter().filter_map(Value::as_str).map(within).collect()
        }),
        Shape::Object(fields) => value.as_map().map(|_| put_fields(fields, value)),
        Shape::Objects(fields) => {
            value.as_list().map(|list| list.iter().map(|element| put_fields(fields, element)).collect())
        }
        Shape::Under(key, inner) => {
            put(*inner, value).map(|inner| Json::Object(Map::from_iter([(key.to_owned(), inner)])))
        }
    }
}

fn put_fields(fields: &[FieldOf], value: &Value) -> Json {
    let entry = |(attribute, key, shape): &FieldOf| Some(((*key).to_owned(), put(*shape, &value.attr(attribute))?));
    Json::Object(fields.iter().filter_map(entry).collect())
}

/// The attributes' value of a JSON text; `None` if the controller cannot read it, or no attribute holds all of it.
pub(super) fn read(blocks: &[Block], text: &str) -> Option<Value> {
    let elements: Vec<Json> = serde_json::from_str(text).ok()?;
    elements.iter().map(|element| read_element(blocks, element)).collect::<Option<Vec<_>>>().map(Value::List)
}

fn read_element(blocks: &[Block], element: &Json) -> Option<Value> {
    let fields = element.as_object()?;
    let kind = field(fields, "type")?.as_str()?;
    let block = blocks.iter().find(|block| block.kind == kind)?;
    let mut config = field(fields, block.config).cloned().unwrap_or_else(|| Json::Object(Map::new()));
    if fields.len() > 2 || fields.keys().any(|key| !is(key, "type") && !is(key, block.config)) {
        return None;
    }
    if let (Some((key, constant)), Some(settings)) = (block.constant, config.as_object_mut()) {
        let name = settings.keys().find(|name| is(name, key)).cloned();
        let value = name.and_then(|name| settings.remove(&name));
        if value.is_some_and(|value| value.as_str() != Some(constant)) {
            return None;
        }
    }
    let known = get(block.shape, &config)?;
    let attribute = |other: &Block| (other.attribute, if other.kind == kind { known.clone() } else { Value::Null });
    Some(Value::map(blocks.iter().map(attribute)))
}

fn is(key: &str, name: &str) -> bool {
    key.eq_ignore_ascii_case(name)
}

fn field<'a>(fields: &'a Map<String, Json>, name: &str) -> Option<&'a Json> {
    fields.iter().find(|(key, _)| is(key, name)).map(|(_, value)| value)
}

fn get(shape: Shape, json: &Json) -> Option<Value> {
    if json.is_null() {
        return Some(Value::Null);
    }
    match shape {
        Shape::Text => json.as_str().map(Value::string),
        Shape::Whole => json.as_i64().map(Value::int),
        Shape::WholeAsText => json.as_str()?.parse().ok().map(Value::int),
        Shape::Truth => json.as_bool().map(Value::Bool),
        Shape::Texts => {
            json.as_array()?.iter().map(|one| one.as_str().map(Value::string)).collect::<Option<_>>().map(Value::List)
        }
        Shape::TextsIn(key) => {
            let text = |one: &Json| {
                let fields = one.as_object().filter(|fields| fields.len() == 1)?;
                field(fields, key)?.as_str().map(Value::string)
            };
            json.as_array()?.iter().map(text).collect::<Option<_>>().map(Value::List)
        }
        Shape::Object(fields) => get_fields(fields, json),
        Shape::Objects(fields) => {
            json.as_array()?.iter().map(|one| get_fields(fields, one)).collect::<Option<_>>().map(Value::List)
        }
        Shape::Under(key, inner) => {
            let fields = json.as_object()?;
            if fields.keys().any(|name| !is(name, key)) {
                return None;
            }
            field(fields, key).map_or(Some(Value::Null), |json| get(*inner, json))
        }
    }
}

fn get_fields(fields: &[FieldOf], json: &Json) -> Option<Value> {
    let object = json.as_object()?;
    if object.keys().any(|name| !fields.iter().any(|(_, key, _)| is(name, key))) {
        return None;
    }
    let entry = |(attribute, key, shape): &FieldOf| {
        Some((*attribute, field(object, key).map_or(Some(Value::Null), |json| get(*shape, json))?))
    };
    fields.iter().map(entry).collect::<Option<Vec<_>>>().map(Value::map)
}

/// What the controller makes of conditions: all of them must hold, any value of one will do.
pub(super) fn meaning_of_conditions(value: &Value) -> Json {
    let mut blocks: Vec<Json> = written(CONDITIONS, value)
        .map(|mut block| {
            let hosts = block.pointer_mut("/hostConfig/values").and_then(Json::as_array_mut);
            for host in hosts.into_iter().flatten() {
                *host = host.as_str().unwrap_or_default().to_ascii_lowercase().into();
            }
            settled(block)
        })
        .collect();
    sort(&mut blocks);
    Json::Array(blocks)
}

/// What the controller makes of actions: limits first, final ones last, others in order.
pub(super) fn meaning_of_actions(value: &Value) -> Json {
    let mut blocks: Vec<Json> = written(ACTIONS, value)
        .map(|mut block| {
            if let Some(redirect) = block.get_mut("redirectConfig").and_then(Json::as_object_mut) {
                for (key, default) in REDIRECT_DEFAULTS {
                    let part = redirect.entry(key).or_insert(Json::Null);
                    if part.as_str().is_none_or(str::is_empty) {
                        *part = default.into();
                    }
                }
            }
            settled(block)
        })
        .collect();
    blocks.sort_by_key(|block| match block.get("type").and_then(Json::as_str) {
        Some("TrafficLimit") => 0,
        Some("ForwardGroup" | "Redirect" | "FixedResponse") => 2,
        _ => 1,
    });
    Json::Array(blocks)
}

fn written(blocks: &'static [Block], value: &Value) -> impl Iterator<Item = Json> {
    value.as_list().unwrap_or_default().iter().map(move |element| write_element(blocks, element))
}

/// Without Go's zero values, which stand for absent fields; lists, which are sets here, in order and without repetition.
/// A number is a value: a weight of 0 is not the default weight.
fn settled(json: Json) -> Json {
    match json {
        Json::Object(fields) => Json::Object(
            fields
                .into_iter()
                .map(|(key, value)| (key, settled(value)))
                .filter(|(_, value)| match value {
                    Json::Null | Json::Bool(false) => false,
                    Json::String(text) => !text.is_empty(),
                    Json::Array(list) => !list.is_empty(),
                    Json::Object(fields) => !fields.is_empty(),
                    Json::Bool(true) | Json::Number(_) => true,
                })
                .collect(),
        ),
        Json::Array(list) => {
            let mut list: Vec<Json> = list.into_iter().map(settled).collect();
            sort(&mut list);
            Json::Array(list)
        }
        plain => plain,
    }
}

fn sort(list: &mut Vec<Json>) {
    list.sort_by_key(Json::to_string);
    list.dedup();
}
