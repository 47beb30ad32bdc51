//! The managed resource types, in one list.

use std::sync::Arc;

use crate::framework::erased::AnyResource;

/// Every managed resource type, in name order.
#[must_use]
pub fn all() -> Vec<Arc<dyn AnyResource>> {
    Vec::new()
}
