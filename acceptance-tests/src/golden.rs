//! Golden files: texts that users read, kept under `testdata/golden` and compared word for word.
//!
//! `UPDATE_GOLDEN=1` writes them anew. What differs from run to run is replaced by a name first.

use std::path::Path;

use serde_json::Value;

use crate::catalogue;
use crate::repository;
use crate::sandbox::Sandbox;
use crate::terraform::{Finished, Workspace};

/// Compares a text with its golden file, or writes the file.
///
/// # Errors
/// With both texts if they differ, or what the system said.
pub fn check(name: &str, text: &str) -> Result<(), String> {
    check_file(&format!("{name}.txt"), text)
}

/// The same for a file of any kind.
///
/// # Errors
/// With both texts if they differ, or what the system said.
pub fn check_file(name: &str, text: &str) -> Result<(), String> {
    let path = repository().join("acceptance-tests/testdata/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let folder = path.parent().unwrap_or(&path);
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        return std::fs::write(&path, text).map_err(|error| error.to_string());
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    if wanted == text {
        return Ok(());
    }
    Err(format!("{} differs (UPDATE_GOLDEN=1 writes it).\n--- golden\n{wanted}\n--- now\n{text}", path.display()))
}

/// The provider's diagnostics of a Terraform command that ran with `-json`, each as text, sorted: parallel work has no order.
#[must_use]
pub fn diagnostics(stdout: &str) -> Vec<String> {
    let mut all: Vec<String> = stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|line| line.get("diagnostic").cloned())
        // What Terraform adds of its own differs from version to version.
        .filter(|diagnostic| diagnostic.get("summary").and_then(Value::as_str).is_some_and(catalogue::is_ours))
        .map(|diagnostic| rendered(&diagnostic))
        .collect();
    all.sort();
    all.dedup();
    all
}

/// The diagnostics of a Terraform command that ran with `-json`, without what differs from run to run.
#[must_use]
pub fn told(sandbox: &Sandbox, workspace: &Workspace, finished: &Finished) -> String {
    let ready = &sandbox.ready;
    let numbered = |ids: &[String], name: &str| -> Vec<(String, String)> {
        ids.iter().enumerate().map(|(index, id)| (id.clone(), format!("{name}-{}", index + 1))).collect()
    };
    let ids = [numbered(&ready.member_ids, "MEMBER"), numbered(&ready.vswitch_ids, "VSWITCH")].concat();
    let mut known = vec![(ready.fleet_id.as_str(), "FLEET"), (ready.access_key_id.as_str(), "ACCESS-KEY")];
    known.extend(ids.iter().map(|(id, name)| (id.as_str(), name.as_str())));
    // The working directory lies in the home folder, whose name is then all that is left of it.
    let work = workspace.path();
    let home = work.parent().unwrap_or(&work).display().to_string();
    known.push((home.as_str(), "HOME"));
    normalised(&diagnostics(&finished.stdout).join("\n"), &known, &work)
}

/// Runs a Terraform command (with `-json`), which must end with a certain code, and compares what it tells with a golden.
///
/// # Errors
/// If it cannot be run, ends otherwise, tells nothing, or tells something else.
pub fn tells(
    name: &str,
    sandbox: &Sandbox,
    workspace: &Workspace,
    arguments: &[&str],
    code: i32,
) -> Result<(), String> {
    let finished = workspace.run(arguments).map_err(|error| error.to_string())?;
    let told = told(sandbox, workspace, &finished);
    if finished.code != code {
        return Err(format!("{name}: exit code {} instead of {code}\n{told}\n{}", finished.code, finished.stderr));
    }
    if told.is_empty() {
        return Err(format!("{name}: nothing is told\n{}", finished.stdout));
    }
    check(name, &told)
}

/// The diagnostics of `terraform validate -json`.
#[must_use]
pub fn validation(stdout: &str) -> Vec<String> {
    let document: Value = serde_json::from_str(stdout).unwrap_or_default();
    let mut all: Vec<String> =
        document.get("diagnostics").and_then(Value::as_array).into_iter().flatten().map(rendered).collect();
    all.sort();
    all
}

fn rendered(diagnostic: &Value) -> String {
    let text = |pointer: &str| diagnostic.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let severity = if text("/severity") == "error" { "Error" } else { "Warning" };
    let mut lines = vec![format!("{severity}: {}", text("/summary"))];
    if let Some(line) = diagnostic.pointer("/range/start/line").and_then(Value::as_u64) {
        let context = match text("/snippet/context") {
            "" => String::new(),
            context => format!(", in {context}"),
        };
        lines.push(format!("  on {} line {line}{context}:", text("/range/filename")));
        lines.push(format!("    {}", text("/snippet/code").trim()));
    } else if !text("/address").is_empty() {
        lines.push(format!("  with {}", text("/address")));
    }
    lines.extend(text("/detail").lines().map(|line| format!("  {}", line.trim_end())));
    lines.push(String::new());
    lines.join("\n")
}

/// Replaces what differs from run to run: request IDs, ports, times, and the given texts.
#[must_use]
pub fn normalised(text: &str, known: &[(&str, &str)], folder: &Path) -> String {
    let mut text = text.replace(&folder.display().to_string(), "WORKDIR");
    for (value, name) in known {
        if !value.is_empty() {
            text = text.replace(value, name);
        }
    }
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.') {
            word.push(c);
            continue;
        }
        out.push_str(&normal_word(&word));
        word.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    out
}

fn normal_word(word: &str) -> String {
    // A sentence may end right behind a word.
    let bare = word.trim_end_matches(['.', ':']);
    let tail = word.get(bare.len()..).unwrap_or_default();
    for host in ["127.0.0.1:", "localhost:"] {
        if let Some(at) = bare.find(host) {
            let (head, port) = bare.split_at(at + host.len());
            if !port.is_empty() && port.chars().all(|c| c.is_ascii_digit()) {
                return format!("{head}PORT{tail}");
            }
        }
    }
    if is_uuid(bare) {
        return format!("REQUEST-ID{tail}");
    }
    if is_time(bare) {
        return format!("TIME{tail}");
    }
    word.to_owned()
}

fn is_uuid(word: &str) -> bool {
    let lengths: Vec<usize> = word.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && word.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

fn is_time(word: &str) -> bool {
    let bytes = word.as_bytes();
    let at = |index: usize| bytes.get(index).copied().unwrap_or_default();
    bytes.len() >= 19 && at(4) == b'-' && at(7) == b'-' && at(10) == b'T' && at(13) == b':' && at(0).is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_named() {
        let text = "at https://127.0.0.1:40123/x, request ID 0F8FAD5B-D9CB-469F-A165-70867728950E.\nSince 2026-11-23T19:42:25Z.";
        assert_eq!(
            normalised(text, &[], Path::new("/nowhere")),
            "at https://127.0.0.1:PORT/x, request ID REQUEST-ID.\nSince TIME."
        );
        assert_eq!(normalised("key c1 of LTAI", &[("c1", "MEMBER-1")], Path::new("/nowhere")), "key MEMBER-1 of LTAI");
    }
}
