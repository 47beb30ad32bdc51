//! What a provider function is: pure, typed, and answering in the host's terms.
//!
//! A function needs no configuration: hosts call it in processes that are never configured. The same arguments always give
//! the same result, or the host fails the run. It does no I/O and reads no clock.

use std::borrow::Cow;

use super::model::{Field, ShapeError};
use super::schema::Kind;
use super::types::Type;
use super::value::Value;

/// A parameter. Hosts refuse null for it and do not call the function while its argument is unknown, unless it allows them.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Name, an identifier; hosts name it in errors.
    pub name: &'static str,
    /// Type of the argument; hosts convert to it.
    pub ty: Type,
    /// Whether the argument may be null. Its Rust type is then an `Option` or an [`Attr`](super::model::Attr).
    pub allow_null: bool,
    /// Whether the argument may be unknown, or hold what is. Its Rust type is then an [`Attr`](super::model::Attr).
    pub allow_unknown: bool,
    /// Markdown.
    pub description: Cow<'static, str>,
}

impl Parameter {
    /// A parameter that must be known and set.
    pub fn new(name: &'static str, ty: Type, description: impl Into<Cow<'static, str>>) -> Self {
        Self { name, ty, allow_null: false, allow_unknown: false, description: description.into() }
    }

    /// Null may be given.
    #[must_use]
    pub fn allow_null(mut self) -> Self {
        self.allow_null = true;
        self
    }

    /// Unknown values may be given.
    #[must_use]
    pub fn allow_unknown(mut self) -> Self {
        self.allow_unknown = true;
        self
    }
}

/// How a function is called, and what it says of itself.
#[derive(Clone, Debug)]
pub struct Signature {
    /// One line of plain text, without a full stop.
    pub summary: &'static str,
    /// Markdown.
    pub description: Cow<'static, str>,
    /// Parameters, in order.
    pub parameters: Vec<Parameter>,
    /// The parameter that takes all further arguments.
    pub variadic: Option<Parameter>,
    /// What it returns; attributes are declared as those of a schema, for the docs.
    pub returns: Kind,
}

impl Signature {
    /// The parameter that an argument is for.
    #[must_use]
    pub fn parameter(&self, index: usize) -> Option<&Parameter> {
        self.parameters.get(index).or(self.variadic.as_ref())
    }

    /// Counts arguments and refuses null where it may not be. `false`: one of them is not known yet, and neither is the result;
    /// a host answers that itself, without a call.
    fn ready(&self, arguments: &[Value]) -> Result<bool, FunctionError> {
        let (given, wanted) = (arguments.len(), self.parameters.len());
        if given < wanted || (given > wanted && self.variadic.is_none()) {
            let least = if self.variadic.is_some() { "at least " } else { "" };
            return Err(FunctionError::new(format!("{given} arguments were given instead of {least}{wanted}")));
        }
        let mut known = true;
        for (index, argument) in arguments.iter().enumerate() {
            let Some(parameter) = self.parameter(index) else { continue };
            if argument.is_null() && !parameter.allow_null {
                return Err(FunctionError::new("it must not be null").at(index));
            }
            known &= parameter.allow_unknown || argument.is_wholly_known();
        }
        Ok(known)
    }
}

/// Why a call has no result. Hosts put the text into a sentence of their own: it begins with a small letter where that reads
/// well, says what is wrong and what to give instead, and has no full stop at its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct FunctionError {
    /// What is wrong.
    pub text: String,
    /// The argument to blame, from 0, if one is.
    pub argument: Option<usize>,
}

impl FunctionError {
    /// An error of no argument in particular.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), argument: None }
    }

    /// Blames an argument, from 0.
    #[must_use]
    pub fn at(mut self, argument: usize) -> Self {
        self.argument = Some(argument);
        self
    }
}

/// A provider function.
pub trait Function: Send + Sync + 'static {
    /// Name, without the provider's prefix.
    const NAME: &'static str;
    /// The arguments: a tuple of fields, the last of which may be [`Variadic`].
    type Arguments: Arguments;
    /// The result.
    type Return: Field;

    /// The signature. Its parameters are those of `Arguments`, in order.
    fn signature() -> Signature;

    /// Calls it.
    ///
    /// # Errors
    /// If there is no result for these arguments.
    fn call(arguments: Self::Arguments) -> Result<Self::Return, FunctionError>;
}

/// All arguments from its place on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variadic<T>(pub Vec<T>);

/// Arguments as Rust values.
pub trait Arguments: Sized {
    /// Parameters before the variadic one, and whether there is one, for the test that compares them with the signature.
    const SHAPE: (usize, bool);

    /// Reads them.
    ///
    /// # Errors
    /// If one has another shape. The signature's types make that impossible for arguments from the wire.
    fn read(values: &[Value]) -> Result<Self, FunctionError>;
}

fn argument<T: Field>(values: &[Value], index: usize) -> Result<T, FunctionError> {
    let value = values.get(index).unwrap_or(&Value::Null);
    T::from_value(value).map_err(|ShapeError { path, expected }| {
        let inside = if path.is_root() { String::new() } else { format!("{path}: ") };
        FunctionError::new(format!("{inside}it must be {expected}")).at(index)
    })
}

fn rest<T: Field>(values: &[Value], from: usize) -> Result<Variadic<T>, FunctionError> {
    (from..values.len()).map(|index| argument(values, index)).collect::<Result<_, _>>().map(Variadic)
}

impl<A: Field> Arguments for (A,) {
    const SHAPE: (usize, bool) = (1, false);

    fn read(values: &[Value]) -> Result<Self, FunctionError> {
        Ok((argument(values, 0)?,))
    }
}

impl<A: Field, B: Field> Arguments for (A, B) {
    const SHAPE: (usize, bool) = (2, false);

    fn read(values: &[Value]) -> Result<Self, FunctionError> {
        Ok((argument(values, 0)?, argument(values, 1)?))
    }
}

impl<V: Field> Arguments for (Variadic<V>,) {
    const SHAPE: (usize, bool) = (0, true);

    fn read(values: &[Value]) -> Result<Self, FunctionError> {
        Ok((rest(values, 0)?,))
    }
}

impl<A: Field, V: Field> Arguments for (A, Variadic<V>) {
    const SHAPE: (usize, bool) = (1, true);

    fn read(values: &[Value]) -> Result<Self, FunctionError> {
        Ok((argument(values, 0)?, rest(values, 1)?))
    }
}

/// Calls a function with decoded arguments.
pub(super) fn call<F: Function>(signature: &Signature, arguments: &[Value]) -> Result<Value, FunctionError> {
    if !signature.ready(arguments)? {
        return Ok(Value::unknown());
    }
    F::call(F::Arguments::read(arguments)?).map(|result| result.to_value())
}
