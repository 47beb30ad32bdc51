//! Whether a gateway reaches its members: security groups, and the addresses that a gateway connects from.
//!
//! A gateway connects from its vSwitches to nodes and Pods of the members, whose security group drops what no rule admits:
//! the connection then times out. `cidr.rs` and `admission.rs` are pure; `survey.rs` finds the group of a cluster and the
//! addresses of a vSwitch; `book.rs` holds what the plans of this run are going to open; `check.rs` warns at plan of a gateway
//! that members do not admit. Called by `ackone_backend_access`, which opens the groups, and by `ackone_alb_gateway`. Facts: the public
//! documentation of security groups and of multi-cluster gateways, which asks for all ports from all vSwitch addresses.

pub(crate) mod admission;
mod book;
pub(crate) mod check;
pub(crate) mod cidr;
pub(crate) mod survey;

pub(crate) use book::{AccessMemo, Opening};
