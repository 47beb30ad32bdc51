//! Object-safe twins of the typed traits, which the protocol layer calls.

use std::borrow::Cow;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;

use super::apply::{self, Change, schema_shape};
use super::data_source::DataSource;
use super::declared::Fate;
use super::diagnostic::{Diagnostic, Diagnostics, Severity};
use super::function::{self, Arguments, Function, FunctionError, Signature};
use super::model::{Field, ShapeError};
use super::path::Path;
use super::plan;
use super::private::{CLAIM_FACT, Private};
use super::provider::AnyClients;
use super::resource::{Context, Deleting, ImportTarget, Planning, Reading, Resource};
use super::schema::{Identity, IdentitySchema, Schema};
use super::value::Value;

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the host can do.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostCapabilities {
    /// Understands write-only attributes.
    pub write_only_attributes: bool,
}

/// A request to plan.
#[derive(Clone, Debug)]
pub struct PlanRequest {
    /// As written; null for a deletion.
    pub config: Value,
    /// Refreshed state; null for a creation.
    pub prior: Value,
    /// Core's merge; null for a deletion.
    pub proposed: Value,
    /// Private data of the prior state, or of the first plan of a replacement.
    pub private: Vec<u8>,
}

/// A plan.
#[derive(Clone, Debug, Default)]
pub struct PlanAnswer {
    /// Planned state; null for a deletion, and with errors.
    pub planned: Option<Value>,
    /// Paths whose change replaces the object.
    pub requires_replace: Vec<Path>,
    /// Planned private data.
    pub private: Vec<u8>,
    /// Identity, where it is wholly known.
    pub identity: Option<Identity>,
    /// Messages.
    pub diagnostics: Diagnostics,
}

/// A request to apply.
#[derive(Clone, Debug)]
pub struct ApplyRequest {
    /// State before; null for a creation.
    pub prior: Value,
    /// As planned; null for a deletion.
    pub planned: Value,
    /// As written, write-only values included.
    pub config: Value,
    /// Planned private data.
    pub private: Vec<u8>,
}

/// State with what belongs to it, after an apply, read or import.
#[derive(Clone, Debug, Default)]
pub struct StateAnswer {
    /// New state; null: there is no object.
    pub state: Option<Value>,
    /// Private data to store.
    pub private: Vec<u8>,
    /// Identity of the object.
    pub identity: Option<Identity>,
    /// Messages.
    pub diagnostics: Diagnostics,
}

/// A managed resource type.
pub trait AnyResource: Send + Sync {
    /// Type name.
    fn type_name(&self) -> &'static str;
    /// Schema.
    fn schema(&self) -> &Schema;
    /// Identity schema.
    fn identity_schema(&self) -> &IdentitySchema;
    /// Field names of the plan model and of the state model, for the test that compares them with the schema.
    fn model_fields(&self) -> [&'static [&'static str]; 2];
    /// Checks a configuration; offline.
    fn validate(&self, config: &Value, host: HostCapabilities) -> Diagnostics;
    /// Plans; offline. `clients` are there only for their settings.
    fn plan(&self, request: &PlanRequest, clients: Option<&AnyClients>, host: HostCapabilities) -> PlanAnswer;
    /// Enters a plan into the book of what this run stands for, and says if another instance stands for it too. Called for
    /// every plan, no-op plans included; offline.
    fn declare(&self, request: &PlanRequest, answer: &PlanAnswer, clients: &AnyClients) -> Diagnostics;
    /// Whether a plan changes more than settings of ours, which touch nothing remote.
    fn changes(&self, planned: &Value, prior: &Value) -> bool;
    /// Looks at the world for a plan that changes something, and warns.
    fn cross_check<'a>(&'a self, planned: &'a Value, clients: AnyClients, cx: Context) -> BoxFuture<'a, Diagnostics>;
    /// Creates, updates or deletes.
    fn apply(&self, request: ApplyRequest, clients: AnyClients, cx: Context) -> BoxFuture<'_, StateAnswer>;
    /// Refreshes.
    fn read(&self, state: Value, private: Vec<u8>, clients: AnyClients, cx: Context) -> BoxFuture<'_, StateAnswer>;
    /// Starts an import; the host reads next.
    fn import(&self, target: ImportTarget, clients: AnyClients, cx: Context) -> BoxFuture<'_, StateAnswer>;
    /// Brings stored JSON of a schema version to the shape of the current one; offline.
    ///
    /// # Errors
    /// If there never was such a version.
    fn upgrade(&self, version: i64, state: serde_json::Value) -> Result<serde_json::Value, Diagnostics>;
    /// Fills what older states of the same version lack, and drops what no state may hold.
    fn complete_state(&self, state: Value) -> Value;
    /// The identity of a stored state.
    fn identity_of(&self, state: &Value) -> Option<Identity>;
}

/// A data source type.
pub trait AnyDataSource: Send + Sync {
    /// Type name.
    fn type_name(&self) -> &'static str;
    /// Schema.
    fn schema(&self) -> &Schema;
    /// Field names of the configuration model and of the state model.
    fn model_fields(&self) -> [&'static [&'static str]; 2];
    /// Whether reading needs a configured provider.
    fn needs_clients(&self) -> bool;
    /// Checks a configuration; offline.
    fn validate(&self, config: &Value) -> Diagnostics;
    /// Reads.
    fn read(
        &self,
        config: Value,
        clients: Option<AnyClients>,
        cx: Context,
    ) -> BoxFuture<'_, (Option<Value>, Diagnostics)>;
}

/// A provider function.
pub trait AnyFunction: Send + Sync {
    /// Name.
    fn name(&self) -> &'static str;
    /// Signature.
    fn signature(&self) -> &Signature;
    /// How many parameters its Rust type has before the variadic one, and whether it has one, for the test that compares them
    /// with the signature.
    fn arguments(&self) -> (usize, bool);
    /// Calls it; offline. Unknown, if an argument is that must not be.
    ///
    /// # Errors
    /// If there is no result for these arguments.
    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError>;
}

/// Erases a [`Resource`].
#[derive(Debug)]
pub struct ResourceType<R: Resource> {
    /// Made when first asked for: a process that only starts and stops needs none.
    schema: OnceLock<Schema>,
    identity_schema: IdentitySchema,
    resource: PhantomData<fn() -> R>,
}

impl<R: Resource> ResourceType<R> {
    /// The erased type.
    #[must_use]
    pub fn erased() -> Arc<dyn AnyResource> {
        Arc::new(Self { schema: OnceLock::new(), identity_schema: R::identity_schema(), resource: PhantomData })
    }

    fn bind(&self, clients: AnyClients) -> Result<R, Diagnostics> {
        clients.downcast::<R::Clients>().map(R::new).map_err(|_| wrong_clients(R::TYPE))
    }

    fn identity(&self, state: &R::State) -> Option<Identity> {
        let identity = R::identity(state);
        (!identity.is_empty()).then_some(identity)
    }

    fn plan_change(
        &self,
        request: &PlanRequest,
        clients: Option<&AnyClients>,
        host: HostCapabilities,
    ) -> Result<PlanAnswer, Diagnostics> {
        let PlanRequest { config, prior, proposed, private } = request;
        let mut diagnostics = self.validate(config, host);
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        let settled = plan::settle(self.schema(), config, prior, proposed);
        let config_model = decode::<R::Plan>(config)?;
        let prior_model = if prior.is_null() { None } else { Some(decode::<R::State>(prior)?) };
        let mut private = Private::decode(private);
        private.take_successor();
        let mut planning = Planning::<R> {
            config: &config_model,
            prior: prior_model.as_ref(),
            planned: decode::<R::Plan>(&settled)?,
            private,
            clients: clients.and_then(|clients| clients.downcast_ref::<R::Clients>()),
            changes: true,
            requires_replace: Vec::new(),
            diagnostics: Diagnostics::new(),
        };
        let marked = if prior.is_null() {
            plan::mark_create(self.schema(), config, &settled)
        } else {
            planning.changes = plan::differs(self.schema(), &settled, prior) || R::wants_update(&planning);
            if planning.changes { plan::mark_update(self.schema(), config, prior, &settled) } else { settled }
        };
        planning.planned = decode::<R::Plan>(&marked)?;
        R::plan(&mut planning);
        let planned = plan::restore_refinements(&marked, planning.planned.to_value());
        let planned = plan::shape(&self.schema().attributes, planned);
        let mut requires_replace = planning.requires_replace;
        let mut private = planning.private;
        diagnostics.extend(planning.diagnostics);
        if prior.is_null() {
            let identity = decode::<R::State>(&plan::resolve(&planned)).map(|state| R::identity(&state));
            private.set_successor(identity.unwrap_or_default());
        } else {
            requires_replace.extend(plan::replacements(self.schema(), &planned, prior));
            requires_replace.dedup();
        }
        let identity = prior_model.as_ref().and_then(|state| self.identity(state));
        Ok(PlanAnswer { planned: Some(planned), requires_replace, private: private.encode(), identity, diagnostics })
    }
}

impl<R: Resource> AnyResource for ResourceType<R> {
    fn type_name(&self) -> &'static str {
        R::TYPE
    }

    fn schema(&self) -> &Schema {
        self.schema.get_or_init(R::schema)
    }

    fn identity_schema(&self) -> &IdentitySchema {
        &self.identity_schema
    }

    fn model_fields(&self) -> [&'static [&'static str]; 2] {
        use super::model::Model;
        [R::Plan::FIELDS, R::State::FIELDS]
    }

    fn validate(&self, config: &Value, host: HostCapabilities) -> Diagnostics {
        let mut diagnostics = self.schema().check(config);
        if !host.write_only_attributes {
            self.schema().visit(config, &mut |path, attribute, value| {
                if attribute.write_only && !value.is_null() {
                    diagnostics.error(
                        path.clone(),
                        "Write-Only Attribute Not Supported",
                        format!(
                            "{path} is a write-only attribute, which needs Terraform 1.11 or OpenTofu 1.11 or later. Upgrade, \
                             or use the attribute's counterpart that is stored in state."
                        ),
                    );
                }
            });
        }
        if let Some(model) = decode_all(config, &mut diagnostics) {
            R::validate(&model, &mut diagnostics);
        }
        diagnostics
    }

    fn plan(&self, request: &PlanRequest, clients: Option<&AnyClients>, host: HostCapabilities) -> PlanAnswer {
        if request.proposed.is_null() {
            // A deletion. The private data goes on to the delete unchanged.
            return PlanAnswer {
                planned: Some(Value::Null),
                private: request.private.clone(),
                identity: self.identity_of(&request.prior),
                ..PlanAnswer::default()
            };
        }
        self.plan_change(request, clients, host)
            .unwrap_or_else(|diagnostics| PlanAnswer { diagnostics, ..PlanAnswer::default() })
    }

    fn declare(&self, request: &PlanRequest, answer: &PlanAnswer, clients: &AnyClients) -> Diagnostics {
        let mut told = Diagnostics::new();
        let Some(declared) = clients.downcast_ref::<R::Clients>().and_then(R::declared) else { return told };
        let Some(planned) = &answer.planned else { return told };
        let fate = match (request.prior.is_null(), planned.is_null()) {
            (_, true) => Fate::Delete,
            (true, false) => Fate::Create,
            (false, false) if !answer.requires_replace.is_empty() => Fate::Replace,
            (false, false) => Fate::Keep { changes: self.changes(planned, &request.prior) },
        };
        let private = Private::decode(&request.private);
        let objects = R::objects(if planned.is_null() { &request.prior } else { planned });
        let mut entries: Vec<_> = objects.iter().map(|(object, path)| (object.clone(), path.clone(), fate)).collect();
        if fate == Fate::Replace {
            // A replacement of another name leaves nothing under the old one.
            let left =
                R::objects(&request.prior).into_iter().filter(|(old, _)| objects.iter().all(|(new, _)| new != old));
            entries.extend(left.map(|(object, path)| (object, path, Fate::Delete)));
        }
        for (object, path, fate) in entries {
            if let Some(diagnostic) = declared.enter(&object, &path, fate, private.instance()) {
                told.push(diagnostic);
            }
        }
        told
    }

    fn changes(&self, planned: &Value, prior: &Value) -> bool {
        prior.is_null() || plan::differs(self.schema(), planned, prior)
    }

    fn cross_check<'a>(&'a self, planned: &'a Value, clients: AnyClients, cx: Context) -> BoxFuture<'a, Diagnostics> {
        Box::pin(async move {
            match (self.bind(clients), decode::<R::Plan>(planned)) {
                (Ok(resource), Ok(planned)) => resource.cross_check(&cx, &planned).await,
                (Err(errors), _) | (_, Err(errors)) => errors,
            }
        })
    }

    fn apply(&self, request: ApplyRequest, clients: AnyClients, cx: Context) -> BoxFuture<'_, StateAnswer> {
        Box::pin(async move {
            let prior = request.prior.clone();
            let private = request.private.clone();
            let objects = R::objects(if request.planned.is_null() { &prior } else { &request.planned });
            let answer = self.apply_change(request, clients.clone(), cx).await;
            if let Some(declared) = clients.downcast_ref::<R::Clients>().and_then(R::declared) {
                let instance = Private::decode(&private);
                objects.iter().for_each(|(object, _)| declared.carried_out(object, instance.instance()));
            }
            answer.unwrap_or_else(|diagnostics| StateAnswer {
                identity: self.identity_of(&prior),
                state: Some(prior),
                private,
                diagnostics,
            })
        })
    }

    fn read(&self, state: Value, private: Vec<u8>, clients: AnyClients, cx: Context) -> BoxFuture<'_, StateAnswer> {
        Box::pin(async move {
            let kept = StateAnswer {
                identity: self.identity_of(&state),
                state: Some(state.clone()),
                private: private.clone(),
                diagnostics: Diagnostics::new(),
            };
            match self.read_object(state, &private, clients, cx).await {
                Ok(answer) => answer,
                Err(diagnostics) => StateAnswer { diagnostics, ..kept },
            }
        })
    }

    fn import(&self, target: ImportTarget, clients: AnyClients, cx: Context) -> BoxFuture<'_, StateAnswer> {
        Box::pin(async move {
            let work = async {
                let resource = self.bind(clients)?;
                let mut reading = Reading { context: cx, private: Private::default(), warnings: Diagnostics::new() };
                let state = caught(R::TYPE, "importing", resource.import(&mut reading, target)).await?;
                let identity = self.identity(&state);
                let state = plan::fill_local_defaults(self.schema(), schema_shape(self.schema(), &state.to_value()));
                reading.private.set_imported(true);
                reading.private.set_fact(CLAIM_FACT, format!("{:016x}", rand::random::<u64>()));
                Ok(StateAnswer {
                    state: Some(state),
                    private: reading.private.encode(),
                    identity,
                    diagnostics: reading.warnings,
                })
            };
            work.await.unwrap_or_else(|diagnostics| StateAnswer { diagnostics, ..StateAnswer::default() })
        })
    }

    fn upgrade(&self, version: i64, state: serde_json::Value) -> Result<serde_json::Value, Diagnostics> {
        (version..self.schema().version).try_fold(state, |state, version| R::upgrade(version, state))
    }

    fn complete_state(&self, state: Value) -> Value {
        plan::fill_local_defaults(self.schema(), plan::shape(&self.schema().attributes, state))
    }

    fn identity_of(&self, state: &Value) -> Option<Identity> {
        if state.is_null() {
            return None;
        }
        self.identity(&decode::<R::State>(state).ok()?)
    }
}

impl<R: Resource> ResourceType<R> {
    async fn apply_change(
        &self,
        request: ApplyRequest,
        clients: AnyClients,
        cx: Context,
    ) -> Result<StateAnswer, Diagnostics> {
        let ApplyRequest { prior, planned, config, private } = request;
        let mut private = Private::decode(&private);
        if planned.is_null() {
            return self.delete(&prior, private, clients, cx).await;
        }
        private.take_successor();
        if prior.is_null() {
            // The create half of a replacement is handed the facts of the object before it.
            private.forget_facts();
        }
        // Only settings of ours changed: nothing remote to do.
        if !prior.is_null() && planned.is_wholly_known() && !plan::differs(self.schema(), &planned, &prior) {
            return Ok(StateAnswer {
                identity: self.identity_of(&planned),
                state: Some(planned),
                private: private.encode(),
                diagnostics: Diagnostics::new(),
            });
        }
        let resource = self.bind(clients)?;
        let change = Change {
            prior: if prior.is_null() { None } else { Some(decode::<R::State>(&prior)?) },
            prior_value: &prior,
            planned: decode::<R::Plan>(&planned)?,
            planned_value: &planned,
            config: decode::<R::Plan>(&config)?,
            private,
        };
        let applied = apply::run(&resource, self.schema(), cx, change).await;
        Ok(StateAnswer {
            identity: self.identity_of(&applied.state),
            state: Some(applied.state),
            private: applied.private.encode(),
            diagnostics: applied.diagnostics,
        })
    }

    async fn delete(
        &self,
        prior: &Value,
        private: Private,
        clients: AnyClients,
        cx: Context,
    ) -> Result<StateAnswer, Diagnostics> {
        let resource = self.bind(clients)?;
        let state = decode::<R::State>(prior)?;
        let mut deleting = Deleting { context: cx, private, warnings: Diagnostics::new() };
        let outcome = caught(R::TYPE, "deleting", resource.delete(&mut deleting, state)).await;
        let mut diagnostics = deleting.warnings;
        let mut private = deleting.private;
        private.take_successor();
        let state = match outcome {
            Ok(()) => Value::Null,
            Err(errors) => {
                diagnostics.extend(errors);
                prior.clone()
            }
        };
        let identity = self.identity_of(&state);
        Ok(StateAnswer { state: Some(state), private: private.encode(), identity, diagnostics })
    }

    async fn read_object(
        &self,
        state: Value,
        private: &[u8],
        clients: AnyClients,
        cx: Context,
    ) -> Result<StateAnswer, Diagnostics> {
        let resource = self.bind(clients)?;
        let model = decode::<R::State>(&state)?;
        let mut private = Private::decode(private);
        private.take_successor();
        let mut reading = Reading { context: cx, private, warnings: Diagnostics::new() };
        let refreshed = caught(R::TYPE, "reading", resource.read(&mut reading, model)).await?;
        reading.private.set_imported(false);
        let (state, identity) = match refreshed {
            Some(model) => {
                let value = schema_shape(self.schema(), &model.to_value());
                (plan::fill_local_defaults(self.schema(), value), self.identity(&model))
            }
            None => (Value::Null, None),
        };
        Ok(StateAnswer {
            state: Some(state),
            private: reading.private.encode(),
            identity,
            diagnostics: reading.warnings,
        })
    }
}

/// Erases a [`DataSource`].
#[derive(Debug)]
pub struct DataSourceType<D: DataSource> {
    schema: OnceLock<Schema>,
    data_source: PhantomData<fn() -> D>,
}

impl<D: DataSource> DataSourceType<D> {
    /// The erased type.
    #[must_use]
    pub fn erased() -> Arc<dyn AnyDataSource> {
        Arc::new(Self { schema: OnceLock::new(), data_source: PhantomData })
    }
}

impl<D: DataSource> AnyDataSource for DataSourceType<D> {
    fn type_name(&self) -> &'static str {
        D::TYPE
    }

    fn schema(&self) -> &Schema {
        self.schema.get_or_init(D::schema)
    }

    fn model_fields(&self) -> [&'static [&'static str]; 2] {
        use super::model::Model;
        [D::Config::FIELDS, D::State::FIELDS]
    }

    fn needs_clients(&self) -> bool {
        D::new(None).is_none()
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let mut diagnostics = self.schema().check(config);
        if let Some(model) = decode_all(config, &mut diagnostics) {
            D::validate(&model, &mut diagnostics);
        }
        diagnostics
    }

    fn read(
        &self,
        config: Value,
        clients: Option<AnyClients>,
        cx: Context,
    ) -> BoxFuture<'_, (Option<Value>, Diagnostics)> {
        Box::pin(async move {
            let mut warnings = Diagnostics::new();
            let work = async {
                let clients = clients.and_then(|clients| clients.downcast::<D::Clients>().ok());
                let data_source = D::new(clients).ok_or_else(|| wrong_clients(D::TYPE))?;
                // Attributes that are neither configured nor given a value by the host have their default.
                let settled = plan::settle(self.schema(), &config, &Value::Null, &config);
                let model = decode::<D::Config>(&settled)?;
                let state = caught(D::TYPE, "reading", data_source.read(&cx, model, &mut warnings)).await?;
                Ok(schema_shape(self.schema(), &state.to_value()))
            };
            match work.await {
                Ok(state) => (Some(state), warnings),
                Err(errors) => {
                    warnings.extend(errors);
                    (None, warnings)
                }
            }
        })
    }
}

/// Erases a [`Function`].
#[derive(Debug)]
pub struct FunctionType<F: Function> {
    signature: OnceLock<Signature>,
    function: PhantomData<fn() -> F>,
}

impl<F: Function> FunctionType<F> {
    /// The erased function.
    #[must_use]
    pub fn erased() -> Arc<dyn AnyFunction> {
        Arc::new(Self { signature: OnceLock::new(), function: PhantomData })
    }
}

impl<F: Function> AnyFunction for FunctionType<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn signature(&self) -> &Signature {
        self.signature.get_or_init(F::signature)
    }

    fn arguments(&self) -> (usize, bool) {
        F::Arguments::SHAPE
    }

    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError> {
        function::call::<F>(self.signature(), arguments)
    }
}

fn decode<T: Field>(value: &Value) -> Result<T, Diagnostics> {
    T::from_value(value).map_err(|error| unsuitable(error).into())
}

fn unsuitable(error: ShapeError) -> Diagnostic {
    let ShapeError { path, expected } = error;
    let shown = if path.is_root() { "the value".to_owned() } else { path.to_string() };
    Diagnostic::error("Unsuitable Value", format!("{shown} must be {expected}.")).at(path)
}

/// Reads a configuration and tells every value that does not suit. Each is then taken for unknown, so that it hides no
/// other problem.
fn decode_all<T: Field>(config: &Value, diagnostics: &mut Diagnostics) -> Option<T> {
    let mut config = Cow::Borrowed(config);
    loop {
        match T::from_value(&config) {
            Ok(model) => return Some(model),
            Err(error) => {
                let path = error.path.clone();
                // The attribute's own check may have said it better.
                if !diagnostics.iter().any(|told| told.severity == Severity::Error && told.path.as_ref() == Some(&path))
                {
                    diagnostics.push(unsuitable(error));
                }
                if !config.to_mut().forget(&path) {
                    return None;
                }
            }
        }
    }
}

fn wrong_clients(type_name: &str) -> Diagnostics {
    Diagnostic::error(
        "Provider Not Configured",
        format!(
            "{type_name} was used before the provider was configured.\nThis is a bug in the provider; please report it."
        ),
    )
    .into()
}

/// Runs one remote operation so that a panic in it becomes a diagnostic.
async fn caught<T>(
    type_name: &str,
    doing: &str,
    work: impl Future<Output = Result<T, Diagnostics>>,
) -> Result<T, Diagnostics> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
        Err(Diagnostic::error(
            "Provider Panic",
            format!(
                "While {doing} {type_name} the provider stopped at a programming error; its log holds the details.\n\
                 This is a bug in the provider; please report it."
            ),
        )
        .into())
    })
}
