//! What the service says of a Fleet, as attributes.

use std::collections::BTreeMap;

use crate::cloud::fleet::Fleet;
use crate::data_sources::cloud_reads::texts;
use crate::framework::model::Stored;
use crate::framework::schema::Attribute;
use crate::framework::types::Type;

crate::model! {
    /// A Fleet.
    pub(crate) struct FleetModel {
        pub(crate) fleet_id: String,
        pub(crate) name: String,
        pub(crate) profile: String,
        pub(crate) region: String,
        pub(crate) state: String,
        pub(crate) error_message: String,
        pub(crate) version: String,
        pub(crate) spec: String,
        pub(crate) created_at: String,
        pub(crate) resource_group_id: String,
        pub(crate) vpc_id: String,
        pub(crate) vswitch_ids: Vec<String>,
        pub(crate) security_group_ids: Vec<String>,
        pub(crate) public_api_server: bool,
        pub(crate) private_endpoint: String,
        pub(crate) public_endpoint: String,
        pub(crate) gitops_enabled: bool,
        pub(crate) tags: BTreeMap<String, String>,
    }
}

/// All attributes but ID and name.
pub(in crate::data_sources) fn observed() -> Vec<Attribute> {
    let text = |name, description: &'static str| Attribute::string(name, description).computed();
    let texts =
        |name, description: &'static str| Attribute::value(name, Type::list(Type::String), description).computed();
    let bool = |name, description: &'static str| Attribute::bool(name, description).computed();
    vec![
        text("profile", "`Default`, or `XFlow` for a workflow Fleet."),
        text("region", "Region of the Fleet."),
        text(
            "state",
            "State in the service's words: `running` when it is usable, else `initial`, `failed`, `deleting` and so on.",
        ),
        text("error_message", "Why creation failed; null if it did not."),
        text("version", "Kubernetes version of its API server."),
        text("spec", "Size of its control plane."),
        text("created_at", "When it was created, RFC 3339."),
        text("resource_group_id", "Its resource group."),
        text("vpc_id", "Its VPC: that of the gateway's vSwitches."),
        texts("vswitch_ids", "Its own vSwitches."),
        texts("security_group_ids", "Its security groups."),
        bool("public_api_server", "Whether its API server has an address on the internet."),
        text("private_endpoint", "URL of its API server inside the VPC."),
        text("public_endpoint", "URL of its API server on the internet; null without one."),
        bool(
            "gitops_enabled",
            "Whether Argo CD is on. Null while the service does not say, as in lists and for a new Fleet.",
        ),
        Attribute::value("tags", Type::map(Type::String), "Its tags.").computed(),
    ]
}

/// What is known of a Fleet.
pub(in crate::data_sources) fn facts_of(fleet: Fleet) -> FleetModel<Stored> {
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    FleetModel {
        fleet_id: Some(fleet.id.as_str().to_owned()),
        name: Some(fleet.name),
        profile: given(fleet.profile),
        region: given(fleet.region),
        state: given(fleet.state.as_str().to_owned()),
        error_message: fleet.error_message,
        version: fleet.version,
        spec: fleet.spec,
        created_at: fleet.created,
        resource_group_id: fleet.resource_group_id,
        vpc_id: fleet.vpc_id.map(|id| id.as_str().to_owned()),
        vswitch_ids: texts(fleet.vswitch_ids),
        security_group_ids: texts(fleet.security_group_ids),
        public_api_server: Some(fleet.public_api_server),
        private_endpoint: fleet.private_endpoint,
        public_endpoint: fleet.public_endpoint,
        gitops_enabled: fleet.gitops_enabled,
        tags: Some(fleet.tags),
    }
}
