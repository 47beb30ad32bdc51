//! The catalogue of messages is complete: every summary that the sources write is in `src/messages/`, every row of it is
//! written by some source, and every message is rendered in a golden or says why it cannot be.
//!
//! Walks the sources with a small reader of Rust: it knows names, texts and brackets, and leaves out comments and whatever
//! is compiled for tests only. A summary is the argument of a constructor of diagnostics, or of a function that has a
//! parameter called `summary`; and, because tables and tuples carry summaries too, every other text in title case.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test: a panic is its failure")]

mod rust_reader;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ackone::messages::{self, Golden, Message, Severity};
use ackone::resources::event_messages;
use rust_reader::{Call, Token, calls, tokens, without_tests};

/// Texts in title case that are no summaries, with what they are.
const NOT_SUMMARIES: &[(&str, &str)] = &[
    ("MD5 with RSA", "a signature algorithm"),
    ("SHA-1 with RSA", "a signature algorithm"),
    ("SHA-1 with ECDSA", "a signature algorithm"),
    ("SHA-1 with RSASSA-PSS", "a signature algorithm"),
    ("SHA-1 with DSA", "a signature algorithm"),
    ("MD2 with RSA", "a signature algorithm"),
    ("QPS Limit Exceeded", "a message of the cloud"),
    ("Data Source Type", "the subject of a summary"),
    ("Resource Type", "the subject of a summary"),
    ("PRIVATE KEY", "a PEM label"),
    ("EC PRIVATE KEY", "a PEM label"),
    ("RSA PRIVATE KEY", "a PEM label"),
    ("List Resource Type", "the subject of a summary"),
    ("Ephemeral Resource Type", "the subject of a summary"),
    ("Action Type", "the subject of a summary"),
    ("Common Name", "the subject of a summary"),
    ("Ingress Class", "the subject of a summary"),
    ("Security Group", "the subject of a summary"),
    ("Application Set", "the subject of a summary"),
    ("ApplicationSet {}", "what a line of a report is about"),
    ("Application {} on {}", "what a line of a report is about"),
    ("Member {}", "what a line of a report is about"),
    ("{} and {}", "sync status and health"),
    ("HTTPS and QUIC", "protocols"),
    ("TLS Secret", "an object, in the guide of rules"),
    ("AlbConfig {}", "an object"),
];

/// Made as errors, and always turned into warnings before they are shown.
const SHOWN_AS_WARNINGS: &[&str] = &["Wait Interrupted"];

/// A summary in the sources: its text, with `{}` for what a format fills in, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Written {
    summary: String,
    place: String,
    severity: Option<Severity>,
}

#[derive(Debug, Default)]
struct Found {
    /// Arguments of constructors.
    summaries: BTreeSet<Written>,
    /// Every other text of the sources, with its first place.
    texts: BTreeMap<String, String>,
    /// Constructor calls whose summary is neither a text nor handed through.
    unreadable: Vec<String>,
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

/// Whether a file is compiled for tests only, by the names that tests have here.
fn is_test(inside: &str) -> bool {
    let stem = inside.trim_end_matches(".rs");
    stem.split('/').any(|part| ["tests", "testing", "conformance"].contains(&part)) || stem.ends_with("_tests")
}

fn scan() -> Found {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    for file in rust_files(&root) {
        let inside = file.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        if !is_test(&inside) && !inside.starts_with("messages/") {
            sources.push((inside, without_tests(&tokens(&fs::read_to_string(&file).unwrap()))));
        }
    }
    assert!(sources.len() > 50, "only {} sources found", sources.len());
    let mut found = Found::default();
    for (inside, tokens) in &sources {
        read(inside, tokens, &mut found);
    }
    found
}

/// Adds what one file writes.
fn read(inside: &str, tokens: &[(usize, Token)], found: &mut Found) {
    for (line, token) in tokens {
        if let Token::Text(text) = token {
            found.texts.entry(placeholders(text)).or_insert_with(|| format!("src/{inside}:{line}"));
        }
    }
    for Call { line, argument, severity } in calls(tokens) {
        let place = format!("src/{inside}:{line}");
        let texts: Vec<&String> =
            argument.iter().filter_map(|token| if let Token::Text(text) = token { Some(text) } else { None }).collect();
        let handed_through = matches!(argument.last(), Some(Token::Name(name)) if name == "summary");
        if texts.is_empty() && !handed_through {
            found.unreadable.push(format!("{place}: name the variable `summary`, or write the text here"));
        }
        // What a format fills in is no summary, and no name of an attribute is.
        let formatted = argument.contains(&Token::Name("format".to_owned()));
        let texts = texts.into_iter().take(if formatted { 1 } else { usize::MAX });
        for text in texts.filter(|text| text.starts_with(|c: char| c.is_uppercase() || c == '{')) {
            found.summaries.insert(Written { summary: placeholders(text), place: place.clone(), severity });
        }
    }
}

/// `Invalid {what} Name` as `Invalid {} Name`.
fn placeholders(text: &str) -> String {
    let (mut out, mut inside) = (String::new(), false);
    for c in text.chars() {
        match (c, inside) {
            ('{', _) => (out.push('{'), inside = true).1,
            ('}', _) => (out.push('}'), inside = false).1,
            (_, true) => {}
            (c, false) => out.push(c),
        }
    }
    out
}

/// Whether a text reads like a summary: several words in title case, no stop.
fn is_title(text: &str) -> bool {
    const SMALL: &[&str] = &[
        "a", "an", "and", "as", "at", "by", "for", "from", "in", "is", "it", "its", "not", "of", "on", "or", "the",
        "to", "with", "without", "while",
    ];
    let words: Vec<&str> = text.split(' ').collect();
    const NAMES: &[&str] = &["gRPC", "vSwitch"];
    let plain = |word: &str| word == "{}" || word.chars().all(|c| c.is_ascii_alphanumeric() || "-'/".contains(c));
    let capital = |word: &str| word == "{}" || word.starts_with(|c: char| c.is_ascii_uppercase());
    let has_lower = words.iter().any(|word| word.chars().any(|c| c.is_ascii_lowercase()));
    words.len() >= 2
        && has_lower
        && capital(words[0])
        && words.iter().all(|word| plain(word) && (capital(word) || SMALL.contains(word) || NAMES.contains(word)))
}

fn table() -> BTreeMap<&'static str, &'static Message> {
    messages::all().map(|message| (message.summary, message)).collect()
}

#[test]
fn every_summary_of_the_sources_is_in_the_catalogue() {
    let (found, table) = (scan(), table());
    assert_eq!(found.unreadable, Vec::<String>::new(), "summaries that cannot be read from the source");
    let mut missing: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for written in &found.summaries {
        if !table.contains_key(written.summary.as_str()) {
            missing.entry(written.summary.clone()).or_default().insert(written.place.clone());
        }
    }
    for (text, place) in &found.texts {
        let known = table.contains_key(text.as_str()) || NOT_SUMMARIES.iter().any(|(other, _)| other == text);
        if is_title(text) && !known {
            missing.entry(text.clone()).or_default().insert(place.clone());
        }
    }
    let listed: Vec<String> = missing
        .iter()
        .map(|(summary, places)| {
            let places: Vec<&str> = places.iter().map(String::as_str).collect();
            format!("    error({summary:?}, PATH, CAUSE, REMEDY), // {}", places.join(", "))
        })
        .collect();
    assert!(
        listed.is_empty(),
        "{} summaries have no row; add these to the area's file in src/messages/ (or to NOT_SUMMARIES here):\n{}",
        listed.len(),
        listed.join("\n")
    );
}

#[test]
fn every_row_of_the_catalogue_is_written_by_some_source() {
    let found = scan();
    let unused: Vec<&str> = messages::all()
        .map(|message| message.summary)
        .filter(|summary| {
            !found.texts.contains_key(*summary) && !found.summaries.iter().any(|written| written.summary == *summary)
        })
        .collect();
    assert_eq!(unused, Vec::<&str>::new(), "rows that nothing in src/ writes: remove them");
}

#[test]
fn severities_of_the_catalogue_are_those_of_the_sources() {
    let (found, table) = (scan(), table());
    let wrong: Vec<String> = found
        .summaries
        .iter()
        .filter_map(|written| {
            let (row, severity) = (table.get(written.summary.as_str())?, written.severity?);
            let fits = row.severity == severity || row.severity == Severity::Either;
            (!fits && !SHOWN_AS_WARNINGS.contains(&row.summary))
                .then(|| format!("{}: {:?} is written as {severity:?}", written.place, written.summary))
        })
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn rows_are_whole_and_unique() {
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for message in messages::all() {
        let summary = message.summary;
        if !seen.insert(summary) {
            wrong.push(format!("{summary:?} has two rows"));
        }
        for text in [message.path, message.cause, message.remedy] {
            if text.trim().is_empty() {
                wrong.push(format!("{summary:?} has an empty cell"));
            }
        }
        for text in [message.cause, message.remedy] {
            if !text.ends_with('.') {
                wrong.push(format!("{summary:?}: {text:?} does not end with a full stop"));
            }
        }
        // What names an object begins with it.
        let title = summary.rsplit(": ").next().unwrap_or_default();
        if title.ends_with('.') || (title.contains(' ') && !is_title(title)) {
            wrong.push(format!("{summary:?} is not in title case"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Names in the pages of the reference, as they stand there in backticks: attributes, values, blocks.
fn documented() -> BTreeSet<String> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut pages = vec![docs.join("index.md")];
    for folder in ["resources", "data-sources"] {
        pages.extend(fs::read_dir(docs.join(folder)).unwrap().map(|entry| entry.unwrap().path()));
    }
    let texts = pages.iter().map(|page| fs::read_to_string(page).unwrap());
    texts.flat_map(|text| text.split('`').map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn what_rows_name_is_in_the_reference() {
    let documented = documented();
    let rows = messages::all().flat_map(|message| {
        [message.path, message.cause, message.remedy].map(|text| (message.summary.to_owned(), text))
    });
    let events = event_messages::TABLE
        .iter()
        .flat_map(|known| [known.cause, known.remedy].map(|text| (known.parts.join(" … "), text)));
    let mut unknown = Vec::new();
    for (row, text) in rows.chain(events) {
        let words = text.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '_');
        for name in words.filter(|word| word.trim_matches('_').contains('_') && !word.starts_with("ackone_")) {
            if !documented.contains(name) {
                unknown.push(format!("{row:?} names {name}"));
            }
        }
    }
    assert_eq!(unknown, Vec::<String>::new(), "no page of the reference has these attributes");
}

/// Summaries that goldens show, each with the severities it has there.
fn rendered() -> BTreeMap<String, BTreeSet<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("acceptance-tests/testdata/golden");
    let mut rendered: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        for line in fs::read_to_string(entry.unwrap().path()).unwrap().lines() {
            for severity in ["Error", "Warning"] {
                if let Some(summary) = line.strip_prefix(severity).and_then(|rest| rest.strip_prefix(": ")) {
                    rendered.entry(summary.to_owned()).or_default().insert(severity.to_owned());
                }
            }
        }
    }
    rendered
}

#[test]
fn every_message_is_rendered_in_a_golden_or_says_why_not() {
    let rendered = rendered();
    let (mut without, mut needless) = (Vec::new(), Vec::new());
    for area in messages::AREAS {
        for message in area.messages {
            let shown = rendered
                .keys()
                .any(|summary| messages::find(summary).is_some_and(|row| row.summary == message.summary));
            match message.golden {
                Golden::Rendered if !shown => without.push(format!("{}: {:?}", area.name, message.summary)),
                Golden::NotRendered(_) if shown => needless.push(message.summary),
                Golden::Rendered | Golden::NotRendered(_) => {}
            }
        }
    }
    assert!(
        without.is_empty(),
        "{} messages have no golden under acceptance-tests/testdata/golden: provoke them in \
         acceptance-tests/tests/terraform/messages_*.rs, or say with .not_rendered(WHY) why nothing can:\n{}",
        without.len(),
        without.join("\n")
    );
    assert_eq!(needless, Vec::<&str>::new(), "marked as not rendered, but a golden shows them");
}

#[test]
fn summaries_are_read_from_every_spelling() {
    let read_all = |text: &str| {
        let mut found = Found::default();
        read("x.rs", &without_tests(&tokens(text)), &mut found);
        let summaries: Vec<String> = found.summaries.iter().map(|written| written.summary.clone()).collect();
        (summaries, found.unreadable.len())
    };
    for (text, expected) in [
        (r#"Diagnostic::error("A Thing", format!("{x}"))"#, vec!["A Thing"]),
        (r#"Diagnostic::warning(format!("Invalid {what} Name"), "x")"#, vec!["Invalid {} Name"]),
        (r#"diagnostics.error(path.clone(), "A Thing", "x");"#, vec!["A Thing"]),
        (r#"cx.warnings.warn(Path::root(), if a { "One" } else { "Two" }, "x")"#, vec!["One", "Two"]),
        (r#"Problem::new("A \"Thing\"", "x")"#, vec!["A \"Thing\""]),
        (r#"fn refuse(at: u8, summary: &str) {} fn f() { refuse(1, "A Thing") }"#, vec!["A Thing"]),
        (r#"let one = |summary: &str, text: String| 1; one("A Thing", text)"#, vec!["A Thing"]),
        (r#"tracing::error!("No Summary"); error.error(1)"#, vec![]),
        ("#[cfg(test)]\nmod tests { fn f() { Diagnostic::error(\"In a Test\", 1); } }", vec![]),
        ("/* Diagnostic::error(\"A Thing\", 1) */ // Problem::new(\"B\", 1)", vec![]),
    ] {
        assert_eq!(read_all(text), (expected.into_iter().map(str::to_owned).collect(), 0), "{text}");
    }
    assert_eq!(read_all("Diagnostic::error(problem.summary, x)").1, 0);
    assert_eq!(read_all("Diagnostic::error(title, x)").1, 1, "neither a text nor handed through");
    assert!(is_title("Key Does Not Match Certificate") && is_title("Invalid {} Name"));
    assert!(!is_title("Secret") && !is_title("No such thing") && !is_title("EC KEY") && !is_title("Ends Here."));
}
