//! What a data source is.

use std::sync::Arc;

use super::diagnostic::Diagnostics;
use super::model::Model;
use super::resource::Context;
use super::schema::Schema;

/// A data source type.
pub trait DataSource: Send + Sync + Sized + 'static {
    /// Type name, with the provider's prefix.
    const TYPE: &'static str;
    /// Model of the configuration.
    type Config: Model;
    /// Model of the answer; configured attributes are echoed.
    type State: Model;
    /// The clients that the provider's configuration builds.
    type Clients: Send + Sync + 'static;

    /// The schema.
    fn schema() -> Schema;
    /// Binds the type to clients. They are absent while the provider's configuration is unknown; a type that can work
    /// without them answers `Some` all the same.
    fn new(clients: Option<Arc<Self::Clients>>) -> Option<Self>;

    /// Checks what involves more than one attribute. Silent about anything unknown.
    fn validate(config: &Self::Config, diagnostics: &mut Diagnostics) {
        let _ = (config, diagnostics);
    }

    /// Reads. The configuration is wholly known.
    ///
    /// # Errors
    /// If the answer cannot be had.
    fn read(
        &self,
        cx: &Context,
        config: Self::Config,
        warnings: &mut Diagnostics,
    ) -> impl Future<Output = Result<Self::State, Diagnostics>> + Send;
}
