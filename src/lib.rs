//! Provider.

pub mod clock;
pub mod cloud;
