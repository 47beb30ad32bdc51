//! What a configured provider holds for its resources.
//!
//! Built once by the provider's configuration, shared by everything; nothing in it has made a call before it is used.

/// Clients and settings.
#[derive(Debug)]
pub struct Clients {}
