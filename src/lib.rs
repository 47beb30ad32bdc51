//! Provider.

pub mod clock;
pub mod log;
pub mod plugin;
