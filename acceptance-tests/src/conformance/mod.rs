//! Request and answer pairs that a real kube-apiserver and the sandbox's embedded server must answer alike.
//!
//! A case is one line of JSON in `testdata/conformance`: a request, in which `${CASE:/pointer}` stands for a value of an
//! earlier answer. The cases of a file run in order in a world of their own. An answer is what a client sees: status, the
//! headers that mean something, the body; what differs from run to run (uids, versions, times, addresses, tokens) is
//! replaced by its name before answers are compared.

mod answer;
mod client;

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::answer::Answer;
pub use self::client::{Means, Server};
use crate::{AcceptanceError, repository};

/// The files of cases.
pub const FILES: [&str; 3] = ["objects", "edges", "waits"];

/// One request.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Its name, by which later cases and the recorded answers know it.
    pub name: String,
    /// What it is about, for counting.
    pub area: String,
    /// HTTP method; `COMPACT` makes the server forget its history instead.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The body: text as it is, anything else as JSON.
    #[serde(default)]
    pub body: Option<Value>,
    /// Content type of the body.
    #[serde(default, rename = "type")]
    pub content_type: Option<String>,
    /// Further headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Who asks, if not the administrator.
    #[serde(default, rename = "as")]
    pub caller: Caller,
}

/// Who asks.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Caller {
    /// Somebody who may do everything.
    #[default]
    Administrator,
    /// A known user who may do nothing.
    Viewer,
    /// Somebody without credentials.
    Nobody,
}

/// A case's answer, as it is recorded.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
pub struct Recorded {
    /// The case.
    pub name: String,
    /// The answer.
    #[serde(flatten)]
    pub answer: Answer,
}

fn folder() -> PathBuf {
    repository().join("acceptance-tests/testdata/conformance")
}

fn unreadable(what: &str) -> impl Fn(serde_json::Error) -> AcceptanceError {
    move |error| AcceptanceError::Control { call: what.to_owned(), reason: error.to_string() }
}

fn lines<T: for<'a> Deserialize<'a>>(name: &str) -> Result<Vec<T>, AcceptanceError> {
    let text = std::fs::read_to_string(folder().join(name)).map_err(AcceptanceError::io("read conformance data"))?;
    text.lines().map(|line| serde_json::from_str(line).map_err(unreadable(line))).collect()
}

/// The cases of a file.
///
/// # Errors
/// If it cannot be read.
pub fn cases(file: &str) -> Result<Vec<Case>, AcceptanceError> {
    lines(&format!("{file}.jsonl"))
}

/// What a real server answered.
///
/// # Errors
/// If it cannot be read.
pub fn recorded(file: &str) -> Result<Vec<Recorded>, AcceptanceError> {
    lines(&format!("{file}.answers.jsonl"))
}

/// Records what a real server has answered.
///
/// # Errors
/// If it cannot be written.
pub fn record(file: &str, answers: &[Recorded]) -> Result<(), AcceptanceError> {
    let mut text = String::new();
    for answer in answers {
        text.push_str(&serde_json::to_string(answer).map_err(unreadable(file))?);
        text.push('\n');
    }
    std::fs::write(folder().join(format!("{file}.answers.jsonl")), text)
        .map_err(AcceptanceError::io("write conformance data"))
}

/// The cases in which the embedded server may differ, with the reason.
///
/// # Errors
/// If the list cannot be read.
pub fn accepted() -> Result<BTreeMap<String, String>, AcceptanceError> {
    let text = std::fs::read_to_string(folder().join("accepted-differences.tsv"))
        .map_err(AcceptanceError::io("read the accepted differences"))?;
    let rows = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.map(|line| {
        let (name, reason) = line.split_once('\t').ok_or_else(|| AcceptanceError::Control {
            call: "accepted differences".to_owned(),
            reason: format!("no reason in {line:?}"),
        })?;
        Ok((name.to_owned(), reason.to_owned()))
    })
    .collect()
}

/// Values that are made for a run and may not be written down: key pairs, and texts too long for a file.
#[derive(Debug)]
pub struct Made(Vec<(String, String)>);

impl Made {
    /// Makes two key pairs.
    ///
    /// # Errors
    /// If a key cannot be made.
    pub fn new() -> Result<Self, AcceptanceError> {
        let mut made = Vec::new();
        for number in 1..=2 {
            let pair = rcgen::generate_simple_self_signed(vec!["grpc.example.com".to_owned()])
                .map_err(|error| AcceptanceError::Control { call: "key pair".to_owned(), reason: error.to_string() })?;
            made.push((format!("${{certificate {number}}}"), STANDARD.encode(pair.cert.pem())));
            made.push((format!("${{key {number}}}"), STANDARD.encode(pair.signing_key.serialize_pem())));
        }
        Ok(Self(made))
    }

    fn fill(&self, text: &str) -> String {
        let filled = self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
        match filled.split_once(" letters}").and_then(|(before, after)| {
            let (before, number) = before.rsplit_once("${")?;
            Some((before, "A".repeat(number.parse().ok()?), after))
        }) {
            Some((before, letters, after)) => format!("{before}{letters}{after}"),
            None => filled,
        }
    }

    fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(value, name))
    }
}

/// Runs the cases of a file on a server.
///
/// # Errors
/// If the server cannot be reached.
pub fn run(server: &Server, cases: &[Case], made: &Made) -> Result<Vec<Recorded>, AcceptanceError> {
    let mut raw: BTreeMap<&str, Value> = BTreeMap::new();
    let mut answers = Vec::new();
    for case in cases {
        if case.method == "COMPACT" {
            server.compact()?;
            continue;
        }
        let fill = |text: &str| earlier(&made.fill(text), &raw);
        let path = fill(&case.path);
        let body = case.body.as_ref().map(|body| match body {
            Value::String(text) => fill(text),
            other => fill(&other.to_string()),
        });
        let reply = server.ask(case, &path, body.as_deref())?;
        raw.insert(&case.name, serde_json::from_str(&reply.body).unwrap_or_default());
        answers.push(Recorded { name: case.name.clone(), answer: reply.normal(made) });
    }
    Ok(answers)
}

/// Puts values of earlier answers in place of `${CASE:/pointer}`; what is not there becomes nothing.
fn earlier(text: &str, raw: &BTreeMap<&str, Value>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((reference, behind)) = after.split_once('}') else { break };
        filled.push_str(before);
        let found = reference.split_once(':').and_then(|(case, pointer)| raw.get(case)?.pointer(pointer)?.as_str());
        filled.push_str(found.unwrap_or_default());
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

/// How the answers of two servers compare.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Cases that were answered alike, by area.
    pub equal: BTreeMap<String, usize>,
    /// Names of the cases that were not, with both answers.
    pub different: BTreeMap<String, String>,
    /// Cases with an answer on one side only.
    pub missing: Vec<String>,
}

/// Compares answers case by case.
#[must_use]
pub fn compare(cases: &[Case], wanted: &[Recorded], got: &[Recorded]) -> Comparison {
    let by_name = |all: &[Recorded]| -> BTreeMap<String, Answer> {
        all.iter().map(|one| (one.name.clone(), one.answer.clone())).collect()
    };
    let (wanted, got) = (by_name(wanted), by_name(got));
    let mut comparison = Comparison::default();
    for case in cases.iter().filter(|case| case.method != "COMPACT") {
        match (wanted.get(&case.name), got.get(&case.name)) {
            (Some(wanted), Some(got)) if wanted == got => {
                *comparison.equal.entry(case.area.clone()).or_insert(0) += 1;
            }
            (Some(wanted), Some(got)) => {
                let told = format!("{} {}\n{}", case.method, case.path, wanted.difference(got));
                comparison.different.insert(case.name.clone(), told);
            }
            _ => comparison.missing.push(case.name.clone()),
        }
    }
    comparison
}
