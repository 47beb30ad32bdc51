//! `ackone_fleet`: one Fleet, by ID or by name. Its attributes are also those of each element of `ackone_fleets`.

mod facts;

use std::sync::Arc;

pub(super) use facts::{FleetModel, facts_of, observed};

use super::cloud_reads::{call_context, fleet_id, fleet_id_attribute, not_empty};
use crate::clients::Clients;
use crate::cloud::{CallContext, FleetFilter, FleetId, fleet::FleetState};
use crate::framework::data_source::DataSource;
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::{Planned, Stored};
use crate::framework::path::Path;
use crate::framework::resource::Context;
use crate::framework::schema::{Attribute, Schema};
use crate::resources::diagnose_cloud::cloud_error;

/// Profiles of Fleets. A list of the service is of one profile.
pub(super) const PROFILES: [&str; 2] = ["Default", "XFlow"];

/// The data source.
#[derive(Debug)]
pub(super) struct FleetData(Arc<Clients>);

impl DataSource for FleetData {
    const TYPE: &'static str = "ackone_fleet";
    type Config = FleetModel<Planned>;
    type State = FleetModel<Stored>;
    type Clients = Clients;

    fn schema() -> Schema {
        let mut attributes = vec![
            fleet_id_attribute(),
            Attribute::string(
                "name",
                "Name of the Fleet. Without `fleet_id` the Fleet is looked for by it, in the provider's region.",
            )
            .optional_computed()
            .check(not_empty),
        ];
        attributes.extend(observed());
        Schema::new(
            "One ACK One Fleet: its network, API server and state. Found by `fleet_id`, else by `name`, else it is the provider's \
             own. Needs `adcp:DescribeHubClusterDetails`, and by name also `adcp:DescribeHubClusters`.",
            attributes,
        )
    }

    fn new(clients: Option<Arc<Clients>>) -> Option<Self> {
        clients.map(Self)
    }

    async fn read(&self, cx: &Context, config: Self::Config, _: &mut Diagnostics) -> Result<Self::State, Diagnostics> {
        let context = call_context(cx);
        let id = match (config.fleet_id.known(), config.name.known()) {
            (None, Some(name)) => self.of_name(name, &context).await?,
            _ => fleet_id(&config.fleet_id, &self.0)?,
        };
        let found = self.0.cloud.describe_fleet(&id, &context).await;
        let found = found.map_err(|error| cloud_error(&format!("reading Fleet {}", id.as_str()), &error, ""))?;
        if let Some(name) = config.name.known().filter(|name| **name != found.name) {
            let detail = format!(
                "Fleet {} is named {:?}, not {name:?}. Keep fleet_id or name, or correct one of them.",
                id.as_str(),
                found.name
            );
            return Err(Diagnostic::error("No Such Fleet", detail).at(Path::attribute("name")).into());
        }
        Ok(facts_of(found))
    }
}

impl FleetData {
    /// The one Fleet of a name.
    async fn of_name(&self, name: &str, context: &CallContext) -> Result<FleetId, Diagnostics> {
        let mut fleets = Vec::new();
        for profile in PROFILES {
            let filter = FleetFilter { profile: Some(profile.to_owned()), ..FleetFilter::default() };
            let listed = self.0.cloud.describe_fleets(&filter, context).await;
            fleets.extend(listed.map_err(|error| cloud_error("listing the Fleets of the region", &error, ""))?);
        }
        let (ids, others) = by_name(name, fleets.into_iter().map(|fleet| (fleet.id, fleet.name, fleet.state)));
        only_one(name, ids, &others).map_err(Diagnostics::from)
    }
}

/// IDs of the Fleets of a name, and the names of all others. A deleted Fleet stays listed for a while: its successor of the
/// same name is the one that is meant.
fn by_name(name: &str, fleets: impl Iterator<Item = (FleetId, String, FleetState)>) -> (Vec<FleetId>, Vec<String>) {
    let mut ids = Vec::new();
    let mut others = Vec::new();
    for (id, its_name, _) in fleets.filter(|(.., state)| *state != FleetState::Deleted) {
        if its_name == name { ids.push(id) } else { others.push(its_name) }
    }
    others.sort();
    (ids, others)
}

/// The only one of the Fleets with a name; `others` are the names of all others.
fn only_one(name: &str, ids: Vec<FleetId>, others: &[String]) -> Result<FleetId, Diagnostic> {
    match <[FleetId; 1]>::try_from(ids) {
        Ok([id]) => Ok(id),
        Err(none) if none.is_empty() => {
            let there =
                if others.is_empty() { "It has none".to_owned() } else { format!("It has {}", others.join(", ")) };
            let detail = format!(
                "No Fleet in the provider's region is named {name:?}. {there}. Check the name, the region, and the account of the \
                 credentials."
            );
            Err(Diagnostic::error("No Such Fleet", detail).at(Path::attribute("name")))
        }
        Err(several) => {
            let ids: Vec<&str> = several.iter().map(FleetId::as_str).collect();
            let detail = format!("{} Fleets are named {name:?}: {}. Set fleet_id instead.", ids.len(), ids.join(", "));
            Err(Diagnostic::error("Several Fleets", detail).at(Path::attribute("name")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_fleet_counts_neither_for_its_name_nor_among_the_others() {
        let fleet = |id: &str, name: &str, state| (FleetId::new(id), name.to_owned(), state);
        let fleets = [
            fleet("c1", "a", FleetState::Deleted),
            fleet("c2", "a", FleetState::Running),
            fleet("c3", "z", FleetState::Failed),
            fleet("c4", "b", FleetState::Deleting),
            fleet("c5", "c", FleetState::Deleted),
        ];
        let (ids, others) = by_name("a", fleets.into_iter());
        assert_eq!(ids, [FleetId::new("c2")]);
        assert_eq!(others, ["b", "z"]);
    }

    #[test]
    fn a_name_must_be_that_of_exactly_one_fleet() {
        let ids = |ids: &[&str]| ids.iter().map(|id| FleetId::new(*id)).collect::<Vec<_>>();
        assert_eq!(only_one("a", ids(&["c1"]), &[]).unwrap(), FleetId::new("c1"));
        let none = only_one("a", Vec::new(), &["b".to_owned(), "c".to_owned()]).unwrap_err();
        assert_eq!((none.summary.as_str(), none.path), ("No Such Fleet", Some(Path::attribute("name"))));
        assert!(none.detail.contains("It has b, c."), "{}", none.detail);
        assert!(only_one("a", Vec::new(), &[]).unwrap_err().detail.contains("It has none."));
        let several = only_one("a", ids(&["c1", "c2"]), &[]).unwrap_err();
        assert_eq!(several.summary, "Several Fleets");
        assert!(several.detail.contains("c1, c2"), "{}", several.detail);
    }
}
