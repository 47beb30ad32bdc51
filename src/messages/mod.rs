//! Every message that the provider can show, in one catalogue: what it is about, why it comes, what to do.
//!
//! The guide "Troubleshooting" is written from it, `tests/messages.rs` holds it against the sources, and the acceptance tests
//! refuse a message of ours that is not in it. Nothing here runs in a plan or an apply: the texts that users read are written
//! where the facts are, and these rows explain their titles. One file for each area; a row is one call of `error`,
//! `warning` or `either`.

mod access;
mod application_set;
mod association;
mod cloud;
mod data_source;
mod framework;
mod gateway;
mod ingress;
mod kubernetes;
mod namespace;
mod provider;
mod secret;
mod stack;
mod surroundings;

/// How bad a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The operation fails.
    Error,
    /// Shown; nothing fails.
    Warning,
    /// An error or a warning, by what it happens in.
    Either,
}

/// Whether a golden shows the message as Terraform renders it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Golden {
    /// One does.
    Rendered,
    /// None can, for this reason.
    NotRendered(&'static str),
}

/// A message.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// Its title. `{}` stands for what differs.
    pub summary: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The attribute it points to, or what else it is about.
    pub path: &'static str,
    /// Why it comes.
    pub cause: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// Whether a golden shows it.
    pub golden: Golden,
}

impl Message {
    /// Whether a title is this message's.
    #[must_use]
    pub fn is(&self, summary: &str) -> bool {
        let mut parts = self.summary.split("{}");
        let Some(mut rest) = parts.next().and_then(|first| summary.strip_prefix(first)) else { return false };
        let mut open = false;
        for part in parts {
            let Some(at) = rest.find(part).filter(|at| *at > 0 || part.is_empty()) else { return false };
            rest = rest.get(at + part.len()..).unwrap_or_default();
            open = part.is_empty();
        }
        open || rest.is_empty()
    }

    /// Marks a message that no run of Terraform can be made to show.
    #[must_use]
    pub const fn not_rendered(self, why: &'static str) -> Self {
        Self { golden: Golden::NotRendered(why), ..self }
    }
}

/// The messages of one part of the provider.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// Heading of the guide.
    pub name: &'static str,
    /// Messages, in the order of the guide.
    pub messages: &'static [Message],
}

/// Every area, in the order of the guide.
pub const AREAS: &[Area] = &[
    Area { name: "Provider configuration", messages: provider::MESSAGES },
    Area { name: "Cloud API", messages: cloud::MESSAGES },
    Area { name: "Fleet API and objects in it", messages: kubernetes::MESSAGES },
    Area { name: "ackone_fleet_cluster_association", messages: association::MESSAGES },
    Area { name: "ackone_backend_access", messages: access::MESSAGES },
    Area { name: "ackone_namespace", messages: namespace::MESSAGES },
    Area { name: "ackone_tls_secret", messages: secret::MESSAGES },
    Area { name: "ackone_alb_gateway", messages: gateway::MESSAGES },
    Area { name: "ackone_grpc_ingress", messages: ingress::MESSAGES },
    Area { name: "ackone_application_set", messages: application_set::MESSAGES },
    Area { name: "Gateway, ingresses and certificates together", messages: stack::MESSAGES },
    Area { name: "What surrounds a gateway in the cloud", messages: surroundings::MESSAGES },
    Area { name: "ackone_grpc_services", messages: data_source::MESSAGES },
    Area { name: "Data sources of the cloud and the Fleet", messages: data_source::READS },
    Area { name: "State, plans and the protocol", messages: framework::MESSAGES },
];

/// Every message.
pub fn all() -> impl Iterator<Item = &'static Message> {
    AREAS.iter().flat_map(|area| area.messages)
}

/// The message with a title: of those that fit, the one that says most of it.
#[must_use]
pub fn find(summary: &str) -> Option<&'static Message> {
    all().filter(|message| message.is(summary)).max_by_key(|message| message.summary.len())
}

/// A row for an error.
const fn error(summary: &'static str, path: &'static str, cause: &'static str, remedy: &'static str) -> Message {
    Message { summary, severity: Severity::Error, path, cause, remedy, golden: Golden::Rendered }
}

/// A row for a warning.
const fn warning(summary: &'static str, path: &'static str, cause: &'static str, remedy: &'static str) -> Message {
    Message { severity: Severity::Warning, ..error(summary, path, cause, remedy) }
}

/// A row for what is an error here and a warning there.
const fn either(summary: &'static str, path: &'static str, cause: &'static str, remedy: &'static str) -> Message {
    Message { severity: Severity::Either, ..error(summary, path, cause, remedy) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_with_a_gap_are_found_by_what_fills_it() {
        let message = error("Invalid {} Name", "name", "x.", "y.");
        assert!(message.is("Invalid Secret Name") && message.is("Invalid Load Balancer Name"));
        for other in ["Invalid  Name", "Invalid Secret Names", "An Invalid Secret Name", "Invalid Name"] {
            assert!(!message.is(other), "{other}");
        }
        assert!(error("Unknown {}", "x", "x.", "y.").is("Unknown Function"));
        assert_eq!(find("Invalid Organization").map(|message| message.summary), Some("Invalid {}"));
        assert_eq!(find("Invalid Secret Name").map(|message| message.summary), Some("Invalid {} Name"));
        assert_eq!(find("Invalid Private Key").map(|message| message.summary), Some("Invalid Private Key"));
        assert!(find("Object Exists").is_some() && find("Nobody Says This").is_none());
    }
}
