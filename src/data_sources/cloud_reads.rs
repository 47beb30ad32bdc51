//! What data sources of the cloud share: the limits of a call, which Fleet is meant, and how filters compare.

use std::collections::BTreeMap;

use crate::clients::Clients;
use crate::cloud::{CallContext, FleetId};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::Attr;
use crate::framework::path::Path;
use crate::framework::resource::Context;
use crate::framework::schema::{Attribute, Problem};
use crate::framework::value::Value;

/// A call of a read: an interrupt ends it, and the retries have limits of their own.
pub(super) fn call_context(cx: &Context) -> CallContext {
    CallContext::new(cx.cancel.clone())
}

/// The configured Fleet, else the provider's.
///
/// # Errors
/// If neither is set.
pub(super) fn fleet_id(configured: &Attr<String>, clients: &Clients) -> Result<FleetId, Diagnostics> {
    let chosen = configured.known().or(clients.settings.fleet_id.as_ref());
    chosen.map(|id| FleetId::new(id.clone())).ok_or_else(|| {
        Diagnostic::error(
            "Fleet Not Named",
            "Neither this data source nor the provider block has a fleet_id. Set one of them.",
        )
        .at(Path::attribute("fleet_id"))
        .into()
    })
}

/// `fleet_id`, which the provider's stands in for.
pub(super) fn fleet_id_attribute() -> Attribute {
    Attribute::string("fleet_id", "Fleet instance ID. Default: the provider's `fleet_id`.")
        .optional_computed()
        .check(not_empty)
}

/// A filter or ID that is given says something, in one word.
pub(super) fn not_empty(value: &Value) -> Result<(), Problem> {
    refuse(value, |text| text.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control()))
}

/// A name that is given says something; it may have spaces.
pub(super) fn not_blank(value: &Value) -> Result<(), Problem> {
    refuse(value, |text| text.trim().is_empty())
}

fn refuse(value: &Value, wrong: impl Fn(&str) -> bool) -> Result<(), Problem> {
    match value.as_str() {
        Some(text) if wrong(text) => Err(Problem::new(
            "Invalid Filter",
            format!(
                "{text:?} can match nothing. Write the value to look for, without spaces around it, or leave the filter out."
            ),
        )),
        _ => Ok(()),
    }
}

/// Whether a value passes a filter that may not be set.
pub(super) fn passes(filter: &Attr<String>, value: Option<&str>) -> bool {
    filter.known().is_none_or(|wanted| value == Some(wanted.as_str()))
}

/// Whether a value is one of a set that may not be given.
pub(super) fn is_among(filter: &Attr<Vec<Attr<String>>>, value: &str) -> bool {
    filter.known().is_none_or(|wanted| wanted.iter().any(|one| one.known().is_some_and(|one| one == value)))
}

/// Configured tags, for a call.
pub(super) fn known_tags(tags: &Attr<BTreeMap<String, Attr<String>>>) -> BTreeMap<String, String> {
    let entries = tags.known().into_iter().flatten();
    entries.map(|(key, value)| (key.clone(), value.known().cloned().unwrap_or_default())).collect()
}

/// Configured tags, as they go into the answer.
pub(super) fn echoed_tags(tags: Attr<BTreeMap<String, Attr<String>>>) -> Option<BTreeMap<String, Option<String>>> {
    tags.into_known().map(|tags| tags.into_iter().map(|(key, value)| (key, value.into_known())).collect())
}

/// A configured set, as it goes into the answer.
pub(super) fn echoed_set(set: Attr<Vec<Attr<String>>>) -> Option<Vec<Option<String>>> {
    set.into_known().map(|set| set.into_iter().map(Attr::into_known).collect())
}

/// Texts as elements of an answer.
pub(super) fn texts<T: ToString>(all: impl IntoIterator<Item = T>) -> Option<Vec<String>> {
    Some(all.into_iter().map(|one| one.to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_not_set_lets_everything_pass() {
        let known = |text: &str| Attr::Known(text.to_owned());
        assert!(passes(&Attr::Null, None) && passes(&Attr::Null, Some("a")));
        assert!(passes(&known("a"), Some("a")) && !passes(&known("a"), Some("b")) && !passes(&known("a"), None));
        assert!(is_among(&Attr::Null, "a"));
        let set = Attr::Known(vec![known("a"), known("b")]);
        assert!(is_among(&set, "b") && !is_among(&set, "c"));
        assert!(!is_among(&Attr::Known(Vec::new()), "a"), "an empty set lets nothing pass");
    }

    #[test]
    fn an_empty_filter_is_refused() {
        for text in ["", " ", "a b", "a\n"] {
            assert_eq!(not_empty(&Value::string(text)).unwrap_err().summary, "Invalid Filter", "{text:?}");
        }
        assert!(not_empty(&Value::string("vpc-1")).is_ok());
        assert!(not_blank(&Value::string("a name")).is_ok() && not_blank(&Value::string(" ")).is_err());
    }
}
