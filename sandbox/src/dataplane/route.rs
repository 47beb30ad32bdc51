//! Which rule a request falls under, and what that rule says to do with it.
//!
//! Pure: a request's head and a listener's rules in, a decision out. First match by priority; without one the default
//! action forwards to an empty group, which answers 503. Facts: the ALB documentation of forwarding rules.

use std::net::IpAddr;

use http::request::Parts;

use super::pattern;
use crate::alb::{Action, Condition, ForwardTarget, KeyValue, Listener, RedirectConfig, Rule};

/// What to do with a request.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Decision<'r> {
    /// Forward to one of the groups, after these header edits.
    Forward(&'r [ForwardTarget], Vec<&'r Action>),
    /// Redirect.
    Redirect(&'r RedirectConfig),
    /// A fixed answer: status, media type, body.
    Fixed(u16, &'r str, &'r str),
    /// No rule: the empty default group.
    Default,
}

/// The authority without its port, in lower case.
pub(super) fn authority(parts: &Parts) -> String {
    let header = || parts.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    let authority = parts.uri.authority().map(http::uri::Authority::as_str).or_else(header).unwrap_or_default();
    let without_port = match authority.rsplit_once(':') {
        Some((host, port)) if port.chars().all(|digit| digit.is_ascii_digit()) && !host.ends_with(':') => host,
        _ => authority,
    };
    without_port.to_ascii_lowercase()
}

/// Decides.
pub(super) fn decide<'r>(listener: &'r Listener, parts: &Parts, client: IpAddr) -> Decision<'r> {
    let Some(rule) = listener.rules.iter().find(|rule| matches(rule, parts, client)) else { return Decision::Default };
    let mut edits = Vec::new();
    for action in &rule.rule_actions {
        match action {
            Action::ForwardGroup { server_group_tuples } => return Decision::Forward(server_group_tuples, edits),
            Action::Redirect { redirect_config } => return Decision::Redirect(redirect_config),
            Action::FixedResponse { content_type, content, http_code } => {
                return Decision::Fixed(*http_code, content_type, content);
            }
            Action::InsertHeader { .. } | Action::RemoveHeader { .. } => edits.push(action),
            Action::TrafficLimit { .. } | Action::Cors { .. } => {}
        }
    }
    Decision::Default
}

fn matches(rule: &Rule, parts: &Parts, client: IpAddr) -> bool {
    rule.rule_conditions.iter().all(|condition| holds(condition, parts, client))
}

fn holds(condition: &Condition, parts: &Parts, client: IpAddr) -> bool {
    let header = |name: &str| parts.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let has = |pairs: &[(String, String)], wanted: &[KeyValue]| {
        wanted
            .iter()
            .any(|want| pairs.iter().any(|(key, value)| *key == want.key && pattern::wildcard(&want.value, value)))
    };
    match condition {
        Condition::Host { values } => {
            let authority = authority(parts);
            values.iter().any(|value| pattern::host(value, &authority))
        }
        Condition::Path { values } => values.iter().any(|value| pattern::path(value, parts.uri.path())),
        Condition::Header { key, values } => {
            header(key).any(|present| values.iter().any(|value| pattern::wildcard(value, present)))
        }
        Condition::Method { values } => values.iter().any(|value| value == parts.method.as_str()),
        Condition::Cookie { values } => {
            let pairs = header("cookie").flat_map(|line| line.split(';')).filter_map(|pair| {
                let (key, value) = pair.trim().split_once('=')?;
                Some((key.to_owned(), value.to_owned()))
            });
            has(&pairs.collect::<Vec<_>>(), values)
        }
        Condition::QueryString { values } => {
            let pairs = parts.uri.query().unwrap_or_default().split('&').map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                (key.to_owned(), value.to_owned())
            });
            has(&pairs.collect::<Vec<_>>(), values)
        }
        Condition::SourceIp { values } => values.iter().any(|network| contains(network, client)),
    }
}

fn contains(network: &str, address: IpAddr) -> bool {
    let (base, bits) = network.split_once('/').unwrap_or((network, ""));
    let (Ok(base), IpAddr::V4(address)) = (base.parse::<std::net::Ipv4Addr>(), address) else {
        return base.parse::<IpAddr>().is_ok_and(|base| base == address);
    };
    let bits: u32 = bits.parse().unwrap_or(32).min(32);
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    u32::from(base) & mask == u32::from(address) & mask
}

/// The target of a redirect: placeholders filled in from the request.
pub(super) fn location(redirect: &RedirectConfig, parts: &Parts, listener: &Listener) -> String {
    let own = [
        ("${host}", authority(parts)),
        ("${path}", parts.uri.path().to_owned()),
        ("${query}", parts.uri.query().unwrap_or_default().to_owned()),
        ("${port}", listener.listener_port.to_string()),
        ("${protocol}", listener.listener_protocol.to_string()),
    ];
    let fill = |text: &str| own.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
    let (protocol, query) = (fill(&redirect.protocol).to_ascii_lowercase(), fill(&redirect.query));
    let separator = if query.is_empty() { "" } else { "?" };
    format!("{protocol}://{}:{}{}{separator}{query}", fill(&redirect.host), fill(&redirect.port), fill(&redirect.path))
}

/// Weighted turns: over the groups of a rule and over the servers of a group. Smooth, so a 3:1 split alternates.
#[derive(Debug, Default)]
pub(super) struct Turns {
    credit: std::collections::BTreeMap<String, i64>,
}

impl Turns {
    /// The next of the candidates, by name and weight. Nothing when all weights are zero.
    pub(super) fn next<'c>(&mut self, scope: &str, candidates: &[(&'c str, u32)]) -> Option<&'c str> {
        let total: i64 = candidates.iter().map(|(_, weight)| i64::from(*weight)).sum();
        let mut best: Option<(&'c str, i64)> = None;
        for (name, weight) in candidates.iter().filter(|(_, weight)| *weight > 0) {
            let credit = self.credit.entry(format!("{scope}\n{name}")).or_default();
            *credit += i64::from(*weight);
            if best.is_none_or(|(_, highest)| *credit > highest) {
                best = Some((name, *credit));
            }
        }
        let (chosen, _) = best?;
        if let Some(credit) = self.credit.get_mut(&format!("{scope}\n{chosen}")) {
            *credit -= total;
        }
        Some(chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(authority: &str, path: &str) -> Parts {
        http::Request::builder().uri(format!("https://{authority}{path}")).body(()).expect("request").into_parts().0
    }

    #[test]
    fn the_authority_loses_its_port_and_its_case() {
        assert_eq!(authority(&parts("GRPC.example.com:8443", "/")), "grpc.example.com");
        assert_eq!(authority(&parts("localhost", "/")), "localhost");
    }

    #[test]
    fn turns_follow_the_weights_smoothly() {
        let mut turns = Turns::default();
        let order: Vec<_> = (0..8).filter_map(|_| turns.next("r", &[("a", 3), ("b", 1), ("c", 0)])).collect();
        assert_eq!(order.iter().filter(|name| **name == "a").count(), 6);
        assert_eq!(order.iter().filter(|name| **name == "b").count(), 2);
        assert_eq!(turns.next("r", &[("c", 0)]), None);
    }

    #[test]
    fn source_networks_contain_their_addresses() {
        let loopback = IpAddr::from([127, 0, 0, 1]);
        assert!(
            contains("127.0.0.0/8", loopback) && contains("127.0.0.1", loopback) && contains("0.0.0.0/0", loopback)
        );
        assert!(!contains("10.0.0.0/8", loopback));
    }
}
