//! The data source types, in one list.

mod grpc_services;

use std::sync::Arc;

use crate::framework::erased::{AnyDataSource, DataSourceType};

/// Every data source type, in name order.
#[must_use]
pub fn all() -> Vec<Arc<dyn AnyDataSource>> {
    vec![DataSourceType::<grpc_services::GrpcServices>::erased()]
}
