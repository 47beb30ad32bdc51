//! The tfplugin6 service: one short method per RPC. What each does is in `provider_calls`, `resource_calls`,
//! `data_source_calls` and `function_calls`.
//!
//! No answer is ever a gRPC status, but for the state stores, which answer `UNIMPLEMENTED`: users see a status as "Plugin
//! error" without a place, and after a create it loses the object.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use futures_util::stream;
use tfplugin_proto::tfplugin6::provider_server::Provider as Service;
use tfplugin_proto::tfplugin6::{self as proto};
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use super::rpc::{self, Subject};
use super::to_proto::Report;
use crate::cancel::Cancel;
use crate::clock::Clock;
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::erased::{AnyDataSource, AnyFunction, AnyResource};
use crate::framework::path::Path;
use crate::framework::provider::{Configured, Provider};
use crate::framework::resource::Context;
use crate::framework::types::Type;

/// A plan that must look at the world waits no longer than this for it.
const CROSS_CHECK_DEADLINE: Duration = Duration::from_secs(10);

/// Serves one provider to one host.
pub struct Server {
    pub(super) provider: Arc<dyn Provider>,
    clock: Arc<dyn Clock>,
    cancel: Mutex<Cancel>,
    configured: RwLock<Option<Configured>>,
    provider_type: OnceLock<Type>,
    pub(super) resources: BTreeMap<&'static str, ResourceEntry>,
    pub(super) data_sources: BTreeMap<&'static str, DataSourceEntry>,
    pub(super) functions: BTreeMap<&'static str, Arc<dyn AnyFunction>>,
    /// How long a plan may look at the world.
    pub(super) cross_check_deadline: Duration,
}

/// A resource type with the types of its values, which most processes need for few of them.
pub(super) struct ResourceEntry {
    pub(super) resource: Arc<dyn AnyResource>,
    ty: OnceLock<Type>,
    identity_ty: OnceLock<Type>,
}

impl ResourceEntry {
    pub(super) fn ty(&self) -> &Type {
        self.ty.get_or_init(|| self.resource.schema().ty())
    }

    pub(super) fn identity_ty(&self) -> &Type {
        self.identity_ty.get_or_init(|| self.resource.identity_schema().ty())
    }
}

/// A data source type with the type of its values.
pub(super) struct DataSourceEntry {
    pub(super) data_source: Arc<dyn AnyDataSource>,
    ty: OnceLock<Type>,
}

impl DataSourceEntry {
    pub(super) fn ty(&self) -> &Type {
        self.ty.get_or_init(|| self.data_source.schema().ty())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("resources", &self.resources.keys()).finish_non_exhaustive()
    }
}

impl Server {
    /// Serves `provider`. `cancel` fires when the host calls `StopProvider`; whoever else ends the process may fire it.
    #[must_use]
    pub fn new(provider: Arc<dyn Provider>, cancel: Cancel, clock: Arc<dyn Clock>) -> Self {
        let resource = |resource: &Arc<dyn AnyResource>| {
            let entry = ResourceEntry { resource: resource.clone(), ty: OnceLock::new(), identity_ty: OnceLock::new() };
            (resource.type_name(), entry)
        };
        let data_source = |data_source: &Arc<dyn AnyDataSource>| {
            let entry = DataSourceEntry { data_source: data_source.clone(), ty: OnceLock::new() };
            (data_source.type_name(), entry)
        };
        Self {
            resources: provider.resources().iter().map(resource).collect(),
            data_sources: provider.data_sources().iter().map(data_source).collect(),
            functions: provider.functions().iter().map(|function| (function.name(), function.clone())).collect(),
            provider,
            clock,
            cancel: Mutex::new(cancel),
            configured: RwLock::new(None),
            provider_type: OnceLock::new(),
            cross_check_deadline: CROSS_CHECK_DEADLINE,
        }
    }

    pub(super) fn provider_type(&self) -> &Type {
        self.provider_type.get_or_init(|| self.provider.schema().ty())
    }

    pub(super) fn context(&self) -> Context {
        Context { cancel: self.cancel(), clock: self.clock.clone() }
    }

    fn cancel(&self) -> Cancel {
        self.cancel.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stop(&self) {
        self.cancel.lock().unwrap_or_else(PoisonError::into_inner).cancel();
    }

    /// A process under a debugger outlives the command that was interrupted: the next one starts unstopped.
    pub(super) fn restart(&self) {
        let mut cancel = self.cancel.lock().unwrap_or_else(PoisonError::into_inner);
        if cancel.is_cancelled() {
            *cancel = Cancel::new();
        }
    }

    pub(super) fn set_configured(&self, configured: Option<Configured>) {
        *self.configured.write().unwrap_or_else(PoisonError::into_inner) = configured;
    }

    pub(super) fn configured(&self) -> Option<Configured> {
        self.configured.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What configuring led to.
    pub(super) fn configuration(&self) -> Result<Configured, Diagnostics> {
        self.configured().ok_or_else(|| {
            Diagnostic::error(
                "Provider Not Configured",
                "The host used a resource or data source before it configured the provider, or after configuring it had \
                 failed. Run the command again; if that does not help, this is a bug in the host.",
            )
            .into()
        })
    }

    async fn call<T: Report>(
        &self,
        rpc: &'static str,
        subject: Subject,
        work: impl Future<Output = Result<T, Diagnostics>>,
    ) -> Answer<T> {
        Ok(Response::new(rpc::answer(rpc, subject, &*self.clock, work).await))
    }

    /// Answers for a family of which the provider has no member.
    async fn refuse<T: Report>(&self, rpc: &'static str, family: Family, name: String) -> Answer<T> {
        let subject = match family {
            Family::EphemeralResource => Subject::Ephemeral(name.clone()),
            Family::ListResource => Subject::Resource(name.clone()),
            Family::Action => Subject::Provider,
        };
        self.call(rpc, subject, async { Err(unsupported(family.title(), family.noun(), &name)) }).await
    }

    async fn refuse_stream<T: Report + Send + 'static>(
        &self,
        rpc: &'static str,
        family: Family,
        name: String,
    ) -> Answer<BoxStream<T>> {
        let event = self.refuse::<T>(rpc, family, name).await?.into_inner();
        Ok(Response::new(Box::pin(stream::once(std::future::ready(Ok(event))))))
    }
}

/// Families of which the provider has no member.
#[derive(Clone, Copy)]
enum Family {
    EphemeralResource,
    ListResource,
    Action,
}

impl Family {
    const fn title(self) -> &'static str {
        match self {
            Self::EphemeralResource => "Ephemeral Resource Type",
            Self::ListResource => "List Resource Type",
            Self::Action => "Action Type",
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::EphemeralResource => "ephemeral resource type",
            Self::ListResource => "list resource type",
            Self::Action => "action type",
        }
    }
}

/// The diagnostic for a name that the provider does not have.
pub(super) fn unsupported(title: &str, noun: &str, name: &str) -> Diagnostics {
    Diagnostic::error(
        format!("Unsupported {title}"),
        format!(
            "This version of the provider has no {noun} {name:?}. Check the spelling, and which version of the provider is \
             required and installed."
        ),
    )
    .into()
}

/// The arguments at `paths`, for a sentence.
pub(super) fn named(paths: &[Path]) -> String {
    paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Service for Server {
    async fn get_metadata(&self, _: Request<proto::get_metadata::Request>) -> Answer<proto::get_metadata::Response> {
        self.call("GetMetadata", Subject::Provider, async { Ok(self.metadata()) }).await
    }

    async fn get_provider_schema(
        &self,
        _: Request<proto::get_provider_schema::Request>,
    ) -> Answer<proto::get_provider_schema::Response> {
        self.call("GetProviderSchema", Subject::Provider, async { Ok(self.schemas()) }).await
    }

    async fn get_resource_identity_schemas(
        &self,
        _: Request<proto::get_resource_identity_schemas::Request>,
    ) -> Answer<proto::get_resource_identity_schemas::Response> {
        self.call("GetResourceIdentitySchemas", Subject::Provider, async { Ok(self.identity_schemas()) }).await
    }

    async fn validate_provider_config(
        &self,
        request: Request<proto::validate_provider_config::Request>,
    ) -> Answer<proto::validate_provider_config::Response> {
        let request = request.into_inner();
        self.call("ValidateProviderConfig", Subject::Provider, async { self.validate_provider(&request) }).await
    }

    async fn configure_provider(
        &self,
        request: Request<proto::configure_provider::Request>,
    ) -> Answer<proto::configure_provider::Response> {
        let request = request.into_inner();
        self.call("ConfigureProvider", Subject::Provider, async { self.configure(&request) }).await
    }

    /// Waits of running calls end; the calls answer with what they know.
    async fn stop_provider(&self, _: Request<proto::stop_provider::Request>) -> Answer<proto::stop_provider::Response> {
        tracing::info!("the host asked to stop");
        self.stop();
        Ok(Response::new(proto::stop_provider::Response::default()))
    }

    async fn validate_resource_config(
        &self,
        request: Request<proto::validate_resource_config::Request>,
    ) -> Answer<proto::validate_resource_config::Response> {
        let request = request.into_inner();
        let subject = Subject::Resource(request.type_name.clone());
        self.call("ValidateResourceConfig", subject, async { self.validate_resource(&request) }).await
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<proto::upgrade_resource_state::Request>,
    ) -> Answer<proto::upgrade_resource_state::Response> {
        let request = request.into_inner();
        let subject = Subject::Resource(request.type_name.clone());
        self.call("UpgradeResourceState", subject, async { self.upgrade_state(&request) }).await
    }

    async fn upgrade_resource_identity(
        &self,
        request: Request<proto::upgrade_resource_identity::Request>,
    ) -> Answer<proto::upgrade_resource_identity::Response> {
        let request = request.into_inner();
        let subject = Subject::Resource(request.type_name.clone());
        self.call("UpgradeResourceIdentity", subject, async { self.upgrade_identity(&request) }).await
    }

    async fn read_resource(
        &self,
        request: Request<proto::read_resource::Request>,
    ) -> Answer<proto::read_resource::Response> {
        let request = request.into_inner();
        let subject = Subject::Resource(request.type_name.clone());
        self.call("ReadResource", subject, self.read(request)).await
    }

    async fn plan_resource_change(
        &self,
        request: Request<proto::plan_resource_change::Request>,
    ) -> Answer<proto::plan_resource_change::Response> {
        let request = request.into_inner();
        let subject = Subject::Resource(request.type_name.clone());
        self.call("PlanResourceChange", subject, self.plan(request)).await
    }

    async fn apply_resource_change(
        &self,
        request: Request<proto::apply_resource_change::Request>,
    ) -> Answer<proto::apply_resource_change::Response> {
        let request = request.into_inner();
        let subject = Subject::Resource(request.type_name.clone());
        self.call("ApplyResourceChange", subject, self.apply(request)).await
    }

    async fn import_resource_state(
        &self,
        request: Request<proto::import_resource_state::Request>,
    ) -> Answer<proto::import_resource_state::Response> {
        let request = request.into_inner();
        let subject = Subject::Resource(request.type_name.clone());
        self.call("ImportResourceState", subject, self.import(request)).await
    }

    async fn move_resource_state(
        &self,
        request: Request<proto::move_resource_state::Request>,
    ) -> Answer<proto::move_resource_state::Response> {
        let request = request.into_inner();
        let subject = Subject::Resource(request.target_type_name.clone());
        self.call("MoveResourceState", subject, async { self.move_state(&request) }).await
    }

    async fn generate_resource_config(
        &self,
        request: Request<proto::generate_resource_config::Request>,
    ) -> Answer<proto::generate_resource_config::Response> {
        let request = request.into_inner();
        let subject = Subject::Resource(request.type_name.clone());
        self.call("GenerateResourceConfig", subject, async { self.generate_config(&request) }).await
    }

    async fn validate_data_resource_config(
        &self,
        request: Request<proto::validate_data_resource_config::Request>,
    ) -> Answer<proto::validate_data_resource_config::Response> {
        let request = request.into_inner();
        let subject = Subject::DataSource(request.type_name.clone());
        self.call("ValidateDataResourceConfig", subject, async { self.validate_data_source(&request) }).await
    }

    async fn read_data_source(
        &self,
        request: Request<proto::read_data_source::Request>,
    ) -> Answer<proto::read_data_source::Response> {
        let request = request.into_inner();
        let subject = Subject::DataSource(request.type_name.clone());
        self.call("ReadDataSource", subject, self.read_data(request)).await
    }

    async fn get_functions(&self, _: Request<proto::get_functions::Request>) -> Answer<proto::get_functions::Response> {
        self.call("GetFunctions", Subject::Provider, async { Ok(self.functions()) }).await
    }

    async fn call_function(
        &self,
        request: Request<proto::call_function::Request>,
    ) -> Answer<proto::call_function::Response> {
        let request = request.into_inner();
        let subject = Subject::Function(request.name.clone());
        self.call("CallFunction", subject, async { self.call_by_name(&request) }).await
    }

    async fn validate_ephemeral_resource_config(
        &self,
        request: Request<proto::validate_ephemeral_resource_config::Request>,
    ) -> Answer<proto::validate_ephemeral_resource_config::Response> {
        let name = request.into_inner().type_name;
        self.refuse("ValidateEphemeralResourceConfig", Family::EphemeralResource, name).await
    }

    async fn open_ephemeral_resource(
        &self,
        request: Request<proto::open_ephemeral_resource::Request>,
    ) -> Answer<proto::open_ephemeral_resource::Response> {
        self.refuse("OpenEphemeralResource", Family::EphemeralResource, request.into_inner().type_name).await
    }

    async fn renew_ephemeral_resource(
        &self,
        request: Request<proto::renew_ephemeral_resource::Request>,
    ) -> Answer<proto::renew_ephemeral_resource::Response> {
        self.refuse("RenewEphemeralResource", Family::EphemeralResource, request.into_inner().type_name).await
    }

    async fn close_ephemeral_resource(
        &self,
        request: Request<proto::close_ephemeral_resource::Request>,
    ) -> Answer<proto::close_ephemeral_resource::Response> {
        self.refuse("CloseEphemeralResource", Family::EphemeralResource, request.into_inner().type_name).await
    }

    async fn validate_list_resource_config(
        &self,
        request: Request<proto::validate_list_resource_config::Request>,
    ) -> Answer<proto::validate_list_resource_config::Response> {
        self.refuse("ValidateListResourceConfig", Family::ListResource, request.into_inner().type_name).await
    }

    async fn list_resource(
        &self,
        request: Request<proto::list_resource::Request>,
    ) -> Answer<BoxStream<proto::list_resource::Event>> {
        self.refuse_stream("ListResource", Family::ListResource, request.into_inner().type_name).await
    }

    async fn validate_action_config(
        &self,
        request: Request<proto::validate_action_config::Request>,
    ) -> Answer<proto::validate_action_config::Response> {
        self.refuse("ValidateActionConfig", Family::Action, request.into_inner().type_name).await
    }

    async fn plan_action(&self, request: Request<proto::plan_action::Request>) -> Answer<proto::plan_action::Response> {
        self.refuse("PlanAction", Family::Action, request.into_inner().action_type).await
    }

    async fn invoke_action(
        &self,
        request: Request<proto::invoke_action::Request>,
    ) -> Answer<BoxStream<proto::invoke_action::Event>> {
        self.refuse_stream("InvokeAction", Family::Action, request.into_inner().action_type).await
    }
}
