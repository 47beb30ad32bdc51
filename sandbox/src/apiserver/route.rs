//! Request lines: which resource, which verb, which parameters.

use http::Method;
use percent_encoding::percent_decode_str;

/// Decoded query parameters, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(pub(crate) Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Query {
        let decode = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Query(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (decode(name), decode(value)))
                .collect(),
        )
    }

    /// The first value of a parameter, or the empty string.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }

    /// A switch: its first value counts, and anything but `false` and `0` is on, nothing at all as well.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.has(name) && !matches!(self.get(name).to_ascii_lowercase().as_str(), "false" | "0")
    }

    /// Whether a parameter is there, whatever it says.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }
}

/// What a path stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) resource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) subresource: String,
}

/// Reads a resource path; `None` for discovery and everything else.
pub(crate) fn place(path: &str) -> Option<Place> {
    let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let parts: Vec<String> = path.trim_matches('/').split('/').map(decode).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (group, version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return None,
    };
    let mut place = Place { group: group.to_owned(), version: version.to_owned(), ..Place::default() };
    let rest = match rest {
        ["namespaces", namespace, resource, ..] if !matches!(*resource, "status" | "finalize") => {
            place.namespace = (*namespace).to_owned();
            rest.get(2..).unwrap_or_default()
        }
        _ => rest,
    };
    match rest {
        [resource] => place.resource = (*resource).to_owned(),
        [resource, name] => {
            place.resource = (*resource).to_owned();
            place.name = (*name).to_owned();
        }
        [resource, name, subresource] => {
            place.resource = (*resource).to_owned();
            place.name = (*name).to_owned();
            place.subresource = (*subresource).to_owned();
        }
        _ => return None,
    }
    Some(place)
}

/// The API verb of a request to a resource.
pub(crate) fn verb(method: &Method, place: &Place, query: &Query) -> &'static str {
    let named = !place.name.is_empty();
    match *method {
        Method::GET | Method::HEAD if query.is_set("watch") => "watch",
        Method::GET | Method::HEAD if named => "get",
        Method::GET | Method::HEAD => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if named => "delete",
        Method::DELETE => "deletecollection",
        _ => "",
    }
}
