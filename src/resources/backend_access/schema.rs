//! Attributes of `ackone_backend_access`.

use std::time::Duration;

use super::model::{AccessModel, DESCRIPTION, is_id, is_name, known_set};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Attr, Planned};
use crate::framework::path::Path;
use crate::framework::resource::timeouts_attribute;
use crate::framework::schema::{Attribute, Nesting, OnUpdate, Problem, Schema};
use crate::framework::types::Type;
use crate::framework::value::Value;
use crate::resources::access::cidr::{Cidr, NoCidr};

/// Default of `timeouts.create` and `timeouts.update`.
pub(super) const CREATE_TIMEOUT: Duration = Duration::from_mins(5);
/// Default of `timeouts.delete`.
pub(super) const DELETE_TIMEOUT: Duration = Duration::from_mins(5);
/// Most characters of `description`: with the mark they fit into a rule's 512.
const LONGEST_TEXT: usize = 256;

pub(super) fn schema() -> Schema {
    Schema::new(
        "Opens the security groups of member clusters to a gateway: inbound rules for all ports from the addresses of its vSwitches. \
         Without them connections time out, and the gateway answers 504. A rule that admits the addresses already is shared: it is \
         neither changed nor ever removed. Let the gateway depend on this resource, so that members answer from the start.",
        vec![
            Attribute::string("id", "The name.").computed(),
            Attribute::string(
                "name",
                "Marks the rules of this resource, at the end of their description: `[ackone_backend_access:<name>]`. Use each name \
                 once among all configurations of the account; best is the gateway's name. Changing it replaces the rules, and traffic \
                 stops for a moment.",
            )
            .required()
            .replaces()
            .check(name),
            Attribute::value(
                "cluster_ids",
                Type::set(Type::String),
                "IDs of the member clusters. Their security groups are looked up (`cs:DescribeClusterDetail`).",
            )
            .required()
            .check(|value| not_empty("cluster_ids", value))
            .check_each(|value| id("Cluster", value)),
            Attribute::value(
                "vswitch_ids",
                Type::set(Type::String),
                "IDs of the gateway's vSwitches. Their IPv4 addresses are looked up (`vpc:DescribeVSwitches`), in every refresh anew.",
            )
            .check_each(|value| id("vSwitch", value)),
            Attribute::value(
                "source_cidrs",
                Type::set(Type::String),
                "IPv4 ranges to admit besides, such as `10.0.8.0/24`: addresses that are no vSwitch of the gateway.",
            )
            .check_each(cidr),
            Attribute::value(
                "security_group_ids",
                Type::map(Type::String),
                "Security group by cluster ID, for clusters whose nodes or Pods stand behind another group than the one that the \
                 service names.",
            )
            .check_each(|value| id("Security Group", value)),
            Attribute::number(
                "priority",
                "Priority of the rules, 1 to 100. The smaller number is asked first; at equal numbers a rule that drops wins.",
            )
            .default_value(Value::int(1))
            .check(priority),
            Attribute::string(
                "description",
                format!(
                    "What stands before the mark in the description of rules that are made from now on. Default `{DESCRIPTION}`."
                ),
            )
            .local()
            .check(description),
            Attribute {
                description: "How long operations may take.".into(),
                ..timeouts_attribute(CREATE_TIMEOUT, CREATE_TIMEOUT, DELETE_TIMEOUT)
            },
            Attribute::nested(
                "rules",
                Nesting::List,
                vec![
                    Attribute::string("security_group_id", "The group.").computed(),
                    Attribute::string("source_cidr", "The range it admits.").computed(),
                    Attribute::value(
                        "cluster_ids",
                        Type::list(Type::String),
                        "Clusters behind the group. Empty: the rule is wanted no more, and the next apply removes it.",
                    )
                    .computed(),
                    Attribute::string("rule_id", "The rule. Null: there is none, and the next apply makes one.").computed(),
                    Attribute::bool("owned", "Whether it is a rule of this resource. One that is not is never removed.").computed(),
                    Attribute::string("blocked_by", "A rule that drops packets from the range all the same. Null: none does.")
                        .computed(),
                ],
                "What admits each range to each group, sorted.",
            )
            .computed()
            .on_update(OnUpdate::Recompute),
        ],
    )
}

/// What involves more than one attribute.
pub(super) fn validate(config: &AccessModel<Planned>, diagnostics: &mut Diagnostics) {
    let (vswitches, ranges) = (known_set(&config.vswitch_ids), known_set(&config.source_cidrs));
    if vswitches.is_some_and(|set| set.is_empty()) && ranges.is_some_and(|set| set.is_empty()) {
        diagnostics.error(
            Path::attribute("vswitch_ids"),
            "No Source Given",
            "Neither vswitch_ids nor source_cidrs names any address, so there is nothing to admit. Write the gateway's vSwitches into \
             vswitch_ids.",
        );
    }
    let (Attr::Known(groups), Some(clusters)) = (&config.security_group_ids, known_set(&config.cluster_ids)) else {
        return;
    };
    if clusters.is_empty() {
        return;
    }
    for cluster in groups.keys().filter(|cluster| !clusters.contains(*cluster)) {
        diagnostics.error(
            Path::attribute("security_group_ids").key(cluster),
            "Security Group Of Another Cluster",
            format!(
                "security_group_ids names a group for cluster {cluster:?}, which is not among cluster_ids. Add the cluster there, or \
                 remove the entry."
            ),
        );
    }
}

fn name(value: &Value) -> Result<(), Problem> {
    let text = value.as_str().unwrap_or_default();
    if is_name(text) {
        return Ok(());
    }
    Err(Problem::new(
        "Invalid Access Name",
        format!(
            "{text:?} cannot mark a rule. Use 1 to 63 letters, digits, hyphens, underscores and dots, such as \"ackone-gateway-demo\"."
        ),
    ))
}

fn not_empty(attribute: &str, value: &Value) -> Result<(), Problem> {
    if value.as_list().is_none_or(|elements| !elements.is_empty()) {
        return Ok(());
    }
    Err(Problem::new("Empty Set", format!("{attribute} names nothing. Write at least one ID into it.")))
}

fn id(what: &str, value: &Value) -> Result<(), Problem> {
    let text = value.as_str().unwrap_or_default();
    if is_id(text) {
        return Ok(());
    }
    Err(Problem::new(
        format!("Invalid {what} ID"),
        format!("{text:?} cannot be an ID. Copy it from the console, without spaces."),
    ))
}

fn cidr(value: &Value) -> Result<(), Problem> {
    let text = value.as_str().unwrap_or_default();
    let detail = match text.parse::<Cidr>() {
        Ok(_) => return Ok(()),
        Err(NoCidr::HostBits(range)) => {
            format!("{text:?} has address bits behind its prefix. Write \"{range}\" if that whole range is meant.")
        }
        Err(NoCidr::Malformed) => {
            format!("{text:?} is not an IPv4 range. Write an address and a prefix length, such as \"10.0.8.0/24\".")
        }
    };
    Err(Problem::new("Invalid Source Range", detail))
}

fn priority(value: &Value) -> Result<(), Problem> {
    match value.as_i64() {
        Some(1..=100) => Ok(()),
        _ => Err(Problem::new(
            "Invalid Rule Priority",
            "priority must be a whole number from 1 to 100; 1 is asked first.".to_owned(),
        )),
    }
}

fn description(value: &Value) -> Result<(), Problem> {
    let text = value.as_str().unwrap_or_default();
    let length = text.chars().count();
    if (1..=LONGEST_TEXT).contains(&length) && !text.chars().any(char::is_control) && text.trim() == text {
        return Ok(());
    }
    Err(Problem::new(
        "Invalid Rule Description",
        format!(
            "description must have 1 to {LONGEST_TEXT} characters, no line breaks, and no spaces at its ends: the mark follows it. This one \
             has {length}."
        ),
    ))
}
