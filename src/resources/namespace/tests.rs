//! Schema and plans of a Namespace, and its life before a Fleet in memory.

use super::*;
use crate::framework::conformance::{assert_resource_plans_are_true, no_samples};
use crate::framework::erased::ResourceType;
use crate::framework::model::Model;

#[test]
fn model_and_schema_have_the_same_attributes() {
    let names: Vec<&str> = schema::schema().attributes.iter().map(|attribute| attribute.name).collect();
    assert_eq!(names, NamespaceModel::<Planned>::FIELDS);
}

#[test]
fn plans_are_true() {
    assert_resource_plans_are_true(&*ResourceType::<Namespace>::erased(), &no_samples);
}
