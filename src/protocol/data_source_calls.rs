//! Calls about data sources.

use tfplugin_proto::tfplugin6 as proto;

use super::server::{DataSourceEntry, Server, named, unsupported};
use super::{from_proto, to_proto};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::provider::Configured;

impl Server {
    fn data_source(&self, name: &str) -> Result<&DataSourceEntry, Diagnostics> {
        self.data_sources.get(name).ok_or_else(|| unsupported("Data Source Type", "data source type", name))
    }

    pub(super) fn validate_data_source(
        &self,
        request: &proto::validate_data_resource_config::Request,
    ) -> Result<proto::validate_data_resource_config::Response, Diagnostics> {
        let entry = self.data_source(&request.type_name)?;
        let config = from_proto::value(request.config.as_ref(), entry.ty())?;
        let diagnostics = to_proto::diagnostics(&entry.data_source.validate(&config));
        Ok(proto::validate_data_resource_config::Response { diagnostics })
    }

    pub(super) async fn read_data(
        &self,
        request: proto::read_data_source::Request,
    ) -> Result<proto::read_data_source::Response, Diagnostics> {
        let entry = self.data_source(&request.type_name)?;
        let config = from_proto::value(request.config.as_ref(), entry.ty())?;
        let clients = match self.configured() {
            Some(Configured::Ready(clients)) => Some(clients),
            _ if !entry.data_source.needs_clients() => None,
            Some(Configured::Unknown(_)) if from_proto::takes_deferral(request.client_capabilities) => {
                let deferred = Some(to_proto::provider_config_unknown());
                return Ok(proto::read_data_source::Response { deferred, ..Default::default() });
            }
            Some(Configured::Unknown(paths)) => {
                return Err(Diagnostic::error(
                    "Provider Configuration Unknown",
                    format!(
                        "{} cannot be read now, because {} in the provider's configuration will be known only after \
                         apply. Apply first what it depends on, for example with -target, or let this data source depend \
                         on it with depends_on, which reads it during apply.",
                        request.type_name,
                        named(&paths),
                    ),
                )
                .into());
            }
            None => return Err(self.configuration().err().unwrap_or_default()),
        };
        let (state, mut diagnostics) = entry.data_source.read(config, clients, self.context()).await;
        let state = match state {
            Some(state) => Some(to_proto::value(entry.ty(), &state).map_err(|errors| {
                let mut all = std::mem::take(&mut diagnostics);
                all.extend(errors);
                all
            })?),
            None => None,
        };
        Ok(proto::read_data_source::Response {
            state,
            diagnostics: to_proto::diagnostics(&diagnostics),
            deferred: None,
        })
    }
}
