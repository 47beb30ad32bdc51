//! Each rule of the list is a function and a test: walks the sources and names what is missing.
//!
//! A rule's function has a name that begins with its number (`v21_listener_port`), and so has its test.

#![expect(clippy::unwrap_used, reason = "a test: a panic is its failure")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ackone::resources::rule_index::RULES;

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Functions of a source whose names begin with a rule's number, and whether they are tests.
fn rule_functions(text: &str) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    let mut test = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[") {
            test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            continue;
        }
        let code = if line.starts_with("//") { "" } else { line };
        let Some((before, name)) = code.split_once("fn v") else {
            test &= line.starts_with("//") || line.is_empty();
            continue;
        };
        let number: String = name.chars().take_while(char::is_ascii_digit).collect();
        let declares = before.is_empty() || before.ends_with(' ');
        if declares && number.len() == 2 && name.as_bytes().get(2) == Some(&b'_') {
            found.push((format!("V{number}"), test));
        }
        test = false;
    }
    found
}

/// Files that hold nothing but tests.
fn is_of_tests(path: &Path) -> bool {
    let name = path.file_stem().unwrap().to_string_lossy();
    name == "tests" || name.ends_with("_tests") || path.components().any(|part| part.as_os_str() == "tests")
}

#[test]
fn every_rule_is_a_function_and_a_test() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut rules, mut tests) = (BTreeMap::new(), BTreeSet::new());
    for file in rust_files(&sources) {
        let text = fs::read_to_string(&file).unwrap();
        for (id, test) in rule_functions(&text) {
            if test {
                tests.insert(id);
            } else if !is_of_tests(&file) {
                rules.insert(id, file.clone());
            }
        }
    }
    let known: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    let without =
        |has: &dyn Fn(&str) -> bool| known.iter().copied().filter(|id| !has(id)).collect::<Vec<_>>().join(" ");
    let no_function = without(&|id| rules.contains_key(id));
    let no_test = without(&|id| tests.contains(id));
    let unlisted: Vec<&String> = rules.keys().filter(|id| !known.contains(id.as_str())).collect();
    assert!(
        no_function.is_empty() && no_test.is_empty() && unlisted.is_empty(),
        "without a function: {no_function}\nwithout a test: {no_test}\nnot in the list: {unlisted:?}"
    );
}

#[test]
fn functions_are_told_from_tests_and_from_text() {
    let text = "pub(super) fn v21_port() {}\n#[test]\nfn v22_protocol() {}\n    #[tokio::test(start_paused = true)]\n    async fn \
                v23_pairs() {}\n/// fn v24_in_a_comment\nlet x = v25_call();\nfn v260_no() {}\nfn value_of() {}\n#[test]\n\
                #[ignore = \"x\"]\nfn v27_ignored() {}\nconst fn v28_constant() {}\n";
    let found: Vec<(String, bool)> = rule_functions(text);
    let found: Vec<(&str, bool)> = found.iter().map(|(id, test)| (id.as_str(), *test)).collect();
    assert_eq!(found, [("V21", false), ("V22", true), ("V23", true), ("V27", true), ("V28", false)]);
}
