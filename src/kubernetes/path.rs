//! Paths into an object, with list elements named by their keys.

use std::fmt;

use serde_json::Value;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// A field of an object or a key of a map.
    Field(String),
    /// The element of a list whose key fields have these values.
    Element(Vec<(String, Value)>),
}

/// A path from the root of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldPath(Vec<Segment>);

impl FieldPath {
    /// The object itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// A path of fields.
    pub fn of<'a>(fields: impl IntoIterator<Item = &'a str>) -> Self {
        Self(fields.into_iter().map(|field| Segment::Field(field.to_owned())).collect())
    }

    /// This path and one more field.
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        self.with(Segment::Field(name.to_owned()))
    }

    /// This path and one element of the list there.
    #[must_use]
    pub fn element(&self, key: Vec<(String, Value)>) -> Self {
        self.with(Segment::Element(key))
    }

    fn with(&self, segment: Segment) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }

    /// The steps.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The fields of the path without the elements between them: what a [`Meaning`](super::Meaning) decides on, as it
    /// holds for every element of a list.
    pub fn fields(&self) -> Vec<&str> {
        self.0
            .iter()
            .filter_map(|segment| match segment {
                Segment::Field(name) => Some(name.as_str()),
                Segment::Element(_) => None,
            })
            .collect()
    }

    /// Whether the fields of the path are exactly these.
    pub fn is(&self, fields: &[&str]) -> bool {
        self.fields() == fields
    }

    /// The value there, in an object of plain fields and keyed elements.
    pub fn get<'a>(&self, root: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(root, |value, segment| match segment {
            Segment::Field(name) => value.get(name),
            Segment::Element(key) => value
                .as_array()?
                .iter()
                .find(|element| key.iter().all(|(name, wanted)| element.get(name) == Some(wanted))),
        })
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Field(name) if name.contains(['.', '/']) => write!(f, "[\"{name}\"]")?,
                Segment::Field(name) if index == 0 => f.write_str(name)?,
                Segment::Field(name) => write!(f, ".{name}")?,
                Segment::Element(key) => {
                    f.write_str("[")?;
                    for (index, (name, value)) in key.iter().enumerate() {
                        let comma = if index == 0 { "" } else { "," };
                        match value {
                            Value::String(text) => write!(f, "{comma}{name}={text}")?,
                            other => write!(f, "{comma}{name}={other}")?,
                        }
                    }
                    f.write_str("]")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_reads_as_people_write_it_and_finds_its_value() {
        let object = json!({"spec": {"listeners": [{"port": 8001, "protocol": "HTTP"},
            {"port": 443, "protocol": "HTTPS", "idleTimeout": 60}]}});
        let path = FieldPath::of(["spec", "listeners"])
            .element(vec![("port".into(), json!(443)), ("protocol".into(), json!("HTTPS"))])
            .field("idleTimeout");
        assert_eq!(path.to_string(), "spec.listeners[port=443,protocol=HTTPS].idleTimeout");
        assert_eq!(path.get(&object), Some(&json!(60)));
        assert!(path.is(&["spec", "listeners", "idleTimeout"]));
        assert_eq!(FieldPath::of(["metadata", "annotations", "a.b/c"]).to_string(), "metadata.annotations[\"a.b/c\"]");
    }
}
