//! The provider: its block, its types, and how a configuration becomes clients.
//!
//! One of the two places that see both ends (`main` is the other). Configuring makes no call and reads no root
//! certificates: keys, kubeconfig and connections are fetched by the first call that needs them, because most plugin
//! processes of a run never make one.

mod configure;
mod credentials;
mod kubeconfig;
mod schema;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub use schema::schema;

use crate::clock::Clock;
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::erased::{AnyDataSource, AnyFunction, AnyResource};
use crate::framework::model::{Field, Planned};
use crate::framework::path::Path;
use crate::framework::provider::{Configured, Provider};
use crate::framework::resource::Context;
use crate::framework::schema::Schema;
use crate::framework::value::Value;

/// The environment as a plain map, so that a test can give another one.
pub type Variables = BTreeMap<String, String>;

/// The provider.
pub struct AckoneProvider {
    schema: Schema,
    resources: Vec<Arc<dyn AnyResource>>,
    data_sources: Vec<Arc<dyn AnyDataSource>>,
    functions: Vec<Arc<dyn AnyFunction>>,
    variables: Variables,
    clock: Arc<dyn Clock>,
    version: &'static str,
}

impl AckoneProvider {
    /// A provider that looks at these environment variables.
    #[must_use]
    pub fn new(variables: Variables, clock: Arc<dyn Clock>, version: &'static str) -> Self {
        Self {
            schema: schema(),
            resources: crate::resources::all(),
            data_sources: crate::data_sources::all(),
            functions: crate::functions::all(),
            variables,
            clock,
            version,
        }
    }
}

impl fmt::Debug for AckoneProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AckoneProvider").field("version", &self.version).finish_non_exhaustive()
    }
}

impl Provider for AckoneProvider {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let mut diagnostics = self.schema.check(config);
        match schema::ProviderModel::<Planned>::from_value(config) {
            Ok(model) => configure::validate(&model, &mut diagnostics),
            Err(error) => diagnostics.error(error.path.clone(), "Unsuitable Value", error.to_string()),
        }
        diagnostics
    }

    fn configure(&self, config: &Value, host_version: &str, _cx: &Context) -> (Option<Configured>, Diagnostics) {
        let unknown = unknown_paths(&self.schema, config);
        if !unknown.is_empty() {
            return (Some(Configured::Unknown(unknown)), Diagnostics::new());
        }
        let mut diagnostics = self.validate(config);
        if diagnostics.has_errors() {
            return (None, diagnostics);
        }
        let model = match schema::ProviderModel::<Planned>::from_value(config) {
            Ok(model) => model,
            Err(error) => {
                let diagnostic = Diagnostic::error("Unsuitable Value", error.to_string());
                return (None, diagnostic.at(error.path).into());
            }
        };
        let user_agent = configure::user_agent(self.version, host_version, &self.variables);
        match configure::clients(&model, &self.variables, &self.clock, user_agent) {
            Ok(clients) => (Some(Configured::Ready(Arc::new(clients))), diagnostics),
            Err(errors) => {
                diagnostics.extend(errors);
                (None, diagnostics)
            }
        }
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

/// Top-level arguments that are known only after apply.
fn unknown_paths(schema: &Schema, config: &Value) -> Vec<Path> {
    let unknown = |name: &str| !config.attr(name).is_wholly_known();
    schema
        .attributes
        .iter()
        .filter(|attribute| unknown(attribute.name))
        .map(|attribute| Path::attribute(attribute.name))
        .collect()
}
