//! Which field of an object has which attribute: the data behind the guide "Field coverage".
//!
//! Each resource lists the fields of its objects in its own `coverage.rs`, and its tests hold that list against the table
//! of all fields that the controller's documentation has (`testdata/`). Nothing here runs in a plan.

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// An attribute of its own, by its names from the top joined with dots.
    Typed(&'static str),
    /// No attribute of its own; this one hands it on unread.
    PassedThrough(&'static str),
    /// Not reachable, for this reason.
    LeftOut(&'static str),
}

/// A field of an object.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// JSON path below the object (`spec.config.name`, `spec.listeners[].port`) or annotation key.
    pub name: &'static str,
    /// What becomes of it.
    pub handled: Handled,
}

/// The fields of one kind of object.
#[derive(Clone, Copy, Debug)]
pub struct Coverage {
    /// Kind of the object.
    pub object: &'static str,
    /// Resource type that writes it.
    pub resource: &'static str,
    /// Fields, in the order of the documentation.
    pub fields: &'static [Field],
}

/// Every kind of object, in the order of the guide.
#[must_use]
pub const fn all() -> &'static [Coverage] {
    &[
        super::alb_gateway::coverage::ALB_CONFIG,
        super::alb_gateway::coverage::INGRESS_CLASS,
        super::grpc_ingress::coverage::COVERAGE,
        super::tls_secret::coverage::SECRET,
        super::namespace::coverage::NAMESPACE,
        super::application_set::coverage::APPLICATION_SET,
        super::fleet_cluster_association::coverage::MEMBER,
    ]
}
