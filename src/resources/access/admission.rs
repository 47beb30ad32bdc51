//! What the inbound rules of a security group make of packets from a range of addresses. Pure.
//!
//! Facts: the public documentation of security groups. Rules of a smaller priority number are asked first, at equal numbers
//! drop goes before accept, and what no rule names is dropped. A gateway speaks TCP, so rules for all of TCP count as well as
//! those for everything; what a rule does to single ports is not looked at.

use super::cidr::Cidr;
use crate::cloud::ecs::SecurityGroupRule;

/// What becomes of packets from a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict<'a> {
    /// This rule admits them, to every port.
    Open(&'a SecurityGroupRule),
    /// This rule drops some or all of them.
    Dropped(&'a SecurityGroupRule),
    /// No rule names them all, so some are dropped.
    Closed,
    /// There is a rule whose source is a prefix list, which may name them.
    Unclear,
}

/// The verdict of some rules on a range.
pub(crate) fn verdict<'a>(rules: impl IntoIterator<Item = &'a SecurityGroupRule>, range: Cidr) -> Verdict<'a> {
    let mut rules: Vec<&SecurityGroupRule> = rules.into_iter().filter(|rule| is_for_all_ports(rule)).collect();
    rules.sort_by_key(|rule| (priority(rule), !is_drop(rule)));
    let mut unclear = false;
    for rule in rules {
        let Some(source) = Cidr::of_rule(&rule.source_cidr_ip) else {
            unclear |= !rule.source_prefix_list_id.is_empty();
            continue;
        };
        if is_drop(rule) && source.overlaps(range) {
            return if unclear { Verdict::Unclear } else { Verdict::Dropped(rule) };
        }
        if !is_drop(rule) && source.covers(range) {
            return if unclear { Verdict::Unclear } else { Verdict::Open(rule) };
        }
    }
    if unclear { Verdict::Unclear } else { Verdict::Closed }
}

/// The priority as a number; one that is none is asked last.
pub(crate) fn priority(rule: &SecurityGroupRule) -> u8 {
    rule.priority.parse().unwrap_or(u8::MAX)
}

/// Whether a rule drops.
pub(crate) fn is_drop(rule: &SecurityGroupRule) -> bool {
    rule.policy.eq_ignore_ascii_case("drop")
}

/// Whether a rule is for all ports of TCP at least, from any port to any address.
fn is_for_all_ports(rule: &SecurityGroupRule) -> bool {
    let ports = match rule.ip_protocol.to_ascii_uppercase().as_str() {
        "ALL" => rule.port_range == "-1/-1" || rule.port_range == "1/65535",
        "TCP" => rule.port_range == "1/65535",
        _ => false,
    };
    ports && is_for_every_packet(rule)
}

/// Whether nothing but protocol, port and source narrows a rule.
fn is_for_every_packet(rule: &SecurityGroupRule) -> bool {
    let all_ports =
        rule.source_port_range.is_empty() || ["-1/-1", "1/65535"].contains(&rule.source_port_range.as_str());
    let anywhere = rule.dest_cidr_ip.is_empty() || rule.dest_cidr_ip == "0.0.0.0/0";
    all_ports && anywhere && rule.port_range_list_id.is_empty()
}

/// Whether a rule is what [`crate::cloud::ecs::InboundAccess`] makes: the service would take a second one for the same.
pub(crate) fn is_access(rule: &SecurityGroupRule, range: Cidr, wanted: u8) -> bool {
    rule.ip_protocol.eq_ignore_ascii_case("all")
        && rule.port_range == "-1/-1"
        && is_for_every_packet(rule)
        && !is_drop(rule)
        && priority(rule) == wanted
        && Cidr::of_rule(&rule.source_cidr_ip) == Some(range)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A rule as the service writes it.
    pub(crate) fn rule(id: &str, policy: &str, priority: u8, source: &str) -> SecurityGroupRule {
        SecurityGroupRule {
            id: id.into(),
            direction: "ingress".to_owned(),
            ip_protocol: "ALL".to_owned(),
            port_range: "-1/-1".to_owned(),
            policy: policy.to_owned(),
            priority: priority.to_string(),
            source_cidr_ip: source.to_owned(),
            ..SecurityGroupRule::default()
        }
    }

    fn shown(rules: &[SecurityGroupRule]) -> String {
        match verdict(rules, "10.0.1.0/24".parse().unwrap()) {
            Verdict::Open(rule) => format!("open by {}", rule.id),
            Verdict::Dropped(rule) => format!("dropped by {}", rule.id),
            Verdict::Closed => "closed".to_owned(),
            Verdict::Unclear => "unclear".to_owned(),
        }
    }

    #[test]
    fn the_first_rule_that_names_the_range_decides() {
        let accept = |id, priority, source| rule(id, "Accept", priority, source);
        let drop = |id, priority, source| rule(id, "Drop", priority, source);
        let tcp = |id, ports: &str| SecurityGroupRule {
            ip_protocol: "tcp".to_owned(),
            port_range: ports.to_owned(),
            ..accept(id, 1, "10.0.1.0/24")
        };
        let list = SecurityGroupRule { source_prefix_list_id: "pl-1".to_owned(), ..accept("list", 1, "") };
        let narrow = SecurityGroupRule { dest_cidr_ip: "10.9.0.0/16".to_owned(), ..accept("narrow", 1, "10.0.0.0/8") };
        let cases = [
            ("no rule", vec![], "closed"),
            ("exactly", vec![accept("a", 1, "10.0.1.0/24")], "open by a"),
            ("more", vec![accept("a", 100, "0.0.0.0/0")], "open by a"),
            ("half of it", vec![accept("a", 1, "10.0.1.0/25")], "closed"),
            ("drop at equal priority", vec![accept("a", 1, "10.0.0.0/8"), drop("d", 1, "10.0.0.0/8")], "dropped by d"),
            ("drop of a part", vec![drop("d", 1, "10.0.1.7/32"), accept("a", 2, "10.0.0.0/8")], "dropped by d"),
            ("accept first", vec![drop("d", 2, "10.0.0.0/8"), accept("a", 1, "10.0.1.0/24")], "open by a"),
            ("drop of others", vec![drop("d", 1, "10.0.2.0/24"), accept("a", 2, "10.0.0.0/8")], "open by a"),
            ("all of TCP", vec![tcp("t", "1/65535")], "open by t"),
            ("some of TCP", vec![tcp("t", "50051/50051")], "closed"),
            ("a prefix list", vec![list.clone()], "unclear"),
            (
                "an earlier rule is clear",
                vec![accept("a", 1, "10.0.1.0/24"), SecurityGroupRule { priority: "2".to_owned(), ..list }],
                "open by a",
            ),
            ("other destinations", vec![narrow], "closed"),
        ];
        for (case, rules, expected) in cases {
            assert_eq!(shown(&rules), expected, "{case}");
        }
    }

    #[test]
    fn only_the_very_rule_is_ours_to_make() {
        let range = "10.0.1.0/24".parse().unwrap();
        let own = rule("a", "accept", 1, "10.0.1.0/24");
        assert!(is_access(&own, range, 1) && !is_access(&own, range, 2));
        for other in [
            rule("a", "Drop", 1, "10.0.1.0/24"),
            rule("a", "Accept", 1, "10.0.0.0/16"),
            SecurityGroupRule { ip_protocol: "TCP".to_owned(), port_range: "1/65535".to_owned(), ..own.clone() },
            SecurityGroupRule { source_port_range: "1/1024".to_owned(), ..own.clone() },
        ] {
            assert!(!is_access(&other, range, 1), "{other:?}");
        }
    }
}
