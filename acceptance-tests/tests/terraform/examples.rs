//! Every example is a configuration that real Terraform takes, and the guides quote the example that is run.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use std::path::{Path, PathBuf};

use acceptance_tests::repository;
use acceptance_tests::terraform::Workspace;

fn folders_with_configuration(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    if entries.iter().any(|path| path.extension().is_some_and(|extension| extension == "tf")) {
        found.push(folder.to_owned());
    }
    for path in entries.iter().filter(|path| path.is_dir()) {
        folders_with_configuration(path, found);
    }
}

/// Import by identity, write-only arguments, actions: what a language version of Terraform has to have.
fn needed_minor(text: &str) -> u32 {
    if text.contains("identity = {") {
        12
    } else if text.contains("_wo ") || text.contains("_wo=") {
        11
    } else {
        8
    }
}

/// Blocks of a configuration by what they declare: `ackone_namespace.demo`, `var.host`.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for block in text.split("\n}\n").map(|block| format!("{block}\n}}\n")) {
        let Some(head) = block.lines().find(|line| line.starts_with("resource ") || line.starts_with("variable "))
        else {
            continue;
        };
        let words: Vec<&str> = head.split('"').collect();
        let address = match words.as_slice() {
            ["resource ", kind, " ", name, ..] => format!("{kind}.{name}"),
            ["variable ", name, ..] => format!("var.{name}"),
            _ => continue,
        };
        let start = block.find(head).unwrap();
        all.push((address, block.get(start..).unwrap().to_owned()));
    }
    all
}

/// What an example leaves to its reader: the resources and variables of the walkthrough that it refers to.
fn around(example: &str) -> String {
    let declared: Vec<String> = blocks(example).into_iter().map(|(address, _)| address).collect();
    let mut text = example.to_owned();
    let mut added = String::new();
    let mut missing: Vec<(String, String)> = blocks(&walkthrough());
    missing.retain(|(address, _)| !declared.contains(address));
    loop {
        let found = missing.iter().position(|(address, _)| text.contains(address.as_str()));
        let Some(index) = found else { return added };
        let (_, block) = missing.remove(index);
        text.push_str(&block);
        added.push_str(&block);
    }
}

#[test]
fn every_example_validates() {
    let mut folders = Vec::new();
    folders_with_configuration(&repository().join("examples"), &mut folders);
    assert!(folders.len() >= 4, "{folders:?}");
    let minor = Workspace::detached().unwrap().minor_version().unwrap();
    let mut failures = Vec::new();
    let mut checked = 0;
    for folder in &folders {
        let workspace = Workspace::detached().unwrap();
        workspace.copy_folder(folder).unwrap();
        let mut text = String::new();
        for entry in std::fs::read_dir(workspace.path()).unwrap() {
            text.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
        }
        if minor < needed_minor(&text) {
            println!("{} needs Terraform 1.{}", folder.display(), needed_minor(&text));
            continue;
        }
        if !text.contains("required_providers") {
            let head = "terraform {\n  required_providers {\n    ackone = { source = \"ackone/ackone\" }\n  }\n}\n";
            workspace.write("around.tf", &format!("{head}{}", around(&text))).unwrap();
        }
        let init = workspace.init().unwrap();
        let validated = workspace.validate().unwrap();
        checked += 1;
        if !init.ok() || !validated.ok() {
            failures.push(format!("{}\n{}\n{}", folder.display(), init.stderr, validated.stderr));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(checked >= 3, "only {checked} of {} examples could be checked", folders.len());
}

/// The `terraform` code blocks of a page.
fn quoted(page: &str) -> Vec<String> {
    let text = std::fs::read_to_string(repository().join(page)).unwrap();
    let blocks = text.split("```terraform\n").skip(1);
    blocks.filter_map(|rest| rest.split("\n```").next()).map(str::to_owned).collect()
}

/// Words without comments and translated texts, so that indentation and alignment do not count.
fn words(text: &str) -> String {
    let lines = text.lines().map(|line| line.split(" #").next().unwrap_or_default());
    let lines = lines.filter(|line| !line.trim_start().starts_with(['#']) && !line.contains("error_message"));
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

fn walkthrough() -> String {
    let folder = repository().join("examples/walkthrough");
    let names = ["main.tf", "variables.tf", "outputs.tf", "versions.tf"];
    names.iter().map(|name| std::fs::read_to_string(folder.join(name)).unwrap()).collect()
}

#[test]
fn the_guides_quote_the_example() {
    let example = words(&walkthrough());
    for page in ["docs/guides/walkthrough.md", "docs/guides/walkthrough-zh.md"] {
        let blocks = quoted(page);
        assert!(blocks.len() >= 5, "{page} quotes {} blocks", blocks.len());
        for block in blocks {
            // The port is the sandbox's own matter; the guide leaves it out.
            let example = example.replace(" port = var.gateway_port", "");
            assert!(example.contains(&words(&block)), "{page} quotes what the example does not say:\n{block}");
        }
    }
}

#[test]
fn the_readme_shows_a_shortened_example_that_validates() {
    let blocks = quoted("README.md");
    assert_eq!(blocks.len(), 1, "the first screen has one block of HCL");
    let workspace = Workspace::detached().unwrap();
    let folder = repository().join("examples/walkthrough");
    workspace.copy_folder(&folder).unwrap();
    // The block stands in for the example's own resources of the same address.
    let main = std::fs::read_to_string(folder.join("main.tf")).unwrap();
    let start = main.find("resource \"ackone_alb_gateway\" \"demo\"").unwrap();
    let end = main.find("# Step 4").unwrap();
    let (head, tail) = (main.get(..start).unwrap(), main.get(end..).unwrap());
    workspace.write("main.tf", &format!("{head}{}\n{tail}", blocks.concat())).unwrap();
    workspace.init().unwrap().expect_ok();
    workspace.validate().unwrap().expect_ok();
    for line in blocks.concat().lines().filter(|line| line.contains(" = ") && !line.contains("example.com")) {
        assert!(words(&main).contains(&words(line)), "the README's line differs from the example: {line}");
    }
}
