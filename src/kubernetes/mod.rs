//! Typed access to the Fleet's Kubernetes API: reads, server-side apply, waits, events, shared lists.
//!
//! The resources call it, with objects as JSON in the Kubernetes shape; they say through [`Meaning`] when two values are
//! the same for the controller. The rules of a write (what conflicts, what is kept, what is removed) are pure functions
//! in [`mod@write`], [`merge`] and [`meaning`]; the rest is a thin shell around `kube::Client`.
//!
//! This module must never know Terraform's types or the cloud client, print a Secret, read the ambient `KUBECONFIG`, or
//! write with another field manager than [`FIELD_MANAGER`]. Facts come from the Kubernetes API
//! conventions (server-side apply, status reasons, watch bookmarks) and from what the ALB controller was seen to do.

pub mod access;
pub mod api;
pub mod create;
pub mod delete;
pub mod drift;
pub mod error;
pub mod events;
pub mod identity;
mod kubeconfig;
pub mod meaning;
pub mod merge;
pub mod object;
pub mod ownership;
pub mod path;
pub mod reconcile;
pub mod retry;
pub mod secret;
pub mod shared_list;
pub mod status;
mod transport;
pub mod watch;
pub mod write;

#[cfg(test)]
pub(crate) mod testing;

pub use crate::cancel::{Cancel, Cancelled};
pub use access::{ExecPlugin, ExplicitAccess, FleetAccess, KubeconfigFuture, KubeconfigSource, Network, ProxyForHost};
pub use api::{ApplyOptions, FleetApi, Listing, Seen};
pub use create::{CreateOutcome, CreateRequest};
pub use delete::{DeleteOutcome, Deletion};
pub use drift::{Difference, Foreign, ForeignValue, KnownDrift, differences, last_writer};
pub use error::{Cause, Error, ManagerConflict, Problem, Status, Verb};
pub use events::{Event, EventLog, EventTarget};
pub use identity::ClusterUid;
pub use meaning::{Compare, Meaning, equal};
pub use object::{Kind, Object, ObjectRef};
pub use ownership::{NotOurs, RecordedUids, Writer};
pub use path::{FieldPath, Segment};
pub use reconcile::{Evidence, Proof, ReconcileProof};
pub use retry::{Jitter, RandomJitter, RetryPolicy};
pub use secret::SecretText;
pub use shared_list::SharedLists;
pub use watch::{Awaited, Change, ObjectWatch};
pub use write::{FieldConflict, Judgement, ToJudge, WriteRequest, Written, judge};

/// The one field manager of this provider (server-side apply's `fieldManager`).
pub const FIELD_MANAGER: &str = "terraform-provider-ackone";
