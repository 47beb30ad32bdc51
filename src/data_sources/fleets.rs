//! `ackone_fleets`: the Fleets of the provider's region that pass some filters. The service lists them in one answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cloud_reads::{call_context, echoed_tags, known_tags, not_empty, passes};
use super::fleet::{FleetModel, PROFILES, facts_of, observed};
use crate::clients::Clients;
use crate::cloud::FleetFilter;
use crate::cloud::fleet::Fleet;
use crate::framework::data_source::DataSource;
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Planned, Stored};
use crate::framework::resource::Context;
use crate::framework::schema::{Attribute, Nesting, Schema};
use crate::framework::types::Type;
use crate::resources::diagnose_cloud::cloud_error;
use crate::resources::one_of;

crate::model! {
    /// The data source.
    pub(crate) struct FleetsModel {
        pub(crate) profile: String,
        pub(crate) name: String,
        pub(crate) state: String,
        pub(crate) vpc_id: String,
        pub(crate) resource_group_id: String,
        pub(crate) tags: BTreeMap<String, P::Of<String>>,
        pub(crate) fleet_ids: Vec<String>,
        pub(crate) fleets: Vec<FleetModel<P>>,
    }
}

/// The data source.
#[derive(Debug)]
pub(super) struct Fleets(Arc<Clients>);

impl DataSource for Fleets {
    const TYPE: &'static str = "ackone_fleets";
    type Config = FleetsModel<Planned>;
    type State = FleetsModel<Stored>;
    type Clients = Clients;

    fn schema() -> Schema {
        let mut element = vec![
            Attribute::string("fleet_id", "Fleet instance ID.").computed(),
            Attribute::string("name", "Name of the Fleet.").computed(),
        ];
        element.extend(observed());
        Schema::new(
            "ACK One Fleets in the provider's region, filtered. A Fleet must pass every filter that is set. Needs \
             `adcp:DescribeHubClusters`.",
            vec![
                Attribute::string(
                    "profile",
                    "Only Fleets of this profile: `Default`, or `XFlow` for workflow Fleets. Default: both.",
                )
                .check(one_of("Invalid Profile", &PROFILES)),
                Attribute::string("name", "Only Fleets of exactly this name.").check(not_empty),
                Attribute::string("state", "Only Fleets in this state, such as `running`.").check(not_empty),
                Attribute::string("vpc_id", "Only Fleets in this VPC.").check(not_empty),
                Attribute::string("resource_group_id", "Only Fleets of this resource group.").check(not_empty),
                Attribute::value("tags", Type::map(Type::String), "Only Fleets with all of these tags."),
                Attribute::value("fleet_ids", Type::list(Type::String), "IDs of the Fleets found, sorted.").computed(),
                Attribute::nested("fleets", Nesting::List, element, "The Fleets found, sorted by ID.").computed(),
            ],
        )
    }

    fn new(clients: Option<Arc<Clients>>) -> Option<Self> {
        clients.map(Self)
    }

    async fn read(&self, cx: &Context, config: Self::Config, _: &mut Diagnostics) -> Result<Self::State, Diagnostics> {
        let context = call_context(cx);
        let mut found = Vec::new();
        for profile in PROFILES.into_iter().filter(|profile| passes(&config.profile, Some(profile))) {
            let filter = FleetFilter {
                profile: Some(profile.to_owned()),
                resource_group_id: config.resource_group_id.known().cloned(),
                tags: known_tags(&config.tags),
            };
            let listed = self.0.cloud.describe_fleets(&filter, &context).await;
            found.extend(listed.map_err(|error| cloud_error("listing the Fleets of the region", &error, ""))?);
        }
        Ok(answer(config, found))
    }
}

/// The Fleets that pass the filters which the service does not know.
fn answer(config: FleetsModel<Planned>, mut found: Vec<Fleet>) -> FleetsModel<Stored> {
    found.retain(|fleet| {
        passes(&config.name, Some(&fleet.name))
            && passes(&config.state, Some(fleet.state.as_str()))
            && passes(&config.vpc_id, fleet.vpc_id.as_ref().map(|id| id.as_str()))
    });
    found.sort_by(|a, b| a.id.cmp(&b.id));
    FleetsModel {
        profile: config.profile.into_known(),
        name: config.name.into_known(),
        state: config.state.into_known(),
        vpc_id: config.vpc_id.into_known(),
        resource_group_id: config.resource_group_id.into_known(),
        tags: echoed_tags(config.tags),
        fleet_ids: Some(found.iter().map(|fleet| fleet.id.as_str().to_owned()).collect()),
        fleets: Some(found.into_iter().map(facts_of).collect()),
    }
}
