//! Whether packets get through: the rules of a member's security group against a vSwitch's addresses.
//!
//! Facts: the public documentation of security groups. Rules of a smaller priority number are asked first, at equal
//! numbers `Drop` goes before `Accept`, and what no rule names is dropped.

use std::net::Ipv4Addr;

use super::state::{Rule, State};

/// An IPv4 range as its first and last address.
fn range(cidr: &str) -> Option<(u32, u32)> {
    let (address, length) = cidr.split_once('/').unwrap_or((cidr, "32"));
    let length: u32 = length.parse().ok().filter(|length| *length <= 32)?;
    let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    let first = u32::from(address.parse::<Ipv4Addr>().ok()?) & mask;
    Some((first, first | !mask))
}

impl State {
    /// Whether the security group of a member admits all of a vSwitch's addresses to every port. The gateway's public guide
    /// asks for all of them, so rules for single ports are not looked at.
    pub(crate) fn admits(&self, cluster: &str, vswitch: &str) -> bool {
        let group = self.clusters.get(cluster).and_then(|cluster| self.security_groups.get(&cluster.security_group_id));
        let source = self.vswitches.get(vswitch).and_then(|vswitch| range(&vswitch.cidr_block));
        let (Some(group), Some((first, last))) = (group, source) else { return false };
        let mut rules: Vec<&Rule> =
            group.rules.iter().filter(|rule| rule.direction == "ingress" && for_all_ports(rule)).collect();
        rules.sort_by_key(|rule| (rule.priority.parse::<u8>().unwrap_or(u8::MAX), rule.policy != "Drop"));
        for rule in rules {
            let Some((from, to)) = range(&rule.source_cidr_ip) else { continue };
            match rule.policy.as_str() {
                "Drop" if from <= last && first <= to => return false,
                "Accept" if from <= first && last <= to => return true,
                _ => {}
            }
        }
        false
    }
}

/// Whether a rule is for everything, or for all of TCP.
fn for_all_ports(rule: &Rule) -> bool {
    matches!((rule.ip_protocol.as_str(), rule.port_range.as_str()), ("ALL", "-1/-1") | ("TCP", "1/65535"))
}

#[cfg(test)]
mod tests {
    use super::super::{Moment, WorldSettings};
    use super::*;

    #[test]
    fn a_member_admits_a_vswitch_only_by_a_rule_that_covers_it() {
        let settings = WorldSettings { open_security_groups: false, ..WorldSettings::default() };
        let mut state = settings.build(Moment::from_millis(0));
        let cluster = state.clusters.values().find(|c| c.name == "member-1").unwrap().clone();
        let vswitch = cluster.vswitch_ids[0].clone();
        assert!(!state.admits(&cluster.cluster_id, &vswitch));
        let rules = &mut state.security_groups.get_mut(&cluster.security_group_id).unwrap().rules;
        let mut rule = Rule { source_cidr_ip: "10.0.1.0/25".to_owned(), priority: "5".to_owned(), ..rules[0].clone() };
        rules.push(rule.clone());
        assert!(!state.admits(&cluster.cluster_id, &vswitch), "half of the vSwitch");
        rule.source_cidr_ip = "10.0.0.0/16".to_owned();
        let one_port = Rule { ip_protocol: "TCP".to_owned(), port_range: "50051/50051".to_owned(), ..rule.clone() };
        state.security_groups.get_mut(&cluster.security_group_id).unwrap().rules.push(one_port);
        assert!(!state.admits(&cluster.cluster_id, &vswitch), "a single port");
        state.security_groups.get_mut(&cluster.security_group_id).unwrap().rules.push(rule.clone());
        assert!(state.admits(&cluster.cluster_id, &vswitch));
        rule.policy = "Drop".to_owned();
        state.security_groups.get_mut(&cluster.security_group_id).unwrap().rules.push(rule);
        assert!(!state.admits(&cluster.cluster_id, &vswitch), "at equal priority a drop wins");
        let open = WorldSettings::default().build(Moment::from_millis(0));
        assert!(open.admits(&cluster.cluster_id, &vswitch));
    }

    #[test]
    fn ranges_are_read_with_any_prefix_length() {
        assert_eq!(range("0.0.0.0/0"), Some((0, u32::MAX)));
        assert_eq!(range("10.0.0.1"), range("10.0.0.1/32"));
        assert_eq!(range("10.0.0.0/33"), None);
    }
}
