//! Attributes of `ackone_namespace`.

use std::time::Duration;

use crate::framework::resource::timeouts_attribute;
use crate::framework::schema::{Attribute, IdentityAttribute, IdentitySchema, OnUpdate, Schema};
use crate::framework::value::Value;
use crate::resources::kubernetes_attributes as shared;

/// Default of `timeouts.create` and `timeouts.update`.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_mins(5);
/// Default of `timeouts.delete`: the namespace controller empties it first.
pub(super) const DELETE_TIMEOUT: Duration = Duration::from_mins(10);

pub(super) fn schema() -> Schema {
    Schema::new(
        "A Namespace in an ACK One Fleet, for the Ingresses and Secrets of a gateway. Members need a namespace of the same name \
         for their Services; this resource makes none there.",
        vec![
            shared::id("The name of the Namespace."),
            shared::fleet_id(),
            Attribute::string("name", "Name of the Namespace: lower-case letters, digits and `-`, not starting with `aliyun`.")
                .required()
                .replaces()
                .check(shared::label_name("Namespace")),
            shared::labels("Namespace"),
            shared::annotations("Namespace"),
            Attribute::bool(
                "force_delete",
                "Whether a delete goes on although Ingresses, Secrets or Services remain in the Namespace. They are deleted \
                 with it. Default `false`. It must be applied before the delete.",
            )
            .default_value(Value::Bool(false))
            .local(),
            shared::adopt("a Namespace"),
            timeouts_attribute(WRITE_TIMEOUT, WRITE_TIMEOUT, DELETE_TIMEOUT),
            shared::effective_labels().on_update(OnUpdate::Hold),
            shared::effective_annotations().on_update(OnUpdate::Hold),
        ],
    )
}

pub(super) fn identity_schema() -> IdentitySchema {
    IdentitySchema {
        version: 0,
        attributes: vec![
            IdentityAttribute {
                name: "fleet_id",
                required_for_import: false,
                description: "The Fleet that holds the Namespace.",
            },
            IdentityAttribute { name: "name", required_for_import: true, description: "Name of the Namespace." },
        ],
    }
}
