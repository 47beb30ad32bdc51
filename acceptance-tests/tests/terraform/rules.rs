//! All rules broken at once. Protects: `terraform validate` and `terraform plan` tell every one of them in one go, each in
//! its own block with file and line; and the mended twin of what validation refuses applies without a word.
//!
//! The configurations name in a comment above each block the rule and the message that must come from there.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use std::collections::{BTreeMap, BTreeSet};

use acceptance_tests::configuration::{PREAMBLE, PROVIDER};
use acceptance_tests::golden;
use acceptance_tests::repository;
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use serde_json::Value;

/// Rules that no configuration can break, and why; unit tests of the same number show them.
const NOT_BREAKABLE: &[(&str, &str)] = &[
    ("V26", "an empty list of certificates is never written"),
    ("V39", "the controller of the IngressClass is no attribute"),
    ("V40", "the IngressClass always leads to the gateway that it belongs to"),
    ("V54", "the dates of certificates by ID are known from Events only"),
    ("V77", "the Secret of the configuration is never immutable; one that somebody froze is a test of its own"),
];

/// One `# Vnn: Summary` comment with the lines of its block.
#[derive(Debug)]
struct Expected {
    rule: String,
    summary: String,
    lines: std::ops::Range<u64>,
}

fn configuration(name: &str) -> String {
    std::fs::read_to_string(repository().join("acceptance-tests/testdata/configurations").join(name)).unwrap()
}

/// The comments of a configuration; a comment holds for the block after it, which ends where the next comment begins.
fn expected(text: &str) -> Vec<Expected> {
    let mut found: Vec<Expected> = Vec::new();
    let mut open = 0;
    let mut in_comments = false;
    let count = u64::try_from(text.lines().count()).unwrap();
    for (number, line) in (1_u64..).zip(text.lines()) {
        let comment = line.strip_prefix("# V").and_then(|rest| rest.split_once(": "));
        let Some((rule, summary)) = comment else {
            in_comments = false;
            continue;
        };
        if !in_comments {
            found.iter_mut().skip(open).for_each(|one| one.lines.end = number);
            open = found.len();
            in_comments = true;
        }
        found.push(Expected { rule: format!("V{rule}"), summary: summary.to_owned(), lines: number..count + 1 });
    }
    found
}

/// Terraform's minor version that the goldens are of: others place the same messages at other lines of the same block.
const GOLDEN_MINOR: u32 = 11;
/// The line of what the read of an import says: core knows no block for it yet.
const NO_PLACE: u64 = 0;

/// Diagnostics as line and summary.
fn told<'a>(diagnostics: impl Iterator<Item = &'a Value>, file: &str) -> BTreeSet<(u64, String)> {
    diagnostics
        .filter(|diagnostic| {
            diagnostic.pointer("/range/filename").and_then(Value::as_str).is_none_or(|name| name == file)
        })
        .filter_map(|diagnostic| {
            let line = diagnostic.pointer("/range/start/line").and_then(Value::as_u64).unwrap_or(NO_PLACE);
            Some((line, diagnostic.get("summary")?.as_str()?.to_owned()))
        })
        .collect()
}

fn missing(expected: &[Expected], told: &BTreeSet<(u64, String)>) -> Vec<String> {
    expected
        .iter()
        .filter(|one| {
            let here = |line: &u64| one.lines.contains(line) || (*line == NO_PLACE && one.rule == "V73");
            !told.iter().any(|(line, summary)| here(line) && *summary == one.summary)
        })
        .map(|one| {
            let there: Vec<&str> =
                told.iter().filter(|(line, _)| one.lines.contains(line)).map(|(_, summary)| summary.as_str()).collect();
            format!("{} says not {:?} but {there:?}", one.rule, one.summary)
        })
        .collect()
}

#[test]
fn a_configuration_that_breaks_every_rule_alone_is_told_all_of_it_by_validate() {
    let text = configuration("rules_broken_alone.tf");
    let workspace = Workspace::detached().unwrap();
    workspace.write("preamble.tf", PREAMBLE).unwrap();
    workspace.write("main.tf", &text).unwrap();
    workspace.init().unwrap().expect_ok();
    let finished = workspace.run(&["validate", "-json"]).unwrap();
    let answer: Value = serde_json::from_str(&finished.stdout).unwrap();
    let diagnostics = answer.get("diagnostics").and_then(Value::as_array).unwrap();
    let expected = expected(&text);
    assert_eq!(missing(&expected, &told(diagnostics.iter(), "main.tf")), Vec::<String>::new());
    let all = golden::validation(&finished.stdout);
    assert_eq!(all.len(), diagnostics.len(), "each has a place in the file");
    if workspace.minor_version().unwrap() == GOLDEN_MINOR {
        golden::check("rules_broken_alone", &all.join("\n")).unwrap();
    }
}

#[test]
fn the_mended_twin_applies_without_a_word() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, &configuration("rules_mended.tf")).unwrap();
    let applied = workspace.apply().unwrap().expect_ok();
    assert!(!applied.prose().contains("Warning:"), "{}", applied.stdout);
    assert_eq!(workspace.plan().unwrap().code, 0);
    // The same blocks as the broken one, and a few that they need.
    let names = |text: &str| -> BTreeSet<String> {
        text.lines().filter(|line| line.starts_with("resource ")).map(|line| line.to_owned()).collect()
    };
    let (broken, mended) = (names(&configuration("rules_broken_alone.tf")), names(&configuration("rules_mended.tf")));
    assert_eq!(broken.difference(&mended).collect::<Vec<_>>(), Vec::<&String>::new());
    workspace.destroy().unwrap().expect_ok();
}

#[test]
fn what_only_a_plan_can_see_is_told_all_at_once_by_plan() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::new(&sandbox).unwrap();
    workspace.write("preamble.tf", PREAMBLE).unwrap();
    workspace.write("provider.tf", PROVIDER).unwrap();
    workspace.write("main.tf", &configuration("rules_broken_together_before.tf")).unwrap();
    workspace.init().unwrap().expect_ok();
    workspace.apply().unwrap().expect_ok();
    // Somebody's Ingress, made with another protocol and a default backend.
    let foreign = r#"{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "imported", "namespace": "gateway-demo",
            "annotations": {"alb.ingress.kubernetes.io/listen-ports": "[{\"HTTPS\": 443}]"}},
        "spec": {"ingressClassName": "alb",
            "defaultBackend": {"service": {"name": "grpc-service", "port": {"number": 50051}}},
            "tls": [{"hosts": ["grpc.example.com"], "secretName": "grpc-secret"}]}}"#;
    workspace.write("foreign.json", foreign).unwrap();
    let folder = workspace.path();
    sandbox.kubectl(&folder, &["create", "-f", "foreign.json"]).unwrap();

    let text = configuration("rules_broken_together.tf");
    workspace.write("main.tf", &text).unwrap();
    let finished = workspace.run(&["plan", "-json"]).unwrap();
    let lines: Vec<Value> = finished.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let diagnostics = lines.iter().filter_map(|line| line.get("diagnostic"));
    let together = expected(&text);
    assert_eq!(missing(&together, &told(diagnostics, "main.tf")), Vec::<String>::new(), "{}", finished.stderr);
    if workspace.minor_version().unwrap() == GOLDEN_MINOR {
        golden::check("rules_broken_together", &golden::told(&sandbox, &workspace, &finished)).unwrap();
    }

    // The way out of V12 that its text names is one, and the other is none.
    let cannot = "Bandwidth Package Cannot Be Unbound";
    let replaced = workspace.run(&["plan", "-no-color", "-replace=ackone_alb_gateway.bound"]).unwrap();
    assert!(replaced.prose().contains(cannot), "{}", replaced.stdout);
    workspace.run(&["taint", "ackone_alb_gateway.bound"]).unwrap().expect_ok();
    let tainted = workspace.run(&["plan", "-no-color"]).unwrap();
    assert!(!tainted.prose().contains(cannot), "{}", tainted.stdout);
    assert!(tainted.stdout.contains("ackone_alb_gateway.bound is tainted, so must be replaced"), "{}", tainted.stdout);

    // Nothing is left out: each of the eighty is broken here or above, or cannot be.
    let mut rules: BTreeMap<String, &str> =
        NOT_BREAKABLE.iter().map(|(rule, why)| ((*rule).to_owned(), *why)).collect();
    rules.extend(expected(&configuration("rules_broken_alone.tf")).into_iter().map(|one| (one.rule, "alone")));
    rules.extend(together.into_iter().map(|one| (one.rule, "together")));
    let all: Vec<String> = (1..=80).map(|number| format!("V{number:02}")).collect();
    assert_eq!(rules.into_keys().collect::<Vec<_>>(), all);
}
