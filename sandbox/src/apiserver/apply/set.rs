//! Sets of field paths, and the `FieldsV1` JSON they are stored as.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// One step of a path. Keys and values are kept as canonical JSON text, which orders and compares them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Field(String),
    Key(String),
    Value(String),
    Index(u64),
}

impl Step {
    fn encode(&self) -> String {
        match self {
            Step::Field(name) => format!("f:{name}"),
            Step::Key(json) => format!("k:{json}"),
            Step::Value(json) => format!("v:{json}"),
            Step::Index(index) => format!("i:{index}"),
        }
    }

    fn decode(text: &str) -> Option<Step> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(Step::Field(rest.to_owned())),
            "k" => {
                let value: Value = serde_json::from_str(rest).ok()?;
                value.is_object().then(|| Step::Key(value.to_string()))
            }
            "v" => Some(Step::Value(serde_json::from_str::<Value>(rest).ok()?.to_string())),
            "i" => rest.parse().ok().map(Step::Index),
            _ => None,
        }
    }
}

/// Renders a path the way conflict messages do: `.spec.ports[port=80,protocol="TCP"].name`.
pub(crate) fn display(path: &[Step]) -> String {
    let mut out = String::new();
    for step in path {
        match step {
            Step::Field(name) => {
                out.push('.');
                out.push_str(name);
            }
            Step::Key(json) => {
                let fields = match serde_json::from_str::<Value>(json) {
                    Ok(Value::Object(map)) => {
                        map.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
                    }
                    Ok(_) | Err(_) => json.clone(),
                };
                out.push_str(&format!("[{fields}]"));
            }
            Step::Value(json) => out.push_str(&format!("[={json}]")),
            Step::Index(index) => out.push_str(&format!("[{index}]")),
        }
    }
    out
}

/// A set of paths, as a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSet {
    pub(crate) members: BTreeSet<Step>,
    pub(crate) children: BTreeMap<Step, FieldSet>,
}

impl FieldSet {
    /// Adds a path; the empty path is not a field and is ignored.
    pub(crate) fn insert(&mut self, path: &[Step]) {
        match path {
            [] => {}
            [last] => {
                self.members.insert(last.clone());
            }
            [first, rest @ ..] => self.children.entry(first.clone()).or_default().insert(rest),
        }
    }

    /// Builds a set from dotted field paths.
    pub(crate) fn of_fields(paths: &[&[&str]]) -> FieldSet {
        let mut set = FieldSet::default();
        for path in paths {
            let steps: Vec<Step> = path.iter().map(|name| Step::Field((*name).to_owned())).collect();
            set.insert(&steps);
        }
        set
    }

    /// Whether no path is in the set.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.values().all(FieldSet::is_empty)
    }

    /// The paths below `step`.
    pub(crate) fn below(&self, step: &Step) -> Option<&FieldSet> {
        self.children.get(step)
    }

    /// Paths in either set.
    pub(crate) fn union(&self, other: &FieldSet) -> FieldSet {
        let mut out = self.clone();
        out.members.extend(other.members.iter().cloned());
        for (step, child) in &other.children {
            let merged = out.children.get(step).map_or_else(|| child.clone(), |mine| mine.union(child));
            out.children.insert(step.clone(), merged);
        }
        out
    }

    /// Paths in this set and not in the other, path by path.
    pub(crate) fn difference(&self, other: &FieldSet) -> FieldSet {
        let mut out =
            FieldSet { members: self.members.difference(&other.members).cloned().collect(), ..FieldSet::default() };
        for (step, child) in &self.children {
            let rest = other.children.get(step).map_or_else(|| child.clone(), |theirs| child.difference(theirs));
            if !rest.is_empty() {
                out.children.insert(step.clone(), rest);
            }
        }
        out
    }

    /// Like [`FieldSet::difference`], but a member of `other` takes everything below it along.
    pub(crate) fn recursive_difference(&self, other: &FieldSet) -> FieldSet {
        let mut out =
            FieldSet { members: self.members.difference(&other.members).cloned().collect(), ..FieldSet::default() };
        for (step, child) in &self.children {
            if other.members.contains(step) {
                continue;
            }
            let rest =
                other.children.get(step).map_or_else(|| child.clone(), |theirs| child.recursive_difference(theirs));
            if !rest.is_empty() {
                out.children.insert(step.clone(), rest);
            }
        }
        out
    }

    /// Paths in both sets.
    pub(crate) fn intersection(&self, other: &FieldSet) -> FieldSet {
        let mut out =
            FieldSet { members: self.members.intersection(&other.members).cloned().collect(), ..FieldSet::default() };
        for (step, child) in &self.children {
            if let Some(theirs) = other.children.get(step) {
                let both = child.intersection(theirs);
                if !both.is_empty() {
                    out.children.insert(step.clone(), both);
                }
            }
        }
        out
    }

    /// All paths, members of a level before what lies below it.
    pub(crate) fn paths(&self) -> Vec<Vec<Step>> {
        let mut out = Vec::new();
        self.collect(&mut Vec::new(), &mut out);
        out
    }

    fn collect(&self, prefix: &mut Vec<Step>, out: &mut Vec<Vec<Step>>) {
        for step in &self.members {
            prefix.push(step.clone());
            out.push(prefix.clone());
            prefix.pop();
        }
        for (step, child) in &self.children {
            prefix.push(step.clone());
            child.collect(prefix, out);
            prefix.pop();
        }
    }

    /// The `FieldsV1` form.
    pub(crate) fn to_fields_v1(&self) -> Value {
        let mut out = Map::new();
        for step in &self.members {
            out.insert(step.encode(), Value::Object(Map::new()));
        }
        for (step, child) in &self.children {
            let mut inner = match child.to_fields_v1() {
                Value::Object(map) => map,
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
            };
            if self.members.contains(step) {
                inner.insert(".".to_owned(), Value::Object(Map::new()));
            }
            out.insert(step.encode(), Value::Object(inner));
        }
        Value::Object(out)
    }

    /// Reads the `FieldsV1` form; `None` if it is not one.
    pub(crate) fn from_fields_v1(value: &Value) -> Option<FieldSet> {
        let mut set = FieldSet::default();
        for (text, inner) in value.as_object()? {
            if text == "." {
                continue;
            }
            let step = Step::decode(text)?;
            let map = inner.as_object()?;
            if map.is_empty() || map.contains_key(".") {
                set.members.insert(step.clone());
            }
            let child = FieldSet::from_fields_v1(inner)?;
            if !child.is_empty() {
                set.children.insert(step, child);
            }
        }
        Some(set)
    }
}
