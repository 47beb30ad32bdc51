//! Rules V03 to V18, about the load balancer itself.

use std::collections::BTreeSet;

use super::{Scene, choice, elements, is_id};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::path::Path;
use crate::framework::value::Value;

/// V03: a new load balancer has zone mappings, best two, each with a vSwitch of its own.
pub(crate) fn v03_zone_mappings(scene: &Scene<'_>, told: &mut Diagnostics) {
    let at = Path::attribute("zone_mappings");
    let mappings = scene.attr("zone_mappings");
    let count = mappings.as_list().map(<[Value]>::len);
    if scene.makes_one() == Some(true) && !mappings.is_unknown() {
        match count.unwrap_or_default() {
            0 => told.error(
                at.clone(),
                "No Zone Mappings",
                "There are no zone_mappings: a load balancer needs at least one vSwitch, in most regions two in different \
                 zones. Only a reused load balancer (reuse.load_balancer_id) does without.",
            ),
            1 => told.warn(
                at.clone(),
                "Single Zone",
                "The gateway has one zone mapping. Most regions refuse that, and the gateway fails with its zone. Add a \
                 vSwitch in another zone.",
            ),
            _ => {}
        }
    }
    refuse_repeated(&mappings, "vswitch_id", "vSwitch", told);
}

/// V05: zones that are named are different ones.
pub(crate) fn v05_zone_id(scene: &Scene<'_>, told: &mut Diagnostics) {
    refuse_repeated(&scene.attr("zone_mappings"), "zone_id", "zone", told);
}

fn refuse_repeated(mappings: &Value, name: &str, what: &str, told: &mut Diagnostics) {
    let mut seen = BTreeSet::new();
    for (at, mapping) in elements(mappings, &Path::attribute("zone_mappings")) {
        if let Some(id) = mapping.attr(name).as_str()
            && !seen.insert(id.to_owned())
        {
            told.error(
                at.attr(name),
                "Duplicate Zone Mapping",
                format!("Two zone_mappings name {what} {id:?}. Each zone mapping needs a zone and vSwitch of its own."),
            );
        }
    }
}

/// V04: vSwitch IDs look like such.
pub(crate) fn v04_vswitch_id(scene: &Scene<'_>, told: &mut Diagnostics) {
    for (at, mapping) in elements(&scene.attr("zone_mappings"), &Path::attribute("zone_mappings")) {
        if let Some(id) = mapping.attr("vswitch_id").as_str().filter(|id| !is_id(id, "vsw-")) {
            told.error(
                at.attr("vswitch_id"),
                "Invalid vSwitch ID",
                format!("{id:?} is no ID of a vSwitch of the Fleet's VPC, such as \"vsw-bp1abc\"."),
            );
        }
    }
}

/// V06: the address type is one that exists.
pub(crate) fn v06_address_type(scene: &Scene<'_>, told: &mut Diagnostics) {
    let at = Path::attribute("address_type");
    choice(&scene.attr("address_type"), at, "Invalid Address Type", &["Internet", "Intranet"], told);
}

/// V07: the address mode is one that exists; a new load balancer has fixed addresses where regions sell nothing else.
pub(crate) fn v07_address_allocated_mode(scene: &Scene<'_>, told: &mut Diagnostics) {
    let at = Path::attribute("address_allocated_mode");
    let mode = scene.attr("address_allocated_mode");
    choice(&mode, at.clone(), "Invalid Address Mode", &["Fixed", "Dynamic"], told);
    let dynamic = mode.is_null() || mode.as_str() == Some("Dynamic");
    if scene.creating && dynamic && scene.makes_one() == Some(true) {
        told.warn(
            at,
            "Dynamic Addresses",
            "A new load balancer with address_allocated_mode \"Dynamic\" (also the default) cannot be bought in newer regions. \
             Use \"Fixed\" unless you know that yours sells it.",
        );
    }
}

/// V08: the IP version is one that exists; the IPv6 address type needs IPv6.
pub(crate) fn v08_address_ip_version(scene: &Scene<'_>, told: &mut Diagnostics) {
    let version = scene.attr("address_ip_version");
    let at = Path::attribute("address_ip_version");
    choice(&version, at, "Invalid Address Version", &["IPv4", "DualStack"], told);
    let ipv6 = scene.attr("ipv6_address_type");
    let at = Path::attribute("ipv6_address_type");
    choice(&ipv6, at.clone(), "Invalid IPv6 Address Type", &["Intranet", "Internet"], told);
    if ipv6.as_str().is_some() && !version.is_unknown() && version.as_str() != Some("DualStack") {
        told.error(
            at,
            "IPv6 Setting Without IPv6",
            format!(
                "ipv6_address_type has no effect: address_ip_version is {}. Set that to \"DualStack\", or remove \
                 ipv6_address_type.",
                version.as_str().map_or_else(|| "\"IPv4\" by default".to_owned(), |version| format!("{version:?}"))
            ),
        );
    }
}

/// V09: the edition is one that the controller works with.
pub(crate) fn v09_edition(scene: &Scene<'_>, told: &mut Diagnostics) {
    let at = Path::attribute("edition");
    choice(&scene.attr("edition"), at, "Invalid Edition", &["Standard", "StandardWithWaf"], told);
}

/// V10: whoever overwrites a reused load balancer says its edition.
pub(crate) fn v10_reused_edition(scene: &Scene<'_>, told: &mut Diagnostics) {
    let forced = scene.attr("reuse").attr("force_override").as_bool() == Some(true);
    if forced && scene.makes_one() == Some(false) && scene.attr("edition").is_null() {
        told.warn(
            Path::attribute("edition"),
            "Edition Not Named",
            "reuse.force_override overwrites the reused load balancer, and without edition it becomes \"Standard\": a web \
             application firewall is switched off silently. Name the edition that it has.",
        );
    }
}

/// V11: there is one way to pay.
pub(crate) fn v11_pay_type(scene: &Scene<'_>, told: &mut Diagnostics) {
    choice(&scene.attr("pay_type"), Path::attribute("pay_type"), "Invalid Pay Type", &["PostPay"], told);
}

/// V12: a bandwidth package is for public addresses, and is never unbound.
pub(crate) fn v12_bandwidth_package(scene: &Scene<'_>, told: &mut Diagnostics) {
    let at = Path::attribute("bandwidth_package_id");
    let package = scene.attr("bandwidth_package_id");
    if let Some(id) = package.as_str()
        && scene.attr("address_type").as_str() == Some("Intranet")
    {
        told.error(
            at.clone(),
            "Bandwidth Package Needs Public Addresses",
            format!("Bandwidth package {id:?} cannot be bound: address_type is \"Intranet\". Remove one of them."),
        );
    }
    let bound = scene.prior.map(|prior| prior.attr("bandwidth_package_id"));
    if let Some(Value::String(bound)) = bound
        && package.is_null()
    {
        told.error(
            at,
            "Bandwidth Package Cannot Be Unbound",
            format!(
                "The configuration no longer names bandwidth package {bound:?}, but the controller cannot unbind one: it would \
                 silently stay. Keep bandwidth_package_id; or mark the gateway with `terraform taint`, so that it is made anew \
                 without the package and with another DNS name. `-replace` does not help here: Terraform plans the update first."
            ),
        );
    }
}

/// V13: project and store of the access log have the lengths that the log service takes.
pub(crate) fn v13_access_log(scene: &Scene<'_>, told: &mut Diagnostics) {
    let log = scene.attr("access_log");
    for (name, least, most) in [("project", 4, 63), ("store", 2, 64)] {
        if let Some(text) = log.attr(name).as_str() {
            let count = text.chars().count();
            if !(least..=most).contains(&count) {
                told.error(
                    Path::attribute("access_log").attr(name),
                    "Invalid Access Log",
                    format!("{text:?} has a length of {count}; the log service takes {least} to {most} characters for the {name}."),
                );
            }
        }
    }
}

/// V14: the logstore has the prefix without which the cloud may not write to it.
pub(crate) fn v14_log_store(scene: &Scene<'_>, told: &mut Diagnostics) {
    if let Some(store) = scene.attr("access_log").attr("store").as_str().filter(|store| !store.starts_with("alb_")) {
        told.error(
            Path::attribute("access_log").attr("store"),
            "Invalid Logstore Name",
            format!(
                "{store:?} does not start with \"alb_\", so the load balancer is not allowed to write to it. Use a name such as \
                 \"alb_access\"."
            ),
        );
    }
}

/// V15: keys of tags are ones that the cloud takes.
pub(crate) fn v15_tags(scene: &Scene<'_>, told: &mut Diagnostics) {
    let mut maps = vec![(Path::attribute("tags"), scene.attr("tags"))];
    maps.extend(scene.listeners().into_iter().map(|(_, at, listener)| (at.attr("tags"), listener.attr("tags"))));
    for (at, tags) in maps {
        for key in tags.as_map().into_iter().flat_map(|tags| tags.keys()) {
            if key.is_empty() || key.starts_with("aliyun") || key.starts_with("acs:") {
                told.error(
                    at.key(key.as_str()),
                    "Invalid Tag Key",
                    format!(
                        "{key:?} is no tag key that the cloud accepts: keys are not empty and do not start with \"aliyun\" or \
                         \"acs:\"."
                    ),
                );
            }
        }
    }
}

const OVERRIDES: [&str; 2] = ["force_override", "listener_force_override"];

/// V16: overwriting a reused load balancer deletes what is not declared.
pub(crate) fn v16_overridden_listeners(scene: &Scene<'_>, told: &mut Diagnostics) {
    if scene.makes_one() != Some(false) {
        return;
    }
    for name in OVERRIDES {
        if scene.attr("reuse").attr(name).as_bool() == Some(true) {
            told.warn(
                Path::attribute("reuse").attr(name),
                "Undeclared Listeners Are Deleted",
                format!(
                    "With reuse.{name} the controller owns all listeners of the reused load balancer and deletes those that \
                     listeners does not declare, with the traffic that they carry. Declare every listener that must stay."
                ),
            );
        }
    }
}

/// V17: there is something to overwrite.
pub(crate) fn v17_override_needs_id(scene: &Scene<'_>, told: &mut Diagnostics) {
    if scene.makes_one() != Some(true) {
        return;
    }
    for name in OVERRIDES {
        if scene.attr("reuse").attr(name).as_bool() == Some(true) {
            told.error(
                Path::attribute("reuse").attr(name),
                "Nothing to Override",
                format!(
                    "reuse.{name} has no effect without reuse.load_balancer_id: there is no load balancer to overwrite. Name \
                     it, or remove {name}."
                ),
            );
        }
    }
}

/// V18: the ID of a reused load balancer looks like one.
pub(crate) fn v18_reused_id(scene: &Scene<'_>, told: &mut Diagnostics) {
    if let Some(id) = scene.attr("reuse").attr("load_balancer_id").as_str().filter(|id| !is_id(id, "alb-")) {
        told.error(
            Path::attribute("reuse").attr("load_balancer_id"),
            "Invalid Load Balancer ID",
            format!("{id:?} is no ID of an application load balancer, such as \"alb-bp1abc\"."),
        );
    }
}
