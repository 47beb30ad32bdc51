//! `ackone_backend_access`: inbound rules on the members' security groups for the addresses of a gateway.
//!
//! A rule answers no id when it is made, cannot be told from an identical one of somebody else, and outlives every mistake.
//! So rules are listed before anything is written; what admits the range already is shared and never touched; what is ours carries the
//! resource's name as a mark and is recorded by its id. `ledger.rs` judges, and is pure; `look.rs` asks the cloud; `apply.rs`
//! adds before it removes. It must never remove a rule that it did not make, and never make one twice.

mod apply;
mod diagnose;
mod import;
mod ledger;
mod look;
mod model;
mod schema;
#[cfg(test)]
pub(super) mod tests;
mod users;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{AccessModel, known_set};

use crate::clients::Clients;
use crate::framework::declared::Declared;
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Attr, Field, Planned, Stored};
use crate::framework::path::Path;
use crate::framework::resource::{Applying, Context, Deleting, ImportTarget, Planning, Reading, Resource};
use crate::framework::schema::{Identity, IdentityAttribute, IdentitySchema, Schema};
use crate::framework::value::Value;
use crate::resources::access::Opening;
use crate::resources::kubernetes_attributes::refuse_null_elements;

/// The resource.
#[derive(Debug)]
pub(crate) struct BackendAccess {
    clients: Arc<Clients>,
}

impl Resource for BackendAccess {
    const TYPE: &'static str = "ackone_backend_access";
    type Plan = AccessModel<Planned>;
    type State = AccessModel<Stored>;
    type Clients = Clients;

    fn schema() -> Schema {
        schema::schema()
    }

    fn identity_schema() -> IdentitySchema {
        let description = "The name, which the rules carry in their mark.";
        IdentitySchema {
            version: 0,
            attributes: vec![IdentityAttribute { name: "name", required_for_import: true, description }],
        }
    }

    fn identity(state: &Self::State) -> Identity {
        state.name.iter().map(|name| ("name".to_owned(), name.clone())).collect()
    }

    fn new(clients: Arc<Clients>) -> Self {
        Self { clients }
    }

    fn objects(value: &Value) -> Vec<(String, Path)> {
        let name = value.attr("name");
        let named = name.as_str().map(|name| (format!("access rules {name:?}"), Path::attribute("name")));
        named.into_iter().collect()
    }

    fn declared(clients: &Clients) -> Option<&Declared> {
        Some(&clients.access.declared)
    }

    fn validate(config: &Self::Plan, diagnostics: &mut Diagnostics) {
        refuse_null_elements(&Self::schema(), &config.to_value(), diagnostics);
        schema::validate(config, diagnostics);
    }

    fn wants_update(planning: &Planning<'_, Self>) -> bool {
        let rules = planning.prior.and_then(|prior| prior.rules.as_deref()).unwrap_or_default();
        rules.iter().flatten().any(|rule| rule.rule_id.is_none() || is_surplus(rule))
    }

    fn plan(planning: &mut Planning<'_, Self>) {
        planning.planned.id = planning.planned.name.clone();
        let rules = planning.prior.and_then(|prior| prior.rules.as_deref()).unwrap_or_default();
        let wanted = known_set(&planning.planned.cluster_ids);
        let missing: Vec<String> = rules
            .iter()
            .flatten()
            .filter(|rule| rule.rule_id.is_none() && rule.owned != Some(true))
            .filter(|rule| stays(rule, wanted.as_ref()))
            .filter_map(|rule| {
                Some(format!("{} to group {}", rule.source_cidr.as_ref()?, rule.security_group_id.as_ref()?))
            })
            .collect();
        if !missing.is_empty() {
            planning.diagnostics.push(diagnose::missing(&missing));
        }
    }

    async fn cross_check(&self, _cx: &Context, planned: &Self::Plan) -> Diagnostics {
        let Attr::Known(name) = &planned.name else { return Diagnostics::new() };
        let ranges = known_set(&planned.source_cidrs);
        let opening = Opening {
            clusters: known_set(&planned.cluster_ids),
            vswitches: known_set(&planned.vswitch_ids),
            ranges: ranges.map(|ranges| ranges.iter().filter_map(|range| range.parse().ok()).collect()),
        };
        self.clients.access.enter(name, opening);
        Diagnostics::new()
    }

    async fn create(
        &self,
        cx: &mut Applying<Self>,
        planned: Self::Plan,
        _config: Self::Plan,
    ) -> Result<Self::State, Diagnostics> {
        apply::create(&self.clients, cx, planned).await
    }

    async fn update(
        &self,
        cx: &mut Applying<Self>,
        prior: Self::State,
        planned: Self::Plan,
        _config: Self::Plan,
    ) -> Result<Self::State, Diagnostics> {
        apply::update(&self.clients, cx, prior, planned).await
    }

    async fn read(&self, cx: &mut Reading, prior: Self::State) -> Result<Option<Self::State>, Diagnostics> {
        apply::read(&self.clients, cx, prior).await
    }

    async fn delete(&self, cx: &mut Deleting, prior: Self::State) -> Result<(), Diagnostics> {
        apply::delete(&self.clients, cx, prior).await
    }

    async fn import(&self, cx: &mut Reading, target: ImportTarget) -> Result<Self::State, Diagnostics> {
        import::import(&self.clients, cx, target).await
    }
}

/// Whether one of the clusters behind a rule stays, as far as the planned set is known.
fn stays(rule: &model::StoredRule, wanted: Option<&BTreeSet<String>>) -> bool {
    let behind = rule.cluster_ids.iter().flatten().flatten();
    wanted.is_none_or(|wanted| behind.into_iter().any(|cluster| wanted.contains(cluster)))
}

/// Whether a rule is wanted no more.
fn is_surplus(rule: &model::StoredRule) -> bool {
    rule.cluster_ids.as_ref().is_none_or(Vec::is_empty)
}
