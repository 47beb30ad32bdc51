//! A request as it came over the wire, and the encodings its signature is made of.
//!
//! Pure. Facts: the public description of signature version 3 (percent-encoding of UTF-8 bytes, unreserved characters
//! `A-Z a-z 0-9 - _ . ~`, upper-case hex).

/// A request, undecoded.
#[derive(Clone, Debug, Default)]
pub struct WireRequest {
    /// The method in upper case.
    pub method: String,
    /// The path as sent.
    pub path: String,
    /// The query as sent, without the question mark.
    pub query: String,
    /// Headers in the order sent, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl WireRequest {
    /// The first header of that lower-case name, trimmed.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.trim())
    }

    /// All values of a header, sorted and joined with commas as the canonical headers want them.
    pub fn joined_header(&self, name: &str) -> Option<String> {
        let mut values: Vec<&str> =
            self.headers.iter().filter(|(candidate, _)| candidate == name).map(|(_, value)| value.trim()).collect();
        values.sort_unstable();
        (!values.is_empty()).then(|| values.join(","))
    }

    /// The decoded query pairs in the order sent.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        decode_pairs(&self.query)
    }

    /// The decoded pairs of a form body; empty for any other kind of body.
    pub fn form_pairs(&self) -> Vec<(String, String)> {
        let is_form = self
            .header("content-type")
            .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded"));
        if is_form { decode_pairs(&String::from_utf8_lossy(&self.body)) } else { Vec::new() }
    }

    /// The decoded segments of the path.
    pub fn path_segments(&self) -> Vec<String> {
        self.path.trim_start_matches('/').split('/').map(|segment| decode(segment, false)).collect()
    }
}

/// Percent-encodes as the signature does.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            other => {
                encoded.push('%');
                encoded.push_str(&hex::encode_upper([other]));
            }
        }
    }
    encoded
}

/// Undoes percent-encoding; in queries and forms a plus sign is a space.
pub fn decode(text: &str, plus_is_space: bool) -> String {
    let with_spaces = if plus_is_space { text.replace('+', " ") } else { text.to_owned() };
    percent_encoding::percent_decode_str(&with_spaces).decode_utf8_lossy().into_owned()
}

fn decode_pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name, true), decode(value, true))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_keeps_the_unreserved_and_escapes_the_rest() {
        assert_eq!(encode("a b*c~d/+测"), "a%20b%2Ac~d%2F%2B%E6%B5%8B");
        assert_eq!(decode("a+b%2B", true), "a b+");
        assert_eq!(decode("a+b", false), "a+b");
    }

    #[test]
    fn pairs_without_a_value_and_form_bodies_are_read() {
        let request = WireRequest {
            query: "b=&a&Tag.1.Key=x%20y".to_owned(),
            headers: vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())],
            body: b"Name=fleet+1".to_vec(),
            ..WireRequest::default()
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(request.query_pairs(), [pair("b", ""), pair("a", ""), pair("Tag.1.Key", "x y")]);
        assert_eq!(request.form_pairs(), [pair("Name", "fleet 1")]);
    }
}
