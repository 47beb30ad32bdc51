//! When two values mean the same to whoever reads the object.
//!
//! A [`Meaning`] is given by each kind's resource: defaults of the controller, how to compare, which lists have keys.
//! The rule of [`equal`]: only what we set counts; absent, null and (unless legal there) Go's zero value stand for the
//! controller's default; then the comparison the field asks for. Writes, drift and creation all judge by it.

use base64::{Engine, engine::general_purpose::STANDARD};
use rustls_pki_types::pem;
use serde_json::Value;

use super::path::{FieldPath, Segment};

/// How two present values are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compare {
    /// JSON equality, numbers by value; objects by the fields we set; lists in order, and their elements whole.
    #[default]
    Exact,
    /// Text that holds JSON: equal when the parsed values are.
    JsonText,
    /// Text that holds a JSON array of objects which together are a set of pairs: neither the order of the array nor how
    /// the pairs are spread over its objects matters.
    JsonPairs,
    /// Lists without order and without repetition.
    UnorderedSet,
    /// Text of parts parted by commas, without order; spaces around them do not count.
    CommaSet,
    /// Base64 of PEM, or PEM itself: equal when the decoded blocks are.
    Pem,
    /// A number, also as text (`"80"`).
    Number,
    /// Text without regard to ASCII case: host names, enumerations.
    IgnoreCase,
    /// Go durations or bare seconds: `60`, `"60"`, `"60s"`, `"1m0s"`.
    Duration,
    /// A boolean, also as text (`"True"`).
    Boolean,
    /// Networks and addresses, as a list or as text parted by `;`: without order, an address being the network of it
    /// alone.
    Networks,
    /// A list whose first element stands out and whose others have no order.
    FirstAndOthers,
    /// Text that the kind reads by itself ([`Meaning::read`]): equal when both read as the same.
    AsRead,
    /// An object that is one value: what only one side says counts, unless it says "not set". Where its zero is a value, such
    /// as a switch that is on by being there, being there counts too.
    WholeObject,
}

/// What a kind's controller makes of its fields. Paths are asked by their fields; elements between them do not count
/// ([`FieldPath::fields`]).
pub trait Meaning: Send + Sync {
    /// What the controller takes for an absent field.
    fn default_of(&self, path: &FieldPath) -> Option<Value> {
        let _ = path;
        None
    }

    /// Whether Go's zero value (`""`, `0`, `false`, `[]`, `{}`) is a value of its own here and not "unset".
    fn zero_is_legal(&self, path: &FieldPath) -> bool {
        let _ = path;
        false
    }

    /// How values are compared.
    fn compare(&self, path: &FieldPath) -> Compare {
        let _ = path;
        Compare::Exact
    }

    /// What a text says to its reader, where values are compared [`Compare::AsRead`].
    fn read(&self, path: &FieldPath, text: &str) -> Option<Value> {
        let _ = (path, text);
        None
    }

    /// The key fields of a list that is merged by key; `None` for a list that is one value.
    fn list_key(&self, path: &FieldPath) -> Option<&[&str]> {
        let _ = path;
        None
    }
}

/// The meaning of kinds without peculiarities.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl Meaning for Plain {}

/// Whether Go's zero value is a value here: as the kind says, and always in a label or annotation, which is set or not
/// whatever it says.
pub(crate) fn zero_counts(path: &FieldPath, meaning: &dyn Meaning) -> bool {
    let entry = matches!(
        path.segments(),
        [Segment::Field(metadata), Segment::Field(map), Segment::Field(_)]
            if metadata == "metadata" && (map == "labels" || map == "annotations")
    );
    entry || meaning.zero_is_legal(path)
}

/// Null, or Go's zero value through and through.
pub(crate) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.values().all(is_zero),
    }
}

/// The value, unless it stands for "not set".
pub(crate) fn present<'a>(value: Option<&'a Value>, path: &FieldPath, meaning: &dyn Meaning) -> Option<&'a Value> {
    value.filter(|value| !value.is_null() && (zero_counts(path, meaning) || !is_zero_at(value, path, meaning)))
}

fn is_zero_at(value: &Value, path: &FieldPath, meaning: &dyn Meaning) -> bool {
    match value {
        Value::Object(fields) => fields.iter().all(|(name, value)| {
            let path = path.field(name);
            value.is_null() || (!zero_counts(&path, meaning) && is_zero_at(value, &path, meaning))
        }),
        other => is_zero(other),
    }
}

/// Whether `live` says what `ours` says. `None` is an absent field.
pub fn equal(live: Option<&Value>, ours: Option<&Value>, path: &FieldPath, meaning: &dyn Meaning) -> bool {
    // An empty object sets nothing, unless it is a value of its own.
    if let Some(Value::Object(wanted)) = ours
        && (!wanted.is_empty() || !zero_counts(path, meaning))
        && meaning.compare(path) == Compare::Exact
        && live.is_none_or(|live| live.is_object() || live.is_null())
    {
        return wanted
            .iter()
            .all(|(name, value)| equal(live.and_then(|live| live.get(name)), Some(value), &path.field(name), meaning));
    }
    let default = meaning.default_of(path);
    let live = present(live, path, meaning).or(default.as_ref());
    let ours = present(ours, path, meaning).or(default.as_ref());
    match (live, ours) {
        (None, None) => true,
        (Some(live), Some(ours)) => same(live, ours, path, meaning),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn same(live: &Value, ours: &Value, path: &FieldPath, meaning: &dyn Meaning) -> bool {
    if live == ours {
        return true;
    }
    match meaning.compare(path) {
        Compare::Exact => same_shape(live, ours, path, meaning),
        Compare::JsonText => parsed(live).is_some_and(|live| parsed(ours).is_some_and(|ours| same_json(&live, &ours))),
        Compare::JsonPairs => pairs(live).is_some_and(|live| pairs(ours).is_some_and(|ours| live == ours)),
        Compare::UnorderedSet => same_set(live, ours, path, meaning),
        Compare::CommaSet => parts(live).is_some_and(|live| parts(ours).is_some_and(|ours| live == ours)),
        Compare::Pem => pem_blocks(live).is_some_and(|live| pem_blocks(ours).is_some_and(|ours| live == ours)),
        Compare::Number => number(live).is_some_and(|live| number(ours) == Some(live)),
        Compare::IgnoreCase => {
            live.as_str().is_some_and(|live| ours.as_str().is_some_and(|ours| live.eq_ignore_ascii_case(ours)))
        }
        Compare::Duration => seconds(live).is_some_and(|live| seconds(ours) == Some(live)),
        Compare::Boolean => truth(live).is_some_and(|live| truth(ours) == Some(live)),
        Compare::Networks => networks(live).is_some_and(|live| networks(ours) == Some(live)),
        Compare::FirstAndOthers => first_and_others(live, ours, path, meaning),
        Compare::WholeObject => same_whole(live, ours, path, meaning),
        Compare::AsRead => {
            let read = |value: &Value| meaning.read(path, value.as_str()?);
            read(live).is_some_and(|live| read(ours) == Some(live))
        }
    }
}

fn same_shape(live: &Value, ours: &Value, path: &FieldPath, meaning: &dyn Meaning) -> bool {
    match (live, ours) {
        (Value::Number(_), Value::Number(_)) => number(live).is_some_and(|live| number(ours) == Some(live)),
        (Value::Object(_), Value::Object(wanted)) => {
            wanted.iter().all(|(name, value)| equal(live.get(name), Some(value), &path.field(name), meaning))
        }
        (Value::Array(live), Value::Array(ours)) => match meaning.list_key(path) {
            Some(key) => ours.iter().all(|element| {
                find(live, element, key, path, meaning)
                    .is_some_and(|found| equal(Some(found), Some(element), path, meaning))
            }),
            // Such a list is ours whole, so what only a live element says counts as well: a host that somebody added to a
            // rule for any host, or one that the plan drops.
            None => {
                live.len() == ours.len()
                    && live.iter().zip(ours).all(|(live, ours)| same_whole(live, ours, path, meaning))
            }
        },
        _ => false,
    }
}

/// Whether neither of two elements says anything that the other does not mean too.
fn same_whole(a: &Value, b: &Value, path: &FieldPath, meaning: &dyn Meaning) -> bool {
    equal_element(a, b, path, meaning) && equal_element(b, a, path, meaning)
}

/// Elements are compared field by field where they are objects: a controller may add zero values to them.
fn equal_element(live: &Value, ours: &Value, path: &FieldPath, meaning: &dyn Meaning) -> bool {
    match (live, ours) {
        (Value::Object(_), Value::Object(_)) | (Value::Array(_), Value::Array(_)) => {
            same_shape(live, ours, path, meaning)
        }
        _ => live == ours || same_shape(live, ours, path, meaning),
    }
}

/// The element of `list` with the same key as `like`.
pub(crate) fn find<'a>(
    list: &'a [Value],
    like: &Value,
    key: &[&str],
    path: &FieldPath,
    meaning: &dyn Meaning,
) -> Option<&'a Value> {
    list.iter().find(|element| {
        element.is_object()
            && key.iter().all(|name| equal(element.get(name), like.get(name), &path.field(name), meaning))
    })
}

fn same_set(live: &Value, ours: &Value, path: &FieldPath, meaning: &dyn Meaning) -> bool {
    let (Value::Array(live), Value::Array(ours)) = (live, ours) else { return false };
    let within = |some: &[Value], all: &[Value], flip: bool| {
        some.iter().all(|a| {
            all.iter().any(|b| {
                let (live, ours) = if flip { (b, a) } else { (a, b) };
                equal_element(live, ours, path, meaning)
            })
        })
    };
    within(live, ours, false) && within(ours, live, true)
}

/// The first element against the first, the others in any order.
fn first_and_others(live: &Value, ours: &Value, path: &FieldPath, meaning: &dyn Meaning) -> bool {
    let same = |a: &Value, b: &Value| same_whole(a, b, path, meaning);
    let (Some((live_first, live)), Some((our_first, ours))) =
        (live.as_array().and_then(|list| list.split_first()), ours.as_array().and_then(|list| list.split_first()))
    else {
        return false;
    };
    let within = |some: &[Value], all: &[Value]| some.iter().all(|a| all.iter().any(|b| same(a, b)));
    same(live_first, our_first) && within(live, ours) && within(ours, live)
}

/// Networks in one spelling; what is none stays as it is written.
fn networks(value: &Value) -> Option<std::collections::BTreeSet<String>> {
    let texts: Vec<&str> = match value {
        Value::String(text) => text.split(';').collect(),
        Value::Array(list) => list.iter().map(Value::as_str).collect::<Option<_>>()?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    };
    let spelled = |text: &str| {
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let Ok(address) = address.parse::<std::net::IpAddr>() else { return text.to_owned() };
        let whole: u8 = if address.is_ipv4() { 32 } else { 128 };
        match length.map_or(Ok(whole), str::parse::<u8>) {
            Ok(length) => format!("{address}/{length}"),
            Err(_) => text.to_owned(),
        }
    };
    Some(texts.into_iter().map(str::trim).filter(|text| !text.is_empty()).map(spelled).collect())
}

fn parsed(value: &Value) -> Option<Value> {
    serde_json::from_str(value.as_str()?).ok()
}

/// JSON equality with numbers by value.
fn same_json(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(_), Value::Number(_)) => number(a).is_some_and(|a| number(b) == Some(a)),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same_json(a, b)))
        }
        _ => a == b,
    }
}

/// The pairs of `[{"HTTPS":443},{"HTTPS":8443}]`, numbers by value.
fn pairs(value: &Value) -> Option<std::collections::BTreeSet<(String, String)>> {
    let objects: Vec<serde_json::Map<String, Value>> = serde_json::from_str(value.as_str()?).ok()?;
    Some(objects.into_iter().flatten().map(|(name, value)| (name, value.to_string())).collect())
}

fn parts(value: &Value) -> Option<std::collections::BTreeSet<&str>> {
    Some(value.as_str()?.split(',').map(str::trim).filter(|part| !part.is_empty()).collect())
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        Value::String(_) | Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Seconds of `"1m30s"`, `"90s"`, `"90"` or `90`.
fn seconds(value: &Value) -> Option<f64> {
    if let Some(plain) = number(value) {
        return Some(plain);
    }
    let mut rest = value.as_str()?.trim();
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (count, after) = rest.split_at_checked(digits)?;
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(letters)?;
        let factor = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        total += count.parse::<f64>().ok()? * factor;
        rest = after;
    }
    Some(total)
}

fn pem_blocks(value: &Value) -> Option<Vec<Vec<u8>>> {
    let text = value.as_str()?;
    let decoded;
    let bytes = if text.contains("-----BEGIN") {
        text.as_bytes()
    } else {
        decoded = STANDARD.decode(text.trim()).ok()?;
        &decoded
    };
    let mut rest: &[u8] = bytes;
    let mut blocks = Vec::new();
    while let Ok(Some((_, der))) = pem::from_buf(&mut rest) {
        blocks.push(der);
    }
    // A chain's first certificate is the server's; the order of the others means nothing.
    blocks.get_mut(1..).unwrap_or_default().sort_unstable();
    (!blocks.is_empty()).then_some(blocks)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Table;

    impl Meaning for Table {
        fn default_of(&self, path: &FieldPath) -> Option<Value> {
            path.is(&["spec", "idleTimeout"]).then(|| json!(15))
        }

        fn zero_is_legal(&self, path: &FieldPath) -> bool {
            path.is(&["spec", "gzipEnabled"]) || path.is(&["switch"])
        }

        fn compare(&self, path: &FieldPath) -> Compare {
            match path.fields().as_slice() {
                ["json"] => Compare::JsonText,
                ["set"] => Compare::UnorderedSet,
                ["comma"] => Compare::CommaSet,
                ["number"] => Compare::Number,
                ["host"] => Compare::IgnoreCase,
                ["wait"] => Compare::Duration,
                ["flag"] => Compare::Boolean,
                ["pem"] => Compare::Pem,
                ["networks"] => Compare::Networks,
                ["first"] => Compare::FirstAndOthers,
                ["switch"] => Compare::WholeObject,
                ["read"] => Compare::AsRead,
                _ => Compare::Exact,
            }
        }

        fn read(&self, path: &FieldPath, text: &str) -> Option<Value> {
            path.is(&["read"]).then(|| json!(text.len()))
        }
    }

    fn eq(live: &Value, ours: &Value) -> bool {
        equal(Some(live), Some(ours), &FieldPath::root(), &Table)
    }

    #[test]
    fn each_comparison_accepts_other_spellings_and_no_other_value() {
        let pem_text = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
        let other_pem = "-----BEGIN CERTIFICATE-----\nAQIE\n-----END CERTIFICATE-----\n";
        for (field, a, b, other) in [
            ("json", json!("[{\"HTTPS\": 443}]\n"), json!("[{\"HTTPS\":443}]"), json!("[{\"HTTP\":443}]")),
            ("set", json!(["a", "b"]), json!(["b", "a", "a"]), json!(["a"])),
            ("comma", json!("c1, c2"), json!("c2,c1"), json!("c1")),
            ("number", json!("80"), json!(80), json!("81")),
            ("host", json!("A.example"), json!("a.Example"), json!("b.example")),
            ("wait", json!("1m30s"), json!(90), json!("91s")),
            ("flag", json!("True"), json!(true), json!("false")),
            ("pem", json!(format!("\n{pem_text}")), json!(STANDARD.encode(pem_text)), json!(other_pem)),
            ("read", json!("abc"), json!("xyz"), json!("abcd")),
            ("plain", json!(1), json!(1.0), json!(2)),
            (
                "networks",
                json!(["10.0.0.1", "2001:DB8::/32"]),
                json!("2001:db8::/32; 10.0.0.1/32"),
                json!("10.0.0.1/24"),
            ),
            (
                "first",
                json!([{"a": 1}, {"a": 2}, {"a": 3}]),
                json!([{"a": 1}, {"a": 3}, {"a": 2}]),
                json!([{"a": 2}, {"a": 1}, {"a": 3}]),
            ),
            ("list", json!([{"a": 1, "b": null}]), json!([{"a": 1}]), json!([{"a": 1}, {"a": 2}])),
            (
                "list",
                json!([{"a": {"b": ["x"], "c": 0}}]),
                json!([{"a": {"b": ["x"]}}]),
                json!([{"a": {"b": ["x"]}, "d": 1}]),
            ),
            ("list", json!([[{"a": 1}]]), json!([[{"a": 1, "b": ""}]]), json!([[{"a": 1, "b": "more"}]])),
        ] {
            assert!(eq(&json!({ field: a }), &json!({ field: b })), "{field}: {a} means {b}");
            assert!(eq(&json!({ field: b }), &json!({ field: b })), "{field}: {b} means itself");
            assert!(!eq(&json!({ field: other }), &json!({ field: b })), "{field}: {other} is not {b}");
        }
    }

    #[test]
    fn absent_null_and_zero_mean_the_default_unless_zero_is_legal() {
        for live in [json!({}), json!({"spec": {}}), json!({"spec": null}), json!({"spec": {"idleTimeout": 0}})] {
            assert!(eq(&live, &json!({"spec": {"idleTimeout": 15}})), "{live}");
            assert!(!eq(&live, &json!({"spec": {"idleTimeout": 60}})), "{live}");
            assert!(!eq(&live, &json!({"spec": {"gzipEnabled": false}})), "false is a value there: {live}");
        }
        assert!(eq(&json!({"spec": {"gzipEnabled": false}}), &json!({"spec": {"gzipEnabled": false}})));
        assert!(eq(&json!({"spec": {"x": null, "more": [1]}}), &json!({"spec": {"x": {"y": "", "z": []}}})));
    }

    #[test]
    fn an_empty_label_is_a_label() {
        for map in ["labels", "annotations"] {
            let ours = json!({"metadata": {map: {"example.com/team": ""}}});
            assert!(eq(&ours, &ours));
            assert!(!eq(&json!({"metadata": {map: {"other": "x"}}}), &ours), "absent is not empty");
            assert!(!eq(&json!({}), &ours));
        }
    }

    #[test]
    fn an_object_that_is_one_value_is_there_or_not_and_says_all_of_itself() {
        let ours = json!({"switch": {"prune": false}});
        for live in [json!({"switch": {}}), json!({"switch": {"prune": false, "heal": null}})] {
            assert!(eq(&live, &ours), "{live}");
        }
        for live in
            [json!({}), json!({"switch": null}), json!({"switch": {"prune": true}}), json!({"switch": {"heal": true}})]
        {
            assert!(!eq(&live, &ours), "{live}");
        }
    }

    #[test]
    fn fields_we_do_not_set_do_not_count() {
        assert!(eq(&json!({"a": 1, "foreign": {"deep": true}}), &json!({"a": 1})));
        assert!(!eq(&json!({"foreign": 1}), &json!({"a": 1})));
    }
}
