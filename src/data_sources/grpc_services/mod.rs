//! `ackone_grpc_services`: the proof that a gRPC client sees the services through the gateway.
//!
//! It needs no cloud and no Kubernetes: it is a client of the gateway like any other. It retries until its deadline, since
//! a route that was published a moment ago may take seconds to reach every address, and it fits a `check` block, where a
//! failure is a warning.

mod diagnose;
mod model;
mod schema;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use model::GrpcServicesModel;

use crate::clients::Clients;
use crate::framework::data_source::DataSource;
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Planned, Stored};
use crate::framework::resource::Context;
use crate::framework::schema::Schema;
use crate::probe::{Report, probe};

/// The data source.
#[derive(Debug)]
pub(super) struct GrpcServices;

impl DataSource for GrpcServices {
    const TYPE: &'static str = "ackone_grpc_services";
    type Config = GrpcServicesModel<Planned>;
    type State = GrpcServicesModel<Stored>;
    type Clients = Clients;

    fn schema() -> Schema {
        schema::schema()
    }

    fn new(_clients: Option<Arc<Clients>>) -> Option<Self> {
        Some(Self)
    }

    fn validate(config: &Self::Config, diagnostics: &mut Diagnostics) {
        model::validate(config, diagnostics);
    }

    async fn read(
        &self,
        cx: &Context,
        config: Self::Config,
        _warnings: &mut Diagnostics,
    ) -> Result<Self::State, Diagnostics> {
        match self.seen(cx, &config).await {
            Ok(report) => Ok(model::state(config, report)),
            Err(errors) if model::reports(&config) && !cx.cancel.is_cancelled() => Ok(model::failure(config, &errors)),
            Err(errors) => Err(errors),
        }
    }
}

impl GrpcServices {
    async fn seen(&self, cx: &Context, config: &GrpcServicesModel<Planned>) -> Result<Report, Diagnostics> {
        let target = model::target(config)?;
        probe(&target, &cx.cancel).await.map_err(|error| diagnose::diagnose(&target, &error))
    }
}
