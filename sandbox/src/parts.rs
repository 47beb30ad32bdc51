//! What the other halves of the sandbox offer to the control endpoint and to the state file.
//!
//! The API server, the controller, the load balancers and the members implement these; the shell knows them only so.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

/// What exists, once it has been asked for.
pub type Inventory<'a> = Pin<Box<dyn Future<Output = Value> + Send + 'a>>;

/// Something with objects in it.
pub trait Part: Send + Sync + fmt::Debug {
    /// Its key in the inventory and in the state file.
    fn name(&self) -> &'static str;

    /// What exists in it, without secrets.
    fn inventory(&self) -> Inventory<'_>;

    /// What its objects leave behind for good, as in life; nothing by default.
    fn leftovers(&self) -> Option<Value> {
        None
    }

    /// What the state file keeps of it; nothing by default.
    fn snapshot(&self) -> Option<Value> {
        None
    }

    /// Woken when the snapshot may have changed; without it, only the end of the sandbox saves the part.
    fn changes(&self) -> Option<watch::Receiver<u64>> {
        None
    }
}

/// Troubles of the Kubernetes API that are no faults of single calls.
pub trait KubernetesControl: Send + Sync + fmt::Debug {
    /// Ends all watches; answers how many there were.
    fn drop_watches(&self) -> usize;

    /// Forgets old versions, so that watches from them get 410; answers whether that can be done here.
    fn compact(&self) -> bool;

    /// Makes all issued credentials invalid.
    fn revoke_credentials(&self);

    /// How long kubeconfigs issued from now on are valid.
    fn set_validity(&self, validity: Duration);

    /// Refuses these calls, and no others, as forbidden.
    fn set_denials(&self, denials: Vec<KubernetesDenial>);
}

/// What the Kubernetes API refuses as forbidden; what is left out matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KubernetesDenial {
    /// The user; members of `system:masters` are met only by their name.
    pub user: Option<String>,
    /// The verb.
    pub verb: Option<String>,
    /// The resource, such as `ingresses` or `albconfigs/status`.
    pub resource: Option<String>,
}

/// The gateways that can be reached.
pub trait Gateways: Send + Sync + fmt::Debug {
    /// Each load balancer with its listeners and the addresses they are bound to.
    fn list(&self) -> Value;
}

/// What the simulated controller shall do instead of its work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ControllerFailure {
    /// Only for this object, `namespace/name` or `name`; all objects when left out.
    pub object: Option<String>,
    /// The cloud action that fails; any when left out.
    pub action: Option<String>,
    /// The error's text, as it shows in Events.
    pub message: Option<String>,
    /// How often; until resumed when left out.
    pub times: Option<u32>,
    /// Not a failure, but this many milliseconds more for each pass.
    pub delay_ms: Option<u64>,
}

/// What the member clusters run.
pub trait MemberServices: Send + Sync + fmt::Debug {
    /// Gives a member a Service with these ports in front of its own server, in place of the one of that name; without
    /// ports, takes it away. Answers whether there is such a member.
    fn set_service(&self, cluster_id: &str, namespace: &str, name: &str, ports: &[u16]) -> bool;
}

/// The simulated controller's switches.
pub trait ControllerControl: Send + Sync + fmt::Debug {
    /// Stops reconciling.
    fn pause(&self);

    /// Starts again, without any failure asked for.
    fn resume(&self);

    /// Fails from now on.
    ///
    /// # Errors
    /// When the controller does not know how to fail like that.
    fn fail(&self, failure: ControllerFailure) -> Result<(), String>;
}

/// What keeps workloads of members from becoming healthy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GitOpsFailure {
    /// The member; all of them when left out.
    pub cluster_id: Option<String>,
    /// What its Deployment says.
    pub message: Option<String>,
}

/// The simulated Argo CD's switches.
pub trait GitOpsControl: Send + Sync + fmt::Debug {
    /// Stops reconciling.
    fn pause(&self);

    /// Starts again, and lets every workload become healthy.
    fn resume(&self);

    /// Keeps workloads from becoming healthy, from now on.
    fn fail(&self, failure: GitOpsFailure);
}
