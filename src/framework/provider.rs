//! What the protocol layer serves: a provider's schema, its types, and how it is configured.

use std::any::Any;
use std::sync::Arc;

use super::diagnostic::Diagnostics;
use super::erased::{AnyDataSource, AnyFunction, AnyResource};
use super::path::Path;
use super::resource::Context;
use super::schema::Schema;
use super::value::Value;

/// Clients, type-erased.
pub type AnyClients = Arc<dyn Any + Send + Sync>;

/// What configuring led to.
#[derive(Clone)]
pub enum Configured {
    /// Clients are ready. None of them has made a call yet.
    Ready(AnyClients),
    /// Parts of the configuration are known only after apply: plans work, reads cannot.
    Unknown(Vec<Path>),
}

impl std::fmt::Debug for Configured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ready(_) => f.write_str("Ready"),
            Self::Unknown(paths) => f.debug_tuple("Unknown").field(paths).finish(),
        }
    }
}

/// A provider.
pub trait Provider: Send + Sync + 'static {
    /// The provider block's schema.
    fn schema(&self) -> &Schema;
    /// Checks a provider configuration; works offline.
    fn validate(&self, config: &Value) -> Diagnostics;
    /// Builds clients. Makes no call.
    fn configure(&self, config: &Value, host_version: &str, cx: &Context) -> (Option<Configured>, Diagnostics);
    /// Every managed resource type, in name order.
    fn resources(&self) -> &[Arc<dyn AnyResource>];
    /// Every data source type, in name order.
    fn data_sources(&self) -> &[Arc<dyn AnyDataSource>];
    /// Every function, in name order. None of them needs a configured provider.
    fn functions(&self) -> &[Arc<dyn AnyFunction>] {
        &[]
    }
}
