//! Attributes of `ackone_fleet_cluster_association`.

use std::time::Duration;

use crate::framework::resource::timeouts_attribute;
use crate::framework::schema::{Attribute, OnUpdate, Problem, Schema};
use crate::framework::value::Value;

/// Default of `timeouts.create` and `timeouts.update`.
pub(super) const CREATE_TIMEOUT: Duration = Duration::from_mins(15);
/// Default of `timeouts.delete`.
pub(super) const DELETE_TIMEOUT: Duration = Duration::from_mins(15);

pub(super) fn schema() -> Schema {
    Schema::new(
        "Associates an ACK cluster with an ACK One Fleet, and waits until the member itself reports success. Give the resource \
         `create_before_destroy = true` and take `cluster_id` from it in the gateway: a member then leaves the gateway before it leaves \
         the Fleet.",
        vec![
            Attribute::string("id", "`<fleet_id>:<cluster_id>`.").computed(),
            Attribute::string("fleet_id", "Fleet instance ID. Default: the provider's `fleet_id`.")
                .optional_computed()
                .replaces()
                .check(|value| id("Fleet", value)),
            Attribute::string("cluster_id", "ID of the ACK cluster, which must be in the Fleet's VPC or connected to it.")
                .required()
                .replaces()
                .check(|value| id("cluster", value)),
            Attribute::bool(
                "ignore_gateways",
                "Detach even while a gateway of the Fleet still routes to the member. Its endpoints are then lost at once.",
            )
            .default_value(Value::Bool(false))
            .local(),
            Attribute::string(
                "on_wait_timeout",
                "What a wait that runs out of time means: `warn` keeps the association with `ready = false`, and the next apply waits \
                 again; `error` fails the run, and on create taints the association.",
            )
            .default_value(Value::string("warn"))
            .local()
            .check(on_wait_timeout),
            timeouts_attribute(CREATE_TIMEOUT, CREATE_TIMEOUT, DELETE_TIMEOUT),
            Attribute::string("name", "Name of the cluster.").computed(),
            Attribute::string("region", "Region of the cluster.").computed(),
            Attribute::string("vpc_id", "VPC of the cluster.").computed(),
            Attribute::string(
                "state",
                "State of the membership in the service's words: `Installing`, `Successed`, `Failed` or `Deleting`.",
            )
            .computed()
            .on_update(OnUpdate::Recompute),
            Attribute::bool("ready", "Whether the member is associated and usable.").computed().on_update(OnUpdate::Recompute),
            Attribute::string("reason", "Why it is not ready. Null when it is.").computed().on_update(OnUpdate::Recompute),
        ],
    )
}

fn id(what: &str, value: &Value) -> Result<(), Problem> {
    let text = value.as_str().unwrap_or_default();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Ok(());
    }
    Err(Problem::new(
        format!("Invalid {} ID", if what == "Fleet" { "Fleet" } else { "Cluster" }),
        format!(
            "{text:?} is not a {what} ID. It looks like \"c0123456789abcdef0123456789abcdef\", without spaces or colons."
        ),
    ))
}

fn on_wait_timeout(value: &Value) -> Result<(), Problem> {
    match value.as_str() {
        Some("warn" | "error") => Ok(()),
        other => Err(Problem::new(
            "Invalid Choice",
            format!("{:?} is not a choice of on_wait_timeout. Write \"warn\" or \"error\".", other.unwrap_or_default()),
        )),
    }
}
