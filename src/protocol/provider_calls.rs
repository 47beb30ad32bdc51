//! Calls about the provider as a whole: what it has, and its configuration.

use tfplugin_proto::tfplugin6 as proto;
use tracing::debug;

use super::server::Server;
use super::{from_proto, to_proto};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::provider::Configured;

/// What hosts may rely on (reference of flags: `ServerCapabilities` in tfplugin6.proto).
const CAPABILITIES: proto::ServerCapabilities = proto::ServerCapabilities {
    // A delete plan warns, and reads the private data that tells a replacement from a removal.
    plan_destroy: true,
    // Nothing depends on GetProviderSchema having been called in this process.
    get_provider_schema_optional: true,
    move_resource_state: false,
    generate_resource_config: false,
};

impl Server {
    pub(super) fn metadata(&self) -> proto::get_metadata::Response {
        use proto::get_metadata::{DataSourceMetadata, FunctionMetadata, ResourceMetadata};
        let resource = |name: &&str| ResourceMetadata { type_name: (*name).to_owned() };
        let data_source = |name: &&str| DataSourceMetadata { type_name: (*name).to_owned() };
        let function = |name: &&str| FunctionMetadata { name: (*name).to_owned() };
        proto::get_metadata::Response {
            server_capabilities: Some(CAPABILITIES),
            resources: self.resources.keys().map(resource).collect(),
            data_sources: self.data_sources.keys().map(data_source).collect(),
            functions: self.functions.keys().map(function).collect(),
            ..proto::get_metadata::Response::default()
        }
    }

    /// Built on demand: a host asks once for each process, if at all, and keeping it would only hold memory.
    pub(super) fn schemas(&self) -> proto::get_provider_schema::Response {
        let resources = self.resources.iter();
        let data_sources = self.data_sources.iter();
        proto::get_provider_schema::Response {
            provider: Some(to_proto::schema(self.provider.schema())),
            resource_schemas: resources
                .map(|(name, entry)| ((*name).to_owned(), to_proto::schema(entry.resource.schema())))
                .collect(),
            data_source_schemas: data_sources
                .map(|(name, entry)| ((*name).to_owned(), to_proto::schema(entry.data_source.schema())))
                .collect(),
            functions: self.function_signatures(),
            server_capabilities: Some(CAPABILITIES),
            ..proto::get_provider_schema::Response::default()
        }
    }

    pub(super) fn identity_schemas(&self) -> proto::get_resource_identity_schemas::Response {
        let resources = self.resources.iter();
        proto::get_resource_identity_schemas::Response {
            identity_schemas: resources
                .map(|(name, entry)| ((*name).to_owned(), to_proto::identity_schema(entry.resource.identity_schema())))
                .collect(),
            diagnostics: Vec::new(),
        }
    }

    pub(super) fn validate_provider(
        &self,
        request: &proto::validate_provider_config::Request,
    ) -> Result<proto::validate_provider_config::Response, Diagnostics> {
        let config = from_proto::value(request.config.as_ref(), self.provider_type())?;
        let diagnostics = to_proto::diagnostics(&self.provider.validate(&config));
        Ok(proto::validate_provider_config::Response { diagnostics })
    }

    /// A second configuration replaces the first, also when it fails.
    pub(super) fn configure(
        &self,
        request: &proto::configure_provider::Request,
    ) -> Result<proto::configure_provider::Response, Diagnostics> {
        self.restart();
        self.set_configured(None);
        let config = from_proto::value(request.config.as_ref(), self.provider_type())?;
        let (configured, diagnostics) = self.provider.configure(&config, &request.terraform_version, &self.context());
        if let Some(Configured::Unknown(paths)) = &configured {
            debug!(arguments = super::server::named(paths), "parts of the provider configuration are not known yet");
        }
        self.set_configured(configured);
        Ok(proto::configure_provider::Response { diagnostics: to_proto::diagnostics(&diagnostics) })
    }
}
