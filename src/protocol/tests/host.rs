//! A host for the tests of the server: a provider with one resource, two data sources and two functions, and each call spelled out.

use std::sync::{Arc, Mutex};

use tfplugin_proto::tfplugin6::provider_server::Provider as Service;
use tfplugin_proto::tfplugin6::{self as proto, DynamicValue, RawState, ResourceIdentityData};
use tonic::Request;

use crate::cancel::Cancel;
use crate::clock::SystemClock;
use crate::framework::conformance::host_rules;
use crate::framework::data_source::DataSource;
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::erased::{AnyDataSource, AnyFunction, AnyResource, DataSourceType, FunctionType, ResourceType};
use crate::framework::model::{Planned, Stored};
use crate::framework::path::Path;
use crate::framework::provider::{Configured, Provider};
use crate::framework::resource::Context;
use crate::framework::schema::{Attribute, Schema};
use crate::framework::tests::everything::{Fault, ThingResource, World};
use crate::framework::tests::functions::{Join, Pair};
use crate::framework::types::Type;
use crate::framework::value::Value;
use crate::protocol::dynamic_value::{decode, encode};
use crate::protocol::server::Server;

crate::model! {
    /// What a thing is like.
    pub(crate) struct Facts {
        /// Of the thing.
        pub(crate) name: String,
        /// How many things there are.
        pub(crate) count_of_things: i64,
    }
}

/// Needs a configured provider.
pub(super) struct ThingFacts(Arc<World>);
/// Needs none.
pub(super) struct Constant;

pub(super) fn facts_schema() -> Schema {
    let name = Attribute::string("name", "Name.").required();
    Schema::new("Facts.", vec![name, Attribute::number("count_of_things", "Count.").computed()])
}

impl DataSource for ThingFacts {
    const TYPE: &'static str = "test_facts";
    type Config = Facts<Planned>;
    type State = Facts<Stored>;
    type Clients = World;

    fn schema() -> Schema {
        facts_schema()
    }

    fn new(clients: Option<Arc<World>>) -> Option<Self> {
        clients.map(Self)
    }

    async fn read(
        &self,
        _: &Context,
        config: Facts<Planned>,
        warnings: &mut Diagnostics,
    ) -> Result<Facts<Stored>, Diagnostics> {
        warnings.warn(Path::attribute("name"), "Read Once", "This is a test.");
        assert!(*self.0.fault.lock().unwrap() != Fault::PanicBefore, "as told");
        let count = self.0.things.lock().unwrap().len();
        Ok(Facts { name: config.name.into_known(), count_of_things: i64::try_from(count).ok() })
    }
}

impl DataSource for Constant {
    const TYPE: &'static str = "test_constant";
    type Config = Facts<Planned>;
    type State = Facts<Stored>;
    type Clients = World;

    fn schema() -> Schema {
        facts_schema()
    }

    fn new(_: Option<Arc<World>>) -> Option<Self> {
        Some(Self)
    }

    async fn read(
        &self,
        _: &Context,
        config: Facts<Planned>,
        _: &mut Diagnostics,
    ) -> Result<Facts<Stored>, Diagnostics> {
        Ok(Facts { name: config.name.into_known(), count_of_things: Some(1) })
    }
}

pub(super) struct TestProvider {
    pub(super) schema: Schema,
    pub(super) resources: Vec<Arc<dyn AnyResource>>,
    pub(super) data_sources: Vec<Arc<dyn AnyDataSource>>,
    pub(super) functions: Vec<Arc<dyn AnyFunction>>,
    pub(super) worlds: Mutex<Vec<Arc<World>>>,
}

impl Provider for TestProvider {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        self.schema.check(config)
    }

    /// Each configuration has a world of its own.
    fn configure(&self, config: &Value, host_version: &str, _: &Context) -> (Option<Configured>, Diagnostics) {
        assert_eq!(host_version, "1.15.5");
        let region = config.attr("region");
        if region.is_unknown() {
            return (Some(Configured::Unknown(vec![Path::attribute("region")])), Diagnostics::new());
        }
        if region.is_null() {
            return (None, Diagnostic::error("Missing Region", "Set region.").at(Path::attribute("region")).into());
        }
        assert!(region != Value::string("panic"), "as told");
        let world = Arc::new(World::default());
        self.worlds.lock().unwrap().push(world.clone());
        (Some(Configured::Ready(world)), Diagnostics::new())
    }

    fn resources(&self) -> &[Arc<dyn AnyResource>] {
        &self.resources
    }

    fn data_sources(&self) -> &[Arc<dyn AnyDataSource>] {
        &self.data_sources
    }

    fn functions(&self) -> &[Arc<dyn AnyFunction>] {
        &self.functions
    }
}

/// A server with its provider, and what a host does with it.
pub(super) struct Host {
    pub(super) server: Server,
    pub(super) provider: Arc<TestProvider>,
    pub(super) ty: Type,
}

pub(super) const THING: &str = "test_thing";

pub(super) fn capabilities(deferral_allowed: bool) -> Option<proto::ClientCapabilities> {
    Some(proto::ClientCapabilities {
        deferral_allowed,
        write_only_attributes_allowed: true,
        ..proto::ClientCapabilities::default()
    })
}

pub(super) fn packed(ty: &Type, value: &Value) -> Option<DynamicValue> {
    Some(DynamicValue { msgpack: encode(ty, value).unwrap(), json: Vec::new() })
}

pub(super) fn summaries(diagnostics: &[proto::Diagnostic]) -> Vec<&str> {
    diagnostics.iter().map(|message| message.summary.as_str()).collect()
}

pub(super) fn named(name: &str) -> Option<ResourceIdentityData> {
    let ty = Type::Object([("id".to_owned(), Type::String), ("name".to_owned(), Type::String)].into());
    Some(ResourceIdentityData { identity_data: packed(&ty, &Value::map([("name", Value::string(name))])) })
}

impl Host {
    pub(super) fn new() -> Self {
        let thing = ResourceType::<ThingResource>::erased();
        let ty = thing.schema().ty();
        let region = Attribute::string("region", "Region.").check(|value| match value.as_str() {
            Some("nowhere") => {
                Err(crate::framework::schema::Problem::new("Unknown Region", "There is no such region."))
            }
            _ => Ok(()),
        });
        let provider = Arc::new(TestProvider {
            schema: Schema::new("A provider.", vec![region]),
            resources: vec![thing],
            data_sources: vec![DataSourceType::<Constant>::erased(), DataSourceType::<ThingFacts>::erased()],
            functions: vec![FunctionType::<Join>::erased(), FunctionType::<Pair>::erased()],
            worlds: Mutex::new(Vec::new()),
        });
        let server = Server::new(provider.clone(), Cancel::new(), Arc::new(SystemClock));
        Self { server, provider, ty }
    }

    pub(super) async fn configured() -> Self {
        let host = Self::new();
        assert_eq!(summaries(&host.configure(Value::string("cn")).await), Vec::<&str>::new());
        host
    }

    pub(super) async fn half_configured() -> Self {
        let host = Self::new();
        assert_eq!(summaries(&host.configure(Value::unknown()).await), Vec::<&str>::new());
        host
    }

    pub(super) fn world(&self) -> Arc<World> {
        self.provider.worlds.lock().unwrap().last().unwrap().clone()
    }

    pub(super) fn fails(&self, fault: Fault) {
        *self.world().fault.lock().unwrap() = fault;
    }

    pub(super) fn region(&self, region: Value) -> Option<DynamicValue> {
        packed(&self.provider.schema.ty(), &Value::map([("region", region)]))
    }

    pub(super) async fn configure(&self, region: Value) -> Vec<proto::Diagnostic> {
        let request = proto::configure_provider::Request {
            terraform_version: "1.15.5".to_owned(),
            config: self.region(region),
            client_capabilities: capabilities(false),
        };
        self.server.configure_provider(Request::new(request)).await.unwrap().into_inner().diagnostics
    }

    pub(super) fn config(&self, attributes: &[(&str, Value)]) -> Value {
        let mut config = self.provider.resources[0].schema().null_object();
        config.set("name", Value::string("a"));
        attributes.iter().for_each(|(name, value)| config.set(name, value.clone()));
        config
    }

    pub(super) fn unpacked(&self, message: Option<&DynamicValue>) -> Value {
        decode(&message.unwrap().msgpack, &[], &self.ty).unwrap()
    }

    pub(super) async fn plan(
        &self,
        config: &Value,
        prior: &Value,
        private: &[u8],
    ) -> proto::plan_resource_change::Response {
        let proposed = host_rules::propose(self.provider.resources[0].schema(), prior, config);
        let request = proto::plan_resource_change::Request {
            type_name: THING.to_owned(),
            prior_state: packed(&self.ty, prior),
            proposed_new_state: packed(&self.ty, &proposed),
            config: packed(&self.ty, config),
            prior_private: private.to_vec(),
            client_capabilities: capabilities(false),
            prior_identity: if prior.is_null() { None } else { named("a") },
            ..proto::plan_resource_change::Request::default()
        };
        self.server.plan_resource_change(Request::new(request)).await.unwrap().into_inner()
    }

    pub(super) async fn apply(&self, config: &Value, prior: &Value) -> proto::apply_resource_change::Response {
        let planned = self.plan(config, prior, &[]).await;
        let request = proto::apply_resource_change::Request {
            type_name: THING.to_owned(),
            prior_state: packed(&self.ty, prior),
            planned_state: planned.planned_state,
            config: packed(&self.ty, config),
            planned_private: planned.planned_private,
            provider_meta: None,
            planned_identity: planned.planned_identity,
        };
        self.server.apply_resource_change(Request::new(request)).await.unwrap().into_inner()
    }

    pub(super) async fn read(
        &self,
        state: Option<DynamicValue>,
        private: &[u8],
        identity: Option<ResourceIdentityData>,
        deferral: bool,
    ) -> proto::read_resource::Response {
        let request = proto::read_resource::Request {
            type_name: THING.to_owned(),
            current_state: state,
            private: private.to_vec(),
            provider_meta: None,
            client_capabilities: capabilities(deferral),
            current_identity: identity,
        };
        self.server.read_resource(Request::new(request)).await.unwrap().into_inner()
    }

    pub(super) async fn read_data(&self, type_name: &str, deferral: bool) -> proto::read_data_source::Response {
        let config = packed(&facts_schema().ty(), &Value::map([("name", Value::string("a"))]));
        let request = proto::read_data_source::Request {
            type_name: type_name.to_owned(),
            config,
            provider_meta: None,
            client_capabilities: capabilities(deferral),
        };
        self.server.read_data_source(Request::new(request)).await.unwrap().into_inner()
    }

    pub(super) async fn upgrade(&self, version: i64, json: &str) -> proto::upgrade_resource_state::Response {
        let request = proto::upgrade_resource_state::Request {
            type_name: THING.to_owned(),
            version,
            raw_state: Some(RawState { json: json.as_bytes().to_vec(), ..RawState::default() }),
        };
        self.server.upgrade_resource_state(Request::new(request)).await.unwrap().into_inner()
    }

    pub(super) async fn validate(&self, config: Option<DynamicValue>, write_only: bool) -> Vec<proto::Diagnostic> {
        let request = proto::validate_resource_config::Request {
            type_name: THING.to_owned(),
            config,
            client_capabilities: capabilities(false)
                .map(|flags| proto::ClientCapabilities { write_only_attributes_allowed: write_only, ..flags }),
        };
        self.server.validate_resource_config(Request::new(request)).await.unwrap().into_inner().diagnostics
    }
}
