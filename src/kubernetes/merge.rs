//! Three objects side by side: live, prior state, plan; field by field, and the intent that comes of them.
//!
//! Prior and planned are objects in the Kubernetes shape that hold what we set and nothing else. Lists with a key (the
//! [`Meaning`] names them) are atomic for the API server, so they are merged here: what is in neither prior nor plan is
//! foreign and kept, without its nulls. Used by [`write`](super::write) and [`drift`](super::drift); pure.

use serde_json::{Map, Value};

use super::{
    meaning::{Compare, Meaning, equal, find, present, zero_counts},
    path::{FieldPath, Segment},
};

/// A field that prior or plan sets, with its three values.
pub(crate) struct Leaf<'a> {
    pub(crate) path: FieldPath,
    pub(crate) live: Option<&'a Value>,
    pub(crate) prior: Option<&'a Value>,
    pub(crate) planned: Option<&'a Value>,
}

impl Leaf<'_> {
    pub(crate) fn live_means(&self, value: Option<&Value>, meaning: &dyn Meaning) -> bool {
        equal(self.live, value, &self.path, meaning)
    }

    /// Somebody changed it after the plan was made: the live value is neither what state saw nor what is planned.
    pub(crate) fn is_conflict(&self, meaning: &dyn Meaning) -> bool {
        !self.live_means(self.planned, meaning) && !self.live_means(self.prior, meaning)
    }

    /// Live is not yet what is planned; a dropped field must be absent and not just at its default.
    pub(crate) fn needs_write(&self, meaning: &dyn Meaning) -> bool {
        match self.planned {
            Some(planned) => !self.live_means(Some(planned), meaning),
            None => present(self.live, &self.path, meaning).is_some(),
        }
    }
}

/// Top-level fields that identify the object or belong to the server.
const NOT_OURS: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];

/// The paths under which prior or plan set something: labels, annotations, and all but the object's identity.
pub(crate) fn our_roots(planned: &Value, prior: &Value) -> Vec<FieldPath> {
    let mut roots: Vec<FieldPath> = ["labels", "annotations"]
        .into_iter()
        .map(|name| FieldPath::of(["metadata", name]))
        .filter(|path| [planned, prior].iter().any(|object| value_at(object, path).is_some()))
        .collect();
    let names = keys(planned.as_object(), prior.as_object());
    roots.extend(names.into_iter().filter(|name| !NOT_OURS.contains(name)).map(|name| FieldPath::of([name])));
    roots
}

/// Keys of both, in order, each once.
fn keys<'a>(a: Option<&'a Map<String, Value>>, b: Option<&'a Map<String, Value>>) -> Vec<&'a str> {
    let mut names: Vec<&str> = a.into_iter().flat_map(|map| map.keys().map(String::as_str)).collect();
    names.extend(
        b.into_iter().flat_map(Map::keys).map(String::as_str).filter(|name| a.is_none_or(|a| !a.contains_key(*name))),
    );
    names
}

fn not_null(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

fn value_at<'a>(object: &'a Value, path: &FieldPath) -> Option<&'a Value> {
    not_null(path.get(object))
}

fn child<'a>(value: Option<&'a Value>, name: &str) -> Option<&'a Value> {
    not_null(value.and_then(|value| value.get(name)))
}

fn array(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What prior and plan make of a path.
enum Shape<'m> {
    Fields,
    Keyed(&'m [&'m str]),
    Whole,
}

fn shape<'m>(path: &FieldPath, prior: Option<&Value>, planned: Option<&Value>, meaning: &'m dyn Meaning) -> Shape<'m> {
    let all = |test: fn(&Value) -> bool| [prior, planned].into_iter().flatten().all(test);
    let filled = [prior, planned].into_iter().flatten().any(|value| value.as_object().is_some_and(|o| !o.is_empty()));
    let is_parent = filled || !zero_counts(path, meaning);
    if all(Value::is_object)
        && is_parent
        && (prior.is_some() || planned.is_some())
        && meaning.compare(path) == Compare::Exact
    {
        return Shape::Fields;
    }
    match meaning.list_key(path) {
        Some(key) if all(Value::is_array) && (prior.is_some() || planned.is_some()) => Shape::Keyed(key),
        _ => Shape::Whole,
    }
}

/// Every field that prior or plan sets.
pub(crate) fn leaves<'a>(
    live: &'a Value,
    prior: &'a Value,
    planned: &'a Value,
    meaning: &dyn Meaning,
) -> Vec<Leaf<'a>> {
    let mut found = Vec::new();
    for root in our_roots(planned, prior) {
        let leaf = Leaf {
            live: value_at(live, &root),
            prior: value_at(prior, &root),
            planned: value_at(planned, &root),
            path: root,
        };
        walk(leaf, meaning, &mut found);
    }
    found
}

fn walk<'a>(at: Leaf<'a>, meaning: &dyn Meaning, found: &mut Vec<Leaf<'a>>) {
    match shape(&at.path, at.prior, at.planned, meaning) {
        Shape::Fields => {
            let names = keys(at.planned.and_then(Value::as_object), at.prior.and_then(Value::as_object));
            for name in names {
                let leaf = Leaf {
                    path: at.path.field(name),
                    live: child(at.live, name),
                    prior: child(at.prior, name),
                    planned: child(at.planned, name),
                };
                if leaf.prior.is_some() || leaf.planned.is_some() {
                    walk(leaf, meaning, found);
                }
            }
        }
        Shape::Keyed(key) => {
            let (live, prior, planned) = (array(at.live), array(at.prior), array(at.planned));
            let dropped = prior.iter().filter(|element| find(planned, element, key, &at.path, meaning).is_none());
            for element in planned.iter().chain(dropped) {
                let find = |list: &'a [Value]| find(list, element, key, &at.path, meaning);
                let leaf = Leaf {
                    path: at.path.element(key_of(element, key)),
                    live: find(live),
                    prior: find(prior),
                    planned: find(planned),
                };
                if leaf.live.is_some() { walk(leaf, meaning, found) } else { found.push(leaf) }
            }
        }
        Shape::Whole => found.push(at),
    }
}

/// Labels, annotations and fields of `spec` that live sets and `ours` does not.
pub(crate) fn foreign<'a>(live: &'a Value, ours: &Value, meaning: &dyn Meaning) -> Vec<(FieldPath, &'a Value)> {
    let mut found = Vec::new();
    for root in [&["metadata", "labels"][..], &["metadata", "annotations"], &["spec"]] {
        let root = FieldPath::of(root.iter().copied());
        if let Some(value) = value_at(live, &root) {
            let ours = value_at(ours, &root);
            walk_foreign(root, value, ours, meaning, &mut found);
        }
    }
    found
}

fn walk_foreign<'a>(
    path: FieldPath,
    live: &'a Value,
    ours: Option<&Value>,
    meaning: &dyn Meaning,
    found: &mut Vec<(FieldPath, &'a Value)>,
) {
    match (live, meaning.list_key(&path)) {
        (Value::Object(fields), _) if !fields.is_empty() && meaning.compare(&path) == Compare::Exact => {
            for (name, live) in fields.iter().filter(|(_, value)| !value.is_null()) {
                walk_foreign(path.field(name), live, child(ours, name), meaning, found);
            }
        }
        (Value::Array(elements), Some(key)) => {
            for fields in elements.iter().filter_map(|element| element.as_object().map(|fields| (element, fields))) {
                let (element, fields) = fields;
                let at = path.element(key_of(element, key));
                let ours = find(array(ours), element, key, &path, meaning);
                for (name, live) in fields.iter().filter(|(name, _)| !key.contains(&name.as_str())) {
                    walk_foreign(at.field(name), live, child(ours, name), meaning, found);
                }
            }
        }
        _ if ours.is_none() && present(Some(live), &path, meaning).is_some() => found.push((path, live)),
        _ => {}
    }
}

fn key_of(element: &Value, key: &[&str]) -> Vec<(String, Value)> {
    key.iter().map(|name| ((*name).to_owned(), element.get(*name).cloned().unwrap_or(Value::Null))).collect()
}

/// All that our manager shall own: what is planned, and what only the live object knows of lists with keys.
pub(crate) fn intent(live: &Value, prior: &Value, planned: &Value, keep: &[FieldPath], meaning: &dyn Meaning) -> Value {
    let mut whole = Value::Object(Map::new());
    for root in our_roots(planned, prior) {
        let built =
            build(&root, value_at(live, &root), value_at(prior, &root), value_at(planned, &root), false, meaning);
        if let Some(value) = built {
            put(&mut whole, root.segments(), value);
        }
    }
    for path in keep {
        if value_at(&whole, path).is_none()
            && let Some(value) = value_at(live, path)
        {
            put(&mut whole, path.segments(), without_nulls(value));
        }
    }
    whole
}

fn build(
    path: &FieldPath,
    live: Option<&Value>,
    prior: Option<&Value>,
    planned: Option<&Value>,
    in_list: bool,
    meaning: &dyn Meaning,
) -> Option<Value> {
    match shape(path, prior, planned, meaning) {
        Shape::Fields => {
            let (ours, known) = (planned.and_then(Value::as_object), prior.and_then(Value::as_object));
            let names = keys(ours, known);
            let mut fields = Map::new();
            for name in &names {
                let (live, prior, planned) = (child(live, name), child(prior, name), child(planned, name));
                if let Some(value) = build(&path.field(name), live, prior, planned, in_list, meaning) {
                    fields.insert((*name).to_owned(), value);
                }
            }
            if in_list && let Some(live) = live.and_then(Value::as_object) {
                for (name, value) in
                    live.iter().filter(|(name, value)| !value.is_null() && !names.contains(&name.as_str()))
                {
                    fields.insert(name.clone(), without_nulls(value));
                }
            }
            (planned.is_some() || !fields.is_empty()).then_some(Value::Object(fields))
        }
        Shape::Keyed(key) => {
            let (live, prior, ours) = (array(live), array(prior), array(planned));
            let mut list = Vec::new();
            for element in live {
                let find = |list| find(list, element, key, path, meaning);
                match (find(ours), find(prior)) {
                    (Some(planned), prior) => {
                        let path = path.element(key_of(planned, key));
                        list.extend(build(&path, Some(element), prior, Some(planned), true, meaning));
                    }
                    (None, Some(_)) => {}
                    (None, None) => list.push(without_nulls(element)),
                }
            }
            let new = ours.iter().filter(|element| find(live, element, key, path, meaning).is_none());
            list.extend(new.map(without_nulls));
            (planned.is_some() || !list.is_empty()).then_some(Value::Array(list))
        }
        Shape::Whole => planned.map(without_nulls),
    }
}

/// The paths that the plan drops: absent from the intent, so they must be absent afterwards. Fields inside lists with
/// keys are not among them, because such a list is written whole.
pub(crate) fn dropped(intent: &Value, prior: &Value, meaning: &dyn Meaning) -> Vec<FieldPath> {
    let mut found = Vec::new();
    for root in our_roots(&Value::Null, prior) {
        drop_walk(&root, value_at(prior, &root), value_at(intent, &root), meaning, &mut found);
    }
    found
}

fn drop_walk(
    path: &FieldPath,
    prior: Option<&Value>,
    intent: Option<&Value>,
    meaning: &dyn Meaning,
    found: &mut Vec<FieldPath>,
) {
    match shape(path, prior, intent, meaning) {
        Shape::Fields => {
            for name in prior.and_then(Value::as_object).into_iter().flat_map(Map::keys) {
                drop_walk(&path.field(name), child(prior, name), child(intent, name), meaning, found);
            }
        }
        Shape::Keyed(_) | Shape::Whole => {
            if intent.is_none() && prior.is_some() {
                found.push(path.clone());
            }
        }
    }
}

/// Puts a value at a path of fields.
pub(crate) fn put(whole: &mut Value, path: &[Segment], value: Value) {
    match path.split_first() {
        None => *whole = value,
        Some((Segment::Element(_), _)) => {}
        Some((Segment::Field(name), rest)) => {
            if !whole.is_object() {
                *whole = Value::Object(Map::new());
            }
            if let Some(fields) = whole.as_object_mut() {
                put(fields.entry(name.clone()).or_insert(Value::Null), rest, value);
            }
        }
    }
}

/// A copy without nulls: the API server would store them.
pub(crate) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name.clone(), without_nulls(value)))
                .collect(),
        ),
        Value::Array(list) => Value::Array(list.iter().map(without_nulls).collect()),
        plain => plain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kubernetes::testing::AlbMeaning;

    #[test]
    fn foreign_listeners_and_fields_are_kept_without_nulls_and_ours_win() {
        let live = json!({"spec": {"listeners": [
            {"port": 80, "protocol": "HTTP", "idleTimeout": 15, "gzipEnabled": null, "requestTimeout": 9,
             "logConfig": {"a": true, "b": null}},
            {"port": 443, "protocol": "HTTPS", "certificates": null, "idleTimeout": 7},
            {"port": 81, "protocol": "HTTP"}]}});
        let prior = json!({"spec": {"listeners": [
            {"port": 80, "protocol": "HTTP", "idleTimeout": 15, "requestTimeout": 9}, {"port": 81, "protocol": "HTTP"}]}});
        let planned = json!({"spec": {"listeners": [
            {"port": 82, "protocol": "HTTP"}, {"port": 80, "protocol": "HTTP", "idleTimeout": 60}]}});
        let built = intent(&live, &prior, &planned, &[], &AlbMeaning);
        assert_eq!(
            built,
            json!({"spec": {"listeners": [
                {"port": 80, "protocol": "HTTP", "idleTimeout": 60, "logConfig": {"a": true}},
                {"port": 443, "protocol": "HTTPS", "idleTimeout": 7},
                {"port": 82, "protocol": "HTTP"}]}})
        );
    }

    #[test]
    fn a_dropped_list_keeps_its_foreign_elements_only() {
        let live =
            json!({"spec": {"listeners": [{"port": 80, "protocol": "HTTP"}, {"port": 443, "protocol": "HTTPS"}]}});
        let prior = json!({"spec": {"listeners": [{"port": 80, "protocol": "HTTP"}], "x": 1}});
        let planned = json!({"spec": {"x": 1}});
        let built = intent(&live, &prior, &planned, &[], &AlbMeaning);
        assert_eq!(built, json!({"spec": {"x": 1, "listeners": [{"port": 443, "protocol": "HTTPS"}]}}));
        assert!(dropped(&built, &prior, &AlbMeaning).is_empty());
        let alone = json!({"spec": {"listeners": [{"port": 80, "protocol": "HTTP"}]}});
        let built = intent(&alone, &prior, &planned, &[], &AlbMeaning);
        assert_eq!(dropped(&built, &prior, &AlbMeaning), vec![FieldPath::of(["spec", "listeners"])]);
    }

    #[test]
    fn identity_status_and_foreign_plain_fields_never_enter_the_intent() {
        let live = json!({"metadata": {"annotations": {"theirs": "x", "kept": "k"}}, "spec": {"foreign": 1}});
        let planned = json!({"apiVersion": "v1", "kind": "X", "metadata": {"name": "n", "annotations": {"ours": "y"}},
            "status": {"a": 1}, "spec": {"a": null, "b": 2}});
        let keep = [FieldPath::of(["metadata", "annotations", "kept"]), FieldPath::of(["data", "absent"])];
        assert_eq!(
            intent(&live, &Value::Null, &planned, &keep, &AlbMeaning),
            json!({"metadata": {"annotations": {"ours": "y", "kept": "k"}}, "spec": {"b": 2}})
        );
    }
}
