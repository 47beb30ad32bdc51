//! What Terraform checks when it loads a schema, as one function over the answers of any provider.
//!
//! A host refuses the whole provider for a single violation, whether the type is used or not.

use std::collections::BTreeMap;

use tfplugin_proto::tfplugin6 as proto;

use crate::framework::types::Type;
use crate::protocol::server::Server;

/// Names that hosts take before a resource or data source sees them.
const RESERVED_IN_RESOURCES: &[&str] =
    &["count", "for_each", "depends_on", "provider", "lifecycle", "connection", "provisioner", "locals", "_"];
/// The same in provider blocks.
const RESERVED_IN_PROVIDERS: &[&str] =
    &["alias", "version", "count", "depends_on", "for_each", "source", "lifecycle", "locals", "_"];

/// Every violation in what `server` answers, with its place. Also ours: descriptions everywhere, one prefix.
pub(crate) fn violations(server: &Server) -> Vec<String> {
    let schemas = server.schemas();
    let identities = server.identity_schemas();
    let mut found = Vec::new();
    match &schemas.provider {
        Some(schema) => check_schema("provider", schema, RESERVED_IN_PROVIDERS, false, &mut found),
        None => found.push("missing provider schema".to_owned()),
    }
    check_family("resource", &schemas.resource_schemas, true, &mut found);
    check_family("data source", &schemas.data_source_schemas, false, &mut found);
    for (name, identity) in &identities.identity_schemas {
        if !schemas.resource_schemas.contains_key(name) {
            found.push(format!("identity {name}: no such resource"));
        }
        check_identity(name, identity, &mut found);
    }
    let metadata = server.metadata();
    let listed: Vec<_> = metadata.resources.iter().map(|resource| &resource.type_name).collect();
    if !listed.into_iter().eq(schemas.resource_schemas.keys()) {
        found.push("GetMetadata lists other resources than GetProviderSchema".to_owned());
    }
    let listed: Vec<_> = metadata.data_sources.iter().map(|source| &source.type_name).collect();
    if !listed.into_iter().eq(schemas.data_source_schemas.keys()) {
        found.push("GetMetadata lists other data sources than GetProviderSchema".to_owned());
    }
    if !metadata.functions.iter().map(|function| &function.name).eq(schemas.functions.keys()) {
        found.push("GetMetadata lists other functions than GetProviderSchema".to_owned());
    }
    if server.functions().functions != schemas.functions {
        found.push("GetFunctions answers other functions than GetProviderSchema".to_owned());
    }
    for (name, function) in &schemas.functions {
        check_function(name, function, &mut found);
    }
    found
}

fn check_family(family: &str, schemas: &BTreeMap<String, proto::Schema>, write_only: bool, found: &mut Vec<String>) {
    for (name, schema) in schemas {
        if !name.contains('_') || !is_name(name) {
            found.push(format!("{family} {name}: not <provider>_<thing>"));
        }
        check_schema(&format!("{family} {name}"), schema, RESERVED_IN_RESOURCES, write_only, found);
    }
}

fn check_schema(place: &str, schema: &proto::Schema, reserved: &[&str], write_only: bool, found: &mut Vec<String>) {
    if schema.version < 0 {
        found.push(format!("{place}: version below 0"));
    }
    let Some(block) = &schema.block else {
        found.push(format!("{place}: no block"));
        return;
    };
    if block.description.is_empty() {
        found.push(format!("{place}: no description"));
    }
    if !block.block_types.is_empty() {
        found.push(format!("{place}: has blocks, which are not checked here"));
    }
    for attribute in &block.attributes {
        if reserved.contains(&attribute.name.as_str()) {
            found.push(format!("{place}.{}: reserved name", attribute.name));
        }
    }
    check_attributes(place, &block.attributes, write_only, false, found);
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn check_attributes(
    place: &str,
    attributes: &[proto::schema::Attribute],
    write_only: bool,
    in_set: bool,
    found: &mut Vec<String>,
) {
    let mut names: Vec<_> = attributes.iter().map(|attribute| &attribute.name).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        found.push(format!("{place}: an attribute name occurs twice"));
    }
    for attribute in attributes {
        let place = format!("{place}.{}", attribute.name);
        let mut wrong = |what: &str| found.push(format!("{place}: {what}"));
        if !is_name(&attribute.name) {
            wrong("not a name");
        }
        if !(attribute.required || attribute.optional || attribute.computed) {
            wrong("none of required, optional and computed");
        }
        if attribute.required && (attribute.optional || attribute.computed) {
            wrong("required and optional, or required and computed");
        }
        if attribute.write_only && (attribute.computed || !write_only || in_set) {
            wrong("write-only where that cannot be");
        }
        if !attribute.deprecation_message.is_empty() && !attribute.deprecated {
            wrong("a deprecation message without being deprecated");
        }
        if attribute.description.is_empty() {
            wrong("no description");
        }
        match (&attribute.nested_type, attribute.r#type.is_empty()) {
            (None, true) => wrong("neither type nor nested type"),
            (Some(_), false) => wrong("both type and nested type"),
            (None, false) => check_type(&attribute.r#type, in_set, &mut wrong),
            (Some(nested), true) => {
                use proto::schema::object::NestingMode;
                let mode = NestingMode::try_from(nested.nesting).unwrap_or(NestingMode::Invalid);
                if mode == NestingMode::Invalid {
                    wrong("no nesting mode");
                }
                if nested.attributes.is_empty() {
                    wrong("nested type without attributes");
                }
                let in_set = in_set || mode == NestingMode::Set;
                check_attributes(&place, &nested.attributes, write_only, in_set, found);
            }
        }
    }
}

fn check_type(bytes: &[u8], in_set: bool, wrong: &mut dyn FnMut(&str)) {
    let ty = serde_json::from_slice(bytes).ok().and_then(|json| Type::from_json(&json).ok());
    match ty {
        None => wrong("not a type constraint"),
        Some(ty) => {
            if has_dynamic(&ty, in_set) {
                wrong("a dynamic type in a set");
            }
        }
    }
}

fn has_dynamic(ty: &Type, in_set: bool) -> bool {
    match ty {
        Type::Dynamic => in_set,
        Type::String | Type::Number | Type::Bool => false,
        Type::List(element) | Type::Map(element) => has_dynamic(element, in_set),
        Type::Set(element) => has_dynamic(element, true),
        Type::Object(attributes) => attributes.values().any(|ty| has_dynamic(ty, in_set)),
        Type::Tuple(elements) => elements.iter().any(|ty| has_dynamic(ty, in_set)),
    }
}

/// A host panics where a function has no return type.
fn check_function(name: &str, function: &proto::Function, found: &mut Vec<String>) {
    let parameters: Vec<_> = function.parameters.iter().chain(&function.variadic_parameter).collect();
    let mut wrong = |what: &str| found.push(format!("function {name}: {what}"));
    if !is_name(name) || parameters.iter().any(|parameter| !is_name(&parameter.name)) {
        wrong("a name that is no identifier");
    }
    let mut names: Vec<_> = parameters.iter().map(|parameter| &parameter.name).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        wrong("a parameter name occurs twice");
    }
    if function.summary.is_empty() || function.summary.ends_with('.') {
        wrong("no summary, or one with a full stop");
    }
    if function.description.is_empty() || parameters.iter().any(|parameter| parameter.description.is_empty()) {
        wrong("no description");
    }
    let returned = function.r#return.iter().map(|returned| &returned.r#type);
    if function.r#return.is_none() {
        wrong("no return type");
    }
    for ty in returned.chain(parameters.iter().map(|parameter| &parameter.r#type)) {
        check_type(ty, false, &mut wrong);
    }
}

fn check_identity(name: &str, identity: &proto::ResourceIdentitySchema, found: &mut Vec<String>) {
    if identity.version < 0 {
        found.push(format!("identity {name}: version below 0"));
    }
    if identity.identity_attributes.is_empty() {
        found.push(format!("identity {name}: no attributes"));
    }
    for attribute in &identity.identity_attributes {
        let place = format!("identity {name}.{}", attribute.name);
        if attribute.required_for_import == attribute.optional_for_import {
            found.push(format!("{place}: not exactly one of required and optional for import"));
        }
        if attribute.description.is_empty() {
            found.push(format!("{place}: no description"));
        }
        let ty = serde_json::from_slice(&attribute.r#type).ok().and_then(|json| Type::from_json(&json).ok());
        match ty {
            Some(Type::String | Type::Number | Type::Bool | Type::List(_)) => {}
            Some(_) | None => found.push(format!("{place}: type not allowed in an identity")),
        }
    }
}
