//! Rules V19 and V33 to V36: who may connect, whom to believe, what is logged.

use std::net::IpAddr;

use super::{Scene, choice, fewest, texts};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::value::Value;
use crate::resources::alb_gateway::extra::parsed;

/// Networks in one access control list.
const MAX_ACL_ENTRIES: usize = 500;
/// Access control lists of one listener.
const MAX_ACL_IDS: usize = 3;

/// V19: security groups and access control lists exclude each other.
pub(crate) fn v19_security_groups(scene: &Scene<'_>, told: &mut Diagnostics) {
    let groups = scene.attr("extra_spec").as_str().and_then(parsed).and_then(|extra| {
        extra.pointer("/config/securityGroupIds").and_then(serde_json::Value::as_array).map(Vec::len)
    });
    if groups.is_none_or(|count| count == 0) {
        return;
    }
    for (key, at, listener) in scene.listeners() {
        if listener.attr("acl").as_map().is_some() {
            told.error(
                at.attr("acl"),
                "Access Control List and Security Groups",
                format!(
                    "Listener {key:?} has an acl, and extra_spec gives the load balancer securityGroupIds. The cloud refuses \
                     both together. Remove one of them."
                ),
            );
        }
    }
}

/// V33: an access control list is complete and one that the cloud takes.
pub(crate) fn v33_acl(scene: &Scene<'_>, told: &mut Diagnostics) {
    for (key, at, listener) in scene.listeners() {
        let acl = listener.attr("acl");
        if acl.as_map().is_none() {
            continue;
        }
        let at = at.attr("acl");
        choice(&acl.attr("type"), at.attr("type"), "Invalid ACL Type", &["White", "Black"], told);
        let (entries, ids) = (acl.attr("entries"), acl.attr("ids"));
        let count = |list: &Value| (!list.is_unknown()).then(|| fewest(list));
        match (count(&entries), count(&ids)) {
            (Some(0), Some(0)) => told.error(
                at.clone(),
                "Empty ACL",
                format!(
                    "The acl of listener {key:?} names neither entries nor ids. Name one of them, or remove the acl."
                ),
            ),
            (Some(some), Some(more)) if some > 0 && more > 0 => told.error(
                at.attr("ids"),
                "ACL Entries and IDs",
                format!(
                    "The acl of listener {key:?} has entries and ids; the controller takes one of them. Remove one."
                ),
            ),
            _ => {}
        }
        for (list, name, most) in [(&entries, "entries", MAX_ACL_ENTRIES), (&ids, "ids", MAX_ACL_IDS)] {
            if let Some(count) = count(list).filter(|count| *count > most) {
                told.error(
                    at.attr(name),
                    "ACL Too Large",
                    format!("The acl of listener {key:?} has {count} {name}; the cloud takes up to {most}."),
                );
            }
        }
        for entry in texts(&entries) {
            if let Some(problem) = network_problem(&entry, false) {
                told.error(
                    at.attr("entries"),
                    "Invalid Network",
                    format!("{entry:?} in the acl of listener {key:?} {problem}"),
                );
            }
        }
    }
}

/// V34: looking the client up needs to know whom to believe.
pub(crate) fn v34_trusted_proxies(scene: &Scene<'_>, told: &mut Diagnostics) {
    for (key, at, listener) in scene.listeners() {
        let forwarded = listener.attr("x_forwarded_for");
        let at = at.attr("x_forwarded_for");
        let trusted = forwarded.attr("client_source_ips_trusted");
        let none = trusted.is_null() || trusted.as_list().is_some_and(<[Value]>::is_empty);
        if forwarded.attr("client_source_ips_enabled").as_bool() == Some(true) && none {
            told.error(
                at.attr("client_source_ips_trusted"),
                "No Trusted Proxies",
                format!(
                    "Listener {key:?} shall look up the client's address in X-Forwarded-For, but client_source_ips_trusted \
                     does not say which proxies to believe. Name their addresses or networks."
                ),
            );
        }
        for entry in texts(&trusted) {
            if let Some(problem) = network_problem(&entry, true) {
                let text = format!("{entry:?} in client_source_ips_trusted of listener {key:?} {problem}");
                told.error(at.attr("client_source_ips_trusted"), "Invalid Network", text);
            }
        }
    }
}

/// V35: the share of traced requests is one of 10000.
pub(crate) fn v35_tracing(scene: &Scene<'_>, told: &mut Diagnostics) {
    for (_, at, listener) in scene.listeners() {
        let Value::Number(sample) = listener.attr("log").attr("tracing").attr("sample") else { continue };
        if sample.to_i64().is_none_or(|sample| !(0..=10_000).contains(&sample)) {
            told.error(
                at.attr("log").attr("tracing").attr("sample"),
                "Invalid Tracing Sample",
                format!("sample is {sample}. Write how many of 10000 requests are traced, from 0 to 10000."),
            );
        }
    }
}

/// V36: what is logged has a log.
pub(crate) fn v36_logging_needs_a_log(scene: &Scene<'_>, told: &mut Diagnostics) {
    if !scene.attr("access_log").is_null() {
        return;
    }
    for (key, at, listener) in scene.listeners() {
        let log = listener.attr("log");
        let at = at.attr("log");
        for (at, switch, what) in [
            (at.attr("custom_headers_enabled"), log.attr("custom_headers_enabled"), "custom headers"),
            (at.attr("tracing").attr("enabled"), log.attr("tracing").attr("enabled"), "traces"),
        ] {
            if switch.as_bool() == Some(true) {
                told.error(
                    at,
                    "Logging Without a Log",
                    format!("Listener {key:?} shall log {what}, but the gateway has no access_log. Set that, or remove this."),
                );
            }
        }
    }
}

/// What is wrong with a network, if anything is.
fn network_problem(text: &str, or_address: bool) -> Option<String> {
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let example = if or_address { "\"10.0.0.0/8\" or \"10.0.0.1\"" } else { "\"10.0.0.0/8\" or \"10.0.0.1/32\"" };
    let no_network = || Some(format!("is no network. Write it such as {example}."));
    let Ok(address) = address.parse::<IpAddr>() else { return no_network() };
    let bits: u32 = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None if or_address => return None,
        None => return no_network(),
        Some(length) => match length.parse::<u32>() {
            Ok(number) if number <= bits && number.to_string() == length => number,
            _ => return no_network(),
        },
    };
    let start = first_address(address, length);
    (start != address).then(|| {
        format!("is not the start of its network: with /{length} that is \"{start}/{length}\". Write that, or a longer prefix.")
    })
}

fn first_address(address: IpAddr, length: u32) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(length)).unwrap_or(0);
            IpAddr::V4((u32::from(address) & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(length)).unwrap_or(0);
            IpAddr::V6((u128::from(address) & mask).into())
        }
    }
}
