//! Calls about managed resources.
//!
//! What belongs to an object travels together in every answer: state, private data and identity. A host erases what an
//! answer leaves out.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tfplugin_proto::tfplugin6 as proto;
use tracing::{debug, error};

use super::server::{ResourceEntry, Server, named, unsupported};
use super::{dynamic_value, from_proto, to_proto};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::erased::{ApplyRequest, PlanRequest, StateAnswer};
use crate::framework::path::Path;
use crate::framework::provider::{AnyClients, Configured};
use crate::framework::resource::ImportTarget;
use crate::framework::schema::Identity;
use crate::framework::value::Value;

impl Server {
    fn resource(&self, name: &str) -> Result<&ResourceEntry, Diagnostics> {
        self.resources.get(name).ok_or_else(|| unsupported("Resource Type", "resource type", name))
    }

    pub(super) fn validate_resource(
        &self,
        request: &proto::validate_resource_config::Request,
    ) -> Result<proto::validate_resource_config::Response, Diagnostics> {
        let entry = self.resource(&request.type_name)?;
        let config = from_proto::value(request.config.as_ref(), entry.ty())?;
        let host = from_proto::host(request.client_capabilities);
        let diagnostics = to_proto::diagnostics(&entry.resource.validate(&config, host));
        Ok(proto::validate_resource_config::Response { diagnostics })
    }

    /// Called for every stored object of every run, mostly with the current version.
    pub(super) fn upgrade_state(
        &self,
        request: &proto::upgrade_resource_state::Request,
    ) -> Result<proto::upgrade_resource_state::Response, Diagnostics> {
        let entry = self.resource(&request.type_name)?;
        let json = from_proto::stored_json(request.raw_state.as_ref())?;
        let current = entry.resource.schema().version;
        let state = if request.version == current {
            dynamic_value::decode_stored(json, entry.ty())
        } else if (0..current).contains(&request.version) {
            let upgraded = entry.resource.upgrade(request.version, from_proto::parsed_json(json)?)?;
            dynamic_value::convert_stored(&upgraded, entry.ty())
        } else {
            return Err(unknown_version("State", &request.type_name, request.version, current));
        };
        let state = state.map_err(|error| from_proto::undecodable_state(&error))?;
        let state = entry.resource.complete_state(state);
        let upgraded_state = Some(to_proto::value(entry.ty(), &state)?);
        Ok(proto::upgrade_resource_state::Response { upgraded_state, diagnostics: Vec::new() })
    }

    pub(super) fn upgrade_identity(
        &self,
        request: &proto::upgrade_resource_identity::Request,
    ) -> Result<proto::upgrade_resource_identity::Response, Diagnostics> {
        let entry = self.resource(&request.type_name)?;
        let current = entry.resource.identity_schema().version;
        if request.version != current {
            return Err(unknown_version("Identity", &request.type_name, request.version, current));
        }
        let identity = from_proto::stored_identity(request.raw_identity.as_ref(), entry.identity_ty())?;
        let upgraded_identity = Some(to_proto::identity(entry.identity_ty(), &identity)?);
        Ok(proto::upgrade_resource_identity::Response { upgraded_identity, diagnostics: Vec::new() })
    }

    pub(super) async fn read(
        &self,
        request: proto::read_resource::Request,
    ) -> Result<proto::read_resource::Response, Diagnostics> {
        let entry = self.resource(&request.type_name)?;
        let state = from_proto::value(request.current_state.as_ref(), entry.ty())?;
        let clients = match self.configuration()? {
            Configured::Ready(clients) => clients,
            Configured::Unknown(paths) => return Ok(unrefreshed(request, &paths)),
        };
        let answer = entry.resource.read(state, request.private, clients, self.context()).await;
        let parts = parts(entry, answer, request.current_identity);
        Ok(proto::read_resource::Response {
            new_state: parts.state,
            diagnostics: parts.diagnostics,
            private: parts.private,
            deferred: None,
            new_identity: parts.identity,
        })
    }

    pub(super) async fn plan(
        &self,
        request: proto::plan_resource_change::Request,
    ) -> Result<proto::plan_resource_change::Response, Diagnostics> {
        let entry = self.resource(&request.type_name)?;
        let clients = match self.configuration()? {
            Configured::Ready(clients) => Some(clients),
            Configured::Unknown(_) => None,
        };
        let decoded = PlanRequest {
            config: from_proto::value(request.config.as_ref(), entry.ty())?,
            prior: from_proto::value(request.prior_state.as_ref(), entry.ty())?,
            proposed: from_proto::value(request.proposed_new_state.as_ref(), entry.ty())?,
            private: request.prior_private,
        };
        let host = from_proto::host(request.client_capabilities);
        let mut answer = entry.resource.plan(&decoded, clients.as_ref(), host);
        if let (Some(clients), false) = (&clients, answer.diagnostics.has_errors()) {
            answer.diagnostics.extend(entry.resource.declare(&decoded, &answer, clients));
        }
        if let (Some(clients), Some(planned), false) = (clients, &answer.planned, answer.diagnostics.has_errors())
            && !planned.is_null()
            && entry.resource.changes(planned, &decoded.prior)
        {
            answer.diagnostics.extend(self.cross_check(entry, planned, clients).await);
        }
        let planned_state = match &answer.planned {
            Some(planned) => Some(to_proto::value(entry.ty(), planned)?),
            None => None,
        };
        let planned_identity = match &answer.identity {
            Some(identity) => Some(to_proto::identity(entry.identity_ty(), identity)?),
            None if decoded.prior.is_null() => None,
            None => request.prior_identity,
        };
        Ok(proto::plan_resource_change::Response {
            planned_state,
            requires_replace: answer.requires_replace.iter().map(to_proto::path).collect(),
            planned_private: answer.private,
            diagnostics: to_proto::diagnostics(&answer.diagnostics),
            legacy_type_system: false,
            deferred: None,
            planned_identity,
        })
    }

    /// Looks at the world for a plan that changes something. Only messages come of it, so running out of time, an
    /// interrupt and a panic all leave the plan as it is.
    async fn cross_check(&self, entry: &ResourceEntry, planned: &Value, clients: AnyClients) -> Diagnostics {
        let context = self.context();
        let cancel = context.cancel.clone();
        let check = AssertUnwindSafe(entry.resource.cross_check(planned, clients, context)).catch_unwind();
        match cancel.run(tokio::time::timeout(self.cross_check_deadline, check)).await {
            Ok(Ok(Ok(diagnostics))) => diagnostics,
            Ok(Ok(Err(_))) => {
                error!("panic: a check of the plan against the world stopped at a programming error");
                Diagnostic::warning(
                    "Plan Not Checked",
                    format!(
                        "Checking the plan of {} against the world stopped at a programming error; the plan itself is \
                         not affected.\nThis is a bug in the provider; please report it.",
                        entry.resource.type_name(),
                    ),
                )
                .into()
            }
            Ok(Err(_)) => {
                debug!("checking the plan against the world ran out of time");
                Diagnostics::new()
            }
            Err(_) => Diagnostics::new(),
        }
    }

    pub(super) async fn apply(
        &self,
        request: proto::apply_resource_change::Request,
    ) -> Result<proto::apply_resource_change::Response, Diagnostics> {
        let entry = self.resource(&request.type_name)?;
        let clients = match self.configuration()? {
            Configured::Ready(clients) => clients,
            Configured::Unknown(paths) => return Err(unknown_configuration(&request.type_name, &paths)),
        };
        let decoded = ApplyRequest {
            prior: from_proto::value(request.prior_state.as_ref(), entry.ty())?,
            planned: from_proto::value(request.planned_state.as_ref(), entry.ty())?,
            config: from_proto::value(request.config.as_ref(), entry.ty())?,
            private: request.planned_private,
        };
        // A planned identity of a create may hold unknowns.
        let echo = if decoded.prior.is_null() { None } else { request.planned_identity };
        let answer = entry.resource.apply(decoded, clients, self.context()).await;
        let parts = parts(entry, answer, echo);
        Ok(proto::apply_resource_change::Response {
            new_state: parts.state,
            private: parts.private,
            diagnostics: parts.diagnostics,
            legacy_type_system: false,
            new_identity: parts.identity,
        })
    }

    pub(super) async fn import(
        &self,
        request: proto::import_resource_state::Request,
    ) -> Result<proto::import_resource_state::Response, Diagnostics> {
        let entry = self.resource(&request.type_name)?;
        let clients = match self.configuration()? {
            Configured::Ready(clients) => clients,
            Configured::Unknown(_) if from_proto::takes_deferral(request.client_capabilities) => {
                let deferred = Some(to_proto::provider_config_unknown());
                return Ok(proto::import_resource_state::Response { deferred, ..Default::default() });
            }
            Configured::Unknown(paths) => return Err(unknown_configuration(&request.type_name, &paths)),
        };
        let target = match &request.identity {
            Some(identity) => ImportTarget::Identity(from_proto::identity(Some(identity), entry.identity_ty())?),
            None => ImportTarget::Id(request.id),
        };
        let answer = entry.resource.import(target, clients, self.context()).await;
        let imported = answer.state.is_some() && !answer.diagnostics.has_errors();
        let parts = parts(entry, answer, request.identity);
        let resource = proto::import_resource_state::ImportedResource {
            type_name: request.type_name,
            state: parts.state,
            private: parts.private,
            identity: parts.identity,
        };
        Ok(proto::import_resource_state::Response {
            imported_resources: imported.then_some(resource).into_iter().collect(),
            diagnostics: parts.diagnostics,
            deferred: None,
        })
    }

    pub(super) fn move_state(
        &self,
        request: &proto::move_resource_state::Request,
    ) -> Result<proto::move_resource_state::Response, Diagnostics> {
        self.resource(&request.target_type_name)?;
        Err(Diagnostic::error(
            "Unsupported Move Source",
            format!(
                "{} cannot take over state of {} from the provider {}. Import the object instead, and remove the other \
                 resource from state with a `removed` block.",
                request.target_type_name, request.source_type_name, request.source_provider_address,
            ),
        )
        .into())
    }

    pub(super) fn generate_config(
        &self,
        request: &proto::generate_resource_config::Request,
    ) -> Result<proto::generate_resource_config::Response, Diagnostics> {
        self.resource(&request.type_name)?;
        Err(Diagnostic::error(
            "Unsupported Configuration Generation",
            "This provider leaves generating configuration to the host, and announces so. This is a bug in the host.",
        )
        .into())
    }
}

/// Everything of an object, as messages.
struct Parts {
    state: Option<proto::DynamicValue>,
    private: Vec<u8>,
    identity: Option<proto::ResourceIdentityData>,
    diagnostics: Vec<proto::Diagnostic>,
}

/// `echo` is the identity that the host knows; it stays if the object's own is not known.
fn parts(entry: &ResourceEntry, answer: StateAnswer, echo: Option<proto::ResourceIdentityData>) -> Parts {
    let StateAnswer { state, private, identity, mut diagnostics } = answer;
    let exists = state.as_ref().is_some_and(|state| !state.is_null());
    let identity = match identity.filter(|_| exists) {
        Some(identity) => encoded(entry, &identity, &mut diagnostics),
        None => echo.filter(|_| exists),
    };
    let state = state.map(|state| to_proto::value_salvaging(entry.ty(), &state, &mut diagnostics));
    Parts { state, private, identity, diagnostics: to_proto::diagnostics(&diagnostics) }
}

fn encoded(
    entry: &ResourceEntry,
    identity: &Identity,
    diagnostics: &mut Diagnostics,
) -> Option<proto::ResourceIdentityData> {
    match to_proto::identity(entry.identity_ty(), identity) {
        Ok(message) => Some(message),
        Err(errors) => {
            diagnostics.extend(errors);
            None
        }
    }
}

/// A refresh that cannot be made: the object as it was, byte for byte.
fn unrefreshed(request: proto::read_resource::Request, paths: &[Path]) -> proto::read_resource::Response {
    let deferred = from_proto::takes_deferral(request.client_capabilities).then(to_proto::provider_config_unknown);
    let warning = Diagnostic::warning(
        "Provider Configuration Unknown",
        format!(
            "{} was not refreshed, because {} in the provider's configuration will be known only after apply. The plan \
             uses the stored state.",
            request.type_name,
            named(paths),
        ),
    );
    let diagnostics = if deferred.is_some() { Diagnostics::new() } else { warning.into() };
    proto::read_resource::Response {
        new_state: request.current_state,
        diagnostics: to_proto::diagnostics(&diagnostics),
        private: request.private,
        deferred,
        new_identity: request.current_identity,
    }
}

fn unknown_configuration(type_name: &str, paths: &[Path]) -> Diagnostics {
    Diagnostic::error(
        "Provider Configuration Unknown",
        format!(
            "{type_name} needs the provider's configuration, but {} in it is not known yet. Apply first what it depends \
             on, for example with -target.",
            named(paths),
        ),
    )
    .into()
}

fn unknown_version(what: &str, type_name: &str, version: i64, current: i64) -> Diagnostics {
    Diagnostic::error(
        format!("Unknown {what} Version"),
        format!(
            "The stored {} of {type_name} has schema version {version}; this version of the provider knows 0 to {current}. \
             Use the provider version that wrote the state, or a newer one.",
            what.to_lowercase(),
        ),
    )
    .into()
}
