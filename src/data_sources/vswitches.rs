//! `ackone_vswitches`: vSwitches that pass some filters, from as many pages as there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::cloud_reads::{call_context, echoed_set, echoed_tags, is_among, known_tags, not_blank, not_empty};
use crate::clients::Clients;
use crate::cloud::vpc::{VSwitch, VSwitchFilter};
use crate::framework::data_source::DataSource;
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Attr, Planned, Stored};
use crate::framework::resource::Context;
use crate::framework::schema::{Attribute, Nesting, Schema};
use crate::framework::types::Type;
use crate::resources::diagnose_cloud::cloud_error;

crate::model! {
    /// The data source.
    pub(crate) struct VSwitchesModel {
        pub(crate) vpc_id: String,
        pub(crate) zone_ids: Vec<P::Of<String>>,
        pub(crate) ids: Vec<P::Of<String>>,
        pub(crate) name: String,
        pub(crate) resource_group_id: String,
        pub(crate) tags: BTreeMap<String, P::Of<String>>,
        pub(crate) vswitch_ids: Vec<String>,
        pub(crate) zones: Vec<String>,
        pub(crate) vswitches: Vec<VSwitchModel<P>>,
    }
}

crate::model! {
    /// One vSwitch.
    pub(crate) struct VSwitchModel {
        pub(crate) vswitch_id: String,
        pub(crate) name: String,
        pub(crate) description: String,
        pub(crate) vpc_id: String,
        pub(crate) zone_id: String,
        pub(crate) cidr_block: String,
        pub(crate) ipv6_cidr_block: String,
        pub(crate) status: String,
        pub(crate) available_addresses: i64,
        pub(crate) is_default: bool,
        pub(crate) resource_group_id: String,
        pub(crate) tags: BTreeMap<String, String>,
    }
}

/// The data source.
#[derive(Debug)]
pub(super) struct VSwitches(Arc<Clients>);

impl DataSource for VSwitches {
    const TYPE: &'static str = "ackone_vswitches";
    type Config = VSwitchesModel<Planned>;
    type State = VSwitchesModel<Stored>;
    type Clients = Clients;

    fn schema() -> Schema {
        Schema::new(
            "vSwitches in the provider's region, filtered: where a gateway may stand, and from which addresses it reaches the members. \
             A vSwitch must pass every filter that is set. All pages are read. Needs `vpc:DescribeVSwitches`.",
            vec![
                Attribute::string("vpc_id", "Only vSwitches of this VPC, such as `data.ackone_fleet.demo.vpc_id`.")
                    .check(not_empty),
                Attribute::value("zone_ids", Type::set(Type::String), "Only vSwitches in one of these zones.")
                    .check_each(not_empty),
                Attribute::value("ids", Type::set(Type::String), "Only vSwitches with one of these IDs.")
                    .check_each(not_empty),
                Attribute::string("name", "Only vSwitches of exactly this name.").check(not_blank),
                Attribute::string("resource_group_id", "Only vSwitches of this resource group.").check(not_empty),
                Attribute::value("tags", Type::map(Type::String), "Only vSwitches with all of these tags."),
                Attribute::value("vswitch_ids", Type::list(Type::String), "IDs of the vSwitches found, sorted.")
                    .computed(),
                Attribute::value(
                    "zones",
                    Type::list(Type::String),
                    "Zones of the vSwitches found, each once, sorted. A gateway needs two in most regions.",
                )
                .computed(),
                Attribute::nested("vswitches", Nesting::List, element(), "The vSwitches found, sorted by ID.")
                    .computed(),
            ],
        )
    }

    fn new(clients: Option<Arc<Clients>>) -> Option<Self> {
        clients.map(Self)
    }

    async fn read(&self, cx: &Context, config: Self::Config, _: &mut Diagnostics) -> Result<Self::State, Diagnostics> {
        let found = self.0.cloud.describe_vswitches(&filter(&config), &call_context(cx)).await;
        let found = found.map_err(|error| cloud_error("listing vSwitches", &error, ""))?;
        Ok(answer(config, found))
    }
}

fn element() -> Vec<Attribute> {
    let text = |name, description: &'static str| Attribute::string(name, description).computed();
    vec![
        text("vswitch_id", "Its ID."),
        text("name", "Its name."),
        text("description", "Its description."),
        text("vpc_id", "Its VPC."),
        text("zone_id", "Its zone."),
        text("cidr_block", "Its IPv4 range: what a member's security group must admit."),
        text("ipv6_cidr_block", "Its IPv6 range; null without one."),
        text("status", "`Available`, or `Pending` while it is being configured."),
        Attribute::number("available_addresses", "How many addresses are free. A gateway takes several in each zone.")
            .computed(),
        Attribute::bool("is_default", "Whether it is the default vSwitch of its zone.").computed(),
        text("resource_group_id", "Its resource group."),
        Attribute::value("tags", Type::map(Type::String), "Its tags.").computed(),
    ]
}

/// What the service filters: a set of one is a filter of its own there.
fn filter(config: &VSwitchesModel<Planned>) -> VSwitchFilter {
    let only = |set: &Attr<Vec<Attr<String>>>| match set.known().map(Vec::as_slice) {
        Some([Attr::Known(one)]) => Some(one.clone()),
        _ => None,
    };
    VSwitchFilter {
        vpc_id: config.vpc_id.known().map(|id| id.as_str().into()),
        vswitch_id: only(&config.ids).map(Into::into),
        zone_id: only(&config.zone_ids).map(Into::into),
        name: config.name.known().cloned(),
        resource_group_id: config.resource_group_id.known().cloned(),
        tags: known_tags(&config.tags),
    }
}

fn answer(config: VSwitchesModel<Planned>, mut found: Vec<VSwitch>) -> VSwitchesModel<Stored> {
    found.retain(|vswitch| {
        is_among(&config.ids, vswitch.id.as_str()) && is_among(&config.zone_ids, vswitch.zone_id.as_str())
    });
    // Something made or deleted between two pages moves the others: one may come twice.
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found.dedup_by(|a, b| a.id == b.id);
    let zones: BTreeSet<&str> = found.iter().map(|vswitch| vswitch.zone_id.as_str()).collect();
    VSwitchesModel {
        vpc_id: config.vpc_id.into_known(),
        zone_ids: echoed_set(config.zone_ids),
        ids: echoed_set(config.ids),
        name: config.name.into_known(),
        resource_group_id: config.resource_group_id.into_known(),
        tags: echoed_tags(config.tags),
        vswitch_ids: Some(found.iter().map(|vswitch| vswitch.id.as_str().to_owned()).collect()),
        zones: Some(zones.into_iter().filter(|zone| !zone.is_empty()).map(str::to_owned).collect()),
        vswitches: Some(found.into_iter().map(model).collect()),
    }
}

fn model(vswitch: VSwitch) -> VSwitchModel<Stored> {
    let tags = vswitch.tags();
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    VSwitchModel {
        vswitch_id: Some(vswitch.id.as_str().to_owned()),
        name: given(vswitch.name),
        description: vswitch.description,
        vpc_id: given(vswitch.vpc_id.as_str().to_owned()),
        zone_id: given(vswitch.zone_id.as_str().to_owned()),
        cidr_block: given(vswitch.cidr_block),
        ipv6_cidr_block: vswitch.ipv6_cidr_block,
        status: given(vswitch.status),
        available_addresses: i64::try_from(vswitch.available_ip_address_count).ok(),
        is_default: Some(vswitch.is_default),
        resource_group_id: vswitch.resource_group_id,
        tags: Some(tags),
    }
}
