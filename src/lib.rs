//! Provider.
pub mod clock;
pub mod kubernetes;
