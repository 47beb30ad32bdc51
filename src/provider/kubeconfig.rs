//! The Fleet's kubeconfig, from the cloud API to the Kubernetes client, through memory only.

use crate::cloud::fleet::FleetEndpoint;
use crate::cloud::{CallContext, CloudClient, FleetId};
use crate::kubernetes::{KubeconfigFuture, KubeconfigSource};

/// Asks the cloud for a kubeconfig of one Fleet.
#[derive(Debug)]
pub(super) struct IssuedByCloud {
    pub(super) cloud: CloudClient,
    pub(super) fleet: FleetId,
    pub(super) endpoint: FleetEndpoint,
}

impl KubeconfigSource for IssuedByCloud {
    /// The cloud keeps none for us, so each answer is a fresh one, whether a refresh was asked for or not.
    fn kubeconfig(&self, _refresh: bool) -> KubeconfigFuture<'_> {
        Box::pin(async {
            let context = CallContext::default();
            Ok(self.cloud.fleet_kubeconfig(&self.fleet, self.endpoint, &context).await?)
        })
    }
}
