//! The guide "Troubleshooting": every message of the provider and every known event of the controller, from their tables.
//!
//! Called by `docs.rs`. The acceptance tests read the headings of this page to know the provider's messages.

use ackone::messages::{self, Message, Severity};
use ackone::resources::event_messages::{self, Known};

/// Where the page is.
pub(crate) const PATH: &str = "docs/guides/troubleshooting.md";

const INTRODUCTION: &str = "\
---
page_title: \"Troubleshooting\"
subcategory: \"\"
description: |-
  Every message of the provider, and every known event of the ALB Ingress controller: cause and remedy.
---

# Troubleshooting

Each message of the provider has a title, which is listed here, and a detail, which says what happened with the values of your
case and what to do. Search this page for the title. \"…\" in a title stands for what differs.

A warning never stops a run. A create that made something never answers an error, because Terraform would then destroy and
create it again: it warns, and `ready` is `false`; the next plan waits in place.
";

const EVENTS: &str = "
## Events of the controller

The ALB Ingress controller tells of failures in Kubernetes Events only. While the provider waits it reads those of the object,
of its gateway, and of other Ingresses of the gateway, and shows them in its messages with what they mean. An event that is not
in this table is shown as it is, with its request ID. One that passes by itself is waited out; any other ends a wait after a
minute.

| The event says | Passes by itself | Cause | What to do |
|---|---|---|---|
";

const ARGO_CD: &str = "
## Messages of Argo CD

Argo CD tells of failures in conditions of ApplicationSets and Applications. While `ackone_application_set` waits it reads those, and
shows them with what they mean. A message that is not in this table is shown as it is, and ends a wait after a minute.

| The message says | Passes by itself | Cause | What to do |
|---|---|---|---|
";

/// The page.
pub(crate) fn page() -> String {
    let mut text = INTRODUCTION.to_owned();
    for area in messages::AREAS.iter().filter(|area| !area.messages.is_empty()) {
        let name = if area.name.starts_with("ackone_") { format!("`{}`", area.name) } else { area.name.to_owned() };
        text.push_str(&format!("\n## {name}\n"));
        area.messages.iter().for_each(|message| text.push_str(&section(message)));
    }
    text.push_str(EVENTS);
    event_messages::TABLE.iter().for_each(|known| text.push_str(&row(known)));
    text.push_str(ARGO_CD);
    event_messages::ARGO_CD.iter().for_each(|known| text.push_str(&row(known)));
    text
}

fn section(message: &Message) -> String {
    let severity = match message.severity {
        Severity::Error => "Error",
        Severity::Warning => "Warning",
        Severity::Either => "Error or warning",
    };
    format!(
        "\n### {}\n\n{severity}; points to: {}.\n\n{}\n\n**What to do.** {}\n",
        message.summary.replace("{}", "…"),
        plain(message.path),
        plain(message.cause),
        plain(message.remedy)
    )
}

fn row(known: &Known) -> String {
    let says = known.parts.iter().map(|part| format!("`{}`", part.replace('|', "\\|"))).collect::<Vec<_>>().join(" … ");
    let passes = if known.heals { "yes" } else { "no" };
    format!("| {says} | {passes} | {} | {} |\n", plain(known.cause), plain(known.remedy))
}

/// Text without what Markdown would take for its own.
fn plain(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*").replace('<', "\\<").replace('_', "\\_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_message_and_every_event() {
        let page = page();
        for message in messages::all() {
            assert!(page.contains(&format!("\n### {}\n", message.summary.replace("{}", "…"))), "{}", message.summary);
        }
        for known in event_messages::TABLE.iter().chain(event_messages::ARGO_CD) {
            assert!(page.contains(known.remedy.split(['_', '|', '*', '<']).next().unwrap_or_default()), "{known:?}");
        }
        assert_eq!(plain("a_b|c"), "a\\_b\\|c");
    }
}
