//! The provider's catalogue of messages, as its users have it: the headings of the guide "Troubleshooting".
//!
//! Every Terraform command and every plugin session of these tests is held against it: a diagnostic that is neither in the
//! guide nor one of Terraform's own fails the test that saw it.

use std::sync::OnceLock;

use serde_json::Value;

use crate::repository;

/// Titles of Terraform's own diagnostics, as far as tests provoke them.
const OF_TERRAFORM: &[&str] = &[
    "Applied changes may be incomplete",
    "Cannot import non-existent remote object",
    "Check block assertion failed",
    "Check block assertion known after apply",
    "Config generation is experimental",
    "Execution halted",
    "Incomplete lock file information for providers",
    "Operation cancelled",
    "Plugin did not respond",
    "Provider returned invalid result object after apply",
    "Request cancelled",
    "Resource instance managed by newer provider version",
    "Resource postcondition failed",
    "Resource targeting is in effect",
    "Saved plan is stale",
    "Unsupported argument",
    "Value for undeclared variable",
    "Write-only Attribute Not Allowed",
    "execution halted",
];

/// Titles of the provider's messages; `…` stands for what differs.
fn titles() -> &'static [String] {
    static TITLES: OnceLock<Vec<String>> = OnceLock::new();
    TITLES.get_or_init(|| {
        let page = std::fs::read_to_string(repository().join("docs/guides/troubleshooting.md")).unwrap_or_default();
        page.lines().filter_map(|line| line.strip_prefix("### ")).map(str::to_owned).collect()
    })
}

fn fits(title: &str, summary: &str) -> bool {
    match title.split_once('…') {
        None => title == summary,
        Some((head, tail)) => {
            summary.len() > head.len() + tail.len() && summary.starts_with(head) && summary.ends_with(tail)
        }
    }
}

/// Whether a title is one of the provider's.
#[must_use]
pub fn is_ours(summary: &str) -> bool {
    titles().iter().any(|title| fits(title, summary))
}

/// Those of some titles that are neither the provider's nor Terraform's.
pub fn unknown<'a>(summaries: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let known = |summary: &str| OF_TERRAFORM.contains(&summary) || is_ours(summary);
    let mut unknown: Vec<String> = summaries.into_iter().filter(|summary| !known(summary)).map(str::to_owned).collect();
    unknown.sort();
    unknown.dedup();
    unknown
}

/// The titles of all diagnostics that a Terraform command printed, as text or as JSON.
#[must_use]
pub fn summaries(stdout: &str, stderr: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    if let Ok(document) = serde_json::from_str::<Value>(stdout) {
        let diagnostics = document.get("diagnostics").and_then(Value::as_array).into_iter().flatten();
        found.extend(diagnostics.filter_map(|one| one.get("summary")?.as_str().map(str::to_owned)));
    }
    for line in stdout.lines().chain(stderr.lines()) {
        if let Ok(message) = serde_json::from_str::<Value>(line) {
            found.extend(message.pointer("/diagnostic/summary").and_then(Value::as_str).map(str::to_owned));
            continue;
        }
        let line = line.trim_start_matches(['│', '╷', ' ']);
        let title = line.strip_prefix("Error: ").or_else(|| line.strip_prefix("Warning: "));
        found.extend(title.map(|title| title.trim_end().to_owned()));
    }
    found
}

/// Panics if a Terraform command showed a diagnostic that nobody knows.
///
/// # Panics
/// If one is neither in the guide nor one of Terraform's own.
#[track_caller]
#[expect(clippy::panic, reason = "an assertion for tests")]
pub fn hold(stdout: &str, stderr: &str) {
    let shown = summaries(stdout, stderr);
    let unknown = unknown(shown.iter().map(String::as_str));
    if !unknown.is_empty() {
        panic!(
            "not in the guide \"Troubleshooting\" (a row in src/messages/, then `cargo xtask docs`) nor among Terraform's own \
             (acceptance-tests/src/catalogue.rs): {unknown:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_found_in_every_form_of_output() {
        let human = "╷\n│ Error: Object Exists\n│ \n│   with x\n╵\nWarning: Events Not Readable\n";
        assert_eq!(summaries(human, ""), ["Object Exists", "Events Not Readable"]);
        let lines =
            "{\"@level\":\"error\",\"diagnostic\":{\"severity\":\"error\",\"summary\":\"Object Exists\"}}\n{}\n";
        assert_eq!(summaries(lines, "Error: Interrupted\n"), ["Object Exists", "Interrupted"]);
        let document = "{\"valid\": false, \"diagnostics\": [{\"summary\": \"No Rules\"}]}";
        assert_eq!(summaries(document, ""), ["No Rules"]);
    }

    #[test]
    fn what_neither_the_guide_nor_terraform_says_is_unknown() {
        assert_eq!(unknown(["Object Exists", "Invalid Secret Name", "Operation cancelled"]), Vec::<String>::new());
        assert_eq!(unknown(["Nobody Says This", "Nobody Says This"]), ["Nobody Says This"]);
        assert!(fits("Invalid … Name", "Invalid Secret Name") && !fits("Invalid … Name", "Invalid  Nam"));
    }
}
