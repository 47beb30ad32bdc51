//! Label and field selectors, as LIST, WATCH and collection deletes take them.

use std::collections::VecDeque;

use serde_json::Value;

use super::meta;
use super::resource::{Builtin, Resource};
use super::status::ApiError;
use super::validation::names;

#[derive(Clone, Debug, PartialEq)]
enum Need {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

/// A parsed pair of selectors.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Selector {
    labels: Vec<(String, Need)>,
    fields: Vec<(String, bool, String)>,
}

impl Selector {
    /// Parses both selectors for one resource.
    ///
    /// # Errors
    /// 400 for bad syntax or a field this resource cannot be selected by.
    pub(crate) fn parse(resource: &Resource, labels: &str, fields: &str) -> Result<Selector, ApiError> {
        let mut selector = Selector { labels: parse_labels(labels)?, fields: Vec::new() };
        for term in fields.split(',').filter(|term| !term.is_empty()) {
            let (field, equal, value) = if let Some((field, value)) = term.split_once("!=") {
                (field, false, value)
            } else if let Some((field, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
                (field, true, value)
            } else {
                let message = format!("invalid selector: '{fields}'; can't understand '{term}'");
                return Err(ApiError::bad_request(message));
            };
            if value.contains('=') && !value.contains('\\') {
                return Err(ApiError::bad_request("invalid field selector: unescaped character in value: 61"));
            }
            if !selectable(resource, field) {
                let message = match resource.builtin {
                    Some(Builtin::ConfigMap | Builtin::Ingress | Builtin::IngressClass) => format!(
                        "{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
                    ),
                    _ => format!("field label not supported: {field}"),
                };
                return Err(ApiError::bad_request(message));
            }
            selector.fields.push((field.to_owned(), equal, value.to_owned()));
        }
        Ok(selector)
    }

    /// Whether an object is selected.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = meta::get(object, &["metadata", "labels"]);
        let label = |key: &str| labels.and_then(|all| all.get(key)).and_then(Value::as_str);
        self.labels.iter().all(|(key, need)| match need {
            Need::In(values) => label(key).is_some_and(|value| values.iter().any(|one| one == value)),
            Need::NotIn(values) => label(key).is_none_or(|value| values.iter().all(|one| one != value)),
            Need::Exists => label(key).is_some(),
            Need::Absent => label(key).is_none(),
        }) && self.fields.iter().all(|(field, equal, value)| (field_value(object, field) == value.as_str()) == *equal)
    }
}

fn selectable(resource: &Resource, field: &str) -> bool {
    let special: &[&str] = match resource.builtin {
        Some(Builtin::Event) => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        Some(Builtin::Secret) => &["type"],
        Some(Builtin::Namespace) => &["status.phase"],
        Some(Builtin::Service) => &["spec.clusterIP", "spec.type"],
        Some(Builtin::Node) => &["spec.unschedulable"],
        _ => &[],
    };
    matches!(field, "metadata.name" | "metadata.namespace") || special.contains(&field)
}

fn field_value<'a>(object: &'a Value, field: &str) -> &'a str {
    if field == "source" {
        let component = meta::text(object, &["source", "component"]);
        return if component.is_empty() { meta::text(object, &["reportingComponent"]) } else { component };
    }
    let path: Vec<&str> = field.split('.').collect();
    meta::text(object, &path)
}

/// A word of a label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Symbol(&'static str),
    Name(String),
    End,
}

impl Word {
    fn text(&self) -> &str {
        match self {
            Word::Symbol(text) => text,
            Word::Name(text) => text,
            Word::End => "",
        }
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self, Word::Symbol(own) if *own == symbol)
    }
}

fn words(text: &str) -> VecDeque<Word> {
    const SYMBOLS: [&str; 8] = ["==", "!=", "=", "!", "(", ")", ",", " "];
    let mut rest = text;
    let mut out = VecDeque::new();
    while !rest.is_empty() {
        let symbol = SYMBOLS.iter().find_map(|symbol| rest.strip_prefix(symbol).map(|after| (*symbol, after)));
        if let Some((symbol, after)) = symbol {
            rest = after;
            if symbol != " " {
                out.push_back(Word::Symbol(symbol));
            }
            continue;
        }
        let end = rest.find(['=', '!', '(', ')', ',', ' ']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        rest = after;
        out.push_back(Word::Name(name.to_owned()));
    }
    out
}

/// Reads label requirements; the grammar and its texts are the server's.
struct Labels(VecDeque<Word>);

impl Labels {
    fn next(&mut self) -> Word {
        self.0.pop_front().unwrap_or(Word::End)
    }

    fn peek(&self) -> &Word {
        self.0.front().unwrap_or(&Word::End)
    }

    fn all(&mut self) -> Result<Vec<(String, Need)>, String> {
        let starts = |word: &Word| word.is("!") || matches!(word, Word::Name(_));
        let mut out = Vec::new();
        loop {
            if *self.peek() == Word::End {
                return Ok(out);
            }
            if !starts(self.peek()) {
                return Err(format!("found '{}', expected: !, identifier, or 'end of string'", self.peek().text()));
            }
            out.push(self.one().map_err(|detail| format!("unable to parse requirement: {detail}"))?);
            match self.next() {
                Word::End => return Ok(out),
                word if word.is(",") => {
                    if !starts(self.peek()) {
                        return Err(format!("found '{}', expected: identifier after ','", self.peek().text()));
                    }
                }
                word => return Err(format!("found '{}', expected: ',' or 'end of string'", word.text())),
            }
        }
    }

    fn one(&mut self) -> Result<(String, Need), String> {
        let absent = self.peek().is("!");
        if absent {
            self.next();
        }
        let key = match self.next() {
            Word::Name(key) => key,
            word => return Err(format!("found '{}', expected: identifier", word.text())),
        };
        if let Some(problem) = names::qualified_errors(&key).first() {
            let problem = problem.replacen("name part must", "a valid label key must", 1);
            let problem = problem.replacen("a qualified name must", "a valid label key must", 1);
            return Err(format!("<nil>: Invalid value: {key:?}: {problem}"));
        }
        if absent {
            return Ok((key, Need::Absent));
        }
        if *self.peek() == Word::End || self.peek().is(",") {
            return Ok((key, Need::Exists));
        }
        let need = match self.next() {
            Word::Symbol("=" | "==") => Need::In(vec![self.value()?]),
            Word::Symbol("!=") => Need::NotIn(vec![self.value()?]),
            Word::Name(word) if word == "in" => Need::In(self.values()?),
            Word::Name(word) if word == "notin" => Need::NotIn(self.values()?),
            word => return Err(format!("found '{}', expected: in, notin, =, ==, !=, gt, lt", word.text())),
        };
        Ok((key, need))
    }

    fn value(&mut self) -> Result<String, String> {
        if *self.peek() == Word::End || self.peek().is(",") {
            return Ok(String::new());
        }
        match self.next() {
            Word::Name(value) => Ok(value),
            word => Err(format!("found '{}', expected: identifier", word.text())),
        }
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        let open = self.next();
        if !open.is("(") {
            return Err(format!("found '{}' expected: '('", open.text()));
        }
        let mut out = Vec::new();
        if !self.peek().is(")") && !self.peek().is(",") && !matches!(self.peek(), Word::Name(_)) {
            return Err(format!("found '{}', expected: ',', ')' or identifier", self.peek().text()));
        }
        loop {
            // Nothing between two commas is the empty value.
            let value = match self.peek() {
                Word::Name(_) => self.next().text().to_owned(),
                Word::Symbol(_) | Word::End => String::new(),
            };
            out.push(value);
            match self.next() {
                word if word.is(")") => return Ok(out),
                word if word.is(",") => {}
                word => return Err(format!("found '{}', expected: ',' or ')'", word.text())),
            }
        }
    }
}

fn parse_labels(text: &str) -> Result<Vec<(String, Need)>, ApiError> {
    Labels(words(text)).all().map_err(ApiError::bad_request)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apiserver::kinds;

    #[test]
    fn selectors_choose_as_documented() {
        let all = kinds::all();
        let events = all.get("/events").expect("events");
        let object = json!({
            "metadata": {"name": "e", "labels": {"a": "1"}},
            "involvedObject": {"name": "gw"}, "reason": "Sync", "type": "Normal",
        });
        for (labels, fields, chosen) in [
            ("", "", true),
            ("a=1", "", true),
            ("a==1,!b", "", true),
            ("a!=1", "", false),
            ("b!=1", "", true),
            ("a in (1, 2)", "", true),
            ("a notin (1,2)", "", false),
            ("a", "", true),
            ("", "involvedObject.name=gw,type!=Warning", true),
            ("", "reason=Other", false),
            ("", "metadata.name==e", true),
        ] {
            let selector = Selector::parse(events, labels, fields).expect("a selector");
            assert_eq!(selector.matches(&object), chosen, "{labels} {fields}");
        }
        assert!(Selector::parse(events, "", "spec.x=1").is_err(), "not a selectable field");
    }

    /// The texts are those of kube-apiserver 1.36.3.
    #[test]
    fn malformed_label_selectors_are_refused() {
        for (text, expected) in [
            ("a===b", "unable to parse requirement: found '=', expected: identifier"),
            ("!", "unable to parse requirement: found '', expected: identifier"),
            ("a in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"),
            ("a=b,", "found '', expected: identifier after ','"),
            ("=b", "found '=', expected: !, identifier, or 'end of string'"),
            ("a!=b,c notin (d", "unable to parse requirement: found '', expected: ',' or ')'"),
            ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ] {
            assert_eq!(parse_labels(text).expect_err(text).message, expected, "{text}");
        }
    }
}
