//! The parameters of a call, read from query and form alike.
//!
//! The gateway takes each parameter from either place; one given twice with different values is refused. Names that the
//! action does not know are not refused, as the real service ignores them, but end in the call log.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::error::ApiError;
use super::wire::WireRequest;

/// Parameters that belong to the request itself (signature version 1) or that any call may carry.
const COMMON: [&str; 15] = [
    "Action",
    "Version",
    "Format",
    "AccessKeyId",
    "Signature",
    "SignatureMethod",
    "SignatureVersion",
    "SignatureNonce",
    "SignatureType",
    "Timestamp",
    "SecurityToken",
    "RegionId",
    "SourceIp",
    "SecureTransport",
    "AcceptLanguage",
];

/// Decoded parameters by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters {
    values: BTreeMap<String, String>,
}

impl Parameters {
    /// Reads query and form.
    pub(crate) fn read(request: &WireRequest) -> Result<Self, ApiError> {
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in request.query_pairs().into_iter().chain(request.form_pairs()) {
            if values.get(&name).is_some_and(|first| *first != value) {
                return Err(ApiError::invalid(&name, "it is given twice with different values."));
            }
            values.insert(name, value);
        }
        Ok(Self { values })
    }

    /// Adds a parameter that the path carries.
    pub(crate) fn insert(&mut self, name: &str, value: String) {
        self.values.insert(name.to_owned(), value);
    }

    /// Names that are neither common nor among the known ones; a known name ending in a dot stands for its family.
    pub(crate) fn unknown(&self, known: &[&str]) -> Vec<String> {
        let is_known =
            |name: &str| known.iter().any(|k| if k.ends_with('.') { name.starts_with(k) } else { *k == name });
        self.values.keys().filter(|name| !COMMON.contains(&name.as_str()) && !is_known(name)).cloned().collect()
    }

    /// All parameters but one, as one text to compare by.
    pub(crate) fn fingerprint_without(&self, name: &str) -> String {
        let rest: BTreeMap<&String, &String> = self.values.iter().filter(|(key, _)| *key != name).collect();
        serde_json::to_string(&rest).unwrap_or_default()
    }

    /// The value, unless absent or empty.
    pub(crate) fn optional(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value.
    pub(crate) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.optional(name).ok_or_else(|| ApiError::missing(name))
    }

    /// A boolean in any case, as clients differ.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.optional(name).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(ApiError::invalid(name, "it is not a boolean.")),
        }
    }

    /// A number within bounds.
    pub(crate) fn number(&self, name: &str, min: usize, max: usize) -> Result<Option<usize>, ApiError> {
        let Some(text) = self.optional(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) if (min..=max).contains(&number) => Ok(Some(number)),
            _ => Err(ApiError::invalid(name, &format!("it is not a number from {min} to {max}."))),
        }
    }

    /// A whole JSON document in one text.
    pub(crate) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ApiError> {
        let Some(text) = self.optional(name) else { return Ok(None) };
        serde_json::from_str(text)
            .map(Some)
            .map_err(|_| ApiError::invalid(name, "it is not the JSON this action takes."))
    }

    /// `Name.1`, `Name.2`, … in order of their numbers, gaps allowed.
    pub(crate) fn numbered(&self, name: &str) -> Vec<String> {
        let mut found: Vec<(usize, &String)> = self
            .values
            .iter()
            .filter_map(|(key, value)| {
                let index = key.strip_prefix(name)?.strip_prefix('.')?.parse().ok()?;
                Some((index, value))
            })
            .collect();
        found.sort();
        found.into_iter().map(|(_, value)| value.clone()).collect()
    }

    /// `Name.1.Field`, `Name.2.Field`, … as one map of fields for each number.
    pub(crate) fn objects(&self, name: &str) -> Vec<BTreeMap<String, String>> {
        let mut found: BTreeMap<usize, BTreeMap<String, String>> = BTreeMap::new();
        for (key, value) in &self.values {
            let Some(rest) = key.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')) else { continue };
            let Some((index, field)) = rest.split_once('.') else { continue };
            let Ok(index) = index.parse() else { continue };
            found.entry(index).or_default().insert(field.to_owned(), value.clone());
        }
        found.into_values().collect()
    }

    /// `Tag.N.Key` and `Tag.N.Value` as pairs; an absent value matches any.
    pub(crate) fn tags(&self) -> Vec<(String, Option<String>)> {
        self.objects("Tag")
            .into_iter()
            .filter_map(|mut tag| tag.remove("Key").map(|key| (key, tag.remove("Value").filter(|v| !v.is_empty()))))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(query: &str, form: &str) -> Result<Parameters, ApiError> {
        Parameters::read(&WireRequest {
            query: query.to_owned(),
            headers: vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())],
            body: form.as_bytes().to_vec(),
            ..WireRequest::default()
        })
    }

    #[test]
    fn query_and_form_are_one_and_contradictions_are_refused() {
        let both = parameters("A=1&F=False&E=", "B=2&A=1").unwrap();
        assert_eq!((both.required("A"), both.required("B")), (Ok("1"), Ok("2")));
        assert_eq!(both.flag("F"), Ok(Some(false)));
        assert_eq!(both.required("E").unwrap_err().code, "MissingE");
        assert_eq!(both.flag("A").unwrap_err().code, "InvalidParameter");
        assert_eq!(both.unknown(&["A", "B", "E"]), ["F"]);
        assert_eq!(parameters("A=1", "A=2").unwrap_err().code, "InvalidParameter");
    }

    #[test]
    fn numbered_values_keep_their_order_and_may_have_gaps() {
        let got = parameters("L.10=c&L.2=b&L.1=a&P.1.X=x&P.3.X=z&P.1.Y=y&Tag.1.Key=k", "").unwrap();
        assert_eq!(got.numbered("L"), ["a", "b", "c"]);
        let objects = got.objects("P");
        assert_eq!(objects.len(), 2);
        assert_eq!((objects[0]["Y"].as_str(), objects[1]["X"].as_str()), ("y", "z"));
        assert_eq!(got.tags(), [("k".to_owned(), None)]);
        assert_eq!(parameters("J=[\"a\"]", "").unwrap().json::<Vec<String>>("J"), Ok(Some(vec!["a".to_owned()])));
        assert_eq!(parameters("J=[a]", "").unwrap().json::<Vec<String>>("J").unwrap_err().code, "InvalidParameter");
    }
}
