//! What a resource is: the one trait that each resource type implements, and the contexts its methods get.
//!
//! `plan` and what belongs to it are pure: the host calls them twice and compares the answers, so they use no clock,
//! randomness or network. Everything remote happens in `cross_check`, `create`, `update`, `read`, `delete` and `import`.

use std::sync::Arc;
use std::time::Duration;

use super::declared::Declared;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::duration;
use super::model::{Model, Planned, Stored};
use super::path::Path;
use super::private::Private;
use super::schema::{Attribute, Identity, IdentitySchema, Nesting, Problem, Schema};
use super::value::Value;
use crate::cancel::Cancel;
use crate::clock::Clock;

/// A managed resource type. A value of it exists only once the provider is configured.
pub trait Resource: Send + Sync + Sized + 'static {
    /// Type name, with the provider's prefix.
    const TYPE: &'static str;
    /// Model of configuration and plan.
    type Plan: Model;
    /// Model of state. Cannot hold an unknown.
    type State: Model;
    /// The clients that the provider's configuration builds.
    type Clients: Send + Sync + 'static;

    /// The schema.
    fn schema() -> Schema;
    /// The identity's schema.
    fn identity_schema() -> IdentitySchema;
    /// The identity, as far as the state knows it.
    fn identity(state: &Self::State) -> Identity;
    /// Binds the type to clients.
    fn new(clients: Arc<Self::Clients>) -> Self;

    /// Names of the remote objects that a plan or state of this type stands for, each with the attribute that names it.
    /// Two instances that stand for one object are told so.
    fn objects(value: &Value) -> Vec<(String, Path)> {
        let _ = value;
        Vec::new()
    }

    /// Where the clients keep what plans told of objects.
    fn declared(clients: &Self::Clients) -> Option<&Declared> {
        let _ = clients;
        None
    }

    /// Checks what involves more than one attribute. Silent about anything unknown; no clock, no clients.
    fn validate(config: &Self::Plan, diagnostics: &mut Diagnostics) {
        let _ = (config, diagnostics);
    }

    /// Whether an update is due although configuration and state agree: an object not ready, a renewal.
    fn wants_update(planning: &Planning<'_, Self>) -> bool {
        let _ = planning;
        false
    }

    /// Adjusts the plan: derived values, replacement, warnings. Called after unknowns are marked; also for no-op plans.
    fn plan(planning: &mut Planning<'_, Self>) {
        let _ = planning;
    }

    /// Looks at the world, within a deadline, and warns. Never changes a planned value. Skipped for no-op plans.
    fn cross_check(&self, cx: &Context, planned: &Self::Plan) -> impl Future<Output = Diagnostics> + Send {
        let _ = (cx, planned);
        async { Diagnostics::new() }
    }

    /// Creates the object.
    ///
    /// # Errors
    /// Only before anything exists. Once a checkpoint is recorded an error would taint the object, so the framework
    /// turns it into a warning unless [`Applying::allow_taint`] was called.
    fn create(
        &self,
        cx: &mut Applying<Self>,
        planned: Self::Plan,
        config: Self::Plan,
    ) -> impl Future<Output = Result<Self::State, Diagnostics>> + Send;

    /// Brings the object from `prior` to `planned`.
    ///
    /// # Errors
    /// The last checkpoint is stored with them, or the prior state if there is none.
    fn update(
        &self,
        cx: &mut Applying<Self>,
        prior: Self::State,
        planned: Self::Plan,
        config: Self::Plan,
    ) -> impl Future<Output = Result<Self::State, Diagnostics>> + Send;

    /// Refreshes. `None`: the object is gone.
    ///
    /// # Errors
    /// If that cannot be found out.
    fn read(
        &self,
        cx: &mut Reading,
        prior: Self::State,
    ) -> impl Future<Output = Result<Option<Self::State>, Diagnostics>> + Send;

    /// Deletes the object and waits until it is gone. Already gone is success.
    ///
    /// # Errors
    /// The object stays in state.
    fn delete(&self, cx: &mut Deleting, prior: Self::State) -> impl Future<Output = Result<(), Diagnostics>> + Send;

    /// The state from which `read` finds the object: the attributes that identify it.
    ///
    /// # Errors
    /// If the target does not name an object of this type.
    fn import(
        &self,
        cx: &mut Reading,
        target: ImportTarget,
    ) -> impl Future<Output = Result<Self::State, Diagnostics>> + Send;

    /// Brings a stored state of an older schema version to the next newer shape; called until the version is current.
    /// Works offline.
    ///
    /// # Errors
    /// If there never was such a version.
    fn upgrade(from_version: i64, state: serde_json::Value) -> Result<serde_json::Value, Diagnostics> {
        let _ = state;
        Err(Diagnostic::error(
            "Unknown State Version",
            format!(
                "The state holds {} in schema version {from_version}, which no release of this provider has written. \
                 Use the provider version that wrote the state.",
                Self::TYPE
            ),
        )
        .into())
    }
}

/// What every remote operation gets.
#[derive(Clone, Debug)]
pub struct Context {
    /// Fires on interrupt: end waits within a second, keep what is known.
    pub cancel: Cancel,
    /// The only source of time.
    pub clock: Arc<dyn Clock>,
}

/// A plan in the making.
#[derive(Debug)]
pub struct Planning<'a, R: Resource> {
    /// As written, write-only values included.
    pub config: &'a R::Plan,
    /// Refreshed state; `None` for a create.
    pub prior: Option<&'a R::State>,
    /// What will be answered.
    pub planned: R::Plan,
    /// The object's private data; the hook may keep facts for an update in it. A create starts without facts.
    pub private: Private,
    /// Settings of the configured provider. `None` while its configuration is unknown.
    pub clients: Option<&'a R::Clients>,
    /// Whether this plan changes anything but local settings: it creates, writes or waits.
    pub changes: bool,
    /// Paths whose change replaces the object.
    pub requires_replace: Vec<Path>,
    /// Messages.
    pub diagnostics: Diagnostics,
}

/// A create or update in progress.
#[derive(Debug)]
pub struct Applying<R: Resource> {
    /// Cancellation and time.
    pub context: Context,
    /// Planned private data, without facts on a create; what it holds at the end is stored.
    pub private: Private,
    /// Warnings to show with success.
    pub warnings: Diagnostics,
    checkpoint: Checkpoint,
    taint: bool,
    resource: std::marker::PhantomData<fn() -> R>,
}

/// The last recorded state, shared with the framework so that not even a panic loses it.
pub(crate) type Checkpoint = Arc<std::sync::Mutex<Option<(Value, Private)>>>;

impl<R: Resource> Applying<R> {
    pub(crate) fn new(context: Context, private: Private, checkpoint: Checkpoint) -> Self {
        Self {
            context,
            private,
            warnings: Diagnostics::new(),
            checkpoint,
            taint: false,
            resource: std::marker::PhantomData,
        }
    }

    /// Records what is true now. Whatever fails later, this is stored.
    pub fn checkpoint(&mut self, state: &R::State) {
        use super::model::Field;
        let value = state.to_value();
        let mut slot = self.checkpoint.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *slot = Some((value, self.private.clone()));
    }

    /// Lets an error after a checkpoint of a create taint the object. For users who ask for it.
    pub const fn allow_taint(&mut self) {
        self.taint = true;
    }

    pub(crate) const fn taint_allowed(&self) -> bool {
        self.taint
    }
}

/// A read or import in progress.
#[derive(Debug)]
pub struct Reading {
    /// Cancellation and time.
    pub context: Context,
    /// Stored private data; what it holds at the end is stored.
    pub private: Private,
    /// Warnings to show with success.
    pub warnings: Diagnostics,
}

/// A delete in progress.
#[derive(Debug)]
pub struct Deleting {
    /// Cancellation and time.
    pub context: Context,
    /// Stored private data. Its `successor` says what replaces the object, in a delete-first replacement.
    pub private: Private,
    /// Warnings to show with success.
    pub warnings: Diagnostics,
}

/// What to import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportTarget {
    /// An import id.
    Id(String),
    /// Identity attributes; those left out are absent.
    Identity(Identity),
}

crate::model! {
    /// The `timeouts` attribute that every resource has.
    pub struct Timeouts {
        /// For create.
        pub create: String,
        /// For read.
        pub read: String,
        /// For update.
        pub update: String,
        /// For delete.
        pub delete: String,
    }
}

/// The declaration of [`Timeouts`], with the defaults for its text.
#[must_use]
pub fn timeouts_attribute(create: Duration, update: Duration, delete: Duration) -> Attribute {
    let entry = |name: &'static str, default: Duration, what: &str| {
        Attribute::string(
            name,
            format!(
                "How long {what} may take, as a Go duration such as `90s` or `1h30m`. Default `{}m`.",
                default.as_secs() / 60
            ),
        )
        .local()
        .check(duration_check)
    };
    Attribute::nested(
        "timeouts",
        Nesting::Single,
        vec![
            entry("create", create, "creating and then waiting"),
            entry("read", READ_TIMEOUT, "one refresh"),
            entry("update", update, "updating and then waiting"),
            entry("delete", delete, "deleting and then waiting"),
        ],
        "How long operations may take. A wait that runs out keeps the object; see `ready`.",
    )
    .local()
}

/// Default of `timeouts.read`.
pub const READ_TIMEOUT: Duration = Duration::from_mins(2);

fn duration_check(value: &Value) -> Result<(), Problem> {
    let text = value.as_str().unwrap_or_default();
    match duration::parse(text) {
        Some(duration) if duration > Duration::ZERO => Ok(()),
        _ => Err(Problem::new(
            "Invalid Duration",
            format!(
                "{text:?} is not a positive duration. Write a number with a unit, such as \"90s\", \"10m\" or \"1h30m\"."
            ),
        )),
    }
}

/// The timeout that a planned or stored `timeouts` gives, else `default`.
pub trait TimeoutSource {
    /// For one of `create`, `read`, `update`, `delete`.
    fn timeout(&self, pick: TimeoutOf, default: Duration) -> Duration;
}

/// Which timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutOf {
    /// `timeouts.create`
    Create,
    /// `timeouts.read`
    Read,
    /// `timeouts.update`
    Update,
    /// `timeouts.delete`
    Delete,
}

impl TimeoutSource for super::model::Attr<Timeouts<Planned>> {
    fn timeout(&self, pick: TimeoutOf, default: Duration) -> Duration {
        let text = self.known().and_then(|timeouts| {
            match pick {
                TimeoutOf::Create => &timeouts.create,
                TimeoutOf::Read => &timeouts.read,
                TimeoutOf::Update => &timeouts.update,
                TimeoutOf::Delete => &timeouts.delete,
            }
            .known()
        });
        text.and_then(|text| duration::parse(text)).unwrap_or(default)
    }
}

impl TimeoutSource for Option<Timeouts<Stored>> {
    fn timeout(&self, pick: TimeoutOf, default: Duration) -> Duration {
        let text = self.as_ref().and_then(|timeouts| {
            match pick {
                TimeoutOf::Create => &timeouts.create,
                TimeoutOf::Read => &timeouts.read,
                TimeoutOf::Update => &timeouts.update,
                TimeoutOf::Delete => &timeouts.delete,
            }
            .as_ref()
        });
        text.and_then(|text| duration::parse(text)).unwrap_or(default)
    }
}
