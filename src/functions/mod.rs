//! The provider functions, in one list. Pure: no client, no clock, no file.

mod parse_certificate;

use std::sync::Arc;

use crate::framework::erased::{AnyFunction, FunctionType};

/// Every function, in name order.
#[must_use]
pub fn all() -> Vec<Arc<dyn AnyFunction>> {
    vec![FunctionType::<parse_certificate::ParseCertificate>::erased()]
}
