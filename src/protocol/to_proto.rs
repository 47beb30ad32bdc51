//! From the framework's terms to generated messages. Pure and total.

use tfplugin_proto::tfplugin6 as proto;
use tfplugin_proto::tfplugin6::attribute_path::{Step as ProtoStep, step::Selector};

use super::dynamic_value::{self, CodecError};
use crate::framework::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::framework::function::{FunctionError, Parameter, Signature};
use crate::framework::path::{Path, Step};
use crate::framework::schema::{Attribute, Identity, IdentitySchema, Kind, Mode, Nesting, Schema};
use crate::framework::types::Type;
use crate::framework::value::Value;

/// A value.
pub(super) fn value(ty: &Type, value: &Value) -> Result<proto::DynamicValue, Diagnostics> {
    dynamic_value::encode(ty, value).map(packed).map_err(|error| unencodable(&error))
}

/// A value that must not get lost: attributes that cannot be encoded are sent as null, with diagnostics.
pub(super) fn value_salvaging(ty: &Type, value: &Value, diagnostics: &mut Diagnostics) -> proto::DynamicValue {
    let (bytes, errors) = dynamic_value::encode_salvaging(ty, value);
    errors.iter().for_each(|error| diagnostics.extend(unencodable(error)));
    packed(bytes)
}

fn packed(msgpack: Vec<u8>) -> proto::DynamicValue {
    proto::DynamicValue { msgpack, json: Vec::new() }
}

fn unencodable(error: &CodecError) -> Diagnostics {
    Diagnostic::error(
        "Unencodable Value",
        format!(
            "The provider computed a value that does not fit its own schema: {error}.\nThis is a bug in the provider; please \
             report it."
        ),
    )
    .at(error.path())
    .into()
}

/// An identity; attributes that it lacks are null.
pub(super) fn identity(ty: &Type, identity: &Identity) -> Result<proto::ResourceIdentityData, Diagnostics> {
    let entries = identity.iter().map(|(name, value)| (name.as_str(), Value::string(value.as_str())));
    Ok(proto::ResourceIdentityData { identity_data: Some(value(ty, &Value::map(entries))?) })
}

/// Messages.
pub(super) fn diagnostics(diagnostics: &Diagnostics) -> Vec<proto::Diagnostic> {
    diagnostics.iter().map(diagnostic).collect()
}

fn diagnostic(diagnostic: &Diagnostic) -> proto::Diagnostic {
    let severity = match diagnostic.severity {
        Severity::Error => proto::diagnostic::Severity::Error,
        Severity::Warning => proto::diagnostic::Severity::Warning,
    };
    // Terraform points no deeper than at an attribute's first line, and often only at the resource: what lies within is
    // named in words.
    let within = diagnostic.path.as_ref().filter(|path| path.steps().len() > 1);
    let detail = match within {
        Some(path) => format!("{}\nAttribute: {path}", diagnostic.detail),
        None => diagnostic.detail.clone(),
    };
    proto::Diagnostic {
        severity: severity.into(),
        summary: diagnostic.summary.clone(),
        detail,
        attribute: diagnostic.path.as_ref().map(path),
    }
}

/// A path.
pub(super) fn path(path: &Path) -> proto::AttributePath {
    let step = |step: &Step| ProtoStep {
        selector: Some(match step {
            Step::Attribute(name) => Selector::AttributeName(name.clone()),
            Step::Key(key) => Selector::ElementKeyString(key.clone()),
            Step::Index(index) => Selector::ElementKeyInt(i64::try_from(*index).unwrap_or(i64::MAX)),
        }),
    };
    proto::AttributePath { steps: path.steps().iter().map(step).collect() }
}

/// A schema.
pub(super) fn schema(schema: &Schema) -> proto::Schema {
    proto::Schema {
        version: schema.version,
        block: Some(proto::schema::Block {
            version: schema.version,
            attributes: schema.attributes.iter().map(attribute).collect(),
            description: schema.description.to_string(),
            description_kind: proto::StringKind::Markdown.into(),
            ..proto::schema::Block::default()
        }),
    }
}

fn attribute(attribute: &Attribute) -> proto::schema::Attribute {
    let (r#type, nested_type) = match &attribute.kind {
        Kind::Value(ty) => (type_bytes(ty), None),
        Kind::Nested(nesting, attributes) => (Vec::new(), Some(object(*nesting, attributes))),
    };
    proto::schema::Attribute {
        name: attribute.name.to_owned(),
        r#type,
        nested_type,
        description: attribute.description.to_string(),
        description_kind: proto::StringKind::Markdown.into(),
        required: attribute.mode == Mode::Required,
        optional: matches!(attribute.mode, Mode::Optional | Mode::OptionalComputed),
        computed: attribute.is_computed(),
        sensitive: attribute.sensitive,
        write_only: attribute.write_only,
        deprecated: attribute.deprecated.is_some(),
        deprecation_message: attribute.deprecated.unwrap_or_default().to_owned(),
    }
}

fn object(nesting: Nesting, attributes: &[Attribute]) -> proto::schema::Object {
    let nesting = match nesting {
        Nesting::Single => proto::schema::object::NestingMode::Single,
        Nesting::List => proto::schema::object::NestingMode::List,
        Nesting::Map => proto::schema::object::NestingMode::Map,
    };
    proto::schema::Object {
        attributes: attributes.iter().map(attribute).collect(),
        nesting: nesting.into(),
        min_items: 0,
        max_items: 0,
    }
}

fn type_bytes(ty: &Type) -> Vec<u8> {
    ty.to_json().to_string().into_bytes()
}

/// An identity's schema.
pub(super) fn identity_schema(schema: &IdentitySchema) -> proto::ResourceIdentitySchema {
    let attribute =
        |attribute: &crate::framework::schema::IdentityAttribute| proto::resource_identity_schema::IdentityAttribute {
            name: attribute.name.to_owned(),
            r#type: type_bytes(&Type::String),
            required_for_import: attribute.required_for_import,
            optional_for_import: !attribute.required_for_import,
            description: attribute.description.to_owned(),
        };
    proto::ResourceIdentitySchema {
        version: schema.version,
        identity_attributes: schema.attributes.iter().map(attribute).collect(),
    }
}

/// A function's signature.
pub(super) fn function(signature: &Signature) -> proto::Function {
    proto::Function {
        parameters: signature.parameters.iter().map(parameter).collect(),
        variadic_parameter: signature.variadic.as_ref().map(parameter),
        r#return: Some(proto::function::Return { r#type: type_bytes(&signature.returns.ty()) }),
        summary: signature.summary.to_owned(),
        description: signature.description.to_string(),
        description_kind: proto::StringKind::Markdown.into(),
        deprecation_message: String::new(),
    }
}

fn parameter(parameter: &Parameter) -> proto::function::Parameter {
    proto::function::Parameter {
        name: parameter.name.to_owned(),
        r#type: type_bytes(&parameter.ty),
        allow_null_value: parameter.allow_null,
        allow_unknown_values: parameter.allow_unknown,
        description: parameter.description.to_string(),
        description_kind: proto::StringKind::Markdown.into(),
    }
}

/// Why a call has no result.
pub(super) fn function_error(error: &FunctionError) -> proto::FunctionError {
    proto::FunctionError {
        text: without_stop(&error.text).to_owned(),
        function_argument: error.argument.and_then(|index| i64::try_from(index).ok()),
    }
}

/// Hosts end the sentence themselves.
fn without_stop(text: &str) -> &str {
    text.strip_suffix('.').unwrap_or(text)
}

/// The answer that the host defers an object whose provider is not fully configured.
pub(super) fn provider_config_unknown() -> proto::Deferred {
    proto::Deferred { reason: proto::deferred::Reason::ProviderConfigUnknown.into() }
}

/// An answer that can carry messages and nothing else.
pub(super) trait Report {
    /// Only messages.
    fn report(diagnostics: Vec<proto::Diagnostic>) -> Self;
    /// The messages it carries.
    fn reported(&self) -> &[proto::Diagnostic];
}

macro_rules! reports {
    ($($message:ident),* $(,)?) => {
        $(impl Report for proto::$message::Response {
            fn report(diagnostics: Vec<proto::Diagnostic>) -> Self {
                Self { diagnostics, ..Self::default() }
            }

            fn reported(&self) -> &[proto::Diagnostic] {
                &self.diagnostics
            }
        })*
    };
}

reports!(
    get_metadata,
    get_provider_schema,
    get_resource_identity_schemas,
    get_functions,
    read_resource,
    plan_resource_change,
    apply_resource_change,
    import_resource_state,
    move_resource_state,
    upgrade_resource_state,
    upgrade_resource_identity,
    generate_resource_config,
    read_data_source,
    open_ephemeral_resource,
    renew_ephemeral_resource,
    plan_action,
);

macro_rules! reports_only {
    ($($message:ident),* $(,)?) => {
        $(impl Report for proto::$message::Response {
            fn report(diagnostics: Vec<proto::Diagnostic>) -> Self {
                Self { diagnostics }
            }

            fn reported(&self) -> &[proto::Diagnostic] {
                &self.diagnostics
            }
        })*
    };
}

reports_only!(
    validate_provider_config,
    validate_resource_config,
    validate_data_resource_config,
    validate_ephemeral_resource_config,
    validate_list_resource_config,
    validate_action_config,
    configure_provider,
    close_ephemeral_resource,
);

impl Report for proto::call_function::Response {
    fn report(diagnostics: Vec<proto::Diagnostic>) -> Self {
        let text = diagnostics.iter().map(|message| format!("{}: {}", message.summary, message.detail));
        let text = text.collect::<Vec<_>>().join("\n");
        Self { result: None, error: Some(function_error(&FunctionError::new(text))) }
    }

    fn reported(&self) -> &[proto::Diagnostic] {
        &[]
    }
}

/// The one event of a stream that can only report.
impl Report for proto::list_resource::Event {
    fn report(diagnostics: Vec<proto::Diagnostic>) -> Self {
        Self { diagnostic: diagnostics, ..Self::default() }
    }

    fn reported(&self) -> &[proto::Diagnostic] {
        &self.diagnostic
    }
}

/// A stream of an action ends with exactly one of these.
impl Report for proto::invoke_action::Event {
    fn report(diagnostics: Vec<proto::Diagnostic>) -> Self {
        use proto::invoke_action::event::{Completed, Type};
        Self { r#type: Some(Type::Completed(Completed { diagnostics })) }
    }

    fn reported(&self) -> &[proto::Diagnostic] {
        use proto::invoke_action::event::Type;
        match &self.r#type {
            Some(Type::Completed(completed)) => &completed.diagnostics,
            Some(Type::Progress(_)) | None => &[],
        }
    }
}
