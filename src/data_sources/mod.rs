//! The data source types, in one list.
//!
//! Beside them lives what several share. Client errors become diagnostics as they do for resources.

mod alb_gateway;
mod caller_identity;
mod cloud_reads;
mod fleet;
mod fleet_clusters;
mod fleets;
mod grpc_services;
mod vswitches;

use std::sync::Arc;

use crate::framework::erased::{AnyDataSource, DataSourceType};

/// Every data source type, in name order.
#[must_use]
pub fn all() -> Vec<Arc<dyn AnyDataSource>> {
    vec![
        DataSourceType::<alb_gateway::AlbGatewayData>::erased(),
        DataSourceType::<caller_identity::CallerIdentityData>::erased(),
        DataSourceType::<fleet::FleetData>::erased(),
        DataSourceType::<fleet_clusters::FleetClusters>::erased(),
        DataSourceType::<fleets::Fleets>::erased(),
        DataSourceType::<grpc_services::GrpcServices>::erased(),
        DataSourceType::<vswitches::VSwitches>::erased(),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn models_and_schemas_have_the_same_attributes() {
        for data_source in super::all() {
            let declared: Vec<&str> = data_source.schema().attributes.iter().map(|attribute| attribute.name).collect();
            for fields in data_source.model_fields() {
                assert_eq!(fields, declared, "{}", data_source.type_name());
            }
        }
    }

    #[test]
    fn types_are_listed_by_name() {
        let names: Vec<&str> = super::all().iter().map(|data_source| data_source.type_name()).collect();
        assert!(names.is_sorted(), "{names:?}");
    }
}
