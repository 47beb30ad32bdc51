//! What a configured provider hands to its resources: clients and settings, built once for each configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use tokio::sync::OnceCell;

use crate::cloud::CloudClient;
use crate::framework::declared::Declared;
use crate::kubernetes::{ClusterUid, FleetApi, RecordedUids, SharedLists};
use crate::resources::{AccessMemo, PlanMemo, Sights, Skipped};

/// Clients and settings.
#[derive(Debug)]
pub struct Clients {
    /// The cloud APIs. Keys are looked for by the first call.
    pub cloud: CloudClient,
    /// The Fleet's Kubernetes API; `None` if the provider block says neither which Fleet nor how to reach one.
    pub kubernetes: Option<Kubernetes>,
    /// Settings that resources look at.
    pub settings: Settings,
    /// What this run's plans have seen of the cloud.
    pub(crate) sights: Sights,
    /// What this run knows of access to the members.
    pub(crate) access: AccessMemo,
}

/// The way to one Fleet's Kubernetes API, with what one run of the provider knows about it.
pub struct Kubernetes {
    /// The API.
    pub api: FleetApi,
    /// Lists that concurrent reads share.
    pub lists: SharedLists,
    /// UIDs that this configuration of the provider created or took over.
    pub recorded: RecordedUids,
    /// Which resource instance holds an object that was recorded: a claim for each UID.
    pub claims: Mutex<BTreeMap<String, String>>,
    /// Which objects this run's plans stand for.
    pub declared: Declared,
    /// What this run's plans compare with.
    pub(crate) memo: PlanMemo,
    /// Whether it was told that Events cannot be read.
    pub without_events: AtomicBool,
    /// The cluster's own identity, asked for once.
    pub cluster_uid: OnceCell<ClusterUid>,
}

impl Kubernetes {
    /// Around an API.
    #[must_use]
    pub fn new(api: FleetApi, lists: SharedLists) -> Self {
        Self {
            api,
            lists,
            recorded: RecordedUids::default(),
            claims: Mutex::default(),
            declared: Declared::default(),
            memo: PlanMemo::default(),
            without_events: AtomicBool::new(false),
            cluster_uid: OnceCell::new(),
        }
    }
}

impl fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kubernetes").field("api", &self.api).finish_non_exhaustive()
    }
}

/// Settings that resources look at.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The Fleet, if the provider block names it.
    pub fleet_id: Option<String>,
    /// Labels that every object gets.
    pub default_labels: BTreeMap<String, String>,
    /// Annotations that every object gets.
    pub default_annotations: BTreeMap<String, String>,
    /// Checks of what stands around a resource that are switched off.
    pub(crate) skipped: Skipped,
}
