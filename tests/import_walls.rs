//! The walls between the layers: who may name whom, who reads the clock, who reads the environment.
//!
//! Walks the sources of the provider and prints each offending line. The reader of Rust here knows only what it needs:
//! comments and texts are passed over, `use` trees are unfolded, paths are resolved against the module they stand in.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test: a panic is its failure")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What one layer must not name: modules of this crate, and other crates.
struct Wall {
    layer: &'static str,
    modules: &'static [&'static str],
    crates: &'static [&'static str],
}

/// Each layer speaks one language and never the next one's. Only `main.rs` and `provider` see both ends.
const WALLS: &[Wall] = &[
    Wall {
        layer: "plugin",
        modules: &["framework", "resources", "data_sources", "functions", "cloud", "kubernetes"],
        crates: &[],
    },
    Wall {
        layer: "protocol",
        modules: &["plugin", "resources", "data_sources", "functions", "cloud", "kubernetes", "provider"],
        crates: &["kube", "k8s_openapi", "reqwest"],
    },
    Wall {
        layer: "framework",
        modules: &["plugin", "protocol", "resources", "data_sources", "functions", "cloud", "kubernetes", "provider"],
        crates: &["tonic", "prost", "prost_types", "tfplugin_proto", "http", "hyper", "reqwest", "kube", "k8s_openapi"],
    },
    Wall {
        layer: "resources",
        modules: &["plugin", "protocol"],
        crates: &["tonic", "prost", "prost_types", "tfplugin_proto", "reqwest"],
    },
    Wall { layer: "data_sources", modules: &["plugin", "protocol"], crates: &["reqwest"] },
    Wall {
        layer: "functions",
        modules: &["plugin", "protocol", "resources", "data_sources", "cloud", "kubernetes", "clients", "provider"],
        crates: &["tonic", "prost", "tfplugin_proto", "http", "reqwest", "kube", "k8s_openapi", "tokio"],
    },
    Wall {
        layer: "cloud",
        modules: &["plugin", "protocol", "framework", "resources", "data_sources", "kubernetes", "provider"],
        crates: &["tonic", "prost", "tfplugin_proto", "kube", "k8s_openapi"],
    },
    Wall {
        layer: "kubernetes",
        modules: &["plugin", "protocol", "framework", "resources", "data_sources", "cloud", "provider"],
        crates: &["tonic", "prost", "tfplugin_proto", "reqwest"],
    },
];

/// Readers of the machine's time. `tokio::time::Instant` measures waits and is not among them.
const TIME: &[&[&str]] =
    &[&["SystemTime", "now"], &["std", "time", "Instant"], &["Timestamp", "now"], &["Zoned", "now"]];
/// Where time is read.
const TIME_READERS: &[&str] = &["clock.rs"];
/// Readers of the environment.
const ENVIRONMENT: &[&[&str]] = &[&["env", "var"], &["env", "var_os"], &["env", "vars"], &["env", "vars_os"]];
/// Where the environment is read: at start-up, and when the provider is configured.
const ENVIRONMENT_READERS: &[&str] = &["main.rs", "plugin", "provider.rs", "provider"];

#[test]
fn no_layer_names_what_it_must_not() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = rust_files(&sources);
    assert!(files.len() > 20, "found only {files:?}");
    let resource_types = resource_types(&sources);
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let inside = file.strip_prefix(&sources).unwrap().to_string_lossy().replace('\\', "/");
        found.extend(offences(&inside, &text, &resource_types));
    }
    assert!(found.is_empty(), "import walls are broken (style, section 3):\n{}", found.join("\n"));
}

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

/// Folders below `resources` that implement a resource type; they are siblings. Other folders there are shared.
fn resource_types(sources: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(sources.join("resources")) else { return BTreeSet::new() };
    let folders = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let implements = |folder: &PathBuf| {
        rust_files(folder).iter().any(|file| fs::read_to_string(file).unwrap().contains("impl Resource for"))
    };
    folders.filter(implements).filter_map(|folder| Some(folder.file_name()?.to_string_lossy().into_owned())).collect()
}

/// Each line of a file that breaks a wall. `inside` is its path below `src`.
fn offences(inside: &str, text: &str, resource_types: &BTreeSet<String>) -> Vec<String> {
    let module = module_of(inside);
    let mut found = BTreeSet::new();
    for Named { line, path, module: place } in named_paths(text) {
        let place: Vec<String> = module.iter().cloned().chain(place).collect();
        let target = resolve(&path, &place);
        let mut offend = |why: &str| {
            found.insert((line, format!("src/{inside}:{line}: {} ({why})", path.join("::"))));
        };
        if let Some(wall) = WALLS.iter().find(|wall| module.first().is_some_and(|first| first == wall.layer)) {
            match &target {
                Target::Here(path) if path.first().is_some_and(|first| wall.modules.contains(&first.as_str())) => {
                    offend(&format!("{} must not name this module", wall.layer));
                }
                Target::Elsewhere(path) if wall.crates.contains(&path[0].as_str()) => {
                    offend(&format!("{} must not name this crate", wall.layer));
                }
                Target::Here(_) | Target::Elsewhere(_) => {}
            }
        }
        if let (Target::Here(path), [layer, own, ..]) = (&target, module.as_slice())
            && layer == "resources"
            && let [first, sibling, ..] = path.as_slice()
            && first == "resources"
            && sibling != own
            && resource_types.contains(sibling)
            && resource_types.contains(own)
        {
            offend("a resource must not name a sibling");
        }
        let reads = |readers: &[&[&str]]| {
            readers.iter().any(|reader| path.windows(reader.len()).any(|part| part.iter().eq(reader.iter())))
        };
        let allowed = |places: &[&str]| places.iter().any(|place| inside.split('/').next() == Some(place));
        if reads(TIME) && !allowed(TIME_READERS) {
            offend("only the clock reads time");
        }
        if reads(ENVIRONMENT) && !allowed(ENVIRONMENT_READERS) {
            offend("only start-up and configuring read the environment");
        }
    }
    found.into_iter().map(|(_, line)| line).collect()
}

fn module_of(inside: &str) -> Vec<String> {
    let mut names: Vec<String> = inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if names.last().is_some_and(|name| ["mod", "lib", "main"].contains(&name.as_str())) {
        names.pop();
    }
    names
}

/// What a path leads to.
#[derive(Debug, PartialEq)]
enum Target {
    /// A path of this crate, from its root.
    Here(Vec<String>),
    /// A path that starts with a crate, or with a name in scope.
    Elsewhere(Vec<String>),
}

fn resolve(path: &[String], place: &[String]) -> Target {
    let (first, rest) = path.split_first().unwrap();
    match first.as_str() {
        "crate" | "ackone" => Target::Here(rest.to_vec()),
        "self" => Target::Here(place.iter().chain(rest).cloned().collect()),
        "super" => {
            let ups = path.iter().take_while(|name| *name == "super").count();
            let kept = place.len().saturating_sub(ups);
            Target::Here(place[..kept].iter().chain(&path[ups..]).cloned().collect())
        }
        _ => Target::Elsewhere(path.to_vec()),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Separator,
    Sign(char),
}

/// A path in a file: where, what, and within which modules that the file itself opens.
#[derive(Debug, PartialEq)]
struct Named {
    line: usize,
    path: Vec<String>,
    module: Vec<String>,
}

fn named_paths(text: &str) -> Vec<Named> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    let mut open: Vec<(String, usize)> = Vec::new();
    let mut depth = 0;
    let mut index = 0;
    while let Some((line, token)) = tokens.get(index) {
        let module: Vec<String> = open.iter().map(|(name, _)| name.clone()).collect();
        let after = |offset: usize| tokens.get(index + offset).map(|(_, token)| token);
        match token {
            Token::Sign('{') => depth += 1,
            Token::Sign('}') => {
                depth -= 1;
                open.retain(|(_, opened)| *opened <= depth);
            }
            Token::Name(word) if word == "mod" => {
                if let (Some(Token::Name(name)), Some(Token::Sign('{'))) = (after(1), after(2)) {
                    open.push((name.clone(), depth + 1));
                }
            }
            Token::Name(word) if word == "use" => {
                index = unfold(&tokens, index + 1, None, &module, &mut found);
                continue;
            }
            Token::Name(word) => {
                let mut path = vec![word.clone()];
                while let (Some(Token::Separator), Some(Token::Name(name))) =
                    (tokens.get(index + 1).map(|(_, token)| token), tokens.get(index + 2).map(|(_, token)| token))
                {
                    path.push(name.clone());
                    index += 2;
                }
                // A single name is a variable, a field or a word of the language.
                if path.len() > 1 {
                    found.push(Named { line: *line, path, module });
                }
            }
            Token::Separator | Token::Sign(_) => {}
        }
        index += 1;
    }
    found
}

/// Unfolds one `use` tree from `index`; answers the index after it. `outer` is the path before its brace, if it is in one.
fn unfold(
    tokens: &[(usize, Token)],
    mut index: usize,
    outer: Option<&[String]>,
    module: &[String],
    found: &mut Vec<Named>,
) -> usize {
    let prefix = outer.unwrap_or_default();
    let mut path = prefix.to_vec();
    let mut renamed = false;
    let mut keep = |path: &[String], line: usize| {
        if path.len() > prefix.len() {
            found.push(Named { line, path: path.to_vec(), module: module.to_vec() });
        }
    };
    while let Some((line, token)) = tokens.get(index) {
        match token {
            Token::Name(name) if name == "as" => renamed = true,
            Token::Name(name) if !renamed => path.push(name.clone()),
            Token::Sign('*') => path.push("*".to_owned()),
            Token::Sign('{') => {
                let mut next = index + 1;
                while tokens.get(next).is_some_and(|(_, token)| *token != Token::Sign('}')) {
                    next = unfold(tokens, next, Some(&path), module, found);
                    if tokens.get(next).is_some_and(|(_, token)| *token == Token::Sign(',')) {
                        next += 1;
                    }
                }
                // Only what follows the whole tree is left: a comma, a brace or the semicolon.
                return if outer.is_none() { next + 2 } else { next + 1 };
            }
            Token::Sign(',' | '}') if outer.is_some() => {
                keep(&path, *line);
                return index;
            }
            Token::Sign(';') => {
                keep(&path, *line);
                return index + 1;
            }
            Token::Name(_) | Token::Separator | Token::Sign(_) => {}
        }
        index += 1;
    }
    index
}

/// Names, path separators and single signs, without comments, texts, characters and lifetimes.
fn tokens(text: &str) -> Vec<(usize, Token)> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let (mut index, mut line) = (0, 1);
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    while index < chars.len() {
        let start = index;
        match at(index) {
            '/' if at(index + 1) == '/' => {
                while index < chars.len() && at(index) != '\n' {
                    index += 1;
                }
            }
            '/' if at(index + 1) == '*' => {
                let mut nested = 0;
                while index < chars.len() {
                    match (at(index), at(index + 1)) {
                        ('/', '*') => (nested, index) = (nested + 1, index + 2),
                        ('*', '/') => (nested, index) = (nested - 1, index + 2),
                        _ => index += 1,
                    }
                    if nested == 0 {
                        break;
                    }
                }
            }
            '"' => index = after_text(&chars, index),
            '\'' => {
                // A lifetime has no closing quote behind its first character.
                if at(index + 1) == '\\' || at(index + 2) == '\'' {
                    index += if at(index + 1) == '\\' { 3 } else { 2 };
                    while index < chars.len() && at(index) != '\'' {
                        index += 1;
                    }
                }
                index += 1;
            }
            ':' if at(index + 1) == ':' => {
                found.push((line, Token::Separator));
                index += 2;
            }
            first if first.is_alphanumeric() || first == '_' => {
                while at(index).is_alphanumeric() || at(index) == '_' {
                    index += 1;
                }
                let name: String = chars[start..index].iter().collect();
                match (name.as_str(), at(index)) {
                    ("r" | "br" | "cr", '"' | '#') if raw_text_opens(&chars, index) => {
                        index = after_raw_text(&chars, index);
                    }
                    ("r", '#') => index += 1,
                    _ if first.is_numeric() => {}
                    _ => found.push((line, Token::Name(name))),
                }
            }
            sign => {
                if !sign.is_whitespace() {
                    found.push((line, Token::Sign(sign)));
                }
                index += 1;
            }
        }
        line += chars[start..index.min(chars.len())].iter().filter(|char| **char == '\n').count();
    }
    found
}

fn after_text(chars: &[char], mut index: usize) -> usize {
    index += 1;
    while let Some(char) = chars.get(index) {
        match char {
            '\\' => index += 2,
            '"' => return index + 1,
            _ => index += 1,
        }
    }
    index
}

fn raw_text_opens(chars: &[char], index: usize) -> bool {
    chars[index..].iter().find(|char| **char != '#') == Some(&'"')
}

fn after_raw_text(chars: &[char], mut index: usize) -> usize {
    let hashes = chars[index..].iter().take_while(|char| **char == '#').count();
    index += hashes + 1;
    while index < chars.len() {
        if chars[index] == '"' && chars[index + 1..].iter().take(hashes).filter(|char| **char == '#').count() == hashes
        {
            return index + 1 + hashes;
        }
        index += 1;
    }
    index
}

#[test]
fn offences_are_found_in_every_spelling() {
    let types: BTreeSet<String> = ["tls_secret", "namespace"].map(str::to_owned).into();
    for (inside, text, line) in [
        ("framework/plan.rs", "use tonic::Status;", 1),
        ("framework/plan.rs", "#[tonic::async_trait]\nimpl X {}", 1),
        ("framework/plan.rs", "\nuse {std::fmt, tfplugin_proto::tfplugin6 as proto};", 2),
        ("framework/mod.rs", "fn f() { let x = crate::protocol::f(); }", 1),
        ("framework/plan.rs", "use super::super::cloud::Client;", 1),
        ("framework/plan.rs", "mod tests {\n use super::super::super::{clock, cloud};\n}", 2),
        ("plugin/services.rs", "use crate::{clock, framework::value};", 1),
        ("protocol/server.rs", "use crate::{clock::{Clock}, cancel, resources::all};", 1),
        ("cloud/fleet.rs", "use crate::kubernetes::Client;", 1),
        ("kubernetes/watch.rs", "fn f(x: &crate::framework::diagnostic::Diagnostic) {}", 1),
        ("resources/tls_secret/mod.rs", "use crate::resources::namespace::Labels;", 1),
        ("resources/tls_secret/plan.rs", "use super::super::namespace::Labels;", 1),
        ("resources/tls_secret/plan.rs", "fn f(x: reqwest::Client) {}", 1),
        ("cloud/sign.rs", "let now = jiff::Timestamp::now();", 1),
        ("cloud/sign.rs", "use std::time::Instant;", 1),
        ("resources/x/mod.rs", "use std::time::{Duration, Instant};", 1),
        ("cloud/credential.rs", "let home = std::env::var(\"HOME\");", 1),
        ("framework/plan.rs", "let quote = '\"'; let x: &'static str = r#\"\"\"#; kube::Client::new();", 1),
    ] {
        let found = offences(inside, text, &types);
        assert_eq!(found.len(), 1, "{inside}: {text}: {found:?}");
        assert!(found[0].starts_with(&format!("src/{inside}:{line}: ")), "{found:?}");
    }
}

#[test]
fn what_is_allowed_passes() {
    let types: BTreeSet<String> = ["tls_secret", "namespace"].map(str::to_owned).into();
    for (inside, text) in [
        ("framework/plan.rs", "//! Knows neither [`tonic::Status`] nor crate::protocol::x.\n/* use kube::Client; */"),
        ("framework/plan.rs", "let text = \"use tonic::Status; \\\" crate::cloud::x\"; let raw = r\"kube::Client\";"),
        ("framework/erased.rs", "use super::provider::AnyClients;\nuse crate::framework::provider::Provider;"),
        ("framework/plan.rs", "let kube = 1; value.http.len();"),
        ("protocol/server.rs", "use crate::framework::value::Value; use tfplugin_proto::tfplugin6 as proto;"),
        ("protocol/server.rs", "use crate::framework::provider::{Configured, Provider};"),
        (
            "resources/tls_secret/plan.rs",
            "use super::model::X; use crate::resources::diagnose::f; use crate::cloud::C;",
        ),
        ("cloud/client.rs", "use tokio::time::Instant; let x = Instant::now();"),
        ("clock.rs", "jiff::Timestamp::now()"),
        ("main.rs", "use ackone::{provider, plugin}; std::env::var(\"X\");"),
        ("provider.rs", "use crate::{cloud, framework, resources};"),
    ] {
        assert_eq!(offences(inside, text, &types), Vec::<String>::new(), "{inside}");
    }
}
