//! Schema and model agree; ids; what a listed member means.

use super::*;
use crate::framework::erased::{HostCapabilities, PlanRequest, ResourceType};
use crate::framework::model::{Field, Model};
use crate::framework::plan;
use crate::framework::value::Value;

#[test]
fn model_and_schema_have_the_same_attributes() {
    let names: Vec<&str> = schema::schema().attributes.iter().map(|attribute| attribute.name).collect();
    assert_eq!(names, AssociationModel::<Planned>::FIELDS);
}

#[test]
fn import_ids_round_trip_and_malformed_ones_are_refused() {
    let id = "c0123:c4567";
    assert_eq!(id.parse::<MemberId>().unwrap().to_string(), id);
    for text in ["", "c0123", ":c1", "c1:", "c1:c2:c3", "c1: c2", "a/b:c"] {
        assert!(text.parse::<MemberId>().is_err(), "{text}");
        assert!(model::import(ImportTarget::Id(text.to_owned()), None).is_err(), "{text}");
    }
}

#[test]
fn identity_without_a_fleet_takes_the_providers() {
    let identity: Identity = [("cluster_id".to_owned(), "c9".to_owned())].into();
    let state = model::import(ImportTarget::Identity(identity.clone()), Some("c1")).unwrap();
    assert_eq!(state.id.as_deref(), Some("c1:c9"));
    assert!(model::import(ImportTarget::Identity(identity), None).is_err());
}

fn plan_of(prior: Value, config: Value) -> crate::framework::erased::PlanAnswer {
    let resource = ResourceType::<FleetClusterAssociation>::erased();
    let proposed =
        if prior.is_null() { config.clone() } else { plan::settle(resource.schema(), &config, &prior, &prior) };
    let request = PlanRequest { config, prior, proposed, private: Vec::new() };
    resource.plan(&request, None, HostCapabilities::default())
}

fn config() -> Value {
    let mut config = schema::schema().null_object();
    config.set("fleet_id", Value::string("c1"));
    config.set("cluster_id", Value::string("c9"));
    config
}

fn state(ready: bool) -> Value {
    let stored = AssociationModel::<Stored> {
        id: Some("c1:c9".to_owned()),
        fleet_id: Some("c1".to_owned()),
        cluster_id: Some("c9".to_owned()),
        ignore_gateways: Some(false),
        on_wait_timeout: Some("warn".to_owned()),
        name: Some("one".to_owned()),
        region: Some("cn-hangzhou".to_owned()),
        vpc_id: Some("vpc-1".to_owned()),
        state: Some("Successed".to_owned()),
        ready: Some(ready),
        reason: (!ready).then(|| "x".to_owned()),
        ..AssociationModel::default()
    };
    stored.to_value()
}

#[test]
fn a_create_plans_the_id_and_leaves_the_rest_unknown() {
    let planned = plan_of(Value::Null, config()).planned.unwrap();
    assert_eq!(planned.attr("id"), Value::string("c1:c9"));
    assert!(planned.attr("ready").is_unknown() && planned.attr("name").is_unknown());
    assert_eq!(planned.attr("ignore_gateways"), Value::Bool(false));
}

#[test]
fn a_ready_member_plans_empty_and_one_that_is_not_ready_waits_again() {
    assert_eq!(plan_of(state(true), config()).planned.unwrap(), state(true));
    let planned = plan_of(state(false), config()).planned.unwrap();
    assert!(planned.attr("ready").is_unknown() && planned.attr("reason").is_unknown());
    assert_eq!(planned.attr("name"), Value::string("one"));
}

#[test]
fn a_local_setting_changes_nothing_else() {
    let mut changed = config();
    changed.set("ignore_gateways", Value::Bool(true));
    let planned = plan_of(state(true), changed).planned.unwrap();
    let mut expected = state(true);
    expected.set("ignore_gateways", Value::Bool(true));
    assert_eq!(planned, expected);
}

#[test]
fn another_cluster_replaces() {
    let mut changed = config();
    changed.set("cluster_id", Value::string("c8"));
    assert_eq!(plan_of(state(true), changed).requires_replace, [Path::attribute("cluster_id")]);
}
