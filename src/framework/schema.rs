//! One declaration for each attribute: it feeds the schema answer, validation, planning, docs and goldens.
//!
//! Only attributes are declared here, nested ones included; the provider uses no blocks.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::diagnostic::Diagnostics;
use super::path::Path;
use super::types::Type;
use super::value::Value;

/// What an attribute's value looks like.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A value of this type.
    Value(Type),
    /// Objects with attributes of their own.
    Nested(Nesting, Vec<Attribute>),
}

/// How nested objects are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// One object or null.
    Single,
    /// Objects in order.
    List,
    /// Objects by key.
    Map,
}

/// Who gives the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The user must.
    Required,
    /// The user may; unset stays null.
    Optional,
    /// The user may; else the provider does.
    OptionalComputed,
    /// The provider.
    Computed,
}

/// What a plan says of a value that the configuration does not give, when an update will write or wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUpdate {
    /// A known prior value stays; null becomes unknown.
    Keep,
    /// Whatever it was stays, null included: the resource's plan hook sets it.
    Hold,
    /// Unknown: an update may change it.
    Recompute,
}

/// Whether a changed value replaces the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// It is updated in place.
    Never,
    /// Any change replaces.
    OnChange,
    /// The resource's plan hook decides, from facts that the value alone does not hold.
    ByPlan,
}

/// A check of one known value. The error is a summary and a detail.
pub type Check = Arc<dyn Fn(&Value) -> Result<(), Problem> + Send + Sync>;
/// A check of one entry of a map: its key, and its value, which may be null or unknown.
pub type EntryCheck = Arc<dyn Fn(&str, &Value) -> Result<(), Problem> + Send + Sync>;
/// Equality in meaning of two known values of one attribute.
pub type Equality = fn(&Value, &Value) -> bool;

/// Why a value is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Diagnostic summary.
    pub summary: String,
    /// Diagnostic detail: what is wrong with which value, and what to write instead.
    pub detail: String,
}

impl Problem {
    /// A problem.
    pub fn new(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { summary: summary.into(), detail: detail.into() }
    }
}

/// A declared attribute.
#[derive(Clone)]
pub struct Attribute {
    /// Name, `^[a-z0-9_]+$`.
    pub name: &'static str,
    /// Value or nested objects.
    pub kind: Kind,
    /// Who gives the value.
    pub mode: Mode,
    /// Markdown for docs and the schema.
    pub description: Cow<'static, str>,
    /// Hidden in the user interface.
    pub sensitive: bool,
    /// Never in plan or state.
    pub write_only: bool,
    /// Filled in where the configuration is null; only for optional and computed ones.
    pub default: Option<Value>,
    /// A setting of this provider only: changing it touches nothing remote.
    pub local: bool,
    /// Whether and how a changed value replaces the object.
    pub replace: Replace,
    /// See [`OnUpdate`].
    pub on_update: OnUpdate,
    /// Spellings that mean the same keep the prior one.
    pub equality: Option<Equality>,
    /// Checks of the whole value.
    pub checks: Vec<Check>,
    /// Checks of each element of a list, set or map.
    pub element_checks: Vec<Check>,
    /// Checks of each entry of a map, which are about its key too.
    pub entry_checks: Vec<EntryCheck>,
    /// Deprecation text.
    pub deprecated: Option<&'static str>,
}

impl fmt::Debug for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attribute")
            .field("name", &self.name)
            .field("mode", &self.mode)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Attribute {
    fn new(name: &'static str, kind: Kind, description: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name,
            kind,
            mode: Mode::Optional,
            description: description.into(),
            sensitive: false,
            write_only: false,
            default: None,
            local: false,
            replace: Replace::Never,
            on_update: OnUpdate::Keep,
            equality: None,
            checks: Vec::new(),
            element_checks: Vec::new(),
            entry_checks: Vec::new(),
            deprecated: None,
        }
    }

    /// An optional attribute holding a value.
    pub fn value(name: &'static str, ty: Type, description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(name, Kind::Value(ty), description)
    }

    /// An optional string.
    pub fn string(name: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self::value(name, Type::String, description)
    }

    /// An optional bool.
    pub fn bool(name: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self::value(name, Type::Bool, description)
    }

    /// An optional number.
    pub fn number(name: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self::value(name, Type::Number, description)
    }

    /// An optional nested attribute.
    pub fn nested(
        name: &'static str,
        nesting: Nesting,
        attributes: Vec<Self>,
        description: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(name, Kind::Nested(nesting, attributes), description)
    }

    /// The user must give it.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.mode = Mode::Required;
        self
    }

    /// The provider gives it.
    #[must_use]
    pub fn computed(mut self) -> Self {
        self.mode = Mode::Computed;
        self
    }

    /// The user may give it, else the provider does.
    #[must_use]
    pub fn optional_computed(mut self) -> Self {
        self.mode = Mode::OptionalComputed;
        self
    }

    /// Optional, with this value where the configuration has none. Core allows that only for optional and computed ones.
    #[must_use]
    pub fn default_value(mut self, value: Value) -> Self {
        self.mode = Mode::OptionalComputed;
        self.default = Some(value);
        self
    }

    /// A setting of this provider only.
    #[must_use]
    pub fn local(mut self) -> Self {
        self.local = true;
        self
    }

    /// A changed value replaces the object.
    #[must_use]
    pub fn replaces(mut self) -> Self {
        self.replace = Replace::OnChange;
        self
    }

    /// A changed value may replace the object: the resource's plan hook decides.
    #[must_use]
    pub fn may_replace(mut self) -> Self {
        self.replace = Replace::ByPlan;
        self
    }

    /// Hidden in the user interface.
    #[must_use]
    pub fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// Never in plan or state.
    #[must_use]
    pub fn write_only(mut self) -> Self {
        self.write_only = true;
        self.sensitive = true;
        self
    }

    /// Sets [`OnUpdate`].
    #[must_use]
    pub fn on_update(mut self, on_update: OnUpdate) -> Self {
        self.on_update = on_update;
        self
    }

    /// Spellings for which `equality` holds keep the prior one.
    #[must_use]
    pub fn same_if(mut self, equality: Equality) -> Self {
        self.equality = Some(equality);
        self
    }

    /// Checks the whole value.
    #[must_use]
    pub fn check(mut self, check: impl Fn(&Value) -> Result<(), Problem> + Send + Sync + 'static) -> Self {
        self.checks.push(Arc::new(check));
        self
    }

    /// Checks each element.
    #[must_use]
    pub fn check_each(mut self, check: impl Fn(&Value) -> Result<(), Problem> + Send + Sync + 'static) -> Self {
        self.element_checks.push(Arc::new(check));
        self
    }

    /// Checks each entry of a map.
    #[must_use]
    pub fn check_entries(
        mut self,
        check: impl Fn(&str, &Value) -> Result<(), Problem> + Send + Sync + 'static,
    ) -> Self {
        self.entry_checks.push(Arc::new(check));
        self
    }

    /// Marks it deprecated, saying what to use instead.
    #[must_use]
    pub fn deprecated(mut self, text: &'static str) -> Self {
        self.deprecated = Some(text);
        self
    }

    /// The same attribute as something that is only read: computed at every depth, with neither defaults nor checks. Its
    /// description stays.
    #[must_use]
    pub fn observed(self) -> Self {
        let kind = match self.kind {
            Kind::Nested(nesting, attributes) => {
                Kind::Nested(nesting, attributes.into_iter().map(Self::observed).collect())
            }
            value @ Kind::Value(_) => value,
        };
        Self { sensitive: self.sensitive, ..Self::new(self.name, kind, self.description).computed() }
    }

    /// Whether the provider may give a value.
    #[must_use]
    pub const fn is_computed(&self) -> bool {
        matches!(self.mode, Mode::Computed | Mode::OptionalComputed)
    }

    /// Whether the user may give a value.
    #[must_use]
    pub const fn is_configurable(&self) -> bool {
        !matches!(self.mode, Mode::Computed)
    }

    /// The type of its value.
    #[must_use]
    pub fn ty(&self) -> Type {
        self.kind.ty()
    }
}

impl Kind {
    /// The type of a value of this kind.
    #[must_use]
    pub fn ty(&self) -> Type {
        match self {
            Self::Value(ty) => ty.clone(),
            Self::Nested(nesting, attributes) => {
                let object = object_type(attributes);
                match nesting {
                    Nesting::Single => object,
                    Nesting::List => Type::list(object),
                    Nesting::Map => Type::map(object),
                }
            }
        }
    }
}

fn object_type(attributes: &[Attribute]) -> Type {
    Type::Object(attributes.iter().map(|attribute| (attribute.name.to_owned(), attribute.ty())).collect())
}

/// The shape of a resource, data source or provider configuration.
#[derive(Clone, Debug)]
pub struct Schema {
    /// Version of the state it describes, from 0.
    pub version: i64,
    /// Markdown: what the thing is.
    pub description: Cow<'static, str>,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
}

impl Schema {
    /// Version 0.
    pub fn new(description: impl Into<Cow<'static, str>>, attributes: Vec<Attribute>) -> Self {
        Self { version: 0, description: description.into(), attributes }
    }

    /// The object type of the whole.
    #[must_use]
    pub fn ty(&self) -> Type {
        object_type(&self.attributes)
    }

    /// The object with every attribute null.
    #[must_use]
    pub fn null_object(&self) -> Value {
        Value::Map(self.attributes.iter().map(|attribute| (attribute.name.to_owned(), Value::Null)).collect())
    }

    /// A top-level attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// Runs every check on every known value. Unknown values are never a problem here, null only where a value is
    /// required: core refuses a left-out argument itself, but lets one through that is null, such as an unset variable.
    #[must_use]
    pub fn check(&self, value: &Value) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        visit(&self.attributes, value, &Path::root(), &mut |path, attribute, value| {
            if attribute.mode == Mode::Required && value.is_null() {
                diagnostics.error(
                    path.clone(),
                    "Missing Required Value",
                    format!(
                        "{path} is required, but its value is null. Give it a value; if it comes from a variable or an output, \
                         look why that is null."
                    ),
                );
            }
            check_attribute(path, attribute, value, &mut diagnostics);
        });
        diagnostics
    }

    /// Calls `visitor` for each attribute of each object in `value`, parents first.
    pub fn visit(&self, value: &Value, visitor: &mut dyn FnMut(&Path, &Attribute, &Value)) {
        visit(&self.attributes, value, &Path::root(), visitor);
    }
}

fn check_attribute(path: &Path, attribute: &Attribute, value: &Value, diagnostics: &mut Diagnostics) {
    for check in &attribute.entry_checks {
        for (key, element) in value.as_map().into_iter().flatten() {
            if let Err(problem) = check(key, element) {
                diagnostics.error(path.key(key), problem.summary, problem.detail);
            }
        }
    }
    let mut run = |checks: &[Check], path: &Path, value: &Value| {
        if value.is_null() || value.is_unknown() {
            return;
        }
        for problem in checks.iter().filter_map(|check| check(value).err()) {
            diagnostics.error(path.clone(), problem.summary, problem.detail);
        }
    };
    run(&attribute.checks, path, value);
    if attribute.element_checks.is_empty() {
        return;
    }
    match (value, &attribute.kind) {
        // A set element has no path of its own.
        (Value::List(elements), Kind::Value(Type::Set(_))) => {
            elements.iter().for_each(|element| run(&attribute.element_checks, path, element));
        }
        (Value::List(elements), _) => {
            for (index, element) in elements.iter().enumerate() {
                run(&attribute.element_checks, &path.index(index), element);
            }
        }
        (Value::Map(entries), _) => {
            for (key, element) in entries {
                run(&attribute.element_checks, &path.key(key), element);
            }
        }
        _ => {}
    }
}

fn visit(attributes: &[Attribute], object: &Value, path: &Path, visitor: &mut dyn FnMut(&Path, &Attribute, &Value)) {
    let Value::Map(entries) = object else { return };
    for attribute in attributes {
        let value = entries.get(attribute.name).unwrap_or(&Value::Null);
        let path = path.attr(attribute.name);
        visitor(&path, attribute, value);
        let Kind::Nested(_, nested) = &attribute.kind else { continue };
        for (path, object) in nested_objects(attribute, value, &path) {
            visit(nested, object, &path, visitor);
        }
    }
}

/// The objects held by a nested attribute, with their paths.
pub(crate) fn nested_objects<'v>(attribute: &Attribute, value: &'v Value, path: &Path) -> Vec<(Path, &'v Value)> {
    match (&attribute.kind, value) {
        (Kind::Nested(Nesting::Single, _), Value::Map(_)) => vec![(path.clone(), value)],
        (Kind::Nested(Nesting::List, _), Value::List(elements)) => {
            elements.iter().enumerate().map(|(index, element)| (path.index(index), element)).collect()
        }
        (Kind::Nested(Nesting::Map, _), Value::Map(entries)) => {
            entries.iter().map(|(key, element)| (path.key(key), element)).collect()
        }
        _ => Vec::new(),
    }
}

/// One attribute of a resource identity. All of ours are strings.
#[derive(Clone, Copy, Debug)]
pub struct IdentityAttribute {
    /// Name.
    pub name: &'static str,
    /// Must be given to import by identity; else it may be left out.
    pub required_for_import: bool,
    /// Plain text.
    pub description: &'static str,
}

/// What identifies an object of a resource type.
#[derive(Clone, Debug)]
pub struct IdentitySchema {
    /// From 0.
    pub version: i64,
    /// Its attributes.
    pub attributes: Vec<IdentityAttribute>,
}

impl IdentitySchema {
    /// The object type of the identity.
    #[must_use]
    pub fn ty(&self) -> Type {
        Type::Object(self.attributes.iter().map(|attribute| (attribute.name.to_owned(), Type::String)).collect())
    }
}

/// The values of an identity.
pub type Identity = BTreeMap<String, String>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observed_attribute_is_only_read_at_every_depth() {
        let inner = Attribute::bool("on", "On.").default_value(Value::Bool(true)).replaces();
        let outer = Attribute::nested("thing", Nesting::Map, vec![inner], "A thing.").required();
        let observed = outer.clone().observed();
        assert_eq!((observed.mode, observed.ty()), (Mode::Computed, outer.ty()));
        let Kind::Nested(Nesting::Map, attributes) = &observed.kind else { panic!("{observed:?}") };
        assert!(attributes[0].mode == Mode::Computed && attributes[0].default.is_none());
        assert_eq!((attributes[0].replace, attributes[0].description.as_ref()), (Replace::Never, "On."));
    }

    #[test]
    fn each_entry_of_a_map_is_checked_at_its_key() {
        let attribute = Attribute::value("labels", Type::map(Type::String), "Labels.").check_entries(|key, value| {
            if key.starts_with('x') && value.as_str() != Some("ok") {
                return Err(Problem::new("Bad Entry", key));
            }
            Ok(())
        });
        let schema = Schema::new("A thing.", vec![attribute]);
        let shown = |labels: Value| {
            let told = schema.check(&Value::map([("labels", labels)]));
            told.iter().map(|one| one.path.clone().unwrap_or_default().to_string()).collect::<Vec<_>>()
        };
        let entries = |value: Value| Value::map([("xa", value.clone()), ("b", Value::Null), ("xc", value)]);
        assert_eq!(shown(entries(Value::string("no"))), ["labels[\"xa\"]", "labels[\"xc\"]"], "all of them");
        assert_eq!(shown(entries(Value::unknown())), ["labels[\"xa\"]", "labels[\"xc\"]"], "keys are known");
        assert!(shown(entries(Value::string("ok"))).is_empty());
        assert!(shown(Value::Null).is_empty() && shown(Value::unknown()).is_empty());
    }

    #[test]
    fn a_required_attribute_may_be_unknown_but_not_null() {
        let nested = vec![Attribute::string("host", "Host.").required(), Attribute::string("note", "Note.")];
        let schema = Schema::new(
            "A thing.",
            vec![
                Attribute::string("name", "Name.").required(),
                Attribute::nested("rules", Nesting::List, nested, "Rules."),
            ],
        );
        let shown = |value: &Value| {
            schema
                .check(value)
                .iter()
                .map(|d| format!("{}: {}", d.path.clone().unwrap_or_default(), d.summary))
                .collect::<Vec<_>>()
        };
        let rule = |host: Value| Value::List(vec![Value::map([("host", host), ("note", Value::Null)])]);
        let thing = |name: Value, rules: Value| Value::map([("name", name), ("rules", rules)]);
        assert_eq!(
            shown(&thing(Value::Null, rule(Value::Null))),
            ["name: Missing Required Value", "rules[0].host: Missing Required Value"]
        );
        assert!(shown(&thing(Value::unknown(), rule(Value::unknown()))).is_empty());
        assert!(shown(&thing(Value::string("a"), Value::Null)).is_empty());
    }
}
