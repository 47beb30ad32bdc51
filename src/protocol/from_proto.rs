//! From generated messages to the framework's terms. Pure and total.

use tfplugin_proto::tfplugin6::{ClientCapabilities, DynamicValue, RawState, ResourceIdentityData};

use super::dynamic_value::{self, CodecError};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::erased::HostCapabilities;
use crate::framework::function::FunctionError;
use crate::framework::schema::Identity;
use crate::framework::types::Type;
use crate::framework::value::Value;

/// A value; an absent or empty message is null.
pub(super) fn value(message: Option<&DynamicValue>, ty: &Type) -> Result<Value, Diagnostics> {
    let Some(message) = message else { return Ok(Value::Null) };
    dynamic_value::decode(&message.msgpack, &message.json, ty).map_err(|error| undecodable(&error))
}

/// An argument of a function.
pub(super) fn argument(message: &DynamicValue, ty: &Type) -> Result<Value, FunctionError> {
    dynamic_value::decode(&message.msgpack, &message.json, ty)
        .map_err(|error| FunctionError::new(format!("the host sent a value that does not fit its type: {error}")))
}

/// An identity; attributes that are null are left out.
pub(super) fn identity(message: Option<&ResourceIdentityData>, ty: &Type) -> Result<Identity, Diagnostics> {
    let value = value(message.and_then(|data| data.identity_data.as_ref()), ty)?;
    Ok(identity_of(&value))
}

fn identity_of(value: &Value) -> Identity {
    let entries = value.as_map().into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// A stored identity.
pub(super) fn stored_identity(message: Option<&RawState>, ty: &Type) -> Result<Identity, Diagnostics> {
    let json = message.map(|state| state.json.as_slice()).unwrap_or_default();
    dynamic_value::decode_stored(json, ty).map(|value| identity_of(&value)).map_err(|error| undecodable_state(&error))
}

/// Stored JSON.
pub(super) fn stored_json(message: Option<&RawState>) -> Result<&[u8], Diagnostics> {
    if message.is_some_and(|state| !state.flatmap.is_empty()) {
        return Err(Diagnostic::error(
            "Unsupported State Format",
            "The state was written by Terraform 0.11 or earlier, for which no release of this provider exists. Upgrade the \
             state with Terraform 0.12 or later first.",
        )
        .into());
    }
    match message {
        Some(state) if !state.json.is_empty() => Ok(&state.json),
        _ => Err(Diagnostic::error(
            "Missing State",
            "The host asked for an upgrade of a state without sending it. This is a bug in the host.",
        )
        .into()),
    }
}

/// Parsed stored JSON.
pub(super) fn parsed_json(bytes: &[u8]) -> Result<serde_json::Value, Diagnostics> {
    serde_json::from_slice(bytes).map_err(|error| {
        let place = format!("it is not JSON: line {} column {}", error.line(), error.column());
        Diagnostic::error("Undecodable State", format!("The stored state cannot be read: {place}.")).into()
    })
}

/// What the host can do.
pub(super) fn host(capabilities: Option<ClientCapabilities>) -> HostCapabilities {
    HostCapabilities {
        write_only_attributes: capabilities.is_some_and(|capabilities| capabilities.write_only_attributes_allowed),
    }
}

/// Whether the host takes a deferral.
pub(super) fn takes_deferral(capabilities: Option<ClientCapabilities>) -> bool {
    capabilities.is_some_and(|capabilities| capabilities.deferral_allowed)
}

/// The diagnostic for bytes that are not a value of the schema.
pub(super) fn undecodable(error: &CodecError) -> Diagnostics {
    Diagnostic::error(
        "Undecodable Value",
        format!(
            "A value sent by the host does not fit the schema of this provider: {error}.\nIf the provider was upgraded or \
             replaced during this run, run the command again; otherwise this is a bug in the host or the provider."
        ),
    )
    .at(error.path())
    .into()
}

/// The diagnostic for stored JSON that is not a value of the schema.
pub(super) fn undecodable_state(error: &CodecError) -> Diagnostics {
    Diagnostic::error(
        "Undecodable State",
        format!(
            "The stored state does not fit the schema of this provider: {error}. If it was edited by hand, restore it from a \
             backup; otherwise this is a bug in the provider; please report it."
        ),
    )
    .at(error.path())
    .into()
}
